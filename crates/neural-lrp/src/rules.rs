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
//!
//! A rule of one's own is a type that implements [`Redistribute`]; [`Rules`] make its name known.
//!
//! ```
//! use neural_lrp::rules::terms::{BiasPart, InputPart, Term};
//! use neural_lrp::rules::{Redistribute, Rules, Terms, without_settings};
//! use neural_lrp::{Composite, WeightPart};
//! use relevance::Stabilizer;
//!
//! /// By weights, whatever the input: `R_{i←j} = w⁺_ij / Σ_i w⁺_ij · R_j`
//! struct PositiveWeights;
//!
//! impl Redistribute for PositiveWeights {
//!     const NAME: &'static str = "positive-weights";
//!
//!     fn parse(arguments: &[&str]) -> Result<Self, String> {
//!         without_settings(Self, arguments)
//!     }
//!
//!     fn terms(&self) -> Option<Terms> {
//!         let term = Term::new(1.0, [(InputPart::Ones, WeightPart::Positive)]).bias(BiasPart::None);
//!         Some(Terms::new([term], Stabilizer::NONE))
//!     }
//! }
//!
//! let file = "name = 'mine'\n[[rule]]\nwhere = 'first'\nrule = 'positive-weights'";
//! let composite = Composite::from_toml_with(file, &Rules::new().with::<PositiveWeights>())?;
//! assert_eq!(composite.choices()[0].rule.to_string(), "positive-weights");
//! # Ok::<(), neural_lrp::Error>(())
//! ```
//!
//! What is no sum of such terms writes [`Redistribute::at`] instead, the way back through an operation.

use relevance::Stabilizer;

use crate::Real;
use crate::operation::{MaxSelection, Operation};

pub mod terms;

mod alpha_beta;
mod attention_constant;
mod by_kernel;
mod conserving_z_plus;
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
mod known;
mod lrp_zero;
mod mechanism;
mod norm;
mod pass;
mod proportional;
mod quotients;
mod rearrange;
mod redistribute;
mod rule;
mod spread_constant;
mod stop;
mod taylor;
mod ties_shared;
mod toolbox_pool;
mod w_square;
mod winner_takes_all;
mod without_bias;
mod z_box;
mod z_plus;

pub use input_range::{Bound, InputRange};
pub use known::Rules;
pub use redistribute::{Backward, Redistribute, without_settings};
pub use rule::Rule;
pub use spread_constant::Computed;
pub use terms::Terms;

/// The ε of every rule that does not say another (zennit's default).
pub const DEFAULT_EPSILON: f64 = 1e-6;

/// Makes the built-in rules known.
///
/// A rule becomes a [`Rule`] here and nowhere else, so that it is compiled once, for each kind of numbers, and not again by
/// each program that uses it.
macro_rules! rules {
    ($($module:ident::$rule:ident,)+) => {
        $(pub use $module::$rule;)+

        const BUILT_IN_NAMES: &[&str] = &[$(<$rule as Redistribute>::NAME),+];
        static BUILT_IN: &[known::KnownRule] = &[$(known::KnownRule::of::<$rule>()),+];

        $(impl From<$rule> for Rule {
            fn from(rule: $rule) -> Self {
                Self::new(rule)
            }
        })+
    };
}

rules! {
    lrp_zero::LrpZero,
    epsilon::Epsilon,
    alpha_beta::AlphaBeta,
    z_plus::ZPlus,
    conserving_z_plus::ConservingZPlus,
    gamma::Gamma,
    flat::Flat,
    w_square::WSquare,
    z_box::ZBox,
    even_bias::EvenBias,
    without_bias::WithoutBias,
    norm::Norm,
    pass::Pass,
    detached::Detached,
    rearrange::Rearrange,
    spread_constant::SpreadConstant,
    stop::Stop,
    winner_takes_all::WinnerTakesAll,
    ties_shared::TiesShared,
    proportional::Proportional,
    gated::Gated,
    attention_constant::AttentionConstant,
    taylor::Taylor,
    toolbox_pool::ToolboxPool,
    gradient::Gradient,
    guided::Guided,
    deconvnet::Deconvnet,
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

/// The operation as one that takes the largest or smallest of several numbers, for the rules that are about these.
fn maximum<F: Real>(operation: &dyn Operation<F>) -> Result<&dyn MaxSelection<F>, String> {
    operation
        .max_selection()
        .ok_or_else(|| "it is for maxima, of windows (MaxPool), along axes (ReduceMax) or of tensors (Max)".into())
}

fn parse_number(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| format!("{text:?} is no number"))
}

/// The settings that say an ε: none for the default one.
fn stabilizer_arguments(stabilizer: Stabilizer) -> Vec<String> {
    if stabilizer.epsilon() == DEFAULT_EPSILON { Vec::new() } else { vec![stabilizer.epsilon().to_string()] }
}

/// The default stabilizer.
pub(crate) fn default_stabilizer() -> Stabilizer {
    Stabilizer::new(DEFAULT_EPSILON).unwrap_or(Stabilizer::NONE)
}
