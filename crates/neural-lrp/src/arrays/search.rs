//! Searches through arrays.

use crate::Real;

/// How many positions are looked at before a search can end.
const STRIDE: usize = 1 << 10;

/// Whether a condition holds for the numbers at any position of slices of one length.
///
/// It is asked at a stretch of positions without a branch, so that compilers make vectors of it if it has none itself.
pub(crate) fn anywhere<F: Real, const N: usize>(numbers: [&[F]; N], holds: impl Fn([F; N]) -> bool) -> bool {
    let length = numbers.iter().map(|numbers| numbers.len()).min().unwrap_or(0);
    (0..length).step_by(STRIDE).any(|start| {
        let stretch = numbers.map(|numbers| &numbers[start..length.min(start + STRIDE)]);
        let places = 0..stretch.first().map_or(0, |first| first.len());
        places.fold(false, |any, place| any | holds(std::array::from_fn(|array| stretch[array][place])))
    })
}

/// Whether a condition holds for the numbers at each position of slices of one length; see [`anywhere`].
pub(crate) fn everywhere<F: Real, const N: usize>(numbers: [&[F]; N], holds: impl Fn([F; N]) -> bool) -> bool {
    !anywhere(numbers, |numbers| !holds(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_is_looked_at() {
        for length in [0, 1, STRIDE - 1, STRIDE, 2 * STRIDE + 3] {
            let zeros = vec![0.0; length];
            assert!(!anywhere([&zeros, &zeros], |[a, b]| a + b > 0.0));
            for place in [0, length / 2, length.saturating_sub(1)].into_iter().filter(|&place| place < length) {
                let mut numbers = zeros.clone();
                numbers[place] = 1.0;
                assert!(anywhere([&zeros, &numbers], |[a, b]| a + b > 0.0), "{place} of {length}");
                assert!(!everywhere([&numbers], |[a]| a <= 0.0), "{place} of {length}");
            }
        }
    }
}
