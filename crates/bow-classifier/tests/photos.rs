//! From files to explanations, on a small folder that the tests make.

use std::fs;
use std::path::{Path, PathBuf};

use bow_classifier::convert::{LibsvmVectors, expansion_from_libsvm};
use bow_classifier::training::CrossValidation;
use bow_classifier::{
    BowClassifier, BowModel, Cache, ChannelSettings, Configuration, Error, FisherOptions, KernelWeighting,
    MappingSettings, Pyramid, ThirdLayer, Truth, Vectors, Vocabulary, compare_costs,
};
use bow_mapping::{Normalization, Pooling, RankOptions};
use image::{GrayImage, Rgb, RgbImage};
use kernels::KernelKind;
use libsvm_rs::io::save_model_to_writer;
use libsvm_rs::train::svm_train;
use libsvm_rs::{KernelType, SvmNode, SvmParameterBuilder, SvmProblem};
use local_features::{ColorQuantiles, DenseSift, Rotation};
use ndarray::{Array2, Array3};
use relevance::RandomizableClassifier;
use tempfile::TempDir;

/// Stripes, steep and reddish or flat and bluish by turns, no two alike.
fn picture(index: u32) -> RgbImage {
    let angle = if index.is_multiple_of(2) { 0.2_f64 } else { 1.3 };
    RgbImage::from_fn(60, 48, |x, y| {
        let along = f64::from(x) * angle.cos() + f64::from(y) * angle.sin();
        let gray = 128.0 + 90.0 * (0.5 * along + f64::from(index)).sin();
        let tint = if index.is_multiple_of(2) { 30.0 } else { -30.0 };
        Rgb([(gray + tint) as u8, gray as u8, (gray - tint) as u8])
    })
}

/// The name of each class, and which photos show it.
type Classes = Vec<(String, Vec<Truth>)>;

fn photos() -> (TempDir, Vec<PathBuf>, Classes) {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..12).map(|index| folder.path().join(format!("{index:02}.jpg"))).collect();
    for (index, path) in (0..).zip(&paths) {
        picture(index).save(path).unwrap();
    }
    let steep: Vec<Truth> = (0..12).map(|i| if i % 2 == 0 { Truth::Shown } else { Truth::NotShown }).collect();
    let mut early: Vec<Truth> = (0..12).map(|i| if i < 5 { Truth::Shown } else { Truth::NotShown }).collect();
    early[7] = Truth::Difficult;
    (folder, paths, vec![("steep".to_owned(), steep), ("early".to_owned(), early)])
}

/// The paper's configuration with a coarser grid and few words.
fn small() -> Configuration {
    let mut configuration = Configuration::voc2009().with_words(&[9, 8, 7]).unwrap();
    configuration.sample = 300;
    for channel in &mut configuration.channels {
        channel.mapping = MappingSettings::Rank(RankOptions { base: 2.4, neighbors: 4 });
    }
    configuration
}

struct Learned {
    vectors: Vectors,
    classifier: BowClassifier,
}

fn learn(
    configuration: &Configuration,
    paths: &[PathBuf],
    classes: &[(String, Vec<Truth>)],
    cache: Option<&Cache>,
) -> Learned {
    let (vocabulary, _) = Vocabulary::learn(configuration, paths, cache, &()).unwrap();
    let vectors = vocabulary.vectors(paths, cache, &()).unwrap();
    let kept: Vec<_> = classes.iter().map(|(name, truths)| (name.clone(), vectors.of_kept(truths))).collect();
    let classifier = BowClassifier::train(configuration, vocabulary, &vectors.values, &kept, &()).unwrap();
    Learned { vectors, classifier }
}

fn image(path: &Path) -> Array3<f64> {
    images::to_unit_range(images::read(path).unwrap().view())
}

