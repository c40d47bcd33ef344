//! Pieces of weights, made just before their use: a part of each weight, a panel transposed.
use std::ops::Range;

use crate::Instructions;
use crate::packed::{Packed, panel_width};
use crate::scratch::Scratch;
use crate::tile::PANEL;
use crate::transposition::Transposition;

/// Writes the part of each weight of a run that acts: W⁺, W⁻, |W|, W² and whatever else a rule is about.
///
/// Runs are of any length and come in any order, from any thread. What it makes of the zeros that fill panels up is
/// never read.
pub type WeightPart = dyn Fn(&[f32], &mut [f32]) + Sync;

/// Which way weights are gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From input to output channels.
    Forward,
    /// From output to input channels.
    Transposed,
}

/// The weights, and the way they are gone through.
pub(crate) struct Weights<'a> {
    pub(crate) packed: &'a Packed,
    pub(crate) direction: Direction,
}

/// A panel of the job: 64 channels, or what is left, of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) group: usize,
    pub(crate) index: usize,
    /// Channels that the panel makes.
    pub(crate) lanes: usize,
}

impl Weights<'_> {
    /// Channels that are summed over, in each group.
    pub(crate) fn summed(&self) -> usize {
        let shape = self.packed.shape();
        match self.direction {
            Direction::Forward => shape.group_inputs(),
            Direction::Transposed => shape.group_outputs(),
        }
    }

    /// Channels that are made, in each group.
    pub(crate) fn made(&self) -> usize {
        let shape = self.packed.shape();
        match self.direction {
            Direction::Forward => shape.group_outputs(),
            Direction::Transposed => shape.group_inputs(),
        }
    }

    /// The panels, group by group.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let made = self.made();
        let of_group = |group| {
            (0..made.div_ceil(PANEL)).map(move |index| Block { group, index, lanes: (made - index * PANEL).min(PANEL) })
        };
        (0..self.packed.shape().groups).flat_map(of_group).collect()
    }

    /// Numbers from one row of a panel to the next.
    pub(crate) fn width(&self, block: Block) -> usize {
        panel_width(self.made(), block.index)
    }

    /// The rows `channels` of a tap: as they lie, if nothing is to be done to them.
    pub(crate) fn lying(
        &self,
        block: Block,
        part: Option<&WeightPart>,
        tap: usize,
        channels: &Range<usize>,
    ) -> Option<&[f32]> {
        (self.direction == Direction::Forward && part.is_none()).then(|| self.rows(block, tap, channels.clone()))
    }

    /// Writes a part of the rows `channels` of a tap to `to`.
    pub(crate) fn make(
        &self,
        instructions: Instructions,
        block: Block,
        part: Option<&WeightPart>,
        tap: usize,
        channels: &Range<usize>,
        to: &mut [f32],
    ) {
        match (self.direction, part) {
            (Direction::Forward, None) => to.copy_from_slice(self.rows(block, tap, channels.clone())),
            (Direction::Forward, Some(part)) => part(self.rows(block, tap, channels.clone()), to),
            (Direction::Transposed, None) => self.transpose(instructions, block, tap, channels.clone(), to),
            (Direction::Transposed, Some(part)) => {
                let mut turned = Scratch::take(to.len());
                self.transpose(instructions, block, tap, channels.clone(), &mut turned);
                part(&turned, to);
            }
        }
    }

    /// Asks for the panels that will be transposed, so that they are on their way while something else is done: they are
    /// read line by line in an order that no processor foresees.
    pub(crate) fn prefetch(&self, block: Block, tap: usize, channels: &Range<usize>) {
        if self.direction == Direction::Forward {
            return;
        }
        for index in channels.start / PANEL..channels.end.div_ceil(PANEL) {
            prefetch(self.transposed_rows(block, tap, index));
        }
    }

    fn rows(&self, block: Block, tap: usize, channels: Range<usize>) -> &[f32] {
        let panel = self.packed.panel(block.group, block.index);
        let first = tap * self.summed();
        &panel.values[(first + channels.start) * panel.width..(first + channels.end) * panel.width]
    }

    /// The rows of a panel of output channels that are columns of the transposed block.
    fn transposed_rows(&self, block: Block, tap: usize, index: usize) -> &[f32] {
        let panel = self.packed.panel(block.group, index);
        let first = (tap * self.packed.shape().group_inputs() + block.index * PANEL) * panel.width;
        &panel.values[first..first + block.lanes * panel.width]
    }

    /// Rows of output channels, columns of input channels.
    fn transpose(&self, instructions: Instructions, block: Block, tap: usize, channels: Range<usize>, to: &mut [f32]) {
        let width = self.width(block);
        let mut start = channels.start;
        while start < channels.end {
            let panel = self.packed.panel(block.group, start / PANEL);
            let column = start % PANEL;
            let columns = (channels.end - start).min(PANEL - column);
            instructions.run(Transposition {
                from: self.transposed_rows(block, tap, start / PANEL),
                from_width: panel.width,
                columns: column..column + columns,
                to: &mut to[(start - channels.start) * width..(start - channels.start + columns) * width],
                to_width: width,
            });
            start += columns;
        }
    }
}

/// Asks for the lines of a slice.
fn prefetch(values: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks(16) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: every x86-64 has the instruction, which reads nothing that a program would notice.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}
