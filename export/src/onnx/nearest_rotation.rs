//! `NearestRotation` in plain operators, after the steps of `runtime::rotation::unique_nearest_rotation`.

use sextant_runtime::graph::Node;
use sextant_runtime::rotation::{NEAREST_ROTATION_MOST_TRACE, NEAREST_ROTATION_SHIFT, NEAREST_ROTATION_SQUARINGS};

use super::graph_writer::{GraphWriter, int, ints};
use super::proto::TENSOR_FLOAT;

/// Between two normalisations. The runtime divides by the Frobenius norm after each squaring; any other positive factor
/// gives the same direction, and fewer operators take less time. A is positive semi-definite, so its largest entry is
/// on the diagonal: with that entry 1, the largest eigenvalue lies in [1, 4], and after four squarings in [1, 2^32].
const SQUARINGS_PER_NORMALISATION: usize = 4;
const _: () = assert!(NEAREST_ROTATION_SQUARINGS.is_multiple_of(SQUARINGS_PER_NORMALISATION));

/// Davenport's K, rows first, from a matrix `M = [a b c; d e f; g h i]`: for each entry of M, where it goes in K.
const DAVENPORT_FROM_MATRIX: [[(usize, f32); 4]; 9] = [
    [(0, 1.0), (5, 1.0), (10, -1.0), (15, -1.0)], // a
    [(3, -1.0), (6, 1.0), (9, 1.0), (12, -1.0)],  // b
    [(2, 1.0), (7, 1.0), (8, 1.0), (13, 1.0)],    // c
    [(3, 1.0), (6, 1.0), (9, 1.0), (12, 1.0)],    // d
    [(0, 1.0), (5, -1.0), (10, 1.0), (15, -1.0)], // e
    [(1, -1.0), (4, -1.0), (11, 1.0), (14, 1.0)], // f
    [(2, -1.0), (7, 1.0), (8, -1.0), (13, 1.0)],  // g
    [(1, 1.0), (4, 1.0), (11, 1.0), (14, 1.0)],   // h
    [(0, 1.0), (5, -1.0), (10, -1.0), (15, 1.0)], // i
];

/// Appends the nodes that turn `matrix` `[N, 9]` into unit quaternions `[N, 4]`, or NaN where there is no such one.
pub(super) fn nearest_rotation(writer: &mut GraphWriter<'_>, node: &Node, matrix: &str) {
    let mut steps = Steps { writer, name: &node.name };
    let finite = steps.zeros_unless_finite(matrix);
    let unit = steps.unit_matrix(&finite);
    let mut power = steps.shifted_davenport(&unit);
    for _ in 0..NEAREST_ROTATION_SQUARINGS / SQUARINGS_PER_NORMALISATION {
        power = steps.unit_entry(&power);
        for _ in 0..SQUARINGS_PER_NORMALISATION {
            power = steps.add("square", "MatMul", &[&power, &power]);
        }
    }
    power = steps.unit_entry(&power);
    let is_unique = steps.is_of_rank_one(&power);
    let quaternion = steps.dominant_row(&power);
    let unit = steps.unit_length(&quaternion);
    let sign = steps.leading_sign(&unit);
    let signed = steps.add("signed", "Mul", &[&unit, &sign]);
    let nothing = steps.floats("nothing", &[1, 1], &[f32::NAN]);
    writer.finish(node, "Where", &[&is_unique, &signed, &nothing], vec![]);
}

struct Steps<'w, 'g, 'n> {
    writer: &'w mut GraphWriter<'g>,
    name: &'n str,
}

