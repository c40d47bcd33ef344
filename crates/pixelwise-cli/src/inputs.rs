//! What a network is asked about: images, folders of images, arrays.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use images::Preprocessing;
use ndarray::{Array3, ArrayD, Axis};
use neural_lrp::Real;

use crate::failure::{Context, Failure};

pub mod npy;

/// One file that a network is asked about; read when its turn comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An image.
    Image(PathBuf),
    /// An array in a file of numpy.
    Array(PathBuf),
}

/// An image, made ready.
pub struct PreparedImage<F> {
    /// What the network takes, with an axis for the sample.
    pub network: ArrayD<F>,
    /// The same pixels as people see them: rows, columns, channels.
    pub shown: Array3<u8>,
}

impl Source {
    /// The files that an INPUT means: itself, or the images in a folder, sorted by name. What is passed over there is
    /// said on standard error.
    pub fn all(path: &Path) -> Result<Vec<Self>, Failure> {
        if path.is_dir() {
            return images_in(path);
        }
        let mut start = Vec::new();
        let reading = || format!("can't read {}", path.display());
        let file = File::open(path).context(reading())?;
        file.take(npy::MAGIC.len() as u64).read_to_end(&mut start).context(reading())?;
        let is_array = start == npy::MAGIC || has_extension(path, &["npy"]);
        Ok(vec![if is_array { Self::Array(path.to_owned()) } else { Self::Image(path.to_owned()) }])
    }

    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Image(path) | Self::Array(path) => path,
        }
    }
}

/// Reads an image: rows, columns, channels. What is damaged inside is said on standard error.
pub fn read_photo(path: &Path) -> Result<Array3<u8>, Failure> {
    let bytes = fs::read(path).context(format!("can't read {}", path.display()))?;
    let photo = images::decode(&bytes, path).map_err(|error| match error {
        images::Error::Format { .. } => format!("{error}; an array should be an .npy file").into(),
        error => Failure::from(error),
    })?;
    if let Some(damage) = images::damage(&bytes) {
        warn_of_damage(&path.display().to_string(), &damage);
    }
    Ok(photo)
}

/// Says on standard error that an image is damaged inside.
pub fn warn_of_damage(image: &str, damage: &str) {
    eprintln!("Warning: {image} is damaged inside, so that parts of it may not be what was taken: {damage}");
}

/// Reads and prepares an image.
pub fn read_image<F: Real>(path: &Path, preprocessing: &Preprocessing) -> Result<PreparedImage<F>, Failure> {
    let photo = read_photo(path)?;
    let prepared = preprocessing.apply(photo.view()).context(format!("can't prepare {}", path.display()))?;
    let network = prepared.network.mapv(|value| F::of(value.into())).insert_axis(Axis(0)).into_dyn();
    Ok(PreparedImage { network, shown: prepared.shown })
}

fn images_in(folder: &Path) -> Result<Vec<Source>, Failure> {
    let listed = images::Folder::list(folder)?;
    let passed_over = listed.passed_over();
    if listed.images.is_empty() {
        let others = passed_over.map_or_else(String::new, |line| format!("; {line}"));
        return Err(
            format!("there is no image in {}: supported are {}{others}", folder.display(), images::FORMATS).into()
        );
    }
    if let Some(line) = passed_over {
        eprintln!("{line}");
    }
    Ok(listed.images.into_iter().map(Source::Image).collect())
}

/// Whether a file's name ends so, in upper or lower case.
pub fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let own = path.extension().and_then(|extension| extension.to_str());
    own.is_some_and(|own| extensions.iter().any(|extension| own.eq_ignore_ascii_case(extension)))
}

/// A file with the name of the input or output that it is for: `mask=FILE`, or the file alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// The input or output; `None` where the file stands alone.
    pub name: Option<String>,
    /// The file.
    pub path: PathBuf,
}

impl NamedFile {
    /// Takes `text` apart at a known name, as both names and paths may hold any character.
    pub fn parse(text: &str, what: &str, names: &[&str]) -> Result<Self, Failure> {
        let named = names.iter().filter_map(|name| {
            let path = text.strip_prefix(*name)?.strip_prefix('=')?;
            Some(Self { name: Some((*name).to_owned()), path: path.into() })
        });
        match (named.max_by_key(|file| file.name.as_ref().map(String::len)), text.split_once('=')) {
            (Some(file), _) => Ok(file),
            (None, Some((name, _))) if !Path::new(text).exists() && !name.contains(std::path::MAIN_SEPARATOR) => {
                Err(format!("the model has no {what} {name:?}; it has {}", quoted(names)).into())
            }
            _ => Ok(Self { name: None, path: text.into() }),
        }
    }
}

/// Names in a sentence.
pub fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_means_its_images_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.PNG", "a.jpg", "notes.txt", "c.ppm"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        let found = Source::all(folder.path()).unwrap();
        let expected = ["a.jpg", "b.PNG", "c.ppm"].map(|name| Source::Image(folder.path().join(name)));
        assert_eq!(found, expected);
        let empty = tempfile::tempdir().unwrap();
        assert!(Source::all(empty.path()).unwrap_err().to_string().contains("no image"));
    }

    #[test]
    fn arrays_are_known_by_their_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("batch");
        fs::write(&path, b"\x93NUMPY...").unwrap();
        assert_eq!(Source::all(&path).unwrap(), [Source::Array(path.clone())]);
        assert!(Source::all(Path::new("no such file")).unwrap_err().to_string().contains("can't read no such file"));
    }

    #[test]
    fn files_are_named_by_known_names_only() {
        let names = ["x", "x=y"];
        let parse = |text| NamedFile::parse(text, "input", &names);
        assert_eq!(parse("x=a.npy").unwrap().name.as_deref(), Some("x"));
        assert_eq!(parse("x=y=a.npy").unwrap().name.as_deref(), Some("x=y"));
        assert_eq!(parse("a.npy").unwrap().name, None);
        let message = parse("z=a.npy").unwrap_err().to_string();
        assert!(message.contains("no input \"z\"") && message.contains("\"x=y\""), "{message}");
    }
}
