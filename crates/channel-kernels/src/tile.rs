//! The one micro-kernel: some vectors of output channels × some pixels, a sum over taps and input channels.
use crate::instructions::Vectorized;
use crate::simd::Simd;

/// Output channels of a panel of weights.
pub(crate) const PANEL: usize = 64;

/// Where a pixel's numbers lie, counted in numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pixel {
    /// From the place that a tap points to.
    pub(crate) from: usize,
    /// From the beginning of the output.
    pub(crate) to: usize,
}

/// One term of the sum: a run of input numbers of each pixel, and their rows of weights.
#[derive(Clone, Copy)]
pub(crate) struct Tap {
    /// The run of a pixel at place 0.
    pub(crate) from: *const f32,
    /// The row of weights of the run's first number.
    pub(crate) weights: *const f32,
}

/// What is taken of each number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Take {
    /// The number itself.
    #[default]
    All,
    /// x⁺ = max(x, 0)
    Positive,
    /// x⁻ = min(x, 0)
    Negative,
    /// |x|
    Magnitude,
}

impl Take {
    /// What is taken of a vector, without a branch: the number between two bounds, or its opposite if that is greater.
    #[inline(always)]
    fn bounds(self) -> (f32, f32, f32) {
        match self {
            Self::All => (f32::NEG_INFINITY, f32::INFINITY, 1.0),
            Self::Positive => (0.0, f32::INFINITY, 1.0),
            Self::Negative => (f32::NEG_INFINITY, 0.0, 1.0),
            Self::Magnitude => (f32::NEG_INFINITY, f32::INFINITY, -1.0),
        }
    }

    /// What is taken of a vector; what is not a number stays so.
    #[inline(always)]
    pub(crate) fn of<S: Simd>(self, simd: S, x: S::Vector) -> S::Vector {
        let (low, high, sign) = self.bounds();
        let x = simd.min(simd.splat(high), simd.max(simd.splat(low), x));
        simd.max(simd.multiply(x, simd.splat(sign)), x)
    }
}

/// What becomes of a finished sum, in this order; pointers are to the first channel of the first pixel.
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    /// Added, one for each channel.
    pub(crate) bias: Option<*const f32>,
    /// A factor for each number, of which something is taken.
    pub(crate) times: Option<(*const f32, Take)>,
    /// Whether the numbers so far are summed.
    pub(crate) summed: bool,
    /// Added, for each number. It may be `out`.
    pub(crate) onto: Option<*const f32>,
    /// What the numbers are kept between.
    pub(crate) bounds: Option<[f32; 2]>,
    /// Where they go.
    pub(crate) out: *mut f32,
}

/// A panel of output channels at some pixels.
///
/// The pointers of taps and `finish` must be good for all pixels and channels, `kept` for 64 numbers of each pixel; no
/// other thread may read or write those outputs meanwhile.
pub(crate) struct Panel<'a> {
    pub(crate) pixels: &'a [Pixel],
    pub(crate) taps: &'a [Tap],
    /// Numbers of a tap's run.
    pub(crate) run: usize,
    /// Numbers from one row of weights to the next.
    pub(crate) width: usize,
    /// Output channels.
    pub(crate) lanes: usize,
    /// The first output channel.
    pub(crate) channel: usize,
    /// Sums that aren't finished, `[pixel][64]`.
    pub(crate) kept: *mut f32,
    /// Whether the sums begin here; else they continue those in `kept`.
    pub(crate) begins: bool,
    /// What becomes of the sums; without it they are kept.
    pub(crate) finish: Option<Finish>,
}

/// Σ x and Σ|x|.
pub(crate) type Totals = [f64; 2];

impl Vectorized for &Panel<'_> {
    type Output = Totals;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Totals {
        let mut sums = [simd.no_doubles(); 2];
        let mut lane = 0;
        while lane < self.lanes {
            // SAFETY: the pixels are the panel's, and the lanes lie within it.
            unsafe {
                match (self.lanes - lane).div_ceil(S::LANES) {
                    vectors if vectors >= 4 && S::TILE[3] > 0 => lane += self.tiles::<S, 4>(simd, lane, &mut sums),
                    vectors if vectors >= 3 && S::TILE[2] > 0 => lane += self.tiles::<S, 3>(simd, lane, &mut sums),
                    vectors if vectors >= 2 && S::TILE[1] > 0 => lane += self.tiles::<S, 2>(simd, lane, &mut sums),
                    _ => lane += self.tiles::<S, 1>(simd, lane, &mut sums),
                }
            }
        }
        [simd.total_doubles(sums[0]), simd.total_doubles(sums[1])]
    }
}

