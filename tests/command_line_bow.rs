//! The command line on Bag-of-Words classifiers of photographs.

use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use bow_classifier::BowClassifier;
use image::{Rgb, RgbImage};
use kernels::Coefficients;
use ndarray::Array2;
use ndarray_npy::read_npy;
use photo_folder::{CONFIGURATION, PhotoFolder};
use serde_json::Value;

mod photo_folder;

/// A second channel.
const COLORS: &str = r#"
[[channels]]
words = 6
mapping = { rank = { base = 2.4, neighbors = 4 } }
normalization = "l1"
kernel = "histogram-intersection"
extractor = { color-quantiles = { step = 8 } }
"#;

/// A small configuration over two channels.
fn configuration() -> String {
    format!("{CONFIGURATION}{COLORS}")
}

/// Steep and reddish, or flat and bluish, no two alike.
fn picture(index: u32) -> RgbImage {
    let steep = index.is_multiple_of(2);
    let angle = if steep { 0.2_f64 } else { 1.3 };
    RgbImage::from_fn(64, 48, |x, y| {
        let along = f64::from(x) * angle.cos() + f64::from(y) * angle.sin();
        let gray = 128.0 + 80.0 * (0.5 * along + f64::from(index)).sin();
        let tint = if steep { 40.0 } else { -40.0 };
        Rgb([(gray + tint) as u8, gray as u8, (gray - tint) as u8])
    })
}

/// A folder in the layout of PASCAL VOC: classes `steep` and `flat`, lists `train` and `val`.
struct Voc(PhotoFolder);

impl Deref for Voc {
    type Target = PhotoFolder;

    fn deref(&self) -> &PhotoFolder {
        &self.0
    }
}

impl Voc {
    fn new() -> Self {
        let voc = Self(PhotoFolder::new());
        fs::create_dir_all(voc.path("JPEGImages")).unwrap();
        fs::create_dir_all(voc.path("ImageSets/Main")).unwrap();
        for (split, numbers) in [("train", 0..12), ("val", 12..20)] {
            let list = |line: &dyn Fn(u32) -> String| numbers.clone().map(|n| line(n) + "\n").collect::<String>();
            voc.write(&format!("ImageSets/Main/{split}.txt"), &list(&|n| format!("{n:02}")));
            let label = |n: u32, steep: bool| if n.is_multiple_of(2) == steep { " 1" } else { "-1" };
            voc.write(&format!("ImageSets/Main/steep_{split}.txt"), &list(&|n| format!("{n:02} {}", label(n, true))));
            voc.write(&format!("ImageSets/Main/flat_{split}.txt"), &list(&|n| format!("{n:02} {}", label(n, false))));
        }
        (0..20).for_each(|n| picture(n).save(voc.path(&format!("JPEGImages/{n:02}.jpg"))).unwrap());
        voc.write("small.toml", &configuration());
        voc
    }

    fn pixelwise(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_pixelwise")).args(arguments).current_dir(self.path("")).output().unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn succeed(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.0.succeed(arguments).stdout).unwrap()
    }

    fn train(&self, options: &[&str]) -> String {
        let begin = ["train", "--voc", ".", "--configuration", "small.toml", "--output", "a.model"];
        self.succeed(&[&begin, options].concat())
    }
}

