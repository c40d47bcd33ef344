//! Everything that a run needs, checked before its first sample.

use std::sync::{Arc, Mutex, PoisonError};

use images::Preprocessing;
use neural_lrp::{DefaultComposite, Explainer};

use crate::explain::Number;
use crate::explain::aims::Aim;
use crate::explain::approach::Approach;
use crate::explain::arguments::Arguments;
use crate::explain::files::Folder;
use crate::explain::run::concerns_all;
use crate::explain::samples::{Arrays, Samples, read};
use crate::explain::settings::Settings;
use crate::explain::summary::{Advises, Form, Head};
use crate::failure::Failure;
use crate::given::Given;
use crate::labels::Labels;
use crate::model::{NetworkModel, declared_shape};
use crate::target::TargetChoice;

/// Everything that a run needs.
pub struct Plan<'a, F: Number> {
    /// What was asked for.
    pub arguments: &'a Arguments,
    /// The same, for the records.
    pub settings: Settings,
    /// Where files go.
    pub folder: Folder,
    /// Where the relevance of every tensor goes.
    pub layers: Option<Folder>,
    /// The names of classes.
    pub labels: Labels,
    /// How photos are prepared; none where there are only arrays.
    pub preprocessing: Option<Preprocessing>,
    /// How relevance is found.
    pub approach: Approach,
    /// The composite that explains, for the first samples that the network takes; none for methods.
    pub composite: Option<String>,
    /// Why it is taken, where nothing else was asked for.
    pub default: Option<DefaultComposite>,
    /// What is explained.
    pub samples: Samples,
    /// The arrays that it comes from.
    pub arrays: Arrays<F>,
    /// What is explained of each sample.
    pub aims: Vec<Aim<F>>,
    networks: Mutex<Networks<F>>,
}

/// What was made of the model for the shapes of inputs that were met last.
struct Networks<F: Number> {
    /// The model, until a network is made of it. Canonizers make other weights of those that it holds: it is read once more
    /// for an input that no network takes, rather than kept beside them.
    model: Option<NetworkModel<F>>,
    explainers: Vec<Arc<Explainer<F>>>,
}

/// For how many shapes of inputs the networks are kept.
const SHAPES_KEPT: usize = 4;

impl<'a, F: Number> Plan<'a, F> {
    /// Reads and checks whatever is wanted for all samples alike.
    pub fn new(arguments: &'a Arguments, given: &Given) -> Result<Self, Failure> {
        let model = NetworkModel::<F>::read(&arguments.model)?;
        let input = model.only_input()?;
        let declared = declared_shape(input);
        let (labels, arrays) = (arguments.classes.labels()?, Arrays::default());
        let samples = Samples::list(&arguments.input, &declared, &arrays)?;
        let takes_photos = samples.has_images() || arguments.candidates.as_ref().is_some_and(|path| path.is_dir());
        let preprocessing = match takes_photos {
            true => Some(arguments.preprocess.for_input(&input.name, &declared)?),
            false => None,
        };
        let mut plan = Self {
            arguments,
            settings: Settings::of(given, &arguments.model)?,
            folder: Folder::create(&arguments.output)?,
            layers: arguments.layers.as_deref().map(Folder::create).transpose()?,
            approach: Approach::of(arguments, preprocessing.as_ref())?,
            composite: None,
            default: None,
            aims: Aim::all(arguments, &labels, samples.all.len())?,
            networks: Mutex::new(Networks { model: Some(model), explainers: Vec::new() }),
            labels,
            preprocessing,
            samples,
            arrays,
        };
        if let Some(explainer) = plan.check_first()? {
            plan.composite = plan.approach.composite(explainer.network())?;
            plan.default = plan.approach.default(explainer.network());
        }
        Ok(plan)
    }

    /// What its run begins with.
    pub fn head(&self) -> Head<'_> {
        let prepared = match &self.preprocessing {
            Some(preprocessing) => {
                let default =
                    "\n               a guess by the number of channels; choose by --preprocess if it is wrong";
                format!("{preprocessing}{}", if self.arguments.preprocess.is_given() { "" } else { default })
            }
            None => "none, arrays are taken as they are".to_owned(),
        };
        let precision = self.arguments.computation.dtype;
        Head {
            form: Form::of(self.arguments.json),
            settings: &self.settings,
            folder: &self.folder,
            samples: self.samples.all.len(),
            targets: self.aims.len(),
            prepared,
            preprocessing: self.preprocessing.as_ref(),
            default: self.default.as_ref(),
            advises: Advises::Networks { composite: self.composite.clone(), precision },
        }
    }

    /// Refuses what would fail for every sample alike, before any of them goes through the network; the explainer of the
    /// first samples that the network takes. What is wrong with those before is told in its turn.
    fn check_first(&self) -> Result<Option<Arc<Explainer<F>>>, Failure> {
        for group in &self.samples.groups {
            let samples = &self.samples.all[group.clone()];
            let Ok(batch) = read(samples, &self.arrays, self.preprocessing.as_ref()) else { continue };
            let shape = batch.values.shape();
            let explainer = self.explainer(shape);
            match explainer.and_then(|explainer| Ok((explainer.output_layout(&[shape])?, explainer))) {
                Err(failure) if concerns_all(failure.as_ref()) => return Err(failure),
                Err(_) => {}
                Ok((layout, explainer)) => {
                    let by_name = self.arguments.target.iter().any(TargetChoice::is_name);
                    self.arguments.classes.check_count(&self.labels, layout.classes(), by_name)?;
                    return Ok(Some(explainer));
                }
            }
        }
        Ok(None)
    }

    /// The explainer for batches of a shape.
    pub fn explainer(&self, shape: &[usize]) -> Result<Arc<Explainer<F>>, Failure> {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let takes = |explainer: &&Arc<Explainer<F>>| explainer.network().shapes(&[shape]).is_ok();
        if let Some(explainer) = networks.explainers.iter().find(takes) {
            return Ok(Arc::clone(explainer));
        }
        networks.explainers.truncate(SHAPES_KEPT - 1);
        let model = networks.model.take().map_or_else(|| NetworkModel::read(&self.arguments.model), Ok)?;
        let mut explainer = Explainer::new(&model.into_network(&[shape])?)?;
        explainer = explainer.with_class_axis(self.arguments.classes.axis(&self.labels));
        if let Some(name) = &self.arguments.output_name {
            explainer = explainer.with_output(name)?;
        }
        if self.arguments.explain_probability {
            explainer = explainer.explaining_probability();
        }
        self.approach.check(&explainer)?;
        let explainer = Arc::new(explainer);
        networks.explainers.insert(0, Arc::clone(&explainer));
        Ok(explainer)
    }
}
