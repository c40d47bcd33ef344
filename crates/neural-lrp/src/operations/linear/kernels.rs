//! Layers by the kernels of their numbers.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use ndarray::{Array1, ArrayD, ArrayViewD};

use crate::Real;
use crate::operation::kernel::LinearKernel;
use crate::operation::linear::WeightPart;
use crate::operations::window::Geometry;

mod dense;
mod filters;
mod single;

/// The kernels for filters (output channels × input channels of a group × one or two spatial axes), where these numbers
/// have any.
pub fn filters<F: Real>(weights: &Arc<ArrayD<F>>, groups: usize) -> Option<Arc<dyn FilterKernels<F>>> {
    let filters: Arc<dyn FilterKernels<f32>> = Arc::new(filters::Filters::new(single(weights)?, groups)?);
    let filters: Box<dyn Any> = Box::new(filters);
    filters.downcast().ok().map(|filters| *filters)
}

/// The kernel for a fully connected layer of weights (outputs × inputs) over inputs of a shape, where these numbers have
/// one.
pub fn dense<F: Real>(weights: &Arc<ArrayD<F>>, input: &[usize]) -> Option<Box<dyn LayerKernel<F>>> {
    let layer: Box<dyn LayerKernel<f32>> = Box::new(dense::Over::new(single(weights)?, input)?);
    let layer: Box<dyn Any> = Box::new(layer);
    layer.downcast().ok().map(|layer| *layer)
}

/// The array, if it is one of single precision.
fn single<F: Real>(array: &Arc<ArrayD<F>>) -> Option<&Arc<ArrayD<f32>>> {
    let array: &dyn Any = array;
    array.downcast_ref()
}

/// The filters of a convolution, as the kernels of their numbers have them.
pub trait FilterKernels<F: Real>: fmt::Debug + Send + Sync {
    /// The weights as they were given, unpacked for whoever asks.
    fn weights(&self) -> ArrayD<F>;

    /// The convolution over inputs of one geometry; `None` where the kernels can't go that way.
    fn over(&self, samples: usize, geometry: &Geometry) -> Option<Box<dyn LayerKernel<F> + '_>>;
}

/// A layer over inputs of one shape.
pub trait LayerKernel<F: Real>: LinearKernel<F> {
    /// `W_p · input + bias`, clipped to the bounds if there are any.
    fn product(
        &self,
        part: WeightPart,
        input: &ArrayViewD<'_, F>,
        bias: Option<&Array1<F>>,
        bounds: Option<[F; 2]>,
    ) -> ArrayD<F>;

    /// `Σ_p W_pᵀ · output_p`
    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, F>)]) -> ArrayD<F>;
}