#[test]
fn photos_are_learned_judged_and_explained() {
    let voc = Voc::new();
    let told = voc.train(&[]);
    assert!(told.contains("12 photos learned") && told.contains("steep") && told.contains("flat"), "{told}");
    let judged: Value = serde_json::from_str(&voc.succeed(&["accuracy", "a.model", "--voc", ".", "--json"])).unwrap();
    assert_eq!(judged["mean_average_precision"], 1.0);
    let curves = fs::read_to_string(voc.path("evaluation/precision-recall.svg")).unwrap();
    assert!(curves.contains("steep"));
    assert_eq!(fs::read_to_string(voc.path("evaluation/scores.csv")).unwrap().lines().count(), 1 + 8);

    let photos = ["JPEGImages/12.jpg", "JPEGImages/13.jpg"];
    let options = ["--target", "steep", "--target", "flat", "--scale", "batch", "--json"];
    let explained: Value =
        serde_json::from_str(&voc.succeed(&[&["explain", "a.model"], &photos[..], &options].concat())).unwrap();
    let inputs = explained["inputs"].as_array().unwrap();
    let score = |input: usize, target: usize| inputs[input]["targets"][target]["class"]["score"].as_f64().unwrap();
    for (input, name) in ["12", "13"].into_iter().enumerate() {
        assert!(Path::new(&voc.path(&format!("explanations/{name}.json"))).is_file());
        for (target, class) in ["steep", "flat"].into_iter().enumerate() {
            let file = |ending: &str| voc.path(&format!("explanations/{name}.{class}.{ending}"));
            let relevance: Array2<f64> = read_npy(file("relevance.npy")).unwrap();
            // Histogram intersection decomposes: what the pixels have is the score.
            assert!((relevance.sum() - score(input, target)).abs() < 1e-9);
            for ending in ["heatmap.png", "overlay.png", "edges.png"] {
                assert!(Path::new(&file(ending)).is_file(), "{name}.{class}.{ending}");
            }
        }
    }
    assert!(fs::read_to_string(voc.path("explanations/index.html")).unwrap().contains("12.json"));
    assert!(score(0, 0) > 0.0 && score(0, 1) < 0.0);
    // The forward pass alone gives the same scores.
    let run = [&["run", "a.model"], &photos[..], &["--json", "--output-array", "scores.npy"]].concat();
    let run: Value = serde_json::from_str(&voc.succeed(&run)).unwrap();
    let scores: Array2<f64> = read_npy(voc.path("scores.npy")).unwrap();
    assert_eq!(scores.dim(), (2, 2));
    // Classes are in the order of their names.
    assert_eq!(scores[[0, 1]], score(0, 0));
    assert_eq!(run["answers"][1]["outputs"][0]["top"][0][0]["score"], scores[[1, 0]]);
    voc.succeed(&[&["run", "a.model"], &photos[..], &["--expect", "scores.npy"]].concat());
    // Without a class, the one with the highest score is explained.
    assert!(voc.succeed(&["explain", "a.model", photos[1]]).contains("predicted: class 0 flat, score "));
    let twice = ["explain", "a.model", photos[1], "--target", "flat", "--target", "flat", "--json"];
    let once: Value = serde_json::from_str(&voc.succeed(&twice)).unwrap();
    assert_eq!(once["inputs"][0]["targets"].as_array().unwrap().len(), 1);

    let inspected = voc.succeed(&["inspect", "a.model", "--configuration"]);
    voc.write("again.toml", &inspected);
    assert_eq!(voc.succeed(&["inspect", "a.model", "--configuration"]), inspected);
    let again = ["train", "--voc", ".", "--configuration", "again.toml", "--output", "b.model"];
    voc.succeed(&again);
    assert!(fs::read(voc.path("a.model")).unwrap() == fs::read(voc.path("b.model")).unwrap());
}

#[test]
fn machines_from_elsewhere_are_judged_and_explained() {
    let voc = Voc::new();
    voc.train(&[]);
    let learned = BowClassifier::load(voc.path("a.model")).unwrap();
    let classes = learned.classes().enumerate();
    let expansions = classes.map(|(class, name)| (name.to_owned(), learned.model(class).unwrap().expansion().clone()));
    let given = BowClassifier::from_expansions(learned.vocabulary().clone(), expansions.collect()).unwrap();
    given.save(voc.path("given.model")).unwrap();
    let explain = |model: &str| voc.succeed(&["explain", model, "JPEGImages/12.jpg", "--target", "steep"]);
    assert_eq!(explain("given.model"), explain("a.model"));
    let judge = |model: &str| voc.succeed(&["accuracy", model, "--voc", "."]);
    assert_eq!(judge("given.model"), judge("a.model"));
    let inspected = voc.succeed(&["inspect", "given.model"]);
    assert!(inspected.contains("learned elsewhere") && inspected.contains("steep"), "{inspected}");
    assert!(voc.refuse(&["inspect", "given.model", "--configuration"]).contains("learned elsewhere"));
}

