//! Whatever the network, whatever the rule: what comes in from above leaves below or into a named sink.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, IxDyn};
use neural_lrp::operation::{Constant, Input, OperatorSpec};
use neural_lrp::rules::Rule;
use neural_lrp::{Activations, Composite, Error, Keep, Network, NetworkBuilder, Propagation, Step, operations};
use proptest::prelude::*;
use proptest::test_runner::{TestRunner, contextualize_config};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use relevance::{Amount, Ledger, Sink};

/// Every rule that keeps books, in its settings: those for layers with weights, …
const LINEAR_RULES: [&str; 17] = [
    "lrp-0",
    "epsilon=1e-6",
    "epsilon=0.01",
    "epsilon=100",
    "alpha-beta=2",
    "alpha-beta=1.5,renormalize",
    "z-plus",
    "conserving-z-plus",
    "gamma=0.25",
    "flat",
    "w-square",
    "z-box=-2,2",
    "even-bias",
    "even-bias=0.01",
    "without-bias=z-plus",
    "without-bias=epsilon=0.01",
    "without-bias=gamma=0.25",
];
/// … and all others; a new rule has its line here.
const OTHER_RULES: &[&str] = &[
    "norm",
    "norm=0",
    "norm=0.25",
    "pass",
    "detached",
    "detached=0.25",
    "arrange",
    "spread-constant=first",
    "spread-constant=second,0.25",
    "stop",
    "winner",
    "ties-shared",
    "proportional",
    "signal=first",
    "signal=second",
    "signal=both",
    "taylor",
    "taylor=0",
    "taylor=0.25",
    "toolbox-pool=epsilon,0.01",
    "toolbox-pool=alpha-beta,2",
    "toolbox-pool=flat",
];
/// Rules that send gradients back, which are no relevance: they keep no books.
const GRADIENTS: [&str; 3] = ["gradient", "guided", "deconvnet"];

/// Rules in whose place a composite takes another: by themselves they are refused.
const CHOSEN_BY_COMPOSITES: [&str; 1] = ["attention-constant"];

/// The random networks of each kind of operation.
const NETWORKS: u32 = 4;
/// Larger tensors are not built upon.
const LARGEST: usize = 250;

/// A tensor of a sketch, by its number.
type Tensor = usize;

/// A network of random operations under way.
struct Sketch {
    random: Xoshiro256PlusPlus,
    builder: NetworkBuilder<f64>,
    shapes: Vec<Vec<usize>>,
    constants: BTreeSet<Tensor>,
    taken: BTreeSet<Tensor>,
}

impl Sketch {
    /// One image of a few channels, and nothing behind it.
    fn new(seed: u64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let shape = vec![1, random.gen_range(1..4), random.gen_range(4..8), random.gen_range(4..8)];
        let mut builder = NetworkBuilder::new();
        builder.input(name(0), shape.iter().map(|&length| Some(length)).collect::<Vec<_>>());
        Self { random, builder, shapes: vec![shape], constants: BTreeSet::new(), taken: BTreeSet::new() }
    }

    /// Numbers of both signs, some of them zero or equal, but none another's negative: a sum of what odd functions make of
    /// such two is nothing but roundings, and their sign decides that of the stabilizer.
    fn numbers(&mut self, shape: &[usize]) -> Arc<ArrayD<f64>> {
        let random = &mut self.random;
        let number = || match random.gen_range(-8i32..=8) {
            0 => 0.0,
            quarters => f64::from(quarters) / 4.0 + 1.0 / 32.0,
        };
        Arc::new(ArrayD::from_shape_simple_fn(IxDyn(shape), number))
    }

    fn positive_numbers(&mut self, length: usize) -> Arc<ArrayD<f64>> {
        let random = &mut self.random;
        Arc::new(ArrayD::from_shape_simple_fn(IxDyn(&[length]), || random.gen_range(0.25..2.0)))
    }

    /// A small tensor of which something holds, the later ones more often. The input must be such a tensor.
    fn one_that(&mut self, fits: impl Fn(&[usize]) -> bool) -> Tensor {
        let small = |shape: &[usize]| shape.iter().product::<usize>() <= LARGEST;
        let fitting = self.computed(|shape| small(shape) && fits(shape));
        let from = if self.random.gen_bool(0.7) { fitting.len().saturating_sub(2) } else { 0 };
        fitting[self.random.gen_range(from..fitting.len())]
    }

