//! Conformance of the neural half with reference maps made by independent implementations.
//!
//! Walks `tests/golden/neural` and `tests/golden/modern`, or the same in `$PIXELWISE_GOLDEN`: networks with relevance maps
//! by rule and gradient maps by method (conventions in each folder's README). Every map of every file of every case is
//! compared in f32, to its own tolerance, and in f64; an unknown rule is a failure.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use model_files::InputShapes;
use ndarray::{Array1, ArrayD, ArrayViewD, Axis};
use ndarray_npy::{NpzReader, ReadNpyExt, ReadableElement};
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
/// Maps that are not what they should be: the true gradient is another, by differences of onnxruntime's scores and ours.
const WRONG: [(&str, &str); 1] = [("xcit", "gradxinput")];

#[test]
fn every_golden_map_is_met() {
    let root = std::env::var_os("PIXELWISE_GOLDEN")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"), PathBuf::from);
    let mut failures = Vec::new();
    for folder in [root.join("neural"), root.join("modern")] {
        let verdict = walk(&folder);
        // Written past the test harness, which would show it for failures only.
        let mut output = std::io::stderr();
        let _ = writeln!(
            output,
            "{}: {} cases, {} files, {} maps compared, largest error {:.1e} in f32 and {:.1e} in f64, {} failures",
            folder.display(),
            verdict.cases,
            verdict.files,
            verdict.compared,
            verdict.largest[0],
            verdict.largest[1],
            verdict.failures.len()
        );
        for replaced in &verdict.replaced {
            let _ = writeln!(output, "held to differences of the scores: {replaced}");
        }
        failures.extend(verdict.failures);
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Runs all cases of a folder.
fn walk(folder: &Path) -> Verdict {
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("manifest.json").is_file())
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no golden cases in {}", folder.display());
    let mut verdict = Verdict { cases: cases.len(), ..Verdict::default() };
    for case in &cases {
        let manifest: Value = serde_json::from_str(&fs::read_to_string(case.join("manifest.json")).unwrap()).unwrap();
        for model in models(&manifest) {
            verdict.files += 1;
            verdict.case = format!("{} {}", case.file_name().unwrap().to_string_lossy(), text(&model["file"]));
            // A case that can't be read or run is one failure among others, not the end of the walk.
            for (dtype, run) in [("f32", run::<f32> as fn(&Path, &Value, &Value, &mut Verdict)), ("f64", run::<f64>)] {
                verdict.dtype = dtype;
                if catch_unwind(AssertUnwindSafe(|| run(case, &manifest, &model, &mut verdict))).is_err() {
                    verdict.fail("the case can't be run".into());
                }
            }
        }
    }
    verdict
}

/// The model files of a case, with what its manifest says of each.
fn models(manifest: &Value) -> Vec<Value> {
    match &manifest["models"] {
        Value::Array(models) => models.clone(),
        _ => vec![serde_json::json!({ "file": "model.onnx" })],
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// What was compared, and what was wrong.
#[derive(Default)]
struct Verdict {
    cases: usize,
    files: usize,
    /// The case and the file that are compared.
    case: String,
    dtype: &'static str,
    compared: usize,
    largest: [f64; 2],
    /// Maps that are held to something else than their reference.
    replaced: BTreeSet<String>,
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

/// The numbers of a file, stored in single or in double precision.
fn array<F: Real>(path: &Path) -> ArrayD<F> {
    let read_single = || stored::<f32>(path).map(|values| values.mapv(|value| F::of(value.into())));
    let values = read_single().or_else(|_| stored::<f64>(path).map(|values| values.mapv(F::of)));
    values.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn stored<T: ReadableElement>(path: &Path) -> Result<ArrayD<T>, ndarray_npy::ReadNpyError> {
    ArrayD::read_npy(File::open(path)?)
}

/// One file of a golden network, run.
struct Case<'a, F: Real> {
    folder: &'a Path,
    manifest: &'a Value,
    model: &'a Value,
    explainer: &'a Explainer<F>,
    forward: Forward<'a, F>,
    input: ArrayD<F>,
    initial: ArrayD<F>,
}

fn run<F: Real>(folder: &Path, manifest: &Value, model: &Value, verdict: &mut Verdict) {
    let input: ArrayD<F> = array(&folder.join(model["input"].as_str().unwrap_or("input.npy")));
    let shapes = InputShapes::new().with("input", input.shape().to_vec());
    let network = model_files::read::<F>(folder.join(text(&model["file"]))).unwrap().network(&shapes).unwrap();
    let explainer = Explainer::new(&network).unwrap();
    let forward = explainer.forward(input.view()).unwrap();
    let initial = array(&folder.join("R_init.npy"));
    let case = Case { folder, manifest, model, explainer: &explainer, forward, input, initial };
    verdict.compare("output", &case.forward.scores(), &array(&folder.join("output.npy")), 1e-5);
    case.compare_rules(verdict);
    case.compare_gradients(verdict);
}

impl<F: Real> Case<'_, F> {
    /// The tolerance of a map: its own, or in f64 what is `exact` where the map has no other.
    fn tolerance(&self, map: &Value, exact: f64) -> f64 {
        if F::NAME == "f64" { map["tol_f64"].as_f64().unwrap_or(exact) } else { map["tol"].as_f64().unwrap() }
    }

    /// A map at the input, in the layout of the file's input.
    fn reference(&self, map: &Value) -> ArrayD<f64> {
        let map = array(&self.folder.join(text(&map["file"])));
        if self.is_channels_last() { map.permuted_axes(vec![0, 2, 3, 1]) } else { map }
    }

    fn is_channels_last(&self) -> bool {
        self.model["layout"] == "NHWC"
    }

    fn compare_rules(&self, verdict: &mut Verdict) {
        let skipped =
            |name: &str| self.model["skip"].as_array().is_some_and(|names| names.iter().any(|skip| skip == name));
        for (name, rule) in self.manifest["rules"].as_object().unwrap() {
            if skipped(name) {
                continue;
            }
            if WRONG.contains(&(text(&self.manifest["case"]), name.as_str())) {
                self.check_gradient(name, verdict);
            } else if name == "gradxinput" {
                let found = self.gradient_of_target() * &self.input;
                verdict.compare(name, &found, &self.reference(rule), self.tolerance(rule, EXACT_LAYERS));
            } else if let Some(composite) = composite(name) {
                self.compare_rule(name, rule, &composite.with_input_range(&self.input_range()), verdict);
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
        // Layers have the names that they have in the first file.
        let Some(layers) = rule["layers_file"].as_str().filter(|_| self.has_first_file()) else { return };
        let mut layers = NpzReader::new(File::open(self.folder.join(layers)).unwrap()).unwrap();
        for file in layers.names().unwrap() {
            let module = file.trim_end_matches(".npy").to_owned();
            let wanted = match layers.by_name::<ndarray::OwnedRepr<f32>, _>(&file) {
                Ok(wanted) => wanted.mapv(f64::from),
                Err(_) => layers.by_name::<ndarray::OwnedRepr<f64>, _>(&file).unwrap(),
            };
            let found = self.layer_relevance(&module, composite);
            let tolerance = self.tolerance(rule, EXACT_LAYERS / 10.0) * 10.0;
            verdict.compare(&format!("{name} at {module}"), &found, &wanted, tolerance);
        }
    }

    fn has_first_file(&self) -> bool {
        self.model["file"] == "model.onnx"
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

    /// The smallest and largest inputs: one number, or one for each channel.
    fn input_range(&self) -> InputRange {
        let bound = |name: &str| match &self.manifest["input"][name] {
            Value::Array(channels) => {
                let channels: Array1<f64> = channels.iter().map(|value| value.as_f64().unwrap()).collect();
                match self.is_channels_last() {
                    true => channels.into_dyn(),
                    false => channels.insert_axis(Axis(1)).insert_axis(Axis(2)).into_dyn(),
                }
            }
            number => ArrayD::from_elem(Vec::new(), number.as_f64().unwrap()),
        };
        InputRange::new(bound("low"), bound("high")).unwrap()
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

    /// The gradient of the sum of all scores that relevance begins at.
    fn gradient_of_target(&self) -> ArrayD<F> {
        let ones = self.initial.mapv(|relevance| if relevance == F::zero() { F::zero() } else { F::one() });
        let gradient = Composite::named("gradient").unwrap();
        self.forward.explain(&gradient, &Initial::Array(ones).into()).unwrap().relevance.remove(0)
    }

    /// Holds the gradient to central differences of the scores, along some directions, where numbers are double.
    fn check_gradient(&self, what: &str, verdict: &mut Verdict) {
        verdict.replaced.insert(format!("{} {what}", verdict.case));
        if F::NAME != "f64" {
            return;
        }
        let (gradient, step) = (self.gradient_of_target(), 1e-5);
        let chosen = self.initial.mapv(|relevance| f64::from(u8::from(relevance != F::zero())));
        let score = |input: ArrayD<F>| {
            let scores = self.explainer.forward(input.view()).unwrap().scores();
            (scores.mapv(|score| score.as_()) * &chosen).sum()
        };
        for direction in 1..=3 {
            let mut count = 0.0;
            let along = self.input.mapv(|_| {
                count += 1.0;
                F::of(f64::sin(count * count + f64::from(direction)))
            });
            let moved = |step: f64| score(&self.input + &along.mapv(|number| number * F::of(step)));
            let difference = (moved(step) - moved(-step)) / (2.0 * step);
            let slope = (&gradient * &along).sum().as_();
            if (slope - difference).abs() > 1e-6 * difference.abs() {
                verdict.fail(format!("{what}: slope {slope}, and differences give {difference}"));
            }
        }
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
fn composite(name: &str) -> Option<Composite> {
    if let Some(name) = name.strip_suffix("+lrntaylor") {
        let taylor = Taylor { stabilizer: Stabilizer::new(1e-6).unwrap() };
        return Some(composite(name)?.with_first(Selector::Operation("LRN".into()), taylor));
    }
    let named = |name: &str| Composite::named(name).unwrap();
    Some(match name {
        "EpsilonPlus" => named("epsilon-plus"),
        "EpsilonPlusFlat" => named("epsilon-plus-flat"),
        "EpsilonAlpha2Beta1" => named("epsilon-alpha2-beta1"),
        "EpsilonAlpha2Beta1Flat" => named("epsilon-alpha2-beta1-flat"),
        "EpsilonGammaBox" => named("epsilon-gamma-box"),
        "attnlrp" | "attention-cp" | "attention-cp-gamma" | "attention-cp-gamma-identity" => named(name),
        _ if name.starts_with("attnlrp_lnsplit_eps") => {
            attention_epsilon(name)?.with_first(Selector::LayerNormalization, named_rule("detached"))
        }
        _ if name.starts_with("attnlrp_eps") => attention_epsilon(name)?,
        _ if name.starts_with("cplrp_eps") => {
            attention_epsilon(name)?.with_first(Selector::AttentionValue, named_rule("attention-constant"))
        }
        _ => Composite::uniform(rule(name)?),
    })
}

/// The ε-rule of a name such as `attnlrp_eps0.001` in all layers; all else as it is by itself.
fn attention_epsilon(name: &str) -> Option<Composite> {
    let (_, epsilon) = name.rsplit_once("_eps")?;
    Some(Composite::uniform(named_rule(&format!("epsilon={epsilon}"))))
}

fn named_rule(text: &str) -> Rule {
    text.parse().unwrap()
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
