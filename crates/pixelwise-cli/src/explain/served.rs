//! The files of an explanation for those who ask over a server: the same as those of a command line, which can be told.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::FromArgMatches;
use heatmap::ColorMap;
use pixelwise::Kind;
use pixelwise_serve::{Against, Asked, By, Files, MapFiles, NamedFile, SentPhoto};

use crate::bow::explain as photos;
use crate::explain::arguments::Arguments;
use crate::explain::plan::Plan;
use crate::explain::record::{Record, record_path};
use crate::explain::run::Explaining;
use crate::failure::{Context, Failure, chain};
use crate::given::Given;

/// Options of a server that `pixelwise explain` takes as they are.
const SHARED: [&str; 3] = ["labels", "class_axis", "preprocess"];

/// Writes what `pixelwise explain` writes, by a model and options that are the same for all photos.
#[derive(Debug)]
pub struct Writer {
    model: PathBuf,
    options: Vec<(String, OsString)>,
}

impl Writer {
    /// That of a server's command line.
    pub fn of(model: &Path, given: &Given) -> Self {
        let options = SHARED.iter().filter(|option| given.has(option)).flat_map(|option| {
            let values = given.matches().try_get_raw(option).ok().flatten().into_iter().flatten();
            values.map(move |value| (option.replace('_', "-"), value.to_owned()))
        });
        Self { model: model.to_owned(), options: options.collect() }
    }

    /// All options, with their values.
    fn options(&self, asked: &Asked) -> Vec<(String, OsString)> {
        let target = asked.target.map(|class| ("target", class.to_string()));
        let against = asked.against.map(|against| {
            let against = match against {
                Against::Class(class) => class.to_string(),
                Against::Others(_) => "others".to_owned(),
            };
            ("against", against)
        });
        let by = asked.by.as_ref().map(|by| match by {
            By::Rule(rule) => ("rule", rule.to_string()),
            By::Composite(name) => ("composite", name.clone()),
            By::Method(method) => ("method", method.to_string()),
        });
        let masks = asked.masks.iter().map(|mask| {
            let channels: Vec<String> = mask.channels.iter().map(usize::to_string).collect();
            ("mask", format!("{}={}", mask.tensor, channels.join(",")))
        });
        let asked = target.into_iter().chain(against).chain(by).chain(masks);
        let asked = asked.map(|(option, value)| (option.to_owned(), value.into()));
        self.options.iter().cloned().chain(asked).collect()
    }

    fn write(&self, photo: &SentPhoto, asked: &Asked, colors: Option<ColorMap>) -> Result<Files, Failure> {
        let folder = tempfile::tempdir().context("can't make a folder for files")?;
        let (input, output) = (folder.path().join(&photo.name), folder.path().join("explanations"));
        std::fs::write(&input, &photo.bytes).context("can't write the photo")?;
        let mut words: Vec<OsString> = vec!["pixelwise".into(), "explain".into()];
        let colors = colors.map(|colors| ("colormap".to_owned(), colors.name().into()));
        for (option, value) in self.options(asked).into_iter().chain(colors) {
            words.push([format!("--{option}=").into(), value].into_iter().collect());
        }
        words.push(["--output=".into(), output.clone().into_os_string()].into_iter().collect());
        words.extend(["--".into(), self.model.clone().into(), input.clone().into()]);
        let given = Given::parse(&words)?;
        let arguments = Arguments::from_arg_matches(given.matches())?;
        let record = match Kind::of(&self.model)? {
            Kind::Network => explain_all(&Plan::<f32>::new(&arguments, &given)?)?,
            Kind::BagOfWords => explain_all(&photos::Plan::new(&arguments, &given, photos::photos(&arguments.input))?)?,
        };
        collect(record, &photo.name, &output)
    }
}

/// Explains the only sample.
fn explain_all(plan: &impl Explaining) -> Result<Record, Failure> {
    let group = plan.samples().groups.first().cloned().ok_or("the photo is none that can be read")?;
    let done = plan.explain(group)?.into_iter().next();
    Ok(done.ok_or("nothing was explained")?.record)
}

/// The files of a record, which then speaks of the photo as it was called.
fn collect(record: Record, photo: &str, output: &Path) -> Result<Files, Failure> {
    let files = record.targets.first().ok_or("nothing was explained")?.files.clone();
    let read = |path: &Path| -> Result<NamedFile, Failure> {
        let bytes = std::fs::read(output.join(path)).context(format!("can't read {}", path.display()))?;
        Ok(NamedFile { name: path.display().to_string(), bytes })
    };
    let name = record_path("".as_ref(), &record.name).display().to_string();
    let mut record = record;
    record.input.file = photo.into();
    Ok(Files {
        relevance: read(&files.relevance)?,
        heatmap: read(&files.heatmap)?,
        overlay: read(&files.overlay)?,
        edges: files.edges.as_deref().map(read).transpose()?,
        record: NamedFile { name, bytes: record.to_bytes()? },
    })
}

impl MapFiles for Writer {
    fn command(&self, photo: &str, asked: &Asked) -> String {
        let options = self.options(asked).into_iter().map(|(option, value)| {
            let value = value.to_string_lossy().into_owned();
            format!("--{option} {}", quoted(&value))
        });
        let files = [self.model.display().to_string(), photo.to_owned()].map(|file| quoted(&file));
        let words = ["pixelwise explain".to_owned()].into_iter().chain(files).chain(options);
        words.collect::<Vec<_>>().join(" ")
    }

    fn make(&self, photo: &SentPhoto, asked: &Asked, colors: Option<ColorMap>) -> Result<Files, String> {
        self.write(photo, asked, colors).map_err(|failure| chain(failure.as_ref()))
    }
}

/// A word as shells take it.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-=,:@%+".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use pixelwise_serve::{Mask, Others};

    use super::*;

    #[test]
    fn the_command_line_says_all_that_was_asked() {
        let writer = Writer { model: "my models/net.onnx".into(), options: vec![("labels".into(), "l.txt".into())] };
        let asked = Asked {
            target: Some(3),
            against: Some(Against::Others(Others::Others)),
            by: Some("alpha-beta=2".parse().unwrap()),
            masks: vec![Mask { tensor: "/conv".into(), channels: vec![1, 7] }],
        };
        assert_eq!(
            writer.command("it's.jpg", &asked),
            "pixelwise explain 'my models/net.onnx' 'it'\\''s.jpg' --labels l.txt --target 3 --against others \
             --rule alpha-beta=2 --mask /conv=1,7"
        );
    }
}
