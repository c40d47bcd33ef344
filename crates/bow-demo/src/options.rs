//! The command line.

use std::path::PathBuf;

use bow_mapping::{Pooling, SoftOptions};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, ValueEnum};
use datasets::polygons::TILE_SIDE;
use heatmap::ColorMap;
use local_features::{DenseSift, Extractor, FeatureExtractor, Rotation};
use relevance::{RootSearch, RootSelection, SearchOver};
use serde::Serialize;

/// More threads than this are a slip of the keyboard.
const MOST_THREADS: usize = 1024;

/// Polygons versus circles, explained to the pixel: Fig. 6 of Bach et al. 2015, from data to report.
///
/// Makes training tiles (a tile is positive when it shows a polygon), learns a Bag-of-Words classifier on them, and
/// explains pictures that it has never seen: which pixels speak for "polygon", and which against it? Pictures, report,
/// model and figures go into the output folder.
#[derive(Parser, Clone, Debug)]
#[command(version, after_help = EXAMPLES)]
pub struct Options {
    /// Folder for the results; files of the same names in it are overwritten, all others left alone
    #[arg(long, value_name = "DIR", default_value = "bow-demo-output")]
    pub output: PathBuf,

    /// Explain with a saved model instead of learning one
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,

    /// Explain this picture instead of the composites (repeatable; PNG, JPEG, WebP, TIFF, GIF, BMP, PNM)
    #[arg(long, value_name = "FILE")]
    pub image: Vec<PathBuf>,

    /// Training tiles are drawn from this seed, test tiles from the next, composites from the one after
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,

    /// Number of training tiles
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub train: usize,

    /// Number of test tiles
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub test: usize,

    /// Number of composites to explain
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub composites: usize,

    /// Print metrics.json to standard output instead of a summary
    #[arg(long)]
    pub json: bool,

    /// Number of threads (default: one for each core)
    #[arg(long, value_name = "N", value_parser = parse_threads)]
    pub threads: Option<usize>,

    /// What the classifier is to be
    #[command(flatten)]
    pub settings: Settings,

    /// How it is explained
    #[command(flatten)]
    pub explanation: ExplanationSettings,
}

impl Options {
    /// The options of this process's command line; ends the process where they make no sense together.
    pub fn from_command_line() -> Self {
        let matches = Self::command().mut_args(take_negative_numbers).get_matches();
        let options = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        if options.model.is_some() {
            if let Some(given) = choice_of_learning(&matches) {
                refuse(format!("--{given} is a choice of learning, and --model brings a classifier that has learned"));
            }
        } else if let Err(message) = options.settings.check() {
            refuse(message);
        } else {
            options.refuse_unfit_tiles(&options.settings.extractors());
        }
        options
    }

    /// Ends the process when tiles are to be so small that these extractors can't describe them.
    pub fn refuse_unfit_tiles(&self, extractors: &[Extractor]) {
        if let Err(message) = self.explanation.check(extractors) {
            refuse(message);
        }
    }
}

/// Takes negative numbers for values, if wrong ones, and not for unknown options: the message is to say what is right.
fn take_negative_numbers(argument: clap::Arg) -> clap::Arg {
    let takes_values = argument.get_action().takes_values();
    argument.allow_negative_numbers(takes_values)
}

/// Ends the process as clap does when options make no sense.
fn refuse(message: String) -> ! {
    Options::command().error(ErrorKind::ArgumentConflict, message).exit()
}

/// An option on the command line that says what is to be learned, if there is one.
fn choice_of_learning(matches: &ArgMatches) -> Option<String> {
    let settings = Settings::augment_args(clap::Command::new("settings"));
    let options = Options::command();
    let mut of_learning =
        settings.get_arguments().chain(options.get_arguments().filter(|argument| argument.get_id() == "train"));
    let given =
        |argument: &&clap::Arg| matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine);
    of_learning.find(given).and_then(|argument| argument.get_long().map(str::to_owned))
}

/// What the classifier is to be; the defaults are those of Fig. 6.
#[derive(clap::Args, Clone, Debug, Serialize)]
#[command(next_help_heading = "The classifier")]
pub struct Settings {
    /// Kernel over the bags of words
    #[arg(long, value_enum, default_value_t = KernelChoice::Chi2)]
    pub kernel: KernelChoice,

    /// Mapping of local features onto the visual words
    #[arg(long, value_enum, default_value_t = MappingChoice::Rank)]
    pub mapping: MappingChoice,

    /// Rotation of the descriptors
    #[arg(long, value_enum, default_value_t = RotationChoice::Dominant)]
    pub rotation: RotationChoice,

    /// Scales of the descriptors, one channel each; a descriptor covers 12 · scale pixels
    #[arg(long, value_name = "S,…", value_delimiter = ',', default_value = "2,3", value_parser = above_zero)]
    pub scales: Vec<f64>,

    /// Distance of neighboring descriptors, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 6, value_parser = at_least_one)]
    pub grid: usize,

