//! The weights of a convolution, and what they make of either side.

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
use crate::operations::linear::convolution::unfolding::strips;
use crate::operations::linear::convolution::{Geometry, refuse};
use crate::{Error, Real};

/// How many numbers are unfolded at a time, about what stays in the second-level cache while it is multiplied.
const UNFOLDED_NUMBERS: usize = 1 << 19;

/// How many places are unfolded at a time at least, or else rearranging the weights takes longer than the product.
const FEWEST_PLACES: usize = 512;

/// How many numbers are unfolded at a time at most, for the sake of the fewest places.
const MOST_UNFOLDED: usize = 1 << 22;

/// How many filters look at each channel of its own at most, to go plane by plane.
const FEW_FILTERS: usize = 4;

/// How many rows of the unfolded matrix are folded by one task.
const FOLDED_ROWS: usize = 512;

/// The filters of a window, in groups: those of a group see the same channels of the fine side.
#[derive(Clone, Debug)]
pub struct Filters<F> {
    /// A row for each channel of the coarse side; in it, the channels of its group on the fine side, each with all taps.
    weights: Weights<F>,
    /// The shape of the weights: channels of the coarse side, channels of a group on the fine side, the kernel.
    shape: Vec<usize>,
    groups: usize,
}

impl<F: Real> Filters<F> {
    /// Filters of weights (coarse channels × fine channels of a group × kernel).
    ///
    /// # Errors
    /// [`Error::Attribute`] when the weights have not one to three spatial axes, are none, or can't be had in so many groups.
    pub fn new(kind: &str, weights: Arc<ArrayD<F>>, groups: usize) -> Result<Self, Error> {
        let shape = weights.shape().to_vec();
        if !(3..=5).contains(&shape.len()) || weights.is_empty() {
            let expected = "channels × channels × one to three spatial axes";
            return Err(refuse(kind, "weights", format!("shape {shape:?}"), expected));
        }
        if groups == 0 || !shape[0].is_multiple_of(groups) {
            let expected = format!("a divisor of the {} channels of the weights", shape[0]);
            return Err(refuse(kind, "group", groups.to_string(), expected));
        }
        Ok(Self { weights: Weights::new(weights), shape, groups })
    }

    /// The weights as they were given.
    pub fn weights(&self) -> &Arc<ArrayD<F>> {
        self.weights.given()
    }

