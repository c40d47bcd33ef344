//! The Gaussian error linear unit, and the error function itself.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, FRAC_2_SQRT_PI};

use crate::operation::OperatorSpec;
use crate::operation::ParsedOperation;
use crate::operations::activation::elementwise::{Elementwise, activation};
use crate::operations::activation::sigmoid::logistic;
use crate::{Error, Real};

/// `y = x Φ(x)`, where Φ is the distribution function of the standard normal distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gelu {
    /// `Φ(x) = ½ erfc(−x / √2)`
    Exact,
    /// `Φ(x) ≈ ½ (1 + tanh u) = σ(2u)`, `u = √(2/π) (x + 0.044715 x³)`
    Tanh,
}

/// The factor of x³ in the approximation by the hyperbolic tangent.
const CUBIC: f64 = 0.044_715;

impl<F: Real> Elementwise<F> for Gelu {
    const KIND: &'static str = "Gelu";

    fn value(&self, x: F) -> F {
        match self {
            Self::Exact => x * F::of(normal_distribution(x.as_())),
            Self::Tanh => x * logistic(twice_u(x)),
        }
    }

    fn kernel(&self) -> Option<impl Fn(&[f32], &mut [f32])> {
        (*self == Self::Exact).then_some(channel_kernels::gelu)
    }

    fn derivative(&self, x: F, _: F) -> F {
        match self {
            Self::Exact => {
                let x: f64 = x.as_();
                let density = 0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI * (-0.5 * x * x).exp();
                F::of(normal_distribution(x) + x * density)
            }
            Self::Tanh => {
                let u = twice_u(x);
                let slope = F::of(2.0 * FRAC_2_PI.sqrt()) * (F::one() + F::of(3.0 * CUBIC) * x * x);
                logistic(u) * (F::one() + x * slope * logistic(-u))
            }
        }
    }

    fn attributes(&self) -> OperatorSpec<F> {
        let approximate = match self {
            Self::Exact => "none",
            Self::Tanh => "tanh",
        };
        OperatorSpec::new("Gelu", 1).with_text("approximate", approximate)
    }
}

activation!(Gelu);

fn normal_distribution(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

fn twice_u<F: Real>(x: F) -> F {
    F::of(2.0 * FRAC_2_PI.sqrt()) * (x + F::of(CUBIC) * x * x * x)
}

/// Reads [`Gelu`] from its specification.
pub(crate) fn read_gelu<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let gelu = match spec.text("approximate", "none")? {
        "none" => Gelu::Exact,
        "tanh" => Gelu::Tanh,
        other => return Err(spec.refuse("approximate", format!("{other:?}"), "\"none\" or \"tanh\"")),
    };
    Ok(ParsedOperation::new(gelu, vec![0]))
}

/// The error function, `y = 2/√π ∫₀ˣ exp(−t²) dt`.
#[derive(Clone, Copy, Debug)]
pub struct Erf;

impl<F: Real> Elementwise<F> for Erf {
    const KIND: &'static str = "Erf";
    const IS_CENTERED_GATE: bool = true;

    fn value(&self, x: F) -> F {
        F::of(libm::erf(x.as_()))
    }

    fn derivative(&self, x: F, _: F) -> F {
        F::of(FRAC_2_SQRT_PI) * (-x * x).exp()
    }
}

activation!(Erf);

/// Reads [`Erf`] from its specification.
pub(crate) fn read_erf<F: Real>(_: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Erf, vec![0]))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use ndarray::array;

    use super::*;
    use crate::operations::testing::check_gradient;

    #[test]
    fn slopes_are_those_of_finite_differences() {
        let x = array![-6.0, -2.5, -0.1, 0.0, 0.1, 0.75, 2.5, 9.0].into_dyn();
        check_gradient(&Gelu::Exact, from_ref(&x));
        check_gradient(&Gelu::Tanh, from_ref(&x));
        check_gradient(&Erf, &[x]);
    }

    /// `erf(x) = 2/√π exp(−x²) Σ_n 2ⁿ x^(2n+1) / (1·3·…·(2n+1))`: all terms have one sign.
    fn erf_by_series(x: f64) -> f64 {
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term.abs() > 1e-18 * sum.abs() {
            n += 1.0;
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
        }
        FRAC_2_SQRT_PI * (-x * x).exp() * sum
    }

    #[test]
    fn the_error_function_is_that_of_its_series() {
        for step in -30..=30 {
            let x = f64::from(step) / 10.0;
            let (value, expected): (f64, f64) = (Erf.value(x), erf_by_series(x));
            assert!((value - expected).abs() <= 2e-15 * expected.abs(), "{x}: {value} {expected}");
        }
    }

    /// Φ(−8) = 6.220 960 574 271 784 × 10⁻¹⁶: 1 + erf would have no digit of it.
    #[test]
    fn the_lower_tail_keeps_its_digits() {
        let tail: f64 = Gelu::Exact.value(-8.0);
        assert!((tail / (-8.0 * 6.220_960_574_271_784e-16) - 1.0).abs() < 1e-14, "{tail:e}");
        assert_eq!(Elementwise::<f32>::value(&Gelu::Tanh, -1e30), 0.0);
        assert_eq!(Elementwise::<f32>::value(&Gelu::Exact, 1e30), 1e30);
    }

    #[test]
    fn an_unknown_approximation_is_refused() {
        let spec = OperatorSpec::<f32>::new("Gelu", 1).with_text("approximate", "sigmoid");
        assert!(read_gelu(&spec).unwrap_err().to_string().contains("\"sigmoid\""));
    }
}
