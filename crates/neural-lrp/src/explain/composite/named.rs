//! Composites that have a name: zennit's, the paper's, and those of the gradient family.

use crate::Error;
use crate::explain::{Composite, Start};
use crate::rules::Rule;

/// A composite that has a name.
#[derive(Clone, Copy, Debug)]
pub struct NamedComposite {
    /// The name.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub description: &'static str,
    /// What it begins with.
    pub start: Start,
    /// Selectors and rules in the words of a composite file.
    choices: &'static [(&'static str, &'static str)],
}

/// The composites that have a name.
pub const COMPOSITES: &[NamedComposite] = &[
    relevance(
        "epsilon-plus",
        "z⁺ in convolutions, ε in dense layers (zennit's EpsilonPlus)",
        &[("convolution", "z-plus")],
    ),
    relevance(
        "epsilon-plus-flat",
        "as epsilon-plus, the first layer flat (zennit's EpsilonPlusFlat)",
        &[("first", "flat"), ("convolution", "z-plus")],
    ),
    relevance(
        "conserving-plus-flat",
        "as epsilon-plus-flat, what biases would take in convolutions is shared by the inputs: for deep networks",
        &[("first", "flat"), ("convolution", "conserving-z-plus")],
    ),
    relevance(
        "epsilon-alpha2-beta1",
        "αβ with α = 2, β = −1 in convolutions, ε in dense layers (zennit's EpsilonAlpha2Beta1)",
        &[("convolution", "alpha-beta=2")],
    ),
    relevance(
        "epsilon-alpha2-beta1-flat",
        "as epsilon-alpha2-beta1, the first layer flat (zennit's EpsilonAlpha2Beta1Flat)",
        &[("first", "flat"), ("convolution", "alpha-beta=2")],
    ),
    relevance(
        "epsilon-gamma-box",
        "z^B in the first convolution, γ = 0.25 in the others, ε in dense layers (zennit's EpsilonGammaBox)",
        &[("first-convolution", "z-box"), ("convolution", "gamma=0.25")],
    ),
    relevance("figure-12", "the paper's Figs 12–24: Eq. 56, no stabilizer", &[("linear", "lrp-0"), ("sum", "norm=0")]),
    relevance(
        "figure-25-epsilon-0.01",
        "the paper's Fig 25, second column: Eq. 58, ε = 0.01, LRN by Taylor, max pooling as the limit of p-means",
        &[("linear", "epsilon=0.01"), ("sum", "norm=0.01"), LRN, MAX_POOL],
    ),
    relevance(
        "figure-25-epsilon-100",
        "the paper's Fig 25, third column: Eq. 58, ε = 100, LRN by Taylor, max pooling as the limit of p-means",
        &[("linear", "epsilon=100"), ("sum", "norm=100"), LRN, MAX_POOL],
    ),
    relevance(
        "figure-25-alpha2-beta1",
        "the paper's Fig 25, fourth column: Eq. 60, α = 2, β = −1, LRN by Taylor, max pooling as the limit of p-means",
        &[("linear", "alpha-beta=2"), LRN, MAX_POOL],
    ),
    relevance(
        "attnlrp",
        "for transformers: ε in layers with weights, softmax by Taylor, products half each, normalizations pass \
         (Achtibat et al. 2024)",
        &[("linear", "epsilon")],
    ),
    relevance(
        "attention-cp",
        "for transformers: ε in layers with weights, attention's weights are constants, normalizations pass (Ali et al. 2022)",
        &[("attention-value", "attention-constant"), ("linear", "epsilon")],
    ),
    relevance(
        "attention-cp-gamma",
        "for transformers: γ = 0.25 in convolutions, 0.05 in dense layers, attention's weights and the deviations of layer \
         normalization are constants",
        &[
            ("attention-value", "attention-constant"),
            ("layer-normalization", "detached"),
            ("convolution", "gamma=0.25"),
            ("linear", "gamma=0.05"),
        ],
    ),
    relevance(
        "attention-cp-gamma-identity",
        "for transformers: γ = 0.25 in layers with weights, attention's weights are constants, normalizations pass",
        &[("attention-value", "attention-constant"), ("linear", "gamma=0.25")],
    ),
    gradient("gradient", "the gradient (Eq. 54)", &[("any", "gradient")]),
    gradient("guided-backprop", "guided backpropagation", &[("any", "guided")]),
    gradient("deconvnet", "deconvolution", &[("any", "deconvnet")]),
    relevance(
        "excitation-backprop",
        "excitation backpropagation as zennit has it: z⁺ in layers with weights, norm in sums, else the gradient",
        &[("linear", "z-plus"), ("sum", "norm"), ("any", "gradient")],
    ),
];

const LRN: (&str, &str) = ("optional:op:LRN", "taylor");
const MAX_POOL: (&str, &str) = ("optional:op:MaxPool", "ties-shared");

/// A composite that starts at the score.
const fn relevance(
    name: &'static str,
    description: &'static str,
    choices: &'static [(&'static str, &'static str)],
) -> NamedComposite {
    NamedComposite { name, description, start: Start::Score, choices }
}

/// A composite that starts at 1.
const fn gradient(
    name: &'static str,
    description: &'static str,
    choices: &'static [(&'static str, &'static str)],
) -> NamedComposite {
    NamedComposite { name, description, start: Start::One, choices }
}

impl NamedComposite {
    /// The composite of a name.
    pub(super) fn find(name: &str) -> Result<&'static Self, Error> {
        COMPOSITES.iter().find(|known| wording::is_same(known.name, name)).ok_or_else(|| {
            let names: Vec<&str> = COMPOSITES.iter().map(|known| known.name).collect();
            let near = wording::did_you_mean(name, names.iter().copied());
            let reason = format!("there are {}{near}", names.join(", "));
            Error::Setting { what: "composite", given: name.to_owned(), reason }
        })
    }

    /// The composite itself.
    ///
    /// # Errors
    /// [`Error::Setting`] when a choice can't be understood.
    pub fn composite(&self) -> Result<Composite, Error> {
        self.choices.iter().try_fold(Composite::new(self.name).with_start(self.start), |composite, (selector, rule)| {
            Ok(composite.with(selector.parse()?, rule.parse::<Rule>()?))
        })
    }
}

impl Composite {
    /// A composite by name: those of zennit, and the paper's settings by figure.
    ///
    /// # Errors
    /// [`Error::Setting`] when there is none of that name, with those that there are.
    pub fn named(name: &str) -> Result<Self, Error> {
        NamedComposite::find(name)?.composite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_composite_can_be_made() {
        for named in COMPOSITES {
            let made = named.composite().unwrap();
            assert_eq!((made.name(), made.choices().len()), (named.name, named.choices.len()));
        }
    }

    #[test]
    fn gradients_start_at_1_and_relevance_at_the_score() {
        let starts_at_1 = |named: &&NamedComposite| named.composite().unwrap().start() == Start::One;
        let names: Vec<&str> = COMPOSITES.iter().filter(starts_at_1).map(|named| named.name).collect();
        assert_eq!(names, ["gradient", "guided-backprop", "deconvnet"]);
    }
}
