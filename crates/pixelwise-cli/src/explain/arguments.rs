//! The command line of `pixelwise explain`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::error::ErrorKind;
use clap::{Args, Command, ValueEnum};
use heatmap::ColorMap;
use neural_lrp::Similarity;
use neural_lrp::methods::Method;

use crate::computation::ComputationOptions;
use crate::inputs::content::is_standard;
use crate::labels::ClassOptions;
use crate::preprocess::PreprocessOptions;
use crate::rules::{RuleOptions, is_backward_pass};
use crate::target::{Against, ClassChoice, TargetChoice};

const EXAMPLES: &str = "\
Examples:
  pixelwise explain model.onnx cat.jpg
      A heatmap of the predicted class, by the default rules for such a network, into the folder explanations
  pixelwise explain model.onnx cat.jpg --labels labels.txt --target cat --target dog
      Two classes, explained from one forward pass
  pixelwise explain model.onnx cat.jpg --target 281 --against 285
      What speaks for class 281 rather than for class 285; --against others: rather than for all other classes
  pixelwise explain model.onnx a.jpg b.jpg --similarity cosine --output-name features
      Why two images are alike to the network, by its tensor \"features\": a heatmap of each
  pixelwise explain detector.onnx street.jpg --output-name scores --target 2@417
      The score of class 2 of a detector's box 417, from the tensor that has all boxes' scores
  pixelwise explain age.onnx face.jpg --target 0 --reference 40
      A regression, counted from 40: what makes the output differ from that
  pixelwise explain model.onnx cat.jpg --preprocess imagenet-tf --rule epsilon=0.01
      Another preprocessing, and one rule for all layers
  pixelwise explain model.onnx photos/ --output maps --scale batch --resume
      A folder of any size, one color scale for all of it; run it again after an interruption
  pixelwise explain model.onnx batch.npy --relevance relevance.npy --dtype f64
      The raw relevance of a whole batch, for a script
  pixelwise explain model.onnx image=cat.jpg meta=meta.npy --explained image
      A network of several inputs: all of them are given, and one is explained
  pixelwise explain a1a.model --vectors a1a.t
      A support vector machine of LIBSVM: the relevance of each dimension, as a table and as bars
  pixelwise explain bird.model VOCdevkit/VOC2009/JPEGImages/2008_000007.jpg --target bird
      A Bag-of-Words classifier of photographs, with boxes around the birds from Annotations/2008_000007.xml

Which rule? epsilon-plus-flat and epsilon-gamma-box are good first choices for convolutional networks, attention-cp-gamma for
transformers, epsilon=0.01 for perceptrons; the first line says what was taken by default, and `pixelwise compare` shows
several side by side. The lines \"where it went\" say how much of the score the heatmap
accounts for.";

