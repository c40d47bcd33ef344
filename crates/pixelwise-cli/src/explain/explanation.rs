//! Explaining the samples that go through the network together, and writing what comes out.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use heatmap::{encode_png, magnitude_at};
use ndarray::{Array2, Array3, ArrayD, ArrayView1, Axis};
use neural_lrp::rules::Rule;
use neural_lrp::{Explained, Explainer, Forward, Node, Question};

use crate::books::{Findings, hint};
use crate::explain::Number;
use crate::explain::aims::{Aim, Begun};
use crate::explain::arguments::Scale;
use crate::explain::drawing::{Caption, Drawing};
use crate::explain::files::{Names, file_name};
use crate::explain::plan::Plan;
use crate::explain::record::{
    ClassScore, Files, InputShare, Measured, NamedInput, NodeRule, Place, Record, TargetRecord,
};
use crate::explain::samples::{Batch, Sample, read};
use crate::failure::Failure;
use crate::inputs::array;
use crate::output::number;
use crate::pictures::{Layout, SIGN_COLORS};
use crate::target::positions;

/// A sample that is explained and written.
pub struct Done<F> {
    /// Everything about it.
    pub record: Record,
    /// The relevance of its first target, where all samples together are to be written.
    pub relevance: Option<ArrayD<F>>,
}

/// What is explained of a sample.
struct Said {
    class: Option<ClassScore>,
    measured: Option<Measured>,
    positions: Option<String>,
}

