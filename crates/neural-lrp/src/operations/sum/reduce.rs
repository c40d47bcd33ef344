//! Sums of functions of the numbers along axes: means, norms, logarithms of sums; and products.

use ndarray::{ArrayD, ArrayView1, ArrayViewD};
use relevance::Stabilizer;

use crate::arrays::contiguous::elements;
use crate::operation::shares::shares;
use crate::operation::{Family, Operation, OperatorSpec, ParsedOperation, Redistribution, Step};
use crate::operations::reduction::Reduction;
use crate::{Error, Real};

/// `y_j = g(Σ_i h(x_i))` over some of the axes.
///
/// Relevance is shared by contributions, whatever `g` is:
///
/// ```text
/// R_i = h(x_i) / stabilize(Σ_i h(x_i)) · R_j                Bach et al. 2015, Eq. (63)
/// ```
/// * `h`, `g` — those of the [`Statistic`]. Of sums, means and both norms, these are the contributions `x_i ∂y_j/∂x_i` too
///
/// A product is no such sum. Each of its n factors gets `R_j / n`, as either of two tensors gets half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduce {
    statistic: Statistic,
    reduction: Reduction,
}

/// What is made of the numbers along the axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// `Σ_i x_i`
    Sum,
    /// `Σ_i x_i / n`
    Mean,
    /// `Σ_i |x_i|`
    L1,
    /// `√(Σ_i x_i²)`
    L2,
    /// `Σ_i x_i²`
    SumSquare,
    /// `log Σ_i x_i`
    LogSum,
    /// `log Σ_i exp x_i`. Its shares are those of softmax: it is a soft maximum, and the one that is largest takes most.
    LogSumExp,
    /// `Π_i x_i`
    Product,
}

impl Statistic {
    fn kind(self) -> &'static str {
        match self {
            Self::Sum => "ReduceSum",
            Self::Mean => "ReduceMean",
            Self::L1 => "ReduceL1",
            Self::L2 => "ReduceL2",
            Self::SumSquare => "ReduceSumSquare",
            Self::LogSum => "ReduceLogSum",
            Self::LogSumExp => "ReduceLogSumExp",
            Self::Product => "ReduceProd",
        }
    }

    fn of<F: Real>(self, x: &[F]) -> F {
        // In double precision: a row may be a whole image.
        let sum = |of: fn(F) -> F| F::of(x.iter().map(|&x| of(x).as_()).sum::<f64>());
        match self {
            Self::Sum => ArrayView1::from(x).sum(),
            Self::Mean => ArrayView1::from(x).sum() / F::of(x.len() as f64),
            Self::L1 => sum(F::abs),
            Self::L2 => sum(square).sqrt(),
            Self::SumSquare => sum(square),
            Self::LogSum => ArrayView1::from(x).sum().ln(),
            Self::LogSumExp => {
                let level = level(x);
                level + x.iter().map(|&x| (x - level).exp()).sum::<F>().ln()
            }
            Self::Product => x.iter().fold(F::one(), |product, &x| product * x),
        }
    }

    /// `∂y/∂x_i`, written over `lower`.
    fn derivatives<F: Real>(self, x: &[F], y: F, lower: &mut [F]) {
        let zero = F::zero();
        let mut each = |of: &dyn Fn(F) -> F| lower.iter_mut().zip(x).for_each(|(lower, &x)| *lower = of(x));
        match self {
            Self::Sum => each(&|_| F::one()),
            Self::Mean => each(&|_| F::of(1.0 / x.len() as f64)),
            Self::L1 => each(&|x| if x == zero { zero } else { x.signum() }),
            Self::L2 => each(&|x| if y == zero { zero } else { x / y }),
            Self::SumSquare => each(&|x| x + x),
            Self::LogSum => {
                let sum = ArrayView1::from(x).sum();
                each(&|_| sum.recip());
            }
            Self::LogSumExp => each(&|x| (x - y).exp()),
            Self::Product => products_of_others(x, lower),
        }
    }

    /// `Σ_i x_i ∂y/∂x_i`
    fn along<F: Real>(self, x: &[F], y: F) -> F {
        match self {
            Self::Sum | Self::Mean | Self::L1 | Self::L2 => y,
            Self::SumSquare => y + y,
            Self::LogSum => F::one(),
            Self::LogSumExp => x.iter().map(|&x| x * (x - y).exp()).sum(),
            Self::Product => y * F::of(x.len() as f64),
        }
    }

    /// `h(x_i)`, written over `lower`, where that is not `x_i ∂y/∂x_i` up to a factor that all have.
    fn contributions<F: Real>(self, x: &[F], lower: &mut [F]) {
        let mut each = |of: &dyn Fn(F) -> F| lower.iter_mut().zip(x).for_each(|(lower, &x)| *lower = of(x));
        match self {
            Self::Sum | Self::Mean | Self::LogSum => each(&|x| x),
            Self::L1 => each(&F::abs),
            Self::L2 | Self::SumSquare => each(&square),
            Self::LogSumExp => {
                // Times a factor that all have, so that nothing overflows.
                let level = level(x);
                each(&|x| (x - level).exp());
            }
            Self::Product => each(&|_| F::one()),
        }
    }
}

