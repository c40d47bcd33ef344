//! Composites: which rule at which node.
//!
//! A composite is a list of choices, the first that fits a node decides; what no choice fits gets the rule of its
//! [`Family`]. Rules and layers know nothing of it.
//!
//! ```
//! use neural_lrp::Composite;
//! let own = Composite::from_toml(r#"
//!     name = "mine"
//!     [[rule]]
//!     where = "first"
//!     rule = "flat"
//!     [[rule]]
//!     where = "op:Conv"
//!     rule = "alpha-beta=2"
//!     [[rule]]
//!     where = "linear"
//!     rule = "epsilon=0.01"
//! "#)?;
//! assert_eq!(own.name(), "mine");
//! assert!(Composite::named("epsilon-plus").is_ok());
//! # Ok::<(), neural_lrp::Error>(())
//! ```

use relevance::Stabilizer;
use serde::Deserialize;

use crate::explain::input_range::range_at;
use crate::network::{Factors, Network, Node};
use crate::operation::Family;
use crate::rules::{
    self, DEFAULT_EPSILON, Gated, InputRange, Norm, Pass, Rearrange, Rule, Taylor, TiesShared, ToolboxPool,
    WinnerTakesAll, ZBox,
};
use crate::{Error, Real};

mod named;
mod selector;

pub use named::COMPOSITES;
pub use selector::Selector;

/// Which rule at which node: choices, the first that fits a node decides.
#[derive(Clone, Debug)]
pub struct Composite {
    name: String,
    choices: Vec<Choice>,
    stabilizer: Stabilizer,
    input_range: Option<InputRange>,
}

/// One choice of a composite.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The nodes that it is for.
    pub selector: Selector,
    /// Their rule.
    pub rule: Rule,
}

/// A composite in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompositeFile {
    name: String,
    /// The ε of averages and sums.
    #[serde(default = "default_epsilon")]
    stabilizer: f64,
    #[serde(default)]
    rule: Vec<ChoiceInFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChoiceInFile {
    r#where: String,
    rule: String,
}

fn default_epsilon() -> f64 {
    DEFAULT_EPSILON
}

