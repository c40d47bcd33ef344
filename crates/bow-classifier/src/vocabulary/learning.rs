//! What local features are mapped onto, learned from a sample of those of many images.

use bow_mapping::learning::{GaussianMixtureParams, KMeansParams, Learner, non_zero_rows, sample_rows};
use bow_mapping::{Codebook, Fisher, Hard, Lasso, Mapping, PrincipalComponents, Rank, Ridge, Soft};
use local_features::FeatureExtractor;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cache::{Key, key, key_of};
use crate::configuration::{ChannelSettings, Configuration, FisherOptions, MappingSettings, Sampling};
use crate::{Cache, Error, Images, Observer, Problem, Stage};

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

/// Where the cache keeps what is learned for each channel.
struct Places<'a> {
    cache: &'a Cache,
    keys: Vec<Key>,
    /// Images that can't be read.
    problems: Vec<Problem>,
}

/// Descriptors of one image, for each channel that is learned.
type Descriptors = Vec<Array2<f32>>;

impl Learning<'_> {
    /// The mapping of each channel, learned from images or taken from the cache, and the images that can't be read.
    pub(crate) fn mappings<I: Images + ?Sized>(
        &self,
        images: &I,
        cache: Option<&Cache>,
        observer: &dyn Observer,
    ) -> Result<(Vec<Mapping>, Vec<Problem>), Error> {
        let channels = &self.configuration.channels;
        observer.begin(Stage::Features, images.count());
        let places = cache.map(|cache| self.places(images, cache)).transpose()?;
        let cached = |channel: usize| places.as_ref().and_then(|places| places.cache.get(&places.keys[channel]));
        let mut learned: Vec<Option<Learned>> = (0..channels.len()).map(cached).collect();
        let missing: Vec<usize> = (0..channels.len()).filter(|&channel| learned[channel].is_none()).collect();
        let problems = if missing.is_empty() {
            places.map(|places| places.problems).unwrap_or_default()
        } else {
            let (samples, problems) = self.samples(&missing, images, observer)?;
            observer.begin(Stage::Codebooks, missing.len());
            for (&channel, sample) in missing.iter().zip(samples) {
                let found = self.learn(&channels[channel], sample.view())?;
                if let Some(Places { cache, keys, .. }) = &places {
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

    /// The places of what all these images teach.
    fn places<'c, I: Images + ?Sized>(&self, images: &I, cache: &'c Cache) -> Result<Places<'c>, Error> {
        let digest = |index| match images.read(index) {
            Ok(image) => Ok(image.digest()),
            Err(reason) => Err(images.problem(index, reason)),
        };
        let digests: Vec<Result<Key, Problem>> = (0..images.count()).into_par_iter().map(digest).collect();
        let all = key_of(&digests.iter().flatten().collect::<Vec<_>>())?;
        let keys = self.configuration.channels.iter().map(|channel| self.key(channel, &all));
        let keys = keys.collect::<Result<_, _>>()?;
        Ok(Places { cache, keys, problems: digests.into_iter().filter_map(Result::err).collect() })
    }

    fn method(&self, mapping: &MappingSettings) -> Method {
        match mapping {
            MappingSettings::Fisher(options) => Method::ExpectationMaximization(*options),
            _ => Method::KMeans { iterations: self.configuration.iterations },
        }
    }

    /// All that what is learned depends on.
    fn key(&self, channel: &ChannelSettings, images: &Key) -> Result<Key, Error> {
        let Configuration { sample, seed, sampling, .. } = self.configuration;
        let (words, flat_word) = (channel.words, channel.flat_word);
        let settings = key_of(&(&channel.extractor, words, self.method(&channel.mapping), sample, seed))?;
        Ok(match (sampling, flat_word) {
            (Sampling::FromEach, false) => key(&[b"learned", &settings, images]),
            more => key(&[b"learned", &settings, images, &key_of(&more)?]),
        })
    }

    fn learn(&self, channel: &ChannelSettings, sample: ArrayView2<'_, f64>) -> Result<Learned, Error> {
        let (words, seed) = (channel.words, self.configuration.seed);
        Ok(match self.method(&channel.mapping) {
            Method::KMeans { iterations } => {
                let learned = words - usize::from(channel.flat_word);
                let params = KMeansParams::new(learned).seed(seed).max_iterations(iterations);
                let codebook = params.learn(sample)?.model;
                Learned::Codebook(match channel.flat_word {
                    true => codebook.with_word(Array1::zeros(sample.ncols()).view())?,
                    false => codebook,
                })
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
    fn samples<I: Images + ?Sized>(
        &self,
        channels: &[usize],
        images: &I,
        observer: &dyn Observer,
    ) -> Result<(Vec<Array2<f64>>, Vec<Problem>), Error> {
        let Configuration { sample, seed, sampling, .. } = *self.configuration;
        let looked_at = match sampling {
            Sampling::FromEach => sample_rows(images.count(), sample, seed),
            Sampling::FromAll => (0..images.count()).collect(),
        };
        let drawn: Vec<Result<Descriptors, Problem>> = looked_at
            .into_par_iter()
            .map(|index| {
                let drawn = self.draw(channels, images, index).map_err(|reason| images.problem(index, reason));
                observer.step();
                drawn
            })
            .collect();
        let (mut of_images, mut problems) = (Vec::new(), Vec::new());
        for drawn in drawn {
            match drawn {
                Ok(descriptors) => of_images.push(descriptors),
                Err(problem) => problems.push(problem),
            }
        }
        if of_images.is_empty() {
            let first = problems.first().map_or_else(|| "there are none".to_owned(), ToString::to_string);
            return Err(Error::NoImages { count: images.count(), first });
        }
        let samples = (0..channels.len()).map(|channel| self.joined(&of_images, channel)).collect();
        Ok((samples, problems))
    }

    /// The descriptors of each channel that one image gives.
    ///
    /// Of [each image](Sampling::FromEach) they are the fewer the more images there are, so that never more than twice as
    /// many as are asked for are held.
    fn draw<I: Images + ?Sized>(&self, channels: &[usize], images: &I, index: usize) -> Result<Descriptors, Error> {
        let Configuration { sample, seed, sampling, .. } = *self.configuration;
        let image = images.read(index)?;
        let pixels = image.pixels()?;
        let of_channel = |&channel: &usize| {
            let features = self.configuration.channels[channel].extractor.extract(pixels.view())?;
            let rows = match sampling {
                Sampling::FromEach => {
                    let from_each = sample.div_ceil(images.count().max(1));
                    let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(index as u64);
                    sample_rows(features.len(), from_each, seed)
                }
                Sampling::FromAll => non_zero_rows(features.descriptors.view()),
            };
            Ok(features.descriptors.select(Axis(0), &rows))
        };
        channels.iter().map(of_channel).collect()
    }

    /// The descriptors that all images give for a channel, no more than were asked for.
    fn joined(&self, images: &[Descriptors], channel: usize) -> Array2<f64> {
        let rows: Vec<_> = images.iter().flat_map(|descriptors| descriptors[channel].rows()).collect();
        let kept = sample_rows(rows.len(), self.configuration.sample, self.configuration.seed);
        let dimensions = images.first().map_or(0, |descriptors| descriptors[channel].ncols());
        let mut joined = Array2::zeros((kept.len(), dimensions));
        for (mut joined, row) in joined.rows_mut().into_iter().zip(kept) {
            joined.zip_mut_with(&rows[row], |joined, &value| *joined = f64::from(value));
        }
        joined
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
