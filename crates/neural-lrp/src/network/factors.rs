//! Gates and normalizers: which factor of a product carries the signal.
//!
//! A factor is known by what it computes, not by how it is written: a gate opens the way for the other factor, a
//! normalizer divides it by a statistic of its own. Neither gets relevance. In matrix products the composite decides.
//!
//! What is neither has its half, as the uniform rule of Achtibat et al. (2024) says: SiLU times a linear layer (SwiGLU), GELU
//! times a convolution (gated CNNs), a modulator times queries (FocalNet), a context times values (MobileViTv2). None of
//! these factors is bounded, and each carries a signal of its own. [`halved`](crate::halved) names such products.

use std::collections::BTreeSet;

use crate::Real;
use crate::network::{Network, Node, TensorId};
use crate::operation::{Family, Numbers, Signal};

/// How many operations a gate or a statistic is made of, at most.
const LONGEST_WALK: usize = 64;

/// How near a constant on a grid of few bits is to what it was.
const NEAR: f64 = 1e-2;

/// Who carries the signal in the products of a network.
pub(crate) struct Factors<'a, F: Real> {
    network: &'a Network<F>,
    /// By tensor: the node that computes it.
    producers: Vec<Option<&'a Node<F>>>,
    /// By tensor: how many numbers it has; none where the network's shapes are not known.
    sizes: Vec<usize>,
    /// By tensor: who carries the signal in the product that gives it.
    signals: Vec<Option<Signal>>,
}

impl<'a, F: Real> Factors<'a, F> {
    pub(crate) fn of(network: &'a Network<F>) -> Self {
        let tensors = network.tensors().len();
        let shapes = network.typical_shapes().unwrap_or_default();
        let mut factors = Self {
            network,
            producers: vec![None; tensors],
            sizes: shapes.iter().map(|shape| shape.iter().product()).collect(),
            signals: vec![None; tensors],
        };
        for node in network.nodes() {
            factors.producers[node.output.index()] = Some(node);
            factors.signals[node.output.index()] = match node.operation.family() {
                Family::Product => Some(factors.of_product(node)),
                Family::Bilinear => Some(factors.of_matrix_product(node)),
                _ => None,
            };
        }
        factors
    }

    /// The factor of a product that carries the signal.
    pub(crate) fn signal(&self, node: &Node<F>) -> Signal {
        self.signals[node.output.index()].unwrap_or(Signal::Both)
    }

    /// Whether a tensor is the product of another with a normalizer of it, or its quotient by a statistic of it.
    pub(crate) fn is_normalized(&self, tensor: TensorId) -> bool {
        let Some(node) = self.producer(tensor).filter(|node| node.operation.family() == Family::Product) else {
            return false;
        };
        match self.computed(node)[..] {
            [first, second] if node.operation.is_quotient() => self.is_normalizer(second, first),
            [first, second] => {
                let is_gated = self.is_gate(first) || self.is_gate(second);
                !is_gated && (self.is_normalizer(second, first) || self.is_normalizer(first, second))
            }
            _ => false,
        }
    }

    /// Of products and quotients number by number: the computed factor where the other is constant, the dividend of two
    /// computed tensors, the one that is no gate where the other is, the one that is normalized, the one of which the other
    /// has shares; else both.
    fn of_product(&self, node: &Node<F>) -> Signal {
        let &[first, second] = node.operands.as_slice() else { return Signal::Both };
        match (self.is_constant(first), self.is_constant(second)) {
            (_, true) => return Signal::First,
            (true, false) => return Signal::Second,
            (false, false) if node.operation.is_quotient() => return Signal::First,
            (false, false) => {}
        }
        match (self.is_gate(first), self.is_gate(second)) {
            (false, true) => return Signal::First,
            (true, false) => return Signal::Second,
            (true, true) => return Signal::Both,
            (false, false) => {}
        }
        match (self.is_normalizer(first, second), self.is_normalizer(second, first)) {
            (false, true) => return Signal::First,
            (true, false) => return Signal::Second,
            (true, true) => return Signal::Both,
            (false, false) => {}
        }
        match (self.is_share(first, second), self.is_share(second, first)) {
            (false, true) => Signal::First,
            (true, false) => Signal::Second,
            _ => Signal::Both,
        }
    }

