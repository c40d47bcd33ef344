//! What is learned: channels, mappings, kernels, costs.

use bow_mapping::{LassoOptions, Normalization, Pooling, RankOptions, RidgeOptions, SoftOptions};
use kernels::KernelKind;
use local_features::{Channel, ColorQuantiles, DenseSift, Extractor, Rotation};
use relevance::RootSearch;
use serde::{Deserialize, Serialize};

use crate::training::{ClassWeight, KernelWeights, LpNorm, SvmParams};
use crate::{Error, Pyramid};
pub use named::{NAMED, NamedConfiguration};

mod named;

/// How classifiers are learned.
///
/// ```
/// use bow_classifier::Configuration;
/// let paper = Configuration::voc2009();
/// assert_eq!(paper.channels.iter().map(|channel| channel.words).collect::<Vec<_>>(), [1024, 1024, 512]);
/// let small = paper.clone().with_words(&[512, 512, 256])?;
/// assert_eq!(Configuration::from_toml(&small.to_toml()?)?, small);
/// # Ok::<(), bow_classifier::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Configuration {
    /// Codebooks learn from at most so many descriptors. The paper does not say.
    pub sample: usize,
    /// Which descriptors these are.
    #[serde(default, skip_serializing_if = "Sampling::is_default")]
    pub sampling: Sampling,
    /// Iterations of k-means at most. The paper does not say.
    pub iterations: usize,
    /// Seeds the sample and the codebooks.
    pub seed: u64,
    /// `C` of the support vector machines.
    pub cost: f64,
    /// Factors of `C` for photos with and without the class.
    pub class_weight: ClassWeight,
    /// The weights of the channels' kernels.
    pub kernel_weights: KernelWeighting,
    /// How root points are searched, where a kernel needs them.
    #[serde(default, skip_serializing_if = "is_default_search")]
    pub search: RootSearch,
    /// One codebook, mapping and kernel each.
    pub channels: Vec<ChannelSettings>,
}

/// Which descriptors codebooks learn from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampling {
    /// As many of each image, or of as many images as there are to be descriptors: few are in memory at once.
    #[default]
    FromEach,
    /// Any of all images, but none of flat patches: these have the zero descriptor, and would be drawn over and over again.
    /// The descriptors of all images are in memory together.
    FromAll,
}

impl Sampling {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn is_default_search(search: &RootSearch) -> bool {
    *search == RootSearch::default()
}

/// Where the weights of kernels come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelWeighting {
    /// Multiple kernel learning, the paper's.
    #[default]
    Learned,
    /// All the same; they sum to 1.
    Uniform,
}

/// One channel of a classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ChannelSettings {
    /// Words of the codebook; components of the mixture for Fisher vectors.
    pub words: usize,
    /// Whether one of the words, the last, is the descriptor of flat patches, 0: k-means would never find it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flat_word: bool,
    /// From local features onto words.
    pub mapping: MappingSettings,
    /// From the mapped features of a photo, or a part of it, to one vector.
    #[serde(default)]
    pub pooling: Pooling,
    /// Of that vector.
    #[serde(default)]
    pub normalization: Normalization,
    /// Over those vectors; its bandwidth comes from their mean distance.
    pub kernel: KernelKind,
    /// The parts of a photo that have a vector each.
    #[serde(default)]
    pub pyramid: Pyramid,
    /// Local features.
    pub extractor: Extractor,
}

/// A mapping, without what it learns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MappingSettings {
    /// The nearest word.
    Hard,
    /// The nearest words, weighted by their ranks (Eq. 64).
    Rank(RankOptions),
    /// All words, weighted by their distances (Eq. 36).
    Soft(SoftOptions),
    /// Reconstruction from few words (Eqs 37, 38).
    Lasso(LassoOptions),
    /// Reconstruction from all words (Eqs 37, 38).
    Ridge(RidgeOptions),
    /// Fisher vectors of a Gaussian mixture (Eqs 39–41).
    Fisher(FisherOptions),
}

/// How a Fisher mapping is learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct FisherOptions {
    /// The mixture is over so many principal components of the local features; without a number, over the local features
    /// as they are, the default. 64 is usual for SIFT (Perronnin et al. 2010).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal_components: Option<usize>,
}

impl ChannelSettings {
    /// The channel of local features alone: 1,024 words, the rank mapping, mean pooling, ℓ1, histogram intersection, as in
    /// the paper's experiment on PASCAL VOC 2009.
    pub fn of(extractor: impl Into<Extractor>) -> Self {
        Self {
            words: 1024,
            flat_word: false,
            mapping: MappingSettings::Rank(RankOptions { base: 2.4, neighbors: 8 }),
            pooling: Pooling::MEAN,
            normalization: Normalization::L1,
            kernel: KernelKind::HistogramIntersection,
            pyramid: Pyramid::default(),
            extractor: extractor.into(),
        }
    }
}

impl Configuration {
    /// Channels with the settings of [`voc2009`](Self::voc2009) for all that is around them.
    pub fn of(channels: Vec<ChannelSettings>) -> Self {
        Self {
            sample: 50_000,
            sampling: Sampling::default(),
            iterations: 30,
            seed: 1,
            cost: 10.0,
            class_weight: ClassWeight::None,
            kernel_weights: KernelWeighting::Learned,
            search: RootSearch::default(),
            channels,
        }
    }

