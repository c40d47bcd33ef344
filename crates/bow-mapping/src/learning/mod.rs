//! Learners of codebooks: k-means, Gaussian mixtures, dictionaries.
