//! Cutting off at fixed bounds.

use std::sync::Arc;

use ndarray::ArrayD;

use crate::arrays::map::clip;
use crate::operation::OperatorSpec;
use crate::operation::ParsedOperation;
use crate::operations::activation::elementwise::{Elementwise, activation};
use crate::{Error, Real};

/// `y = min(max(x, min), max)`; the derivative at either bound is 0, as it is for [`Relu`](super::Relu).
#[derive(Clone, Copy, Debug)]
pub struct Clip {
    /// The smallest number that stays; −∞ where there is no bound.
    pub min: f64,
    /// The largest number that stays; ∞ where there is no bound.
    pub max: f64,
}

impl<F: Real> Elementwise<F> for Clip {
    const KIND: &'static str = "Clip";

    /// Bounds in the wrong order, or that are no numbers, are no bounds.
    fn clips_to(&self) -> Option<[F; 2]> {
        (self.min <= self.max).then(|| [F::of(self.min), F::of(self.max)])
    }

    fn value(&self, x: F) -> F {
        clip(x, [F::of(self.min), F::of(self.max)])
    }

    fn derivative(&self, x: F, _: F) -> F {
        // Without a branch, which would be guessed wrong half of the time.
        if (x > F::of(self.min)) & (x < F::of(self.max)) { F::one() } else { F::zero() }
    }

    fn attributes(&self) -> OperatorSpec<F> {
        let bound = |value: f64| Arc::new(ArrayD::from_elem(vec![], F::of(value)));
        let spec = OperatorSpec::new("Clip", 1);
        let spec = match self.min.is_finite() {
            true => spec.with_constant(bound(self.min)),
            false => spec.with_absent(),
        };
        match self.max.is_finite() {
            true => spec.with_constant(bound(self.max)),
            false => spec,
        }
    }
}

activation!(Clip);

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let min = spec.single_number(1, "min")?.unwrap_or(f64::NEG_INFINITY);
    let max = spec.single_number(2, "max")?.unwrap_or(f64::INFINITY);
    Ok(ParsedOperation::new(Clip { min, max }, vec![0]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn bounds_cut_off_and_hold_no_slope() {
        let six = Clip { min: 0.0, max: 6.0 };
        let x = [-1.0, 0.0, 2.5, 6.0, 7.0];
        assert_eq!(x.map(|x| Elementwise::<f64>::value(&six, x)), [0.0, 0.0, 2.5, 6.0, 6.0]);
        assert_eq!(x.map(|x| Elementwise::<f64>::derivative(&six, x, 0.0)), [0.0, 0.0, 1.0, 0.0, 0.0]);
        assert!(Elementwise::<f32>::value(&six, f32::NAN).is_nan());
    }

    #[test]
    fn a_lower_bound_above_the_upper_one_loses() {
        assert_eq!(Elementwise::<f64>::value(&Clip { min: 2.0, max: 1.0 }, 0.0), 1.0);
    }

    #[test]
    fn bounds_are_optional_single_numbers() {
        let upper =
            OperatorSpec::<f32>::new("Clip", 1).with_absent().with_constant(Arc::new(array![6.0f32].into_dyn()));
        let clip = read(&upper).unwrap().operation;
        let output = clip.forward(&[array![-9.0f32, 9.0].into_dyn().view()]);
        assert_eq!(output, array![-9.0, 6.0].into_dyn());
        assert_eq!(read(&clip.to_spec()).unwrap().operation.to_spec(), clip.to_spec());

        let two = OperatorSpec::<f32>::new("Clip", 1).with_constant(Arc::new(array![0.0f32, 1.0].into_dyn()));
        assert!(read(&two).unwrap_err().to_string().contains("min"));
    }
}
