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
}

impl<F: Real> Redistribution<F> {
    /// Everything reaches the operands.
    pub fn lossless(lower: Vec<ArrayD<F>>) -> Self {
        Self { lower, sinks: Some(Vec::new()) }
    }

    /// With what went elsewhere; amounts of nothing are left out.
    pub fn with_sinks(lower: Vec<ArrayD<F>>, sinks: impl IntoIterator<Item = (Sink, Amount)>) -> Self {
        let sinks = sinks.into_iter().filter(|(_, amount)| *amount != Amount::default()).collect();
        Self { lower, sinks: Some(sinks) }
    }

    /// A gradient: no books are kept.
    pub fn gradient(lower: Vec<ArrayD<F>>) -> Self {
        Self { lower, sinks: None }
    }
}
