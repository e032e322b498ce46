//! What the halves of the features do when the picture moves, of any network that has such halves.

use candle_core::Tensor;
use serde::Serialize;
use sextant_runtime::plane_group::PlaneGroup;
use sextant_runtime::preprocess::Visible;

use super::linear_map::LinearMap;
use crate::transformation::{PARTS, turn_by_parts};

/// Features of pictures, a row each.
pub struct Halves {
    /// Invariant half, `[n, d]`.
    pub invariant: Rows,
    /// Equivariant half, `[n, d]`.
    pub equivariant: Rows,
}

/// Numbers `[n, width]`, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Numbers a row.
    pub width: usize,
    /// All of them.
    pub numbers: Vec<f32>,
}

impl Rows {
    /// Those of a matrix.
    ///
    /// # Errors
    /// When it is none.
    pub fn of(matrix: &Tensor) -> candle_core::Result<Self> {
        Ok(Self { width: matrix.dim(1)?, numbers: matrix.flatten_all()?.to_vec1()? })
    }

    /// Appends the rows of another.
    pub fn extend(&mut self, others: Self) {
        self.width = others.width;
        self.numbers.extend(others.numbers);
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> + Clone {
        self.numbers.chunks_exact(self.width.max(1))
    }
}

/// What is known of one form of a network: before training, after it, in a file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EquivarianceReport {
    /// Which form.
    pub of: String,
    /// Pictures that were moved.
    pub pictures: usize,
    /// Pixels a side.
    pub image_size: usize,
    /// The motions that the halves follow by construction; [`PlaneGroup::Identity`] without such.
    #[serde(serialize_with = "in_words")]
    pub by_construction: PlaneGroup,
    /// Motions that take pixels to pixels.
    pub exact: Vec<MotionReport>,
    /// Turns in steps of 15 degrees, resampled and seen in a circle.
    pub turns: Vec<MotionReport>,
}

fn in_words<S: serde::Serializer>(group: &PlaneGroup, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(group.words())
}

/// What one motion of the picture does to the features. All numbers are relative: 0 is exact.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MotionReport {
    /// Counter-clockwise, in degrees; after the mirror.
    pub angle_deg: f64,
    /// Whether left and right change places first.
    pub is_mirrored: bool,
    /// How far the invariant half moves: the length of the change over that of the half, over all pictures.
    pub invariant_change: f64,
    /// The same of the equivariant half.
    pub equivariant_change: f64,
    /// How far the equivariant half is from its orientations in their new order, over its length; `None` where the network
    /// does not follow this motion by construction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reordering_error: Option<f64>,
    /// How far it is from the best linear map of what it was, which other pictures tell: the root of the share of its
    /// variance that the map leaves, 0 to about 1. `None` where nothing varies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linear_map_error: Option<f64>,
}

/// Moves pictures `[n, size, size, 3]` and measures what `halves` makes of them; half of the pictures tell the linear maps.
///
/// # Errors
/// When `halves` fails.
pub fn equivariance<E>(
    of: &str,
    by_construction: PlaneGroup,
    pictures: &[u8],
    image_size: usize,
    mut halves: impl FnMut(&[u8]) -> Result<Halves, E>,
) -> Result<EquivarianceReport, E> {
    let moved = |element: usize| moved_exactly(element, pictures, image_size);
    let at_rest = halves(pictures)?;
    let map = LinearMap::from(&at_rest.equivariant);
    let mut exact = Vec::new();
    for element in 1..PlaneGroup::TurnsAndMirrors.order() {
        let found = halves(&moved(element))?;
        let order = (element < by_construction.order()).then_some((by_construction, element));
        exact.push(MotionReport::of(element as f64 % 4.0 * 90.0, element >= 4, [&at_rest, &found], &map, order));
    }
    let at_rest = halves(&turned(0, pictures, image_size))?;
    let map = LinearMap::from(&at_rest.equivariant);
    let mut turns = Vec::new();
    for step in 1..TURNS {
        let found = halves(&turned(step * (PARTS / TURNS), pictures, image_size))?;
        let is_quarter = by_construction.order() >= 4 && step.is_multiple_of(TURNS / 4);
        let order = is_quarter.then_some((by_construction, (step / (TURNS / 4)) as usize));
        let angle_deg = f64::from(step) * 360.0 / f64::from(TURNS);
        turns.push(MotionReport::of(angle_deg, false, [&at_rest, &found], &map, order));
    }
    let pictures = at_rest.invariant.iter().len();
    Ok(EquivarianceReport { of: of.into(), pictures, image_size, by_construction, exact, turns })
}

/// Steps of a whole turn: 15 degrees each.
const TURNS: u32 = 24;

fn moved_exactly(element: usize, pictures: &[u8], size: usize) -> Vec<u8> {
    let mut moved = vec![0; pictures.len()];
    for (picture, moved) in pictures.chunks_exact(size * size * 3).zip(moved.chunks_exact_mut(size * size * 3)) {
        for (at, pixel) in picture.as_chunks::<3>().0.iter().enumerate() {
            let [row, column] = PlaneGroup::TurnsAndMirrors.moved(element, [at / size, at % size], size);
            moved.as_chunks_mut::<3>().0[row * size + column] = *pixel;
        }
    }
    moved
}

fn turned(parts: u32, pictures: &[u8], size: usize) -> Vec<u8> {
    let mut turned = pictures.to_vec();
    for picture in turned.chunks_exact_mut(size * size * 3) {
        turn_by_parts(parts, picture, size);
        Visible::Circle.apply(picture, size);
    }
    turned
}

