//! The fully connected layer against plain loops.

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD, array};
use proptest::prelude::*;

use super::Dense;
use crate::operation::OperatorSpec;
use crate::operations::read;
use crate::operations::testing::{assert_close, check_gradient, numbers};
use crate::{LinearMap, Operation, WeightPart};

const PARTS: [WeightPart; 7] = [
    WeightPart::All,
    WeightPart::Positive,
    WeightPart::Negative,
    WeightPart::Ones,
    WeightPart::Squared,
    WeightPart::FavorPositive(0.25),
    WeightPart::FavorNegative(0.5),
];

fn matrix(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    numbers(&[rows, columns], seed).into_dimensionality().unwrap()
}

fn layer(outputs: usize, inputs: usize) -> Dense<f64> {
    Dense::new(matrix(outputs, inputs, 1), Some(Array1::from_iter(numbers(&[outputs], 2)))).unwrap()
}

/// `Σ_i w_ij x_i` in plain loops.
fn slow(part: WeightPart, weights: &Array2<f64>, input: &Array2<f64>) -> Array2<f64> {
    Array2::from_shape_fn((input.nrows(), weights.nrows()), |(sample, output)| {
        (0..weights.ncols()).map(|i| part.of(weights[[output, i]]) * input[[sample, i]]).sum()
    })
}

/// Sizes on either side of each block: samples, inputs, outputs.
const SIZES: [[usize; 3]; 9] = [
    [1, 1, 1],
    [1, 19, 100],
    [3, 1, 3],
    [4, 4099, 33],
    [5, 1023, 1],
    [19, 600, 257],
    [2, 8200, 3],
    [6, 300, 65],
    [0, 3, 2],
];

#[test]
fn weights_of_columns_are_those_of_rows() {
    for [_, inputs, outputs] in SIZES {
        let rows = matrix(outputs, inputs, 3);
        let columns = Arc::new(rows.t().to_owned().into_dyn());
        for (spec, scale) in [
            (OperatorSpec::new("MatMul", 1), 1.0),
            (OperatorSpec::new("Gemm", 1), 1.0),
            (OperatorSpec::new("Gemm", 1).with_real("alpha", 0.5), 0.5),
        ] {
            let layer = read(&spec.with_constant(Arc::clone(&columns))).unwrap().operation;
            let weights = layer.to_spec().required_constant(1, "weights").unwrap();
            assert_eq!(*weights, (&rows * scale).into_dyn());
        }
        assert_eq!(Arc::strong_count(&columns), 1);
    }
}

#[test]
fn each_part_of_the_weights_is_what_the_loops_say_in_both_directions() {
    for [samples, inputs, outputs] in SIZES {
        let layer = layer(outputs, inputs);
        let weights = matrix(outputs, inputs, 1);
        let (input, message) = (matrix(samples, inputs, 3), matrix(samples, outputs, 4));
        for (part, output) in PARTS.iter().zip(layer.apply(&PARTS, input.view().into_dyn())) {
            let expected = slow(*part, &weights, &input).into_dyn();
            assert_close(output.view(), expected.view(), &format!("{part:?} {samples} {inputs} {outputs}"));
        }
        let messages = PARTS.map(|part| (part, message.view().into_dyn()));
        let transposed = weights.t().to_owned();
        let expected = PARTS.map(|part| slow(part, &transposed, &message));
        let expected = expected.iter().fold(Array2::zeros(input.raw_dim()), |sum, part| sum + part).into_dyn();
        let lower = layer.transposed(&messages, input.shape());
        assert_close(lower.view(), expected.view(), &format!("{samples} {inputs} {outputs}"));
    }
}

#[test]
fn outputs_without_a_message_hand_nothing_down() {
    let layer = layer(5, 2000);
    let mut message = ArrayD::zeros(vec![2, 5]);
    message[[0, 3]] = 2.0;
    let lower = layer.transposed(&[(WeightPart::All, message.view())], &[2, 2000]);
    for ((place, lower), _) in lower.indexed_iter().zip(0..) {
        let expected = if place[0] == 0 { 2.0 * matrix(5, 2000, 1)[[3, place[1]]] } else { 0.0 };
        assert_eq!(*lower, expected);
    }
}

proptest! {
    #[test]
    fn the_way_back_is_the_adjoint_for_each_part_of_the_weights(
        samples in 1..8usize, inputs in 1..70usize, outputs in 1..40usize, seed in any::<u64>(),
    ) {
        let layer = layer(outputs, inputs);
        let (a, s) = (numbers(&[samples, inputs], seed), numbers(&[samples, outputs], !seed));
        for part in PARTS {
            let forward = (&layer.apply(&[part], a.view())[0] * &s).sum();
            let back = (layer.transposed(&[(part, s.view())], a.shape()) * &a).sum();
            prop_assert!((forward - back).abs() < 1e-11 * (1.0 + a.len() as f64 * s.len() as f64), "{part:?}");
        }
    }
}

