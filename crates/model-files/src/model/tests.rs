use std::fs;

use ndarray::{ArrayD, IxDyn, arr2, array};
use proptest::prelude::*;
use rten_onnx::onnx::{GraphProto, NodeProto, TensorProto};

use neural_lrp::operation::OperatorSpec;

use super::*;
use crate::UnsupportedNode;
use crate::fixtures::{floats, graph, integer, integers, longs, model, node};

fn read_at(opset: i64, graph: GraphProto) -> Result<Model<f64>, Error> {
    Model::from_bytes(&model(graph, opset), Path::new("."))
}

/// The model of nodes from `x`, of shape [N, …dimensions], to `y`.
fn read_nodes(dimensions: &[i64], nodes: Vec<NodeProto>, constants: Vec<TensorProto>) -> Result<Model<f64>, Error> {
    read_at(18, graph(dimensions, nodes, constants))
}

fn shapes(shape: &[usize]) -> InputShapes {
    InputShapes::new().with("x", shape)
}

fn numbers(shape: &[usize]) -> ArrayD<f64> {
    let count = shape.iter().product::<usize>();
    let number = |index: usize| ((index * 37 + 11) % 23) as f64 / 8.0 - 1.0;
    ArrayD::from_shape_vec(IxDyn(shape), (0..count).map(number).collect()).unwrap()
}

fn output(model: &Model<f64>, input: ArrayD<f64>) -> ArrayD<f64> {
    let network = model.network(&shapes(input.shape())).unwrap();
    network.forward(vec![input]).unwrap().output().to_owned()
}

/// The last two of three axes flattened by the shape that comes in, as exporters write it.
fn flattened_by_shape() -> Model<f64> {
    let nodes = vec![
        node("Shape", &["x"], &["shape"], vec![]),
        node("Gather", &["shape", "zero"], &["batch"], vec![]),
        node("Unsqueeze", &["batch", "axis"], &["batch1"], vec![]),
        node("Concat", &["batch1", "rest"], &["target"], vec![integer("axis", 0)]),
        node("Reshape", &["x", "target"], &["flat"], vec![]),
        node("Gemm", &["flat", "w"], &["y"], vec![]),
    ];
    let constants = vec![
        longs("zero", &[], &[0]),
        longs("axis", &[1], &[0]),
        longs("rest", &[1], &[6]),
        floats("w", &[6, 1], &[1.0; 6]),
    ];
    read_nodes(&[2, 3], nodes, constants).unwrap()
}

#[test]
fn shapes_are_computed_for_batches_of_any_size() {
    let model = flattened_by_shape();
    for batch in [1, 3] {
        let input = numbers(&[batch, 2, 3]);
        let sums = input.clone().into_shape_with_order((batch, 6)).unwrap().sum_axis(ndarray::Axis(1));
        assert_eq!(output(&model, input), sums.insert_axis(ndarray::Axis(1)).into_dyn());
    }
    assert_eq!(model.network_with_defaults().unwrap().inputs()[0].shape, [Some(1), Some(2), Some(3)]);
    let names: Vec<String> =
        model.network(&shapes(&[2, 2, 3])).unwrap().nodes().iter().map(|node| node.name.clone()).collect();
    assert_eq!(names, ["FLAT", "Y"]);
}

#[test]
fn networks_of_one_model_share_their_operations() {
    let model = flattened_by_shape();
    let (one, two) = (model.network(&shapes(&[1, 2, 3])).unwrap(), model.network(&shapes(&[2, 2, 3])).unwrap());
    assert!(std::sync::Arc::ptr_eq(&one.nodes()[1].operation, &two.nodes()[1].operation));
}

#[test]
fn a_network_that_needs_no_shapes_takes_what_the_file_allows() {
    let model = read_nodes(&[3], vec![node("Relu", &["x"], &["y"], vec![])], vec![]).unwrap();
    let network = model.network_with_defaults().unwrap();
    assert_eq!(network.inputs()[0].shape, [None, Some(3)]);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let model = flattened_by_shape();
    let message = model.network(&shapes(&[1, 2, 4])).unwrap_err().to_string();
    assert!(message.contains("[N, 2, 3]") && message.contains("[1, 2, 4]"), "{message}");
    let nodes = vec![node("Reshape", &["x", "s"], &["y"], vec![])];
    let wrong = read_nodes(&[2, 3], nodes, vec![longs("s", &[2], &[-1, 4])]).unwrap();
    let message = wrong.network_with_defaults().unwrap_err().to_string();
    assert!(message.contains("node \"Y\" (Reshape)"), "{message}");
}

#[test]
fn all_unsupported_nodes_are_listed() {
    let nodes = vec![
        node("Fancy", &["x"], &["a"], vec![]),
        node("Relu", &["a"], &["b"], vec![]),
        node("Dropout", &["b"], &["c", "kept"], vec![]),
        node("Cast", &["kept"], &["d"], vec![integer("to", 8)]),
        node("Dead", &["x"], &["dead"], vec![]),
        NodeProto { domain: Some("com.example".to_owned()), ..node("Relu", &["d"], &["y"], vec![]) },
    ];
    let error = read_nodes(&[1, 4], nodes, vec![]).unwrap_err();
    let Error::Unsupported(nodes) = &error else { panic!("{error}") };
    let nodes: Vec<String> = nodes.iter().map(UnsupportedNode::to_string).collect();
    assert_eq!(
        nodes,
        ["\"A\" (Fancy)", "\"C\" (Dropout, its output 1)", "\"D\" (Cast to STRING)", "\"Y\" (com.example:Relu)",]
    );
    let twice = vec![
        node("Fancy", &["x"], &["a"], vec![]),
        node("Fancy", &["a"], &["b"], vec![]),
        node("Rare", &["b"], &["y"], vec![]),
    ];
    let message = read_nodes(&[1, 4], twice, vec![]).unwrap_err().to_string();
    let lines: Vec<&str> = message.lines().skip(1).collect();
    assert_eq!(lines[..2], ["  Fancy: 2 nodes, the first of them \"A\"", "  Rare: node \"Y\""]);
}

