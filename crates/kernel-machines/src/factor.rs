//! A Cholesky factor that grows and shrinks by single variables.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis, s};

/// Variables that are factored at a time: enough for matrix products to pay, few enough for the plain loops inside.
const BLOCK: usize = 48;

/// A pivot below this fraction of its diagonal entry is rounding: the variable depends on those before it.
const DEPENDENT: f64 = 1e-11;

/// `L Lᵀ = K_PP + τ 1 1ᵀ` for a set `P` of linearly independent variables.
///
/// Where the variables' sum does not change, the shift τ changes nothing; with it the matrix is positive definite as
/// soon as the Gram matrix is so on the differences of points.
pub(super) struct Factor<'a> {
    gram: ArrayView2<'a, f64>,
    shift: f64,
    members: Vec<usize>,
    /// Row-major, larger than `members` asks for; only the lower triangle of its leading part is meaningful.
    lower: Array2<f64>,
}

/// How a variable lies to the members of a factor.
pub(super) enum Joined {
    /// It is a member now.
    Independent,
    /// Its column is the members' with these coefficients, up to the curvature that is left (not above rounding).
    Dependent { coefficients: Vec<f64>, curvature: f64 },
}

impl<'a> Factor<'a> {
    /// Factors `candidates`, leaving out those that depend on earlier ones.
    pub(super) fn new(gram: ArrayView2<'a, f64>, shift: f64, candidates: &[usize]) -> Self {
        let capacity = candidates.len() + BLOCK;
        let mut factor =
            Self { gram, shift, members: Vec::with_capacity(capacity), lower: Array2::zeros((capacity, capacity)) };
        for block in candidates.chunks(BLOCK) {
            factor.join_block(block);
        }
        factor
    }

    /// The variables, in the order of rows.
    pub(super) fn members(&self) -> &[usize] {
        &self.members
    }

    /// Adds `variable`, unless it depends on the members.
    pub(super) fn join(&mut self, variable: usize) -> Joined {
        let diagonal = self.entry(variable, variable);
        let mut row: Vec<f64> = self.members.iter().map(|&member| self.entry(variable, member)).collect();
        self.forward(&mut row);
        let pivot = diagonal - row.iter().map(|value| value * value).sum::<f64>();
        if pivot <= DEPENDENT * diagonal {
            self.backward(&mut row);
            return Joined::Dependent { coefficients: row, curvature: pivot };
        }
        self.push(variable, &row, pivot);
        Joined::Independent
    }

    /// Removes the member at `position`.
    pub(super) fn leave(&mut self, position: usize) {
        let size = self.members.len();
        let mut rotations: Vec<(f64, f64)> = Vec::with_capacity(size - position);
        // What the removed column leaves behind is taken up row by row, by the rotations of the rows above.
        for row in position + 1..size {
            let mut carried = self.lower[[row, position]];
            let (mut above, current) = self.lower.multi_slice_mut((s![row - 1, ..], s![row, ..]));
            for column in 0..position {
                above[column] = current[column];
            }
            for (offset, &(cosine, sine)) in rotations.iter().enumerate() {
                let value = current[position + 1 + offset];
                above[position + offset] = cosine * value + sine * carried;
                carried = cosine * carried - sine * value;
            }
            let diagonal = current[row];
            let length = diagonal.hypot(carried);
            above[row - 1] = length;
            rotations.push((diagonal / length, carried / length));
        }
        self.members.remove(position);
    }

    /// `(K_PP + τ 1 1ᵀ)⁻¹ right`
    pub(super) fn solve(&self, right: &mut [f64]) {
        self.forward(right);
        self.backward(right);
    }

    fn entry(&self, row: usize, column: usize) -> f64 {
        self.gram[[row, column]] + self.shift
    }

    /// `L⁻¹ values`
    fn forward(&self, values: &mut [f64]) {
        for row in 0..values.len() {
            let (done, rest) = values.split_at_mut(row);
            let lower = self.lower.row(row);
            rest[0] = (rest[0] - lower.slice(s![..row]).dot(&ndarray::aview1(done))) / lower[row];
        }
    }

    /// `L⁻ᵀ values`
    fn backward(&self, values: &mut [f64]) {
        for row in (0..values.len()).rev() {
            let (above, rest) = values.split_at_mut(row);
            let lower = self.lower.row(row);
            let value = rest[0] / lower[row];
            rest[0] = value;
            for (above, &entry) in above.iter_mut().zip(lower) {
                *above -= value * entry;
            }
        }
    }

    /// Appends a row of L to the right of whose entries stands the root of `pivot`.
    fn push(&mut self, variable: usize, row: &[f64], pivot: f64) {
        let size = self.members.len();
        if size == self.lower.nrows() {
            let mut larger = Array2::zeros((size + size / 2 + BLOCK, size + size / 2 + BLOCK));
            larger.slice_mut(s![..size, ..size]).assign(&self.lower);
            self.lower = larger;
        }
        let mut target = self.lower.row_mut(size);
        for (target, &value) in target.iter_mut().zip(row) {
            *target = value;
        }
        target[size] = pivot.sqrt();
        self.members.push(variable);
    }

