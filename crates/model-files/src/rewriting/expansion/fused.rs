//! Layers that onnxruntime joins with what follows them, or moves the axis of channels of.

use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::{Expand, Parts};
use crate::Error;

const CONVOLUTION: &[&str] = &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];

pub(super) fn find<F: Real>(kind: &str) -> Option<Expand<F>> {
    Some(match kind {
        "com.microsoft:FusedConv" => |parts| convolution(parts, false),
        "com.microsoft:NhwcConv" | "com.microsoft:NhwcFusedConv" => |parts| convolution(parts, true),
        "com.microsoft:FusedGemm" => dense,
        "com.microsoft:FusedMatMul" | "com.microsoft:TransposeMatMul" => product,
        "com.microsoft:BiasSoftmax" => biased_softmax,
        "com.microsoft:NhwcMaxPool" => max_pool,
        kind if kind.starts_with("com.microsoft.nchwc:") => blocks,
        _ => return None,
    })
}

/// A convolution, the tensor that is added to it, and an activation.
fn convolution<F: Real>(parts: &mut Parts<'_, F>, is_channels_last: bool) -> Result<(), Error> {
    let image = parts.input(0)?.to_owned();
    let image = if is_channels_last { parts.channels_moved(&image, true, "channels in front") } else { image };
    let inputs: Vec<&str> = [image.as_str(), parts.input(1)?].into_iter().chain(parts.node.input(2)).collect();
    let mut result = parts.main("Conv", &inputs, CONVOLUTION);
    if is_channels_last {
        result = parts.channels_moved(&result, false, "channels last");
    }
    if let Some(added) = parts.node.input(3) {
        result = parts.step("Add", &[&result, added], "sum");
    }
    let parameters = parts.numbers("activation_params")?.to_vec();
    activate(parts, &result, &parameters)
}

fn dense<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let inputs: Vec<&str> = [parts.input(0)?, parts.input(1)?].into_iter().chain(parts.node.input(2)).collect();
    let result = parts.main("Gemm", &inputs, &["alpha", "beta", "transA", "transB"]);
    let names = ["activation_alpha", "activation_beta"].into_iter();
    let given = names.filter(|&name| parts.node.attributes.contains_key(name));
    let parameters = given.map(|name| parts.number(name, 0.0)).collect::<Result<Vec<f64>, Error>>()?;
    activate(parts, &result, &parameters)
}

/// The activation that a node names, with its parameters in ONNX's order; it gives the node's output.
fn activate<F: Real>(parts: &mut Parts<'_, F>, operand: &str, parameters: &[f64]) -> Result<(), Error> {
    let attributes: &[&str] = match parts.word("activation", "")? {
        "" => &[],
        "Clip" => {
            let bounds: Vec<String> =
                parameters.iter().zip(["least", "largest"]).map(|(&bound, name)| parts.scalar(bound, name)).collect();
            let inputs: Vec<&str> = [operand].into_iter().chain(bounds.iter().map(String::as_str)).collect();
            parts.step("Clip", &inputs, "clip");
            &[]
        }
        kind @ ("Relu" | "Sigmoid" | "Tanh" | "HardSwish" | "Gelu" | "Softplus" | "Softsign") => {
            parts.step(kind, &[operand], &kind.to_lowercase());
            &[]
        }
        kind @ ("LeakyRelu" | "Elu" | "HardSigmoid" | "ThresholdedRelu") => {
            parts.step(kind, &[operand], &kind.to_lowercase());
            &["alpha", "beta"]
        }
        other => return Err(parts.node.refuse(format!("no activation {other:?} is known here"))),
    };
    for (&name, &value) in attributes.iter().zip(parameters) {
        parts.set(name, Attribute::Real(value));
    }
    parts.gives(0);
    Ok(())
}

/// A product whose factors may be transposed, and which is scaled.
///
/// A factor that is known is transposed here; what is computed, when the number of its axes is known.
fn product<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let rank = |name: &str| match parts.known(name) {
        Some(Constant::Real(values)) => Some(values.ndim()),
        _ => None,
    };
    let has = |name: &str| parts.flag(name);
    let (left, right) = (parts.input(0)?, parts.input(1)?);
    let is_turned = has("transA")? || has("transBatchA")? || has("transBatchB")?;
    let result = match (is_turned, has("transB")?, rank(right)) {
        (false, false, _) => parts.main("MatMul", &[left, right], &[]),
        (false, true, Some(2)) => {
            let right = parts.transposed(right, "transposed");
            parts.main("MatMul", &[left, &right], &[])
        }
        _ => parts.main("FusedMatMul", &[left, right], &["transA", "transB", "transBatchA", "transBatchB"]),
    };
    let factor = parts.number("alpha", 1.0)?;
    if factor != 1.0 {
        let factor = parts.scalar(factor, "factor");
        parts.step("Mul", &[&result, &factor], "scaled");
    }
    parts.gives(0);
    Ok(())
}

/// BiasSoftmax: a sum, and its softmax.
fn biased_softmax<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let sum = parts.step("Add", &[parts.input(0)?, parts.input(1)?], "with bias");
    parts.main("Softmax", &[&sum], &["axis"]);
    if !parts.node.attributes.contains_key("axis") {
        parts.set("axis", Attribute::Integer(1));
    }
    parts.gives(0);
    Ok(())
}

/// Operators on channels in blocks.
fn blocks<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    Err(parts.node.refuse(
        "its channels lie in blocks as one kind of processor likes them; save the optimized network at the level \
         ORT_ENABLE_EXTENDED, which does without",
    ))
}

fn max_pool<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let image = parts.channels_moved(parts.input(0)?, true, "channels in front");
    let attributes = &["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides"];
    let result = parts.main("MaxPool", &[&image], attributes);
    parts.channels_moved(&result, false, "channels last");
    parts.gives(0);
    Ok(())
}
