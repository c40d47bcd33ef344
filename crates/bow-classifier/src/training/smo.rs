//! Sequential minimal optimization: steps along pairs of coefficients.

use super::problem::{Problem, State};

/// Curvature below which a pair counts as flat.
const FLAT: f64 = 1e-12;

/// Takes at most `steps` steps, each along the pair that promises the largest decrease; ends early where the largest
/// violation is below `tolerance`. The number of steps taken.
///
/// The first of a pair is the point whose slack is largest of those that can grow; the second minimizes the decrease
/// `−(r_i − r_j)² / 2 (K_ii + K_jj − 2 K_ij)` (Fan, Chen and Lin 2005, "WSS 2").
pub(super) fn descend(problem: &Problem<'_>, state: &mut State, tolerance: f64, steps: usize) -> usize {
    let diagonal = problem.gram.diag().to_owned();
    for step in 0..steps {
        let Some(pair) = select(problem, state, &diagonal.view(), tolerance) else { return step };
        take(problem, state, pair);
    }
    steps
}

struct Pair {
    growing: usize,
    shrinking: usize,
    length: f64,
}

fn select(
    problem: &Problem<'_>,
    state: &State,
    diagonal: &ndarray::ArrayView1<'_, f64>,
    tolerance: f64,
) -> Option<Pair> {
    let mut largest = f64::NEG_INFINITY;
    let mut growing = None;
    for (point, &slack) in state.slack.iter().enumerate() {
        if slack > largest && state.can_grow(problem, point) {
            largest = slack;
            growing = Some(point);
        }
    }
    let growing = growing?;
    let row = problem.gram.row(growing);
    let mut smallest = f64::INFINITY;
    let mut best = 0.0;
    let mut pair = None;
    for (point, &slack) in state.slack.iter().enumerate() {
        if slack < largest && state.can_shrink(problem, point) {
            smallest = smallest.min(slack);
            let difference = largest - slack;
            let curvature = (diagonal[growing] + diagonal[point] - 2.0 * row[point]).max(FLAT);
            let decrease = difference * difference / curvature;
            if decrease > best {
                best = decrease;
                pair = Some(Pair { growing, shrinking: point, length: difference / curvature });
            }
        }
    }
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
    let rows = problem.gram.row(growing).into_iter().zip(problem.gram.row(shrinking));
    for (slack, (grown, shrunk)) in state.slack.iter_mut().zip(rows) {
        *slack -= length * (grown - shrunk);
    }
}
