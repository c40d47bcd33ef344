//! NumPy's arrays, as they come.

use ndarray::{ArrayD, ArrayViewD};
use numpy::{
    Element, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArray, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::errors::Failure;

/// More axes than this has nothing that can be explained; NumPy allows for 64.
const MOST_AXES: usize = 16;

/// The name of a kind of numbers in NumPy.
pub trait Number: Element + Copy {
    /// `"float32"`
    const NAME: &'static str;
}

impl Number for f32 {
    const NAME: &'static str = "float32";
}

impl Number for f64 {
    const NAME: &'static str = "float64";
}

impl Number for u8 {
    const NAME: &'static str = "uint8";
}

impl Number for bool {
    const NAME: &'static str = "bool";
}

impl Number for i64 {
    const NAME: &'static str = "int64";
}

/// `numpy.asarray`
pub fn as_array<'py>(value: &Bound<'py, PyAny>, what: &str) -> PyResult<Bound<'py, PyUntypedArray>> {
    static AS_ARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if let Ok(array) = value.cast::<PyUntypedArray>() {
        return Ok(array.clone());
    }
    let py = value.py();
    let as_array = AS_ARRAY.get_or_try_init(py, || Ok::<_, PyErr>(py.import("numpy")?.getattr("asarray")?.unbind()))?;
    let array = as_array.bind(py).call1((value,)).map_err(|error| {
        let kind = value.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string());
        Failure::input(format!("{what} is no array, and NumPy can make none of this {kind}: {}", error.value(py)))
    })?;
    Ok(array.cast_into::<PyUntypedArray>()?)
}

/// An array of numbers of a kind, whatever its strides, without a copy.
///
/// * `reason` — why they have to be of this kind
///
/// # Errors
/// `DtypeError` and `ShapeError` with what would be right.
pub fn numbers<'py, F: Number>(
    value: &Bound<'py, PyAny>,
    what: &str,
    reason: &str,
) -> PyResult<PyReadonlyArrayDyn<'py, F>> {
    let array = as_array(value, what)?;
    let dtype = array.dtype();
    if !dtype.is_equiv_to(&numpy::dtype::<F>(value.py())) {
        let name = F::NAME;
        let message = format!("{what} has dtype {dtype}; {reason} {name}: give {what}.astype(numpy.{name})");
        return Err(Failure::dtype(message).into());
    }
    check_axes(&array, what)?;
    // Views into packed records lie where no number of this kind may.
    if !array.is_aligned() {
        let message = format!("{what} is not aligned in memory: give {what}.copy()");
        return Err(Failure::input(message).into());
    }
    let array = array.cast::<PyArrayDyn<F>>()?;
    array.try_readonly().map_err(|error| Failure::input(format!("{what} can't be read: {error}")).into())
}

fn check_axes(array: &Bound<'_, PyUntypedArray>, what: &str) -> PyResult<()> {
    match array.ndim() {
        0..=MOST_AXES => Ok(()),
        axes => Err(Failure::shape(format!("{what} has {axes} axes; at most {MOST_AXES} can be taken")).into()),
    }
}

/// An array for Python, which owns its numbers from now on.
pub fn give<'py, F: Number>(py: Python<'py>, array: ArrayD<F>) -> Bound<'py, PyAny> {
    PyArrayDyn::from_owned_array(py, array).into_any()
}

/// An array of f64, whatever kind of floating-point or whole numbers it comes as.
pub fn doubles(value: &Bound<'_, PyAny>, what: &str) -> PyResult<ArrayD<f64>> {
    let array = as_array(value, what)?;
    check_axes(&array, what)?;
    let kind = array.dtype().kind();
    if !matches!(kind, b'f' | b'i' | b'u' | b'b') {
        return Err(Failure::dtype(format!("{what} has dtype {}; numbers are needed", array.dtype())).into());
    }
    let cast = array.call_method1("astype", ("float64",))?;
    Ok(numbers::<f64>(&cast, what, "it needs")?.as_array().to_owned())
}

/// Whether a value is of a class of another module, without importing that.
pub fn is_of(value: &Bound<'_, PyAny>, module: &str, class: &str) -> PyResult<bool> {
    let modules = value.py().import("sys")?.getattr("modules")?;
    let Ok(module) = modules.get_item(module) else { return Ok(false) };
    match module.getattr(class).ok().and_then(|class| class.cast_into::<PyType>().ok()) {
        Some(class) => value.is_instance(&class),
        None => Ok(false),
    }
}

/// The relevance of a view in f64.
pub fn to_doubles<F: Copy + Into<f64>>(values: ArrayViewD<'_, F>) -> ArrayD<f64> {
    values.mapv(Into::into)
}
