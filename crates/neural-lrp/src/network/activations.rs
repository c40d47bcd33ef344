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
    /// The value of each tensor; of those that were clipped at once, or are not kept, only when somebody asks for it.
    values: Vec<OnceLock<Arc<ArrayD<F>>>>,
    stopwatch: Option<Arc<Stopwatch>>,
}

/// Which values a forward pass keeps.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kept<'a> {
    /// All, for passes back.
    All,
    /// Those of these tensors, inputs and constants. Nothing is computed that does not lead to these; what does, goes as
    /// soon as the last node that takes it has run, and leaves its memory, still in the cache, to the next.
    Only(&'a [TensorId]),
}

/// A node of a forward pass, and the tensors whose values nobody needs once it has run.
struct Stage {
    node: usize,
    done: Vec<TensorId>,
}

impl<F: Real> Network<F> {
    /// The forward pass. Inputs come in the order of [`inputs`](Self::inputs).
    ///
    /// # Errors
    /// Inputs of a wrong number or shape, or that are not finite; operands that do not fit their operation.
    pub fn forward(&self, inputs: Vec<ArrayD<F>>) -> Result<Activations<F>, Error> {
        self.forward_keeping(Kept::All, inputs, None)
    }

    /// The forward pass, and the time of each node if there is a watch; it runs on in the passes back.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub(crate) fn forward_keeping(
        &self,
        kept: Kept<'_>,
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
        for Stage { node: position, done } in self.stages(kept) {
            let node = &self.nodes()[position];
            if !activations.has(node.output) {
                let step = || activations.run(node, kept);
                let (tensor, value) = Stopwatch::run(activations.stopwatch(), position, Direction::Forward, step);
                activations.set(tensor, value);
            }
            done.into_iter().for_each(|tensor| activations.forget(tensor));
        }
        Ok(activations)
    }

    /// The nodes that a forward pass runs, one after another.
    fn stages(&self, kept: Kept<'_>) -> Vec<Stage> {
        let Kept::Only(tensors) = kept else {
            return (0..self.nodes().len()).map(|node| Stage { node, done: Vec::new() }).collect();
        };
        let mut is_computed = vec![false; self.tensors().len()];
        self.nodes().iter().for_each(|node| is_computed[node.output.index()] = true);
        let mut is_needed = vec![false; self.tensors().len()];
        tensors.iter().for_each(|tensor| is_needed[tensor.index()] = true);
        let mut stages = Vec::new();
        for (position, node) in self.nodes().iter().enumerate().rev() {
            if !is_needed[node.output.index()] {
                continue;
            }
            let mut done = Vec::new();
            for &operand in &node.operands {
                // Nodes are gone through from the last one on, so that this is the last that takes it.
                if !std::mem::replace(&mut is_needed[operand.index()], true) && is_computed[operand.index()] {
                    done.push(operand);
                }
            }
            stages.push(Stage { node: position, done });
        }
        stages.reverse();
        stages
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

    /// Gives the memory of a value to the next one of its size.
    fn forget(&mut self, tensor: TensorId) {
        self.values[tensor.index()].take().and_then(Arc::into_inner).into_iter().for_each(recycle);
    }

    /// Runs a node, with the rectifier or Clip behind it if both are one for the node's operation.
    fn run(&self, node: &Node<F>, kept: Kept<'_>) -> (TensorId, ArrayD<F>) {
        let operands = self.operands(node);
        let is_asked_for = matches!(kept, Kept::Only(tensors) if tensors.contains(&node.output));
        let clip = self.network.clip_of(node.output).filter(|_| !is_asked_for);
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

#[cfg(test)]
mod tests {
    use ndarray::IxDyn;

    use super::*;
    use crate::NetworkBuilder;
    use crate::methods::testing::{dense, random};
    use crate::operation::OperatorSpec;
    use crate::operations::{Relu, read};

    /// Two layers whose outputs are added, the first of them clipped, and a third that is no part of the sum.
    fn branched() -> Network<f64> {
        let add = read::<f64>(&OperatorSpec::new("Add", 2)).unwrap().operation;
        let mut network = NetworkBuilder::new();
        network.input("x", [None, Some(4)]);
        network.node("first", dense(3, 4, 1), ["x"], "z");
        network.node("relu", Arc::new(Relu), ["z"], "a");
        network.node("second", dense(3, 3, 2), ["a"], "b");
        network.node("third", dense(3, 3, 3), ["a"], "c");
        network.node("sum", add, ["a", "b"], "y").output("y").output("c");
        network.build().unwrap()
    }

    #[test]
    fn what_is_kept_is_what_was_asked_for() {
        let network = branched();
        let x = random::<IxDyn>(&[2, 4], 4);
        let all = network.forward(vec![x.clone()]).unwrap();
        let tensors = ["x", "z", "a", "b", "c", "y"].map(|name| network.find(name).unwrap());
        for &asked in &tensors {
            let some = network.forward_keeping(Kept::Only(&[asked]), vec![x.clone()], None).unwrap();
            for &tensor in &tensors {
                assert_eq!(some.has(tensor), tensor == asked || tensor == tensors[0]);
            }
            assert_eq!(some.value(asked), all.value(asked));
            // What is not there is computed once more.
            tensors.iter().for_each(|&tensor| assert_eq!(some.value(tensor), all.value(tensor)));
        }
    }
}
