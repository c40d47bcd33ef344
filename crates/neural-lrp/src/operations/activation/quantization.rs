//! Numbers on a grid of few bits, and back: QuantizeLinear and DequantizeLinear.

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::arrays::axes::{axis_of, position};
use crate::arrays::broadcast::combine;
use crate::operation::{Constant, Family, Input, Numbers, Operation, OperatorSpec, ParsedOperation, Step};
use crate::operations::activation::rounding::{half_to_even, short_range};
use crate::{Error, Real};

/// `y = round(x / scale) + zero`, within what a type holds; or `y = (x − zero) · scale`.
///
/// One after the other they only round a number, and keep it within bounds, so that relevance passes through either (Eq. 63).
/// Their derivative is that of the real numbers they stand for: rounding is left out of it, as networks are trained for
/// such grids ("straight through"), and what lies beyond the bounds has none. Of the steps of a rounding it would be 0
/// wherever there is one, and no method that goes by gradients would see anything of the network before.
#[derive(Clone, Debug)]
pub struct Quantization<F> {
    way: Way,
    scales: Arc<ArrayD<F>>,
    /// One for each scale; none where all are 0.
    zeros: Option<ArrayD<i64>>,
    axis: i64,
}

/// Onto the grid, or back from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// To ONNX's type of this number, which has so many integers from the smallest on.
    Onto {
        number: i64,
        range: (i32, i32),
    },
    Back,
}

impl<F: Real> Quantization<F> {
    fn name(&self) -> &'static str {
        match self.way {
            Way::Onto { .. } => "QuantizeLinear",
            Way::Back => "DequantizeLinear",
        }
    }

    fn is_by_axis(&self) -> bool {
        self.scales.len() != 1
    }

    /// The shape in which scales broadcast to numbers of `shape`.
    fn grid(&self, shape: &[usize]) -> Result<Vec<usize>, Error> {
        if !self.is_by_axis() {
            return Ok(Vec::new());
        }
        let axis = axis_of(self.axis, shape)?;
        match self.scales.len() == shape[axis] {
            true => Ok((axis..shape.len()).map(|at| if at == axis { shape[axis] } else { 1 }).collect()),
            false => Err(Error::shape(&[shape], format!("it has {} scales along axis {axis}", self.scales.len()))),
        }
    }

    /// Scales and zeros, as they broadcast to numbers of a shape that was agreed to.
    fn parameters(&self, shape: &[usize]) -> [ArrayD<F>; 2] {
        let grid = IxDyn(&self.grid(shape).unwrap_or_else(|_| unreachable!("output_shape agreed")));
        let scales = self.scales.iter().copied().collect::<Vec<F>>();
        let zeros = match &self.zeros {
            Some(zeros) => zeros.iter().map(|&zero| F::of(zero as f64)).collect(),
            None => vec![F::zero(); scales.len()],
        };
        [scales, zeros].map(|numbers| {
            let numbers = ArrayD::from_shape_vec(grid.clone(), numbers);
            numbers.unwrap_or_else(|_| unreachable!("output_shape agreed"))
        })
    }
}

impl<F: Real> Operation<F> for Quantization<F> {
    fn to_spec(&self) -> OperatorSpec<F> {
        let mut spec = OperatorSpec::new(self.name(), 1).with_constant(Arc::clone(&self.scales));
        if let Some(zeros) = &self.zeros {
            spec.inputs.push(Input::Constant(Constant::Integer(zeros.clone())));
        }
        let spec = spec.with_integer("axis", self.axis);
        match self.way {
            Way::Onto { number, .. } => spec.with_integer("output_dtype", number),
            Way::Back => spec,
        }
    }

