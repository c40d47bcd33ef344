//! The command line on networks: `pixelwise explain`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{GenericImageView, Rgb, RgbImage};
use ndarray::{ArrayD, Axis, Slice, array};
use ndarray_npy::{ReadableElement, WritableElement, read_npy, write_npy};
use serde_json::Value;
use tempfile::TempDir;

fn pixelwise(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pixelwise")).args(arguments).output().unwrap()
}

/// A file of a reference case.
fn golden(case: &str, file: &str) -> String {
    format!("{}/tests/golden/neural/{case}/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn read<F: ReadableElement>(path: impl AsRef<Path>) -> ArrayD<F> {
    read_npy(path.as_ref()).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// A folder to work in, with an output folder in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn output(&self, name: &str) -> PathBuf {
        self.0.path().join("output").join(name)
    }

    /// Explains, with all else that belongs to the command line.
    fn run(&self, model: &str, inputs: &[&str], options: &[&str]) -> Output {
        let output = self.path("output");
        pixelwise(&[&["explain", model], inputs, &["--output", &output], options].concat())
    }

    /// Standard output of a run that has to succeed.
    fn explain(&self, model: &str, inputs: &[&str], options: &[&str]) -> String {
        let run = self.run(model, inputs, options);
        assert!(run.status.success(), "{options:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }

    /// Standard error of a run that has to fail with an exit code.
    fn refuse(&self, code: i32, model: &str, inputs: &[&str], options: &[&str]) -> String {
        let run = self.run(model, inputs, options);
        let message = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(code), "{options:?}: {message}");
        message
    }

    fn array<F: WritableElement>(&self, name: &str, array: &ArrayD<F>) -> String {
        write_npy(self.path(name), array).unwrap();
        self.path(name)
    }

    fn photo(&self, name: &str, seed: u8) -> String {
        let photo = RgbImage::from_fn(40, 36, |x, y| Rgb([6 * x as u8 + seed, 7 * y as u8, 90 ^ seed]));
        fs::create_dir_all(Path::new(&self.path(name)).parent().unwrap()).unwrap();
        photo.save(self.path(name)).unwrap();
        self.path(name)
    }

    fn record(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.output(&format!("{name}.json"))).unwrap()).unwrap()
    }

    /// The output files' names.
    fn files(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.path("output")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// The output files' bytes.
    fn bytes(&self) -> Vec<(String, Vec<u8>)> {
        self.files().into_iter().map(|name| (name.clone(), fs::read(self.output(&name)).unwrap())).collect()
    }
}

const MODEL: &str = "lenet5";

fn model() -> String {
    golden(MODEL, "model.onnx")
}

fn batch() -> String {
    golden(MODEL, "input.npy")
}

mod default {
    use super::*;

