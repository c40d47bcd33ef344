//! The quadratic program of a C-SVM, its feasible points, and how far they are from optimal.

use ndarray::{Array1, ArrayView2};

/// The dual of a C-SVM in signed coefficients.
///
/// ```text
/// min ½ Σ_ij c_i c_j K_ij − Σ_i y_i c_i,   Σ_i c_i = 0,   lower_i ≤ c_i ≤ upper_i,         c_i = α_i y_i
/// ```
/// * `lower`, `upper` — `[0, C_i]` for positive points, `[−C_i, 0]` for negative ones
///
/// Optimality is told by the slack `r = y − K c`, which is the bias at points whose margin is exactly 1: there is a `b`
/// with `r_i ≤ b` wherever `c_i` can grow and `r_i ≥ b` wherever it can shrink.
pub(super) struct Problem<'a> {
    pub(super) gram: ArrayView2<'a, f64>,
    pub(super) signs: Array1<f64>,
    pub(super) lower: Array1<f64>,
    pub(super) upper: Array1<f64>,
    /// The largest `|K_ij|`.
    pub(super) magnitude: f64,
}

impl<'a> Problem<'a> {
    /// * `costs` — `C_i` of positive and negative points
    pub(super) fn new(gram: ArrayView2<'a, f64>, positive: &[bool], costs: [f64; 2]) -> Self {
        let choose = |for_positive: f64, for_negative: f64| -> Array1<f64> {
            positive.iter().map(|&positive| if positive { for_positive } else { for_negative }).collect()
        };
        let magnitude = gram.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        Self { gram, signs: choose(1.0, -1.0), lower: choose(0.0, -costs[1]), upper: choose(costs[0], 0.0), magnitude }
    }

    pub(super) fn points(&self) -> usize {
        self.signs.len()
    }

    /// Distance of a coefficient's bounds: its `C_i`.
    pub(super) fn cost(&self, point: usize) -> f64 {
        self.upper[point] - self.lower[point]
    }

    /// `y − K c`
    pub(super) fn slack(&self, coefficients: &Array1<f64>) -> Array1<f64> {
        let mut slack = self.signs.clone();
        for (row, &coefficient) in self.gram.rows().into_iter().zip(coefficients) {
            if coefficient != 0.0 {
                slack.scaled_add(-coefficient, &row);
            }
        }
        slack
    }

    /// What rounding may add to a slack: no solution can be told to be better than that.
    pub(super) fn rounding(&self, coefficients: &Array1<f64>) -> f64 {
        let total: f64 = coefficients.iter().map(|coefficient| coefficient.abs()).sum();
        4.0 * f64::EPSILON * total * self.magnitude
    }
}

/// A feasible point, and its slack.
#[derive(Clone)]
pub(super) struct State {
    pub(super) coefficients: Array1<f64>,
    pub(super) slack: Array1<f64>,
}

impl State {
    /// All coefficients zero.
    pub(super) fn origin(problem: &Problem<'_>) -> Self {
        Self { coefficients: Array1::zeros(problem.points()), slack: problem.signs.clone() }
    }

    /// The coefficients of a similar problem with the same bounds.
    pub(super) fn at(problem: &Problem<'_>, coefficients: Array1<f64>) -> Self {
        let slack = problem.slack(&coefficients);
        Self { coefficients, slack }
    }

    pub(super) fn can_grow(&self, problem: &Problem<'_>, point: usize) -> bool {
        self.coefficients[point] < problem.upper[point]
    }

    pub(super) fn can_shrink(&self, problem: &Problem<'_>, point: usize) -> bool {
        self.coefficients[point] > problem.lower[point]
    }

    /// The mean slack of the free support vectors; where there is none, the middle of the interval that is allowed.
    pub(super) fn bias(&self, problem: &Problem<'_>) -> f64 {
        let (mut sum, mut free) = (0.0, 0_usize);
        let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
        for (point, &slack) in self.slack.iter().enumerate() {
            match (self.can_grow(problem, point), self.can_shrink(problem, point)) {
                (true, true) => {
                    sum += slack;
                    free += 1;
                }
                (true, false) => low = low.max(slack),
                (false, _) => high = high.min(slack),
            }
        }
        if free > 0 { sum / free as f64 } else { 0.5 * (low + high) }
    }

    /// By how much the conditions of Karush, Kuhn and Tucker are missed with this bias.
    pub(super) fn violation(&self, problem: &Problem<'_>, bias: f64) -> f64 {
        let of_points = (0..problem.points()).map(|point| self.violation_at(problem, point, bias).abs());
        of_points.fold(self.coefficients.sum().abs(), f64::max)
    }

    /// Positive where the coefficient should grow, negative where it should shrink.
    pub(super) fn violation_at(&self, problem: &Problem<'_>, point: usize, bias: f64) -> f64 {
        let excess = self.slack[point] - bias;
        let allowed = if excess > 0.0 { self.can_grow(problem, point) } else { self.can_shrink(problem, point) };
        if allowed { excess } else { 0.0 }
    }
}
