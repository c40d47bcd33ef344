use linfa::prelude::*;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array2, array, concatenate};
use proptest::prelude::*;

use super::*;
use crate::learning::test_data::{bits, clouds, with_several_threads};
use crate::test_data::random;

fn generator(seed: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(seed)
}

/// The definition: Lloyd's iteration in plain loops, without a thought for empty clusters. (V, D), inertia.
fn plain_lloyd(descriptors: &Array2<f64>, mut words: Array2<f64>, iterations: usize) -> (Array2<f64>, f64) {
    for _ in 0..iterations {
        let (owners, _) = plain_assignment(descriptors, &words);
        for word in 0..words.nrows() {
            let rows: Vec<usize> = (0..owners.len()).filter(|&row| owners[row] == word).collect();
            for dimension in 0..words.ncols() {
                let sum: f64 = rows.iter().map(|&row| descriptors[[row, dimension]]).sum();
                words[[word, dimension]] = sum / rows.len() as f64;
            }
        }
    }
    let (_, inertia) = plain_assignment(descriptors, &words);
    (words, inertia)
}

fn plain_assignment(descriptors: &Array2<f64>, words: &Array2<f64>) -> (Vec<usize>, f64) {
    let (mut owners, mut inertia) = (Vec::new(), 0.0);
    for descriptor in descriptors.rows() {
        let (mut owner, mut smallest) = (0, f64::INFINITY);
        for (word, center) in words.rows().into_iter().enumerate() {
            let distance: f64 = descriptor.iter().zip(center).map(|(l, b)| (l - b) * (l - b)).sum();
            if distance < smallest {
                (owner, smallest) = (word, distance);
            }
        }
        owners.push(owner);
        inertia += smallest;
    }
    (owners, inertia)
}

fn assert_close(found: ArrayView2<'_, f64>, expected: ArrayView2<'_, f64>, tolerance: f64) {
    assert_eq!(found.dim(), expected.dim());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} against {expected}");
    }
}

#[test]
fn the_words_are_those_of_plain_loops() {
    for (rows, dimensions, words) in [(1, 1, 1), (19, 3, 3), (100, 19, 1), (300, 3, 19), (600, 100, 7)] {
        let descriptors = random(rows, dimensions, 1) + 3.0;
        let start = KMeansParams::new(words).seed(5).max_iterations(1).tolerance(1e9);
        let start = start.learn(descriptors.view()).unwrap().model;
        let learned = KMeansParams::new(words).start(start.clone()).max_iterations(4).tolerance(0.0);
        let learned = learned.learn(descriptors.view()).unwrap();
        let (plain, inertia) = plain_lloyd(&descriptors, start.words().to_owned(), learned.iterations);
        assert_close(learned.model.words(), plain.view(), 1e-13);
        assert!((learned.objective - inertia).abs() <= 1e-13 * inertia, "{rows}×{dimensions}, {words} words");
    }
}

#[test]
fn the_start_is_what_linfa_draws() {
    for (rows, dimensions, words, seed) in [(19, 3, 3, 1), (100, 1, 19, 2), (300, 19, 7, 3), (5, 3, 5, 4)] {
        let descriptors = random(rows, dimensions, seed);
        let drawn = plus_plus::draw(descriptors.view(), words, &mut generator(seed)).unwrap();
        let drawn = KMeansInit::Precomputed(descriptors.select(Axis(0), &drawn));
        let dataset = DatasetBase::from(descriptors);
        // linfa does not show its start, but what one iteration makes of it.
        let after_one = |start| {
            let linfa = KMeans::params_with_rng(words, generator(seed)).n_runs(1).max_n_iterations(1);
            linfa.init_method(start).fit(&dataset).unwrap()
        };
        assert_eq!(after_one(KMeansInit::KMeansPlusPlus).centroids(), after_one(drawn).centroids());
    }
}

