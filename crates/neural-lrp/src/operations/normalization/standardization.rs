//! Numbers centered and divided by their deviation: what layer, instance, group and RMS normalization have in common.

use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, CowArray, IxDyn};
use relevance::Amount;

use crate::arrays::axes::{axis_of, position};
use crate::arrays::broadcast::broadcasts;
use crate::arrays::groups::Groups;
use crate::operation::{Family, Normalization, Operation, OperatorSpec, ParsedOperation, Step};
use crate::{Error, Real};

/// `y_i = γ_i (x_i − μ) / √(σ² + ε) + β_i`, with mean and variance over each group of numbers that the operator says.
///
/// Without centering, μ is 0 and σ² the mean of the squares.
#[derive(Clone, Debug)]
pub struct Standardization<F, O> {
    operator: O,
    epsilon: f64,
    gamma: Arc<ArrayD<F>>,
    beta: Option<Arc<ArrayD<F>>>,
}

/// An operator that standardizes: over which numbers, and where scale and shift belong.
pub trait Standardizer: Clone + fmt::Debug + Send + Sync + 'static {
    /// The operator's name.
    const KIND: &'static str;

    /// Whether numbers are centered.
    const CENTERING: Centering;

    /// The numbers that are standardized together, of an operand of `shape`.
    ///
    /// # Errors
    /// [`Error::Shape`] when the operator can't take such an operand.
    fn layout(&self, shape: &[usize]) -> Result<Layout, Error>;

    /// The shape in which a scale or shift of shape `given` broadcasts to the layout's.
    fn parameter_shape(&self, given: &[usize], layout: &Layout) -> Vec<usize> {
        let _ = layout;
        given.to_vec()
    }

    /// The axis along which channels lie, where the operator says it: 1, if it has channels of its own.
    fn channel_axis(&self, rank: usize) -> Option<usize> {
        let _ = rank;
        Some(1)
    }

    /// Adds the operator's attributes.
    fn write<F: Real>(&self, spec: OperatorSpec<F>) -> OperatorSpec<F>;

    /// What a person should know.
    fn description(&self) -> String;
}

/// Whether the mean is subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Centering {
    /// It is.
    Mean,
    /// Numbers stay where they are.
    None,
}

/// An operand as an operator looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// A shape of as many numbers as the operand's.
    pub shape: Vec<usize>,
    /// The axes of that shape which are standardized together, ascending.
    pub axes: Vec<usize>,
}

/// Which axes of an operand are standardized together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NormalizedAxes {
    /// This axis, counted from the last where it is negative, and all after it.
    From(i64),
    /// These axes, counted from the last where negative. ONNX has no such operator; networks whose normalization is spelled
    /// out have, over the channels of an image for one.
    Over(Vec<i64>),
}

impl NormalizedAxes {
    /// The axes of a specification: `axis` as ONNX has it, or a list of `axes`.
    pub(super) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<Self, Error> {
        match spec.integers("axes")? {
            None => Ok(Self::From(spec.integer("axis", -1)?)),
            Some([]) => Err(spec.refuse("axes", "none", "at least one")),
            Some(axes) => Ok(Self::Over(axes.to_vec())),
        }
    }

    pub(super) fn write<F: Real>(&self, spec: OperatorSpec<F>) -> OperatorSpec<F> {
        match self {
            Self::From(axis) => spec.with_integer("axis", *axis),
            Self::Over(axes) => spec.with_integers("axes", axes.iter().copied()),
        }
    }

    pub(super) fn layout(&self, shape: &[usize]) -> Result<Layout, Error> {
        let axes = match self {
            Self::From(axis) => (axis_of(*axis, shape)?..shape.len()).collect(),
            Self::Over(axes) => {
                let mut axes = axes.iter().map(|&axis| axis_of(axis, shape)).collect::<Result<Vec<_>, Error>>()?;
                axes.sort_unstable();
                axes.dedup();
                axes
            }
        };
        Ok(Layout { shape: shape.to_vec(), axes })
    }

