//! Canonizers: the same function as a network that rules apply to directly.
//!
//! None of them changes what the network computes, beyond rounding. Each says at the node what became part of it
//! ([`Node::folded`](crate::Node::folded)).

use std::collections::HashMap;
use std::sync::Arc;

use crate::network::{Network, NetworkBuilder, affine_maps};
use crate::{Error, Real};

/// A rewriting of the network that leaves its function as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canonizer {
    /// Dropout and identities are taken out.
    Identities,
    /// What depends on constants only is computed once.
    Constants,
    /// A product with a matrix that is known becomes a layer with weights, on whichever side the matrix stands.
    Products,
    /// Affine maps by channel, batch normalizations or however they are written, become part of the layer with weights
    /// that they are directly behind, rearranged or not, if it feeds nothing else: `w' = scale · w`,
    /// `b' = scale · b + shift`. A scale alone stays: relevance passes it. Elsewhere each chain of them becomes one
    /// operation, [`Affine`](crate::operations::Affine).
    AffineMaps,
}

impl Canonizer {
    /// All of them, in the order that they should be used in.
    pub const ALL: [Self; 4] = [Self::Identities, Self::Constants, Self::Products, Self::AffineMaps];
}

impl<F: Real> Network<F> {
    /// The network, rewritten by the canonizers one after another.
    ///
    /// # Errors
    /// [`Error::Graph`] if a rewritten network were none; [`Error::Node`] when a constant node can't be computed.
    pub fn canonize(&self, canonizers: &[Canonizer]) -> Result<Self, Error> {
        let mut builder = self.to_builder();
        for canonizer in canonizers {
            match canonizer {
                Canonizer::Identities => drop_identities(&mut builder),
                Canonizer::Constants => fold_constants(&mut builder)?,
                Canonizer::Products => join_weights(&mut builder)?,
                Canonizer::AffineMaps => builder = affine_maps::join(&builder.build()?)?,
            }
            // Rebuilding sorts the nodes and drops constants that nobody takes any more.
            builder = builder.build()?.to_builder();
        }
        builder.build()
    }
}

/// Takers of an identity's output take its input instead; identities that give an output of the network stay.
fn drop_identities<F: Real>(builder: &mut NetworkBuilder<F>) {
    let outputs = builder.outputs.clone();
    let mut sources: HashMap<String, String> = HashMap::new();
    builder.nodes.retain(|node| {
        let drop = node.operation.is_identity() && node.operands.len() == 1 && !outputs.contains(&node.output);
        if drop {
            sources.insert(node.output.clone(), node.operands[0].clone());
        }
        !drop
    });
    for operand in builder.nodes.iter_mut().flat_map(|node| &mut node.operands) {
        while let Some(source) = sources.get(operand) {
            operand.clone_from(source);
        }
    }
}

fn fold_constants<F: Real>(builder: &mut NetworkBuilder<F>) -> Result<(), Error> {
    let network = builder.clone().build()?;
    let mut known: HashMap<String, Arc<ndarray::ArrayD<F>>> = builder.constants.iter().cloned().collect();
    for node in network.nodes() {
        let names: Vec<&String> = node.operands.iter().map(|&operand| &network.tensor(operand).name).collect();
        let Some(values) = names.iter().map(|name| known.get(*name).cloned()).collect::<Option<Vec<_>>>() else {
            continue;
        };
        let shapes: Vec<&[usize]> = values.iter().map(|value| value.shape()).collect();
        node.operation.output_shape(&shapes).map_err(|error| error.at(&node.name, node.operation.kind()))?;
        let views: Vec<_> = values.iter().map(|value| value.view()).collect();
        let value = Arc::new(node.operation.forward(&views));
        let name = network.tensor(node.output).name.clone();
        builder.nodes.retain(|draft| draft.output != name);
        builder.constant(name.clone(), Arc::clone(&value));
        known.insert(name, value);
    }
    Ok(())
}

