//! Learning a classifier from labelled images: features, codebooks, vectors, kernels, and the support vector machine.

use bow_mapping::learning::sample_rows;
use bow_mapping::{Mapping, Normalization, Pooling};
use kernels::{KernelExpansion, KernelKind, ZeroQuotient};
use linfa::ParamGuard;
use local_features::{Extractor, FeatureExtractor, LocalFeatures};
use ndarray::{Array2, Array3, ArrayView2, Axis};
use rayon::prelude::*;
use relevance::{Candidates, RootSearch};

use crate::training::{
    KernelChannel, KernelMachine, KernelMachineParams, KernelWeights, MklSolution, SvmParams, check_both_classes,
};
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
///
/// An example stands at the head of the [crate](crate).
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

        let params = self.machine(&encoders).check()?;
        observer.begin(Stage::Kernels, self.channels.len());
        let kernels = params.evaluate(vectors.view(), || observer.step())?;
        observer.begin(Stage::Machine, 1);
        let KernelMachine { expansion, solution: machine } = params.train(&kernels, positive)?;
        observer.step();

        drop(kernels);
        let third_layer = self.third_layer(&expansion, vectors)?;
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

    /// The support vector machine to train.
    fn machine(&self, encoders: &[Encoder]) -> KernelMachineParams {
        let channels = self.channels.iter().zip(encoders);
        let channels: Vec<_> =
            channels.map(|(plan, encoder)| KernelChannel::new(plan.kernel, encoder.dimensions())).collect();
        KernelMachineParams::new(channels).weights(self.weights.clone()).svm(self.svm.clone())
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

/// The vectors of all images, one a row, the channels' one behind the other.
fn encode_all(
    encoders: &[Encoder],
    features: &[Vec<LocalFeatures>],
    observer: &dyn Observer,
) -> Result<Array2<f64>, Error> {
    observer.begin(Stage::Vectors, features.iter().map(Vec::len).sum());
    let images = features.first().map_or(0, Vec::len);
    let mut vectors = Array2::zeros((images, encoders.iter().map(Encoder::dimensions).sum()));
    let mut rest = vectors.view_mut();
    for (encoder, features) in encoders.iter().zip(features) {
        let (mut part, others) = rest.split_at(Axis(1), encoder.dimensions());
        rest = others;
        part.outer_iter_mut().into_par_iter().zip(features).try_for_each(|(mut vector, features)| {
            vector.assign(&encoder.map(features.descriptors.mapv(f64::from).view())?.1);
            observer.step();
            Ok::<(), Error>(())
        })?;
    }
    Ok(vectors)
}
