//! Additions of a constant whose share goes to what it is added to.

use ndarray::{ArrayD, Axis, Zip};
use relevance::Stabilizer;

use crate::Real;
use crate::operation::shares::{contribution, shares};
use crate::operation::{Family, Operation};
use crate::rules::{Backward, Norm, Redistribute, parse_stabilizer};

/// Shares in proportion to the contributions, as [`Norm`]; what a constant gets is spread over the token that it is added to,
/// by magnitudes: a position code's relevance goes to the patch that lies there.
///
/// ```text
/// z = x + c,     q = R / stabilize(z),     R_x[t,d] = x[t,d] q[t,d] + |x[t,d]| / Σ_d |x[t,d]| · Σ_d c[t,d] q[t,d]
/// ```
/// * `t` — the tokens, `d` — their numbers along the last axis; a token that is 0 throughout gets the same in each number
/// * `x` — the [`computed`](Self::computed) operand, `c` the constant one
///
/// A composite finds out which operand is computed; where none is a constant, it takes [`Norm`] in this rule's place. Its ε
/// is that of the composite, if the rule brings none. With [`Norm`] the constant's share is the sink
/// [`Sink::Constant`](relevance::Sink::Constant).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpreadConstant {
    /// Which operand is no constant.
    pub computed: Option<Computed>,
    /// The ε that is added with the sign of the sum.
    pub stabilizer: Option<Stabilizer>,
}

/// Which of two operands is no constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Computed {
    /// The first.
    First,
    /// The second.
    Second,
}

impl Redistribute for SpreadConstant {
    const NAME: &'static str = "spread-constant";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let (computed, epsilon) = match arguments.split_first() {
            Some((&"first", rest)) => (Some(Computed::First), rest),
            Some((&"second", rest)) => (Some(Computed::Second), rest),
            _ => (None, arguments),
        };
        let stabilizer = if epsilon.is_empty() { None } else { Some(parse_stabilizer(epsilon)?) };
        Ok(Self { computed, stabilizer })
    }

    fn arguments(&self) -> Vec<String> {
        let computed = self.computed.map(|computed| match computed {
            Computed::First => "first".to_owned(),
            Computed::Second => "second".to_owned(),
        });
        let epsilon = self.stabilizer.map(|stabilizer| stabilizer.epsilon().to_string());
        computed.into_iter().chain(epsilon).collect()
    }

    fn lacks(&self) -> Option<&'static str> {
        self.computed
            .is_none()
            .then_some("it is for the sum of a computed tensor and a constant: a composite finds which is which")
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        if operation.family() != Family::Sum {
            return Err("it is for sums of a computed tensor and a constant".into());
        }
        let stabilizer = self.stabilizer.unwrap_or(super::default_stabilizer());
        let (own, other) = if self.computed == Some(Computed::Second) { (1, 0) } else { (0, 1) };
        let norm = Norm { stabilizer }.at(operation)?;
        Ok(Box::new(move |step, upper| {
            let mut handed = norm(step, upper.view())?;
            let x = step.operands.get(own).filter(|x| x.shape() == upper.shape() && x.ndim() > 0);
            let (Some(x), 2) = (x, handed.lower.len()) else {
                return Err("it is for sums of two tensors, of which the computed one has the shape of the sum".into());
            };
            let (q, _) = shares(upper, &step.output, stabilizer);
            // z q = (x + c) q: what is not the operand's own is the constant's.
            let mut rest = q;
            rest.zip_mut_with(&step.output, |q, &z| *q = contribution(z, *q));
            rest -= &handed.lower[own];
            spread(&mut handed.lower[own], x, &rest);
            handed.lower[other].fill(F::zero());
            Ok(handed)
        }))
    }
}

/// Adds the sum of `rest` over each token to the token's relevance, in proportion to the magnitudes of `x`.
fn spread<F: Real>(lower: &mut ArrayD<F>, x: &ndarray::ArrayViewD<'_, F>, rest: &ArrayD<F>) {
    let width = Axis(x.ndim() - 1);
    Zip::from(lower.lanes_mut(width)).and(x.lanes(width)).and(rest.lanes(width)).for_each(|mut lower, x, rest| {
        let (whole, magnitude) = (rest.sum(), x.iter().fold(F::zero(), |sum, x| sum + x.abs()));
        let even = F::of(1.0 / x.len() as f64);
        lower.zip_mut_with(&x, |lower, x| {
            *lower += whole * if magnitude > F::zero() { x.abs() / magnitude } else { even };
        });
    });
}
