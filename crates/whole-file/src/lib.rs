//! Files that appear whole or not at all.
//!
//! Everything that this workspace writes goes through [`write()`]: pictures, reports, models, figures. What it reads back and
//! computes with has a seal, [`write_sealed`]: a bit that a disk or a copy flips would else be another result without a word.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("note.txt");
//! whole_file::write(&path, b"whole")?;
//! assert_eq!(std::fs::read(path)?, b"whole");
//! # Ok::<(), std::io::Error>(())
//! ```

use std::io::{self, BufWriter, IntoInnerError, Write};
use std::path::{Path, PathBuf};

/// Writes a file whole or not at all, over one that is there.
///
/// The bytes go to a temporary name in the same folder, which is renamed when all of them are on the disk: whoever
/// reads `path` finds the old file or the new one, never a part.
///
/// # Errors
/// What the system says: a folder that is not there or can't be written to, a full disk.
pub fn write(path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
    let mut file = Unfinished::create(path)?;
    file.write_all(bytes)?;
    file.finish()
}

/// Writes a file as [`write()`] does, with a seal at its end: the CRC-32 of all before it, the lowest byte first.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("numbers");
/// whole_file::write_sealed(&path, vec![1, 2, 3])?;
/// let mut bytes = std::fs::read(&path)?;
/// assert_eq!(whole_file::unsealed(&bytes), Some(&[1, 2, 3][..]));
/// bytes[1] ^= 1;
/// assert_eq!(whole_file::unsealed(&bytes), None);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// As for [`write()`].
pub fn write_sealed(path: impl AsRef<Path>, mut bytes: Vec<u8>) -> io::Result<()> {
    let seal = crc32fast::hash(&bytes);
    bytes.extend(seal.to_le_bytes());
    write(path, &bytes)
}

/// What stands before the seal of a file; `None` where the two do not belong together: damaged, cut short, or never
/// sealed.
pub fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (before, seal) = bytes.split_last_chunk::<4>()?;
    (crc32fast::hash(before) == u32::from_le_bytes(*seal)).then_some(before)
}

/// A file that is written part by part, for what is too large to be in memory: not there until it is finished, and
/// nothing of it is left when it is dropped before.
///
/// ```
/// use std::io::Write;
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("numbers.txt");
/// let mut file = whole_file::Unfinished::create(&path)?;
/// writeln!(file, "1")?;
/// assert!(!path.exists());
/// file.finish()?;
/// assert_eq!(std::fs::read(path)?, b"1\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Unfinished {
    file: BufWriter<tempfile::NamedTempFile>,
    path: PathBuf,
}

impl Unfinished {
    /// Begins a file, under a temporary name in the folder of `path`.
    ///
    /// # Errors
    /// What the system says: a folder that is not there or can't be written to.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { file: BufWriter::new(temporary_file(folder)?), path })
    }

    /// Gives the file its name, over one that is there.
    ///
    /// # Errors
    /// What the system says: a full disk.
    pub fn finish(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A temporary file with the permissions that a new file has, not those of a private one.
fn temporary_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".unfinished-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"first, and longer").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_can_not_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path().join("no folder/a"), b"bytes").is_err());
        fs::create_dir(folder.path().join("a folder")).unwrap();
        assert!(write(folder.path().join("a folder"), b"bytes").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = Unfinished::create(folder.path().join("a")).unwrap();
        file.write_all(b"part").unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_was_written() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write(&ours, b"").unwrap();
        fs::write(&plain, b"").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(ours), mode(plain));
    }
}