impl Panel<'_> {
    /// All pixels, the lanes from `lane` on: tiles of equal size but for one pixel. Gives the lanes done.
    #[inline(always)]
    unsafe fn tiles<S: Simd, const V: usize>(&self, simd: S, lane: usize, sums: &mut [S::Doubles; 2]) -> usize {
        let count = self.pixels.len().div_ceil(S::TILE[V - 1]).max(1);
        let (few, more) = (self.pixels.len() / count, self.pixels.len() % count);
        let mut pixel = 0;
        macro_rules! tile_of {
            ($pixels:expr, $($p:literal)*) => {
                match $pixels {
                    // SAFETY: `pixel` and the p − 1 after it are pixels of the panel.
                    $($p if S::TILE[V - 1] >= $p => unsafe { self.tile::<S, V, $p>(simd, pixel, lane, sums) },)*
                    _ => {}
                }
            };
        }
        for tile in 0..count {
            let pixels = few + usize::from(tile < more);
            tile_of!(pixels, 1 2 3 4 5 6 7 8);
            pixel += pixels;
        }
        V * S::LANES
    }

    /// V vectors of channels of P pixels.
    #[inline(always)]
    unsafe fn tile<S: Simd, const V: usize, const P: usize>(
        &self,
        simd: S,
        pixel: usize,
        lane: usize,
        sums: &mut [S::Doubles; 2],
    ) {
        // SAFETY: the panel's promise; rows of weights are as wide as whole vectors.
        unsafe {
            let pixels = self.pixels.as_ptr().add(pixel);
            let mut sum = [[simd.zero(); V]; P];
            for tap in self.taps {
                let mut weights = tap.weights.add(lane);
                let mut from = [tap.from; P];
                for i in 0..P {
                    from[i] = tap.from.add((*pixels.add(i)).from);
                }
                for k in 0..self.run {
                    let mut w = [simd.zero(); V];
                    for v in 0..V {
                        w[v] = simd.load(weights.add(v * S::LANES));
                    }
                    for i in 0..P {
                        let x = simd.splat(*from[i].add(k));
                        for v in 0..V {
                            sum[i][v] = simd.multiply_add(x, w[v], sum[i][v]);
                        }
                    }
                    weights = weights.wrapping_add(self.width);
                }
            }
            if !self.begins {
                let kept = self.kept.add(pixel * PANEL + lane);
                for i in 0..P {
                    for v in 0..V {
                        sum[i][v] = simd.add(sum[i][v], simd.load(kept.add(i * PANEL + v * S::LANES)));
                    }
                }
            }
            match &self.finish {
                Some(finish) => finish.apply(simd, &mut sum, pixels, self.channel + lane, self.lanes - lane, sums),
                None => {
                    let kept = self.kept.add(pixel * PANEL + lane);
                    for i in 0..P {
                        for v in 0..V {
                            simd.store(kept.add(i * PANEL + v * S::LANES), sum[i][v]);
                        }
                    }
                }
            }
        }
    }
}

impl Finish {
    /// Finishes the sums of P pixels: V vectors of channels from `channel` on, of which `lanes` count.
    #[inline(always)]
    pub(crate) unsafe fn apply<S: Simd, const V: usize, const P: usize>(
        &self,
        simd: S,
        sum: &mut [[S::Vector; V]; P],
        pixels: *const Pixel,
        channel: usize,
        lanes: usize,
        sums: &mut [S::Doubles; 2],
    ) {
        let rest = |v: usize| lanes - v * S::LANES;
        // SAFETY: the promise of the panel: these channels of these pixels are there in each array.
        unsafe {
            let mut at = [0; P];
            for i in 0..P {
                at[i] = (*pixels.add(i)).to + channel;
            }
            if let Some(bias) = self.bias {
                for v in 0..V {
                    let bias = simd.load_first(bias.add(channel + v * S::LANES), rest(v));
                    for i in 0..P {
                        sum[i][v] = simd.add(sum[i][v], bias);
                    }
                }
            }
            if let Some((times, take)) = self.times {
                for v in 0..V {
                    for i in 0..P {
                        let mut factor = simd.load_first(times.add(at[i] + v * S::LANES), rest(v));
                        if take != Take::All {
                            factor = take.of(simd, factor);
                        }
                        sum[i][v] = simd.multiply(sum[i][v], factor);
                    }
                }
            }
            if self.summed {
                for v in 0..V {
                    let (mut total, mut magnitude) = (simd.zero(), simd.zero());
                    for i in 0..P {
                        total = simd.add(total, sum[i][v]);
                        magnitude = simd.add(magnitude, simd.magnitude(sum[i][v]));
                    }
                    if rest(v) < S::LANES {
                        total = simd.first(total, rest(v));
                        magnitude = simd.first(magnitude, rest(v));
                    }
                    sums[0] = simd.add_doubles(sums[0], total);
                    sums[1] = simd.add_doubles(sums[1], magnitude);
                }
            }
            if let Some(onto) = self.onto {
                for v in 0..V {
                    for i in 0..P {
                        sum[i][v] = simd.add(sum[i][v], simd.load_first(onto.add(at[i] + v * S::LANES), rest(v)));
                    }
                }
            }
            if let Some([low, high]) = self.bounds {
                let (low, high) = (simd.splat(low), simd.splat(high));
                for v in 0..V {
                    for i in 0..P {
                        sum[i][v] = simd.min(high, simd.max(low, sum[i][v]));
                    }
                }
            }
            for v in 0..V {
                for i in 0..P {
                    simd.store_first(self.out.add(at[i] + v * S::LANES), sum[i][v], rest(v));
                }
            }
        }
    }
}
