//! The names of tensors inside and outside of graphs and functions.

use std::collections::BTreeMap;

use neural_lrp::operation::Attribute;

use crate::graph::Node;
use crate::messages::{self, AttributeValue};

/// The names of a graph's tensors; those inside of a graph in an attribute, or of a function, are told from those outside.
#[derive(Default)]
pub(super) struct Names<'n> {
    pub(super) inside: BTreeMap<&'n str, String>,
    /// The graph around it.
    pub(super) outside: Option<&'n Names<'n>>,
    /// Those of a function's node, which the nodes inside may refer to.
    pub(super) attributes: BTreeMap<String, Attribute>,
    /// How many functions it stands in.
    pub(super) depth: usize,
    /// The node that the innermost of them stands for.
    pub(super) caller: String,
}

impl<'n> Names<'n> {
    pub(super) fn of(&self, name: &str) -> String {
        match (self.inside.get(name), self.outside) {
            (Some(name), _) => name.clone(),
            (None, Some(outside)) => outside.of(name),
            (None, None) => name.to_owned(),
        }
    }

    /// Names what nodes compute: an output as it is called outside, all else within its own graph.
    pub(super) fn name_inside<'o>(
        &mut self,
        nodes: &'n [messages::Node<'n>],
        outputs: impl Iterator<Item = (&'n str, &'o String)>,
        within: &str,
    ) {
        let computed = nodes.iter().filter(|node| node.kind != "Constant").flat_map(|node| &node.outputs);
        for (output, name) in outputs {
            if !name.is_empty() && computed.clone().any(|computed| *computed == output) {
                self.inside.entry(output).or_insert_with(|| name.clone());
            }
        }
        for name in nodes.iter().flat_map(|node| node.outputs.iter()).filter(|name| !name.is_empty()) {
            self.inside.entry(name.as_str()).or_insert_with(|| format!("{within}.{name}"));
        }
    }

    /// A node for each output that is called otherwise inside.
    pub(super) fn handed_on<'o>(&self, outputs: impl Iterator<Item = (&'n str, &'o String)>) -> Vec<Node> {
        let called = outputs.filter(|(_, name)| !name.is_empty()).map(|(output, name)| (self.of(output), name));
        let other = called.filter(|(source, name)| source != *name);
        other.map(|(source, name)| Node::new(name, "Identity", &[&source], name)).collect()
    }

    /// The attributes of a node that are those of the function around it, as far as that has them.
    pub(super) fn given_attributes(&self, message: &messages::Node<'_>) -> Vec<(String, Attribute)> {
        let given = |attribute: &messages::Attribute<'_>| match &attribute.value {
            AttributeValue::OfFunction(name) => Some((attribute.name.clone(), self.attribute(name)?.clone())),
            _ => None,
        };
        message.attributes.iter().filter_map(given).collect()
    }

    pub(super) fn gives_attributes(&self, message: &messages::Node<'_>) -> bool {
        !self.given_attributes(message).is_empty()
    }

    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.get(name).or_else(|| self.outside.and_then(|outside| outside.attribute(name)))
    }
}
