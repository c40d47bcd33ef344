//! Options that the command line gives, for models that do not have all of them.

use std::ffi::OsString;
use std::path::Path;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, CommandFactory};
use pixelwise::Kind;

use crate::failure::Failure;

/// Options that results do not depend on.
const WITHOUT_EFFECT: [&str; 8] = ["output", "relevance", "threads", "json", "resume", "live", "quiet", "verbose"];

/// A command line names no more inputs, as a pattern may have brought them by thousands: of more, it names the first ones.
const MOST_VALUES: usize = 20;
const FIRST_VALUES: usize = 3;

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

    /// The command line, as it can be given to a shell: what was given, and no defaults. Where files go and what is said is
    /// left out: results are the same for any of it.
    pub fn command_line(&self) -> String {
        let given = |option: &&clap::Arg| {
            let id = option.get_id().as_str();
            self.has(id) && !WITHOUT_EFFECT.contains(&id)
        };
        let values = |option: &clap::Arg| {
            let values = self.matches.get_raw(option.get_id().as_str()).into_iter().flatten();
            values.map(|value| shell_word(&value.to_string_lossy())).collect::<Vec<_>>()
        };
        let mut words = vec!["pixelwise".to_owned(), self.verb.get_name().to_owned()];
        for positional in self.verb.get_positionals().filter(given) {
            let mut values = values(positional);
            if values.len() > MOST_VALUES {
                let others = values.len() - FIRST_VALUES;
                values.truncate(FIRST_VALUES);
                values.push(format!("… ({others} others)"));
            }
            words.extend(values);
        }
        for option in self.verb.get_arguments().filter(given) {
            let Some(long) = option.get_long() else { continue };
            match option.get_action() {
                ArgAction::SetTrue => words.push(format!("--{long}")),
                _ => words.extend(values(option).into_iter().map(|value| format!("--{long} {value}"))),
            }
        }
        words.join(" ")
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

/// A text as one word of a shell's command line.
fn shell_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./=,:@%+~".contains(letter);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_what_was_given() {
        let words = [
            "pixelwise",
            "explain",
            "--rule=epsilon=0.01",
            "a model.onnx",
            "cat.jpg",
            "--json",
            "--target",
            "it's",
            "--threads",
            "2",
        ];
        let given = Given::parse(&words.map(OsString::from)).unwrap();
        let expected = "pixelwise explain 'a model.onnx' cat.jpg --rule epsilon=0.01 --target 'it'\\''s'";
        assert_eq!(given.command_line(), expected);
    }
}
