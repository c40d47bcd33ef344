//! Where the channels of each tensor lie.

use ndarray::{ArrayD, ArrayViewD, Axis};

use crate::Real;
use crate::network::{Network, Node, TensorId};
use crate::operation::{Family, Step};

impl<F: Real> Network<F> {
    /// The axis along which the channels of each tensor lie, as far as its takers and its source tell, by tensor.
    ///
    /// Convolutions, pools and dense layers know the axis of theirs. From there it is followed both ways, through what
    /// acts on each number alone and through what moves numbers. `shapes` are those of all tensors, from
    /// [`shapes`](Self::shapes).
    pub fn channel_axes(&self, shapes: &[Vec<usize>]) -> Vec<Option<usize>> {
        let mut layout = Layout { network: self, shapes, axes: vec![None; self.tensors().len()] };
        layout.follow_forward();
        layout.follow_back();
        layout.follow_forward();
        layout.axes
    }
}

/// Tensors of more numbers are not followed through what moves numbers: that takes an array of their size.
pub(super) const LARGEST_PROBE: usize = 1 << 24;

struct Layout<'a, F: Real> {
    network: &'a Network<F>,
    shapes: &'a [Vec<usize>],
    axes: Vec<Option<usize>>,
}

impl<F: Real> Layout<'_, F> {
    fn follow_forward(&mut self) {
        for node in self.network.nodes() {
            if self.axes[node.output.index()].is_none() {
                self.axes[node.output.index()] = self.of_output(node);
            }
        }
    }

    fn follow_back(&mut self) {
        for node in self.network.nodes().iter().rev() {
            for position in 0..node.operands.len() {
                let operand = node.operands[position];
                if self.axes[operand.index()].is_none() {
                    self.axes[operand.index()] = self.of_operand(node, position);
                }
            }
        }
    }

    fn shape(&self, tensor: TensorId) -> &[usize] {
        &self.shapes[tensor.index()]
    }

    fn of_output(&self, node: &Node<F>) -> Option<usize> {
        let output = self.shape(node.output);
        let own = node.operation.channel_axis(output.len());
        own.or_else(|| node.operands.iter().find_map(|&operand| self.through(node, operand)))
    }

    /// The axis of the output that an operand's channels come to lie along.
    fn through(&self, node: &Node<F>, operand: TensorId) -> Option<usize> {
        let axis = self.axes[operand.index()]?;
        let (from, to) = (self.shape(operand), self.shape(node.output));
        match node.operation.family() {
            Family::Linear | Family::Bilinear => None,
            Family::Arrangement | Family::Sum if is_large(from) || is_large(to) => None,
            Family::Arrangement | Family::Sum if node.operands.len() == 1 => {
                let run = |probe: &ArrayD<F>| node.operation.forward(&[probe.view()]);
                let (first, second) = (positions(from, axis, 0.0), positions(from, axis, 1.0));
                only_varying_axis(&run(&first), &run(&second))
            }
            // Operands broadcast from their last axis on.
            _ => (axis + to.len()).checked_sub(from.len()).filter(|&at| to[at] == from[axis]),
        }
    }

    /// The axis of an operand that the output's channels come from.
    fn of_operand(&self, node: &Node<F>, position: usize) -> Option<usize> {
        let (from, to) = (self.shape(node.operands[position]), self.shape(node.output));
        if let Some(axis) = node.operation.operand_channel_axis(from.len()) {
            return Some(axis);
        }
        let axis = self.axes[node.output.index()]?;
        match node.operation.family() {
            Family::Linear | Family::Bilinear => None,
            Family::Arrangement if is_large(from) || is_large(to) => None,
            Family::Arrangement if node.operands.len() == 1 => {
                let operand = ArrayD::zeros(from);
                let output = ArrayD::zeros(to);
                let step = Step { operands: vec![operand.view()], output: output.view() };
                let run = |probe: ArrayViewD<'_, F>| node.operation.gradient(&step, probe).swap_remove(0);
                only_varying_axis(&run(positions(to, axis, 0.0).view()), &run(positions(to, axis, 1.0).view()))
            }
            _ => (axis + from.len()).checked_sub(to.len()).filter(|&at| from[at] == to[axis]),
        }
    }
}

