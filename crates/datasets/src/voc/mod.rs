//! Folders of photos in the layout of PASCAL VOC.
//!
//! ```text
//! JPEGImages/ID.jpg                   or .png, .JPG and so on
//! ImageSets/Main/SPLIT.txt             an ID a line
//! ImageSets/Main/CLASS_SPLIT.txt       an ID and 1 (shows the class), −1 (does not) or 0 (hard to tell) a line
//! Annotations/ID.xml                   objects and their bounding boxes, where there are any
//! ```
//!
//! Such folders are made by hand and by scripts, and rarely whole: what is wrong with single lines and files is
//! gathered in [`Split::problems`], each with its place, and the rest is there. Only a folder or list that can't be read
//! at all is an error. Photos are named, not decoded.
//!
//! ```
//! use datasets::voc::{Folder, Presence};
//! let folder = tempfile::tempdir()?;
//! let write = |path: &str, text: &str| {
//!     let path = folder.path().join(path);
//!     std::fs::create_dir_all(path.parent().expect("a folder"))?;
//!     std::fs::write(path, text)
//! };
//! write("JPEGImages/a.jpg", "")?;
//! write("JPEGImages/b.jpg", "")?;
//! write("ImageSets/Main/train.txt", "a\nb\nlost\n")?;
//! write("ImageSets/Main/boat_train.txt", "a  1\nb -1\nlost -1\n")?;
//!
//! let voc = Folder::open(folder.path())?;
//! assert_eq!(voc.classes("train")?, ["boat"]);
//! let split = voc.split("train", &["boat"])?;
//! assert_eq!(split.photos.len(), 2);
//! assert_eq!(split.photos[0].presences, [Presence::Present]);
//! assert!(split.problems[0].to_string().contains("lost.jpg"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod annotation;
mod list;
#[cfg(test)]
mod tests;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::text::read_text;
pub use annotation::{Annotation, BoundingBox, Difficulty, Object};
use list::List;
pub use write::FolderWriter;

/// What a class's list says about a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// 1: the photo shows the class.
    Present,
    /// −1: it does not.
    Absent,
    /// 0: it is hard to tell; such photos are neither learned from nor counted.
    Difficult,
}

/// A photo, and which of the classes that were asked for it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Photo {
    /// Its name in the lists.
    pub id: String,
    /// Its file.
    pub path: PathBuf,
    /// One for each of the classes, in their order.
    pub presences: Vec<Presence>,
}

/// The photos of a split, in the order of its list.
#[derive(Debug)]
pub struct Split {
    /// Those that are there and have a label for each class.
    pub photos: Vec<Photo>,
    /// What is wrong with the others, and with lines of lists.
    pub problems: Vec<Error>,
}

/// A folder in the layout of PASCAL VOC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at `path`, the one in which `JPEGImages` lies.
    ///
    /// # Errors
    /// [`Error::Layout`] when `JPEGImages` or `ImageSets/Main` is missing.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        match ["JPEGImages", "ImageSets/Main"].into_iter().find(|part| !path.join(part).is_dir()) {
            Some(missing) => Err(Error::Layout { path, missing }),
            None => Ok(Self { path }),
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The classes that have a list for this split, by name.
    ///
    /// # Errors
    /// [`Error::Read`]
    pub fn classes(&self, split: &str) -> Result<Vec<String>, Error> {
        let suffix = format!("_{split}");
        let lists = self.lists()?.into_iter();
        Ok(lists.filter_map(|list| list.strip_suffix(&suffix).map(str::to_owned)).collect())
    }

    /// The photos of a split, with their labels for these classes.
    ///
    /// # Errors
    /// [`Error::NoList`] when the split or one of the classes has no list; [`Error::Read`] when one can't be read.
    pub fn split(&self, split: &str, classes: &[impl AsRef<str>]) -> Result<Split, Error> {
        let mut problems = Vec::new();
        let photos = self.list(split)?;
        let ids: Vec<String> = photos.entries(&mut problems, list::id).map(|(_, id)| id).collect();
        let mut labels = Vec::with_capacity(classes.len());
        for class in classes {
            let list = self.list(&format!("{}_{split}", class.as_ref()))?;
            labels.push((labels_of(&list, split, &ids, &mut problems), list));
        }
        let photos = ids.into_iter().filter_map(|id| match self.photo(id, &labels) {
            Ok(photo) => Some(photo),
            Err(problem) => {
                problems.push(problem);
                None
            }
        });
        Ok(Split { photos: photos.collect(), problems })
    }

    /// The photo of this name, with its labels for each class.
    fn photo(&self, id: String, classes: &[(HashMap<String, Presence>, List)]) -> Result<Photo, Error> {
        let path = self.photo_file(&id)?;
        let presence = |(labels, list): &(HashMap<String, Presence>, List)| {
            labels.get(&id).copied().ok_or_else(|| Error::NoLabel { path: list.path.clone(), id: id.clone() })
        };
        let presences = classes.iter().map(presence).collect::<Result<_, _>>()?;
        Ok(Photo { id, path, presences })
    }

    /// The file of a photo: ID.jpg, or one of another format.
    fn photo_file(&self, id: &str) -> Result<PathBuf, Error> {
        let folder = self.path.join("JPEGImages");
        let jpg = folder.join(format!("{id}.jpg"));
        let others =
            images::EXTENSIONS.iter().flat_map(|extension| [(*extension).to_owned(), extension.to_uppercase()]);
        let others = others.map(|extension| folder.join(format!("{id}.{extension}")));
        let found = std::iter::once(jpg.clone()).chain(others).find(|path| path.is_file());
        found.ok_or(Error::NoPhoto { path: jpg })
    }

    /// The objects of a photo, turned as the photo is where its camera was held otherwise; `None` where it has no annotation.
    ///
    /// # Errors
    /// [`Error::Read`] when there is a file that can't be read; [`Error::Annotation`] when it makes no sense.
    pub fn annotation(&self, id: &str) -> Result<Option<Annotation>, Error> {
        let photo = self.photo_file(id).ok();
        Annotation::read(self.path.join("Annotations").join(format!("{id}.xml")), photo.as_deref())
    }

    fn list(&self, name: &str) -> Result<List, Error> {
        let path = self.path.join("ImageSets/Main").join(format!("{name}.txt"));
        match read_text(&path) {
            Ok(text) => Ok(List { path, text }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::NoList { path, known: self.lists()?.join(", ") })
            }
            Err(source) => Err(Error::Read { path, source }),
        }
    }

    /// The names of all lists.
    fn lists(&self) -> Result<Vec<String>, Error> {
        let path = self.path.join("ImageSets/Main");
        let failed = |source| Error::Read { path: path.clone(), source };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            names.extend(name.to_string_lossy().strip_suffix(".txt").map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// What a class's list says about the photos of the split.
fn labels_of(list: &List, split: &str, ids: &[String], problems: &mut Vec<Error>) -> HashMap<String, Presence> {
    let known: std::collections::HashSet<&str> = ids.iter().map(String::as_str).collect();
    let mut unknown = Vec::new();
    let mut labels = HashMap::with_capacity(ids.len());
    for (line, (id, presence)) in list.entries(problems, list::label) {
        if known.contains(id.as_str()) {
            labels.insert(id, presence);
        } else {
            unknown.push(Error::UnknownId { path: list.path.clone(), line, id, split: split.to_owned() });
        }
    }
    problems.append(&mut unknown);
    labels
}
