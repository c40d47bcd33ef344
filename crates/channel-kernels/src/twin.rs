//! What the tests share: numbers, and how near a sum must be.

/// Numbers in (−1, 1) that depend on `seed` alone.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let number = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..count).map(number).collect()
}

/// Asserts that numbers are what plain loops give, (sum, sum of the magnitudes), to some roundings of what was added.
pub(crate) fn assert_close(got: &[f32], want: &[(f64, f64)], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (at, (&got, &(sum, magnitude))) in got.iter().zip(want).enumerate() {
        let error = (f64::from(got) - sum).abs();
        assert!(error <= 1e-6 * magnitude, "{what}: number {at} is {got:e}, not {sum:e}");
    }
}
