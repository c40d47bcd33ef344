//! The messages of an ONNX file (`onnx.proto`), as far as a network needs them. The numbers of tensors stay in the file.

use std::collections::BTreeMap;

use rten_onnx::onnx::DataType;

use crate::source::Bytes;
use crate::wire::{Damage, Field, Fields};

/// The number of graphs around a graph in an attribute, at most.
const DEEPEST: usize = 16;

/// `ModelProto`.
#[derive(Debug, Default)]
pub(crate) struct Model<'a> {
    pub(crate) ir_version: Option<i64>,
    pub(crate) opsets: Vec<OperatorSet>,
    pub(crate) graph: Option<Graph<'a>>,
    pub(crate) functions: Vec<Function<'a>>,
}

impl<'a> Model<'a> {
    pub(crate) fn decode(message: Bytes<'a>) -> Result<Self, Damage> {
        let mut model = Self::default();
        for field in Fields::of(message) {
            let field = field?;
            match field.number {
                1 => model.ir_version = Some(field.integer()?),
                7 => model.graph = Some(Graph::decode(field.bytes()?, 0)?),
                8 => model.opsets.push(OperatorSet::decode(field.bytes()?)?),
                25 => model.functions.push(Function::decode(field.bytes()?)?),
                _ => {}
            }
        }
        Ok(model)
    }
}

/// `metadata_props` of a `ModelProto`, by key.
pub(crate) fn metadata(message: Bytes<'_>) -> Result<BTreeMap<String, String>, Damage> {
    let mut metadata = BTreeMap::new();
    for field in Fields::of(message) {
        let field = field?;
        if field.number == 14 {
            metadata.extend([entry(field.bytes()?)?]);
        }
    }
    Ok(metadata)
}

/// `OperatorSetIdProto`: which version of which operators the nodes mean.
#[derive(Debug, Default)]
pub(crate) struct OperatorSet {
    pub(crate) domain: String,
    pub(crate) version: i64,
}

impl OperatorSet {
    fn decode(message: Bytes<'_>) -> Result<Self, Damage> {
        let mut set = Self::default();
        for field in Fields::of(message) {
            let field = field?;
            match field.number {
                1 => set.domain = field.text()?,
                2 => set.version = field.integer()?,
                _ => {}
            }
        }
        Ok(set)
    }
}

/// `GraphProto`.
#[derive(Debug, Default)]
pub(crate) struct Graph<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    pub(crate) initializers: Vec<Tensor<'a>>,
    pub(crate) sparse_initializers: usize,
    pub(crate) inputs: Vec<ValueInfo>,
    pub(crate) outputs: Vec<ValueInfo>,
}

impl<'a> Graph<'a> {
    /// Decodes a graph that stands in the attributes of `depth` others.
    fn decode(message: Bytes<'a>, depth: usize) -> Result<Self, Damage> {
        if depth > DEEPEST {
            return Err(Damage::new(message.offset(), "graphs stand too deep in graphs"));
        }
        let mut graph = Self::default();
        for field in Fields::of(message) {
            let field = field?;
            match field.number {
                1 => graph.nodes.push(Node::decode(field.bytes()?, depth)?),
                5 => graph.initializers.push(Tensor::decode(field.bytes()?)?),
                11 => graph.inputs.push(ValueInfo::decode(field.bytes()?)?),
                12 => graph.outputs.push(ValueInfo::decode(field.bytes()?)?),
                15 => graph.sparse_initializers += 1,
                _ => {}
            }
        }
        Ok(graph)
    }
}

/// `FunctionProto`: an operator of the file's own, by the nodes that it stands for.
#[derive(Debug, Default)]
pub(crate) struct Function<'a> {
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) nodes: Vec<Node<'a>>,
    /// The attributes that a node need not say.
    pub(crate) defaults: Vec<Attribute<'a>>,
    pub(crate) opsets: Vec<OperatorSet>,
}

impl<'a> Function<'a> {
    fn decode(message: Bytes<'a>) -> Result<Self, Damage> {
        let mut function = Self::default();
        for field in Fields::of(message) {
            let field = field?;
            match field.number {
                1 => function.name = field.text()?,
                4 => function.inputs.push(field.text()?),
                5 => function.outputs.push(field.text()?),
                7 => function.nodes.push(Node::decode(field.bytes()?, 0)?),
                9 => function.opsets.push(OperatorSet::decode(field.bytes()?)?),
                10 => function.domain = field.text()?,
                11 => function.defaults.push(Attribute::decode(field.bytes()?, 0)?),
                _ => {}
            }
        }
        Ok(function)
    }
}

