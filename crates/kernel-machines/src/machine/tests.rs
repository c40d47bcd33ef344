//! Against machines put together by hand, through linfa's own tools, and with what can't be learned from.

use kernels::{ChiSquared, Linear, gram};
use linfa::prelude::*;
use ndarray::{Array1, Array2, array, s};

use super::*;
use crate::{LpNorm, combined_gram};

/// Histograms of five words; those of positive records are fuller in the first and the fourth, more or less.
fn records(count: usize) -> Dataset<f64, bool, ndarray::Ix1> {
    let records = Array2::from_shape_fn((count, 5), |(i, d)| {
        let share = 0.5 + 0.5 * ((i * 37 + d * 11 + i * i * 3) as f64).sin();
        if i % 2 == 0 && d % 3 == 0 { share + 0.3 } else { share }
    });
    Dataset::new(records, (0..count).map(|i| i % 2 == 0).collect())
}

fn params() -> KernelMachineParams {
    let given = Kernel::from(ChiSquared::new(0.7).unwrap());
    KernelMachineParams::new([KernelChannel::new(given, 2), KernelChannel::new(KernelKind::Rbf, 3)])
}

fn learned() -> KernelMachineParams {
    params().weights(KernelWeights::Learned(LpNorm::default()))
}

fn with_costs(costs: &[f64]) -> Vec<KernelMachineParams> {
    costs.iter().map(|&cost| params().svm(SvmParams::default().cost(cost))).collect()
}

/// The two channels' Gram matrices, between `rows` and all records.
fn grams_by_hand(rows: ArrayView2<'_, f64>, all: ArrayView2<'_, f64>) -> [Array2<f64>; 2] {
    let fitted = KernelKind::Rbf.fit(all.slice(s![.., 2..])).unwrap();
    [
        gram(&ChiSquared::new(0.7).unwrap().into(), rows.slice(s![.., ..2]), all.slice(s![.., ..2])).unwrap(),
        gram(&fitted, rows.slice(s![.., 2..]), all.slice(s![.., 2..])).unwrap(),
    ]
}

#[test]
fn scores_are_those_of_a_machine_put_together_by_hand() {
    for (params, weights) in [
        (params(), KernelWeights::Given(vec![0.5, 0.5])),
        (learned(), KernelWeights::Learned(LpNorm::default())),
        (params().weights(KernelWeights::Given(vec![2.0, 0.0])), KernelWeights::Given(vec![2.0, 0.0])),
    ] {
        let (train, test) = (records(40), records(19));
        let positive = train.targets().to_vec();
        let machine = params.fit(&train).unwrap();
        let grams = grams_by_hand(train.records().view(), train.records().view());
        let solution = train_kernel_weights(&grams, &positive, &weights, &SvmParams::default()).unwrap();
        let rows = combined_gram(&grams_by_hand(test.records().view(), train.records().view()), &solution.weights);
        let expected = rows.unwrap().dot(&solution.dual.coefficients) + solution.dual.bias;
        let found = machine.scores(test.records().view()).unwrap();
        assert!((&found - &expected).iter().all(|error| error.abs() < 1e-8), "{found} {expected}");
        assert_eq!(machine.predict(test.records()), found.mapv(|score| score > 0.0));
        assert_eq!(machine.solution.dual.coefficients.len(), 40);
        assert!(machine.expansion.support_count() < 40);
    }
}

#[test]
fn cross_validation_of_linfa_is_that_of_its_folds_by_hand() {
    let (folds, costs) = (4, [0.05, 1.0, 100.0]);
    let mut dataset = records(32);
    let found: Result<Array1<f64>, TrainingError> =
        dataset.cross_validate_single(folds, &with_costs(&costs), |predicted, truth| {
            Ok(f64::from(predicted.confusion_matrix(truth)?.accuracy()))
        });
    let found = found.unwrap();
    let expected: Array1<f64> = with_costs(&costs)
        .iter()
        .map(|params| {
            let accuracies = records(32).fold(folds).into_iter().map(|(train, held_out)| {
                let scores = params.fit(&train).unwrap().scores(held_out.records().view()).unwrap();
                crate::accuracy(scores.view(), held_out.targets().as_slice().unwrap()).unwrap()
            });
            accuracies.sum::<f64>() / folds as f64
        })
        .collect();
    assert_eq!(found, expected);
    assert!(found[2] > 0.6, "{found}");
}

