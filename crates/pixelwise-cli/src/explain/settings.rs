//! What a run was asked for, as it stands in its records.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use clap::{ArgAction, ArgMatches, Command};
use serde::{Deserialize, Serialize};

use crate::failure::{Context, Failure};
use crate::given::Given;

/// Options that change nothing about a sample's explanation.
const WITHOUT_EFFECT: [&str; 11] = [
    "input",
    "output",
    "relevance",
    "threads",
    "json",
    "resume",
    "model",
    "quiet",
    "verbose",
    "max_pixels",
    "max_constants",
];

/// What a run was asked for: equal settings explain the same input in the same way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The version of this program.
    pub pixelwise: String,
    /// The model's file.
    pub model: String,
    /// Options as they are written on the command line, with those that were not given.
    pub options: BTreeMap<String, Vec<String>>,
    /// The CRC-32 of each file that was read beside the inputs.
    pub files: BTreeMap<String, String>,
}

impl Settings {
    /// Those of these options: the others are not for the model, and have values that mean nothing for it.
    #[must_use]
    pub fn only(mut self, options: &[&str]) -> Self {
        self.options.retain(|option, _| options.contains(&option.as_str()));
        self
    }

    /// The settings of a command line.
    pub fn of(given: &Given, model: &Path) -> Result<Self, Failure> {
        let options = options(given.matches());
        let mut files = BTreeMap::new();
        let values = options.values().flatten().flat_map(|value| value.split(','));
        // A mask stands behind the class that it is for.
        let masks = values.clone().filter_map(|value| Some(value.split_once('@')?.1));
        for path in values.chain(masks).map(Path::new).filter(|path| path.is_file()).chain([model]) {
            files.insert(path.display().to_string(), checksum(path)?);
        }
        let (pixelwise, model) = (env!("CARGO_PKG_VERSION").to_owned(), model.display().to_string());
        Ok(Self { pixelwise, model, options, files })
    }
}

impl Settings {
    /// The command line of the settings, for other inputs and another folder.
    pub fn command_line(&self, verb: &Command, input: &Path, output: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["pixelwise".into(), verb.get_name().into()];
        for option in verb.get_arguments() {
            let Some(long) = option.get_long() else { continue };
            for value in self.options.get(long).into_iter().flatten() {
                match option.get_action() {
                    ArgAction::SetTrue if value == "true" => words.push(format!("--{long}").into()),
                    ArgAction::SetTrue => {}
                    _ => words.push(format!("--{long}={value}").into()),
                }
            }
        }
        let mut path = OsString::from("--output=");
        path.push(output);
        words.extend([path, "--".into(), self.model.clone().into(), input.into()]);
        words
    }

    /// The files beside the inputs that are not what they were.
    pub fn changed(&self) -> Vec<&str> {
        let is_changed = |(path, was): &(&String, &String)| checksum(Path::new(path)).ok().as_ref() != Some(*was);
        self.files.iter().filter(is_changed).map(|(path, _)| path.as_str()).collect()
    }
}

fn options(matches: &ArgMatches) -> BTreeMap<String, Vec<String>> {
    // Groups of options have an id, too: the name of their type, which no option has.
    let is_option = |id: &&str| !id.contains(char::is_uppercase) && !WITHOUT_EFFECT.contains(id);
    let ids = matches.ids().map(clap::Id::as_str).filter(is_option);
    ids.filter_map(|id| {
        let values = matches.try_get_raw(id).ok()??.map(|value| value.to_string_lossy().into_owned());
        Some((id.replace('_', "-"), values.collect()))
    })
    .collect()
}

/// The CRC-32 of a file.
pub fn checksum(path: &Path) -> Result<String, Failure> {
    let reading = || format!("can't read {}", path.display());
    let mut file = File::open(path).context(reading())?;
    let (mut hasher, mut buffer) = (crc32fast::Hasher::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).context(reading())? {
            0 => return Ok(format!("{:08x}", hasher.finalize())),
            length => hasher.update(&buffer[..length]),
        }
    }
}
