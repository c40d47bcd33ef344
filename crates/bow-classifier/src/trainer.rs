//! Learning a classifier: one support vector machine for each class, over the same vectors.

use kernels::Kernel;
use ndarray::{Array1, Array2};

use crate::classifier::{Class, Learned, Machines};
use crate::configuration::Configuration;
use crate::training::{
    CostSelection, CrossValidation, DualSolution, EvaluatedKernel, KernelChannel, MklSolution, TrainingError,
    check_both_classes, evaluate_kernels, train_kernel_weights,
};
use crate::{BowClassifier, Error, Images, Vocabulary};

/// Whether an image shows a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Truth {
    /// It does.
    Shown,
    /// It does not.
    NotShown,
    /// That is hard to tell: the image is not learned from.
    Difficult,
}

impl From<bool> for Truth {
    fn from(is_shown: bool) -> Self {
        if is_shown { Self::Shown } else { Self::NotShown }
    }
}

/// The stages of learning, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Local features of images; one step for each image.
    Features,
    /// Codebooks; one step for each channel.
    Codebooks,
    /// Vectors of all images; one step for each image.
    Vectors,
    /// Gram matrices; one step for each channel.
    Kernels,
    /// Costs, compared by cross-validation; one step for each class.
    Costs,
    /// Kernel weights and support vector machines; one step for each class.
    Machine,
}

/// Is told how far learning has come.
pub trait Observer: Sync {
    /// A stage begins, of so many steps.
    fn begin(&self, _stage: Stage, _steps: usize) {}
    /// One step of the present stage is done. Comes from several threads.
    fn step(&self) {}
}

/// Observes nothing.
impl Observer for () {}

/// The kernels of all channels, on all pairs of images.
struct Grams<'a>(Vec<EvaluatedKernel<'a>>);

/// What of them a class is learned from.
struct OfClass {
    grams: Vec<Array2<f64>>,
    shown: Vec<bool>,
    /// The images that are not difficult.
    plain: Vec<usize>,
}

impl<'a> Grams<'a> {
    fn new(
        configuration: &Configuration,
        vocabulary: &Vocabulary,
        vectors: &'a Array2<f64>,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let channels = configuration.channels.iter().zip(vocabulary.channels());
        let channels: Vec<KernelChannel> =
            channels.map(|(settings, channel)| KernelChannel::new(settings.kernel, channel.dimensions())).collect();
        observer.begin(Stage::Kernels, channels.len());
        Ok(Self(evaluate_kernels(&channels, vectors.view(), || observer.step())?))
    }

    fn kernels(&self) -> Vec<Kernel> {
        self.0.iter().map(EvaluatedKernel::kernel).collect()
    }

    fn of_class(&self, truths: &[Truth]) -> OfClass {
        let plain: Vec<usize> = (0..truths.len()).filter(|&image| truths[image] != Truth::Difficult).collect();
        let grams = self.0.iter().map(|kernel| kernel.gram_of(&plain)).collect();
        let shown = plain.iter().map(|&image| truths[image] == Truth::Shown).collect();
        OfClass { grams, shown, plain }
    }
}

impl BowClassifier {
    /// Learns to tell which images show each of some classes: vocabulary, vectors, and machines. Every image has to be one
    /// that can be described; where some may be broken, [`Vocabulary::learn`], [`Vocabulary::vectors`] and
    /// [`train`](Self::train) say which are left out.
    ///
    /// * `classes` — the name of each, and whether each image shows it, N
    ///
    /// # Errors
    /// An image that can't be described, and as for the three.
    pub fn learn<I: Images + ?Sized>(
        configuration: &Configuration,
        images: &I,
        classes: &[(String, Vec<Truth>)],
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        check_truths(classes, images.count())?;
        for (name, truths) in classes {
            let plain = truths.iter().filter(|&&truth| truth != Truth::Difficult);
            let shown: Vec<bool> = plain.map(|&truth| truth == Truth::Shown).collect();
            check_both_classes(&shown).map_err(of_class(name))?;
        }
        let whole = |problems: Vec<crate::Problem>| match problems.into_iter().next() {
            Some(problem) => Err(problem.reason),
            None => Ok(()),
        };
        let (vocabulary, problems) = Vocabulary::learn(configuration, images, None, observer)?;
        whole(problems)?;
        let vectors = vocabulary.vectors(images, None, observer)?;
        whole(vectors.problems)?;
        Self::train(configuration, vocabulary, &vectors.values, classes, observer)
    }

