//! The command line on annotated photographs: boxes in pictures, and relevance on objects and on their context.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU32;
use std::ops::Deref;
use std::path::Path;
use std::process::Output;

use datasets::polygons::AnnotatedFolder;
use datasets::voc::{Annotation, BoundingBox, Difficulty, FolderWriter, Object};
use heatmap::{LineWeight, draw_boxes};
use image::RgbImage;
use ndarray::{Array2, Array3};
use ndarray_npy::read_npy;
use photo_folder::{CONFIGURATION, PhotoFolder};
use serde_json::Value;

mod photo_folder;

/// Polygons and circles in 16 photos to learn from and 8 to judge by, number 16 to 23, and a classifier of both.
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
        AnnotatedFolder { seed: 1, train: 16, val: 8, height: 90, width: 120 }.write(voc.path("")).unwrap();
        voc.train();
        voc
    }

    fn train(&self) {
        self.write("small.toml", CONFIGURATION);
        self.succeed(&["train", "--voc", ".", "--configuration", "small.toml", "--output", "a.model"]);
    }

    fn context(&self, options: &[&str]) -> Value {
        json(&self.succeed(&[&["context", "a.model", "--voc", ".", "--json"], options].concat()))
    }

    fn explain(&self, photos: &[&str], options: &[&str]) -> Value {
        json(&self.succeed(&[&["explain", "a.model", "--json"], photos, options].concat()))
    }

    fn change(&self, file: &str, change: impl Fn(&str) -> String) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        fs::write(self.path(file), change(&text)).unwrap();
    }

    /// Class, rows and columns of each object of a photo, searched for in the text of its annotation.
    fn objects(&self, id: &str) -> Vec<(String, [usize; 4])> {
        let text = fs::read_to_string(self.path(&format!("Annotations/{id}.xml"))).unwrap();
        let after = |text: &str, tag: &str| text.split_once(&format!("<{tag}>")).unwrap().1.to_owned();
        let value = |text: &str, tag: &str| after(text, tag).split_once('<').unwrap().0.to_owned();
        let object = |text: &str| {
            let corner = |tag| value(text, tag).parse::<usize>().unwrap();
            (value(text, "name"), [corner("ymin") - 1, corner("ymax"), corner("xmin") - 1, corner("xmax")])
        };
        text.split("<object>").skip(1).map(object).collect()
    }

    /// The shares of the object, the context and the area, pixel by pixel.
    fn shares(&self, id: &str, class: &str, relevance: &Array2<f64>) -> [f64; 3] {
        let objects = self.objects(id);
        let (mut inside, mut outside, mut pixels) = (0.0, 0.0, 0.0);
        for ((row, column), value) in relevance.indexed_iter() {
            let is_inside = objects.iter().any(|(of, [top, bottom, left, right])| {
                of == class && (top..bottom).contains(&&row) && (left..right).contains(&&column)
            });
            *if is_inside { &mut inside } else { &mut outside } += value.max(0.0);
            pixels += f64::from(u8::from(is_inside));
        }
        [inside / (inside + outside), outside / (inside + outside), pixels / relevance.len() as f64]
    }
}

fn json(run: &Output) -> Value {
    serde_json::from_slice(&run.stdout).unwrap()
}

/// What is told of a photo's boxes.
fn told(boxes: &Value) -> [f64; 3] {
    ["inside", "context", "area"].map(|key| boxes[key].as_f64().unwrap())
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    let is_close = |(found, expected): (&f64, &f64)| (found - expected).abs() < 1e-12;
    assert!(found.iter().zip(expected).all(is_close), "{found:?}, {expected:?}");
}

/// The mean, and the ends of its confidence interval.
fn estimate(values: &[f64]) -> [f64; 3] {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (count - 1.0);
    let half = 1.959963984540054 * variance.sqrt() / count.sqrt();
    [mean, mean - half, mean + half]
}

