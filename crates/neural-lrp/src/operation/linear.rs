//! Linear maps.

use std::sync::{Arc, OnceLock};

use ndarray::{Array2, ArrayD, ArrayView2, ArrayViewD, CowArray, Ix2};

use crate::Real;
use crate::operation::kernel::LinearKernel;
pub use crate::operation::weight_part::WeightPart;

/// `z = W x + b`, whatever its connections: dense, convolution, transposed convolution.
///
/// All that rules need of a layer kind is here; that part `p` of the weights acts like the weights themselves is all
/// that they rely on.
pub trait LinearMap<F: Real>: Send + Sync {
    /// `W_p a` for each part `p` of the weights, over one input `a` and without bias; the input is unfolded once.
    fn apply(&self, parts: &[WeightPart], input: ArrayViewD<'_, F>) -> Vec<ArrayD<F>>;

    /// `Σ_p W_pᵀ s_p`, in the shape of the input.
    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, F>)], input_shape: &[usize]) -> ArrayD<F>;

    /// `b`, in a shape that broadcasts to that of the output and repeats along trailing axes only: one number for each
    /// channel as (C, 1, 1), or for each output; `None` where the layer has no bias.
    fn bias(&self) -> Option<ArrayD<F>>;

    /// The kernel over inputs of a shape, where these numbers have one.
    fn kernel(&self, input_shape: &[usize]) -> Option<Box<dyn LinearKernel<F> + '_>> {
        let _ = input_shape;
        None
    }
}

/// A layer's weights, one row for each output, with what is kept of their parts.
///
/// The same network is explained again and again, mostly by rules of `W⁺` and `W⁻`: these are computed once, when first
/// asked for; other parts each time.
#[derive(Clone, Debug)]
pub(crate) struct Weights<F> {
    all: Arc<ArrayD<F>>,
    positive: OnceLock<Array2<F>>,
    negative: OnceLock<Array2<F>>,
}

impl<F: Real> Weights<F> {
    /// Weights whose first axis is that of the outputs.
    pub(crate) fn new(weights: Arc<ArrayD<F>>) -> Self {
        let all =
            if weights.is_standard_layout() { weights } else { Arc::new(weights.as_standard_layout().into_owned()) };
        Self { all, positive: OnceLock::new(), negative: OnceLock::new() }
    }

    /// The weights as they were given.
    pub(crate) fn given(&self) -> &Arc<ArrayD<F>> {
        &self.all
    }

    /// `W`, one row for each output.
    pub(crate) fn rows(&self) -> ArrayView2<'_, F> {
        let shape = (self.all.shape()[0], self.all.shape()[1..].iter().product::<usize>());
        let rows = self.all.view().into_shape_with_order(shape);
        rows.unwrap_or_else(|_| unreachable!("the standard layout has rows"))
    }

    /// `W_p`
    pub(crate) fn part(&self, part: WeightPart) -> CowArray<'_, F, Ix2> {
        let compute = || self.rows().mapv(|weight| part.of(weight));
        match part {
            WeightPart::All => self.rows().into(),
            WeightPart::Positive => self.positive.get_or_init(compute).view().into(),
            WeightPart::Negative => self.negative.get_or_init(compute).view().into(),
            _ => compute().into(),
        }
    }
}
