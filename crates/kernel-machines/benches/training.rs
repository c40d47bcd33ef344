//! Support vector machines and kernel weights on Gram matrices.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use kernel_machines::{KernelWeights, LpNorm, SvmParams, train_kernel_weights};
use kernels::{KernelKind, symmetric_gram};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const COST: f64 = 10.0;

/// Histograms of 64 words, those of positive points fuller in every third.
fn histograms(points: usize, generator: &mut impl Rng) -> (Array2<f64>, Vec<bool>) {
    let positive: Vec<bool> = (0..points).map(|point| point % 2 == 0).collect();
    let mut histograms = Array2::from_shape_fn((points, 64), |(point, word)| {
        let share = generator.gen_range(0.0_f64..1.0).powi(3);
        if positive[point] && word % 3 == 0 { 1.3 * share } else { share }
    });
    for mut row in histograms.rows_mut() {
        let total = row.sum();
        row /= total;
    }
    (histograms, positive)
}

fn gram(kind: KernelKind, histograms: &Array2<f64>) -> Array2<f64> {
    let kernel = kind.fit(histograms.view()).expect("points differ");
    symmetric_gram(&kernel, histograms.view()).expect("histograms are not negative")
}

fn support_vector_machine(criterion: &mut Criterion) {
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut group = criterion.benchmark_group("svm_fit_gram_C10");
    group.sample_size(10);
    for points in [200, 500, 1000, 2000] {
        let (histograms, positive) = histograms(points, &mut generator);
        let random: Vec<bool> = (0..points).map(|_| generator.r#gen()).collect();
        for (name, kind, labels) in [
            ("chi-squared", KernelKind::ChiSquared, &positive),
            ("rbf, random labels", KernelKind::Rbf, &random),
            ("linear", KernelKind::Linear, &positive),
        ] {
            let gram = gram(kind, &histograms);
            let svm = SvmParams::default().cost(COST);
            group.bench_function(BenchmarkId::new(name, points), |bencher| {
                bencher.iter(|| svm.fit_gram(black_box(gram.view()), labels));
            });
        }
    }
    group.finish();
}

fn kernel_weights(criterion: &mut Criterion) {
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(2);
    let (histograms, positive) = histograms(500, &mut generator);
    let kinds = [KernelKind::ChiSquared, KernelKind::Rbf, KernelKind::HistogramIntersection];
    let grams = kinds.map(|kind| gram(kind, &histograms));
    let svm = SvmParams::default().cost(COST);
    criterion.bench_function("mkl_l2_three_kernels_500", |bencher| {
        bencher.iter_batched(
            || KernelWeights::Learned(LpNorm::default()),
            |weights| train_kernel_weights(black_box(&grams), &positive, &weights, &svm),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, support_vector_machine, kernel_weights);
criterion_main!(benches);
