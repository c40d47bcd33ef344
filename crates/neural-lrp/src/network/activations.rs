//! The forward pass, and what it leaves for any number of backward ones.

use std::sync::{Arc, OnceLock};

use ndarray::{ArrayD, ArrayViewD, Dimension};

use crate::arrays::order::Order;
use crate::network::{Direction, Network, Node, Stopwatch, TensorId};
use crate::operation::Step;
use crate::{Error, Real};

/// All tensors of one forward pass: the source of any number of explanations.
#[derive(Clone, Debug)]
pub struct Activations<F: Real> {
    network: Network<F>,
    /// The value of each tensor; of those that a rectifier was applied to at once, only when somebody asks for it.
    values: Vec<OnceLock<Arc<ArrayD<F>>>>,
    stopwatch: Option<Arc<Stopwatch>>,
}

impl<F: Real> Network<F> {
    /// The forward pass. Inputs come in the order of [`inputs`](Self::inputs).
    ///
    /// # Errors
    /// Inputs of a wrong number or shape, or that are not finite; operands that do not fit their operation.
    pub fn forward(&self, inputs: Vec<ArrayD<F>>) -> Result<Activations<F>, Error> {
        self.forward_timed(inputs, None)
    }

    /// The forward pass, and the time of each node if there is a watch; it runs on in the passes back.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub(crate) fn forward_timed(
        &self,
        inputs: Vec<ArrayD<F>>,
        stopwatch: Option<Arc<Stopwatch>>,
    ) -> Result<Activations<F>, Error> {
        let shapes: Vec<&[usize]> = inputs.iter().map(ArrayD::shape).collect();
        self.shapes(&shapes)?;
        let constant =
            |tensor: &crate::network::Tensor<F>| tensor.constant.clone().map_or_else(OnceLock::new, OnceLock::from);
        let mut activations =
            Activations { network: self.clone(), values: self.tensors().iter().map(constant).collect(), stopwatch };
        for (input, value) in self.inputs().iter().zip(inputs) {
            check_finite(&self.tensor(input.tensor).name, &value)?;
            activations.set(input.tensor, Order::kept(value));
        }
        for (position, node) in self.nodes().iter().enumerate() {
            if activations.values[node.output.index()].get().is_none() {
                let step = || activations.run(node, self.rectifier_of(node.output));
                let (tensor, value) = Stopwatch::run(activations.stopwatch(), position, Direction::Forward, step);
                activations.set(tensor, value);
            }
        }
        Ok(activations)
    }
}

fn check_finite<F: Real>(name: &str, value: &ArrayD<F>) -> Result<(), Error> {
    match value.indexed_iter().find(|(_, number)| !number.is_finite()) {
        None => Ok(()),
        Some((place, number)) => Err(Error::Input {
            input: name.to_owned(),
            reason: format!("it holds {number} at {:?}; every number must be finite", place.slice()),
        }),
    }
}

impl<F: Real> Activations<F> {
    /// The network that was run.
    pub fn network(&self) -> &Network<F> {
        &self.network
    }

    /// What measures the time of this pass and of those back from it.
    pub(crate) fn stopwatch(&self) -> Option<&Stopwatch> {
        self.stopwatch.as_deref()
    }

    fn set(&mut self, tensor: TensorId, value: ArrayD<F>) {
        self.values[tensor.index()] = OnceLock::from(Arc::new(value));
    }

    /// Runs a node, with the rectifier behind it if both are one for the node's operation.
    fn run(&self, node: &Node<F>, rectifier: Option<&Node<F>>) -> (TensorId, ArrayD<F>) {
        let operands = self.operands(node);
        let rectified = rectifier.and_then(|rectifier| Some((rectifier.output, node.forward_rectified(&operands)?)));
        rectified.unwrap_or_else(|| (node.output, node.forward(&operands)))
    }

    /// The value of a tensor. Its numbers may lie in memory channel by channel or position by position.
    pub fn value(&self, tensor: TensorId) -> ArrayViewD<'_, F> {
        let compute = || match self.network.producer(tensor) {
            Some(node) => Arc::new(node.forward(&self.operands(node))),
            None => unreachable!("inputs and constants have values"),
        };
        self.values[tensor.index()].get_or_init(compute).view()
    }

    /// Whether a tensor has a value, or would have to be computed once more.
    fn has(&self, tensor: TensorId) -> bool {
        self.values[tensor.index()].get().is_some()
    }

    fn operands(&self, node: &Node<F>) -> Vec<ArrayViewD<'_, F>> {
        node.operands.iter().map(|&operand| self.value(operand)).collect()
    }

    /// The network's first output.
    pub fn output(&self) -> ArrayViewD<'_, F> {
        self.value(self.network.outputs()[0])
    }

    /// One node's operands and output.
    pub fn step(&self, node: &Node<F>) -> Step<'_, F> {
        Step { operands: self.operands(node), output: self.value(node.output) }
    }

    /// One node's operands and output, for a way back that looks at no output without relevance. What a rectifier cut away
    /// need not be there then: in the place of numbers that it was applied to stand those that it gave.
    pub(crate) fn step_of_relevant(&self, node: &Node<F>, upper: &ArrayViewD<'_, F>) -> Step<'_, F> {
        let operands = match node.operands.as_slice() {
            &[operand] if node.operation.is_rectifier() && !self.has(operand) => vec![self.value(node.output)],
            _ => self.operands(node),
        };
        let rectified = self.rectified(node).map(|tensor| self.value(tensor));
        match rectified.filter(|rectified| vanishes_with(upper, rectified)) {
            Some(output) => Step { operands, output },
            None => Step { operands, output: self.value(node.output) },
        }
    }

    /// What a rectifier made of a node's output, where that was not kept.
    fn rectified(&self, node: &Node<F>) -> Option<TensorId> {
        let rectifier = self.network.rectifier_of(node.output).filter(|_| !self.has(node.output));
        rectifier.map(|rectifier| rectifier.output)
    }
}

/// How many numbers are looked at before one of them can end the search.
const STRIDE: usize = 1 << 10;

/// Whether there is no relevance where a rectifier gave 0.
fn vanishes_with<F: Real>(relevance: &ArrayViewD<'_, F>, rectified: &ArrayViewD<'_, F>) -> bool {
    let order = Order::common([rectified]);
    let (relevance, rectified) = (order.numbers(relevance), order.numbers(rectified));
    let lies_there = |(r, a): (&F, &F)| *r != F::zero() && *a == F::zero();
    let mut parts = relevance.chunks(STRIDE).zip(rectified.chunks(STRIDE));
    !parts.any(|(relevance, rectified)| relevance.iter().zip(rectified).fold(false, |any, pair| any | lies_there(pair)))
}
