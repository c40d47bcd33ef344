//! The logistic function, and the unit that weighs a number by it.
//!
//! ```text
//! σ(x) = 1 / (1 + exp(−x))
//! ```
use rayon::prelude::*;

use crate::Instructions;
use crate::instructions::Vectorized;
use crate::simd::Simd;
use crate::subnormal::FlushSubnormals;

/// Numbers of a task: they stay in the first-level cache.
const TASK: usize = 4 * 1024;

/// Vectors side by side: while one waits for its last result, others go on.
const SIDE_BY_SIDE: usize = 4;

/// Writes σ(x) for each number.
///
/// It is off by less than three units in the last place. What is below the smallest normal number counts as 0; what is not a
/// number stays so.
///
/// ```
/// let mut shares = [0.0; 3];
/// channel_kernels::logistic(&[0.0, f32::INFINITY, f32::NEG_INFINITY], &mut shares);
/// assert_eq!(shares, [0.5, 1.0, 0.0]);
/// ```
///
/// # Panics
/// When the slices have different lengths.
pub fn logistic(values: &[f32], output: &mut [f32]) {
    by_tasks(Instructions::current(), Logistic, values, output);
}

/// Writes `x σ(αx)` for each number x: the sigmoid linear unit for α = 1.
///
/// It is off by less than four units in the last place, beside what the rounding of αx makes of it. Where σ counts as 0
/// (below −87 for α = 1) so does the product, and as 0 · ∞ it is not a number, as `x / (1 + exp(−x))` isn't.
///
/// ```
/// let mut output = [0.0; 3];
/// channel_kernels::silu(1.0, &[0.0, 100.0, -1000.0], &mut output);
/// assert_eq!(output, [0.0, 100.0, 0.0]);
/// ```
///
/// # Panics
/// When the slices have different lengths.
pub fn silu(alpha: f32, values: &[f32], output: &mut [f32]) {
    by_tasks(Instructions::current(), Silu { alpha }, values, output);
}

/// A function of one number, for vectors of them.
trait Function: Copy + Sync {
    fn of<S: Simd, const N: usize>(self, simd: S, x: [S::Vector; N]) -> [S::Vector; N];
}

#[derive(Clone, Copy, Debug)]
struct Logistic;

impl Function for Logistic {
    #[inline(always)]
    fn of<S: Simd, const N: usize>(self, simd: S, mut x: [S::Vector; N]) -> [S::Vector; N] {
        for x in &mut x {
            *x = simd.subtract(simd.zero(), *x);
        }
        let mut shares = exponential(simd, x);
        for share in &mut shares {
            *share = simd.reciprocal(simd.add(simd.splat(1.0), *share));
        }
        shares
    }
}

#[derive(Clone, Copy, Debug)]
struct Silu {
    alpha: f32,
}

impl Function for Silu {
    #[inline(always)]
    fn of<S: Simd, const N: usize>(self, simd: S, mut x: [S::Vector; N]) -> [S::Vector; N] {
        let mut scaled = x;
        for scaled in &mut scaled {
            *scaled = simd.multiply(simd.splat(self.alpha), *scaled);
        }
        let shares = Logistic.of(simd, scaled);
        for (x, share) in x.iter_mut().zip(shares) {
            *x = simd.multiply(*x, share);
        }
        x
    }
}

fn by_tasks(instructions: Instructions, function: impl Function, values: &[f32], output: &mut [f32]) {
    assert_eq!(output.len(), values.len(), "numbers of the output");
    let task = |(from, to): (&[f32], &mut [f32])| {
        let _guard = FlushSubnormals::new();
        instructions.run(Each { function, from, to });
    };
    if values.len() <= TASK || rayon::current_num_threads() == 1 {
        task((values, output));
    } else {
        values.par_chunks(TASK).zip(output.par_chunks_mut(TASK)).for_each(task);
    }
}

/// A function of each number.
struct Each<'a, F> {
    function: F,
    from: &'a [f32],
    to: &'a mut [f32],
}

impl<F: Function> Vectorized for Each<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { function, from, to } = self;
        assert_eq!(from.len(), to.len());
        let mut at = 0;
        while at + SIDE_BY_SIDE * S::LANES <= from.len() {
            let mut x = [simd.zero(); SIDE_BY_SIDE];
            for (i, x) in x.iter_mut().enumerate() {
                // SAFETY: the vectors end within the slice.
                *x = unsafe { simd.load(from.as_ptr().add(at + i * S::LANES)) };
            }
            for (i, y) in function.of(simd, x).into_iter().enumerate() {
                // SAFETY: as above; the slices are of one length.
                unsafe { simd.store(to.as_mut_ptr().add(at + i * S::LANES), y) };
            }
            at += SIDE_BY_SIDE * S::LANES;
        }
        while at < from.len() {
            let rest = from.len() - at;
            // SAFETY: both slices have `rest` numbers from `at` on.
            unsafe {
                let [y] = function.of(simd, [simd.load_first(from.as_ptr().add(at), rest)]);
                simd.store_first(to.as_mut_ptr().add(at), y, rest);
            }
            at += S::LANES;
        }
    }
}

