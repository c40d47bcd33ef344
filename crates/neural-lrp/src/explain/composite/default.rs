//! The composite of a network where nothing else is asked for.

use std::collections::BTreeMap;
use std::fmt;

use crate::explain::Composite;
use crate::network::{Attention, Network, TensorId};
use crate::{Error, Real};

/// So many convolutions with biases may lie one behind another before their biases take nearly all of the score: at the 15 % a
/// layer that those of EfficientNet-Lite0 take of z⁺, 16 layers leave 7 %.
const SHALLOW: usize = 16;

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
    /// * A transformer has a softmax between two products of computed tensors, or keys that weigh values before queries do:
    ///   the weights of attention are constants there.
    /// * A convolutional network has convolutions: the first layer is flat, which leaves the shape of receptive fields.
    /// * A deep one has more than 16 convolutions with biases one behind another, as batch normalization leaves them: layer by
    ///   layer they would take nearly all of the score, and so inputs share what biases would take.
    /// * A perceptron has neither. No layer is flat in it: each input would get the same, whatever it is.
    pub fn default_for<F: Real>(network: &Network<F>) -> DefaultComposite {
        let attention = Attention::of(network);
        let (softmaxes, factorized) = (attention.count(), attention.factorized());
        let convolutions = network.nodes().iter().filter(|node| node.operation.is_convolution()).count();
        let biased = biased_convolutions_in_a_row(network);
        let (name, networks, reason) = match (softmaxes + factorized, convolutions) {
            (0, 0) => (
                "epsilon-plus",
                "perceptrons",
                "no layer is a convolution, and a flat first layer would give each input the same".to_owned(),
            ),
            (0, _) if biased > SHALLOW => (
                "conserving-plus-flat",
                "deep convolutional networks",
                format!(
                    "{biased} convolutions with biases, which would take nearly all of the score, lie one behind another"
                ),
            ),
            (0, count) => ("epsilon-plus-flat", "convolutional networks", counted(count, "convolution")),
            _ => {
                let plain = format!("{} between two products of computed tensors", counted(softmaxes, "softmax"));
                let before =
                    format!("{}, where keys and values are multiplied first", counted(factorized, "attention"));
                let reason = match (softmaxes, factorized) {
                    (0, _) => before,
                    (_, 0) => plain,
                    _ => format!("{plain}, and {factorized} where keys and values are multiplied first"),
                };
                ("attention-cp-gamma", "transformers", reason)
            }
        };
        DefaultComposite { name, networks, reason }
    }
}

/// How many convolutions with biases lie one behind another, on the way where they are most.
fn biased_convolutions_in_a_row<F: Real>(network: &Network<F>) -> usize {
    let mut behind: BTreeMap<TensorId, usize> = BTreeMap::new();
    for node in network.nodes() {
        let has_bias = || node.operation.linear().is_some_and(|layer| layer.bias().is_some());
        let own = usize::from(node.operation.is_convolution() && has_bias());
        let before = node.operands.iter().filter_map(|operand| behind.get(operand)).max();
        behind.insert(node.output, before.copied().unwrap_or(0) + own);
    }
    behind.into_values().max().unwrap_or(0)
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
                ("Conv", _) => spec.with_constant(weights(&[2, 2, 1, 1])).with_constant(weights(&[2])),
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
        // Depth is counted along the longest way; a shortcut is none.
        let deep = |blocks: usize| {
            let name = |block: usize, part: &str| format!("{part}{block}");
            let names: Vec<[String; 4]> = (0..=blocks)
                .map(|block| {
                    ["x", "a", "b", "c"].map(|part| if block == 0 { part.to_owned() } else { name(block, part) })
                })
                .collect();
            let mut nodes: Vec<(&str, Vec<&str>, &str)> = Vec::new();
            for pair in names.windows(2) {
                nodes.push(("Conv", vec![&pair[0][0]], &pair[1][1]));
                nodes.push(("Conv", vec![&pair[1][1]], &pair[1][2]));
                nodes.push(("Add", vec![&pair[0][0], &pair[1][2]], &pair[1][0]));
            }
            let nodes: Vec<_> = nodes.iter().map(|(kind, operands, output)| (*kind, &operands[..], *output)).collect();
            default(&nodes)
        };
        assert_eq!(deep(8), "epsilon-plus-flat, the default for convolutional networks: it has 16 convolutions");
        let found = deep(9);
        assert!(
            found.starts_with("conserving-plus-flat, the default for deep convolutional networks: 18 conv"),
            "{found}"
        );
        let factorized = [
            ("Conv", &["x"][..], "k"),
            ("Softmax", &["k"], "p"),
            ("MatMul", &["p", "x"], "c"),
            ("MatMul", &["k", "c"], "y"),
        ];
        assert_eq!(
            default(&factorized),
            "attention-cp-gamma, the default for transformers: it has 1 attention, where keys and values are multiplied first"
        );
        // A softmax that only weighs, number by number, is a gate, as in selective kernels.
        let gated = [("Conv", &["x"][..], "z"), ("Softmax", &["z"], "p"), ("Mul", &["p", "z"], "y")];
        assert_eq!(default(&gated), "epsilon-plus-flat, the default for convolutional networks: it has 1 convolution");
    }
}
