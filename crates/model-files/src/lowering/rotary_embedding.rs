//! RotaryEmbedding of opset 23, in the operations that it is made of.

use ndarray::{ArrayD, ArrayViewD, Axis};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::{Inputs, Lowered, Parts};
use crate::Error;

/// Turns pairs of numbers by an angle for each position and pair:
///
/// ```text
/// y_1 = x_1 cos − x_2 sin,     y_2 = x_1 sin + x_2 cos
/// ```
///
/// A pair is a number of the first half of a head and its like in the second, or two neighbors if they are interleaved; what
/// lies beyond `rotary_embedding_dim` stays.
pub(super) fn lower<F: Real>(inputs: &Inputs<'_, '_, F>) -> Result<Lowered<F>, Error> {
    let node = inputs.node;
    let (heads, width) = match (inputs.shape(0), inputs.count("num_heads")?) {
        (&[_, _, _, size], _) => (None, size),
        (&[_, _, width], Some(heads)) if width % heads == 0 => (Some(heads), width / heads),
        (shape, _) => {
            let expected = "it should be (batch, heads, tokens, size), or (batch, tokens, num_heads · size)";
            return Err(node.refuse(format!("an operand of shape {shape:?}; {expected}")));
        }
    };
    let turned = inputs.count("rotary_embedding_dim")?.unwrap_or(width);
    if turned > width || turned % 2 != 0 || turned == 0 {
        return Err(node.refuse(format!("{turned} of the {width} numbers of a head can't be turned in pairs")));
    }
    let mut parts = Parts::of(node);
    let cos = angles(inputs, 1, "cos_cache", turned / 2)?;
    let sin = angles(inputs, 2, "sin_cache", turned / 2)?;
    let (cos, sin) = (parts.numbers(cos, "cos"), parts.numbers(sin, "sin"));
    let x = node.input(0).unwrap_or_default();
    let x = heads.map_or_else(|| x.to_owned(), |heads| parts.by_heads(x, heads, "operand"));
    let is_interleaved = node.integer("interleaved", 0)? != 0;
    let (half, whole) = ((turned / 2) as i64, turned as i64);
    let [first, second] = match is_interleaved {
        true => [(0, whole, 2, "first"), (1, whole, 2, "second")],
        false => [(0, half, 1, "first"), (half, whole, 1, "second")],
    }
    .map(|(start, end, step, meaning)| slice(&mut parts, &x, [start, end, step], meaning));
    let [first_cos, second_sin, first_sin, second_cos] = [
        (&first, &cos, "first cos"),
        (&second, &sin, "second sin"),
        (&first, &sin, "first sin"),
        (&second, &cos, "second cos"),
    ]
    .map(|(factor, angle, meaning)| parts.step("Mul", &[factor, angle], meaning));
    let [y1, y2] = [
        parts.step("Sub", &[&first_cos, &second_sin], "turned first"),
        parts.step("Add", &[&first_sin, &second_cos], "turned second"),
    ];
    let last = || [("axis", Attribute::Integer(-1))];
    let mut output = if is_interleaved {
        let axis = parts.integers([4], "pair axis");
        let [y1, y2] = [(y1, "pairs first"), (y2, "pairs second")]
            .map(|(half, meaning)| parts.step("Unsqueeze", &[&half, &axis], meaning));
        let pairs = parts.step_with("Concat", &[&y1, &y2], "pairs", last());
        let shape = parts.integers([0, 0, 0, -1], "pairs shape");
        parts.step("Reshape", &[&pairs, &shape], "turned")
    } else {
        parts.step_with("Concat", &[&y1, &y2], "turned", last())
    };
    if turned < width {
        let rest = slice(&mut parts, &x, [whole, width as i64, 1], "rest");
        output = parts.step_with("Concat", &[&output, &rest], "whole", last());
    }
    if heads.is_some() {
        parts.side_by_side(&output);
    }
    Ok(parts.finish())
}

/// A part of each head.
fn slice<F: Real>(parts: &mut Parts<'_, F>, tensor: &str, [start, end, step]: [i64; 3], meaning: &str) -> String {
    let [start, end, axis, step] = [(start, "start"), (end, "end"), (-1, "axis"), (step, "step")]
        .map(|(value, what)| parts.integers([value], &format!("{meaning} {what}")));
    parts.step("Slice", &[tensor, &start, &end, &axis, &step], meaning)
}

/// Cosines or sines for each position: (batch or 1, 1, tokens, pairs).
fn angles<F: Real>(inputs: &Inputs<'_, '_, F>, position: usize, name: &str, pairs: usize) -> Result<ArrayD<F>, Error> {
    let node = inputs.node;
    let Some(Constant::Real(cache)) = inputs.constant(position) else {
        return Err(node.refuse(format!("it needs its {name} as a constant of floating-point numbers")));
    };
    let shape = inputs.shape(0);
    let tokens = shape[shape.len() - 2];
    let refuse = |shape: &[usize]| {
        let expected = format!("(positions, {pairs}) with known position_ids, or (batch, tokens, {pairs})");
        node.refuse(format!("a {name} of shape {shape:?} for {tokens} tokens; it should be {expected}"))
    };
    let by_token = match (inputs.constant(3), node.input(3), cache.shape()) {
        (Some(Constant::Integer(places)), _, [_, given]) if *given == pairs && places.ndim() == 2 => {
            picked(&cache.view(), places).ok_or_else(|| refuse(cache.shape()))?
        }
        (None, None, [_, _, given]) if *given == pairs => cache.as_ref().clone(),
        _ => return Err(refuse(cache.shape())),
    };
    match by_token.shape()[1] == tokens {
        true => Ok(by_token.insert_axis(Axis(1))),
        false => Err(refuse(cache.shape())),
    }
}

