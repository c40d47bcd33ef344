//! Sums down the columns of weights for few samples: rows are read once, where they lie.
use std::ops::Range;

use super::{Active, Dense, Part};
use crate::instructions::Vectorized;
use crate::matrix::CHAIN;
use crate::prefetch::prefetch;
use crate::scratch::Scratch;
use crate::simd::Simd;
use crate::tasks::{Output, Pieces};

/// Rows that are added at once.
const AT_ONCE: usize = 8;

/// Sums of a block, of all samples: they stay in the first-level cache.
const SUMS: usize = 4096;

/// Columns of a block; narrow layers have narrower ones, for several threads.
const COLUMNS: usize = 2048;
const FEWEST_COLUMNS: usize = 256;

/// Blocks that there are at least, if they are not too narrow.
const BLOCKS: usize = 4;

/// Some columns of the weights by all samples.
pub(super) struct DownColumns<'a> {
    pub(super) dense: &'a Dense<'a>,
    pub(super) columns: Range<usize>,
    pub(super) samples: usize,
    pub(super) parts: &'a [Part<'a>],
    /// The rows that count, for each stream.
    pub(super) active: &'a [Active],
    pub(super) bias: Option<&'a [f32]>,
    /// (samples, columns)
    pub(super) output: Output,
}

impl Vectorized for DownColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.columns.len();
        let mut sums = Scratch::take(self.samples * width);
        let mut chain = Scratch::take(self.samples * width);
        for sums in sums.chunks_exact_mut(width) {
            match self.bias {
                Some(bias) => sums.copy_from_slice(&bias[self.columns.clone()]),
                None => sums.fill(0.0),
            }
        }
        for (stream, active) in self.parts.iter().zip(self.active) {
            let mut acting = Scratch::take(if stream.part.is_some() { AT_ONCE * width } else { 0 });
            for first in (0..active.rows.len()).step_by(CHAIN) {
                let end = active.rows.len().min(first + CHAIN);
                chain.fill(0.0);
                for first in (first..end).step_by(AT_ONCE) {
                    self.add(simd, stream, active, first..end.min(first + AT_ONCE), &mut acting, &mut chain);
                }
                for (sum, chain) in sums.iter_mut().zip(&*chain) {
                    *sum += chain;
                }
            }
        }
        self.write(&sums);
    }
}

impl DownColumns<'_> {
    /// The blocks of so many columns.
    pub(super) fn blocks(columns: usize, samples: usize) -> Pieces {
        let most = (SUMS / samples / 16 * 16).min(columns.div_ceil(BLOCKS).next_multiple_of(16));
        let most = most.clamp(FEWEST_COLUMNS, COLUMNS);
        Pieces::new(columns, most, 16)
    }

    /// The block's part of a row, in the `place`th row of `acting` if it has to be made.
    #[inline(always)]
    fn row(&self, stream: &Part<'_>, row: usize, acting: &mut [f32], place: usize) -> *const f32 {
        let width = self.columns.len();
        let (_, all) = self.dense.size();
        let weights = &self.dense.weights[row * all + self.columns.start..][..width];
        match stream.part {
            Some(part) => {
                let acting = &mut acting[place * width..(place + 1) * width];
                part(weights, acting);
                acting.as_ptr()
            }
            None => weights.as_ptr(),
        }
    }

    /// Adds some of the rows that count.
    #[inline(always)]
    fn add<S: Simd>(
        &self,
        simd: S,
        stream: &Part<'_>,
        active: &Active,
        rows: Range<usize>,
        acting: &mut [f32],
        to: &mut [f32],
    ) {
        let mut pointers = [std::ptr::null(); AT_ONCE];
        let mut ahead = [std::ptr::null(); AT_ONCE];
        let (_, all) = self.dense.size();
        for (i, row) in rows.clone().enumerate() {
            pointers[i] = self.row(stream, active.rows[row], acting, i);
            let next = active.rows[(row + AT_ONCE).min(active.rows.len() - 1)];
            ahead[i] = self.dense.weights.as_ptr().wrapping_add(next * all + self.columns.start);
        }
        let factors = active.factors[rows.start..].as_ptr();
        let width = self.columns.len();
        let samples = self.samples;
        if rows.len() == AT_ONCE {
            let rows = Rows { rows: pointers, ahead, factors, step: active.rows.len(), samples };
            // SAFETY: rows and sums are as wide as the block; each sample has factors of all rows that count.
            unsafe { rows.add(simd, width, to) };
            return;
        }
        for i in 0..rows.len() {
            let factors = factors.wrapping_add(i);
            let row = Rows { rows: [pointers[i]], ahead: [ahead[i]], factors, step: active.rows.len(), samples };
            // SAFETY: as above.
            unsafe { row.add(simd, width, to) };
        }
    }

    /// Writes the sums of the block.
    #[inline(always)]
    fn write(&self, sums: &[f32]) {
        let (_, all) = self.dense.size();
        for (sample, sums) in sums.chunks_exact(self.columns.len()).enumerate() {
            // SAFETY: places of the output that belong to this task.
            let output = unsafe { self.output.at(sample * all + self.columns.start) };
            // SAFETY: as above; scratch lies elsewhere.
            unsafe { output.copy_from_nonoverlapping(sums.as_ptr(), sums.len()) };
        }
    }
}

/// N rows of a block, and what they are taken times.
struct Rows<const N: usize> {
    rows: [*const f32; N],
    /// What is read next.
    ahead: [*const f32; N],
    /// (samples, rows)
    factors: *const f32,
    /// From one sample's factors to the next.
    step: usize,
    samples: usize,
}

impl<const N: usize> Rows<N> {
    /// Adds the rows times their factors to `to`, (samples, width).
    #[inline(always)]
    unsafe fn add<S: Simd>(&self, simd: S, width: usize, to: &mut [f32]) {
        let to = to.as_mut_ptr();
        // SAFETY: the caller's promise.
        unsafe {
            let mut at = 0;
            while at + S::LANES <= width {
                let mut weights = [simd.zero(); N];
                for i in 0..N {
                    weights[i] = simd.load(self.rows[i].add(at));
                    prefetch(self.ahead[i].wrapping_add(at));
                }
                for sample in 0..self.samples {
                    let to = to.add(sample * width + at);
                    let factors = self.factors.add(sample * self.step);
                    let mut sum = simd.load(to);
                    for i in 0..N {
                        sum = simd.multiply_add(weights[i], simd.splat(*factors.add(i)), sum);
                    }
                    simd.store(to, sum);
                }
                at += S::LANES;
            }
            if at < width {
                let rest = width - at;
                for sample in 0..self.samples {
                    let to = to.add(sample * width + at);
                    let mut sum = simd.load_first(to, rest);
                    for i in 0..N {
                        let factor = simd.splat(*self.factors.add(sample * self.step + i));
                        sum = simd.multiply_add(simd.load_first(self.rows[i].add(at), rest), factor, sum);
                    }
                    simd.store_first(to, sum, rest);
                }
            }
        }
    }
}
