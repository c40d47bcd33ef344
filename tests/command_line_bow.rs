//! The command line on photographs: `pixelwise bow`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use ndarray::Array2;
use ndarray_npy::read_npy;
use serde_json::Value;
use tempfile::TempDir;

/// A small configuration over two channels.
const CONFIGURATION: &str = r#"
sample = 400
iterations = 10
seed = 1
cost = 10.0
class-weight = "none"
kernel-weights = "uniform"
[[channels]]
words = 12
mapping = { rank = { base = 2.4, neighbors = 4 } }
normalization = "l1"
kernel = "histogram-intersection"
extractor = { dense-sift = { scale = 2.0, step = 6, rotation = { fixed = { angle = 0.0 } } } }
[[channels]]
words = 6
mapping = { rank = { base = 2.4, neighbors = 4 } }
normalization = "l1"
kernel = "histogram-intersection"
extractor = { color-quantiles = { step = 8 } }
"#;

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
struct Voc(TempDir);

impl Voc {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let voc = Self(folder);
        fs::create_dir_all(voc.0.path().join("JPEGImages")).unwrap();
        fs::create_dir_all(voc.0.path().join("ImageSets/Main")).unwrap();
        for (split, numbers) in [("train", 0..12), ("val", 12..20)] {
            let list = |line: &dyn Fn(u32) -> String| numbers.clone().map(|n| line(n) + "\n").collect::<String>();
            voc.write(&format!("ImageSets/Main/{split}.txt"), &list(&|n| format!("{n:02}")));
            let label = |n: u32, steep: bool| if n.is_multiple_of(2) == steep { " 1" } else { "-1" };
            voc.write(&format!("ImageSets/Main/steep_{split}.txt"), &list(&|n| format!("{n:02} {}", label(n, true))));
            voc.write(&format!("ImageSets/Main/flat_{split}.txt"), &list(&|n| format!("{n:02} {}", label(n, false))));
        }
        (0..20).for_each(|n| picture(n).save(voc.0.path().join(format!("JPEGImages/{n:02}.jpg"))).unwrap());
        voc.write("small.toml", CONFIGURATION);
        voc
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let program = env!("CARGO_BIN_EXE_pixelwise");
        Command::new(program).arg("bow").args(arguments).current_dir(self.0.path()).output().unwrap()
    }

    fn succeed(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }

    fn refuse(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert!(!run.status.success(), "{arguments:?}");
        String::from_utf8(run.stderr).unwrap()
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
    let judged: Value = serde_json::from_str(&voc.succeed(&["evaluate", "a.model", "--voc", ".", "--json"])).unwrap();
    assert_eq!(judged["mean_average_precision"], 1.0);
    let curves = fs::read_to_string(voc.path("evaluation/precision-recall.svg")).unwrap();
    assert!(curves.contains("steep"));
    assert_eq!(fs::read_to_string(voc.path("evaluation/scores.csv")).unwrap().lines().count(), 1 + 8);

    let photos = ["JPEGImages/12.jpg", "JPEGImages/13.jpg"];
    let options = ["--class", "steep", "--class", "flat", "--scale", "batch", "--json"];
    let explained: Value =
        serde_json::from_str(&voc.succeed(&[&["explain", "a.model"], &photos[..], &options].concat())).unwrap();
    let explained = explained["explanations"].as_array().unwrap();
    assert_eq!(explained.len(), 4);
    for explanation in explained {
        let name = explanation["name"].as_str().unwrap();
        let relevance: Array2<f64> = read_npy(voc.path(&format!("explanations/{name}.relevance.npy"))).unwrap();
        // Histogram intersection decomposes: what the pixels have is the score.
        assert!((relevance.sum() - explanation["score"].as_f64().unwrap()).abs() < 1e-9);
        for ending in ["heatmap.png", "overlay.png", "edges.png", "json"] {
            assert!(Path::new(&voc.path(&format!("explanations/{name}.{ending}"))).is_file(), "{name}.{ending}");
        }
    }
    assert!(fs::read_to_string(voc.path("explanations/index.html")).unwrap().contains("12.jpg"));
    assert!(explained[0]["score"].as_f64().unwrap() > 0.0 && explained[1]["score"].as_f64().unwrap() < 0.0);
    // Without a class, the one with the highest score is explained.
    assert!(voc.succeed(&["explain", "a.model", photos[1]]).contains("13.jpg: flat"));

    let inspected = voc.succeed(&["inspect", "a.model", "--configuration"]);
    voc.write("again.toml", &inspected);
    assert_eq!(voc.succeed(&["inspect", "a.model", "--configuration"]), inspected);
    let again = ["train", "--voc", ".", "--configuration", "again.toml", "--output", "b.model"];
    voc.succeed(&again);
    assert!(fs::read(voc.path("a.model")).unwrap() == fs::read(voc.path("b.model")).unwrap());
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
    assert!(voc.train(&["--cross-validate", "0.1,10"]).contains("area under the ROC curve"));
}