    /// [`join`](Self::join) for several variables, most of the work in matrix products.
    fn join_block(&mut self, block: &[usize]) {
        let size = self.members.len();
        let mut rows =
            Array2::from_shape_fn((block.len(), size), |(row, member)| self.entry(block[row], self.members[member]));
        self.forward_rows(&mut rows);
        let mut remaining =
            Array2::from_shape_fn((block.len(), block.len()), |(row, column)| self.entry(block[row], block[column]));
        general_mat_mul(-1.0, &rows, &rows.t(), 1.0, &mut remaining);
        let mut joined: Vec<usize> = Vec::with_capacity(block.len());
        for (position, &variable) in block.iter().enumerate() {
            let mut row = rows.row(position).to_vec();
            for (offset, &earlier) in joined.iter().enumerate() {
                let lower = self.lower.row(size + offset);
                let above: f64 = row[size..].iter().zip(lower.iter().skip(size)).map(|(a, b)| a * b).sum();
                row.push((remaining[[position, earlier]] - above) / lower[size + offset]);
            }
            let pivot = remaining[[position, position]] - row[size..].iter().map(|value| value * value).sum::<f64>();
            if pivot > DEPENDENT * self.entry(variable, variable) {
                self.push(variable, &row, pivot);
                joined.push(position);
            }
        }
    }

    /// `rows L⁻ᵀ`, in blocks of columns.
    fn forward_rows(&self, rows: &mut Array2<f64>) {
        let size = rows.ncols();
        for start in (0..size).step_by(BLOCK) {
            let end = (start + BLOCK).min(size);
            let (done, mut block) = rows.view_mut().split_at(Axis(1), start);
            let mut block = block.slice_mut(s![.., ..end - start]);
            general_mat_mul(-1.0, &done, &self.lower.slice(s![start..end, ..start]).t(), 1.0, &mut block);
            for mut values in block.rows_mut() {
                for row in start..end {
                    let lower = self.lower.slice(s![row, start..=row]);
                    let offset = row - start;
                    let above: f64 = (0..offset).map(|column| values[column] * lower[column]).sum();
                    values[offset] = (values[offset] - above) / lower[offset];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array1;

    use super::*;

    /// A Gram matrix of rank `rank`.
    fn gram(points: usize, rank: usize) -> Array2<f64> {
        let factor = Array2::from_shape_fn((points, rank), |(row, column)| {
            ((row * 7 + column * 13 + row * column) % 17) as f64 / 17.0 - 0.4 + f64::from(u8::from(row == column))
        });
        factor.dot(&factor.t())
    }

    fn assert_factors(factor: &Factor<'_>) {
        let size = factor.members.len();
        for row in 0..size {
            for column in 0..=row {
                let product: f64 = (0..=column).map(|k| factor.lower[[row, k]] * factor.lower[[column, k]]).sum();
                let expected = factor.entry(factor.members[row], factor.members[column]);
                assert!((product - expected).abs() < 1e-10, "({row}, {column}) of {size}: {product} {expected}");
            }
        }
    }

    #[test]
    fn the_product_of_the_factors_is_the_shifted_gram_matrix() {
        for points in [1, 3, 19, 100] {
            let gram = gram(points, points);
            let candidates: Vec<usize> = (0..points).rev().collect();
            let factor = Factor::new(gram.view(), 0.5, &candidates);
            assert_eq!(factor.members(), candidates);
            assert_factors(&factor);
        }
    }

    #[test]
    fn members_that_leave_and_join_again_change_nothing_but_the_order() {
        let gram = gram(60, 60);
        let mut factor = Factor::new(gram.view(), 1.0, &(0..50).collect::<Vec<_>>());
        for position in [49, 0, 17, 30, 5] {
            let variable = factor.members()[position];
            factor.leave(position);
            assert_factors(&factor);
            assert!(matches!(factor.join(variable), Joined::Independent));
            assert_factors(&factor);
        }
        for variable in 50..60 {
            assert!(matches!(factor.join(variable), Joined::Independent));
        }
        assert_factors(&factor);
    }

    #[test]
    fn dependent_variables_stay_outside_and_are_told_by_their_coefficients() {
        let gram = gram(100, 9);
        let mut factor = Factor::new(gram.view(), 0.0, &(0..99).collect::<Vec<_>>());
        assert_eq!(factor.members().len(), 9);
        assert_factors(&factor);
        let Joined::Dependent { coefficients, curvature } = factor.join(99) else { panic!("rank is 9") };
        assert!(curvature.abs() < 1e-10);
        let members = factor.members().to_vec();
        for row in 0..100 {
            let combined: f64 = members.iter().zip(&coefficients).map(|(&m, c)| c * gram[[row, m]]).sum();
            assert!((combined - gram[[row, 99]]).abs() < 1e-9);
        }
    }

    #[test]
    fn the_solution_solves() {
        let gram = gram(70, 70);
        let factor = Factor::new(gram.view(), 0.25, &(0..70).collect::<Vec<_>>());
        let expected: Array1<f64> = (0..70).map(|i| f64::from(i) / 10.0 - 3.0).collect();
        let mut values = (&gram + 0.25).dot(&expected).to_vec();
        factor.solve(&mut values);
        for (value, expected) in values.iter().zip(&expected) {
            assert!((value - expected).abs() < 1e-7, "{value} {expected}");
        }
    }
}
