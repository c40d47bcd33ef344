//! Photos, and which classes they show.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use datasets::voc::{Folder, Presence};

use crate::Outcome;

/// A photo that may be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Photo {
    pub name: String,
    pub path: PathBuf,
    /// For each class, whether the photo shows it; `None` where that is unknown or hard to tell.
    pub shows: Vec<Option<bool>>,
}

/// The photos of a list; what is wrong with others is said on standard error.
pub fn of_folder(path: &Path, split: &str, classes: &[String]) -> Outcome<Vec<Photo>> {
    let split = Folder::open(path)?.split(split, classes)?;
    split.problems.iter().for_each(|problem| eprintln!("left out: {problem}"));
    let shown = |presence: &Presence| match presence {
        Presence::Present => Some(true),
        Presence::Absent => Some(false),
        Presence::Difficult => None,
    };
    let photo = |photo: datasets::voc::Photo| Photo {
        name: photo.id,
        path: photo.path,
        shows: photo.presences.iter().map(shown).collect(),
    };
    Ok(split.photos.into_iter().map(photo).collect())
}

/// Photos by their paths.
///
/// * `truth` — a file that says which classes each of them shows; unknown without
/// * `known` — all classes that it may name
pub fn of_files(paths: &[PathBuf], truth: Option<&Path>, classes: &[String], known: &[String]) -> Outcome<Vec<Photo>> {
    let truths = truth.map(|file| read_truths(file, known)).transpose()?;
    let photo = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let shows = match &truths {
            None => vec![None; classes.len()],
            Some(truths) => {
                let shown = truths.get(&name).ok_or_else(|| format!("no line of the truth is for {name}"))?;
                classes.iter().map(|class| Some(shown.contains(class))).collect()
            }
        };
        Ok(Photo { name, path: path.clone(), shows })
    };
    paths.iter().map(photo).collect()
}

fn read_truths(file: &Path, known: &[String]) -> Outcome<HashMap<String, Vec<String>>> {
    let text = fs::read_to_string(file).map_err(|error| format!("can't read {}: {error}", file.display()))?;
    truths(&text, known).map_err(|reason| format!("{}: {reason}", file.display()).into())
}

/// The classes that each photo shows, by the photo's name.
fn truths(text: &str, known: &[String]) -> Result<HashMap<String, Vec<String>>, String> {
    let mut truths = HashMap::new();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let Some((photo, shown)) = text.rsplit_once(':') else {
            return Err(format!(
                "line {line}, {text:?}: it has to be a photo's name, a colon, and the classes it shows"
            ));
        };
        let shown = shown.split(',').map(str::trim).filter(|class| !class.is_empty());
        let shown: Vec<String> = shown.map(str::to_owned).collect();
        if let Some(unknown) = shown.iter().find(|class| !known.contains(class)) {
            return Err(format!(
                "line {line}: the model does not know the class {unknown:?}; it knows {}",
                known.join(", ")
            ));
        }
        if truths.insert(photo.trim().to_owned(), shown).is_some() {
            return Err(format!("line {line}: there is a line for {} already", photo.trim()));
        }
    }
    Ok(truths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<String> {
        ["cat", "dog"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_line_says_what_a_photo_shows() {
        let truths = truths("a.png: cat\n\n b 2.jpg :dog , cat\nc:d.png:\n", &known()).unwrap();
        assert_eq!(truths["a.png"], ["cat"]);
        assert_eq!(truths["b 2.jpg"], ["dog", "cat"]);
        assert!(truths["c:d.png"].is_empty());
        assert_eq!(truths.len(), 3);
    }

    #[test]
    fn lines_that_say_nothing_are_named() {
        let message = |text: &str| truths(text, &known()).unwrap_err();
        assert!(message("a.png: cat\nb.png dog").starts_with("line 2, \"b.png dog\""));
        assert!(message("a.png: cow").contains("\"cow\"; it knows cat, dog"));
        assert!(message("a.png: cat\na.png:").contains("line 2: there is a line for a.png already"));
    }

    #[test]
    fn a_photo_has_an_answer_for_each_class_that_is_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("truth.txt");
        fs::write(&file, "a.png: cat\nb.png: dog").unwrap();
        let photos = |names: &[&str], truth| {
            let paths: Vec<PathBuf> = names.iter().map(|name| Path::new("photos").join(name)).collect();
            of_files(&paths, truth, &["dog".to_owned()], &known())
        };
        let shows = |photos: Vec<Photo>| photos.into_iter().flat_map(|photo| photo.shows).collect::<Vec<_>>();
        assert_eq!(shows(photos(&["a.png", "b.png"], Some(&file)).unwrap()), [Some(false), Some(true)]);
        assert_eq!(shows(photos(&["a.png", "c.png"], None).unwrap()), [None, None]);
        let error = photos(&["c.png"], Some(&file)).unwrap_err().to_string();
        assert_eq!(error, "no line of the truth is for c.png");
    }
}
