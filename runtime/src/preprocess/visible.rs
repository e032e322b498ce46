/// How much of an image a model sees, which it carries in its metadata under
/// [`VISIBLE`](crate::contract::metadata::VISIBLE).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visible {
    /// All of it.
    #[default]
    Whole,
    /// The largest centred circle, which stays the same when the image turns. What lies outside is mid-grey.
    Circle,
}

/// What is not seen, in each channel.
const UNSEEN: u8 = 128;

impl Visible {
    /// The name in metadata.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Circle => "circle",
        }
    }

    /// What a name stands for; `None` for any other.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Whole, Self::Circle].into_iter().find(|visible| visible.name() == name)
    }

    /// Greys what is not seen of an RGB image `u8 [size, size, 3]`; twice is as once.
    ///
    /// # Panics
    /// When the image does not have that many bytes.
    pub fn apply(self, image: &mut [u8], size: usize) {
        assert_eq!(image.len(), size * size * 3, "an image of {size} x {size} pixels");
        if self == Self::Whole {
            return;
        }
        let radius_squared = (size as u64).pow(2);
        for (y, row) in image.chunks_exact_mut(3 * size.max(1)).enumerate() {
            let is_unseen = |x: usize| {
                let [x, y] = [x, y].map(|at| from_middle(at, size));
                x * x + y * y > radius_squared
            };
            let margin = (0..size).take_while(|x| is_unseen(*x)).count();
            row[..3 * margin].fill(UNSEEN);
            row[3 * (size - margin)..].fill(UNSEEN);
        }
    }
}

/// How far the middle of a pixel lies from that of its row, in half pixels.
fn from_middle(at: usize, size: usize) -> u64 {
    (2 * at + 1).abs_diff(size) as u64
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec;

    use super::*;

    fn seen(visible: Visible, size: usize) -> String {
        let mut image = vec![7; size * size * 3];
        visible.apply(&mut image, size);
        let once = image.clone();
        visible.apply(&mut image, size);
        assert_eq!(image, once);
        image.as_chunks::<3>().0.iter().map(|pixel| if *pixel == [7; 3] { '#' } else { '.' }).collect()
    }

    #[test]
    fn a_circle_touches_the_sides() {
        let cases =
            [(1, "#"), (2, "####"), (3, "#########"), (4, ".##.########.##."), (5, ".###.###############.###.")];
        for (size, expected) in cases {
            assert_eq!(seen(Visible::Circle, size), expected, "{size}");
            assert_eq!(seen(Visible::Whole, size), "#".repeat(size * size));
        }
    }

    #[test]
    fn names_are_read_back() {
        for visible in [Visible::Whole, Visible::Circle] {
            assert_eq!(Visible::named(visible.name()), Some(visible));
        }
        assert_eq!(Visible::named("square"), None);
    }
}
