//! The graph of a network file: nodes between named tensors, in an order in which they can be computed.

use std::collections::{BTreeMap, BTreeSet};

use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use crate::{Error, InputDeclaration};

/// A node: an operator, and the names of the tensors it takes and gives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) attributes: BTreeMap<String, Attribute>,
    /// Empty names are optional inputs left out.
    pub(crate) inputs: Vec<String>,
    /// Empty names are outputs that nobody asks for.
    pub(crate) outputs: Vec<String>,
    /// The two branches of an If; `None` for any other operator.
    pub(crate) branches: Option<Box<Branches>>,
    /// What a Loop or Scan does in each round; `None` for any other operator.
    pub(crate) body: Option<Box<Body>>,
}

/// The nodes of an If for a condition that holds, and for one that does not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Branches {
    pub(crate) holds: Vec<Node>,
    pub(crate) otherwise: Vec<Node>,
}

/// What a Loop or Scan does in each round: nodes between the tensors that a round takes and gives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Body {
    pub(crate) inputs: Vec<String>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) outputs: Vec<String>,
}

impl Body {
    /// The names of the tensors that a round takes from outside, and not from the round before.
    fn taken_from_outside(&self) -> impl Iterator<Item = &str> {
        let given = |name: &&str| self.nodes.iter().any(|node| node.given_outputs().any(|output| output == *name));
        let handed_on = self.outputs.iter().map(String::as_str).filter(move |name| !given(name));
        let taken = taken_from_outside(&self.nodes).into_iter().chain(handed_on);
        taken.filter(|name| !self.inputs.iter().any(|input| input == name))
    }
}

impl Node {
    /// A node without attributes.
    pub(crate) fn new(name: impl Into<String>, kind: &str, inputs: &[&str], output: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: kind.to_owned(),
            attributes: BTreeMap::new(),
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            outputs: vec![output.into()],
            branches: None,
            body: None,
        }
    }

    /// With an attribute.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: Attribute) -> Self {
        self.attributes.insert(name.to_owned(), value);
        self
    }

    /// The name of an input; `None` where it is left out.
    pub(crate) fn input(&self, position: usize) -> Option<&str> {
        self.inputs.get(position).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The names of the inputs that are not left out, and of what its branches or its body take from outside.
    pub(crate) fn given_inputs(&self) -> impl Iterator<Item = &str> {
        let inputs = self.inputs.iter().map(String::as_str).filter(|name| !name.is_empty());
        let inside = self.branches().into_iter().flat_map(taken_from_outside);
        inputs.chain(inside).chain(self.body.iter().flat_map(|body| body.taken_from_outside()))
    }

    /// The branches of an If.
    pub(crate) fn branches(&self) -> Vec<&[Node]> {
        match &self.branches {
            Some(branches) => vec![&branches.holds, &branches.otherwise],
            None => Vec::new(),
        }
    }

    /// The branch of an If that its condition takes, if that is known.
    pub(crate) fn branch<'c, F: Real>(
        &self,
        constant: impl Fn(&str) -> Option<&'c Constant<F>>,
    ) -> Result<Option<&[Node]>, Error> {
        let Some((branches, condition)) = self.branches.as_ref().zip(self.input(0).and_then(constant)) else {
            return Ok(None);
        };
        match condition {
            Constant::Integer(values) if values.len() == 1 => {
                let holds = values.iter().all(|&value| value != 0);
                Ok(Some(if holds { &branches.holds } else { &branches.otherwise }))
            }
            _ => Err(self.refuse("its condition should be a single Boolean")),
        }
    }

    /// The names of the outputs that somebody may ask for.
    pub(crate) fn given_outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(String::as_str).filter(|name| !name.is_empty())
    }

    /// Returns whether a tensor of this name is among its outputs or those of nodes inside of it.
    fn gives(&self, name: &str) -> bool {
        self.outputs.iter().any(|output| output == name)
            || self.branches().into_iter().flatten().any(|node| node.gives(name))
            || self.body.iter().flat_map(|body| &body.nodes).any(|node| node.gives(name))
    }

    /// The first output's name.
    pub(crate) fn output(&self) -> &str {
        self.outputs.first().map_or("", String::as_str)
    }

    /// An integer attribute, or `default`.
    pub(crate) fn integer(&self, name: &str, default: i64) -> Result<i64, Error> {
        match self.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Integer(value)) => Ok(*value),
            Some(other) => Err(self.refuse(format!("its {name} is {other:?}, and should be an integer"))),
        }
    }

    /// A list of integers; `None` where it is not given.
    pub(crate) fn integers(&self, name: &str) -> Result<Option<&[i64]>, Error> {
        match self.attributes.get(name) {
            None => Ok(None),
            Some(Attribute::Integers(values)) => Ok(Some(values)),
            Some(other) => Err(self.refuse(format!("its {name} is {other:?}, and should be a list of integers"))),
        }
    }

    /// An error about this node.
    pub(crate) fn refuse(&self, reason: impl Into<String>) -> Error {
        Error::Node { node: self.name.clone(), kind: self.kind.clone(), reason: reason.into() }
    }
}

