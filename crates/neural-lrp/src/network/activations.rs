//! The forward pass, and what it leaves for any number of backward ones.

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, Dimension};

use crate::arrays::order::Order;
use crate::network::{Direction, Network, Node, Stopwatch, TensorId};
use crate::operation::Step;
use crate::{Error, Real};

/// All tensors of one forward pass: the source of any number of explanations.
#[derive(Clone, Debug)]
pub struct Activations<F: Real> {
    network: Network<F>,
    values: Vec<Arc<ArrayD<F>>>,
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
        let nothing = Arc::new(ArrayD::zeros(vec![0]));
        let constant = |tensor: &crate::network::Tensor<F>| {
            tensor.constant.as_ref().map_or_else(|| Arc::clone(&nothing), Arc::clone)
        };
        let mut values: Vec<Arc<ArrayD<F>>> = self.tensors().iter().map(constant).collect();
        for (input, value) in self.inputs().iter().zip(inputs) {
            check_finite(&self.tensor(input.tensor).name, &value)?;
            values[input.tensor.index()] = Arc::new(Order::kept(value));
        }
        for (position, node) in self.nodes().iter().enumerate() {
            let operands: Vec<ArrayViewD<'_, F>> =
                node.operands.iter().map(|operand| values[operand.index()].view()).collect();
            let step = || node.forward(&operands);
            let output = Stopwatch::run(stopwatch.as_deref(), position, Direction::Forward, step);
            values[node.output.index()] = Arc::new(output);
        }
        Ok(Activations { network: self.clone(), values, stopwatch })
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

    /// The value of a tensor. Its numbers may lie in memory channel by channel or position by position.
    pub fn value(&self, tensor: TensorId) -> ArrayViewD<'_, F> {
        self.values[tensor.index()].view()
    }

    /// The network's first output.
    pub fn output(&self) -> ArrayViewD<'_, F> {
        self.value(self.network.outputs()[0])
    }

    /// One node's operands and output.
    pub fn step(&self, node: &Node<F>) -> Step<'_, F> {
        Step {
            operands: node.operands.iter().map(|&operand| self.value(operand)).collect(),
            output: self.value(node.output),
        }
    }
}