impl Steps<'_, '_, '_> {
    fn add(&mut self, part: &str, op_type: &str, inputs: &[&str]) -> String {
        self.writer.step(self.name, part, op_type, inputs, vec![])
    }

    fn floats(&mut self, part: &str, dims: &[usize], values: &[f32]) -> String {
        self.writer.float_constant(&format!("{}/{part}", self.name), dims, values)
    }

    fn ints(&mut self, part: &str, values: &[i64]) -> String {
        self.writer.int_constant(&format!("{}/{part}", self.name), values)
    }

    fn cast_to_float(&mut self, part: &str, input: &str) -> String {
        self.writer.step(self.name, part, "Cast", &[input], vec![int("to", i64::from(TENSOR_FLOAT))])
    }

    /// `ReduceMax` or `ReduceMin` over the nine entries (their axes are attributes before opset 18).
    fn extreme(&mut self, part: &str, op_type: &str, input: &str) -> String {
        self.writer.step(self.name, part, op_type, &[input], vec![ints("axes", &[1]), int("keepdims", 1)])
    }

    /// The square root of the sum of squares of each row, `[N, 1]`.
    fn norm(&mut self, input: &str) -> String {
        let axes = self.ints("axes", &[1]);
        let squares = self.add("squares", "Mul", &[input, input]);
        let sum = self.add("sum", "ReduceSum", &[&squares, &axes]);
        self.add("norm", "Sqrt", &[&sum])
    }

    /// Nine zeros, to which every rotation is equally near, where an entry is infinite or not a number.
    fn zeros_unless_finite(&mut self, matrix: &str) -> String {
        let [largest, half, zero] = [("largest", f32::MAX), ("half", 0.5), ("zero", 0.0)]
            .map(|(part, value)| self.floats(part, &[1, 1], &[value]));
        let magnitude = self.add("magnitude", "Abs", &[matrix]);
        let finite = self.add("finite", "LessOrEqual", &[&magnitude, &largest]);
        let as_float = self.cast_to_float("finite_float", &finite);
        let all = self.extreme("all_finite", "ReduceMin", &as_float);
        let keep = self.add("keep", "Greater", &[&all, &half]);
        self.add("finite_matrix", "Where", &[&keep, matrix, &zero])
    }

    /// Frobenius norm 1, in two steps so that no square overflows or vanishes; zeros stay zeros.
    fn unit_matrix(&mut self, matrix: &str) -> String {
        let least = self.floats("least", &[], &[f32::MIN_POSITIVE]);
        let magnitude = self.add("magnitude", "Abs", &[matrix]);
        let largest = self.extreme("largest_entry", "ReduceMax", &magnitude);
        let guarded = self.add("guarded", "Clip", &[&largest, &least]);
        let scaled = self.add("scaled", "Div", &[matrix, &guarded]);
        let norm = self.norm(&scaled);
        let guarded = self.add("guarded", "Clip", &[&norm, &least]);
        self.add("unit_matrix", "Div", &[&scaled, &guarded])
    }

    /// `K + sqrt(3) I`, `[N, 4, 4]`.
    fn shifted_davenport(&mut self, matrix: &str) -> String {
        let from_matrix = self.floats("davenport", &[9, 16], davenport_matrix().as_flattened());
        let shape = self.ints("square_shape", &[0, 4, 4]);
        let shift = self.floats("shift", &[4, 4], &diagonal(NEAREST_ROTATION_SHIFT));
        let flat = self.add("flat", "MatMul", &[matrix, &from_matrix]);
        let square = self.add("k", "Reshape", &[&flat, &shape]);
        self.add("shifted", "Add", &[&square, &shift])
    }

    /// The matrices over their largest entries.
    fn unit_entry(&mut self, square: &str) -> String {
        let attributes = vec![ints("axes", &[1, 2]), int("keepdims", 1)];
        let largest = self.writer.step(self.name, "largest_entry", "ReduceMax", &[square], attributes);
        self.add("unit_entry", "Div", &[square, &largest])
    }

    /// The row with the largest diagonal entry, the first of equals, `[N, 4]`.
    fn dominant_row(&mut self, square: &str) -> String {
        let identity = self.floats("identity", &[4, 4], &diagonal(1.0));
        let [last, middle] = [("last", 2), ("middle", 1)].map(|(part, axis)| self.ints(part, &[axis]));
        let rows = self.ints("rows", &[0, 1, 2, 3]);
        let diagonal = self.add("diagonal", "Mul", &[square, &identity]);
        let diagonal =
            self.writer.step(self.name, "entries", "ReduceSum", &[&diagonal, &last], vec![int("keepdims", 0)]);
        let index = self.writer.step(
            self.name,
            "row",
            "ArgMax",
            &[&diagonal],
            vec![int("axis", 1), int("keepdims", 1), int("select_last_index", 0)],
        );
        let chosen = self.add("chosen", "Equal", &[&index, &rows]);
        let chosen = self.cast_to_float("chosen_float", &chosen);
        let chosen = self.add("chosen_row", "Unsqueeze", &[&chosen, &middle]);
        let row = self.add("product", "MatMul", &[&chosen, square]);
        self.add("dominant", "Squeeze", &[&row, &middle])
    }

    /// Whether one eigenvector dominates, `[N, 1]`: the trace of such a matrix is its Frobenius norm.
    fn is_of_rank_one(&mut self, square: &str) -> String {
        let shape = self.ints("flat_shape", &[0, 16]);
        let identity = self.floats("diagonal_entries", &[16, 1], &diagonal(1.0));
        let most = self.floats("most_trace", &[1, 1], &[NEAREST_ROTATION_MOST_TRACE]);
        let flat = self.add("entries_flat", "Reshape", &[square, &shape]);
        let trace = self.add("trace", "MatMul", &[&flat, &identity]);
        let norm = self.norm(&flat);
        let bound = self.add("trace_bound", "Mul", &[&norm, &most]);
        self.add("is_unique", "LessOrEqual", &[&trace, &bound])
    }

    fn unit_length(&mut self, quaternion: &str) -> String {
        let norm = self.norm(quaternion);
        self.add("unit", "Div", &[quaternion, &norm])
    }

    /// The sign of the first component that is not zero: 8, 4, 2 and 1 outweigh all that comes after them.
    fn leading_sign(&mut self, quaternion: &str) -> String {
        let order = self.floats("order", &[4, 1], &[8.0, 4.0, 2.0, 1.0]);
        let signs = self.add("signs", "Sign", &[quaternion]);
        let weighted = self.add("weighted", "MatMul", &[&signs, &order]);
        self.add("sign", "Sign", &[&weighted])
    }
}

fn davenport_matrix() -> [[f32; 16]; 9] {
    DAVENPORT_FROM_MATRIX.map(|places| {
        let mut row = [0.0; 16];
        for (place, sign) in places {
            row[place] = sign;
        }
        row
    })
}

fn diagonal(value: f32) -> [f32; 16] {
    std::array::from_fn(|i| if i % 5 == 0 { value } else { 0.0 })
}
