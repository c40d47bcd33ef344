//! Constant folding: what depends on no input of the network, or on its shapes only, is computed in advance.
//!
//! Floating-point numbers go through the operations of the network themselves. Own code is here for integers and
//! Booleans (shapes, axes, positions, stored weights), and for what is no operation of a network.

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::{Array1, ArrayD, IxDyn, arr0};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};
use neural_lrp::operations::Operators;

use crate::budget::Budget;
use crate::graph::{Graph, Node};
use crate::{Error, lowering, rewriting, training};

mod elementwise;
mod indexing;
mod operation;
mod quantization;
mod reduction;
mod statistics;
mod types;

/// The knowledge about an input.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fact<'a, F> {
    /// It is left out.
    Absent,
    /// All of it.
    Value(&'a Constant<F>),
    /// Its shape only, which is all that Shape and Size take.
    Shape(&'a [usize]),
}

/// The knowledge about a node's inputs, all of which are left out or have a value.
pub(crate) fn facts<'a, F>(node: &Node, constant: impl Fn(&str) -> Option<&'a Constant<F>>) -> Vec<Fact<'a, F>> {
    node.inputs.iter().map(|name| constant(name).map_or(Fact::Absent, Fact::Value)).collect()
}

/// Returns whether nodes of this kind can be folded, if their inputs are known.
pub(crate) fn can_fold<F: Real>(kind: &str, operators: &Operators<F>) -> bool {
    kind == "Split" || operators.contains(kind) || own::<F>(kind).is_some()
}