    /// Layers are normalized along their channels, where that is one axis: of several, none is known to hold them.
    pub(super) fn channel_axis(&self, rank: usize) -> Option<usize> {
        match self {
            Self::From(axis) => position(*axis, rank).filter(|axis| axis + 1 == rank),
            Self::Over(axes) => axes.first().filter(|_| axes.len() == 1).and_then(|&axis| position(axis, rank)),
        }
    }

    pub(super) fn description(&self) -> String {
        match self {
            Self::From(axis) => format!("over axis {axis} and all after it"),
            Self::Over(axes) => format!("over axes {axes:?}"),
        }
    }
}

/// Makes a standardizer of an operator that is told by its axes alone.
macro_rules! over_axes {
    ($operator:ident, $kind:literal, $centering:expr) => {
        impl Standardizer for $operator {
            const KIND: &'static str = $kind;
            const CENTERING: Centering = $centering;

            fn layout(&self, shape: &[usize]) -> Result<Layout, Error> {
                self.0.layout(shape)
            }

            fn channel_axis(&self, rank: usize) -> Option<usize> {
                self.0.channel_axis(rank)
            }

            fn write<F: Real>(&self, spec: OperatorSpec<F>) -> OperatorSpec<F> {
                self.0.write(spec)
            }

            fn description(&self) -> String {
                self.0.description()
            }
        }
    };
}
pub(super) use over_axes;

impl<F: Real, O: Standardizer> Standardization<F, O> {
    /// The standardization of an operator, with scale `gamma` and shift `beta`.
    ///
    /// # Errors
    /// [`Error::Attribute`] when ε is negative or not finite.
    pub fn new(
        operator: O,
        epsilon: f64,
        gamma: impl Into<Arc<ArrayD<F>>>,
        beta: Option<Arc<ArrayD<F>>>,
    ) -> Result<Self, Error> {
        if epsilon.is_finite() && epsilon >= 0.0 {
            return Ok(Self { operator, epsilon, gamma: gamma.into(), beta });
        }
        Err(Error::Attribute {
            kind: O::KIND.into(),
            attribute: "epsilon".into(),
            value: epsilon.to_string(),
            expected: "a number of at least 0".into(),
        })
    }

    /// The operation of a specification: scale and shift are its second and third input.
    pub(super) fn read(spec: &OperatorSpec<F>, operator: O) -> Result<ParsedOperation<F>, Error> {
        let (gamma, beta) = (spec.required_constant(1, "scale")?, spec.constant(2, "bias")?);
        Ok(ParsedOperation::new(Self::new(operator, spec.real("epsilon", 1e-5)?, gamma, beta)?, vec![0]))
    }

    /// The layout of an operand whose shape was agreed to.
    fn layout(&self, shape: &[usize]) -> Layout {
        self.operator.layout(shape).unwrap_or_else(|_| unreachable!("the shape was agreed to"))
    }

    /// A scale or shift in a shape that broadcasts to the layout's.
    fn parameter<'a>(&self, numbers: &'a ArrayD<F>, layout: &Layout) -> CowArray<'a, F, IxDyn> {
        let shape = self.operator.parameter_shape(numbers.shape(), layout);
        numbers.to_shape(shape).unwrap_or_else(|_| unreachable!("the shape was agreed to"))
    }

    /// Makes each row of numbers that are standardized together from the same rows of `sources`, with `γ` and `β`.
    fn rows<const N: usize>(
        &self,
        shape: &[usize],
        sources: [ArrayViewD<'_, F>; N],
        fill: impl Fn([&[F]; N], Affine<'_, F>, &mut [F]) + Sync,
    ) -> ArrayD<F> {
        let layout = self.layout(shape);
        let groups = Groups::over(&layout.axes, &layout.shape);
        let gamma = groups.repeated(self.parameter(&self.gamma, &layout).view());
        let beta = self.beta.as_ref().map(|beta| groups.repeated(self.parameter(beta, &layout).view()));
        let rows = groups.map(sources, |row, sources, target| {
            fill(sources, Affine { gamma: gamma.row(row), beta: beta.as_ref().map(|beta| beta.row(row)) }, target);
        });
        rows.into_shape_with_order(shape).unwrap_or_else(|_| unreachable!("a layout of as many numbers"))
    }
}

/// `γ` and `β` for the numbers of a row.
struct Affine<'a, F> {
    gamma: &'a [F],
    beta: Option<&'a [F]>,
}

