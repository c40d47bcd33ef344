//! `pixelwise accuracy`: how often a classifier is right.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use images::Preprocessing;
use ndarray::{ArrayD, Axis, concatenate};
use neural_lrp::{Explainer, Real};
use pixelwise::Kind;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::bow::evaluate as photos;
use crate::bow::options::FolderOptions;
use crate::computation::{ComputationOptions, Precision};
use crate::failure::{Context, Failure, chain};
use crate::given::Given;
use crate::inputs::{Picture, Source, read_image};
use crate::labels::{ClassOptions, Labels};
use crate::messages;
use crate::model::NetworkModel;
use crate::output::{Table, print, print_json};
use crate::preprocess::{Chosen, PreprocessOptions};
use crate::progress::Progress;

const EXAMPLES: &str = "\
Examples:
  pixelwise accuracy model.onnx validation/ --labels labels.txt
      A network, by a folder of photos for each class: top-1 and top-5, class by class
  pixelwise accuracy bird.model --voc VOCdevkit/VOC2009 --split val
      A Bag-of-Words classifier: average precision, area under the ROC curve, and precision-recall curves";

/// Judge a classifier: how often a network is right, average precision of a Bag-of-Words classifier
///
/// A network is judged by a folder that holds a folder of images for each class. The class is the one that the folder's name
/// means in --labels, or its number from 0; where there are as many folders as classes, and neither names nor numbers, they
/// are the classes in the order of their names, as in torchvision's ImageFolder.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The model: a network, or a Bag-of-Words classifier as `pixelwise train` writes it
    model: PathBuf,

    /// For a network: a folder that holds a folder of images for each class
    #[arg(conflicts_with = "voc", required_unless_present = "voc")]
    folder: Option<PathBuf>,

    #[command(flatten, next_help_heading = "For a network")]
    preprocess: PreprocessOptions,

    #[command(flatten, next_help_heading = "For a network")]
    classes: ClassOptions,

    /// For either: the folder in which JPEGImages and ImageSets/Main lie; a network needs --labels for its classes
    #[arg(long, value_name = "DIR", help_heading = "Photos in the layout of PASCAL VOC")]
    voc: Option<PathBuf>,

    /// The list of photos to judge it by
    #[arg(long, value_name = "NAME", default_value = "val", help_heading = "Photos in the layout of PASCAL VOC")]
    split: String,

    /// The folder for curves and scores
    #[arg(long, value_name = "DIR", default_value = "evaluation", help_heading = "Photos in the layout of PASCAL VOC")]
    output: PathBuf,

    /// Where vectors and codebooks are kept for the next run
    #[arg(long, value_name = "DIR", default_value = "bow-cache", help_heading = "Photos in the layout of PASCAL VOC")]
    cache: PathBuf,

    #[command(flatten, next_help_heading = "How it is computed")]
    computation: ComputationOptions,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

const FOR_NETWORKS: [&str; 8] = ["preprocess", "labels", "class-axis", "dtype", "threads", "json", "quiet", "verbose"];
const FOR_BAG_OF_WORDS: [&str; 8] = ["voc", "split", "output", "cache", "threads", "json", "quiet", "verbose"];

/// Judges a classifier of any kind.
pub fn accuracy(arguments: &Arguments, given: &Given) -> Result<(), Failure> {
    let kind = Kind::of(&arguments.model)?;
    match (kind, &arguments.folder, &arguments.voc) {
        (Kind::Network, Some(folder), _) => {
            given.refuse_beyond(&FOR_NETWORKS, &arguments.model, kind)?;
            arguments.computation.start()?;
            match arguments.computation.dtype {
                Precision::F32 => judge_network::<f32>(arguments, folder),
                Precision::F64 => judge_network::<f64>(arguments, folder),
            }
        }
        (_, _, Some(voc)) => {
            if kind == Kind::BagOfWords {
                given.refuse_beyond(&FOR_BAG_OF_WORDS, &arguments.model, kind)?;
            }
            let (model, threads) = (arguments.model.clone(), arguments.computation.threads.clone());
            let folder = FolderOptions::of(voc.clone(), arguments.cache.clone(), threads, arguments.json);
            let (split, output) = (arguments.split.clone(), arguments.output.clone());
            let of_network = (
                arguments.classes.clone(),
                arguments.preprocess.clone(),
                given.has("dtype").then_some(arguments.computation.dtype),
            );
            photos::evaluate(&photos::Arguments::of(model, split, output, folder, of_network))
        }
        (_, _, None) => {
            let model = arguments.model.display();
            Err(format!("{model} is {kind}: it is judged by a folder of PASCAL VOC's layout, --voc DIR").into())
        }
    }
}

