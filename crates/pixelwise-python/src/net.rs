//! Models: `pixelwise.load`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::{Array2, ArrayViewD, Axis};
use numpy::{PyReadonlyArrayDyn, PyUntypedArray};
use pixelwise::bow_classifier::{self, BowClassifier};
use pixelwise::datasets::Labels;
use pixelwise::model_files::{Dimension, InputDeclaration};
use pixelwise::neural_lrp::Composite;
use pixelwise::neural_lrp::{ClassAxis, Real};
use pixelwise::{BatchExplanation, Description, Kind, Networks, Request};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::arrays::{Number, give, numbers};
use crate::attribution::Attribution;
use crate::composite::attribution_of;
use crate::computation::{Show, Threads, compute};
use crate::errors::Failure;
use crate::target::{beginning, class};

/// A model.
#[pyclass(frozen, weakref, module = "pixelwise")]
pub struct Net {
    pub model: AnyModel,
    pub threads: Threads,
    pub labels: Labels,
    options: Options,
    origin: Origin,
}

/// A model of any kind and precision.
pub enum AnyModel {
    Single(Networks<f32>),
    Double(Networks<f64>),
    Words(Box<BowClassifier>),
}

/// Where a model comes from.
enum Origin {
    /// A file, and how many bytes it had.
    File(PathBuf, u64),
    Bytes(Py<PyBytes>, PathBuf),
}

/// How it was asked for.
#[derive(Clone)]
struct Options {
    dtype: Dtype,
    threads: Option<usize>,
    labels: Option<LabelSource>,
    class_axis: Option<usize>,
    output: Option<String>,
}

/// The names of classes, as they are given.
#[derive(Clone)]
enum LabelSource {
    /// The bytes of a file.
    File(Vec<u8>),
    Names(Vec<String>),
}

impl LabelSource {
    /// A file's path, its bytes, or names.
    fn of(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return Ok(Self::File(bytes.as_bytes().to_vec()));
        }
        if value.is_instance_of::<PyString>() || value.hasattr("__fspath__")? {
            let path: PathBuf = value.extract()?;
            let failed = |error| Failure::new("FileError", format!("can't read {}: {error}", path.display()));
            return Ok(Self::File(fs::read(&path).map_err(failed)?));
        }
        let refuse = |_| Failure::setting("labels should be a file, or a list of names");
        Ok(Self::Names(value.extract().map_err(refuse)?))
    }

    fn labels(&self) -> Result<Labels, Failure> {
        match self {
            Self::File(bytes) => {
                Labels::from_bytes(bytes).map_err(|reason| Failure::setting(format!("labels: {reason}")))
            }
            Self::Names(names) => Ok(Labels::of(names.iter().map(String::as_str))),
        }
    }

    fn into_python<'py>(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::File(bytes) => Ok(PyBytes::new(py, &bytes).into_any()),
            Self::Names(names) => Ok(names.into_pyobject(py)?.into_any()),
        }
    }
}

/// The numbers that a network computes with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dtype {
    Single,
    Double,
}

