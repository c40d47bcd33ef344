//! Recurrent layers, step by step: LSTM, GRU and RNN over a sequence of known length.
//!
//! Gates are sigmoids that multiply a signal, which is all that rules need to know: the signal gets all relevance, as Arras et
//! al. (2017) have it. What comes in and the state before go through one linear layer together.

use ndarray::{ArrayD, ArrayView2, Axis, Ix2, Ix3, arr0, s};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::{Inputs, Lowered, Parts};
use crate::Error;
use crate::graph::Node;

/// The gate of a GRU that makes the candidate: ONNX has them in the order z, r, g.
const CANDIDATE: usize = 2;

/// The longest sequence that is unrolled: a layer of rows or patches has fewer, and each item takes some ten nodes.
const LONGEST: usize = 4096;

/// LSTM, GRU or RNN.
pub(super) fn lower<F: Real>(inputs: &Inputs<'_, '_, F>) -> Result<Lowered<F>, Error> {
    let layer = Layer::of(inputs)?;
    // Tensors in between are named by the first output that there is.
    let outputs = inputs.node.given_outputs().map(str::to_owned).collect();
    let named = Node { outputs, ..inputs.node.clone() };
    let mut steps = Steps { parts: Parts::of(&named), layer: &layer, one: String::new() };
    if layer.cell == Cell::Gru {
        steps.one = steps.parts.number(1.0, "one");
    }
    let items = steps.items(inputs.node.input(0).unwrap_or_default());
    let directions: Vec<Vec<[String; 2]>> =
        (0..layer.directions.len()).map(|direction| steps.run(direction, &items, inputs.node)).collect();
    steps.outputs(&directions, inputs.node);
    Ok(steps.parts.lowered)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    Rnn,
    Gru,
    Lstm,
}

/// What is known of a recurrent layer.
struct Layer<'c, F> {
    cell: Cell,
    /// Whether each direction goes from the end to the beginning.
    directions: Vec<bool>,
    items: usize,
    width: usize,
    is_batch_first: bool,
    /// Of a GRU, whether the gate closes what the layer makes of the state, and not the state before it.
    resets_products: bool,
    /// That of an RNN.
    function: &'static str,
    weights: &'c ArrayD<F>,
    recurrent: &'c ArrayD<F>,
    biases: Option<&'c ArrayD<F>>,
}

impl<'c, F: Real> Layer<'c, F> {
    fn of(inputs: &Inputs<'_, 'c, F>) -> Result<Self, Error> {
        let node = inputs.node;
        let (cell, gates, functions) = match node.kind.as_str() {
            "LSTM" => (Cell::Lstm, 4, "Sigmoid,Tanh,Tanh"),
            "GRU" => (Cell::Gru, 3, "Sigmoid,Tanh"),
            _ => (Cell::Rnn, 1, "Tanh"),
        };
        let directions = match node.attributes.get("direction") {
            None => vec![false],
            Some(Attribute::Text(direction)) if direction == "forward" => vec![false],
            Some(Attribute::Text(direction)) if direction == "reverse" => vec![true],
            Some(Attribute::Text(direction)) if direction == "bidirectional" => vec![false, true],
            Some(other) => return Err(node.refuse(format!("no direction {other:?} is known"))),
        };
        if node.attributes.contains_key("clip") || node.integer("input_forget", 0)? != 0 || node.input(7).is_some() {
            return Err(node.refuse("clipped sums, joined gates and peepholes are not known here"));
        }
        let usual = vec![functions; directions.len()].join(",");
        let function = match node.attributes.get("activations") {
            None => "Tanh",
            Some(Attribute::Text(given)) if *given == usual => "Tanh",
            Some(Attribute::Text(given)) if cell == Cell::Rnn && given.split(',').all(|name| name == "Relu") => "Relu",
            Some(other) => return Err(node.refuse(format!("its activations are {other:?}; {usual} are known"))),
        };
        let is_batch_first = node.integer("layout", 0)? != 0;
        let shape = inputs.shape(0);
        let weights = known(inputs, 1, "weights")?;
        let recurrent = known(inputs, 2, "recurrent weights")?;
        let biases = if node.input(3).is_some() { Some(known(inputs, 3, "biases")?) } else { None };
        let (&[first, second, size], count) = (shape, directions.len()) else {
            return Err(node.refuse(format!("a sequence of shape {shape:?}; it should have three axes")));
        };
        let items = if is_batch_first { second } else { first };
        let width = recurrent.shape().last().copied().unwrap_or_default();
        let rows = gates * width;
        let fits = weights.shape() == [count, rows, size]
            && recurrent.shape() == [count, rows, width]
            && biases.is_none_or(|biases| biases.shape() == [count, 2 * rows]);
        if !fits || items == 0 {
            let (weights, recurrent) = (weights.shape(), recurrent.shape());
            return Err(node
                .refuse(format!("weights of shapes {weights:?} and {recurrent:?} for a sequence of shape {shape:?}")));
        }
        match inputs.constant(4) {
            _ if node.input(4).is_none() => {}
            Some(Constant::Integer(lengths)) if lengths.iter().all(|&length| length == items as i64) => {}
            _ => return Err(node.refuse("its sequences should all be as long as the tensor")),
        }
        if items > LONGEST {
            return Err(node.refuse(format!("a sequence of {items} items; at most {LONGEST} can be unrolled")));
        }
        let resets_products = cell == Cell::Gru && node.integer("linear_before_reset", 0)? != 0;
        Ok(Self {
            cell,
            directions,
            items,
            width,
            is_batch_first,
            resets_products,
            function,
            weights,
            recurrent,
            biases,
        })
    }

