//! Functions in random spellings: the same operations are recognized, which compute the same.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};
use std::sync::Arc;

use ndarray::{ArrayD, ArrayView1, Axis, IxDyn};
use neural_lrp::operation::{Attribute, Constant, Input, OperatorSpec};
use neural_lrp::operations;
use proptest::prelude::*;

use super::testing::text;
use super::{AXES, recognize};
use crate::graph::{Graph, Node};

const SHAPE: [usize; 4] = [2, 3, 4, 5];

/// How many spellings are tried: more than by default, as there are many.
const CASES: u32 = 1024;

/// A graph while it is written, with choices that are made for it.
struct Speller {
    graph: Graph<f64>,
    choices: Vec<u8>,
    next: usize,
    /// Whether numbers are rounded to half precision.
    rounds: bool,
}

impl Speller {
    fn new(choices: Vec<u8>, rounds: bool) -> Self {
        let graph = Graph { inputs: Vec::new(), outputs: Vec::new(), nodes: Vec::new(), constants: BTreeMap::new() };
        Self { graph, choices, next: 0, rounds }
    }

    fn choose(&mut self, count: usize) -> usize {
        self.next += 1;
        usize::from(self.choices[self.next % self.choices.len()]) % count
    }

    fn fresh(&mut self) -> String {
        format!("t{}", self.graph.nodes.len() + self.graph.constants.len())
    }

    fn constant(&mut self, value: Constant<f64>) -> String {
        let name = self.fresh();
        self.graph.constants.insert(name.clone(), value);
        name
    }

    fn vector(&mut self, shape: &[usize], at: f64) -> String {
        let mut count = 0.0;
        let value = |_| {
            count += 1.0;
            at + 0.125 * f64::sin(count)
        };
        let values = ArrayD::from_shape_simple_fn(IxDyn(shape), || 0.0).mapv(value);
        self.constant(Constant::Real(Arc::new(values)))
    }

    fn number(&mut self, value: f64) -> String {
        let value = if self.rounds { half::f16::from_f64(value).to_f64() } else { value };
        let shapes: [&[usize]; 3] = [&[], &[1], &[1, 1, 1]];
        let shape = shapes[self.choose(3)];
        self.constant(Constant::Real(Arc::new(ArrayD::from_elem(IxDyn(shape), value))))
    }

    fn axes(&mut self, axes: &[i64]) -> String {
        self.constant(Constant::Integer(ArrayD::from_shape_vec(IxDyn(&[axes.len()]), axes.to_vec()).unwrap()))
    }

    /// A node, and perhaps one behind it that hands on what it gives.
    fn node(&mut self, kind: &str, inputs: &[&str]) -> String {
        let output = self.plain(kind, inputs, &[]);
        match self.choose(12) {
            0 => self.plain("Identity", &[&output], &[]),
            1 => self.plain("Dropout", &[&output], &[]),
            2 => self.plain("Cast", &[&output], &[("to", Attribute::Integer(10))]),
            _ => output,
        }
    }

    fn plain(&mut self, kind: &str, inputs: &[&str], attributes: &[(&str, Attribute)]) -> String {
        let output = self.fresh();
        let node = Node::new(&output, kind, inputs, &output);
        let node = attributes.iter().fold(node, |node, (name, value)| node.with(name, value.clone()));
        self.graph.nodes.push(node);
        output
    }

    fn either_order(&mut self, kind: &str, a: &str, b: &str) -> String {
        let inputs = if self.choose(2) == 0 { [a, b] } else { [b, a] };
        self.node(kind, &inputs)
    }

    fn add(&mut self, a: &str, b: &str) -> String {
        let kind = ["Add", "Sum"][self.choose(2)];
        self.either_order(kind, a, b)
    }

    fn mul(&mut self, a: &str, b: &str) -> String {
        self.either_order("Mul", a, b)
    }

    fn shifted(&mut self, x: &str, number: f64) -> String {
        if self.choose(3) == 0 {
            let number = self.number(-number);
            return self.node("Sub", &[x, &number]);
        }
        let number = self.number(number);
        self.add(x, &number)
    }

    fn scaled(&mut self, x: &str, factor: f64) -> String {
        if self.choose(5) > 0 {
            return self.scaled_once(x, factor);
        }
        let part = self.scaled_once(x, 4.0);
        self.scaled_once(&part, factor / 4.0)
    }

