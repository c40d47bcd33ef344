//! How a network is explained: rules, composites and methods.

use std::fs;
use std::path::Path;

use ndarray::ArrayD;
use pixelwise::neural_lrp::methods::IntegratedGradients;
use pixelwise::neural_lrp::rules::{InputRange, Rules};
use pixelwise::neural_lrp::{self, COMPOSITES, Start, methods};
use pixelwise::relevance::Stabilizer;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};

use crate::arrays::{doubles, give};
use crate::errors::Failure;

/// A rule by its text.
#[pyclass(frozen, subclass, eq, hash, module = "pixelwise._native")]
#[derive(Clone)]
pub struct Rule {
    rule: neural_lrp::rules::Rule,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.rule == other.rule
    }
}

impl std::hash::Hash for Rule {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.rule.to_string().hash(state);
    }
}

#[pymethods]
impl Rule {
    #[new]
    fn new(text: &str) -> PyResult<Self> {
        Ok(Self { rule: text.parse().map_err(Failure::from)? })
    }

    fn __str__(&self) -> String {
        self.rule.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Rule({:?})", self.rule.to_string())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, (String,)) {
        (py.get_type::<Self>(), (self.rule.to_string(),))
    }

    /// The names of all rules.
    #[staticmethod]
    fn names() -> Vec<&'static str> {
        Rules::new().names().collect()
    }
}

/// A method by its text.
#[pyclass(frozen, subclass, module = "pixelwise._native")]
#[derive(Clone)]
pub struct Method {
    method: methods::Method,
}

#[pymethods]
impl Method {
    #[new]
    #[pyo3(signature = (text, *, candidates=None, baseline=None))]
    fn new(text: &str, candidates: Option<&Bound<'_, PyAny>>, baseline: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut method: methods::Method = text.parse().map_err(Failure::from)?;
        if let Some(candidates) = candidates {
            method = method.with_candidates(doubles(candidates, "candidates")?);
        }
        if let (Some(baseline), methods::Method::IntegratedGradients(settings)) = (baseline, &mut method) {
            *settings = IntegratedGradients { baseline: doubles(baseline, "baseline")?, ..settings.clone() };
        }
        Ok(Self { method })
    }

    fn __str__(&self) -> String {
        self.method.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Method({:?})", self.method.to_string())
    }

    /// The names of all methods.
    #[staticmethod]
    fn names() -> Vec<&'static str> {
        methods::Method::NAMES.to_vec()
    }
}

/// Which rule at which node.
#[pyclass(frozen, module = "pixelwise")]
#[derive(Clone)]
pub struct Composite {
    composite: neural_lrp::Composite,
    range: Option<[ArrayD<f64>; 2]>,
}

impl Composite {
    /// Without a range of the input.
    pub fn of(composite: neural_lrp::Composite) -> Self {
        Self { composite, range: None }
    }

    /// As the library takes it.
    pub fn inner(&self) -> &neural_lrp::Composite {
        &self.composite
    }

    fn with(&self, composite: neural_lrp::Composite) -> Self {
        Self { composite, range: self.range.clone() }
    }
}

#[pymethods]
impl Composite {
    /// A composite by its name.
    #[staticmethod]
    fn named(name: &str) -> PyResult<Self> {
        Ok(Self::of(neural_lrp::Composite::named(name).map_err(Failure::from)?))
    }

    /// The names of composites, each with a sentence.
    #[staticmethod]
    fn names() -> Vec<(&'static str, &'static str)> {
        COMPOSITES.iter().map(|composite| (composite.name, composite.description)).collect()
    }