    /// Visual words for each channel; one of them is the zero word of flat patches. For fisher: Gaussian components of
    /// 257 dimensions each, so use few, e.g. 16
    #[arg(long, value_name = "V", default_value_t = 128)]
    pub words: usize,

    /// Base p of the rank mapping, p^(−rank) (Eq. 64)
    #[arg(long, value_name = "P", default_value_t = 2.0, value_parser = above_one)]
    pub rank_base: f64,

    /// Words n that the rank mapping gives weight to (Eq. 64)
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = at_least_one)]
    pub rank_nearest: usize,

    /// Steepness β of the soft mapping (Eq. 36)
    #[arg(long, value_name = "β", default_value_t = SoftOptions::default().beta, value_parser = above_zero)]
    pub soft_beta: f64,

    /// Weight λ of the regularizer of lasso and ridge (Eq. 37) [default: 0.15 for lasso, 1 for ridge]
    #[arg(long, value_name = "λ", value_parser = above_zero)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda: Option<f64>,

    /// Exponent p of the pooling: 1 is the mean, inf the maximum (Eqs 19, 29)
    #[arg(long, value_name = "P", default_value = "1", value_parser = parse_pooling)]
    pub pooling: Pooling,

    /// Normalization of the pooled vectors
    #[arg(long, value_enum, default_value_t = NormalizationChoice::L1)]
    pub normalization: NormalizationChoice,

    /// Weights of the channels' kernels: the same for all, or learned with an ℓ2 norm
    #[arg(long, value_enum, default_value_t = MklChoice::Uniform)]
    pub mkl: MklChoice,

    /// Cost C of the support vector machine
    #[arg(long, value_name = "C", default_value_t = 10.0, value_parser = above_zero)]
    pub cost: f64,
}

impl Settings {
    /// The local features that are asked for, one extractor for each channel.
    pub fn extractors(&self) -> Vec<Extractor> {
        let rotation = match self.rotation {
            RotationChoice::Dominant => Rotation::DominantGradient,
            RotationChoice::Fixed => Rotation::Fixed { angle: 0.0 },
        };
        let extractor = |&scale| DenseSift { scale, step: self.grid, rotation, ..DenseSift::default() }.into();
        self.scales.iter().map(extractor).collect()
    }

    /// Fails when choices don't go together, or don't fit the training tiles.
    fn check(&self) -> Result<(), String> {
        if self.mapping.is_signed() && matches!(self.kernel, KernelChoice::Chi2 | KernelChoice::Hi) {
            return Err(
                "this mapping has negative values, which the kernels chi2 and hi don't take: add --kernel rbf or \
                 --kernel linear"
                    .to_owned(),
            );
        }
        let p = self.pooling.p();
        if self.mapping.is_signed() && p.is_finite() && p.fract() != 0.0 {
            return Err(format!(
                "this mapping has negative values, which pooling takes only for whole numbers: --pooling {p} is none"
            ));
        }
        if self.words < 2 && self.mapping.has_flat_word() {
            return Err("--words needs at least 2: one of them is the zero word of flat patches".to_owned());
        }
        if self.words < 1 {
            return Err("--words needs at least 1".to_owned());
        }
        if self.mapping == MappingChoice::Rank && self.rank_nearest > self.words {
            return Err(format!(
                "--rank-nearest {} is more than the {} visual words: give less, or more --words",
                self.rank_nearest, self.words
            ));
        }
        match smallest_image(&self.extractors()) {
            needed if needed > TILE_SIDE => Err(format!(
                "with these --scales and --grid, local features need {needed} pixels; the training tiles have \
                 {TILE_SIDE}"
            )),
            _ => Ok(()),
        }
    }
}

/// Height and width that an image needs at least for these extractors.
pub fn smallest_image(extractors: &[Extractor]) -> usize {
    extractors.iter().map(Extractor::smallest_image).max().unwrap_or(1)
}

/// How pictures are explained; the defaults are those of Fig. 6.
#[derive(clap::Args, Clone, Debug, Serialize)]
#[command(next_help_heading = "The explanation")]
pub struct ExplanationSettings {
    /// Side of the tiles that are explained on their own
    #[arg(long, value_name = "PIXELS", default_value_t = TILE_SIDE, value_parser = at_least_one)]
    pub tile: usize,

    /// Distance of neighboring tiles; their maps are averaged
    #[arg(long, value_name = "PIXELS", default_value_t = 34, value_parser = at_least_one)]
    pub step: usize,

    /// Training tiles of the opposite predicted sign towards which a root point is searched: the nearest K, or all
    /// [default: 5, or as --model has it]
    #[arg(long, value_name = "K|all", value_parser = parse_candidates)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_candidates: Option<SearchOver>,

    /// Which of the root points counts [default: residual, or as --model has it]
    #[arg(long, value_enum)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_selection: Option<RootChoice>,

    /// Colors of the heatmaps
    #[arg(long, value_name = "NAME", default_value = "jet")]
    pub color_map: ColorMap,
}

