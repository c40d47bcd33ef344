//! `NAME.json`: everything about one explained sample. It is written last, and so says that the sample is complete.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use evaluation::ObjectShare;
use images::Preprocessing;
use ndarray::ArrayView1;
use relevance::Ledger;
use serde::{Deserialize, Serialize};

use crate::books::Findings;
use crate::explain::files::Folder;
use crate::explain::settings::{Settings, checksum};
use crate::failure::{Context, Failure};
use crate::labels::Labels;
use crate::output::number;

/// One explained sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What its files are called.
    pub name: String,
    /// Where it comes from; the first input of a network that has several.
    pub input: Origin,
    /// All inputs of a network that has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<NamedInput>,
    /// How photos were prepared; none for arrays.
    pub preprocessing: Option<Preprocessing>,
    /// What was asked for, and of which files.
    pub settings: Settings,
    /// The tensor that was explained.
    pub explained: String,
    /// The nodes at the end that were left out: the linear score is explained.
    pub left_out: Vec<String>,
    /// Where it was in its run.
    #[serde(default)]
    pub place: Place,
    /// The shape of the sample; of its first input, if there are several.
    pub shape: Vec<usize>,
    /// The classes with the largest scores.
    pub top: Vec<ClassScore>,
    /// Over which positions of the output these scores are taken; none where each class has a single one.
    #[serde(default)]
    pub positions: Option<String>,
    /// The rule of each node.
    pub rules: Vec<NodeRule>,
    /// The products whose factors get half of the relevance each.
    #[serde(default)]
    pub shared_half_and_half: Vec<String>,
    /// Why a map may have exploded, as far as the rules tell.
    #[serde(default)]
    pub hint: Option<String>,
    /// What is wrong with what belongs to the sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// One explanation for each target.
    pub targets: Vec<TargetRecord>,
    /// The CRC-32 of each file that is written of the sample: one that was damaged since is made anew.
    #[serde(default)]
    pub checksums: BTreeMap<PathBuf, String>,
}

/// Where a sample comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The file.
    pub file: PathBuf,
    /// How long it is: a file that was replaced is explained anew.
    pub bytes: u64,
    /// Its CRC-32, for the same reason.
    #[serde(default)]
    pub checksum: String,
    /// Which sample of an array; none for an image.
    pub sample: Option<usize>,
}

impl Origin {
    /// Whether the file is another than it was; of those that say no checksum, nobody knows.
    pub fn is_replaced(&self) -> bool {
        !self.checksum.is_empty() && checksum(&self.file).ok().as_ref() != Some(&self.checksum)
    }
}

/// Where a sample was in its run: what else decides how it is explained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its position among all samples.
    pub sample: usize,
    /// How many there were.
    pub samples: usize,
    /// Those that went through the network together with it, and itself; empty where it went alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<Companion>,
}

/// A sample that goes through the network together with others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Companion {
    /// What its files are called.
    pub name: String,
    /// Where it comes from, input by input.
    pub inputs: Vec<Origin>,
}

/// One of several inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedInput {
    /// Its name.
    pub name: String,
    /// Where what it got comes from.
    pub origin: Origin,
    /// How its photo was prepared; none for an array.
    pub preprocessing: Option<Preprocessing>,
    /// The shape of what it got.
    pub shape: Vec<usize>,
}

/// A class and its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScore {
    /// The class.
    pub class: usize,
    /// Its name, where names were given.
    pub label: Option<String>,
    /// Its score.
    pub score: f64,
}

impl ClassScore {
    /// A class, by the name that it has.
    pub fn of(labels: &Labels, class: usize, score: f64) -> Self {
        Self { class, label: labels.name(class).map(str::to_owned), score }
    }

    /// The classes with the largest scores, the first of equals first.
    pub fn best(labels: &Labels, scores: ArrayView1<'_, f64>, count: usize) -> Vec<Self> {
        let mut ranked: Vec<(usize, f64)> = scores.iter().copied().enumerate().collect();
        ranked.sort_by(|left, right| right.1.total_cmp(&left.1));
        ranked.into_iter().take(count).map(|(class, score)| Self::of(labels, class, score)).collect()
    }

    /// `207 golden retriever`, or the number alone.
    pub fn describe(&self) -> String {
        match &self.label {
            Some(label) => format!("{} {label}", self.class),
            None => self.class.to_string(),
        }
    }

    /// Its name, or its number.
    pub fn name(&self) -> String {
        self.label.clone().unwrap_or_else(|| self.class.to_string())
    }

    /// The same where it stands alone: `class 207`.
    pub fn title(&self) -> String {
        if self.label.is_some() { self.describe() } else { format!("class {}", self.class) }
    }
}

/// What is explained where it is more than the score of a class: a contrast, a difference from a reference, a similarity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// How it is measured, in words behind the class's: `minus 285 Egyptian cat`; or alone: `cosine similarity`.
    pub how: String,
    /// What relevance sums up to.
    pub value: f64,
}

/// The rule of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeRule {
    /// The node's name.
    pub node: String,
    /// Its operator.
    pub kind: String,
    /// Its rule.
    pub rule: String,
}

/// The explanation of one target, in one input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetRecord {
    /// What was asked for; also part of the files' names.
    pub target: String,
    /// The input, where several are explained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputShare>,
    /// The class that this is, and its score; none for similarities, and where relevance began with an array.
    pub class: Option<ClassScore>,
    /// What is explained where it is more than that score.
    #[serde(default)]
    pub measured: Option<Measured>,
    /// At which positions of the output, where it has any.
    #[serde(default)]
    pub positions: Option<String>,
    /// The largest `|R|` of a pixel, or that of the share of pixels that --level leaves below the strongest color.
    pub largest: f64,
    /// What the strongest color of the pictures stands for; none while they are to be drawn.
    pub scale: Option<f64>,
    /// Where the relevance went, node by node; none for methods that keep no books. Of several explained inputs the first
    /// has it, as it is about all of them.
    pub ledger: Option<Ledger>,
    /// What that says about the map.
    #[serde(default)]
    pub findings: Option<Findings>,
    /// How many samples went through the network together: the ledger is for all of them.
    pub ledger_samples: usize,
    /// Where objects of the class are known: how much of the relevance is inside of their boxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boxes: Option<ObjectShare>,
    /// The files, by what they are, relative to the output folder.
    pub files: Files,
}