    fn scaled_once(&mut self, x: &str, factor: f64) -> String {
        if self.choose(2) == 0 {
            let divisor = self.number(1.0 / factor);
            return self.node("Div", &[x, &divisor]);
        }
        let factor = self.number(factor);
        self.mul(x, &factor)
    }

    /// The product of two tensors and a number, in any order.
    fn product(&mut self, a: &str, b: &str, factor: f64) -> String {
        match self.choose(3) {
            0 => {
                let a = self.scaled(a, factor);
                self.mul(&a, b)
            }
            1 => {
                let b = self.scaled(b, factor);
                self.mul(a, &b)
            }
            _ => {
                let product = self.mul(a, b);
                self.scaled(&product, factor)
            }
        }
    }

    fn negative(&mut self, x: &str) -> String {
        if self.choose(2) == 0 { self.node("Neg", &[x]) } else { self.scaled(x, -1.0) }
    }

    fn square(&mut self, x: &str) -> String {
        if self.choose(2) == 0 { self.mul(x, x) } else { self.power(x, 2.0) }
    }

    fn power(&mut self, x: &str, exponent: f64) -> String {
        let exponent = self.number(exponent);
        self.node("Pow", &[x, &exponent])
    }

    fn reciprocal(&mut self, x: &str) -> String {
        match self.choose(3) {
            0 => self.node("Reciprocal", &[x]),
            1 => self.power(x, -1.0),
            _ => {
                let one = self.number(1.0);
                self.node("Div", &[&one, x])
            }
        }
    }

    fn quotient(&mut self, a: &str, b: &str) -> String {
        if self.choose(2) == 0 {
            return self.node("Div", &[a, b]);
        }
        let inverse = self.reciprocal(b);
        self.mul(a, &inverse)
    }

    /// `1/√x`
    fn inverse_root(&mut self, x: &str) -> String {
        match self.choose(3) {
            0 => self.power(x, -0.5),
            1 => {
                let root = self.root(x);
                self.reciprocal(&root)
            }
            _ => {
                let inverse = self.reciprocal(x);
                self.root(&inverse)
            }
        }
    }

    fn root(&mut self, x: &str) -> String {
        if self.choose(2) == 0 { self.node("Sqrt", &[x]) } else { self.power(x, 0.5) }
    }

    fn mean(&mut self, x: &str, axes: &[i64]) -> String {
        let names = self.axes(axes);
        let flat = ("keepdims", Attribute::Integer(0));
        match self.choose(4) {
            0 => {
                let mean = self.plain("ReduceMean", &[x, &names], &[flat]);
                self.node("Unsqueeze", &[&mean, &names])
            }
            1 if axes == [-1] => {
                let sum = self.node("ReduceSum", &[x, &names]);
                self.scaled(&sum, 1.0 / SHAPE[3] as f64)
            }
            _ => self.node("ReduceMean", &[x, &names]),
        }
    }

    /// `x min(max(α x + β, 0), 1) c` without the x.
    fn hard_sigmoid(&mut self, x: &str, slope: f64, shift: f64, scale: f64) -> String {
        let line = if self.choose(2) == 0 {
            let line = self.shifted(x, shift / slope);
            self.scaled(&line, scale * slope)
        } else {
            let line = self.scaled(x, scale * slope);
            self.shifted(&line, scale * shift)
        };
        self.clipped(&line, 0.0, scale)
    }

    fn clipped(&mut self, x: &str, low: f64, high: f64) -> String {
        let (lower, upper) = (self.number(low), self.number(high));
        match self.choose(if low == 0.0 { 4 } else { 3 }) {
            0 => self.node("Clip", &[x, &lower, &upper]),
            1 => {
                let raised = self.either_order("Max", x, &lower);
                self.either_order("Min", &raised, &upper)
            }
            2 => {
                let lowered = self.either_order("Min", x, &upper);
                self.either_order("Max", &lowered, &lower)
            }
            _ => {
                let raised = self.node("Relu", &[x]);
                self.either_order("Min", &raised, &upper)
            }
        }
    }