    /// The rows of one gate in a direction's weights.
    fn of_gate<'a>(&self, matrices: &'a ArrayD<F>, direction: usize, gate: usize) -> ArrayView2<'a, F> {
        let matrices = matrices.view().into_dimensionality::<Ix3>().unwrap_or_else(|_| unreachable!("three axes"));
        matrices.slice_move(s![direction, gate * self.width..(gate + 1) * self.width, ..])
    }

    /// The bias of one gate on what comes in (`half` 0) or on the state (1).
    fn bias(&self, direction: usize, gate: usize, half: usize) -> ArrayD<F> {
        let Some(biases) = self.biases else { return ArrayD::zeros(vec![self.width]) };
        let biases = biases.view().into_dimensionality::<Ix2>().unwrap_or_else(|_| unreachable!("two axes"));
        let start = (half * biases.ncols() / 2) + gate * self.width;
        biases.slice(s![direction, start..start + self.width]).to_owned().into_dyn()
    }
}

/// The numbers of an input that has to be known.
fn known<'c, F: Real>(inputs: &Inputs<'_, 'c, F>, position: usize, meaning: &str) -> Result<&'c ArrayD<F>, Error> {
    match inputs.constant(position) {
        Some(Constant::Real(values)) => Ok(values),
        _ => Err(inputs.node.refuse(format!("its {meaning} should be constant"))),
    }
}

/// A recurrent layer while it is written step by step.
struct Steps<'a, 'n, 'c, F: Real> {
    parts: Parts<'n, F>,
    layer: &'a Layer<'c, F>,
    /// The number 1.
    one: String,
}

/// A layer of one gate: what it multiplies what comes in and the state before with, and its bias.
struct Gate {
    /// By what comes in alone, where there is no state before.
    first: String,
    both: String,
    bias: String,
    /// The same for the state apart, where a gate closes what the layer makes of it.
    apart: Option<Apart>,
}

/// A layer of what comes in beside one of the state.
struct Apart {
    bias: String,
    state: String,
    state_bias: String,
}

