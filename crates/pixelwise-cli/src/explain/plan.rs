//! Everything that a run needs, checked before its first sample.

use std::sync::{Arc, Mutex, PoisonError};

use images::Preprocessing;
use model_files::InputDeclaration;
use ndarray::{ArrayD, Axis, concatenate};
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
use crate::failure::{Context, Failure};
use crate::given::Given;
use crate::inputs::quoted;
use crate::labels::Labels;
use crate::messages::timed;
use crate::model::NetworkModel;
use crate::target::{Against, TargetChoice};

/// Everything that a run needs.
pub struct Plan<'a, F: Number> {
    /// What was asked for.
    pub arguments: &'a Arguments,
    /// The same, for the records.
    pub settings: Settings,
    /// Where files go.
    pub folder: Folder,
    /// The command line.
    pub command: String,
    /// Where the relevance of every tensor goes.
    pub layers: Option<Folder>,
    /// The names of classes.
    pub labels: Labels,
    /// What the network takes.
    pub inputs: Vec<InputDeclaration>,
    /// How photos are prepared for each input; none where there are only arrays.
    pub preprocessing: Vec<Option<Preprocessing>>,
    /// Why in this way, where nothing else was chosen.
    pub reason: Option<String>,
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
        Self::of_samples(arguments, given, None)
    }

    /// The same for the samples of an earlier run.
    pub fn repeated(arguments: &'a Arguments, given: &Given, samples: Samples) -> Result<Self, Failure> {
        Self::of_samples(arguments, given, Some(samples))
    }

    fn of_samples(arguments: &'a Arguments, given: &Given, samples: Option<Samples>) -> Result<Self, Failure> {
        let model = NetworkModel::<F>::read(&arguments.model)?;
        let inputs = model.inputs().to_vec();
        let (labels, arrays) = (arguments.classes.labels()?, Arrays::keeping(inputs.len()));
        let samples = match samples {
            Some(samples) => samples,
            None => Samples::list(&arguments.input, &inputs, &arrays)?,
        };
        let has_photos = arguments.candidates.as_ref().is_some_and(|path| path.is_dir());
        let preprocessing = inputs.iter().enumerate().map(|(position, input)| {
            let takes_photos = has_photos || samples.has_images(position);
            takes_photos.then(|| arguments.preprocess.for_input(input, model.metadata())).transpose()
        });
        let chosen = preprocessing.collect::<Result<Vec<_>, Failure>>()?;
        let reason = chosen.iter().flatten().find_map(|chosen| chosen.reason.clone());
        let preprocessing: Vec<_> =
            chosen.into_iter().map(|chosen| chosen.map(|chosen| chosen.preprocessing)).collect();
        let of_only_input = match preprocessing.as_slice() {
            [only] => only.as_ref(),
            _ => None,
        };
        let mut plan = Self {
            arguments,
            settings: Settings::of(given, &arguments.model)?,
            folder: Folder::create(&arguments.output)?,
            command: given.command_line(),
            layers: arguments.layers.as_deref().map(Folder::create).transpose()?,
            approach: Approach::of(arguments, of_only_input)?,
            composite: None,
            default: None,
            aims: Aim::all(arguments, &labels, samples.of)?,
            networks: Mutex::new(Networks { model: Some(model), explainers: Vec::new() }),
            inputs,
            labels,
            preprocessing,
            reason,
            samples,
            arrays,
        };
        if let Some(explainer) = plan.check_first()? {
            plan.composite = plan.approach.composite(explainer.network())?;
            plan.default = plan.approach.default(explainer.network());
        }
        if let Some(similarity) = arguments.similarity {
            plan.aims = vec![Aim::similarity(similarity, plan.features()?)];
        }
        Ok(plan)
    }

    /// What its run begins with.
    pub fn head(&self) -> Head<'_> {
        let prepared: Vec<String> = self.preprocessing.iter().flatten().map(ToString::to_string).collect();
        let prepared = match prepared.as_slice() {
            [] => "none, arrays are taken as they are".to_owned(),
            prepared => {
                let reason = self.reason.iter().map(|reason| format!("\n               {reason}"));
                format!("{}{}", prepared.join("\n               "), reason.collect::<String>())
            }
        };
        let precision = self.arguments.computation.dtype;
        Head {
            form: Form::of(self.arguments),
            settings: &self.settings,
            folder: &self.folder,
            command: self.command.clone(),
            samples: self.samples.all.len(),
            targets: self.aims.len(),
            prepared,
            preprocessing: self.preprocessing.iter().flatten().next(),
            default: self.default.as_ref(),
            advises: Advises::Networks { composite: self.composite.clone(), precision },
        }
    }

    /// Refuses what would fail for every sample alike, before any of them goes through the network; the explainer of the
    /// first samples that the network takes. What is wrong with those before is told in its turn.
    fn check_first(&self) -> Result<Option<Arc<Explainer<F>>>, Failure> {
        for group in &self.samples.groups {
            let samples = &self.samples.all[group.clone()];
            let Ok(batch) = read(samples, &self.arrays, &self.preprocessing) else { continue };
            let shapes = self.shapes_for(&batch.shapes());
            let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
            let explainer = self.explainer(&shapes);
            match explainer.and_then(|explainer| Ok((explainer.output_layout(&shapes)?, explainer))) {
                Err(failure) if concerns_all(failure.as_ref()) => return Err(failure),
                Err(_) => {}
                Ok((layout, explainer)) => {
                    let against = matches!(self.arguments.against, Some(Against::Name(_)));
                    let by_name = against || self.arguments.target.iter().any(TargetChoice::is_name);
                    self.arguments.classes.check_count(&self.labels, layout.classes(), by_name)?;
                    let explained = self.explained_inputs(&explainer)?;
                    if self.arguments.relevance.is_some() && explained.len() > 1 {
                        let names: Vec<&str> = explained.iter().map(|&at| self.inputs[at].name.as_str()).collect();
                        let names = quoted(&names);
                        return Err(format!(
                            "--relevance writes one array, and {names} are explained: choose one by --explained"
                        )
                        .into());
                    }
                    return Ok(Some(explainer));
                }
            }
        }
        Ok(None)
    }

    /// The features of the two samples whose similarity is explained.
    fn features(&self) -> Result<ArrayD<F>, Failure> {
        if self.samples.all.len() != 2 {
            let given = self.samples.all.len();
            return Err(format!("--similarity is of two inputs; {given} can be explained here").into());
        }
        let features = self.samples.groups.iter().map(|group| {
            let batch = read(&self.samples.all[group.clone()], &self.arrays, &self.preprocessing)?;
            let shapes = self.shapes_for(&batch.shapes());
            let explainer = self.explainer(&shapes.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
            let values: Vec<_> = batch.values.iter().map(ArrayD::view).collect();
            Ok(explainer.forward_all(&values)?.scores())
        });
        let features = features.collect::<Result<Vec<_>, Failure>>()?;
        let views: Vec<_> = features.iter().map(ArrayD::view).collect();
        concatenate(Axis(0), &views).context("--similarity: the features of the two inputs have to have one shape")
    }

    /// The shapes in which batches go through the network.
    pub fn shapes_for(&self, batches: &[&[usize]]) -> Vec<Vec<usize>> {
        self.inputs.iter().zip(batches).map(|(input, batch)| input.shape_for(batch)).collect()
    }

    /// The positions of the inputs that are explained: those that were asked for, else all that reach the target.
    pub fn explained_inputs(&self, explainer: &Explainer<F>) -> Result<Vec<usize>, Failure> {
        let reaching = explainer.reaching_inputs();
        if self.arguments.explained.is_empty() {
            return Ok(reaching);
        }
        let names: Vec<&str> = self.inputs.iter().map(|input| input.name.as_str()).collect();
        let find = |asked: &String| match names.iter().position(|name| name == asked) {
            Some(input) if reaching.contains(&input) => Ok(input),
            Some(_) => {
                let reaching: Vec<&str> = reaching.iter().map(|&input| names[input]).collect();
                let reaching = quoted(&reaching);
                Err(format!("--explained {asked:?} does not reach the explained output, which depends on {reaching}")
                    .into())
            }
            None => Err(format!("--explained {asked:?} is no input; the network takes {}", quoted(&names)).into()),
        };
        self.arguments.explained.iter().map(find).collect()
    }

    /// The explainer for inputs of these shapes.
    pub fn explainer(&self, shapes: &[&[usize]]) -> Result<Arc<Explainer<F>>, Failure> {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let takes = |explainer: &&Arc<Explainer<F>>| explainer.network().shapes(shapes).is_ok();
        if let Some(explainer) = networks.explainers.iter().find(takes) {
            return Ok(Arc::clone(explainer));
        }
        networks.explainers.truncate(SHAPES_KEPT - 1);
        let model = networks.model.take().map_or_else(|| NetworkModel::read(&self.arguments.model), Ok)?;
        let network = model.into_network(shapes)?;
        let mut explainer = timed("rewrite the network", || Explainer::new(&network))?;
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
