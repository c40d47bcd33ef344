//! What can go wrong with a model of any kind.

use std::path::PathBuf;

use crate::Kind;

/// What can go wrong with a model of any kind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file can't be read.
    #[error("can't read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A model of another kind than is needed.
    #[error("{} is {found}, and {needed} is needed", path.display())]
    Kind {
        /// The model's file.
        path: PathBuf,
        /// Its kind.
        found: Kind,
        /// What it should be.
        needed: Kind,
    },
    /// An attribution that a Bag-of-Words classifier does not have.
    #[error(
        "rules, composites and methods are for networks: a Bag-of-Words classifier is explained by Algorithm 1, the default"
    )]
    Attribution,
    /// A class that a model does not have.
    #[error("the model has no class {name:?}; it has {}", known.join(", "))]
    Class {
        /// What was asked for.
        name: String,
        /// The names of its classes, or how many there are.
        known: Vec<String>,
    },
    /// A network's file.
    #[error(transparent)]
    File(#[from] model_files::Error),
    /// A network.
    #[error(transparent)]
    Network(#[from] neural_lrp::Error),
    /// A Bag-of-Words classifier.
    #[error(transparent)]
    Classifier(#[from] bow_classifier::Error),
    /// An input that can't be scored or explained.
    #[error(transparent)]
    Input(#[from] relevance::ExplainError),
}
