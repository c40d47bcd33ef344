//! Convolutions by 3 × 3 weights with fewer products, Winograd's F(2 × 2, 3 × 3) and F(4 × 4, 3 × 3).
//!
//! ```text
//! Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A           Lavin and Gray 2016, Eq. (8)
//! ```
//! * `g` — 3 × 3 weights; `d` — a tile of the input, T × T; `Y` — a tile of the output, M × M, T = M + 2
//!
//! The products are summed over channels by the [micro-kernel](crate::tile), one plane for each of the T² places of a
//! tile. The way back is the same with the weights turned by half a turn. `U = G g Gᵀ` is made for some channels at a
//! time, in scratch that stays in the second-level cache.
use std::marker::PhantomData;
use std::ops::Range;

use crate::instructions::Vectorized;
use crate::job::{Job, Outcome, SampleSums};
use crate::rows::{Booked, PaddedRows, Source};
use crate::run::staged;
use crate::scratch::Scratch;
use crate::shape::Shape;
use crate::simd::Simd;
use crate::sums::Amount;
use crate::tasks::pieces;
use crate::tile::{Finish, PANEL, Panel, Pixel, Tap, Totals};
use crate::weights::{Block, Direction, WeightPart};

/// Numbers of the transformed weights that are made at a time.
const WEIGHTS: usize = 144 * 1024;

/// Numbers of the transformed input and of its products that stay in the cache.
const STRIP: usize = 280_000;

/// Transformed weights are made anew for each strip: so many outputs at least of each, for tiles of 2 × 2 and 4 × 4.
const LEAST_TILES: [usize; 2] = [98, 60];

/// A convolution by fewer products.
pub(crate) struct WinogradJob<'a> {
    pub(crate) job: Job<'a>,
}

/// Whether the products of a shape can be had this way.
pub(crate) fn applies(shape: &Shape) -> bool {
    let Shape { kernel, stride, dilation, padding, groups, .. } = *shape;
    kernel == [3, 3]
        && stride == [1, 1]
        && dilation == [1, 1]
        && groups == 1
        && padding[0][0] <= 2
        && padding[1][0] <= 2
}

/// The three transformations along an axis, of T numbers each.
pub(crate) trait Form<const T: usize, const M: usize>: Send + Sync {
    /// G g
    fn weights<S: Simd>(simd: S, g: [S::Vector; 3]) -> [S::Vector; T];
    /// Bᵀ d
    fn input<S: Simd>(simd: S, d: [S::Vector; T]) -> [S::Vector; T];
    /// Aᵀ m
    fn output<S: Simd>(simd: S, m: [S::Vector; T]) -> [S::Vector; M];
}

/// F(2, 3): the points 0, 1, −1, ∞.
pub(crate) struct F2;

/// F(4, 3): the points 0, 1, −1, 2, −2, ∞.
pub(crate) struct F4;

impl Form<4, 2> for F2 {
    #[inline(always)]
    fn weights<S: Simd>(simd: S, g: [S::Vector; 3]) -> [S::Vector; 4] {
        let half = simd.splat(0.5);
        let ends = simd.multiply(half, simd.add(g[0], g[2]));
        let middle = simd.multiply(half, g[1]);
        [g[0], simd.add(ends, middle), simd.subtract(ends, middle), g[2]]
    }

    #[inline(always)]
    fn input<S: Simd>(simd: S, d: [S::Vector; 4]) -> [S::Vector; 4] {
        [simd.subtract(d[0], d[2]), simd.add(d[1], d[2]), simd.subtract(d[2], d[1]), simd.subtract(d[1], d[3])]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::Vector; 4]) -> [S::Vector; 2] {
        [simd.add(simd.add(m[0], m[1]), m[2]), simd.subtract(simd.subtract(m[1], m[2]), m[3])]
    }
}

