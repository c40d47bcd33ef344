//! A small classifier from images to pixels: training, Algorithm 1, files, and what it refuses.

use std::fs;

use bow_classifier::{
    BowClassifier, BowModel, ChannelSettings, Configuration, Encoder, Error, KernelWeighting, MappingSettings,
    Sampling, ThirdLayer, Tiling, Truth, decompose_tiles, pixel_wise_decomposition,
};
use bow_mapping::{Map, Normalization, Pooling, RankOptions};
use evaluation::{Evaluation, Measure, Sample};
use kernels::KernelKind;
use local_features::{Channel, DenseSift, Extractor};
use ndarray::{Array2, Array3, ArrayD, Axis, s};
use relevance::{ExplainableClassifier, RootSearch, RootSelection, SearchOver};

/// Stripes of one of two directions, with a brightness and phase of their own.
fn picture(index: usize) -> Array3<f64> {
    let angle = if index.is_multiple_of(2) { 0.2 } else { 1.3 };
    let phase = index as f64 * 0.7;
    Array3::from_shape_fn((48, 52, 1), |(row, column, _)| {
        let along = row as f64 * f64::cos(angle) + column as f64 * f64::sin(angle);
        0.5 + 0.4 * (0.5 * along + phase).sin() * (0.05 * row as f64 + 0.3 * phase).cos()
    })
}

fn pictures(count: usize) -> Vec<Array3<f64>> {
    (0..count).map(picture).collect()
}

/// Whether each picture is steep.
fn steep(count: usize) -> Vec<(String, Vec<Truth>)> {
    vec![("steep".to_owned(), (0..count).map(|index| index.is_multiple_of(2).into()).collect())]
}

fn channel(kernel: KernelKind, scale: f64) -> ChannelSettings {
    ChannelSettings {
        words: 12,
        mapping: MappingSettings::Rank(RankOptions::default()),
        kernel,
        ..ChannelSettings::of(DenseSift { scale, ..DenseSift::default() })
    }
}

fn configuration(channels: Vec<ChannelSettings>) -> Configuration {
    Configuration {
        kernel_weights: KernelWeighting::Uniform,
        search: RootSearch { over: SearchOver::Nearest(3), ..RootSearch::default() },
        sample: 2_000,
        sampling: Sampling::FromAll,
        seed: 7,
        ..Configuration::of(channels)
    }
}

fn learn(configuration: &Configuration) -> Result<BowClassifier, Error> {
    BowClassifier::learn(configuration, &pictures(16)[..], &steep(16), &())
}

fn trained(kernel: KernelKind) -> BowClassifier {
    learn(&configuration(vec![channel(kernel, 2.0), channel(kernel, 3.0)])).unwrap()
}

const KERNELS: [KernelKind; 4] =
    [KernelKind::Linear, KernelKind::HistogramIntersection, KernelKind::ChiSquared, KernelKind::Rbf];

#[test]
fn every_kernel_learns_and_conserves_from_score_to_pixels() {
    for kernel in KERNELS {
        let classifier = trained(kernel);
        for index in 16..20 {
            let image = picture(index);
            let found = classifier.decompose(image.view(), 0).unwrap();
            assert_eq!(found.score > 0.0, index.is_multiple_of(2), "{kernel}: picture {index} has {}", found.score);
            assert_eq!(found.score, classifier.scores_of_image(image.view()).unwrap()[0]);
            found.ledger.check(1e-12).unwrap_or_else(|error| panic!("{kernel}: {error}"));
            if matches!(classifier.model(0).unwrap().third_layer(), ThirdLayer::SumDecomposition) {
                assert!((found.pixels.sum() - found.score).abs() < 1e-10, "{kernel}");
            }
        }
    }
}

/// Each measure, with few repetitions; but for one that compares several targets, of which there is one.
fn measures() -> Vec<Box<dyn Measure>> {
    let quick = |measure: Box<dyn Measure>| match measure.name() {
        "random-logit" => None,
        "top-k-intersection" => Some("top-k-intersection=k:200".parse().unwrap()),
        "pixel-flipping" => Some("pixel-flipping=features-in-step:250".parse().unwrap()),
        "insertion" | "deletion" => Some(format!("{}=steps:8", measure.name()).parse().unwrap()),
        "max-sensitivity" => Some("max-sensitivity=nr-samples:3,lower-bound:0.01".parse().unwrap()),
        "local-lipschitz-estimate" => Some("local-lipschitz-estimate=nr-samples:3,perturb-std:0.01".parse().unwrap()),
        "completeness" => Some("completeness=against:nothing".parse().unwrap()),
        _ => Some(measure),
    };
    evaluation::measures::all().into_iter().filter_map(quick).collect()
}

