//! The network of a model for inputs of certain shapes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use neural_lrp::operation::{Constant, ParsedOperation};
use neural_lrp::{Network, NetworkBuilder, Real};

use crate::budget::Budget;
use crate::graph::{Graph, Node, taken_from_outside};
use crate::lowering::{self, Lowered};
use crate::model::Model;
use crate::steps::{Step, at, read_operation, steps};
use crate::{Dimension, Error, InputDeclaration, InputShapes, folding};

mod rounds;

pub(crate) fn assemble<F: Real>(model: &Model<F>, given: &InputShapes) -> Result<Network<F>, Error> {
    given.check(&model.inputs)?;
    let mut assembly = Assembly {
        model,
        values: BTreeMap::new(),
        shapes: BTreeMap::new(),
        builder: NetworkBuilder::new(),
        constants: BTreeSet::new(),
        unrolled: 0,
        budget: model.budget.anew(),
    };
    let any_shape = model.steps.iter().all(|step| matches!(step, Step::Ready(..)));
    for input in &model.inputs {
        let shape = given.get(&input.name).unwrap_or_default();
        assembly.builder.input(&input.name, if any_shape { allowed(input, shape) } else { fixed(shape) });
        assembly.shapes.insert(input.name.clone(), neural_lrp::operation::bounded(shape.to_vec())?);
    }
    for step in &model.steps {
        assembly.take(step)?;
    }
    assembly.finish()
}

/// The lengths that the file fixes.
fn allowed(input: &InputDeclaration, given: &[usize]) -> Vec<Option<usize>> {
    let length = |dimension: &Dimension| match dimension {
        Dimension::Fixed(size) => Some(*size),
        Dimension::Symbolic(_) => None,
    };
    match &input.dimensions {
        Some(dimensions) => dimensions.iter().map(length).collect(),
        None => vec![None; given.len()],
    }
}

/// Whether an integer is a number that the network computes in.
fn is_exact<F: Real>(integer: i64) -> bool {
    integer.unsigned_abs() <= F::EXACT_INTEGERS.unsigned_abs()
}

fn fixed(shape: &[usize]) -> Vec<Option<usize>> {
    shape.iter().copied().map(Some).collect()
}

struct Assembly<'m, F: Real> {
    model: &'m Model<F>,
    /// The tensors that were computed in advance.
    values: BTreeMap<String, Constant<F>>,
    /// The shapes of what the network computes.
    shapes: BTreeMap<String, Vec<usize>>,
    builder: NetworkBuilder<F>,
    /// The constants that the builder has.
    constants: BTreeSet<String>,
    /// How many nodes have come out of rounds.
    unrolled: usize,
    /// What memory there is for constants.
    budget: Budget,
}

