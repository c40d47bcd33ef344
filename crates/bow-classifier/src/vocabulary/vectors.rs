//! The vectors of many images.

use ndarray::{Array2, ArrayView1, Axis};
use rayon::prelude::*;

use super::{Channel, Vocabulary};
use crate::cache::{Key, key};
use crate::{Cache, Error, Images, Observer, Problem, Stage};

/// The vectors of many images, without those that can't be described.
#[derive(Debug)]
pub struct Vectors {
    /// One row for each image that is kept, (N, V).
    pub values: Array2<f64>,
    /// Which of the images they are, ascending, N.
    pub kept: Vec<usize>,
    /// The others, and why.
    pub problems: Vec<Problem>,
    /// What is damaged inside of those that are kept.
    pub damaged: Vec<Damage>,
}

/// An image that is damaged inside, and was described all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// How a person finds it.
    pub image: String,
    /// What is damaged.
    pub what: String,
}

/// What is known of an image.
struct Described {
    vector: Vec<f64>,
    damage: Option<String>,
}

impl Vocabulary {
    /// The vectors of images, each read, described and let go of before the next on the same thread.
    ///
    /// # Errors
    /// [`Error::Write`] when the cache can't be written to.
    pub fn vectors<I: Images + ?Sized>(
        &self,
        images: &I,
        cache: Option<&Cache>,
        observer: &dyn Observer,
    ) -> Result<Vectors, Error> {
        observer.begin(Stage::Vectors, images.count());
        let keys = cache.map(|_| self.channels.iter().map(Channel::key).collect()).transpose()?;
        let cache = cache.zip(keys.as_ref());
        let mut values = Array2::zeros((images.count(), self.dimensions()));
        let described: Vec<Result<Option<String>, Error>> = values
            .outer_iter_mut()
            .into_par_iter()
            .enumerate()
            .map(|(index, mut row)| {
                let described = self.describe(images, index, cache);
                observer.step();
                let Described { vector, damage } = described?;
                row.assign(&ArrayView1::from(&vector));
                Ok(damage)
            })
            .collect();
        let (mut kept, mut problems, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
        for (index, described) in described.into_iter().enumerate() {
            match described {
                Ok(damage) => {
                    kept.push(index);
                    damaged.extend(damage.map(|what| Damage { image: images.name(index), what }));
                }
                Err(error @ Error::Write { .. }) => return Err(error),
                Err(reason) => problems.push(images.problem(index, reason)),
            }
        }
        let values = if problems.is_empty() { values } else { values.select(Axis(0), &kept) };
        Ok(Vectors { values, kept, problems, damaged })
    }

    /// The vector of an image, channel by channel from the cache where it is there.
    fn describe<I: Images + ?Sized>(
        &self,
        images: &I,
        index: usize,
        cache: Option<(&Cache, &Vec<Key>)>,
    ) -> Result<Described, Error> {
        let image = images.read(index)?;
        let Some((cache, keys)) = cache else {
            let pixels = image.pixels()?;
            let parts = self.channels.iter().map(|channel| channel.vector(pixels.view()));
            let vector = parts.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
            return Ok(Described { vector, damage: image.damage() });
        };
        let digest = image.digest();
        let entry = |of_channel: &Key| key(&[b"vector", of_channel, &digest]);
        let mut parts: Vec<Option<Vec<f64>>> = self
            .channels
            .iter()
            .zip(keys)
            .map(|(channel, of_channel)| {
                cache.get(&entry(of_channel)).filter(|part: &Vec<f64>| part.len() == channel.dimensions())
            })
            .collect();
        // What is sound has no entry of its own: an image whose vectors are there was looked at before.
        let of_damage = key(&[b"damage", &digest]);
        let damage = if parts.iter().all(Option::is_some) {
            cache.get(&of_damage)
        } else {
            let pixels = image.pixels()?;
            let damage = image.damage();
            damage.iter().try_for_each(|damage| cache.put(&of_damage, damage))?;
            for ((part, channel), of_channel) in parts.iter_mut().zip(&self.channels).zip(keys) {
                if part.is_none() {
                    let vector = channel.vector(pixels.view())?.to_vec();
                    cache.put(&entry(of_channel), &vector)?;
                    *part = Some(vector);
                }
            }
            damage
        };
        Ok(Described { vector: parts.into_iter().flatten().flatten().collect(), damage })
    }
}

impl Vectors {
    /// What belongs to the images that are kept, out of something that there is one of for each image.
    pub fn of_kept<T: Clone>(&self, all: &[T]) -> Vec<T> {
        self.kept.iter().filter_map(|&index| all.get(index)).cloned().collect()
    }

    /// How many images are kept.
    pub fn len(&self) -> usize {
        self.values.len_of(Axis(0))
    }

    /// Whether no image is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
