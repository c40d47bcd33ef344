//! Saving and loading a classifier as one file: a line of text that names the format, and a CBOR body.

use std::path::Path;

use kernels::Kernel;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::classifier::Class;
use crate::{Configuration, Error, PhotoClassifier, Vocabulary};

const HEAD: &[u8] = b"pixelwise photo model 1\n";
const END: &str = "end of model";

/// What stands in the file.
#[derive(Serialize, Deserialize)]
struct Stored {
    configuration: Configuration,
    vocabulary: Vocabulary,
    kernels: Vec<Kernel>,
    points: Array2<f64>,
    classes: Vec<Class>,
    end: String,
}

impl PhotoClassifier {
    /// Writes the classifier to a file, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Write`] names the path that can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let stored = Stored {
            configuration: self.configuration.clone(),
            vocabulary: self.vocabulary.clone(),
            kernels: self.kernels.clone(),
            points: self.points.clone(),
            classes: self.classes.clone(),
            end: END.to_owned(),
        };
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
        let damaged = |reason: String| Error::Model { path: path.to_owned(), reason };
        let mut body = bytes.strip_prefix(HEAD).ok_or_else(|| damaged("it begins otherwise".to_owned()))?;
        let stored: Stored = ciborium::from_reader(&mut body).map_err(|error| damaged(error.to_string()))?;
        if stored.end != END || !body.is_empty() {
            return Err(damaged("it does not end where a model ends".to_owned()));
        }
        check(&stored).map_err(damaged)?;
        let Stored { configuration, vocabulary, kernels, points, classes, .. } = stored;
        Self::new(configuration, vocabulary, kernels, points, classes).map_err(|error| damaged(error.to_string()))
    }
}

/// Fails when the parts do not belong together.
fn check(stored: &Stored) -> Result<(), String> {
    let channels = stored.vocabulary.channels.len();
    for channel in &stored.vocabulary.channels {
        channel.settings.pyramid.check()?;
    }
    let lengths_fit = stored.kernels.len() == channels
        && stored.points.ncols() == stored.vocabulary.dimensions()
        && stored.classes.iter().all(|class| class.weights.len() == channels)
        && stored.classes.iter().all(|class| class.coefficients.len() == stored.points.nrows());
    if lengths_fit { Ok(()) } else { Err("its parts have lengths that do not fit".to_owned()) }
}
