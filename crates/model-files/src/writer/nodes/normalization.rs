//! Normalizations that opset 17 has no operator for, in the operators that it has.

use std::sync::Arc;

use ndarray::ArrayD;
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::NodeWriter;
use crate::Error;
use crate::graph::Node;

impl<F: Real> NodeWriter<'_, F> {
    /// Layer normalization over any axes, as exporters spell it out.
    pub(super) fn layer_normalization(&mut self, axes: &[i64]) -> Result<(), Error> {
        let source = self.source();
        let mean = self.mean_over(&source, axes, "mean");
        let difference = self.step("Sub", &[&source, &mean], "difference");
        self.divided(&difference, axes)
    }

    /// Normalization by the root mean square, spelled out.
    pub(super) fn rms_normalization(&mut self) -> Result<(), Error> {
        if let Some(axes) = self.spec.integers("axes")?.map(<[i64]>::to_vec) {
            let source = self.source();
            return self.divided(&source, &axes);
        }
        let axis = self.spec.integer("axis", -1)?;
        let axes: Vec<i64> = match (axis < 0, self.rank) {
            (true, _) => (axis..0).collect(),
            (false, Some(rank)) => (axis..rank as i64).collect(),
            (false, None) => {
                return Err(self.refuse("how many axes there are is not known; fix the network's input shape"));
            }
        };
        let source = self.source();
        self.divided(&source, &axes)
    }

    /// `x / √(mean x² + ε) · scale + shift`
    fn divided(&mut self, numbers: &str, axes: &[i64]) -> Result<(), Error> {
        let epsilon = self.spec.real("epsilon", 1e-5)?;
        let epsilon = self.number(epsilon, "epsilon");
        let square = self.step("Mul", &[numbers, numbers], "square");
        let variance = self.mean_over(&square, axes, "variance");
        let sum = self.step("Add", &[&variance, &epsilon], "positive");
        let root = self.step("Sqrt", &[&sum], "deviation");
        let quotient = self.step("Div", &[numbers, &root], "normalized");
        let (scale, shift) = (self.spec.required_constant(1, "scale")?, self.spec.constant(2, "bias")?);
        self.scaled_and_shifted(&quotient, scale, shift);
        Ok(())
    }

    /// Group normalization as torch writes it: instance normalization of groups that are taken for channels.
    pub(super) fn group_normalization(&mut self) -> Result<(), Error> {
        let source = self.source();
        let groups = self.spec.integer("num_groups", 1)?;
        let (scale, shift) = (self.spec.required_constant(1, "scale")?, self.spec.required_constant(2, "bias")?);
        let is_of_groups = scale.len() as i64 == groups && shift.len() as i64 == groups;
        let length = usize::try_from(groups).unwrap_or_default();
        let (own_scale, own_shift) = match is_of_groups {
            true => (Arc::clone(&scale), Arc::clone(&shift)),
            false => (Arc::new(ArrayD::ones(vec![length])), Arc::new(ArrayD::zeros(vec![length]))),
        };
        let own_scale = self.document.constant(format!("{}.scale of groups", self.name), &Constant::Real(own_scale));
        let own_shift = self.document.constant(format!("{}.shift of groups", self.name), &Constant::Real(own_shift));
        let together = Constant::<F>::Integer(ndarray::arr1(&[0, groups, -1]).into_dyn());
        let together = self.document.constant(format!("{}.together", self.name), &together);
        let grouped = self.step("Reshape", &[&source, &together], "grouped");
        let standardized = self.document.fresh_name(format!("{}.standardized", self.output));
        let epsilon = Attribute::Real(self.spec.real("epsilon", 1e-5)?);
        let inputs = [grouped.as_str(), &own_scale, &own_shift];
        let name = format!("{}.standardized", self.name);
        let node = Node::new(name, "InstanceNormalization", &inputs, &standardized).with("epsilon", epsilon);
        self.document.push(&node);
        let shape = self.step("Shape", &[&source], "shape");
        if is_of_groups {
            self.last("Reshape", &[&standardized, &shape]);
            return Ok(());
        }
        let apart = self.step("Reshape", &[&standardized, &shape], "apart");
        let Some(rank) = self.rank else {
            return Err(self.refuse("how many axes there are is not known; fix the network's input shape"));
        };
        let over_channels = |numbers: Arc<ArrayD<F>>| {
            let shape: Vec<usize> = [numbers.len()].into_iter().chain(vec![1; rank - 2]).collect();
            Arc::new(ArrayD::from_shape_fn(shape, |place| numbers[[place[0]]]))
        };
        self.scaled_and_shifted(&apart, over_channels(scale), Some(over_channels(shift)));
        Ok(())
    }

    fn scaled_and_shifted(&mut self, numbers: &str, scale: Arc<ArrayD<F>>, shift: Option<Arc<ArrayD<F>>>) {
        let scale = self.document.constant(format!("{}.scale", self.name), &Constant::Real(scale));
        let Some(shift) = shift else { return self.last("Mul", &[numbers, &scale]) };
        let shift = self.document.constant(format!("{}.shift", self.name), &Constant::Real(shift));
        let scaled = self.step("Mul", &[numbers, &scale], "scaled");
        self.last("Add", &[&scaled, &shift]);
    }

    fn mean_over(&mut self, numbers: &str, axes: &[i64], meaning: &str) -> String {
        let output = self.document.fresh_name(format!("{}.{meaning}", self.output));
        let node = Node::new(format!("{}.{meaning}", self.name), "ReduceMean", &[numbers], &output);
        self.document.push(&node.with("axes", Attribute::Integers(axes.to_vec())));
        output
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn};
    use neural_lrp::operation::OperatorSpec;
    use neural_lrp::{NetworkBuilder, operations};

    use super::*;

    fn numbers(shape: &[usize]) -> ArrayD<f64> {
        let mut next = 0.0;
        ArrayD::from_shape_simple_fn(IxDyn(shape), || {
            next = (next + 0.37) % 1.9;
            next - 0.8
        })
    }

    /// What a network of one operation gives, and what it gives after it was written and read.
    fn both(spec: &OperatorSpec<f64>, input: &[usize]) -> [ArrayD<f64>; 2] {
        let mut builder = NetworkBuilder::new();
        builder.input("x", input.iter().copied().map(Some).collect::<Vec<_>>());
        builder.node("operation", operations::read(spec).unwrap().operation, ["x"], "y");
        builder.output("y");
        let network = builder.build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.onnx");
        crate::write(&network, &path).unwrap();
        let again = crate::read::<f64>(&path).unwrap().network_with_defaults().unwrap();
        [network, again].map(|network| network.forward(vec![numbers(input)]).unwrap().output().to_owned())
    }

    fn normalization(kind: &str, parameters: &[&[usize]]) -> OperatorSpec<f64> {
        let spec = OperatorSpec::new(kind, 1).with_real("epsilon", 0.125);
        parameters.iter().fold(spec, |spec, shape| spec.with_constant(Arc::new(numbers(shape))))
    }

    #[test]
    fn what_is_written_computes_the_same() {
        let (layer, rms, group) = ("LayerNormalization", "RMSNormalization", "GroupNormalization");
        let cases = [
            normalization(layer, &[&[2], &[2]]).with_integer("axis", -1),
            normalization(layer, &[&[4, 1, 1], &[4, 1, 1]]).with_integers("axes", [1]),
            normalization(layer, &[&[4, 3, 1]]).with_integers("axes", [-2, 1]),
            normalization(rms, &[&[3, 2]]).with_integer("axis", 2),
            normalization(rms, &[&[2]]).with_integer("axis", -2),
            normalization("InstanceNormalization", &[&[4], &[4]]),
            normalization(group, &[&[4], &[4]]).with_integer("num_groups", 2),
            normalization(group, &[&[2], &[2]]).with_integer("num_groups", 2),
            OperatorSpec::new("ReduceMax", 1).with_constant_integers([1, -1]).with_integer("keepdims", 0),
            OperatorSpec::new("ReduceLogSumExp", 1),
            OperatorSpec::new("ReduceSumSquare", 1).with_integer("noop_with_empty_axes", 1),
            OperatorSpec::new("ReduceL1", 1).with_integer("noop_with_empty_axes", 1),
            OperatorSpec::new("Einsum", 1)
                .with_text("equation", "bchw,dc->bdhw")
                .with_constant(Arc::new(numbers(&[5, 4])))
                .with_constant(Arc::new(numbers(&[5, 1, 1]))),
        ];
        for spec in cases {
            let [expected, found] = both(&spec, &[2, 4, 3, 2]);
            assert_eq!(found.shape(), expected.shape(), "{}", spec.kind);
            for (found, expected) in found.iter().zip(&expected) {
                // Files hold attributes like ε in single precision, 1/8 is exact in it.
                assert!((found - expected).abs() < 1e-12, "{}: {found} instead of {expected}", spec.kind);
            }
        }
    }
}
