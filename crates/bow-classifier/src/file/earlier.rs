//! Files of earlier releases, which had a format for classifiers of tiles and another one for those of photos. Neither had
//! a checksum: a body ends in a marker.

use bow_mapping::Mapping;
use kernels::KernelExpansion;
use local_features::Extractor;
use serde::Deserialize;

use super::{StoredMachine, StoredMachines, StoredTaylor, from_cbor};
use crate::classifier::{Learned, UNNAMED};
use crate::configuration::ChannelSettings;
use crate::vocabulary::Channel;
use crate::{BowClassifier, Encoder, Error, Pyramid, Tiling, Vocabulary};

/// The version of the format of today that was for classifiers of tiles.
pub(super) const TILES_VERSION: u64 = 1;
/// The format of classifiers of photos, and its version.
pub(super) const PHOTOS: &str = "pixelwise photo model";
pub(super) const PHOTOS_VERSION: u64 = 2;

const END: &str = "end of model";

/// A classifier of tiles: one class without a name.
#[derive(Deserialize)]
struct Tiles {
    extractors: Vec<Extractor>,
    encoders: Vec<Encoder>,
    expansion: KernelExpansion,
    taylor: Option<StoredTaylor>,
    end: String,
}

/// A classifier of photos.
#[derive(Deserialize)]
struct Photos {
    vocabulary: PhotoVocabulary,
    machines: PhotoMachines,
    end: String,
}

#[derive(Deserialize)]
struct PhotoVocabulary {
    channels: Vec<PhotoChannel>,
}

#[derive(Deserialize)]
struct PhotoChannel {
    settings: ChannelSettings,
    mapping: Mapping,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PhotoMachines {
    Learned(Box<Learned>),
    Given(Vec<(String, KernelExpansion)>),
}

/// The classifier of tiles in a body.
pub(super) fn tiles(body: &[u8]) -> Result<BowClassifier, String> {
    let Tiles { extractors, encoders, expansion, taylor, end } = from_cbor(body)?;
    check_end(&end)?;
    if extractors.len() != encoders.len() {
        return Err(Error::Channels { extractors: extractors.len(), encoders: encoders.len() }.to_string());
    }
    let channels = extractors.into_iter().zip(encoders);
    let channels = channels.map(|(extractor, encoder)| Channel { extractor, encoder, pyramid: Pyramid::default() });
    let machine = StoredMachine { name: UNNAMED.to_owned(), expansion, taylor };
    joined(channels.collect(), Some(Tiling::default()), StoredMachines::Given(vec![machine]))
}

/// The classifier of photos in a body.
pub(super) fn photos(body: &[u8]) -> Result<BowClassifier, String> {
    let Photos { vocabulary, machines, end } = from_cbor(body)?;
    check_end(&end)?;
    let channels = vocabulary.channels.into_iter();
    let channels: Vec<Channel> = channels.map(|channel| Channel::of(&channel.settings, channel.mapping)).collect();
    match machines {
        PhotoMachines::Learned(learned) => joined(channels, None, StoredMachines::Learned(learned)),
        PhotoMachines::Given(expansions) => {
            let vocabulary = Vocabulary::new(channels).map_err(|error| error.to_string())?;
            BowClassifier::from_expansions(vocabulary, expansions).map_err(|error| error.to_string())
        }
    }
}

fn joined(channels: Vec<Channel>, tiling: Option<Tiling>, machines: StoredMachines) -> Result<BowClassifier, String> {
    let vocabulary = Vocabulary::new(channels);
    let stored = vocabulary.map(|vocabulary| super::Stored { vocabulary, tiling, machines });
    stored.and_then(BowClassifier::try_from).map_err(|error| error.to_string())
}

fn check_end(end: &str) -> Result<(), String> {
    if end == END { Ok(()) } else { Err("it does not end where a model ends".to_owned()) }
}
