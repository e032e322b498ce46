//! The names by which a trained run, its model files and their readers understand each other.
//!
//! Each stands here once: the trainer writes by them, `export` and the runtime read by them. Another name is another
//! format: older files are then not read.

/// Graphs of a model file.
pub mod graph {
    /// Image to rotation, class and both halves of the features.
    pub const ENCODE: &str = "encode";
    /// Features and what is done to the object, to the features after it.
    pub const PREDICT_LATENT: &str = "predict_latent";
}

/// Inputs of graphs.
pub mod input {
    /// The image of [`ENCODE`](super::graph::ENCODE), `u8 [height, width, 3]`, RGB.
    pub const IMAGE: &str = "image";
    /// What is done to the object, for [`PREDICT_LATENT`](super::graph::PREDICT_LATENT), `f32 [width]`. Its other inputs
    /// are called as the outputs of `encode` that they take.
    pub const CONDITION: &str = "condition";
}

/// Outputs of graphs, one row an image.
pub mod output {
    /// `camera_from_object` as a unit quaternion, `f32 [4]`, order w, x, y, z.
    pub const ROTATION_WXYZ: &str = "rotation_wxyz";
    /// A number for each class, before softmax, `f32 [classes]`.
    pub const CLASS_LOGITS: &str = "class_logits";
    /// The half of the features that does not change when the object turns, `f32 [half]`.
    pub const INVARIANT: &str = "invariant";
    /// The half of the features that turns with the object, `f32 [half]`.
    pub const EQUIVARIANT: &str = "equivariant";
    /// How the names of outputs start that say what was done to the image; the name of the transformation follows, such as
    /// `quarter-turns`. A number for each of its classes, before softmax, `f32 [classes]`.
    pub const TRANSFORMATION_LOGITS: &str = "transformation_logits.";
    /// Whether an output says what a reader of `encode` knows.
    pub fn is_of_encode(name: &str) -> bool {
        [ROTATION_WXYZ, CLASS_LOGITS, INVARIANT, EQUIVARIANT].contains(&name) || transformation(name).is_some()
    }

    /// The transformation that an output of that name tells of; `None` for other outputs.
    pub fn transformation(name: &str) -> Option<&str> {
        name.strip_prefix(TRANSFORMATION_LOGITS).filter(|transformation| !transformation.is_empty())
    }

    /// Of `predict_latent`: the embedding of the features given, `f32 [embedding]`.
    pub const EMBEDDING: &str = "embedding";
    /// Of `predict_latent`: the embedding that is expected after the condition, `f32 [embedding]`.
    pub const PREDICTED_EMBEDDING: &str = "predicted_embedding";
}

/// Keys of a model file's metadata; `docs/model-format.md` has their values.
pub mod metadata {
    /// What the run was called.
    pub const NAME: &str = "name";
    /// The method that trained it.
    pub const METHOD: &str = "method";
    /// JSON array, in the order of the class logits.
    pub const CLASS_NAMES: &str = "class_names";
    /// JSON object from class to symmetry group.
    pub const CLASS_SYMMETRY: &str = "class_symmetry";
    /// JSON object from each transformation that is predicted to an array of its classes' names, in the order of its logits.
    pub const TRANSFORMATIONS: &str = "transformations";
    /// Rows and columns of an image.
    pub const IMAGE_SIZE: &str = "image_size";
    /// Type and order of an image's bytes.
    pub const IMAGE_LAYOUT: &str = "image_layout";
    /// How a picture becomes an image of that size.
    pub const RESIZE: &str = "resize";
    /// How much of the image is seen: `whole`, as where it is absent, or `circle`.
    pub const VISIBLE: &str = "visible";
    /// `C4` or `D4`, the [`crate::plane_group::PlaneGroup`] that the halves follow whatever the weights; absent where they follow none.
    pub const EQUIVARIANT_TO: &str = "equivariant_to";
    /// JSON array of three: subtracted from pixels in 0..1.
    pub const NORMALIZE_MEAN: &str = "normalize_mean";
    /// JSON array of three: pixels are divided by these after that.
    pub const NORMALIZE_STD: &str = "normalize_std";
    /// Numbers of the weights and maps: absent for float32.
    pub const PRECISION: &str = "precision";
    /// What the rotation takes to what.
    pub const ROTATION_FRAME: &str = "rotation_frame";
    /// Order of a quaternion's numbers.
    pub const ROTATION_CONVENTION: &str = "rotation_convention";
    /// Where the camera's axes point.
    pub const CAMERA_AXES: &str = "camera_axes";
    /// Order and unit of Euler angles.
    pub const EULER_ORDER: &str = "euler_order";
    /// Axes and origin of the object's coordinates.
    pub const OBJECT_FRAME: &str = "object_frame";
    /// JSON object: where the camera stood that made the images the model was trained on.
    pub const CAMERA_POSE: &str = "camera_pose";
}

