//! What is done to sums on the way back.
use crate::instructions::Vectorized;
use crate::simd::Simd;
use crate::sums::Amount;
use crate::tile::Take;

/// Vectors that are summed in single precision before they are added in double precision.
const CHAIN: usize = 8;

/// A sample's sums c, which become a ⊙ c, or that onto what is there; gives the sums of a ⊙ c.
pub(super) struct Lowering<'a> {
    /// c; without it, it is in the output.
    pub(super) sums: Option<&'a [f32]>,
    /// a, and what is taken of it.
    pub(super) times: Option<(&'a [f32], Take)>,
    pub(super) onto: bool,
    pub(super) output: &'a mut [f32],
}

impl Vectorized for Lowering<'_> {
    type Output = Amount;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Amount {
        let length = self.output.len();
        let output = self.output.as_mut_ptr();
        assert!(self.sums.is_none_or(|sums| sums.len() == length));
        assert!(self.times.is_none_or(|(times, _)| times.len() == length));
        let sums = self.sums.map_or(output.cast_const(), <[f32]>::as_ptr);
        let mut totals = [simd.no_doubles(); 2];
        let mut first = 0;
        while first < length {
            let mut chains = [simd.zero(); 2];
            let end = length.min(first + CHAIN * S::LANES);
            for at in (first..end).step_by(S::LANES) {
                let rest = length - at;
                // SAFETY: `at` lies within arrays of `length` numbers, and `rest` of them are left.
                unsafe {
                    let mut x = simd.load_first(sums.add(at), rest);
                    if let Some((times, take)) = self.times {
                        let mut factor = simd.load_first(times.as_ptr().add(at), rest);
                        if take != Take::All {
                            factor = take.of(simd, factor);
                        }
                        x = simd.multiply(x, factor);
                    }
                    chains[0] = simd.add(chains[0], x);
                    chains[1] = simd.add(chains[1], simd.magnitude(x));
                    if self.onto {
                        x = simd.add(x, simd.load_first(output.add(at), rest));
                    }
                    simd.store_first(output.add(at), x, rest);
                }
            }
            for i in 0..2 {
                totals[i] = simd.add_doubles(totals[i], chains[i]);
            }
            first = end;
        }
        Amount::from(totals.map(|total| simd.total_doubles(total)))
    }
}
