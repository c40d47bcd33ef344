//! The measures against numbers that Quantus gives for the same explanations (`tests/golden/quantus`, conventions in the
//! folder's README).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use evaluation::measures::{relative_change, slope};
use evaluation::{Case, CurveAxis, LayerOrder, Measure, Outcome, Randomization, Randomized, structural_similarity};
use model_files::InputShapes;
use ndarray::{Array2, ArrayD, ArrayViewD, Axis};
use ndarray_npy::{NpzReader, ReadNpyExt};
use neural_lrp::methods::Method;
use neural_lrp::operation::{Constant, Input};
use neural_lrp::operations::read;
use neural_lrp::{Explainer, Network, NetworkClassifier};
use relevance::{ExplainError, ExplainableClassifier, Explanation, RandomizableClassifier};
use serde_json::Value;

/// Relative: both sides compute in f64 from the same f32 numbers.
const EXACT: f64 = 1e-9;
/// Quantus adds 1e-7 to each of some hundred magnitudes that are at most 1.
const WITH_OFFSETS: f64 = 1e-5;

#[test]
fn measures_agree_with_quantus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let report: Value = serde_json::from_str(&fs::read_to_string(folder.join("quantus/values.json")).unwrap()).unwrap();
    let mut compared = 0;
    for (case, values) in report["cases"].as_object().unwrap() {
        let golden = Golden::open(&folder, case);
        for (number, values) in values["samples"].as_array().unwrap().iter().enumerate() {
            for (name, expected) in values.as_object().unwrap() {
                golden.sample(number).compare(name, expected);
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 2 * 22 + 2 * 14, "as many values as the files have");
}

/// A network, its inputs, and what came with Quantus's numbers.
struct Golden {
    classifier: Arc<NetworkClassifier<f64>>,
    inputs: ArrayD<f64>,
    targets: Vec<usize>,
    noise: ArrayD<f64>,
    drawn: PathBuf,
}

impl Golden {
    fn open(folder: &Path, case: &str) -> Self {
        let neural = folder.join("neural").join(case);
        let manifest: Value = serde_json::from_str(&fs::read_to_string(neural.join("manifest.json")).unwrap()).unwrap();
        let targets = manifest["chosen_class"].as_array().unwrap();
        let inputs = array(&neural.join("input.npy"));
        let model = model_files::read::<f64>(neural.join("model.onnx")).unwrap();
        let network = model.network(&InputShapes::new().with("input", inputs.shape().to_vec())).unwrap();
        Self {
            classifier: Arc::new(classifier(&network, &inputs.shape()[1..])),
            inputs,
            targets: targets.iter().map(|target| target.as_u64().unwrap() as usize).collect(),
            noise: array(&folder.join(format!("quantus/{case}_noise.npy"))),
            drawn: folder.join(format!("quantus/{case}_drawn.npz")),
        }
    }

    fn sample(&self, number: usize) -> Sample<'_> {
        let (input, target) = (self.inputs.index_axis(Axis(0), number), self.targets[number]);
        let relevance = self.classifier.explain(input.view(), target).unwrap().relevance;
        let channels_first = input.shape();
        let mask = Array2::from_shape_fn((channels_first[1], channels_first[2]), |(row, column)| {
            (row as i64 - 6).pow(2) + (column as i64 - 9).pow(2) <= 20
        });
        Sample { golden: self, number, input, target, relevance, mask }
    }
}

/// One sample, explained.
struct Sample<'a> {
    golden: &'a Golden,
    number: usize,
    input: ArrayViewD<'a, f64>,
    target: usize,
    relevance: ArrayD<f64>,
    mask: Array2<bool>,
}

