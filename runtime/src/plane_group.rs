//! Motions of a picture about its centre that take pixels to pixels, and filters that are copies of each other under them
//! (Cohen and Welling 2016).
//!
//! A map over a group of order `G` has `G` orientations of each of its fields. Its channels stand orientation by orientation:
//! channel `g * fields + field`. When the picture moves by `u`, orientation `g` of the map becomes orientation `u^-1 g` of the
//! map before, moved by `u`.

/// A finite group of motions of square pictures.
///
/// Elements are numbers below [`Self::order`]; 0 moves nothing. Element `r` of the first four is `r` counter-clockwise quarter
/// turns; element `4 + r` is a mirror image, left to right, and then `r` quarter turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlaneGroup {
    /// No motion but the one that leaves the picture where it is.
    Identity,
    /// Quarter turns, `C4`; with translations `p4`.
    QuarterTurns,
    /// Quarter turns and mirror images, `D4`; with translations `p4m`.
    TurnsAndMirrors,
}

impl PlaneGroup {
    /// Every group, the smallest first.
    pub const ALL: [Self; 3] = [Self::Identity, Self::QuarterTurns, Self::TurnsAndMirrors];

    /// Number of elements.
    pub const fn order(self) -> usize {
        match self {
            Self::Identity => 1,
            Self::QuarterTurns => 4,
            Self::TurnsAndMirrors => 8,
        }
    }

    /// Schoenflies' name, as metadata has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "C1",
            Self::QuarterTurns => "C4",
            Self::TurnsAndMirrors => "D4",
        }
    }

    /// What a name stands for; `None` for any other.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Identity => "nothing by construction",
            Self::QuarterTurns => "quarter turns",
            Self::TurnsAndMirrors => "quarter turns and mirror images",
        }
    }

    /// The element that does `second` and then `first`.
    pub const fn product(self, first: usize, second: usize) -> usize {
        let (turns, mirrors) = ([first % 4, second % 4], [first / 4, second / 4]);
        // A turn behind a mirror goes the other way round.
        let turned = if mirrors[0] == 0 { turns[0] + turns[1] } else { turns[0] + 4 - turns[1] };
        turned % 4 + 4 * ((mirrors[0] + mirrors[1]) % 2)
    }

    /// The element that takes back what `element` does.
    pub const fn inverse(self, element: usize) -> usize {
        // A mirror image, turned or not, is its own inverse.
        if element < 4 { (4 - element) % 4 } else { element }
    }

    /// Where an element takes the pixel `[row, column]` of a square of `side` pixels.
    pub const fn moved(self, element: usize, [row, column]: [usize; 2], side: usize) -> [usize; 2] {
        let last = side - 1;
        let column = if element < 4 { column } else { last - column };
        match element % 4 {
            0 => [row, column],
            1 => [last - column, row],
            2 => [last - row, last - column],
            _ => [column, last - row],
        }
    }
}

/// What the channels are that an expanded filter reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fibre {
    /// Channels of a picture, which a motion leaves as they are: the filter lifts a picture to the group.
    Trivial,
    /// Orientations of fields, whose order a motion changes.
    Regular,
}

/// Filters `[G * fields, side, side, channels]` of which the first `fields` are free: those of every other orientation are
/// copies, moved and with their orientations in another order.
///
/// Expanded filter `(g, field)` at pixel `p` and channel `c` is base filter `field` at `g^-1 p` and `c`, where a [`Fibre::Trivial`]
/// is read; for a [`Fibre::Regular`], channel `(h, from)` becomes `(g^-1 h, from)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FilterExpansion {
    /// The group of the map that the filters make.
    pub group: PlaneGroup,
    /// What they read.
    pub reads: Fibre,
}

impl FilterExpansion {
    /// Whether expanded filters can have a shape `[filters, rows, columns, channels]`.
    pub const fn fits(self, [filters, rows, columns, channels]: [usize; 4]) -> bool {
        let order = self.group.order();
        let fields = match self.reads {
            Fibre::Trivial => channels,
            Fibre::Regular => channels / order * order,
        };
        rows == columns && rows > 0 && filters.is_multiple_of(order) && fields == channels
    }

    /// The place in the base filters, row-major, of the number that stands in expanded filters of a shape that
    /// [`Self::fits`] at `[filter, row, column, channel]`.
    pub const fn base_index(self, shape: [usize; 4], [filter, row, column, channel]: [usize; 4]) -> usize {
        let [filters, side, _, channels] = shape;
        let fields = filters / self.group.order();
        let back = self.group.inverse(filter / fields);
        let [row, column] = self.group.moved(back, [row, column], side);
        let channel = match self.reads {
            Fibre::Trivial => channel,
            Fibre::Regular => {
                let from = channels / self.group.order();
                self.group.product(back, channel / from) * from + channel % from
            }
        };
        ((filter % fields * side + row) * side + column) * channels + channel
    }

    /// The shape of the filters that base filters `[fields, side, side, channels]` expand to; `None` when they cannot.
    pub fn expanded_shape(self, [fields, rows, columns, channels]: [usize; 4]) -> Option<[usize; 4]> {
        let shape = [fields.checked_mul(self.group.order())?, rows, columns, channels];
        self.fits(shape).then_some(shape)
    }

