//! Sums along rows of weights, for few samples: rows are read once, where they lie.
use std::ops::Range;

use super::{Dense, Part};
use crate::instructions::Vectorized;
use crate::matrix::CHAIN;
use crate::prefetch::prefetch;
use crate::scratch::Scratch;
use crate::simd::Simd;
use crate::tasks::{Output, Pieces};

/// Rows that are gone along at once.
const AT_ONCE: usize = 4;

/// Numbers of a row that are gone along before those of the next rows.
const PIECE: usize = 2048;

/// The same where a part is made: what is made, and what is asked for meanwhile, stay in the first-level cache.
const MADE_PIECE: usize = 512;

/// Some rows of weights by all samples.
pub(super) struct AlongRows<'a> {
    pub(super) dense: &'a Dense<'a>,
    pub(super) rows: Range<usize>,
    /// Weights of a row.
    pub(super) columns: usize,
    pub(super) samples: usize,
    pub(super) parts: &'a [Part<'a>],
    pub(super) bias: Option<&'a [f32]>,
    /// (samples, rows)
    pub(super) output: Output,
}

impl Vectorized for AlongRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut sums = Scratch::take(self.samples * AT_ONCE);
        for first in self.rows.clone().step_by(AT_ONCE) {
            let rows = first..self.rows.end.min(first + AT_ONCE);
            sums.fill(0.0);
            for stream in self.parts {
                let piece = if stream.part.is_some() { MADE_PIECE } else { PIECE };
                // Each lane has a chain of its own.
                for columns in Pieces::new(self.columns, piece.min(CHAIN * S::LANES), 1).iter() {
                    self.add(simd, stream, rows.clone(), columns, &mut sums);
                }
            }
            self.write(rows, &sums);
        }
    }
}

impl AlongRows<'_> {
    /// Adds the products of a piece of up to four rows to `sums`, `[sample][4]`.
    #[inline(always)]
    fn add<S: Simd>(&self, simd: S, stream: &Part<'_>, rows: Range<usize>, columns: Range<usize>, sums: &mut [f32]) {
        let length = columns.len();
        let mut acting = Scratch::take(if stream.part.is_some() { AT_ONCE * length } else { 0 });
        // Where there are fewer rows, the first stands in for the others.
        let mut pointers = [std::ptr::null(); AT_ONCE];
        for i in 0..AT_ONCE {
            let row = if i < rows.len() { rows.start + i } else { rows.start };
            let weights = &self.dense.weights[row * self.columns + columns.start..][..length];
            pointers[i] = match stream.part {
                Some(part) => {
                    let acting = &mut acting[i * length..(i + 1) * length];
                    part(weights, acting);
                    acting.as_ptr()
                }
                None => weights.as_ptr(),
            };
        }
        // The next piece of these rows, or the first one of the next.
        let next = if columns.end < self.columns { (rows.start, columns.end) } else { (rows.end, 0) };
        let next = self.dense.weights.as_ptr().wrapping_add(next.0 * self.columns + next.1);
        // Four rows of weights, four sums for each sample, and its numbers, are in registers.
        let most = if S::TILE[3] > 0 {
            S::TILE[3]
        } else if S::TILE[1] > 0 {
            2
        } else {
            1
        };
        let tiles = Pieces::new(self.samples, most, 1);
        for (tile, samples) in tiles.iter().enumerate() {
            // Each tile asks for its share of what comes next, if need be more than once. Where rows are gone along only
            // once, as they lie, the machine itself looks ahead.
            let mut ahead = pointers;
            if tiles.count() > 1 || stream.part.is_some() {
                for i in 0..AT_ONCE {
                    let row = if i % tiles.count() == tile { i } else { tile % AT_ONCE };
                    ahead[i] = next.wrapping_add(row * self.columns);
                }
            }
            let runs = Runs {
                rows: pointers,
                ahead,
                // SAFETY: the piece of the first of these samples.
                x: unsafe { stream.values.as_ptr().add(samples.start * self.columns + columns.start) },
                step: self.columns,
                length,
            };
            let sums = &mut sums[samples.start * AT_ONCE..samples.end * AT_ONCE];
            // SAFETY: rows and samples have `length` numbers at those places.
            unsafe {
                match samples.len() {
                    1 => runs.products::<S, 1>(simd, sums),
                    2 if most >= 2 => runs.products::<S, 2>(simd, sums),
                    3 if most >= 3 => runs.products::<S, 3>(simd, sums),
                    4 if most >= 4 => runs.products::<S, 4>(simd, sums),
                    5 if most >= 5 => runs.products::<S, 5>(simd, sums),
                    6 if most >= 6 => runs.products::<S, 6>(simd, sums),
                    _ => unreachable!("pieces are as large as tiles"),
                }
            }
        }
    }

    /// Writes the sums of up to four rows.
    #[inline(always)]
    fn write(&self, rows: Range<usize>, sums: &[f32]) {
        let (all, _) = self.dense.size();
        for (sample, sums) in sums.chunks_exact(AT_ONCE).enumerate() {
            for (row, &sum) in rows.clone().zip(sums) {
                // SAFETY: a place of the output that belongs to this task.
                unsafe { *self.output.at(sample * all + row) = self.bias.map_or(sum, |bias| sum + bias[row]) };
            }
        }
    }
}

/// Runs of four rows and of some samples.
struct Runs {
    rows: [*const f32; AT_ONCE],
    /// What is read next: as many runs.
    ahead: [*const f32; AT_ONCE],
    x: *const f32,
    /// From one sample to the next.
    step: usize,
    length: usize,
}

impl Runs {
    /// Adds the scalar products of the rows with P samples to `sums`, `[sample][row]`.
    #[inline(always)]
    unsafe fn products<S: Simd, const P: usize>(&self, simd: S, sums: &mut [f32]) {
        let mut lanes = [[simd.zero(); AT_ONCE]; P];
        let mut x = [self.x; P];
        // SAFETY: the caller's promise: there are P samples, and `length` numbers of each run.
        unsafe {
            for i in 0..P {
                x[i] = self.x.add(i * self.step);
            }
            let mut at = 0;
            while at + S::LANES <= self.length {
                let mut weights = [simd.zero(); AT_ONCE];
                for row in 0..AT_ONCE {
                    prefetch(self.ahead[row].wrapping_add(at));
                    weights[row] = simd.load(self.rows[row].add(at));
                }
                for i in 0..P {
                    let x = simd.load(x[i].add(at));
                    for row in 0..AT_ONCE {
                        lanes[i][row] = simd.multiply_add(weights[row], x, lanes[i][row]);
                    }
                }
                at += S::LANES;
            }
            if at < self.length {
                let rest = self.length - at;
                for i in 0..P {
                    let x = simd.load_first(x[i].add(at), rest);
                    for row in 0..AT_ONCE {
                        let weights = simd.load_first(self.rows[row].add(at), rest);
                        lanes[i][row] = simd.multiply_add(weights, x, lanes[i][row]);
                    }
                }
            }
        }
        for i in 0..P {
            for row in 0..AT_ONCE {
                sums[i * AT_ONCE + row] += simd.total(lanes[i][row]);
            }
        }
    }
}
