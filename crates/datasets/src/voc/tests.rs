//! A tiny folder, and what can be wrong with it.

use std::fs;

use tempfile::TempDir;

use super::*;

const BOAT: &str = "<annotation>\n<object>\n<name>boat</name><difficult>1</difficult>\n<bndbox>\
    <xmin>3</xmin><ymin>1.4</ymin><xmax>9</xmax><ymax>4</ymax></bndbox></object></annotation>";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["JPEGImages", "ImageSets/Main", "Annotations"] {
        fs::create_dir_all(folder.path().join(part)).unwrap();
    }
    for (path, text) in files {
        fs::write(folder.path().join(path), text).unwrap();
    }
    folder
}

fn small() -> TempDir {
    folder(&[
        ("JPEGImages/one.jpg", ""),
        ("JPEGImages/two.jpg", ""),
        ("JPEGImages/three.jpg", ""),
        ("ImageSets/Main/train.txt", "one\r\ntwo\r\n\r\nthree\r\n"),
        ("ImageSets/Main/boat_train.txt", "one  1\ntwo -1\nthree  0\n"),
        ("ImageSets/Main/cat_train.txt", "three 1\ntwo  1\none -1\n"),
        ("ImageSets/Main/val.txt", "one\n"),
        ("Annotations/one.xml", BOAT),
    ])
}

fn messages(split: &Split) -> Vec<String> {
    split.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_whole_folder_is_read() {
    let folder = small();
    let voc = Folder::open(folder.path()).unwrap();
    assert_eq!(voc.path(), folder.path());
    assert_eq!(voc.classes("train").unwrap(), ["boat", "cat"]);
    assert!(voc.classes("val").unwrap().is_empty());
    let split = voc.split("train", &["cat", "boat"]).unwrap();
    assert!(split.problems.is_empty(), "{split:?}");
    let photos: Vec<_> = split.photos.iter().map(|photo| (photo.id.as_str(), photo.presences.clone())).collect();
    use Presence::{Absent, Difficult, Present};
    let expected =
        [("one", vec![Absent, Present]), ("two", vec![Present, Absent]), ("three", vec![Present, Difficult])];
    assert_eq!(photos, expected);
    assert_eq!(split.photos[2].path, folder.path().join("JPEGImages/three.jpg"));
    let without_classes: [&str; 0] = [];
    assert_eq!(voc.split("val", &without_classes).unwrap().photos.len(), 1);
}

#[test]
fn what_is_wrong_is_named_and_the_rest_goes_on() {
    let folder = small();
    let write = |path: &str, text: &str| fs::write(folder.path().join("ImageSets/Main").join(path), text).unwrap();
    write("train.txt", "one\nlost\ntwo and a half\n../secret\nthree\ntwo\none\n");
    write("boat_train.txt", "one 1\nlost -1\nnobody 1\ntwo yes\nthree -1\n\nthree 1\n");
    let split = Folder::open(folder.path()).unwrap().split("train", &["boat"]).unwrap();
    let ids: Vec<&str> = split.photos.iter().map(|photo| photo.id.as_str()).collect();
    assert_eq!(ids, ["one", "three"]);
    assert_eq!(split.photos[1].presences, [Presence::Absent]);
    let expected = [
        "train.txt, line 3: \"two and a half\"",
        "train.txt, line 4: \"../secret\"",
        "train.txt, line 7: one is named a second time",
        "boat_train.txt, line 4: \"two yes\"",
        "boat_train.txt, line 7: three is named a second time",
        "boat_train.txt, line 3: nobody is not in train.txt",
        "lost.jpg",
        "boat_train.txt does not name two",
    ];
    let found = messages(&split);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}, {expected}");
    }
}

#[test]
fn what_is_missing_altogether_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    let message = Folder::open(empty.path()).unwrap_err().to_string();
    assert!(message.contains("JPEGImages is missing"), "{message}");
    let folder = small();
    let voc = Folder::open(folder.path()).unwrap();
    let message = voc.split("test", &["boat"]).unwrap_err().to_string();
    assert!(message.contains("test.txt") && message.contains("train, val"), "{message}");
    let message = voc.split("train", &["dog"]).unwrap_err().to_string();
    assert!(message.contains("dog_train.txt") && message.contains("boat_train"), "{message}");
}

