//! Pictures in the formats that photos and scans come in: `tests/cases/webp-tiff-gif`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn case(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/webp-tiff-gif").join(file)
}

/// What a network that gives its input back says of a picture, or of a folder.
fn run(input: &Path) -> Output {
    let arguments =
        ["run".as_ref(), case("identity.onnx").into_os_string().as_os_str(), input.as_os_str()].map(ToOwned::to_owned);
    Command::new(env!("CARGO_BIN_EXE_pixelwise")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn every_format_gives_the_same_pixels() {
    let expected = images::read(case("photo.png")).unwrap();
    for file in ["downloaded.jpg", "photo.tiff", "photo.gif", "moving.gif"] {
        assert_eq!(images::read(case(file)).unwrap(), expected, "{file}");
        let answer = run(&case(file));
        assert!(answer.status.success(), "{file}: {}", text(&answer.stderr));
        assert_eq!(text(&answer.stderr), "", "{file}");
    }
    let refusal = text(&run(&case("photo.avif")).stderr);
    assert!(refusal.contains("photo.avif is an AVIF picture, which can't be read: supported are PNG"), "{refusal}");
}

#[test]
fn what_a_folder_holds_and_is_passed_over_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["downloaded.jpg", "photo.png", "photo.tiff", "photo.gif", "photo.avif", "README.md"] {
        fs::copy(case(file), folder.path().join(file)).unwrap();
    }
    let answer = run(folder.path());
    assert!(answer.status.success(), "{}", text(&answer.stderr));
    let told = text(&answer.stdout);
    for file in ["downloaded.jpg", "photo.png", "photo.tiff", "photo.gif"] {
        assert!(told.contains(file), "{told}");
    }
    let passed_over = "passed over 2 that are no images by their names: README.md, photo.avif";
    assert!(text(&answer.stderr).contains(passed_over), "{}", text(&answer.stderr));
}
