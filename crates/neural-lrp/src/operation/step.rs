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
}

impl<F: Real> Redistribution<F> {
    /// Everything reaches the operands.
    pub fn lossless(lower: Vec<ArrayD<F>>) -> Self {
        Self { lower, sinks: Some(Vec::new()), of_samples: Vec::new() }
    }

    /// With what went elsewhere; amounts of nothing are left out.
    pub fn with_sinks(lower: Vec<ArrayD<F>>, sinks: impl IntoIterator<Item = (Sink, Amount)>) -> Self {
        Self { lower, sinks: Some(something(sinks)), of_samples: Vec::new() }
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
        Self { lower, sinks: Some(sinks), of_samples }
    }

    /// A gradient: no books are kept.
    pub fn gradient(lower: Vec<ArrayD<F>>) -> Self {
        Self { lower, sinks: None, of_samples: Vec::new() }
    }
}

/// The sinks into which something went.
fn something(sinks: impl IntoIterator<Item = (Sink, Amount)>) -> Vec<(Sink, Amount)> {
    sinks.into_iter().filter(|(_, amount)| *amount != Amount::default()).collect()
}
