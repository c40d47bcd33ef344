//! Whether samples can go through a network together.

use crate::Real;
use crate::network::{Network, Node, TensorId};

impl<F: Real> Network<F> {
    /// Whether any number of samples can go through the network together, and each gets what it gets alone: every tensor
    /// that depends on an input has one position along its first axis for each sample, from first to last.
    pub(crate) fn keeps_samples_apart(&self) -> bool {
        *self.graph.keeps_samples_apart.get_or_init(|| self.find_samples_apart())
    }

    fn find_samples_apart(&self) -> bool {
        let open = self.inputs().iter().all(|input| input.shape.first() == Some(&None));
        let (Some(two), Some(three)) = (self.typical_shapes_of(2), self.typical_shapes_of(3)) else { return false };
        let grows = |tensor: TensorId| {
            let shapes = [&two, &three].map(|shapes| shapes[tensor.index()].as_slice());
            matches!(shapes, [[2, two @ ..], [3, three @ ..]] if two == three)
        };
        let is_apart = |node: &Node<F>| {
            let shapes: Vec<&[usize]> = node.operands.iter().map(|operand| two[operand.index()].as_slice()).collect();
            grows(node.output) && node.operation.keeps_samples_apart(&shapes)
        };
        open && self.inputs().iter().all(|input| grows(input.tensor)) && self.nodes().iter().all(is_apart)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::array;

    use crate::network::NetworkBuilder;
    use crate::operation::OperatorSpec;
    use crate::operations::read;

    /// Whether samples keep apart in a chain of operations over inputs of three channels and two positions.
    fn apart(chain: &[OperatorSpec<f64>]) -> bool {
        let mut network = NetworkBuilder::new();
        network.input("0", [None, Some(3), Some(2)]);
        for (place, spec) in chain.iter().enumerate() {
            let operation = read(spec).unwrap().operation;
            network.node(format!("node {place}"), operation, [place.to_string()], (place + 1).to_string());
        }
        network.output(chain.len().to_string());
        network.build().unwrap().keeps_samples_apart()
    }

    fn one(kind: &str) -> OperatorSpec<f64> {
        OperatorSpec::new(kind, 1)
    }

    #[test]
    fn samples_keep_apart_until_something_mixes_them() {
        let flat = one("Flatten");
        let dense = one("Gemm").with_constant(Arc::new(array![[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]].into_dyn()));
        assert!(apart(&[one("Relu"), flat.clone(), dense, one("Softmax").with_integer("axis", 1)]));
        assert!(apart(&[one("Transpose").with_integers("perm", [0, 2, 1])]));
        assert!(apart(&[one("LayerNormalization")
            .with_integer("axis", 1)
            .with_constant(Arc::new(array![[1.0]].into_dyn()))]));

        assert!(!apart(&[flat.clone(), one("Softmax").with_integer("axis", 0)]));
        assert!(!apart(&[one("Transpose").with_integers("perm", [1, 0, 2])]));
        assert!(!apart(&[one("Flatten").with_integer("axis", 0)]));
        assert!(!apart(&[one("ReduceSum").with_constant_integers([0])]));
        let reversed = one("Slice").with_constant_integers([-1]).with_constant_integers([i64::MIN]);
        assert!(!apart(&[reversed.with_constant_integers([0]).with_constant_integers([-1])]));
        let all = one("LayerNormalization").with_integers("axes", [0, 1]);
        assert!(!apart(&[all.with_constant(Arc::new(array![1.0].into_dyn()))]));
    }

    #[test]
    fn a_number_of_samples_that_is_given_is_kept() {
        let mut network = NetworkBuilder::new();
        network.input("x", [Some(2), Some(3)]).output("y");
        network.node("rectifier", read(&one("Relu")).unwrap().operation, ["x"], "y");
        assert!(!network.build().unwrap().keeps_samples_apart());
    }
}
