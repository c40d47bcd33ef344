//! A model of any kind, from its file to its explanation.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use bow_classifier::BowClassifier;
use model_files::{InputDeclaration, InputShapes};
use ndarray::{ArrayD, ArrayViewD, Axis, Ix3};
use neural_lrp::{Composite, Explainer, Network, NetworkClassifier};
use relevance::{ExplainableClassifier, Explanation, Ledger};

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
        Ok(Self::of_bytes(&start))
    }

    /// The kind of the model in the bytes of a file, by the first of them.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        if BowClassifier::begins(bytes) { Self::BagOfWords } else { Self::Network }
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
    /// A network.
    Network(model_files::Model<f32>),
    /// A Bag-of-Words classifier.
    BagOfWords(Box<BowClassifier>),
}

/// What is explained: a class, or how much more it has than something else, which networks have.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The class with the highest score.
    Predicted,
    /// A class by its number from 0.
    Class(usize),
    /// A class by its name, of a model whose file names classes.
    Named(String),
    /// How much more the first has than the second: why this class, rather than that.
    Minus(Box<Target>, Box<Target>),
    /// How much more a target has than the mean of all classes but its own.
    MinusOthers(Box<Target>),
    /// A score that counts from a value instead of from 0, as regression needs it: f(x) − reference.
    CountedFrom(Box<Target>, f64),
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
    /// A network of several inputs is explained by [`explain_inputs`](Self::explain_inputs).
    ///
    /// # Errors
    /// An input, a class or an attribution that is not for this model.
    pub fn explain(
        &self,
        input: ArrayViewD<'_, f64>,
        target: &Target,
        attribution: &Attribution,
    ) -> Result<Explanation, Error> {
        let explained = self.explain_all(input, std::slice::from_ref(target), attribution)?.into_iter().next();
        Ok(explained.unwrap_or_else(|| unreachable!("one target was asked for")))
    }

    /// Explains several targets of an input, each as [`explain`](Self::explain) does; a network's from one forward pass.
    ///
    /// # Errors
    /// The same.
    pub fn explain_all(
        &self,
        input: ArrayViewD<'_, f64>,
        targets: &[Target],
        attribution: &Attribution,
    ) -> Result<Vec<Explanation>, Error> {
        match (self, attribution) {
            (Self::Network(model), attribution) => explain_network(model, input, targets, attribution),
            (Self::BagOfWords(classifier), Attribution::Default) => {
                targets.iter().map(|target| explain_words(classifier, input.view(), target)).collect()
            }
            (Self::BagOfWords(_), Attribution::OfNetwork(_)) => Err(Error::Attribution),
        }
    }

    /// Decomposes the score of a class over all inputs of a network that it depends on.
    ///
    /// * `inputs` — a single sample: what each input takes, by name and without the axis of samples
    ///
    /// ```
    /// use ndarray::{ArrayD, Axis};
    /// use pixelwise::{Attribution, Model, Target};
    ///
    /// let case = std::path::Path::new("../../tests/cases/two-inputs");
    /// let model = Model::open(case.join("model.onnx"))?;
    /// let first = |file: &str| -> Result<ArrayD<f64>, Box<dyn std::error::Error>> {
    ///     let batch: ArrayD<f32> = ndarray_npy::read_npy(case.join(file))?;
    ///     Ok(batch.index_axis(Axis(0), 0).mapv(f64::from))
    /// };
    /// let (image, meta) = (first("image.npy")?, first("meta.npy")?);
    /// let inputs = [("image", image.view()), ("meta", meta.view())];
    /// let explained = model.explain_inputs(&inputs, &Target::Predicted, &Attribution::Default)?;
    /// assert_eq!(explained.relevance["meta"].shape(), [5]);
    /// let shares: f64 = explained.relevance.values().map(|relevance| relevance.sum()).sum();
    /// assert!((shares - explained.score).abs() < 1e-4 * explained.score.abs());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Inputs that are missing, or that the network does not have; an input, a class or an attribution that is not for this
    /// model.
    pub fn explain_inputs(
        &self,
        inputs: &[(&str, ArrayViewD<'_, f64>)],
        target: &Target,
        attribution: &Attribution,
    ) -> Result<ExplainedInputs, Error> {
        match self {
            Self::Network(model) => explain_inputs(model, inputs, target, attribution),
            Self::BagOfWords(_) => Err(Error::NoNamedInputs),
        }
    }
}

/// The explanation of one sample of a network of several inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedInputs {
    /// The score that is explained.
    pub score: f64,
    /// The relevance of each input that the score depends on, by name, in the input's shape.
    pub relevance: BTreeMap<String, ArrayD<f64>>,
    /// Where the score went.
    pub ledger: Ledger,
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
        Target::Minus(..) | Target::MinusOthers(_) | Target::CountedFrom(..) => return Err(Error::Target),
    };
    let explained = classifier.explain_image(image, &[class])?.classes.into_iter().next();
    Ok(explained.unwrap_or_else(|| unreachable!("one class was asked for")).explanation)
}

