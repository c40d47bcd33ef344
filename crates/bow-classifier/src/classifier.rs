//! A classifier of images: scores, and explanations to the pixel.

use std::sync::Arc;

use kernels::{Coefficients, ExpansionTerm, Kernel, KernelExpansion, ZeroQuotient, values_of_all};
use local_features::Extractor;
use ndarray::{ArcArray2, Array1, Array2, ArrayView1, ArrayView2, ArrayView3, ArrayViewD, Axis, Ix3, s};
use rayon::prelude::*;
use relevance::{Candidates, ExplainError, ExplainableClassifier, Explanation, RandomizableClassifier, RootSearch};
use serde::{Deserialize, Serialize};

use crate::vocabulary::Channel;
use crate::{
    Bag, BowModel, Configuration, Error, PixelDecomposition, Pyramid, TaylorThirdLayer, ThirdLayer, Tiling, Vocabulary,
    decompose_tiles, pixel_wise_decomposition,
};

/// What the class of a machine is called that has no name of its own: images of it score above 0.
pub(crate) const UNNAMED: &str = "positive";

/// A Bag-of-Words classifier: tells which classes an image shows, and why.
///
/// Images are H×W×C in [0, 1], with one or three channels. The classes share the vocabulary; each has a machine of its own,
/// learned here ([`learn`](Self::learn), [`train`](Self::train)) or elsewhere ([`from_expansions`](Self::from_expansions)).
/// Machines that were learned here also share one copy of the training vectors, of which each keeps its coefficients alone.
///
/// An image is described as a whole, or cut into tiles ([`with_tiling`](Self::with_tiling)), as the paper's Fig. 6 does.
/// An example stands at the head of the [crate](crate).
#[derive(Clone, Debug, PartialEq)]
pub struct BowClassifier {
    vocabulary: Vocabulary,
    machines: Machines,
    tiling: Option<Tiling>,
    models: Vec<BowModel>,
}

/// The machines of the classes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Machines {
    /// Learned here.
    Learned(Box<Learned>),
    /// From elsewhere: the name of each class.
    Given(Vec<String>),
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
    /// `α_i y_i`, one for each training image.
    pub(crate) coefficients: Array1<f64>,
    /// `b`
    pub(crate) bias: f64,
}

/// An image, explained.
#[derive(Clone, Debug)]
pub struct ExplainedImage {
    /// Of all classes.
    pub scores: Array1<f64>,
    /// The classes that were asked for, each once.
    pub classes: Vec<ExplainedClass>,
}

/// A class of an image, explained.
#[derive(Clone, Debug)]
pub struct ExplainedClass {
    /// The class's position.
    pub class: usize,
    /// Its score, decomposed over the pixels. Of an image in several tiles the score is the sum of theirs, and the relevance
    /// of a pixel the mean over the tiles that hold it.
    pub explanation: Explanation,
}

impl BowClassifier {
    /// A classifier of one class: joins the extractors of local features with the model above them, one extractor for each
    /// of its encoders.
    ///
    /// # Errors
    /// [`Error::Channels`] when there are not as many extractors as encoders; [`Error::Descriptors`] when an
    /// extractor's descriptors are not those that the encoder's mapping takes.
    pub fn new(extractors: Vec<Extractor>, model: BowModel) -> Result<Self, Error> {
        if extractors.len() != model.encoders().len() {
            return Err(Error::Channels { extractors: extractors.len(), encoders: model.encoders().len() });
        }
        let channels = extractors.into_iter().zip(model.encoders()).map(|(extractor, encoder)| Channel {
            extractor,
            encoder: encoder.clone(),
            pyramid: Pyramid::default(),
        });
        let vocabulary = Vocabulary::new(channels.collect())?;
        Ok(Self::of_models(vocabulary, vec![(UNNAMED.to_owned(), model)]))
    }

    /// Joins a vocabulary and machines that were learned over its vectors.
    pub(crate) fn of_machines(vocabulary: Vocabulary, machines: Machines) -> Result<Self, Error> {
        let models = match &machines {
            Machines::Learned(learned) => learned.models(&vocabulary)?,
            Machines::Given(_) => Vec::new(),
        };
        Ok(Self { vocabulary, machines, tiling: None, models })
    }

