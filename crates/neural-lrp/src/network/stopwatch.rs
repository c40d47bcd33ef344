//! Where the time goes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Measures how long each node of a network takes, forward and back.
///
/// An [`Explainer`](crate::Explainer) that was given one has it running in all its passes. Several passes add up, and so
/// do samples that go through the network side by side on several threads.
#[derive(Debug, Default)]
pub struct Stopwatch {
    times: Mutex<Vec<NodeTime>>,
}

/// How long a node took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeTime {
    /// For its outputs.
    pub forward: Duration,
    /// For the relevance of its operands.
    pub back: Duration,
}

impl NodeTime {
    /// The smaller of each.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self { forward: self.forward.min(other.forward), back: self.back.min(other.back) }
    }
}

/// Which way a pass goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Forward,
    Back,
}

impl Stopwatch {
    /// What was measured since it was last asked, one for each node in the order of
    /// [`Network::nodes`](crate::Network::nodes). Nodes behind the last that took any time are not in here.
    pub fn take(&self) -> Vec<NodeTime> {
        std::mem::take(&mut *self.times.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs the step of a node, and notes the time it takes if there is a watch.
    pub(crate) fn run<T>(watch: Option<&Self>, node: usize, direction: Direction, step: impl FnOnce() -> T) -> T {
        let Some(watch) = watch else { return step() };
        let start = Instant::now();
        let result = step();
        watch.note(node, direction, start.elapsed());
        result
    }

    fn note(&self, node: usize, direction: Direction, time: Duration) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if times.len() <= node {
            times.resize(node + 1, NodeTime::default());
        }
        match direction {
            Direction::Forward => times[node].forward += time,
            Direction::Back => times[node].back += time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_a_node_and_a_direction() {
        let watch = Stopwatch::default();
        let wait = || {
            let start = Instant::now();
            while start.elapsed().is_zero() {}
            start
        };
        Stopwatch::run(Some(&watch), 2, Direction::Back, wait);
        let [first, second, third] = watch.take()[..] else { unreachable!("the third node was the last") };
        assert_eq!([first, second], [NodeTime::default(); 2]);
        assert!(third.forward.is_zero() && !third.back.is_zero());
        assert!(watch.take().is_empty());
        Stopwatch::run(None, 2, Direction::Forward, wait);
        assert!(watch.take().is_empty());
    }
}
