//! Layers of VGG-16, ResNet-50 and MobileNetV2, forward and back; elements are floating-point operations.
//!
//! Run with `RAYON_NUM_THREADS=1` to compare with the peak of a processor, the first row.
//! `cargo run --release -p channel-kernels --example layers` tells shares of the peak where the machine is busy.

#![allow(missing_docs)]

use std::hint::black_box;

use channel_kernels::{
    Convolution, Epilogue, Instructions, Lower, Method, Quotient, QuotientStream, Shape, Stream, Take, Zero,
    multiply_adds,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Numbers around 0, none of them 0.
fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|at| ((at * 2_654_435_761) % 2048) as f32 / 1024.0 - 0.9995).collect()
}

/// A layer's name, size, input and output channels, kernel, stride, and whether each channel goes by itself.
type Layer = (&'static str, usize, [usize; 2], usize, usize, bool);

const LAYERS: [Layer; 8] = [
    ("3x3 3-64 at 224", 224, [3, 64], 3, 1, false),
    ("3x3 128-128 at 112", 112, [128, 128], 3, 1, false),
    ("3x3 512-512 at 14", 14, [512, 512], 3, 1, false),
    ("7x7/2 3-64 at 224", 224, [3, 64], 7, 2, false),
    ("1x1 256-64 at 56", 56, [256, 64], 1, 1, false),
    ("1x1 96-24 at 56", 56, [96, 24], 1, 1, false),
    ("depthwise 3x3 144 at 56", 56, [144, 144], 3, 1, true),
    ("depthwise 3x3/2 144 at 56", 56, [144, 144], 3, 2, true),
];

fn layers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("peak");
    group.throughput(Throughput::Elements(20_000 * 24 * 16 * 2));
    group.bench_function("multiply-adds", |bencher| {
        bencher.iter(|| multiply_adds(black_box(Instructions::current()), 20_000));
    });
    group.finish();
    for layer in LAYERS {
        for method in [Method::Direct, Method::TwoByTwo, Method::FourByFour] {
            passes(criterion, layer, method);
        }
    }
}

/// Forward with bias and rectifier, and the way back of a quotient.
fn passes(
    criterion: &mut Criterion,
    (name, size, [inputs, outputs], kernel, stride, depthwise): Layer,
    method: Method,
) {
    let shape = Shape {
        stride: [stride; 2],
        padding: [[kernel / 2; 2]; 2],
        groups: if depthwise { inputs } else { 1 },
        ..Shape::plain(inputs, outputs, [kernel; 2])
    };
    let Ok(convolution) = Convolution::new(shape).map(|convolution| convolution.with_method(method)) else {
        unreachable!("the shapes above are geometries");
    };
    if convolution.method() != method {
        return;
    }
    let [height, width] = shape.output_size([size; 2]).unwrap_or_default();
    let weights = outputs * (inputs / shape.groups) * kernel * kernel;
    let packed = convolution.pack(&numbers(weights));
    let (bias, input) = (numbers(outputs), numbers(size * size * inputs));
    let (relevance, mut upper) = (numbers(height * width * outputs), vec![0.0; height * width * outputs]);
    let mut lower = vec![0.0; input.len()];
    let mut group = criterion.benchmark_group(format!("{name}, {method:?}"));
    group.throughput(Throughput::Elements((2 * height * width * weights) as u64));
    group.sample_size(10);
    group.bench_function("forward", |bencher| {
        let stream = Stream { values: &input, take: Take::All, part: None };
        let epilogue = Epilogue { bias: Some(&bias), clip: Some([0.0, f32::INFINITY]), ..Epilogue::default() };
        bencher.iter(|| convolution.over(&packed, 1, [size; 2]).forward(&[stream], epilogue, &mut upper));
    });
    group.bench_function("quotient, transposed", |bencher| {
        let quotient = Quotient {
            relevance: &relevance,
            denominator: &upper,
            without: None,
            bias: Some(&bias),
            factor: 1.0,
            epsilon: 1e-3,
            zero: Zero::Stabilized,
        };
        let stream = QuotientStream { quotient, part: None };
        let times = Lower { times: Some((&input, Take::All)), onto: false };
        bencher.iter(|| convolution.over(&packed, 1, [size; 2]).quotient_transposed(&[stream], times, &mut lower));
    });
    group.finish();
}

criterion_group!(benches, layers);
criterion_main!(benches);
