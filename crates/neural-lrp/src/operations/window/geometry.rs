//! A window over the spatial axes of an input whose lengths are known.

use crate::operations::window::axis::WindowAxis;

/// A window over three axes; whoever has fewer lacks the first.
///
/// The input is what the window slides over, the output has one number for each of its positions: the sides of a
/// convolution or pooling. A transposed convolution goes from the output back to the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Depth, rows, columns.
    pub(in crate::operations) axes: [WindowAxis; 3],
}

impl Geometry {
    /// The geometry of up to three axes.
    pub(in crate::operations) fn new(given: &[WindowAxis]) -> Self {
        let mut axes = [WindowAxis::whole(1); 3];
        for (axis, given) in axes.iter_mut().rev().zip(given.iter().rev()) {
            *axis = *given;
        }
        Self { axes }
    }

    /// The lengths of the input, for so many spatial axes.
    pub(in crate::operations) fn input_lengths(&self, spatial_axes: usize) -> Vec<usize> {
        self.axes[3 - spatial_axes..].iter().map(|axis| axis.input).collect()
    }

    /// The lengths of the output, for so many spatial axes.
    pub(in crate::operations) fn output_lengths(&self, spatial_axes: usize) -> Vec<usize> {
        self.axes[3 - spatial_axes..].iter().map(|axis| axis.output).collect()
    }

    /// How many positions a channel of the input has.
    pub(in crate::operations) fn inputs(&self) -> usize {
        self.axes.iter().map(|axis| axis.input).product()
    }

    /// How many positions a channel of the output has.
    pub(in crate::operations) fn outputs(&self) -> usize {
        self.axes.iter().map(|axis| axis.output).product()
    }

    /// How many taps the window has in one channel.
    pub(in crate::operations) fn taps(&self) -> usize {
        self.axes.iter().map(|axis| axis.kernel).product()
    }

    /// Whether input and output are the same positions.
    pub(in crate::operations) fn is_pointwise(&self) -> bool {
        self.axes.iter().all(WindowAxis::is_pointwise)
    }
}
