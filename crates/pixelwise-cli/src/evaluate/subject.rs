//! What is judged: a model, the ways in which it is explained, and the samples.

use bow_classifier::BowClassifier;
use neural_lrp::{Explainer, NetworkClassifier, Real};
use pixelwise::Kind;
use relevance::RandomizableClassifier;

use super::Arguments;
use super::samples::{Preparation, Samples, Truth};
use crate::bow::load;
use crate::computation::Precision;
use crate::failure::Failure;
use crate::given::Given;
use crate::inputs::Source;
use crate::labels::Labels;
use crate::model::{NetworkModel, declared_shape};
use crate::rules::{ALGORITHM_1, Way};
use crate::target::positions;

/// A rule of the paper, today's usual composite, and what they are compared with.
pub const DEFAULT_RULES: [&str; 4] = ["alpha-beta=2", "epsilon-plus-flat", "input-x-gradient", "gradient"];

/// A model that is explained in several ways, and samples of what it takes.
pub struct Subject {
    /// The ways, one or more.
    pub explained: Vec<Explained>,
    /// The samples.
    pub samples: Samples,
    /// Over which positions of the output a class's score is taken, where it has any.
    pub positions: Option<String>,
    /// The numbers that the model computes with.
    pub dtype: &'static str,
    /// What else decides what is judged, for a reader: names and values.
    pub settings: Vec<(String, String)>,
}

/// How arrays are prepared.
const ARRAYS: &str = "none, arrays are taken as they are";

/// A model, explained in one way.
pub struct Explained {
    /// What the way is called: a rule, a composite, a method.
    pub way: String,
    /// The model, which explains itself so.
    pub classifier: Box<dyn RandomizableClassifier>,
}

impl Subject {
    /// The model of the command line, whatever it is, and the samples of the sources.
    pub fn read(arguments: &Arguments, given: &Given, sources: &[Source]) -> Result<Self, Failure> {
        match (Kind::of(&arguments.model)?, arguments.network.computation.dtype) {
            (Kind::Network, Precision::F32) => Self::network::<f32>(arguments, sources),
            (Kind::Network, Precision::F64) => Self::network::<f64>(arguments, sources),
            (Kind::BagOfWords, _) => {
                let classifier = load(&arguments.model)?;
                let labels = Labels::of(classifier.classes());
                Self::bag_of_words(arguments, given, sources, classifier, &labels)
            }
        }
    }

    fn network<F: Real>(arguments: &Arguments, sources: &[Source]) -> Result<Self, Failure> {
        let classes = &arguments.network.classes;
        let labels = classes.labels()?;
        let mut model = NetworkModel::<F>::read(&arguments.model)?;
        let input = model.only_input()?;
        let declared = declared_shape(input);
        let preprocessing = arguments.network.preprocessing(sources, input, model.metadata())?;
        let range = arguments.network.range(preprocessing.as_ref())?;
        let prepared = preprocessing.as_ref().map_or_else(|| ARRAYS.to_owned(), ToString::to_string);
        let preparation = preprocessing.map(|preprocessing| Preparation::Network(Box::new(preprocessing)));
        let samples = samples(arguments, sources, preparation, &labels)?;
        let together = declared.first().copied().flatten().unwrap_or(1);
        let shape = [&[together], samples.shape()].concat();
        let explainer = Explainer::new(model.network(&[&shape])?.as_ref())?.with_class_axis(classes.axis(&labels));
        let layout = explainer.output_layout(&[&shape])?;
        let is_by_name = arguments.target.is_name() || samples.truth().is_by_name();
        classes.check_count(&labels, layout.classes(), is_by_name)?;
        let explained = ways(arguments)?.into_iter().map(|way| {
            let way = way.ready(range.as_ref())?;
            let name = way.to_string();
            let classifier = NetworkClassifier::new(explainer.clone(), samples.shape(), way)?;
            Ok::<_, Failure>(Explained { way: name, classifier: Box::new(classifier) })
        });
        let explained = explained.collect::<Result<_, _>>()?;
        let settings = vec![("preprocessing".to_owned(), prepared)];
        Ok(Self { explained, samples, positions: positions(&layout, None), dtype: F::NAME, settings })
    }

    fn bag_of_words(
        arguments: &Arguments,
        given: &Given,
        sources: &[Source],
        classifier: BowClassifier,
        labels: &Labels,
    ) -> Result<Self, Failure> {
        if let Some(option) = network_option(arguments, given) {
            return Err(format!(
                "{option} is for networks, and {} is a Bag-of-Words classifier: it takes images as they are, and is \
                 explained by {ALGORITHM_1}",
                arguments.model.display()
            )
            .into());
        }
        let samples = samples(arguments, sources, Some(Preparation::UnitRange), labels)?;
        let explained = Explained { way: ALGORITHM_1.to_owned(), classifier: Box::new(classifier) };
        Ok(Self { explained: vec![explained], samples, positions: None, dtype: f64::NAME, settings: Vec::new() })
    }
}

/// The ways that are asked for, or the usual ones.
fn ways(arguments: &Arguments) -> Result<Vec<Way>, Failure> {
    match arguments.rule.as_slice() {
        [] => DEFAULT_RULES.iter().map(|way| way.parse()).collect(),
        ways => Ok(ways.to_vec()),
    }
}

/// An option that is given and makes sense for networks alone.
fn network_option(arguments: &Arguments, given: &Given) -> Option<&'static str> {
    let network = &arguments.network;
    let options = [
        ("--rule", !arguments.rule.is_empty()),
        ("--preprocess", network.preprocess.is_given()),
        ("--input-range", network.input_range.is_some()),
        ("--labels", network.classes.labels.is_some()),
        ("--class-axis", network.classes.class_axis.is_some()),
        ("--dtype", given.has("dtype")),
    ];
    options.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option)
}

fn samples(
    arguments: &Arguments,
    sources: &[Source],
    preparation: Option<Preparation>,
    labels: &Labels,
) -> Result<Samples, Failure> {
    let truth = Truth::read(labels, &arguments.target, arguments.truth.as_deref())?;
    Samples::new(sources, preparation, truth, arguments.masks.as_deref(), arguments.samples)
}
