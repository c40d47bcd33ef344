//! Operators of numbers on a grid of few bits: the operators of real numbers that they stand for, between the ways back from
//! the grid and onto it.

use ndarray::ArrayD;
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::{Expand, Parts};
use crate::Error;
use crate::opset::OVER_ALL_FOLLOWING_AXES;

/// The attributes of a convolution.
const CONVOLUTION: &[&str] = &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];
/// The attributes of a pooling.
const POOLING: &[&str] =
    &["auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides"];

pub(super) fn find<F: Real>(kind: &str) -> Option<Expand<F>> {
    Some(match kind {
        "QLinearConv" | "com.microsoft:QLinearConv" => convolution,
        "QLinearMatMul" => product,
        "ConvInteger" => convolution_of_integers,
        "MatMulInteger" => product_of_integers,
        "ConvIntegerToFloat" => convolution_to_real,
        "DynamicQuantizeLinear" => dynamic_grid,
        "DequantizeLinear" => back_from_grid,
        "com.microsoft:QuantizeLinear" => |parts| renamed(parts, "QuantizeLinear"),
        "com.microsoft:DequantizeLinear" => back_from_grid,
        "com.microsoft:DynamicQuantizeMatMul" => dynamic_product,
        "com.microsoft:MatMulIntegerToFloat" => product_to_real,
        "com.microsoft:QGemm" => dense,
        "com.microsoft:QLinearAdd" => |parts| of_two(parts, "Add"),
        "com.microsoft:QLinearMul" => |parts| of_two(parts, "Mul"),
        "com.microsoft:QLinearAveragePool" => |parts| of_one(parts, "AveragePool", POOLING),
        "com.microsoft:QLinearConcat" => concat,
        "com.microsoft:QLinearGlobalAveragePool" => |parts| of_one(parts, "GlobalAveragePool", &[]),
        "com.microsoft:QLinearLeakyRelu" => |parts| of_one(parts, "LeakyRelu", &["alpha"]),
        "com.microsoft:QLinearReduceMean" => mean,
        "com.microsoft:QLinearSigmoid" => |parts| of_one(parts, "Sigmoid", &[]),
        "com.microsoft:QLinearSoftmax" => softmax,
        "com.microsoft:QLinearWhere" => choice,
        _ => return None,
    })
}

/// The input with the zero point of what an operator puts onto a grid: its type is that of the grid.
pub(crate) fn zero_point_of_output(kind: &str) -> Option<usize> {
    match kind.strip_prefix("com.microsoft:").unwrap_or(kind) {
        "QLinearConcat" => Some(1),
        "QuantizeLinear" => Some(2),
        "QLinearAveragePool"
        | "QLinearGlobalAveragePool"
        | "QLinearLeakyRelu"
        | "QLinearReduceMean"
        | "QLinearSigmoid"
        | "QLinearSoftmax" => Some(4),
        "QLinearAdd" | "QLinearConv" | "QLinearMatMul" | "QLinearMul" => Some(7),
        "QGemm" | "QLinearWhere" => Some(8),
        _ => None,
    }
}

impl<'a, F: Real> Parts<'a, F> {
    /// An input of integers as the real numbers that they stand for; scale and zero point are the two inputs from
    /// `scale` on.
    fn back(&mut self, position: usize, scale: usize, axis: i64) -> Result<String, Error> {
        self.back_by(position, [scale, scale + 1], axis)
    }

    pub(super) fn back_by(&mut self, position: usize, [scale, zero]: [usize; 2], axis: i64) -> Result<String, Error> {
        let (tensor, scale) = (self.input(position)?, self.input(scale)?);
        Ok(self.dequantized(tensor, scale, self.node.input(zero), axis, position))
    }

    fn dequantized(&mut self, tensor: &str, scale: &str, zero: Option<&str>, axis: i64, position: usize) -> String {
        let inputs: Vec<&str> = [tensor, scale].into_iter().chain(zero).collect();
        let meaning = format!("input {position}");
        if let Some([source, _]) = self.grids.get(tensor).filter(|[_, own]| own == scale) {
            return self.step("FakeQuantize", &[source], &meaning);
        }
        self.step_with("DequantizeLinear", &inputs, &meaning, [("axis", Attribute::Integer(axis))])
    }

    /// Puts a tensor onto the grid of the node's output, whose scale and zero point are the two inputs from `scale` on.
    fn onto(&mut self, tensor: &str, scale: usize) -> Result<(), Error> {
        self.onto_grid(tensor, self.input(scale)?, self.node.input(scale + 1));
        Ok(())
    }

    fn onto_grid(&mut self, tensor: &str, scale: &str, zero: Option<&str>) {
        let inputs: Vec<&str> = [tensor, scale].into_iter().chain(zero).collect();
        self.step("QuantizeLinear", &inputs, "quantized");
        if let Some(data_type) = self.node.attributes.get("output_dtype") {
            self.set("output_dtype", data_type.clone());
        }
        self.gives(0);
    }

