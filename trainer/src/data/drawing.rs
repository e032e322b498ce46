use rand_chacha::ChaCha8Rng;

use super::view_order::{distinct_indices, index_below};
use crate::transformation::{OnPixels, Transformation, Value};

/// How what is drawn of the views of a batch hangs together.
///
/// Where transformations are contrasted, views 0 and 1 are looks at a subject by themselves, and each later one is view 0 once
/// more, with one of them. Where subjects share what is drawn, all views of a subject are of one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Subjects at places that follow each other share all that is drawn of a view, in blocks of so many; 1 where each has
    /// its own.
    pub block: usize,
    /// All views of a subject are of one picture of it, as where subjects share what is drawn.
    pub one_picture: bool,
    /// Of these a subject is given one, by chance. Views 0 and 1 have none of any of them, and later views have that one: of
    /// an ordered scale more in each view than in the one before, of others what each view draws.
    pub contrasted: Vec<&'static dyn Transformation>,
}

/// Views that are looks at a subject by themselves, where transformations are contrasted.
pub const LOOKS: usize = 2;
/// Views after them.
pub const CONTRASTED_VIEWS: usize = 3;

impl Drawing {
    /// Every view of every subject by itself.
    pub const INDEPENDENT: Self = Self { block: 1, one_picture: false, contrasted: Vec::new() };

    /// Each view by itself, but that blocks of subjects share what is drawn.
    pub fn in_blocks(block: usize) -> Self {
        Self { block, ..Self::INDEPENDENT }
    }

    /// Views without these transformations, and with one of them.
    pub fn contrasting(contrasted: Vec<&'static dyn Transformation>) -> Self {
        Self { contrasted, ..Self::INDEPENDENT }
    }

    /// The view of the inner source that a view shows.
    pub(super) fn look(&self, view: usize) -> usize {
        if self.block > 1 || self.one_picture { 0 } else { self.drawn_as(view) }
    }

    /// The view with which a view shares what is drawn, but for what is contrasted.
    pub(super) fn drawn_as(&self, view: usize) -> usize {
        if self.contrasted.is_empty() || view < LOOKS { view } else { 0 }
    }

    /// The parameters of a transformation in a view. `rng` gives the generator of a subject by the name of a stream and the
    /// number of a view.
    pub(super) fn value(
        &self,
        transformation: &'static dyn Transformation,
        on_pixels: &dyn OnPixels,
        view: usize,
        rng: &dyn Fn(&str, usize) -> ChaCha8Rng,
    ) -> Value {
        let place = self.contrasted.iter().position(|contrasted| *contrasted == transformation);
        let (Some(place), Some(neutral)) = (place, transformation.neutral()) else {
            return on_pixels.draw(&mut rng(transformation.name(), self.drawn_as(view)));
        };
        if view < LOOKS || self.chosen(rng) != place {
            return neutral;
        }
        match transformation.scale() {
            Some(scale) => {
                let stream = format!("scale/{}", transformation.name());
                scale.at(rising_steps(&mut rng(&stream, 0), scale.steps())[(view - LOOKS).min(CONTRASTED_VIEWS - 1)])
            }
            None => on_pixels.draw(&mut rng(transformation.name(), view)),
        }
    }

    /// Which of the contrasted transformations a subject is given.
    fn chosen(&self, rng: &dyn Fn(&str, usize) -> ChaCha8Rng) -> usize {
        index_below(&mut rng("contrasted", 0), self.contrasted.len())
    }
}

/// Different steps above none, in their order.
fn rising_steps(rng: &mut ChaCha8Rng, steps: u32) -> [u32; CONTRASTED_VIEWS] {
    let drawn = distinct_indices(rng, steps as usize, CONTRASTED_VIEWS);
    let mut rising: [u32; CONTRASTED_VIEWS] = std::array::from_fn(|at| drawn[at] as u32 + 1);
    rising.sort_unstable();
    rising
}
