//! Photos, explained by Bag-of-Words classifiers.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use bow_classifier::{BowClassifier, ExplainedClass, ExplainedImage};
use clap::Args;
use datasets::voc::Annotation;
use evaluation::ObjectShare;
use heatmap::{ColorMap, encode_png, magnitude_at};
use images::to_unit_range;
use ndarray::{Array2, Array3, ArrayD, Ix2};
use relevance::Explanation;

use super::boxes::boxes_for;
use super::load;
use crate::books::Findings;
use crate::computation::Precision;
use crate::explain::drawing::Drawing;
use crate::explain::explanation::{Done, caption};
use crate::explain::files::{Folder, Names, file_name};
use crate::explain::record::{ClassScore, Files, Place, Record, TargetRecord};
use crate::explain::run::{Explaining, explain_samples};
use crate::explain::samples::{Part, Sample, Samples};
use crate::explain::settings::Settings;
use crate::explain::summary::{Advises, Form, Head};
use crate::explain::{self, Scale, misuse};
use crate::failure::{Failure, chain};
use crate::given::Given;
use crate::inputs::{Source, array};
use crate::labels::Labels;
use crate::messages;
use crate::pictures::SIGN_COLORS;
use crate::target::{ClassChoice, TargetChoice};

/// Options that a Bag-of-Words classifier has as well as a network.
const OPTIONS: [&str; 10] =
    ["target", "output", "relevance", "colormap", "scale", "level", "top", "threads", "json", "resume"];

/// Options of a network that a person may look for here, and what there is in their place.
const IN_THEIR_PLACE: [(&str, &str); 3] = [
    ("initial", "Algorithm 1 begins with the score of a class: choose it by --target"),
    ("labels", "its file names its classes"),
    ("preprocess", "it takes photos as they are"),
];

/// The old command line of this.
#[derive(Args)]
pub struct Arguments {
    /// The classifier, as `pixelwise train` writes it
    model: PathBuf,

    /// Photos, or folders of them
    #[arg(required = true)]
    photo: Vec<PathBuf>,

    /// A class that is explained (repeatable; default: the one with the highest score)
    #[arg(long, value_name = "NAME")]
    class: Vec<String>,

    /// Where files are written to
    #[arg(long, value_name = "FOLDER", default_value = "explanations")]
    output: PathBuf,

    /// Colors of the heatmaps
    #[arg(long, value_name = "NAME", default_value_t = SIGN_COLORS)]
    colormap: ColorMap,

    /// What the strongest color stands for
    #[arg(long, value_name = "SCOPE", value_enum, default_value_t = Scale::Image)]
    scale: Scale,

    /// Number of threads (default: one for each core); results are the same for any number
    #[arg(long, value_name = "N")]
    threads: Option<usize>,

    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Explains photos, by the command line that is used today.
    pub fn explain(&self) -> Result<(), Failure> {
        let path = |path: &PathBuf| path.clone().into_os_string();
        let mut words: Vec<std::ffi::OsString> = vec!["pixelwise".into(), "explain".into()];
        let mut option = |name: &str, value: std::ffi::OsString| words.extend([format!("--{name}").into(), value]);
        self.class.iter().for_each(|class| option("target", class.into()));
        option("output", path(&self.output));
        option("colormap", self.colormap.to_string().into());
        option("scale", if self.scale == Scale::Batch { "batch" } else { "image" }.into());
        self.threads.iter().for_each(|threads| option("threads", threads.to_string().into()));
        words.extend(self.json.then(|| "--json".into()));
        words.extend([path(&self.model)].into_iter().chain(self.photo.iter().map(path)));
        crate::perform(&crate::command().get_matches_from(words))
    }
}

/// Explains photos, one after the other on each thread.
pub fn explain(arguments: &explain::Arguments, given: &Given) -> Result<(), Failure> {
    let model = &arguments.model;
    if let Some((option, sentence)) = IN_THEIR_PLACE.iter().find(|(option, _)| given.has(option)) {
        let model = model.display();
        return Err(format!("--{option} is for networks, and {model} is a Bag-of-Words classifier: {sentence}").into());
    }
    given.refuse_beyond(&OPTIONS, model, pixelwise::Kind::BagOfWords)?;
    if arguments.relevance.is_some() && arguments.target.len() > 1 {
        misuse("--relevance writes one array and so takes one --target; run it once for each");
    }
    arguments.computation.start()?;
    let mut plan = Plan::new(arguments, given, photos(&arguments.input))?;
    let refused = std::mem::take(&mut plan.samples.refused);
    explain_samples(&plan, refused)
}

/// Everything that a run needs.
pub struct Plan<'a> {
    arguments: &'a explain::Arguments,
    settings: Settings,
    folder: Folder,
    command: String,
    classifier: BowClassifier,
    labels: Labels,
    samples: Samples,
    targets: Vec<Target>,
}

/// A class that is explained of each photo.
struct Target {
    /// What it is called; part of the files' names.
    name: String,
    /// None for the class with the highest score.
    class: Option<usize>,
}

