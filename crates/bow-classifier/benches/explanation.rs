//! One tile of the experiment on polygons and circles (Fig. 6), forward and back on one thread: the whole, and its stages.
//!
//! The classifier is the demo's, learned from 500 tiles, so that it has as many support vectors as there. `tile` is a
//! tile of the test set, `part` one that is cut out of a composite: it has less flat ground.

use std::hint::black_box;

use bow_classifier::{
    Bag, BowClassifier, BowModel, ChannelSettings, Configuration, KernelWeighting, MappingSettings, Sampling, Truth,
    Vocabulary, dimension_relevance,
};
use bow_mapping::{Map, Mapping, RankOptions, local_feature_relevance};
use criterion::{BenchmarkId, criterion_group, criterion_main};
use datasets::polygons::{Label, composite, tile};
use kernels::KernelKind;
use local_features::{DenseSift, FeatureExtractor, LocalFeatures, pixel_relevance};
use ndarray::{Array1, Array2, Array3, ArrayView3, s};
use relevance::{RootSearch, SearchOver};

#[path = "../../../benches/criterion/processor_time.rs"]
mod processor_time;

use processor_time::Criterion;

/// The side of a tile, in pixels.
const SIDE: usize = 102;

/// The scales of the descriptors, one channel each.
const SCALES: [f64; 2] = [2.0, 3.0];

/// Tiles to learn from.
const TRAINING_TILES: u64 = 500;

fn unit_range(image: ArrayView3<'_, u8>) -> Array3<f64> {
    image.mapv(|value| f64::from(value) / 255.0)
}

/// The demo's: k-means words and the zero word of flat patches, with the rank mapping.
fn configuration(kernel: KernelKind) -> Configuration {
    let channel = |scale| ChannelSettings {
        words: 128,
        flat_word: true,
        mapping: MappingSettings::Rank(RankOptions { base: 2.0, neighbors: 4 }),
        kernel,
        ..ChannelSettings::of(DenseSift { scale, ..DenseSift::default() })
    };
    Configuration {
        sample: 20_000,
        sampling: Sampling::FromAll,
        iterations: 50,
        kernel_weights: KernelWeighting::Uniform,
        search: RootSearch { over: SearchOver::Nearest(5), ..RootSearch::default() },
        ..Configuration::of(SCALES.map(channel).into())
    }
}

/// The demo's classifiers with the χ² kernel and with histogram intersection, on the same words.
fn classifiers() -> [BowClassifier; 2] {
    let scenes: Vec<_> = (0..TRAINING_TILES).map(|index| tile(1, index)).collect();
    let images: Vec<_> = scenes.iter().map(|scene| unit_range(scene.image.view())).collect();
    let truths: Vec<Truth> = scenes.iter().map(|scene| (scene.label == Label::Positive).into()).collect();
    let classes = [("polygon".to_owned(), truths)];
    let kinds = [KernelKind::ChiSquared, KernelKind::HistogramIntersection];
    let words = configuration(kinds[0]);
    let (vocabulary, _) = Vocabulary::learn(&words, &images[..], None, &()).expect("tiles are large enough");
    let vectors = vocabulary.vectors(&images[..], None, &()).expect("nothing is written").values;
    kinds.map(|kernel| {
        let configuration = configuration(kernel);
        BowClassifier::train(&configuration, vocabulary.clone(), &vectors, &classes, &())
            .expect("tiles of both classes")
    })
}

fn explanation(criterion: &mut Criterion) {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build_global()
        .expect("nothing has run in parallel so far");
    let [chi_squared, intersection] = classifiers();
    for (name, classifier) in [("χ²", &chi_squared), ("HI", &intersection)] {
        println!("support vectors, {name}: {}", model(classifier).expansion().support_count());
    }
    let composite = composite(3, 0);
    let images = [
        ("tile", unit_range(tile(2, 0).image.view())),
        ("part", unit_range(composite.image.slice(s![SIDE..2 * SIDE, SIDE..2 * SIDE, ..]))),
    ];
    for (name, image) in &images {
        whole(criterion, name, image, &chi_squared, &intersection);
        forward_stages(criterion, name, image, &chi_squared);
        backward_stages(criterion, name, image, &chi_squared);
    }
}

