//! The forward pass, and what it leaves for any number of backward ones.

use std::sync::{Arc, OnceLock};

use ndarray::{ArrayD, ArrayViewD, Dimension};

use crate::arrays::memory::recycle;
use crate::arrays::order::Order;
use crate::arrays::search::{anywhere, everywhere};
use crate::network::{Direction, Network, Node, Stopwatch, TensorId};
use crate::operation::Step;
use crate::{Error, Real};

/// All tensors of one forward pass: the source of any number of explanations.
#[derive(Clone, Debug)]
pub struct Activations<F: Real> {
    network: Network<F>,
    /// The value of each tensor; of those that were clipped at once, only when somebody asks for it.
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
                let step = || activations.run(node);
                let (tensor, value) = Stopwatch::run(activations.stopwatch(), position, Direction::Forward, step);
                activations.set(tensor, value);
            }
        }
        Ok(activations)
    }
}

fn check_finite<F: Real>(name: &str, value: &ArrayD<F>) -> Result<(), Error> {
    // Number by number goes on for milliseconds where vectors take microseconds.
    if value.as_slice_memory_order().is_some_and(|numbers| everywhere([numbers], |[number]| number.is_finite())) {
        return Ok(());
    }
    match value.indexed_iter().find(|(_, number)| !number.is_finite()) {
        None => Ok(()),
        Some((place, number)) => Err(Error::Input {
            input: name.to_owned(),
            reason: format!("it holds {number} at {:?}; every number must be finite", place.slice()),
        }),
    }
}

impl<F: Real> Drop for Activations<F> {
    fn drop(&mut self) {
        // Constants are the network's as well, other values a clone's.
        self.values.drain(..).filter_map(OnceLock::into_inner).filter_map(Arc::into_inner).for_each(recycle);
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

    /// Runs a node, with the rectifier or Clip behind it if both are one for the node's operation.
    fn run(&self, node: &Node<F>) -> (TensorId, ArrayD<F>) {
        let operands = self.operands(node);
        let clip = self.network.clip_of(node.output);
        let clipped = clip.and_then(|(clip, bounds)| Some((clip.output, node.forward_clipped(&operands, bounds)?)));
        clipped.unwrap_or_else(|| (node.output, node.forward(&operands)))
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

    /// One node's operands and output, for a way back that looks at no output without relevance. What was clipped need not
    /// be there then: in the place of such numbers stand those that it was clipped to. `in_proportion` says whether it is
    /// known that there is no relevance where the output, clipped, is 0.
    pub(crate) fn step_of_relevant(
        &self,
        node: &Node<F>,
        upper: &ArrayViewD<'_, F>,
        in_proportion: bool,
    ) -> Step<'_, F> {
        let operands = match node.operands.as_slice() {
            &[operand] if node.operation.clips_to().is_some() && !self.has(operand) => vec![self.value(node.output)],
            _ => self.operands(node),
        };
        // Between the bounds it is the output itself.
        let clip = self.network.clip_of(node.output).filter(|_| !self.has(node.output));
        let clipped = clip.map(|(clip, bounds)| (self.value(clip.output), bounds));
        let vanishes = |bounds: [F; 2], clipped: &ArrayViewD<'_, F>| {
            (in_proportion && is_zero_where_cut(bounds, clipped)) || vanishes_at(bounds, upper, clipped)
        };
        match clipped.filter(|(clipped, bounds)| vanishes(*bounds, clipped)) {
            Some((output, _)) => Step { operands, output },
            None => Step { operands, output: self.value(node.output) },
        }
    }
}

/// Whether all numbers that lie at a bound that they were clipped to are 0.
fn is_zero_where_cut<F: Real>([low, high]: [F; 2], clipped: &ArrayViewD<'_, F>) -> bool {
    let clipped = Order::common([clipped]).numbers(clipped);
    low == F::zero() && (high == F::infinity() || everywhere([&*clipped], |[a]| a != high))
}

/// Whether there is no relevance where a number lies at a bound that it was clipped to.
fn vanishes_at<F: Real>([low, high]: [F; 2], relevance: &ArrayViewD<'_, F>, clipped: &ArrayViewD<'_, F>) -> bool {
    let order = Order::common([clipped]);
    let (relevance, clipped) = (order.numbers(relevance), order.numbers(clipped));
    !anywhere([&*relevance, &*clipped], |[r, a]| (r != F::zero()) & ((a == low) | (a == high)))
}
