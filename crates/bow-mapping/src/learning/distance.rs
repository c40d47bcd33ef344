//! The nearest word of each descriptor, and how far it is.

use ndarray::parallel::prelude::*;
use ndarray::{ArrayView1, ArrayView2};

use crate::distance::{self, contiguous};
use crate::{Codebook, Error, nearest_words};

/// Rows for which it is worth while to ask a further thread.
pub(super) const ROWS_OF_A_THREAD: usize = 256;

/// `‖a − b‖²`, exactly zero for equal vectors, the same bytes for every memory layout.
pub(super) fn squared_distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    distance::squared_distance(&contiguous(a), &contiguous(b))
}

/// The word nearest to a descriptor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Nearest {
    /// Which word.
    pub word: usize,
    /// `‖l − b‖²`
    pub squared_distance: f64,
}

/// The nearest word of each descriptor, ties to the lower index.
///
/// # Errors
/// As for [`nearest_words`].
pub(super) fn nearest_word(descriptors: ArrayView2<'_, f64>, codebook: &Codebook) -> Result<Vec<Nearest>, Error> {
    let words = nearest_words(descriptors, codebook, 1)?;
    let nearest = |row: usize| {
        let word = words[[row, 0]];
        Nearest { word, squared_distance: squared_distance(descriptors.row(row), codebook.words().row(word)) }
    };
    Ok((0..descriptors.nrows()).into_par_iter().with_min_len(ROWS_OF_A_THREAD).map(nearest).collect())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ShapeBuilder};

    use super::*;
    use crate::test_data::random;

    #[test]
    fn the_memory_layout_does_not_matter() {
        let plain = random(2, 100, 3);
        let mut transposed = Array2::zeros((2, 100).f());
        transposed.assign(&plain);
        let distance = squared_distance(plain.row(0), plain.row(1));
        assert_eq!(squared_distance(transposed.row(0), transposed.row(1)).to_bits(), distance.to_bits());
        assert_eq!(squared_distance(plain.row(0), transposed.row(0)), 0.0);
    }
}
