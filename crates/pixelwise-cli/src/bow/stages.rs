//! A progress bar for each stage of learning, on standard error, where that is a terminal.

use std::sync::Mutex;

use bow_classifier::{Observer, Stage};
use indicatif::{ProgressBar, ProgressStyle};

/// Shows the present stage.
pub struct Stages(Mutex<ProgressBar>);

impl Stages {
    /// Nothing has begun.
    pub fn new() -> Self {
        Self(Mutex::new(ProgressBar::hidden()))
    }

    fn with(&self, change: impl FnOnce(&mut ProgressBar)) {
        // A thread that panicked while it moved the bar leaves nothing behind that could be wrong.
        change(&mut self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        self.with(|bar| bar.finish_and_clear());
    }
}

impl Observer for Stages {
    fn begin(&self, stage: Stage, steps: usize) {
        let next = ProgressBar::new(steps as u64).with_message(match stage {
            Stage::Features => "reading photos",
            Stage::Codebooks => "learning codebooks",
            Stage::Vectors => "describing photos",
            Stage::Kernels => "computing kernels",
            Stage::Costs => "comparing costs",
            Stage::Machine => "learning classes",
        });
        if let Ok(style) = ProgressStyle::with_template("{msg:<20} {bar:32} {pos:>5}/{len} {elapsed:>4}, {eta} left") {
            next.set_style(style);
        }
        self.with(|bar| std::mem::replace(bar, next).finish_and_clear());
    }

    fn step(&self) {
        self.with(|bar| bar.inc(1));
    }
}
