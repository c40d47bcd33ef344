//! Parts of a graph that compute one tensor of another.

use std::collections::{BTreeMap, BTreeSet};

use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::formula::Formula;
use super::wiring::Wiring;
use super::{Pattern, Replacement};
use crate::graph::Node;

/// The largest number of nodes in a region: layer normalization takes a dozen.
const MOST_NODES: usize = 32;

/// The largest number of terms in a formula on the way; those of functions that are known have six.
const MOST_TERMS: usize = 32;

/// The largest number of atoms in a formula, with those of its functions: a function of sums of functions of sums grows
/// with each node.
const MOST_ATOMS: usize = 256;

/// The kinds of nodes that formulas are read of.
const KINDS: &[&str] = &[
    "Abs",
    "Add",
    "Clip",
    "Div",
    "Erf",
    "Exp",
    "GlobalAveragePool",
    "HardSigmoid",
    "Log",
    "Max",
    "Min",
    "Mul",
    "Neg",
    "Pow",
    "Reciprocal",
    "ReduceL2",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceSum",
    "ReduceSumSquare",
    "Relu",
    "Sigmoid",
    "Softplus",
    "Sqrt",
    "Sub",
    "Sum",
    "Tanh",
    "Unsqueeze",
];

/// Nodes that compute a tensor of one other and of known numbers, and whose other tensors nobody else takes.
pub(super) struct Region<'w, 'a, F> {
    wiring: &'w Wiring<'a, F>,
    nodes: BTreeSet<usize>,
    source: &'a str,
    output: &'a str,
    /// The output in terms of the source.
    pub(super) formula: Formula<'a>,
    /// How many numbers the last axis has.
    count: Option<f64>,
}

/// All regions whose output the node of this position gives, the largest first.
pub(super) fn regions<'w, 'a, F: Real>(wiring: &'w Wiring<'a, F>, position: usize) -> Vec<Region<'w, 'a, F>> {
    let output = wiring.node(position).output();
    let mut regions = Vec::new();
    let mut nodes = BTreeSet::new();
    // What the nodes take from outside. The tensor whose node stands last is replaced by what that node takes: all takers
    // of a tensor stand after its node, so that they are in by then, or never will be.
    let mut open = BTreeSet::from([(Some(position), output)]);
    while let Some((Some(last), _)) = open.pop_last() {
        let node = wiring.node(last);
        nodes.insert(last);
        let is_readable = KINDS.contains(&node.kind.as_str()) && wiring.giver(node.output()).is_some();
        if !is_readable || nodes.len() > MOST_NODES || !wiring.encloses(&nodes, output) {
            break;
        }
        let computed = node.given_inputs().filter(|input| !wiring.graph.constants.contains_key(*input));
        open.extend(computed.map(|input| (wiring.giver(input), input)));
        if let (1, Some(&(_, source))) = (open.len(), open.first()) {
            regions.extend(Region::read(wiring, nodes.clone(), source, output));
        }
    }
    regions.reverse();
    regions
}

impl<'w, 'a, F: Real> Region<'w, 'a, F> {
    fn read(wiring: &'w Wiring<'a, F>, nodes: BTreeSet<usize>, source: &'a str, output: &'a str) -> Option<Self> {
        let zero = Formula { terms: Vec::new() };
        let mut region = Self { wiring, nodes, source, output, formula: zero, count: None };
        region.count = region.last_length();
        let mut formulas = BTreeMap::from([(source, Formula::tensor(source))]);
        for &position in &region.nodes {
            let node = wiring.node(position);
            let formula = region.formula_of(node, &formulas)?;
            formulas.insert(node.output(), formula);
        }
        region.formula = formulas.remove(output)?;
        Some(region)
    }

    /// Whether the output is a factor in a product with another tensor.
    pub(super) fn weighs_another(&self) -> bool {
        self.wiring.weighs_another(self.output)
    }

    /// The length of the last axis, if known numbers of the region have one.
    fn last_length(&self) -> Option<f64> {
        let inputs = self.nodes.iter().flat_map(|&position| self.wiring.node(position).given_inputs());
        let lengths = inputs.filter_map(|input| self.wiring.known(input)?.1.shape().last().copied());
        lengths.filter(|&length| length > 1).map(|length| length as f64).next()
    }

    /// The axes behind the channels, if known numbers of the region tell how many there are: `[C, 1, 1]`.
    fn spatial_axes(&self) -> Option<Vec<i64>> {
        let inputs = self.nodes.iter().flat_map(|&position| self.wiring.node(position).given_inputs());
        let counts = inputs.filter_map(|input| {
            let mut shape = self.wiring.known(input)?.1.shape().iter().skip_while(|&&length| length == 1);
            shape.next()?;
            shape.clone().all(|&length| length == 1).then(|| shape.count() as i64)
        });
        counts.filter(|&count| count > 0).map(|count| (-count..0).collect()).next()
    }

