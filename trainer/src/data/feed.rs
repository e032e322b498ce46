use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{DataError, ObjectOrder, Place, ViewBatch, ViewSource, stream_seed};

/// What a [`Feed`] produces.
#[derive(Clone, Copy, Debug)]
pub struct FeedSettings {
    /// Subjects in a batch.
    pub batch_subjects: usize,
    /// Views of each subject.
    pub views: usize,
    /// Decides subjects and views of every step.
    pub seed: u64,
    /// The step whose batch comes first.
    pub first_step: u64,
    /// Batches made ahead.
    pub depth: usize,
    /// Which part of every batch is made.
    pub share: BatchShare,
}

/// The part of every batch that one of several processes trains on.
///
/// A batch of `b` subjects is `micro_batches` runs of `b / micro_batches` subjects, and each run is shared evenly, in order:
/// the processes' parts of a run, one after the other, are the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchShare {
    /// Which of the processes.
    pub rank: usize,
    /// How many processes there are.
    pub ranks: usize,
    /// Runs of a batch.
    pub micro_batches: usize,
}

impl BatchShare {
    /// All of every batch, in one run.
    pub const WHOLE: Self = Self { rank: 0, ranks: 1, micro_batches: 1 };

    /// The positions of this part in a batch of `subjects`; what does not divide evenly is left out.
    pub fn positions(self, subjects: usize) -> Vec<usize> {
        let run = subjects / self.micro_batches;
        let part = run / self.ranks;
        (0..self.micro_batches).flat_map(|index| (0..part).map(move |at| index * run + self.rank * part + at)).collect()
    }
}

impl FeedSettings {
    /// A feed of two views of each subject from step 0, two batches ahead.
    pub fn new(batch_subjects: usize, seed: u64) -> Self {
        Self { batch_subjects, views: 2, seed, first_step: 0, depth: 2, share: BatchShare::WHOLE }
    }
}

/// The batch of one step.
#[derive(Clone, Debug)]
pub struct StepBatch {
    /// The step it belongs to.
    pub step: u64,
    /// The epoch to which its first subject belongs.
    pub epoch: u64,
    /// Its views.
    pub views: ViewBatch,
}

/// Batches of consecutive steps, made ahead on a background thread.
///
/// The batch of a step depends on the seed and the step alone, so a resumed run sees what an uninterrupted one sees.
/// The training objects come in a fresh permutation every epoch. Dropping a feed stops its thread.
#[derive(Debug)]
pub struct Feed {
    batches: Option<Receiver<Result<StepBatch, DataError>>>,
    worker: Option<JoinHandle<()>>,
    waited: Duration,
}

impl Feed {
    /// Starts to make batches of the training objects of `source`.
    ///
    /// # Errors
    /// When the settings ask for nothing, the source has nothing to train on, or no thread can be started.
    pub fn start(source: Arc<dyn ViewSource>, settings: FeedSettings) -> Result<Self, DataError> {
        let subjects = source.training_subjects();
        Self::of(source, subjects, settings)
    }

    /// As [`Self::start`], of these subjects of `source`: one that is listed several times comes as often in an epoch.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn of(source: Arc<dyn ViewSource>, subjects: Vec<usize>, settings: FeedSettings) -> Result<Self, DataError> {
        if subjects.is_empty() {
            return Err(DataError::Unusable("the data set has no object to train on: all are held out".to_owned()));
        }
        if settings.batch_subjects == 0 || settings.views == 0 || settings.depth == 0 {
            return Err(DataError::Unusable(
                "the batch, its views and the queue of batches must be at least 1".to_owned(),
            ));
        }
        let BatchShare { rank, ranks, micro_batches } = settings.share;
        let parts = ranks * micro_batches;
        if rank >= ranks || parts == 0 || !settings.batch_subjects.is_multiple_of(parts) {
            let batch = settings.batch_subjects;
            return Err(DataError::Unusable(format!(
                "a batch of {batch} subjects does not divide into {parts} equal parts"
            )));
        }
        let (send, batches) = sync_channel(settings.depth);
        let order = ObjectOrder::new(subjects, settings.seed);
        let worker = std::thread::Builder::new()
            .name("feed".to_owned())
            .spawn(move || produce(&*source, order, settings, &send))
            .map_err(|error| DataError::Unusable(format!("cannot start the thread that makes batches: {error}")))?;
        Ok(Self { batches: Some(batches), worker: Some(worker), waited: Duration::ZERO })
    }

    /// The next step's batch, waiting for it if need be.
    ///
    /// # Errors
    /// What the source reported; after an error there are no more batches.
    pub fn next_batch(&mut self) -> Result<StepBatch, DataError> {
        let start = Instant::now();
        let batch = self.batches.as_ref().and_then(|batches| batches.recv().ok());
        self.waited += start.elapsed();
        batch.unwrap_or_else(|| Err(DataError::Unusable("the thread that makes batches has stopped".to_owned())))
    }

    /// How long [`Self::next_batch`] has waited in all.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // Without a receiver the worker's next send fails, and it returns.
        self.batches = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