#[test]
fn explanations_of_photos_are_judged_as_those_of_networks_are() {
    let voc = Voc::new();
    voc.train(&[]);
    let measures = "completeness=against:nothing,region-perturbation=patch-size:16,model-parameter-randomisation";
    let options = ["--measure", measures, "--samples", "3", "--target", "flat", "--json"];
    let run = voc.pixelwise(&[&["evaluate", "a.model", "JPEGImages", "--output", "judged"], &options[..]].concat());
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    let values = |measure: usize| -> Vec<f64> {
        let values = json["rules"][0]["measures"][measure]["values"].as_array().unwrap();
        values.iter().map(|value| value.as_f64().unwrap()).collect()
    };
    // Histogram intersection decomposes; a randomized classifier explains otherwise.
    assert_eq!(values(0).len(), 3);
    assert!(values(0).iter().all(|&missing| missing < 1e-9), "{json}");
    assert!(values(2).iter().all(|&likeness| likeness < 1.0 - 1e-9), "{json}");
    let layers = fs::read_to_string(voc.path("judged/model-parameter-randomisation.csv")).unwrap();
    assert!(layers.contains("words of channel 1") && layers.contains("support vectors"), "{layers}");
    let samples = fs::read_to_string(voc.path("judged/samples.csv")).unwrap();
    // The classes are flat and steep.
    assert!(samples.lines().skip(1).all(|line| line.split(',').nth(1) == Some("0")), "{samples}");

    let refused = voc.pixelwise(&["evaluate", "a.model", "JPEGImages", "--preprocess", "mnist"]);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("--preprocess is for networks"));
    let refused = voc.refuse(&["explain", "a.model", "JPEGImages/12.jpg", "--composite", "epsilon-plus"]);
    assert!(refused.contains("--composite is for networks, and a.model is a Bag-of-Words classifier"), "{refused}");
    assert!(voc.refuse(&["explain", "a.model", "JPEGImages/12.jpg", "--target", "flat@1,2"]).contains("for networks"));
    assert!(voc.refuse(&["profile", "a.model"]).contains("a network is needed"));
}

#[test]
fn the_command_line_changes_the_configuration() {
    let voc = Voc::new();
    let options =
        ["--class", "steep", "--codebook", "9,5", "--class-weight", "balanced", "--seed", "7", "--cost", "0.5"];
    voc.train(&options);
    let json: Value = serde_json::from_str(&voc.succeed(&["inspect", "a.model", "--json"])).unwrap();
    let configuration = &json["configuration"];
    assert_eq!(configuration["channels"][0]["words"], 9);
    assert_eq!((&configuration["seed"], &configuration["cost"]), (&7.into(), &0.5.into()));
    assert_eq!(configuration["class-weight"], "balanced");
    assert_eq!(json["classes"].as_array().unwrap().len(), 1);
}

#[test]
fn configurations_are_compared_on_one_sheet() {
    let voc = Voc::new();
    voc.write("hard.toml", &configuration().replace("{ rank = { base = 2.4, neighbors = 4 } }", "\"hard\""));
    let compare =
        ["configurations", "--voc", ".", "--configuration", "small.toml", "hard.toml", "--codebook", "7,5", "--json"];
    let json: Value = serde_json::from_str(&voc.succeed(&compare)).unwrap();
    let compared = json["configurations"].as_array().unwrap();
    assert_eq!(compared.iter().map(|way| &way["configuration"]).collect::<Vec<_>>(), ["small.toml", "hard.toml"]);
    for way in compared {
        let configuration = way["configuration"].as_str().unwrap();
        let train =
            ["train", "--voc", ".", "--configuration", configuration, "--codebook", "7,5", "--output", "a.model"];
        voc.succeed(&train);
        let judged: Value =
            serde_json::from_str(&voc.succeed(&["accuracy", "a.model", "--voc", ".", "--json"])).unwrap();
        assert_eq!(way["mean_average_precision"], judged["mean_average_precision"]);
        assert_eq!(way["classes"][0]["average_precision"], judged["classes"][0]["average_precision"]);
        assert_eq!(way["dimensions"], 12);
    }
    // A row for each class, a column for each configuration beside the photo.
    let sheet = image::open(voc.path("comparison/sheet.png")).unwrap();
    assert!(sheet.width() > 3 * 64 && sheet.height() > 2 * 48);
    assert_eq!(fs::read_to_string(voc.path("comparison/comparison.csv")).unwrap().lines().count(), 3);
    assert!(fs::read_to_string(voc.path("comparison/index.html")).unwrap().contains("hard.toml"));

    // A configuration that can't be learned is named; the others are compared all the same.
    voc.write("many.toml", &configuration().replace("words = 12", "words = 100000"));
    let run = voc.run(&["configurations", "--voc", ".", "--configuration", "many.toml", "small.toml", "--json"]);
    let message = String::from_utf8(run.stderr).unwrap();
    assert!(message.contains("many.toml") && message.contains("1 of 2 configurations"), "{message}");
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((json["configurations"].as_array().unwrap().len(), json["failed"].as_array().unwrap().len()), (1, 1));

    let own = ["configurations", "JPEGImages/13.jpg", "--voc", ".", "--configuration", "small.toml", "--output", "own"];
    assert!(voc.succeed(&own).contains("small.toml"));
    assert!(voc.refuse(&["configurations", "--voc", ".", "--configuration", "unknown"]).contains("voc2009"));
    assert!(voc.refuse(&["configurations", "no.jpg", "--voc", "."]).contains("no.jpg"));
}

