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
    /// A target that a Bag-of-Words classifier does not have.
    #[error("contrasts and reference values are for networks: a Bag-of-Words classifier explains one class's score")]
    Target,
    /// A class that a model does not have.
    #[error("the model has no class {name:?}; it has {}", known.join(", "))]
    Class {
        /// What was asked for.
        name: String,
        /// The names of its classes, or how many there are.
        known: Vec<String>,
    },
    /// Other inputs than a network takes.
    #[error("the network takes {}: give each of them by its name, by Model::explain_inputs", quoted(needed))]
    Inputs {
        /// The names of its inputs.
        needed: Vec<String>,
    },
    /// Inputs by name, for a Bag-of-Words classifier.
    #[error("a Bag-of-Words classifier takes one image: give it by Model::explain")]
    NoNamedInputs,
    /// A batch whose shape the network does not take.
    #[error("input {input:?}: {reason}")]
    Shape {
        /// The input's name.
        input: String,
        /// What shape it has, and what the network takes.
        reason: String,
    },
    /// A run that was stopped on the way.
    #[error("stopped after {done} of {samples} samples")]
    Stopped {
        /// How many samples were finished.
        done: usize,
        /// How many there are.
        samples: usize,
    },
    /// Arrays of the parts of a batch that can't be put along axis 0.
    #[error(
        "the samples do not lie along axis 0 of what comes out: its parts have shapes {shapes:?}; take fewer samples"
    )]
    NotStacked {
        /// The shapes of the first parts.
        shapes: Vec<Vec<usize>>,
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

/// Names in a sentence.
fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}
