//! What is multiplied: rows of an array, or of something made of arrays while they are read.
use std::ops::Range;

use crate::Instructions;
use crate::instructions::Vectorized;
use crate::prefetch::prefetch;
use crate::scratch::Scratch;
use crate::simd::Simd;
use crate::sums::Amount;
use crate::tasks::pieces;
use crate::tile::Take;

/// Whose absence makes a share zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zero {
    /// The stabilized denominator is 0.
    #[default]
    Stabilized,
    /// The denominator is 0 before the stabilizer is added.
    Denominator,
}

/// A quotient of relevance, made of its arrays while they are read.
///
/// ```text
/// s = factor · R / (z + ε · sign(z)),  sign(0) = +1;   0 where the denominator is 0       Bach et al. 2015, Eq. (58)
/// ```
/// * `relevance`, `denominator` — R and z, (samples, height, width, channels)
/// * `bias` — what z holds of a bias, one for each channel; it is only booked
#[derive(Clone, Copy, Debug)]
pub struct Quotient<'a> {
    /// R, the relevance at the output.
    pub relevance: &'a [f32],
    /// z, the denominators.
    pub denominator: &'a [f32],
    /// z⁺, if the denominator is what is left of z without it: z⁻ = min(z − z⁺, 0). The difference has few digits where
    /// it is small beside z⁺; who minds gives z⁻ itself.
    pub without: Option<&'a [f32]>,
    /// The part of the bias in z.
    pub bias: Option<&'a [f32]>,
    /// A factor of all shares.
    pub factor: f32,
    /// ε ≥ 0
    pub epsilon: f32,
    /// When there is no share.
    pub zero: Zero,
}

/// Where the relevance of one sample went in a quotient.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Booked {
    /// Σ R, what came in, before the factor.
    pub upper: Amount,
    /// Σ s b, the share of the bias.
    pub bias: Amount,
    /// Σ s ε sign(z), the share of the stabilizer.
    pub stabilizer: Amount,
    /// Σ factor · R where there is no share.
    pub zero: Amount,
}

impl Booked {
    pub(crate) fn add(&mut self, other: Self) {
        self.upper += other.upper;
        self.bias += other.bias;
        self.stabilizer += other.stabilizer;
        self.zero += other.zero;
    }
}

/// Where a stream of numbers comes from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// An array, of which something is taken.
    Array(&'a [f32], Take),
    /// A quotient.
    Quotient(&'a Quotient<'a>),
}

impl<'a> Source<'a> {
    /// The array, where its numbers are taken as they are.
    pub(crate) fn unchanged(&self) -> Option<&'a [f32]> {
        match *self {
            Self::Array(values, Take::All) => Some(values),
            _ => None,
        }
    }

    /// Whether something is booked on the way.
    pub(crate) fn books(&self) -> bool {
        matches!(self, Self::Quotient(_))
    }

    /// Writes some channels of neighboring pixels to `to`, and gives what is booked of them.
    pub(crate) fn fill(&self, instructions: Instructions, pixels: &Pixels, spread: Spread, to: &mut [f32]) -> Booked {
        match *self {
            Self::Array(values, Take::All)
                if spread.pixel == pixels.channels && pixels.chosen.len() == spread.pixel =>
            {
                to[..pixels.places().len()].copy_from_slice(&values[pixels.places()]);
                Booked::default()
            }
            Self::Array(values, take) => instructions.run(Taken { values, take, pixels, spread, to }),
            Self::Quotient(quotient) => instructions.run(Share { quotient, pixels, spread, to }),
        }
    }
}

/// Some channels of neighboring pixels of an array.
#[derive(Clone, Debug)]
pub(crate) struct Pixels {
    /// The first pixel's number in the array.
    pub(crate) first: usize,
    pub(crate) count: usize,
    /// Channels of the array.
    pub(crate) channels: usize,
    /// Those that are taken.
    pub(crate) chosen: Range<usize>,
}

/// How far apart things are put.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// From a pixel to the next.
    pub(crate) pixel: usize,
    /// From a vector of channels to the next.
    pub(crate) vector: usize,
}

impl Pixels {
    /// All numbers of the pixels.
    fn places(&self) -> Range<usize> {
        self.first * self.channels..(self.first + self.count) * self.channels
    }