    fn sigmoid(&mut self, x: &str) -> String {
        match self.choose(3) {
            0 => self.node("Sigmoid", &[x]),
            1 => {
                let half = self.scaled(x, 0.5);
                let tanh = self.node("Tanh", &[&half]);
                let half = self.scaled(&tanh, 0.5);
                self.shifted(&half, 0.5)
            }
            _ => {
                let divisor = self.sigmoid_divisor(x);
                self.reciprocal(&divisor)
            }
        }
    }

    fn sigmoid_divisor(&mut self, x: &str) -> String {
        let negative = self.negative(x);
        let exponential = self.node("Exp", &[&negative]);
        self.shifted(&exponential, 1.0)
    }

    fn softplus(&mut self, x: &str) -> String {
        if self.choose(2) == 0 {
            return self.node("Softplus", &[x]);
        }
        let exponential = self.node("Exp", &[x]);
        let sum = self.shifted(&exponential, 1.0);
        self.node("Log", &[&sum])
    }

    fn layer_normalization(&mut self, x: &str, axes: &[i64], scale: &str, shift: &str) -> String {
        let epsilon = if self.choose(4) == 0 { 0.0 } else { 1e-3 };
        let mean = self.mean(x, axes);
        let centered = self.node("Sub", &[x, &mean]);
        let variance = if self.choose(2) == 0 {
            let other = if self.choose(2) == 0 { self.node("Sub", &[x, &mean]) } else { centered.clone() };
            let square = self.square(&other);
            self.mean(&square, axes)
        } else {
            let square = self.square(x);
            let (mean_square, square_mean) = (self.mean(&square, axes), self.square(&mean));
            self.node("Sub", &[&mean_square, &square_mean])
        };
        let sum = if epsilon == 0.0 { variance } else { self.shifted(&variance, epsilon) };
        match self.choose(4) {
            0 => {
                let root = self.inverse_root(&sum);
                let factor = self.mul(&root, scale);
                let moved = self.mul(&mean, &factor);
                let (scaled, rest) = (self.mul(x, &factor), self.node("Sub", &[shift, &moved]));
                // The difference from the mean is there for the variance only.
                self.add(&scaled, &rest)
            }
            1 => {
                let root = self.root(&sum);
                let normalized = self.quotient(&centered, &root);
                let scaled = self.mul(&normalized, scale);
                self.add(&scaled, shift)
            }
            2 => {
                let root = self.inverse_root(&sum);
                let scaled = self.mul(&centered, scale);
                let normalized = self.mul(&scaled, &root);
                self.add(&normalized, shift)
            }
            _ => {
                let root = self.inverse_root(&sum);
                let normalized = self.mul(&root, &centered);
                let scaled = self.mul(&normalized, scale);
                self.add(&scaled, shift)
            }
        }
    }

    fn rms_normalization(&mut self, x: &str, axes: &[i64], scale: &str) -> String {
        let square = self.square(x);
        let mean = self.mean(&square, axes);
        let sum = self.shifted(&mean, 1e-3);
        let root = self.inverse_root(&sum);
        match self.choose(3) {
            0 => {
                let scaled = self.mul(x, scale);
                self.mul(&scaled, &root)
            }
            1 => {
                let scaled = self.mul(&root, scale);
                self.mul(&scaled, x)
            }
            _ => {
                let normalized = self.mul(x, &root);
                self.mul(&normalized, scale)
            }
        }
    }

    fn softmax(&mut self, x: &str) -> String {
        let axes = self.axes(&[-1]);
        let shifted = if self.choose(2) == 0 {
            let largest = self.node("ReduceMax", &[x, &axes]);
            self.node("Sub", &[x, &largest])
        } else {
            x.to_owned()
        };
        let exponential = self.node("Exp", &[&shifted]);
        let sum = self.node("ReduceSum", &[&exponential, &axes]);
        self.quotient(&exponential, &sum)
    }

