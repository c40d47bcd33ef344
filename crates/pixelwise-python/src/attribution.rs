//! Explanations of batches: arrays, the ledger, pictures, files.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ndarray::{Array1, Array2, ArrayD, ArrayViewD, Axis};
use ndarray_npy::{WritableElement, WriteNpyExt};
use numpy::PyReadonlyArrayDyn;
use pixelwise::heatmap::{ColorMap, RgbImage, encode_png, enlarge, render};
use pixelwise::neural_lrp::Real;
use pixelwise::relevance::{Entry, Ledger};
use pixelwise::{BatchExplanation, Layout, NodeRule, Request};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use serde_json::{Value, json};

use crate::arrays::{Number, give, numbers, to_doubles};
use crate::computation::Show;
use crate::errors::Failure;
use crate::net::{AnyModel, ExplainedImage, Net};
use crate::page;

/// Pictures in notebooks are enlarged to about so many pixels along their longer side.
const SIDE: usize = 256;

/// How much of the relevance that a step moves may be unaccounted for, where nothing else is said.
const TOLERANCE_SINGLE: f64 = 1e-3;
const TOLERANCE_DOUBLE: f64 = 1e-10;

/// The explanation of a batch.
#[pyclass(frozen, module = "pixelwise")]
pub struct Attribution {
    net: Py<Net>,
    inputs: Vec<Py<PyAny>>,
    request: AnyRequest,
    relevance: Relevance,
    /// The relevance of other tensors, as far as it was asked for.
    at: Mutex<Vec<(String, Py<PyAny>)>>,
    scores: Py<PyAny>,
    targets: Option<Vec<(usize, f64)>>,
    ledgers: Vec<Ledger>,
    rules: Vec<NodeRule>,
    by: String,
    samples: usize,
}

/// What was asked for.
pub enum AnyRequest {
    /// Of a network that computes in f32.
    Single(Request<f32>),
    /// Of a network that computes in f64.
    Double(Request<f64>),
    /// Of a Bag-of-Words classifier.
    Words,
}

/// The relevance of inputs.
enum Relevance {
    /// Of each of a network's inputs, with its name.
    Inputs(Vec<(String, Py<PyAny>)>),
    /// Of images of one size (N, H, W).
    Images(Py<PyAny>),
    /// Of images of several sizes.
    Sizes(Vec<Py<PyAny>>),
}

impl Relevance {
    fn clone_ref(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        match self {
            Self::Inputs(arrays) => arrays.iter().map(|(_, array)| array.clone_ref(py)).collect(),
            Self::Images(array) => vec![array.clone_ref(py)],
            Self::Sizes(arrays) => arrays.iter().map(|array| array.clone_ref(py)).collect(),
        }
    }
}

/// The numbers of networks.
pub trait Kept: Real + Number + WritableElement + Into<f64> {
    /// A request, kept whatever its numbers.
    fn keep(request: Request<Self>) -> AnyRequest;
}

impl Kept for f32 {
    fn keep(request: Request<Self>) -> AnyRequest {
        AnyRequest::Single(request)
    }
}

impl Kept for f64 {
    fn keep(request: Request<Self>) -> AnyRequest {
        AnyRequest::Double(request)
    }
}

