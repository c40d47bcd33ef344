//! ONNX files: from bytes to a [`Graph`].

mod names;
mod node;
mod stored;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use neural_lrp::Real;
use neural_lrp::operation::Attribute;
use rten_onnx::onnx::DataType;

use self::names::Names;
use self::node::{OWN_DOMAINS, plain_node, value_of};
use self::stored::Stored;
use crate::graph::{Body, Branches, Graph, Node, arrange, taken_from_outside};
use crate::messages::{self, AttributeValue};
use crate::rewriting::zero_point_of_output;
use crate::source::Source;
use crate::support::OPSETS;
use crate::wire::{Damage, Fields};
use crate::{Dimension, Error, InputDeclaration};

/// Returns whether a file could be an ONNX file: whether it begins with a field that `ModelProto` has.
pub(crate) fn is_likely(source: &Source<'_>) -> bool {
    match Fields::of(source.whole()).next() {
        Some(Ok(field)) => matches!(field.number, 1..=8 | 14 | 20 | 25 | 26),
        _ => false,
    }
}

/// The graph of an ONNX file, and the version of its operators. External data have to lie in `folder`.
///
/// The numbers of each tensor are read straight into their place.
pub(crate) fn read<F: Real>(source: &Source<'_>, folder: &Path) -> Result<(Graph<F>, i64), Error> {
    let model = messages::Model::decode(source.whole()).map_err(|damage| damaged(source, damage))?;
    let Some(message) = &model.graph else {
        return Err(Error::NoNetwork { reason: "an ONNX file would hold a graph, and there is none".to_owned() });
    };
    let opset = opset(&model)?;
    let functions = functions(&model.functions, opset)?;
    Ok((graph(message, functions, folder)?, opset))
}

/// What else an ONNX file says, by key.
pub(crate) fn metadata(source: &Source<'_>) -> Result<BTreeMap<String, String>, Error> {
    messages::metadata(source.whole()).map_err(|damage| damaged(source, damage))
}

fn damaged(source: &Source<'_>, damage: Damage) -> Error {
    Error::Damaged { offset: damage.offset, length: source.length(), reason: damage.reason.into_owned() }
}

/// The operators that a file brings itself, by domain and name.
type Functions<'a> = BTreeMap<(&'a str, &'a str), &'a messages::Function<'a>>;

fn functions<'a>(functions: &'a [messages::Function<'a>], opset: i64) -> Result<Functions<'a>, Error> {
    for function in functions {
        let own = function.opsets.iter().find(|set| OWN_DOMAINS.contains(&set.domain.as_str()));
        if let Some(own) = own.filter(|own| own.version != opset) {
            let (name, version) = (&function.name, own.version);
            let reason = format!(
                "function {name:?} is of opset {version}, and the graph of opset {opset}; both should be of one"
            );
            return Err(Error::Graph(reason));
        }
    }
    let of_ones_own = functions.iter().filter(|function| !OWN_DOMAINS.contains(&function.domain.as_str()));
    Ok(of_ones_own.map(|function| ((function.domain.as_str(), function.name.as_str()), function)).collect())
}

fn opset(model: &messages::Model<'_>) -> Result<i64, Error> {
    // Files from before operator sets were numbered mean the first, and so would every file that is cut short here.
    let own = model.opsets.iter().find(|set| OWN_DOMAINS.contains(&set.domain.as_str()));
    let version = own.map(|set| set.version).ok_or(Error::Opset { version: 1 })?;
    if (1..=*OPSETS.end()).contains(&version) { Ok(version) } else { Err(Error::Opset { version }) }
}

fn graph<'a, F: Real>(
    message: &'a messages::Graph<'a>,
    functions: Functions<'a>,
    folder: &Path,
) -> Result<Graph<F>, Error> {
    let mut reader = Reader { stored: BTreeMap::new(), functions, inlined: 0 };
    let nodes = reader.nodes(message, &Names::default())?;
    let mut declared = BTreeSet::new();
    // Old files declare their initializers as inputs too.
    let real_inputs = message.inputs.iter().filter(|input| !reader.stored.contains_key(&input.name));
    let inputs: Vec<InputDeclaration> = real_inputs.map(declaration).collect();
    for input in &inputs {
        if !declared.insert(input.name.as_str()) {
            return Err(Error::Graph(format!("two inputs are named {:?}", input.name)));
        }
    }
    let outputs = explainable_outputs(&message.outputs);
    if inputs.is_empty() || outputs.is_empty() {
        return Err(Error::Graph("it needs at least one input and one output".to_owned()));
    }
    let nodes = arrange(nodes, &outputs, |name| reader.stored.contains_key(name) || declared.contains(name))?;
    let needed: BTreeSet<&str> =
        nodes.iter().flat_map(Node::given_inputs).chain(outputs.iter().map(String::as_str)).collect();
    let mut constants = BTreeMap::new();
    for (name, value) in reader.stored.iter().filter(|(name, _)| needed.contains(name.as_str())) {
        constants.insert(name.clone(), value.decode(folder)?);
    }
    Ok(Graph { inputs, outputs, nodes, constants })
}

