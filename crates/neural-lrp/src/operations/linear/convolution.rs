//! What convolution and transposed convolution share.
//!
//! A window has an input, the numbers that it slides over, and an output, one number for each of its positions. A
//! convolution goes from the one to the other, a transposed convolution back; the reverse of either is the other. So
//! that [`Filters`] knows both directions, and `Conv` and `ConvTranspose` are their two readings.

mod depthwise;
mod filters;
mod im2col;

pub(super) use filters::Filters;

use ndarray::{Array1, ArrayD, ArrayView1, IxDyn};

use crate::operation::OperatorSpec;
use crate::operations::window::Window;
use crate::{Error, Real};

/// The groups of a spec.
pub(super) fn read_groups<F: Real>(spec: &OperatorSpec<F>) -> Result<usize, Error> {
    let groups = spec.integer("group", 1)?;
    usize::try_from(groups).map_err(|_| spec.refuse("group", groups.to_string(), "a positive number"))
}

/// The bias at input 2, a vector.
pub(super) fn read_bias<F: Real>(spec: &OperatorSpec<F>) -> Result<Option<Array1<F>>, Error> {
    match spec.constant(2, "bias")? {
        Some(_) => spec.required_vector(2, "bias").map(|bias| Some(Array1::from(bias))),
        None => Ok(None),
    }
}

/// The spec of either convolution, as far as they have it in common.
pub(super) fn to_spec<F: Real>(
    kind: &str,
    filters: &Filters<F>,
    bias: Option<&Array1<F>>,
    window: &Window,
) -> OperatorSpec<F> {
    let spec = window.write(OperatorSpec::new(kind, 1)).with_constant(filters.weights());
    let spec = spec.with_integer("group", i64::try_from(filters.groups()).unwrap_or(i64::MAX));
    match bias {
        Some(bias) => spec.with_constant(bias.clone().into_dyn().into()),
        None => spec,
    }
}

/// Refuses a bias that has not one number for each output channel.
pub(super) fn check_bias<F>(kind: &str, bias: Option<&Array1<F>>, channels: usize) -> Result<(), Error> {
    match bias {
        Some(bias) if bias.len() != channels => Err(Error::attribute(
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
pub(super) fn describe<F: Real>(filters: &Filters<F>, window: &Window, from: usize, to: usize) -> String {
    let groups = if filters.groups() > 1 { format!(", groups {}", filters.groups()) } else { String::new() };
    format!("{}{groups}, {from} → {to}", window.description())
}

/// One number for each channel, in a shape that broadcasts over samples and space.
pub(super) fn along_channels<F: Real>(numbers: &Array1<F>, spatial_axes: usize) -> ArrayD<F> {
    let mut shape = vec![1; spatial_axes + 1];
    shape[0] = numbers.len();
    ArrayD::from_shape_fn(IxDyn(&shape), |position| numbers[position[0]])
}

/// The spatial lengths of an operand of `channels` and `spatial_axes`.
pub(super) fn spatial_lengths<'a>(
    operands: &[&'a [usize]],
    channels: usize,
    spatial_axes: usize,
) -> Result<&'a [usize], Error> {
    match operands {
        [[_, given, lengths @ ..]] if *given == channels && lengths.len() == spatial_axes => Ok(lengths),
        _ => Err(Error::shape(
            operands,
            format!("it takes one of {} axes: samples, {channels} channels, {spatial_axes} of space", spatial_axes + 2),
        )),
    }
}

#[cfg(test)]
mod tests;
