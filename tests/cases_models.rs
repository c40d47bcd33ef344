//! Files of Bag-of-Words classifiers: those of earlier releases, and damaged ones. `tests/cases/model-damage-unseen`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bow_classifier::{BowClassifier, Tiling};
use ndarray::Array2;
use ndarray_npy::read_npy;

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/model-damage-unseen").join(file)
}

/// The relevance of the picture for a class.
fn relevance(classifier: &BowClassifier, class: usize) -> Array2<f64> {
    let picture = images::to_unit_range(images::read(path("picture.png")).unwrap().view());
    let explained = classifier.explain_image(picture.view(), &[Some(class)]).unwrap();
    explained.classes[0].explanation.relevance.clone().into_dimensionality().unwrap()
}

fn explain(model: &Path, output: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pixelwise"));
    command.arg("explain").arg(model).arg(path("picture.png")).arg("--output").arg(output).output().unwrap()
}

#[test]
fn files_of_earlier_releases_are_read_and_explain_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for (file, expected, class) in [("tiles-1.model", "tiles.npy", 0), ("photos-2.model", "photos.npy", 1)] {
        let classifier = BowClassifier::load(path(file)).unwrap();
        let expected: Array2<f64> = read_npy(path(expected)).unwrap();
        assert_eq!(relevance(&classifier, class), expected, "{file}");
        // As a file of today it says the same.
        let today = folder.path().join(file);
        classifier.save(&today).unwrap();
        let again = BowClassifier::load(&today).unwrap();
        assert_eq!(again, classifier, "{file}");
        assert_eq!(relevance(&again, class), expected, "{file}");
    }
    let tiles = BowClassifier::load(path("tiles-1.model")).unwrap();
    assert_eq!((tiles.tiling(), tiles.configuration()), (Some(Tiling::default()), None));
    let photos = BowClassifier::load(path("photos-2.model")).unwrap();
    assert_eq!((photos.tiling(), photos.classes().collect::<Vec<_>>()), (None, vec!["flat", "steep"]));
    assert_eq!(photos.configuration().unwrap().channels[0].words, 4);
}

#[test]
fn no_flipped_bit_and_no_cut_is_unseen() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["tiles-1.model", "photos-2.model"] {
        let model = folder.path().join(file);
        BowClassifier::load(path(file)).unwrap().save(&model).unwrap();
        let whole = fs::read(&model).unwrap();
        let is_read = |bytes: &[u8]| {
            fs::write(&model, bytes).unwrap();
            BowClassifier::load(&model).is_ok()
        };
        for bit in (0..8 * whole.len()).step_by(29) {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_read(&damaged), "{file}, bit {bit}");
        }
        for length in (0..whole.len()).step_by(41) {
            assert!(!is_read(&whole[..length]), "{file}, {length} bytes");
        }
        assert!(is_read(&whole));
    }
}

#[test]
fn a_damaged_model_is_refused_by_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let (model, output) = (folder.path().join("a.model"), folder.path().join("output"));
    BowClassifier::load(path("photos-2.model")).unwrap().save(&model).unwrap();
    assert!(explain(&model, &output).status.success());
    let mut damaged = fs::read(&model).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 4;
    fs::write(&model, damaged).unwrap();
    let run = explain(&model, &output);
    let message = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert!(message.contains("a.model is damaged: its checksum is another one"), "{message}");
}
