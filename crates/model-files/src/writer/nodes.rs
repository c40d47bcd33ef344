//! Operations as nodes of opset 17.
//!
//! Most are as they define themselves. What came later, or is no operator at all, is written as exporters write it, so
//! that it is recognized when it is read.

use std::f64::consts::{FRAC_2_PI, SQRT_2};
use std::sync::Arc;

use ndarray::{ArrayD, arr0};
use neural_lrp::operation::{Attribute, Constant, Input, Numbers, OperatorSpec};
use neural_lrp::operations::Softmax;
use neural_lrp::{Operation, Real};
use rten_onnx::onnx::DataType;

use super::Document;
use crate::Error;
use crate::graph::Node;

mod normalization;

impl Document {
    /// Adds an operation of a network. All tensors that it takes and gives are of floating-point numbers; what it takes for
    /// integers or truth values is cast on the way in, and such an output on the way out.
    pub(super) fn operation<F: Real>(
        &mut self,
        name: &str,
        operation: &dyn Operation<F>,
        operands: &[String],
        rank: Option<usize>,
        output: &str,
    ) -> Result<(), Error> {
        let cast = |(position, operand): (usize, &String)| match data_type(operation.takes(position)) {
            None => operand.clone(),
            Some(to) => {
                let input = self.fresh_name(format!("{name}.{position}"));
                self.cast(operand, to, &input);
                input
            }
        };
        let operands: Vec<String> = operands.iter().enumerate().map(cast).collect();
        if data_type(operation.gives()).is_none() {
            return self.node(name, operation.to_spec(), &operands, rank, output);
        }
        let given = self.fresh_name(format!("{output}.given"));
        self.node(name, operation.to_spec(), &operands, rank, &given)?;
        self.cast(&given, self.data_type, output);
        Ok(())
    }

    fn cast(&mut self, source: &str, to: DataType, output: &str) {
        let to = Attribute::Integer(i64::from(to.0));
        self.push(&Node::new(format!("{output}.cast"), "Cast", &[source], output).with("to", to));
    }

    /// Adds an operation of a network: its spec, the tensors it takes, the rank of the first, and its output.
    fn node<F: Real>(
        &mut self,
        name: &str,
        spec: OperatorSpec<F>,
        operands: &[String],
        rank: Option<usize>,
        output: &str,
    ) -> Result<(), Error> {
        let kind = spec.kind.clone();
        let mut writer = NodeWriter { document: self, name, spec, operands, rank, output: output.to_owned() };
        match kind.as_str() {
            "Affine" => writer.affine(),
            "Gelu" => writer.gelu(),
            "Gemm" if rank != Some(2) => writer.linear(),
            "Mish" => {
                let softplus = writer.step("Softplus", &[&writer.source()], "softplus");
                let bounded = writer.step("Tanh", &[&softplus], "bounded");
                writer.last("Mul", &[&writer.source(), &bounded]);
                Ok(())
            }
            "Pad" if writer.spec.has_input(3) => writer.pad(rank),
            "Einsum" if writer.spec.has_input(2) => writer.einsum(),
            "QuantizeLinear" | "DequantizeLinear" | "FakeQuantize" => {
                Err(writer.refuse("quantized activations are not written"))
            }
            "Col2Im" => Err(writer.refuse("opset 17 has no such operator")),
            "GridSample" => writer.grid_sample(),
            "GroupNormalization" => writer.group_normalization(),
            "LayerNormalization" => match writer.spec.integers("axes")?.map(<[i64]>::to_vec) {
                Some(axes) => writer.layer_normalization(&axes),
                None => {
                    writer.plain();
                    Ok(())
                }
            },
            "RMSNormalization" => writer.rms_normalization(),
            // The axes of sums have been an input since opset 13, those of all others not before 18.
            reduction if reduction.starts_with("Reduce") && reduction != "ReduceSum" => writer.reduction(),
            "Silu" => {
                let alpha = writer.spec.real("alpha", 1.0)?;
                let line = match alpha == 1.0 {
                    true => writer.source(),
                    false => {
                        let alpha = writer.number(alpha, "alpha");
                        writer.step("Mul", &[&writer.source(), &alpha], "line")
                    }
                };
                let gate = writer.step("Sigmoid", &[&line], "gate");
                writer.last("Mul", &[&writer.source(), &gate]);
                Ok(())
            }
            "Softmax" if writer.spec.integer(Softmax::ZERO_WHERE_FULLY_MASKED, 0)? != 0 => writer.masked_softmax(),
            "SumPool" => writer.sum_pool(),
            "AveragePool" | "LpPool" => writer.pool(),
            _ => {
                writer.plain();
                Ok(())
            }
        }
    }
}

