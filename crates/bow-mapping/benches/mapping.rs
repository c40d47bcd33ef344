//! The mappings, pooling and R² at the size of the paper's VOC experiment, and the rank mapping at that of a tile.

use std::hint::black_box;

use bow_mapping::{
    Assignment, Codebook, Fisher, GaussianMixture, Lasso, LassoOptions, Map, Pooling, Rank, RankOptions, Soft,
    SoftOptions, local_feature_relevance,
};
use criterion::{criterion_group, criterion_main};
use ndarray::{Array1, Array2};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

#[path = "../../../benches/criterion/processor_time.rs"]
mod processor_time;

use processor_time::Criterion;

/// About normal: the sum of twelve uniform numbers.
fn normal(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    Array2::from_shape_simple_fn((rows, columns), || (0..12).map(|_| random.gen_range(-0.5..0.5)).sum())
}

fn rank(words: usize, base: f64, neighbors: usize) -> Rank {
    Rank::new(Codebook::new(normal(words, 128, 2)).unwrap(), RankOptions { base, neighbors }).unwrap()
}

fn mappings(criterion: &mut Criterion) {
    let descriptors = normal(10_000, 128, 1);
    let voc = rank(1024, 2.4, 8);
    criterion.bench_function("rank_encode_L10000_D128_V1024_n8", |bencher| {
        bencher.iter(|| voc.assign(black_box(descriptors.view())).unwrap());
    });
    let (tile, tile_descriptors) = (rank(128, 2.0, 4), normal(289, 128, 3));
    criterion.bench_function("rank_encode_L289_D128_V128_n4", |bencher| {
        bencher.iter(|| tile.assign(black_box(tile_descriptors.view())).unwrap());
    });
    let soft = Soft::new(voc.codebook().clone(), SoftOptions { beta: 1.0, ..Default::default() }).unwrap();
    criterion.bench_function("soft_encode_L10000_D128_V1024", |bencher| {
        bencher.iter(|| soft.assign(black_box(descriptors.view())).unwrap());
    });
    criterion.bench_function("soft_encode_and_pool_L10000_D128_V1024", |bencher| {
        bencher.iter(|| Pooling::MEAN.pool(&soft.assign(black_box(descriptors.view())).unwrap()).unwrap());
    });
    let mixture = GaussianMixture::new(Array1::zeros(64), normal(64, 64, 4), normal(64, 64, 5).mapv(|v| v.abs() + 0.5));
    let fisher = Fisher::new(mixture.unwrap());
    let fisher_descriptors = normal(2000, 64, 6);
    criterion.bench_function("fisher_encode_L2000_D64_K64", |bencher| {
        bencher.iter(|| fisher.assign(black_box(fisher_descriptors.view())).unwrap());
    });
    let unit = |rows: Array2<f64>| {
        &rows / &rows.map_axis(ndarray::Axis(1), |row| row.dot(&row).sqrt()).insert_axis(ndarray::Axis(1))
    };
    let lasso = Lasso::new(Codebook::new(unit(normal(128, 128, 7))).unwrap(), LassoOptions::default()).unwrap();
    let lasso_descriptors = unit(normal(289, 128, 8));
    criterion.bench_function("lasso_encode_L289_D128_V128", |bencher| {
        bencher.iter(|| lasso.assign(black_box(lasso_descriptors.view())).unwrap());
    });
}

fn relevances(criterion: &mut Criterion) {
    let sparse = rank(1024, 2.4, 8).assign(normal(10_000, 128, 1).view()).unwrap();
    let dense = Assignment::Dense(sparse.to_dense());
    let relevance = normal(1, 1024, 9).row(0).to_owned();
    for (form, assignment) in [("sparse", &sparse), ("dense", &dense)] {
        for (name, p) in [("p1", 1.0), ("p3", 3.0), ("max", f64::INFINITY)] {
            let pooling = Pooling::new(p).unwrap();
            criterion.bench_function(&format!("R2_{form}_{name}_L10000_V1024"), |bencher| {
                bencher.iter(|| local_feature_relevance(relevance.view(), black_box(assignment), pooling).unwrap());
            });
        }
        criterion.bench_function(&format!("pool_{form}_mean_L10000_V1024"), |bencher| {
            bencher.iter(|| Pooling::MEAN.pool(black_box(assignment)).unwrap());
        });
    }
}

criterion_group! {
    name = benches;
    config = processor_time::criterion().sample_size(10);
    targets = mappings, relevances
}
criterion_main!(benches);
