//! Conformance of the neural half with reference maps made by independent implementations.
//!
//! Walks `tests/golden/neural`, or `$PIXELWISE_GOLDEN/neural`: networks with relevance maps by rule and gradient maps by
//! method (conventions in the folder's README). Every map of every case is compared in f32, to its own tolerance, and in
//! f64; an unknown rule is a failure. Rules for transformers that are not built are listed by name.

use std::fs::{self, File};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use model_files::InputShapes;
use ndarray::{Array1, ArrayD, ArrayViewD, Axis};
use ndarray_npy::{NpzReader, ReadNpyExt};
use neural_lrp::methods::{IntegratedGradients, Quadrature};
use neural_lrp::rules::{InputRange, Rule, Taylor};
use neural_lrp::{Composite, Explainer, Forward, Initial, Question, Real, Selector, Target};
use relevance::Stabilizer;
use serde_json::Value;

/// f64 against maps that are stored as f32.
const EXACT: f64 = 1e-6;
/// f64, for layer maps and gradients.
const EXACT_LAYERS: f64 = 5e-6;
const LEAST_CORRELATION: f64 = 0.99999;

#[test]
fn every_golden_map_is_met() {
    let root = std::env::var_os("PIXELWISE_GOLDEN")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"), PathBuf::from);
    let folder = root.join("neural");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("manifest.json").is_file())
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no golden cases in {}", folder.display());

    let mut verdict = Verdict::default();
    for case in &cases {
        verdict.case = case.file_name().unwrap().to_string_lossy().into_owned();
        // A case that can't be read or run is one failure among others, not the end of the walk.
        for (dtype, run) in [("f32", run::<f32> as fn(&Path, &mut Verdict)), ("f64", run::<f64>)] {
            verdict.dtype = dtype;
            if catch_unwind(AssertUnwindSafe(|| run(case, &mut verdict))).is_err() {
                verdict.fail("the case can't be run".into());
            }
        }
    }
    // Written past the test harness, which would show it for failures only.
    let mut output = std::io::stderr();
    let _ = writeln!(
        output,
        "{}: {} cases, {} maps compared, largest error {:.1e} in f32 and {:.1e} in f64, {} failures",
        folder.display(),
        cases.len(),
        verdict.compared,
        verdict.largest[0],
        verdict.largest[1],
        verdict.failures.len()
    );
    for left in &verdict.left_out {
        let _ = writeln!(output, "left to later work: {left}");
    }
    assert!(verdict.failures.is_empty(), "\n{}", verdict.failures.join("\n"));
}

/// What was compared, and what was wrong.
#[derive(Default)]
struct Verdict {
    case: String,
    dtype: &'static str,
    compared: usize,
    largest: [f64; 2],
    left_out: Vec<String>,
    failures: Vec<String>,
}

impl Verdict {
    fn fail(&mut self, what: String) {
        self.failures.push(format!("{} in {}: {what}", self.case, self.dtype));
    }

    /// Holds a map to `max|R − R_ref| / max|R_ref| < tolerance` and to its correlation.
    fn compare<F: Real>(&mut self, what: &str, found: &ArrayD<F>, wanted: &ArrayD<f64>, tolerance: f64) {
        self.compared += 1;
        if found.shape() != wanted.shape() {
            return self.fail(format!("{what}: shape {:?} instead of {:?}", found.shape(), wanted.shape()));
        }
        let found = found.mapv(|value| value.as_());
        let scale = largest(wanted.view());
        let error = largest((&found - wanted).view()) / if scale > 0.0 { scale } else { 1.0 };
        let correlation = correlation(&found, wanted);
        if error.is_nan() || error >= tolerance {
            self.fail(format!("{what}: error {error:.2e}, more than {tolerance:.0e}"));
        } else if correlation <= LEAST_CORRELATION {
            self.fail(format!("{what}: correlation {correlation}"));
        }
        let column = usize::from(self.dtype == "f64");
        self.largest[column] = self.largest[column].max(error);
    }
}

fn largest(values: ArrayViewD<'_, f64>) -> f64 {
    values.iter().fold(0.0, |largest, value| if value.is_nan() { f64::NAN } else { value.abs().max(largest) })
}

/// Pearson's; 1 where both are constant alike.
fn correlation(found: &ArrayD<f64>, wanted: &ArrayD<f64>) -> f64 {
    let centered = |values: &ArrayD<f64>| values - values.mean().unwrap_or(0.0);
    let (found, wanted) = (centered(found), centered(wanted));
    let scale = (found.mapv(|value| value * value).sum() * wanted.mapv(|value| value * value).sum()).sqrt();
    if scale > 0.0 { (found * wanted).sum() / scale } else { 1.0 }
}

fn array<F: Real>(path: &Path) -> ArrayD<F> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    ArrayD::<f32>::read_npy(file)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .mapv(|value| F::of(value.into()))
}

