//! Kernel machines: support vector machines and multiple kernel learning on Gram matrices.
//!
//! They know kernels, and nothing of images.
//!
//! * [`SvmParams`]: a C-SVM on a precomputed Gram matrix (Eq. 20), with class weights;
//! * [`train_kernel_weights`]: several kernels (Eq. 21), with weights that are given or learned;
//! * [`KernelMachineParams`]: the same from vectors, as one of linfa's estimators;
//! * [`CrossValidation`]: which cost `C`;
//! * [`accuracy`] and [`area_under_curve`]: how good the scores are.
//!
//! # Why there is a solver of its own
//!
//! Explanations are compared to ten digits, so the machines below them have to be the same to ten digits, however they
//! were found. The libraries' solvers stop at a tolerance of 1e-3, and LIBSVM's (in libsvm-rs, too) keeps kernel values in
//! f32. What polishes their result to the end has to work when the free support vectors depend on each other, and then
//! needs pairwise steps in f64, which are a solver's start already. So both halves are here: pairwise steps (SMO) as long
//! as they are fast, at most 20 for each point, then a primal active-set method with a Cholesky factor that is updated,
//! which ends at the exact solution. On 1,000 points the whole takes 1 to 2.6 times as long as the pairwise steps of
//! libsvm-rs to 1e-3 take alone (0.6 to 1.9 times scikit-learn's time to 1e-3), and a fifth of that where a linear kernel
//! makes them crawl, which in the library nothing bounds. Memory is one factor of the free support vectors beside the Gram
//! matrix; problems whose Gram matrix does not fit into memory are not for this crate. In tests, libsvm-rs is the second
//! opinion.

mod active_set;
mod cross_validation;
mod error;
mod factor;
mod machine;
mod metrics;
mod mkl;
mod problem;
mod smo;
mod svm;

pub use cross_validation::{CostScore, CostSelection, CrossValidation};
pub use error::{TrainingError, check_both_classes};
pub use machine::{
    EvaluatedKernel, KernelChannel, KernelChoice, KernelMachine, KernelMachineParams, ValidKernelMachineParams,
    evaluate_kernels,
};
pub use metrics::{accuracy, area_under_curve};
pub use mkl::{KernelWeights, LpNorm, MklSolution, combined_gram, train_kernel_weights};
pub use svm::{ClassWeight, DualSolution, SvmParams, ValidSvmParams};

#[cfg(test)]
mod tests;