impl<F: Real> Steps<'_, '_, '_, F> {
    /// The items of the sequence, each of shape (batch, size).
    fn items(&mut self, sequence: &str) -> Vec<String> {
        let axis = i64::from(self.layer.is_batch_first);
        (0..self.layer.items)
            .map(|item| {
                let place = self.place(item, &format!("item {item}"));
                let axis = [("axis", Attribute::Integer(axis))];
                self.parts.step_with("Gather", &[sequence, &place], &format!("at {item}"), axis)
            })
            .collect()
    }

    /// A position, as a constant without axes.
    fn place(&mut self, position: usize, meaning: &str) -> String {
        self.parts.constant(Constant::Integer(arr0(position as i64).into_dyn()), &format!("place of {meaning}"))
    }

    /// The states before the first item, if they are given: that of the layer, and of an LSTM that of its cell.
    fn initial(&mut self, direction: usize, node: &Node) -> [Option<String>; 2] {
        [(5, "state"), (6, "cell")].map(|(position, meaning)| {
            let given = node.input(position)?;
            let place = self.place(direction, &format!("first {meaning} {direction}"));
            let axis = [("axis", Attribute::Integer(i64::from(self.layer.is_batch_first)))];
            Some(self.parts.step_with("Gather", &[given, &place], &format!("first {meaning} {direction}"), axis))
        })
    }

    /// The states behind each item, in the order of the sequence, and that of the cell behind the last.
    fn run(&mut self, direction: usize, items: &[String], node: &Node) -> Vec<[String; 2]> {
        let count = match self.layer.cell {
            Cell::Lstm => 4,
            Cell::Gru => 3,
            Cell::Rnn => 1,
        };
        let gates: Vec<Gate> = (0..count).map(|gate| self.gate(direction, gate)).collect();
        let [mut state, mut cell] = self.initial(direction, node);
        let is_backwards = self.layer.directions[direction];
        let mut states = Vec::with_capacity(items.len());
        for step in 0..items.len() {
            let item = if is_backwards { items.len() - 1 - step } else { step };
            let at = format!("{direction} {item}");
            let [next, next_cell] = match self.layer.cell {
                Cell::Lstm => self.lstm(&gates, &items[item], state.as_deref(), cell.as_deref(), &at),
                Cell::Gru => self.gru(&gates, &items[item], state.as_deref(), &at),
                Cell::Rnn => {
                    let sum = self.sum(&gates[0], &items[item], state.as_deref(), &format!("sum {at}"));
                    [self.parts.step(self.layer.function, &[&sum], &format!("state {at}")), String::new()]
                }
            };
            state = Some(next.clone());
            cell = Some(next_cell.clone());
            states.push([next, next_cell]);
        }
        states
    }

    fn gate(&mut self, direction: usize, gate: usize) -> Gate {
        let layer = self.layer;
        let [weights, recurrent] =
            [layer.weights, layer.recurrent].map(|matrices| layer.of_gate(matrices, direction, gate));
        let both = ndarray::concatenate![Axis(1), weights, recurrent].into_dyn();
        let bias = layer.bias(direction, gate, 0) + layer.bias(direction, gate, 1);
        let name = |meaning: &str| format!("{meaning} {direction} {gate}");
        let is_apart = layer.resets_products && gate == CANDIDATE;
        Gate {
            first: self.parts.numbers(weights.to_owned().into_dyn(), &name("weights")),
            both: self.parts.numbers(both, &name("weights of both")),
            bias: self.parts.numbers(bias, &name("bias")),
            apart: is_apart.then(|| Apart {
                bias: self.parts.numbers(layer.bias(direction, gate, 0), &name("bias of items")),
                state: self.parts.numbers(recurrent.to_owned().into_dyn(), &name("weights of states")),
                state_bias: self.parts.numbers(layer.bias(direction, gate, 1), &name("bias of states")),
            }),
        }
    }

    /// The sum of a gate: one layer of what comes in and the state before.
    fn sum(&mut self, gate: &Gate, item: &str, state: Option<&str>, meaning: &str) -> String {
        let Some(state) = state else { return self.linear(item, &gate.first, &gate.bias, meaning) };
        let axis = [("axis", Attribute::Integer(-1))];
        let both = self.parts.step_with("Concat", &[item, state], &format!("both for {meaning}"), axis);
        self.linear(&both, &gate.both, &gate.bias, meaning)
    }

    fn linear(&mut self, source: &str, weights: &str, bias: &str, meaning: &str) -> String {
        let rows = [("transB", Attribute::Integer(1))];
        self.parts.step_with("Gemm", &[source, weights, bias], meaning, rows)
    }

    /// `c' = f ∘ c + i ∘ g`, `h' = o ∘ tanh(c')`; ONNX has the gates in the order i, o, f, g.
    fn lstm(&mut self, gates: &[Gate], item: &str, state: Option<&str>, cell: Option<&str>, at: &str) -> [String; 2] {
        let mut open = |gate: usize, kind: &str, meaning: &str| {
            let sum = self.sum(&gates[gate], item, state, &format!("{meaning} sum {at}"));
            self.parts.step(kind, &[&sum], &format!("{meaning} {at}"))
        };
        let [input, output] = [(0, "input gate"), (1, "output gate")].map(|(gate, name)| open(gate, "Sigmoid", name));
        let forget = cell.map(|_| open(2, "Sigmoid", "forget gate"));
        let candidate = open(3, "Tanh", "candidate");
        let mut next = self.parts.step("Mul", &[&input, &candidate], &format!("new {at}"));
        if let Some((forget, cell)) = forget.zip(cell) {
            let kept = self.parts.step("Mul", &[&forget, cell], &format!("kept {at}"));
            next = self.parts.step("Add", &[&kept, &next], &format!("cell {at}"));
        }
        let bounded = self.parts.step("Tanh", &[&next], &format!("bounded {at}"));
        [self.parts.step("Mul", &[&output, &bounded], &format!("state {at}")), next]
    }

    /// `h' = (1 − z) ∘ g + z ∘ h`; ONNX has the gates in the order z, r, g.
    fn gru(&mut self, gates: &[Gate], item: &str, state: Option<&str>, at: &str) -> [String; 2] {
        let update = self.sum(&gates[0], item, state, &format!("update sum {at}"));
        let update = self.parts.step("Sigmoid", &[&update], &format!("update gate {at}"));
        let sum = self.candidate(gates, item, state, at);
        let candidate = self.parts.step("Tanh", &[&sum], &format!("candidate {at}"));
        let opposite = self.parts.step("Sub", &[&self.one.clone(), &update], &format!("opposite gate {at}"));
        let mut next = self.parts.step("Mul", &[&opposite, &candidate], &format!("new {at}"));
        if let Some(state) = state {
            let kept = self.parts.step("Mul", &[&update, state], &format!("kept {at}"));
            next = self.parts.step("Add", &[&next, &kept], &format!("state {at}"));
        }
        [next, String::new()]
    }

    /// The sum of a GRU's candidate, whose part of the state a gate closes: before its layer, or behind it.
    fn candidate(&mut self, gates: &[Gate], item: &str, state: Option<&str>, at: &str) -> String {
        let gate = &gates[CANDIDATE];
        if state.is_none() && gate.apart.is_none() {
            return self.sum(gate, item, None, &format!("candidate sum {at}"));
        }
        let reset = self.sum(&gates[1], item, state, &format!("reset sum {at}"));
        let reset = self.parts.step("Sigmoid", &[&reset], &format!("reset gate {at}"));
        let Some(Apart { bias, state: weights, state_bias }) = &gate.apart else {
            let closed = self.parts.step("Mul", &[&reset, state.unwrap_or_default()], &format!("reset state {at}"));
            return self.sum(gate, item, Some(&closed), &format!("candidate sum {at}"));
        };
        let of_item = self.linear(item, &gate.first, bias, &format!("candidate of item {at}"));
        let of_state = match state {
            None => state_bias.clone(),
            Some(state) => self.linear(state, weights, state_bias, &format!("candidate of state {at}")),
        };
        let closed = self.parts.step("Mul", &[&reset, &of_state], &format!("reset {at}"));
        self.parts.step("Add", &[&of_item, &closed], &format!("candidate sum {at}"))
    }

    /// The outputs that somebody takes: all states, the last ones, and those of the cells.
    fn outputs(&mut self, directions: &[Vec<[String; 2]>], node: &Node) {
        let names: Vec<Option<String>> =
            (0..3).map(|at| node.outputs.get(at).filter(|name| !name.is_empty()).cloned()).collect();
        if let Some(all) = &names[0] {
            let items: Vec<String> = (0..self.layer.items)
                .map(|item| {
                    let states = directions.iter().zip(&self.layer.directions).map(|(states, &is_backwards)| {
                        let step = if is_backwards { states.len() - 1 - item } else { item };
                        states[step][0].clone()
                    });
                    let joined = self.stacked(states.collect(), &format!("directions at {item}"));
                    let axis = self.parts.integers([0], &format!("axis of {item}"));
                    self.parts.step("Unsqueeze", &[&joined, &axis], &format!("states at {item}"))
                })
                .collect();
            // (items, directions, batch, size)
            let joined = self.joined(&items, "states");
            self.give(&joined, vec![2, 0, 1, 3], all);
        }
        for (at, which) in [(1, 0), (2, 1)] {
            if let Some(name) = &names[at] {
                let last = directions.iter().filter_map(|states| Some(states.last()?[which].clone())).collect();
                let joined = self.stacked(last, &format!("last {at}"));
                self.give(&joined, vec![1, 0, 2], name);
            }
        }
    }

    /// Tensors one behind the other along a new first axis.
    fn stacked(&mut self, tensors: Vec<String>, meaning: &str) -> String {
        let place = self.parts.integers([0], &format!("axis of {meaning}"));
        let apart: Vec<String> = tensors
            .iter()
            .enumerate()
            .map(|(at, tensor)| self.parts.step("Unsqueeze", &[tensor, &place], &format!("{meaning}, {at}")))
            .collect();
        self.joined(&apart, meaning)
    }

    fn joined(&mut self, tensors: &[String], meaning: &str) -> String {
        let tensors: Vec<&str> = tensors.iter().map(String::as_str).collect();
        self.parts.step_with("Concat", &tensors, meaning, [("axis", Attribute::Integer(0))])
    }

    /// An output of the node, whose axis of samples is in front where it was in the sequence.
    fn give(&mut self, tensor: &str, batch_first: Vec<i64>, name: &str) {
        match self.layer.is_batch_first {
            true => self.parts.step_with("Transpose", &[tensor], name, [("perm", Attribute::Integers(batch_first))]),
            false => self.parts.step("Identity", &[tensor], name),
        };
        if let Some(last) = self.parts.lowered.nodes.last_mut() {
            last.outputs = vec![name.to_owned()];
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::lowering::lower;

    /// A GRU of width 1 over a sequence of so many items, whose gate closes what it makes of the state.
    fn gru(items: usize) -> Result<Lowered<f64>, Error> {
        let shape = [items, 1, 2];
        let weights = Constant::Real(Arc::new(ArrayD::ones(vec![1, 3, 2])));
        let recurrent = Constant::Real(Arc::new(ArrayD::ones(vec![1, 3, 1])));
        let node = Node::new("gru", "GRU", &["x", "w", "r"], "y").with("linear_before_reset", Attribute::Integer(1));
        let constant = |name: &str| match name {
            "w" => Some(&weights),
            "r" => Some(&recurrent),
            _ => None,
        };
        lower(&node, |name| (name == "x").then_some(&shape[..]), constant)
    }

    #[test]
    fn weights_stand_once_however_long_the_sequence() {
        let matrices = |items: usize| {
            let lowered = gru(items).unwrap();
            let reals = lowered.constants.iter().filter(|(_, value)| matches!(value, Constant::Real(_)));
            reals.count()
        };
        assert_eq!(matrices(2), matrices(9));
        assert!(gru(9).unwrap().nodes.len() > gru(2).unwrap().nodes.len());
    }

    #[test]
    fn sequences_beyond_all_measure_are_refused() {
        let message = gru(LONGEST + 1).err().unwrap().to_string();
        assert!(message.contains("4097 items") && message.contains("at most 4096"), "{message}");
    }
}