impl Attribution {
    /// That of a network.
    pub fn of_network<F: Kept>(
        net: &Bound<'_, Net>,
        inputs: &[Bound<'_, PyAny>],
        request: Request<F>,
        explained: BatchExplanation<F>,
    ) -> PyResult<Self> {
        let py = net.py();
        let names = match &net.get().model {
            AnyModel::Single(networks) => networks.inputs(),
            AnyModel::Double(networks) => networks.inputs(),
            AnyModel::Words(_) => unreachable!("a network explained"),
        };
        let BatchExplanation { relevance, at, scores, targets, ledgers, rules, by } = explained;
        let give = |array: ArrayD<F>| give(py, array).unbind();
        let arrays = names.iter().map(|input| input.name.clone()).zip(relevance.into_iter().map(give));
        Ok(Self {
            net: net.clone().unbind(),
            inputs: inputs.iter().map(|input| input.clone().unbind()).collect(),
            request: F::keep(request),
            relevance: Relevance::Inputs(arrays.collect()),
            at: Mutex::new(at.into_iter().map(|(name, array)| (name, give(array))).collect()),
            samples: scores.nrows(),
            scores: crate::arrays::give(py, scores.into_dyn()).unbind(),
            targets,
            ledgers,
            rules,
            by,
        })
    }

    /// That of a Bag-of-Words classifier.
    pub fn of_words(net: &Bound<'_, Net>, inputs: &[Bound<'_, PyAny>], images: Vec<ExplainedImage>) -> PyResult<Self> {
        let py = net.py();
        let (explained, scores): (Vec<_>, Vec<_>) = images.into_iter().unzip();
        let classes = scores.first().map_or(0, Vec::len);
        let scores = Array2::from_shape_vec((scores.len(), classes), scores.concat());
        let scores = scores.map_err(|error| Failure::shape(error.to_string()))?;
        let targets = explained.iter().map(|one| (one.class, one.explanation.score)).collect();
        let (maps, ledgers): (Vec<_>, Vec<_>) =
            explained.into_iter().map(|one| (one.explanation.relevance, one.explanation.ledger)).unzip();
        let views: Vec<_> = maps.iter().map(ArrayD::view).collect();
        let relevance = match ndarray::stack(Axis(0), &views) {
            Ok(stacked) => Relevance::Images(give(py, stacked).unbind()),
            Err(_) => Relevance::Sizes(maps.into_iter().map(|map| give(py, map).unbind()).collect()),
        };
        Ok(Self {
            net: net.clone().unbind(),
            inputs: inputs.iter().map(|input| input.clone().unbind()).collect(),
            request: AnyRequest::Words,
            relevance,
            at: Mutex::default(),
            samples: scores.nrows(),
            scores: give(py, scores.into_dyn()).unbind(),
            targets: Some(targets),
            ledgers,
            rules: Vec::new(),
            by: "Algorithm 1".to_owned(),
        })
    }

    /// The model.
    pub fn net(&self) -> &Py<Net> {
        &self.net
    }

    /// How a network was explained.
    pub fn attribution(&self) -> pixelwise::Attribution {
        match &self.request {
            AnyRequest::Single(request) => request.attribution.clone(),
            AnyRequest::Double(request) => request.attribution.clone(),
            AnyRequest::Words => pixelwise::Attribution::Default,
        }
    }

    /// The class that is explained of each sample.
    pub fn classes(&self) -> Option<Vec<usize>> {
        self.targets.as_ref().map(|targets| targets.iter().map(|&(class, _)| class).collect())
    }

    /// The relevance of a sample, of the first input.
    pub fn relevance_of(&self, py: Python<'_>, sample: usize) -> PyResult<ArrayD<f64>> {
        fn row<F: Number + Into<f64>>(array: &Bound<'_, PyAny>, sample: usize) -> PyResult<ArrayD<f64>> {
            let array: PyReadonlyArrayDyn<'_, F> = numbers(array, "relevance", "it is of")?;
            Ok(to_doubles(array.as_array().index_axis(Axis(0), sample)))
        }
        match (&self.relevance, &self.request) {
            (Relevance::Sizes(arrays), _) => {
                Ok(numbers::<f64>(arrays[sample].bind(py), "relevance", "it is of")?.as_array().to_owned())
            }
            (Relevance::Images(array), _) => row::<f64>(array.bind(py), sample),
            (Relevance::Inputs(arrays), AnyRequest::Single(_)) => row::<f32>(arrays[0].1.bind(py), sample),
            (Relevance::Inputs(arrays), _) => row::<f64>(arrays[0].1.bind(py), sample),
        }
    }

    /// The relevance of the pixels of a sample, rows and columns.
    fn map(&self, py: Python<'_>, sample: usize) -> PyResult<Array2<f64>> {
        let relevance = self.relevance_of(py, sample)?;
        match &self.relevance {
            Relevance::Inputs(_) => Ok(Layout::of(relevance.shape()).map(relevance.view())),
            _ => relevance.into_dimensionality().map_err(|error| Failure::shape(error.to_string()).into()),
        }
    }

    /// The books of a sample; of those that went through the network together, the ones that they share.
    pub fn ledger_of(&self, sample: usize) -> Option<&Ledger> {
        let each = self.samples / self.ledgers.len().max(1);
        self.ledgers.get(sample / each.max(1)).filter(|ledger| !ledger.entries.is_empty())
    }

    fn picture(&self, py: Python<'_>, sample: usize, colors: ColorMap, maximum: Option<f64>) -> PyResult<RgbImage> {
        let map = self.map(py, sample)?;
        let maximum = maximum.unwrap_or_else(|| largest(map.view().into_dyn()));
        let map = if maximum > 0.0 { map / maximum } else { map };
        Ok(render(map.view(), colors).map_err(Failure::from)?)
    }