#[test]
fn every_measure_judges_explanations_of_bags_of_words() {
    let measures = measures();
    for kernel in [KernelKind::HistogramIntersection, KernelKind::ChiSquared] {
        let classifier = trained(kernel);
        let sample = |number: usize| {
            let input = picture(16 + 2 * number);
            let mask = Array2::from_shape_fn((48, 52), |(row, _)| row < 30);
            Ok(Sample { input: input.into_dyn(), target: 0, mask: Some(mask) })
        };
        let mut evaluation = Evaluation::new(&measures, 2);
        evaluation.run_randomizable(&measures, &classifier, &sample, |_| Ok::<(), evaluation::Error>(())).unwrap();
        for (measure, text) in evaluation.measures().iter().enumerate() {
            let values = evaluation.values(measure);
            assert!(values.iter().all(|value| value.is_some_and(f64::is_finite)), "{kernel}: {text} {values:?}");
        }
        let mean = |name: &str| {
            let measure = evaluation.measures().iter().position(|text| text.starts_with(name)).unwrap();
            evaluation.estimate(measure).unwrap().mean
        };
        assert!(mean("insertion") > mean("deletion"), "{kernel}");
        assert!(mean("model-parameter-randomisation") < 0.9, "{kernel}");
        if kernel == KernelKind::HistogramIntersection {
            assert!(mean("completeness") < 1e-9);
        }
    }
}

#[test]
fn several_mappings_poolings_and_learned_weights_conserve() {
    for p in [1.0, 2.0, 3.5, f64::INFINITY] {
        let soft = ChannelSettings {
            words: 9,
            mapping: MappingSettings::Soft(Default::default()),
            pooling: Pooling::new(p).unwrap(),
            normalization: Normalization::L2,
            ..channel(KernelKind::ChiSquared, 2.0)
        };
        let plan = |channels| Configuration { kernel_weights: KernelWeighting::Learned, ..configuration(channels) };
        let learned = learn(&plan(vec![soft.clone(), channel(KernelKind::HistogramIntersection, 2.0)]));
        // One kernel has no derivative, the other no sum: this model can't be explained, and says so.
        assert!(matches!(learned, Err(Error::Kernels(_))), "p = {p}");

        let smooth = learn(&plan(vec![soft, channel(KernelKind::Rbf, 2.0)])).unwrap();
        smooth.decompose(picture(16).view(), 0).unwrap().ledger.check(1e-12).unwrap();
    }
}

#[test]
fn a_flat_word_is_the_last_and_zero() {
    let channel = ChannelSettings { flat_word: true, ..channel(KernelKind::HistogramIntersection, 2.0) };
    let classifier = learn(&configuration(vec![channel])).unwrap();
    let model = classifier.model(0).unwrap();
    let encoder = &model.encoders()[0];
    assert_eq!(encoder.dimensions(), 12);
    let flat = Array2::<f64>::zeros((1, 128));
    let found = encoder.mapping.assign(flat.view()).unwrap().to_dense();
    assert_eq!(found.row(0).iter().fold(0.0, |most: f64, &value| most.max(value)), found[[0, 11]]);
}

#[test]
fn a_saved_classifier_explains_the_same_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    for kernel in KERNELS {
        let classifier = trained(kernel);
        let path = folder.path().join(format!("{kernel}.model"));
        classifier.save(&path).unwrap();
        let loaded = BowClassifier::load(&path).unwrap();
        assert_eq!(loaded, classifier);
        let image = picture(17);
        let (left, right) =
            (classifier.decompose(image.view(), 0).unwrap(), loaded.decompose(image.view(), 0).unwrap());
        assert_eq!(left.pixels, right.pixels);

        let again = folder.path().join("again.model");
        loaded.save(&again).unwrap();
        assert_eq!(fs::read(&path).unwrap(), fs::read(&again).unwrap());
    }
}

