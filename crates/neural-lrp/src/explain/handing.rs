//! What a node hands down to its operands, with the books of each sample.

use ndarray::{ArrayD, ArrayViewD, Axis, Slice};
use rayon::prelude::*;
use relevance::{Amount, Sink};

use crate::arrays::order::Order;
use crate::network::{Activations, Node, TensorId};
use crate::operation::amount::amount;
use crate::operation::{Redistribution, Step};
use crate::rules::Rule;
use crate::{Error, Real};

/// What a node hands down.
pub(super) struct Handed<F> {
    /// Relevance of all samples for each operand that is no constant.
    pub lower: Vec<(TensorId, ArrayD<F>)>,
    /// How much of it is for constants, in each book.
    pub constants: Vec<Amount>,
    /// Where else it went, for each sample whose books are kept apart; `None` for gradients.
    pub sinks: Option<Vec<Vec<(Sink, Amount)>>>,
}

/// How much relevance each sample has; all together, if there is one book for them.
pub(super) fn amounts<F: Real>(relevance: &ArrayViewD<'_, F>, books: usize) -> Vec<Amount> {
    match books {
        1 => vec![amount(relevance)],
        _ => relevance.outer_iter().map(|sample| amount(&sample)).collect(),
    }
}

/// One backward step of all samples, with so many books.
pub(super) struct Handing<'a, F: Real> {
    pub activations: &'a Activations<F>,
    pub node: &'a Node<F>,
    pub rule: &'a Rule,
    pub books: usize,
}

impl<F: Real> Handing<'_, F> {
    /// Hands relevance down: all samples at once, where the rule can say what becomes of each, or else one by one.
    ///
    /// # Errors
    /// [`Error::Node`] for a rule that is not for its node.
    pub fn hand_down(&self, upper: &ArrayViewD<'_, F>) -> Result<Handed<F>, Error> {
        if self.books == 1 || self.rule.terms().is_some() {
            let handed = self.redistribute(&self.step(upper), upper)?;
            // A rule may have terms, and a way back of its own beside them that says nothing of samples.
            if handed.sinks.is_none() || self.books == 1 || handed.of_samples.len() == self.books {
                let constants = vec![self.to_constants(&handed.lower)];
                let of_samples = handed.of_samples;
                let lower = self.node.operands.iter().copied().zip(handed.lower);
                return Ok(Handed {
                    constants,
                    lower: lower.filter(|&(operand, _)| !self.is_constant(operand)).collect(),
                    sinks: handed.sinks.map(|sinks| if self.books == 1 { vec![sinks] } else { of_samples }),
                });
            }
        }
        self.one_by_one(upper)
    }

    /// How much of what operands get is for constants.
    fn to_constants(&self, lower: &[ArrayD<F>]) -> Amount {
        let mut constants = Amount::default();
        for (&operand, lower) in self.node.operands.iter().zip(lower) {
            if self.is_constant(operand) {
                constants += amount(&lower.view());
            }
        }
        constants
    }

    fn step(&self, upper: &ArrayViewD<'_, F>) -> Step<'_, F> {
        match self.rule.hands_down_by_output() {
            true => self.activations.step_of_relevant(self.node, upper),
            false => self.activations.step(self.node),
        }
    }

    fn redistribute(&self, step: &Step<'_, F>, upper: &ArrayViewD<'_, F>) -> Result<Redistribution<F>, Error> {
        let operation = self.node.operation.as_ref();
        let handed = self.rule.redistribute(operation, step, upper.view());
        handed.map_err(|error| error.at(&self.node.name, operation.kind()))
    }

    fn one_by_one(&self, upper: &ArrayViewD<'_, F>) -> Result<Handed<F>, Error> {
        let step = self.step(upper);
        let sample = |sample: usize| {
            let operands = self.node.operands.iter().zip(&step.operands);
            let operands = operands.map(|(&operand, value)| match self.is_constant(operand) {
                true => value.clone(),
                false => alone(value, sample),
            });
            let step = Step { operands: operands.collect(), output: alone(&step.output, sample) };
            self.redistribute(&step, &alone(upper, sample))
        };
        let samples = (0..self.books).into_par_iter().map(sample).collect::<Result<Vec<_>, Error>>()?;
        let constants = samples.iter().map(|sample| self.to_constants(&sample.lower)).collect();
        let operands = self.node.operands.iter().enumerate().filter(|&(_, &operand)| !self.is_constant(operand));
        let lower = operands.map(|(position, &operand)| {
            let parts: Vec<_> = samples.iter().map(|sample| sample.lower[position].view()).collect();
            (operand, side_by_side(&parts))
        });
        let lower = lower.collect();
        let sinks = samples.into_iter().map(|sample| sample.sinks).collect();
        Ok(Handed { lower, constants, sinks })
    }

    fn is_constant(&self, tensor: TensorId) -> bool {
        self.activations.network().tensor(tensor).constant.is_some()
    }
}

/// A batch of one of the samples.
fn alone<'a, F>(batch: &ArrayViewD<'a, F>, sample: usize) -> ArrayViewD<'a, F> {
    let mut alone = batch.clone();
    alone.slice_axis_inplace(Axis(0), Slice::from(sample..sample + 1));
    alone
}

/// One batch of all samples.
fn side_by_side<F: Real>(samples: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
    let order = Order::common(samples);
    let mut shape = samples.first().map(|sample| sample.shape().to_vec()).unwrap_or_default();
    if let Some(first) = shape.first_mut() {
        *first = samples.len();
    }
    let mut numbers = Vec::with_capacity(shape.iter().product());
    samples.iter().for_each(|sample| numbers.extend_from_slice(&order.numbers(sample)));
    order.array(&shape, numbers)
}
