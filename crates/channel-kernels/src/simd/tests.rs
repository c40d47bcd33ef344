//! Every operation of every set against the same operation on single numbers.
use proptest::prelude::*;

use super::Simd;
use crate::Instructions;
use crate::instructions::Vectorized;

/// Numbers of all kinds, ends and zeros among them.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => -10f32..10.0,
        1 => prop::num::f32::NORMAL,
        1 => prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, f32::NAN]),
    ]
}

/// What each operation gives for the first lanes of three vectors, then the sums.
struct Everything<'a> {
    a: &'a [f32; 16],
    b: &'a [f32; 16],
    c: &'a [f32; 16],
}

struct Results {
    lanes: usize,
    elementwise: Vec<(&'static str, Vec<f32>)>,
    total: f32,
    total_doubles: f64,
}

impl Vectorized for Everything<'_> {
    type Output = Results;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Results {
        let load = |x: &[f32; 16]| {
            // SAFETY: no vector has more than 16 lanes.
            unsafe { simd.load(x.as_ptr()) }
        };
        let (a, b, c) = (load(self.a), load(self.b), load(self.c));
        let numbers = |vector: S::Vector| {
            let mut out = vec![f32::NAN; S::LANES];
            // SAFETY: there is room for LANES numbers.
            unsafe { simd.store(out.as_mut_ptr(), vector) };
            out
        };
        Results {
            lanes: S::LANES,
            elementwise: vec![
                ("splat", numbers(simd.splat(self.a[3]))),
                ("multiply_add", numbers(simd.multiply_add(a, b, c))),
                ("add", numbers(simd.add(a, b))),
                ("subtract", numbers(simd.subtract(a, b))),
                ("multiply", numbers(simd.multiply(a, b))),
                ("divide", numbers(simd.divide(a, b))),
                ("quotient", numbers(simd.quotients([a, c], [b, a])[0])),
                ("max", numbers(simd.max(a, b))),
                ("min", numbers(simd.min(a, b))),
                ("magnitude", numbers(simd.magnitude(a))),
                ("where_nonnegative", numbers(simd.where_nonnegative(a, b, c))),
                ("where_nonzero", numbers(simd.where_nonzero(a, b, c))),
                ("where_greater", numbers(simd.where_greater(a, b, c, a))),
                ("first", numbers(simd.first(a, 16))),
                ("zero", numbers(simd.zero())),
            ],
            total: simd.total(a),
            total_doubles: simd.total_doubles(simd.add_doubles(simd.add_doubles(simd.no_doubles(), a), b)),
        }
    }
}

/// The operation on single numbers.
fn scalar(name: &str, first: f32, a: f32, b: f32, c: f32) -> f32 {
    match name {
        "splat" => first,
        "first" => a,
        "where_greater" => {
            if a > b || a.is_nan() {
                c
            } else {
                a
            }
        }
        "multiply_add" => a.mul_add(b, c),
        "add" => a + b,
        "subtract" => a - b,
        "multiply" => a * b,
        "divide" | "quotient" => a / b,
        "max" => {
            if a > b {
                a
            } else {
                b
            }
        }
        "min" => {
            if a < b {
                a
            } else {
                b
            }
        }
        "magnitude" => a.abs(),
        "where_nonnegative" => {
            if a >= 0.0 {
                b
            } else {
                c
            }
        }
        "where_nonzero" => {
            if a != 0.0 {
                b
            } else {
                c
            }
        }
        "zero" => 0.0,
        _ => unreachable!("an operation without its scalar form"),
    }
}

/// Whether a result is as near as its operation promises.
fn close(name: &str, got: f32, want: f32, a: f32, b: f32, c: f32) -> bool {
    if got.to_bits() == want.to_bits() || got == want || (got.is_nan() && want.is_nan()) {
        return true;
    }
    match name {
        // One rounding or two; the product alone may overflow.
        "multiply_add" => (got - want).abs() <= 2e-7 * ((a * b).abs() + c.abs()) || (a * b).is_infinite(),
        // Not finite stays not finite.
        "quotient" if !want.is_finite() || !a.is_finite() => !got.is_finite(),
        // Remainders that are subnormal are lost.
        "quotient" if want.abs() < 1e-30 || a.abs() < 1e-30 => (got - want).abs() <= 1e-4 * want.abs() + 1e-37,
        "quotient" => (got - want).abs() <= 2.5e-7 * want.abs() || (want.abs() > 1e38 && got.is_infinite()),
        _ => false,
    }
}

proptest! {
    #[test]
    fn operations_are_those_of_single_numbers(
        a in prop::array::uniform16(number()), b in prop::array::uniform16(number()), c in prop::array::uniform16(number()),
    ) {
        for set in Instructions::available() {
            let results = set.run(Everything { a: &a, b: &b, c: &c });
            for (name, got) in results.elementwise {
                for i in 0..results.lanes {
                    let want = scalar(name, a[3], a[i], b[i], c[i]);
                    prop_assert!(
                        close(name, got[i], want, a[i], b[i], c[i]),
                        "{set} {name} of {:e}, {:e}, {:e} is {:e}, not {want:e}", a[i], b[i], c[i], got[i]
                    );
                }
            }
        }
    }

    #[test]
    fn totals_are_sums(a in prop::array::uniform16(-10f32..10.0), b in prop::array::uniform16(-10f32..10.0)) {
        for set in Instructions::available() {
            let results = set.run(Everything { a: &a, b: &b, c: &b });
            let of = |x: &[f32; 16]| x[..results.lanes].iter().map(|&x| f64::from(x)).sum::<f64>();
            prop_assert!((f64::from(results.total) - of(&a)).abs() < 1e-4);
            prop_assert!((results.total_doubles - of(&a) - of(&b)).abs() < 1e-12);
        }
    }
}

