//! Canonizers: the same function as a network that rules apply to directly.
//!
//! None of them changes what the network computes, beyond rounding. Each says at the node what became part of it
//! ([`Node::folded`](crate::Node::folded)).

use std::collections::HashMap;
use std::sync::Arc;

use crate::network::{Network, NetworkBuilder, NodeDraft};
use crate::operation::{Family, Operation};
use crate::{Error, Real};

/// A rewriting of the network that leaves its function as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canonizer {
    /// Dropout and identities are taken out.
    Identities,
    /// What depends on constants only is computed once.
    Constants,
    /// A batch normalization directly behind a layer with weights that feeds nothing else becomes part of the layer:
    /// `w' = w g / √(var + ε)`, `b' = (b − mean) g / √(var + ε) + β`.
    BatchNormalizations,
}

impl Canonizer {
    /// All of them, in the order that they should be used in.
    pub const ALL: [Self; 3] = [Self::Identities, Self::Constants, Self::BatchNormalizations];
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
                Canonizer::BatchNormalizations => fold_batch_normalizations(&mut builder),
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
        let drop = node.operation.kind() == "Identity" && node.operands.len() == 1 && !outputs.contains(&node.output);
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

fn fold_batch_normalizations<F: Real>(builder: &mut NetworkBuilder<F>) {
    let mut position = 0;
    while position < builder.nodes.len() {
        match folded_into_producer(builder, position) {
            Some((producer, operation)) => {
                let normalization = builder.nodes.remove(position);
                // Removing a node moves those behind it.
                let producer = if producer > position { producer - 1 } else { producer };
                let draft = &mut builder.nodes[producer];
                draft.operation = operation;
                draft.output = normalization.output;
                draft.folded.push(format!("{} ({}) folded in", normalization.name, normalization.operation.kind()));
            }
            None => position += 1,
        }
    }
}

/// For a batch normalization that can be folded: the layer's place, and the layer with the normalization in it.
fn folded_into_producer<F: Real>(
    builder: &NetworkBuilder<F>,
    position: usize,
) -> Option<(usize, Arc<dyn Operation<F>>)> {
    let normalization = &builder.nodes[position];
    let (scale, shift) = normalization.operation.channel_affine()?;
    let operand = normalization.operands.first()?;
    let producer = builder.nodes.iter().position(|node| node.output == *operand)?;
    let layer = &builder.nodes[producer];
    if layer.operation.family() != Family::Linear || uses(builder, operand) != 1 {
        return None;
    }
    Some((producer, layer.operation.followed_by(&scale, &shift)?))
}

fn uses<F: Real>(builder: &NetworkBuilder<F>, tensor: &str) -> usize {
    let taken = |node: &NodeDraft<F>| node.operands.iter().filter(|operand| *operand == tensor).count();
    builder.nodes.iter().map(taken).sum::<usize>() + builder.outputs.iter().filter(|output| *output == tensor).count()
}
