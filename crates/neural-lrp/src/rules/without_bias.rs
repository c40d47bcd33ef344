//! Rules that leave the bias out.

use crate::rules::terms::{BiasPart, BiasShare, Term};
use crate::rules::{Redistribute, Rule, Terms};

/// A rule over layers with weights, its bias left out of each denominator: contributions share all of the relevance.
///
/// ```text
/// R_i = Σ_j z⁺_ij / Σ_i z⁺_ij · R_j                          z⁺, here, in place of z⁺_ij / (Σ_i z⁺_ij + b⁺_j)
/// ```
/// * what Eq. (57) of Bach et al. 2015 books for the biases goes to the inputs, in proportion to their contributions
/// * signs of outputs, where a rule asks for them (γ), stay those of the outputs themselves
///
/// In zennit it is `zero_params="bias"`, in iNNvestigate *ignore bias*. It keeps deep networks with batch normalization from
/// losing their relevance to biases layer by layer. For z⁺, which has contributions of one sign; where they cancel (ε), what
/// is left without the bias may be near 0.
#[derive(Clone, Debug, PartialEq)]
pub struct WithoutBias {
    rule: Rule,
    terms: Terms,
}

impl WithoutBias {
    /// The rule without its bias.
    ///
    /// # Errors
    /// When the bias has no share that would go to it: what would be right.
    pub fn new(rule: Rule) -> Result<Self, String> {
        let has_bias = |terms: &Terms| {
            terms.bias_share == BiasShare::Absorbed && terms.terms.iter().any(|term| term.bias != BiasPart::None)
        };
        let terms = rule.terms().filter(has_bias);
        let terms = terms.ok_or_else(|| {
            format!("it takes a rule that books a share of biases, as in without-bias=z-plus; {rule} does not")
        })?;
        let without = terms.terms.iter().map(|term| Term { bias: BiasPart::None, ..term.clone() }).collect();
        Ok(Self { rule, terms: Terms { terms: without, ..terms } })
    }
}

impl Redistribute for WithoutBias {
    const NAME: &'static str = "without-bias";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        if arguments.is_empty() {
            return Err("it takes another rule, as in without-bias=z-plus".into());
        }
        Self::new(arguments.join(",").parse().map_err(|error: crate::Error| error.to_string())?)
    }

    fn arguments(&self) -> Vec<String> {
        self.rule.to_string().split(',').map(str::to_owned).collect()
    }

    fn lacks(&self) -> Option<&'static str> {
        self.rule.lacks()
    }

    fn terms(&self) -> Option<Terms> {
        Some(self.terms.clone())
    }
}
