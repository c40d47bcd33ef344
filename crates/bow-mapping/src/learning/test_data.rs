//! Descriptors for the tests of all learners.

use ndarray::Array2;

use crate::test_data::random;

/// Clouds about the rows of `centers`, each uniform within `±width`, their rows one after the other in turn.
pub(super) fn clouds(centers: &Array2<f64>, rows: usize, width: f64, seed: u64) -> Array2<f64> {
    let noise = random(rows, centers.ncols(), seed) * width;
    Array2::from_shape_fn(noise.dim(), |(row, column)| noise[[row, column]] + centers[[row % centers.nrows(), column]])
}

/// What `work` gives with 1, 2 and 5 threads.
pub(super) fn with_several_threads<T: Send>(work: impl Fn() -> T + Sync) -> Vec<T> {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    [1, 2, 5].into_iter().map(|threads| pool(threads).install(&work)).collect()
}

/// The bits of all values, which also tell −0 from 0.
pub(super) fn bits<'a>(values: impl IntoIterator<Item = &'a f64>) -> Vec<u64> {
    values.into_iter().map(|value| value.to_bits()).collect()
}
