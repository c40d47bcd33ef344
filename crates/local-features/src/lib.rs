//! Dense SIFT descriptors, the pixels each of them covers, and the relevance of those pixels.