/// `NodeProto`.
#[derive(Debug, Default)]
pub(crate) struct Node<'a> {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) domain: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) attributes: Vec<Attribute<'a>>,
}

impl<'a> Node<'a> {
    fn decode(message: Bytes<'a>, depth: usize) -> Result<Self, Damage> {
        let mut node = Self::default();
        for field in Fields::of(message) {
            let field = field?;
            match field.number {
                1 => node.inputs.push(field.text()?),
                2 => node.outputs.push(field.text()?),
                3 => node.name = field.text()?,
                4 => node.kind = field.text()?,
                5 => node.attributes.push(Attribute::decode(field.bytes()?, depth)?),
                7 => node.domain = field.text()?,
                _ => {}
            }
        }
        Ok(node)
    }
}

/// `AttributeProto`.
#[derive(Debug)]
pub(crate) struct Attribute<'a> {
    pub(crate) name: String,
    pub(crate) value: AttributeValue<'a>,
}

/// The value of an attribute.
#[derive(Debug)]
pub(crate) enum AttributeValue<'a> {
    Float(f32),
    Integer(i64),
    Text(String),
    Texts(Vec<String>),
    Tensor(Box<Tensor<'a>>),
    Floats(Vec<f32>),
    Integers(Vec<i64>),
    Graph(Box<Graph<'a>>),
    /// That of the attribute of this name which the node of a function has.
    OfFunction(String),
    /// Lists of graphs, sparse tensors: no operation here has such attributes.
    Other,
}

impl<'a> Attribute<'a> {
    fn decode(message: Bytes<'a>, depth: usize) -> Result<Self, Damage> {
        let (mut name, mut kind) = (String::new(), None);
        let (mut float, mut integer, mut text, mut tensor, mut graph) = (0.0, 0, String::new(), None, None);
        let (mut floats, mut integers, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut seen, mut reference) = (0, String::new());
        for field in Fields::of(message) {
            let field = field?;
            match field.number {
                1 => name = field.text()?,
                2 => float = field.float()?,
                3 => integer = field.integer()?,
                4 => text = field.text_or_signs()?,
                5 => tensor = Some(Box::new(Tensor::decode(field.bytes()?)?)),
                6 => graph = Some(Box::new(Graph::decode(field.bytes()?, depth + 1)?)),
                7 => field.append_floats(&mut floats)?,
                8 => field.append_integers(&mut integers)?,
                9 => texts.push(field.text_or_signs()?),
                20 => kind = Some(field.integer()?),
                21 => reference = field.text()?,
                _ => {}
            }
            if (2..=12).contains(&field.number) {
                seen = field.number;
            }
        }
        // A field that holds the default may be left out where the type is said, and old files do not say the type.
        let value = match kind.unwrap_or_else(|| type_of_field(seen)) {
            _ if !reference.is_empty() => AttributeValue::OfFunction(reference),
            1 => AttributeValue::Float(float),
            2 => AttributeValue::Integer(integer),
            3 => AttributeValue::Text(text),
            4 => tensor.map_or(AttributeValue::Other, AttributeValue::Tensor),
            5 => graph.map_or(AttributeValue::Other, AttributeValue::Graph),
            6 => AttributeValue::Floats(floats),
            7 => AttributeValue::Integers(integers),
            8 => AttributeValue::Texts(texts),
            _ => AttributeValue::Other,
        };
        Ok(Self { name, value })
    }
}

/// The `AttributeType` whose value stands in the field of this number.
fn type_of_field(number: u64) -> i64 {
    match number {
        2 => 1,
        3 => 2,
        4 => 3,
        5 => 4,
        6 => 5,
        7 => 6,
        8 => 7,
        9 => 8,
        _ => 0,
    }
}

/// `TensorProto`: its numbers stand in one of several fields, or in a file of their own.
#[derive(Debug, Default)]
pub(crate) struct Tensor<'a> {
    pub(crate) name: String,
    pub(crate) dimensions: Vec<i64>,
    pub(crate) data_type: Option<DataType>,
    /// A run of `float_data` or `double_data`, not read yet, if there is nothing else of either.
    pub(crate) packed: Option<Field<'a>>,
    pub(crate) floats: Vec<f32>,
    pub(crate) doubles: Vec<f64>,
    /// `int32_data`, `int64_data` or `uint64_data`.
    pub(crate) integers: Vec<i64>,
    /// Not read yet.
    pub(crate) raw: Option<Bytes<'a>>,
    pub(crate) is_segment: bool,
    pub(crate) is_external: bool,
    pub(crate) external: Vec<(String, String)>,
}

