//! Errors as exceptions, of the classes in `python/pixelwise/_errors.py`.

use std::error::Error as StdError;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// An error, and the class of its exception.
#[derive(Debug)]
pub struct Failure {
    class: &'static str,
    message: String,
    /// The nodes that there is no operation for, with their operators.
    nodes: Vec<(String, String)>,
}

impl Failure {
    /// A failure of a class of exceptions.
    pub fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), nodes: Vec::new() }
    }

    /// An array that is not what is needed.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new("InputError", message)
    }

    /// An array of a wrong shape.
    pub fn shape(message: impl Into<String>) -> Self {
        Self::new("ShapeError", message)
    }

    /// An array of wrong numbers.
    pub fn dtype(message: impl Into<String>) -> Self {
        Self::new("DtypeError", message)
    }

    /// A setting that makes no sense.
    pub fn setting(message: impl Into<String>) -> Self {
        Self::new("SettingError", message)
    }

    /// A class, or a place in the output, that is not there.
    pub fn target(message: impl Into<String>) -> Self {
        Self::new("TargetError", message)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        Python::attach(|py| {
            let Failure { class, message, nodes } = failure;
            let class = py.import("pixelwise._errors").and_then(|module| module.getattr(class));
            let exception = class.and_then(|class| {
                let exception = class.cast_into::<PyType>()?.call1((&message,))?;
                if !nodes.is_empty() {
                    exception.setattr("nodes", nodes)?;
                }
                Ok(exception)
            });
            match exception {
                Ok(exception) => PyErr::from_value(exception),
                Err(_) => PyException::new_err(message),
            }
        })
    }
}

/// The messages of an error and of its sources, each once.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        source = error.source();
    }
    text
}

/// The class of the exception that an error becomes.
trait Class: StdError {
    fn class(&self) -> &'static str;
}

impl Class for neural_lrp::Error {
    fn class(&self) -> &'static str {
        match self {
            Self::Node { source, .. } => source.class(),
            Self::Shape { .. } | Self::TooLarge { .. } => "ShapeError",
            Self::Input { .. } => "InputError",
            Self::Setting { what: "target" | "target at", .. } => "TargetError",
            Self::Setting { .. } | Self::Rule { .. } => "SettingError",
            Self::Relevance(error) => error.class(),
            _ => "ModelError",
        }
    }
}

impl Class for relevance::Error {
    fn class(&self) -> &'static str {
        match self {
            Self::Imbalance { .. } => "LedgerError",
            _ => "InputError",
        }
    }
}

impl Class for model_files::Error {
    fn class(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Write { .. } => "FileError",
            Self::File { source, .. } => source.class(),
            Self::Unsupported(_) => "UnsupportedOperator",
            Self::Input { .. } => "ShapeError",
            Self::Network(error) => error.class(),
            _ => "ModelError",
        }
    }
}

impl Class for bow_classifier::Error {
    fn class(&self) -> &'static str {
        match self {
            Self::Read { .. } | Self::Write { .. } | Self::NoImages { .. } => "FileError",
            Self::NotAModel { .. } | Self::NewerVersion { .. } | Self::DamagedModel { .. } => "ModelError",
            Self::ImageRank { .. } => "ShapeError",
            Self::Class { .. } => "TargetError",
            Self::Training(_) | Self::Learning(_) | Self::ClassTraining { .. } | Self::Configuration { .. } => {
                "SettingError"
            }
            Self::Image(error) => error.class(),
            _ => "InputError",
        }
    }
}

impl Class for images::Error {
    fn class(&self) -> &'static str {
        match self {
            Self::Preset { .. } | Self::Toml { .. } | Self::Foreign { .. } | Self::Setting { .. } => "SettingError",
            Self::Shape { .. } | Self::TooLargeToPrepare { .. } => "ShapeError",
            _ => "FileError",
        }
    }
}

impl Class for evaluation::Error {
    fn class(&self) -> &'static str {
        match self {
            Self::Shape { .. } | Self::RelevanceShape { .. } | Self::Pixels { .. } => "ShapeError",
            Self::Target { .. } => "TargetError",
            Self::Measure { .. } | Self::Replacement { .. } | Self::NotRandomizable { .. } => "SettingError",
            _ => "InputError",
        }
    }
}

impl Class for heatmap::Error {
    fn class(&self) -> &'static str {
        "InputError"
    }
}

impl Class for datasets::Error {
    fn class(&self) -> &'static str {
        "FileError"
    }
}

impl Class for datasets::UnclearName {
    fn class(&self) -> &'static str {
        "TargetError"
    }
}

impl Class for std::io::Error {
    fn class(&self) -> &'static str {
        "FileError"
    }
}

impl Class for pixelwise::Error {
    fn class(&self) -> &'static str {
        match self {
            Self::Read { .. } => "FileError",
            Self::Kind { .. } => "ModelError",
            Self::Class { .. } => "TargetError",
            Self::Shape { .. } | Self::NotStacked { .. } => "ShapeError",
            Self::File(error) => error.class(),
            Self::Network(error) => error.class(),
            Self::Classifier(error) => error.class(),
            Self::Input(error) => match error.downcast_ref::<neural_lrp::Error>() {
                Some(error) => error.class(),
                None => "InputError",
            },
            _ => "SettingError",
        }
    }
}

/// The nodes that an error of a model's file is about, where these are unsupported.
fn unsupported(error: &(dyn StdError + 'static)) -> Vec<(String, String)> {
    let mut error = Some(error);
    while let Some(cause) = error {
        let of_file = |error: &model_files::Error| match error {
            model_files::Error::Unsupported(nodes) => {
                nodes.iter().map(|node| (node.node.clone(), node.kind.clone())).collect()
            }
            model_files::Error::File { source, .. } => unsupported(source.as_ref()),
            _ => Vec::new(),
        };
        match (cause.downcast_ref::<model_files::Error>(), cause.downcast_ref::<pixelwise::Error>()) {
            (Some(file), _) | (None, Some(pixelwise::Error::File(file))) => return of_file(file),
            _ => error = cause.source(),
        }
    }
    Vec::new()
}

macro_rules! failures {
    ($($error:ty),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self { class: error.class(), message: chain(&error), nodes: unsupported(&error) }
            }
        })+
    };
}

failures!(
    pixelwise::Error,
    neural_lrp::Error,
    model_files::Error,
    relevance::Error,
    images::Error,
    heatmap::Error,
    evaluation::Error,
    datasets::Error,
    datasets::UnclearName,
    bow_classifier::Error,
    std::io::Error
);
use pixelwise::{bow_classifier, datasets, evaluation, heatmap, images, model_files, neural_lrp, relevance};
