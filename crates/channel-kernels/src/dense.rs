//! Fully connected layers, forward and transposed, over weights as they lie.
use crate::Instructions;
use crate::matrix::{Finish, Matrix, Sum, Term};
use crate::tasks::{Output, for_each};
use crate::weight_part::WeightPart;

mod along_rows;
mod down_columns;
#[cfg(test)]
mod tests;

use along_rows::AlongRows;
use down_columns::DownColumns;

/// How the weights of a fully connected layer lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `[outputs][inputs]`
    OutputsFirst,
    /// `[inputs][outputs]`
    InputsFirst,
}

/// A fully connected layer: the caller's weights, which are neither copied nor packed.
///
/// ```text
/// forward      z_o = Σ_p Σ_c part_p(w)_oc a_pc + b_o
/// transposed   R_c = a_c · Σ_p Σ_o part_p(w)_oc s_po
/// ```
/// # Zeros
/// Sums that run over rows of the array of weights (transposed with [`Order::OutputsFirst`], forward with
/// [`Order::InputsFirst`]) leave out rows that are taken times zero in all samples. Weights that are infinite or not a
/// number don't show in such a sum, where a plain loop has 0 · ∞. All else is as in plain loops.
///
/// ```
/// use channel_kernels::{Dense, DenseLower, DenseStream, Order};
///
/// let dense = Dense::new(&[1.0, 2.0, -3.0, 4.0, 0.0, 1.0], 2, 3, Order::OutputsFirst);
/// let mut z = [0.0; 2];
/// dense.forward(1, &[DenseStream::whole(&[1.0, 1.0, 2.0])], Some(&[0.5, 0.0]), &mut z);
/// assert_eq!(z, [-2.5, 6.0]);
/// let positive = |weights: &[f32], part: &mut [f32]| {
///     part.iter_mut().zip(weights).for_each(|(part, weight)| *part = weight.max(0.0));
/// };
/// let stream = DenseStream { values: &[1.0, 0.5], part: Some(&positive) };
/// let mut c = [0.0; 3];
/// dense.transposed(1, &[stream], DenseLower::default(), &mut c);
/// assert_eq!(c, [3.0, 2.0, 0.5]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a> {
    weights: &'a [f32],
    outputs: usize,
    inputs: usize,
    order: Order,
    instructions: Instructions,
}

/// An array, and the part of the weights that it is multiplied by.
#[derive(Clone, Copy)]
pub struct DenseStream<'a> {
    /// (samples, channels)
    pub values: &'a [f32],
    /// The part of each weight; without one the weights act as they are.
    pub part: Option<&'a WeightPart>,
}

impl<'a> DenseStream<'a> {
    /// An array that is multiplied by the weights as they are.
    pub fn whole(values: &'a [f32]) -> Self {
        Self { values, part: None }
    }
}

/// What is done to sums on the way back before they are written: `a ⊙ sum`, or that onto what is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct DenseLower<'a> {
    /// a, like the output.
    pub times: Option<&'a [f32]>,
    /// Whether the numbers are added to those in the output.
    pub onto: bool,
}

/// Up to as many samples, sums along rows take rows where they lie, with lanes along the sum. With more it pays to turn
/// weights into panels.
const FEW: usize = 64;

/// Rows of weights of a task.
const TASK_ROWS: usize = 64;

impl<'a> Dense<'a> {
    /// A layer by the [current](Instructions::current) instruction set.
    ///
    /// # Panics
    /// When there are not `outputs` × `inputs` weights.
    pub fn new(weights: &'a [f32], outputs: usize, inputs: usize, order: Order) -> Self {
        assert_eq!(Some(weights.len()), outputs.checked_mul(inputs), "weights of {inputs} inputs, {outputs} outputs");
        Self { weights, outputs, inputs, order, instructions: Instructions::current() }
    }

    /// The same layer by an instruction set.
    pub fn by(self, instructions: Instructions) -> Self {
        Self { instructions, ..self }
    }

