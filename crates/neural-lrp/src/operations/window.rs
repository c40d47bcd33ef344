//! Windows that slide over spatial axes: what convolutions and poolings have in common.

mod axis;
mod geometry;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) mod twin;

pub use axis::PaddingCounts;
pub(super) use axis::{Taps, WindowAxis};
pub(super) use geometry::Geometry;

use crate::operation::OperatorSpec;
use crate::{Error, Real};

/// A window that slides over one to three spatial axes.
///
/// ```text
/// output o and tap k of the window meet the input at o · stride + k · dilation − before
/// ```
/// * `before` — the padding before the first number of the input
///
/// What is not said is as in ONNX: strides and dilations are 1, there is no padding, and windows that reach beyond the
/// input and its padding are left out. The kernel of a convolution is that of its weights, and need not be said.
///
/// ```
/// use neural_lrp::Operation;
/// use neural_lrp::operations::{MaxPool, Padding, Window};
///
/// let pool = MaxPool::new(Window::new([3, 3]).strides([2, 2]).padding(Padding::symmetric([1, 1])))?;
/// assert_eq!(Operation::<f32>::output_shape(&pool, &[&[1, 64, 112, 112]])?, [1, 64, 56, 56]);
/// # Ok::<(), neural_lrp::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub(super) kernel: Vec<usize>,
    pub(super) strides: Vec<usize>,
    pub(super) dilations: Vec<usize>,
    pub(super) padding: Padding,
    pub(super) rounding: Rounding,
}

/// What stands around the input: nothing, as far as an operation can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// None: each window lies within the input.
    #[default]
    None,
    /// So many positions before and after each axis.
    Explicit {
        /// Before the first.
        before: Vec<usize>,
        /// After the last.
        after: Vec<usize>,
    },
    /// As many outputs as strides fit into the input; the odd position of the padding comes last.
    SameUpper,
    /// As many outputs as strides fit into the input; the odd position of the padding comes first.
    SameLower,
}

/// What becomes of a last window that reaches beyond the padded input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// It is left out.
    #[default]
    Floor,
    /// It counts, unless it begins beyond the input and the padding before it. Only poolings have such windows.
    Ceil,
}

impl Window {
    /// A window of a kernel, the number of its taps along each axis.
    pub fn new(kernel: impl Into<Vec<usize>>) -> Self {
        Self { kernel: kernel.into(), ..Self::default() }
    }

    /// The window with these steps from one position to the next.
    #[must_use]
    pub fn strides(self, strides: impl Into<Vec<usize>>) -> Self {
        Self { strides: strides.into(), ..self }
    }

    /// The window with these distances from one tap to the next.
    #[must_use]
    pub fn dilations(self, dilations: impl Into<Vec<usize>>) -> Self {
        Self { dilations: dilations.into(), ..self }
    }

    /// The window over a padded input.
    #[must_use]
    pub fn padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// The window with or without a last position that reaches beyond the padded input.
    #[must_use]
    pub fn rounding(self, rounding: Rounding) -> Self {
        Self { rounding, ..self }
    }

    /// Reads a window from the attributes of a spec; it is to be [`checked`](Self::checked).
    pub(super) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<Self, Error> {
        let list = |name| spec.counts(name, 1).map(Option::unwrap_or_default);
        let rounding = if spec.integer("ceil_mode", 0)? == 0 { Rounding::Floor } else { Rounding::Ceil };
        let padding = match spec.text("auto_pad", "NOTSET")? {
            "NOTSET" => Padding::read(spec)?,
            "VALID" => Padding::None,
            "SAME_UPPER" => Padding::SameUpper,
            "SAME_LOWER" => Padding::SameLower,
            other => return Err(spec.refuse("auto_pad", other, "NOTSET, VALID, SAME_UPPER or SAME_LOWER")),
        };
        let (kernel, strides, dilations) = (list("kernel_shape")?, list("strides")?, list("dilations")?);
        Ok(Self { kernel, strides, dilations, padding, rounding })
    }

