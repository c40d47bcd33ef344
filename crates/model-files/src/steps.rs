//! The nodes of a graph in the order of what is known of them: folded, waiting for shapes, or operations.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use neural_lrp::Real;
use neural_lrp::operation::{Constant, Input, OperatorSpec, ParsedOperation};
use neural_lrp::operations::Operators;

use crate::budget::Budget;
use crate::graph::{Graph, Node};
use crate::{Error, UnsupportedNode, folding, lowering, patterns, rewriting, training};

/// A node, and when it can be understood.
#[derive(Clone, Debug)]
pub(crate) enum Step<F: Real> {
    /// Folded, once the shapes of the inputs are known.
    Advance(Node),
    /// One of two branches, by a condition that is known once the shapes are.
    Branch(Node),
    /// Rounds of nodes, as many as it takes once the shapes are known.
    Rounds(Node),
    /// An operation that takes values which are computed in advance, or whose form depends on the shape of its operand.
    Shaped(Node),
    /// An operation, whatever the shapes.
    Ready(Node, ParsedOperation<F>),
}

impl<F: Real> Step<F> {
    pub(crate) fn node(&self) -> &Node {
        match self {
            Self::Advance(node)
            | Self::Branch(node)
            | Self::Rounds(node)
            | Self::Shaped(node)
            | Self::Ready(node, _) => node,
        }
    }
}

/// The nodes of a graph, folded and in terms of operations; its constants are those that they may take.
pub(crate) fn steps<F: Real>(
    graph: &mut Graph<F>,
    operators: &Operators<F>,
    budget: &mut Budget,
) -> Result<Vec<Step<F>>, Error> {
    rewriting::take_apart(graph);
    rewriting::expand(graph, operators)?;
    fold_constants(graph, operators, budget)?;
    let in_advance = known_in_advance(graph, operators);
    patterns::recognize(graph, &in_advance);
    let flows = |node: &Node| !in_advance.contains(node.output());
    for node in graph.nodes.iter().filter(|node| flows(node)) {
        training::check(node, |name| graph.constants.get(name))?;
    }
    rewriting::rewrite(graph, flows);
    check_support(graph, operators, &in_advance)?;
    let nodes = std::mem::take(&mut graph.nodes);
    let constants: BTreeSet<String> = graph.constants.keys().cloned().collect();
    let mut takers = Takers::of(&nodes, &graph.outputs);
    let mut steps = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let waits = node.given_inputs().any(|input| in_advance.contains(input)) || lowering::needs_shape(node);
        steps.push(if node.branches.is_some() {
            Step::Branch(node.clone())
        } else if node.body.is_some() {
            Step::Rounds(node.clone())
        } else if in_advance.contains(node.output()) {
            Step::Advance(node.clone())
        } else if waits {
            Step::Shaped(node.clone())
        } else {
            let is_constant = |name: &str| constants.contains(name);
            let parsed =
                read_operation(node, operators, |name| graph.constants.get(name), is_constant, || nodes.iter())?;
            // What the operation holds in an order of its own would be there twice until the last node is read.
            for name in takers.released_by(node, &parsed) {
                graph.constants.remove(name);
            }
            Step::Ready(node.clone(), parsed)
        });
    }
    Ok(steps)
}

/// How many nodes still take each tensor.
struct Takers<'a>(BTreeMap<&'a str, usize>);

impl<'a> Takers<'a> {
    fn of(nodes: &'a [Node], outputs: &'a [String]) -> Self {
        let mut takers = BTreeMap::new();
        for name in nodes.iter().flat_map(Node::given_inputs).chain(outputs.iter().map(String::as_str)) {
            *takers.entry(name).or_insert(0) += 1;
        }
        Self(takers)
    }

