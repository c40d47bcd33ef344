//! What a pooling pools: windows, or whole planes.

use crate::definition::Definition;
use crate::operations::placement::Placement;
use crate::operations::windows::Windows;
use crate::{Error, Real};

/// What each output of a pooling is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pooled {
    /// A window.
    Windows(Windows),
    /// All positions of a channel of a sample: global pooling.
    Planes,
}

impl Pooled {
    /// The pooling in words.
    pub(super) fn definition<F: Real>(&self, windows: &'static str, planes: &'static str) -> Definition<F> {
        let definition = Definition::new(self.kind(windows, planes), 1);
        match self {
            Self::Windows(windows) => windows.write(definition),
            Self::Planes => definition,
        }
    }

    /// The name of the operator: that over windows, or that over planes.
    pub(super) fn kind(&self, windows: &'static str, planes: &'static str) -> &'static str {
        match self {
            Self::Windows(_) => windows,
            Self::Planes => planes,
        }
    }

    /// The shape of the output for a single operand.
    ///
    /// # Errors
    /// [`Error::Shape`] for another rank, or where a window does not fit.
    pub(super) fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match (self, operands) {
            (Self::Windows(windows), _) => windows.output_shape(operands),
            (Self::Planes, [[samples, channels, lengths @ ..]]) if !lengths.is_empty() && !lengths.contains(&0) => {
                Ok([&[*samples, *channels], vec![1; lengths.len()].as_slice()].concat())
            }
            (Self::Planes, _) => {
                Err(Error::shape(operands, "it takes one, samples × channels × at least one spatial axis"))
            }
        }
    }

    /// The windows over an input whose shape [`output_shape`](Self::output_shape) agreed to.
    pub(super) fn place(&self, input: &[usize]) -> Placement {
        match self {
            Self::Windows(windows) => windows.place(input),
            Self::Planes => Placement::whole(input),
        }
    }

    /// What a person should know.
    pub(super) fn description(&self) -> String {
        match self {
            Self::Windows(windows) => windows.description(),
            Self::Planes => String::new(),
        }
    }
}
