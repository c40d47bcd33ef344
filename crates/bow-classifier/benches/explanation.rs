//! One tile of the experiment on polygons and circles (Fig. 6), forward and back on one thread: the whole, and its stages.
//!
//! The classifier is the demo's, learned from 500 tiles, so that it has as many support vectors as there. `tile` is a
//! tile of the test set, `part` one that is cut out of a composite: it has less flat ground.

use std::hint::black_box;

use bow_classifier::training::{KernelWeights, SvmParams};
use bow_classifier::{Bag, BowClassifier, ChannelPlan, LearnMapping, Trainer, dimension_relevance};
use bow_mapping::learning::{KMeansParams, Learner};
use bow_mapping::{Map, Mapping, Normalization, Pooling, Rank, RankOptions, local_feature_relevance};
use criterion::{BenchmarkId, criterion_group, criterion_main};
use datasets::polygons::{Label, composite, tile};
use kernels::KernelKind;
use local_features::{DenseSift, Extractor, FeatureExtractor, LocalFeatures, pixel_relevance};
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

/// Gives each of the two channels its mapping.
type Mappings<'a> = &'a dyn Fn(usize) -> LearnMapping;

fn unit_range(image: ArrayView3<'_, u8>) -> Array3<f64> {
    image.mapv(|value| f64::from(value) / 255.0)
}

/// k-means words and the zero word of flat patches, with the rank mapping.
fn learned(_channel: usize) -> LearnMapping {
    Box::new(|descriptors, seed| {
        let codebook = KMeansParams::new(127).seed(seed).max_iterations(50).learn(descriptors)?.model;
        let codebook = codebook.with_word(Array1::zeros(descriptors.ncols()).view())?;
        Ok(Rank::new(codebook, RankOptions { base: 2.0, neighbors: 4 })?.into())
    })
}

fn train(images: &[Array3<f64>], positive: &[bool], kernel: KernelKind, mappings: Mappings<'_>) -> BowClassifier {
    let channel = |(channel, scale): (usize, f64)| ChannelPlan {
        extractor: DenseSift { scale, ..DenseSift::default() }.into(),
        mapping: mappings(channel),
        pooling: Pooling::MEAN,
        normalization: Normalization::L1,
        kernel,
    };
    let trainer = Trainer {
        channels: SCALES.into_iter().enumerate().map(channel).collect(),
        svm: SvmParams::default().cost(10.0),
        weights: KernelWeights::Given(vec![0.5, 0.5]),
        search: RootSearch { over: SearchOver::Nearest(5), ..RootSearch::default() },
        sample: 20_000,
        seed: 1,
    };
    trainer.fit(images, positive, &()).expect("tiles of both classes").classifier
}

/// The demo's classifiers with the χ² kernel and with histogram intersection, on the same words.
fn classifiers() -> [BowClassifier; 2] {
    let scenes: Vec<_> = (0..TRAINING_TILES).map(|index| tile(1, index)).collect();
    let images: Vec<_> = scenes.iter().map(|scene| unit_range(scene.image.view())).collect();
    let positive: Vec<_> = scenes.iter().map(|scene| scene.label == Label::Positive).collect();
    let chi_squared = train(&images, &positive, KernelKind::ChiSquared, &learned);
    let same_words = |channel: usize| -> LearnMapping {
        let mapping = chi_squared.model().encoders()[channel].mapping.clone();
        Box::new(move |_, _| Ok(mapping.clone()))
    };
    let intersection = train(&images, &positive, KernelKind::HistogramIntersection, &same_words);
    [chi_squared, intersection]
}

fn explanation(criterion: &mut Criterion) {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build_global()
        .expect("nothing has run in parallel so far");
    let [chi_squared, intersection] = classifiers();
    for (name, classifier) in [("χ²", &chi_squared), ("HI", &intersection)] {
        println!("support vectors, {name}: {}", classifier.model().expansion().support_count());
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
    group.bench_function(BenchmarkId::new("score", name), |b| b.iter(|| chi_squared.score(black_box(image.view()))));
    for (kernel, classifier) in [("chi2_5_candidates", chi_squared), ("hi", intersection)] {
        classifier.decompose(image.view()).expect("an explanation");
        group.bench_function(BenchmarkId::new(kernel, name), |b| {
            b.iter(|| classifier.decompose(black_box(image.view())));
        });
    }
    group.finish();
}

fn extract(extractors: &[Extractor], image: &Array3<f64>) -> Vec<LocalFeatures> {
    extractors.iter().map(|extractor| extractor.extract(image.view()).expect("a tile is large enough")).collect()
}

fn forward_stages(criterion: &mut Criterion, name: &str, image: &Array3<f64>, classifier: &BowClassifier) {
    let descriptors: Vec<Array2<f64>> = extract(classifier.extractors(), image)
        .into_iter()
        .map(|features| features.descriptors.mapv(f64::from))
        .collect();
    let mappings: Vec<&Mapping> = classifier.model().encoders().iter().map(|encoder| &encoder.mapping).collect();
    let mut group = criterion.benchmark_group("stage");
    group.bench_function(BenchmarkId::new("dense_sift_both_scales", name), |b| {
        b.iter(|| extract(classifier.extractors(), black_box(image)));
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
    let model = classifier.model();
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