/// What standardizes a row.
struct Moments<F> {
    level: Level<F>,
    variance: F,
    /// `1/√(σ² + ε)`
    scale: F,
}

impl<F: Real> Moments<F> {
    fn of(row: &[F], epsilon: f64, centering: Centering) -> Self {
        let level = centering.level(row);
        let variance = mean(row.iter().map(|&x| level.center(x) * level.center(x)));
        Self { level, variance, scale: (variance + F::of(epsilon)).sqrt().recip() }
    }

    fn standardize(&self, x: F) -> F {
        self.level.center(x) * self.scale
    }
}

impl Centering {
    /// Centers the numbers of a row.
    fn center<F: Real>(self, row: &mut [F]) {
        let level = self.level(row);
        row.iter_mut().for_each(|x| *x = level.center(*x));
    }

    /// The level of the numbers of a row.
    fn level<F: Real>(self, row: &[F]) -> Level<F> {
        match self {
            Self::Mean => {
                let rounded = mean(row.iter().copied());
                Level { rounded, rest: mean(row.iter().map(|&x| x - rounded)) }
            }
            Self::None => Level { rounded: F::zero(), rest: F::zero() },
        }
    }
}

/// The mean of a row in two parts, or 0.
///
/// The mean of large numbers that are nearly equal is off by as much as they differ, and a small deviation or stabilizer
/// makes much of it: numbers that are all equal have to be centered to 0.
struct Level<F> {
    /// The mean, rounded.
    rounded: F,
    /// The mean of what is left without it.
    rest: F,
}

impl<F: Real> Level<F> {
    fn center(&self, x: F) -> F {
        x - self.rounded - self.rest
    }
}

/// The mean of the numbers of a row, which may be a whole image: summed in double precision.
fn mean<F: Real>(row: impl ExactSizeIterator<Item = F>) -> F {
    let count = row.len() as f64;
    F::of(row.map(|x| x.as_()).sum::<f64>() / count)
}

/// `γ · upper`
fn weighed<F: Real>(upper: &[F], affine: &Affine<'_, F>) -> Vec<F> {
    upper.iter().zip(affine.gamma).map(|(&upper, &gamma)| upper * gamma).collect()
}

impl<F: Real, O: Standardizer> Operation<F> for Standardization<F, O> {
    fn to_spec(&self) -> OperatorSpec<F> {
        let spec = self.operator.write(OperatorSpec::new(O::KIND, 1));
        let spec = spec.with_real("epsilon", self.epsilon).with_constant(Arc::clone(&self.gamma));
        match &self.beta {
            Some(beta) => spec.with_constant(Arc::clone(beta)),
            None => spec,
        }
    }

