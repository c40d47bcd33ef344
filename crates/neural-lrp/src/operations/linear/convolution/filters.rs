//! The weights of a convolution, and what they make of either side.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use ndarray::{
    Array1, Array3, ArrayD, ArrayView1, ArrayView2, ArrayView3, ArrayViewD, ArrayViewMut1, ArrayViewMut2,
    ArrayViewMut3, Axis, CowArray, Ix2, Ix3, s,
};
use rayon::prelude::*;

use crate::arrays::products::{Onto, matrix_product};
use crate::operation::linear::{WeightPart, Weights};
use crate::operations::linear::convolution::depthwise::Depthwise;
use crate::operations::linear::convolution::im2col::strips;
use crate::operations::linear::kernels::{self, FilterKernels, LayerKernel};
use crate::operations::window::Geometry;
use crate::{Error, Real};

/// How many numbers im2col writes at a time, about what stays in the second-level cache while it is multiplied.
const MATRIX_NUMBERS: usize = 1 << 19;

/// How many positions im2col takes at a time at least, or else rearranging the weights takes longer than the product.
const FEWEST_POSITIONS: usize = 512;

/// How many numbers im2col writes at a time at most, for the sake of the fewest positions.
const MOST_NUMBERS: usize = 1 << 22;

/// How many filters look at each channel of its own at most, to go plane by plane.
const FEW_FILTERS: usize = 4;

/// How many rows of the matrix one task of col2im takes.
const MATRIX_ROWS: usize = 512;

/// The filters of a window, in groups: those of a group see the same channels of the input.
///
/// Input and output are those of the correlation; its transpose goes from the output to the input.
#[derive(Clone, Debug)]
pub struct Filters<F> {
    weights: Kept<F>,
    /// The shape of the weights: channels of the output, channels of a group in the input, the kernel.
    shape: Vec<usize>,
    groups: usize,
}

/// The weights, of which there is one copy.
#[derive(Clone, Debug)]
enum Kept<F> {
    /// In the order in which the kernels of these numbers read them.
    Packed(Arc<dyn FilterKernels<F>>),
    /// A row for each channel of the output; in it, the channels of its group in the input, each with all taps.
    Rows(Weights<F>),
}

impl<F: Real> Filters<F> {
    /// Filters of weights (output channels × input channels of a group × kernel).
    ///
    /// # Errors
    /// [`Error::Attribute`] when the weights have not one to three spatial axes, are none, or can't be had in so many groups.
    pub fn new(kind: &str, weights: Arc<ArrayD<F>>, groups: usize) -> Result<Self, Error> {
        let shape = weights.shape().to_vec();
        if !(3..=5).contains(&shape.len()) || weights.is_empty() {
            let expected = "channels × channels × one to three spatial axes";
            return Err(Error::attribute(kind, "weights", format!("shape {shape:?}"), expected));
        }
        if groups == 0 || !shape[0].is_multiple_of(groups) {
            let expected = format!("a divisor of the {} channels of the weights", shape[0]);
            return Err(Error::attribute(kind, "group", groups.to_string(), expected));
        }
        let packed = kernels::filters(&weights, groups).map(Kept::Packed);
        Ok(Self { weights: packed.unwrap_or_else(|| Kept::Rows(Weights::new(weights))), shape, groups })
    }

    /// The weights as they were given: another copy of those that are packed.
    pub fn weights(&self) -> Arc<ArrayD<F>> {
        match &self.weights {
            Kept::Packed(kernels) => Arc::new(kernels.weights()),
            Kept::Rows(weights) => Arc::clone(weights.given()),
        }
    }

