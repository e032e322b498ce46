use std::error::Error;
use std::{env, fs};

use sextant_runtime::pose::{CropBox, PictureView, PixelFormat, Predictor};

/// Prints the pose of what a camera's BGR buffer shows in a box: `sextant-consumer MODEL BUFFER WIDTH HEIGHT LEFT TOP SIDE`.
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number =
        |index: usize| arguments.get(index).ok_or("seven arguments")?.parse::<usize>().map_err(Box::<dyn Error>::from);
    let (model, buffer) = (fs::read(&arguments[0])?, fs::read(&arguments[1])?);

    let mut predictor = Predictor::from_bytes(&model)?;
    let frame = PictureView::new(&buffer, PixelFormat::Bgr8, number(2)?, number(3)?)?;
    let object = CropBox { left: number(4)?, top: number(5)?, width: number(6)?, height: number(6)? };
    let prediction = predictor.predict(&frame.cropped(object)?)?;

    let rotation = prediction.rotation().ok_or("no rotation head")?;
    let found = prediction.class().ok_or("no class head")?;
    println!("{:?} {} {}", rotation.wxyz(), found.class.name, found.class.symmetry);
    Ok(())
}
