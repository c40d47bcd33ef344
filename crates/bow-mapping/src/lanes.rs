//! Sums of long rows, in a fixed order that suits vector registers.

/// Sums that run side by side, so that the compiler can keep them in vector registers.
const LANES: usize = 8;

/// `Σ_i term(left_i, right_i)`
#[inline(always)]
pub(crate) fn sum_in_lanes<A: Copy, B: Copy>(left: &[A], right: &[B], term: impl Fn(A, B) -> f64) -> f64 {
    let (left_lanes, right_lanes) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let rest = left_lanes.remainder().iter().zip(right_lanes.remainder());
    let rest: f64 = rest.map(|(&left, &right)| term(left, right)).sum();
    let mut sums = [0.0; LANES];
    for (left, right) in left_lanes.zip(right_lanes) {
        for ((sum, &left), &right) in sums.iter_mut().zip(left).zip(right) {
            *sum += term(left, right);
        }
    }
    sums.iter().sum::<f64>() + rest
}