#[test]
fn the_cost_is_chosen_by_cross_validation() {
    let voc = Voc::new();
    let told: Value = serde_json::from_str(&voc.train(&["--cross-validate", "10,0.1", "--json"])).unwrap();
    let compared = told["cross_validation"].as_array().unwrap();
    assert_eq!((&compared[0]["cost"], &compared[1]["cost"]), (&10.0.into(), &0.1.into()));
    // Both tell stripes apart without a mistake; then it is the smaller one.
    assert_eq!((&compared[0]["area_under_roc"], &compared[1]["area_under_roc"]), (&1.0.into(), &1.0.into()));
    assert_eq!(told["cost"], 0.1);
    let chosen = fs::read(voc.path("a.model")).unwrap();
    voc.train(&["--cost", "0.1"]);
    assert!(fs::read(voc.path("a.model")).unwrap() == chosen);
    assert!(voc.train(&["--cross-validate", "0.1,10"]).contains("cost 0.1: area under the ROC curve 1.0000"));
}

#[test]
fn options_do_what_they_say() {
    let voc = Voc::new();
    let learned = |options: &[&str]| {
        voc.train(options);
        fs::read(voc.path("a.model")).unwrap()
    };
    let plain = learned(&["--threads", "1", "--cache", "one"]);
    assert!(plain == learned(&["--threads", "3", "--cache", "three"]), "threads");
    assert!(plain == learned(&["--seed", "1", "--cost", "10", "--class-weight", "none", "--codebook", "12,6"]));
    assert!(plain != learned(&["--seed", "2"]), "seed");

    // Three photos of twelve show the class. With costs so small, each coefficient of the smaller class is at its bound.
    let labels: String = (0..12).map(|n| format!("{n:02} {}\n", if n < 3 { "1" } else { "-1" })).collect();
    voc.write("ImageSets/Main/early_train.txt", &labels);
    let coefficients = |weight: &str| {
        voc.train(&["--class", "early", "--cost", "1e-6", "--class-weight", weight]);
        let classifier = BowClassifier::load(voc.path("a.model")).unwrap();
        assert_eq!(classifier.classes().collect::<Vec<_>>(), ["early"]);
        match classifier.model(0).unwrap().expansion().coefficients() {
            // All classes share the training vectors; those that support nothing have a 0.
            Coefficients::Shared(values) => values.iter().copied().filter(|value| *value != 0.0).collect::<Vec<f64>>(),
            Coefficients::PerKernel(values) => panic!("{values}"),
        }
    };
    let assert_bounds = |weight: &str, of_shown: f64, of_others: f64| {
        for coefficient in coefficients(weight) {
            let bound = if coefficient > 0.0 { of_shown } else { of_others };
            assert!(coefficient.abs() <= bound * (1.0 + 1e-12), "{weight}: {coefficient}");
            assert!(coefficient < 0.0 || coefficient > bound * (1.0 - 1e-9), "{weight}: {coefficient}");
        }
    };
    assert_bounds("none", 1e-6, 1e-6);
    assert_bounds("balanced", 2e-6, 1e-6 * 12.0 / 18.0);
}

