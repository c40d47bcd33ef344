//! What a network is asked about: images, folders of images, arrays.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use images::{Layout, Preprocessing};
use ndarray::{Array3, ArrayD, Axis};
use neural_lrp::Real;

use crate::failure::{Context, Failure};
use crate::messages;

pub mod array;
pub mod content;
mod idx;
pub mod npy;

/// One picture or array that a network is asked about; read when its turn comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An image.
    Image(Picture),
    /// An array in a file of numpy, or of MNIST's format.
    Array(PathBuf),
}

/// A picture: a file, or one of many in a file of MNIST's format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The file.
    pub file: PathBuf,
    /// Which of many.
    pub index: Option<usize>,
}

/// An image, made ready.
pub struct PreparedImage<F> {
    /// What the network takes, with an axis for the sample.
    pub network: ArrayD<F>,
    /// The same pixels as people see them: rows, columns, channels.
    pub shown: Array3<u8>,
}

/// As many bytes tell what a file holds.
const BEGINNING: usize = 8;

impl Source {
    /// The files that an INPUT means: itself, the images in a folder sorted by name, the pictures in a file of MNIST's
    /// format, what a pattern matches, or standard input. What is passed over in a folder is said on standard error.
    pub fn all(path: &Path) -> Result<Vec<Self>, Failure> {
        if path.is_dir() {
            return images_in(path);
        }
        if let Some(matches) = matches(path)? {
            let all = matches.iter().map(|path| Self::all(path)).collect::<Result<Vec<_>, _>>()?;
            return Ok(all.into_iter().flatten().collect());
        }
        let start = content::start(path, BEGINNING)?;
        if idx::is_pictures(&start) {
            let count = idx::count(&start).unwrap_or(0);
            let picture = |index| Self::Image(Picture { file: path.to_owned(), index: Some(index) });
            return match count {
                0 => Err(format!("{} holds no pictures", path.display()).into()),
                // More cannot be in any file that is read whole.
                count => Ok((0..count.min(MOST_PICTURES)).map(picture).collect()),
            };
        }
        let is_array = start.starts_with(npy::MAGIC) || idx::is_idx(&start) || has_extension(path, &["npy"]);
        let image = || Self::Image(Picture { file: path.to_owned(), index: None });
        Ok(vec![if is_array { Self::Array(path.to_owned()) } else { image() }])
    }

    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Image(Picture { file: path, .. }) | Self::Array(path) => path,
        }
    }
}

/// A file of MNIST's format has no more pictures that are worth a list.
const MOST_PICTURES: usize = 1 << 24;

impl Picture {
    /// What files about it are called.
    pub fn stem(&self) -> String {
        let stem = stem(&self.file);
        self.index.map_or_else(|| stem.clone(), |index| format!("{stem}-{index}"))
    }

    /// The pixels: rows, columns, channels.
    pub fn pixels(&self) -> Result<Array3<u8>, Failure> {
        let path = &self.file;
        if let Some(index) = self.index {
            let all = pictures(path)?;
            let missing =
                || format!("{} holds {} pictures, and no picture {index}", path.display(), all.len_of(Axis(0)));
            let within = index < all.len_of(Axis(0));
            let picture = within.then(|| all.index_axis(Axis(0), index).insert_axis(Axis(2)).to_owned());
            return picture.ok_or_else(|| missing().into());
        }
        read_photo(path)
    }
}

/// The name of a file without its ending.
pub fn stem(path: &Path) -> String {
    match content::is_standard(path) {
        true => "stdin".to_owned(),
        false => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
    }
}

/// The pictures of a file of MNIST's format; those of the last file stay in memory.
fn pictures(path: &Path) -> Result<Arc<Array3<u8>>, Failure> {
    static LAST: Mutex<Option<(PathBuf, Arc<Array3<u8>>)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, pictures)) = last.as_ref().filter(|(file, _)| file == path) {
        return Ok(Arc::clone(pictures));
    }
    let pictures = idx::decode_pictures(&content::bytes(path)?);
    let pictures = Arc::new(pictures.map_err(|reason| format!("{}: {reason}", path.display()))?);
    *last = Some((path.to_owned(), Arc::clone(&pictures)));
    Ok(pictures)
}

