//! How a network is explained.

use crate::explain::{Composite, Explained, Forward, Initial, Question, Start, Target};
use crate::methods::Method;
use crate::{Error, Real};

/// How a network is explained: by rules, or by one of the methods that they are compared with.
#[derive(Clone, Debug)]
pub enum Attribution {
    /// A backward pass by rules: layer-wise relevance propagation, or a gradient.
    Rules(Composite),
    /// One of the methods that they are compared with.
    Method(Method),
}

impl Attribution {
    /// What it begins with, for a class of each sample.
    pub fn initial<F>(&self, target: Target) -> Initial<F> {
        self.start().at(target)
    }

    /// What it begins with at a class.
    pub fn start(&self) -> Start {
        match self {
            Self::Rules(composite) => composite.start(),
            Self::Method(method) => method.start(),
        }
    }

    /// Explains a batch.
    ///
    /// # Errors
    /// As [`Forward::explain`] and [`Method::explain`].
    pub fn explain<F: Real>(&self, forward: &Forward<'_, F>, question: &Question<F>) -> Result<Explained<F>, Error> {
        match self {
            Self::Rules(composite) => forward.explain(composite, question),
            Self::Method(method) => method.explain(forward, question),
        }
    }
}

impl From<Composite> for Attribution {
    fn from(composite: Composite) -> Self {
        Self::Rules(composite)
    }
}

impl From<Method> for Attribution {
    fn from(method: Method) -> Self {
        Self::Method(method)
    }
}
