//! Small ONNX files for tests, encoded by rten-onnx.

use std::cell::RefCell;

use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};

/// A model of a graph.
pub(crate) fn model(graph: GraphProto, opset: i64) -> Vec<u8> {
    let opset = OperatorSetIdProto { domain: None, version: Some(opset) };
    let model = ModelProto { ir_version: Some(8), graph: Some(graph), opset_import: vec![opset], ..Default::default() };
    model.write_buf().unwrap()
}

/// A graph from `x` (of a symbolic batch and the given other dimensions) to `y`.
pub(crate) fn graph(dimensions: &[i64], nodes: Vec<NodeProto>, initializer: Vec<TensorProto>) -> GraphProto {
    let mut dim = vec![Dimension { dim_value: None, dim_param: Some("N".to_owned()) }];
    dim.extend(dimensions.iter().map(|&size| Dimension { dim_value: Some(size), dim_param: None }));
    GraphProto {
        node: nodes,
        initializer,
        input: vec![value("x", Some(dim))],
        output: vec![value("y", None)],
        value_info: Vec::new(),
    }
}

pub(crate) fn value(name: &str, dim: Option<Vec<Dimension>>) -> ValueInfoProto {
    let shape = dim.map(|dim| TensorShapeProto { dim });
    let tensor_type = Some(TypeProtoTensor { elem_type: Some(DataType::FLOAT), shape });
    ValueInfoProto { name: Some(name.to_owned()), r#type: Some(TypeProto { tensor_type, sequence: None }) }
}

/// A node named as its first output, in capitals.
pub(crate) fn node(kind: &str, inputs: &[&str], outputs: &[&str], attribute: Vec<AttributeProto>) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    NodeProto {
        domain: None,
        name: Some(outputs[0].to_uppercase()),
        input: owned(inputs),
        output: owned(outputs),
        op_type: Some(kind.to_owned()),
        attribute,
    }
}

pub(crate) fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto { i: Some(value), ..attribute(name, AttributeType::INT) }
}

pub(crate) fn integers(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { ints: values.to_vec(), ..attribute(name, AttributeType::INTS) }
}

pub(crate) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { f: Some(value), ..attribute(name, AttributeType::FLOAT) }
}

pub(crate) fn tensor(name: &str, value: TensorProto) -> AttributeProto {
    AttributeProto { t: Some(value), ..attribute(name, AttributeType::TENSOR) }
}

/// A branch of an If that gives one tensor.
pub(crate) fn branch(name: &str, nodes: Vec<NodeProto>, initializer: Vec<TensorProto>, output: &str) -> AttributeProto {
    let graph = GraphProto { input: Vec::new(), output: vec![value(output, None)], ..graph(&[], nodes, initializer) };
    AttributeProto { g: Some(graph), ..attribute(name, AttributeType::GRAPH) }
}

/// The body of a Loop or Scan.
pub(crate) fn body(
    nodes: Vec<NodeProto>,
    initializer: Vec<TensorProto>,
    inputs: &[&str],
    outputs: &[&str],
) -> AttributeProto {
    let values = |names: &[&str]| names.iter().map(|name| value(name, None)).collect();
    let graph = GraphProto { input: values(inputs), output: values(outputs), ..graph(&[], nodes, initializer) };
    AttributeProto { g: Some(graph), ..attribute("body", AttributeType::GRAPH) }
}

fn attribute(name: &str, kind: AttributeType) -> AttributeProto {
    AttributeProto { name: Some(name.to_owned()), r#type: Some(kind), ..Default::default() }
}

pub(crate) fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    initializer(name, dims, DataType::FLOAT, raw)
}

pub(crate) fn longs(name: &str, dims: &[i64], values: &[i64]) -> TensorProto {
    let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    initializer(name, dims, DataType::INT64, raw)
}

fn initializer(name: &str, dims: &[i64], data_type: DataType, raw: Vec<u8>) -> TensorProto {
    TensorProto {
        dims: dims.to_vec(),
        data_type: Some(data_type),
        raw_data: Some(RefCell::new(raw)),
        name: Some(name.to_owned()),
        ..Default::default()
    }
}
