//! Powers of assignments, scaled so that no p over- or underflows (Eqs 29, 31).

use multiversion::multiversion;
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
    /// Only for values of at least 0.
    LargeReal(f64),
}

impl Power {
    fn new(p: f64) -> Self {
        match (p <= LARGEST_EXACT_POWER, p.fract() == 0.0) {
            (true, true) => match p as i32 {
                1 => Self::One,
                2 => Self::Square,
                3 => Self::Cube,
                p => Self::Natural(p),
            },
            (true, false) => Self::Real(p),
            (false, true) if p % 2.0 == 0.0 => Self::LargeEven(p),
            (false, true) => Self::LargeOdd(p),
            (false, false) => Self::LargeReal(p),
        }
    }

    fn needs_positive(self) -> bool {
        matches!(self, Self::Real(_) | Self::LargeReal(_))
    }

    fn is_large(self) -> bool {
        matches!(self, Self::LargeEven(_) | Self::LargeOdd(_) | Self::LargeReal(_))
    }
}

/// Evaluates an expression in which `$power` is the function `(m, factor) ↦ (m / c)^p` of a [`Power`], once compiled
/// for each of them: the choice is made outside of the loops.
///
/// `factor` is `c` itself for large powers, where only a division makes the largest value exactly one; for the others
/// it is `1 / c`, exact for a power of two.
macro_rules! with_power {
    ($chosen:expr, |$power:ident| $body:expr) => {
        match $chosen {
            Power::One => with_power!(|m, factor| m * factor, $power, $body),
            Power::Square => with_power!(|m, factor| (m * factor) * (m * factor), $power, $body),
            Power::Cube => with_power!(|m, factor| (m * factor) * (m * factor) * (m * factor), $power, $body),
            Power::Natural(p) => with_power!(|m, factor| (m * factor).powi(p), $power, $body),
            Power::Real(p) => with_power!(|m, factor| (m * factor).powf(p), $power, $body),
            Power::LargeEven(p) => with_power!(|m, factor| (m / factor).abs().powf(p), $power, $body),
            Power::LargeOdd(p) => with_power!(|m, factor| (m / factor).abs().powf(p).copysign(m), $power, $body),
            Power::LargeReal(p) => with_power!(|m, factor| (m / factor).powf(p), $power, $body),
        }
    };
    (|$m:ident, $factor:ident| $value:expr, $power:ident, $body:expr) => {{
        let $power = |$m: f64, $factor: f64| -> f64 { $value };
        $body
    }};
}

/// `(m_(d)(l) / c_d)^p`, with a scale `c_d` for each word that cancels from all ratios of Eq. 31.
pub(crate) struct ScaledPowers<'a> {
    assignment: &'a Assignment,
    power: Power,
    /// `c_d`
    scales: Vec<f64>,
    /// What [`with_power`] takes for them.
    factors: Vec<f64>,
}

impl<'a> ScaledPowers<'a> {
    /// For a finite p.
    ///
    /// # Errors
    /// [`Error::NonFinite`] for an infinity or NaN; [`Error::NegativeValue`] for one where p is not natural.
    pub fn new(assignment: &'a Assignment, p: f64) -> Result<Self, Error> {
        let power = Power::new(p);
        let largest = largest_magnitudes(assignment)?;
        if power.needs_positive()
            && let Some((feature, word, value)) = assignment.find(|value| value < 0.0)
        {
            return Err(Error::NegativeValue { feature, word, value, p });
        }
        let (scales, factors) = largest
            .into_iter()
            .map(|largest| match largest {
                0.0 => (1.0, 1.0),
                _ if power.is_large() => (largest, largest),
                _ => (power_of_two_below(largest), power_of_two_below(largest).recip()),
            })
            .unzip();
        Ok(Self { assignment, power, scales, factors })
    }

    /// `c_d`
    pub fn scales(&self) -> ArrayView1<'_, f64> {
        ArrayView1::from(&self.scales)
    }

    /// `Σ_l (m_(d)(l) / c_d)^p`, summed in the order of the features.
    pub fn totals(&self) -> Array1<f64> {
        let totals = with_power!(self.power, |power| {
            self.assignment.fold_columns(0.0, &self.factors, |total, factor, value| *total += power(value, factor))
        });
        totals.into()
    }

    /// `Σ_d (m_(d)(l) / c_d)^p s_d`
    pub fn weighted_sums(&self, shares: ArrayView1<'_, f64>) -> Array1<f64> {
        let context: Vec<(f64, f64)> = self.factors.iter().copied().zip(shares.iter().copied()).collect();
        with_power!(self.power, |power| {
            self.assignment.sum_rows(&context, |(factor, share), value| power(value, factor) * share)
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
    if largest.iter().any(|&bits| bits >= f64::INFINITY.to_bits()) {
        assignment.check_finite()?;
    }
    Ok(largest.into_iter().map(f64::from_bits).collect())
}

/// `Σ_l m_(d)(l)`, summed in the order of the features; not finite where values are not, or the sum overflows.
pub(crate) fn plain_totals(assignment: &Assignment) -> Array1<f64> {
    match assignment.dense_rows() {
        Some(rows) => column_sums(rows, assignment.words()).into(),
        None => assignment.fold_columns(0.0, &vec![(); assignment.words()], |total, (), value| *total += value).into(),
    }
}

/// The sum of each column, in the order of the rows. One row after the other: in large pages, memory is read fastest in
/// one stream.
#[multiversion(targets("x86_64+avx2"))]
fn column_sums(rows: &[f64], columns: usize) -> Vec<f64> {
    let mut sums = vec![0.0; columns];
    for row in rows.chunks_exact(columns.max(1)) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sums
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
    fn sums_of_columns_are_in_the_order_of_rows() {
        for (rows, columns) in [(1, 1), (3, 19), (8, 8), (19, 3), (101, 5)] {
            let values = crate::test_data::random(rows, columns, 1);
            let assignment = Assignment::Dense(values.clone());
            let plain: Vec<f64> = values.columns().into_iter().map(|column| column.iter().sum()).collect();
            assert_eq!(plain_totals(&assignment).to_vec(), plain);
            let transposed = Assignment::Dense(values.t().as_standard_layout().into_owned().reversed_axes());
            assert_eq!(plain_totals(&transposed).to_vec(), plain);
        }
    }

    #[test]
    fn each_power_is_the_power() {
        for p in [1.0_f64, 2.0, 3.0, 4.0, 7.0, 64.0, 65.0, 100.0, 2.5, 64.5] {
            for x in [0.0_f64, 0.3, 1.0, 1.9, -0.3, -1.0] {
                let power = Power::new(p);
                if x < 0.0 && power.needs_positive() {
                    continue;
                }
                let plain: f64 = x.abs().powf(p) * if x < 0.0 && p % 2.0 == 1.0 { -1.0 } else { 1.0 };
                let found: f64 = with_power!(power, |power| power(x, 1.0));
                assert!((found - plain).abs() <= 1e-14 * plain.abs(), "{x}^{p}: {found}, {plain}");
                let scale = if power.is_large() { 0.5 } else { 2.0 };
                let of_double: f64 = with_power!(power, |power| power(x / 2.0, scale));
                assert_eq!(of_double, found);
            }
        }
    }
}
