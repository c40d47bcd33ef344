//! Maxima: in proportion to the numbers.

use relevance::Stabilizer;

use crate::Real;
use crate::operation::{Accepts, Operation, Sharing};
use crate::rules::{Backward, Redistribute, maximum, parse_stabilizer, stabilizer_arguments};

/// Each number of a window shares its relevance in proportion to its value, as if the maximum were a sum (Eq. 63 with
/// `h_ij(x_i) = x_i`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proportional {
    /// The ε that is added with the sign of the window's sum.
    pub stabilizer: Stabilizer,
}

impl Redistribute for Proportional {
    const NAME: &'static str = "proportional";
    const ACCEPTS: Accepts = Accepts::MovedAxes;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        Ok(Self { stabilizer: parse_stabilizer(arguments)? })
    }

    fn arguments(&self) -> Vec<String> {
        stabilizer_arguments(self.stabilizer)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        let maxima = maximum(operation)?;
        let sharing = Sharing::Proportional(self.stabilizer);
        Ok(Box::new(move |step, upper| Ok(maxima.redistribute(step, upper, sharing))))
    }
}
