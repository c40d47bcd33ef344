//! A network's file and batches of any size: forward passes and explanations with the memory of a few samples.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use model_files::{Dimension, InputDeclaration, InputShapes};
use ndarray::{Array2, ArrayD, ArrayViewD, Axis, Slice};
use neural_lrp::{ClassAxis, Composite, Explained, Explainer, Initial, Network, Node, Question, Real, Start, TensorId};
use relevance::Ledger;

use crate::{Attribution, Error};

/// How many groups of samples are under way at once, for each thread.
const AHEAD: usize = 4;

/// For how many shapes of inputs the networks are kept.
const SHAPES_KEPT: usize = 4;

/// A network's file, made ready for the shapes of inputs that it meets.
///
/// Samples lie along axis 0 of each input. They go through the network one at a time, on all threads, or as many together as
/// the file fixes; a batch of any size takes the memory of a few of them, beside what comes out.
///
/// ```
/// use ndarray::ArrayD;
/// use neural_lrp::Target;
/// use pixelwise::{Beginning, Networks, Request};
///
/// let networks = Networks::<f32>::open("../../tests/golden/neural/lenet5/model.onnx")?;
/// let batch: ArrayD<f32> = ndarray_npy::read_npy("../../tests/golden/neural/lenet5/input.npy")?; // (2, 1, 32, 32)
/// let explained = networks.explain(&[batch.view()], &Request::default(), &mut |_| std::ops::ControlFlow::Continue(()))?;
/// assert_eq!(explained.relevance[0].shape(), batch.shape());
/// assert_eq!((explained.ledgers.len(), explained.scores.dim()), (2, (2, 10)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Networks<F: Real> {
    source: Source,
    inputs: Vec<InputDeclaration>,
    outputs: Vec<String>,
    class_axis: ClassAxis,
    output: Option<String>,
    made: Mutex<Made<F>>,
}

/// Where a model comes from.
#[derive(Clone, Debug)]
enum Source {
    File(PathBuf),
    Bytes(Arc<[u8]>, PathBuf),
}

/// What was made of the model for the shapes of inputs that were met last.
#[derive(Debug)]
struct Made<F: Real> {
    /// The model, until a network is made of it: it is read once more for an input that no network takes, rather than kept
    /// beside them with the weights that canonizers made others of.
    model: Option<model_files::Model<F>>,
    explainers: Vec<Ready<F>>,
}

/// An explainer, and the shapes that it was asked for last.
#[derive(Debug)]
struct Ready<F: Real> {
    shapes: Vec<Vec<usize>>,
    explainer: Arc<Explainer<F>>,
}

/// What is asked of a batch.
#[derive(Clone, Debug)]
pub struct Request<F> {
    /// How it is explained.
    pub attribution: Attribution,
    /// What the backward pass begins with.
    pub begins: Beginning<F>,
    /// Tensors whose relevance is wanted beside that of the inputs: names of tensors, of nodes, or of modules, see
    /// [`Networks::tensor`].
    pub at: Vec<String>,
    /// Channels that relevance may pass through, by the tensor's name.
    pub masks: Vec<(String, Vec<usize>)>,
}

/// What a backward pass begins with.
#[derive(Clone, Debug)]
pub enum Beginning<F> {
    /// A class of each sample; whether with its score or with 1 is a property of what explains.
    At(neural_lrp::Target),
    /// Exactly this.
    Given(Initial<F>),
}

impl<F> Default for Request<F> {
    /// The predicted class of each sample, by the network's default composite.
    fn default() -> Self {
        Self {
            attribution: Attribution::Default,
            begins: Beginning::At(neural_lrp::Target::Predicted),
            at: Vec::new(),
            masks: Vec::new(),
        }
    }
}

