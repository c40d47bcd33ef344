//! The page.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use minijinja::Environment;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use serde::Serialize;

use crate::numbers::percent_of_bar;
use crate::section::SectionView;
use crate::{Error, Section};

/// A report: plain data, made into one HTML page by [`render`](Self::render).
///
/// All texts are plain: the page shows them as they are, whatever they hold.
///
/// ```
/// use report::Report;
/// let report = Report::new("f(x) < 0").setting("seed", 1).note("made up");
/// assert!(report.render()?.contains("<h1>f(x) &lt; 0</h1>"));
///
/// let folder = tempfile::tempdir()?;
/// report.write(folder.path().join("report.html"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    title: String,
    subtitle: String,
    figures: Vec<Figure>,
    sections: Vec<Section>,
    command: String,
    settings: Vec<Setting>,
    timings: Vec<Timing>,
    notes: Vec<String>,
    /// Seconds between two times that a browser loads the page anew; 0 for a page that is finished.
    reload: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Figure {
    label: String,
    value: String,
    remark: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Setting {
    name: String,
    value: String,
}

#[derive(Clone, Debug, PartialEq)]
struct Timing {
    stage: String,
    seconds: f64,
}

/// The report as the template wants it.
#[derive(Serialize)]
struct PageView<'a> {
    title: &'a str,
    subtitle: &'a str,
    figures: &'a [Figure],
    sections: Vec<SectionView>,
    command: &'a str,
    settings: &'a [Setting],
    timings: Vec<TimingView<'a>>,
    total: String,
    notes: &'a [String],
    /// Whether pictures stand in files beside the page.
    needs_files: bool,
    version: &'static str,
    reload: u64,
}

/// A timing as the template wants it.
#[derive(Serialize)]
struct TimingView<'a> {
    stage: &'a str,
    seconds: String,
    /// Percent of the longest.
    width: f64,
}

impl Report {
    /// A report that has nothing but a title.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// A line below the title: what was explained, and how.
    #[must_use]
    pub fn subtitle(self, subtitle: impl Into<String>) -> Self {
        Self { subtitle: subtitle.into(), ..self }
    }

    /// Adds a figure to those on top of the page: what the reader should see first.
    ///
    /// * `remark` — a few small words below the value; nothing when empty
    #[must_use]
    pub fn figure(mut self, label: impl Into<String>, value: impl Display, remark: impl Into<String>) -> Self {
        self.figures.push(Figure { label: label.into(), value: value.to_string(), remark: remark.into() });
        self
    }

    /// Adds a section.
    #[must_use]
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// The command that makes it all once more, in the words of a shell.
    #[must_use]
    pub fn command(self, command: impl Into<String>) -> Self {
        Self { command: command.into(), ..self }
    }

    /// A page of a run that goes on: browsers load it anew after so long, to the second.
    #[must_use]
    pub fn reloaded_every(self, duration: Duration) -> Self {
        Self { reload: duration.as_secs().max(1), ..self }
    }

    /// Adds a setting, so that a reader can repeat what was done.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.settings.push(Setting { name: name.into(), value: value.to_string() });
        self
    }

    /// Adds the time that a stage took. Timings belong here alone: all else on the page is the same in every run.
    #[must_use]
    pub fn timing(mut self, stage: impl Into<String>, seconds: f64) -> Self {
        self.timings.push(Timing { stage: stage.into(), seconds });
        self
    }

    /// Adds a note at the end.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The page, as the text of an HTML file.
    ///
    /// # Errors
    /// [`Error::Picture`] for bytes that are no PNG file; [`Error::Row`] for a table's row that does not fit.
    pub fn render(&self) -> Result<String, Error> {
        let mut templates = Environment::new();
        templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        templates.add_template("report.css", include_str!("report.css"))?;
        templates.add_template("report.html", include_str!("report.html"))?;
        Ok(templates.get_template("report.html")?.render(Serde(self.view()?))?)
    }

    /// Writes the page to a file, whole or not at all.
    ///
    /// # Errors
    /// As for [`render`](Self::render); [`Error::Write`] names the path.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        Ok(heatmap::write_whole(path, self.render()?.as_bytes())?)
    }

    fn view(&self) -> Result<PageView<'_>, Error> {
        Ok(PageView {
            title: &self.title,
            subtitle: &self.subtitle,
            figures: &self.figures,
            sections: self.sections.iter().map(Section::view).collect::<Result<_, _>>()?,
            command: &self.command,
            settings: &self.settings,
            reload: self.reload,
            timings: self.timing_views(),
            total: seconds(self.timings.iter().map(|timing| timing.seconds).sum()),
            notes: &self.notes,
            needs_files: self.sections.iter().any(Section::needs_files),
            version: env!("CARGO_PKG_VERSION"),
        })
    }

    fn timing_views(&self) -> Vec<TimingView<'_>> {
        let longest = self.timings.iter().map(|timing| timing.seconds).fold(f64::MIN_POSITIVE, f64::max);
        self.timings.iter().map(|timing| timing.view(longest)).collect()
    }
}

