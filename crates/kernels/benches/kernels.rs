//! The stage at two sizes: that of the VOC experiment (N = 2000, V = 1024; the rows of the numpy reference's
//! micro-benchmark), and that of a tile of the polygons demo (N = 100, 2 × 128 dimensions, mostly zeros).
//!
//! Run with `RAYON_NUM_THREADS=1` to compare with single-threaded references.

#![allow(missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{criterion_group, criterion_main};
use kernels::{
    ChiSquared, Coefficients, ExpansionTerm, HistogramIntersection, Kernel, KernelExpansion, Rbf, ZeroQuotient,
    root_relevance, sum_relevance, symmetric_gram, values_of_all,
};
use ndarray::{Array1, Array2, Axis, s};
use relevance::{Candidates, Differentiable, RootSearch, SearchOver};

#[path = "../../../benches/criterion/processor_time.rs"]
mod processor_time;

use processor_time::Criterion;

/// Uniform numbers in [0, 1), from SplitMix64.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Histograms of mass 1, a share of whose entries is zero.
fn histograms(count: usize, dimensions: usize, zeros: f64, random: &mut Random) -> Array2<f64> {
    let mut points = Array2::from_shape_simple_fn((count, dimensions), || {
        let value = random.uniform();
        if random.uniform() < zeros { 0.0 } else { value * value }
    });
    for mut point in points.rows_mut() {
        let mass = point.sum();
        point /= mass;
    }
    points
}

fn expansion(terms: Vec<(Kernel, Array2<f64>)>, random: &mut Random) -> KernelExpansion {
    let weight = 1.0 / terms.len() as f64;
    let count = terms[0].1.nrows();
    let coefficients: Array1<f64> = (0..count).map(|_| random.uniform() - 0.5).collect();
    let points: Vec<_> = terms.iter().map(|term| term.1.view()).collect();
    let points = ndarray::concatenate(Axis(1), &points).expect("blocks of the same length");
    let terms: Vec<ExpansionTerm> =
        terms.into_iter().map(|(kernel, support)| ExpansionTerm { kernel, weight, support: support.into() }).collect();
    let coefficients = Coefficients::Shared(coefficients);
    let unbiased = KernelExpansion::new(terms.clone(), coefficients.clone(), 0.0).expect("histograms");
    // The median score becomes zero, so that there are roots.
    let mut values = unbiased.values(points.slice(s![..100.min(count), ..])).expect("histograms").to_vec();
    values.sort_by(f64::total_cmp);
    KernelExpansion::new(terms, coefficients, -values[values.len() / 2]).expect("histograms")
}

/// Machines over the same support vectors: those of PASCAL VOC's classes.
const CLASSES: usize = 20;

/// An expansion over the support vectors of another one, a third of which it does without.
fn another_class(first: &KernelExpansion, random: &mut Random) -> KernelExpansion {
    let coefficient = |_| if random.uniform() < 0.33 { 0.0 } else { random.uniform() - 0.5 };
    let coefficients = Coefficients::Shared((0..first.support_count()).map(coefficient).collect());
    KernelExpansion::new(first.terms().to_vec(), coefficients, 0.1).expect("histograms")
}