    /// Whether `factor` has one number for several of `signal`, and these numbers are divided by their own norm: shares of
    /// tokens, as those of a softmax are (additive attention of SwiftFormer).
    fn is_share(&self, factor: TensorId, signal: TensorId) -> bool {
        let is_divided = |tensor: TensorId, node: &Node<F>| match node.operation.family() {
            Family::Normalization => node.operation.kind() == "LpNormalization",
            Family::Product => node.operation.is_quotient() && self.is_normalized(tensor),
            _ => false,
        };
        self.walk_back([factor], |tensor, node| match node.operation.family() {
            _ if is_divided(tensor, node) && self.size(tensor) < self.size(signal) => Walk::Ends,
            Family::Arrangement => Walk::GoesOn,
            Family::Activation if node.operation.is_quantization() => Walk::GoesOn,
            _ => Walk::Fails,
        })
    }

    /// Of matrix products: the computed factor where the other is constant, else both.
    fn of_matrix_product(&self, node: &Node<F>) -> Signal {
        match node.operands.iter().map(|&operand| self.is_constant(operand)).collect::<Vec<_>>()[..] {
            [false, true] => Signal::First,
            [true, false] => Signal::Second,
            _ => Signal::Both,
        }
    }

    fn is_constant(&self, tensor: TensorId) -> bool {
        self.network.tensor(tensor).constant.is_some()
    }

    fn producer(&self, tensor: TensorId) -> Option<&'a Node<F>> {
        self.producers[tensor.index()]
    }

    /// The operands that carry numbers of the network: not what only says which way these go.
    fn computed(&self, node: &Node<F>) -> Vec<TensorId> {
        let moves = node.operation.family() == Family::Arrangement;
        let carries = |position: usize| !moves || node.operation.takes(position) == Numbers::Real;
        let operands = node.operands.iter().enumerate();
        let computed = operands.filter(|&(position, &operand)| !self.is_constant(operand) && carries(position));
        computed.map(|(_, &operand)| operand).collect()
    }

    fn size(&self, tensor: TensorId) -> usize {
        self.sizes.get(tensor.index()).copied().unwrap_or_default()
    }

    /// Whether a tensor is a gate: what a sigmoid or a softmax gives, or tanh and 1 together, with constants, rearranged,
    /// interpolated, quantized, and with other gates.
    fn is_gate(&self, tensor: TensorId) -> bool {
        self.walk_back([tensor], |_, node| match node.operation.is_gate() {
            true => Walk::Ends,
            false if self.is_centered_gate_and_one(node) => Walk::Ends,
            false if self.hands_a_gate_on(node) => Walk::GoesOn,
            false => Walk::Fails,
        })
    }

    /// Whether a node adds 1 to what rises from −1 to 1, as GELU does where its pieces are on grids of their own.
    fn is_centered_gate_and_one(&self, node: &Node<F>) -> bool {
        let (&[first, second], Family::Sum) = (node.operands.as_slice(), node.operation.family()) else { return false };
        let is_one = |tensor: TensorId| {
            let near = |number: &F| (number.as_() - 1.0).abs() < NEAR;
            self.network.tensor(tensor).constant.as_ref().is_some_and(|numbers| numbers.iter().all(near))
        };
        let rises = |tensor: TensorId| {
            self.walk_back([tensor], |_, node| match node.operation.is_centered_gate() {
                true => Walk::Ends,
                false if node.operation.is_quantization() => Walk::GoesOn,
                false => Walk::Fails,
            })
        };
        is_one(first) && rises(second) || is_one(second) && rises(first)
    }

    fn hands_a_gate_on(&self, node: &Node<F>) -> bool {
        match node.operation.family() {
            Family::Arrangement | Family::Product => true,
            // Means over windows take together what belongs to several numbers; interpolation does not.
            Family::Sum => !self.reduces(node),
            Family::Normalization => node.normalizes_by_constants(),
            Family::Activation => node.operation.is_quantization(),
            _ => false,
        }
    }

    /// Whether `factor` is a statistic of `signal`, or of what that is a rearranged, scaled, quantized or centered form of.
    fn is_normalizer(&self, factor: TensorId, signal: TensorId) -> bool {
        let former = |tensor: &TensorId| self.producer(*tensor).and_then(|node| self.former(node));
        std::iter::successors(Some(signal), former).take(LONGEST_WALK).any(|form| self.is_statistic(factor, form))
    }

    /// The tensor that a node gives a rearranged, scaled, quantized or centered form of.
    fn former(&self, node: &Node<F>) -> Option<TensorId> {
        match (node.operation.family(), self.computed(node).as_slice()) {
            (Family::Arrangement | Family::Product | Family::Sum | Family::Normalization, &[only]) => {
                Some(only).filter(|_| !self.reduces(node))
            }
            (Family::Activation, &[only]) => Some(only).filter(|_| node.operation.is_quantization()),
            (Family::Sum, &[first, second]) => {
                let of = |mean: TensorId, x: TensorId| self.is_statistic(mean, x).then_some(x);
                of(second, first).or_else(|| of(first, second))
            }
            (Family::Product, &[first, second]) => match self.signal(node) {
                Signal::First => Some(first),
                Signal::Second => Some(second),
                Signal::Both => None,
            },
            _ => None,
        }
    }

    /// Whether a tensor is computed from `source` alone, without weights, and by way of a reduction wherever it is.
    fn is_statistic(&self, tensor: TensorId, source: TensorId) -> bool {
        let mut reduced = Vec::new();
        let by_reductions = self.walk_back([tensor], |tensor, node| {
            if tensor == source || has_weights(node) {
                return Walk::Fails;
            }
            if !self.reduces(node) {
                return Walk::GoesOn;
            }
            reduced.extend(self.computed(node));
            Walk::Ends
        });
        by_reductions
            && self.walk_back(reduced.into_iter().filter(|&operand| operand != source), |_, node| {
                match has_weights(node) {
                    true => Walk::Fails,
                    false => Walk::GoesOnTo(source),
                }
            })
    }

    /// Whether a node sums up several numbers, or takes the largest of them.
    fn reduces(&self, node: &Node<F>) -> bool {
        matches!(node.operation.family(), Family::Sum | Family::Maximum)
            && node.operands.iter().all(|&operand| self.size(operand) > self.size(node.output))
    }

    /// Follows tensors back, through all computed operands of the nodes that give them, as far as `walk` says; whether each
    /// way ends well. One that comes to the network's input does not.
    fn walk_back(
        &self,
        tensors: impl IntoIterator<Item = TensorId>,
        mut walk: impl FnMut(TensorId, &Node<F>) -> Walk,
    ) -> bool {
        let mut pending: Vec<TensorId> = tensors.into_iter().collect();
        let mut seen: BTreeSet<TensorId> = pending.iter().copied().collect();
        while let Some(tensor) = pending.pop() {
            let Some(node) = self.producer(tensor) else { return false };
            let end = match walk(tensor, node) {
                Walk::Ends => continue,
                Walk::Fails => return false,
                Walk::GoesOn => None,
                Walk::GoesOnTo(end) => Some(end),
            };
            let computed = self.computed(node);
            if computed.is_empty() || seen.len() > LONGEST_WALK {
                return false;
            }
            pending.extend(computed.into_iter().filter(|&operand| Some(operand) != end && seen.insert(operand)));
        }
        true
    }
}

