//! Saving and loading a classifier as one file.
//!
//! The file is a line of text, which names the format and its version, and a CBOR body: self-describing, compact, and
//! readable from other languages. The body ends in a marker, so that a file that was cut short is never taken for a
//! whole one.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use kernels::{KernelExpansion, ZeroQuotient};
use local_features::Extractor;
use ndarray::{ArcArray2, Array1};
use relevance::{Candidates, RootSearch};
use serde::{Deserialize, Serialize};

use crate::{BowClassifier, BowModel, Encoder, Error, TaylorThirdLayer, ThirdLayer};

const FORMAT: &str = "pixelwise bag-of-words model";
const VERSION: u64 = 1;
const END: &str = "end of model";

/// What stands in the file. Version 1.
#[derive(Serialize, Deserialize)]
struct Stored {
    extractors: Vec<Extractor>,
    encoders: Vec<Encoder>,
    expansion: KernelExpansion,
    taylor: Option<StoredTaylor>,
    end: String,
}

#[derive(Serialize, Deserialize)]
struct StoredTaylor {
    search: RootSearch,
    zero_quotient: ZeroQuotient,
    candidates: ArcArray2<f64>,
    values: Array1<f64>,
}

impl From<&BowClassifier> for Stored {
    fn from(classifier: &BowClassifier) -> Self {
        let model = classifier.model();
        let taylor = match model.third_layer() {
            ThirdLayer::SumDecomposition => None,
            ThirdLayer::Taylor(taylor) => Some(StoredTaylor {
                search: taylor.search,
                zero_quotient: taylor.zero_quotient,
                candidates: taylor.candidates.points().clone(),
                values: taylor.candidates.values().clone(),
            }),
        };
        Self {
            extractors: classifier.extractors().to_vec(),
            encoders: model.encoders().to_vec(),
            expansion: model.expansion().clone(),
            taylor,
            end: END.to_owned(),
        }
    }
}

impl TryFrom<Stored> for BowClassifier {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        let third_layer = match stored.taylor {
            None => ThirdLayer::SumDecomposition,
            Some(taylor) => ThirdLayer::Taylor(TaylorThirdLayer {
                search: taylor.search,
                zero_quotient: taylor.zero_quotient,
                candidates: Candidates::with_values(taylor.candidates, taylor.values)?,
            }),
        };
        BowClassifier::new(stored.extractors, BowModel::new(stored.encoders, stored.expansion, third_layer)?)
    }
}

impl BowClassifier {
    /// Writes the classifier to a file, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Write`] names the path that can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let failed = |source| Error::Write { path: path.to_owned(), source };
        let mut bytes = format!("{FORMAT} {VERSION}\n").into_bytes();
        ciborium::into_writer(&Stored::from(self), &mut bytes)
            .map_err(|error| failed(std::io::Error::other(error.to_string())))?;
        whole_file::write(path, &bytes).map_err(failed)
    }

    /// Reads a classifier that [`save`](Self::save) has written.
    ///
    /// # Errors
    /// [`Error::Read`] when the file can't be read, [`Error::NotAModel`] when it is something else,
    /// [`Error::NewerVersion`] when a newer release wrote it, [`Error::DamagedModel`] when it is cut short or
    /// inconsistent.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::read(BufReader::new(file), path)
    }

    /// Reads the bytes of a file that [`save`](Self::save) has written.
    ///
    /// * `name` — how errors call them
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8], name: impl AsRef<Path>) -> Result<Self, Error> {
        Self::read(bytes, name.as_ref())
    }

    fn read(mut reader: impl BufRead, path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        check_head(&mut reader, path)?;
        let damaged = |reason: String| Error::DamagedModel { path: path.to_owned(), reason };
        let stored: Stored = ciborium::from_reader(&mut reader).map_err(|error| damaged(reason(error)))?;
        if stored.end != END || !reader.fill_buf().map_err(failed)?.is_empty() {
            return Err(damaged("it does not end where a model ends".to_owned()));
        }
        stored.try_into().map_err(|error: Error| damaged(error.to_string()))
    }
}

/// What is wrong with a body that can't be read.
fn reason(error: ciborium::de::Error<std::io::Error>) -> String {
    match error {
        ciborium::de::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => "it is cut short".into(),
        ciborium::de::Error::Io(error) => error.to_string(),
        ciborium::de::Error::Syntax(offset) => format!("its body makes no sense from byte {offset} on"),
        ciborium::de::Error::Semantic(_, reason) => reason,
        ciborium::de::Error::RecursionLimitExceeded => "its parts are nested too deeply".into(),
    }
}

/// Reads the first line, and fails unless it names this format and a version that is known.
fn check_head(reader: &mut impl BufRead, path: &Path) -> Result<(), Error> {
    let not_a_model = || Error::NotAModel { path: path.to_owned() };
    let mut head = Vec::new();
    let longest = (FORMAT.len() + 24) as u64;
    std::io::Read::take(&mut *reader, longest)
        .read_until(b'\n', &mut head)
        .map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let head = String::from_utf8(head).map_err(|_| not_a_model())?;
    let version = head.strip_prefix(FORMAT).and_then(|rest| rest.strip_prefix(' ')).map(str::trim_end);
    let version =
        version.filter(|digits| !digits.starts_with(['0', '+'])).and_then(|digits| digits.parse::<u64>().ok());
    let version = version.ok_or_else(not_a_model)?;
    if version > VERSION {
        return Err(Error::NewerVersion { path: path.to_owned(), found: version, supported: VERSION });
    }
    Ok(())
}