impl Dtype {
    fn of(name: &str) -> Result<Self, Failure> {
        match name {
            "float32" => Ok(Self::Single),
            "float64" => Ok(Self::Double),
            _ => Err(Failure::setting(format!("dtype is {name:?}; networks compute in \"float32\" or \"float64\""))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Single => "float32",
            Self::Double => "float64",
        }
    }
}

#[pymethods]
impl Net {
    /// Reads a model's file.
    #[staticmethod]
    #[pyo3(signature = (path, dtype, threads, labels, class_axis, output))]
    fn open(
        py: Python<'_>,
        path: PathBuf,
        dtype: &str,
        threads: Option<usize>,
        labels: Option<&Bound<'_, PyAny>>,
        class_axis: Option<usize>,
        output: Option<String>,
    ) -> PyResult<Self> {
        let labels = labels.map(LabelSource::of).transpose()?;
        let options = Options { dtype: Dtype::of(dtype)?, threads, labels, class_axis, output };
        let read = |_: &_| {
            let length = fs::metadata(&path).map_or(0, |metadata| metadata.len());
            let model = match (Kind::of(&path)?, options.dtype) {
                (Kind::Network, Dtype::Single) => AnyModel::Single(Networks::open(&path)?),
                (Kind::Network, Dtype::Double) => AnyModel::Double(Networks::open(&path)?),
                (Kind::BagOfWords, _) => AnyModel::Words(Box::new(BowClassifier::load(&path)?)),
            };
            Ok((model, length))
        };
        let threads = Threads::new(threads)?;
        let (model, length) = compute(py, &threads, Show::Nothing, read)?;
        let origin = Origin::File(std::path::absolute(&path).unwrap_or(path), length);
        Self::new(model, threads, options, origin)
    }

    /// Reads the bytes of a model's file.
    #[staticmethod]
    #[pyo3(signature = (data, folder, dtype, threads, labels, class_axis, output))]
    #[expect(clippy::too_many_arguments, reason = "they are those of load, in Python")]
    fn from_bytes(
        py: Python<'_>,
        data: Py<PyBytes>,
        folder: PathBuf,
        dtype: &str,
        threads: Option<usize>,
        labels: Option<&Bound<'_, PyAny>>,
        class_axis: Option<usize>,
        output: Option<String>,
    ) -> PyResult<Self> {
        let labels = labels.map(LabelSource::of).transpose()?;
        let options = Options { dtype: Dtype::of(dtype)?, threads, labels, class_axis, output };
        let bytes: Arc<[u8]> = data.bind(py).as_bytes().into();
        let read = |_: &_| {
            Ok(match (Kind::of_bytes(&bytes), options.dtype) {
                (Kind::Network, Dtype::Single) => AnyModel::Single(Networks::from_bytes(bytes, &folder)?),
                (Kind::Network, Dtype::Double) => AnyModel::Double(Networks::from_bytes(bytes, &folder)?),
                (Kind::BagOfWords, _) => AnyModel::Words(Box::new(BowClassifier::from_bytes(&bytes, "the model")?)),
            })
        };
        let threads = Threads::new(threads)?;
        let model = compute(py, &threads, Show::Nothing, read)?;
        Self::new(model, threads, options, Origin::Bytes(data, folder))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (bytes, folder) = match &self.origin {
            Origin::Bytes(bytes, folder) => (bytes.clone_ref(py), folder.clone()),
            Origin::File(path, length) => {
                let bytes = fs::read(path).map_err(|error| {
                    let message =
                        format!("the model can't be pickled, since its file {} can't be read: {error}", path.display());
                    Failure::new("FileError", message)
                })?;
                if bytes.len() as u64 != *length {
                    let message = format!("the model can't be pickled: its file {} has changed since", path.display());
                    return Err(Failure::new("FileError", message).into());
                }
                (PyBytes::new(py, &bytes).unbind(), path.parent().map(Path::to_owned).unwrap_or_default())
            }
        };
        let Options { dtype, threads, labels, class_axis, output } = self.options.clone();
        let labels = labels.map(|labels| labels.into_python(py)).transpose()?;
        let restore = py.get_type::<Self>().getattr("from_bytes")?;
        Ok((restore, (bytes, folder, dtype.name(), threads, labels, class_axis, output).into_pyobject(py)?))
    }

    /// `"network"`, `"photos"` or `"tiles"`.
    #[getter]
    fn kind(&self) -> &'static str {
        match &self.model {
            AnyModel::Single(_) | AnyModel::Double(_) => "network",
            AnyModel::Words(words) if words.tiling().is_some() => "tiles",
            AnyModel::Words(_) => "photos",
        }
    }