    /// A sample's heatmap as a PNG file, enlarged.
    fn png(&self, py: Python<'_>, sample: usize, colors: ColorMap, maximum: Option<f64>) -> PyResult<Vec<u8>> {
        let picture = self.picture(py, sample, colors, maximum)?;
        let longer = picture.width().max(picture.height()).max(1) as usize;
        let factor = NonZeroU32::new((SIDE / longer) as u32).unwrap_or(NonZeroU32::MIN);
        let enlarged = enlarge(&picture, factor).map_err(Failure::from)?;
        Ok(encode_png(&enlarged).map_err(Failure::from)?)
    }

    /// The largest relevance of a pixel in the batch.
    fn maximum(&self, py: Python<'_>) -> PyResult<f64> {
        let each = (0..self.samples).map(|sample| Ok(largest(self.map(py, sample)?.view().into_dyn())));
        each.collect::<PyResult<Vec<f64>>>().map(|each| each.into_iter().fold(0.0, f64::max))
    }

    /// A sample's class and score, as a person reads it.
    fn caption(&self, sample: usize) -> String {
        match self.targets.as_ref().map(|targets| targets[sample]) {
            Some((class, score)) => format!("{}, score {score:.4}", self.net.get().labels.describe(class)),
            None => "given relevance".to_owned(),
        }
    }

    /// The position of a sample, counted from the end where it is negative.
    fn position(&self, index: isize) -> PyResult<usize> {
        let position = if index < 0 { index + self.samples as isize } else { index };
        let inside = usize::try_from(position).ok().filter(|&position| position < self.samples);
        inside.ok_or_else(|| PyIndexError::new_err(format!("sample {index} of {}", self.samples)))
    }
}

/// The largest `|R|`.
fn largest(map: ArrayViewD<'_, f64>) -> f64 {
    map.iter().fold(0.0, |largest, value| value.abs().max(largest))
}

fn colors(name: &str) -> PyResult<ColorMap> {
    let found = ColorMap::ALL.iter().copied().find(|map| map.name() == name);
    Ok(found
        .ok_or_else(|| Failure::setting(format!("there is no colormap {name:?}; there are {}", ColorMap::names())))?)
}

/// What the strongest color stands for.
enum Scale {
    Sample,
    Batch,
}

impl Scale {
    fn of(name: &str) -> PyResult<Self> {
        match name {
            "sample" => Ok(Self::Sample),
            "batch" => Ok(Self::Batch),
            _ => Err(Failure::setting(format!("scale is {name:?}; it should be \"sample\" or \"batch\"")).into()),
        }
    }
}

