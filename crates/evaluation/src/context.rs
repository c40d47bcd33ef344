//! Where relevance lies: on the object, or on its context?

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::{Error, Estimate, share_of_positive};

/// How the positive relevance of an image divides between an object and its context, all the rest of the image: does a
/// classifier of boats see the boat, or the water?
///
/// ```text
/// inside = Σ_{q in mask} max(R_q, 0) / Σ_q max(R_q, 0),    context = 1 − inside,    area = |mask| / (H·W)
/// ```
///
/// A map that knows nothing of the object has as much relevance inside as there is area: `inside` alone says little, and
/// a large object has much of any map.
///
/// Lapuschkin et al. 2016 ask the same by the quotient of the mean relevance outside and inside, which grows without
/// bound where little is inside, and does not average well.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectShare {
    /// The share of the positive relevance that is on the object.
    pub inside: f64,
    /// The share that is on the context.
    pub context: f64,
    /// The object's share of the pixels: what `inside` is by chance.
    pub area: f64,
}

impl ObjectShare {
    /// The shares of one image.
    ///
    /// * `map` — `R_q`, (H, W)
    /// * `mask` — of the same shape: the object's pixels, or those of its bounding box
    ///
    /// `None` where no relevance is positive, or the mask is without any pixel.
    ///
    /// ```
    /// use evaluation::ObjectShare;
    /// use ndarray::array;
    /// let map = array![[3.0, 1.0], [-5.0, 0.0]];
    /// let boat = array![[true, false], [false, false]];
    /// let share = ObjectShare::of(map.view(), boat.view())?;
    /// assert_eq!(share, Some(ObjectShare { inside: 0.75, context: 0.25, area: 0.25 }));
    /// # Ok::<(), evaluation::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`share_of_positive`].
    pub fn of(map: ArrayView2<'_, f64>, mask: ArrayView2<'_, bool>) -> Result<Option<Self>, Error> {
        let inside = share_of_positive(map, mask)?;
        let pixels = mask.iter().filter(|is_inside| **is_inside).count();
        Ok(inside.filter(|_| pixels > 0).map(|inside| Self {
            inside,
            context: 1.0 - inside,
            area: pixels as f64 / mask.len() as f64,
        }))
    }
}

/// The mean shares of many images.
///
/// ```
/// use evaluation::{MeanObjectShare, ObjectShare};
/// let share = |inside, area| ObjectShare { inside, context: 1.0 - inside, area };
/// let mean = MeanObjectShare::of(&[share(0.5, 0.25), share(1.0, 0.25)]).unwrap();
/// assert_eq!((mean.inside.mean, mean.context.mean), (0.75, 0.25));
/// assert_eq!(mean.times_chance(), 3.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MeanObjectShare {
    /// Of the positive relevance, on the objects.
    pub inside: Estimate,
    /// Of the positive relevance, on the context.
    pub context: Estimate,
    /// Of the pixels, on the objects.
    pub area: f64,
}

impl MeanObjectShare {
    /// The mean over images, each of which counts the same; `None` where there are none.
    pub fn of(shares: &[ObjectShare]) -> Option<Self> {
        Some(Self {
            inside: Estimate::of(shares.iter().map(|share| share.inside))?,
            context: Estimate::of(shares.iter().map(|share| share.context))?,
            area: Estimate::of(shares.iter().map(|share| share.area))?.mean,
        })
    }

    /// How many times as much relevance as by chance is on the objects: 1 where the maps know nothing of them. It is the
    /// quotient of the means; a mean of quotients would be that of the smallest objects.
    pub fn times_chance(&self) -> f64 {
        self.inside.mean / self.area
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_an_object_or_positive_relevance_there_is_no_share() -> Result<(), Error> {
        let (none, all) = (array![[false, false]], array![[true, true]]);
        assert_eq!(ObjectShare::of(array![[1.0, 2.0]].view(), none.view())?, None);
        assert_eq!(ObjectShare::of(array![[-1.0, 0.0]].view(), all.view())?, None);
        assert_eq!(MeanObjectShare::of(&[]), None);
        assert!(matches!(ObjectShare::of(array![[1.0]].view(), all.view()), Err(Error::Shape { .. })));
        Ok(())
    }

    /// Object and context, pixel by pixel.
    fn plain(map: &Array2<f64>, mask: &Array2<bool>) -> [f64; 3] {
        let (mut inside, mut outside, mut pixels) = (0.0, 0.0, 0.0);
        for row in 0..map.nrows() {
            for column in 0..map.ncols() {
                let positive = if map[[row, column]] > 0.0 { map[[row, column]] } else { 0.0 };
                if mask[[row, column]] {
                    inside += positive;
                    pixels += 1.0;
                } else {
                    outside += positive;
                }
            }
        }
        [inside / (inside + outside), outside / (inside + outside), pixels / (map.nrows() * map.ncols()) as f64]
    }

    proptest! {
        #[test]
        fn object_and_context_share_all_positive_relevance(
            height in 1usize..20, width in 1usize..20,
            values in prop::collection::vec(-1.0..1.0, 400), inside in prop::collection::vec(any::<bool>(), 400),
        ) {
            let map = Array2::from_shape_fn((height, width), |(row, column)| values[20 * row + column]);
            let mask = Array2::from_shape_fn((height, width), |(row, column)| inside[20 * row + column]);
            match ObjectShare::of(map.view(), mask.view()).unwrap() {
                Some(share) => {
                    for (found, expected) in [share.inside, share.context, share.area].into_iter().zip(plain(&map, &mask)) {
                        prop_assert!((found - expected).abs() < 1e-12, "{found}, {expected}");
                    }
                }
                None => prop_assert!(map.iter().all(|&value| value <= 0.0) || mask.iter().all(|&inside| !inside)),
            }
        }

        #[test]
        fn relevance_that_is_everywhere_the_same_is_on_objects_by_chance(
            masks in prop::collection::vec(prop::collection::vec(any::<bool>(), 12), 1..9),
        ) {
            let map = Array2::from_elem((3, 4), 0.5);
            let shares = masks.into_iter().filter_map(|mask| {
                let mask = Array2::from_shape_vec((3, 4), mask).unwrap();
                ObjectShare::of(map.view(), mask.view()).unwrap()
            });
            if let Some(mean) = MeanObjectShare::of(&shares.collect::<Vec<_>>()) {
                prop_assert!((mean.times_chance() - 1.0).abs() < 1e-12);
            }
        }
    }
}
