use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::RunError;

const BAR: &str = "{bar:30} {pos}/{len}  {msg}";
const COLORED_BAR: &str = "{bar:30.cyan/dim} {pos}/{len}  {msg}";

/// What is shown of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// The whole loss.
    pub loss: f64,
    /// Images that went through the network in a second.
    pub images_per_s: f64,
    /// Time until all steps are done, when it can be told.
    pub remaining: Option<Duration>,
    /// Latest figures of the probes, as name and text with unit.
    pub probes: Vec<(String, String)>,
}

/// Where progress is shown; never stdout, which is for data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// A line that redraws itself.
    Bar {
        /// Whether it may have colours.
        colored: bool,
    },
    /// A line for every report.
    Lines,
}

impl Surface {
    /// A bar when stderr is a terminal, lines otherwise; no colours when `NO_COLOR` is set to anything.
    pub fn of_stderr() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self::choose(io::stderr().is_terminal(), no_color)
    }

    fn choose(is_terminal: bool, no_color: bool) -> Self {
        if is_terminal { Self::Bar { colored: !no_color } } else { Self::Lines }
    }
}

/// Shows how a run goes, and keeps the same lines in `log.txt`.
pub struct Progress {
    steps: u64,
    bar: Option<ProgressBar>,
    lines: Box<dyn Write + Send>,
    log: File,
    log_path: PathBuf,
}

impl Progress {
    /// Progress of a run of so many steps on stderr, and at the end of the file `log_path`.
    ///
    /// # Errors
    /// When the system refuses the file.
    pub fn new(surface: Surface, steps: u64, log_path: &Path) -> Result<Self, RunError> {
        let bar = match surface {
            Surface::Bar { colored } => Some(bar(steps, colored)),
            Surface::Lines => None,
        };
        Self::with_lines(bar, steps, log_path, Box::new(io::stderr()))
    }

    fn with_lines(
        bar: Option<ProgressBar>,
        steps: u64,
        log_path: &Path,
        lines: Box<dyn Write + Send>,
    ) -> Result<Self, RunError> {
        let log = File::options().create(true).append(true).open(log_path).map_err(RunError::io(log_path))?;
        Ok(Self { steps, bar, lines, log, log_path: log_path.into() })
    }

    /// Moves the bar to this many steps done; shows nothing on a surface of lines.
    pub fn advance(&self, steps_done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(steps_done);
        }
    }

    /// Shows the figures after so many steps.
    ///
    /// # Errors
    /// When `log.txt` cannot be written.
    pub fn report(&mut self, steps_done: u64, figures: &Figures) -> Result<(), RunError> {
        let text = figures_text(figures);
        let line = format!("step {steps_done}/{}  {text}", self.steps);
        match &self.bar {
            Some(bar) => {
                bar.set_position(steps_done);
                bar.set_message(text);
            }
            None => show(&mut self.lines, &line),
        }
        self.write_log(&line)
    }

    /// Shows a line of text: a warning, a probe's outcome, where a file went.
    ///
    /// # Errors
    /// When `log.txt` cannot be written.
    pub fn line(&mut self, text: &str) -> Result<(), RunError> {
        match &self.bar {
            Some(bar) => bar.suspend(|| show(&mut self.lines, text)),
            None => show(&mut self.lines, text),
        }
        self.write_log(text)
    }

    /// Removes the bar, so that what follows starts on a clean line.
    pub fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn write_log(&mut self, line: &str) -> Result<(), RunError> {
        self.log.write_all(format!("{line}\n").as_bytes()).map_err(RunError::io(&self.log_path))
    }
}

/// A closed stderr is no reason to lose a run.
fn show(lines: &mut impl Write, line: &str) {
    let _ = writeln!(lines, "{line}");
}

fn bar(steps: u64, colored: bool) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
    let template = if colored { COLORED_BAR } else { BAR };
    bar.set_style(ProgressStyle::with_template(template).expect("a template that a test has parsed"));
    bar
}

fn figures_text(figures: &Figures) -> String {
    let mut text = format!("loss {:.4}  {:.0} images/s", figures.loss, figures.images_per_s);
    if let Some(remaining) = figures.remaining {
        text += &format!("  {} left", duration_text(remaining));
    }
    for (name, figure) in &figures.probes {
        text += &format!("  {name} {figure}");
    }
    text
}

/// The two largest units.
fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if days > 0 => format!("{days} d {} h", hours % 24),
        () if hours > 0 => format!("{hours} h {} min", minutes % 60),
        () if minutes > 0 => format!("{minutes} min {} s", seconds % 60),
        () => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn figures() -> Figures {
        Figures {
            loss: 1.23456,
            images_per_s: 512.3,
            remaining: Some(Duration::from_secs(195)),
            probes: vec![("pose".into(), "12.3°".into())],
        }
    }

    #[test]
    fn lines_go_to_the_surface_and_to_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        std::fs::write(&path, "before\n").unwrap();
        let shared = Shared::default();
        let mut progress = Progress::with_lines(None, 2000, &path, Box::new(shared.clone())).unwrap();
        progress.report(20, &figures()).unwrap();
        progress.advance(21);
        progress.line("saved").unwrap();
        progress.finish();
        let expected = "step 20/2000  loss 1.2346  512 images/s  3 min 15 s left  pose 12.3°\nsaved\n";
        assert_eq!(String::from_utf8(shared.0.lock().unwrap().clone()).unwrap(), expected);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("before\n{expected}"));
    }

    #[test]
    fn a_bar_takes_the_figures_and_the_log_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        for colored in [false, true] {
            let shared = Shared::default();
            let hidden = bar(2000, colored);
            hidden.set_draw_target(ProgressDrawTarget::hidden());
            let mut progress =
                Progress::with_lines(Some(hidden.clone()), 2000, &path, Box::new(shared.clone())).unwrap();
            progress.report(20, &figures()).unwrap();
            assert_eq!((hidden.position(), hidden.message()), (20, figures_text(&figures())));
            assert!(shared.0.lock().unwrap().is_empty());
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
    }

    #[test]
    fn surfaces() {
        assert_eq!(Surface::choose(true, false), Surface::Bar { colored: true });
        assert_eq!(Surface::choose(true, true), Surface::Bar { colored: false });
        assert_eq!(Surface::choose(false, false), Surface::Lines);
    }

    #[test]
    fn durations() {
        let cases = [(0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3_720, "1 h 2 min"), (180_000, "2 d 2 h")];
        for (seconds, text) in cases {
            assert_eq!(duration_text(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_log_that_cannot_be_opened_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = Progress::new(Surface::Lines, 1, folder.path()).err().unwrap();
        assert!(error.to_string().starts_with(&folder.path().display().to_string()), "{error}");
    }
}