/// The rows of a table at the places given.
fn picked<F: Real>(table: &ArrayViewD<'_, F>, places: &ArrayD<i64>) -> Option<ArrayD<F>> {
    let rows: Option<Vec<usize>> =
        places.iter().map(|&place| usize::try_from(place).ok().filter(|&place| place < table.shape()[0])).collect();
    let mut shape = places.shape().to_vec();
    shape.push(table.shape()[1]);
    table.select(Axis(0), &rows?).into_shape_with_order(shape).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use neural_lrp::operation::Constant;
    use proptest::prelude::*;

    use super::*;
    use crate::graph::Node;
    use crate::lowering::lower;
    use crate::lowering::testing::{assert_same, numbers, run, side_by_side};

    /// The definition, number by number: x is (B, H, S, D), angles are (B, S, pairs).
    fn slow_rotation(x: &ArrayD<f64>, cos: &ArrayD<f64>, sin: &ArrayD<f64>, is_interleaved: bool) -> ArrayD<f64> {
        let pairs = cos.shape()[2];
        let mut y = x.clone();
        for (place, value) in y.indexed_iter_mut() {
            let (sample, head, token, at) = (place[0], place[1], place[2], place[3]);
            if at >= 2 * pairs {
                continue;
            }
            let pair = if is_interleaved { at / 2 } else { at % pairs };
            let is_first = if is_interleaved { at % 2 == 0 } else { at < pairs };
            let (first, second) = if is_interleaved { (2 * pair, 2 * pair + 1) } else { (pair, pair + pairs) };
            let (x1, x2) = (x[[sample, head, token, first]], x[[sample, head, token, second]]);
            let (cos, sin) = (cos[[sample, token, pair]], sin[[sample, token, pair]]);
            *value = if is_first { x1 * cos - x2 * sin } else { x1 * sin + x2 * cos };
        }
        y
    }

    proptest! {
        #[test]
        fn pairs_are_turned_by_the_angles_of_their_positions(
            heads in 1..3usize,
            tokens in 1..4usize,
            pairs in 1..4usize,
            rest in 0..3usize,
            is_interleaved: bool,
            by_places: bool,
            flat: bool,
        ) {
            let x = numbers(&[2, heads, tokens, 2 * pairs + rest], 1);
            let angles = if by_places { vec![5, pairs] } else { vec![2, tokens, pairs] };
            let (cos, sin) = (numbers(&angles, 2), numbers(&angles, 3));
            let places = ArrayD::from_shape_fn(vec![2, tokens], |place| ((3 * place[0] + 2 * place[1]) % 5) as i64);
            let node = Node::new("rotary", "RotaryEmbedding", if by_places { &["x", "cos", "sin", "places"] } else { &["x", "cos", "sin"] }, "y")
                .with("interleaved", Attribute::Integer(i64::from(is_interleaved)))
                .with("rotary_embedding_dim", Attribute::Integer(2 * pairs as i64))
                .with("num_heads", Attribute::Integer(heads as i64));
            let operand = if flat { side_by_side(&x) } else { x.clone() };
            let constants = [
                ("cos", Constant::Real(Arc::new(cos.clone()))),
                ("sin", Constant::Real(Arc::new(sin.clone()))),
                ("places", Constant::Integer(places.clone())),
            ];
            let constant = |name: &str| constants.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
            let lowered = lower(&node, |name| (name == "x").then(|| operand.shape()), constant).unwrap();
            let rows = |table: &ArrayD<f64>| if by_places { picked(&table.view(), &places).unwrap() } else { table.clone() };
            let expected = slow_rotation(&x, &rows(&cos), &rows(&sin), is_interleaved);
            let expected = if flat { side_by_side(&expected) } else { expected };
            assert_same(&run(&lowered, &["x"], std::slice::from_ref(&operand)), &expected);
        }
    }

    #[test]
    fn angles_that_do_not_fit_are_refused() {
        let node = Node::new("rotary", "RotaryEmbedding", &["x", "cos", "sin"], "y");
        let refused = |shape: &[usize], angles: Option<&[usize]>| {
            let value = angles.map(|shape| Constant::Real(Arc::new(numbers(shape, 1))));
            let constant = |name: &str| value.as_ref().filter(|_| name != "x");
            lower(&node, |name| (name == "x").then_some(shape), constant).err().unwrap().to_string()
        };
        let message = refused(&[1, 2, 3, 4], Some(&[1, 3, 3]));
        assert!(message.contains("[1, 3, 3]") && message.contains("(batch, tokens, 2)"), "{message}");
        assert!(refused(&[1, 2, 3, 4], None).contains("cos_cache as a constant"));
        assert!(refused(&[1, 3, 4], Some(&[1, 3, 2])).contains("num_heads"));
        assert!(refused(&[1, 2, 3, 5], Some(&[1, 3, 2])).contains("in pairs"));
    }
}
