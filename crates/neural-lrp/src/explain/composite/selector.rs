//! Which nodes a choice is for.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use globset::{Glob, GlobMatcher};

use crate::network::{Attention, Network, Node, Part};
use crate::operation::{Family, Signal};
use crate::operations::KINDS;
use crate::{Error, Real};

/// Which nodes a choice is for: by operation, by name, or by place among the linear layers.
///
/// Written as `any`, `linear`, `convolution`, `first`, `first-convolution`, `first-patch-embedding`, `last`, `before:4`,
/// `sum`, `normalization`, `layer-normalization`, `attention-value`, `attention-score`, `query-key`, `op:LRN`, or a glob over
/// the nodes' names, `/features/*`. Places are counted in the order of the model's file, from 1.
///
/// `op:LRN` and names are demands: a network without such a node is refused, so that no choice is lost by a slip of the
/// pen. `optional:op:LRN` is for networks that may have none. All the others may fit no node: a perceptron has no
/// `first-convolution`.
#[derive(Clone, Debug)]
pub enum Selector {
    /// Each node.
    Any,
    /// Each layer with weights.
    Linear,
    /// Each convolution or transposed convolution.
    Convolution,
    /// The first layer with weights.
    First,
    /// The first convolution.
    FirstConvolution,
    /// The first layer with weights, where it takes patches of the input: a convolution, or a dense layer that is the same for
    /// each of several patches.
    FirstPatchEmbedding,
    /// The last layer with weights.
    Last,
    /// The layers with weights before the k-th of them.
    Before(usize),
    /// Each sum: averages, additions, norms.
    Sum,
    /// Each normalization that is no part of a layer: batch, layer, instance, group, and affine maps by channel.
    Normalization,
    /// Each layer, group or instance normalization: those that subtract a mean of their own operand.
    LayerNormalization,
    /// Each product of values and weights of attention, behind the softmax, or of its factors.
    AttentionValue,
    /// Each softmax of attention.
    AttentionScore,
    /// Each product of queries and keys, before the softmax of attention.
    QueryKey,
    /// Each node of one operator.
    Operation(String),
    /// Each node whose name matches.
    Name(GlobMatcher),
    /// The nodes of another selector, if there are any.
    Optional(Box<Selector>),
}

/// Where the linear layers stand in the model's file, and which nodes are parts of attention.
pub(super) struct Places {
    linear: Vec<usize>,
    convolutions: Vec<usize>,
    /// The first layer with weights, if it takes patches.
    patch_embedding: Option<usize>,
    attention: Attention,
}

impl Places {
    pub(super) fn of<F: Real>(network: &Network<F>) -> Self {
        let places = |fits: fn(&Node<F>) -> bool| {
            let mut places: Vec<usize> =
                network.nodes().iter().filter(|node| fits(node)).map(|node| node.position).collect();
            places.sort_unstable();
            places
        };
        let linear = places(is_linear);
        let first = network.nodes().iter().find(|node| linear.first() == Some(&node.position));
        let patch_embedding = first.filter(|node| takes_patches(network, node)).map(|node| node.position);
        Self { linear, convolutions: places(is_convolution), patch_embedding, attention: Attention::of(network) }
    }

    /// The operand of an attention's product that holds the values.
    pub(super) fn values<F: Real>(&self, node: &Node<F>) -> Option<Signal> {
        match self.attention.part(node) {
            Some(Part::Value(values)) => Some(values),
            _ => None,
        }
    }
}

/// Whether a layer with weights is a convolution, or a dense layer for each of several patches of the network's input.
fn takes_patches<F: Real>(network: &Network<F>, layer: &Node<F>) -> bool {
    let rank = || network.typical_shapes().map(|shapes| shapes[layer.output.index()].len());
    is_convolution(layer) || takes_moved_input(network, layer) && rank().is_some_and(|rank| rank > 2)
}

/// Whether nothing but arrangements and maps by constants lies between a layer and the network's input.
fn takes_moved_input<F: Real>(network: &Network<F>, layer: &Node<F>) -> bool {
    let mut tensor = layer.operands[0];
    while let Some(node) = network.producer(tensor) {
        let mut computed = node.operands.iter().filter(|&&operand| network.tensor(operand).constant.is_none());
        let is_moved = matches!(
            node.operation.family(),
            Family::Arrangement | Family::Product | Family::Sum | Family::Normalization
        );
        match (computed.next(), computed.next()) {
            (Some(&operand), None) if is_moved => tensor = operand,
            _ => return false,
        }
    }
    true
}