    /// How many numbers ahead memory is asked for: the same channels of the next pixels.
    fn ahead(&self) -> usize {
        self.channels * CHAIN.max(512 / self.channels.max(1))
    }

    /// Checks that the pixels are there in an array, and that there is room for them.
    fn check(&self, lanes: usize, values: &[f32], spread: Spread, to: &[f32]) {
        let vectors = self.chosen.len().div_ceil(lanes);
        let last = (self.count.max(1) - 1) * spread.pixel + (vectors.max(1) - 1) * spread.vector;
        let rest = self.chosen.len() - (vectors.max(1) - 1) * lanes;
        assert!(self.places().end <= values.len() && self.chosen.end <= self.channels && last + rest <= to.len());
    }
}

/// What is taken of each number.
struct Taken<'a> {
    values: &'a [f32],
    take: Take,
    pixels: &'a Pixels,
    spread: Spread,
    to: &'a mut [f32],
}

impl Vectorized for Taken<'_> {
    type Output = Booked;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Booked {
        let Self { values, take, pixels, spread, to } = self;
        pixels.check(S::LANES, values, spread, to);
        for block in pieces(pixels.count, CHAIN) {
            for (vector, channel) in pixels.chosen.clone().step_by(S::LANES).enumerate() {
                let rest = pixels.chosen.end - channel;
                for pixel in block.clone() {
                    let at = (pixels.first + pixel) * pixels.channels + channel;
                    // SAFETY: `check` holds for the last pixel's last vector, and all others lie before it.
                    unsafe {
                        let mut x = simd.load_first(values.as_ptr().add(at), rest);
                        if take != Take::All {
                            x = take.of(simd, x);
                        }
                        simd.store_first(to.as_mut_ptr().add(pixel * spread.pixel + vector * spread.vector), x, rest);
                    }
                }
            }
        }
        Booked::default()
    }
}

/// Quotients.
struct Share<'a> {
    quotient: &'a Quotient<'a>,
    pixels: &'a Pixels,
    spread: Spread,
    to: &'a mut [f32],
}

/// Neighboring pixels that are gone through for a vector of channels before the next: their numbers are summed in one
/// chain.
const CHAIN: usize = 8;

/// Pixels that are gone through side by side: while one waits for its quotient, others go on.
const SIDE_BY_SIDE: usize = 4;

/// Numbers of a lane that are summed in single precision, chain by chain, before they are added in double precision.
const CHAINS: usize = 32;

/// What is summed of quotients, as vectors in single precision: upper, bias, stabilizer and zero, and magnitudes.
type Sums<S> = [<S as Simd>::Vector; 8];

impl Vectorized for Share<'_> {
    type Output = Booked;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Booked {
        let quotient = self.quotient;
        // With a stabilizer, a stabilized denominator is never 0.
        if quotient.zero == Zero::Stabilized && quotient.epsilon >= f32::MIN_POSITIVE {
            self.shares::<S, false>(simd)
        } else {
            self.shares::<S, true>(simd)
        }
    }
}