fn square<F: Real>(x: F) -> F {
    x * x
}

/// The largest number, or 0 where that is infinite.
fn level<F: Real>(x: &[F]) -> F {
    let largest = x.iter().fold(F::neg_infinity(), |largest, &x| largest.max(x));
    if largest.is_finite() { largest } else { F::zero() }
}

/// `Π_{k≠i} x_k` for each i.
fn products_of_others<F: Real>(x: &[F], products: &mut [F]) {
    let mut before = F::one();
    for (product, &x) in products.iter_mut().zip(x) {
        *product = before;
        before *= x;
    }
    let mut behind = F::one();
    for (product, &x) in products.iter_mut().zip(x).rev() {
        *product *= behind;
        behind *= x;
    }
}

impl Reduce {
    /// A statistic over axes.
    pub fn new(statistic: Statistic, reduction: Reduction) -> Self {
        Self { statistic, reduction }
    }
}

impl<F: Real> Operation<F> for Reduce {
    fn to_spec(&self) -> OperatorSpec<F> {
        self.reduction.spec(self.statistic.kind())
    }

    fn kind(&self) -> &'static str {
        self.statistic.kind()
    }

    fn family(&self) -> Family {
        Family::Sum
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn takes_empty_operands(&self) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let output = self.reduction.output_shape(operands)?;
        let is_empty = operands[0].contains(&0) && !output.contains(&0);
        match self.statistic {
            Statistic::Mean if is_empty => Err(Error::shape(operands, "there is no mean over an axis of length 0")),
            _ => Ok(output),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        self.reduction.fold(&operands[0], |x| self.statistic.of(x))
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let (output, upper) = (elements(&step.output), elements(&upper));
        let groups = self.reduction.groups(step.operands[0].shape());
        vec![groups.map([step.operands[0].view()], |row, [x], lower| {
            self.statistic.derivatives(x, output[row], lower);
            lower.iter_mut().for_each(|lower| *lower *= upper[row]);
        })]
    }

    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        self.reduction.fold(&step.operands[0], |x| self.statistic.along(x, self.statistic.of(x)))
    }

    /// Of what is homogeneous of degree one, the contributions are `x_i ∂y_j/∂x_i`, and need no other way.
    fn by_contributions(
        &self,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
        stabilizer: Stabilizer,
    ) -> Option<Redistribution<F>> {
        let stabilizer = match self.statistic {
            Statistic::Sum | Statistic::Mean | Statistic::L1 | Statistic::L2 => return None,
            Statistic::SumSquare | Statistic::LogSum | Statistic::LogSumExp => stabilizer,
            // The number of factors needs none.
            Statistic::Product => Stabilizer::NONE,
        };
        let groups = self.reduction.groups(step.operands[0].shape());
        let contributions =
            groups.map([step.operands[0].view()], |_, [x], lower| self.statistic.contributions(x, lower));
        let totals = self.reduction.fold(&contributions.view(), |row| ArrayView1::from(row).sum());
        let (shares, sinks) = shares(upper, &totals.view(), stabilizer);
        let shares = shares.view();
        let shares = elements(&shares);
        let lower = groups.map([contributions.view()], |row, [contributions], lower| {
            lower.iter_mut().zip(contributions).for_each(|(lower, &part)| *lower = part * shares[row]);
        });
        Some(Redistribution::with_sinks(vec![lower], sinks))
    }

    fn description(&self) -> String {
        self.reduction.description()
    }
}

fn read<F: Real>(spec: &OperatorSpec<F>, statistic: Statistic) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Reduce::new(statistic, Reduction::read(spec)?), vec![0]))
}

/// Reads a sum from its specification.
pub(crate) fn read_sum<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, Statistic::Sum)
}

