//! One frame on a microcontroller: no `std`, and no memory but what the caller gives.
//!
//! [`look`] is what the firmware calls. The model lies in flash, arena and image are statics. `firmware-example/` is a whole
//! program that runs it. Here a host calls it: `cargo run --example microcontroller -- MODEL.sxt`.
#![no_std]

use sextant_runtime::contract::graph::ENCODE;
use sextant_runtime::contract::metadata::VISIBLE;
use sextant_runtime::model::Model;
use sextant_runtime::pose::{EncoderOutputs, PictureView};
use sextant_runtime::preprocess::Visible;
use sextant_runtime::rotation::UnitQuaternion;
use sextant_runtime::session::{Input, Session};

/// Outputs and numbers of an output for which there is room.
const OUTPUTS: usize = 4;
const WIDTH: usize = 512;

/// What a robot needs of a frame.
struct Seen {
    rotation: Option<UnitQuaternion>,
    class: Option<(usize, f32)>,
    /// Class and probability of the first transformation that the model tells of.
    done: Option<(usize, f32)>,
}

/// Looks at a camera's frame. `None`: the model is damaged or too large for its memory, or its answer is none.
fn look(model_file: &[u8], frame: &PictureView<'_>, arena: &mut [u8], image: &mut [u8]) -> Option<Seen> {
    let model = Model::parse(model_file).ok()?; // once, when the program starts, if flash can be trusted
    let graph = model.graph(ENCODE)?;
    let &[height, width, 3] = graph.value(graph.inputs().next()?)?.shape.extents() else { return None };
    let image = image.get_mut(..3 * width * height)?;
    frame.resize_into(width, height, image);
    // What the model was not shown when it learned, it must not see now. A firmware for one model knows the name.
    if let Visible::Circle = Visible::named(model.metadata(VISIBLE).unwrap_or("whole"))? {
        Visible::Circle.apply(image, if width == height { width } else { return None });
    }

    let mut values = [[0.0; WIDTH]; OUTPUTS];
    let mut places: [&mut [f32]; OUTPUTS] = core::array::from_fn(|_| &mut [][..]);
    let mut names = [""; OUTPUTS];
    for ((index, (name, id)), output) in graph.outputs().enumerate().zip(&mut values) {
        names[index] = name;
        places[index] = output.get_mut(..graph.value(id)?.shape.elements())?;
    }
    let count = graph.outputs().len();
    Session::new(&model, ENCODE, arena).ok()?.run(&[Input::U8(image)], places.get_mut(..count)?).ok()?;

    let named = names[..count].iter().zip(&places).map(|(name, values)| (*name, &values[..]));
    let outputs = EncoderOutputs::read(named).ok()?;
    let done = outputs.transformations().next().map(|done| done.most_probable());
    Some(Seen { rotation: outputs.rotation(), class: outputs.class(), done })
}

/// The host that stands in for the firmware.
fn main() {
    extern crate std;
    use sextant_runtime::memory::Aligned;
    use sextant_runtime::pose::PixelFormat;
    use std::boxed::Box;

    let path = std::env::args_os().nth(1).expect("give a .sxt file");
    let mut model = Box::new(Aligned([0; 1 << 20]));
    let bytes = std::fs::read(path).expect("a file that can be read");
    model.0[..bytes.len()].copy_from_slice(&bytes);
    let mut arena = Box::new(Aligned([0; 1 << 20]));
    let mut image = std::vec![0; 3 * 256 * 256];
    let pixels = [90; 160 * 120];
    let frame = PictureView::new(&pixels, PixelFormat::Grey8, 160, 120).expect("a whole frame");
    match look(&model.0[..bytes.len()], &frame, &mut arena.0, &mut image) {
        Some(Seen { rotation, class, done }) => {
            let wxyz = rotation.map(UnitQuaternion::wxyz);
            std::println!("wxyz {wxyz:?}, class and probability {class:?}, of what was done {done:?}");
        }
        None => std::println!("no answer"),
    }
}