    /// For each number of expanded filters of a shape that [`Self::fits`], row-major, its place in the base filters.
    #[cfg(feature = "alloc")]
    pub(crate) fn base_indices(self, shape: [usize; 4]) -> impl Iterator<Item = usize> {
        let [filters, rows, columns, channels] = shape;
        let place = move |index: usize| {
            let (pixel, channel) = (index / channels, index % channels);
            [pixel / columns / rows, pixel / columns % rows, pixel % columns, channel]
        };
        (0..filters * rows * columns * channels).map(move |index| self.base_index(shape, place(index)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_a_group_that_acts_on_pixels() {
        for group in PlaneGroup::ALL {
            for a in 0..group.order() {
                assert_eq!(group.product(a, group.inverse(a)), 0);
                assert_eq!(group.product(group.inverse(a), a), 0);
                for b in 0..group.order() {
                    let product = group.product(a, b);
                    assert!(product < group.order());
                    for side in [1, 2, 3] {
                        for pixel in (0..side * side).map(|at| [at / side, at % side]) {
                            let one_by_one = group.moved(a, group.moved(b, pixel, side), side);
                            assert_eq!(group.moved(product, pixel, side), one_by_one, "{group:?} {a} {b}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_quarter_turn_is_counter_clockwise_and_a_mirror_swaps_left_and_right() {
        let group = PlaneGroup::TurnsAndMirrors;
        let top_right = [0, 4];
        assert_eq!(group.moved(1, top_right, 5), [0, 0]);
        assert_eq!(group.moved(4, top_right, 5), [0, 0]);
        assert_eq!(group.moved(5, top_right, 5), [4, 0]);
    }

    #[test]
    fn each_base_number_stands_once_in_each_orientation() {
        for group in PlaneGroup::ALL {
            for (reads, channels) in [(Fibre::Trivial, 3), (Fibre::Regular, 2 * group.order())] {
                let (expansion, fields) = (FilterExpansion { group, reads }, 5);
                let shape = [fields * group.order(), 3, 3, channels];
                assert!(expansion.fits(shape));
                let base = fields * 9 * channels;
                let mut seen = [0u8; 5 * 9 * 16];
                for at in 0..shape.iter().product() {
                    let place = [at / (9 * channels), at / (3 * channels) % 3, at / channels % 3, at % channels];
                    let index = expansion.base_index(shape, place);
                    assert!(place[0] >= fields || index == at, "the first orientation is the base");
                    seen[index] += 1;
                }
                assert!(seen[..base].iter().all(|&times| usize::from(times) == group.order()));
            }
        }
        let expansion = FilterExpansion { group: PlaneGroup::QuarterTurns, reads: Fibre::Regular };
        for unfit in [[4, 3, 1, 4], [6, 3, 3, 4], [4, 3, 3, 6], [4, 0, 0, 4]] {
            assert!(!expansion.fits(unfit), "{unfit:?}");
        }
    }

    const SIDE: usize = 5;

    /// A map `[5, 5, channels]`.
    type Map = [[[i32; 16]; SIDE]; SIDE];

    /// Cross-correlation with expanded filters `[8, 3, 3, channels]` of one field.
    fn correlated(map: &Map, expansion: FilterExpansion, channels: usize, base: impl Fn(usize) -> i32) -> Map {
        let shape = [8, 3, 3, channels];
        let mut result = Map::default();
        for (row, column, filter) in (0..9 * 8).map(|at| (at / 24 + 1, at / 8 % 3 + 1, at % 8)) {
            for (y, x, channel) in (0..9 * channels).map(|at| (at / channels / 3, at / channels % 3, at % channels)) {
                let weight = base(expansion.base_index(shape, [filter, y, x, channel]));
                result[row][column][filter] += weight * map[row + y - 1][column + x - 1][channel];
            }
        }
        result
    }

    #[test]
    fn convolutions_with_expanded_filters_follow_every_motion() {
        let group = PlaneGroup::TurnsAndMirrors;
        let network = |picture: &Map| {
            let lifted =
                correlated(picture, FilterExpansion { group, reads: Fibre::Trivial }, 2, |i| (i * i % 11) as i32);
            correlated(&lifted, FilterExpansion { group, reads: Fibre::Regular }, 8, |i| (i * 7 % 13) as i32 - 6)
        };
        let mut picture = Map::default();
        for at in 0..SIDE * SIDE * 2 {
            picture[at / 10][at / 2 % 5][at % 2] = (at * at % 17) as i32;
        }
        let answer = network(&picture);
        for element in 0..group.order() {
            let mut moved = Map::default();
            let mut expected = Map::default();
            for pixel in (0..SIDE * SIDE).map(|at| [at / SIDE, at % SIDE]) {
                let [y, x] = group.moved(element, pixel, SIDE);
                moved[y][x] = picture[pixel[0]][pixel[1]];
                for (orientation, number) in expected[y][x].iter_mut().take(group.order()).enumerate() {
                    *number = answer[pixel[0]][pixel[1]][group.product(group.inverse(element), orientation)];
                }
            }
            assert_eq!(network(&moved), expected, "element {element}");
        }
    }
}
