//! The geometry of a convolution.

/// How a convolution goes over its input: everything but the weights.
///
/// ```text
/// y[n, i, j, o] = Σ_{p, q, c} w[o, c, p, q] · x[n, i s₀ + p d₀ − a₀, j s₁ + q d₁ − a₁, c]
/// ```
/// * `s`, `d`, `a` — stride, dilation, and the padding before; outside of the input x is 0
/// * `c` — the input channels of the group that output channel `o` is in
///
/// An axis that isn't there has length 1, a kernel of 1 and no padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps between the windows of neighboring outputs.
    pub stride: [usize; 2],
    /// Steps between neighboring weights.
    pub dilation: [usize; 2],
    /// Zeros before and after each axis.
    pub padding: [[usize; 2]; 2],
    /// Groups of channels that have nothing to do with each other.
    pub groups: usize,
}

/// Why a geometry is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// There must be channels, groups, weights and steps.
    #[error("channels, groups, kernel, stride and dilation must be at least 1")]
    Zero,
    /// Each group has as many channels as every other.
    #[error("{inputs} input and {outputs} output channels can't be split into {groups} groups of equal size")]
    Groups {
        /// Input channels.
        inputs: usize,
        /// Output channels.
        outputs: usize,
        /// Groups.
        groups: usize,
    },
}

impl Shape {
    /// A convolution with a step of 1, without padding, dilation and groups.
    pub fn plain(inputs: usize, outputs: usize, kernel: [usize; 2]) -> Self {
        Self { inputs, outputs, kernel, stride: [1; 2], dilation: [1; 2], padding: [[0; 2]; 2], groups: 1 }
    }

    /// The shape itself, if it is a geometry.
    pub(crate) fn checked(self) -> Result<Self, ShapeError> {
        let Self { inputs, outputs, kernel, stride, dilation, groups, .. } = self;
        let counts = [[inputs, outputs], kernel, stride, dilation];
        if groups == 0 || counts.as_flattened().contains(&0) {
            return Err(ShapeError::Zero);
        }
        if inputs % groups != 0 || outputs % groups != 0 {
            return Err(ShapeError::Groups { inputs, outputs, groups });
        }
        Ok(self)
    }

    /// Height and width of the output for an input of a height and width; `None` where the kernel doesn't fit.
    pub fn output_size(&self, input: [usize; 2]) -> Option<[usize; 2]> {
        let axis = |axis: usize| {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            let padded = input[axis] + self.padding[axis][0] + self.padding[axis][1];
            (input[axis] > 0 && padded >= reach).then(|| (padded - reach) / self.stride[axis] + 1)
        };
        Some([axis(0)?, axis(1)?])
    }

    /// Weights of a kernel that belong to one input and one output channel.
    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Whether each channel goes by itself.
    pub(crate) fn is_depthwise(&self) -> bool {
        self.groups == self.inputs && self.groups == self.outputs
    }

    /// Input channels of a group.
    pub(crate) fn group_inputs(&self) -> usize {
        self.inputs / self.groups
    }

    /// Output channels of a group.
    pub(crate) fn group_outputs(&self) -> usize {
        self.outputs / self.groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geometries_are_checked() {
        let shape = Shape::plain(4, 6, [3, 3]);
        assert_eq!(shape.checked(), Ok(shape));
        assert_eq!(Shape { groups: 2, ..shape }.checked().map(|shape| shape.group_outputs()), Ok(3));
        let groups = Shape { groups: 3, ..shape };
        assert_eq!(groups.checked(), Err(ShapeError::Groups { inputs: 4, outputs: 6, groups: 3 }));
        assert_eq!(Shape { stride: [1, 0], ..shape }.checked(), Err(ShapeError::Zero));
    }

    #[test]
    fn sizes_are_counts_of_windows() {
        let shape = Shape { stride: [2, 1], dilation: [1, 2], padding: [[1, 0], [0, 0]], ..Shape::plain(1, 1, [3, 3]) };
        assert_eq!(shape.output_size([6, 5]), Some([3, 1]));
        assert_eq!(shape.output_size([6, 4]), None);
    }
}