#[test]
fn operators_of_ones_own_are_read_and_folded() {
    // Of numbers between 0 and 2, a hard sigmoid is the half.
    let half = OperatorSpec::<f64>::new("HardSigmoid", 1).with_real("alpha", 0.5).with_real("beta", 0.0);
    let halve = move |_: &OperatorSpec<f64>| neural_lrp::operations::read(&half);
    let operators = Operators::new().with("com.example:Halve", halve.clone()).with("Halve", halve);
    let own = |node: NodeProto| NodeProto { domain: Some("com.example".to_owned()), ..node };
    let nodes = vec![
        own(node("Halve", &["w"], &["half"], vec![])),
        node("Mul", &["x", "half"], &["a"], vec![]),
        node("Halve", &["a"], &["y"], vec![]),
    ];
    let bytes = model(graph(&[2], nodes, vec![floats("w", &[2], &[1.0, 2.0])]), 18);
    assert!(
        matches!(Model::<f64>::from_bytes(&bytes, Path::new(".")), Err(Error::Unsupported(nodes)) if nodes.len() == 2)
    );
    let model = Model::from_bytes_with(&bytes, Path::new("."), &operators).unwrap();
    assert_eq!(output(&model, array![[1.0, 1.0]].into_dyn()), array![[0.25, 0.5]].into_dyn());
}

#[test]
fn inputs_that_no_node_takes_are_left_out() {
    let nodes = vec![node("Dropout", &["x", "", "learning_phase"], &["y"], vec![])];
    let mut graph = graph(&[2], nodes, vec![]);
    graph.input.extend(["learning_phase", "unused"].map(|name| crate::fixtures::value(name, None)));
    let read = read_at(18, graph).unwrap();
    assert_eq!(read.inputs().iter().map(|input| input.name.as_str()).collect::<Vec<_>>(), ["x"]);
    assert_eq!(output(&read, array![[1.0, 2.0]].into_dyn()), array![[1.0, 2.0]].into_dyn());
    let constant = vec![node("Relu", &["c"], &["y"], vec![])];
    let error = read_nodes(&[2], constant, vec![floats("c", &[1], &[1.0])]).unwrap_err().to_string();
    assert!(error.contains("depend on none of its inputs"), "{error}");
}

#[test]
fn weights_are_standardized_by_their_own_statistics() {
    let standardize = |input: &str| {
        let attributes = vec![integer("training_mode", 1), crate::fixtures::float("epsilon", 1.0)];
        node("BatchNormalization", &[input, "ones", "zeros", "zeros", "ones"], &["s"], attributes)
    };
    let constants = || {
        vec![
            floats("w", &[1, 2, 2], &[1.0, 3.0, 5.0, 5.0]),
            floats("ones", &[2], &[1.0, 1.0]),
            floats("zeros", &[2], &[0.0, 0.0]),
        ]
    };
    let flat = node("Flatten", &["s"], &["f"], vec![]);
    let nodes = vec![standardize("w"), flat, node("Mul", &["x", "f"], &["y"], vec![])];
    let model = read_nodes(&[4], nodes, constants()).unwrap();
    let (found, root) = (output(&model, array![[1.0; 4]].into_dyn()), 0.5f64.sqrt());
    assert!(found.iter().zip([-root, root, 0.0, 0.0]).all(|(found, expected)| (found - expected).abs() < 1e-12));
    let nodes = vec![standardize("x"), node("Relu", &["s"], &["y"], vec![])];
    let message = read_nodes(&[2, 2], nodes, constants()).unwrap_err().to_string();
    assert!(message.contains("\"S\" (BatchNormalization)") && message.contains("what the network computes"));
}

#[test]
fn computed_weights_are_named_with_what_they_are_computed_from() {
    let nodes = vec![
        node("Mul", &["w", "x"], &["scaled"], vec![]),
        node("Relu", &["scaled"], &["kernel"], vec![]),
        node("Conv", &["x", "kernel"], &["y"], vec![]),
    ];
    let error = read_nodes(&[1, 1, 1], nodes, vec![floats("w", &[], &[2.0])]).unwrap_err().to_string();
    let expected = "node \"Y\" (Conv): it needs its weights as a constant, and \"kernel\" is computed from \"x\"";
    assert_eq!(error, expected);
}

#[test]
fn a_dropout_that_drops_is_refused() {
    let read = |ratio: f32| {
        let nodes = vec![node("Dropout", &["x", "ratio", "training"], &["y"], vec![])];
        read_nodes(&[2], nodes, vec![floats("ratio", &[], &[ratio]), longs("training", &[], &[1])])
    };
    assert!(read(0.5).unwrap_err().to_string().contains("(Dropout): it is in training mode"));
    assert!(read(0.0).is_ok());
}

/// An If whose branches are double `x` and `x` plus an inner constant, with a name of its own inside and outside.
fn either(condition: &str) -> NodeProto {
    let twice = vec![node("Add", &["x", "x"], &["inner"], vec![])];
    let more = vec![node("Add", &["x", "c"], &["inner"], vec![])];
    let branches = vec![
        crate::fixtures::branch("then_branch", twice, vec![], "inner"),
        crate::fixtures::branch("else_branch", more, vec![floats("c", &[], &[0.5])], "inner"),
    ];
    node("If", &[condition], &["y"], branches)
}