    /// Joins a vocabulary and models over its vectors, with the names of their classes.
    pub(crate) fn of_models(vocabulary: Vocabulary, models: Vec<(String, BowModel)>) -> Self {
        let (names, models) = models.into_iter().unzip();
        Self { vocabulary, machines: Machines::Given(names), tiling: None, models }
    }

    /// The classifier of machines that were learned elsewhere over a vocabulary's vectors: whatever becomes a
    /// [`KernelExpansion`], as the models of LIBSVM and linfa-svm do ([`convert`](crate::convert)).
    ///
    /// * `expansions` — the name of each class, and `f` as a function of an image's vector
    ///
    /// Where a kernel is explained about a root point, roots are searched towards the support vectors: of the training
    /// vectors a machine keeps no others.
    ///
    /// ```
    /// use bow_classifier::convert::{LibsvmVectors, expansion_from_libsvm};
    /// use bow_classifier::{BowClassifier, Configuration, Vocabulary};
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
    /// let (vocabulary, _) = Vocabulary::learn(&configuration, &photos[..], None, &())?;
    /// let vectors = vocabulary.vectors(&photos[..], None, &())?.values;
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
    /// let classifier = BowClassifier::from_expansions(vocabulary, vec![("steep".to_owned(), expansion)])?;
    /// let photo = images::to_unit_range(images::read(&photos[0])?.view());
    /// let found = classifier.decompose(photo.view(), 0)?;
    /// assert!(found.score > 0.0);
    /// assert!((found.pixels.sum() - found.score).abs() < 1e-12); // Σ R¹ = f
    /// classifier.save(folder.path().join("stripes.model"))?;
    /// assert_eq!(BowClassifier::load(folder.path().join("stripes.model"))?, classifier);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// An expansion over vectors of another length than the vocabulary's, or with kernels that can't be explained
    /// together: one without a derivative beside one that is no sum over dimensions.
    pub fn from_expansions(vocabulary: Vocabulary, expansions: Vec<(String, KernelExpansion)>) -> Result<Self, Error> {
        let encoders = vocabulary.encoders().into();
        let models = expansions.into_iter().map(|(name, expansion)| {
            // Of the training vectors, these have their support vectors alone.
            let points = expansion.support().into_shared();
            let third_layer = third_layer(&expansion, points, RootSearch::default())?;
            Ok((name, BowModel::new(Arc::clone(&encoders), expansion, third_layer)?))
        });
        let models = models.collect::<Result<_, Error>>()?;
        Ok(Self::of_models(vocabulary, models))
    }

    /// The same classifier for images that are cut into tiles, each described and explained on its own; `None` for images
    /// as a whole.
    #[must_use]
    pub fn with_tiling(self, tiling: impl Into<Option<Tiling>>) -> Self {
        Self { tiling: tiling.into(), ..self }
    }

    /// The same classifier, explained about root points that are searched in another way
    /// ([`BowModel::with_search`]).
    #[must_use]
    pub fn with_search(mut self, search: RootSearch) -> Self {
        if let Machines::Learned(learned) = &mut self.machines {
            learned.configuration.search = search;
        }
        self.models = self.models.into_iter().map(|model| model.with_search(search)).collect();
        self
    }

    /// How its machines were learned; `None` for those from elsewhere.
    pub fn configuration(&self) -> Option<&Configuration> {
        match &self.machines {
            Machines::Learned(learned) => Some(&learned.configuration),
            Machines::Given(_) => None,
        }
    }

    pub(crate) fn machines(&self) -> &Machines {
        &self.machines
    }

    /// What makes vectors of images.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// How images are cut; `None` for images as a whole.
    pub fn tiling(&self) -> Option<Tiling> {
        self.tiling
    }

    /// The names of its classes.
    pub fn classes(&self) -> impl Iterator<Item = &str> {
        let names: Vec<&str> = match &self.machines {
            Machines::Learned(learned) => learned.classes.iter().map(|class| class.name.as_str()).collect(),
            Machines::Given(names) => names.iter().map(String::as_str).collect(),
        };
        names.into_iter()
    }

    /// Everything above the local features for one class, which any other code of this workspace can explain.
    ///
    /// # Errors
    /// [`Error::Class`]
    pub fn model(&self, class: usize) -> Result<&BowModel, Error> {
        self.models.get(class).ok_or(Error::Class { class, classes: self.models.len() })
    }

