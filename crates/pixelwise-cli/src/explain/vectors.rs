//! Vectors, explained by a support vector machine from a LIBSVM model file.

use std::fs;
use std::path::{Path, PathBuf};

use bow_classifier::convert::{LibsvmDecision, LibsvmVectors, decisions_from_libsvm};
use heatmap::{BarChart, ContactSheet, Tile, encode_png};
use kernels::{KernelExpansion, ZeroQuotient, root_relevance, sum_relevance};
use ndarray::Axis;
use ndarray::{Array1, Array2, ArrayView1, Ix2, concatenate};
use rayon::prelude::*;
use relevance::{Candidates, Ledger, RootSearch};
use serde::Serialize;
use serde_json::json;

use crate::explain::files::{Folder, file_name};
use crate::failure::{Context, Failure, chain};
use crate::inputs::{array, content, stem};
use crate::messages;
use crate::output::{number, print, print_json};

/// What a LIBSVM model file begins with.
const BEGINNING: &[u8] = b"svm_type";

/// Charts show at most so many dimensions: the strongest.
const MOST_BARS: usize = 24;
/// Pixels for each bar and its label.
const BAR_WIDTH: u32 = 44;
/// Charts are as wide at least, for their title.
const LEAST_WIDTH: u32 = 420;

/// Whether a file is a LIBSVM model.
pub fn is_machine(model: &Path) -> Result<bool, Failure> {
    Ok(content::start(model, BEGINNING.len())? == BEGINNING)
}

/// What is explained, and where it goes.
pub struct Run<'a> {
    /// The LIBSVM model.
    pub model: &'a Path,
    /// The vectors: an array, or LIBSVM's own format.
    pub vectors: &'a Path,
    /// The folder where files go.
    pub output: &'a Path,
    /// Whether a JSON document is printed.
    pub json: bool,
}

/// The relevance of one vector's dimensions, for one decision.
#[derive(Serialize)]
struct Explained {
    /// What its files are called.
    name: String,
    vector: usize,
    decision: String,
    score: f64,
    ledger: Ledger,
    #[serde(skip)]
    relevance: Array1<f64>,
}

/// Explains all vectors, one after another on each thread.
pub fn explain(run: &Run<'_>) -> Result<(), Failure> {
    let model = fs::read_to_string(run.model).context(format!("can't read {}", run.model.display()))?;
    let vectors = read(run.vectors, &model)?;
    let in_file = LibsvmVectors::InFile { dimensions: vectors.ncols() };
    let decisions = decisions_from_libsvm(model.as_bytes(), in_file).context(run.model.display())?;
    let explainers = decisions.iter().map(|(decision, expansion)| Explainer::new(*decision, expansion, &vectors));
    let explainers = explainers.collect::<Result<Vec<_>, Failure>>()?;
    let folder = Folder::create(run.output)?;
    let stem = file_name(&stem(run.vectors));
    let tasks: Vec<(usize, &Explainer<'_>)> =
        (0..vectors.nrows()).flat_map(|row| explainers.iter().map(move |explainer| (row, explainer))).collect();
    let explained: Vec<_> = tasks
        .par_iter()
        .map(|&(row, explainer)| {
            let vector = vectors.row(row);
            let explained = explainer.explain(row, vector, &stem)?;
            write(&explained, vector, &folder)?;
            Ok::<_, Failure>(explained)
        })
        .collect();
    let (mut whole, mut failures) = (Vec::new(), Vec::new());
    for ((row, explainer), explained) in tasks.iter().zip(explained) {
        match explained {
            Ok(explained) => whole.push(explained),
            Err(failure) => {
                let failure = chain(failure.as_ref());
                failures.push(format!("vector {row}, {}: {failure}", explainer.decision));
            }
        }
    }
    failures.iter().for_each(messages::error);
    if run.json {
        let output = run.output.display().to_string();
        print_json(&json!({ "model": run.model, "explanations": whole, "failed": failures, "output": output }))?;
    } else if !messages::are_quiet() {
        whole.iter().try_for_each(|explained| print(&explained.text()))?;
        print(&format!("files: {}\n", folder.path.display()))?;
    }
    match failures.len() {
        0 => Ok(()),
        failed => Err(format!("{failed} of {} scores could not be explained", tasks.len()).into()),
    }
}

/// Why a score is not explained, with what to do.
fn no_root(error: kernels::Error, decision: LibsvmDecision) -> Failure {
    match error {
        kernels::Error::Relevance(relevance::Error::NoCandidate { value, candidates }) => format!(
            "its score {value} is explained from a point where the score of {decision} is 0, towards a vector on the other \
             side; none of the {candidates} support vectors and vectors of the file lies there: add one that does"
        )
        .into(),
        error => error.into(),
    }
}

/// What explains one decision.
struct Explainer<'a> {
    decision: LibsvmDecision,
    expansion: &'a KernelExpansion,
    /// Where roots are searched, for kernels that are no sums over dimensions.
    candidates: Option<Candidates>,
}

