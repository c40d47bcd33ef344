//! Solutions against the conditions of optimality, against LIBSVM, and against the reference vectors.

use libsvm_rs::train::svm_train;
use libsvm_rs::{KernelType, SvmNode, SvmParameterBuilder, SvmProblem, SvmType};
use linfa::ParamGuard;
use ndarray::{Array1, Array2, ArrayView2, array};
use ndarray_npy::read_npy;
use proptest::prelude::*;

use super::*;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/bow");

fn golden_array<T: ndarray::Dimension>(case: &str, name: &str) -> ndarray::Array<f64, T> {
    read_npy(format!("{GOLDEN}/{case}/{name}.npy")).unwrap()
}

fn golden_cost(case: &str) -> f64 {
    let manifest = std::fs::read_to_string(format!("{GOLDEN}/{case}/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    manifest["params"]["C"].as_f64().unwrap()
}

fn positive(labels: &Array1<f64>) -> Vec<bool> {
    labels.iter().map(|&label| label > 0.0).collect()
}

fn assert_close(found: &[f64], expected: &[f64], relative: f64, absolute: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (position, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= absolute + relative * expected.abs(),
            "{what}[{position}]: {found} {expected}"
        );
    }
}

/// The conditions in their textbook form, by plain loops.
fn kkt_violation(gram: ArrayView2<'_, f64>, positive: &[bool], costs: [f64; 2], dual: &DualSolution) -> f64 {
    let mut worst = dual.coefficients.sum().abs();
    for (i, &is_positive) in positive.iter().enumerate() {
        let (sign, cost) = if is_positive { (1.0, costs[0]) } else { (-1.0, costs[1]) };
        let alpha = sign * dual.coefficients[i];
        assert!((0.0..=cost).contains(&alpha), "α = {alpha} of 0..={cost}");
        let mut score = dual.bias;
        for j in 0..positive.len() {
            score += dual.coefficients[j] * gram[[j, i]];
        }
        let margin = sign * score;
        if alpha < cost {
            worst = worst.max(1.0 - margin);
        }
        if alpha > 0.0 {
            worst = worst.max(margin - 1.0);
        }
    }
    worst
}

/// LIBSVM's dual objective at a tight tolerance.
fn libsvm_objective(gram: ArrayView2<'_, f64>, positive: &[bool], cost: f64) -> f64 {
    let row = |i: usize| -> Vec<SvmNode> {
        let serial = SvmNode { index: 0, value: (i + 1) as f64 };
        let values = gram.row(i);
        std::iter::once(serial)
            .chain(values.iter().enumerate().map(|(j, &value)| SvmNode { index: j as i32 + 1, value }))
            .collect()
    };
    let problem = SvmProblem {
        labels: positive.iter().map(|&positive| if positive { 1.0 } else { -1.0 }).collect(),
        instances: (0..positive.len()).map(row).collect(),
    };
    let parameters = SvmParameterBuilder::new()
        .svm_type(SvmType::CSvc)
        .kernel_type(KernelType::Precomputed)
        .c(cost)
        .eps(1e-5)
        .shrinking(false)
        .build()
        .unwrap();
    libsvm_rs::set_quiet(true);
    let model = svm_train(&problem, &parameters);
    let mut coefficients: Array1<f64> = Array1::zeros(positive.len());
    for (coefficient, support) in model.sv_coef[0].iter().zip(&model.sv_indices) {
        coefficients[support - 1] = *coefficient;
    }
    coefficients.mapv(f64::abs).sum() - 0.5 * coefficients.dot(&gram.dot(&coefficients))
}

#[test]
fn support_vector_machines_are_those_of_the_reference() {
    let cases = [
        ("kernel_linear", "gram_train"),
        ("kernel_hi", "gram_train"),
        ("kernel_chi2", "gram_train"),
        ("kernel_rbf", "gram_train"),
        ("mkl_fixed_hi", "gram_combined"),
        ("mkl_fixed_chi2", "gram_combined"),
        ("mkl_fixed_rbf_chi2", "gram_combined"),
    ];
    for (case, gram) in cases {
        let gram: Array2<f64> = golden_array(case, gram);
        let dual = SvmParams::default()
            .cost(golden_cost(case))
            .fit_gram(gram.view(), &positive(&golden_array(case, "y_train")))
            .unwrap();
        let expected: Array1<f64> = golden_array(case, "alpha_y");
        assert_close(&dual.coefficients.to_vec(), &expected.to_vec(), 1e-5, 1e-5, case);
        let bias: Array1<f64> = golden_array(case, "b");
        assert_close(&[dual.bias], &bias.to_vec(), 1e-6, 1e-6, case);
        for (found, expected) in dual.coefficients.iter().zip(&expected) {
            assert_eq!(*found == 0.0, *expected == 0.0, "{case}: support vectors");
        }
        assert!(dual.kkt_violation < 1e-9, "{case}: {}", dual.kkt_violation);
    }
}

#[test]
fn learned_kernel_weights_are_those_of_the_reference() {
    let case = "mkl_lp2";
    let points: Array2<f64> = golden_array(case, "X_train");
    let manifest = std::fs::read_to_string(format!("{GOLDEN}/{case}/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let sigma = |kernel: usize| manifest["params"]["sigma"][kernel].as_f64().unwrap();
    let gram = |kernel: &dyn Fn(f64, f64) -> f64, of_sum: &dyn Fn(f64) -> f64| {
        let n = points.nrows();
        Array2::from_shape_fn((n, n), |(i, j)| {
            of_sum(points.row(i).iter().zip(points.row(j)).map(|(&x, &z)| kernel(x, z)).sum())
        })
    };
    let chi_squared = |x: f64, z: f64| if x + z > 0.0 { (x - z) * (x - z) / (x + z) } else { 0.0 };
    let grams = [
        gram(&f64::min, &|sum| sum),
        gram(&chi_squared, &|sum| (-sigma(1) * sum).exp()),
        gram(&|x, z| (x - z) * (x - z), &|sum| (-sum / sigma(2)).exp()),
    ];
    let svm = SvmParams::default().cost(golden_cost(case));
    let labels = positive(&golden_array(case, "y_train"));
    let weights = KernelWeights::Learned(LpNorm { norm: 2.0, ..LpNorm::default() });
    let solution = train_kernel_weights(&grams, &labels, &weights, &svm).unwrap();
    let expected: Array1<f64> = golden_array(case, "beta");
    assert_close(&solution.weights, &expected.to_vec(), 1e-9, 1e-9, "weights");
    let expected: Array1<f64> = golden_array(case, "alpha_y");
    assert_close(&solution.dual.coefficients.to_vec(), &expected.to_vec(), 1e-7, 1e-7, "coefficients");
}

/// Points with small integer coordinates: duplicates and dependent rows are frequent.
fn problems() -> impl Strategy<Value = (Array2<f64>, Vec<bool>)> {
    (2_usize..40, 1_usize..6).prop_flat_map(|(points, dimensions)| {
        let coordinates = prop::collection::vec(-2_i8..=2, points * dimensions);
        let labels = prop::collection::vec(any::<bool>(), points);
        (coordinates, labels).prop_map(move |(coordinates, mut labels)| {
            labels[0] = true;
            labels[points - 1] = false;
            let values = coordinates.into_iter().map(f64::from).collect();
            (Array2::from_shape_vec((points, dimensions), values).unwrap(), labels)
        })
    })
}

fn linear(points: &Array2<f64>) -> Array2<f64> {
    points.dot(&points.t())
}

fn gaussian(points: &Array2<f64>, sigma: f64) -> Array2<f64> {
    let n = points.nrows();
    Array2::from_shape_fn((n, n), |(i, j)| {
        let difference = &points.row(i) - &points.row(j);
        (-difference.dot(&difference) / sigma).exp()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn solutions_are_optimal((points, labels) in problems(), kind in 0..4, cost in prop::sample::select(vec![0.01, 1.0, 10.0, 1000.0])) {
        let gram = match kind {
            0 => linear(&points),
            1 => gaussian(&points, 2.0),
            2 => gaussian(&points, 1e4), // nearly constant
            _ => Array2::zeros((points.nrows(), points.nrows())),
        };
        let dual = SvmParams::default().cost(cost).fit_gram(gram.view(), &labels).unwrap();
        prop_assert!(dual.kkt_violation < 1e-9, "{}", dual.kkt_violation);
        let violation = kkt_violation(gram.view(), &labels, [cost, cost], &dual);
        prop_assert!(violation < 1e-9, "{violation} {}", dual.kkt_violation);
        let (ours, libsvm) = (dual.objective(gram.view()).unwrap(), libsvm_objective(gram.view(), &labels, cost));
        // LIBSVM's point is feasible up to rounding: it can't be better.
        prop_assert!(ours >= libsvm - 1e-9 * (1.0 + libsvm.abs()), "{ours} {libsvm}");
    }

    #[test]
    fn class_weights_scale_the_bounds((points, labels) in problems(), weight in 0.25_f64..4.0) {
        let gram = gaussian(&points, 2.0);
        let class_weight = ClassWeight::Given { positive: weight, negative: 1.0 };
        let dual = SvmParams::default().cost(0.5).class_weight(class_weight).fit_gram(gram.view(), &labels).unwrap();
        let violation = kkt_violation(gram.view(), &labels, [0.5 * weight, 0.5], &dual);
        prop_assert!(violation < 1e-9, "{violation}");
    }

    #[test]
    fn learned_weights_can_not_be_improved((points, labels) in problems(), norm in 1.2_f64..4.0) {
        let grams = [linear(&points), gaussian(&points, 2.0), gaussian(&points.mapv(f64::abs), 5.0)];
        let svm = SvmParams::default().cost(1.0);
        let learned = KernelWeights::Learned(LpNorm { norm, ..LpNorm::default() });
        let solution = train_kernel_weights(&grams, &labels, &learned, &svm).unwrap();
        let total: f64 = solution.weights.iter().map(|weight| weight.powf(norm)).sum();
        prop_assert!((total - 1.0).abs() < 1e-12);
        let value = |weights: &[f64]| {
            let gram = combined_gram(&grams, weights).unwrap();
            svm.fit_gram(gram.view(), &labels).unwrap().objective(gram.view()).unwrap()
        };
        let best = value(&solution.weights);
        for changed in 0..grams.len() {
            for factor in [0.9, 1.1] {
                let mut weights = solution.weights.clone();
                weights[changed] *= factor;
                let length = weights.iter().map(|weight| weight.powf(norm)).sum::<f64>().powf(1.0 / norm);
                weights.iter_mut().for_each(|weight| *weight /= length);
                prop_assert!(value(&weights) >= best - 1e-9 * best.abs());
            }
        }
    }
}

#[test]
fn balanced_weights_make_both_classes_cost_the_same() {
    let points = Array2::from_shape_fn((12, 2), |(i, j)| ((i * 5 + j * 3) % 7) as f64);
    let labels: Vec<bool> = (0..12).map(|i| i < 3).collect();
    let gram = gaussian(&points, 1.0);
    let svm = SvmParams::default().cost(0.5).class_weight(ClassWeight::Balanced);
    let dual = svm.fit_gram(gram.view(), &labels).unwrap();
    assert!(kkt_violation(gram.view(), &labels, [0.5 * 2.0, 0.5 * 2.0 / 3.0], &dual) < 1e-9);
}

#[test]
fn a_gram_matrix_in_any_layout_gives_the_same_machine() {
    let points = Array2::from_shape_fn((19, 3), |(i, j)| ((i * 5 + j * 3) % 7) as f64);
    let labels: Vec<bool> = (0..19).map(|i| i % 3 == 0).collect();
    let gram = gaussian(&points, 3.0);
    let svm = SvmParams::default();
    let dual = svm.fit_gram(gram.view(), &labels).unwrap();
    assert_eq!(svm.fit_gram(gram.t(), &labels).unwrap(), dual);
}

#[test]
fn wide_ranges_of_values_and_costs_are_solved() {
    let points =
        Array2::from_shape_fn((60, 4), |(i, j)| ((i * 37 + j * 101 + i * i * 7) % 97) as f64 * 10_f64.powi(j as i32));
    let labels: Vec<bool> = (0..60).map(|i| (i * 7) % 5 < 2).collect();
    let gram = linear(&points);
    for cost in [1e-12, 1e-6, 1.0, 1e6] {
        let dual = SvmParams::default().cost(cost).fit_gram(gram.view(), &labels).unwrap();
        let scale = gram.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        let total = dual.coefficients.mapv(f64::abs).sum();
        assert!(dual.kkt_violation < 1e-9 + 1e-14 * scale * total, "C = {cost}: {}", dual.kkt_violation);
    }
}

#[test]
fn a_matrix_that_is_not_positive_semi_definite_ends() {
    let gram = Array2::from_shape_fn((30, 30), |(i, j)| {
        ((i as f64 * 1.7).sin() * (j as f64 * 1.7).sin()) - f64::from(u8::from(i == j))
    });
    let labels: Vec<bool> = (0..30).map(|i| i % 2 == 0).collect();
    match SvmParams::default().fit_gram(gram.view(), &labels) {
        Ok(dual) => assert!(dual.kkt_violation < 1e-9),
        Err(error) => assert!(matches!(error, TrainingError::NotConverged { .. }), "{error}"),
    }
}

#[test]
fn costs_are_compared_alike_for_any_number_of_threads() {
    let points = Array2::from_shape_fn((60, 3), |(i, j)| ((i * 37 + j * 11 + i * i) % 23) as f64 / 7.0);
    let labels: Vec<bool> = points.rows().into_iter().map(|row| row.sum() > 4.5).collect();
    let gram = gaussian(&points, 4.0);
    let validation = CrossValidation { folds: 4, seed: 3 };
    let select = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            validation.compare_costs(&SvmParams::default(), &[100.0, 0.001, 1.0, 10.0], gram.view(), &labels).unwrap()
        })
    };
    let selection = select(1);
    assert_eq!(selection, select(3));
    let best = selection.scores.iter().map(|score| score.area_under_curve).fold(0.0, f64::max);
    let smallest = selection.scores.iter().filter(|score| score.area_under_curve == best).map(|score| score.cost);
    assert_eq!(selection.best, smallest.fold(f64::INFINITY, f64::min));
    assert!(best > 0.8, "{selection:?}");

    let folds = validation.stratified_folds(&labels).unwrap();
    for fold in 0..4 {
        for label in [true, false] {
            let all = labels.iter().filter(|&&other| other == label).count();
            let here = folds.iter().zip(&labels).filter(|&(&other, &of)| other == fold && of == label).count();
            assert!((all / 4..=all.div_ceil(4)).contains(&here));
        }
    }
    assert_ne!(folds, CrossValidation { folds: 4, seed: 4 }.stratified_folds(&labels).unwrap());
}

#[test]
fn bad_input_is_told() {
    let gram = array![[1.0, 0.0], [0.0, 1.0]];
    let labels = [true, false];
    let svm = SvmParams::default();
    let fit = |gram: &Array2<f64>, labels: &[bool]| svm.fit_gram(gram.view(), labels).unwrap_err().to_string();
    assert!(fit(&gram, &[true, true]).contains("all 2 training points are positive"));
    assert!(fit(&gram, &[false, false]).contains("negative"));
    assert!(fit(&gram, &[true]).contains("labels of the Gram matrix: 1 where 2 are needed"));
    assert!(fit(&Array2::zeros((0, 0)), &[]).contains("no training points"));
    assert!(fit(&Array2::zeros((2, 3)), &labels).contains("2 × 3"));
    assert!(fit(&array![[1.0, 0.5], [0.0, 1.0]], &labels).contains("not symmetric: k(1, 0) = 0, but k(0, 1) = 0.5"));
    assert!(fit(&array![[1.0, f64::NAN], [0.0, 1.0]], &labels).contains("NaN at [0, 1]"));

    for cost in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(svm.clone().cost(cost).check(), Err(TrainingError::Parameter { name: "cost", .. })));
    }
    assert!(svm.clone().tolerance(0.0).check().is_err());
    let weight = ClassWeight::Given { positive: 1.0, negative: -1.0 };
    assert!(svm.clone().class_weight(weight).check().is_err());

    let grams = [gram.clone(), gram.clone()];
    let learn =
        |grams: &[Array2<f64>], weights| train_kernel_weights(grams, &labels, &weights, &svm).unwrap_err().to_string();
    assert!(learn(&grams, KernelWeights::Given(vec![1.0])).contains("kernel weights: 1 where 2 are needed"));
    assert!(learn(&grams, KernelWeights::Given(vec![1.0, -0.5])).contains("kernel weight = -0.5"));
    assert!(learn(&[], KernelWeights::Learned(LpNorm::default())).contains("no training points"));
    assert!(learn(&[gram.clone(), Array2::eye(3)], KernelWeights::Given(vec![1.0, 1.0])).contains("rows"));
    for norm in [1.0, 0.5, f64::NAN, f64::INFINITY] {
        let message = learn(&grams, KernelWeights::Learned(LpNorm { norm, ..LpNorm::default() }));
        assert!(message.contains("norm p"), "{message}");
    }
    let too_few = LpNorm { norm: 1.5, max_iterations: 1, ..LpNorm::default() };
    assert!(learn(&[gram.clone(), 2.0 * &gram], KernelWeights::Learned(too_few)).contains("did not converge"));

    let validate = |folds, costs: &[f64]| {
        CrossValidation { folds, seed: 0 }.compare_costs(&svm, costs, gram.view(), &labels).unwrap_err().to_string()
    };
    assert!(validate(1, &[1.0]).contains("at least 2"));
    assert!(validate(2, &[1.0]).contains("2 folds, but only 1 points are positive"));
    assert!(validate(2, &[0.0]).contains("cost = 0"));
}
