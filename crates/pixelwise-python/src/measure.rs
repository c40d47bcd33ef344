//! Measures of explanations.

use ndarray::{Array1, Array2, ArrayD};
use pixelwise::Networks;
use pixelwise::evaluation::{self, Case, CurveAxis, Direction, Estimate, Outcome, measures};
use pixelwise::neural_lrp::{NetworkClassifier, Real};
use pixelwise::relevance::{ExplainableClassifier, RandomizableClassifier};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays::{Number, give, numbers, to_doubles};
use crate::attribution::Attribution;
use crate::computation::{Show, compute};
use crate::errors::Failure;
use crate::net::{AnyModel, Net};

/// A measure by its text.
#[pyclass(frozen, subclass, module = "pixelwise._native")]
pub struct Measure {
    measure: Box<dyn evaluation::Measure>,
}

/// What a measure says of the samples of a batch.
#[pyclass(frozen, module = "pixelwise._native")]
pub struct Scores {
    measure: String,
    outcomes: Vec<Outcome>,
    targets: Vec<usize>,
}

#[pymethods]
impl Measure {
    #[new]
    fn new(text: &str) -> PyResult<Self> {
        Ok(Self { measure: text.parse::<Box<dyn evaluation::Measure>>().map_err(Failure::from)? })
    }

    /// The names of all measures.
    #[staticmethod]
    fn names() -> Vec<&'static str> {
        measures::NAMES.to_vec()
    }

    /// What it answers, in a sentence.
    #[getter]
    fn question(&self) -> &'static str {
        self.measure.question()
    }

    /// Whether high values speak for an explanation, or low ones.
    #[getter]
    fn better(&self) -> &'static str {
        match self.measure.better() {
            Direction::Higher => "higher",
            Direction::Lower => "lower",
        }
    }

    /// Its settings, with their values.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let settings = PyDict::new(py);
        for setting in self.measure.settings() {
            settings.set_item(setting.key, setting.value)?;
        }
        Ok(settings)
    }

    fn __str__(&self) -> String {
        self.measure.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Measure({:?})", self.measure.to_string())
    }

    /// Judges the explanation of each sample of a batch.
    #[pyo3(signature = (net, x, attribution, masks=None, *, progress=None))]
    fn __call__(
        &self,
        py: Python<'_>,
        net: &Bound<'_, Net>,
        x: &Bound<'_, PyAny>,
        attribution: &Bound<'_, Attribution>,
        masks: Option<&Bound<'_, PyAny>>,
        progress: Option<bool>,
    ) -> PyResult<Scores> {
        let (net, of) = (net.get(), attribution.get());
        let targets = of.classes().ok_or_else(|| {
            Failure::target(
                "a measure needs the class that is explained, and this explanation began with given relevance",
            )
        })?;
        let inputs = match &net.model {
            AnyModel::Single(_) => rows::<f32>(x)?,
            AnyModel::Double(_) | AnyModel::Words(_) => rows::<f64>(x)?,
        };
        if inputs.len() != targets.len() {
            let message = format!("{} samples with {} explanations", inputs.len(), targets.len());
            return Err(Failure::shape(message).into());
        }
        let relevance = (0..inputs.len()).map(|sample| of.relevance_of(py, sample)).collect::<PyResult<Vec<_>>>()?;
        let masks = masks.map(masks_of).transpose()?;
        if let Some(masks) = masks.as_ref().filter(|masks| masks.len() != inputs.len()) {
            return Err(Failure::shape(format!("{} masks for {} samples", masks.len(), inputs.len())).into());
        }
        let (measure, attribution) = (&self.measure, of.attribution());
        let outcomes = compute(py, &net.threads, Show::samples(inputs.len(), progress), |progress| {
            let classifier = classifier(net, &inputs, &attribution)?;
            let randomized = match measure.randomization() {
                Some(randomization) => randomization.of(classifier.as_ref())?,
                None => Vec::new(),
            };
            let mut outcomes = Vec::new();
            for (number, (input, relevance)) in inputs.iter().zip(&relevance).enumerate() {
                let explainable: &dyn ExplainableClassifier = classifier.as_ref();
                outcomes.push(measure.evaluate(&Case {
                    classifier: explainable,
                    randomized: &randomized,
                    number,
                    input: input.view(),
                    target: targets[number],
                    relevance: relevance.view(),
                    mask: masks.as_ref().map(|masks| masks[number].view()),
                })?);
                if progress.advance(number + 1).is_break() {
                    break;
                }
            }
            Ok(outcomes)
        })?;
        Ok(Scores { measure: self.measure.to_string(), outcomes, targets })
    }
}