#[test]
fn the_table_is_the_mean_of_what_each_photo_tells() {
    let voc = Voc::new();
    let found = voc.context(&[]);
    assert_eq!(found["left_out"].as_array().unwrap().len(), 0);
    let explained = voc.explain(&["JPEGImages"], &["--target", "polygon", "--target", "circle"]);

    let mut expected: BTreeMap<&str, Vec<(String, [f64; 3])>> = BTreeMap::new();
    for number in 16..24 {
        let id = format!("{number:06}");
        for (class, shown) in [("polygon", number % 4 % 2 == 0), ("circle", number % 4 == 1 || number % 4 == 2)] {
            let relevance: Array2<f64> =
                read_npy(voc.path(&format!("explanations/{id}.{class}.relevance.npy"))).unwrap();
            let of_photo = explained["inputs"].as_array().unwrap().iter().find(|each| each["name"] == id).unwrap();
            let targets = of_photo["targets"].as_array().unwrap();
            let told_alone = targets.iter().find(|target| target["target"] == class).unwrap();
            if voc.objects(&id).iter().any(|(of, _)| of == class) {
                assert!(shown);
                let shares = voc.shares(&id, class, &relevance);
                assert_close(&told(&told_alone["boxes"]), &shares);
                expected.entry(class).or_default().push((id.clone(), shares));
            } else {
                assert!(!shown && told_alone["boxes"].is_null());
            }
        }
    }

    let table = fs::read_to_string(voc.path("context/table.csv")).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 2);
    for (class, of_photos) in &expected {
        assert_eq!(of_photos.len(), 4);
        let of_class = |value: &&Value| value["class"] == *class;
        let photos: Vec<&Value> = found["photos"].as_array().unwrap().iter().filter(of_class).collect();
        assert_eq!(photos.len(), of_photos.len());
        for (photo, (id, shares)) in photos.iter().zip(of_photos) {
            assert_eq!(photo["photo"], id.as_str());
            assert_close(&told(&photo["boxes"]), shares);
        }
        let column = |position: usize| of_photos.iter().map(|(_, shares)| shares[position]).collect::<Vec<_>>();
        let [inside, context, [area, ..]] = [0, 1, 2].map(|position| estimate(&column(position)));
        let expected = [&[4.0, 4.0][..], &inside, &[area, inside[0] / area], &context].concat();
        let row = rows.iter().find(|row| row[0] == *class).unwrap();
        let row: Vec<f64> = row[1..].iter().map(|cell| cell.parse().unwrap()).collect();
        assert_close(&row, &expected);
        assert!(image::open(voc.path(&format!("context/{class}.png"))).unwrap().width() > 3 * 240);
    }
    assert_eq!(fs::read_to_string(voc.path("context/photos.csv")).unwrap().lines().count(), 1 + 8);
    assert!(fs::read_to_string(voc.path("context/report.html")).unwrap().contains("polygon.png"));
}

#[test]
fn boxes_are_in_all_pictures_those_of_the_class_bold() {
    let voc = Voc::new();
    let (id, photo) = ("000018", "JPEGImages/000018.jpg");
    fs::copy(voc.path(photo), voc.path("elsewhere.jpg")).unwrap();
    voc.explain(&[photo, "elsewhere.jpg"], &["--target", "circle"]);
    let file = |name: &str| voc.path(&format!("explanations/{name}"));
    let picture = |name: &str| -> RgbImage { image::open(file(name)).unwrap().into_rgb8() };
    let bytes = |name: &str| fs::read(file(name)).unwrap();
    assert!(bytes("000018.circle.relevance.npy") == bytes("elsewhere.circle.relevance.npy"));

    let boxes = voc.objects(id).into_iter().map(|(label, [top, bottom, left, right])| heatmap::BoundingBox {
        rows: top..bottom,
        columns: left..right,
        weight: if label == "circle" { LineWeight::Bold } else { LineWeight::Thin },
        label,
    });
    let boxes: Vec<heatmap::BoundingBox> = boxes.collect();
    assert!([LineWeight::Bold, LineWeight::Thin].iter().all(|weight| boxes.iter().any(|each| each.weight == *weight)));
    let thrice = NonZeroU32::new(3).unwrap(); // of 448 pixels, 120 go in three times
    for ending in ["overlay.png", "edges.png"] {
        let plain = picture(&format!("elsewhere.circle.{ending}"));
        assert_eq!(plain.dimensions(), (360, 270));
        let drawn = picture(&format!("000018.circle.{ending}"));
        assert!(drawn != plain && drawn == draw_boxes(plain, &boxes, thrice), "{ending}");
    }
    assert_ne!(bytes("000018.circle.heatmap.png"), bytes("elsewhere.circle.heatmap.png"));
}

#[test]
fn what_is_broken_is_named_and_the_rest_goes_on() {
    let voc = Voc::new();
    voc.change("Annotations/000016.xml", |text| text.replace("</object>", ""));
    let far_away = |text: &str| text.replace("<xmin>", "<xmin>1000").replace("<xmax>", "<xmax>99999");
    voc.change("Annotations/000018.xml", far_away);
    let photo = fs::read(voc.path("JPEGImages/000020.jpg")).unwrap();
    fs::write(voc.path("JPEGImages/000020.jpg"), &photo[..100]).unwrap();
    fs::remove_file(voc.path("Annotations/000017.xml")).unwrap();

    let found = voc.context(&[]);
    let left_out: Vec<&str> = found["left_out"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let expected = [
        "000016.xml is no annotation of PASCAL VOC",
        "000018.jpg: no box of circle lies in the photo of 120×90 pixels",
        "000018.jpg: no box of polygon lies in the photo of 120×90 pixels",
        "000020.jpg",
    ];
    assert_eq!(left_out.len(), expected.len(), "{left_out:#?}");
    assert!(left_out.iter().zip(expected).all(|(message, part)| message.contains(part)), "{left_out:#?}");
    let counts = |class: usize| {
        let of_class = &found["classes"][class];
        (of_class["class"].as_str().unwrap(), of_class["shown"].as_u64().unwrap(), of_class["photos"].as_u64().unwrap())
    };
    assert_eq!([counts(0), counts(1)], [("circle", 4, 2), ("polygon", 4, 1)]);

    let photos = ["JPEGImages/000016.jpg", "JPEGImages/000018.jpg"];
    let run = voc
        .command(&[&["explain", "a.model", "--json"], &photos[..], &["--target", "polygon"]].concat())
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(1));
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(told.contains("all is explained, but what belongs to 1 of 2 inputs could not be read"), "{told}");
    let explained: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    let explained = explained["inputs"].as_array().unwrap();
    assert!(explained[0]["warnings"][0].as_str().unwrap().contains("000016.xml"));
    assert!(explained.len() == 2 && explained.iter().all(|photo| photo["targets"][0]["boxes"].is_null()));
}