    fn kind(&self) -> &'static str {
        O::KIND
    }

    fn family(&self) -> Family {
        Family::Normalization
    }

    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        // A layout of another shape parts the channels, not the samples.
        let layout = operands.first().and_then(|shape| self.operator.layout(shape).ok());
        layout.is_some_and(|layout| !layout.axes.contains(&0))
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape] = operands else { return Err(Error::shape(operands, "it takes one")) };
        let layout = self.operator.layout(shape)?;
        for numbers in [Some(&self.gamma), self.beta.as_ref()].into_iter().flatten() {
            let parameter = self.operator.parameter_shape(numbers.shape(), &layout);
            if !broadcasts(&parameter, &layout.shape) {
                let reason = format!(
                    "scale or bias of shape {:?} do not fit what is normalized {}",
                    numbers.shape(),
                    self.operator.description()
                );
                return Err(Error::shape(operands, reason));
            }
        }
        Ok(shape.to_vec())
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        self.rows(operands[0].shape(), [operands[0].view()], |[x], affine, y| {
            let moments = Moments::of(x, self.epsilon, O::CENTERING);
            for ((y, &x), &gamma) in y.iter_mut().zip(x).zip(affine.gamma) {
                *y = moments.standardize(x) * gamma;
            }
            for (y, &beta) in y.iter_mut().zip(affine.beta.unwrap_or_default()) {
                *y += beta;
            }
        })
    }

    /// `( h_i − mean(h) − x̂_i mean(h x̂) ) / √(σ² + ε)` with `h = γ · upper`, `x̂ = (x − μ)/√(σ² + ε)`; without
    /// centering there is no `mean(h)`. As `mean(x̂) = 0`, `mean(h x̂)` may be that of centered `h`.
    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let input = &step.operands[0];
        vec![self.rows(input.shape(), [input.view(), upper.view()], |[x, upper], affine, lower| {
            let moments = Moments::of(x, self.epsilon, O::CENTERING);
            let mut centered = weighed(upper, &affine);
            O::CENTERING.center(&mut centered);
            let tilt = mean(centered.iter().zip(x).map(|(&h, &x)| h * moments.standardize(x)));
            for ((lower, &h), &x) in lower.iter_mut().zip(&centered).zip(x) {
                *lower = (h - moments.standardize(x) * tilt) * moments.scale;
            }
        })]
    }

    /// `γ_i x̂_i ε / (σ² + ε)`: all that is left of a scaling of the input is ε.
    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        let input = &step.operands[0];
        let epsilon = F::of(self.epsilon);
        self.rows(input.shape(), [input.view()], |[x], affine, along| {
            let moments = Moments::of(x, self.epsilon, O::CENTERING);
            let rest = epsilon / (moments.variance + epsilon);
            for ((along, &x), &gamma) in along.iter_mut().zip(x).zip(affine.gamma) {
                *along = gamma * moments.standardize(x) * rest;
            }
        })
    }

    fn channel_axis(&self, rank: usize) -> Option<usize> {
        self.operator.channel_axis(rank)
    }

    fn normalization(&self) -> Option<&dyn Normalization<F>> {
        Some(self)
    }

    fn description(&self) -> String {
        self.operator.description()
    }
}

impl<F: Real, O: Standardizer> Normalization<F> for Standardization<F, O> {
    /// `( h_i − mean(h) ) / √(σ² + ε)` with `h = γ s`
    fn transposed(&self, step: &Step<'_, F>, message: ArrayViewD<'_, F>) -> ArrayD<F> {
        let input = &step.operands[0];
        self.rows(input.shape(), [input.view(), message.view()], |[x, message], affine, lower| {
            let moments = Moments::of(x, self.epsilon, O::CENTERING);
            let mut centered = weighed(message, &affine);
            O::CENTERING.center(&mut centered);
            lower.iter_mut().zip(&centered).for_each(|(lower, &centered)| *lower = centered * moments.scale);
        })
    }

    fn centers(&self) -> bool {
        O::CENTERING == Centering::Mean
    }

