//! Expansions against sums of kernel values, and what they refuse.

use ndarray::{Array1, Array2, array, concatenate, s};
use relevance::{Differentiable, point_on_segment};

use super::*;
use crate::{ChiSquared, HistogramIntersection, Linear, Rbf, sum_relevance};

fn points(count: usize, dimensions: usize, seed: usize) -> Array2<f64> {
    Array2::from_shape_fn((count, dimensions), |(i, d)| match (i * 5 + d * 3 + seed) % 7 {
        0..=2 => 0.0,
        3 => 0.25,
        other => 0.1 * other as f64 + 0.01 * (i % 3) as f64,
    })
}

fn coefficients(count: usize) -> Array1<f64> {
    (0..count).map(|i| [0.5, -1.0, 0.0, 2.0, -0.25][i % 5]).collect()
}

fn terms(kernels: &[Kernel], count: usize) -> Vec<ExpansionTerm> {
    kernels
        .iter()
        .enumerate()
        .map(|(u, &kernel)| ExpansionTerm {
            kernel,
            weight: 0.5 + u as f64,
            support: points(count, 9 + 4 * u, u).into(),
        })
        .collect()
}

fn mixed() -> [Kernel; 3] {
    [ChiSquared::new(0.8).unwrap().into(), Linear.into(), Rbf::new(1.5).unwrap().into()]
}

fn intersections() -> [Kernel; 2] {
    [HistogramIntersection.into(); 2]
}

#[test]
fn values_are_the_weighted_sums_of_kernel_values() {
    for count in [0, 1, 3, 19] {
        let terms = terms(&mixed(), count);
        let alpha = coefficients(count);
        let expansion = KernelExpansion::new(terms.clone(), Coefficients::Shared(alpha.clone()), 0.3).unwrap();
        let tests = points(4, expansion.dimensions(), 5);
        let values = expansion.values(tests.view()).unwrap();
        for (x, &value) in tests.rows().into_iter().zip(&values) {
            let mut plain = 0.3;
            let mut first = 0;
            for term in &terms {
                let block = x.slice(s![first..first + term.support.ncols()]);
                first += block.len();
                for (support, alpha) in term.support.rows().into_iter().zip(&alpha) {
                    plain += alpha * term.weight * term.kernel.value(support, block).unwrap();
                }
            }
            assert!((value - plain).abs() < 1e-13);
            assert_eq!(expansion.value(x).unwrap(), value);
        }
    }
}

#[test]
fn a_column_of_coefficients_for_each_kernel_is_a_sum_of_expansions() {
    let terms = terms(&mixed(), 19);
    let columns = Array2::from_shape_fn((19, 3), |(i, u)| coefficients(19)[(i * 2 + u) % 19]);
    let together = KernelExpansion::new(terms.clone(), Coefficients::PerKernel(columns.clone()), 0.4).unwrap();
    let x = points(1, together.dimensions(), 3);
    let mut separate = 0.4;
    let mut first = 0;
    for (u, term) in terms.into_iter().enumerate() {
        let width = term.support.ncols();
        let alone = KernelExpansion::new(vec![term], Coefficients::Shared(columns.column(u).to_owned()), 0.0).unwrap();
        separate += alone.value(x.slice(s![0, first..first + width])).unwrap();
        first += width;
    }
    assert!((together.value(x.row(0)).unwrap() - separate).abs() < 1e-13);
}

#[test]
fn support_vectors_without_a_share_can_be_dropped() {
    let terms = terms(&mixed(), 19);
    let shared = KernelExpansion::new(terms.clone(), Coefficients::Shared(coefficients(19)), 0.1).unwrap();
    let mut columns = concatenate![Axis(1), coefficients(19).insert_axis(Axis(1)), Array2::zeros((19, 2))];
    columns[[2, 2]] = 1.0; // zero for the first kernel, not for the third
    let per_kernel = KernelExpansion::new(terms, Coefficients::PerKernel(columns), 0.1).unwrap();
    let x = points(1, shared.dimensions(), 3);
    for (expansion, left) in [(shared, 15), (per_kernel, 16)] {
        let sparse = expansion.sparsified();
        assert_eq!(sparse.support_count(), left);
        assert_eq!(sparse.value(x.row(0)).unwrap(), expansion.value(x.row(0)).unwrap());
        let rebuilt =
            KernelExpansion::new(sparse.terms().to_vec(), sparse.coefficients().clone(), sparse.bias()).unwrap();
        assert_eq!(rebuilt, sparse);
    }
}