#[pymethods]
impl Attribution {
    /// The relevance of the input; of several inputs, one array for each name.
    #[getter]
    fn relevance<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(match &self.relevance {
            Relevance::Inputs(arrays) => match arrays.as_slice() {
                [(_, array)] => array.bind(py).clone(),
                arrays => {
                    let named = PyDict::new(py);
                    arrays.iter().try_for_each(|(name, array)| named.set_item(name, array))?;
                    named.into_any()
                }
            },
            Relevance::Images(array) => array.bind(py).clone(),
            Relevance::Sizes(arrays) => PyList::new(py, arrays)?.into_any(),
        })
    }

    /// The score of each class of each sample (N, classes), float64.
    #[getter]
    fn scores(&self, py: Python<'_>) -> Py<PyAny> {
        self.scores.clone_ref(py)
    }

    /// The class that is explained of each sample (N,), int64; none where relevance was given to begin with.
    #[getter]
    fn targets<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let classes: Array1<i64> = self.targets.as_ref()?.iter().map(|&(class, _)| class as i64).collect();
        Some(give(py, classes.into_dyn()))
    }

    /// What is explained of each sample (N,), float64: the target's score.
    #[getter]
    fn target_scores<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let scores: Array1<f64> = self.targets.as_ref()?.iter().map(|&(_, score)| score).collect();
        Some(give(py, scores.into_dyn()))
    }

    /// The steps backward, a record for each step of each sample.
    #[getter]
    fn ledger<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let sinks = self.sink_names();
        let records = PyList::empty(py);
        for (sample, ledger) in self.ledgers.iter().enumerate() {
            for (step, entry) in ledger.entries.iter().enumerate() {
                let record = PyDict::new(py);
                record.set_item("sample", sample)?;
                record.set_item("step", step)?;
                record.set_item("stage", &entry.stage)?;
                record.set_item("upper", entry.upper.total)?;
                record.set_item("lower", entry.lower.total)?;
                record.set_item("sunk", entry.sunk().total)?;
                record.set_item("imbalance", entry.imbalance())?;
                record.set_item("relative_error", entry.relative_error())?;
                record.set_item("upper_magnitude", entry.upper.magnitude)?;
                record.set_item("lower_magnitude", entry.lower.magnitude)?;
                record.set_item("non_finite", entry.upper.non_finite + entry.lower.non_finite)?;
                for sink in &sinks {
                    record.set_item(sink, sunk(entry, sink))?;
                }
                records.append(record)?;
            }
        }
        Ok(records)
    }

    /// The relevance of each sample that ended in each sink, (N,) for each name.
    #[getter]
    fn sinks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let sinks = PyDict::new(py);
        for name in self.sink_names() {
            let totals: Array1<f64> = self.ledgers.iter().map(|ledger| sunk(&ledger.total(), name)).collect();
            sinks.set_item(name, give(py, totals.into_dyn()))?;
        }
        Ok(sinks)
    }

    /// Of each sample, what came to the input less what the score gave out (N,): what sinks took, without its sign.
    #[getter]
    fn deltas<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let of = |ledger: &Ledger| {
            let total = ledger.total();
            total.lower.total - total.upper.total
        };
        let deltas: Array1<f64> = self.ledgers.iter().map(of).collect();
        give(py, deltas.into_dyn())
    }

    /// Of each sample, what came to the input and into sinks less what the score gave out (N,): rounding, and the error of
    /// a quadrature.
    #[getter]
    fn residuals<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let residuals: Array1<f64> = self.ledgers.iter().map(|ledger| -ledger.total().imbalance()).collect();
        give(py, residuals.into_dyn())
    }

    /// Of each sample, the largest share of a step's relevance that is unaccounted for (N,).
    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let errors: Array1<f64> = self.ledgers.iter().map(Ledger::max_relative_error).collect();
        give(py, errors.into_dyn())
    }

    /// Checks that all books balance.
    #[pyo3(signature = (tolerance=None))]
    fn check(&self, tolerance: Option<f64>) -> PyResult<()> {
        let default = if matches!(self.request, AnyRequest::Single(_)) { TOLERANCE_SINGLE } else { TOLERANCE_DOUBLE };
        let check = |ledger: &Ledger| ledger.check(tolerance.unwrap_or(default)).map_err(Failure::from);
        Ok(self.ledgers.iter().try_for_each(check)?)
    }

    /// The rule of each node: records of node, operation and rule.
    #[getter]
    fn rules<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let record = |node: &NodeRule| {
            let record = PyDict::new(py);
            record.set_item("node", &node.node)?;
            record.set_item("operation", &node.kind)?;
            record.set_item("rule", &node.rule)?;
            Ok(record)
        };
        PyList::new(py, self.rules.iter().map(record).collect::<PyResult<Vec<_>>>()?)
    }

    /// What explained: the composite's name, a method, or Algorithm 1.
    #[getter]
    fn by(&self) -> &str {
        &self.by
    }

    /// The relevance at a layer.
    fn at<'py>(&self, py: Python<'py>, layer: &str) -> PyResult<Bound<'py, PyAny>> {
        let find = || {
            let kept = self.at.lock().unwrap_or_else(PoisonError::into_inner);
            kept.iter().find(|(name, _)| name == layer).map(|(_, array)| array.bind(py).clone())
        };
        if let Some(array) = find() {
            return Ok(array);
        }
        let net = self.net.get();
        let inputs: Vec<_> = self.inputs.iter().map(|input| input.bind(py).clone()).collect();
        let at = vec![layer.to_owned()];
        let array = match (&net.model, &self.request) {
            (AnyModel::Single(networks), AnyRequest::Single(request)) => {
                let request = Request { at, ..request.clone() };
                let explained = net.explain_in(py, networks, &inputs, &request, Show::Nothing)?;
                explained.at.into_values().next().map(|array| give(py, array))
            }
            (AnyModel::Double(networks), AnyRequest::Double(request)) => {
                let request = Request { at, ..request.clone() };
                let explained = net.explain_in(py, networks, &inputs, &request, Show::Nothing)?;
                explained.at.into_values().next().map(|array| give(py, array))
            }
            _ => None,
        };
        let Some(array) = array else {
            return Err(
                Failure::setting(format!("there is no layer {layer:?}: Bag-of-Words classifiers have none")).into()
            );
        };
        self.at.lock().unwrap_or_else(PoisonError::into_inner).push((layer.to_owned(), array.clone().unbind()));
        Ok(array)
    }

    /// The heatmaps, (N, H, W, 3) uint8; a list where images have several sizes.
    #[pyo3(signature = (colormap="seismic", *, scale="sample"))]
    fn heatmap<'py>(&self, py: Python<'py>, colormap: &str, scale: &str) -> PyResult<Bound<'py, PyAny>> {
        let colors = colors(colormap)?;
        let maximum = match Scale::of(scale)? {
            Scale::Sample => None,
            Scale::Batch => Some(self.maximum(py)?),
        };
        let pictures = (0..self.samples).map(|sample| self.picture(py, sample, colors, maximum).map(pixels));
        let pictures = pictures.collect::<PyResult<Vec<_>>>()?;
        let views: Vec<_> = pictures.iter().map(ArrayD::view).collect();
        match ndarray::stack(Axis(0), &views) {
            Ok(stacked) => Ok(give(py, stacked)),
            Err(_) => Ok(PyList::new(py, pictures.into_iter().map(|picture| give(py, picture)))?.into_any()),
        }
    }

    /// Writes relevance, scores, ledger and pictures into a folder, each file whole or not at all.
    #[pyo3(signature = (folder, colormap="seismic", *, scale="sample"))]
    fn save(&self, py: Python<'_>, folder: PathBuf, colormap: &str, scale: &str) -> PyResult<()> {
        let (colors, maximum) = (colors(colormap)?, self.maximum(py)?);
        let maximum = matches!(Scale::of(scale)?, Scale::Batch).then_some(maximum);
        let failed = |error| Failure::new("FileError", format!("can't write into {}: {error}", folder.display()));
        std::fs::create_dir_all(&folder).map_err(failed)?;
        let single = matches!(self.request, AnyRequest::Single(_));
        let arrays = self.relevance.clone_ref(py);
        for (position, array) in arrays.iter().enumerate() {
            let name = match &self.relevance {
                Relevance::Inputs(inputs) if inputs.len() > 1 => format!("relevance.{position}.npy"),
                Relevance::Sizes(_) => format!("{position:06}.relevance.npy"),
                _ => "relevance.npy".to_owned(),
            };
            match single {
                true => write_npy::<f32>(array.bind(py), &folder.join(name))?,
                false => write_npy::<f64>(array.bind(py), &folder.join(name))?,
            }
        }
        write_npy::<f64>(self.scores.bind(py), &folder.join("scores.npy"))?;
        for sample in 0..self.samples {
            py.check_signals()?;
            write(&folder.join(format!("{sample:06}.heatmap.png")), &self.png(py, sample, colors, maximum)?)?;
        }
        let text =
            serde_json::to_vec_pretty(&self.record()).map_err(|error| Failure::new("FileError", error.to_string()))?;
        write(&folder.join("attribution.json"), &text)
    }

    fn __len__(&self) -> usize {
        self.samples
    }

    fn __getitem__(slf: &Bound<'_, Self>, index: isize) -> PyResult<Sample> {
        let index = slf.get().position(index)?;
        Ok(Sample { of: slf.clone().unbind(), index })
    }

    fn __repr__(&self) -> String {
        let them = if self.samples == 1 { "sample" } else { "samples" };
        let sample = |sample: usize| format!("\n  {sample}  {}", self.caption(sample));
        let first: String = (0..self.samples.min(10)).map(sample).collect();
        let rest = if self.samples > 10 { "\n  …" } else { "" };
        format!("{} {them} explained by {}{first}{rest}", self.samples, self.by)
    }

    /// A sheet of the first heatmaps, with the ledger of all samples.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        let tiles = (0..self.samples.min(page::MOST))
            .map(|sample| Ok((self.png(py, sample, ColorMap::Seismic, None)?, self.caption(sample))));
        let mut whole = Ledger::default();
        self.ledgers.iter().for_each(|ledger| whole.accumulate(ledger));
        Ok(page::sheet(&self.by, &tiles.collect::<PyResult<Vec<_>>>()?, self.samples, &whole))
    }
}

