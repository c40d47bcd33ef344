//! Training: support vector machines and multiple kernel learning on Gram matrices.

mod active_set;
mod error;
mod factor;
mod problem;
mod smo;
mod svm;

pub use error::TrainingError;
pub use svm::{ClassWeight, DualSolution, SvmParams, ValidSvmParams};
