//! AVX-512, and AVX2 with FMA.
//!
//! A token's method may use the token's instructions. Loads and stores are unaligned and touch the lanes that their
//! contract names.
use std::arch::x86_64::*;

use super::{Simd, TilePixels};
use crate::instructions::Vectorized;

/// The machine has AVX-512 (F, DQ, VL, BW).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx512(());

/// The machine has AVX2 and FMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx2(());

impl Avx512 {
    /// The token, if the machine has the instructions.
    pub(crate) fn detect() -> Option<Self> {
        (Avx2::detect().is_some()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw"))
        .then_some(Self(()))
    }
}

impl Avx2 {
    /// The token, if the machine has the instructions.
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

/// Uses intrinsics in a method of a token.
macro_rules! intrinsics {
    ($($code:tt)*) => {{
        // SAFETY: the token shows that the machine has the instructions; places in memory are the caller's promise.
        unsafe { $($code)* }
    }};
}

/// The first n of 16 lanes.
#[inline(always)]
fn first16(n: usize) -> __mmask16 {
    if n >= 16 { 0xffff } else { (1u16 << n) - 1 }
}

impl Simd for Avx512 {
    type Vector = __m512;
    type Doubles = __m512d;
    const LANES: usize = 16;
    const TILE: TilePixels = [8, 7, 7, 6];

    #[inline(always)]
    fn vectorize<W: Vectorized>(self, work: W) -> W::Output {
        #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")]
        fn compiled<W: Vectorized>(work: W, token: Avx512) -> W::Output {
            work.run(token)
        }
        intrinsics!(compiled(work, self))
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        intrinsics!(_mm512_set1_ps(x))
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m512 {
        intrinsics!(_mm512_loadu_ps(from))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: __m512) {
        intrinsics!(_mm512_storeu_ps(to, vector))
    }

    #[inline(always)]
    unsafe fn load_first(self, from: *const f32, n: usize) -> __m512 {
        intrinsics!(_mm512_maskz_loadu_ps(first16(n), from))
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, vector: __m512, n: usize) {
        intrinsics!(_mm512_mask_storeu_ps(to, first16(n), vector))
    }

    #[inline(always)]
    fn multiply_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        intrinsics!(_mm512_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        intrinsics!(_mm512_add_ps(a, b))
    }

    #[inline(always)]
    fn subtract(self, a: __m512, b: __m512) -> __m512 {
        intrinsics!(_mm512_sub_ps(a, b))
    }

    #[inline(always)]
    fn multiply(self, a: __m512, b: __m512) -> __m512 {
        intrinsics!(_mm512_mul_ps(a, b))
    }

    #[inline(always)]
    fn divide(self, a: __m512, b: __m512) -> __m512 {
        intrinsics!(_mm512_div_ps(a, b))
    }

    #[inline(always)]
    fn quotients<const N: usize>(self, a: [__m512; N], b: [__m512; N]) -> [__m512; N] {
        intrinsics! {
            let mut quotients = a;
            let mut odd = [0; N];
            let mut any = 0;
            for i in 0..N {
                // The reciprocal of what is greater, infinite or not a number is not a normal number.
                odd[i] = _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(
                    _mm512_abs_ps(b[i]), _mm512_set1_ps(f32::from_bits(0x7e00_0000)));
                any |= odd[i];
                let reciprocal = _mm512_rcp14_ps(b[i]);
                let first = _mm512_mul_ps(a[i], reciprocal);
                let rest = _mm512_fnmadd_ps(first, b[i], a[i]);
                quotients[i] = _mm512_fmadd_ps(rest, reciprocal, first);
            }
            if any != 0 {
                for i in 0..N {
                    quotients[i] = _mm512_mask_div_ps(quotients[i], odd[i], a[i], b[i]);
                }
            }
            quotients
        }
    }

    #[inline(always)]
    fn reciprocal(self, b: __m512) -> __m512 {
        intrinsics! {
            // Infinity times its reciprocal would not be a number.
            let b = _mm512_min_ps(_mm512_set1_ps(f32::MAX), b);
            let first = _mm512_rcp14_ps(b);
            let rest = _mm512_fnmadd_ps(first, b, _mm512_set1_ps(1.0));
            _mm512_fmadd_ps(rest, first, first)
        }
    }

    #[inline(always)]
    fn times_power_of_two(self, a: __m512, n: __m512) -> __m512 {
        intrinsics! {
            let exponent = _mm512_slli_epi32::<23>(_mm512_cvtps_epi32(n));
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), exponent))
        }
    }

    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        intrinsics!(_mm512_max_ps(a, b))
    }

    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        intrinsics!(_mm512_min_ps(a, b))
    }

    #[inline(always)]
    fn magnitude(self, a: __m512) -> __m512 {
        intrinsics!(_mm512_abs_ps(a))
    }

    #[inline(always)]
    fn where_nonnegative(self, x: __m512, a: __m512, b: __m512) -> __m512 {
        intrinsics!(_mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(x, _mm512_setzero_ps()), b, a))
    }

    #[inline(always)]
    fn where_nonzero(self, x: __m512, a: __m512, b: __m512) -> __m512 {
        intrinsics!(_mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(x, _mm512_setzero_ps()), b, a))
    }

    #[inline(always)]
    fn where_greater(self, x: __m512, y: __m512, a: __m512, b: __m512) -> __m512 {
        intrinsics! {
            let greater = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, y) | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
            _mm512_mask_blend_ps(greater, b, a)
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8, n: usize) -> __m512 {
        intrinsics!(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first16(n), from.cast()))))
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, vector: __m512, n: usize) {
        intrinsics!(_mm512_mask_cvtepi32_storeu_epi8(to.cast(), first16(n), _mm512_cvttps_epi32(vector)))
    }

    #[inline(always)]
    fn first(self, a: __m512, n: usize) -> __m512 {
        intrinsics!(_mm512_maskz_mov_ps(first16(n), a))
    }

    #[inline(always)]
    fn total(self, a: __m512) -> f32 {
        intrinsics!(_mm512_reduce_add_ps(a))
    }

    #[inline(always)]
    fn no_doubles(self) -> __m512d {
        intrinsics!(_mm512_setzero_pd())
    }

    #[inline(always)]
    fn add_doubles(self, sums: __m512d, lanes: __m512) -> __m512d {
        intrinsics! {
            let low = _mm512_cvtps_pd(_mm512_castps512_ps256(lanes));
            let high = _mm512_cvtps_pd(_mm512_extractf32x8_ps::<1>(lanes));
            _mm512_add_pd(sums, _mm512_add_pd(low, high))
        }
    }

    #[inline(always)]
    fn total_doubles(self, sums: __m512d) -> f64 {
        intrinsics!(_mm512_reduce_add_pd(sums))
    }

    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, from_step: usize, to: *mut f32, to_step: usize) {
        intrinsics! {
            let row = |i: usize| _mm512_loadu_ps(from.add(i * from_step));
            let mut a = [_mm512_setzero_ps(); 16];
            let mut b = [_mm512_setzero_ps(); 16];
            for i in 0..8 {
                a[2 * i] = _mm512_unpacklo_ps(row(2 * i), row(2 * i + 1));
                a[2 * i + 1] = _mm512_unpackhi_ps(row(2 * i), row(2 * i + 1));
            }
            for i in 0..4 {
                for (k, high) in [0, 1].into_iter().enumerate() {
                    let (x, y) = (_mm512_castps_pd(a[4 * i + high]), _mm512_castps_pd(a[4 * i + 2 + high]));
                    b[4 * i + 2 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(x, y));
                    b[4 * i + 2 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(x, y));
                }
            }
            for i in 0..4 {
                for half in [0, 8] {
                    a[half + i] = _mm512_shuffle_f32x4::<0x88>(b[half + i], b[half + i + 4]);
                    a[half + i + 4] = _mm512_shuffle_f32x4::<0xdd>(b[half + i], b[half + i + 4]);
                }
            }
            for i in 0..8 {
                _mm512_storeu_ps(to.add(i * to_step), _mm512_shuffle_f32x4::<0x88>(a[i], a[i + 8]));
                _mm512_storeu_ps(to.add((i + 8) * to_step), _mm512_shuffle_f32x4::<0xdd>(a[i], a[i + 8]));
            }
        }
    }
}