/// Files of a run's folder.
pub mod run_folder {
    /// The configuration, without which a folder holds no run.
    pub const CONFIG: &str = "config.toml";
    /// One JSON object a line.
    pub const METRICS: &str = "metrics.jsonl";
    /// The lines that were shown.
    pub const LOG: &str = "log.txt";
    /// How the names of TensorBoard's files start.
    pub const EVENTS_PREFIX: &str = "events.out.tfevents.";
    /// The figures on held-out objects.
    pub const EVALUATION: &str = "evaluation.json";
    /// How the names of figures of other checkpoints and deployed files start; they end in `.json`.
    pub const EVALUATION_PREFIX: &str = "evaluation-";
    /// Curves, tables and pictures.
    pub const REPORT: &str = "report.html";
    /// Held while a process writes the run.
    pub const LOCK: &str = ".lock";
    /// Folder of the checkpoints.
    pub const CHECKPOINTS: &str = "checkpoints";
    /// In it the folder of the newest checkpoint.
    pub const CHECKPOINT_LAST: &str = "last";
    /// In it the folder of the checkpoint with the best online probes.
    pub const CHECKPOINT_BEST: &str = "best";
    /// The deployable network, float32.
    pub const MODEL: &str = "model.sxt";
    /// Another float32 form of it, such as one with its first layers in stripes.
    pub const MODEL_FLOAT32: &str = "model-float32.sxt";
    /// The network in eight bits.
    pub const MODEL_INT8: &str = "model-int8.sxt";
    /// The network as ONNX.
    pub const ONNX: &str = "model.onnx";
    /// The graph `predict_latent` as ONNX.
    pub const ONNX_PREDICT_LATENT: &str = "predict_latent.onnx";
    /// The network in eight bits as ONNX.
    pub const ONNX_INT8: &str = "model-int8.onnx";
    /// Images and the trainer's own outputs on them.
    pub const GOLDEN: &str = "golden.safetensors";
    /// Images for the quantiser.
    pub const CALIBRATION: &str = "calibration.safetensors";
    /// The tensor of images in those two, `u8 [n, height, width, 3]`; the others of
    /// [`GOLDEN`] are called as the outputs.
    pub const IMAGES_TENSOR: &str = "images";
    /// The encoder's weights alone, for runs that begin with them.
    pub const ENCODER: &str = "encoder.safetensors";
    /// Folder for a firmware project, where one is kept with its run.
    pub const FIRMWARE: &str = "firmware";

    /// All files of fixed names that the three commands leave in a run's folder by themselves. [`CONFIG`] stands first:
    /// whoever deletes a run deletes it first, so that no half of one is ever taken for a run.
    pub const FILES: [&str; 14] = [
        CONFIG,
        METRICS,
        MODEL,
        MODEL_FLOAT32,
        MODEL_INT8,
        ONNX,
        ONNX_PREDICT_LATENT,
        ONNX_INT8,
        GOLDEN,
        CALIBRATION,
        ENCODER,
        EVALUATION,
        REPORT,
        LOG,
    ];

    /// Whether a file of that name belongs to a run, of whatever step or host.
    pub fn is_of_run(name: &str) -> bool {
        let is_evaluation = name.starts_with(EVALUATION_PREFIX) && name.ends_with(".json");
        FILES.contains(&name) || name.starts_with(EVENTS_PREFIX) || is_evaluation
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn files_of_a_run_are_known_by_their_names() {
            let cases = [
                (MODEL_INT8, true),
                ("events.out.tfevents.1700000000.host.0", true),
                ("evaluation.json", true),
                ("evaluation-best.json", true),
                ("evaluation-notes.txt", false),
                ("notes.txt", false),
                ("my-model.sxt", false),
            ];
            for (name, is_known) in cases {
                assert_eq!(is_of_run(name), is_known, "{name}");
            }
            assert_eq!(FILES[0], CONFIG);
        }
    }
}

/// Files of a firmware project's model folder.
pub mod firmware_folder {
    /// The folder in the project.
    pub const FOLDER: &str = "model";
    /// The model file.
    pub const MODEL: &str = "model.sxt";
    /// Golden frames: images, then the answers to them.
    pub const GOLDEN: &str = "golden.bin";
    /// Rust constants; written last, so that a folder that has it is whole.
    pub const DESCRIPTION: &str = "description.rs";
}