    /// One for each class.
    pub(crate) fn models(&self) -> &[BowModel] {
        &self.models
    }

    /// The forward half up to `x`, of an image as a whole: local features, mapped and pooled.
    ///
    /// # Errors
    /// As for [`Vocabulary::bag`].
    pub fn bag(&self, image: ArrayView3<'_, f64>) -> Result<Bag, Error> {
        self.vocabulary.bag(image)
    }

    /// `f` of images for each class, (N, classes).
    ///
    /// * `vectors` — of the images, (N, V)
    ///
    /// # Errors
    /// Vectors of another length, or that the kernels do not take.
    pub fn scores_of_vectors(&self, vectors: ArrayView2<'_, f64>) -> Result<Array2<f64>, Error> {
        let expansions: Vec<&KernelExpansion> = self.models.iter().map(BowModel::expansion).collect();
        Ok(values_of_all(&expansions, vectors)?)
    }

    /// `f` of an image for each class. Of an image in several tiles it is the sum of theirs.
    ///
    /// # Errors
    /// An image that is too small, or has values that are not finite.
    pub fn scores_of_image(&self, image: ArrayView3<'_, f64>) -> Result<Array1<f64>, Error> {
        let (height, width, _) = image.dim();
        let mut sums = Array1::zeros(self.models.len());
        for tile in self.tiling.unwrap_or(Tiling::WHOLE).tiles(height, width)? {
            let vector = self.bag(tile.of(&image))?.vector;
            sums += &self.scores_of_vectors(vector.view().insert_axis(Axis(0)))?.row(0);
        }
        Ok(sums)
    }

    /// The class with the highest score, by its position; the first of several.
    ///
    /// * `vector` — of an image, (V)
    ///
    /// # Errors
    /// As for [`scores_of_vectors`](Self::scores_of_vectors).
    pub fn predicted(&self, vector: ArrayView1<'_, f64>) -> Result<usize, Error> {
        Ok(highest(&self.scores_of_vectors(vector.insert_axis(Axis(0)))?.row(0)))
    }

    /// Explains the score of an image as a whole for one class: Algorithm 1.
    ///
    /// # Errors
    /// As for [`bag`](Self::bag) and [`pixel_wise_decomposition`], and [`Error::Class`].
    pub fn decompose(&self, image: ArrayView3<'_, f64>, class: usize) -> Result<PixelDecomposition, Error> {
        pixel_wise_decomposition(self.model(class)?, &self.bag(image)?)
    }

    /// Explains classes of an image, as a whole or in tiles, each class once. `None` is the class with the highest score.
    ///
    /// # Errors
    /// A class that does not exist, or an image that can't be described.
    pub fn explain_image(
        &self,
        image: ArrayView3<'_, f64>,
        classes: &[Option<usize>],
    ) -> Result<ExplainedImage, Error> {
        let bag = if self.tiling.is_none() { Some(self.bag(image)?) } else { None };
        let scores = match &bag {
            Some(bag) => self.scores_of_vectors(bag.vector.view().insert_axis(Axis(0)))?.row(0).to_owned(),
            None => self.scores_of_image(image)?,
        };
        let mut wanted = Vec::new();
        for class in classes {
            let class = class.unwrap_or_else(|| highest(&scores.view()));
            if !wanted.contains(&class) {
                wanted.push(class);
            }
        }
        let explain = |class: usize| {
            let explanation = match (&bag, self.tiling) {
                (Some(bag), _) => Explanation::from(pixel_wise_decomposition(self.model(class)?, bag)?),
                (None, tiling) => {
                    let found = decompose_tiles(self, image, class, tiling.unwrap_or(Tiling::WHOLE))?;
                    let score = found.scores.iter().map(|(_, score)| score).sum();
                    Explanation { score, relevance: found.pixels.into_dyn(), ledger: found.ledger }
                }
            };
            Ok(ExplainedClass { class, explanation })
        };
        let classes = wanted.into_iter().map(explain).collect::<Result<_, Error>>()?;
        Ok(ExplainedImage { scores, classes })
    }
}

impl From<PixelDecomposition> for Explanation {
    fn from(found: PixelDecomposition) -> Self {
        Self { score: found.score, relevance: found.pixels.into_dyn(), ledger: found.ledger }
    }
}

