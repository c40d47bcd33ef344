//! What can keep a machine from becoming a kernel expansion.

/// Errors of conversion.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// A kernel that can't be explained.
    #[error(
        "a machine with a {kernel} kernel can't be converted: there are linear, RBF and, from LIBSVM, precomputed ones"
    )]
    Kernel {
        /// The kernel.
        kernel: &'static str,
    },
    /// A model file that can't be read.
    #[error("the LIBSVM model can't be read: {0}")]
    Read(#[from] std::io::Error),
    /// A model file that is damaged, or not what is needed.
    #[error("LIBSVM model, line {line}: {reason}")]
    Libsvm {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A label that the model does not have.
    #[error("no label {label}: the model tells {} from {}; name the one that is to be positive", labels[0], labels[1])]
    Label {
        /// The label that was to be positive.
        label: i32,
        /// The labels that there are.
        labels: [i32; 2],
    },
    /// Not what belongs to the kernel of the model file.
    #[error("kernel_type {kernel}: {needed}")]
    Vectors {
        /// The kernel.
        kernel: &'static str,
        /// What has to be given with it.
        needed: &'static str,
    },
    /// A linfa-svm model without the parts that are looked for.
    #[error("this linfa-svm model has another layout than that of linfa-svm 0.8: {0}")]
    Layout(String),
    /// Values that no kernel expansion takes.
    #[error(transparent)]
    Expansion(#[from] kernels::Error),
}
