//! The command line on networks: `pixelwise run`, `inspect`, `profile` and `compare`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use ndarray::{Array, ArrayD, arr0};
use ndarray_npy::{read_npy, write_npy};
use serde_json::Value;
use tempfile::TempDir;

fn pixelwise(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pixelwise")).args(arguments).output().unwrap()
}

/// Standard output of a run that has to succeed.
fn printed(arguments: &[&str]) -> String {
    let run = pixelwise(arguments);
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap()
}

fn parsed(arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(arguments)).unwrap()
}

/// Standard error of a run that has to fail with an exit code.
fn refused(code: i32, arguments: &[&str]) -> String {
    let run = pixelwise(arguments);
    let message = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(code), "{arguments:?}: {message}");
    message
}

/// A file of a reference case.
fn golden(case: &str, file: &str) -> String {
    format!("{}/tests/golden/neural/{case}/{file}", env!("CARGO_MANIFEST_DIR"))
}

fn operator(case: &str, file: &str) -> String {
    format!("{}/tests/onnx_operators/{case}/{file}", env!("CARGO_MANIFEST_DIR"))
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        text(&self.0.path().join(name))
    }

    fn photo(&self, name: &str) -> String {
        let photo = RgbImage::from_fn(40, 30, |x, y| Rgb([6 * x as u8, 8 * y as u8, 90]));
        photo.save(self.path(name)).unwrap();
        self.path(name)
    }

    fn array(&self, name: &str, array: &ArrayD<f32>) -> String {
        write_npy(self.path(name), array).unwrap();
        self.path(name)
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

mod run {
    use super::*;

    #[test]
    fn gives_what_other_frameworks_give() {
        for case in ["mlp_relu", "lenet5", "vgg_bn", "alexnet_lrn", "resnet_basic"] {
            let [model, input, output] = ["model.onnx", "input.npy", "output.npy"].map(|file| golden(case, file));
            for dtype in ["f32", "f64"] {
                let said = printed(&["run", &model, &input, "--expect", &output, "--dtype", dtype]);
                assert!(said.contains("the largest difference is"), "{case}: {said}");
            }
        }
    }

    #[test]
    fn says_where_and_how_much_is_different() {
        let folder = Folder::new();
        let mut other: ArrayD<f32> = read_npy(golden("mlp_relu", "output.npy")).unwrap();
        other[[1, 3]] += 5.0;
        let other = folder.array("other.npy", &other);
        let arguments =
            ["run", &golden("mlp_relu", "model.onnx"), &golden("mlp_relu", "input.npy"), "--expect", &other];
        let run = pixelwise(&arguments);
        assert_eq!(run.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&run.stderr).contains("not what is expected: \"logits\""));
        assert!(String::from_utf8_lossy(&run.stdout).contains("at [1, 3]"));
        let tolerant = [&arguments[..], &["--tolerance", "1000", "--json"]].concat();
        let difference = parsed(&tolerant)["expected"][0].clone();
        assert!((difference["largest_difference"].as_f64().unwrap() - 5.0).abs() < 1e-5);
        assert_eq!(difference["agrees"], true);
        let single = folder.array("single.npy", &arr0(1.0).into_dyn());
        let message = refused(1, &[&arguments[..4], &[&single]].concat());
        assert!(message.contains("single.npy") && message.contains("[2, 10]"), "{message}");
    }

    #[test]
    fn writes_outputs_and_lists_classes() {
        let folder = Folder::new();
        let labels = folder.path("labels.txt");
        fs::write(&labels, (0..10).map(|class| format!("digit-{class}\n")).collect::<String>()).unwrap();
        let written = folder.path("logits.npy");
        let (model, input) = (golden("mlp_relu", "model.onnx"), golden("mlp_relu", "input.npy"));
        let said = printed(&["run", &model, &input, "--output-array", &written, "--labels", &labels, "--top", "2"]);
        let logits: ArrayD<f32> = read_npy(&written).unwrap();
        let expected: ArrayD<f32> = read_npy(golden("mlp_relu", "output.npy")).unwrap();
        assert!((&logits - &expected).iter().all(|difference| difference.abs() < 1e-4));
        let best = logits.outer_iter().map(|scores| {
            scores
                .iter()
                .enumerate()
                .fold((0, f32::MIN), |best, (class, &score)| if score > best.1 { (class, score) } else { best })
                .0
        });
        for class in best {
            assert!(said.contains(&format!("{class} digit-{class}")), "{said}");
        }
        assert_eq!(said.matches("digit-").count(), 4, "{said}");
        let doubled = folder.path("doubled.npy");
        printed(&["run", &model, &input, &input, "--output-array", &format!("logits={doubled}"), "--dtype", "f64"]);
        assert_eq!(read_npy::<_, ArrayD<f64>>(&doubled).unwrap().shape(), [4, 10]);
    }

    #[test]
    fn takes_several_inputs_by_name() {
        let [model, x, y, sum] =
            ["model.onnx", "input_0.npy", "input_1.npy", "output_0.npy"].map(|file| operator("add", file));
        let said = printed(&["run", &model, &format!("y={y}"), &format!("x={x}"), "--expect", &format!("sum={sum}")]);
        assert!(said.contains("sum  3 × 4 × 5"), "{said}");
        printed(&["run", &model, &x, &y, "--expect", &sum]);
        let message = refused(1, &["run", &model, &x]);
        assert!(message.contains("takes 2 inputs") && message.contains("x=FILE y=FILE"), "{message}");
        assert!(refused(1, &["run", &model, &format!("z={x}")]).contains("no input \"z\"; it has \"x\", \"y\""));
        let message = refused(1, &["run", &model, &x, &y, "--expect", &format!("product={sum}")]);
        assert!(message.contains("no output \"product\"; it has \"sum\""), "{message}");
    }

    #[test]
    fn prepares_images_and_walks_through_folders() {
        let folder = Folder::new();
        fs::create_dir(folder.path("photos")).unwrap();
        folder.photo("photos/b.png");
        folder.photo("photos/a.bmp");
        fs::write(folder.path("photos/notes.txt"), "no photo").unwrap();
        let model = golden("resnet_basic", "model.onnx");
        let report = parsed(&["run", &model, &folder.path("photos"), "--json"]);
        let answers = report["answers"].as_array().unwrap();
        assert!(answers[0]["input"].as_str().unwrap().ends_with("a.bmp"));
        assert_eq!(answers[0]["outputs"], answers[1]["outputs"]);
        let said = printed(&["run", &model, &folder.path("photos/b.png"), "--preprocess", "caffe"]);
        assert!(said.contains("center crop 20×20, BGR in 0..255"), "{said}");
        assert!(refused(1, &["run", &operator("relu", "model.onnx"), &folder.path("photos/b.png")]).contains(".npy"));
        fs::create_dir(folder.path("empty")).unwrap();
        assert!(refused(1, &["run", &model, &folder.path("empty")]).contains("there is no image in"));
    }

    #[test]
    fn results_are_the_same_for_any_number_of_threads() {
        let (model, input) = (golden("resnet_basic", "model.onnx"), golden("resnet_basic", "input.npy"));
        let with = |threads| printed(&["run", &model, &input, "--json", "--threads", threads]);
        assert_eq!(with("1"), with("3"));
    }
}