impl<'a> Tensor<'a> {
    fn has_no_numbers(&self) -> bool {
        self.floats.is_empty() && self.doubles.is_empty()
    }

    pub(crate) fn decode(message: Bytes<'a>) -> Result<Self, Damage> {
        let mut tensor = Self::default();
        for field in Fields::of(message) {
            let field = field?;
            match field.number {
                1 => field.append_integers(&mut tensor.dimensions)?,
                2 => tensor.data_type = Some(DataType(i32::try_from(field.integer()?).unwrap_or_default())),
                3 => tensor.is_segment = true,
                4 | 10 if tensor.packed.is_none() && tensor.has_no_numbers() && field.bytes().is_ok() => {
                    tensor.packed = Some(field);
                }
                4 | 10 => tensor.packed.take().into_iter().chain([field]).try_for_each(|field| match field.number {
                    4 => field.append_floats(&mut tensor.floats),
                    _ => field.append_doubles(&mut tensor.doubles),
                })?,
                5 | 7 | 11 => field.append_integers(&mut tensor.integers)?,
                8 => tensor.name = field.text()?,
                9 => tensor.raw = Some(field.bytes()?),
                13 => tensor.external.push(entry(field.bytes()?)?),
                14 => tensor.is_external = field.integer()? == 1,
                _ => {}
            }
        }
        Ok(tensor)
    }
}

/// `StringStringEntryProto`.
fn entry(message: Bytes<'_>) -> Result<(String, String), Damage> {
    let mut entry = (String::new(), String::new());
    for field in Fields::of(message) {
        let field = field?;
        match field.number {
            1 => entry.0 = field.text()?,
            2 => entry.1 = field.text()?,
            _ => {}
        }
    }
    Ok(entry)
}

/// `ValueInfoProto`: an input or output of the graph.
#[derive(Debug, Default)]
pub(crate) struct ValueInfo {
    pub(crate) name: String,
    /// `None` for what is no tensor, or is not said.
    pub(crate) data_type: Option<DataType>,
    /// `None` where nothing is said of the shape.
    pub(crate) dimensions: Option<Vec<Dimension>>,
}

impl ValueInfo {
    fn decode(message: Bytes<'_>) -> Result<Self, Damage> {
        let mut info = Self::default();
        for field in Fields::of(message) {
            let field = field?;
            match field.number {
                1 => info.name = field.text()?,
                2 => info.decode_type(field.bytes()?)?,
                _ => {}
            }
        }
        Ok(info)
    }

    fn decode_type(&mut self, message: Bytes<'_>) -> Result<(), Damage> {
        for field in Fields::of(message) {
            let field = field?;
            if field.number == 1 {
                self.decode_tensor_type(field.bytes()?)?;
            }
        }
        Ok(())
    }

    fn decode_tensor_type(&mut self, message: Bytes<'_>) -> Result<(), Damage> {
        for field in Fields::of(message) {
            let field = field?;
            match field.number {
                1 => self.data_type = Some(DataType(i32::try_from(field.integer()?).unwrap_or_default())),
                2 => self.dimensions = Some(decode_shape(field.bytes()?)?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// A dimension of a declared shape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Dimension {
    Value(i64),
    Symbol(String),
    Unknown,
}

fn decode_shape(message: Bytes<'_>) -> Result<Vec<Dimension>, Damage> {
    let mut dimensions = Vec::new();
    for field in Fields::of(message) {
        let field = field?;
        if field.number == 1 {
            dimensions.push(decode_dimension(field.bytes()?)?);
        }
    }
    Ok(dimensions)
}

fn decode_dimension(message: Bytes<'_>) -> Result<Dimension, Damage> {
    let mut dimension = Dimension::Unknown;
    for field in Fields::of(message) {
        let field = field?;
        match field.number {
            1 => dimension = Dimension::Value(field.integer()?),
            2 => dimension = Dimension::Symbol(field.text()?),
            _ => {}
        }
    }
    Ok(dimension)
}