#[test]
fn photos_are_told_apart_and_explained_to_the_last_bit_of_relevance() {
    let (_folder, paths, classes) = photos();
    let mut pyramid = small();
    pyramid.channels[2].pyramid = Pyramid::voc();
    let mut soft = small();
    soft.channels[0].mapping = MappingSettings::Soft(Default::default());
    soft.channels[1].pooling = Pooling::new(2.0).unwrap();
    soft.channels[2].mapping = MappingSettings::Hard;
    for configuration in [small(), pyramid, soft] {
        let Learned { vectors, classifier } = learn(&configuration, &paths, &classes, None);
        let scores = classifier.scores_of_vectors(vectors.values.view()).unwrap();
        for (photo, path) in paths.iter().enumerate() {
            assert_eq!(scores[[photo, 0]] > 0.0, photo % 2 == 0, "photo {photo}");
            for class in 0..2 {
                let found = classifier.decompose(image(path).view(), class).unwrap();
                assert!((found.score - scores[[photo, class]]).abs() < 1e-12, "{} in {path:?}", found.score);
                assert!((found.pixels.sum() - found.score).abs() < 1e-9, "{} of {}", found.pixels.sum(), found.score);
                found.ledger.check(1e-10).unwrap();
            }
        }
    }
}

#[test]
fn machines_of_all_classes_read_one_copy_of_the_training_vectors() {
    let (folder, paths, classes) = photos();
    let mut about_roots = small();
    for channel in &mut about_roots.channels {
        channel.kernel = KernelKind::ChiSquared;
    }
    for configuration in [small(), about_roots] {
        let Learned { vectors, classifier } = learn(&configuration, &paths, &classes, None);
        let path = folder.path().join("shared.model");
        classifier.save(&path).unwrap();
        for classifier in [classifier, BowClassifier::load(&path).unwrap()] {
            let models = [0, 1].map(|class| classifier.model(class).unwrap());
            let support = |model: &BowModel| model.expansion().terms()[0].support.as_ptr();
            assert_eq!(support(models[0]), support(models[1]));
            for model in models {
                // Rows of the whole matrix, of which each term reads its columns.
                let mut begin = 0;
                for term in model.expansion().terms() {
                    assert_eq!(term.support.strides(), [vectors.values.ncols() as isize, 1]);
                    assert_eq!(term.support.as_ptr(), support(model).wrapping_add(begin));
                    begin += term.support.ncols();
                }
                if let ThirdLayer::Taylor(taylor) = model.third_layer() {
                    assert_eq!(taylor.candidates.points().as_ptr(), support(model));
                }
            }
            let alone = models.map(|model| model.scores(&vectors.values).unwrap());
            let together = classifier.scores_of_vectors(vectors.values.view()).unwrap();
            assert!(alone.iter().zip(together.columns()).all(|(alone, together)| alone == together));
        }
    }
}

#[test]
fn every_mapping_and_kernel_can_be_asked_for() {
    let (_folder, paths, classes) = photos();
    let sift = DenseSift { scale: 3.0, step: 8, rotation: Rotation::Fixed { angle: 0.0 }, ..DenseSift::default() };
    let channel = ChannelSettings {
        words: 6,
        flat_word: false,
        mapping: MappingSettings::Hard,
        pooling: Pooling::MEAN,
        normalization: Normalization::L1,
        kernel: KernelKind::ChiSquared,
        pyramid: Pyramid::default(),
        extractor: sift.into(),
    };
    let quantiles = ChannelSettings { extractor: ColorQuantiles::default().into(), words: 2, ..channel.clone() };
    let fisher = ChannelSettings {
        mapping: MappingSettings::Fisher(FisherOptions { principal_components: Some(7) }),
        normalization: Normalization::PowerL2 { exponent: 0.5 },
        kernel: KernelKind::Linear,
        ..quantiles.clone()
    };
    let lasso = ChannelSettings {
        mapping: MappingSettings::Lasso(Default::default()),
        kernel: KernelKind::Rbf,
        words: 5,
        ..quantiles
    };
    let ridge = ChannelSettings { mapping: MappingSettings::Ridge(Default::default()), ..lasso.clone() };
    for channels in [vec![channel.clone()], vec![fisher], vec![lasso], vec![ridge, channel]] {
        let configuration = Configuration { channels, ..small() };
        let classifier = learn(&configuration, &paths, &classes, None).classifier;
        let found = classifier.decompose(image(&paths[0]).view(), 0).unwrap();
        assert!(found.score > 0.0, "{configuration:?}");
        found.ledger.check(1e-10).unwrap();
    }
}

