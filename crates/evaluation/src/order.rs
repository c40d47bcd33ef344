//! In which order pixels are taken.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

/// In which order regions are flipped. Ties go to the region that comes first, row by row from the upper left.
///
/// As text: `highest` or `morf` (most relevant first), `lowest` or `lerf`, `nearest-zero`, `random` or `random=SEED`.
///
/// ```
/// use evaluation::FlipOrder;
/// assert_eq!("nearest-zero".parse(), Ok(FlipOrder::NearestToZeroFirst));
/// assert_eq!(FlipOrder::Random { seed: 7 }.to_string(), "random=7");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlipOrder {
    /// The most relevant first (the paper's Figs 18, 19, 23): takes away what speaks for the target.
    HighestFirst,
    /// The least relevant first (Figs 21, 24): takes away what speaks against it.
    LowestFirst,
    /// Those whose relevance is nearest to zero first (Fig 20): what should not matter.
    NearestToZeroFirst,
    /// In an order that knows nothing of relevance (Fig 22): what the others are compared with.
    Random {
        /// Each seed is an order; over several inputs, give each its own.
        seed: u64,
    },
}

impl FlipOrder {
    /// The regions of these relevances, in the order in which they are flipped.
    pub(crate) fn of(self, relevance: &[f64]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..relevance.len()).collect();
        // Sorting is stable, which leaves ties in their place; the relevance is finite, so that all of it compares.
        let mut sort_by = |compare: fn(f64, f64) -> Option<Ordering>| {
            order.sort_by(|&left, &right| compare(relevance[left], relevance[right]).unwrap_or(Ordering::Equal));
        };
        match self {
            Self::HighestFirst => sort_by(|left, right| right.partial_cmp(&left)),
            Self::LowestFirst => sort_by(|left, right| left.partial_cmp(&right)),
            Self::NearestToZeroFirst => sort_by(|left, right| left.abs().partial_cmp(&right.abs())),
            Self::Random { seed } => order.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(seed)),
        }
        order
    }

    /// The same order for one of several samples: those that are drawn are drawn anew for each.
    pub(crate) fn for_sample(self, number: usize) -> Self {
        match self {
            Self::Random { seed } => Self::Random { seed: seed_of_sample(seed, number) },
            other => other,
        }
    }
}

/// A seed for each of several samples; the first has the seed itself.
pub(crate) fn seed_of_sample(seed: u64, number: usize) -> u64 {
    /// 2⁶⁴ over the golden ratio: its multiples keep apart from one another.
    const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;
    seed.wrapping_add((number as u64).wrapping_mul(STRIDE))
}

impl fmt::Display for FlipOrder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HighestFirst => formatter.write_str("highest"),
            Self::LowestFirst => formatter.write_str("lowest"),
            Self::NearestToZeroFirst => formatter.write_str("nearest-zero"),
            Self::Random { seed: 0 } => formatter.write_str("random"),
            Self::Random { seed } => write!(formatter, "random={seed}"),
        }
    }
}

impl FromStr for FlipOrder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "highest" || text == "morf" => Ok(Self::HighestFirst),
            None if text == "lowest" || text == "lerf" => Ok(Self::LowestFirst),
            None if text == "nearest-zero" => Ok(Self::NearestToZeroFirst),
            None if text == "random" => Ok(Self::Random { seed: 0 }),
            Some(("random", seed)) => {
                let seed = seed.parse().map_err(|_| format!("the seed {seed:?} is no whole number"))?;
                Ok(Self::Random { seed })
            }
            _ => Err("it is highest, lowest, nearest-zero, random, or random=SEED".into()),
        }
    }
}