/// The model as measures take it.
fn classifier(
    net: &Net,
    inputs: &[ArrayD<f64>],
    attribution: &pixelwise::Attribution,
) -> Result<Box<dyn RandomizableClassifier>, Failure> {
    fn of<F: Real>(
        networks: &Networks<F>,
        shape: &[usize],
        attribution: &pixelwise::Attribution,
    ) -> Result<Box<dyn RandomizableClassifier>, Failure> {
        let samples = networks.fixed_samples().unwrap_or(1);
        let explainer = networks.explainer(&[&[&[samples], shape].concat()])?;
        let attribution = attribution.for_network(explainer.network())?;
        Ok(Box::new(NetworkClassifier::new(explainer.as_ref().clone(), shape, attribution)?))
    }
    let shape = inputs.first().map_or(&[][..], ArrayD::shape);
    match &net.model {
        AnyModel::Single(networks) => of(networks, shape, attribution),
        AnyModel::Double(networks) => of(networks, shape, attribution),
        AnyModel::Words(words) => Ok(words.clone()),
    }
}

/// The samples of a batch in f64.
fn rows<F: Number + Into<f64>>(x: &Bound<'_, PyAny>) -> PyResult<Vec<ArrayD<f64>>> {
    let batch = numbers::<F>(x, "x", "the model computes in")?;
    let batch = batch.as_array();
    match batch.ndim() {
        0 => Err(Failure::shape("x is a single number; its first axis should be that of the samples").into()),
        _ => Ok(batch.outer_iter().map(to_doubles).collect()),
    }
}

/// Masks (N, H, W).
fn masks_of(masks: &Bound<'_, PyAny>) -> PyResult<Vec<Array2<bool>>> {
    let masks = numbers::<bool>(masks, "masks", "they have to be of")?;
    let masks = masks.as_array();
    let shape = masks.shape().to_vec();
    let rank = |_| Failure::shape(format!("masks have shape {shape:?}; it should be (samples, rows, columns)"));
    let masks = masks.into_dimensionality::<ndarray::Ix3>().map_err(rank)?;
    Ok(masks.outer_iter().map(|mask| mask.to_owned()).collect())
}

#[pymethods]
impl Scores {
    /// The value of each sample (N,), float64; NaN where the measure is not defined.
    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        let values: Array1<f64> = self.outcomes.iter().map(|outcome| outcome.value.unwrap_or(f64::NAN)).collect();
        give(py, values.into_dyn())
    }

    /// The mean of those that are defined.
    #[getter]
    fn mean(&self) -> Option<f64> {
        self.estimate().map(|estimate| estimate.mean)
    }

    /// The ends of the mean's confidence interval of 95 %.
    #[getter]
    fn interval(&self) -> Option<(f64, f64)> {
        self.estimate().and_then(|estimate| estimate.interval)
    }

    /// The curve behind each value: what it goes along, and the target's score at each step. Empty for measures without one.
    #[getter]
    fn curves<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
        let curves = self.outcomes.iter().zip(&self.targets).filter_map(|(outcome, &target)| {
            let curve = outcome.curve.as_ref()?;
            let column = if curve.values.ncols() == 1 { 0 } else { target };
            let values = give(py, curve.values.column(column).to_owned().into_dyn());
            Some(match &curve.along {
                CurveAxis::Share(shares) => Ok((give(py, Array1::from(shares.clone()).into_dyn()), values)),
                CurveAxis::Layers(layers) => layers.into_pyobject(py).map(|layers| (layers.into_any(), values)),
            })
        });
        curves.collect()
    }

    fn __float__(&self) -> f64 {
        self.mean().unwrap_or(f64::NAN)
    }

    fn __len__(&self) -> usize {
        self.outcomes.len()
    }

    fn __repr__(&self) -> String {
        let mean = match (self.mean(), self.interval()) {
            (None, _) => "undefined".to_owned(),
            (Some(mean), None) => format!("{mean:.4}"),
            (Some(mean), Some((_, high))) => format!("{mean:.4} ± {:.4}", high - mean),
        };
        format!("{}: {mean} over {} samples", self.measure, self.outcomes.len())
    }
}

impl Scores {
    fn estimate(&self) -> Option<Estimate> {
        Estimate::of(self.outcomes.iter().filter_map(|outcome| outcome.value))
    }
}
