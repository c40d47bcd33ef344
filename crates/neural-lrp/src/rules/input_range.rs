//! The values that a network's input can take.

use std::sync::Arc;

use ndarray::ArrayD;

use crate::{Error, Real};

/// A bound of each input: a number, or an array that broadcasts to the input.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound(Arc<ArrayD<f64>>);

impl Bound {
    /// The bound in the shape of an input.
    ///
    /// # Errors
    /// When it does not broadcast to that shape.
    pub(crate) fn broadcast<F: Real>(&self, shape: &[usize]) -> Result<ArrayD<F>, String> {
        let bound = self.0.broadcast(shape).ok_or_else(|| {
            format!("a bound of shape {:?} does not fit the input of shape {shape:?}; it should be a number, or one per channel of shape (C, 1, 1)", self.0.shape())
        })?;
        Ok(bound.mapv(F::of))
    }
}

/// The smallest and the largest value of each input, for the z^B-rule.
#[derive(Clone, Debug, PartialEq)]
pub struct InputRange {
    low: Bound,
    high: Bound,
}

impl InputRange {
    /// A range from arrays that broadcast to the network's input: one number, or one per channel as (C, 1, 1).
    ///
    /// # Errors
    /// [`Error::Setting`] when they are not finite, do not broadcast to one another, or the low one is above the high.
    pub fn new(low: ArrayD<f64>, high: ArrayD<f64>) -> Result<Self, Error> {
        let ordered = low.iter().chain(&high).all(|value| value.is_finite())
            && match (low.broadcast(high.shape()), high.broadcast(low.shape())) {
                (Some(low), _) => low.iter().zip(&high).all(|(low, high)| low <= high),
                (None, Some(high)) => low.iter().zip(&high).all(|(low, high)| low <= high),
                (None, None) => false,
            };
        if !ordered {
            return Err(Error::Setting {
                what: "input range",
                given: format!("from {low} to {high}"),
                reason:
                    "both must be finite, of shapes that fit each other, and the low one nowhere above the high one"
                        .into(),
            });
        }
        Ok(Self { low: Bound(Arc::new(low)), high: Bound(Arc::new(high)) })
    }

    /// The same range for each input.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of(low: f64, high: f64) -> Result<Self, Error> {
        let number = |value| ArrayD::from_elem(Vec::new(), value);
        Self::new(number(low), number(high))
    }

    /// The smallest values.
    pub fn low(&self) -> &Bound {
        &self.low
    }

    /// The largest values.
    pub fn high(&self) -> &Bound {
        &self.high
    }

    pub(crate) fn parse(low: &str, high: &str) -> Result<Self, String> {
        let number = super::parse_number;
        Self::of(number(low)?, number(high)?).map_err(|error| error.to_string())
    }

    pub(crate) fn arguments(&self) -> Vec<String> {
        let number = |bound: &Bound| match bound.0.iter().collect::<Vec<_>>().as_slice() {
            [single] => single.to_string(),
            several => format!("[{}]", several.iter().take(4).map(ToString::to_string).collect::<Vec<_>>().join(" ")),
        };
        vec![number(&self.low), number(&self.high)]
    }
}
