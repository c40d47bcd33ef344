//! Lists of photos: one a line.

use std::collections::HashSet;
use std::path::PathBuf;

use super::Presence;
use crate::Error;

pub(super) struct List {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// What a line means, or what would.
pub(super) type Parse<T> = fn(&str) -> Result<T, &'static str>;

/// What names a photo.
pub(super) trait Entry {
    fn id(&self) -> &str;
}

impl Entry for String {
    fn id(&self) -> &str {
        self
    }
}

impl Entry for (String, Presence) {
    fn id(&self) -> &str {
        &self.0
    }
}

impl List {
    /// What its lines say, with their numbers; lines that say nothing, or something again, become problems. Empty lines
    /// are passed over.
    pub(super) fn entries<T: Entry>(
        &self,
        problems: &mut Vec<Error>,
        parse: Parse<T>,
    ) -> impl Iterator<Item = (usize, T)> {
        let mut seen = HashSet::new();
        let mut entries = Vec::new();
        for (line, text) in (1..).zip(self.text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
            let path = || self.path.clone();
            match parse(text) {
                Err(expected) => problems.push(Error::Line { path: path(), line, found: text.to_owned(), expected }),
                Ok(entry) if seen.insert(entry.id().to_owned()) => entries.push((line, entry)),
                Ok(entry) => problems.push(Error::Repeated { path: path(), line, id: entry.id().to_owned() }),
            }
        }
        entries.into_iter()
    }
}

/// The name of a photo, which becomes a file's name and must not lead out of its folder.
pub(super) fn is_name(word: &str) -> bool {
    word != ".." && !word.contains(['/', '\\', '\0'])
}

/// Some lists name files.
fn without_extension(id: &str) -> String {
    match id.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() && images::is_image_name(id) => stem.to_owned(),
        _ => id.to_owned(),
    }
}

/// A line of a split: the name of a photo.
pub(super) fn id(line: &str) -> Result<String, &'static str> {
    let mut words = line.split_whitespace();
    match (words.next(), words.next()) {
        (Some(id), None) if is_name(id) => Ok(without_extension(id)),
        _ => Err("it has to be the name of a photo"),
    }
}

/// A line of a class: the name of a photo and 1, −1 or 0.
pub(super) fn label(line: &str) -> Result<(String, Presence), &'static str> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let expected = "it has to be the name of a photo, and 1 (shows the class), -1 (does not) or 0 (hard to tell)";
    match words[..] {
        [id, label] if is_name(id) => {
            let presence = match label {
                "1" | "+1" => Presence::Present,
                "-1" => Presence::Absent,
                "0" => Presence::Difficult,
                _ => return Err(expected),
            };
            Ok((without_extension(id), presence))
        }
        _ => Err(expected),
    }
}
