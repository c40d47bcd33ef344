//! An operation, made from its specification.

use std::sync::Arc;

use crate::Real;
use crate::operation::Operation;

/// An operation, made from its specification.
#[derive(Clone, Debug)]
pub struct ParsedOperation<F: Real> {
    /// The operation.
    pub operation: Arc<dyn Operation<F>>,
    /// Which of the spec's inputs the operation takes as operands, in this order. The others, constant, are part
    /// of the operation; constants among these stay operands.
    pub operands: Vec<usize>,
}

impl<F: Real> ParsedOperation<F> {
    /// An operation over the given inputs of its spec.
    pub fn new(operation: impl Operation<F> + 'static, operands: Vec<usize>) -> Self {
        Self { operation: Arc::new(operation), operands }
    }
}