#[test]
fn sorted_support_vectors_give_the_same_with_ties_and_zeros() {
    for count in [0, 1, 3, 19, 100] {
        let expansion =
            KernelExpansion::new(terms(&intersections(), count), Coefficients::Shared(coefficients(count)), -0.7)
                .unwrap();
        let sorted = expansion.sorted().unwrap();
        for seed in 0..8 {
            // Entries that are exactly support values, between them, zero, and beyond all of them.
            let x = points(1, expansion.dimensions(), seed).row(0).mapv(|x| if seed == 7 { x * 10.0 } else { x });
            assert!((sorted.value(x.view()).unwrap() - expansion.value(x.view()).unwrap()).abs() < 1e-12);
            let (fast, entry) = sorted.sum_relevance(x.view()).unwrap();
            let (plain, _) = sum_relevance(&expansion, x.view()).unwrap();
            assert!((&fast - &plain).iter().all(|error| error.abs() < 1e-13));
            assert!(entry.relative_error() < 1e-13);
        }
    }
}

#[test]
fn only_histogram_intersection_can_be_sorted() {
    let kernels = [HistogramIntersection.into(), Linear.into()];
    let expansion = KernelExpansion::new(terms(&kernels, 3), Coefficients::Shared(coefficients(3)), 0.0).unwrap();
    assert!(matches!(expansion.sorted(), Err(Error::NotIntersection { term: 1, kernel: "linear" })));
    assert!(expansion.is_sum_decomposable() && !expansion.is_differentiable());
}

#[test]
fn each_kind_of_relevance_points_to_the_other() {
    let expansion =
        KernelExpansion::new(terms(&intersections(), 3), Coefficients::Shared(coefficients(3)), 0.0).unwrap();
    let error = expansion.differentiable(ZeroQuotient::default()).err().unwrap().to_string();
    assert!(error.contains("sum_relevance"), "{error}");
    let expansion = KernelExpansion::new(terms(&mixed(), 3), Coefficients::Shared(coefficients(3)), 0.0).unwrap();
    let error = sum_relevance(&expansion, points(1, 39, 0).row(0)).unwrap_err().to_string();
    assert!(error.contains("chi-squared") && error.contains("taylor_relevance"), "{error}");
}

#[test]
fn the_gradient_and_the_segment_concatenate_the_terms() {
    let expansion = KernelExpansion::new(terms(&mixed(), 19), Coefficients::Shared(coefficients(19)), 0.2).unwrap();
    let function = expansion.differentiable(ZeroQuotient::default()).unwrap();
    let ends = points(2, expansion.dimensions(), 4) + 0.05;
    let (x, z) = (ends.row(0), ends.row(1));
    let gradient = function.gradient(x);
    for d in 0..x.len() {
        let (mut above, mut below) = (x.to_owned(), x.to_owned());
        above[d] += 1e-6;
        below[d] -= 1e-6;
        let difference = (function.value(above.view()) - function.value(below.view())) / 2e-6;
        assert!((gradient[d] - difference).abs() < 1e-7);
    }
    let along = function.along(z, x);
    for position in [0.0, 0.3, 1.0] {
        let point = point_on_segment(z, x, position);
        assert!((along(position) - function.value(point.view())).abs() < 1e-13);
    }
    assert!(
        (function.remainder(x, z) - (function.value(x) - function.value(z) - function.gradient(z).dot(&(&x - &z))))
            .abs()
            < 1e-13
    );
}