    /// The paper's experiment on PASCAL VOC 2009: upright dense SIFT of scale 3.0 on gray and opponent color and on red,
    /// green and blue, color quantiles; 1,024, 1,024 and 512 words; the rank mapping with p = 2.4 and n = 8; one
    /// histogram intersection kernel each, and multiple kernel learning.
    ///
    /// The paper gives neither the cost nor the grid. The cost is that of its experiment on polygons, 10.
    pub fn voc2009() -> Self {
        use Channel::{Blue, Gray, Green, Opponent, Red};
        let sift = |channels: &[Channel]| {
            let rotation = Rotation::Fixed { angle: 0.0 };
            ChannelSettings::of(DenseSift { scale: 3.0, rotation, channels: channels.to_vec(), ..DenseSift::default() })
        };
        Self::of(vec![
            sift(&[Gray, Opponent]),
            sift(&[Red, Green, Blue]),
            ChannelSettings { words: 512, ..ChannelSettings::of(ColorQuantiles::default()) },
        ])
    }

    /// The same with codebooks of other sizes, one for each channel.
    ///
    /// # Errors
    /// [`Error::Configuration`] when there is not one size for each channel.
    pub fn with_words(mut self, words: &[usize]) -> Result<Self, Error> {
        if words.len() != self.channels.len() {
            return Err(wrong(format!("{} codebook sizes for {} channels", words.len(), self.channels.len())));
        }
        for (channel, &words) in self.channels.iter_mut().zip(words) {
            channel.words = words;
        }
        Ok(self)
    }

    /// Reads a configuration.
    ///
    /// # Errors
    /// [`Error::Configuration`] says what is wrong, and in which line.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let configuration: Self =
            toml::from_str(text).map_err(|error| wrong(wording::Place::told(text, error.span(), error.message())))?;
        configuration.check()?;
        Ok(configuration)
    }

    /// The configuration as the text of a file.
    ///
    /// # Errors
    /// [`Error::Encoding`] for numbers that files do not have.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|error| Error::Encoding { reason: error.to_string() })
    }

    /// Fails when it can't be learned.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.channels.is_empty() {
            return Err(wrong("it has no channel".to_owned()));
        }
        for (index, channel) in self.channels.iter().enumerate() {
            channel.pyramid.check().map_err(|reason| wrong(format!("channel {index}: {reason}")))?;
            channel.normalization.check()?;
            if channel.words <= usize::from(channel.flat_word) {
                return Err(wrong(format!("channel {index}: no word is left to learn")));
            }
            if channel.flat_word && matches!(channel.mapping, MappingSettings::Fisher(_)) {
                return Err(wrong(format!("channel {index}: a Fisher mapping has no words, and so no flat one")));
            }
        }
        Ok(())
    }

    pub(crate) fn svm(&self) -> SvmParams {
        SvmParams::default().cost(self.cost).class_weight(self.class_weight)
    }

    pub(crate) fn kernel_weights(&self) -> KernelWeights {
        let channels = self.channels.len();
        match self.kernel_weights {
            // A single kernel's weight would only be another cost.
            KernelWeighting::Learned if channels > 1 => KernelWeights::Learned(LpNorm::default()),
            _ => KernelWeights::Given(vec![1.0 / channels as f64; channels]),
        }
    }
}

fn wrong(reason: String) -> Error {
    Error::Configuration { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_what_it_means() {
        let text = "
            sample = 100
            iterations = 5
            seed = 3
            cost = 0.5
            class-weight = \"balanced\"
            kernel-weights = \"uniform\"
            [[channels]]
            words = 7
            mapping = { soft = { beta = 2.0 } }
            kernel = \"chi-squared\"
            pyramid = [[1, 1], [2, 2], [3, 1]]
            extractor = { color-quantiles = { step = 12 } }
            [[channels]]
            words = 8
            mapping = \"hard\"
            pooling = \"infinity\"
            kernel = \"linear\"
            extractor = { dense-sift = { scale = 2.0 } }";
        let configuration = Configuration::from_toml(text).unwrap();
        assert_eq!(configuration.class_weight, ClassWeight::Balanced);
        assert_eq!(configuration.channels[0].extractor, ColorQuantiles { step: 12, ..Default::default() }.into());
        assert_eq!(configuration.channels[0].pyramid.cells(), 8);
        assert_eq!(configuration.channels[1].mapping, MappingSettings::Hard);
        assert_eq!(Configuration::from_toml(&configuration.to_toml().unwrap()).unwrap(), configuration);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good = Configuration::voc2009().to_toml().unwrap();
        for (from, to, expected) in [
            ("seed", "sead", "sead"),
            ("histogram-intersection", "hi", "hi"),
            ("words = 512", "", "words"),
            ("pyramid = [[1, 1]]", "pyramid = [[0, 1]]", "0×1"),
        ] {
            assert!(good.contains(from), "{good}");
            let message = Configuration::from_toml(&good.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        assert!(Configuration::voc2009().with_words(&[1, 2]).is_err());
    }
}
