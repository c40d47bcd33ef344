//! Transposed convolution.

use std::sync::Arc;

use ndarray::{Array1, ArrayD, ArrayViewD, Axis};

use crate::operation::OperatorSpec;
use crate::operation::linear::{LinearMap, WeightPart};
use crate::operation::{Family, Operation, ParsedOperation, Step};
use crate::operations::Padding;
use crate::operations::linear::convolution::{
    self, Axis as WindowAxis, Filters, Geometry, Sliding, along_channels, integers, refuse, samples_and_lengths,
};
use crate::{Error, Real};

const KIND: &str = "ConvTranspose";

/// A transposed convolution over one, two or three spatial axes: each input is spread over a window of the output.
///
/// ```text
/// z_m(o · stride + k · dilation − before) = Σ_c Σ_o,k w_cm(k) · x_c(o) + b_m
/// ```
/// * `c`, `m` — channels of the input and of the output (those of `c`'s group); `o`, `k` — places of the window and within it
/// * the sum is over all `o`, `k` that meet the output's place; padding cuts the output
#[derive(Clone, Debug)]
pub struct ConvTranspose<F> {
    filters: Filters<F>,
    bias: Option<Array1<F>>,
    sliding: Sliding,
    output: OutputSize,
}

/// Strides map several output lengths to one input length: which is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputSize {
    /// The smallest, and so many more numbers at the end of each axis.
    Padded(Vec<usize>),
    /// These lengths; the padding is whatever leads to them (`output_shape` in ONNX), beside the numbers added at the end.
    Exactly {
        /// The lengths of the spatial axes.
        lengths: Vec<usize>,
        /// The numbers added at the end of each axis before the padding is cut.
        added: Vec<usize>,
    },
}

impl<F: Real> ConvTranspose<F> {
    /// A transposed convolution of `weights` (input channels × output channels of a group × kernel) and a bias for each
    /// output channel.
    ///
    /// # Errors
    /// [`Error::Attribute`] when weights, bias, groups, sliding and output size do not fit together.
    ///
    /// ```
    /// use ndarray::array;
    /// use neural_lrp::Operation;
    /// use neural_lrp::operations::{ConvTranspose, OutputSize, Sliding};
    ///
    /// let weights = array![[[1.0, -1.0]]].into_dyn(); // one channel to one channel, a kernel of 2
    /// let spread = ConvTranspose::new(weights, None, 1, Sliding::new(1), OutputSize::Padded(vec![0]))?;
    /// let x = array![[[4.0, 3.0]]].into_dyn();
    /// assert_eq!(spread.forward(&[x.view()]), array![[[4.0, -1.0, -3.0]]].into_dyn());
    /// # Ok::<(), neural_lrp::Error>(())
    /// ```
    pub fn new(
        weights: impl Into<Arc<ArrayD<F>>>,
        bias: Option<Array1<F>>,
        groups: usize,
        sliding: Sliding,
        output: OutputSize,
    ) -> Result<Self, Error> {
        let filters = Filters::new(KIND, weights.into(), groups)?;
        sliding.check(KIND, filters.kernel())?;
        convolution::check_bias(KIND, bias.as_ref(), filters.fine_channels())?;
        output.check(filters.kernel().len())?;
        Ok(Self { filters, bias, sliding, output })
    }

    fn geometry(&self, operands: &[&[usize]]) -> Result<Geometry, Error> {
        let kernel = self.filters.kernel();
        let (_, lengths) = samples_and_lengths(operands, self.filters.coarse_channels(), kernel.len())?;
        let axes = kernel.iter().zip(lengths).enumerate();
        let axes = axes.map(|(axis, (&kernel, &coarse))| {
            self.axis(axis, kernel, coarse).ok_or_else(|| {
                format!(
                    "with its padding nothing is left of spatial axis {axis}, or far too much; it has length {coarse}"
                )
            })
        });
        let axes = axes.collect::<Result<Vec<_>, String>>().map_err(|reason| Error::shape(operands, reason))?;
        Ok(Geometry::new(&axes))
    }

    /// One axis of the window whose places are the `coarse` numbers of the input; `None` where the output would be empty.
    fn axis(&self, axis: usize, kernel: usize, coarse: usize) -> Option<WindowAxis> {
        let stride = self.sliding.strides[axis];
        let (OutputSize::Padded(added) | OutputSize::Exactly { added, .. }) = &self.output;
        let whole = coarse.checked_sub(1)?.checked_mul(stride)?;
        let whole = whole.checked_add(self.sliding.span(axis, kernel)?)?.checked_add(added[axis])?;
        let (fine, before) = match (&self.output, &self.sliding.padding) {
            (OutputSize::Exactly { lengths, .. }, padding) => {
                (lengths[axis], padding.before(whole.saturating_sub(lengths[axis])))
            }
            (OutputSize::Padded(_), Padding::Explicit { before, after }) => {
                (whole.checked_sub(before[axis])?.checked_sub(after[axis])?, before[axis])
            }
            (OutputSize::Padded(_), same) => {
                let fine = coarse.checked_mul(stride)?;
                (fine, same.before(whole.saturating_sub(fine)))
            }
        };
        let dilation = self.sliding.dilations[axis];
        (fine > 0).then_some(WindowAxis { fine, coarse, kernel, stride, dilation, before })
    }

