//! Objects and their bounding boxes.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ndarray::{Array2, s};
use roxmltree::{Document, Node};

use crate::Error;

/// What a photo shows, and where.
///
/// ```
/// use datasets::voc::Annotation;
/// let text = "<annotation><object><name>boat</name><bndbox>\
///     <xmin>3</xmin><ymin>1</ymin><xmax>9</xmax><ymax>4</ymax></bndbox></object></annotation>";
/// let annotation = Annotation::parse(text)?;
/// assert_eq!(annotation.objects[0].class, "boat");
/// assert_eq!((annotation.objects[0].area.rows(), annotation.objects[0].area.columns()), (0..4, 2..9));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// In the order of the file.
    pub objects: Vec<Object>,
}

/// An object in a photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its class.
    pub class: String,
    /// Where it is.
    pub area: BoundingBox,
    /// Whether it is hard to tell or not.
    pub difficulty: Difficulty,
}

/// Whether an object is hard to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Difficulty {
    /// It counts.
    Ordinary,
    /// It is hard to tell without the rest of the photo, and does not count.
    Difficult,
}

/// The smallest upright rectangle around an object: pixels counted from 0, its end not included. (Files count from 1,
/// and include the end.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundingBox {
    rows: Range<usize>,
    columns: Range<usize>,
}

impl BoundingBox {
    /// A rectangle; `None` where it has no pixel.
    pub fn new(rows: Range<usize>, columns: Range<usize>) -> Option<Self> {
        (!rows.is_empty() && !columns.is_empty()).then_some(Self { rows, columns })
    }

    /// The rows that it covers; at least one, and perhaps some beyond the photo.
    pub fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// The columns that it covers, likewise.
    pub fn columns(&self) -> Range<usize> {
        self.columns.clone()
    }

    /// Whether the pixel (row, column) is inside.
    pub fn contains(&self, (row, column): (usize, usize)) -> bool {
        self.rows.contains(&row) && self.columns.contains(&column)
    }
}

impl Annotation {
    /// The objects of a class, difficult ones among them.
    pub fn of_class(&self, class: &str) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(move |object| object.class == class)
    }

    /// The pixels of a photo of this size, (rows, columns), that lie in a box of the class. A difficult object is an
    /// object too: what lies in its box is not the rest of the photo.
    ///
    /// ```
    /// # use datasets::voc::{Annotation, BoundingBox, Difficulty, Object};
    /// let area = BoundingBox::new(1..9, 0..2).expect("some pixels");
    /// let boat = Object { class: "boat".to_owned(), area, difficulty: Difficulty::Difficult };
    /// let mask = Annotation { objects: vec![boat] }.mask("boat", (3, 3));
    /// assert_eq!(mask, ndarray::array![[false, false, false], [true, true, false], [true, true, false]]);
    /// ```
    pub fn mask(&self, class: &str, (height, width): (usize, usize)) -> Array2<bool> {
        let mut mask = Array2::from_elem((height, width), false);
        for BoundingBox { rows, columns } in self.of_class(class).map(|object| &object.area) {
            let (rows, columns) = (clipped(rows, height), clipped(columns, width));
            mask.slice_mut(s![rows, columns]).fill(true);
        }
        mask
    }

    /// The annotation of a photo by its path alone: that of `JPEGImages/ID.jpg` is `Annotations/ID.xml`. `None` where the
    /// photo lies in no folder of this layout, or has none.
    ///
    /// ```
    /// # use datasets::voc::{Annotation, FolderWriter};
    /// # use ndarray::Array3;
    /// # let folder = tempfile::tempdir()?;
    /// let mut writer = FolderWriter::create(folder.path(), &["boat"])?;
    /// let annotation = Annotation { objects: Vec::new() };
    /// writer.photo("train", "harbor", Array3::zeros((8, 8, 3)).view(), &annotation)?;
    /// assert_eq!(Annotation::of_photo(&folder.path().join("JPEGImages/harbor.jpg"))?, Some(annotation));
    /// assert_eq!(Annotation::of_photo(&folder.path().join("harbor.jpg"))?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Read`] when there is a file that can't be read; [`Error::Annotation`] when it makes no sense.
    pub fn of_photo(photo: &Path) -> Result<Option<Self>, Error> {
        // What is given as `ID.jpg` alone lies in JPEGImages where the program was started there.
        let photo = std::path::absolute(photo).map_err(|source| Error::Read { path: photo.to_owned(), source })?;
        match (photo.parent(), photo.file_stem()) {
            (Some(photos), Some(id)) if photos.ends_with("JPEGImages") => {
                let mut name = id.to_owned();
                name.push(".xml");
                Self::read(photos.with_file_name("Annotations").join(name))
            }
            _ => Ok(None),
        }
    }

    /// Reads a file; `None` where there is none.
    pub(super) fn read(path: PathBuf) -> Result<Option<Self>, Error> {
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map(Some).map_err(|reason| Error::Annotation { path, reason }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read { path, source }),
        }
    }

    /// Reads the text of an annotation.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document = Document::parse(text).map_err(|error| error.to_string())?;
        let root = document.root_element();
        if root.tag_name().name() != "annotation" {
            return Err(format!("its first element is {:?}, not \"annotation\"", root.tag_name().name()));
        }
        let objects = root.children().filter(|node| node.has_tag_name("object"));
        Ok(Self { objects: objects.map(object).collect::<Result<_, _>>()? })
    }
}

/// What of a range is left of a side.
fn clipped(range: &Range<usize>, length: usize) -> Range<usize> {
    range.start.min(length)..range.end.min(length)
}

fn object(node: Node<'_, '_>) -> Result<Object, String> {
    let class = text(node, "name")?.to_owned();
    let area = bounding_box(child(node, "bndbox")?)?;
    let difficulty = match text(node, "difficult") {
        Ok("1") => Difficulty::Difficult,
        _ => Difficulty::Ordinary,
    };
    Ok(Object { class, area, difficulty })
}

fn bounding_box(node: Node<'_, '_>) -> Result<BoundingBox, String> {
    let range = |first, last| {
        let (from, to) = (pixel(node, first)?, pixel(node, last)?);
        if from >= 1 && from <= to {
            Ok(from - 1..to)
        } else {
            Err(format!("{first} = {from} and {last} = {to}{}: both count from 1, and ascend", place(node)))
        }
    };
    Ok(BoundingBox { rows: range("ymin", "ymax")?, columns: range("xmin", "xmax")? })
}

/// A coordinate; some files have fractions.
fn pixel(node: Node<'_, '_>, name: &str) -> Result<usize, String> {
    let text = text(node, name)?;
    match text.parse::<f64>() {
        Ok(value) if (0.0..1e9).contains(&value) => Ok(value.round() as usize),
        _ => Err(format!("{name} is {text:?}{}: it has to be a pixel's number", place(node))),
    }
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Result<Node<'a, 'input>, String> {
    let found = node.children().find(|child| child.has_tag_name(name));
    found.ok_or_else(|| format!("the {}{} has no {name}", node.tag_name().name(), place(node)))
}

fn text<'a>(node: Node<'a, '_>, name: &str) -> Result<&'a str, String> {
    let child = child(node, name)?;
    let text = child.text().map(str::trim).filter(|text| !text.is_empty());
    text.ok_or_else(|| format!("{name}{} is empty", place(child)))
}

fn place(node: Node<'_, '_>) -> String {
    format!(" in line {}", node.document().text_pos_at(node.range().start).row)
}
