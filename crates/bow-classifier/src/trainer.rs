//! Learning a classifier from labelled images: features, codebooks, vectors, kernels, and the support vector machine.

use bow_mapping::learning::sample_rows;
use bow_mapping::{Mapping, Normalization, Pooling};
use kernels::{Coefficients, ExpansionTerm, KernelExpansion, KernelKind, ZeroQuotient};
use local_features::{Extractor, FeatureExtractor, LocalFeatures};
use ndarray::{Array1, Array2, Array3, ArrayView2, s};
use rayon::prelude::*;
use relevance::{Candidates, RootSearch};

use crate::training::{KernelWeights, MklSolution, SvmParams, check_both_classes, train_kernel_weights};
use crate::{BowClassifier, BowModel, Encoder, Error, TaylorThirdLayer, ThirdLayer};

/// Learns a mapping from a sample of descriptors, (L, D), and a seed.
pub type LearnMapping = Box<dyn Fn(ArrayView2<'_, f64>, u64) -> Result<Mapping, Error> + Send + Sync>;

/// What one channel of a classifier is to be.
pub struct ChannelPlan {
    /// Local features.
    pub extractor: Extractor,
    /// Codebook and mapping.
    pub mapping: LearnMapping,
    /// From the mapped features of an image to one vector.
    pub pooling: Pooling,
    /// Of that vector.
    pub normalization: Normalization,
    /// Kernel over those vectors; its bandwidth comes from their mean distance.
    pub kernel: KernelKind,
}

/// How a classifier is learned.
pub struct Trainer {
    /// One codebook, mapping and kernel each.
    pub channels: Vec<ChannelPlan>,
    /// The support vector machine's cost and class weights.
    pub svm: SvmParams,
    /// The weights of the channels' kernels.
    pub weights: KernelWeights,
    /// How root points are searched, where a kernel needs them.
    pub search: RootSearch,
    /// Codebooks learn from at most this many descriptors.
    pub sample: usize,
    /// Seeds the sample and the codebooks.
    pub seed: u64,
}

/// The stages of learning, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Local features of all images; one step for each image.
    Features,
    /// Codebooks; one step for each channel.
    Codebooks,
    /// Vectors of all images; one step for each image.
    Vectors,
    /// Gram matrices; one step for each channel.
    Kernels,
    /// Kernel weights and the support vector machine; one step.
    Machine,
}

/// Is told how far learning has come.
pub trait Observer: Sync {
    /// A stage begins, of so many steps.
    fn begin(&self, _stage: Stage, _steps: usize) {}
    /// One step of the present stage is done. Comes from several threads.
    fn step(&self) {}
}

/// Observes nothing.
impl Observer for () {}

/// A classifier, and what was learned on the way to it.
pub struct Trained {
    /// The classifier.
    pub classifier: BowClassifier,
    /// The kernels' weights, and the support vector machine's dual solution over the training images.
    pub machine: MklSolution,
}

impl Trainer {
    /// Learns a classifier: `f(x) > 0` for images like those marked `positive`.
    ///
    /// * `images` — H×W×C in [0, 1], N
    /// * `positive` — N
    ///
    /// # Errors
    /// As many labels as images are needed, of both classes; whatever a stage can't take.
    pub fn fit(&self, images: &[Array3<f64>], positive: &[bool], observer: &dyn Observer) -> Result<Trained, Error> {
        if images.len() != positive.len() {
            return Err(Error::Labels { images: images.len(), labels: positive.len() });
        }
        check_both_classes(positive)?;
        let features = self.features(images, observer)?;
        let encoders = self.encoders(&features, observer)?;
        let vectors = encode_all(&encoders, &features, observer)?;
        drop(features);

        observer.begin(Stage::Kernels, self.channels.len());
        let mut kernels = Vec::with_capacity(self.channels.len());
        let mut grams = Vec::with_capacity(self.channels.len());
        for (plan, vectors) in self.channels.iter().zip(&vectors) {
            let kernel = plan.kernel.fit(vectors.view())?;
            grams.push(kernels::symmetric_gram(&kernel, vectors.view())?);
            kernels.push(kernel);
            observer.step();
        }

        observer.begin(Stage::Machine, 1);
        let machine = train_kernel_weights(&grams, positive, &self.weights, &self.svm)?;
        observer.step();

        let points = side_by_side(&vectors);
        let terms = kernels
            .into_iter()
            .zip(&machine.weights)
            .zip(vectors)
            .map(|((kernel, &weight), support)| ExpansionTerm { kernel, weight, support })
            .collect();
        let coefficients = Coefficients::Shared(machine.dual.coefficients.clone());
        let expansion = KernelExpansion::new(terms, coefficients, machine.dual.bias)?.sparsified();
        let third_layer = self.third_layer(&expansion, points)?;
        let model = BowModel::new(encoders, expansion, third_layer)?;
        let extractors = self.channels.iter().map(|plan| plan.extractor.clone()).collect();
        Ok(Trained { classifier: BowClassifier::new(extractors, model)?, machine })
    }