#[test]
fn photos_are_explained_with_the_files_of_networks() {
    let voc = Voc::new();
    voc.train(&[]);
    let photos = ["JPEGImages/12.jpg", "JPEGImages/13.jpg", "JPEGImages/14.jpg"];
    let explain = |photos: &[&str], options: &[&str]| voc.run(&[&["explain", "a.model"], photos, options].concat());
    let json = |run: &Output| -> Value { serde_json::from_slice(&run.stdout).unwrap() };
    let record = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(voc.path(&format!("explanations/{name}.json"))).unwrap()).unwrap()
    };
    // An array of all samples, and records that say what is enough to do it again.
    let options = ["--target", "steep", "--top", "1", "--relevance", "all.npy", "--json"];
    let first = json(&explain(&photos[..2], &options));
    let all: ndarray::Array3<f64> = read_npy(voc.path("all.npy")).unwrap();
    for (position, name) in ["12", "13"].into_iter().enumerate() {
        let alone: Array2<f64> = read_npy(voc.path(&format!("explanations/{name}.steep.relevance.npy"))).unwrap();
        assert_eq!(all.index_axis(ndarray::Axis(0), position), alone);
        assert_eq!(first["inputs"][position], record(name));
    }
    let written = record("13");
    assert_eq!((&written["settings"]["model"], &written["input"]["file"]), (&"a.model".into(), &photos[1].into()));
    assert_eq!(written["settings"]["options"]["target"], serde_json::json!(["steep"]));
    assert!(written["settings"]["options"].get("dtype").is_none(), "an option of networks");
    assert_eq!((&written["top"][0]["label"], written["top"].as_array().unwrap().len()), (&"flat".into(), 1));
    assert_eq!(written["shape"], serde_json::json!([48, 64, 3]));
    let books = &written["targets"][0]["ledger"]["entries"];
    assert_eq!(books.as_array().unwrap().len(), 3, "{books}");

    // What is there is not computed again; another color scale is drawn from it.
    let path = voc.path("explanations/12.json");
    let kept = [fs::read(&path).unwrap(), b"\n\n".to_vec()].concat();
    fs::write(&path, &kept).unwrap();
    let resumed = json(&explain(&photos, &[&options[..], &["--resume"]].concat()));
    assert_eq!(fs::read(&path).unwrap(), kept);
    assert_eq!((&resumed["inputs"][0], resumed["inputs"].as_array().unwrap().len()), (&first["inputs"][0], 3));
    let all: ndarray::Array3<f64> = read_npy(voc.path("all.npy")).unwrap();
    assert_eq!(all.dim(), (3, 48, 64));
    assert!(explain(&photos, &options).status.success());
    assert_ne!(fs::read(&path).unwrap(), kept);
    let scaled = json(&explain(&photos, &["--scale", "batch", "--json"]));
    let strongest = |json: &Value| json["targets"][0]["largest"].as_f64().unwrap();
    let of_all = scaled["inputs"].as_array().unwrap().iter().map(strongest).fold(0.0, f64::max);
    assert!(["12", "13", "14"].iter().all(|name| record(name)["targets"][0]["scale"] == of_all));

    // A record is enough to do it once more.
    let repeated = voc.run(&["repeat", "explanations/13.json", "--threads", "1"]);
    let told = String::from_utf8(repeated.stdout).unwrap();
    assert!(repeated.status.success() && told.lines().all(|line| line.starts_with("same ")), "{told}");
    assert_eq!(told.lines().count(), 7, "five pictures, the array and the record: {told}");

    // What is not for it is refused by a sentence that says what is there in its place.
    let refused = |options: &[&str]| String::from_utf8(explain(&photos[..1], options).stderr).unwrap();
    assert!(refused(&["--initial", "r.npy"]).contains("--initial is for networks, and a.model is a Bag-of-Words"));
    assert!(refused(&["--initial", "r.npy"]).contains("choose it by --target"));
    assert!(refused(&["--labels", "l.txt"]).contains("its file names its classes"));
    assert!(refused(&["--target", "2"]).contains("class 2: the classifier has 2 classes"));
    let twice = ["--relevance", "all.npy", "--target", "steep", "--target", "flat"];
    assert_eq!(explain(&photos[..1], &twice).status.code(), Some(2));
    ndarray_npy::write_npy(voc.path("a.npy"), &all).unwrap();
    let mixed = explain(&["a.npy", photos[0]], &[]);
    assert!(String::from_utf8(mixed.stderr).unwrap().contains("a.npy: an array is for networks"));
    assert!(voc.succeed(&["explain", "a.model", photos[0]]).contains("written to explanations"));
}

