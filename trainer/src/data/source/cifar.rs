use super::picture_options::{LIMIT, MEMORY, load, memory_bytes};
use super::{BuildSource, PathUse, SharedKey, SourceEntry};
use crate::data::pictures::prepare::CIFAR10;
use crate::data::pictures::{CifarLabels, list_cifar};
use crate::options::ConfigOption;

const LABELS: ConfigOption = ConfigOption::choice(
    "cifar_labels",
    &["fine", "coarse"],
    "of CIFAR-100: its 100 classes, or its 20 groups of classes",
);

pub(super) const ENTRY: SourceEntry = SourceEntry {
    name: "cifar",
    description: "CIFAR-10 or CIFAR-100 in the official binary format, a folder or its archive; else what is in the cache",
    path: PathUse::Optional,
    shared_keys: &[SharedKey::new("seed")],
    options: &[LABELS, LIMIT, MEMORY],
    build: BuildSource::Images(|config| {
        let is_fine = config.options.choice(LABELS.key)? == "fine";
        let labels = if is_fine { CifarLabels::Fine } else { CifarLabels::Coarse };
        let path = config.path.clone().map_or_else(|| CIFAR10.prepared_folder(), Ok)?;
        load(list_cifar(&path, labels, memory_bytes(config)?)?, config)
    }),
};
