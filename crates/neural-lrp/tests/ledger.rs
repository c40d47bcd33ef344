//! Whatever the network, whatever the rule: what comes in from above leaves below or into a named sink.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};
use neural_lrp::operation::OperatorSpec;
use neural_lrp::rules::{InputRange, Rule};
use neural_lrp::{Composite, Explainer, Initial, Network, NetworkBuilder, Selector, operations};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use relevance::Ledger;

/// Every rule that a layer with weights can have.
const LINEAR_RULES: [&str; 13] = [
    "lrp-0",
    "epsilon=1e-6",
    "epsilon=0.01",
    "epsilon=100",
    "alpha-beta=2",
    "alpha-beta=1.5,renormalize",
    "z-plus",
    "gamma=0.25",
    "flat",
    "w-square",
    "z-box",
    "even-bias",
    "even-bias=0.01",
];
/// Every rule that maximum pooling can have.
const MAXIMUM_RULES: [&str; 3] = ["winner", "ties-shared", "proportional"];

/// A graph of random operations under way: its tensors, with names and shapes.
struct Sketch {
    random: Xoshiro256PlusPlus,
    builder: NetworkBuilder<f64>,
    tensors: Vec<(String, Vec<usize>)>,
}

impl Sketch {
    fn new(seed: u64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let shape = vec![1, random.gen_range(1..4), random.gen_range(4..8), random.gen_range(4..8)];
        let mut builder = NetworkBuilder::new();
        builder.input("x", shape.iter().map(|&length| Some(length)).collect::<Vec<_>>());
        Self { random, builder, tensors: vec![("x".into(), shape)] }
    }

    /// Numbers of both signs, some of them zero or equal.
    fn numbers(&mut self, shape: &[usize]) -> Arc<ArrayD<f64>> {
        let random = &mut self.random;
        Arc::new(ArrayD::from_shape_simple_fn(IxDyn(shape), || (random.gen_range(-8i32..=8) as f64) / 4.0))
    }

    fn positive(&mut self, length: usize) -> Arc<ArrayD<f64>> {
        let random = &mut self.random;
        Arc::new(ArrayD::from_shape_simple_fn(IxDyn(&[length]), || random.gen_range(0.25..2.0)))
    }

    /// One of the tensors, the later ones more often.
    fn any(&mut self) -> (String, Vec<usize>) {
        let from = if self.random.gen_bool(0.7) { self.tensors.len().saturating_sub(2) } else { 0 };
        let position = self.random.gen_range(from..self.tensors.len());
        self.tensors[position].clone()
    }

    /// A tensor of the same shape as another.
    fn like(&mut self, shape: &[usize]) -> String {
        let fitting: Vec<&String> =
            self.tensors.iter().filter(|(_, other)| other == shape).map(|(name, _)| name).collect();
        fitting[self.random.gen_range(0..fitting.len())].clone()
    }

    /// Adds an operation where it fits its operands.
    fn add(&mut self, spec: &OperatorSpec<f64>, operands: &[String]) {
        let Ok(parsed) = operations::read(spec) else { return };
        let shapes: Vec<&[usize]> = operands
            .iter()
            .filter_map(|name| self.tensors.iter().find(|(other, _)| other == name).map(|(_, shape)| shape.as_slice()))
            .collect();
        let Ok(shape) = parsed.operation.output_shape(&shapes) else { return };
        if shape.contains(&0) || shape.iter().product::<usize>() > 4_000 {
            return;
        }
        let name = format!("t{}", self.tensors.len());
        self.builder.node(format!("{} {name}", spec.kind), parsed.operation, operands.to_vec(), name.clone());
        self.tensors.push((name, shape));
    }

