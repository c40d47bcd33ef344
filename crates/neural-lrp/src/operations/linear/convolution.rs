//! What convolution and transposed convolution share: windows that slide over spatial axes.
//!
//! A window has a fine side, the numbers that it slides over, and a coarse side, one number for each of its places. A
//! convolution goes from the fine side to the coarse one, a transposed convolution back; the reverse of either is the
//! other. So that [`Filters`] knows both directions, and `Conv` and `ConvTranspose` are their two parsed.

mod depthwise;
mod filters;
mod geometry;
mod sliding;
mod unfolding;

pub(super) use filters::Filters;
pub(super) use geometry::{Axis, Geometry};
pub use sliding::Sliding;
pub(super) use sliding::integers;

use ndarray::{Array1, ArrayD, ArrayView1, IxDyn};

use crate::operation::OperatorSpec;
use crate::{Error, Real};

/// The groups and the window of a spec, for weights of a shape.
pub(crate) fn read_attributes<F: Real>(spec: &OperatorSpec<F>, weights: &[usize]) -> Result<(usize, Sliding), Error> {
    let kernel = weights.get(2..).unwrap_or_default();
    match spec.counts("kernel_shape", 1)? {
        Some(given) if given != kernel => {
            return Err(spec.refuse("kernel_shape", format!("{given:?}"), format!("{kernel:?}, that of the weights")));
        }
        _ => {}
    }
    let groups = spec.integer("group", 1)?;
    let groups = usize::try_from(groups).map_err(|_| spec.refuse("group", groups.to_string(), "a positive number"));
    Ok((groups?, Sliding::read(spec, kernel.len())?))
}

/// The bias at input 2: one number for each of the `channels`.
pub(crate) fn read_bias<F: Real>(spec: &OperatorSpec<F>) -> Result<Option<Array1<F>>, Error> {
    match spec.constant(2, "bias")? {
        Some(_) => spec.required_vector(2, "bias").map(|bias| Some(Array1::from(bias))),
        None => Ok(None),
    }
}

/// Refuses a bias that has not one number for each output channel.
pub(super) fn check_bias<F>(kind: &str, bias: Option<&Array1<F>>, channels: usize) -> Result<(), Error> {
    match bias {
        Some(bias) if bias.len() != channels => Err(refuse(
            kind,
            "bias",
            format!("{} numbers", bias.len()),
            format!("one for each of the {channels} output channels"),
        )),
        _ => Ok(()),
    }
}

/// The bias of a layer followed by `z · scale + shift`.
pub(super) fn followed_by<F: Real>(bias: Option<&Array1<F>>, scale: &[F], shift: &[F]) -> Array1<F> {
    let bias = bias.cloned().unwrap_or_else(|| Array1::zeros(scale.len()));
    bias * ArrayView1::from(scale) + ArrayView1::from(shift)
}

/// `"3×3, stride 2, padding 1, groups 32, 64 → 128"`
pub(super) fn describe<F: Real>(filters: &Filters<F>, sliding: &Sliding, from: usize, to: usize) -> String {
    let mut words = vec![extents(filters.kernel())];
    words.extend(sliding.describe());
    words.extend((filters.groups() > 1).then(|| format!("groups {}", filters.groups())));
    words.push(format!("{from} → {to}"));
    words.join(", ")
}

/// One number for each channel, in a shape that broadcasts over samples and space.
pub(super) fn along_channels<F: Real>(numbers: &Array1<F>, spatial_axes: usize) -> ArrayD<F> {
    let mut shape = vec![1; spatial_axes + 1];
    shape[0] = numbers.len();
    ArrayD::from_shape_fn(IxDyn(&shape), |place| numbers[place[0]])
}

/// The samples and spatial lengths of an operand of `channels` and `spatial_axes`.
pub(super) fn samples_and_lengths<'a>(
    operands: &[&'a [usize]],
    channels: usize,
    spatial_axes: usize,
) -> Result<(usize, &'a [usize]), Error> {
    match operands {
        [[samples, given, lengths @ ..]] if *given == channels && lengths.len() == spatial_axes => {
            Ok((*samples, lengths))
        }
        _ => Err(Error::shape(
            operands,
            format!("it takes one of {} axes: samples, {channels} channels, {spatial_axes} of space", spatial_axes + 2),
        )),
    }
}

/// An error about an attribute of a convolution.
pub(super) fn refuse(kind: &str, attribute: &str, value: impl Into<String>, expected: impl Into<String>) -> Error {
    Error::Attribute {
        kind: kind.to_owned(),
        attribute: attribute.to_owned(),
        value: value.into(),
        expected: expected.into(),
    }
}

/// Lengths along the axes: `"3×3"`.
pub(super) fn extents(lengths: &[usize]) -> String {
    lengths.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

#[cfg(test)]
mod tests;