impl ExplanationSettings {
    /// Where root points are searched: what was not asked for stays as it is in `search`.
    pub fn search(&self, search: RootSearch) -> RootSearch {
        RootSearch {
            over: self.root_candidates.unwrap_or(search.over),
            selection: self.root_selection.map_or(search.selection, RootChoice::selection),
            ..search
        }
    }

    /// Fails when these extractors can't describe a tile.
    fn check(&self, extractors: &[Extractor]) -> Result<(), String> {
        match smallest_image(extractors) {
            needed if needed > self.tile => {
                Err(format!("--tile {} is too small: the local features need {needed} pixels", self.tile))
            }
            _ => Ok(()),
        }
    }
}

/// Kernels by the names of the command line.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelChoice {
    /// χ², explained by Taylor expansion (Eqs 44, 46)
    Chi2,
    /// Histogram intersection, explained exactly (Eqs 42, 43)
    Hi,
    /// Gaussian, explained by Taylor expansion (Eqs 47, 49)
    Rbf,
    /// Scalar product, explained exactly (Eq. 24)
    Linear,
}

/// Mappings by the names of the command line.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MappingChoice {
    /// The nearest word
    Hard,
    /// The nearest words by their rank (Eq. 64)
    Rank,
    /// All words by their distance (Eq. 36)
    Soft,
    /// Sparse code (Eqs 37, 38); signed: for the kernels rbf and linear
    Lasso,
    /// Ridge code (Eqs 37, 38); signed: for the kernels rbf and linear
    Ridge,
    /// Fisher vector (Eqs 39–41); signed: for the kernels rbf and linear
    Fisher,
}

impl MappingChoice {
    /// Whether mapped features have negative values.
    fn is_signed(self) -> bool {
        matches!(self, Self::Lasso | Self::Ridge | Self::Fisher)
    }

    /// Whether one of the words is the zero word; a linear code of a flat patch is zero without it.
    pub fn has_flat_word(self) -> bool {
        matches!(self, Self::Hard | Self::Rank | Self::Soft)
    }
}

/// Rotations by the names of the command line.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RotationChoice {
    /// To the main gradient at each anchor
    Dominant,
    /// Upright
    Fixed,
}

/// Normalizations by the names of the command line.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormalizationChoice {
    /// Leave the vectors as they are
    None,
    /// Divide by Σ|x|
    L1,
    /// Divide by the Euclidean norm
    L2,
    /// Signed square root, then l2: for Fisher vectors
    PowerL2,
}

/// Kernel weights by the names of the command line.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MklChoice {
    /// The same weight for each channel
    Uniform,
    /// Learned by multiple kernel learning, ℓ2 norm
    Learned,
}

/// Selections among root points by the names of the command line.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootChoice {
    /// The root whose decomposition leaves the smallest residual
    Residual,
    /// The root nearest to the explained point
    Nearest,
    /// The mean of the decompositions about all roots
    Average,
}

impl RootChoice {
    fn selection(self) -> RootSelection {
        match self {
            Self::Residual => RootSelection::SmallestResidual,
            Self::Nearest => RootSelection::Nearest,
            Self::Average => RootSelection::AverageOfBest(usize::MAX),
        }
    }
}

fn parse_pooling(text: &str) -> Result<Pooling, String> {
    let p = match text {
        "inf" | "max" => f64::INFINITY,
        "mean" => 1.0,
        number => number.parse().map_err(|_| format!("'{number}' is neither a number nor 'inf'"))?,
    };
    Pooling::new(p).map_err(|error| error.to_string())
}

fn above_zero(text: &str) -> Result<f64, String> {
    above(0.0, text)
}

fn above_one(text: &str) -> Result<f64, String> {
    above(1.0, text)
}

fn above(bound: f64, text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value > bound => Ok(value),
        _ => Err(format!("'{text}' is no finite number larger than {bound}")),
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(format!("'{text}' is no whole number of at least 1")),
    }
}

fn parse_threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MOST_THREADS).contains(&count) => Ok(count),
        _ => Err(format!("'{text}' is no number of threads from 1 to {MOST_THREADS}")),
    }
}

fn parse_candidates(text: &str) -> Result<SearchOver, String> {
    match text {
        "all" => Ok(SearchOver::All),
        number => match number.parse() {
            Ok(count) if count > 0 => Ok(SearchOver::Nearest(count)),
            _ => Err(format!("'{number}' is neither a number of at least 1 nor 'all'")),
        },
    }
}

const EXAMPLES: &str = "\
Examples:
  cargo run -p bow-demo
      Fig. 6 of the paper, with its settings
  cargo run -p bow-demo -- --kernel hi --output with-hi
      A kernel whose explanation is exact: the pixels sum up to f(x)
  cargo run -p bow-demo -- --seed 7 --rotation fixed
      Other data, and descriptors that are not rotated: the classifier gets worse, and one sees why
  cargo run -p bow-demo -- --model bow-demo-output/classifier.model --image photo.png
      One's own picture, explained by the classifier of an earlier run
  cargo run -p bow-demo -- --mapping fisher --words 16 --normalization power-l2 --kernel linear
      Fisher vectors with a linear kernel";
