//! Where explanations are written to, and what the files are called.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::ArrayViewD;
use ndarray_npy::{WritableElement, WriteNpyExt};

use crate::failure::{Context, Failure};

/// A file that could not be written: unlike an input that can't be read, it ends the run.
#[derive(Debug)]
pub struct CanNotWrite {
    path: PathBuf,
    cause: Failure,
}

impl fmt::Display for CanNotWrite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "can't write {}", self.path.display())
    }
}

impl Error for CanNotWrite {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// A failure to write a file.
pub fn can_not_write(path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let path = path.to_owned();
    |error| Box::new(CanNotWrite { path, cause: error.into() })
}

/// A folder that is there, and that can be written to.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Its path.
    pub path: PathBuf,
}

impl Folder {
    /// Makes the folder where it is not there yet, and makes sure that files can be written to it.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let unusable = || format!("can't write to the folder {}", path.display());
        fs::create_dir_all(path).context(unusable())?;
        whole_file::Unfinished::create(path.join("probe")).context(unusable())?;
        Ok(Self { path: path.to_owned() })
    }

    /// Makes the folder of a file where it is not there yet, and makes sure that the file can be written: before the work
    /// whose result it is.
    pub fn prepare(file: &Path) -> Result<(), Failure> {
        if file.is_dir() {
            return Err(format!("can't write {}: a folder has this name", file.display()).into());
        }
        Self::create(parent(file)).map(|_| ())
    }

    /// Writes a file, whole or not at all.
    pub fn write(&self, file: &Path, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path.join(file);
        whole_file::write(&path, bytes).map_err(can_not_write(&path))
    }

    /// Writes an array.
    pub fn write_npy<F: WritableElement>(&self, file: &Path, array: ArrayViewD<'_, F>) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        array.write_npy(&mut bytes).context(file.display())?;
        self.write(file, &bytes)
    }

    /// A folder within this one.
    pub fn within(&self, name: &str) -> Result<Self, Failure> {
        let path = self.path.join(name);
        fs::create_dir_all(&path).map_err(can_not_write(&path))?;
        Ok(Self { path })
    }
}

/// The folder that a file is in.
fn parent(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Longest part of a file's name that comes from outside.
const LONGEST_NAME: usize = 120;

/// A text as part of a file's name, on any system.
pub fn file_name(text: &str) -> String {
    let allowed = |character: char| character.is_alphanumeric() || "-_.+=@ ".contains(character);
    let kept: String = text.chars().map(|character| if allowed(character) { character } else { '_' }).collect();
    let mut kept = kept.trim().trim_start_matches('.').to_owned();
    while kept.len() > LONGEST_NAME {
        kept.pop();
    }
    if kept.is_empty() { "_".to_owned() } else { kept }
}

/// Gives names that nobody else has, also where upper and lower case are one.
#[derive(Debug, Default)]
pub struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// The name itself, or with a number behind it: the second `cat` is `cat-2`.
    pub fn unique(&mut self, name: &str) -> String {
        let mut unique = name.to_owned();
        let mut number = 2;
        while !self.taken.insert(unique.to_lowercase()) {
            unique = format!("{name}-{number}");
            number += 1;
        }
        unique
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_never_given_twice() {
        let mut names = Names::default();
        let given = ["cat", "cat-2", "cat", "Cat", "dog"].map(|name| names.unique(name));
        assert_eq!(given, ["cat", "cat-2", "cat-3", "Cat-4", "dog"]);
    }

    #[test]
    fn no_text_leaves_the_folder() {
        let made = ["tench, Tinca/tinca", "../../x", "", "a\nb", "köln", "a:b*c?"].map(file_name);
        assert_eq!(made, ["tench_ Tinca_tinca", "_.._x", "_", "a_b", "köln", "a_b_c_"]);
        assert!(file_name(&"é".repeat(500)).len() <= LONGEST_NAME);
    }

    #[test]
    fn a_folder_that_can_not_be_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"").unwrap();
        let message = Folder::create(&file.join("within")).unwrap_err().to_string();
        assert!(message.contains(&file.display().to_string()), "{message}");
        assert!(Folder::create(&folder.path().join("a/b")).is_ok());
        assert_eq!(fs::read_dir(folder.path().join("a/b")).unwrap().count(), 0);
    }
}
