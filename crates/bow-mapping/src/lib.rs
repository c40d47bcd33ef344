//! Codebooks, mappings, pooling and the relevance of local features.

pub mod learning;
