//! Objects and their bounding boxes.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use images::{Extent, Stored};
use ndarray::{Array2, s};
use roxmltree::{Document, Node};

use crate::{Error, text};

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
                Self::read(photos.with_file_name("Annotations").join(name), Some(&photo))
            }
            _ => Ok(None),
        }
    }

    /// Reads a file, with boxes that lie in the upright photo; `None` where there is none.
    pub(super) fn read(path: PathBuf, photo: Option<&Path>) -> Result<Option<Self>, Error> {
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Read { path, source }),
        };
        let parsed = text::decode_xml(&bytes).and_then(|text| {
            let (annotation, size) = Self::parse_sized(&text)?;
            // What is wrong with a photo is told where it is decoded.
            match photo.and_then(|photo| Stored::read(photo).ok()) {
                Some(stored) if is_of_file(size, &stored) => annotation.upright(&stored),
                _ => Ok(annotation),
            }
        });
        parsed.map(Some).map_err(|reason| Error::Annotation { path, reason })
    }

    /// The same, turned as its photo is.
    fn upright(self, stored: &Stored) -> Result<Self, String> {
        let turned = |object: Object| {
            let (rows, columns) = stored.upright(object.area.rows, object.area.columns);
            let area = BoundingBox::new(rows, columns);
            let area = area.ok_or_else(|| format!("a box of {} lies outside of the photo", object.class))?;
            Ok(Object { area, ..object })
        };
        Ok(Self { objects: self.objects.into_iter().map(turned).collect::<Result<_, String>>()? })
    }

    /// Reads the text of an annotation.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::parse_sized(text).map(|(annotation, _)| annotation)
    }

    /// An annotation, and the size of the photo where the text says it.
    fn parse_sized(text: &str) -> Result<(Self, Option<Extent>), String> {
        let document = Document::parse(text).map_err(|error| error.to_string())?;
        let root = document.root_element();
        if root.tag_name().name() != "annotation" {
            return Err(format!("its first element is {:?}, not \"annotation\"", root.tag_name().name()));
        }
        let objects = root.children().filter(|node| node.has_tag_name("object"));
        let annotation = Self { objects: objects.map(object).collect::<Result<_, _>>()? };
        Ok((annotation, child(root, "size").and_then(size).ok()))
    }
}

/// Whether boxes lie in the photo as it is in its file. They do unless the size in the annotation is that of the upright
/// photo alone.
fn is_of_file(size: Option<Extent>, stored: &Stored) -> bool {
    !stored.is_upright() && (size != Some(stored.upright_size()) || size == Some(stored.size))
}

fn size(node: Node<'_, '_>) -> Result<Extent, String> {
    let side = |name| text(node, name)?.parse().map_err(|_| format!("{name}{} is no number", place(node)));
    Ok(Extent { height: side("height")?, width: side("width")? })
}

/// What of a range is left of a side.
fn clipped(range: &Range<usize>, length: usize) -> Range<usize> {
    range.start.min(length)..range.end.min(length)
}

fn object(node: Node<'_, '_>) -> Result<Object, String> {
    let class = text(node, "name")?.to_owned();
    let area = bounding_box(child(node, "bndbox")?)?;
    let difficulty = match text(node, "difficult") {
        Ok("1" | "true" | "yes") => Difficulty::Difficult,
        _ => Difficulty::Ordinary,
    };
    Ok(Object { class, area, difficulty })
}

fn bounding_box(node: Node<'_, '_>) -> Result<BoundingBox, String> {
    let range = |first, last| {
        let (from, to) = (pixel(node, first)?, pixel(node, last)?);
        match (usize::try_from(from.max(1)), usize::try_from(to)) {
            // Some programs count from 0, or draw boxes beyond the photo.
            (Ok(first), Ok(last)) if first <= last && from <= to => Ok(first - 1..last),
            _ => Err(format!(
                "{first} = {from} and {last} = {to}{}: they have to ascend, and {last} be 1 at least",
                place(node)
            )),
        }
    };
    Ok(BoundingBox { rows: range("ymin", "ymax")?, columns: range("xmin", "xmax")? })
}

/// A coordinate; some files have fractions.
fn pixel(node: Node<'_, '_>, name: &str) -> Result<i64, String> {
    let text = text(node, name)?;
    match text.parse::<f64>() {
        Ok(value) if value.abs() < 1e9 => Ok(value.round() as i64),
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