    fn computed(&self, fits: impl Fn(&[usize]) -> bool) -> Vec<Tensor> {
        let tensors = (0..self.shapes.len()).filter(|tensor| !self.constants.contains(tensor));
        tensors.filter(|&tensor| fits(&self.shapes[tensor])).collect()
    }

    fn any(&mut self) -> Tensor {
        self.one_that(|_| true)
    }

    fn image(&mut self) -> Tensor {
        self.one_that(|shape| shape.len() == 4)
    }

    /// A tensor of the same shape, perhaps the same one.
    fn like(&mut self, tensor: Tensor) -> Tensor {
        let fitting = self.computed(|shape| shape == self.shapes[tensor]);
        fitting[self.random.gen_range(0..fitting.len())]
    }

    /// A tensor of numbers in [−1, 1].
    fn bounded(&mut self) -> Tensor {
        let operand = self.any();
        self.bounded_of(operand)
    }

    fn bounded_of(&mut self, operand: Tensor) -> Tensor {
        self.node(one("Tanh"), &[operand])
    }

    /// A tensor of numbers in (0.25, 1.25).
    fn positive(&mut self) -> Tensor {
        let operand = self.any();
        self.positive_of(operand)
    }

    fn positive_of(&mut self, operand: Tensor) -> Tensor {
        let sigmoid = self.node(one("Sigmoid"), &[operand]);
        let quarter = self.constant(Arc::new(ArrayD::from_elem(vec![1], 0.25)));
        self.node(two("Add"), &[sigmoid, quarter])
    }

    /// A tensor that does not depend on the input; nothing else takes it.
    fn constant(&mut self, value: Arc<ArrayD<f64>>) -> Tensor {
        let tensor = self.shapes.len();
        self.shapes.push(value.shape().to_vec());
        self.builder.constant(name(tensor), value);
        self.constants.insert(tensor);
        tensor
    }

    fn flattened(&mut self, operand: Tensor) -> Tensor {
        self.node(one("Reshape").with_constant_integers([1, -1]), &[operand])
    }

    /// As many tensors, of the same shape.
    fn several(&mut self, counts: std::ops::Range<usize>) -> Vec<Tensor> {
        let first = self.any();
        (0..self.random.gen_range(counts)).map(|_| self.like(first)).collect()
    }

    fn shape(&self, tensor: Tensor) -> &[usize] {
        &self.shapes[tensor]
    }

    fn channels(&self, tensor: Tensor) -> usize {
        self.shapes[tensor][1]
    }

    fn last_axis(&self, tensor: Tensor) -> usize {
        self.shapes[tensor][self.shapes[tensor].len() - 1]
    }

    /// Adds an operation behind its operands, which it must be able to take.
    fn node(&mut self, spec: OperatorSpec<f64>, operands: &[Tensor]) -> Tensor {
        let refused = |error: Error| -> ! { panic!("{}: {error}\n{spec:?}", spec.kind) };
        let parsed = operations::read(&spec).unwrap_or_else(|error| refused(error));
        let shapes: Vec<&[usize]> = operands.iter().map(|&operand| self.shape(operand)).collect();
        let shape = parsed.operation.output_shape(&shapes).unwrap_or_else(|error| refused(error));
        assert!(!shape.contains(&0), "{spec:?} makes nothing of {shapes:?}");
        let tensor = self.shapes.len();
        let names: Vec<String> = operands.iter().map(|&operand| name(operand)).collect();
        self.builder.node(node_name(&spec.kind, tensor), parsed.operation, names, name(tensor));
        self.shapes.push(shape);
        self.taken.extend(operands);
        tensor
    }