impl Form<6, 4> for F4 {
    #[inline(always)]
    fn weights<S: Simd>(simd: S, g: [S::Vector; 3]) -> [S::Vector; 6] {
        let times = |factor: f32, x| simd.multiply(simd.splat(factor), x);
        let ones = times(-1.0 / 6.0, simd.add(g[0], g[2]));
        let one = times(1.0 / 6.0, g[1]);
        let twos = simd.add(times(1.0 / 24.0, g[0]), times(1.0 / 6.0, g[2]));
        let two = times(1.0 / 12.0, g[1]);
        [
            times(0.25, g[0]),
            simd.subtract(ones, one),
            simd.add(ones, one),
            simd.add(twos, two),
            simd.subtract(twos, two),
            g[2],
        ]
    }

    #[inline(always)]
    fn input<S: Simd>(simd: S, d: [S::Vector; 6]) -> [S::Vector; 6] {
        let plus = |factor: f32, x, y| simd.multiply_add(simd.splat(factor), x, y);
        let (even, odd) = (plus(-4.0, d[2], d[4]), plus(-4.0, d[1], d[3]));
        let (near, twice) = (simd.subtract(d[4], d[2]), simd.subtract(d[3], d[1]));
        [
            plus(4.0, d[0], plus(-5.0, d[2], d[4])),
            simd.add(even, odd),
            simd.subtract(even, odd),
            plus(2.0, twice, near),
            plus(-2.0, twice, near),
            plus(4.0, d[1], plus(-5.0, d[3], d[5])),
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::Vector; 6]) -> [S::Vector; 4] {
        let plus = |factor: f32, x, y| simd.multiply_add(simd.splat(factor), x, y);
        let (ones, one) = (simd.add(m[1], m[2]), simd.subtract(m[1], m[2]));
        let (twos, two) = (simd.add(m[3], m[4]), simd.subtract(m[3], m[4]));
        [
            simd.add(simd.add(m[0], ones), twos),
            plus(2.0, two, one),
            plus(4.0, twos, ones),
            simd.add(plus(8.0, two, one), m[5]),
        ]
    }
}

/// A distance between planes that are written side by side, such that their lines fall into different sets of a cache.
fn apart(length: usize) -> usize {
    length.next_multiple_of(1024) + 80
}

/// Some rows of tiles of a sample.
struct Strip {
    sample: usize,
    rows: Range<usize>,
}