    /// What an operation took into itself that nobody else takes.
    fn released_by<F: Real>(&mut self, node: &'a Node, parsed: &ParsedOperation<F>) -> Vec<&'a str> {
        let operands: BTreeSet<&str> = parsed.operands.iter().filter_map(|&at| node.input(at)).collect();
        let mut released = Vec::new();
        for name in node.given_inputs().filter(|name| !operands.contains(name)) {
            if let Some(takers) = self.0.get_mut(name) {
                *takers -= 1;
                released.extend((*takers == 0).then_some(name));
            }
        }
        released
    }
}

/// Computes what depends on no input, and drops what nobody takes any more.
fn fold_constants<F: Real>(graph: &mut Graph<F>, operators: &Operators<F>, budget: &mut Budget) -> Result<(), Error> {
    let wanted = wanted(&graph.nodes, &graph.outputs);
    let mut open = VecDeque::from(std::mem::take(&mut graph.nodes));
    while let Some(mut node) = open.pop_front() {
        if node.kind == "CastLike" {
            node = rewriting::cast_like(graph, node);
        }
        if let Some(branch) = node.branch(|name| graph.constants.get(name))? {
            branch.iter().rev().for_each(|node| open.push_front(node.clone()));
            continue;
        }
        let is_known = node.given_inputs().all(|name| graph.constants.contains_key(name));
        if !is_known || !can_fold(&node, operators, &wanted) {
            graph.nodes.push(node);
            continue;
        }
        let facts = folding::facts(&node, |name| graph.constants.get(name));
        let values = folding::fold(&node, &facts, operators, budget)?;
        graph.constants.extend(values);
    }
    let taken: BTreeSet<&str> =
        graph.nodes.iter().flat_map(Node::given_inputs).chain(graph.outputs.iter().map(String::as_str)).collect();
    graph.constants.retain(|name, _| taken.contains(name.as_str()));
    Ok(())
}

/// Returns whether folding gives all outputs of a node that somebody wants: the first, or the pieces of a Split.
fn can_fold<F: Real>(node: &Node, operators: &Operators<F>, wanted: &BTreeSet<String>) -> bool {
    let further = || node.given_outputs().filter(|output| *output != node.output());
    folding::can_fold(&node.kind, operators) && (node.kind == "Split" || !further().any(|name| wanted.contains(name)))
}

/// The names of all tensors that nodes take, those of nodes inside of them too, and of the outputs.
fn wanted(nodes: &[Node], outputs: &[String]) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = outputs.iter().cloned().collect();
    for node in nodes {
        names.extend(node.inputs.iter().cloned());
        node.branches().into_iter().for_each(|branch| names.extend(wanted(branch, &[])));
        node.body.iter().for_each(|body| names.extend(wanted(&body.nodes, &body.outputs)));
    }
    names
}

/// The tensors that are known once the shapes of the inputs are.
fn known_in_advance<F: Real>(graph: &Graph<F>, operators: &Operators<F>) -> BTreeSet<String> {
    let wanted = wanted(&graph.nodes, &graph.outputs);
    let can_fold = |node: &Node| can_fold(node, operators, &wanted);
    known_after(&graph.nodes, BTreeSet::new(), &|name| graph.constants.contains_key(name), &can_fold)
}

/// The tensors that are known in advance after some nodes, of which `known` are before them.
fn known_after(
    nodes: &[Node],
    mut known: BTreeSet<String>,
    is_constant: &impl Fn(&str) -> bool,
    can_fold: &impl Fn(&Node) -> bool,
) -> BTreeSet<String> {
    for node in nodes {
        let is_known = |name: &str| known.contains(name) || is_constant(name);
        if let Some(branches) = &node.branches {
            if node.input(0).is_some_and(is_known) {
                let [holds, otherwise] = [&branches.holds, &branches.otherwise]
                    .map(|branch| known_after(branch, known.clone(), is_constant, can_fold));
                known = holds.intersection(&otherwise).cloned().collect();
            }
        } else if matches!(node.kind.as_str(), "Shape" | "Size") || can_fold(node) && node.given_inputs().all(is_known)
        {
            known.extend(node.outputs.iter().cloned());
        }
    }
    known
}