    /// The function of this name of `x`.
    fn function(&mut self, name: &str, x: &str) -> String {
        match name {
            "Clip" => self.clipped(x, -1.5, 0.75),
            "Gelu" => {
                let inner = self.scaled(x, FRAC_1_SQRT_2);
                let erf = self.node("Erf", &[&inner]);
                self.half_gate(x, &erf)
            }
            "Gelu tanh" => {
                let cube = if self.choose(2) == 0 {
                    self.power(x, 3.0)
                } else {
                    let square = self.square(x);
                    self.mul(&square, x)
                };
                let cubic = self.scaled(&cube, 0.044715);
                let sum = self.add(x, &cubic);
                let inner = self.scaled(&sum, FRAC_2_PI.sqrt());
                let tanh = self.node("Tanh", &[&inner]);
                self.half_gate(x, &tanh)
            }
            "HardSigmoid" => {
                let scale = [1.0, 6.0, 2.0][self.choose(3)];
                let gate = self.hard_sigmoid(x, 1.0 / 6.0, 0.5, scale);
                if scale == 1.0 { gate } else { self.scaled(&gate, 1.0 / scale) }
            }
            "HardSwish" => {
                let scale = [1.0, 6.0][self.choose(2)];
                let gate = self.hard_sigmoid(x, 1.0 / 6.0, 0.5, scale);
                if scale == 1.0 { self.mul(x, &gate) } else { self.product(x, &gate, 1.0 / scale) }
            }
            "LayerNormalization" => {
                let (scale, shift) = (self.vector(&[5], 1.0), self.vector(&[1, 1, 5], 0.0));
                self.layer_normalization(x, &[-1], &scale, &shift)
            }
            "LayerNormalization of channels" => {
                let (scale, shift) = (self.vector(&[3, 1, 1], 1.0), self.vector(&[1, 3, 1, 1], 0.0));
                self.layer_normalization(x, &[1], &scale, &shift)
            }
            "LayerNormalization of each channel" => {
                let (scale, shift) = (self.vector(&[3, 1, 1], 1.0), self.vector(&[3, 1, 1], 0.0));
                let axes: [&[i64]; 2] = [&[-2, -1], &[2, 3]];
                let axes = axes[self.choose(2)];
                self.layer_normalization(x, axes, &scale, &shift)
            }
            "LeakyRelu" => {
                let slope = self.scaled(x, 0.125);
                if self.choose(2) == 0 {
                    return self.either_order("Max", x, &slope);
                }
                let (positive, negative) = (self.node("Relu", &[x]), self.negative(x));
                let below = self.node("Relu", &[&negative]);
                let below = self.scaled(&below, 0.125);
                self.node("Sub", &[&positive, &below])
            }
            "Mish" => {
                let softplus = self.softplus(x);
                let tanh = self.node("Tanh", &[&softplus]);
                self.mul(x, &tanh)
            }
            "QuickGelu" => {
                let inner = self.scaled(x, 1.702);
                let gate = self.sigmoid(&inner);
                self.mul(x, &gate)
            }
            "Relu" => {
                let zero = self.number(0.0);
                let kind = ["Max", "Clip"][self.choose(2)];
                if kind == "Max" { self.either_order(kind, x, &zero) } else { self.node(kind, &[x, &zero]) }
            }
            "RMSNormalization" => {
                let scale = self.vector(&[5], 1.0);
                self.rms_normalization(x, &[-1], &scale)
            }
            "RMSNormalization by the norm" => {
                let (scale, axes) = (self.vector(&[5], 1.0), self.axes(&[-1]));
                let norm = self.node("ReduceL2", &[x, &axes]);
                let normalized = self.quotient(x, &norm);
                let normalized = if self.choose(2) == 0 { normalized } else { self.scaled(&normalized, 5f64.sqrt()) };
                self.mul(&normalized, &scale)
            }
            "Sigmoid" => self.sigmoid(x),
            "Silu" if self.choose(2) == 0 => {
                let divisor = self.sigmoid_divisor(x);
                self.quotient(x, &divisor)
            }
            "Silu" => {
                let gate = self.sigmoid(x);
                self.mul(x, &gate)
            }
            "Softmax" => self.softmax(x),
            "Softplus" => self.softplus(x),
            _ => panic!("{name}"),
        }
    }

    /// `½ x (1 + t)`
    fn half_gate(&mut self, x: &str, t: &str) -> String {
        let gate = self.shifted(t, 1.0);
        self.product(x, &gate, 0.5)
    }
}

