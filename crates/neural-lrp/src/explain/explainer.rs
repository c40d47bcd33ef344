//! Explaining batches: one forward pass, any number of rules, classes and repeats.

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::{Array2, ArrayD, ArrayViewD, Axis, Slice, concatenate};
use rayon::prelude::*;
use relevance::Ledger;

use crate::explain::composite::Composite;
use crate::explain::propagation::{Keep, Mask, Propagation};
use crate::explain::start::{Initial, Start};
use crate::explain::target::{ClassAxis, OutputLayout, Target};
use crate::network::Activations;
use crate::network::Canonizer;
use crate::network::{Kept, Network, Rest, Stopwatch, TensorId, first_rows, mixed_samples, parts};
use crate::operation::Family;
use crate::rules::Rule;
use crate::{Error, Real};

/// Explains a network's decisions, sample by sample.
///
/// Batches are stacked along axis 0 of each input and of the explained output; a network whose input has a fixed number
/// of samples takes that many together, any other takes one at a time, on all threads. Where there are fewer samples than
/// that, copies of the last one fill them up; they are in no result and in no ledger.
///
/// ```
/// use ndarray::array;
/// use neural_lrp::operations::Dense;
/// use neural_lrp::{Composite, Explainer, Initial, NetworkBuilder, Target};
/// use std::sync::Arc;
///
/// let mut network = NetworkBuilder::new();
/// network.input("x", [None, Some(2)]).output("scores");
/// network.node("dense", Arc::new(Dense::new(array![[1.0, 2.0], [3.0, -1.0]], None)?), ["x"], "scores");
/// let explainer = Explainer::new(&network.build()?)?;
///
/// let forward = explainer.forward(array![[1.0, 0.5], [2.0, 4.0]].into_dyn().view())?;
/// let explanation = forward.explain(&Composite::named("figure-12")?, &Initial::Score(Target::Class(0)).into())?;
/// assert_eq!(explanation.relevance[0], array![[1.0, 1.0], [2.0, 8.0]].into_dyn()); // w_i x_i
/// explanation.ledgers[0].check(1e-10)?; // of the first sample: all of its score reached the input
/// # Ok::<(), neural_lrp::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Explainer<F: Real> {
    network: Network<F>,
    explained: TensorId,
    skipped: Vec<String>,
    class_axis: ClassAxis,
    together: Together,
    stopwatch: Option<Arc<Stopwatch>>,
}

/// How many samples go through a network together, if it does not say.
#[derive(Clone, Copy, Debug)]
enum Together {
    Given(usize),
    /// As many as fit into a cache.
    Fitting,
}

/// How many numbers all tensors have of samples that go through a network together.
const NUMBERS_TOGETHER: usize = 1 << 22;

impl<F: Real> Explainer<F> {
    /// Explains the first output of a network, rewritten by all [`Canonizer`]s. A softmax, its logarithm or a sigmoid at
    /// the end is left out, since the paper's rules start from the linear score (before Algorithm 2).
    ///
    /// # Errors
    /// [`Error::Graph`] if the rewritten network were none.
    pub fn new(network: &Network<F>) -> Result<Self, Error> {
        let network = network.canonize(&Canonizer::ALL)?;
        let output = network.outputs()[0];
        let (explained, skipped) = linear_score(&network, output);
        Ok(Self {
            network,
            explained,
            skipped,
            class_axis: ClassAxis::OfNetwork,
            together: Together::Given(1),
            stopwatch: None,
        })
    }

    /// Explains another tensor than the first output's linear score: an output, by its name, as its linear score, or any
    /// tensor that the network computes, as it is.
    ///
    /// # Errors
    /// [`Error::Setting`] when there is no such tensor.
    pub fn with_output(mut self, name: &str) -> Result<Self, Error> {
        let outputs = self.network.outputs();
        if let Some(&output) = outputs.iter().find(|&&output| self.network.tensor(output).name == name) {
            (self.explained, self.skipped) = linear_score(&self.network, output);
            return Ok(self);
        }
        let Some(inner) = self.network.find(name).ok().filter(|&tensor| self.network.producer(tensor).is_some()) else {
            let names: Vec<&str> = outputs.iter().map(|&output| self.network.tensor(output).name.as_str()).collect();
            let reason = format!(
                "the network gives {}, and computes no tensor of this name on the way: one that a neighbor took up, as a \
                 batch normalization is by its convolution, is no longer there{}",
                wording::shortened(&names.join(", ")),
                wording::did_you_mean(name, self.network.tensor_names())
            );
            return Err(Error::Setting { what: "output", given: name.to_owned(), reason });
        };
        (self.explained, self.skipped) = (inner, Vec::new());
        Ok(self)
    }

