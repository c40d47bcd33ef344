//! The part of weights that acts.

/// Writes the part of each weight of a run that acts: W⁺, W⁻, |W|, W² and whatever else a rule is about.
///
/// Runs are of any length and come in any order, from any thread. What it makes of the zeros that fill panels up is
/// never read.
pub type WeightPart = dyn Fn(&[f32], &mut [f32]) + Sync;