impl Sample<'_> {
    /// Compares what Quantus has under a name, which holds the settings.
    fn compare(&self, name: &str, expected: &Value) {
        let words: Vec<&str> = name.split(' ').collect();
        match words[..] {
            ["pixel-flipping", "softmax"] => {
                self.scores(name, "pixel-flipping=features-in-step:1,output:softmax", expected);
            }
            ["pixel-flipping", step, baseline] => {
                let replacement = replacement(baseline, 1);
                let text = format!("pixel-flipping=features-in-step:{step},replacement:{replacement}");
                self.scores(name, &text, expected);
            }
            ["region-perturbation", patch, "softmax", regions] => {
                let text =
                    format!("region-perturbation=patch-size:{patch},regions-evaluation:{regions},output:softmax");
                self.drops(name, &text, expected);
            }
            ["region-perturbation", patch, order, baseline] => {
                let replacement = replacement(baseline, self.input.shape()[0]);
                let text = format!("region-perturbation=patch-size:{patch},order:{order},replacement:{replacement}");
                self.drops(name, &text, expected);
            }
            ["top-k-intersection"] => self.value(name, "top-k-intersection=k:40", expected, EXACT),
            ["sparseness" | "complexity"] => self.value(name, name, expected, WITH_OFFSETS),
            ["pointing-game" | "relevance-mass-accuracy" | "relevance-rank-accuracy"] => {
                self.value(name, name, expected, EXACT);
            }
            ["completeness"] => self.completeness(expected),
            ["max-sensitivity"] => {
                let change = |_: ArrayViewD<'_, f64>, relevance: ArrayViewD<'_, f64>| {
                    relative_change(self.relevance.view(), relevance).unwrap()
                };
                close(name, self.largest_nearby(change), number(expected), EXACT);
            }
            ["local-lipschitz-estimate"] => {
                let steepness = |input: ArrayViewD<'_, f64>, relevance: ArrayViewD<'_, f64>| {
                    slope([self.input.view(), input.view()], [self.relevance.view(), relevance.view()])
                };
                close(name, self.largest_nearby(steepness), number(expected), EXACT);
            }
            ["random-logit"] => {
                let other = expected["other"].as_u64().unwrap() as usize;
                let other = self.golden.classifier.explain(self.input.view(), other).unwrap().relevance;
                let found = structural_similarity(&scaled(&self.relevance), &scaled(&other)).unwrap().unwrap();
                close(name, found, number(&expected["value"]), EXACT);
            }
            ["mprt", order] => self.randomisation(name, order, expected),
            _ => panic!("{name}: nothing to compare it with"),
        }
    }

    fn outcome(&self, text: &str, relevance: ArrayViewD<'_, f64>, randomized: &[Randomized]) -> Outcome {
        let measure: Box<dyn Measure> = text.parse().unwrap();
        let case = Case {
            classifier: self.golden.classifier.as_ref(),
            randomized,
            number: self.number,
            input: self.input.view(),
            target: self.target,
            relevance: relevance.view(),
            mask: Some(self.mask.view()),
        };
        measure.evaluate(&case).unwrap()
    }

    fn value(&self, name: &str, text: &str, expected: &Value, tolerance: f64) {
        let found = self.outcome(text, self.relevance.view(), &[]).value.unwrap();
        close(name, found, number(expected), tolerance);
    }

    /// Quantus's curve is ours without the first step.
    fn scores(&self, name: &str, text: &str, expected: &Value) {
        let curve = self.outcome(text, self.relevance.view(), &[]).curve.unwrap();
        let of_target = curve.values.column(self.target);
        closes(name, of_target.iter().skip(1).copied(), expected);
    }

    fn drops(&self, name: &str, text: &str, expected: &Value) {
        let outcome = self.outcome(text, self.relevance.view(), &[]);
        let curve = outcome.curve.unwrap();
        let of_target = curve.values.column(self.target);
        let drops = of_target.iter().skip(1).map(|score| of_target[0] - score);
        closes(name, drops.clone(), expected);
        // The value is the mean with the first difference, which is 0.
        close(name, outcome.value.unwrap(), drops.sum::<f64>() / of_target.len() as f64, EXACT);
    }

    fn completeness(&self, expected: &Value) {
        let mut relevance = ArrayD::zeros(self.input.raw_dim());
        let mut missing = |total: f64| {
            relevance.iter_mut().take(1).for_each(|first| *first = total);
            self.outcome("completeness", relevance.view(), &[]).value.unwrap()
        };
        let difference = number(&expected["difference"]);
        assert_eq!((&expected["equal"], &expected["one more"]), (&Value::Bool(true), &Value::Bool(false)));
        assert!(missing(difference) < EXACT);
        let larger = (difference + 1.0).abs().max(difference.abs());
        close("completeness", missing(difference + 1.0), 1.0 / larger, EXACT);
    }

    fn largest_nearby(&self, judge: impl Fn(ArrayViewD<'_, f64>, ArrayViewD<'_, f64>) -> f64) -> f64 {
        let copies = self.golden.noise.index_axis(Axis(0), self.number);
        let judged = copies.outer_iter().map(|noise| {
            let input = &self.input + &noise;
            let relevance = self.golden.classifier.explain(input.view(), self.target).unwrap().relevance;
            judge(input.view(), relevance.view())
        });
        judged.fold(f64::NEG_INFINITY, f64::max)
    }

    fn randomisation(&self, name: &str, order: &str, expected: &Value) {
        let order: LayerOrder = order.replace('_', "-").parse().unwrap();
        let golden = self.golden;
        let classifier = Drawn { classifier: Arc::clone(&golden.classifier), parameters: golden.drawn.clone() };
        let randomized = Randomization { order, seed: 42 }.of(&classifier).unwrap();
        let text = format!("model-parameter-randomisation=layer-order:{order}");
        let outcome = self.outcome(&text, self.relevance.view(), &randomized);
        let curve = outcome.curve.unwrap();
        let CurveAxis::Layers(layers) = &curve.along else { panic!("{:?}", curve.along) };
        assert_eq!(layers.len(), expected.as_object().unwrap().len() - 1, "all but the original");
        for (layer, found) in layers.iter().zip(curve.values.column(0)) {
            close(&format!("{name} {layer}"), *found, number(&expected[module(layer)]), EXACT);
        }
        close(name, outcome.value.unwrap(), curve.values.mean().unwrap(), EXACT);
    }
}

