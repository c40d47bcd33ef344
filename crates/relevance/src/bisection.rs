//! Interval intersection on a segment.

/// Halvings of the interval on each segment.
const HALVINGS: usize = 64;

/// Halvings that evaluate every midpoint. They decide which root it is; the interval that is left, a thousandth of the
/// segment, is taken to hold one sign change.
const PLAIN_HALVINGS: usize = 10;

/// The position in [0, 1] at which `function` changes its sign, by 64 halvings.
///
/// ```text
/// lo = 0, hi = 1;  64 times: mid = (lo + hi)/2;  f(mid) = 0 → lo = hi = mid, stop;
///                            sign f(mid) = sign f(1) → hi = mid, else lo = mid;      result (lo + hi)/2
/// ```
/// * `ends` — `f(0)` and `f(1)`, of opposite sign
///
/// After [`PLAIN_HALVINGS`] the sign change is enclosed between two points a few roundings apart by secant steps, and
/// only midpoints between those two are evaluated; the others' signs are known.
pub(crate) fn bisect(function: &dyn Fn(f64) -> f64, ends: [f64; 2]) -> f64 {
    let upper_is_positive = ends[1] > 0.0;
    let mut enclosure = Enclosure { low: (0.0, ends[0]), high: (1.0, ends[1]) };
    let (mut low, mut high) = (0.0, 1.0);
    for halving in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if middle == low || middle == high {
            break; // no number is left between the two: further halvings change nothing
        }
        if halving == PLAIN_HALVINGS {
            enclosure.tighten(function, upper_is_positive);
        }
        let on_upper_side = match enclosure.side(middle) {
            Some(known) => known,
            None => {
                let value = function(middle);
                enclosure.insert(middle, value, upper_is_positive);
                (value > 0.0) == upper_is_positive
            }
        };
        if enclosure.is_root(middle) {
            return middle;
        }
        if on_upper_side {
            high = middle;
        } else {
            low = middle;
        }
    }
    0.5 * (low + high)
}

/// Two positions, with their values, between which the sign changes.
struct Enclosure {
    low: (f64, f64),
    high: (f64, f64),
}

impl Enclosure {
    /// Widths below this are left to the halvings: positions in [0, 1] have roundings of 1.1e-16.
    const NARROW: f64 = 1e-14;

    /// Whether the sign at `position` is the upper end's, where that is known.
    fn side(&self, position: f64) -> Option<bool> {
        if position <= self.low.0 {
            Some(false)
        } else if position >= self.high.0 {
            Some(true)
        } else {
            None
        }
    }

    fn is_root(&self, position: f64) -> bool {
        (position == self.low.0 && self.low.1 == 0.0) || (position == self.high.0 && self.high.1 == 0.0)
    }

    /// Moves the end on whose side `value` is; both, where it is the root itself.
    fn insert(&mut self, position: f64, value: f64, upper_is_positive: bool) {
        let upper_side = (value > 0.0) == upper_is_positive;
        if value == 0.0 || upper_side {
            self.high = (position, value);
        }
        if value == 0.0 || !upper_side {
            self.low = (position, value);
        }
    }

    /// Secant steps, each followed by a step just across the estimate, so that both ends close in.
    fn tighten(&mut self, function: &dyn Fn(f64) -> f64, upper_is_positive: bool) {
        // Secant steps double the digits each time; 12 of them are more than any smooth function needs, and one that
        // is not smooth is left to the halvings.
        for _ in 0..12 {
            let width = self.high.0 - self.low.0;
            if width <= Self::NARROW {
                return;
            }
            let slope = (self.high.1 - self.low.1) / width;
            let estimate = (self.low.0 - self.low.1 / slope).clamp(self.low.0, self.high.0);
            if estimate.is_nan() {
                return; // a value on the segment is not finite
            }
            let before = (self.low.0, self.high.0);
            let margin = (width * width).max(0.25 * Self::NARROW);
            // The first evaluation makes the estimate one of the ends; the second then lies across the root from it.
            for _ in 0..2 {
                let position = self.off_the_ends(estimate, margin);
                if self.low.0 < position && position < self.high.0 {
                    self.insert(position, function(position), upper_is_positive);
                }
            }
            if before == (self.low.0, self.high.0) {
                return;
            }
        }
    }

    /// `position`, moved inward by `margin` where it is one of the ends.
    fn off_the_ends(&self, position: f64, margin: f64) -> f64 {
        if position == self.low.0 {
            position + margin
        } else if position == self.high.0 {
            position - margin
        } else {
            position
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// The definition, evaluating every midpoint.
    fn plain_bisection(function: &dyn Fn(f64) -> f64, ends: [f64; 2]) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            let value = function(middle);
            if value == 0.0 {
                return middle;
            }
            if (value > 0.0) == (ends[1] > 0.0) {
                high = middle;
            } else {
                low = middle;
            }
        }
        0.5 * (low + high)
    }

    type Curve = fn(f64) -> f64;

    const CURVES: [(&str, Curve); 8] = [
        ("line", |a| 3.0 * a - 1.0),
        ("line, falling", |a| 0.7 - a),
        ("cubic with a flat root", |a| (a - 0.3).powi(3)),
        ("exponential", |a| (-4.0 * a).exp() - 0.2),
        ("three roots", |a| (a - 0.2) * (a - 0.5) * (a - 0.9)),
        ("root near the candidate", |a| a - 1e-9),
        ("root near the point", |a| a - (1.0 - 1e-12)),
        ("step", |a| if a < 0.123_456_789 { -1.0 } else { 2.0 }),
    ];

    #[test]
    fn the_sign_change_is_the_one_that_64_evaluated_halvings_find() {
        for (name, curve) in CURVES {
            let ends = [curve(0.0), curve(1.0)];
            let (fast, plain) = (bisect(&curve, ends), plain_bisection(&curve, ends));
            // The cubic is flat at its root: both are right to where its values underflow to rounding.
            assert!((fast - plain).abs() <= 4.0 * f64::EPSILON, "{name}: {fast} against {plain}");
        }
    }

    #[test]
    fn smooth_functions_need_few_evaluations() {
        for (name, curve) in [CURVES[0], CURVES[3], CURVES[4]] {
            let evaluations = Cell::new(0);
            let counted = |a: f64| {
                evaluations.set(evaluations.get() + 1);
                curve(a)
            };
            bisect(&counted, [curve(0.0), curve(1.0)]);
            assert!(evaluations.get() <= 24, "{name}: {}", evaluations.get());
        }
    }

    #[test]
    fn an_exact_root_at_a_midpoint_ends_the_search() {
        assert_eq!(bisect(&|a| a - 0.5, [-0.5, 0.5]), 0.5);
        assert_eq!(bisect(&|a| a - 0.375, [-0.375, 0.625]), 0.375);
    }
}
