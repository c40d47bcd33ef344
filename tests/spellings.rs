//! One function, one map: a network gets the same explanation however its exporter spelled it.
//!
//! A random network is a list of parts, each with its numbers. It is put into words twice, each time with other random
//! choices (folded or not, operands swapped, scales split, identities in between, activations whole or in pieces),
//! written as a file, read, and explained by several composites.

use std::path::Path;
use std::sync::Arc;

use model_files::InputShapes;
use ndarray::{Array1, Array2, ArrayD, IxDyn};
use neural_lrp::operation::{Attribute, OperatorSpec};
use neural_lrp::operations::read;
use neural_lrp::rules::InputRange;
use neural_lrp::{Composite, Explainer, Initial, Network, NetworkBuilder, Target};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// How far two spellings of one network may differ, in shares of the largest relevance.
const SAME: f64 = 1e-9;

/// The ε of batch normalizations. Files hold attributes in single precision, so that they are powers of two here.
const EPSILON: f64 = 1.0 / 1024.0;

/// A part of a network, with its numbers.
#[derive(Clone, Debug)]
enum Part {
    /// `(x · scale − mean) / deviation`, on the network's input.
    Preprocessing { scale: f64, mean: Vec<f64>, deviation: Vec<f64> },
    /// A convolution with what scales and shifts its channels.
    Convolution { weights: ArrayD<f64>, bias: Option<Vec<f64>>, affine: Option<(Vec<f64>, Vec<f64>)> },
    /// Scale and shift of each channel, which no layer with weights takes in.
    Affine { scale: Vec<f64>, shift: Vec<f64> },
    /// An activation.
    Activation(Activation),
    /// Maximum pooling.
    Pool,
    /// Squeeze and excitation.
    Excitation { down: ArrayD<f64>, up: ArrayD<f64>, hard: bool },
    /// The mean of each channel, and a dense layer.
    Head { weights: Array2<f64>, bias: Vec<f64> },
}

#[derive(Clone, Copy, Debug)]
enum Activation {
    Relu,
    Relu6,
    Silu,
    HardSwish,
    HardSigmoid,
    Gelu,
}

const ACTIVATIONS: [Activation; 6] = [
    Activation::Relu,
    Activation::Relu6,
    Activation::Silu,
    Activation::HardSwish,
    Activation::HardSigmoid,
    Activation::Gelu,
];

fn numbers(random: &mut Xoshiro256PlusPlus, shape: &[usize]) -> ArrayD<f64> {
    ArrayD::from_shape_simple_fn(IxDyn(shape), || random.gen_range(-1.0..1.0))
}

fn vector(random: &mut Xoshiro256PlusPlus, length: usize) -> Vec<f64> {
    numbers(random, &[length]).into_iter().collect()
}

/// Numbers that are away from 0, of both signs.
fn scales(random: &mut Xoshiro256PlusPlus, length: usize) -> Vec<f64> {
    (0..length).map(|_| random.gen_range(0.5..1.5) * if random.gen_bool(0.2) { -1.0 } else { 1.0 }).collect()
}

fn random_parts(seed: u64) -> Vec<Part> {
    let random = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut parts = Vec::new();
    if random.gen_bool(0.5) {
        let deviation = (0..3).map(|_| random.gen_range(0.2..0.5)).collect();
        parts.push(Part::Preprocessing { scale: 0.5, mean: vector(random, 3), deviation });
    }
    let mut channels = 3;
    for block in 0..random.gen_range(1..4) {
        let outputs = random.gen_range(2..5);
        let affine = random.gen_bool(0.6).then(|| (scales(random, outputs), vector(random, outputs)));
        let bias = random.gen_bool(0.5).then(|| vector(random, outputs));
        parts.push(Part::Convolution { weights: numbers(random, &[outputs, channels, 3, 3]), bias, affine });
        channels = outputs;
        parts.push(Part::Activation(ACTIVATIONS[random.gen_range(0..ACTIVATIONS.len())]));
        if random.gen_bool(0.4) {
            parts.push(Part::Affine { scale: scales(random, channels), shift: vector(random, channels) });
        }
        if random.gen_bool(0.4) {
            let (down, up) = (numbers(random, &[2, channels, 1, 1]), numbers(random, &[channels, 2, 1, 1]));
            parts.push(Part::Excitation { down, up, hard: random.gen_bool(0.5) });
        }
        if block == 0 && random.gen_bool(0.5) {
            parts.push(Part::Pool);
        }
    }
    let weights = numbers(random, &[4, channels]).into_dimensionality().unwrap();
    parts.push(Part::Head { weights, bias: vector(random, 4) });
    parts
}

