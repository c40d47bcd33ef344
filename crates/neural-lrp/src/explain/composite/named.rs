//! Composites that have a name: zennit's, the paper's, and those of the gradient family.

use crate::Error;
use crate::explain::composite::Composite;
use crate::rules::Rule;

/// A named composite: name, what it is, and its choices in the words of a composite file.
type Named = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The composites that have a name, with what each is.
pub const COMPOSITES: &[Named] = &[
    ("epsilon-plus", "z⁺ in convolutions, ε in dense layers (zennit's EpsilonPlus)", &[("convolution", "z-plus")]),
    (
        "epsilon-plus-flat",
        "as epsilon-plus, the first layer flat (zennit's EpsilonPlusFlat)",
        &[("first", "flat"), ("convolution", "z-plus")],
    ),
    (
        "epsilon-alpha2-beta1",
        "αβ with α = 2, β = −1 in convolutions, ε in dense layers (zennit's EpsilonAlpha2Beta1)",
        &[("convolution", "alpha-beta=2")],
    ),
    (
        "epsilon-alpha2-beta1-flat",
        "as epsilon-alpha2-beta1, the first layer flat (zennit's EpsilonAlpha2Beta1Flat)",
        &[("first", "flat"), ("convolution", "alpha-beta=2")],
    ),
    (
        "epsilon-gamma-box",
        "z^B in the first convolution, γ = 0.25 in the others, ε in dense layers (zennit's EpsilonGammaBox)",
        &[("first-convolution", "z-box"), ("convolution", "gamma=0.25")],
    ),
    ("figure-12", "the paper's Figs 12–24: Eq. 56, no stabilizer", &[("linear", "lrp-0"), ("sum", "norm=0")]),
    (
        "figure-25-epsilon-0.01",
        "the paper's Fig 25, second column: Eq. 58, ε = 0.01, LRN by Taylor, max pooling as the limit of p-means",
        &[("linear", "epsilon=0.01"), ("sum", "norm=0.01"), ("op:LRN", "taylor"), ("op:MaxPool", "ties-shared")],
    ),
    (
        "figure-25-epsilon-100",
        "the paper's Fig 25, third column: Eq. 58, ε = 100, LRN by Taylor, max pooling as the limit of p-means",
        &[("linear", "epsilon=100"), ("sum", "norm=100"), ("op:LRN", "taylor"), ("op:MaxPool", "ties-shared")],
    ),
    (
        "figure-25-alpha2-beta1",
        "the paper's Fig 25, fourth column: Eq. 60, α = 2, β = −1, LRN by Taylor, max pooling as the limit of p-means",
        &[("linear", "alpha-beta=2"), ("op:LRN", "taylor"), ("op:MaxPool", "ties-shared")],
    ),
    ("gradient", "the gradient (Eq. 54)", &[("any", "gradient")]),
    ("guided-backprop", "guided backpropagation", &[("any", "guided")]),
    ("deconvnet", "deconvolution", &[("any", "deconvnet")]),
    (
        "excitation-backprop",
        "excitation backpropagation as zennit has it: z⁺ in layers with weights, norm in sums, else the gradient",
        &[("linear", "z-plus"), ("sum", "norm"), ("any", "gradient")],
    ),
];

/// The composite of a name.
pub(super) fn composite(name: &str) -> Result<Composite, Error> {
    let Some((name, _, choices)) = COMPOSITES.iter().find(|(known, _, _)| *known == name) else {
        let names: Vec<&str> = COMPOSITES.iter().map(|(name, _, _)| *name).collect();
        let reason = format!("there are {}", names.join(", "));
        return Err(Error::Setting { what: "composite", given: name.to_owned(), reason });
    };
    choices.iter().try_fold(Composite::new(*name), |composite, (selector, rule)| {
        Ok(composite.with(selector.parse()?, rule.parse::<Rule>()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_composite_can_be_made() {
        for (name, _, choices) in COMPOSITES {
            let made = composite(name).unwrap();
            assert_eq!(made.choices().len(), choices.len(), "{name}");
        }
    }
}
