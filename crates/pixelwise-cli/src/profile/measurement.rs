//! Running and explaining a network under a watch.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use ndarray::{ArrayD, ArrayViewD};
use neural_lrp::{Composite, Explainer, Network, NodeTime, Question, Real, Stopwatch, Target};

use crate::failure::{Context, Failure};
use crate::input_shapes::ShapeOptions;
use crate::model::NetworkModel;
use crate::rules::RuleOptions;

/// A network that is ready to be measured.
pub struct Measurement<F: Real> {
    /// Its file.
    pub model: PathBuf,
    /// The rules it is explained with.
    pub composite: Composite,
    explainer: Explainer<F>,
    stopwatch: Arc<Stopwatch>,
    inputs: Vec<ArrayD<F>>,
}

/// How long a run took.
#[derive(Clone, Debug)]
pub struct Times {
    /// Each node.
    pub nodes: Vec<NodeTime>,
    /// The whole passes.
    pub whole: NodeTime,
}

impl<F: Real> Measurement<F> {
    /// Reads a network for inputs of given shapes.
    pub fn new(path: &Path, shapes: &ShapeOptions, rules: &RuleOptions) -> Result<Self, Failure> {
        let mut model = NetworkModel::<F>::read_and_warn(path)?;
        let shapes = shapes.of(model.inputs())?;
        let given: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
        let samples = given.first().and_then(|shape| shape.first()).copied().unwrap_or(1);
        let stopwatch = Arc::new(Stopwatch::default());
        // Samples that went through side by side would be counted one after another.
        let explainer = Explainer::new(model.network(&given)?.as_ref())?
            .samples_together(samples)
            .with_stopwatch(Arc::clone(&stopwatch));
        let composite = rules.read()?.composite(explainer.network())?;
        composite.choose(explainer.network())?;
        composite
            .assign(explainer.network())
            .context("the range of the network's input is needed: --input-range LOW,HIGH")?;
        let inputs = shapes.iter().map(|shape| scattered(shape)).collect();
        Ok(Self { model: path.to_owned(), composite, explainer, stopwatch, inputs })
    }

    /// The network as it is explained.
    pub fn network(&self) -> &Network<F> {
        self.explainer.network()
    }

    /// The shape of each tensor.
    pub fn shapes(&self) -> Result<Vec<Vec<usize>>, Failure> {
        let inputs: Vec<&[usize]> = self.inputs.iter().map(ArrayD::shape).collect();
        Ok(self.network().shapes(&inputs)?)
    }

    /// Runs and explains the network once.
    pub fn run(&self) -> Result<Times, Failure> {
        let batches: Vec<ArrayViewD<'_, F>> = self.inputs.iter().map(ArrayD::view).collect();
        let question = Question::from(self.composite.start().at(Target::Predicted));
        let start = Instant::now();
        let forward = self.explainer.forward_all(&batches)?;
        let half = Instant::now();
        forward.explain(&self.composite, &question)?;
        let whole = NodeTime { forward: half - start, back: half.elapsed() };
        let mut nodes = self.stopwatch.take();
        nodes.resize(self.network().nodes().len(), NodeTime::default());
        Ok(Times { nodes, whole })
    }
}

impl Times {
    /// The fastest of each step.
    pub fn min(self, other: &Self) -> Self {
        let nodes = self.nodes.into_iter().zip(&other.nodes).map(|(one, other)| one.min(*other));
        Self { nodes: nodes.collect(), whole: self.whole.min(other.whole) }
    }
}

/// Numbers that are spread evenly between −1 and 1, in no order: the multiples of the golden ratio, without their whole
/// parts.
fn scattered<F: Real>(shape: &[usize]) -> ArrayD<F> {
    let ratio = (5_f64.sqrt() - 1.0) / 2.0;
    let mut index = 0.0;
    ArrayD::from_shape_simple_fn(shape, || {
        index += 1.0;
        F::of(2.0 * (index * ratio).fract() - 1.0)
    })
}
