use std::sync::Arc;

use super::{BuildSource, PathUse, SharedKey, SourceEntry};
use crate::data::open::{open_sextant, open_three_die_bench};
use crate::options::ConfigOption;
use crate::scene::CameraPose;

/// Where the camera of a folder in 3DIEBench's layout stood: the layout itself does not say it.
pub const CAMERA_AZIMUTH: ConfigOption = ConfigOption::number(
    "camera_azimuth_deg",
    CameraPose::THREE_DIE_BENCH.azimuth_deg as f64,
    -360.0,
    360.0,
    "where the camera of the folder stood, degrees about z from x: 90 in 3DIEBench",
);

pub(super) const SEXTANT_ENTRY: SourceEntry = SourceEntry {
    name: "sextant",
    description: "a folder of rendered images in our own layout, as `trainer render` makes it",
    path: PathUse::Needed,
    shared_keys: &[SharedKey::new("one_picture")],
    options: &[],
    build: BuildSource::Images(|config| Ok(Arc::new(open_sextant(config.needed_path()?, config.image_size)?))),
};

pub(super) const THREE_DIE_BENCH_ENTRY: SourceEntry = SourceEntry {
    name: "3diebench",
    description: "a folder of rendered images in the layout of 3DIEBench",
    path: PathUse::Needed,
    shared_keys: &[SharedKey::new("one_picture")],
    options: &[CAMERA_AZIMUTH],
    build: BuildSource::Images(|config| {
        let azimuth_deg = config.options.number(CAMERA_AZIMUTH.key)? as f32;
        let camera = CameraPose { azimuth_deg, ..CameraPose::THREE_DIE_BENCH };
        Ok(Arc::new(open_three_die_bench(config.needed_path()?, config.image_size, camera)?))
    }),
};