#[test]
fn a_known_condition_takes_one_branch() {
    for (holds, expected) in [(1, 6.0), (0, 3.5)] {
        let model = read_nodes(&[1], vec![either("holds")], vec![longs("holds", &[1], &[holds])]).unwrap();
        assert_eq!(output(&model, array![[3.0]].into_dyn()), array![[expected]].into_dyn());
        assert_eq!(model.steps.len(), 1);
    }
    let by_value = vec![node("Fancy", &["x"], &["b"], vec![]), either("b")];
    let message = read_nodes(&[1], by_value, vec![]).unwrap_err().to_string();
    assert!(message.contains("If, by what the network computes"), "{message}");
    let mut broken = either("holds");
    broken.attribute.pop();
    let message = read_nodes(&[1], vec![broken], vec![longs("holds", &[1], &[0])]).unwrap_err().to_string();
    assert!(message.contains("no graph as its else_branch"), "{message}");
}

#[test]
fn a_condition_on_shapes_takes_its_branch_for_each() {
    let by_batch = || {
        vec![
            node("Shape", &["x"], &["s"], vec![]),
            node("Gather", &["s", "zero"], &["n"], vec![]),
            node("Equal", &["n", "one"], &["single"], vec![]),
        ]
    };
    let constants = || vec![longs("zero", &[], &[0]), longs("one", &[], &[1])];
    let model = read_nodes(&[1], [by_batch(), vec![either("single")]].concat(), constants()).unwrap();
    assert_eq!(output(&model, array![[3.0]].into_dyn()), array![[6.0]].into_dyn());
    assert_eq!(output(&model, array![[3.0], [1.0]].into_dyn()), array![[3.5], [1.5]].into_dyn());

    // An If inside of another, and a branch that only says which of the tensors outside it is.
    let inside = NodeProto { output: vec!["deep".to_owned()], ..either("single") };
    let unknown = vec![node("Fancy", &["x"], &["deep"], vec![])];
    let branches = vec![
        crate::fixtures::branch("then_branch", vec![inside], vec![], "deep"),
        crate::fixtures::branch("else_branch", unknown, vec![], "deep"),
    ];
    let outer = node("If", &["single"], &["chosen"], branches);
    let same = vec![
        crate::fixtures::branch("then_branch", vec![], vec![], "chosen"),
        crate::fixtures::branch("else_branch", vec![], vec![], "x"),
    ];
    let nodes = [by_batch(), vec![outer, node("If", &["single"], &["y"], same)]].concat();
    let model = read_nodes(&[1], nodes, constants()).unwrap();
    assert_eq!(output(&model, array![[3.0]].into_dyn()), array![[6.0]].into_dyn());
    let error = model.network(&shapes(&[2, 1])).unwrap_err();
    assert!(matches!(error, Error::Unsupported(nodes) if nodes[0].kind == "Fancy"));
}

#[test]
fn shapes_that_branches_compute_are_known_in_advance() {
    let constant = |name: &str, values: &[i64]| {
        crate::fixtures::branch(name, vec![], vec![longs("target", &[values.len() as i64], values)], "target")
    };
    let nodes = vec![
        node("Size", &["x"], &["n"], vec![]),
        node("Less", &["n", "three"], &["few"], vec![]),
        node("If", &["few"], &["s"], vec![constant("then_branch", &[1, -1]), constant("else_branch", &[-1, 1])]),
        node("Reshape", &["x", "s"], &["y"], vec![]),
    ];
    let model = read_nodes(&[2], nodes, vec![longs("three", &[], &[3])]).unwrap();
    assert_eq!(output(&model, numbers(&[1, 2])).shape(), [1, 2]);
    assert_eq!(output(&model, numbers(&[2, 2])).shape(), [4, 1]);
}

#[test]
fn types_are_those_of_another_tensor() {
    let nodes = vec![
        node("CastLike", &["two", "x"], &["factor"], vec![]),
        node("Mul", &["x", "factor"], &["scaled"], vec![]),
        node("CastLike", &["scaled", "x"], &["y"], vec![]),
    ];
    let model = read_nodes(&[2], nodes, vec![longs("two", &[], &[2])]).unwrap();
    assert_eq!(output(&model, array![[1.0, 0.5]].into_dyn()), array![[2.0, 1.0]].into_dyn());
    let nodes = vec![node("CastLike", &["x", "two"], &["y"], vec![])];
    let model = read_nodes(&[2], nodes, vec![longs("two", &[], &[2])]).unwrap();
    assert_eq!(output(&model, array![[1.5, -0.5]].into_dyn()), array![[1.0, 0.0]].into_dyn());
}

#[test]
fn truth_values_and_integers_are_numbers_of_a_network() {
    let nodes = vec![
        node("ArgMax", &["x"], &["place"], vec![integer("axis", 1)]),
        node("Equal", &["place", "one"], &["is_one"], vec![]),
        node("Not", &["is_one"], &["is_other"], vec![]),
        node("Greater", &["x", "limit"], &["is_large"], vec![]),
        node("And", &["is_large", "is_other"], &["taken"], vec![]),
        node("Where", &["taken", "x", "limit"], &["y"], vec![]),
    ];
    let initializers = || vec![longs("one", &[1], &[1]), floats("limit", &[1], &[0.5])];
    let model = read_nodes(&[3], nodes.clone(), initializers()).unwrap();
    let x = array![[3.0, 0.25, 1.0], [1.0, 2.0, 3.0], [1.0, 4.0, 3.0]].into_dyn();
    let expected = array![[3.0, 0.5, 1.0], [1.0, 2.0, 3.0], [0.5, 0.5, 0.5]].into_dyn();
    assert_eq!(output(&model, x), expected);
    // Of known numbers, all of it is known when the file is read.
    let mut nodes = nodes;
    nodes
        .iter_mut()
        .for_each(|node| node.input.iter_mut().filter(|name| *name == "x").for_each(|name| *name = "k".into()));
    nodes[5].output = vec!["w".into()];
    nodes.push(node("Add", &["x", "w"], &["y"], vec![]));
    let known = floats("k", &[1, 3], &[3.0, 0.25, 1.0]);
    let model = read_nodes(&[3], nodes, [initializers(), vec![known]].concat()).unwrap();
    assert_eq!(model.steps.len(), 1);
    assert_eq!(output(&model, ArrayD::zeros(vec![1, 3])), array![[3.0, 0.5, 1.0]].into_dyn());
}

