//! Pictures that change each time they are learned.

use ndarray::{ArrayView2, ArrayViewMut2};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::Error;
use neural_lrp::Real;

/// How pictures are changed before each time they are learned; by default not at all.
///
/// The paper's second series of networks learns digits that are translated by up to 4 pixels, so that a digit's shape
/// counts and not its place, with 10 % of the pixels turned to salt and pepper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Augmentation {
    /// By how many pixels at most, down and to the right or up and to the left; what comes in from outside is the
    /// background, a picture's smallest value.
    pub translation: usize,
    /// Which share of the pixels becomes the smallest or the largest value, as likely the one as the other.
    pub salt_and_pepper: f64,
}

impl Augmentation {
    pub(super) fn check(&self) -> Result<(), Error> {
        match (0.0..=1.0).contains(&self.salt_and_pepper) {
            true => Ok(()),
            false => Err(Error::Setting {
                setting: "salt_and_pepper",
                value: self.salt_and_pepper.to_string(),
                expected: "a share of the pixels, from 0 to 1",
            }),
        }
    }

    /// Writes a picture of values between `low` and `high`, changed, into `target`.
    pub(super) fn apply<F: Real>(
        &self,
        picture: ArrayView2<'_, u8>,
        value: impl Fn(u8) -> F,
        random: &mut impl Rng,
        mut target: ArrayViewMut2<'_, F>,
    ) {
        let mut shift = || random.gen_range(0..=2 * self.translation);
        let (down, right) = (shift(), shift());
        // Row `row` of the target shows row `row + translation − down` of the picture.
        let source = |position: usize, shift: usize, length: usize| {
            (position + self.translation).checked_sub(shift).filter(|&position| position < length)
        };
        for ((row, column), target) in target.indexed_iter_mut() {
            let place = source(row, down, picture.nrows()).zip(source(column, right, picture.ncols()));
            *target = value(place.map_or(0, |place| picture[place]));
        }
        if self.salt_and_pepper > 0.0 {
            for target in &mut target {
                if random.r#gen::<f64>() < self.salt_and_pepper {
                    *target = value(if random.r#gen() { u8::MAX } else { 0 });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ndarray::Array2;

    use super::*;
    use crate::random;

    fn changed(augmentation: Augmentation, picture: &Array2<u8>, number: u64) -> Array2<f64> {
        let mut target = Array2::zeros(picture.raw_dim());
        augmentation.apply(picture.view(), f64::from, &mut random(7, 0, number), target.view_mut());
        target
    }

    #[test]
    fn without_settings_a_picture_is_itself() {
        let picture = Array2::from_shape_fn((3, 4), |(row, column)| (row * 4 + column) as u8);
        assert_eq!(changed(Augmentation::default(), &picture, 3), picture.mapv(f64::from));
    }

    #[test]
    fn translations_reach_every_place_within_their_limit_and_no_other() {
        let mut picture = Array2::zeros((9, 9));
        picture[[4, 4]] = 200;
        let augmentation = Augmentation { translation: 2, salt_and_pepper: 0.0 };
        let places: BTreeSet<(usize, usize)> = (0..500)
            .flat_map(|number| {
                let target = changed(augmentation, &picture, number);
                let bright: Vec<_> = target.indexed_iter().filter(|(_, value)| **value > 0.0).collect();
                assert_eq!((bright.len(), *bright[0].1), (1, 200.0));
                bright.into_iter().map(|(place, _)| place).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(places, (2..=6).flat_map(|row| (2..=6).map(move |column| (row, column))).collect());
    }

    #[test]
    fn a_picture_moves_as_a_whole_and_leaves_background_behind() {
        let picture = Array2::from_shape_fn((5, 6), |(row, column)| (1 + row * 6 + column) as u8);
        for number in 0..50 {
            let target = changed(Augmentation { translation: 3, salt_and_pepper: 0.0 }, &picture, number);
            let seen = target.indexed_iter().find(|(_, value)| **value > 0.0).map(|(place, value)| (place, *value));
            let ((row, column), value) = seen.unwrap();
            let (row_then, column_then) = ((value as usize - 1) / 6, (value as usize - 1) % 6);
            for ((y, x), &value) in target.indexed_iter() {
                let expected = (y + row_then).checked_sub(row).zip((x + column_then).checked_sub(column));
                assert_eq!(value, expected.and_then(|place| picture.get(place)).map_or(0.0, |&value| value.into()));
            }
        }
    }

    #[test]
    fn salt_and_pepper_fall_on_their_share_of_the_pixels() {
        let picture = Array2::from_elem((100, 100), 100);
        let target = changed(Augmentation { translation: 0, salt_and_pepper: 0.1 }, &picture, 1);
        let count = |wanted: f64| target.iter().filter(|&&value| value == wanted).count();
        // Five standard deviations of a binomial count around 500 of each.
        assert!(count(0.0).abs_diff(500) < 110 && count(255.0).abs_diff(500) < 110);
        assert_eq!(count(0.0) + count(255.0) + count(100.0), 10_000);
    }
}
