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
/// upper bin is the angle within the octant: an arc tangent of a number in [0, 1], or 1 less it in every other octant.
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
/// The odd polynomial of degree 15 with the least largest error.
#[inline]
fn octant_angle(t: f32) -> f32 {
    const COEFFICIENTS: [f32; 7] =
        [-0.424_368_97, 0.253_967_56, -0.177_090_17, 0.122_768_27, -0.071_189_79, 0.027_836_783, -0.005_162_435_3];
    let square = t * t;
    let series = COEFFICIENTS.iter().rev().fold(0.0, |sum, coefficient| (sum + coefficient) * square);
    t * (series + 1.273_238_7)
}
