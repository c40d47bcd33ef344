//! What training makes small.

use ndarray::{Array2, ArrayView1, ArrayView2};

use neural_lrp::Real;

/// The softmax cross-entropy of scores (samples × classes) against the classes that are right, as a mean over the
/// samples, and its gradient by the scores.
///
/// ```text
/// L = −1/N Σ_n log p_n,k(n)        ∂L/∂s_nk = (p_nk − [k = k(n)]) / N        p_n = softmax(s_n)
/// ```
pub(super) fn softmax_cross_entropy<F: Real>(scores: ArrayView2<'_, F>, classes: &[usize]) -> (f64, Array2<F>) {
    let samples = F::of(scores.nrows().max(1) as f64);
    let mut gradient = scores.to_owned();
    let mut loss = 0.0;
    for (mut row, &class) in gradient.rows_mut().into_iter().zip(classes) {
        let largest = row.fold(F::neg_infinity(), |largest, &score| largest.max(score));
        let own = row[class] - largest;
        row.mapv_inplace(|score| (score - largest).exp());
        let sum = row.sum();
        loss += (sum.ln() - own).as_();
        row.mapv_inplace(|value| value / sum / samples);
        row[class] -= F::one() / samples;
    }
    (loss / samples.as_(), gradient)
}

/// Which share of the samples (samples × classes) has its highest score at its class; the first of equal scores counts.
///
/// ```
/// use ndarray::array;
/// use perceptrons::accuracy;
///
/// assert_eq!(accuracy(array![[0.1, 0.9], [0.8, 0.2], [2.0, 1.0], [0.0, 1.0]].view(), &[1, 0, 0, 0]), 0.75);
/// ```
pub fn accuracy<F: Real>(scores: ArrayView2<'_, F>, classes: &[usize]) -> f64 {
    let highest = |row: ArrayView1<'_, F>| {
        let mut scores = row.iter().enumerate();
        let first = scores.next()?;
        Some(scores.fold(first, |best, next| if next.1 > best.1 { next } else { best }).0)
    };
    let right = scores.rows().into_iter().zip(classes).filter(|(row, class)| highest(*row) == Some(**class)).count();
    right as f64 / classes.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let scores = array![[0.3, -1.2, 2.0], [4.0, 0.1, -0.4]];
        let classes = [2, 1];
        let (_, gradient) = softmax_cross_entropy(scores.view(), &classes);
        let step = 1e-5;
        for (place, &slope) in gradient.indexed_iter() {
            let loss = |change: f64| {
                let mut scores = scores.clone();
                scores[place] += change;
                softmax_cross_entropy(scores.view(), &classes).0
            };
            assert!((slope - (loss(step) - loss(-step)) / (2.0 * step)).abs() < 1e-9);
        }
    }

    #[test]
    fn equal_scores_say_nothing() {
        let (loss, gradient) = softmax_cross_entropy(array![[0.0, 0.0]].view(), &[1]);
        assert_eq!((loss, gradient), (2f64.ln(), array![[0.5, -0.5]]));
    }

    #[test]
    fn large_scores_do_not_overflow() {
        let (loss, gradient) = softmax_cross_entropy(array![[1e4f32, -1e4]].view(), &[1]);
        assert_eq!((loss, gradient), (2e4, array![[1.0, -1.0]]));
    }
}
