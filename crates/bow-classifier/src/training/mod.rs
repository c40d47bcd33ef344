//! Training: support vector machines and multiple kernel learning on Gram matrices.