    /// The formula of a node; `None` where there is none.
    fn formula_of(&self, node: &'a Node, formulas: &BTreeMap<&'a str, Formula<'a>>) -> Option<Formula<'a>> {
        let operand = |position: usize| {
            let name = node.input(position)?;
            let known = || self.wiring.known(name).map(|(name, _)| Formula::known(name));
            let number = || self.wiring.number(name).map(Formula::number);
            formulas.get(name).cloned().or_else(number).or_else(known)
        };
        let operands = || (0..node.inputs.len()).map(operand).collect::<Option<Vec<_>>>();
        let number = |position: usize| self.wiring.number(node.input(position)?);
        let real = |name: &str, default: f64| match node.attributes.get(name) {
            Some(Attribute::Real(value)) => *value,
            _ => default,
        };
        let first = operand(0)?;
        let formula = match node.kind.as_str() {
            "Abs" => first.abs(),
            "Add" | "Sum" => operands()?.into_iter().reduce(|sum, term| sum + term)?,
            "Clip" => {
                let bound = |position, default| match node.input(position) {
                    None => Some(default),
                    Some(_) => number(position),
                };
                let (low, high) = (bound(1, f64::NEG_INFINITY)?, bound(2, f64::INFINITY)?);
                (low < high).then(|| first.clip(low, high))?
            }
            "Div" => product(first, operand(1)?.power(-1.0)?)?,
            "Erf" => first.erf(),
            "Exp" => first.exp(),
            "GlobalAveragePool" => first.mean(&self.spatial_axes()?),
            "HardSigmoid" => (first * real("alpha", 0.2) + real("beta", 0.5)).ramp(),
            "Log" => first.log(),
            "Max" => operands()?.into_iter().reduce(Formula::max)?,
            "Min" => operands()?.into_iter().reduce(Formula::min)?,
            "Mul" => product(first, operand(1)?)?,
            "Neg" => first * -1.0,
            "Pow" => first.power(number(1)?)?,
            "Reciprocal" => first.power(-1.0)?,
            "ReduceL2" | "ReduceLogSumExp" | "ReduceMax" | "ReduceMean" | "ReduceSum" | "ReduceSumSquare" => {
                self.reduced(node, first, &self.kept_axes(node)?)?
            }
            "Relu" => first.relu(),
            "Sigmoid" => first.sigmoid(),
            "Softplus" => first.softplus(),
            "Sqrt" => first.power(0.5)?,
            "Sub" => first - operand(1)?,
            "Tanh" => first.tanh(),
            "Unsqueeze" => self.axes_put_back(node).then_some(first)?,
            _ => return None,
        };
        (formula.terms.len() <= MOST_TERMS && formula.atoms() <= MOST_ATOMS).then_some(formula)
    }

    fn reduced(&self, node: &Node, operand: Formula<'a>, axes: &[i64]) -> Option<Formula<'a>> {
        let square = || operand.power(2.0);
        Some(match node.kind.as_str() {
            "ReduceMax" => operand.maximum(axes),
            "ReduceMean" => operand.mean(axes),
            "ReduceSum" => self.total(&operand, axes),
            "ReduceL2" => self.total(&square()?, axes).power(0.5)?,
            "ReduceLogSumExp" => self.total(&operand.exp(), axes).log(),
            _ => self.total(&square()?, axes),
        })
    }

    /// The sum of a formula along axes.
    pub(super) fn total(&self, formula: &Formula<'a>, axes: &[i64]) -> Formula<'a> {
        formula.total(axes, self.count.filter(|_| axes == [-1]))
    }

    /// The count of the numbers along the last axis, if the region has their sum instead of their mean.
    pub(super) fn summed(&self) -> Option<f64> {
        let kinds = || self.nodes.iter().map(|&position| self.wiring.node(position).kind.as_str());
        self.count.filter(|_| {
            kinds().any(|kind| matches!(kind, "ReduceL2" | "ReduceLogSumExp" | "ReduceSum" | "ReduceSumSquare"))
        })
    }

    /// The axes along which a node reduces, if it keeps them or the node behind it puts them back.
    fn kept_axes(&self, node: &Node) -> Option<Vec<i64>> {
        let keeps = node.integer("keepdims", 1).ok()? != 0;
        let behind = || self.wiring.only_taker(node.output()).filter(|(_, node)| self.axes_put_back(node));
        (keeps || node.output() != self.output && behind().is_some()).then(|| self.axes(node)).flatten()
    }

    /// Whether a node puts back the axes that the node before it in the region took out.
    fn axes_put_back(&self, node: &Node) -> bool {
        let before = node.input(0).filter(|input| *input != self.source).and_then(|input| self.wiring.giver(input));
        let before = before.map(|position| self.wiring.node(position));
        let Some(before) = before.filter(|_| node.kind == "Unsqueeze") else { return false };
        let takes_out =
            before.kind.starts_with("Reduce") && before.integer("keepdims", 1).is_ok_and(|keeps| keeps == 0);
        takes_out && self.axes(node).is_some() && self.axes(node) == self.axes(before)
    }

    fn axes(&self, node: &Node) -> Option<Vec<i64>> {
        let mut axes = self.wiring.integers(node.input(1)?)?;
        axes.sort_unstable();
        axes.dedup();
        (!axes.is_empty()).then_some(axes)
    }

    /// The source, as a formula.
    pub(super) fn x(&self) -> Formula<'a> {
        Formula::tensor(self.source)
    }

    /// Whether the output is this function of the source.
    pub(super) fn is(&self, formula: &Formula<'a>) -> bool {
        self.formula.is(formula)
    }

    /// The operation of this kind on the source, which gives the output.
    pub(super) fn operation(&self, kind: &str) -> Node {
        Node::new(self.name(), kind, &[self.source], self.output)
    }

    /// The region as this operation.
    pub(super) fn replaced_by(&self, kind: &str) -> Replacement<F> {
        Replacement { operations: vec![self.operation(kind)], constants: Vec::new() }
    }

    fn name(&self) -> &'a str {
        self.nodes.last().map_or("", |&position| &self.wiring.node(position).name)
    }

    /// A name for what an operation that replaces the region takes.
    pub(super) fn fresh_name(&self, meaning: &str) -> String {
        self.wiring.graph.fresh_name(&format!("{}.{meaning}", self.output))
    }

    /// The shape of known numbers.
    pub(super) fn shape(&self, known: &str) -> &'a [usize] {
        self.wiring.known(known).map(|(_, values)| values.shape()).unwrap_or_default()
    }

