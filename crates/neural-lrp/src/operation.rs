//! The contract: what an operation of a network is.
//!
//! [`Operation`] is the forward pass beside what its reverse needs, [`Step`] what a pass leaves for the way back,
//! [`Redistribution`] what comes of it, [`Family`] what becomes of relevance where nobody says otherwise.
//! [`OperatorSpec`] is an operation in the words of a file. Four kinds of operations have more to say than their
//! gradient: linear maps with weights ([`LinearMap`]), those that take the largest of several numbers
//! ([`MaxSelection`]), products of two tensors ([`Product`]), and divisions by a statistic ([`Normalization`]).

use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD};
use relevance::{Amount, Stabilizer};

use crate::{Error, Real};

mod accepts;
pub(crate) mod affine;
pub(crate) mod amount;
pub(crate) mod arranged;
mod family;
pub(crate) mod kernel;
pub(crate) mod linear;
mod max_selection;
mod normalization;
mod numbers;
mod parsed;
mod product;
mod shape;
pub(crate) mod shares;
mod spec;
mod step;
mod weight_part;

pub use accepts::Accepts;
pub use affine::AffineMap;
pub use family::Family;
pub use linear::LinearMap;
pub use max_selection::{MaxSelection, Sharing};
pub use normalization::Normalization;
pub use numbers::Numbers;
pub use parsed::ParsedOperation;
pub use product::{Product, Signal};
pub use shape::{LARGEST_TENSOR, bounded, output_shape};
pub use spec::{Attribute, Constant, Input, OperatorSpec};
pub use step::{Redistribution, Step};
pub use weight_part::WeightPart;

/// One operation of a network: its forward pass beside what its reverse needs.
///
/// An operation takes one or more tensors and gives one. It assumes no axis of samples beyond what its spec says,
/// holds its weights, and keeps nothing of a forward pass: what the reverse needs comes back to it as a [`Step`].
/// Arrays come in the standard layout, unless [`accepts`](Self::accepts) says that others are welcome, and go out in any.
pub trait Operation<F: Real>: fmt::Debug + Send + Sync {
    /// The operation in words: its kind, attributes and weights, as ONNX names them.
    fn to_spec(&self) -> OperatorSpec<F>;

    /// The operator's name, `"Conv"`.
    fn kind(&self) -> &'static str;

    /// How relevance passes through operations like this one, unless a composite says otherwise.
    fn family(&self) -> Family;

    /// Whether the operation turns linear scores into probabilities. At the end of a network, the score before it is
    /// explained.
    fn is_squashing(&self) -> bool {
        false
    }