/// The names of the tensors that nodes take and none of them gives.
pub(crate) fn taken_from_outside(nodes: &[Node]) -> BTreeSet<&str> {
    let given: BTreeSet<&str> = nodes.iter().flat_map(Node::given_outputs).collect();
    nodes.iter().flat_map(Node::given_inputs).filter(|name| !given.contains(name)).collect()
}

/// A graph whose nodes stand in an order in which they can be computed, all of them needed.
#[derive(Clone, Debug)]
pub(crate) struct Graph<F> {
    pub(crate) inputs: Vec<InputDeclaration>,
    pub(crate) outputs: Vec<String>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) constants: BTreeMap<String, Constant<F>>,
}

impl<F: Real> Graph<F> {
    /// A name for a new tensor, which no other has.
    pub(crate) fn fresh_name(&self, wish: &str) -> String {
        let mut name = wish.to_owned();
        while self.constants.contains_key(&name)
            || self.inputs.iter().any(|input| input.name == name)
            || self.nodes.iter().any(|node| node.gives(&name))
        {
            name.push('\'');
        }
        name
    }
}

/// The nodes that the outputs need, each after those whose tensors it takes, otherwise in their old order.
///
/// `is_known` tells the tensors that come from no node: inputs and constants.
pub(crate) fn arrange(
    nodes: Vec<Node>,
    outputs: &[String],
    is_known: impl Fn(&str) -> bool,
) -> Result<Vec<Node>, Error> {
    let mut producers: BTreeMap<&str, usize> = BTreeMap::new();
    for (position, node) in nodes.iter().enumerate() {
        for output in node.given_outputs() {
            let second = producers.insert(output, position).map(|other| nodes[other].name.as_str());
            let other = second.map(|name| format!("node {name:?}"));
            if let Some(other) = other.or_else(|| is_known(output).then(|| "an input or initializer".to_owned())) {
                return Err(node.refuse(format!("it gives tensor {output:?}, which {other} gives already")));
            }
        }
    }
    let needs: Vec<Vec<usize>> = nodes
        .iter()
        .map(|node| node.given_inputs().filter_map(|input| producers.get(input).copied()).collect())
        .collect();
    let needed = needed(outputs.iter().filter_map(|output| producers.get(output.as_str()).copied()), &needs);
    for node in nodes.iter().zip(&needed).filter(|(_, needed)| **needed).map(|(node, _)| node) {
        if let Some(missing) = node.given_inputs().find(|&input| !producers.contains_key(input) && !is_known(input)) {
            return Err(node.refuse(format!(
                "it takes tensor {missing:?}, which is no input, no initializer and no node's output; was the model saved \
                 without its weights?"
            )));
        }
    }
    if let Some(output) = outputs.iter().find(|output| !producers.contains_key(output.as_str()) && !is_known(output)) {
        return Err(Error::Graph(format!("no node gives the output {output:?}")));
    }
    let order = order(&needed, &needs).map_err(|position| {
        nodes[position].refuse("it takes from itself by way of other nodes: a network can't have a circle")
    })?;
    let mut slots: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|position| slots[position].take()).collect())
}

