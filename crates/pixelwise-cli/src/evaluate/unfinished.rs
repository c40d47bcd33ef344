//! What is known so far, kept on the disk, so that a run that is stopped can go on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evaluation::Evaluation;
use serde::{Deserialize, Serialize};

use super::Arguments;
use super::maps::Maps;
use super::subject::Subject;
use crate::failure::{Context, Failure};
use crate::inputs::Source;

/// Between two times that everything is written.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writing takes no more than one part of so many of the time.
const SHARE: u32 = 50;

/// The file's name in the folder of the results.
const NAME: &str = "unfinished.cbor";

/// What is in the file.
#[derive(Serialize, Deserialize)]
struct Content {
    /// What was asked: results of another question are no use.
    key: String,
    /// An evaluation for each way to explain.
    evaluations: Vec<Evaluation>,
}

/// The evaluations of a run.
pub struct Unfinished {
    path: PathBuf,
    content: Content,
    written: Instant,
    /// How long writing took.
    writing: Duration,
}

/// All that results depend on. Weights and rules may lie in files that the command line does not name: the explanations
/// of the first sample stand for them.
pub fn key(arguments: &Arguments, sources: &[Source], subject: &Subject, maps: &Maps) -> Result<String, Failure> {
    let mut files = vec![arguments.model.clone()];
    files.extend(sources.iter().map(|source| source.path().to_owned()));
    files
        .extend([&arguments.masks, &arguments.truth, &arguments.network.classes.labels].into_iter().flatten().cloned());
    let mut key = format!(
        "{} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        env!("CARGO_PKG_VERSION"),
        arguments.measure,
        arguments.rule,
        arguments.samples,
        arguments.target,
        arguments.network.classes.class_axis,
        arguments.network.input_range,
        arguments.network.preprocess,
        arguments.network.computation.dtype,
    );
    for path in files {
        let bytes = fs::read(&path).context(format!("can't read {}", path.display()))?;
        key += &format!(" {:08x}", crc32fast::hash(&bytes));
    }
    for (explained, checksum) in subject.explained.iter().zip(&maps.checksums) {
        key += &format!(" {} {checksum:08x}", explained.way);
    }
    Ok(key)
}

impl Unfinished {
    /// What an earlier run of the same question left, or a beginning.
    pub fn open(folder: &Path, key: String, begun: Vec<Evaluation>) -> Self {
        let path = folder.join(NAME);
        let earlier = fs::read(&path).ok().and_then(|bytes| {
            let content: Content = ciborium::from_reader(whole_file::unsealed(&bytes)?).ok()?;
            (content.key == key && content.evaluations.len() == begun.len()).then_some(content)
        });
        let begun = || Content { key, evaluations: begun };
        Self { path, content: earlier.unwrap_or_else(begun), written: Instant::now(), writing: Duration::ZERO }
    }

    /// How many passes are done, in all ways.
    pub fn passes(&self) -> usize {
        self.content.evaluations.iter().map(Evaluation::passes).sum()
    }

    /// All evaluations, with what is known of one by now.
    pub fn with(&self, position: usize, evaluation: &Evaluation) -> Vec<Evaluation> {
        let mut evaluations = self.content.evaluations.clone();
        evaluations[position].clone_from(evaluation);
        evaluations
    }

    /// All evaluations, one for each way.
    pub fn evaluations(&self) -> &[Evaluation] {
        &self.content.evaluations
    }

    /// What is known of a way.
    pub fn evaluation(&self, position: usize) -> &Evaluation {
        &self.content.evaluations[position]
    }

    /// Takes note of what is known of a way, and writes it from time to time.
    pub fn keep(&mut self, position: usize, evaluation: &Evaluation) -> Result<(), Failure> {
        if self.written.elapsed() < PATIENCE.max(SHARE * self.writing) {
            return Ok(());
        }
        self.content.evaluations[position].clone_from(evaluation);
        self.write()
    }

    fn write(&mut self) -> Result<(), Failure> {
        let start = Instant::now();
        let writing = || format!("can't write {}", self.path.display());
        let mut bytes = Vec::new();
        ciborium::into_writer(&self.content, &mut bytes).context(writing())?;
        whole_file::write_sealed(&self.path, bytes).context(writing())?;
        self.written = Instant::now();
        self.writing = start.elapsed();
        Ok(())
    }

    /// Takes over a finished evaluation.
    pub fn finish(&mut self, position: usize, evaluation: Evaluation) {
        self.content.evaluations[position] = evaluation;
    }

    /// The results are written: nothing is left to go on with.
    pub fn remove(&self) -> Result<(), Failure> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context(format!("can't remove {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use evaluation::measures;

    use super::*;

    #[test]
    fn what_was_written_is_gone_on_with_for_the_same_question_alone() {
        let folder = tempfile::tempdir().unwrap();
        let begun = |samples| vec![Evaluation::new(&measures::all(), samples)];
        let mut unfinished = Unfinished::open(folder.path(), "a question".to_owned(), begun(5));
        assert_eq!(unfinished.evaluations(), begun(5));
        unfinished.write().unwrap();
        // The number of samples tells an evaluation that was written from one that begins.
        let again = |question: &str| Unfinished::open(folder.path(), question.to_owned(), begun(7));
        assert_eq!(again("a question").evaluations(), begun(5));
        assert_eq!(again("another question").evaluations(), begun(7));
        let whole = fs::read(folder.path().join(NAME)).unwrap();
        fs::write(folder.path().join(NAME), &whole[..whole.len() / 2]).unwrap();
        assert_eq!(again("a question").evaluations(), begun(7));
        let mut damaged = whole;
        damaged[20] ^= 1;
        fs::write(folder.path().join(NAME), &damaged).unwrap();
        assert_eq!(again("a question").evaluations(), begun(7));
        unfinished.remove().unwrap();
        unfinished.remove().unwrap();
        assert_eq!(again("a question").evaluations(), begun(7));
    }
}