    /// Explains the probability at the end, not the linear score before it.
    #[must_use]
    pub fn explaining_probability(mut self) -> Self {
        for node in self.network.nodes() {
            if self.skipped.contains(&node.name) {
                self.explained = node.output;
            }
        }
        self.skipped.clear();
        self
    }

    /// Looks for the classes of the explained output along another axis.
    #[must_use]
    pub fn with_class_axis(self, class_axis: ClassAxis) -> Self {
        Self { class_axis, ..self }
    }

    /// Takes `samples` of a batch through the network together, which is faster for small networks. Each has a ledger of its
    /// own, where the network keeps samples apart, or else all of them one. A network with a fixed number of samples keeps to
    /// that.
    #[must_use]
    pub fn samples_together(self, samples: usize) -> Self {
        Self { together: Together::Given(samples.max(1)), ..self }
    }

    /// Takes as many samples of a batch through the network together as the cache of a processor holds with all their
    /// tensors, where the network keeps samples apart.
    #[must_use]
    pub fn in_batches(self) -> Self {
        Self { together: Together::Fitting, ..self }
    }

    /// Has a watch running in all passes, which tells how long each node of [`network`](Self::network) takes.
    #[must_use]
    pub fn with_stopwatch(self, stopwatch: Arc<Stopwatch>) -> Self {
        Self { stopwatch: Some(stopwatch), ..self }
    }

    /// The network as it is explained: canonized.
    pub fn network(&self) -> &Network<F> {
        &self.network
    }

    /// The tensor that is explained.
    pub fn explained(&self) -> TensorId {
        self.explained
    }

    /// The nodes at the end that are left out: softmax and sigmoid, and what only rearranges behind them.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// How many samples the network takes at a time, where that is fixed.
    pub fn fixed_samples(&self) -> Option<usize> {
        self.network.fixed_samples()
    }

    /// The positions of the inputs that the explained tensor is computed from.
    pub fn reaching_inputs(&self) -> Vec<usize> {
        let sources = self.network.sources(self.explained);
        let inputs = self.network.inputs().iter().enumerate();
        inputs.filter(|(_, input)| sources.contains(&input.tensor)).map(|(position, _)| position).collect()
    }

    /// How the explained output holds samples, classes and positions, for inputs of given shapes.
    ///
    /// # Errors
    /// What [`Network::shapes`] says of the shapes; an explained output whose first axis is not that of the samples, or a
    /// class axis that it does not have.
    pub fn output_layout(&self, inputs: &[&[usize]]) -> Result<OutputLayout, Error> {
        let samples = inputs.first().and_then(|shape| shape.first()).copied().unwrap_or(0);
        let shapes = self.network.shapes(inputs)?;
        self.layout(&shapes[self.explained.index()], samples)
    }

    /// The layout of an explained output of a shape, for so many samples that went in.
    fn layout(&self, shape: &[usize], samples: usize) -> Result<OutputLayout, Error> {
        let layout = OutputLayout::of(&self.network, self.explained, shape, self.class_axis)?;
        if layout.samples() == samples {
            return Ok(layout);
        }
        Err(Error::Setting {
            what: "output",
            given: self.network.tensor(self.explained).name.clone(),
            reason: format!(
                "it has shape {shape:?}; its first axis should be that of the {samples} samples that went in"
            ),
        })
    }

    /// How many samples of a batch go through the network together.
    pub(crate) fn together(&self, batches: &[&[usize]]) -> usize {
        match (self.fixed_samples(), self.together) {
            (Some(fixed), _) => fixed,
            (None, Together::Given(samples)) => samples,
            (None, Together::Fitting) if !self.network.keeps_samples_apart() => 1,
            (None, Together::Fitting) => {
                let samples = batches.iter().map(|shape| [&[1], shape.get(1..).unwrap_or_default()].concat());
                let samples: Vec<Vec<usize>> = samples.collect();
                let shapes = self.network.shapes(&samples.iter().map(Vec::as_slice).collect::<Vec<_>>());
                let numbers: usize = shapes.iter().flatten().map(|shape| shape.iter().product::<usize>()).sum();
                (NUMBERS_TOGETHER / numbers.max(1)).max(1)
            }
        }
    }

