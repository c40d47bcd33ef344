//! A function of each number.

use ndarray::{ArrayD, ArrayViewD, Zip};

use crate::Real;

/// Below this many numbers, handing work to threads costs more than it saves.
pub(crate) const WORTH_THREADS: usize = 1 << 15;

/// `min(max(x, low), high)`; what is not a number stays so.
pub(crate) fn clip<F: Real>(x: F, [low, high]: [F; 2]) -> F {
    let raised = if x < low { low } else { x };
    if raised > high { high } else { raised }
}

/// A function of each number.
pub(crate) fn map<F: Real>(operand: &ArrayViewD<'_, F>, function: impl Fn(F) -> F + Sync + Send) -> ArrayD<F> {
    let numbers = Zip::from(operand);
    match operand.len() < WORTH_THREADS {
        true => numbers.map_collect(|&x| function(x)),
        false => numbers.par_map_collect(|&x| function(x)),
    }
}
