//! What an operation of a network is.

use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD};
use relevance::{Amount, Sink, Stabilizer};

use crate::definition::Definition;
use crate::linear::LinearMap;
use crate::operations::{MaxPooling, Product};
use crate::{Error, Real};

/// One operation of a network: its forward pass beside what its reverse needs.
///
/// An operation takes one or more tensors and gives one. It assumes no axis of samples beyond what its definition says,
/// holds its weights, and keeps nothing of a forward pass: what the reverse needs comes back to it as a [`Step`].
/// Arrays come in the standard layout and go out in the standard layout.
pub trait Operation<F: Real>: fmt::Debug + Send + Sync {
    /// The operation in words: its kind, attributes and weights, as ONNX names them.
    fn definition(&self) -> Definition<F>;

    /// The operator's name, `"Conv"`.
    fn kind(&self) -> &'static str;

    /// How relevance passes through operations like this one, unless a composite says otherwise.
    fn character(&self) -> Character;

    /// Whether operands may have an axis of no length. Those that only move numbers, or go by each number itself, may.
    fn takes_empty_operands(&self) -> bool {
        matches!(self.character(), Character::Arrangement | Character::Activation | Character::Product)
    }

    /// The shape of the output for operands of the given shapes. Every other method may rely on this having agreed.
    ///
    /// # Errors
    /// [`Error::Shape`] when the operation can't take such operands.
    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error>;

    /// The output for the operands.
    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F>;

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

    /// The relevance at positions of the output that come from no operand: for an arrangement, the sink
    /// [`Sink::Padding`].
    fn outside(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Amount {
        let _ = (step, upper);
        Amount::default()
    }

    /// The operation as a linear map with weights, to which the rules of Eqs 56–61 apply.
    fn linear(&self) -> Option<&dyn LinearMap<F>> {
        None
    }

    /// The operation as maximum pooling.
    fn max_pooling(&self) -> Option<&dyn MaxPooling<F>> {
        None
    }

    /// The operation as a product or quotient of two tensors.
    fn product(&self) -> Option<&dyn Product<F>> {
        None
    }

    /// For an operation `y_c = scale_c x_c + shift_c` along axis 1 (batch normalization), its scale and shift.
    fn channel_affine(&self) -> Option<(Vec<F>, Vec<F>)> {
        None
    }

    /// This linear operation followed by `y_c · scale_c + shift_c` for each output channel c, as one operation of the same kind.
    fn followed_by(&self, scale: &[F], shift: &[F]) -> Option<Arc<dyn Operation<F>>> {
        let _ = (scale, shift);
        None
    }

    /// What a person should know beside the kind: `"kernel 3×3, stride 2"`.
    fn description(&self) -> String {
        String::new()
    }
}

/// The families of operations by how relevance passes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Character {
    /// A linear map with weights: the rules are about these.
    Linear,
    /// Each output depends on one input at its own place: relevance passes (Eq. 63: g_j does not matter).
    Activation,
    /// Numbers are moved, copied or left out: relevance goes back the way they came.
    Arrangement,
    /// A parameterless sum, mean or norm: shares proportional to the contributions.
    Sum,
    /// The largest of several.
    Maximum,
    /// Divides by a statistic of its own input: batch, local response, layer normalization.
    Normalization,
    /// A product or quotient at each place.
    Product,
    /// A matrix product of two tensors.
    Bilinear,
    /// Softmax and its logarithm.
    Softmax,
}

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

/// An operation, made from its definition.
#[derive(Clone, Debug)]
pub struct Reading<F: Real> {
    /// The operation.
    pub operation: Arc<dyn Operation<F>>,
    /// Which of the definition's inputs the operation takes as operands, in this order. The others, constant, are part
    /// of the operation; constants among these stay operands.
    pub operands: Vec<usize>,
}

impl<F: Real> Reading<F> {
    /// An operation over the given inputs of its definition.
    pub fn new(operation: impl Operation<F> + 'static, operands: Vec<usize>) -> Self {
        Self { operation: Arc::new(operation), operands }
    }
}
