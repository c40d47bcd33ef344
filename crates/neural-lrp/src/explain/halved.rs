//! Products whose relevance is split in halves: what a person should know of a choice of rules.

use std::collections::BTreeSet;

use crate::Real;
use crate::network::{Network, Node, TensorId};
use crate::operation::Signal;
use crate::rules::{Gated, Rule, Stop};

/// The nodes that give half of their relevance to each of two computed factors, where relevance of `explained` can arrive.
///
/// `rules` are those of the network's nodes. Nothing arrives at queries and keys, for one, where all relevance of
/// attention goes to the values.
pub fn halved<'a, F: Real>(network: &'a Network<F>, explained: TensorId, rules: &[Rule]) -> Vec<&'a Node<F>> {
    let mut reached = BTreeSet::from([explained]);
    let mut halved = Vec::new();
    for (node, rule) in network.nodes().iter().zip(rules).rev() {
        if reached.contains(&node.output) {
            reached.extend(taking(node, rule));
            halved.extend(is_halved(network, node, rule).then_some(node));
        }
    }
    halved.reverse();
    halved
}

/// The operands that a node's relevance may go to.
fn taking<'n, F: Real>(node: &'n Node<F>, rule: &Rule) -> &'n [TensorId] {
    let signal = rule.downcast_ref::<Gated>().map(|gated| gated.signal);
    match (node.operands.as_slice(), signal) {
        ([first, _], Some(Signal::First)) => std::slice::from_ref(first),
        ([_, second], Some(Signal::Second)) => std::slice::from_ref(second),
        _ if rule.downcast_ref::<Stop>().is_some() => &[],
        (all, _) => all,
    }
}

fn is_halved<F: Real>(network: &Network<F>, node: &Node<F>, rule: &Rule) -> bool {
    let is_computed = |operand| network.tensor(operand).constant.is_none();
    let shares = rule.downcast_ref::<Gated>().is_some_and(|gated| gated.signal == Signal::Both);
    let &[first, second] = node.operands.as_slice() else { return false };
    shares && first != second && is_computed(first) && is_computed(second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::Composite;
    use crate::network::NetworkBuilder;
    use crate::operation::OperatorSpec;
    use crate::operations::read;

    /// The halved nodes of `softmax(q k) v`, times r, where attention and the last product have the given rules.
    fn of_attention(attention: &str, gated: &str) -> Vec<String> {
        let mut builder = NetworkBuilder::<f64>::new();
        for input in ["q", "k", "v", "r"] {
            builder.input(input, [Some(1), Some(2), Some(2)]);
        }
        let nodes = [
            ("MatMul", vec!["q", "k"], "s"),
            ("Softmax", vec!["s"], "p"),
            ("MatMul", vec!["p", "v"], "o"),
            ("Mul", vec!["o", "r"], "y"),
        ];
        for (kind, operands, output) in nodes {
            let operation = read(&OperatorSpec::new(kind, operands.len())).unwrap().operation;
            builder.node(output, operation, operands, output);
        }
        builder.output("y");
        let network = builder.build().unwrap();
        let rules = Composite::new("test")
            .with("attention-value".parse().unwrap(), attention.parse::<Rule>().unwrap())
            .with("y".parse().unwrap(), gated.parse::<Rule>().unwrap())
            .choose(&network)
            .unwrap();
        let nodes = halved(&network, network.outputs()[0], &rules);
        nodes.into_iter().map(|node| node.name.clone()).collect()
    }

    #[test]
    fn products_that_relevance_arrives_at_are_named() {
        assert_eq!(of_attention("signal=both", "signal=both"), ["s", "o", "y"]);
        assert_eq!(of_attention("signal=both", "signal=first"), ["s", "o"]);
    }

    #[test]
    fn queries_and_keys_that_get_nothing_are_not() {
        assert_eq!(of_attention("attention-constant", "signal=both"), ["y"]);
        assert_eq!(of_attention("signal=both", "signal=second"), Vec::<String>::new());
    }
}
