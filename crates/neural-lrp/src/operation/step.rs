//! One operation's part of a pass, forward and back.

use ndarray::{ArrayD, ArrayViewD};
use relevance::{Amount, Sink};

use crate::Real;

/// One operation's part of a forward pass.
#[derive(Clone, Debug)]
pub struct Step<'a, F: Real> {
    /// What went in.
    pub operands: Vec<ArrayViewD<'a, F>>,
    /// What came out.
    pub output: ArrayViewD<'a, F>,
}

/// One backward step of relevance: what each operand gets, and what does not reach them.
#[derive(Clone, Debug)]
pub struct Redistribution<F> {
    /// `R` for each operand, in its shape.
    pub lower: Vec<ArrayD<F>>,
    /// What was booked elsewhere; `None` for gradients, which are no relevance and need not balance.
    pub sinks: Option<Vec<(Sink, Amount)>>,
    /// The same for each position along the first axis of the output, where that is known; otherwise none.
    pub(crate) of_samples: Vec<Vec<(Sink, Amount)>>,
    /// How much each operand gets of each sample, where that was summed up on the way; otherwise none.
    pub(crate) amounts: Vec<Vec<Amount>>,
    /// Whether it is known that no operand gets anything where it is 0.
    pub(crate) in_proportion: bool,
}

impl<F: Real> Redistribution<F> {
    /// Everything reaches the operands.
    pub fn lossless(lower: Vec<ArrayD<F>>) -> Self {
        Self { sinks: Some(Vec::new()), ..Self::gradient(lower) }
    }

    /// With what went elsewhere; amounts of nothing are left out.
    pub fn with_sinks(lower: Vec<ArrayD<F>>, sinks: impl IntoIterator<Item = (Sink, Amount)>) -> Self {
        Self { sinks: Some(something(sinks)), ..Self::gradient(lower) }
    }

    /// With what went elsewhere of each sample.
    pub(crate) fn with_sinks_of_samples<S>(lower: Vec<ArrayD<F>>, samples: impl IntoIterator<Item = S>) -> Self
    where
        S: IntoIterator<Item = (Sink, Amount)>,
    {
        let of_samples: Vec<_> = samples.into_iter().map(something).collect();
        let mut sinks: Vec<(Sink, Amount)> = Vec::new();
        for &(sink, amount) in of_samples.iter().flatten() {
            match sinks.iter_mut().find(|(known, _)| *known == sink) {
                Some((_, sum)) => *sum += amount,
                None => sinks.push((sink, amount)),
            }
        }
        Self { sinks: Some(sinks), of_samples, ..Self::gradient(lower) }
    }

    /// With how much each operand gets of each sample.
    pub(crate) fn with_amounts(self, amounts: Vec<Vec<Amount>>) -> Self {
        Self { amounts, ..self }
    }

    /// With the knowledge that no operand gets anything where it is 0.
    pub(crate) fn in_proportion(self) -> Self {
        Self { in_proportion: true, ..self }
    }

    /// A gradient: no books are kept.
    pub fn gradient(lower: Vec<ArrayD<F>>) -> Self {
        Self { lower, sinks: None, of_samples: Vec::new(), amounts: Vec::new(), in_proportion: false }
    }
}

/// The sinks into which something went.
fn something(sinks: impl IntoIterator<Item = (Sink, Amount)>) -> Vec<(Sink, Amount)> {
    sinks.into_iter().filter(|(_, amount)| *amount != Amount::default()).collect()
}
