use std::time::{Duration, Instant};

use sextant_runtime::contract::run_folder::{LOG, METRICS};

use crate::run::{EventWriter, Figures, MetricRecord, MetricsLog, Progress, RunError, RunFolder, Surface};

/// Where a run's figures go: `metrics.jsonl`, TensorBoard, the progress bar and `log.txt`.
pub struct Journal {
    metrics: MetricsLog,
    events: EventWriter,
    progress: Progress,
    steps: u64,
    probes: Vec<(String, String)>,
    window: Window,
}

/// What has been done since the last report.
struct Window {
    since: Instant,
    steps: u64,
    images: usize,
    /// Total waiting time of the feed when the window began.
    waited: Duration,
}

/// Speed over a window.
pub struct Speed {
    /// Images of training steps.
    pub images_per_s: f64,
    /// Share of the time spent waiting for data, in [0, 1].
    pub data_wait_share: f64,
}

impl Journal {
    /// Opens the files of a run for a start, or for going on after a step.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn open(run: &RunFolder, steps: u64, resumed_from: Option<u64>) -> Result<Self, RunError> {
        Ok(Self {
            metrics: MetricsLog::open(&run.file(METRICS), resumed_from)?,
            events: EventWriter::create(run.path(), resumed_from)?,
            progress: Progress::new(Surface::of_stderr(), steps, &run.file(LOG))?,
            steps,
            probes: Vec::new(),
            window: Window::new(Duration::ZERO),
        })
    }

    /// Counts a step.
    pub fn step_done(&mut self, step: u64, images: usize) {
        self.window.steps += 1;
        self.window.images += images;
        self.progress.advance(step);
    }

    /// The speed since the last report.
    pub fn speed(&self, waited: Duration) -> Speed {
        let seconds = self.window.since.elapsed().as_secs_f64().max(1e-9);
        let waiting = waited.saturating_sub(self.window.waited).as_secs_f64();
        Speed { images_per_s: self.window.images as f64 / seconds, data_wait_share: (waiting / seconds).min(1.0) }
    }

    /// Shows loss, speed and time left, and begins a new window.
    ///
    /// # Errors
    /// When `log.txt` cannot be written.
    pub fn report(&mut self, step: u64, loss: f64, waited: Duration) -> Result<(), RunError> {
        let speed = self.speed(waited);
        let per_step = self.window.since.elapsed().div_f64(self.window.steps.max(1) as f64);
        let remaining = per_step.checked_mul(u32::try_from(self.steps - step).unwrap_or(u32::MAX));
        let figures = Figures { loss, images_per_s: speed.images_per_s, remaining, probes: self.probes.clone() };
        self.window = Window::new(waited);
        self.progress.report(step, &figures)
    }

    /// Stores named figures of a step.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn record(&mut self, step: u64, values: &[(String, f64)]) -> Result<(), RunError> {
        self.metrics.append(&MetricRecord { step, values: values.iter().cloned().collect() })?;
        let named: Vec<(&str, f64)> = values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        self.events.scalars(step, &named)
    }

    /// Shows the probes' newest figures from now on.
    pub fn show_probes(&mut self, probes: Vec<(String, String)>) {
        self.probes = probes;
    }

    /// Leaves a remark.
    ///
    /// # Errors
    /// When `log.txt` cannot be written.
    pub fn line(&mut self, text: &str) -> Result<(), RunError> {
        self.progress.line(text)
    }

    /// Makes sure that every record is on the disk, as before a checkpoint.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn sync(&self) -> Result<(), RunError> {
        self.metrics.sync()
    }

    /// Takes the bar off the screen.
    pub fn finish(self) {
        self.progress.finish();
    }
}

impl Window {
    fn new(waited: Duration) -> Self {
        Self { since: Instant::now(), steps: 0, images: 0, waited }
    }
}
