//! Sums over dimensions and over support vectors, written so that the compiler makes vector code of them.
//!
//! A sum of floats must not be reordered by the compiler, so the lanes are spelled out: [`LANES`] partial sums, added
//! up at the end in a fixed order. The result does not depend on the width of the processor's registers.

use multiversion::multiversion;

/// Partial sums of an inner loop: eight hide the latency of an addition at any register width.
pub(crate) const LANES: usize = 8;

/// Runs a loop compiled for 256-bit registers where the processor has them: it divides twice as many numbers at a time,
/// and divisions are what the χ² kernel's time goes to.
///
/// The operations are the same, one by one and in the same order (in particular, multiplications and additions are not
/// fused), so the results are the same on every processor.
#[multiversion(targets("x86_64+avx2"))]
#[inline]
pub(crate) fn vectorized<R, F: FnOnce() -> R>(work: F) -> R {
    work()
}

/// `Σ_d term(x_d, z_d)`
#[inline(always)]
pub(crate) fn sum_pairs(x: &[f64], z: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    vectorized(
        #[inline(always)]
        || sum_pairs_in_lanes(x, z, term),
    )
}

#[inline(always)]
fn sum_pairs_in_lanes(x: &[f64], z: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (z_blocks, z_rest) = z.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (x, z) in x_blocks.iter().zip(z_blocks) {
        for lane in 0..LANES {
            lanes[lane] += term(x[lane], z[lane]);
        }
    }
    let rest: f64 = x_rest.iter().zip(z_rest).map(|(&x, &z)| term(x, z)).sum();
    add_up(lanes) + rest
}

/// `Σ_d term(x_d, z_d, y_d)`
#[inline(always)]
pub(crate) fn sum_triples(x: &[f64], z: &[f64], y: &[f64], term: impl Fn(f64, f64, f64) -> f64) -> f64 {
    vectorized(
        #[inline(always)]
        || sum_triples_in_lanes(x, z, y, term),
    )
}

#[inline(always)]
fn sum_triples_in_lanes(x: &[f64], z: &[f64], y: &[f64], term: impl Fn(f64, f64, f64) -> f64) -> f64 {
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (z_blocks, z_rest) = z.as_chunks::<LANES>();
    let (y_blocks, y_rest) = y.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for ((x, z), y) in x_blocks.iter().zip(z_blocks).zip(y_blocks) {
        for lane in 0..LANES {
            lanes[lane] += term(x[lane], z[lane], y[lane]);
        }
    }
    let rest: f64 = x_rest.iter().zip(z_rest).zip(y_rest).map(|((&x, &z), &y)| term(x, z, y)).sum();
    add_up(lanes) + rest
}

/// In order: a tree of sums would lead the compiler to narrower registers.
#[inline(always)]
fn add_up(lanes: [f64; LANES]) -> f64 {
    lanes.iter().sum()
}

/// `sums_d += Σ_i weight_i · term(x_i(d), z_d)` over the rows `x_i`.
///
/// Four rows at a time, so that the sums are read and written a quarter as often.
#[inline(always)]
pub(crate) fn add_weighted<'a>(
    rows: impl Iterator<Item = (&'a [f64], f64)>,
    z: &[f64],
    sums: &mut [f64],
    term: impl Fn(f64, f64) -> f64,
) {
    let mut waiting: [(&[f64], f64); 4] = [(&[], 0.0); 4];
    let mut count = 0;
    for row in rows {
        waiting[count] = row;
        count += 1;
        if count == waiting.len() {
            vectorized(
                #[inline(always)]
                || add_four(waiting, z, sums, &term),
            );
            count = 0;
        }
    }
    for &(row, weight) in &waiting[..count] {
        for ((sum, &x), &z) in sums.iter_mut().zip(row).zip(z) {
            *sum += weight * term(x, z);
        }
    }
}

#[inline(always)]
fn add_four(rows: [(&[f64], f64); 4], z: &[f64], sums: &mut [f64], term: &impl Fn(f64, f64) -> f64) {
    let [(first, a), (second, b), (third, c), (fourth, d)] = rows;
    let columns = sums.iter_mut().zip(z).zip(first).zip(second).zip(third).zip(fourth);
    for (((((sum, &z), &first), &second), &third), &fourth) in columns {
        *sum += (a * term(first, z) + b * term(second, z)) + (c * term(third, z) + d * term(fourth, z));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, phase: f64) -> Vec<f64> {
        (0..count).map(|index| (index as f64 * 0.7 + phase).sin()).collect()
    }

    #[test]
    fn sums_are_those_of_plain_loops_at_any_length() {
        for count in [1, 3, 7, 8, 9, 19, 100] {
            let (x, z, y) = (numbers(count, 0.0), numbers(count, 1.0), numbers(count, 2.0));
            let plain: f64 = x.iter().zip(&z).map(|(x, z)| x * z).sum();
            assert!((sum_pairs(&x, &z, |x, z| x * z) - plain).abs() < 1e-14);
            let plain: f64 = x.iter().zip(&z).zip(&y).map(|((x, z), y)| x * z * y).sum();
            assert!((sum_triples(&x, &z, &y, |x, z, y| x * z * y) - plain).abs() < 1e-14);
        }
    }

    #[test]
    fn wide_registers_do_not_change_a_bit() {
        for count in [1, 3, 19, 100] {
            let (x, z, y) = (numbers(count, 0.3), numbers(count, 1.4), numbers(count, 2.5));
            let (pair, triple) = (|x: f64, z: f64| (x - z) / (x + z) * x, |x: f64, z: f64, y: f64| x * y + z / y);
            assert_eq!(sum_pairs(&x, &z, pair).to_bits(), sum_pairs_in_lanes(&x, &z, pair).to_bits());
            assert_eq!(sum_triples(&x, &z, &y, triple).to_bits(), sum_triples_in_lanes(&x, &z, &y, triple).to_bits());
        }
    }

    #[test]
    fn weighted_rows_add_up_whatever_their_number() {
        for rows in [0, 1, 3, 4, 5, 19] {
            let points: Vec<Vec<f64>> = (0..rows).map(|row| numbers(19, row as f64)).collect();
            let z = numbers(19, 0.5);
            let mut sums = vec![1.0; 19];
            let weighted = points.iter().enumerate().map(|(row, point)| (point.as_slice(), row as f64 - 1.5));
            add_weighted(weighted, &z, &mut sums, |x, z| x - z);
            for (d, sum) in sums.into_iter().enumerate() {
                let plain: f64 =
                    points.iter().enumerate().map(|(row, point)| (row as f64 - 1.5) * (point[d] - z[d])).sum();
                assert!((sum - 1.0 - plain).abs() < 1e-13);
            }
        }
    }
}
