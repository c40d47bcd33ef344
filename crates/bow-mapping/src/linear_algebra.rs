//! The few solves and decompositions of this crate: by linfa-linalg, or by LAPACK with the feature `blas`.

use ndarray::{Array1, Array2, Axis};

/// Solves `A X = B` for a symmetric positive definite `A` by its Cholesky decomposition.
///
/// `None` where `A` is not positive definite up to rounding.
pub(crate) fn solve_positive_definite(matrix: Array2<f64>, right: Array2<f64>) -> Option<Array2<f64>> {
    if matrix.is_empty() {
        return Some(right);
    }
    let solution = by_cholesky(matrix, right)?;
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

/// [`solve_positive_definite`] with a single right side.
pub(crate) fn solve_positive_definite_vector(matrix: Array2<f64>, right: Array1<f64>) -> Option<Array1<f64>> {
    solve_positive_definite(matrix, right.insert_axis(Axis(1))).map(|solution| solution.remove_axis(Axis(1)))
}

#[cfg(not(feature = "blas"))]
fn by_cholesky(mut matrix: Array2<f64>, mut right: Array2<f64>) -> Option<Array2<f64>> {
    use linfa_linalg::cholesky::SolveCInplace;
    matrix.solvec_inplace(&mut right).ok()?;
    Some(right)
}

#[cfg(feature = "blas")]
fn by_cholesky(matrix: Array2<f64>, mut right: Array2<f64>) -> Option<Array2<f64>> {
    use ndarray_linalg::{FactorizeCInto, SolveC, UPLO};
    let factor = matrix.factorizec_into(UPLO::Lower).ok()?;
    for mut column in right.axis_iter_mut(Axis(1)) {
        let solution = factor.solvec(&column).ok()?;
        column.assign(&solution);
    }
    Some(right)
}

/// Eigenvalues of a symmetric matrix, descending, and the eigenvectors of length 1 that belong to them, one a row.
///
/// `None` where the decomposition fails.
pub(crate) fn symmetric_eigenvectors(matrix: Array2<f64>) -> Option<(Array1<f64>, Array2<f64>)> {
    let (values, vectors) = eigenvectors(matrix)?;
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&left, &right| values[right].total_cmp(&values[left]));
    let sorted = (values.select(Axis(0), &order), vectors.select(Axis(1), &order).reversed_axes());
    sorted.1.iter().chain(&sorted.0).all(|value| value.is_finite()).then_some(sorted)
}

#[cfg(not(feature = "blas"))]
fn eigenvectors(matrix: Array2<f64>) -> Option<(Array1<f64>, Array2<f64>)> {
    use linfa_linalg::eigh::EighInto;
    matrix.eigh_into().ok()
}

#[cfg(feature = "blas")]
fn eigenvectors(matrix: Array2<f64>) -> Option<(Array1<f64>, Array2<f64>)> {
    use ndarray_linalg::{EighInto, UPLO};
    matrix.eigh_into(UPLO::Lower).ok()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_solution_solves() {
        let matrix = array![[25.0, 15.0, -5.0], [15.0, 18.0, 0.0], [-5.0, 0.0, 11.0]];
        let expected = array![[1.0, -2.0], [0.5, 3.0], [-0.25, 4.0]];
        let solution = solve_positive_definite(matrix.clone(), matrix.dot(&expected)).unwrap();
        assert!((solution - expected).iter().all(|difference| difference.abs() < 1e-13));
    }

    #[test]
    fn singular_and_indefinite_systems_have_no_solution() {
        assert!(solve_positive_definite_vector(array![[0.0, 0.0], [0.0, 0.0]], array![1.0, 1.0]).is_none());
        assert!(solve_positive_definite_vector(array![[1.0, 2.0], [2.0, 1.0]], array![1.0, 1.0]).is_none());
    }

    #[test]
    fn an_empty_system_has_an_empty_solution() {
        let solution = solve_positive_definite_vector(Array2::zeros((0, 0)), Array1::zeros(0));
        assert_eq!(solution, Some(Array1::zeros(0)));
    }
}