    /// Adds the attributes to a spec.
    pub(super) fn write<F: Real>(&self, spec: OperatorSpec<F>) -> OperatorSpec<F> {
        let spec = spec
            .with_integers("kernel_shape", integers(&self.kernel))
            .with_integers("strides", integers(&self.strides))
            .with_integers("dilations", integers(&self.dilations));
        let spec = match self.rounding {
            Rounding::Floor => spec,
            Rounding::Ceil => spec.with_integer("ceil_mode", 1),
        };
        match &self.padding {
            Padding::None => spec,
            Padding::Explicit { before, after } => {
                spec.with_integers("pads", integers(before).into_iter().chain(integers(after)))
            }
            Padding::SameUpper => spec.with_text("auto_pad", "SAME_UPPER"),
            Padding::SameLower => spec.with_text("auto_pad", "SAME_LOWER"),
        }
    }

    /// The window of an operation of this kind, with all lists said and of the same length.
    ///
    /// # Errors
    /// [`Error::Attribute`] for lists that are no window.
    pub(super) fn checked(mut self, kind: &str) -> Result<Self, Error> {
        let axes = self.kernel.len();
        if !(1..=3).contains(&axes) || self.kernel.contains(&0) {
            let value = format!("{:?}", self.kernel);
            return Err(Error::attribute(kind, "kernel_shape", value, "one to three lengths of at least 1"));
        }
        for (name, list) in [("strides", &mut self.strides), ("dilations", &mut self.dilations)] {
            if list.is_empty() {
                *list = vec![1; axes];
            }
            if list.len() != axes || list.contains(&0) {
                let expected = format!("{axes} numbers, one per spatial axis, each at least 1");
                return Err(Error::attribute(kind, name, format!("{list:?}"), expected));
            }
        }
        if let Padding::Explicit { before, after } = &self.padding
            && [before.len(), after.len()] != [axes, axes]
        {
            let expected = format!("{} numbers: before each spatial axis, then after each", 2 * axes);
            return Err(Error::attribute(kind, "pads", format!("{:?}", [&before[..], after].concat()), expected));
        }
        let mut axes = self.kernel.iter().zip(&self.dilations);
        if axes.any(|(kernel, dilation)| (kernel - 1).checked_mul(*dilation).is_none_or(|span| span == usize::MAX)) {
            let value = format!("{:?} at dilations {:?}", self.kernel, self.dilations);
            return Err(Error::attribute(kind, "kernel_shape", value, "a window that fits into memory"));
        }
        Ok(self)
    }

    /// The window of a convolution whose weights have this kernel, checked.
    ///
    /// # Errors
    /// As [`checked`](Self::checked); and for another kernel, or for windows that only poolings have.
    pub(super) fn over_weights(self, kind: &str, kernel: &[usize]) -> Result<Self, Error> {
        if !self.kernel.is_empty() && self.kernel != kernel {
            let expected = format!("{kernel:?}, that of the weights");
            return Err(Error::attribute(kind, "kernel_shape", format!("{:?}", self.kernel), expected));
        }
        if self.rounding == Rounding::Ceil {
            return Err(Error::attribute(kind, "ceil_mode", "1", "0: only poolings have windows that are cut off"));
        }
        Self { kernel: kernel.to_vec(), ..self }.checked(kind)
    }