impl Timing {
    fn view(&self, longest: f64) -> TimingView<'_> {
        TimingView { stage: &self.stage, seconds: seconds(self.seconds), width: percent_of_bar(self.seconds / longest) }
    }
}

/// A duration as a reader wants it: `12.3 s`, `4.1 ms`.
fn seconds(duration: f64) -> String {
    if duration >= 1.0 || duration == 0.0 { format!("{duration:.2} s") } else { format!("{:.1} ms", 1e3 * duration) }
}

#[cfg(test)]
mod tests {
    use relevance::{Amount, Entry, Ledger, Sink};

    use super::*;
    use crate::{Picture, Table};

    const HOSTILE: &str = "<script>alert(\"x\")</script> & 'quotes' {{ 7 * 7 }} {% raw %}";

    fn png(width: u32) -> Vec<u8> {
        heatmap::encode_png(&heatmap::RgbImage::new(width, 5)).unwrap()
    }

    /// A report that has everything, each text of it `text`.
    fn report_of(text: &str) -> Report {
        let mut ledger = Ledger::default();
        ledger.push(Entry::new(text, Amount::of(1.0), Amount::of(0.1)).with_sink(Sink::Bias, Amount::of(0.9)));
        let section = Section::new(text)
            .paragraph(text)
            .pictures([Picture::new(png(9), text), Picture::new(png(900), text).describe(text)])
            .table(Table::new([text]).row([text]).caption(text))
            .ledger(text, &ledger);
        Report::new(text)
            .subtitle(text)
            .figure(text, text, text)
            .section(section.clone())
            .section(section.clone())
            .section(section)
            .command(text)
            .setting(text, text)
            .timing(text, 0.25)
            .note(text)
    }

    #[test]
    fn hostile_texts_are_shown_and_not_obeyed() -> Result<(), Error> {
        let page = report_of(HOSTILE).render()?;
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
        assert!(!page.contains("alert(\"x\")"), "a quote could end an attribute");
        assert!(page.contains("{{ 7 * 7 }}") && page.contains("{% raw %}"));
        let tags = |page: &str| page.matches('<').count();
        assert_eq!(tags(&page), tags(&report_of("harmless").render()?));
        Ok(())
    }

    #[test]
    fn nothing_is_loaded_from_anywhere() -> Result<(), Error> {
        let page = report_of("text").render()?;
        for word in ["http", "url(", "@import", "<link", "<script", "<iframe", "srcset"] {
            assert!(!page.contains(word), "{word}");
        }
        let sources: Vec<&str> = page.split("src=\"").skip(1).collect();
        assert_eq!(sources.len(), 6);
        assert!(sources.iter().all(|source| source.starts_with("data:image/png;base64,iVBORw0KGgo")));
        assert!(page.split("href=\"").skip(1).all(|target| target.starts_with("#section-")));
        Ok(())
    }

    #[test]
    fn every_kind_of_content_is_on_the_page() -> Result<(), Error> {
        let page = report_of("text").render()?;
        for element in [
            "<dl class=\"figures\">",
            "<nav",
            "<figcaption>text",
            "<td>text",
            "class=\"warning\"",
            "sink-bias",
            "<pre class=\"command\">text</pre>",
            "<dl class=\"settings\">",
            "250.0 ms",
            "<li>text</li>",
            "class=\"crisp\"",
        ] {
            assert!(page.contains(element), "{element}");
        }
        Ok(())
    }

    #[test]
    fn pages_of_two_runs_differ_in_their_timings_alone() -> Result<(), Error> {
        let outside = |page: &str| {
            let (before, rest) = page.split_once("<section id=\"timings\">").unwrap();
            let (_, after) = rest.split_once("</section>").unwrap();
            format!("{before}{after}")
        };
        let pages = [0.5, 120.0].map(|seconds| report_of("text").timing("training", seconds).render().unwrap());
        assert_ne!(pages[0], pages[1]);
        assert_eq!(outside(&pages[0]), outside(&pages[1]));
        assert_eq!(report_of("text").render()?, report_of("text").render()?);
        Ok(())
    }

    #[test]
    fn a_report_of_nothing_but_a_title_is_a_page() -> Result<(), Error> {
        let page = Report::new("title").render()?;
        assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
        assert!(!page.contains("<h2>"));
        Ok(())
    }

    #[test]
    fn a_path_that_can_not_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("report.html");
        let error = Report::new("title").write(&path).unwrap_err();
        assert!(matches!(error, Error::Write(_)));
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }

    #[test]
    fn what_is_written_is_what_is_rendered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        report_of("text").write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), report_of("text").render().unwrap());
    }
}