/// One golden network, run.
struct Case<'a, F: Real> {
    folder: &'a Path,
    manifest: Value,
    explainer: &'a Explainer<F>,
    forward: Forward<'a, F>,
    input: ArrayD<F>,
    initial: ArrayD<F>,
}

fn run<F: Real>(folder: &Path, verdict: &mut Verdict) {
    let manifest: Value = serde_json::from_str(&fs::read_to_string(folder.join("manifest.json")).unwrap()).unwrap();
    let input: ArrayD<F> = array(&folder.join("input.npy"));
    let model = model_files::read::<F>(folder.join("model.onnx")).unwrap();
    let shapes = InputShapes::new().with("input", input.shape().to_vec());
    let explainer = Explainer::new(&model.network(&shapes).unwrap()).unwrap();
    let forward = explainer.forward(input.view()).unwrap();
    let initial = array(&folder.join("R_init.npy"));
    let case = Case { folder, manifest, explainer: &explainer, forward, input, initial };
    verdict.compare("output", &case.forward.scores(), &array(&folder.join("output.npy")), 1e-5);
    case.compare_rules(verdict);
    case.compare_gradients(verdict);
}

impl<F: Real> Case<'_, F> {
    fn tolerance(&self, map: &Value, exact: f64) -> f64 {
        if F::NAME == "f64" { exact } else { map["tol"].as_f64().unwrap() }
    }

    fn reference(&self, map: &Value) -> ArrayD<f64> {
        array(&self.folder.join(map["file"].as_str().unwrap()))
    }

    fn compare_rules(&self, verdict: &mut Verdict) {
        for (name, rule) in self.manifest["rules"].as_object().unwrap() {
            if name == "gradxinput" {
                let found = self.gradient("gradient") * &self.input;
                verdict.compare(name, &found, &self.reference(rule), self.tolerance(rule, EXACT_LAYERS));
            } else if let Some(composite) = composite(name, &self.manifest["input"]) {
                self.compare_rule(name, rule, &composite, verdict);
            } else if name.starts_with("attnlrp") || name.starts_with("cplrp") {
                let left_out = format!("{} {name}", verdict.case);
                if !verdict.left_out.contains(&left_out) {
                    verdict.left_out.push(left_out);
                }
            } else {
                verdict.fail(format!("{name}: unknown rule"));
            }
        }
    }

    fn compare_rule(&self, name: &str, rule: &Value, composite: &Composite, verdict: &mut Verdict) {
        let question = Question::from(Initial::Array(self.initial.clone()));
        let explained = self.forward.explain(composite, &question).unwrap();
        verdict.compare(name, &explained.relevance[0], &self.reference(rule), self.tolerance(rule, EXACT));
        let balance = if F::NAME == "f64" { 1e-10 } else { 1e-3 };
        for ledger in &explained.ledgers {
            if let Err(error) = ledger.check(balance) {
                verdict.fail(format!("{name}: {error}"));
            }
        }
        let Some(layers) = rule["layers_file"].as_str() else { return };
        let mut layers = NpzReader::new(File::open(self.folder.join(layers)).unwrap()).unwrap();
        for file in layers.names().unwrap() {
            let module = file.trim_end_matches(".npy").to_owned();
            let wanted: ArrayD<f32> = layers.by_name(&file).unwrap();
            let found = self.layer_relevance(&module, composite);
            let tolerance = self.tolerance(rule, EXACT_LAYERS / 10.0) * 10.0;
            verdict.compare(&format!("{name} at {module}"), &found, &wanted.mapv(f64::from), tolerance);
        }
    }

    /// The relevance of the tensor that enters a module; of an addition, each operand's own share along a last axis.
    fn layer_relevance(&self, module: &str, composite: &Composite) -> ArrayD<F> {
        let layers = self.manifest["layers"].as_array().unwrap();
        // A module that left no node, a dropout, hands on what the one after it gets.
        let from = layers.iter().skip_while(|layer| layer["module"] != module);
        let layer = from.into_iter().find(|layer| layer["onnx_input"].is_string()).unwrap();
        if module.ends_with(".sum") {
            return self.shares(layer["onnx_output"].as_str().unwrap(), composite);
        }
        let input = layer["onnx_input"].as_str().unwrap();
        let network = self.explainer.network();
        // A batch normalization that became part of the layer before it hands on what it gets.
        let folded = network.find(input).is_err();
        self.relevance_at(if folded { layer["onnx_output"].as_str().unwrap() } else { input }, composite)
    }

    fn relevance_at(&self, tensor: &str, composite: &Composite) -> ArrayD<F> {
        let input = self.explainer.network().inputs()[0].tensor;
        let question = Question { at: vec![tensor.to_owned()], ..Initial::Array(self.initial.clone()).into() };
        let mut explained = self.forward.explain(composite, &question).unwrap();
        match self.explainer.network().find(tensor).unwrap() == input {
            true => explained.relevance.remove(0),
            false => explained.at.remove(tensor).unwrap(),
        }
    }

    fn shares(&self, sum: &str, composite: &Composite) -> ArrayD<F> {
        let network = self.explainer.network();
        let upper = self.relevance_at(sum, composite);
        let place = network.nodes().iter().position(|node| network.tensor(node.output).name == sum).unwrap();
        let node = &network.nodes()[place];
        let rule = &composite.assign(network).unwrap()[place];
        let mut samples = Vec::new();
        for (part, upper) in self
            .forward
            .parts()
            .iter()
            .zip(upper.axis_chunks_iter(Axis(0), upper.shape()[0] / self.forward.parts().len()))
        {
            let upper = upper.to_owned();
            let handed = rule.redistribute(node.operation.as_ref(), &part.step(node), upper.view()).unwrap();
            let views: Vec<_> = handed.lower.iter().map(|share| share.view()).collect();
            samples.push(ndarray::stack(Axis(upper.ndim()), &views).unwrap());
        }
        let views: Vec<_> = samples.iter().map(|sample| sample.view()).collect();
        ndarray::concatenate(Axis(0), &views).unwrap()
    }

    fn classes(&self) -> Target {
        let classes = self.manifest["chosen_class"].as_array().unwrap();
        Target::Each(classes.iter().map(|class| class.as_u64().unwrap() as usize).collect())
    }

    fn gradient(&self, composite: &str) -> ArrayD<F> {
        let composite = Composite::named(composite).unwrap();
        let explained = self.forward.explain(&composite, &Initial::One(self.classes()).into());
        explained.unwrap().relevance.remove(0)
    }

    fn integrated(&self, quadrature: Quadrature) -> ArrayD<F> {
        let method = IntegratedGradients { quadrature, ..IntegratedGradients::default() };
        let question = Question::from(Initial::One(self.classes()));
        method.explain(&self.forward, &question).unwrap().relevance.remove(0)
    }

    fn compare_gradients(&self, verdict: &mut Verdict) {
        for (name, method) in self.manifest["grad"].as_object().unwrap() {
            let found = match name.as_str() {
                "gradient" | "deconvnet" => self.gradient(name),
                "guided_backprop" | "excitation_backprop" => self.gradient(&name.replace('_', "-")),
                "integrated_gradients" => self.integrated(Quadrature::GaussLegendre),
                "integrated_gradients_riemann_middle" => self.integrated(Quadrature::Midpoint),
                _ => {
                    verdict.fail(format!("{name}: unknown method"));
                    continue;
                }
            };
            verdict.compare(name, &found, &self.reference(method), self.tolerance(method, EXACT_LAYERS));
        }
    }
}