    /// Learns to tell which images show each of some classes: one support vector machine for each, over the same
    /// vectors and Gram matrices.
    ///
    /// * `vectors` — of the images, (N, V)
    /// * `classes` — the name of each, and whether each image shows it, N
    ///
    /// # Errors
    /// [`Error::Labels`] for not one truth for each image; [`Error::ClassTraining`] for a class that
    /// all images show, or none; [`Error::Kernels`] for vectors that the kernels do not take.
    pub fn train(
        configuration: &Configuration,
        vocabulary: Vocabulary,
        vectors: &Array2<f64>,
        classes: &[(String, Vec<Truth>)],
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        check_truths(classes, vectors.nrows())?;
        let grams = Grams::new(configuration, &vocabulary, vectors, observer)?;
        observer.begin(Stage::Machine, classes.len());
        let weights = configuration.kernel_weights();
        let trained = classes.iter().map(|(name, truths)| {
            let OfClass { grams, shown, plain } = grams.of_class(truths);
            let MklSolution { weights, dual, .. } =
                train_kernel_weights(&grams, &shown, &weights, &configuration.svm()).map_err(of_class(name))?;
            let DualSolution { coefficients: of_plain, bias, .. } = dual;
            let mut coefficients = Array1::zeros(vectors.nrows());
            for (image, coefficient) in plain.into_iter().zip(of_plain) {
                coefficients[image] = coefficient;
            }
            observer.step();
            Ok(Class { name: name.clone(), weights, coefficients, bias })
        });
        let trained = trained.collect::<Result<Vec<Class>, Error>>()?;
        let (configuration, kernels) = (configuration.clone(), grams.kernels());
        let learned = Learned { configuration, kernels, points: vectors.to_shared(), classes: trained };
        Self::of_machines(vocabulary, Machines::Learned(Box::new(learned)))
    }
}

/// Compares costs by cross-validation: one for all classes, by the means over them ([`CostSelection::mean`]). A class of
/// few images could not tell by itself which cost is the better one.
///
/// * `vectors` — of the images, (N, V)
/// * `classes` — the name of each, and whether each image shows it, N
///
/// # Errors
/// As for [`BowClassifier::train`]; [`Error::ClassTraining`] also for what
/// [`CrossValidation::compare_costs_of_kernels`] refuses, such as a class of fewer images than there are folds.
pub fn compare_costs(
    configuration: &Configuration,
    vocabulary: &Vocabulary,
    vectors: &Array2<f64>,
    classes: &[(String, Vec<Truth>)],
    costs: &[f64],
    validation: &CrossValidation,
    observer: &dyn Observer,
) -> Result<CostSelection, Error> {
    check_truths(classes, vectors.nrows())?;
    let grams = Grams::new(configuration, vocabulary, vectors, observer)?;
    observer.begin(Stage::Costs, classes.len());
    let weights = configuration.kernel_weights();
    let selections = classes.iter().map(|(name, truths)| {
        let OfClass { grams, shown, .. } = grams.of_class(truths);
        let grams: Vec<_> = grams.iter().map(Array2::view).collect();
        let selection = validation.compare_costs_of_kernels(&configuration.svm(), &weights, costs, &grams, &shown);
        observer.step();
        selection.map_err(of_class(name))
    });
    Ok(CostSelection::mean(&selections.collect::<Result<Vec<_>, Error>>()?)?)
}

/// Says of which class it is that something went wrong.
fn of_class(name: &str) -> impl Fn(TrainingError) -> Error {
    move |reason| Error::ClassTraining { class: name.to_owned(), reason }
}

fn check_truths(classes: &[(String, Vec<Truth>)], images: usize) -> Result<(), Error> {
    match classes.iter().find(|(_, truths)| truths.len() != images) {
        Some((class, truths)) => Err(Error::Labels { class: class.clone(), found: truths.len(), images }),
        None => Ok(()),
    }
}
