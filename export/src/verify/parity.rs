use std::fmt;

use serde::Serialize;
use sextant_runtime::contract::output::ROTATION_WXYZ;
use sextant_runtime::rotation::UnitQuaternion;

use super::{Expected, FirstOperator};
use crate::tolerance::{CLOSE, Tolerance};

/// How two answers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Largest difference of two numbers.
    Absolute,
    /// Angle of the rotation between two quaternions in radians: twice the distance of the quaternions, either of
    /// whose signs is right.
    AngleRad,
}

impl Measure {
    /// What suits the output of that name.
    pub(super) fn of(output: &str) -> Self {
        if output == ROTATION_WXYZ { Self::AngleRad } else { Self::Absolute }
    }

    /// As it stands behind a number in a sentence.
    pub(super) fn unit(self) -> &'static str {
        if self == Self::AngleRad { " rad" } else { "" }
    }
}

/// One output of one engine against the trainer's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutputParity {
    /// `native`, `tract` or `ort`.
    pub backend: &'static str,
    /// The output's name.
    pub output: String,
    /// Over all images; infinite where one answer is a number and the other is not.
    pub largest_difference: f32,
    /// The image (or other input) with that difference.
    pub sample: usize,
    /// What the difference may be.
    pub tolerance: f32,
    /// What the difference is.
    pub measure: Measure,
    /// Whether the difference is within the tolerance.
    pub agrees: bool,
}

/// Whose answers are taken as right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// The golden vectors that the trainer wrote.
    Trainer,
    /// Our own engine, for a graph that has no golden vectors.
    Native,
}

/// All outputs of all engines that ran.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parity {
    /// Whose answers are taken as right.
    pub reference: Reference,
    /// Engine by engine, in the order of the model's outputs.
    pub outputs: Vec<OutputParity>,
    /// Where the first output that differs goes wrong; nothing is searched for while all agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_operator: Option<FirstOperator>,
}

impl Parity {
    /// Nothing compared yet.
    pub(crate) fn with(reference: Reference) -> Self {
        Self { reference, outputs: vec![], first_operator: None }
    }

    /// Adds an engine's answers: `computed[output]` holds all images, one after the other.
    pub(crate) fn compare(&mut self, backend: &'static str, expected: &Expected, computed: &[Vec<f32>]) {
        for (expected, computed) in expected.iter().zip(computed) {
            let measure = Measure::of(&expected.name);
            let (largest_difference, sample) = largest_difference(measure, &expected.values, computed, expected.width);
            let tolerance = tolerance(measure, &expected.values);
            self.outputs.push(OutputParity {
                backend,
                output: expected.name.clone(),
                largest_difference,
                sample,
                tolerance,
                measure,
                agrees: largest_difference <= tolerance,
            });
        }
    }

    /// The first output that differs too much.
    pub fn first_failure(&self) -> Option<&OutputParity> {
        self.outputs.iter().find(|output| !output.agrees)
    }

    /// The first output that differs too much, for people.
    pub fn failure_message(&self) -> Option<String> {
        let OutputParity { backend, output, largest_difference, sample, tolerance, measure, .. } =
            self.first_failure()?;
        let unit = measure.unit();
        let of_operator = self.first_operator.as_ref().map_or_else(String::new, |found| format!("; {found}"));
        Some(format!(
            "{output} of {backend} differs from {}'s by {largest_difference:.3e}{unit} in sample {sample} (allowed: \
             {tolerance:.1e}){of_operator}",
            self.reference
        ))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trainer => "the trainer",
            Self::Native => "our own engine",
        })
    }
}

impl fmt::Display for Parity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = name_width(self.outputs.iter().map(|row| row.output.as_str()));
        writeln!(
            f,
            "{:<8} {:<width$} {:>14} {:>6} {:>10}",
            "backend", "output", "max difference", "sample", "allowed"
        )?;
        for row in &self.outputs {
            let unit = if row.measure == Measure::AngleRad { "rad" } else { "   " };
            let verdict = if row.agrees { "" } else { "  DIFFERS" };
            let difference = format!("{:.2e} {unit}", row.largest_difference);
            let OutputParity { backend, output, sample, tolerance, .. } = row;
            writeln!(f, "{backend:<8} {output:<width$} {difference:>14} {sample:>6} {tolerance:>10.1e}{verdict}")?;
        }
        Ok(())
    }
}

/// Letters of a column for the names of outputs.
pub(super) fn name_width<'n>(names: impl Iterator<Item = &'n str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0).max(16)
}