fn explain_network(
    model: &model_files::Model<f32>,
    input: ArrayViewD<'_, f64>,
    targets: &[Target],
    attribution: &Attribution,
) -> Result<Vec<Explanation>, Error> {
    let [declared] = model.inputs() else { return Err(inputs_needed(model)) };
    let shape = declared.shape_for(&[&[1], input.shape()].concat());
    let network = model.network(&InputShapes::new().with(&declared.name, shape))?;
    let attribution = attribution_for(attribution, &network)?;
    let classifier = NetworkClassifier::new(Explainer::new(&network)?, input.shape(), attribution)?;
    let targets = targets.iter().map(|target| of_network(target, classifier.targets()));
    Ok(classifier.explain_all(input, &targets.collect::<Result<Vec<_>, Error>>()?)?)
}

/// A target of a network of so many classes.
fn of_network(target: &Target, classes: usize) -> Result<neural_lrp::Target, Error> {
    Ok(match target {
        Target::Predicted => neural_lrp::Target::Predicted,
        Target::Class(class) if *class < classes => neural_lrp::Target::Class(*class),
        Target::Class(class) => return Err(unknown(&class.to_string(), classes)),
        Target::Named(name) => return Err(unknown(name, classes)),
        Target::Minus(of, other) => of_network(of, classes)?.minus(of_network(other, classes)?),
        Target::MinusOthers(of) => of_network(of, classes)?.minus_others(),
        Target::CountedFrom(of, reference) => of_network(of, classes)?.counted_from(*reference),
    })
}

