//! Sum pooling as the authors' toolbox treats it.

use ndarray::{ArrayD, ArrayViewD, Zip};
use relevance::{Amount, Sink, Stabilizer};

use crate::Real;
use crate::operation::{Accepts, Operation, Redistribution, Step};
use crate::rules::{Backward, Redistribute, parse_number, stabilizer};

/// Sum pooling as the authors' toolbox treats it, where that differs from the formulas; only for comparing numbers.
///
/// * under the ε-rule, ε is added to the sum before it is scaled by `1/√n`, so that it acts as `ε/√n`;
/// * under the αβ-rule, pools are layers with weights of 1: behind a rectifier, where nothing is negative, α = 2 doubles
///   the relevance; and the part of β is multiplied by the relevance twice.
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
}

impl Redistribute for ToolboxPool {
    const NAME: &'static str = "toolbox-pool";
    const ACCEPTS: Accepts = Accepts::MovedAxes;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        match arguments {
            ["epsilon", epsilon] => Ok(Self::Epsilon(stabilizer(parse_number(epsilon)?)?)),
            ["alpha-beta", alpha] => Ok(Self::AlphaBeta { alpha: parse_number(alpha)? }),
            _ => Err("it takes epsilon and ε, or alpha-beta and α, as in toolbox-pool=epsilon,0.01".into()),
        }
    }

    fn arguments(&self) -> Vec<String> {
        match self {
            Self::Epsilon(stabilizer) => vec!["epsilon".into(), stabilizer.epsilon().to_string()],
            Self::AlphaBeta { alpha } => vec!["alpha-beta".into(), alpha.to_string()],
        }
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        if !operation.is_sum_pool() {
            return Err("it is for the toolbox's own operator, SumPool".into());
        }
        let rule = *self;
        Ok(Box::new(move |step, upper| {
            let [x] = step.operands.as_slice() else { return Err("it is for pools of one operand".into()) };
            Ok(match rule {
                Self::Epsilon(stabilizer) => epsilon(operation, step, x, upper, stabilizer),
                Self::AlphaBeta { alpha } => alpha_beta(operation, step, x, upper, alpha),
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
    use crate::operations::{SumPool, Window};
    use crate::rules::Rule;

    fn down(rule: &str, x: ArrayD<f64>, upper: f64) -> Redistribution<f64> {
        let pool = SumPool::new(Window::new([2, 2]).strides([2, 2])).unwrap();
        let y = pool.forward(&[x.view()]);
        let upper = ArrayD::from_elem(y.raw_dim(), upper);
        let step = Step { operands: vec![x.view()], output: y.view() };
        rule.parse::<Rule>().unwrap().redistribute(&pool, &step, upper.view()).unwrap()
    }

    #[test]
    fn epsilon_is_added_to_the_plain_sum() {
        let x = array![[[[1.0, 2.0], [3.0, 3.0]]]].into_dyn();
        assert_eq!(down("toolbox-pool=epsilon,1", x.clone(), 10.0).lower[0], x);
    }

    #[test]
    fn alpha_doubles_where_nothing_is_negative() {
        let x = array![[[[1.0, 2.0], [3.0, 2.0]]]].into_dyn();
        assert_eq!(down("toolbox-pool=alpha-beta,2", x.clone(), 4.0).lower[0], x);
    }

    #[test]
    fn the_part_of_beta_has_the_relevance_squared() {
        let x = array![[[[1.0, -2.0], [3.0, -2.0]]]].into_dyn();
        let down = down("toolbox-pool=alpha-beta,2", x, 4.0);
        assert_eq!(down.lower[0], array![[[[2.0, -8.0], [6.0, -8.0]]]].into_dyn());
        assert_eq!(
            down.sinks.unwrap_or_default(),
            [(Sink::Compatibility, Amount { total: 12.0, magnitude: 12.0, non_finite: 0 })]
        );
    }
}
