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
    /// Affine maps by channel, batch normalizations or however they are written, become part of the layer with weights
    /// that they are directly behind, if it feeds nothing else: `w' = scale · w`, `b' = scale · b + shift`. Elsewhere each
    /// chain of them becomes one operation, [`Affine`](crate::operations::Affine).
    AffineMaps,
}

impl Canonizer {
    /// All of them, in the order that they should be used in.
    pub const ALL: [Self; 3] = [Self::Identities, Self::Constants, Self::AffineMaps];
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
                Canonizer::AffineMaps => builder = affine_maps::join(&builder.build()?),
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