impl Share<'_> {
    /// The quotients, some pixels of a vector of channels after another; `ZEROS` says whether a denominator may be 0.
    #[inline(always)]
    fn shares<S: Simd, const ZEROS: bool>(self, simd: S) -> Booked {
        let Self { quotient, pixels, spread, .. } = self;
        pixels.check(S::LANES, quotient.relevance, spread, self.to);
        pixels.check(S::LANES, quotient.denominator, spread, self.to);
        if let Some(without) = quotient.without {
            pixels.check(S::LANES, without, spread, self.to);
        }
        assert!(quotient.bias.is_none_or(|bias| bias.len() == pixels.channels));
        let (to, ahead) = (self.to.as_mut_ptr(), pixels.ahead());
        let mut doubles = [simd.no_doubles(); 8];
        let mut sums: Sums<S> = [simd.zero(); 8];
        let mut summed = 0;
        for block in pieces(pixels.count, CHAIN) {
            for (vector, channel) in pixels.chosen.clone().step_by(S::LANES).enumerate() {
                let rest = pixels.chosen.end - channel;
                let place = Place { channel, rest, ahead, to: to.wrapping_add(vector * spread.vector) };
                let mut chain = [simd.zero(); 2];
                let mut pixel = block.start;
                // SAFETY: `check` holds for the last pixel's last vector, and all others lie before it.
                unsafe {
                    while pixel + SIDE_BY_SIDE <= block.end {
                        let place = Place { to: place.to.add(pixel * spread.pixel), ..place };
                        self.side_by_side::<S, ZEROS, SIDE_BY_SIDE>(simd, pixel, place, &mut sums, &mut chain);
                        pixel += SIDE_BY_SIDE;
                    }
                    while pixel < block.end {
                        let place = Place { to: place.to.add(pixel * spread.pixel), ..place };
                        self.side_by_side::<S, ZEROS, 1>(simd, pixel, place, &mut sums, &mut chain);
                        pixel += 1;
                    }
                }
                let [shares, sizes] = chain;
                sums[5] = simd.add(sums[5], sizes);
                if let Some(bias) = quotient.bias {
                    // SAFETY: the bias has as many numbers as there are channels.
                    let b = unsafe { simd.load_first(bias.as_ptr().add(channel), place.rest) };
                    sums[2] = simd.multiply_add(shares, b, sums[2]);
                    sums[3] = simd.multiply_add(sizes, simd.magnitude(b), sums[3]);
                }
                summed += block.len();
                if summed >= CHAINS {
                    add_doubles::<S, ZEROS>(simd, &mut doubles, &mut sums);
                    summed = 0;
                }
            }
        }
        add_doubles::<S, ZEROS>(simd, &mut doubles, &mut sums);
        let amount = |i: usize, unit: f64| {
            let [total, magnitude] = [i, i + 1].map(|i| simd.total_doubles(doubles[i]));
            Amount { total, magnitude: magnitude * unit }
        };
        Booked {
            upper: amount(0, 1.0),
            bias: amount(2, 1.0),
            stabilizer: amount(4, f64::from(quotient.epsilon)),
            zero: amount(6, 1.0),
        }
    }

    /// The quotients of a vector of channels of N pixels, added to the chain with their magnitudes.
    #[inline(always)]
    unsafe fn side_by_side<S: Simd, const ZEROS: bool, const N: usize>(
        &self,
        simd: S,
        pixel: usize,
        place: Place,
        sums: &mut Sums<S>,
        chain: &mut [S::Vector; 2],
    ) {
        let Self { quotient, pixels, spread, .. } = self;
        let Place { channel, rest, ahead, to } = place;
        let (plus, minus) = (simd.splat(quotient.epsilon), simd.splat(-quotient.epsilon));
        let (factor, zero) = (simd.splat(quotient.factor), simd.zero());
        let first = (pixels.first + pixel) * pixels.channels + channel;
        let ahead = first + ahead;
        let [mut shares, mut z, mut stabilized, mut additions] = [[zero; N]; 4];
        // SAFETY: the caller's promise.
        unsafe {
            for i in 0..N {
                let at = i * pixels.channels;
                prefetch(quotient.relevance.as_ptr().wrapping_add(ahead + at));
                prefetch(quotient.denominator.as_ptr().wrapping_add(ahead + at));
                let r = simd.load_first(quotient.relevance.as_ptr().add(first + at), rest);
                sums[0] = simd.add(sums[0], r);
                sums[1] = simd.add(sums[1], simd.magnitude(r));
                shares[i] = simd.multiply(r, factor);
                z[i] = simd.load_first(quotient.denominator.as_ptr().add(first + at), rest);
            }
            if let Some(without) = quotient.without {
                for i in 0..N {
                    let positive = simd.load_first(without.as_ptr().add(first + i * pixels.channels), rest);
                    z[i] = simd.min(zero, simd.subtract(z[i], positive));
                }
            }
            for i in 0..N {
                additions[i] = simd.where_nonnegative(z[i], plus, minus);
                stabilized[i] = simd.add(z[i], additions[i]);
            }
            let mut s = simd.quotients(shares, stabilized);
            if ZEROS {
                let present = if quotient.zero == Zero::Denominator { z } else { stabilized };
                for i in 0..N {
                    let lost = simd.where_nonzero(present[i], zero, shares[i]);
                    s[i] = simd.where_nonzero(present[i], s[i], zero);
                    sums[6] = simd.add(sums[6], lost);
                    sums[7] = simd.add(sums[7], simd.magnitude(lost));
                }
            }
            for i in 0..N {
                simd.store_first(to.add(i * spread.pixel), s[i], rest);
                sums[4] = simd.multiply_add(s[i], additions[i], sums[4]);
                chain[0] = simd.add(chain[0], s[i]);
                chain[1] = simd.add(chain[1], simd.magnitude(s[i]));
            }
        }
    }
}