    /// The local features of all images, channel by channel.
    fn features(&self, images: &[Array3<f64>], observer: &dyn Observer) -> Result<Vec<Vec<LocalFeatures>>, Error> {
        observer.begin(Stage::Features, images.len() * self.channels.len());
        self.channels
            .iter()
            .map(|plan| {
                images
                    .par_iter()
                    .map(|image| {
                        let features = plan.extractor.extract(image.view())?;
                        observer.step();
                        Ok(features)
                    })
                    .collect()
            })
            .collect()
    }

    fn encoders(&self, features: &[Vec<LocalFeatures>], observer: &dyn Observer) -> Result<Vec<Encoder>, Error> {
        observer.begin(Stage::Codebooks, self.channels.len());
        self.channels
            .iter()
            .zip(features)
            .map(|(plan, features)| {
                let sample = sample_descriptors(features, self.sample, self.seed);
                let mapping = (plan.mapping)(sample.view(), self.seed)?;
                observer.step();
                Ok(Encoder { mapping, pooling: plan.pooling, normalization: plan.normalization })
            })
            .collect()
    }

    /// Eq. 24 where all kernels are sum-decomposable, else Eq. 25 with the training vectors as candidates.
    fn third_layer(&self, expansion: &KernelExpansion, points: Array2<f64>) -> Result<ThirdLayer, Error> {
        if expansion.is_sum_decomposable() {
            return Ok(ThirdLayer::SumDecomposition);
        }
        let zero_quotient = ZeroQuotient::default();
        let candidates = Candidates::new(&expansion.differentiable(zero_quotient)?, points)?;
        Ok(ThirdLayer::Taylor(TaylorThirdLayer { search: self.search, zero_quotient, candidates }))
    }
}

/// The channels' vectors of each image, one behind the other in one row.
fn side_by_side(vectors: &[Array2<f64>]) -> Array2<f64> {
    let images = vectors.first().map_or(0, Array2::nrows);
    let mut joined = Array2::zeros((images, vectors.iter().map(Array2::ncols).sum()));
    let mut start = 0;
    for vectors in vectors {
        let end = start + vectors.ncols();
        joined.slice_mut(s![.., start..end]).assign(vectors);
        start = end;
    }
    joined
}

/// At most `count` descriptors that are not zero, drawn without replacement. (Flat patches all have the zero
/// descriptor: they would be drawn over and over again.)
fn sample_descriptors(features: &[LocalFeatures], count: usize, seed: u64) -> Array2<f64> {
    let described: Vec<_> = features
        .iter()
        .flat_map(|features| features.descriptors.rows())
        .filter(|row| row.iter().any(|&value| value != 0.0))
        .collect();
    let dimensions = features.first().map_or(0, |features| features.descriptors.ncols());
    let drawn = sample_rows(described.len(), count, seed);
    let values = drawn.iter().flat_map(|&row| described[row].iter().map(|&value| f64::from(value))).collect();
    Array2::from_shape_vec((drawn.len(), dimensions), values).unwrap_or_else(|_| Array2::zeros((0, dimensions)))
}

/// The vectors of all images, one matrix for each channel.
fn encode_all(
    encoders: &[Encoder],
    features: &[Vec<LocalFeatures>],
    observer: &dyn Observer,
) -> Result<Vec<Array2<f64>>, Error> {
    observer.begin(Stage::Vectors, features.iter().map(Vec::len).sum());
    encoders
        .iter()
        .zip(features)
        .map(|(encoder, features)| {
            let rows = features
                .par_iter()
                .map(|features| {
                    let (_, vector) = encoder.map(features.descriptors.mapv(f64::from).view())?;
                    observer.step();
                    Ok(vector)
                })
                .collect::<Result<Vec<Array1<f64>>, Error>>()?;
            let mut vectors = Array2::zeros((rows.len(), encoder.dimensions()));
            for (mut vector, row) in vectors.rows_mut().into_iter().zip(&rows) {
                vector.assign(row);
            }
            Ok(vectors)
        })
        .collect()
}
