//! What a node hands down to its operands, with the books of each sample.

use ndarray::{ArrayD, ArrayViewD, Axis, Slice};
use rayon::prelude::*;
use relevance::{Amount, Sink};

use crate::arrays::memory::recycle;
use crate::arrays::order::Order;
use crate::network::{Activations, Node, TensorId};
use crate::operation::amount::amount;
use crate::operation::{Redistribution, Step};
use crate::rules::{Rearrange, Rule, WinnerTakesAll};
use crate::{Error, Real};

/// What a node hands down.
pub(super) struct Handed<F> {
    /// What each operand gets that is no constant.
    pub lower: Vec<(TensorId, Arrived<F>)>,
    /// How much of it is for constants, in each book.
    pub constants: Vec<Amount>,
    /// Where else it went, for each sample whose books are kept apart; `None` for gradients.
    pub sinks: Option<Vec<Vec<(Sink, Amount)>>>,
}

/// Relevance that arrived at a tensor, of all samples.
pub(super) struct Arrived<F> {
    pub relevance: ArrayD<F>,
    /// How much it is in each book.
    pub amounts: Vec<Amount>,
    /// Whether it is known that there is none where the tensor is 0.
    pub in_proportion: bool,
}

impl<F: Real> Arrived<F> {
    /// Relevance of which nothing is known, with so many books.
    pub fn new(relevance: ArrayD<F>, books: usize) -> Self {
        Self { amounts: amounts(&relevance.view(), books), relevance, in_proportion: false }
    }

    /// Adds what arrived by another way.
    pub fn add(&mut self, other: Self) {
        let order = Order::common([&self.relevance.view()]);
        self.relevance += &order.arrange(&other.relevance.view());
        self.amounts = amounts(&self.relevance.view(), self.amounts.len());
        self.in_proportion &= other.in_proportion;
        recycle(other.relevance);
    }
}

/// How much relevance each sample has; all together, if there is one book for them.
fn amounts<F: Real>(relevance: &ArrayViewD<'_, F>, books: usize) -> Vec<Amount> {
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
    pub fn hand_down(&self, upper: &Arrived<F>) -> Result<Handed<F>, Error> {
        let relevance = upper.relevance.view();
        if self.books == 1 || self.rule.terms().is_some() {
            let handed = self.redistribute(&self.step(upper), &relevance)?;
            // A rule may have terms, and a way back of its own beside them that says nothing of samples.
            if handed.sinks.is_none() || self.books == 1 || handed.of_samples.len() == self.books {
                let constants = vec![self.to_constants(&handed.lower)];
                let Redistribution { lower, sinks, of_samples, amounts, in_proportion } = handed;
                let in_proportion = in_proportion || (upper.in_proportion && self.keeps_zeros());
                let amounts = amounts.iter().map(Some).chain(std::iter::repeat(None));
                let lower = self.node.operands.iter().zip(lower).zip(amounts);
                let lower = lower.filter(|((operand, _), _)| !self.is_constant(**operand));
                let arrived = lower.map(|((&operand, relevance), amounts)| {
                    let amounts = amounts.and_then(|amounts| self.in_books(amounts));
                    let amounts = amounts.unwrap_or_else(|| self::amounts(&relevance.view(), self.books));
                    (operand, Arrived { relevance, amounts, in_proportion })
                });
                return Ok(Handed {
                    constants,
                    lower: arrived.collect(),
                    sinks: sinks.map(|sinks| if self.books == 1 { vec![sinks] } else { of_samples }),
                });
            }
        }
        self.one_by_one(upper)
    }

    /// Whether an operand gets nothing where it is 0, if there is no relevance where the output is: each number of the
    /// output is one of the operand's.
    fn keeps_zeros(&self) -> bool {
        let moves = self.rule.downcast_ref::<Rearrange>().is_some();
        moves || self.rule.downcast_ref::<WinnerTakesAll>().is_some()
    }

    /// The amounts of samples in the books that there are.
    fn in_books(&self, of_samples: &[Amount]) -> Option<Vec<Amount>> {
        if self.books > 1 {
            return (of_samples.len() == self.books).then(|| of_samples.to_vec());
        }
        let mut all = Amount::default();
        of_samples.iter().for_each(|&amount| all += amount);
        Some(vec![all])
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

    fn step(&self, upper: &Arrived<F>) -> Step<'_, F> {
        match self.rule.hands_down_by_output() {
            true => self.activations.step_of_relevant(self.node, &upper.relevance.view(), upper.in_proportion),
            false => self.activations.step(self.node),
        }
    }

    fn redistribute(&self, step: &Step<'_, F>, upper: &ArrayViewD<'_, F>) -> Result<Redistribution<F>, Error> {
        let operation = self.node.operation.as_ref();
        let handed = self.rule.redistribute(operation, step, upper.view());
        handed.map_err(|error| error.at(&self.node.name, operation.kind()))
    }

    fn one_by_one(&self, upper: &Arrived<F>) -> Result<Handed<F>, Error> {
        let (step, upper) = (self.step(upper), upper.relevance.view());
        let sample = |sample: usize| {
            let operands = self.node.operands.iter().zip(&step.operands);
            let operands = operands.map(|(&operand, value)| match self.is_constant(operand) {
                true => value.clone(),
                false => alone(value, sample),
            });
            let step = Step { operands: operands.collect(), output: alone(&step.output, sample) };
            self.redistribute(&step, &alone(&upper, sample))
        };
        let samples = (0..self.books).into_par_iter().map(sample).collect::<Result<Vec<_>, Error>>()?;
        let constants = samples.iter().map(|sample| self.to_constants(&sample.lower)).collect();
        let operands = self.node.operands.iter().enumerate().filter(|&(_, &operand)| !self.is_constant(operand));
        let lower = operands.map(|(position, &operand)| {
            let parts: Vec<_> = samples.iter().map(|sample| sample.lower[position].view()).collect();
            (operand, Arrived::new(side_by_side(&parts), self.books))
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
