//! Sums over dimensions and over support vectors, written so that the compiler makes vector code of them.
//!
//! A sum of floats must not be reordered by the compiler, so the lanes are spelled out: [`LANES`] partial sums, added
//! up at the end in a fixed order. The result does not depend on the width of the processor's registers.

/// Partial sums of an inner loop: eight hide the latency of an addition at any register width.
pub(crate) const LANES: usize = 8;

/// `Σ_d term(x_d, z_d)`
#[inline(always)]
pub(crate) fn sum_pairs(x: &[f64], z: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
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

/// `Σ_d terms(x_d, z_d, y_d)`, several sums at once.
#[inline(always)]
pub(crate) fn sum_triples<const SUMS: usize>(
    x: &[f64],
    z: &[f64],
    y: &[f64],
    terms: impl Fn(f64, f64, f64) -> [f64; SUMS],
) -> [f64; SUMS] {
    // Half as many lanes: the registers hold several sums.
    const NARROW: usize = LANES / 2;
    let (x_blocks, x_rest) = x.as_chunks::<NARROW>();
    let (z_blocks, z_rest) = z.as_chunks::<NARROW>();
    let (y_blocks, y_rest) = y.as_chunks::<NARROW>();
    let mut lanes = [[0.0; NARROW]; SUMS];
    for ((x, z), y) in x_blocks.iter().zip(z_blocks).zip(y_blocks) {
        for lane in 0..NARROW {
            let terms = terms(x[lane], z[lane], y[lane]);
            for sum in 0..SUMS {
                lanes[sum][lane] += terms[sum];
            }
        }
    }
    let mut sums = lanes.map(|[first, second, third, fourth]| (first + third) + (second + fourth));
    for ((&x, &z), &y) in x_rest.iter().zip(z_rest).zip(y_rest) {
        let terms = terms(x, z, y);
        for sum in 0..SUMS {
            sums[sum] += terms[sum];
        }
    }
    sums
}

fn add_up(lanes: [f64; LANES]) -> f64 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
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
            add_four(waiting, z, sums, &term);
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
