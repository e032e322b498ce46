use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::config::Config;
use crate::monitor::peak_memory_bytes;
use crate::ops::accounting::{Account, Kind};

/// What some steps came to.
pub struct StepReport {
    net: String,
    image_size: usize,
    images: usize,
    threads: usize,
    /// Ascending.
    times: Vec<Duration>,
    account: Account,
    peak_memory_bytes: Option<u64>,
}

impl StepReport {
    pub(super) fn new(config: &Config, images: usize, mut times: Vec<Duration>, account: Account) -> Self {
        times.sort();
        let (threads, peak_memory_bytes) = (rayon::current_num_threads(), peak_memory_bytes());
        let (net, image_size) = (config.model.encoder.clone(), config.data.image_size);
        Self { net, image_size, images, threads, times, account, peak_memory_bytes }
    }

    fn median_s(&self) -> f64 {
        self.times[self.times.len() / 2].as_secs_f64()
    }

    fn images_per_s(&self) -> f64 {
        self.images as f64 / self.median_s()
    }

    /// A multiplication with its addition counts two.
    fn gflop_per_s(&self) -> f64 {
        2e-9 * self.account.multiplications() as f64 / self.account.time().as_secs_f64()
    }

    /// Multiplications with their additions of an image, forward and backward.
    fn multiply_adds_per_image(&self) -> f64 {
        self.account.multiplications() as f64 / (self.images * self.times.len()) as f64
    }

    /// Kinds that were used, the longest first.
    fn operators(&self) -> Vec<Kind> {
        let used = Kind::ALL.into_iter().filter(|&kind| !self.account.of(kind).time.is_zero());
        let mut kinds: Vec<Kind> = used.collect();
        kinds.sort_by_key(|&kind| std::cmp::Reverse(self.account.of(kind).time));
        kinds
    }

    fn share(&self, kind: Kind) -> f64 {
        self.account.of(kind).time.as_secs_f64() / self.account.time().as_secs_f64()
    }

    fn ms_per_step(&self, kind: Kind) -> f64 {
        1e3 * self.account.of(kind).time.as_secs_f64() / self.times.len() as f64
    }

    /// `None` for what multiplies no matrices.
    fn kind_gflop_per_s(&self, kind: Kind) -> Option<f64> {
        let entry = self.account.of(kind);
        let speed = 2e-9 * entry.multiplications as f64 / entry.time.as_secs_f64();
        (entry.multiplications > 0).then_some(speed)
    }

    /// One JSON object.
    pub fn to_json(&self) -> Value {
        let ms = |time: &Duration| 1e3 * time.as_secs_f64();
        let operator = |kind: Kind| {
            json!({
                "name": kind.name(),
                "share": self.share(kind),
                "ms_per_step": self.ms_per_step(kind),
                "calls_per_step": self.account.of(kind).calls as f64 / self.times.len() as f64,
                "gflop_per_s": self.kind_gflop_per_s(kind),
            })
        };
        json!({
            "net": self.net,
            "image_size": self.image_size,
            "batch_images": self.images,
            "threads": self.threads,
            "steps": self.times.len(),
            "images_per_s": self.images_per_s(),
            "step_ms": { "median": 1e3 * self.median_s(), "min": ms(&self.times[0]), "max": self.times.last().map(ms) },
            "multiply_adds_per_image": self.multiply_adds_per_image(),
            "gflop_per_s": self.gflop_per_s(),
            "peak_memory_bytes": self.peak_memory_bytes,
            "operators": self.operators().into_iter().map(operator).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for StepReport {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (net, size, images, threads) = (&self.net, self.image_size, self.images, self.threads);
        writeln!(f, "{net}, {size} px, {images} images ({} pairs of views) a step, {threads} threads", images / 2)?;
        let step_ms = 1e3 * self.median_s();
        writeln!(f, "{:.1} images/s   {step_ms:.1} ms a step (median of {})", self.images_per_s(), self.times.len())?;
        let multiply_adds = self.multiply_adds_per_image() / 1e6;
        writeln!(f, "{multiply_adds:.1} M multiply-adds an image, forward and backward")?;
        writeln!(f, "{:.1} GFLOP/s of the plain algorithms", self.gflop_per_s())?;
        match self.peak_memory_bytes {
            Some(bytes) => writeln!(f, "{:.0} MiB peak memory", bytes as f64 / f64::from(1 << 20))?,
            None => writeln!(f, "peak memory unknown: this system has no /proc/self/status")?,
        }
        writeln!(f, "\n{:<22}{:>8}{:>12}{:>10}", "operator", "share", "ms a step", "GFLOP/s")?;
        for kind in self.operators() {
            let speed = self.kind_gflop_per_s(kind).map_or_else(String::new, |speed| format!("{speed:.1}"));
            let (share, ms) = (100.0 * self.share(kind), self.ms_per_step(kind));
            writeln!(f, "{:<22}{share:>7.1}%{ms:>12.2}{speed:>10}", kind.name())?;
        }
        Ok(())
    }
}
