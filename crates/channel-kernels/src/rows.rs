//! What is multiplied: rows of an array, or of something made of arrays while they are read.
use std::ops::Range;

use crate::Instructions;
use crate::instructions::Vectorized;
use crate::scratch::Scratch;
use crate::simd::Simd;
use crate::sums::Amount;
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
        for pixel in 0..pixels.count {
            for (vector, channel) in pixels.chosen.clone().step_by(S::LANES).enumerate() {
                let rest = pixels.chosen.end - channel;
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

/// Vectors that are summed in single precision before they are added in double precision.
const CHAIN: usize = 8;

/// What is summed of quotients, as vectors in single precision: upper, bias, stabilizer and zero, and magnitudes.
type Chains<S> = [<S as Simd>::Vector; 8];

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
    /// The quotients, in the order in which their numbers lie; `ZEROS` says whether a denominator may be 0.
    #[inline(always)]
    fn shares<S: Simd, const ZEROS: bool>(self, simd: S) -> Booked {
        let Self { quotient, pixels, spread, to } = self;
        pixels.check(S::LANES, quotient.relevance, spread, to);
        pixels.check(S::LANES, quotient.denominator, spread, to);
        if let Some(without) = quotient.without {
            pixels.check(S::LANES, without, spread, to);
        }
        assert!(quotient.bias.is_none_or(|bias| bias.len() == pixels.channels));
        let (plus, minus) = (simd.splat(quotient.epsilon), simd.splat(-quotient.epsilon));
        let (factor, zero) = (simd.splat(quotient.factor), simd.zero());
        let by_denominator = quotient.zero == Zero::Denominator;
        let mut sums = [simd.no_doubles(); 8];
        let mut chains: Chains<S> = [zero; 8];
        let mut length = 0;
        for pixel in 0..pixels.count {
            for (vector, channel) in pixels.chosen.clone().step_by(S::LANES).enumerate() {
                let rest = pixels.chosen.end - channel;
                let at = (pixels.first + pixel) * pixels.channels + channel;
                // SAFETY: `check` holds for the last pixel's last vector, and all others lie before it; the bias has as
                // many numbers as there are channels.
                unsafe {
                    let r = simd.load_first(quotient.relevance.as_ptr().add(at), rest);
                    let mut z = simd.load_first(quotient.denominator.as_ptr().add(at), rest);
                    if let Some(without) = quotient.without {
                        let left = simd.subtract(z, simd.load_first(without.as_ptr().add(at), rest));
                        z = simd.min(zero, left);
                    }
                    let addition = simd.where_nonnegative(z, plus, minus);
                    let stabilized = simd.add(z, addition);
                    let share = simd.multiply(r, factor);
                    let mut s = simd.quotient(share, stabilized);
                    if ZEROS {
                        let present = if by_denominator { z } else { stabilized };
                        let lost = simd.where_nonzero(present, zero, share);
                        s = simd.where_nonzero(present, s, zero);
                        chains[6] = simd.add(chains[6], lost);
                        chains[7] = simd.add(chains[7], simd.magnitude(lost));
                    }
                    simd.store_first(to.as_mut_ptr().add(pixel * spread.pixel + vector * spread.vector), s, rest);
                    let size = simd.magnitude(s);
                    chains[0] = simd.add(chains[0], r);
                    chains[1] = simd.add(chains[1], simd.magnitude(r));
                    if let Some(bias) = quotient.bias {
                        let b = simd.load_first(bias.as_ptr().add(channel), rest);
                        chains[2] = simd.multiply_add(s, b, chains[2]);
                        chains[3] = simd.multiply_add(size, simd.magnitude(b), chains[3]);
                    }
                    chains[4] = simd.multiply_add(s, addition, chains[4]);
                    chains[5] = simd.add(chains[5], size);
                }
                length += 1;
                if length == CHAIN {
                    add_chains::<S, ZEROS>(simd, &mut sums, &mut chains);
                    length = 0;
                }
            }
        }
        add_chains::<S, ZEROS>(simd, &mut sums, &mut chains);
        let amount = |i: usize, unit: f64| {
            let [total, magnitude] = [i, i + 1].map(|i| simd.total_doubles(sums[i]));
            Amount { total, magnitude: magnitude * unit }
        };
        Booked {
            upper: amount(0, 1.0),
            bias: amount(2, 1.0),
            stabilizer: amount(4, f64::from(quotient.epsilon)),
            zero: amount(6, 1.0),
        }
    }
}

/// Adds what was summed in single precision, and begins anew.
#[inline(always)]
fn add_chains<S: Simd, const ZEROS: bool>(simd: S, sums: &mut [S::Doubles; 8], chains: &mut Chains<S>) {
    for i in 0..if ZEROS { 8 } else { 6 } {
        sums[i] = simd.add_doubles(sums[i], chains[i]);
        chains[i] = simd.zero();
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
