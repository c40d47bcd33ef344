//! A network as it is explained, node by node.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use model_files::InputDeclaration;
use neural_lrp::operation::{Constant, Input};
use neural_lrp::rules::Rule;
use neural_lrp::{Composite, DefaultComposite, Explainer, Network, Node, Real};

use crate::{Error, Networks};

/// A network as it is explained: constants computed, batch normalization folded into the layer before it.
///
/// As text it is a table, a line for each node.
///
/// ```
/// use pixelwise::{Description, Networks};
/// let networks = Networks::<f32>::open("../../tests/golden/neural/lenet5/model.onnx")?;
/// let description = Description::of(&networks, &networks.default_shapes()?, None)?;
/// assert_eq!(description.nodes[0].rule, "flat"); // of epsilon-plus-flat, the default for convolutional networks
/// assert!(description.to_string().contains("composite  epsilon-plus-flat, the default for convolutional networks"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Description {
    /// The inputs.
    pub inputs: Vec<TensorDescription>,
    /// The outputs.
    pub outputs: Vec<TensorDescription>,
    /// The name of the tensor that is explained.
    pub explained: String,
    /// The rules.
    pub composite: Composite,
    /// Why they are taken, where nothing else was asked for.
    pub default: Option<DefaultComposite>,
    /// The nodes, in the order of the forward pass.
    pub nodes: Vec<NodeDescription>,
}

/// An input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorDescription {
    /// Its name.
    pub name: String,
    /// As the file declares it, `N × 1 × 32 × 32`; empty for outputs.
    pub declared: String,
    /// Its shape, for the shapes of inputs that the description is for.
    pub shape: Vec<usize>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeDescription {
    /// Its name.
    pub name: String,
    /// The operation, as ONNX calls it.
    pub operation: &'static str,
    /// Its settings, for a person.
    pub description: String,
    /// The name of its output.
    pub tensor: String,
    /// The shape of its output.
    pub shape: Vec<usize>,
    /// How many numbers it has learned.
    pub parameters: usize,
    /// Its rule; none for what stands behind the linear score.
    pub rule: String,
    /// Whether two factors get half of the relevance each.
    pub is_halved: bool,
    /// Nodes of the file that were made part of it.
    pub folded: Vec<String>,
}

/// What stands in the place of a rule behind the linear score.
const LEFT_OUT: &str = "left out: the score before it is explained";

impl Description {
    /// Describes a network for inputs of these shapes, with the rules of a composite or those of its default.
    ///
    /// # Errors
    /// Shapes that the network does not take; a composite that does not fit it.
    pub fn of<F: Real>(
        networks: &Networks<F>,
        shapes: &[Vec<usize>],
        composite: Option<&Composite>,
    ) -> Result<Self, Error> {
        let given: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        let explainer = networks.explainer(&given)?;
        let network = explainer.network();
        let chosen = match composite {
            Some(composite) => (composite.clone(), None),
            None => {
                let default = Composite::default_for(network);
                (default.composite()?, Some(default))
            }
        };
        Self::of_explainer(&explainer, networks.inputs(), &given, chosen, "the range of the input")
    }

