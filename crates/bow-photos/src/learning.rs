//! What local features are mapped onto, learned from a sample of those of many photos.

use std::path::{Path, PathBuf};

use bow_classifier::{Observer, Stage};
use bow_mapping::learning::{GaussianMixtureParams, KMeansParams, Learner, sample_rows};
use bow_mapping::{Codebook, Fisher, Hard, Lasso, Mapping, PrincipalComponents, Rank, Ridge, Soft};
use local_features::FeatureExtractor;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cache::{Key, key, key_of};
use crate::vectors::{Photo, problem};
use crate::{Cache, ChannelSettings, Configuration, Error, FisherOptions, MappingSettings, Problem};

/// Learns the mappings of a configuration.
pub(crate) struct Learning<'a> {
    pub(crate) configuration: &'a Configuration,
}

/// What is learned from descriptors: one thing for all mappings that build on it, in the cache too.
#[derive(Serialize, Deserialize)]
enum Learned {
    Codebook(Codebook),
    Fisher(Fisher),
}

/// How it is learned.
#[derive(Serialize)]
enum Method {
    KMeans { iterations: usize },
    ExpectationMaximization(FisherOptions),
}

/// Descriptors of one photo, for each channel that is learned.
type Descriptors = Vec<Array2<f32>>;

impl Learning<'_> {
    /// The mapping of each channel, learned from photos or taken from the cache, and the photos that can't be read.
    pub(crate) fn mappings(
        &self,
        photos: &[PathBuf],
        cache: Option<&Cache>,
        observer: &dyn Observer,
    ) -> Result<(Vec<Mapping>, Vec<Problem>), Error> {
        let channels = &self.configuration.channels;
        observer.begin(Stage::Features, photos.len());
        let digests: Vec<Result<Key, Problem>> = photos
            .par_iter()
            .map(|path| Photo::read(path).map(|photo| photo.digest).map_err(|reason| problem(path, reason)))
            .collect();
        let all = key_of(&digests.iter().flatten().collect::<Vec<_>>())?;
        let keys = channels.iter().map(|channel| self.key(channel, &all)).collect::<Result<Vec<Key>, _>>()?;
        let mut learned: Vec<Option<Learned>> = keys.iter().map(|key| cache.and_then(|cache| cache.get(key))).collect();
        let missing: Vec<usize> = (0..channels.len()).filter(|&channel| learned[channel].is_none()).collect();
        let problems = if missing.is_empty() {
            digests.into_iter().filter_map(Result::err).collect()
        } else {
            let (samples, problems) = self.samples(&missing, photos, observer)?;
            observer.begin(Stage::Codebooks, missing.len());
            for (&channel, sample) in missing.iter().zip(samples) {
                let found = self.learn(&channels[channel], sample.view())?;
                if let Some(cache) = cache {
                    cache.put(&keys[channel], &found)?;
                }
                learned[channel] = Some(found);
                observer.step();
            }
            problems
        };
        let mappings = channels.iter().zip(learned.into_iter().flatten());
        let mappings = mappings.map(|(channel, learned)| mapping(&channel.mapping, learned));
        Ok((mappings.collect::<Result<_, _>>()?, problems))
    }

    fn method(&self, mapping: &MappingSettings) -> Method {
        match mapping {
            MappingSettings::Fisher(options) => Method::ExpectationMaximization(*options),
            _ => Method::KMeans { iterations: self.configuration.iterations },
        }
    }

    /// All that what is learned depends on.
    fn key(&self, channel: &ChannelSettings, photos: &Key) -> Result<Key, Error> {
        let Configuration { sample, seed, .. } = self.configuration;
        let settings = (&channel.extractor, channel.words, self.method(&channel.mapping), sample, seed);
        Ok(key(&[b"learned", &key_of(&settings)?, photos]))
    }

    fn learn(&self, channel: &ChannelSettings, sample: ArrayView2<'_, f64>) -> Result<Learned, Error> {
        let (words, seed) = (channel.words, self.configuration.seed);
        Ok(match self.method(&channel.mapping) {
            Method::KMeans { iterations } => {
                let params = KMeansParams::new(words).seed(seed).max_iterations(iterations);
                Learned::Codebook(params.learn(sample)?.model)
            }
            Method::ExpectationMaximization(FisherOptions { principal_components }) => {
                let params = GaussianMixtureParams::new(words).seed(seed);
                Learned::Fisher(match principal_components {
                    Some(count) => {
                        let components = PrincipalComponents::learn(sample, count)?;
                        let mixture = params.learn(components.project(sample)?.view())?.model;
                        Fisher::projected(components, mixture)?
                    }
                    None => Fisher::new(params.learn(sample)?.model),
                })
            }
        })
    }

    /// A sample of descriptors for each of these channels, (L, D).
    ///
    /// The more photos, the fewer descriptors each gives; with more photos than descriptors, some give none. Never more
    /// than twice as many as are asked for are held.
    fn samples(
        &self,
        channels: &[usize],
        photos: &[PathBuf],
        observer: &dyn Observer,
    ) -> Result<(Vec<Array2<f64>>, Vec<Problem>), Error> {
        let Configuration { sample, seed, .. } = *self.configuration;
        let from_each = sample.div_ceil(photos.len().max(1));
        let drawn: Vec<Result<Descriptors, Problem>> = sample_rows(photos.len(), sample, seed)
            .into_par_iter()
            .map(|index| {
                let path = &photos[index];
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
    fn draw(&self, channels: &[usize], path: &Path, count: usize, index: usize) -> Result<Descriptors, Error> {
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
}

/// The mapping of these settings over what was learned for it.
fn mapping(settings: &MappingSettings, learned: Learned) -> Result<Mapping, Error> {
    Ok(match (*settings, learned) {
        (MappingSettings::Hard, Learned::Codebook(codebook)) => Hard::new(codebook).into(),
        (MappingSettings::Rank(options), Learned::Codebook(codebook)) => Rank::new(codebook, options)?.into(),
        (MappingSettings::Soft(options), Learned::Codebook(codebook)) => Soft::new(codebook, options)?.into(),
        (MappingSettings::Lasso(options), Learned::Codebook(codebook)) => Lasso::new(codebook, options)?.into(),
        (MappingSettings::Ridge(options), Learned::Codebook(codebook)) => Ridge::new(codebook, options)?.into(),
        (MappingSettings::Fisher(_), Learned::Fisher(fisher)) => fisher.into(),
        // The cache names entries by how they were learned, so that only a foreign file comes here.
        (settings, _) => {
            let reason = format!("the cache has something else in place of what {settings:?} builds on: delete it");
            return Err(Error::Encoding { reason });
        }
    })
}
