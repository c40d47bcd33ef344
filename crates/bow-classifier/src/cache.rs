//! What was computed before: one file for each entry, named by all that it depends on.

use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::Error;

/// Part of every name: entries of other versions are never found.
const VERSION: &str = "bow-photos 2";

/// A folder of things that were computed before.
///
/// An entry's name is a digest of the bytes and settings that it was computed from, so that nothing has to be said about
/// what is still valid. Entries are written whole and carry a digest of themselves: one that is half-written or damaged
/// is computed again. Whoever needs the room deletes the folder, or any files in it.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

/// SHA-256.
pub(crate) type Key = [u8; 32];

/// The digest of some parts; where one ends and the next begins makes a difference.
pub(crate) fn key(parts: &[&[u8]]) -> Key {
    let mut digest = Sha256::new_with_prefix(VERSION);
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// The digest of anything that can be stored.
pub(crate) fn key_of(value: &impl Serialize) -> Result<Key, Error> {
    Ok(key(&[&to_bytes(value)?]))
}

fn to_bytes(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).map_err(|error| Error::Encoding { reason: error.to_string() })?;
    Ok(bytes)
}

impl Cache {
    /// The cache in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Write`] when it can't be made.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, Error> {
        let folder = folder.into();
        match std::fs::create_dir_all(&folder) {
            Ok(()) => Ok(Self { folder }),
            Err(source) => Err(Error::Write { path: folder, source }),
        }
    }

    /// An entry, unless it is not there or damaged.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        let bytes = std::fs::read(self.path(key)).ok()?;
        let (digest, body) = bytes.split_first_chunk::<32>()?;
        if self::key(&[body]) != *digest {
            return None;
        }
        ciborium::from_reader(body).ok()
    }

    pub(crate) fn put(&self, key: &Key, value: &impl Serialize) -> Result<(), Error> {
        let body = to_bytes(value)?;
        let path = self.path(key);
        let written = std::fs::create_dir_all(path.parent().unwrap_or(&self.folder))
            .and_then(|()| whole_file::write(&path, &[&self::key(&[&body])[..], &body].concat()));
        written.map_err(|source| Error::Write { path, source })
    }

    /// Spread over 256 folders, since some systems are slow with many files in one.
    fn path(&self, key: &Key) -> PathBuf {
        let name: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(&name[..2]).join(&name[2..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_and_damaged_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path().join("cache")).unwrap();
        let (one, other) = (key(&[b"a", b"bc"]), key(&[b"ab", b"c"]));
        assert_ne!(one, other);
        assert_eq!(cache.get::<Vec<f64>>(&one), None);
        cache.put(&one, &vec![1.0, 2.5]).unwrap();
        assert_eq!(cache.get(&one), Some(vec![1.0, 2.5]));
        assert_eq!(cache.get::<Vec<f64>>(&other), None);

        let whole = std::fs::read(cache.path(&one)).unwrap();
        for length in 0..whole.len() {
            std::fs::write(cache.path(&one), &whole[..length]).unwrap();
            assert_eq!(cache.get::<Vec<f64>>(&one), None, "{length}");
        }
        for position in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[position] ^= 1;
            std::fs::write(cache.path(&one), &damaged).unwrap();
            assert_eq!(cache.get::<Vec<f64>>(&one), None, "{position}");
        }
        cache.put(&one, &vec![3.0]).unwrap();
        assert_eq!(cache.get(&one), Some(vec![3.0]));
    }
}
