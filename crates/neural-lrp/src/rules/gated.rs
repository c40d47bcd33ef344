//! Products of two tensors.

use relevance::Stabilizer;

use crate::Real;
use crate::operation::{Accepts, Operation, Signal};
use crate::rules::{Backward, Redistribute, default_stabilizer, parse_stabilizer, stabilizer_arguments};

/// The relevance of a product goes to the factor that carries the signal, or half to each.
///
/// A factor that only weighs (a gate: what comes through a sigmoid or softmax, or a constant) gets nothing. The stabilizer
/// is for matrix products, whose terms share their relevance by the sum; a product of two numbers needs none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gated {
    /// Who carries the signal.
    pub signal: Signal,
    /// The ε that is added with the sign of a matrix product's sums.
    pub stabilizer: Stabilizer,
}

impl Gated {
    /// The rule with the stabilizer 1e-6.
    pub fn new(signal: Signal) -> Self {
        Self { signal, stabilizer: default_stabilizer() }
    }
}

impl Redistribute for Gated {
    const NAME: &'static str = "signal";
    const ACCEPTS: Accepts = Accepts::MovedAxes;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        let (operand, epsilon) = arguments.split_first().unwrap_or((&"", &[]));
        let signal = match *operand {
            "first" => Signal::First,
            "second" => Signal::Second,
            "both" => Signal::Both,
            _ => return Err("it takes the operand that carries the signal, first, second or both, and ε".into()),
        };
        Ok(Self { signal, stabilizer: parse_stabilizer(epsilon)? })
    }

    fn arguments(&self) -> Vec<String> {
        let operand = match self.signal {
            Signal::First => "first",
            Signal::Second => "second",
            Signal::Both => "both",
        };
        [vec![operand.to_owned()], stabilizer_arguments(self.stabilizer)].concat()
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        let product = operation.product().ok_or("it is for products and quotients of two tensors")?;
        let Self { signal, stabilizer } = *self;
        Ok(Box::new(move |step, upper| Ok(product.redistribute(step, upper, signal, stabilizer))))
    }
}
