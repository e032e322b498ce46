//! What the library costs beside a bare session, and what a second thread brings; `tests/peers/library` runs it.
//!
//! Both ways compute the same image, one after the other in every round, and their answers are compared first.

use std::env;
use std::error::Error;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::Instant;

use sextant_runtime::contract::graph::ENCODE;
use sextant_runtime::contract::output::INVARIANT;
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::Model;
use sextant_runtime::pose::{PictureView, PixelFormat, Predictor, PredictorOptions};
use sextant_runtime::session::{Input, Prepared, Session};

/// Both ways are opened anew so often: where in memory filters and maps lie changes a time by some hundredths.
const PLACES: usize = 15;
const ROUNDS: usize = 40;
const CALLS: usize = 10;
const BATCH: usize = 64;
const BATCH_ROUNDS: usize = 60;

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args_os().nth(1).ok_or("give a .sxt file")?;
    let file = std::fs::read(path)?;
    let times: Result<Vec<[f64; 3]>, _> = (0..PLACES).map(|_| overhead(&file)).collect();
    let times = times?;
    let median_of = |value: fn(&[f64; 3]) -> f64| median(times.iter().map(value).collect());
    println!("bare_session_us {:.1}", 1e6 * median_of(|[bare, ..]| *bare));
    println!("library_us {:.1}", 1e6 * median_of(|[_, library, _]| *library));
    println!("library_ratio {:.4}", median_of(|[bare, library, _]| library / bare));
    println!("library_with_640x480_bgr_us {:.1}", 1e6 * median_of(|[.., camera]| *camera));
    second_thread(&file)
}

/// Seconds of a bare session, of the library on the same image, and of the library on a camera's picture.
fn overhead(file: &[u8]) -> Result<[f64; 3], Box<dyn Error>> {
    let mut predictor = Predictor::from_bytes(file)?;
    let [height, width] = predictor.image_size();
    let image: Vec<u8> = (0..3 * height * width).map(|index| (index * 31 % 251) as u8).collect();
    let bgr: Vec<u8> = (0..3 * 480 * 640).map(|index| (index * 7 % 249) as u8).collect();
    let picture = PictureView::new(&image, PixelFormat::Rgb8, width, height)?;
    let frame = PictureView::new(&bgr, PixelFormat::Bgr8, 640, 480)?;

    let bytes = AlignedVec::copy_of(file);
    let model = Model::parse(&bytes)?;
    let graph = model.graph(ENCODE).ok_or("no encoder")?;
    let (mut arena, mut prepared) = (AlignedVec::zeroed(graph.arena_bytes()), Prepared::new(&model, ENCODE)?);
    let widths = graph.outputs().filter_map(|(_, id)| Some(graph.value(id)?.shape.elements()));
    let mut outputs: Vec<Vec<f32>> = widths.map(|width| vec![0.0; width]).collect();
    let mut places: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    let mut session = Session::with_prepared(&model, ENCODE, &mut arena, &mut prepared)?;

    session.run(&[Input::U8(&image)], &mut places)?;
    let invariant = graph.outputs().position(|(name, _)| name == INVARIANT).ok_or("no invariant half")?;
    let prediction = predictor.predict(&picture)?;
    if prediction.invariant() != Some(&*places[invariant]) {
        return Err("the library and the session disagree".into());
    }

    let [mut bare, mut library, mut camera] = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        bare.push(seconds(|| session.run(&[Input::U8(&image)], &mut places).map_err(Box::from))?);
        library.push(seconds(|| Ok(predictor.predict(&picture).map(|answer| _ = black_box(answer))?))?);
        camera.push(seconds(|| Ok(predictor.predict(&frame).map(|answer| _ = black_box(answer))?))?);
    }
    Ok([bare, library, camera].map(median))
}

fn second_thread(file: &[u8]) -> Result<(), Box<dyn Error>> {
    let open = |threads| {
        let threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        Predictor::from_bytes_with(file, &PredictorOptions { threads, ..PredictorOptions::default() })
    };
    let (mut one, mut two) = (open(1)?, open(2)?);
    let [height, width] = one.image_size();
    let image: Vec<u8> = (0..3 * height * width).map(|index| (index * 31 % 251) as u8).collect();
    let pictures = vec![PictureView::new(&image, PixelFormat::Rgb8, width, height)?; BATCH];
    let [mut alone, mut together] = [const { Vec::new() }; 2];
    for _ in 0..BATCH_ROUNDS {
        for (predictor, times) in [(&mut one, &mut alone), (&mut two, &mut together)] {
            let start = Instant::now();
            for answer in predictor.predict_batch(&pictures) {
                black_box(answer?);
            }
            times.push(start.elapsed().as_secs_f64());
        }
    }
    let [alone, together] = [alone, together].map(median);
    println!("batch_{BATCH}_one_thread_ms {:.2}", alone * 1e3);
    println!("batch_{BATCH}_two_threads_ms {:.2}", together * 1e3);
    println!("two_threads_ratio {:.2}", alone / together);
    Ok(())
}

/// Of one call, from some in a row.
fn seconds(mut call: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    for _ in 0..CALLS {
        call()?;
    }
    Ok(start.elapsed().as_secs_f64() / CALLS as f64)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
