//! K-means at the size of the synthetic experiment (20,000 SIFT descriptors, 127 words), and its parts; expectation-
//! maximization and dictionary learning at a smaller one.

use std::hint::black_box;
use std::time::Duration;

use bow_mapping::learning::{Batches, DictionaryParams, GaussianMixtureParams, KMeansParams, Learner};
use criterion::{Criterion, criterion_group, criterion_main};
use linfa::prelude::*;
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array2, Axis};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const DIMENSIONS: usize = 128;
const WORDS: usize = 127;

/// Like SIFT: not negative, most values small, length one.
fn descriptors(rows: usize) -> Array2<f64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut values = Array2::from_shape_simple_fn((rows, DIMENSIONS), || random.gen_range(0.0_f64..1.0).powi(4));
    for mut row in values.rows_mut() {
        let length = row.dot(&row).sqrt();
        row /= length;
    }
    values
}

fn learning(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("learning");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    let many = descriptors(20_000);
    let few = descriptors(2_000);

    let k_means = |iterations| KMeansParams::new(WORDS).max_iterations(iterations).tolerance(0.0);
    for iterations in [1, 50] {
        let name = format!("k_means_20000x128_127_words_{iterations}_iterations");
        group.bench_function(name, |bencher| bencher.iter(|| k_means(iterations).learn(black_box(many.view()))));
    }
    let mini = k_means(50).batches(Batches::Mini { size: 1024 });
    group.bench_function("k_means_20000x128_127_words_50_mini_batches_of_1024", |bencher| {
        bencher.iter(|| mini.learn(black_box(many.view())));
    });
    let start = KMeansInit::Precomputed(many.select(Axis(0), &(0..WORDS).collect::<Vec<_>>()));
    let linfa = KMeans::params_with_rng(WORDS, Xoshiro256PlusPlus::seed_from_u64(1)).n_runs(1).init_method(start);
    let linfa = linfa.max_n_iterations(1);
    let dataset = DatasetBase::from(many.clone());
    group.bench_function("linfa_k_means_20000x128_127_words_1_iteration_without_start", |bencher| {
        bencher.iter(|| linfa.fit(black_box(&dataset)));
    });

    let mixture = GaussianMixtureParams::new(64).max_iterations(5).tolerance(0.0);
    group.bench_function("gaussian_mixture_2000x128_64_components_5_iterations", |bencher| {
        bencher.iter(|| mixture.learn(black_box(few.view())));
    });
    let dictionary = DictionaryParams::new(WORDS).max_iterations(3).tolerance(0.0);
    group.bench_function("dictionary_2000x128_127_words_3_iterations", |bencher| {
        bencher.iter(|| dictionary.learn(black_box(few.view())));
    });
    group.finish();
}

criterion_group!(benches, learning);
criterion_main!(benches);