/// ONNX's type of numbers that are no floating-point numbers.
fn data_type(numbers: Numbers) -> Option<DataType> {
    match numbers {
        Numbers::Real => None,
        Numbers::Integer => Some(DataType::INT64),
        Numbers::Boolean => Some(DataType::BOOL),
    }
}

/// An operation while it is written as one node or several.
struct NodeWriter<'a, F> {
    document: &'a mut Document,
    name: &'a str,
    spec: OperatorSpec<F>,
    operands: &'a [String],
    /// How many axes the first operand has, where that is known.
    rank: Option<usize>,
    output: String,
}

impl<F: Real> NodeWriter<'_, F> {
    fn source(&self) -> String {
        self.operands.first().cloned().unwrap_or_default()
    }

    fn refuse(&self, reason: &str) -> Error {
        Error::Node { node: self.name.to_owned(), kind: self.spec.kind.clone(), reason: reason.to_owned() }
    }

    /// The operation as it defines itself.
    fn plain(&mut self) {
        let mut operands = self.operands.iter();
        let mut inputs = Vec::new();
        for (position, input) in self.spec.inputs.iter().enumerate() {
            inputs.push(match input {
                Input::Absent => String::new(),
                Input::Tensor => operands.next().cloned().unwrap_or_default(),
                Input::Constant(value) => self.document.constant(format!("{}.{position}", self.name), value),
            });
        }
        while inputs.last().is_some_and(String::is_empty) {
            inputs.pop();
        }
        let outputs = self.outputs();
        let attributes = std::mem::take(&mut self.spec.attributes);
        let (name, kind) = (self.name.to_owned(), self.spec.kind.clone());
        self.document.push(&Node { name, kind, attributes, inputs, outputs, branches: None, body: None });
    }

    /// The outputs of the node up to the operation's own, and all that it must have.
    fn outputs(&mut self) -> Vec<String> {
        let own = match self.spec.attributes.remove("output") {
            Some(Attribute::Integer(own)) => usize::try_from(own).unwrap_or_default(),
            _ => 0,
        };
        let count = if self.spec.kind == "TopK" { 2 } else { own + 1 };
        let output = |at| match at == own {
            true => self.output.clone(),
            false => self.document.fresh_name(format!("{}.{at}", self.output)),
        };
        (0..count).map(output).collect()
    }

    /// GridSample in the words of opset 16, which has it of images.
    fn grid_sample(&mut self) -> Result<(), Error> {
        if self.rank != Some(4) {
            return Err(self.refuse("opset 17 has it of images, of four axes"));
        }
        if let Some(Attribute::Text(mode)) = self.spec.attributes.get_mut("mode")
            && mode != "nearest"
        {
            *mode = format!("bi{mode}");
        }
        self.plain();
        Ok(())
    }

    /// Adds a node on the way; its output has the name that is returned.
    fn step(&mut self, kind: &str, inputs: &[&str], meaning: &str) -> String {
        let output = self.document.fresh_name(format!("{}.{meaning}", self.output));
        self.document.push(&Node::new(format!("{}.{meaning}", self.name), kind, inputs, &output));
        output
    }

    /// Adds the node that gives the output.
    fn last(&mut self, kind: &str, inputs: &[&str]) {
        self.document.push(&Node::new(self.name, kind, inputs, &self.output));
    }

    fn number(&mut self, value: f64, meaning: &str) -> String {
        let value = Constant::Real(Arc::new(arr0(F::of(value)).into_dyn()));
        self.document.constant(format!("{}.{meaning}", self.name), &value)
    }

    /// A softmax, and 0 in the place of NaN.
    fn masked_softmax(&mut self) -> Result<(), Error> {
        let axis = Attribute::Integer(self.spec.integer("axis", -1)?);
        let weights = self.document.fresh_name(format!("{}.weights", self.output));
        let softmax = Node::new(format!("{}.weights", self.name), "Softmax", &[&self.source()], &weights);
        self.document.push(&softmax.with("axis", axis));
        let undefined = self.step("IsNaN", &[&weights], "undefined");
        let zero = self.number(0.0, "zero");
        self.last("Where", &[&undefined, &zero, &weights]);
        Ok(())
    }

    /// `scale · x + shift`
    fn affine(&mut self) -> Result<(), Error> {
        let scale = Constant::Real(self.spec.required_constant(1, "scale")?);
        let shift = Constant::Real(self.spec.required_constant(2, "shift")?);
        let scale = self.document.constant(format!("{}.scale", self.name), &scale);
        let shift = self.document.constant(format!("{}.shift", self.name), &shift);
        let scaled = self.step("Mul", &[&self.source(), &scale], "scaled");
        self.last("Add", &[&scaled, &shift]);
        Ok(())
    }

    fn gelu(&mut self) -> Result<(), Error> {
        let source = self.source();
        let one = self.number(1.0, "one");
        let half = self.number(0.5, "half");
        let curve = if self.spec.text("approximate", "none")? == "tanh" {
            let (third, factor) = (self.number(3.0, "exponent"), self.number(0.044715, "cubic"));
            let scale = self.number(FRAC_2_PI.sqrt(), "scale");
            let cube = self.step("Pow", &[&source, &third], "cube");
            let cubic = self.step("Mul", &[&cube, &factor], "cubic");
            let sum = self.step("Add", &[&source, &cubic], "sum");
            let scaled = self.step("Mul", &[&sum, &scale], "scaled");
            self.step("Tanh", &[&scaled], "curve")
        } else {
            let root = self.number(SQRT_2, "root");
            let scaled = self.step("Div", &[&source, &root], "scaled");
            self.step("Erf", &[&scaled], "curve")
        };
        let gate = self.step("Add", &[&curve, &one], "gate");
        let gated = self.step("Mul", &[&source, &gate], "gated");
        self.last("Mul", &[&gated, &half]);
        Ok(())
    }

    /// A linear layer on tensors of any rank, which Gemm does not take: a product with the weights, then the bias.
    fn linear(&mut self) -> Result<(), Error> {
        let weights = self.spec.required_constant(1, "weights")?;
        let is_transposed = self.spec.integer("transB", 0)? == 1;
        let weights = if is_transposed { Arc::new(weights.t().as_standard_layout().into_owned()) } else { weights };
        let weights = self.document.constant(format!("{}.weights", self.name), &Constant::Real(weights));
        let source = self.source();
        match self.spec.constant(2, "bias")? {
            None => self.last("MatMul", &[&source, &weights]),
            Some(bias) => {
                let bias = self.document.constant(format!("{}.bias", self.name), &Constant::Real(bias));
                let product = self.document.fresh_name(format!("{}.product", self.output));
                self.document.push(&Node::new(self.name, "MatMul", &[&source, &weights], &product));
                self.document.push(&Node::new(format!("{}.sum", self.name), "Add", &[&product, &bias], &self.output));
            }
        }
        Ok(())
    }

    /// An Einsum with weights, then the bias.
    fn einsum(&mut self) -> Result<(), Error> {
        let bias = self.spec.required_constant(2, "bias")?;
        let bias = self.document.constant(format!("{}.bias", self.name), &Constant::Real(bias));
        let product = self.document.fresh_name(format!("{}.product", self.output));
        let output = std::mem::replace(&mut self.output, product.clone());
        self.spec.inputs.truncate(2);
        self.plain();
        self.document.push(&Node::new(format!("{}.sum", self.name), "Add", &[&product, &bias], output));
        Ok(())
    }

    /// Pad along some axes only.
    fn pad(&mut self, rank: Option<usize>) -> Result<(), Error> {
        let rank =
            rank.ok_or_else(|| self.refuse("how many axes it pads is not known; fix the network's input shape"))?;
        let pads = self.spec.constant_integers(1, "pads")?.unwrap_or_default();
        let axes = self.spec.constant_integers(3, "axes")?.unwrap_or_default();
        let mut all = vec![0; 2 * rank];
        for (index, axis) in axes.iter().enumerate() {
            let axis = usize::try_from(axis.rem_euclid(rank as i64)).unwrap_or_default();
            all[axis] = pads.get(index).copied().unwrap_or_default();
            all[axis + rank] = pads.get(index + axes.len()).copied().unwrap_or_default();
        }
        self.spec.inputs.truncate(3);
        self.spec.inputs[1] =
            Input::Constant(Constant::Integer(ArrayD::from_shape_fn(vec![2 * rank], |at| all[at[0]])));
        self.plain();
        Ok(())
    }

    /// The axes of a reduction are an attribute; over no axes, it is what it does to each number.
    fn reduction(&mut self) -> Result<(), Error> {
        let axes = self.spec.constant_integers(1, "axes")?;
        let keeps_all = self.spec.attributes.remove("noop_with_empty_axes").is_some();
        match axes {
            Some(axes) if !axes.is_empty() => {
                self.spec.attributes.insert("axes".to_owned(), Attribute::Integers(axes));
            }
            _ if keeps_all => {
                let source = self.source();
                match self.spec.kind.as_str() {
                    "ReduceL1" | "ReduceL2" => self.last("Abs", &[&source]),
                    "ReduceLogSum" => self.last("Log", &[&source]),
                    "ReduceSumSquare" => self.last("Mul", &[&source, &source]),
                    _ => self.last("Identity", &[&source]),
                }
                return Ok(());
            }
            _ => {}
        }
        self.spec.inputs.truncate(1);
        self.plain();
        Ok(())
    }

    /// Sums of windows times 1/√n are means times √n.
    fn sum_pool(&mut self) -> Result<(), Error> {
        if self.spec.integer("ceil_mode", 0)? != 0 {
            return Err(self.refuse("ONNX has no sums over partial windows; without ceil_mode they can be written"));
        }
        let count: i64 = self.spec.integers("kernel_shape")?.unwrap_or_default().iter().product();
        let root = self.number((count as f64).sqrt(), "root");
        let mean = self.document.fresh_name(format!("{}.mean", self.output));
        let output = std::mem::replace(&mut self.output, mean.clone());
        self.spec.kind = "AveragePool".to_owned();
        self.spec.attributes.insert("count_include_pad".to_owned(), Attribute::Integer(1));
        self.pool()?;
        self.document.push(&Node::new(format!("{}.scale", self.name), "Mul", &[&mean, &root], output));
        Ok(())
    }

    /// Dilated means and norms came with later opsets; until then there is no attribute for dilations.
    fn pool(&mut self) -> Result<(), Error> {
        let is_plain = self.spec.integers("dilations")?.unwrap_or_default().iter().all(|&dilation| dilation == 1);
        let is_norm = self.spec.kind == "LpPool";
        if !is_plain || (is_norm && self.spec.integer("ceil_mode", 0)? != 0) {
            return Err(self.refuse("opset 17 has no dilated pooling but of maxima, and no partial windows of norms"));
        }
        self.spec.attributes.remove("dilations");
        if is_norm {
            self.spec.attributes.remove("ceil_mode");
        }
        self.plain();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use neural_lrp::operations::{Padding, Rounding, SumPool, Window};
    use neural_lrp::{Network, NetworkBuilder};

    use super::*;
    use crate::{InputShapes, read, write};

    fn sums(window: Window) -> Network<f64> {
        let mut network = NetworkBuilder::new();
        network.input("x", [Some(1), Some(2), Some(4), Some(3)]);
        network.node("sums", Arc::new(SumPool::new(window).unwrap()), ["x"], "y").output("y");
        network.build().unwrap()
    }

    /// What a network of nodes gives of the same input before and after it was written and read.
    fn before_and_after(shape: [usize; 4], nodes: Vec<(OperatorSpec<f64>, &[&str], &str)>) -> [ArrayD<f64>; 2] {
        let mut network = NetworkBuilder::new();
        network.input("x", shape.map(Some));
        network.constant("grid", ArrayD::from_shape_fn(vec![1, 2, 2, 2], |at| (at[1] + at[2] * at[3]) as f64 / 3.0));
        let last = nodes.last().unwrap().2;
        for (spec, operands, output) in nodes {
            network.node(output, neural_lrp::operations::read(&spec).unwrap().operation, operands.to_vec(), output);
        }
        network.output(last);
        let network = network.build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.onnx");
        write(&network, &path).unwrap();
        let again = read::<f64>(&path).unwrap().network(&InputShapes::new().with("x", shape)).unwrap();
        let number = |index: usize| ((index * 37 + 11) % 23) as f64 / 8.0 - 1.0;
        let count = shape.iter().product();
        let input = ArrayD::from_shape_vec(shape.to_vec(), (0..count).map(number).collect()).unwrap();
        [network, again].map(|network| network.forward(vec![input.clone()]).unwrap().output().to_owned())
    }

    #[test]
    fn truth_values_and_positions_are_cast_on_their_way() {
        let spec = |kind: &str, operands| OperatorSpec::<f64>::new(kind, operands);
        let pool = || spec("MaxPool", 1).with_integers("kernel_shape", [2, 2]).with_integers("strides", [2, 2]);
        let unpool = spec("MaxUnpool", 2).with_integers("kernel_shape", [2, 2]).with_integers("strides", [2, 2]);
        let [before, after] = before_and_after(
            [1, 2, 4, 4],
            vec![
                (pool(), &["x"], "maxima"),
                (pool().with_integer("output", 1), &["x"], "positions"),
                (unpool, &["maxima", "positions"], "unpooled"),
                (spec("Greater", 2), &["x", "unpooled"], "is_greater"),
                (spec("Not", 1), &["is_greater"], "is_not"),
                (spec("Cast", 1).with_integer("to", 6), &["x"], "whole"),
                (spec("Where", 3), &["is_not", "whole", "unpooled"], "chosen"),
                (spec("ArgMax", 1).with_integer("axis", 3), &["chosen"], "first"),
                (spec("TopK", 1).with_constant_integers([1]).with_integer("output", 1), &["chosen"], "top"),
                (spec("Sum", 4), &["chosen", "first", "top", "is_greater"], "y"),
            ],
        );
        assert_eq!(before, after);
    }

    #[test]
    fn grids_are_written_in_older_words() {
        for mode in ["nearest", "linear", "cubic"] {
            let spec = OperatorSpec::<f64>::new("GridSample", 2).with_text("mode", mode);
            let [before, after] = before_and_after([1, 2, 4, 4], vec![(spec, &["x", "grid"], "y")]);
            assert_eq!(before, after);
        }
    }

    #[test]
    fn sums_over_padding_are_written_as_means_that_count_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sums.onnx");
        let window = Window::new([2, 2]).strides([2, 2]).padding(Padding::symmetric([1, 1]));
        let network = sums(window.clone());
        write(&network, &path).unwrap();
        let again = read::<f64>(&path).unwrap().network(&InputShapes::new().with("x", [1, 2, 4, 3])).unwrap();
        let input = ArrayD::from_shape_fn(vec![1, 2, 4, 3], |at| (at[1] * 12 + at[2] * 3 + at[3]) as f64 - 7.0);
        let [expected, found] = [network, again].map(|network| {
            let activations = network.forward(vec![input.clone()]).unwrap();
            activations.output().to_owned()
        });
        assert!(found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < 1e-12));
        assert_eq!(found.shape(), expected.shape());
        let cut = write(&sums(window.rounding(Rounding::Ceil)), &path).unwrap_err().to_string();
        assert!(cut.contains("partial windows"), "{cut}");
    }
}
