//! A network, described node by node.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use neural_lrp::operation::{Constant, Input};
use neural_lrp::rules::Rule;
use neural_lrp::{Composite, DefaultComposite, Explainer, Network, Node};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::input_shapes::ShapeOptions;
use crate::model::NetworkModel;
use crate::output::{Table, shape};
use crate::rules::RuleOptions;

/// A network as it is explained.
pub struct Description {
    model: PathBuf,
    composite: Composite,
    /// Why it is taken, where nothing else was asked for.
    default: Option<DefaultComposite>,
    inputs: Vec<Tensor>,
    outputs: Vec<Tensor>,
    explained: String,
    nodes: Vec<Row>,
}

/// An input or output.
struct Tensor {
    name: String,
    /// As the file declares it; empty for outputs.
    declared: String,
    shape: Vec<usize>,
}

struct Row {
    name: String,
    operation: &'static str,
    description: String,
    /// The name of its output.
    tensor: String,
    shape: Vec<usize>,
    parameters: usize,
    rule: String,
    /// Whether two factors get half of the relevance each.
    is_halved: bool,
    folded: Vec<String>,
}

impl Description {
    /// Describes the network in a file, for inputs of the given shapes.
    pub fn of(path: &Path, shapes: &ShapeOptions, rules: &RuleOptions) -> Result<Self, Failure> {
        let mut model = NetworkModel::<f32>::read(path)?;
        let given = shapes.of(model.inputs())?;
        let given: Vec<&[usize]> = given.iter().map(Vec::as_slice).collect();
        let explainer = Explainer::new(model.network(&given)?.as_ref())?;
        let network = explainer.network();
        let shapes = network.shapes(&given)?;
        let rules = rules.read()?;
        let (default, composite) = (rules.default(network), rules.composite(network)?);
        let rules = composite.choose(network)?;
        let halved: BTreeSet<_> =
            neural_lrp::halved(network, explainer.explained(), &rules).iter().map(|node| node.output).collect();
        let nodes = network.nodes().iter().zip(&rules).map(|(node, rule)| Row {
            name: node.name.clone(),
            operation: node.operation.kind(),
            description: node.operation.description(),
            tensor: network.tensor(node.output).name.clone(),
            shape: shapes[node.output.index()].clone(),
            parameters: parameters(network, node),
            rule: if explainer.skipped().contains(&node.name) { LEFT_OUT.to_owned() } else { rule_text(rule) },
            is_halved: halved.contains(&node.output),
            folded: node.folded.clone(),
        });
        let tensor = |id: neural_lrp::TensorId, declared: String| Tensor {
            name: network.tensor(id).name.clone(),
            declared,
            shape: shapes[id.index()].clone(),
        };
        let inputs = network.inputs().iter().zip(model.inputs()).map(|(input, declaration)| {
            let dimensions = declaration.dimensions.iter().flatten().map(ToString::to_string);
            tensor(input.tensor, dimensions.collect::<Vec<_>>().join(" × "))
        });
        Ok(Self {
            model: path.to_owned(),
            composite,
            default,
            inputs: inputs.collect(),
            outputs: network.outputs().iter().map(|&output| tensor(output, String::new())).collect(),
            explained: network.tensor(explainer.explained()).name.clone(),
            nodes: nodes.collect(),
        })
    }

    fn parameters(&self) -> usize {
        self.nodes.iter().map(|node| node.parameters).sum()
    }

    /// How many nodes of each operation there are.
    fn operations(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for node in &self.nodes {
            *counts.entry(node.operation).or_insert(0) += 1;
        }
        counts
    }