    /// The number of positions that the window covers along an axis, those between its taps included.
    pub(super) fn span(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1) * self.dilations[axis] + 1
    }

    /// The window over an input whose spatial axes have these lengths; or the reason why it does not fit.
    pub(super) fn over(&self, lengths: &[usize]) -> Result<Geometry, String> {
        let axis = |(axis, &input): (usize, &usize)| {
            self.along(axis, input).ok_or_else(|| {
                let (before, after) = self.padding.along(axis).unwrap_or((0, 0));
                let padded = input.saturating_add(before).saturating_add(after);
                let span = self.span(axis);
                format!("a window reaches over {span} positions, and spatial axis {axis} has {padded} with its padding")
            })
        };
        let axes = lengths.iter().enumerate().map(axis).collect::<Result<Vec<WindowAxis>, String>>()?;
        Ok(Geometry::new(&axes))
    }

    /// The window along one axis of an input; `None` where it has no position.
    fn along(&self, axis: usize, input: usize) -> Option<WindowAxis> {
        let (kernel, stride, dilation) = (self.kernel[axis], self.strides[axis], self.dilations[axis]);
        let span = self.span(axis);
        let (before, after, output) = match self.padding.along(axis) {
            Some((before, after)) => {
                let padded = input.checked_add(before)?.checked_add(after)?;
                // From where the first window begins to where one after the last would.
                let room = padded.checked_add(stride)?.checked_sub(span)?;
                let output = match self.rounding {
                    Rounding::Floor => room / stride,
                    Rounding::Ceil => room.div_ceil(stride).min((input + before).div_ceil(stride)),
                };
                (before, after, output)
            }
            None => {
                let output = input.div_ceil(stride);
                let covered = output.checked_sub(1)?.checked_mul(stride)?.checked_add(span)?;
                let padding = covered.saturating_sub(input);
                let before = self.padding.before(padding);
                (before, padding - before, output)
            }
        };
        (input > 0 && output > 0).then_some(WindowAxis { input, output, kernel, stride, dilation, before, after })
    }

    /// The kernel, and whatever differs from the plain window: "3×3, stride 2, padding 1".
    pub(super) fn description(&self) -> String {
        let mut words = vec![extents(&self.kernel)];
        for (name, list) in [("stride", &self.strides), ("dilation", &self.dilations)] {
            words.extend(list.iter().any(|&length| length != 1).then(|| format!("{name} {}", short(list))));
        }
        words.extend(match &self.padding {
            Padding::None => None,
            Padding::Explicit { before, after } if before.iter().chain(after).all(|&length| length == 0) => None,
            Padding::Explicit { before, after } if before == after => Some(format!("padding {}", short(before))),
            Padding::Explicit { before, after } => {
                Some(format!("padding {} before, {} after", extents(before), extents(after)))
            }
            Padding::SameUpper => Some("padding same (upper)".into()),
            Padding::SameLower => Some("padding same (lower)".into()),
        });
        words.extend((self.rounding == Rounding::Ceil).then(|| "with cut windows".into()));
        words.join(", ")
    }
}

impl Padding {
    /// As many positions before as after each axis.
    pub fn symmetric(lengths: impl Into<Vec<usize>>) -> Self {
        let before = lengths.into();
        Self::Explicit { after: before.clone(), before }
    }

    /// The explicit padding of a spec, none by default.
    fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<Self, Error> {
        let Some(pads) = spec.counts("pads", 0)?.filter(|pads| !pads.is_empty()) else { return Ok(Self::None) };
        // An odd number of them makes halves of different lengths, which the check refuses.
        let (before, after) = pads.split_at(pads.len() / 2);
        Ok(Self::Explicit { before: before.to_vec(), after: after.to_vec() })
    }

    /// The padding before and after an axis, where it does not depend on the input.
    pub(super) fn along(&self, axis: usize) -> Option<(usize, usize)> {
        match self {
            Self::None => Some((0, 0)),
            Self::Explicit { before, after } => Some((before[axis], after[axis])),
            Self::SameUpper | Self::SameLower => None,
        }
    }

    /// How much of a padding stands before an axis, where only the whole is known.
    pub(super) fn before(&self, whole: usize) -> usize {
        match self {
            Self::SameUpper => whole / 2,
            Self::SameLower | Self::None | Self::Explicit { .. } => whole.div_ceil(2),
        }
    }
}

/// Lengths as ONNX writes them.
pub(super) fn integers(lengths: &[usize]) -> Vec<i64> {
    lengths.iter().map(|&length| i64::try_from(length).unwrap_or(i64::MAX)).collect()
}

/// Lengths along the axes: "3×1".
fn extents(lengths: &[usize]) -> String {
    lengths.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

/// Lengths along the axes, said once where they are all the same.
fn short(lengths: &[usize]) -> String {
    match lengths {
        [first, rest @ ..] if rest.iter().all(|length| length == first) => first.to_string(),
        lengths => extents(lengths),
    }
}
