//! Transposed convolution.

use std::sync::Arc;

use ndarray::{Array1, ArrayD, ArrayViewD, Axis};

use crate::operation::OperatorSpec;
use crate::operation::linear::{LinearMap, WeightPart};
use crate::operation::{Accepts, Family, Operation, ParsedOperation, Step};
use crate::operations::linear::convolution::{self, Filters, along_channels, spatial_lengths};
use crate::operations::window::{Geometry, Window, WindowAxis, integers};
use crate::{Error, Real};

const KIND: &str = "ConvTranspose";

/// A transposed convolution over one, two or three spatial axes: each input is spread over a window of the output.
///
/// ```text
/// z_m(o · stride + k · dilation − before) = Σ_c Σ_o,k w_cm(k) · x_c(o) + b_m
/// ```
/// * `c`, `m` — channels of the input and of the output (those of `c`'s group); `o`, `k` — the position of the window, and its tap
/// * the sum is over all `o`, `k` that meet there; padding cuts the output
#[derive(Clone, Debug)]
pub struct ConvTranspose<F> {
    filters: Filters<F>,
    bias: Option<Array1<F>>,
    window: Window,
    output: OutputSize,
}

/// Strides map several output lengths to one input length: which is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputSize {
    /// The smallest, and so many more numbers at the end of each axis; none is said for no more.
    Padded(Vec<usize>),
    /// These lengths; the padding is whatever leads to them (`output_shape` in ONNX), beside the numbers added at the end.
    Exactly {
        /// The lengths of the spatial axes.
        lengths: Vec<usize>,
        /// The numbers added at the end of each axis before the padding is cut; none is said for no more.
        added: Vec<usize>,
    },
}

impl<F: Real> ConvTranspose<F> {
    /// A transposed convolution of `weights` (input channels × output channels of a group × kernel) and a bias for each
    /// output channel. The window's kernel is that of the weights.
    ///
    /// # Errors
    /// [`Error::Attribute`] when weights, bias, window, groups and output size do not fit together.
    ///
    /// ```
    /// use ndarray::array;
    /// use neural_lrp::Operation;
    /// use neural_lrp::operations::{ConvTranspose, OutputSize, Window};
    ///
    /// let weights = array![[[1.0, -1.0]]].into_dyn(); // one channel to one channel, a kernel of 2
    /// let spread = ConvTranspose::new(weights, None, Window::default(), 1, OutputSize::default())?;
    /// let x = array![[[4.0, 3.0]]].into_dyn();
    /// assert_eq!(spread.forward(&[x.view()]), array![[[4.0, -1.0, -3.0]]].into_dyn());
    /// # Ok::<(), neural_lrp::Error>(())
    /// ```
    pub fn new(
        weights: impl Into<Arc<ArrayD<F>>>,
        bias: Option<Array1<F>>,
        window: Window,
        groups: usize,
        output: OutputSize,
    ) -> Result<Self, Error> {
        let filters = Filters::new(KIND, weights.into(), groups)?;
        let window = window.over_weights(KIND, filters.kernel())?;
        convolution::check_bias(KIND, bias.as_ref(), filters.input_channels())?;
        let output = output.checked(filters.kernel().len())?;
        Ok(Self { filters, bias, window, output })
    }

    fn geometry(&self, operands: &[&[usize]]) -> Result<Geometry, Error> {
        let lengths = spatial_lengths(operands, self.filters.output_channels(), self.filters.kernel().len())?;
        let axes = lengths.iter().enumerate().map(|(axis, &length)| {
            self.along(axis, length).ok_or_else(|| {
                let reason = format!(
                    "with its padding nothing is left of spatial axis {axis}, or far too much; it has length {length}"
                );
                Error::shape(operands, reason)
            })
        });
        Ok(Geometry::new(&axes.collect::<Result<Vec<_>, Error>>()?))
    }

    /// One axis of the window that has its output where this operation has its operand; `None` where nothing is left of
    /// its input.
    fn along(&self, axis: usize, output: usize) -> Option<WindowAxis> {
        let Window { kernel, strides, dilations, padding, .. } = &self.window;
        let (kernel, stride, dilation) = (kernel[axis], strides[axis], dilations[axis]);
        let (OutputSize::Padded(added) | OutputSize::Exactly { added, .. }) = &self.output;
        let whole = output.checked_sub(1)?.checked_mul(stride)?;
        let whole = whole.checked_add(self.window.span(axis))?.checked_add(added[axis])?;
        let (input, before) = match (&self.output, padding.along(axis)) {
            (OutputSize::Exactly { lengths, .. }, _) => {
                (lengths[axis], padding.before(whole.saturating_sub(lengths[axis])))
            }
            (OutputSize::Padded(_), Some((before, after))) => (whole.checked_sub(before)?.checked_sub(after)?, before),
            (OutputSize::Padded(_), None) => {
                let input = output.checked_mul(stride)?;
                (input, padding.before(whole.saturating_sub(input)))
            }
        };
        let after = whole.saturating_sub(before).saturating_sub(input);
        (input > 0).then_some(WindowAxis { input, output, kernel, stride, dilation, before, after })
    }