impl<'a> Explainer<'a> {
    fn new(decision: LibsvmDecision, expansion: &'a KernelExpansion, vectors: &Array2<f64>) -> Result<Self, Failure> {
        let candidates = || {
            let points = concatenate(Axis(0), &[expansion.support().view(), vectors.view()])?;
            let values = expansion.values(points.view())?;
            Ok::<_, Failure>(Candidates::with_values(points, values)?)
        };
        let candidates = if expansion.is_sum_decomposable() { None } else { Some(candidates()?) };
        Ok(Self { decision, expansion, candidates })
    }

    /// The third layer of Algorithm 1: Eq. 24 where the kernel is a sum over dimensions, else Eq. 25 about a root that lies
    /// towards a support vector or another vector.
    fn explain(&self, vector: usize, x: ArrayView1<'_, f64>, stem: &str) -> Result<Explained, Failure> {
        let (relevance, entry) = match &self.candidates {
            None => sum_relevance(self.expansion, x)?,
            Some(candidates) => {
                let function = self.expansion.differentiable(ZeroQuotient::default())?;
                let found = root_relevance(&function, x, candidates, &RootSearch::default());
                let (found, entry) = found.map_err(|error| no_root(error, self.decision))?;
                (found.relevance, entry)
            }
        };
        let decision = self.decision.to_string();
        Ok(Explained {
            name: format!("{stem}-{vector}.{}", file_name(&decision)),
            vector,
            score: self.expansion.value(x)?,
            decision,
            ledger: Ledger::chain(vec![entry]),
            relevance,
        })
    }
}

impl Explained {
    /// The dimensions by their strength, the strongest first.
    fn ranked(&self) -> Vec<usize> {
        let mut ranked: Vec<usize> = (0..self.relevance.len()).collect();
        ranked.sort_by(|&left, &right| self.relevance[right].abs().total_cmp(&self.relevance[left].abs()));
        ranked
    }

    fn text(&self) -> String {
        let strongest =
            self.ranked().into_iter().take(5).map(|at| format!("{}: {}", at + 1, number(self.relevance[at])));
        let strongest = strongest.collect::<Vec<_>>().join(", ");
        let (name, decision, score) = (&self.name, &self.decision, number(self.score));
        format!("{name}  {decision}, score {score}\n  strongest dimensions  {strongest}\n{}\n", self.ledger)
    }
}