/// The network with parameters as Quantus drew them.
struct Drawn {
    classifier: Arc<NetworkClassifier<f64>>,
    parameters: PathBuf,
}

impl ExplainableClassifier for Drawn {
    fn targets(&self) -> usize {
        self.classifier.targets()
    }

    fn channel_axis(&self) -> Option<Axis> {
        self.classifier.channel_axis()
    }

    fn scores(&self, inputs: &[ArrayViewD<'_, f64>]) -> Result<Array2<f64>, ExplainError> {
        self.classifier.scores(inputs)
    }

    fn explain(&self, input: ArrayViewD<'_, f64>, target: usize) -> Result<Explanation, ExplainError> {
        self.classifier.explain(input, target)
    }
}

impl RandomizableClassifier for Drawn {
    fn layers(&self) -> Vec<String> {
        self.classifier.layers()
    }

    fn randomized(&self, layer: usize, _: u64) -> Result<Box<dyn RandomizableClassifier>, ExplainError> {
        let name = self.layers()[layer].clone();
        let mut parameters = NpzReader::new(File::open(&self.parameters)?)?;
        let mut builder = self.classifier.explainer().network().to_builder();
        let draft = builder.nodes.iter_mut().find(|draft| draft.name == name).unwrap();
        let mut spec = draft.operation.to_spec();
        let mut files = ["weight", "bias"].iter();
        for input in &mut spec.inputs {
            if let Input::Constant(Constant::Real(values)) = input {
                let file = format!("{}.{}.npy", module(&name), files.next().unwrap());
                let drawn: ArrayD<f32> = parameters.by_name(&file)?;
                assert_eq!(drawn.shape(), values.shape(), "{file}");
                *values = Arc::new(drawn.mapv(f64::from));
            }
        }
        draft.operation = read(&spec)?.operation;
        let shape = builder.inputs[0].1[1..].iter().map(|length| length.unwrap()).collect::<Vec<_>>();
        let classifier = Arc::new(classifier(&builder.build()?, &shape));
        Ok(Box::new(Self { classifier, parameters: self.parameters.clone() }))
    }
}

fn classifier(network: &Network<f64>, shape: &[usize]) -> NetworkClassifier<f64> {
    NetworkClassifier::new(Explainer::new(network).unwrap(), shape, "input-x-gradient".parse::<Method>().unwrap())
        .unwrap()
}

/// The module of a node: `/7/Gemm` is of 7.
fn module(node: &str) -> &str {
    node.trim_start_matches('/').split('/').next().unwrap()
}

/// A baseline of Quantus for an input of so many channels.
fn replacement(baseline: &str, channels: usize) -> String {
    if baseline.parse::<f64>().is_ok() {
        return format!("constant={}", vec![baseline; channels].join("/"));
    }
    baseline.to_owned()
}

fn scaled(relevance: &ArrayD<f64>) -> Vec<f64> {
    let largest = relevance.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    relevance.iter().map(|value| value / largest).collect()
}

fn array(path: &Path) -> ArrayD<f64> {
    ArrayD::<f32>::read_npy(File::open(path).unwrap()).unwrap().mapv(f64::from)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn close(name: &str, found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error <= tolerance, "{name}: {found} instead of {expected}");
}

fn closes(name: &str, found: impl Iterator<Item = f64>, expected: &Value) {
    let (found, expected): (Vec<f64>, _) = (found.collect(), expected.as_array().unwrap());
    assert_eq!(found.len(), expected.len(), "{name}");
    for (step, (found, expected)) in found.iter().zip(expected).enumerate() {
        close(&format!("{name} at {step}"), *found, number(expected), EXACT);
    }
}
