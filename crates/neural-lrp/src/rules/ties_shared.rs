//! Maximum pooling: equal maxima share.

use crate::Real;
use crate::operation::{Operation, Sharing};
use crate::rules::{Backward, Redistribute, without_settings};

/// The largest numbers of each window share its relevance evenly: the limit p → ∞ of the p-mean (Eq. 63).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TiesShared;

impl Redistribute for TiesShared {
    const NAME: &'static str = "ties-shared";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        without_settings(Self, arguments)
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        let pooling = operation.max_selection().ok_or("it is for maximum pooling")?;
        Ok(Box::new(move |step, upper| Ok(pooling.redistribute(step, upper, Sharing::Ties))))
    }
}
