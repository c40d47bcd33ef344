//! ONNX files of networks.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use half::f16;
use ndarray::ArrayD;
use neural_lrp::operation::{Attribute, Constant};
use neural_lrp::{Network, Real};
use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataLocation, DataType, Dimension, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor,
    ValueInfoProto,
};

use crate::Error;
use crate::graph::Node;

mod nodes;

/// The version of the operators that are written: old enough for other programs, new enough for LayerNormalization.
const OPSET: i64 = 17;

/// Numbers of less than this many bytes stay in the model's file.
const SMALL: usize = 1024;

/// The largest number of 16 bits.
const LARGEST_HALF: f64 = 65504.0;

/// The form in which a network is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// The precision of stored weights: by default as the network has them.
    pub precision: Precision,
    /// The place of stored weights: by default in the model's file.
    pub place: Place,
}

/// The precision of stored weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// In the precision of the network.
    #[default]
    Full,
    /// In 16 bits, half the size; readers convert them back. Tensors with numbers beyond 65504 stay as they are.
    Half,
}

/// The place of stored weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// In the model's file.
    #[default]
    Inside,
    /// In files beside the model's, `NAME.weights-0` and so on, each of at most this many bytes.
    Beside {
        /// The largest size of a file; tensors that do not fit are written in pieces.
        largest_file: usize,
    },
}

/// Writes a network as an ONNX file, whole or not at all.
///
/// # Errors
/// [`Error::Write`] when the file can't be written; [`Error::Node`] for an operation that opset 17 has no operator for.
pub fn write<F: Real>(network: &Network<F>, path: impl AsRef<Path>) -> Result<(), Error> {
    write_with(network, path, WriteOptions::default())
}

