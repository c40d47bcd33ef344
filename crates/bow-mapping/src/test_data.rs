//! Numbers for tests.

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Uniform numbers between −1 and 1.
pub(crate) fn random(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    Array2::from_shape_simple_fn((rows, columns), || random.gen_range(-1.0..1.0))
}

/// Fails unless the arrays agree to `tolerance`, relative and absolute.
pub(crate) fn assert_close(found: &Array2<f64>, expected: &Array2<f64>, tolerance: f64) {
    assert_eq!(found.dim(), expected.dim());
    for ((position, found), expected) in found.indexed_iter().zip(expected) {
        let close = (found - expected).abs() <= tolerance * (1.0 + expected.abs());
        assert!(close, "{found} instead of {expected} at {position:?}");
    }
}
