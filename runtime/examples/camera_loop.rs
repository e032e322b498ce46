//! A camera's frames, one after the other: `cargo run --release --example camera_loop -- MODEL.sxt`.
//!
//! The camera gives BGR with rows that begin every 2048 bytes, as many do, and a detector says where the object is.

use std::env;
use std::error::Error;

use sextant_runtime::pose::{CropBox, PictureView, PixelFormat, Predictor, PredictorOptions};

const SIZE: [usize; 2] = [640, 480];
const STRIDE_BYTES: usize = 2048;

/// A frame of a camera that is not there: a bright square that moves over a dark floor.
fn frame(number: usize) -> (Vec<u8>, CropBox) {
    let object = CropBox { left: 100 + 4 * number, top: 120, width: 140, height: 180 };
    let is_object = |x: usize, y: usize| {
        (object.left..object.left + object.width).contains(&x) && (object.top..object.top + object.height).contains(&y)
    };
    let row = |y: usize| {
        let mut row: Vec<u8> =
            (0..SIZE[0]).flat_map(|x| if is_object(x, y) { [40, 90, 200] } else { [30; 3] }).collect();
        row.resize(STRIDE_BYTES, 0);
        row
    };
    ((0..SIZE[1]).flat_map(row).collect(), object)
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("give a model file: .sxt, or .onnx with the feature tract")?;
    let options = PredictorOptions { timings: true, ..PredictorOptions::default() };
    let mut predictor = Predictor::open_with(path, &options)?;
    for number in 0..10 {
        let (pixels, object) = frame(number);
        let whole = PictureView::with_row_stride(&pixels, PixelFormat::Bgr8, SIZE[0], SIZE[1], STRIDE_BYTES)?;
        // The model sees the largest centred square of what it is given: give it a square around the whole object.
        let picture = whole.cropped(object.expanded_to_square(SIZE))?;
        let prediction = predictor.predict(&picture)?;
        let [w, x, y, z] = prediction.rotation().ok_or("the model has no rotation head")?.wxyz();
        print!("frame {number}: wxyz {w:.3} {x:.3} {y:.3} {z:.3}");
        if let Some(found) = prediction.class() {
            print!(", {} ({:.0} %), symmetry {}", found.class.name, 100.0 * found.probability, found.class.symmetry);
        }
        match prediction.timing() {
            Some(timing) => println!(", {:?} + {:?}", timing.preprocess, timing.model),
            None => println!(),
        }
    }
    Ok(())
}
