//! Sums of matrix products, in blocks that stay in the cache.
//!
//! ```text
//! C_ij = Σ_terms Σ_k A_ik · part(B)_kj
//! ```
//! A block of C is made at once: a piece of B's rows is copied to panels as wide as a tile (turned, if B lies the other
//! way, and with its part made), which stay in the second-level cache while all rows of A's block go over them. Pieces
//! of at most [`CHAIN`] products are added up apart: longer chains are less exact.
use std::ops::Range;

use crate::Instructions;
use crate::instructions::Vectorized;
use crate::scratch::Scratch;
use crate::simd::Simd;
use crate::tasks::{Output, Pieces};
use crate::weights::WeightPart;

/// Products that are added up in one chain.
pub(crate) const CHAIN: usize = 256;

/// Rows of a block: with a chain, as much of A as leaves room in the second-level cache.
const ROWS: usize = 240;

/// Columns of a block.
const COLUMNS: usize = 128;

/// Blocks and chains are cut at multiples of this: the widest vector.
const UNIT: usize = 16;

/// A matrix in a slice that holds all of it.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    /// The first number is that of row 0, column 0.
    pub(crate) values: &'a [f32],
    /// From one row to the next.
    pub(crate) row: usize,
    /// From one column to the next.
    pub(crate) column: usize,
}

/// A product of the sum.
#[derive(Clone, Copy)]
pub(crate) struct Term<'a> {
    pub(crate) a: Matrix<'a>,
    pub(crate) b: Matrix<'a>,
    /// The rows of B that there are products of, one for each column of A; all if there is no list.
    pub(crate) rows: Option<&'a [usize]>,
    /// Columns of A.
    pub(crate) depth: usize,
    /// What acts of each number of B.
    pub(crate) part: Option<&'a WeightPart>,
}

/// What a sum begins with.
#[derive(Clone, Copy)]
pub(crate) enum Begin<'a> {
    /// Nothing.
    Zero,
    /// One number for each column.
    Bias(&'a [f32]),
    /// What the output holds.
    Output,
}

/// A sum of products, C.
///
/// Terms, output and bias have the rows and columns that the sum asks for.
#[derive(Clone, Copy)]
pub(crate) struct Sum<'a> {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) begin: Begin<'a>,
    /// From one row of the output to the next.
    pub(crate) output_row: usize,
}

impl Sum<'_> {
    fn pieces(&self) -> (Pieces, Pieces) {
        (Pieces::new(self.rows, ROWS, 1), Pieces::new(self.columns, COLUMNS, UNIT))
    }

    /// Blocks that the sum is made in.
    pub(crate) fn blocks(&self) -> usize {
        let (rows, columns) = self.pieces();
        rows.count() * columns.count()
    }

    /// Makes a block, which no other thread may read or write meanwhile.
    pub(crate) fn make(&self, instructions: Instructions, terms: &[Term<'_>], output: Output, block: usize) {
        let (rows, columns) = self.pieces();
        let (row, column) = (block % rows.count(), block / rows.count());
        instructions.run(Block { sum: *self, terms, output, rows: rows.get(row), columns: columns.get(column) });
    }
}

struct Block<'a> {
    sum: Sum<'a>,
    terms: &'a [Term<'a>],
    output: Output,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Vectorized for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let panels = Panels::new::<S>(self.columns.len());
        let mut begun = self.begin();
        for term in self.terms {
            for chain in Pieces::new(term.depth, CHAIN, UNIT).iter() {
                self.add(simd, &panels, term, chain, begun);
                begun = true;
            }
        }
        if !begun {
            self.rows.clone().for_each(|row| self.row(row).fill(0.0));
        }
    }
}

