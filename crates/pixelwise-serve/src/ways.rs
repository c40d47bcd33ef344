//! Ways to explain a network, by one name each: rules, composites, methods.

use std::fmt;
use std::str::FromStr;

use neural_lrp::methods::Method;
use neural_lrp::rules::{InputRange, Rule};
use neural_lrp::{Attribution, COMPOSITES, Composite, Network};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// A way to explain a network, by name.
#[derive(Clone, Debug)]
pub enum By {
    /// One rule for all layers with weights.
    Rule(Rule),
    /// A mixture of rules.
    Composite(String),
    /// A method to compare with.
    Method(Method),
}

/// The longest name of a way.
const LONGEST_NAME: usize = 100;
/// Most passes of a method of several.
const MOST_PASSES: usize = 100;

impl FromStr for By {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        if text.len() > LONGEST_NAME {
            return Err(Failure::Request(format!("No way to explain has a name of {} bytes.", text.len())));
        }
        let refused = |error: neural_lrp::Error| Failure::Request(format!("{error}."));
        let name = text.split('=').next().unwrap_or(text);
        if Method::NAMES.contains(&name) {
            let method: Method = text.parse().map_err(refused)?;
            return match passes(&method) {
                passes if passes > MOST_PASSES => Err(Failure::Request(format!(
                    "{name} takes up to {MOST_PASSES} passes here; {passes} are asked for."
                ))),
                _ => Ok(Self::Method(method)),
            };
        }
        if Rule::NAMES.contains(&name) {
            return text.parse().map(Self::Rule).map_err(refused);
        }
        match Composite::named(text) {
            Ok(_) => Ok(Self::Composite(text.to_owned())),
            Err(_) => Err(Failure::Request(format!("No rule, composite or method is called {text:?}."))),
        }
    }
}

/// How many times a method takes the network forward and back.
fn passes(method: &Method) -> usize {
    match method {
        Method::IntegratedGradients(method) => method.nodes,
        Method::SmoothGrad(method) => method.samples,
        _ => 1,
    }
}

impl fmt::Display for By {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(rule) => rule.fmt(formatter),
            Self::Composite(name) => formatter.write_str(name),
            Self::Method(method) => method.fmt(formatter),
        }
    }
}

impl TryFrom<String> for By {
    type Error = Failure;

    fn try_from(text: String) -> Result<Self, Failure> {
        text.parse()
    }
}

impl<'de> Deserialize<'de> for By {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(|failure: Failure| {
            // What serde puts behind it ends the sentence.
            serde::de::Error::custom(failure.to_string().trim_end_matches('.'))
        })
    }
}

impl By {
    /// The attribution, for a network whose input has this range.
    pub fn attribution(&self, range: &InputRange) -> Result<Attribution, Failure> {
        Ok(match self {
            Self::Rule(rule) => Composite::uniform(rule.clone()).with_input_range(range).into(),
            Self::Composite(name) => Composite::named(name)?.with_input_range(range).into(),
            Self::Method(method) => method.clone().into(),
        })
    }
}

/// A way to explain that is offered.
#[derive(Clone, Debug, Serialize)]
pub struct Way {
    name: &'static str,
    title: &'static str,
    kind: Kind,
    about: &'static str,
    parameter: Option<Parameter>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Rule,
    Composite,
    Method,
}

