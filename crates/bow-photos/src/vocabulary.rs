//! Extractors and what they map onto: learned once, shared by all classes.

use std::path::PathBuf;

use bow_classifier::{Bag, EncodedFeatures, Encoder, Observer};
use bow_mapping::{Map, Mapping};
use local_features::{FeatureExtractor, LocalFeatures};
use ndarray::{Array1, ArrayView3};
use serde::{Deserialize, Serialize};

use crate::cache::{Key, key_of};
use crate::learning::Learning;
use crate::pyramid::select;
use crate::{Cache, ChannelSettings, Configuration, Error, Problem};

/// What makes a bag of visual words of a photo, for each channel of a [`Configuration`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vocabulary {
    pub(crate) channels: Vec<Channel>,
}

/// One channel, learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Channel {
    pub(crate) settings: ChannelSettings,
    pub(crate) mapping: Mapping,
}

impl Channel {
    fn encoder(&self) -> Encoder {
        let ChannelSettings { pooling, normalization, .. } = self.settings;
        Encoder { mapping: self.mapping.clone(), pooling, normalization }
    }

    /// All that its vectors depend on: what comes above them, such as the kernel, does not matter.
    pub(crate) fn key(&self) -> Result<Key, Error> {
        let ChannelSettings { extractor, pooling, normalization, pyramid, .. } = &self.settings;
        key_of(&(extractor, &self.mapping, pooling, normalization, pyramid))
    }

    /// The length of its vectors.
    pub(crate) fn dimensions(&self) -> usize {
        self.mapping.words() * self.settings.pyramid.cells()
    }

    /// The local features of a photo, mapped: one bag for each part of the pyramid.
    fn encode(&self, image: ArrayView3<'_, f64>) -> Result<Vec<EncodedFeatures>, Error> {
        let LocalFeatures { descriptors, areas } = self.settings.extractor.extract(image)?;
        let assignment = self.mapping.assign(descriptors.mapv(f64::from).view())?;
        let (height, width, _) = image.dim();
        let cells = self.settings.pyramid.divide(&areas, (height, width))?;
        cells
            .into_iter()
            .map(|features| {
                let assignment = select(&assignment, &features)?;
                let pooled = self.settings.pooling.pool(&assignment)?;
                let vector = self.settings.normalization.apply(pooled);
                let areas = features.iter().map(|&feature| areas[feature]).collect();
                Ok(EncodedFeatures { areas, assignment, vector })
            })
            .collect()
    }

    /// Its part of a photo's vector.
    pub(crate) fn vector(&self, image: ArrayView3<'_, f64>) -> Result<Array1<f64>, Error> {
        let cells = self.encode(image)?;
        Ok(cells.iter().flat_map(|cell| cell.vector.iter().copied()).collect())
    }
}

impl Vocabulary {
    /// Learns codebooks and mixtures from photos: each channel from a seeded sample of as many descriptors of each of
    /// them. Photos are read one after the other; those that can't be are left out.
    ///
    /// # Errors
    /// A configuration that makes no sense, no photo at all, or fewer descriptors than a codebook needs.
    pub fn learn(
        configuration: &Configuration,
        photos: &[PathBuf],
        cache: Option<&Cache>,
        observer: &dyn Observer,
    ) -> Result<(Self, Vec<Problem>), Error> {
        configuration.check()?;
        let (mappings, problems) = Learning { configuration }.mappings(photos, cache, observer)?;
        let channels = configuration.channels.iter().zip(mappings);
        let channels = channels.map(|(settings, mapping)| Channel { settings: settings.clone(), mapping }).collect();
        Ok((Self { channels }, problems))
    }

    /// `V`, the length of a photo's vector.
    pub fn dimensions(&self) -> usize {
        self.channels.iter().map(Channel::dimensions).sum()
    }

    /// The bag of words of an image H×W×C in [0, 1]: one channel for each part of each channel's pyramid.
    ///
    /// # Errors
    /// An image that is too small, or has values that are not finite.
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
        let cells = |channel: &Channel| vec![channel.encoder(); channel.settings.pyramid.cells()];
        self.channels.iter().flat_map(cells).collect()
    }
}
