//! Largest values and means under a window, and over whole maps.

use sextant_runtime::graph::{GraphError, Op, Padding, Quantization};

use crate::operators::EngineId::CandleOnnx;
use crate::operators::case::{Case, Drafted};
use crate::operators::draft::Draft;

struct Window {
    name: &'static str,
    size: [usize; 3],
    kernel: [u16; 2],
    stride: [u16; 2],
    /// Top, left, bottom, right.
    padding: [u16; 4],
}

const USUAL: Window = Window { name: "", size: [6, 5, 3], kernel: [3, 3], stride: [2, 2], padding: [1; 4] };

const WINDOWS: &[Window] = &[
    Window { name: "3 x 3, stride 2", ..USUAL },
    Window { name: "2 x 2, no padding", kernel: [2, 2], padding: [0; 4], ..USUAL },
    Window { name: "odd map, no padding", size: [7, 5, 2], padding: [0; 4], ..USUAL },
    Window { name: "overlapping, no padding", kernel: [3, 2], stride: [1, 1], padding: [0; 4], ..USUAL },
    Window { name: "stride 1 down, 3 across", stride: [1, 3], padding: [0; 4], ..USUAL },
    Window { name: "padding of four sizes", kernel: [4, 4], stride: [1, 1], padding: [2, 0, 1, 3], ..USUAL },
    Window { name: "padding below and right only", size: [8, 8, 2], padding: [0, 0, 1, 1], ..USUAL },
    Window { name: "a map of one pixel", size: [1, 1, 4], ..USUAL },
    Window { name: "1 x 1", kernel: [1, 1], stride: [1, 1], padding: [0; 4], ..USUAL },
    Window { name: "window as large as the map", kernel: [6, 5], stride: [1, 1], padding: [0; 4], ..USUAL },
    Window { name: "many channels", size: [4, 4, 37], ..USUAL },
];

/// Scale and zero point of int8 inputs.
const INPUT: Quantization = Quantization { scale: 0.02, zero_point: -7 };

pub(super) fn cases() -> Result<Vec<Case>, GraphError> {
    let mut cases = vec![largest_by_hand()?];
    for window in WINDOWS {
        cases.push(window.float("MaxPool2d", window.largest())?.exact());
    }
    for window in WINDOWS {
        cases.push(window.int8("MaxPool2d", window.largest(), INPUT)?.exact());
    }
    cases.push(mean_by_hand()?);
    for window in WINDOWS {
        cases.push(window.float("AveragePool2d", window.mean())?);
    }
    for window in WINDOWS {
        cases.push(window.int8("AveragePool2d", window.mean(), Quantization { scale: 0.017, zero_point: 9 })?);
    }
    let ends = Window { name: "zero point -128, saturates", ..USUAL };
    cases.push(ends.int8("AveragePool2d", ends.mean(), Quantization { scale: 0.005, zero_point: -128 })?);
    for (name, size) in [("6 x 5", [6, 5, 3]), ("a map of one pixel", [1, 1, 4]), ("many channels", [3, 3, 37])] {
        cases.push(of_whole_map(name, &size)?);
    }
    for (name, size, scale, zero_point) in [
        ("6 x 5", [6, 5, 3], 0.004, 9),
        ("a map of one pixel", [1, 1, 4], 0.03, 127),
        ("many channels", [3, 3, 37], 0.01, -128),
        ("saturates", [2, 2, 5], 0.001, 0),
    ] {
        cases.push(of_whole_int8_map(name, &size, Quantization { scale, zero_point })?);
    }
    Ok(cases)
}

impl Window {
    fn largest(&self) -> Op {
        Op::MaxPool2d { kernel: self.kernel, stride: self.stride, padding: self.padding() }
    }

    fn mean(&self) -> Op {
        Op::AveragePool2d { kernel: self.kernel, stride: self.stride, padding: self.padding() }
    }

    fn padding(&self) -> Padding {
        let [top, left, bottom, right] = self.padding;
        Padding { top, left, bottom, right }
    }

    fn float(&self, operator: &str, op: Op) -> Drafted {
        let mut draft = Draft::new(2);
        let map = draft.spread(&self.size, 1.0);
        let made = draft.node(op, &[map])?;
        let case = draft.finish(format!("{operator}: {}", self.name), made)?;
        Ok(match self.padding {
            [0, 0, 0, 0] => case,
            _ => case.ignoring(CandleOnnx, "knows no padding of pools"),
        })
    }

    fn int8(&self, operator: &str, op: Op, to: Quantization) -> Drafted {
        let mut draft = Draft::new(2);
        let map = draft.numbers(&self.size, INPUT)?;
        let made = draft.quantized(op, &[map], to)?;
        draft.finish(format!("{operator}, int8: {}", self.name), made)
    }
}

fn of_whole_map(name: &str, size: &[usize]) -> Drafted {
    let mut draft = Draft::new(2);
    let map = draft.spread(size, 1.0);
    let made = draft.node(Op::GlobalAveragePool, &[map])?;
    draft.finish(format!("GlobalAveragePool: {name}"), made)
}

fn of_whole_int8_map(name: &str, size: &[usize], to: Quantization) -> Drafted {
    let mut draft = Draft::new(2);
    let map = draft.numbers(size, INPUT)?;
    let made = draft.quantized(Op::GlobalAveragePool, &[map], to)?;
    draft.finish(format!("GlobalAveragePool, int8: {name}"), made)
}

/// All numbers are negative, so that a padding of zeros would win.
fn largest_by_hand() -> Drafted {
    let mut draft = Draft::new(1);
    let map = draft.floats(&[2, 2, 1], vec![-1.0, -2.0, -3.0, -4.0]);
    let padding = Padding { top: 1, left: 0, bottom: 0, right: 1 };
    let made = draft.node(Op::MaxPool2d { kernel: [2, 2], stride: [1, 1], padding }, &[map])?;
    let case = draft.finish("MaxPool2d: padding never wins, by hand", made)?;
    Ok(case.by_hand(&[-1.0, -2.0, -1.0, -2.0]).exact().ignoring(CandleOnnx, "knows no padding of pools"))
}

/// Padding is not counted.
fn mean_by_hand() -> Drafted {
    let mut draft = Draft::new(1);
    let map = draft.floats(&[2, 2, 1], vec![1.0, 2.0, 3.0, 4.0]);
    let padding = Padding { top: 1, left: 0, bottom: 0, right: 1 };
    let made = draft.node(Op::AveragePool2d { kernel: [2, 2], stride: [1, 1], padding }, &[map])?;
    let case = draft.finish("AveragePool2d: padding does not count, by hand", made)?;
    Ok(case.by_hand(&[1.5, 2.0, 2.5, 3.0]).exact().ignoring(CandleOnnx, "knows no padding of pools"))
}