impl Attribution {
    /// The names of the sinks that took anything, in the ledger's order.
    fn sink_names(&self) -> Vec<&'static str> {
        let entries = self.ledgers.iter().flat_map(|ledger| &ledger.entries);
        let sinks: BTreeSet<_> = entries.flat_map(|entry| &entry.sinks).map(|(sink, _)| *sink).collect();
        sinks.into_iter().map(|sink| sink.name()).collect()
    }

    /// Everything but the arrays, for a program.
    fn record(&self) -> Value {
        let samples = (0..self.samples).map(|sample| {
            json!({
                "target": self.targets.as_ref().map(|targets| targets[sample].0),
                "label": self.targets.as_ref().and_then(|targets| self.net.get().labels.name(targets[sample].0)),
                "score": self.targets.as_ref().map(|targets| targets[sample].1),
                "ledger": self.ledger_of(sample),
            })
        });
        let rules =
            self.rules.iter().map(|node| json!({ "node": node.node, "operation": node.kind, "rule": node.rule }));
        json!({ "by": self.by, "rules": rules.collect::<Vec<_>>(), "samples": samples.collect::<Vec<_>>() })
    }
}

/// What went into the sink of a name.
fn sunk(entry: &Entry, name: &str) -> f64 {
    entry.sinks.iter().filter(|(sink, _)| sink.name() == name).map(|(_, amount)| amount.total).sum()
}