mod inspect {
    use super::*;

    #[test]
    fn shows_operations_shapes_rules_and_what_was_folded() {
        let model = golden("vgg_bn", "model.onnx");
        let said = printed(&["inspect", &model]);
        let composite = "begins with the score";
        for part in ["Conv", "flat", "z-plus", "winner", "1 × 3 × 16 × 16", "folded in", "epsilon-plus-flat", composite]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        let report = parsed(&["inspect", &model, "--json", "--input-shape", "4,3,16,16"]);
        assert_eq!(report["inputs"][0]["shape"], serde_json::json!([4, 3, 16, 16]));
        let nodes = report["nodes"].as_array().unwrap();
        let first = nodes.iter().find(|node| node["operation"] == "Conv").unwrap();
        assert_eq!(first["rule"], "flat");
        assert!(first["folded"][0].as_str().unwrap().contains("BatchNormalization"));
        assert!(first["parameters"].as_u64().unwrap() > 0);
        assert!(nodes.iter().all(|node| node["shape"][0] == 4));
    }

    #[test]
    fn shows_the_rules_that_are_asked_for() {
        let model = golden("alexnet_lrn", "model.onnx");
        let rules = |options: &[&str]| {
            let report = parsed(&[&["inspect", &model, "--json"], options].concat());
            let rule = |node: &Value| {
                (node["operation"].as_str().unwrap().to_owned(), node["rule"].as_str().unwrap().to_owned())
            };
            report["nodes"].as_array().unwrap().iter().map(rule).collect::<Vec<_>>()
        };
        let has =
            |rules: &[(String, String)], kind: &str, rule: &str| rules.contains(&(kind.to_owned(), rule.to_owned()));
        assert!(has(&rules(&["--rule", "alpha-beta=2", "--layer-rule", "op:LRN=taylor"]), "LRN", "taylor"));
        assert!(has(&rules(&["--method", "guided-backprop"]), "Relu", "guided"));
        assert!(has(&rules(&["--rule", "z-box"]), "Conv", "z-box (needs --input-range)"));
        assert!(has(&rules(&["--rule", "z-box", "--input-range", "-2.5,2"]), "Conv", "z-box=-2.5,2"));
        let toolbox = rules(&["--rule", "alpha-beta=2", "--compatible", "toolbox"]);
        assert!(has(&toolbox, "MaxPool", "ties-shared") && has(&toolbox, "Conv", "alpha-beta=2"));
        let folder = Folder::new();
        let own = folder.path("own.toml");
        fs::write(&own, "name = 'own'\n[[rule]]\nwhere = 'first'\nrule = 'w-square'\n").unwrap();
        assert_eq!(rules(&["--composite", &own])[0].1, "w-square");
    }