    /// Adds a random operation of a kind, behind tensors that suit it; a new kind of operation has its line here.
    fn add(&mut self, kind: &str) -> Tensor {
        let spec = one(kind);
        let unary = |sketch: &mut Self, spec: OperatorSpec<f64>| {
            let operand = sketch.any();
            sketch.node(spec, &[operand])
        };
        let of_image = |sketch: &mut Self, spec: OperatorSpec<f64>| {
            let operand = sketch.image();
            sketch.node(spec, &[operand])
        };
        let of_positive = |sketch: &mut Self, spec: OperatorSpec<f64>| {
            let operand = sketch.positive();
            sketch.node(spec, &[operand])
        };
        match kind {
            "Abs" | "Ceil" | "Celu" | "Dropout" | "Elu" | "Erf" | "Floor" | "Gelu" | "HardSigmoid" | "HardSwish"
            | "Identity" | "IsInf" | "IsNaN" | "LeakyRelu" | "Mish" | "Neg" | "Not" | "Relu" | "Round" | "Selu"
            | "Sigmoid" | "Sign" | "Silu" | "Softplus" | "Softsign" | "Tanh" | "ThresholdedRelu" => unary(self, spec),
            "Cast" => {
                let to = [1, 3, 7, 9][self.random.gen_range(0..4)];
                unary(self, spec.with_integer("to", to))
            }
            "ArgMax" | "ArgMin" | "Hardmax" => unary(self, spec.with_integer("axis", -1)),
            "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" | "Xor" => {
                let operands = self.several(2..3);
                self.node(two(kind), &operands)
            }
            "Where" => {
                let operands = self.several(3..4);
                let condition = self.node(two("Greater"), &operands[..2]);
                self.node(OperatorSpec::new(kind, 3), &[condition, operands[1], operands[2]])
            }
            "Max" | "Min" => {
                let mut operands = self.several(1..4);
                let numbers = self.numbers(&[self.last_axis(operands[0])]);
                operands.push(self.constant(numbers));
                self.node(OperatorSpec::new(kind, operands.len()), &operands)
            }
            "Asinh" | "Atan" | "Cos" | "Shrink" | "Sin" => unary(self, spec),
            "FakeQuantize" if self.random.gen_bool(0.5) => unary(self, spec),
            "Exp" | "Cosh" | "Sinh" | "Tan" => {
                let operand = self.bounded();
                self.node(spec, &[operand])
            }
            "Acos" | "Asin" | "Atanh" => {
                // Off ±1, where their slopes have no end.
                let bounded = self.bounded();
                let operand = self.bounded_of(bounded);
                self.node(spec, &[operand])
            }
            "Acosh" => {
                let positive = self.positive();
                let one = self.constant(Arc::new(ArrayD::ones(vec![1])));
                let above = self.node(two("Add"), &[positive, one]);
                self.node(spec, &[above])
            }
            "QuantizeLinear" | "DequantizeLinear" | "FakeQuantize" => {
                let scale = self.positive_numbers(1);
                unary(self, spec.with_constant(scale).with_constant_integers([3]))
            }
            "CumSum" => {
                let [exclusive, reverse] = [0, 1].map(|_| self.random.gen_range(0..2));
                let spec = spec.with_integer("exclusive", exclusive).with_integer("reverse", reverse);
                unary(self, spec.with_constant_integers([-1]))
            }
            "Col2Im" => {
                let operand = self.any();
                let numbers: usize = self.shape(operand).iter().product();
                let columns = self.node(one("Reshape").with_constant_integers([1, 1, -1]), &[operand]);
                let both = self.node(two("Concat").with_integer("axis", 1), &[columns; 2]);
                let spec = spec.with_constant_integers([numbers as i64 + 1]).with_constant_integers([2]);
                self.node(spec, &[both])
            }
            "LpNormalization" => {
                let p = self.random.gen_range(1..3);
                unary(self, spec.with_integer("p", p))
            }
            "Tile" => {
                let operand = self.any();
                let mut repeats = vec![1; self.shape(operand).len()];
                repeats[1] = 2;
                self.node(spec.with_constant_integers(repeats), &[operand])
            }
            "Trilu" => {
                let upper = self.random.gen_range(0..2);
                unary(self, spec.with_integer("upper", upper).with_constant_integers([0]))
            }
            "Gather" | "GatherElements" if self.random.gen_bool(0.3) => {
                let operand = self.any();
                let places = self.node(one("ArgMin").with_integer("axis", -1), &[operand]);
                self.node(two(kind).with_integer("axis", -1), &[operand, places])
            }
            "GatherElements" => {
                let operand = self.any();
                let mut places = vec![1; self.shape(operand).len()];
                places[self.shape(operand).len() - 1] = 3;
                self.node(with_places(spec.with_integer("axis", -1), &places), &[operand])
            }
            "GatherND" => unary(self, with_places(spec, &[1, 2, 1])),
            "ScatterElements" | "ScatterND" => {
                let data = self.any();
                let rank = self.shape(data).len();
                let reduction = ["none", "add"][self.random.gen_range(0..2)];
                let spec = spec.with_text("reduction", reduction);
                let axes: Vec<i64> = (0..rank as i64).collect();
                let (places, axes, lengths) = match kind {
                    "ScatterND" => (vec![1, rank - 1], &axes[1..], vec![1, -1]),
                    _ => (vec![1; rank], &axes[..], vec![1; rank]),
                };
                let largest =
                    self.node(one("ReduceMax").with_constant_integers(axes.iter().map(|axis| axis - axes[0])), &[data]);
                let updates = self.node(one("Reshape").with_constant_integers(lengths), &[largest]);
                let mut spec = with_places(spec, &places);
                spec.inputs.push(Input::Tensor);
                self.node(spec, &[data, updates])
            }
            "GridSample" => {
                let operand = self.image();
                let [across, down] = [0, 1].map(|_| self.random.gen_range(1..4));
                let grid = self.numbers(&[self.shape(operand)[0], down, across, 2]);
                let grid = self.constant(grid);
                let mode = ["nearest", "linear", "cubic"][self.random.gen_range(0..3)];
                let beyond = ["zeros", "border", "reflection"][self.random.gen_range(0..3)];
                let spec = two(kind).with_text("mode", mode).with_text("padding_mode", beyond);
                self.node(spec, &[operand, grid])
            }
            "TopK" => {
                let operand = self.any();
                let count = self.last_axis(operand).min(2) as i64;
                let [largest, output] = [0, 1].map(|_| self.random.gen_range(0..2));
                let spec = spec.with_integer("largest", largest).with_integer("output", output);
                self.node(spec.with_constant_integers([count]), &[operand])
            }
            "MaxUnpool" => {
                let operand = self.image();
                let window: Vec<i64> = self.shape(operand)[2..].iter().map(|&length| length.min(2) as i64).collect();
                let pool = one("MaxPool").with_integers("kernel_shape", window.clone());
                let maxima = self.node(pool.clone(), &[operand]);
                let positions = self.node(pool.with_integer("output", 1), &[operand]);
                self.node(two(kind).with_integers("kernel_shape", window), &[maxima, positions])
            }
            "Log" | "Reciprocal" | "Sqrt" => of_positive(self, spec),
            "Pow" => {
                let exponent = self.positive_numbers(1);
                of_positive(self, spec.with_constant(exponent))
            }
            "Clip" => {
                let bound = |bound: f64| Arc::new(ArrayD::from_elem(vec![], bound));
                unary(self, spec.with_constant(bound(-0.5)).with_constant(bound(1.0)))
            }
            "PRelu" => {
                let operand = self.any();
                let slopes = self.numbers(&[self.last_axis(operand)]);
                self.node(spec.with_constant(slopes), &[operand])
            }
            "Softmax" | "LogSoftmax" => {
                let axis = self.random.gen_range(-1..=1);
                unary(self, spec.with_integer("axis", axis))
            }
            "Add" | "Mul" if self.random.gen_bool(0.3) => {
                let operand = self.any();
                let numbers = self.numbers(&[self.last_axis(operand)]);
                let constant = self.constant(numbers);
                self.node(two(kind), &[operand, constant])
            }
            "Add" | "Sub" | "Sum" | "Concat" => {
                let operands = self.several(if kind == "Sum" { 1..4 } else { 2..3 });
                let spec = OperatorSpec::new(kind, operands.len());
                self.node(if kind == "Concat" { spec.with_integer("axis", -1) } else { spec }, &operands)
            }
            "Mul" => {
                let gate = self.bounded();
                let signal = self.like(gate);
                self.node(two(kind), &[signal, gate])
            }
            "Div" => {
                let dividend = self.any();
                let divisor = self.positive_of(dividend);
                self.node(two(kind), &[dividend, divisor])
            }
            "MatMul" if self.random.gen_bool(0.3) => {
                let operand = self.any();
                let weights = self.numbers(&[self.last_axis(operand), 3]);
                self.node(spec.with_constant(weights), &[operand])
            }
            "MatMul" => {
                let left = self.bounded();
                let right = self.like(left);
                let right =
                    self.node(one("Transpose").with_integers("perm", swapped(self.shape(right).len())), &[right]);
                self.node(two(kind), &[left, right])
            }
            "Gemm" => {
                let operand = self.any();
                let rows = self.flattened(operand);
                let (weights, bias) = (self.numbers(&[3, self.last_axis(rows)]), self.numbers(&[3]));
                self.node(spec.with_integer("transB", 1).with_constant(weights).with_constant(bias), &[rows])
            }
            "Conv" => {
                let operand = self.image();
                let channels = self.channels(operand);
                let groups = if self.random.gen_bool(0.3) { channels } else { 1 };
                let (outputs, height) = (groups * self.random.gen_range(1..4), self.random.gen_range(1..4));
                let (weights, bias) =
                    (self.numbers(&[outputs, channels / groups, height, 2]), self.numbers(&[outputs]));
                let spec = spec
                    .with_integer("group", groups as i64)
                    .with_integers("pads", [1, 0, 1, 1])
                    .with_integers("strides", [self.random.gen_range(1..3), 1]);
                self.node(spec.with_constant(weights).with_constant(bias), &[operand])
            }
            "ConvTranspose" => {
                let operand = self.image();
                let weights = self.numbers(&[self.channels(operand), 2, 2, 2]);
                self.node(spec.with_integers("strides", [2, 1]).with_constant(weights), &[operand])
            }
            "AveragePool" => {
                let counted = self.random.gen_range(0..2);
                let spec = spec.with_integers("kernel_shape", [2, 2]).with_integers("pads", [1, 0, 0, 1]);
                of_image(self, spec.with_integer("count_include_pad", counted))
            }
            "MaxPool" => {
                let output = i64::from(self.random.gen_bool(0.2));
                let spec = spec
                    .with_integer("output", output)
                    .with_integers("kernel_shape", [2, 3])
                    .with_integers("pads", [1, 1, 0, 1]);
                of_image(self, spec.with_integers("strides", [1, 2]))
            }
            "LpPool" | "SumPool" => {
                let operand = self.image();
                let window: Vec<i64> = self.shape(operand)[2..].iter().map(|&length| length.min(2) as i64).collect();
                self.node(spec.with_integers("kernel_shape", window), &[operand])
            }
            "GlobalAveragePool" | "GlobalMaxPool" => of_image(self, spec),
            "GlobalLpPool" => {
                let p = self.random.gen_range(1..4);
                of_image(self, spec.with_integer("p", p))
            }
            "ReduceMax" | "ReduceMin" | "ReduceMean" | "ReduceSum" | "ReduceL1" | "ReduceL2" | "ReduceLogSumExp"
            | "ReduceSumSquare" | "ReduceProd" | "ReduceLogSum" => {
                let image = self.image();
                let operand = match kind {
                    "ReduceSumSquare" | "ReduceProd" => self.bounded_of(image),
                    "ReduceLogSum" => self.positive_of(image),
                    _ => image,
                };
                let axis = self.random.gen_range(1..3);
                self.node(spec.with_constant_integers([axis]).with_integer("keepdims", axis - 1), &[operand])
            }
            "LRN" => of_image(self, spec.with_integer("size", 3).with_real("alpha", 0.5).with_real("beta", 0.75)),
            "BatchNormalization" => {
                let operand = self.any();
                let channels = self.channels(operand);
                let spec = (0..3).fold(spec, |spec, _| spec.with_constant(self.numbers(&[channels])));
                let variance = self.positive_numbers(channels);
                self.node(spec.with_constant(variance), &[operand])
            }
            "InstanceNormalization" | "GroupNormalization" => {
                let operand = self.image();
                let channels = self.channels(operand);
                let groups = if self.random.gen_bool(0.5) { channels } else { 1 };
                let spec =
                    if kind == "GroupNormalization" { spec.with_integer("num_groups", groups as i64) } else { spec };
                let (scale, bias) = (self.numbers(&[channels]), self.numbers(&[channels]));
                self.node(spec.with_constant(scale).with_constant(bias), &[operand])
            }
            "LayerNormalization" | "Affine" => {
                let operand = self.any();
                let width = self.last_axis(operand);
                let (scale, bias) = (self.numbers(&[width]), self.numbers(&[width]));
                self.node(spec.with_constant(scale).with_constant(bias), &[operand])
            }
            "RMSNormalization" => {
                let operand = self.any();
                let scale = self.numbers(&[self.last_axis(operand)]);
                self.node(spec.with_constant(scale), &[operand])
            }
            "Einsum" => {
                let operand = self.image();
                let bounded = self.bounded_of(operand);
                match self.random.gen_range(0..3) {
                    0 => self.node(spec.with_text("equation", "bchw->bwc"), &[operand]),
                    1 => {
                        let weights = self.numbers(&[3, self.channels(operand)]);
                        self.node(spec.with_text("equation", "bchw,oc->bohw").with_constant(weights), &[operand])
                    }
                    _ => self.node(two(kind).with_text("equation", "bchw,bcjw->bchj"), &[operand, bounded]),
                }
            }
            "DepthToSpace" => {
                let operand = self.image();
                let fourfold = self.node(OperatorSpec::new("Concat", 4).with_integer("axis", 1), &[operand; 4]);
                self.node(spec.with_integer("blocksize", 2), &[fourfold])
            }
            "SpaceToDepth" => {
                let operand = self.image();
                let high = self.node(two("Concat").with_integer("axis", 2), &[operand; 2]);
                let wide = self.node(two("Concat").with_integer("axis", 3), &[high; 2]);
                self.node(spec.with_integer("blocksize", 2), &[wide])
            }
            "Expand" => {
                let operand = self.image();
                let mean = self.node(one("ReduceMean").with_constant_integers([-1]), &[operand]);
                self.node(spec.with_constant_integers([3]), &[mean])
            }
            "Squeeze" => {
                let operand = self.image();
                let mean = self.node(one("ReduceMean").with_constant_integers([-1]), &[operand]);
                self.node(spec.with_constant_integers([-1]), &[mean])
            }
            "Unsqueeze" => of_image(self, spec.with_constant_integers([2])),
            "Flatten" => unary(self, spec.with_integer("axis", 1)),
            "Reshape" => unary(self, spec.with_constant_integers([1, 1, -1])),
            "Transpose" => {
                let operand = self.any();
                let permutation = swapped(self.shape(operand).len());
                self.node(spec.with_integers("perm", permutation), &[operand])
            }
            "Gather" => {
                let operand = self.any();
                let last = self.last_axis(operand) as i64 - 1;
                self.node(spec.with_integer("axis", -1).with_constant_integers([last, 0, -1]), &[operand])
            }
            "Slice" => {
                let [start, end, step] = [[1, i64::MAX, 1], [-1, i64::MIN, -2], [0, 2, 1]][self.random.gen_range(0..3)];
                let operand = self.one_that(|shape| shape[shape.len() - 1] > 1);
                let spec = spec.with_constant_integers([start]).with_constant_integers([end]);
                self.node(spec.with_constant_integers([-1]).with_constant_integers([step]), &[operand])
            }
            "Pad" => {
                let mode = ["constant", "edge", "wrap"][self.random.gen_range(0..3)];
                let value = if mode == "constant" { self.numbers(&[]) } else { Arc::new(ArrayD::zeros(vec![])) };
                let spec = spec.with_text("mode", mode).with_constant_integers([0, 0, 1, 0, 0, 0, 0, 2]);
                of_image(self, spec.with_constant(value))
            }
            "Resize" => {
                let mode = ["nearest", "linear", "cubic"][self.random.gen_range(0..3)];
                let scales = ArrayD::from_shape_vec(vec![4], vec![1.0, 1.0, 1.5, 2.0]);
                let spec = spec.with_text("mode", mode).with_absent().with_constant(Arc::new(scales.unwrap()));
                of_image(self, spec)
            }
            _ => panic!("no random networks of {kind}: give it a line here"),
        }
    }