/// Functions, and the operations that they are.
const FUNCTIONS: [(&str, &str); 18] = [
    ("Clip", "Clip"),
    ("Gelu", "Gelu"),
    ("Gelu tanh", "Gelu"),
    ("HardSigmoid", "HardSigmoid"),
    ("HardSwish", "HardSwish"),
    ("LayerNormalization", "LayerNormalization"),
    ("LayerNormalization of channels", "LayerNormalization"),
    ("LayerNormalization of each channel", "LayerNormalization"),
    ("LeakyRelu", "LeakyRelu"),
    ("Mish", "Mish"),
    ("QuickGelu", "Silu"),
    ("Relu", "Relu"),
    ("RMSNormalization", "RMSNormalization"),
    ("RMSNormalization by the norm", "RMSNormalization"),
    ("Sigmoid", "Sigmoid"),
    ("Silu", "Silu"),
    ("Softmax", "Softmax"),
    ("Softplus", "Softplus"),
];

/// The last output of a graph's nodes for `x`.
fn output(graph: &Graph<f64>, x: &ArrayD<f64>) -> ArrayD<f64> {
    let mut values = graph.constants.clone();
    values.insert("x".to_owned(), Constant::Real(Arc::new(x.clone())));
    for node in &graph.nodes {
        let value = value(node, &values);
        values.insert(node.output().to_owned(), Constant::Real(Arc::new(value)));
    }
    real(&values, &graph.outputs[0]).clone()
}

fn real<'v>(values: &'v BTreeMap<String, Constant<f64>>, name: &str) -> &'v ArrayD<f64> {
    match &values[name] {
        Constant::Real(values) => values,
        Constant::Integer(_) => panic!("{name} is of integers"),
    }
}

/// What a node computes, from its formula; activations as their operations do.
fn value(node: &Node, values: &BTreeMap<String, Constant<f64>>) -> ArrayD<f64> {
    let operand = |at: usize| real(values, &node.inputs[at]);
    let pairwise = |function: fn(f64, f64) -> f64| {
        node.inputs[1..]
            .iter()
            .fold(operand(0).clone(), |result, other| pairwise(&result, real(values, other), function))
    };
    if node.attributes.contains_key(AXES) || matches!(node.kind.as_str(), "LayerNormalization" | "RMSNormalization") {
        return normalized(node, values);
    }
    match node.kind.as_str() {
        "Add" | "Sum" => pairwise(|a, b| a + b),
        "Cast" | "Dropout" | "Identity" => operand(0).clone(),
        "Div" => pairwise(|a, b| a / b),
        "Max" => pairwise(f64::max),
        "Min" => pairwise(f64::min),
        "Mul" => pairwise(|a, b| a * b),
        "Pow" => pairwise(f64::powf),
        "Sub" => pairwise(|a, b| a - b),
        "ReduceL2" => reduced(node, values, |lane| lane.iter().map(|x| x * x).sum::<f64>().sqrt()),
        "ReduceMax" => reduced(node, values, |lane| lane.iter().copied().fold(f64::MIN, f64::max)),
        "ReduceMean" => reduced(node, values, |lane| lane.iter().sum::<f64>() / lane.len() as f64),
        "ReduceSum" => reduced(node, values, |lane| lane.iter().sum()),
        "Unsqueeze" => axes(values, &node.inputs[1]).into_iter().fold(operand(0).clone(), ArrayD::insert_axis),
        _ => {
            let constant = |name: &String| match values.get(name) {
                None => Input::Absent,
                Some(value) => Input::Constant(value.clone()),
            };
            let inputs = [Input::Tensor].into_iter().chain(node.inputs[1..].iter().map(constant)).collect();
            let spec = OperatorSpec { kind: node.kind.clone(), attributes: node.attributes.clone(), inputs };
            operations::read(&spec).unwrap().operation.forward(&[operand(0).view()])
        }
    }
}

fn pairwise(a: &ArrayD<f64>, b: &ArrayD<f64>, function: fn(f64, f64) -> f64) -> ArrayD<f64> {
    let shape = (a + b).raw_dim();
    ndarray::Zip::from(&a.broadcast(shape.clone()).unwrap())
        .and(&b.broadcast(shape).unwrap())
        .map_collect(|&a, &b| function(a, b))
}

