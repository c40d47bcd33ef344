//! The z^B-rule.

use crate::operation::linear::WeightPart;
use crate::rules::terms::{BiasPart, InputPart, Term, Terms};
use crate::rules::{InputRange, Redistribute, default_stabilizer};

/// The z^B-rule, for inputs that lie in a box, as pixels do.
///
/// ```text
/// R_{i←j} = (x_i w_ij − l_i w⁺_ij − h_i w⁻_ij) / Σ_i (x_i w_ij − l_i w⁺_ij − h_i w⁻_ij) · R_j
/// ```
/// computed as `(x_i − l_i) w⁺_ij + (x_i − h_i) w⁻_ij`, in which nothing cancels as long as each input lies in its box.
/// * `l`, `h` — the smallest and largest value that each input can take: [`range`](Self::range)
///
/// Not in the paper: Montavon et al. 2017. Padding is 0 in `x`, `l` and `h` alike. The stabilizer is 1e-6. A composite
/// fills in the range of the network's input where the rule does not bring one.
#[derive(Clone, Debug, PartialEq)]
pub struct ZBox {
    /// The box, or none yet.
    pub range: Option<InputRange>,
}

impl Redistribute for ZBox {
    const NAME: &'static str = "z-box";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        match arguments {
            [] => Ok(Self { range: None }),
            [low, high] => Ok(Self { range: Some(InputRange::parse(low, high)?) }),
            _ => Err(
                "it takes nothing, or the smallest and the largest value of an input: z-box=-1,1, or one of each for \
                      each channel: z-box=[-2.1 -2 -1.8],[2.2 2.4 2.6]"
                    .into(),
            ),
        }
    }

    fn arguments(&self) -> Vec<String> {
        self.range.as_ref().map(InputRange::arguments).unwrap_or_default()
    }

    fn lacks(&self) -> Option<&'static str> {
        self.range.is_none().then_some("it needs the smallest and the largest value of the input, as in z-box=-1,1")
    }

    fn terms(&self) -> Option<Terms> {
        let term = match &self.range {
            None => Term::new(1.0, [(InputPart::All, WeightPart::All)]),
            Some(range) => Term::new(
                1.0,
                [
                    (InputPart::AboveLow(range.low().clone()), WeightPart::Positive),
                    (InputPart::BelowHigh(range.high().clone()), WeightPart::Negative),
                ],
            )
            .bias(BiasPart::None),
        };
        Some(Terms::new([term], default_stabilizer()))
    }
}
