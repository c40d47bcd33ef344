//! Progress bars on standard error, and the time of each stage.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use bow_classifier::{Observer, Stage};
use indicatif::{ProgressBar, ProgressStyle};

/// Shows the present stage as a bar (hidden when standard error is no terminal) and keeps the time of each.
pub struct Progress {
    state: Mutex<State>,
}

struct State {
    bar: ProgressBar,
    present: Option<(&'static str, Instant)>,
    times: Vec<(&'static str, Duration)>,
}

impl Progress {
    pub fn new() -> Self {
        Self { state: Mutex::new(State { bar: ProgressBar::hidden(), present: None, times: Vec::new() }) }
    }

    /// Ends the present stage and begins another, of so many steps.
    pub fn stage(&self, name: &'static str, steps: usize) {
        let mut state = self.lock();
        state.end();
        let bar = ProgressBar::new(steps as u64);
        if let Ok(style) = ProgressStyle::with_template("{msg:<24} {bar:32} {pos:>5}/{len} {elapsed:>4}") {
            bar.set_style(style);
        }
        bar.set_message(name);
        state.bar = bar;
        state.present = Some((name, Instant::now()));
    }

    pub fn advance(&self) {
        self.lock().bar.inc(1);
    }

    /// Ends the present stage; the times of all stages, in their order.
    pub fn finish(&self) -> Vec<(&'static str, Duration)> {
        let mut state = self.lock();
        state.end();
        state.times.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A thread that panicked while it moved a bar leaves nothing behind that could be wrong.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    fn end(&mut self) {
        self.bar.finish_and_clear();
        if let Some((name, start)) = self.present.take() {
            self.times.push((name, start.elapsed()));
        }
    }
}

impl Observer for Progress {
    fn begin(&self, stage: Stage, steps: usize) {
        let name = match stage {
            Stage::Features => "local features",
            Stage::Codebooks => "codebooks",
            Stage::Vectors => "bags of words",
            Stage::Kernels => "kernels",
            Stage::Costs => "costs",
            Stage::Machine => "support vector machine",
        };
        self.stage(name, steps);
    }

    fn step(&self) {
        self.advance();
    }
}