impl<F: Real> Assembly<'_, F> {
    fn constant(&self, name: &str) -> Option<&Constant<F>> {
        self.values.get(name).or_else(|| self.model.constants.get(name))
    }

    fn shape(&self, name: &str) -> Option<&[usize]> {
        match self.constant(name) {
            Some(Constant::Real(values)) => Some(values.shape()),
            Some(Constant::Integer(values)) => Some(values.shape()),
            None => self.shapes.get(name).map(Vec::as_slice),
        }
    }

    fn take(&mut self, step: &Step<F>) -> Result<(), Error> {
        match step {
            Step::Advance(node) => self.fold(node),
            Step::Branch(node) => self.branch(node),
            Step::Rounds(node) => self.rounds(node),
            Step::Shaped(node) => self.add_shaped(node),
            Step::Ready(node, parsed) => self.add(node, parsed),
        }
    }

    fn fold(&mut self, node: &Node) -> Result<(), Error> {
        let fact = |name: &String| match (self.constant(name), self.shapes.get(name)) {
            (Some(value), _) => folding::Fact::Value(value),
            (None, Some(shape)) => folding::Fact::Shape(shape),
            (None, None) => folding::Fact::Absent,
        };
        let facts: Vec<_> = node.inputs.iter().map(fact).collect();
        let mut budget = self.budget;
        let values = folding::fold(node, &facts, &self.model.operators, &mut budget)?;
        self.budget = budget;
        self.values.extend(values);
        Ok(())
    }

    /// Takes the steps of the branch that an If comes to.
    fn branch(&mut self, node: &Node) -> Result<(), Error> {
        let Some(nodes) = node.branch(|name| self.constant(name))? else {
            return Err(node.refuse("its condition is not known once the shapes of the inputs are"));
        };
        self.take_nodes(nodes.to_vec(), node.given_outputs().map(str::to_owned).collect())
    }

    /// Takes the steps of nodes that nobody knew before.
    fn take_nodes(&mut self, nodes: Vec<Node>, outputs: Vec<String>) -> Result<(), Error> {
        let known = |name: &str| Some((name.to_owned(), self.constant(name)?.clone()));
        let constants = taken_from_outside(&nodes).into_iter().filter_map(known).collect();
        let mut graph = Graph { inputs: Vec::new(), outputs, nodes, constants };
        let steps = steps(&mut graph, &self.model.operators, &mut self.budget)?;
        self.values.extend(graph.constants);
        steps.iter().try_for_each(|step| self.take(step))
    }

    fn add_shaped(&mut self, node: &Node) -> Result<(), Error> {
        let lowered = if lowering::needs_shape(node) {
            lowering::lower(node, |name| self.shape(name), |name| self.constant(name))?
        } else {
            Lowered { nodes: vec![node.clone()], constants: Vec::new() }
        };
        self.values.extend(lowered.constants);
        for node in &lowered.nodes {
            let nodes = || self.model.steps.iter().map(Step::node);
            let is_constant = |name: &str| self.constant(name).is_some();
            let constant = |name: &str| self.constant(name);
            let parsed = read_operation(node, &self.model.operators, constant, is_constant, nodes)?;
            self.add(node, &parsed)?;
        }
        Ok(())
    }

    fn add(&mut self, node: &Node, parsed: &ParsedOperation<F>) -> Result<(), Error> {
        let operands: Vec<&str> = parsed.operands.iter().filter_map(|&position| node.input(position)).collect();
        for &operand in &operands {
            self.add_constant(operand)?;
        }
        let shapes: Vec<&[usize]> = operands.iter().map(|name| self.shape(name).unwrap_or_default()).collect();
        let shape =
            neural_lrp::operation::output_shape(parsed.operation.as_ref(), &shapes).map_err(|error| at(node, error))?;
        self.shapes.insert(node.output().to_owned(), shape);
        self.builder.node(&node.name, Arc::clone(&parsed.operation), operands, node.output());
        Ok(())
    }

    /// Hands a known tensor to the builder, if it is one.
    fn add_constant(&mut self, name: &str) -> Result<(), Error> {
        let value = match self.constant(name) {
            None => return Ok(()),
            Some(Constant::Real(value)) => Arc::clone(value),
            Some(Constant::Integer(values)) => match values.iter().find(|&&value| !is_exact::<F>(value)) {
                None => Arc::new(values.mapv(|value| F::of(value as f64))),
                Some(value) => {
                    let reason = format!("the network would compute with the integer {value}, which {} lacks", F::NAME);
                    return Err(Error::Tensor { tensor: name.to_owned(), reason });
                }
            },
        };
        if self.constants.insert(name.to_owned()) {
            self.builder.constant(name, value);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Network<F>, Error> {
        for output in &self.model.outputs {
            self.add_constant(output)?;
            self.builder.output(output);
        }
        let network = self.builder.build()?;
        let inputs: Vec<&[usize]> = self.model.inputs.iter().map(|input| self.shapes[&input.name].as_slice()).collect();
        network.shapes(&inputs)?;
        Ok(network)
    }
}