fn whole(
    criterion: &mut Criterion,
    name: &str,
    image: &Array3<f64>,
    chi_squared: &BowClassifier,
    intersection: &BowClassifier,
) {
    let mut group = criterion.benchmark_group("explanation");
    group.bench_function(BenchmarkId::new("score", name), |b| {
        b.iter(|| chi_squared.scores_of_image(black_box(image.view())))
    });
    for (kernel, classifier) in [("chi2_5_candidates", chi_squared), ("hi", intersection)] {
        classifier.decompose(image.view(), 0).expect("an explanation");
        group.bench_function(BenchmarkId::new(kernel, name), |b| {
            b.iter(|| classifier.decompose(black_box(image.view()), 0));
        });
    }
    group.finish();
}

fn model(classifier: &BowClassifier) -> &BowModel {
    classifier.model(0).expect("one class")
}

fn extract(classifier: &BowClassifier, image: &Array3<f64>) -> Vec<LocalFeatures> {
    let extractors = classifier.vocabulary().extractors();
    extractors.map(|extractor| extractor.extract(image.view()).expect("a tile is large enough")).collect()
}

fn forward_stages(criterion: &mut Criterion, name: &str, image: &Array3<f64>, classifier: &BowClassifier) {
    let descriptors: Vec<Array2<f64>> =
        extract(classifier, image).into_iter().map(|features| features.descriptors.mapv(f64::from)).collect();
    let mappings: Vec<&Mapping> = model(classifier).encoders().iter().map(|encoder| &encoder.mapping).collect();
    let mut group = criterion.benchmark_group("stage");
    group.bench_function(BenchmarkId::new("dense_sift_both_scales", name), |b| {
        b.iter(|| extract(classifier, black_box(image)));
    });
    group.bench_function(BenchmarkId::new("rank_encode_both_scales", name), |b| {
        b.iter(|| {
            let pairs = mappings.iter().zip(black_box(&descriptors));
            pairs.map(|(mapping, descriptors)| mapping.assign(descriptors.view())).collect::<Result<Vec<_>, _>>()
        });
    });
    group.finish();
}

fn backward_stages(criterion: &mut Criterion, name: &str, image: &Array3<f64>, classifier: &BowClassifier) {
    let model = model(classifier);
    let bag = classifier.bag(image.view()).expect("a tile is large enough");
    let (dimensions, _) = dimension_relevance(model, bag.vector.view()).expect("a root point");
    let second = |bag: &Bag| -> Vec<Array1<f64>> {
        let parts = bag.channels.iter().zip(model.encoders()).zip(model.channel_dimensions());
        parts
            .map(|((channel, encoder), range)| {
                let part = dimensions.slice(s![range]);
                local_feature_relevance(part, &channel.assignment, encoder.pooling).expect("finite relevance").0
            })
            .collect()
    };
    let features = second(&bag);

    let mut group = criterion.benchmark_group("stage");
    group.bench_function(BenchmarkId::new("R3_5_candidates", name), |b| {
        b.iter(|| dimension_relevance(model, black_box(bag.vector.view())));
    });
    group.bench_function(BenchmarkId::new("R2_both_scales", name), |b| b.iter(|| second(black_box(&bag))));
    group.bench_function(BenchmarkId::new("R1_both_scales", name), |b| {
        b.iter(|| {
            let pairs = black_box(&bag).channels.iter().zip(&features);
            pairs
                .map(|(channel, relevance)| pixel_relevance(relevance.view(), &channel.areas, bag.shape))
                .collect::<Result<Vec<_>, _>>()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = processor_time::criterion();
    targets = explanation
}
criterion_main!(benches);
