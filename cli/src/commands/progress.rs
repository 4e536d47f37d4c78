//! A bar for downloads that take their time, where a person watches.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shorter downloads need no bar.
const LONG: Duration = Duration::from_secs(1);

pub(crate) struct Progress {
    watched: bool,
    begun: Instant,
    length: Option<u64>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// `quiet`: the body itself goes to the terminal.
    pub(crate) fn new(length: Option<u64>, quiet: bool) -> Self {
        let watched = !quiet && std::io::stderr().is_terminal();
        Self { watched, begun: Instant::now(), length, bar: None }
    }

    /// So many bytes have come in all.
    pub(crate) fn at(&mut self, bytes: u64) {
        if self.watched && self.bar.is_none() && self.begun.elapsed() >= LONG {
            self.bar = Some(bar(self.length).with_elapsed(self.begun.elapsed()));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: Option<u64>) -> ProgressBar {
    let template = match length {
        Some(_) => "{wide_bar} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}",
        None => "{spinner} {bytes}  {bytes_per_sec}  {elapsed}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr()).with_style(style)
}
