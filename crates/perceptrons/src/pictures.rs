//! What is learned.

use ndarray::{Array2, ArrayView3, Axis};
use rand::seq::SliceRandom;
use rayon::prelude::*;

use crate::{Augmentation, Error, random};
use neural_lrp::Real;

/// Pictures of one channel, and the class that each shows.
#[derive(Clone, Copy, Debug)]
pub struct Pictures<'a> {
    images: ArrayView3<'a, u8>,
    classes: &'a [u8],
    range: [f64; 2],
    augmentation: Augmentation,
}

impl<'a> Pictures<'a> {
    /// `images` (pictures × rows × columns) of bytes, their `classes`, and what the bytes 0 and 255 are to the network.
    ///
    /// # Errors
    /// [`Error::Pictures`] for none, or for another number of classes than of images; [`Error::Setting`] for a range
    /// that is not finite, or a share that is none.
    pub fn new(
        images: ArrayView3<'a, u8>,
        classes: &'a [u8],
        range: [f64; 2],
        augmentation: Augmentation,
    ) -> Result<Self, Error> {
        if images.is_empty() || images.len_of(Axis(0)) != classes.len() {
            let reason =
                format!("images of shape {:?}, and {} classes: each picture has one", images.shape(), classes.len());
            return Err(Error::Pictures(reason));
        }
        if !range.iter().all(|end| end.is_finite()) {
            let value = format!("{range:?}");
            return Err(Error::Setting { setting: "range", value, expected: "two finite numbers" });
        }
        augmentation.check()?;
        Ok(Self { images, classes, range, augmentation })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.classes.len()
    }

    /// How many pixels a picture has.
    pub fn pixels(&self) -> usize {
        self.images.len_of(Axis(1)) * self.images.len_of(Axis(2))
    }

    /// The largest class.
    pub fn largest_class(&self) -> usize {
        self.classes.iter().copied().max().unwrap_or_default().into()
    }

    /// The order of the pictures in an epoch.
    pub(super) fn order(&self, seed: u64, epoch: u64) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.count() as u32).collect();
        order.shuffle(&mut random(seed, 1, epoch));
        order
    }

    /// Pictures as rows of pixels, changed by the augmentation with random numbers of their own, and their classes.
    pub(super) fn batch<F: Real>(&self, chosen: &[u32], seed: u64, first: u64) -> (Array2<F>, Vec<usize>) {
        let [_, rows, columns] = [0, 1, 2].map(|axis| self.images.len_of(Axis(axis)));
        let value = |byte: u8| F::of(self.range[0] + (self.range[1] - self.range[0]) * f64::from(byte) / 255.0);
        let values: Vec<F> = (0..=u8::MAX).map(value).collect();
        let mut batch = Array2::zeros((chosen.len(), rows * columns));
        let pictures = batch.outer_iter_mut().into_par_iter().zip(chosen).enumerate();
        pictures.for_each(|(position, (picture, &index))| {
            let mut random = random(seed, 2, first + position as u64);
            if let Ok(target) = picture.into_shape_with_order((rows, columns)) {
                let image = self.images.index_axis(Axis(0), index as usize);
                self.augmentation.apply(image, |byte| values[usize::from(byte)], &mut random, target);
            }
        });
        (batch, chosen.iter().map(|&index| self.classes[index as usize].into()).collect())
    }
}
