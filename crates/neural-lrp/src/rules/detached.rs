//! Normalizations by deviations that are constants.

use relevance::{Sink, Stabilizer};

use crate::Real;
use crate::operation::shares::shares;
use crate::operation::{Accepts, Operation, Redistribution};
use crate::rules::{Backward, Redistribute, parse_stabilizer, stabilizer_arguments};

/// The ε-rule over a normalization whose deviations are taken as constants, so that a linear map is left.
///
/// ```text
/// y = J x + t,     R = x ⊙ Jᵀ ( R_y / stabilize(y) )         Achtibat et al. 2024, with Eq. (58) of Bach et al. 2015
/// ```
/// * of layer, instance and group normalization, `J x = (x − mean x) / σ · w` with σ a constant, and `t` is the shift: centering
///   redistributes, the shift's share is booked as [`Sink::Bias`]
/// * of batch normalization, `J x = s x` for each channel, and `t` the shift with the mean's part
/// * of RMS and local response normalization, `J` scales each number, and there is no shift: up to ε this is [`Pass`](crate::rules::Pass)
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detached {
    /// The ε that is added with the sign of the denominator.
    pub stabilizer: Stabilizer,
}

impl Redistribute for Detached {
    const NAME: &'static str = "detached";
    const ACCEPTS: Accepts = Accepts::MovedAxes;

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        Ok(Self { stabilizer: parse_stabilizer(arguments)? })
    }

    fn arguments(&self) -> Vec<String> {
        stabilizer_arguments(self.stabilizer)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        let normalization = operation
            .normalization()
            .ok_or("it is for normalizations (batch, layer, instance, group, RMS, local response)")?;
        let stabilizer = self.stabilizer;
        Ok(Box::new(move |step, upper| {
            let (message, [stabilizer, zero]) = shares(upper, &step.output, stabilizer);
            let shift = (Sink::Bias, normalization.absorbed(step, message.view()));
            let lower = normalization.transposed(step, message.view()) * &step.operands[0];
            Ok(Redistribution::with_sinks(vec![lower], [shift, stabilizer, zero]))
        }))
    }
}