/// The composite of a rule's name in the reference; `None` where there is none.
fn composite(name: &str, input: &Value) -> Option<Composite> {
    if let Some(name) = name.strip_suffix("+lrntaylor") {
        let taylor = Taylor { stabilizer: Stabilizer::new(1e-6).unwrap() };
        return Some(composite(name, input)?.with_first(Selector::Operation("LRN".into()), taylor));
    }
    let named = |name: &str| Composite::named(name).unwrap();
    let composite = match name {
        "EpsilonPlus" => named("epsilon-plus"),
        "EpsilonPlusFlat" => named("epsilon-plus-flat"),
        "EpsilonAlpha2Beta1" => named("epsilon-alpha2-beta1"),
        "EpsilonAlpha2Beta1Flat" => named("epsilon-alpha2-beta1-flat"),
        "EpsilonGammaBox" => named("epsilon-gamma-box"),
        _ => Composite::uniform(rule(name)?),
    };
    let bound = |name: &str| match &input[name] {
        Value::Array(channels) => {
            let channels: Array1<f64> = channels.iter().map(|value| value.as_f64().unwrap()).collect();
            channels.insert_axis(Axis(1)).insert_axis(Axis(2)).into_dyn()
        }
        number => ArrayD::from_elem(Vec::new(), number.as_f64().unwrap()),
    };
    Some(composite.with_input_range(&InputRange::new(bound("low"), bound("high")).unwrap()))
}

/// The rule of a name such as `eps0.01`, `alpha2beta1` or `gamma0.25`.
fn rule(name: &str) -> Option<Rule> {
    let text = match name {
        "zplus" => "z-plus".to_owned(),
        "wsquare" => "w-square".to_owned(),
        "flat" => "flat".to_owned(),
        "zbox" => "z-box".to_owned(),
        _ if name.starts_with("eps") => format!("epsilon={}", &name["eps".len()..]),
        _ if name.starts_with("gamma") => format!("gamma={}", &name["gamma".len()..]),
        _ if name.starts_with("alpha") => format!("alpha-beta={}", name["alpha".len()..].split("beta").next()?),
        _ => return None,
    };
    text.parse().ok()
}