    /// Whether a position along the first axis of the output comes from the same position of each operand of as many
    /// axes, wherever the first axis keeps its length: then samples can go through the operation together.
    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        let _ = operands;
        false
    }

    /// Whether operands may have an axis of no length. Those that only move numbers, or go by each number itself, may.
    fn takes_empty_operands(&self) -> bool {
        matches!(self.family(), Family::Arrangement | Family::Activation | Family::Product)
    }

    /// What ONNX takes the output's numbers for.
    fn gives(&self) -> Numbers {
        Numbers::Real
    }

    /// What ONNX takes the numbers of an operand for. Of operations that move numbers, operands of integers or truth values
    /// only say which way; they get no relevance.
    fn takes(&self, operand: usize) -> Numbers {
        let _ = operand;
        Numbers::Real
    }

    /// The shape of the output for operands of the given shapes. Every other method may rely on this having agreed.
    ///
    /// # Errors
    /// [`Error::Shape`] when the operation can't take such operands.
    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error>;

    /// The output for the operands.
    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F>;

    /// `min(max(y, low), high)` of the output y for the bounds low and high, for operands in any orders of memory, where
    /// both can be had in one pass.
    fn forward_clipped(&self, operands: &[ArrayViewD<'_, F>], bounds: [F; 2]) -> Option<ArrayD<F>> {
        let _ = (operands, bounds);
        None
    }

    /// The vector-Jacobian product, one array for each operand: `Σ_j upper_j ∂y_j/∂x_i` (Eq. 54).
    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>>;

    /// The Jacobian along the operands, `Σ_i x_i ∂y_j/∂x_i` over all operands, in the shape of the output.
    ///
    /// It is the output itself for everything homogeneous of degree one: arrangements, averages, sums, maxima. An
    /// operation that is not writes its own.
    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        step.output.to_owned()
    }

    /// The first-order Taylor decomposition of this operation: see [`rules::Taylor`](crate::rules::Taylor). `None` takes
    /// the expansion at the operands themselves, `R_i = x_i Σ_j ∂y_j/∂x_i R_j / stabilize(y_j)`.
    fn taylor(
        &self,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
        stabilizer: Stabilizer,
    ) -> Option<Redistribution<F>> {
        let _ = (step, upper, stabilizer);
        None
    }

    /// Shares in proportion to the contributions to a sum, `y_j = g_j(Σ_i h_ij(x_i))`, where these are not
    /// `x_i ∂y_j/∂x_i`: `R_i = h_ij(x_i) / stabilize(Σ_i h_ij(x_i)) R_j` (Eq. 63), as
    /// [`rules::Norm`](crate::rules::Norm) asks for them. `None` takes those.
    fn by_contributions(
        &self,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
        stabilizer: Stabilizer,
    ) -> Option<Redistribution<F>> {
        let _ = (step, upper, stabilizer);
        None
    }

    /// The relevance at positions of the output that come from no operand: for an arrangement, the sink
    /// [`Sink::Padding`](relevance::Sink::Padding).
    fn outside(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Amount {
        let _ = (step, upper);
        Amount::default()
    }

    /// The orders of memory in which the operation takes operands, output, and relevance.
    fn accepts(&self) -> Accepts {
        Accepts::StandardOrder
    }

    /// The operation as a linear map with weights, to which the rules of Eqs 56–61 apply.
    fn linear(&self) -> Option<&dyn LinearMap<F>> {
        None
    }

    /// The operation as one that takes the largest or smallest of several numbers.
    fn max_selection(&self) -> Option<&dyn MaxSelection<F>> {
        None
    }

    /// The operation as a product or quotient of two tensors.
    fn product(&self) -> Option<&dyn Product<F>> {
        None
    }

    /// Whether it is the plain rectifier, `max(x, 0)`, which guided backpropagation and deconvolution treat apart.
    fn is_rectifier(&self) -> bool {
        false
    }

    /// The bounds of an operation that is `min(max(x, low), high)`, as a rectifier is, and Clip.
    fn clips_to(&self) -> Option<[F; 2]> {
        None
    }

    /// Whether it is the sum pooling of the authors' toolbox, `Σ x / √n`, which a rule of theirs is about. Other sums may be
    /// norms, or logarithms.
    fn is_sum_pool(&self) -> bool {
        false
    }

    /// Whether it is a convolution, transposed or not: where composites have a rule of their own.
    fn is_convolution(&self) -> bool {
        false
    }

    /// The operation as a normalization, which is a linear map at constant deviations.
    fn normalization(&self) -> Option<&dyn Normalization<F>> {
        None
    }

    /// Whether the output stands for the operand's numbers, each for the one at its place: on a grid, or back from one.
    fn is_quantization(&self) -> bool {
        false
    }

    /// Whether the output is the operand as it is.
    fn is_identity(&self) -> bool {
        false
    }

    /// The operation as an affine map of each number alone, where it is one: of its only computed operand, for the
    /// constants that stand in the place of all others. `rank` is that of the computed operand.
    fn affine(&self, constants: &[Option<ArrayViewD<'_, F>>], rank: usize) -> Option<AffineMap<F>> {
        let _ = (constants, rank);
        None
    }

    /// The axis along which the channels of operand and output lie, where the operation itself has channels: 1 for
    /// convolutions and pools, the last one for dense layers.
    fn channel_axis(&self, rank: usize) -> Option<usize> {
        let _ = rank;
        None
    }

    /// As [`channel_axis`](Self::channel_axis), for the operand where its channels lie elsewhere.
    fn operand_channel_axis(&self, rank: usize) -> Option<usize> {
        self.channel_axis(rank)
    }

    /// Whether the operation divides its first operand by its second.
    fn is_quotient(&self) -> bool {
        false
    }

    /// Whether the output opens a way for another tensor when it is multiplied with that: a function from 0 to some
    /// bound that is open where its operand is 0, as sigmoids are, or softmax; or truth values, which are 0 or 1.
    fn is_gate(&self) -> bool {
        false
    }

    /// Whether the output rises from −1 to 1 with the operand, as that of tanh: with 1 added it is a gate.
    fn is_centered_gate(&self) -> bool {
        false
    }

    /// The operation as a layer with weights, where it is one for the constants that stand in the place of all operands but
    /// one. `ranks` are those of all operands.
    fn with_weights(&self, constants: &[Option<Arc<ArrayD<F>>>], ranks: &[usize]) -> Option<Arc<dyn Operation<F>>> {
        let _ = (constants, ranks);
        None
    }

    /// This linear operation followed by `y_c · scale_c + shift_c` for each output channel c, as one operation of the same kind.
    fn followed_by(&self, scale: &[F], shift: &[F]) -> Option<Arc<dyn Operation<F>>> {
        let _ = (scale, shift);
        None
    }

    /// What a person should know beside the kind: `"3×3, stride 2"`.
    fn description(&self) -> String {
        String::new()
    }
}