#[test]
fn each_output_that_is_taken_is_an_operation() {
    let pool = vec![integers("kernel_shape", &[1, 2]), integers("strides", &[1, 2])];
    let nodes = vec![
        node("MaxPool", &["x"], &["maxima", "places"], pool.clone()),
        node("TopK", &["maxima", "one"], &["", "top"], vec![]),
        node("MaxUnpool", &["maxima", "places"], &["back"], pool),
        node("Add", &["back", "top"], &["y"], vec![]),
    ];
    let model = read_nodes(&[1, 1, 4], nodes, vec![longs("one", &[1], &[1])]).unwrap();
    let found = output(&model, array![[[[1.0, 2.0, 4.0, 3.0]]]].into_dyn());
    assert_eq!(found, array![[[[1.0, 3.0, 5.0, 1.0]]]].into_dyn());
    assert_eq!(model.steps.len(), 5);
}

#[test]
fn tensors_of_lists_are_cut_off_or_handed_on() {
    let of = |split: &[&str], attributes: Vec<rten_onnx::onnx::AttributeProto>, position: i64| {
        let nodes = vec![
            node("SplitToSequence", &[&["x"], split].concat(), &["list"], attributes),
            node("SequenceAt", &["list", "at"], &["piece"], vec![]),
            node("SequenceConstruct", &["x", "piece"], &["pair"], vec![]),
            node("SequenceAt", &["pair", "last"], &["y"], vec![]),
        ];
        let constants = vec![
            longs("at", &[], &[position]),
            longs("last", &[], &[-1]),
            longs("two", &[], &[2]),
            longs("lengths", &[2], &[1, 4]),
        ];
        Ok::<_, Error>(output(&read_nodes(&[5], nodes, constants)?, array![[1.0, 2.0, 3.0, 4.0, 5.0]].into_dyn()))
    };
    let along = || vec![integer("axis", 1)];
    assert_eq!(of(&["two"], along(), 1).unwrap(), array![[3.0, 4.0]].into_dyn());
    assert_eq!(of(&["two"], along(), 2).unwrap(), array![[5.0]].into_dyn());
    assert_eq!(of(&["lengths"], along(), -1).unwrap(), array![[2.0, 3.0, 4.0, 5.0]].into_dyn());
    assert_eq!(of(&[], along(), -2).unwrap(), array![[4.0]].into_dyn());
    assert_eq!(of(&[], along(), -1).unwrap(), array![[5.0]].into_dyn());
    assert_eq!(of(&[], [along(), vec![integer("keepdims", 0)]].concat(), 1).unwrap(), array![2.0].into_dyn());
    // How many pieces of two there are is not known before the shape is.
    assert!(matches!(of(&["two"], along(), -1), Err(Error::Unsupported(_))));
    assert!(matches!(of(&["lengths"], along(), 2), Err(Error::Unsupported(_))));
}

#[test]
fn means_and_variances_are_normalized_over_any_axes() {
    let nodes = vec![node("MeanVarianceNormalization", &["x"], &["y"], vec![integers("axes", &[0, 2])])];
    let model = read_nodes(&[1, 2], nodes, vec![]).unwrap();
    let found = output(&model, array![[[1.0, 3.0]], [[5.0, 7.0]]].into_dyn());
    let deviation = 5f64.sqrt();
    let expected = array![[[-3.0, -1.0]], [[1.0, 3.0]]].into_dyn() / deviation;
    assert!(found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < 1e-12), "{found}");
    let nodes = vec![node("MeanVarianceNormalization", &["x"], &["y"], vec![])];
    let model = read_nodes(&[1, 1, 2], nodes, vec![]).unwrap();
    assert_eq!(output(&model, ArrayD::from_elem(vec![1, 1, 1, 2], 3.0)), ArrayD::zeros(vec![1, 1, 1, 2]));
}

#[test]
fn integers_beyond_what_numbers_hold_are_refused() {
    let nodes = vec![
        node("ArgMax", &["x"], &["place"], vec![integer("axis", 1)]),
        node("Less", &["place", "many"], &["y"], vec![]),
    ];
    let error = read_nodes(&[3], nodes, vec![longs("many", &[], &[1 << 60])]).unwrap_err().to_string();
    assert!(error.contains("1152921504606846976") && error.contains("f64"), "{error}");
}

#[test]
fn folding_keeps_within_bounds() {
    for list in [longs("c", &[1 << 10], &[1; 1 << 10]), floats("c", &[1 << 10], &[1.0; 1 << 10])] {
        let nodes = vec![
            node("Concat", &["c"; 1 << 10], &["d"], vec![integer("axis", 0)]),
            node("Concat", &["d"; 1 << 9], &["e"], vec![integer("axis", 0)]),
            node("Add", &["x", "e"], &["y"], vec![]),
        ];
        let error = read_nodes(&[1], nodes, vec![list]).unwrap_err().to_string();
        assert!(error.contains("\"E\" (Concat)") && error.contains("--max-constants allows more"), "{error}");
    }
}