/// Explain what a model sees: heatmap, raw relevance, and where the relevance went
///
/// Networks and Bag-of-Words classifiers alike. These take photos as they are and are explained by Algorithm 1: of the
/// options, --target, --output, --relevance, --colormap, --scale, --level, --top, --threads, --json and --resume are for them. A photo that lies in a folder of
/// PASCAL VOC's layout, JPEGImages/ID.jpg, and has an annotation there, Annotations/ID.xml, then gets its objects' boxes in
/// all pictures: bold ones for the explained class, thin ones for others.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The model: a network (an ONNX file, or a text network of the LRP toolbox), a support vector machine of LIBSVM, or a Bag-of-Words classifier as `pixelwise train` or `cargo run -p bow-demo` saves it
    pub model: PathBuf,

    /// Images (PNG, JPEG, WebP, TIFF, GIF, BMP, PNM), folders of images, or .npy batches in the model's layout; for a network of several inputs, files for each: NAME=FILE
    #[arg(required_unless_present = "vectors", value_name = "[NAME=]INPUT")]
    pub input: Vec<PathBuf>,

    /// Vectors for a support vector machine of LIBSVM, in place of an INPUT: an .npy array with a vector in each row, or LIBSVM's own LABEL INDEX:VALUE …
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    pub vectors: Option<PathBuf>,

    #[command(flatten, next_help_heading = "How it is explained")]
    pub rules: RuleOptions,

    /// Where --method taylor searches roots: an .npy batch in the model's layout, or a folder of images
    #[arg(long, value_name = "FILE.npy|FOLDER", help_heading = "How it is explained")]
    pub candidates: Option<PathBuf>,

    /// What is explained (repeatable, all from one forward pass): predicted (the default), a class by its number from 0, by its name in --labels, or FILE.npy with one class for each sample. Where the output has positions (segmentation), a class is the sum over all of them; CLASS@ROW,COLUMN is one position, CLASS@MASK.png or CLASS@MASK.npy those where a mask is not 0
    #[arg(long, value_name = "CLASS[@WHERE]", help_heading = "What is explained")]
    pub target: Vec<TargetChoice>,

    /// Explain how much more each target has than this: a class, by its number or its name, or others, the mean of all other classes. Relevance begins with the target's score, and with the other one's negative: the map is the difference of both maps
    #[arg(long, value_name = "CLASS|others", conflicts_with = "initial", help_heading = "What is explained")]
    pub against: Option<Against>,

    /// Count scores from this value instead of from 0, for a regression: relevance sums up to f(x) − VALUE. The map is that of f(x), scaled by this; where a reference image is at hand, --method taylor or integrated-gradients says what changed
    #[arg(
        long,
        value_name = "VALUE",
        allow_negative_numbers = true,
        conflicts_with = "initial",
        help_heading = "What is explained"
    )]
    pub reference: Option<f64>,

    /// Explain how alike the two inputs are to the network, by the features that the explained output (--output-name) is: their dot product, or its cosine. Each input gets a heatmap of all of the similarity
    #[arg(long, value_name = "dot|cosine", conflicts_with_all = ["target", "initial", "against", "reference"], help_heading = "What is explained")]
    pub similarity: Option<Similarity>,

    /// Relevance to begin with instead of a class's score, in the shape of the explained output
    #[arg(long, value_name = "FILE.npy", conflicts_with = "target", help_heading = "What is explained")]
    pub initial: Option<PathBuf>,

    /// Which inputs are explained, where the network has several (repeatable; default: all that reach the target)
    #[arg(long, value_name = "NAME", num_args = 1.., help_heading = "What is explained")]
    pub explained: Vec<String>,

    /// Which output, where the network has several (default: the first), or any tensor that it computes on the way, as it is (`pixelwise inspect --json` names them): features, or the scores of a detector's boxes before it sorts them out
    #[arg(long, value_name = "NAME", help_heading = "What is explained")]
    pub output_name: Option<String>,

    /// Explain the probability behind a trailing softmax or sigmoid, not the linear score before it
    #[arg(long, help_heading = "What is explained")]
    pub explain_probability: bool,

    /// Also write the relevance at this tensor (repeatable; `pixelwise inspect --json` names them)
    #[arg(long, value_name = "TENSOR", help_heading = "What is explained")]
    pub at: Vec<String>,

    /// Let relevance pass only through these channels of a tensor (repeatable): conv5=3,17,20-25
    #[arg(long, value_name = "TENSOR=CHANNELS", help_heading = "What is explained")]
    pub mask: Vec<ChannelMask>,

    #[command(flatten, next_help_heading = "What is explained")]
    pub classes: ClassOptions,

    #[command(flatten, next_help_heading = "How photos are prepared")]
    pub preprocess: PreprocessOptions,

    #[command(flatten, next_help_heading = "How it is computed")]
    pub computation: ComputationOptions,

    /// Where files are written to
    #[arg(long, value_name = "FOLDER", default_value = "explanations", help_heading = "What is written")]
    pub output: PathBuf,

    /// Also write the relevance of all samples as one array, in the shape of the input; for a single target and input (-: to standard output, without text)
    #[arg(long, value_name = "FILE.npy", help_heading = "What is written")]
    pub relevance: Option<PathBuf>,

    /// Also write the relevance of every tensor, as FOLDER/NAME.TARGET/TENSOR.npy
    #[arg(long, value_name = "FOLDER", help_heading = "What is written")]
    pub layers: Option<PathBuf>,

    /// Colors of the heatmaps: jet, seismic, black-fire-red, gray-red, blue-orange, red-blue, turbo (default: seismic for networks, jet for Bag-of-Words classifiers, as in the paper)
    #[arg(long, value_name = "NAME", help_heading = "What is written")]
    pub colormap: Option<ColorMap>,

    /// What the strongest color stands for: the largest relevance of each image, or of all images of the run
    #[arg(long, value_name = "SCOPE", value_enum, default_value_t = Scale::Image, help_heading = "What is written")]
    pub scale: Scale,

    /// The share of pixels that the strongest color leaves below it: 0.99 lets the strongest hundredth of the pixels have one color, so that a few of them do not make all others pale
    #[arg(long, value_name = "SHARE", default_value_t = Level::LARGEST, help_heading = "What is written")]
    pub level: Level,

    /// How many of the top classes are listed
    #[arg(long, value_name = "K", default_value_t = 5, help_heading = "What is written")]
    pub top: usize,

    /// Print one JSON document instead of text
    #[arg(long, help_heading = "What is written")]
    pub json: bool,

    /// Skip what an earlier run with the same settings has completed
    #[arg(long, help_heading = "What is written")]
    pub resume: bool,
}

