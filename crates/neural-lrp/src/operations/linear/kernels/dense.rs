//! Fully connected layers of single precision.

use std::sync::Arc;

use channel_kernels::{Dense, Lower, Order as WeightOrder};
use ndarray::{Array1, ArrayD, ArrayViewD};

use crate::arrays::order::Order;
use crate::operation::kernel::{Booked, LinearKernel, Quotient, Stream, Take};
use crate::operation::linear::WeightPart;
use crate::operations::linear::kernels::single::{booked_of, messages_of, part_of, quotients_of, stream_of, take_of};
use crate::operations::linear::kernels::{LayerKernel, Rectified};

/// A layer over inputs of one shape, along the last axis; each position of the others is a row.
pub struct Over {
    weights: Arc<ArrayD<f32>>,
    inputs: usize,
    outputs: usize,
    leading: Vec<usize>,
}

impl Over {
    pub fn new(weights: &Arc<ArrayD<f32>>, input: &[usize]) -> Option<Self> {
        let &[outputs, inputs] = weights.shape() else { return None };
        let (_, leading) = input.split_last()?;
        let is_empty = leading.contains(&0) || outputs == 0 || inputs == 0;
        let is_row_major = weights.is_standard_layout() && !is_empty;
        is_row_major.then(|| Self { weights: Arc::clone(weights), inputs, outputs, leading: leading.to_vec() })
    }

    fn dense(&self) -> Dense<'_> {
        let weights = self.weights.as_slice().unwrap_or_else(|| unreachable!("the standard layout is a slice"));
        Dense::new(weights, self.outputs, self.inputs, WeightOrder::OutputsFirst)
    }

    fn rows(&self) -> usize {
        self.leading.iter().product()
    }

    /// Rows of so many numbers, as an array.
    fn array(&self, width: usize, numbers: Vec<f32>) -> ArrayD<f32> {
        Order::Standard.array(&[self.leading.as_slice(), &[width]].concat(), numbers)
    }

    fn forward(&self, streams: &[Stream<'_, f32>], bias: Option<&[f32]>) -> Vec<f32> {
        let mut output = vec![0.0; self.rows() * self.outputs];
        let parts: Vec<_> = streams.iter().map(|stream| part_of(stream.part)).collect();
        let streams: Vec<_> = streams.iter().zip(&parts).map(|(stream, part)| stream_of(stream, part)).collect();
        self.dense().forward(self.rows(), &streams, bias, &mut output);
        output
    }
}

impl LinearKernel<f32> for Over {
    fn order(&self) -> Order {
        Order::Standard
    }

    fn apply(&self, streams: &[Stream<'_, f32>], bias: Option<&[f32]>) -> ArrayD<f32> {
        self.array(self.outputs, self.forward(streams, bias))
    }

    fn hand_down(
        &self,
        quotients: &[Quotient<'_, f32>],
        times: Option<(&[f32], Take)>,
        onto: Option<ArrayD<f32>>,
    ) -> (ArrayD<f32>, Vec<Vec<Booked>>) {
        let parts: Vec<_> = quotients.iter().map(|quotient| part_of(quotient.part)).collect();
        let streams = quotients_of(quotients, &parts);
        let lower = Lower { times: times.map(|(values, take)| (values, take_of(take))), onto: onto.is_some() };
        let mut output = match onto {
            Some(onto) => self.order().numbers(&onto.view()).into_owned(),
            None => vec![0.0; self.rows() * self.inputs],
        };
        let sums = self.dense().quotient_transposed(self.rows(), &streams, lower, &mut output);
        let of_rows: Vec<Vec<Booked>> = sums.iter().map(|sums| sums.booked.iter().map(booked_of).collect()).collect();
        // Rows that belong to one sample have one book.
        let rows_of_sample = self.leading.iter().skip(1).product::<usize>();
        let books = of_rows.chunks(rows_of_sample).map(|rows| {
            let mut books = vec![Booked::default(); quotients.len()];
            rows.iter().flat_map(|row| row.iter().enumerate()).for_each(|(place, booked)| books[place] += *booked);
            books
        });
        (self.array(self.inputs, output), books.collect())
    }
}

impl LayerKernel<f32> for Over {
    fn product(
        &self,
        part: WeightPart,
        input: &ArrayViewD<'_, f32>,
        bias: Option<&Array1<f32>>,
        rectified: Rectified,
    ) -> ArrayD<f32> {
        let values = self.order().numbers(input);
        let bias = bias.map(|bias| bias.to_vec());
        let mut output = self.forward(&[Stream { values: &values, take: Take::All, part }], bias.as_deref());
        if rectified == Rectified::Yes {
            output.iter_mut().filter(|z| **z < 0.0).for_each(|z| *z = 0.0);
        }
        self.array(self.outputs, output)
    }

    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, f32>)]) -> ArrayD<f32> {
        let mut lower = vec![0.0; self.rows() * self.inputs];
        let numbers: Vec<_> = messages.iter().map(|(_, message)| self.order().numbers(message)).collect();
        let parts: Vec<_> = messages.iter().map(|(part, _)| part_of(*part)).collect();
        let streams = messages_of(&numbers, &parts);
        if !streams.is_empty() {
            self.dense().transposed(self.rows(), &streams, Lower::default(), &mut lower);
        }
        self.array(self.inputs, lower)
    }
}
