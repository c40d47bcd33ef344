//! The range of the network's input, carried to the layer that takes it.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{ArrayD, ArrayViewD, Axis, Zip};

use crate::arrays::broadcast::without_repeats;
use crate::network::{Network, Node, TensorId};
use crate::operation::{Family, Numbers};
use crate::rules::{Bound, InputRange};
use crate::{Error, Real};

/// The smallest and the largest value of a tensor's numbers, for those of the network's input.
///
/// Each operation in between has to act on each number alone, as an affine map, or to move numbers: then each number of
/// the tensor comes from one number of the input, and its range is what becomes of the two bounds.
///
/// # Errors
/// [`Error::Setting`] when something else lies in between, or the range does not broadcast to the input.
pub(super) fn range_at<F: Real>(
    network: &Network<F>,
    tensor: TensorId,
    range: &InputRange,
) -> Result<InputRange, Error> {
    let shapes = &network.typical_shapes().ok_or_else(|| Error::Setting {
        what: "input range",
        given: range.arguments().join(","),
        reason: "the network's input has open axes, and no usual length fits them".into(),
    })?;
    let [low, high] = Ranges { network, shapes, range }.at(tensor)?;
    // An affine map of negative scale turns them over, and 0 into −0, which adding 0 undoes.
    let least = Zip::from(&low).and(&high).map_collect(|&low, &high| low.min(high).as_() + 0.0);
    let largest = Zip::from(&low).and(&high).map_collect(|&low, &high| low.max(high).as_() + 0.0);
    InputRange::new(plain(least), plain(largest))
}

/// The bounds without the axes that they don't vary along, in front.
fn plain(bounds: ArrayD<f64>) -> ArrayD<f64> {
    let mut bounds = without_repeats(bounds);
    while bounds.shape().first() == Some(&1) {
        bounds = bounds.index_axis_move(Axis(0), 0);
    }
    bounds
}

struct Ranges<'a, F: Real> {
    network: &'a Network<F>,
    shapes: &'a [Vec<usize>],
    range: &'a InputRange,
}

