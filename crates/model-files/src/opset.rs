//! Older forms of ONNX's operators, brought to that of opset 25.

use std::sync::Arc;

use ndarray::{Array1, arr0};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use crate::Error;
use crate::graph::{Graph, Node};
use crate::support::OPSETS;

/// An attribute that became an input.
struct Moved {
    kind: &'static str,
    /// The opset from which on it is an input.
    since: i64,
    attribute: &'static str,
    position: usize,
}

const fn moved(kind: &'static str, since: i64, attribute: &'static str, position: usize) -> Moved {
    Moved { kind, since, attribute, position }
}

const MOVED: &[Moved] = &[
    moved("Clip", 11, "min", 1),
    moved("Clip", 11, "max", 2),
    moved("Dropout", 12, "ratio", 1),
    moved("Pad", 11, "pads", 1),
    moved("Pad", 11, "value", 2),
    moved("ReduceL1", 18, "axes", 1),
    moved("ReduceL2", 18, "axes", 1),
    moved("ReduceLogSum", 18, "axes", 1),
    moved("ReduceLogSumExp", 18, "axes", 1),
    moved("ReduceMax", 18, "axes", 1),
    moved("ReduceMean", 18, "axes", 1),
    moved("ReduceMin", 18, "axes", 1),
    moved("ReduceProd", 18, "axes", 1),
    moved("ReduceSum", 13, "axes", 1),
    moved("ReduceSumSquare", 18, "axes", 1),
    moved("Slice", 10, "starts", 1),
    moved("Slice", 10, "ends", 2),
    moved("Slice", 10, "axes", 3),
    moved("Split", 13, "split", 1),
    moved("Squeeze", 13, "axes", 1),
    moved("TopK", 10, "k", 1),
    moved("Unsqueeze", 13, "axes", 1),
    moved("Upsample", 9, "scales", 1),
];

/// The operators that had the form of opset 7 before it, and since when.
const OLDER: &[(i64, &[&str])] = &[
    (
        1,
        &[
            "Abs",
            "ArgMax",
            "ArgMin",
            "AveragePool",
            "BatchNormalization",
            "Ceil",
            "Clip",
            "Conv",
            "ConvTranspose",
            "DepthToSpace",
            "Dropout",
            "Elu",
            "Exp",
            "Flatten",
            "Floor",
            "Gather",
            "GlobalAveragePool",
            "GlobalMaxPool",
            "HardSigmoid",
            "Hardmax",
            "Identity",
            "LRN",
            "LeakyRelu",
            "Log",
            "LogSoftmax",
            "LpNormalization",
            "MatMul",
            "Max",
            "MaxPool",
            "Min",
            "Neg",
            "Not",
            "Reciprocal",
            "ReduceMean",
            "ReduceSum",
            "Relu",
            "Shape",
            "Sigmoid",
            "Slice",
            "Softmax",
            "Softplus",
            "Softsign",
            "SpaceToDepth",
            "Sqrt",
            "Squeeze",
            "Sum",
            "Tanh",
            "TopK",
            "Transpose",
            "Unsqueeze",
        ],
    ),
    (2, &["GlobalLpPool", "LpPool", "Pad", "Split"]),
    (4, &["Concat"]),
    (5, &["Reshape"]),
    (6, &["Cast", "InstanceNormalization", "Selu", "Tile"]),
];

/// Marks a Softmax, LogSoftmax or Hardmax of before opset 13: it runs over all axes from its own on.
pub(crate) const OVER_ALL_FOLLOWING_AXES: &str = "over all following axes";

/// Brings all nodes, those of branches too, to the form of opset 25.
pub(crate) fn modernize<F: Real>(graph: &mut Graph<F>, opset: i64) -> Result<(), Error> {
    let mut nodes = graph.nodes.clone();
    modernize_nodes(graph, &mut nodes, opset)?;
    graph.nodes = nodes;
    Ok(())
}

