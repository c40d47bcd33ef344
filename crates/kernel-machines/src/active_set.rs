//! Newton steps on the free support vectors: from a good start to the last digits.

use super::TrainingError;
use super::factor::{Factor, Joined};
use super::problem::{Problem, State};
use super::smo;

/// Steps in a row that do not move anything before pairwise steps take over.
const PATIENCE: usize = 8;

/// Entries of a direction below this fraction of its largest are rounding.
const NO_MOTION: f64 = 1e-14;

/// How an optimization ended.
pub(super) struct Polished {
    pub(super) state: State,
    pub(super) bias: f64,
    pub(super) violation: f64,
    pub(super) iterations: usize,
}

/// Solves the problem by a primal active-set method, from a feasible start.
///
/// The members of a [`Factor`] move freely; all other coefficients rest, mostly at their bounds. A Newton step takes the
/// members to their common optimum, or to the first bound on the way, whose owner then rests. At the optimum, the
/// coefficient that violates its condition most becomes a member. Where its column depends on the members' columns
/// (equal points, or more points than dimensions) the objective is linear along that dependency and is followed down
/// to the next bound. Each step lowers the objective; where rounding prevents that, pairwise steps take over for a
/// while.
///
/// # Errors
/// [`TrainingError::NotConverged`], when a Gram matrix is far from positive semi-definite.
pub(super) fn polish(problem: &Problem<'_>, start: State, tolerance: f64) -> Result<Polished, TrainingError> {
    let limit = 50 * problem.points() + 1000;
    let mut method = ActiveSet::new(problem, start);
    for iteration in 0..limit {
        if method.step(tolerance) == Progress::Optimal {
            let (state, bias, violation) = method.finish();
            return Ok(Polished { state, bias, violation, iterations: iteration });
        }
        // Steps aim at half of the tolerance. Where rounding keeps them from it, what is within the tolerance is optimal.
        if (iteration + 1).is_multiple_of(problem.points()) && method.violation() <= method.tolerable(tolerance) {
            let (state, bias, violation) = method.finish();
            return Ok(Polished { state, bias, violation, iterations: iteration + 1 });
        }
    }
    let (_, _, remaining) = method.finish();
    Err(TrainingError::NotConverged { what: "the support vector machine", iterations: limit, remaining, tolerance })
}

#[derive(PartialEq)]
enum Progress {
    Optimal,
    Moved,
    Stuck,
}

struct ActiveSet<'p, 'g> {
    problem: &'p Problem<'g>,
    state: State,
    factor: Factor<'p>,
    stuck: usize,
    /// Steps since pairwise steps last took over.
    own_steps: usize,
}

/// What ends a move along a direction.
#[derive(Clone, Copy)]
enum End {
    /// Its own length.
    Length,
    /// The bound of a coefficient.
    Bound { point: usize, value: f64 },
}

impl<'p, 'g> ActiveSet<'p, 'g> {
    fn new(problem: &'p Problem<'g>, state: State) -> Self {
        let factor = free_factor(problem, &state);
        Self { problem, state, factor, stuck: 0, own_steps: 0 }
    }

    fn step(&mut self, tolerance: f64) -> Progress {
        let allowed = 0.5 * self.tolerable(tolerance);
        let progress = self.advance(allowed);
        self.stuck = if progress == Progress::Stuck { self.stuck + 1 } else { 0 };
        self.own_steps += 1;
        // Steps that move, and get nowhere for as long as there are points, go round in a circle of rounding.
        if self.stuck > PATIENCE || self.own_steps > self.problem.points() {
            smo::descend(self.problem, &mut self.state, allowed, self.problem.points());
            self.state.slack = self.problem.slack(&self.state.coefficients);
            self.factor = free_factor(self.problem, &self.state);
            self.stuck = 0;
            self.own_steps = 0;
        }
        progress
    }

    fn advance(&mut self, allowed: f64) -> Progress {
        if self.factor.members().is_empty() {
            let Some(point) = self.first_member(allowed) else { return Progress::Optimal };
            self.factor.join(point);
        }
        let slack: Vec<f64> = self.factor.members().iter().map(|&member| self.state.slack[member]).collect();
        let bias = slack.iter().sum::<f64>() / slack.len() as f64;
        let off_balance = self.state.coefficients.sum();
        if slack.iter().any(|slack| (slack - bias).abs() > allowed) || off_balance.abs() > allowed {
            return self.newton_step(slack, off_balance);
        }
        let Some(point) = self.worst(bias, allowed) else { return Progress::Optimal };
        let excess = self.state.slack[point] - bias;
        match self.factor.join(point) {
            Joined::Independent => Progress::Moved,
            Joined::Dependent { coefficients, curvature } => self.slide(point, excess, coefficients, curvature),
        }
    }

    /// The point whose slack is largest of those that can grow, unless no pair violates the conditions.
    fn first_member(&self, allowed: f64) -> Option<usize> {
        let mut largest: Option<usize> = None;
        let mut smallest = f64::INFINITY;
        for (point, &slack) in self.state.slack.iter().enumerate() {
            if self.state.can_grow(self.problem, point) && largest.is_none_or(|best| slack > self.state.slack[best]) {
                largest = Some(point);
            }
            if self.state.can_shrink(self.problem, point) {
                smallest = smallest.min(slack);
            }
        }
        largest.filter(|&point| self.state.slack[point] - smallest > allowed)
    }

