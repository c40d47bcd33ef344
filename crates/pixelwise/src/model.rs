//! A model of any kind, from its file to its explanation.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use bow_classifier::BowClassifier;
use model_files::{Dimension, InputDeclaration, InputShapes};
use ndarray::{Array1, ArrayViewD, Axis, Ix3};
use neural_lrp::{Composite, Explainer, NetworkClassifier};
use relevance::{ExplainableClassifier, Explanation};

use crate::Error;

/// What kind of model a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Bag-of-Words classifier, as `pixelwise train` and `bow-demo` write it.
    BagOfWords,
    /// Anything else should be a network.
    Network,
}

impl Kind {
    /// The kind of the model in a file, by its first bytes.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn of(path: &Path) -> Result<Self, Error> {
        const ENOUGH: u64 = 32;
        let mut start = Vec::new();
        let read = File::open(path).and_then(|file| file.take(ENOUGH).read_to_end(&mut start));
        read.map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Ok(if BowClassifier::begins(&start) { Self::BagOfWords } else { Self::Network })
    }

    /// Fails for a model of another kind.
    ///
    /// # Errors
    /// [`Error::Kind`], and [`Error::Read`].
    pub fn require(self, path: &Path) -> Result<(), Error> {
        match Self::of(path)? {
            found if found == self => Ok(()),
            found => Err(Error::Kind { path: path.to_owned(), found, needed: self }),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::BagOfWords => "a Bag-of-Words classifier",
            Self::Network => "a network",
        })
    }
}

/// A model of any kind.
///
/// ```
/// use ndarray::{ArrayD, Axis};
/// use pixelwise::{Attribution, Model, Target};
///
/// let model = Model::open("../../tests/golden/neural/lenet5/model.onnx")?;
/// let batch: ArrayD<f32> = ndarray_npy::read_npy("../../tests/golden/neural/lenet5/input.npy")?;
/// let input = batch.index_axis(Axis(0), 0).mapv(f64::from); // (1, 32, 32)
/// let explanation = model.explain(input.view(), &Target::Predicted, &Attribution::Default)?;
/// assert_eq!(explanation.relevance.shape(), [1, 32, 32]);
/// println!("{}", explanation.ledger);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum Model {
    /// A network of one input.
    Network(model_files::Model<f32>),
    /// A Bag-of-Words classifier.
    BagOfWords(Box<BowClassifier>),
}

/// Which class is explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The class with the highest score.
    Predicted,
    /// A class by its number from 0.
    Class(usize),
    /// A class by its name, of a model whose file names classes.
    Named(String),
}

/// How a model is explained.
#[derive(Clone, Debug)]
pub enum Attribution {
    /// Algorithm 1 for Bag-of-Words classifiers; [`Composite::default_for`] says it for networks.
    Default,
    /// By a composite of rules or a method, which networks have.
    OfNetwork(neural_lrp::Attribution),
}

impl<A: Into<neural_lrp::Attribution>> From<A> for Attribution {
    fn from(attribution: A) -> Self {
        Self::OfNetwork(attribution.into())
    }
}

impl Model {
    /// Reads a model: an ONNX file, a text network of the LRP toolbox, or a Bag-of-Words classifier.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        match Kind::of(path)? {
            Kind::Network => Ok(Self::Network(model_files::read(path)?)),
            Kind::BagOfWords => Ok(Self::BagOfWords(Box::new(BowClassifier::load(path)?))),
        }
    }

    /// Decomposes the score of a class over the pixels of an input.
    ///
    /// * `input` — a single sample: for a Bag-of-Words classifier an image (H, W, C) in [0, 1]
    ///   ([`images::to_unit_range`]), for a network what it takes without the axis of samples
    ///   ([`images::Preprocessing`] makes it of a photo)
    ///
    /// # Errors
    /// An input, a class or an attribution that is not for this model.
    pub fn explain(
        &self,
        input: ArrayViewD<'_, f64>,
        target: &Target,
        attribution: &Attribution,
    ) -> Result<Explanation, Error> {
        match (self, attribution) {
            (Self::Network(model), attribution) => explain_network(model, input, target, attribution),
            (Self::BagOfWords(classifier), Attribution::Default) => explain_words(classifier, input, target),
            (Self::BagOfWords(_), Attribution::OfNetwork(_)) => Err(Error::Attribution),
        }
    }
}

fn explain_words(
    classifier: &BowClassifier,
    input: ArrayViewD<'_, f64>,
    target: &Target,
) -> Result<Explanation, Error> {
    let rank = |_| bow_classifier::Error::ImageRank { shape: input.shape().to_vec() };
    let image = input.view().into_dimensionality::<Ix3>().map_err(rank)?;
    let class = match target {
        Target::Predicted => None,
        Target::Class(class) => Some(*class),
        Target::Named(name) => Some(position(name, classifier.classes().map(str::to_owned).collect())?),
    };
    let explained = classifier.explain_image(image, &[class])?.classes.into_iter().next();
    Ok(explained.unwrap_or_else(|| unreachable!("one class was asked for")).explanation)
}

