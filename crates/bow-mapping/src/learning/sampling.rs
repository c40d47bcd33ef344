//! Drawing descriptors.

use ndarray::ArrayView2;
use rand::SeedableRng;
use rand::seq::index;
use rand_xoshiro::Xoshiro256PlusPlus;

/// At most `count` of the rows `0..n_rows`, drawn by `seed` without replacement, ascending; all of them, where there
/// are no more.
///
/// ```
/// use bow_mapping::learning::sample_rows;
/// let rows = sample_rows(1000, 3, 7);
/// assert_eq!(rows.len(), 3);
/// assert!(rows.is_sorted() && rows[2] < 1000);
/// assert_eq!(rows, sample_rows(1000, 3, 7)); // the same seed, the same rows
/// assert_eq!(sample_rows(3, 1000, 7), [0, 1, 2]);
/// ```
pub fn sample_rows(n_rows: usize, count: usize, seed: u64) -> Vec<usize> {
    draw_rows(n_rows, count, &mut Xoshiro256PlusPlus::seed_from_u64(seed))
}

/// As [`sample_rows`], with a generator that goes on from draw to draw.
pub(super) fn draw_rows(n_rows: usize, count: usize, random: &mut Xoshiro256PlusPlus) -> Vec<usize> {
    if count >= n_rows {
        return (0..n_rows).collect();
    }
    let mut rows = index::sample(random, n_rows, count).into_vec();
    rows.sort_unstable();
    rows
}

/// The rows that hold anything but zeros: descriptors of patches that are not flat.
///
/// ```
/// use bow_mapping::learning::non_zero_rows;
/// use ndarray::array;
/// assert_eq!(non_zero_rows(array![[0.0_f32, 0.0], [0.0, 0.5], [-0.0, 0.0]].view()), [1]);
/// ```
pub fn non_zero_rows<A: Default + PartialEq>(descriptors: ArrayView2<'_, A>) -> Vec<usize> {
    let zero = A::default();
    let holds_something = |row: usize| descriptors.row(row).iter().any(|value| *value != zero);
    (0..descriptors.nrows()).filter(|&row| holds_something(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_is_drawn_twice_and_every_row_can_be_drawn() {
        let mut seen = [0; 19];
        for seed in 0..400 {
            let rows = sample_rows(19, 5, seed);
            assert!(rows.windows(2).all(|pair| pair[0] < pair[1]), "{rows:?}");
            rows.into_iter().for_each(|row| seen[row] += 1);
        }
        // 400 × 5 / 19 = 105 for each; 5 standard deviations are 44.
        assert!(seen.iter().all(|&count| (61..150).contains(&count)), "{seen:?}");
    }

    #[test]
    fn nothing_is_drawn_from_nothing() {
        assert!(sample_rows(0, 5, 1).is_empty());
        assert!(sample_rows(5, 0, 1).is_empty());
    }
}
