//! Convolutions of single precision, with channels last.

use std::sync::{Arc, OnceLock};

use channel_kernels::{Convolution, Epilogue, Lower, Method, Packed, Shape};
use ndarray::{Array1, ArrayD, ArrayViewD};

use crate::arrays::order::Order;
use crate::operation::kernel::{Booked, LinearKernel, Quotient, Stream, Take};
use crate::operation::linear::WeightPart;
use crate::operations::linear::kernels::single::{booked_of, messages_of, part_of, quotients_of, stream_of, take_of};
use crate::operations::linear::kernels::{FilterKernels, LayerKernel, Rectified};
use crate::operations::window::Geometry;

/// How many channels there are on both sides where fewer products pay for the sums that they take.
const WIDE: usize = 32;

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
    fn over(&self, samples: usize, geometry: &Geometry) -> Option<Box<dyn LayerKernel<f32> + '_>> {
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
        let is_wide = shape.inputs.min(shape.outputs) >= WIDE;
        let method = if is_wide { Method::TwoByTwo } else { Method::Direct };
        let fast = convolution.clone().with_method(method);
        Some(Box::new(Over { filters: self, convolution, fast, samples, input, output }))
    }
}

/// The filters over inputs of one geometry.
struct Over<'a> {
    filters: &'a Filters,
    /// By the sums of the definition, where an output of 0 means that it has no terms, …
    convolution: Convolution,
    /// … and by fewer products, with as small errors on the whole, but none of its zeros exact.
    fast: Convolution,
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

    fn forward(&self, by: &Convolution, streams: &[Stream<'_, f32>], epilogue: Epilogue<'_>) -> ArrayD<f32> {
        let shape = self.shape(self.filters.shape.outputs, self.output);
        let mut output = self.numbers(&shape);
        let parts: Vec<_> = streams.iter().map(|stream| part_of(stream.part)).collect();
        let streams: Vec<_> = streams.iter().zip(&parts).map(|(stream, part)| stream_of(stream, part)).collect();
        by.forward(self.packed(), self.samples, self.input, &streams, epilogue, &mut output);
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
        self.forward(&self.convolution, streams, Epilogue { bias, ..Epilogue::default() })
    }

    fn hand_down(
        &self,
        quotients: &[Quotient<'_, f32>],
        times: Option<(&[f32], Take)>,
        onto: Option<ArrayD<f32>>,
    ) -> (ArrayD<f32>, Vec<Vec<Booked>>) {
        let shape = self.shape(self.filters.shape.inputs, self.input);
        let parts: Vec<_> = quotients.iter().map(|quotient| part_of(quotient.part)).collect();
        let streams = quotients_of(quotients, &parts);
        let lower = Lower { times: times.map(|(values, take)| (values, take_of(take))), onto: onto.is_some() };
        let mut output = match onto {
            Some(onto) => self.order().numbers(&onto.view()).into_owned(),
            None => self.numbers(&shape),
        };
        let (packed, samples) = (self.packed(), self.samples);
        let sums = self.fast.quotient_transposed(packed, samples, self.input, &streams, lower, &mut output);
        let books = sums.into_iter().map(|sums| sums.booked.iter().map(booked_of).collect()).collect();
        (self.order().array(&shape, output), books)
    }
}

impl LayerKernel<f32> for Over<'_> {
    fn product(
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
        self.forward(&self.fast, &[Stream { values: &values, take: Take::All, part }], epilogue)
    }

    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, f32>)]) -> ArrayD<f32> {
        let shape = self.shape(self.filters.shape.inputs, self.input);
        let mut lower = self.numbers(&shape);
        let numbers: Vec<_> = messages.iter().map(|(_, message)| self.order().numbers(message)).collect();
        let parts: Vec<_> = messages.iter().map(|(part, _)| part_of(*part)).collect();
        let streams = messages_of(&numbers, &parts);
        if !streams.is_empty() {
            let onto = Lower::default();
            self.fast.transposed(self.packed(), self.samples, self.input, &streams, onto, &mut lower);
        }
        self.order().array(&shape, lower)
    }
}