    /// The output of each sample, Σ W_p a_p over the streams, and the bias.
    ///
    /// # Panics
    /// When a slice has not as many numbers as its array.
    pub fn forward(&self, samples: usize, streams: &[DenseStream<'_>], bias: Option<&[f32]>, output: &mut [f32]) {
        check_streams(streams, samples, self.inputs);
        check("output", output.len(), samples, self.outputs);
        if let Some(bias) = bias {
            check("bias", bias.len(), 1, self.outputs);
        }
        let finish = Finish { bias, ..Finish::default() };
        match self.order {
            Order::OutputsFirst => self.along_rows(samples, streams, finish, output),
            Order::InputsFirst => self.down_columns(samples, streams, finish, output),
        }
    }

    /// The way back, Σ W_pᵀ s_p over the streams at the layer's output, finished by `lower`.
    ///
    /// # Panics
    /// When a slice has not as many numbers as its array.
    pub fn transposed(&self, samples: usize, streams: &[DenseStream<'_>], lower: DenseLower<'_>, output: &mut [f32]) {
        check_streams(streams, samples, self.outputs);
        check("output", output.len(), samples, self.inputs);
        if let Some(times) = lower.times {
            check("factor", times.len(), samples, self.inputs);
        }
        let finish = Finish { bias: None, times: lower.times, onto: lower.onto };
        match self.order {
            Order::OutputsFirst => self.down_columns(samples, streams, finish, output),
            Order::InputsFirst => self.along_rows(samples, streams, finish, output),
        }
    }

    /// Rows of the array of weights, and numbers of a row.
    fn size(&self) -> (usize, usize) {
        match self.order {
            Order::OutputsFirst => (self.outputs, self.inputs),
            Order::InputsFirst => (self.inputs, self.outputs),
        }
    }

    /// Σ part(W) x: a number for each row.
    fn along_rows(&self, samples: usize, streams: &[DenseStream<'_>], finish: Finish<'_>, output: &mut [f32]) {
        let (rows, columns) = self.size();
        let output = Output::new(output);
        if samples <= FEW {
            let task = |index: usize| {
                let rows = index * TASK_ROWS..rows.min((index + 1) * TASK_ROWS);
                let dense = AlongRows { dense: self, rows, columns, samples, streams, finish, output };
                self.instructions.run(dense);
            };
            for_each(rows.div_ceil(TASK_ROWS), task);
            return;
        }
        let b = Matrix { values: self.weights, row: 1, column: columns };
        let terms: Vec<Term<'_>> = streams
            .iter()
            .map(|stream| Term {
                a: Matrix { values: stream.values, row: columns, column: 1 },
                b,
                rows: None,
                depth: columns,
                part: stream.part,
            })
            .collect();
        let sum = Sum { rows: samples, columns: rows, finish, output_row: rows };
        for_each(sum.blocks(), |block| sum.make(self.instructions, &terms, output, block));
    }

    /// Σ part(W)ᵀ s: a number for each column.
    fn down_columns(&self, samples: usize, streams: &[DenseStream<'_>], finish: Finish<'_>, output: &mut [f32]) {
        let (rows, columns) = self.size();
        let output = Output::new(output);
        let active: Vec<Active> = streams.iter().map(|stream| Active::new(stream.values, samples, rows)).collect();
        if samples == 0 {
            return;
        }
        if samples <= FEW {
            let blocks = DownColumns::blocks(columns, samples);
            let task = |index: usize| {
                let columns = blocks.get(index);
                self.instructions.run(DownColumns {
                    dense: self,
                    columns,
                    samples,
                    streams,
                    active: &active,
                    finish,
                    output,
                });
            };
            for_each(blocks.count(), task);
            return;
        }
        let b = Matrix { values: self.weights, row: columns, column: 1 };
        let terms: Vec<Term<'_>> = streams
            .iter()
            .zip(&active)
            .map(|(stream, active)| Term {
                a: Matrix { values: &active.factors, row: active.rows.len(), column: 1 },
                b,
                rows: Some(&active.rows),
                depth: active.rows.len(),
                part: stream.part,
            })
            .collect();
        let sum = Sum { rows: samples, columns, finish, output_row: columns };
        for_each(sum.blocks(), |block| sum.make(self.instructions, &terms, output, block));
    }
}

/// The rows of weights that are taken times something in a sample.
struct Active {
    rows: Vec<usize>,
    /// What they are taken times: (samples, rows).
    factors: Vec<f32>,
}

impl Active {
    fn new(values: &[f32], samples: usize, rows: usize) -> Self {
        let nonzero = |row: &usize| (0..samples).any(|sample| values[sample * rows + row] != 0.0);
        let active: Vec<usize> = (0..rows).filter(nonzero).collect();
        let factors =
            (0..samples).flat_map(|sample| active.iter().map(move |row| values[sample * rows + row])).collect();
        Self { rows: active, factors }
    }
}

fn check(what: &str, length: usize, samples: usize, channels: usize) {
    assert_eq!(Some(length), samples.checked_mul(channels), "numbers of the {what}: {samples} × {channels}");
}

fn check_streams(streams: &[DenseStream<'_>], samples: usize, channels: usize) {
    for stream in streams {
        check("stream", stream.values.len(), samples, channels);
    }
}
