//! Maximum pooling, over windows or whole planes.

use ndarray::{ArrayD, ArrayViewD};
use relevance::Stabilizer;

use crate::operation::OperatorSpec;
use crate::operation::shares::shares;
use crate::operation::{Accepts, Family, Operation, ParsedOperation, Redistribution, Step};
use crate::operation::{MaxSelection, Sharing};
use crate::operations::pooling::MaxPositions;
use crate::operations::pooling::pooled::Pooled;
use crate::operations::window::Window;
use crate::{Error, Real};

/// `y_j = max_{i∈window(j)} x_i`
///
/// Padding never wins. A window that holds NaN gives NaN.
#[derive(Clone, Debug)]
pub struct MaxPool {
    pooled: Pooled,
}

impl MaxPool {
    /// The largest of each window.
    ///
    /// # Errors
    /// [`Error::Attribute`] for what is no window, and for one that can lie in the padding alone.
    ///
    /// ```
    /// use ndarray::array;
    /// use neural_lrp::Operation;
    /// use neural_lrp::operations::{MaxPool, Window};
    ///
    /// let pool = MaxPool::new(Window::new([2]).strides([2]))?;
    /// let x = array![[[1.0, 3.0, 0.0, -2.0]]].into_dyn();
    /// assert_eq!(pool.forward(&[x.view()]), array![[[3.0, 0.0]]].into_dyn());
    /// # Ok::<(), neural_lrp::Error>(())
    /// ```
    pub fn new(window: Window) -> Result<Self, Error> {
        Ok(Self { pooled: Pooled::window("MaxPool", window)? })
    }

    /// The largest of each plane.
    pub fn global() -> Self {
        Self { pooled: Pooled::Planes }
    }

    /// The relevance of a window to its winners: the first of its maxima, or all of them in equal shares.
    fn to_winners<F: Real>(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>, winners: Winners) -> ArrayD<F> {
        let input = &step.operands[0];
        if let (Winners::First, Some(maxima)) = (winners, self.pooled.maxima_over(input)) {
            return maxima.to_first(input, &upper);
        }
        let windows = self.pooled.over(input);
        windows.fill([input.view(), step.output.view(), upper.view()], |_, [input, output, upper], lower| {
            if windows.is_pointwise_along_rows() {
                let mut shares = vec![F::zero(); windows.row_length()];
                return windows.visit_rows(|outputs, starts| {
                    let (output, upper) = (&output[outputs.clone()], &upper[outputs]);
                    winners.share_rows(input, starts, output, upper, &mut shares, lower);
                });
            }
            windows.visit(|window, positions| {
                let wins = |position: &&usize| is_maximum(input[**position], output[window]);
                let count = winners.among(|| positions.iter().filter(wins).count());
                let share = upper[window] / F::of(count as f64);
                positions.iter().filter(wins).take(count).for_each(|&winner| lower[winner] += share);
            });
        })
    }

    /// The relevance of a window to all of its numbers, in proportion.
    fn in_proportion<F: Real>(
        &self,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
        stabilizer: Stabilizer,
    ) -> Redistribution<F> {
        let input = &step.operands[0];
        let windows = self.pooled.over(input);
        let sums = windows.pool(input, |input, sums| windows.fold(input, sums, |x| x, |sum, x| sum + x));
        let (shares, sinks) = shares(upper, &sums.view(), stabilizer);
        let lower = windows.fill([input.view(), shares.view()], |_, [input, shares], lower| {
            windows.spread(shares, lower);
            lower.iter_mut().zip(input).for_each(|(share, &x)| *share *= x);
        });
        Redistribution::with_sinks(vec![lower], sinks)
    }
}

/// Which of the numbers that are equal to the maximum of a window share its relevance.
#[derive(Clone, Copy)]
enum Winners {
    First,
    All,
}

impl Winners {
    /// How many share, of so many that are equal.
    fn among(self, equal: impl FnOnce() -> usize) -> usize {
        match self {
            Self::First => 1,
            Self::All => equal(),
        }
    }

    /// Shares the relevance of windows side by side, each of which holds one number of each row that begins at `starts`.
    /// The loops have no branches, so that they vectorize.
    fn share_rows<F: Real>(
        self,
        input: &[F],
        starts: &[usize],
        output: &[F],
        upper: &[F],
        shares: &mut [F],
        lower: &mut [F],
    ) {
        shares.fill(F::zero());
        if let Self::All = self {
            for &start in starts {
                for ((count, &x), &y) in shares.iter_mut().zip(&input[start..]).zip(output) {
                    *count += if is_maximum(x, y) { F::one() } else { F::zero() };
                }
            }
            shares.iter_mut().zip(upper).for_each(|(share, &upper)| *share = upper / *share);
        } else {
            shares.copy_from_slice(upper);
        }
        for &start in starts {
            let numbers = lower[start..].iter_mut().zip(&input[start..]).zip(output).zip(shares.iter_mut());
            for (((lower, &x), &y), share) in numbers {
                let wins = is_maximum(x, y);
                *lower += if wins { *share } else { F::zero() };
                // The first of several leaves nothing to the others.
                *share = if wins && matches!(self, Self::First) { F::zero() } else { *share };
            }
        }
    }
}

/// Whether a number of a window is its maximum, which is NaN as soon as one of them is.
fn is_maximum<F: Real>(x: F, largest: F) -> bool {
    x == largest || x.is_nan()
}

/// The larger number, NaN where either is.
fn larger<F: Real>(a: F, b: F) -> F {
    if b > a || b.is_nan() { b } else { a }
}

