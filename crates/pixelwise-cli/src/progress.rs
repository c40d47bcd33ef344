//! A progress bar on standard error, where that is a terminal and a run takes more than a moment.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::messages;

/// Runs that are over by then have no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// How far a run is.
pub struct Progress {
    bar: ProgressBar,
    start: Instant,
}

impl Progress {
    /// A run of so many samples.
    pub fn new(samples: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(samples as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len}, {elapsed} of about {duration}") {
            bar.set_style(style);
        }
        Self { bar, start: Instant::now() }
    }

    /// So many samples are done. May be called from any thread.
    pub fn advance(&self, samples: usize) {
        // A bar on something that is no terminal stays hidden.
        if !messages::are_quiet() && self.bar.is_hidden() && self.start.elapsed() > PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(samples as u64);
    }

    /// Does something that prints, with the bar out of the way.
    pub fn aside<T>(&self, action: impl FnOnce() -> T) -> T {
        self.bar.suspend(action)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