    fn grow(&mut self) {
        let (name, shape) = self.any();
        let channels = shape.get(1).copied().unwrap_or(1);
        let one = |kind: &str| OperatorSpec::new(kind, 1);
        let choice = self.random.gen_range(0..20);
        let spec = match choice {
            0..=2 => {
                let groups = if self.random.gen_bool(0.3) { channels } else { 1 };
                let outputs = groups * self.random.gen_range(1..4);
                let weights = self.numbers(&[outputs, channels / groups, self.random.clone().gen_range(1..4), 2]);
                let bias = self.numbers(&[outputs]);
                let stride = self.random.gen_range(1..3);
                one("Conv")
                    .with_integer("group", groups as i64)
                    .with_integers("pads", [1, 0, 1, 1])
                    .with_integers("strides", [stride, 1])
                    .with_constant(weights)
                    .with_constant(bias)
            }
            3 => {
                let weights = self.numbers(&[channels, 2, 2, 2]);
                one("ConvTranspose").with_integers("strides", [2, 1]).with_constant(weights)
            }
            4 => {
                let weights = self.numbers(&[3, *shape.last().unwrap_or(&1)]);
                let bias = self.numbers(&[3]);
                one("Gemm").with_integer("transB", 1).with_constant(weights).with_constant(bias)
            }
            5 => one("AveragePool").with_integers("kernel_shape", [2, 2]).with_integers("pads", [1, 0, 0, 1]),
            6 => one("MaxPool").with_integers("kernel_shape", [2, 3]).with_integers("strides", [1, 2]),
            7 => one("GlobalAveragePool"),
            8 => one("LRN").with_integer("size", 3).with_real("alpha", 0.5).with_real("beta", 0.75),
            9 => {
                let (scale, shift, mean) =
                    (self.numbers(&[channels]), self.numbers(&[channels]), self.numbers(&[channels]));
                let variance = self.positive(channels);
                one("BatchNormalization")
                    .with_constant(scale)
                    .with_constant(shift)
                    .with_constant(mean)
                    .with_constant(variance)
            }
            10 => one("Softmax").with_integer("axis", -1),
            11 => one("Pad").with_constant_integers([0, 0, 1, 0, 0, 0, 0, 2]),
            12 => one("Transpose").with_integers("perm", [0, 1, 3, 2]),
            13 => one("Slice").with_constant_integers([1]).with_constant_integers([9]).with_constant_integers([2]),
            14 => one(["Tanh", "Sigmoid", "LeakyRelu", "HardSwish"][self.random.gen_range(0..4)]),
            15 => one("ReduceMean").with_constant_integers([2]),
            16 | 17 => {
                let other = self.like(&shape);
                let kind = ["Add", "Add", "Sub", "Mul"][self.random.gen_range(0..4)];
                return self.add(&OperatorSpec::new(kind, 2), &[name, other]);
            }
            18 => {
                let other = self.like(&shape);
                return self.add(&OperatorSpec::new("Concat", 2).with_integer("axis", 1), &[name, other]);
            }
            _ => one("Relu"),
        };
        self.add(&spec, &[name]);
    }

    /// The network, with all that nobody took flattened into one dense layer.
    fn finish(mut self) -> Network<f64> {
        let (name, shape) = self.tensors[self.tensors.len() - 1].clone();
        let width = shape.iter().product();
        self.add(&OperatorSpec::new("Flatten", 1), &[name]);
        let weights = self.numbers(&[2, width]);
        let bias = self.numbers(&[2]);
        let (flat, _) = self.tensors[self.tensors.len() - 1].clone();
        self.add(
            &OperatorSpec::new("Gemm", 1).with_integer("transB", 1).with_constant(weights).with_constant(bias),
            &[flat],
        );
        let (output, _) = &self.tensors[self.tensors.len() - 1];
        self.builder.output(output.clone());
        self.builder.build().unwrap()
    }
}

fn random_network(seed: u64) -> (Network<f64>, ArrayD<f64>) {
    let mut sketch = Sketch::new(seed);
    let shape = sketch.tensors[0].1.clone();
    for _ in 0..sketch.random.clone().gen_range(2..12) {
        sketch.grow();
    }
    let input = sketch.numbers(&shape);
    (sketch.finish(), input.as_ref().clone())
}

fn composite(linear: &str, maximum: &str, normalization: &str) -> Composite {
    let rule = |text: &str| text.parse::<Rule>().unwrap();
    let of = |kind: &str| Selector::Operation(kind.into()).optional();
    Composite::uniform(rule(linear))
        .with_first(of("MaxPool"), rule(maximum))
        .with_first(of("LRN"), rule(normalization))
        .with_input_range(&InputRange::of(-2.0, 2.0).unwrap())
}

/// How many times the relevance of a step, without signs, is what was started with.
///
/// A rule without a stabilizer divides by sums that may cancel to nearly nothing. What it then sends down has large
/// terms of both signs, and f64 does not hold their sum to 1e-10 of what came in, however the steps are booked.
fn growth(ledger: &Ledger) -> f64 {
    let largest = ledger.entries.iter().map(|entry| entry.lower.magnitude).fold(0.0, f64::max);
    largest / ledger.total().upper.magnitude
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_ledger_balances(seed in any::<u64>(), maximum in 0..MAXIMUM_RULES.len(), taylor in any::<bool>()) {
        let (network, input) = random_network(seed);
        let explainer = Explainer::new(&network).unwrap();
        let forward = explainer.forward(input.view()).unwrap();
        for rule in LINEAR_RULES {
            let composite = composite(rule, MAXIMUM_RULES[maximum], if taylor { "taylor" } else { "pass" });
            let initial = ArrayD::from_shape_vec(forward.scores().raw_dim(), vec![1.5, -0.25]).unwrap();
            let explained = forward.explain(&composite, &Initial::Array(initial).into()).unwrap();
            for ledger in &explained.ledgers {
                prop_assert!(!ledger.entries.is_empty());
                if growth(ledger) > 1e5 {
                    continue;
                }
                prop_assert!(ledger.check(1e-10).is_ok(), "{rule}: {}\n{ledger}", ledger.check(1e-10).unwrap_err());
            }
        }
    }
}
