use linfa::prelude::*;
use ndarray::{Array2, array};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::learning::test_data::{bits, with_several_threads};
use crate::test_data::random;

/// Descriptors of a known mixture: two components in two dimensions, weights 1/4 and 3/4.
fn drawn_descriptors(rows: usize) -> Array2<f64> {
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(11);
    // The sum of twelve uniform numbers is normal enough: its variance is 1, its mean 6.
    let mut normal = move || (0..12).map(|_| generator.gen_range(0.0..1.0)).sum::<f64>() - 6.0;
    Array2::from_shape_fn((rows, 2), |(row, dimension)| match (row % 4, dimension) {
        (0, 0) => 10.0 + 0.5 * normal(),
        (0, _) => -4.0 + 2.0 * normal(),
        (_, 0) => -3.0 + normal(),
        (_, _) => 5.0 + 0.1 * normal(),
    })
}

/// The definition: one iteration in plain loops. Weights, means, variances.
fn plain_iteration(mixture: &GaussianMixture, descriptors: &Array2<f64>) -> (Array1<f64>, Array2<f64>, Array2<f64>) {
    let posteriors = mixture.posteriors(descriptors.view()).unwrap();
    let (components, dimensions) = mixture.means().dim();
    let mut weights = Array1::zeros(components);
    let (mut means, mut variances) =
        (Array2::<f64>::zeros((components, dimensions)), Array2::zeros((components, dimensions)));
    for k in 0..components {
        let count: f64 = (0..descriptors.nrows()).map(|l| posteriors[[l, k]]).sum();
        weights[k] = count / descriptors.nrows() as f64;
        for r in 0..dimensions {
            for l in 0..descriptors.nrows() {
                means[[k, r]] += posteriors[[l, k]] * descriptors[[l, r]] / count;
            }
            for l in 0..descriptors.nrows() {
                variances[[k, r]] += posteriors[[l, k]] * (descriptors[[l, r]] - means[[k, r]]).powi(2) / count;
            }
        }
    }
    (weights, means, variances)
}

fn assert_close<'a>(found: impl IntoIterator<Item = &'a f64>, expected: impl IntoIterator<Item = &'a f64>) {
    for (found, expected) in found.into_iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{found} against {expected}");
    }
}

#[test]
fn an_iteration_is_that_of_plain_loops() {
    for (rows, dimensions, components) in [(3, 1, 1), (19, 3, 3), (100, 19, 2), (301, 2, 7)] {
        let descriptors = random(rows, dimensions, 1);
        let mixture = GaussianMixture::new(
            random(1, components, 2).row(0).to_owned(),
            random(components, dimensions, 3),
            random(components, dimensions, 4).mapv(|value| 0.6 + 0.4 * value),
        )
        .unwrap();
        let statistics = Statistics::collect(&mixture, descriptors.view()).unwrap();
        let next = statistics.maximize(&mixture, 1e-12).unwrap();
        let (weights, means, variances) = plain_iteration(&mixture, &descriptors);
        assert_close(next.weights(), &weights);
        assert_close(next.means(), &means);
        assert_close(&next.deviations().mapv(|deviation| deviation * deviation), &variances);
        let densities = mixture.log_joint_densities(descriptors.view()).unwrap();
        let plain: f64 = densities.rows().into_iter().map(|row| row.mapv(f64::exp).sum().ln()).sum();
        assert_close([&statistics.mean_log_likelihood()], [&(plain / rows as f64)]);
    }
}

#[test]
fn well_separated_components_are_found() {
    let descriptors = drawn_descriptors(4000);
    let mixture = GaussianMixtureParams::new(2).learn(descriptors.view()).unwrap().model;
    let right = usize::from(mixture.means()[[1, 0]] > mixture.means()[[0, 0]]);
    let left = 1 - right;
    assert!((mixture.weights()[right] - 0.25).abs() < 1e-6);
    for (component, dimension, mean, deviation) in
        [(right, 0, 10.0, 0.5), (right, 1, -4.0, 2.0), (left, 0, -3.0, 1.0), (left, 1, 5.0, 0.1)]
    {
        // Five standard errors, of a thousand descriptors at least.
        assert!((mixture.means()[[component, dimension]] - mean).abs() < 5.0 * deviation / 1000_f64.sqrt());
        assert!((mixture.deviations()[[component, dimension]] / deviation - 1.0).abs() < 5.0 / 2000_f64.sqrt());
    }
}

