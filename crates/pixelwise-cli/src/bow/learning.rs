//! What a list of photographs teaches, up to the vectors that classes are learned from.

use bow_classifier::{Cache, Configuration, Truth, Vectors, Vocabulary};
use datasets::voc::Folder;

use super::Labelled;
use super::stages::Stages;
use crate::failure::Failure;

/// A vocabulary, and the photos that it was learned from, described by it.
pub struct Described {
    pub vocabulary: Vocabulary,
    pub vectors: Vectors,
    /// The name of each class, and whether each photo that is described shows it.
    pub classes: Vec<(String, Vec<Truth>)>,
}

/// The photos of a list, for classes that something can be learned of: those that are asked for, or all that the
/// folder has.
pub fn learnable(folder: &Folder, split: &str, asked: &[String]) -> Result<Labelled, Failure> {
    let classes = if asked.is_empty() { folder.classes(split)? } else { asked.to_vec() };
    let labelled = Labelled::of(folder, split, &classes)?;
    for (position, class) in classes.iter().enumerate() {
        let truths = labelled.truths(position);
        if let Some(missing) = [Truth::Shown, Truth::NotShown].into_iter().find(|truth| !truths.contains(truth)) {
            let does = if missing == Truth::Shown { "shows" } else { "is without" };
            let reason = match labelled.problems.as_slice() {
                [] => String::new(),
                [only] => format!("; {only}"),
                [first, ..] => format!("; {} problems, the first: {first}", labelled.problems.len()),
            };
            return Err(
                format!("no photo of the list {split} {does} {class}: nothing can be learned of it{reason}").into()
            );
        }
    }
    Ok(labelled)
}

/// Learns the vocabulary of a configuration and describes the photos by it; takes note of those that can't be.
pub fn describe(
    configuration: &Configuration,
    labelled: &mut Labelled,
    cache: &Cache,
    stages: &Stages,
) -> Result<Described, Failure> {
    let paths = labelled.paths();
    let (vocabulary, problems) = Vocabulary::learn(configuration, &paths[..], Some(cache), stages)?;
    labelled.note(&problems);
    let vectors = vocabulary.vectors(&paths[..], Some(cache), stages)?;
    labelled.note_all(&vectors);
    let classes = labelled.classes.iter().enumerate();
    let classes = classes.map(|(position, name)| (name.clone(), vectors.of_kept(&labelled.truths(position)))).collect();
    Ok(Described { vocabulary, vectors, classes })
}
