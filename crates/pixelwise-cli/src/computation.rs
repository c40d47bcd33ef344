//! `--dtype` and `--threads`: how a network is computed.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};

use crate::failure::{Context, Failure};
use crate::messages;

/// How a network is computed.
#[derive(Args, Clone, Debug)]
pub struct ComputationOptions {
    /// The numbers that the network is computed in
    #[arg(long, value_name = "TYPE", value_enum, default_value_t = Precision::F32)]
    pub dtype: Precision,

    #[command(flatten)]
    pub threads: ThreadOptions,
}

/// How many threads compute.
#[derive(Args, Clone, Debug)]
pub struct ThreadOptions {
    /// Number of threads, at most one for each core (which is the default); results are the same for any number
    #[arg(long, value_name = "N", value_parser = number_of_threads)]
    threads: Option<NonZeroUsize>,
}

/// The numbers that a network is computed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// As networks are trained
    F32,
    /// Where an explanation has to be exact
    F64,
}

impl ComputationOptions {
    /// Sets the number of threads up, before anything is computed.
    pub fn start(&self) -> Result<(), Failure> {
        self.threads.start()
    }
}

impl ThreadOptions {
    /// Sets the number of threads up, before anything is computed. More than the machine has cores compute nothing sooner,
    /// and each takes memory.
    pub fn start(&self) -> Result<(), Failure> {
        let Some(asked) = self.threads else { return Ok(()) };
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = asked.min(cores);
        if threads < asked {
            messages::warn(format!("--threads {asked}: there are {cores} cores, and as many threads compute"));
        }
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get());
        pool.build_global().context(format!("can't start {threads} threads"))
    }
}

fn number_of_threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "it has to be a number from 1 on".to_owned())
}