fn modernize_nodes<F: Real>(graph: &mut Graph<F>, nodes: &mut [Node], opset: i64) -> Result<(), Error> {
    for node in nodes {
        if opset < *OPSETS.start() {
            check_age(node, opset)?;
        }
        for moved in MOVED {
            if moved.kind == node.kind && opset < moved.since {
                move_attribute(graph, node, moved)?;
            }
        }
        if let Some(branches) = &mut node.branches {
            modernize_nodes(graph, &mut branches.holds, opset)?;
            modernize_nodes(graph, &mut branches.otherwise, opset)?;
        }
        if let Some(body) = &mut node.body {
            modernize_nodes(graph, &mut body.nodes, opset)?;
        }
        match node.kind.as_str() {
            // Opset 20 has shorter words.
            "GridSample" => {
                if let Some(Attribute::Text(mode)) = node.attributes.get_mut("mode") {
                    *mode = mode.trim_start_matches("bi").to_owned();
                }
            }
            "Scatter" => node.kind = "ScatterElements".to_owned(),
            "Upsample" => resize_from_corner(graph, node),
            "Resize" if opset == 10 => resize_from_corner(graph, node),
            // Opset 24 has it; the operation bears the name of older days.
            "Swish" => node.kind = "Silu".to_owned(),
            "Softmax" | "LogSoftmax" | "Hardmax" if opset < 13 => {
                node.attributes.entry("axis".to_owned()).or_insert(Attribute::Integer(1));
                node.attributes.insert(OVER_ALL_FOLLOWING_AXES.to_owned(), Attribute::Integer(1));
            }
            "BatchNormalization" if node.integer("spatial", 1)? != 1 => {
                return Err(node.refuse("only spatial=1 can be read: one mean and variance for each channel"));
            }
            "BatchNormalization" if opset < 14 && trains(node, opset)? => {
                node.attributes.insert("training_mode".to_owned(), Attribute::Integer(1));
            }
            "Dropout" if opset < 7 && node.integer("is_test", 0)? == 0 => train_always(graph, node),
            _ => {}
        }
    }
    Ok(())
}

/// Returns whether a BatchNormalization of before opset 14 is in training mode: it says so, or gives the statistics too.
fn trains(node: &Node, opset: i64) -> Result<bool, Error> {
    Ok(if opset < 7 { node.integer("is_test", 0)? == 0 } else { node.given_outputs().count() > 1 })
}

/// Gives a Dropout the flag of training that it has from opset 12 on.
fn train_always<F: Real>(graph: &mut Graph<F>, node: &mut Node) {
    let flag = graph.fresh_name(&format!("{}.training", node.output()));
    graph.constants.insert(flag.clone(), Constant::Integer(arr0(1).into_dyn()));
    node.inputs.resize(2, String::new());
    node.inputs.push(flag);
}

/// Checks that the operator means in an opset of before the first known one what it means in that.
fn check_age(node: &Node, opset: i64) -> Result<(), Error> {
    let since = OLDER.iter().find(|(_, kinds)| kinds.contains(&node.kind.as_str())).map(|(since, _)| *since);
    if since.is_some_and(|since| since <= opset) {
        return Ok(());
    }
    Err(node.refuse(format!(
        "in opset {opset} it means something else than in opsets {} to {}, which are known: export the model with \
         opset_version=17",
        OPSETS.start(),
        OPSETS.end()
    )))
}

fn move_attribute<F: Real>(graph: &mut Graph<F>, node: &mut Node, moved: &Moved) -> Result<(), Error> {
    let Some(value) = node.attributes.remove(moved.attribute) else { return Ok(()) };
    let constant = match value {
        Attribute::Integer(value) => Constant::Integer(arr0(value).into_dyn()),
        Attribute::Integers(values) => Constant::Integer(Array1::from(values).into_dyn()),
        Attribute::Real(value) => Constant::Real(Arc::new(arr0(F::of(value)).into_dyn())),
        Attribute::Reals(values) => {
            Constant::Real(Arc::new(values.into_iter().map(F::of).collect::<Array1<F>>().into_dyn()))
        }
        Attribute::Text(text) => {
            return Err(node.refuse(format!("its {} is {text:?}, and should be a number", moved.attribute)));
        }
    };
    let name = graph.fresh_name(&format!("{}.{}", node.output(), moved.attribute));
    graph.constants.insert(name.clone(), constant);
    if node.inputs.len() <= moved.position {
        node.inputs.resize(moved.position + 1, String::new());
    }
    node.inputs[moved.position] = name;
    Ok(())
}

