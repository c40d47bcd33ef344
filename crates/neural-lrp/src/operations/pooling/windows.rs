//! The windows of pooling: which inputs each output sees.

use crate::operation::OperatorSpec;
use crate::operations::pooling::placement::{Line, Placement};
use crate::{Error, Real};

/// The windows that a pooling slides over samples × channels × one to three spatial axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    kernel: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    padding: Padding,
    rounding: Rounding,
}

/// What stands around the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Padding {
    /// As many positions before and after each axis.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// It is left out.
    Floor,
    /// It counts, unless it starts beyond the input and the padding before it.
    Ceil,
}

impl Windows {
    /// Windows of `kernel` positions, a stride apart, without padding.
    ///
    /// # Errors
    /// [`Error::Attribute`] unless there are one to three axes, with a kernel and a stride of at least 1 on each.
    pub fn new(kernel: impl Into<Vec<usize>>, strides: impl Into<Vec<usize>>) -> Result<Self, Error> {
        let (kernel, strides) = (kernel.into(), strides.into());
        let nothing = vec![0; kernel.len()];
        Self {
            dilations: vec![1; kernel.len()],
            padding: Padding::Explicit { before: nothing.clone(), after: nothing },
            rounding: Rounding::Floor,
            kernel,
            strides,
        }
        .checked()
    }

    /// The same windows over a padded input.
    ///
    /// # Errors
    /// [`Error::Attribute`] when a window can lie in the padding alone.
    pub fn padded(self, padding: Padding) -> Result<Self, Error> {
        Self { padding, ..self }.checked()
    }

    /// The windows of a spec.
    ///
    /// # Errors
    /// [`Error::Attribute`] for what the attributes can't be; [`Error::MissingInput`] when there is no kernel.
    pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<Self, Error> {
        let kernel = spec
            .counts("kernel_shape", 1)?
            .ok_or_else(|| Error::MissingInput { kind: spec.kind.clone(), input: "kernel_shape" })?;
        let axes = kernel.len();
        let padding = match spec.text("auto_pad", "NOTSET")? {
            "NOTSET" => explicit(spec, axes)?,
            "VALID" => Padding::Explicit { before: vec![0; axes], after: vec![0; axes] },
            "SAME_UPPER" => Padding::SameUpper,
            "SAME_LOWER" => Padding::SameLower,
            other => return Err(spec.refuse("auto_pad", other, "NOTSET, VALID, SAME_UPPER or SAME_LOWER")),
        };
        let windows = Self {
            strides: spec.counts("strides", 1)?.unwrap_or_else(|| vec![1; axes]),
            dilations: spec.counts("dilations", 1)?.unwrap_or_else(|| vec![1; axes]),
            rounding: if spec.integer("ceil_mode", 0)? == 0 { Rounding::Floor } else { Rounding::Ceil },
            padding,
            kernel,
        };
        windows.checked()
    }

    /// Adds the attributes to a spec.
    pub(super) fn write<F: Real>(&self, spec: OperatorSpec<F>) -> OperatorSpec<F> {
        let integers = |counts: &[usize]| counts.iter().map(|&count| count as i64).collect::<Vec<i64>>();
        let spec = spec
            .with_integers("kernel_shape", integers(&self.kernel))
            .with_integers("strides", integers(&self.strides))
            .with_integers("dilations", integers(&self.dilations))
            .with_integer("ceil_mode", i64::from(self.rounding == Rounding::Ceil));
        match &self.padding {
            Padding::Explicit { before, after } => {
                spec.with_integers("pads", [integers(before), integers(after)].concat())
            }
            Padding::SameUpper => spec.with_text("auto_pad", "SAME_UPPER"),
            Padding::SameLower => spec.with_text("auto_pad", "SAME_LOWER"),
        }
    }

    fn checked(self) -> Result<Self, Error> {
        let axes = self.kernel.len();
        let refuse = |attribute: &str, value: &[usize], expected: &str| {
            Err(Error::Attribute {
                kind: "pooling".into(),
                attribute: attribute.into(),
                value: format!("{value:?}"),
                expected: expected.into(),
            })
        };
        if !(1..=3).contains(&axes) || self.kernel.contains(&0) {
            return refuse("kernel_shape", &self.kernel, "one to three lengths of at least 1");
        }
        for (name, counts) in [("strides", &self.strides), ("dilations", &self.dilations)] {
            if counts.len() != axes || counts.contains(&0) {
                return refuse(name, counts, &format!("{axes} numbers of at least 1"));
            }
        }
        if let Padding::Explicit { before, after } = &self.padding {
            for side in [before, after] {
                let fits = |(axis, &pad): (usize, &usize)| pad < self.reach(axis);
                if side.len() != axes || !side.iter().enumerate().all(fits) {
                    return refuse("pads", side, "numbers smaller than the window, one for each side of each axis");
                }
            }
        }
        Ok(self)
    }

