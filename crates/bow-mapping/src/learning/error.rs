//! Why nothing could be learned.

/// Errors of the learners: those of the crate, or linfa's own, which its `Fit` asks that an error can hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearningError {
    /// Parameters out of range, or descriptors that can't be learned from.
    #[error(transparent)]
    Input(#[from] crate::Error),
    /// linfa refused.
    #[error(transparent)]
    Linfa(#[from] linfa::Error),
}
