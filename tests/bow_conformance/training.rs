//! Kinds `kernel_svm`, `mkl_fixed`, `mkl_lp`: Gram matrices and the machines trained on them.

use bow_classifier::training::{KernelWeights, LpNorm, SvmParams, combined_gram, train_kernel_weights};
use kernels::{
    ChiSquaredPrinted, Coefficients, ExpansionTerm, Kernel, KernelExpansion, ZeroQuotient, gram, symmetric_gram,
};
use ndarray::{Array1, Array2};

use crate::conformance::Case;
use crate::expansions::{kernel, rows};

/// What retraining may change of a value of f (golden README, section 2).
const RETRAINED: f64 = 1e-5;

fn positive(case: &Case) -> Vec<bool> {
    case.vector("y_train").iter().map(|&label| label > 0.0).collect()
}

fn machine(case: &Case) -> SvmParams {
    SvmParams::default().cost(case.number("C"))
}

pub fn support_vector_machine(case: &Case) {
    let kernel = kernel(case.text("kernel"), &case.params["sigma"]);
    let (training, test) = (case.matrix("X_train"), case.matrix("X_test"));
    let train_gram = symmetric_gram(&kernel, training.view()).unwrap();
    case.compare("gram_train", &train_gram);
    case.compare("gram_train", &gram(&kernel, training.view(), training.view()).unwrap());
    case.compare("gram_test", &gram(&kernel, test.view(), training.view()).unwrap());

    let trained = machine(case).fit_gram(train_gram.view(), &positive(case)).unwrap();
    if case.params["alpha_unique"] == true {
        case.compare("alpha_y", &trained.coefficients);
    } else {
        // Other coefficients can be as good; how good they are is what all solutions share.
        let wanted = case.number("dual_objective");
        let found = trained.objective(train_gram.view()).unwrap();
        case.require("the dual objective", (found - wanted).abs() <= 1e-9 * wanted.abs());
        case.leave_out("alpha_y");
    }
    case.compare_number("b", trained.bias);

    let expand = |coefficients: Array1<f64>, bias| {
        let term = ExpansionTerm { kernel, weight: 1.0, support: training.clone().into() };
        KernelExpansion::new(vec![term], Coefficients::Shared(coefficients), bias).unwrap()
    };
    let retrained = expand(trained.coefficients, trained.bias);
    case.compare_within("f_train", &retrained.values(training.view()).unwrap(), RETRAINED);
    case.compare_within("f_test", &retrained.values(test.view()).unwrap(), RETRAINED);
    let given = expand(case.vector("alpha_y"), case.vector("b")[0]);
    case.compare("f_train", &given.values(training.view()).unwrap());
    case.compare("f_test", &given.values(test.view()).unwrap());

    if case.has("gram_train_literal44") {
        let printed = ChiSquaredPrinted::new(case.number("sigma")).unwrap().into();
        case.compare("gram_train_literal44", &symmetric_gram(&printed, training.view()).unwrap());
    }
    for (name, reading) in
        [("dk_at_test1", ZeroQuotient::RightDerivative), ("dk_at_test1_zeroconv", ZeroQuotient::Zero)]
    {
        if case.has(name) {
            case.compare(name, &derivatives(&kernel, &training, &test.row(1).to_owned(), reading));
        }
    }
}

/// `∂k(x_i, ·)/∂x` at a point, one training point a row.
fn derivatives(kernel: &Kernel, training: &Array2<f64>, point: &Array1<f64>, reading: ZeroQuotient) -> Array2<f64> {
    let of_each = training.rows().into_iter().map(|row| kernel.derivative(row, point.view(), reading).unwrap());
    rows(&of_each.collect::<Vec<_>>())
}

/// The kernels of a multiple-kernel case.
fn kernels(case: &Case) -> Vec<Kernel> {
    let names = case.params["kernels"].as_array().unwrap();
    let sigmas = case.params["sigma"].as_array().unwrap();
    names.iter().zip(sigmas).map(|(name, sigma)| kernel(name.as_str().unwrap(), sigma)).collect()
}

fn joined(parts: &[Array2<f64>]) -> Array2<f64> {
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    ndarray::concatenate(ndarray::Axis(1), &views).unwrap()
}

fn expand(
    kernels: &[Kernel],
    weights: &[f64],
    support: &[Array2<f64>],
    coefficients: Array1<f64>,
    bias: f64,
) -> KernelExpansion {
    let terms = kernels
        .iter()
        .zip(weights)
        .zip(support)
        .map(|((&kernel, &weight), support)| ExpansionTerm { kernel, weight, support: support.clone().into() })
        .collect();
    KernelExpansion::new(terms, Coefficients::Shared(coefficients), bias).unwrap()
}

pub fn fixed_kernel_weights(case: &Case) {
    let kernels = kernels(case);
    let weights: Vec<f64> =
        case.params["beta"].as_array().unwrap().iter().map(|weight| weight.as_f64().unwrap()).collect();
    let (training, test) = (case.matrices("X_train_"), case.matrices("X_test_"));
    let grams: Vec<Array2<f64>> = kernels
        .iter()
        .zip(&training)
        .map(|(kernel, training)| symmetric_gram(kernel, training.view()).unwrap())
        .collect();
    case.compare("gram_combined", &combined_gram(&grams, &weights).unwrap());
    for (channel, kernel) in kernels.iter().enumerate() {
        let found = gram(kernel, test[channel].view(), training[channel].view()).unwrap();
        case.compare(&format!("gram_test_{channel}"), &found);
    }

    let given = KernelWeights::Given(weights.clone());
    let solution = train_kernel_weights(&grams, &positive(case), &given, &machine(case)).unwrap();
    case.require("that given weights are used", solution.weights == weights);
    let trained = solution.dual;
    case.compare("alpha_y", &trained.coefficients);
    case.compare_number("b", trained.bias);

    let all = joined(&test);
    let retrained = expand(&kernels, &weights, &training, trained.coefficients, trained.bias);
    case.compare_within("f_test", &retrained.values(all.view()).unwrap(), RETRAINED);
    let given = expand(&kernels, &weights, &training, case.vector("alpha_y"), case.number("b"));
    case.compare("f_test", &given.values(all.view()).unwrap());
}

pub fn learned_kernel_weights(case: &Case) {
    let kernels = kernels(case);
    let (training, test) = (case.matrix("X_train"), case.matrix("X_test"));
    let grams: Vec<Array2<f64>> =
        kernels.iter().map(|kernel| symmetric_gram(kernel, training.view()).unwrap()).collect();
    let learn = KernelWeights::Learned(LpNorm { norm: case.number("p"), ..LpNorm::default() });
    let solution = train_kernel_weights(&grams, &positive(case), &learn, &machine(case)).unwrap();
    let (weights, trained) = (solution.weights, solution.dual);
    case.compare("beta", &Array1::from(weights.clone()));
    case.compare("alpha_y", &trained.coefficients);
    case.compare_number("b", trained.bias);

    // The kernels share their features here: each gets a copy of them.
    let support = vec![training; kernels.len()];
    let expansion = expand(&kernels, &weights, &support, trained.coefficients, trained.bias);
    case.compare("f_test", &expansion.values(joined(&vec![test; kernels.len()]).view()).unwrap());
}
