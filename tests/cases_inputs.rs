//! What goes into a network: several inputs, inputs that nothing uses, batches of a fixed length.

use std::path::Path;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use ndarray::{ArrayD, Axis, Slice, concatenate};
use ndarray_npy::{read_npy, write_npy};
use serde_json::Value;
use tempfile::TempDir;

fn case(path: &str) -> String {
    format!("{}/tests/cases/{path}", env!("CARGO_MANIFEST_DIR"))
}

fn pixelwise(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pixelwise")).args(arguments).output().unwrap()
}

fn told(arguments: &[&str]) -> String {
    let run = pixelwise(arguments);
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

fn refused(arguments: &[&str]) -> String {
    let run = pixelwise(arguments);
    assert_eq!(run.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(run.stderr).unwrap()
}

/// A folder for what is written.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn array(&self, name: &str) -> ArrayD<f64> {
        read_npy(self.path(name)).unwrap()
    }

    fn array_of_singles(&self, name: &str) -> ArrayD<f32> {
        read_npy(self.path(name)).unwrap()
    }

    fn record(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }

    fn has(&self, name: &str) -> bool {
        Path::new(&self.path(name)).exists()
    }
}

/// An image of 1 × 4 × 4 and five numbers, joined before the last layer.
mod two_inputs {
    use super::*;

    fn files() -> [String; 3] {
        let named = |name: &str| format!("{name}={}", case(&format!("two-inputs/{name}.npy")));
        [case("two-inputs/model.onnx"), named("image"), named("meta")]
    }

    fn explain(folder: &Folder, options: &[&str]) -> String {
        let ([model, image, meta], output) = (files(), folder.path("out"));
        let given = ["explain", &model, &image, &meta, "--dtype", "f64", "--rule", "lrp-0", "--output", &output];
        told(&[&given, options].concat())
    }

    #[test]
    fn both_are_run_by_name_or_in_their_order() {
        let [model, image, meta] = files();
        let expected = case("two-inputs/logits.npy");
        told(&["run", &model, &meta, &image, "--expect", &expected]);
        let in_order = [case("two-inputs/image.npy"), case("two-inputs/meta.npy")];
        told(&["run", &model, &in_order[0], &in_order[1], "--expect", &expected]);
    }

    #[test]
    fn both_are_explained_and_share_the_score() {
        let folder = Folder::new();
        let text = explain(&folder, &[]);
        assert!(text.contains("input          meta, 5"), "{text}");
        for sample in 0..2 {
            let record = folder.record(&format!("out/image-{sample}.json"));
            let targets = record["targets"].as_array().unwrap();
            let names: Vec<_> = targets.iter().map(|target| target["input"]["name"].as_str().unwrap()).collect();
            assert_eq!(names, ["image", "meta"]);
            let mut sum = 0.0;
            for (target, shape) in targets.iter().zip([&[1, 4, 4][..], &[5]]) {
                let map = folder.array(&format!("out/{}", target["files"]["relevance"].as_str().unwrap()));
                assert_eq!(map.shape(), shape);
                assert!((map.sum() - target["input"]["relevance"].as_f64().unwrap()).abs() < 1e-12);
                assert!(folder.has(&format!("out/{}", target["files"]["heatmap"].as_str().unwrap())));
                sum += map.sum();
            }
            // The biases are sinks; the rest of the score is in the two maps.
            let ledger: relevance::Ledger = serde_json::from_value(targets[0]["ledger"].clone()).unwrap();
            ledger.check(1e-10).unwrap();
            assert!((ledger.total().lower.total - sum).abs() < 1e-10 * sum.abs());
            assert!(targets[1]["ledger"].is_null());
            assert_eq!(record["inputs"][1]["origin"]["sample"], sample);
        }
        let page = std::fs::read_to_string(folder.path("out/index.html")).unwrap();
        assert!(page.contains("input meta"));
    }

    /// The map of an input is that of Captum's and zennit's rules: `x ∂f/∂x` where all is linear but rectifiers.
    #[test]
    fn each_has_input_times_gradient_by_the_first_rule() {
        let folder = Folder::new();
        for name in ["image", "meta"] {
            let relevance = folder.path("relevance.npy");
            let one = ["--explained", name, "--target", "1", "--relevance", &relevance];
            explain(&folder, &one);
            let by_rules = folder.array("relevance.npy");
            let ([model, image, meta], output) = (files(), folder.path("other"));
            let method = ["explain", &model, &image, &meta, "--dtype", "f64", "--method", "input-x-gradient"];
            told(&[&method[..], &one, &["--output", &output]].concat());
            let by_gradient = folder.array("relevance.npy");
            let apart = (&by_rules - &by_gradient).iter().fold(0.0, |apart: f64, x| apart.max(x.abs()));
            assert!(apart < 1e-9, "{name}: {apart}");
        }
    }