impl<F: Real> MaxSelection<F> for MaxPool {
    fn redistribute(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>, sharing: Sharing) -> Redistribution<F> {
        match sharing {
            Sharing::First => Redistribution::lossless(vec![self.to_winners(step, upper, Winners::First)]),
            Sharing::Ties => Redistribution::lossless(vec![self.to_winners(step, upper, Winners::All)]),
            Sharing::Proportional(stabilizer) => self.in_proportion(step, upper, stabilizer),
        }
    }
}

impl<F: Real> Operation<F> for MaxPool {
    fn to_spec(&self) -> OperatorSpec<F> {
        self.pooled.spec("MaxPool", "GlobalMaxPool")
    }

    fn kind(&self) -> &'static str {
        self.pooled.kind("MaxPool", "GlobalMaxPool")
    }

    fn family(&self) -> Family {
        Family::Maximum
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn accepts(&self) -> Accepts {
        self.pooled.accepts()
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        self.pooled.output_shape(operands)
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        if let Some(maxima) = self.pooled.maxima_over(&operands[0]) {
            return maxima.largest(&operands[0]);
        }
        let windows = self.pooled.over(&operands[0]);
        windows.pool(&operands[0], |input, output| windows.fold(input, output, |x| x, larger))
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![self.to_winners(step, upper, Winners::First)]
    }

    fn max_selection(&self) -> Option<&dyn MaxSelection<F>> {
        Some(self)
    }

    fn channel_axis(&self, _: usize) -> Option<usize> {
        Some(1)
    }

    fn description(&self) -> String {
        self.pooled.description()
    }
}

/// Reads the pooling of windows, or the positions of its maxima, from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let window = Pooled::read(spec)?;
    match (spec.integer("output", 0)?, spec.integer("storage_order", 0)?) {
        (0, _) => Ok(ParsedOperation::new(MaxPool::new(window)?, vec![0])),
        (1, 0) => Ok(ParsedOperation::new(MaxPositions::new(window)?, vec![0])),
        (1, order) => Err(spec.refuse("storage_order", order.to_string(), "0, row-major")),
        (other, _) => Err(spec.refuse("output", other.to_string(), "0 or 1")),
    }
}

/// Reads the pooling of whole planes from its specification.
pub(crate) fn read_global<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(MaxPool::global(), vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, array};

    use super::*;
    use crate::operations::Padding;
    use crate::operations::testing::{check_gradient, forward, numbers, step};

    fn small() -> MaxPool {
        MaxPool::new(Window::new([2])).unwrap()
    }

    #[test]
    fn the_first_of_equal_maxima_takes_all() {
        let input = [array![[[1.0, 3.0, 3.0, 0.0, 0.0]]].into_dyn()];
        let output = forward(&small(), &input);
        assert_eq!(output, array![[[3.0, 3.0, 3.0, 0.0]]].into_dyn());
        let upper = array![[[1.0, 10.0, 100.0, 1000.0]]].into_dyn();
        let first = small().redistribute(&step(&input, &output), upper.view(), Sharing::First);
        assert_eq!(first.lower[0], array![[[0.0, 11.0, 100.0, 1000.0, 0.0]]].into_dyn());
        let ties = small().redistribute(&step(&input, &output), upper.view(), Sharing::Ties);
        assert_eq!(ties.lower[0], array![[[0.0, 6.0, 105.0, 500.0, 500.0]]].into_dyn());
    }

    #[test]
    fn a_window_is_shared_in_proportion() {
        let input = [array![[[1.0, 3.0, -3.0]]].into_dyn()];
        let output = forward(&small(), &input);
        let upper = array![[[8.0, 5.0]]].into_dyn();
        let sharing = Sharing::Proportional(Stabilizer::NONE);
        let shared = small().redistribute(&step(&input, &output), upper.view(), sharing);
        assert_eq!(shared.lower[0], array![[[2.0, 6.0, 0.0]]].into_dyn());
        let sinks = shared.sinks.unwrap();
        assert_eq!(sinks.len(), 1);
        assert_eq!((sinks[0].0, sinks[0].1.total), (relevance::Sink::ZeroDenominator, 5.0));
    }

    #[test]
    fn not_a_number_is_not_hidden() {
        let input = [array![[[f64::NAN, 3.0, 2.0, f64::NAN]]].into_dyn()];
        let output = forward(&small(), &input);
        assert!(output[[0, 0, 0]].is_nan() && output[[0, 0, 2]].is_nan());
        assert_eq!(output[[0, 0, 1]], 3.0);
        let lower =
            small().redistribute(&step(&input, &output), array![[[1.0, 2.0, 4.0]]].into_dyn().view(), Sharing::First);
        assert_eq!(lower.lower[0], array![[[1.0, 2.0, 0.0, 4.0]]].into_dyn());
    }

    #[test]
    fn padding_never_wins() {
        let window = Window::new([3, 3]).strides([2, 2]).padding(Padding::symmetric([1, 1]));
        let pool = MaxPool::new(window).unwrap();
        let output = forward(&pool, &[Array::from_elem((1, 1, 4, 4), -2.0).into_dyn()]);
        assert!(output.iter().all(|&largest| largest == -2.0));
    }

    #[test]
    fn the_gradient_is_that_of_the_maximum() {
        let pool = MaxPool::new(Window::new([3, 2]).strides([2, 1]).padding(Padding::SameLower)).unwrap();
        check_gradient(&pool, &[numbers(&[2, 2, 5, 4], 4)]);
        check_gradient(&MaxPool::global(), &[numbers(&[2, 3, 5, 2, 2], 5)]);
    }
}
