//! The rule in a composite file, the operator in an ONNX file.

use std::sync::Arc;

use model_files::InputShapes;
use ndarray::array;
use neural_lrp::operation::ParsedOperation;
use neural_lrp::operations::{Dense, Operators};
use neural_lrp::rules::Rules;
use neural_lrp::{Composite, Explainer, Initial, NetworkBuilder, Target};
use outside::operation::Cube;
use outside::rule::PositiveWeights;

#[test]
fn a_file_with_ones_own_operator_is_explained_by_ones_own_rule() {
    let mut network = NetworkBuilder::<f64>::new();
    network.input("x", [Some(1), Some(2)]).output("y");
    network.node("cube", Arc::new(Cube), ["x"], "c");
    network.node("dense", Arc::new(Dense::new(array![[1.0, 3.0]], None).unwrap()), ["c"], "y");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cube.onnx");
    model_files::write(&network.build().unwrap(), &path).unwrap();
    let unknown = model_files::read::<f64>(&path).unwrap_err().to_string();
    assert!(unknown.contains("com.example:Cube"), "{unknown}");

    let operators = Operators::new().with("com.example:Cube", |_| Ok(ParsedOperation::new(Cube, vec![0])));
    let model = model_files::read_with(&path, &operators).unwrap();
    let explainer = Explainer::new(&model.network(&InputShapes::new().with("x", [1, 2])).unwrap()).unwrap();
    let forward = explainer.forward(array![[2.0, 1.0]].into_dyn().view()).unwrap();
    assert_eq!(forward.scores(), array![[11.0]].into_dyn());

    let file = "name = 'mine'\n[[rule]]\nwhere = 'op:com.example:Cube'\nrule = 'pass'\n\
                [[rule]]\nwhere = 'linear'\nrule = 'positive-weights'";
    let composite = Composite::from_toml_with(file, &Rules::new().with::<PositiveWeights>()).unwrap();
    let explained = forward.explain(&composite, &Initial::Score(Target::Class(0)).into()).unwrap();
    assert_eq!(explained.relevance[0], array![[2.75, 8.25]].into_dyn());
    explained.ledgers[0].check(1e-12).unwrap();
}
