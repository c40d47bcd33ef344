//! `--dtype` and `--threads`: how a network is computed.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};

use crate::failure::{Context, Failure};

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
    /// Number of threads (default: one for each core); results are the same for any number
    #[arg(long, value_name = "N")]
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
    /// Sets the number of threads up, before anything is computed.
    pub fn start(&self) -> Result<(), Failure> {
        let Some(threads) = self.threads else { return Ok(()) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get());
        pool.build_global().context(format!("can't start {threads} threads"))
    }
}
