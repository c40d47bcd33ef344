//! `pixelwise accuracy` for networks: folders of images, one for each class.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use image::{Rgb, RgbImage};
use serde_json::Value;
use tempfile::TempDir;

/// Three classes, for images of 16 × 16.
fn model(samples: usize) -> String {
    format!("{}/tests/cases/fixed-batch/batch{samples}.onnx", env!("CARGO_MANIFEST_DIR"))
}

struct Folder(TempDir);

impl Folder {
    /// A folder with a folder for each name, and so many images in each.
    fn of(names: &[(&str, u32)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (place, (name, images)) in (0..).zip(names) {
            fs::create_dir_all(folder.path(&format!("photos/{name}"))).unwrap();
            for number in 0..*images {
                let seed = 97 * place + 41 * number;
                let shade = |x: u32, by: u32| ((x * by + seed * (by + 3)) % 256) as u8;
                let picture = RgbImage::from_fn(16, 16, |x, y| Rgb([shade(x, 7), shade(y, 11), shade(x * y, 2)]));
                picture.save(folder.path(&format!("photos/{name}/{number}.png"))).unwrap();
            }
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn pixelwise(&self, arguments: &[&str]) -> Output {
        let program = env!("CARGO_BIN_EXE_pixelwise");
        Command::new(program).current_dir(self.0.path()).args(arguments).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let run = self.pixelwise(&[arguments, &["--json"]].concat());
        assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
        serde_json::from_slice(&run.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let run = self.pixelwise(arguments);
        assert_eq!(run.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(run.stderr).unwrap()
    }

    /// The share of a folder's images whose best class, as `pixelwise run` tells it, is this one.
    fn share(&self, name: &str, class: u64) -> f64 {
        let run = self.json(&["run", &model(1), &format!("photos/{name}")]);
        let answers = run["answers"].as_array().unwrap();
        let is_right = |answer: &&Value| answer["outputs"][0]["top"][0][0]["class"] == class;
        answers.iter().filter(is_right).count() as f64 / answers.len() as f64
    }
}

#[test]
fn a_network_is_right_as_often_as_its_answers_are() {
    let folder = Folder::of(&[("cat", 5), ("cup", 6), ("rocket", 3)]);
    for samples in [1, 8] {
        let judged = folder.json(&["accuracy", &model(samples), "photos"]);
        assert_eq!((&judged["images"], &judged["top_5"]), (&14.into(), &1.0.into()));
        let mut right = 0.0;
        for (class, (name, images)) in (0..).zip([("cat", 5), ("cup", 6), ("rocket", 3)]) {
            let row = &judged["classes"][class as usize];
            assert_eq!((&row["folder"], &row["class"], &row["images"]), (&name.into(), &class.into(), &images.into()));
            let share = row["top_1"].as_f64().unwrap();
            assert!((share - folder.share(name, class)).abs() < 1e-12, "{name}");
            right += share * f64::from(images);
        }
        assert!((judged["top_1"].as_f64().unwrap() - right / 14.0).abs() < 1e-12);
    }
    let table = folder.pixelwise(&["accuracy", &model(1), "photos"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("a guess by the number of channels") && table.contains("rocket"), "{table}");
}

#[test]
fn classes_are_known_by_names_or_numbers() {
    let folder = Folder::of(&[("rocket", 2), ("cat", 3)]);
    let message = folder.refused(&["accuracy", &model(1), "photos"]);
    assert!(message.contains("2 folders and 3 classes") && message.contains("--labels"), "{message}");
    fs::write(folder.path("labels.txt"), "cat\ncup\nrocket\n").unwrap();
    let judged = folder.json(&["accuracy", &model(1), "photos", "--labels", "labels.txt"]);
    assert_eq!((&judged["classes"][0]["class"], &judged["classes"][1]["class"]), (&0.into(), &2.into()));
    assert_eq!(judged["classes"][1]["top_1"].as_f64().unwrap(), folder.share("rocket", 2));
    fs::write(folder.path("labels.txt"), "dog\ncup\nrocket\n").unwrap();
    assert!(folder.refused(&["accuracy", &model(1), "photos", "--labels", "labels.txt"]).contains("cat"));

    let numbers = Folder::of(&[("2", 2), ("0", 3)]);
    let judged = numbers.json(&["accuracy", &model(1), "photos"]);
    assert_eq!(judged["classes"][1]["top_1"].as_f64().unwrap(), numbers.share("2", 2));
    fs::rename(numbers.path("photos/2"), numbers.path("photos/3")).unwrap();
    assert!(numbers.refused(&["accuracy", &model(1), "photos"]).contains("for class 3, and the network has 3"));
}

#[test]
fn what_can_not_be_read_is_left_out_and_said() {
    let folder = Folder::of(&[("a", 2), ("b", 2), ("c", 1)]);
    fs::write(folder.path("photos/a/broken.png"), b"no picture").unwrap();
    let judged = folder.json(&["accuracy", &model(8), "photos"]);
    assert_eq!(judged["images"], 5);
    assert!(judged["left_out"][0].as_str().unwrap().contains("broken.png"));
    assert!(folder.refused(&["accuracy", &model(1), "photos/a"]).contains("holds no folder"));
    let misused = folder.pixelwise(&["accuracy", &model(1)]);
    assert_eq!(misused.status.code(), Some(2));
    let message = folder.refused(&["accuracy", &model(1), "--voc", "photos"]);
    assert!(message.contains("photos is no folder in the layout of PASCAL VOC"), "{message}");
}