/// The first n of 8 lanes, for n < 8.
#[inline(always)]
fn first8(n: usize) -> __m256i {
    static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    debug_assert!(n < 8);
    // SAFETY: eight numbers from place 8 − n on lie within the sixteen; loads are used on behalf of `Avx2` alone.
    unsafe { _mm256_loadu_si256(MASKS.as_ptr().add(8 - n).cast()) }
}

impl Simd for Avx2 {
    type Vector = __m256;
    type Doubles = __m256d;
    const LANES: usize = 8;
    const TILE: TilePixels = [6, 6, 0, 0];

    #[inline(always)]
    fn vectorize<W: Vectorized>(self, work: W) -> W::Output {
        #[target_feature(enable = "avx2,fma")]
        fn compiled<W: Vectorized>(work: W, token: Avx2) -> W::Output {
            work.run(token)
        }
        intrinsics!(compiled(work, self))
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        intrinsics!(_mm256_set1_ps(x))
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m256 {
        intrinsics!(_mm256_loadu_ps(from))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: __m256) {
        intrinsics!(_mm256_storeu_ps(to, vector))
    }

    #[inline(always)]
    unsafe fn load_first(self, from: *const f32, n: usize) -> __m256 {
        intrinsics!(if n >= 8 { _mm256_loadu_ps(from) } else { _mm256_maskload_ps(from, first8(n)) })
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, vector: __m256, n: usize) {
        intrinsics!(if n >= 8 { _mm256_storeu_ps(to, vector) } else { _mm256_maskstore_ps(to, first8(n), vector) })
    }

    #[inline(always)]
    fn multiply_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        intrinsics!(_mm256_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_add_ps(a, b))
    }

