//! Bytes that are read where and when they are needed: a file is never in memory as a whole.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// How many bytes are read at once of a run of numbers. No width of a number is no divisor of it.
const PIECE: usize = 1 << 16;

/// A file, or bytes in memory.
pub(crate) struct Source<'a> {
    contents: Contents<'a>,
    length: u64,
}

enum Contents<'a> {
    Memory(Cow<'a, [u8]>),
    File(RefCell<Reader>),
}

/// A file, and where the next bytes are read.
struct Reader {
    file: BufReader<File>,
    position: u64,
}

impl<'a> Source<'a> {
    /// A file. What can be read only once, as a pipe, is in memory.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_file() {
            let reader = Reader { file: BufReader::new(file), position: 0 };
            return Ok(Self { contents: Contents::File(RefCell::new(reader)), length: metadata.len() });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Self { length: bytes.len() as u64, contents: Contents::Memory(bytes.into()) })
    }

    /// Bytes in memory.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { contents: Contents::Memory(bytes.into()), length: bytes.len() as u64 }
    }

    /// The number of bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// All of them.
    pub(crate) fn whole(&self) -> Bytes<'_> {
        Bytes { source: self, offset: 0, length: self.length }
    }

    /// The run of `length` bytes from `offset` on, if they are there.
    pub(crate) fn part(&self, offset: u64, length: u64) -> Option<Bytes<'_>> {
        let end = offset.checked_add(length)?;
        (end <= self.length).then_some(Bytes { source: self, offset, length })
    }

    /// Fills a buffer with the bytes from `offset` on.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        match &self.contents {
            Contents::Memory(bytes) => bytes.get(offset as usize..).unwrap_or_default().read_exact(buffer),
            Contents::File(reader) => reader.borrow_mut().read(offset, buffer),
        }
    }
}

impl Reader {
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let step = i128::from(offset) - i128::from(self.position);
        self.file.seek_relative(i64::try_from(step).map_err(io::Error::other)?)?;
        let read = self.file.read_exact(buffer);
        self.position = match &read {
            Ok(()) => offset + buffer.len() as u64,
            // Where it stands is not known after an error.
            Err(_) => self.file.seek(SeekFrom::Start(0))?,
        };
        read
    }
}

/// A run of bytes of a source.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a> {
    source: &'a Source<'a>,
    offset: u64,
    length: u64,
}

impl<'a> Bytes<'a> {
    /// Its position in the source.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The number of bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The first bytes, and those after them; `None` where there are not as many.
    pub(crate) fn split(self, first: u64) -> Option<(Self, Self)> {
        let rest = self.length.checked_sub(first)?;
        Some((Self { length: first, ..self }, Self { offset: self.offset + first, length: rest, ..self }))
    }

    /// Fills a buffer with the first bytes, as far as there are any, and gives these.
    pub(crate) fn first<'b>(&self, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        let count = usize::try_from(self.length).unwrap_or(usize::MAX).min(buffer.len());
        let bytes = &mut buffer[..count];
        self.source.read(self.offset, bytes)?;
        Ok(bytes)
    }

    /// All bytes. No more memory is taken than there are.
    pub(crate) fn to_vec(self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.in_pieces(|piece| bytes.extend_from_slice(piece))?;
        Ok(bytes)
    }

    /// Hands the bytes on, so many at a time that a piece is whole numbers of any type.
    pub(crate) fn in_pieces(self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        let mut buffer = vec![0; PIECE.min(usize::try_from(self.length).unwrap_or(PIECE))];
        let mut rest = self;
        while rest.length > 0 {
            let piece = rest.first(&mut buffer)?;
            take(piece);
            let read = piece.len() as u64;
            rest = Self { offset: rest.offset + read, length: rest.length - read, ..rest };
        }
        Ok(())
    }
}

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes from {}", self.length, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_files_and_of_memory_are_read_in_any_order() {
        let bytes: Vec<u8> = (0..3 * PIECE + 5).map(|at| (at / 7) as u8).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, &bytes).unwrap();
        for source in [Source::of(&bytes), Source::open(&path).unwrap()] {
            assert_eq!(source.length(), bytes.len() as u64);
            for (offset, length) in [(9, 2 * PIECE + 1), (0, 4), (bytes.len() - 3, 3), (2, PIECE), (7, 0)] {
                let part = source.part(offset as u64, length as u64).unwrap();
                assert_eq!(part.to_vec().unwrap(), bytes[offset..offset + length]);
            }
            assert!(source.part(1, bytes.len() as u64).is_none() && source.part(u64::MAX, 2).is_none());
        }
    }

    #[test]
    fn a_file_that_becomes_shorter_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, [1; 9]).unwrap();
        let source = Source::open(&path).unwrap();
        std::fs::write(&path, [2; 5]).unwrap();
        assert!(source.whole().to_vec().is_err());
        assert_eq!(source.part(3, 2).unwrap().to_vec().unwrap(), [2, 2]);
    }
}
