//! A classifier of photos: scores, and explanations to the pixel.

use std::sync::Arc;

use bow_classifier::{BowModel, PixelDecomposition, TaylorThirdLayer, ThirdLayer, pixel_wise_decomposition};
use kernels::{Coefficients, ExpansionTerm, Kernel, KernelExpansion, ZeroQuotient, values_of_all};
use ndarray::{ArcArray2, Array1, Array2, ArrayView1, ArrayView2, ArrayView3, ArrayViewD, Axis, Ix3, s};
use rayon::prelude::*;
use relevance::{Candidates, ExplainError, ExplainableClassifier, Explanation, RandomizableClassifier, RootSearch};
use serde::{Deserialize, Serialize};

use crate::{Configuration, Error, Vocabulary};

/// Tells which classes a photo shows, and why.
///
/// The classes share the vocabulary; each has a machine of its own, learned here ([`train`](Self::train)) or elsewhere
/// ([`from_expansions`](Self::from_expansions)). Machines that were learned here also share one copy of the training
/// vectors, of which each keeps its coefficients alone.
#[derive(Clone, Debug, PartialEq)]
pub struct PhotoClassifier {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) machines: Machines,
    models: Vec<BowModel>,
}

/// The machines of the classes, as they stand in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Machines {
    Learned(Box<Learned>),
    /// From elsewhere: each class, and its score as a function of a photo's vector.
    Given(Vec<(String, KernelExpansion)>),
}

