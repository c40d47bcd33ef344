//! Attention of opset 23, in the operations that it is made of: so its softmax and its two products have their own rules.

use ndarray::{ArrayD, Axis, IxDyn, Slice};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};
use neural_lrp::operations::Softmax;
use rten_onnx::onnx::DataType;

use super::{Inputs, Lowered, Parts};
use crate::Error;
use crate::graph::Node;

/// The inputs that hold what earlier tokens left, and the number of them that count.
const CACHES: [(usize, &str); 3] = [(4, "past_key"), (5, "past_value"), (6, "nonpad_kv_seqlen")];

/// `softmax( cap(s · Q Kᵀ) + mask ) V`, head by head.
///
/// The scale s stands behind the product, as frameworks write it, and not half of it before each factor: the ε of rules then
/// meets the plain products.
pub(super) fn lower<F: Real>(inputs: &Inputs<'_, '_, F>) -> Result<Lowered<F>, Error> {
    let node = inputs.node;
    if let Some((_, cache)) = CACHES.iter().find(|(position, _)| node.input(*position).is_some()) {
        let reason = format!("it takes {cache}, what earlier tokens left; export the network without caches");
        return Err(node.refuse(reason));
    }
    let sizes = Sizes::of(inputs)?;
    let mut parts = Parts::of(node);
    let [query, key, value] =
        [(0, sizes.query_heads, "queries"), (1, sizes.key_heads, "keys"), (2, sizes.key_heads, "values")].map(
            |(position, heads, meaning)| {
                let tensor = node.input(position).unwrap_or_default();
                if sizes.side_by_side { parts.by_heads(tensor, heads, meaning) } else { tensor.to_owned() }
            },
        );
    let (key, value) = (sizes.repeated(&mut parts, &key, "keys"), sizes.repeated(&mut parts, &value, "values"));
    let turned =
        parts.step_with("Transpose", &[&key], "turned keys", [("perm", Attribute::Integers(vec![0, 1, 3, 2]))]);
    let products = parts.step("MatMul", &[&query, &turned], "products");
    let scale = inputs.number("scale")?.unwrap_or_else(|| (sizes.head as f64).sqrt().recip());
    let scale = parts.number(scale, "scale");
    let mut scores = parts.step("Mul", &[&products, &scale], "scores");
    if let Some(cap) = inputs.number("softcap")?.filter(|&cap| cap != 0.0) {
        let cap = parts.number(cap, "cap");
        let small = parts.step("Div", &[&scores, &cap], "parts of the cap");
        let bounded = parts.step("Tanh", &[&small], "bounded");
        scores = parts.step("Mul", &[&bounded, &cap], "capped");
    }
    if let Some(mask) = sizes.mask(inputs)? {
        let mask = parts.numbers(mask, "mask");
        scores = parts.step("Add", &[&scores, &mask], "masked");
    }
    if let Some(bias) = node.input(3).filter(|_| inputs.constant(3).is_none()) {
        sizes.check_mask(inputs, inputs.shape(3))?;
        scores = parts.step("Add", &[&scores, bias], "biased");
    }
    let zeros = (Softmax::ZERO_WHERE_FULLY_MASKED, Attribute::Integer(1));
    let weights = parts.step_with("Softmax", &[&scores], "weights", [("axis", Attribute::Integer(-1)), zeros]);
    let output = parts.step("MatMul", &[&weights, &value], "heads");
    if sizes.side_by_side {
        parts.side_by_side(&output);
    }
    Ok(parts.finish())
}

/// Operators that give truth values.
const PREDICATES: &[&str] =
    &["And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Not", "Or", "Xor"];

/// Returns whether a node is an Attention whose mask is of truth values that the network computes, moved or not: there they
/// are numbers like others, and would be added.
pub(crate) fn takes_truth_values(node: &Node, nodes: &[Node], is_known: &impl Fn(&str) -> bool) -> bool {
    let mut mask = node.input(3).filter(|mask| node.kind == "Attention" && !is_known(mask));
    while let Some(giver) = mask.and_then(|mask| nodes.iter().find(|node| node.outputs.iter().any(|name| name == mask)))
    {
        let is_boolean = giver.attributes.get("to") == Some(&Attribute::Integer(i64::from(DataType::BOOL.0)));
        match giver.kind.as_str() {
            kind if PREDICATES.contains(&kind) => return true,
            "Cast" => return is_boolean,
            _ => mask = giver.input(0).filter(|input| !is_known(input)),
        }
    }
    false
}

