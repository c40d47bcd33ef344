//! What is summed on the way, in double precision.
use std::ops::AddAssign;

/// A sum and the sum of the magnitudes: Σ x and Σ|x|.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amount {
    /// Σ x
    pub total: f64,
    /// Σ|x|
    pub magnitude: f64,
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.total += other.total;
        self.magnitude += other.magnitude;
    }
}

impl From<[f64; 2]> for Amount {
    fn from([total, magnitude]: [f64; 2]) -> Self {
        Self { total, magnitude }
    }
}
