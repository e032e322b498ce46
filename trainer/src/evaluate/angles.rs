use serde::{Deserialize, Serialize};

use super::pose::GeodesicError;
use super::{PairFeatures, PoseErrors};

/// Errors of the rotation between two views, for views that lie so far apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AngleBin {
    /// Least true angle between the views, degrees.
    pub from_deg: f64,
    /// Largest true angle, degrees.
    pub to_deg: f64,
    /// Pairs of views in this range.
    pub pairs: usize,
    /// Median error, degrees.
    pub median_deg: f64,
    /// Median of the errors that forgive the object's symmetry, degrees.
    pub symmetric_median_deg: f64,
}

/// Width of a range, degrees.
const BIN_DEG: f32 = 30.0;
/// Ranges from 0 to 180 degrees.
const BINS: usize = (180.0 / BIN_DEG) as usize;

impl AngleBin {
    /// The range in words, such as `0° to 30°`.
    pub fn range(&self) -> String {
        range(self.from_deg, self.to_deg)
    }

    /// All ranges in words, with those that have no pairs.
    pub fn ranges() -> [String; BINS] {
        std::array::from_fn(|index| range(from_deg(index), from_deg(index + 1)))
    }
}

/// Where the range of that index begins, degrees.
fn from_deg(index: usize) -> f64 {
    f64::from(BIN_DEG) * index as f64
}

fn range(from_deg: f64, to_deg: f64) -> String {
    format!("{from_deg:.0}° to {to_deg:.0}°")
}

/// `errors` of the pairs by their true relative angle, in ranges of 30 degrees; empty ranges are left out.
pub fn by_relative_angle(pairs: &PairFeatures, errors: &[GeodesicError]) -> Vec<AngleBin> {
    let [first, second] = &pairs.rotations;
    let angles_deg: Vec<f32> = first.iter().zip(second).map(|(a, b)| a.geodesic_angle_rad(*b).to_degrees()).collect();
    bins(&angles_deg, errors)
}

fn bins(angles_deg: &[f32], errors: &[GeodesicError]) -> Vec<AngleBin> {
    let bin_of = |angle_deg: f32| ((angle_deg / BIN_DEG) as usize).min(BINS - 1);
    let bin = |index: usize| {
        let own: Vec<&GeodesicError> =
            angles_deg.iter().zip(errors).filter(|(angle, _)| bin_of(**angle) == index).map(|(_, e)| e).collect();
        let summary = |of: fn(&GeodesicError) -> f32| PoseErrors::of(&own.iter().map(|e| of(e)).collect::<Vec<_>>());
        let (plain, symmetric) = (summary(|e| e.plain_deg)?, summary(|e| e.symmetric_deg)?);
        Some(AngleBin {
            from_deg: from_deg(index),
            to_deg: from_deg(index + 1),
            pairs: own.len(),
            median_deg: plain.median_deg,
            symmetric_median_deg: symmetric.median_deg,
        })
    };
    (0..BINS).filter_map(bin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_go_where_their_angles_belong() {
        let error = |plain_deg: f32| GeodesicError { plain_deg, symmetric_deg: plain_deg / 2.0 };
        let found = bins(&[0.0, 29.0, 30.0, 180.0], &[error(2.0), error(4.0), error(10.0), error(90.0)]);
        let rows: Vec<_> = found.iter().map(|b| (b.from_deg, b.pairs, b.median_deg, b.symmetric_median_deg)).collect();
        assert_eq!(rows, [(0.0, 2, 3.0, 1.5), (30.0, 1, 10.0, 5.0), (150.0, 1, 90.0, 45.0)]);
    }
}