/// A picture as an array (H, W, 3).
fn pixels(picture: RgbImage) -> ArrayD<u8> {
    let shape = vec![picture.height() as usize, picture.width() as usize, 3];
    ArrayD::from_shape_vec(shape, picture.into_raw()).unwrap_or_else(|_| unreachable!("three numbers for each pixel"))
}

fn write(path: &Path, bytes: &[u8]) -> PyResult<()> {
    let failed = |error| Failure::new("FileError", format!("can't write {}: {error}", path.display()));
    Ok(whole_file::write(path, bytes).map_err(failed)?)
}

fn write_npy<F: Number + WritableElement>(array: &Bound<'_, PyAny>, path: &Path) -> PyResult<()> {
    let mut bytes = Vec::new();
    let array = numbers::<F>(array, "array", "it is of")?;
    array.as_array().write_npy(&mut bytes).map_err(|error| Failure::new("FileError", error.to_string()))?;
    write(path, &bytes)
}

/// One sample of an explained batch.
#[pyclass(frozen, module = "pixelwise")]
pub struct Sample {
    of: Py<Attribution>,
    index: usize,
}

#[pymethods]
impl Sample {
    /// Its relevance, a view into that of the batch; of several inputs, one array for each name.
    #[getter]
    fn relevance<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let whole = self.of.get().relevance(py)?;
        let Ok(named) = whole.cast::<PyDict>() else { return whole.get_item(self.index) };
        let rows = PyDict::new(py);
        for (name, array) in named.iter() {
            rows.set_item(name, array.get_item(self.index)?)?;
        }
        Ok(rows.into_any())
    }

    /// The score of each class.
    #[getter]
    fn scores<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.of.get().scores.bind(py).get_item(self.index)
    }

    /// The class that is explained.
    #[getter]
    fn target(&self) -> Option<usize> {
        self.of.get().targets.as_ref().map(|targets| targets[self.index].0)
    }

    /// Its name.
    #[getter]
    fn label(&self) -> Option<String> {
        let class = self.target()?;
        self.of.get().net.get().labels.name(class).map(str::to_owned)
    }

    /// Its score.
    #[getter]
    fn score(&self) -> Option<f64> {
        self.of.get().targets.as_ref().map(|targets| targets[self.index].1)
    }

    /// The ledger as a table.
    #[getter]
    fn ledger(&self) -> String {
        self.of.get().ledger_of(self.index).map_or_else(String::new, ToString::to_string)
    }

    /// The heatmap, (H, W, 3) uint8.
    #[pyo3(signature = (colormap="seismic"))]
    fn heatmap<'py>(&self, py: Python<'py>, colormap: &str) -> PyResult<Bound<'py, PyAny>> {
        Ok(give(py, pixels(self.of.get().picture(py, self.index, colors(colormap)?, None)?)))
    }

    /// The heatmap as a PNG file.
    #[pyo3(signature = (colormap="seismic"))]
    fn png<'py>(&self, py: Python<'py>, colormap: &str) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.of.get().png(py, self.index, colors(colormap)?, None)?))
    }

    fn _repr_png_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.png(py, ColorMap::Seismic.name())
    }

    fn __repr__(&self) -> String {
        let of = self.of.get();
        format!("sample {} of {}: {}, by {}", self.index, of.samples, of.caption(self.index), of.by)
    }
}
