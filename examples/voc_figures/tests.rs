//! From a folder and a classifier to pictures, numbers and the page.

use std::fs;
use std::path::Path;

use bow_classifier::{Configuration, MappingSettings, Truth, Vocabulary};
use bow_mapping::RankOptions;
use datasets::voc::{Annotation, BoundingBox, Difficulty, Folder, FolderWriter, Object, Presence};
use ndarray::Array3;
use tempfile::TempDir;

use super::*;

/// Stripes, steep and reddish or flat and bluish by turns, no two alike.
fn picture(index: u32) -> Array3<u8> {
    let angle = if index.is_multiple_of(2) { 0.2_f64 } else { 1.3 };
    let tint = if index.is_multiple_of(2) { 30.0 } else { -30.0 };
    Array3::from_shape_fn((48, 60, 3), |(row, column, channel)| {
        let along = column as f64 * angle.cos() + row as f64 * angle.sin();
        (128.0 + 90.0 * (0.5 * along + f64::from(index)).sin() + tint * (1.0 - channel as f64)) as u8
    })
}

/// A folder and a classifier that was taught with it. Two photos of the list `val` have the wrong labels.
struct Study(TempDir);

impl Study {
    fn new() -> Outcome<Self> {
        let study = Self(tempfile::tempdir()?);
        let mut writer = FolderWriter::create(study.path("voc"), &["steep"])?;
        for index in 0..20_u32 {
            let split = if index < 12 { "train" } else { "val" };
            let looks_steep = index.is_multiple_of(2);
            let is_wrong = [16, 19].contains(&index);
            let area = BoundingBox::new(2..40, 3..50).ok_or("an empty box")?;
            let steep = Object { class: "steep".to_owned(), area, difficulty: Difficulty::Ordinary };
            let objects = if looks_steep != is_wrong { vec![steep] } else { Vec::new() };
            writer.photo(split, &format!("{index:02}"), picture(index).view(), &Annotation { objects })?;
        }
        study.train(&writer.finish()?)?;
        Ok(study)
    }

    fn train(&self, folder: &Folder) -> Outcome<()> {
        let mut configuration = Configuration::voc2009().with_words(&[9, 8, 7])?;
        configuration.sample = 300;
        for channel in &mut configuration.channels {
            channel.mapping = MappingSettings::Rank(RankOptions { base: 2.4, neighbors: 4 });
        }
        let photos = folder.split("train", &["steep"])?.photos;
        let paths: Vec<PathBuf> = photos.iter().map(|photo| photo.path.clone()).collect();
        let truth = |photo: &datasets::voc::Photo| match photo.presences[0] {
            Presence::Present => Truth::Shown,
            _ => Truth::NotShown,
        };
        let classes = [("steep".to_owned(), photos.iter().map(truth).collect())];
        let (vocabulary, _) = Vocabulary::learn(&configuration, &paths[..], None, &())?;
        let vectors = vocabulary.vectors(&paths[..], None, &())?;
        let classifier = BowClassifier::train(&configuration, vocabulary, &vectors.values, &classes, &())?;
        Ok(classifier.save(self.path("steep.model"))?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Draws into a folder of that name.
    fn draw(&self, output: &str, arguments: &[&Path]) -> Outcome<()> {
        let (model, output, cache) = (self.path("steep.model"), self.path(output), self.path("cache"));
        let given = [Path::new("voc_figures"), &model, Path::new("--output"), &output, Path::new("--cache"), &cache];
        draw(&Arguments::try_parse_from(given.iter().chain(arguments))?)
    }

    fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.path(file)).unwrap()
    }

    /// The cells of the numbers, without their titles.
    fn numbers(&self, output: &str) -> Vec<Vec<String>> {
        let text = String::from_utf8(self.read(&format!("{output}/steep.csv"))).unwrap();
        text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }
}

#[test]
fn the_clearest_photos_of_a_list_are_drawn_the_same_on_any_number_of_threads() {
    let study = Study::new().unwrap();
    let folder = study.path("voc");
    for (output, threads) in [("one", 1), ("three", 3)] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| study.draw(output, &[Path::new("--voc"), &folder, Path::new("--rows"), Path::new("2")]))
            .unwrap();
    }
    for file in ["steep.png", "steep.csv"] {
        assert_eq!(study.read(&format!("one/{file}")), study.read(&format!("three/{file}")), "{file}");
    }

    let numbers = study.numbers("one");
    let kinds: Vec<(&str, &str)> = numbers.iter().map(|cells| (cells[0].as_str(), cells[3].as_str())).collect();
    let [right, wrong, missed] = [("true positive", "true"), ("false positive", "false"), ("false negative", "true")];
    assert_eq!(kinds, [right, right, wrong, missed]);
    assert_eq!((numbers[2][1].as_str(), numbers[3][1].as_str()), ("\"16\"", "\"19\""));
    for cells in &numbers {
        let [score, sum] = [2, 4].map(|cell| cells[cell].parse::<f64>().unwrap());
        assert!((score - sum).abs() < 1e-9, "relevance of {sum} for a score of {score}");
    }

    let sheet = image::load_from_memory(&study.read("one/steep.png")).unwrap().into_rgb8();
    assert!(sheet.width() > 3 * 60 && sheet.height() > 4 * 48);
    let page = String::from_utf8(study.read("one/index.html")).unwrap();
    assert!(page.contains("src=\"steep.png\"") && page.contains("href=\"steep.csv\""));
    assert!(page.contains("true positives: 3, false positives: 1, false negatives: 1"));
}

#[test]
fn photos_by_their_paths_have_the_truth_of_a_file() {
    let study = Study::new().unwrap();
    let truth = study.path("truth.txt");
    fs::write(&truth, "12.jpg: steep\n13.jpg:\n").unwrap();
    let photos = ["12", "13"].map(|name| study.path(&format!("voc/JPEGImages/{name}.jpg")));
    study.draw("known", &[&photos[0], &photos[1], Path::new("--truth"), &truth]).unwrap();
    study.draw("unknown", &[&photos[0], &photos[1]]).unwrap();
    let [known, unknown] = ["known", "unknown"].map(|output| study.numbers(output));
    assert_eq!([&known[0][0], &known[0][1], &known[0][3]], ["true positive", "\"12.jpg\"", "true"]);
    assert_eq!([&unknown[0][0], &unknown[0][1], &unknown[0][3]], ["positive", "\"12.jpg\"", ""]);
    assert_eq!((known.len(), unknown.len()), (1, 1));
    assert_eq!((&known[0][2], &known[0][4..]), (&unknown[0][2], &unknown[0][4..]));
}

#[test]
fn what_can_not_be_drawn_is_said() {
    let study = Study::new().unwrap();
    let folder = study.path("voc");
    let message = |arguments: &[&Path]| study.draw("nothing", arguments).unwrap_err().to_string();
    assert!(message(&[]).contains("<PHOTO>"));
    assert!(message(&[Path::new("--voc"), &folder, Path::new("a.jpg")]).contains("cannot be used with"));
    let unknown = message(&[Path::new("--voc"), &folder, Path::new("--class"), Path::new("boat")]);
    assert_eq!(unknown, "the model does not know the class \"boat\"; it knows steep");
    assert_eq!(message(&[Path::new("lost.jpg")]), "there is no photo to show");
}
