//! `index.html`: the pictures of a run, on as many pages as it takes.

use std::fs;
use std::path::Path;

use report::{Picture, Report, Section, Table};

use crate::books::Findings;
use crate::explain::files::{Folder, can_not_write};
use crate::explain::record::{ClassScore, Record, TargetRecord, record_path};
use crate::explain::summary::Head;
use crate::failure::{Context, Failure};
use crate::output::{number, percent};

/// Pages of at most so many samples.
const SAMPLES_PER_PAGE: usize = 100;
/// A run of at most so many pictures has them in its page, larger ones link to them.
const MOST_EMBEDDED: usize = 40;

/// The pages of a run, written one after another as samples come.
pub struct Index {
    folder: Folder,
    title: String,
    command: String,
    settings: Vec<(String, String)>,
    of_networks: bool,
    /// What steps of ledgers may be off by, relative.
    tolerance: f64,
    places: Places,
    pages: usize,
    page: usize,
    sections: Vec<Section>,
}

/// Where the pictures of a page are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Places {
    InThePage,
    BesideIt,
}

impl Index {
    /// No pages yet, of a run of so many samples, which a model explains for so many targets each.
    pub fn new(head: &Head<'_>) -> Self {
        let Head { settings, samples, targets, .. } = head;
        let model = Path::new(&settings.model).file_name().map(|name| name.to_string_lossy());
        let few = samples * targets * 4 <= MOST_EMBEDDED;
        let title = format!("What {} sees", model.unwrap_or_default());
        let mut shown =
            vec![("pixelwise".to_owned(), settings.pixelwise.clone()), ("model".to_owned(), settings.model.clone())];
        shown.extend(head.default.iter().map(|default| ("composite, by default".to_owned(), default.to_string())));
        shown.push(("preprocessing".to_owned(), head.prepared.split_whitespace().collect::<Vec<_>>().join(" ")));
        shown.extend(settings.options.iter().map(|(name, values)| (format!("--{name}"), values.join(" "))));
        Self {
            folder: head.folder.clone(),
            title,
            command: head.command.clone(),
            settings: shown,
            of_networks: head.advises.are_of_networks(),
            tolerance: head.advises.tolerance(),
            places: if few { Places::InThePage } else { Places::BesideIt },
            pages: samples.div_ceil(SAMPLES_PER_PAGE),
            page: 1,
            sections: Vec::new(),
        }
    }

    /// Adds an explained sample.
    pub fn add(&mut self, record: &Record) -> Result<(), Failure> {
        self.sections.push(self.section(record)?);
        if self.sections.len() == SAMPLES_PER_PAGE && self.page < self.pages { self.write_page() } else { Ok(()) }
    }

