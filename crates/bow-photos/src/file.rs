//! Saving and loading a classifier as one file: a line of text that names the format, and a CBOR body.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::classifier::{Learned, Machines};
use crate::{Error, PhotoClassifier, Vocabulary};

const HEAD: &[u8] = b"pixelwise photo model 2\n";
const END: &str = "end of model";

/// What stands in the file.
#[derive(Serialize, Deserialize)]
struct Stored {
    vocabulary: Vocabulary,
    machines: Machines,
    end: String,
}

impl PhotoClassifier {
    /// Writes the classifier to a file, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Write`] names the path that can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let stored =
            Stored { vocabulary: self.vocabulary.clone(), machines: self.machines.clone(), end: END.to_owned() };
        let mut bytes = HEAD.to_vec();
        ciborium::into_writer(&stored, &mut bytes).map_err(|error| Error::Encoding { reason: error.to_string() })?;
        whole_file::write(path, &bytes).map_err(|source| Error::Write { path: path.to_owned(), source })
    }

    /// Reads a classifier that [`save`](Self::save) has written.
    ///
    /// # Errors
    /// [`Error::Read`] when the file can't be read, [`Error::Model`] when it is something else, cut short or damaged.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes, path)
    }

    /// Reads the bytes of a file that [`save`](Self::save) has written.
    ///
    /// * `name` — how errors call them
    ///
    /// # Errors
    /// As [`load`](Self::load), but for reading.
    pub fn from_bytes(bytes: &[u8], name: impl AsRef<Path>) -> Result<Self, Error> {
        let path = name.as_ref();
        let damaged = |reason: String| Error::Model { path: path.to_owned(), reason };
        let begin = || damaged(format!("it does not begin with {:?}", String::from_utf8_lossy(HEAD).trim_end()));
        let mut body = bytes.strip_prefix(HEAD).ok_or_else(begin)?;
        let stored: Stored = ciborium::from_reader(&mut body).map_err(|error| damaged(error.to_string()))?;
        if stored.end != END || !body.is_empty() {
            return Err(damaged("it does not end where a model ends".to_owned()));
        }
        let Stored { vocabulary, machines, .. } = stored;
        check(&vocabulary, &machines).map_err(damaged)?;
        Self::new(vocabulary, machines).map_err(|error| damaged(error.to_string()))
    }
}

/// Fails when the parts do not belong together.
fn check(vocabulary: &Vocabulary, machines: &Machines) -> Result<(), String> {
    for channel in &vocabulary.channels {
        channel.settings.pyramid.check()?;
    }
    let lengths_fit = match machines {
        Machines::Learned(learned) => {
            let Learned { kernels, points, classes, .. } = &**learned;
            let channels = vocabulary.channels.len();
            kernels.len() == channels
                && points.ncols() == vocabulary.dimensions()
                && classes.iter().all(|class| class.weights.len() == channels)
                && classes.iter().all(|class| class.coefficients.len() == points.nrows())
        }
        // Expansions are checked as they are read, and against the vocabulary when they are joined to it.
        Machines::Given(_) => true,
    };
    if lengths_fit { Ok(()) } else { Err("its parts have lengths that do not fit".to_owned()) }
}