    fn kind(&self) -> &'static str {
        self.name()
    }

    fn family(&self) -> Family {
        Family::Activation
    }

    fn gives(&self) -> Numbers {
        if self.way == Way::Back { Numbers::Real } else { Numbers::Integer }
    }

    fn takes(&self, _: usize) -> Numbers {
        if self.way == Way::Back { Numbers::Integer } else { Numbers::Real }
    }

    fn is_quantization(&self) -> bool {
        true
    }

    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        !self.is_by_axis() || operands.iter().all(|shape| position(self.axis, shape.len()) != Some(0))
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape] = operands else { return Err(Error::shape(operands, "it takes one")) };
        self.grid(shape).map(|_| shape.to_vec())
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let [scales, zeros] = self.parameters(operands[0].shape());
        match self.way {
            Way::Onto { range, .. } => {
                let [least, largest] = bounds(range);
                let rounded = combine(&operands[0], &scales.view(), |x, scale| half_to_even(x / scale));
                combine(&rounded.view(), &zeros.view(), |x, zero| {
                    let y = x + zero;
                    if y.is_nan() { y } else { y.max(least).min(largest) }
                })
            }
            Way::Back => {
                let centered = combine(&operands[0], &zeros.view(), |x, zero| x - zero);
                combine(&centered.view(), &scales.view(), |x, scale| x * scale)
            }
        }
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let [scales, zeros] = self.parameters(step.operands[0].shape());
        vec![match self.way {
            Way::Onto { range, .. } => {
                let [least, largest] = bounds(range);
                let exact = combine(&step.operands[0], &scales.view(), |x, scale| x / scale);
                let exact = combine(&exact.view(), &zeros.view(), |x, zero| x + zero);
                let is_within = exact.mapv(|y| if y < least || y > largest { F::zero() } else { F::one() });
                combine(&(&upper * &is_within).view(), &scales.view(), |upper, scale| upper / scale)
            }
            Way::Back => combine(&upper, &scales.view(), |upper, scale| upper * scale),
        }]
    }

    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        self.gradient(step, step.operands[0].view()).swap_remove(0)
    }

    fn description(&self) -> String {
        match self.way {
            Way::Onto { range: (_, count), .. } => format!("{} bits", count.ilog2()),
            Way::Back => String::new(),
        }
    }
}

/// The smallest and the largest number of a type.
fn bounds<F: Real>((least, count): (i32, i32)) -> [F; 2] {
    [least, least + count - 1].map(|bound| F::of(bound.into()))
}

/// Reads the way onto the grid from its specification.
pub(crate) fn read_onto<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Quantization::onto(spec)?, vec![0]))
}

/// Reads the way back from its specification.
pub(crate) fn read_back<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(Quantization::back(spec)?, vec![0]))
}

impl<F: Real> Quantization<F> {
    /// The way onto the grid that a specification has.
    pub(crate) fn onto(spec: &OperatorSpec<F>) -> Result<Self, Error> {
        let number = match spec.integer("output_dtype", 0)? {
            0 => 2,
            given => given,
        };
        let range = short_range(number);
        let range =
            range.ok_or_else(|| spec.refuse("output_dtype", number.to_string(), "a type of 4, 8 or 16 bits"))?;
        read(spec, Way::Onto { number, range })
    }

    /// The way back from it.
    pub(crate) fn back(spec: &OperatorSpec<F>) -> Result<Self, Error> {
        read(spec, Way::Back)
    }
}

fn read<F: Real>(spec: &OperatorSpec<F>, way: Way) -> Result<Quantization<F>, Error> {
    let scales = spec.required_constant(1, "scale")?;
    let zeros = match spec.inputs.get(2) {
        None | Some(Input::Absent) => None,
        Some(Input::Constant(Constant::Integer(zeros))) => Some(zeros.clone()),
        Some(Input::Constant(Constant::Real(_))) => {
            return Err(spec.refuse("zero point", "floating-point numbers", "integers"));
        }
        Some(Input::Tensor) => return Err(Error::NotConstant { kind: spec.kind.clone(), input: "zero point" }),
    };
    if scales.ndim() > 1 || scales.is_empty() || zeros.as_ref().is_some_and(|zeros| zeros.len() != scales.len()) {
        let expected = "one scale, or one for each position along an axis, and as many zero points";
        return Err(spec.refuse("scale", format!("an array of shape {:?}", scales.shape()), expected));
    }
    if spec.integer("block_size", 0)? != 0 {
        return Err(spec.refuse("block_size", "blocks", "0: blocks are for stored weights"));
    }
    let axis = spec.integer("axis", 1)?;
    Ok(Quantization { way, scales, zeros, axis })
}

#[cfg(test)]
mod tests {
    use ndarray::{arr0, array};

    use super::*;
    use crate::operations::read as read_any;
    use crate::operations::testing::{check_gradient, forward, numbers};

    fn spec(kind: &str, scales: ArrayD<f64>, zeros: &[i64]) -> OperatorSpec<f64> {
        let spec = OperatorSpec::new(kind, 1).with_constant(Arc::new(scales));
        spec.with_constant_integers(zeros.iter().copied())
    }