/// A class, its folder, and the images in it.
struct Labelled {
    class: usize,
    name: String,
    images: Vec<Picture>,
}

/// How many images of a class, or of all, are among the best.
#[derive(Clone, Copy, Default)]
struct Counts {
    images: usize,
    top_1: usize,
    top_5: usize,
}

impl Counts {
    /// With one more image, before whose class so many others come.
    fn with(self, before: usize) -> Self {
        Self {
            images: self.images + 1,
            top_1: self.top_1 + usize::from(before < 1),
            top_5: self.top_5 + usize::from(before < 5),
        }
    }

    /// The shares, none where there is no image.
    fn shares(self) -> [Option<f64>; 2] {
        [self.top_1, self.top_5].map(|top| (self.images > 0).then(|| top as f64 / self.images as f64))
    }
}

fn judge_network<F: Real>(arguments: &Arguments, folder: &Path) -> Result<(), Failure> {
    let labels = arguments.classes.labels()?;
    let mut model = NetworkModel::<F>::read_and_warn(&arguments.model)?;
    let input = model.only_input()?.clone();
    let chosen = arguments.preprocess.for_input(&input, model.metadata())?;
    let folders = folders(folder)?;
    let first = folders
        .iter()
        .flat_map(|(_, images)| images)
        .find_map(|image| read_image::<F>(image, &chosen.preprocessing).ok());
    let first = first.ok_or_else(|| format!("no image in the folders of {} can be read", folder.display()))?;
    let shape = input.shape_for(first.network.shape());
    let explainer = Explainer::new(model.network(&[&shape])?.as_ref())?;
    let explainer = explainer.with_class_axis(arguments.classes.axis(&labels));
    let classes = explainer.output_layout(&[&shape])?.classes();
    arguments.classes.check_count(&labels, classes, false)?;
    let labelled = with_classes(folders, &labels, classes)?;

    let together = explainer.fixed_samples().unwrap_or(1);
    let progress = Progress::new(labelled.iter().map(|one| one.images.len()).sum());
    let (mut counts, mut left_out) = (Vec::new(), Vec::new());
    for one in &labelled {
        let ranked = one.images.par_chunks(together).flat_map_iter(|images| {
            let ranked = ranks(&explainer, images, one.class, &chosen.preprocessing);
            progress.advance(images.len());
            ranked
        });
        let mut count = Counts::default();
        for rank in ranked.collect::<Vec<_>>() {
            match rank {
                Ok(before) => count = count.with(before),
                Err(failure) => left_out.push(chain(failure.as_ref())),
            }
        }
        counts.push(count);
    }
    drop(progress);
    left_out.iter().for_each(|problem| messages::note(format!("left out: {problem}")));
    let judged = Judged { chosen: &chosen, labelled: &labelled, counts: &counts, labels: &labels };
    if arguments.json {
        return print_json(&judged.json(arguments, folder, F::NAME, &left_out));
    }
    print(&judged.text())
}

/// Before how many classes the right one does not come, for images that go through the network together.
fn ranks<F: Real>(
    explainer: &Explainer<F>,
    images: &[Picture],
    class: usize,
    preprocessing: &Preprocessing,
) -> Vec<Result<usize, Failure>> {
    let read = |image: &Picture| {
        read_image::<F>(image, preprocessing).map(|image| image.network).context(image.file.display())
    };
    let read: Vec<Result<ArrayD<F>, Failure>> = images.iter().map(read).collect();
    let values: Vec<_> = read.iter().flatten().map(ArrayD::view).collect();
    if values.is_empty() {
        return read.into_iter().map(|image| image.map(|_| 0)).collect();
    }
    let scores = || {
        let batch = concatenate(Axis(0), &values).context("samples of one batch have to have one size")?;
        Ok::<_, Failure>(explainer.forward(batch.view())?.class_scores()?)
    };
    let scores = match scores() {
        Ok(scores) => scores,
        Err(failure) => return vec![Err(failure).context(images[0].file.display())],
    };
    let mut rows = scores.outer_iter();
    let rank = |image: Result<ArrayD<F>, Failure>| {
        image?;
        let scores = rows.next().unwrap_or_else(|| unreachable!("each image that was read has its scores"));
        // Of equals the first comes first.
        let is_before =
            |(other, score): (usize, &f64)| *score > scores[class] || *score == scores[class] && other < class;
        Ok(scores.iter().enumerate().filter(|&one| is_before(one)).count())
    };
    read.into_iter().map(rank).collect()
}