    /// A bias of integers: its scale is the product of two others.
    fn bias(&mut self, position: usize, scales: [usize; 2]) -> Result<Option<String>, Error> {
        let Some(bias) = self.node.input(position) else { return Ok(None) };
        let scales = [self.input(scales[0])?, self.input(scales[1])?];
        let scale = self.step("Mul", &scales, "scale of the bias");
        Ok(Some(self.dequantized(bias, &scale, None, 0, position)))
    }

    /// An input of integers without its zero point.
    fn centered(&mut self, position: usize, zero: usize, axis: i64) -> Result<String, Error> {
        let tensor = self.input(position)?;
        let zero = self.node.input(zero);
        let shape = match zero.map(|zero| self.known(zero)) {
            Some(None) => {
                return Ok(self.step("Sub", &[tensor, zero.unwrap_or_default()], &format!("input {position}")));
            }
            Some(Some(Constant::Integer(zeros))) => zeros.shape().to_vec(),
            Some(Some(Constant::Real(_))) => return Err(self.node.refuse("its zero points should be integers")),
            None => Vec::new(),
        };
        let one = self.array(ArrayD::ones(shape), &format!("scale of input {position}"));
        Ok(self.dequantized(tensor, &one, zero, axis, position))
    }
}

/// DequantizeLinear; of what spans its own grid, both ways as one.
fn back_from_grid<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let (tensor, scale) = (parts.input(0)?, parts.input(1)?);
    if parts.grids.get(tensor).is_none_or(|[_, own]| own != scale) {
        return renamed(parts, "DequantizeLinear");
    }
    parts.dequantized(tensor, scale, None, 1, 0);
    parts.gives(0);
    Ok(())
}

fn renamed<F: Real>(parts: &mut Parts<'_, F>, kind: &str) -> Result<(), Error> {
    let mut node = parts.node.clone();
    node.kind = kind.to_owned();
    parts.nodes.push(node);
    Ok(())
}

/// QLinearConv, with channels at either end.
fn convolution<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let (image, weights) = (parts.back(0, 1, 1)?, parts.back(3, 4, 0)?);
    let bias = parts.bias(8, [1, 4])?;
    let is_channels_last = parts.flag("channels_last")?;
    let image = if is_channels_last { parts.channels_moved(&image, true, "channels in front") } else { image };
    let inputs: Vec<&str> = [image.as_str(), &weights].into_iter().chain(bias.as_deref()).collect();
    let result = parts.main("Conv", &inputs, CONVOLUTION);
    let result = if is_channels_last { parts.channels_moved(&result, false, "channels last") } else { result };
    parts.onto(&result, 6)
}

fn product<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let (left, right) = (parts.back(0, 1, -2)?, parts.back(3, 4, -1)?);
    let result = parts.main("MatMul", &[&left, &right], &[]);
    parts.onto(&result, 6)
}

fn convolution_of_integers<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let (image, weights) = (parts.centered(0, 2, 1)?, parts.centered(1, 3, 0)?);
    parts.main("Conv", &[&image, &weights], CONVOLUTION);
    parts.gives(0);
    Ok(())
}

fn product_of_integers<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let (left, right) = (parts.centered(0, 2, -2)?, parts.centered(1, 3, -1)?);
    parts.main("MatMul", &[&left, &right], &[]);
    parts.gives(0);
    Ok(())
}

/// ConvInteger, scaled back to real numbers.
fn convolution_to_real<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let image = parts.back_by(0, [2, 4], 1)?;
    // The scales of filters stand along the axis of channels of their output.
    let scale = parts.reals(3, "scale of weights")?;
    let scale = match scale.len() {
        1 => parts.input(3)?.to_owned(),
        length => {
            let by_filter = ArrayD::from_shape_vec(vec![length], scale.iter().copied().collect());
            parts.array(by_filter.unwrap_or_else(|_| unreachable!("as many as there are")), "scale of filters")
        }
    };
    let weights = parts.dequantized(parts.input(1)?, &scale, parts.node.input(5), 0, 1);
    parts.main("Conv", &[&image, &weights], CONVOLUTION);
    parts.gives(0);
    Ok(())
}

/// The product of two factors, and a bias.
fn product_and_bias<F: Real>(parts: &mut Parts<'_, F>, [left, right]: [&str; 2], bias: usize) {
    let result = parts.main("MatMul", &[left, right], &[]);
    if let Some(bias) = parts.node.input(bias) {
        parts.step("Add", &[&result, bias], "bias");
    }
    parts.gives(0);
}

/// MatMulIntegerToFloat.
fn product_to_real<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let (left, right) = (parts.back_by(0, [2, 4], -2)?, parts.back_by(1, [3, 5], -1)?);
    product_and_bias(parts, [&left, &right], 6);
    Ok(())
}

/// DynamicQuantizeMatMul: the first factor spans its grid.
fn dynamic_product<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let right = parts.back(1, 2, -1)?;
    let left = parts.step("FakeQuantize", &[parts.input(0)?], "input 0");
    product_and_bias(parts, [&left, &right], 4);
    Ok(())
}