/// The outputs of a node whose inputs are known, by name; their memory is taken from the budget.
pub(crate) fn fold<F: Real>(
    node: &Node,
    facts: &[Fact<'_, F>],
    operators: &Operators<F>,
    budget: &mut Budget,
) -> Result<Vec<(String, Constant<F>)>, Error> {
    training::check_dropout(node, |position| match facts.get(position) {
        Some(Fact::Value(value)) => Some(value),
        _ => None,
    })?;
    if lowering::needs_shape(node) || matches!(node.kind.as_str(), "Gemm" | "Resize") {
        return fold_parts(node, facts, operators, budget);
    }
    let value = computed(node, facts, operators, budget).map_err(|reason| node.refuse(reason))?;
    Ok(vec![(node.output().to_owned(), value)])
}

/// The outputs of a node that others express: those of the others, one after the other.
fn fold_parts<F: Real>(
    node: &Node,
    inputs: &[Fact<'_, F>],
    operators: &Operators<F>,
    budget: &mut Budget,
) -> Result<Vec<(String, Constant<F>)>, Error> {
    let values = node.inputs.iter().zip(inputs).filter_map(|(name, fact)| match fact {
        Fact::Value(value) => Some((name.clone(), (*value).clone())),
        Fact::Absent | Fact::Shape(_) => None,
    });
    let mut graph = Graph { inputs: Vec::new(), outputs: Vec::new(), nodes: Vec::new(), constants: values.collect() };
    let parts = match node.input(0).and_then(|input| graph.constants.get(input)) {
        Some(_) if lowering::needs_shape(node) => {
            let constant = |name: &str| graph.constants.get(name);
            let lowered = lowering::lower(node, |name| constant(name).map(shape_of), constant)?;
            graph.constants.extend(lowered.constants);
            lowered.nodes
        }
        Some(_) => rewriting::rewritten(&mut graph, node.clone()),
        None => return Err(node.refuse("input 0 is missing")),
    };
    for part in &parts {
        let facts = facts(part, |name| graph.constants.get(name));
        let value = computed(part, &facts, operators, budget).map_err(|reason| node.refuse(reason))?;
        graph.constants.insert(part.output().to_owned(), value);
    }
    let mut values: BTreeMap<String, Constant<F>> = graph.constants;
    Ok(node.given_outputs().filter_map(|output| values.remove_entry(output)).collect())
}

/// The value of a node, whose memory is taken from the budget.
fn computed<F: Real>(
    node: &Node,
    facts: &[Fact<'_, F>],
    operators: &Operators<F>,
    budget: &mut Budget,
) -> Result<Constant<F>, String> {
    let value = compute(&Inputs { node, facts, operators, budget: *budget })?;
    // What it hands on is shared.
    if node.kind != "Identity" {
        budget.take(shape_of(&value).iter().product())?;
    }
    Ok(value)
}

fn compute<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let kind = inputs.node.kind.as_str();
    let of_numbers = matches!(inputs.given(0), Some(Constant::Real(_)));
    if of_numbers && inputs.operators.contains(kind) && !has_own_form(inputs)? {
        return operation::run(inputs);
    }
    match own(kind) {
        Some(compute) => compute(inputs),
        None => operation::arrange(inputs),
    }
}

/// Returns whether a node computes of floating-point numbers what the operation of its kind does not.
fn has_own_form<F: Real>(inputs: &Inputs<'_, F>) -> Result<bool, String> {
    Ok(match inputs.node.kind.as_str() {
        // Shared, not copied.
        "Identity" => true,
        // With reductions that a network does not explain.
        "ScatterElements" | "ScatterND" => true,
        // In blocks, too, and exact for integers of any size.
        "QuantizeLinear" => true,
        // Into integers of more digits than floating-point numbers have.
        "Cast" => true,
        // By its own statistics.
        "BatchNormalization" => inputs.integer_attribute("training_mode", 0)? != 0,
        // By an exponent for each number.
        "Pow" => inputs.given(1).is_some_and(|exponents| shape_of(exponents).iter().any(|&length| length != 1)),
        _ => false,
    })
}

/// The function that computes a node.
type Compute<F> = fn(&Inputs<'_, F>) -> Result<Constant<F>, String>;

/// The function for what no operation computes: other kinds, and integers.
fn own<F: Real>(kind: &str) -> Option<Compute<F>> {
    elementwise::find(kind).or_else(|| reduction::find(kind)).or_else(|| indexing::find(kind)).or(match kind {
        "BatchNormalization" => Some(statistics::normalize),
        "Cast" => Some(types::cast),
        "DequantizeLinear" => Some(quantization::dequantize),
        "Identity" => Some(|inputs| inputs.value(0).cloned()),
        "QuantizeLinear" => Some(quantization::quantize),
        "Range" => Some(range),
        "Shape" => Some(shape),
        "Size" => Some(|inputs| Ok(Constant::Integer(arr0(count(inputs.shape(0)?)?).into_dyn()))),
        _ => None,
    })
}

/// A node's inputs and attributes while it is folded; errors are reasons, the node is named outside.
struct Inputs<'a, F: Real> {
    node: &'a Node,
    facts: &'a [Fact<'a, F>],
    operators: &'a Operators<F>,
    /// What memory there is for the result.
    budget: Budget,
}

impl<'a, F: Real> Inputs<'a, F> {
    fn given(&self, position: usize) -> Option<&'a Constant<F>> {
        match self.facts.get(position) {
            Some(Fact::Value(value)) => Some(value),
            _ => None,
        }
    }

    fn value(&self, position: usize) -> Result<&'a Constant<F>, String> {
        self.given(position).ok_or_else(|| format!("input {position} is missing"))
    }

    fn values(&self) -> Result<Vec<&'a Constant<F>>, String> {
        (0..self.facts.len()).map(|position| self.value(position)).collect()
    }

    fn shape(&self, position: usize) -> Result<&'a [usize], String> {
        match self.facts.get(position) {
            Some(Fact::Value(value)) => Ok(shape_of(value)),
            Some(Fact::Shape(shape)) => Ok(shape),
            _ => Err(format!("input {position} is missing")),
        }
    }

    /// The integers of an input; `None` where it is left out.
    fn integers(&self, position: usize) -> Result<Option<Vec<i64>>, String> {
        match self.given(position) {
            None => Ok(None),
            Some(Constant::Integer(values)) => Ok(Some(values.iter().copied().collect())),
            Some(Constant::Real(_)) => Err(format!("input {position} should hold integers")),
        }
    }

    fn required_integers(&self, position: usize) -> Result<Vec<i64>, String> {
        self.integers(position)?.ok_or_else(|| format!("input {position} is missing"))
    }

    /// An input of floating-point numbers; `None` where it is left out.
    fn reals(&self, position: usize) -> Result<Option<&'a ArrayD<F>>, String> {
        match self.given(position) {
            None => Ok(None),
            Some(Constant::Real(values)) => Ok(Some(values)),
            Some(Constant::Integer(_)) => Err(format!("input {position} should hold floating-point numbers")),
        }
    }

    fn required_reals(&self, position: usize) -> Result<&'a ArrayD<F>, String> {
        self.reals(position)?.ok_or_else(|| format!("input {position} is missing"))
    }

    fn text_attribute(&self, name: &str, default: &'a str) -> Result<&'a str, String> {
        match self.node.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Text(text)) => Ok(text),
            Some(other) => Err(format!("its {name} is {other:?}, and should be a word")),
        }
    }

    fn integer_attribute(&self, name: &str, default: i64) -> Result<i64, String> {
        self.node.integer(name, default).map_err(|error| error.to_string())
    }
}