    /// One rule for all layers with weights.
    #[staticmethod]
    fn uniform(rule: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self::of(neural_lrp::Composite::uniform(rule_of(rule)?)))
    }

    /// A composite from the text of a TOML file, or from the file.
    #[staticmethod]
    fn toml(text: &str) -> PyResult<Self> {
        let is_file = !text.contains('\n') && !text.contains('=');
        let read = || {
            fs::read_to_string(text).map_err(|error| Failure::new("FileError", format!("can't read {text}: {error}")))
        };
        let text = if is_file { read()? } else { text.to_owned() };
        Ok(Self::of(neural_lrp::Composite::from_toml(&text).map_err(Failure::from)?))
    }

    /// A composite from a dictionary: that of a TOML file, or selectors with their rules.
    #[staticmethod]
    fn from_dict(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        let known = ["name", "starts", "stabilizer", "rule"];
        let is_file = given.keys().iter().all(|key| key.extract::<String>().is_ok_and(|key| known.contains(&&*key)));
        let name = given.get_item("name")?.filter(|_| is_file);
        let mut composite = neural_lrp::Composite::new(match name {
            Some(name) => name.extract::<String>().map_err(|_| Failure::setting("the composite's name is no text"))?,
            None => "own".to_owned(),
        });
        if !is_file {
            for (selector, rule) in given.iter() {
                composite = composite.with(selector_of(&selector)?, rule_of(&rule)?);
            }
            return Ok(Self::of(composite));
        }
        if let Some(starts) = given.get_item("starts")? {
            composite = composite.with_start(match starts.extract::<String>().as_deref() {
                Ok("score") => Start::Score,
                Ok("one") => Start::One,
                _ => {
                    return Err(
                        Failure::setting(format!("starts is {starts}; it should be \"score\" or \"one\"")).into()
                    );
                }
            });
        }
        if let Some(stabilizer) = given.get_item("stabilizer")? {
            let epsilon = stabilizer.extract().map_err(|_| Failure::setting("stabilizer is no number"))?;
            composite = composite.with_stabilizer(Stabilizer::new(epsilon).map_err(Failure::from)?);
        }
        let choices = given.get_item("rule")?;
        for choice in choices.iter().flat_map(|choices| choices.try_iter()).flatten() {
            let choice = choice?;
            let item = |key: &str| {
                choice
                    .get_item(key)
                    .map_err(|_| Failure::setting(format!("{choice} should have \"where\" and \"rule\"")))
            };
            composite = composite.with(selector_of(&item("where")?)?, rule_of(&item("rule")?)?);
        }
        Ok(Self::of(composite))
    }

    /// Adds a choice, for nodes that no earlier choice fits; before all others where `first` is set.
    #[pyo3(signature = (selector, rule, *, first=false))]
    fn with_rule(&self, selector: &Bound<'_, PyAny>, rule: &Bound<'_, PyAny>, first: bool) -> PyResult<Self> {
        let (selector, rule, composite) = (selector_of(selector)?, rule_of(rule)?, self.composite.clone());
        Ok(self.with(if first { composite.with_first(selector, rule) } else { composite.with(selector, rule) }))
    }

    /// With the smallest and the largest value of the network's input.
    fn with_input_range(&self, low: &Bound<'_, PyAny>, high: &Bound<'_, PyAny>) -> PyResult<Self> {
        let [low, high] = [doubles(low, "low")?, doubles(high, "high")?];
        let range = InputRange::new(low.clone(), high.clone()).map_err(Failure::from)?;
        Ok(Self { composite: self.composite.clone().with_input_range(&range), range: Some([low, high]) })
    }

    /// With what the authors' toolbox does at pools beside the formulas.
    fn compatible_with_toolbox(&self) -> Self {
        self.with(self.composite.clone().compatible_with_toolbox())
    }

    /// The composite's name.
    #[getter]
    fn name(&self) -> &str {
        self.composite.name()
    }

    /// The choices, selector and rule, in order.
    #[getter]
    fn rules(&self) -> Vec<(String, String)> {
        let choices = self.composite.choices().iter();
        choices.map(|choice| (choice.selector.to_string(), choice.rule.to_string())).collect()
    }

    /// As a TOML file, which `toml` reads back.
    fn to_toml(&self) -> String {
        self.composite.to_toml()
    }

    /// The network under this composite, as zennit's users write it.
    fn context<'py>(slf: &Bound<'py, Self>, net: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("pixelwise._context")?.getattr("Context")?.call1((slf, net))
    }

    fn __str__(&self) -> String {
        self.composite.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Composite({:?})\n{}", self.composite.name(), self.composite)
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let restore = py.import("pixelwise._pickling")?.getattr("composite")?;
        let bounds = self.range.clone().map(|range| range.map(|bound| give(py, bound)));
        Ok((restore, (self.composite.to_toml(), bounds).into_pyobject(py)?))
    }
}

/// A rule, or its text.
fn rule_of(value: &Bound<'_, PyAny>) -> PyResult<neural_lrp::rules::Rule> {
    if let Ok(rule) = value.cast::<Rule>() {
        return Ok(rule.get().rule.clone());
    }
    let text = value.cast::<PyString>().map_err(|_| {
        Failure::setting(format!("{value} is no rule: give one of pixelwise.rules, or its text, as \"gamma=0.25\""))
    })?;
    Ok(text.to_string().parse().map_err(Failure::from)?)
}

fn selector_of(value: &Bound<'_, PyAny>) -> PyResult<neural_lrp::Selector> {
    let text = value.cast::<PyString>().map_err(|_| {
        Failure::setting(format!("{value} is no selector: give a text, as \"convolution\" or \"op:LRN\""))
    })?;
    Ok(text.to_string().parse().map_err(Failure::from)?)
}

/// How a network is explained: `None`, a composite, a rule or a method, or the text of one of them.
pub fn attribution_of(value: Option<&Bound<'_, PyAny>>) -> PyResult<pixelwise::Attribution> {
    let Some(value) = value else { return Ok(pixelwise::Attribution::Default) };
    if let Ok(composite) = value.cast::<Composite>() {
        return Ok(composite.get().composite.clone().into());
    }
    if let Ok(rule) = value.cast::<Rule>() {
        return Ok(neural_lrp::Composite::uniform(rule.get().rule.clone()).into());
    }
    if let Ok(method) = value.cast::<Method>() {
        return Ok(method.get().method.clone().into());
    }
    let Ok(text) = value.cast::<PyString>() else {
        let message = format!("{value} explains nothing: give a composite, a rule or a method, or its name");
        return Err(Failure::setting(message).into());
    };
    let text = text.to_string();
    Ok(of_text(&text)?)
}

/// A composite's name or file, a method or a rule.
fn of_text(text: &str) -> Result<pixelwise::Attribution, Failure> {
    if Path::new(text).extension().is_some_and(|extension| extension == "toml") {
        let read = fs::read_to_string(text);
        let read = read.map_err(|error| Failure::new("FileError", format!("can't read {text}: {error}")))?;
        return Ok(neural_lrp::Composite::from_toml(&read)?.into());
    }
    if let Ok(composite) = neural_lrp::Composite::named(text) {
        return Ok(composite.into());
    }
    let name = text.split('=').next().unwrap_or(text).trim();
    if methods::Method::NAMES.contains(&name) {
        return Ok(text.parse::<methods::Method>()?.into());
    }
    if Rules::new().names().any(|known| known == name) {
        return Ok(neural_lrp::Composite::uniform(text.parse()?).into());
    }
    let known = COMPOSITES.iter().map(|composite| composite.name).chain(methods::Method::NAMES.iter().copied());
    let known: Vec<&str> = known.chain(Rules::new().names()).collect();
    Err(Failure::setting(format!("{text:?} explains nothing; there are {}", known.join(", "))))
}
