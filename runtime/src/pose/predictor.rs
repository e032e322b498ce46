use std::boxed::Box;
use std::iter;
use std::num::NonZeroUsize;
use std::path::Path;
use std::string::ToString;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;
use std::vec;
use std::vec::Vec;

use super::{
    Class, ClassPrediction, EncoderOutputs, OutputFault, PictureView, PoseError, PoseFault, Prediction, Timing,
    Transformation, classes, transformation,
};
use crate::backend::{
    BackendOptions, Description, Encoder, Excess, Fault, Limits, ModelBytes, ModelOrigin, Output, Resource,
};
use crate::contract::metadata::{RESIZE, VISIBLE};
use crate::contract::output;
use crate::preprocess::{RESIZE_RULE, Visible};
use crate::rotation::SymmetryGroup;

/// How a [`Predictor`] works.
#[derive(Clone, Debug)]
pub struct PredictorOptions {
    /// What computes the model, and what it may cost: all threads together.
    pub backend: BackendOptions,
    /// Threads that [`Predictor::predict_batch`] shares pictures among. Each has memory of its own for the model's maps and
    /// packed filters. One by default.
    pub threads: NonZeroUsize,
    /// Whether predictions tell how long they took.
    pub timings: bool,
}

impl Default for PredictorOptions {
    fn default() -> Self {
        Self { backend: BackendOptions::default(), threads: NonZeroUsize::MIN, timings: false }
    }
}

/// A model, ready to say how the object in a picture is turned and what it is.
///
/// It owns all that it needs, and may move to another thread.
#[derive(Debug)]
pub struct Predictor {
    workers: Vec<Worker>,
    knowledge: Knowledge,
}

/// What all threads know of the model.
#[derive(Debug)]
struct Knowledge {
    classes: Vec<Class>,
    transformations: Vec<Transformation>,
    visible: Visible,
    timings: bool,
}

/// What one thread needs.
#[derive(Debug)]
struct Worker {
    encoder: Encoder,
    /// The image that the model takes, where a picture is not one already.
    image: Vec<u8>,
}

