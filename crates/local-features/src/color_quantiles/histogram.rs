//! A histogram that slides along a row of the grid: exact quantiles without sorting around each point.

use std::ops::Range;

use super::QUANTILES;
use crate::plane::Plane;

/// Levels that are passed over together.
const BLOCK: usize = 16;

/// An image with each intensity replaced by its rank among all intensities.
pub(super) struct Levels {
    /// Ascending, each once.
    intensities: Vec<f64>,
    ranks: Vec<u32>,
    width: usize,
}

impl Levels {
    pub(super) fn of(plane: &Plane) -> Self {
        Self::of_eight_bits(plane).unwrap_or_else(|| Self::of_any(plane))
    }

    /// The levels of a channel of 8 bits: `0/255 … 255/255`, whether they occur or not. `None` for any other plane.
    fn of_eight_bits(plane: &Plane) -> Option<Self> {
        let intensities: Vec<f64> = (0..=u8::MAX).map(|level| f64::from(level) / 255.0).collect();
        let level = |value: f64| {
            let level = (value * 255.0 + 0.5) as u8;
            (intensities[usize::from(level)] == value).then_some(u32::from(level))
        };
        let ranks = pixels(plane).map(level).collect::<Option<_>>()?;
        Some(Self { intensities, ranks, width: plane.width() })
    }

    fn of_any(plane: &Plane) -> Self {
        let mut intensities: Vec<f64> = pixels(plane).collect();
        intensities.sort_unstable_by(f64::total_cmp);
        intensities.dedup();
        let ranks = pixels(plane).map(|value| intensities.partition_point(|other| *other < value) as u32).collect();
        Self { intensities, ranks, width: plane.width() }
    }
}

fn pixels(plane: &Plane) -> impl Iterator<Item = f64> {
    (0..plane.height()).flat_map(|row| plane.row(row).iter().copied())
}

/// How often each intensity occurs around a point.
pub(super) struct Histogram<'a> {
    levels: &'a Levels,
    counts: Vec<[u32; BLOCK]>,
    total: usize,
}

impl<'a> Histogram<'a> {
    pub(super) fn new(levels: &'a Levels) -> Self {
        Self { levels, counts: vec![[0; BLOCK]; levels.intensities.len().div_ceil(BLOCK)], total: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.counts.fill([0; BLOCK]);
        self.total = 0;
    }

    /// Moves in one line of the image from the pixels within `reach` of the column `from`, if there was one, to those
    /// within `reach` of the column `to`, which is farther right.
    pub(super) fn slide(&mut self, line: usize, from: Option<usize>, to: usize, reach: usize) {
        let width = self.levels.width;
        let covered = |center: usize| center.saturating_sub(reach)..center.saturating_add(reach + 1).min(width);
        let (old, new) = (from.map_or(0..0, covered), covered(to));
        self.remove(line, old.start..old.end.min(new.start));
        self.add(line, new.start.max(old.end)..new.end);
    }

    fn add(&mut self, line: usize, columns: Range<usize>) {
        self.total += columns.len();
        let counts = self.counts.as_flattened_mut();
        for &rank in &self.levels.ranks[line * self.levels.width..][columns] {
            counts[rank as usize] += 1;
        }
    }

    fn remove(&mut self, line: usize, columns: Range<usize>) {
        self.total -= columns.len();
        let counts = self.counts.as_flattened_mut();
        for &rank in &self.levels.ranks[line * self.levels.width..][columns] {
            counts[rank as usize] -= 1;
        }
    }

    fn in_block(&self, block: usize) -> usize {
        self.counts[block].iter().sum::<u32>() as usize
    }

    /// The quantiles 0.1, 0.2, …, 0.9.
    pub(super) fn quantiles(&self) -> [f64; QUANTILES] {
        let mut walk = Walk { histogram: self, block: 0, below: 0, within: self.in_block(0) };
        std::array::from_fn(|index| {
            let position = (index + 1) * (self.total - 1);
            let (whole, tenths) = (position / (QUANTILES + 1), position % (QUANTILES + 1));
            let lower = walk.intensity_at(whole);
            match tenths {
                0 => lower,
                _ => lower + tenths as f64 / (QUANTILES + 1) as f64 * (walk.peek(whole + 1) - lower),
            }
        })
    }
}

/// Goes through a histogram once, from dark to bright, block by block.
#[derive(Clone, Copy)]
struct Walk<'a> {
    histogram: &'a Histogram<'a>,
    block: usize,
    /// How many pixels are darker than this block.
    below: usize,
    /// How many are in it.
    within: usize,
}

impl Walk<'_> {
    /// The intensity of the pixel at this position in ascending order, which is not before those asked for earlier.
    fn intensity_at(&mut self, position: usize) -> f64 {
        let Histogram { levels, counts, .. } = self.histogram;
        while position >= self.below + self.within {
            self.below += self.within;
            self.block += 1;
            self.within = self.histogram.in_block(self.block);
        }
        // All levels of the block are looked at: where to stop is what no processor could foresee.
        let (mut left, mut goes_on, mut level) = ((position - self.below) as u32, 1, 0);
        for &count in &counts[self.block] {
            goes_on &= u32::from(count <= left);
            left = left.wrapping_sub(count);
            level += goes_on;
        }
        levels.intensities[self.block * BLOCK + level as usize]
    }

    /// As [`intensity_at`](Self::intensity_at), and stays where it is.
    fn peek(mut self, position: usize) -> f64 {
        self.intensity_at(position)
    }
}
