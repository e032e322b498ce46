//! From bytes and float32 to eight bits and back.

use sextant_runtime::graph::{GraphError, Op, Quantization};

use crate::operators::EngineId;
use crate::operators::case::{Case, Drafted};
use crate::operators::draft::Draft;

const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

pub(super) fn cases() -> Result<Vec<Case>, GraphError> {
    let mut cases = vec![
        normalized("photograph", &[5, 4, 3], MEAN, STD)?,
        normalized("one pixel", &[1, 1, 3], MEAN, STD)?,
        normalized("no mean, deviations far apart", &[3, 3, 3], [0.0; 3], [1.0, 0.01, 30.0])?,
        normalized_by_hand()?,
    ];
    let usual = Quantization { scale: 0.02, zero_point: -7 };
    for (name, size, rows, to) in [
        ("photograph", [5, 4, 3], None, usual),
        ("some rows", [9, 4, 3], Some([2, 7]), usual),
        ("zero point -128", [5, 4, 3], None, Quantization { scale: 0.03, zero_point: -128 }),
        ("saturates at both ends", [5, 4, 3], None, Quantization { scale: 0.001, zero_point: 3 }),
    ] {
        let mut draft = Draft::new(2);
        let image = draft.image(&size);
        let made = draft.quantized(Op::QuantizeImage { mean: MEAN, std: STD, rows }, &[image], to)?;
        cases.push(draft.finish(format!("QuantizeImage, int8: {name}"), made)?);
    }
    for (name, to) in [
        ("saturates at both ends", usual),
        ("zero point -128", Quantization { scale: 0.05, zero_point: -128 }),
        ("zero point 127", Quantization { scale: 0.05, zero_point: 127 }),
        ("small scale", Quantization { scale: 1e-6, zero_point: 0 }),
        ("large scale", Quantization { scale: 1e6, zero_point: 0 }),
    ] {
        let mut draft = Draft::new(2);
        let x = draft.spread(&[4, 3, 5], 200.0 * to.scale);
        let made = draft.quantized(Op::Quantize, &[x], to)?;
        cases.push(draft.finish(format!("Quantize, int8: {name}"), made)?);
    }
    cases.push(halves()?);
    cases.push(far_beyond()?);
    cases.push(every_number()?);
    Ok(cases)
}

fn normalized(name: &str, size: &[usize], mean: [f32; 3], std: [f32; 3]) -> Drafted {
    let mut draft = Draft::new(2);
    let image = draft.image(size);
    let made = draft.node(Op::Normalize { mean, std }, &[image])?;
    draft.finish(format!("Normalize: {name}"), made)
}

/// The two bytes at the ends, by a mean of 0 and a half.
fn normalized_by_hand() -> Drafted {
    let mut draft = Draft::new(2);
    let image = draft.image(&[1, 1, 3]);
    let op = Op::Normalize { mean: [0.0, 0.5, 0.0], std: [0.5, 0.25, 1e30] };
    let made = draft.node(op, &[image])?;
    let mut case = draft.finish("Normalize: ends, by hand", made)?;
    case.samples.inputs = vec![crate::verify::InputValues::Bytes(vec![0, 255, 255, 255, 0, 0])];
    Ok(case.by_hand(&[0.0, 2.0, 1e-30, 2.0, -2.0, 0.0]))
}

/// Numbers half way between two, which engines round upwards, away from zero or to even numbers.
fn halves() -> Drafted {
    let mut draft = Draft::new(1);
    let x = draft.floats(&[8], vec![0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 126.5, -127.5]);
    let made = draft.quantized(Op::Quantize, &[x], Quantization { scale: 1.0, zero_point: 0 })?;
    let expected = [1.0, 2.0, 3.0, 0.0, -1.0, -2.0, 127.0, -127.0];
    Ok(draft.finish("Quantize, int8: halves, by hand", made)?.by_hand(&expected))
}

fn far_beyond() -> Drafted {
    let mut draft = Draft::new(1);
    let x = draft.floats(&[4], vec![1e30, -1e30, f32::MAX, 3e9]);
    let made = draft.quantized(Op::Quantize, &[x], Quantization { scale: 1.0, zero_point: 0 })?;
    let case = draft.finish("Quantize, int8: numbers beyond 32 bits, by hand", made)?;
    let case = case.by_hand(&[127.0, -128.0, 127.0, 127.0]).exact();
    Ok(case.not_asking(EngineId::Tract, "adds the zero point to what is 32 bits already"))
}

fn every_number() -> Drafted {
    let numbers: Vec<i8> = (i8::MIN..=i8::MAX).collect();
    let quantization = Quantization { scale: 0.5, zero_point: -3 };
    let mut draft = Draft::new(1);
    let x = draft.these_numbers(&[256], quantization, &numbers)?;
    let expected: Vec<f32> = numbers.iter().map(|number| 0.5 * (f32::from(*number) + 3.0)).collect();
    Ok(draft.finish("Dequantize: every number, by hand", x)?.by_hand(&expected).exact())
}
