//! Pools as the authors' toolbox treats them.

use ndarray::{ArrayD, ArrayViewD, Zip};
use relevance::{Amount, Sink, Stabilizer};

use crate::Real;
use crate::operation::{Accepts, Operation, Redistribution, Sharing, Step};
use crate::rules::{Backward, Redistribute, parse_number, stabilizer};

/// Pools as the authors' toolbox treats them, where that differs from the formulas; only for comparing numbers.
///
/// * under the ε-rule, ε is added to the sum before it is scaled by `1/√n`, so that it acts as `ε/√n`;
/// * under the αβ-rule, pools are layers with weights of 1: behind a rectifier, where nothing is negative, α = 2 doubles
///   the relevance; and the part of β is multiplied by the relevance twice;
/// * under the flat rule and the w²-rule, each number of a window gets the same, in maximum pools too.
///
/// What this makes of relevance beside the formulas is booked as [`Sink::Compatibility`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ToolboxPool {
    /// `R_i = Σ_j x_i / (Σ_{i'} x_i' + ε sign) · R_j`
    Epsilon(Stabilizer),
    /// `R_i = Σ_j ( α x⁺_i / Σ x⁺ · R_j + (1 − α) x⁻_i / Σ x⁻ · R_j² )`
    AlphaBeta {
        /// The share of positive inputs.
        alpha: f64,
    },
    /// `R_i = Σ_j R_j / n_j`, for sum pools and maximum pools; `n_j` numbers are in the window of `j`.
    Flat,
}

impl Redistribute for ToolboxPool {
    const NAME: &'static str = "toolbox-pool";
    const ACCEPTS: Accepts = Accepts::MovedAxes;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        match arguments {
            ["epsilon", epsilon] => Ok(Self::Epsilon(stabilizer(parse_number(epsilon)?)?)),
            ["alpha-beta", alpha] => Ok(Self::AlphaBeta { alpha: parse_number(alpha)? }),
            ["flat"] => Ok(Self::Flat),
            _ => Err("it takes epsilon and ε, alpha-beta and α, or flat, as in toolbox-pool=epsilon,0.01".into()),
        }
    }

    fn arguments(&self) -> Vec<String> {
        match self {
            Self::Epsilon(stabilizer) => vec!["epsilon".into(), stabilizer.epsilon().to_string()],
            Self::AlphaBeta { alpha } => vec!["alpha-beta".into(), alpha.to_string()],
            Self::Flat => vec!["flat".into()],
        }
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        let maxima = operation.max_selection().filter(|_| matches!(operation.kind(), "MaxPool" | "GlobalMaxPool"));
        let maxima = match (*self, maxima) {
            (Self::Flat, Some(maxima)) => Some(maxima),
            _ if operation.is_sum_pool() => None,
            (Self::Flat, None) => return Err("it is for the toolbox's pools, SumPool and MaxPool".into()),
            _ => return Err("it is for the toolbox's own operator, SumPool".into()),
        };
        let rule = *self;
        Ok(Box::new(move |step, upper| {
            let [x] = step.operands.as_slice() else { return Err("it is for pools of one operand".into()) };
            Ok(match (rule, maxima) {
                (Self::Epsilon(stabilizer), _) => epsilon(operation, step, x, upper, stabilizer),
                (Self::AlphaBeta { alpha }, _) => alpha_beta(operation, step, x, upper, alpha),
                (Self::Flat, maxima) => {
                    // What is shared in proportion to ones is shared evenly.
                    let x = ArrayD::ones(x.raw_dim());
                    let y = operation.forward(&[x.view()]);
                    let step = Step { operands: vec![x.view()], output: y.view() };
                    match maxima {
                        Some(maxima) => maxima.redistribute(&step, upper, Sharing::Proportional(Stabilizer::NONE)),
                        None => epsilon(operation, &step, &x.view(), upper, Stabilizer::NONE),
                    }
                }
            })
        }))
    }
}

