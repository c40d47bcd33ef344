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
//!
//! # What a process leaves that dies
//!
//! A file under its temporary name stays where the process that wrote it was killed. Each is held by an advisory lock as
//! long as its process lives; the first file that a later process begins in a folder removes those there whose lock it
//! gets. Where a file system has no locks, nothing is removed.

mod leftovers;

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, IntoInnerError, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

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
pub fn write_sealed(path: impl AsRef<Path>, bytes: Vec<u8>) -> io::Result<()> {
    write(path, &sealed(bytes))
}

/// Bytes with the seal behind them that says whether they are whole.
pub fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let seal = crc32fast::hash(&bytes);
    bytes.extend(seal.to_le_bytes());
    bytes
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
    file: BufWriter<File>,
    temporary: Temporary,
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
        leftovers::remove_once(folder);
        let (file, temporary) = held_file(folder)?;
        Ok(Self { file: BufWriter::new(file), temporary, path })
    }

    /// Gives the file its name, over one that is there.
    ///
    /// # Errors
    /// What the system says: a full disk.
    pub fn finish(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(IntoInnerError::into_error)?;
        file.sync_all()?;
        // Its lock is held until it has its name.
        fs::rename(&self.temporary.0, &self.path)
    }
}

/// A temporary name; the file that still has it is removed in the end.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // There is none after it was renamed. One that can't be removed now is by the next run.
        let _ = fs::remove_file(&self.0);
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

/// A new temporary file whose lock is held, so that nobody takes it for a leftover.
fn held_file(folder: &Path) -> io::Result<(File, Temporary)> {
    // No name is used twice: who removes a leftover means the file that it locked.
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}{}-{number}", leftovers::PREFIX, std::process::id()));
        let file = match File::options().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            file => file?,
        };
        match file.try_lock() {
            // Before it was locked, somebody who removes leftovers may have found it.
            Ok(()) if !path.exists() => {}
            Err(TryLockError::WouldBlock) => {}
            // Without locks, nobody removes anything.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok((file, Temporary(path))),
        }
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn errors_do_not_name_temporary_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a folder")).unwrap();
        for path in ["no folder/a", "a folder"] {
            let error = write(folder.path().join(path), b"bytes").unwrap_err();
            assert!(!error.to_string().contains(leftovers::PREFIX) && error.raw_os_error().is_some(), "{error}");
        }
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
