//! The images of a folder.

use std::path::{Path, PathBuf};

use crate::Error;

/// How the names of images end, in upper or lower case.
pub const EXTENSIONS: [&str; 12] =
    ["png", "jpg", "jpeg", "webp", "tif", "tiff", "gif", "bmp", "pnm", "pbm", "pgm", "ppm"];

/// What lies in a folder, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// The files whose names end as those of images.
    pub images: Vec<PathBuf>,
    /// The others, and folders; hidden ones are left out.
    pub others: Vec<PathBuf>,
}

impl Folder {
    /// Lists a folder; folders in it are not looked into.
    ///
    /// ```
    /// let folder = tempfile::tempdir()?;
    /// for name in ["b.PNG", "a.webp", "notes.txt", ".hidden"] {
    ///     std::fs::write(folder.path().join(name), b"")?;
    /// }
    /// let listed = images::Folder::list(folder.path())?;
    /// assert_eq!(listed.images, ["a.webp", "b.PNG"].map(|name| folder.path().join(name)));
    /// assert!(listed.passed_over().is_some_and(|line| line.ends_with("1 that is no image by its name: notes.txt")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Read`]
    pub fn list(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let mut listed = Self::default();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (path, is_hidden) = (entry.path(), entry.file_name().as_encoded_bytes().starts_with(b"."));
            match is_image_name(&path) && path.is_file() {
                true if !is_hidden => listed.images.push(path),
                false if !is_hidden => listed.others.push(path),
                _ => {}
            }
        }
        listed.images.sort();
        listed.others.sort();
        Ok(listed)
    }

    /// What of the folder is passed over, in a line; none where all are images.
    pub fn passed_over(&self) -> Option<String> {
        const NAMED: usize = 3;
        let first = self.others.first()?;
        let folder = first.parent().unwrap_or(first).display();
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut names: Vec<String> = self.others.iter().take(NAMED).map(name).collect();
        if self.others.len() > NAMED {
            names.push("…".to_owned());
        }
        let kind =
            if self.others.len() == 1 { "that is no image by its name" } else { "that are no images by their names" };
        Some(format!("{folder}: passed over {} {kind}: {}", self.others.len(), names.join(", ")))
    }
}

/// Whether a file is called as an image is.
pub fn is_image_name(path: impl AsRef<Path>) -> bool {
    let own = path.as_ref().extension().and_then(|extension| extension.to_str());
    own.is_some_and(|own| EXTENSIONS.iter().any(|extension| own.eq_ignore_ascii_case(extension)))
}