    fn grow(&mut self, operations: std::ops::Range<usize>) {
        for _ in 0..self.random.gen_range(operations) {
            let kind = operations::KINDS[self.random.gen_range(0..operations::KINDS.len())];
            self.add(kind);
        }
    }

    /// The network, with all that nobody took in one dense layer: every operation has a part in the scores.
    fn finish(mut self) -> Network<f64> {
        let left = self.computed(|_| true).into_iter().filter(|tensor| !self.taken.contains(tensor));
        let flat: Vec<Tensor> = left.collect::<Vec<_>>().into_iter().map(|tensor| self.flattened(tensor)).collect();
        let joined = self.node(OperatorSpec::new("Concat", flat.len()).with_integer("axis", 1), &flat);
        let (weights, bias) = (self.numbers(&[2, self.last_axis(joined)]), self.numbers(&[2]));
        let dense = one("Gemm").with_integer("transB", 1).with_constant(weights).with_constant(bias);
        let scores = self.node(dense, &[joined]);
        self.builder.output(name(scores));
        self.builder.build().unwrap()
    }
}

fn one(kind: &str) -> OperatorSpec<f64> {
    OperatorSpec::new(kind, 1)
}

fn two(kind: &str) -> OperatorSpec<f64> {
    OperatorSpec::new(kind, 2)
}

