//! A photo at the size of the paper's VOC experiment, forward and back on one thread: 10,000 local features, 1,024
//! words, 2,000 support vectors; histogram intersection (Eq. 43), and χ² about a root point (Eqs 25, 46).
//!
//! The photo is dead leaves: discs of all sizes that hide one another, as varied as photographs. Words are some of its
//! own descriptors, so that they lie as close together as those of real photos. Support vectors are random histograms.

use std::hint::black_box;

use bow_classifier::{Bag, BowModel, Encoder, TaylorThirdLayer, ThirdLayer, pixel_wise_decomposition};
use bow_mapping::{Codebook, Normalization, Pooling, Rank, RankOptions};
use criterion::{BenchmarkId, criterion_group, criterion_main};
use datasets::SplitMix64;
use kernels::{ChiSquared, Coefficients, ExpansionTerm, HistogramIntersection, Kernel, KernelExpansion, ZeroQuotient};
use local_features::{DenseSift, FeatureExtractor, Rotation};
use ndarray::{Array1, Array2, Array3, ArrayView3};
use relevance::{Candidates, RootSearch, SearchOver};

#[path = "../../../benches/criterion/processor_time.rs"]
mod processor_time;

use processor_time::Criterion;

/// Height and width: 100 × 100 points of the grid.
const SIDE: usize = 600;
const WORDS: usize = 1024;
const SUPPORT: usize = 2000;

fn dead_leaves() -> Array3<f64> {
    let mut random = SplitMix64::new(1, 0);
    let mut photo = Array3::zeros((SIDE, SIDE, 1));
    for _ in 0..12_000 {
        let radius = 2.0 / (1.0 - (1.0 - (2.0_f64 / 100.0).powi(2)) * random.unit()).sqrt();
        let (x, y) = (random.uniform(0.0, SIDE as f64), random.uniform(0.0, SIDE as f64));
        let gray = random.uniform(0.05, 0.95);
        let covered = |center: f64| {
            (center - radius).ceil().max(0.0) as usize..((center + radius).floor() as usize + 1).min(SIDE)
        };
        for row in covered(y) {
            for column in covered(x) {
                if (column as f64 - x).hypot(row as f64 - y) <= radius {
                    photo[[row, column, 0]] = gray + random.uniform(-0.02, 0.02);
                }
            }
        }
    }
    photo
}

fn sift() -> DenseSift {
    DenseSift { scale: 3.0, rotation: Rotation::Fixed { angle: 0.0 }, ..DenseSift::default() }
}

/// Every ninth descriptor is a word.
fn encoder(photo: ArrayView3<'_, f64>) -> Encoder {
    let features = sift().extract(photo).expect("a large photo");
    let words = Array2::from_shape_fn((WORDS, features.descriptors.ncols()), |(word, axis)| {
        f64::from(features.descriptors[[word * 9, axis]])
    });
    let options = RankOptions { base: 2.4, neighbors: 8 };
    let mapping = Rank::new(Codebook::new(words).expect("finite words"), options).expect("enough words").into();
    Encoder { mapping, pooling: Pooling::MEAN, normalization: Normalization::L1 }
}

/// Histograms of the sum 1.
fn support() -> Array2<f64> {
    let mut random = SplitMix64::new(2, 0);
    let mut points = Array2::from_shape_simple_fn((SUPPORT, WORDS), || random.unit().powi(3));
    points.rows_mut().into_iter().for_each(|mut point| {
        let total = point.sum();
        point /= total;
    });
    points
}

/// Random coefficients, and a bias that makes the median of the support vectors' scores zero, so that there are roots.
fn model(encoder: &Encoder, kernel: Kernel) -> BowModel {
    let mut random = SplitMix64::new(3, 0);
    let coefficients: Array1<f64> = (0..SUPPORT).map(|_| random.uniform(-0.5, 0.5)).collect();
    let support = support();
    let expansion = |bias| {
        let terms = vec![ExpansionTerm { kernel, weight: 1.0, support: support.clone().into() }];
        KernelExpansion::new(terms, Coefficients::Shared(coefficients.clone()), bias).expect("histograms")
    };
    let scores = expansion(0.0).values(support.view()).expect("histograms");
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let median = sorted[SUPPORT / 2];
    let third_layer = if expansion(0.0).is_sum_decomposable() {
        ThirdLayer::SumDecomposition
    } else {
        ThirdLayer::Taylor(TaylorThirdLayer {
            search: RootSearch { over: SearchOver::Nearest(5), ..RootSearch::default() },
            zero_quotient: ZeroQuotient::default(),
            candidates: Candidates::with_values(support.clone(), scores - median).expect("finite scores"),
        })
    };
    BowModel::new(vec![encoder.clone()], expansion(-median), third_layer).expect("vectors of 1,024 numbers")
}

fn bag(model: &BowModel, photo: ArrayView3<'_, f64>) -> Bag {
    let features = sift().extract(photo).expect("a large photo");
    let descriptors = features.descriptors.mapv(f64::from);
    let encoded = model.encoders()[0].encode(descriptors.view(), features.areas).expect("finite descriptors");
    Bag::new(vec![encoded], (SIDE, SIDE))
}

fn voc(criterion: &mut Criterion) {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build_global()
        .expect("nothing has run in parallel so far");
    let photo = dead_leaves();
    let encoder = encoder(photo.view());
    let intersection = Kernel::from(HistogramIntersection);
    let chi_squared = Kernel::from(ChiSquared::new(1.0).expect("a bandwidth"));
    let mut group = criterion.benchmark_group("voc");
    group.sample_size(10);
    group.bench_function("sift", |bencher| bencher.iter(|| sift().extract(black_box(photo.view())).expect("features")));
    for (name, kernel) in [("histogram_intersection", intersection), ("chi_squared", chi_squared)] {
        let model = model(&encoder, kernel);
        let ready = bag(&model, photo.view());
        group.bench_function(BenchmarkId::new("explanation", name), |bencher| {
            bencher.iter(|| pixel_wise_decomposition(&model, &bag(&model, black_box(photo.view()))).expect("a root"));
        });
        group.bench_function(BenchmarkId::new("way_back", name), |bencher| {
            bencher.iter(|| pixel_wise_decomposition(&model, black_box(&ready)).expect("a root"));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = processor_time::criterion();
    targets = voc
}
criterion_main!(benches);