/// Machines that share kernels and training vectors; each has its own coefficients and kernel weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Learned {
    pub(crate) configuration: Configuration,
    pub(crate) kernels: Vec<Kernel>,
    /// The training vectors, (N, V): one copy, of which every class's machine and candidates for roots are views.
    pub(crate) points: ArcArray2<f64>,
    pub(crate) classes: Vec<Class>,
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
    /// Joins a vocabulary and the machines over its vectors.
    pub(crate) fn new(vocabulary: Vocabulary, machines: Machines) -> Result<Self, Error> {
        let models = machines.models(&vocabulary)?;
        Ok(Self { vocabulary, machines, models })
    }

    /// The classifier of machines that were learned elsewhere over a vocabulary's vectors: whatever becomes a
    /// [`KernelExpansion`], as the models of LIBSVM and linfa-svm do ([`bow_classifier::convert`]).
    ///
    /// * `expansions` — the name of each class, and `f` as a function of a photo's vector
    ///
    /// Where a kernel is explained about a root point, roots are searched towards the support vectors: of the training
    /// vectors a machine keeps no others.
    ///
    /// ```
    /// use bow_classifier::convert::{LibsvmVectors, expansion_from_libsvm};
    /// use bow_photos::{Configuration, PhotoClassifier, Vocabulary};
    /// use kernels::{HistogramIntersection, Kernel, gram};
    /// use libsvm_rs::io::save_model_to_writer;
    /// use libsvm_rs::train::svm_train;
    /// use libsvm_rs::{KernelType, SvmNode, SvmParameterBuilder, SvmProblem};
    /// # use std::path::PathBuf;
    /// # let folder = tempfile::tempdir()?;
    /// # let photos: Vec<PathBuf> = (0..8).map(|index| folder.path().join(format!("{index}.png"))).collect();
    /// # for (index, photo) in photos.iter().enumerate() {
    /// #     let picture = image::RgbImage::from_fn(48, 40, |x, y| {
    /// #         let along = f64::from(if index % 2 == 0 { x } else { y });
    /// #         image::Rgb([(128.0 + 90.0 * (0.5 * along + index as f64).sin()) as u8, 99, 30 * (index % 2) as u8])
    /// #     });
    /// #     picture.save(photo)?;
    /// # }
    ///
    /// // Photos as vectors: eight pictures of stripes, steep and flat by turns.
    /// let configuration = Configuration { sample: 400, ..Configuration::voc2009().with_words(&[16, 16, 8])? };
    /// let (vocabulary, _) = Vocabulary::learn(&configuration, &photos, None, &())?;
    /// let vectors = vocabulary.vectors(&photos, None, &())?.values;
    /// let labels: Vec<f64> = (0..8).map(|index| if index % 2 == 0 { 1.0 } else { -1.0 }).collect();
    ///
    /// // Somewhere else: LIBSVM on their Gram matrix (`svm-train -t 4`), whose model is a text.
    /// let kernel = Kernel::from(HistogramIntersection);
    /// let instances = gram(&kernel, vectors.view(), vectors.view())?;
    /// let instances = instances.rows().into_iter().enumerate().map(|(serial, row)| {
    ///     let values = std::iter::once(serial as f64 + 1.0).chain(row.to_vec());
    ///     values.zip(0..).map(|(value, index)| SvmNode { index, value }).collect()
    /// });
    /// let problem = SvmProblem { labels, instances: instances.collect() };
    /// # libsvm_rs::set_quiet(true);
    /// let parameters = SvmParameterBuilder::new().kernel_type(KernelType::Precomputed).shrinking(false).build()?;
    /// let mut file = Vec::new();
    /// save_model_to_writer(&mut file, &svm_train(&problem, &parameters))?;
    ///
    /// // Back here: the same machine, explained, and kept like any other.
    /// let vectors = LibsvmVectors::Precomputed { kernel, training: vectors.view() };
    /// let expansion = expansion_from_libsvm(&file[..], vectors, 1)?;
    /// let classifier = PhotoClassifier::from_expansions(vocabulary, vec![("steep".to_owned(), expansion)])?;
    /// let photo = images::to_unit_range(images::read(&photos[0])?.view());
    /// let found = classifier.decompose(photo.view(), 0)?;
    /// assert!(found.score > 0.0);
    /// assert!((found.pixels.sum() - found.score).abs() < 1e-12); // Σ R¹ = f
    /// classifier.save(folder.path().join("stripes.model"))?;
    /// assert_eq!(PhotoClassifier::load(folder.path().join("stripes.model"))?, classifier);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// An expansion over vectors of another length than the vocabulary's, or with kernels that can't be explained
    /// together: one without a derivative beside one that is no sum over dimensions.
    pub fn from_expansions(vocabulary: Vocabulary, expansions: Vec<(String, KernelExpansion)>) -> Result<Self, Error> {
        Self::new(vocabulary, Machines::Given(expansions))
    }

    /// How its machines were learned; `None` for those from elsewhere.
    pub fn configuration(&self) -> Option<&Configuration> {
        match &self.machines {
            Machines::Learned(learned) => Some(&learned.configuration),
            Machines::Given(_) => None,
        }
    }

    /// What makes vectors of photos.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The names of its classes.
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        self.machines.names().into_iter()
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
        let expansions: Vec<&KernelExpansion> = self.models.iter().map(BowModel::expansion).collect();
        Ok(values_of_all(&expansions, vectors)?)
    }

    /// `f` of an image H×W×C in [0, 1] for each class.
    ///
    /// # Errors
    /// An image that is too small, or has values that are not finite.
    pub fn scores_of_image(&self, image: ArrayView3<'_, f64>) -> Result<Array1<f64>, Error> {
        let vector = self.vocabulary.bag(image)?.vector;
        Ok(self.scores_of_vectors(vector.view().insert_axis(Axis(0)))?.row(0).to_owned())
    }

    /// The class with the highest score, by its position; the first of several.
    ///
    /// * `vector` — of a photo, (V)
    ///
    /// # Errors
    /// As for [`scores_of_vectors`](Self::scores_of_vectors).
    pub fn predicted(&self, vector: ArrayView1<'_, f64>) -> Result<usize, Error> {
        let scores = self.scores_of_vectors(vector.insert_axis(Axis(0)))?;
        let highest = scores.iter().enumerate().fold((0, f64::NEG_INFINITY), |highest, (class, &score)| {
            if score > highest.1 { (class, score) } else { highest }
        });
        Ok(highest.0)
    }

    /// Explains the score of an image for one class: Algorithm 1, with Eqs 24, 27 and 34 for the paper's configuration.
    ///
    /// # Errors
    /// As for [`scores_of_image`](Self::scores_of_image), [`Error::Class`], and no root point where one is needed.
    pub fn decompose(&self, image: ArrayView3<'_, f64>, class: usize) -> Result<PixelDecomposition, Error> {
        Ok(pixel_wise_decomposition(self.model(class)?, &self.vocabulary.bag(image)?)?)
    }
}