    /// From the first position of a window to its last.
    fn reach(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1).saturating_mul(self.dilations[axis]).saturating_add(1)
    }

    /// The windows along one axis of an input.
    fn along(&self, axis: usize, length: usize) -> Line {
        let (stride, reach) = (self.strides[axis], self.reach(axis));
        let (before, after) = match &self.padding {
            Padding::Explicit { before, after } => (before[axis], after[axis]),
            same => {
                let outputs = length.div_ceil(stride);
                let reached = outputs.saturating_sub(1).saturating_mul(stride).saturating_add(reach);
                let padding = reached.saturating_sub(length);
                let smaller = padding / 2;
                if *same == Padding::SameUpper { (smaller, padding - smaller) } else { (padding - smaller, smaller) }
            }
        };
        let padded = length.saturating_add(before).saturating_add(after);
        let outputs = match (padded.checked_sub(reach), self.rounding) {
            (Some(room), Rounding::Floor) => room / stride + 1,
            (Some(room), Rounding::Ceil) => {
                let last = room.div_ceil(stride);
                let starts_beyond = last.saturating_mul(stride) >= length.saturating_add(before);
                if starts_beyond { last } else { last + 1 }
            }
            (None, Rounding::Ceil) if reach - padded < stride => 1,
            (None, _) => 0,
        };
        Line { length, kernel: self.kernel[axis], stride, dilation: self.dilations[axis], before, after, outputs }
    }

    /// The shape of the output for a single operand of samples × channels × spatial axes.
    ///
    /// # Errors
    /// [`Error::Shape`] for another rank, and where a window does not fit or lies in the padding alone.
    pub(super) fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let axes = self.kernel.len();
        let [[samples, channels, lengths @ ..]] = operands else {
            return Err(Error::shape(operands, format!("it takes one, samples × channels × {axes} spatial axes")));
        };
        if lengths.len() != axes {
            return Err(Error::shape(operands, format!("it takes samples × channels × {axes} spatial axes")));
        }
        let mut shape = vec![*samples, *channels];
        for (axis, &length) in lengths.iter().enumerate() {
            let line = self.along(axis, length);
            if line.outputs == 0 {
                return Err(Error::shape(
                    operands,
                    format!(
                        "a window reaches over {} positions, and axis {} with its padding has {}",
                        self.reach(axis),
                        axis + 2,
                        length.saturating_add(line.before).saturating_add(line.after),
                    ),
                ));
            }
            if line.has_empty_windows() {
                return Err(Error::shape(
                    operands,
                    format!("a window over axis {} holds nothing but padding", axis + 2),
                ));
            }
            shape.push(line.outputs);
        }
        Ok(shape)
    }

    /// The windows over an input whose shape [`output_shape`](Self::output_shape) agreed to.
    pub(super) fn place(&self, input: &[usize]) -> Placement {
        let lines = input.iter().skip(2).enumerate().map(|(axis, &length)| self.along(axis, length));
        Placement::of(&lines.collect::<Vec<Line>>())
    }

    /// What a person should know: "kernel 3×3, stride 2".
    pub(super) fn description(&self) -> String {
        let mut text = format!("kernel {}, stride {}", times(&self.kernel), times(&self.strides));
        match &self.padding {
            Padding::Explicit { before, after } if before.iter().chain(after).all(|&pad| pad == 0) => {}
            Padding::Explicit { before, after } if before == after => text += &format!(", padding {}", times(before)),
            Padding::Explicit { before, after } => {
                text += &format!(", padding {} before, {} after", times(before), times(after));
            }
            Padding::SameUpper | Padding::SameLower => text += ", padded to the same size",
        }
        if self.dilations.iter().any(|&dilation| dilation > 1) {
            text += &format!(", dilation {}", times(&self.dilations));
        }
        text
    }
}

/// "2" where all are the same, else "2×3".
fn times(counts: &[usize]) -> String {
    counts.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

fn explicit<F: Real>(spec: &OperatorSpec<F>, axes: usize) -> Result<Padding, Error> {
    let pads = spec.counts("pads", 0)?.unwrap_or_else(|| vec![0; 2 * axes]);
    if pads.len() != 2 * axes {
        return Err(spec.refuse("pads", format!("{pads:?}"), format!("{} numbers", 2 * axes)));
    }
    let (before, after) = pads.split_at(axes);
    Ok(Padding::Explicit { before: before.to_vec(), after: after.to_vec() })
}

/// Whether padding counts in an average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaddingCounts {
    /// The sum is divided by the size of the window, padding included.
    Yes,
    /// The sum is divided by the number of inputs in the window.
    No,
}