#[test]
fn points_with_gaps_in_memory_are_points() {
    let expansion = KernelExpansion::new(terms(&mixed(), 5), Coefficients::Shared(coefficients(5)), 0.2).unwrap();
    let wide = points(3, 2 * expansion.dimensions(), 4);
    let gaps = wide.slice(s![.., ..;2]);
    let packed = gaps.as_standard_layout();
    assert_eq!(expansion.values(gaps).unwrap(), expansion.values(packed.view()).unwrap());
    let function = expansion.differentiable(ZeroQuotient::default()).unwrap();
    assert_eq!(function.gradient(gaps.row(0)), function.gradient(packed.row(0)));
    let along = function.along(gaps.row(0), gaps.row(1));
    assert_eq!(along(0.4), function.along(packed.row(0), packed.row(1))(0.4));
}

#[test]
fn expansions_survive_files_and_files_are_checked() {
    let columns = Array2::from_shape_fn((5, 3), |(i, u)| (i as f64 - 2.0) * (u as f64 + 0.5));
    let expansion = KernelExpansion::new(terms(&mixed(), 5), Coefficients::PerKernel(columns), 0.2).unwrap();
    let text = serde_json::to_string(&expansion).unwrap();
    assert_eq!(serde_json::from_str::<KernelExpansion>(&text).unwrap(), expansion);
    let broken = text.replacen("[5,9]", "[9,5]", 1);
    assert_ne!(broken, text);
    let error = serde_json::from_str::<KernelExpansion>(&broken).unwrap_err().to_string();
    assert!(error.contains("support vectors of a term"), "{error}");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let expansion = KernelExpansion::new(terms(&mixed(), 150), Coefficients::Shared(coefficients(150)), 0.2).unwrap();
    let tests = points(200, expansion.dimensions(), 1);
    let values = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| expansion.values(tests.view()).unwrap())
    };
    assert_eq!(values(1), values(3));
}

#[test]
fn what_does_not_fit_is_refused() {
    let new = KernelExpansion::new;
    let shared = |count| Coefficients::Shared(coefficients(count));
    assert!(matches!(new(Vec::new(), shared(3), 0.0), Err(Error::Empty { .. })));
    assert!(matches!(new(terms(&mixed(), 3), shared(4), 0.0), Err(Error::Count { found: 3, expected: 4, .. })));
    let columns = Coefficients::PerKernel(Array2::zeros((3, 2)));
    assert!(matches!(new(terms(&mixed(), 3), columns, 0.0), Err(Error::Count { found: 2, expected: 3, .. })));
    assert!(matches!(new(terms(&mixed(), 3), shared(3), f64::NAN), Err(Error::NotFinite { what: "the bias", .. })));
    let nan = Coefficients::Shared(array![1.0, f64::NAN, 0.0]);
    assert!(matches!(new(terms(&mixed(), 3), nan, 0.0), Err(Error::NotFinite { row: 1, .. })));

    let mut negative = terms(&intersections(), 3);
    negative[1].support[[2, 4]] = -0.5;
    let error = new(negative, shared(3), 0.0).unwrap_err().to_string();
    assert!(error.contains("row 2, column 4 holds -0.5") && error.contains("histogram-intersection"), "{error}");
    let mut empty = terms(&intersections(), 3);
    empty[0].support = Array2::zeros((3, 0)).into();
    assert!(matches!(new(empty, shared(3), 0.0), Err(Error::Empty { .. })));
    let mut weight = terms(&intersections(), 3);
    weight[0].weight = f64::INFINITY;
    assert!(matches!(new(weight, shared(3), 0.0), Err(Error::NotFinite { .. })));
}

#[test]
fn points_that_do_not_fit_are_refused_with_their_column_over_all_terms() {
    let expansion =
        KernelExpansion::new(terms(&intersections(), 3), Coefficients::Shared(coefficients(3)), 0.0).unwrap();
    let mut x = points(1, 22, 0).row(0).to_owned();
    x[13] = -0.25;
    for error in [
        expansion.value(x.view()).unwrap_err(),
        sum_relevance(&expansion, x.view()).unwrap_err(),
        expansion.sorted().unwrap().value(x.view()).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Negative { row: 0, column: 13, .. }), "{error}");
    }
    x[13] = f64::NAN;
    assert!(matches!(expansion.value(x.view()), Err(Error::NotFinite { column: 13, .. })));
    let error = expansion.value(x.slice(s![..5])).unwrap_err().to_string();
    assert!(error.contains("has 5 dimensions where 22 are needed"), "{error}");
}
