//! MNIST: handwritten digits of 28×28 pixels, 60,000 to train on and 10,000 to test with.
//!
//! The files are MNIST's own, `train-images-idx3-ubyte` and the like, packed with gzip (and ending in `.gz`) or not.
//! The project ships the test digits in `data/mnist`; `data/get-mnist.sh` brings the training digits.
//!
//! ```
//! use datasets::mnist::{Mnist, Split};
//!
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/mnist");
//! let digits = Mnist::load(folder, Split::Test)?;
//! assert_eq!(digits.images.dim(), (10_000, 28, 28));
//! assert_eq!(digits.labels[..5], [7, 2, 1, 0, 4]);
//! assert_eq!(digits.images[[0, 7, 6]], 84); // the left end of the seven's bar; 0 is blank paper
//! assert_eq!(digits.of_class(3).count(), 1010);
//! # Ok::<(), datasets::Error>(())
//! ```

mod idx;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use ndarray::{Array3, Axis, Zip};

use crate::Error;
pub use idx::IdxError;
use idx::Kind;

/// Rows and columns of a digit.
pub const SIDE: usize = 28;

const IMAGES: Kind = Kind { entries: "pictures", rank: 3 };
const LABELS: Kind = Kind { entries: "labels", rank: 1 };

/// One of the two parts of MNIST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// The 60,000 digits to train on.
    Train,
    /// The 10,000 digits to test with.
    Test,
}

impl Split {
    /// How the names of this part's files begin.
    fn prefix(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "t10k",
        }
    }
}

/// Digits and what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mnist {
    /// The digits, (N, 28, 28): 0 is blank paper, 255 black ink.
    pub images: Array3<u8>,
    /// Which digit each of them is, 0 to 9.
    pub labels: Vec<u8>,
}

impl Mnist {
    /// Reads one part of MNIST from a folder, of each file the one without `.gz` where both are there.
    ///
    /// # Errors
    /// [`Error::MnistMissing`], [`Error::MnistRead`]: a file that is not there or can't be read; [`Error::MnistFile`]:
    /// one that is damaged, cut short or something else; [`Error::MnistCount`]: not one label for each picture.
    pub fn load(folder: impl AsRef<Path>, split: Split) -> Result<Self, Error> {
        let images = File::find(folder.as_ref(), &format!("{}-images-idx3-ubyte", split.prefix()))?;
        let labels = File::find(folder.as_ref(), &format!("{}-labels-idx1-ubyte", split.prefix()))?;
        Self::of_files(&images, &labels, folder.as_ref())
    }

    /// Reads one part of MNIST from the bytes of its files, packed with gzip or not.
    ///
    /// # Errors
    /// [`Error::MnistFile`], [`Error::MnistCount`]: as for [`load`](Self::load).
    pub fn from_bytes(images: &[u8], labels: &[u8]) -> Result<Self, Error> {
        let file = |name: &str, bytes: &[u8]| File { path: name.into(), bytes: bytes.to_vec() };
        Self::of_files(&file("images", images), &file("labels", labels), Path::new("memory"))
    }

    fn of_files(images: &File, labels: &File, folder: &Path) -> Result<Self, Error> {
        let digits = Self { images: images.read(read_images)?, labels: labels.read(read_labels)? };
        if digits.images.dim().0 == digits.labels.len() {
            Ok(digits)
        } else {
            let (images, labels) = (digits.images.dim().0, digits.labels.len());
            Err(Error::MnistCount { images, labels, folder: folder.to_owned() })
        }
    }

    /// Where the digits of a class are, in their order.
    pub fn of_class(&self, class: u8) -> impl Iterator<Item = usize> {
        self.labels.iter().enumerate().filter(move |&(_, &label)| label == class).map(|(index, _)| index)
    }

    /// How much of each pixel's ink is that of each class, (10, 28, 28).
    ///
    /// ```text
    /// d_k(p) = Σ_{N ∈ digits(k)} N(p)  /  Σ_{l=0..9} Σ_{N ∈ digits(l)} N(p)      Bach et al. 2015, Eq. (65)
    /// ```
    /// * `N(p)` — pixel `p` of digit `N`: [`images`](Self::images), 0 to 255
    /// * `digits(k)` — those whose [label](Self::labels) is `k`
    ///
    /// Where no digit has any ink, the quotient is 0/0; all ratios are 0 there. Everywhere else they sum to 1.
    ///
    /// ```
    /// use datasets::mnist::Mnist;
    /// use ndarray::Array3;
    /// let mut images = Array3::zeros((3, 28, 28));
    /// images[[0, 5, 5]] = 200;
    /// images[[1, 5, 5]] = 100;
    /// images[[2, 5, 5]] = 100;
    /// let ratios = Mnist { images, labels: vec![7, 7, 1] }.density_ratios();
    /// assert_eq!((ratios[[7, 5, 5]], ratios[[1, 5, 5]], ratios[[7, 0, 0]]), (0.75, 0.25, 0.0));
    /// ```
    pub fn density_ratios(&self) -> Array3<f64> {
        let mut ink = Array3::<u64>::zeros((10, SIDE, SIDE));
        for (image, &label) in self.images.outer_iter().zip(&self.labels) {
            if let Some(class) = ink.outer_iter_mut().nth(label.into()) {
                Zip::from(class).and(image).for_each(|sum, &ink| *sum += u64::from(ink));
            }
        }
        let all = ink.sum_axis(Axis(0));
        let mut ratios = ink.mapv(|ink| ink as f64);
        for mut class in ratios.outer_iter_mut() {
            Zip::from(&mut class).and(&all).for_each(|ratio, &all| *ratio /= all.max(1) as f64);
        }
        ratios
    }
}

/// A file of MNIST, as it is on the disk.
struct File {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl File {
    fn find(folder: &Path, name: &str) -> Result<Self, Error> {
        for path in [folder.join(name), folder.join(format!("{name}.gz"))] {
            match std::fs::read(&path) {
                Ok(bytes) => return Ok(Self { path, bytes }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Error::MnistRead { path, source }),
            }
        }
        Err(Error::MnistMissing { name: name.to_owned(), folder: folder.to_owned() })
    }

    fn read<T>(&self, read: impl Fn(&[u8]) -> Result<T, IdxError>) -> Result<T, Error> {
        read(&self.bytes).map_err(|source| Error::MnistFile { path: self.path.clone(), source })
    }
}

fn read_images(file: &[u8]) -> Result<Array3<u8>, IdxError> {
    let idx::Content { sizes, bytes } = idx::read(file, IMAGES)?;
    let (height, width) = (sizes[1], sizes[2]);
    Array3::from_shape_vec((sizes[0], SIDE, SIDE), bytes)
        .ok()
        .filter(|_| (height, width) == (SIDE, SIDE))
        .ok_or(IdxError::PictureSize { height, width })
}

fn read_labels(file: &[u8]) -> Result<Vec<u8>, IdxError> {
    let labels = idx::read(file, LABELS)?.bytes;
    match labels.iter().position(|&label| label > 9) {
        None => Ok(labels),
        Some(entry) => Err(IdxError::Label { entry, label: labels[entry] }),
    }
}