#[test]
fn the_gradient_is_that_of_finite_differences() {
    check_gradient(&layer(3, 4), &[numbers(&[2, 4], 5)]);
}

#[test]
fn axes_before_the_last_are_samples() {
    let layer = layer(3, 4);
    for shape in [&[4][..], &[2, 4], &[2, 3, 4], &[2, 1, 3, 4]] {
        let input = numbers(shape, 5);
        let output = layer.forward(&[input.view()]);
        assert_eq!(output.shape(), layer.output_shape(&[shape]).unwrap());
        let rows = input.to_shape((input.len() / 4, 4)).unwrap().to_owned().into_dyn();
        assert_eq!(Vec::from_iter(layer.forward(&[rows.view()])), Vec::from_iter(output.clone()));
        assert_eq!(layer.transposed(&[(WeightPart::All, output.view())], shape).shape(), shape);
    }
}

#[test]
fn every_number_of_threads_gives_the_same_bytes() {
    let layer = layer(300, 1500);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            [3, 7].map(|samples| {
                let output = layer.forward(&[numbers(&[samples, 1500], 3).view()]);
                (layer.transposed(&[(WeightPart::Positive, output.view())], &[samples, 1500]), output)
            })
        })
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn a_layer_followed_by_scale_and_shift_is_one_layer() {
    let layer = layer(3, 4);
    let (input, scale, shift) = (numbers(&[2, 4], 5), numbers(&[3], 6), numbers(&[3], 7));
    let both = layer.followed_by(&Vec::from_iter(scale.clone()), &Vec::from_iter(shift.clone())).unwrap();
    let expected = layer.forward(&[input.view()]) * scale + shift;
    assert_close(both.forward(&[input.view()]).view(), expected.view(), "followed by");
    assert!(layer.followed_by(&[1.0], &[0.0]).is_none());
}

fn gemm(weights: ArrayD<f64>) -> OperatorSpec<f64> {
    OperatorSpec::new("Gemm", 1).with_constant(Arc::new(weights))
}

#[test]
fn a_definition_says_how_the_weights_stand_and_what_they_are_multiplied_with() {
    let x = array![[1.0, 2.0]].into_dyn();
    let run = |spec: OperatorSpec<f64>| read(&spec).unwrap().operation.forward(&[x.view()]);
    let (as_used, as_stored) = (array![[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]], array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    let plain = array![[5.0, 11.0, 17.0]].into_dyn();
    assert_eq!(run(gemm(as_used.clone().into_dyn())), plain);
    assert_eq!(run(gemm(as_stored.clone().into_dyn()).with_integer("transB", 1)), plain);
    let scaled = gemm(as_used.into_dyn()).with_real("alpha", 0.5).with_real("beta", 2.0);
    for bias in [array![3.0].into_dyn(), array![[3.0]].into_dyn(), ndarray::arr0(3.0).into_dyn()] {
        assert_eq!(run(scaled.clone().with_constant(Arc::new(bias))), &plain * 0.5 + 6.0);
    }
    for bias in [array![1.0, 2.0, 3.0].into_dyn(), array![[1.0, 2.0, 3.0]].into_dyn()] {
        let expected = &plain * 0.5 + array![2.0, 4.0, 6.0];
        assert_eq!(run(scaled.clone().with_constant(Arc::new(bias))), expected.into_dyn());
    }
    let read_back = read(&gemm(as_stored.into_dyn()).with_integer("transB", 1)).unwrap().operation.to_spec();
    assert_eq!(read(&read_back).unwrap().operation.to_spec(), read_back);
}

#[test]
fn what_can_not_be_is_refused_in_words() {
    let weights = || numbers(&[2, 3], 1);
    for (spec, words) in [
        (gemm(weights()).with_integer("transA", 1), "transA of 1"),
        (gemm(numbers(&[2, 3, 1], 1)), "a matrix"),
        (gemm(weights()).with_constant(Arc::new(numbers(&[2], 1))), "one number for each of the 3 outputs"),
        (gemm(weights()).with_constant(Arc::new(numbers(&[3, 1], 1))), "shape [3, 1]"),
        (OperatorSpec::new("Gemm", 2), "needs its weights as a constant"),
        (OperatorSpec::new("Gemm", 1), "has no weights"),
    ] {
        let message = read(&spec).unwrap_err().to_string();
        assert!(message.contains(words), "{message:?} should say {words:?}");
    }
    assert!(Dense::new(matrix(2, 3, 1), Some(array![1.0])).unwrap_err().to_string().contains("2 outputs"));
    let layer = layer(2, 3);
    for shapes in [&[&[4, 2][..]][..], &[], &[&[]], &[&[1, 3], &[1, 3]]] {
        assert!(layer.output_shape(shapes).unwrap_err().to_string().contains("length 3"), "{shapes:?}");
    }
}