    /// The numbers that it takes.
    #[getter]
    fn dtype(&self) -> &'static str {
        match self.model {
            AnyModel::Words(_) => Dtype::Double.name(),
            _ => self.options.dtype.name(),
        }
    }

    /// How many threads were asked for.
    #[getter]
    fn threads(&self) -> Option<usize> {
        self.threads.count()
    }

    /// The names of the classes.
    #[getter]
    fn labels(&self) -> Option<Vec<&str>> {
        let names = (0..self.labels.len()).map(|class| self.labels.name(class).unwrap_or_default());
        (!self.labels.is_empty()).then(|| names.collect())
    }

    /// What it takes.
    #[getter]
    fn inputs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let declared = match &self.model {
            AnyModel::Single(networks) => networks.inputs(),
            AnyModel::Double(networks) => networks.inputs(),
            AnyModel::Words(_) => {
                let image = PyDict::new(py);
                image.set_item("name", "image")?;
                image.set_item("shape", ("N", "H", "W", "C"))?;
                image.set_item("dtype", self.dtype())?;
                return PyList::new(py, [image]);
            }
        };
        let input = |declared: &InputDeclaration| {
            let input = PyDict::new(py);
            input.set_item("name", &declared.name)?;
            let lengths = declared.dimensions.as_ref().map(|dimensions| {
                let length = |dimension: &Dimension| match dimension {
                    Dimension::Fixed(length) => Ok(length.into_pyobject(py)?.into_any()),
                    Dimension::Symbolic(name) => Ok(name.into_pyobject(py)?.into_any()),
                };
                PyTuple::new(py, dimensions.iter().map(length).collect::<PyResult<Vec<_>>>()?)
            });
            input.set_item("shape", lengths.transpose()?)?;
            input.set_item("dtype", self.dtype())?;
            Ok(input)
        };
        PyList::new(py, declared.iter().map(input).collect::<PyResult<Vec<_>>>()?)
    }

    /// The names of what it gives.
    #[getter]
    fn outputs(&self) -> Vec<String> {
        match &self.model {
            AnyModel::Single(networks) => networks.outputs().to_vec(),
            AnyModel::Double(networks) => networks.outputs().to_vec(),
            AnyModel::Words(_) => vec!["scores".to_owned()],
        }
    }

    /// The nodes as they are explained, with the rules of a composite.
    #[pyo3(signature = (composite=None, shapes=None))]
    fn describe<'py>(
        &self,
        py: Python<'py>,
        composite: Option<&Bound<'_, PyAny>>,
        shapes: Option<Vec<Vec<usize>>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let description = self.description(py, composite, shapes)?;
        let node = |node: &pixelwise::NodeDescription| {
            let layer = PyDict::new(py);
            layer.set_item("name", &node.name)?;
            layer.set_item("operation", node.operation)?;
            layer.set_item("description", &node.description)?;
            layer.set_item("tensor", &node.tensor)?;
            layer.set_item("shape", PyTuple::new(py, &node.shape)?)?;
            layer.set_item("parameters", node.parameters)?;
            layer.set_item("rule", &node.rule)?;
            Ok(layer)
        };
        PyList::new(py, description.nodes.iter().map(node).collect::<PyResult<Vec<_>>>()?)
    }

    /// The nodes as they are explained, with the rules of the default composite.
    #[getter]
    fn layers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        self.describe(py, None, None)
    }

    /// The composite that explains it where nothing else is asked for, and why.
    #[getter]
    fn default(&self, py: Python<'_>) -> PyResult<String> {
        let default = self.description(py, None, None)?.default;
        Ok(default.map_or_else(String::new, |default| default.to_string()))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        if let AnyModel::Words(words) = &self.model {
            let rows = bow_classifier::describe(words);
            let rows: Vec<String> = rows.iter().map(|(name, value)| format!("{name}  {value}")).collect();
            let classes: Vec<&str> = words.classes().collect();
            return Ok(format!("{}: {}\n{}", Kind::BagOfWords, classes.join(", "), rows.join("\n")));
        }
        match self.description(py, None, None) {
            Ok(description) => Ok(description.to_string()),
            // A shape that the file leaves open is no reason to have no words for it.
            Err(_) => Ok(format!("a network of {}", self.inputs(py)?)),
        }
    }

    /// The forward pass: the output as the file has it, softmax and all.
    ///
    /// Args:
    ///     x: as for `explain`.
    ///     outputs: names of outputs, or of layers as `Attribution.at` takes them.
    ///     progress: as for `explain`.
    ///
    /// Returns:
    ///     The first output, `(N, …)`; with `outputs`, a dictionary of arrays.
    ///
    /// >>> import numpy as np, pixelwise as pw
    /// >>> net = pw.load("tests/golden/neural/lenet5/model.onnx")
    /// >>> net(np.load("tests/golden/neural/lenet5/input.npy")).shape
    /// (2, 10)
    #[pyo3(signature = (x, outputs=None, *, progress=None))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        outputs: Option<Vec<String>>,
        progress: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let inputs = self.inputs_of(x)?;
        let names = outputs.clone().unwrap_or_else(|| self.outputs().into_iter().take(1).collect());
        let show = self.show(&inputs, progress)?;
        let mut arrays = match &self.model {
            AnyModel::Single(networks) => self.run_in(py, networks, &inputs, &names, show)?,
            AnyModel::Double(networks) => self.run_in(py, networks, &inputs, &names, show)?,
            AnyModel::Words(words) => vec![self.scores_of_words(py, words, &inputs, show)?],
        };
        if outputs.is_none() {
            return Ok(arrays.swap_remove(0));
        }
        let named = PyDict::new(py);
        names.iter().zip(arrays).try_for_each(|(name, array)| named.set_item(name, array))?;
        Ok(named.into_any())
    }

    /// Explains a batch.
    ///
    /// A network is explained by Algorithm 2 of Bach et al. 2015, each node by its rule (Eqs 53 to 63), or by a method; a
    /// Bag-of-Words classifier by Algorithm 1 (Eqs 19 to 34). `x` must not change while it is explained.
    ///
    /// Args:
    ///     x: for a network an array `(N, …)` of `net.dtype`, of any strides, without a copy; of several inputs a dictionary
    ///         or a tuple of them. For a Bag-of-Words classifier images `(H, W, C)` of float64 in [0, 1], as
    ///         `pixelwise.bow.image` reads them: one, a list, or an array `(N, H, W, C)`.
    ///     target: `None` for the predicted class; a class or its name; one for each sample; a mask of the output's
    ///         positions, or a pair of a target and a position or mask; floating-point relevance in the shape of the output.
    ///     composite: `None` for the default of the network's kind; a `Composite`, a rule, a method, or the text of one:
    ///         `"epsilon-plus-flat"`, `"mine.toml"`, `"gamma=0.25"`, `"integrated-gradients=50"`.
    ///     at: layers whose relevance is kept, see `Attribution.at`.
    ///     masks: channels that relevance may pass through, `{tensor: [channel, …]}`.
    ///     progress: whether a bar of tqdm shows how far it is; `None` for long calls.
    ///
    /// Returns:
    ///     An `Attribution`.
    ///
    /// Raises:
    ///     ShapeError, DtypeError, InputError: what is wrong with `x`, and what would be right.
    ///     TargetError, SettingError: a class, rule or layer that the model does not have.
    ///     KeyboardInterrupt: Ctrl-C; nothing of the batch is kept.
    ///
    /// >>> import numpy as np, pixelwise as pw
    /// >>> net = pw.load("tests/golden/neural/lenet5/model.onnx", dtype="float64")
    /// >>> x = np.load("tests/golden/neural/lenet5/input.npy").astype(np.float64)
    /// >>> a = net.explain(x, composite="epsilon-plus-flat")
    /// >>> a.relevance.shape, a.scores.shape, a.targets
    /// ((2, 1, 32, 32), (2, 10), array([7, 4]))
    /// >>> a.check()
    #[pyo3(signature = (x, target=None, composite=None, *, at=Vec::new(), masks=None, progress=None))]
    fn explain<'py>(
        slf: &Bound<'py, Self>,
        x: &Bound<'py, PyAny>,
        target: Option<&Bound<'py, PyAny>>,
        composite: Option<&Bound<'py, PyAny>>,
        at: Vec<String>,
        masks: Option<BTreeMap<String, Vec<usize>>>,
        progress: Option<bool>,
    ) -> PyResult<Attribution> {
        let (py, net) = (slf.py(), slf.get());
        let attribution = attribution_of(composite)?;
        let inputs = net.inputs_of(x)?;
        let show = net.show(&inputs, progress)?;
        let masks = masks.unwrap_or_default().into_iter().collect();
        match &net.model {
            AnyModel::Single(networks) => {
                let request = Request { attribution, begins: beginning::<f32>(target, &net.labels)?, at, masks };
                let explained = net.explain_in(py, networks, &inputs, &request, show)?;
                Attribution::of_network(slf, &inputs, request, explained)
            }
            AnyModel::Double(networks) => {
                let request = Request { attribution, begins: beginning::<f64>(target, &net.labels)?, at, masks };
                let explained = net.explain_in(py, networks, &inputs, &request, show)?;
                Attribution::of_network(slf, &inputs, request, explained)
            }
            AnyModel::Words(words) => {
                if !matches!(attribution, pixelwise::Attribution::Default) {
                    return Err(Failure::from(pixelwise::Error::Attribution).into());
                }
                if let Some(layer) = at.first() {
                    let message = format!("there is no layer {layer:?}: Bag-of-Words classifiers have none");
                    return Err(Failure::setting(message).into());
                }
                let images = images(&inputs)?;
                let classes = net.classes(target, images.len())?;
                let explained = net.explain_words(py, words, &images, &classes, show)?;
                Attribution::of_words(slf, &inputs, explained)
            }
        }
    }
}