fn produce(
    source: &dyn ViewSource,
    mut order: ObjectOrder,
    settings: FeedSettings,
    send: &SyncSender<Result<StepBatch, DataError>>,
) {
    let positions = settings.share.positions(settings.batch_subjects);
    for step in settings.first_step.. {
        let subjects = order.batch(step, settings.batch_subjects);
        let epoch = order.epoch(step, settings.batch_subjects);
        let places: Vec<Place> =
            positions.iter().map(|&position| Place { position, subject: subjects[position] }).collect();
        // Views came in pairs when the stream was named; another name would change every run.
        let views = source.views(&places, settings.views, stream_seed(settings.seed, "pairs", step));
        let failed = views.is_err();
        if send.send(views.map(|views| StepBatch { step, epoch, views })).is_err() || failed {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

    use super::*;
    use crate::scene::CameraPose;
    use crate::transformation::{Parameters, Transformation};

    /// Images hold the seed they were made with; batches from `broken_after` on cannot be read.
    #[derive(Default)]
    struct Counting {
        made: AtomicUsize,
        broken_after: Option<usize>,
        held_out: bool,
    }

    impl ViewSource for Counting {
        fn image_size(&self) -> usize {
            1
        }
        fn class_names(&self) -> &[String] {
            &[]
        }
        fn subject_count(&self) -> usize {
            6
        }
        fn subject_id(&self, subject: usize) -> String {
            subject.to_string()
        }
        fn label(&self, _: usize) -> usize {
            0
        }
        fn symmetry(&self, _: usize) -> SymmetryGroup {
            SymmetryGroup::None
        }
        fn is_held_out(&self, subject: usize) -> bool {
            self.held_out || subject == 5
        }
        fn camera(&self) -> Option<CameraPose> {
            None
        }
        fn offers(&self) -> Vec<&'static dyn Transformation> {
            Vec::new()
        }
        fn views(&self, places: &[Place], count: usize, stream_seed: u64) -> Result<ViewBatch, DataError> {
            let made = self.made.fetch_add(1, Ordering::SeqCst);
            if self.broken_after.is_some_and(|after| made >= after) {
                return Err(DataError::Unusable("a broken shard".to_owned()));
            }
            Ok(ViewBatch {
                images: stream_seed.to_le_bytes().repeat(count * places.len()),
                transformations: vec![Parameters::NONE; count * places.len()],
                labels: vec![0; places.len()],
                subjects: places.iter().map(|place| place.subject as u32).collect(),
                camera_from_world: UnitQuaternion::IDENTITY,
            })
        }
    }

    fn first_batches(settings: FeedSettings, count: usize) -> Vec<StepBatch> {
        let mut feed = Feed::start(Arc::new(Counting::default()), settings).unwrap();
        (0..count).map(|_| feed.next_batch().unwrap()).collect()
    }

    #[test]
    fn a_resumed_feed_continues_the_same_batches() {
        let settings = FeedSettings::new(4, 11);
        let all = first_batches(settings, 6);
        let resumed = first_batches(FeedSettings { first_step: 3, depth: 1, ..settings }, 3);
        for (whole, part) in all[3..].iter().zip(&resumed) {
            assert_eq!((whole.step, whole.epoch, &whole.views), (part.step, part.epoch, &part.views));
        }
        assert_ne!(all[0].views.images, all[1].views.images);
        assert!(all.iter().all(|batch| !batch.views.subjects.contains(&5)), "held-out subjects stay out");
    }

    #[test]
    fn the_parts_of_all_processes_are_the_batch() {
        let settings = FeedSettings::new(12, 3);
        let whole = &first_batches(settings, 2)[1].views;
        for micro_batches in [1, 2, 3] {
            let share = |rank| BatchShare { rank, ranks: 2, micro_batches };
            let parts = [0, 1].map(|rank| first_batches(FeedSettings { share: share(rank), ..settings }, 2).remove(1));
            let run = 6 / micro_batches;
            let together: Vec<u32> = (0..micro_batches)
                .flat_map(|index| parts.iter().flat_map(move |part| part.views.subjects[index * run..][..run].to_vec()))
                .collect();
            assert_eq!(together, whole.subjects, "{micro_batches} runs");
        }
        assert_eq!(BatchShare { rank: 1, ranks: 2, micro_batches: 2 }.positions(8), [2, 3, 6, 7]);
    }

    #[test]
    fn errors_are_passed_on() {
        let source = Arc::new(Counting { broken_after: Some(2), ..Counting::default() });
        let mut feed = Feed::start(source, FeedSettings::new(2, 0)).unwrap();
        assert!(feed.next_batch().is_ok() && feed.next_batch().is_ok());
        assert!(feed.next_batch().unwrap_err().to_string().contains("broken shard"));
        assert!(feed.next_batch().unwrap_err().to_string().contains("stopped"));
    }

    #[test]
    fn no_more_than_the_depth_is_made_ahead() {
        let source = Arc::new(Counting::default());
        let mut feed = Feed::start(source.clone(), FeedSettings { depth: 1, ..FeedSettings::new(2, 0) }).unwrap();
        for _ in 0..5 {
            feed.next_batch().unwrap();
        }
        drop(feed);
        // Five taken, one queued, one waiting to be queued.
        assert!(source.made.load(Ordering::SeqCst) <= 7);
        assert_eq!(Arc::strong_count(&source), 1, "the thread has ended");
    }

    #[test]
    fn impossible_settings_are_refused() {
        let empty = Arc::new(Counting { held_out: true, ..Counting::default() });
        assert!(Feed::start(empty, FeedSettings::new(2, 0)).unwrap_err().to_string().contains("held out"));
        let settings = FeedSettings::new(0, 0);
        assert!(Feed::start(Arc::new(Counting::default()), settings).is_err());
        let share = BatchShare { rank: 0, ranks: 2, micro_batches: 2 };
        let settings = FeedSettings { share, ..FeedSettings::new(6, 0) };
        let error = Feed::start(Arc::new(Counting::default()), settings).unwrap_err().to_string();
        assert!(error.contains("6 subjects does not divide into 4"), "{error}");
    }
}
