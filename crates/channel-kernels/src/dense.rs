//! Fully connected layers, forward and transposed, over weights as they lie.
use crate::Instructions;
use crate::convolution::{Lower, LowerProduct, QuotientStream, StepSums, Stream};
use crate::matrix::{Begin, Matrix, Sum, Term};
use crate::rows::{Booked, Pixels, Quotient, Source, Spread};
use crate::run::in_order;
use crate::scratch::Scratch;
use crate::sums::Amount;
use crate::tasks::Output;
use crate::weights::WeightPart;

mod along_rows;
mod down_columns;
mod lower;
#[cfg(test)]
mod tests;

use along_rows::AlongRows;
use down_columns::DownColumns;
use lower::Lowering;

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
/// use channel_kernels::{Dense, Lower, Order, Stream, Take};
///
/// let dense = Dense::new(&[1.0, 2.0, -3.0, 4.0, 0.0, 1.0], 2, 3, Order::OutputsFirst);
/// let mut z = [0.0; 2];
/// let stream = Stream { values: &[1.0, 1.0, 2.0], take: Take::All, part: None };
/// dense.forward(1, &[stream], Some(&[0.5, 0.0]), &mut z);
/// assert_eq!(z, [-2.5, 6.0]);
/// let positive = |weights: &[f32], part: &mut [f32]| {
///     part.iter_mut().zip(weights).for_each(|(part, weight)| *part = weight.max(0.0));
/// };
/// let stream = Stream { values: &[1.0, 0.5], take: Take::All, part: Some(&positive) };
/// let mut c = [0.0; 3];
/// let sums = dense.transposed(1, &[stream], Lower::default(), &mut c);
/// assert_eq!(c, [3.0, 2.0, 0.5]);
/// assert_eq!(sums[0].total, 5.5);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a> {
    weights: &'a [f32],
    outputs: usize,
    inputs: usize,
    order: Order,
    instructions: Instructions,
}

/// An array as it is multiplied by a part of the weights: (samples, channels).
struct Part<'a> {
    values: &'a [f32],
    part: Option<&'a WeightPart>,
}

/// The arrays of streams, those that are made of others in scratch.
enum Values<'a> {
    There(&'a [f32]),
    Made(Scratch),
}

