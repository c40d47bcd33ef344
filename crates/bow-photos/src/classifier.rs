//! A classifier of photos: scores, and explanations to the pixel.

use bow_classifier::{BowModel, PixelDecomposition, TaylorThirdLayer, ThirdLayer, pixel_wise_decomposition};
use kernels::{Coefficients, ExpansionTerm, Kernel, KernelExpansion, ZeroQuotient};
use ndarray::{Array1, Array2, ArrayView2, ArrayView3, ArrayViewD, Axis, Ix3};
use rayon::prelude::*;
use relevance::{Candidates, ExplainError, ExplainableClassifier, Explanation, RootSearch};
use serde::{Deserialize, Serialize};

use crate::{Configuration, Error, Vocabulary};

/// Tells which classes a photo shows, and why.
///
/// The classes share vocabulary, kernels and training vectors; each has its own coefficients and kernel weights.
#[derive(Clone, Debug, PartialEq)]
pub struct PhotoClassifier {
    pub(crate) configuration: Configuration,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) kernels: Vec<Kernel>,
    pub(crate) points: Array2<f64>,
    pub(crate) classes: Vec<Class>,
    models: Vec<BowModel>,
}

/// What is learned for one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Class {
    pub(crate) name: String,
    /// `β_u`
    pub(crate) weights: Vec<f64>,
    /// `α_i y_i`, one for each training photo.
    pub(crate) coefficients: Array1<f64>,
    /// `b`
    pub(crate) bias: f64,
}

impl PhotoClassifier {
    pub(crate) fn new(
        configuration: Configuration,
        vocabulary: Vocabulary,
        kernels: Vec<Kernel>,
        points: Array2<f64>,
        classes: Vec<Class>,
    ) -> Result<Self, Error> {
        let models = classes.iter().map(|class| model(&vocabulary, &kernels, points.view(), class));
        let models = models.collect::<Result<_, _>>()?;
        Ok(Self { configuration, vocabulary, kernels, points, classes, models })
    }

    /// How it was learned.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// What makes vectors of photos.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The names of its classes.
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        self.classes.iter().map(|class| class.name.as_str())
    }

    /// Everything above the local features for one class, which any other code of this workspace can explain.
    ///
    /// # Errors
    /// [`Error::Class`]
    pub fn model(&self, class: usize) -> Result<&BowModel, Error> {
        self.models.get(class).ok_or(Error::Class { class, classes: self.models.len() })
    }

    /// `f` of photos for each class, (N, classes).
    ///
    /// * `vectors` — of the photos, (N, V)
    ///
    /// # Errors
    /// Vectors of another length, or that the kernels do not take.
    pub fn scores_of_vectors(&self, vectors: ArrayView2<'_, f64>) -> Result<Array2<f64>, Error> {
        let mut scores = Array2::zeros((vectors.nrows(), self.models.len()));
        for (model, mut of_class) in self.models.iter().zip(scores.columns_mut()) {
            of_class.assign(&model.expansion().values(vectors)?);
        }
        Ok(scores)
    }

    /// `f` of an image H×W×C in [0, 1] for each class.
    ///
    /// # Errors
    /// An image that is too small, or has values that are not finite.
    pub fn scores_of_image(&self, image: ArrayView3<'_, f64>) -> Result<Array1<f64>, Error> {
        let vector = self.vocabulary.bag(image)?.vector;
        self.models.iter().map(|model| Ok(model.score(vector.view())?)).collect()
    }

    /// Explains the score of an image for one class: Algorithm 1, with Eqs 24, 27 and 34 for the paper's configuration.
    ///
    /// # Errors
    /// As for [`scores_of_image`](Self::scores_of_image), [`Error::Class`], and no root point where one is needed.
    pub fn decompose(&self, image: ArrayView3<'_, f64>, class: usize) -> Result<PixelDecomposition, Error> {
        Ok(pixel_wise_decomposition(self.model(class)?, &self.vocabulary.bag(image)?)?)
    }
}

fn model(
    vocabulary: &Vocabulary,
    kernels: &[Kernel],
    points: ArrayView2<'_, f64>,
    class: &Class,
) -> Result<BowModel, Error> {
    let mut terms = Vec::with_capacity(kernels.len());
    let mut rest = points;
    for ((channel, kernel), &weight) in vocabulary.channels.iter().zip(kernels).zip(&class.weights) {
        let (support, others) = rest.split_at(Axis(1), channel.dimensions());
        rest = others;
        terms.push(ExpansionTerm { kernel: *kernel, weight, support: support.to_owned() });
    }
    let coefficients = Coefficients::Shared(class.coefficients.clone());
    let expansion = KernelExpansion::new(terms, coefficients, class.bias)?.sparsified();
    let third_layer = third_layer(&expansion, points)?;
    Ok(BowModel::new(vocabulary.encoders(), expansion, third_layer)?)
}

/// Eq. 24 where all kernels are sum-decomposable, else Eq. 25 with the training vectors as candidates.
fn third_layer(expansion: &KernelExpansion, points: ArrayView2<'_, f64>) -> Result<ThirdLayer, Error> {
    if expansion.is_sum_decomposable() {
        return Ok(ThirdLayer::SumDecomposition);
    }
    let zero_quotient = ZeroQuotient::default();
    let candidates = Candidates::new(&expansion.differentiable(zero_quotient)?, points.to_owned())?;
    Ok(ThirdLayer::Taylor(TaylorThirdLayer { search: RootSearch::default(), zero_quotient, candidates }))
}

impl ExplainableClassifier for PhotoClassifier {
    fn targets(&self) -> usize {
        self.models.len()
    }

    fn channel_axis(&self) -> Option<Axis> {
        Some(Axis(2))
    }

    fn scores(&self, inputs: &[ArrayViewD<'_, f64>]) -> Result<Array2<f64>, ExplainError> {
        let rows = inputs.par_iter().map(|input| Ok(self.scores_of_image(image_view(input)?)?));
        let rows = rows.collect::<Result<Vec<Array1<f64>>, ExplainError>>()?;
        let scores = rows.into_iter().flatten().collect();
        Ok(Array2::from_shape_vec((inputs.len(), self.models.len()), scores)?)
    }

    fn explain(&self, input: ArrayViewD<'_, f64>, target: usize) -> Result<Explanation, ExplainError> {
        let found = self.decompose(image_view(&input)?, target)?;
        Ok(Explanation { score: found.score, relevance: found.pixels.into_dyn(), ledger: found.ledger })
    }
}

fn image_view<'a>(input: &'a ArrayViewD<'_, f64>) -> Result<ArrayView3<'a, f64>, bow_classifier::Error> {
    let rank = |_| bow_classifier::Error::ImageRank { shape: input.shape().to_vec() };
    input.view().into_dimensionality::<Ix3>().map_err(rank)
}