/// [`Tolerance::Close`]; for angles twice that, as quaternions then differ by [`CLOSE`].
pub(super) fn tolerance(measure: Measure, expected: &[f32]) -> f32 {
    match measure {
        Measure::AngleRad => 2.0 * CLOSE,
        Measure::Absolute => Tolerance::Close.allowed(expected),
    }
}

/// The largest difference and its image; infinite when the numbers of values differ.
pub(super) fn largest_difference(measure: Measure, expected: &[f32], computed: &[f32], width: usize) -> (f32, usize) {
    if expected.len() != computed.len() {
        return (f32::INFINITY, 0);
    }
    let images = expected.chunks(width).zip(computed.chunks(width)).enumerate();
    let differences = images.map(|(image, (a, b))| match measure {
        Measure::AngleRad => (angle_rad(a, b), image),
        Measure::Absolute => (Tolerance::Close.difference(a, b), image),
    });
    differences.fold((0.0, 0), |largest, next| if next.0 > largest.0 { next } else { largest })
}

fn angle_rad(a: &[f32], b: &[f32]) -> f32 {
    let rotation = |q: &[f32]| match q {
        &[w, x, y, z] if is_unit(q) => UnitQuaternion::from_wxyz([w, x, y, z]),
        _ => None,
    };
    match (rotation(a), rotation(b)) {
        (Some(a), Some(b)) => a.geodesic_angle_rad(b),
        _ => f32::INFINITY,
    }
}

fn is_unit(q: &[f32]) -> bool {
    (q.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < CLOSE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::GoldenOutput;

    fn parity(name: &str, width: usize, expected: &[f32], computed: &[f32]) -> OutputParity {
        let mut parity = Parity::with(Reference::Trainer);
        let expected = vec![GoldenOutput { name: name.into(), width, values: expected.to_vec() }];
        parity.compare("tract", &expected, &[computed.to_vec()]);
        parity.outputs.remove(0)
    }

    #[test]
    fn numbers_are_compared_on_their_scale() {
        for (expected, computed, difference, image, agrees) in [
            ([0.0, 1.0, 0.5, -1.0], vec![0.0, 1.0, 0.5, -1.0], 0.0, 0, true),
            ([0.0, 1.0, 0.5, -1.0], vec![0.0, 1.0, 0.75, -1.0], 0.25, 1, false),
            ([0.0, 0.0, 0.0, 0.0], vec![0.0, 9e-5, 0.0, 0.0], 9e-5, 0, true),
            ([0.0, 4096.0, 0.0, 0.0], vec![0.0, 4096.25, 0.0, 0.0], 0.25, 0, true),
            ([0.0, 0.0, 0.0, 0.0], vec![0.0, 0.0, 0.0, f32::NAN], f32::INFINITY, 1, false),
            ([0.0, 0.0, 0.0, 0.0], vec![0.0], f32::INFINITY, 0, false),
        ] {
            let row = parity("invariant", 2, &expected, &computed);
            assert_eq!((row.largest_difference, row.sample, row.agrees), (difference, image, agrees), "{computed:?}");
        }
    }

    #[test]
    fn rotations_are_compared_up_to_sign() {
        let half = std::f32::consts::FRAC_1_SQRT_2;
        let quarter_turn = [half, 0.0, 0.0, half];
        for (computed, angle_rad, agrees) in [
            (quarter_turn, 0.0, true),
            (quarter_turn.map(|v| -v), 0.0, true),
            ([1.0, 0.0, 0.0, 0.0], std::f32::consts::FRAC_PI_2, false),
            ([2.0, 0.0, 0.0, 2.0], f32::INFINITY, false),
            ([0.0; 4], f32::INFINITY, false),
            ([f32::NAN; 4], f32::INFINITY, false),
        ] {
            let row = parity("rotation_wxyz", 4, &quarter_turn, &computed);
            assert!(
                row.largest_difference == angle_rad || (row.largest_difference - angle_rad).abs() < 1e-6,
                "{row:?}"
            );
            assert_eq!(row.agrees, agrees, "{row:?}");
        }
    }

    #[test]
    fn the_first_failure_is_told_in_words() {
        let mut parity = Parity::with(Reference::Trainer);
        let expected = |name: &str| GoldenOutput { name: name.into(), width: 1, values: vec![0.0; 3] };
        let expected = vec![expected("invariant"), expected("equivariant")];
        parity.compare("native", &expected, &[vec![0.0; 3], vec![0.0, 0.0, 0.5]]);
        let message = parity.failure_message().unwrap();
        assert_eq!(
            message,
            "equivariant of native differs from the trainer's by 5.000e-1 in sample 2 (allowed: 1.0e-4)"
        );
    }
}