impl<F: Real> Ranges<'_, F> {
    /// What becomes of the smallest and of the largest values on the way to a tensor.
    fn at(&self, tensor: TensorId) -> Result<[ArrayD<F>; 2], Error> {
        let mut bounds: BTreeMap<TensorId, [ArrayD<F>; 2]> = BTreeMap::new();
        let needed = self.ancestors(tensor);
        let inputs = self.network.inputs().iter().map(|input| input.tensor);
        for input in inputs.filter(|input| needed.contains(input)) {
            bounds.insert(input, self.of_input(input)?);
        }
        for node in self.network.nodes().iter().filter(|node| needed.contains(&node.output)) {
            self.check(node)?;
            let through = |which: usize| {
                let operands = node.operands.iter().map(|operand| match bounds.get(operand) {
                    Some(bounds) => bounds[which].view(),
                    None => self.constant(*operand).unwrap_or_else(|| unreachable!("its ancestors come before a node")),
                });
                node.operation.forward(&operands.collect::<Vec<_>>())
            };
            let both = [through(0), through(1)];
            bounds.insert(node.output, both);
        }
        bounds.remove(&tensor).ok_or_else(|| self.refusal("the layer takes a constant".to_owned()))
    }

    /// The tensor, and all that it is computed from.
    fn ancestors(&self, tensor: TensorId) -> BTreeSet<TensorId> {
        let mut ancestors = BTreeSet::from([tensor]);
        for node in self.network.nodes().iter().rev() {
            if ancestors.contains(&node.output) {
                ancestors.extend(&node.operands);
            }
        }
        ancestors
    }

    fn constant(&self, tensor: TensorId) -> Option<ArrayViewD<'_, F>> {
        self.network.tensor(tensor).constant.as_ref().map(|value| value.view())
    }

    fn of_input(&self, tensor: TensorId) -> Result<[ArrayD<F>; 2], Error> {
        let shape = &self.shapes[tensor.index()];
        let bound = |bound: &Bound| bound.broadcast(shape).map_err(|reason| self.refusal(reason));
        Ok([bound(self.range.low())?, bound(self.range.high())?])
    }

    /// Checks that each number of a node's output comes from one number of an operand, and grows or falls with it evenly.
    fn check(&self, node: &Node<F>) -> Result<(), Error> {
        let constants: Vec<_> = node.operands.iter().map(|&operand| self.constant(operand)).collect();
        let rank = self.shapes[node.output.index()].len();
        // What only says which way numbers go may say another at each bound.
        let is_steered = constants
            .iter()
            .enumerate()
            .any(|(operand, constant)| constant.is_none() && node.operation.takes(operand) != Numbers::Real);
        let moves = node.operation.family() == Family::Arrangement && !is_steered;
        let keeps_apart =
            moves || node.operation.is_quantization() || node.operation.affine(&constants, rank).is_some();
        match keeps_apart {
            true => Ok(()),
            false => Err(self.refusal(format!(
                "{:?} ({}) lies between the network's input and the layer; give the range of what the layer itself \
                 takes, as in z-box=-1,1",
                node.name,
                node.operation.kind()
            ))),
        }
    }

    fn refusal(&self, reason: String) -> Error {
        Error::Setting { what: "input range", given: self.range.arguments().join(","), reason }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::array;

    use super::*;
    use crate::network::NetworkBuilder;
    use crate::operation::OperatorSpec;
    use crate::operations::read;

    /// The range of the last of these operations' output, as text.
    fn range(shape: &[Option<usize>], chain: &[OperatorSpec<f64>], range: &InputRange) -> Result<Vec<String>, Error> {
        let mut builder = NetworkBuilder::new();
        builder.input("x", shape.to_vec());
        builder.constant("c", array![[[0.5]], [[-0.25]]].into_dyn());
        let mut tensor = "x".to_owned();
        for (position, spec) in chain.iter().enumerate() {
            let output = format!("t{position}");
            let operands = [tensor, "c".to_owned()];
            builder.node(
                output.clone(),
                read(spec).unwrap().operation,
                operands[..spec.tensors().len()].to_vec(),
                output.clone(),
            );
            tensor = output;
        }
        let network = builder.output(tensor.clone()).clone().build()?;
        Ok(range_at(&network, network.find(&tensor)?, range)?.arguments())
    }

    fn one(kind: &str) -> OperatorSpec<f64> {
        OperatorSpec::new(kind, 1)
    }

    #[test]
    fn bounds_follow_scales_shifts_and_layout() {
        let unit = InputRange::of(0.0, 1.0).unwrap();
        let two = |kind: &str| OperatorSpec::new(kind, 2);
        let images = [None, Some(2), None, None];
        assert_eq!(range(&images, &[two("Sub")], &unit).unwrap(), ["[-0.5 0.25]", "[0.5 1.25]"]);
        // A negative scale turns the bounds over.
        assert_eq!(range(&images, &[two("Mul")], &unit).unwrap(), ["[0 -0.25]", "[0.5 0]"]);
        let padded = [one("Neg"), one("Pad").with_constant_integers([0, 0, 1, 0, 0, 0, 0, 0])];
        assert!(range(&images, &padded, &unit).is_ok());
        let last = InputRange::new(array![0.0, -1.0].into_dyn(), array![1.0, 2.0].into_dyn()).unwrap();
        let turned = [one("Transpose").with_integers("perm", [0, 3, 1, 2]), two("Add")];
        assert_eq!(range(&[None, None, None, Some(2)], &turned, &last).unwrap(), ["[0.5 -1.25]", "[1.5 1.75]"]);
    }

    #[test]
    fn what_mixes_numbers_in_between_is_named() {
        let unit = InputRange::of(0.0, 1.0).unwrap();
        let weights = Arc::new(ArrayD::ones(vec![1, 2, 1, 1]));
        let error = range(&[Some(1), Some(2), Some(3), Some(3)], &[one("Conv").with_constant(weights)], &unit);
        let message = error.unwrap_err().to_string();
        assert!(message.contains("\"t0\" (Conv)") && message.contains("z-box=-1,1"), "{message}");
        let misfit = InputRange::new(ArrayD::zeros(vec![5]), ArrayD::ones(vec![5])).unwrap();
        assert!(range(&[Some(1), Some(2), Some(3), Some(3)], &[one("Neg")], &misfit).is_err());
    }
}