impl WinogradJob<'_> {
    /// Does it; gives the sums of each sample, added strip by strip and panel by panel.
    pub(crate) fn run<const T: usize, const M: usize, F: Form<T, M>>(&self) -> Vec<SampleSums> {
        let strips = self.strips::<T, M>();
        let blocks = self.job.weights.blocks();
        let most = strips.iter().map(|strip| strip.rows.len()).max().unwrap_or(0);
        let length = T * T * apart(most * self.columns::<M>() * self.depth());
        let fill = |strip: usize, buffer: &mut [f32]| self.fill::<T, M, F>(&strips[strip], buffer);
        let panel = |strip: usize, _: &Vec<Booked>, buffer: &[f32], block: usize| {
            let mut sum = Amount::default();
            for outcome in &self.job.outcomes {
                sum += self.panel::<T, M, F>(&strips[strip], buffer, blocks[block], outcome);
            }
            sum
        };
        let done = staged(strips.len(), length, fill, blocks.len(), panel);
        let mut sums = self.job.no_sums();
        for (strip, (booked, finished)) in strips.iter().zip(done) {
            sums[strip.sample].add(&booked, finished);
        }
        sums
    }

    /// Channels of all streams.
    fn depth(&self) -> usize {
        self.job.from.channels * self.job.sources.len()
    }

    /// Tiles of a row.
    fn columns<const M: usize>(&self) -> usize {
        self.job.to.width.div_ceil(M)
    }

    /// Zeros before the input's rows and columns.
    fn before(&self) -> [usize; 2] {
        let padding = self.job.shape.padding;
        match self.job.weights.direction {
            Direction::Forward => [padding[0][0], padding[1][0]],
            Direction::Transposed => [2 - padding[0][0], 2 - padding[1][0]],
        }
    }

    fn strips<const T: usize, const M: usize>(&self) -> Vec<Strip> {
        let tiles = (STRIP / (T * T * (self.depth() + PANEL))).max(LEAST_TILES[usize::from(M > 2)]);
        let most = (tiles / self.columns::<M>()).max(1);
        let rows = self.job.to.height.div_ceil(M);
        (0..self.job.batch).flat_map(|sample| pieces(rows, most).map(move |rows| Strip { sample, rows })).collect()
    }

    /// Transforms the input of a strip, to `[place][tile][stream][channel]`.
    fn fill<const T: usize, const M: usize, F: Form<T, M>>(&self, strip: &Strip, to: &mut [f32]) -> Vec<Booked> {
        let [above, left] = self.before();
        let last = strip.rows.end == self.job.to.height.div_ceil(M);
        let end = if last { self.job.from.height } else { (strip.rows.end * M).min(self.job.from.height) };
        let first = (strip.rows.start * M) as isize - above as isize;
        let rows = PaddedRows {
            extent: self.job.from,
            sample: strip.sample,
            rows: first..first + (strip.rows.len() * M + 2) as isize,
            own: strip.rows.start * M..end,
            left,
            width: (self.columns::<M>() * M + 2).max(left + self.job.from.width),
            chosen: 0..self.job.from.channels,
            plane: self.job.from.channels,
        };
        let mut padded = Scratch::take(rows.length());
        let tiles = strip.rows.len() * self.columns::<M>();
        let fill = |(stream, source): (usize, &Source<'_>)| {
            let booked = rows.fill(self.job.instructions, source, &mut padded);
            self.job.instructions.run(InputTiles::<T, M, F> {
                from: &padded,
                row: rows.width * self.job.from.channels,
                channels: self.job.from.channels,
                tiles: [strip.rows.len(), self.columns::<M>()],
                to: &mut to[stream * self.job.from.channels..],
                depth: self.depth(),
                place: apart(tiles * self.depth()),
                form: PhantomData,
            });
            booked
        };
        self.job.sources.iter().enumerate().map(fill).collect()
    }

    /// The products of a panel, and the outputs that they make.
    fn panel<const T: usize, const M: usize, F: Form<T, M>>(
        &self,
        strip: &Strip,
        input: &[f32],
        block: Block,
        outcome: &Outcome<'_>,
    ) -> Amount {
        let columns = self.columns::<M>();
        let tiles = strip.rows.len() * columns;
        let (input_place, product_place) = (apart(tiles * self.depth()), apart(tiles * PANEL));
        let mut products = Scratch::take(T * T * product_place);
        let width = self.job.weights.width(block);
        let pixels: Vec<Pixel> = (0..tiles).map(|tile| Pixel { from: tile * self.depth(), to: 0 }).collect();
        let most = (WEIGHTS / (T * T * PANEL)).max(16).next_multiple_of(16);
        let channels = self.job.from.channels;
        let even = channels.div_ceil(channels.div_ceil(most)).next_multiple_of(16);
        let weight_place = apart(even * width);
        let mut transformed = Scratch::take(T * T * weight_place);
        for (stream, first) in
            (0..self.job.sources.len()).flat_map(|stream| (0..channels).step_by(even).map(move |first| (stream, first)))
        {
            let chunk = first..(first + even).min(channels);
            self.transform_weights::<T, M, F>(block, outcome.parts[stream], &chunk, &mut transformed, weight_place);
            let next = if chunk.end < channels { chunk.end..(chunk.end + even).min(channels) } else { 0..0 };
            (0..9).for_each(|tap| self.job.weights.prefetch(block, tap, &next));
            for place in 0..T * T {
                let tap = Tap {
                    from: input[place * input_place + stream * channels + first..].as_ptr(),
                    weights: transformed[place * weight_place..].as_ptr(),
                };
                self.job.instructions.run(&Panel {
                    pixels: &pixels,
                    taps: &[tap],
                    run: chunk.len(),
                    width,
                    lanes: block.lanes,
                    channel: 0,
                    kept: products[place * product_place..].as_mut_ptr(),
                    begins: stream == 0 && first == 0,
                    finish: None,
                });
            }
        }
        let totals = self.job.instructions.run(OutputTiles::<T, M, F> {
            from: &products,
            place: product_place,
            tiles: [strip.rows.len(), columns],
            first_row: strip.rows.start * M,
            size: [self.job.to.height, self.job.to.width],
            first_pixel: strip.sample * self.job.to.height * self.job.to.width,
            channels: self.job.to.channels,
            channel: block.index * PANEL,
            lanes: block.lanes,
            finish: outcome.finish,
            form: PhantomData,
        });
        totals.into()
    }

    /// Transforms the weights of some channels, to `[place][channel][width]`.
    fn transform_weights<const T: usize, const M: usize, F: Form<T, M>>(
        &self,
        block: Block,
        part: Option<&WeightPart>,
        channels: &Range<usize>,
        to: &mut [f32],
        place: usize,
    ) {
        let length = channels.len() * self.job.weights.width(block);
        let mut made = Scratch::take(9 * length);
        let mut taps: [&[f32]; 9] = [&[]; 9];
        for (tap, row) in made.chunks_exact_mut(length).enumerate() {
            // The way back meets the weights from the other end.
            let at = if self.job.weights.direction == Direction::Forward { tap } else { 8 - tap };
            taps[at] = match self.job.weights.lying(block, part, tap, channels) {
                Some(rows) => rows,
                None => {
                    self.job.weights.make(self.job.instructions, block, part, tap, channels, row);
                    row
                }
            };
        }
        self.job.instructions.run(WeightTiles::<T, M, F> { taps, to, place, form: PhantomData });
    }
}

