//! Batches of matrix products.
use crate::Instructions;
use crate::matrix::{Begin, Matrix, Sum, Term};
use crate::run::in_order;
use crate::tasks::Output;

/// Matrices of one shape, in one slice.
///
/// `Aᵀ` is `A` with `row` and `column` exchanged; the heads of attention, which lie beside one another, have a `matrix`
/// that is less than a `row`; one matrix for the whole batch has a `matrix` of 0.
#[derive(Clone, Copy, Debug)]
pub struct Matrices<'a> {
    /// The first number is that of matrix 0, row 0, column 0.
    pub values: &'a [f32],
    /// From one matrix to the next.
    pub matrix: usize,
    /// From one row to the next.
    pub row: usize,
    /// From one column to the next.
    pub column: usize,
}

impl<'a> Matrices<'a> {
    /// Matrices of so many rows and columns, one behind the other.
    pub fn contiguous(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self { values, matrix: rows * columns, row: columns, column: 1 }
    }

    /// The transposed matrices.
    pub fn transposed(self) -> Self {
        Self { row: self.column, column: self.row, ..self }
    }

    fn at(&self, index: usize) -> Matrix<'a> {
        // Without numbers, there is nowhere that they begin.
        let values = self.values.get(index * self.matrix..).unwrap_or_default();
        Matrix { values, row: self.row, column: self.column }
    }
}

/// Matrices of one shape that products are written to, whose rows lie in one piece each.
#[derive(Debug)]
pub struct MatricesMut<'a> {
    /// The first number is that of matrix 0, row 0, column 0.
    pub values: &'a mut [f32],
    /// From one matrix to the next.
    pub matrix: usize,
    /// From one row to the next.
    pub row: usize,
}

impl<'a> MatricesMut<'a> {
    /// Matrices of so many rows and columns, one behind the other.
    pub fn contiguous(values: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self { values, matrix: rows * columns, row: columns }
    }
}

/// What becomes of the numbers that the output of a product holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onto {
    /// The product replaces them.
    Nothing,
    /// The product is added to them.
    Output,
}

/// A batch of matrix products, C_n = A_n B_n.
///
/// ```text
/// C_nij = Σ_k A_nik B_nkj
/// ```
/// * `A` — rows × depth, `B` — depth × columns, `C` — rows × columns, `batch` of each
///
/// B is read fastest where its rows or its columns lie in one piece.
///
/// ```
/// use channel_kernels::{Matrices, MatricesMut, Onto, Product};
///
/// let a = Matrices::contiguous(&[1.0, 2.0, 3.0, 4.0], 2, 2);
/// let mut gram = [0.0; 4];
/// let product = Product { batch: 1, rows: 2, depth: 2, columns: 2 };
/// product.compute(a, a.transposed(), Onto::Nothing, MatricesMut::contiguous(&mut gram, 2, 2));
/// assert_eq!(gram, [5.0, 11.0, 11.0, 25.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Products.
    pub batch: usize,
    /// Rows of A and C.
    pub rows: usize,
    /// Columns of A, rows of B.
    pub depth: usize,
    /// Columns of B and C.
    pub columns: usize,
}

impl Product {
    /// Computes C by the [current](Instructions::current) instruction set.
    ///
    /// # Panics
    /// When the slices don't hold the matrices, or two numbers of C would lie at one place.
    pub fn compute(&self, a: Matrices<'_>, b: Matrices<'_>, onto: Onto, output: MatricesMut<'_>) {
        self.compute_by(Instructions::current(), a, b, onto, output);
    }

    /// Computes C by an instruction set.
    ///
    /// # Panics
    /// As [`compute`](Self::compute).
    pub fn compute_by(
        &self,
        instructions: Instructions,
        a: Matrices<'_>,
        b: Matrices<'_>,
        onto: Onto,
        output: MatricesMut<'_>,
    ) {
        let Self { batch, rows, depth, columns } = *self;
        check("A", a.values.len(), [(batch, a.matrix), (rows, a.row), (depth, a.column)]);
        check("B", b.values.len(), [(batch, b.matrix), (depth, b.row), (columns, b.column)]);
        check("C", output.values.len(), [(batch, output.matrix), (rows, output.row), (columns, 1)]);
        if batch == 0 || rows == 0 || columns == 0 {
            return;
        }
        assert!(self.apart(output.matrix, output.row), "numbers of C lie at one place");
        let to = Output::new(output.values);
        let begin = match onto {
            Onto::Nothing => Begin::Zero,
            Onto::Output => Begin::Output,
        };
        let sum = Sum { rows, columns, begin, output_row: output.row };
        let task = |task: usize| {
            let (index, block) = (task / sum.blocks(), task % sum.blocks());
            let term = Term { a: a.at(index), b: b.at(index), rows: None, depth, part: None };
            // SAFETY: the matrix begins within the output, by the checks above.
            let to = unsafe { to.from(index * output.matrix) };
            sum.make(instructions, &[term], to, block);
        };
        in_order(batch * sum.blocks(), task);
    }

    /// Whether each number of the output has a place of its own.
    fn apart(&self, matrix: usize, row: usize) -> bool {
        let Self { batch, rows, columns, .. } = *self;
        let rows_apart = rows <= 1 || row >= columns;
        let behind = matrix >= rows.saturating_sub(1) * row + columns;
        let beside = matrix >= columns && (rows <= 1 || batch.saturating_sub(1) * matrix + columns <= row);
        rows_apart && (batch <= 1 || behind || beside)
    }
}

/// Checks that a slice holds an array of some axes, each of a length and a step.
fn check(what: &str, length: usize, axes: [(usize, usize); 3]) {
    if axes.iter().any(|&(count, _)| count == 0) {
        return;
    }
    let last = axes.iter().try_fold(0_usize, |last, &(count, step)| last.checked_add((count - 1).checked_mul(step)?));
    assert!(last.is_some_and(|last| last < length), "{what} has only {length} numbers for (count, step) of {axes:?}");
}

#[cfg(test)]
mod tests;