/// Makes layers of the operations that are some for their constant operands.
fn join_weights<F: Real>(builder: &mut NetworkBuilder<F>) -> Result<(), Error> {
    let network = builder.clone().build()?;
    let Some(shapes) = network.typical_shapes() else { return Ok(()) };
    for node in network.nodes() {
        let constants: Vec<_> = node.operands.iter().map(|&operand| network.tensor(operand).constant.clone()).collect();
        let mut computed = node.operands.iter().zip(&constants).filter(|(_, constant)| constant.is_none());
        let (Some((&operand, _)), None) = (computed.next(), computed.next()) else { continue };
        let ranks: Vec<usize> = node.operands.iter().map(|operand| shapes[operand.index()].len()).collect();
        let Some(layer) = node.operation.with_weights(&constants, &ranks).filter(|_| constants.len() > 1) else {
            continue;
        };
        let output = &network.tensor(node.output).name;
        for draft in builder.nodes.iter_mut().filter(|draft| draft.output == *output) {
            draft.operation = Arc::clone(&layer);
            draft.operands = vec![network.tensor(operand).name.clone()];
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;
    use crate::explain::{Composite, Explainer, Initial};
    use crate::operation::OperatorSpec;
    use crate::operations::read;
    use crate::operations::testing::{assert_close, numbers};

    /// `W x` or `x W` with a bias, by MatMul and Add.
    fn product(shape: &[usize], weights: ArrayD<f64>, bias: ArrayD<f64>, weights_first: bool) -> Network<f64> {
        let mut builder = NetworkBuilder::new();
        builder.input("x", shape.iter().copied().map(Some).collect::<Vec<_>>()).output("y");
        builder.constant("w", weights).constant("b", bias);
        let operands = if weights_first { ["w", "x"] } else { ["x", "w"] };
        builder.node("product", read(&OperatorSpec::new("MatMul", 2)).unwrap().operation, operands, "p");
        builder.node("sum", read(&OperatorSpec::new("Add", 2)).unwrap().operation, ["p", "b"], "y");
        builder.build().unwrap()
    }

    #[test]
    fn a_product_with_a_known_matrix_is_a_layer_on_either_side() {
        let (x, w, b) = (numbers(&[1, 3, 4], 1), numbers(&[5, 3], 2), numbers(&[5, 1], 3));
        let first = product(&[1, 3, 4], w.clone(), b.clone(), true).canonize(&Canonizer::ALL).unwrap();
        assert_eq!(first.nodes().len(), 1);
        let turned = x.clone().permuted_axes(vec![0, 2, 1]).as_standard_layout().into_owned();
        let right = w.t().as_standard_layout().into_owned();
        let bias = b.into_shape_with_order(vec![5]).unwrap();
        let second = product(&[1, 4, 3], right, bias, false);
        let map = |network: &Network<f64>, x: &ArrayD<f64>| {
            let explainer = Explainer::new(network).unwrap();
            let forward = explainer.forward(x.view()).unwrap();
            let initial = Initial::Array(forward.scores());
            forward
                .explain(&Composite::uniform("z-plus".parse().unwrap()), &initial.into())
                .unwrap()
                .relevance
                .remove(0)
        };
        let back = map(&second, &turned).permuted_axes(vec![0, 2, 1]);
        assert_close(map(&first, &x).view(), back.view(), "both sides");
    }

    #[test]
    fn batches_of_known_matrices_are_weights_too() {
        let network = product(&[2, 3, 4, 5], numbers(&[3, 5, 2], 4), numbers(&[2], 5), false);
        let canonized = network.canonize(&Canonizer::ALL).unwrap();
        assert_eq!((canonized.nodes().len(), canonized.nodes()[0].operation.linear().is_some()), (1, true));
        let x = numbers(&[2, 3, 4, 5], 6);
        let outputs =
            [&network, &canonized].map(|network| network.forward(vec![x.clone()]).unwrap().output().to_owned());
        assert_close(outputs[0].view(), outputs[1].view(), "batches");
        // A vector is no matrix.
        let vector = product(&[5], numbers(&[3, 5], 7), numbers(&[3], 8), true).canonize(&Canonizer::ALL).unwrap();
        assert_eq!(vector.nodes().len(), 2);
    }
}
