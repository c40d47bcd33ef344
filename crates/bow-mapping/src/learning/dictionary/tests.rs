use linfa::prelude::*;
use ndarray::{Array2, array};
use proptest::prelude::*;

use super::*;
use crate::learning::test_data::{bits, with_several_threads};
use crate::test_data::random;

fn lasso(lambda: f64) -> Penalty {
    Penalty::Lasso(LassoOptions { lambda, ..Default::default() })
}

fn ridge(lambda: f64) -> Penalty {
    Penalty::Ridge(RidgeOptions { lambda })
}

/// Eq. 37 in plain loops.
fn plain_objective(words: &Array2<f64>, codes: &Array2<f64>, descriptors: &Array2<f64>, penalty: Penalty) -> f64 {
    let mut objective = 0.0;
    for j in 0..descriptors.nrows() {
        for r in 0..descriptors.ncols() {
            let reconstruction: f64 = (0..words.nrows()).map(|d| words[[d, r]] * codes[[j, d]]).sum();
            objective += (descriptors[[j, r]] - reconstruction).powi(2);
        }
        objective += match penalty {
            Penalty::Lasso(options) => options.lambda * codes.row(j).iter().map(|c| c.abs()).sum::<f64>(),
            Penalty::Ridge(options) => options.lambda * codes.row(j).iter().map(|c| c * c).sum::<f64>(),
        };
    }
    objective
}

#[test]
fn no_iteration_increases_the_objective() {
    for penalty in [lasso(0.05), lasso(0.4), ridge(0.1), ridge(2.0)] {
        for (rows, dimensions, words) in [(1, 1, 1), (19, 3, 2), (100, 8, 19), (60, 19, 7)] {
            let descriptors = random(rows, dimensions, 1);
            let params = DictionaryParams::new(words).penalty(penalty).tolerance(0.0).max_iterations(12);
            let mut seen: Vec<f64> = Vec::new();
            let learned = params.learn_observed(descriptors.view(), &mut |step| seen.push(step.objective)).unwrap();
            assert_eq!(seen.len(), learned.iterations);
            assert!(seen.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-12)), "{penalty:?}: {seen:?}");
            assert_eq!(seen.last(), Some(&learned.objective));
            let lengths = learned.model.words().map_axis(Axis(1), |word| word.dot(&word));
            assert!(lengths.iter().all(|length| (length - 1.0).abs() < 1e-14), "{lengths}");
        }
    }
}

#[test]
fn neither_step_increases_the_objective() {
    for penalty in [lasso(0.2), ridge(0.2)] {
        let descriptors = random(30, 5, 2);
        let mut words = descriptors.slice(ndarray::s![..7, ..]).to_owned();
        for mut word in words.rows_mut() {
            let length = word.dot(&word).sqrt();
            word /= length;
        }
        let mut objective = f64::INFINITY;
        for _ in 0..5 {
            let coding = penalty.code(&words, descriptors.view()).unwrap();
            let coded = plain_objective(&words, &coding.codes, &descriptors, penalty);
            assert!((coded - coding.objective).abs() <= 1e-12 * coded);
            fit_words(&mut words, coding.codes.view(), descriptors.view());
            let fitted = plain_objective(&words, &coding.codes, &descriptors, penalty);
            assert!(coded <= objective && fitted <= coded * (1.0 + 1e-14), "{objective}, {coded}, {fitted}");
            objective = fitted;
        }
    }
}

#[test]
fn no_word_of_length_one_fits_better() {
    let (descriptors, codes) = (random(20, 2, 1), random(20, 1, 2));
    let mut words = array![[1.0, 0.0]];
    fit_words(&mut words, codes.view(), descriptors.view());
    let penalty = ridge(1.0);
    let best = plain_objective(&words, &codes, &descriptors, penalty);
    for step in 0..360 {
        let angle = f64::from(step).to_radians();
        let other = array![[angle.cos(), angle.sin()]];
        assert!(best <= plain_objective(&other, &codes, &descriptors, penalty) + 1e-12);
    }
}