impl MotionReport {
    fn of(
        angle_deg: f64,
        is_mirrored: bool,
        [before, after]: [&Halves; 2],
        map: &LinearMap,
        order: Option<(PlaneGroup, usize)>,
    ) -> Self {
        let reordered = order.map(|(group, element)| reordered(&before.equivariant, group, element));
        Self {
            angle_deg,
            is_mirrored,
            invariant_change: distance(&before.invariant, &after.invariant),
            equivariant_change: distance(&before.equivariant, &after.equivariant),
            reordering_error: reordered.map(|expected| distance(&expected, &after.equivariant)),
            linear_map_error: map.error(&before.equivariant, &after.equivariant),
        }
    }

    /// The motion in words.
    pub fn motion(&self) -> String {
        match (self.is_mirrored, self.angle_deg) {
            (false, angle) => format!("{angle}°"),
            (true, 0.0) => "mirror".into(),
            (true, angle) => format!("mirror, {angle}°"),
        }
    }
}

/// Orientation `g` is what orientation `element^-1 g` was.
fn reordered(rows: &Rows, group: PlaneGroup, element: usize) -> Rows {
    let (fields, back) = (rows.width / group.order(), group.inverse(element));
    let of_row = |row: &[f32]| {
        let orientations = (0..group.order()).map(|orientation| group.product(back, orientation) * fields);
        orientations.flat_map(|start| row[start..start + fields].to_vec()).collect::<Vec<_>>()
    };
    Rows { width: rows.width, numbers: rows.iter().flat_map(of_row).collect() }
}

/// Length of the difference over the length of what is expected, over all rows.
fn distance(expected: &Rows, found: &Rows) -> f64 {
    let square = |x: f32| f64::from(x).powi(2);
    let difference: f64 = expected.numbers.iter().zip(&found.numbers).map(|(a, b)| square(a - b)).sum();
    let length: f64 = expected.numbers.iter().map(|x| square(*x)).sum();
    if difference == 0.0 { 0.0 } else { (difference / length).sqrt() }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const SIZE: usize = 8;

    fn pictures(count: usize) -> Vec<u8> {
        (0..count * SIZE * SIZE * 3).map(|at| (at * at % 251 + at % 3) as u8).collect()
    }

    /// The mean of each quadrant, counter-clockwise from the top right, and of the whole.
    fn quadrants(pictures: &[u8]) -> Result<Halves, Infallible> {
        let half = SIZE / 2;
        let mean = |picture: &[u8], rows: usize, columns: usize| {
            let pixels = (0..half * half).map(|at| ((at / half + rows) * SIZE + at % half + columns) * 3);
            pixels.map(|at| f32::from(picture[at])).sum::<f32>() / (half * half) as f32
        };
        let of = |picture: &[u8]| [(0, half), (0, 0), (half, 0), (half, half)].map(|(r, c)| mean(picture, r, c));
        let equivariant: Vec<f32> = pictures.chunks_exact(SIZE * SIZE * 3).flat_map(of).collect();
        let invariant = equivariant.chunks(4).map(|four| four.iter().sum()).collect();
        Ok(Halves {
            invariant: Rows { width: 1, numbers: invariant },
            equivariant: Rows { width: 4, numbers: equivariant },
        })
    }

    #[test]
    fn features_that_follow_turns_are_told_from_their_mirror_images() {
        let report = equivariance("", PlaneGroup::QuarterTurns, &pictures(40), SIZE, quadrants).unwrap();
        assert_eq!((report.exact.len(), report.turns.len(), report.pictures), (7, 23, 40));
        for motion in &report.exact {
            assert!(motion.invariant_change < 1e-6, "{motion:?}");
            assert!(motion.equivariant_change > 1e-3, "{motion:?}");
            assert!(motion.linear_map_error.unwrap() < 1e-4, "a mirror swaps quadrants, too: {motion:?}");
            assert_eq!(motion.reordering_error.is_some(), !motion.is_mirrored);
            assert!(motion.reordering_error.is_none_or(|error| error < 1e-6), "{motion:?}");
        }
        let motions: Vec<String> = report.exact.iter().map(MotionReport::motion).collect();
        assert_eq!(motions, ["90°", "180°", "270°", "mirror", "mirror, 90°", "mirror, 180°", "mirror, 270°"]);
        let quarter = &report.turns[5];
        assert_eq!((quarter.angle_deg, quarter.reordering_error.is_some()), (90.0, true));
        assert!(quarter.reordering_error.unwrap() < 0.02, "bytes are rounded: {quarter:?}");
        assert!(report.turns[2].linear_map_error.unwrap() > 0.1, "{:?}", report.turns[2]);
    }

    #[test]
    fn features_in_another_order_do_not_follow() {
        let swapped = |pictures: &[u8]| {
            let mut halves = quadrants(pictures)?;
            halves.equivariant.numbers.chunks_exact_mut(4).for_each(|four| four.swap(0, 1));
            Ok::<_, Infallible>(halves)
        };
        let report = equivariance("", PlaneGroup::QuarterTurns, &pictures(40), SIZE, swapped).unwrap();
        assert!(report.exact[0].reordering_error.unwrap() > 1e-2, "{:?}", report.exact[0]);
    }

    #[test]
    fn features_that_never_change_have_no_linear_map() {
        let constant = |pictures: &[u8]| {
            let count = pictures.len() / (SIZE * SIZE * 3);
            let rows = || Rows { width: 2, numbers: vec![1.0; 2 * count] };
            Ok::<_, Infallible>(Halves { invariant: rows(), equivariant: rows() })
        };
        let report = equivariance("", PlaneGroup::Identity, &pictures(8), SIZE, constant).unwrap();
        assert!(
            report.exact.iter().all(|motion| motion.linear_map_error.is_none() && motion.equivariant_change == 0.0)
        );
    }
}