/// Writes a network as an ONNX file, and its weights as `options` say; the model's file comes last.
///
/// # Errors
/// As [`write()`].
pub fn write_with<F: Real>(network: &Network<F>, path: impl AsRef<Path>, options: WriteOptions) -> Result<(), Error> {
    let path = path.as_ref();
    let mut document = Document::new(network, path, options);
    let graph = document.graph(network)?;
    let further: BTreeSet<&String> = graph.node.iter().filter_map(|node| node.domain.as_ref()).collect();
    let set = |domain: &str, version| OperatorSetIdProto { domain: Some(domain.to_owned()), version: Some(version) };
    let opset_import = [set("", OPSET)].into_iter().chain(further.into_iter().map(|domain| set(domain, 1))).collect();
    let model = ModelProto {
        ir_version: Some(8),
        producer_name: Some("pixelwise".to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        graph: Some(graph),
        opset_import,
        ..ModelProto::default()
    };
    let bytes = model.write_buf().map_err(|error| Error::Graph(format!("it can't be encoded: {error}")))?;
    for (name, bytes) in &document.files {
        save(&path.with_file_name(name), bytes)?;
    }
    save(path, &bytes)
}

fn save(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    whole_file::write(path, bytes).map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// The parts of a file that are written so far.
struct Document {
    options: WriteOptions,
    /// The type of the network's numbers.
    data_type: DataType,
    /// The model's file name, which those of its weights begin with.
    stem: String,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    /// Files of weights, by name.
    files: Vec<(String, Vec<u8>)>,
    /// The names of all tensors.
    names: BTreeSet<String>,
}

impl Document {
    fn new<F: Real>(network: &Network<F>, path: &Path, options: WriteOptions) -> Self {
        let data_type = if F::NAME == "f64" { DataType::DOUBLE } else { DataType::FLOAT };
        let stem = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let names = network.tensors().iter().map(|tensor| tensor.name.clone()).collect();
        let (nodes, initializers, files) = (Vec::new(), Vec::new(), Vec::new());
        Self { options, data_type, stem, nodes, initializers, files, names }
    }

    fn graph<F: Real>(&mut self, network: &Network<F>) -> Result<GraphProto, Error> {
        let name = |id| network.tensor(id).name.clone();
        for tensor in network.tensors() {
            if let Some(value) = &tensor.constant {
                self.real(&tensor.name, value);
            }
        }
        let ranks = ranks(network);
        for node in network.nodes() {
            let operands: Vec<String> = node.operands.iter().map(|&operand| name(operand)).collect();
            let rank = node.operands.first().and_then(|operand| ranks.as_ref().map(|ranks| ranks[operand.index()]));
            self.operation(&node.name, node.operation.as_ref(), &operands, rank, &name(node.output))?;
        }
        let input = |input: &neural_lrp::NetworkInput| {
            let input_name = name(input.tensor);
            let dimension = |(axis, length): (usize, &Option<usize>)| Dimension {
                dim_value: length.map(|length| length as i64),
                dim_param: length.is_none().then(|| format!("axis {axis} of {input_name}")),
            };
            self.value_info(&input_name, Some(input.shape.iter().enumerate().map(dimension).collect()))
        };
        let inputs = network.inputs().iter().map(input).collect();
        let outputs = network.outputs().iter().map(|&output| self.value_info(&name(output), None)).collect();
        Ok(GraphProto {
            node: std::mem::take(&mut self.nodes),
            initializer: std::mem::take(&mut self.initializers),
            input: inputs,
            output: outputs,
            value_info: Vec::new(),
        })
    }

    fn value_info(&self, name: &str, dim: Option<Vec<Dimension>>) -> ValueInfoProto {
        let shape = dim.map(|dim| TensorShapeProto { dim });
        let tensor_type = Some(TypeProtoTensor { elem_type: Some(self.data_type), shape });
        ValueInfoProto { name: Some(name.to_owned()), r#type: Some(TypeProto { tensor_type, sequence: None }) }
    }

    /// Adds nodes that are in the form of opset 17, or of a domain of their own: `"com.example:Halve"`.
    fn push(&mut self, node: &Node) {
        let (domain, kind) = match node.kind.rsplit_once(':') {
            Some((domain, kind)) => (Some(domain.to_owned()), kind),
            None => (None, node.kind.as_str()),
        };
        self.nodes.push(NodeProto {
            domain,
            name: Some(node.name.clone()),
            input: node.inputs.clone(),
            output: node.outputs.clone(),
            op_type: Some(kind.to_owned()),
            attribute: node.attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        });
    }

    fn fresh_name(&mut self, wish: String) -> String {
        let mut name = wish;
        while !self.names.insert(name.clone()) {
            name.push('\'');
        }
        name
    }

    /// Stores a constant under a new name, which is returned.
    fn constant<F: Real>(&mut self, wish: String, value: &Constant<F>) -> String {
        let name = self.fresh_name(wish);
        match value {
            Constant::Real(values) => self.real(&name, values),
            Constant::Integer(values) => {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                self.initializers.push(tensor(&name, values.shape(), DataType::INT64, bytes));
            }
        }
        name
    }

    /// Stores numbers under a name: whole or in pieces, as they are or in 16 bits.
    fn real<F: Real>(&mut self, name: &str, values: &ArrayD<F>) {
        let (data_type, bytes) = self.encoded(values);
        if data_type == self.data_type {
            return self.numbers(name, values.shape(), data_type, bytes);
        }
        let stored = self.fresh_name(format!("{name}.half"));
        self.numbers(&stored, values.shape(), data_type, bytes);
        let to = Attribute::Integer(i64::from(self.data_type.0));
        self.push(&Node::new(format!("{name}.whole"), "Cast", &[&stored], name).with("to", to));
    }

    fn encoded<F: Real>(&self, values: &ArrayD<F>) -> (DataType, Vec<u8>) {
        // Exact for both precisions that networks have.
        let numbers = values.iter().map(|&value| -> f64 { value.as_() });
        match (self.options.precision, self.data_type) {
            (Precision::Half, _)
                if values.len() > 1 && values.iter().all(|value| value.as_().abs() <= LARGEST_HALF) =>
            {
                (DataType::FLOAT16, numbers.flat_map(|value| f16::from_f64(value).to_le_bytes()).collect())
            }
            (_, DataType::DOUBLE) => (DataType::DOUBLE, numbers.flat_map(|value| value.to_le_bytes()).collect()),
            _ => (DataType::FLOAT, numbers.flat_map(|value| (value as f32).to_le_bytes()).collect()),
        }
    }

    /// Stores encoded numbers, in files beside the model if they should be and are not few.
    fn numbers(&mut self, name: &str, shape: &[usize], data_type: DataType, bytes: Vec<u8>) {
        let Place::Beside { largest_file } = self.options.place else {
            return self.initializers.push(tensor(name, shape, data_type, bytes));
        };
        let rows = shape.first().copied().unwrap_or(1).max(1);
        let row = bytes.len() / rows;
        if bytes.len() < SMALL || row > largest_file {
            return self.initializers.push(tensor(name, shape, data_type, bytes));
        }
        if bytes.len() <= largest_file {
            return self.beside(name, shape, data_type, &bytes, largest_file);
        }
        let rows_of_piece = largest_file / row;
        let mut pieces = Vec::new();
        for (index, piece) in bytes.chunks(rows_of_piece * row).enumerate() {
            let piece_name = self.fresh_name(format!("{name}.{index}"));
            let piece_shape = [&[piece.len() / row], &shape[1..]].concat();
            self.beside(&piece_name, &piece_shape, data_type, piece, largest_file);
            pieces.push(piece_name);
        }
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        self.push(&Node::new(format!("{name}.joined"), "Concat", &pieces, name).with("axis", Attribute::Integer(0)));
    }

    fn beside(&mut self, name: &str, shape: &[usize], data_type: DataType, bytes: &[u8], largest_file: usize) {
        let has_room = self.files.last().is_some_and(|(_, file)| file.len() + bytes.len() <= largest_file);
        if !has_room {
            self.files.push((format!("{}.weights-{}", self.stem, self.files.len()), Vec::new()));
        }
        let Some((location, file)) = self.files.last_mut() else { return };
        let offset = file.len();
        file.extend_from_slice(bytes);
        let entry = |key: &str, value: String| StringStringEntryProto { key: Some(key.to_owned()), value: Some(value) };
        let external_data = vec![
            entry("location", location.clone()),
            entry("offset", offset.to_string()),
            entry("length", bytes.len().to_string()),
        ];
        self.initializers.push(TensorProto {
            raw_data: None,
            external_data,
            data_location: Some(DataLocation::EXTERNAL),
            ..tensor(name, shape, data_type, Vec::new())
        });
    }
}

fn tensor(name: &str, shape: &[usize], data_type: DataType, bytes: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.to_owned()),
        dims: shape.iter().map(|&length| length as i64).collect(),
        data_type: Some(data_type),
        raw_data: Some(RefCell::new(bytes)),
        ..TensorProto::default()
    }
}

fn attribute(name: &str, value: &Attribute) -> AttributeProto {
    let attribute = |kind| AttributeProto { name: Some(name.to_owned()), r#type: Some(kind), ..Default::default() };
    match value {
        Attribute::Integer(value) => AttributeProto { i: Some(*value), ..attribute(AttributeType::INT) },
        Attribute::Integers(values) => AttributeProto { ints: values.clone(), ..attribute(AttributeType::INTS) },
        Attribute::Real(value) => AttributeProto { f: Some(*value as f32), ..attribute(AttributeType::FLOAT) },
        Attribute::Reals(values) => {
            let floats = values.iter().map(|&value| value as f32).collect();
            AttributeProto { floats, ..attribute(AttributeType::FLOATS) }
        }
        Attribute::Text(text) => AttributeProto { s: Some(text.clone()), ..attribute(AttributeType::STRING) },
    }
}

/// The number of axes of each tensor, by position; `None` where the network does not say enough of its inputs.
fn ranks<F: Real>(network: &Network<F>) -> Option<Vec<usize>> {
    let lengths = [1, 64, 224].into_iter();
    let shapes = lengths.map(|length| {
        let shape = |input: &neural_lrp::NetworkInput| input.shape.iter().map(|axis| axis.unwrap_or(length)).collect();
        network.inputs().iter().map(shape).collect::<Vec<Vec<usize>>>()
    });
    shapes.into_iter().find_map(|shapes| {
        let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        let shapes = network.shapes(&shapes).ok()?;
        Some(shapes.iter().map(Vec::len).collect())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use ndarray::IxDyn;

    use super::*;
    use crate::{InputShapes, Model, fixtures, read};

    /// Numbers without pattern.
    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|index| ((index * 7919 + 13) % 101) as f32 / 50.0 - 1.0).collect()
    }

    /// A network with an operation of each family, for inputs of shape [N, 2, 4, 4].
    fn network<F: Real>() -> Network<F> {
        let weights = [("w", vec![4, 1, 3, 3]), ("b", vec![4]), ("g", vec![8, 3]), ("h", vec![3]), ("m", vec![3, 2])];
        let mut initializers: Vec<TensorProto> = weights
            .iter()
            .map(|(name, shape)| fixtures::floats(name, shape, &numbers(shape.iter().product::<i64>() as usize)))
            .collect();
        initializers.push(fixtures::longs("flat", &[2], &[0, -1]));
        initializers.push(fixtures::longs("axes", &[1], &[-1]));
        initializers.push(fixtures::floats("six", &[], &[6.0]));
        initializers.push(fixtures::floats("c", &[1, 4, 1, 1], &[1.0, 2.0, 3.0, 4.0]));
        let nodes = vec![
            fixtures::node(
                "Conv",
                &["x", "w", "b"],
                &["a"],
                vec![fixtures::integer("group", 2), fixtures::integers("pads", &[1, 1, 1, 1])],
            ),
            fixtures::node("Clip", &["a", "", "six"], &["a1"], vec![]),
            fixtures::node("Mul", &["a1", "c"], &["a2"], vec![]),
            fixtures::node("Sigmoid", &["a2"], &["gate"], vec![]),
            fixtures::node("Mul", &["a2", "gate"], &["a3"], vec![]),
            fixtures::node("Gelu", &["a3"], &["a4"], vec![]),
            fixtures::node("Mish", &["a4"], &["a5"], vec![]),
            fixtures::node("Mul", &["a5", "slope"], &["line"], vec![]),
            fixtures::node("Sigmoid", &["line"], &["gate2"], vec![]),
            fixtures::node("Mul", &["gate2", "a5"], &["a6"], vec![]),
            fixtures::node("MaxPool", &["a6"], &["p"], vec![fixtures::integers("kernel_shape", &[2, 2])]),
            fixtures::node("ReduceMean", &["p", "axes"], &["q"], vec![fixtures::integer("keepdims", 0)]),
            fixtures::node("Add", &["q", "q"], &["r"], vec![]),
            fixtures::node("AveragePool", &["r"], &["s"], vec![fixtures::integers("kernel_shape", &[2])]),
            fixtures::node("Concat", &["s", "s"], &["s2"], vec![fixtures::integer("axis", 1)]),
            fixtures::node("Reshape", &["s2", "flat"], &["t"], vec![]),
            fixtures::node("Transpose", &["t"], &["t1"], vec![fixtures::integers("perm", &[1, 0])]),
            fixtures::node("Transpose", &["t1"], &["t2"], vec![]),
            fixtures::node("Reshape", &["t2", "three"], &["t3"], vec![]),
            fixtures::node("MatMul", &["t3", "g"], &["u"], vec![]),
            fixtures::node("Add", &["u", "h"], &["v"], vec![]),
            fixtures::node("Reshape", &["v", "flat"], &["v2"], vec![]),
            fixtures::node("Gemm", &["v2", "m"], &["y"], vec![]),
        ];
        initializers.push(fixtures::longs("three", &[3], &[-1, 1, 8]));
        initializers.push(fixtures::floats("slope", &[], &[1.702]));
        let bytes = fixtures::model(fixtures::graph(&[2, 4, 4], nodes, initializers), 21);
        Model::from_bytes(&bytes, Path::new(".")).unwrap().network(&InputShapes::new().with("x", [3, 2, 4, 4])).unwrap()
    }

    fn output<F: Real>(network: &Network<F>) -> ArrayD<F> {
        let input = numbers(96).into_iter().map(|value| F::of(f64::from(value))).collect();
        let input = ArrayD::from_shape_vec(IxDyn(&[3, 2, 4, 4]), input).unwrap();
        network.forward(vec![input]).unwrap().output().to_owned()
    }

    fn kinds<F: Real>(network: &Network<F>) -> Vec<&str> {
        network.nodes().iter().map(|node| node.operation.kind()).collect()
    }

    fn check_round_trip<F: Real>(options: WriteOptions) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.onnx");
        let network = network::<F>();
        write_with(&network, &path, options).unwrap();
        let again = read::<F>(&path).unwrap().network(&InputShapes::new().with("x", [3, 2, 4, 4])).unwrap();
        assert_eq!(kinds(&again), kinds(&network));
        let (first, second) = (output(&network), output(&again));
        assert_eq!(first.shape(), second.shape());
        assert!(first.iter().any(|value| !value.is_zero()));
        match options.precision {
            Precision::Full => assert_eq!(first, second),
            Precision::Half => {
                let largest = first.iter().fold(F::zero(), |largest, value| largest.max(value.abs()));
                let differs = |(a, b): (&F, &F)| (*a - *b).abs() > largest * F::of(0.01);
                assert!(!first.iter().zip(&second).any(differs) && first != second);
            }
        }
        let mut files: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                assert!(entry.metadata().unwrap().len() > 0);
                entry.file_name().into_string().unwrap()
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn what_is_written_is_read_as_the_same_network_to_the_byte() {
        assert_eq!(check_round_trip::<f32>(WriteOptions::default()), ["network.onnx"]);
        assert_eq!(check_round_trip::<f64>(WriteOptions::default()), ["network.onnx"]);
    }

    #[test]
    fn weights_of_half_precision_are_close() {
        let options = WriteOptions { precision: Precision::Half, ..WriteOptions::default() };
        assert_eq!(check_round_trip::<f32>(options), ["network.onnx"]);
    }

    #[test]
    fn weights_beside_the_model_are_in_files_of_limited_size() {
        let weights = numbers(600);
        let initializers = vec![fixtures::floats("w", &[30, 20], &weights), fixtures::floats("v", &[20, 30], &weights)];
        let nodes = vec![
            fixtures::node("Gemm", &["x", "w"], &["h"], vec![]),
            fixtures::node("Gemm", &["h", "v"], &["y"], vec![]),
        ];
        let bytes = fixtures::model(fixtures::graph(&[30], nodes, initializers), 17);
        let network = Model::<f32>::from_bytes(&bytes, Path::new(".")).unwrap().network_with_defaults().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n.onnx");
        let place = Place::Beside { largest_file: 1500 };
        write_with(&network, &path, WriteOptions { place, ..WriteOptions::default() }).unwrap();
        for index in 0..4 {
            let length = fs::metadata(folder.path().join(format!("n.onnx.weights-{index}"))).unwrap().len();
            assert!(length > 0 && length <= 1500);
        }
        assert!(fs::metadata(&path).unwrap().len() < 1500);
        let again = read::<f32>(&path).unwrap().network_with_defaults().unwrap();
        let input = ArrayD::from_shape_vec(IxDyn(&[1, 30]), numbers(30)).unwrap();
        let output = |network: &Network<f32>| network.forward(vec![input.clone()]).unwrap().output().to_owned();
        assert_eq!(output(&network), output(&again));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = write(&network::<f32>(), "no such folder/network.onnx").unwrap_err();
        assert!(matches!(&error, Error::Write { .. }) && error.to_string().contains("no such folder"), "{error}");
    }
}