/// With the first place, so many times, as the constant that says places.
fn with_places(mut spec: OperatorSpec<f64>, shape: &[usize]) -> OperatorSpec<f64> {
    spec.inputs.push(Input::Constant(Constant::Integer(ArrayD::zeros(shape))));
    spec
}

/// The last two axes change places.
fn swapped(axes: usize) -> Vec<i64> {
    let mut order: Vec<i64> = (0..axes as i64).collect();
    order.swap(axes - 1, axes - 2);
    order
}

fn name(tensor: Tensor) -> String {
    format!("t{tensor}")
}

fn node_name(kind: &str, output: Tensor) -> String {
    format!("{kind} {output}")
}

/// A forward pass of a random network with an operation of a kind in it, and the place of that among the nodes.
fn pass(kind: &str, seed: u64) -> (Activations<f64>, usize) {
    let mut sketch = Sketch::new(seed);
    sketch.grow(0..5);
    let subject = node_name(kind, sketch.add(kind));
    sketch.grow(0..4);
    let input = sketch.numbers(&sketch.shapes[0].clone()).as_ref().clone();
    let network = sketch.finish();
    let place = network.nodes().iter().position(|node| node.name == subject).unwrap();
    (network.forward(vec![input]).unwrap(), place)
}

/// The books of a backward pass.
fn books(pass: &Activations<f64>, rules: &[Rule]) -> Result<Ledger, Error> {
    let scores = pass.network().outputs()[0];
    let initial = ArrayD::from_shape_vec(vec![1, 2], vec![1.5, -0.25]).unwrap();
    let propagation = Propagation { rules, initial: vec![(scores, initial)], masks: &[], keep: Keep::Inputs };
    Ok(pass.propagate(propagation)?.ledgers.remove(0))
}

