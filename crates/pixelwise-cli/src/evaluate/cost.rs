//! What an evaluation will cost: passes, and the time that they take by one that was timed.

use std::time::{Duration, Instant};

use evaluation::{Extent, Measure, Passes};
use ndarray::{ArrayViewD, Axis};

use super::maps::Maps;
use super::subject::Subject;
use crate::failure::Failure;

/// Longer runs are told what would make them shorter.
const LONG: Duration = Duration::from_secs(600);

/// What an evaluation will cost.
pub struct Cost {
    /// Passes for all samples in all ways.
    pub passes: Passes,
    /// How long they take, as far as one of each kind can tell.
    duration: Duration,
    forward: Duration,
    explanation: Duration,
}

impl Cost {
    /// Times a forward pass of the first sample, and counts.
    pub fn of(subject: &Subject, measures: &[Box<dyn Measure>], maps: &Maps) -> Result<Self, Failure> {
        let Subject { explained, samples, .. } = subject;
        let (mut passes, mut duration, mut forward) = (Passes::default(), Duration::ZERO, Duration::ZERO);
        for (explained, explanation) in explained.iter().zip(&maps.durations) {
            let classifier = explained.classifier.as_ref();
            let input = samples.sample(0, classifier)?.input;
            if forward.is_zero() {
                let copies = vec![input.view(); classifier.batch() * rayon::current_num_threads()];
                let start = Instant::now();
                classifier.scores(&copies)?;
                forward = start.elapsed() / copies.len() as u32;
            }
            let extent =
                Extent { pixels: pixels(input.view(), classifier.channel_axis()), layers: classifier.layers().len() };
            let of_measures: Passes = measures.iter().map(|measure| measure.passes(extent)).sum();
            let of_way = of_measures * samples.count() + Passes { forward: 0, explanations: samples.count() };
            duration += forward * of_way.forward as u32 + *explanation * of_way.explanations as u32;
            passes = passes + of_way;
        }
        let explanation = maps.durations.iter().sum::<Duration>() / maps.durations.len().max(1) as u32;
        Ok(Self { passes, duration, forward, explanation })
    }

    /// In a sentence: `2020 forward passes and 20 explanations, about 2 minutes (0.05 s and 0.2 s each)`.
    pub fn told(&self, done: usize) -> String {
        let Passes { forward, explanations } = self.passes;
        let left = self.passes.count().saturating_sub(done) as f64 / self.passes.count().max(1) as f64;
        let duration = self.duration.mul_f64(left);
        let done = match done {
            0 => String::new(),
            done => format!("; {done} of them are done, and the rest takes"),
        };
        let passes = match forward {
            0 => format!("{explanations} explanations"),
            forward => format!("{forward} forward passes and {explanations} explanations"),
        };
        let threads = rayon::current_num_threads();
        let mut told = format!(
            "{passes}{done}, about {} ({:.3} s and {:.3} s each, on {threads} threads)",
            in_words(duration),
            self.forward.as_secs_f64(),
            self.explanation.as_secs_f64(),
        )
        .replace("takes, about", "takes about");
        if duration > LONG {
            told += "\nfewer rules (--rule), fewer samples (--samples), or larger steps \
                     (--measure pixel-flipping=features-in-step:5%) take less";
        }
        told
    }
}

/// Rows and columns of an input.
fn pixels(input: ArrayViewD<'_, f64>, channels: Option<Axis>) -> (usize, usize) {
    let lengths = input.shape().iter().enumerate().filter(|(axis, _)| channels != Some(Axis(*axis)));
    match lengths.map(|(_, &length)| length).collect::<Vec<_>>().as_slice() {
        &[rows, columns] => (rows, columns),
        lengths => (1, lengths.iter().product()),
    }
}

/// A duration as a person wants to know it beforehand.
fn in_words(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        ..1.0 => "a second".to_owned(),
        ..90.0 => format!("{seconds:.0} s"),
        ..5400.0 => format!("{:.0} minutes", seconds / 60.0),
        ..172_800.0 => format!("{:.0} hours", seconds / 3600.0),
        seconds => format!("{:.0} days", seconds / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(seconds: u64) -> Cost {
        let passes = Passes { forward: 2020, explanations: 20 };
        let (forward, explanation) = (Duration::from_millis(50), Duration::from_millis(200));
        Cost { passes, duration: Duration::from_secs(seconds), forward, explanation }
    }

    #[test]
    fn the_cost_is_told_before_it_is_paid() {
        let told = cost(105).told(0);
        assert!(
            told.starts_with("2020 forward passes and 20 explanations, about 2 minutes (0.050 s and 0.200 s"),
            "{told}"
        );
        assert!(!told.contains("--samples"));
        let told = cost(200).told(1020);
        assert!(told.contains("; 1020 of them are done, and the rest takes about 2 minutes"), "{told}");
        let told = cost(72_000).told(0);
        assert!(told.contains("about 20 hours") && told.contains("--samples"), "{told}");
    }

    #[test]
    fn pixels_are_counted_without_channels() {
        let input = ndarray::ArrayD::<f64>::zeros(vec![3, 5, 7]);
        assert_eq!(pixels(input.view(), Some(Axis(0))), (5, 7));
        assert_eq!(pixels(input.view(), Some(Axis(2))), (3, 5));
        assert_eq!(pixels(input.index_axis(Axis(0), 0).index_axis(Axis(0), 0), None), (1, 7));
    }
}