/// Upsample, and Resize of opset 10: `input` and `scales` only; pixels are counted from the corner of the first.
///
/// The nearest pixel is the one before, or the one after when the image shrinks, as onnxruntime has it; no version of
/// ONNX says.
fn resize_from_corner<F: Real>(graph: &Graph<F>, node: &mut Node) {
    let shrinks = node
        .input(1)
        .and_then(|scales| graph.constants.get(scales))
        .is_some_and(|scales| matches!(scales, Constant::Real(scales) if scales.iter().any(|&scale| scale < F::one())));
    let text = |value: &str| Attribute::Text(value.to_owned());
    node.kind = "Resize".to_owned();
    node.inputs.insert(1, String::new());
    node.attributes.insert("coordinate_transformation_mode".to_owned(), text("asymmetric"));
    node.attributes.insert("nearest_mode".to_owned(), text(if shrinks { "ceil" } else { "floor" }));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rten_onnx::onnx::{AttributeProto, TensorProto};

    use super::*;
    use crate::source::Source;
    use crate::{fixtures, onnx};

    fn modern(
        opset: i64,
        kind: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
        initializers: Vec<TensorProto>,
    ) -> Result<Graph<f64>, Error> {
        let nodes = vec![fixtures::node(kind, inputs, &["y"], attributes)];
        let bytes = fixtures::model(fixtures::graph(&[4, 4], nodes, initializers), opset);
        let (mut graph, opset) = onnx::read(&Source::of(&bytes), Path::new("."))?;
        modernize(&mut graph, opset)?;
        Ok(graph)
    }

    fn integers(graph: &Graph<f64>, position: usize) -> Vec<i64> {
        match &graph.constants[graph.nodes[0].input(position).unwrap()] {
            Constant::Integer(values) => values.iter().copied().collect(),
            Constant::Real(_) => panic!("numbers"),
        }
    }

    fn reals(graph: &Graph<f64>, position: usize) -> Vec<f64> {
        match &graph.constants[graph.nodes[0].input(position).unwrap()] {
            Constant::Real(values) => values.iter().copied().collect(),
            Constant::Integer(_) => panic!("integers"),
        }
    }

    #[test]
    fn attributes_become_inputs() {
        let clip = modern(7, "Clip", &["x"], vec![fixtures::float("max", 6.0)], vec![]).unwrap();
        assert_eq!((clip.nodes[0].input(1), reals(&clip, 2)), (None, vec![6.0]));
        let pad = [fixtures::integers("pads", &[0, 1, 0, 1]), fixtures::float("value", 0.5)].to_vec();
        let pad = modern(9, "Pad", &["x"], pad, vec![]).unwrap();
        assert_eq!((integers(&pad, 1), reals(&pad, 2)), (vec![0, 1, 0, 1], vec![0.5]));
        let slice = [("starts", [1]), ("ends", [3]), ("axes", [2])];
        let slice = slice.iter().map(|(name, values)| fixtures::integers(name, values)).collect();
        let slice = modern(9, "Slice", &["x"], slice, vec![]).unwrap();
        assert_eq!([integers(&slice, 1), integers(&slice, 2), integers(&slice, 3)], [[1], [3], [2]]);
        for kind in ["Squeeze", "Unsqueeze", "ReduceSum"] {
            let axes = modern(12, kind, &["x"], vec![fixtures::integers("axes", &[1])], vec![]).unwrap();
            assert_eq!(integers(&axes, 1), [1]);
        }
        let mean = modern(17, "ReduceMean", &["x"], vec![fixtures::integers("axes", &[1, 2])], vec![]).unwrap();
        assert_eq!(integers(&mean, 1), [1, 2]);
        assert!(mean.nodes[0].attributes.is_empty());
    }

    #[test]
    fn upsampling_is_resizing_from_the_corner() {
        let scales = [1.0, 2.0, 2.0];
        let attribute = AttributeProto { floats: scales.to_vec(), ..fixtures::integers("scales", &[]) };
        let attribute = AttributeProto { r#type: Some(rten_onnx::onnx::AttributeType::FLOATS), ..attribute };
        let oldest = modern(7, "Upsample", &["x"], vec![attribute], vec![]).unwrap();
        let initializer = |scales: &[f32]| vec![fixtures::floats("s", &[3], scales)];
        let older = modern(9, "Upsample", &["x", "s"], vec![], initializer(&scales)).unwrap();
        let old = modern(10, "Resize", &["x", "s"], vec![], initializer(&scales)).unwrap();
        for graph in [oldest, older, old] {
            let node = &graph.nodes[0];
            assert_eq!((node.kind.as_str(), node.input(1)), ("Resize", None));
            assert_eq!(reals(&graph, 2), [1.0, 2.0, 2.0]);
            assert_eq!(node.attributes["coordinate_transformation_mode"], Attribute::Text("asymmetric".to_owned()));
            assert_eq!(node.attributes["nearest_mode"], Attribute::Text("floor".to_owned()));
        }
        let shrinking = modern(10, "Resize", &["x", "s"], vec![], initializer(&[1.0, 0.5, 0.5])).unwrap();
        assert_eq!(shrinking.nodes[0].attributes["nearest_mode"], Attribute::Text("ceil".to_owned()));
        let new = modern(11, "Resize", &["x", "", "s"], vec![], initializer(&scales)).unwrap();
        assert!(new.nodes[0].attributes.is_empty());
    }

    #[test]
    fn operators_that_have_not_changed_are_read_from_any_opset() {
        let error = |opset, kind| modern(opset, kind, &["x"], vec![], vec![]).unwrap_err().to_string();
        assert!(modern(1, "Conv", &["x"], vec![], vec![]).is_ok());
        assert!(modern(4, "Concat", &["x"], vec![], vec![]).is_ok());
        assert!(error(3, "Concat").contains("in opset 3") && error(3, "Concat").contains("7 to 25"));
        assert!(error(6, "Add").contains("(Add)") && error(6, "Add").contains("in opset 6"), "{}", error(6, "Add"));
        let clip = modern(6, "Clip", &["x"], vec![fixtures::float("max", 6.0)], vec![]).unwrap();
        assert_eq!(reals(&clip, 2), [6.0]);
    }

    #[test]
    fn swish_is_silu_with_its_slope() {
        let swish = &modern(21, "Swish", &["x"], vec![fixtures::float("alpha", 1.5)], vec![]).unwrap().nodes[0];
        assert_eq!((swish.kind.as_str(), &swish.attributes["alpha"]), ("Silu", &Attribute::Real(1.5)));
    }

    #[test]
    fn old_softmaxes_run_over_all_following_axes() {
        let old = modern(12, "Softmax", &["x"], vec![], vec![]).unwrap();
        assert_eq!(old.nodes[0].integer("axis", -1).unwrap(), 1);
        assert!(old.nodes[0].attributes.contains_key(OVER_ALL_FOLLOWING_AXES));
        assert!(modern(13, "Softmax", &["x"], vec![], vec![]).unwrap().nodes[0].attributes.is_empty());
    }

    #[test]
    fn training_is_said_in_one_way() {
        let normalization = |opset, attributes, outputs: &[&str]| {
            let nodes = vec![fixtures::node("BatchNormalization", &["x"], outputs, attributes)];
            let bytes = fixtures::model(fixtures::graph(&[4], nodes, vec![]), opset);
            let (mut graph, opset) = onnx::read::<f64>(&Source::of(&bytes), Path::new(".")).unwrap();
            modernize(&mut graph, opset).map(|()| graph.nodes[0].integer("training_mode", 0).unwrap())
        };
        let tests = |flag| vec![fixtures::integer("is_test", flag)];
        assert_eq!(normalization(6, tests(0), &["y"]).unwrap(), 1);
        assert_eq!(normalization(6, tests(1), &["y"]).unwrap(), 0);
        assert_eq!(normalization(9, vec![], &["y"]).unwrap(), 0);
        assert_eq!(normalization(9, vec![], &["y", "mean", "var", "", ""]).unwrap(), 1);
        assert_eq!(normalization(15, vec![fixtures::integer("training_mode", 1)], &["y"]).unwrap(), 1);
        let error = normalization(7, vec![fixtures::integer("spatial", 0)], &["y"]).unwrap_err();
        assert!(error.to_string().contains("spatial=1"));
        let dropout = |attributes| modern(6, "Dropout", &["x"], attributes, vec![]).unwrap();
        assert_eq!(integers(&dropout(vec![fixtures::float("ratio", 0.25)]), 2), [1]);
        assert_eq!(dropout(tests(1)).nodes[0].input(2), None);
    }
}
