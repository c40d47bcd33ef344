//! Where a window meets the numbers that it slides over.

use std::ops::Range;

/// A window's places along one axis: place `o` and offset `k` within the window meet at `o · stride + k · dilation − before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// How many numbers the window slides over.
    pub fine: usize,
    /// How many places it has.
    pub coarse: usize,
    /// How many numbers it looks at.
    pub kernel: usize,
    /// The steps between its places.
    pub stride: usize,
    /// The distances within it.
    pub dilation: usize,
    /// How far its first place reaches out before the first number.
    pub before: usize,
}

impl Axis {
    /// An axis that is not there.
    const ABSENT: Self = Self { fine: 1, coarse: 1, kernel: 1, stride: 1, dilation: 1, before: 0 };

    /// The places whose offset `k` meets a number, not the padding.
    pub fn inside(&self, k: usize) -> Range<usize> {
        let offset = k * self.dilation;
        let first = self.before.saturating_sub(offset).div_ceil(self.stride).min(self.coarse);
        let end = (self.fine + self.before).saturating_sub(offset).div_ceil(self.stride).min(self.coarse);
        first..end.max(first)
    }

    /// The number that offset `k` meets at a place [`inside`](Self::inside).
    pub fn meets(&self, place: usize, k: usize) -> usize {
        place * self.stride + k * self.dilation - self.before
    }

    /// The numbers that the window meets, sorted by their remainder modulo the stride: a window of just that length.
    pub fn by_remainder(self) -> Self {
        let coarse = self.coarse + (self.kernel - 1) * self.dilation / self.stride;
        Self { coarse, kernel: self.stride, dilation: 1, ..self }
    }

    fn is_pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.before == 0 && self.fine == self.coarse
    }
}

/// A window over three axes; whoever has fewer lacks the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Depth, rows, columns.
    pub axes: [Axis; 3],
}

impl Geometry {
    /// The geometry of up to three axes.
    pub fn new(given: &[Axis]) -> Self {
        let mut axes = [Axis::ABSENT; 3];
        for (axis, given) in axes.iter_mut().rev().zip(given.iter().rev()) {
            *axis = *given;
        }
        Self { axes }
    }

    /// How many numbers a channel of the fine side has.
    pub fn fine(&self) -> usize {
        self.axes.iter().map(|axis| axis.fine).product()
    }

    /// How many places the window has.
    pub fn coarse(&self) -> usize {
        self.axes.iter().map(|axis| axis.coarse).product()
    }

    /// How many numbers of one channel the window looks at.
    pub fn taps(&self) -> usize {
        self.axes.iter().map(|axis| axis.kernel).product()
    }

    /// Whether each place of the window is one number, the same one.
    pub fn is_pointwise(&self) -> bool {
        self.axes.iter().all(Axis::is_pointwise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_inside_are_those_that_meet_a_number() {
        for (fine, coarse, stride, dilation, before) in
            [(5, 5, 1, 1, 1), (7, 3, 2, 3, 0), (1, 9, 1, 2, 7), (4, 6, 3, 1, 20), (6, 2, 9, 1, 2)]
        {
            let axis = Axis { fine, coarse, kernel: 4, stride, dilation, before };
            for k in 0..4 {
                let meeting: Vec<usize> =
                    (0..coarse).filter(|o| (before..before + fine).contains(&(o * stride + k * dilation))).collect();
                assert_eq!(axis.inside(k).collect::<Vec<_>>(), meeting, "{axis:?} {k}");
                for o in meeting {
                    assert_eq!(axis.meets(o, k) + before, o * stride + k * dilation);
                }
            }
        }
    }
}
