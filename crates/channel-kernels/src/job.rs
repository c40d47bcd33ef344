//! What kernels are asked to do, and what they give beside the numbers that they write.
use crate::Instructions;
use crate::rows::{Booked, Extent, Source};
use crate::shape::Shape;
use crate::sums::Amount;
use crate::tile::Finish;
use crate::weights::{WeightPart, Weights};

/// What is to be done: a sum over taps, channels and streams for each output number.
pub(crate) struct Job<'a> {
    pub(crate) instructions: Instructions,
    /// How the convolution goes over its input.
    pub(crate) shape: &'a Shape,
    pub(crate) batch: usize,
    pub(crate) from: Extent,
    pub(crate) to: Extent,
    pub(crate) weights: Weights<'a>,
    /// One for each stream.
    pub(crate) sources: Vec<Source<'a>>,
    /// What is made of the sources, one after another.
    pub(crate) outcomes: Vec<Outcome<'a>>,
}

/// A product of all sources with the weights, and what becomes of it.
pub(crate) struct Outcome<'a> {
    /// Which part of each weight acts, for each source; without one the weights act as they are.
    pub(crate) parts: Vec<Option<&'a WeightPart>>,
    pub(crate) finish: Finish,
}

// SAFETY: the pointers of `outcomes` are those of slices that are borrowed for as long as the job; each output number is
// written by one task.
unsafe impl Sync for Job<'_> {}

/// What was summed for one sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SampleSums {
    /// Of the finished numbers.
    pub(crate) finished: Amount,
    /// Of what each stream books.
    pub(crate) booked: Vec<Booked>,
}

impl SampleSums {
    /// Adds what a task booked for each stream, and what it finished.
    pub(crate) fn add(&mut self, booked: &[Booked], finished: impl IntoIterator<Item = Amount>) {
        finished.into_iter().for_each(|amount| self.finished += amount);
        self.booked.iter_mut().zip(booked).for_each(|(sum, &booked)| sum.add(booked));
    }
}

impl Job<'_> {
    /// Nothing yet, for each sample.
    pub(crate) fn no_sums(&self) -> Vec<SampleSums> {
        let none = SampleSums { finished: Amount::default(), booked: vec![Booked::default(); self.sources.len()] };
        vec![none; self.batch]
    }
}
