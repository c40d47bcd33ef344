//! Codebooks, mappings of local features onto visual words, p-means pooling, and the relevance of local features.