fn axes(values: &BTreeMap<String, Constant<f64>>, name: &str) -> Vec<Axis> {
    let Constant::Integer(axes) = &values[name] else { panic!("{name} is of numbers") };
    let mut axes: Vec<Axis> = axes.iter().map(|axis| Axis(axis.rem_euclid(SHAPE.len() as i64) as usize)).collect();
    axes.sort_unstable();
    axes
}

/// A reduction that may go axis by axis.
fn reduced(
    node: &Node,
    values: &BTreeMap<String, Constant<f64>>,
    function: fn(ArrayView1<'_, f64>) -> f64,
) -> ArrayD<f64> {
    let keeps = node.integer("keepdims", 1).unwrap() == 1;
    axes(values, &node.inputs[1]).into_iter().rev().fold(real(values, &node.inputs[0]).clone(), |result, axis| {
        let reduced = result.map_axis(axis, function);
        if keeps { reduced.insert_axis(axis) } else { reduced }
    })
}

/// Layer normalization or RMSNorm along axes, from its formula.
fn normalized(node: &Node, values: &BTreeMap<String, Constant<f64>>) -> ArrayD<f64> {
    let x = real(values, &node.inputs[0]);
    let last = || node.integer("axis", -1).map(|axis| (axis..0).collect()).unwrap();
    let axes = node.integers(AXES).unwrap().map_or_else(last, <[i64]>::to_vec);
    let mean = |values: &ArrayD<f64>| {
        let along = |values: ArrayD<f64>, &axis: &i64| {
            let axis = Axis(axis.rem_euclid(SHAPE.len() as i64) as usize);
            values.mean_axis(axis).unwrap().insert_axis(axis)
        };
        axes.iter().fold(values.clone(), along)
    };
    let centered = if node.kind == "LayerNormalization" { x - &mean(x) } else { x.clone() };
    let Attribute::Real(epsilon) = node.attributes["epsilon"] else { panic!("{node:?}") };
    let deviation = (mean(&(&centered * &centered)) + epsilon).sqrt();
    let scaled = centered / deviation * real(values, &node.inputs[1]);
    if node.kind == "LayerNormalization" { scaled + real(values, &node.inputs[2]) } else { scaled }
}

/// A function in a spelling, with layers in front and behind.
fn spelled(name: &str, choices: Vec<u8>, rounds: bool) -> Graph<f64> {
    let mut speller = Speller::new(choices, rounds);
    let x = speller.plain("Softsign", &["x"], &[]);
    let result = speller.function(name, &x);
    let y = speller.plain("Softsign", &[&result], &[]);
    speller.graph.outputs.push(y);
    // Nodes that nobody takes are left out, as they are when a file is read.
    let Graph { mut nodes, outputs, .. } = speller.graph.clone();
    let mut taken: BTreeSet<String> = outputs.into_iter().collect();
    for at in (0..nodes.len()).rev() {
        if taken.contains(nodes[at].output()) {
            taken.extend(nodes[at].inputs.clone());
        } else {
            nodes.remove(at);
        }
    }
    Graph { nodes, ..speller.graph }
}

fn numbers() -> ArrayD<f64> {
    let mut count = 0.0;
    ArrayD::zeros(IxDyn(&SHAPE)).mapv(|_: f64| {
        count += 1.0;
        6.0 * f64::sin(count * count)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn a_function_is_the_same_operation_however_it_is_spelled(
        function in 0..FUNCTIONS.len(),
        choices in prop::collection::vec(any::<u8>(), 1..48),
        rounds: bool,
    ) {
        let (name, kind) = FUNCTIONS[function];
        let graph = spelled(name, choices, rounds);
        let mut recognized = graph.clone();
        recognize(&mut recognized, &BTreeSet::new());
        let kinds: Vec<&str> = recognized.nodes.iter().map(|node| node.kind.as_str()).collect();
        prop_assert_eq!(kinds, ["Softsign", kind, "Softsign"], "{}: {:#?}", name, text(&graph));
        if !rounds {
            let (spelled, whole) = (output(&graph, &numbers()), output(&recognized, &numbers()));
            let distance = (&spelled - &whole).mapv(f64::abs).into_iter().fold(0.0, f64::max);
            prop_assert!(distance < 1e-9, "{}: {} apart, {:#?}", name, distance, text(&graph));
        }
    }
}
