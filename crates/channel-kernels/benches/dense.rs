//! Fully connected layers, forward and transposed, and the products of attention: floating-point operations a second.
use std::hint::black_box;

use channel_kernels::{Dense, Lower, Matrices, MatricesMut, Onto, Order, Product, Stream, Take};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Samples, inputs and outputs: VGG's first two, a small perceptron's, a transformer's.
const LAYERS: [[usize; 3]; 7] = [
    [1, 25088, 4096],
    [1, 4096, 4096],
    [1, 1296, 1296],
    [16, 1296, 1296],
    [16, 784, 1296],
    [197, 768, 3072],
    [197, 3072, 768],
];

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + 13) % 1009) as f32 / 504.5 - 1.0).collect()
}

fn layers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dense");
    for [samples, inputs, outputs] in LAYERS {
        let (weights, x, s) = (numbers(inputs * outputs), numbers(samples * inputs), numbers(samples * outputs));
        let (mut z, mut c) = (s.clone(), x.clone());
        let dense = Dense::new(&weights, outputs, inputs, Order::OutputsFirst);
        let stream = |values| [Stream { values, take: Take::All, part: None }];
        let name = format!("{samples}x{inputs}x{outputs}");
        group.throughput(Throughput::Elements(2 * (samples * inputs * outputs) as u64)).sample_size(20);
        group.bench_function(BenchmarkId::new("forward", &name), |bencher| {
            bencher.iter(|| dense.forward(samples, &stream(&x), None, black_box(&mut z)));
        });
        group.bench_function(BenchmarkId::new("transposed", &name), |bencher| {
            let lower = Lower { times: Some((&x, Take::All)), onto: false };
            bencher.iter(|| dense.transposed(samples, &stream(&s), lower, black_box(&mut c)));
        });
    }
    group.finish();
}

fn attention(criterion: &mut Criterion) {
    let [heads, tokens, channels] = [12, 197, 64];
    let row = heads * channels;
    let [q, k, v] = [(); 3].map(|()| numbers(tokens * row));
    let (mut p, mut out) = (numbers(heads * tokens * tokens), numbers(tokens * row));
    let side = |values| Matrices { values, matrix: channels, row, column: 1 };
    let scores = Product { batch: heads, rows: tokens, depth: channels, columns: tokens };
    let mixed = Product { batch: heads, rows: tokens, depth: tokens, columns: channels };
    let mut group = criterion.benchmark_group("attention");
    group.throughput(Throughput::Elements(4 * (heads * tokens * tokens * channels) as u64)).sample_size(20);
    group.bench_function("12x197x64", |bencher| {
        bencher.iter(|| {
            let to = MatricesMut::contiguous(&mut p, tokens, tokens);
            scores.compute(side(&q), side(&k).transposed(), Onto::Nothing, to);
            let to = MatricesMut { values: black_box(&mut out), matrix: channels, row };
            mixed.compute(Matrices::contiguous(&p, tokens, tokens), side(&v), Onto::Nothing, to);
        });
    });
    group.finish();
}

criterion_group!(benches, layers, attention);
criterion_main!(benches);