fn shape_of<F>(value: &Constant<F>) -> &[usize] {
    match value {
        Constant::Real(values) => values.shape(),
        Constant::Integer(values) => values.shape(),
    }
}

/// The result of a function of the array of a constant, integers as well as floating-point numbers.
macro_rules! for_either {
    ($constant:expr, $array:ident => $result:expr) => {
        match $constant {
            Constant::Real(values) => {
                let $array: &ArrayD<_> = values;
                Constant::Real(Arc::new($result))
            }
            Constant::Integer($array) => Constant::Integer($result),
        }
    };
}
use for_either;

fn count(shape: &[usize]) -> Result<i64, String> {
    let count = shape.iter().try_fold(1usize, |count, &length| count.checked_mul(length));
    count.and_then(|count| i64::try_from(count).ok()).ok_or_else(|| format!("shape {shape:?} is too large"))
}

/// An axis counted from the start, of `rank` axes.
fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let counted = if axis < 0 { axis.checked_add_unsigned(rank as u64) } else { Some(axis) };
    let counted = counted.and_then(|axis| usize::try_from(axis).ok()).filter(|&axis| axis < rank);
    counted.ok_or_else(|| format!("axis {axis} of a tensor of {rank} axes"))
}

/// Shape: the sizes of the axes from `start` to `end`.
fn shape<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let shape = inputs.shape(0)?;
    let rank = shape.len() as i64;
    let position = |at: i64| (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize;
    let start = position(inputs.integer_attribute("start", 0)?);
    let end = position(inputs.integer_attribute("end", rank)?);
    let sizes = shape.get(start..end).unwrap_or_default();
    Ok(Constant::Integer(sizes.iter().map(|&size| size as i64).collect::<Array1<i64>>().into_dyn()))
}

/// Range: from a start in steps to a limit that is not reached.
fn range<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let values = inputs.values()?;
    let length = |length: f64| match length.ceil() {
        length if length.is_nan() || length > inputs.budget.room() as f64 => {
            Err(format!("a range of {length} numbers"))
        }
        length => Ok(length.max(0.0) as usize),
    };
    match values[..] {
        [Constant::Integer(start), Constant::Integer(limit), Constant::Integer(delta)] => {
            let (start, limit, delta) = (single(start)?, single(limit)?, single(delta)?);
            let length = length((limit as f64 - start as f64) / delta as f64)?;
            Ok(Constant::Integer(
                (0..length as i64)
                    .map(|step| start.wrapping_add(step.wrapping_mul(delta)))
                    .collect::<Array1<i64>>()
                    .into_dyn(),
            ))
        }
        [Constant::Real(start), Constant::Real(limit), Constant::Real(delta)] => {
            let (start, limit, delta) = (single(start)?, single(limit)?, single(delta)?);
            let length = length(((limit - start) / delta).as_())?;
            let numbers = (0..length).map(|step| start + F::of(step as f64) * delta);
            Ok(Constant::Real(Arc::new(numbers.collect::<Array1<F>>().into_dyn())))
        }
        _ => Err("it takes a start, a limit and a step of one type".to_owned()),
    }
}