    /// Writes the last page.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.pages = self.page;
        self.write_page()
    }

    fn write_page(&mut self) -> Result<(), Failure> {
        let mut report = Report::new(&self.title).subtitle(match self.pages {
            1 => "Relevance of the input, for each sample and target".to_owned(),
            pages => format!("Relevance of the input, for each sample and target: page {} of {pages}", self.page),
        });
        let links = self.links();
        for section in self.sections.drain(..) {
            report = report.section(section);
        }
        if !links.is_empty() {
            report = report.section(Section::new("Other pages").links(links));
        }
        report = report.command(&self.command);
        for (name, value) in &self.settings {
            report = report.setting(name, value);
        }
        let path = self.folder.path.join(page_name(self.page));
        whole_file::write(&path, report.render()?.as_bytes()).map_err(can_not_write(&path))?;
        self.page += 1;
        Ok(())
    }

    /// Links to the pages before and behind the present one.
    fn links(&self) -> Vec<(String, String)> {
        let page = |title: &str, page: usize| (format!("{title} page {page}"), page_name(page));
        let before = (self.page > 1).then(|| page("previous:", self.page - 1));
        let behind = (self.page < self.pages).then(|| page("next:", self.page + 1));
        let ends = [(self.page > 2).then(|| page("first:", 1)), before, behind];
        ends.into_iter().flatten().collect()
    }

    fn section(&self, record: &Record) -> Result<Section, Failure> {
        let mut section = Section::new(&record.name);
        if !record.top.is_empty() && self.places == Places::BesideIt {
            let class = |class: &ClassScore| format!("{} ({})", class.describe(), number(class.score));
            section = section.paragraph(record.top.iter().map(class).collect::<Vec<_>>().join(", "));
        } else if !record.top.is_empty() {
            let mut table = Table::new(["class", "score"]);
            for class in &record.top {
                table = table.row([class.describe(), number(class.score)]);
            }
            let over = record.positions.as_ref().map_or_else(String::new, |positions| format!(", {positions}"));
            section = section.table(table.caption(format!("The classes with the largest scores{over}")));
        }
        for (place, target) in record.targets.iter().enumerate() {
            // A class that two targets name is explained once for a reader.
            if record.targets[..place].iter().any(|before| before.explains_what(target)) {
                continue;
            }
            let photo = self.picture(&target.files.photo, "the input, as the model sees it".to_owned())?;
            let map = self.picture(&target.files.map, caption(target))?;
            let overlay = self.picture(&target.files.overlay, "the map over the input".to_owned())?;
            let edges = target.files.edges.as_ref();
            let edges =
                edges.map(|edges| self.picture(edges, "the input's edges over the map".to_owned())).transpose()?;
            section = section.pictures([photo, map, overlay].into_iter().chain(edges));
            section = target.about_boxes().into_iter().fold(section, Section::paragraph);
            let Some(ledger) = &target.ledger else { continue };
            if let Some(findings) = &target.findings {
                let told = [findings.on_sinks(ledger, self.of_networks), findings.cancellation()];
                section = told.into_iter().flatten().fold(section, Section::paragraph);
            }
            if self.places == Places::InThePage {
                section = section.flow(format!("Where the score went: {}", of_what(target)), ledger, self.tolerance);
            }
        }
        section = record.warnings.iter().fold(section, Section::paragraph);
        // In a large run they are the same a hundred times.
        let rules = record.rules_of_kinds();
        if !rules.is_empty() && self.sections.is_empty() {
            let table = Table::new(["operations", "count", "rule"]);
            section = section.table(rules.into_iter().fold(table, Table::row).caption("The rule of each operation"));
        }
        let arrays = record.targets.iter().map(|target| {
            let path = target.files.relevance.display().to_string();
            let within = target.input.as_ref().map_or_else(String::new, |input| format!(", input {}", input.name));
            (format!("raw relevance: {}{within}", target.target), path)
        });
        let drawn = record.targets.iter().map(|target| {
            let path = target.files.heatmap.display().to_string();
            (format!("picture with a color bar: {}", target.target), path)
        });
        let json = record_path("".as_ref(), &record.name).display().to_string();
        Ok(section.links(arrays.chain(drawn).chain([("settings and ledgers".to_owned(), json)])))
    }

    fn picture(&self, file: &Path, caption: String) -> Result<Picture, Failure> {
        let path = self.folder.path.join(file);
        let picture = Picture::new(fs::read(&path).context(format!("can't read {}", path.display()))?, caption);
        Ok(match self.places {
            Places::InThePage => picture,
            Places::BesideIt => picture.linked(&file.to_string_lossy()),
        })
    }
}

/// What a target is, for a heading.
fn of_what(target: &TargetRecord) -> String {
    target.class.as_ref().map_or_else(|| target.target.clone(), ClassScore::title)
}

fn caption(target: &TargetRecord) -> String {
    let class = target.class.as_ref().map_or_else(String::new, |class| format!("{}, ", class.describe()));
    let class = class + &target.said();
    if let Some(input) = &target.input {
        return format!("{}, input {}: {class}; {} of it is here", target.target, input.name, number(input.relevance));
    }
    let reached = target.ledger.as_ref().map(|ledger| ledger.total()).filter(|total| total.upper.total != 0.0);
    let share = reached.map(|total| percent(total.lower.total / total.upper.total));
    let share = share.map_or_else(String::new, |share| format!("; {share} of it reached the input"));
    let cancellation = target.findings.as_ref().and_then(Findings::cancellation);
    let cancellation = cancellation.map_or_else(String::new, |cancellation| format!("; {cancellation}"));
    format!("{}: {class}{share}{cancellation}", target.target)
}

fn page_name(page: usize) -> String {
    if page == 1 { "index.html".to_owned() } else { format!("index-{page}.html") }
}
