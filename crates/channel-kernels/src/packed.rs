//! Weights in the order in which kernels read them.
use crate::aligned::Aligned;
use crate::shape::Shape;
use crate::tile::PANEL;

/// Inputs whose rows of a panel, for all taps of a usual kernel, stay in the first-level cache while they are written.
const NEAR_INPUTS: usize = 8;

/// The weights of a convolution in panels of output channels: `[group][outputs / 64][tap][inputs][64]`.
///
/// It is the only copy that a caller has to keep: [`to_rows`](Self::to_rows) gives back what it was made of. Everything
/// else that is made of weights is made just before its use, in small pieces. The last panel of a group is as wide as
/// its channels, rounded up to 16. Where each channel goes by itself, it is `[tap][channel]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    shape: Shape,
    values: Aligned,
}

/// One panel of weights, `[tap][inputs][width]`.
#[derive(Clone, Copy)]
pub(crate) struct WeightPanel<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) width: usize,
}

impl Packed {
    /// Packs weights that lie as `[outputs][inputs of the group][height][width]`.
    pub(crate) fn new(shape: Shape, rows: &[f32]) -> Self {
        let length = if shape.is_depthwise() { rows.len() } else { shape.groups * group_length(&shape) };
        let mut values = Aligned::zeros(length);
        let panels: &mut [f32] = &mut values;
        for_each_weight(&shape, |row, packed| panels[packed] = rows[row]);
        Self { shape, values }
    }

    /// The weights as `[outputs][inputs of the group][height][width]`, to the bit.
    pub fn to_rows(&self) -> Vec<f32> {
        let mut rows = vec![0.0; self.shape.outputs * self.shape.group_inputs() * self.shape.taps()];
        let panels: &[f32] = &self.values;
        for_each_weight(&self.shape, |row, packed| rows[row] = panels[packed]);
        rows
    }

    /// The convolution that they were packed for. They are the weights of any that [fits](Self::fits) as well.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether they can be the weights of a convolution: stride, dilation and padding may be others.
    pub fn fits(&self, shape: &Shape) -> bool {
        let Shape { inputs, outputs, kernel, groups, .. } = self.shape;
        (inputs, outputs, kernel, groups) == (shape.inputs, shape.outputs, shape.kernel, shape.groups)
    }

    /// The numbers as they lie, zeros at the end of the last panel included.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// A weight of each channel, where each goes by itself.
    pub(crate) fn depthwise_row(&self, tap: usize) -> &[f32] {
        &self.values[tap * self.shape.outputs..(tap + 1) * self.shape.outputs]
    }

    /// The panel of output channels `64 · block ..` of a group.
    pub(crate) fn panel(&self, group: usize, block: usize) -> WeightPanel<'_> {
        let rows = self.shape.taps() * self.shape.group_inputs();
        let width = panel_width(self.shape.group_outputs(), block);
        let first = group * group_length(&self.shape) + block * PANEL * rows;
        WeightPanel { values: &self.values[first..first + rows * width], width }
    }
}

/// Numbers from one output channel panel row to the next: the channels, rounded up to 16.
pub(crate) fn panel_width(outputs: usize, block: usize) -> usize {
    (outputs - block * PANEL).min(PANEL).next_multiple_of(16)
}

/// Gives the place of each weight in rows and in panels, so that those near in time are near in memory on both sides.
fn for_each_weight(shape: &Shape, mut weight: impl FnMut(usize, usize)) {
    let (inputs, taps, outputs) = (shape.group_inputs(), shape.taps(), shape.group_outputs());
    if shape.is_depthwise() {
        for (output, tap) in (0..shape.outputs).flat_map(|output| (0..taps).map(move |tap| (output, tap))) {
            weight(output * taps + tap, tap * shape.outputs + output);
        }
        return;
    }
    let blocks = (0..shape.groups).flat_map(|group| (0..outputs).step_by(PANEL).map(move |output| (group, output)));
    for (group, first) in blocks {
        let panel = group * group_length(shape) + first * taps * inputs;
        let width = panel_width(outputs, first / PANEL);
        for near in (0..inputs).step_by(NEAR_INPUTS) {
            for lane in 0..PANEL.min(outputs - first) {
                let row = (group * outputs + first + lane) * inputs;
                for input in near..inputs.min(near + NEAR_INPUTS) {
                    for tap in 0..taps {
                        weight((row + input) * taps + tap, panel + (tap * inputs + input) * width + lane);
                    }
                }
            }
        }
    }
}

fn group_length(shape: &Shape) -> usize {
    shape.group_outputs().next_multiple_of(16) * shape.taps() * shape.group_inputs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_come_back(groups in 1usize..3, inputs in 1usize..20, outputs in 1usize..140, kernel in 1usize..4) {
            let shape = Shape { groups, ..Shape::plain(groups * inputs, groups * outputs, [kernel, 2]) };
            let rows: Vec<f32> = (0..groups * outputs * inputs * kernel * 2).map(|at| at as f32 + 1.0).collect();
            let packed = Packed::new(shape, &rows);
            prop_assert_eq!(packed.to_rows(), rows.clone());
            if shape.is_depthwise() {
                prop_assert_eq!(packed.depthwise_row(2 * kernel - 1)[groups - 1], rows[rows.len() - 1]);
                return Ok(());
            }
            for (at, &value) in rows.iter().enumerate() {
                let (tap, input, output) = (at % (2 * kernel), at / (2 * kernel) % inputs, at / (2 * kernel * inputs));
                let (group, output) = (output / outputs, output % outputs);
                let panel = packed.panel(group, output / PANEL);
                prop_assert_eq!(panel.values[(tap * inputs + input) * panel.width + output % PANEL], value);
            }
        }
    }
}
