//! Bag-of-Words classifiers of photographs: the paper's PASCAL VOC experiment, from files to explanations.
//!
//! * a [`Configuration`] says what is learned: [`Configuration::voc2009`] is the paper's, others are TOML files;
//! * a [`Vocabulary`] is learned once from photos, and makes a bag of visual words of any photo;
//! * [`Vocabulary::vectors`] describes many photos, one after the other, with a [`Cache`] on the disk;
//! * [`PhotoClassifier::train`] learns any number of classes over the same vectors and Gram matrices; a classifier
//!   scores photos, explains them to the pixel, and is kept in one file;
//! * [`PhotoClassifier::from_expansions`] takes the machines that people already have over such vectors.
//!
//! Everything is seeded, and the same bytes for any number of threads. Of a run that was stopped, the cache keeps each
//! photo and each codebook that was finished: started again, it goes on from there and ends with the same classifier.
//!
//! # Why a crate of its own
//!
//! `bow-classifier` is mathematics on arrays, and free of files. Photographs come as thousands of files, too many to
//! hold their descriptors, some of them broken; what reads, streams and caches them would be the larger part of that
//! crate. Here nothing is computed that is not a call of the crates below.

mod cache;
mod classifier;
mod configuration;
mod error;
mod file;
mod learning;
mod pyramid;
mod training;
mod vectors;
mod vocabulary;

pub use cache::Cache;
pub use classifier::PhotoClassifier;
pub use configuration::{
    ChannelSettings, Configuration, FisherOptions, KernelWeighting, MappingSettings, NAMED, NamedConfiguration,
};
pub use error::{Error, Problem};
pub use pyramid::Pyramid;
pub use training::{Truth, compare_costs};
pub use vectors::Vectors;
pub use vocabulary::Vocabulary;
