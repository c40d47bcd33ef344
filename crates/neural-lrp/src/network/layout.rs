//! Where the channels of each tensor lie.

use ndarray::{ArrayD, ArrayViewD, Axis};

use crate::Real;
use crate::network::{Network, Node, TensorId};
use crate::operation::{Family, Step, output_shape};

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

/// Axes of as many numbers show what an operation does to longer ones.
const SHORT: usize = 8;

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
                let probe = shortened(node, from, to).unwrap_or_else(|| from.to_vec());
                let (first, second) = (positions(&probe, axis, 0.0), positions(&probe, axis, 1.0));
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

/// Shorter lengths of an operand, for which each axis of the output is longer or shorter by as much as it is for the given
/// ones: what pads, cuts or turns around does there what it does here. `None` for what depends on lengths in another way.
fn shortened<F: Real>(node: &Node<F>, from: &[usize], to: &[usize]) -> Option<Vec<usize>> {
    let short: Vec<usize> = from.iter().map(|&length| length.min(SHORT)).collect();
    let output = output_shape(node.operation.as_ref(), &[&short]).ok()?;
    let is_alike = from.len() == to.len()
        && output.len() == to.len()
        && (0..to.len()).all(|axis| output[axis] + from[axis] == to[axis] + short[axis]);
    is_alike.then_some(short)
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
    let (first, second) = (first.as_standard_layout(), second.as_standard_layout());
    let (Some(numbers), Some(others)) = (first.as_slice(), second.as_slice()) else { return None };
    let mut axes = (0..first.ndim()).filter(|&axis| varies(numbers, others, &first.shape()[axis..]));
    axes.next().filter(|_| axes.next().is_none())
}

/// Whether any positions differ along an axis that has these lengths, its own the first of them.
fn varies<F: Real>(first: &[F], second: &[F], lengths: &[usize]) -> bool {
    let lanes = lengths.iter().skip(1).product::<usize>().max(1);
    let block = lanes * lengths.first().copied().unwrap_or(1).max(1);
    // The first position of each lane; none yet is not a number, which is no position.
    let mut heads = vec![F::nan(); lanes];
    first.chunks_exact(block).zip(second.chunks_exact(block)).any(|(first, second)| {
        heads.fill(F::nan());
        first.chunks_exact(lanes).zip(second.chunks_exact(lanes)).any(|(first, second)| {
            // Whole rows, without a way out of the midst, are compared many numbers at once.
            let mut differs = false;
            for ((head, &position), &other) in heads.iter_mut().zip(first).zip(second) {
                let (is_position, is_first) = (position != other, head.is_nan());
                differs |= is_position & !is_first & (*head != position);
                *head = if is_position & is_first { position } else { *head };
            }
            differs
        })
    })
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
    fn short_axes_stand_for_long_ones_only_where_they_go_the_same_way() {
        let pad = [one("Pad").with_constant_integers([0, 0, 1, 1, 0, 0, 2, -3])];
        let weights = Arc::new(ArrayD::ones(vec![12, 3, 1, 1]));
        let conv = one("Conv").with_constant(weights);
        let of = |chain: &[OperatorSpec<f64>]| axes(&[1, 3, 20, 12], &[std::slice::from_ref(&conv), chain].concat());
        assert_eq!(of(&pad)[2], Some(1));
        // Three axes that are equally long once they are short.
        assert_eq!(of(&[one("Transpose").with_integers("perm", [0, 2, 3, 1])])[2], Some(3));
        assert_eq!(of(&[one("Transpose").with_integers("perm", [0, 3, 2, 1])])[2], Some(3));
        // Twelve channels in twos: eight would be cut in the same way, but not to the same lengths.
        assert_eq!(of(&[one("Reshape").with_constant_integers([1, 6, 2, 240])])[2], None);
        assert_eq!(of(&[one("Reshape").with_constant_integers([1, 12, 12, 20])])[2], Some(1));
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
