//! The reference vectors of kernels, expansions, R³ and root search.

use std::path::PathBuf;

use kernels::{
    ChiSquared, ChiSquaredPrinted, Coefficients, ExpansionTerm, HistogramIntersection, Kernel, KernelExpansion,
    KernelKind, Linear, Rbf, ZeroQuotient, gram, root_relevance, sum_relevance, symmetric_gram, taylor_relevance,
};
use ndarray::{Array, Array1, Array2, ArrayD, Axis, Dimension, s};
use relevance::{Candidates, Differentiable, RootSearch, RootSelection, SearchOver};
use serde_json::Value;

struct Case {
    folder: PathBuf,
    manifest: Value,
}

impl Case {
    fn open(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/bow").join(name);
        let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
        Self { folder, manifest: serde_json::from_str(&manifest).unwrap() }
    }

    fn array<D: Dimension>(&self, name: &str) -> Array<f64, D> {
        let file = self.manifest["arrays"][name]["file"].as_str().unwrap();
        let array: ArrayD<f64> = ndarray_npy::read_npy(self.folder.join(file)).unwrap();
        array.into_dimensionality().unwrap()
    }

    fn has(&self, name: &str) -> bool {
        !self.manifest["arrays"][name].is_null()
    }

    fn compare<D: Dimension>(&self, name: &str, got: &Array<f64, D>) {
        let want: Array<f64, D> = self.array(name);
        assert_eq!(got.shape(), want.shape(), "{name}");
        let entry = &self.manifest["arrays"][name];
        let (relative, absolute) = (entry["rtol"].as_f64().unwrap(), entry["atol"].as_f64().unwrap());
        for (index, (got, want)) in got.iter().zip(&want).enumerate() {
            let error = (got - want).abs();
            assert!(
                error <= absolute + relative * want.abs(),
                "{:?} {name}[{index}]: {got} is not {want}",
                self.folder
            );
        }
    }

    fn number(&self, name: &str) -> f64 {
        self.manifest["params"][name].as_f64().unwrap()
    }

    /// The expansion of a case that lists its channels.
    fn expansion(&self) -> KernelExpansion {
        let channels = self.manifest["params"]["channels"].as_array().unwrap();
        let term = |(index, channel): (usize, &Value)| ExpansionTerm {
            kernel: kernel(&channel["kernel"], &channel["sigma"]),
            weight: channel["beta"].as_f64().unwrap(),
            support: self.array(&format!("X_train_{index}")).into(),
        };
        let terms = channels.iter().enumerate().map(term).collect();
        KernelExpansion::new(terms, Coefficients::Shared(self.array("alpha_y")), self.number("b")).unwrap()
    }
}

fn kernel(name: &Value, sigma: &Value) -> Kernel {
    match name.as_str().unwrap() {
        "linear" => Linear.into(),
        "hi" => HistogramIntersection.into(),
        "chi2" => ChiSquared::new(sigma.as_f64().unwrap()).unwrap().into(),
        "rbf" => Rbf::new(sigma.as_f64().unwrap()).unwrap().into(),
        other => panic!("unknown kernel {other}"),
    }
}

#[test]
fn kernels_and_their_derivatives() {
    for name in ["kernel_linear", "kernel_hi", "kernel_chi2", "kernel_rbf"] {
        let case = Case::open(name);
        let params = &case.manifest["params"];
        let kernel = kernel(&params["kernel"], &params["sigma"]);
        let (train, test): (Array2<f64>, Array2<f64>) = (case.array("X_train"), case.array("X_test"));
        case.compare("gram_train", &symmetric_gram(&kernel, train.view()).unwrap());
        case.compare("gram_train", &gram(&kernel, train.view(), train.view()).unwrap());
        case.compare("gram_test", &gram(&kernel, test.view(), train.view()).unwrap());

        let fitted = kernel.kind().fit(train.view()).unwrap();
        let spread = &symmetric_gram(&fitted, train.view()).unwrap() - &symmetric_gram(&kernel, train.view()).unwrap();
        assert!(spread.iter().all(|difference| difference.abs() < 1e-13), "{name}: bandwidth {fitted:?}");

        let term = ExpansionTerm { kernel, weight: 1.0, support: train.clone().into() };
        let expansion =
            KernelExpansion::new(vec![term], Coefficients::Shared(case.array("alpha_y")), case.number("b")).unwrap();
        case.compare("f_train", &expansion.values(train.view()).unwrap());
        case.compare("f_test", &expansion.values(test.view()).unwrap());
        case.compare("f_test", &expansion.sparsified().values(test.view()).unwrap());

        for (array, zero_quotient) in
            [("dk_at_test1", ZeroQuotient::RightDerivative), ("dk_at_test1_zeroconv", ZeroQuotient::Zero)]
        {
            if case.has(array) {
                let rows = train.rows().into_iter().map(|x| kernel.derivative(x, test.row(1), zero_quotient).unwrap());
                let values: Vec<f64> = rows.flatten().collect();
                case.compare(array, &Array2::from_shape_vec(train.dim(), values).unwrap());
            }
        }
        if case.has("gram_train_literal44") {
            let printed = ChiSquaredPrinted::new(case.number("sigma")).unwrap().into();
            case.compare("gram_train_literal44", &symmetric_gram(&printed, train.view()).unwrap());
        }
    }
}

