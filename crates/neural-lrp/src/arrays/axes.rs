//! Axes that are counted from either end.

use crate::Error;

/// The axis that `axis` is, counted from the last where it is negative.
///
/// # Errors
/// [`Error::Shape`] when an operand of `shape` has no such axis.
pub(crate) fn axis_of(axis: i64, shape: &[usize]) -> Result<usize, Error> {
    position(axis, shape.len()).ok_or_else(|| Error::shape(&[shape], format!("it has no axis {axis}")))
}

/// The axis that `axis` is among `rank`, where there is such an axis.
pub(crate) fn position(axis: i64, rank: usize) -> Option<usize> {
    let from_first = usize::try_from(axis).ok().filter(|&axis| axis < rank);
    let from_last = || usize::try_from(axis.unsigned_abs()).ok().and_then(|back| rank.checked_sub(back));
    if axis < 0 { from_last() } else { from_first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_count_from_either_end() {
        let shape = [2, 3, 4];
        assert_eq!([0, 2, -1, -3].map(|axis| axis_of(axis, &shape).unwrap()), [0, 2, 2, 0]);
        for wrong in [3, -4, i64::MIN, i64::MAX] {
            assert!(axis_of(wrong, &shape).unwrap_err().to_string().contains("no axis"));
        }
    }
}
