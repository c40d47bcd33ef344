//! What the two terms of a sum get of its relevance.
use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use crate::Instructions;
use crate::arena;
use crate::instructions::Vectorized;
use crate::rows::Booked;
use crate::scratch::Scratch;
use crate::shares::{self, TASK};
use crate::simd::Simd;
use crate::subnormal::FlushSubnormals;
use crate::sums::Amount;
use crate::tasks::pieces;

/// Vectors that are summed in single precision before they are added in double precision.
const CHAIN: usize = 8;

/// Where the relevance of a sample of a sum went.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SharedSum {
    /// What each term got.
    pub lower: [Amount; 2],
    /// What stabilizer and zeros keep.
    pub booked: Booked,
}

/// `R_i = x_i · R / (z + ε · sign(z))` for both terms x₁ and x₂ of a sum z, 0 where the denominator is 0, and where the
/// relevance of each of some samples went.
///
/// ```
/// let ([first, second], sums) = channel_kernels::shares_of_sum(1, &[6.0, 1.0], &[3.0, 0.0], [&[1.0, 2.0], &[2.0, -2.0]], 0.0);
/// assert_eq!((first, second), (vec![2.0, 0.0], vec![4.0, 0.0]));
/// assert_eq!((sums[0].lower[1].total, sums[0].booked.zero.total), (4.0, 1.0));
/// ```
///
/// # Panics
/// If the arrays are not of one length, or can't be cut into so many samples.
pub fn shares_of_sum(
    samples: usize,
    relevance: &[f32],
    total: &[f32],
    terms: [&[f32]; 2],
    epsilon: f32,
) -> ([Vec<f32>; 2], Vec<SharedSum>) {
    by(Instructions::current(), samples, relevance, total, terms, epsilon)
}

fn by(
    set: Instructions,
    samples: usize,
    relevance: &[f32],
    total: &[f32],
    terms: [&[f32]; 2],
    epsilon: f32,
) -> ([Vec<f32>; 2], Vec<SharedSum>) {
    let length = relevance.len();
    for (what, array) in [("total", total), ("first term", terms[0]), ("second term", terms[1])] {
        assert_eq!(array.len(), length, "numbers of the {what}");
    }
    assert!(length.is_multiple_of(samples.max(1)), "{length} numbers of {samples} samples");
    let of_sample = length / samples.max(1);
    let places = (0..samples).flat_map(|sample| {
        pieces(of_sample, TASK)
            .map(move |place| (sample, sample * of_sample + place.start..sample * of_sample + place.end))
    });
    let places: Vec<(usize, Range<usize>)> = places.collect();
    let mut lower = [arena::room(length), arena::room(length)];
    let [first, second] = &mut lower;
    let first = cut(&mut first.spare_capacity_mut()[..length], &places);
    let second = cut(&mut second.spare_capacity_mut()[..length], &places);
    let tasks: Vec<_> = places.iter().zip(first.into_iter().zip(second)).collect();
    let one = |(&(sample, ref place), (first, second)): (&(usize, Range<usize>), (Room<'_>, Room<'_>))| {
        let _guard = FlushSubnormals::new();
        let mut shares = Scratch::take(place.len());
        let booked = shares::task(set, &relevance[place.clone()], &total[place.clone()], epsilon, &mut shares);
        let times = |x: &[f32], to| set.run(Times { x: &x[place.clone()], shares: &shares, to });
        (sample, SharedSum { lower: [times(terms[0], first), times(terms[1], second)], booked })
    };
    let done: Vec<(usize, SharedSum)> = match rayon::current_num_threads() {
        1 => tasks.into_iter().map(one).collect(),
        _ => tasks.into_par_iter().map(one).collect(),
    };
    for lower in &mut lower {
        // SAFETY: the tasks' places are all numbers, and each task wrote its own.
        unsafe { lower.set_len(length) };
    }
    let mut sums = vec![SharedSum::default(); samples];
    for (sample, done) in done {
        let sum = &mut sums[sample];
        sum.lower.iter_mut().zip(done.lower).for_each(|(sum, amount)| *sum += amount);
        sum.booked.add(done.booked);
    }
    (lower, sums)
}