#[test]
fn the_log_likelihood_never_decreases() {
    for seed in 0..10 {
        let descriptors = random(200, 3, seed);
        let params = GaussianMixtureParams::new(8).seed(seed).tolerance(0.0).variance_floor(1e-2).max_iterations(60);
        let mut seen: Vec<f64> = Vec::new();
        let learned = params.learn_observed(descriptors.view(), &mut |step| seen.push(step.objective)).unwrap();
        assert_eq!(seen.len(), learned.iterations);
        assert_eq!(seen.last(), Some(&learned.objective));
        assert!(seen.windows(2).all(|pair| pair[1] >= pair[0] - 1e-13), "{seen:?}");
    }
}

#[test]
fn deviations_stay_above_the_floor() {
    // Two components on points that are exactly equal, and a dimension that is constant.
    let descriptors = array![[0.0, 7.0], [0.0, 7.0], [0.0, 7.0], [2.0, 7.0], [2.0, 7.0]];
    let learned = GaussianMixtureParams::new(2).variance_floor(1e-4).learn(descriptors.view()).unwrap();
    let floor = (1e-4 * 0.96_f64).sqrt(); // the variance of 0, 0, 0, 2, 2
    assert!(learned.model.deviations().iter().all(|deviation| (deviation - floor).abs() < 1e-15));
    assert!(learned.converged);
}

#[test]
fn a_component_without_descriptors_keeps_its_place() {
    let descriptors = array![[0.0], [1.0], [2.0]];
    let far = GaussianMixture::new(array![0.0, 0.0], array![[1.0], [1e6]], array![[1.0], [0.5]]).unwrap();
    let next = Statistics::collect(&far, descriptors.view()).unwrap().maximize(&far, 1e-6).unwrap();
    assert_eq!((next.means()[[1, 0]], next.deviations()[[1, 0]]), (1e6, 0.5));
    assert!((next.weights()[1] - SMALLEST_WEIGHT).abs() < 1e-15);
    assert!((next.means()[[0, 0]] - 1.0).abs() < 1e-12);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let descriptors = random(3001, 5, 4);
    let params = GaussianMixtureParams::new(7).max_iterations(10);
    let learned = with_several_threads(|| params.learn(descriptors.view()).unwrap());
    for other in &learned[1..] {
        assert_eq!(bits(other.model.alpha()), bits(learned[0].model.alpha()));
        assert_eq!(bits(other.model.means()), bits(learned[0].model.means()));
        assert_eq!(bits(other.model.deviations()), bits(learned[0].model.deviations()));
    }
}

#[test]
fn a_dataset_of_linfa_gives_the_same_mixture() {
    let descriptors = random(50, 2, 1);
    let params = GaussianMixtureParams::new(3);
    let learned = params.learn(descriptors.view()).unwrap();
    assert_eq!(params.fit(&DatasetBase::from(descriptors)).unwrap(), learned);
}

#[test]
fn what_can_not_be_learned_is_said() {
    let descriptors = array![[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]];
    let message = |params: GaussianMixtureParams| params.learn(descriptors.view()).unwrap_err().to_string();
    assert!(message(GaussianMixtureParams::new(0)).starts_with("the number of components = 0"));
    assert!(message(GaussianMixtureParams::new(3)).starts_with("3 different descriptors"));
    assert!(message(GaussianMixtureParams::new(1).variance_floor(0.0)).starts_with("the variance floor = 0"));
    assert!(message(GaussianMixtureParams::new(1).max_iterations(0)).starts_with("the limit of iterations = 0"));
    assert!(message(GaussianMixtureParams::new(1).tolerance(f64::INFINITY)).starts_with("the tolerance = inf"));
    let same = GaussianMixtureParams::new(1).learn(array![[1.0], [1.0]].view()).unwrap_err().to_string();
    assert!(same.contains("all local features are the same"), "{same}");
    let unlearnable = GaussianMixtureParams::new(1).learn(array![[1.0], [f64::NAN]].view());
    assert!(unlearnable.unwrap_err().to_string().starts_with("local feature 1 holds NaN"));
}

proptest! {
    #[test]
    fn one_component_has_mean_and_variance_of_the_descriptors(rows in 2_usize..40, seed in 0_u64..1000) {
        let descriptors = random(rows, 2, seed);
        let mixture = GaussianMixtureParams::new(1).variance_floor(1e-12).learn(descriptors.view()).unwrap().model;
        assert_close(mixture.means(), &descriptors.mean_axis(Axis(0)).unwrap());
        assert_close(mixture.deviations(), &descriptors.std_axis(Axis(0), 0.0));
    }

    #[test]
    fn weights_sum_to_one_and_keep_their_bound(counts in proptest::collection::vec(0.0_f64..1e3, 1..9)) {
        let counts = Array1::from(counts) + 1e-12;
        let weights = bounded_weights(counts.view());
        prop_assert!((weights.sum() - 1.0).abs() <= 1e-14);
        prop_assert!(weights.iter().all(|&weight| weight >= SMALLEST_WEIGHT * (1.0 - 1e-7)));
    }
}
