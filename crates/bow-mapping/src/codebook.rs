//! Visual words.

use std::borrow::Cow;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::{check_dimensions, check_range};
use crate::quantized::QuantizedWords;

/// Visual words `b_d`, one a row: what the mappings compare local features with.
///
/// A codebook is never empty, and all its values are finite.
///
/// ```
/// use bow_mapping::Codebook;
/// use ndarray::{Array1, array};
/// let codebook = Codebook::new(array![[1.0, 0.0], [0.0, 1.0]])?;
/// assert_eq!((codebook.word_count(), codebook.dimensions()), (2, 2));
///
/// // A word of its own for patches without any structure.
/// let codebook = codebook.with_word(Array1::zeros(2).view())?;
/// assert_eq!(codebook.words().row(2), array![0.0, 0.0]);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Array2<f64>", into = "Array2<f64>")]
pub struct Codebook {
    words: Array2<f64>,
    product: ProductSide,
}

/// The words decide: everything else is computed from them.
impl PartialEq for Codebook {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words
    }
}

/// The codebook's side of the fast distance products, computed once.
///
/// Distances do not change when the same vector is subtracted from both sides, and the smaller the numbers, the fewer
/// digits the products lose: words and descriptors are taken relative to the mean word.
#[derive(Clone, Debug)]
pub(crate) struct ProductSide {
    /// `c`: the mean word, (D).
    pub center: Array1<f64>,
    /// `b_d − c` in single precision, one after the other.
    pub words: Vec<f32>,
    /// `b_d − c` in eight bits.
    pub quantized: QuantizedWords,
    /// `‖b_d − c‖²` in single precision, (V).
    pub squared_norms: Vec<f32>,
    /// `max_d ‖b_d − c‖`
    pub largest_norm: f64,
}

impl ProductSide {
    fn new(words: ArrayView2<'_, f64>) -> Self {
        let center = words.sum_axis(Axis(0)) / words.nrows() as f64;
        let centered = &words - &center;
        let squared_norms = centered.map_axis(Axis(1), |word| word.dot(&word));
        Self {
            words: centered.iter().map(|&value| value as f32).collect(),
            quantized: QuantizedWords::new(centered.view()),
            squared_norms: squared_norms.iter().map(|&value| value as f32).collect(),
            largest_norm: squared_norms.fold(0.0, |largest: f64, &value| largest.max(value)).sqrt(),
            center,
        }
    }
}

impl Codebook {
    /// A codebook of the rows of `words`, shape (V, D).
    ///
    /// # Errors
    /// [`Error::Empty`] when there are no words, or words without dimensions; [`Error::OutOfRange`] when one holds an
    /// infinity or NaN.
    pub fn new(words: Array2<f64>) -> Result<Self, Error> {
        if words.nrows() == 0 {
            return Err(Error::Empty { what: "visual words of a codebook" });
        }
        if words.ncols() == 0 {
            return Err(Error::Empty { what: "dimensions of a codebook's visual words" });
        }
        check_range("visual word", words.view())?;
        Ok(Self { product: ProductSide::new(words.view()), words })
    }

    /// This codebook with one more word at its end.
    ///
    /// # Errors
    /// [`Error::Dimensions`] when the word has not the dimensions of the others; [`Error::OutOfRange`] when it holds an
    /// infinity or NaN.
    pub fn with_word(self, word: ArrayView1<'_, f64>) -> Result<Self, Error> {
        check_dimensions("the new visual word", word.len(), self.dimensions())?;
        let mut words = Array2::zeros((self.word_count() + 1, self.dimensions()));
        let (mut old, mut new) = words.view_mut().split_at(Axis(0), self.word_count());
        old.assign(&self.words);
        new.row_mut(0).assign(&word);
        Self::new(words)
    }

    /// The words, one a row: (V, D).
    pub fn words(&self) -> ArrayView2<'_, f64> {
        self.words.view()
    }

    /// V
    pub fn word_count(&self) -> usize {
        self.words.nrows()
    }

    /// D
    pub fn dimensions(&self) -> usize {
        self.words.ncols()
    }

    /// The words one after the other, `dimensions` values each.
    pub(crate) fn flat(&self) -> Cow<'_, [f64]> {
        self.words.as_slice().map_or_else(|| Cow::Owned(self.words.iter().copied().collect()), Cow::Borrowed)
    }

    pub(crate) fn product_side(&self) -> &ProductSide {
        &self.product
    }
}

impl TryFrom<Array2<f64>> for Codebook {
    type Error = Error;

    fn try_from(words: Array2<f64>) -> Result<Self, Error> {
        Self::new(words)
    }
}

impl From<Codebook> for Array2<f64> {
    fn from(codebook: Codebook) -> Self {
        codebook.words
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr2, array};

    use super::*;

    #[test]
    fn empty_or_infinite_codebooks_are_refused() {
        assert!(matches!(Codebook::new(Array2::zeros((0, 3))), Err(Error::Empty { .. })));
        assert!(matches!(Codebook::new(Array2::zeros((3, 0))), Err(Error::Empty { .. })));
        let error = Codebook::new(array![[0.0, 1.0], [2.0, f64::NAN]]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "visual word 1 holds NaN at position 1: values have to be finite, and at most 1e140"
        );
        let codebook = Codebook::new(array![[1.0, 2.0]]).unwrap();
        assert!(matches!(codebook.with_word(array![1.0].view()), Err(Error::Dimensions { found: 1, expected: 2, .. })));
    }

    #[test]
    fn words_are_rows_whatever_the_memory_order() {
        let transposed = arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).reversed_axes();
        let codebook = Codebook::new(transposed.clone()).unwrap();
        assert_eq!(codebook.words(), transposed);
        assert_eq!(codebook.flat().as_ref(), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    }

    #[test]
    fn a_saved_codebook_is_checked_when_it_is_read() {
        let codebook = Codebook::new(array![[0.1, 0.2], [0.3, 1e-300]]).unwrap();
        let text = serde_json::to_string(&codebook).unwrap();
        assert_eq!(serde_json::from_str::<Codebook>(&text).unwrap(), codebook);
        let empty = serde_json::to_string(&Array2::<f64>::zeros((0, 2))).unwrap();
        assert!(serde_json::from_str::<Codebook>(&empty).unwrap_err().to_string().contains("visual words"));
    }
}
