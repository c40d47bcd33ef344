//! MeanVarianceNormalization.

use neural_lrp::operation::Attribute;

use crate::graph::Node;
use crate::patterns::AXES;

/// `(x − μ) / (σ + 10⁻⁹)` is a layer normalization over any axes, whose ε is inside of the root.
pub(super) fn rewrite(mut node: Node) -> Node {
    node.kind = "LayerNormalization".to_owned();
    node.attributes.entry(AXES.to_owned()).or_insert(Attribute::Integers(vec![0, 2, 3]));
    node.with("epsilon", Attribute::Real(1e-18))
}
