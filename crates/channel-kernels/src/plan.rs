//! Which numbers of the input meet which weights: a convolution and its transposed as lists of taps.
use crate::shape::Shape;

/// A convolution, forward or transposed, as sums over taps.
///
/// Output `phase.first + (j, i) · output_step` is the sum over the taps of the phase: of what stands at input
/// `(j, i) · input_step + tap.offset`, times the weights of the tap.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// The outputs in lots whose taps are the same.
    pub(crate) phases: Vec<Phase>,
    /// Steps in the input from one output of a phase to the next.
    pub(crate) input_step: [usize; 2],
    /// Steps in the output from one output of a phase to the next.
    pub(crate) output_step: [usize; 2],
    /// Neighboring columns of the input that a tap takes as one run of numbers.
    pub(crate) columns: usize,
}

/// Outputs whose taps are the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Phase {
    /// The first output, row and column.
    pub(crate) first: [usize; 2],
    /// The taps.
    pub(crate) taps: Vec<PlanTap>,
}

/// One place of the kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PlanTap {
    /// Rows and columns from the output's place in the input.
    pub(crate) offset: [isize; 2],
    /// The place among the weights, row by row.
    pub(crate) weights: usize,
}

/// Fewer input channels than this are taken together with those of the next columns.
const FEW_CHANNELS: usize = 32;

impl Plan {
    /// Output pixels from input pixels.
    pub(crate) fn forward(shape: &Shape) -> Self {
        let merged = shape.dilation[1] == 1 && shape.groups == 1 && shape.inputs < FEW_CHANNELS;
        let columns = if merged { shape.kernel[1] } else { 1 };
        let offset = |axis: usize, k: usize| (k * shape.dilation[axis]) as isize - shape.padding[axis][0] as isize;
        let taps = kernel_places(shape)
            .step_by(columns)
            .map(|(weights, [p, q])| PlanTap { offset: [offset(0, p), offset(1, q)], weights })
            .collect();
        let phases = vec![Phase { first: [0, 0], taps }];
        Self { phases, input_step: shape.stride, output_step: [1, 1], columns }
    }

    /// Input pixels from output pixels, by the same weights: a phase for each remainder of the stride.
    pub(crate) fn transposed(shape: &Shape) -> Self {
        let phase = |first: [usize; 2]| {
            // Output row r takes input row i by weight p where i = r · stride + p · dilation − padding.
            let offset = |axis: usize, k: usize| {
                let from = (first[axis] + shape.padding[axis][0]) as isize - (k * shape.dilation[axis]) as isize;
                let step = shape.stride[axis] as isize;
                (from.rem_euclid(step) == 0).then(|| from.div_euclid(step))
            };
            let taps = kernel_places(shape)
                .filter_map(|(weights, [p, q])| Some(PlanTap { offset: [offset(0, p)?, offset(1, q)?], weights }))
                .collect();
            Phase { first, taps }
        };
        let firsts = (0..shape.stride[0]).flat_map(|row| (0..shape.stride[1]).map(move |column| [row, column]));
        Self { phases: firsts.map(phase).collect(), input_step: [1, 1], output_step: shape.stride, columns: 1 }
    }

    /// The least and the greatest offset of a tap along an axis, 0 included.
    pub(crate) fn reach(&self, axis: usize) -> [isize; 2] {
        let offsets = self.phases.iter().flat_map(|phase| &phase.taps).map(|tap| tap.offset[axis]);
        let wide = if axis == 1 { self.columns as isize - 1 } else { 0 };
        offsets.fold([0, 0], |[least, greatest], offset| [least.min(offset), greatest.max(offset + wide)])
    }
}

/// The places of the kernel, row by row: number, row and column.
fn kernel_places(shape: &Shape) -> impl Iterator<Item = (usize, [usize; 2])> + use<> {
    let columns = shape.kernel[1];
    (0..shape.taps()).map(move |place| (place, [place / columns, place % columns]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Triples (input, output, weights) of a plan, for outputs within `outputs` and inputs within `inputs`.
    fn met(plan: &Plan, inputs: [usize; 2], outputs: [usize; 2]) -> BTreeSet<([usize; 2], [usize; 2], usize)> {
        let mut met = BTreeSet::new();
        for phase in &plan.phases {
            for (j, i) in (0..outputs[0]).flat_map(|j| (0..outputs[1]).map(move |i| (j, i))) {
                let output = [phase.first[0] + j * plan.output_step[0], phase.first[1] + i * plan.output_step[1]];
                for (tap, column) in
                    phase.taps.iter().flat_map(|tap| (0..plan.columns).map(move |column| (tap, column)))
                {
                    let row = (j * plan.input_step[0]) as isize + tap.offset[0];
                    let column_at = (i * plan.input_step[1]) as isize + tap.offset[1] + column as isize;
                    let inside = |at: isize, length: usize| usize::try_from(at).ok().filter(|&at| at < length);
                    if let (Some(row), Some(x)) = (inside(row, inputs[0]), inside(column_at, inputs[1]))
                        && output[0] < outputs[0]
                        && output[1] < outputs[1]
                    {
                        met.insert(([row, x], output, tap.weights + column));
                    }
                }
            }
        }
        met
    }

    proptest! {
        #[test]
        fn plans_are_the_formula(
            kernel in prop::array::uniform2(1usize..4), stride in prop::array::uniform2(1usize..4),
            dilation in prop::array::uniform2(1usize..3), before in prop::array::uniform2(0usize..4),
            after in prop::array::uniform2(0usize..3), size in prop::array::uniform2(1usize..9), channels in 1usize..40,
        ) {
            let padding = [[before[0], after[0]], [before[1], after[1]]];
            let shape = Shape { stride, dilation, padding, ..Shape::plain(channels, 1, kernel) };
            prop_assume!(shape.output_size(size).is_some());
            let outputs = shape.output_size(size).unwrap();
            let mut want = BTreeSet::new();
            for (y, x) in (0..outputs[0]).flat_map(|y| (0..outputs[1]).map(move |x| (y, x))) {
                for (weights, [p, q]) in kernel_places(&shape) {
                    let row = (y * stride[0] + p * dilation[0]).checked_sub(before[0]).filter(|&row| row < size[0]);
                    let column = (x * stride[1] + q * dilation[1]).checked_sub(before[1]).filter(|&column| column < size[1]);
                    if let (Some(row), Some(column)) = (row, column) {
                        want.insert(([row, column], [y, x], weights));
                    }
                }
            }
            prop_assert_eq!(met(&Plan::forward(&shape), size, outputs), want.clone());
            let turned: BTreeSet<_> =
                met(&Plan::transposed(&shape), outputs, size).into_iter().map(|(from, to, weights)| (to, from, weights)).collect();
            prop_assert_eq!(turned, want);
        }
    }
}