#[test]
fn what_depends_on_no_input_is_computed_once() {
    let nodes = vec![
        node("Transpose", &["w"], &["wt"], vec![]),
        node("Sqrt", &["four"], &["two"], vec![]),
        node("Mul", &["wt", "two"], &["wt2"], vec![]),
        node("MatMul", &["x", "wt2"], &["p"], vec![]),
        node("Add", &["b", "p"], &["y"], vec![]),
    ];
    let constants = vec![floats("w", &[1, 2], &[1.0, -1.0]), floats("four", &[], &[4.0]), floats("b", &[1], &[0.5])];
    let model = read_nodes(&[2], nodes, constants).unwrap();
    assert_eq!(model.steps.len(), 1);
    assert!(model.constants.is_empty());
    assert_eq!(output(&model, array![[3.0, 1.0]].into_dyn()), array![[4.5]].into_dyn());
}

#[test]
fn splits_are_slices() {
    let nodes = vec![
        node("Split", &["x", "lengths"], &["a", "b"], vec![integer("axis", -1)]),
        node("Concat", &["b", "a"], &["y"], vec![integer("axis", 1)]),
    ];
    let given = read_nodes(&[3], nodes.clone(), vec![longs("lengths", &[2], &[1, 2])]).unwrap();
    let input = array![[1.0, 2.0, 3.0]].into_dyn();
    assert_eq!(output(&given, input.clone()), array![[2.0, 3.0, 1.0]].into_dyn());
    let network = given.network_with_defaults().unwrap();
    let names: Vec<&str> = network.nodes().iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["A.0", "A.1", "Y"]);
    let equal = NodeProto { input: vec!["x".to_owned()], ..nodes[0].clone() };
    let equal = NodeProto { attribute: vec![integer("axis", 1), integer("num_outputs", 2)], ..equal };
    let equal = read_nodes(&[3], vec![equal, nodes[1].clone()], vec![]).unwrap();
    assert_eq!(output(&equal, input), array![[3.0, 1.0, 2.0]].into_dyn());
    let wrong = read_nodes(&[3], nodes, vec![longs("lengths", &[2], &[1, 1])]).unwrap();
    assert!(wrong.network_with_defaults().unwrap_err().to_string().contains("[1, 1]"));
}

#[test]
fn a_softmax_of_old_runs_over_all_following_axes() {
    let read = |dimensions: &[i64]| {
        read_at(12, graph(dimensions, vec![node("Softmax", &["x"], &["y"], vec![])], vec![])).unwrap()
    };
    let (flat, several) = (numbers(&[2, 6]), numbers(&[2, 2, 3]));
    let expected = output(&read(&[6]), flat);
    assert!((expected.sum() - 2.0).abs() < 1e-12);
    let result = output(&read(&[2, 3]), several);
    assert_eq!(result, expected.clone().into_shape_with_order(IxDyn(&[2, 2, 3])).unwrap());
    let only = read(&[6, 1, 1]).network_with_defaults().unwrap();
    assert_eq!(only.nodes().len(), 1);
    let result = output(&read(&[6, 1, 1]), numbers(&[2, 6, 1, 1]));
    assert_eq!(result, expected.into_shape_with_order(IxDyn(&[2, 6, 1, 1])).unwrap());
}

#[test]
fn gemm_is_read_in_all_its_forms() {
    let x = array![[1.0, 2.0], [0.5, -1.0], [3.0, 0.25]];
    let w = arr2(&[[1.0, 0.0, 2.0], [-1.0, 0.5, 1.0]]);
    let alpha_beta = || vec![crate::fixtures::float("alpha", 0.5), crate::fixtures::float("beta", 2.0)];
    let flag = |name: &str| integer(name, 1);
    let weights = |name: &str, w: &ndarray::Array2<f64>| {
        let values: Vec<f32> = w.iter().map(|&value| value as f32).collect();
        floats(name, &[w.nrows() as i64, w.ncols() as i64], &values)
    };
    let product = x.dot(&w) * 0.5;
    let biases = [
        (floats("c", &[], &[0.25]), arr2(&[[0.25]])),
        (floats("c", &[1], &[0.25]), arr2(&[[0.25]])),
        (floats("c", &[3], &[1.0, 2.0, 3.0]), arr2(&[[1.0, 2.0, 3.0]])),
        (floats("c", &[1, 3], &[1.0, 2.0, 3.0]), arr2(&[[1.0, 2.0, 3.0]])),
        (floats("c", &[3, 1], &[1.0, 2.0, 3.0]), arr2(&[[1.0], [2.0], [3.0]])),
    ];
    for (bias, expected) in biases {
        let expected = (&product + &(expected * 2.0)).into_dyn();
        let gemm = |attributes| vec![node("Gemm", &["x", "w", "c"], &["y"], attributes)];
        let plain = read_nodes(&[2], gemm(alpha_beta()), vec![weights("w", &w), bias.clone()]).unwrap();
        assert_eq!(output(&plain, x.clone().into_dyn()), expected);
        let attributes = [alpha_beta(), vec![flag("transA"), flag("transB")]].concat();
        let transposed_weights = weights("w", &w.t().as_standard_layout().into_owned());
        let transposed = read_nodes(&[3], gemm(attributes), vec![transposed_weights, bias]).unwrap();
        assert_eq!(output(&transposed, x.t().as_standard_layout().into_owned().into_dyn()), expected);
    }
    let attributes = [alpha_beta(), vec![flag("transB")]].concat();
    let of_itself =
        read_nodes(&[2], vec![node("Gemm", &["x", "x", "x3"], &["y"], attributes)], vec![floats("x3", &[1], &[1.0])]);
    assert_eq!(output(&of_itself.unwrap(), x.clone().into_dyn()), (x.dot(&x.t()) * 0.5 + 2.0).into_dyn());
}