#[test]
fn a_difficult_object_is_no_context() {
    let voc = Voc::new();
    let before = voc.context(&["--output", "before"]);
    voc.change("Annotations/000016.xml", |text| text.replacen("<difficult>0", "<difficult>1", 1));
    assert_eq!(voc.context(&["--output", "after"])["photos"], before["photos"]);

    // A photo that the list calls difficult does not count.
    voc.change("ImageSets/Main/polygon_val.txt", |text| text.replace("000020  1", "000020  0"));
    let after = voc.context(&["--class", "polygon"]);
    let ids: Vec<&str> =
        after["photos"].as_array().unwrap().iter().map(|photo| photo["photo"].as_str().unwrap()).collect();
    assert_eq!(ids, ["000016", "000018", "000022"]);
}

/// Boats on striped water, zebras striped across it, and plain squares on plain ground; boats and squares look the same.
fn boats_and_zebras(voc: &Voc) {
    let mut writer = FolderWriter::create(voc.path(""), &["boat", "zebra"]).unwrap();
    for number in 0..24_usize {
        let (top, left) = (10 + 7 * number % 31, 10 + 11 * number % 53);
        let area = BoundingBox::new(top..top + 40, left..left + 44).unwrap();
        let stripe = |along: usize| (128.0 + 60.0 * (0.8 * along as f64 + number as f64).sin()) as u8;
        let image =
            Array3::from_shape_fn((90, 120, 3), |(row, column, _)| match (number % 3, area.contains((row, column))) {
                (0, false) => stripe(column),
                (1, true) => stripe(row),
                (_, false) => 70,
                (_, true) => 180,
            });
        let object =
            |class: &str| Object { class: class.to_owned(), area: area.clone(), difficulty: Difficulty::Ordinary };
        let objects = ["boat", "zebra"].get(number % 3).map(|class| object(class)).into_iter().collect();
        let split = if number < 15 { "train" } else { "val" };
        writer.photo(split, &format!("{number:02}"), image.view(), &Annotation { objects }).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn boats_are_known_by_the_water_and_zebras_by_themselves() {
    let voc = Voc(PhotoFolder::new());
    boats_and_zebras(&voc);
    voc.train();
    let found = voc.context(&[]);
    let times_chance = |class: usize| found["classes"][class]["times_chance"].as_f64().unwrap();
    let (boat, zebra) = (times_chance(0), times_chance(1));
    assert!(boat < 1.0 && zebra > 2.0, "{boat}, {zebra}");
}

/// All files of a folder.
fn files(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(Path::new(folder)).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn any_number_of_threads_writes_the_same_bytes() {
    let voc = Voc::new();
    voc.context(&["--threads", "1", "--output", "one"]);
    voc.context(&["--threads", "3", "--output", "three"]);
    for (threads, output) in [("1", "explained-one"), ("3", "explained-three")] {
        voc.explain(&["JPEGImages"], &["--threads", threads, "--output", output]);
    }
    assert!(files(&voc.path("explained-one")) == files(&voc.path("explained-three")));
    let (one, three) = (files(&voc.path("one")), files(&voc.path("three")));
    assert_eq!(
        one.keys().collect::<Vec<_>>(),
        ["circle.png", "context.json", "photos.csv", "polygon.png", "report.html", "table.csv",]
    );
    assert!(one == three);
}

#[test]
fn without_boxes_there_is_no_table() {
    let voc = Voc::new();
    let begin = ["context", "a.model", "--voc", "."];
    assert!(voc.refuse(&[&begin[..], &["--class", "dog"]].concat()).contains("it knows circle, polygon"));
    assert!(voc.refuse(&[&begin[..], &["--split", "test"]].concat()).contains("test.txt"));
    fs::remove_dir_all(voc.path("Annotations")).unwrap();
    let message = voc.refuse(&begin);
    assert!(message.contains("list val") && message.contains("Annotations"), "{message}");
}
