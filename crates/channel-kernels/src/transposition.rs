//! Matrices transposed, block by block.
use std::ops::Range;

use rayon::prelude::*;

use crate::Instructions;
use crate::instructions::Vectorized;
use crate::simd::Simd;

/// Columns that a task takes.
const COLUMNS: usize = 64;

/// Transposes each of some matrices: `to[matrix][column][row] = from[matrix][row][column]`.
///
/// It makes channels the last axis (rows are channels, columns are pixels), or the first again.
///
/// # Panics
/// When a slice has not `matrices · rows · columns` numbers.
///
/// ```
/// let mut last = [0.0; 6];
/// channel_kernels::transpose(1, 2, 3, &[1.0, 2.0, 3.0, 10.0, 20.0, 30.0], &mut last);
/// assert_eq!(last, [1.0, 10.0, 2.0, 20.0, 3.0, 30.0]);
/// ```
pub fn transpose(matrices: usize, rows: usize, columns: usize, from: &[f32], to: &mut [f32]) {
    transpose_by(Instructions::current(), [matrices, rows, columns], from, to);
}

fn transpose_by(instructions: Instructions, [matrices, rows, columns]: [usize; 3], from: &[f32], to: &mut [f32]) {
    let length = rows * columns;
    assert_eq!(from.len(), matrices * length, "numbers of the matrices");
    assert_eq!(to.len(), matrices * length, "numbers of the transposed matrices");
    if length == 0 {
        return;
    }
    let part = |from: &[f32], index: usize, to: &mut [f32]| {
        let first = index * COLUMNS;
        let columns_of_part = first..first + to.len() / rows;
        instructions.run(Transposition { from, from_width: columns, columns: columns_of_part, to, to_width: rows });
    };
    for (from, to) in from.chunks_exact(length).zip(to.chunks_exact_mut(length)) {
        if rayon::current_num_threads() == 1 {
            to.chunks_mut(COLUMNS * rows).enumerate().for_each(|(index, to)| part(from, index, to));
        } else {
            to.par_chunks_mut(COLUMNS * rows).enumerate().for_each(|(index, to)| part(from, index, to));
        }
    }
}

/// Some columns of a matrix, as rows of another.
pub(crate) struct Transposition<'a> {
    pub(crate) from: &'a [f32],
    pub(crate) from_width: usize,
    pub(crate) columns: Range<usize>,
    pub(crate) to: &'a mut [f32],
    pub(crate) to_width: usize,
}

impl Vectorized for Transposition<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { from, from_width, columns, to, to_width } = self;
        let rows = from.len() / from_width;
        assert!(columns.end <= from_width && rows <= to_width && to.len() >= columns.len() * to_width);
        for row in (0..rows).step_by(S::LANES) {
            for column in (0..columns.len()).step_by(S::LANES) {
                let (from_at, to_at) = (row * from_width + columns.start + column, column * to_width + row);
                if row + S::LANES <= rows && column + S::LANES <= columns.len() {
                    // SAFETY: the block lies within both matrices by the line above and the checked lengths.
                    unsafe {
                        let (from, to) = (from.as_ptr().add(from_at), to.as_mut_ptr().add(to_at));
                        simd.transpose(from, from_width, to, to_width);
                    }
                    continue;
                }
                for i in 0..S::LANES.min(rows - row) {
                    for j in 0..S::LANES.min(columns.len() - column) {
                        to[to_at + j * to_width + i] = from[from_at + i * from_width + j];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_become_columns(matrices in 0usize..3, rows in 1usize..70, columns in 1usize..150) {
            let from: Vec<f32> = (0..matrices * rows * columns).map(|at| at as f32).collect();
            for set in Instructions::available() {
                let mut to = vec![f32::NAN; from.len()];
                transpose_by(set, [matrices, rows, columns], &from, &mut to);
                for (at, &x) in to.iter().enumerate() {
                    let (matrix, column, row) = (at / (rows * columns), at / rows % columns, at % rows);
                    prop_assert_eq!(x, from[(matrix * rows + row) * columns + column], "{} {}", set, at);
                }
            }
        }
    }
}
