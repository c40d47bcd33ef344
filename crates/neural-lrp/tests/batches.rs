//! Samples that go through a network together get what they get alone, and a ledger each.

use std::sync::Arc;

use ndarray::ArrayD;
use neural_lrp::methods::Method;
use neural_lrp::operation::OperatorSpec;
use neural_lrp::rules::InputRange;
use neural_lrp::{
    Attribution, COMPOSITES, Composite, Explained, Explainer, Initial, NetworkBuilder, Question, Target, operations,
};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use relevance::{Amount, Ledger};

fn numbers(shape: &[usize], seed: u64) -> ArrayD<f64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(shape, || random.gen_range(-1.0..1.0))
}

/// Adds a node that is called as its output.
fn add_node(network: &mut NetworkBuilder<f64>, spec: &OperatorSpec<f64>, operands: &[&str], output: &str) {
    let operation = operations::read(spec).unwrap().operation;
    network.node(output, operation, operands.iter().map(|&operand| operand.to_owned()).collect::<Vec<_>>(), output);
}

/// A small network with a pool, a gate, a choice, maxima, running sums, a norm, and a sum with a constant.
fn explainer() -> Explainer<f64> {
    let constant = |shape: &[usize], seed| Arc::new(numbers(shape, seed));
    let one = |kind: &str| OperatorSpec::new(kind, 1);
    let mut network = NetworkBuilder::new();
    let mut node = |spec, operands: &[&str], output| add_node(&mut network, &spec, operands, output);
    node(one("Conv").with_constant(constant(&[4, 2, 3, 3], 1)).with_constant(constant(&[4], 2)), &["x"], "conv");
    node(one("Relu"), &["conv"], "rectified");
    node(one("MaxPool").with_integers("kernel_shape", [2, 2]).with_integers("strides", [2, 2]), &["rectified"], "pool");
    node(one("Sigmoid"), &["pool"], "gate");
    node(OperatorSpec::new("Mul", 2), &["pool", "gate"], "gated");
    node(OperatorSpec::new("Greater", 2), &["gated", "c"], "is_greater");
    node(OperatorSpec::new("Where", 3), &["is_greater", "gated", "pool"], "chosen");
    node(OperatorSpec::new("Max", 2), &["chosen", "c"], "larger");
    node(one("TopK").with_constant_integers([3]), &["larger"], "sorted");
    node(one("CumSum").with_constant_integers([2]), &["sorted"], "running");
    node(one("LpNormalization").with_integer("axis", 1), &["running"], "normalized");
    node(OperatorSpec::new("Add", 2), &["normalized", "c"], "sum");
    node(one("AveragePool").with_integers("kernel_shape", [2, 2]), &["sum"], "average");
    node(one("Flatten"), &["average"], "flat");
    node(one("Gemm").with_integer("transB", 1).with_constant(constant(&[3, 16], 3)), &["flat"], "scores");
    network.input("x", [None, Some(2), Some(8), Some(8)]).constant("c", numbers(&[1, 4, 3, 3], 4)).output("scores");
    Explainer::new(&network.build().unwrap()).unwrap()
}

fn explained(explainer: &Explainer<f64>, composite: &Composite, masks: Vec<(String, Vec<usize>)>) -> Explained<f64> {
    let batch = numbers(&[5, 2, 8, 8], 5);
    let forward = explainer.forward(batch.view()).unwrap();
    let initial = Initial::Score(Target::Predicted);
    forward.explain(composite, &Question { initial, masks, at: vec!["pool".to_owned()] }).unwrap()
}

fn close(one: Amount, other: Amount, what: &str) {
    let scale = 1e-10 * one.magnitude.max(1.0);
    let near = (one.total - other.total).abs() <= scale && (one.magnitude - other.magnitude).abs() <= scale;
    assert!(near, "{what}: {one:?}, {other:?}");
}

fn same_map(one: &ArrayD<f64>, other: &ArrayD<f64>, what: &str) {
    let largest = one.iter().fold(1e-6, |largest: f64, x| largest.max(x.abs()));
    let apart = one.iter().zip(other).fold(0.0, |apart: f64, (a, b)| apart.max((a - b).abs()));
    assert!(one.shape() == other.shape() && apart <= 1e-10 * largest, "{what}: {apart} of {largest}");
}

fn same_books(one: &Ledger, other: &Ledger) {
    assert_eq!(one.entries.len(), other.entries.len());
    for (one, other) in one.entries.iter().zip(&other.entries) {
        assert_eq!((&one.stage, one.sinks.len()), (&other.stage, other.sinks.len()), "{one:?}, {other:?}");
        close(one.upper, other.upper, &one.stage);
        close(one.lower, other.lower, &one.stage);
        for ((sink, one), (_, other)) in one.sinks.iter().zip(&other.sinks) {
            close(*one, *other, &format!("{sink:?}"));
        }
    }
}

#[test]
fn samples_together_get_what_they_get_alone() {
    let range = InputRange::new(ArrayD::from_elem(vec![], -1.0), ArrayD::from_elem(vec![], 1.0)).unwrap();
    for named in COMPOSITES {
        let composite = named.composite().unwrap().with_input_range(&range);
        for masks in [Vec::new(), vec![("pool".to_owned(), vec![0, 2])]] {
            let alone = explained(&explainer(), &composite, masks.clone());
            for together in [explainer().samples_together(3), explainer().in_batches()] {
                let together = explained(&together, &composite, masks.clone());
                same_map(&alone.relevance[0], &together.relevance[0], named.name);
                same_map(&alone.at["pool"], &together.at["pool"], named.name);
                assert_eq!((alone.ledgers.len(), together.ledgers.len()), (5, 5), "{}", named.name);
                alone.ledgers.iter().zip(&together.ledgers).for_each(|(one, other)| same_books(one, other));
            }
        }
    }
}

