//! `--rule`, `--composite`, `--method` and what goes with them: which rule at which node.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use ndarray::{ArrayD, arr0};
use neural_lrp::methods::Method;
use neural_lrp::rules::{InputRange, Rule};
use neural_lrp::{
    Attribution, COMPOSITES, Composite, DefaultComposite, Explained, Forward, NamedComposite, Network, Real, Selector,
    Start, Target,
};

use crate::failure::{Context, Failure};
use crate::inputs::array;

/// Which rule at which node.
#[derive(Args, Clone, Debug, Default)]
pub struct RuleOptions {
    /// One rule for all layers with weights, and for these only: epsilon=0.01, alpha-beta=2 (α; β = 1 − α), z-plus, gamma=0.25, flat, w-square, z-box, lrp-0, pass
    #[arg(long, value_name = "RULE", conflicts_with_all = ["composite", "method"])]
    pub rule: Option<Rule>,

    /// A mixture of rules: epsilon-plus, epsilon-plus-flat, conserving-plus-flat, epsilon-alpha2-beta1, epsilon-alpha2-beta1-flat, epsilon-gamma-box; attnlrp, attention-cp, attention-cp-gamma, attention-cp-gamma-identity for transformers; those of the paper's figures, or FILE.toml. Default: epsilon-plus-flat for convolutional networks, conserving-plus-flat for deep ones, epsilon-plus for perceptrons, attention-cp-gamma for transformers
    #[arg(long, value_name = "NAME|FILE.toml", conflicts_with = "method")]
    pub composite: Option<CompositeChoice>,

    /// A method to compare with: gradient, input-x-gradient, integrated-gradients[=NODES[,midpoint]], smooth-grad[=SAMPLES[,NOISE[,SEED]]], guided-backprop, deconvnet, excitation-backprop, attention-rollout (transformers), taylor[=margin] (with --candidates)
    #[arg(long, value_name = "METHOD", conflicts_with = "layer_rule")]
    pub method: Option<Method>,

    /// Another rule for some nodes (repeatable, the first that fits decides): a glob over node names, op:KIND (optional:op:KIND where there may be none) or another selector of composite files (first-patch-embedding, query-key, attention-score, attention-value, layer-normalization, …), then the rule: '/features/*=gamma=0.25', op:LRN=taylor, layer-normalization=detached, convolution=without-bias=z-plus
    #[arg(long, value_name = "PATTERN=RULE")]
    pub layer_rule: Vec<LayerRule>,

    /// The smallest and largest value of the network's input, for the rule z-box: two numbers, or two .npy files that broadcast to (C, 1, 1)
    #[arg(long, value_name = "LOW,HIGH", allow_hyphen_values = true)]
    pub input_range: Option<RangeChoice>,

    /// Take over what another implementation does beside the formulas
    #[arg(long, value_name = "IMPLEMENTATION", value_enum)]
    pub compatible: Option<Compatibility>,
}

/// Another implementation that numbers are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compatibility {
    /// The paper's authors' own: what it does at pools under --rule lrp-0, epsilon, alpha-beta, flat and w-square; its flat and w-square know no biases
    Toolbox,
}

/// A composite by name, or in a file.
#[derive(Clone, Debug)]
pub enum CompositeChoice {
    /// One that is known.
    Named(Composite),
    /// One's own.
    File(PathBuf),
}

/// A rule for some nodes.
#[derive(Clone, Debug)]
pub struct LayerRule {
    selector: Selector,
    rule: Rule,
}

/// A range of inputs as it is given: two bounds.
#[derive(Clone, Debug)]
pub struct RangeChoice {
    low: BoundChoice,
    high: BoundChoice,
}

#[derive(Clone, Debug)]
enum BoundChoice {
    Number(f64),
    File(PathBuf),
}

impl RuleOptions {
    /// Reads what they name, for any network.
    pub fn read(&self) -> Result<ChosenRules, Failure> {
        let composite = match (&self.rule, &self.composite, &self.method) {
            (Some(rule), ..) => Some(Composite::uniform(rule.clone())),
            (None, Some(choice), _) => Some(choice.read()?),
            (None, None, Some(method)) => {
                Some(method.composite().map_or_else(|| Composite::named("gradient"), NamedComposite::composite)?)
            }
            (None, None, None) => None,
        };
        Ok(ChosenRules {
            composite,
            compatible: self.compatible,
            layer_rules: self.layer_rule.clone(),
            input_range: self.input_range.as_ref().map(RangeChoice::read).transpose()?,
        })
    }
}

