//! The weights of a convolution, and what they make of either side.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array3, ArrayD, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMut3, Axis, CowArray, Ix2, Ix3, s};
use rayon::prelude::*;

use crate::linear::{WeightPart, Weights};
use crate::matrix_product::{Onto, matrix_product};
use crate::operations::convolution::unfolding::{Strip, strips};
use crate::operations::convolution::{Geometry, refuse};
use crate::{Error, Real};

/// How many numbers are unfolded at a time: what stays in the second-level cache while it is multiplied.
const UNFOLDED_NUMBERS: usize = 1 << 18;

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

    /// What the window gathers at each place, by each part of the weights: `coarse = W_p · fine`.
    pub fn gather(&self, parts: &[WeightPart], fine: &ArrayViewD<'_, F>, geometry: &Geometry) -> Vec<ArrayD<F>> {
        let fine = in_groups(fine, self.shape[1], geometry.fine());
        let parts: Vec<_> = parts.iter().map(|&part| self.weights.part(part)).collect();
        let zeros = || Array3::zeros((fine.len_of(Axis(0)), self.shape[0] / self.groups, geometry.coarse()));
        let mut coarse: Vec<_> = parts.iter().map(|_| zeros()).collect();
        let strips = strips(geometry, UNFOLDED_NUMBERS.div_ceil(self.weights.rows().ncols()));
        striped(&mut coarse, &strips).into_par_iter().for_each_init(Vec::new, |scratch, task| {
            let fine = fine.index_axis(Axis(0), task.group);
            let mut unfolded;
            let columns = if geometry.is_pointwise() {
                fine.slice_move(s![.., task.strip.places.clone()])
            } else {
                unfolded = matrix_of(scratch, self.weights.rows().ncols(), task.strip.places.len());
                task.strip.unfold(fine, unfolded.view_mut());
                unfolded.view()
            };
            for (part, output) in parts.iter().zip(task.outputs) {
                matrix_product(self.rows_of_group(part, task.group), columns, output, Onto::Nothing);
            }
        });
        let lengths = geometry.axes.map(|axis| axis.coarse);
        coarse.into_iter().map(|coarse| self.with_axes(coarse, self.shape[0], lengths)).collect()
    }

    /// What the window's places scatter over the numbers they see, by parts of the weights: `fine = Σ_p W_pᵀ · coarse_p`.
    pub fn scatter(
        &self,
        messages: &[(WeightPart, ArrayViewD<'_, F>)],
        samples: usize,
        geometry: &Geometry,
    ) -> ArrayD<F> {
        let channels = self.shape[0] / self.groups;
        let messages: Vec<Message<'_, F>> = messages
            .iter()
            .map(|(part, coarse)| (self.weights.part(*part), in_groups(coarse, channels, geometry.coarse())))
            .collect();
        let mut fine = Array3::zeros((samples * self.groups, self.shape[1], geometry.fine()));
        if messages.is_empty() {
        } else if geometry.is_pointwise() {
            let strips = strips(geometry, UNFOLDED_NUMBERS.div_ceil(self.shape[1]));
            striped(std::slice::from_mut(&mut fine), &strips).into_par_iter().for_each(|task| {
                for output in task.outputs {
                    self.spread(&messages, task.group, 0..self.shape[1], &task.strip.places, output);
                }
            });
        } else {
            self.scatter_by_channels(&messages, fine.view_mut(), geometry);
        }
        self.with_axes(fine, self.fine_channels(), geometry.axes.map(|axis| axis.fine))
    }

    /// Scatters by products for blocks of channels, strip by strip, each folded onto the numbers that its windows see.
    fn scatter_by_channels(&self, messages: &[Message<'_, F>], fine: ArrayViewMut3<'_, F>, geometry: &Geometry) {
        let block = FOLDED_ROWS.div_ceil(geometry.taps()).min(self.shape[1]);
        let strips = strips(geometry, UNFOLDED_NUMBERS.div_ceil(block * geometry.taps()));
        let tasks: Vec<_> = in_blocks(fine, Axis(1), block);
        tasks.into_par_iter().for_each_init(Vec::new, |scratch, (group, first, mut channels)| {
            let rows = first * geometry.taps()..(first + channels.nrows()) * geometry.taps();
            for strip in &strips {
                let mut columns = matrix_of(scratch, rows.len(), strip.places.len());
                self.spread(messages, group, rows.clone(), &strip.places, columns.view_mut());
                strip.fold(columns.view(), channels.view_mut());
            }
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
    ) {
        for (position, (part, coarse)) in messages.iter().enumerate() {
            let weights = self.rows_of_group(part, group).slice_move(s![.., columns.clone()]).reversed_axes();
            let coarse = coarse.slice(s![group, .., places.clone()]);
            matrix_product(weights, coarse, output.view_mut(), if position == 0 { Onto::Nothing } else { Onto::Sum });
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

/// One strip of one group, with its part of each output.
struct Task<'a, F> {
    group: usize,
    strip: &'a Strip,
    outputs: Vec<ArrayViewMut2<'a, F>>,
}

/// Cuts outputs (samples · groups, channels, places) into strips.
fn striped<'a, F: Real>(outputs: &'a mut [Array3<F>], strips: &'a [Strip]) -> Vec<Task<'a, F>> {
    let length = strips.first().map_or(1, |strip| strip.places.len());
    let mut tasks: Vec<Task<'a, F>> = Vec::new();
    for output in outputs {
        for (position, (group, first, output)) in in_blocks(output.view_mut(), Axis(2), length).into_iter().enumerate()
        {
            match tasks.get_mut(position) {
                Some(task) => task.outputs.push(output),
                None => tasks.push(Task { group, strip: &strips[first / length], outputs: vec![output] }),
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