#[test]
fn the_directions_that_made_the_descriptors_are_found() {
    let truth = array![[0.6, 0.8, 0.0], [0.0, -0.6, 0.8], [0.8, 0.0, 0.6]];
    // Each descriptor has one or two of the directions.
    let codes = Array2::from_shape_fn((120, 3), |(row, word)| match (row + word) % 3 {
        0 => 1.0 + (row as f64).sin().abs(),
        1 if row % 4 == 0 => -0.7,
        _ => 0.0,
    });
    let descriptors = codes.dot(&truth);
    let params = DictionaryParams::new(3).penalty(lasso(0.01)).tolerance(1e-9).max_iterations(300);
    let words = params.learn(descriptors.view()).unwrap().model;
    for direction in truth.rows() {
        let alike = words.words().dot(&direction).iter().fold(0.0_f64, |alike, value| alike.max(value.abs()));
        assert!(alike > 0.999, "{alike}");
    }
}

#[test]
fn unused_words_take_the_worst_descriptors() {
    let descriptors = array![[1.0, 0.0], [0.0, 3.0], [0.0, 3.0], [0.0, -2.0]];
    let codes = array![[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]];
    let mut words = array![[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]];
    fit_words(&mut words, codes.view(), descriptors.view());
    assert_eq!(words, array![[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]);
    // Nothing is left to explain: the words stay.
    let mut words = array![[1.0, 0.0], [0.6, 0.8]];
    fit_words(&mut words, array![[2.0, 0.0]].view(), array![[2.0, 0.0]].view());
    assert_eq!(words, array![[1.0, 0.0], [0.6, 0.8]]);
}

#[test]
fn a_penalty_that_forbids_all_codes_ends_at_once() {
    let descriptors = random(10, 3, 1);
    let learned = DictionaryParams::new(4).penalty(lasso(1e3)).learn(descriptors.view()).unwrap();
    assert_eq!((learned.iterations, learned.converged), (1, true));
    let squares: f64 = descriptors.iter().map(|value| value * value).sum();
    assert!((learned.objective - squares).abs() < 1e-12);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let descriptors = random(1500, 5, 4);
    for penalty in [lasso(0.1), ridge(0.1)] {
        let params = DictionaryParams::new(9).penalty(penalty).max_iterations(5);
        let learned = with_several_threads(|| params.learn(descriptors.view()).unwrap());
        assert!(learned.iter().all(|other| bits(other.model.words()) == bits(learned[0].model.words())));
    }
}

#[test]
fn a_dataset_of_linfa_gives_the_same_dictionary() {
    let descriptors = random(50, 3, 1);
    let params = DictionaryParams::new(3).seed(8);
    let learned = params.learn(descriptors.view()).unwrap();
    assert_eq!(params.fit(&DatasetBase::from(descriptors)).unwrap(), learned);
}

#[test]
fn what_can_not_be_learned_is_said() {
    let descriptors = array![[0.0, 1.0], [1.0, 0.0], [0.0, 0.0], [0.0, 2.0]];
    let message = |params: DictionaryParams| params.learn(descriptors.view()).unwrap_err().to_string();
    assert!(message(DictionaryParams::new(0)).starts_with("the number of words = 0"));
    // Zero has no direction, and two descriptors have the same one.
    assert!(message(DictionaryParams::new(3)).starts_with("3 different descriptors"));
    assert!(message(DictionaryParams::new(1).max_iterations(0)).starts_with("the limit of iterations = 0"));
    assert!(message(DictionaryParams::new(1).tolerance(-0.5)).starts_with("the tolerance = -0.5"));
    for penalty in [lasso(0.0), lasso(f64::NAN), ridge(-1.0)] {
        assert!(message(DictionaryParams::new(1).penalty(penalty)).contains('λ'), "{penalty:?}");
        assert!(DictionaryParams::new(1).penalty(penalty).check().is_err(), "{penalty:?}");
    }
    let zeros = DictionaryParams::new(1).learn(Array2::zeros((3, 2)).view()).unwrap_err().to_string();
    assert!(zeros.starts_with("1 different descriptors"), "{zeros}");
    assert!(DictionaryParams::new(1).learn(array![[f64::NAN]].view()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn learning_never_raises_the_objective(rows in 5_usize..30, seed in 0_u64..1000, lambda in 0.01_f64..2.0) {
        let descriptors = random(rows, 4, seed);
        for penalty in [lasso(lambda), ridge(lambda)] {
            let params = DictionaryParams::new(5).seed(seed).penalty(penalty).max_iterations(6).check().unwrap();
            let start = params.start(descriptors.view()).unwrap();
            let before = penalty.code(&start, descriptors.view()).unwrap().objective;
            prop_assert!(params.learn(descriptors.view()).unwrap().objective <= before * (1.0 + 1e-12));
        }
    }
}