#[test]
fn folds_of_linfa_and_its_confusion_matrix_take_the_machine() {
    let mut dataset = records(30);
    let mut judged = 0;
    for (machine, held_out) in dataset.iter_fold(3, |train| learned().fit(train).unwrap()) {
        let confusion = machine.predict(&held_out).confusion_matrix(&held_out).unwrap();
        assert!(confusion.accuracy() > 0.5 && confusion.mcc().is_finite(), "{confusion:?}");
        judged += held_out.nsamples();
    }
    assert_eq!(judged, 30);
}

#[test]
fn errors_of_fit_come_through_cross_validation() {
    let accuracy = |predicted: &Array1<bool>, truth: &ndarray::ArrayView1<'_, bool>| {
        Ok(predicted.confusion_matrix(truth)?.accuracy())
    };
    let mut dataset = records(30);
    dataset.records[[4, 0]] = f64::NAN;
    let error: TrainingError = dataset.cross_validate_single(3, &[params()], accuracy).unwrap_err();
    assert!(matches!(error, TrainingError::Kernels(kernels::Error::NotFinite { .. })), "{error}");
    let error: TrainingError = records(30).cross_validate_single(3, &with_costs(&[0.0]), accuracy).unwrap_err();
    assert!(matches!(error, TrainingError::Parameter { name: "cost", .. }), "{error}");
    let judge = |_: &Array1<bool>, _: &ndarray::ArrayView1<'_, bool>| Err::<f32, _>(linfa::Error::NotEnoughSamples);
    let error: TrainingError = records(30).cross_validate_single(3, &[params()], judge).unwrap_err();
    assert!(matches!(error, TrainingError::Linfa(linfa::Error::NotEnoughSamples)), "{error}");
}

#[test]
fn predictions_come_in_each_of_linfas_forms() {
    let dataset = records(20);
    let machine = params().fit(&dataset.view()).unwrap();
    let expected: Array1<bool> = machine.predict(dataset.records());
    assert!(expected.iter().any(|&positive| positive) && expected.iter().any(|&positive| !positive));
    assert_eq!(machine.predict(&dataset.records().view()), expected);
    assert_eq!(machine.predict(&dataset), expected);
    assert_eq!(machine.predict(dataset.clone()).targets(), &expected);
    let mut targets = array![true];
    machine.predict_inplace(dataset.records(), &mut targets);
    assert_eq!(targets, expected);
    assert_eq!(machine.predict(&Array2::<f64>::zeros((0, 5))).len(), 0);
}

#[test]
fn records_without_a_score_are_not_positive_and_leave_the_others_alone() {
    let dataset = records(20);
    let machine = params().fit(&dataset).unwrap();
    let expected = machine.predict(&dataset);
    let positives: Vec<usize> = (0..20).filter(|&row| expected[row]).collect();
    for (bad, column) in [(f64::NAN, 4), (f64::INFINITY, 2), (-0.1, 1)] {
        let mut records = dataset.records().clone();
        records[[positives[1], column]] = bad;
        let found: Array1<bool> = machine.predict(&records);
        for row in 0..20 {
            assert_eq!(found[row], expected[row] && row != positives[1], "{bad} in row {row}");
        }
        let error = machine.scores(records.view()).unwrap_err().to_string();
        assert!(error.contains(&format!("row {}, column {column}", positives[1])), "{error}");
    }
    assert_eq!(machine.predict(&Array2::zeros((3, 4))), array![false, false, false]);
    assert_eq!(machine.predict(&Array2::zeros((2, 0))), array![false, false]);
}

#[test]
fn memory_order_does_not_matter() {
    let dataset = records(20);
    let columns = dataset.records().t().as_standard_layout().into_owned();
    let transposed = DatasetBase::new(columns.t(), dataset.targets().view());
    assert_eq!(params().fit(&transposed).unwrap(), params().fit(&dataset).unwrap());
}

#[test]
fn costs_are_compared_as_on_the_combined_gram_matrix() {
    let dataset = records(40);
    let (costs, validation) = ([0.01, 1.0, 10.0], CrossValidation { folds: 4, seed: 3 });
    let found = params().compare_costs(&dataset, &costs, &validation).unwrap();
    let grams = grams_by_hand(dataset.records().view(), dataset.records().view());
    let gram = combined_gram(&grams, &[0.5, 0.5]).unwrap();
    let positive = dataset.targets().to_vec();
    let expected = validation.compare_costs(&SvmParams::default(), &costs, gram.view(), &positive).unwrap();
    assert_eq!(found.best, expected.best);
    for (found, expected) in found.scores.iter().zip(&expected.scores) {
        assert!((found.accuracy - expected.accuracy).abs() < 1e-15, "{found:?} {expected:?}");
        assert!((found.area_under_curve - expected.area_under_curve).abs() < 1e-15, "{found:?} {expected:?}");
    }
}