impl<'a> Plan<'a> {
    /// What is to be done with some photos.
    pub fn new(arguments: &'a explain::Arguments, given: &Given, samples: Samples) -> Result<Self, Failure> {
        let classifier = load(&arguments.model)?;
        let labels = Labels::of(classifier.classes());
        Ok(Self {
            targets: targets(&arguments.target, &labels, classifier.classes().count())?,
            settings: Settings::of(given, &arguments.model)?.only(&OPTIONS),
            folder: Folder::create(&arguments.output)?,
            command: given.command_line(),
            samples,
            arguments,
            classifier,
            labels,
        })
    }

    /// Explains a photo and writes its files.
    fn explain_photo(&self, sample: &Sample) -> Result<Done<f64>, Failure> {
        let shown = sample.parts[0].pixels()?;
        let (annotation, warnings) = match Annotation::of_photo(&sample.parts[0].file) {
            Ok(annotation) => (annotation, Vec::new()),
            Err(problem) => (None, vec![chain(&problem)]),
        };
        warnings.iter().for_each(|warning| messages::note(format!("left out: {warning}")));
        let classes: Vec<Option<usize>> = self.targets.iter().map(|target| target.class).collect();
        let ExplainedImage { scores, classes } =
            self.classifier.explain_image(to_unit_range(shown.view()).view(), &classes)?;
        let top = ClassScore::best(&self.labels, scores.view(), usize::MAX);
        let of_target = |target: &Target| {
            let class = target.class.or(top.first().map(|best| best.class));
            let explained = classes.iter().find(|explained| Some(explained.class) == class);
            let explained = explained.unwrap_or_else(|| unreachable!("each target's class was asked for"));
            self.write_target(&sample.name, target, explained, annotation.as_ref(), &shown)
        };
        let targets = self.targets.iter().map(of_target).collect::<Result<Vec<_>, Failure>>()?;
        let mut record = Record {
            name: sample.name.clone(),
            input: sample.parts[0].origin(),
            inputs: Vec::new(),
            place: Place::default(),
            preprocessing: None,
            settings: self.settings.clone(),
            explained: "the score of a class".to_owned(),
            left_out: Vec::new(),
            shape: shown.shape().to_vec(),
            top: top.into_iter().take(self.arguments.top).collect(),
            positions: None,
            rules: Vec::new(),
            shared_half_and_half: Vec::new(),
            hint: None,
            warnings,
            targets,
            checksums: BTreeMap::new(),
        };
        record.write(&self.folder)?;
        let relevance = self.arguments.relevance.is_some().then(|| classes[0].explanation.relevance.clone());
        Ok(Done { record, relevance })
    }

    /// Writes the files of one target of a photo.
    fn write_target(
        &self,
        name: &str,
        target: &Target,
        ExplainedClass { class, explanation }: &ExplainedClass,
        annotation: Option<&Annotation>,
        shown: &Array3<u8>,
    ) -> Result<TargetRecord, Failure> {
        let Explanation { score, relevance, ledger } = explanation;
        let map: Array2<f64> = relevance.view().into_dimensionality::<Ix2>()?.to_owned();
        let class = ClassScore::of(&self.labels, *class, *score);
        let mask = annotation.map(|annotation| annotation.mask(&class.name(), map.dim()));
        let share = mask.map(|mask| ObjectShare::of(map.view(), mask.view())).transpose()?;
        let stem = format!("{name}.{}", target.name);
        let files = Files {
            heatmap: format!("{stem}.heatmap.png").into(),
            map: format!("{stem}.map.png").into(),
            overlay: format!("{stem}.overlay.png").into(),
            photo: format!("{stem}.photo.png").into(),
            edges: Some(format!("{stem}.edges.png").into()),
            relevance: format!("{stem}.relevance.npy").into(),
            tensors: Vec::new(),
        };
        self.folder.write_npy(&files.relevance, relevance.view())?;
        let mut target = TargetRecord {
            target: target.name.clone(),
            input: None,
            measured: None,
            class: Some(class),
            positions: None,
            largest: magnitude_at(map.view(), self.arguments.level.share()),
            scale: None,
            findings: Findings::of(ledger, Precision::F64),
            ledger: Some(ledger.clone()),
            ledger_samples: 1,
            boxes: share.flatten(),
            files,
        };
        if self.arguments.scale == Scale::Image {
            self.draw(name, &target, &map, shown, annotation, target.largest)?;
            target.scale = Some(target.largest);
        }
        Ok(target)
    }

