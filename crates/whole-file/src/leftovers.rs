//! What processes left that died while they wrote.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What temporary names begin with.
pub(crate) const PREFIX: &str = ".unfinished-";

/// Removes the leftovers in a folder, where this process has not looked yet.
pub(crate) fn remove_once(folder: &Path) {
    static SEEN: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.get_or_insert_default().insert(folder.to_owned()) {
        // A folder that can't be listed, or not be changed, is told of by whoever writes to it.
        let _ = remove(folder);
    }
}

/// Removes the temporary files of a folder that no process holds.
fn remove(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && entry.file_type()?.is_file() {
            // One that can't be opened or removed is none of ours.
            let _ = remove_unheld(&entry.path());
        }
    }
    Ok(())
}

/// Removes a file whose lock can be had, and keeps the lock until it is gone: its process, if it still began with it,
/// then takes another name.
fn remove_unheld(path: &Path) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unfinished;

    #[test]
    fn files_that_nobody_holds_are_removed_and_those_being_written_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let held = Unfinished::create(folder.path().join("a")).unwrap();
        fs::write(folder.path().join(".unfinished-abc"), b"left").unwrap();
        fs::write(folder.path().join("other"), b"mine").unwrap();
        fs::create_dir(folder.path().join(".unfinished-folder")).unwrap();
        remove(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        held.finish().unwrap();
        assert!(folder.path().join("a").is_file() && !folder.path().join(".unfinished-abc").exists());
    }

    #[test]
    fn the_first_file_in_a_folder_clears_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".unfinished-abc"), b"left").unwrap();
        crate::write(folder.path().join("a"), b"bytes").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn many_may_write_where_others_clear_away() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = folder.path().join(writer.to_string());
                scope.spawn(move || (0..50).for_each(|_| crate::write(&path, b"whole").unwrap()));
            }
            scope.spawn(|| (0..50).for_each(|_| remove(folder.path()).unwrap()));
        });
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
    }
}
