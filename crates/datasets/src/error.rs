//! What can be wrong with what a caller asks for, and with files.

use std::path::PathBuf;

use crate::mnist::IdxError;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A picture without pixels, or one that is too large to be made.
    #[error("a tile of {height}×{width} pixels: each side has to be between 1 and {largest} pixels")]
    Size {
        /// Rows asked for.
        height: usize,
        /// Columns asked for.
        width: usize,
        /// The longest side that is possible.
        largest: usize,
    },
    /// A file of MNIST that is not there.
    #[error(
        "there is neither {name} nor {name}.gz in {folder:?}: data/get-mnist.sh brings the training digits of MNIST"
    )]
    MnistMissing {
        /// The name of the file.
        name: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// A file of MNIST that can't be read.
    #[error("{path:?}: {source}")]
    MnistRead {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of MNIST that is damaged, cut short or something else.
    #[error("{path:?} is no file of MNIST: {source}")]
    MnistFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: IdxError,
    },
    /// Not one label for each picture.
    #[error("{images} pictures and {labels} labels in {folder:?}: they do not belong together")]
    MnistCount {
        /// How many pictures there are.
        images: usize,
        /// How many labels there are.
        labels: usize,
        /// Where they are.
        folder: PathBuf,
    },
    /// A folder that has not the layout of PASCAL VOC.
    #[error(
        "{path} is no folder in the layout of PASCAL VOC: {missing} is missing; it needs JPEGImages/ID.jpg (or .png, …), \
         ImageSets/Main/SPLIT.txt and ImageSets/Main/CLASS_SPLIT.txt", path = path.display()
    )]
    Layout {
        /// The folder.
        path: PathBuf,
        /// What it does not have.
        missing: &'static str,
    },
    /// A file of JSON that names no classes.
    #[error("{} does not name classes: {reason}; it should be a list of names, or names by their classes' numbers: {{\"0\": \"tench\"}}", path.display())]
    Labels {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file or folder that can't be read.
    #[error("can't read {}", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file or folder that can't be written.
    #[error("can't write {}", path.display())]
    Write {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A photo, class or list whose name can't be that of a file.
    #[error("{name:?} can't be part of a file's name: one word is needed, without / and \\")]
    Name {
        /// The name.
        name: String,
    },
    /// An image that can't be written as a photo.
    #[error("an image of the shape {shape:?} can't be a photo: {reason}")]
    Jpeg {
        /// Rows, columns, channels.
        shape: [usize; 3],
        /// What is wrong with it.
        reason: String,
    },
    /// A list that is not there.
    #[error("there is no list {}: there are {known}", path.display())]
    NoList {
        /// Where it should be.
        path: PathBuf,
        /// The lists, or classes, that are there.
        known: String,
    },
    /// A line of a list that says nothing.
    #[error("{}, line {line}: {found:?} is no line of a list; {expected}", path.display())]
    Line {
        /// The list.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What stands there.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
    /// A photo that a list names a second time.
    #[error("{}, line {line}: {id} is named a second time; the first counts", path.display())]
    Repeated {
        /// The list.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The photo.
        id: String,
    },
    /// A class's list that names a photo which the split has not.
    #[error("{}, line {line}: {id} is not in {split}.txt; it is left out", path.display())]
    UnknownId {
        /// The list.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The photo.
        id: String,
        /// The split.
        split: String,
    },
    /// A photo of the split that a class's list does not name.
    #[error("{} does not name {id}; the photo is left out", path.display())]
    NoLabel {
        /// The list.
        path: PathBuf,
        /// The photo.
        id: String,
    },
    /// A photo that is not there.
    #[error("there is no photo {}, and none of another format; it is left out", path.display())]
    NoPhoto {
        /// Where it should be.
        path: PathBuf,
    },
    /// A file of annotations that makes no sense.
    #[error("{} is no annotation of PASCAL VOC: {reason}", path.display())]
    Annotation {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}
