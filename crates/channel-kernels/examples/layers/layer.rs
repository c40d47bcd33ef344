//! Layers of real networks, and their time.
use channel_kernels::{
    Convolution, Epilogue, Instructions, Lower, LowerProduct, Quotient, QuotientStream, Shape, Stream, Take, Zero,
};

use crate::{peak, time};

/// A layer and the size of its input.
pub struct Layer {
    pub name: &'static str,
    pub shape: Shape,
    pub size: usize,
}

/// A way through a layer.
#[derive(Clone, Copy)]
pub enum Pass {
    Forward,
    Transposed,
    Quotient,
    Positive,
    Both,
    Signed,
}

impl Pass {
    pub const ALL: [Self; 6] =
        [Self::Forward, Self::Transposed, Self::Quotient, Self::Positive, Self::Both, Self::Signed];

    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Transposed => "transposed",
            Self::Quotient => "quotient",
            Self::Positive => "quotient of W⁺",
            Self::Both => "of W⁺ and W⁻",
            Self::Signed => "to a⁺ and a⁻",
        }
    }
}

const fn layer(name: &'static str, size: usize, inputs: usize, outputs: usize, kernel: usize, stride: usize) -> Layer {
    let padding = [[kernel / 2; 2]; 2];
    let shape =
        Shape { inputs, outputs, kernel: [kernel; 2], stride: [stride; 2], dilation: [1; 2], padding, groups: 1 };
    Layer { name, shape, size }
}

const fn depthwise(name: &'static str, size: usize, channels: usize, kernel: usize, stride: usize) -> Layer {
    let mut layer = layer(name, size, channels, channels, kernel, stride);
    layer.shape.groups = channels;
    layer
}

/// Layers of VGG-16, ResNet-50, MobileNetV2 and EfficientNet.
pub const LAYERS: &[Layer] = &[
    layer("3x3 3-64 at 224", 224, 3, 64, 3, 1),
    layer("3x3 64-64 at 224", 224, 64, 64, 3, 1),
    layer("3x3 128-128 at 112", 112, 128, 128, 3, 1),
    layer("3x3 256-256 at 56", 56, 256, 256, 3, 1),
    layer("3x3 512-512 at 28", 28, 512, 512, 3, 1),
    layer("3x3 512-512 at 14", 14, 512, 512, 3, 1),
    layer("3x3 512-512 at 7", 7, 512, 512, 3, 1),
    layer("3x3 64-64 at 56", 56, 64, 64, 3, 1),
    layer("3x3 128-128 at 28", 28, 128, 128, 3, 1),
    layer("3x3 256-256 at 14", 14, 256, 256, 3, 1),
    layer("3x3/2 128-128 at 56", 56, 128, 128, 3, 2),
    layer("3x3/2 256-256 at 28", 28, 256, 256, 3, 2),
    layer("7x7/2 3-64 at 224", 224, 3, 64, 7, 2),
    layer("3x3/2 3-32 at 224", 224, 3, 32, 3, 2),
    layer("3x3/2 3-64 at 224", 224, 3, 64, 3, 2),
    layer("1x1 64-256 at 56", 56, 64, 256, 1, 1),
    layer("1x1 256-64 at 56", 56, 256, 64, 1, 1),
    layer("1x1 128-512 at 28", 28, 128, 512, 1, 1),
    layer("1x1 512-128 at 28", 28, 512, 128, 1, 1),
    layer("1x1 256-1024 at 14", 14, 256, 1024, 1, 1),
    layer("1x1 1024-256 at 14", 14, 1024, 256, 1, 1),
    layer("1x1 512-2048 at 7", 7, 512, 2048, 1, 1),
    layer("1x1 2048-512 at 7", 7, 2048, 512, 1, 1),
    layer("1x1/2 256-512 at 56", 56, 256, 512, 1, 2),
    layer("1x1/2 1024-2048 at 14", 14, 1024, 2048, 1, 2),
    layer("1x1 32-16 at 112", 112, 32, 16, 1, 1),
    layer("1x1 16-96 at 112", 112, 16, 96, 1, 1),
    layer("1x1 96-24 at 56", 56, 96, 24, 1, 1),
    layer("1x1 24-144 at 56", 56, 24, 144, 1, 1),
    layer("1x1 144-32 at 28", 28, 144, 32, 1, 1),
    layer("1x1 576-96 at 14", 14, 576, 96, 1, 1),
    depthwise("depthwise 3x3 32 at 112", 112, 32, 3, 1),
    depthwise("depthwise 3x3 144 at 56", 56, 144, 3, 1),
    depthwise("depthwise 3x3 384 at 14", 14, 384, 3, 1),
    depthwise("depthwise 3x3/2 96 at 112", 112, 96, 3, 2),
    depthwise("depthwise 3x3/2 144 at 56", 56, 144, 3, 2),
    depthwise("depthwise 5x5 240 at 28", 28, 240, 5, 1),
    depthwise("depthwise 5x5/2 144 at 56", 56, 144, 5, 2),
];