#[test]
fn any_number_of_threads_and_any_cache_give_the_same_file() {
    let (folder, paths, classes) = photos();
    let cache = Cache::open(folder.path().join("cache")).unwrap();
    let file = |name: &str, threads: usize, cache: Option<&Cache>| {
        let path = folder.path().join(name);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| learn(&small(), &paths, &classes, cache).classifier.save(&path).unwrap());
        fs::read(path).unwrap()
    };
    let plain = file("plain.model", 1, None);
    assert!(plain == file("threads.model", 3, None), "three threads");
    // A run that was stopped: only some photos and one codebook are there.
    let part = Configuration { channels: vec![small().channels[1].clone()], ..small() };
    let (vocabulary, _) = Vocabulary::learn(&part, &paths[..], Some(&cache), &()).unwrap();
    vocabulary.vectors(&paths[3..8], Some(&cache), &()).unwrap();
    assert!(plain == file("resumed.model", 2, Some(&cache)), "after a part");
    assert!(plain == file("cached.model", 2, Some(&cache)), "after the whole");
    let loaded = BowClassifier::load(folder.path().join("plain.model")).unwrap();
    assert_eq!(loaded, learn(&small(), &paths, &classes, None).classifier);
}

#[test]
fn broken_photos_are_named_and_the_rest_goes_on() {
    let (folder, mut paths, classes) = photos();
    let jpeg = fs::read(&paths[3]).unwrap();
    fs::write(&paths[1], &jpeg[..2 * jpeg.len() / 3]).unwrap();
    RgbImage::new(3, 48).save(&paths[2]).unwrap();
    fs::write(&paths[4], "Dear diary,").unwrap();
    GrayImage::from_fn(60, 48, |x, y| image::Luma([(3 * x + y) as u8])).save(&paths[5]).unwrap();
    paths[6] = folder.path().join("lost.jpg");
    fs::write(&paths[7], include_bytes!("../../images/tests/jpeg/cmyk.jpg")).unwrap();
    let configuration = small();
    let (vocabulary, problems) = Vocabulary::learn(&configuration, &paths[..], None, &()).unwrap();
    let vectors = vocabulary.vectors(&paths[..], None, &()).unwrap();
    for problems in [problems, vectors.problems] {
        let messages: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(messages.len(), 4, "{messages:#?}");
        for (message, name) in messages.iter().zip(["01.jpg", "02.jpg", "04.jpg", "lost.jpg"]) {
            assert!(message.contains(name), "{message}");
        }
    }
    assert_eq!(vectors.kept, [0, 3, 5, 7, 8, 9, 10, 11]);
    assert_eq!(vectors.values.nrows(), 8);
    let error = BowClassifier::train(&configuration, vocabulary, &vectors.values, &classes, &()).unwrap_err();
    assert!(matches!(error, Error::Labels { found: 12, images: 8, .. }), "{error}");
    let error = Vocabulary::learn(&configuration, &paths[6..7], None, &()).unwrap_err();
    assert!(error.to_string().contains("lost.jpg"), "{error}");
}

#[test]
fn costs_are_compared_and_kernels_weighted() {
    let (_folder, paths, classes) = photos();
    let configuration = Configuration { kernel_weights: KernelWeighting::Uniform, ..small() };
    let Learned { vectors, classifier } = learn(&configuration, &paths, &classes, None);
    let validation = CrossValidation { folds: 3, seed: 1 };
    let vocabulary = classifier.vocabulary();
    let found =
        compare_costs(&configuration, vocabulary, &vectors.values, &classes, &[0.1, 10.0], &validation, &()).unwrap();
    let alone = |class: usize| {
        let class = &classes[class..][..1];
        compare_costs(&configuration, vocabulary, &vectors.values, class, &[0.1, 10.0], &validation, &()).unwrap()
    };
    let (steep, early) = (alone(0), alone(1));
    assert_eq!(steep.scores[1].accuracy, 1.0);
    let means = [0, 1].map(|cost| (steep.scores[cost].area_under_curve + early.scores[cost].area_under_curve) / 2.0);
    assert_eq!([0, 1].map(|cost| found.scores[cost].area_under_curve), means);
    assert_eq!(found.best, if means[1] > means[0] { 10.0 } else { 0.1 });
    let weights: Vec<f64> = classifier.model(0).unwrap().expansion().terms().iter().map(|term| term.weight).collect();
    assert_eq!(weights, [1.0 / 3.0; 3]);
    assert!(classifier.model(2).is_err());
    let scarce = CrossValidation { folds: paths.len(), ..validation };
    let refused = compare_costs(&configuration, vocabulary, &vectors.values, &classes[1..], &[1.0], &scarce, &());
    let told = refused.unwrap_err().to_string();
    assert!(told.starts_with(&format!("class {}: {} folds, but only", classes[1].0, paths.len())), "{told}");
}