    /// The weights in rows. Those that are packed go the plain way where kernels don't count windows as it does, or would
    /// write far too much padding out; that is rare enough for a copy.
    fn rows(&self) -> Cow<'_, Weights<F>> {
        match &self.weights {
            Kept::Packed(kernels) => Cow::Owned(Weights::new(Arc::new(kernels.weights()))),
            Kept::Rows(weights) => Cow::Borrowed(weights),
        }
    }

    /// The lengths of the kernel.
    pub fn kernel(&self) -> &[usize] {
        &self.shape[2..]
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// How many channels the output has.
    pub fn output_channels(&self) -> usize {
        self.shape[0]
    }

    /// How many channels the input has.
    pub fn input_channels(&self) -> usize {
        self.shape[1] * self.groups
    }

    /// The kernel over inputs of a geometry, where these numbers have one.
    pub fn by_kernels(&self, samples: usize, geometry: &Geometry) -> Option<Box<dyn LayerKernel<F> + '_>> {
        match &self.weights {
            Kept::Packed(kernels) => kernels.over(samples, geometry),
            Kept::Rows(_) => None,
        }
    }

    /// The correlation of the input with the filters, by each part of the weights: `output = W_p · input + bias`.
    pub fn correlate(
        &self,
        parts: &[WeightPart],
        input: &ArrayViewD<'_, F>,
        bias: Option<&Array1<F>>,
        geometry: &Geometry,
    ) -> Vec<ArrayD<F>> {
        if let Some(kernel) = self.by_kernels(input.shape()[0], geometry) {
            return parts.iter().map(|&part| kernel.product(part, input, bias, None)).collect();
        }
        let input = in_groups(input, self.shape[1], geometry.inputs());
        let weights = self.rows();
        let parts: Vec<_> = parts.iter().map(|&part| weights.part(part)).collect();
        let zeros = || Array3::zeros((input.len_of(Axis(0)), self.shape[0] / self.groups, geometry.outputs()));
        let mut outputs: Vec<_> = parts.iter().map(|_| zeros()).collect();
        match self.depthwise(geometry) {
            Some(depthwise) => self.correlate_by_planes(&depthwise, &parts, input.view(), &mut outputs, bias),
            None => self.correlate_by_im2col(geometry, &parts, input.view(), &mut outputs, bias),
        }
        let lengths = geometry.output_lengths(self.kernel().len());
        outputs.into_iter().map(|output| self.with_axes(output, self.shape[0], &lengths)).collect()
    }

    /// The transpose of [`correlate`](Self::correlate), by parts of the weights: `input = Σ_p W_pᵀ · output_p + bias`.
    pub fn transposed(
        &self,
        messages: &[(WeightPart, ArrayViewD<'_, F>)],
        bias: Option<&Array1<F>>,
        samples: usize,
        geometry: &Geometry,
    ) -> ArrayD<F> {
        if let Some(kernel) = self.by_kernels(samples, geometry) {
            let mut input = kernel.transposed(messages);
            for (mut channel, &bias) in input.axis_iter_mut(Axis(1)).zip(bias.into_iter().flatten()) {
                channel += bias;
            }
            return input;
        }
        let weights = self.rows();
        let channels = self.shape[0] / self.groups;
        let messages: Vec<Message<'_, F>> = messages
            .iter()
            .map(|(part, output)| (weights.part(*part), in_groups(output, channels, geometry.outputs())))
            .collect();
        let mut input = Array3::zeros((samples * self.groups, self.shape[1], geometry.inputs()));
        match self.depthwise(geometry) {
            _ if messages.is_empty() => {}
            _ if geometry.is_pointwise() => self.transposed_pointwise(&messages, &mut input, bias),
            Some(depthwise) => self.transposed_by_planes(&depthwise, &messages, input.view_mut(), bias),
            None => self.transposed_by_col2im(geometry, &messages, input.view_mut(), bias),
        }
        self.with_axes(input, self.input_channels(), &geometry.input_lengths(self.kernel().len()))
    }

    /// Lets outputs start from the bias of their channels, those of a group from `first` on; without one they are zeros.
    fn start(&self, bias: Option<&Array1<F>>, group: usize, first: usize, output: &mut ArrayViewMut2<'_, F>) {
        if let Some(bias) = bias {
            let first = group % self.groups * (bias.len() / self.groups) + first;
            for (mut channel, &bias) in output.rows_mut().into_iter().zip(bias.slice(s![first..])) {
                channel.fill(bias);
            }
        }
    }

    /// How to go plane by plane, where each filter sees a single channel.
    fn depthwise(&self, geometry: &Geometry) -> Option<Depthwise> {
        let filters = self.shape[0] / self.groups;
        if self.shape[1] == 1 && filters <= FEW_FILTERS { Depthwise::new(geometry) } else { None }
    }

    /// Correlates by products with what the window sees, strip by strip.
    fn correlate_by_im2col(
        &self,
        geometry: &Geometry,
        parts: &[CowArray<'_, F, Ix2>],
        input: ArrayView3<'_, F>,
        outputs: &mut [Array3<F>],
        bias: Option<&Array1<F>>,
    ) {
        let rows = self.shape[1] * geometry.taps();
        let length = strip_length(rows);
        let strips = (!geometry.is_pointwise()).then(|| strips(geometry, length));
        tasks(outputs, length).into_par_iter().for_each_init(Vec::new, |scratch, task| {
            let input = input.index_axis(Axis(0), task.group);
            let mut matrix;
            let columns = match &strips {
                None => input.slice_move(s![.., task.positions]),
                Some(strips) => {
                    matrix = matrix_of(scratch, rows, task.positions.len());
                    strips[task.positions.start / length].im2col(input, matrix.view_mut());
                    matrix.view()
                }
            };
            for (part, mut output) in parts.iter().zip(task.outputs) {
                self.start(bias, task.group, 0, &mut output);
                matrix_product(self.rows_of_group(part, task.group), columns, output, Onto::Sum);
            }
        });
    }

    /// Correlates by shifted planes.
    fn correlate_by_planes(
        &self,
        depthwise: &Depthwise,
        parts: &[CowArray<'_, F, Ix2>],
        input: ArrayView3<'_, F>,
        outputs: &mut [Array3<F>],
        bias: Option<&Array1<F>>,
    ) {
        let whole = usize::MAX;
        tasks(outputs, whole).into_par_iter().for_each_init(Default::default, |(sorted, spread), task| {
            depthwise.sort(plane(input.index_axis(Axis(0), task.group).row(0)), sorted);
            for (part, mut output) in parts.iter().zip(task.outputs) {
                self.start(bias, task.group, 0, &mut output);
                for (filter, output) in self.rows_of_group(part, task.group).rows().into_iter().zip(output.rows_mut()) {
                    depthwise.correlate(plane(filter), sorted, spread, plane_mut(output));
                }
            }
        });
    }

    /// Goes back where input and output are the same positions: the product is all.
    fn transposed_pointwise(&self, messages: &[Message<'_, F>], input: &mut Array3<F>, bias: Option<&Array1<F>>) {
        let tasks = tasks(std::slice::from_mut(input), strip_length(self.shape[1]));
        tasks.into_par_iter().for_each(|task| {
            for mut output in task.outputs {
                self.start(bias, task.group, 0, &mut output);
                self.product(messages, task.group, 0..self.shape[1], &task.positions, output, Onto::Sum);
            }
        });
    }

    /// Goes back by products for blocks of channels, strip by strip, each added to the numbers that its windows see.
    fn transposed_by_col2im(
        &self,
        geometry: &Geometry,
        messages: &[Message<'_, F>],
        input: ArrayViewMut3<'_, F>,
        bias: Option<&Array1<F>>,
    ) {
        let block = MATRIX_ROWS.div_ceil(geometry.taps()).min(self.shape[1]);
        let strips = strips(geometry, strip_length(block * geometry.taps()));
        let tasks: Vec<_> = in_blocks(input, Axis(1), block);
        tasks.into_par_iter().for_each_init(Vec::new, |scratch, (group, first, mut channels)| {
            self.start(bias, group, first, &mut channels);
            let rows = first * geometry.taps()..(first + channels.nrows()) * geometry.taps();
            for strip in &strips {
                let mut columns = matrix_of(scratch, rows.len(), strip.positions.len());
                self.product(messages, group, rows.clone(), &strip.positions, columns.view_mut(), Onto::Nothing);
                strip.col2im(columns.view(), channels.view_mut());
            }
        });
    }

    /// Goes back by shifted planes.
    fn transposed_by_planes(
        &self,
        depthwise: &Depthwise,
        messages: &[Message<'_, F>],
        input: ArrayViewMut3<'_, F>,
        bias: Option<&Array1<F>>,
    ) {
        let tasks: Vec<_> = in_blocks(input, Axis(1), 1);
        tasks.into_par_iter().for_each_init(Default::default, |(sorted, spread), (group, first, mut input)| {
            self.start(bias, group, first, &mut input);
            depthwise.clear(sorted);
            for (part, output) in messages {
                let output = output.index_axis(Axis(0), group);
                for (filter, output) in self.rows_of_group(part, group).rows().into_iter().zip(output.rows()) {
                    depthwise.transposed(plane(filter), plane(output), spread, sorted);
                }
            }
            depthwise.unsort(sorted, plane_mut(input.row_mut(0)));
        });
    }

    /// `Σ_p W_pᵀ · output_p` at some positions, for some columns of the weights, before col2im.
    fn product(
        &self,
        messages: &[Message<'_, F>],
        group: usize,
        columns: Range<usize>,
        positions: &Range<usize>,
        mut product: ArrayViewMut2<'_, F>,
        mut onto: Onto,
    ) {
        for (part, output) in messages {
            let weights = self.rows_of_group(part, group).slice_move(s![.., columns.clone()]).reversed_axes();
            let output = output.slice(s![group, .., positions.clone()]);
            matrix_product(weights, output, product.view_mut(), onto);
            onto = Onto::Sum;
        }
    }

    /// The filters of a group; groups are counted through all samples.
    fn rows_of_group<'a>(&self, weights: &'a CowArray<'_, F, Ix2>, group: usize) -> ArrayView2<'a, F> {
        let rows = self.shape[0] / self.groups;
        let first = group % self.groups * rows;
        weights.slice(s![first..first + rows, ..])
    }

    /// (samples · groups, channels of a group, numbers) as samples, all channels, and the axes of space.
    fn with_axes(&self, numbers: Array3<F>, channels: usize, lengths: &[usize]) -> ArrayD<F> {
        let samples = numbers.len_of(Axis(0)) / self.groups;
        let numbers = numbers.into_shape_with_order([&[samples, channels], lengths].concat());
        numbers.unwrap_or_else(|_| unreachable!("as many numbers in all"))
    }
}

/// A part of the weights, and what it is to be multiplied with: (samples · groups, channels of a group, positions).
type Message<'a, F> = (CowArray<'a, F, Ix2>, CowArray<'a, F, Ix3>);

/// Samples × channels × space as (samples · groups, channels of a group, numbers).
fn in_groups<'a, F: Real>(array: &'a ArrayViewD<'_, F>, channels: usize, numbers: usize) -> CowArray<'a, F, Ix3> {
    let groups = array.len() / (channels * numbers);
    let array = array.as_standard_layout().into_shape_with_order((groups, channels, numbers));
    array.unwrap_or_else(|_| unreachable!("the shape was agreed upon"))
}

/// A matrix in memory that is used again and again; its numbers are whatever they were.
fn matrix_of<F: Real>(scratch: &mut Vec<F>, rows: usize, columns: usize) -> ArrayViewMut2<'_, F> {
    if scratch.len() < rows * columns {
        scratch.resize(rows * columns, F::zero());
    }
    let matrix = ArrayViewMut2::from_shape((rows, columns), &mut scratch[..rows * columns]);
    matrix.unwrap_or_else(|_| unreachable!("it has just been made long enough"))
}

/// How many positions a strip has whose matrix has so many rows.
fn strip_length(rows: usize) -> usize {
    MATRIX_NUMBERS.div_ceil(rows).max(FEWEST_POSITIONS.min(MOST_NUMBERS / rows)).max(1)
}

/// The numbers of one channel.
fn plane<'a, F>(channel: ArrayView1<'a, F>) -> &'a [F] {
    channel.to_slice().unwrap_or_else(|| unreachable!("channels are contiguous"))
}

/// The numbers of one channel, to be changed.
fn plane_mut<'a, F>(channel: ArrayViewMut1<'a, F>) -> &'a mut [F] {
    channel.into_slice().unwrap_or_else(|| unreachable!("channels are contiguous"))
}

/// Some positions of one group, with their part of each output.
struct Task<'a, F> {
    group: usize,
    positions: Range<usize>,
    outputs: Vec<ArrayViewMut2<'a, F>>,
}

/// Cuts outputs (samples · groups, channels, positions) into tasks of `length` positions.
fn tasks<F: Real>(outputs: &mut [Array3<F>], length: usize) -> Vec<Task<'_, F>> {
    let mut tasks: Vec<Task<'_, F>> = Vec::new();
    for output in outputs {
        let blocks = in_blocks(output.view_mut(), Axis(2), length);
        for (position, (group, first, output)) in blocks.into_iter().enumerate() {
            match tasks.get_mut(position) {
                Some(task) => task.outputs.push(output),
                None => tasks.push(Task { group, positions: first..first + output.ncols(), outputs: vec![output] }),
            }
        }
    }
    tasks
}

/// Cuts each matrix of an array into blocks of `length` along `axis` (of the array): matrix, first index, block.
fn in_blocks<F>(array: ArrayViewMut3<'_, F>, axis: Axis, length: usize) -> Vec<(usize, usize, ArrayViewMut2<'_, F>)> {
    let mut blocks = Vec::new();
    let (matrices, end) = (array.len_of(Axis(0)), array.len_of(axis));
    let mut rest = array;
    for matrix in 0..matrices {
        let (this, others) = rest.split_at(Axis(0), 1);
        rest = others;
        let mut this = this.index_axis_move(Axis(0), 0);
        for first in (0..end).step_by(length) {
            let (block, others) = this.split_at(Axis(axis.index() - 1), length.min(end - first));
            this = others;
            blocks.push((matrix, first, block));
        }
    }
    blocks
}