#[test]
fn annotations_are_read_where_there_are_any() {
    let folder = small();
    let voc = Folder::open(folder.path()).unwrap();
    let annotation = voc.annotation("one").unwrap().unwrap();
    let [object] = &annotation.objects[..] else { panic!("{annotation:?}") };
    assert_eq!((object.class.as_str(), object.difficulty), ("boat", Difficulty::Difficult));
    assert_eq!((object.area.rows(), object.area.columns()), (0..4, 2..9));
    assert!(object.area.contains((3, 8)) && !object.area.contains((4, 8)) && !object.area.contains((0, 1)));
    assert_eq!(voc.annotation("two").unwrap(), None);
    let of_photo = |photo: &str| Annotation::of_photo(&folder.path().join(photo)).unwrap();
    assert_eq!(of_photo("JPEGImages/one.jpg"), Some(annotation));
    assert_eq!(of_photo("JPEGImages/../JPEGImages/two.jpg"), None);
    assert_eq!(of_photo("ImageSets/one.jpg"), None);
}

#[test]
fn broken_annotations_say_what_is_wrong_and_where() {
    for (from, to, expected) in [
        ("<bndbox>", "<box>", "bndbox"),
        ("</annotation>", "", "annotation"),
        ("annotation>", "photo>", "\"photo\""),
        ("<xmin>3</xmin>", "", "the bndbox in line 4 has no xmin"),
        ("<xmin>3", "<xmin>three", "xmin is \"three\" in line 4"),
        ("<xmin>3", "<xmin>10", "xmin = 10 and xmax = 9 in line 4"),
        ("<xmax>9", "<xmax>0", "xmin = 3 and xmax = 0"),
        ("<xmax>9", "<xmax>-9", "xmax = -9"),
        ("<annotation>", "<?xml version=\"1.0\" encoding=\"klingon\"?><annotation>", "klingon"),
        ("<xmin>3", "<xmin>NaN", "\"NaN\""),
        ("<name>boat</name>", "<name> </name>", "name in line 3 is empty"),
    ] {
        let folder = folder(&[("Annotations/one.xml", &BOAT.replace(from, to))]);
        let message = Folder::open(folder.path()).unwrap().annotation("one").unwrap_err().to_string();
        assert!(message.contains("one.xml") && message.contains(expected), "{message}");
    }
}

#[test]
fn annotations_are_written_as_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let object = |class: &str, rows, columns, difficulty| Object {
        class: class.to_owned(),
        area: BoundingBox::new(rows, columns).unwrap(),
        difficulty,
    };
    use Difficulty::{Difficult, Ordinary};
    let both = Annotation {
        objects: vec![
            object("boat", 0..1, 0..1, Difficult),
            object("salt&<pepper>", 3..20, 1..500, Ordinary),
            object("boat", 2..4, 3..9, Ordinary),
        ],
    };
    let hard = Annotation { objects: vec![object("boat", 1..2, 5..7, Difficult)] };
    let none = Annotation { objects: Vec::new() };
    let mut writer = FolderWriter::create(folder.path(), &["boat", "salt&<pepper>"]).unwrap();
    writer.split("empty").unwrap();
    for (id, annotation) in [("both", &both), ("hard", &hard), ("none", &none)] {
        writer.photo("train", id, ndarray::Array3::zeros((5, 7, 3)).view(), annotation).unwrap();
    }
    let voc = writer.finish().unwrap();
    for (id, annotation) in [("both", &both), ("hard", &hard), ("none", &none)] {
        assert_eq!(voc.annotation(id).unwrap().as_ref(), Some(annotation));
    }
    let split = voc.split("train", &["boat", "salt&<pepper>"]).unwrap();
    assert!(split.problems.is_empty(), "{split:?}");
    let presences: Vec<_> = split.photos.iter().map(|photo| photo.presences.clone()).collect();
    use Presence::{Absent, Present};
    assert_eq!(presences, [[Present, Present], [Presence::Difficult, Absent], [Absent, Absent]]);
    assert!(voc.split("empty", &["boat"]).unwrap().photos.is_empty());
    let mask = both.mask("boat", (5, 7));
    assert_eq!(mask.iter().filter(|&&inside| inside).count(), 1 + 2 * 4);
    assert!(mask[[3, 6]] && mask[[0, 0]] && !mask[[4, 6]]);
    // What lies beyond the photo is cut off.
    assert!(object("x", 9..12, 0..9, Ordinary).area.rows().start > 5);
    assert!(!Annotation { objects: vec![object("x", 9..12, 0..9, Ordinary)] }.mask("x", (5, 7)).iter().any(|&x| x));
}