/// How many times the relevance of a step, without signs, is what was started with.
///
/// A rule without a stabilizer divides by sums that may cancel to nearly nothing. What it then sends down has large
/// terms of both signs, and f64 does not hold their sum to 1e-10 of what came in, however the steps are booked.
fn growth(ledger: &Ledger) -> f64 {
    let largest = ledger.entries.iter().map(|entry| entry.lower.magnitude).fold(0.0, f64::max);
    largest / ledger.total().upper.magnitude
}

/// Each step balances, and so does the whole.
fn check(ledger: &Ledger) -> Result<(), String> {
    let of_steps = ledger.max_relative_error();
    let whole = if growth(ledger) > 1e5 { 0.0 } else { ledger.total().relative_error() };
    if of_steps.max(whole) <= 1e-10 { Ok(()) } else { Err(format!("steps {of_steps:e}, whole {whole:e}\n{ledger}")) }
}

/// The same numbers, with those of a position together in memory.
fn channels_last(array: &ArrayViewD<'_, f64>) -> ArrayD<f64> {
    let rank = array.ndim();
    if rank < 3 {
        return array.to_owned();
    }
    let by_position: Vec<usize> = [0].into_iter().chain(2..rank).chain([1]).collect();
    let by_channel: Vec<usize> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    array.view().permuted_axes(by_position).as_standard_layout().into_owned().permuted_axes(by_channel)
}