#[test]
fn several_kernels() {
    for name in ["mkl_fixed_chi2", "mkl_fixed_hi", "mkl_fixed_rbf_chi2"] {
        let case = Case::open(name);
        let params = &case.manifest["params"];
        let mut combined = Array2::zeros((0, 0));
        let (mut terms, mut columns, mut tests) = (Vec::new(), Vec::new(), Vec::new());
        for (index, kind) in params["kernels"].as_array().unwrap().iter().enumerate() {
            let kernel = kernel(kind, &params["sigma"][index]);
            let weight = params["beta"][index].as_f64().unwrap();
            let support: Array2<f64> = case.array(&format!("X_train_{index}"));
            let test: Array2<f64> = case.array(&format!("X_test_{index}"));
            case.compare(&format!("gram_test_{index}"), &gram(&kernel, test.view(), support.view()).unwrap());
            let part = symmetric_gram(&kernel, support.view()).unwrap() * weight;
            combined = if index == 0 { part } else { combined + part };
            columns.push(case.array::<ndarray::Ix1>("alpha_y") * weight);
            terms.push(ExpansionTerm { kernel, weight, support: support.into() });
            tests.push(test);
        }
        case.compare("gram_combined", &combined);
        let test_views: Vec<_> = tests.iter().map(Array2::view).collect();
        let test = ndarray::concatenate(Axis(1), &test_views).unwrap();
        let shared = Coefficients::Shared(case.array("alpha_y"));
        let expansion = KernelExpansion::new(terms.clone(), shared, case.number("b")).unwrap();
        case.compare("f_test", &expansion.values(test.view()).unwrap());

        for term in &mut terms {
            term.weight = 1.0;
        }
        let column_views: Vec<_> = columns.iter().map(Array1::view).collect();
        let per_kernel = Coefficients::PerKernel(ndarray::stack(Axis(1), &column_views).unwrap());
        let expansion = KernelExpansion::new(terms, per_kernel, case.number("b")).unwrap();
        case.compare("f_test", &expansion.values(test.view()).unwrap());
    }
}

#[test]
fn sum_decomposable_relevance() {
    for name in ["r3_linear", "r3_hi", "r3_mkl_hi"] {
        let case = Case::open(name);
        let expansion = case.expansion();
        let test: Array2<f64> = case.array("X_test");
        case.compare("f_test", &expansion.values(test.view()).unwrap());
        let mut relevance = Array2::zeros(test.dim());
        for (x, mut row) in test.rows().into_iter().zip(relevance.rows_mut()) {
            let (values, entry) = sum_relevance(&expansion, x).unwrap();
            assert!(entry.relative_error() < 1e-13);
            row.assign(&values);
        }
        case.compare("R3", &relevance);
        if case.has("R3_sum") {
            case.compare("R3_sum", &relevance.sum_axis(Axis(1)));
        }
        if expansion.terms().iter().all(|term| term.kernel.kind() == KernelKind::HistogramIntersection) {
            let sorted = expansion.sorted().unwrap();
            for (x, mut row) in test.rows().into_iter().zip(relevance.rows_mut()) {
                row.assign(&sorted.sum_relevance(x).unwrap().0);
            }
            case.compare("R3", &relevance);
        }
    }
}

