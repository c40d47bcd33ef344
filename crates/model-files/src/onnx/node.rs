//! Nodes and their attributes as a file has them.

use neural_lrp::operation::Attribute;

use crate::graph::Node;
use crate::messages::{self, AttributeValue};

/// The domains of ONNX's own operators.
pub(super) const OWN_DOMAINS: [&str; 2] = ["", "ai.onnx"];

/// A node as a file has it, without the graphs in its attributes.
pub(super) fn plain_node(message: &messages::Node<'_>) -> Node {
    let attribute = |attribute: &messages::Attribute<'_>| Some((attribute.name.clone(), value_of(&attribute.value)?));
    let outputs = message.outputs.clone();
    let name =
        if message.name.is_empty() { outputs.first().cloned().unwrap_or_default() } else { message.name.clone() };
    let kind = match message.domain.as_str() {
        domain if OWN_DOMAINS.contains(&domain) => message.kind.clone(),
        domain => format!("{domain}:{}", message.kind),
    };
    let attributes = message.attributes.iter().filter_map(attribute).collect();
    Node { name, kind, attributes, inputs: message.inputs.clone(), outputs, branches: None, body: None }
}

/// An attribute's value. Tensors are those of constants and graphs those of an If, which are read as such.
pub(super) fn value_of(value: &AttributeValue<'_>) -> Option<Attribute> {
    Some(match value {
        AttributeValue::Float(value) => Attribute::Real(f64::from(*value)),
        AttributeValue::Floats(values) => Attribute::Reals(values.iter().copied().map(f64::from).collect()),
        AttributeValue::Integer(value) => Attribute::Integer(*value),
        AttributeValue::Integers(values) => Attribute::Integers(values.clone()),
        AttributeValue::Text(text) => Attribute::Text(text.clone()),
        // Lists of words are names, of activations or classes, without commas.
        AttributeValue::Texts(texts) => Attribute::Text(texts.join(",")),
        AttributeValue::Tensor(_)
        | AttributeValue::Graph(_)
        | AttributeValue::OfFunction(_)
        | AttributeValue::Other => return None,
    })
}
