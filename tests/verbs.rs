//! `docs/verbs.md` is true: each verb takes each kind of model, or refuses it by the sentence of the table.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use datasets::polygons::AnnotatedFolder;
use photo_folder::{CONFIGURATION, PhotoFolder};

mod photo_folder;

/// What a cell of the table says.
#[derive(Debug, PartialEq, Eq)]
enum Cell {
    Works,
    Refuses(String),
    TakesNoModel,
}

impl Cell {
    fn of(text: &str) -> Self {
        match text.trim() {
            "works" => Self::Works,
            "takes no model" => Self::TakesNoModel,
            sentence => Self::Refuses(sentence.trim_matches('"').to_owned()),
        }
    }
}

/// The rows of the table: a verb, and what it does with a network and with a Bag-of-Words classifier.
fn table() -> Vec<(String, [Cell; 2])> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verbs.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').collect();
        (cells[1].trim().trim_matches('`').to_owned(), [Cell::of(cells[3]), Cell::of(cells[4])])
    };
    rows.map(row).collect()
}

/// Annotated photos, a classifier of what they show, and a network that takes photos of their size.
fn folder() -> PhotoFolder {
    let folder = PhotoFolder::new();
    AnnotatedFolder { seed: 1, train: 16, val: 8, height: 90, width: 120 }.write(folder.path("")).unwrap();
    folder.write("small.toml", CONFIGURATION);
    folder.succeed(&["train", "--voc", ".", "--configuration", "small.toml", "--output", "words.model"]);
    let network = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/neural/resnet_basic/model.onnx");
    fs::copy(network, folder.path("network.onnx")).unwrap();
    folder.write("labels.txt", "circle\npolygon\n2\n3\n4\n5\n6\n7\n8\n9\n");
    folder
}

const PHOTO: &str = "JPEGImages/000016.jpg";

/// A verb on a model.
fn arguments<'a>(verb: &'a str, model: &'a str) -> Vec<&'a str> {
    let photo = PHOTO;
    let rest: &[&str] = match (verb, model) {
        ("explain" | "run" | "compare", _) => &[photo],
        ("inspect" | "profile", _) => &[],
        ("serve", _) => &["--port", "0"],
        ("evaluate", _) => &[photo, "--measure", "sparseness"],
        ("accuracy", "network.onnx") => &["--voc", ".", "--labels", "labels.txt"],
        ("accuracy" | "context", _) => &["--voc", "."],
        ("repeat", _) => return vec![verb, "explanations/000016.json"],
        (other, _) => panic!("{other} takes a model, and this test does not know how"),
    };
    [&[verb, model], rest].concat()
}

#[test]
fn the_table_has_all_verbs() {
    let folder = PhotoFolder::new();
    let help = String::from_utf8(folder.succeed(&["--help"]).stdout).unwrap();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let verbs = commands.lines().take_while(|line| !line.is_empty()).filter_map(|line| {
        let verb = line.strip_prefix("  ")?.split(' ').next()?;
        (!verb.is_empty() && verb != "help").then(|| verb.to_owned())
    });
    let mut verbs: Vec<String> = verbs.collect();
    let mut told: Vec<String> = table().into_iter().map(|(verb, _)| verb).collect();
    verbs.sort();
    told.sort();
    assert_eq!(told, verbs);
}

#[test]
fn each_verb_takes_each_kind_or_says_why_not() {
    let folder = folder();
    for (verb, cells) in table() {
        for (model, cell) in ["network.onnx", "words.model"].into_iter().zip(cells) {
            if cell == Cell::TakesNoModel {
                let help = String::from_utf8(folder.succeed(&[&verb, "-h"]).stdout).unwrap();
                let usage = help.lines().find(|line| line.starts_with("Usage:")).unwrap();
                assert!(!usage.contains("MODEL"), "{usage}");
                continue;
            }
            if verb == "repeat" {
                folder.succeed(&["explain", model, PHOTO]);
            }
            let arguments = arguments(&verb, model);
            if let Cell::Refuses(sentence) = cell {
                let said = folder.refuse(&arguments);
                assert!(said.contains(&sentence), "{verb} {model}: {said}");
            } else if verb == "serve" {
                assert!(first_line(folder.command(&arguments)).starts_with("http://127.0.0.1:"));
            } else {
                folder.succeed(&arguments);
            }
        }
    }
}

/// The first line that a command prints that would never end.
fn first_line(mut command: Command) -> String {
    let mut running = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut line).unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
    line
}