#[test]
fn a_layer_normalization_in_parts_is_that_of_one_operation() {
    let parts = |axis: i64| {
        let nodes = vec![
            node("ReduceMean", &["x", "axes"], &["m"], vec![]),
            node("Sub", &["x", "m"], &["d"], vec![]),
            node("Pow", &["d", "two"], &["q"], vec![]),
            node("ReduceMean", &["q", "axes"], &["v"], vec![]),
            node("Add", &["v", "epsilon"], &["e"], vec![]),
            node("Sqrt", &["e"], &["r"], vec![]),
            node("Div", &["d", "r"], &["y"], vec![]),
        ];
        let constants = vec![longs("axes", &[1], &[axis]), floats("two", &[], &[2.0]), floats("epsilon", &[], &[0.5])];
        read_nodes(&[2, 3], nodes, constants).unwrap()
    };
    let input = numbers(&[1, 2, 3]);
    let rows = input.rows().into_iter().flat_map(|row| {
        let mean = row.sum() / 3.0;
        let variance = row.mapv(|value| (value - mean).powi(2)).sum() / 3.0;
        row.iter().map(|value| (value - mean) / (variance + 0.5).sqrt()).collect::<Vec<f64>>()
    });
    let expected: Vec<f64> = rows.collect();
    for axis in [-1, 2] {
        let result = output(&parts(axis), input.clone());
        assert!(result.iter().zip(&expected).all(|(value, expected)| (value - expected).abs() < 1e-12));
    }
    let over_columns = output(&parts(1), input.clone());
    for column in 0..3 {
        let half = (input[[0, 1, column]] - input[[0, 0, column]]) / 2.0;
        let expected = half / (half * half + 0.5).sqrt();
        assert!((over_columns[[0, 0, column]] + expected).abs() < 1e-12);
        assert!((over_columns[[0, 1, column]] - expected).abs() < 1e-12);
    }
}

#[test]
fn scaled_inputs_and_named_columns_of_scikit_learn_are_read() {
    let of_ml = |node: NodeProto| NodeProto { domain: Some("ai.onnx.ml".to_owned()), ..node };
    let reals = |name: &str, values: &[f32]| rten_onnx::onnx::AttributeProto {
        floats: values.to_vec(),
        r#type: Some(rten_onnx::onnx::AttributeType::FLOATS),
        ..integers(name, &[])
    };
    let scaling = vec![reals("offset", &[1.0, -1.0]), reals("scale", &[2.0, 0.5])];
    let nodes = vec![
        of_ml(node("Scaler", &["x"], &["a"], scaling)),
        node("ArgMax", &["a"], &["label"], vec![]),
        of_ml(node("ZipMap", &["a"], &["y"], vec![integers("classlabels_int64s", &[0, 1])])),
    ];
    let mut graph = graph(&[2], nodes, vec![]);
    let mut label = crate::fixtures::value("label", None);
    if let Some(tensor) = label.r#type.as_mut().and_then(|kind| kind.tensor_type.as_mut()) {
        tensor.elem_type = Some(rten_onnx::onnx::DataType::INT64);
    }
    graph.output.insert(0, label);
    let model = read_at(17, graph).unwrap();
    assert_eq!(model.outputs(), ["y"]);
    assert_eq!(output(&model, array![[2.0, 3.0]].into_dyn()), array![[2.0, 2.0]].into_dyn());
}

#[test]
fn files_of_other_kinds_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    for (bytes, part) in [
        (&b""[..], "empty"),
        (b"PK\x03\x04", "torch.onnx.export"),
        (b"\x89HDF\r\n", "Keras"),
        (b"\x89PNG\r\n", "no known format"),
        (b"<!DOCTYPE html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"hello\n", "\"hello\" is no layer"),
        (b"\x08\x08", "a graph"),
    ] {
        fs::write(&path, bytes).unwrap();
        let message = read::<f32>(&path).unwrap_err().to_string();
        assert!(message.contains("model.onnx") && message.contains(part), "{message}");
    }
    let message = read::<f32>(folder.path().join("missing.onnx")).unwrap_err().to_string();
    assert!(message.contains("can't read") && message.contains("missing.onnx"), "{message}");
}

#[test]
fn shapes_that_no_memory_holds_are_errors() {
    let across = |lengths: &[i64]| {
        let nodes = vec![node("Expand", &["x", "huge"], &["v"], vec![]), node("Flatten", &["v"], &["y"], vec![])];
        read_nodes(&[1, 1], nodes, vec![longs("huge", &[lengths.len() as i64], lengths)])
            .unwrap()
            .network_with_defaults()
    };
    for lengths in [&[1 << 40, 1 << 40][..], &[i64::MAX, i64::MAX], &[1 << 62, 1]] {
        let error = across(lengths).unwrap_err().to_string();
        assert!(error.contains("Expand"), "{error}");
    }
    assert!(across(&[3, 2]).is_ok());
}