/// A vector of channels.
#[derive(Clone, Copy)]
struct Place {
    /// The first channel.
    channel: usize,
    /// How many channels are left from there.
    rest: usize,
    /// How many numbers ahead memory is asked for.
    ahead: usize,
    /// Where the quotients of a pixel go.
    to: *mut f32,
}

/// Adds what was summed in single precision, and begins anew.
#[inline(always)]
fn add_doubles<S: Simd, const ZEROS: bool>(simd: S, doubles: &mut [S::Doubles; 8], sums: &mut Sums<S>) {
    for i in 0..if ZEROS { 8 } else { 6 } {
        doubles[i] = simd.add_doubles(doubles[i], sums[i]);
        sums[i] = simd.zero();
    }
}

/// Rows of a sample, some of its channels, with zeros around: what a kernel goes over.
#[derive(Clone, Debug)]
pub(crate) struct PaddedRows {
    /// The array's extent.
    pub(crate) extent: Extent,
    /// The sample.
    pub(crate) sample: usize,
    /// The rows; those outside of the array are zeros.
    pub(crate) rows: Range<isize>,
    /// The rows that are booked here, whether they are among `rows` or not.
    pub(crate) own: Range<usize>,
    /// Columns of zeros before.
    pub(crate) left: usize,
    /// Columns of a row, zeros included.
    pub(crate) width: usize,
    /// The channels.
    pub(crate) chosen: Range<usize>,
    /// Channels in a plane: all, or those of a vector. A plane is `[row][column][channel]`.
    pub(crate) plane: usize,
}

impl PaddedRows {
    /// Numbers of a plane.
    pub(crate) fn plane_length(&self) -> usize {
        self.rows.len() * self.width * self.plane
    }

    /// Numbers of all planes.
    pub(crate) fn length(&self) -> usize {
        self.chosen.len().div_ceil(self.plane) * self.plane_length()
    }

    /// Fills the planes.
    pub(crate) fn fill(&self, instructions: Instructions, source: &Source<'_>, to: &mut [f32]) -> Booked {
        let mut booked = Booked::default();
        let (row_length, plane_length) = (self.width * self.plane, self.plane_length());
        let inner = self.left * self.plane..(self.left + self.extent.width) * self.plane;
        let whole = self.plane >= self.chosen.len();
        let vector = if whole { instructions.lanes() } else { plane_length };
        let spread = Spread { pixel: self.plane, vector };
        for (index, y) in self.rows.clone().enumerate() {
            let y = usize::try_from(y).ok().filter(|&y| y < self.extent.height);
            for plane in to[..self.length()].chunks_exact_mut(plane_length) {
                let row = &mut plane[index * row_length..(index + 1) * row_length];
                if y.is_some() {
                    row[..inner.start].fill(0.0);
                    row[inner.end..].fill(0.0);
                } else {
                    row.fill(0.0);
                }
            }
            if let Some(y) = y {
                let to = &mut to[index * row_length + inner.start..];
                let sums = source.fill(instructions, &self.pixels(y), spread, to);
                if self.own.contains(&y) {
                    booked.add(sums);
                }
            }
        }
        // Rows that no output needs are booked all the same.
        for y in self.own.clone().filter(|&y| source.books() && !self.rows.contains(&(y as isize))) {
            let pixels = self.pixels(y);
            let mut row = Scratch::take(pixels.count * pixels.channels);
            let spread = Spread { pixel: pixels.channels, vector: instructions.lanes() };
            booked.add(source.fill(instructions, &pixels, spread, &mut row));
        }
        booked
    }

    fn pixels(&self, y: usize) -> Pixels {
        Pixels {
            first: (self.sample * self.extent.height + y) * self.extent.width,
            count: self.extent.width,
            channels: self.extent.channels,
            chosen: self.chosen.clone(),
        }
    }
}

/// An array of pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}