    fn perceptron(file: &str) -> String {
        format!("{}/tests/cases/flat-rule-on-a-perceptron/{file}", env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn the_first_line_says_which_composite_was_taken_and_why() {
        let vit = |file: &str| golden("vit_block", file);
        for (model, input, start) in [
            (perceptron("model.onnx"), perceptron("x.npy"), "epsilon-plus, the default for perceptrons: no layer is a"),
            (model(), batch(), "epsilon-plus-flat, the default for convolutional networks: it has 3 convolutions"),
            (vit("model.onnx"), vit("input.npy"), "attention-cp-gamma, the default for transformers: it has"),
        ] {
            let folder = Folder::new();
            let said = folder.explain(&model, &[&input], &[]);
            assert!(said.lines().next().unwrap().starts_with(&format!("composite      {start}")), "{said}");
            let json = folder.explain(&model, &[&input], &["--json"]);
            let document: Value = serde_json::from_str(&json).unwrap();
            let default = &document["default"];
            assert!(json.lines().next().unwrap().contains(default["reason"].as_str().unwrap()), "{json}");
            assert!(start.starts_with(default["composite"].as_str().unwrap()), "{default}");
        }
        let said = Folder::new().explain(&model(), &[&batch()], &["--rule", "epsilon"]);
        assert!(said.starts_with("preprocessing"), "{said}");
        let json = Folder::new().explain(&model(), &[&batch()], &["--json", "--composite", "epsilon-plus"]);
        assert!(serde_json::from_str::<Value>(&json).unwrap()["default"].is_null(), "{json}");
    }

    #[test]
    fn the_pixels_of_a_perceptron_get_different_relevance() {
        let folder = Folder::new();
        let path = folder.path("relevance.npy");
        folder.explain(&perceptron("model.onnx"), &[&perceptron("x.npy")], &["--relevance", &path]);
        let (x, relevance): (ArrayD<f32>, ArrayD<f32>) = (read(perceptron("x.npy")), read(path));
        let distinct: BTreeSet<u32> = relevance.iter().map(|relevance| relevance.to_bits()).collect();
        let lit = x.iter().filter(|&&x| x != 0.0).count();
        assert!(distinct.len() >= lit && lit > 8, "{} values for {lit} pixels that are not empty", distinct.len());
        assert!(x.iter().zip(&relevance).all(|(&x, &relevance)| x != 0.0 || relevance == 0.0));
    }
}

mod files {
    use super::*;

    #[test]
    fn every_sample_and_target_has_its_files() {
        let folder = Folder::new();
        let said = folder.explain(&model(), &[&batch()], &["--target", "predicted", "--target", "1"]);
        let mut expected = BTreeSet::from(["index.html".to_owned()]);
        for sample in ["input-0", "input-1"] {
            expected.insert(format!("{sample}.json"));
            expected.insert(format!("{sample}.photo.png"));
            for target in ["predicted", "1"] {
                for file in ["heatmap.png", "map.png", "overlay.png", "relevance.npy"] {
                    expected.insert(format!("{sample}.{target}.{file}"));
                }
            }
        }
        assert_eq!(folder.files(), expected);
        assert!(said.contains("preprocessing") && said.contains("Conv ×2") && said.contains("z-plus"), "{said}");
        assert!(said.contains("input-1  predicted") && said.contains("bias"), "{said}");

        let relevance: ArrayD<f32> = read(folder.output("input-0.1.relevance.npy"));
        assert_eq!(relevance.shape(), [1, 32, 32]);
        let overlay = image::open(folder.output("input-0.1.overlay.png")).unwrap();
        assert_eq!(overlay.dimensions(), (448, 448)); // 32 × 32, each pixel 14 × 14
        assert!(image::open(folder.output("input-0.1.heatmap.png")).unwrap().height() > 448); // with words and a bar
        let page = fs::read_to_string(folder.output("index.html")).unwrap();
        assert!(page.contains("input-1") && page.contains("data:image/png;base64,"));
    }

    #[test]
    fn the_relevance_is_that_of_the_references() {
        let folder = Folder::new();
        let classes = folder.array("classes.npy", &array![7i64, 2].into_dyn());
        let rules = [
            (&["--composite", "epsilon-plus-flat"][..], "EpsilonPlusFlat"),
            (&["--rule", "epsilon=0.01"], "eps0.01"),
            (&["--rule", "z-box", "--input-range", "-1,1"], "zbox"),
        ];
        for (options, reference) in rules {
            let written = folder.path("relevance.npy");
            let options = [options, &["--target", &classes, "--dtype", "f64", "--relevance", &written]].concat();
            folder.explain(&model(), &[&batch()], &options);
            let expected: ArrayD<f32> = read(golden(MODEL, &format!("R/{reference}.input.npy")));
            let (expected, found) = (expected.mapv(f64::from), read::<f64>(&written));
            assert_eq!(found.shape(), expected.shape());
            let largest = expected.iter().fold(0.0, |largest: f64, value| value.abs().max(largest));
            assert!((found - expected).iter().all(|difference| difference.abs() < 1e-6 * largest), "{reference}");
        }
    }

    #[test]
    fn the_whole_batch_is_its_samples() {
        let folder = Folder::new();
        let whole = folder.path("whole.npy");
        folder.explain(&model(), &[&batch()], &["--relevance", &whole]);
        let whole: ArrayD<f32> = read(whole);
        assert_eq!(whole.shape(), [2, 1, 32, 32]);
        for (sample, relevance) in whole.axis_iter(Axis(0)).enumerate() {
            let alone: ArrayD<f32> = read(folder.output(&format!("input-{sample}.predicted.relevance.npy")));
            assert_eq!(alone, relevance);
        }
    }

    #[test]
    fn several_targets_are_those_of_single_runs() {
        let together = Folder::new();
        together.explain(&model(), &[&batch()], &["--target", "3", "--target", "8"]);
        for class in ["3", "8"] {
            let alone = Folder::new();
            alone.explain(&model(), &[&batch()], &["--target", class]);
            for file in ["heatmap.png", "overlay.png", "relevance.npy"] {
                let name = format!("input-1.{class}.{file}");
                assert_eq!(fs::read(together.output(&name)).unwrap(), fs::read(alone.output(&name)).unwrap(), "{name}");
            }
        }
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bytes() {
        let bytes = ["1", "2"].map(|threads| {
            let folder = Folder::new();
            let photos: Vec<String> = (0..5).map(|seed| folder.photo(&format!("photo-{seed}.png"), seed)).collect();
            let photos: Vec<&str> = photos.iter().map(String::as_str).collect();
            folder.explain(&model(), &photos, &["--threads", threads, "--scale", "batch"]);
            let without_paths = folder.bytes().into_iter().filter(|(name, _)| !name.ends_with(".json"));
            // The page has the command, with the paths of the photos.
            let own = folder.path("").replace('/', "&#x2f;");
            let text = |name: &str, bytes: Vec<u8>| match name.ends_with(".html") {
                true => String::from_utf8(bytes).unwrap().replace(&own, "").into_bytes(),
                false => bytes,
            };
            without_paths.map(|(name, bytes)| (name.clone(), text(&name, bytes))).collect::<Vec<_>>()
        });
        assert_eq!(bytes[0].len(), 5 * 5 + 1);
        assert_eq!(bytes[0], bytes[1]);
    }

    #[test]
    fn records_say_what_was_done() {
        let folder = Folder::new();
        let labels = folder.path("labels.txt");
        fs::write(&labels, (0..10).map(|class| format!("digit-{class}, {class}\n")).collect::<String>()).unwrap();
        let options = ["--labels", &labels, "--target", "digit-7", "--rule", "alpha-beta=2", "--top", "3"];
        let said = folder.explain(&model(), &[&batch()], &options);
        assert!(said.contains("digit-7"), "{said}");
        let record = folder.record("input-0");
        assert_eq!(record["settings"]["options"]["rule"][0], "alpha-beta=2");
        assert_eq!(record["settings"]["options"]["dtype"][0], "f32");
        assert_eq!(record["settings"]["pixelwise"], env!("CARGO_PKG_VERSION"));
        assert_eq!(record["settings"]["files"][&labels].as_str().unwrap().len(), 8);
        assert_eq!(record["shape"], serde_json::json!([1, 32, 32]));
        assert_eq!(record["top"].as_array().unwrap().len(), 3);
        let rules = record["rules"].as_array().unwrap();
        assert_eq!(rules.iter().filter(|rule| rule["rule"] == "alpha-beta=2").count(), 5);
        let target = &record["targets"][0];
        assert_eq!((&target["class"]["class"], &target["target"]), (&7.into(), &"digit-7".into()));
        assert_eq!(target["class"]["score"], record["top"][0]["score"]);
        assert!(target["ledger"]["entries"].as_array().unwrap().len() >= rules.len());
        let file = target["files"]["heatmap"].as_str().unwrap();
        assert_eq!(file, "input-0.digit-7.heatmap.png");
        assert!(folder.output(file).is_file());
    }

    #[test]
    fn json_is_one_document() {
        let folder = Folder::new();
        let broken = folder.path("broken.png");
        fs::write(&broken, b"no image").unwrap();
        let run = folder.run(&model(), &[&batch(), &broken], &["--json"]);
        assert_eq!(run.status.code(), Some(1));
        let document: Value = serde_json::from_slice(&run.stdout).unwrap();
        assert_eq!(document["inputs"].as_array().unwrap().len(), 2);
        assert_eq!(document["inputs"][1], folder.record("input-1"));
        assert_eq!(document["failed"][0]["input"], broken.as_str());
        assert!(document["stopped"].is_null() && document["settings"]["options"].is_object());
    }

    #[test]
    fn inputs_of_one_name_do_not_overwrite_each_other() {
        let folder = Folder::new();
        let photos = [folder.photo("a/cat.png", 1), folder.photo("b/cat.bmp", 2), folder.photo("b/cat-2.png", 3)];
        folder.explain(&model(), &[&folder.path("a"), &folder.path("b")], &[]);
        let files = ["cat", "cat-2", "cat-3"].map(|name| folder.record(name)["input"]["file"].clone());
        assert_eq!(BTreeSet::from(files.map(|file| file.as_str().unwrap().to_owned())), BTreeSet::from(photos));
    }

    #[test]
    fn vectors_are_drawn_as_squares_and_bars() {
        let folder = Folder::new();
        let said = folder.explain(&golden("mlp_relu", "model.onnx"), &[&golden("mlp_relu", "input.npy")], &[]);
        assert!(said.contains("64 values, drawn as a square of 8 × 8"), "{said}");
        let overlay = image::open(folder.output("input-0.predicted.overlay.png")).unwrap();
        assert_eq!(overlay.dimensions(), (448, 448));
    }

    #[test]
    fn large_runs_link_to_their_pictures_on_several_pages() {
        let folder = Folder::new();
        let input: ArrayD<f32> = read(golden("mlp_relu", "input.npy"));
        let many: Vec<_> = std::iter::repeat_n(input.view(), 51).collect();
        let many = folder.array("many.npy", &ndarray::concatenate(Axis(0), &many).unwrap());
        folder.explain(&golden("mlp_relu", "model.onnx"), &[&many], &[]);
        let [first, second] =
            ["index.html", "index-2.html"].map(|name| fs::read_to_string(folder.output(name)).unwrap());
        assert!(first.contains("src=\"many-99.predicted.map.png\"") && !first.contains("data:image"));
        assert!(first.contains("href=\"index-2.html\"") && second.contains("href=\"index.html\""));
        assert!(second.contains("many-101") && !second.contains("many-99.") && first.len() < 200_000);
    }
}

mod scale {
    use super::*;

    #[test]
    fn one_scale_is_that_of_the_largest_relevance() {
        let folder = Folder::new();
        folder.explain(&model(), &[&batch()], &["--scale", "batch"]);
        let record = |sample: usize| folder.record(&format!("input-{sample}"))["targets"][0].clone();
        let largest = (0..2).map(|sample| record(sample)["largest"].as_f64().unwrap()).fold(0.0, f64::max);
        for sample in 0..2 {
            assert_eq!(record(sample)["scale"].as_f64(), Some(largest));
        }
        let alone = Folder::new();
        alone.explain(&model(), &[&batch()], &[]);
        let same = (0..2).filter(|sample| {
            let name = format!("input-{sample}.predicted.heatmap.png");
            fs::read(folder.output(&name)).unwrap() == fs::read(alone.output(&name)).unwrap()
        });
        assert_eq!(same.count(), 1); // the one that has the largest relevance
    }
}

mod resume {
    use super::*;

    fn changed(folder: &Folder, name: &str) -> std::time::SystemTime {
        fs::metadata(folder.output(name)).unwrap().modified().unwrap()
    }

    #[test]
    fn only_what_is_missing_is_explained_again() {
        let folder = Folder::new();
        folder.explain(&model(), &[&batch()], &[]);
        let before = folder.bytes();
        let (kept, lost) = ("input-0.predicted.relevance.npy", "input-1.predicted.relevance.npy");
        fs::remove_file(folder.output(lost)).unwrap();
        let time = changed(&folder, kept);
        let whole = folder.path("whole.npy");
        folder.explain(&model(), &[&batch()], &["--resume", "--relevance", &whole]);
        assert_eq!(changed(&folder, kept), time);
        assert_eq!(folder.bytes(), before);
        assert_eq!(read::<f32>(whole).shape(), [2, 1, 32, 32]);

        folder.explain(&model(), &[&batch()], &[]);
        assert_ne!(changed(&folder, kept), time, "without --resume everything is explained again");
    }

    #[test]
    fn other_settings_are_explained_again() {
        let folder = Folder::new();
        folder.explain(&model(), &[&batch()], &["--rule", "epsilon=0.01"]);
        let before = fs::read(folder.output("input-0.predicted.relevance.npy")).unwrap();
        folder.explain(&model(), &[&batch()], &["--rule", "epsilon=100", "--resume"]);
        assert_ne!(fs::read(folder.output("input-0.predicted.relevance.npy")).unwrap(), before);
    }

    #[test]
    fn one_scale_covers_what_was_there_before() {
        let [whole, part] = [Folder::new(), Folder::new()];
        let input: ArrayD<f32> = read(batch());
        let array = part.array("input.npy", &input.slice_axis(Axis(0), Slice::from(0..1)).to_owned());
        part.explain(&model(), &[&array], &["--scale", "batch"]);
        // The same file, longer: all of it is explained, and all pictures are on the scale of both.
        part.array("input.npy", &input);
        part.explain(&model(), &[&array], &["--scale", "batch", "--resume"]);
        whole.explain(&model(), &[&batch()], &["--scale", "batch"]);
        for name in whole.files().iter().filter(|name| name.ends_with(".png")) {
            assert_eq!(fs::read(part.output(name)).unwrap(), fs::read(whole.output(name)).unwrap(), "{name}");
        }
    }
}

mod tensors {
    use super::*;

    /// A tensor of the model that has channels: the output of its first convolution.
    fn tensor() -> String {
        let said = pixelwise(&["inspect", &model(), "--json"]);
        let network: Value = serde_json::from_slice(&said.stdout).unwrap();
        let nodes = network["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["operation"] == "Conv").unwrap()["tensor"].as_str().unwrap().to_owned()
    }

    #[test]
    fn relevance_at_any_tensor() {
        let (folder, tensor) = (Folder::new(), tensor());
        let layers = folder.path("layers");
        folder.explain(&model(), &[&batch()], &["--at", &tensor, "--layers", &layers, "--rule", "z-plus"]);
        let at: Vec<String> = folder.files().into_iter().filter(|name| name.contains(".at-")).collect();
        assert_eq!(at.len(), 2, "{at:?}");
        let at: ArrayD<f32> = read(folder.output(&at[0]));
        assert_eq!(at.ndim(), 3);
        let whole = Path::new(&layers).join("input-0.predicted");
        let files: Vec<PathBuf> = fs::read_dir(&whole).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() > 10, "{files:?}");
        assert!(files.iter().any(|file| read::<f32>(file) == at));
        let input: ArrayD<f32> = read(folder.output("input-0.predicted.relevance.npy"));
        assert_eq!(read::<f32>(whole.join("input.npy")), input);
    }

    #[test]
    fn masks_add_up_to_the_whole() {
        let (folder, tensor) = (Folder::new(), tensor());
        let relevance = |options: &[&str]| {
            folder.explain(&model(), &[&batch()], options);
            read::<f64>(folder.output("input-0.predicted.relevance.npy"))
        };
        let options = ["--dtype", "f64", "--rule", "epsilon=0.01"];
        let whole = relevance(&options);
        let parts = ["=0-2", "=3,4,5"].map(|channels| format!("{tensor}{channels}"));
        let [first, rest] = parts.map(|mask| relevance(&[&options[..], &["--mask", &mask]].concat()));
        assert!(folder.record("input-0")["targets"][0]["ledger"].to_string().contains("masked"));
        assert!(first != whole && (first + rest - whole).iter().all(|difference| difference.abs() < 1e-12));
    }

    #[test]
    fn what_does_not_exist_is_named() {
        let folder = Folder::new();
        let message = folder.refuse(1, &model(), &[&batch()], &["--at", "nowhere"]);
        assert!(message.contains("\"nowhere\"") && message.matches("error").count() == 1, "{message}");
        let message = folder.refuse(1, &model(), &[&batch()], &["--mask", &format!("{}=99", tensor())]);
        assert!(message.contains("no channel 99"), "{message}");
        assert!(folder.refuse(2, &model(), &[&batch()], &["--mask", "conv"]).contains("conv5=3,17"));
    }
}

mod starts {
    use super::*;

    #[test]
    fn relevance_from_a_file_replaces_the_target() {
        let folder = Folder::new();
        folder.explain(&model(), &[&batch()], &["--dtype", "f64"]);
        let expected: ArrayD<f64> = read(folder.output("input-0.predicted.relevance.npy"));
        let class = &folder.record("input-0")["targets"][0]["class"];
        let (class, score) = (class["class"].as_u64().unwrap() as usize, class["score"].as_f64().unwrap());
        let initial = |rows: usize| {
            let mut initial = ArrayD::zeros(vec![rows, 10]);
            initial[[0, class]] = score;
            folder.array("initial.npy", &initial)
        };
        for rows in [2, 1] {
            folder.explain(&model(), &[&batch()], &["--initial", &initial(rows), "--dtype", "f64"]);
            let found: ArrayD<f64> = read(folder.output("input-0.initial.relevance.npy"));
            assert!((found - &expected).iter().all(|difference| difference.abs() < 1e-12));
        }
        let message = folder.refuse(1, &model(), &[&batch()], &["--initial", &initial(3)]);
        assert!(message.contains("initial.npy") && message.contains("2 samples"), "{message}");
        folder.refuse(2, &model(), &[&batch()], &["--initial", &initial(2), "--target", "1"]);
    }

    #[test]
    fn gradients_start_from_one_and_keep_no_books() {
        let folder = Folder::new();
        for method in ["gradient", "guided-backprop", "deconvnet"] {
            let classes = folder.array("classes.npy", &array![7u8, 2].into_dyn());
            let reference = golden(MODEL, &format!("grad/{}.npy", method.replace('-', "_")));
            let expected: ArrayD<f32> = read(reference);
            // A name means the same map, whether it is said to be a method or a composite.
            for option in ["--method", "--composite"] {
                let said = folder.explain(&model(), &[&batch()], &[option, method, "--target", &classes]);
                assert!(said.contains("input-0  classes  7"), "{said}");
                for (sample, expected) in expected.axis_iter(Axis(0)).enumerate() {
                    let found: ArrayD<f32> = read(folder.output(&format!("input-{sample}.classes.relevance.npy")));
                    assert!((&found - &expected).iter().all(|difference| difference.abs() < 1e-5), "{option} {method}");
                }
                assert!(folder.record("input-0")["targets"][0]["ledger"].is_null());
            }
        }
    }

    #[test]
    fn methods_of_several_passes_give_what_the_references_give() {
        let folder = Folder::new();
        let classes = folder.array("classes.npy", &array![7u8, 2].into_dyn());
        let options = ["--method", "integrated-gradients", "--target", &classes, "--dtype", "f64"];
        folder.explain(&model(), &[&batch()], &options);
        let expected: ArrayD<f32> = read(golden(MODEL, "grad/integrated_gradients.npy"));
        for (sample, expected) in expected.axis_iter(Axis(0)).enumerate() {
            let found: ArrayD<f64> = read(folder.output(&format!("input-{sample}.classes.relevance.npy")));
            assert!((found - expected.mapv(f64::from)).iter().all(|difference| difference.abs() < 1e-6));
        }
        for method in ["input-x-gradient", "smooth-grad=3,0.1,1", "excitation-backprop"] {
            folder.explain(&model(), &[&batch()], &["--method", method]);
        }
        // The other sample is of another class: between the two, the margin of the first one's class is zero.
        let input: ArrayD<f32> = read(batch());
        let options = ["--method", "taylor=margin", "--candidates", &batch()];
        let first = folder.array("first.npy", &input.slice_axis(Axis(0), Slice::from(0..1)).to_owned());
        let said = folder.explain(&model(), &[&first], &options);
        assert!(said.contains("Taylor residual"), "{said}");
    }

    #[test]
    fn a_range_is_asked_for_where_a_rule_needs_it() {
        let folder = Folder::new();
        let message = folder.refuse(2, &model(), &[&batch()], &["--composite", "epsilon-gamma-box"]);
        assert!(message.contains("--input-range"), "{message}");
        let (mlp, input) = (golden("mlp_relu", "model.onnx"), golden("mlp_relu", "input.npy"));
        folder.explain(&mlp, &[&input], &["--composite", "epsilon-gamma-box"]); // no convolution, no box
        let photo = folder.photo("photo.png", 1);
        folder.explain(&model(), &[&photo], &["--composite", "epsilon-gamma-box"]); // photos bring their range
    }
}

mod failures {
    use super::*;

    #[test]
    fn a_bad_input_does_not_stop_the_rest() {
        let folder = Folder::new();
        for (name, seed) in [("photos/a.png", 1), ("photos/c.png", 3), ("photos/d.png", 4)] {
            folder.photo(name, seed);
        }
        fs::write(folder.path("photos/b.png"), b"no image").unwrap();
        let whole = folder.path("whole.npy");
        let message = folder.refuse(1, &model(), &[&folder.path("photos")], &["--relevance", &whole]);
        assert!(message.contains("b.png is no image"), "{message}");
        assert!(message.contains("1 of 4 inputs could not be explained"), "{message}");
        let explained: Vec<String> = folder.files().into_iter().filter(|name| name.ends_with(".json")).collect();
        assert_eq!(explained, ["a.json", "c.json", "d.json"]);
        assert!(!Path::new(&whole).exists(), "an array with holes would be taken for the whole");
        assert!(fs::read_to_string(folder.output("index.html")).unwrap().contains("d.json"));
    }

    #[test]
    fn numbers_that_are_not_finite_are_found() {
        let folder = Folder::new();
        let mut input: ArrayD<f32> = read(batch());
        input[[1, 0, 5, 6]] = f32::NAN;
        let input = folder.array("with-nan.npy", &input);
        let message = folder.refuse(1, &model(), &[&input], &[]);
        assert!(message.contains("NaN") && message.contains("sample 1") && message.contains("5, 6"), "{message}");
        assert!(folder.files().contains("with-nan-0.json") && !folder.files().contains("with-nan-1.json"));
    }

    #[test]
    fn inputs_that_do_not_fit_are_told_once() {
        let folder = Folder::new();
        let message = folder.refuse(1, &model(), &[&golden("mlp_relu", "input.npy")], &[]);
        assert!(message.contains("[2, 64]") && message.contains("[any, 1, 32, 32]"), "{message}");
        assert_eq!(message.matches("error").count(), 1, "{message}");
        let other = format!("{}/tests/onnx_operators/relu/model.onnx", env!("CARGO_MANIFEST_DIR"));
        let message = folder.refuse(1, &other, &[&folder.photo("a.png", 0)], &[]);
        assert!(message.contains("takes no images") && message.contains(".npy"), "{message}");
        let message = folder.refuse(1, &model(), &["no/such/file.png"], &[]);
        assert!(message.contains("can't read no/such/file.png"), "{message}");
    }

    #[test]
    fn a_batch_may_be_of_another_size_than_the_network_takes() {
        // A network whose file fixes the number of samples, to three.
        let (folder, fixed) =
            (Folder::new(), format!("{}/tests/onnx_operators/relu/model.onnx", env!("CARGO_MANIFEST_DIR")));
        let batch = |samples: usize| {
            let shape = vec![samples, 4, 5];
            folder.array("batch.npy", &ArrayD::from_shape_fn(shape, |at| (at[0] + 3 * at[1] + at[2]) as f32))
        };
        folder.explain(&fixed, &[&batch(7)], &[]);
        assert_eq!(folder.record("batch-5")["targets"][0]["ledger_samples"], 3);
        assert_eq!(folder.record("batch-6")["targets"][0]["ledger_samples"], 1);
        let found: ArrayD<f32> = read(folder.output("batch-5.predicted.relevance.npy"));
        // Four classes at five positions; the last has the largest sum.
        let expected: f32 = (0..5).map(|position| 5.0 + 9.0 + position as f32).sum();
        assert_eq!((found.shape(), found.sum()), (&[4, 5][..], expected));
    }

    #[test]
    fn inputs_of_several_shapes_go_through_a_network_that_depends_on_them() {
        let folder = Folder::new();
        let model = format!("{}/tests/cases/reshape-by-its-own-shape/model.onnx", env!("CARGO_MANIFEST_DIR"));
        let array = |name: &str, shape: [usize; 4]| {
            folder.array(name, &ArrayD::from_shape_fn(shape.to_vec(), |at| (at[1] + 2 * at[2] + at[3]) as f32 + 0.5))
        };
        let shapes = [[1, 2, 3, 4], [1, 2, 5, 6], [1, 2, 3, 4]];
        let inputs = ["a.npy", "b.npy", "c.npy"].map(|name| array(name, shapes[usize::from(name == "b.npy")]));
        folder.explain(&model, &inputs.each_ref().map(String::as_str), &["--rule", "lrp-0"]);
        let maps = ["a", "b", "c"].map(|name| {
            let map: ArrayD<f32> = read(folder.output(&format!("{name}-0.predicted.relevance.npy")));
            // Without biases all of the score comes down.
            let score = folder.record(&format!("{name}-0"))["top"][0]["score"].as_f64().unwrap();
            assert!((f64::from(map.sum()) - score).abs() <= 1e-5 * score.abs(), "{name}: {} of {score}", map.sum());
            map
        });
        assert_eq!(maps.each_ref().map(ArrayD::shape), shapes.each_ref().map(|shape| &shape[1..]));
        assert_eq!(maps[0], maps[2]);
    }

    #[test]
    fn rules_for_nodes_that_are_not_there_are_refused_before_the_first_sample() {
        let folder = Folder::new();
        let output = folder.path("output");
        let options = ["--layer-rule", "/no/such/node=flat", "--output", &output];
        let run = pixelwise(&[&["explain", &model(), &batch()], &options[..]].concat());
        let message = String::from_utf8(run.stderr).unwrap();
        assert_eq!((run.status.code(), run.stdout.len(), message.lines().count()), (Some(1), 0, 1), "{message}");
        assert!(message.contains("/no/such/node") && !message.contains("input-0"), "{message}");
        assert!(folder.files().is_empty());
        let composite = folder.path("mine.toml");
        fs::write(&composite, "name = \"mine\"\n[[rule]]\nwhere = \"/no/such/node\"\nrule = \"flat\"\n").unwrap();
        for options in [["compare", "--rules"], ["evaluate", "--rule"]] {
            let run = pixelwise(&[
                options[0],
                &model(),
                &batch(),
                options[1],
                &composite,
                "--output",
                &folder.path(options[0]),
            ]);
            let message = String::from_utf8(run.stderr).unwrap();
            assert_eq!((run.status.code(), run.stdout.len(), message.lines().count()), (Some(1), 0, 1), "{message}");
            assert!(message.contains("/no/such/node") && !message.contains("input-0"), "{message}");
        }
    }

    #[test]
    fn classes_that_do_not_exist_are_named() {
        let folder = Folder::new();
        let message = folder.refuse(1, &model(), &[&batch()], &["--target", "10"]);
        assert!(message.contains("10 classes") && message.matches("error").count() == 1, "{message}");
        let message = folder.refuse(2, &model(), &[&batch()], &["--target", "cat"]);
        assert!(message.contains("\"cat\"") && message.contains("--labels"), "{message}");
        fs::write(folder.path("labels.txt"), "dog\n").unwrap();
        let message =
            folder.refuse(1, &model(), &[&batch()], &["--target", "cat", "--labels", &folder.path("labels.txt")]);
        assert!(message.contains("\"cat\"") && message.contains("\"dog\""), "{message}");
        let three = folder.array("three.npy", &array![1i64, 2, 3].into_dyn());
        let message = folder.refuse(1, &model(), &[&batch()], &["--target", &three]);
        assert!(message.contains("3 classes") && message.contains("2 samples"), "{message}");
        let halves = folder.array("halves.npy", &array![1.0, 2.5].into_dyn());
        assert!(folder.refuse(1, &model(), &[&batch()], &["--target", &halves]).contains("2.5 is no class"));
        assert!(folder.refuse(1, &model(), &[&batch()], &["--output-name", "x"]).contains("logits"));
    }

    #[test]
    fn a_folder_that_can_not_be_written_is_named_before_anything_is_computed() {
        let folder = Folder::new();
        fs::write(folder.path("file"), b"").unwrap();
        let inside = folder.path("file/inside");
        let run = pixelwise(&["explain", &model(), &batch(), "--output", &inside]);
        let message = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(1));
        assert!(message.contains(&inside) && run.stdout.is_empty(), "{message}");
    }

    /// A limit on the size of files is for a program what a full disk is: it can't write any further.
    #[cfg(unix)]
    #[test]
    fn a_full_disk_stops_the_run_and_leaves_no_part_of_a_file() {
        let folder = Folder::new();
        let output = folder.path("output");
        let script = format!(
            "trap '' XFSZ; ulimit -f 4; exec {} explain {} {} --output {output}",
            env!("CARGO_BIN_EXE_pixelwise"),
            model(),
            batch()
        );
        let run = Command::new("bash").args(["-c", &script]).output().unwrap();
        let message = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(1), "{message}");
        assert!(message.contains("can't write") && message.contains(&output), "{message}");
        assert_eq!(message.matches("error:").count(), 1, "one message, and not one for each input: {message}");
        let sizes = folder.files().into_iter().map(|name| fs::metadata(folder.output(&name)).unwrap().len());
        assert!(sizes.max().is_none_or(|largest| largest < 4096));
        assert!(folder.files().iter().all(|name| !name.starts_with(".unfinished")));
    }

    #[test]
    fn options_that_do_not_go_together_are_misuse() {
        let folder = Folder::new();
        let relevance = folder.path("relevance.npy");
        let wrong: [&[&str]; 7] = [
            &["--rule", "flat", "--composite", "epsilon-plus"],
            &["--relevance", &relevance, "--target", "1", "--target", "2"],
            &["--candidates", &relevance],
            &["--method", "taylor"],
            &["--method", "integrated-gradients", "--layers", &relevance],
            &["--colormap", "pink"],
            &["--rule", "alpha-beta=two"],
        ];
        for options in wrong {
            let message = folder.refuse(2, &model(), &[&batch()], options);
            assert!(message.contains("Usage:") || message.contains("--help"), "{message}");
        }
        assert!(!Path::new(&folder.path("output")).exists());
    }
}

#[test]
fn help_has_groups_and_examples() {
    let help = String::from_utf8(pixelwise(&["explain", "--help"]).stdout).unwrap();
    for part in ["How it is explained", "What is explained", "What is written", "Examples:", "--scale batch --resume"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}