/// T × T numbers of each channel of each tile, transformed.
struct InputTiles<'a, const T: usize, const M: usize, F> {
    /// `[row][column][channel]`, rows `row` numbers apart.
    from: &'a [f32],
    row: usize,
    channels: usize,
    /// Rows and columns of tiles.
    tiles: [usize; 2],
    /// Places `place` apart, tiles `depth`.
    to: &'a mut [f32],
    depth: usize,
    place: usize,
    form: PhantomData<F>,
}

impl<const T: usize, const M: usize, F: Form<T, M>> Vectorized for InputTiles<'_, T, M, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { from, row, channels, tiles: [rows, columns], to, depth, place, .. } = self;
        assert!((rows * M + 2) * row <= from.len() && (columns * M + 2) * channels <= row);
        assert!((T * T - 1) * place + (rows * columns - 1) * depth + channels <= to.len());
        for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
            for channel in (0..channels).step_by(S::LANES) {
                let rest = channels - channel;
                let corner = y * M * row + x * M * channels + channel;
                let mut half = [[simd.zero(); T]; T];
                for j in 0..T {
                    let mut d = [simd.zero(); T];
                    for i in 0..T {
                        // SAFETY: the last tile's last row and column are within the rows, as checked above.
                        d[i] = unsafe { simd.load_first(from.as_ptr().add(corner + i * row + j * channels), rest) };
                    }
                    half[j] = F::input(simd, d);
                }
                for i in 0..T {
                    let mut d = [simd.zero(); T];
                    for j in 0..T {
                        d[j] = half[j][i];
                    }
                    let transformed = F::input(simd, d);
                    for j in 0..T {
                        let at = (i * T + j) * place + (y * columns + x) * depth + channel;
                        // SAFETY: the last place's last tile has room for all channels, as checked above.
                        unsafe { simd.store_first(to.as_mut_ptr().add(at), transformed[j], rest) };
                    }
                }
            }
        }
    }
}

/// 3 × 3 weights, transformed.
struct WeightTiles<'a, const T: usize, const M: usize, F> {
    /// The nine weights, in rows of whole vectors.
    taps: [&'a [f32]; 9],
    /// Places `place` apart.
    to: &'a mut [f32],
    place: usize,
    form: PhantomData<F>,
}