/// The sizes of an attention.
struct Sizes {
    /// Whether heads lie side by side, along the last of three axes.
    side_by_side: bool,
    query_heads: usize,
    /// The heads of keys and values.
    key_heads: usize,
    /// How many numbers a head has.
    head: usize,
    queries: usize,
    keys: usize,
}

impl Sizes {
    fn of<F: Real>(inputs: &Inputs<'_, '_, F>) -> Result<Self, Error> {
        let [query, key, value] = [0, 1, 2].map(|position| inputs.shape(position));
        let sizes = match (query, key, value) {
            (&[_, query_heads, queries, head], &[_, key_heads, keys, key_head], &[_, value_heads, values, _])
                if key_head == head && value_heads == key_heads && values == keys =>
            {
                Some(Self { side_by_side: false, query_heads, key_heads, head, queries, keys })
            }
            (&[_, queries, width], &[_, keys, key_width], &[_, values, value_width]) if values == keys => {
                let (query_heads, key_heads) = (inputs.count("q_num_heads")?, inputs.count("kv_num_heads")?);
                let heads = query_heads.zip(key_heads).filter(|(of_queries, of_keys)| {
                    width % of_queries == 0
                        && key_width % of_keys == 0
                        && value_width % of_keys == 0
                        && width / of_queries == key_width / of_keys
                });
                heads.map(|(query_heads, key_heads)| {
                    let head = width / query_heads;
                    Self { side_by_side: true, query_heads, key_heads, head, queries, keys }
                })
            }
            _ => None,
        };
        sizes.filter(|sizes| sizes.key_heads > 0 && sizes.query_heads % sizes.key_heads == 0).ok_or_else(|| {
            let heads = "q_num_heads a multiple of kv_num_heads";
            inputs.node.refuse(format!(
                "queries, keys and values of shapes {query:?}, {key:?} and {value:?} do not fit; they should be (batch, \
                 heads, tokens, size), or (batch, tokens, heads · size) with {heads}"
            ))
        })
    }

    /// Keys or values, each head as often as there are heads of queries for it.
    fn repeated<F: Real>(&self, parts: &mut Parts<'_, F>, tensor: &str, meaning: &str) -> String {
        if self.query_heads == self.key_heads {
            return tensor.to_owned();
        }
        let group = self.query_heads / self.key_heads;
        let heads =
            parts.integers((0..self.query_heads).map(|head| (head / group) as i64), &format!("{meaning} heads"));
        parts.step_with("Gather", &[tensor, &heads], &format!("repeated {meaning}"), [("axis", Attribute::Integer(1))])
    }

    /// What is added to the scores and known: the mask that the node takes, that of causal attention, and a window; `None`
    /// where it changes nothing.
    fn mask<F: Real>(&self, inputs: &Inputs<'_, '_, F>) -> Result<Option<ArrayD<F>>, Error> {
        let node = inputs.node;
        let given = match inputs.constant(3) {
            None => ArrayD::zeros(IxDyn(&[])),
            Some(Constant::Real(mask)) => mask.as_ref().clone(),
            Some(Constant::Integer(takes_part)) => {
                takes_part.mapv(|takes_part| if takes_part != 0 { F::zero() } else { F::neg_infinity() })
            }
        };
        if inputs.constant(3).is_some() {
            self.check_mask(inputs, given.shape())?;
        }
        let given = self.padded(given);
        let is_causal = node.integer("is_causal", 0)? != 0;
        let windows = [node.integer("left_window_size", -1)?, node.integer("right_window_size", -1)?];
        let is_open = |query: usize, key: usize| {
            let ahead = key as i64 - query as i64;
            let [left, right] = windows;
            !(is_causal && ahead > 0 || left >= 0 && -ahead > left || right >= 0 && ahead > right)
        };
        let by_place =
            ArrayD::from_shape_fn(IxDyn(&[self.queries, self.keys]), |place| match is_open(place[0], place[1]) {
                true => F::zero(),
                false => F::neg_infinity(),
            });
        let mask = if by_place.iter().all(|&number| number == F::zero()) { given } else { given + &by_place };
        Ok(Some(mask).filter(|mask| mask.iter().any(|&number| number != F::zero())))
    }