/// A flag for each node: whether it is reached from `roots` through `needs`.
fn needed(roots: impl Iterator<Item = usize>, needs: &[Vec<usize>]) -> Vec<bool> {
    let mut needed = vec![false; needs.len()];
    let mut open: Vec<usize> = roots.collect();
    while let Some(position) = open.pop() {
        if !std::mem::replace(&mut needed[position], true) {
            open.extend(&needs[position]);
        }
    }
    needed
}

/// The needed nodes, each after all it needs; or one that stands on a circle.
fn order(needed: &[bool], needs: &[Vec<usize>]) -> Result<Vec<usize>, usize> {
    let mut missing = vec![0usize; needs.len()];
    let mut takers: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (position, needs) in needs.iter().enumerate() {
        missing[position] = needs.len();
        for &need in needs {
            takers[need].push(position);
        }
    }
    let mut ready: BTreeSet<usize> =
        (0..needs.len()).filter(|&position| needed[position] && missing[position] == 0).collect();
    let mut order = Vec::new();
    while let Some(position) = ready.pop_first() {
        order.push(position);
        for &taker in &takers[position] {
            missing[taker] -= 1;
            if missing[taker] == 0 && needed[taker] {
                ready.insert(taker);
            }
        }
    }
    let unplaced = |position: usize| needed[position] && missing[position] > 0;
    match (0..needs.len()).find(|&position| unplaced(position)) {
        None => Ok(order),
        // What can't be placed stands on a circle or after one: following needs leads onto it.
        Some(start) => {
            let mut position = start;
            for _ in 0..needs.len() {
                position = needs[position].iter().copied().find(|&need| unplaced(need)).unwrap_or(position);
            }
            Err(position)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged(nodes: &[(&str, &[&str], &str)], outputs: &[&str], known: &[&str]) -> Result<Vec<String>, Error> {
        let nodes = nodes.iter().map(|(name, inputs, output)| Node::new(*name, "Relu", inputs, *output)).collect();
        let outputs: Vec<String> = outputs.iter().map(|&name| name.to_owned()).collect();
        Ok(arrange(nodes, &outputs, |name| known.contains(&name))?.into_iter().map(|node| node.name).collect())
    }

    fn message(result: Result<Vec<String>, Error>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn nodes_are_sorted_and_those_without_effect_left_out() {
        let nodes: &[(&str, &[&str], &str)] = &[
            ("last", &["b", "a"], "y"),
            ("dead", &["nowhere"], "d"),
            ("second", &["a"], "b"),
            ("first", &["x", ""], "a"),
        ];
        assert_eq!(arranged(nodes, &["y"], &["x"]).unwrap(), ["first", "second", "last"]);
        let sorted: &[(&str, &[&str], &str)] = &[("p", &["x"], "a"), ("q", &["x"], "b"), ("r", &["b", "a"], "y")];
        assert_eq!(arranged(sorted, &["y"], &["x"]).unwrap(), ["p", "q", "r"]);
    }

    #[test]
    fn broken_graphs_name_node_and_tensor() {
        let missing = message(arranged(&[("conv", &["x", "w"], "y")], &["y"], &["x"]));
        assert!(missing.contains("\"conv\"") && missing.contains("\"w\""), "{missing}");
        let circle: &[(&str, &[&str], &str)] = &[("p", &["x", "b"], "a"), ("q", &["a"], "b"), ("after", &["b"], "y")];
        let circle = message(arranged(circle, &["y"], &["x"]));
        assert!(circle.contains("circle") && (circle.contains("\"p\"") || circle.contains("\"q\"")), "{circle}");
        let own = message(arranged(&[("p", &["y"], "y")], &["y"], &["x"]));
        assert!(own.contains("circle"), "{own}");
        let twice = message(arranged(&[("p", &["x"], "y"), ("q", &["x"], "y")], &["y"], &["x"]));
        assert!(twice.contains("\"q\"") && twice.contains("\"p\"") && twice.contains("\"y\""), "{twice}");
        assert!(message(arranged(&[("p", &["x"], "x")], &["x"], &["x"])).contains("gives already"));
        assert!(message(arranged(&[], &["y"], &["x"])).contains("\"y\""));
    }
}