    /// The point that violates its condition most.
    fn worst(&self, bias: f64, allowed: f64) -> Option<usize> {
        let mut largest = allowed;
        let mut worst = None;
        for point in 0..self.problem.points() {
            let violation = self.state.violation_at(self.problem, point, bias).abs();
            if violation > largest && !self.factor.members().contains(&point) {
                largest = violation;
                worst = Some(point);
            }
        }
        worst
    }

    /// Moves the members towards the point where all their slacks are equal and all coefficients sum to zero.
    ///
    /// ```text
    /// K_PP d = r_P − b 1,   1ᵀd = −Σ c
    /// ```
    fn newton_step(&mut self, mut slack: Vec<f64>, off_balance: f64) -> Progress {
        let ones = self.solved_ones();
        self.factor.solve(&mut slack);
        let bias = (slack.iter().sum::<f64>() + off_balance) / ones.iter().sum::<f64>();
        let moves = self.factor.members().iter().zip(slack.iter().zip(&ones));
        let direction: Vec<(usize, f64)> = moves.map(|(&point, (slack, one))| (point, slack - bias * one)).collect();
        self.travel(&direction, 1.0)
    }

    /// Moves `point`, whose column depends on the members', and the members so that their slacks stay equal.
    fn slide(&mut self, point: usize, excess: f64, coefficients: Vec<f64>, curvature: f64) -> Progress {
        let ones = self.solved_ones();
        let ones_sum = ones.iter().sum::<f64>();
        let off_balance = 1.0 - coefficients.iter().sum::<f64>();
        let curvature = curvature + off_balance * off_balance / ones_sum;
        let sign = excess.signum();
        let moves = self.factor.members().iter().zip(coefficients.iter().zip(&ones));
        let mut direction: Vec<(usize, f64)> = moves
            .map(|(&member, (coefficient, one))| (member, -sign * (coefficient + off_balance / ones_sum * one)))
            .collect();
        direction.push((point, sign));
        let length = if curvature > 0.0 { excess.abs() / curvature } else { f64::INFINITY };
        self.travel(&direction, length)
    }

    /// `(K_PP + τ 1 1ᵀ)⁻¹ 1`
    fn solved_ones(&self) -> Vec<f64> {
        let mut ones = vec![1.0; self.factor.members().len()];
        self.factor.solve(&mut ones);
        ones
    }

    /// Moves along a direction as far as `length`, or to the first bound; a member at its bound leaves.
    fn travel(&mut self, direction: &[(usize, f64)], length: f64) -> Progress {
        let largest = direction.iter().fold(0.0, |largest: f64, (_, motion)| largest.max(motion.abs()));
        let (mut length, mut end) = (length, End::Length);
        for &(point, motion) in direction.iter().filter(|(_, motion)| motion.abs() > NO_MOTION * largest) {
            let value = if motion > 0.0 { self.problem.upper[point] } else { self.problem.lower[point] };
            let room = (value - self.state.coefficients[point]) / motion;
            if room < length {
                (length, end) = (room, End::Bound { point, value });
            }
        }
        let mut moved = false;
        for &(point, motion) in direction {
            let before = self.state.coefficients[point];
            let after = (before + length * motion).clamp(self.problem.lower[point], self.problem.upper[point]);
            self.state.coefficients[point] = after;
            moved |= after != before;
        }
        if let End::Bound { point, value } = end {
            self.state.coefficients[point] = value;
            if let Some(position) = self.factor.members().iter().position(|&member| member == point) {
                self.factor.leave(position);
            }
        }
        self.state.slack = self.problem.slack(&self.state.coefficients);
        if moved { Progress::Moved } else { Progress::Stuck }
    }

    /// The tolerance, or what rounding makes of a condition, if that is more.
    fn tolerable(&self, tolerance: f64) -> f64 {
        tolerance.max(self.problem.rounding(&self.state.coefficients))
    }

    /// The largest amount by which a condition is missed.
    fn violation(&self) -> f64 {
        self.state.violation(self.problem, self.state.bias(self.problem))
    }

    /// Puts what rounding left beside a bound onto it.
    fn finish(mut self) -> (State, f64, f64) {
        for point in 0..self.problem.points() {
            let coefficient = &mut self.state.coefficients[point];
            for bound in [self.problem.lower[point], self.problem.upper[point]] {
                if (*coefficient - bound).abs() <= 64.0 * f64::EPSILON * self.problem.cost(point) {
                    *coefficient = bound;
                }
            }
        }
        self.state.slack = self.problem.slack(&self.state.coefficients);
        let bias = self.state.bias(self.problem);
        let violation = self.state.violation(self.problem, bias);
        (self.state, bias, violation)
    }
}

fn free_factor<'p>(problem: &'p Problem<'_>, state: &State) -> Factor<'p> {
    let free: Vec<usize> = (0..problem.points())
        .filter(|&point| state.can_grow(problem, point) && state.can_shrink(problem, point))
        .collect();
    let trace = problem.gram.diag().sum();
    let shift = if trace > 0.0 { trace / problem.points() as f64 } else { 1.0 };
    Factor::new(problem.gram.view(), shift, &free)
}