/// The constants that are found while a graph is read, and the graphs in its attributes.
struct Reader<'a> {
    /// The constants of all of them.
    stored: BTreeMap<String, Stored<'a>>,
    functions: Functions<'a>,
    /// How large all nodes are that have come out of functions, by their names and attributes.
    inlined: usize,
}

/// Functions may stand in one another, and be many nodes by few words.
const LARGEST_INLINED: usize = 1 << 24;
/// The number of functions around a function, at most.
const DEEPEST_FUNCTION: usize = 32;

impl<'a> Reader<'a> {
    /// The nodes of a graph, in the file's order; its constants are stored.
    fn nodes(&mut self, message: &'a messages::Graph<'a>, names: &Names<'_>) -> Result<Vec<Node>, Error> {
        if message.sparse_initializers > 0 {
            return Err(Error::Graph("it has sparse initializers; store them as dense tensors".to_owned()));
        }
        for tensor in &message.initializers {
            self.store(names.of(&tensor.name), Stored::Tensor(tensor))?;
        }
        self.listed(&message.nodes, names)
    }

    /// The nodes of a list, in its order.
    fn listed(&mut self, messages: &'a [messages::Node<'a>], names: &Names<'_>) -> Result<Vec<Node>, Error> {
        let mut nodes = Vec::new();
        for message in messages {
            let mut node = plain_node(message);
            node.inputs.iter_mut().chain(&mut node.outputs).for_each(|name| *name = names.of(name));
            node.attributes.extend(names.given_attributes(message));
            self.weigh(&node, names)?;
            if let Some(&function) = self.functions.get(&(message.domain.as_str(), message.kind.as_str())) {
                nodes.extend(self.inline(function, &node, names.depth + 1)?);
                continue;
            }
            let zero = zero_point_of_output(&node.kind).and_then(|zero| node.input(zero));
            let zero_type = zero.and_then(|zero| self.stored.get(zero)).and_then(Stored::data_type);
            if let (Some(zero_type), 0) = (zero_type, node.integer("output_dtype", 0)?) {
                node.attributes.insert("output_dtype".to_owned(), Attribute::Integer(zero_type.0.into()));
            }
            match node.kind.as_str() {
                "Constant" => {
                    let value = match node.attributes.iter().find(|(name, _)| name.starts_with("value")) {
                        Some((_, given)) if names.gives_attributes(message) => Stored::Given(given.clone()),
                        _ => Stored::Node(message),
                    };
                    self.store(node.output().to_owned(), value)?;
                }
                // Every number of that shape is the value: it is expanded.
                "ConstantOfShape" => {
                    let fill = format!("{}.value", node.output());
                    self.store(fill.clone(), Stored::Node(message))?;
                    node.kind = "Expand".to_owned();
                    node.attributes.clear();
                    node.inputs.insert(0, fill);
                    nodes.push(node);
                }
                "If" => {
                    node.branches = Some(Box::new(self.branches(message, &node, names)?));
                    nodes.push(node);
                }
                "Loop" | "Scan" => {
                    node.body = Some(Box::new(self.body(message, &node, names)?));
                    nodes.push(node);
                }
                _ => nodes.push(node),
            }
        }
        Ok(nodes)
    }

    fn store(&mut self, name: String, value: Stored<'a>) -> Result<(), Error> {
        match self.stored.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(value);
                Ok(())
            }
            Entry::Occupied(entry) => Err(Error::Graph(format!("two constants are named {:?}", entry.key()))),
        }
    }

    /// Counts a node of a function.
    fn weigh(&mut self, node: &Node, names: &Names<'_>) -> Result<(), Error> {
        let Some(caller) = names.depth.checked_sub(1).map(|_| names.caller.len()) else { return Ok(()) };
        let texts: usize = node.inputs.iter().chain(&node.outputs).map(String::len).sum();
        let attributes: usize = node.attributes.values().map(length).sum();
        self.inlined += 64 + caller + node.name.len() + texts + attributes;
        match self.inlined <= LARGEST_INLINED {
            true => Ok(()),
            false => Err(node.refuse("the functions of this file stand for more than a network has")),
        }
    }

    /// The nodes that a node of a function stands for.
    fn inline(&mut self, function: &'a messages::Function<'a>, node: &Node, depth: usize) -> Result<Vec<Node>, Error> {
        if depth > DEEPEST_FUNCTION {
            return Err(node.refuse("functions stand too deep in functions"));
        }
        if node.inputs.len() > function.inputs.len() || node.outputs.len() > function.outputs.len() {
            let (inputs, outputs) = (function.inputs.len(), function.outputs.len());
            return Err(node.refuse(format!("its function takes {inputs} inputs and gives {outputs} outputs")));
        }
        let mut attributes: BTreeMap<String, Attribute> = function
            .defaults
            .iter()
            .filter_map(|default| Some((default.name.clone(), value_of(&default.value)?)))
            .collect();
        attributes.extend(node.attributes.clone());
        let mut names = Names { depth, attributes, caller: node.name.clone(), ..Names::default() };
        for (position, input) in function.inputs.iter().enumerate() {
            names.inside.insert(input.as_str(), node.inputs.get(position).cloned().unwrap_or_default());
        }
        let outputs = function.outputs.iter().map(String::as_str).zip(&node.outputs);
        names.name_inside(&function.nodes, outputs.clone(), &node.name);
        let mut nodes = self.listed(&function.nodes, &names)?;
        nodes.iter_mut().for_each(|inner| inner.name = format!("{}.{}", node.name, inner.name));
        nodes.extend(names.handed_on(outputs));
        Ok(nodes)
    }

    fn branches(&mut self, message: &'a messages::Node<'a>, node: &Node, names: &Names<'_>) -> Result<Branches, Error> {
        let mut branch = |attribute: &str| {
            let found = message.attributes.iter().find(|found| found.name == attribute);
            match found.map(|attribute| &attribute.value) {
                Some(AttributeValue::Graph(graph)) => self.branch(graph, node, attribute, names),
                _ => Err(node.refuse(format!("it has no graph as its {attribute}"))),
            }
        };
        Ok(Branches { holds: branch("then_branch")?, otherwise: branch("else_branch")? })
    }

    /// What a Loop or Scan does in each round.
    fn body(&mut self, message: &'a messages::Node<'a>, node: &Node, outside: &Names<'_>) -> Result<Body, Error> {
        let found = message.attributes.iter().find(|found| found.name == "body");
        let Some(AttributeValue::Graph(graph)) = found.map(|attribute| &attribute.value) else {
            return Err(node.refuse("it has no graph as its body"));
        };
        let caller = outside.caller.clone();
        let mut names = Names { outside: Some(outside), depth: outside.depth, caller, ..Names::default() };
        let within = format!("{}.body", node.given_outputs().next().unwrap_or(&node.name));
        let initializers = graph.initializers.iter().map(|tensor| &tensor.name).filter(|name| !name.is_empty());
        for name in graph.inputs.iter().map(|input| &input.name).chain(initializers) {
            names.inside.entry(name).or_insert_with(|| format!("{within}.{name}"));
        }
        names.name_inside(&graph.nodes, std::iter::empty(), &within);
        let nodes = self.nodes(graph, &names)?;
        let of_all = |values: &[messages::ValueInfo]| values.iter().map(|value| names.of(&value.name)).collect();
        let (inputs, outputs): (Vec<String>, Vec<String>) = (of_all(&graph.inputs), of_all(&graph.outputs));
        let outside: BTreeSet<String> = taken_from_outside(&nodes).into_iter().map(str::to_owned).collect();
        let computed = |name: &&String| nodes.iter().any(|node| node.given_outputs().any(|output| output == *name));
        let given: Vec<String> = outputs.iter().filter(computed).cloned().collect();
        let nodes = arrange(nodes, &given, |name| outside.contains(name) || self.stored.contains_key(name))?;
        Ok(Body { inputs, nodes, outputs })
    }

    /// The nodes of one branch of an If, which give the outputs of the If.
    fn branch(
        &mut self,
        message: &'a messages::Graph<'a>,
        node: &Node,
        attribute: &str,
        outside: &Names<'_>,
    ) -> Result<Vec<Node>, Error> {
        if message.outputs.len() < node.outputs.len() {
            return Err(node.refuse(format!("its {attribute} gives {} outputs only", message.outputs.len())));
        }
        let caller = outside.caller.clone();
        let mut names = Names { outside: Some(outside), depth: outside.depth, caller, ..Names::default() };
        let outputs = message.outputs.iter().map(|output| output.name.as_str()).zip(&node.outputs);
        let within = format!("{}.{attribute}", node.output());
        names.name_inside(&message.nodes, outputs.clone(), &within);
        for tensor in message.initializers.iter().filter(|tensor| !tensor.name.is_empty()) {
            names.inside.entry(&tensor.name).or_insert_with(|| format!("{within}.{}", tensor.name));
        }
        let mut nodes = self.nodes(message, &names)?;
        nodes.extend(names.handed_on(outputs));
        let outside: BTreeSet<String> = taken_from_outside(&nodes).into_iter().map(str::to_owned).collect();
        let given: Vec<String> = node.given_outputs().map(str::to_owned).collect();
        arrange(nodes, &given, |name| outside.contains(name) || self.stored.contains_key(name))
    }
}

