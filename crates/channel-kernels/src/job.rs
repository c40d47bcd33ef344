//! What kernels are asked to do, and what they give beside the numbers that they write.
use crate::Instructions;
use crate::rows::{Booked, Extent, Source};
use crate::shape::Shape;
use crate::sums::Amount;
use crate::tile::Finish;
use crate::weights::Weights;

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
    pub(crate) finish: Finish,
}

// SAFETY: the pointers of `finish` are those of slices that are borrowed for as long as the job; each output number is
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
