//! A window along one axis.

use std::ops::Range;

use crate::operation::LARGEST_TENSOR;

/// The positions of a window along one axis of an input.
///
/// Output `o` and tap `k` meet the input at `o · stride + k · dilation − before`; what lies outside of it is padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::operations) struct WindowAxis {
    /// The length of the input.
    pub(in crate::operations) input: usize,
    /// The length of the output: one number for each position of the window.
    pub(in crate::operations) output: usize,
    /// How many taps the window has.
    pub(in crate::operations) kernel: usize,
    /// From one position of the window to the next.
    pub(in crate::operations) stride: usize,
    /// From one tap to the next.
    pub(in crate::operations) dilation: usize,
    /// The padding before the input.
    pub(in crate::operations) before: usize,
    /// The padding after it.
    pub(in crate::operations) after: usize,
}

/// One position of a window along one axis, cut to the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::operations) struct Taps {
    /// Where the first tap inside of the input meets it.
    pub(in crate::operations) first: usize,
    /// How many taps are inside of the input.
    pub(in crate::operations) inside: usize,
    /// How many taps are inside of the padded input: those that [`Rounding::Ceil`](super::Rounding::Ceil) lets stick
    /// out are not.
    padded: usize,
}

/// Whether padding counts in an average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaddingCounts {
    /// The sum is divided by the size of the window, padding included.
    Yes,
    /// The sum is divided by the number of inputs in the window.
    No,
}

impl WindowAxis {
    /// An axis that one window covers.
    pub(in crate::operations) fn whole(length: usize) -> Self {
        Self { input: length, output: 1, kernel: length, stride: 1, dilation: 1, before: 0, after: 0 }
    }

    /// An axis along which each position is a window of its own.
    pub(in crate::operations) fn pointwise(length: usize) -> Self {
        Self { output: length, kernel: 1, ..Self::whole(length) }
    }

    /// The outputs for which tap `k` is inside of the input.
    pub(in crate::operations) fn outputs_inside(&self, k: usize) -> Range<usize> {
        let offset = k * self.dilation;
        let first = self.before.saturating_sub(offset).div_ceil(self.stride).min(self.output);
        let end = (self.input + self.before).saturating_sub(offset).div_ceil(self.stride).min(self.output);
        first..end.max(first)
    }

    /// Where tap `k` meets the input at an output [`inside`](Self::outputs_inside).
    pub(in crate::operations) fn meets(&self, output: usize, k: usize) -> usize {
        output * self.stride + k * self.dilation - self.before
    }

    /// The taps of the window at an output.
    pub(in crate::operations) fn taps(&self, output: usize) -> Taps {
        let start = output * self.stride; // from the first position of the padding
        let skipped = self.before.saturating_sub(start).div_ceil(self.dilation);
        let first = (start + skipped * self.dilation).saturating_sub(self.before);
        let below = |end: usize| end.saturating_sub(start).div_ceil(self.dilation).min(self.kernel);
        let inside = below(self.before + self.input).saturating_sub(skipped);
        Taps { first, inside, padded: below(self.before + self.input + self.after) }
    }

    /// Whether the window has positions where it holds nothing of the input. One whose padding is smaller than itself
    /// has them only where it is dilated beyond the whole input.
    pub(in crate::operations) fn has_empty_windows(&self) -> bool {
        // More outputs than a tensor can have are refused anyway.
        self.dilation > self.input
            && self.output <= LARGEST_TENSOR
            && (0..self.output).any(|output| self.taps(output).inside == 0)
    }

    /// The input sorted by its remainder modulo the stride: a window whose taps are the remainders.
    pub(in crate::operations) fn by_remainder(self) -> Self {
        let output = self.output + (self.kernel - 1) * self.dilation / self.stride;
        Self { output, kernel: self.stride, dilation: 1, ..self }
    }

    /// Whether input and output are the same positions.
    pub(in crate::operations) fn is_pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.before == 0 && self.input == self.output
    }
}

impl Taps {
    /// How many taps count in an average.
    pub(in crate::operations) fn count(&self, padding: PaddingCounts) -> usize {
        match padding {
            PaddingCounts::Yes => self.padded,
            PaddingCounts::No => self.inside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_and_taps_inside_are_those_that_meet_the_input() {
        for (input, output, stride, dilation, before, after) in
            [(5, 5, 1, 1, 1, 1), (7, 3, 2, 3, 0, 0), (1, 9, 1, 2, 7, 2), (4, 6, 3, 1, 20, 0), (6, 2, 9, 1, 2, 5)]
        {
            let axis = WindowAxis { input, output, kernel: 4, stride, dilation, before, after };
            let at = |o: usize, k: usize| o * stride + k * dilation;
            let inside = |o: usize, k: usize| (before..before + input).contains(&at(o, k));
            for k in 0..4 {
                let meeting: Vec<usize> = (0..output).filter(|&o| inside(o, k)).collect();
                assert_eq!(axis.outputs_inside(k).collect::<Vec<_>>(), meeting, "{axis:?} {k}");
                for o in meeting {
                    assert_eq!(axis.meets(o, k) + before, at(o, k));
                }
            }
            for o in 0..output {
                let taps: Vec<usize> = (0..4).filter(|&k| inside(o, k)).collect();
                let found = axis.taps(o);
                assert_eq!(found.count(PaddingCounts::No), taps.len(), "{axis:?} {o}");
                assert!(taps.first().is_none_or(|&k| found.first + before == at(o, k)), "{axis:?} {o}");
                let padded = (0..4).filter(|&k| at(o, k) < before + input + after).count();
                assert_eq!(found.count(PaddingCounts::Yes), padded, "{axis:?} {o}");
            }
        }
    }
}
