//! How much the server takes upon itself.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// How much the server takes upon itself: what is beyond is refused, with a sentence.
#[derive(Clone, Debug, Serialize)]
pub struct Limits {
    /// Bytes of one body.
    pub body: usize,
    /// Pixels of one picture.
    pub pixels: usize,
    /// Requests that are computed or wait for it.
    pub waiting: usize,
    /// How long an answer may take.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub patience: Duration,
    /// Requests that are computed at once.
    #[serde(skip)]
    pub running: usize,
    /// Bytes of all bodies that are being read or wait.
    #[serde(skip)]
    pub bodies: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 32 << 20,
            pixels: 50_000_000,
            waiting: 256,
            patience: Duration::from_secs(120),
            running: 2,
            bodies: 128 << 20,
        }
    }
}

fn seconds<S: Serializer>(patience: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(patience.as_secs_f64())
}