    #[test]
    fn one_alone_is_explained_as_the_input_of_any_network() {
        let folder = Folder::new();
        explain(&folder, &["--explained", "meta"]);
        assert!(folder.has("out/image-1.predicted.relevance.npy"));
        assert_eq!(folder.array("out/image-1.predicted.relevance.npy").shape(), [5]);
        explain(&folder, &["--explained", "meta", "image", "--scale", "batch", "--target", "0", "--target", "2"]);
        for target in ["0", "2"] {
            for input in ["image", "meta"] {
                assert!(folder.has(&format!("out/image-0.{target}.{input}.heatmap.png")));
            }
        }
    }

    #[test]
    fn a_run_goes_on_where_it_stopped() {
        let folder = Folder::new();
        explain(&folder, &[]);
        let [whole, cut] =
            [0, 1].map(|sample| folder.path(&format!("out/image-{sample}.predicted.meta.relevance.npy")));
        let made = |map: &str| std::fs::metadata(map).unwrap().modified().unwrap();
        let (bytes, before) = (std::fs::read(&cut).unwrap(), made(&whole));
        std::fs::write(&cut, &bytes[..50]).unwrap();
        explain(&folder, &["--resume"]);
        assert_eq!(made(&whole), before);
        assert_eq!(std::fs::read(&cut).unwrap(), bytes);
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let folder = Folder::new();
        let ([model, image, meta], output) = (files(), folder.path("out"));
        let end = ["--output", &output];
        let say = |given: &[&str]| refused(&[&["explain", &model], given, &end].concat());
        let message = say(&[&image]);
        assert!(message.contains("2 inputs, \"image\", \"meta\"") && message.contains("meta=FILE"), "{message}");
        assert!(say(&["mask=a.npy", &meta]).contains("no input \"mask\""));
        assert!(say(&[&image, &meta, "--explained", "mask"]).contains("is no input"));
        assert!(say(&[&image, &meta, "--relevance", &folder.path("r.npy")]).contains("by --explained"));
        let short = folder.path("short.npy");
        let numbers: ArrayD<f32> = read_npy(case("two-inputs/meta.npy")).unwrap();
        write_npy(&short, &numbers.slice_axis(Axis(0), Slice::from(..1)).to_owned()).unwrap();
        let message = say(&[&image, &format!("meta={short}")]);
        assert!(message.contains("2 for \"image\", 1 for \"meta\""), "{message}");
    }
}

#[test]
fn an_input_that_nothing_uses_is_left_out() {
    let folder = Folder::new();
    let [model, x] = [case("unused-input/model.onnx"), case("unused-input/x.npy")];
    told(&["run", &model, &x]);
    told(&["explain", &model, &x, "--output", &folder.path("out")]);
    assert!(folder.has("out/x-0.predicted.heatmap.png"));
}

/// The same convolutional network, exported for a batch of 1 and of 8.
mod fixed_batch {
    use super::*;

    fn model(samples: usize) -> String {
        case(&format!("fixed-batch/batch{samples}.onnx"))
    }

    #[test]
    fn any_number_of_samples_is_run() {
        let folder = Folder::new();
        let four: ArrayD<f32> = read_npy(case("fixed-batch/four.npy")).unwrap();
        let logits: ArrayD<f32> = read_npy(case("fixed-batch/logits.npy")).unwrap();
        let (eleven, expected) = (folder.path("eleven.npy"), folder.path("expected.npy"));
        let repeated = |array: &ArrayD<f32>| {
            let three = array.slice_axis(Axis(0), Slice::from(..3));
            concatenate(Axis(0), &[array.view(), array.view(), three]).unwrap()
        };
        write_npy(&eleven, &repeated(&four)).unwrap();
        write_npy(&expected, &repeated(&logits)).unwrap();
        for samples in [1, 8] {
            told(&["run", &model(samples), &case("fixed-batch/four.npy"), "--expect", &case("fixed-batch/logits.npy")]);
            told(&["run", &model(samples), &eleven, "--expect", &expected]);
        }
    }

    #[test]
    fn what_fills_a_batch_up_is_in_no_file() {
        let folder = Folder::new();
        let mut maps = Vec::new();
        for samples in [1, 8] {
            let (output, relevance) = (folder.path(&format!("out{samples}")), folder.path("relevance.npy"));
            let four = case("fixed-batch/four.npy");
            let given = ["explain", &model(samples), &four, "--dtype", "f64", "--output", &output];
            told(&[&given[..], &["--relevance", &relevance]].concat());
            maps.push(folder.array("relevance.npy"));
            assert!(
                folder.has(&format!("out{samples}/four-3.json")) && !folder.has(&format!("out{samples}/four-4.json"))
            );
        }
        assert_eq!(maps[0], maps[1]);
        assert_eq!(maps[0].shape(), [4, 3, 16, 16]);
        let (alone, together) = (folder.record("out1/four-0.json"), folder.record("out8/four-0.json"));
        assert_eq!(together["targets"][0]["ledger_samples"], 4);
        assert_eq!(alone["targets"][0]["class"], together["targets"][0]["class"]);
        let ledger = |record: &Value| -> relevance::Ledger {
            serde_json::from_value(record["targets"][0]["ledger"].clone()).unwrap()
        };
        let given: f64 =
            (0..4).map(|at| ledger(&folder.record(&format!("out1/four-{at}.json"))).total().upper.total).sum();
        let together = ledger(&together);
        together.check(1e-10).unwrap();
        assert!((together.total().upper.total - given).abs() < 1e-10 * given);
    }