proptest! {
    #[test]
    fn damaged_models_are_errors_or_other_networks_but_never_panics(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let nodes = vec![
            node("Shape", &["x"], &["s"], vec![]),
            node("Slice", &["s", "one", "nine"], &["t"], vec![]),
            node("Concat", &["minus", "t"], &["u"], vec![integer("axis", 0)]),
            node("Expand", &["x", "u"], &["v"], vec![]),
            node("Reshape", &["v", "u"], &["w"], vec![]),
            node("Conv", &["w", "k"], &["c"], vec![integers("strides", &[1, 2])]),
            node("MaxPool", &["c"], &["y"], vec![integers("kernel_shape", &[2, 1])]),
        ];
        let constants = vec![
            longs("one", &[1], &[1]),
            longs("nine", &[1], &[9]),
            longs("minus", &[1], &[1]),
            floats("k", &[2, 1, 1, 2], &[0.5; 4]),
        ];
        let mut bytes = model(graph(&[1, 4, 4], nodes, constants), 17);
        for (position, value) in flips {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        if let Ok(model) = Model::<f32>::from_bytes(&bytes, Path::new("."))
            && let Ok(network) = model.network_with_defaults()
        {
            let shape: Vec<usize> = network.inputs()[0].shape.iter().map(|axis| axis.unwrap_or(1)).collect();
            prop_assert!(network.shapes(&[&shape]).is_ok());
        }
    }
}

#[test]
fn attention_and_its_guard_are_read_and_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = vec![
        node("Attention", &["x", "x", "x"], &["a"], vec![integer("q_num_heads", 2), integer("kv_num_heads", 2)]),
        node("Relu", &["a"], &["y"], vec![]),
    ];
    let input = ndarray::ArrayD::from_shape_fn(vec![1, 3, 4], |at| (at[1] as f64 - 1.0) * (at[2] as f64 + 0.5));
    let shapes = InputShapes::new().with("x", [1, 3, 4]);
    let network = read_nodes(&[3, 4], nodes, vec![]).unwrap().network(&shapes).unwrap();
    let path = folder.path().join("attention.onnx");
    crate::write(&network, &path).unwrap();
    let again = crate::read::<f64>(&path).unwrap().network(&shapes).unwrap();
    let outputs = [&network, &again].map(|network| network.forward(vec![input.clone()]).unwrap().output().to_owned());
    assert_eq!(outputs[0], outputs[1]);
    let softmax = |network: &neural_lrp::Network<f64>| {
        let mut specs =
            network.nodes().iter().map(|node| node.operation.to_spec()).filter(|spec| spec.kind == "Softmax");
        specs.next().unwrap()
    };
    assert_eq!(softmax(&network), softmax(&again));

    let caches = vec![node("Attention", &["x", "x", "x", "", "x", "x"], &["y"], vec![])];
    let refused = read_nodes(&[3, 4], caches, vec![]).unwrap().network(&shapes).unwrap_err().to_string();
    assert!(refused.contains("past_key"), "{refused}");
    let present =
        vec![node("Attention", &["x", "x", "x"], &["a", "k", "v"], vec![]), node("Add", &["a", "k"], &["y"], vec![])];
    let refused = read_nodes(&[3, 4], present, vec![]).unwrap_err().to_string();
    assert!(refused.contains("Attention, its output 1"), "{refused}");
}

/// A Loop that doubles `x` and adds the round's number, and lists all that it was; its condition is `condition` of the body.
fn doubling(inputs: &[&str], condition: &str, more: Vec<NodeProto>) -> NodeProto {
    let nodes = vec![
        node("Add", &["v", "v"], &["twice"], vec![]),
        node("Cast", &["i"], &["number"], vec![integer("to", 1)]),
        node("Add", &["twice", "number"], &["next"], vec![]),
        node("Mul", &["v", "half"], &["listed"], vec![]),
    ];
    let body = crate::fixtures::body(
        [nodes, more].concat(),
        vec![floats("half", &[], &[0.5])],
        &["i", "holds", "v"],
        &[condition, "next", "listed"],
    );
    node("Loop", inputs, &["last", "all"], vec![body])
}

#[test]
fn a_loop_of_a_known_number_of_rounds_is_unrolled() {
    let joined = || {
        vec![
            node("ReduceSum", &["all", "first"], &["sum"], vec![integer("keepdims", 0)]),
            node("Sub", &["last", "sum"], &["y"], vec![]),
        ]
    };
    let constants = || {
        vec![longs("three", &[], &[3]), longs("first", &[1], &[0]), longs("one", &[1], &[1]), longs("zero", &[], &[0])]
    };
    // 3 → 6 → 13 → 28, of which 3/2, 6/2 and 13/2 are listed.
    let expected = array![[28.0 - 11.0]].into_dyn();
    let nodes = [vec![doubling(&["three", "", "x"], "holds", vec![])], joined()].concat();
    let model = read_nodes(&[1], nodes, constants()).unwrap();
    assert_eq!(output(&model, array![[3.0]].into_dyn()), expected);
    // As many rounds as samples.
    let shape = [node("Shape", &["x"], &["s"], vec![]), node("Gather", &["s", "zero"], &["n"], vec![])];
    let nodes = [shape.to_vec(), vec![doubling(&["n", "", "x"], "holds", vec![])], joined()].concat();
    let model = read_nodes(&[1], nodes, constants()).unwrap();
    let samples = array![[3.0], [1.0], [0.0]].into_dyn();
    assert_eq!(output(&model, samples), array![[17.0], [12.0 - 4.0], [4.0 - 0.5]].into_dyn());
    // Until a condition ends it that is known in each round: two are left.
    let ends = vec![node("Less", &["i", "one"], &["early"], vec![])];
    let nodes = [vec![doubling(&["", "one", "x"], "early", ends)], joined()].concat();
    let model = read_nodes(&[1], nodes, constants()).unwrap();
    assert_eq!(output(&model, array![[3.0]].into_dyn()), array![[13.0 - 4.5]].into_dyn());
}

#[test]
fn a_loop_within_a_loop_has_nodes_of_its_own() {
    let inner = crate::fixtures::body(
        vec![node("Add", &["w", "x"], &["more"], vec![]), node("Identity", &["go"], &["on"], vec![])],
        vec![],
        &["j", "go", "w"],
        &["on", "more"],
    );
    let outer = crate::fixtures::body(
        vec![node("Loop", &["two", "", "v"], &["added"], vec![inner]), node("Add", &["added", "v"], &["next"], vec![])],
        vec![longs("two", &[], &[2])],
        &["i", "holds", "v"],
        &["holds", "next"],
    );
    let nodes = vec![node("Loop", &["two'", "", "x"], &["y"], vec![outer])];
    let model = read_nodes(&[1], nodes, vec![longs("two'", &[], &[2])]).unwrap();
    // v → (v + 2x) + v: 1 → 4 → 10.
    assert_eq!(output(&model, array![[1.0]].into_dyn()), array![[10.0]].into_dyn());
}

