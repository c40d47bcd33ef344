//! What several commands on folders of photographs are asked in the same words.

use std::fs;
use std::path::{Path, PathBuf};

use bow_classifier::training::ClassWeight;
use bow_classifier::{Cache, Configuration};
use clap::{Args, ValueEnum};
use datasets::voc::Folder;

use crate::computation::ThreadOptions;
use crate::failure::{Context, Failure};

/// Where photos lie, and how they are worked on.
#[derive(Args)]
pub struct FolderOptions {
    /// The folder, in which JPEGImages and ImageSets/Main lie
    #[arg(long, value_name = "DIR")]
    voc: PathBuf,

    /// Where vectors and codebooks are kept for the next run
    #[arg(long, value_name = "DIR", default_value = "bow-cache")]
    cache: PathBuf,

    #[command(flatten)]
    threads: ThreadOptions,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl FolderOptions {
    /// Photos in a folder of PASCAL VOC's layout, with vectors kept in another.
    pub fn of(voc: PathBuf, cache: PathBuf, threads: ThreadOptions, json: bool) -> Self {
        Self { voc, cache, threads, json }
    }

    /// Where photos lie.
    pub fn voc(&self) -> &Path {
        &self.voc
    }

    /// Sets the number of threads up; the folder.
    pub fn open(&self) -> Result<Folder, Failure> {
        self.threads.start()?;
        Ok(Folder::open(&self.voc)?)
    }

    /// Where vectors and codebooks are kept.
    pub fn cache(&self) -> Result<Cache, Failure> {
        Ok(Cache::open(&self.cache)?)
    }
}

/// What the command line changes of a configuration.
#[derive(Args)]
pub struct Changes {
    /// The support vector machines' cost C
    #[arg(long, value_name = "C")]
    cost: Option<f64>,

    /// Whether photos with the class count as much, in total, as those without it
    #[arg(long, value_name = "WEIGHT", value_enum)]
    class_weight: Option<Weighting>,

    /// Seeds all that is drawn: the sample of descriptors, the codebooks, parts that are held out
    #[arg(long)]
    seed: Option<u64>,
}

/// `--class-weight`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Weighting {
    /// Each photo counts the same
    None,
    /// Photos with the class count as much, in total, as those without
    Balanced,
}

impl Changes {
    /// The configuration with the changes.
    pub fn apply(&self, mut configuration: Configuration) -> Configuration {
        configuration.cost = self.cost.unwrap_or(configuration.cost);
        configuration.seed = self.seed.unwrap_or(configuration.seed);
        if let Some(weighting) = self.class_weight {
            configuration.class_weight = match weighting {
                Weighting::None => ClassWeight::None,
                Weighting::Balanced => ClassWeight::Balanced,
            };
        }
        configuration
    }
}

/// A configuration that is built in, by its name, or that of a TOML file.
pub fn configuration(name: &str) -> Result<Configuration, Failure> {
    if !name.ends_with(".toml") {
        return Ok(Configuration::named(name)?);
    }
    let text = fs::read_to_string(name).context(format!("can't read {name}"))?;
    Configuration::from_toml(&text).context(name)
}