impl Machines {
    fn names(&self) -> Vec<&str> {
        match self {
            Self::Learned(learned) => learned.classes.iter().map(|class| class.name.as_str()).collect(),
            Self::Given(given) => given.iter().map(|(name, _)| name.as_str()).collect(),
        }
    }

    fn models(&self, vocabulary: &Vocabulary) -> Result<Vec<BowModel>, Error> {
        let encoders = vocabulary.encoders().into();
        let model = |expansion: KernelExpansion, points| {
            let third_layer = third_layer(&expansion, points)?;
            Ok(BowModel::new(Arc::clone(&encoders), expansion, third_layer)?)
        };
        match self {
            Self::Learned(learned) => {
                let expansions = learned.classes.iter().map(|class| learned.expansion(vocabulary, class));
                expansions.map(|expansion| model(expansion?, learned.points.clone())).collect()
            }
            // Of the training vectors, these have their support vectors alone.
            Self::Given(given) => {
                given.iter().map(|(_, expansion)| model(expansion.clone(), expansion.support().into_shared())).collect()
            }
        }
    }
}

impl Learned {
    /// The machine of a class, over the support vectors of all.
    fn expansion(&self, vocabulary: &Vocabulary, class: &Class) -> Result<KernelExpansion, Error> {
        let mut terms = Vec::with_capacity(self.kernels.len());
        let mut begin = 0;
        for ((channel, kernel), &weight) in vocabulary.channels.iter().zip(&self.kernels).zip(&class.weights) {
            let end = begin + channel.dimensions();
            let support = self.points.clone().slice_move(s![.., begin..end]);
            terms.push(ExpansionTerm { kernel: *kernel, weight, support });
            begin = end;
        }
        let coefficients = Coefficients::Shared(class.coefficients.clone());
        Ok(KernelExpansion::new(terms, coefficients, class.bias)?)
    }
}

/// Eq. 24 where all kernels are sum-decomposable, else Eq. 25 with these points, (N, V), as candidates.
fn third_layer(expansion: &KernelExpansion, points: ArcArray2<f64>) -> Result<ThirdLayer, Error> {
    if expansion.is_sum_decomposable() {
        return Ok(ThirdLayer::SumDecomposition);
    }
    let zero_quotient = ZeroQuotient::default();
    let candidates = Candidates::new(&expansion.differentiable(zero_quotient)?, points)?;
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

/// Layers are those of the [models](BowModel::randomized); what changes places, changes them in the same way for all
/// classes.
impl RandomizableClassifier for PhotoClassifier {
    fn layers(&self) -> Vec<String> {
        self.models.first().map(BowModel::layers).unwrap_or_default()
    }

    fn randomized(&self, layer: usize, seed: u64) -> Result<Box<dyn RandomizableClassifier>, ExplainError> {
        let models = self.models.iter().map(|model| model.randomized(layer, seed));
        Ok(Box::new(Self { models: models.collect::<Result<_, _>>()?, ..self.clone() }))
    }
}

fn image_view<'a>(input: &'a ArrayViewD<'_, f64>) -> Result<ArrayView3<'a, f64>, bow_classifier::Error> {
    let rank = |_| bow_classifier::Error::ImageRank { shape: input.shape().to_vec() };
    input.view().into_dimensionality::<Ix3>().map_err(rank)
}