fn is_large(shape: &[usize]) -> bool {
    shape.iter().product::<usize>() > LARGEST_PROBE
}

/// An array that holds each number's position along `axis`, added to `offset`.
pub(super) fn positions<F: Real>(shape: &[usize], axis: usize, offset: f64) -> ArrayD<F> {
    let mut array = ArrayD::zeros(shape);
    for (position, mut values) in array.axis_iter_mut(Axis(axis)).enumerate() {
        values.fill(F::of(position as f64 + offset));
    }
    array
}

/// The only axis along which an array of positions varies; the second array, of other positions, tells what is no
/// position at all, as padding is not.
fn only_varying_axis<F: Real>(first: &ArrayD<F>, second: &ArrayD<F>) -> Option<usize> {
    let varies = |axis: &usize| {
        let lanes = first.lanes(Axis(*axis)).into_iter().zip(second.lanes(Axis(*axis)));
        lanes.into_iter().any(|(first, second)| {
            let mut positions = first.iter().zip(&second).filter(|(first, second)| first != second).map(|(p, _)| *p);
            positions.next().is_some_and(|head| positions.any(|position| position != head))
        })
    };
    let mut axes = (0..first.ndim()).filter(varies);
    axes.next().filter(|_| axes.next().is_none())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::Array2;

    use super::*;
    use crate::network::NetworkBuilder;
    use crate::operation::{Operation, OperatorSpec};
    use crate::operations::{Dense, read};

    /// The axes of all tensors of a chain of operations on `x`.
    fn axes(shape: &[usize], chain: &[OperatorSpec<f64>]) -> Vec<Option<usize>> {
        let mut builder = NetworkBuilder::new();
        builder.input("x", shape.iter().copied().map(Some).collect::<Vec<_>>());
        let mut tensor = "x".to_owned();
        for (position, spec) in chain.iter().enumerate() {
            let output = format!("t{position}");
            builder.node(output.clone(), read(spec).unwrap().operation, [tensor], output.clone());
            tensor = output;
        }
        builder.output(tensor);
        let network = builder.build().unwrap();
        let shapes = network.shapes(&[shape]).unwrap();
        network.channel_axes(&shapes)
    }

    fn one(kind: &str) -> OperatorSpec<f64> {
        OperatorSpec::new(kind, 1)
    }

    #[test]
    fn channels_are_followed_to_the_input_and_to_the_output() {
        let weights = Arc::new(ArrayD::ones(vec![4, 3, 1, 1]));
        let chain = [
            one("Relu"),
            one("Transpose").with_integers("perm", [0, 3, 1, 2]),
            one("Conv").with_constant(weights),
            one("Pad").with_constant_integers([0, 0, 1, 1, 0, 0, 0, 0]),
            one("Reshape").with_constant_integers([2, 4, -1]),
            one("Transpose").with_integers("perm", [0, 2, 1]),
            one("ReduceMean").with_constant_integers([1]).with_integer("keepdims", 0),
        ];
        let expected = [Some(3), Some(3), Some(1), Some(1), Some(1), Some(1), Some(2), Some(1)];
        assert_eq!(axes(&[2, 5, 6, 3], &chain), expected);
    }

    #[test]
    fn channels_that_are_cut_apart_lie_along_no_axis() {
        let dense = Dense::new(Array2::ones((6, 4)), None).unwrap();
        let chain = [
            Operation::to_spec(&dense),
            one("Reshape").with_constant_integers([2, 3, 2, 3]),
            one("Transpose").with_integers("perm", [0, 2, 1, 3]),
        ];
        assert_eq!(axes(&[2, 3, 4], &chain), [Some(2), Some(2), None, None]);
    }
}
