//! The values that a network's input can take.

use std::fmt;
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
        let array = |text: &str| parse_array(text).map_err(|reason| format!("{text:?} is no bound: {reason}"));
        Self::new(array(low)?, array(high)?).map_err(|error| error.to_string())
    }

    pub(crate) fn arguments(&self) -> Vec<String> {
        vec![self.low.to_string(), self.high.to_string()]
    }
}

/// A number, `0.5`; one for each channel, `[0.1 0.2 0.3]`; an array of any other shape after its shape,
/// `[2x3: 1 2 3 4 5 6]`.
impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        match self.0.shape() {
            [] => formatter.write_str(&numbers),
            [_, 1, 1] => write!(formatter, "[{numbers}]"),
            shape => {
                let shape = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
                write!(formatter, "[{shape}: {numbers}]")
            }
        }
    }
}

/// The array of a text as [`Bound`] writes it.
fn parse_array(text: &str) -> Result<ArrayD<f64>, String> {
    let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) else {
        return super::parse_number(text).map(|number| ArrayD::from_elem(Vec::new(), number));
    };
    let (shape, numbers) = match inner.split_once(':') {
        Some((shape, numbers)) => (Some(shape), numbers),
        None => (None, inner),
    };
    let numbers = numbers.split_whitespace().map(super::parse_number).collect::<Result<Vec<f64>, _>>()?;
    let shape = match shape {
        Some(shape) => shape.split('x').map(|length| length.trim().parse().ok()).collect::<Option<Vec<usize>>>(),
        None => Some(vec![numbers.len(), 1, 1]),
    };
    let shape = shape.ok_or("its shape should be lengths, as in [2x3: 1 2 3 4 5 6]")?;
    ArrayD::from_shape_vec(shape, numbers).map_err(|_| "it has another count of numbers than its shape says".into())
}
