//! Loop and Scan, round by round: a network has no circles, and so each round has nodes of its own.

use std::collections::BTreeMap;

use ndarray::{arr0, arr1};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::Assembly;
use crate::Error;
use crate::graph::{Body, Branches, Node};

/// The largest number of rounds that are unrolled, as many as the items of a recurrent layer.
const MOST_ROUNDS: usize = 4096;

/// The largest number of nodes that all rounds of a network have together, also of rounds within rounds.
const MOST_NODES: usize = 1 << 16;

/// What the rounds give for one output: a tensor of each, along an axis of its own.
struct Items {
    tensors: Vec<String>,
    axis: i64,
    is_reversed: bool,
}

impl<F: Real> Assembly<'_, F> {
    /// Takes the steps of all rounds of a Loop or Scan.
    pub(super) fn rounds(&mut self, node: &Node) -> Result<(), Error> {
        let Some(body) = node.body.as_deref() else { unreachable!("steps take nodes with a body as rounds") };
        if node.kind == "Loop" { self.repeat(node, body) } else { self.scan(node, body) }
    }

    /// A Loop: `(number, condition, state …) → (condition, state …, items …)` in each round.
    fn repeat(&mut self, node: &Node, body: &Body) -> Result<(), Error> {
        let count = node.input(0).map(|name| self.number(node, name, "number of rounds")).transpose()?;
        let mut goes_on = match node.input(1) {
            Some(condition) => self.number(node, condition, "condition")? != 0,
            None => true,
        };
        let mut state: Vec<String> = node.inputs.iter().skip(2).cloned().collect();
        fit(node, body, [2 + state.len(), 1 + state.len()])?;
        let item = || Items { tensors: Vec::new(), axis: 0, is_reversed: false };
        let mut items: Vec<Items> = body.outputs.iter().skip(1 + state.len()).map(|_| item()).collect();
        let mut round = 0;
        while goes_on && count.is_none_or(|count| (round as i64) < count) {
            let given = [self.integer(node, round, "number", round as i64), self.integer(node, round, "condition", 1)];
            let given = given.into_iter().chain(state).collect();
            let mut outputs = self.round(node, body, round, given, Vec::new())?.into_iter();
            let condition = outputs.next().unwrap_or_default();
            goes_on = self.number(node, &condition, "condition")? != 0;
            state = outputs.by_ref().take(node.inputs.len().saturating_sub(2)).collect();
            items.iter_mut().zip(outputs).for_each(|(items, item)| items.tensors.push(item));
            round += 1;
        }
        self.hand_on(node, &state, &items)
    }

    /// A Scan: `(state …, an item of each …) → (state …, items …)` in each round.
    fn scan(&mut self, node: &Node, body: &Body) -> Result<(), Error> {
        let scanned = usize::try_from(node.integer("num_scan_inputs", 0)?).unwrap_or_default();
        let Some(states) = node.inputs.len().checked_sub(scanned).filter(|_| scanned > 0) else {
            return Err(node.refuse(format!("it has {} inputs, and scans {scanned} of them", node.inputs.len())));
        };
        fit(node, body, [node.inputs.len(), states])?;
        let (mut state, sources) = (node.inputs[..states].to_vec(), &node.inputs[states..]);
        let list = |name: &str, place: usize| {
            Ok::<_, Error>(node.integers(name)?.and_then(|given| given.get(place).copied()).unwrap_or_default())
        };
        let mut rounds = None;
        for (place, source) in sources.iter().enumerate() {
            let (axis, shape) = (list("scan_input_axes", place)?, self.shape(source).unwrap_or_default());
            let counted = if axis < 0 { axis + shape.len() as i64 } else { axis };
            let length = usize::try_from(counted).ok().and_then(|axis| shape.get(axis).copied());
            let Some(length) = length.filter(|&length| rounds.is_none_or(|rounds| rounds == length)) else {
                let reason = format!("it scans {source:?} of shape {shape:?} along axis {axis}, unlike the others");
                return Err(node.refuse(reason));
            };
            rounds = Some(length);
        }
        let rounds = rounds.unwrap_or_default();
        let mut items = Vec::new();
        for place in 0..body.outputs.len() - states {
            let (axis, direction) = (list("scan_output_axes", place)?, list("scan_output_directions", place)?);
            items.push(Items { tensors: Vec::new(), axis, is_reversed: direction != 0 });
        }
        for round in 0..rounds {
            let mut cuts = Vec::new();
            for (place, source) in sources.iter().enumerate() {
                let from_behind = list("scan_input_directions", place)? != 0;
                let position = if from_behind { rounds - 1 - round } else { round } as i64;
                let index = self.integer(node, round, &format!("position{place}"), position);
                let item = format!("{index}.item");
                let axis = Attribute::Integer(list("scan_input_axes", place)?);
                cuts.push(Node::new(&item, "Gather", &[source, &index], &item).with("axis", axis));
            }
            let given = state.into_iter().chain(cuts.iter().map(|cut| cut.output().to_owned())).collect();
            let mut outputs = self.round(node, body, round, given, cuts)?.into_iter();
            state = outputs.by_ref().take(states).collect();
            items.iter_mut().zip(outputs).for_each(|(items, item)| items.tensors.push(item));
        }
        self.hand_on(node, &state, &items)
    }

    /// Takes the steps of one round, behind those that make what it takes; the names of what it gives.
    fn round(
        &mut self,
        node: &Node,
        body: &Body,
        round: usize,
        given: Vec<String>,
        before: Vec<Node>,
    ) -> Result<Vec<String>, Error> {
        if round == MOST_ROUNDS {
            return Err(node.refuse(format!("it runs more than {MOST_ROUNDS} times, which are not unrolled")));
        }
        self.unrolled += body.nodes.len() + before.len();
        if self.unrolled > MOST_NODES {
            return Err(
                node.refuse(format!("its rounds would have more than {MOST_NODES} nodes when they are unrolled"))
            );
        }
        let within = within(node, round);
        let mut names: BTreeMap<String, String> = body.inputs.iter().cloned().zip(given).collect();
        name_computed(&body.nodes, &within, &mut names);
        let nodes = before.into_iter().chain(body.nodes.iter().map(|inner| renamed(inner, &names, &within))).collect();
        let outputs: Vec<String> = body.outputs.iter().map(|name| name_of(name, &names)).collect();
        self.take_nodes(nodes, outputs.clone())?;
        Ok(outputs)
    }

    /// What comes out behind the last round.
    fn hand_on(&mut self, node: &Node, state: &[String], items: &[Items]) -> Result<(), Error> {
        let mut nodes = Vec::new();
        let outputs = node.outputs.iter().enumerate().filter(|(_, output)| !output.is_empty());
        for (place, output) in outputs {
            if let Some(last) = state.get(place) {
                nodes.push(Node::new(output, "Identity", &[last], output));
                continue;
            }
            let Some(items) = items.get(place - state.len()).filter(|items| !items.tensors.is_empty()) else {
                return Err(node.refuse(format!("it does not run once, so that there is nothing in {output:?}")));
            };
            let axes = format!("{output}.axes");
            self.values.insert(axes.clone(), Constant::Integer(arr1(&[items.axis]).into_dyn()));
            let mut parts = Vec::new();
            for (number, tensor) in items.tensors.iter().enumerate() {
                let part = format!("{output}.part{number}");
                nodes.push(Node::new(&part, "Unsqueeze", &[tensor, &axes], &part));
                parts.push(part);
            }
            if items.is_reversed {
                parts.reverse();
            }
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            nodes.push(Node::new(output, "Concat", &parts, output).with("axis", Attribute::Integer(items.axis)));
        }
        self.take_nodes(nodes, node.given_outputs().map(str::to_owned).collect())
    }

    /// A single number that has to be known once the shapes of the inputs are.
    fn number(&self, node: &Node, name: &str, meaning: &str) -> Result<i64, Error> {
        match self.constant(name) {
            Some(Constant::Integer(values)) if values.len() == 1 => Ok(values.iter().copied().sum()),
            Some(_) => Err(node.refuse(format!("its {meaning} should be a single integer or truth value"))),
            None => Err(node.refuse(format!(
                "its {meaning} follows from what the network computes: only rounds whose number follows from the shapes \
                 of the inputs can be unrolled"
            ))),
        }
    }

    /// A constant of one round.
    fn integer(&mut self, node: &Node, round: usize, meaning: &str, value: i64) -> String {
        let name = format!("{}.{meaning}", within(node, round));
        self.values.insert(name.clone(), Constant::Integer(arr0(value).into_dyn()));
        name
    }
}

