//! Explaining the samples that go through the network together, and writing what comes out.

use std::ops::Range;
use std::path::PathBuf;

use heatmap::{ColorMap, encode_png};
use ndarray::{Array2, Array3, ArrayD, ArrayView1, Axis};
use neural_lrp::rules::Rule;
use neural_lrp::{Explained, Explainer, Forward, Node, Question};

use crate::books::{Findings, hint};
use crate::explain::Number;
use crate::explain::aims::{Aim, Begun};
use crate::explain::arguments::Scale;
use crate::explain::drawing::{Caption, Drawing, largest};
use crate::explain::files::{Names, file_name};
use crate::explain::plan::Plan;
use crate::explain::record::{ClassScore, Files, NodeRule, Record, TargetRecord};
use crate::explain::samples::{Batch, Sample, read};
use crate::failure::Failure;
use crate::inputs::npy;
use crate::output::number;
use crate::pictures::Layout;
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
        let batch = read(samples, &self.arrays, self.preprocessing.as_ref())?;
        let explainer = self.explainer(batch.values.shape())?;
        let forward = explainer.forward(batch.values.view())?;
        let (scores, over) = (forward.class_scores()?, positions(&forward.layout()?, None));
        let mut done: Vec<Done<F>> = samples
            .iter()
            .zip(batch.values.axis_iter(Axis(0)).zip(scores.axis_iter(Axis(0))))
            .map(|(sample, (values, scores))| Done {
                record: self.record(sample, &explainer, values.shape(), scores, over.clone()),
                relevance: None,
            })
            .collect();
        for aim in &self.aims {
            self.explain_aim(aim, group.clone(), &batch, &explainer, &forward, &mut done)?;
        }
        for done in &done {
            done.record.write(&self.folder)?;
        }
        Ok(done)
    }

    fn completed(&self, sample: &Sample) -> Option<Done<F>> {
        let record = Record::completed(&self.folder.path, &sample.name, &sample.origin(), &self.settings)?;
        let relevance = match &self.arguments.relevance {
            Some(_) => Some(npy::read(&self.folder.path.join(&record.targets.first()?.files.relevance)).ok()?),
            None => None,
        };
        Some(Done { record, relevance })
    }

    fn record(
        &self,
        sample: &Sample,
        explainer: &Explainer<F>,
        shape: &[usize],
        scores: ArrayView1<'_, f64>,
        positions: Option<String>,
    ) -> Record {
        Record {
            name: sample.name.clone(),
            input: sample.origin(),
            preprocessing: self.preprocessing.clone().filter(|_| sample.row.is_none()),
            settings: self.settings.clone(),
            explained: explainer.network().tensor(explainer.explained()).name.clone(),
            left_out: explainer.skipped().to_vec(),
            shape: shape.to_vec(),
            top: ClassScore::best(&self.labels, scores, self.arguments.top),
            positions,
            rules: Vec::new(),
            shared_half_and_half: Vec::new(),
            hint: None,
            warnings: Vec::new(),
            targets: Vec::new(),
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
        let Begun { initial, classes, positions } = aim.begin(forward, group, self.approach.start())?;
        let masks = self.arguments.mask.iter().map(|mask| (mask.tensor.clone(), mask.channels.clone())).collect();
        let question = Question { initial, masks, at: self.wanted_tensors(explainer) };
        let explained = self.approach.explain(forward, &question)?;
        for (row, done) in done.iter_mut().enumerate() {
            let class = classes.as_ref().map(|classes| ClassScore::of(&self.labels, classes[row].0, classes[row].1));
            done.record.rules = node_rules(explainer, &explained);
            let halved = neural_lrp::halved(explainer.network(), explainer.explained(), &explained.rules);
            done.record.shared_half_and_half = halved.iter().map(|node| node.name.clone()).collect();
            done.record.hint = hint(explainer.network(), &explained.rules);
            let said = Said { class, positions: positions.clone() };
            let target = self.write_target(&done.record.name, aim, said, &explained, row, batch)?;
            done.record.targets.push(target);
            if self.arguments.relevance.is_some() && done.relevance.is_none() {
                done.relevance = Some(explained.relevance[0].index_axis(Axis(0), row).to_owned());
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

    /// Writes the files of one target of a sample.
    fn write_target(
        &self,
        name: &str,
        aim: &Aim<F>,
        said: Said,
        explained: &Explained<F>,
        row: usize,
        batch: &Batch<F>,
    ) -> Result<TargetRecord, Failure> {
        let relevance = explained.relevance[0].index_axis(Axis(0), row);
        let layout = Layout::of(relevance.shape());
        let map = layout.map(relevance.view());
        let stem = format!("{name}.{}", aim.name);
        let files = Files {
            heatmap: format!("{stem}.heatmap.png").into(),
            overlay: format!("{stem}.overlay.png").into(),
            edges: None,
            relevance: format!("{stem}.relevance.npy").into(),
            tensors: self.write_tensors(&stem, explained, row)?,
        };
        self.folder.write_npy(&files.relevance, relevance)?;
        // Samples that go through the network together may have one ledger together.
        let ledgers = &explained.ledgers;
        let ledger = ledgers.get(row).or(ledgers.first()).filter(|ledger| !ledger.entries.is_empty()).cloned();
        let mut target = TargetRecord {
            target: aim.name.clone(),
            class: said.class,
            positions: said.positions,
            largest: largest(&map),
            scale: None,
            findings: ledger.as_ref().and_then(|ledger| Findings::of(ledger, self.arguments.computation.dtype)),
            ledger,
            ledger_samples: explained.relevance[0].len_of(Axis(0)) / ledgers.len().max(1),
            boxes: None,
            files,
        };
        if self.arguments.scale == Scale::Image {
            let seen = || layout.photo(batch.values.index_axis(Axis(0), row));
            let photo = batch.photos[row].clone().unwrap_or_else(seen);
            self.draw(name, &target, &map, &photo, target.largest)?;
            target.scale = Some(target.largest);
        }
        Ok(target)
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
        let color_map = self.arguments.colormap.unwrap_or(ColorMap::Seismic);
        let drawing = Drawing { map, maximum, color_map, boxes: &[] };
        self.folder.write(&target.files.heatmap, &drawing.heatmap(&caption(name, target))?)?;
        self.folder.write(&target.files.overlay, &encode_png(&drawing.overlay(photo)?)?)
    }

    /// Draws the pictures of samples again, from their files, where the strongest color stands for something else.
    pub fn redraw(&self, group: Range<usize>, maximum: f64) -> Result<Vec<Record>, Failure> {
        let samples = &self.samples.all[group];
        let completed =
            |sample: &Sample| Record::completed(&self.folder.path, &sample.name, &sample.origin(), &self.settings);
        let Some(mut records) = samples.iter().map(completed).collect::<Option<Vec<_>>>() else {
            return Ok(Vec::new());
        };
        let is_drawn = |target: &TargetRecord| target.scale == Some(maximum);
        if records.iter().flat_map(|record| &record.targets).all(is_drawn) {
            return Ok(records);
        }
        let mut batch = read::<F>(samples, &self.arrays, self.preprocessing.as_ref())?;
        for (row, record) in records.iter_mut().enumerate() {
            let layout = Layout::of(&record.shape);
            let seen = || layout.photo(batch.values.index_axis(Axis(0), row));
            let photo = batch.photos[row].take().unwrap_or_else(seen);
            for target in &mut record.targets {
                let relevance: ArrayD<F> = npy::read(&self.folder.path.join(&target.files.relevance))?;
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
    let (title, text) = match &target.class {
        Some(class) => {
            let over = target.positions.as_ref().map_or_else(String::new, |positions| format!(" {positions}"));
            (class.title(), format!("score {}{over}, {name}", number(class.score)))
        }
        None => (target.target.clone(), name.to_owned()),
    };
    Caption { title, text, ends: ["against".to_owned(), "for".to_owned()] }
}
