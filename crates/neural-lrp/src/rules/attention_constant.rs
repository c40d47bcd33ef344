//! Attention whose weights are constants.

use relevance::Stabilizer;

use crate::Real;
use crate::operation::{Operation, Signal};
use crate::rules::{Backward, Gated, Redistribute, default_stabilizer, parse_number, stabilizer};

/// All relevance of a product behind a softmax goes to the values, as if the weights were constants (Ali et al. 2022, CP-LRP).
///
/// ```text
/// O = A V,     R_V = V ⊙ Aᵀ ( R / stabilize(O) ),     R_A = 0
/// ```
/// * `A` — the operand that comes from a softmax; queries and keys get nothing
///
/// A composite finds out which operand the values are, and takes [`Gated`] in this rule's place. Its ε is that of the
/// composite, if the rule brings none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionConstant {
    /// The ε that is added with the sign of the product's sums.
    pub stabilizer: Option<Stabilizer>,
}

impl AttentionConstant {
    /// The rule for a product whose values are this operand.
    pub(crate) fn with_values(self, values: Signal, default: Stabilizer) -> Gated {
        Gated { signal: values, stabilizer: self.stabilizer.unwrap_or(default) }
    }
}

impl Redistribute for AttentionConstant {
    const NAME: &'static str = "attention-constant";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        match arguments {
            [] => Ok(Self { stabilizer: None }),
            [epsilon] => Ok(Self { stabilizer: Some(stabilizer(parse_number(epsilon)?)?) }),
            _ => Err("it takes one number, ε".into()),
        }
    }

    fn arguments(&self) -> Vec<String> {
        self.stabilizer.iter().map(|stabilizer| stabilizer.epsilon().to_string()).collect()
    }

    fn lacks(&self) -> Option<&'static str> {
        Some("it is for a product of which one operand comes from a softmax: the selector attention-value finds them")
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        self.with_values(Signal::Both, default_stabilizer()).at(operation)
    }
}