/// Refuses a body that takes or gives another number of tensors.
fn fit(node: &Node, body: &Body, [takes, gives]: [usize; 2]) -> Result<(), Error> {
    let items = node.outputs.len().saturating_sub(gives - usize::from(node.kind == "Loop"));
    match body.inputs.len() == takes && body.outputs.len() >= gives + items {
        true => Ok(()),
        false => Err(node.refuse(format!(
            "its body takes {} tensors and gives {}; it should take {takes} and give {}",
            body.inputs.len(),
            body.outputs.len(),
            gives + items
        ))),
    }
}

/// What the tensors of a round are called behind.
fn within(node: &Node, round: usize) -> String {
    format!("{}.{round}", node.given_outputs().next().unwrap_or(&node.name))
}

/// Names what nodes compute in a round, and nodes of their branches.
fn name_computed(nodes: &[Node], within: &str, names: &mut BTreeMap<String, String>) {
    for node in nodes {
        for output in node.given_outputs() {
            names.insert(output.to_owned(), format!("{within}.{output}"));
        }
        node.branches().into_iter().for_each(|branch| name_computed(branch, within, names));
    }
}

fn name_of(name: &str, names: &BTreeMap<String, String>) -> String {
    names.get(name).cloned().unwrap_or_else(|| name.to_owned())
}

/// A node with the names that its tensors have in a round, and so all nodes inside of it.
fn renamed(node: &Node, names: &BTreeMap<String, String>, within: &str) -> Node {
    let of_all = |tensors: &[String]| tensors.iter().map(|name| name_of(name, names)).collect();
    let nodes = |nodes: &[Node]| nodes.iter().map(|node| renamed(node, names, within)).collect();
    let of_branches = |branches: &Branches| {
        Box::new(Branches { holds: nodes(&branches.holds), otherwise: nodes(&branches.otherwise) })
    };
    let of_body = |body: &Body| {
        Box::new(Body { inputs: body.inputs.clone(), nodes: nodes(&body.nodes), outputs: of_all(&body.outputs) })
    };
    Node {
        name: format!("{within}.{}", node.name),
        inputs: of_all(&node.inputs),
        outputs: of_all(&node.outputs),
        branches: node.branches.as_deref().map(of_branches),
        body: node.body.as_deref().map(of_body),
        kind: node.kind.clone(),
        attributes: node.attributes.clone(),
    }
}