    /// Explains the same tensor of another network.
    pub(crate) fn with_network(&self, network: &Network<F>) -> Result<Self, Error> {
        let explained = network.find(&self.network.tensor(self.explained).name)?;
        Ok(Self { network: network.clone(), explained, ..self.clone() })
    }

    /// The forward pass of a batch, for a network of one input.
    ///
    /// # Errors
    /// As [`forward_all`](Self::forward_all).
    pub fn forward(&self, batch: ArrayViewD<'_, F>) -> Result<Forward<'_, F>, Error> {
        self.forward_all(&[batch])
    }

    /// The forward pass of a batch, one array for each input.
    ///
    /// # Errors
    /// A batch that does not fit the network, or holds numbers that are not finite.
    pub fn forward_all(&self, batches: &[ArrayViewD<'_, F>]) -> Result<Forward<'_, F>, Error> {
        self.forward_keeping(Kept::All, batches)
    }

    /// The forward pass of a batch to some tensors, one array for each input. It keeps no others: faster than
    /// [`forward_all`](Self::forward_all) and of less memory for who asks for these alone, and slower for who explains, since
    /// what is not kept is computed once more where it is needed.
    ///
    /// # Errors
    /// As [`forward_all`](Self::forward_all).
    pub fn forward_to(&self, tensors: &[TensorId], batches: &[ArrayViewD<'_, F>]) -> Result<Forward<'_, F>, Error> {
        self.forward_keeping(Kept::Only(&[&[self.explained], tensors].concat()), batches)
    }

    fn forward_keeping(&self, kept: Kept<'_>, batches: &[ArrayViewD<'_, F>]) -> Result<Forward<'_, F>, Error> {
        let Some(samples) = batches.first().and_then(|batch| batch.shape().first().copied()) else {
            return Err(Error::Input {
                input: "batch".into(),
                reason: "it should have an axis of samples before all others".into(),
            });
        };
        let shapes: Vec<&[usize]> = batches.iter().map(|batch| batch.shape()).collect();
        let together = self.together(&shapes);
        let rest = if self.fixed_samples().is_some() { Rest::Filled } else { Rest::Shorter };
        let chunks = parts(batches, samples, together, rest)?;
        let filled = match rest {
            Rest::Filled => samples.next_multiple_of(together) - samples,
            Rest::Shorter => 0,
        };
        let run = |inputs: Vec<ArrayD<F>>| {
            let samples = inputs[0].len_of(Axis(0));
            let activations = self.network.forward_keeping(kept, inputs, self.stopwatch.clone())?;
            self.layout(activations.value(self.explained).shape(), samples)?;
            Ok(activations)
        };
        let last = chunks.last().filter(|_| filled > 0).cloned();
        let chunks = chunks.into_par_iter().map(run).collect::<Result<Vec<_>, Error>>()?;
        // Explanations have their own way to tell: relevance at copies.
        if let (Kept::Only(tensors), Some(inputs), Some(chunk)) = (kept, last, chunks.last()) {
            let values: Vec<ArrayD<F>> = tensors.iter().map(|&tensor| chunk.value(tensor).to_owned()).collect();
            self.network.check_filling(inputs, samples, tensors, &values)?;
        }
        Ok(Forward { explainer: self, chunks, samples, filled })
    }
}

/// The tensor before a trailing softmax or sigmoid, with the names of the nodes that were passed over.
fn linear_score<F: Real>(network: &Network<F>, output: TensorId) -> (TensorId, Vec<String>) {
    let (mut tensor, mut passed) = (output, Vec::new());
    while let Some(node) = network.producer(tensor) {
        passed.push(node.name.clone());
        let &[operand] = node.operands.as_slice() else { break };
        if node.operation.is_squashing() {
            return (operand, passed);
        }
        if node.operation.family() != Family::Arrangement && !node.operation.is_quantization() {
            break;
        }
        tensor = operand;
    }
    (output, Vec::new())
}

/// What is asked of a backward pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Question<F> {
    /// What it begins with.
    pub initial: Initial<F>,
    /// Channels that relevance may pass through, by the tensor's name.
    pub masks: Vec<(String, Vec<usize>)>,
    /// Names of tensors whose relevance is wanted beside that of the inputs.
    pub at: Vec<String>,
}

impl<F> From<Initial<F>> for Question<F> {
    fn from(initial: Initial<F>) -> Self {
        Self { initial, masks: Vec::new(), at: Vec::new() }
    }
}

/// A forward pass of a batch: the source of any number of explanations.
#[derive(Clone, Debug)]
pub struct Forward<'a, F: Real> {
    explainer: &'a Explainer<F>,
    chunks: Vec<Activations<F>>,
    /// How many samples there are, …
    samples: usize,
    /// … and how many copies of the last one are behind them.
    filled: usize,
}

/// The explanation of a batch.
#[derive(Clone, Debug)]
pub struct Explained<F> {
    /// Relevance of each of the network's inputs, in the shape of the batch.
    pub relevance: Vec<ArrayD<F>>,
    /// Relevance of the tensors that were asked for, by name, stacked along axis 0.
    pub at: BTreeMap<String, ArrayD<F>>,
    /// Where relevance went; one for each sample, or for each group that went through the network together. Empty ones
    /// for gradients.
    pub ledgers: Vec<Ledger>,
    /// The rule of each node of the explained network.
    pub rules: Vec<Rule>,
}

impl<'a, F: Real> Forward<'a, F> {
    /// What made this forward pass.
    pub fn explainer(&self) -> &'a Explainer<F> {
        self.explainer
    }

