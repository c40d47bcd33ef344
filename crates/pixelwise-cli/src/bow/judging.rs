//! How well a model finds the photographs of a list that show its classes.

use bow_classifier::{BowClassifier, Cache, Truth};
use evaluation::{PrecisionRecallCurve, area_under_roc};
use ndarray::Array2;

use super::Labelled;
use super::stages::Stages;
use crate::failure::Failure;

/// A model's scores of photos, and what they are worth.
pub struct Judged {
    /// Which of the photos have scores, ascending.
    pub kept: Vec<usize>,
    /// `f` for each of them, and each class.
    pub scores: Array2<f64>,
    /// One for each class that a photo shows; at least one.
    pub found: Vec<Found>,
}

/// How well one class is found.
pub struct Found {
    pub class: String,
    /// How many photos show it.
    pub shown: usize,
    pub curve: PrecisionRecallCurve,
    pub area_under_roc: Option<f64>,
}

/// Scores the photos of a list, which is for the classifier's classes; takes note of photos that can't be described,
/// and of classes that none shows.
pub fn judge(
    classifier: &BowClassifier,
    labelled: &mut Labelled,
    cache: &Cache,
    stages: &Stages,
) -> Result<Judged, Failure> {
    let vectors = classifier.vocabulary().vectors(&labelled.paths()[..], Some(cache), stages)?;
    labelled.note_all(&vectors);
    Judged::of(labelled, vectors.kept, classifier.scores_of_vectors(vectors.values.view())?)
}

impl Judged {
    /// What scores are worth.
    ///
    /// * `kept` — which of the photos have scores
    /// * `scores` — of these, for each class of the list
    pub fn of(labelled: &Labelled, kept: Vec<usize>, scores: Array2<f64>) -> Result<Self, Failure> {
        let mut found = Vec::new();
        for (position, class) in labelled.classes.iter().enumerate() {
            let truths = labelled.truths(position);
            let of = |wanted: Truth| -> Vec<f64> {
                let pairs = scores.column(position).into_iter().zip(&kept);
                pairs.filter(|(_, photo)| truths[**photo] == wanted).map(|(&score, _)| score).collect()
            };
            let (shown, others) = (of(Truth::Shown), of(Truth::NotShown));
            if let Some(curve) = PrecisionRecallCurve::new(&shown, &others)? {
                let area_under_roc = area_under_roc(&shown, &others)?;
                found.push(Found { class: class.clone(), shown: shown.len(), curve, area_under_roc });
            }
        }
        if found.is_empty() {
            return Err(format!("no photo of the list {} shows a class of the model", labelled.split).into());
        }
        Ok(Self { kept, scores, found })
    }

    /// Over all classes that are shown.
    pub fn mean_average_precision(&self) -> f64 {
        self.found.iter().map(|found| found.curve.average_precision()).sum::<f64>() / self.found.len() as f64
    }
}
