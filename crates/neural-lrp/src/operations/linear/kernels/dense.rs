//! Fully connected layers of single precision.

use std::sync::Arc;

use channel_kernels::{Dense, Lower, LowerProduct, Order as WeightOrder, Quotient, Stream};
use ndarray::ArrayD;

use crate::arrays::map::clip;
use crate::arrays::order::Order;
use crate::operation::kernel::{Books, Sums};
use crate::operations::linear::kernels::single::{SingleLayer, books_of, zeros};

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

    /// Rows of so many numbers.
    fn shape(&self, width: usize) -> Vec<usize> {
        [self.leading.as_slice(), &[width]].concat()
    }
}

impl SingleLayer for Over {
    const ORDER: Order = Order::Standard;

    fn input_shape(&self) -> Vec<usize> {
        self.shape(self.inputs)
    }

    fn output_shape(&self) -> Vec<usize> {
        self.shape(self.outputs)
    }

    /// All sums are plain ones.
    fn forward(&self, _: Sums, streams: &[Stream<'_>], bias: Option<&[f32]>, bounds: Option<[f32; 2]>) -> Vec<f32> {
        let mut output = zeros(&self.output_shape());
        self.dense().forward(self.rows(), streams, bias, &mut output);
        if let Some(bounds) = bounds {
            output.iter_mut().for_each(|z| *z = clip(*z, bounds));
        }
        output
    }

    fn transposed(&self, streams: &[Stream<'_>], output: &mut [f32]) {
        self.dense().transposed(self.rows(), streams, Lower::default(), output);
    }

    fn quotients_transposed(
        &self,
        quotients: &[Quotient<'_>],
        products: &[LowerProduct<'_>],
    ) -> (Vec<f32>, Vec<Books>) {
        let mut output = zeros(&self.input_shape());
        let sums = self.dense().quotients_transposed(self.rows(), quotients, products, false, &mut output);
        // Rows that belong to one sample have one book.
        let rows_of_sample = self.leading.iter().skip(1).product::<usize>();
        (output, sums.chunks(rows_of_sample).map(books_of).collect())
    }
}