/// Reads a mean from its specification.
pub(crate) fn read_mean<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, Statistic::Mean)
}

/// Reads a sum of magnitudes from its specification.
pub(crate) fn read_l1<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, Statistic::L1)
}

/// Reads a Euclidean norm from its specification.
pub(crate) fn read_l2<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, Statistic::L2)
}

/// Reads a sum of squares from its specification.
pub(crate) fn read_sum_square<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, Statistic::SumSquare)
}

/// Reads the logarithm of a sum from its specification.
pub(crate) fn read_log_sum<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, Statistic::LogSum)
}

/// Reads the logarithm of a sum of exponentials from its specification.
pub(crate) fn read_log_sum_exp<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, Statistic::LogSumExp)
}

/// Reads a product over axes from its specification.
pub(crate) fn read_product<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, Statistic::Product)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::reduction::{Axes, Rank};
    use crate::operations::testing::{assert_close, booked, check_gradient, forward, numbers, step};
    use crate::rules::{Norm, Rule, Taylor};

    const STATISTICS: [Statistic; 8] = [
        Statistic::Sum,
        Statistic::Mean,
        Statistic::L1,
        Statistic::L2,
        Statistic::SumSquare,
        Statistic::LogSum,
        Statistic::LogSumExp,
        Statistic::Product,
    ];

    fn reduce(statistic: Statistic, axes: Axes, rank: Rank) -> Reduce {
        Reduce::new(statistic, Reduction::new(axes, rank))
    }

    #[test]
    fn sums_and_means_over_axes() {
        let x = [array![[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]].into_dyn()];
        let over = |statistic, axes: &[i64], rank| forward(&reduce(statistic, Axes::Some(axes.to_vec()), rank), &x);
        assert_eq!(over(Statistic::Sum, &[0], Rank::Reduced), array![5.0, 7.0, 12.0].into_dyn());
        assert_eq!(over(Statistic::Mean, &[-1], Rank::Kept), array![[2.0], [6.0]].into_dyn());
        assert_eq!(over(Statistic::Mean, &[1, 0], Rank::Kept), array![[4.0]].into_dyn());
        assert_eq!(over(Statistic::Sum, &[], Rank::Kept), x[0]);
        let all = reduce(Statistic::Sum, Axes::All, Rank::Reduced);
        assert_eq!(forward(&all, &x), ndarray::arr0(24.0).into_dyn());
    }

    #[test]
    fn statistics_are_those_of_their_formulas() {
        let x = [array![[3.0, -4.0], [1.0, 2.0]].into_dyn()];
        let over = |statistic| forward(&reduce(statistic, Axes::Some(vec![1]), Rank::Reduced), &x);
        assert_eq!(over(Statistic::L1), array![7.0, 3.0].into_dyn());
        assert_eq!(over(Statistic::L2), array![5.0, f64::sqrt(5.0)].into_dyn());
        assert_eq!(over(Statistic::SumSquare), array![25.0, 5.0].into_dyn());
        assert_eq!(over(Statistic::Product), array![-12.0, 2.0].into_dyn());
        assert!(over(Statistic::LogSum)[[0]].is_nan());
        assert_eq!(over(Statistic::LogSum)[[1]], f64::ln(3.0));
        let soft = array![f64::ln(f64::exp(3.0) + f64::exp(-4.0)), f64::ln(f64::exp(1.0) + f64::exp(2.0))];
        assert_close(over(Statistic::LogSumExp).view(), soft.into_dyn().view(), "logarithm of exponentials");
    }

    #[test]
    fn large_numbers_do_not_overflow_a_soft_maximum() {
        let x = [array![1000.0, 1000.0].into_dyn(), array![f64::NEG_INFINITY, 0.0].into_dyn()];
        let soft = reduce(Statistic::LogSumExp, Axes::All, Rank::Reduced);
        assert_eq!(forward(&soft, &x[..1])[[]], 1000.0 + f64::ln(2.0));
        assert_eq!(forward(&soft, &x[1..])[[]], 0.0);
        assert_eq!(forward(&soft, &[ArrayD::from_elem(vec![2], f64::NEG_INFINITY)])[[]], f64::NEG_INFINITY);
        assert_eq!(forward(&soft, &[array![0.0, f64::INFINITY].into_dyn()])[[]], f64::INFINITY);
    }

    #[test]
    fn the_gradient_is_right_for_all_axes() {
        for statistic in STATISTICS {
            for rank in [Rank::Kept, Rank::Reduced] {
                for axes in [Axes::All, Axes::Some(vec![]), Axes::Some(vec![-1, 0]), Axes::Some(vec![1])] {
                    // Off the kink of magnitudes and the pole of logarithms.
                    let x = numbers(&[2, 3, 4], 61).mapv(|x| match statistic {
                        Statistic::LogSum => x.abs() + 0.5,
                        _ => x + 0.1 * x.signum(),
                    });
                    check_gradient(&reduce(statistic, axes, rank), &[x]);
                }
            }
        }
    }

    #[test]
    fn norms_of_nothing_have_no_slope() {
        let x = [ArrayD::zeros(vec![3])];
        for statistic in [Statistic::L1, Statistic::L2] {
            let norm = reduce(statistic, Axes::All, Rank::Kept);
            let y = forward(&norm, &x);
            assert_eq!(norm.gradient(&step(&x, &y), array![1.0].into_dyn().view())[0], x[0]);
        }
    }

    /// `h` of Eq. 63.
    fn contribution(statistic: Statistic, x: f64) -> f64 {
        match statistic {
            Statistic::Sum | Statistic::Mean | Statistic::LogSum => x,
            Statistic::L1 => x.abs(),
            Statistic::L2 | Statistic::SumSquare => x * x,
            Statistic::LogSumExp => x.exp(),
            Statistic::Product => 1.0,
        }
    }

    #[test]
    fn relevance_is_shared_by_contributions() {
        for statistic in STATISTICS {
            let x = [numbers(&[2, 3, 4], 62) + 1.5];
            let operation = reduce(statistic, Axes::Some(vec![1]), Rank::Reduced);
            let y = forward(&operation, &x);
            let upper = numbers(y.shape(), 63);
            let norm = Rule::from(Norm { stabilizer: Stabilizer::NONE });
            let shared = norm.redistribute(&operation, &step(&x, &y), upper.view()).unwrap();
            let expected = ArrayD::from_shape_fn(x[0].raw_dim(), |at| {
                let part = |j: usize| contribution(statistic, x[0][[at[0], j, at[2]]]);
                part(at[1]) / (0..3).map(part).sum::<f64>() * upper[[at[0], at[2]]]
            });
            assert_close(shared.lower[0].view(), expected.view(), statistic.kind());
        }
    }

    #[test]
    fn what_the_numbers_do_not_get_is_booked() {
        let stabilizers = [Stabilizer::NONE, Stabilizer::new(0.25).unwrap()];
        for (statistic, stabilizer) in STATISTICS.into_iter().flat_map(|each| stabilizers.map(|other| (each, other))) {
            for rule in [Rule::from(Norm { stabilizer }), Rule::from(Taylor { stabilizer })] {
                let x = numbers(&[3, 4, 2], 64).mapv(|x| (3.0 * x).round());
                let x = [if statistic == Statistic::LogSum { x.abs() + 0.25 } else { x }];
                let operation = reduce(statistic, Axes::Some(vec![1]), Rank::Kept);
                let y = forward(&operation, &x);
                let upper = numbers(y.shape(), 65);
                let shared = rule.redistribute(&operation, &step(&x, &y), upper.view()).unwrap();
                let entry = booked(&upper, shared);
                assert!(entry.relative_error() < 1e-10, "{statistic:?}, {rule}: {}", entry.relative_error());
            }
        }
    }

    #[test]
    fn empty_axes_have_sums_and_products_but_no_mean() {
        let empty = [ArrayD::<f64>::zeros(vec![2, 0])];
        let over = |statistic| forward(&reduce(statistic, Axes::Some(vec![1]), Rank::Reduced), &empty);
        assert_eq!(over(Statistic::Sum), array![0.0, 0.0].into_dyn());
        assert_eq!(over(Statistic::Product), array![1.0, 1.0].into_dyn());
        assert_eq!(over(Statistic::LogSumExp)[[0]], f64::NEG_INFINITY);
        let mean = reduce(Statistic::Mean, Axes::All, Rank::Kept);
        assert!(Operation::<f64>::output_shape(&mean, &[&[2, 0]]).is_err());
    }

    #[test]
    fn it_is_read_as_it_is_worded() {
        for statistic in STATISTICS {
            let words: OperatorSpec<f64> = reduce(statistic, Axes::Some(vec![-1, 0]), Rank::Reduced).to_spec();
            assert_eq!(crate::operations::read(&words).unwrap().operation.to_spec(), words);
        }
    }
}
