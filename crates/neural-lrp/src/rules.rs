//! The rules: how a layer hands its relevance down.
//!
//! Rules over linear maps are data, a list of [`terms`] each; what goes through other operations (pass, norm, the winner
//! of a pooling window, first-order Taylor) and the gradients that explanations are compared with stand beside them. A
//! new rule is a file here and a line in the list below; it then has a name for command line and composite files.
//!
//! ```
//! use neural_lrp::rules::Rule;
//! let rule: Rule = "alpha-beta=2".parse()?;
//! assert_eq!(rule.to_string(), "alpha-beta=2"); // β = 1 − α = −1, in the sign of Eq. 60
//! assert!("alpha-beta=two".parse::<Rule>().is_err());
//! # Ok::<(), neural_lrp::Error>(())
//! ```

use std::fmt;
use std::str::FromStr;

use ndarray::ArrayViewD;
use relevance::Stabilizer;
use serde::{Deserialize, Serialize};

use crate::operation::{Operation, Redistribution, Step};
use crate::{Error, Real};

pub mod terms;

mod alpha_beta;
mod deconvnet;
mod detached;
mod epsilon;
mod even_bias;
mod flat;
mod gamma;
mod gated;
mod gradient;
mod guided;
mod input_range;
mod lrp_zero;
mod mechanism;
mod norm;
mod pass;
mod proportional;
mod rearrange;
mod taylor;
mod ties_shared;
mod toolbox_pool;
mod w_square;
mod winner_takes_all;
mod z_box;
mod z_plus;

pub use input_range::{Bound, InputRange};
pub use terms::Terms;

/// The ε of every rule that does not say another (zennit's default).
pub const DEFAULT_EPSILON: f64 = 1e-6;

/// The operation that guided backpropagation and deconvolution treat apart.
const RECTIFIER: &str = "Relu";

/// What a rule is.
pub trait Redistribute: Sized {
    /// The rule of what stands after its name, `epsilon=0.01` → `["0.01"]`.
    ///
    /// # Errors
    /// What would be right.
    fn parse(arguments: &[&str]) -> Result<Self, String>;

    /// What stands after its name.
    fn arguments(&self) -> Vec<String>;

    /// The rule as data, where it is one over linear maps.
    fn terms(&self) -> Option<Terms> {
        None
    }

    /// Hands `upper`, the relevance at an operation's output, down to its operands. Rules over linear maps need not
    /// write it.
    ///
    /// # Errors
    /// Why the rule is not for such an operation, and what is.
    fn redistribute<F: Real>(
        &self,
        operation: &dyn Operation<F>,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
    ) -> Result<Redistribution<F>, String> {
        match (self.terms(), operation.linear()) {
            (Some(terms), Some(layer)) => mechanism::redistribute(layer, step, upper, &terms),
            _ => Err("it is for layers with weights; here pass, norm, taylor or gradient can be used".into()),
        }
    }
}

