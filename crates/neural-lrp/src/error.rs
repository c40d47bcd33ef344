//! What can go wrong with a network.

use thiserror::Error;

/// An error of a network, its operations or its explanation.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Something went wrong at a node; the source says what.
    #[error("node {node:?} ({kind}): {source}")]
    Node {
        /// The node's name.
        node: String,
        /// Its operator.
        kind: String,
        /// What is wrong there.
        source: Box<Error>,
    },

    /// An attribute or constant input that the operation can't be made with.
    #[error("{kind} takes no {attribute} of {value}; it should be {expected}")]
    Attribute {
        /// The operator.
        kind: String,
        /// The attribute or input.
        attribute: String,
        /// What was given.
        value: String,
        /// What would be right.
        expected: String,
    },

    /// An input that must be known in advance.
    #[error("{kind} needs its {input} as a constant, but it is computed by the network")]
    NotConstant {
        /// The operator.
        kind: String,
        /// The input.
        input: &'static str,
    },

    /// An input that the operation can't do without.
    #[error("{kind} has no {input}")]
    MissingInput {
        /// The operator.
        kind: String,
        /// The input.
        input: &'static str,
    },

    /// An operator that there is no operation for.
    #[error("there is no operation {kind:?}")]
    UnknownOperation {
        /// The operator.
        kind: String,
    },

    /// Operands that do not fit the operation.
    #[error("it can't take operands of shape {operands:?}: {reason}")]
    Shape {
        /// The operands' shapes.
        operands: Vec<Vec<usize>>,
        /// Why not, and what would be right.
        reason: String,
    },

    /// A tensor of absurd size.
    #[error(
        "its output of shape {shape:?} would have more than {limit} numbers; a wrong dimension in the model or the input?"
    )]
    TooLarge {
        /// The output's shape.
        shape: Vec<usize>,
        /// How many numbers a tensor may have.
        limit: usize,
    },

    /// The graph itself is wrong.
    #[error("the network is no graph of operations: {0}")]
    Graph(String),

    /// An input of the network that does not fit.
    #[error("input {input:?}: {reason}")]
    Input {
        /// The input's name.
        input: String,
        /// What is wrong, and what would be right.
        reason: String,
    },

    /// A rule that does not apply to an operation.
    #[error("the rule {rule} does not apply to it: {reason}")]
    Rule {
        /// The rule, as it was asked for.
        rule: String,
        /// Why it does not apply, and what does.
        reason: String,
    },

    /// A rule, composite or target that can't be understood.
    #[error("{what} {given:?} can't be used: {reason}")]
    Setting {
        /// What it is: "rule", "target", "composite".
        what: &'static str,
        /// What was given.
        given: String,
        /// What would be right.
        reason: String,
    },

    /// From the books of relevance.
    #[error(transparent)]
    Relevance(#[from] relevance::Error),
}

impl Error {
    /// The error, with the node where it arose.
    pub(crate) fn at(self, node: &str, kind: &str) -> Self {
        Self::Node { node: node.to_owned(), kind: kind.to_owned(), source: Box::new(self) }
    }

    /// An attribute or constant input of an operation of this kind, which can't be made with it.
    pub(crate) fn attribute(
        kind: &str,
        attribute: &str,
        value: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::Attribute {
            kind: kind.to_owned(),
            attribute: attribute.to_owned(),
            value: value.into(),
            expected: expected.into(),
        }
    }

    /// Operands that do not fit.
    pub fn shape(operands: &[&[usize]], reason: impl Into<String>) -> Self {
        Self::Shape { operands: operands.iter().map(|shape| shape.to_vec()).collect(), reason: reason.into() }
    }
}
