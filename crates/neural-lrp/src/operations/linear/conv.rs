//! Convolution.

use std::sync::Arc;

use ndarray::{Array1, ArrayD, ArrayViewD, Axis};

use crate::operation::OperatorSpec;
use crate::operation::kernel::LinearKernel;
use crate::operation::linear::{LinearMap, WeightPart};
use crate::operation::{Accepts, Family, Operation, ParsedOperation, Step};
use crate::operations::linear::convolution::{self, Filters, along_channels, spatial_lengths};
use crate::operations::window::{Geometry, Window};
use crate::{Error, Real};

const KIND: &str = "Conv";

/// A convolution over one, two or three spatial axes.
///
/// ```text
/// z_m(o) = Σ_c Σ_k w_mc(k) · x_c(o · stride + k · dilation − before) + b_m
/// ```
/// * `m`, `c` — channels of the output and of the input (those of `m`'s group); `o`, `k` — the position of the window, and its tap
/// * `x` is 0 outside of the input: padding contributes nothing, to no rule
#[derive(Clone, Debug)]
pub struct Conv<F> {
    filters: Filters<F>,
    bias: Option<Array1<F>>,
    window: Window,
}

impl<F: Real> Conv<F> {
    /// A convolution of `weights` (output channels × input channels of a group × kernel) and a bias for each output channel.
    /// The window's kernel is that of the weights.
    ///
    /// # Errors
    /// [`Error::Attribute`] when weights, bias, window and groups do not fit together.
    ///
    /// ```
    /// use ndarray::{ArrayD, array};
    /// use neural_lrp::Operation;
    /// use neural_lrp::operations::{Conv, Window};
    ///
    /// let weights = array![[[1.0, -1.0]]].into_dyn(); // one channel to one channel, a kernel of 2
    /// let differences = Conv::new(weights, None, Window::default(), 1)?;
    /// let x = array![[[4.0, 3.0, 1.0]]].into_dyn();
    /// assert_eq!(differences.forward(&[x.view()]), array![[[1.0, 2.0]]].into_dyn());
    /// # Ok::<(), neural_lrp::Error>(())
    /// ```
    pub fn new(
        weights: impl Into<Arc<ArrayD<F>>>,
        bias: Option<Array1<F>>,
        window: Window,
        groups: usize,
    ) -> Result<Self, Error> {
        let filters = Filters::new(KIND, weights.into(), groups)?;
        let window = window.over_weights(KIND, filters.kernel())?;
        convolution::check_bias(KIND, bias.as_ref(), filters.output_channels())?;
        Ok(Self { filters, bias, window })
    }

    fn geometry(&self, operands: &[&[usize]]) -> Result<Geometry, Error> {
        let lengths = spatial_lengths(operands, self.filters.input_channels(), self.filters.kernel().len())?;
        self.window.over(lengths).map_err(|reason| Error::shape(operands, reason))
    }

    /// The geometry over an input whose shape has been agreed upon.
    fn agreed(&self, input: &[usize]) -> Geometry {
        self.geometry(&[input]).unwrap_or_else(|error| unreachable!("{error}"))
    }

    fn product(&self, input: &ArrayViewD<'_, F>, bias: Option<&Array1<F>>) -> ArrayD<F> {
        let products = self.filters.correlate(&[WeightPart::All], input, bias, &self.agreed(input.shape()));
        products.into_iter().next().unwrap_or_else(|| unreachable!("each part of the weights has a product"))
    }
}

impl<F: Real> LinearMap<F> for Conv<F> {
    fn apply(&self, parts: &[WeightPart], input: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        self.filters.correlate(parts, &input, None, &self.agreed(input.shape()))
    }

    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, F>)], input_shape: &[usize]) -> ArrayD<F> {
        self.filters.transposed(messages, None, input_shape[0], &self.agreed(input_shape))
    }

    fn bias(&self) -> Option<ArrayD<F>> {
        self.bias.as_ref().map(|bias| along_channels(bias, self.filters.kernel().len()))
    }

    fn kernel(&self, input_shape: &[usize]) -> Option<Box<dyn LinearKernel<F> + '_>> {
        let kernel: Box<dyn LinearKernel<F> + '_> =
            self.filters.by_kernels(input_shape[0], &self.agreed(input_shape))?;
        Some(kernel)
    }
}

impl<F: Real> Operation<F> for Conv<F> {
    fn to_spec(&self) -> OperatorSpec<F> {
        convolution::to_spec(KIND, &self.filters, self.bias.as_ref(), &self.window)
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    fn family(&self) -> Family {
        Family::Linear
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn is_convolution(&self) -> bool {
        true
    }

    fn accepts(&self) -> Accepts {
        Accepts::AnyOrder
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let lengths = self.geometry(operands)?.output_lengths(self.filters.kernel().len());
        Ok([&[operands[0][0], self.filters.output_channels()], lengths.as_slice()].concat())
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        self.product(&operands[0], self.bias.as_ref())
    }

    fn forward_clipped(&self, operands: &[ArrayViewD<'_, F>], bounds: [F; 2]) -> Option<ArrayD<F>> {
        let kernel = self.filters.by_kernels(operands[0].shape()[0], &self.agreed(operands[0].shape()))?;
        Some(kernel.product(WeightPart::All, &operands[0], self.bias.as_ref(), Some(bounds)))
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![self.transposed(&[(WeightPart::All, upper)], step.operands[0].shape())]
    }

    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        self.product(&step.operands[0], None)
    }

    fn linear(&self) -> Option<&dyn LinearMap<F>> {
        Some(self)
    }

    fn followed_by(&self, scale: &[F], shift: &[F]) -> Option<Arc<dyn Operation<F>>> {
        let channels = self.filters.output_channels();
        if scale.len() != channels || shift.len() != channels {
            return None;
        }
        let mut weights = Arc::unwrap_or_clone(self.filters.weights());
        for (mut filter, &scale) in weights.axis_iter_mut(Axis(0)).zip(scale) {
            filter *= scale;
        }
        let bias = convolution::followed_by(self.bias.as_ref(), scale, shift);
        let conv = Self::new(weights, Some(bias), self.window.clone(), self.filters.groups());
        Some(Arc::new(conv.unwrap_or_else(|error| unreachable!("the same shapes as before: {error}"))))
    }

    fn channel_axis(&self, _: usize) -> Option<usize> {
        Some(1)
    }

    fn description(&self) -> String {
        let [from, to] = [self.filters.input_channels(), self.filters.output_channels()];
        convolution::describe(&self.filters, &self.window, from, to)
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let weights = spec.required_constant(1, "weights")?;
    let (window, groups) = (Window::read(spec)?, convolution::read_groups(spec)?);
    let conv = Conv::new(weights, convolution::read_bias(spec)?, window, groups)?;
    Ok(ParsedOperation::new(conv, vec![0]))
}
