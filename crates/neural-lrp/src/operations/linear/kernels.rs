//! Layers by the kernels of their numbers.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array1, ArrayD, ArrayView2, ArrayViewD};

use crate::Real;
use crate::operation::kernel::LinearKernel;
use crate::operation::linear::WeightPart;
use crate::operations::window::Geometry;

mod dense;
mod filters;
mod single;

/// Numbers that may have kernels for layers with weights.
pub trait Kernels: Sized {
    /// The kernels for filters (output channels × input channels of a group × one or two spatial axes), if there are any.
    fn filters(weights: &Arc<ArrayD<Self>>, groups: usize) -> Option<Arc<dyn FilterKernels<Self>>>
    where
        Self: Real,
    {
        let _ = (weights, groups);
        None
    }

    /// The kernel for a fully connected layer of weights (outputs × inputs), over inputs of a shape, if there is one.
    fn dense<'a>(weights: ArrayView2<'a, Self>, input: &[usize]) -> Option<Box<dyn LayerKernel<Self> + 'a>>
    where
        Self: Real,
    {
        let _ = (weights, input);
        None
    }
}

impl Kernels for f64 {}

impl Kernels for f32 {
    fn filters(weights: &Arc<ArrayD<Self>>, groups: usize) -> Option<Arc<dyn FilterKernels<Self>>> {
        filters::Filters::new(weights, groups).map(|filters| Arc::new(filters) as Arc<dyn FilterKernels<Self>>)
    }

    fn dense<'a>(weights: ArrayView2<'a, Self>, input: &[usize]) -> Option<Box<dyn LayerKernel<Self> + 'a>> {
        dense::Over::new(weights, input).map(|over| Box::new(over) as Box<dyn LayerKernel<Self> + 'a>)
    }
}

/// The filters of a convolution, as the kernels of their numbers have them.
pub trait FilterKernels<F: Real>: fmt::Debug + Send + Sync {
    /// The convolution over inputs of one geometry; `None` where the kernels can't go that way.
    fn over(&self, samples: usize, geometry: &Geometry) -> Option<Box<dyn LayerKernel<F> + '_>>;
}

/// Whether a rectifier is applied to what comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rectified {
    /// `max(z, 0)`
    Yes,
    /// `z`
    No,
}

/// A layer over inputs of one shape.
pub trait LayerKernel<F: Real>: LinearKernel<F> {
    /// `W_p · input + bias`, and 0 in the place of what is below if it is rectified.
    fn product(
        &self,
        part: WeightPart,
        input: &ArrayViewD<'_, F>,
        bias: Option<&Array1<F>>,
        rectified: Rectified,
    ) -> ArrayD<F>;

    /// `Σ_p W_pᵀ · output_p`
    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, F>)]) -> ArrayD<F>;
}