    /// For a person.
    pub fn text(&self) -> String {
        let mut text = format!("model      {}\n", self.model.display());
        for input in &self.inputs {
            let given = shape(&input.shape);
            let shown = if input.declared == given { String::new() } else { format!(", shown for {given}") };
            text += &format!("input      {}  {}{shown}\n", input.name, input.declared);
        }
        for output in &self.outputs {
            text += &format!("output     {}  {}\n", output.name, shape(&output.shape));
        }
        text += &format!("explained  {}\n", self.explained);
        if let Some(default) = &self.default {
            text += &format!("composite  {default}\n");
        }
        text += &format!("rules      {}\n", self.composite);
        let mut table = Table::new(["node", "operation", "", "output", "parameters", "rule", "made part of it"]);
        for node in &self.nodes {
            table.row([
                node.name.clone(),
                node.operation.to_owned(),
                node.description.clone(),
                shape(&node.shape),
                if node.parameters == 0 { String::new() } else { node.parameters.to_string() },
                node.rule.clone(),
                node.folded.join("; "),
            ]);
        }
        text += &table.text();
        let operations = self.operations().iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>();
        let (nodes, parameters) = (self.nodes.len(), self.parameters());
        text += &format!("\n{nodes} nodes ({}), {parameters} parameters\n", operations.join(", "));
        text += &self.halved_text();
        text
    }

    /// The names of products whose factors get half of the relevance each.
    fn halved(&self) -> Vec<&str> {
        self.nodes.iter().filter(|node| node.is_halved).map(|node| node.name.as_str()).collect()
    }

    /// Which products a person should look at, if any.
    fn halved_text(&self) -> String {
        let halved = self.halved();
        let (products, them, share) = match halved.as_slice() {
            [] => return String::new(),
            [_] => ("product", "it", "shares its"),
            _ => ("products", "them", "share their"),
        };
        format!(
            "{} {products} {share} relevance half and half: {}; look at {them}: where one factor only weighs the other, \
             give a rule by name, as --layer-rule '{}=signal=first'\n",
            halved.len(),
            halved.join(", "),
            halved[0],
        )
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let tensors = |tensors: &[Tensor]| {
            let tensors = tensors.iter().map(|tensor| {
                let declared = Some(&tensor.declared).filter(|declared| !declared.is_empty());
                json!({ "name": tensor.name, "shape": tensor.shape, "declared": declared })
            });
            tensors.collect::<Vec<_>>()
        };
        let nodes = self.nodes.iter().map(|node| {
            json!({
                "name": node.name,
                "operation": node.operation,
                "description": node.description,
                "tensor": node.tensor,
                "shape": node.shape,
                "parameters": node.parameters,
                "rule": node.rule,
                "folded": node.folded,
            })
        });
        json!({
            "model": self.model,
            "kind": "network",
            "inputs": tensors(&self.inputs),
            "outputs": tensors(&self.outputs),
            "explained": self.explained,
            "composite": self.composite.name(),
            "default": self.default.as_ref().map(ToString::to_string),
            "nodes": nodes.collect::<Vec<_>>(),
            "operations": self.operations(),
            "parameters": self.parameters(),
            "shared_half_and_half": self.halved(),
        })
    }
}

/// What stands in the place of a rule behind the linear score.
const LEFT_OUT: &str = "left out: the score before it is explained";

/// A rule as it is written; one that can't be used yet says what it needs.
fn rule_text(rule: &Rule) -> String {
    match rule.lacks() {
        Some(_) => format!("{rule} (needs --input-range)"),
        None => rule.to_string(),
    }
}

/// How many numbers a node has learned: its weights and other constants, whether they are part of the operation or come
/// as operands. Single numbers, as the bounds of Clip, are settings.
fn parameters(network: &Network<f32>, node: &Node<f32>) -> usize {
    let spec = node.operation.to_spec();
    let held = spec.inputs.iter().filter_map(|input| match input {
        Input::Constant(Constant::Real(values)) => Some(values),
        _ => None,
    });
    let operands = node.operands.iter().filter_map(|&operand| network.tensor(operand).constant.as_ref());
    held.chain(operands).filter(|values| values.ndim() > 0).map(|values| values.len()).sum()
}
