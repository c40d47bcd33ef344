//! Which orientation bins the gradients of one row of samples vote for, and how strongly.

use super::{ORIENTATIONS, SAMPLES};

/// The votes of one row of samples. Each sample's magnitude is shared by the two bins next to its angle.
pub(super) struct Votes {
    /// The lower bin; the upper is the one after it, and bin 0 after the last.
    pub(super) bins: [u32; SAMPLES],
    /// What the lower bin gets.
    pub(super) lower: [f32; SAMPLES],
    /// What the upper bin gets.
    pub(super) upper: [f32; SAMPLES],
}

/// The votes of gradients `x`, `y` after turning them back by the angle that has the given cosine and sine.
///
/// With 8 bins, the lower bin is the octant of the angle, known from signs and one comparison, and the share of the
/// upper bin is the angle within the octant: an arc tangent of a number in [0, 1], or 1 minus it in every other octant.
#[inline]
pub(super) fn votes(x: &[f32; SAMPLES], y: &[f32; SAMPLES], cosine: f32, sine: f32) -> Votes {
    const { assert!(ORIENTATIONS == 8) };
    let mut votes = Votes { bins: [0; SAMPLES], lower: [0.0; SAMPLES], upper: [0.0; SAMPLES] };
    for i in 0..SAMPLES {
        let u = x[i] * cosine + y[i] * sine;
        let v = y[i] * cosine - x[i] * sine;
        let magnitude = (u * u + v * v).sqrt();
        let steep = v.abs() > u.abs();
        let (small, large) = if steep { (u.abs(), v.abs()) } else { (v.abs(), u.abs()) };
        let advance = magnitude * octant_angle(small / large.max(f32::MIN_POSITIVE));
        let (u_negative, v_negative) = (u.to_bits() >> 31, v.to_bits() >> 31);
        // Mirroring at an axis counts the octants from the other end.
        let octant = u32::from(steep) ^ (u_negative * 3) ^ (v_negative * 7);
        let mirrored = octant & 1 == 1;
        votes.bins[i] = octant;
        votes.lower[i] = if mirrored { advance } else { magnitude - advance };
        votes.upper[i] = if mirrored { magnitude - advance } else { advance };
    }
    votes
}

/// `atan(t) · 4/π` for `t` in [0, 1]: an angle as a fraction of an octant, with an error below 2.5e-7.
///
/// The odd polynomial of degree 15 with the least largest error, which is not to reach beyond the octant.
#[inline]
fn octant_angle(t: f32) -> f32 {
    const COEFFICIENTS: [f32; 7] =
        [-0.424_368_97, 0.253_967_56, -0.177_090_17, 0.122_768_27, -0.071_189_79, 0.027_836_783, -0.005_162_435];
    let square = t * t;
    let series = COEFFICIENTS.iter().rev().fold(0.0, |sum, coefficient| (sum + coefficient) * square);
    let angle = t * (series + 1.273_238_7);
    if angle < 1.0 { angle } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    #[test]
    fn the_polynomial_is_the_arc_tangent() {
        for step in 0..=100_000 {
            let t = step as f32 / 1e5;
            let expected = f64::from(t).atan() * 8.0 / TAU;
            assert!((f64::from(octant_angle(t)) - expected).abs() < 2.5e-7, "{t}");
        }
        assert_eq!(octant_angle(0.0), 0.0);
    }

    /// The votes of one sample, from its angle.
    fn slow_votes(x: f64, y: f64, angle: f64) -> [f64; ORIENTATIONS] {
        let (u, v) = (x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin());
        let position = v.atan2(u).rem_euclid(TAU) * 8.0 / TAU;
        let mut bins = [0.0; ORIENTATIONS];
        bins[position as usize % ORIENTATIONS] += u.hypot(v) * (1.0 - position.fract());
        bins[(position as usize + 1) % ORIENTATIONS] += u.hypot(v) * position.fract();
        bins
    }

    #[test]
    fn each_sample_votes_for_the_two_bins_next_to_its_angle() {
        for turn in [0.0, 0.4, -2.0, TAU / 8.0, TAU / 2.0] {
            for step in 0..64 {
                let (x, y): ([f32; SAMPLES], [f32; SAMPLES]) = (
                    std::array::from_fn(|i| (i as f64 * (step as f64 * TAU / 64.0).cos()) as f32),
                    std::array::from_fn(|i| (i as f64 * (step as f64 * TAU / 64.0).sin()) as f32),
                );
                let votes = votes(&x, &y, turn.cos() as f32, turn.sin() as f32);
                for i in 0..SAMPLES {
                    let mut bins = [0.0; ORIENTATIONS];
                    bins[votes.bins[i] as usize] += f64::from(votes.lower[i]);
                    bins[(votes.bins[i] as usize + 1) % ORIENTATIONS] += f64::from(votes.upper[i]);
                    for (found, expected) in bins.iter().zip(slow_votes(x[i].into(), y[i].into(), turn)) {
                        assert!(
                            (found - expected).abs() <= 5e-7 * i as f64,
                            "{turn}, {step}, {i}: {found}, {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_axes_and_zeros_vote_for_single_bins() {
        let directions =
            [(1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (-1.0, 1.0), (-1.0, 0.0), (-1.0, -1.0), (0.0, -1.0), (1.0, -1.0)];
        for (bin, (x, y)) in directions.into_iter().enumerate() {
            let votes = votes(&[x; SAMPLES], &[y; SAMPLES], 1.0, 0.0);
            let mut bins = [0.0_f32; ORIENTATIONS];
            bins[votes.bins[0] as usize] += votes.lower[0];
            bins[(votes.bins[0] as usize + 1) % ORIENTATIONS] += votes.upper[0];
            for (other, &value) in bins.iter().enumerate() {
                let expected = if other == bin { x.hypot(y) } else { 0.0 };
                assert!((value - expected).abs() < 3e-7, "{x}, {y}: {bins:?}");
            }
        }
        let votes = votes(&[0.0; SAMPLES], &[-0.0; SAMPLES], 1.0, 0.0);
        assert!(votes.lower.iter().chain(&votes.upper).all(|&value| value == 0.0));
    }
}
