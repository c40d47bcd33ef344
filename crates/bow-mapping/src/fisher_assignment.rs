//! Fisher vectors of local features that are never all there at once.

use std::sync::Arc;

use multiversion::multiversion;
use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

use crate::GaussianMixture;
use crate::distance::contiguous;
use crate::lanes::sum_in_lanes;

/// An [`Assignment`](crate::Assignment) by Fisher vectors (Eq. 41): descriptors and posteriors, from which a value is
/// computed when it is looked at.
///
/// A mixture of K components over D dimensions makes `(2D + 1) K` values of a local feature, 8,256 for D = K = 64:
/// those of all features of a photo would be a hundred times as large as the photo. Pooling looks at one component
/// after the other, the relevance of a feature at one feature after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct FisherAssignment {
    mixture: Arc<GaussianMixture>,
    /// (L, D)
    descriptors: Array2<f64>,
    /// `γ`, (L, K)
    posteriors: Array2<f64>,
}

impl FisherAssignment {
    /// * `descriptors` — (L, D), in memory one after the other
    /// * `posteriors` — those of the mixture for them
    pub(crate) fn new(mixture: GaussianMixture, descriptors: Array2<f64>, posteriors: Array2<f64>) -> Self {
        Self { mixture: Arc::new(mixture), descriptors, posteriors }
    }

    /// L
    pub fn features(&self) -> usize {
        self.descriptors.nrows()
    }

    /// `(2D + 1) K`
    pub fn words(&self) -> usize {
        self.words_of_component() * self.mixture.component_count()
    }

    fn words_of_component(&self) -> usize {
        2 * self.mixture.dimensions() + 1
    }

    /// The assignment of some of the local features.
    ///
    /// # Panics
    /// When there is no such feature, as indexing does.
    #[must_use]
    pub fn select(&self, features: &[usize]) -> Self {
        Self {
            mixture: Arc::clone(&self.mixture),
            descriptors: self.descriptors.select(Axis(0), features),
            posteriors: self.posteriors.select(Axis(0), features),
        }
    }

    /// All values written out, (L, V).
    pub fn to_dense(&self) -> Array2<f64> {
        let mut dense = Array2::zeros((self.features(), self.words()));
        for (feature, mut row) in dense.rows_mut().into_iter().enumerate() {
            let mut values = vec![0.0; row.len()];
            self.write(feature, &mut values);
            row.iter_mut().zip(values).for_each(|(written, value)| *written = value);
        }
        dense
    }

    /// Folds each column over its values, feature by feature; several components at once.
    pub(crate) fn fold_columns<A: Clone + Send, C: Copy + Sync>(
        &self,
        start: A,
        context: &[C],
        step: impl Fn(&mut A, C, f64) + Sync,
    ) -> Vec<A> {
        let size = self.words_of_component();
        let mut columns = vec![start; self.words()];
        columns.par_chunks_mut(size).zip(context.par_chunks(size)).enumerate().for_each(
            |(component, (columns, context))| {
                let parameters = Component::new(&self.mixture, component);
                let mut values = vec![0.0; size];
                for (descriptor, &posterior) in
                    self.descriptors.rows().into_iter().zip(self.posteriors.column(component))
                {
                    parameters.write(posterior, &contiguous(descriptor), &mut values);
                    for ((column, &context), &value) in columns.iter_mut().zip(context).zip(&values) {
                        step(column, context, value);
                    }
                }
            },
        );
        columns
    }

    /// `Σ_d term(context_d, m_(d)(l))` of each feature `l`.
    pub(crate) fn sum_rows<C: Copy + Sync>(&self, context: &[C], term: impl Fn(C, f64) -> f64 + Sync) -> Array1<f64> {
        let sums = (0..self.features()).into_par_iter().map_init(
            || vec![0.0; self.words()],
            |values, feature| {
                self.write(feature, values);
                sum_in_lanes(context, values, &term)
            },
        );
        sums.collect::<Vec<f64>>().into()
    }

    /// The first value, by feature and then by word, for which `is_wrong`.
    pub(crate) fn find(&self, is_wrong: impl Fn(f64) -> bool) -> Option<(usize, usize, f64)> {
        let mut values = vec![0.0; self.words()];
        (0..self.features()).find_map(|feature| {
            self.write(feature, &mut values);
            values.iter().position(|&value| is_wrong(value)).map(|word| (feature, word, values[word]))
        })
    }

    /// Writes the values of one feature.
    fn write(&self, feature: usize, values: &mut [f64]) {
        let descriptor = contiguous(self.descriptors.row(feature));
        let components =
            self.posteriors.row(feature).into_iter().zip(values.chunks_exact_mut(self.words_of_component()));
        for (component, (&posterior, values)) in components.enumerate() {
            Component::new(&self.mixture, component).write(posterior, &descriptor, values);
        }
    }
}

/// The parameters of one component.
struct Component<'a> {
    weight: f64,
    mean: std::borrow::Cow<'a, [f64]>,
    deviation: std::borrow::Cow<'a, [f64]>,
}

impl<'a> Component<'a> {
    fn new(mixture: &'a GaussianMixture, component: usize) -> Self {
        let (mean, deviation) = mixture.component(component);
        Self { weight: mixture.weights()[component], mean: contiguous(mean), deviation: contiguous(deviation) }
    }

    /// Writes the dimensions of this component for one feature (Eq. 41).
    fn write(&self, posterior: f64, descriptor: &[f64], values: &mut [f64]) {
        let root = self.weight.sqrt();
        let (of_means, of_variances) = values[1..].split_at_mut(descriptor.len());
        write_gradients(posterior / root, descriptor, &self.mean, &self.deviation, of_means, of_variances);
        values[0] = (posterior - self.weight) / root;
    }
}

/// Writes the dimensions of means and variances; `share` is `γ / √w`.
#[multiversion(targets("x86_64+avx2"))]
fn write_gradients(
    share: f64,
    descriptor: &[f64],
    mean: &[f64],
    deviation: &[f64],
    of_means: &mut [f64],
    of_variances: &mut [f64],
) {
    let gradients = of_means.iter_mut().zip(of_variances);
    for ((((of_mean, of_variance), value), mean), deviation) in gradients.zip(descriptor).zip(mean).zip(deviation) {
        let normalized = (value - mean) / deviation;
        *of_mean = share * normalized;
        *of_variance = share * (normalized * normalized - 1.0) / std::f64::consts::SQRT_2;
    }
}
