//! Powers of assignments, scaled so that no p over- or underflows (Eqs 29, 31).

use ndarray::{Array1, ArrayView1};

use crate::{Assignment, Error};

/// The largest power of two that is not above `value`, but no subnormal number. `value` is above zero, and finite.
pub(crate) fn power_of_two_below(value: f64) -> f64 {
    const EXPONENT: u64 = f64::INFINITY.to_bits();
    f64::from_bits(value.to_bits() & EXPONENT).max(f64::MIN_POSITIVE)
}

/// Up to this p, columns are scaled by powers of two: that rounds nothing, so that sums which cancel exactly still do.
/// A larger power of a value between 1 and 2 may overflow, and no sum of such powers is exact; there, columns are
/// divided by their largest |m|.
const LARGEST_EXACT_POWER: f64 = 64.0;

/// `x ↦ x^p`
#[derive(Clone, Copy)]
enum Power {
    One,
    Square,
    Cube,
    Natural(i32),
    LargeEven(f64),
    LargeOdd(f64),
    /// Only for values of at least 0.
    Real(f64),
}

impl Power {
    fn new(p: f64) -> Self {
        match (p.fract() == 0.0, p) {
            (false, _) => Self::Real(p),
            (true, 1.0) => Self::One,
            (true, 2.0) => Self::Square,
            (true, 3.0) => Self::Cube,
            (true, _) if p <= LARGEST_EXACT_POWER => Self::Natural(p as i32),
            (true, _) if p % 2.0 == 0.0 => Self::LargeEven(p),
            (true, _) => Self::LargeOdd(p),
        }
    }
}

/// Evaluates an expression in which `$power` is the function of a [`Power`], once compiled for each of them: the choice
/// is made outside of the loops.
macro_rules! with_power {
    ($chosen:expr, |$power:ident| $body:expr) => {
        match $chosen {
            Power::One => {
                let $power = |x: f64| x;
                $body
            }
            Power::Square => {
                let $power = |x: f64| x * x;
                $body
            }
            Power::Cube => {
                let $power = |x: f64| x * x * x;
                $body
            }
            Power::Natural(p) => {
                let $power = |x: f64| x.powi(p);
                $body
            }
            Power::LargeEven(p) => {
                let $power = |x: f64| x.abs().powf(p);
                $body
            }
            Power::LargeOdd(p) => {
                let $power = |x: f64| x.abs().powf(p).copysign(x);
                $body
            }
            Power::Real(p) => {
                let $power = |x: f64| x.powf(p);
                $body
            }
        }
    };
}

/// `(m_(d)(l) / c_d)^p`, with a scale `c_d` for each word that cancels from all ratios of Eq. 31.
pub(crate) struct ScaledPowers<'a> {
    assignment: &'a Assignment,
    power: Power,
    scales: Vec<f64>,
}

impl<'a> ScaledPowers<'a> {
    /// For a finite p.
    ///
    /// # Errors
    /// [`Error::NonFinite`] for an infinity or NaN; [`Error::NegativeValue`] for one where p is not natural.
    pub fn new(assignment: &'a Assignment, p: f64) -> Result<Self, Error> {
        let power = Power::new(p);
        if let Power::Real(p) = power
            && let Some((feature, word, value)) = assignment.find(|value| value < 0.0)
        {
            return Err(Error::NegativeValue { feature, word, value, p });
        }
        let scale = |largest: f64| match largest {
            0.0 => 1.0,
            _ if p <= LARGEST_EXACT_POWER => power_of_two_below(largest),
            _ => largest,
        };
        let scales = largest_magnitudes(assignment)?.into_iter().map(scale).collect();
        Ok(Self { assignment, power, scales })
    }

    /// `c_d`
    pub fn scales(&self) -> ArrayView1<'_, f64> {
        ArrayView1::from(&self.scales)
    }

    /// `Σ_l (m_(d)(l) / c_d)^p`, summed in the order of the features.
    pub fn totals(&self) -> Array1<f64> {
        let totals = with_power!(self.power, |power| {
            self.assignment.fold_columns(0.0, &self.scales, |total, scale, value| *total += power(value / scale))
        });
        totals.into()
    }

    /// `Σ_d (m_(d)(l) / c_d)^p s_d`
    pub fn weighted_sums(&self, shares: ArrayView1<'_, f64>) -> Array1<f64> {
        let context: Vec<(f64, f64)> = self.scales.iter().copied().zip(shares.iter().copied()).collect();
        with_power!(self.power, |power| {
            self.assignment.sum_rows(&context, |(scale, share), value| power(value / scale) * share)
        })
    }
}

/// `max_l |m_(d)(l)|`
///
/// # Errors
/// [`Error::NonFinite`]
pub(crate) fn largest_magnitudes(assignment: &Assignment) -> Result<Vec<f64>, Error> {
    // As bits, so that no NaN gets lost: they order like the numbers, with NaN above infinity.
    let largest = assignment.fold_columns(0, &vec![(); assignment.words()], |largest: &mut u64, (), value| {
        *largest = (*largest).max(value.abs().to_bits());
    });
    if largest.iter().any(|&bits| bits >= f64::INFINITY.to_bits())
        && let Some((row, column, value)) = assignment.find(|value| !value.is_finite())
    {
        return Err(Error::NonFinite { what: "the assignment of local feature", row, column, value });
    }
    Ok(largest.into_iter().map(f64::from_bits).collect())
}

/// `Σ_l m_(d)(l)`, summed in the order of the features; not finite where values are not, or the sum overflows.
pub(crate) fn plain_totals(assignment: &Assignment) -> Array1<f64> {
    assignment.fold_columns(0.0, &vec![(); assignment.words()], |total, (), value| *total += value).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_lie_below() {
        assert_eq!(power_of_two_below(1.0), 1.0);
        assert_eq!(power_of_two_below(1.99), 1.0);
        assert_eq!(power_of_two_below(0.3), 0.25);
        assert_eq!(power_of_two_below(f64::MAX), 2.0_f64.powi(1023));
        assert_eq!(power_of_two_below(1e-320), f64::MIN_POSITIVE);
    }

    #[test]
    fn each_power_is_the_power() {
        for p in [1.0_f64, 2.0, 3.0, 4.0, 7.0, 64.0, 65.0, 100.0, 2.5] {
            for x in [0.0_f64, 0.3, 1.0, 1.9, -0.3, -1.0] {
                if x < 0.0 && p.fract() != 0.0 {
                    continue;
                }
                let plain: f64 = x.abs().powf(p) * if x < 0.0 && p % 2.0 == 1.0 { -1.0 } else { 1.0 };
                let found: f64 = with_power!(Power::new(p), |power| power(x));
                assert!((found - plain).abs() <= 1e-14 * plain.abs(), "{x}^{p}: {found}, {plain}");
            }
        }
    }
}
