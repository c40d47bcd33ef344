//! The products of a fully connected layer.
//!
//! For a few samples, each weight is read for a handful of multiplications: then memory is what limits, and the weights
//! are read once for all parts and samples, their parts computed on the way. For many samples it is a matrix product.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, CowArray, Ix2};
use rayon::prelude::*;

use crate::Real;
use crate::linear::{WeightPart, Weights};
use crate::matrix_product::{Onto, matrix_product};

/// So many samples are few.
const FEW_SAMPLES: usize = 4;

/// How many outputs, or inputs on the way back, one task computes for many samples.
const BLOCK: usize = 256;

/// How many outputs one task computes for a few samples.
const FEW_OUTPUTS: usize = 32;

/// How many weights of a row are looked at at a time: what stays in the first-level cache, with as much of the samples.
const PIECE: usize = 1024;

/// How many sums a dot product is kept in, so that they can be formed side by side.
const LANES: usize = 16;

/// What goes back to the input: a part of the weights, and a row for each sample.
pub type Message<'a, F> = (WeightPart, CowArray<'a, F, Ix2>);

/// `W_p x` for each part and row `x` of the samples.
pub fn apply<F: Real>(weights: &Weights<F>, parts: &[WeightPart], samples: ArrayView2<'_, F>) -> Vec<Array2<F>> {
    if samples.nrows() <= FEW_SAMPLES {
        return apply_to_few(weights.rows(), parts, samples);
    }
    let product = |part: &WeightPart| {
        let weights = weights.part(*part);
        let mut output = Array2::zeros((samples.nrows(), weights.nrows()));
        let blocks = output.axis_chunks_iter_mut(Axis(1), BLOCK).into_par_iter();
        blocks.zip(weights.axis_chunks_iter(Axis(0), BLOCK)).for_each(|(output, rows)| {
            matrix_product(samples, rows.reversed_axes(), output, Onto::Nothing);
        });
        output
    };
    parts.iter().map(product).collect()
}

fn apply_to_few<F: Real>(
    weights: ArrayView2<'_, F>,
    parts: &[WeightPart],
    samples: ArrayView2<'_, F>,
) -> Vec<Array2<F>> {
    let ((outputs, inputs), count) = (weights.dim(), samples.nrows());
    // A row for each output, (part, sample) within it, so that a task's outputs stand together.
    let mut sums = vec![F::zero(); outputs * parts.len() * count];
    if !sums.is_empty() && inputs > 0 {
        let rows = numbers(weights).par_chunks(FEW_OUTPUTS * inputs);
        let tasks = sums.par_chunks_mut(FEW_OUTPUTS * parts.len() * count).zip(rows);
        tasks.for_each(|(sums, rows)| {
            for (sums, row) in sums.chunks_exact_mut(parts.len() * count).zip(rows.chunks_exact(inputs)) {
                dot_products(row, parts, samples, sums);
            }
        });
    }
    let of_part = |part: usize| {
        Array2::from_shape_fn((count, outputs), |(sample, output)| sums[(output * parts.len() + part) * count + sample])
    };
    (0..parts.len()).map(of_part).collect()
}

/// The dot products of each part of one row of weights with each sample.
fn dot_products<F: Real>(row: &[F], parts: &[WeightPart], samples: ArrayView2<'_, F>, sums: &mut [F]) {
    let mut buffer = [F::zero(); PIECE];
    for (position, piece) in row.chunks(PIECE).enumerate() {
        for (part, sums) in parts.iter().zip(sums.chunks_exact_mut(samples.nrows())) {
            let piece = part_of(*part, piece, &mut buffer);
            for (sum, sample) in sums.iter_mut().zip(numbers(samples).chunks_exact(row.len())) {
                *sum += dot(piece, &sample[position * PIECE..][..piece.len()]);
            }
        }
    }
}

/// `Σ_p W_pᵀ s_p` for messages of one row for each sample.
pub fn transposed<F: Real>(weights: &Weights<F>, messages: &[Message<'_, F>], samples: usize) -> Array2<F> {
    let mut lower = Array2::zeros((samples, weights.rows().ncols()));
    if samples <= FEW_SAMPLES {
        let pieces = lower.axis_chunks_iter_mut(Axis(1), PIECE).into_par_iter().enumerate();
        pieces.for_each(|(position, lower)| transposed_piece(weights.rows(), messages, position * PIECE, lower));
        return lower;
    }
    for (part, rows) in messages {
        let weights = weights.part(*part);
        let blocks = lower.axis_chunks_iter_mut(Axis(1), BLOCK).into_par_iter();
        blocks.zip(weights.axis_chunks_iter(Axis(1), BLOCK)).for_each(|(lower, weights)| {
            matrix_product(rows.view(), weights, lower, Onto::Sum);
        });
    }
    lower
}

/// `Σ_p W_pᵀ s_p` at the inputs from `first` on, as many as `lower` has columns. Outputs whose message is 0, often all but
/// one, are passed over.
fn transposed_piece<F: Real>(
    weights: ArrayView2<'_, F>,
    messages: &[Message<'_, F>],
    first: usize,
    mut lower: ArrayViewMut2<'_, F>,
) {
    let mut buffer = [F::zero(); PIECE];
    for (output, row) in numbers(weights).chunks_exact(weights.ncols()).enumerate() {
        for (part, message) in messages {
            let message = message.column(output);
            if message.iter().all(|&s| s == F::zero()) {
                continue;
            }
            let piece = part_of(*part, &row[first..first + lower.ncols()], &mut buffer);
            for (mut lower, &s) in lower.rows_mut().into_iter().zip(message) {
                for (lower, &weight) in lower.iter_mut().zip(piece) {
                    *lower += s * weight;
                }
            }
        }
    }
}

/// The numbers of rows that lie one after the other.
fn numbers<'a, F>(rows: ArrayView2<'a, F>) -> &'a [F] {
    rows.to_slice().unwrap_or_else(|| unreachable!("the standard layout"))
}

/// A part of some weights, computed into the buffer where it is not the weights themselves.
fn part_of<'a, F: Real>(part: WeightPart, weights: &'a [F], buffer: &'a mut [F; PIECE]) -> &'a [F] {
    if part == WeightPart::All {
        return weights;
    }
    let buffer = &mut buffer[..weights.len()];
    part.write(weights, buffer);
    buffer
}

/// `Σ_i a_i b_i`, in an order that depends on the length alone.
fn dot<F: Real>(a: &[F], b: &[F]) -> F {
    let mut lanes = [F::zero(); LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: F = a.remainder().iter().zip(b.remainder()).map(|(&a, &b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for (lane, (&a, &b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    lanes.iter().copied().sum::<F>() + rest
}