    /// Known numbers times a factor, without leading axes of length 1: their name, and the constant if it is new.
    pub(super) fn scaled(&self, known: &str, factor: f64, meaning: &str) -> Option<(String, Option<Constant<F>>)> {
        self.wiring.scaled(known, factor, &format!("{}.{meaning}", self.output))
    }

    /// All the numbers of a known tensor.
    pub(super) fn values(&self, known: &str) -> impl Iterator<Item = f64> {
        self.wiring.known(known).into_iter().flat_map(|(_, values)| values.iter().map(|&value| value.as_()))
    }

    /// The pattern, unless the nodes are these operations already.
    pub(super) fn pattern(&self, replacement: Replacement<F>) -> Option<Pattern<F>> {
        let kinds = self.nodes.iter().map(|&position| &self.wiring.node(position).kind);
        let is_same = kinds.eq(replacement.operations.iter().map(|operation| &operation.kind));
        (!is_same).then(|| Pattern { nodes: self.nodes.clone(), replacement })
    }
}

/// The product, if it has few terms.
fn product<'a>(a: Formula<'a>, b: Formula<'a>) -> Option<Formula<'a>> {
    (a.terms.len() * b.terms.len() <= MOST_TERMS).then(|| a * b)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sketch, recognized};

    #[test]
    fn a_region_ends_where_others_take_what_is_inside() {
        let numbers = [("half", 0.5)];
        let nodes: &[Sketch<'_>] = &[
            ("Mul", &["x", "half"], "a"),
            ("Tanh", &["a"], "b"),
            ("Mul", &["b", "half"], "c"),
            ("Add", &["c", "half"], "d"),
        ];
        let alone = [nodes, &[("Neg", &["d"], "y")]].concat();
        assert_eq!(recognized(&alone, &numbers, &[]), ["Sigmoid(x) d", "Neg(d) y"]);
        for inner in ["a", "b", "c"] {
            let both = ["d", inner];
            let taken = [nodes, &[("Concat", &both, "y")]].concat();
            assert_eq!(recognized(&taken, &numbers, &[]).len(), 5, "{inner}");
        }
    }

    /// Each formula holds the one before twice, so that 100 of them would fill any memory.
    #[test]
    fn formulas_that_grow_too_large_are_left() {
        let names: Vec<String> = (0..=200).map(|at| if at == 200 { "y".into() } else { format!("t{at}") }).collect();
        let inputs: Vec<[&str; 2]> = (0..100).map(|at| [names[2 * at].as_str(), names[2 * at + 1].as_str()]).collect();
        let nodes = inputs.iter().zip(names[2..].iter().step_by(2)).flat_map(|(inputs, sum)| {
            let exponential: Sketch<'_> = ("Exp", &inputs[..1], inputs[1]);
            [exponential, ("Add", &inputs[..], sum.as_str())]
        });
        let nodes: Vec<Sketch<'_>> = nodes.collect();
        assert_eq!(recognized(&nodes, &[], &[]).len(), 200);
    }
}
