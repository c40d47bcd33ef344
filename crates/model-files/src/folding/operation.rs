//! The operations of networks, run on constants.

use ndarray::{ArrayD, CowArray, IxDyn};
use neural_lrp::operation::{self, Input, Numbers, OperatorSpec, ParsedOperation};
use neural_lrp::{Family, operations};

use super::*;

/// The output of the operation of the node's kind.
pub(super) fn run<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let known = inputs.facts.iter().map(|fact| match fact {
        Fact::Value(value) => Input::Constant((*value).clone()),
        Fact::Absent | Fact::Shape(_) => Input::Absent,
    });
    let parsed = inputs.operators.read(&spec(inputs, known.collect())).map_err(|error| error.to_string())?;
    let operands =
        parsed.operands.iter().map(|&position| inputs.required_reals(position)).collect::<Result<Vec<_>, String>>()?;
    check(inputs, &parsed, &operands.iter().map(|operand| operand.shape()).collect::<Vec<_>>())?;
    let output = forward(&parsed, &operands);
    Ok(match parsed.operation.gives() {
        Numbers::Real => Constant::Real(Arc::new(output)),
        // Exact: the operation takes no more than it can count.
        Numbers::Integer | Numbers::Boolean => Constant::Integer(output.mapv(|number| number.as_() as i64)),
    })
}

/// An arrangement of integers. It does not look at what it moves: they go where their positions go.
pub(super) fn arrange<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let is_operand = |position: usize| position == 0 || inputs.node.kind == "Concat";
    // What the positions say nothing of: what stands where none goes.
    let is_fill = |position: usize| position == 2 && inputs.node.kind == "Pad";
    let input = |(position, fact): (usize, &Fact<'_, F>)| match fact {
        Fact::Value(_) if is_operand(position) => Input::Tensor,
        Fact::Value(Constant::Integer(values)) if !is_fill(position) => {
            Input::Constant(Constant::Integer(values.clone()))
        }
        Fact::Value(_) | Fact::Absent | Fact::Shape(_) => Input::Absent,
    };
    let known = inputs.facts.iter().enumerate().map(input).collect();
    let parsed = operations::read::<f64>(&spec(inputs, known)).map_err(|error| error.to_string())?;
    if parsed.operation.family() != Family::Arrangement {
        return Err("it takes floating-point numbers, not integers".to_owned());
    }
    let operand = |&position: &usize| match inputs.value(position)? {
        Constant::Integer(values) => Ok(values),
        Constant::Real(_) => Err("it takes integers or floating-point numbers, not one of each".to_owned()),
    };
    let operands = parsed.operands.iter().map(operand).collect::<Result<Vec<_>, String>>()?;
    check(inputs, &parsed, &operands.iter().map(|operand| operand.shape()).collect::<Vec<_>>())?;
    let fill = if is_fill(2) { inputs.integers(2)?.unwrap_or_default() } else { Vec::new() };
    let mut integers = vec![fill.first().copied().unwrap_or_default()];
    let mut positions = Vec::new();
    for operand in operands {
        positions.push(numbered(operand.shape(), integers.len())?);
        integers.extend(operand);
    }
    let moved = forward(&parsed, &positions.iter().collect::<Vec<_>>());
    Ok(Constant::Integer(moved.mapv(|position| integers[position as usize])))
}

/// The positions from `first` on, in an array of this shape.
fn numbered(shape: &[usize], first: usize) -> Result<ArrayD<f64>, String> {
    let positions = (first..).map(|position| position as f64).take(shape.iter().product());
    reshaped(positions.collect::<Array1<f64>>().into_dyn(), shape)
}

fn spec<F: Real, G: Real>(inputs: &Inputs<'_, F>, known: Vec<Input<G>>) -> OperatorSpec<G> {
    OperatorSpec { kind: inputs.node.kind.clone(), attributes: inputs.node.attributes.clone(), inputs: known }
}

/// Checks that the operation takes operands of these shapes, and that there is memory for its output.
fn check<F: Real, G: Real>(
    inputs: &Inputs<'_, F>,
    parsed: &ParsedOperation<G>,
    shapes: &[&[usize]],
) -> Result<(), String> {
    let shape = operation::output_shape(parsed.operation.as_ref(), shapes).map_err(|error| error.to_string())?;
    inputs.budget.check(&shape)
}

fn forward<F: Real>(parsed: &ParsedOperation<F>, operands: &[&ArrayD<F>]) -> ArrayD<F> {
    let operands: Vec<CowArray<'_, F, IxDyn>> = operands.iter().map(|operand| operand.as_standard_layout()).collect();
    parsed.operation.forward(&operands.iter().map(CowArray::view).collect::<Vec<_>>())
}