impl Block<'_> {
    /// The block's part of a row of the output.
    #[expect(clippy::mut_from_ref, reason = "the block is this task's alone")]
    fn row(&self, row: usize) -> &mut [f32] {
        let first = row * self.sum.output_row + self.columns.start;
        // SAFETY: the block lies within the output, and nobody else has it; rows are used one at a time.
        unsafe { std::slice::from_raw_parts_mut(self.output.at(first), self.columns.len()) }
    }

    /// Writes what the sums begin with; gives whether there is anything.
    #[inline(always)]
    fn begin(&self) -> bool {
        if let Begin::Bias(bias) = self.sum.begin {
            self.rows.clone().for_each(|row| self.row(row).copy_from_slice(&bias[self.columns.clone()]));
        }
        !matches!(self.sum.begin, Begin::Zero)
    }

    /// Adds the products of a chain.
    #[inline(always)]
    fn add<S: Simd>(&self, simd: S, panels: &Panels, term: &Term<'_>, chain: Range<usize>, begun: bool) {
        let depth = chain.len();
        let mut packed = Scratch::take(depth * panels.width);
        for panel in panels.iter() {
            let place = &mut packed[depth * panel.first..depth * (panel.first + panel.width)];
            let columns =
                self.columns.start + panel.first..self.columns.end.min(self.columns.start + panel.first + panel.width);
            pack(simd, term, chain.clone(), columns, panel.width, place);
        }
        if let Some(part) = term.part {
            let mut acting = Scratch::take(packed.len());
            part(&packed, &mut acting);
            packed = acting;
        }
        for panel in panels.iter() {
            let rows = Rows {
                // SAFETY: the block's first row of A, the chain's first column.
                a: unsafe { term.a.values.as_ptr().add(self.rows.start * term.a.row + chain.start * term.a.column) },
                row: term.a.row,
                column: term.a.column,
                depth,
                panel: packed[depth * panel.first..].as_ptr(),
                to: self.row(self.rows.start)[panel.first..].as_mut_ptr(),
                to_row: self.sum.output_row,
                lanes: self.columns.len() - panel.first,
                begun,
            };
            // SAFETY: rows and lanes are those of the block.
            unsafe {
                match panel.width / S::LANES {
                    1 => rows.tiles::<S, 1>(simd, self.rows.len()),
                    2 if S::TILE[1] > 0 => rows.tiles::<S, 2>(simd, self.rows.len()),
                    3 if S::TILE[2] > 0 => rows.tiles::<S, 3>(simd, self.rows.len()),
                    4 if S::TILE[3] > 0 => rows.tiles::<S, 4>(simd, self.rows.len()),
                    _ => unreachable!("panels are as wide as tiles"),
                }
            }
        }
    }
}

/// The panels of a block's columns, as wide as tiles: some whole vectors.
struct Panels {
    vectors: Pieces,
    lanes: usize,
    width: usize,
}

/// The columns of a panel; the last ones may be missing.
struct Panel {
    first: usize,
    width: usize,
}

impl Panels {
    fn new<S: Simd>(columns: usize) -> Self {
        let vectors = columns.div_ceil(S::LANES);
        let most = S::TILE.iter().take_while(|&&pixels| pixels > 0).count();
        Self { vectors: Pieces::new(vectors, most, 1), lanes: S::LANES, width: vectors * S::LANES }
    }

    fn iter(&self) -> impl Iterator<Item = Panel> {
        let lanes = self.lanes;
        self.vectors.iter().map(move |vectors| Panel { first: vectors.start * lanes, width: vectors.len() * lanes })
    }
}

/// Copies rows `chain` and some columns of B to a panel, `[row][width]`; columns that are missing become zeros.
#[inline(always)]
fn pack<S: Simd>(simd: S, term: &Term<'_>, chain: Range<usize>, columns: Range<usize>, width: usize, to: &mut [f32]) {
    let Matrix { values, row, column } = term.b;
    let source = |k: usize| term.rows.map_or(k, |rows| rows[k]);
    debug_assert_eq!(to.len(), chain.len() * width);
    if column == 1 {
        for (k, to) in chain.zip(to.chunks_exact_mut(width)) {
            let from = &values[source(k) * row + columns.start..][..columns.len()];
            for first in (0..width).step_by(S::LANES) {
                // SAFETY: `first` lies within the columns, since each vector holds one at least; `to` is whole vectors.
                unsafe {
                    let vector = simd.load_first(from.as_ptr().add(first), from.len() - first);
                    simd.store(to.as_mut_ptr().add(first), vector);
                }
            }
        }
    } else if row == 1 && term.rows.is_none() {
        for k in (0..chain.len()).step_by(S::LANES) {
            for first in (0..width).step_by(S::LANES) {
                let from = &values[(columns.start + first) * column + chain.start + k..];
                let [lanes, depth] = [columns.len() - first, chain.len() - k].map(|n| n.min(S::LANES));
                turn(simd, from, column, lanes, depth, &mut to[k * width + first..], width);
            }
        }
    } else {
        for (k, to) in chain.zip(to.chunks_exact_mut(width)) {
            to.fill(0.0);
            for (to, j) in to.iter_mut().zip(columns.clone()) {
                *to = values[source(k) * row + j * column];
            }
        }
    }
}

