use std::path::PathBuf;

use indicatif::ProgressBar;
use rayon::prelude::*;
use sextant_runtime::preprocess::PictureView;

use super::PictureSet;
use crate::data::DataError;
use crate::progress_bar::progress_bar;
use crate::scene::unit_hash;

/// Sets with fewer pictures are read before anyone asks how long it will take.
const LEAST_FOR_PROGRESS: usize = 2000;

/// One picture of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PictureRecord {
    /// Its name, which no other picture of the set has.
    pub id: String,
    /// Index of its class; 0 where there are none.
    pub label: usize,
    /// Whether it is kept out of training.
    pub held_out: bool,
    /// Where its reader finds it.
    pub place: usize,
}

/// How the pictures of a set are read.
pub(super) trait ReadPicture: Send + Sync {
    /// Shows the picture at a place as it is to be looked at.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    fn read(&self, place: usize, see: &mut dyn FnMut(PictureView<'_>)) -> Result<(), String>;
}

/// The pictures of a set before any is read: names, classes and split.
pub struct ListedPictures {
    /// The folder or file that the user named.
    pub(super) path: PathBuf,
    /// How the data are laid out, in words.
    pub(super) layout: String,
    pub(super) class_names: Vec<String>,
    pub(super) records: Vec<PictureRecord>,
    pub(super) reader: Box<dyn ReadPicture>,
    /// What had to be left out or guessed.
    pub(super) warnings: Vec<String>,
}