/// Makes one type of all rules, known by their names.
macro_rules! rules {
    ($($(#[$about:meta])* $variant:ident = $name:literal in $module:ident,)+) => {
        $(pub use $module::$variant;)+

        /// Any of the rules.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub enum Rule {
            $($(#[$about])* $variant($variant),)+
        }

        impl Rule {
            /// The names that rules have.
            pub const NAMES: &[&str] = &[$($name),+];

            /// The rule's name, without its settings.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            fn parse(name: &str, arguments: &[&str]) -> Result<Self, String> {
                match name {
                    $($name => $variant::parse(arguments).map(Self::$variant),)+
                    _ => Err(format!("there are {}", Self::NAMES.join(", "))),
                }
            }

            /// The rule as data, where it is one over linear maps.
            pub fn terms(&self) -> Option<Terms> {
                match self { $(Self::$variant(rule) => rule.terms(),)+ }
            }

            fn arguments(&self) -> Vec<String> {
                match self { $(Self::$variant(rule) => rule.arguments(),)+ }
            }

            /// Hands `upper`, the relevance at an operation's output, down to its operands.
            ///
            /// # Errors
            /// [`Error::Rule`] when the rule is not for such operations.
            pub fn redistribute<F: Real>(
                &self,
                operation: &dyn Operation<F>,
                step: &Step<'_, F>,
                upper: ArrayViewD<'_, F>,
            ) -> Result<Redistribution<F>, Error> {
                let upper = upper.as_standard_layout();
                let upper = upper.view();
                let result = match self { $(Self::$variant(rule) => rule.redistribute(operation, step, upper),)+ };
                result.map_err(|reason| Error::Rule { rule: self.to_string(), reason })
            }
        }

        $(impl From<$variant> for Rule {
            fn from(rule: $variant) -> Self {
                Self::$variant(rule)
            }
        })+
    };
}

rules! {
    /// Eq. 56.
    LrpZero = "lrp-0" in lrp_zero,
    /// Eq. 58.
    Epsilon = "epsilon" in epsilon,
    /// Eq. 60.
    AlphaBeta = "alpha-beta" in alpha_beta,
    /// Eq. 60 with α = 1.
    ZPlus = "z-plus" in z_plus,
    /// Positive weights count more.
    Gamma = "gamma" in gamma,
    /// All connected inputs alike.
    Flat = "flat" in flat,
    /// By squared weights.
    WSquare = "w-square" in w_square,
    /// For inputs in a box.
    ZBox = "z-box" in z_box,
    /// Eq. 58 with the bias's share spread evenly.
    EvenBias = "even-bias" in even_bias,
    /// By contributions, for sums without weights.
    Norm = "norm" in norm,
    /// All passes.
    Pass = "pass" in pass,
    /// Through normalizations at constant deviations.
    Detached = "detached" in detached,
    /// Back the way the numbers came.
    Rearrange = "arrange" in rearrange,
    /// The first maximum takes all.
    WinnerTakesAll = "winner" in winner_takes_all,
    /// All maxima share.
    TiesShared = "ties-shared" in ties_shared,
    /// By value within a pooling window.
    Proportional = "proportional" in proportional,
    /// One factor of a product takes all, or both half.
    Gated = "signal" in gated,
    /// First-order Taylor decomposition of the operation.
    Taylor = "taylor" in taylor,
    /// Sum pooling as the authors' toolbox treats it.
    ToolboxPool = "toolbox-pool" in toolbox_pool,
    /// Eq. 54.
    Gradient = "gradient" in gradient,
    /// Guided backpropagation.
    Guided = "guided" in guided,
    /// Deconvolution.
    Deconvnet = "deconvnet" in deconvnet,
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments = self.arguments();
        let text = if arguments.is_empty() {
            self.name().to_owned()
        } else {
            format!("{}={}", self.name(), arguments.join(","))
        };
        formatter.pad(&text)
    }
}

impl FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, arguments) = match text.split_once('=') {
            Some((name, arguments)) => (name.trim(), arguments.split(',').map(str::trim).collect()),
            None => (text.trim(), Vec::new()),
        };
        Self::parse(name, &arguments).map_err(|reason| Error::Setting { what: "rule", given: text.to_owned(), reason })
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_string()
    }
}

impl TryFrom<String> for Rule {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

/// The stabilizer of a rule from its only argument, or the default.
fn parse_stabilizer(arguments: &[&str]) -> Result<Stabilizer, String> {
    match arguments {
        [] => stabilizer(DEFAULT_EPSILON),
        [epsilon] => stabilizer(parse_number(epsilon)?),
        _ => Err("it takes one number, ε".into()),
    }
}

fn stabilizer(epsilon: f64) -> Result<Stabilizer, String> {
    Stabilizer::new(epsilon).map_err(|error| error.to_string())
}

fn parse_number(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| format!("{text:?} is no number"))
}

/// What follows the name of a rule that has no settings.
fn parse_nothing<T>(rule: T, arguments: &[&str]) -> Result<T, String> {
    if arguments.is_empty() { Ok(rule) } else { Err("it takes no settings".into()) }
}

/// The settings that say an ε: none for the default one.
fn stabilizer_arguments(stabilizer: Stabilizer) -> Vec<String> {
    if stabilizer.epsilon() == DEFAULT_EPSILON { Vec::new() } else { vec![stabilizer.epsilon().to_string()] }
}

/// The default stabilizer.
pub(crate) fn default_stabilizer() -> Stabilizer {
    Stabilizer::new(DEFAULT_EPSILON).unwrap_or(Stabilizer::NONE)
}
