//! How a window slides: strides, dilations, padding.

use crate::operation::OperatorSpec;
use crate::operations::Padding;
use crate::operations::linear::convolution::{Axis, extents, refuse};
use crate::{Error, Real};

/// How a window slides over the spatial axes, one element per axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sliding {
    /// The steps from one place of the window to the next.
    pub strides: Vec<usize>,
    /// The distances between neighbors within the window.
    pub dilations: Vec<usize>,
    /// The zeros around the input.
    pub padding: Padding,
}

impl Sliding {
    /// A window that steps by one, undilated, without padding.
    pub fn new(spatial_axes: usize) -> Self {
        Self { strides: vec![1; spatial_axes], dilations: vec![1; spatial_axes], padding: Padding::none(spatial_axes) }
    }

    /// The window of a spec: `strides`, `dilations`, `pads`, `auto_pad`.
    pub(in crate::operations) fn read<F: Real>(spec: &OperatorSpec<F>, spatial_axes: usize) -> Result<Self, Error> {
        let ones = || vec![1; spatial_axes];
        Ok(Self {
            strides: spec.counts("strides", 1)?.unwrap_or_else(ones),
            dilations: spec.counts("dilations", 1)?.unwrap_or_else(ones),
            padding: Padding::read(spec, spatial_axes)?,
        })
    }

    /// Adds the window's attributes to a spec.
    pub(in crate::operations) fn word<F: Real>(&self, spec: OperatorSpec<F>) -> OperatorSpec<F> {
        let spec = spec
            .with_integers("strides", integers(&self.strides))
            .with_integers("dilations", integers(&self.dilations));
        match &self.padding {
            Padding::Explicit { before, after } => {
                spec.with_integers("pads", integers(before).into_iter().chain(integers(after)))
            }
            Padding::SameUpper => spec.with_text("auto_pad", "SAME_UPPER"),
            Padding::SameLower => spec.with_text("auto_pad", "SAME_LOWER"),
        }
    }

    /// Refuses a window that is not one for the kernel's axes.
    pub(in crate::operations) fn check(&self, kind: &str, kernel: &[usize]) -> Result<(), Error> {
        let mut lists = vec![("strides", &self.strides, 1), ("dilations", &self.dilations, 1)];
        if let Padding::Explicit { before, after } = &self.padding {
            lists.extend([("pads", before, 0), ("pads", after, 0)]);
        }
        for (attribute, list, least) in lists {
            if list.len() != kernel.len() || list.iter().any(|&length| length < least) {
                let expected = format!("{} numbers, one per spatial axis, each at least {least}", kernel.len());
                return Err(refuse(kind, attribute, format!("{list:?}"), expected));
            }
        }
        for (axis, &length) in kernel.iter().enumerate() {
            if length == 0 || self.span(axis, length).is_none() {
                let value = format!("{kernel:?} at dilations {:?}", self.dilations);
                return Err(refuse(kind, "kernel_shape", value, "positive lengths of a window that fits into memory"));
            }
        }
        Ok(())
    }

    /// How many numbers a kernel of `length` covers along `axis`, those between its own included.
    pub(in crate::operations) fn span(&self, axis: usize, length: usize) -> Option<usize> {
        length.checked_sub(1)?.checked_mul(self.dilations[axis])?.checked_add(1)
    }

    /// The places of the window over an axis of `fine` numbers; or why there are none.
    pub(in crate::operations) fn over(&self, axis: usize, kernel: usize, fine: usize) -> Result<Axis, String> {
        let stride = self.strides[axis];
        let span = self.span(axis, kernel).filter(|_| fine > 0);
        let places = span.and_then(|span| match &self.padding {
            Padding::Explicit { before, after } => {
                let padded = fine.checked_add(before[axis])?.checked_add(after[axis])?;
                Some((padded.checked_sub(span)? / stride + 1, before[axis]))
            }
            same => {
                let coarse = fine.div_ceil(stride);
                let needed = (coarse - 1).checked_mul(stride)?.checked_add(span)?;
                Some((coarse, same.before(needed.saturating_sub(fine))))
            }
        });
        let (coarse, before) = places.ok_or_else(|| {
            let reach = if self.dilations[axis] == 1 { String::new() } else { format!(" × {}", self.dilations[axis]) };
            format!(
                "a kernel of {kernel}{reach} along spatial axis {axis} is longer than its {fine} numbers with padding"
            )
        })?;
        Ok(Axis { fine, coarse, kernel, stride, dilation: self.dilations[axis], before })
    }

    /// What differs from the plain window, in words.
    pub(in crate::operations) fn describe(&self) -> Vec<String> {
        let mut words = Vec::new();
        for (name, lengths) in [("stride", &self.strides), ("dilation", &self.dilations)] {
            match lengths.as_slice() {
                [first, rest @ ..] if rest.iter().all(|length| length == first) => {
                    words.extend((*first != 1).then(|| format!("{name} {first}")));
                }
                lengths => words.push(format!("{name} {}", extents(lengths))),
            }
        }
        words.extend(self.padding.describe());
        words
    }
}

impl Padding {
    /// No padding.
    pub fn none(spatial_axes: usize) -> Self {
        Self::Explicit { before: vec![0; spatial_axes], after: vec![0; spatial_axes] }
    }

    fn read<F: Real>(spec: &OperatorSpec<F>, spatial_axes: usize) -> Result<Self, Error> {
        match spec.text("auto_pad", "NOTSET")? {
            "NOTSET" => {}
            "VALID" => return Ok(Self::none(spatial_axes)),
            "SAME_UPPER" => return Ok(Self::SameUpper),
            "SAME_LOWER" => return Ok(Self::SameLower),
            other => return Err(spec.refuse("auto_pad", other, "NOTSET, VALID, SAME_UPPER or SAME_LOWER")),
        }
        match spec.counts("pads", 0)? {
            None => Ok(Self::none(spatial_axes)),
            Some(pads) if pads.len() == 2 * spatial_axes => {
                let (before, after) = pads.split_at(spatial_axes);
                Ok(Self::Explicit { before: before.to_vec(), after: after.to_vec() })
            }
            Some(pads) => {
                let expected = format!("{} numbers: before each spatial axis, then after each", 2 * spatial_axes);
                Err(spec.refuse("pads", format!("{pads:?}"), expected))
            }
        }
    }

    /// How many of `total` zeros stand before an axis, where only their sum is known.
    pub(in crate::operations) fn before(&self, total: usize) -> usize {
        match self {
            Self::SameUpper => total / 2,
            Self::SameLower | Self::Explicit { .. } => total.div_ceil(2),
        }
    }

    fn describe(&self) -> Option<String> {
        match self {
            Self::SameUpper => Some("padding same (upper)".into()),
            Self::SameLower => Some("padding same (lower)".into()),
            Self::Explicit { before, after } if before.iter().chain(after).all(|&length| length == 0) => None,
            Self::Explicit { before, after } if before.iter().chain(after).all(|length| *length == before[0]) => {
                Some(format!("padding {}", before[0]))
            }
            Self::Explicit { before, after } if before == after => Some(format!("padding {}", extents(before))),
            Self::Explicit { before, after } => {
                Some(format!("padding {} before, {} after", extents(before), extents(after)))
            }
        }
    }
}

/// Lengths as ONNX writes them.
pub(in crate::operations) fn integers(lengths: &[usize]) -> Vec<i64> {
    lengths.iter().map(|&length| i64::try_from(length).unwrap_or(i64::MAX)).collect()
}