    /// The forward passes of the parts of the batch that went through the network together.
    pub fn parts(&self) -> &[Activations<F>] {
        &self.chunks
    }

    /// The explained output of the whole batch.
    pub fn scores(&self) -> ArrayD<F> {
        self.joined(self.chunks.iter().map(|chunk| chunk.value(self.explainer.explained).to_owned()).collect())
    }

    /// A tensor of the whole batch, stacked along axis 0; a tensor without axes has one number for each part.
    ///
    /// # Errors
    /// [`Error::Setting`] when the parts' lengths differ along another axis: then its samples do not lie along axis 0.
    pub fn value(&self, tensor: TensorId) -> Result<ArrayD<F>, Error> {
        let parts = self.chunks.iter().map(|chunk| chunk.value(tensor).to_owned()).collect();
        stack_if_alike(parts).and_then(|whole| self.without_copies(whole)).ok_or_else(|| self.no_samples(tensor))
    }

    /// The samples of an array of the whole batch, without the copies that fill it up; `None` where they do not lie along
    /// axis 0.
    fn without_copies(&self, whole: ArrayD<F>) -> Option<ArrayD<F>> {
        match (self.filled, whole.shape().first()) {
            (0, _) => Some(whole),
            (filled, Some(&rows)) if rows == self.samples + filled => Some(first_rows(whole, self.samples)),
            _ => None,
        }
    }

    /// The parts of a batch whose samples lie along axis 0, without the copies that fill it up.
    pub(crate) fn joined(&self, parts: Vec<ArrayD<F>>) -> ArrayD<F> {
        first_rows(stack(parts), self.samples)
    }

    /// An array of the whole batch, with copies of its last row to fill it up.
    pub(crate) fn with_copies(&self, whole: ArrayD<F>) -> ArrayD<F> {
        let rows: Vec<usize> = (0..self.samples + self.filled).map(|row| row.min(self.samples - 1)).collect();
        if self.filled == 0 { whole } else { whole.select(Axis(0), &rows) }
    }

    fn no_samples(&self, tensor: TensorId) -> Error {
        Error::Setting {
            what: "tensor",
            given: self.explainer.network.tensor(tensor).name.clone(),
            reason: "its samples do not lie along axis 0, so that the parts of the batch, of which one is shorter or filled up, \
                     can't be stacked; take the samples one at a time, or as many as the network takes"
                .into(),
        }
    }

    /// How the explained output holds samples, classes and positions.
    ///
    /// # Errors
    /// [`Error::Setting`] for a class axis that it does not have.
    pub fn layout(&self) -> Result<OutputLayout, Error> {
        let scores = self.scores();
        self.explainer.layout(scores.shape(), scores.len_of(Axis(0)))
    }

    /// The score of each class of each sample (samples, classes), summed over positions where the output has any.
    ///
    /// # Errors
    /// As [`layout`](Self::layout).
    pub fn class_scores(&self) -> Result<Array2<f64>, Error> {
        Ok(self.layout()?.class_scores(self.scores().view()))
    }

    /// The class of each sample that a target means.
    ///
    /// # Errors
    /// [`Error::Setting`] for a class or a region that does not exist, or when there is not one class for each sample.
    pub fn classes(&self, target: &Target) -> Result<Vec<usize>, Error> {
        self.layout()?.classes_of(self.scores().view(), target)
    }