fn explain_inputs(
    model: &model_files::Model<f32>,
    inputs: &[(&str, ArrayViewD<'_, f64>)],
    target: &Target,
    attribution: &Attribution,
) -> Result<ExplainedInputs, Error> {
    let find = |declared: &InputDeclaration| {
        let given = inputs.iter().find(|(name, _)| *name == declared.name);
        given.map(|(_, values)| values.mapv(|value| value as f32).insert_axis(Axis(0)))
    };
    let values = model.inputs().iter().map(find).collect::<Option<Vec<ArrayD<f32>>>>();
    let values = values.filter(|values| values.len() == inputs.len()).ok_or_else(|| inputs_needed(model))?;
    let shapes = model.inputs().iter().zip(&values).fold(InputShapes::new(), |shapes, (declared, values)| {
        shapes.with(&declared.name, declared.shape_for(values.shape()))
    });
    let explainer = Explainer::new(&model.network(&shapes)?)?;
    let attribution = attribution_for(attribution, explainer.network())?;
    let forward = explainer.forward_all(&values.iter().map(ArrayD::view).collect::<Vec<_>>())?;
    let target = of_network(target, forward.layout()?.classes())?;
    let scores = forward.target_scores(&target)?;
    let explained = attribution.explain(&forward, &attribution.initial(target).into())?;
    let relevance = explainer.reaching_inputs().into_iter().map(|input| {
        let relevance = explained.relevance[input].index_axis(Axis(0), 0).mapv(f64::from);
        (model.inputs()[input].name.clone(), relevance)
    });
    Ok(ExplainedInputs {
        score: scores[0],
        relevance: relevance.collect(),
        ledger: explained.ledgers.into_iter().next().unwrap_or_default(),
    })
}

/// The attribution for a network: the default, if no other is asked for.
fn attribution_for(attribution: &Attribution, network: &Network<f32>) -> Result<neural_lrp::Attribution, Error> {
    match attribution {
        Attribution::Default => Ok(Composite::default_for(network).composite()?.into()),
        Attribution::OfNetwork(attribution) => Ok(attribution.clone()),
    }
}

/// What a network takes, where something else was given.
fn inputs_needed(model: &model_files::Model<f32>) -> Error {
    Error::Inputs { needed: model.inputs().iter().map(|input| input.name.clone()).collect() }
}

/// A class that a network does not have: its file names none.
fn unknown(name: &str, classes: usize) -> Error {
    Error::Class { name: name.to_owned(), known: vec![format!("numbers from 0 to {}", classes.saturating_sub(1))] }
}

fn position(name: &str, known: Vec<String>) -> Result<usize, Error> {
    let found = known.iter().position(|class| class == name);
    found.ok_or_else(|| Error::Class { name: name.to_owned(), known })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use bow_classifier::{BowModel, Encoder, ThirdLayer, Tiling};
    use bow_mapping::{Codebook, Hard, Normalization, Pooling};
    use kernels::{Coefficients, ExpansionTerm, KernelExpansion, Linear};
    use local_features::DenseSift;
    use ndarray::{Array1, Array2, Array3, ArrayD, Axis};
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
        let contrast = Target::MinusOthers(Box::new(Target::Class(0)));
        assert!(explain(contrast, &Attribution::Default).unwrap_err().to_string().contains("for networks"));
        let unnamed = explain(Target::Named("cat".into()), &Attribution::Default).unwrap_err();
        assert!(unnamed.to_string().contains("\"cat\""));
        let network = Path::new("../../tests/golden/neural/lenet5/model.onnx");
        let found = Kind::BagOfWords.require(network).unwrap_err();
        assert!(found.to_string().ends_with("is a network, and a Bag-of-Words classifier is needed"), "{found}");
    }

    #[test]
    fn each_of_several_inputs_is_given_by_name() {
        let model = Model::open("../../tests/cases/two-inputs/model.onnx").unwrap();
        let image = ArrayD::zeros(vec![1, 4, 4]);
        let explain = |inputs: &[(&str, ArrayViewD<'_, f64>)]| {
            model.explain_inputs(inputs, &Target::Class(0), &Attribution::Default)
        };
        let message = explain(&[("image", image.view())]).unwrap_err().to_string();
        assert!(message.contains("\"image\", \"meta\""), "{message}");
        let (meta, all) = (ArrayD::ones(vec![5]), Target::Class(0));
        let message = explain(&[("image", image.view()), ("mate", meta.view())]).unwrap_err().to_string();
        assert!(message.contains("\"meta\""), "{message}");
        assert!(explain(&[("meta", meta.view()), ("image", image.view())]).is_ok());
        let message = model.explain(image.view(), &all, &Attribution::Default).unwrap_err().to_string();
        assert!(message.contains("explain_inputs"), "{message}");
    }

    #[test]
    fn a_sample_is_explained_where_more_go_through_the_network_together() {
        let explain = |file: &str| {
            let model = Model::open(format!("../../tests/cases/fixed-batch/{file}")).unwrap();
            let batch: ArrayD<f32> = ndarray_npy::read_npy("../../tests/cases/fixed-batch/four.npy").unwrap();
            let input = batch.index_axis(Axis(0), 1).mapv(f64::from);
            model.explain(input.view(), &Target::Predicted, &Attribution::Default).unwrap()
        };
        let (one, eight) = (explain("batch1.onnx"), explain("batch8.onnx"));
        assert_eq!(one.relevance, eight.relevance);
        assert!((eight.ledger.total().upper.total - one.score).abs() < 1e-12);
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
        let class = |class| Box::new(Target::Class(class));
        let targets = [
            Target::Minus(class(3), class(5)),
            Target::MinusOthers(class(3)),
            Target::CountedFrom(class(3), 0.5),
            Target::Class(3),
        ];
        let found = model.explain_all(input.view(), &targets, &named).unwrap();
        let mean = (scores.iter().sum::<f64>() - scores[3]) / 9.0;
        let expected = [scores[3] - scores[5], scores[3] - mean, scores[3] - 0.5, scores[3]];
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found.score - expected).abs() < 1e-5 && (found.ledger.total().upper.total - expected).abs() < 1e-5
            );
        }
        assert_eq!(found[3], explain(Target::Class(3), &named).unwrap());
        let unknown = explain(Target::Class(10), &named).unwrap_err().to_string();
        assert!(unknown.contains("numbers from 0 to 9"), "{unknown}");
        assert!(Model::open("no/such/file").unwrap_err().to_string().contains("no/such/file"));
    }
}
