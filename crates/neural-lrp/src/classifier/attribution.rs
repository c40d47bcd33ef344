//! How a network is explained.

use crate::explain::{Composite, Explained, Forward, Initial, Question, Target};
use crate::methods::Method;
use crate::{Error, Real};

/// How a network is explained: by rules, or by one of the methods that they are compared with.
#[derive(Clone, Debug)]
pub enum Attribution {
    /// Layer-wise relevance propagation. It begins with the score (Algorithm 2).
    Rules(Composite),
    /// One of the gradient family, or Taylor decomposition. They begin with 1.
    Method(Method),
}

impl Attribution {
    /// What it begins with, for a class of each sample.
    pub fn initial<F>(&self, target: Target) -> Initial<F> {
        match self {
            Self::Rules(_) => Initial::Score(target),
            Self::Method(_) => Initial::One(target),
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