/// a · 2ⁿ, and 1 / b.
struct Powers {
    a: f32,
    n: f32,
    b: f32,
}

impl Vectorized for Powers {
    type Output = [f32; 2];

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> [f32; 2] {
        let product = simd.times_power_of_two(simd.splat(self.a), simd.splat(self.n));
        [product, simd.reciprocal(simd.splat(self.b))].map(|vector| {
            let mut numbers = [0.0; 16];
            // SAFETY: no vector has more than 16 lanes.
            unsafe { simd.store(numbers.as_mut_ptr(), vector) };
            numbers[0]
        })
    }
}

#[test]
fn powers_of_two_and_reciprocals_are_those_of_single_numbers() {
    for set in Instructions::available() {
        for n in -126..=127 {
            let b = 2f32.powi(n).max(1.0) * 1.3;
            let [product, reciprocal] = set.run(Powers { a: -1.3, n: n as f32, b });
            assert_eq!(product, -1.3 * 2f32.powi(n), "{set}");
            assert!(
                (reciprocal - 1.0 / b).abs() <= 1.2e-7 / b || 1.0 / b < f32::MIN_POSITIVE,
                "{set} {b}: {reciprocal}"
            );
        }
        let ends = set.run(Powers { a: f32::NAN, n: -f32::NAN, b: f32::INFINITY });
        assert!(ends[0].is_nan() && ends[1] < f32::MIN_POSITIVE, "{set} {ends:?}");
        assert!(set.run(Powers { a: 0.0, n: 0.0, b: f32::NAN })[1].is_nan(), "{set}");
    }
}

/// Loads and stores the first `n` numbers, and transposes a block.
struct Places<'a> {
    from: &'a [f32],
    n: usize,
    first: &'a mut [f32],
    part: &'a mut [f32],
    transposed: &'a mut [f32],
}

impl Vectorized for Places<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> usize {
        let n = self.n.min(S::LANES);
        assert!(
            self.from.len() >= 16 * 20
                && self.first.len() >= 16
                && self.part.len() >= 16
                && self.transposed.len() >= 16 * 18
        );
        // SAFETY: the slices hold n numbers, and LANES rows of a block each, by the line above.
        unsafe {
            let vector = simd.load_first(self.from.as_ptr(), n);
            let added = simd.first(simd.add(vector, simd.splat(1.0)), n);
            simd.store(self.first.as_mut_ptr(), added);
            simd.store_first(self.part.as_mut_ptr(), added, n);
            simd.transpose(self.from.as_ptr(), 20, self.transposed.as_mut_ptr(), 18);
        }
        S::LANES
    }
}

/// Reads and writes the first `n` bytes.
struct Bytes<'a> {
    from: &'a [u8; 16],
    n: usize,
    to: &'a mut [u8; 16],
}

impl Vectorized for Bytes<'_> {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> usize {
        // SAFETY: no vector has more than 16 lanes.
        unsafe {
            let numbers = simd.load_bytes(self.from.as_ptr(), self.n);
            simd.store_bytes(self.to.as_mut_ptr(), simd.multiply(numbers, simd.splat(2.0)), self.n);
        }
        S::LANES
    }
}

#[test]
fn bytes_are_numbers() {
    let from: [u8; 16] = std::array::from_fn(|i| (i * 8 + 7) as u8);
    for set in Instructions::available() {
        for n in 0..=16 {
            let mut to = [1; 16];
            let lanes = set.run(Bytes { from: &from, n, to: &mut to });
            for (i, (&to, &from)) in to.iter().zip(&from).enumerate() {
                assert_eq!(to, if i < n.min(lanes) { 2 * from } else { 1 }, "{set} {n}");
            }
        }
    }
}

#[test]
fn places_are_read_and_written_as_promised() {
    let from: Vec<f32> = (0..320).map(|i| i as f32).collect();
    for set in Instructions::available() {
        for n in 0..=16 {
            let (mut first, mut part, mut transposed) = (vec![-1.0; 16], vec![-1.0; 16], vec![-1.0; 16 * 18]);
            let places = Places { from: &from, n, first: &mut first, part: &mut part, transposed: &mut transposed };
            let lanes = set.run(places);
            for (i, &x) in part.iter().enumerate() {
                assert_eq!(x, if i < n.min(lanes) { i as f32 + 1.0 } else { -1.0 }, "{set} {n}");
                let rest = if i < lanes { 0.0 } else { -1.0 };
                assert_eq!(first[i], if i < n.min(lanes) { i as f32 + 1.0 } else { rest }, "{set} {n}");
            }
            for (at, &x) in transposed.iter().enumerate() {
                let (j, i) = (at / 18, at % 18);
                let inside = i < lanes && j < lanes;
                assert_eq!(x, if inside { from[i * 20 + j] } else { -1.0 }, "{set}");
            }
        }
    }
}
