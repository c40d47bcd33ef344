//! Convolution.

use std::sync::Arc;

use ndarray::{Array1, ArrayD, ArrayViewD, Axis};

use crate::operation::OperatorSpec;
use crate::operation::linear::{LinearMap, WeightPart};
use crate::operation::{Family, Operation, ParsedOperation, Step};
use crate::operations::linear::convolution::{
    self, Filters, Geometry, Sliding, along_channels, integers, samples_and_lengths,
};
use crate::{Error, Real};

const KIND: &str = "Conv";

/// A convolution over one, two or three spatial axes.
///
/// ```text
/// z_m(o) = Σ_c Σ_k w_mc(k) · x_c(o · stride + k · dilation − before) + b_m
/// ```
/// * `m`, `c` — channels of the output and of the input (those of `m`'s group); `o`, `k` — places of the window and within it
/// * `x` is 0 outside of the input: padding contributes nothing, to no rule
#[derive(Clone, Debug)]
pub struct Conv<F> {
    filters: Filters<F>,
    bias: Option<Array1<F>>,
    sliding: Sliding,
}

impl<F: Real> Conv<F> {
    /// A convolution of `weights` (output channels × input channels of a group × kernel) and a bias for each output channel.
    ///
    /// # Errors
    /// [`Error::Attribute`] when weights, bias, groups and sliding do not fit together.
    ///
    /// ```
    /// use ndarray::{ArrayD, array};
    /// use neural_lrp::Operation;
    /// use neural_lrp::operations::{Conv, Sliding};
    ///
    /// let weights = array![[[1.0, -1.0]]].into_dyn(); // one channel to one channel, a kernel of 2
    /// let differences = Conv::new(weights, None, 1, Sliding::new(1))?;
    /// let x = array![[[4.0, 3.0, 1.0]]].into_dyn();
    /// assert_eq!(differences.forward(&[x.view()]), array![[[1.0, 2.0]]].into_dyn());
    /// # Ok::<(), neural_lrp::Error>(())
    /// ```
    pub fn new(
        weights: impl Into<Arc<ArrayD<F>>>,
        bias: Option<Array1<F>>,
        groups: usize,
        sliding: Sliding,
    ) -> Result<Self, Error> {
        let filters = Filters::new(KIND, weights.into(), groups)?;
        sliding.check(KIND, filters.kernel())?;
        convolution::check_bias(KIND, bias.as_ref(), filters.coarse_channels())?;
        Ok(Self { filters, bias, sliding })
    }

    fn geometry(&self, operands: &[&[usize]]) -> Result<Geometry, Error> {
        let kernel = self.filters.kernel();
        let (_, lengths) = samples_and_lengths(operands, self.filters.fine_channels(), kernel.len())?;
        let axes = kernel.iter().zip(lengths).enumerate();
        let axes = axes.map(|(axis, (&kernel, &fine))| self.sliding.over(axis, kernel, fine));
        let axes = axes.collect::<Result<Vec<_>, String>>().map_err(|reason| Error::shape(operands, reason))?;
        Ok(Geometry::new(&axes))
    }

    /// The geometry over an input whose shape has been agreed upon.
    fn agreed(&self, input: &[usize]) -> Geometry {
        self.geometry(&[input]).unwrap_or_else(|error| unreachable!("{error}"))
    }

    fn product(&self, input: &ArrayViewD<'_, F>, bias: Option<&Array1<F>>) -> ArrayD<F> {
        let product = self.filters.gather(&[WeightPart::All], input, bias, &self.agreed(input.shape()));
        product.into_iter().next().unwrap_or_default()
    }
}

impl<F: Real> LinearMap<F> for Conv<F> {
    fn apply(&self, parts: &[WeightPart], input: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        self.filters.gather(parts, &input, None, &self.agreed(input.shape()))
    }

    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, F>)], input_shape: &[usize]) -> ArrayD<F> {
        self.filters.scatter(messages, None, input_shape[0], &self.agreed(input_shape))
    }

    fn bias(&self) -> Option<ArrayD<F>> {
        self.bias.as_ref().map(|bias| along_channels(bias, self.filters.kernel().len()))
    }
}

impl<F: Real> Operation<F> for Conv<F> {
    fn to_spec(&self) -> OperatorSpec<F> {
        let spec = OperatorSpec::new(KIND, 1)
            .with_integers("kernel_shape", integers(self.filters.kernel()))
            .with_integer("group", integers(&[self.filters.groups()])[0])
            .with_constant(Arc::clone(self.filters.weights()));
        let spec = self.sliding.word(spec);
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
        let coarse = self.geometry(operands)?.axes.map(|axis| axis.coarse);
        let space = &coarse[3 - self.filters.kernel().len()..];
        Ok([&[operands[0][0], self.filters.coarse_channels()], space].concat())
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
        let channels = self.filters.coarse_channels();
        if scale.len() != channels || shift.len() != channels {
            return None;
        }
        let mut weights = ArrayD::clone(self.filters.weights());
        for (mut filter, &scale) in weights.axis_iter_mut(Axis(0)).zip(scale) {
            filter *= scale;
        }
        let bias = convolution::followed_by(self.bias.as_ref(), scale, shift);
        let conv = Self::new(weights, Some(bias), self.filters.groups(), self.sliding.clone());
        conv.ok().map(|conv| Arc::new(conv) as Arc<dyn Operation<F>>)
    }

    fn description(&self) -> String {
        convolution::describe(
            &self.filters,
            &self.sliding,
            self.filters.fine_channels(),
            self.filters.coarse_channels(),
        )
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let weights = spec.required_constant(1, "weights")?;
    let (groups, sliding) = convolution::read_attributes(spec, weights.shape())?;
    let conv = Conv::new(weights, convolution::read_bias(spec)?, groups, sliding)?;
    Ok(ParsedOperation::new(conv, vec![0]))
}