#[test]
fn linfa_converges_to_the_same_words() {
    for (words, seed) in [(3, 1), (7, 2), (19, 3)] {
        let descriptors = clouds(&(random(words, 5, seed) * 20.0), 300, 1.0, seed);
        let start =
            descriptors.select(Axis(0), &plus_plus::draw(descriptors.view(), words, &mut generator(9)).unwrap());
        let codebook = Codebook::new(start.clone()).unwrap();
        let learned = KMeansParams::new(words).start(codebook).tolerance(0.0);
        let learned = learned.learn(descriptors.view()).unwrap();
        assert!(learned.converged);

        // linfa counts the old word as one more descriptor: it gets to the means, but only step by step.
        let linfa = KMeans::params_with_rng(words, generator(0)).n_runs(1).tolerance(1e-14).max_n_iterations(10_000);
        let linfa = linfa.init_method(KMeansInit::Precomputed(start)).fit(&DatasetBase::from(descriptors)).unwrap();
        assert_close(learned.model.words(), linfa.centroids().view(), 1e-9);
        assert!((learned.objective / 300.0 - linfa.inertia()).abs() <= 1e-9);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let descriptors = random(3001, 19, 4);
    for batches in [Batches::Full, Batches::Mini { size: 700 }] {
        let params = KMeansParams::new(23).batches(batches).max_iterations(15);
        let learned = with_several_threads(|| params.learn(descriptors.view()).unwrap());
        for other in &learned[1..] {
            assert_eq!(bits(other.model.words()), bits(learned[0].model.words()));
            assert_eq!(other.objective.to_bits(), learned[0].objective.to_bits());
        }
    }
}

#[test]
fn the_memory_layout_gives_the_same_bytes() {
    let descriptors = random(100, 19, 4);
    let mut transposed = Array2::zeros((19, 100));
    transposed.assign(&descriptors.t());
    let params = KMeansParams::new(7);
    assert_eq!(params.learn(transposed.t()).unwrap(), params.learn(descriptors.view()).unwrap());
}

#[test]
fn words_without_descriptors_move_to_the_farthest_ones() {
    let descriptors = array![[0.0], [1.0], [10.0], [11.0]];
    let start = Codebook::new(array![[0.5], [100.0], [200.0]]).unwrap();
    let params = KMeansParams::new(3).start(start).tolerance(0.0);
    let learned = params.learn(descriptors.view()).unwrap();
    // 11 is the farthest; then 10, which is nearer to 11 than to 0.5 but still farther than 0 and 1.
    assert_eq!(learned.model.words(), array![[0.5], [11.0], [10.0]]);
    assert_eq!(learned.objective, 0.5);
}

#[test]
fn no_word_moves_when_all_descriptors_lie_at_words() {
    let descriptors = array![[0.0], [0.0], [1.0]];
    let start = Codebook::new(array![[0.0], [1.0], [7.0]]).unwrap();
    let learned = KMeansParams::new(3).start(start).learn(descriptors.view()).unwrap();
    assert_eq!(learned.model.words(), array![[0.0], [1.0], [7.0]]);
}

#[test]
fn the_inertia_never_increases_not_even_by_refilling_words() {
    for seed in 0..20 {
        let descriptors = random(60, 2, seed);
        let start = Codebook::new(random(12, 2, seed + 100) * 3.0).unwrap();
        let params = KMeansParams::new(12).start(start).tolerance(0.0).check().unwrap();
        let mut seen: Vec<f64> = Vec::new();
        let learned = params.learn_observed(descriptors.view(), &mut |step| seen.push(step.objective)).unwrap();
        assert_eq!(seen.len(), learned.iterations);
        assert!(seen.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-14)), "{seen:?}");
        assert!(learned.objective <= seen[seen.len() - 1] * (1.0 + 1e-14));
    }
}

#[test]
fn mini_batches_find_clouds_too() {
    let centers = random(5, 3, 1) * 50.0;
    let descriptors = clouds(&centers, 5000, 1.0, 2);
    let full = KMeansParams::new(5).learn(descriptors.view()).unwrap();
    let mini = KMeansParams::new(5).batches(Batches::Mini { size: 100 }).tolerance(0.0);
    let mini = mini.learn(descriptors.view()).unwrap();
    assert_eq!((mini.iterations, mini.converged), (300, false));
    assert!(mini.objective <= 1.01 * full.objective, "{} against {}", mini.objective, full.objective);
    // Batches larger than the data are the data.
    let whole = KMeansParams::new(5).batches(Batches::Mini { size: 1 << 40 });
    assert!(whole.learn(descriptors.view()).unwrap().converged);
}

