//! What is multiplied: rows of an array, or of something made of arrays while they are read.
use crate::Instructions;
use crate::instructions::Vectorized;
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

    /// Writes the numbers of the array's places `first ..` to `to`, whole pixels of some channels.
    pub(crate) fn fill(&self, instructions: Instructions, first: usize, channels: usize, to: &mut [f32]) -> Booked {
        match *self {
            Self::Array(values, Take::All) => to.copy_from_slice(&values[first..first + to.len()]),
            Self::Array(values, take) => instructions.run(Taken { from: &values[first..first + to.len()], take, to }),
            Self::Quotient(quotient) => {
                let places = first..first + to.len();
                return instructions.run(Share {
                    quotient,
                    relevance: &quotient.relevance[places.clone()],
                    denominator: &quotient.denominator[places],
                    channels,
                    to,
                });
            }
        }
        Booked::default()
    }
}

/// What is taken of each number.
struct Taken<'a> {
    from: &'a [f32],
    take: Take,
    to: &'a mut [f32],
}

impl Vectorized for Taken<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        assert_eq!(self.from.len(), self.to.len());
        for at in (0..self.from.len()).step_by(S::LANES) {
            let rest = self.from.len() - at;
            // SAFETY: both slices have `rest` numbers from `at` on.
            unsafe {
                let x = simd.load_first(self.from.as_ptr().add(at), rest);
                simd.store_first(self.to.as_mut_ptr().add(at), self.take.of(simd, x), rest);
            }
        }
    }
}

/// The quotients of some pixels.
struct Share<'a> {
    quotient: &'a Quotient<'a>,
    relevance: &'a [f32],
    denominator: &'a [f32],
    channels: usize,
    to: &'a mut [f32],
}

/// Pixels that are summed in single precision before they are added in double precision.
const CHAIN: usize = 8;

impl Vectorized for Share<'_> {
    type Output = Booked;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Booked {
        let Self { quotient, relevance, denominator, channels, to } = self;
        let pixels = to.len() / channels;
        assert!(relevance.len() == to.len() && denominator.len() == to.len() && pixels * channels == to.len());
        assert!(quotient.bias.is_none_or(|bias| bias.len() == channels));
        let (plus, minus) = (simd.splat(quotient.epsilon), simd.splat(-quotient.epsilon));
        let factor = simd.splat(quotient.factor);
        let by_denominator = quotient.zero == Zero::Denominator;
        let mut sums = [simd.no_doubles(); 8];
        for first in (0..pixels).step_by(CHAIN) {
            let chain = (pixels - first).min(CHAIN);
            for channel in (0..channels).step_by(S::LANES) {
                let rest = channels - channel;
                let zero = simd.zero();
                let [mut upper, mut uppers, mut shares, mut sizes, mut added, mut lost, mut losses] = [zero; 7];
                for pixel in first..first + chain {
                    let at = pixel * channels + channel;
                    // SAFETY: pixel and channel lie within the three slices, whose lengths are checked above.
                    unsafe {
                        let r = simd.load_first(relevance.as_ptr().add(at), rest);
                        let z = simd.load_first(denominator.as_ptr().add(at), rest);
                        let addition = simd.where_nonnegative(z, plus, minus);
                        let stabilized = simd.add(z, addition);
                        let present = if by_denominator { z } else { stabilized };
                        let share = simd.multiply(r, factor);
                        let s = simd.where_nonzero(present, simd.quotient(share, stabilized), zero);
                        let gone = simd.where_nonzero(present, zero, share);
                        simd.store_first(to.as_mut_ptr().add(at), s, rest);
                        upper = simd.add(upper, r);
                        uppers = simd.add(uppers, simd.magnitude(r));
                        shares = simd.add(shares, s);
                        sizes = simd.add(sizes, simd.magnitude(s));
                        added = simd.multiply_add(s, addition, added);
                        lost = simd.add(lost, gone);
                        losses = simd.add(losses, simd.magnitude(gone));
                    }
                }
                // SAFETY: the bias has as many numbers as there are channels.
                let bias = quotient.bias.map(|bias| unsafe { simd.load_first(bias.as_ptr().add(channel), rest) });
                let bias = bias.unwrap_or(zero);
                let terms = [
                    upper,
                    uppers,
                    simd.multiply(shares, bias),
                    simd.multiply(sizes, simd.magnitude(bias)),
                    added,
                    simd.multiply(sizes, plus),
                    lost,
                    losses,
                ];
                for i in 0..8 {
                    sums[i] = simd.add_doubles(sums[i], terms[i]);
                }
            }
        }
        let amount = |i: usize| Amount::from([simd.total_doubles(sums[i]), simd.total_doubles(sums[i + 1])]);
        Booked { upper: amount(0), bias: amount(2), stabilizer: amount(4), zero: amount(6) }
    }
}