#[test]
fn model_files_that_are_damaged_newer_or_something_else_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.model");
    trained(KernelKind::HistogramIntersection).save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let write = |bytes: &[u8]| {
        let path = folder.path().join("broken.model");
        fs::write(&path, bytes).unwrap();
        BowClassifier::load(&path)
    };
    for length in [whole.len() - 1, whole.len() / 2, 60, 31] {
        let error = write(&whole[..length]).unwrap_err();
        assert!(matches!(error, Error::DamagedModel { .. }) && error.to_string().contains("cut short"), "{error}");
    }
    assert!(matches!(write(&[&whole[..], b"more"].concat()), Err(Error::DamagedModel { .. })));
    for bytes in [
        &b""[..],
        &b"{}"[..],
        &b"pixelwise bag-of-words model one\n"[..],
        &b"pixelwise bag-of-words model 0\n"[..],
        &whole[..20],
    ] {
        assert!(matches!(write(bytes), Err(Error::NotAModel { .. })));
    }
    let line = whole.iter().position(|&byte| byte == b'\n').unwrap();
    let newer = [b"pixelwise bag-of-words model 3", &whole[line..]].concat();
    let error = write(&newer).unwrap_err();
    assert!(matches!(error, Error::NewerVersion { found: 3, supported: 2, .. }), "{error}");
    let far = [b"pixelwise bag-of-words model 99999999999", &whole[line..]].concat();
    assert!(matches!(write(&far), Err(Error::NewerVersion { found: 99_999_999_999, .. })));
    let old = write(b"pixelwise photo model 1\n").unwrap_err();
    assert!(old.to_string().contains("no longer read"), "{old}");
    assert!(matches!(BowClassifier::load(folder.path().join("none.model")), Err(Error::Read { .. })));
    let nowhere = folder.path().join("no folder/a.model");
    assert!(matches!(trained(KernelKind::Linear).save(nowhere), Err(Error::Write { .. })));
}

/// One flipped bit is never unseen: a CRC-32 tells all errors in a single bit.
#[test]
fn no_flipped_bit_is_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.model");
    trained(KernelKind::ChiSquared).save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let bits = 8 * whole.len();
    for bit in (0..400).map(|index| index * (bits / 401)).chain(bits - 40..bits) {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &damaged).unwrap();
        assert!(BowClassifier::load(&path).is_err(), "bit {bit}");
    }
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let classifier = trained(KernelKind::HistogramIntersection);
    let model = classifier.model(0).unwrap();
    let extractors: Vec<Extractor> = classifier.vocabulary().extractors().cloned().collect();
    let (encoders, expansion) = (model.encoders().to_vec(), model.expansion().clone());
    let one = extractors[..1].to_vec();
    assert!(matches!(BowClassifier::new(one, model.clone()), Err(Error::Channels { extractors: 1, encoders: 2 })));

    let colors = DenseSift { channels: vec![Channel::Red, Channel::Blue], ..DenseSift::default() };
    let mixed = vec![extractors[0].clone(), colors.into()];
    let error = BowClassifier::new(mixed, model.clone()).unwrap_err();
    assert!(matches!(error, Error::Descriptors { channel: 1, found: 256, expected: 128 }), "{error}");

    let few = encoders[..1].to_vec();
    let error = BowModel::new(few, expansion.clone(), ThirdLayer::SumDecomposition).unwrap_err();
    assert!(matches!(error, Error::Dimensions { encoded: 12, expected: 24 }), "{error}");
    let exponent = Encoder { normalization: Normalization::Power { exponent: -1.0 }, ..encoders[0].clone() };
    let odd = vec![exponent, encoders[1].clone()];
    assert!(matches!(BowModel::new(odd, expansion, ThirdLayer::SumDecomposition), Err(Error::Mapping(_))));

    let smooth = trained(KernelKind::ChiSquared);
    let smooth = smooth.model(0).unwrap();
    let (encoders, expansion) = (smooth.encoders().to_vec(), smooth.expansion().clone());
    let error = BowModel::new(encoders, expansion, ThirdLayer::SumDecomposition).unwrap_err();
    assert!(matches!(error, Error::NotSumDecomposable), "{error}");

    let mut bag = classifier.bag(picture(0).view()).unwrap();
    bag.channels.pop();
    assert!(matches!(pixel_wise_decomposition(model, &bag), Err(Error::Bag { found: 1, expected: 2 })));
}