/// Images of 2 × 4 × 4 and two numbers beside each, three classes.
fn two_inputs(samples: Option<usize>) -> Explainer<f64> {
    let constant = |shape: &[usize], seed| Arc::new(numbers(shape, seed));
    let one = |kind: &str| OperatorSpec::new(kind, 1);
    let mut network = NetworkBuilder::new();
    let mut node = |spec, operands: &[&str], output| add_node(&mut network, &spec, operands, output);
    node(one("Conv").with_constant(constant(&[3, 2, 3, 3], 1)).with_constant(constant(&[3], 2)), &["image"], "conv");
    node(one("Relu"), &["conv"], "rectified");
    node(one("Flatten"), &["rectified"], "flat");
    node(OperatorSpec::new("Concat", 2).with_integer("axis", 1), &["flat", "numbers"], "joined");
    node(one("Gemm").with_integer("transB", 1).with_constant(constant(&[3, 14], 3)), &["joined"], "scores");
    network.input("image", [samples, Some(2), Some(4), Some(4)]).input("numbers", [samples, Some(2)]).output("scores");
    Explainer::new(&network.build().unwrap()).unwrap()
}

#[test]
fn what_fills_a_batch_up_is_in_no_map_and_no_ledger() {
    let (images, beside) = (numbers(&[5, 2, 4, 4], 7), numbers(&[5, 2], 8));
    let rules = COMPOSITES.iter().filter(|named| !["attention-rollout"].contains(&named.name));
    let rules = rules.filter_map(|named| Some(Attribution::from(Composite::named(named.name).ok()?)));
    let methods = ["integrated-gradients=5", "smooth-grad=3", "input-x-gradient"];
    let methods = methods.map(|name| Attribution::from(name.parse::<Method>().unwrap()));
    let range = InputRange::new(ArrayD::from_elem(vec![], -1.0), ArrayD::from_elem(vec![], 1.0)).unwrap();
    for attribution in rules.chain(methods) {
        let attribution = match attribution {
            Attribution::Rules(composite) => Attribution::Rules(composite.with_input_range(&range)),
            method => method,
        };
        let explain = |samples: Option<usize>| {
            let explainer = two_inputs(samples);
            let forward = explainer.forward_all(&[images.view(), beside.view()]).unwrap();
            let each = Target::Each(vec![0, 1, 2, 1, 0]);
            let explained = attribution.explain(&forward, &attribution.initial(each).into()).unwrap();
            (forward.scores(), explained)
        };
        let (scores, alone) = explain(None);
        for fixed in [1, 2, 3, 5, 8] {
            let (filled_scores, filled) = explain(Some(fixed));
            same_map(&scores, &filled_scores, "scores");
            for (one, other) in alone.relevance.iter().zip(&filled.relevance) {
                same_map(one, other, &format!("{attribution:?}, {fixed} at a time"));
            }
            assert_eq!(filled.ledgers.len(), 5usize.div_ceil(fixed));
            let total = |explained: &Explained<f64>| {
                let entries = explained.ledgers.iter().map(Ledger::total);
                entries.fold((Amount::default(), Amount::default()), |(mut upper, mut lower), entry| {
                    upper += entry.upper;
                    lower += entry.lower;
                    (upper, lower)
                })
            };
            let ((upper, lower), (filled_upper, filled_lower)) = (total(&alone), total(&filled));
            close(upper, filled_upper, "given out");
            close(lower, filled_lower, "arrived");
        }
    }
}

#[test]
fn samples_that_depend_on_one_another_can_not_be_filled_up() {
    let mean = operations::read(&OperatorSpec::new("ReduceMean", 1).with_constant_integers([0])).unwrap().operation;
    let add = operations::read(&OperatorSpec::new("Add", 2)).unwrap().operation;
    let mut network = NetworkBuilder::new();
    network.input("x", [Some(4), Some(3)]).node("mean", mean, ["x"], "m").node("add", add, ["x", "m"], "y").output("y");
    let explainer = Explainer::<f64>::new(&network.build().unwrap()).unwrap();
    let explain = |samples: usize| {
        let forward = explainer.forward(numbers(&[samples, 3], 9).view()).unwrap();
        forward.explain(&Composite::named("figure-12").unwrap(), &Initial::Score(Target::Class(0)).into())
    };
    let message = explain(3).unwrap_err().to_string();
    assert!(message.contains("depend on the others") && message.contains("a multiple of 4"), "{message}");
    assert_eq!(explain(8).unwrap().relevance[0].shape(), [8, 3]);
}

#[test]
fn inputs_that_reach_the_explained_output_are_known() {
    let relu = || operations::read(&OperatorSpec::<f64>::new("Relu", 1)).unwrap().operation;
    let mut network = NetworkBuilder::new();
    network.input("a", [None, Some(3)]).input("b", [None, Some(3)]);
    network.node("one", relu(), ["a"], "y").node("other", relu(), ["b"], "z").output("y").output("z");
    let explainer = Explainer::new(&network.build().unwrap()).unwrap();
    assert_eq!(explainer.reaching_inputs(), [0]);
    assert_eq!(explainer.with_output("z").unwrap().reaching_inputs(), [1]);
    assert_eq!(two_inputs(None).reaching_inputs(), [0, 1]);
}