    #[test]
    fn photos_are_as_many_as_there_are() {
        let folder = Folder::new();
        let photo = |name: &str, shade: u8| {
            let path = folder.path(name);
            RgbImage::from_fn(20, 18, |x, y| Rgb([shade, (x * y % 251) as u8, (7 * x) as u8])).save(&path).unwrap();
            path
        };
        let photos = [photo("a.png", 10), photo("b.png", 200)];
        let array = case("fixed-batch/four.npy");
        for samples in [1, 8] {
            let output = folder.path(&format!("out{samples}"));
            told(&["explain", &model(samples), &photos[0], &photos[1], &array, &photos[0], "--output", &output]);
        }
        for name in ["a", "b", "four-0", "four-3", "a-2"] {
            let map = |samples: usize| -> ArrayD<f32> {
                read_npy(folder.path(&format!("out{samples}/{name}.predicted.relevance.npy"))).unwrap()
            };
            assert_eq!(map(1), map(8), "{name}");
        }
    }
}

/// What a model's file declares about its images.
mod declared_images {
    use super::*;

    /// A protobuf field with bytes.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    }

    /// A network with further `metadata_props`: fields that stand behind a message belong to it.
    fn with_metadata(folder: &Folder, entries: &[(&str, &str)]) -> String {
        let mut bytes = std::fs::read(case("fixed-batch/batch1.onnx")).unwrap();
        for (key, value) in entries {
            bytes.extend(field(14, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat()));
        }
        let path = folder.path("declaring.onnx");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn photo(folder: &Folder) -> String {
        let path = folder.path("photo.png");
        RgbImage::from_fn(16, 16, |x, y| Rgb([x as u8, y as u8, 200])).save(&path).unwrap();
        path
    }

    #[test]
    fn the_file_goes_before_a_guess_and_what_is_chosen_before_both() {
        let folder = Folder::new();
        let photo = photo(&folder);
        let plain = case("fixed-batch/batch1.onnx");
        let output = folder.path("out");
        let explain =
            |model: &str, options: &[&str]| told(&[&["explain", model, &photo, "--output", &output], options].concat());
        assert!(explain(&plain, &[]).contains("a guess by the number of channels; choose by --preprocess"));
        assert!(told(&["run", &plain, &photo]).contains("a guess by the number of channels"));
        let winml = with_metadata(
            &folder,
            &[("Image.BitmapPixelFormat", "Bgr8"), ("Image.NominalPixelRange", "Normalized_1_1")],
        );
        let text = explain(&winml, &[]);
        assert!(text.contains("BGR in 0..255, minus 127.5, divided by 127.5"), "{text}");
        assert!(
            text.contains("as the model's file declares it: Image.BitmapPixelFormat, Image.NominalPixelRange"),
            "{text}"
        );
        assert!(told(&["run", &winml, &photo]).contains("as the model's file declares it"));
        let chosen = explain(&winml, &["--preprocess", "caffe"]);
        assert!(chosen.contains("minus (103.939") && !chosen.contains("declares"), "{chosen}");
        let numbers = with_metadata(&folder, &[("mean", "[0.5, 0.25, 0.125]"), ("std", "0.5")]);
        assert!(explain(&numbers, &[]).contains("RGB in 0..1, minus (0.5, 0.25, 0.125), divided by 0.5"));
        let wrong = with_metadata(&folder, &[("mean", "[0.5, 0.25]")]);
        let message = refused(&["explain", &wrong, &photo, "--output", &output]);
        assert!(message.contains("mean = \"[0.5, 0.25]\"") && message.contains("3 numbers"), "{message}");
    }

    #[test]
    fn an_input_of_bytes_is_given_bytes() {
        let folder = Folder::new();
        let mut bytes = std::fs::read(case("webp-tiff-gif/identity.onnx")).unwrap();
        // The types of input and output: FLOAT (1) becomes UINT8 (2).
        let types: Vec<usize> =
            (0..bytes.len() - 3).filter(|&at| bytes[at..].starts_with(&[8, 1, 0x12])).map(|at| at + 1).collect();
        assert_eq!(types.len(), 2);
        types.into_iter().for_each(|at| bytes[at] = 2);
        let model = folder.path("bytes.onnx");
        std::fs::write(&model, bytes).unwrap();
        let (photo, array) = (photo(&folder), folder.path("array.npy"));
        let text = told(&["run", &model, &photo]);
        assert!(text.contains("as the model's file declares it: an input of bytes"), "{text}");
        told(&["run", &model, &photo, "--output-array", &array]);
        let given = folder.array_of_singles("array.npy");
        assert!(given.len() == 3 * 16 * 16 && given.iter().skip(2 * 16 * 16).all(|&blue| blue == 200.0), "{given}");
    }
}
