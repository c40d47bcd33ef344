//! Extractors and what they map onto: learned once, shared by all classes.

use bow_mapping::{Map, Mapping};
use local_features::{Extractor, FeatureExtractor, LocalFeatures};
use ndarray::{Array1, ArrayView3};
use serde::{Deserialize, Serialize};

use crate::cache::{Key, key_of};
use crate::{Bag, Cache, ChannelSettings, Configuration, EncodedFeatures, Encoder, Error, Images, Observer, Problem};
use learning::Learning;
pub use pyramid::Pyramid;
pub use vectors::{Damage, Vectors};

mod learning;
mod pyramid;
mod vectors;

/// What makes a bag of visual words of an image, for each channel of a [`Configuration`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Vocabulary {
    channels: Vec<Channel>,
}

/// One channel, learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Channel {
    pub(crate) extractor: Extractor,
    pub(crate) encoder: Encoder,
    pub(crate) pyramid: Pyramid,
}

impl Channel {
    /// A channel of these settings, and what was learned for it.
    pub(crate) fn of(settings: &ChannelSettings, mapping: Mapping) -> Self {
        let ChannelSettings { extractor, pooling, normalization, pyramid, .. } = settings.clone();
        Self { extractor, encoder: Encoder { mapping, pooling, normalization }, pyramid }
    }

    /// All that its vectors depend on: what comes above them, such as the kernel, does not matter.
    fn key(&self) -> Result<Key, Error> {
        let Encoder { mapping, pooling, normalization } = &self.encoder;
        key_of(&(&self.extractor, mapping, pooling, normalization, &self.pyramid))
    }

    /// The length of its vectors.
    pub(crate) fn dimensions(&self) -> usize {
        self.encoder.dimensions() * self.pyramid.cells()
    }

    /// The local features of an image, mapped: one bag for each part of the pyramid.
    fn encode(&self, image: ArrayView3<'_, f64>) -> Result<Vec<EncodedFeatures>, Error> {
        let LocalFeatures { descriptors, areas } = self.extractor.extract(image)?;
        let descriptors = descriptors.mapv(f64::from);
        if self.pyramid == Pyramid::default() {
            return Ok(vec![self.encoder.encode(descriptors.view(), areas)?]);
        }
        let assignment = self.encoder.mapping.assign(descriptors.view())?;
        let (height, width, _) = image.dim();
        let cells = self.pyramid.divide(&areas, (height, width))?;
        cells
            .into_iter()
            .map(|features| {
                let assignment = pyramid::select(&assignment, &features)?;
                let vector = self.encoder.pool(&assignment)?;
                let areas = features.iter().map(|&feature| areas[feature]).collect();
                Ok(EncodedFeatures { areas, assignment, vector })
            })
            .collect()
    }

    /// Its part of an image's vector.
    fn vector(&self, image: ArrayView3<'_, f64>) -> Result<Array1<f64>, Error> {
        let cells = self.encode(image)?;
        Ok(cells.iter().flat_map(|cell| cell.vector.iter().copied()).collect())
    }
}

impl Vocabulary {
    /// Joins channels, each with descriptors that its mapping takes.
    ///
    /// # Errors
    /// [`Error::Descriptors`], and a pyramid or a normalization that makes no sense.
    pub(crate) fn new(channels: Vec<Channel>) -> Result<Self, Error> {
        for (position, channel) in channels.iter().enumerate() {
            let (found, expected) = (channel.extractor.dimensions(), channel.encoder.mapping.descriptor_dimensions());
            if found != expected {
                return Err(Error::Descriptors { channel: position, found, expected });
            }
            channel.pyramid.check().map_err(|reason| Error::Configuration { reason })?;
        }
        Ok(Self { channels })
    }

    /// Learns codebooks and mixtures from a seeded sample of the descriptors of images. Images are read one after the
    /// other; those that can't be are left out.
    ///
    /// # Errors
    /// A configuration that makes no sense, no image at all, or fewer descriptors than a codebook needs.
    pub fn learn<I: Images + ?Sized>(
        configuration: &Configuration,
        images: &I,
        cache: Option<&Cache>,
        observer: &dyn Observer,
    ) -> Result<(Self, Vec<Problem>), Error> {
        configuration.check()?;
        let (mappings, problems) = Learning { configuration }.mappings(images, cache, observer)?;
        let channels = configuration.channels.iter().zip(mappings);
        let vocabulary = Self::new(channels.map(|(settings, mapping)| Channel::of(settings, mapping)).collect())?;
        Ok((vocabulary, problems))
    }

    /// The channels, to be joined anew.
    pub(crate) fn into_channels(self) -> Vec<Channel> {
        self.channels
    }

    pub(crate) fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// The extractors of local features, one for each channel.
    pub fn extractors(&self) -> impl Iterator<Item = &Extractor> {
        self.channels.iter().map(|channel| &channel.extractor)
    }

    /// `V`, the length of an image's vector.
    pub fn dimensions(&self) -> usize {
        self.channels.iter().map(Channel::dimensions).sum()
    }

    /// The bag of words of an image H×W×C in [0, 1]: one channel for each part of each channel's pyramid.
    ///
    /// # Errors
    /// An image that the extractors can't take: empty, smaller than a descriptor, or with values that are not finite.
    pub fn bag(&self, image: ArrayView3<'_, f64>) -> Result<Bag, Error> {
        let mut cells = Vec::new();
        for channel in &self.channels {
            cells.extend(channel.encode(image)?);
        }
        let (height, width, _) = image.dim();
        Ok(Bag::new(cells, (height, width)))
    }

    /// One for each part of each channel's pyramid.
    pub(crate) fn encoders(&self) -> Vec<Encoder> {
        let cells = |channel: &Channel| vec![channel.encoder.clone(); channel.pyramid.cells()];
        self.channels.iter().flat_map(cells).collect()
    }
}
