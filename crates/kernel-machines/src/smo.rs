//! Sequential minimal optimization: steps along pairs of coefficients.

use ndarray::{Array1, Zip};

use super::problem::{Problem, State};

/// Curvature below which a pair counts as flat.
const FLAT: f64 = 1e-12;

/// Takes at most `steps` steps, each along the pair that promises the largest decrease; ends early where the largest
/// violation is below `tolerance`.
///
/// The first of a pair is the point whose slack is largest of those that can grow; with it, the second promises the
/// largest decrease, `(r_i − r_j)² / 2 (K_ii + K_jj − 2 K_ij)` (Fan, Chen and Lin 2005, "WSS 2").
pub(super) fn descend(problem: &Problem<'_>, state: &mut State, tolerance: f64, steps: usize) {
    let diagonal = problem.gram.diag().to_owned();
    for _ in 0..steps {
        let Some(pair) = select(problem, state, &diagonal, tolerance) else { return };
        take(problem, state, pair);
    }
}

struct Pair {
    growing: usize,
    shrinking: usize,
    length: f64,
}

fn select(problem: &Problem<'_>, state: &State, diagonal: &Array1<f64>, tolerance: f64) -> Option<Pair> {
    let mut largest = f64::NEG_INFINITY;
    let mut growing = None;
    Zip::indexed(&state.slack).and(&state.coefficients).and(&problem.upper).for_each(
        |point, &slack, &coefficient, &upper| {
            if slack > largest && coefficient < upper {
                largest = slack;
                growing = Some(point);
            }
        },
    );
    let growing = growing?;
    let own_diagonal = diagonal[growing];
    let mut smallest = f64::INFINITY;
    let mut best = 0.0;
    let mut pair = None;
    Zip::indexed(&state.slack)
        .and(&state.coefficients)
        .and(&problem.lower)
        .and(diagonal)
        .and(problem.gram.row(growing))
        .for_each(|point, &slack, &coefficient, &lower, &diagonal, &kernel| {
            if slack < largest && coefficient > lower {
                smallest = smallest.min(slack);
                let difference = largest - slack;
                let curvature = (own_diagonal + diagonal - 2.0 * kernel).max(FLAT);
                let decrease = difference * difference / curvature;
                if decrease > best {
                    best = decrease;
                    pair = Some(Pair { growing, shrinking: point, length: difference / curvature });
                }
            }
        });
    if largest - smallest > tolerance { pair } else { None }
}

fn take(problem: &Problem<'_>, state: &mut State, pair: Pair) {
    let Pair { growing, shrinking, length } = pair;
    let room_above = problem.upper[growing] - state.coefficients[growing];
    let room_below = state.coefficients[shrinking] - problem.lower[shrinking];
    let length = length.min(room_above).min(room_below);
    // A bound that is reached is reached exactly: what is not at a bound counts as free.
    state.coefficients[growing] =
        if length == room_above { problem.upper[growing] } else { state.coefficients[growing] + length };
    state.coefficients[shrinking] =
        if length == room_below { problem.lower[shrinking] } else { state.coefficients[shrinking] - length };
    Zip::from(&mut state.slack)
        .and(problem.gram.row(growing))
        .and(problem.gram.row(shrinking))
        .for_each(|slack, &grown, &shrunk| *slack -= length * (grown - shrunk));
}
