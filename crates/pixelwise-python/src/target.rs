//! Targets, in the words of Python.

use ndarray::ArrayD;
use numpy::{PyArrayDescrMethods, PyUntypedArrayMethods};
use pixelwise::Beginning;
use pixelwise::datasets::Labels;
use pixelwise::neural_lrp::{Initial, Region, Target};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString, PyTuple};

use crate::arrays::{Number, as_array, numbers};
use crate::errors::Failure;

/// What a backward pass begins with.
///
/// `None` is the predicted class, a number or a name is a class, an array of whole numbers or names one class for each
/// sample, an array of truth values the positions of the output that count, and one of floating-point numbers, in the shape of
/// the output, the relevance to begin with. A pair is a target and where in the output it counts.
pub fn beginning<F: Number>(value: Option<&Bound<'_, PyAny>>, labels: &Labels) -> PyResult<Beginning<F>> {
    let Some(value) = value else { return Ok(Beginning::At(Target::Predicted)) };
    if let Ok(pair) = value.cast::<PyTuple>()
        && let [target, region] = pair.iter().collect::<Vec<_>>().as_slice()
        && (target.is_none()
            || target.is_instance_of::<PyString>()
            || region.cast::<PyTuple>().is_ok()
            || is_mask(region))
    {
        let Beginning::At(target) = beginning::<F>(Some(target).filter(|target| !target.is_none()), labels)? else {
            return Err(Failure::target("a target at positions should be a class: (class, mask)").into());
        };
        return Ok(Beginning::At(target.within(region_of(region)?)));
    }
    if let Some(class) = class(value, labels)? {
        return Ok(Beginning::At(Target::Class(class)));
    }
    let array = as_array(value, "target")?;
    match array.dtype().kind() {
        b'b' => Ok(Beginning::At(Target::Predicted.within(region_of(value)?))),
        b'i' | b'u' | b'U' | b'O' if array.ndim() == 1 => {
            let each = array.call_method0("tolist")?.try_iter()?.map(|value| {
                let value = value?;
                class(&value, labels)?.ok_or_else(|| Failure::target(format!("{value} is no class")).into())
            });
            Ok(Beginning::At(Target::Each(each.collect::<PyResult<_>>()?)))
        }
        b'f' => {
            let reason = "the relevance to begin with has to be of the model's";
            let relevance = numbers::<F>(array.as_any(), "target", reason)?;
            Ok(Beginning::Given(Initial::Array(relevance.as_array().to_owned())))
        }
        _ => {
            let message = format!(
                "target is an array of shape {:?} and dtype {}; it should be a class, one for each sample, a mask of the \
                 output's positions, or floating-point relevance in the shape of the output",
                array.shape(),
                array.dtype(),
            );
            Err(Failure::target(message).into())
        }
    }
}

/// The class that a number or a name means.
pub fn class(value: &Bound<'_, PyAny>, labels: &Labels) -> PyResult<Option<usize>> {
    if value.is_instance_of::<PyBool>() {
        return Err(Failure::target(format!("target is {value}; a class is a number from 0, or a name")).into());
    }
    if let Ok(name) = value.cast::<PyString>() {
        return Ok(Some(labels.find(&name.to_string()).map_err(Failure::from)?));
    }
    // Whole numbers of NumPy are such too, but not its arrays of one number.
    if !value.hasattr("__index__")? || value.hasattr("__len__")? && value.len().is_ok() {
        return Ok(None);
    }
    let Ok(index) = value.call_method0("__index__") else { return Ok(None) };
    let number = index.extract::<usize>();
    let refuse = |_| Failure::target(format!("target is {index}; classes are counted from 0"));
    Ok(Some(number.map_err(refuse)?))
}

fn is_mask(value: &Bound<'_, PyAny>) -> bool {
    as_array(value, "mask").is_ok_and(|array| array.dtype().kind() == b'b')
}

/// A position, a tuple of numbers, or a mask.
fn region_of(value: &Bound<'_, PyAny>) -> PyResult<Region> {
    if let Ok(position) = value.cast::<PyTuple>() {
        let refuse = |_| Failure::target(format!("{position} is no position: whole numbers from 0 are needed"));
        return Ok(Region::Position(position.extract().map_err(refuse)?));
    }
    let mask: ArrayD<bool> = numbers::<bool>(value, "mask", "a mask needs")?.as_array().to_owned();
    Ok(Region::Mask(mask))
}