/// LIBSVM's machine over vectors, in the words of its model file.
fn of_libsvm(vectors: &Array2<f64>, truths: &[Truth]) -> Vec<u8> {
    let node = |(position, &value): (usize, &f64)| SvmNode { index: position as i32 + 1, value };
    let instances = vectors.rows().into_iter().map(|row| row.iter().enumerate().map(node).collect()).collect();
    let labels = truths.iter().map(|&truth| if truth == Truth::Shown { 1.0 } else { -1.0 }).collect();
    let parameters = SvmParameterBuilder::new().kernel_type(KernelType::Rbf).gamma(2.0).c(10.0).shrinking(false);
    libsvm_rs::set_quiet(true);
    let mut file = Vec::new();
    let machine = svm_train(&SvmProblem { labels, instances }, &parameters.build().unwrap());
    save_model_to_writer(&mut file, &machine).unwrap();
    file
}

#[test]
fn machines_from_elsewhere_are_explained_and_kept() {
    let (folder, paths, classes) = photos();
    let Learned { vectors, classifier } = learn(&small(), &paths, &classes, None);
    let dimensions = vectors.values.ncols();
    let file = of_libsvm(&vectors.values, &classes[0].1);
    let rbf = expansion_from_libsvm(&file[..], LibsvmVectors::InFile { dimensions }, 1).unwrap();
    let own = classifier.model(1).unwrap().expansion().clone();
    let expansions = vec![("steep".to_owned(), rbf.clone()), ("early".to_owned(), own.clone())];
    let given = BowClassifier::from_expansions(classifier.vocabulary().clone(), expansions).unwrap();
    assert_eq!(given.classes().collect::<Vec<_>>(), ["steep", "early"]);
    assert!(given.configuration().is_none() && classifier.configuration() == Some(&small()));
    for (photo, path) in paths.iter().enumerate() {
        let image = image(path);
        let found = given.decompose(image.view(), 0).unwrap();
        assert_eq!(found.score > 0.0, photo % 2 == 0, "photo {photo}");
        assert!((found.score - rbf.value(vectors.values.row(photo)).unwrap()).abs() < 1e-12);
        found.ledger.check(1e-10).unwrap();
        let (found, expected) = (given.decompose(image.view(), 1), classifier.decompose(image.view(), 1));
        assert_eq!(found.unwrap().pixels, expected.unwrap().pixels, "photo {photo}");
    }

    let path = folder.path().join("given.model");
    given.save(&path).unwrap();
    assert_eq!(BowClassifier::load(&path).unwrap(), given);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(matches!(BowClassifier::load(&path), Err(Error::DamagedModel { .. })));

    let (other, _) = Vocabulary::learn(&small().with_words(&[9, 8, 6]).unwrap(), &paths[..], None, &()).unwrap();
    let error = BowClassifier::from_expansions(other, vec![("early".to_owned(), own)]).unwrap_err();
    assert!(error.to_string().contains("23 dimensions for an expansion over 24"), "{error}");
}

#[test]
fn randomized_photos_are_scored_and_explained_by_randomized_models() {
    let (_folder, paths, classes) = photos();
    let classifier = learn(&small(), &paths, &classes, None).classifier;
    let photo = image(&paths[0]).into_dyn();
    let vector = classifier.vocabulary().bag(image(&paths[0]).view()).unwrap().vector;
    let layers = classifier.layers();
    assert_eq!(layers.len(), 4, "{layers:?}: three channels of words, and the support vectors");
    for layer in 0..layers.len() {
        let randomized = classifier.randomized(layer, 42).unwrap();
        assert_eq!(randomized.layers(), layers);
        for class in 0..2 {
            let expected =
                classifier.model(class).unwrap().randomized(layer, 42).unwrap().score(vector.view()).unwrap();
            let explanation = randomized.explain(photo.view(), class).unwrap();
            assert_eq!(explanation.score, expected);
            explanation.ledger.check(1e-10).unwrap();
        }
        let scores = |classifier: &dyn RandomizableClassifier| classifier.scores(&[photo.view()]).unwrap();
        assert_ne!(scores(randomized.as_ref()), scores(&classifier), "{}", layers[layer]);
    }
    assert!(classifier.randomized(4, 42).is_err());
}
