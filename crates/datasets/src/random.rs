//! SplitMix64, a generator of random numbers that is three lines in any language.

use std::ops::RangeInclusive;

/// The SplitMix64 generator: one stream of numbers for each pair of a seed and an index.
///
/// ```text
/// s ← seed XOR (index · 0xD1342543DE82EF95), one number drawn and discarded
/// next:  s ← s + 0x9E3779B97F4A7C15;   z ← s
///        z ← (z XOR z≫30) · 0xBF58476D1CE4E5B9
///        z ← (z XOR z≫27) · 0x94D049BB133111EB;   z XOR z≫31          all modulo 2⁶⁴
/// ```
///
/// ```
/// use datasets::SplitMix64;
/// let mut random = SplitMix64::new(1, 0);
/// assert_eq!(random.next_u64(), 0xbeeb_8da1_658e_ec67);
/// let unit = random.unit();
/// assert!((0.0..1.0).contains(&unit));
/// assert!((1..=3).contains(&random.integer(1..=3)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// The stream `index` of `seed`. The number that is discarded keeps neighboring indices from looking alike.
    pub fn new(seed: u64, index: u64) -> Self {
        let mut generator = Self { state: seed ^ index.wrapping_mul(0xD134_2543_DE82_EF95) };
        generator.next_u64();
        generator
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number in [0, 1): the upper 53 bits.
    pub fn unit(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 * STEP
    }

    /// A number between `low` and `high`: `low + (high − low) · unit`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// One of the integers of `range`, both ends included; its start where the range is empty.
    pub fn integer(&mut self, range: RangeInclusive<u64>) -> u64 {
        let width = range.end().saturating_sub(*range.start()) as f64 + 1.0;
        range.start().saturating_add((self.unit() * width) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_numbers_are_those_of_the_specification() {
        let mut random = SplitMix64::new(1, 0);
        let first = [random.next_u64(), random.next_u64(), random.next_u64()];
        assert_eq!(first, [0xbeeb_8da1_658e_ec67, 0xf893_a2ee_fb32_555e, 0x71c1_8690_ee42_c90b]);
    }

    #[test]
    fn seeds_and_indices_wrap_around() {
        let mut random = SplitMix64::new(u64::MAX, u64::MAX);
        assert!((0.0..1.0).contains(&random.unit()));
        assert_ne!(SplitMix64::new(0, 1), SplitMix64::new(1, 0));
    }

    #[test]
    fn integers_reach_both_ends_and_nothing_else() {
        let mut random = SplitMix64::new(7, 0);
        let mut drawn: Vec<u64> = (0..1000).map(|_| random.integer(3..=6)).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [3, 4, 5, 6]);
        #[expect(clippy::reversed_empty_ranges, reason = "an empty range is what this is about")]
        let of_nothing = random.integer(5..=2);
        assert_eq!(of_nothing, 5);
        assert_eq!(random.integer(9..=9), 9);
        random.integer(0..=u64::MAX);
    }

    #[test]
    fn an_interval_is_not_left() {
        let mut random = SplitMix64::new(7, 1);
        assert!((0..1000).map(|_| random.uniform(-0.25, 0.25)).all(|value| (-0.25..0.25).contains(&value)));
    }
}