/// exp(x), off by one unit in the last place; below −87 and above 88, what it is there.
///
/// ```text
/// exp(x) = 2ⁿ exp(r),   n = round(x / ln 2),   r = x − n ln 2                Cody and Waite 1980
/// ```
/// ln 2 is taken in two parts, the first of so few digits that its product with n is exact. The polynomial is off by
/// 4·10⁻⁹ of the value at most, in −½ ln 2 … ½ ln 2.
#[inline(always)]
fn exponential<S: Simd, const N: usize>(simd: S, mut x: [S::Vector; N]) -> [S::Vector; N] {
    const POLYNOMIAL: [f32; 7] = [1.381_460_6e-3, 8.368_719e-3, 4.166_839e-2, 1.666_652_1e-1, 4.999_999_4e-1, 1.0, 1.0];
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    // The last digit of such numbers counts ones: what is added to it is rounded to a whole number.
    let ones = simd.splat(12_582_912.0);
    let [least, greatest] = [-87.0, 88.0].map(|bound| simd.splat(bound));
    let mut n = [simd.zero(); N];
    for (x, n) in x.iter_mut().zip(&mut n) {
        *x = simd.min(greatest, simd.max(least, *x));
        *n = simd.subtract(simd.multiply_add(*x, simd.splat(std::f32::consts::LOG2_E), ones), ones);
        *x = simd.multiply_add(*n, simd.splat(-LN_2[0]), *x);
        *x = simd.multiply_add(*n, simd.splat(-LN_2[1]), *x);
    }
    let mut powers = [simd.splat(POLYNOMIAL[0]); N];
    for coefficient in &POLYNOMIAL[1..] {
        for (power, x) in powers.iter_mut().zip(x) {
            *power = simd.multiply_add(*power, x, simd.splat(*coefficient));
        }
    }
    for (power, n) in powers.iter_mut().zip(n) {
        *power = simd.times_power_of_two(*power, n);
    }
    powers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rayon::ThreadPoolBuilder;

    use super::*;

    /// Numbers of all kinds, most of them where the functions bend.
    fn number() -> impl Strategy<Value = f32> {
        prop_oneof![
            4 => -20f32..20.0,
            2 => -100f32..100.0,
            1 => prop::num::f32::NORMAL,
            1 => prop::sample::select(vec![0.0, -0.0, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, f32::NAN]),
        ]
    }

    fn sigma(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    /// Whether a result is off by a few units in the last place, or by σ times a factor where σ counts as 0.
    fn close(got: f32, want: f64, factor: f32) -> bool {
        let (got, factor) = (f64::from(got), f64::from(factor.abs()));
        let lost = 1.01 * f64::from(f32::MIN_POSITIVE) * factor.max(1.0);
        match want.is_finite() {
            true => (got - want).abs() <= 2.0 * f64::from(f32::EPSILON) * want.abs() + lost,
            false => got == want || (got.is_nan() && want.is_nan()),
        }
    }

    proptest! {
        #[test]
        fn functions_are_their_formulas(values in prop::collection::vec(number(), 0..70), alpha in prop_oneof![Just(1.0), -3f32..3.0]) {
            for set in Instructions::available() {
                let (mut shares, mut units) = (vec![9.0; values.len()], vec![9.0; values.len()]);
                by_tasks(set, Logistic, &values, &mut shares);
                by_tasks(set, Silu { alpha }, &values, &mut units);
                for ((&x, share), unit) in values.iter().zip(shares).zip(units) {
                    prop_assert!(close(share, sigma(f64::from(x)), 1.0), "{set}: σ({x:e}) is not {share:e}");
                    let want = f64::from(x) * sigma(f64::from(alpha * x));
                    prop_assert!(close(unit, want, x), "{set}: {unit:e} for {x:e} and α = {alpha}, not {want:e}");
                }
            }
        }
    }

    #[test]
    fn ends_are_those_of_the_formula() {
        let ends = [f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, f32::NAN, 100.0, -1000.0, -0.0];
        for set in Instructions::available() {
            let (mut shares, mut units) = ([9.0; 8], [9.0; 8]);
            by_tasks(set, Logistic, &ends, &mut shares);
            by_tasks(set, Silu { alpha: 1.0 }, &ends, &mut units);
            assert_eq!((&shares[..4], &shares[5..]), (&[1.0, 0.0, 1.0, 0.0][..], &[1.0, 0.0, 0.5][..]), "{set}");
            assert!(shares[4].is_nan() && units[4].is_nan() && units[1].is_nan(), "{set}");
            assert_eq!([units[0], units[2], units[3], units[5]], [f32::INFINITY, f32::MAX, 0.0, 100.0], "{set}");
            assert_eq!([units[6], units[7]], [0.0, 0.0], "{set}");
        }
    }

    #[test]
    fn bytes_depend_neither_on_threads_nor_on_neighbors() {
        let values: Vec<f32> = (0..20_011).map(|at| (at as f32 - 10_000.0) / 300.0).collect();
        let results = [1, 2, 3].map(|threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut output = vec![0.0; values.len()];
            pool.install(|| silu(1.0, &values, &mut output));
            output
        });
        assert!(results[0] == results[1] && results[0] == results[2]);
        for (x, wanted) in values.iter().zip(&results[0]).step_by(97) {
            let mut alone = [0.0];
            silu(1.0, &[*x], &mut alone);
            assert_eq!(alone[0], *wanted);
        }
    }
}
