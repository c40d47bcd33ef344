//! The command line.

use std::path::PathBuf;

use bow_mapping::Pooling;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, ValueEnum};
use heatmap::ColorMap;
use relevance::SearchOver;
use serde::Serialize;

/// Polygons versus circles, explained to the pixel: Fig. 6 of Bach et al. 2015, from data to report.
///
/// Makes training tiles (a tile is positive when it shows a polygon), learns a Bag-of-Words classifier on them, and
/// explains pictures that it has never seen: which pixels speak for "polygon", and which against it? Pictures, report,
/// model and figures go into the output folder.
#[derive(Parser, Clone, Debug)]
#[command(version, after_help = EXAMPLES)]
pub struct Options {
    /// Folder for the results; files of earlier runs in it are overwritten, others left alone
    #[arg(long, value_name = "DIR", default_value = "bow-demo-output")]
    pub output: PathBuf,

    /// Explain with a saved model instead of learning one
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,

    /// Explain this picture instead of the composites (repeatable; PNG, JPEG, BMP, PNM)
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
    #[arg(long, value_name = "N")]
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
        let mut command = Self::command();
        let matches = command.get_matches_mut();
        let refuse = |command: &mut clap::Command, kind, message: String| -> ! { command.error(kind, message).exit() };
        let options = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        if let Some(given) = options.model.as_ref().and_then(|_| given_setting(&matches)) {
            let message =
                format!("--{given} is a choice of learning, and --model brings a classifier that has learned");
            refuse(&mut command, ErrorKind::ArgumentConflict, message);
        }
        if let Err(message) = options.settings.check() {
            refuse(&mut command, ErrorKind::ArgumentConflict, message);
        }
        options
    }
}

/// A setting of the classifier that stands on the command line, if there is one.
fn given_setting(matches: &ArgMatches) -> Option<String> {
    let settings = Settings::augment_args(clap::Command::new("settings"));
    let given =
        |argument: &&clap::Arg| matches.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine);
    settings.get_arguments().find(given).and_then(|argument| argument.get_long().map(str::to_owned))
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
    #[arg(long, value_name = "S,…", value_delimiter = ',', default_values_t = [2.0, 3.0], value_parser = parse_scale)]
    pub scales: Vec<f64>,

    /// Distance of neighboring descriptors, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 6)]
    pub grid: usize,

    /// Visual words for each channel; one of them is the zero word of flat patches (Gaussian components, for fisher)
    #[arg(long, value_name = "V", default_value_t = 128)]
    pub words: usize,

    /// Base p of the rank mapping, p^(−rank) (Eq. 64)
    #[arg(long, value_name = "P", default_value_t = 2.0)]
    pub rank_base: f64,

    /// Words n that the rank mapping gives weight to (Eq. 64)
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub rank_nearest: usize,

    /// Steepness β of the soft mapping (Eq. 36)
    #[arg(long, value_name = "β", default_value_t = 10.0)]
    pub soft_beta: f64,

    /// Weight λ of the regularizer of lasso and ridge (Eq. 37)
    #[arg(long, value_name = "λ", default_value_t = 0.2)]
    pub lambda: f64,

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
    #[arg(long, value_name = "C", default_value_t = 10.0)]
    pub cost: f64,

    /// Training tiles of the opposite predicted sign towards which a root point is searched: the nearest K, or all
    #[arg(long, value_name = "K|all", default_value = "5", value_parser = parse_candidates)]
    pub root_candidates: SearchOver,

    /// Which of the root points counts: the one with the smallest Taylor residual, the nearest, or all by their mean
    #[arg(long, value_enum, default_value_t = RootChoice::Residual)]
    pub root_selection: RootChoice,
}

impl Settings {
    /// Signed vectors go with kernels that take them.
    fn check(&self) -> Result<(), String> {
        let signed = matches!(self.mapping, MappingChoice::Lasso | MappingChoice::Ridge | MappingChoice::Fisher);
        let histograms = matches!(self.kernel, KernelChoice::Chi2 | KernelChoice::Hi);
        if signed && histograms {
            return Err(
                "this mapping has negative values, which the kernels chi2 and hi don't take: add --kernel rbf or \
                 --kernel linear"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// How pictures are explained; the defaults are those of Fig. 6.
#[derive(clap::Args, Clone, Debug, Serialize)]
#[command(next_help_heading = "The explanation")]
pub struct ExplanationSettings {
    /// Side of the tiles that are explained on their own
    #[arg(long, value_name = "PIXELS", default_value_t = 102)]
    pub tile: usize,

    /// Distance of neighboring tiles; their maps are averaged
    #[arg(long, value_name = "PIXELS", default_value_t = 34)]
    pub step: usize,

    /// Colors of the heatmaps
    #[arg(long, value_name = "NAME", default_value = "jet")]
    pub color_map: ColorMap,
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

fn parse_pooling(text: &str) -> Result<Pooling, String> {
    let p = match text {
        "inf" | "max" => f64::INFINITY,
        "mean" => 1.0,
        number => number.parse().map_err(|_| format!("'{number}' is neither a number nor 'inf'"))?,
    };
    Pooling::new(p).map_err(|error| error.to_string())
}

fn parse_scale(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if scale.is_finite() && scale > 0.0 => Ok(scale),
        _ => Err(format!("'{text}' is no number larger than 0")),
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
