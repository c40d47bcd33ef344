//! Kernels, kernel expansions, and the relevance of their input dimensions.
