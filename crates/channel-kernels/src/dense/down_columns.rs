//! Sums down the columns of weights for one sample: rows are read once, where they lie.
use std::ops::Range;

use super::{Active, Dense, DenseStream};
use crate::instructions::Vectorized;
use crate::matrix::{CHAIN, Finish};
use crate::scratch::Scratch;
use crate::simd::Simd;
use crate::tasks::{Output, Pieces};

/// Rows that are added at once.
const AT_ONCE: usize = 4;

/// Columns of a block, whose sums stay in the first-level cache; narrow layers have narrower ones, for several threads.
const COLUMNS: usize = 2048;
const FEWEST_COLUMNS: usize = 256;

/// Blocks that there are at least, if they are not too narrow.
const BLOCKS: usize = 4;

/// Some columns of the weights by one sample.
pub(super) struct DownColumns<'a> {
    pub(super) dense: &'a Dense<'a>,
    pub(super) columns: Range<usize>,
    pub(super) streams: &'a [DenseStream<'a>],
    /// The rows that count, for each stream.
    pub(super) active: &'a [Active],
    pub(super) finish: Finish<'a>,
    pub(super) output: Output,
}

impl Vectorized for DownColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.columns.len();
        let mut sums = Scratch::take(width);
        let mut chain = Scratch::take(width);
        match self.finish.bias {
            Some(bias) => sums.copy_from_slice(&bias[self.columns.clone()]),
            None => sums.fill(0.0),
        }
        for (stream, active) in self.streams.iter().zip(self.active) {
            let mut acting = Scratch::take(if stream.part.is_some() { AT_ONCE * width } else { 0 });
            for (rows, factors) in active.rows.chunks(CHAIN).zip(active.factors.chunks(CHAIN)) {
                chain.fill(0.0);
                for (rows, factors) in rows.chunks(AT_ONCE).zip(factors.chunks(AT_ONCE)) {
                    let mut pointers = [std::ptr::null(); AT_ONCE];
                    for (i, &row) in rows.iter().enumerate() {
                        pointers[i] = self.row(stream, row, &mut acting[..], i);
                    }
                    match factors.try_into() {
                        Ok(factors) => add::<S, AT_ONCE>(simd, pointers, factors, &mut chain),
                        Err(_) => {
                            for (&row, &factor) in pointers.iter().zip(factors) {
                                add::<S, 1>(simd, [row], [factor], &mut chain);
                            }
                        }
                    }
                }
                for (sum, chain) in sums.iter_mut().zip(&*chain) {
                    *sum += chain;
                }
            }
        }
        self.finish(&sums);
    }
}

impl DownColumns<'_> {
    /// The blocks of so many columns.
    pub(super) fn blocks(columns: usize) -> Pieces {
        let most = columns.div_ceil(BLOCKS).next_multiple_of(16).clamp(FEWEST_COLUMNS, COLUMNS);
        Pieces::new(columns, most, 16)
    }

    /// The block's part of a row, in the `place`th row of `acting` if it has to be made.
    #[inline(always)]
    fn row(&self, stream: &DenseStream<'_>, row: usize, acting: &mut [f32], place: usize) -> *const f32 {
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

    #[inline(always)]
    fn finish(&self, sums: &[f32]) {
        let Finish { times, onto, .. } = self.finish;
        for (column, &sum) in self.columns.clone().zip(sums) {
            let sum = times.map_or(sum, |times| sum * times[column]);
            // SAFETY: a place of the output that belongs to this task.
            unsafe {
                let output = self.output.at(column);
                *output = if onto { *output + sum } else { sum };
            }
        }
    }
}

/// Adds N rows, each as long as `to`, times their factors to `to`.
#[inline(always)]
fn add<S: Simd, const N: usize>(simd: S, rows: [*const f32; N], factors: [f32; N], to: &mut [f32]) {
    let mut factor = [simd.zero(); N];
    for i in 0..N {
        factor[i] = simd.splat(factors[i]);
    }
    let (length, to) = (to.len(), to.as_mut_ptr());
    let mut at = 0;
    // SAFETY: places up to `length` of `to`, and of rows that are as long.
    unsafe {
        while at + S::LANES <= length {
            let mut sum = simd.load(to.add(at));
            for i in 0..N {
                sum = simd.multiply_add(simd.load(rows[i].add(at)), factor[i], sum);
            }
            simd.store(to.add(at), sum);
            at += S::LANES;
        }
        if at < length {
            let rest = length - at;
            let mut sum = simd.load_first(to.add(at), rest);
            for i in 0..N {
                sum = simd.multiply_add(simd.load_first(rows[i].add(at), rest), factor[i], sum);
            }
            simd.store_first(to.add(at), sum, rest);
        }
    }
}