    /// The geometry over an input whose shape has been agreed upon.
    fn agreed(&self, input: &[usize]) -> Geometry {
        self.geometry(&[input]).unwrap_or_else(|error| unreachable!("{error}"))
    }

    fn product(&self, input: &ArrayViewD<'_, F>, bias: Option<&Array1<F>>) -> ArrayD<F> {
        let message = (WeightPart::All, input.view());
        self.filters.scatter(&[message], bias, input.shape()[0], &self.agreed(input.shape()))
    }
}

impl OutputSize {
    fn check(&self, spatial_axes: usize) -> Result<(), Error> {
        let (Self::Padded(added) | Self::Exactly { added, .. }) = self;
        let mut lists = vec![("output_padding", added)];
        if let Self::Exactly { lengths, .. } = self {
            lists.push(("output_shape", lengths));
        }
        match lists.into_iter().find(|(_, list)| list.len() != spatial_axes) {
            Some((attribute, list)) => Err(refuse(
                KIND,
                attribute,
                format!("{list:?}"),
                format!("{spatial_axes} numbers, one per spatial axis"),
            )),
            None => Ok(()),
        }
    }
}

impl<F: Real> LinearMap<F> for ConvTranspose<F> {
    fn apply(&self, parts: &[WeightPart], input: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let geometry = self.agreed(input.shape());
        let samples = input.shape()[0];
        let scatter = |&part| self.filters.scatter(&[(part, input.view())], None, samples, &geometry);
        parts.iter().map(scatter).collect()
    }

    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, F>)], input_shape: &[usize]) -> ArrayD<F> {
        let geometry = self.agreed(input_shape);
        let mut sum = ArrayD::zeros(input_shape);
        for (part, message) in messages {
            for gathered in self.filters.gather(&[*part], message, None, &geometry) {
                sum += &gathered;
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
        let spec = OperatorSpec::new(KIND, 1)
            .with_integers("kernel_shape", integers(self.filters.kernel()))
            .with_integer("group", integers(&[self.filters.groups()])[0])
            .with_constant(Arc::clone(self.filters.weights()));
        let spec = self.sliding.word(spec);
        let (OutputSize::Padded(added) | OutputSize::Exactly { added, .. }) = &self.output;
        let spec = spec.with_integers("output_padding", integers(added));
        let spec = match &self.output {
            OutputSize::Padded(_) => spec,
            OutputSize::Exactly { lengths, .. } => spec.with_integers("output_shape", integers(lengths)),
        };
        match &self.bias {
            Some(bias) => spec.with_constant(Arc::new(bias.clone().into_dyn())),
            None => spec,
        }
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    fn family(&self) -> Family {
        Family::Linear
    }

    fn is_convolution(&self) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let fine = self.geometry(operands)?.axes.map(|axis| axis.fine);
        let space = &fine[3 - self.filters.kernel().len()..];
        Ok([&[operands[0][0], self.filters.fine_channels()], space].concat())
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
        let channels = self.filters.fine_channels();
        if scale.len() != channels || shift.len() != channels {
            return None;
        }
        let mut weights = ArrayD::clone(self.filters.weights());
        let rows = self.filters.coarse_channels() / self.filters.groups();
        for (row, mut filters) in weights.axis_iter_mut(Axis(0)).enumerate() {
            let first = row / rows * filters.len_of(Axis(0));
            for (mut filter, &scale) in filters.axis_iter_mut(Axis(0)).zip(&scale[first..]) {
                filter *= scale;
            }
        }
        let bias = convolution::followed_by(self.bias.as_ref(), scale, shift);
        let layer = Self::new(weights, Some(bias), self.filters.groups(), self.sliding.clone(), self.output.clone());
        layer.ok().map(|layer| Arc::new(layer) as Arc<dyn Operation<F>>)
    }

    fn description(&self) -> String {
        convolution::describe(
            &self.filters,
            &self.sliding,
            self.filters.coarse_channels(),
            self.filters.fine_channels(),
        )
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let weights = spec.required_constant(1, "weights")?;
    let (groups, sliding) = convolution::read_attributes(spec, weights.shape())?;
    let added = spec.counts("output_padding", 0)?.unwrap_or_else(|| vec![0; sliding.strides.len()]);
    let output = match spec.counts("output_shape", 1)? {
        Some(lengths) => OutputSize::Exactly { lengths, added },
        None => OutputSize::Padded(added),
    };
    let layer = ConvTranspose::new(weights, convolution::read_bias(spec)?, groups, sliding, output)?;
    Ok(ParsedOperation::new(layer, vec![0]))
}