impl<const T: usize, const M: usize, F: Form<T, M>> Vectorized for WeightTiles<'_, T, M, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { taps, to, place, .. } = self;
        let length = taps[0].len();
        assert!(length % S::LANES == 0 && taps.iter().all(|tap| tap.len() == length));
        assert!((T * T - 1) * place + length <= to.len());
        for at in (0..length).step_by(S::LANES) {
            let mut half = [[simd.zero(); T]; 3];
            for j in 0..3 {
                // SAFETY: a whole vector from `at` on is within each tap, as checked above.
                let g = |i: usize| unsafe { simd.load(taps[i * 3 + j].as_ptr().add(at)) };
                half[j] = F::weights(simd, [g(0), g(1), g(2)]);
            }
            for i in 0..T {
                let transformed = F::weights(simd, [half[0][i], half[1][i], half[2][i]]);
                for j in 0..T {
                    // SAFETY: each place has room for `length` numbers, as checked above.
                    unsafe { simd.store(to.as_mut_ptr().add((i * T + j) * place + at), transformed[j]) };
                }
            }
        }
    }
}

/// M × M outputs of each channel of each tile, from T × T sums of products.
struct OutputTiles<'a, const T: usize, const M: usize, F> {
    /// `[place][tile][64]`, places `place` apart.
    from: &'a [f32],
    place: usize,
    tiles: [usize; 2],
    first_row: usize,
    /// Rows and columns of the output.
    size: [usize; 2],
    first_pixel: usize,
    channels: usize,
    channel: usize,
    lanes: usize,
    finish: Finish,
    form: PhantomData<F>,
}

impl<const T: usize, const M: usize, F: Form<T, M>> Vectorized for OutputTiles<'_, T, M, F> {
    type Output = Totals;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Totals {
        let Self { from, place, tiles: [rows, columns], .. } = self;
        assert!((T * T - 1) * place + rows * columns * PANEL <= from.len());
        let mut sums = [simd.no_doubles(); 2];
        for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
            for lane in (0..self.lanes).step_by(S::LANES) {
                let mut half = [[simd.zero(); M]; T];
                for j in 0..T {
                    let mut m = [simd.zero(); T];
                    for i in 0..T {
                        let at = (i * T + j) * place + (y * columns + x) * PANEL + lane;
                        // SAFETY: each place has 64 numbers for each tile, as checked above.
                        m[i] = unsafe { simd.load(from.as_ptr().add(at)) };
                    }
                    half[j] = F::output(simd, m);
                }
                let row = self.first_row + y * M;
                for i in 0..M.min(self.size[0] - row) {
                    let mut m = [simd.zero(); T];
                    for j in 0..T {
                        m[j] = half[j][i];
                    }
                    let outputs = F::output(simd, m);
                    // SAFETY: the row is one of the output's.
                    unsafe { self.finish(simd, row + i, x * M, lane, outputs, &mut sums) };
                }
            }
        }
        [simd.total_doubles(sums[0]), simd.total_doubles(sums[1])]
    }
}

impl<const T: usize, const M: usize, F> OutputTiles<'_, T, M, F> {
    /// Finishes M outputs side by side, those that are columns of the output.
    #[inline(always)]
    unsafe fn finish<S: Simd>(
        &self,
        simd: S,
        row: usize,
        column: usize,
        lane: usize,
        outputs: [S::Vector; M],
        sums: &mut [S::Doubles; 2],
    ) {
        let (channel, rest) = (self.channel + lane, self.lanes - lane);
        let mut pixels = [Pixel { from: 0, to: 0 }; M];
        let mut sum = [[simd.zero(); 1]; M];
        for j in 0..M {
            pixels[j].to = (self.first_pixel + row * self.size[1] + column + j) * self.channels;
            sum[j][0] = outputs[j];
        }
        if column + M <= self.size[1] {
            // SAFETY: all M pixels are the output's.
            unsafe { self.finish.apply(simd, &mut sum, pixels.as_ptr(), channel, rest, sums) };
            return;
        }
        for j in 0..self.size[1] - column {
            let mut single = [sum[j]; 1];
            // SAFETY: the pixel is one of the output's.
            unsafe { self.finish.apply(simd, &mut single, &raw const pixels[j], channel, rest, sums) };
        }
    }
}
