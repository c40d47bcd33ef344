//! Extractors and what they map onto: learned once, shared by all classes.

use std::path::PathBuf;

use bow_classifier::{Bag, EncodedFeatures, Encoder, Observer, Stage};
use bow_mapping::learning::{GaussianMixtureParams, KMeansParams, Learner, sample_rows};
use bow_mapping::{Codebook, Fisher, Hard, Lasso, Map, Mapping, Rank, Ridge, Soft};
use local_features::{FeatureExtractor, LocalFeatures};
use ndarray::{Array1, Array2, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cache::{Key, key, key_of};
use crate::pyramid::select;
use crate::vectors::Photo;
use crate::{Cache, ChannelSettings, Configuration, Error, MappingSettings, Problem};

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
        let learning = Learning { configuration };
        observer.begin(Stage::Features, photos.len());
        let digests: Vec<Result<Key, Problem>> = photos
            .par_iter()
            .map(|path| Photo::read(path).map(|photo| photo.digest).map_err(|reason| problem(path, reason)))
            .collect();
        let all = key_of(&digests.iter().flatten().collect::<Vec<_>>())?;
        let keys = configuration.channels.iter().map(|channel| learning.key(channel, &all));
        let keys: Vec<Key> = keys.collect::<Result<_, _>>()?;
        let mut mappings: Vec<Option<Mapping>> =
            keys.iter().map(|key| cache.and_then(|cache| cache.get(key))).collect();
        let missing: Vec<usize> = (0..mappings.len()).filter(|&channel| mappings[channel].is_none()).collect();
        let mut problems = Vec::new();
        if !missing.is_empty() {
            let (samples, unreadable) = learning.samples(&missing, photos, observer)?;
            problems = unreadable;
            observer.begin(Stage::Codebooks, missing.len());
            for (&channel, sample) in missing.iter().zip(samples) {
                let mapping = learning.mapping(&configuration.channels[channel], sample.view())?;
                if let Some(cache) = cache {
                    cache.put(&keys[channel], &mapping)?;
                }
                mappings[channel] = Some(mapping);
                observer.step();
            }
        } else {
            problems.extend(digests.into_iter().filter_map(Result::err));
        }
        let channels = configuration.channels.iter().zip(mappings.into_iter().flatten());
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

pub(crate) fn problem(path: &std::path::Path, reason: Error) -> Problem {
    Problem { path: path.to_owned(), reason }
}

struct Learning<'a> {
    configuration: &'a Configuration,
}

/// Descriptors of one photo, for each channel that is learned.
type Descriptors = Vec<Array2<f32>>;

impl Learning<'_> {
    /// What a mapping depends on.
    fn key(&self, channel: &ChannelSettings, photos: &Key) -> Result<Key, Error> {
        let Configuration { sample, iterations, seed, .. } = self.configuration;
        let learned = (&channel.extractor, channel.words, channel.mapping, sample, iterations, seed);
        Ok(key(&[b"mapping", &key_of(&learned)?, photos]))
    }

    /// A sample of descriptors for each of these channels, (L, D).
    fn samples(
        &self,
        channels: &[usize],
        photos: &[PathBuf],
        observer: &dyn Observer,
    ) -> Result<(Vec<Array2<f64>>, Vec<Problem>), Error> {
        let from_each = self.configuration.sample.div_ceil(photos.len().max(1));
        let drawn: Vec<Result<Descriptors, Problem>> = photos
            .par_iter()
            .enumerate()
            .map(|(index, path)| {
                let drawn = self.draw(channels, path, from_each, index).map_err(|reason| problem(path, reason));
                observer.step();
                drawn
            })
            .collect();
        let (mut of_photos, mut problems) = (Vec::new(), Vec::new());
        for drawn in drawn {
            match drawn {
                Ok(descriptors) => of_photos.push(descriptors),
                Err(problem) => problems.push(problem),
            }
        }
        if of_photos.is_empty() {
            let first = problems.first().map_or_else(|| "there are none".to_owned(), ToString::to_string);
            return Err(Error::NoPhotos { count: photos.len(), first });
        }
        let samples = (0..channels.len()).map(|channel| self.joined(&of_photos, channel)).collect();
        Ok((samples, problems))
    }

    /// At most `count` descriptors of each channel from one photo.
    fn draw(
        &self,
        channels: &[usize],
        path: &std::path::Path,
        count: usize,
        index: usize,
    ) -> Result<Descriptors, Error> {
        let photo = Photo::read(path)?.decode(path)?;
        let of_channel = |&channel: &usize| {
            let features = self.configuration.channels[channel].extractor.extract(photo.view())?;
            let seed = self.configuration.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(index as u64);
            Ok(features.descriptors.select(Axis(0), &sample_rows(features.len(), count, seed)))
        };
        channels.iter().map(of_channel).collect()
    }

    /// The descriptors that were drawn from all photos for a channel, no more than were asked for.
    fn joined(&self, photos: &[Descriptors], channel: usize) -> Array2<f64> {
        let rows: Vec<_> = photos.iter().flat_map(|descriptors| descriptors[channel].rows()).collect();
        let kept = sample_rows(rows.len(), self.configuration.sample, self.configuration.seed);
        let dimensions = rows.first().map_or(0, |row| row.len());
        let values = kept.iter().flat_map(|&row| rows[row].iter().map(|&value| f64::from(value))).collect();
        Array2::from_shape_vec((kept.len(), dimensions), values).unwrap_or_else(|_| Array2::zeros((0, dimensions)))
    }

    fn mapping(&self, channel: &ChannelSettings, sample: ArrayView2<'_, f64>) -> Result<Mapping, Error> {
        let codebook = || -> Result<Codebook, Error> {
            let params = KMeansParams::new(channel.words).seed(self.configuration.seed);
            Ok(params.max_iterations(self.configuration.iterations).learn(sample)?.model)
        };
        Ok(match channel.mapping {
            MappingSettings::Hard => Hard::new(codebook()?).into(),
            MappingSettings::Rank(options) => Rank::new(codebook()?, options)?.into(),
            MappingSettings::Soft(options) => Soft::new(codebook()?, options)?.into(),
            MappingSettings::Lasso(options) => Lasso::new(codebook()?, options)?.into(),
            MappingSettings::Ridge(options) => Ridge::new(codebook()?, options)?.into(),
            MappingSettings::Fisher => {
                let params = GaussianMixtureParams::new(channel.words).seed(self.configuration.seed);
                Fisher::new(params.learn(sample)?.model).into()
            }
        })
    }
}