    #[test]
    fn unknown_names_are_misuse_and_say_which_there_are() {
        let model = golden("mlp_relu", "model.onnx");
        let unknown: [(&[&str], &str); 4] = [
            (&["--rule", "epsilonn"], "z-plus"),
            (&["--rule", "epsilon=big"], "no number"),
            (&["--composite", "best"], "epsilon-plus-flat"),
            (&["--input-range", "1"], "-1,1"),
        ];
        for (options, way_out) in unknown {
            let message = refused(2, &[&["inspect", &model], options].concat());
            assert!(message.contains(way_out), "{message}");
        }
        let message = refused(1, &["inspect", &model, "--layer-rule", "nowhere*=flat"]);
        assert!(message.contains("nowhere*") && message.contains("no node"), "{message}");
        let message = refused(1, &["inspect", &model, "--layer-rule", "op:Convolution=flat"]);
        assert!(message.contains("op:Convolution") && message.contains("Gemm"), "{message}");
        let message = refused(1, &["inspect", &model, "--layer-rule", "op:Relu=flat"]);
        assert!(message.contains("(Relu)") && message.contains("layers with weights"), "{message}");
    }
}

mod compare {
    use super::*;

    #[test]
    fn puts_the_usual_rules_on_one_sheet() {
        let folder = Folder::new();
        let sheet = folder.path("sheet.png");
        let photo = folder.photo("photo.png");
        let said = printed(&["compare", &golden("resnet_basic", "model.onnx"), &photo, "--output", &sheet]);
        for part in ["preprocessing: ", "epsilon=0.01", "alpha-beta=2", "z-plus", "epsilon-plus-flat", "gradient", " %"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        let sheet = image::open(&sheet).unwrap();
        assert!(sheet.width() > 7 * 200 && sheet.height() > 200);
    }

    #[test]
    fn books_what_became_of_the_score() {
        let folder = Folder::new();
        let sheet = folder.path("sheet.png");
        let (model, input) = (golden("mlp_relu", "model.onnx"), golden("mlp_relu", "input.npy"));
        let rules = ["--rules", "epsilon=0.01", "z-box=-3,3", "gradient"];
        let compare =
            [&["compare", &model, &input, "--output", &sheet, "--target", "3", "--json"][..], &rules].concat();
        let report = parsed(&compare);
        let logits: ArrayD<f32> = read_npy(golden("mlp_relu", "output.npy")).unwrap();
        for (sample, scores) in report["samples"].as_array().unwrap().iter().zip(logits.outer_iter()) {
            assert_eq!(sample["class"], "3");
            assert!((sample["score"].as_f64().unwrap() - f64::from(scores[3])).abs() < 1e-4);
            let explanations = sample["explanations"].as_array().unwrap();
            for explanation in &explanations[..2] {
                let [upper, lower] = ["from_score", "to_input"].map(|key| explanation[key].as_f64().unwrap());
                let sinks = explanation["sinks"].as_array().unwrap().iter();
                let sunk: f64 = sinks.map(|sink| sink["total"].as_f64().unwrap()).sum();
                assert!((upper - lower - sunk).abs() < 1e-3 * upper.abs(), "{explanation}");
            }
            assert_eq!(explanations[2]["from_score"], Value::Null);
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let (model, input) = (golden("mlp_relu", "model.onnx"), golden("mlp_relu", "input.npy"));
        let message = refused(2, &["compare", &model, &input, "--rules", "z-minus"]);
        assert!(message.contains("called \"z-minus\"") && message.contains("pixelwise explain --help"), "{message}");
        assert!(refused(2, &["compare", &model, &input, "--rules", "z-pluss"]).contains("did you mean \"z-plus\""));
        assert!(refused(1, &["compare", &model, &input, "--target", "10"]).contains("10 classes, counted from 0"));
        assert!(refused(1, &["compare", &model, &input, "--target", "cat"]).contains("--labels"));
        assert!(refused(1, &["compare", &model, &input, "--rules", "z-box"]).contains("z-box=-1,1"));
        let nowhere = format!("{input}/sheet.png");
        let message = refused(1, &["compare", &model, &input, "--output", &nowhere]);
        assert!(message.contains(&format!("can't write to the folder {input}")), "{message}");
    }
}

mod bad_input {
    use super::*;

    #[test]
    fn a_truncated_model_says_so() {
        let folder = Folder::new();
        let whole = fs::read(golden("mlp_relu", "model.onnx")).unwrap();
        let path = folder.path("part.onnx");
        for verb in [&["inspect", &path][..], &["run", &path, "x.npy"], &["compare", &path, "x.npy"]] {
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            let message = refused(1, verb);
            assert!(message.starts_with("error: ") && message.contains("part.onnx"), "{message}");
            assert!(message.contains("download or export it again"), "{message}");
        }
        fs::write(&path, "not a network").unwrap();
        assert!(refused(1, &["inspect", &path]).contains("is no layer"));
        assert!(refused(1, &["run", "no such file", "x.npy"]).contains("can't read no such file"));
    }

    #[test]
    fn images_that_are_none_are_named() {
        let folder = Folder::new();
        fs::write(folder.path("diary.png"), "Dear diary").unwrap();
        let model = golden("lenet5", "model.onnx");
        let message = refused(1, &["run", &model, &folder.path("diary.png")]);
        assert!(message.contains("diary.png is no image") && message.contains("JPEG") && message.contains(".npy"));
        let whole = fs::read(folder.photo("photo.png")).unwrap();
        fs::write(folder.path("part.png"), &whole[..whole.len() / 2]).unwrap();
        assert!(refused(1, &["run", &model, &folder.path("part.png")]).contains("part.png can't be decoded"));
        assert!(refused(1, &["run", &model, "no/such/photo.png"]).contains("can't read no/such/photo.png"));
        assert!(refused(2, &["run", &model, &folder.path("photo.png"), "--preprocess", "imagenet"]).contains("mnist"));
    }

    #[test]
    fn arrays_that_do_not_fit_are_named() {
        let folder = Folder::new();
        let model = operator("relu", "model.onnx");
        let whole = fs::read(operator("relu", "input_0.npy")).unwrap();
        fs::write(folder.path("part.npy"), &whole[..whole.len() - 4]).unwrap();
        let message = refused(1, &["run", &model, &folder.path("part.npy")]);
        assert!(message.contains("part.npy") && message.contains("cut short"), "{message}");
        let wide = folder.array("wide.npy", &Array::zeros(vec![3, 4, 6]));
        for verb in ["run", "compare"] {
            let message = refused(1, &[verb, &model, &wide]);
            assert!(message.contains("[3, 4, 5]") && message.contains("[3, 4, 6]"), "{message}");
        }
        let none = folder.array("none.npy", &Array::zeros(vec![0, 4, 5]));
        assert!(refused(1, &["run", &model, &none]).contains("at least one"));
        let matrix = folder.array("matrix.npy", &Array::zeros(vec![2, 3]));
        assert!(refused(1, &["run", &golden("lenet5", "model.onnx"), &matrix]).contains("[2, 3]"));
    }

    #[test]
    fn numbers_that_are_not_finite_are_found() {
        let folder = Folder::new();
        let mut input: ArrayD<f32> = read_npy(golden("mlp_relu", "input.npy")).unwrap();
        input[[1, 5]] = f32::NAN;
        let input = folder.array("nan.npy", &input);
        let message = refused(1, &["run", &golden("mlp_relu", "model.onnx"), &input]);
        assert!(message.contains("nan.npy") && message.contains("NaN at [1, 5]"), "{message}");
    }

    #[test]
    fn what_can_not_be_written_is_named() {
        let (model, input) = (golden("mlp_relu", "model.onnx"), golden("mlp_relu", "input.npy"));
        // A file where a folder would have to be.
        let path = format!("{input}/logits.npy");
        let message = refused(1, &["run", &model, &input, "--output-array", &path]);
        assert!(message.contains(&format!("can't write to the folder {input}")), "{message}");
    }
}

mod profile {
    use super::*;

    /// What `inspect` calls the nodes of a model, in its order.
    fn names(model: &str) -> Vec<String> {
        let nodes = parsed(&["inspect", model, "--json"])["nodes"].as_array().unwrap().clone();
        nodes.iter().map(|node| node["name"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn names_all_nodes() {
        for case in ["mlp_relu", "lenet5", "resnet_basic", "vit_block"] {
            let model = golden(case, "model.onnx");
            let table = printed(&["profile", &model, "--repeats", "1"]);
            for name in names(&model) {
                assert!(table.lines().any(|line| line.starts_with(&name)), "{case}: {name} is not in {table}");
            }
        }
    }

    #[test]
    fn sums_are_those_of_the_nodes() {
        let model = golden("lenet5", "model.onnx");
        let json = parsed(&["profile", &model, "--repeats", "2", "--sort", "order", "--json"]);
        let nodes = json["nodes"].as_array().unwrap();
        let found: Vec<&str> = nodes.iter().map(|node| node["name"].as_str().unwrap()).collect();
        assert_eq!(found, names(&model));
        let sum = |key: &str| nodes.iter().filter_map(|node| node[key].as_f64()).sum::<f64>();
        for time in ["forward_ms", "back_ms"] {
            let (all, whole) =
                (json["all_nodes"][time].as_f64().unwrap(), json["whole_passes"][time].as_f64().unwrap());
            assert!((sum(time) - all).abs() < 1e-9 * all, "{time}: {} and {all}", sum(time));
            // The fastest steps of all repeats take no longer than the fastest repeat.
            assert!(0.0 < all && all <= whole, "{time}: {all} of {whole}");
        }
        assert!((sum("share") - 1.0).abs() < 1e-9);
        assert_eq!(sum("multiply_adds"), json["multiply_adds"].as_f64().unwrap());
    }

    #[test]
    fn the_slowest_node_stands_first() {
        let json = parsed(&["profile", &golden("lenet5", "model.onnx"), "--repeats", "1", "--json"]);
        let shares: Vec<f64> =
            json["nodes"].as_array().unwrap().iter().map(|node| node["share"].as_f64().unwrap()).collect();
        assert!(shares.is_sorted_by(|one, next| one >= next), "{shares:?}");
    }

    #[test]
    fn multiply_adds_follow_the_shape() {
        let model = golden("mlp_relu", "model.onnx");
        let count = |shape: &str| {
            let json = parsed(&["profile", &model, "--repeats", "1", "--input-shape", shape, "--json"]);
            json["multiply_adds"].as_u64().unwrap()
        };
        let features = parsed(&["inspect", &model, "--json"])["inputs"][0]["shape"][1].as_u64().unwrap();
        let one = count(&format!("1,{features}"));
        assert!(one > features);
        assert_eq!(count(&format!("3,{features}")), 3 * one);
    }

    #[test]
    fn rules_are_those_of_explain() {
        let model = golden("lenet5", "model.onnx");
        let json = parsed(&["profile", &model, "--repeats", "1", "--rule", "epsilon=0.01", "--json", "--dtype", "f64"]);
        assert!(json["composite"].as_str().unwrap().contains("epsilon=0.01"), "{json}");
        assert_eq!(json["dtype"], "f64");
        let boxed = ["profile", &model, "--composite", "epsilon-gamma-box", "--repeats", "1"];
        assert!(refused(1, &boxed).contains("--input-range"));
        printed(&[&boxed[..], &["--input-range", "-1,1"]].concat());
        assert!(refused(2, &["profile", &model, "--repeats", "0"]).contains("--repeats"));
    }
}

#[test]
fn every_verb_teaches_by_examples() {
    for verb in ["run", "inspect", "profile", "compare"] {
        let help = printed(&[verb, "--help"]);
        assert!(help.contains("Examples:") && help.contains(&format!("pixelwise {verb} model.onnx")), "{help}");
        assert_eq!(pixelwise(&[verb]).status.code(), Some(2));
    }
}
