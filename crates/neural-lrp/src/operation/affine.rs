//! Affine maps of each number alone.

use ndarray::{ArrayD, ArrayViewD, Axis};

use crate::Real;
use crate::arrays::broadcast::{combine, without_repeats};

/// `y = scale · x + shift`, number by number.
///
/// Scale and shift broadcast to x, as constants do in numpy: a single number is for all, (C, 1, 1) for each channel of
/// images. An axis along which they repeat has length 1.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineMap<F> {
    scale: ArrayD<F>,
    shift: ArrayD<F>,
}

impl<F: Real> AffineMap<F> {
    /// `y = scale · x + shift`
    pub fn new(scale: ArrayD<F>, shift: ArrayD<F>) -> Self {
        Self { scale: without_repeats(scale), shift: without_repeats(shift) }
    }

    /// `y = scale · x`
    pub fn scaling(scale: ArrayD<F>) -> Self {
        Self::new(scale, number(F::zero()))
    }

    /// `y = x + shift`
    pub fn shifting(shift: ArrayD<F>) -> Self {
        Self::new(number(F::one()), shift)
    }

    /// The scale.
    pub fn scale(&self) -> &ArrayD<F> {
        &self.scale
    }

    /// The shift.
    pub fn shift(&self) -> &ArrayD<F> {
        &self.shift
    }

    /// Whether any number is scaled.
    pub fn scales(&self) -> bool {
        self.scale.iter().any(|&scale| scale != F::one())
    }

    /// Whether any number is shifted.
    pub fn shifts(&self) -> bool {
        self.shift.iter().any(|&shift| shift != F::zero())
    }

    /// `next` of what this map gives, as one map.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        let times = |first: &ArrayD<F>, second: &ArrayD<F>| combine(&first.view(), &second.view(), |a, b| a * b);
        let shift = combine(&times(&self.shift, &next.scale).view(), &next.shift.view(), |a, b| a + b);
        Self::new(times(&self.scale, &next.scale), shift)
    }

    /// The map of an array that scale and shift broadcast to.
    pub fn apply(&self, x: &ArrayViewD<'_, F>) -> ArrayD<F> {
        let scaled = combine(x, &self.scale.view(), |x, scale| x * scale);
        combine(&scaled.view(), &self.shift.view(), |x, shift| x + shift)
    }

    /// Whether scale and shift fit tensors of this shape, and vary along `channels` alone, if at all.
    pub fn is_by_channel(&self, channels: Option<usize>, rank: usize) -> bool {
        [&self.scale, &self.shift].into_iter().all(|values| {
            values.ndim() <= rank
                && values.shape().iter().rev().enumerate().all(|(from_last, &length)| {
                    length == 1 || channels.is_some_and(|channels| channels + from_last + 1 == rank)
                })
        })
    }

    /// Scale and shift for each of `count` channels, for a map that varies along no other axis.
    pub fn by_channel(&self, count: usize) -> [Vec<F>; 2] {
        [&self.scale, &self.shift].map(|values| match values.first() {
            Some(&value) if values.len() == 1 => vec![value; count],
            _ => values.iter().copied().collect(),
        })
    }
}

/// A single number as an array.
pub(crate) fn number<F: Real>(value: F) -> ArrayD<F> {
    ArrayD::from_elem(Vec::new(), value)
}

/// One number for each channel, in a shape that broadcasts to tensors of `rank` axes with the channels along `axis`.
pub(crate) fn along<F: Real>(values: &[F], axis: usize, rank: usize) -> ArrayD<F> {
    let mut array = ndarray::Array1::from(values.to_vec()).into_dyn();
    for _ in axis + 1..rank {
        let last = array.ndim();
        array.insert_axis_inplace(Axis(last));
    }
    array
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn one_map_after_another_is_one_map() {
        let first = AffineMap::new(array![[2.0], [3.0]].into_dyn(), number(1.0));
        let second = AffineMap::new(number(-1.0), array![[0.5], [0.25]].into_dyn());
        let x = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].into_dyn();
        let both = first.then(&second);
        assert_eq!(both.apply(&x.view()), second.apply(&first.apply(&x.view()).view()));
        assert_eq!(both, AffineMap::new(array![[-2.0], [-3.0]].into_dyn(), array![[-0.5], [-0.75]].into_dyn()));
        let undone = AffineMap::scaling(number(4.0)).then(&AffineMap::scaling(number(0.25)));
        assert!(!undone.scales() && !undone.shifts());
    }

    #[test]
    fn what_varies_along_channels_alone_is_told_from_what_does_not() {
        let map = AffineMap::new(array![[[2.0]], [[3.0]]].into_dyn(), array![[[[1.0]], [[1.0]]]].into_dyn());
        assert!(map.is_by_channel(Some(1), 4) && !map.is_by_channel(Some(3), 4) && !map.is_by_channel(None, 4));
        assert_eq!(map.by_channel(2), [vec![2.0, 3.0], vec![1.0, 1.0]]);
        assert!(AffineMap::shifting(number(1.0)).is_by_channel(None, 2));
        assert!(!map.is_by_channel(Some(0), 1));
        assert_eq!(along(&[1.0, 2.0], 1, 4).shape(), [2, 1, 1]);
        assert_eq!(along(&[1.0, 2.0], 2, 3).shape(), [2]);
    }
}
