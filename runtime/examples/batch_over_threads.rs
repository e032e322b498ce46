//! Many pictures at once: `cargo run --release --example batch_over_threads -- MODEL.sxt [THREADS]`.

use std::env;
use std::error::Error;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Instant;

use sextant_runtime::pose::{PictureView, PixelFormat, Predictor, PredictorOptions};

const PICTURES: usize = 256;
const SIDE: usize = 128;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().ok_or("give a model file")?;
    let threads = match arguments.next() {
        Some(threads) => threads.parse()?,
        None => available_parallelism()?,
    };
    let pixels: Vec<Vec<u8>> =
        (0..PICTURES).map(|seed| (0..3 * SIDE * SIDE).map(|i| (i * (seed + 7) % 251) as u8).collect()).collect();
    let views: Result<Vec<_>, _> =
        pixels.iter().map(|pixels| PictureView::new(pixels, PixelFormat::Rgb8, SIDE, SIDE)).collect();
    let views = views?;
    for threads in [NonZeroUsize::MIN, threads] {
        let options = PredictorOptions { threads, ..PredictorOptions::default() };
        let mut predictor = Predictor::open_with(&path, &options)?;
        let start = Instant::now();
        let answers = predictor.predict_batch(&views);
        let seconds = start.elapsed().as_secs_f64();
        // One picture that fails does not take the others with it.
        let failed = answers.iter().filter(|answer| answer.is_err()).count();
        println!("{threads} threads: {:.0} pictures a second, {failed} failed", PICTURES as f64 / seconds);
    }
    Ok(())
}