#[test]
fn a_scan_goes_along_its_axes() {
    let body = || {
        crate::fixtures::body(
            vec![node("Add", &["sum", "item"], &["next"], vec![]), node("Mul", &["next", "item"], &["listed"], vec![])],
            vec![],
            &["sum", "item"],
            &["next", "listed"],
        )
    };
    let scan = |attributes: Vec<rten_onnx::onnx::AttributeProto>| {
        let attributes = [vec![body(), integer("num_scan_inputs", 1)], attributes].concat();
        let nodes = vec![
            node("ReduceMin", &["zeros", "axes"], &["start"], vec![integer("keepdims", 0)]),
            node("Mul", &["x", "none"], &["zeros"], vec![]),
            node("Scan", &["start", "x"], &["last", "y"], attributes),
        ];
        let constants = vec![floats("none", &[], &[0.0]), longs("axes", &[1], &[1])];
        let model = read_nodes(&[3], nodes, constants).unwrap();
        output(&model, array![[1.0, 2.0, 4.0], [5.0, 6.0, 7.0]].into_dyn())
    };
    // Sums from the first column on, times the column: 1, 3, 7 and 5, 11, 18.
    let along = vec![integers("scan_input_axes", &[1]), integers("scan_output_axes", &[-1])];
    assert_eq!(scan(along.clone()), array![[1.0, 6.0, 28.0], [25.0, 66.0, 126.0]].into_dyn());
    // From the last column on: 4, 6, 7 and 7, 13, 18; what comes first stands last, or first.
    let reversed = |output: i64| {
        [along.clone(), vec![integers("scan_input_directions", &[1]), integers("scan_output_directions", &[output])]]
            .concat()
    };
    assert_eq!(scan(reversed(1)), array![[7.0, 12.0, 16.0], [90.0, 78.0, 49.0]].into_dyn());
    assert_eq!(scan(reversed(0)), array![[16.0, 12.0, 7.0], [49.0, 78.0, 90.0]].into_dyn());
}

#[test]
fn rounds_that_nobody_knows_are_refused() {
    let refused = |nodes: Vec<NodeProto>, constants: Vec<rten_onnx::onnx::TensorProto>| {
        let nodes = [nodes, vec![node("Identity", &["last"], &["y"], vec![])]].concat();
        let model = read_nodes(&[1], nodes, constants);
        model.and_then(|model| model.network(&shapes(&[1, 1]))).unwrap_err().to_string()
    };
    let by_value = vec![node("Greater", &["next", "half"], &["large"], vec![])];
    let message = refused(vec![doubling(&["", "", "x"], "large", by_value)], vec![]);
    assert!(message.contains("(Loop): its condition follows from what the network computes"), "{message}");
    let message = refused(vec![doubling(&["x", "", "x"], "holds", vec![])], vec![]);
    assert!(message.contains("its number of rounds follows from what the network computes"), "{message}");
    let message = refused(vec![doubling(&["many", "", "x"], "holds", vec![])], vec![longs("many", &[], &[5000])]);
    assert!(message.contains("more than 4096 times"), "{message}");
    let message = refused(vec![doubling(&["none", "", "x"], "holds", vec![])], vec![longs("none", &[], &[0])]);
    assert!(message.contains("there is nothing in \"all\""), "{message}");
    let mut broken = doubling(&["none", "", "x"], "holds", vec![]);
    broken.input.push("x".to_owned());
    let message = refused(vec![broken.clone()], vec![longs("none", &[], &[0])]);
    assert!(message.contains("its body takes 3 tensors and gives 3; it should take 4"), "{message}");
    broken.attribute.clear();
    assert!(refused(vec![broken], vec![longs("none", &[], &[0])]).contains("no graph as its body"));
}

#[test]
fn a_detector_ends_with_the_scores_of_its_boxes() {
    let nodes = |selects: bool| {
        let selection = vec![
            node("NonMaxSuppression", &["boxes", "scores", "most"], &["selected"], vec![]),
            node("Gather", &["selected", "zero"], &["y"], vec![]),
        ];
        let plain = vec![node("Add", &["boxes", "scores"], &["y"], vec![])];
        let common = vec![
            node("Sigmoid", &["x"], &["scores"], vec![]),
            node("Mul", &["x", "two"], &["boxes"], vec![]),
            node("Fancy", &["most"], &["nobody's"], vec![]),
        ];
        [common, if selects { selection } else { plain }].concat()
    };
    let constants = || vec![longs("most", &[1], &[5]), longs("zero", &[], &[0]), floats("two", &[], &[2.0])];
    let model = read_nodes(&[2, 4], nodes(true), constants()).unwrap();
    assert_eq!(model.outputs(), ["scores", "boxes"]);
    assert_eq!(model.left_out(), ["SELECTED", "Y"]);
    let x = numbers(&[1, 2, 4]);
    let network = model.network(&shapes(x.shape())).unwrap();
    let activations = network.forward(vec![x.clone()]).unwrap();
    let [scores, boxes] = [0, 1].map(|output| activations.value(network.outputs()[output]).to_owned());
    let near = |found: &ArrayD<f64>, expected: ArrayD<f64>| (found - &expected).iter().all(|error| error.abs() < 1e-15);
    assert!(near(&scores, x.mapv(|x| 1.0 / (1.0 + (-x).exp()))) && near(&boxes, &x * 2.0));
    assert!(read_nodes(&[2, 4], nodes(false), constants()).unwrap().left_out().is_empty());
}
