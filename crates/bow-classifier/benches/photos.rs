//! One photo of 320×240 by the paper's configuration, forward and back on one thread: the whole, and its stages.
//!
//! Photos are dead leaves: discs of all sizes that hide one another have the edges and the spectrum of natural images.
//! Codebooks are learned from them, so that descriptors lie as close to words, and words to each other, as they do with
//! real photos. The classifier tells random labels of 1,002 random vectors apart, so that it needs nearly all of them.

use std::hint::black_box;
use std::path::PathBuf;

use bow_classifier::{BowClassifier, BowModel, Configuration, Encoder, KernelWeighting, Truth, Vocabulary};
use bow_mapping::{Assignment, Map};
use criterion::{criterion_group, criterion_main};
use datasets::SplitMix64;
use image::{Rgb, RgbImage};
use images::to_unit_range;
use local_features::{FeatureExtractor, LocalFeatures};
use ndarray::{Array2, Array3, s};
use tempfile::TempDir;

#[path = "../../../benches/criterion/processor_time.rs"]
mod processor_time;

use processor_time::Criterion;

/// Width and height of a photo.
const SIZE: (u32, u32) = (320, 240);

/// Words of the codebooks.
const WORDS: [usize; 3] = [512, 512, 256];

/// What the channels are called here.
const CHANNELS: [&str; 3] = ["gray_opponent", "red_green_blue", "color_quantiles"];

/// Photos that the codebooks are learned from; the first is the one to explain.
const PHOTOS: u64 = 8;

/// Photos that the classifier is learned from.
const SUPPORT: usize = 1002;

/// Discs of random colors over one another, with a little noise. Their radii are distributed as `r⁻³`, between 2 and
/// 100 pixels.
fn dead_leaves(index: u64) -> RgbImage {
    let mut random = SplitMix64::new(1, index);
    let mut photo = RgbImage::new(SIZE.0, SIZE.1);
    for _ in 0..3000 {
        let radius = 2.0 / (1.0 - (1.0 - (2.0_f64 / 100.0).powi(2)) * random.unit()).sqrt();
        let (x, y) = (random.uniform(0.0, SIZE.0.into()), random.uniform(0.0, SIZE.1.into()));
        let color: [f64; 3] = std::array::from_fn(|_| random.uniform(10.0, 245.0));
        let covered = |center: f64, length: u32| {
            (center - radius).ceil().max(0.0) as u32..((center + radius).floor() as u32 + 1).min(length)
        };
        for row in covered(y, SIZE.1) {
            for column in covered(x, SIZE.0) {
                if (f64::from(column) - x).hypot(f64::from(row) - y) <= radius {
                    photo.put_pixel(column, row, Rgb(color.map(|value| (value + random.uniform(-4.0, 4.0)) as u8)));
                }
            }
        }
    }
    photo
}

/// H×W×3 in [0, 1]
fn unit_range(photo: &RgbImage) -> Array3<f64> {
    let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
    let bytes = Array3::from_shape_vec((height, width, 3), photo.as_raw().clone()).expect("three bytes a pixel");
    to_unit_range(bytes.view())
}

/// Histograms with many small and a few large values, each channel's part with the sum 1.
fn random_vectors() -> Array2<f64> {
    let mut random = SplitMix64::new(2, 0);
    let mut vectors = Array2::from_shape_simple_fn((SUPPORT, WORDS.iter().sum()), || random.unit().powi(3));
    for mut vector in vectors.rows_mut() {
        let mut start = 0;
        for words in WORDS {
            let mut part = vector.slice_mut(s![start..start + words]);
            let total = part.sum();
            part /= total;
            start += words;
        }
    }
    vectors
}

fn classifier(photos: &[RgbImage]) -> BowClassifier {
    let folder: TempDir = tempfile::tempdir().expect("room for a few files");
    let paths: Vec<PathBuf> = (0..photos.len()).map(|index| folder.path().join(format!("{index}.png"))).collect();
    for (photo, path) in photos.iter().zip(&paths) {
        photo.save(path).expect("a new file");
    }
    let paper = Configuration::voc2009().with_words(&WORDS).expect("three channels");
    let configuration = Configuration { iterations: 5, kernel_weights: KernelWeighting::Uniform, ..paper };
    let (vocabulary, _) =
        Vocabulary::learn(&configuration, &paths[..], None, &()).expect("more descriptors than words");
    let mut random = SplitMix64::new(3, 0);
    let mut truth = || if random.unit() < 0.5 { Truth::Shown } else { Truth::NotShown };
    let labels = ("random".to_owned(), (0..SUPPORT).map(|_| truth()).collect());
    BowClassifier::train(&configuration, vocabulary, &random_vectors(), &[labels], &()).expect("both labels")
}

fn map(encoder: &Encoder, features: &LocalFeatures) -> Assignment {
    encoder.mapping.assign(features.descriptors.mapv(f64::from).view()).expect("finite descriptors")
}

fn photo(criterion: &mut Criterion) {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build_global()
        .expect("nothing has run in parallel so far");
    let photos: Vec<RgbImage> = (0..PHOTOS).map(dead_leaves).collect();
    let image = unit_range(&photos[0]);
    let classifier = classifier(&photos);
    let model = classifier.model(0).expect("one class");
    println!("support vectors: {}", model.expansion().supporting().count());

    let features = features(criterion, &image);
    mapping(criterion, model, &features);
    criterion.bench_function("explanation/histogram_intersection", |bencher| {
        bencher.iter(|| classifier.decompose(black_box(image.view()), 0).expect("an explanation"));
    });
}

fn features(criterion: &mut Criterion, image: &Array3<f64>) -> Vec<LocalFeatures> {
    let extractors: Vec<_> = Configuration::voc2009().channels.into_iter().map(|channel| channel.extractor).collect();
    let extract = |channel: usize| extractors[channel].extract(black_box(image.view())).expect("a large photo");
    let all = || (0..CHANNELS.len()).map(extract).collect();
    let mut group = criterion.benchmark_group("features");
    group.bench_function("all", |bencher| bencher.iter(|| -> Vec<LocalFeatures> { all() }));
    for (channel, name) in CHANNELS.into_iter().enumerate() {
        group.bench_function(name, |bencher| bencher.iter(|| extract(channel)));
    }
    group.finish();
    all()
}

fn mapping(criterion: &mut Criterion, model: &BowModel, features: &[LocalFeatures]) {
    let pairs = || model.encoders().iter().zip(black_box(features));
    let mut group = criterion.benchmark_group("mapping");
    group.bench_function("all", |bencher| {
        bencher.iter(|| pairs().map(|(encoder, features)| map(encoder, features)).collect::<Vec<_>>());
    });
    for (name, (encoder, features)) in CHANNELS.into_iter().zip(pairs()) {
        group.bench_function(name, |bencher| bencher.iter(|| map(encoder, black_box(features))));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = processor_time::criterion();
    targets = photo
}
criterion_main!(benches);