    /// A mask for each key: those beyond its end take no part.
    fn padded<F: Real>(&self, mask: ArrayD<F>) -> ArrayD<F> {
        let Some(&length) = mask.shape().last().filter(|&&length| length > 1 && length < self.keys) else {
            return mask;
        };
        let axis = Axis(mask.ndim() - 1);
        let mut shape = mask.shape().to_vec();
        shape[axis.index()] = self.keys;
        let mut whole = ArrayD::from_elem(shape, F::neg_infinity());
        whole.slice_axis_mut(axis, Slice::from(..length)).assign(&mask);
        whole
    }

    /// Checks that a mask fits: the same for all heads, queries or keys where it has length 1.
    fn check_mask<F: Real>(&self, inputs: &Inputs<'_, '_, F>, shape: &[usize]) -> Result<(), Error> {
        let batch = inputs.shape(0).first().copied().unwrap_or_default();
        let whole = [batch, self.query_heads, self.queries, self.keys];
        let is_known = inputs.constant(3).is_some();
        let fits = |(place, (&length, &all)): (usize, (&usize, &usize))| {
            length == 1 || length == all || place == 0 && is_known && length < all
        };
        match shape.len() <= whole.len() && shape.iter().rev().zip(whole.iter().rev()).enumerate().all(fits) {
            true => Ok(()),
            false => Err(inputs.node.refuse(format!("a mask of shape {shape:?} for scores of shape {whole:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ndarray::{ArrayD, IxDyn};
    use proptest::prelude::*;

    use super::*;
    use crate::lowering::lower;
    use crate::lowering::testing::{assert_same, numbers, run, side_by_side};

    /// The output of an Attention for queries, keys and values, by the operations that it becomes.
    fn attention(
        attributes: &[(&str, Attribute)],
        operands: &[ArrayD<f64>; 3],
        mask: Option<&Constant<f64>>,
    ) -> Result<ArrayD<f64>, Error> {
        let names: &[&str] = if mask.is_some() { &["q", "k", "v", "mask"] } else { &["q", "k", "v"] };
        let node = Node::new("attention", "Attention", names, "y");
        let node = attributes.iter().cloned().fold(node, |node, (name, value)| node.with(name, value));
        let shapes: BTreeMap<&str, &[usize]> = names.iter().copied().zip(operands.iter().map(ArrayD::shape)).collect();
        let known = |name: &str| mask.filter(|_| name == "mask");
        let lowered = lower(&node, |name| shapes.get(name).copied(), known)?;
        Ok(run(&lowered, names, operands))
    }

    /// The definition, number by number: queries (B, H, L, E), keys (B, G, S, E), values (B, G, S, D).
    fn slow_attention(
        [q, k, v]: &[ArrayD<f64>; 3],
        scale: f64,
        cap: f64,
        mask: impl Fn(usize, usize, usize, usize) -> f64,
    ) -> ArrayD<f64> {
        let (heads, groups, keys, size) = (q.shape()[1], k.shape()[1], k.shape()[2], q.shape()[3]);
        ArrayD::from_shape_fn(IxDyn(&[q.shape()[0], heads, q.shape()[2], v.shape()[3]]), |at| {
            let (sample, head, query) = (at[0], at[1], at[2]);
            let group = head / (heads / groups);
            let score = |key: usize| {
                let product: f64 = (0..size).map(|e| q[[sample, head, query, e]] * k[[sample, group, key, e]]).sum();
                let score = scale * product;
                let capped = if cap == 0.0 { score } else { cap * (score / cap).tanh() };
                capped + mask(sample, head, query, key)
            };
            let weights: Vec<f64> = (0..keys).map(|key| score(key).exp()).collect();
            let sum: f64 = weights.iter().sum();
            if sum == 0.0 {
                return 0.0;
            }
            (0..keys).map(|key| weights[key] / sum * v[[sample, group, key, at[3]]]).sum()
        })
    }

    fn operands(heads: [usize; 2], tokens: [usize; 2], sizes: [usize; 2]) -> [ArrayD<f64>; 3] {
        [
            numbers(&[2, heads[0], tokens[0], sizes[0]], 1),
            numbers(&[2, heads[1], tokens[1], sizes[0]], 2),
            numbers(&[2, heads[1], tokens[1], sizes[1]], 3),
        ]
    }

    proptest! {
        #[test]
        fn attention_is_what_its_definition_says(
            groups in 1..3usize,
            repeats in 1..3usize,
            tokens in (1..4usize, 1..5usize),
            sizes in (1..4usize, 1..4usize),
            is_causal: bool,
            cap in prop::sample::select(vec![0.0, 2.0]),
            scale in prop::option::of(0.25..2.0f64),
            window in -1i64..2,
            flat: bool,
        ) {
            let operands = operands([groups * repeats, groups], [tokens.0, tokens.1], [sizes.0, sizes.1]);
            let mut attributes = vec![
                ("is_causal", Attribute::Integer(i64::from(is_causal))),
                ("softcap", Attribute::Real(cap)),
                ("left_window_size", Attribute::Integer(window)),
            ];
            attributes.extend(scale.map(|scale| ("scale", Attribute::Real(scale))));
            let scale = scale.unwrap_or((sizes.0 as f64).sqrt().recip());
            let masked = |query: usize, key: usize| {
                is_causal && key > query || window >= 0 && query as i64 - key as i64 > window
            };
            let expected = slow_attention(&operands, scale, cap, |_, _, query, key| {
                if masked(query, key) { f64::NEG_INFINITY } else { 0.0 }
            });
            if !flat {
                assert_same(&attention(&attributes, &operands, None).unwrap(), &expected);
            } else {
                attributes.push(("q_num_heads", Attribute::Integer((groups * repeats) as i64)));
                attributes.push(("kv_num_heads", Attribute::Integer(groups as i64)));
                let flat = operands.each_ref().map(side_by_side);
                assert_same(&attention(&attributes, &flat, None).unwrap(), &side_by_side(&expected));
            }
        }
    }

    #[test]
    fn masks_are_of_numbers_or_of_truth_values_and_may_end_early() {
        let operands = operands([2, 2], [3, 4], [2, 3]);
        let scale = 0.5f64.sqrt();
        let bias = numbers(&[2, 1, 3, 4], 9);
        let expected = slow_attention(&operands, scale, 0.0, |sample, _, query, key| bias[[sample, 0, query, key]]);
        let mask = Constant::Real(std::sync::Arc::new(bias));
        assert_same(&attention(&[], &operands, Some(&mask)).unwrap(), &expected);
        // The first query attends to nothing: its output is 0.
        let open = ndarray::arr2(&[[0, 0, 0], [1, 0, 1], [0, 1, 1]]).into_dyn();
        let expected = slow_attention(&operands, scale, 0.0, |_, _, query, key| {
            if key < 3 && open[[query, key]] == 1 { 0.0 } else { f64::NEG_INFINITY }
        });
        let found = attention(&[], &operands, Some(&Constant::Integer(open))).unwrap();
        assert_same(&found, &expected);
        assert_eq!(found[[0, 0, 0, 0]], 0.0);
        let wrong = Constant::Integer(ndarray::arr1(&[1, 1, 1, 1, 1]).into_dyn());
        let message = attention(&[], &operands, Some(&wrong)).unwrap_err().to_string();
        assert!(message.contains("[5]") && message.contains("[2, 2, 3, 4]"), "{message}");
    }

    #[test]
    fn truth_values_that_are_computed_are_found_through_what_moves_them() {
        let attention = Node::new("attention", "Attention", &["q", "k", "v", "mask"], "y");
        let is_boolean = |nodes: &[Node]| takes_truth_values(&attention, nodes, &|name| name == "known");
        let moved = Node::new("m", "Unsqueeze", &["t", "known"], "mask");
        assert!(is_boolean(&[Node::new("t", "Greater", &["x", "known"], "t"), moved.clone()]));
        assert!(!is_boolean(&[Node::new("t", "Mul", &["x", "known"], "t"), moved.clone()]));
        let cast = |to: i64| Node::new("t", "Cast", &["x"], "t").with("to", Attribute::Integer(to));
        assert!(is_boolean(&[cast(9), moved.clone()]) && !is_boolean(&[cast(1), moved]));
        assert!(!is_boolean(&[Node::new("t", "Greater", &["known", "known"], "known")]));
    }

    #[test]
    fn caches_and_heads_that_do_not_fit_are_refused() {
        let cached = Node::new("attention", "Attention", &["q", "k", "v", "", "p", "w"], "y");
        let message = lower::<f64>(&cached, |_| None, |_| None).err().unwrap().to_string();
        assert!(message.contains("past_key") && message.contains("without caches"), "{message}");
        let [q, k, v] = operands([3, 2], [3, 4], [2, 3]);
        let message = attention(&[], &[q, k, v], None).unwrap_err().to_string();
        assert!(message.contains("[2, 3, 3, 2]") && message.contains("multiple of kv_num_heads"), "{message}");
    }
}