impl Layer {
    /// Floating-point operations of a pass.
    pub fn flops(&self) -> f64 {
        let [height, width] = self.shape.output_size([self.size; 2]).unwrap_or_default();
        let weights = self.shape.kernel[0] * self.shape.kernel[1] * (self.shape.inputs / self.shape.groups);
        2.0 * (height * width * self.shape.outputs * weights) as f64
    }
}

/// Operations in a second, for the peak and for each pass.
pub struct Shares {
    pub peak: f64,
    pub rates: Vec<f64>,
}

/// Random numbers around 0.
fn numbers(count: usize) -> Vec<f32> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn positive(weights: &[f32], to: &mut [f32]) {
    to.iter_mut().zip(weights).for_each(|(to, weight)| *to = weight.max(0.0));
}

fn negative(weights: &[f32], to: &mut [f32]) {
    to.iter_mut().zip(weights).for_each(|(to, weight)| *to = weight.min(0.0));
}

/// Times the layer's passes, a peak between them.
pub fn shares(layer: &Layer, convolution: &Convolution, instructions: Instructions) -> Shares {
    let Shape { inputs, outputs, kernel, groups, .. } = layer.shape;
    let size = [layer.size; 2];
    let [height, width] = layer.shape.output_size(size).unwrap_or_default();
    let packed = convolution.pack(&numbers(outputs * (inputs / groups) * kernel[0] * kernel[1]));
    let (bias, input) = (numbers(outputs), numbers(layer.size * layer.size * inputs));
    let relevance = numbers(height * width * outputs);
    let mut upper = vec![0.0; relevance.len()];
    let mut denominator = relevance.clone();
    let mut lower = vec![0.0; input.len()];
    let run = |pass: Pass, upper: &mut [f32], lower: &mut [f32], denominator: &[f32]| {
        let quotient = Quotient {
            without: None,
            relevance: &relevance,
            denominator,
            bias: Some(&bias),
            factor: 1.0,
            epsilon: 1e-3,
            zero: Zero::Stabilized,
        };
        let times = Lower { times: Some((&input, Take::All)), onto: false };
        let whole = |values| Stream { values, take: Take::All, part: None };
        match pass {
            Pass::Forward => {
                let epilogue = Epilogue { bias: Some(&bias), clip: Some([0.0, f32::INFINITY]), ..Epilogue::default() };
                convolution.over(&packed, 1, size).forward(&[whole(&input)], epilogue, upper);
            }
            Pass::Transposed => {
                convolution.over(&packed, 1, size).transposed(&[whole(&relevance)], Lower::default(), lower);
            }
            Pass::Quotient => {
                let stream = QuotientStream { quotient, part: None };
                convolution.over(&packed, 1, size).quotient_transposed(&[stream], times, lower);
            }
            Pass::Positive => {
                let stream = QuotientStream { quotient, part: Some(&positive) };
                convolution.over(&packed, 1, size).quotient_transposed(&[stream], times, lower);
            }
            Pass::Signed => {
                let products = [
                    LowerProduct { parts: &[Some(&positive)], times: Some((&input, Take::Positive)) },
                    LowerProduct { parts: &[Some(&negative)], times: Some((&input, Take::Negative)) },
                ];
                convolution.over(&packed, 1, size).quotients_transposed(&[quotient], &products, false, lower);
            }
            Pass::Both => {
                let left = Quotient { without: Some(&relevance), factor: -1.0, ..quotient };
                let streams = [
                    QuotientStream { quotient, part: Some(&positive) },
                    QuotientStream { quotient: left, part: Some(&negative) },
                ];
                convolution.over(&packed, 1, size).quotient_transposed(&streams, times, lower);
            }
        }
    };
    run(Pass::Forward, &mut denominator, &mut lower, &relevance);
    let mut least = [f64::INFINITY; Pass::ALL.len()];
    let mut least_peak = f64::INFINITY;
    let repeats = (1.5e9 / layer.flops()).clamp(5.0, 40.0) as usize;
    for _ in 0..repeats {
        least_peak = least_peak.min(time::of(|| {
            std::hint::black_box(peak::multiply_adds(instructions));
        }));
        for (least, pass) in least.iter_mut().zip(Pass::ALL) {
            *least = least.min(time::of(|| run(pass, &mut upper, &mut lower, &denominator)));
        }
    }
    Shares { peak: peak::OPERATIONS / least_peak, rates: least.iter().map(|least| layer.flops() / least).collect() }
}
