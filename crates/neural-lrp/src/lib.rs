//! Layer-wise relevance propagation for neural networks.