#[test]
fn what_can_not_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = Annotation { objects: Vec::new() };
    let photo = ndarray::Array3::zeros((2, 2, 3));
    let mut writer = FolderWriter::create(folder.path(), &["boat"]).unwrap();
    for id in ["../a", "", "a b", ".."] {
        let error = writer.photo("train", id, photo.view(), &nothing).unwrap_err();
        assert!(error.to_string().contains(&format!("{id:?}")), "{error}");
    }
    let error = writer.photo("train", "a", ndarray::Array3::zeros((2, 2, 1)).view(), &nothing).unwrap_err();
    assert!(error.to_string().contains("[2, 2, 1]"), "{error}");
    assert!(writer.photo("train", "a", ndarray::Array3::zeros((0, 2, 3)).view(), &nothing).is_err());
    assert!(matches!(FolderWriter::create(folder.path(), &["a/b"]), Err(Error::Name { .. })));
}

#[test]
fn photos_of_any_format_are_found_by_their_names_with_an_extension_or_without() {
    let folder = folder(&[
        ("JPEGImages/one.png", ""),
        ("JPEGImages/two.JPG", ""),
        ("JPEGImages/three.jpeg", ""),
        ("ImageSets/Main/train.txt", "one\ntwo.JPG\nthree\n"),
        ("ImageSets/Main/boat_train.txt", "one.png 1\ntwo -1\nthree -1\n"),
    ]);
    let split = Folder::open(folder.path()).unwrap().split("train", &["boat"]).unwrap();
    assert!(split.problems.is_empty(), "{split:?}");
    let files: Vec<_> = split.photos.iter().map(|photo| photo.path.file_name().unwrap().to_owned()).collect();
    assert_eq!(files, ["one.png", "two.JPG", "three.jpeg"]);
}

#[test]
fn boxes_that_begin_before_the_photo_are_cut_off() {
    for first in ["0", "-2.5", "1"] {
        let annotation = Annotation::parse(&BOAT.replace("<xmin>3", &format!("<xmin>{first}"))).unwrap();
        assert_eq!(annotation.objects[0].area.columns(), 0..9, "{first}");
    }
    for word in ["true", "yes"] {
        let annotation = Annotation::parse(&BOAT.replace(">1</difficult>", &format!(">{word}</difficult>"))).unwrap();
        assert_eq!(annotation.objects[0].difficulty, Difficulty::Difficult);
    }
}

/// A photo of 8 × 16 pixels whose camera was held upright, so that it is 16 × 8 when it is shown.
fn turned_photo() -> Vec<u8> {
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(16, 8).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let jpeg = jpeg.into_inner();
    [&jpeg[..2], b"\xff\xe1", &length, exif, &jpeg[2..]].concat()
}

#[test]
fn boxes_are_turned_as_photos_are() {
    let of = |size: &str| {
        let folder = folder(&[("Annotations/one.xml", &BOAT.replace("<object>", &format!("{size}<object>")))]);
        fs::write(folder.path().join("JPEGImages/one.jpg"), turned_photo()).unwrap();
        let annotation = Folder::open(folder.path()).unwrap().annotation("one").unwrap().unwrap();
        let area = &annotation.objects[0].area;
        (area.rows(), area.columns())
    };
    // Rows 0..4 of 8 and columns 2..9 of 16, turned clockwise.
    assert_eq!(of(""), (2..9, 4..8));
    assert_eq!(of("<size><width>16</width><height>8</height></size>"), (2..9, 4..8));
    // Whoever drew the boxes saw the photo upright.
    assert_eq!(of("<size><width>8</width><height>16</height></size>"), (0..4, 2..9));
}