/// One of several explained inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputShare {
    /// Its name.
    pub name: String,
    /// The sum of its relevance.
    pub relevance: f64,
}

/// The files of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// The map with class, score and color bar.
    pub heatmap: PathBuf,
    /// The map alone, of the size of the overlay.
    #[serde(default)]
    pub map: PathBuf,
    /// The map over the photo.
    pub overlay: PathBuf,
    /// What was explained, of the same size.
    #[serde(default)]
    pub photo: PathBuf,
    /// The photo's edges over the map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edges: Option<PathBuf>,
    /// The raw relevance.
    pub relevance: PathBuf,
    /// The raw relevance of other tensors.
    pub tensors: Vec<PathBuf>,
}

impl TargetRecord {
    /// Whether it explains what another does: the same class, at the same positions, in the same input.
    pub fn explains_what(&self, other: &Self) -> bool {
        let of = |target: &Self| {
            (target.class.clone(), target.measured.clone(), target.positions.clone(), target.input.clone())
        };
        self.class.is_some() && of(self) == of(other)
    }
}

impl Files {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.heatmap, &self.map, &self.overlay, &self.photo]
            .into_iter()
            .chain(&self.edges)
            .chain([&self.relevance])
            .chain(&self.tensors)
    }
}

impl TargetRecord {
    /// The files that are there: all, or the arrays alone while the pictures are to be drawn.
    fn written(&self) -> impl Iterator<Item = &PathBuf> {
        let Files { heatmap, map, overlay, photo, edges, .. } = &self.files;
        let pictures = self.scale.map(|_| [heatmap, map, overlay, photo].into_iter().chain(edges));
        pictures.into_iter().flatten().chain([&self.files.relevance]).chain(&self.files.tensors)
    }

    /// What is explained, apart from the class, which a title may have already.
    pub fn said(&self) -> String {
        let positions = self.positions.as_ref().map_or_else(String::new, |positions| format!("{positions}, "));
        match (&self.class, &self.measured) {
            (Some(class), None) => format!("{positions}score {}", number(class.score)),
            (Some(class), Some(Measured { how, value })) => {
                format!("{positions}score {}, {how} {}", number(class.score), number(*value))
            }
            (None, Some(Measured { how, value })) => format!("{how} {}", number(*value)),
            (None, None) => "relevance from a file".to_owned(),
        }
    }
}

impl Record {
    /// Writes it, as the last file of its sample.
    pub fn write(&mut self, folder: &Folder) -> Result<(), Failure> {
        let files = self.targets.iter().flat_map(TargetRecord::written);
        let sealed = files.map(|file| Ok((file.clone(), checksum(&folder.path.join(file))?)));
        self.checksums = sealed.collect::<Result<_, Failure>>()?;
        folder.write(&record_path("".as_ref(), &self.name), &self.to_bytes()?)
    }

    /// What its file holds.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let mut text = serde_json::to_vec_pretty(self).context(&self.name)?;
        text.push(b'\n');
        Ok(text)
    }

    /// The record of an earlier run, if that had the same input and settings and all of its files are there as they were
    /// written; pictures that are still to be drawn need not be.
    pub fn completed(folder: &Path, name: &str, origins: &[Origin], settings: &Settings) -> Option<Self> {
        let text = std::fs::read(record_path(folder, name)).ok()?;
        let record: Self = serde_json::from_slice(&text).ok()?;
        let same = record.origins() == origins && record.settings == *settings;
        let is_whole = |file: &PathBuf| {
            let was = record.checksums.get(file);
            was.is_some() && checksum(&folder.join(file)).ok().as_ref() == was
        };
        let whole = || record.targets.iter().flat_map(TargetRecord::written).all(is_whole);
        (same && whole()).then_some(record)
    }

    /// Where it comes from, input by input.
    pub fn origins(&self) -> Vec<Origin> {
        match self.inputs.as_slice() {
            [] => vec![self.input.clone()],
            inputs => inputs.iter().map(|input| input.origin.clone()).collect(),
        }
    }
}

impl TargetRecord {
    /// How much of the relevance is inside of boxes, as a sentence.
    pub fn about_boxes(&self) -> Option<String> {
        let ObjectShare { inside, context, area } = self.boxes?;
        let class = self.class.as_ref().map_or_else(|| "the class".to_owned(), ClassScore::name);
        Some(format!(
            "positive relevance: {inside:.4} inside of the boxes of {class}, which have {area:.4} of the area; \
             {context:.4} on the context"
        ))
    }
}

impl Record {
    /// The rule of each kind of operation: the kind, how many have it, and the rule.
    pub fn rules_of_kinds(&self) -> Vec<[String; 3]> {
        let mut kinds: Vec<(&NodeRule, usize)> = Vec::new();
        for node in &self.rules {
            match kinds.iter_mut().find(|(other, _)| (&other.kind, &other.rule) == (&node.kind, &node.rule)) {
                Some((_, count)) => *count += 1,
                None => kinds.push((node, 1)),
            }
        }
        kinds.into_iter().map(|(node, count)| [node.kind.clone(), count.to_string(), node.rule.clone()]).collect()
    }
}

/// Where a sample's record is.
pub fn record_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}
