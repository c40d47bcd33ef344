//! What holds for all verbs of the command line: exit codes, standard input and output, patterns, what is said.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{GrayImage, Luma, Rgb, RgbImage};
use ndarray::{Array4, ArrayD};
use ndarray_npy::{ReadNpyExt, read_npy, write_npy};
use tempfile::TempDir;

fn at_root(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

fn model() -> String {
    at_root("tests/cases/fixed-batch/batch1.onnx")
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn pixelwise(&self, arguments: &[&str]) -> Output {
        self.given(arguments, b"")
    }

    /// Runs the program in this folder, with something on standard input.
    fn given(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_pixelwise"));
        program.current_dir(self.0.path()).args(arguments);
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    }

    fn told(&self, arguments: &[&str]) -> String {
        let run = self.pixelwise(arguments);
        assert!(run.status.success(), "{arguments:?}: {}", text(&run.stderr));
        text(&run.stdout)
    }

    fn photo(&self, name: &str, shade: u8) {
        RgbImage::from_fn(20, 16, |x, y| Rgb([shade, (x * y) as u8, (9 * x) as u8])).save(self.path(name)).unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn exit_codes_are_those_of_the_table() {
    let folder = Folder::new();
    let help = folder.told(&["--help"]);
    let table = help.split_once("Exit codes:\n").unwrap().1;
    let docs = fs::read_to_string(at_root("docs/command-line.md")).unwrap();
    let mut codes = Vec::new();
    for row in table.lines() {
        let (code, meaning) = row.trim().split_once("  ").unwrap();
        assert!(docs.contains(&format!("| {code} | {meaning} |")), "{row}");
        codes.push(code.parse::<i32>().unwrap());
    }
    assert_eq!(codes, [0, 1, 2]);
    folder.photo("photo.png", 3);
    for (code, arguments) in [
        (0, &["run", &model(), "photo.png"][..]),
        (1, &["run", &model(), "missing.png"]),
        (1, &["explain", &model(), "photo.png", "missing.png"]),
        (1, &["run", &model(), "photo.png", "--expect", "photo.png"]),
        (2, &["run", &model()]),
        (2, &["explain", &model(), "photo.png", "--rule", "unknown"]),
        (2, &["walk"]),
    ] {
        assert_eq!(folder.pixelwise(arguments).status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn one_input_and_one_output_may_be_standard_ones() {
    let folder = Folder::new();
    folder.photo("photo.png", 90);
    let photo = fs::read(folder.path("photo.png")).unwrap();
    folder.told(&["run", &model(), "photo.png", "--output-array", "scores.npy"]);
    let run = folder.given(&["run", &model(), "-", "--output-array", "-"], &photo);
    assert_eq!(run.stdout, fs::read(folder.path("scores.npy")).unwrap(), "{}", text(&run.stderr));
    folder.told(&["explain", &model(), "photo.png", "--relevance", "relevance.npy"]);
    let explain = folder.given(&["explain", &model(), "-", "--relevance", "-"], &photo);
    assert_eq!(explain.stdout, fs::read(folder.path("relevance.npy")).unwrap(), "{}", text(&explain.stderr));
    assert!(folder.path("explanations/stdin.predicted.heatmap.png").is_file());
    let batch = ArrayD::from_shape_fn(vec![3, 3, 16, 16], |at| (at[0] + at[2] * at[3]) as f32);
    write_npy(folder.path("batch.npy"), &batch).unwrap();
    let bytes = fs::read(folder.path("batch.npy")).unwrap();
    let run = folder.given(&["run", &model(), "-", "--output-array", "-"], &bytes);
    assert_eq!(ArrayD::<f32>::read_npy(run.stdout.as_slice()).unwrap().shape(), [3, 3]);
    let both = folder.given(&["run", &model(), "-", "--output-array", "-", "--json"], &bytes);
    assert!(text(&both.stderr).contains("standard output takes one thing"));
}

#[test]
fn a_pattern_in_quotes_is_what_it_matches() {
    let folder = Folder::new();
    fs::create_dir(folder.path("photos")).unwrap();
    ["b.png", "a.png", "c.bmp"].iter().for_each(|name| folder.photo(&format!("photos/{name}"), 90));
    let told = folder.told(&["run", &model(), "photos/*.png"]);
    let at = |name: &str| told.find(name).unwrap();
    assert!(at("a.png") < at("b.png") && !told.contains("c.bmp"), "{told}");
    folder.told(&["explain", &model(), "photos/[bc].*"]);
    assert!(folder.path("explanations/c.json").is_file() && !folder.path("explanations/a.json").exists());
    let none = folder.pixelwise(&["run", &model(), "photos/*.tif"]);
    assert!(text(&none.stderr).contains("no file matches \"photos/*.tif\""));
}

#[test]
fn little_or_much_is_said() {
    let folder = Folder::new();
    ["a.png", "b.png"].iter().for_each(|name| folder.photo(name, 90));
    fs::write(folder.path("labels.txt"), "cat\ncup\n").unwrap();
    let explain = ["explain", &model(), "a.png", "b.png", "--labels", "labels.txt"];
    let usual = folder.pixelwise(&explain);
    assert!(text(&usual.stderr).contains("Warning: labels.txt has 2 names"));
    let quiet = folder.pixelwise(&[&explain[..], &["--quiet"]].concat());
    assert!(quiet.status.success() && quiet.stdout.is_empty() && quiet.stderr.is_empty());
    let quiet = folder.pixelwise(&["-q", "explain", &model(), "missing.png"]);
    assert!(text(&quiet.stderr).starts_with("error: ") && quiet.stdout.is_empty());
    let verbose = text(&folder.pixelwise(&[&explain[..], &["-v"]].concat()).stderr);
    for step in ["read ", "build the network for 1 × 3 × 16 × 16: ", "explain a.png: ", "in all: "] {
        assert!(verbose.contains(step), "{step}: {verbose}");
    }
    assert!(!verbose.contains('\x1b'), "no colors where nobody sees them");
    assert_eq!(folder.pixelwise(&[&explain[..], &["-q", "-v"]].concat()).status.code(), Some(2));
}

/// Pictures in MNIST's own format are what they are in files of their own.
#[test]
fn pictures_of_mnist_are_read() {
    let folder = Folder::new();
    let pictures = Array4::from_shape_fn((3, 32, 32, 1), |(n, y, x, _)| ((7 * n + x * y) % 256) as u8);
    let mut idx = vec![0, 0, 8, 3];
    [3u32, 32, 32].iter().for_each(|length| idx.extend(length.to_be_bytes()));
    idx.extend(pictures.iter());
    fs::write(folder.path("t10k-images-idx3-ubyte"), &idx).unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&idx).unwrap();
    fs::write(folder.path("t10k-images-idx3-ubyte.gz"), encoder.finish().unwrap()).unwrap();
    fs::create_dir(folder.path("pictures")).unwrap();
    for number in 0..3 {
        let pixel = |x: u32, y: u32| Luma([pictures[[number, y as usize, x as usize, 0]]]);
        GrayImage::from_fn(32, 32, pixel).save(folder.path(&format!("pictures/{number}.png"))).unwrap();
    }
    let lenet = at_root("tests/golden/neural/lenet5/model.onnx");
    for verb in ["run", "explain"] {
        let option = if verb == "run" { "--output-array" } else { "--relevance" };
        let array = |input: &str| -> ArrayD<f32> {
            folder.told(&[verb, &lenet, input, option, "array.npy"]);
            read_npy(folder.path("array.npy")).unwrap()
        };
        let expected = array("pictures");
        assert_eq!(expected.shape()[0], 3);
        assert_eq!(array("t10k-images-idx3-ubyte"), expected);
        assert_eq!(array("t10k-images-idx3-ubyte.gz"), expected);
    }
    assert!(folder.path("explanations/t10k-images-idx3-ubyte-2.predicted.heatmap.png").is_file());
    folder.told(&["compare", &lenet, "t10k-images-idx3-ubyte", "--rules", "z-plus"]);
    folder.told(&["repeat", "explanations/t10k-images-idx3-ubyte-1.json"]);
    fs::write(folder.path("short"), &idx[..idx.len() - 1]).unwrap();
    let short = folder.pixelwise(&["run", &lenet, "short"]);
    assert!(text(&short.stderr).contains("it was cut short"), "{}", text(&short.stderr));
}

/// Arrays of other types in that format are taken as they are.
#[test]
fn arrays_of_mnists_format_are_read() {
    let folder = Folder::new();
    let x: ArrayD<f32> = read_npy(at_root("tests/cases/unused-input/x.npy")).unwrap();
    let mut idx = vec![0, 0, 0x0d, x.ndim() as u8];
    x.shape().iter().for_each(|&length| idx.extend((length as u32).to_be_bytes()));
    x.iter().for_each(|number| idx.extend(number.to_be_bytes()));
    fs::write(folder.path("x.idx"), idx).unwrap();
    let model = at_root("tests/cases/unused-input/model.onnx");
    folder.told(&["run", &model, &at_root("tests/cases/unused-input/x.npy"), "--output-array", "y.npy"]);
    folder.told(&["run", &model, "x.idx", "--expect", "y.npy", "--tolerance", "0"]);
}

#[test]
fn each_verb_has_its_manual_page() {
    let folder = Folder::new();
    clap_mangen::generate_to(pixelwise_cli::command().disable_help_subcommand(true), folder.path("")).unwrap();
    for verb in ["", "-explain", "-run", "-repeat"] {
        let page = fs::read_to_string(folder.path(&format!("pixelwise{verb}.1"))).unwrap();
        assert!(page.contains(".SH OPTIONS") || page.contains(".SH SUBCOMMANDS"), "{verb}");
    }
}

/// A perceptron takes a digit's rows one behind the other.
#[test]
fn digits_go_into_perceptrons() {
    let folder = Folder::new();
    let digits = at_root("data/mnist/t10k-images-idx3-ubyte.gz");
    let start = |count: u32| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(fs::File::open(&digits).unwrap()), &mut bytes)
            .unwrap();
        bytes.truncate(16 + 784 * count as usize);
        bytes[4..8].copy_from_slice(&count.to_be_bytes());
        bytes
    };
    let bytes = start(4);
    fs::write(folder.path("digits"), &bytes).unwrap();
    let pixels = ArrayD::from_shape_fn(vec![4, 784], |at| {
        (f32::from(bytes[16 + 784 * at[0] + at[1]]) / 255.0 - 0.1307) / 0.3081
    });
    write_npy(folder.path("pixels.npy"), &pixels).unwrap();
    let model = at_root("data/models/mnist-400-400-tanh.onnx");
    fs::write(
        folder.path("digits.toml"),
        "size = { exact = { height = 28, width = 28 } }\nchannels = 'gray'\nscale = '0..1'\nmean = [0.1307]\nstd = [0.3081]",
    )
    .unwrap();
    folder.told(&["run", &model, "pixels.npy", "--output-array", "scores.npy"]);
    folder.told(&[
        "run",
        &model,
        "digits",
        "--preprocess",
        "digits.toml",
        "--expect",
        "scores.npy",
        "--tolerance",
        "1e-6",
    ]);
    let told = folder.told(&["explain", &model, "digits", "--preprocess", "digits.toml", "--rule", "z-box"]);
    assert!(told.contains("gray in 0..1, minus 0.1307, divided by 0.3081, in a row"), "{told}");
    // The first test digits are 7, 2, 1, 0.
    for (number, digit) in [7, 2, 1, 0].into_iter().enumerate() {
        assert!(told.contains(&format!("digits-{number}  predicted  {digit}  ")), "{told}");
    }
}
