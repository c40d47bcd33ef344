//! Layers by the kernels of single precision: what they have in common beside their products.

use std::borrow::Cow;

use channel_kernels::Zero;
use ndarray::{Array1, ArrayD, ArrayViewD};

use crate::arrays::order::Order;
use crate::operation::amount::amount_of;
use crate::operation::kernel::{Booked, Books, LinearKernel, LowerProduct, Quotient, Stream, Sums, Take};
use crate::operation::linear::WeightPart;
use crate::operations::linear::kernels::LayerKernel;

/// A layer over inputs of one shape, as its kernel has it: slices in, slices out.
pub trait SingleLayer {
    /// The order of memory of all slices.
    const ORDER: Order;

    /// The shape of the input.
    fn input_shape(&self) -> Vec<usize>;

    /// The shape of the output.
    fn output_shape(&self) -> Vec<usize>;

    /// `Σ W_p a_p + b`, clipped to the bounds if there are any.
    fn forward(
        &self,
        sums: Sums,
        streams: &[channel_kernels::Stream<'_>],
        bias: Option<&[f32]>,
        bounds: Option<[f32; 2]>,
    ) -> Vec<f32>;

    /// `Σ W_pᵀ s_p`
    fn transposed(&self, streams: &[channel_kernels::Stream<'_>], output: &mut [f32]);

    /// `Σ_p a_p ⊙ Σ_q W_pqᵀ s_q`, with the books of each sample.
    fn quotients_transposed(
        &self,
        quotients: &[channel_kernels::Quotient<'_>],
        products: &[channel_kernels::LowerProduct<'_>],
    ) -> (Vec<f32>, Vec<Books>);
}

/// Zeros for an array of a shape.
pub fn zeros(shape: &[usize]) -> Vec<f32> {
    channel_kernels::zeros(shape.iter().product())
}

/// The output of a layer.
fn output<L: SingleLayer>(
    layer: &L,
    sums: Sums,
    streams: &[Stream<'_, f32>],
    bias: Option<&[f32]>,
    bounds: Option<[f32; 2]>,
) -> ArrayD<f32> {
    let shape = layer.output_shape();
    let parts: Vec<_> = streams.iter().map(|stream| part_of(stream.part)).collect();
    let streams: Vec<_> = streams.iter().zip(&parts).map(|(stream, part)| stream_of(stream, part)).collect();
    L::ORDER.array(&shape, layer.forward(sums, &streams, bias, bounds))
}

impl<L: SingleLayer> LinearKernel<f32> for L {
    fn order(&self) -> Order {
        L::ORDER
    }

    fn apply(&self, sums: Sums, streams: &[Stream<'_, f32>], bias: Option<&[f32]>) -> ArrayD<f32> {
        output(self, sums, streams, bias, None)
    }

    fn hand_down(
        &self,
        quotients: &[Quotient<'_, f32>],
        products: &[LowerProduct<'_, f32>],
    ) -> (ArrayD<f32>, Vec<Books>) {
        let quotients: Vec<_> = quotients.iter().map(quotient_of).collect();
        let parts = products.iter().map(|product| product.parts.iter().copied().map(part_of).collect::<Vec<_>>());
        let parts: Vec<Vec<_>> = parts.collect();
        let parts: Vec<Vec<_>> = parts.iter().map(|parts| parts.iter().map(|part| part.as_deref()).collect()).collect();
        let products = products.iter().zip(&parts).map(|(product, parts)| channel_kernels::LowerProduct {
            parts,
            times: product.times.map(|(values, take)| (values, take_of(take))),
        });
        let products: Vec<_> = products.collect();
        let (lower, books) = self.quotients_transposed(&quotients, &products);
        (L::ORDER.array(&self.input_shape(), lower), books)
    }
}

impl<L: SingleLayer> LayerKernel<f32> for L {
    fn product(
        &self,
        part: WeightPart,
        input: &ArrayViewD<'_, f32>,
        bias: Option<&Array1<f32>>,
        bounds: Option<[f32; 2]>,
    ) -> ArrayD<f32> {
        let values = L::ORDER.numbers(input);
        let bias = bias.map(Array1::to_vec);
        let stream = Stream { values: &values, take: Take::All, part };
        output(self, Sums::Fast, &[stream], bias.as_deref(), bounds)
    }

    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, f32>)]) -> ArrayD<f32> {
        let shape = self.input_shape();
        let mut lower = zeros(&shape);
        let numbers: Vec<Cow<'_, [f32]>> = messages.iter().map(|(_, message)| L::ORDER.numbers(message)).collect();
        let parts: Vec<_> = messages.iter().map(|(part, _)| part_of(*part)).collect();
        let streams = numbers
            .iter()
            .zip(messages)
            .zip(&parts)
            .map(|((values, (whole, _)), part)| stream_of(&Stream { values, take: Take::All, part: *whole }, part));
        let streams: Vec<_> = streams.collect();
        if !streams.is_empty() {
            SingleLayer::transposed(self, &streams, &mut lower);
        }
        L::ORDER.array(&shape, lower)
    }
}

type Part = dyn Fn(&[f32], &mut [f32]) + Sync;

/// How a part of the weights is written; `None` for the weights as they are.
fn part_of(part: WeightPart) -> Option<Box<Part>> {
    match part {
        WeightPart::All => None,
        part => Some(Box::new(move |weights: &[f32], parts: &mut [f32]| part.write(weights, parts))),
    }
}

fn take_of(take: Take) -> channel_kernels::Take {
    match take {
        Take::All => channel_kernels::Take::All,
        Take::Positive => channel_kernels::Take::Positive,
        Take::Negative => channel_kernels::Take::Negative,
    }
}

fn stream_of<'a>(stream: &Stream<'a, f32>, part: &'a Option<Box<Part>>) -> channel_kernels::Stream<'a> {
    channel_kernels::Stream { values: stream.values, take: take_of(stream.take), part: part.as_deref() }
}

fn quotient_of<'a>(quotient: &Quotient<'a, f32>) -> channel_kernels::Quotient<'a> {
    channel_kernels::Quotient {
        relevance: quotient.relevance,
        denominator: quotient.denominator,
        bias: quotient.bias,
        factor: quotient.factor,
        epsilon: quotient.epsilon,
        without: quotient.without,
        zero: if quotient.of_one_sign { Zero::Denominator } else { Zero::Stabilized },
    }
}

/// The books of some rows, all of one sample.
pub fn books_of<'a>(rows: impl IntoIterator<Item = &'a channel_kernels::StepSums>) -> Books {
    let mut books = Books::default();
    for row in rows {
        books.lower += amount_of(row.lower);
        books.booked.resize(row.booked.len(), Booked::default());
        books.booked.iter_mut().zip(&row.booked).for_each(|(book, booked)| *book += booked_of(booked));
    }
    books
}

fn booked_of(booked: &channel_kernels::Booked) -> Booked {
    Booked { bias: amount_of(booked.bias), stabilizer: amount_of(booked.stabilizer), zero: amount_of(booked.zero) }
}