/// QGemm, whose output is of real numbers where it has no scale.
fn dense<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let columns = if parts.flag("transB")? { 0 } else { 1 };
    let (left, right) = (parts.back(0, 1, 0)?, parts.back(3, 4, columns)?);
    let bias = parts.bias(6, [1, 4])?;
    let inputs: Vec<&str> = [left.as_str(), &right].into_iter().chain(bias.as_deref()).collect();
    let result = parts.main("Gemm", &inputs, &["alpha", "transA", "transB"]);
    let factor = parts.number("alpha", 1.0)?;
    parts.set("beta", Attribute::Real(factor));
    match parts.node.input(7) {
        Some(_) => parts.onto(&result, 7),
        None => {
            parts.gives(0);
            Ok(())
        }
    }
}

fn of_two<F: Real>(parts: &mut Parts<'_, F>, kind: &str) -> Result<(), Error> {
    let (left, right) = (parts.back(0, 1, 1)?, parts.back(3, 4, 1)?);
    let result = parts.main(kind, &[&left, &right], &[]);
    parts.onto(&result, 6)
}

fn of_one<F: Real>(parts: &mut Parts<'_, F>, kind: &str, attributes: &[&str]) -> Result<(), Error> {
    let operand = parts.back(0, 1, 1)?;
    let is_channels_last = parts.flag("channels_last")?;
    let operand = if is_channels_last { parts.channels_moved(&operand, true, "channels in front") } else { operand };
    let result = parts.main(kind, &[&operand], attributes);
    let result = if is_channels_last { parts.channels_moved(&result, false, "channels last") } else { result };
    parts.onto(&result, 3)
}

/// QLinearReduceMean, whose axes are an attribute.
fn mean<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let operand = parts.back(0, 1, 1)?;
    let axes = parts.node.integers("axes")?.map(<[i64]>::to_vec);
    let axes = axes.map(|axes| parts.integers(axes, "axes"));
    let inputs: Vec<&str> = [operand.as_str()].into_iter().chain(axes.as_deref()).collect();
    let result = parts.main("ReduceMean", &inputs, &["keepdims"]);
    parts.onto(&result, 3)
}

/// QLinearSoftmax, in the form of the operator set that it names.
///
/// onnxruntime counts in quanta of which a whole number is 1, whatever the scale of the output.
fn softmax<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let operand = parts.back(0, 1, 1)?;
    let result = parts.main("Softmax", &[&operand], &["axis"]);
    if parts.node.integer("opset", 13)? < 13 {
        let axis = parts.node.integer("axis", 1)?;
        parts.set("axis", Attribute::Integer(axis));
        parts.set(OVER_ALL_FOLLOWING_AXES, Attribute::Integer(1));
    }
    let scale = parts.reals(3, "scale")?.first().map_or(1.0, |scale| scale.as_()) as f32;
    let quantum = parts.scalar(scale.recip().floor().recip().into(), "quantum");
    parts.onto_grid(&result, &quantum, parts.node.input(4));
    Ok(())
}

/// QLinearConcat: scale and zero point of the output, then each tensor with its own.
fn concat<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let positions = (2..parts.node.inputs.len()).step_by(3);
    let pieces = positions.map(|position| parts.back(position, position + 1, 1)).collect::<Result<Vec<String>, _>>()?;
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let result = parts.main("Concat", &pieces, &["axis"]);
    parts.onto(&result, 0)
}

fn choice<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let (first, second) = (parts.back(1, 2, 1)?, parts.back(4, 5, 1)?);
    let result = parts.main("Where", &[parts.input(0)?, &first, &second], &[]);
    parts.onto(&result, 7)
}

/// DynamicQuantizeLinear, as ONNX writes it out: the numbers and 0 span a grid of 8 bits.
fn dynamic_grid<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let operand = parts.input(0)?;
    let [zero, steps] = [(0.0, "zero"), (255.0, "steps")].map(|(value, meaning)| parts.scalar(value, meaning));
    let keep = [("keepdims", Attribute::Integer(0))];
    let least = parts.step_with("ReduceMin", &[operand], "least", keep.clone());
    let largest = parts.step_with("ReduceMax", &[operand], "largest", keep);
    let least = parts.step("Min", &[&least, &zero], "least with zero");
    let largest = parts.step("Max", &[&largest, &zero], "largest with zero");
    let range = parts.step("Sub", &[&largest, &least], "range");
    let scale = parts.step("Div", &[&range, &steps], "scale");
    parts.gives(1);
    let scale = parts.node.outputs.get(1).filter(|name| !name.is_empty()).cloned().unwrap_or(scale);
    let opposite = parts.step("Sub", &[&zero, &least], "opposite of the least");
    let place = parts.step("Div", &[&opposite, &scale], "place of zero");
    let place = parts.step("Clip", &[&place, &zero, &steps], "place of zero within");
    let origin = parts.step("Round", &[&place], "zero point");
    parts.gives(2);
    let origin = parts.node.outputs.get(2).filter(|name| !name.is_empty()).cloned().unwrap_or(origin);
    let exact = parts.step("Div", &[operand, &scale], "in quanta");
    let rounded = parts.step("Round", &[&exact], "rounded");
    let moved = parts.step("Add", &[&rounded, &origin], "moved");
    parts.step("Clip", &[&moved, &zero, &steps], "quantized");
    parts.gives(0);
    Ok(())
}