    /// The geometry over an input whose shape has been agreed upon.
    fn agreed(&self, input: &[usize]) -> Geometry {
        self.geometry(&[input]).unwrap_or_else(|error| unreachable!("{error}"))
    }

    fn product(&self, input: &ArrayViewD<'_, F>, bias: Option<&Array1<F>>) -> ArrayD<F> {
        let message = (WeightPart::All, input.view());
        self.filters.transposed(&[message], bias, input.shape()[0], &self.agreed(input.shape()))
    }
}

impl OutputSize {
    /// The size with all lists said, each of one number per spatial axis.
    fn checked(mut self, spatial_axes: usize) -> Result<Self, Error> {
        let (Self::Padded(added) | Self::Exactly { added, .. }) = &mut self;
        if added.is_empty() {
            *added = vec![0; spatial_axes];
        }
        let (added, lengths) = match &self {
            Self::Padded(added) => (added, None),
            Self::Exactly { lengths, added } => (added, Some(lengths)),
        };
        for (attribute, list) in [("output_padding", Some(added)), ("output_shape", lengths)] {
            if let Some(list) = list
                && list.len() != spatial_axes
            {
                let expected = format!("{spatial_axes} numbers, one per spatial axis");
                return Err(Error::attribute(KIND, attribute, format!("{list:?}"), expected));
            }
        }
        Ok(self)
    }
}

impl Default for OutputSize {
    /// The smallest.
    fn default() -> Self {
        Self::Padded(Vec::new())
    }
}

impl<F: Real> LinearMap<F> for ConvTranspose<F> {
    fn apply(&self, parts: &[WeightPart], input: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let geometry = self.agreed(input.shape());
        let samples = input.shape()[0];
        let spread = |&part| self.filters.transposed(&[(part, input.view())], None, samples, &geometry);
        parts.iter().map(spread).collect()
    }

    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, F>)], input_shape: &[usize]) -> ArrayD<F> {
        let geometry = self.agreed(input_shape);
        let mut sum = ArrayD::zeros(input_shape);
        for (part, message) in messages {
            for product in self.filters.correlate(&[*part], message, None, &geometry) {
                sum += &product;
            }
        }
        sum
    }

    fn bias(&self) -> Option<ArrayD<F>> {
        self.bias.as_ref().map(|bias| along_channels(bias, self.filters.kernel().len()))
    }
}

impl<F: Real> Operation<F> for ConvTranspose<F> {
    fn to_spec(&self) -> OperatorSpec<F> {
        let spec = convolution::to_spec(KIND, &self.filters, self.bias.as_ref(), &self.window);
        let (OutputSize::Padded(added) | OutputSize::Exactly { added, .. }) = &self.output;
        let spec = spec.with_integers("output_padding", integers(added));
        match &self.output {
            OutputSize::Padded(_) => spec,
            OutputSize::Exactly { lengths, .. } => spec.with_integers("output_shape", integers(lengths)),
        }
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
        let lengths = self.geometry(operands)?.input_lengths(self.filters.kernel().len());
        Ok([&[operands[0][0], self.filters.input_channels()], lengths.as_slice()].concat())
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        self.product(&operands[0], self.bias.as_ref())
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
        let channels = self.filters.input_channels();
        if scale.len() != channels || shift.len() != channels {
            return None;
        }
        let mut weights = Arc::unwrap_or_clone(self.filters.weights());
        let rows = self.filters.output_channels() / self.filters.groups();
        for (row, mut filters) in weights.axis_iter_mut(Axis(0)).enumerate() {
            let first = row / rows * filters.len_of(Axis(0));
            for (mut filter, &scale) in filters.axis_iter_mut(Axis(0)).zip(&scale[first..]) {
                filter *= scale;
            }
        }
        let bias = convolution::followed_by(self.bias.as_ref(), scale, shift);
        let layer = Self::new(weights, Some(bias), self.window.clone(), self.filters.groups(), self.output.clone());
        Some(Arc::new(layer.unwrap_or_else(|error| unreachable!("the same shapes as before: {error}"))))
    }

    fn channel_axis(&self, _: usize) -> Option<usize> {
        Some(1)
    }

    fn description(&self) -> String {
        let [from, to] = [self.filters.output_channels(), self.filters.input_channels()];
        convolution::describe(&self.filters, &self.window, from, to)
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let weights = spec.required_constant(1, "weights")?;
    let (window, groups) = (Window::read(spec)?, convolution::read_groups(spec)?);
    let added = spec.counts("output_padding", 0)?.unwrap_or_default();
    let output = match spec.counts("output_shape", 1)? {
        Some(lengths) => OutputSize::Exactly { lengths, added },
        None => OutputSize::Padded(added),
    };
    let layer = ConvTranspose::new(weights, convolution::read_bias(spec)?, window, groups, output)?;
    Ok(ParsedOperation::new(layer, vec![0]))
}
