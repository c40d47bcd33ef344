//! The forms of GELU that onnxruntime writes.

use neural_lrp::Real;
use neural_lrp::operation::Attribute;

use super::{Expand, Parts};
use crate::Error;

pub(super) fn find<F: Real>(kind: &str) -> Option<Expand<F>> {
    Some(match kind {
        "com.microsoft:Gelu" => |parts| gelu(parts, "none"),
        "com.microsoft:BiasGelu" => |parts| gelu(parts, "none"),
        "com.microsoft:FastGelu" => |parts| gelu(parts, "tanh"),
        "com.microsoft:QuickGelu" => quick_gelu,
        "com.microsoft:BiasSplitGelu" => split_gelu,
        _ => return None,
    })
}

/// The operand, with the bias where there is one.
fn biased<F: Real>(parts: &mut Parts<'_, F>) -> Result<String, Error> {
    let operand = parts.input(0)?;
    Ok(match parts.node.input(1) {
        Some(bias) => parts.step("Add", &[operand, bias], "with bias"),
        None => operand.to_owned(),
    })
}

fn gelu<F: Real>(parts: &mut Parts<'_, F>, approximate: &str) -> Result<(), Error> {
    let operand = biased(parts)?;
    parts.main("Gelu", &[&operand], &[]);
    parts.set("approximate", Attribute::Text(approximate.to_owned()));
    parts.gives(0);
    Ok(())
}

/// QuickGelu: `x · σ(αx)`.
fn quick_gelu<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let slope = parts.number("alpha", 1.702)?;
    parts.main("Silu", &[parts.input(0)?], &[]);
    parts.set("alpha", Attribute::Real(slope));
    parts.gives(0);
    Ok(())
}

/// BiasSplitGelu: of a biased tensor's two halves along the last axis, the first by the GELU of the second.
fn split_gelu<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let operand = biased(parts)?;
    let halves = ["value", "gate"].map(|meaning| parts.fresh(meaning));
    parts.step_with("Split", &[&operand], "halves", [("axis", Attribute::Integer(-1))]);
    parts.set("num_outputs", Attribute::Integer(2));
    if let Some(split) = parts.nodes.last_mut() {
        split.outputs = halves.to_vec();
    }
    let gate = parts.step("Gelu", &[&halves[1]], "gelu");
    parts.main("Mul", &[&halves[0], &gate], &[]);
    parts.gives(0);
    Ok(())
}
