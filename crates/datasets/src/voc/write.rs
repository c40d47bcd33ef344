//! Writing folders.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use ndarray::ArrayView3;

use super::list::is_name;
use super::{Annotation, Difficulty, Folder, Object, Presence};
use crate::Error;

/// Of JPEG, out of 100: what is lost can't be seen.
const QUALITY: u8 = 95;

/// Writes a folder of photos with their annotations, one after the other, and the lists at the end.
///
/// Files appear whole or not at all. What each class's list says of a photo follows from its annotation: the photo shows
/// the class of each of its objects; where all objects of the class are difficult, that is hard to tell.
///
/// ```
/// use datasets::voc::{Annotation, BoundingBox, Difficulty, FolderWriter, Object};
/// use ndarray::Array3;
/// let folder = tempfile::tempdir()?;
/// let area = BoundingBox::new(2..5, 0..3).expect("some pixels");
/// let boat = Object { class: "boat".to_owned(), area, difficulty: Difficulty::Ordinary };
/// let annotation = Annotation { objects: vec![boat] };
///
/// let mut writer = FolderWriter::create(folder.path(), &["boat"])?;
/// writer.photo("train", "harbor", Array3::from_elem((8, 8, 3), 90).view(), &annotation)?;
/// let voc = writer.finish()?;
/// assert_eq!(voc.annotation("harbor")?, Some(annotation));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FolderWriter {
    path: PathBuf,
    classes: Vec<String>,
    splits: Vec<Listed>,
}

/// A split so far.
#[derive(Debug)]
struct Listed {
    name: String,
    photos: Vec<(String, Vec<Presence>)>,
}

impl FolderWriter {
    /// Makes the folder where it is not there yet.
    ///
    /// * `classes` — those that get lists
    ///
    /// # Errors
    /// [`Error::Write`] when it can't be made; [`Error::Name`] for a class that can't be part of a file's name.
    pub fn create(path: impl Into<PathBuf>, classes: &[&str]) -> Result<Self, Error> {
        let path = path.into();
        for part in ["JPEGImages", "Annotations", "ImageSets/Main"] {
            let part = path.join(part);
            std::fs::create_dir_all(&part).map_err(|source| Error::Write { path: part, source })?;
        }
        let classes = classes.iter().map(|class| named(class)).collect::<Result<_, _>>()?;
        Ok(Self { path, classes, splits: Vec::new() })
    }

    /// Begins a split, which gets its lists even where no photo follows.
    ///
    /// # Errors
    /// [`Error::Name`] when it can't be part of a file's name.
    pub fn split(&mut self, name: &str) -> Result<(), Error> {
        self.listed(name).map(|_| ())
    }

    fn listed(&mut self, name: &str) -> Result<&mut Listed, Error> {
        let position = self.splits.iter().position(|split| split.name == name);
        let position = match position {
            Some(position) => position,
            None => {
                self.splits.push(Listed { name: named(name)?, photos: Vec::new() });
                self.splits.len() - 1
            }
        };
        Ok(&mut self.splits[position])
    }

    /// Writes a photo and its annotation.
    ///
    /// * `image` — H×W×3
    ///
    /// # Errors
    /// [`Error::Name`] when `id` is no name of a file; [`Error::Jpeg`] for an image that is none; [`Error::Write`].
    pub fn photo(
        &mut self,
        split: &str,
        id: &str,
        image: ArrayView3<'_, u8>,
        annotation: &Annotation,
    ) -> Result<(), Error> {
        let id = named(id)?;
        write(&self.path.join("JPEGImages").join(format!("{id}.jpg")), &jpeg(image)?)?;
        let xml = xml(&id, image.dim(), annotation);
        write(&self.path.join("Annotations").join(format!("{id}.xml")), xml.as_bytes())?;
        let presences = self.classes.iter().map(|class| presence(annotation, class)).collect();
        self.listed(split)?.photos.push((id, presences));
        Ok(())
    }

    /// Writes the lists, and gives the folder.
    ///
    /// # Errors
    /// [`Error::Write`]
    pub fn finish(self) -> Result<Folder, Error> {
        let lists = self.path.join("ImageSets/Main");
        for Listed { name, photos } in &self.splits {
            let ids: String = photos.iter().map(|(id, _)| format!("{id}\n")).collect();
            write(&lists.join(format!("{name}.txt")), ids.as_bytes())?;
            for (class, position) in self.classes.iter().zip(0..) {
                let lines = photos.iter().map(|(id, presences): &(String, Vec<Presence>)| {
                    let label = match presences[position] {
                        Presence::Present => 1,
                        Presence::Absent => -1,
                        Presence::Difficult => 0,
                    };
                    format!("{id} {label:>2}\n")
                });
                write(&lists.join(format!("{class}_{name}.txt")), lines.collect::<String>().as_bytes())?;
            }
        }
        Folder::open(self.path)
    }
}

fn named(name: &str) -> Result<String, Error> {
    let is_one_word = !name.is_empty() && !name.contains(char::is_whitespace);
    if is_one_word && is_name(name) { Ok(name.to_owned()) } else { Err(Error::Name { name: name.to_owned() }) }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    whole_file::write(path, bytes).map_err(|source| Error::Write { path: path.to_owned(), source })
}

fn jpeg(image: ArrayView3<'_, u8>) -> Result<Vec<u8>, Error> {
    let wrong = |reason: String| Error::Jpeg { shape: image.dim().into(), reason };
    let sides = (u32::try_from(image.dim().1).ok(), u32::try_from(image.dim().0).ok());
    let ((Some(width), Some(height)), 3) = (sides, image.dim().2) else {
        return Err(wrong("it has to have red, green and blue".to_owned()));
    };
    let pixels: Vec<u8> = image.iter().copied().collect();
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    let encoded = encoder.write_image(&pixels, width, height, ExtendedColorType::Rgb8);
    encoded.map_err(|error| wrong(error.to_string()))?;
    Ok(bytes)
}

fn presence(annotation: &Annotation, class: &str) -> Presence {
    let difficulties: Vec<Difficulty> = annotation.of_class(class).map(|object| object.difficulty).collect();
    if difficulties.contains(&Difficulty::Ordinary) {
        Presence::Present
    } else if difficulties.is_empty() {
        Presence::Absent
    } else {
        Presence::Difficult
    }
}

fn xml(id: &str, (height, width, depth): (usize, usize, usize), annotation: &Annotation) -> String {
    let mut xml = format!(
        "<annotation>\n\t<filename>{}.jpg</filename>\n\t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\
         \n\t\t<depth>{depth}</depth>\n\t</size>\n",
        escaped(id)
    );
    for Object { class, area, difficulty } in &annotation.objects {
        let (rows, columns) = (area.rows(), area.columns());
        // Writing to a string does not fail.
        let _ = write!(
            xml,
            "\t<object>\n\t\t<name>{}</name>\n\t\t<difficult>{}</difficult>\n\t\t<bndbox>\n\t\t\t<xmin>{}</xmin>\n\
             \t\t\t<ymin>{}</ymin>\n\t\t\t<xmax>{}</xmax>\n\t\t\t<ymax>{}</ymax>\n\t\t</bndbox>\n\t</object>\n",
            escaped(class),
            u8::from(*difficulty == Difficulty::Difficult),
            columns.start + 1,
            rows.start + 1,
            columns.end,
            rows.end,
        );
    }
    xml + "</annotation>\n"
}

/// A text between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