/// A network while it is put into words.
struct Spelling {
    random: Xoshiro256PlusPlus,
    builder: NetworkBuilder<f64>,
    tensor: String,
    count: usize,
}

impl Spelling {
    fn of(parts: &[Part], seed: u64) -> Network<f64> {
        let mut builder = NetworkBuilder::new();
        builder.input("x", [Some(1), Some(3), Some(8), Some(8)]);
        let random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut spelling = Self { random, builder, tensor: "x".into(), count: 0 };
        for part in parts {
            spelling.part(part);
        }
        let last = spelling.tensor.clone();
        spelling.builder.output(last);
        spelling.builder.build().unwrap()
    }

    fn one_of(&mut self, choices: usize) -> usize {
        self.random.gen_range(0..choices)
    }

    fn fresh(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what} {}", self.count)
    }

    fn constant(&mut self, value: ArrayD<f64>) -> String {
        let name = self.fresh("constant");
        self.builder.constant(name.clone(), value);
        name
    }

    fn number(&mut self, value: f64) -> String {
        let shape: &[usize] = [&[][..], &[1], &[1, 1, 1, 1]][self.one_of(3)];
        self.constant(ArrayD::from_elem(IxDyn(shape), value))
    }

    /// One number for each channel, as (C, 1, 1) or (1, C, 1, 1).
    fn channels(&mut self, values: &[f64]) -> String {
        let mut shape = vec![values.len(), 1, 1];
        if self.random.gen_bool(0.5) {
            shape.insert(0, 1);
        }
        self.constant(ArrayD::from_shape_vec(shape, values.to_vec()).unwrap())
    }

    fn node(&mut self, spec: &OperatorSpec<f64>, operands: &[&str]) -> String {
        let (name, output) = (self.fresh(&spec.kind), self.fresh("tensor"));
        self.builder.node(name, read(spec).unwrap().operation, operands.to_vec(), output.clone());
        if !self.random.gen_bool(0.15) {
            return output;
        }
        let (name, copy) = (self.fresh("Identity"), self.fresh("tensor"));
        self.builder.node(name, read(&OperatorSpec::new("Identity", 1)).unwrap().operation, [output], copy.clone());
        copy
    }

    fn plain(&mut self, kind: &str, operands: &[&str]) -> String {
        self.node(&OperatorSpec::new(kind, operands.len()), operands)
    }

    /// Add or Mul, its operands in either order.
    fn commuting(&mut self, kind: &str, first: &str, second: &str) -> String {
        match self.random.gen_bool(0.5) {
            true => self.plain(kind, &[first, second]),
            false => self.plain(kind, &[second, first]),
        }
    }

    fn scaled_by_number(&mut self, x: &str, scale: f64) -> String {
        match self.one_of(3) {
            0 => {
                let factor = self.number(scale);
                self.commuting("Mul", x, &factor)
            }
            1 => {
                let divisor = self.number(1.0 / scale);
                self.plain("Div", &[x, &divisor])
            }
            _ => {
                let part = self.random.gen_range(0.5..2.0);
                let (first, second) = (self.number(part), self.number(scale / part));
                let half = self.commuting("Mul", x, &first);
                self.commuting("Mul", &half, &second)
            }
        }
    }

    fn shifted_by_number(&mut self, x: &str, shift: f64) -> String {
        if self.random.gen_bool(0.5) {
            let summand = self.number(shift);
            self.commuting("Add", x, &summand)
        } else {
            let less = self.number(-shift);
            self.plain("Sub", &[x, &less])
        }
    }

    fn scaled(&mut self, x: &str, scale: &[f64]) -> String {
        if self.random.gen_bool(0.5) {
            let scale = self.channels(scale);
            return self.commuting("Mul", x, &scale);
        }
        let inverse: Vec<f64> = scale.iter().map(|scale| 1.0 / scale).collect();
        let divisor = self.channels(&inverse);
        self.plain("Div", &[x, &divisor])
    }

    fn shifted(&mut self, x: &str, shift: &[f64]) -> String {
        let negative: Vec<f64> = shift.iter().map(|shift| -shift).collect();
        match self.one_of(3) {
            0 => {
                let shift = self.channels(shift);
                self.commuting("Add", x, &shift)
            }
            1 => {
                let less = self.channels(&negative);
                self.plain("Sub", &[x, &less])
            }
            _ => {
                let shift = self.channels(shift);
                let turned = self.plain("Neg", &[x]);
                self.plain("Sub", &[&shift, &turned])
            }
        }
    }

    /// `scale · x + shift` for each channel.
    fn affine(&mut self, x: &str, scale: &[f64], shift: &[f64]) -> String {
        match self.one_of(4) {
            3 => {
                let turn = OperatorSpec::new("Transpose", 1).with_integers("perm", [0, 1, 3, 2]);
                let turned = self.node(&turn, &[x]);
                let scaled = self.scaled(&turned, scale);
                // The shift comes before or after the axes are put back.
                if self.random.gen_bool(0.5) {
                    let shifted = self.shifted(&scaled, shift);
                    return self.node(&turn, &[&shifted]);
                }
                let back = self.node(&turn, &[&scaled]);
                self.shifted(&back, shift)
            }
            0 => {
                let scaled = self.scaled(x, scale);
                self.shifted(&scaled, shift)
            }
            1 => {
                let before: Vec<f64> = shift.iter().zip(scale).map(|(shift, scale)| shift / scale).collect();
                let shifted = self.shifted(x, &before);
                self.scaled(&shifted, scale)
            }
            _ => {
                let variance: Vec<f64> = scale.iter().map(|_| self.random.gen_range(0.5..2.0)).collect();
                let mean: Vec<f64> = scale.iter().map(|_| self.random.gen_range(-1.0..1.0)).collect();
                let deviation = |variance: f64| (variance + EPSILON).sqrt();
                let gamma = scale.iter().zip(&variance).map(|(scale, &variance)| scale * deviation(variance));
                let beta = shift.iter().zip(scale).zip(&mean).map(|((shift, scale), mean)| shift + scale * mean);
                let lists = [gamma.collect(), beta.collect(), mean.clone(), variance.clone()];
                let spec = OperatorSpec::new("BatchNormalization", 1).with_real("epsilon", EPSILON);
                let spec = lists
                    .into_iter()
                    .fold(spec, |spec, list: Vec<f64>| spec.with_constant(Arc::new(Array1::from(list).into_dyn())));
                self.node(&spec, &[x])
            }
        }
    }

    fn convolution(&mut self, x: &str, weights: &ArrayD<f64>, bias: Option<&[f64]>) -> String {
        let pads = if weights.shape()[2] == 3 { [1; 4] } else { [0; 4] };
        let mut spec =
            OperatorSpec::new("Conv", 1).with_integers("pads", pads).with_constant(Arc::new(weights.clone()));
        match bias {
            Some(bias) if self.random.gen_bool(0.5) => {
                spec = spec.with_constant(Arc::new(Array1::from(bias.to_vec()).into_dyn()));
                self.node(&spec, &[x])
            }
            Some(bias) => {
                let product = self.node(&spec, &[x]);
                self.shifted(&product, bias)
            }
            None => self.node(&spec, &[x]),
        }
    }

    /// `clip(x / slope + 1/2, 0, 1)`
    fn hard_sigmoid(&mut self, x: &str, slope: f64) -> String {
        match self.one_of(3) {
            // Files hold attributes in single precision: a sixth is none.
            0 if slope == 8.0 => {
                let spec = OperatorSpec::new("HardSigmoid", 1).with_real("alpha", 1.0 / slope).with_real("beta", 0.5);
                self.node(&spec, &[x])
            }
            1 => {
                let part = self.scaled_by_number(x, 1.0 / slope);
                let shifted = self.shifted_by_number(&part, 0.5);
                self.clipped(&shifted, 1.0)
            }
            _ => {
                let shifted = self.shifted_by_number(x, slope / 2.0);
                let clipped = self.clipped(&shifted, slope);
                self.scaled_by_number(&clipped, 1.0 / slope)
            }
        }
    }

    fn clipped(&mut self, x: &str, bound: f64) -> String {
        let bounds = [0.0, bound].map(|bound| Arc::new(ArrayD::from_elem(IxDyn(&[]), bound)));
        let [low, high] = bounds;
        self.node(&OperatorSpec::new("Clip", 1).with_constant(low).with_constant(high), &[x])
    }

    fn activation(&mut self, x: &str, activation: Activation) -> String {
        match activation {
            Activation::Relu => self.plain("Relu", &[x]),
            Activation::Relu6 => self.clipped(x, 6.0),
            Activation::HardSigmoid => self.hard_sigmoid(x, 8.0),
            Activation::Silu => {
                let gate = self.plain("Sigmoid", &[x]);
                if self.random.gen_bool(0.3) {
                    let equation = Attribute::Text("nchw,nchw->nchw".to_owned());
                    return self.node(&OperatorSpec::new("Einsum", 2).with("equation", equation), &[&gate, x]);
                }
                self.commuting("Mul", x, &gate)
            }
            Activation::HardSwish if self.random.gen_bool(0.3) => self.plain("HardSwish", &[x]),
            Activation::HardSwish => {
                let gate = self.hard_sigmoid(x, 6.0);
                self.commuting("Mul", x, &gate)
            }
            Activation::Gelu => {
                let scaled = self.scaled_by_number(x, std::f64::consts::FRAC_1_SQRT_2);
                let curve = self.plain("Erf", &[&scaled]);
                let gate = self.shifted_by_number(&curve, 1.0);
                let (first, second) = if self.random.gen_bool(0.5) {
                    (self.scaled_by_number(x, 0.5), gate)
                } else {
                    (x.to_owned(), self.scaled_by_number(&gate, 0.5))
                };
                self.commuting("Mul", &first, &second)
            }
        }
    }

    fn part(&mut self, part: &Part) {
        let x = self.tensor.clone();
        self.tensor = match part {
            Part::Preprocessing { scale, mean, deviation } => {
                let inverse: Vec<f64> = deviation.iter().map(|deviation| 1.0 / deviation).collect();
                let shift: Vec<f64> = mean.iter().zip(&inverse).map(|(mean, inverse)| -mean * inverse).collect();
                match self.random.gen_bool(0.5) {
                    true => {
                        let unit = self.scaled_by_number(&x, *scale);
                        self.affine(&unit, &inverse, &shift)
                    }
                    false => {
                        let whole: Vec<f64> = inverse.iter().map(|inverse| inverse * scale).collect();
                        self.affine(&x, &whole, &shift)
                    }
                }
            }
            Part::Convolution { weights, bias, affine } => {
                self.scaled_convolution(&x, weights, bias.as_deref(), affine)
            }
            Part::Affine { scale, shift } => self.affine(&x, scale, shift),
            Part::Activation(activation) => self.activation(&x, *activation),
            Part::Pool => {
                let spec = OperatorSpec::new("MaxPool", 1).with_integers("kernel_shape", [2, 2]);
                self.node(&spec.with_integers("strides", [2, 2]), &[&x])
            }
            Part::Excitation { down, up, hard } => {
                let mean = self.mean(&x, true);
                let squeezed = self.convolution(&mean, down, None);
                let rectified = self.plain("Relu", &[&squeezed]);
                let excited = self.convolution(&rectified, up, None);
                let gate = match hard {
                    true => self.hard_sigmoid(&excited, 8.0),
                    false => self.plain("Sigmoid", &[&excited]),
                };
                self.commuting("Mul", &x, &gate)
            }
            Part::Head { weights, bias } => {
                let mean = self.mean(&x, false);
                let weights = Arc::new(weights.clone().into_dyn());
                let spec = OperatorSpec::new("Gemm", 1).with_integer("transB", 1).with_constant(weights);
                let bias = Array1::from(bias.clone()).into_dyn();
                if self.random.gen_bool(0.5) {
                    self.node(&spec.with_constant(Arc::new(bias)), &[&mean])
                } else {
                    let product = self.node(&spec, &[&mean]);
                    let bias = self.constant(bias);
                    self.commuting("Add", &product, &bias)
                }
            }
        };
    }

    /// A convolution with scale and shift behind it, or in its weights.
    fn scaled_convolution(
        &mut self,
        x: &str,
        weights: &ArrayD<f64>,
        bias: Option<&[f64]>,
        affine: &Option<(Vec<f64>, Vec<f64>)>,
    ) -> String {
        let Some((scale, shift)) = affine else { return self.convolution(x, weights, bias) };
        if self.random.gen_bool(0.5) {
            let product = self.convolution(x, weights, bias);
            return self.affine(&product, scale, shift);
        }
        let mut scaled = weights.clone();
        scaled.outer_iter_mut().zip(scale).for_each(|(mut filter, &scale)| filter *= scale);
        let bias = |channel: usize| bias.map_or(0.0, |bias| bias[channel]);
        let bias: Vec<f64> = (0..scale.len()).map(|channel| bias(channel) * scale[channel] + shift[channel]).collect();
        self.convolution(x, &scaled, Some(&bias))
    }

    /// The mean of each channel.
    fn mean(&mut self, x: &str, keeps_axes: bool) -> String {
        if keeps_axes && self.random.gen_bool(0.5) {
            return self.plain("GlobalAveragePool", &[x]);
        }
        let axes = if self.random.gen_bool(0.5) { [2, 3] } else { [-1, -2] };
        let spec = OperatorSpec::new("ReduceMean", 1).with_constant_integers(axes);
        self.node(&spec.with_integer("keepdims", i64::from(keeps_axes)), &[x])
    }
}