fn epsilon<F: Real>(
    operation: &dyn Operation<F>,
    step: &Step<'_, F>,
    x: &ArrayViewD<'_, F>,
    upper: ArrayViewD<'_, F>,
    stabilizer: Stabilizer,
) -> Redistribution<F> {
    // The pool of ones is n/√n = √n: by this much the plain sum exceeds the output.
    let roots = operation.forward(&[ArrayD::ones(x.raw_dim()).view()]);
    let (mut absorbed, mut zero) = (Amount::default(), Amount::default());
    let message = Zip::from(&upper).and(&step.output).and(&roots).map_collect(|&upper, &y, &root| {
        let denominator = stabilizer.stabilize(y * root);
        if denominator == F::zero() {
            zero += Amount::of(upper.as_());
            return F::zero();
        }
        let quotient = upper / denominator;
        absorbed += Amount::of((stabilizer.addition(y * root) * quotient).as_());
        quotient * root
    });
    let lower = operation.gradient(step, message.view()).into_iter().map(|gradient| gradient * x).collect();
    Redistribution::with_sinks(lower, [(Sink::Stabilizer, absorbed), (Sink::ZeroDenominator, zero)])
}

fn alpha_beta<F: Real>(
    operation: &dyn Operation<F>,
    step: &Step<'_, F>,
    x: &ArrayViewD<'_, F>,
    upper: ArrayViewD<'_, F>,
    alpha: f64,
) -> Redistribution<F> {
    let (alpha, beta) = (F::of(alpha), F::of(1.0 - alpha));
    let (mut absent, mut beside) = (Amount::default(), Amount::default());
    let mut lower = ArrayD::zeros(x.raw_dim());
    let parts = [(alpha, x.mapv(|x| x.max(F::zero()))), (beta, x.mapv(|x| x.min(F::zero())))];
    for (position, (factor, part)) in parts.into_iter().enumerate() {
        let sums = operation.forward(&[part.view()]);
        let message = Zip::from(&sums).and(&upper).map_collect(|&sum, &upper| {
            let share = factor * upper;
            if sum == F::zero() {
                absent += Amount::of(share.as_());
                return F::zero();
            }
            let handed = if position == 0 { share } else { share * upper };
            beside += Amount::of((share - handed).as_());
            handed / sum
        });
        for gradient in operation.gradient(step, message.view()) {
            lower += &(gradient * &part);
        }
    }
    Redistribution::with_sinks(vec![lower], [(Sink::AbsentSign, absent), (Sink::Compatibility, beside)])
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::numbers;
    use crate::operations::{AveragePool, MaxPool, PaddingCounts, SumPool, Window};
    use crate::rules::Rule;

    fn down(rule: &str, pool: &dyn Operation<f64>, x: &ArrayD<f64>, upper: &ArrayD<f64>) -> Redistribution<f64> {
        let y = pool.forward(&[x.view()]);
        let step = Step { operands: vec![x.view()], output: y.view() };
        rule.parse::<Rule>().unwrap().redistribute(pool, &step, upper.view()).unwrap()
    }

    /// What the toolbox does, window by window: `share` is what a number of a window gets of its relevance.
    fn twin(
        x: &ArrayD<f64>,
        upper: &ArrayD<f64>,
        [kernel, stride]: [usize; 2],
        share: impl Fn(f64, &[f64], f64) -> f64,
    ) -> ArrayD<f64> {
        let mut lower = ArrayD::zeros(x.raw_dim());
        for (index, &relevance) in upper.indexed_iter() {
            let positions = (0..kernel * kernel).map(|tap| {
                vec![index[0], index[1], index[2] * stride + tap / kernel, index[3] * stride + tap % kernel]
            });
            let positions: Vec<Vec<usize>> = positions.collect();
            let window: Vec<f64> = positions.iter().map(|position| x[position.as_slice()]).collect();
            for (position, &number) in positions.iter().zip(&window) {
                lower[position.as_slice()] += share(number, &window, relevance);
            }
        }
        lower
    }

    fn assert_close(found: &ArrayD<f64>, expected: &ArrayD<f64>) {
        let largest = expected.iter().fold(1.0, |largest: f64, number| largest.max(number.abs()));
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-12 * largest, "{found} where {expected} is right");
        }
    }

    /// Signed numbers, some of which are equal and some 0; relevance of both signs; pools that overlap, and that do not.
    fn cases() -> Vec<([usize; 2], ArrayD<f64>, ArrayD<f64>)> {
        let case = |[kernel, stride]: [usize; 2], outputs: usize, seed: u64| {
            let length = (outputs - 1) * stride + kernel;
            let x = numbers(&[2, 3, length, length], seed).mapv(|number| (number * 4.0).round() / 4.0);
            ([kernel, stride], x, numbers(&[2, 3, outputs, outputs], seed + 1))
        };
        vec![case([2, 2], 3, 1), case([3, 2], 3, 3), case([3, 1], 4, 5), case([1, 1], 2, 7)]
    }

    fn window([kernel, stride]: [usize; 2]) -> Window {
        Window::new([kernel, kernel]).strides([stride, stride])
    }

    #[test]
    fn sum_pools_are_those_of_the_toolbox() {
        for (shape, x, upper) in cases() {
            let pool = SumPool::new(window(shape)).unwrap();
            let n = (shape[0] * shape[0]) as f64;
            for epsilon in [0.01, 1.0] {
                let expected = twin(&x, &upper, shape, |number, window, relevance| {
                    // Y is scaled by 1/√n, and brought back before ε is added.
                    let sum = window.iter().sum::<f64>() / n.sqrt() * n.sqrt();
                    number * relevance / (sum + if sum >= 0.0 { epsilon } else { -epsilon })
                });
                assert_close(&down(&format!("toolbox-pool=epsilon,{epsilon}"), &pool, &x, &upper).lower[0], &expected);
            }
            for alpha in [1.0, 2.0] {
                let expected = twin(&x, &upper, shape, |number, window, relevance| {
                    let positive: f64 = window.iter().filter(|number| **number > 0.0).sum();
                    let negative: f64 = window.iter().filter(|number| **number < 0.0).sum();
                    match number {
                        0.0 => 0.0,
                        number if number > 0.0 => alpha * number / positive * relevance,
                        number => (1.0 - alpha) * number / negative * relevance * relevance,
                    }
                });
                assert_close(&down(&format!("toolbox-pool=alpha-beta,{alpha}"), &pool, &x, &upper).lower[0], &expected);
            }
        }
    }

    #[test]
    fn flat_pools_share_evenly() {
        for (shape, x, upper) in cases() {
            let n = (shape[0] * shape[0]) as f64;
            let expected = twin(&x, &upper, shape, |_, _, relevance| relevance / n);
            let pools: [Box<dyn Operation<f64>>; 2] =
                [Box::new(SumPool::new(window(shape)).unwrap()), Box::new(MaxPool::new(window(shape)).unwrap())];
            for pool in pools {
                let found = down("toolbox-pool=flat", pool.as_ref(), &x, &upper);
                assert_close(&found.lower[0], &expected);
                assert!(found.sinks.unwrap_or_default().iter().all(|(_, amount)| amount.magnitude == 0.0));
            }
        }
    }

    #[test]
    fn equal_maxima_share() {
        for (shape, x, upper) in cases() {
            let pool = MaxPool::new(window(shape)).unwrap();
            let expected = twin(&x, &upper, shape, |number, window, relevance| {
                let largest = window.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let equal = window.iter().filter(|number| **number == largest).count();
                if number == largest { relevance / equal as f64 } else { 0.0 }
            });
            assert_close(&down("ties-shared", &pool, &x, &upper).lower[0], &expected);
        }
    }

    #[test]
    fn what_is_beside_the_formulas_is_booked() {
        let pool = SumPool::new(window([2, 2])).unwrap();
        let x = array![[[[1.0, -2.0], [3.0, -2.0]]]].into_dyn();
        let down = down("toolbox-pool=alpha-beta,2", &pool, &x, &ArrayD::from_elem(vec![1, 1, 1, 1], 4.0));
        assert_eq!(down.lower[0], array![[[[2.0, -8.0], [6.0, -8.0]]]].into_dyn());
        assert_eq!(
            down.sinks.unwrap_or_default(),
            [(Sink::Compatibility, Amount { total: 12.0, magnitude: 12.0, non_finite: 0 })]
        );
    }

    #[test]
    fn other_operations_are_refused() {
        let refused = |rule: &str, pool: &dyn Operation<f64>| {
            rule.parse::<Rule>().unwrap().applies_to(pool).unwrap_err().to_string()
        };
        let average = AveragePool::new(window([2, 2]), PaddingCounts::No).unwrap();
        assert!(refused("toolbox-pool=flat", &average).contains("SumPool and MaxPool"));
        assert!(refused("toolbox-pool=epsilon,1", &MaxPool::new(window([2, 2])).unwrap()).contains("SumPool"));
    }
}
