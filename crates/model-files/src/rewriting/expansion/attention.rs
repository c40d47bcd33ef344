//! Attention as onnxruntime joins it: the layers of queries, keys and values before ONNX's own Attention.

use ndarray::{ArrayD, Axis, Slice};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::{Expand, Parts};
use crate::Error;

pub(super) fn find<F: Real>(kind: &str) -> Option<Expand<F>> {
    Some(match kind {
        "com.microsoft:Attention" => attention,
        "com.microsoft:QAttention" => quantized,
        "com.microsoft:MultiHeadAttention" => by_heads,
        _ => return None,
    })
}

const PADDING: &str = "it takes a mask of padded tokens; images have none: export the network without it";
const CACHE: &str = "it takes what earlier tokens left; export the network without caches";

/// Attention: one layer with the weights of queries, keys and values side by side.
fn attention<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    refuse_inputs(parts, &[(3, PADDING), (4, CACHE), (6, CACHE)])?;
    let (input, weights) = (parts.input(0)?.to_owned(), parts.input(1)?.to_owned());
    of_layers(parts, &input, &weights, 5)
}

/// QAttention: the same, of a quantized input and quantized weights.
fn quantized<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    refuse_inputs(parts, &[(5, PADDING), (8, CACHE)])?;
    let input = parts.back_by(0, [3, 6], 1)?;
    let weights = parts.back_by(1, [4, 7], 1)?;
    of_layers(parts, &input, &weights, usize::MAX)
}

fn refuse_inputs<F: Real>(parts: &Parts<'_, F>, refused: &[(usize, &str)]) -> Result<(), Error> {
    match refused.iter().find(|(position, _)| parts.node.input(*position).is_some()) {
        Some((_, reason)) => Err(parts.node.refuse(*reason)),
        None if parts.flag("do_rotary")? => {
            Err(parts.node.refuse("it turns queries and keys, which is not known here"))
        }
        None => Ok(()),
    }
}

/// Attention behind the layer that `weights` are, with the bias that is input 2.
fn of_layers<F: Real>(parts: &mut Parts<'_, F>, input: &str, weights: &str, bias: usize) -> Result<(), Error> {
    let width = match parts.known(parts.input(1)?) {
        Some(Constant::Real(weights)) => weights.shape().last().copied(),
        Some(Constant::Integer(weights)) => weights.shape().last().copied(),
        None => None,
    };
    let width = width.ok_or_else(|| parts.node.refuse("its weights should be constant"))? as i64;
    let lengths = match parts.node.integers("qkv_hidden_sizes")? {
        Some(&[query, key, value]) => [query, key, value],
        Some(other) => {
            return Err(parts.node.refuse(format!("its qkv_hidden_sizes are {other:?}, and should be three")));
        }
        None => [width / 3; 3],
    };
    let mut joined = parts.step("MatMul", &[input, weights], "layer");
    if let Some(bias) = parts.node.input(2) {
        joined = parts.step("Add", &[&joined, bias], "with bias");
    }
    let lengths = parts.integers(lengths, "lengths");
    let pieces = ["queries", "keys", "values"].map(|meaning| parts.fresh(meaning));
    parts.step_with("Split", &[&joined, &lengths], "pieces", [("axis", Attribute::Integer(-1))]);
    if let Some(split) = parts.nodes.last_mut() {
        split.outputs = pieces.to_vec();
    }
    attend(parts, &pieces, parts.node.input(bias))
}

/// MultiHeadAttention: of queries, keys and values that layers before it gave, packed or not.
fn by_heads<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    refuse_inputs(parts, &[(4, PADDING), (6, CACHE), (7, CACHE), (8, CACHE)])?;
    let query = parts.input(0)?;
    let mut pieces = match (parts.node.input(1), parts.node.input(2)) {
        (Some(key), Some(value)) => [query, key, value].map(str::to_owned),
        (Some(packed), None) => {
            [query.to_owned(), parts.unpacked(packed, 0, "keys"), parts.unpacked(packed, 1, "values")]
        }
        _ => [(0, "queries"), (1, "keys"), (2, "values")].map(|(at, meaning)| parts.unpacked(query, at, meaning)),
    };
    if parts.node.input(3).is_some() {
        let bias = parts.reals(3, "bias")?;
        let length = bias.len() / 3;
        for (at, piece) in pieces.iter_mut().enumerate() {
            let slice = bias.slice_axis(Axis(0), Slice::from(at * length..(at + 1) * length));
            let slice: ArrayD<F> = slice.to_owned();
            let meaning = ["bias of queries", "bias of keys", "bias of values"][at];
            let slice = parts.array(slice, meaning);
            *piece = parts.step("Add", &[piece, &slice], &format!("with {meaning}"));
        }
    }
    attend(parts, &pieces, parts.node.input(5))
}

impl<F: Real> Parts<'_, F> {
    /// One of the tensors that stand side by side in (batch, tokens, heads, tensors, size), as (batch, tokens, heads · size).
    fn unpacked(&mut self, packed: &str, at: i64, meaning: &str) -> String {
        let place = self.constant(Constant::Integer(ndarray::arr0(at).into_dyn()), &format!("place of {meaning}"));
        let heads = self.step_with(
            "Gather",
            &[packed, &place],
            &format!("heads of {meaning}"),
            [("axis", Attribute::Integer(3))],
        );
        let shape = self.integers([0, 0, -1], &format!("shape of {meaning}"));
        self.step("Reshape", &[&heads, &shape], meaning)
    }
}

/// ONNX's Attention of queries, keys and values, whose heads lie side by side.
fn attend<F: Real>(parts: &mut Parts<'_, F>, pieces: &[String; 3], bias: Option<&str>) -> Result<(), Error> {
    let heads = parts.node.integer("num_heads", 0)?;
    let is_causal = parts.node.integer("unidirectional", 0)?;
    let inputs: Vec<&str> = pieces.iter().map(String::as_str).chain(bias).collect();
    parts.main("Attention", &inputs, &["scale"]);
    // Of the scale, 0 is none.
    if parts.number("scale", 0.0)? == 0.0
        && let Some(attention) = parts.nodes.last_mut()
    {
        attention.attributes.remove("scale");
    }
    for (name, value) in [("q_num_heads", heads), ("kv_num_heads", heads), ("is_causal", is_causal)] {
        parts.set(name, Attribute::Integer(value));
    }
    parts.gives(0);
    Ok(())
}