fn voc(criterion: &mut Criterion) {
    let mut random = Random(1);
    let points = histograms(2000, 1024, 0.0, &mut random);
    let x = points.row(0);
    let few = points.slice(s![..500, ..]);
    let chi_squared = Kernel::from(ChiSquared::new(1.0).expect("a bandwidth"));
    let rbf = Kernel::from(Rbf::new(1.0).expect("a bandwidth"));
    let intersection = Kernel::from(HistogramIntersection);

    let hi = expansion(vec![(intersection, points.clone())], &mut random);
    let sorted = hi.sorted().expect("histogram intersection");
    let chi = expansion(vec![(chi_squared, points.clone())], &mut random);
    let chi_function = chi.differentiable(ZeroQuotient::default()).expect("differentiable");
    let gaussian = expansion(vec![(rbf, points.clone())], &mut random);
    let gaussian_function = gaussian.differentiable(ZeroQuotient::default()).expect("differentiable");

    let mut group = criterion.benchmark_group("voc");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    group.bench_function("R3_hi_exact", |b| b.iter(|| sum_relevance(&hi, black_box(x))));
    group.bench_function("R3_hi_sorted", |b| b.iter(|| sorted.sum_relevance(black_box(x))));
    group.bench_function("chi2_row", |b| b.iter(|| chi.value(black_box(x))));
    group.bench_function("R3_chi2_taylor", |b| b.iter(|| chi_function.gradient(black_box(x))));
    group.bench_function("R3_rbf_taylor", |b| b.iter(|| gaussian_function.gradient(black_box(x))));
    group.bench_function("chi2_gram_500", |b| b.iter(|| symmetric_gram(&chi_squared, black_box(few))));
    group.bench_function("hi_gram_500", |b| b.iter(|| symmetric_gram(&intersection, black_box(few))));
    group.bench_function("rbf_gram_2000", |b| b.iter(|| symmetric_gram(&rbf, black_box(points.view()))));

    for (name, first) in [("hi", &hi), ("chi2", &chi)] {
        let classes: Vec<KernelExpansion> = (0..CLASSES).map(|_| another_class(first, &mut random)).collect();
        let classes: Vec<&KernelExpansion> = classes.iter().collect();
        group.bench_function(format!("{name}_scores_of_20_classes"), |b| {
            b.iter(|| values_of_all(&classes, black_box(x.insert_axis(Axis(0)))).expect("a histogram"))
        });
    }

    let candidates = opposite(&chi, &points, 1);
    let one = RootSearch::default();
    group.bench_function("root_bisect64", |b| {
        b.iter(|| one.roots(&chi_function, black_box(x), &candidates).expect("a root").len())
    });
    group.finish();
}

/// The first `count` points whose score has the other sign than the first one's.
fn opposite(expansion: &KernelExpansion, points: &Array2<f64>, count: usize) -> Candidates {
    let values = expansion.values(points.view()).expect("histograms");
    let rows: Vec<usize> = (0..points.nrows()).filter(|&row| values[row] * values[0] < 0.0).take(count).collect();
    Candidates::with_values(points.select(Axis(0), &rows), values.select(Axis(0), &rows)).expect("finite")
}

fn tile(criterion: &mut Criterion) {
    let mut random = Random(2);
    let blocks = [(); 2].map(|()| histograms(100, 128, 0.6, &mut random));
    let points = ndarray::concatenate(Axis(1), &[blocks[0].view(), blocks[1].view()]).expect("blocks");
    let kernel = Kernel::from(ChiSquared::new(1.0).expect("a bandwidth"));
    let terms = blocks.into_iter().map(|block| (kernel, block)).collect();
    let expansion = expansion(terms, &mut random);
    let function = expansion.differentiable(ZeroQuotient::default()).expect("differentiable");
    let candidates = opposite(&expansion, &points, 40);
    let x = points.row(0);
    let search = RootSearch { over: SearchOver::Nearest(5), ..RootSearch::default() };
    let root = root_relevance(&function, x, &candidates, &search).expect("a root").0;
    let root = candidates.points().row(root.candidates[0]);

    let mut group = criterion.benchmark_group("tile");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    group.bench_function("root_search_5", |b| {
        b.iter(|| root_relevance(&function, black_box(x), &candidates, &search).expect("a root"))
    });
    group.bench_function("value", |b| b.iter(|| function.value(black_box(x))));
    group.bench_function("gradient", |b| b.iter(|| function.gradient(black_box(x))));
    group.bench_function("remainder", |b| b.iter(|| function.remainder(black_box(x), root)));
    group.bench_function("along_build", |b| b.iter(|| function.along(root, black_box(x))(0.5)));
    let segment = function.along(root, x);
    group.bench_function("along_value", |b| b.iter(|| segment(black_box(0.3))));
    group.finish();
}

criterion_group! {
    name = benches;
    config = processor_time::criterion();
    targets = voc, tile
}
criterion_main!(benches);