    /// The score of each sample's target: the sum of what [`Initial::Score`] begins with.
    ///
    /// # Errors
    /// As [`classes`](Self::classes).
    pub fn target_scores(&self, target: &Target) -> Result<Vec<f64>, Error> {
        let initial = self.layout()?.at_target(self.scores().view(), target, |score| score)?;
        let score = |sample: ArrayViewD<'_, F>| sample.iter().map(|score| score.as_()).sum();
        Ok(initial.outer_iter().map(score).collect())
    }

    /// One backward pass with the rules of a composite (Algorithm 2).
    ///
    /// # Errors
    /// A target, mask or tensor that does not exist, initial relevance of a wrong shape, a rule that is not for its node.
    pub fn explain(&self, composite: &Composite, question: &Question<F>) -> Result<Explained<F>, Error> {
        let network = &self.explainer.network;
        let rules = composite.assign(network)?;
        let at = question.at.iter().map(|name| network.find(name)).collect::<Result<Vec<_>, _>>()?;
        let masks = question
            .masks
            .iter()
            .map(|(name, channels)| Ok(Mask { tensor: network.find(name)?, channels: channels.clone() }));
        let masks = masks.collect::<Result<Vec<_>, Error>>()?;
        let initial = self.initial(&question.initial)?;
        let propagate = |(chunk, initial): (&Activations<F>, ArrayD<F>)| {
            chunk.propagate(Propagation {
                rules: &rules,
                initial: vec![(self.explainer.explained, initial)],
                masks: &masks,
                keep: Keep::Tensors(at.clone()),
            })
        };
        let passes: Vec<_> = self.chunks.par_iter().zip(initial).map(propagate).collect::<Result<_, _>>()?;
        // A tensor that no relevance came to has none.
        let stacked = |tensor: TensorId| {
            let values = passes.iter().zip(&self.chunks).map(|(pass, chunk)| {
                pass.tensors.get(&tensor).cloned().unwrap_or_else(|| ArrayD::zeros(chunk.value(tensor).raw_dim()))
            });
            stack_if_alike(values.collect()).ok_or_else(|| self.no_samples(tensor))
        };
        let of_samples =
            |tensor: TensorId| self.without_copies(stacked(tensor)?).ok_or_else(|| self.no_samples(tensor));
        let of_input = |tensor: TensorId| {
            let whole = stacked(tensor)?;
            self.check_copies(&whole)?;
            Ok(first_rows(whole, self.samples))
        };
        let named = |&tensor: &TensorId| Ok((network.tensor(tensor).name.clone(), of_samples(tensor)?));
        Ok(Explained {
            relevance: network.inputs().iter().map(|input| of_input(input.tensor)).collect::<Result<_, Error>>()?,
            at: at.iter().map(named).collect::<Result<_, Error>>()?,
            ledgers: passes.iter().flat_map(|pass| pass.ledgers.clone()).collect(),
            rules,
        })
    }

    /// Refuses copies that got relevance, as they do where a sample's score depends on other samples.
    fn check_copies(&self, relevance: &ArrayD<F>) -> Result<(), Error> {
        let copies = relevance.slice_axis(Axis(0), Slice::from(self.samples..));
        if copies.iter().all(|share| *share == F::zero()) {
            return Ok(());
        }
        Err(mixed_samples(self.samples, self.explainer.fixed_samples().unwrap_or(1)))
    }

    /// The initial relevance of each part of the batch; none for the copies that fill it up.
    pub(crate) fn initial(&self, initial: &Initial<F>) -> Result<Vec<ArrayD<F>>, Error> {
        let (scores, layout) = (self.scores(), self.layout()?);
        let whole = match initial {
            Initial::Score(target) => layout.at_target(scores.view(), target, |score| score)?,
            Initial::One(target) => layout.at_target(scores.view(), target, |_| F::one())?,
            Initial::Alike(Start::Score, similarity, others) => similarity.terms(scores.view(), others.view())?,
            Initial::Alike(Start::One, similarity, others) => similarity.weights(scores.view(), others.view())?,
            Initial::Array(array) if array.shape() == scores.shape() => array.as_standard_layout().into_owned(),
            Initial::Array(array) => {
                return Err(Error::Setting {
                    what: "initial relevance",
                    given: format!("an array of shape {:?}", array.shape()),
                    reason: format!("the explained output has shape {:?}", scores.shape()),
                });
            }
        };
        let mut rest = whole.shape().to_vec();
        rest[0] = self.filled;
        let whole = stack(vec![whole, ArrayD::zeros(rest)]);
        let mut start = 0;
        let parts = self.chunks.iter().map(|chunk| {
            let samples = chunk.value(self.explainer.explained).shape().first().copied().unwrap_or(1);
            start += samples;
            whole.slice_axis(Axis(0), Slice::from(start - samples..start)).to_owned()
        });
        Ok(parts.collect())
    }
}

