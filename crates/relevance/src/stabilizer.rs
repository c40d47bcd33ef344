//! The stabilizer of a denominator (Eq. 58).

use num_traits::Float;
use serde::{Deserialize, Serialize};

use crate::Error;

/// What is added to a denominator so that a quotient of relevance stays bounded.
///
/// ```text
/// stabilize(z) = z + ε · sign(z),   sign(0) = +1           Bach et al. 2015, Eq. (58)
/// ```
/// * `ε` — absolute, not relative to `z`; the paper uses 0.01 and 100
///
/// Whatever the stabilizer takes away from the relevance is booked as [`Sink::Stabilizer`](crate::Sink::Stabilizer).
///
/// ```
/// use relevance::Stabilizer;
/// let stabilizer = Stabilizer::new(0.01)?;
/// assert_eq!(stabilizer.stabilize(2.0), 2.01);
/// assert_eq!(stabilizer.stabilize(-2.0), -2.01);
/// assert_eq!(stabilizer.stabilize(-0.0), 0.01); // sign(0) = +1
/// assert_eq!(Stabilizer::NONE.stabilize(0.0), 0.0);
/// # Ok::<(), relevance::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stabilizer {
    epsilon: f64,
}

impl Stabilizer {
    /// No stabilizer: ε = 0, the plain quotient of Eq. 56.
    pub const NONE: Self = Self { epsilon: 0.0 };

    /// A stabilizer of `epsilon` ≥ 0.
    ///
    /// # Errors
    /// [`Error::Stabilizer`] when `epsilon` is negative or not finite.
    pub fn new(epsilon: f64) -> Result<Self, Error> {
        if epsilon.is_finite() && epsilon >= 0.0 { Ok(Self { epsilon }) } else { Err(Error::Stabilizer { epsilon }) }
    }

    /// The ε of Eq. 58.
    pub fn epsilon(self) -> f64 {
        self.epsilon
    }

    /// `ε · sign(z)`, the part that [`stabilize`](Self::stabilize) adds.
    pub fn addition<F: Float>(self, z: F) -> F {
        let epsilon = F::from(self.epsilon).unwrap_or_else(F::zero);
        if z < F::zero() { -epsilon } else { epsilon }
    }

    /// `z + ε · sign(z)`, with sign(0) = +1 (Eq. 58).
    pub fn stabilize<F: Float>(self, z: F) -> F {
        z + self.addition(z)
    }
}
