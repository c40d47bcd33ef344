//! From local features to the score: encoders, kernels, and how the score is decomposed over the bag of words.

use std::ops::Range;
use std::sync::Arc;

use bow_mapping::{Assignment, Map, Mapping, Normalization, Pooling};
use kernels::{KernelExpansion, ZeroQuotient};
use local_features::Area;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};
use relevance::{Candidates, RootSearch};
use serde::{Deserialize, Serialize};

use crate::Error;

/// How local features become one vector: mapping, pooling, normalization (Eqs 19, 36–41, 64).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Encoder {
    /// `m`, from a local feature onto the visual words.
    pub mapping: Mapping,
    /// From the mapped features of an image to one vector.
    pub pooling: Pooling,
    /// Of that vector; it does not enter the relevance (Eq. 63).
    pub normalization: Normalization,
}

impl Encoder {
    /// `V`, the length of the vector.
    pub fn dimensions(&self) -> usize {
        self.mapping.words()
    }

    /// Encodes the local features of an image.
    ///
    /// * `descriptors` — (L, D)
    /// * `areas` — the pixels that each of them covers, L
    ///
    /// # Errors
    /// Descriptors that the mapping can't take, or not as many as areas.
    pub fn encode(&self, descriptors: ArrayView2<'_, f64>, areas: Vec<Area>) -> Result<EncodedFeatures, Error> {
        if descriptors.nrows() != areas.len() {
            return Err(Error::Areas { descriptors: descriptors.nrows(), areas: areas.len() });
        }
        let assignment = self.mapping.assign(descriptors)?;
        let vector = self.pool(&assignment)?;
        Ok(EncodedFeatures { areas, assignment, vector })
    }

    /// The pooled and normalized vector.
    pub(crate) fn pool(&self, assignment: &Assignment) -> Result<Array1<f64>, Error> {
        Ok(self.normalization.apply(self.pooling.pool(assignment)?))
    }
}

/// The local features of one channel, encoded; kept for the way back.
#[derive(Clone, Debug)]
pub struct EncodedFeatures {
    /// `area(l)` of each local feature, L.
    pub areas: Vec<Area>,
    /// `m_(d)(l)`, (L, V)
    pub assignment: Assignment,
    /// The channel's part of `x`, V.
    pub vector: Array1<f64>,
}

/// An image as a bag of visual words: everything that Algorithm 1 needs to know of it.
#[derive(Clone, Debug)]
pub struct Bag {
    /// The channels' encoded features.
    pub channels: Vec<EncodedFeatures>,
    /// `x`: the channels' vectors, one behind the other.
    pub vector: Array1<f64>,
    /// Height and width of the image.
    pub shape: (usize, usize),
}

impl Bag {
    /// Joins the channels of one image.
    pub fn new(channels: Vec<EncodedFeatures>, shape: (usize, usize)) -> Self {
        let vector = channels.iter().flat_map(|channel| channel.vector.iter().copied()).collect();
        Self { channels, vector, shape }
    }

    /// Fails unless the bag has so many channels, and their vectors are its vector.
    pub(crate) fn check(&self, channels: usize) -> Result<(), Error> {
        let joined = self.channels.iter().flat_map(|channel| &channel.vector);
        if self.channels.len() == channels && joined.eq(&self.vector) {
            Ok(())
        } else {
            Err(Error::Bag { found: self.channels.len(), expected: channels })
        }
    }
}

/// How `R³`, the relevance of the dimensions of `x`, comes about.
#[derive(Clone, Debug, PartialEq)]
pub enum ThirdLayer {
    /// Exactly, for sum-decomposable kernels (Eq. 24).
    SumDecomposition,
    /// By Taylor expansion about a root point, for differentiable kernels (Eq. 25).
    Taylor(TaylorThirdLayer),
}

