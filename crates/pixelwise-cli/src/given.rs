//! Options that the command line gives, for models that do not have all of them.

use std::ffi::OsString;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory};
use pixelwise::Kind;

use crate::failure::Failure;

/// The command line of a verb: its options, and which of them are given.
pub struct Given {
    verb: Command,
    matches: ArgMatches,
}

impl Given {
    /// The verb of a command line, with what is given to it.
    pub fn of(matches: &ArgMatches) -> Option<Self> {
        let (name, matches) = matches.subcommand()?;
        let verb = crate::Arguments::command().find_subcommand(name)?.clone();
        Some(Self { verb, matches: matches.clone() })
    }

    /// What another command line gives.
    pub fn parse(words: &[OsString]) -> Result<Self, Failure> {
        let matches = crate::Arguments::command().try_get_matches_from(words)?;
        Self::of(&matches).ok_or_else(|| "there is no verb".into())
    }

    /// The verb, with its options.
    pub fn verb(name: &str) -> Result<Command, Failure> {
        let found = crate::Arguments::command().find_subcommand(name).cloned();
        found.ok_or_else(|| format!("there is no verb {name:?}").into())
    }

    /// What was matched.
    pub fn matches(&self) -> &ArgMatches {
        &self.matches
    }

    /// Whether an option is given, by its name without dashes.
    pub fn has(&self, option: &str) -> bool {
        self.matches.value_source(option) == Some(ValueSource::CommandLine)
    }

    /// An option that is given beyond those of some names.
    pub fn beyond(&self, known: &[&str]) -> Option<&str> {
        let options = self.verb.get_arguments().filter(|option| self.has(option.get_id().as_str()));
        // Those for the whole program are for every model.
        let of_verb = options.filter(|option| !option.is_global_set());
        of_verb.filter_map(clap::Arg::get_long).find(|option| !known.contains(option))
    }

    /// Refuses options beyond those of a kind of model: `known` are their names, without dashes.
    pub fn refuse_beyond(&self, known: &[&str], path: &Path, kind: Kind) -> Result<(), Failure> {
        match self.beyond(known) {
            None => Ok(()),
            Some(option) if kind == Kind::Network => {
                Err(format!("--{option} is for Bag-of-Words classifiers, and {} is a network", path.display()).into())
            }
            Some(option) => Err(format!(
                "--{option} is for networks, and {} is {kind}: it takes photos as they are, and is explained by Algorithm 1",
                path.display()
            )
            .into()),
        }
    }
}
