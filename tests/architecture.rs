//! `docs/architecture.md` is true: crates know whom it says, and inside of neural-lrp all arrows run one way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[path = "architecture/modules.rs"]
mod modules;

use modules::Modules;

/// What a crate may bring along only where the page says nothing else: none of it is in those that stand alone.
const FOREIGN: [&str; 3] = ["linfa", "image", "clap"];
/// The crates that a researcher uses alone.
const ALONE: [&str; 4] = ["relevance", "kernels", "local-features", "neural-lrp"];

/// The wings of neural-lrp; each may know those before it, and none of its own row.
const WINGS: [&[&str]; 7] =
    [&["arrays"], &["operation"], &["operations", "rules"], &["network"], &["explain"], &["methods"], &["classifier"]];

type Neighbors = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a cargo command says.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).current_dir(root()).args(arguments).arg("--locked").output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The workspace's own crates that each of them is built on.
fn built_on() -> Neighbors {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let own: BTreeSet<String> = packages.iter().map(name).collect();
    let known = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        dependencies
            .filter(|dependency| dependency["kind"].is_null())
            .map(name)
            .filter(|name| own.contains(name))
            .collect()
    };
    packages.iter().map(|package| (name(package), known(package))).collect()
}

/// The names in back quotes in a text.
fn quoted(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// The table of who knows whom: ``| `crate` | what it is | `known`, `known` |``.
fn told() -> Neighbors {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let (_, section) = page.split_once("## Who knows whom").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').collect();
        (quoted(cells[1]).next().unwrap(), quoted(cells[3]).collect())
    })
    .collect()
}

#[test]
fn crates_know_whom_the_page_says() {
    let (told, found) = (told(), built_on());
    for name in told.keys().chain(found.keys()) {
        assert_eq!(
            told.get(name),
            found.get(name),
            "{name}: what docs/architecture.md says, and what its Cargo.toml does"
        );
    }
}

#[test]
fn those_that_stand_alone_bring_no_more_than_they_need() {
    for name in ALONE {
        assert_eq!(brought(name, &FOREIGN), [""; 0], "{name}");
    }
}

#[test]
fn the_library_brings_no_command_line() {
    assert_eq!(brought("pixelwise", &["clap", "indicatif"]), [""; 0]);
}

#[test]
fn the_server_s_runtime_is_in_one_crate() {
    for name in ["pixelwise", "bow-demo", "evaluation", "model-files", "report"] {
        assert_eq!(brought(name, &["tokio", "axum", "hyper"]), [""; 0], "{name}");
    }
}

/// Which of these, or of the crates that go with them, a crate brings along by any way.
fn brought(name: &str, foreign: &[&str]) -> Vec<String> {
    let tree = cargo(&["tree", "--package", name, "--edges", "normal", "--prefix", "none", "--offline"]);
    let brought = tree.lines().filter_map(|line| line.split(' ').next());
    let is_foreign =
        |brought: &&str| foreign.iter().any(|name| brought == name || brought.starts_with(&format!("{name}-")));
    brought.filter(is_foreign).map(str::to_owned).collect()
}

/// Which row of [`WINGS`] a file stands in; none for what all of them know.
fn row(file: &str) -> Option<usize> {
    let wing = wing(file);
    WINGS.iter().position(|row| row.contains(&wing))
}

fn wing(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

#[test]
fn arrows_between_the_wings_run_one_way() {
    let modules = Modules::read(&root().join("crates/neural-lrp/src"));
    let against = |(from, to): &(&str, &str)| match (row(from), row(to)) {
        _ if wing(from) == wing(to) => false,
        (Some(from), Some(to)) => to >= from,
        // What stands beside the wings knows none of them, and may be known by all; lib.rs shows them to the outside.
        (None, Some(_)) => *from != "lib.rs",
        (_, None) => false,
    };
    let against: Vec<_> = modules.arrows().filter(against).collect();
    assert!(against.is_empty(), "(from, to): {against:#?}");
}

#[test]
fn no_files_of_a_wing_go_round_in_a_circle() {
    let modules = Modules::read(&root().join("crates/neural-lrp/src"));
    let circles = modules.circles();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn what_the_pages_speak_of_is_there() {
    for page in ["docs/architecture.md", "docs/decisions.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let folder = root().join(page);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for link in links.filter(|link| !link.is_empty() && !link.contains("://")) {
            assert!(folder.parent().unwrap().join(link).exists(), "{page} links to {link}");
        }
        let paths = quoted(&text)
            .filter(|quoted| ["crates/", "tests/", "docs/"].iter().any(|folder| quoted.starts_with(folder)));
        for path in paths.filter(|path| !path.contains("my_")) {
            assert!(root().join(&path).exists(), "{page} speaks of {path}");
        }
    }
}

#[test]
fn the_pinned_compiler_is_the_oldest_that_is_promised() {
    let [pinned, promised] =
        ["rust-toolchain.toml", "Cargo.toml"].map(|file| fs::read_to_string(root().join(file)).unwrap());
    let setting = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        line.split('"').nth(1).unwrap().to_owned()
    };
    assert!(setting(&pinned, "channel").starts_with(&setting(&promised, "rust-version")));
}
