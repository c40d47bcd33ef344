//! The composite of a network where nothing else is asked for.

use std::fmt;

use crate::explain::Composite;
use crate::network::{Attention, Network};
use crate::{Error, Real};

/// The composite that explains a network where nothing else is asked for, and why it does.
///
/// As text it is both: `epsilon-plus, the default for perceptrons: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultComposite {
    /// The composite's name.
    pub name: &'static str,
    /// What kind of network it is for, in the plural: `"perceptrons"`.
    pub networks: &'static str,
    /// How the network is known to be one.
    pub reason: String,
}

impl DefaultComposite {
    /// The composite itself.
    ///
    /// # Errors
    /// As [`Composite::named`].
    pub fn composite(&self) -> Result<Composite, Error> {
        Composite::named(self.name)
    }
}

impl fmt::Display for DefaultComposite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, the default for {}: {}", self.name, self.networks, self.reason)
    }
}

impl Composite {
    /// The default composite of a network, by what is in it.
    ///
    /// * A transformer has a softmax between two products of computed tensors: its weights are constants there.
    /// * A convolutional network has convolutions: the first layer is flat, which leaves the shape of receptive fields.
    /// * A perceptron has neither. No layer is flat in it: each input would get the same, whatever it is.
    pub fn default_for<F: Real>(network: &Network<F>) -> DefaultComposite {
        let attentions = Attention::of(network).count();
        let convolutions = network.nodes().iter().filter(|node| node.operation.is_convolution()).count();
        let (name, networks, reason) = match (attentions, convolutions) {
            (0, 0) => (
                "epsilon-plus",
                "perceptrons",
                "no layer is a convolution, and a flat first layer would give each input the same".to_owned(),
            ),
            (0, count) => ("epsilon-plus-flat", "convolutional networks", counted(count, "convolution")),
            (count, _) => (
                "attention-cp-gamma",
                "transformers",
                format!("{} between two products of computed tensors", counted(count, "softmax")),
            ),
        };
        DefaultComposite { name, networks, reason }
    }
}

/// `it has 3 convolutions`
fn counted(count: usize, what: &str) -> String {
    let plural = match (count, what.ends_with('x')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("it has {count} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::network::NetworkBuilder;
    use crate::operation::OperatorSpec;
    use crate::operations::read;

    /// The default of a network of nodes `(kind, operands, output)` on (1, 2, 4, 4), as text.
    fn default(nodes: &[(&str, &[&str], &str)]) -> String {
        let mut builder = NetworkBuilder::<f64>::new();
        builder.input("x", [Some(1), Some(2), Some(4), Some(4)]).output(nodes.last().unwrap().2);
        for (kind, operands, output) in nodes {
            let weights = |shape: &[usize]| Arc::new(ndarray::ArrayD::ones(shape));
            let spec = OperatorSpec::new(*kind, operands.len());
            let spec = match (*kind, operands.len()) {
                ("Conv", _) => spec.with_constant(weights(&[2, 2, 1, 1])),
                ("MatMul", 1) => spec.with_constant(weights(&[4, 4])),
                _ => spec,
            };
            builder.node(*output, read(&spec).unwrap().operation, operands.to_vec(), *output);
        }
        let default = Composite::default_for(&builder.build().unwrap());
        assert_eq!(default.composite().unwrap().name(), default.name);
        default.to_string()
    }

    #[test]
    fn the_default_follows_from_what_is_in_a_network() {
        let perceptron = default(&[("MatMul", &["x"], "z"), ("Relu", &["z"], "a"), ("MatMul", &["a"], "y")]);
        assert!(perceptron.starts_with("epsilon-plus, the default for perceptrons: no layer is a convolution"));
        let convolutional = default(&[("Conv", &["x"], "z"), ("Relu", &["z"], "a"), ("Conv", &["a"], "y")]);
        assert_eq!(convolutional, "epsilon-plus-flat, the default for convolutional networks: it has 2 convolutions");
        let transformer = [
            ("Conv", &["x"][..], "z"),
            ("MatMul", &["z"], "q"),
            ("MatMul", &["q", "z"], "s"),
            ("Softmax", &["s"], "p"),
            ("MatMul", &["p", "z"], "y"),
        ];
        assert_eq!(
            default(&transformer),
            "attention-cp-gamma, the default for transformers: it has 1 softmax between two products of computed tensors"
        );
        // A softmax that only weighs, number by number, is a gate, as in selective kernels.
        let gated = [("Conv", &["x"][..], "z"), ("Softmax", &["z"], "p"), ("Mul", &["p", "z"], "y")];
        assert_eq!(default(&gated), "epsilon-plus-flat, the default for convolutional networks: it has 1 convolution");
    }
}
