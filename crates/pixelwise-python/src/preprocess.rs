//! Photos made ready for networks.

use std::fs;
use std::path::PathBuf;

use ndarray::{Array3, Axis, Ix3};
use numpy::PyUntypedArray;
use pixelwise::images::{self, Channels, Layout, PRESETS, Preprocessing};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::arrays::{give, is_of, numbers};
use crate::computation::{Show, Threads, compute};
use crate::errors::Failure;

/// How photos become what a network takes.
#[pyclass(frozen, module = "pixelwise")]
pub struct Preprocess {
    preprocessing: Preprocessing,
    threads: Threads,
}

/// A photo, as it is given.
enum Photo {
    File(PathBuf),
    Bytes(Array3<u8>),
}

#[pymethods]
impl Preprocess {
    /// A preset by name, or a file: settings in TOML, timm's, Hugging Face's, or torchvision's as they are printed.
    #[new]
    #[pyo3(signature = (name, *, size=None, layout=None))]
    fn new(name: &str, size: Option<(usize, usize)>, layout: Option<&str>) -> PyResult<Self> {
        let mut preprocessing = match Preprocessing::preset(name) {
            Ok(preset) => preset,
            Err(error) if fs::metadata(name).is_err() => return Err(Failure::from(error).into()),
            Err(_) => {
                let text = fs::read_to_string(name);
                let text = text.map_err(|error| Failure::new("FileError", format!("can't read {name}: {error}")))?;
                Preprocessing::from_text(&text).map_err(Failure::from)?
            }
        };
        if let Some((height, width)) = size {
            preprocessing = preprocessing.with_input_size(height, width).map_err(Failure::from)?;
        }
        preprocessing = match layout {
            None => preprocessing,
            Some("NCHW") => preprocessing.with_layout(Layout::Nchw),
            Some("NHWC") => preprocessing.with_layout(Layout::Nhwc),
            Some(other) => {
                return Err(Failure::setting(format!("layout is {other:?}; it should be \"NCHW\" or \"NHWC\"")).into());
            }
        };
        Ok(Self { preprocessing, threads: Threads::default() })
    }

    /// The names of the presets.
    #[staticmethod]
    fn names() -> Vec<&'static str> {
        PRESETS.to_vec()
    }

    /// What a network takes of photos: paths, PIL's images or arrays (H, W, C) of uint8, one or a list of them.
    fn __call__<'py>(&self, py: Python<'py>, photos: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.prepare(py, photos).map(|prepared| prepared.0)
    }

    /// The pixels that a network sees, (N, H, W, C) of uint8, as people see them.
    fn shown<'py>(&self, py: Python<'py>, photos: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.prepare(py, photos).map(|prepared| prepared.1)
    }

    /// The smallest and the largest value that a network's input can have, in a shape that broadcasts to it.
    #[getter]
    fn range<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let settings = self.preprocessing.settings();
        let count = Channels::count(settings.channels);
        let shape = match settings.layout {
            Layout::Nchw => vec![count, 1, 1],
            Layout::Nhwc | Layout::Row => vec![count],
        };
        let bound = |values: Vec<f32>| {
            let values = values.into_iter().map(f64::from).collect();
            let bound = ndarray::ArrayD::from_shape_vec(shape.clone(), values);
            bound.map(|bound| give(py, bound)).map_err(|error| Failure::shape(error.to_string()))
        };
        let (low, high) = self.preprocessing.range();
        PyTuple::new(py, [bound(low)?, bound(high)?])
    }

    fn __repr__(&self) -> String {
        format!("Preprocess({})", self.preprocessing)
    }
}

impl Preprocess {
    /// What networks take, and what people see of it.
    fn prepare<'py>(
        &self,
        py: Python<'py>,
        photos: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let photos = photos_of(photos)?;
        let (network, shown) = compute(py, &self.threads, Show::Nothing, |progress| {
            let (mut network, mut shown) = (Vec::new(), Vec::new());
            for (done, photo) in photos.iter().enumerate() {
                let prepared = match photo {
                    Photo::File(path) => self.preprocessing.apply(images::read(path)?.view())?,
                    Photo::Bytes(pixels) => self.preprocessing.apply(pixels.view())?,
                };
                network.push(prepared.network);
                shown.push(prepared.shown);
                if progress.advance(done + 1).is_break() {
                    break;
                }
            }
            let sizes = |_| Failure::shape("the photos have several sizes after preprocessing: prepare one at a time");
            let network =
                ndarray::stack(Axis(0), &network.iter().map(Array3::view).collect::<Vec<_>>()).map_err(sizes)?;
            let shown = ndarray::stack(Axis(0), &shown.iter().map(Array3::view).collect::<Vec<_>>()).map_err(sizes)?;
            Ok((network, shown))
        })?;
        Ok((give(py, network.into_dyn()), give(py, shown.into_dyn())))
    }
}

/// One photo, or several.
fn photos_of(value: &Bound<'_, PyAny>) -> PyResult<Vec<Photo>> {
    let several = value.is_instance_of::<PyList>()
        || value.is_instance_of::<PyTuple>()
        || value.cast::<PyUntypedArray>().is_ok() && value.getattr("ndim")?.extract::<usize>()? == 4;
    if !several {
        return Ok(vec![photo_of(value)?]);
    }
    let photos = value.try_iter()?.map(|photo| photo_of(&photo?)).collect::<PyResult<Vec<_>>>()?;
    if photos.is_empty() { Err(Failure::shape("there is no photo").into()) } else { Ok(photos) }
}

fn photo_of(value: &Bound<'_, PyAny>) -> PyResult<Photo> {
    if value.is_instance_of::<PyString>() || value.hasattr("__fspath__")? {
        return Ok(Photo::File(value.extract()?));
    }
    let mut array = value.clone();
    if is_of(value, "PIL.Image", "Image")? {
        let mode: String = value.getattr("mode")?.extract()?;
        let mode = if matches!(mode.as_str(), "L" | "1" | "I" | "F") { "L" } else { "RGB" };
        array = value.py().import("numpy")?.call_method1("asarray", (value.call_method1("convert", (mode,))?,))?;
    }
    let pixels = numbers::<u8>(&array, "photo", "a photo that is an array has to be of")?;
    let pixels = pixels.as_array().to_owned();
    let shape = pixels.shape().to_vec();
    let pixels = if pixels.ndim() == 2 { pixels.insert_axis(Axis(2)) } else { pixels };
    let rank = |_| Failure::shape(format!("a photo has shape {shape:?}; it should be (height, width, channels)"));
    Ok(Photo::Bytes(pixels.into_dimensionality::<Ix3>().map_err(rank)?))
}
