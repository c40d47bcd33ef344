//! Training: support vector machines and multiple kernel learning on Gram matrices.

mod active_set;
mod cross_validation;
mod error;
mod factor;
mod metrics;
mod mkl;
mod problem;
mod smo;
mod svm;

pub use cross_validation::{CostScore, CostSelection, CrossValidation};
pub use error::TrainingError;
pub use metrics::{accuracy, area_under_curve};
pub use mkl::{KernelWeights, LpNorm, MklSolution, combined_gram, train_kernel_weights};
pub use svm::{ClassWeight, DualSolution, SvmParams, ValidSvmParams};

#[cfg(test)]
mod tests;