#[test]
fn taylor_type_relevance() {
    for name in ["r3_chi2", "r3_rbf", "r3_mkl_fixed_chi2", "r3_mkl_fixed_rbf_chi2"] {
        let case = Case::open(name);
        let expansion = case.expansion();
        let (test, roots): (Array2<f64>, Array2<f64>) = (case.array("X_test"), case.array("x0"));
        let function = expansion.differentiable(ZeroQuotient::RightDerivative).unwrap();
        case.compare("f_test", &function.values(test.view()));
        case.compare("f_x0", &function.values(roots.view()));
        let mut gradients = Array2::zeros(test.dim());
        for (root, mut row) in roots.rows().into_iter().zip(gradients.rows_mut()) {
            row.assign(&function.gradient(root));
        }
        case.compare("grad_x0", &gradients);

        for (array, zero_quotient) in [("R3", ZeroQuotient::RightDerivative), ("R3_zeroconv", ZeroQuotient::Zero)] {
            if !case.has(array) {
                continue;
            }
            let function = expansion.differentiable(zero_quotient).unwrap();
            let mut relevance = Array2::zeros(test.dim());
            let mut residual = Array1::zeros(test.nrows());
            for row in 0..test.nrows() {
                let (x, root) = (test.row(row), roots.row(row));
                let (values, entry) = taylor_relevance(&function, x, root).unwrap();
                assert!(entry.relative_error() < 1e-12, "{name} {row}: {}", entry.relative_error());
                relevance.row_mut(row).assign(&values);
                residual[row] = function.remainder(x, root);
            }
            case.compare(array, &relevance);
            if array == "R3" {
                case.compare("R3_sum", &relevance.sum_axis(Axis(1)));
                case.compare("residual", &residual);
            }
        }
    }
}

#[test]
fn root_search() {
    for name in ["root_chi2", "root_rbf", "root_mkl_fixed_chi2"] {
        let case = Case::open(name);
        let expansion = case.expansion();
        let function = expansion.differentiable(ZeroQuotient::default()).unwrap();
        let x: Array1<f64> = case.array("x");
        let points: Array2<f64> = case.array("candidates");
        let candidates = Candidates::with_values(points.clone(), expansion.values(points.view()).unwrap()).unwrap();
        case.compare("f_x", &Array1::from_elem(1, function.value(x.view())));
        case.compare("f_cand", candidates.values());
        let roots = RootSearch::default().roots(&function, x.view(), &candidates).unwrap();
        let all = |part: &dyn Fn(&relevance::Root) -> f64| roots.iter().map(part).collect::<Array1<f64>>();
        case.compare("valid", &all(&|root| root.candidate as f64));
        case.compare("a", &all(&|root| root.position));
        case.compare("f_root", &all(&|root| root.decomposition.root_value));
        case.compare("residual", &all(&|root| root.decomposition.residual()));
        case.compare("dist", &all(&|root| root.distance));
        for (row, root) in roots.iter().enumerate() {
            let want: Array2<f64> = case.array("x0");
            assert!((&want.slice(s![row, ..]) - &root.point).iter().all(|error| error.abs() < 1e-10));
            let want: Array2<f64> = case.array("R3");
            assert!((&want.slice(s![row, ..]) - &root.decomposition.relevance).iter().all(|e| e.abs() < 1e-10));
        }
        let valid: Array1<f64> = case.array("valid");
        for (selection, array) in
            [(RootSelection::SmallestResidual, "sel_residual"), (RootSelection::Nearest, "sel_nearest")]
        {
            let search = RootSearch { selection, ..RootSearch::default() };
            let (found, entry) = root_relevance(&function, x.view(), &candidates, &search).unwrap();
            assert_eq!(found.candidates[0] as f64, valid[case.number(array) as usize]);
            assert!(entry.relative_error() < 1e-12);
        }
        let search =
            RootSearch { selection: RootSelection::AverageOfBest(3), over: SearchOver::All, ..RootSearch::default() };
        let (found, _) = root_relevance(&function, x.view(), &candidates, &search).unwrap();
        case.compare("R3_avg", &found.relevance);
    }
}