/// The files that a pattern matches, as `photos/*.jpg`; none for what is no pattern, or is a file.
fn matches(path: &Path) -> Result<Option<Vec<PathBuf>>, Failure> {
    let Some(pattern) = path.to_str().filter(|text| text.contains(['*', '?', '[']) && !path.exists()) else {
        return Ok(None);
    };
    let found = glob::glob(pattern).context(format!("{pattern:?} is no pattern of files"))?;
    let found = found.collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() { Err(format!("no file matches {pattern:?}").into()) } else { Ok(Some(found)) }
}

/// Reads an image: rows, columns, channels. What is damaged inside is said on standard error.
pub fn read_photo(path: &Path) -> Result<Array3<u8>, Failure> {
    let bytes = content::bytes(path)?;
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
    messages::warn(format!("{image} is damaged inside, so that parts of it may not be what was taken: {damage}"));
}

/// Reads and prepares an image.
pub fn read_image<F: Real>(picture: &Picture, preprocessing: &Preprocessing) -> Result<PreparedImage<F>, Failure> {
    let photo = picture.pixels()?;
    let prepared = preprocessing.apply(photo.view()).context(format!("can't prepare {}", picture.file.display()))?;
    let network = prepared.network.mapv(|value| F::of(value.into()));
    let network = match preprocessing.settings().layout {
        Layout::Row => network.index_axis_move(Axis(0), 0).into_dyn(),
        Layout::Nchw | Layout::Nhwc => network.insert_axis(Axis(0)).into_dyn(),
    };
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
        messages::note(line);
    }
    let image = |file| Source::Image(Picture { file, index: None });
    Ok(listed.images.into_iter().map(image).collect())
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
    /// Takes a path of the command line apart; one that is no text has no name.
    pub fn parse_path(path: &Path, names: &[&str]) -> Result<Self, Failure> {
        match path.to_str() {
            Some(text) => Self::parse(text, "input", names),
            None => Ok(Self { name: None, path: path.to_owned() }),
        }
    }

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

/// What to do where a network of several inputs is not given one file for each.
pub fn one_file_each(names: &[&str]) -> Failure {
    let example = names.iter().map(|name| format!("{name}=FILE")).collect::<Vec<_>>().join(" ");
    format!("the network takes {} inputs, {}; give a file for each: {example}", names.len(), quoted(names)).into()
}

/// Names in a sentence.
pub fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_folder_means_its_images_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.PNG", "a.jpg", "notes.txt", "c.ppm"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        let found = Source::all(folder.path()).unwrap();
        let expected = ["a.jpg", "b.PNG", "c.ppm"]
            .map(|name| Source::Image(Picture { file: folder.path().join(name), index: None }));
        assert_eq!(found, expected);
        let empty = tempfile::tempdir().unwrap();
        assert!(Source::all(empty.path()).unwrap_err().to_string().contains("no image"));
    }

    #[test]
    fn a_pattern_means_what_it_matches() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.png", "a.png", "c.jpg", "[odd].png"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        let found = |pattern: &str| {
            let all = Source::all(&folder.path().join(pattern));
            all.map(|all| all.iter().map(|source| stem(source.path())).collect::<Vec<_>>())
        };
        assert_eq!(found("[ab].png").unwrap(), ["a", "b"]);
        assert_eq!(found("?.*").unwrap(), ["a", "b", "c"]);
        // A file is itself, whatever its name.
        assert_eq!(found("[odd].png").unwrap(), ["[odd]"]);
        assert!(found("*.gif").unwrap_err().to_string().contains("no file matches"));
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