#[test]
fn configurations_are_compared_on_one_sheet() {
    let voc = Voc::new();
    voc.write("hard.toml", &CONFIGURATION.replace("{ rank = { base = 2.4, neighbors = 4 } }", "\"hard\""));
    let compare =
        ["compare", "--voc", ".", "--configuration", "small.toml", "hard.toml", "--codebook", "7,5", "--json"];
    let json: Value = serde_json::from_str(&voc.succeed(&compare)).unwrap();
    let compared = json["configurations"].as_array().unwrap();
    assert_eq!(compared.iter().map(|way| &way["configuration"]).collect::<Vec<_>>(), ["small.toml", "hard.toml"]);
    for way in compared {
        let configuration = way["configuration"].as_str().unwrap();
        let train =
            ["train", "--voc", ".", "--configuration", configuration, "--codebook", "7,5", "--output", "a.model"];
        voc.succeed(&train);
        let judged: Value =
            serde_json::from_str(&voc.succeed(&["evaluate", "a.model", "--voc", ".", "--json"])).unwrap();
        assert_eq!(way["mean_average_precision"], judged["mean_average_precision"]);
        assert_eq!(way["classes"][0]["average_precision"], judged["classes"][0]["average_precision"]);
        assert_eq!(way["dimensions"], 12);
    }
    // A row for each class, a column for each configuration beside the photo.
    let sheet = image::open(voc.path("comparison/sheet.png")).unwrap();
    assert!(sheet.width() > 3 * 64 && sheet.height() > 2 * 48);
    assert_eq!(fs::read_to_string(voc.path("comparison/comparison.csv")).unwrap().lines().count(), 3);
    assert!(fs::read_to_string(voc.path("comparison/index.html")).unwrap().contains("hard.toml"));

    let own = ["compare", "JPEGImages/13.jpg", "--voc", ".", "--configuration", "small.toml", "--output", "own"];
    assert!(voc.succeed(&own).contains("small.toml"));
    assert!(voc.refuse(&["compare", "--voc", ".", "--configuration", "unknown"]).contains("voc2009"));
    assert!(voc.refuse(&["compare", "no.jpg", "--voc", "."]).contains("no.jpg"));
}

#[test]
fn broken_photos_are_named_and_the_rest_goes_on() {
    let voc = Voc::new();
    let whole = fs::read(voc.path("JPEGImages/03.jpg")).unwrap();
    fs::write(voc.path("JPEGImages/03.jpg"), &whole[..whole.len() / 3]).unwrap();
    fs::remove_file(voc.path("JPEGImages/04.jpg")).unwrap();
    let begin = ["train", "--voc", ".", "--configuration", "small.toml", "--output", "a.model", "--json"];
    let run = voc.run(&begin);
    assert!(run.status.success());
    let messages = String::from_utf8(run.stderr).unwrap();
    assert!(messages.contains("03.jpg") && messages.contains("04.jpg"), "{messages}");
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((&json["photos"], json["left_out"].as_array().unwrap().len()), (&10.into(), 2));

    let failed = voc.refuse(&["explain", "a.model", "JPEGImages/03.jpg", "JPEGImages/05.jpg"]);
    assert!(failed.contains("03.jpg") && failed.contains("1 of 2"), "{failed}");
    assert!(Path::new(&voc.path("explanations/index.html")).is_file());
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
    assert!(voc.refuse(&["explain", "a.model", "JPEGImages/01.jpg", "--class", "dog"]).contains("flat"));
}