#[test]
fn learned_weights_do_not_see_what_is_held_out() {
    let dataset = records(40);
    let validation = CrossValidation { folds: 4, seed: 3 };
    let found = learned().compare_costs(&dataset, &[10.0], &validation).unwrap();
    let positive = dataset.targets().to_vec();
    let folds = validation.stratified_folds(&positive).unwrap();
    let grams = grams_by_hand(dataset.records().view(), dataset.records().view());
    let mut right = 0;
    for fold in 0..4 {
        let (held_out, kept): (Vec<usize>, Vec<usize>) = (0..40).partition(|&point| folds[point] == fold);
        let labels: Vec<bool> = kept.iter().map(|&point| positive[point]).collect();
        let kept_grams = grams.each_ref().map(|gram| gram.select(Axis(0), &kept).select(Axis(1), &kept));
        let learning = KernelWeights::Learned(LpNorm::default());
        let solution = train_kernel_weights(&kept_grams, &labels, &learning, &SvmParams::default()).unwrap();
        for point in held_out {
            let mut score = solution.dual.bias;
            for (position, &other) in kept.iter().enumerate() {
                for (gram, weight) in grams.iter().zip(&solution.weights) {
                    score += solution.dual.coefficients[position] * weight * gram[[point, other]];
                }
            }
            right += usize::from((score > 0.0) == positive[point]);
        }
    }
    assert!((found.scores[0].accuracy - right as f64 / 40.0).abs() < 1e-15, "{found:?}, {right} right");
}

fn parameter_of(params: KernelMachineParams) -> &'static str {
    assert!(params.fit(&records(10)).is_err());
    match params.check().unwrap_err() {
        TrainingError::Parameter { name, .. } => name,
        TrainingError::Length { what, .. } => what,
        other => panic!("{other}"),
    }
}

#[test]
fn parameters_are_checked() {
    assert_eq!(parameter_of(KernelMachineParams::new([])), "number of channels");
    let empty = KernelChannel::new(KernelKind::Linear, 0);
    assert_eq!(parameter_of(KernelMachineParams::new([empty])), "number of dimensions of a channel");
    assert_eq!(parameter_of(params().weights(KernelWeights::Given(vec![1.0]))), "kernel weights");
    assert_eq!(parameter_of(params().weights(KernelWeights::Given(vec![1.0, -1.0]))), "kernel weight");
    let sparse = LpNorm { norm: 1.0, ..LpNorm::default() };
    assert_eq!(parameter_of(params().weights(KernelWeights::Learned(sparse))), "norm p of the kernel weights");
    assert_eq!(parameter_of(params().svm(SvmParams::default().cost(f64::NAN))), "cost");
}

#[test]
fn records_that_can_not_be_learned_from_are_errors() {
    let dataset = records(10);
    let message = |dataset: &Dataset<f64, bool, ndarray::Ix1>| {
        let message = params().fit(dataset).unwrap_err().to_string();
        let compared = params().compare_costs(dataset, &[1.0], &CrossValidation { folds: 2, seed: 0 });
        assert_eq!(compared.unwrap_err().to_string(), message);
        message
    };
    let narrow = Dataset::new(Array2::zeros((10, 4)), dataset.targets().clone());
    assert_eq!(message(&narrow), "dimensions of the vectors, all channels together: 4 where 5 are needed");
    let unlabeled = Dataset::new(dataset.records().clone(), array![true, false]);
    assert_eq!(message(&unlabeled), "labels of the records: 2 where 10 are needed");
    assert!(message(&dataset.clone().map_targets(|_| true)).contains("all 10 training points are positive"));
    assert!(message(&Dataset::new(Array2::zeros((0, 5)), array![])).contains("no training points"));
    let same = Dataset::new(Array2::zeros((10, 5)), dataset.targets().clone());
    assert!(message(&same).contains("no bandwidth from 10 points"));

    let mut negative = dataset.clone();
    negative.records[[3, 1]] = -1.0;
    assert!(message(&negative).contains("row 3, column 1 holds -1"));
    let mut endless = dataset.clone();
    endless.records[[3, 4]] = f64::INFINITY;
    assert!(message(&endless).contains("row 3, column 4 holds inf"), "{}", message(&endless));

    let huge = [usize::MAX, usize::MAX].map(|dimensions| KernelChannel::new(Kernel::from(Linear), dimensions));
    assert!(KernelMachineParams::new(huge).fit(&dataset).is_err());
}