/// The rules that a command line asks for, whatever the network.
#[derive(Clone, Debug)]
pub struct ChosenRules {
    /// The composite; for a method, that of its backward passes; `None` for the default of each network.
    composite: Option<Composite>,
    compatible: Option<Compatibility>,
    layer_rules: Vec<LayerRule>,
    input_range: Option<InputRange>,
}

impl ChosenRules {
    /// With the range of the network's input.
    pub fn with_input_range(self, range: InputRange) -> Self {
        Self { input_range: Some(range), ..self }
    }

    /// The composite for a network.
    pub fn composite<F: Real>(&self, network: &Network<F>) -> Result<Composite, Failure> {
        let mut composite = match &self.composite {
            Some(composite) => composite.clone(),
            None => Composite::default_for(network).composite()?,
        };
        if self.compatible == Some(Compatibility::Toolbox) {
            composite = composite.compatible_with_toolbox();
        }
        // The first given decides, so it is put in last.
        for choice in self.layer_rules.iter().rev() {
            composite = composite.with_first(choice.selector.clone(), choice.rule.clone());
        }
        Ok(match &self.input_range {
            Some(range) => composite.with_input_range(range),
            None => composite,
        })
    }

    /// The default that is taken for a network; `None` where something else is asked for.
    pub fn default<F: Real>(&self, network: &Network<F>) -> Option<DefaultComposite> {
        self.composite.is_none().then(|| Composite::default_for(network))
    }

    /// What a backward pass begins with: defaults begin with the score.
    pub fn start(&self) -> Start {
        self.composite.as_ref().map_or(Start::Score, Composite::start)
    }
}

/// Whether a method is one backward pass with rules of its own; the others take gradients.
pub fn is_backward_pass(method: &Method) -> bool {
    method.composite().is_some()
}

/// How Bag-of-Words classifiers are explained.
pub const ALGORITHM_1: &str = "Algorithm 1";

/// A way to explain, by one name: a rule, a composite or a method.
#[derive(Clone, Debug)]
pub enum Way {
    /// With the rules of a composite, and how it is called.
    Composite(String, CompositeChoice),
    /// By a method.
    Method(Method),
}

impl FromStr for Way {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let name = text.split('=').next().unwrap_or(text);
        if Method::NAMES.contains(&name) {
            return Ok(Self::Method(text.parse()?));
        }
        let choice = match (text.parse::<CompositeChoice>(), text.parse::<Rule>()) {
            (Ok(choice), _) => choice,
            (Err(_), Ok(rule)) => CompositeChoice::Named(Composite::uniform(rule)),
            (Err(_), Err(rule)) => {
                // A name that is no rule's might be any; one that is a rule's has wrong settings.
                let is_rule = Rule::NAMES.iter().any(|known| wording::is_same(known, name));
                return Err(if is_rule { rule.into() } else { unknown_way(name) });
            }
        };
        Ok(Self::Composite(text.to_owned(), choice))
    }
}

fn unknown_way(name: &str) -> Failure {
    let composites = || COMPOSITES.iter().map(|composite| composite.name);
    let near = wording::did_you_mean(name, Rule::NAMES.iter().chain(Method::NAMES).copied().chain(composites()));
    let help = "`pixelwise explain --help` says which there are: --rule, --composite, --method";
    format!("no rule, composite or method is called {:?}; {help}{near}", wording::shortened(name)).into()
}

impl Way {
    /// With its files read, and the range of the network's input where a rule needs it.
    pub fn ready(&self, range: Option<&InputRange>) -> Result<ReadyWay, Failure> {
        let (name, choice) = match self {
            Self::Method(method) => return Ok(ReadyWay::Method(method.clone())),
            Self::Composite(name, choice) => (name, choice),
        };
        let composite = choice.read()?;
        let composite = match range {
            Some(range) => composite.with_input_range(range),
            None => composite,
        };
        Ok(ReadyWay::Composite(name.clone(), composite))
    }
}

/// A way to explain that has all it needs.
#[derive(Clone, Debug)]
pub enum ReadyWay {
    /// With the rules of a composite, and how it is called.
    Composite(String, Composite),
    /// By a method.
    Method(Method),
}

impl ReadyWay {
    /// Explains a target: relevance starts from its score, a gradient from 1.
    pub fn explain<F: Real>(&self, forward: &Forward<'_, F>, target: &Target) -> Result<Explained<F>, Failure> {
        Ok(match self {
            Self::Composite(_, composite) => {
                forward.explain(composite, &composite.start().at(target.clone()).into())?
            }
            Self::Method(method) => method.explain(forward, &method.start().at(target.clone()).into())?,
        })
    }
}

