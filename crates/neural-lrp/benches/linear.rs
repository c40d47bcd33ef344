//! Layers with weights, forward and back, at the sizes of known networks: VGG16, ResNet50 and MobileNetV2 at 224×224.
//!
//! Run with `RAYON_NUM_THREADS=1` to compare with single-threaded references.

#![allow(missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use ndarray::{Array1, Array2, ArrayD, IxDyn};
use neural_lrp::operations::{Conv, Dense, Padding, Window};
use neural_lrp::{LinearMap, Operation, WeightPart};

/// Numbers in [−1, 1) that look random.
fn numbers(shape: &[usize]) -> ArrayD<f32> {
    let mut state = 1u64;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    })
}

/// A square convolution: its channels, the input's side, kernel, stride, groups; padded to keep the side.
struct Layer {
    channels: [usize; 2],
    side: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
}

impl Layer {
    fn new(channels: [usize; 2], side: usize, kernel: usize, stride: usize, groups: usize) -> Self {
        Self { channels, side, kernel, stride, groups }
    }

    fn name(&self) -> String {
        let [from, to] = self.channels;
        format!("{k}x{k}/{} {from}-{to} {}", self.stride, self.side, k = self.kernel)
    }

    fn conv(&self) -> Conv<f32> {
        let [from, to] = self.channels;
        let window = Window::default().strides([self.stride; 2]).padding(Padding::symmetric([self.kernel / 2; 2]));
        let weights = numbers(&[to, from / self.groups, self.kernel, self.kernel]);
        Conv::new(weights, Some(Array1::zeros(to)), window, self.groups).expect("a layer that can be")
    }

    fn input(&self) -> ArrayD<f32> {
        numbers(&[1, self.channels[0], self.side, self.side])
    }
}

/// The convolutions of VGG16.
fn vgg16() -> Vec<Layer> {
    let sizes = [
        ([3, 64], 224),
        ([64, 64], 224),
        ([64, 128], 112),
        ([128, 128], 112),
        ([128, 256], 56),
        ([256, 256], 56),
        ([256, 256], 56),
        ([256, 512], 28),
        ([512, 512], 28),
        ([512, 512], 28),
        ([512, 512], 14),
        ([512, 512], 14),
        ([512, 512], 14),
    ];
    sizes.map(|(channels, side)| Layer::new(channels, side, 3, 1, 1)).into()
}

/// Layers as they are in ResNet50 and MobileNetV2.
fn others() -> Vec<Layer> {
    vec![
        Layer::new([3, 64], 224, 7, 2, 1),
        Layer::new([64, 256], 56, 1, 1, 1),
        Layer::new([256, 64], 56, 1, 1, 1),
        Layer::new([128, 128], 28, 3, 1, 1),
        Layer::new([256, 512], 56, 1, 2, 1),
        Layer::new([1024, 256], 14, 1, 1, 1),
        Layer::new([256, 256], 14, 3, 1, 1),
        Layer::new([512, 512], 7, 3, 1, 1),
        Layer::new([512, 2048], 7, 1, 1, 1),
        Layer::new([128, 128], 56, 3, 1, 32),
        Layer::new([96, 96], 112, 3, 2, 96),
        Layer::new([144, 144], 56, 3, 1, 144),
        Layer::new([384, 384], 14, 3, 1, 384),
        Layer::new([240, 240], 28, 5, 1, 240),
    ]
}

fn convolutions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("conv");
    group.sample_size(10).measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(200));
    for layer in others() {
        let (conv, input) = (layer.conv(), layer.input());
        group.bench_function(format!("{} forward", layer.name()), |bencher| {
            bencher.iter(|| black_box(conv.forward(&[input.view()])));
        });
        let message = conv.forward(&[input.view()]);
        group.bench_function(format!("{} transposed", layer.name()), |bencher| {
            bencher.iter(|| black_box(conv.transposed(&[(WeightPart::Positive, message.view())], input.shape())));
        });
    }
}

fn vgg_convolutions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("vgg16");
    group.sample_size(10).measurement_time(Duration::from_secs(8)).warm_up_time(Duration::from_secs(1));
    let layers: Vec<_> = vgg16().iter().map(|layer| (layer.conv(), layer.input())).collect();
    group.bench_function("forward", |bencher| {
        bencher.iter(|| layers.iter().map(|(conv, input)| conv.forward(&[input.view()]).len()).sum::<usize>());
    });
    let messages: Vec<_> = layers.iter().map(|(conv, input)| conv.forward(&[input.view()])).collect();
    group.bench_function("transposed", |bencher| {
        bencher.iter(|| {
            let pairs = layers.iter().zip(&messages);
            let back = pairs.map(|((conv, input), message)| {
                conv.transposed(&[(WeightPart::Positive, message.view())], input.shape()).len()
            });
            back.sum::<usize>()
        });
    });
}

fn dense(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dense");
    group.sample_size(10).measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(200));
    for (inputs, outputs) in [(25088, 4096), (2048, 1000)] {
        let weights: Array2<f32> = numbers(&[outputs, inputs]).into_dimensionality().expect("a matrix");
        let layer = Dense::new(weights, None).expect("a layer that can be");
        for samples in [1, 2, 4, 5, 8, 16] {
            let (input, message) = (numbers(&[samples, inputs]), numbers(&[samples, outputs]));
            let name = format!("{inputs}-{outputs}, {samples} samples");
            group.bench_function(format!("{name} forward"), |bencher| {
                bencher.iter(|| black_box(layer.forward(&[input.view()])));
            });
            group.bench_function(format!("{name} transposed"), |bencher| {
                bencher.iter(|| black_box(layer.transposed(&[(WeightPart::Positive, message.view())], input.shape())));
            });
        }
    }
}

criterion_group!(benches, convolutions, vgg_convolutions, dense);
criterion_main!(benches);
