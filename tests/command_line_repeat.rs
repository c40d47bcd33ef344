//! `pixelwise repeat`: an explanation once more, from the record beside its map, byte by byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use ndarray::ArrayD;
use ndarray_npy::write_npy;
use tempfile::TempDir;

fn at_root(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the program in this folder.
    fn pixelwise(&self, arguments: &[&str]) -> Output {
        let program = env!("CARGO_BIN_EXE_pixelwise");
        Command::new(program).current_dir(self.0.path()).args(arguments).output().unwrap()
    }

    fn told(&self, arguments: &[&str]) -> String {
        let run = self.pixelwise(arguments);
        assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let run = self.pixelwise(arguments);
        assert_eq!(run.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(run.stderr).unwrap()
    }

    fn photo(&self, name: &str, shade: u8) {
        let picture = RgbImage::from_fn(40, 30, |x, y| Rgb([shade, (x * y % 251) as u8, (7 * x + y) as u8]));
        picture.save(self.path(name)).unwrap();
    }

    /// Repeats a sample, and compares all of its files.
    fn assert_repeats(&self, name: &str) {
        let record = format!("explanations/{name}.json");
        let told = self.told(&["repeat", &record, "--threads", "1"]);
        assert!(told.lines().count() >= 4 && told.lines().all(|line| line.starts_with("same ")), "{told}");
        let files = fs::read_dir(self.path("explanations")).unwrap().map(|entry| entry.unwrap().file_name());
        let own: Vec<_> = files.filter(|file| file.to_string_lossy().starts_with(&format!("{name}."))).collect();
        assert!(own.len() >= 4);
        for file in own {
            let bytes = |folder: &str| fs::read(self.path(folder).join(&file)).unwrap();
            assert_eq!(bytes("explanations"), bytes("repeated"), "{file:?}");
        }
        fs::remove_dir_all(self.path("repeated")).unwrap();
    }
}

#[test]
fn photos_are_repeated_whatever_was_asked_for() {
    let model = at_root("tests/cases/fixed-batch/batch1.onnx");
    for options in [
        &[][..],
        &["--rule", "alpha-beta=2", "--dtype", "f64", "--colormap", "jet", "--target", "0", "--target", "2"],
        &["--method", "smooth-grad=4,0.2,7", "--preprocess", "imagenet-tf"],
        &["--scale", "batch", "--labels", "labels.txt", "--target", "cup", "--explain-probability", "--top", "2"],
        &["--layer-rule", "convolution=gamma=0.5", "--input-range=-2.5,3"],
    ] {
        let folder = Folder::new();
        fs::create_dir(folder.path("photos")).unwrap();
        folder.photo("photos/a.png", 10);
        folder.photo("photos/b.png", 200);
        fs::write(folder.path("labels.txt"), "cat\ncup\nrocket\n").unwrap();
        folder.told(&[&["explain", &model, "photos", "photos/b.png"], options].concat());
        ["a", "b", "b-2"].iter().for_each(|name| folder.assert_repeats(name));
    }
}

#[test]
fn samples_of_arrays_are_repeated_in_their_place() {
    let folder = Folder::new();
    let model = at_root("tests/cases/fixed-batch/batch8.onnx");
    let batch = ArrayD::from_shape_fn(vec![11, 3, 16, 16], |at| ((at[0] * 7 + at[1] * at[2] + at[3]) % 13) as f32);
    write_npy(folder.path("batch.npy"), &batch).unwrap();
    let classes = ArrayD::from_shape_fn(vec![11], |at| (at[0] % 3) as i64);
    write_npy(folder.path("classes.npy"), &classes).unwrap();
    for options in [&["--target", "classes.npy"][..], &["--method", "smooth-grad=3"]] {
        folder.told(&[&["explain", &model, "batch.npy"], options].concat());
        ["batch-0", "batch-5", "batch-10"].iter().for_each(|name| folder.assert_repeats(name));
        fs::remove_dir_all(folder.path("explanations")).unwrap();
    }
}

#[test]
fn several_inputs_are_repeated() {
    let folder = Folder::new();
    let case = |file: &str| at_root(&format!("tests/cases/two-inputs/{file}"));
    let inputs = [format!("image={}", case("image.npy")), format!("meta={}", case("meta.npy"))];
    folder.told(&["explain", &case("model.onnx"), &inputs[0], &inputs[1], "--explained", "meta", "image"]);
    folder.assert_repeats("image-1");
}

#[test]
fn a_similarity_is_refused_since_it_takes_both_inputs() {
    let folder = Folder::new();
    let golden = |file: &str| at_root(&format!("tests/golden/neural/lenet5/{file}"));
    folder.told(&["explain", &golden("model.onnx"), &golden("input.npy"), "--similarity", "dot"]);
    assert!(folder.refused(&["repeat", "explanations/input-0.json"]).contains("takes both inputs"));
}

#[test]
fn what_is_no_longer_there_is_named() {
    let folder = Folder::new();
    folder.photo("photo.png", 90);
    fs::copy(at_root("tests/cases/fixed-batch/batch1.onnx"), folder.path("model.onnx")).unwrap();
    folder.told(&["explain", "model.onnx", "photo.png"]);
    let record = "explanations/photo.json";
    assert!(folder.refused(&["repeat", record, "--output", "explanations"]).contains("--output is the folder"));
    let map = folder.path("explanations/photo.predicted.relevance.npy");
    let bytes = fs::read(&map).unwrap();
    fs::write(&map, [&bytes[..bytes.len() - 1], &[7]].concat()).unwrap();
    let message = folder.refused(&["repeat", record]);
    assert!(message.contains("not the same bytes") && message.contains("photo.predicted.relevance.npy"), "{message}");
    fs::remove_file(&map).unwrap();
    assert!(folder.told(&["repeat", record]).contains("not there  explanations/photo.predicted.relevance.npy"));
    folder.photo("photo.png", 91);
    assert!(folder.refused(&["repeat", record]).contains("not what they were when photo was made: photo.png"));
    fs::copy(at_root("tests/cases/fixed-batch/batch8.onnx"), folder.path("model.onnx")).unwrap();
    assert!(folder.refused(&["repeat", record]).contains("not what they were when photo was made: model.onnx"));
    fs::write(folder.path("other.json"), "{}").unwrap();
    assert!(folder.refused(&["repeat", "other.json"]).contains("other.json: no record"));
    assert!(!Path::new(&folder.path("other")).exists());
}
