//! A rule and an operation of one's own, in a program that only uses the library.

pub mod operation;
pub mod rule;
