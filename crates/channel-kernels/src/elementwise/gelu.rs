//! The Gaussian error linear unit.
//!
//! ```text
//! x Φ(x),   Φ(−a) = exp(−a² / 2) E(a),   Φ(a) = 1 − Φ(−a)                         for a ≥ 0
//! ```
//! * `Φ` — the distribution function of the standard normal distribution
//! * `E` — it falls slowly: u times a polynomial in `u = 1 / (1 + a / 4)`, fitted to 4·10⁻⁸ of its value
use crate::Instructions;
use crate::elementwise::{Function, by_tasks, exponential};
use crate::simd::Simd;

/// Writes `x Φ(x)` for each number, where Φ is the distribution function of the standard normal distribution.
///
/// It is off by 10⁻⁶ of the value at most; below 0 by up to 10⁻⁵ in plain Rust, which doesn't round products and sums in
/// one. Below −13.2, where Φ is below the smallest normal number, it is 0; what is not a number stays so.
///
/// ```
/// let mut output = [0.0; 3];
/// channel_kernels::gelu(&[0.0, 100.0, -100.0], &mut output);
/// assert_eq!(output, [0.0, 100.0, 0.0]);
/// ```
///
/// # Panics
/// When the slices have different lengths.
pub fn gelu(values: &[f32], output: &mut [f32]) {
    by_tasks(Instructions::current(), Gelu, values, output);
}

#[derive(Clone, Copy, Debug)]
struct Gelu;

impl Function for Gelu {
    #[inline(always)]
    fn of<S: Simd, const N: usize>(self, simd: S, mut x: [S::Vector; N]) -> [S::Vector; N] {
        const POLYNOMIAL: [f32; 10] = [
            1.623_566e-2,
            -6.086_395_3e-2,
            4.695_695e-2,
            3.494_432e-2,
            7.061_856e-3,
            8.983_68e-2,
            7.084_099e-2,
            9.577_872e-2,
            9.945_883_6e-2,
            9.974_977e-2,
        ];
        let [one, half, quarter] = [1.0, -0.5, 0.25].map(|factor| simd.splat(factor));
        let (mut halves, mut lost, mut u) = (x, x, x);
        for i in 0..N {
            // Far beyond what is not 0; squares of what is greater would be infinite.
            let a = simd.min(simd.splat(30.0), simd.magnitude(x[i]));
            let square = simd.multiply(a, a);
            halves[i] = simd.multiply(half, square);
            lost[i] = simd.multiply(half, simd.multiply_add(a, a, simd.subtract(simd.zero(), square)));
            u[i] = simd.reciprocal(simd.multiply_add(a, quarter, one));
        }
        let mut shares = exponential(simd, halves);
        let mut slow = [simd.splat(POLYNOMIAL[0]); N];
        for coefficient in &POLYNOMIAL[1..] {
            for i in 0..N {
                slow[i] = simd.multiply_add(slow[i], u[i], simd.splat(*coefficient));
            }
        }
        for i in 0..N {
            shares[i] = simd.multiply_add(shares[i], lost[i], shares[i]);
            let below = simd.multiply(shares[i], simd.multiply(slow[i], u[i]));
            x[i] = simd.multiply(x[i], simd.where_nonnegative(x[i], simd.subtract(one, below), below));
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::elementwise::tests::number;

    /// Φ(−a) for a ≥ 0: Taylor's series near 0, the continued fraction of Laplace beyond.
    fn below(a: f64) -> f64 {
        let density = (-0.5 * a * a).exp() / (2.0 * std::f64::consts::PI).sqrt();
        if a < 2.0 {
            let (mut term, mut sum) = (a, a);
            for k in 1..60 {
                term *= a * a / f64::from(2 * k + 1);
                sum += term;
            }
            return 0.5 - density * sum;
        }
        density / (1..200).rev().fold(a, |rest, k| a + f64::from(k) / rest)
    }

    fn twin(x: f32) -> f64 {
        let tail = below(f64::from(x.abs()));
        f64::from(x) * if x < 0.0 { tail } else { 1.0 - tail }
    }

    proptest! {
        #[test]
        fn units_are_their_formula(values in prop::collection::vec(number(), 0..70)) {
            for set in Instructions::available() {
                let mut got = vec![9.0; values.len()];
                by_tasks(set, Gelu, &values, &mut got);
                for (&x, &got) in values.iter().zip(&got) {
                    if !x.is_finite() {
                        prop_assert!(got == x || (got.is_nan() && x != f32::INFINITY), "{set}: {got} for {x}");
                        continue;
                    }
                    let want = twin(x);
                    let unit = if set.name() == "plain" && x < 0.0 { 1e-5 } else { 1e-6 };
                    let lost = 2e-38 * f64::from(x.abs()).clamp(1.0, 1e3);
                    let error = (f64::from(got) - want).abs();
                    prop_assert!(error <= unit * want.abs() + lost, "{set}: {got:e} for {x:e}, not {want:e}");
                }
            }
        }
    }
}
