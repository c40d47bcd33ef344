//! Products of integers that are scaled back to real numbers at once, as onnxruntime writes dynamic quantization.

use std::collections::BTreeMap;

use crate::graph::Node;

/// Writes `Mul(Cast(MatMulInteger(a, b)), Mul(s, t))` as MatMulIntegerToFloat, and ConvInteger likewise, where s and t are the
/// scales of a and b. What nobody takes any more stays.
///
/// One by one, the product of the two scales would be a factor that the network computes, and get relevance.
pub(super) fn join_scales(nodes: &mut [Node]) {
    let givers: BTreeMap<&str, &Node> =
        nodes.iter().flat_map(|node| node.given_outputs().map(move |output| (output, node))).collect();
    let found = |node: &Node| scaled_product(node, &givers);
    let joined: Vec<Option<Node>> = nodes.iter().map(found).collect();
    for (node, joined) in nodes.iter_mut().zip(joined) {
        if let Some(joined) = joined {
            *node = joined;
        }
    }
}

fn scaled_product(node: &Node, givers: &BTreeMap<&str, &Node>) -> Option<Node> {
    let giver = |tensor: &str, kind: &str| givers.get(tensor).copied().filter(|node| node.kind == kind);
    let (first, second) = (node.input(0)?, node.input(1)?);
    let of = |product: &str, scale: &str| Some((giver(product, "Cast")?, giver(scale, "Mul")?));
    let (cast, scales) =
        Some(node).filter(|node| node.kind == "Mul").and_then(|_| of(first, second).or_else(|| of(second, first)))?;
    let product = givers.get(cast.input(0)?)?;
    let kind = match product.kind.as_str() {
        "MatMulInteger" => "com.microsoft:MatMulIntegerToFloat",
        "ConvInteger" => "ConvIntegerToFloat",
        _ => return None,
    };
    let (left, right) = (product.input(0)?, product.input(1)?);
    let of_left = scale_of(givers.get(left)?)?;
    let of_right = match (scales.input(0)?, scales.input(1)?) {
        (scale, other) | (other, scale) if scale == of_left => other,
        _ => return None,
    };
    // Of what is computed the scale is known; else it is that of stored weights.
    let fits = match givers.get(right).map(|giver| scale_of(giver)) {
        Some(known) => known == Some(of_right),
        None => !givers.contains_key(of_right),
    };
    fits.then(|| Node {
        name: product.name.clone(),
        kind: kind.to_owned(),
        attributes: product.attributes.clone(),
        inputs: [left, right, of_left, of_right]
            .into_iter()
            .chain([2, 3].map(|zero| product.input(zero).unwrap_or_default()))
            .map(str::to_owned)
            .collect(),
        outputs: node.outputs.clone(),
        branches: None,
        body: None,
    })
}

/// The scale of the grid on which a node puts its first output.
fn scale_of(node: &Node) -> Option<&str> {
    match node.kind.as_str() {
        "DynamicQuantizeLinear" => node.outputs.get(1).map(String::as_str),
        "QuantizeLinear" => node.input(1),
        _ => None,
    }
}

/// The numbers that span a grid, and its scale, by the tensor on it.
pub(super) fn grids(nodes: &[Node]) -> BTreeMap<String, [String; 2]> {
    let dynamic = nodes.iter().filter(|node| node.kind == "DynamicQuantizeLinear");
    let grid =
        |node: &Node| Some((node.output().to_owned(), [node.input(0)?.to_owned(), node.outputs.get(1)?.clone()]));
    dynamic.filter_map(grid).collect()
}