#[test]
fn networks_are_judged_by_the_classes_that_they_know() {
    let voc = Voc::new();
    let network = format!("{}/tests/golden/neural/resnet_basic/model.onnx", env!("CARGO_MANIFEST_DIR"));
    let names = |named: &[(usize, &str)]| -> String {
        let name =
            |class| named.iter().find(|(at, _)| *at == class).map_or("-".to_owned(), |(_, name)| (*name).to_owned());
        (0..10).map(|class| format!("{}\n", name(class))).collect()
    };
    voc.write("labels.txt", &names(&[(3, "steep"), (8, "flat")]));
    let judge = |options: &[&str]| voc.run(&[&["accuracy", &network, "--voc", "."], options].concat());
    let run = judge(&["--labels", "labels.txt", "--dtype", "f64", "--json"]);
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let judged: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(judged["classes"][1]["class"], "steep");
    // The scores are those of `run`, and average precision is that of their order.
    let photos: Vec<String> = (12..20).map(|number| format!("JPEGImages/{number}.jpg")).collect();
    let photos: Vec<&str> = photos.iter().map(String::as_str).collect();
    voc.succeed(&[&["run", &network], &photos[..], &["--output-array", "scores.npy", "--dtype", "f64"]].concat());
    let scores: Array2<f64> = read_npy(voc.path("scores.npy")).unwrap();
    let told = fs::read_to_string(voc.path("evaluation/scores.csv")).unwrap();
    for (row, line) in told.lines().skip(1).enumerate() {
        let of_classes: Vec<f64> = line.split(',').skip(1).map(|cell| cell.parse().unwrap()).collect();
        let expected = [8, 3].map(|class| scores[[row, class]]);
        // What explains has normalizations folded into layers.
        assert!(of_classes.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-9), "{line}");
    }
    let mut ranked: Vec<usize> = (0..8).collect();
    ranked.sort_by(|one, other| scores[[*other, 3]].total_cmp(&scores[[*one, 3]]));
    let ranks = ranked.iter().enumerate().filter(|(_, photo)| **photo % 2 == 0).map(|(rank, _)| rank + 1);
    let precisions: Vec<f64> = ranks.enumerate().map(|(found, rank)| (found + 1) as f64 / rank as f64).collect();
    let expected = precisions.iter().sum::<f64>() / 4.0;
    assert!((judged["classes"][1]["average_precision"].as_f64().unwrap() - expected).abs() < 1e-12);

    let refused = |options: &[&str]| String::from_utf8(judge(options).stderr).unwrap();
    assert!(refused(&[]).contains("--labels"));
    voc.write("others.txt", &names(&[]));
    assert!(refused(&["--labels", "others.txt"]).contains("names none of the folder's classes, flat, steep"));
    voc.write("few.txt", "steep\nflat\n");
    assert!(refused(&["--labels", "few.txt"]).contains("has 2 names"));
    voc.train(&[]);
    let words = voc.refuse(&["accuracy", "a.model", "--voc", ".", "--labels", "labels.txt"]);
    assert!(words.contains("--labels is for networks"), "{words}");
}

/// A JPEG photo whose scan begins with what is no code: decoders show it all the same.
fn damage_inside(path: &str) {
    let mut bytes = fs::read(path).unwrap();
    let scan = bytes.windows(2).position(|marker| marker == [0xff, 0xda]).unwrap() + 14;
    bytes[scan..scan + 4].copy_from_slice(&[0xff, 0x00, 0xff, 0x00]);
    fs::write(path, bytes).unwrap();
    assert!(images::damage(&fs::read(path).unwrap()).is_some() && images::read(path).is_ok());
}

#[test]
fn photos_that_are_damaged_inside_are_named() {
    let voc = Voc::new();
    for number in [3, 12] {
        damage_inside(&voc.path(&format!("JPEGImages/{number:02}.jpg")));
    }
    let warned = |arguments: &[&str]| {
        let run = voc.run(arguments);
        assert!(run.status.success(), "{arguments:?}");
        String::from_utf8(run.stderr).unwrap()
    };
    let train = ["train", "--voc", ".", "--configuration", "small.toml", "--output", "a.model"];
    // The second run has the photo's vectors from the cache.
    for _ in 0..2 {
        assert_eq!(warned(&train).matches("03.jpg is damaged inside").count(), 1);
    }
    let photo = "JPEGImages/12.jpg";
    for arguments in [
        &["accuracy", "a.model", "--voc", "."][..],
        &["explain", "a.model", photo],
        &["run", "a.model", photo],
        &["compare", "a.model", photo, "--output", "sheet.png"],
        &["configurations", photo, "--voc", ".", "--configuration", "small.toml"],
    ] {
        assert!(warned(arguments).contains("12.jpg is damaged inside"), "{arguments:?}");
    }
}

/// The picture of `crates/images/tests/jpeg`, in the colors of printers.
const CMYK: &[u8] = include_bytes!("../crates/images/tests/jpeg/cmyk.jpg");