    /// `Σ_j β_j s_j`
    fn absorbed(&self, step: &Step<'_, F>, message: ArrayViewD<'_, F>) -> Amount {
        let Some(beta) = &self.beta else { return Amount::default() };
        let layout = self.layout(step.operands[0].shape());
        let beta = self.parameter(beta, &layout);
        let beta = beta.broadcast(IxDyn(&layout.shape));
        let beta = beta.unwrap_or_else(|| unreachable!("the shift was agreed to broadcast"));
        message.iter().zip(&beta).map(|(message, beta)| message.as_() * beta.as_()).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use relevance::{Sink, Stabilizer};

    use super::*;
    use crate::operations::testing::{assert_close, booked, check_gradient, forward, numbers, step};
    use crate::rules::{Detached, Rule};

    /// A standardization in plain loops: its numbers that belong together, scale and shift of each number.
    pub(crate) struct Plain {
        /// The group of each number of the operand, in row-major order.
        pub(crate) groups: Vec<usize>,
        pub(crate) gamma: Vec<f64>,
        pub(crate) beta: Vec<f64>,
        pub(crate) epsilon: f64,
        pub(crate) centering: Centering,
    }

    impl Plain {
        fn members(&self, group: usize) -> Vec<usize> {
            (0..self.groups.len()).filter(|&i| self.groups[i] == group).collect()
        }

        /// `(mean, √(σ² + ε))` of the group of a number.
        fn moments(&self, x: &[f64], i: usize) -> (f64, f64) {
            let members = self.members(self.groups[i]);
            let mean_of =
                |of: &dyn Fn(usize) -> f64| members.iter().map(|&k| of(k)).sum::<f64>() / members.len() as f64;
            let mean = if self.centering == Centering::Mean { mean_of(&|k| x[k]) } else { 0.0 };
            (mean, (mean_of(&|k| (x[k] - mean).powi(2)) + self.epsilon).sqrt())
        }

        fn output(&self, x: &[f64], i: usize) -> f64 {
            let (mean, deviation) = self.moments(x, i);
            self.gamma[i] * (x[i] - mean) / deviation + self.beta[i]
        }

        /// `x_i Σ_j J_ji R_j / stabilize(y_j)`, with σ a constant.
        fn detached(&self, x: &[f64], upper: &[f64], stabilizer: Stabilizer, i: usize) -> f64 {
            let members = self.members(self.groups[i]);
            let (_, deviation) = self.moments(x, i);
            let slope = |j: usize| {
                let own = if i == j { 1.0 } else { 0.0 };
                let mean = if self.centering == Centering::Mean { 1.0 / members.len() as f64 } else { 0.0 };
                self.gamma[j] * (own - mean) / deviation
            };
            let share = |j: usize| upper[j] / stabilizer.stabilize(self.output(x, j));
            x[i] * members.iter().map(|&j| slope(j) * share(j)).sum::<f64>()
        }
    }

    /// An operation does and explains what the plain loops do, and its books balance.
    pub(crate) fn check(operation: &dyn Operation<f64>, shape: &[usize], plain: &Plain) {
        let x = [numbers(shape, 91) + 0.25];
        let y = forward(operation, &x);
        let values: Vec<f64> = x[0].iter().copied().collect();
        let as_array = |of: &dyn Fn(usize) -> f64| {
            ArrayD::from_shape_vec(IxDyn(shape), (0..values.len()).map(of).collect()).unwrap()
        };
        assert_close(y.view(), as_array(&|i| plain.output(&values, i)).view(), operation.kind());
        check_gradient(operation, &x);

        let upper = numbers(shape, 92);
        let upper_values: Vec<f64> = upper.iter().copied().collect();
        for stabilizer in [Stabilizer::NONE, Stabilizer::new(0.1).unwrap()] {
            let rule = Rule::from(Detached { stabilizer });
            let shared = rule.redistribute(operation, &step(&x, &y), upper.view()).unwrap();
            let expected = as_array(&|i| plain.detached(&values, &upper_values, stabilizer, i));
            assert_close(shared.lower[0].view(), expected.view(), &format!("{} by {rule}", operation.kind()));
            let absorbed: f64 = (0..values.len())
                .map(|j| plain.beta[j] * upper_values[j] / stabilizer.stabilize(plain.output(&values, j)))
                .sum();
            let entry = booked(&upper, shared);
            assert!((entry.sink(Sink::Bias).total - absorbed).abs() < 1e-10 * (1.0 + absorbed.abs()));
            assert!(entry.relative_error() < 1e-10, "{}", entry.relative_error());
        }
    }
}
