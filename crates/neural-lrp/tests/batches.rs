//! Samples that go through a network together get what they get alone, and a ledger each.

use std::sync::Arc;

use ndarray::ArrayD;
use neural_lrp::operation::OperatorSpec;
use neural_lrp::rules::InputRange;
use neural_lrp::{COMPOSITES, Composite, Explained, Explainer, Initial, NetworkBuilder, Question, Target, operations};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use relevance::{Amount, Ledger};

fn numbers(shape: &[usize], seed: u64) -> ArrayD<f64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(shape, || random.gen_range(-1.0..1.0))
}

/// A small network with a pool, a gate, a choice, maxima, running sums, a norm, and a sum with a constant.
fn explainer() -> Explainer<f64> {
    let constant = |shape: &[usize], seed| Arc::new(numbers(shape, seed));
    let one = |kind: &str| OperatorSpec::new(kind, 1);
    let mut network = NetworkBuilder::new();
    let mut node = |spec: OperatorSpec<f64>, operands: &[&str], output: &str| {
        let operation = operations::read(&spec).unwrap().operation;
        network.node(output, operation, operands.iter().map(|&operand| operand.to_owned()).collect::<Vec<_>>(), output);
    };
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