/// The position of the highest score; the first of several.
fn highest(scores: &ArrayView1<'_, f64>) -> usize {
    let highest = scores.iter().enumerate().fold((0, f64::NEG_INFINITY), |highest, (class, &score)| {
        if score > highest.1 { (class, score) } else { highest }
    });
    highest.0
}

impl Learned {
    /// One for each class; all share the encoders and the training vectors.
    fn models(&self, vocabulary: &Vocabulary) -> Result<Vec<BowModel>, Error> {
        let encoders = vocabulary.encoders().into();
        let model = |class| {
            let expansion = self.expansion(vocabulary, class)?;
            let third_layer = third_layer(&expansion, self.points.clone(), self.configuration.search)?;
            BowModel::new(Arc::clone(&encoders), expansion, third_layer)
        };
        self.classes.iter().map(model).collect()
    }

    /// The machine of a class, over the support vectors of all.
    fn expansion(&self, vocabulary: &Vocabulary, class: &Class) -> Result<KernelExpansion, Error> {
        let mut terms = Vec::with_capacity(self.kernels.len());
        let mut begin = 0;
        for ((channel, kernel), &weight) in vocabulary.channels().iter().zip(&self.kernels).zip(&class.weights) {
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
fn third_layer(expansion: &KernelExpansion, points: ArcArray2<f64>, search: RootSearch) -> Result<ThirdLayer, Error> {
    if expansion.is_sum_decomposable() {
        return Ok(ThirdLayer::SumDecomposition);
    }
    let zero_quotient = ZeroQuotient::default();
    let candidates = Candidates::new(&expansion.differentiable(zero_quotient)?, points)?;
    Ok(ThirdLayer::Taylor(TaylorThirdLayer { search, zero_quotient, candidates }))
}

impl ExplainableClassifier for BowClassifier {
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
        let explained = self.explain_image(image_view(&input)?, &[Some(target)])?.classes.into_iter().next();
        Ok(explained.unwrap_or_else(|| unreachable!("one class was asked for")).explanation)
    }
}

/// Layers are those of the [models](BowModel::randomized); what changes places, changes them in the same way for all
/// classes.
///
/// ```
/// # use bow_classifier::{BowClassifier, BowModel, Encoder, ThirdLayer};
/// # use bow_mapping::{Codebook, Hard, Normalization, Pooling};
/// # use kernels::{Coefficients, ExpansionTerm, HistogramIntersection, KernelExpansion};
/// # use local_features::{DenseSift, FeatureExtractor};
/// # use ndarray::{Array2, array};
/// # use relevance::RandomizableClassifier;
/// # let extractor = DenseSift::default();
/// # let words = Array2::from_shape_fn((2, extractor.dimensions()), |(word, column)| (word * column) as f64);
/// # let encoder = Encoder {
/// #     mapping: Hard::new(Codebook::new(words)?).into(),
/// #     pooling: Pooling::MEAN,
/// #     normalization: Normalization::L1,
/// # };
/// # let support = array![[1.0, 0.0], [0.0, 1.0]];
/// # let term = ExpansionTerm { kernel: HistogramIntersection.into(), weight: 1.0, support: support.into() };
/// # let expansion = KernelExpansion::new(vec![term], Coefficients::Shared(array![1.0, -1.0]), 0.0)?;
/// # let model = BowModel::new(vec![encoder], expansion, ThirdLayer::SumDecomposition)?;
/// # let classifier = BowClassifier::new(vec![extractor.into()], model)?;
/// assert_eq!(classifier.layers(), ["words of channel 0", "support vectors"]);
/// assert!(classifier.randomized(1, 42).is_ok());
/// assert!(classifier.randomized(2, 42).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl RandomizableClassifier for BowClassifier {
    fn layers(&self) -> Vec<String> {
        self.models.first().map(BowModel::layers).unwrap_or_default()
    }

    fn randomized(&self, layer: usize, seed: u64) -> Result<Box<dyn RandomizableClassifier>, ExplainError> {
        let models = self.models.iter().map(|model| model.randomized(layer, seed));
        Ok(Box::new(Self { models: models.collect::<Result<_, _>>()?, ..self.clone() }))
    }
}

fn image_view<'a>(input: &'a ArrayViewD<'_, f64>) -> Result<ArrayView3<'a, f64>, Error> {
    input.view().into_dimensionality::<Ix3>().map_err(|_| Error::ImageRank { shape: input.shape().to_vec() })
}