#[test]
fn broken_photos_are_named_and_the_rest_goes_on() {
    let voc = Voc::new();
    let photo = |number: u32| voc.path(&format!("JPEGImages/{number:02}.jpg"));
    let cut_short = |number: u32| {
        let whole = fs::read(photo(number)).unwrap();
        fs::write(photo(number), &whole[..2 * whole.len() / 3]).unwrap();
    };
    // What can be read is learned from, gray or in the colors of printers.
    image::open(photo(1)).unwrap().into_luma8().save(photo(1)).unwrap();
    fs::write(photo(2), CMYK).unwrap();
    cut_short(3);
    fs::remove_file(photo(4)).unwrap();
    RgbImage::new(3, 48).save(photo(5)).unwrap();
    fs::write(photo(6), "Dear diary,").unwrap();
    let list = fs::read_to_string(voc.path("ImageSets/Main/steep_train.txt")).unwrap();
    voc.write("ImageSets/Main/steep_train.txt", &(list + "stranger -1\n"));
    let told = |run: &Output, named: &[&str]| {
        let messages = String::from_utf8(run.stderr.clone()).unwrap();
        named.iter().for_each(|name| assert!(messages.contains(name), "{name}: {messages}"));
        let mentioned = (0..20).map(|number| format!("{number:02}.jpg")).filter(|name| messages.contains(name));
        assert_eq!(mentioned.count(), named.iter().filter(|name| name.ends_with(".jpg")).count(), "{messages}");
    };

    let begin = ["train", "--voc", ".", "--configuration", "small.toml", "--output", "a.model", "--json"];
    let run = voc.run(&begin);
    assert!(run.status.success());
    told(&run, &["03.jpg", "04.jpg", "05.jpg", "06.jpg", "stranger"]);
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((&json["photos"], json["left_out"].as_array().unwrap().len()), (&8.into(), 5));

    cut_short(12);
    image::open(photo(13)).unwrap().into_luma8().save(photo(13)).unwrap();
    let run = voc.run(&["accuracy", "a.model", "--voc", "."]);
    assert!(run.status.success());
    told(&run, &["12.jpg"]);
    assert_eq!(fs::read_to_string(voc.path("evaluation/scores.csv")).unwrap().lines().count(), 1 + 7);

    let photos: Vec<String> = (1..8).filter(|&number| number != 4).map(photo).collect();
    let photos: Vec<&str> = photos.iter().map(String::as_str).collect();
    let run = voc.run(&[&["explain", "a.model"], &photos[..]].concat());
    assert!(!run.status.success());
    told(&run, &["03.jpg", "05.jpg", "06.jpg", "3 of 6"]);
    let page = fs::read_to_string(voc.path("explanations/index.html")).unwrap();
    for (number, explained) in [("01", true), ("02", true), ("03", false), ("07", true)] {
        assert_eq!(page.contains(&format!("{number}.json")), explained, "{number}");
    }
}

/// The files in the folders of a cache.
fn entries(cache: &Path) -> usize {
    let folders = fs::read_dir(cache).into_iter().flatten().flatten();
    folders.map(|folder| fs::read_dir(folder.path()).into_iter().flatten().count()).sum()
}

/// Kills a run as soon as so many entries are in its cache; tells whether it was still running.
fn kill_at(entries_there: usize, cache: &Path, run: &mut Child) -> bool {
    while run.try_wait().unwrap().is_none() {
        if entries(cache) >= entries_there {
            run.kill().unwrap();
            // Killed, unless it was done in the meantime.
            return run.wait().unwrap().code().is_none();
        }
    }
    false
}

