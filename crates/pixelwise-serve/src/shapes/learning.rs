//! Learning to tell polygons from circles, as the demo of the paper's Fig. 6 does.

use std::sync::atomic::{AtomicUsize, Ordering};

use bow_classifier::{
    BowClassifier, ChannelSettings, Configuration, KernelWeighting, MappingSettings, Observer, Sampling, Stage, Tiling,
    Truth,
};
use bow_mapping::{Normalization, RankOptions};
use datasets::polygons::{Label, tile};
use images::to_unit_range;
use kernels::KernelKind;
use local_features::DenseSift;
use ndarray::Array3;
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use relevance::{RootSearch, RootSelection, SearchOver};

/// The class that pictures show or don't.
const CLASS: &str = "polygon";
/// The seed of the tiles and of all that is drawn while learning.
const SEED: u64 = 1;

/// How far learning has come.
#[derive(Debug, Default)]
pub struct Progress {
    stage: AtomicUsize,
    steps: AtomicUsize,
    done: AtomicUsize,
}

/// The stages, with the share of the time that is over when each begins.
const STAGES: [(&str, &str, f64); 7] = [
    ("tiles", "Drawing tiles to learn from", 0.0),
    ("features", "Looking for local features", 0.05),
    ("codebooks", "Finding visual words", 0.35),
    ("vectors", "Counting words in each tile", 0.6),
    ("kernels", "Comparing tiles", 0.9),
    ("costs", "Comparing costs", 0.95),
    ("machine", "Learning what polygons look like", 0.97),
];

impl Progress {
    /// The stage's name.
    pub fn stage(&self) -> &'static str {
        self.now().0
    }

    /// How much is done, from 0 to 1.
    pub fn done(&self) -> f64 {
        let at = self.stage.load(Ordering::Relaxed);
        let (begin, end) = (self.now().2, STAGES.get(at + 1).map_or(1.0, |next| next.2));
        let within = self.done.load(Ordering::Relaxed) as f64 / self.steps.load(Ordering::Relaxed).max(1) as f64;
        begin + (end - begin) * within.min(1.0)
    }

    /// The same for people.
    pub fn sentence(&self) -> String {
        format!("{}: {:.0} %", self.now().1, 100.0 * self.done())
    }

    fn now(&self) -> (&'static str, &'static str, f64) {
        STAGES[self.stage.load(Ordering::Relaxed).min(STAGES.len() - 1)]
    }

    fn enter(&self, stage: usize, steps: usize) {
        self.done.store(0, Ordering::Relaxed);
        self.steps.store(steps, Ordering::Relaxed);
        self.stage.store(stage, Ordering::Relaxed);
    }
}

impl Observer for Progress {
    fn begin(&self, stage: Stage, steps: usize) {
        let stage = match stage {
            Stage::Features => 1,
            Stage::Codebooks => 2,
            Stage::Vectors => 3,
            Stage::Kernels => 4,
            Stage::Costs => 5,
            Stage::Machine => 6,
        };
        self.enter(stage, steps);
    }

    fn step(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// What can go wrong while learning.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("The classifier of shapes can't be learned: {0}.")]
    Classifier(#[from] bow_classifier::Error),
    #[error("The classifier of shapes can't be learned: {0}.")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Learns from so many tiles, on threads of its own: whoever draws digits meanwhile waits for none of it.
pub fn learn(tiles: usize, progress: &Progress) -> Result<BowClassifier, Error> {
    let threads = ThreadPoolBuilder::new().num_threads(rayon::current_num_threads()).build()?;
    threads.install(|| {
        progress.enter(0, tiles);
        let scenes = (0..tiles as u64).into_par_iter().map(|index| {
            let scene = tile(SEED, index);
            progress.step();
            (to_unit_range(scene.image.view()), Truth::from(scene.label == Label::Positive))
        });
        let (pictures, truths): (Vec<Array3<f64>>, Vec<Truth>) = scenes.unzip();
        let classes = [(CLASS.to_owned(), truths)];
        let classifier = BowClassifier::learn(&configuration(), &pictures[..], &classes, progress)?;
        Ok(classifier.with_tiling(Tiling::default()))
    })
}

/// That of the demo: two scales of dense SIFT, 128 words each, the rank mapping (Eq. 64), a χ² kernel.
fn configuration() -> Configuration {
    let channel = |scale| ChannelSettings {
        words: 128,
        flat_word: true,
        mapping: MappingSettings::Rank(RankOptions { base: 2.0, neighbors: 4 }),
        normalization: Normalization::L1,
        kernel: KernelKind::ChiSquared,
        ..ChannelSettings::of(DenseSift { scale, step: 6, ..DenseSift::default() })
    };
    Configuration {
        sample: 20_000,
        sampling: Sampling::FromAll,
        iterations: 50,
        seed: SEED,
        cost: 10.0,
        kernel_weights: KernelWeighting::Uniform,
        search: RootSearch { over: SearchOver::Nearest(5), radius: None, selection: RootSelection::SmallestResidual },
        ..Configuration::of(vec![channel(2.0), channel(3.0)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_goes_up() {
        let progress = Progress::default();
        let mut seen = vec![progress.done()];
        for stage in 0..STAGES.len() {
            progress.enter(stage, 4);
            for _ in 0..4 {
                progress.step();
                seen.push(progress.done());
            }
        }
        assert!(seen.is_sorted() && seen[0] == 0.0 && seen.last() == Some(&1.0));
        assert_eq!(progress.sentence(), "Learning what polygons look like: 100 %");
    }
}