impl Predictor {
    /// The model of that file, `.sxt` or `.onnx`, with the default options.
    ///
    /// # Errors
    /// As [`Self::open_with`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, PoseError> {
        Self::open_with(path, &PredictorOptions::default())
    }

    /// The model of that file.
    ///
    /// # Errors
    /// When the file cannot be read or is no image encoder, none of its outputs is known, its metadata are malformed or lack the
    /// classes of a transformation, it asks for more than the limits allow, or the backend is not there.
    pub fn open_with(path: impl AsRef<Path>, options: &PredictorOptions) -> Result<Self, PoseError> {
        Self::of_model(ModelBytes::read(path.as_ref(), &options.backend)?, options)
    }

    /// The model in those bytes of a `.sxt` or `.onnx` file, with the default options.
    ///
    /// # Errors
    /// As [`Self::open_with`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PoseError> {
        Self::from_bytes_with(bytes, &PredictorOptions::default())
    }

    /// The model in those bytes.
    ///
    /// # Errors
    /// As [`Self::open_with`].
    pub fn from_bytes_with(bytes: &[u8], options: &PredictorOptions) -> Result<Self, PoseError> {
        Self::of_model(ModelBytes::copy_of(bytes, &options.backend)?, options)
    }

    /// The file is read once, whatever the number of threads.
    fn of_model(model: ModelBytes, options: &PredictorOptions) -> Result<Self, PoseError> {
        let (backend, threads) = (&options.backend, options.threads.get());
        // The last copy is the file itself.
        let mut copies = iter::repeat_n(model, threads);
        let mut next = || copies.next().map(|model| Encoder::of_model(model, backend)).transpose();
        let first = next()?.expect("there is a thread");
        let at_model = |fault| PoseError { origin: first.origin().clone(), fault };
        let knowledge = Knowledge::of(&first, options.timings).map_err(at_model)?;
        check_memory(&first, threads, &backend.limits).map_err(at_model)?;
        let mut workers = vec![Worker::new(first)];
        while let Some(encoder) = next()? {
            workers.push(Worker::new(encoder));
        }
        Ok(Self { workers, knowledge })
    }

    /// What the model says of one picture of any size, of which it sees the largest centred part with its own aspect ratio.
    ///
    /// # Errors
    /// When the engine fails, or the outputs are no answer: numbers that are not finite, a rotation without direction.
    pub fn predict(&mut self, picture: &PictureView<'_>) -> Result<Prediction, PoseError> {
        // There is a thread, so there is a worker.
        self.workers[0].predict(picture, &self.knowledge)
    }

    /// What the model says of each picture, in their order. Where the system gives no further thread, those that run share all.
    pub fn predict_batch(&mut self, pictures: &[PictureView<'_>]) -> Vec<Result<Prediction, PoseError>> {
        self.predict_each(pictures.len(), |index, predict| predict(&pictures[index]))
    }

    /// The answers to that many questions, in their order, which the threads share. Whoever answers one may look at pictures with
    /// the model.
    pub(crate) fn predict_each<T: Send>(
        &mut self,
        count: usize,
        answer: impl Fn(usize, &mut dyn FnMut(&PictureView<'_>) -> Result<Prediction, PoseError>) -> T + Sync,
    ) -> Vec<T> {
        let Self { workers, knowledge } = self;
        let taken = AtomicUsize::new(0);
        // Whoever is ready takes the next picture: a thread that starts late has fewer.
        let work = |worker: &mut Worker| -> Vec<(usize, T)> {
            let next = || Some(taken.fetch_add(1, Ordering::Relaxed)).filter(|index| *index < count);
            let answer = |index| (index, answer(index, &mut |picture| worker.predict(picture, knowledge)));
            iter::from_fn(next).map(answer).collect()
        };
        let threads = workers.len().min(count).max(1);
        let (first, others) = workers[..threads].split_at_mut(1);
        let mut answers = thread::scope(|scope| {
            // Where the system has no thread to give, the others take its pictures.
            let start = |worker| thread::Builder::new().spawn_scoped(scope, || work(worker)).ok();
            let started: Vec<_> = others.iter_mut().filter_map(start).collect();
            let mut answers = work(&mut first[0]);
            for thread in started {
                answers.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            answers
        });
        answers.sort_unstable_by_key(|(index, _)| *index);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Height and width of the images that the model takes.
    pub fn image_size(&self) -> [usize; 2] {
        self.description().image_size
    }

    /// The classes that the model names, in the order of its logits.
    pub fn classes(&self) -> &[Class] {
        &self.knowledge.classes
    }

    /// The transformations that the model tells of, in the order of its outputs.
    pub fn transformations(&self) -> &[Transformation] {
        &self.knowledge.transformations
    }

    /// How much of an image the model is shown.
    pub fn visible(&self) -> Visible {
        self.knowledge.visible
    }

    /// What the model says of itself.
    pub fn description(&self) -> &Description {
        self.encoder().description()
    }

    /// Where the model came from.
    pub fn origin(&self) -> &ModelOrigin {
        self.encoder().origin()
    }

    /// The engine of the first thread, for its raw outputs.
    pub fn encoder(&self) -> &Encoder {
        &self.workers[0].encoder
    }

    /// How the pictures were resized that the model learned from, where that is not this crate's [`RESIZE_RULE`]: its
    /// answers may then be worse than they were measured.
    pub fn other_resize_rule(&self) -> Option<&str> {
        self.description().metadata.get(RESIZE).map(|rule| rule.as_str()).filter(|rule| *rule != RESIZE_RULE)
    }
}

/// All threads together take as much memory as each alone; where a backend tells none, nothing is known of more either.
fn check_memory(encoder: &Encoder, threads: usize, limits: &Limits) -> Result<(), PoseFault> {
    let found = encoder.memory_bytes().unwrap_or(0).saturating_mul(threads as u64);
    let limit = limits.memory_bytes;
    if found <= limit {
        return Ok(());
    }
    let excess = Excess { resource: Resource::Memory, found, limit };
    Err(PoseFault::Backend(Box::new(Fault::TooCostly(excess))))
}

impl Knowledge {
    fn of(encoder: &Encoder, timings: bool) -> Result<Self, PoseFault> {
        let Description { image_size: [height, width], metadata } = encoder.description();
        let classes = classes::of_metadata(metadata)?;
        if !encoder.output_names().iter().any(|name| output::is_of_encode(name)) {
            return Err(PoseFault::Outputs(OutputFault::NoneKnown));
        }
        let transformations = transformation::of_metadata(metadata, encoder.output_names())?;
        let expected = "name of how much of an image is seen: whole or circle";
        let unknown = PoseFault::Metadata { key: VISIBLE, expected };
        let visible = metadata.get(VISIBLE).map(|name| Visible::named(name).ok_or(unknown));
        let visible = visible.transpose()?.unwrap_or_default();
        if visible == Visible::Circle && height != width {
            return Err(PoseFault::CircleOfRectangle { image_size: [*height, *width] });
        }
        Ok(Self { classes, transformations, visible, timings })
    }
}

impl Worker {
    fn new(encoder: Encoder) -> Self {
        Self { encoder, image: Vec::new() }
    }

    fn predict(&mut self, picture: &PictureView<'_>, knowledge: &Knowledge) -> Result<Prediction, PoseError> {
        let start = knowledge.timings.then(Instant::now);
        let [height, width] = self.encoder.description().image_size;
        let image = match picture.as_image(width, height).filter(|_| knowledge.visible == Visible::Whole) {
            Some(image) => image,
            None => {
                self.image.resize(3 * width * height, 0);
                picture.resize_into(width, height, &mut self.image);
                if knowledge.visible != Visible::Whole {
                    knowledge.visible.apply(&mut self.image, width);
                }
                &self.image
            }
        };
        let resized = knowledge.timings.then(Instant::now);
        let outputs = self.encoder.run_image(image)?;
        let timing =
            start.zip(resized).map(|(start, resized)| Timing { preprocess: resized - start, model: resized.elapsed() });
        let answer = read(outputs, knowledge, timing);
        answer.map_err(|fault| PoseError { origin: self.encoder.origin().clone(), fault })
    }
}

/// The outputs of an engine, typed and checked.
fn read(outputs: &[Output], knowledge: &Knowledge, timing: Option<Timing>) -> Result<Prediction, PoseFault> {
    let named = outputs.iter().map(|output| (output.name.as_str(), output.values.as_slice()));
    let typed = EncoderOutputs::read(named).map_err(|fault| PoseFault::of_outputs(fault, outputs))?;
    let transformations =
        typed.transformations().map(|read| transformation::prediction(read, &knowledge.transformations));
    Ok(Prediction {
        rotation: typed.rotation(),
        class: class(&typed, &knowledge.classes)?,
        transformations: transformations.collect::<Result<_, _>>()?,
        invariant: typed.invariant().map(<[f32]>::to_vec),
        equivariant: typed.equivariant().map(<[f32]>::to_vec),
        timing,
    })
}

fn class(outputs: &EncoderOutputs<'_>, classes: &[Class]) -> Result<Option<ClassPrediction>, PoseFault> {
    let (Some((index, probability)), Some(logits)) = (outputs.class(), outputs.class_logits()) else {
        return Ok(None);
    };
    let class = match classes {
        [] => Class { name: index.to_string().into(), symmetry: SymmetryGroup::None },
        _ if classes.len() == logits.len() => classes[index].clone(),
        _ => return Err(PoseFault::ClassCount { names: classes.len(), logits: logits.len() }),
    };
    Ok(Some(ClassPrediction { index, class, probability }))
}
