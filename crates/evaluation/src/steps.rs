//! What a measure does on one sample, step by step, so that a run can be watched, and goes on where it was stopped.

use std::ops::Range;

use crate::Error;

/// The numbers of each step, as far as they are known.
pub(crate) type Known = Vec<Vec<f64>>;

/// The steps of a measure on one sample: each is a pass of the classifier, forward or with an explanation.
///
/// Steps of an earlier run are taken as they are; whoever watches hears of each new one.
pub struct Steps<'a> {
    known: &'a [Vec<f64>],
    watcher: Option<&'a mut Watcher<'a>>,
}

/// Hears the numbers of new steps; an error of it ends the run.
pub(crate) type Watcher<'a> = dyn FnMut(&[Vec<f64>]) -> Result<(), Error> + 'a;

impl<'a> Steps<'a> {
    /// Steps of which none is known, and which nobody watches.
    pub fn unwatched() -> Self {
        Self { known: &[], watcher: None }
    }

    /// Steps of which the first are known.
    pub(crate) fn watched(known: &'a [Vec<f64>], watcher: &'a mut Watcher<'a>) -> Self {
        Self { known, watcher: Some(watcher) }
    }

    /// The numbers of `count` steps.
    ///
    /// * `together` — how many steps are done before the watcher hears of them
    /// * `numbers` — does some steps, and gives the numbers of each; is called for those that are not known, in order
    pub(crate) fn all(
        &mut self,
        count: usize,
        together: usize,
        mut numbers: impl FnMut(Range<usize>) -> Result<Known, Error>,
    ) -> Result<Known, Error> {
        let mut all = self.known[..self.known.len().min(count)].to_vec();
        while all.len() < count {
            let new = numbers(all.len()..count.min(all.len() + together.max(1)))?;
            if let Some(watcher) = &mut self.watcher {
                watcher(&new)?;
            }
            all.extend(new);
        }
        Ok(all)
    }
}

/// How many passes of a classifier something takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passes {
    /// Forward passes, for scores.
    pub forward: usize,
    /// Explanations, each of which is a pass forward and one back, or several.
    pub explanations: usize,
}

impl Passes {
    /// Forward passes alone.
    pub(crate) fn forward(passes: usize) -> Self {
        Self { forward: passes, explanations: 0 }
    }

    /// Explanations alone.
    pub(crate) fn explanations(passes: usize) -> Self {
        Self { forward: 0, explanations: passes }
    }

    /// All of them.
    pub fn count(self) -> usize {
        self.forward + self.explanations
    }
}

impl std::ops::Add for Passes {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { forward: self.forward + other.forward, explanations: self.explanations + other.explanations }
    }
}

impl std::ops::Mul<usize> for Passes {
    type Output = Self;

    fn mul(self, times: usize) -> Self {
        Self { forward: self.forward * times, explanations: self.explanations * times }
    }
}

impl std::iter::Sum for Passes {
    fn sum<I: Iterator<Item = Self>>(passes: I) -> Self {
        passes.fold(Self::default(), |sum, passes| sum + passes)
    }
}

/// What the number of a measure's passes depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Rows and columns of the input's pixels.
    pub pixels: (usize, usize),
    /// Layers whose parameters can be drawn anew.
    pub layers: usize,
}

impl Extent {
    /// How many pixels there are.
    pub(crate) fn count(self) -> usize {
        self.pixels.0 * self.pixels.1
    }
}
