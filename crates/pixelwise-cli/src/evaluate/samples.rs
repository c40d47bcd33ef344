//! The samples on which explanations are judged, read when their turn comes.

use std::path::Path;

use datasets::read_text;
use evaluation::Sample;
use images::{Preprocessing, to_unit_range};
use ndarray::{Array3, ArrayD, Axis, Ix3};
use neural_lrp::Target;
use relevance::{ExplainError, ExplainableClassifier};

use crate::failure::{Context, Failure};
use crate::inputs::{Picture, Source, array, read_image, stem};
use crate::labels::{Labels, find};
use crate::pictures::Layout;
use crate::target::TargetChoice;

/// Which class of a sample is explained.
pub enum Truth {
    /// The same for all: a class, or each sample's predicted one.
    One(Target),
    /// That of its number; given by numbers alone, or by names as well.
    Each { classes: Vec<usize>, by_name: bool },
}

impl Truth {
    /// The target of the command line, or the classes of a file.
    pub fn read(labels: &Labels, target: &TargetChoice, file: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = file else {
            return match target.read(labels)? {
                (target, None) => Ok(Self::One(target)),
                (_, Some(_)) => Err("measures judge a class at all positions of the output: leave @ out".into()),
            };
        };
        let text = read_text(path).context(format!("can't read {}", path.display()))?;
        let number = |text: &str| text.trim().parse().ok();
        let class = |(line, text): (usize, &str)| match number(text) {
            Some(class) => Ok(class),
            None => find(labels, text).context(format!("{}, line {}", path.display(), line + 1)),
        };
        let classes = text.lines().enumerate().map(class).collect::<Result<_, Failure>>()?;
        Ok(Self::Each { classes, by_name: text.lines().any(|text| number(text).is_none()) })
    }

    /// Whether a name says which class is meant.
    pub fn is_by_name(&self) -> bool {
        matches!(self, Self::Each { by_name: true, .. })
    }
}

/// How images become what a classifier takes.
pub enum Preparation {
    /// As a network's input has it.
    Network(Box<Preprocessing>),
    /// Rows, columns and channels in [0, 1], as Bag-of-Words classifiers take images of any size.
    UnitRange,
}

impl Preparation {
    fn read(&self, picture: &Picture) -> Result<ArrayD<f64>, Failure> {
        Ok(match self {
            Self::Network(preprocessing) => read_image(picture, preprocessing)?.network.index_axis_move(Axis(0), 0),
            Self::UnitRange => to_unit_range(images::read(&picture.file)?.view()).into_dyn(),
        })
    }

    fn shown(&self, picture: &Picture) -> Result<Array3<u8>, Failure> {
        Ok(match self {
            Self::Network(preprocessing) => read_image::<f32>(picture, preprocessing)?.shown,
            Self::UnitRange => images::read(&picture.file)?,
        })
    }
}

/// What the samples are made of.
enum Content {
    Images(Vec<Picture>, Preparation),
    Batch(ArrayD<f64>),
}

/// All samples.
pub struct Samples {
    content: Content,
    names: Vec<String>,
    shape: Vec<usize>,
    truth: Truth,
    masks: Option<Array3<bool>>,
}

impl Samples {
    /// The samples of all sources, or the first `most` of them.
    pub fn new(
        sources: &[Source],
        preparation: Option<Preparation>,
        truth: Truth,
        masks: Option<&Path>,
        most: Option<usize>,
    ) -> Result<Self, Failure> {
        let most = most.unwrap_or(usize::MAX);
        let (content, names, shape) = match (sources, preparation) {
            ([Source::Array(path)], _) => {
                let batch = array::read::<f64>(path)?;
                let Some((&count, shape)) = batch.shape().split_first().filter(|(count, _)| **count > 0) else {
                    return Err(format!("{} holds no sample: its shape is {:?}", path.display(), batch.shape()).into());
                };
                let names: Vec<String> =
                    (0..count.min(most)).map(|sample| format!("{}-{sample}", stem(path))).collect();
                let shape = shape.to_vec();
                (Content::Batch(batch), names, shape)
            }
            (sources, Some(preparation)) => {
                let picture = |source: &Source| match source {
                    Source::Image(picture) => Ok(picture.clone()),
                    Source::Array(_) => Err(Failure::from("samples come from images, or from one .npy file")),
                };
                let pictures = sources.iter().take(most).map(picture).collect::<Result<Vec<_>, _>>()?;
                let first = pictures.first().ok_or("no sample is to be judged")?;
                let shape = preparation.read(first)?.shape().to_vec();
                let names = pictures.iter().map(Picture::stem).collect();
                (Content::Images(pictures, preparation), names, shape)
            }
            (_, None) => return Err("samples come from images, or from one .npy file".into()),
        };
        let count = names.len();
        if count == 0 {
            return Err("no sample is to be judged".into());
        }
        if let Truth::Each { classes, .. } = &truth
            && classes.len() < count
        {
            return Err(format!("--truth has {} classes; there are {count} samples", classes.len()).into());
        }
        let masks = masks.map(|path| read_masks(path, count)).transpose()?;
        Ok(Self { content, names, shape, truth, masks })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// How each is called.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Which class of each is explained.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// The same, in words.
    pub fn about_targets(&self) -> String {
        match &self.truth {
            Truth::Each { .. } => "of each sample its own, from --truth".to_owned(),
            Truth::One(Target::Class(class)) => format!("{class}"),
            Truth::One(_) => "the predicted one".to_owned(),
        }
    }

    /// The shape of the first, without the axis of samples.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// A sample as people see it: the photo where there is one, else the numbers of its input as they can be shown.
    pub fn shown(&self, number: usize, input: &ArrayD<f64>) -> Result<Array3<u8>, Failure> {
        match &self.content {
            Content::Images(pictures, preparation) => preparation.shown(&pictures[number]),
            Content::Batch(_) => Ok(Layout::of(input.shape()).photo(input.view())),
        }
    }

    /// The sample of a number.
    pub fn sample(&self, number: usize, classifier: &dyn ExplainableClassifier) -> Result<Sample, ExplainError> {
        let input = match &self.content {
            Content::Batch(batch) => batch.index_axis(Axis(0), number).to_owned(),
            Content::Images(pictures, preparation) => preparation.read(&pictures[number])?,
        };
        let target = match &self.truth {
            Truth::Each { classes, .. } => classes[number],
            Truth::One(Target::Class(class)) => *class,
            Truth::One(_) => {
                let scores = classifier.scores(&[input.view()])?;
                let highest = scores.iter().enumerate().fold((0, f64::NEG_INFINITY), |best, (class, &score)| {
                    if score > best.1 { (class, score) } else { best }
                });
                highest.0
            }
        };
        let mask = self.masks.as_ref().map(|masks| masks.index_axis(Axis(0), number).to_owned());
        Ok(Sample { input, target, mask })
    }
}

fn read_masks(path: &Path, count: usize) -> Result<Array3<bool>, Failure> {
    let masks = array::read::<f64>(path)?;
    let shape = masks.shape().to_vec();
    match masks.into_dimensionality::<Ix3>() {
        Ok(masks) if masks.len_of(Axis(0)) >= count => Ok(masks.mapv(|value| value != 0.0)),
        _ => Err(format!(
            "{} has shape {shape:?}; it should be (samples, rows, columns), for {count} samples",
            path.display()
        )
        .into()),
    }
}