impl From<ReadyWay> for Attribution {
    fn from(way: ReadyWay) -> Self {
        match way {
            ReadyWay::Composite(_, composite) => composite.into(),
            ReadyWay::Method(method) => method.into(),
        }
    }
}

impl fmt::Display for ReadyWay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Composite(name, _) => formatter.pad(name),
            Self::Method(method) => method.fmt(formatter),
        }
    }
}

impl CompositeChoice {
    fn read(&self) -> Result<Composite, Failure> {
        match self {
            Self::Named(composite) => Ok(composite.clone()),
            Self::File(path) => {
                let text = fs::read_to_string(path).context(format!("can't read {}", path.display()))?;
                Composite::from_toml(&text).context(path.display())
            }
        }
    }
}

impl FromStr for CompositeChoice {
    type Err = neural_lrp::Error;

    fn from_str(text: &str) -> Result<Self, neural_lrp::Error> {
        match text.ends_with(".toml") {
            true => Ok(Self::File(text.into())),
            false => Composite::named(text).map(Self::Named),
        }
    }
}

impl FromStr for LayerRule {
    type Err = Failure;

    /// Rules hold `=`, and so may names: of all places to cut, the first that leaves a rule behind it.
    fn from_str(text: &str) -> Result<Self, Failure> {
        let cuts = || text.match_indices('=').map(|(place, _)| (&text[..place], &text[place + 1..]));
        let cut = cuts().find(|(_, rule)| rule.parse::<Rule>().is_ok()).or_else(|| cuts().next());
        let Some((pattern, rule)) = cut else {
            return Err(format!("{text:?} should be PATTERN=RULE, as in op:LRN=taylor").into());
        };
        Ok(Self { selector: pattern.parse()?, rule: rule.parse()? })
    }
}

impl RangeChoice {
    /// The range, with its files read.
    pub fn read(&self) -> Result<InputRange, Failure> {
        Ok(InputRange::new(self.low.read()?, self.high.read()?)?)
    }
}

impl FromStr for RangeChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bound = |text: &str| match text.trim().parse::<f64>() {
            Ok(number) => Some(BoundChoice::Number(number)),
            Err(_) if Path::new(text).extension().is_some_and(|extension| extension == "npy") => {
                Some(BoundChoice::File(text.into()))
            }
            Err(_) => None,
        };
        let bounds = text.split_once(',').and_then(|(low, high)| Some((bound(low)?, bound(high)?)));
        let (low, high) = bounds.ok_or("it should be two numbers or two .npy files, as in -1,1 or low.npy,high.npy")?;
        Ok(Self { low, high })
    }
}

impl BoundChoice {
    fn read(&self) -> Result<ArrayD<f64>, Failure> {
        match self {
            Self::Number(number) => Ok(arr0(*number).into_dyn()),
            Self::File(path) => array::read(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_rule_is_cut_where_a_rule_begins() {
        let cut = |text: &str| text.parse::<LayerRule>().map(|rule| (rule.selector.to_string(), rule.rule.to_string()));
        assert_eq!(cut("op:LRN=taylor").unwrap(), ("op:LRN".to_owned(), "taylor".to_owned()));
        assert_eq!(cut("/features/*=gamma=0.25").unwrap(), ("/features/*".to_owned(), "gamma=0.25".to_owned()));
        assert_eq!(cut("a=b=flat").unwrap(), ("a=b".to_owned(), "flat".to_owned()));
        assert!(cut("op:LRN").unwrap_err().to_string().contains("PATTERN=RULE"));
        assert!(cut("x=nonsense").unwrap_err().to_string().contains("\"nonsense\""));
    }

    #[test]
    fn ranges_may_be_negative() {
        let range: RangeChoice = "-2.5,-1".parse().unwrap();
        assert_eq!(range.read().unwrap(), InputRange::of(-2.5, -1.0).unwrap());
        assert!("1".parse::<RangeChoice>().unwrap_err().contains("-1,1"));
        assert!("2,1".parse::<RangeChoice>().unwrap().read().is_err());
    }

    #[test]
    fn the_first_layer_rule_decides() {
        let layer_rule = ["op:Conv=flat", "op:Conv=z-plus"].map(|text| text.parse().unwrap()).to_vec();
        let mut network = neural_lrp::NetworkBuilder::<f32>::new();
        network.input("x", [None]).output("y");
        network.node("y", std::sync::Arc::new(neural_lrp::operations::Relu), ["x"], "y");
        let options = RuleOptions { layer_rule, ..RuleOptions::default() };
        let composite = options.read().unwrap().composite(&network.build().unwrap()).unwrap();
        assert_eq!(composite.name(), "epsilon-plus");
        assert_eq!(composite.choices()[0].rule.to_string(), "flat");
    }
}