/// Lists all nodes that there is no operation for.
fn check_support<F: Real>(
    graph: &Graph<F>,
    operators: &Operators<F>,
    in_advance: &BTreeSet<String>,
) -> Result<(), Error> {
    let is_known = |name: &str| in_advance.contains(name) || graph.constants.contains_key(name);
    let wanted = wanted(&graph.nodes, &graph.outputs);
    let mut unsupported = Vec::new();
    for node in graph.nodes.iter().filter(|node| !in_advance.contains(node.output())) {
        let further = node.outputs.iter().skip(1).position(|output| wanted.contains(output.as_str()));
        let kind = match further {
            _ if matches!(node.kind.as_str(), "GRU" | "LSTM" | "RNN" | "Split") || node.body.is_some() => continue,
            _ if node.branches.is_some() && node.input(0).is_some_and(is_known) => continue,
            _ if node.branches.is_some() => "If, by what the network computes".to_owned(),
            _ if !operators.contains(&node.kind) && !lowering::is_lowered(&node.kind) => node.kind.clone(),
            Some(further) => format!("{}, its output {}", node.kind, further + 1),
            None if lowering::takes_truth_values(node, &graph.nodes, &is_known) => {
                "Attention, by a mask of truth values that the network computes".to_owned()
            }
            None => continue,
        };
        unsupported.push(UnsupportedNode { node: node.name.clone(), kind });
    }
    if unsupported.is_empty() { Ok(()) } else { Err(Error::Unsupported(unsupported)) }
}

/// The operation of a node whose constant inputs are known; `is_constant` tells those of other nodes, and `nodes` are
/// those that its other inputs may come from.
pub(crate) fn read_operation<'c, F: Real, Nodes: Iterator<Item = &'c Node>>(
    node: &Node,
    operators: &Operators<F>,
    constant: impl Fn(&str) -> Option<&'c Constant<F>>,
    is_constant: impl Fn(&str) -> bool,
    nodes: impl Fn() -> Nodes,
) -> Result<ParsedOperation<F>, Error> {
    let input = |name: &String| match constant(name) {
        _ if name.is_empty() => Input::Absent,
        Some(value) => Input::Constant(value.clone()),
        None => Input::Tensor,
    };
    let spec = OperatorSpec {
        kind: node.kind.clone(),
        attributes: node.attributes.clone(),
        inputs: node.inputs.iter().map(input).collect(),
    };
    let computed = || node.inputs.iter().skip(1).find(|name| !name.is_empty() && constant(name).is_none());
    operators.read(&spec).map_err(|error| match (&error, computed()) {
        (neural_lrp::Error::NotConstant { input, .. }, Some(tensor)) => {
            let sources = sources(tensor, nodes().collect(), is_constant);
            node.refuse(format!("it needs its {input} as a constant, and {tensor:?} is computed from {sources}"))
        }
        _ => at(node, error),
    })
}

/// The tensors that a tensor is computed from, and no node gives.
fn sources(tensor: &str, nodes: Vec<&Node>, is_constant: impl Fn(&str) -> bool) -> String {
    let givers: BTreeMap<&str, &Node> =
        nodes.iter().flat_map(|node| node.given_outputs().map(move |output| (output, *node))).collect();
    let (mut open, mut seen, mut sources) = (vec![tensor], BTreeSet::new(), BTreeSet::new());
    while let Some(tensor) = open.pop() {
        match givers.get(tensor) {
            _ if is_constant(tensor) || !seen.insert(tensor) => {}
            Some(giver) => open.extend(giver.given_inputs()),
            None => {
                sources.insert(format!("{tensor:?}"));
            }
        }
    }
    sources.into_iter().collect::<Vec<String>>().join(", ")
}

/// An error of the network, with the node where it arose.
pub(crate) fn at(node: &Node, source: neural_lrp::Error) -> Error {
    neural_lrp::Error::Node { node: node.name.clone(), kind: node.kind.clone(), source: Box::new(source) }.into()
}