/// What a Taylor decomposition of a kernel expansion needs.
#[derive(Clone, Debug, PartialEq)]
pub struct TaylorThirdLayer {
    /// How the root point is searched and chosen.
    pub search: RootSearch,
    /// The reading of 0/0 in the derivative of the χ² kernel (Eq. 45).
    pub zero_quotient: ZeroQuotient,
    /// Points towards which roots are searched: the training vectors.
    pub candidates: Candidates,
}

/// A classifier over bags of visual words: everything above the local features.
///
/// Researchers with local features of their own use it without the [`BowClassifier`](crate::BowClassifier) around it.
#[derive(Clone, Debug, PartialEq)]
pub struct BowModel {
    encoders: Arc<[Encoder]>,
    expansion: KernelExpansion,
    third_layer: ThirdLayer,
}

impl BowModel {
    /// Joins encoders, kernels and the way of decomposing them.
    ///
    /// * `encoders` — one for each channel; their vectors, one behind the other, are `x`. Models may share them
    /// * `expansion` — `f(x)`, Eqs 20, 21
    ///
    /// # Errors
    /// [`Error::Dimensions`] when the encoders' vectors together are not as long as what the expansion takes, and
    /// whatever keeps the expansion from being decomposed in the way asked for.
    pub fn new(
        encoders: impl Into<Arc<[Encoder]>>,
        expansion: KernelExpansion,
        third_layer: ThirdLayer,
    ) -> Result<Self, Error> {
        let encoders = encoders.into();
        for encoder in &*encoders {
            encoder.normalization.check()?;
        }
        let encoded = encoders.iter().map(Encoder::dimensions).sum();
        if encoded != expansion.dimensions() {
            return Err(Error::Dimensions { encoded, expected: expansion.dimensions() });
        }
        match &third_layer {
            ThirdLayer::SumDecomposition if expansion.is_sum_decomposable() => {}
            ThirdLayer::SumDecomposition => return Err(Error::NotSumDecomposable),
            ThirdLayer::Taylor(taylor) => {
                expansion.differentiable(taylor.zero_quotient)?.check(taylor.candidates.points().view())?;
            }
        }
        Ok(Self { encoders, expansion, third_layer })
    }

    /// The same model, explained about root points that are searched in another way; models that need no root point
    /// stay as they are.
    #[must_use]
    pub fn with_search(mut self, search: RootSearch) -> Self {
        if let ThirdLayer::Taylor(taylor) = &mut self.third_layer {
            taylor.search = search;
        }
        self
    }

    /// One for each channel.
    pub fn encoders(&self) -> &[Encoder] {
        &self.encoders
    }

    /// [`encoders`](Self::encoders), for another model to share.
    pub(crate) fn shared_encoders(&self) -> Arc<[Encoder]> {
        Arc::clone(&self.encoders)
    }

    /// `f` as a function of `x`.
    pub fn expansion(&self) -> &KernelExpansion {
        &self.expansion
    }

    /// How `R³` comes about.
    pub fn third_layer(&self) -> &ThirdLayer {
        &self.third_layer
    }

    /// The dimensions of `x` that belong to each channel.
    pub fn channel_dimensions(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.encoders.iter().scan(0, |end, encoder| {
            let start = *end;
            *end += encoder.dimensions();
            Some(start..*end)
        })
    }

    /// `f(x)`.
    ///
    /// # Errors
    /// A vector of the wrong length, or values that the kernels can't take.
    pub fn score(&self, vector: ArrayView1<'_, f64>) -> Result<f64, Error> {
        Ok(self.expansion.value(vector)?)
    }

    /// `f` of many vectors, one a row.
    ///
    /// # Errors
    /// As for [`score`](Self::score).
    pub fn scores(&self, vectors: &Array2<f64>) -> Result<Array1<f64>, Error> {
        Ok(self.expansion.values(vectors.view())?)
    }
}

/// The part of `vector` that belongs to a channel.
pub(crate) fn part<'a>(vector: &'a Array1<f64>, dimensions: &Range<usize>) -> ArrayView1<'a, f64> {
    vector.slice(s![dimensions.clone()])
}
