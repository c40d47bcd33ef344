//! Rectifiers that bend exponentially below zero: Elu, Selu, Celu.

use crate::operation::OperatorSpec;
use crate::operation::ParsedOperation;
use crate::operations::activation::elementwise::{Elementwise, activation};
use crate::{Error, Real};

/// `y = x` where x > 0, else `α (exp(x) − 1)`; its derivative at 0 is α.
#[derive(Clone, Copy, Debug)]
pub struct Elu {
    /// α: the output tends to −α.
    pub alpha: f64,
}

impl<F: Real> Elementwise<F> for Elu {
    const KIND: &'static str = "Elu";

    fn value(&self, x: F) -> F {
        if x > F::zero() { x } else { F::of(self.alpha) * x.exp_m1() }
    }

    fn derivative(&self, x: F, _: F) -> F {
        if x > F::zero() { F::one() } else { F::of(self.alpha) * x.exp() }
    }

    fn attributes(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Elu", 1).with_real("alpha", self.alpha)
    }
}

activation!(Elu);

/// Reads [`Elu`] from its specification.
pub(crate) fn read_elu<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Elu { alpha: spec.real("alpha", 1.0)? }, vec![0]))
}

/// `y = γ x` where x > 0, else `γ α (exp(x) − 1)`: an [`Elu`] whose constants keep mean and variance.
#[derive(Clone, Copy, Debug)]
pub struct Selu {
    /// α
    pub alpha: f64,
    /// γ
    pub gamma: f64,
}

impl Default for Selu {
    /// ONNX's constants, single-precision roundings of Klambauer et al. 2017.
    fn default() -> Self {
        Self { alpha: 1.673_263_192_176_818_8, gamma: 1.050_701_022_148_132_3 }
    }
}

impl<F: Real> Elementwise<F> for Selu {
    const KIND: &'static str = "Selu";

    fn value(&self, x: F) -> F {
        F::of(self.gamma) * Elu { alpha: self.alpha }.value(x)
    }

    fn derivative(&self, x: F, y: F) -> F {
        F::of(self.gamma) * Elu { alpha: self.alpha }.derivative(x, y)
    }

    fn attributes(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Selu", 1).with_real("alpha", self.alpha).with_real("gamma", self.gamma)
    }
}

activation!(Selu);

/// Reads [`Selu`] from its specification.
pub(crate) fn read_selu<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let Selu { alpha, gamma } = Selu::default();
    let selu = Selu { alpha: spec.real("alpha", alpha)?, gamma: spec.real("gamma", gamma)? };
    Ok(ParsedOperation::new(selu, vec![0]))
}

/// `y = x` where x > 0, else `α (exp(x / α) − 1)`: smooth at 0 for any α.
#[derive(Clone, Copy, Debug)]
pub struct Celu {
    alpha: f64,
}

impl<F: Real> Elementwise<F> for Celu {
    const KIND: &'static str = "Celu";

    fn value(&self, x: F) -> F {
        let alpha = F::of(self.alpha);
        if x > F::zero() { x } else { alpha * (x / alpha).exp_m1() }
    }

    fn derivative(&self, x: F, _: F) -> F {
        if x > F::zero() { F::one() } else { (x / F::of(self.alpha)).exp() }
    }

    fn attributes(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Celu", 1).with_real("alpha", self.alpha)
    }
}

activation!(Celu);

/// Reads [`Celu`] from its specification.
pub(crate) fn read_celu<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let alpha = spec.real("alpha", 1.0)?;
    match alpha == 0.0 || !alpha.is_finite() {
        true => Err(spec.refuse("alpha", alpha.to_string(), "a number other than 0: x is divided by it")),
        false => Ok(ParsedOperation::new(Celu { alpha }, vec![0])),
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use ndarray::array;

    use super::*;
    use crate::operations::testing::check_gradient;

    #[test]
    fn slopes_are_those_of_finite_differences() {
        let x = array![-20.0, -2.0, -0.1, 0.1, 3.0].into_dyn();
        check_gradient(&Elu { alpha: 1.5 }, from_ref(&x));
        check_gradient(&Selu::default(), from_ref(&x));
        check_gradient(&Celu { alpha: 2.0 }, &[x]);
    }

    /// exp(−1) − 1 = −0.632 120 558 828 557 68, exp(−½) − 1 = −0.393 469 340 287 366 58
    #[test]
    fn values_below_zero() {
        assert_eq!(Elementwise::<f64>::value(&Elu { alpha: 2.0 }, -1.0), 2.0 * -0.632_120_558_828_557_7);
        assert_eq!(Elementwise::<f64>::value(&Celu { alpha: 2.0 }, -1.0), 2.0 * -0.393_469_340_287_366_6);
        let selu: f64 = Selu::default().value(-1.0);
        assert!((selu + 1.111_330_737_812_562_7).abs() < 1e-6, "{selu}");
    }

    #[test]
    fn tiny_numbers_keep_their_digits() {
        assert_eq!(Elementwise::<f64>::value(&Elu { alpha: 1.0 }, -1e-20), -1e-20);
    }

    #[test]
    fn an_alpha_of_zero_is_refused() {
        let spec = OperatorSpec::<f32>::new("Celu", 1).with_real("alpha", 0.0);
        assert!(read_celu(&spec).unwrap_err().to_string().contains("alpha"));
    }
}
