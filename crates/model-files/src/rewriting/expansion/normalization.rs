//! Layer normalizations that onnxruntime joins with the sum before them.

use neural_lrp::Real;
use neural_lrp::operation::Attribute;

use super::{Expand, Parts};
use crate::Error;

pub(super) fn find<F: Real>(kind: &str) -> Option<Expand<F>> {
    Some(match kind {
        // onnxruntime gives it no domain of its own.
        "SimplifiedLayerNormalization" | "com.microsoft:SimplifiedLayerNormalization" => simplified,
        "com.microsoft:SkipLayerNormalization" => |parts| skip(parts, "LayerNormalization", 4),
        "com.microsoft:SkipSimplifiedLayerNormalization" => |parts| skip(parts, "RMSNormalization", 3),
        _ => return None,
    })
}

/// A layer normalization without a mean and a shift.
fn simplified<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    parts.main("RMSNormalization", &[parts.input(0)?, parts.input(1)?], &["axis", "epsilon", "stash_type"]);
    parts.gives(0);
    Ok(())
}

/// The sum of a residual and what is added to it, normalized; the sum itself is the fourth output.
///
/// A bias belongs to the layer whose product is one of the two: the layer is whole again.
fn skip<F: Real>(parts: &mut Parts<'_, F>, kind: &str, bias: usize) -> Result<(), Error> {
    let mut terms = [parts.input(0)?.to_owned(), parts.input(1)?.to_owned()];
    if let Some(bias) = parts.node.input(bias) {
        let of_a_layer = terms.iter().position(|term| {
            parts
                .givers
                .get(term)
                .is_some_and(|giver| matches!(giver.kind.as_str(), "MatMul" | "com.microsoft:FusedMatMul"))
        });
        let term = of_a_layer.unwrap_or_default();
        terms[term] = parts.step("Add", &[&terms[term], bias], "with bias");
    }
    let sum = parts.step("Add", &[&terms[0], &terms[1]], "sum");
    parts.gives(3);
    let sum = parts.node.outputs.get(3).filter(|name| !name.is_empty()).cloned().unwrap_or(sum);
    let shift = if kind == "LayerNormalization" { parts.node.input(3) } else { None };
    let inputs: Vec<&str> = [sum.as_str(), parts.input(2)?].into_iter().chain(shift).collect();
    parts.main(kind, &inputs, &[]);
    let epsilon = parts.number("epsilon", 1e-12)?;
    parts.set("epsilon", Attribute::Real(epsilon));
    parts.set("axis", Attribute::Integer(-1));
    parts.gives(0);
    Ok(())
}
