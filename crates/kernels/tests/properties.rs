//! What holds for any expansion: conservation, the balance of the Taylor ledger, and roots that are roots.

use kernels::{
    ChiSquared, ChiSquaredPrinted, Coefficients, ExpansionTerm, HistogramIntersection, Kernel, KernelExpansion, Linear,
    Rbf, ZeroQuotient, root_relevance, sum_relevance, taylor_relevance,
};
use ndarray::{Array1, Array2, array, s};
use proptest::prelude::*;
use relevance::{Candidates, Differentiable, Error, RootSearch, Sink, point_on_segment};

/// Entries of histograms: many zeros, some ties, some tiny.
fn entry() -> impl Strategy<Value = f64> {
    prop_oneof![3 => Just(0.0), 1 => Just(0.25), 1 => Just(0.5), 1 => 1e-12..1e-9, 4 => 0.0..1.0]
}

fn points(count: usize, dimensions: usize) -> impl Strategy<Value = Array2<f64>> {
    prop::collection::vec(entry(), count * dimensions)
        .prop_map(move |values| Array2::from_shape_vec((count, dimensions), values).unwrap())
}

prop_compose! {
    /// Two terms and points for them.
    fn scene(kernel: fn(f64) -> Kernel)(count in 1_usize..12, widths in (1_usize..20, 1_usize..9))(
        first in points(count, widths.0),
        second in points(count, widths.1),
        coefficients in prop::collection::vec(-2.0..2.0, count),
        bias in -1.0..1.0,
        sigmas in (0.1..3.0, 0.1..3.0),
        tests in points(8, widths.0 + widths.1),
    ) -> (KernelExpansion, Array2<f64>) {
        let terms = vec![
            ExpansionTerm { kernel: kernel(sigmas.0), weight: 0.7, support: first.into() },
            ExpansionTerm { kernel: kernel(sigmas.1), weight: 1.3, support: second.into() },
        ];
        let expansion = KernelExpansion::new(terms, Coefficients::Shared(Array1::from(coefficients)), bias).unwrap();
        (expansion, tests)
    }
}

fn linear(_: f64) -> Kernel {
    Linear.into()
}

fn intersection(_: f64) -> Kernel {
    HistogramIntersection.into()
}

fn chi_squared(sigma: f64) -> Kernel {
    ChiSquared::new(sigma).unwrap().into()
}

fn printed(sigma: f64) -> Kernel {
    ChiSquaredPrinted::new(sigma).unwrap().into()
}

fn rbf(sigma: f64) -> Kernel {
    Rbf::new(sigma).unwrap().into()
}

/// `|b| + Σ |α|`: what values of exponential kernels can add up from, and their rounding is relative to.
fn magnitude(expansion: &KernelExpansion) -> f64 {
    let Coefficients::Shared(coefficients) = expansion.coefficients() else { panic!() };
    expansion.bias().abs() + 2.0 * coefficients.mapv(f64::abs).sum()
}

/// The parts of an expansion that have one support vector each, without bias.
fn by_support_vectors(expansion: &KernelExpansion) -> Vec<KernelExpansion> {
    let Coefficients::Shared(coefficients) = expansion.coefficients() else { panic!() };
    let part = |(place, &coefficient): (usize, &f64)| {
        let terms = expansion.terms().iter().map(|term| {
            let support = term.support.slice(s![place..=place, ..]).to_owned().into();
            ExpansionTerm { kernel: term.kernel, weight: term.weight, support }
        });
        KernelExpansion::new(terms.collect(), Coefficients::Shared(array![coefficient]), 0.0).unwrap()
    };
    coefficients.iter().enumerate().map(part).collect()
}

