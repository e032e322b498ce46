use super::Cost;

/// What a network that follows motions has in common with the one that follows none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matched {
    /// As many channels of each map, counting orientations: with `G` of them a `G`th of the filters to learn, as many
    /// multiplications in layers that keep the size of a map, and more where steps by two cost more.
    Width,
    /// As many weights, as nearly as whole fields allow, and several times the multiplications.
    Parameters,
    /// As many multiplications, as nearly as whole fields allow, those of steps by two included.
    Multiplications,
}

/// Factors of the channels that are tried are whole numbers of this part.
const STEP: f64 = 1.0 / 128.0;
/// The smallest and the largest, in steps.
const FACTORS: std::ops::RangeInclusive<u32> = 16..=640;

impl Matched {
    /// Its names in configurations.
    pub const NAMES: [&str; 3] = ["width", "parameters", "multiplications"];
    const ALL: [Self; 3] = [Self::Width, Self::Parameters, Self::Multiplications];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().position(|known| *known == name).map(|at| Self::ALL[at])
    }

    /// By how much the plain network's channels are multiplied so that what is `cost` then comes nearest to what `plain` is; of
    /// equally near ones the smallest.
    pub fn factor(self, plain: Cost, cost: impl Fn(f64) -> Cost) -> f64 {
        let compared = |cost: Cost| match self {
            Self::Width => 0,
            Self::Parameters => cost.weights,
            Self::Multiplications => cost.multiplications,
        };
        if self == Self::Width {
            return 1.0;
        }
        let distance = |steps: &u32| compared(cost(f64::from(*steps) * STEP)).abs_diff(compared(plain));
        f64::from(FACTORS.min_by_key(distance).unwrap_or(*FACTORS.start())) * STEP
    }
}

/// Channels of whole fields nearest to a number of them: at least one field of each orientation.
pub(super) fn whole_fields(channels: f64, orientations: usize) -> usize {
    ((channels / orientations as f64).round() as usize).max(1) * orientations
}
