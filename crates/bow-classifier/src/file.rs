//! Saving and loading a classifier as one file.
//!
//! The file is a line of text, which names the format and its version, a CBOR body, which is self-describing, compact, and
//! readable from other languages, and the CRC-32 of all before it, the lowest byte first: a file that was damaged or cut
//! short is never taken for a whole one.
//!
//! Files of earlier releases are read too ([`earlier`]).

use std::path::Path;

use kernels::{KernelExpansion, ZeroQuotient};
use ndarray::{ArcArray2, Array1};
use relevance::{Candidates, RootSearch};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::classifier::{Learned, Machines};
use crate::{BowClassifier, BowModel, Error, TaylorThirdLayer, ThirdLayer, Tiling, Vocabulary};

mod earlier;

const FORMAT: &str = "pixelwise bag-of-words model";
const VERSION: u64 = 2;
/// A longer first line is none of ours.
const LONGEST_HEAD: usize = 64;

/// What stands in the file.
#[derive(Serialize, Deserialize)]
struct Stored {
    vocabulary: Vocabulary,
    /// How images are cut; none for images as a whole.
    tiling: Option<Tiling>,
    machines: StoredMachines,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoredMachines {
    Learned(Box<Learned>),
    Given(Vec<StoredMachine>),
}

/// A machine from elsewhere.
#[derive(Serialize, Deserialize)]
struct StoredMachine {
    name: String,
    expansion: KernelExpansion,
    taylor: Option<StoredTaylor>,
}

#[derive(Serialize, Deserialize)]
struct StoredTaylor {
    search: RootSearch,
    zero_quotient: ZeroQuotient,
    candidates: ArcArray2<f64>,
    values: Array1<f64>,
}

impl From<&ThirdLayer> for Option<StoredTaylor> {
    fn from(third_layer: &ThirdLayer) -> Self {
        match third_layer {
            ThirdLayer::SumDecomposition => None,
            ThirdLayer::Taylor(taylor) => Some(StoredTaylor {
                search: taylor.search,
                zero_quotient: taylor.zero_quotient,
                candidates: taylor.candidates.points().clone(),
                values: taylor.candidates.values().clone(),
            }),
        }
    }
}

impl StoredTaylor {
    fn third_layer(stored: Option<Self>) -> Result<ThirdLayer, Error> {
        Ok(match stored {
            None => ThirdLayer::SumDecomposition,
            Some(Self { search, zero_quotient, candidates, values }) => ThirdLayer::Taylor(TaylorThirdLayer {
                search,
                zero_quotient,
                candidates: Candidates::with_values(candidates, values)?,
            }),
        })
    }
}

impl From<&BowClassifier> for Stored {
    fn from(classifier: &BowClassifier) -> Self {
        let machine = |(name, model): (&String, &BowModel)| StoredMachine {
            name: name.clone(),
            expansion: model.expansion().clone(),
            taylor: model.third_layer().into(),
        };
        let machines = match classifier.machines() {
            Machines::Learned(learned) => StoredMachines::Learned(learned.clone()),
            Machines::Given(names) => {
                StoredMachines::Given(names.iter().zip(classifier.models()).map(machine).collect())
            }
        };
        Self { vocabulary: classifier.vocabulary().clone(), tiling: classifier.tiling(), machines }
    }
}

impl TryFrom<Stored> for BowClassifier {
    type Error = Error;