#[test]
fn a_batch_that_converges_at_once_ends_the_iteration() {
    let learned = KMeansParams::new(1).batches(Batches::Mini { size: 10 }).learn(array![[2.0], [2.0]].view()).unwrap();
    assert_eq!((learned.iterations, learned.converged, learned.objective), (1, true, 0.0));
}

#[test]
fn what_can_not_be_learned_is_said() {
    let descriptors = array![[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]];
    let message = |params: KMeansParams| params.learn(descriptors.view()).unwrap_err().to_string();
    assert_eq!(message(KMeansParams::new(0)), "the number of words = 0: it has to be at least 1");
    assert_eq!(
        message(KMeansParams::new(3)),
        "3 different descriptors, one for each visual word, were asked for, but there are only 2"
    );
    assert!(message(KMeansParams::new(1).max_iterations(0)).starts_with("the limit of iterations = 0"));
    assert!(message(KMeansParams::new(1).tolerance(f64::NAN)).starts_with("the tolerance = NaN"));
    assert!(message(KMeansParams::new(1).tolerance(-1.0)).starts_with("the tolerance = -1"));
    assert!(message(KMeansParams::new(1).batches(Batches::Mini { size: 0 })).starts_with("the size of mini-batches"));
    let start = Codebook::new(array![[0.0]]).unwrap();
    assert!(message(KMeansParams::new(1).start(start)).contains("has 1 dimensions where 2 are needed"));
    let start = Codebook::new(array![[0.0, 0.0]]).unwrap();
    assert!(message(KMeansParams::new(2).start(start)).starts_with("2 visual words to start from were asked for"));
}

#[test]
fn descriptors_that_can_not_be_learned_from_are_named() {
    let message = |descriptors: Array2<f64>| KMeansParams::new(1).learn(descriptors.view()).unwrap_err().to_string();
    assert!(message(Array2::zeros((0, 3))).contains("none"));
    assert!(message(Array2::zeros((3, 0))).contains("dimensions"));
    for value in [f64::NAN, f64::INFINITY, -1e150] {
        assert!(message(array![[0.0, 1.0], [2.0, value]]).starts_with("local feature 1 holds"), "{value}");
    }
}

proptest! {
    #[test]
    fn as_many_words_as_different_descriptors_leave_nothing(rows in 1_usize..12, seed in 0_u64..1000) {
        let once = random(rows, 2, seed);
        let twice = concatenate![Axis(0), once, once];
        let learned = KMeansParams::new(rows).seed(seed).learn(twice.view()).unwrap();
        prop_assert!(learned.objective <= 1e-30);
    }

    #[test]
    fn one_word_is_the_mean(rows in 1_usize..50, seed in 0_u64..1000) {
        let descriptors = random(rows, 3, seed);
        let learned = KMeansParams::new(1).learn(descriptors.view()).unwrap();
        for (word, mean) in learned.model.words().iter().zip(&descriptors.mean_axis(Axis(0)).unwrap()) {
            prop_assert!((word - mean).abs() <= 1e-14);
        }
    }

    #[test]
    fn learning_never_raises_the_inertia(rows in 8_usize..60, seed in 0_u64..1000, mini in any::<bool>()) {
        let descriptors = random(rows, 3, seed);
        let start = Codebook::new(descriptors.slice(ndarray::s![..8, ..]).to_owned()).unwrap();
        let before: f64 = nearest_word(descriptors.view(), &start).unwrap().iter().map(|n| n.squared_distance).sum();
        let batches = if mini { Batches::Mini { size: rows } } else { Batches::Full };
        let params = KMeansParams::new(8).start(start).batches(batches);
        prop_assert!(params.learn(descriptors.view()).unwrap().objective <= before * (1.0 + 1e-14));
    }
}