fn single<T: Copy>(values: &ArrayD<T>) -> Result<T, String> {
    match values.first() {
        Some(&value) if values.len() == 1 => Ok(value),
        _ => Err(format!("an input of shape {:?} should be a single number", values.shape())),
    }
}

/// An array with other axes.
fn reshaped<T: Clone>(array: ArrayD<T>, shape: &[usize]) -> Result<ArrayD<T>, String> {
    let misfit = format!("a tensor of shape {:?} can't take the shape {shape:?}", array.shape());
    array.as_standard_layout().into_owned().into_shape_with_order(IxDyn(shape)).map_err(|_| misfit)
}

/// The array, if there is a number at each place.
fn whole<T: Copy>(values: ArrayD<Option<T>>, refuse: impl Fn() -> String) -> Result<ArrayD<T>, String> {
    let shape = values.shape().to_vec();
    let values = values.as_standard_layout().iter().copied().collect::<Option<Array1<T>>>();
    reshaped(values.ok_or_else(refuse)?.into_dyn(), &shape)
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};
    use proptest::prelude::*;

    use super::*;

    fn list(values: &[i64]) -> Constant<f64> {
        Constant::Integer(arr1(values).into_dyn())
    }

    fn scalar(value: i64) -> Constant<f64> {
        Constant::Integer(arr0(value).into_dyn())
    }

    fn table() -> Constant<f64> {
        Constant::Integer(arr2(&[[1, 2, 3], [4, 5, 6]]).into_dyn())
    }

    fn numbers(values: &[f64]) -> Constant<f64> {
        Constant::Real(Arc::new(arr1(values).into_dyn()))
    }

    fn attributes(attributes: &[(&str, i64)]) -> Node {
        let node = Node::new("n", "", &[], "y");
        attributes.iter().fold(node, |node, (name, value)| node.with(name, Attribute::Integer(*value)))
    }

    fn all(node: &Node, kind: &str, inputs: &[Constant<f64>]) -> Result<Vec<Constant<f64>>, Error> {
        let names = (0..inputs.len()).map(|position| format!("input {position}")).collect();
        let node = Node { kind: kind.to_owned(), inputs: names, ..node.clone() };
        let facts: Vec<Fact<'_, f64>> = inputs.iter().map(Fact::Value).collect();
        Ok(fold(&node, &facts, &Operators::new(), &mut Budget::of_file(0))?
            .into_iter()
            .map(|(_, value)| value)
            .collect())
    }

    fn with(attribute: &[(&str, i64)], kind: &str, inputs: &[Constant<f64>]) -> Constant<f64> {
        all(&attributes(attribute), kind, inputs).unwrap().remove(0)
    }

    fn of(kind: &str, inputs: &[Constant<f64>]) -> Constant<f64> {
        with(&[], kind, inputs)
    }

    fn refusal(kind: &str, inputs: &[Constant<f64>]) -> String {
        all(&attributes(&[]), kind, inputs).unwrap_err().to_string()
    }

    #[test]
    fn shapes_are_integers() {
        let shape = |start: i64, end: i64| {
            let node = Node { kind: "Shape".to_owned(), ..attributes(&[("start", start), ("end", end)]) };
            fold(&node, &[Fact::<f64>::Shape(&[7, 3, 5])], &Operators::new(), &mut Budget::of_file(0))
                .unwrap()
                .remove(0)
                .1
        };
        assert_eq!(shape(0, 9), list(&[7, 3, 5]));
        assert_eq!(shape(-2, -1), list(&[3]));
        assert_eq!(shape(2, 1), list(&[]));
        assert_eq!(of("Shape", &[table()]), list(&[2, 3]));
        assert_eq!(of("Size", &[table()]), scalar(6));
    }

    #[test]
    fn tensors_are_arranged() {
        let flat = list(&[1, 2, 3, 4, 5, 6]);
        assert_eq!(of("Reshape", &[flat.clone(), list(&[2, -1])]), table());
        assert_eq!(of("Reshape", &[table(), list(&[0, 3])]), table());
        assert_eq!(of("Reshape", &[table(), list(&[6])]), flat);
        assert_eq!(with(&[("axis", 0)], "Flatten", &[table()]), of("Unsqueeze", &[flat.clone(), list(&[0])]));
        assert_eq!(of("Squeeze", &[of("Unsqueeze", &[flat.clone(), list(&[-1, 0])])]), flat);
        let transposed = Constant::Integer(arr2(&[[1, 4], [2, 5], [3, 6]]).into_dyn());
        assert_eq!(of("Transpose", &[table()]), transposed);
        let joined = with(&[("axis", 0)], "Concat", &[list(&[1]), list(&[]), list(&[2, 3])]);
        assert_eq!(joined, list(&[1, 2, 3]));
        assert_eq!(of("Tile", &[list(&[1, 2]), list(&[2])]), list(&[1, 2, 1, 2]));
        assert_eq!(of("Expand", &[scalar(7), list(&[3])]), list(&[7, 7, 7]));
        assert_eq!(of("Gather", &[flat.clone(), scalar(-1)]), scalar(6));
        assert_eq!(with(&[("axis", 1)], "Gather", &[table(), list(&[2, 0])]), {
            Constant::Integer(arr2(&[[3, 1], [6, 4]]).into_dyn())
        });
    }

    #[test]
    fn slices_count_from_either_end_and_backward() {
        let flat = list(&[1, 2, 3, 4, 5, 6]);
        let slice = |start, end, step| {
            let rest = [list(&[start]), list(&[end]), list(&[0]), list(&[step])];
            of("Slice", &[&[flat.clone()][..], &rest].concat())
        };
        assert_eq!(slice(1, 4, 1), list(&[2, 3, 4]));
        assert_eq!(slice(-2, i64::MAX, 1), list(&[5, 6]));
        assert_eq!(slice(-1, i64::MIN, -1), list(&[6, 5, 4, 3, 2, 1]));
        assert_eq!(slice(4, 0, -2), list(&[5, 3]));
        assert_eq!(slice(3, 1, 1), list(&[]));
        assert_eq!(of("Slice", &[table(), list(&[0, 1]), list(&[1, 3])]), {
            Constant::Integer(arr2(&[[2, 3]]).into_dyn())
        });
    }

    #[test]
    fn splits_are_equal_or_as_given() {
        let flat = list(&[1, 2, 3, 4, 5]);
        let two = Node { outputs: vec!["a".to_owned(), "b".to_owned()], ..attributes(&[]) };
        assert_eq!(all(&two, "Split", std::slice::from_ref(&flat)).unwrap(), [list(&[1, 2, 3]), list(&[4, 5])]);
        assert_eq!(all(&two, "Split", &[flat.clone(), list(&[1, 4])]).unwrap(), [list(&[1]), list(&[2, 3, 4, 5])]);
        assert!(all(&two, "Split", &[flat, list(&[3, 4])]).is_err());
    }

    #[test]
    fn numbers_are_computed() {
        assert_eq!(of("Add", &[list(&[1, 2]), scalar(3)]), list(&[4, 5]));
        assert_eq!(of("Div", &[list(&[7, -7]), scalar(2)]), list(&[3, -3]));
        assert_eq!(of("Mod", &[list(&[7, -7]), scalar(3)]), list(&[1, 2]));
        assert_eq!(of("Max", &[list(&[1, 5]), list(&[3, 2]), scalar(2)]), list(&[3, 5]));
        assert_eq!(of("Mul", &[numbers(&[0.5, 4.0]), numbers(&[2.0])]), numbers(&[1.0, 8.0]));
        assert_eq!(of("Floor", &[numbers(&[1.5, -1.5])]), numbers(&[1.0, -2.0]));
        assert_eq!(of("Round", &[numbers(&[0.5, 1.5, -2.5, 2.4])]), numbers(&[0.0, 2.0, -2.0, 2.0]));
        assert_eq!(of("Pow", &[numbers(&[3.0]), list(&[2])]), numbers(&[9.0]));
        assert_eq!(of("Equal", &[list(&[1, 2]), scalar(2)]), list(&[0, 1]));
        assert_eq!(of("Less", &[numbers(&[1.0, 2.0]), numbers(&[2.0])]), list(&[1, 0]));
        assert_eq!(of("Where", &[list(&[1, 0]), list(&[5, 6]), scalar(-1)]), list(&[5, -1]));
        assert_eq!(of("Range", &[scalar(1), scalar(7), scalar(2)]), list(&[1, 3, 5]));
        assert_eq!(of("ReduceProd", &[table()]), Constant::Integer(arr2(&[[720]]).into_dyn()));
        assert_eq!(with(&[("keepdims", 0)], "ReduceSum", &[table(), list(&[0])]), list(&[5, 7, 9]));
        assert_eq!(of("ReduceL1", &[numbers(&[-3.0, 4.0])]), numbers(&[7.0]));
        assert_eq!(of("ReduceL2", &[numbers(&[-3.0, 4.0])]), numbers(&[5.0]));
        assert_eq!(of("ReduceMean", &[numbers(&[1.0, 2.0]), list(&[-1])]), numbers(&[1.5]));
        assert_eq!(with(&[("to", 7)], "Cast", &[numbers(&[1.9, -1.9])]), list(&[1, -1]));
        assert_eq!(with(&[("to", 1)], "Cast", &[list(&[3])]), numbers(&[3.0]));
        assert_eq!(with(&[("to", 9)], "Cast", &[list(&[3, 0])]), list(&[1, 0]));
    }

    #[test]
    fn what_can_not_be_computed_is_refused_with_its_node() {
        for (kind, inputs) in [
            ("Div", vec![list(&[1]), list(&[0])]),
            ("Div", vec![list(&[i64::MIN]), list(&[-1])]),
            ("Mul", vec![scalar(i64::MAX), scalar(2)]),
            ("Add", vec![list(&[1, 2]), list(&[1, 2, 3])]),
            ("Add", vec![list(&[1])]),
            ("Reshape", vec![table(), list(&[4, -1])]),
            ("Reshape", vec![table(), list(&[0, 0, 0])]),
            ("Expand", vec![scalar(0), list(&[1 << 40, 1 << 40])]),
            ("Expand", vec![scalar(0), list(&[-1])]),
            ("Tile", vec![table(), list(&[1 << 40, 1 << 40])]),
            ("Range", vec![scalar(0), scalar(i64::MAX), scalar(1)]),
            ("Range", vec![scalar(0), scalar(1), scalar(0)]),
            ("Gather", vec![table(), scalar(2)]),
            ("Concat", vec![table(), scalar(1)]),
            ("Slice", vec![table(), list(&[0]), list(&[1]), list(&[0]), list(&[0])]),
            ("Squeeze", vec![table(), list(&[0])]),
            ("Unsqueeze", vec![table(), list(&[0, 0])]),
            ("Transpose", vec![]),
            ("Where", vec![numbers(&[1.0]), scalar(1), scalar(2)]),
        ] {
            let message = refusal(kind, &inputs);
            assert!(message.starts_with(&format!("node \"n\" ({kind}): ")), "{message}");
        }
    }

    #[test]
    fn weights_are_dequantized_by_tensor_by_axis_and_by_block() {
        let (stored, scales) = (table(), numbers(&[0.5, 2.0, 1.0]));
        let by_tensor = of("DequantizeLinear", &[stored.clone(), numbers(&[0.5]), list(&[1])]);
        assert_eq!(by_tensor, Constant::Real(Arc::new(arr2(&[[0.0, 0.5, 1.0], [1.5, 2.0, 2.5]]).into_dyn())));
        let by_column = of("DequantizeLinear", &[stored.clone(), scales.clone(), list(&[1, 0, 0])]);
        assert_eq!(by_column, Constant::Real(Arc::new(arr2(&[[0.0, 4.0, 3.0], [1.5, 10.0, 6.0]]).into_dyn())));
        let blocks = Constant::Real(Arc::new(arr2(&[[1.0, 0.5], [2.0, 1.0]]).into_dyn()));
        let by_block = with(&[("axis", 1), ("block_size", 2)], "DequantizeLinear", &[stored.clone(), blocks]);
        assert_eq!(by_block, Constant::Real(Arc::new(arr2(&[[1.0, 2.0, 1.5], [8.0, 10.0, 6.0]]).into_dyn())));
        assert!(refusal("DequantizeLinear", &[stored.clone(), numbers(&[1.0, 2.0])]).contains("scales of shape [2]"));
        assert!(refusal("DequantizeLinear", &[stored, scales, list(&[1])]).contains("scales of shape [3]"));
        let stored = |attributes| with(attributes, "QuantizeLinear", &[numbers(&[0.25, 0.75, 99.0]), numbers(&[0.5])]);
        assert_eq!(stored(&[]), list(&[0, 2, 198]));
        assert_eq!(stored(&[("output_dtype", 3)]), list(&[0, 2, 127]));
        assert_eq!(stored(&[("output_dtype", 21)]), list(&[0, 2, 15]));
    }

    #[test]
    fn nodes_that_stand_for_several_are_folded_as_these() {
        let (left, right) = (numbers(&[1.0, 2.0]), numbers(&[3.0, 4.0]));
        let rows = |value: &Constant<f64>| of("Unsqueeze", &[value.clone(), list(&[0])]);
        let product = with(&[("transB", 1)], "Gemm", &[rows(&left), rows(&right), numbers(&[0.5])]);
        assert_eq!(product, Constant::Real(Arc::new(arr2(&[[11.5]]).into_dyn())));
        let old = [("axis", 0), (crate::opset::OVER_ALL_FOLLOWING_AXES, 1)];
        let zeros = Constant::Real(Arc::new(ArrayD::zeros(vec![2, 2])));
        assert_eq!(with(&old, "Softmax", &[zeros]), Constant::Real(Arc::new(ArrayD::from_elem(vec![2, 2], 0.25))));
    }

    fn any_constant() -> impl Strategy<Value = Constant<f64>> {
        (prop::collection::vec(0usize..4, 0..4), any::<bool>(), any::<u8>()).prop_map(|(shape, is_real, seed)| {
            let count = shape.iter().product::<usize>();
            let number = |at: usize| ((at * 7 + usize::from(seed)) % 9) as i64 - 4;
            let integers = ArrayD::from_shape_vec(IxDyn(&shape), (0..count).map(number).collect()).unwrap();
            match is_real {
                true => Constant::Real(Arc::new(integers.mapv(|value| value as f64 / 2.0))),
                false => Constant::Integer(integers),
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn whatever_the_inputs_nothing_panics(
            kind in prop::sample::select(EVERY_KIND),
            inputs in prop::collection::vec(any_constant(), 0..4),
            attributes in prop::collection::btree_map(
                prop::sample::select(&["axis", "k", "keepdims", "to", "dtype", "batch_dims", "block_size", "upper"][..]),
                -3i64..4,
                0..3,
            ),
        ) {
            let attributes: Vec<(&str, i64)> = attributes.into_iter().collect();
            if let Err(error) = all(&super::tests::attributes(&attributes), kind, &inputs) {
                prop_assert!(error.to_string().starts_with("node \"n\""), "{error}");
            }
        }
    }

    const EVERY_KIND: &[&str] = &[
        "Abs",
        "Add",
        "And",
        "BatchNormalization",
        "Cast",
        "Ceil",
        "Clip",
        "Concat",
        "Conv",
        "CumSum",
        "DequantizeLinear",
        "Div",
        "Equal",
        "Expand",
        "EyeLike",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "Gemm",
        "Identity",
        "IsInf",
        "LayerNormalization",
        "MatMul",
        "Max",
        "Mod",
        "NonZero",
        "Not",
        "OneHot",
        "Pad",
        "Pow",
        "QuantizeLinear",
        "Range",
        "ReduceL2",
        "ReduceMax",
        "ReduceProd",
        "ReduceSum",
        "Reshape",
        "Resize",
        "ScatterElements",
        "ScatterND",
        "Shape",
        "Sign",
        "Size",
        "Slice",
        "Softmax",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Trilu",
        "Unsqueeze",
        "Where",
        "Xor",
    ];
}