/// Where a task writes.
type Room<'a> = &'a mut [MaybeUninit<f32>];

/// An array in the places of tasks, which lie one behind another.
fn cut<'a>(mut array: Room<'a>, places: &[(usize, Range<usize>)]) -> Vec<Room<'a>> {
    let mut cut = Vec::with_capacity(places.len());
    for (_, place) in places {
        let (piece, rest) = array.split_at_mut(place.len());
        cut.push(piece);
        array = rest;
    }
    cut
}

/// The products of numbers with their shares, and their sums.
struct Times<'a> {
    x: &'a [f32],
    shares: &'a [f32],
    to: &'a mut [MaybeUninit<f32>],
}

impl Vectorized for Times<'_> {
    type Output = Amount;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Amount {
        let Self { x, shares, to } = self;
        assert!(x.len() == shares.len() && x.len() == to.len());
        let mut doubles = [simd.no_doubles(); 2];
        for first in (0..x.len()).step_by(CHAIN * S::LANES) {
            let mut sums = [simd.zero(); 2];
            for at in (first..x.len().min(first + CHAIN * S::LANES)).step_by(S::LANES) {
                let rest = x.len() - at;
                // SAFETY: the arrays have `rest` numbers from `at` on, and no more are read or written.
                unsafe {
                    let s = simd.load_first(shares.as_ptr().add(at), rest);
                    let product = simd.multiply(simd.load_first(x.as_ptr().add(at), rest), s);
                    simd.store_first(to.as_mut_ptr().cast::<f32>().add(at), product, rest);
                    sums[0] = simd.add(sums[0], product);
                    sums[1] = simd.add(sums[1], simd.magnitude(product));
                }
            }
            doubles = [simd.add_doubles(doubles[0], sums[0]), simd.add_doubles(doubles[1], sums[1])];
        }
        Amount { total: simd.total_doubles(doubles[0]), magnitude: simd.total_doubles(doubles[1]) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rayon::ThreadPoolBuilder;

    use super::*;
    use crate::twin::random;

    proptest! {
        #[test]
        fn terms_get_their_shares(
            samples in 1usize..4,
            count in prop_oneof![0usize..200, TASK - 3..TASK + 70],
            epsilon in prop::sample::select(vec![0.0_f32, 1e-6, 0.25]),
            seed: u64,
        ) {
            let [relevance, first, second] = [0, 1, 2].map(|part| random(seed ^ part, samples * count));
            let total: Vec<f32> = first.iter().zip(&second).map(|(a, b)| a + b).collect();
            for set in Instructions::available() {
                let (lower, sums) = by(set, samples, &relevance, &total, [&first, &second], epsilon);
                for sample in 0..samples {
                    let places = sample * count..(sample + 1) * count;
                    for (term, (x, lower)) in [&first, &second].into_iter().zip(&lower).enumerate() {
                        let mut magnitude = 0.0;
                        for place in places.clone() {
                            let z = f64::from(total[place]);
                            let stabilized = z + if z < 0.0 { -f64::from(epsilon) } else { f64::from(epsilon) };
                            let share = f64::from(x[place]) * f64::from(relevance[place]) / stabilized;
                            let share = if stabilized == 0.0 { 0.0 } else { share };
                            let error = (f64::from(lower[place]) - share).abs();
                            prop_assert!(error <= 1e-6 * share.abs(), "{set}: {} is not {share}", lower[place]);
                            magnitude += share.abs();
                        }
                        let found = sums[sample].lower[term].magnitude;
                        prop_assert!((found - magnitude).abs() <= 1e-6 * magnitude, "{set}: {found}, {magnitude}");
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_do_not_depend_on_threads() {
        let [relevance, first, second] = [1, 2, 3].map(|seed| random(seed, 3 * 9_001));
        let total: Vec<f32> = first.iter().zip(&second).map(|(a, b)| a + b).collect();
        let results = [1, 2, 3].map(|threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| shares_of_sum(3, &relevance, &total, [&first, &second], 1e-6))
        });
        assert!(results[0] == results[1] && results[0] == results[2]);
    }
}