/// An image's class, explained, with the scores of all classes.
pub type ExplainedImage = (bow_classifier::ExplainedClass, Vec<f64>);

impl Net {
    fn new(model: AnyModel, threads: Threads, options: Options, origin: Origin) -> PyResult<Self> {
        let labels = match (&model, &options.labels) {
            (_, Some(given)) => given.labels()?,
            (AnyModel::Words(words), None) => Labels::of(words.classes()),
            (_, None) => Labels::default(),
        };
        let axis = match (options.class_axis, labels.len()) {
            (Some(axis), _) => ClassAxis::Given(axis),
            (None, 0) => ClassAxis::OfNetwork,
            (None, classes) => ClassAxis::Of(classes),
        };
        let model = match model {
            AnyModel::Single(networks) => AnyModel::Single(set(networks, axis, options.output.as_deref())?),
            AnyModel::Double(networks) => AnyModel::Double(set(networks, axis, options.output.as_deref())?),
            AnyModel::Words(words) => AnyModel::Words(words),
        };
        Ok(Self { model, threads, labels, options, origin })
    }

    /// The network as it is explained.
    fn description(
        &self,
        py: Python<'_>,
        composite: Option<&Bound<'_, PyAny>>,
        shapes: Option<Vec<Vec<usize>>>,
    ) -> PyResult<Description> {
        fn of<F: Real>(
            networks: &Networks<F>,
            composite: Option<&Composite>,
            shapes: Option<Vec<Vec<usize>>>,
        ) -> Result<Description, Failure> {
            let shapes = shapes.map_or_else(|| networks.default_shapes(), Ok)?;
            Ok(Description::of(networks, &shapes, composite)?)
        }
        let composite = match attribution_of(composite)? {
            pixelwise::Attribution::Default => None,
            pixelwise::Attribution::OfNetwork(pixelwise::neural_lrp::Attribution::Rules(composite)) => Some(composite),
            pixelwise::Attribution::OfNetwork(pixelwise::neural_lrp::Attribution::Method(method)) => {
                return Err(Failure::setting(format!(
                    "{method} is a method of several passes, and no composite of rules"
                ))
                .into());
            }
        };
        compute(py, &self.threads, Show::Nothing, |_| match &self.model {
            AnyModel::Single(networks) => of(networks, composite.as_ref(), shapes),
            AnyModel::Double(networks) => of(networks, composite.as_ref(), shapes),
            AnyModel::Words(_) => Err(Failure::setting("a Bag-of-Words classifier has no layers; see its repr")),
        })
    }

