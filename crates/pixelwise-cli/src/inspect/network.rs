//! A network, described node by node.

use std::path::{Path, PathBuf};

use neural_lrp::Explainer;
use pixelwise::TensorDescription;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::input_shapes::ShapeOptions;
use crate::model::NetworkModel;
use crate::output::{Table, shape};
use crate::rules::RuleOptions;

/// The network in a file, as it is explained.
pub struct Description {
    model: PathBuf,
    network: pixelwise::Description,
}

impl Description {
    /// Describes the network in a file, for inputs of the given shapes.
    pub fn of(path: &Path, shapes: &ShapeOptions, rules: &RuleOptions) -> Result<Self, Failure> {
        let mut model = NetworkModel::<f32>::read_and_warn(path)?;
        let given = shapes.of(model.inputs())?;
        let given: Vec<&[usize]> = given.iter().map(Vec::as_slice).collect();
        let explainer = Explainer::new(model.network(&given)?.as_ref())?;
        let rules = rules.read()?;
        let chosen = (rules.composite(explainer.network())?, rules.default(explainer.network()));
        let network =
            pixelwise::Description::of_explainer(&explainer, model.inputs(), &given, chosen, "--input-range")?;
        Ok(Self { model: path.to_owned(), network })
    }

    /// For a person.
    pub fn text(&self) -> String {
        let mut text = format!("model      {}\n", self.model.display());
        for input in &self.network.inputs {
            let given = shape(&input.shape);
            let shown = if input.declared == given { String::new() } else { format!(", shown for {given}") };
            text += &format!("input      {}  {}{shown}\n", input.name, input.declared);
        }
        for output in &self.network.outputs {
            text += &format!("output     {}  {}\n", output.name, shape(&output.shape));
        }
        text += &format!("explained  {}\n", self.network.explained);
        if let Some(default) = &self.network.default {
            text += &format!("composite  {default}\n");
        }
        text += &format!("rules      {}\n", self.network.composite);
        let mut table = Table::new(["node", "operation", "", "output", "parameters", "rule", "made part of it"]);
        for node in &self.network.nodes {
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
        let operations =
            self.network.operations().iter().map(|(kind, count)| format!("{count} {kind}")).collect::<Vec<_>>();
        let (nodes, parameters) = (self.network.nodes.len(), self.network.parameters());
        text += &format!("\n{nodes} nodes ({}), {parameters} parameters\n", operations.join(", "));
        text += &self.halved_text();
        text
    }

    /// The names of products whose factors get half of the relevance each.
    fn halved(&self) -> Vec<&str> {
        self.network.nodes.iter().filter(|node| node.is_halved).map(|node| node.name.as_str()).collect()
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
        let tensors = |tensors: &[TensorDescription]| {
            let tensors = tensors.iter().map(|tensor| {
                let declared = Some(&tensor.declared).filter(|declared| !declared.is_empty());
                json!({ "name": tensor.name, "shape": tensor.shape, "declared": declared })
            });
            tensors.collect::<Vec<_>>()
        };
        let nodes = self.network.nodes.iter().map(|node| {
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
            "inputs": tensors(&self.network.inputs),
            "outputs": tensors(&self.network.outputs),
            "explained": self.network.explained,
            "composite": self.network.composite.name(),
            "default": self.network.default.as_ref().map(ToString::to_string),
            "nodes": nodes.collect::<Vec<_>>(),
            "operations": self.network.operations(),
            "parameters": self.network.parameters(),
            "shared_half_and_half": self.halved(),
        })
    }
}