/// The value at the expansion point that the ledger books, `f(x) − change(x, x₀)`, is `f(x₀)`: a balanced ledger alone
/// does not tell, since a wrong change would shift the remainder by as much.
fn assert_root_values(expansion: &KernelExpansion, points: &Array2<f64>) -> Result<(), TestCaseError> {
    let function = expansion.differentiable(ZeroQuotient::default()).unwrap();
    for (x, other) in points.rows().into_iter().zip(points.rows().into_iter().skip(1)) {
        for position in [0.0, 0.5, 0.999] {
            let root = point_on_segment(other, x, position);
            let (_, entry) = taylor_relevance(&function, x, root.view()).unwrap();
            let error = entry.sink(Sink::RootValue).total - function.value(root.view());
            prop_assert!(error.abs() <= 1e-12 * magnitude(expansion), "{error:e} at {position}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn root_values_of_linear_expansions_are_values_at_roots((expansion, points) in scene(linear)) {
        assert_root_values(&expansion, &points)?;
    }

    #[test]
    fn root_values_of_chi_squared_expansions_are_values_at_roots((expansion, points) in scene(chi_squared)) {
        assert_root_values(&expansion, &points)?;
    }

    #[test]
    fn root_values_of_printed_chi_squared_expansions_are_values_at_roots((expansion, points) in scene(printed)) {
        assert_root_values(&expansion, &points)?;
    }

    #[test]
    fn root_values_of_rbf_expansions_are_values_at_roots((expansion, points) in scene(rbf)) {
        assert_root_values(&expansion, &points)?;
    }

    #[test]
    fn sum_decomposable_relevance_is_conserved(
        (expansion, tests) in prop_oneof![scene(linear), scene(intersection)]
    ) {
        for x in tests.rows() {
            let (relevance, entry) = sum_relevance(&expansion, x).unwrap();
            let value = expansion.value(x).unwrap();
            let size: f64 = relevance.iter().map(|part| part.abs()).sum();
            prop_assert!((relevance.sum() - value).abs() <= 1e-12 * (size + magnitude(&expansion) * 1e-2));
            prop_assert!((entry.upper.total - value).abs() <= 1e-12 * magnitude(&expansion));
            if expansion.terms()[0].kernel == Kernel::from(HistogramIntersection) {
                let (sorted, _) = expansion.sorted().unwrap().sum_relevance(x).unwrap();
                prop_assert!((&sorted - &relevance).iter().all(|error| error.abs() <= 1e-13 * magnitude(&expansion)));
            }
        }
    }

    #[test]
    fn the_taylor_ledger_balances(
        (expansion, tests) in prop_oneof![scene(linear), scene(chi_squared), scene(rbf)],
        zero_quotient in prop_oneof![Just(ZeroQuotient::RightDerivative), Just(ZeroQuotient::Zero)],
    ) {
        let function = expansion.differentiable(zero_quotient).unwrap();
        for (x, root) in tests.rows().into_iter().zip(tests.rows().into_iter().skip(1)) {
            let (_, entry) = taylor_relevance(&function, x, root).unwrap();
            prop_assert!(entry.relative_error() <= 1e-12, "{entry:?}");
        }
    }

    /// Each support vector's ledger balances, and the whole is their sum. The derivatives of this kernel are as large as its
    /// arguments are small, and their sum over support vectors may cancel: no digits of it are left then to compare.
    #[test]
    fn the_taylor_ledger_of_printed_chi_squared_balances(
        (expansion, tests) in scene(printed),
        zero_quotient in prop_oneof![Just(ZeroQuotient::RightDerivative), Just(ZeroQuotient::Zero)],
    ) {
        let function = expansion.differentiable(zero_quotient).unwrap();
        let parts = by_support_vectors(&expansion);
        for (x, root) in tests.rows().into_iter().zip(tests.rows().into_iter().skip(1)) {
            let (whole, entry) = taylor_relevance(&function, x, root).unwrap();
            let (mut sum, mut sizes) = (Array1::<f64>::zeros(x.len()), 0.0);
            for part in &parts {
                let (relevance, entry) = taylor_relevance(&part.differentiable(zero_quotient).unwrap(), x, root).unwrap();
                prop_assert!(entry.relative_error() <= 1e-12, "{entry:?}");
                sizes += entry.upper.magnitude.max(entry.lower.magnitude + entry.sunk().magnitude);
                sum += &relevance;
            }
            prop_assert!((&whole - &sum).iter().all(|error| error.abs() <= 1e-14 * sizes), "{whole} is not {sum}");
            let size = entry.upper.magnitude.max(entry.lower.magnitude + entry.sunk().magnitude);
            prop_assert!(entry.imbalance().abs() <= f64::max(1e-12 * size, 1e-14 * sizes), "{entry:?}");
        }
    }

    #[test]
    fn roots_are_roots(
        (expansion, tests) in prop_oneof![scene(linear), scene(chi_squared), scene(rbf)]
    ) {
        let function = expansion.differentiable(ZeroQuotient::default()).unwrap();
        let candidates = Candidates::new(&function, tests.clone()).unwrap();
        let x = tests.row(0);
        match root_relevance(&function, x, &candidates, &RootSearch::default()) {
            Ok((found, entry)) => {
                prop_assert!(found.root_value.abs() <= 1e-13 * magnitude(&expansion));
                prop_assert!((found.value - function.value(x)).abs() <= 1e-14 * magnitude(&expansion));
                prop_assert!(entry.relative_error() <= 1e-12, "{entry:?}");
            }
            Err(kernels::Error::Relevance(Error::NoCandidate { .. })) => {}
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }
}