/// Where numbers lie in memory changes neither what an operation gives nor what its relevance becomes.
fn same_in_any_order(pass: &Activations<f64>, subject: usize, rule: &Rule) -> Result<(), TestCaseError> {
    let node = &pass.network().nodes()[subject];
    let step = pass.step(node);
    let upper = step.output.mapv(|y| 0.5 - y);
    let operands: Vec<ArrayD<f64>> = step.operands.iter().map(channels_last).collect();
    let output = channels_last(&step.output);
    let turned = Step { operands: operands.iter().map(ArrayD::view).collect(), output: output.view() };
    close(&node.forward(&turned.operands), &step.output, "output")?;

    let handed = |step: &Step<'_, f64>, upper| rule.redistribute(node.operation.as_ref(), step, upper).unwrap();
    let (plain, turned) = (handed(&step, upper.view()), handed(&turned, channels_last(&upper.view()).view()));
    for (plain, turned) in plain.lower.iter().zip(&turned.lower) {
        close(turned, &plain.view(), &format!("{}, {rule}", node.operation.kind()))?;
    }
    let sinks = |sinks: Option<Vec<(Sink, Amount)>>| sinks.unwrap_or_default().into_iter();
    let largest = upper.iter().map(|upper| upper.abs()).sum::<f64>();
    for ((sink, plain), (_, turned)) in sinks(plain.sinks).zip(sinks(turned.sinks)) {
        let scale = largest.max(plain.magnitude);
        prop_assert!((plain.total - turned.total).abs() <= 1e-10 * scale, "{sink:?}: {plain:?}, {turned:?}");
    }
    Ok(())
}