fn composites() -> Vec<Composite> {
    let range = InputRange::of(-2.0, 2.0).unwrap();
    let names = ["epsilon-plus", "epsilon-plus-flat", "epsilon-alpha2-beta1", "epsilon-gamma-box"];
    let named = names.map(|name| Composite::named(name).unwrap().with_input_range(&range));
    named.into_iter().chain([Composite::uniform("epsilon=0.01".parse().unwrap())]).collect()
}

/// The network as it comes back from a file.
fn through_a_file(network: &Network<f64>, folder: &Path) -> Network<f64> {
    let path = folder.join("network.onnx");
    model_files::write(network, &path).unwrap();
    let shapes = InputShapes::new().with("x", [1, 3, 8, 8]);
    model_files::read::<f64>(&path).unwrap().network(&shapes).unwrap()
}

fn maps(network: &Network<f64>, x: &ArrayD<f64>) -> Vec<ArrayD<f64>> {
    let explainer = Explainer::new(network).unwrap();
    let forward = explainer.forward(x.view()).unwrap();
    let explain = |composite: &Composite| {
        let explained = forward.explain(composite, &Initial::Score(Target::Class(0)).into()).unwrap();
        explained.ledgers[0].check(1e-10).unwrap();
        explained.relevance[0].clone()
    };
    composites().iter().map(explain).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_network_gets_one_map_however_it_is_spelled(seed in any::<u64>(), spellings in any::<[u64; 2]>()) {
        let parts = random_parts(seed);
        let folder = tempfile::tempdir().unwrap();
        let x = numbers(&mut Xoshiro256PlusPlus::seed_from_u64(seed), &[1, 3, 8, 8]);
        let networks = spellings.map(|spelling| Spelling::of(&parts, spelling));
        let scores = networks.each_ref().map(|network| network.forward(vec![x.clone()]).unwrap().output().to_owned());
        let difference = largest(&(&scores[0] - &scores[1]));
        prop_assert!(difference <= 1e-9 * largest(&scores[0]), "the spellings are two functions: {difference:e}");
        let [first, second] = networks.map(|network| through_a_file(&network, folder.path()));
        // Where denominators cancel, rounding matters more: as much as the last digits of the input do.
        let nudged = x.mapv(|x| x * (1.0 + 1e-12 * (1e3 * x).sin()));
        let (one, near, other) = (maps(&first, &x), maps(&first, &nudged), maps(&second, &x));
        for (((composite, one), near), other) in composites().iter().zip(&one).zip(&near).zip(&other) {
            let difference = largest(&(one - other));
            let tolerance = (SAME * largest(one)).max(10.0 * largest(&(one - near)));
            prop_assert!(
                difference <= tolerance,
                "{}: {difference:e} of {:e} in {parts:?}",
                composite.name(),
                largest(one)
            );
        }
    }
}

fn largest(values: &ArrayD<f64>) -> f64 {
    values.iter().fold(0.0, |largest, value| value.abs().max(largest))
}