fn is_linear<F: Real>(node: &Node<F>) -> bool {
    node.operation.family() == Family::Linear
}

fn is_convolution<F: Real>(node: &Node<F>) -> bool {
    node.operation.is_convolution()
}

impl Selector {
    /// The same nodes, which need not be there.
    #[must_use]
    pub fn optional(self) -> Self {
        Self::Optional(Box::new(self))
    }

    pub(super) fn fits<F: Real>(&self, node: &Node<F>, places: &Places) -> bool {
        match self {
            Self::Any => true,
            Self::Linear => is_linear(node),
            Self::Convolution => is_convolution(node),
            Self::First => places.linear.first() == Some(&node.position),
            Self::FirstConvolution => places.convolutions.first() == Some(&node.position),
            Self::FirstPatchEmbedding => places.patch_embedding == Some(node.position) && is_linear(node),
            Self::Last => places.linear.last() == Some(&node.position),
            Self::Before(k) => {
                is_linear(node) && places.linear.get(k.saturating_sub(1)).is_none_or(|&place| node.position < place)
            }
            Self::Sum => node.operation.family() == Family::Sum,
            Self::Normalization => node.operation.normalization().is_some(),
            Self::LayerNormalization => {
                node.operation.normalization().is_some_and(|normalization| normalization.centers())
            }
            Self::AttentionValue => places.values(node).is_some(),
            Self::AttentionScore => places.attention.part(node) == Some(Part::Score),
            Self::QueryKey => places.attention.part(node) == Some(Part::QueryKey),
            Self::Operation(kind) => node.operation.kind() == kind,
            Self::Name(glob) => glob.is_match(&node.name),
            Self::Optional(selector) => selector.fits(node, places),
        }
    }

    /// A choice by operator or name that fits no node is a mistake.
    pub(super) fn check<F: Real>(&self, network: &Network<F>) -> Result<(), Error> {
        let nodes = network.nodes();
        let reason = match self {
            Self::Operation(kind) if !nodes.iter().any(|node| node.operation.kind() == kind) => {
                let kinds: BTreeSet<&str> = nodes.iter().map(|node| node.operation.kind()).collect();
                let kinds = kinds.into_iter().collect::<Vec<_>>().join(", ");
                match KINDS.contains(&kind.as_str()) {
                    true => format!("the network has no {kind}; it has {kinds}. optional:{self} is for any network"),
                    false => {
                        let near = wording::did_you_mean(kind, KINDS.iter().copied());
                        format!("no operation has this name, neither here nor elsewhere; the network has {kinds}{near}")
                    }
                }
            }
            Self::Name(glob) if !nodes.iter().any(|node| glob.is_match(&node.name)) => {
                let names: Vec<&str> = nodes.iter().take(5).map(|node| node.name.as_str()).collect();
                let near = wording::did_you_mean(&self.to_string(), nodes.iter().map(|node| node.name.as_str()));
                format!("no node has such a name; the first are {}{near}", wording::shortened(&names.join(", ")))
            }
            _ => return Ok(()),
        };
        Err(Error::Setting { what: "pattern", given: self.to_string(), reason })
    }
}