/// Up to as many samples, rows of weights are read where they lie. With more it pays to copy them to panels.
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
    pub fn forward(&self, samples: usize, streams: &[Stream<'_>], bias: Option<&[f32]>, output: &mut [f32]) {
        check("output", output.len(), samples, self.outputs);
        if let Some(bias) = bias {
            check("bias", bias.len(), 1, self.outputs);
        }
        let sources = arrays(streams, samples, self.inputs);
        let (values, _) = self.values(&sources, samples, self.inputs);
        let parts = parts(&values, streams.iter().map(|stream| stream.part));
        match self.order {
            Order::OutputsFirst => self.along_rows(samples, &parts, bias, output),
            Order::InputsFirst => self.down_columns(samples, &parts, bias, output),
        }
    }

    /// The way back, Σ W_pᵀ s_p over the streams at the layer's output, finished by `lower`; gives the sums of each
    /// sample before anything is added onto.
    ///
    /// # Panics
    /// When a slice has not as many numbers as its array.
    pub fn transposed(
        &self,
        samples: usize,
        streams: &[Stream<'_>],
        lower: Lower<'_>,
        output: &mut [f32],
    ) -> Vec<Amount> {
        self.check_lower(samples, lower, output);
        let sources = arrays(streams, samples, self.outputs);
        let (values, _) = self.values(&sources, samples, self.outputs);
        self.back(samples, &parts(&values, streams.iter().map(|stream| stream.part)), lower, output)
    }

    /// As [`transposed`](Self::transposed), of quotients; gives the sums of each sample.
    ///
    /// # Panics
    /// When a slice has not as many numbers as its array.
    pub fn quotient_transposed(
        &self,
        samples: usize,
        streams: &[QuotientStream<'_>],
        lower: Lower<'_>,
        output: &mut [f32],
    ) -> Vec<StepSums> {
        let quotients: Vec<Quotient<'_>> = streams.iter().map(|stream| stream.quotient).collect();
        let parts: Vec<_> = streams.iter().map(|stream| stream.part).collect();
        let product = LowerProduct { parts: &parts, times: lower.times };
        self.quotients_transposed(samples, &quotients, &[product], lower.onto, output)
    }

    /// As [`quotient_transposed`](Self::quotient_transposed), of several products that are added; each quotient is made
    /// once. See [`ConvolutionOver::quotients_transposed`](crate::ConvolutionOver::quotients_transposed).
    ///
    /// # Panics
    /// When a slice has not as many numbers as its array, when there is no product, or one that has not as many parts as
    /// there are quotients.
    pub fn quotients_transposed(
        &self,
        samples: usize,
        quotients: &[Quotient<'_>],
        products: &[LowerProduct<'_>],
        onto: bool,
        output: &mut [f32],
    ) -> Vec<StepSums> {
        assert!(!products.is_empty(), "at least one product");
        for quotient in quotients {
            check("relevance", quotient.relevance.len(), samples, self.outputs);
            check("denominator", quotient.denominator.len(), samples, self.outputs);
            if let Some(without) = quotient.without {
                check("positive part of the denominator", without.len(), samples, self.outputs);
            }
            if let Some(bias) = quotient.bias {
                check("bias", bias.len(), 1, self.outputs);
            }
        }
        let sources: Vec<Source<'_>> = quotients.iter().map(Source::Quotient).collect();
        let (values, booked) = self.values(&sources, samples, self.outputs);
        let mut sums = vec![Amount::default(); samples];
        for (index, product) in products.iter().enumerate() {
            assert_eq!(product.parts.len(), quotients.len(), "parts of the weights for the quotients");
            let lower = Lower { times: product.times, onto: onto || index > 0 };
            self.check_lower(samples, lower, output);
            let of_product = self.back(samples, &parts(&values, product.parts.iter().copied()), lower, output);
            sums.iter_mut().zip(of_product).for_each(|(sum, of_product)| *sum += of_product);
        }
        let of_sample =
            |(sample, lower)| StepSums { lower, booked: booked.iter().map(|booked| booked[sample]).collect() };
        sums.into_iter().enumerate().map(of_sample).collect()
    }

    fn check_lower(&self, samples: usize, lower: Lower<'_>, output: &[f32]) {
        check("output", output.len(), samples, self.inputs);
        if let Some((times, _)) = lower.times {
            check("factor", times.len(), samples, self.inputs);
        }
    }

    /// The numbers of streams, and what each books of each sample.
    fn values<'s>(
        &self,
        sources: &[Source<'s>],
        samples: usize,
        channels: usize,
    ) -> (Vec<Values<'s>>, Vec<Vec<Booked>>) {
        let made = |source: &Source<'s>| {
            if let Some(values) = source.unchanged() {
                return (Values::There(values), Vec::new());
            }
            let mut values = Scratch::take(samples * channels);
            let to = Output::new(&mut values);
            let booked = in_order(samples, |sample| {
                let pixels = Pixels { first: sample, count: 1, channels, chosen: 0..channels };
                let spread = Spread { pixel: channels, vector: self.instructions.lanes() };
                // SAFETY: the sample's numbers, which are this task's alone.
                let to = unsafe { std::slice::from_raw_parts_mut(to.at(sample * channels), channels) };
                source.fill(self.instructions, &pixels, spread, to)
            });
            (Values::Made(values), booked)
        };
        sources.iter().map(made).unzip()
    }

    /// The way back from numbers at the output.
    fn back(&self, samples: usize, parts: &[Part<'_>], lower: Lower<'_>, output: &mut [f32]) -> Vec<Amount> {
        let mut apart = lower.onto.then(|| Scratch::take(output.len()));
        let sums = apart.as_deref_mut().unwrap_or(output);
        match self.order {
            Order::OutputsFirst => self.down_columns(samples, parts, None, sums),
            Order::InputsFirst => self.along_rows(samples, parts, None, sums),
        }
        let (apart, inputs) = (apart.as_deref(), self.inputs);
        let output = Output::new(output);
        in_order(samples, |sample| {
            let places = sample * inputs..(sample + 1) * inputs;
            self.instructions.run(Lowering {
                sums: apart.map(|sums| &sums[places.clone()]),
                times: lower.times.map(|(times, take)| (&times[places.clone()], take)),
                onto: lower.onto,
                // SAFETY: the sample's numbers, which are this task's alone.
                output: unsafe { std::slice::from_raw_parts_mut(output.at(places.start), inputs) },
            })
        })
    }

    /// Rows of the array of weights, and numbers of a row.
    fn size(&self) -> (usize, usize) {
        match self.order {
            Order::OutputsFirst => (self.outputs, self.inputs),
            Order::InputsFirst => (self.inputs, self.outputs),
        }
    }

    /// Σ part(W) x: a number for each row.
    fn along_rows(&self, samples: usize, parts: &[Part<'_>], bias: Option<&[f32]>, output: &mut [f32]) {
        let (rows, columns) = self.size();
        let output = Output::new(output);
        if samples <= FEW {
            let task = |index: usize| {
                let rows = index * TASK_ROWS..rows.min((index + 1) * TASK_ROWS);
                let dense = AlongRows { dense: self, rows, columns, samples, parts, bias, output };
                self.instructions.run(dense);
            };
            in_order(rows.div_ceil(TASK_ROWS), task);
            return;
        }
        let b = Matrix { values: self.weights, row: 1, column: columns };
        let terms: Vec<Term<'_>> = parts
            .iter()
            .map(|stream| Term {
                a: Matrix { values: stream.values, row: columns, column: 1 },
                b,
                rows: None,
                depth: columns,
                part: stream.part,
            })
            .collect();
        let sum = Sum { rows: samples, columns: rows, begin: begin(bias), output_row: rows };
        in_order(sum.blocks(), |block| sum.make(self.instructions, &terms, output, block));
    }

    /// Σ part(W)ᵀ s: a number for each column.
    fn down_columns(&self, samples: usize, parts: &[Part<'_>], bias: Option<&[f32]>, output: &mut [f32]) {
        let (rows, columns) = self.size();
        let output = Output::new(output);
        let active: Vec<Active> = parts.iter().map(|stream| Active::new(stream.values, samples, rows)).collect();
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
                    parts,
                    active: &active,
                    bias,
                    output,
                });
            };
            in_order(blocks.count(), task);
            return;
        }
        let b = Matrix { values: self.weights, row: columns, column: 1 };
        let terms: Vec<Term<'_>> = parts
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
        let sum = Sum { rows: samples, columns, begin: begin(bias), output_row: columns };
        in_order(sum.blocks(), |block| sum.make(self.instructions, &terms, output, block));
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
        let counts = |row: &usize| (0..samples).any(|sample| counts(values[sample * rows + row]));
        let active: Vec<usize> = (0..rows).filter(counts).collect();
        let factors =
            (0..samples).flat_map(|sample| active.iter().map(move |row| values[sample * rows + row])).collect();
        Self { rows: active, factors }
    }
}

/// Whether kernels take a number for something else than zero, in whatever mode this thread is.
fn counts(x: f32) -> bool {
    x.to_bits() & !(1 << 31) >= f32::MIN_POSITIVE.to_bits()
}

fn check(what: &str, length: usize, samples: usize, channels: usize) {
    assert_eq!(Some(length), samples.checked_mul(channels), "numbers of the {what}: {samples} × {channels}");
}

/// The streams' arrays, with what is taken of them.
fn arrays<'a>(streams: &[Stream<'a>], samples: usize, channels: usize) -> Vec<Source<'a>> {
    let array = |stream: &Stream<'a>| {
        check("stream", stream.values.len(), samples, channels);
        Source::Array(stream.values, stream.take)
    };
    streams.iter().map(array).collect()
}

/// The numbers of streams with the part of the weights that they are multiplied by.
fn parts<'a>(values: &'a [Values<'a>], parts: impl Iterator<Item = Option<&'a WeightPart>>) -> Vec<Part<'a>> {
    let values = values.iter().map(|values| match values {
        Values::There(values) => *values,
        Values::Made(values) => values,
    });
    values.zip(parts).map(|(values, part)| Part { values, part }).collect()
}

fn begin(bias: Option<&[f32]>) -> Begin<'_> {
    bias.map_or(Begin::Zero, Begin::Bias)
}
