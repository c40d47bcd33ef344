//! What the tests of operations have in common.

use ndarray::{ArrayD, ArrayViewD, IxDyn};
use relevance::Entry;

use crate::operation::{Operation, Redistribution, Step};

/// Numbers in [−1, 1) that look random: the same for the same `seed`.
pub(crate) fn numbers(shape: &[usize], seed: u64) -> ArrayD<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    })
}

/// The output of an operation, whose shape must be the one it promised.
pub(crate) fn forward(operation: &dyn Operation<f64>, operands: &[ArrayD<f64>]) -> ArrayD<f64> {
    let shapes: Vec<&[usize]> = operands.iter().map(ArrayD::shape).collect();
    let promised = operation.output_shape(&shapes).unwrap();
    let output = operation.forward(&operands.iter().map(ArrayD::view).collect::<Vec<_>>());
    assert_eq!(output.shape(), promised, "{operation:?} promised another shape");
    assert!(output.is_standard_layout(), "{operation:?} gives another layout than the standard one");
    output
}

/// One step of an operation.
pub(crate) fn step<'a>(operands: &'a [ArrayD<f64>], output: &'a ArrayD<f64>) -> Step<'a, f64> {
    Step { operands: operands.iter().map(ArrayD::view).collect(), output: output.view() }
}

/// The books of a step: the relevance that came, what all operands get of it, and where the rest went.
pub(crate) fn booked(upper: &ArrayD<f64>, handed: Redistribution<f64>) -> Entry {
    let entry = Entry::new("step", upper.iter().collect(), handed.lower.iter().flatten().collect());
    handed.sinks.unwrap().into_iter().fold(entry, |entry, (sink, amount)| entry.with_sink(sink, amount))
}

/// Compares `gradient` and `along_operands` to finite differences; at kinks the operands must keep off by 1e-3.
pub(crate) fn check_gradient(operation: &dyn Operation<f64>, operands: &[ArrayD<f64>]) {
    check_gradient_of(operation, operands, &(0..operands.len()).collect::<Vec<_>>());
}

/// As [`check_gradient`], of some operands; the others only say which way the numbers of these go, and have no slope.
pub(crate) fn check_gradient_of(operation: &dyn Operation<f64>, operands: &[ArrayD<f64>], varied: &[usize]) {
    let output = forward(operation, operands);
    let upper = numbers(output.shape(), 77);
    let step = step(operands, &output);

    let gradients = operation.gradient(&step, upper.view());
    assert_eq!(gradients.len(), operands.len(), "{operation:?}: one gradient for each operand");
    for (position, gradient) in gradients.iter().enumerate() {
        if !varied.contains(&position) {
            assert_eq!(gradient, ArrayD::zeros(operands[position].raw_dim()), "{operation:?}: operand {position}");
            continue;
        }
        let expected = ArrayD::from_shape_fn(operands[position].raw_dim(), |place| {
            let mut moved = operands.to_vec();
            let here = operands[position][&place];
            let numeric = difference(|t| {
                moved[position][&place] = here + t;
                forward(operation, &moved)
            });
            (&numeric * &upper).sum()
        });
        assert_close(gradient.view(), expected.view(), &format!("{operation:?}: gradient of operand {position}"));
        assert!(gradient.is_standard_layout(), "{operation:?}: a gradient in another layout than the standard one");
    }

    let expected = difference(|t| {
        let mut scaled = operands.to_vec();
        varied.iter().for_each(|&position| scaled[position] *= 1.0 + t);
        forward(operation, &scaled)
    });
    let along = operation.along_operands(&step);
    assert_close(along.view(), expected.view(), &format!("{operation:?}: along the operands"));
}

/// The derivative of `function` at 0 by a central difference of fourth order.
fn difference(mut function: impl FnMut(f64) -> ArrayD<f64>) -> ArrayD<f64> {
    let step = 2e-4;
    let mut central = |step: f64| (function(step) - function(-step)) / (2.0 * step);
    (central(step) * 4.0 - central(2.0 * step)) / 3.0
}

/// Two arrays that agree to 1e-8 of the larger of their largest number and one.
pub(crate) fn assert_close(found: ArrayViewD<'_, f64>, expected: ArrayViewD<'_, f64>, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}: shape");
    let scale = expected.iter().fold(1.0, |scale: f64, number| scale.max(number.abs()));
    for ((place, found), expected) in found.indexed_iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(error <= 1e-8 * scale, "{what}: {found} at {place:?}, expected {expected}");
    }
}

#[test]
fn the_check_accepts_a_true_gradient() {
    let layer = crate::operations::Dense::new(
        numbers(&[3, 5], 1).into_dimensionality().unwrap(),
        Some(numbers(&[3], 2).into_dimensionality().unwrap()),
    );
    check_gradient(&layer.unwrap(), &[numbers(&[2, 5], 3)]);
}