/// Over what the strongest relevance is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scale {
    /// Of each image: colors compare pixels of one image
    Image,
    /// Of all images: colors compare images too
    Batch,
}

/// A share of pixels, in (0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level(f64);

impl Level {
    /// All pixels: the strongest color stands for the largest relevance.
    pub const LARGEST: Self = Self(1.0);

    /// The share.
    pub fn share(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let share = text.parse().ok().filter(|share| 0.0 < *share && *share <= 1.0);
        share.map(Self).ok_or_else(|| format!("{text:?} should be a share of the pixels, above 0 and up to 1: 0.99"))
    }
}

/// Channels of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelMask {
    /// The tensor's name.
    pub tensor: String,
    /// Its channels.
    pub channels: Vec<usize>,
}

/// More channels than any network has.
const MOST_CHANNELS: usize = 1 << 20;

impl FromStr for ChannelMask {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} should be TENSOR=CHANNELS, with channels counted from 0: conv5=3,17,20-25");
        let (tensor, list) = text.rsplit_once('=').ok_or_else(wrong)?;
        let mut channels = Vec::new();
        for part in list.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let number = |text: &str| text.trim().parse::<usize>().ok().filter(|&channel| channel < MOST_CHANNELS);
            let (first, last) = number(first).zip(number(last)).ok_or_else(wrong)?;
            channels.extend(first..=last);
        }
        if channels.is_empty() { Err(wrong()) } else { Ok(Self { tensor: tensor.to_owned(), channels }) }
    }
}

impl Arguments {
    /// Whether an array is written to standard output, which leaves no room for text.
    pub fn writes_to_standard_output(&self) -> bool {
        self.relevance.as_deref().is_some_and(is_standard)
    }

    /// Ends the program, as for any other wrong command line, where options do not go together.
    pub fn check(&self) {
        if self.relevance.is_some() && self.target.len() > 1 {
            misuse("--relevance writes one array and so takes one --target; run it once for each");
        }
        if self.json && self.relevance.as_deref().is_some_and(is_standard) {
            misuse("--json and --relevance - both go to standard output: give one of them a file");
        }
        let by_name = self.target.iter().find_map(|target| match &target.class {
            ClassChoice::Name(name) => Some(("--target", name)),
            _ => None,
        });
        let by_name = by_name.or(match &self.against {
            Some(Against::Name(name)) => Some(("--against", name)),
            _ => None,
        });
        if let (Some((option, name)), None) = (by_name, &self.classes.labels) {
            misuse(&format!(
                "{option} {name:?} is a name: give the file that names classes by --labels, or the class's number"
            ));
        }
        if self.similarity.is_some() && self.resume {
            misuse("--similarity is of two inputs together, which --resume would take one by one");
        }
        match (&self.rules.method, &self.candidates) {
            (Some(Method::Taylor(_)), None) => {
                misuse("--method taylor searches roots towards candidates: give them by --candidates FILE.npy|FOLDER");
            }
            (Some(Method::Taylor(_)), Some(_)) | (_, None) => {}
            (_, Some(_)) => misuse("--candidates is for --method taylor"),
        }
        let of_rules = [("--layers", self.layers.is_some()), ("--mask", !self.mask.is_empty())];
        match (&self.rules.method, of_rules.iter().find(|(_, given)| *given)) {
            (Some(method), Some((option, _))) if !is_backward_pass(method) => {
                misuse(&format!("{option} needs one backward pass, and --method {method} takes several"));
            }
            _ => {}
        }
    }
}

/// Ends the program with a message about its command line.
pub fn misuse(message: &str) -> ! {
    Arguments::augment_args(Command::new("pixelwise explain")).error(ErrorKind::ArgumentConflict, message).exit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_take_numbers_and_ranges() {
        let mask: ChannelMask = "/conv=1=3,5-7".parse().unwrap();
        assert_eq!(mask, ChannelMask { tensor: "/conv=1".to_owned(), channels: vec![3, 5, 6, 7] });
        for wrong in ["conv", "conv=", "conv=a", "conv=7-5", "conv=0-99999999999"] {
            assert!(wrong.parse::<ChannelMask>().unwrap_err().contains("conv5=3,17"), "{wrong}");
        }
    }
}
