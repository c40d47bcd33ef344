//! IDX, the format of MNIST's files: a magic number, the sizes, the bytes.

use std::io::Read;

use flate2::bufread::GzDecoder;

/// What is wrong with a file that should be MNIST's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdxError {
    /// Packed bytes that can not be unpacked.
    #[error("it can not be unpacked ({0}): the file is damaged or cut short")]
    Gzip(std::io::Error),
    /// Bytes behind the packed ones.
    #[error("{0} bytes follow the end of the packed data")]
    BehindGzip(usize),
    /// Another kind of file.
    #[error("it begins with {found:02x?}, where IDX files of {needed} begin with {expected:02x?}")]
    Magic {
        /// The first bytes, four or fewer.
        found: Vec<u8>,
        /// What the file should hold.
        needed: &'static str,
        /// How such a file begins.
        expected: [u8; 4],
    },
    /// Sizes that are cut off.
    #[error("it ends within its sizes")]
    Sizes,
    /// Pictures of another size.
    #[error("its pictures have {height}×{width} pixels, those of MNIST have 28×28")]
    PictureSize {
        /// Rows of a picture.
        height: usize,
        /// Columns of a picture.
        width: usize,
    },
    /// Fewer bytes than the sizes say.
    #[error("it is cut short: its sizes {sizes:?} ask for {expected} bytes, {found} are there")]
    Short {
        /// The sizes that the file names.
        sizes: Vec<usize>,
        /// The bytes that they ask for.
        expected: u64,
        /// The bytes that follow them.
        found: u64,
    },
    /// More bytes than the sizes say.
    #[error("its sizes {sizes:?} ask for {expected} bytes, more follow")]
    Trailing {
        /// The sizes that the file names.
        sizes: Vec<usize>,
        /// The bytes that they ask for.
        expected: u64,
    },
    /// A label that is no digit.
    #[error("the label of entry {entry} is {label}, which is no digit from 0 to 9")]
    Label {
        /// Which entry, counted from 0.
        entry: usize,
        /// What is there.
        label: u8,
    },
}

/// The kind of an IDX file: what its entries are.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// What the entries are, for messages.
    pub entries: &'static str,
    /// How many sizes there are, the number of entries included.
    pub rank: u8,
}

/// The content of an IDX file of bytes.
#[derive(Debug, PartialEq)]
pub(super) struct Content {
    pub sizes: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// Reads the bytes of an IDX file, packed with gzip or not.
pub(super) fn read(file: &[u8], kind: Kind) -> Result<Content, IdxError> {
    if !file.starts_with(&[0x1f, 0x8b]) {
        return read_unpacked(file, kind);
    }
    let mut unpacker = GzDecoder::new(file);
    let content = read_unpacked(&mut unpacker, kind)?;
    match unpacker.into_inner() {
        [] => Ok(content),
        behind => Err(IdxError::BehindGzip(behind.len())),
    }
}

/// Reads what the sizes ask for and one byte more, which may not be there: never more, whatever a file unpacks to.
fn read_unpacked(mut stream: impl Read, kind: Kind) -> Result<Content, IdxError> {
    const UNSIGNED_BYTES: u8 = 0x08;
    let expected = [0, 0, UNSIGNED_BYTES, kind.rank];
    let found = at_most(&mut stream, 4)?;
    if found != expected {
        return Err(IdxError::Magic { found, needed: kind.entries, expected });
    }
    let sizes: Vec<usize> = at_most(&mut stream, 4 * u64::from(kind.rank))?
        .chunks_exact(4)
        .map(|size| size.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
        .collect();
    if sizes.len() < usize::from(kind.rank) {
        return Err(IdxError::Sizes);
    }
    let expected = sizes.iter().fold(1, |product: u64, &size| product.saturating_mul(size as u64));
    let bytes = at_most(&mut stream, expected.saturating_add(1))?;
    match (bytes.len() as u64).cmp(&expected) {
        std::cmp::Ordering::Less => Err(IdxError::Short { sizes, expected, found: bytes.len() as u64 }),
        std::cmp::Ordering::Equal => Ok(Content { sizes, bytes }),
        std::cmp::Ordering::Greater => Err(IdxError::Trailing { sizes, expected }),
    }
}

/// The next `count` bytes, or as many as there are.
fn at_most(stream: &mut impl Read, count: u64) -> Result<Vec<u8>, IdxError> {
    let mut bytes = Vec::new();
    stream.take(count).read_to_end(&mut bytes).map_err(IdxError::Gzip)?;
    Ok(bytes)
}