    /// Describes the network of an explainer.
    ///
    /// * `declared` — the inputs as the file declares them, `shapes` — those that the description is for
    /// * `chosen` — the composite, and why it is taken where nothing else was asked for
    /// * `needed` — what a rule is said to need that can't be used yet
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn of_explainer<F: Real>(
        explainer: &Explainer<F>,
        declared: &[InputDeclaration],
        shapes: &[&[usize]],
        (composite, default): (Composite, Option<DefaultComposite>),
        needed: &str,
    ) -> Result<Self, Error> {
        let network = explainer.network();
        let shapes = network.shapes(shapes)?;
        let rules = composite.choose(network)?;
        let halved = neural_lrp::halved(network, explainer.explained(), &rules);
        let halved: BTreeSet<_> = halved.iter().map(|node| node.output).collect();
        let nodes = network.nodes().iter().zip(&rules).map(|(node, rule)| NodeDescription {
            name: node.name.clone(),
            operation: node.operation.kind(),
            description: node.operation.description(),
            tensor: network.tensor(node.output).name.clone(),
            shape: shapes[node.output.index()].clone(),
            parameters: parameters(network, node),
            rule: if explainer.skipped().contains(&node.name) { LEFT_OUT.into() } else { rule_text(rule, needed) },
            is_halved: halved.contains(&node.output),
            folded: node.folded.clone(),
        });
        let tensor = |id: neural_lrp::TensorId, declared: String| TensorDescription {
            name: network.tensor(id).name.clone(),
            declared,
            shape: shapes[id.index()].clone(),
        };
        let inputs = network.inputs().iter().zip(declared).map(|(input, declaration)| {
            let dimensions = declaration.dimensions.iter().flatten().map(ToString::to_string);
            tensor(input.tensor, dimensions.collect::<Vec<_>>().join(" × "))
        });
        Ok(Self {
            inputs: inputs.collect(),
            outputs: network.outputs().iter().map(|&output| tensor(output, String::new())).collect(),
            explained: network.tensor(explainer.explained()).name.clone(),
            nodes: nodes.collect(),
            composite,
            default,
        })
    }

    /// How many numbers the network has learned.
    pub fn parameters(&self) -> usize {
        self.nodes.iter().map(|node| node.parameters).sum()
    }

    /// How many nodes of each operation there are.
    pub fn operations(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for node in &self.nodes {
            *counts.entry(node.operation).or_insert(0) += 1;
        }
        counts
    }
}

impl fmt::Display for Description {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for input in &self.inputs {
            let given = lengths(&input.shape);
            let shown = if input.declared == given { String::new() } else { format!(", shown for {given}") };
            writeln!(formatter, "input      {}  {}{shown}", input.name, input.declared)?;
        }
        for output in &self.outputs {
            writeln!(formatter, "output     {}  {}", output.name, lengths(&output.shape))?;
        }
        writeln!(formatter, "explained  {}", self.explained)?;
        match &self.default {
            Some(default) => writeln!(formatter, "composite  {default}")?,
            None => writeln!(formatter, "composite  {}", self.composite.name())?,
        }
        let cells = |node: &NodeDescription| {
            let parameters = if node.parameters == 0 { String::new() } else { node.parameters.to_string() };
            [&node.name, node.operation, &lengths(&node.shape), &parameters, &node.rule].map(str::to_owned)
        };
        let titles = ["node", "operation", "output", "parameters", "rule"].map(str::to_owned);
        let rows: Vec<[String; 5]> = std::iter::once(titles).chain(self.nodes.iter().map(cells)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        for [node, operation, output, parameters, rule] in &rows {
            let [first, second, third, fourth, _] = widths;
            writeln!(
                formatter,
                "{node:<first$}  {operation:<second$}  {output:<third$}  {parameters:>fourth$}  {rule}"
            )?;
        }
        let counts: Vec<String> = self.operations().iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        write!(formatter, "{} nodes ({}), {} parameters", self.nodes.len(), counts.join(", "), self.parameters())
    }
}

/// A rule as it is written; one that can't be used yet says what it needs.
fn rule_text(rule: &Rule, needed: &str) -> String {
    match rule.lacks() {
        Some(_) => format!("{rule} (needs {needed})"),
        None => rule.to_string(),
    }
}

/// How many numbers a node has learned: its weights and other constants, whether they are part of the operation or come
/// as operands. Single numbers, as the bounds of Clip, are settings.
fn parameters<F: Real>(network: &Network<F>, node: &Node<F>) -> usize {
    let spec = node.operation.to_spec();
    let held = spec.inputs.iter().filter_map(|input| match input {
        Input::Constant(Constant::Real(values)) => Some(values),
        _ => None,
    });
    let operands = node.operands.iter().filter_map(|&operand| network.tensor(operand).constant.as_ref());
    held.chain(operands).filter(|values| values.ndim() > 0).map(|values| values.len()).sum()
}

/// A shape as people write it: `1 × 3 × 224 × 224`.
fn lengths(shape: &[usize]) -> String {
    match shape {
        [] => "a number".to_owned(),
        lengths => lengths.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × "),
    }
}
