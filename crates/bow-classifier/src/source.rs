//! Images to learn from: in memory, or files that are read when their turn comes.

use std::path::{Path, PathBuf};

use ndarray::{Array3, ArrayView3, CowArray, Ix3};

use crate::cache::{Key, key};
use crate::{Error, Problem};

/// Images that are read one after the other on each thread, and let go of before the next: arrays H×W×C in [0, 1], or
/// files.
pub trait Images: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// How a person finds one of them.
    fn name(&self, index: usize) -> String;

    /// Reads one of them.
    ///
    /// # Errors
    /// [`Error::Read`]
    fn read(&self, index: usize) -> Result<Image<'_>, Error>;

    /// An image that is left out, and why.
    fn problem(&self, index: usize, reason: Error) -> Problem {
        Problem { image: self.name(index), reason }
    }
}

/// An image that was read.
pub enum Image<'a> {
    /// Its pixels, H×W×C in [0, 1].
    Pixels(ArrayView3<'a, f64>),
    /// A file, which is decoded where its pixels are needed.
    File(&'a Path, Vec<u8>),
}

impl Image<'_> {
    /// H×W×C in [0, 1].
    ///
    /// # Errors
    /// [`Error::Image`] for a file that can't be decoded.
    pub fn pixels(&self) -> Result<CowArray<'_, f64, Ix3>, Error> {
        match self {
            Self::Pixels(pixels) => Ok(pixels.view().into()),
            Self::File(path, bytes) => Ok(images::to_unit_range(images::decode(bytes, path)?.view()).into()),
        }
    }

    /// What is damaged inside, where that can be seen.
    pub(crate) fn damage(&self) -> Option<String> {
        match self {
            Self::Pixels(_) => None,
            Self::File(_, bytes) => images::damage(bytes),
        }
    }

    /// What tells it from others.
    pub(crate) fn digest(&self) -> Key {
        match self {
            Self::Pixels(pixels) => {
                let shape: Vec<u8> = pixels.shape().iter().flat_map(|length| (*length as u64).to_le_bytes()).collect();
                let values: Vec<u8> = pixels.iter().flat_map(|value| value.to_le_bytes()).collect();
                key(&[&shape, &values])
            }
            Self::File(_, bytes) => key(&[bytes]),
        }
    }
}

impl Images for [Array3<f64>] {
    fn count(&self) -> usize {
        self.len()
    }

    fn name(&self, index: usize) -> String {
        format!("image {index}")
    }

    fn read(&self, index: usize) -> Result<Image<'_>, Error> {
        Ok(Image::Pixels(self[index].view()))
    }
}

impl Images for [PathBuf] {
    fn count(&self) -> usize {
        self.len()
    }

    fn name(&self, index: usize) -> String {
        self[index].display().to_string()
    }

    fn read(&self, index: usize) -> Result<Image<'_>, Error> {
        let path = &self[index];
        let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.clone(), source })?;
        Ok(Image::File(path, bytes))
    }
}
