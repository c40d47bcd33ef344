//! Exponentials of whole rows: of soft weights and of posteriors (Eqs 36, 39, 40).

use multiversion::multiversion;

/// `exp(v_k) / Σ_j exp(v_j)` in place, with the largest value subtracted first: neither overflow nor 0/0.
pub(crate) fn exponentiate_and_normalize(values: &mut [f64]) {
    let most = largest(values);
    let sum = exponentiate(values, |value| value - most);
    multiply(values, sum.recip());
}

/// `exp(−β √s_k) / Σ_j exp(−β √s_j)` in place, of squared distances `s`; `least` is the smallest of them.
pub(crate) fn weigh_distances(squares: &mut [f64], least: f64, beta: f64) {
    let least = least.sqrt();
    let sum = exponentiate(squares, |square| -beta * (square.sqrt() - least));
    multiply(squares, sum.recip());
}

/// `exp(−β s_k) / Σ_j exp(−β s_j)` in place, of squared distances `s`; `least` is the smallest of them.
pub(crate) fn weigh_squared_distances(squares: &mut [f64], least: f64, beta: f64) {
    let sum = exponentiate(squares, |square| -beta * (square - least));
    multiply(squares, sum.recip());
}

/// Sums that run side by side.
const LANES: usize = 8;

/// Exponentials that are computed together, so that none has to wait for the other's last operation.
const TOGETHER: usize = 32;

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn largest(values: &[f64]) -> f64 {
    let mut largest = [f64::NEG_INFINITY; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            largest[lane] = if chunk[lane] > largest[lane] { chunk[lane] } else { largest[lane] };
        }
    }
    rest.iter().copied().chain(largest).fold(f64::NEG_INFINITY, f64::max)
}

/// `v_k ← exp(exponent(v_k))` for exponents of at most 0; gives the sum of these.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn exponentiate<E: Fn(f64) -> f64>(values: &mut [f64], exponent: E) -> f64 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = values.as_chunks_mut::<TOGETHER>();
    for chunk in chunks {
        for value in chunk.iter_mut() {
            *value = exponent(*value);
        }
        *chunk = exp_of_negative(*chunk);
        for group in chunk.as_chunks::<LANES>().0 {
            for lane in 0..LANES {
                sums[lane] += group[lane];
            }
        }
    }
    let mut sum = 0.0;
    for value in rest {
        *value = exp_of_negative([exponent(*value)])[0];
        sum += *value;
    }
    sum + sums.iter().sum::<f64>()
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn multiply(values: &mut [f64], factor: f64) {
    for value in values {
        *value *= factor;
    }
}

/// `exp(x)` of some x ≤ 0, within two units in the last place; 0 where it is below 3e-308.
///
/// ```text
/// exp(x) = 2^k exp(r),   k = x / ln 2 rounded,   r = x − k ln 2
/// ```
///
/// Only operations that all processors round alike, and no branches: a loop over it becomes vector code.
#[inline(always)]
fn exp_of_negative<const N: usize>(x: [f64; N]) -> [f64; N] {
    /// Numbers of this size have no digits behind the point: adding it rounds.
    const ROUNDING: f64 = 6_755_399_441_055_744.0; // 1.5 · 2^52
    /// The first bits of ln 2, so that products with `k` are exact, and the others.
    const LN_2: [f64; 2] = [0.693_145_751_953_125, 1.428_606_820_309_417_3e-6];
    /// Below this, powers of two have no exponent left.
    const SMALLEST: f64 = -708.0;
    let (mut power_of_two, mut r) = ([0.0; N], [0.0; N]);
    for lane in 0..N {
        let shifted = x[lane] * std::f64::consts::LOG2_E + ROUNDING;
        let k = shifted - ROUNDING;
        r[lane] = (x[lane] - k * LN_2[0]) - k * LN_2[1];
        // The last bits of the shifted number are k; they go where a number has its exponent.
        power_of_two[lane] = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0_f64.to_bits()));
    }
    let mut series = [TAYLOR[TAYLOR.len() - 1]; N];
    for coefficient in TAYLOR[..TAYLOR.len() - 1].iter().rev() {
        for lane in 0..N {
            series[lane] = series[lane] * r[lane] + coefficient;
        }
    }
    for lane in 0..N {
        series[lane] = if x[lane] >= SMALLEST { series[lane] * power_of_two[lane] } else { 0.0 };
    }
    series
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
            let (found, expected) = (exp_of_negative([x])[0], x.exp());
            if x >= -708.0 {
                assert!((found - expected).abs() <= 2.0 * f64::EPSILON * expected, "{x}: {found}, {expected}");
            } else {
                assert_eq!(found, 0.0);
            }
        }
        assert_eq!(exp_of_negative([0.0, f64::NEG_INFINITY, -1e300]), [1.0, 0.0, 0.0]);
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