    /// One array for each input.
    fn inputs_of<'py>(&self, x: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let names = match &self.model {
            AnyModel::Single(networks) => networks.inputs(),
            AnyModel::Double(networks) => networks.inputs(),
            AnyModel::Words(_) => return Ok(vec![x.clone()]),
        };
        if let Ok(named) = x.cast::<PyDict>() {
            let known: Vec<&str> = names.iter().map(|input| input.name.as_str()).collect();
            let refuse =
                || Failure::shape(format!("x has the inputs {}; the network takes {}", named.keys(), known.join(", ")));
            if named.len() != known.len() {
                return Err(refuse().into());
            }
            return known.iter().map(|name| Ok(named.get_item(name)?.ok_or_else(refuse)?)).collect();
        }
        match names.len() {
            1 => Ok(vec![x.clone()]),
            _ => x.try_iter()?.collect(),
        }
    }

    /// Whether progress is shown, of as many samples as there are.
    fn show(&self, inputs: &[Bound<'_, PyAny>], progress: Option<bool>) -> PyResult<Show> {
        let total = inputs.first().map_or(Ok(0), |input| input.len());
        Ok(Show::samples(total.unwrap_or(0), progress))
    }

    fn scores_of_words<'py>(
        &self,
        py: Python<'py>,
        words: &BowClassifier,
        inputs: &[Bound<'py, PyAny>],
        show: Show,
    ) -> PyResult<Bound<'py, PyAny>> {
        let images = images(inputs)?;
        let views: Vec<_> = images.iter().map(PyReadonlyArrayDyn::as_array).collect();
        let scores = compute(py, &self.threads, show, |progress| {
            let mut scores = Vec::new();
            for (done, image) in views.iter().enumerate() {
                scores.push(words.scores_of_image(as_image(image)?)?.insert_axis(Axis(0)));
                if progress.advance(done + 1).is_break() {
                    break;
                }
            }
            let rows: Vec<_> = scores.iter().map(Array2::view).collect();
            ndarray::concatenate(Axis(0), &rows).map_err(|error| Failure::shape(error.to_string()))
        })?;
        Ok(give(py, scores.into_dyn()))
    }

    fn run_in<'py, F: Real + Number>(
        &self,
        py: Python<'py>,
        networks: &Networks<F>,
        inputs: &[Bound<'py, PyAny>],
        outputs: &[String],
        show: Show,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let inputs = arrays::<F>(inputs)?;
        let views: Vec<ArrayViewD<'_, F>> = inputs.iter().map(PyReadonlyArrayDyn::as_array).collect();
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let values = compute(py, &self.threads, show, |progress| {
            Ok(networks.run(&views, &outputs, &mut |done| progress.advance(done))?)
        })?;
        Ok(values.into_iter().map(|value| give(py, value)).collect())
    }

    /// Explains a batch by a network.
    pub fn explain_in<F: Real + Number>(
        &self,
        py: Python<'_>,
        networks: &Networks<F>,
        inputs: &[Bound<'_, PyAny>],
        request: &Request<F>,
        show: Show,
    ) -> PyResult<BatchExplanation<F>> {
        let inputs = arrays::<F>(inputs)?;
        let views: Vec<ArrayViewD<'_, F>> = inputs.iter().map(PyReadonlyArrayDyn::as_array).collect();
        compute(py, &self.threads, show, |progress| {
            Ok(networks.explain(&views, request, &mut |done| progress.advance(done))?)
        })
    }

    fn explain_words(
        &self,
        py: Python<'_>,
        words: &BowClassifier,
        images: &[PyReadonlyArrayDyn<'_, f64>],
        classes: &[Option<usize>],
        show: Show,
    ) -> PyResult<Vec<ExplainedImage>> {
        let views: Vec<_> = images.iter().map(PyReadonlyArrayDyn::as_array).collect();
        compute(py, &self.threads, show, |progress| {
            let mut explained = Vec::new();
            for (done, (image, class)) in views.iter().zip(classes).enumerate() {
                let image = as_image(image)?;
                let found = words.explain_image(image, &[*class])?;
                let one = found.classes.into_iter().next();
                explained.push((one.unwrap_or_else(|| unreachable!("one class was asked for")), found.scores.to_vec()));
                if progress.advance(done + 1).is_break() {
                    break;
                }
            }
            Ok(explained)
        })
    }

    /// The class of each image.
    fn classes(&self, target: Option<&Bound<'_, PyAny>>, images: usize) -> PyResult<Vec<Option<usize>>> {
        let Some(target) = target else { return Ok(vec![None; images]) };
        if let Some(class) = class(target, &self.labels)? {
            return Ok(vec![Some(class); images]);
        }
        let each = target.try_iter()?.map(|value| {
            let value = value?;
            class(&value, &self.labels)?.ok_or_else(|| Failure::target(format!("{value} is no class")).into())
        });
        let each = each.collect::<PyResult<Vec<usize>>>()?;
        if each.len() != images {
            return Err(Failure::target(format!("{} targets for {images} images", each.len())).into());
        }
        Ok(each.into_iter().map(Some).collect())
    }
}

fn set<F: Real>(networks: Networks<F>, axis: ClassAxis, output: Option<&str>) -> PyResult<Networks<F>> {
    let networks = networks.with_class_axis(axis);
    match output {
        Some(output) => Ok(networks.with_output(output).map_err(Failure::from)?),
        None => Ok(networks),
    }
}

/// The arrays that a network takes.
fn arrays<'py, F: Number>(inputs: &[Bound<'py, PyAny>]) -> PyResult<Vec<PyReadonlyArrayDyn<'py, F>>> {
    inputs.iter().map(|input| numbers::<F>(input, "x", "the model computes in")).collect()
}

/// Images (H, W, C), of any sizes: arrays of them, or one array (N, H, W, C).
fn images<'py>(inputs: &[Bound<'py, PyAny>]) -> PyResult<Vec<PyReadonlyArrayDyn<'py, f64>>> {
    let image = |image: Bound<'py, PyAny>| {
        numbers::<f64>(&image, "image", "Bag-of-Words classifiers take images in [0, 1], of")
    };
    let mut images = Vec::new();
    for input in inputs {
        if input.cast::<PyUntypedArray>().is_ok() && input.getattr("ndim")?.extract::<usize>()? == 3 {
            images.push(image(input.clone())?);
        } else {
            for input in input.try_iter()? {
                images.push(image(input?)?);
            }
        }
    }
    if images.is_empty() { Err(Failure::shape("there is no image").into()) } else { Ok(images) }
}

fn as_image<'a>(image: &'a ArrayViewD<'_, f64>) -> Result<ndarray::ArrayView3<'a, f64>, Failure> {
    let shape = image.shape().to_vec();
    let rank = |_| Failure::shape(format!("an image has shape {shape:?}; it should be (height, width, channels)"));
    image.view().into_dimensionality().map_err(rank)
}