    #[inline(always)]
    fn subtract(self, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_sub_ps(a, b))
    }

    #[inline(always)]
    fn multiply(self, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_mul_ps(a, b))
    }

    #[inline(always)]
    fn divide(self, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_div_ps(a, b))
    }

    #[inline(always)]
    fn quotients<const N: usize>(self, mut a: [__m256; N], b: [__m256; N]) -> [__m256; N] {
        for i in 0..N {
            a[i] = self.divide(a[i], b[i]);
        }
        a
    }

    #[inline(always)]
    fn reciprocal(self, b: __m256) -> __m256 {
        self.divide(self.splat(1.0), b)
    }

    #[inline(always)]
    fn times_power_of_two(self, a: __m256, n: __m256) -> __m256 {
        intrinsics! {
            let exponent = _mm256_slli_epi32::<23>(_mm256_cvtps_epi32(n));
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), exponent))
        }
    }

    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_max_ps(a, b))
    }

    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_min_ps(a, b))
    }

    #[inline(always)]
    fn magnitude(self, a: __m256) -> __m256 {
        intrinsics!(_mm256_andnot_ps(_mm256_set1_ps(-0.0), a))
    }

    #[inline(always)]
    fn where_nonnegative(self, x: __m256, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_blendv_ps(b, a, _mm256_cmp_ps::<_CMP_GE_OQ>(x, _mm256_setzero_ps())))
    }

    #[inline(always)]
    fn where_nonzero(self, x: __m256, a: __m256, b: __m256) -> __m256 {
        intrinsics!(_mm256_blendv_ps(b, a, _mm256_cmp_ps::<_CMP_NEQ_UQ>(x, _mm256_setzero_ps())))
    }

    #[inline(always)]
    fn where_greater(self, x: __m256, y: __m256, a: __m256, b: __m256) -> __m256 {
        intrinsics! {
            let greater = _mm256_or_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(x, y), _mm256_cmp_ps::<_CMP_UNORD_Q>(x, x));
            _mm256_blendv_ps(b, a, greater)
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const u8, n: usize) -> __m256 {
        intrinsics! {
            let bytes = if n >= 8 {
                _mm_loadl_epi64(from.cast())
            } else {
                let mut bytes = [0_u8; 16];
                for i in 0..n {
                    bytes[i] = *from.add(i);
                }
                _mm_loadu_si128(bytes.as_ptr().cast())
            };
            _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes))
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8, vector: __m256, n: usize) {
        intrinsics! {
            let numbers = _mm256_cvttps_epi32(vector);
            let halves = _mm_packus_epi32(_mm256_castsi256_si128(numbers), _mm256_extracti128_si256::<1>(numbers));
            let bytes = _mm_packus_epi16(halves, halves);
            if n >= 8 {
                _mm_storel_epi64(to.cast(), bytes);
            } else {
                let mut all = [0_u8; 16];
                _mm_storeu_si128(all.as_mut_ptr().cast(), bytes);
                for i in 0..n {
                    *to.add(i) = all[i];
                }
            }
        }
    }

    #[inline(always)]
    fn first(self, a: __m256, n: usize) -> __m256 {
        intrinsics!(if n >= 8 { a } else { _mm256_and_ps(a, _mm256_castsi256_ps(first8(n))) })
    }

    #[inline(always)]
    fn total(self, a: __m256) -> f32 {
        intrinsics! {
            let four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    fn no_doubles(self) -> __m256d {
        intrinsics!(_mm256_setzero_pd())
    }

    #[inline(always)]
    fn add_doubles(self, sums: __m256d, lanes: __m256) -> __m256d {
        intrinsics! {
            let low = _mm256_cvtps_pd(_mm256_castps256_ps128(lanes));
            let high = _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(lanes));
            _mm256_add_pd(sums, _mm256_add_pd(low, high))
        }
    }

    #[inline(always)]
    fn total_doubles(self, sums: __m256d) -> f64 {
        intrinsics! {
            let two = _mm_add_pd(_mm256_castpd256_pd128(sums), _mm256_extractf128_pd::<1>(sums));
            _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
        }
    }

    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, from_step: usize, to: *mut f32, to_step: usize) {
        intrinsics! {
            let row = |i: usize| _mm256_loadu_ps(from.add(i * from_step));
            let mut a = [_mm256_setzero_ps(); 8];
            let mut b = [_mm256_setzero_ps(); 8];
            for i in 0..4 {
                a[2 * i] = _mm256_unpacklo_ps(row(2 * i), row(2 * i + 1));
                a[2 * i + 1] = _mm256_unpackhi_ps(row(2 * i), row(2 * i + 1));
            }
            for half in [0, 4] {
                for high in [0, 1] {
                    let (x, y) = (a[half + high], a[half + high + 2]);
                    b[half + 2 * high] = _mm256_shuffle_ps::<0x44>(x, y);
                    b[half + 2 * high + 1] = _mm256_shuffle_ps::<0xee>(x, y);
                }
            }
            for i in 0..4 {
                _mm256_storeu_ps(to.add(i * to_step), _mm256_permute2f128_ps::<0x20>(b[i], b[i + 4]));
                _mm256_storeu_ps(to.add((i + 4) * to_step), _mm256_permute2f128_ps::<0x31>(b[i], b[i + 4]));
            }
        }
    }
}