/// The parts of a batch whose samples lie along axis 0.
pub(crate) fn stack<F: Real>(parts: Vec<ArrayD<F>>) -> ArrayD<F> {
    stack_if_alike(parts).unwrap_or_else(|| unreachable!("the parts of a batch differ in the number of samples alone"))
}

/// The parts of a batch along axis 0, single numbers one after another; `None` where other axes differ in length.
fn stack_if_alike<F: Real>(mut parts: Vec<ArrayD<F>>) -> Option<ArrayD<F>> {
    if parts.len() > 1 {
        parts.iter_mut().filter(|part| part.ndim() == 0).for_each(|part| part.insert_axis_inplace(Axis(0)));
        let views: Vec<_> = parts.iter().map(ArrayD::view).collect();
        return concatenate(Axis(0), &views).ok();
    }
    parts.pop()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::array;

    use super::*;
    use crate::network::NetworkBuilder;
    use crate::operation::OperatorSpec;
    use crate::operations::{Dense, read};

    /// `y = x W`, with x turned to `t` and back on the way.
    fn turned() -> Network<f64> {
        let turn = || read(&OperatorSpec::new("Transpose", 1).with_integers("perm", [1, 0])).unwrap().operation;
        let mut builder = NetworkBuilder::new();
        builder.input("x", [None, Some(2)]).output("y");
        builder.node("there", turn(), ["x"], "t");
        builder.node("back", turn(), ["t"], "u");
        builder.node("layer", Arc::new(Dense::new(array![[1.0, 2.0]], None).unwrap()), ["u"], "y");
        builder.build().unwrap()
    }

    #[test]
    fn parts_whose_samples_lie_along_another_axis_are_not_stacked() {
        let network = turned();
        let batch = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]].into_dyn();
        let explainer = Explainer::new(&network).unwrap().samples_together(2);
        let forward = explainer.forward(batch.view()).unwrap();
        assert_eq!(forward.scores(), array![[5.0], [11.0], [17.0]].into_dyn());
        let tensor = explainer.network().find("t").unwrap();
        assert!(forward.value(tensor).unwrap_err().to_string().contains("\"t\""));
        let question = Question { at: vec!["t".into()], ..Initial::Score(Target::Class(0)).into() };
        let error = forward.explain(&Composite::named("epsilon-plus").unwrap(), &question).unwrap_err();
        assert!(error.to_string().contains("samples do not lie along axis 0"), "{error}");

        let explainer = explainer.samples_together(1);
        let forward = explainer.forward(batch.view()).unwrap();
        assert_eq!(forward.value(tensor).unwrap(), array![[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]].into_dyn());
    }

    #[test]
    fn any_tensor_on_the_way_can_be_explained() {
        let network = turned();
        let batch = array![[1.0, 2.0], [3.0, 4.0]].into_dyn();
        let inner = Explainer::new(&network).unwrap().samples_together(2).with_output("u").unwrap();
        let forward = inner.forward(batch.view()).unwrap();
        assert_eq!(forward.scores(), batch);
        let composite = Composite::named("epsilon-plus").unwrap();
        let explained = forward.explain(&composite, &Initial::Score(Target::Class(1)).into()).unwrap();
        assert_eq!(explained.relevance[0], array![[0.0, 2.0], [0.0, 4.0]].into_dyn());
        for name in ["x", "w", "?"] {
            let refusal = Explainer::new(&network).unwrap().with_output(name).unwrap_err().to_string();
            assert!(refusal.contains("the network gives y, and computes no tensor of this name"), "{refusal}");
        }
        // One whose axis 0 is not that of the samples has no targets.
        let turned = Explainer::new(&network).unwrap().samples_together(3).with_output("t").unwrap();
        let refusal = turned.forward(array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]].into_dyn().view()).unwrap_err();
        assert!(refusal.to_string().contains("3 samples"), "{refusal}");
    }

    #[test]
    fn numbers_of_parts_are_one_after_another() {
        let number = |value: f64| ArrayD::from_elem(Vec::new(), value);
        assert_eq!(stack(vec![number(1.0), number(2.0)]), array![1.0, 2.0].into_dyn());
        assert_eq!(stack(vec![number(1.0)]), number(1.0));
    }
}