/// A number that a way takes.
#[derive(Clone, Debug, Serialize)]
struct Parameter {
    symbol: &'static str,
    from: f64,
    to: f64,
    default: f64,
    scale: Scale,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Scale {
    Linear,
    Log,
    /// Whole numbers.
    Count,
}

const fn parameter(symbol: &'static str, (from, to, default): (f64, f64, f64), scale: Scale) -> Option<Parameter> {
    Some(Parameter { symbol, from, to, default, scale })
}

const fn way(
    kind: Kind,
    name: &'static str,
    title: &'static str,
    about: &'static str,
    parameter: Option<Parameter>,
) -> Way {
    Way { name, title, kind, about, parameter }
}

/// The rules that are offered: one for all layers with weights.
const RULES: [Way; 8] = [
    way(
        Kind::Rule,
        "epsilon",
        "ε rule",
        "Shares relevance as values were shared forward; ε takes some where they nearly cancel (Eq. 58)",
        parameter("ε", (1e-6, 10.0, 0.01), Scale::Log),
    ),
    way(
        Kind::Rule,
        "alpha-beta",
        "αβ rule",
        "What raises a value counts α times, what lowers it β = 1 − α times (Eq. 60)",
        parameter("α", (1.0, 4.0, 2.0), Scale::Linear),
    ),
    way(
        Kind::Rule,
        "gamma",
        "γ rule",
        "Weights that raise a value count 1 + γ times",
        parameter("γ", (0.01, 10.0, 0.25), Scale::Log),
    ),
    way(Kind::Rule, "z-plus", "z⁺ rule", "Only what raises a value gets relevance", None),
    way(
        Kind::Rule,
        "lrp-0",
        "z rule",
        "Shares relevance as values were shared forward, and nothing else (Eq. 56)",
        None,
    ),
    way(Kind::Rule, "flat", "flat rule", "All inputs of a value share alike", None),
    way(Kind::Rule, "w-square", "w² rule", "Inputs share by their squared weights", None),
    way(Kind::Rule, "z-box", "zᴮ rule", "Counts from the darkest and brightest values that the input can have", None),
];

/// The methods that are offered.
const METHODS: [Way; 9] = [
    way(Kind::Method, "gradient", "Gradient", "How the score changes with each pixel (Eq. 54)", None),
    way(Kind::Method, "input-x-gradient", "Input × gradient", "The gradient times the pixel", None),
    way(
        Kind::Method,
        "integrated-gradients",
        "Integrated gradients",
        "The gradient on the way from black, averaged",
        parameter("nodes", (5.0, 100.0, 20.0), Scale::Count),
    ),
    way(
        Kind::Method,
        "smooth-grad",
        "SmoothGrad",
        "The gradient of noisy copies, averaged",
        parameter("samples", (5.0, 100.0, 25.0), Scale::Count),
    ),
    way(Kind::Method, "guided-backprop", "Guided backpropagation", "The gradient, positive alone on its way", None),
    way(Kind::Method, "deconvnet", "Deconvolution", "As guided, whatever was active", None),
    way(Kind::Method, "excitation-backprop", "Excitation backpropagation", "z⁺ in layers with weights", None),
    way(Kind::Method, "attention-rollout", "Attention rollout", "Where attention looks, layer upon layer", None),
    way(
        Kind::Method,
        "taylor",
        "Taylor decomposition",
        "A first-order expansion about a root point, searched towards digits of other classes (Eq. 15)",
        None,
    ),
];

/// What composites are called.
const TITLES: [(&str, &str); 14] = [
    ("epsilon-plus", "ε, z⁺"),
    ("epsilon-plus-flat", "ε, z⁺, flat"),
    ("conserving-plus-flat", "ε, z⁺ without biases, flat"),
    ("epsilon-alpha2-beta1", "ε, α = 2"),
    ("epsilon-alpha2-beta1-flat", "ε, α = 2, flat"),
    ("epsilon-gamma-box", "ε, γ, zᴮ"),
    ("figure-12", "The paper's Figs 12–24"),
    ("figure-25-epsilon-0.01", "The paper's Fig 25, ε = 0.01"),
    ("figure-25-epsilon-100", "The paper's Fig 25, ε = 100"),
    ("figure-25-alpha2-beta1", "The paper's Fig 25, α = 2"),
    ("attnlrp", "AttnLRP"),
    ("attention-cp", "Attention as constants"),
    ("attention-cp-gamma", "Attention as constants, γ"),
    ("attention-cp-gamma-identity", "Attention as constants, γ, identity"),
];

/// The ways that a network can be explained in.
///
/// * `has_candidates` — whether there are points towards which roots can be searched
pub fn offered(network: &Network<f32>, range: &InputRange, has_candidates: bool) -> Vec<Way> {
    let takes = |composite: Result<Composite, neural_lrp::Error>| {
        composite.is_ok_and(|composite| {
            let composite = composite.with_input_range(range);
            composite.choose(network).is_ok() && composite.assign(network).is_ok()
        })
    };
    let for_attention = |name: &str| name.starts_with("attention") || name == "attnlrp";
    let has_attention = Composite::default_for(network).composite().is_ok_and(|default| for_attention(default.name()));
    let rules = RULES.iter().filter(|way| {
        let rule = way.text().parse::<Rule>();
        takes(rule.map(Composite::uniform))
    });
    let composites = COMPOSITES.iter().filter_map(|composite| {
        let (_, title) = TITLES.iter().find(|(name, _)| *name == composite.name)?;
        let way = way(Kind::Composite, composite.name, title, composite.description, None);
        let fits = has_attention || !for_attention(composite.name);
        (fits && takes(composite.composite())).then_some(way)
    });
    let methods = METHODS.iter().filter(|way| match way.name {
        "taylor" => has_candidates,
        name => has_attention || !for_attention(name),
    });
    composites.chain(rules.cloned()).chain(methods.cloned()).collect()
}

impl Way {
    /// As it is asked for, with the default of its number.
    fn text(&self) -> String {
        match &self.parameter {
            Some(parameter) => format!("{}={}", self.name, parameter.default),
            None => self.name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_offered_can_be_asked_for() {
        for way in RULES.iter().chain(&METHODS) {
            let by: By = way.text().parse().unwrap();
            assert_eq!(by.to_string().split('=').next(), Some(way.name));
        }
        for (name, _) in TITLES {
            assert_eq!(name.parse::<By>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn what_is_no_way_is_refused_in_a_sentence() {
        for wrong in ["", "nonsense", "epsilon=-", "smooth-grad=100000", "../rules.toml", &"a".repeat(500)] {
            let sentence = wrong.parse::<By>().unwrap_err().to_string();
            assert!(sentence.ends_with('.') && sentence.len() < 400, "{sentence}");
        }
    }
}
