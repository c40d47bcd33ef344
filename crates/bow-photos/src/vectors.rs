//! The vectors of many photos.

use std::path::{Path, PathBuf};

use bow_classifier::{Observer, Stage};
use ndarray::{Array2, Array3, ArrayView1, Axis};
use rayon::prelude::*;

use crate::cache::{Key, key};
use crate::vocabulary::Channel;
use crate::{Cache, Error, Problem, Vocabulary};

/// A photo's file.
pub(crate) struct Photo {
    bytes: Vec<u8>,
    pub(crate) digest: Key,
}

impl Photo {
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let digest = key(&[&bytes]);
        Ok(Self { bytes, digest })
    }

    /// H×W×C in [0, 1].
    pub(crate) fn decode(&self, path: &Path) -> Result<Array3<f64>, Error> {
        Ok(images::to_unit_range(images::decode(&self.bytes, path)?.view()))
    }
}

pub(crate) fn problem(path: &Path, reason: Error) -> Problem {
    Problem { path: path.to_owned(), reason }
}

/// The vectors of many photos, without those that can't be described.
#[derive(Debug)]
pub struct Vectors {
    /// One row for each photo that is kept, (N, V).
    pub values: Array2<f64>,
    /// Which of the photos they are, ascending, N.
    pub kept: Vec<usize>,
    /// The others, and why.
    pub problems: Vec<Problem>,
}

impl Vocabulary {
    /// The vectors of photos, each read, described and let go of before the next on the same thread.
    ///
    /// # Errors
    /// [`Error::Write`] when the cache can't be written to.
    pub fn vectors(
        &self,
        photos: &[PathBuf],
        cache: Option<&Cache>,
        observer: &dyn Observer,
    ) -> Result<Vectors, Error> {
        observer.begin(Stage::Vectors, photos.len());
        let channels = self.channels.iter().map(Channel::key).collect::<Result<Vec<Key>, _>>()?;
        let mut values = Array2::zeros((photos.len(), self.dimensions()));
        let described: Vec<Result<(), Error>> = values
            .outer_iter_mut()
            .into_par_iter()
            .zip(photos)
            .map(|(mut row, path)| {
                let described = self.vector(path, &channels, cache);
                observer.step();
                described.map(|vector| row.assign(&ArrayView1::from(&vector)))
            })
            .collect();
        let (mut kept, mut problems) = (Vec::new(), Vec::new());
        for (index, described) in described.into_iter().enumerate() {
            match described {
                Ok(()) => kept.push(index),
                Err(error @ Error::Write { .. }) => return Err(error),
                Err(reason) => problems.push(problem(&photos[index], reason)),
            }
        }
        let values = if problems.is_empty() { values } else { values.select(Axis(0), &kept) };
        Ok(Vectors { values, kept, problems })
    }

    /// The vector of a photo, channel by channel from the cache where it is there.
    fn vector(&self, path: &Path, channels: &[Key], cache: Option<&Cache>) -> Result<Vec<f64>, Error> {
        let photo = Photo::read(path)?;
        let mut image = None;
        let mut vector = Vec::with_capacity(self.dimensions());
        for (channel, digest) in self.channels.iter().zip(channels) {
            let entry = key(&[b"vector", digest, &photo.digest]);
            let cached: Option<Vec<f64>> = cache.and_then(|cache| cache.get(&entry));
            if let Some(mut part) = cached.filter(|part| part.len() == channel.dimensions()) {
                vector.append(&mut part);
                continue;
            }
            if image.is_none() {
                image = Some(photo.decode(path)?);
            }
            let Some(image) = &image else { continue };
            let part = channel.vector(image.view())?.to_vec();
            if let Some(cache) = cache {
                cache.put(&entry, &part)?;
            }
            vector.extend(part);
        }
        Ok(vector)
    }
}

impl Vectors {
    /// The photos that are kept, out of something that there is one of for each photo.
    pub fn of_kept<T: Clone>(&self, all: &[T]) -> Vec<T> {
        self.kept.iter().filter_map(|&index| all.get(index)).cloned().collect()
    }

    /// How many photos are kept.
    pub fn len(&self) -> usize {
        self.values.len_of(Axis(0))
    }

    /// Whether no photo is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
