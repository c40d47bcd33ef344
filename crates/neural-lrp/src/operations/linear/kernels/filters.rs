//! Convolutions of single precision, with channels last.

use channel_kernels::{
    Convolution, ConvolutionOver, Epilogue, Lower, LowerProduct, Method, Packed, Quotient, Shape, Stream,
};
use ndarray::{ArrayD, IxDyn};

use crate::arrays::order::Order;
use crate::operation::kernel::{Books, Sums};
use crate::operations::linear::kernels::single::{SingleLayer, books_of};
use crate::operations::linear::kernels::{FilterKernels, LayerKernel};
use crate::operations::window::{Geometry, WindowAxis};

/// How many channels there are on both sides where fewer products pay for the sums that they take.
const WIDE: usize = 32;

/// How many rows and columns of outputs there are where squares of four by four leave little over.
const LARGE: usize = 12;

/// How much padding on a side is written out whatever the length of the input: dilated windows have some ten.
const USUAL_PADDING: usize = 64;

/// The largest stride that kernels go: that of large patches.
const LARGEST_STRIDE: usize = 64;

/// Filters over one or two spatial axes. They hold their weights once, in the order in which kernels read them.
#[derive(Debug)]
pub struct Filters {
    packed: Packed,
    /// The axes of the weights as they were given: output channels, input channels of a group, one or two of space.
    axes: Vec<usize>,
}

impl Filters {
    pub fn new(weights: &ArrayD<f32>, groups: usize) -> Option<Self> {
        let &[outputs, inputs, ref kernel @ ..] = weights.shape() else { return None };
        let kernel = match *kernel {
            [width] => [1, width],
            [height, width] => [height, width],
            _ => return None,
        };
        let shape = Shape { groups, ..Shape::plain(inputs * groups, outputs, kernel) };
        let rows = weights.as_standard_layout();
        let packed = Convolution::new(shape).ok()?.pack(rows.as_slice()?);
        Some(Self { packed, axes: weights.shape().to_vec() })
    }

    fn shape(&self) -> &Shape {
        self.packed.shape()
    }
}

impl FilterKernels<f32> for Filters {
    fn weights(&self) -> ArrayD<f32> {
        let weights = ArrayD::from_shape_vec(IxDyn(&self.axes), self.packed.to_rows());
        weights.unwrap_or_else(|_| unreachable!("as many as were packed"))
    }

    fn over(&self, samples: usize, geometry: &Geometry) -> Option<Box<dyn LayerKernel<f32> + '_>> {
        let [_, rows, columns] = geometry.axes;
        let axes = [rows, columns];
        let shape = Shape {
            stride: axes.map(|axis| axis.stride),
            dilation: axes.map(|axis| axis.dilation),
            padding: axes.map(|axis| [axis.before, axis.after]),
            ..*self.shape()
        };
        let (input, output) = (axes.map(|axis| axis.input), axes.map(|axis| axis.output));
        // Kernels write padding out, and have a plan for each remainder of the stride; a file may ask for more of both than
        // there is memory.
        let is_modest = |axis: WindowAxis| {
            let padding = axis.before.saturating_add(axis.after) / 2;
            padding <= axis.input + USUAL_PADDING && axis.stride <= LARGEST_STRIDE
        };
        // Where a window that sticks out is left away, or added, the kernels would count windows differently.
        let fits = samples > 0 && axes.into_iter().all(is_modest) && shape.output_size(input) == Some(output);
        let plain = fits.then(|| Convolution::new(shape).ok())??;
        let is_wide = shape.inputs.min(shape.outputs) >= WIDE;
        let method = if is_wide { Method::TwoByTwo } else { Method::Direct };
        let fast = plain.clone().with_method(method);
        let is_large = is_wide && output.into_iter().min() >= Some(LARGE);
        let fast_positive = if is_large { plain.clone().with_method(Method::FourByFour) } else { fast.clone() };
        Some(Box::new(Over { filters: self, plain, fast, fast_positive, samples, input, output }))
    }
}

/// The filters over inputs of one geometry.
struct Over<'a> {
    filters: &'a Filters,
    /// By the sums of the definition, …
    plain: Convolution,
    /// … and by fewer products where there are many channels: errors are as small on the whole, but no zero is exact.
    fast: Convolution,
    /// Fewer products still, for sums in which nothing cancels.
    fast_positive: Convolution,
    samples: usize,
    input: [usize; 2],
    output: [usize; 2],
}

impl Over<'_> {
    /// The layer by one of the convolutions.
    fn layer<'a>(&'a self, convolution: &'a Convolution) -> ConvolutionOver<'a> {
        convolution.over(&self.filters.packed, self.samples, self.input)
    }

    fn shape(&self, channels: usize, [height, width]: [usize; 2]) -> Vec<usize> {
        match self.filters.axes.len() {
            3 => vec![self.samples, channels, width],
            _ => vec![self.samples, channels, height, width],
        }
    }
}

impl SingleLayer for Over<'_> {
    const ORDER: Order = Order::ChannelsLast;

    fn input_shape(&self) -> Vec<usize> {
        self.shape(self.filters.shape().inputs, self.input)
    }

    fn output_shape(&self) -> Vec<usize> {
        self.shape(self.filters.shape().outputs, self.output)
    }

    fn forward(&self, sums: Sums, streams: &[Stream<'_>], bias: Option<&[f32]>, bounds: Option<[f32; 2]>) -> Vec<f32> {
        let convolution = match sums {
            Sums::Plain => &self.plain,
            Sums::Fast => &self.fast,
            Sums::FastPositive => &self.fast_positive,
        };
        let epilogue = Epilogue { bias, clip: bounds, ..Epilogue::default() };
        self.layer(convolution).forward_new(streams, epilogue)
    }

    fn transposed(&self, streams: &[Stream<'_>], output: &mut [f32]) {
        self.layer(&self.fast).transposed(streams, Lower::default(), output);
    }

    fn quotients_transposed(
        &self,
        quotients: &[Quotient<'_>],
        products: &[LowerProduct<'_>],
    ) -> (Vec<f32>, Vec<Books>) {
        let (lower, sums) = self.layer(&self.fast).quotients_transposed_new(quotients, products);
        (lower, sums.iter().map(|sums| books_of([sums])).collect())
    }
}
