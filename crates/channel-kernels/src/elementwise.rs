//! Functions of each number by itself, of which one number is made.
use rayon::prelude::*;

use crate::Instructions;
use crate::instructions::Vectorized;
use crate::simd::Simd;
use crate::subnormal::FlushSubnormals;

mod gelu;
mod logistic;

pub use gelu::gelu;
pub use logistic::{logistic, silu};

/// Numbers of a task: they stay in the first-level cache.
const TASK: usize = 4 * 1024;

/// Vectors side by side: while one waits for its last result, others go on.
const SIDE_BY_SIDE: usize = 4;

/// A function of one number, for vectors of them.
pub(crate) trait Function: Copy + Sync {
    fn of<S: Simd, const N: usize>(self, simd: S, x: [S::Vector; N]) -> [S::Vector; N];
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
    pub(super) fn number() -> impl Strategy<Value = f32> {
        prop_oneof![
            4 => -20f32..20.0,
            2 => -100f32..100.0,
            1 => prop::num::f32::NORMAL,
            1 => prop::sample::select(vec![0.0, -0.0, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, f32::NAN]),
        ]
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