fn explain_network(
    model: &model_files::Model<f32>,
    input: ArrayViewD<'_, f64>,
    target: &Target,
    attribution: &Attribution,
) -> Result<Explanation, Error> {
    let with_samples = |declared: &InputDeclaration| {
        let samples = match declared.dimensions.iter().flatten().next() {
            Some(Dimension::Fixed(samples)) => *samples,
            _ => 1,
        };
        [&[samples], input.shape()].concat()
    };
    let shapes = model
        .inputs()
        .iter()
        .fold(InputShapes::new(), |shapes, declared| shapes.with(&declared.name, with_samples(declared)));
    let network = model.network(&shapes)?;
    let attribution = match attribution {
        Attribution::Default => Composite::default_for(&network).composite()?.into(),
        Attribution::OfNetwork(attribution) => attribution.clone(),
    };
    let classifier = NetworkClassifier::new(Explainer::new(&network)?, input.shape(), attribution)?;
    let class = match target {
        Target::Predicted => highest(&classifier.scores(&[input.view()])?.index_axis_move(Axis(0), 0)),
        Target::Class(class) if *class < classifier.targets() => *class,
        Target::Class(class) => return Err(unknown(&class.to_string(), classifier.targets())),
        Target::Named(name) => return Err(unknown(name, classifier.targets())),
    };
    Ok(classifier.explain(input, class)?)
}

/// A class that a network does not have: its file names none.
fn unknown(name: &str, classes: usize) -> Error {
    Error::Class { name: name.to_owned(), known: vec![format!("numbers from 0 to {}", classes.saturating_sub(1))] }
}

fn position(name: &str, known: Vec<String>) -> Result<usize, Error> {
    let found = known.iter().position(|class| class == name);
    found.ok_or_else(|| Error::Class { name: name.to_owned(), known })
}

/// The position of the highest score; the first of several.
fn highest(scores: &Array1<f64>) -> usize {
    let best = scores
        .iter()
        .enumerate()
        .fold((0, f64::NEG_INFINITY), |best, (class, &score)| if score > best.1 { (class, score) } else { best });
    best.0
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use bow_classifier::{BowModel, Encoder, ThirdLayer, Tiling};
    use bow_mapping::{Codebook, Hard, Normalization, Pooling};
    use kernels::{Coefficients, ExpansionTerm, KernelExpansion, Linear};
    use local_features::DenseSift;
    use ndarray::{Array1, Array2, Array3, ArrayD};
    use tempfile::TempDir;

    use super::*;

    /// A classifier of tiles, in a file, and an image.
    fn tiles() -> (TempDir, PathBuf, Array3<f64>) {
        let encoder = Encoder {
            mapping: Hard::new(Codebook::new(Array2::eye(128)).unwrap()).into(),
            pooling: Pooling::MEAN,
            normalization: Normalization::L1,
        };
        let term = ExpansionTerm { kernel: Linear.into(), weight: 1.0, support: Array2::ones((3, 128)).into() };
        let expansion = KernelExpansion::new(vec![term], Coefficients::Shared(Array1::ones(3)), -0.5).unwrap();
        let model = BowModel::new(vec![encoder], expansion, ThirdLayer::SumDecomposition).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.model");
        let classifier = BowClassifier::new(vec![DenseSift::default().into()], model).unwrap();
        classifier.with_tiling(Tiling::default()).save(&path).unwrap();
        let image = Array3::from_shape_fn((60, 150, 1), |(y, x, _)| ((x * y) % 17) as f64 / 17.0);
        (folder, path, image)
    }

    #[test]
    fn words_and_networks_are_explained_by_the_same_call() {
        let (_folder, path, image) = tiles();
        let model = Model::open(&path).unwrap();
        let explain =
            |target: Target, attribution: &Attribution| model.explain(image.view().into_dyn(), &target, attribution);
        let explanation = explain(Target::Predicted, &Attribution::Default).unwrap();
        assert_eq!(explanation.relevance.shape(), [60, 150]);
        explanation.ledger.check(1e-10).unwrap();
        let Model::BagOfWords(classifier) = &model else { panic!("a network") };
        let score = classifier.scores_of_image(image.view()).unwrap()[0];
        assert!((score - explanation.score).abs() < 1e-12 * score.abs());
        let rules = Composite::named("epsilon-plus").unwrap().into();
        assert!(explain(Target::Predicted, &rules).unwrap_err().to_string().contains("Algorithm 1"));
        assert!(explain(Target::Class(1), &Attribution::Default).is_err());
        let unnamed = explain(Target::Named("cat".into()), &Attribution::Default).unwrap_err();
        assert!(unnamed.to_string().contains("\"cat\""));
        let network = Path::new("../../tests/golden/neural/lenet5/model.onnx");
        let found = Kind::BagOfWords.require(network).unwrap_err();
        assert!(found.to_string().ends_with("is a network, and a Bag-of-Words classifier is needed"), "{found}");
    }

    #[test]
    fn networks_get_their_default_and_what_is_asked_for() {
        let model = Model::open("../../tests/golden/neural/lenet5/model.onnx").unwrap();
        let batch: ArrayD<f32> = ndarray_npy::read_npy("../../tests/golden/neural/lenet5/input.npy").unwrap();
        let input = batch.index_axis(Axis(0), 1).mapv(f64::from);
        let explain = |target: Target, attribution: &Attribution| model.explain(input.view(), &target, attribution);
        let default = explain(Target::Predicted, &Attribution::Default).unwrap();
        let named = Composite::named("epsilon-plus-flat").unwrap().into();
        assert_eq!(default, explain(Target::Predicted, &named).unwrap());
        let gradient = "gradient".parse::<neural_lrp::methods::Method>().unwrap().into();
        assert_ne!(default.relevance, explain(Target::Predicted, &gradient).unwrap().relevance);
        let scores: Vec<f64> = (0..10).map(|class| explain(Target::Class(class), &named).unwrap().score).collect();
        assert_eq!(default.score, scores.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        let unknown = explain(Target::Class(10), &named).unwrap_err().to_string();
        assert!(unknown.contains("numbers from 0 to 9"), "{unknown}");
        assert!(Model::open("no/such/file").unwrap_err().to_string().contains("no/such/file"));
    }
}
