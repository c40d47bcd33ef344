//! Kinds `r3_sum`, `r3_taylor`, `root_search`: kernel expansions and the relevance of their dimensions.

use kernels::{
    ChiSquared, ChiSquaredPrinted, Coefficients, ExpansionTerm, HistogramIntersection, Kernel, KernelExpansion, Linear,
    Rbf, ZeroQuotient, sum_relevance,
};
use ndarray::{Array1, Array2, ArrayView1, Axis, stack};
use relevance::{Candidates, Differentiable, RootSearch, RootSelection, taylor_decomposition as taylor};
use serde_json::Value;

use crate::conformance::{Case, number};

/// A kernel by the names of the golden cases.
pub fn kernel(name: &str, sigma: &Value) -> Kernel {
    let sigma = || number(sigma).expect("a kernel with a bandwidth");
    match name {
        "linear" => Linear.into(),
        "hi" => HistogramIntersection.into(),
        "chi2" => ChiSquared::new(sigma()).unwrap().into(),
        "chi2_literal44" => ChiSquaredPrinted::new(sigma()).unwrap().into(),
        "rbf" => Rbf::new(sigma()).unwrap().into(),
        unknown => panic!("kernel '{unknown}' is unknown"),
    }
}

/// The model that a case gives: support, coefficients, kernels and bias.
pub fn expansion(case: &Case) -> KernelExpansion {
    let channels = case.params["channels"].as_array().unwrap();
    let terms = channels
        .iter()
        .zip(case.matrices("X_train_"))
        .map(|(channel, support)| {
            let kernel = kernel(channel["kernel"].as_str().unwrap(), &channel["sigma"]);
            ExpansionTerm { kernel, weight: channel["beta"].as_f64().unwrap(), support: support.into() }
        })
        .collect();
    KernelExpansion::new(terms, Coefficients::Shared(case.vector("alpha_y")), case.number("b")).unwrap()
}

/// Vectors, one a row.
pub fn rows(vectors: &[Array1<f64>]) -> Array2<f64> {
    let views: Vec<ArrayView1<'_, f64>> = vectors.iter().map(Array1::view).collect();
    stack(Axis(0), &views).unwrap()
}

pub fn sum_decomposition(case: &Case) {
    let expansion = expansion(case);
    let points = case.matrix("X_test");
    case.compare("f_test", &expansion.values(points.view()).unwrap());
    let decompositions: Vec<Array1<f64>> = points
        .rows()
        .into_iter()
        .map(|x| {
            let (relevance, entry) = sum_relevance(&expansion, x).unwrap();
            case.require("conservation", entry.relative_error() <= 1e-12);
            relevance
        })
        .collect();
    if case.has("R3_sum") {
        case.compare("R3_sum", &decompositions.iter().map(Array1::sum).collect::<Array1<f64>>());
    }
    case.compare("R3", &rows(&decompositions));
}

pub fn taylor_decomposition(case: &Case) {
    let expansion = expansion(case);
    let (points, roots) = (case.matrix("X_test"), case.matrix("x0"));
    let decompose = |reading: ZeroQuotient| -> Vec<_> {
        let function = expansion.differentiable(reading).unwrap();
        points.rows().into_iter().zip(roots.rows()).map(|(x, root)| taylor(&function, x, root).unwrap()).collect()
    };
    let found = decompose(ZeroQuotient::RightDerivative);
    let each = |value: fn(&relevance::TaylorDecomposition) -> f64| found.iter().map(value).collect::<Array1<f64>>();
    let relevance: Vec<Array1<f64>> = found.iter().map(|found| found.relevance.clone()).collect();
    case.compare("f_test", &each(|found| found.value));
    case.compare("f_x0", &each(|found| found.root_value));
    case.compare("R3", &rows(&relevance));
    case.compare("R3_sum", &each(|found| found.relevance.sum()));
    case.compare("residual", &each(|found| found.remainder));
    for found in &found {
        case.require("conservation", found.entry("R³").relative_error() <= 1e-12);
    }
    let function = expansion.differentiable(ZeroQuotient::RightDerivative).unwrap();
    let gradients: Vec<Array1<f64>> = roots.rows().into_iter().map(|root| function.gradient(root)).collect();
    case.compare("grad_x0", &rows(&gradients));
    if case.has("R3_zeroconv") {
        let zero: Vec<Array1<f64>> = decompose(ZeroQuotient::Zero).into_iter().map(|found| found.relevance).collect();
        case.compare("R3_zeroconv", &rows(&zero));
    }
}

pub fn root_search(case: &Case) {
    let expansion = expansion(case);
    let function = expansion.differentiable(ZeroQuotient::RightDerivative).unwrap();
    let x = case.vector("x");
    let candidates = Candidates::new(&function, case.matrix("candidates")).unwrap();
    let roots = RootSearch::default().roots(&function, x.view(), &candidates).unwrap();
    let each = |value: fn(&relevance::Root) -> f64| roots.iter().map(value).collect::<Array1<f64>>();
    let vectors = |value: fn(&relevance::Root) -> &Array1<f64>| {
        rows(&roots.iter().map(|root| value(root).clone()).collect::<Vec<_>>())
    };

    case.compare_number("f_x", function.value(x.view()));
    case.compare("f_cand", candidates.values());
    case.compare("valid", &each(|root| root.candidate as f64));
    case.compare("a", &each(|root| root.position));
    case.compare("x0", &vectors(|root| &root.point));
    case.compare("f_root", &each(|root| root.decomposition.root_value));
    case.compare("R3", &vectors(|root| &root.decomposition.relevance));
    case.compare("residual", &each(|root| root.decomposition.residual()));
    case.compare("dist", &each(|root| root.distance));

    let select = |selection| {
        let search = RootSearch { selection, ..RootSearch::default() };
        search.decompose(&function, x.view(), &candidates).unwrap()
    };
    let average = select(RootSelection::AverageOfBest(case.count("k_avg")));
    case.compare("R3_avg", &average.relevance);
    case.require("conservation of the average", average.entry("R³").relative_error() <= 1e-12);
    for (name, selection) in
        [("sel_residual", RootSelection::SmallestResidual), ("sel_nearest", RootSelection::Nearest)]
    {
        let wanted = roots[case.count(name)].candidate;
        case.require(name, select(selection).candidates == [wanted]);
    }
}
