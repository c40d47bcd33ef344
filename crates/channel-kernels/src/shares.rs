//! Quotients of relevance as an array of their own.

use rayon::prelude::*;

use crate::Instructions;
use crate::rows::{Booked, Pixels, Quotient, Source, Spread, Zero};
use crate::subnormal::FlushSubnormals;

/// Numbers of a task: they stay in the first-level cache.
pub(crate) const TASK: usize = 4 * 1024;

/// Numbers that are gone through as the channels of a pixel.
const ROW: usize = 64;

/// `s = R / (z + ε · sign(z))` number by number, 0 where the denominator is 0, and where the rest went: see [`Quotient`].
///
/// ```
/// let mut s = [0.0; 3];
/// let booked = channel_kernels::shares(&[4.0, 6.0, 1.0], &[2.0, -3.0, 0.0], 0.0, &mut s);
/// assert_eq!((s, booked.zero.total), ([2.0, -2.0, 0.0], 1.0));
/// ```
///
/// # Panics
/// If the arrays are not of one length.
pub fn shares(relevance: &[f32], denominator: &[f32], epsilon: f32, shares: &mut [f32]) -> Booked {
    by(Instructions::current(), relevance, denominator, epsilon, shares)
}

fn by(set: Instructions, relevance: &[f32], denominator: &[f32], epsilon: f32, shares: &mut [f32]) -> Booked {
    assert_eq!(denominator.len(), relevance.len(), "numbers of the denominator");
    assert_eq!(shares.len(), relevance.len(), "numbers of the shares");
    let tasks = relevance.par_chunks(TASK).zip(denominator.par_chunks(TASK)).zip(shares.par_chunks_mut(TASK));
    let booked: Vec<Booked> =
        tasks.map(|((relevance, denominator), shares)| task(set, relevance, denominator, epsilon, shares)).collect();
    let mut sum = Booked::default();
    booked.into_iter().for_each(|booked| sum.add(booked));
    sum
}

/// The quotients of a task.
pub(crate) fn task(
    set: Instructions,
    relevance: &[f32],
    denominator: &[f32],
    epsilon: f32,
    shares: &mut [f32],
) -> Booked {
    let _guard = FlushSubnormals::new();
    let whole = relevance.len() - relevance.len() % ROW;
    let mut sum = Booked::default();
    for (range, channels) in [(0..whole, ROW), (whole..relevance.len(), relevance.len() - whole)] {
        if range.is_empty() {
            continue;
        }
        let quotient = Quotient {
            relevance: &relevance[range.clone()],
            denominator: &denominator[range.clone()],
            without: None,
            bias: None,
            factor: 1.0,
            epsilon,
            zero: Zero::Stabilized,
        };
        let pixels = Pixels { first: 0, count: range.len() / channels, channels, chosen: 0..channels };
        let spread = Spread { pixel: channels, vector: set.lanes() };
        sum.add(Source::Quotient(&quotient).fill(set, &pixels, spread, &mut shares[range]));
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::twin::random;

    proptest! {
        #[test]
        fn shares_are_quotients(
            count in prop_oneof![0usize..200, TASK - 3..TASK + 70],
            epsilon in prop::sample::select(vec![0.0_f32, 1e-6, 0.25]),
            seed: u64,
        ) {
            let relevance = random(seed, count);
            let mut denominator = random(seed ^ 1, count);
            denominator.iter_mut().step_by(5).for_each(|z| *z = 0.0);
            for set in Instructions::available() {
                let mut found = vec![f32::NAN; count];
                let booked = by(set, &relevance, &denominator, epsilon, &mut found);
                let (mut upper, mut taken, mut lost) = (0.0, 0.0, 0.0);
                for place in 0..count {
                    let (r, z) = (f64::from(relevance[place]), f64::from(denominator[place]));
                    let addition = if z < 0.0 { -f64::from(epsilon) } else { f64::from(epsilon) };
                    let share = if z + addition == 0.0 { 0.0 } else { r / (z + addition) };
                    let error = (f64::from(found[place]) - share).abs();
                    prop_assert!(error <= 1e-6 * share.abs(), "{set}: {} is not {share}", found[place]);
                    upper += r.abs();
                    taken += (share * addition).abs();
                    lost += if z + addition == 0.0 { r.abs() } else { 0.0 };
                }
                for (found, wanted) in [(booked.upper, upper), (booked.stabilizer, taken), (booked.zero, lost)] {
                    prop_assert!((found.magnitude - wanted).abs() <= 1e-5 * wanted, "{set}: {found:?}, {wanted}");
                }
            }
        }
    }
}