impl FromStr for Selector {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Setting { what: "pattern", given: text.to_owned(), reason };
        if let Some(kind) = text.strip_prefix("op:") {
            return Ok(Self::Operation(kind.to_owned()));
        }
        if let Some(selector) = text.strip_prefix("optional:") {
            return Ok(selector.parse::<Self>()?.optional());
        }
        if let Some(place) = text.strip_prefix("before:") {
            let place = place.parse().ok().filter(|&place: &usize| place > 0);
            return place
                .map(Self::Before)
                .ok_or_else(|| wrong("it takes the number of a linear layer, counted from 1: before:4".into()));
        }
        match text {
            "any" => Ok(Self::Any),
            "linear" => Ok(Self::Linear),
            "convolution" => Ok(Self::Convolution),
            "first" => Ok(Self::First),
            "first-convolution" => Ok(Self::FirstConvolution),
            "first-patch-embedding" => Ok(Self::FirstPatchEmbedding),
            "last" => Ok(Self::Last),
            "sum" => Ok(Self::Sum),
            "normalization" => Ok(Self::Normalization),
            "layer-normalization" => Ok(Self::LayerNormalization),
            "attention-value" => Ok(Self::AttentionValue),
            "attention-score" => Ok(Self::AttentionScore),
            "query-key" => Ok(Self::QueryKey),
            glob => {
                Glob::new(glob).map(|glob| Self::Name(glob.compile_matcher())).map_err(|error| wrong(error.to_string()))
            }
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str("any"),
            Self::Linear => formatter.write_str("linear"),
            Self::Convolution => formatter.write_str("convolution"),
            Self::First => formatter.write_str("first"),
            Self::FirstConvolution => formatter.write_str("first-convolution"),
            Self::FirstPatchEmbedding => formatter.write_str("first-patch-embedding"),
            Self::Last => formatter.write_str("last"),
            Self::Before(place) => write!(formatter, "before:{place}"),
            Self::Sum => formatter.write_str("sum"),
            Self::Normalization => formatter.write_str("normalization"),
            Self::LayerNormalization => formatter.write_str("layer-normalization"),
            Self::AttentionValue => formatter.write_str("attention-value"),
            Self::AttentionScore => formatter.write_str("attention-score"),
            Self::QueryKey => formatter.write_str("query-key"),
            Self::Operation(kind) => write!(formatter, "op:{kind}"),
            Self::Name(glob) => write!(formatter, "{}", glob.glob()),
            Self::Optional(selector) => write!(formatter, "optional:{selector}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::{ArrayD, ArrayViewD};

    use super::*;
    use crate::network::NetworkBuilder;
    use crate::operation::{Operation, OperatorSpec, Step};

    #[derive(Debug)]
    struct Halve;

    impl Operation<f64> for Halve {
        fn to_spec(&self) -> OperatorSpec<f64> {
            OperatorSpec::new("com.example:Halve", 1)
        }

        fn kind(&self) -> &'static str {
            "com.example:Halve"
        }

        fn family(&self) -> Family {
            Family::Activation
        }

        fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
            Ok(operands[0].to_vec())
        }

        fn forward(&self, operands: &[ArrayViewD<'_, f64>]) -> ArrayD<f64> {
            operands[0].mapv(|x| x / 2.0)
        }

        fn gradient(&self, _: &Step<'_, f64>, upper: ArrayViewD<'_, f64>) -> Vec<ArrayD<f64>> {
            vec![upper.mapv(|u| u / 2.0)]
        }
    }

    #[test]
    fn operators_are_those_of_the_network() {
        let mut builder = NetworkBuilder::new();
        builder.input("x", [None, Some(2)]).output("y");
        builder.node("halve", Arc::new(Halve), ["x"], "y");
        let network = builder.build().unwrap();
        let selector = |text: &str| text.parse::<Selector>().unwrap();
        let halve = selector("op:com.example:Halve");
        assert!(halve.check(&network).is_ok() && halve.fits(&network.nodes()[0], &Places::of(&network)));
        assert_eq!(halve.to_string(), "op:com.example:Halve");
        let message = selector("op:Convolution").check(&network).unwrap_err().to_string();
        assert!(message.contains("op:Convolution") && message.contains("com.example:Halve"), "{message}");
    }

    #[test]
    fn the_first_convolution_embeds_patches_whatever_lies_before_it() {
        let weights = std::sync::Arc::new(ArrayD::ones(vec![1, 1, 2, 2]));
        let convolution = crate::operations::read(&OperatorSpec::new("Conv", 1).with_constant(weights)).unwrap();
        let mut builder = NetworkBuilder::new();
        builder.input("x", [None, Some(1), Some(4), Some(4)]).output("y");
        builder.node("halve", Arc::new(Halve), ["x"], "h");
        builder.node("first", Arc::clone(&convolution.operation), ["h"], "z");
        builder.node("second", convolution.operation, ["z"], "y");
        let network = builder.build().unwrap();
        let (selector, places) = (Selector::FirstPatchEmbedding, Places::of(&network));
        let chosen: Vec<bool> = network.nodes().iter().map(|node| selector.fits(node, &places)).collect();
        assert_eq!(chosen, [false, true, false]);
    }
}