/// Writes the relevance as a table and as bars, and the record.
fn write(explained: &Explained, vector: ArrayView1<'_, f64>, folder: &Folder) -> Result<(), Failure> {
    let file = |ending: &str| PathBuf::from(format!("{}.{ending}", explained.name));
    let rows = vector.iter().zip(&explained.relevance).enumerate();
    let rows = rows.map(|(at, (value, relevance))| format!("{},{value},{relevance}\n", at + 1));
    let table = format!("dimension,value,relevance\n{}", rows.collect::<String>());
    folder.write(&file("relevance.csv"), table.as_bytes())?;
    let mut shown: Vec<usize> = explained.ranked().into_iter().take(MOST_BARS).collect();
    shown.sort_unstable();
    let bars = BarChart {
        width: (BAR_WIDTH * shown.len() as u32).max(LEAST_WIDTH),
        height: 160,
        ..BarChart::new(shown.iter().map(|&at| explained.relevance[at]), shown.iter().map(|at| (at + 1).to_string()))
    };
    let strongest = if shown.len() < vector.len() { format!(", the strongest {}", shown.len()) } else { String::new() };
    let caption = format!("relevance of dimensions{strongest}; score {}", number(explained.score));
    let tile = Tile { picture: bars.draw()?, caption, color_bar: None };
    let sheet = ContactSheet::new().title(&explained.decision).row([tile]);
    folder.write(&file("bars.png"), &encode_png(&sheet.draw()?)?)?;
    let mut record = serde_json::to_vec_pretty(explained)?;
    record.push(b'\n');
    folder.write(&file("json"), &record)
}

/// The vectors of a file: an array, or lines of `LABEL INDEX:VALUE …` as LIBSVM's tools take them.
fn read(path: &Path, model: &str) -> Result<Array2<f64>, Failure> {
    let bytes = content::bytes(path)?;
    let vectors = match std::str::from_utf8(&bytes) {
        Ok(text) => sparse(text, model).map_err(|reason| format!("{}, {reason}", path.display()))?,
        Err(_) => {
            let array = array::read::<f64>(path)?;
            let shape = array.shape().to_vec();
            array.into_dimensionality::<Ix2>().map_err(|_| {
                format!("{} has shape {shape:?}; vectors are its rows, so that it should have two axes", path.display())
            })?
        }
    };
    if vectors.is_empty() { Err(format!("{} holds no vectors", path.display()).into()) } else { Ok(vectors) }
}

/// No vector of LIBSVM's format has more dimensions: its zeros are left out there, and not here.
const MOST_DIMENSIONS: usize = 1 << 20;

/// Vectors of as many dimensions as they or the support vectors have.
fn sparse(text: &str, model: &str) -> Result<Array2<f64>, String> {
    let mut rows = Vec::new();
    for (line, words) in text.lines().enumerate().filter(|(_, words)| !words.trim().is_empty()) {
        // A label may stand first.
        let pairs = words.split_whitespace().enumerate().filter(|(at, word)| *at > 0 || word.contains(':'));
        let pair = |(_, word): (usize, &str)| {
            let (index, value) = word.split_once(':')?;
            let index = index.parse().ok().filter(|index| (1..=MOST_DIMENSIONS).contains(index))?;
            Some((index, value.parse::<f64>().ok().filter(|value| value.is_finite())?))
        };
        let row: Option<Vec<(usize, f64)>> = pairs.map(pair).collect();
        rows.push(
            row.ok_or_else(|| format!("line {}: it should be LABEL INDEX:VALUE …, with indices from 1", line + 1))?,
        );
    }
    let support = model.split_once("\nSV").map_or("", |(_, support)| support).split_whitespace();
    let in_model =
        support.filter_map(|word| word.split_once(':')?.0.parse().ok().filter(|&index| index <= MOST_DIMENSIONS));
    let dimensions = rows.iter().flatten().map(|(index, _)| *index).chain(in_model).max().unwrap_or(0);
    let mut vectors = Array2::zeros((rows.len(), dimensions));
    for (mut vector, row) in vectors.outer_iter_mut().zip(rows) {
        row.into_iter().for_each(|(index, value)| vector[index - 1] = value);
    }
    Ok(vectors)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn sparse_vectors_have_the_dimensions_of_the_machine() {
        let model = "svm_type c_svc\nlabel 1 -1\nSV\n0.5 1:1 4:2\n";
        let vectors = sparse("+1 1:0.5 3:2\n\n2:-1\n-1\n", model).unwrap();
        assert_eq!(vectors, array![[0.5, 0.0, 2.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]);
        for wrong in ["1 0:1", "1 2", "1 2:x", "1 99999999:1"] {
            assert!(sparse(wrong, model).unwrap_err().starts_with("line 1:"), "{wrong}");
        }
    }
}