    /// Draws the pictures of a target.
    fn draw(
        &self,
        name: &str,
        target: &TargetRecord,
        map: &Array2<f64>,
        shown: &Array3<u8>,
        annotation: Option<&Annotation>,
        maximum: f64,
    ) -> Result<(), Failure> {
        let class = target.class.as_ref().map(ClassScore::name).unwrap_or_default();
        let boxes = annotation.map_or_else(Vec::new, |annotation| boxes_for(&class, annotation));
        let color_map = self.arguments.colormap.unwrap_or(SIGN_COLORS);
        let drawing = Drawing { map, maximum, color_map, boxes: &boxes };
        self.folder.write(&target.files.heatmap, &drawing.heatmap(&caption(name, target))?)?;
        self.folder.write(&target.files.map, &encode_png(&drawing.map()?)?)?;
        self.folder.write(&target.files.photo, &encode_png(&drawing.photo(shown)?)?)?;
        self.folder.write(&target.files.overlay, &encode_png(&drawing.overlay(shown)?)?)?;
        match &target.files.edges {
            Some(edges) => self.folder.write(edges, &encode_png(&drawing.edges(shown)?)?),
            None => Ok(()),
        }
    }

    /// What an earlier run has written of a photo, if it had the same settings.
    fn completed(&self, sample: &Sample) -> Option<Record> {
        Record::completed(&self.folder.path, &sample.name, &sample.origins(), &self.settings)
    }

    /// The relevance that was written.
    fn relevance(&self, target: &TargetRecord) -> Result<ArrayD<f64>, Failure> {
        array::read(&self.folder.path.join(&target.files.relevance))
    }
}

impl Explaining for Plan<'_> {
    type Number = f64;

    fn arguments(&self) -> &explain::Arguments {
        self.arguments
    }

    fn samples(&self) -> &Samples {
        &self.samples
    }

    fn head(&self) -> Head<'_> {
        Head {
            form: Form::of(self.arguments),
            settings: &self.settings,
            folder: &self.folder,
            command: self.command.clone(),
            samples: self.samples.all.len(),
            targets: self.targets.len(),
            prepared: "none, photos are taken as they are".to_owned(),
            preprocessing: None,
            default: None,
            advises: Advises::Nothing,
        }
    }

    fn explain(&self, group: Range<usize>) -> Result<Vec<Done<f64>>, Failure> {
        let of_sample = |sample: &Sample| {
            let completed = self.arguments.resume.then(|| self.completed(sample)).flatten();
            match (completed, &self.arguments.relevance) {
                (Some(record), None) => Ok(Done { record, relevance: None }),
                (Some(record), Some(_)) => {
                    let relevance = record.targets.first().map(|target| self.relevance(target)).transpose()?;
                    Ok(Done { record, relevance })
                }
                (None, _) => self.explain_photo(sample),
            }
        };
        self.samples.all[group].iter().map(of_sample).collect()
    }

    fn redraw(&self, group: Range<usize>, maximum: f64) -> Result<Vec<Record>, Failure> {
        let mut records = Vec::new();
        for sample in &self.samples.all[group] {
            let Some(mut record) = self.completed(sample) else { continue };
            if record.targets.iter().any(|target| target.scale != Some(maximum)) {
                let shown = sample.parts[0].pixels()?;
                let annotation = Annotation::of_photo(&sample.parts[0].file).ok().flatten();
                for target in &mut record.targets {
                    let map = self.relevance(target)?.into_dimensionality::<Ix2>()?;
                    self.draw(&record.name, target, &map, &shown, annotation.as_ref(), maximum)?;
                    target.scale = Some(maximum);
                }
                record.write(&self.folder)?;
            }
            records.push(record);
        }
        Ok(records)
    }
}

/// The classes that are asked for, each once; without any, the one with the highest score.
fn targets(choices: &[TargetChoice], labels: &Labels, classes: usize) -> Result<Vec<Target>, Failure> {
    let predicted = [TargetChoice::PREDICTED];
    let choices = if choices.is_empty() { &predicted[..] } else { choices };
    let (mut targets, mut names) = (Vec::new(), Names::default());
    for (position, choice) in choices.iter().enumerate() {
        if choices[..position].contains(choice) {
            continue;
        }
        let class = choice.of_bag_of_words(labels)?;
        if let Some(class) = class.filter(|class| *class >= classes) {
            return Err(bow_classifier::Error::Class { class, classes }.into());
        }
        let name = match &choice.class {
            ClassChoice::Name(name) => file_name(name),
            _ => class.map_or_else(|| "predicted".to_owned(), |class| class.to_string()),
        };
        targets.push(Target { name: names.unique(&name), class });
    }
    Ok(targets)
}

/// The photos of all inputs, each on its own.
pub fn photos(inputs: &[PathBuf]) -> Samples {
    let (mut samples, mut names) = (Samples::default(), Names::default());
    for input in inputs {
        let sources = match Source::all(input) {
            Ok(sources) => sources,
            Err(failure) => {
                samples.refused.push((input.clone(), failure));
                continue;
            }
        };
        for source in sources {
            match source {
                Source::Image(picture) => {
                    let position = samples.all.len();
                    samples.groups.push(position..position + 1);
                    let name = names.unique(&file_name(&picture.stem()));
                    samples.all.push(Sample { name, parts: vec![Part::of(picture)] });
                }
                Source::Array(file) => {
                    let reason = "an array is for networks: a Bag-of-Words classifier takes photos";
                    samples.refused.push((file, reason.into()));
                }
            }
        }
    }
    samples
}