impl ListedPictures {
    /// How the data are laid out, in words.
    pub fn layout(&self) -> &str {
        &self.layout
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Names of the classes, indexed by label; none where nothing is known of them.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The name of a picture.
    pub fn id(&self, picture: usize) -> &str {
        &self.records[picture].id
    }

    /// The class of a picture.
    pub fn label(&self, picture: usize) -> usize {
        self.records[picture].label
    }

    /// Whether a picture is kept out of training.
    pub fn is_held_out(&self, picture: usize) -> bool {
        self.records[picture].held_out
    }

    /// What had to be left out or guessed.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// With at most `limit` training pictures, each class in proportion, chosen by `seed`; all of them when `limit` is 0. A
    /// smaller limit takes pictures that a larger one takes, too. Held-out pictures stay.
    #[must_use]
    pub fn limited(mut self, limit: usize, seed: u64) -> Self {
        let training: Vec<usize> = (0..self.len()).filter(|&picture| !self.is_held_out(picture)).collect();
        if limit == 0 || training.len() <= limit {
            return self;
        }
        let mut is_kept: Vec<bool> = self.records.iter().map(|record| record.held_out).collect();
        self.in_proportion(training, seed)[..limit].iter().for_each(|&picture| is_kept[picture] = true);
        let mut is_kept = is_kept.into_iter();
        self.records.retain(|_| is_kept.next().unwrap_or(true));
        self
    }

    /// The pictures in an order of which each beginning has every class in proportion.
    fn in_proportion(&self, mut pictures: Vec<usize>, seed: u64) -> Vec<usize> {
        let draws: Vec<f64> = self.records.iter().map(|record| unit_hash(&record.id, seed)).collect();
        pictures.sort_by(|&a, &b| (self.label(a).cmp(&self.label(b))).then(draws[a].total_cmp(&draws[b])));
        let of_class = |members: &[usize]| -> Vec<(f64, usize)> {
            let share = |rank: usize| (rank as f64 + 0.5) / members.len() as f64;
            members.iter().enumerate().map(|(rank, &picture)| (share(rank), picture)).collect()
        };
        let mut order: Vec<(f64, usize)> =
            pictures.chunk_by(|&a, &b| self.label(a) == self.label(b)).flat_map(of_class).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        order.into_iter().map(|(_, picture)| picture).collect()
    }

    /// Reads every picture on all cores, at `image_size` pixels a side; they are kept in memory where they take at most
    /// `memory_bytes`, and read anew for each batch otherwise. With `skip_broken`, those that cannot be read are left out with
    /// a warning.
    ///
    /// # Errors
    /// When there is none, or some cannot be read: all of them are named.
    pub fn load(self, image_size: usize, memory_bytes: u64, skip_broken: bool) -> Result<PictureSet, DataError> {
        PictureSet::load(self, image_size, memory_bytes, skip_broken)
    }

    /// Width and height of each picture, or what is wrong with it; on all cores, with a bar on stderr.
    pub fn inspect(&self) -> Vec<Result<[usize; 2], String>> {
        let bar = self.bar();
        let inspect = |record: &PictureRecord| {
            let mut size = [0; 2];
            let outcome = self.read(record, &mut |view| size = view.size());
            bar.inc(1);
            outcome.map(|()| size)
        };
        let sizes = self.records.par_iter().map(inspect).collect();
        bar.finish_and_clear();
        sizes
    }

    /// Shows a picture, and names it where it cannot be read.
    pub(super) fn read(&self, record: &PictureRecord, see: &mut dyn FnMut(PictureView<'_>)) -> Result<(), String> {
        read_named(self.reader.as_ref(), record, see)
    }

    /// A bar for reading all pictures; it is hidden where they are few.
    pub(super) fn bar(&self) -> ProgressBar {
        let bar = if self.len() < LEAST_FOR_PROGRESS { ProgressBar::hidden() } else { progress_bar("pictures") };
        bar.set_length(self.len() as u64);
        bar
    }

    /// The error of pictures that cannot be read.
    pub(super) fn broken(&self, errors: Vec<String>) -> DataError {
        DataError::BrokenPictures { place: self.path.clone(), errors, pictures: self.len() }
    }
}

/// Shows a picture, and names it where it cannot be read.
pub(super) fn read_named(
    reader: &dyn ReadPicture,
    record: &PictureRecord,
    see: &mut dyn FnMut(PictureView<'_>),
) -> Result<(), String> {
    reader.read(record.place, see).map_err(|reason| format!("{}: {reason}", record.id))
}

impl std::fmt::Debug for ListedPictures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListedPictures").field("path", &self.path).field("records", &self.records.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl ReadPicture for Nothing {
        fn read(&self, _: usize, _: &mut dyn FnMut(PictureView<'_>)) -> Result<(), String> {
            Err("nothing".into())
        }
    }

    /// Training pictures of classes of these sizes, and one held-out picture of each.
    fn listed(sizes: &[usize]) -> ListedPictures {
        let mut records = Vec::new();
        for (label, size) in sizes.iter().enumerate() {
            records.extend((0..=*size).map(|at| PictureRecord {
                id: format!("{label}/{at}"),
                label,
                held_out: at == *size,
                place: at,
            }));
        }
        ListedPictures {
            path: "set".into(),
            layout: String::new(),
            class_names: (0..sizes.len()).map(|label| label.to_string()).collect(),
            records,
            reader: Box::new(Nothing),
            warnings: Vec::new(),
        }
    }

    fn training_ids(listed: &ListedPictures) -> Vec<String> {
        let training = listed.records.iter().filter(|record| !record.held_out);
        training.map(|record| record.id.clone()).collect()
    }

    #[test]
    fn a_limit_takes_each_class_in_proportion_and_leaves_held_out_pictures() {
        struct Case {
            sizes: &'static [usize],
            limit: usize,
            taken: &'static [usize],
        }
        let cases = [
            Case { sizes: &[10, 20, 30], limit: 0, taken: &[10, 20, 30] },
            Case { sizes: &[10, 20, 30], limit: 60, taken: &[10, 20, 30] },
            Case { sizes: &[10, 20, 30], limit: 30, taken: &[5, 10, 15] },
            Case { sizes: &[10, 20, 30], limit: 6, taken: &[1, 2, 3] },
            Case { sizes: &[10, 10, 10], limit: 4, taken: &[2, 1, 1] },
            Case { sizes: &[10], limit: 3, taken: &[3] },
        ];
        for Case { sizes, limit, taken } in cases {
            for seed in [0, 7] {
                let limited = listed(sizes).limited(limit, seed);
                let ids = training_ids(&limited);
                let of = |label: usize| ids.iter().filter(|id| id.starts_with(&format!("{label}/"))).count();
                assert_eq!((0..sizes.len()).map(of).collect::<Vec<_>>(), taken, "{sizes:?}, {limit}, seed {seed}");
                assert_eq!(limited.len() - ids.len(), sizes.len(), "held-out pictures stay");
            }
        }
    }

    #[test]
    fn a_limit_depends_on_its_seed_and_grows_without_exchange() {
        let ids = |limit, seed| training_ids(&listed(&[30, 30]).limited(limit, seed));
        assert_eq!(ids(20, 3), ids(20, 3));
        assert_ne!(ids(20, 3), ids(20, 4));
        assert!(ids(10, 3).iter().all(|id| ids(20, 3).contains(id)));
    }
}