    fn try_from(Stored { vocabulary, tiling, machines }: Stored) -> Result<Self, Error> {
        let vocabulary = Vocabulary::new(vocabulary.into_channels())?;
        let classifier = match machines {
            StoredMachines::Learned(learned) => {
                learned.check(&vocabulary)?;
                Self::of_machines(vocabulary, Machines::Learned(learned))?
            }
            StoredMachines::Given(machines) => {
                let encoders: std::sync::Arc<[_]> = vocabulary.encoders().into();
                let models = machines.into_iter().map(|StoredMachine { name, expansion, taylor }| {
                    Ok((name, BowModel::new(encoders.clone(), expansion, StoredTaylor::third_layer(taylor)?)?))
                });
                let models = models.collect::<Result<_, Error>>()?;
                Self::of_models(vocabulary, models)
            }
        };
        Ok(classifier.with_tiling(tiling))
    }
}

impl Learned {
    /// Fails when its parts do not belong together.
    fn check(&self, vocabulary: &Vocabulary) -> Result<(), Error> {
        let Self { kernels, points, classes, .. } = self;
        let channels = vocabulary.channels().len();
        let lengths_fit = kernels.len() == channels
            && points.ncols() == vocabulary.dimensions()
            && classes.iter().all(|class| class.weights.len() == channels)
            && classes.iter().all(|class| class.coefficients.len() == points.nrows());
        if lengths_fit { Ok(()) } else { Err(Error::Parts) }
    }
}

impl BowClassifier {
    /// Whether a file that begins so is a classifier, of this release or an earlier one.
    pub fn begins(start: &[u8]) -> bool {
        start.starts_with(FORMAT.as_bytes()) || start.starts_with(earlier::PHOTOS.as_bytes())
    }

    /// Writes the classifier to a file, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Write`] names the path that can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        whole_file::write(path, &self.to_bytes()?).map_err(|source| Error::Write { path: path.to_owned(), source })
    }

    /// What [`save`](Self::save) writes.
    ///
    /// # Errors
    /// [`Error::Encoding`] where it can't be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = format!("{FORMAT} {VERSION}\n").into_bytes();
        ciborium::into_writer(&Stored::from(self), &mut bytes)
            .map_err(|error| Error::Encoding { reason: error.to_string() })?;
        Ok(whole_file::sealed(bytes))
    }

    /// Reads a classifier that [`save`](Self::save) has written, in this release or an earlier one.
    ///
    /// # Errors
    /// [`Error::Read`] when the file can't be read, [`Error::NotAModel`] when it is something else,
    /// [`Error::NewerVersion`] when a newer release wrote it, [`Error::DamagedModel`] when it is damaged, cut short or
    /// inconsistent.
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
    /// As [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8], name: impl AsRef<Path>) -> Result<Self, Error> {
        let path = name.as_ref();
        let (format, version, body) = head(bytes).ok_or_else(|| Error::NotAModel { path: path.to_owned() })?;
        let read = match (format, version) {
            (FORMAT, VERSION) => whole(bytes).and_then(stored),
            (FORMAT, earlier::TILES_VERSION) => earlier::tiles(body),
            (earlier::PHOTOS, earlier::PHOTOS_VERSION) => earlier::photos(body),
            (FORMAT, found) => {
                return Err(Error::NewerVersion { path: path.to_owned(), found, supported: VERSION });
            }
            (_, found) => Err(format!("its version, {found}, is no longer read")),
        };
        read.map_err(|reason| Error::DamagedModel { path: path.to_owned(), reason })
    }
}

/// Format and version of the first line, and what stands behind it.
fn head(bytes: &[u8]) -> Option<(&str, u64, &[u8])> {
    let end = bytes.iter().take(LONGEST_HEAD).position(|&byte| byte == b'\n')?;
    let (format, version) = std::str::from_utf8(&bytes[..end]).ok()?.rsplit_once(' ')?;
    let is_number = !version.starts_with(['0', '+']);
    let version = version.parse().ok().filter(|_| is_number && [FORMAT, earlier::PHOTOS].contains(&format))?;
    Some((format, version, &bytes[end + 1..]))
}

/// The body of a file, unless its checksum says that something is wrong.
fn whole(bytes: &[u8]) -> Result<&[u8], String> {
    let before = whole_file::unsealed(bytes).ok_or("its checksum is another one: it is damaged, or cut short")?;
    Ok(head(before).map_or(&[], |(_, _, body)| body))
}

/// The classifier of a body.
fn stored(body: &[u8]) -> Result<BowClassifier, String> {
    let stored: Stored = from_cbor(body)?;
    stored.try_into().map_err(|error: Error| error.to_string())
}

/// What a body holds, and nothing behind it.
fn from_cbor<T: DeserializeOwned>(mut body: &[u8]) -> Result<T, String> {
    let value = ciborium::from_reader(&mut body).map_err(reason)?;
    if body.is_empty() { Ok(value) } else { Err("it does not end where a model ends".to_owned()) }
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