#[test]
fn another_search_explains_another_way() {
    let classifier = trained(KernelKind::ChiSquared);
    let image = picture(18);
    let before = classifier.decompose(image.view(), 0).unwrap();
    let search = RootSearch { selection: RootSelection::AverageOfBest(3), ..RootSearch::default() };
    let after = classifier.with_search(search).decompose(image.view(), 0).unwrap();
    assert_eq!(before.score, after.score);
    assert_ne!(before.dimensions, after.dimensions);
}

#[test]
fn signed_codes_do_not_go_with_histogram_kernels() {
    let mapping = MappingSettings::Ridge(Default::default());
    let signed = ChannelSettings { words: 9, mapping, ..channel(KernelKind::ChiSquared, 2.0) };
    let error = learn(&configuration(vec![signed])).unwrap_err();
    assert!(error.to_string().contains("0 or larger"), "{error}");
}

#[test]
fn images_that_the_classifier_can_not_take_are_refused() {
    let classifier = trained(KernelKind::HistogramIntersection);
    let empty = Array3::<f64>::zeros((0, 0, 3));
    let small = Array3::<f64>::zeros((20, 90, 1));
    let mut broken = picture(0);
    broken[[3, 4, 0]] = f64::NAN;
    for image in [empty, small, broken] {
        let error = classifier.decompose(image.view(), 0).unwrap_err();
        assert!(matches!(error, Error::Features(_)), "{error}");
    }
    let image = picture(0).into_dyn();
    assert!(
        classifier.explain(image.view(), 1).unwrap_err().to_string().contains("class 1: the classifier has 1 class")
    );
    let flat = ArrayD::<f64>::zeros(vec![5]);
    assert!(classifier.scores(&[flat.view()]).unwrap_err().to_string().contains("height × width × channels"));
}

#[test]
fn training_data_that_can_not_be_learned_from_is_refused() {
    let plan = configuration(vec![channel(KernelKind::ChiSquared, 2.0)]);
    let refused = |images: &[Array3<f64>], classes: &[(String, Vec<Truth>)]| {
        BowClassifier::learn(&plan, images, classes, &()).unwrap_err()
    };
    let images = pictures(8);
    assert!(matches!(refused(&images, &steep(7)), Error::Labels { images: 8, found: 7, .. }));
    let all = vec![("all".to_owned(), vec![Truth::Shown; 8])];
    assert!(matches!(refused(&images, &all), Error::ClassTraining { .. }));
    assert!(matches!(refused(&[], &steep(0)), Error::ClassTraining { .. }));
    let blank = vec![Array3::<f64>::from_elem((48, 52, 1), 0.5); 8];
    assert!(matches!(refused(&blank, &steep(8)), Error::Learning(_) | Error::Mapping(_)));
    let small = [pictures(7), vec![Array3::zeros((3, 3, 1))]].concat();
    assert!(matches!(refused(&small, &steep(8)), Error::Features(_)));
}

#[test]
fn tiles_are_averaged_and_the_trait_gives_the_same() {
    let classifier = trained(KernelKind::ChiSquared);
    let mut wide = Array3::<f64>::zeros((48, 104, 1));
    wide.slice_mut(s![.., ..52, ..]).assign(&picture(2));
    wide.slice_mut(s![.., 52.., ..]).assign(&picture(5));
    let tiled = decompose_tiles(&classifier, wide.view(), 0, Tiling { side: 52, step: 26 }).unwrap();
    assert_eq!(tiled.scores.len(), 3);
    assert!(tiled.ledger.check(1e-12).is_ok() && tiled.max_relative_error < 1e-12);
    assert!(tiled.scores[0].1 > 0.0 && tiled.scores[2].1 < 0.0);

    let image = picture(3).into_dyn();
    let explanation = classifier.explain(image.view(), 0).unwrap();
    let scores = classifier.scores(&[image.view(), image.view()]).unwrap();
    assert_eq!(scores.column(0).to_vec(), [explanation.score; 2]);
    assert_eq!(classifier.channel_axis(), Some(Axis(2)));
    assert_eq!(explanation.relevance.shape(), [48, 52]);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let classifier = trained(KernelKind::ChiSquared);
            let found = decompose_tiles(&classifier, picture(4).view(), 0, Tiling { side: 40, step: 9 }).unwrap();
            (classifier, found.pixels)
        })
    };
    assert_eq!(run(1), run(2));
}
