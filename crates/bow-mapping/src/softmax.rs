//! Exponentials of whole rows: of soft weights and of posteriors (Eqs 36, 39, 40).

use multiversion::multiversion;

/// `exp(v_k) / Σ_j exp(v_j)` in place, with the largest value subtracted first: neither overflow nor 0/0.
pub(crate) fn exponentiate_and_normalize(values: &mut [f64]) {
    let sum = exponentiate(values);
    divide(values, sum);
}

/// Sums that run side by side.
const LANES: usize = 8;

/// `v_k ← exp(v_k − max_j v_j)`; gives the sum of these.
#[multiversion(targets("x86_64+avx2"))]
fn exponentiate(values: &mut [f64]) -> f64 {
    let mut largest = [f64::NEG_INFINITY; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            largest[lane] = if chunk[lane] > largest[lane] { chunk[lane] } else { largest[lane] };
        }
    }
    let mut most = f64::NEG_INFINITY;
    for value in rest.iter().chain(&largest) {
        most = most.max(*value);
    }
    for value in values.iter_mut() {
        *value = exp_of_negative(*value - most);
    }
    let mut sums = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += chunk[lane];
        }
    }
    let mut sum = 0.0;
    for value in rest.iter().chain(&sums) {
        sum += *value;
    }
    sum
}

#[multiversion(targets("x86_64+avx2"))]
fn divide(values: &mut [f64], divisor: f64) {
    for value in values {
        *value /= divisor;
    }
}

/// `exp(x)` for x ≤ 0, within two units in the last place; 0 where it is below 3e-308.
///
/// ```text
/// exp(x) = 2^k exp(r),   k = x / ln 2 rounded,   r = x − k ln 2
/// ```
///
/// Only operations that all processors round alike, and no branches: a loop over it becomes vector code.
#[inline(always)]
fn exp_of_negative(x: f64) -> f64 {
    /// Numbers of this size have no digits behind the point: adding it rounds.
    const ROUNDING: f64 = 6_755_399_441_055_744.0; // 1.5 · 2^52
    /// The first bits of ln 2, so that products with `k` are exact, and the others.
    const LN_2: [f64; 2] = [0.693_145_751_953_125, 1.428_606_820_309_417_3e-6];
    /// Below this, powers of two have no exponent left.
    const SMALLEST: f64 = -708.0;
    let shifted = x * std::f64::consts::LOG2_E + ROUNDING;
    let k = shifted - ROUNDING;
    let r = (x - k * LN_2[0]) - k * LN_2[1];
    let mut series = TAYLOR[TAYLOR.len() - 1];
    for coefficient in TAYLOR[..TAYLOR.len() - 1].iter().rev() {
        series = series * r + coefficient;
    }
    // The last bits of the shifted number are k; they go where a number has its exponent.
    let power_of_two = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0_f64.to_bits()));
    if x >= SMALLEST { series * power_of_two } else { 0.0 }
}

/// `1/n!`: for |r| ≤ ln 2 / 2, the terms left out are below 1e-17.
const TAYLOR: [f64; 14] = {
    let mut coefficients = [1.0; 14];
    let mut n = 2;
    let mut factorial = 1.0;
    while n < 14 {
        factorial *= n as f64;
        coefficients[n] = 1.0 / factorial;
        n += 1;
    }
    coefficients
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_those_of_the_standard_library() {
        for step in 0..200_000 {
            let x = -f64::from(step) * 0.003_541;
            let (found, expected) = (exp_of_negative(x), x.exp());
            if x >= -708.0 {
                assert!((found - expected).abs() <= 2.0 * f64::EPSILON * expected, "{x}: {found}, {expected}");
            } else {
                assert_eq!(found, 0.0);
            }
        }
        assert_eq!(exp_of_negative(0.0), 1.0);
        assert_eq!(exp_of_negative(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp_of_negative(-1e300), 0.0);
    }

    #[test]
    fn rows_become_shares() {
        for length in [1, 3, 8, 19, 100] {
            let mut values: Vec<f64> = (0..length).map(|index| 700.0 + 3.0 * f64::from(index).sin()).collect();
            let weights: Vec<f64> = values.iter().map(|value| (value - 700.0).exp()).collect();
            let total: f64 = weights.iter().sum();
            exponentiate_and_normalize(&mut values);
            for (value, weight) in values.iter().zip(weights) {
                assert!((value - weight / total).abs() <= 1e-15, "{length}: {value}");
            }
        }
    }
}