#[test]
fn a_run_that_was_killed_ends_with_the_same_bytes() {
    let voc = Voc::new();
    voc.train(&["--threads", "1"]);
    let unbroken = fs::read(voc.path("a.model")).unwrap();
    let whole = entries(Path::new(&voc.path("bow-cache")));
    assert_eq!(whole, 2 + 2 * 12, "two codebooks, and two vectors of each photo");
    let train = |name: &str| {
        let mut command = voc.command(&["train", "--voc", ".", "--configuration", "small.toml", "--threads", "1"]);
        command.args(["--cache", &format!("cache-{name}"), "--output", &format!("{name}.model")]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    // On a busy machine a run may be done before it is looked at; then there is another one.
    let mut was_killed = false;
    for attempt in 0..50 {
        let (name, entries_there) = (format!("killed-{attempt}"), [1, 3, 9, 20][attempt % 4]);
        let cache = voc.path(&format!("cache-{name}"));
        was_killed |= kill_at(entries_there, Path::new(&cache), &mut train(&name).spawn().unwrap());
        assert!(train(&name).status().unwrap().success());
        assert!(fs::read(voc.path(&format!("{name}.model"))).unwrap() == unbroken, "killed at {entries_there} entries");
        if was_killed && attempt >= 3 {
            break;
        }
    }
    assert!(was_killed, "none of the runs could be killed before its end");
}

#[test]
fn what_can_not_be_learned_is_refused() {
    let voc = Voc::new();
    let train = ["train", "--voc", ".", "--configuration", "small.toml", "--output", "a.model"];
    assert!(voc.refuse(&[&train[..], &["--class", "bird"]].concat()).contains("bird_train"));
    assert!(voc.refuse(&["train", "--voc", "nowhere", "--output", "a.model"]).contains("JPEGImages"));
    assert!(voc.refuse(&[&train[..], &["--codebook", "1,2,3"]].concat()).contains("2 channels"));
    let none: String = (0..12).map(|n| format!("{n:02} -1\n")).collect();
    voc.write("ImageSets/Main/steep_train.txt", &none);
    assert!(voc.refuse(&train).contains("shows steep"));
    voc.train(&["--class", "flat"]);
    assert!(voc.refuse(&["explain", "a.model", "JPEGImages/01.jpg", "--target", "dog"]).contains("flat"));
}

#[test]
fn old_names_say_the_new_ones() {
    let voc = Voc::new();
    voc.train(&[]);
    let photo = "JPEGImages/12.jpg";
    let pairs: [(&[&str], &[&str]); 3] = [
        (&["bow", "inspect", "a.model"], &["inspect", "a.model"]),
        (&["bow", "evaluate", "a.model", "--voc", "."], &["accuracy", "a.model", "--voc", "."]),
        (&["bow", "explain", "a.model", photo, "--class", "flat"], &["explain", "a.model", photo, "--target", "flat"]),
    ];
    for (old, new) in pairs {
        let run = voc.run(old);
        assert_eq!(String::from_utf8(run.stdout).unwrap(), voc.succeed(new));
        let note = String::from_utf8(run.stderr).unwrap();
        assert!(note.contains(&format!("is `pixelwise {}", new[0])), "{note}");
    }
}

fn compare<'a>(models: &[&'a str], options: &[&'a str]) -> Vec<&'a str> {
    [&["compare"], models, &["JPEGImages/12.jpg", "--output", "sheet.png", "--json"], options].concat()
}

#[test]
fn networks_and_classifiers_of_photographs_stand_on_one_sheet() {
    let voc = Voc::new();
    voc.train(&[]);
    let network = format!("{}/tests/golden/neural/resnet_basic/model.onnx", env!("CARGO_MANIFEST_DIR"));
    let rules = ["--rules", "alpha-beta=2", "gradient"];
    let both: Value = serde_json::from_str(&voc.succeed(&compare(&[&network, "a.model"], &rules))).unwrap();
    let alone: Value = serde_json::from_str(&voc.succeed(&compare(&[&network], &rules))).unwrap();
    assert_eq!(both["models"][0]["samples"], alone["samples"]);
    let words = &both["models"][1]["samples"][0];
    assert_eq!((&words["class"], &words["explanations"][0]["explanation"]), (&"1 steep".into(), &"Algorithm 1".into()));
    // Histogram intersection decomposes.
    let share = words["explanations"][0]["share_to_input"].as_f64().unwrap();
    assert!((share - 1.0).abs() < 1e-9, "{share}");
    // For a class that both know by its name.
    voc.write(
        "labels.txt",
        &(0..10).map(|class| if class == 7 { "flat\n".to_owned() } else { format!("{class}\n") }).collect::<String>(),
    );
    let named = compare(&[&network, "a.model"], &["--labels", "labels.txt", "--target", "flat"]);
    let named: Value = serde_json::from_str(&voc.succeed(&named)).unwrap();
    let classes = [0, 1].map(|model| &named["models"][model]["samples"][0]["class"]);
    assert_eq!(classes, ["7 flat", "0 flat"]);
    // The photo as the network sees it, two rules, the photo as it is, and Algorithm 1.
    let width = |models: &[&str], options: &[&str]| {
        voc.succeed(&compare(models, options));
        image::open(voc.path("sheet.png")).unwrap().width()
    };
    assert!(width(&[&network, "a.model"], &rules) > width(&[&network], &rules));

    let flat = compare(&["a.model"], &["--target", "flat"]);
    let flat: Value = serde_json::from_str(&voc.succeed(&flat)).unwrap();
    assert_eq!(flat["samples"][0]["class"], "0 flat");
    assert!(voc.refuse(&compare(&["a.model"], &rules)).contains("--rules is for networks"));
    assert!(voc.refuse(&compare(&[&network, "a.model"], &["--target", "dog"])).contains("dog"));
}