/// The folders within a folder, by name, with the images in each.
fn folders(folder: &Path) -> Result<Vec<(String, Vec<Picture>)>, Failure> {
    let reading = || format!("can't read {}", folder.display());
    let entries = fs::read_dir(folder).context(reading())?.collect::<Result<Vec<_>, _>>().context(reading())?;
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).filter(|path| path.is_dir()).collect();
    paths.sort();
    if paths.is_empty() {
        return Err(format!("{} holds no folder: it should hold one for each class", folder.display()).into());
    }
    let images = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let picture = |source| match source {
            Source::Image(picture) => Some(picture),
            Source::Array(_) => None,
        };
        Ok((name, Source::all(path)?.into_iter().filter_map(picture).collect()))
    };
    paths.iter().map(images).collect()
}

/// The class of each folder.
fn with_classes(
    folders: Vec<(String, Vec<Picture>)>,
    labels: &Labels,
    classes: usize,
) -> Result<Vec<Labelled>, Failure> {
    let (count, is_number) = (folders.len(), folders.iter().all(|(name, _)| name.parse::<usize>().is_ok()));
    let class = |(position, (name, images)): (usize, (String, Vec<Picture>))| {
        let class = match name.parse::<usize>() {
            Ok(class) if is_number => class,
            _ if !labels.is_empty() => labels.find(&name)?,
            _ if count == classes => position,
            _ => {
                return Err(format!(
                    "there are {count} folders and {classes} classes, so that {name:?} may be any of them: give the names of \
                     the classes by --labels, or call the folders by the numbers of classes"
                )
                .into());
            }
        };
        if class >= classes {
            return Err(
                format!("the folder {name:?} is for class {class}, and the network has {classes}, from 0").into()
            );
        }
        Ok(Labelled { class, name, images })
    };
    folders.into_iter().enumerate().map(class).collect()
}

/// What a network's answers are worth.
struct Judged<'a> {
    chosen: &'a Chosen,
    labelled: &'a [Labelled],
    counts: &'a [Counts],
    labels: &'a Labels,
}

impl Judged<'_> {
    fn total(&self) -> Counts {
        self.counts.iter().fold(Counts::default(), |all, one| Counts {
            images: all.images + one.images,
            top_1: all.top_1 + one.top_1,
            top_5: all.top_5 + one.top_5,
        })
    }

    fn text(&self) -> String {
        let mut table = Table::new(["folder", "class", "images", "top-1", "top-5"]);
        let cells = |counts: Counts| {
            let shares =
                counts.shares().map(|share| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.4}")));
            [counts.images.to_string()].into_iter().chain(shares)
        };
        for (one, counts) in self.labelled.iter().zip(self.counts) {
            table.row([one.name.clone(), self.labels.describe(one.class)].into_iter().chain(cells(*counts)));
        }
        table.row(["all".to_owned(), String::new()].into_iter().chain(cells(self.total())));
        let Chosen { preprocessing, reason } = self.chosen;
        let reason = reason.as_ref().map_or_else(String::new, |reason| format!("  ({reason})\n"));
        format!("preprocessing: {preprocessing}\n{reason}{}", table.text())
    }

    fn json(&self, arguments: &Arguments, folder: &Path, dtype: &str, left_out: &[String]) -> Value {
        let classes = self.labelled.iter().zip(self.counts).map(|(one, counts)| {
            let [top_1, top_5] = counts.shares();
            json!({
                "folder": one.name,
                "class": one.class,
                "name": self.labels.name(one.class),
                "images": counts.images,
                "top_1": top_1,
                "top_5": top_5,
            })
        });
        let classes: Vec<Value> = classes.collect();
        let [top_1, top_5] = self.total().shares();
        json!({
            "model": arguments.model,
            "folder": folder,
            "dtype": dtype,
            "preprocessing": self.chosen.preprocessing,
            "images": self.total().images,
            "top_1": top_1,
            "top_5": top_5,
            "classes": classes,
            "left_out": left_out,
        })
    }
}
