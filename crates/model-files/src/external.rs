//! Numbers that stand in files beside the model.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::Error;
use crate::messages::Tensor;
use crate::source::Source;

/// A part of a file.
pub(crate) struct Part {
    /// The file.
    pub(crate) source: Source<'static>,
    /// Where the part begins in it; the file is long enough.
    pub(crate) offset: u64,
}

/// The `length` bytes of a tensor in the file that its entries name, which has to lie in the model's folder.
///
/// A model may come from anywhere; it must not make this program read (and show) files elsewhere.
pub(crate) fn open(tensor: &Tensor<'_>, folder: &Path, length: u64) -> Result<Part, Error> {
    let location = entry(tensor, "location").unwrap_or_default();
    let refuse =
        |reason: String| Error::ExternalData { tensor: tensor.name.clone(), location: location.to_owned(), reason };
    let number = |key| match entry(tensor, key) {
        None => Ok(None),
        Some(text) => text.parse::<u64>().map(Some).map_err(|_| refuse(format!("its {key} {text:?} is no number"))),
    };
    let (offset, said) = (number("offset")?.unwrap_or(0), number("length")?);
    if said.is_some_and(|said| said != length) {
        return Err(refuse(format!("it should have {length} bytes, but {} are given", said.unwrap_or_default())));
    }
    let path = inside(folder, location).map_err(&refuse)?;
    if path.is_dir() {
        return Err(refuse("it is a folder, and should be a file".to_owned()));
    }
    let source = Source::open(&path).map_err(|error| refuse(format!("the file can't be read: {error}")))?;
    if source.part(offset, length).is_none() {
        return Err(refuse(format!("bytes {offset} to {offset} + {length} of a file of {} bytes", source.length())));
    }
    Ok(Part { source, offset })
}

fn entry<'a>(tensor: &'a Tensor<'_>, key: &str) -> Option<&'a str> {
    tensor.external.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

/// The path of `location` in `folder`, if it leads nowhere else.
fn inside(folder: &Path, location: &str) -> Result<PathBuf, String> {
    let relative = Path::new(location);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if location.is_empty() || !relative.components().all(plain) {
        return Err("it has to be a file name relative to the model's folder, without `..`".to_owned());
    }
    let unreadable = |error: io::Error| format!("the file can't be read: {error}; it belongs beside the model");
    let path = folder.join(relative).canonicalize().map_err(unreadable)?;
    if path.starts_with(folder.canonicalize().map_err(unreadable)?) {
        Ok(path)
    } else {
        Err("it is a link out of the model's folder; put the file itself there".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rten_onnx::onnx::DataType;

    use super::*;

    fn tensor(external: &[(&str, &str)]) -> Tensor<'static> {
        let external = external.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        Tensor { name: "w".to_owned(), data_type: Some(DataType::FLOAT), external, ..Tensor::default() }
    }

    fn read(tensor: &Tensor<'_>, folder: &Path, length: u64) -> Result<Vec<u8>, Error> {
        let part = open(tensor, folder, length)?;
        Ok(part.source.part(part.offset, length).unwrap().to_vec().unwrap())
    }

    #[test]
    fn a_part_of_a_file_in_the_folder_is_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        fs::write(folder.path().join("data/w.bin"), [0, 1, 2, 3, 4, 5]).unwrap();
        let read = |external: &[_], length| read(&tensor(external), folder.path(), length);
        let location = ("location", "data/w.bin");
        assert_eq!(read(&[location, ("offset", "1"), ("length", "4")], 4).unwrap(), [1, 2, 3, 4]);
        assert_eq!(read(&[location], 6).unwrap(), [0, 1, 2, 3, 4, 5]);
        for wrong in [
            vec![location, ("offset", "3")],
            vec![location, ("offset", "18446744073709551615")],
            vec![location, ("offset", "-1")],
            vec![location, ("length", "5")],
            vec![("location", "data")],
            vec![("location", "data/v.bin")],
            vec![],
        ] {
            let error = read(&wrong, 4).unwrap_err();
            assert!(matches!(error, Error::ExternalData { .. }) && error.to_string().contains("\"w\""), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn nothing_outside_of_the_folder_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("model"), folder.path().join("secret"));
        fs::create_dir(&inside).unwrap();
        fs::write(&outside, [0; 4]).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        std::os::unix::fs::symlink(folder.path(), inside.join("up")).unwrap();
        for location in ["../secret", "link", "up/secret", "./../secret", outside.to_str().unwrap()] {
            let error = read(&tensor(&[("location", location)]), &inside, 4).unwrap_err().to_string();
            assert!(error.contains("the model's folder"), "{error}");
        }
    }
}
