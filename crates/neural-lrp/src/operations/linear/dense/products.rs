//! The products of a fully connected layer, block by block.
//!
//! For a few samples, each weight is read for a handful of multiplications, and memory is what limits: a block of weights
//! is read once for all parts and samples, its parts computed on the way.

use ndarray::{Array2, Array3, ArrayView2, Axis, CowArray, Ix2, s};
use rayon::prelude::*;

use crate::Real;
use crate::arrays::products::{Onto, matrix_product};
use crate::operation::linear::{WeightPart, Weights};

/// How many weights are in a block: what stays in the second-level cache while it is multiplied.
const BLOCK: usize = 1 << 17;

/// How many outputs a block has where there are many samples.
const BLOCK_OUTPUTS: usize = 256;

/// The largest product which is formed by dot products, without rearranging the weights first.
const SMALL_PRODUCT: usize = 256;

/// How many inputs a block has on the way back.
const BLOCK_INPUTS: usize = 4096;

/// What goes back to the input: a part of the weights, and a row for each sample.
pub type Message<'a, F> = (WeightPart, CowArray<'a, F, Ix2>);

/// `W_p x` for each part and row `x` of the samples.
pub fn apply<F: Real>(weights: &Weights<F>, parts: &[WeightPart], samples: ArrayView2<'_, F>) -> Vec<Array2<F>> {
    let weights = weights.rows();
    let outputs = match SMALL_PRODUCT / samples.nrows().max(1) {
        few @ 16.. => few.min(BLOCK_OUTPUTS / 8),
        _ => BLOCK_OUTPUTS,
    };
    let inputs = BLOCK / outputs;
    let mut products = Array3::zeros((parts.len(), samples.nrows(), weights.nrows()));
    let tasks = products.axis_chunks_iter_mut(Axis(2), outputs).into_par_iter();
    let tasks = tasks.zip(weights.axis_chunks_iter(Axis(0), outputs));
    tasks.for_each_init(Vec::new, |buffer, (mut products, weights)| {
        for (weights, samples) in
            weights.axis_chunks_iter(Axis(1), inputs).zip(samples.axis_chunks_iter(Axis(1), inputs))
        {
            for (part, product) in parts.iter().zip(products.outer_iter_mut()) {
                matrix_product(samples, part_of(*part, weights.reborrow(), buffer).reversed_axes(), product, Onto::Sum);
            }
        }
    });
    products.outer_iter().map(|product| product.to_owned()).collect()
}

/// `Σ_p W_pᵀ s_p` for messages of one row for each sample. Blocks of outputs whose messages are 0 are passed over: at a
/// network's end often all but one.
pub fn transposed<F: Real>(weights: &Weights<F>, messages: &[Message<'_, F>], samples: usize) -> Array2<F> {
    let weights = weights.rows();
    let outputs = BLOCK / BLOCK_INPUTS;
    let mut lower = Array2::zeros((samples, weights.ncols()));
    let tasks = lower.axis_chunks_iter_mut(Axis(1), BLOCK_INPUTS).into_par_iter();
    let tasks = tasks.zip(weights.axis_chunks_iter(Axis(1), BLOCK_INPUTS));
    tasks.for_each_init(Vec::new, |buffer, (mut lower, weights)| {
        for (position, weights) in weights.axis_chunks_iter(Axis(0), outputs).enumerate() {
            let first = position * outputs;
            for (part, rows) in messages {
                let rows = rows.slice(s![.., first..first + weights.nrows()]);
                if rows.iter().any(|&s| s != F::zero()) {
                    matrix_product(rows, part_of(*part, weights.reborrow(), buffer), lower.view_mut(), Onto::Sum);
                }
            }
        }
    });
    lower
}

/// A part of a block of weights, computed into the buffer where it is not the weights themselves.
fn part_of<'a, F: Real>(part: WeightPart, weights: ArrayView2<'a, F>, buffer: &'a mut Vec<F>) -> ArrayView2<'a, F> {
    if part == WeightPart::All {
        return weights;
    }
    buffer.resize(weights.len(), F::zero());
    for (row, parts) in weights.rows().into_iter().zip(buffer.chunks_exact_mut(weights.ncols())) {
        match row.to_slice() {
            Some(row) => part.write(row, parts),
            None => unreachable!("rows of the standard layout"),
        }
    }
    ArrayView2::from_shape(weights.raw_dim(), buffer).unwrap_or_else(|_| unreachable!("it has just been made as long"))
}
