//! Convolutions of single precision, with channels last.

use std::sync::{Arc, OnceLock};

use channel_kernels::{Convolution, Epilogue, Lower, Packed, QuotientStream, Shape, Zero};
use ndarray::{Array1, ArrayD, ArrayViewD};
use relevance::Amount;

use crate::arrays::order::Order;
use crate::operation::kernel::{Booked, LinearKernel, Quotient, Stream, Take};
use crate::operation::linear::WeightPart;
use crate::operations::linear::convolution::kernel::{FilterKernel, FilterKernels, Rectified};
use crate::operations::window::Geometry;

/// Filters over one or two spatial axes.
#[derive(Debug)]
pub struct Filters {
    weights: Arc<ArrayD<f32>>,
    shape: Shape,
    spatial_axes: usize,
    packed: OnceLock<Packed>,
}

impl Filters {
    pub fn new(weights: &Arc<ArrayD<f32>>, groups: usize) -> Option<Self> {
        let &[outputs, inputs, ref kernel @ ..] = weights.shape() else { return None };
        let kernel = match *kernel {
            [width] => [1, width],
            [height, width] => [height, width],
            _ => return None,
        };
        let shape = Shape { groups, ..Shape::plain(inputs * groups, outputs, kernel) };
        let spatial_axes = weights.ndim() - 2;
        Some(Self { weights: Arc::clone(weights), shape, spatial_axes, packed: OnceLock::new() })
    }

    fn packed(&self, convolution: &Convolution) -> &Packed {
        self.packed.get_or_init(|| {
            let rows = self.weights.as_standard_layout();
            convolution.pack(rows.as_slice().unwrap_or_else(|| unreachable!("the standard layout is a slice")))
        })
    }
}

impl FilterKernels<f32> for Filters {
    fn over(&self, samples: usize, geometry: &Geometry) -> Option<Box<dyn FilterKernel<f32> + '_>> {
        let [_, rows, columns] = geometry.axes;
        let axes = [rows, columns];
        let shape = Shape {
            stride: axes.map(|axis| axis.stride),
            dilation: axes.map(|axis| axis.dilation),
            padding: axes.map(|axis| [axis.before, axis.after]),
            ..self.shape
        };
        let (input, output) = (axes.map(|axis| axis.input), axes.map(|axis| axis.output));
        // Where a window that sticks out is left away, or added, the kernels would count windows differently.
        let fits = samples > 0 && shape.output_size(input) == Some(output);
        let convolution = Convolution::new(shape).ok().filter(|_| fits)?;
        Some(Box::new(Over { filters: self, convolution, samples, input, output }))
    }
}

/// The filters over inputs of one geometry.
struct Over<'a> {
    filters: &'a Filters,
    convolution: Convolution,
    samples: usize,
    input: [usize; 2],
    output: [usize; 2],
}

impl Over<'_> {
    fn packed(&self) -> &Packed {
        self.filters.packed(&self.convolution)
    }

    fn shape(&self, channels: usize, [height, width]: [usize; 2]) -> Vec<usize> {
        match self.filters.spatial_axes {
            1 => vec![self.samples, channels, width],
            _ => vec![self.samples, channels, height, width],
        }
    }

    fn forward(&self, streams: &[Stream<'_, f32>], epilogue: Epilogue<'_>) -> ArrayD<f32> {
        let shape = self.shape(self.filters.shape.outputs, self.output);
        let mut output = self.numbers(&shape);
        let parts: Vec<_> = streams.iter().map(|stream| part_of(stream.part)).collect();
        let streams: Vec<_> = streams.iter().zip(&parts).map(|(stream, part)| stream_of(stream, part)).collect();
        self.convolution.forward(self.packed(), self.samples, self.input, &streams, epilogue, &mut output);
        self.order().array(&shape, output)
    }

    fn numbers(&self, shape: &[usize]) -> Vec<f32> {
        vec![0.0; shape.iter().product()]
    }
}

impl LinearKernel<f32> for Over<'_> {
    fn order(&self) -> Order {
        Order::ChannelsLast
    }

    fn apply(&self, streams: &[Stream<'_, f32>], bias: Option<&[f32]>) -> ArrayD<f32> {
        self.forward(streams, Epilogue { bias, ..Epilogue::default() })
    }

    fn hand_down(
        &self,
        quotients: &[Quotient<'_, f32>],
        times: Option<(&[f32], Take)>,
        onto: Option<ArrayD<f32>>,
    ) -> (ArrayD<f32>, Vec<Vec<Booked>>) {
        let shape = self.shape(self.filters.shape.inputs, self.input);
        let parts: Vec<_> = quotients.iter().map(|quotient| part_of(quotient.part)).collect();
        let streams: Vec<_> = quotients
            .iter()
            .zip(&parts)
            .map(|(quotient, part)| QuotientStream { quotient: quotient_of(quotient), part: part.as_deref() })
            .collect();
        let lower = Lower { times: times.map(|(values, take)| (values, take_of(take))), onto: onto.is_some() };
        let mut output = match onto {
            Some(onto) => self.order().numbers(&onto.view()).into_owned(),
            None => self.numbers(&shape),
        };
        let (packed, samples) = (self.packed(), self.samples);
        let sums = self.convolution.quotient_transposed(packed, samples, self.input, &streams, lower, &mut output);
        let books = sums.into_iter().map(|sums| sums.booked.iter().map(booked_of).collect()).collect();
        (self.order().array(&shape, output), books)
    }
}

impl FilterKernel<f32> for Over<'_> {
    fn correlate(
        &self,
        part: WeightPart,
        input: &ArrayViewD<'_, f32>,
        bias: Option<&Array1<f32>>,
        rectified: Rectified,
    ) -> ArrayD<f32> {
        let values = self.order().numbers(input);
        let bias = bias.map(|bias| bias.to_vec());
        let clip = (rectified == Rectified::Yes).then_some([0.0, f32::INFINITY]);
        let epilogue = Epilogue { bias: bias.as_deref(), clip, ..Epilogue::default() };
        self.forward(&[Stream { values: &values, take: Take::All, part }], epilogue)
    }

    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, f32>)]) -> ArrayD<f32> {
        let shape = self.shape(self.filters.shape.inputs, self.input);
        let mut lower = self.numbers(&shape);
        let numbers: Vec<_> = messages.iter().map(|(_, message)| self.order().numbers(message)).collect();
        let parts: Vec<_> = messages.iter().map(|(part, _)| part_of(*part)).collect();
        let streams: Vec<_> = numbers
            .iter()
            .zip(&parts)
            .map(|(values, part)| channel_kernels::Stream {
                values,
                take: channel_kernels::Take::All,
                part: part.as_deref(),
            })
            .collect();
        if !streams.is_empty() {
            let onto = Lower::default();
            self.convolution.transposed(self.packed(), self.samples, self.input, &streams, onto, &mut lower);
        }
        self.order().array(&shape, lower)
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
        zero: if quotient.of_one_sign { Zero::Denominator } else { Zero::Stabilized },
    }
}

fn booked_of(booked: &channel_kernels::Booked) -> Booked {
    let amount =
        |amount: channel_kernels::Amount| Amount { total: amount.total, magnitude: amount.magnitude, non_finite: 0 };
    Booked { bias: amount(booked.bias), stabilizer: amount(booked.stabilizer), zero: amount(booked.zero) }
}
