//! A progress bar on standard error, where that is a terminal and a run takes more than a moment.

use std::fmt::Write;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::messages;

/// Runs that are over by then have no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two times that the bar is drawn where nothing else draws it.
const TICK: Duration = Duration::from_millis(500);

/// How far a run is.
pub struct Progress {
    bar: ProgressBar,
    /// Its end tells the thread that waits to show the bar.
    _running: Sender<()>,
}

impl Progress {
    /// A run of so many steps.
    pub fn new(steps: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len}, {elapsed}{left}") {
            bar.set_style(style.with_key("left", left));
        }
        let (running, end) = mpsc::channel();
        let shown = bar.clone();
        thread::spawn(move || {
            if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) && !messages::are_quiet() {
                // A bar on something that is no terminal stays hidden.
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(TICK);
            }
        });
        Self { bar, _running: running }
    }

    /// So many steps are done. May be called from any thread.
    pub fn advance(&self, steps: usize) {
        self.bar.inc(steps as u64);
    }

    /// So many steps were done before: how long they took says nothing of the rest.
    pub fn begin_at(&self, steps: usize) {
        self.bar.set_position(steps as u64);
        self.bar.reset_eta();
    }

    /// Does something that prints, with the bar out of the way.
    pub fn aside<T>(&self, action: impl FnOnce() -> T) -> T {
        self.bar.suspend(action)
    }
}

/// `, 3 minutes left`, once there is something to tell it by.
fn left(state: &ProgressState, text: &mut dyn Write) {
    if state.pos() > 0 && !state.is_finished() {
        // A bar that can't be written to shows less.
        let _ = write!(text, ", {:#} left", HumanDuration(state.eta()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
