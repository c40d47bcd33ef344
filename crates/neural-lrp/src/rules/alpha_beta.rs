//! The αβ-rule.

use relevance::Stabilizer;

use crate::Error;
use crate::operation::linear::WeightPart;
use crate::rules::terms::{AbsentSign, BiasPart, InputPart, Term, Terms};
use crate::rules::{Redistribute, default_stabilizer, parse_number, stabilizer, stabilizer_arguments};

/// The αβ-rule: activating and inhibiting contributions are redistributed apart.
///
/// ```text
/// R_i = Σ_j ( α · z⁺_ij / z⁺_j  +  β · z⁻_ij / z⁻_j ) · R_j          Bach et al. 2015, Eq. (60)
/// Σ_i R_{i←j} = R_j (1 − α b⁺_j / z⁺_j − β b⁻_j / z⁻_j)               Eq. (61)
/// ```
/// * `z_ij` — contribution of input `i` to output `j`, here `x_i w_ij`; `z±_j` include the bias's part, which is a sink
/// * `α`, `β` — α + β = 1, so that β ≤ 0 in use: (2, −1). Both signs come from `x_i w_ij`, not from `w_ij` alone
///
/// The denominators have a stabilizer of 1e-6 unless another is given. Where an output has no contributions of one sign, that sign's share is
/// booked as [`Sink::AbsentSign`](relevance::Sink::AbsentSign), as zennit loses it; with `renormalize`
/// ([`AbsentSign::Renormalized`]) the other sign takes all.
///
/// ```
/// use neural_lrp::rules::AlphaBeta;
/// assert_eq!(AlphaBeta::new(2.0, -1.0)?.beta(), -1.0);
/// assert!(AlphaBeta::new(2.0, 1.0).is_err()); // later papers write α − β = 1: here β has its own sign
/// # Ok::<(), neural_lrp::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlphaBeta {
    alpha: f64,
    absent_sign: AbsentSign,
    stabilizer: Stabilizer,
}

impl AlphaBeta {
    /// The rule with shares `alpha` and `beta`, in the paper's own sign.
    ///
    /// # Errors
    /// [`Error::Setting`] when α + β ≠ 1, or either is not finite.
    pub fn new(alpha: f64, beta: f64) -> Result<Self, Error> {
        let rest = alpha + beta - 1.0;
        if rest.is_finite() && rest.abs() <= 1e-12 {
            return Ok(Self::of(alpha));
        }
        Err(Error::Setting {
            what: "rule",
            given: format!("alpha-beta with α = {alpha}, β = {beta}"),
            reason: "α + β must be 1, as in Eq. 60; for α = 2 that is β = −1".into(),
        })
    }

    /// The rule with α and β = 1 − α.
    fn of(alpha: f64) -> Self {
        Self { alpha, absent_sign: AbsentSign::Booked, stabilizer: default_stabilizer() }
    }

    /// With what becomes of the share of a sign that is absent.
    #[must_use]
    pub fn absent_sign(self, absent_sign: AbsentSign) -> Self {
        Self { absent_sign, ..self }
    }

    /// With another stabilizer than 1e-6.
    #[must_use]
    pub fn stabilizer(self, stabilizer: Stabilizer) -> Self {
        Self { stabilizer, ..self }
    }

    /// The share of activating contributions.
    pub fn alpha(self) -> f64 {
        self.alpha
    }

    /// The share of inhibiting contributions, `β = 1 − α`, at most 0 in use.
    pub fn beta(self) -> f64 {
        1.0 - self.alpha
    }
}

const USAGE: &str = "it takes α, as in alpha-beta=2 (β = 1 − α = −1), and epsilon=… and renormalize if you like: \
                     alpha-beta=2,epsilon=0.01,renormalize";

impl Redistribute for AlphaBeta {
    const NAME: &'static str = "alpha-beta";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let Some((alpha, options)) = arguments.split_first() else { return Err(USAGE.into()) };
        options.iter().try_fold(Self::of(parse_number(alpha)?), |rule, option| match option.split_once('=') {
            Some(("epsilon", epsilon)) => Ok(rule.stabilizer(stabilizer(parse_number(epsilon)?)?)),
            None if *option == "renormalize" => Ok(rule.absent_sign(AbsentSign::Renormalized)),
            _ => Err(USAGE.into()),
        })
    }

    fn arguments(&self) -> Vec<String> {
        let stabilizer = stabilizer_arguments(self.stabilizer).into_iter().map(|epsilon| format!("epsilon={epsilon}"));
        let renormalize = (self.absent_sign == AbsentSign::Renormalized).then(|| "renormalize".to_owned());
        [self.alpha.to_string()].into_iter().chain(stabilizer).chain(renormalize).collect()
    }

    fn terms(&self) -> Option<Terms> {
        let terms = [(self.alpha, activating()), (self.beta(), inhibiting())];
        let terms =
            terms.into_iter().filter(|(factor, _)| *factor != 0.0).map(|(factor, term)| Term { factor, ..term });
        Some(Terms { absent_sign: self.absent_sign, ..Terms::new(terms, self.stabilizer) })
    }
}

/// `z⁺_j = Σ_i (x_i w_ij)⁺ + b⁺_j`
pub(super) fn activating() -> Term {
    Term::new(1.0, [(InputPart::Positive, WeightPart::Positive), (InputPart::Negative, WeightPart::Negative)])
        .bias(BiasPart::Like(WeightPart::Positive))
        .of_one_sign()
}

/// `z⁻_j = Σ_i (x_i w_ij)⁻ + b⁻_j`
fn inhibiting() -> Term {
    Term::new(1.0, [(InputPart::Positive, WeightPart::Negative), (InputPart::Negative, WeightPart::Positive)])
        .bias(BiasPart::Like(WeightPart::Negative))
        .of_one_sign()
}