impl Composite {
    /// A composite without choices: each node gets the rule of its family.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), choices: Vec::new(), stabilizer: rules::default_stabilizer(), input_range: None }
    }

    /// One rule for all linear layers. The stabilizer of sums and averages follows ε under an ε-rule; the z^B-rule is for
    /// the first linear layer, with ε = 1e-6 in all others.
    pub fn uniform(rule: Rule) -> Self {
        let mut composite = Self::new(rule.to_string());
        composite.stabilizer = match &rule {
            Rule::Epsilon(epsilon) => epsilon.stabilizer,
            Rule::EvenBias(even) => even.stabilizer,
            Rule::LrpZero(_) => Stabilizer::NONE,
            _ => composite.stabilizer,
        };
        match rule {
            Rule::ZBox(_) => {
                let epsilon = rules::Epsilon { stabilizer: composite.stabilizer };
                composite.with(Selector::First, rule).with(Selector::Linear, epsilon)
            }
            rule => composite.with(Selector::Linear, rule),
        }
    }

    /// A composite by name: those of zennit, and the paper's settings by figure.
    ///
    /// # Errors
    /// [`Error::Setting`] when there is none of that name, with those that there are.
    pub fn named(name: &str) -> Result<Self, Error> {
        named::composite(name)
    }

    /// A composite from a TOML file: `name`, optionally `stabilizer` (the ε of averages and sums), and a list of
    /// `[[rule]]` with `where` (a [`Selector`]) and `rule` (a [`Rule`]).
    ///
    /// # Errors
    /// [`Error::Setting`] when it can't be understood.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Setting {
            what: "composite",
            given: text.lines().next().unwrap_or("").to_owned(),
            reason,
        };
        let file: CompositeFile = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let mut composite = Self::new(file.name);
        composite.stabilizer = Stabilizer::new(file.stabilizer)?;
        for choice in file.rule {
            composite = composite.with(choice.r#where.parse()?, choice.rule.parse::<Rule>()?);
        }
        Ok(composite)
    }

    /// Adds a choice, for nodes that no earlier choice fits.
    #[must_use]
    pub fn with(mut self, selector: Selector, rule: impl Into<Rule>) -> Self {
        self.choices.push(Choice { selector, rule: rule.into() });
        self
    }

    /// Puts a choice before all others.
    #[must_use]
    pub fn with_first(mut self, selector: Selector, rule: impl Into<Rule>) -> Self {
        self.choices.insert(0, Choice { selector, rule: rule.into() });
        self
    }

    /// With another ε of averages and sums than 1e-6.
    #[must_use]
    pub fn with_stabilizer(self, stabilizer: Stabilizer) -> Self {
        Self { stabilizer, ..self }
    }

    /// With the range of the network's input, for z^B-rules that do not bring one. It is carried to the layer that has
    /// the rule, through whatever scales, shifts and rearranges the numbers on the way.
    #[must_use]
    pub fn with_input_range(self, range: &InputRange) -> Self {
        Self { input_range: Some(range.clone()), ..self }
    }

    /// With what the authors' toolbox does at pools beside the formulas, see [`ToolboxPool`]; equal maxima share there.
    ///
    /// The toolbox has one rule for all layers, so this is about the choice for all linear layers, if that is an ε- or an
    /// αβ-rule.
    #[must_use]
    pub fn compatible_with_toolbox(self) -> Self {
        let linear = self.choices.iter().find(|choice| matches!(choice.selector, Selector::Linear));
        let pool = match linear.map(|choice| &choice.rule) {
            Some(Rule::LrpZero(_)) => Some(ToolboxPool::Epsilon(Stabilizer::NONE)),
            Some(Rule::Epsilon(epsilon)) => Some(ToolboxPool::Epsilon(epsilon.stabilizer)),
            Some(Rule::AlphaBeta(rule)) => Some(ToolboxPool::AlphaBeta { alpha: rule.alpha() }),
            _ => None,
        };
        let of = |kind: &str| Selector::Operation(kind.to_owned());
        let composite = self.with_first(of("MaxPool"), TiesShared);
        match pool {
            Some(pool) => composite.with_first(of("SumPool"), pool),
            None => composite,
        }
    }

    /// The composite's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The choices, in order.
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// The rule of each node, in the order of [`Network::nodes`].
    ///
    /// # Errors
    /// [`Error::Setting`] when a choice by name fits no node, or a z^B-rule has no range of inputs.
    pub fn assign<F: Real>(&self, network: &Network<F>) -> Result<Vec<Rule>, Error> {
        let rules = self.choose(network)?;
        for (node, rule) in network.nodes().iter().zip(&rules) {
            if let Rule::ZBox(ZBox { range: None }) = rule {
                return Err(Error::Setting {
                    what: "rule",
                    given: rule.to_string(),
                    reason: "it needs the smallest and the largest value of the input, as in z-box=-1,1".into(),
                }
                .at(&node.name, node.operation.kind()));
            }
        }
        Ok(rules)
    }

    /// The rule of each node, whether it has all that it needs or not: a z^B-rule may still lack the range of inputs.
    ///
    /// # Errors
    /// [`Error::Setting`] when a choice by name fits no node.
    pub fn choose<F: Real>(&self, network: &Network<F>) -> Result<Vec<Rule>, Error> {
        let places = selector::Places::of(network);
        let factors = Factors::of(network);
        for choice in &self.choices {
            choice.selector.check(network)?;
        }
        let mut rules = Vec::with_capacity(network.nodes().len());
        for node in network.nodes() {
            let chosen = self.choices.iter().find(|choice| choice.selector.fits(node, &places));
            let rule = chosen.map_or_else(|| self.by_family(&factors, node), |choice| choice.rule.clone());
            rules.push(self.with_range(rule, network, node)?);
        }
        Ok(rules)
    }

    /// The rule with the range of what its layer takes, if it is a z^B-rule that needs one and the range of the network's
    /// input is known.
    fn with_range<F: Real>(&self, rule: Rule, network: &Network<F>, node: &Node<F>) -> Result<Rule, Error> {
        match (rule, &self.input_range) {
            (Rule::ZBox(ZBox { range: None }), Some(range)) => {
                let range = range_at(network, node.operands[0], range);
                let range = range.map_err(|error| error.at(&node.name, node.operation.kind()))?;
                Ok(ZBox { range: Some(range) }.into())
            }
            (rule, _) => Ok(rule),
        }
    }

    /// The rule of a node that no choice is about.
    fn by_family<F: Real>(&self, factors: &Factors<'_, F>, node: &Node<F>) -> Rule {
        match node.operation.family() {
            Family::Linear => rules::Epsilon { stabilizer: self.stabilizer }.into(),
            Family::Activation | Family::Normalization => Pass.into(),
            Family::Arrangement => Rearrange.into(),
            Family::Sum => Norm { stabilizer: self.stabilizer }.into(),
            Family::Maximum => WinnerTakesAll.into(),
            Family::Product => Gated::new(factors.signal(node)).into(),
            Family::Bilinear => Gated { signal: factors.signal(node), stabilizer: self.stabilizer }.into(),
            Family::Softmax => Taylor { stabilizer: Stabilizer::NONE }.into(),
        }
    }
}
