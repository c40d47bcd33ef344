//! Convolutions by the kernels of their numbers.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array1, ArrayD, ArrayViewD};

use crate::Real;
use crate::operation::kernel::LinearKernel;
use crate::operation::linear::WeightPart;
use crate::operations::window::Geometry;

mod channels;

/// The filters of a convolution, as the kernels of their numbers have them.
pub trait FilterKernels<F: Real>: fmt::Debug + Send + Sync {
    /// The convolution over inputs of one geometry; `None` where the kernels can't go that way.
    fn over(&self, samples: usize, geometry: &Geometry) -> Option<Box<dyn FilterKernel<F> + '_>>;
}

/// Whether a rectifier is applied to what comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rectified {
    Yes,
    No,
}

/// Filters over inputs of one geometry.
pub trait FilterKernel<F: Real>: LinearKernel<F> {
    /// `W_p · input + bias`, and 0 in the place of what is below if it is rectified.
    fn correlate(
        &self,
        part: WeightPart,
        input: &ArrayViewD<'_, F>,
        bias: Option<&Array1<F>>,
        rectified: Rectified,
    ) -> ArrayD<F>;

    /// `Σ_p W_pᵀ · output_p`
    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, F>)]) -> ArrayD<F>;
}

/// Numbers that may have kernels for convolutions.
pub trait Kernels: Sized {
    /// The kernels for filters (output channels × input channels of a group × one or two spatial axes), if there are any.
    fn filters(weights: &Arc<ArrayD<Self>>, groups: usize) -> Option<Arc<dyn FilterKernels<Self>>>
    where
        Self: Real;
}

impl Kernels for f64 {
    fn filters(_: &Arc<ArrayD<Self>>, _: usize) -> Option<Arc<dyn FilterKernels<Self>>> {
        None
    }
}

impl Kernels for f32 {
    fn filters(weights: &Arc<ArrayD<Self>>, groups: usize) -> Option<Arc<dyn FilterKernels<Self>>> {
        channels::Filters::new(weights, groups).map(|filters| Arc::new(filters) as Arc<dyn FilterKernels<Self>>)
    }
}
