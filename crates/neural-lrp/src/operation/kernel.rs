//! Kernels: fast ways through a linear map, for the numbers that have them.

use std::ops::AddAssign;

use ndarray::ArrayD;
use relevance::Amount;

use crate::Real;
use crate::arrays::order::Order;
use crate::operation::weight_part::WeightPart;

/// What is taken of each number of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// `x`
    All,
    /// `x⁺ = max(x, 0)`
    Positive,
    /// `x⁻ = min(x, 0)`
    Negative,
}

/// How the sums of a product are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sums {
    /// Term by term, so that a sum without terms is 0.
    Plain,
    /// With fewer products: a sum that should be 0 may miss it by a rounding of those beside it.
    Fast,
    /// As [`Fast`](Self::Fast), of products of which none is below 0: nothing cancels, so that fewer still are exact enough.
    FastPositive,
}

/// A part of the input, and the part of the weights that it is multiplied by.
#[derive(Clone, Copy)]
pub struct Stream<'a, F> {
    /// The input's numbers, in the kernel's order of memory.
    pub values: &'a [F],
    /// What is taken of each.
    pub take: Take,
    /// The part of the weights.
    pub part: WeightPart,
}

/// `s = factor · R / (z + ε sign(z))`
#[derive(Clone, Copy)]
pub struct Quotient<'a, F> {
    /// `R`, the relevance at the output.
    pub relevance: &'a [F],
    /// `z`
    pub denominator: &'a [F],
    /// `z⁺`, where the denominator is what is left of `z` without it: `min(z − z⁺, 0)`.
    pub without: Option<&'a [F]>,
    /// What `z` holds of a bias, a number for each channel; it is only booked.
    pub bias: Option<&'a [F]>,
    /// A factor of all shares.
    pub factor: F,
    /// `ε`
    pub epsilon: F,
    /// Whether there is no share where `z` is 0, whatever the stabilizer adds.
    pub of_one_sign: bool,
}

/// A product that quotients go back by: `a ⊙ Σ_q W_qᵀ s_q`.
#[derive(Clone)]
pub struct LowerProduct<'a, F> {
    /// `a` is what is taken of these numbers, or 1 without them.
    pub times: Option<(&'a [F], Take)>,
    /// The part of the weights for each quotient.
    pub parts: Vec<WeightPart>,
}

/// Where the relevance of one sample went in a quotient.
#[derive(Clone, Copy, Debug, Default)]
pub struct Booked {
    /// `Σ s b`
    pub bias: Amount,
    /// `Σ s ε sign(z)`
    pub stabilizer: Amount,
    /// `Σ factor · R` where there is no share.
    pub zero: Amount,
}

impl AddAssign for Booked {
    fn add_assign(&mut self, other: Self) {
        self.bias += other.bias;
        self.stabilizer += other.stabilizer;
        self.zero += other.zero;
    }
}

/// What was summed for one sample on the way back.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// What the input gets: of each product by itself, before they are added.
    pub lower: Amount,
    /// Where the rest went, for each quotient.
    pub booked: Vec<Booked>,
}

/// A linear map over inputs of one shape, in one order of memory, without its bias.
///
/// Kernels do in one pass over memory what the mechanism of rules does in several; what comes out is the same but for
/// roundings.
pub trait LinearKernel<F: Real> {
    /// The order of memory of all numbers that come and go.
    fn order(&self) -> Order;

    /// `Σ W_p a_p` over the streams, and the bias of each channel added.
    fn apply(&self, sums: Sums, streams: &[Stream<'_, F>], bias: Option<&[F]>) -> ArrayD<F>;

    /// `Σ_p a_p ⊙ Σ_q W_pqᵀ s_q` over the products and the quotients, with the books of each sample.
    fn hand_down(&self, quotients: &[Quotient<'_, F>], products: &[LowerProduct<'_, F>]) -> (ArrayD<F>, Vec<Books>);
}