/// Whether numbers are the same but for roundings.
fn close(found: &ArrayD<f64>, expected: &ArrayViewD<'_, f64>, what: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.shape(), expected.shape(), "{}", what);
    let largest = expected.iter().fold(1.0, |largest: f64, number| largest.max(number.abs()));
    for (found, expected) in found.iter().zip(expected) {
        // Infinities are equal, and have no difference.
        let same = found == expected || (found - expected).abs() <= 1e-10 * largest;
        prop_assert!(same, "{what}: {found} is not {expected}");
    }
    Ok(())
}

/// Walks through all rules at an operation of a kind; the names of those that it can have.
fn every_rule_balances(kind: &str, seed: u64) -> Result<BTreeSet<&'static str>, TestCaseError> {
    let (pass, subject) = pass(kind, seed);
    let mut known = BTreeSet::new();
    for (position, text) in LINEAR_RULES.iter().chain(OTHER_RULES).enumerate() {
        let linear = LINEAR_RULES[(position + seed as usize % LINEAR_RULES.len()) % LINEAR_RULES.len()];
        let mut rules = Composite::uniform(linear.parse().unwrap()).assign(pass.network()).unwrap();
        rules[subject] = text.parse().unwrap();
        match books(&pass, &rules) {
            Err(Error::Node { source, .. }) if matches!(*source, Error::Rule { .. }) => {}
            Err(error) => prop_assert!(false, "{text}: {error}"),
            Ok(ledger) => {
                let wrong = check(&ledger).err().unwrap_or_default();
                prop_assert!(wrong.is_empty(), "{kind}, {text}, {linear} elsewhere: {wrong}");
                prop_assert_eq!(ledger.entries.len(), pass.network().nodes().len());
                same_in_any_order(&pass, subject, &rules[subject])?;
                known.insert(rules[subject].name());
            }
        }
    }
    for text in GRADIENTS {
        let mut rules = Composite::new("default").assign(pass.network()).unwrap();
        rules[subject] = text.parse().unwrap();
        prop_assert!(books(&pass, &rules).unwrap().entries.is_empty(), "{text} keeps books");
    }
    for text in CHOSEN_BY_COMPOSITES {
        let mut rules = Composite::new("default").assign(pass.network()).unwrap();
        rules[subject] = text.parse().unwrap();
        let refused = books(&pass, &rules).unwrap_err();
        prop_assert!(
            matches!(&refused, Error::Node { source, .. } if matches!(**source, Error::Rule { .. })),
            "{refused}"
        );
    }
    Ok(known)
}

#[test]
fn every_ledger_balances() {
    let used = RefCell::new(BTreeSet::new());
    for kind in operations::KINDS {
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(NETWORKS) };
        let known = RefCell::new(BTreeSet::new());
        let outcome = TestRunner::new(contextualize_config(config)).run(&any::<u64>().no_shrink(), |seed| {
            known.borrow_mut().extend(every_rule_balances(kind, seed)?);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert!(!known.borrow().is_empty(), "no rule is for {kind}");
        used.borrow_mut().append(&mut known.borrow_mut());
    }
    for name in Rule::NAMES.iter().filter(|name| !CHOSEN_BY_COMPOSITES.contains(name)) {
        assert_ne!(
            used.borrow().contains(name),
            GRADIENTS.contains(name),
            "{name}: give it a line in OTHER_RULES or GRADIENTS"
        );
    }
}