impl<F: Number> Plan<'_, F> {
    /// Explains samples that go through the network together, unless an earlier run did.
    pub fn explain(&self, group: Range<usize>) -> Result<Vec<Done<F>>, Failure> {
        let samples = &self.samples.all[group.clone()];
        if self.arguments.resume
            && let Some(done) = samples.iter().map(|sample| self.completed(sample)).collect::<Option<Vec<_>>>()
        {
            return Ok(done);
        }
        let batch = read(samples, &self.arrays, &self.preprocessing)?;
        let shapes = self.shapes_for(&batch.shapes());
        let explainer = self.explainer(&shapes.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        let values: Vec<_> = batch.values.iter().map(ArrayD::view).collect();
        let forward = explainer.forward_all(&values)?;
        let (scores, over) = (forward.class_scores()?, positions(&forward.layout()?, None));
        let mut done: Vec<Done<F>> = samples
            .iter()
            .zip(scores.axis_iter(Axis(0)))
            .enumerate()
            .map(|(row, (sample, scores))| {
                let record = self.record(sample, &explainer, &batch, scores, over.clone());
                Done { record: Record { place: self.samples.place(&group, row), ..record }, relevance: None }
            })
            .collect();
        for aim in &self.aims {
            self.explain_aim(aim, group.clone(), &batch, &explainer, &forward, &mut done)?;
        }
        for done in &mut done {
            done.record.write(&self.folder)?;
        }
        Ok(done)
    }

    fn completed(&self, sample: &Sample) -> Option<Done<F>> {
        let record = Record::completed(&self.folder.path, &sample.name, &sample.origins(), &self.settings)?;
        let relevance = match &self.arguments.relevance {
            Some(_) => Some(array::read(&self.folder.path.join(&record.targets.first()?.files.relevance)).ok()?),
            None => None,
        };
        Some(Done { record, relevance })
    }

    fn record(
        &self,
        sample: &Sample,
        explainer: &Explainer<F>,
        batch: &Batch<F>,
        scores: ArrayView1<'_, f64>,
        positions: Option<String>,
    ) -> Record {
        // Features are no classes.
        let top = if self.arguments.similarity.is_some() { 0 } else { self.arguments.top };
        let inputs = self.inputs.iter().zip(&self.preprocessing).zip(sample.parts.iter().zip(sample.origins()));
        let inputs = inputs.zip(&batch.values).map(|(((input, preprocessing), (part, origin)), values)| NamedInput {
            name: input.name.clone(),
            origin,
            preprocessing: preprocessing.clone().filter(|_| part.is_image),
            shape: values.shape()[1..].to_vec(),
        });
        let mut inputs: Vec<NamedInput> = inputs.collect();
        let NamedInput { origin: input, preprocessing, shape, .. } = inputs[0].clone();
        if let [_] = inputs.as_slice() {
            inputs.clear();
        }
        Record {
            name: sample.name.clone(),
            input,
            inputs,
            preprocessing,
            settings: self.settings.clone(),
            explained: explainer.network().tensor(explainer.explained()).name.clone(),
            left_out: explainer.skipped().to_vec(),
            place: Place::default(),
            shape,
            top: ClassScore::best(&self.labels, scores, top),
            positions,
            rules: Vec::new(),
            shared_half_and_half: Vec::new(),
            hint: None,
            warnings: Vec::new(),
            targets: Vec::new(),
            checksums: BTreeMap::new(),
        }
    }

    /// One backward pass, and its files.
    fn explain_aim(
        &self,
        aim: &Aim<F>,
        group: Range<usize>,
        batch: &Batch<F>,
        explainer: &Explainer<F>,
        forward: &Forward<'_, F>,
        done: &mut [Done<F>],
    ) -> Result<(), Failure> {
        let Begun { initial, classes, measured, positions } =
            aim.begin(forward, self.samples.in_run(&group), self.approach.start())?;
        let masks = self.arguments.mask.iter().map(|mask| (mask.tensor.clone(), mask.channels.clone())).collect();
        let question = Question { initial, masks, at: self.wanted_tensors(explainer) };
        let explained = self.approach.explain(forward, &question)?;
        let inputs = self.explained_inputs(explainer)?;
        for (row, done) in done.iter_mut().enumerate() {
            let class = classes.as_ref().map(|classes| ClassScore::of(&self.labels, classes[row].0, classes[row].1));
            done.record.rules = node_rules(explainer, &explained);
            let halved = neural_lrp::halved(explainer.network(), explainer.explained(), &explained.rules);
            done.record.shared_half_and_half = halved.iter().map(|node| node.name.clone()).collect();
            done.record.hint = hint(explainer.network(), &explained.rules);
            let measured = measured.as_ref().and_then(|measured| measured.get(row).cloned());
            let said = Said { class, measured, positions: positions.clone() };
            let targets = self.write_target(&done.record.name, aim, said, &explained, row, (batch, &inputs))?;
            done.record.targets.extend(targets);
            if let (Some(_), None, [input]) = (&self.arguments.relevance, &done.relevance, inputs.as_slice()) {
                done.relevance = Some(explained.relevance[*input].index_axis(Axis(0), row).to_owned());
            }
        }
        Ok(())
    }

    fn wanted_tensors(&self, explainer: &Explainer<F>) -> Vec<String> {
        if self.layers.is_none() {
            return self.arguments.at.clone();
        }
        let tensors = explainer.network().tensors().iter().filter(|tensor| tensor.constant.is_none());
        tensors.map(|tensor| tensor.name.clone()).collect()
    }

    /// Writes the files of one target of a sample: one record for each input that is explained.
    fn write_target(
        &self,
        name: &str,
        aim: &Aim<F>,
        said: Said,
        explained: &Explained<F>,
        row: usize,
        (batch, inputs): (&Batch<F>, &[usize]),
    ) -> Result<Vec<TargetRecord>, Failure> {
        // Samples that go through the network together may have one ledger together.
        let ledgers = &explained.ledgers;
        let ledger = ledgers.get(row).or(ledgers.first()).filter(|ledger| !ledger.entries.is_empty()).cloned();
        let findings = ledger.as_ref().and_then(|ledger| Findings::of(ledger, self.arguments.computation.dtype));
        let mut books = Some((ledger, findings));
        let mut targets = Vec::new();
        for &input in inputs {
            let relevance = explained.relevance[input].index_axis(Axis(0), row);
            let layout = Layout::of(relevance.shape());
            let map = layout.map(relevance.view());
            let several = (inputs.len() > 1).then(|| InputShare {
                name: self.inputs[input].name.clone(),
                relevance: relevance.iter().map(|share| share.as_()).sum(),
            });
            let within = several.as_ref().map_or_else(String::new, |input| format!(".{}", file_name(&input.name)));
            let stem = format!("{name}.{}{within}", aim.name);
            let tensors = if targets.is_empty() { self.write_tensors(&stem, explained, row)? } else { Vec::new() };
            let files = Files {
                heatmap: format!("{stem}.heatmap.png").into(),
                map: format!("{stem}.map.png").into(),
                overlay: format!("{stem}.overlay.png").into(),
                photo: format!("{name}{within}.photo.png").into(),
                edges: None,
                relevance: format!("{stem}.relevance.npy").into(),
                tensors,
            };
            self.folder.write_npy(&files.relevance, relevance)?;
            let (ledger, findings) = books.take().unwrap_or_default();
            let mut target = TargetRecord {
                target: aim.name.clone(),
                input: several,
                class: said.class.clone(),
                measured: said.measured.clone(),
                positions: said.positions.clone(),
                largest: magnitude_at(map.view(), self.arguments.level.share()),
                scale: None,
                findings,
                ledger,
                ledger_samples: explained.relevance[input].len_of(Axis(0)) / ledgers.len().max(1),
                boxes: None,
                files,
            };
            if self.arguments.scale == Scale::Image {
                let seen = || layout.photo(batch.values[input].index_axis(Axis(0), row));
                let photo = batch.photos[input][row].clone().unwrap_or_else(seen);
                self.draw(name, &target, &map, &photo, target.largest)?;
                target.scale = Some(target.largest);
            }
            targets.push(target);
        }
        Ok(targets)
    }

    /// Writes the relevance of the other tensors that was asked for.
    fn write_tensors(&self, stem: &str, explained: &Explained<F>, row: usize) -> Result<Vec<PathBuf>, Failure> {
        let mut files = Vec::new();
        let layers = self.layers.as_ref().map(|layers| layers.within(stem)).transpose()?;
        let (mut names, samples) = (Names::default(), explained.relevance[0].len_of(Axis(0)));
        for (tensor, relevance) in &explained.at {
            // A tensor without an axis of samples is one for all of them.
            let of_sample = match relevance.shape().first() {
                Some(&length) if length == samples => relevance.index_axis(Axis(0), row),
                _ => relevance.view(),
            };
            let unique = names.unique(&file_name(tensor));
            if let Some(layers) = &layers {
                layers.write_npy(format!("{unique}.npy").as_ref(), of_sample.view())?;
            }
            if self.arguments.at.contains(tensor) {
                let file = PathBuf::from(format!("{stem}.at-{unique}.npy"));
                self.folder.write_npy(&file, of_sample)?;
                files.push(file);
            }
        }
        Ok(files)
    }

    /// Draws the pictures of a target.
    fn draw(
        &self,
        name: &str,
        target: &TargetRecord,
        map: &Array2<f64>,
        photo: &Array3<u8>,
        maximum: f64,
    ) -> Result<(), Failure> {
        let color_map = self.arguments.colormap.unwrap_or(SIGN_COLORS);
        let drawing = Drawing { map, maximum, color_map, boxes: &[] };
        self.folder.write(&target.files.heatmap, &drawing.heatmap(&caption(name, target))?)?;
        self.folder.write(&target.files.map, &encode_png(&drawing.map()?)?)?;
        self.folder.write(&target.files.photo, &encode_png(&drawing.photo(photo)?)?)?;
        self.folder.write(&target.files.overlay, &encode_png(&drawing.overlay(photo)?)?)
    }

    /// Draws the pictures of samples again, from their files, where the strongest color stands for something else.
    pub fn redraw(&self, group: Range<usize>, maximum: f64) -> Result<Vec<Record>, Failure> {
        let samples = &self.samples.all[group];
        let completed =
            |sample: &Sample| Record::completed(&self.folder.path, &sample.name, &sample.origins(), &self.settings);
        let Some(mut records) = samples.iter().map(completed).collect::<Option<Vec<_>>>() else {
            return Ok(Vec::new());
        };
        let is_drawn = |target: &TargetRecord| target.scale == Some(maximum);
        if records.iter().flat_map(|record| &record.targets).all(is_drawn) {
            return Ok(records);
        }
        let batch = read::<F>(samples, &self.arrays, &self.preprocessing)?;
        let shapes = self.shapes_for(&batch.shapes());
        let explainer = self.explainer(&shapes.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        let inputs = self.explained_inputs(&explainer)?;
        for (row, record) in records.iter_mut().enumerate() {
            for (target, &input) in record.targets.iter_mut().zip(inputs.iter().cycle()) {
                let relevance: ArrayD<F> = array::read(&self.folder.path.join(&target.files.relevance))?;
                let layout = Layout::of(relevance.shape());
                let seen = || layout.photo(batch.values[input].index_axis(Axis(0), row));
                let photo = batch.photos[input][row].clone().unwrap_or_else(seen);
                self.draw(&record.name, target, &layout.map(relevance.view()), &photo, maximum)?;
                target.scale = Some(maximum);
            }
            record.write(&self.folder)?;
        }
        Ok(records)
    }
}

/// The rule of each node that relevance passes.
fn node_rules<F: Number>(explainer: &Explainer<F>, explained: &Explained<F>) -> Vec<NodeRule> {
    let rule = |(node, rule): (&Node<F>, &Rule)| NodeRule {
        node: node.name.clone(),
        kind: node.operation.kind().to_owned(),
        rule: rule.to_string(),
    };
    let nodes = explainer.network().nodes().iter().zip(&explained.rules);
    nodes.filter(|(node, _)| !explainer.skipped().contains(&node.name)).map(rule).collect()
}

/// What stands around the map of a target.
pub fn caption(name: &str, target: &TargetRecord) -> Caption {
    let within = target.input.as_ref().map_or_else(String::new, |input| format!(", input {}", input.name));
    let (title, text) = match (&target.class, &target.measured) {
        (Some(class), None) => {
            let over = target.positions.as_ref().map_or_else(String::new, |positions| format!(" {positions}"));
            (class.title(), format!("score {}{over}, {name}{within}", number(class.score)))
        }
        (Some(class), Some(Measured { how, value })) => {
            let over = target.positions.as_ref().map_or_else(String::new, |positions| format!(" {positions}"));
            (class.title(), format!("{how}: {}{over}, {name}{within}", number(*value)))
        }
        (None, Some(Measured { how, value })) => (how.clone(), format!("{}, {name}{within}", number(*value))),
        (None, None) => (target.target.clone(), format!("{name}{within}")),
    };
    Caption { title, text, ends: ["against".to_owned(), "for".to_owned()] }
}
