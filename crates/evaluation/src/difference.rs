//! Do two computations of the same thing agree?

use ndarray::ArrayViewD;

use crate::Error;

/// Where two arrays of one shape differ most, and how much that is.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// `max_i |x_i − y_i|`; infinite where only one of both is a number, or they are different infinities.
    pub largest: f64,
    /// Where that is: a position along each axis; the first of several.
    pub index: Vec<usize>,
    /// `x` there.
    pub found: f64,
    /// `y` there.
    pub expected: f64,
    /// `max_i |y_i|`, of the finite ones.
    pub magnitude: f64,
}

impl Difference {
    /// Compares what was found with what was expected.
    ///
    /// ```text
    /// d = max_i |x_i − y_i|
    /// ```
    /// * `found` — x
    /// * `expected` — y, of the same shape; NaN agrees with NaN, and an infinity with itself
    ///
    /// ```
    /// use evaluation::Difference;
    /// use ndarray::array;
    /// let (found, expected) = (array![[1.0, 2.0], [3.0, 4.5]].into_dyn(), array![[1.0, 2.0], [3.5, 4.0]].into_dyn());
    /// let difference = Difference::between(found.view(), expected.view())?;
    /// assert_eq!((difference.largest, difference.index.as_slice()), (0.5, &[1, 0][..]));
    /// assert_eq!(difference.relative(), 0.125);
    /// # Ok::<(), evaluation::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] when the shapes differ.
    pub fn between(found: ArrayViewD<'_, f64>, expected: ArrayViewD<'_, f64>) -> Result<Self, Error> {
        if found.shape() != expected.shape() {
            return Err(Error::Shape {
                what: "what was found",
                found: found.shape().to_vec(),
                expected: expected.shape().to_vec(),
            });
        }
        let finite = expected.iter().filter(|value| value.is_finite());
        let magnitude = finite.fold(0.0, |magnitude: f64, value| magnitude.max(value.abs()));
        let mut most = Self { largest: 0.0, index: vec![0; found.ndim()], found: 0.0, expected: 0.0, magnitude };
        for (place, ((index, &found), &expected)) in found.indexed_iter().zip(&expected).enumerate() {
            let largest = apart(found, expected);
            if place == 0 || largest > most.largest {
                use ndarray::Dimension;
                most = Self { largest, index: index.as_array_view().to_vec(), found, expected, ..most };
            }
        }
        Ok(most)
    }

    /// The largest difference over the largest expected magnitude, `max_i |x_i − y_i| / max_i |y_i|`; zero where nothing
    /// differs.
    pub fn relative(&self) -> f64 {
        if self.largest == 0.0 { 0.0 } else { self.largest / self.magnitude }
    }
}

fn apart(found: f64, expected: f64) -> f64 {
    let same = found == expected || found.is_nan() && expected.is_nan();
    let difference = (found - expected).abs();
    match (same, difference.is_nan()) {
        (true, _) => 0.0,
        (false, true) => f64::INFINITY,
        (false, false) => difference,
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, arr0, array};

    use super::*;

    #[test]
    fn what_is_not_finite_agrees_with_itself_only() {
        let expected = array![f64::NAN, f64::INFINITY, 2.0].into_dyn();
        let compare = |found: [f64; 3]| {
            let found = Array::from_vec(found.to_vec()).into_dyn();
            Difference::between(found.view(), expected.view()).unwrap()
        };
        assert_eq!(compare([f64::NAN, f64::INFINITY, 2.0]).relative(), 0.0);
        assert_eq!(compare([f64::NAN, f64::INFINITY, 2.0]).magnitude, 2.0);
        let wrong = compare([0.0, f64::INFINITY, 1.0]);
        assert_eq!((wrong.largest, wrong.index), (f64::INFINITY, vec![0]));
        assert_eq!(compare([f64::NAN, f64::NEG_INFINITY, 2.0]).index, [1]);
    }

    #[test]
    fn single_numbers_and_nothing_are_compared_too() {
        let (one, two) = (arr0(1.0).into_dyn(), arr0(2.0).into_dyn());
        let difference = Difference::between(one.view(), two.view()).unwrap();
        assert_eq!((difference.relative(), difference.index.len()), (0.5, 0));
        let nothing = Array::zeros(vec![0, 3]);
        assert_eq!(Difference::between(nothing.view(), nothing.view()).unwrap().largest, 0.0);
        let zeros = Array::zeros(vec![1]);
        let ones = Array::ones(vec![1]);
        assert_eq!(Difference::between(ones.view(), zeros.view()).unwrap().relative(), f64::INFINITY);
    }

    #[test]
    fn shapes_have_to_be_the_same() {
        let error = Difference::between(Array::zeros(vec![1, 4]).view(), Array::zeros(vec![4]).view()).unwrap_err();
        assert!(error.to_string().contains("[1, 4]") && error.to_string().contains("[4]"), "{error}");
    }
}