/// The outputs of floating-point numbers; labels beside them are no part of a network.
fn explainable_outputs(outputs: &[messages::ValueInfo]) -> Vec<String> {
    let is_label = |output: &&messages::ValueInfo| {
        let floats = [DataType::FLOAT, DataType::DOUBLE, DataType::FLOAT16, DataType::BFLOAT16, DataType(0)];
        output.data_type.is_some_and(|data_type| !floats.contains(&data_type))
    };
    let (labels, scores): (Vec<_>, Vec<_>) = outputs.iter().partition(is_label);
    let explained = if scores.is_empty() { labels } else { scores };
    explained.into_iter().map(|output| output.name.clone()).collect()
}

/// How large an attribute is.
fn length(attribute: &Attribute) -> usize {
    match attribute {
        Attribute::Integer(_) | Attribute::Real(_) => 8,
        Attribute::Integers(values) => 8 * values.len(),
        Attribute::Reals(values) => 8 * values.len(),
        Attribute::Text(text) => text.len(),
    }
}

fn declaration(input: &messages::ValueInfo) -> InputDeclaration {
    let dimension = |(axis, dimension): (usize, &messages::Dimension)| match dimension {
        messages::Dimension::Value(size @ 1..) => usize::try_from(*size)
            .map_or_else(|_| Dimension::Symbolic(format!("axis {axis} of {}", input.name)), Dimension::Fixed),
        messages::Dimension::Symbol(name) if !name.is_empty() => Dimension::Symbolic(name.clone()),
        // Some exporters write 0 or −1 where anything goes.
        _ => Dimension::Symbolic(format!("axis {axis} of {}", input.name)),
    };
    let dimensions = input.dimensions.as_ref().map(|axes| axes.iter().enumerate().map(dimension).collect());
    let element_type = input.data_type.as_ref().and_then(DataType::name).unwrap_or("UNDEFINED").to_owned();
    InputDeclaration { name: input.name.clone(), dimensions, element_type }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::arr0;
    use neural_lrp::operation::Constant;
    use proptest::prelude::*;
    use rten_onnx::onnx::{GraphProto, TensorProto};

    use super::*;
    use crate::fixtures;

    fn small() -> GraphProto {
        let nodes = vec![
            fixtures::node("Constant", &[], &["axes"], vec![fixtures::integers("value_ints", &[1])]),
            fixtures::node("Conv", &["x", "w"], &["z"], vec![fixtures::integers("pads", &[1, 1, 1, 1])]),
            fixtures::node("LeakyRelu", &["z"], &["a"], vec![fixtures::float("alpha", 0.25)]),
            fixtures::node("ReduceMean", &["a", "axes"], &["y"], vec![fixtures::integer("keepdims", 0)]),
        ];
        fixtures::graph(&[1, 3, 3], nodes, vec![fixtures::floats("w", &[1, 1, 3, 3], &[0.5; 9])])
    }

    fn read(bytes: &[u8]) -> Result<Graph<f64>, Error> {
        super::read(&Source::of(bytes), Path::new(".")).map(|(graph, _)| graph)
    }

    #[test]
    fn nodes_attributes_constants_and_inputs_are_read() {
        let graph = read(&fixtures::model(small(), 18)).unwrap();
        let kinds: Vec<&str> = graph.nodes.iter().map(|node| node.kind.as_str()).collect();
        assert_eq!(kinds, ["Conv", "LeakyRelu", "ReduceMean"]);
        assert_eq!(graph.nodes[0].integers("pads").unwrap(), Some(&[1, 1, 1, 1][..]));
        assert_eq!(graph.nodes[1].attributes["alpha"], Attribute::Real(0.25));
        assert_eq!(graph.nodes[2].name, "Y");
        assert_eq!(graph.constants["axes"], Constant::Integer(ndarray::arr1(&[1]).into_dyn()));
        let Constant::Real(weights) = &graph.constants["w"] else { panic!("weights are numbers") };
        assert_eq!((weights.shape(), weights.sum()), (&[1, 1, 3, 3][..], 4.5));
        let dimensions = graph.inputs[0].dimensions.clone().unwrap();
        assert_eq!(dimensions[0], Dimension::Symbolic("N".to_owned()));
        assert_eq!(dimensions[1..], [Dimension::Fixed(1), Dimension::Fixed(3), Dimension::Fixed(3)]);
        assert_eq!((graph.inputs[0].element_type.as_str(), graph.outputs), ("FLOAT", vec!["y".to_owned()]));
    }

    /// A field of bytes in the wire format.
    fn field(number: u64, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        let varint = |mut value: u64| {
            let mut bytes = Vec::new();
            while value >= 128 {
                bytes.push(value as u8 | 128);
                value >>= 7;
            }
            bytes.push(value as u8);
            bytes
        };
        [varint(number << 3 | 2), varint(bytes.as_ref().len() as u64), bytes.as_ref().to_vec()].concat()
    }

    fn encoded(kind: &str, domain: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
        let inputs = inputs.iter().flat_map(|input| field(1, input));
        let attributes = attributes.iter().flat_map(|attribute| field(5, attribute));
        let rest = [field(2, output), field(4, kind), field(7, domain)].concat();
        inputs.chain(rest).chain(attributes).collect()
    }

    fn function(name: &str, inputs: &[&str], output: &str, nodes: &[Vec<u8>]) -> Vec<u8> {
        let inputs = inputs.iter().flat_map(|input| field(4, input));
        let nodes = nodes.iter().flat_map(|node| field(7, node));
        field(
            25,
            inputs
                .chain(nodes)
                .chain([field(1, name), field(5, output), field(10, "own")].concat())
                .collect::<Vec<_>>(),
        )
    }

    /// A graph that is a node of the first function.
    fn calling(inputs: &[&str], attributes: Vec<rten_onnx::onnx::AttributeProto>, functions: &[Vec<u8>]) -> Vec<u8> {
        let mut call = fixtures::node("first", inputs, &["y"], attributes);
        call.domain = Some("own".to_owned());
        let weights = vec![fixtures::floats("w", &[3], &[0.5; 3])];
        [fixtures::model(fixtures::graph(&[3], vec![call], weights), 18), functions.concat()].concat()
    }

    #[test]
    fn functions_are_the_nodes_that_they_stand_for() {
        let slope = [field(1, "alpha"), field(21, "slope"), vec![0xa0, 1, 1]].concat();
        let inner = function("inner", &["a"], "b", &[encoded("LeakyRelu", "", &["a"], "b", &[slope])]);
        let passed_on = [field(1, "slope"), field(21, "steepness"), vec![0xa0, 1, 1]].concat();
        let nodes = [
            encoded("inner", "own", &["p"], "t", &[passed_on]),
            encoded("Add", "", &["t", "q"], "sum", &[]),
            encoded("Relu", "", &["sum"], "t2", &[]),
        ];
        let first = function("first", &["p", "q"], "t2", &nodes);
        let bytes = calling(&["x", "w"], vec![fixtures::float("steepness", 0.25)], &[first, inner]);
        let graph = read(&bytes).unwrap();
        let told: Vec<(&str, Vec<&str>)> = graph
            .nodes
            .iter()
            .map(|node| (node.kind.as_str(), node.given_inputs().chain([node.output()]).collect()))
            .collect();
        let expected =
            [("LeakyRelu", vec!["x", "Y.t"]), ("Add", vec!["Y.t", "w", "Y.sum"]), ("Relu", vec!["Y.sum", "y"])];
        assert_eq!(told, expected);
        assert_eq!(graph.nodes[0].attributes["alpha"], Attribute::Real(0.25));
        assert!(graph.nodes[0].name.starts_with("Y."), "{}", graph.nodes[0].name);
    }

    #[test]
    fn what_a_function_hands_on_has_the_outer_name() {
        let first = function("first", &["p"], "p", &[]);
        let graph = read(&calling(&["x"], vec![], &[first])).unwrap();
        assert_eq!((graph.nodes[0].kind.as_str(), graph.nodes[0].output()), ("Identity", "y"));
        let constant = [field(1, "value_float"), field(21, "number"), vec![0xa0, 1, 1]].concat();
        let nodes = [encoded("Constant", "", &[], "c", &[constant]), encoded("Mul", "", &["p", "c"], "z", &[])];
        let first = function("first", &["p"], "z", &nodes);
        let graph = read(&calling(&["x"], vec![fixtures::float("number", 1.5)], &[first])).unwrap();
        assert_eq!(graph.constants["Y.c"], Constant::Real(Arc::new(arr0(1.5).into_dyn())));
    }

    #[test]
    fn functions_that_never_end_are_refused() {
        let own = function("first", &["p"], "z", &[encoded("first", "own", &["p"], "z", &[])]);
        assert!(read(&calling(&["x"], vec![], &[own])).unwrap_err().to_string().contains("too deep"));
        // Thirty functions, each of which stands for ten of the next one.
        let level = |name: &str, next: &str, domain: &str| {
            let output = |k: usize| if k == 0 { "z".to_owned() } else { format!("z{k}") };
            let nodes: Vec<_> = (0..10).map(|k| encoded(next, domain, &["p"], &output(k), &[])).collect();
            function(name, &["p"], "z", &nodes)
        };
        let names: Vec<String> = (0..30).map(|k| if k == 0 { "first".to_owned() } else { format!("f{k}") }).collect();
        let mut levels: Vec<_> = names.windows(2).map(|pair| level(&pair[0], &pair[1], "own")).collect();
        levels.push(level(&names[29], "Relu", ""));
        let error = read(&calling(&["x"], vec![], &levels)).unwrap_err().to_string();
        assert!(error.contains("more than a network has"), "{error}");
        let few = function("first", &[], "z", &[]);
        assert!(read(&calling(&["x"], vec![], &[few])).unwrap_err().to_string().contains("takes 0 inputs"));
    }

    #[test]
    fn a_constant_of_a_shape_is_its_value_expanded() {
        let value = vec![fixtures::tensor("value", fixtures::floats("", &[1], &[2.5]))];
        let nodes = vec![
            fixtures::node("ConstantOfShape", &["shape"], &["c"], value),
            fixtures::node("Add", &["x", "c"], &["y"], vec![]),
        ];
        let graph = fixtures::graph(&[2], nodes, vec![fixtures::longs("shape", &[1], &[2])]);
        let graph = read(&fixtures::model(graph, 17)).unwrap();
        assert_eq!((graph.nodes[0].kind.as_str(), graph.nodes[0].inputs.len()), ("Expand", 2));
        let fill = &graph.constants[&graph.nodes[0].inputs[0]];
        assert_eq!(*fill, Constant::Real(Arc::new(arr0(2.5).into_dyn())));
    }

    #[test]
    fn opsets_out_of_range_are_named() {
        for opset in [0, 26] {
            let error = read(&fixtures::model(small(), opset)).unwrap_err().to_string();
            assert!(error.contains(&format!("opset {opset}")) && error.contains("7 to 25"), "{error}");
        }
    }

    #[test]
    fn names_given_twice_are_refused() {
        let mut graph = small();
        graph.initializer.push(fixtures::floats("w", &[1], &[0.0]));
        assert!(read(&fixtures::model(graph, 17)).unwrap_err().to_string().contains("\"w\""));
        let mut graph = small();
        graph.input.push(graph.input[0].clone());
        assert!(read(&fixtures::model(graph, 17)).unwrap_err().to_string().contains("\"x\""));
    }

    #[test]
    fn initializers_among_the_inputs_are_no_inputs() {
        let mut graph = small();
        graph.input.push(fixtures::value("w", None));
        assert_eq!(read(&fixtures::model(graph, 17)).unwrap().inputs.len(), 1);
    }

    #[test]
    fn external_data_are_looked_for_beside_the_model() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = [0.5f32; 9].iter().flat_map(|value| value.to_le_bytes()).collect();
        std::fs::write(folder.path().join("weights.bin"), bytes).unwrap();
        let entry = |key: &str, value: &str| rten_onnx::onnx::StringStringEntryProto {
            key: Some(key.to_owned()),
            value: Some(value.to_owned()),
        };
        let mut graph = small();
        graph.initializer[0] = TensorProto {
            raw_data: None,
            external_data: vec![entry("location", "weights.bin"), entry("offset", "0"), entry("length", "36")],
            data_location: Some(rten_onnx::onnx::DataLocation::EXTERNAL),
            ..graph.initializer[0].clone()
        };
        let bytes = fixtures::model(graph, 17);
        let (graph, _) = super::read::<f32>(&Source::of(&bytes), folder.path()).unwrap();
        assert!(matches!(&graph.constants["w"], Constant::Real(values) if values.sum() == 4.5));
        assert!(read(&bytes).unwrap_err().to_string().contains("weights.bin"));
    }

    proptest! {
        #[test]
        fn damaged_files_are_errors_or_other_graphs_but_never_panics(
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            length in any::<prop::sample::Index>(),
        ) {
            let mut bytes = fixtures::model(small(), 17);
            for (position, value) in flips {
                let position = position.index(bytes.len());
                bytes[position] = value;
            }
            let length = length.index(bytes.len() + 1);
            prop_assert!(read(&bytes).is_ok() || read(&bytes).is_err());
            let _ = read(&bytes[..length]).map_err(|error| error.to_string());
        }
    }

    #[test]
    fn every_file_that_is_cut_short_is_an_error() {
        let bytes = fixtures::model(small(), 17);
        for length in 0..bytes.len() {
            // The operator sets stand last: without them the file means the first version.
            assert!(read(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
        }
    }
}