/// Copies `lanes` runs of `depth` numbers, which are `step` apart, to `depth` rows of whole vectors.
#[inline(always)]
fn turn<S: Simd>(simd: S, from: &[f32], step: usize, lanes: usize, depth: usize, to: &mut [f32], width: usize) {
    assert!(from.len() >= (lanes - 1) * step + depth && to.len() >= (depth - 1) * width + S::LANES);
    if lanes == S::LANES && depth == S::LANES {
        // SAFETY: the rows lie within both slices by the line above.
        unsafe { simd.transpose(from.as_ptr(), step, to.as_mut_ptr(), width) };
        return;
    }
    let (mut runs, mut rows) = ([0.0; UNIT * UNIT], [0.0; UNIT * UNIT]);
    // SAFETY: blocks of LANES × LANES numbers have room; the runs and rows lie within the slices by the first line.
    unsafe {
        for lane in 0..lanes {
            let run = simd.load_first(from.as_ptr().add(lane * step), depth);
            simd.store(runs.as_mut_ptr().add(lane * S::LANES), run);
        }
        simd.transpose(runs.as_ptr(), S::LANES, rows.as_mut_ptr(), S::LANES);
        for k in 0..depth {
            simd.store(to.as_mut_ptr().add(k * width), simd.load(rows.as_ptr().add(k * S::LANES)));
        }
    }
}

/// Rows of A, a panel of B, and where their products are added.
struct Rows {
    a: *const f32,
    row: usize,
    column: usize,
    depth: usize,
    panel: *const f32,
    to: *mut f32,
    to_row: usize,
    /// Columns that count.
    lanes: usize,
    /// Whether there are sums to add to.
    begun: bool,
}

impl Rows {
    /// All rows, V vectors: tiles of equal size but for one row.
    #[inline(always)]
    unsafe fn tiles<S: Simd, const V: usize>(&self, simd: S, rows: usize) {
        macro_rules! tile_of {
            ($rows:expr, $($p:literal)*) => {
                match $rows.len() {
                    // SAFETY: the rows are the caller's.
                    $($p if S::TILE[V - 1].min(MOST) >= $p => unsafe { self.tile::<S, V, $p>(simd, $rows.start) },)*
                    _ => unreachable!("pieces are as high as tiles"),
                }
            };
        }
        /// The most rows that there are tiles of.
        const MOST: usize = 6;
        for rows in Pieces::new(rows, S::TILE[V - 1].min(MOST), 1).iter() {
            tile_of!(rows, 1 2 3 4 5 6);
        }
    }

    /// P rows from `first` on, V vectors.
    #[inline(always)]
    unsafe fn tile<S: Simd, const V: usize, const P: usize>(&self, simd: S, first: usize) {
        // SAFETY: the caller's promise: the rows, the panel's whole vectors, and the lanes that count, are there.
        unsafe {
            let mut sums = [[simd.zero(); V]; P];
            let mut rows = [self.a; P];
            for i in 0..P {
                rows[i] = self.a.add((first + i) * self.row);
            }
            let mut panel = self.panel;
            let mut at = 0;
            for _ in 0..self.depth {
                let mut b = [simd.zero(); V];
                for v in 0..V {
                    b[v] = simd.load(panel.add(v * S::LANES));
                }
                for i in 0..P {
                    let a = simd.splat(*rows[i].add(at));
                    for v in 0..V {
                        sums[i][v] = simd.multiply_add(a, b[v], sums[i][v]);
                    }
                }
                panel = panel.add(V * S::LANES);
                at += self.column;
            }
            for i in 0..P {
                for v in 0..V {
                    let to = self.to.add((first + i) * self.to_row + v * S::LANES);
                    let lanes = self.lanes - v * S::LANES;
                    let sum = if self.begun { simd.add(sums[i][v], simd.load_first(to, lanes)) } else { sums[i][v] };
                    simd.store_first(to, sum, lanes);
                }
            }
        }
    }
}
