//! What goes through the network together: one file for each of its inputs.

use std::collections::BTreeMap;

use model_files::InputDeclaration;

use crate::failure::Failure;
use crate::inputs::{NamedFile, Source, one_file_each};
use crate::preprocess::{Chosen, PreprocessOptions};

/// The files of each forward pass, in the order of the network's inputs.
pub fn questions(texts: &[String], inputs: &[InputDeclaration]) -> Result<Vec<Vec<Source>>, Failure> {
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let files = texts.iter().map(|text| NamedFile::parse(text, "input", &names)).collect::<Result<Vec<_>, _>>()?;
    let sources = files.iter().map(|file| Source::all(&file.path)).collect::<Result<Vec<_>, _>>()?;
    if names.len() == 1 {
        return Ok(sources.into_iter().flatten().map(|source| vec![source]).collect());
    }
    let mut question = vec![None; names.len()];
    for (place, (file, sources)) in files.iter().zip(sources).enumerate() {
        // Files without a name stand for the inputs in their order.
        let input = file.name.as_deref().map_or(Some(place), |name| names.iter().position(|known| *known == name));
        match (input.and_then(|input| question.get_mut(input)), sources.as_slice()) {
            (Some(slot @ None), [source]) => *slot = Some(source.clone()),
            (_, [_, _, ..]) => {
                return Err(
                    format!("{} is a folder; each of several inputs takes one file", file.path.display()).into()
                );
            }
            _ => return Err(one_file_each(&names)),
        }
    }
    question.into_iter().collect::<Option<Vec<_>>>().map(|question| vec![question]).ok_or_else(|| one_file_each(&names))
}

/// How the images of each input are prepared; `None` where none is given.
pub fn preparations(
    questions: &[Vec<Source>],
    inputs: &[InputDeclaration],
    metadata: &BTreeMap<String, String>,
    options: &PreprocessOptions,
) -> Result<Vec<Option<Chosen>>, Failure> {
    let preparation = |(place, input): (usize, &InputDeclaration)| {
        let takes_image = questions.iter().any(|question| matches!(question[place], Source::Image(_)));
        takes_image.then(|| options.for_input(input, metadata)).transpose()
    };
    inputs.iter().enumerate().map(preparation).collect()
}

/// How a forward pass is called.
pub fn name(sources: &[Source]) -> String {
    sources.iter().map(|source| source.path().display().to_string()).collect::<Vec<_>>().join(", ")
}
