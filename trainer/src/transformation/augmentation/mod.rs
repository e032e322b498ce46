//! Base augmentations: random changes of a picture that are nuisances, done before `data.transformations` and not noted of
//! a view.

mod colour_jitter;
mod crop_flip;
mod resized_crop;
mod simclr;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::PoseChange;
use super::pixels::mirror::mirror_left_right;

/// What is done at random to each finished picture before `data.transformations`; the picture's class stays the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Augmentation {
    /// Nothing.
    #[default]
    None,
    /// A black border of 4 pixels, a window of the picture's size at a random place, and a mirror.
    CropFlip,
    /// A mirror alone: a window without a border, as published code has it, is the whole picture.
    CropFlipAsPublished,
    /// A random part enlarged, a mirror, other colours, and grey.
    Simclr,
}

impl Augmentation {
    /// All, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::None, Self::CropFlip, Self::CropFlipAsPublished, Self::Simclr];

    /// The name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::CropFlip => "crop-flip",
            Self::CropFlipAsPublished => "crop-flip-as-published",
            Self::Simclr => "simclr",
        }
    }

    /// What it does to a picture, in one line without a full stop.
    pub fn description(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::CropFlip => {
                "a window at a random place, up to 4 pixels beyond the edges, which are black; every other one mirrored"
            }
            Self::CropFlipAsPublished => {
                "every other picture mirrored: a window of the whole size without a border is the picture"
            }
            Self::Simclr => "a part of 0.08 to 1 of the area enlarged; mirrored; colours jittered; one of five grey",
        }
    }

    /// What becomes of the pose that is known of a picture: windows are not where the camera looked, and mirror images are
    /// no turns.
    pub fn pose(self) -> PoseChange {
        match self {
            Self::None => PoseChange::Kept,
            Self::CropFlip | Self::CropFlipAsPublished | Self::Simclr => PoseChange::Lost,
        }
    }

    /// Changes a picture `[size, size, 3]` of sRGB bytes; a function of what `rng` gives. `scratch` may hold anything before
    /// and after.
    pub fn apply(self, rng: &mut ChaCha8Rng, picture: &mut [u8], size: usize, scratch: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::CropFlip => crop_flip::crop_flip(rng, picture, size, scratch),
            Self::CropFlipAsPublished => mirror_every_other(rng, picture, size),
            Self::Simclr => simclr::simclr(rng, picture, size, scratch),
        }
    }
}

/// Left and right change places, or not, as often.
fn mirror_every_other(rng: &mut ChaCha8Rng, picture: &mut [u8], size: usize) {
    if rng.random_bool(0.5) {
        mirror_left_right(picture, size);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;

    use super::*;

    /// What came of many draws on one picture.
    pub(super) fn outcomes(augmentation: Augmentation, picture: &[u8], size: usize, draws: u64) -> Vec<Vec<u8>> {
        let mut scratch = Vec::new();
        let draw = |index| {
            let mut rng = ChaCha8Rng::seed_from_u64(4);
            rng.set_stream(index);
            let mut picture = picture.to_vec();
            augmentation.apply(&mut rng, &mut picture, size, &mut scratch);
            picture
        };
        (0..draws).map(draw).collect()
    }

    #[test]
    fn names_are_those_of_configurations() {
        #[derive(Deserialize, Serialize)]
        struct Named {
            augmentation: Augmentation,
        }
        for augmentation in Augmentation::ALL {
            let text = format!("augmentation = \"{}\"\n", augmentation.name());
            assert_eq!(toml::from_str::<Named>(&text).unwrap().augmentation, augmentation);
            assert_eq!(toml::to_string(&Named { augmentation }).unwrap(), text);
        }
    }

    #[test]
    fn published_windows_are_mirrors_alone() {
        let picture: Vec<u8> = (0..12).collect();
        let mirrored = [3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8];
        let found = outcomes(Augmentation::CropFlipAsPublished, &picture, 2, 1000);
        assert!(found.iter().all(|found| *found == picture || *found == mirrored));
        let mirrors = found.iter().filter(|found| **found == mirrored).count();
        assert!((440..560).contains(&mirrors), "{mirrors}");
        assert!(outcomes(Augmentation::None, &picture, 2, 20).iter().all(|found| *found == picture));
    }

    #[test]
    fn draws_come_again_with_their_seed() {
        let picture: Vec<u8> = (0..16 * 16 * 3).map(|at| (at * 7 % 256) as u8).collect();
        for augmentation in [Augmentation::CropFlip, Augmentation::Simclr] {
            let found = outcomes(augmentation, &picture, 16, 30);
            assert_eq!(found, outcomes(augmentation, &picture, 16, 30));
            assert!(found.iter().collect::<BTreeSet<_>>().len() > 20, "{augmentation:?}");
        }
    }
}