/// What becomes of a walk back at a node.
enum Walk {
    /// It is where it should come to.
    Ends,
    /// It goes on to the node's operands.
    GoesOn,
    /// It goes on to the node's operands, and ends well where it comes to this tensor.
    GoesOnTo(TensorId),
    /// It comes to what it should not.
    Fails,
}

fn has_weights<F: Real>(node: &Node<F>) -> bool {
    matches!(node.operation.family(), Family::Linear | Family::Bilinear)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::NetworkBuilder;
    use crate::operation::OperatorSpec;
    use crate::operations::read;

    /// Who carries the signal of the last node, a product: nodes as `(kind, operands, output)` on inputs x and w of shape
    /// (1, 2, 3, 3), with the constants `c` and `one`; means are over the last two axes.
    fn signal(nodes: &[(&str, &[&str], &str)]) -> Signal {
        let mut builder = NetworkBuilder::<f64>::new();
        builder.input("x", [Some(1), Some(2), Some(3), Some(3)]).input("w", [Some(1), Some(2), Some(3), Some(3)]);
        builder.constant("c", ndarray::ArrayD::from_elem(vec![], 0.5));
        builder.constant("one", ndarray::ArrayD::ones(vec![]));
        for (kind, operands, output) in nodes {
            let spec = OperatorSpec::new(*kind, operands.len());
            let spec = match *kind {
                "ReduceMean" => spec.with_constant_integers([2, 3]),
                "Total" => OperatorSpec::new("ReduceMean", 1).with_constant_integers([1]),
                "LpNormalization" => spec.with_integer("axis", 1),
                "Expand" => spec.with_constant_integers([1, 2, 3, 3]),
                "Conv" => spec.with_constant(std::sync::Arc::new(ndarray::ArrayD::ones(vec![2, 2, 1, 1]))),
                _ => spec,
            };
            builder.node(*output, read(&spec).unwrap().operation, operands.to_vec(), *output);
        }
        builder.output(nodes.last().unwrap().2);
        let network = builder.build().unwrap();
        let node = network.nodes().iter().find(|node| node.name == nodes.last().unwrap().2).unwrap();
        Factors::of(&network).signal(node)
    }

    #[test]
    fn constants_and_divisors_only_weigh() {
        assert_eq!(signal(&[("Mul", &["x", "c"], "y")]), Signal::First);
        assert_eq!(signal(&[("Mul", &["c", "x"], "y")]), Signal::Second);
        assert_eq!(signal(&[("Div", &["c", "x"], "y")]), Signal::Second);
        assert_eq!(signal(&[("Div", &["x", "w"], "y")]), Signal::First);
        assert_eq!(signal(&[("Mul", &["x", "w"], "y")]), Signal::Both);
    }

    #[test]
    fn gates_are_known_behind_constants_and_rearrangements() {
        let gate: &[(&str, &[&str], &str)] = &[("ReduceMean", &["w"], "m"), ("Sigmoid", &["m"], "s")];
        let of = |rest: &[(&str, &[&str], &str)]| signal(&[gate, rest].concat());
        assert_eq!(of(&[("Mul", &["s", "x"], "y")]), Signal::Second);
        assert_eq!(of(&[("Mul", &["s", "c"], "t"), ("Expand", &["t"], "e"), ("Mul", &["x", "e"], "y")]), Signal::First);
        assert_eq!(of(&[("Sub", &["c", "s"], "t"), ("Mul", &["x", "t"], "y")]), Signal::First);
        assert_eq!(of(&[("Mul", &["s", "s"], "t"), ("Mul", &["x", "t"], "y")]), Signal::First);
        assert_eq!(of(&[("Sigmoid", &["x"], "t"), ("Mul", &["s", "t"], "y")]), Signal::Both);
        assert_eq!(of(&[("Relu", &["s"], "t"), ("Mul", &["x", "t"], "y")]), Signal::Both);
    }

    #[test]
    fn what_rises_from_minus_one_is_a_gate_with_one_added() {
        let of = |rest: &[(&str, &[&str], &str)]| signal(&[&[("Tanh", &["x"][..], "t")], rest].concat());
        assert_eq!(of(&[("Add", &["t", "one"], "g"), ("Mul", &["x", "g"], "y")]), Signal::First);
        assert_eq!(
            of(&[("Sub", &["one", "t"], "g"), ("Mul", &["g", "c"], "h"), ("Mul", &["h", "x"], "y")]),
            Signal::Second
        );
        assert_eq!(of(&[("Add", &["t", "c"], "g"), ("Mul", &["x", "g"], "y")]), Signal::Both);
        assert_eq!(of(&[("Relu", &["t"], "r"), ("Add", &["r", "one"], "g"), ("Mul", &["x", "g"], "y")]), Signal::Both);
    }

    #[test]
    fn gates_and_normalizers_may_be_on_a_grid() {
        let on_grid = [("Sigmoid", &["w"][..], "s"), ("FakeQuantize", &["s"], "q"), ("Mul", &["q", "x"], "y")];
        assert_eq!(signal(&on_grid), Signal::Second);
        let mean: [(&str, &[&str], &str); 4] = [
            ("Mul", &["x", "x"], "q"),
            ("ReduceMean", &["q"], "v"),
            ("Sqrt", &["v"], "r"),
            ("Reciprocal", &["r"], "i"),
        ];
        let own = [("FakeQuantize", &["x"][..], "d"), ("Mul", &["d", "i"], "y")];
        assert_eq!(signal(&[&mean[..], &own].concat()), Signal::First);
    }

    #[test]
    fn truth_values_are_gates() {
        let of = |rest: &[(&str, &[&str], &str)]| signal(&[&[("Greater", &["x", "c"][..], "g")], rest].concat());
        assert_eq!(of(&[("Mul", &["x", "g"], "y")]), Signal::First);
        assert_eq!(of(&[("Not", &["g"], "n"), ("Sub", &["c", "n"], "t"), ("Mul", &["t", "w"], "y")]), Signal::Second);
        // A choice between numbers is none, whatever it goes by; one between gates is.
        assert_eq!(of(&[("Where", &["g", "x", "w"], "t"), ("Mul", &["t", "w"], "y")]), Signal::Both);
        let gates: [(&str, &[&str], &str); 3] =
            [("Sigmoid", &["w"], "s"), ("Where", &["g", "s", "c"], "t"), ("Mul", &["t", "w"], "y")];
        assert_eq!(of(&gates), Signal::Second);
    }

    #[test]
    fn normalizers_are_computed_from_their_own_signal_by_a_reduction() {
        let norm: &[(&str, &[&str], &str)] =
            &[("Mul", &["x", "x"], "q"), ("ReduceMean", &["q"], "v"), ("Add", &["v", "c"], "e"), ("Sqrt", &["e"], "r")];
        let of = |rest: &[(&str, &[&str], &str)]| signal(&[norm, rest].concat());
        assert_eq!(of(&[("Reciprocal", &["r"], "i"), ("Mul", &["x", "i"], "y")]), Signal::First);
        assert_eq!(of(&[("Div", &["c", "r"], "i"), ("Mul", &["i", "x"], "y")]), Signal::Second);
        // Of another tensor it is none.
        assert_eq!(of(&[("Reciprocal", &["r"], "i"), ("Mul", &["w", "i"], "y")]), Signal::Both);
        // With weights in between it is none.
        assert_eq!(of(&[("Conv", &["r"], "k"), ("Mul", &["x", "k"], "y")]), Signal::Both);
        // Without a reduction it is none.
        assert_eq!(signal(&[("Tanh", &["x"], "t"), ("Mul", &["x", "t"], "y")]), Signal::Both);
    }

    #[test]
    fn shares_of_tokens_are_no_signal() {
        // One number for each channel, all divided by their norm.
        let shares: &[(&str, &[&str], &str)] = &[("ReduceMean", &["w"], "m"), ("LpNormalization", &["m"], "s")];
        let of = |rest: &[(&str, &[&str], &str)]| signal(&[shares, rest].concat());
        assert_eq!(of(&[("Mul", &["x", "s"], "y")]), Signal::First);
        assert_eq!(of(&[("Expand", &["s"], "e"), ("Mul", &["e", "x"], "y")]), Signal::Second);
        assert_eq!(of(&[("Relu", &["s"], "r"), ("Mul", &["r", "x"], "y")]), Signal::Both);
        let divided = [
            ("ReduceMean", &["w"][..], "m"),
            ("Mul", &["m", "m"], "q"),
            ("Total", &["q"], "t"),
            ("Sqrt", &["t"], "r"),
            ("Div", &["m", "r"], "s"),
            ("Mul", &["s", "x"], "y"),
        ];
        assert_eq!(signal(&divided), Signal::Second);
        // As many numbers as the signal has are features, whatever they are divided by.
        assert_eq!(signal(&[("LpNormalization", &["w"], "n"), ("Mul", &["n", "x"], "y")]), Signal::Both);
    }

    #[test]
    fn a_centered_and_scaled_form_is_the_signal_too() {
        let centered: &[(&str, &[&str], &str)] = &[
            ("ReduceMean", &["x"], "m"),
            ("Sub", &["x", "m"], "d"),
            ("Mul", &["d", "d"], "q"),
            ("ReduceMean", &["q"], "v"),
        ];
        let of = |rest: &[(&str, &[&str], &str)]| signal(&[centered, rest].concat());
        assert_eq!(of(&[("Sqrt", &["v"], "r"), ("Reciprocal", &["r"], "i"), ("Mul", &["d", "i"], "y")]), Signal::First);
        let later = [("Sqrt", &["v"][..], "r"), ("Reciprocal", &["r"], "i"), ("Mul", &["d", "c"], "s")];
        assert_eq!(of(&[&later[..], &[("Mul", &["i", "s"], "y")]].concat()), Signal::Second);
    }

    #[test]
    fn long_ways_back_end() {
        let names: Vec<String> = (0..200).map(|number| format!("t{number}")).collect();
        let mut nodes: Vec<(&str, [&str; 2], &str)> = vec![("Add", ["x", "x"], &names[0])];
        for pair in names.windows(2) {
            nodes.push(("Add", [&pair[0], &pair[0]], &pair[1]));
        }
        nodes.push(("Mul", ["x", &names[199]], "y"));
        let nodes: Vec<(&str, &[&str], &str)> =
            nodes.iter().map(|(kind, operands, output)| (*kind, &operands[..], *output)).collect();
        assert_eq!(signal(&nodes), Signal::Both);
    }
}
