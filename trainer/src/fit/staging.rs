//! Batches on their way to the device that trains.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use candle_core::Tensor;

use crate::data::{DataError, Feed, StepBatch};
use crate::model::Normaliser;

/// A feed, and on GPUs a thread that normalises its images and copies them over ahead of use.
pub(super) enum Batches {
    /// Images are normalised where they are used.
    Here(Feed),
    /// Images are on the device before the step begins.
    Ahead(Staging),
}

/// A batch, and the normalised images of each of its views where they were made ahead.
type Staged = (StepBatch, Option<Vec<Tensor>>);

/// The thread that copies ahead; dropping this stops it.
pub(super) struct Staging {
    staged: Option<Receiver<anyhow::Result<Staged>>>,
    worker: Option<JoinHandle<()>>,
    waited: Duration,
}

impl Batches {
    /// Copies ahead when the images are to be on another device than the CPU.
    pub fn new(feed: Feed, normaliser: &Normaliser) -> anyhow::Result<Self> {
        if normaliser.device().is_cpu() { Ok(Self::Here(feed)) } else { Staging::start(feed, normaliser.clone()) }
    }

    /// The next step's batch.
    pub fn next_batch(&mut self) -> anyhow::Result<Staged> {
        match self {
            Self::Here(feed) => Ok((feed.next_batch()?, None)),
            Self::Ahead(staging) => staging.next_batch(),
        }
    }

    /// How long [`Self::next_batch`] has waited in all.
    pub fn waited(&self) -> Duration {
        match self {
            Self::Here(feed) => feed.waited(),
            Self::Ahead(staging) => staging.waited,
        }
    }
}

impl Staging {
    /// One batch waits on the device while another is in use.
    fn start(feed: Feed, normaliser: Normaliser) -> anyhow::Result<Batches> {
        let (send, staged) = sync_channel(1);
        let copy = move || copy_ahead(feed, &normaliser, &send);
        let worker = std::thread::Builder::new().name("staging".into()).spawn(copy);
        let worker = Some(worker.context("cannot start the thread that copies batches to the device")?);
        Ok(Batches::Ahead(Self { staged: Some(staged), worker, waited: Duration::ZERO }))
    }

    fn next_batch(&mut self) -> anyhow::Result<Staged> {
        let start = Instant::now();
        let batch = self.staged.as_ref().and_then(|staged| staged.recv().ok());
        self.waited += start.elapsed();
        batch.unwrap_or_else(|| anyhow::bail!("the thread that copies batches to the device has stopped"))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Without a receiver the worker's next send fails, and it returns.
        self.staged = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

fn copy_ahead(mut feed: Feed, normaliser: &Normaliser, send: &SyncSender<anyhow::Result<Staged>>) {
    loop {
        let staged = stage(feed.next_batch(), normaliser);
        let failed = staged.is_err();
        if send.send(staged).is_err() || failed {
            return;
        }
    }
}

fn stage(batch: Result<StepBatch, DataError>, normaliser: &Normaliser) -> anyhow::Result<Staged> {
    let batch = batch?;
    let of_view = |view| normaliser.normalise(batch.views.images_of(view));
    let images = (0..batch.views.view_count()).map(of_view).collect::<candle_core::Result<_>>()?;
    Ok((batch, Some(images)))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::config::{Config, Origin};
    use crate::data::FeedSettings;
    use crate::fit::Training;
    use crate::registry::Registry;

    #[test]
    fn batches_copied_ahead_train_as_those_that_were_not() {
        // Needs four views.
        let text = "[method]\nname = \"seq-jepa\"";
        let mut config = Config::from_toml(&Registry::default(), text, Origin::File("test.toml".into())).unwrap();
        (config.data.image_size, config.data.supersampling) = (16, 1);
        (config.data.objects_per_family, config.data.held_out_per_family) = (1, 1);
        (config.model.projector_hidden, config.model.embedding) = (16, 16);
        (config.fit.batch_size, config.fit.accumulate) = (8, 2);
        let source = config.open_data().unwrap();
        let course = |ahead: bool| -> Vec<u32> {
            let mut training =
                Training::new(&config, crate::data::GroundTruth::of(source.as_ref()), &Device::Cpu).unwrap();
            let settings = FeedSettings { views: training.needs().views, ..FeedSettings::new(8, 0) };
            let feed = Feed::start(source.clone(), settings).unwrap();
            let normaliser = training.model.normaliser().clone();
            let mut batches = if ahead { Staging::start(feed, normaliser).unwrap() } else { Batches::Here(feed) };
            let mut losses = Vec::new();
            for step in 0..4 {
                let (batch, images) = batches.next_batch().unwrap();
                assert_eq!((batch.step, images.is_some()), (step, ahead));
                let subjects = batch.views.subjects.iter();
                let symmetries: Vec<_> = subjects.map(|&subject| source.symmetry(subject as usize)).collect();
                let report = training.train_staged(&batch.views, images.as_deref(), &symmetries).unwrap();
                losses.push(report.loss.to_bits());
            }
            losses
        };
        assert_eq!(course(true), course(false));
    }
}