    #[test]
    fn numbers_go_onto_the_grid_and_back() {
        let onto = read_any(&spec("QuantizeLinear", arr0(0.5).into_dyn(), &[10])).unwrap().operation;
        let x = [array![-9.0, -5.0, 0.2, 0.25, 0.75, 1.0, 500.0].into_dyn()];
        let y = forward(&*onto, &x);
        assert_eq!(y, array![0.0, 0.0, 10.0, 10.0, 12.0, 12.0, 255.0].into_dyn());
        let back = read_any(&spec("DequantizeLinear", arr0(0.5).into_dyn(), &[10])).unwrap().operation;
        assert_eq!(forward(&*back, &[y]), array![-5.0, -5.0, 0.0, 0.0, 1.0, 1.0, 122.5].into_dyn());
        assert!(forward(&*onto, &[array![f64::NAN].into_dyn()])[[0]].is_nan());
    }

    #[test]
    fn scales_may_stand_along_an_axis() {
        let signed = spec("QuantizeLinear", array![1.0, 0.1].into_dyn(), &[0, 5]).with_integer("output_dtype", 3);
        let onto = read_any(&signed).unwrap().operation;
        let x = [array![[[3.0, -200.0], [3.0, -200.0]]].into_dyn()];
        assert_eq!(forward(&*onto, &x), array![[[3.0, -128.0], [35.0, -128.0]]].into_dyn());
        assert!(onto.output_shape(&[&[1, 3, 2]]).is_err() && onto.output_shape(&[&[2]]).is_err());
        assert!(onto.keeps_samples_apart(&[&[1, 2, 2]]));
    }

    #[test]
    fn specifications_say_the_operation_again() {
        for kind in ["QuantizeLinear", "DequantizeLinear"] {
            let spec = spec(kind, array![0.5, 0.25, 2.0].into_dyn(), &[1, 2, 3]).with_integer("axis", -2);
            let operation = read_any(&spec).unwrap().operation;
            assert_eq!(read_any(&operation.to_spec()).unwrap().operation.to_spec(), operation.to_spec());
        }
    }

    #[test]
    fn the_gradient_on_the_way_back_is_that_of_finite_differences() {
        let spec = spec("DequantizeLinear", array![0.5, 0.25, 2.0].into_dyn(), &[1, 2, 3]).with_integer("axis", -2);
        check_gradient(&*read_any(&spec).unwrap().operation, &[numbers(&[2, 3, 2], 1) * 3.0]);
    }

    #[test]
    fn the_gradient_onto_the_grid_is_that_of_what_is_not_rounded() {
        let grid = spec("QuantizeLinear", array![0.5, 0.25].into_dyn(), &[1, 2]).with_integer("output_dtype", 21);
        let onto = read_any(&grid).unwrap().operation;
        // In quanta, with the zero point: (−1, 3, 3.2, 16) and (0.4, 2.8, 14.8, 15.2), of which 0 to 15 are within.
        let x = array![[[-1.0, 1.0, 1.1, 7.5], [-0.4, 0.2, 3.2, 3.3]]].into_dyn();
        let output = forward(&*onto, std::slice::from_ref(&x));
        let step = Step { operands: vec![x.view()], output: output.view() };
        let gradient = onto.gradient(&step, array![[[1.0, 1.0, 3.0, 1.0], [1.0, 2.0, 1.0, 1.0]]].into_dyn().view());
        assert_eq!(gradient, [array![[[0.0, 2.0, 6.0, 0.0], [4.0, 8.0, 4.0, 0.0]]].into_dyn()]);
        let along = onto.along_operands(&step);
        assert_eq!(along, array![[[0.0, 2.0, 2.2, 0.0], [-1.6, 0.8, 12.8, 0.0]]].into_dyn());
    }

    #[test]
    fn grids_that_mean_nothing_are_refused() {
        let refused = |spec: &OperatorSpec<f64>| read_any(spec).unwrap_err().to_string();
        let one = || arr0(0.5).into_dyn();
        assert!(refused(&spec("QuantizeLinear", one(), &[1, 2])).contains("zero points"));
        assert!(refused(&spec("QuantizeLinear", one(), &[1]).with_integer("output_dtype", 1)).contains("bits"));
        assert!(refused(&spec("DequantizeLinear", one(), &[1]).with_integer("block_size", 2)).contains("blocks"));
        assert!(refused(&spec("DequantizeLinear", array![[1.0]].into_dyn(), &[1])).contains("shape [1, 1]"));
        assert!(matches!(read_any(&OperatorSpec::<f64>::new("QuantizeLinear", 2)), Err(Error::NotConstant { .. })));
    }
}
