//! Machines that people already have, as kernel expansions: from linfa-svm, and from LIBSVM's model files.
//!
//! Both keep less than a classifier needs to be explained, and one does not say so. A LIBSVM file does not know how many
//! dimensions its vectors have (zeros are left out), nor, with `-t 4`, which kernel its Gram matrix came from: both are
//! asked for. linfa-svm keeps its kernel and support vectors private; its serialized form has them, and is what
//! [`expansion_from_linfa`] reads. The price: a linfa-svm of another layout is refused when it is converted, not when
//! this crate is compiled.

mod error;
mod libsvm;
mod linfa;

pub use error::ConvertError;
pub use libsvm::{LibsvmVectors, expansion_from_libsvm};
pub use linfa::expansion_from_linfa;
