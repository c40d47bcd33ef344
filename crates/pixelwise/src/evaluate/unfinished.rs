//! What is known so far, kept on the disk, so that a run that is stopped can go on.

use std::fs;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evaluation::Evaluation;
use serde::{Deserialize, Serialize};

use super::Arguments;
use crate::failure::{Context, Failure};
use crate::inputs::Source;
use crate::rules::ReadyWay;

/// Between two times that everything is written.
const PATIENCE: Duration = Duration::from_secs(20);

/// The file's name in the folder of the results.
const NAME: &str = "unfinished.cbor";

/// What is in the file.
#[derive(Serialize, Deserialize)]
struct Content {
    /// What was asked: results of another question are no use.
    key: String,
    /// An evaluation for each rule.
    evaluations: Vec<Evaluation>,
}

/// The evaluations of a run.
pub struct Unfinished {
    path: PathBuf,
    content: Content,
    written: Instant,
}

/// All that results depend on.
pub fn key(arguments: &Arguments, sources: &[Source]) -> Result<String, Failure> {
    let mut files = vec![arguments.model.clone()];
    files.extend(sources.iter().map(|source| source.path().to_owned()));
    files.extend([&arguments.masks, &arguments.truth, &arguments.network.labels].into_iter().flatten().cloned());
    let mut key = format!(
        "{} {:?} {:?} {:?} {} {:?} {:?} {:?}",
        env!("CARGO_PKG_VERSION"),
        arguments.measure,
        arguments.rule,
        arguments.samples,
        arguments.target,
        arguments.network.input_range,
        arguments.network.preprocess,
        arguments.network.computation.dtype,
    );
    for path in files {
        let bytes = fs::read(&path).context(format!("can't read {}", path.display()))?;
        key += &format!(" {:08x}", crc32fast::hash(&bytes));
    }
    Ok(key)
}

impl Unfinished {
    /// What an earlier run of the same question left, or a beginning.
    pub fn open(folder: &Path, key: &str, begin: impl Fn() -> Evaluation, ways: &[ReadyWay]) -> Result<Self, Failure> {
        let path = folder.join(NAME);
        let earlier = fs::File::open(&path).ok().and_then(|file| {
            let content: Content = ciborium::from_reader(BufReader::new(file)).ok()?;
            (content.key == key && content.evaluations.len() == ways.len()).then_some(content)
        });
        let begun = || Content { key: key.to_owned(), evaluations: ways.iter().map(|_| begin()).collect() };
        Ok(Self { path, content: earlier.unwrap_or_else(begun), written: Instant::now() })
    }

    /// How many explanations are judged, of all rules.
    pub fn finished(&self) -> usize {
        self.content.evaluations.iter().map(Evaluation::finished).sum()
    }

    /// All evaluations, one for each rule.
    pub fn evaluations(&self) -> &[Evaluation] {
        &self.content.evaluations
    }

    /// What is known of a rule.
    pub fn evaluation(&self, position: usize) -> &Evaluation {
        &self.content.evaluations[position]
    }

    /// Takes note of what is known of a rule, and writes it from time to time.
    pub fn keep(&mut self, position: usize, evaluation: &Evaluation) -> Result<(), Failure> {
        if self.written.elapsed() < PATIENCE {
            return Ok(());
        }
        self.content.evaluations[position].clone_from(evaluation);
        let writing = || format!("can't write {}", self.path.display());
        let mut file = BufWriter::new(whole_file::Unfinished::create(&self.path).context(writing())?);
        ciborium::into_writer(&self.content, &mut file).context(writing())?;
        let file = file.into_inner().map_err(|error| error.into_error()).context(writing())?;
        file.finish().context(writing())?;
        self.written = Instant::now();
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