    /// The lengths of the kernel.
    pub fn kernel(&self) -> &[usize] {
        &self.shape[2..]
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// How many channels the coarse side has.
    pub fn coarse_channels(&self) -> usize {
        self.shape[0]
    }

    /// How many channels the fine side has.
    pub fn fine_channels(&self) -> usize {
        self.shape[1] * self.groups
    }

    /// What the window gathers at each place, by each part of the weights: `coarse = W_p · fine + bias`.
    pub fn gather(
        &self,
        parts: &[WeightPart],
        fine: &ArrayViewD<'_, F>,
        bias: Option<&Array1<F>>,
        geometry: &Geometry,
    ) -> Vec<ArrayD<F>> {
        let fine = in_groups(fine, self.shape[1], geometry.fine());
        let parts: Vec<_> = parts.iter().map(|&part| self.weights.part(part)).collect();
        let zeros = || Array3::zeros((fine.len_of(Axis(0)), self.shape[0] / self.groups, geometry.coarse()));
        let mut coarse: Vec<_> = parts.iter().map(|_| zeros()).collect();
        match self.depthwise(geometry) {
            Some(depthwise) => self.gather_by_planes(&depthwise, &parts, fine.view(), &mut coarse, bias),
            None => self.gather_by_strips(geometry, &parts, fine.view(), &mut coarse, bias),
        }
        let lengths = geometry.axes.map(|axis| axis.coarse);
        coarse.into_iter().map(|coarse| self.with_axes(coarse, self.shape[0], lengths)).collect()
    }

    /// What the window's places scatter over the numbers they see, by parts of the weights:
    /// `fine = Σ_p W_pᵀ · coarse_p + bias`.
    pub fn scatter(
        &self,
        messages: &[(WeightPart, ArrayViewD<'_, F>)],
        bias: Option<&Array1<F>>,
        samples: usize,
        geometry: &Geometry,
    ) -> ArrayD<F> {
        let channels = self.shape[0] / self.groups;
        let messages: Vec<Message<'_, F>> = messages
            .iter()
            .map(|(part, coarse)| (self.weights.part(*part), in_groups(coarse, channels, geometry.coarse())))
            .collect();
        let mut fine = Array3::zeros((samples * self.groups, self.shape[1], geometry.fine()));
        match self.depthwise(geometry) {
            _ if messages.is_empty() => {}
            _ if geometry.is_pointwise() => self.scatter_in_place(&messages, &mut fine, bias),
            Some(depthwise) => self.scatter_by_planes(&depthwise, &messages, fine.view_mut(), bias),
            None => self.scatter_by_channels(geometry, &messages, fine.view_mut(), bias),
        }
        self.with_axes(fine, self.fine_channels(), geometry.axes.map(|axis| axis.fine))
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

    /// Gathers by products with unfolded strips.
    fn gather_by_strips(
        &self,
        geometry: &Geometry,
        parts: &[CowArray<'_, F, Ix2>],
        fine: ArrayView3<'_, F>,
        coarse: &mut [Array3<F>],
        bias: Option<&Array1<F>>,
    ) {
        let rows = self.weights.rows().ncols();
        let length = strip_length(rows);
        let strips = if geometry.is_pointwise() { Vec::new() } else { strips(geometry, length) };
        tasks(coarse, length).into_par_iter().for_each_init(Vec::new, |scratch, task| {
            let fine = fine.index_axis(Axis(0), task.group);
            let mut unfolded;
            let columns = match strips.get(task.places.start / length) {
                None => fine.slice_move(s![.., task.places]),
                Some(strip) => {
                    unfolded = matrix_of(scratch, rows, task.places.len());
                    strip.unfold(fine, unfolded.view_mut());
                    unfolded.view()
                }
            };
            for (part, mut output) in parts.iter().zip(task.outputs) {
                self.start(bias, task.group, 0, &mut output);
                matrix_product(self.rows_of_group(part, task.group), columns, output, Onto::Sum);
            }
        });
    }

    /// Gathers by shifted planes.
    fn gather_by_planes(
        &self,
        depthwise: &Depthwise,
        parts: &[CowArray<'_, F, Ix2>],
        fine: ArrayView3<'_, F>,
        coarse: &mut [Array3<F>],
        bias: Option<&Array1<F>>,
    ) {
        let whole = usize::MAX;
        tasks(coarse, whole).into_par_iter().for_each_init(Default::default, |(sorted, spread), task| {
            depthwise.sort(plane(fine.index_axis(Axis(0), task.group).row(0)), sorted);
            for (part, mut output) in parts.iter().zip(task.outputs) {
                self.start(bias, task.group, 0, &mut output);
                for (filter, output) in self.rows_of_group(part, task.group).rows().into_iter().zip(output.rows_mut()) {
                    depthwise.gather(plane(filter), sorted, spread, plane_mut(output));
                }
            }
        });
    }

    /// Scatters where each place is one number, the same one: there is nothing to fold.
    fn scatter_in_place(&self, messages: &[Message<'_, F>], fine: &mut Array3<F>, bias: Option<&Array1<F>>) {
        let tasks = tasks(std::slice::from_mut(fine), strip_length(self.shape[1]));
        tasks.into_par_iter().for_each(|task| {
            for mut output in task.outputs {
                self.start(bias, task.group, 0, &mut output);
                self.spread(messages, task.group, 0..self.shape[1], &task.places, output, Onto::Sum);
            }
        });
    }

    /// Scatters by products for blocks of channels, strip by strip, each folded onto the numbers that its windows see.
    fn scatter_by_channels(
        &self,
        geometry: &Geometry,
        messages: &[Message<'_, F>],
        fine: ArrayViewMut3<'_, F>,
        bias: Option<&Array1<F>>,
    ) {
        let block = FOLDED_ROWS.div_ceil(geometry.taps()).min(self.shape[1]);
        let strips = strips(geometry, strip_length(block * geometry.taps()));
        let tasks: Vec<_> = in_blocks(fine, Axis(1), block);
        tasks.into_par_iter().for_each_init(Vec::new, |scratch, (group, first, mut channels)| {
            self.start(bias, group, first, &mut channels);
            let rows = first * geometry.taps()..(first + channels.nrows()) * geometry.taps();
            for strip in &strips {
                let mut columns = matrix_of(scratch, rows.len(), strip.places.len());
                self.spread(messages, group, rows.clone(), &strip.places, columns.view_mut(), Onto::Nothing);
                strip.fold(columns.view(), channels.view_mut());
            }
        });
    }

    /// Scatters by shifted planes.
    fn scatter_by_planes(
        &self,
        depthwise: &Depthwise,
        messages: &[Message<'_, F>],
        fine: ArrayViewMut3<'_, F>,
        bias: Option<&Array1<F>>,
    ) {
        let tasks: Vec<_> = in_blocks(fine, Axis(1), 1);
        tasks.into_par_iter().for_each_init(Default::default, |(sorted, spread), (group, first, mut fine)| {
            self.start(bias, group, first, &mut fine);
            depthwise.clear(sorted);
            for (part, coarse) in messages {
                let coarse = coarse.index_axis(Axis(0), group);
                for (filter, coarse) in self.rows_of_group(part, group).rows().into_iter().zip(coarse.rows()) {
                    depthwise.scatter(plane(filter), plane(coarse), spread, sorted);
                }
            }
            depthwise.unsort(sorted, plane_mut(fine.row_mut(0)));
        });
    }

    /// `Σ_p W_pᵀ · coarse_p` at some places, for some columns of the weights, not yet folded.
    fn spread(
        &self,
        messages: &[Message<'_, F>],
        group: usize,
        columns: Range<usize>,
        places: &Range<usize>,
        mut output: ArrayViewMut2<'_, F>,
        mut onto: Onto,
    ) {
        for (part, coarse) in messages {
            let weights = self.rows_of_group(part, group).slice_move(s![.., columns.clone()]).reversed_axes();
            let coarse = coarse.slice(s![group, .., places.clone()]);
            matrix_product(weights, coarse, output.view_mut(), onto);
            onto = Onto::Sum;
        }
    }

    /// The filters of a group; groups are counted through all samples.
    fn rows_of_group<'a>(&self, weights: &'a CowArray<'_, F, Ix2>, group: usize) -> ArrayView2<'a, F> {
        let rows = self.shape[0] / self.groups;
        let first = group % self.groups * rows;
        weights.slice(s![first..first + rows, ..])
    }

    /// (samples · groups, channels of a group, numbers) as samples, all channels, and the axes of space there are.
    fn with_axes(&self, numbers: Array3<F>, channels: usize, lengths: [usize; 3]) -> ArrayD<F> {
        let samples = numbers.len_of(Axis(0)) / self.groups;
        let space = &lengths[3 - self.kernel().len()..];
        let numbers = numbers.into_shape_with_order([&[samples, channels], space].concat());
        numbers.unwrap_or_else(|_| unreachable!("as many numbers in all"))
    }
}

/// A part of the weights, and what it is to be multiplied with: (samples · groups, channels of a group, places).
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

/// How many places a strip has whose unfolded matrix has so many rows.
fn strip_length(rows: usize) -> usize {
    UNFOLDED_NUMBERS.div_ceil(rows).max(FEWEST_PLACES.min(MOST_UNFOLDED / rows)).max(1)
}

/// The numbers of one channel.
fn plane<'a, F>(channel: ArrayView1<'a, F>) -> &'a [F] {
    channel.to_slice().unwrap_or_else(|| unreachable!("channels are contiguous"))
}

/// The numbers of one channel, to be changed.
fn plane_mut<'a, F>(channel: ArrayViewMut1<'a, F>) -> &'a mut [F] {
    channel.into_slice().unwrap_or_else(|| unreachable!("channels are contiguous"))
}

/// Some places of one group, with their part of each output.
struct Task<'a, F> {
    group: usize,
    places: Range<usize>,
    outputs: Vec<ArrayViewMut2<'a, F>>,
}

/// Cuts outputs (samples · groups, channels, places) into tasks of `length` places.
fn tasks<F: Real>(outputs: &mut [Array3<F>], length: usize) -> Vec<Task<'_, F>> {
    let mut tasks: Vec<Task<'_, F>> = Vec::new();
    for output in outputs {
        let blocks = in_blocks(output.view_mut(), Axis(2), length);
        for (position, (group, first, output)) in blocks.into_iter().enumerate() {
            match tasks.get_mut(position) {
                Some(task) => task.outputs.push(output),
                None => tasks.push(Task { group, places: first..first + output.ncols(), outputs: vec![output] }),
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
