//! Support vector machines for any number of classes over the same vectors.

use bow_classifier::training::{
    CostSelection, CrossValidation, DualSolution, KernelWeights, MklSolution, TrainingError, train_kernel_weights,
};
use bow_classifier::{Observer, Stage};
use kernels::{Kernel, symmetric_gram};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::classifier::{Class, Learned, Machines};
use crate::{Configuration, Error, PhotoClassifier, Vocabulary};

/// Whether a photo shows a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Truth {
    /// It does.
    Shown,
    /// It does not.
    NotShown,
    /// That is hard to tell: the photo is not learned from.
    Difficult,
}

/// The kernels of all channels, on all pairs of photos.
pub(crate) struct Grams {
    pub(crate) kernels: Vec<Kernel>,
    grams: Vec<Array2<f64>>,
}

impl Grams {
    fn new(vocabulary: &Vocabulary, vectors: ArrayView2<'_, f64>, observer: &dyn Observer) -> Result<Self, Error> {
        observer.begin(Stage::Kernels, vocabulary.channels.len());
        let (mut kernels, mut grams) = (Vec::new(), Vec::new());
        let mut rest = vectors;
        for channel in &vocabulary.channels {
            let (part, others) = rest.split_at(Axis(1), channel.dimensions());
            rest = others;
            let kernel = channel.settings.kernel.fit(part)?;
            grams.push(symmetric_gram(&kernel, part)?);
            kernels.push(kernel);
            observer.step();
        }
        Ok(Self { kernels, grams })
    }

    /// Those of the photos that are not difficult, whether each shows the class, and which they are.
    fn of_class(&self, truths: &[Truth]) -> (Vec<Array2<f64>>, Vec<bool>, Vec<usize>) {
        let plain: Vec<usize> = (0..truths.len()).filter(|&photo| truths[photo] != Truth::Difficult).collect();
        let grams = if plain.len() == truths.len() {
            self.grams.clone()
        } else {
            self.grams.iter().map(|gram| gram.select(Axis(0), &plain).select(Axis(1), &plain)).collect()
        };
        let shown = plain.iter().map(|&photo| truths[photo] == Truth::Shown).collect();
        (grams, shown, plain)
    }
}

impl PhotoClassifier {
    /// Learns to tell which photos show each of some classes: one support vector machine for each, over the same
    /// vectors and Gram matrices.
    ///
    /// * `vectors` — of the photos, (N, V)
    /// * `classes` — the name of each, and whether each photo shows it, N
    ///
    /// # Errors
    /// [`Error::Labels`] for not one truth for each photo; [`Error::Learning`] for a class that all photos show, or none;
    /// [`Error::Classifier`] for vectors that the kernels do not take.
    pub fn train(
        configuration: &Configuration,
        vocabulary: Vocabulary,
        vectors: &Array2<f64>,
        classes: &[(String, Vec<Truth>)],
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        check_truths(classes, vectors.nrows())?;
        let grams = Grams::new(&vocabulary, vectors.view(), observer)?;
        observer.begin(Stage::Machine, classes.len());
        let weights = configuration.kernel_weights();
        let trained = classes.iter().map(|(name, truths)| {
            let (grams, shown, plain) = grams.of_class(truths);
            let MklSolution { weights, dual, .. } =
                train_kernel_weights(&grams, &shown, &weights, &configuration.svm()).map_err(of_class(name))?;
            let DualSolution { coefficients: of_plain, bias, .. } = dual;
            let mut coefficients = Array1::zeros(vectors.nrows());
            for (photo, coefficient) in plain.into_iter().zip(of_plain) {
                coefficients[photo] = coefficient;
            }
            observer.step();
            Ok(Class { name: name.clone(), weights, coefficients, bias })
        });
        let trained = trained.collect::<Result<Vec<Class>, Error>>()?;
        let configuration = configuration.clone();
        let learned = Learned { configuration, kernels: grams.kernels, points: vectors.to_shared(), classes: trained };
        Self::new(vocabulary, Machines::Learned(Box::new(learned)))
    }
}

/// Compares costs by cross-validation: one for all classes, by the means over them ([`CostSelection::mean`]). A class of
/// few photos could not tell by itself which cost is the better one.
///
/// * `vectors` — of the photos, (N, V)
/// * `classes` — the name of each, and whether each photo shows it, N
///
/// # Errors
/// As for [`PhotoClassifier::train`]; [`Error::Learning`] also for what [`CrossValidation::compare_costs_of_kernels`]
/// refuses, such as a class of fewer photos than there are folds.
pub fn compare_costs(
    configuration: &Configuration,
    vocabulary: &Vocabulary,
    vectors: &Array2<f64>,
    classes: &[(String, Vec<Truth>)],
    costs: &[f64],
    validation: &CrossValidation,
) -> Result<CostSelection, Error> {
    check_truths(classes, vectors.nrows())?;
    let grams = Grams::new(vocabulary, vectors.view(), &())?;
    let weights: KernelWeights = configuration.kernel_weights();
    let selections = classes.iter().map(|(name, truths)| {
        let (grams, shown, _) = grams.of_class(truths);
        let grams: Vec<_> = grams.iter().map(Array2::view).collect();
        let selection = validation.compare_costs_of_kernels(&configuration.svm(), &weights, costs, &grams, &shown);
        selection.map_err(of_class(name))
    });
    Ok(CostSelection::mean(&selections.collect::<Result<Vec<_>, Error>>()?)?)
}

/// Says of which class it is that something went wrong.
fn of_class(name: &str) -> impl Fn(TrainingError) -> Error {
    move |reason| Error::Learning { class: name.to_owned(), reason }
}

fn check_truths(classes: &[(String, Vec<Truth>)], photos: usize) -> Result<(), Error> {
    match classes.iter().find(|(_, truths)| truths.len() != photos) {
        Some((class, truths)) => Err(Error::Labels { class: class.clone(), found: truths.len(), photos }),
        None => Ok(()),
    }
}