/// A batch, explained.
#[derive(Clone, Debug)]
pub struct BatchExplanation<F> {
    /// The relevance of each of the network's inputs, in the shape of its batch.
    pub relevance: Vec<ArrayD<F>>,
    /// The relevance of the tensors that were asked for, by the name that was given.
    pub at: BTreeMap<String, ArrayD<F>>,
    /// The score of each class of each sample (samples, classes), summed over positions where the output has any.
    pub scores: Array2<f64>,
    /// The class of each sample, and its score; none where it begins with given relevance.
    pub targets: Option<Vec<(usize, f64)>>,
    /// Where the relevance of each sample went; of samples that go through the network together and are not kept apart, one
    /// for all of them. Empty ones for gradients.
    pub ledgers: Vec<Ledger>,
    /// The rule of each node that relevance passes.
    pub rules: Vec<NodeRule>,
    /// What explained: the composite's name, or the method.
    pub by: String,
}

/// A node's rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRule {
    /// The node.
    pub node: String,
    /// Its operation.
    pub kind: String,
    /// The rule, as text.
    pub rule: String,
}

/// Is told how many samples are done, and says whether the others shall be.
pub type Watch<'a> = dyn FnMut(usize) -> ControlFlow<()> + 'a;

impl<F: Real> Networks<F> {
    /// Reads a network's file.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::of(Source::File(path.as_ref().to_owned()))
    }

    /// Reads the bytes of a network's file, whose external data lie in `folder`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>, folder: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::of(Source::Bytes(bytes.into(), folder.into()))
    }

    fn of(source: Source) -> Result<Self, Error> {
        let model = source.read()?;
        let (inputs, outputs) = (model.inputs().to_vec(), model.outputs().to_vec());
        let made = Mutex::new(Made { model: Some(model), explainers: Vec::new() });
        Ok(Self { source, inputs, outputs, class_axis: ClassAxis::OfNetwork, output: None, made })
    }

    /// Looks for the classes of the explained output along another axis.
    #[must_use]
    pub fn with_class_axis(self, class_axis: ClassAxis) -> Self {
        Self { class_axis, ..self }
    }

    /// Explains another output than the first.
    ///
    /// # Errors
    /// [`neural_lrp::Error::Setting`] when there is no such output.
    pub fn with_output(self, name: &str) -> Result<Self, Error> {
        if self.outputs.iter().any(|output| output == name) {
            return Ok(Self { output: Some(name.to_owned()), ..self });
        }
        let reason = format!("the network gives {}", self.outputs.join(", "));
        Err(neural_lrp::Error::Setting { what: "output", given: name.to_owned(), reason }.into())
    }

    /// The inputs, as the file declares them.
    pub fn inputs(&self) -> &[InputDeclaration] {
        &self.inputs
    }

    /// The names of what the network gives.
    pub fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// The shape of each input that the file leaves no doubt about, with a batch of one where it is open.
    ///
    /// # Errors
    /// [`model_files::Error::Input`] names the first dimension that the file leaves open.
    pub fn default_shapes(&self) -> Result<Vec<Vec<usize>>, Error> {
        let shapes = InputShapes::defaults(&self.inputs)?;
        Ok(self.inputs.iter().map(|input| shapes.get(&input.name).unwrap_or_default().to_vec()).collect())
    }

    /// How many samples the network takes together, where the file fixes that.
    pub fn fixed_samples(&self) -> Option<usize> {
        self.inputs.iter().find_map(|input| match input.dimensions.iter().flatten().next() {
            Some(Dimension::Fixed(samples)) => Some(*samples),
            _ => None,
        })
    }

    /// The explainer for inputs of these shapes, one for each input: it is made once, and kept for the shapes met last.
    ///
    /// # Errors
    /// Shapes that the network does not take.
    pub fn explainer(&self, shapes: &[&[usize]]) -> Result<Arc<Explainer<F>>, Error> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |ready: &Ready<F>| ready.shapes.iter().map(Vec::as_slice).eq(shapes.iter().copied());
        if let Some(ready) = made.explainers.iter().find(|ready| same(ready)) {
            return Ok(Arc::clone(&ready.explainer));
        }
        let owned = || shapes.iter().map(|shape| shape.to_vec()).collect();
        let takes = |ready: &&mut Ready<F>| ready.explainer.network().shapes(shapes).is_ok();
        if let Some(ready) = made.explainers.iter_mut().find(takes) {
            ready.shapes = owned();
            return Ok(Arc::clone(&ready.explainer));
        }
        let model = made.model.take().map_or_else(|| self.source.read(), Ok)?;
        let network = self.network(&model, shapes);
        if network.is_err() {
            made.model = Some(model);
        }
        let mut explainer = Explainer::new(&network?)?.with_class_axis(self.class_axis);
        if let Some(name) = &self.output {
            explainer = explainer.with_output(name)?;
        }
        let explainer = Arc::new(explainer);
        made.explainers.truncate(SHAPES_KEPT - 1);
        made.explainers.insert(0, Ready { shapes: owned(), explainer: Arc::clone(&explainer) });
        Ok(explainer)
    }

    /// The network as the file has it, for inputs of these shapes.
    fn network(&self, model: &model_files::Model<F>, shapes: &[&[usize]]) -> Result<Network<F>, Error> {
        let named = self.inputs.iter().zip(shapes);
        let given = named.fold(InputShapes::new(), |given, (input, &shape)| given.with(&input.name, shape));
        Ok(model.network(&given)?)
    }

    /// The tensor that a name means in a network: a tensor's own name; a node's, whose output it is; or that of a module
    /// that exporters write before its nodes', as in `/layer4/layer4.1/relu/Relu`: what its last node gives.
    ///
    /// # Errors
    /// [`neural_lrp::Error::Setting`] when there is none, with names that there are.
    pub fn tensor(network: &Network<F>, name: &str) -> Result<TensorId, Error> {
        if let Ok(tensor) = network.find(name) {
            return Ok(tensor);
        }
        let inner = format!("/{}/", name.trim_matches('/').replace('.', "/"));
        let within = |node: &&Node<F>| {
            let path = format!("/{}", node.name.trim_start_matches('/'));
            node.name == name || path.starts_with(&inner) || path.contains(&format!("/{name}/"))
        };
        if let Some(node) = network.nodes().iter().rev().find(within) {
            return Ok(node.output);
        }
        let names = || network.nodes().iter().map(|node| node.name.as_str());
        let (some, near) = (names().take(5).collect::<Vec<_>>().join(", "), wording::did_you_mean(name, names()));
        let some = wording::shortened(&some);
        let reason = format!("no tensor, node or module is called so; the first nodes are {some}{near}");
        Err(neural_lrp::Error::Setting { what: "layer", given: name.to_owned(), reason }.into())
    }

    /// The forward pass of a batch: the outputs as the file has them, or those of these names.
    ///
    /// * `inputs` — one batch for each input, samples along axis 0
    ///
    /// # Errors
    /// A batch that does not fit; an output that is not there; [`Error::Stopped`] where the watch says so.
    pub fn run(
        &self,
        inputs: &[ArrayViewD<'_, F>],
        outputs: &[&str],
        watch: &mut Watch<'_>,
    ) -> Result<Vec<ArrayD<F>>, Error> {
        let mut parts: Vec<Vec<ArrayD<F>>> = Vec::new();
        let tensors = |network: &Network<F>| match outputs {
            [] => Ok(network.outputs().to_vec()),
            names => names.iter().map(|name| Self::tensor(network, name)).collect::<Result<Vec<_>, Error>>(),
        };
        self.windows(inputs, ahead(), watch, |explainer, batch, _| {
            let tensors = tensors(explainer.network())?;
            let forward = explainer.forward_to(&tensors, batch)?;
            parts.push(tensors.iter().map(|&tensor| forward.value(tensor)).collect::<Result<_, _>>()?);
            Ok(())
        })?;
        stack(parts)
    }

    /// Explains a batch.
    ///
    /// * `inputs` — one batch for each input, samples along axis 0
    ///
    /// # Errors
    /// A batch, a target, a rule or a layer that does not fit; [`Error::Stopped`] where the watch says so.
    pub fn explain(
        &self,
        inputs: &[ArrayViewD<'_, F>],
        request: &Request<F>,
        watch: &mut Watch<'_>,
    ) -> Result<BatchExplanation<F>, Error> {
        let samples = inputs.first().and_then(|batch| batch.shape().first()).copied().unwrap_or(0);
        let mut whole = Parts::default();
        // Methods of several passes draw by a sample's place, and run on all threads by themselves.
        let ahead = if is_several_passes(&request.attribution) { 1 } else { ahead() };
        self.windows(inputs, ahead, watch, |explainer, batch, window| {
            let network = explainer.network();
            let forward = &explainer.forward_all(batch)?;
            let attribution = request.attribution.for_network(network)?;
            whole.by = name_of(&attribution);
            let initial = request.begins.part(window, samples, attribution.start());
            if let Some(target) = target_of(&initial) {
                let classes = forward.classes(target)?.into_iter().zip(forward.target_scores(target)?);
                whole.targets.get_or_insert_default().extend(classes);
            }
            let tensors = request.at.iter().map(|name| Self::tensor(network, name)).collect::<Result<Vec<_>, _>>()?;
            let at = tensors.iter().map(|&tensor| network.tensor(tensor).name.clone()).collect::<Vec<_>>();
            let question = Question { initial, masks: request.masks.clone(), at: at.clone() };
            let explained = attribution.explain(forward, &question)?;
            whole.scores.extend(forward.class_scores()?);
            whole.classes = forward.layout()?.classes();
            whole.take(explained, &at, explainer)
        })?;
        whole.finish(&request.at, samples)
    }

    /// Takes a batch through the network, a few samples at a time.
    fn windows(
        &self,
        inputs: &[ArrayViewD<'_, F>],
        ahead: usize,
        watch: &mut Watch<'_>,
        mut each: impl FnMut(&Explainer<F>, &[ArrayViewD<'_, F>], Range<usize>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let samples = self.check(inputs)?;
        let together = self.fixed_samples().unwrap_or(1);
        let shape = |batch: &ArrayViewD<'_, F>| [&[together], &batch.shape()[1..]].concat();
        let shapes: Vec<Vec<usize>> = inputs.iter().map(shape).collect();
        let explainer = self.explainer(&shapes.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        let window = ahead * together.max(1);
        for start in (0..samples).step_by(window) {
            let range = start..(start + window).min(samples);
            let slice = Slice::from(range.clone());
            let parts: Vec<_> = inputs.iter().map(|batch| batch.slice_axis(Axis(0), slice)).collect();
            each(&explainer, &parts, range.clone())?;
            if watch(range.end).is_break() && range.end < samples {
                return Err(Error::Stopped { done: range.end, samples });
            }
        }
        Ok(())
    }

    /// How many samples there are, in arrays that have the axes and as many samples as the network takes.
    fn check(&self, inputs: &[ArrayViewD<'_, F>]) -> Result<usize, Error> {
        let refuse = |input: &str, reason: String| Error::Shape { input: input.to_owned(), reason };
        if inputs.len() != self.inputs.len() {
            let names: Vec<&str> = self.inputs.iter().map(|input| input.name.as_str()).collect();
            let reason = format!("{} arrays were given; the network takes {}", inputs.len(), names.join(", "));
            return Err(refuse("batch", reason));
        }
        let (together, first) = (self.fixed_samples().unwrap_or(1).max(1), inputs.first().map(ArrayViewD::shape));
        for (batch, declared) in inputs.iter().zip(&self.inputs) {
            let shape = batch.shape();
            let wanted = declared
                .dimensions
                .as_ref()
                .map(|dimensions| dimensions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
            let wanted = wanted.map_or_else(String::new, |wanted| format!("; the network takes ({wanted})"));
            let fits = |(dimension, &length): (&Dimension, &usize)| match dimension {
                Dimension::Fixed(fixed) => *fixed == length,
                Dimension::Symbolic(_) => true,
            };
            let declared_fits = declared.dimensions.as_ref().is_none_or(|dimensions| {
                dimensions.len() == shape.len() && dimensions.iter().zip(shape).skip(1).all(fits)
            });
            if shape.is_empty() || !declared_fits {
                return Err(refuse(&declared.name, format!("it has shape {shape:?}{wanted}")));
            }
            if batch.is_empty() {
                return Err(refuse(&declared.name, format!("it has shape {shape:?}, and no numbers{wanted}")));
            }
            if !shape[0].is_multiple_of(together) || Some(shape[0]) != first.map(|first| first[0]) {
                let reason = format!(
                    "it has {} samples along axis 0; all inputs should have the same number, a multiple of {together}",
                    shape[0]
                );
                return Err(refuse(&declared.name, reason));
            }
        }
        Ok(first.map_or(0, |first| first[0]))
    }
}

impl Source {
    fn read<F: Real>(&self) -> Result<model_files::Model<F>, Error> {
        Ok(match self {
            Self::File(path) => model_files::read(path)?,
            Self::Bytes(bytes, folder) => model_files::Model::from_bytes(bytes, folder)?,
        })
    }
}

impl<F: Real> Beginning<F> {
    /// What some of the samples begin with.
    fn part(&self, window: Range<usize>, samples: usize, start: Start) -> Initial<F> {
        match self {
            Self::At(target) => start.at(target_part(target, window, samples)),
            Self::Given(Initial::Array(array)) if array.shape().first() == Some(&samples) => {
                Initial::Array(array.slice_axis(Axis(0), Slice::from(window)).to_owned())
            }
            Self::Given(Initial::Score(target)) => Initial::Score(target_part(target, window, samples)),
            Self::Given(Initial::One(target)) => Initial::One(target_part(target, window, samples)),
            Self::Given(Initial::Alike(start, similarity, others)) if others.shape().first() == Some(&samples) => {
                let others = others.slice_axis(Axis(0), Slice::from(window)).to_owned();
                Initial::Alike(*start, *similarity, others)
            }
            Self::Given(initial) => initial.clone(),
        }
    }
}

/// The target of some of the samples.
fn target_part(target: &neural_lrp::Target, window: Range<usize>, samples: usize) -> neural_lrp::Target {
    use neural_lrp::Target;
    match target {
        Target::Each(classes) if classes.len() == samples => Target::Each(classes[window].to_vec()),
        Target::Within(target, region) => target_part(target, window, samples).within(region.clone()),
        Target::Minus(of, other) => target_part(of, window.clone(), samples).minus(target_part(other, window, samples)),
        Target::MinusOthers(of) => target_part(of, window, samples).minus_others(),
        Target::CountedFrom(of, reference) => target_part(of, window, samples).counted_from(*reference),
        target => target.clone(),
    }
}

/// How many groups of samples go through the network at once.
fn ahead() -> usize {
    AHEAD * rayon::current_num_threads()
}

fn is_several_passes(attribution: &Attribution) -> bool {
    let Attribution::OfNetwork(neural_lrp::Attribution::Method(method)) = attribution else { return false };
    method.composite().is_none()
}

/// The composite's name, or the method as text.
fn name_of(attribution: &neural_lrp::Attribution) -> String {
    match attribution {
        neural_lrp::Attribution::Rules(composite) => composite.name().to_owned(),
        neural_lrp::Attribution::Method(method) => method.to_string(),
    }
}

/// The target of what a backward pass begins with, if it is one class of each sample.
fn target_of<F>(initial: &Initial<F>) -> Option<&neural_lrp::Target> {
    match initial {
        Initial::Score(target) | Initial::One(target) => Some(target),
        _ => None,
    }
}

/// What came of the parts of a batch.
struct Parts<F> {
    relevance: Vec<Vec<ArrayD<F>>>,
    at: Vec<Vec<ArrayD<F>>>,
    scores: Vec<f64>,
    classes: usize,
    targets: Option<Vec<(usize, f64)>>,
    ledgers: Vec<Ledger>,
    rules: Vec<NodeRule>,
    by: String,
}

impl<F> Default for Parts<F> {
    fn default() -> Self {
        Self {
            relevance: Vec::new(),
            at: Vec::new(),
            scores: Vec::new(),
            classes: 0,
            targets: None,
            ledgers: Vec::new(),
            rules: Vec::new(),
            by: String::new(),
        }
    }
}

impl<F: Real> Parts<F> {
    fn take(&mut self, explained: Explained<F>, at: &[String], explainer: &Explainer<F>) -> Result<(), Error> {
        if self.rules.is_empty() {
            let nodes = explainer.network().nodes().iter().zip(&explained.rules);
            let passed = nodes.filter(|(node, _)| !explainer.skipped().contains(&node.name));
            self.rules.extend(passed.map(|(node, rule)| NodeRule {
                node: node.name.clone(),
                kind: node.operation.kind().to_owned(),
                rule: rule.to_string(),
            }));
        }
        self.relevance.push(explained.relevance);
        self.at.push(at.iter().filter_map(|name| explained.at.get(name).cloned()).collect());
        self.ledgers.extend(explained.ledgers);
        Ok(())
    }

    fn finish(self, names: &[String], samples: usize) -> Result<BatchExplanation<F>, Error> {
        let scores = Array2::from_shape_vec((samples, self.classes), self.scores);
        let scores = scores.unwrap_or_else(|_| unreachable!("a score for each class of each sample"));
        Ok(BatchExplanation {
            relevance: stack(self.relevance)?,
            at: names.iter().cloned().zip(stack(self.at)?).collect(),
            scores,
            targets: self.targets,
            ledgers: self.ledgers,
            rules: self.rules,
            by: self.by,
        })
    }
}

/// The arrays of all parts, each along axis 0.
fn stack<F: Real>(mut parts: Vec<Vec<ArrayD<F>>>) -> Result<Vec<ArrayD<F>>, Error> {
    if let [_] = parts.as_slice() {
        return Ok(parts.remove(0));
    }
    let arrays = parts.first().map_or(0, Vec::len);
    let whole = |array: usize| {
        let views: Vec<_> = parts.iter().map(|part| part[array].view()).collect();
        ndarray::concatenate(Axis(0), &views)
            .map_err(|_| Error::NotStacked { shapes: views.iter().map(|view| view.shape().to_vec()).take(2).collect() })
    };
    (0..arrays).map(whole).collect()
}

impl Attribution {
    /// What explains a network: the default of its kind, where nothing else is asked for.
    ///
    /// # Errors
    /// As [`Composite::named`].
    pub fn for_network<F: Real>(&self, network: &Network<F>) -> Result<neural_lrp::Attribution, Error> {
        Ok(match self {
            Self::Default => Composite::default_for(network).composite()?.into(),
            Self::OfNetwork(attribution) => attribution.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use neural_lrp::Target;

    use super::*;

    const MODEL: &str = "../../tests/golden/neural/lenet5/model.onnx";

    fn batch() -> ArrayD<f32> {
        let two: ArrayD<f32> = ndarray_npy::read_npy("../../tests/golden/neural/lenet5/input.npy").unwrap();
        ndarray::concatenate(Axis(0), &vec![two.view(); 15]).unwrap()
    }

    fn go_on(_: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    #[test]
    fn a_batch_of_several_windows_is_its_samples_one_by_one() {
        let (networks, batch) = (Networks::<f32>::open(MODEL).unwrap(), batch());
        let classes: Vec<usize> = (0..30).map(|sample| sample % 10).collect();
        let request = Request {
            begins: Beginning::At(Target::Each(classes.clone())),
            at: vec!["/3/Conv".to_owned()],
            ..Request::default()
        };
        let whole = networks.explain(&[batch.view()], &request, &mut go_on).unwrap();
        assert_eq!((whole.ledgers.len(), whole.by.as_str()), (30, "epsilon-plus-flat"));
        for sample in [0, 7, 29] {
            let one = batch.slice_axis(Axis(0), Slice::from(sample..sample + 1));
            let request = Request { begins: Beginning::At(Target::Class(classes[sample])), ..request.clone() };
            let alone = networks.explain(&[one], &request, &mut go_on).unwrap();
            let row = |array: &ArrayD<f32>, sample| array.index_axis(Axis(0), sample).to_owned();
            assert_eq!(row(&whole.relevance[0], sample), row(&alone.relevance[0], 0));
            assert_eq!(row(&whole.at["/3/Conv"], sample), row(&alone.at["/3/Conv"], 0));
            assert_eq!(whole.ledgers[sample], alone.ledgers[0]);
            assert_eq!(whole.targets.as_ref().unwrap()[sample], alone.targets.unwrap()[0]);
        }
    }

    #[test]
    fn noise_is_drawn_alike_wherever_a_sample_stands() {
        let (networks, batch) = (Networks::<f32>::open(MODEL).unwrap(), batch());
        let method = "smooth-grad=2".parse::<neural_lrp::methods::Method>().unwrap();
        let request = Request { attribution: method.into(), ..Request::default() };
        let explained = networks.explain(&[batch.view()], &request, &mut go_on).unwrap();
        let maps = &explained.relevance[0];
        assert_eq!(maps.index_axis(Axis(0), 0), maps.index_axis(Axis(0), 28));
    }

    #[test]
    fn a_run_is_stopped_between_samples() {
        let (networks, batch) = (Networks::<f32>::open(MODEL).unwrap(), batch());
        let method = "integrated-gradients=2".parse::<neural_lrp::methods::Method>().unwrap();
        let request = Request { attribution: method.into(), ..Request::default() };
        let mut told = Vec::new();
        let stopped = networks.explain(&[batch.view()], &request, &mut |done| {
            told.push(done);
            if done == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(matches!(stopped, Err(Error::Stopped { done: 3, samples: 30 })));
        assert_eq!(told, [1, 2, 3]);
    }

    #[test]
    fn bytes_are_as_good_as_a_file() {
        let (of_file, batch) = (Networks::<f64>::open(MODEL).unwrap(), batch().mapv(f64::from));
        let of_bytes = Networks::<f64>::from_bytes(std::fs::read(MODEL).unwrap(), ".").unwrap();
        let [file, bytes] =
            [&of_file, &of_bytes].map(|networks| networks.run(&[batch.view()], &[], &mut go_on).unwrap());
        assert_eq!(file, bytes);
        assert_eq!(file[0].shape(), [30, 10]);
    }

    #[test]
    fn names_of_nodes_and_modules_mean_what_they_give() {
        let networks = Networks::<f32>::open(MODEL).unwrap();
        let explainer = networks.explainer(&[&[1, 1, 32, 32]]).unwrap();
        let network = explainer.network();
        let named = |name: &str| Networks::tensor(network, name).map(|tensor| network.tensor(tensor).name.clone());
        for name in ["/3/Conv", "/3/Conv_output_0", "3"] {
            assert_eq!(named(name).unwrap(), "/3/Conv_output_0");
        }
        assert!(named("layer4").unwrap_err().to_string().contains("/3/Conv"));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_the_rest_still_goes() {
        let (networks, batch) = (Networks::<f32>::open(MODEL).unwrap(), batch());
        let refused = |array: ArrayViewD<'_, f32>| {
            networks.explain(&[array], &Request::default(), &mut go_on).unwrap_err().to_string()
        };
        assert!(refused(batch.slice_axis(Axis(3), Slice::from(..3))).contains("(N, 1, 32, 32)"));
        assert!(refused(batch.slice_axis(Axis(0), Slice::from(..0))).contains("no numbers"));
        assert!(networks.explain(&[], &Request::default(), &mut go_on).is_err());
        assert!(networks.explain(&[batch.view()], &Request::default(), &mut go_on).is_ok());
    }
}
