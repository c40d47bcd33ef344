//! What comes out: a table, CSV and JSON, and a report.

use std::path::PathBuf;

use bow_classifier::Truth;
use evaluation::{MeanObjectShare, ObjectShare};
use report::{Picture, Report, Section};
use serde_json::{Value, json};

use super::Arguments;
use super::located::Located;
use crate::bow::Labelled;
use crate::explain::files::{Folder, Names, file_name};
use crate::failure::{Context, Failure};
use crate::output::{Table, interval, numbers, quoted};

/// All that was found.
pub struct Results<'a> {
    arguments: &'a Arguments,
    labelled: &'a Labelled,
    located: &'a [Located<'a>],
    /// Those of which a photo has boxes; at least one.
    pub classes: Vec<OfClass<'a>>,
}

/// What was found of a class.
pub struct OfClass<'a> {
    /// Its position among those that are asked about.
    pub class: usize,
    name: &'a str,
    /// How many photos show it.
    shown: usize,
    /// Those that have boxes of it; at least one.
    located: Vec<&'a Located<'a>>,
    mean: MeanObjectShare,
    /// The file of the photos with the most relevance on the context.
    pub sheet: PathBuf,
}

/// A sheet has at most so many photos.
const MOST_ON_SHEET: usize = 6;

/// What stands above the columns.
const HEADINGS: [&str; 7] =
    ["class", "photos that show it", "explained", "inside of boxes", "by chance", "times chance", "on the context"];

/// What the columns mean.
const EXPLANATION: &str = "Mean shares of the positive relevance, with 95 % confidence intervals; by chance: the boxes' \
    share of the area";

impl<'a> Results<'a> {
    /// Sums up; says of which classes nothing was found.
    pub fn of(arguments: &'a Arguments, labelled: &'a Labelled, located: &'a [Located<'a>]) -> Result<Self, Failure> {
        let mut names = Names::default();
        let mut classes = Vec::new();
        for (class, name) in labelled.classes.iter().enumerate() {
            let located: Vec<&Located<'_>> = located.iter().filter(|located| located.class == class).collect();
            let shares: Vec<ObjectShare> = located.iter().map(|located| located.share).collect();
            let Some(mean) = MeanObjectShare::of(&shares) else { continue };
            let sheet = format!("{}.png", names.unique(&file_name(name))).into();
            let shown = labelled.truths(class).iter().filter(|truth| **truth == Truth::Shown).count();
            classes.push(OfClass { class, name, shown, located, mean, sheet });
        }
        if classes.is_empty() {
            return Err(format!(
                "no photo of the list {} shows a class of the model and has a bounding box of it: boxes are read from {}",
                labelled.split,
                arguments.voc.join("Annotations/ID.xml").display()
            )
            .into());
        }
        Ok(Self { arguments, labelled, located, classes })
    }

    /// Classes without a row.
    fn without(&self) -> impl Iterator<Item = &str> {
        let names = self.labelled.classes.iter().map(String::as_str);
        names.filter(|name| !self.classes.iter().any(|of_class| of_class.name == *name))
    }

    /// Writes tables for programs.
    pub fn write(&self, folder: &Folder) -> Result<(), Failure> {
        folder.write("table.csv".as_ref(), self.table_csv().as_bytes())?;
        folder.write("photos.csv".as_ref(), self.photos_csv().as_bytes())?;
        folder.write("context.json".as_ref(), format!("{:#}\n", self.json()).as_bytes())
    }

    /// For a person: a row for each class.
    pub fn text(&self) -> String {
        let mut table = Table::new(HEADINGS);
        self.classes.iter().for_each(|of_class| table.row(of_class.cells()));
        let without = self.without().map(|name| format!("{name}: no photo shows it and has a box of it\n"));
        format!(
            "{EXPLANATION}\n{}{}files: {}\n",
            table.text(),
            without.collect::<String>(),
            self.arguments.output.display()
        )
    }

    /// For a program.
    pub fn json(&self) -> Value {
        let photos = self.located.iter().map(|located| {
            json!({
                "photo": located.photo.photo.id,
                "class": self.labelled.classes[located.class],
                "score": located.score,
                "boxes": located.share,
            })
        });
        json!({
            "model": self.arguments.model,
            "split": self.labelled.split,
            "left_out": self.labelled.problems,
            "classes": self.classes.iter().map(OfClass::json).collect::<Vec<_>>(),
            "photos": photos.collect::<Vec<_>>(),
        })
    }

    fn table_csv(&self) -> String {
        let heading =
            "class,shown,photos,inside,inside_low,inside_high,area,times_chance,context,context_low,context_high\n";
        heading.to_owned() + &self.classes.iter().map(OfClass::csv).collect::<String>()
    }

    fn photos_csv(&self) -> String {
        let mut csv = "photo,class,score,inside,area,context\n".to_owned();
        for Located { photo, class, score, share } in self.located {
            let class = quoted(&self.labelled.classes[*class]);
            let ObjectShare { inside, context, area } = share;
            csv += &format!("{},{class},{score},{inside},{area},{context}\n", quoted(&photo.photo.id));
        }
        csv
    }

    /// Writes the page, after the pictures that it shows.
    pub fn report(&self, folder: &Folder) -> Result<(), Failure> {
        let mut table = report::Table::new(HEADINGS).caption(EXPLANATION);
        for of_class in &self.classes {
            table = table.row(of_class.cells());
        }
        let mut page = Report::new("Objects and their context")
            .subtitle(format!("Photos of the list {} that have boxes", self.labelled.split))
            .section(Section::new("Where the relevance lies").table(table));
        for of_class in &self.classes {
            let path = folder.path.join(&of_class.sheet);
            let bytes = std::fs::read(&path).context(format!("can't read {}", path.display()))?;
            let picture =
                Picture::new(bytes, "").describe(format!("Photos and heatmaps with boxes of {}", of_class.name));
            page = page.section(
                Section::new(format!("{}: most relevance on the context", of_class.name))
                    .pictures([picture.linked(&of_class.sheet.to_string_lossy())]),
            );
        }
        page = self.labelled.problems.iter().fold(page, |page, problem| page.note(format!("left out: {problem}")));
        page.setting("model", self.arguments.model.display())
            .setting("photos", self.arguments.voc.display())
            .setting("list", &self.labelled.split)
            .write(folder.path.join("report.html"))?;
        Ok(())
    }
}

impl OfClass<'_> {
    /// The photos with the most relevance on the context, those with the most first.
    pub fn most_on_context(&self) -> Vec<&Located<'_>> {
        let mut located = self.located.clone();
        located.sort_by(|left, right| right.share.context.total_cmp(&left.share.context));
        located.truncate(MOST_ON_SHEET);
        located
    }

    /// Under [`HEADINGS`].
    fn cells(&self) -> [String; 7] {
        [
            self.name.to_owned(),
            self.shown.to_string(),
            self.located.len().to_string(),
            interval(Some(self.mean.inside)),
            format!("{:.4}", self.mean.area),
            format!("{:.2}", self.mean.times_chance()),
            interval(Some(self.mean.context)),
        ]
    }

    fn csv(&self) -> String {
        let Self { name, shown, located, mean, .. } = self;
        let [inside, context] = [&mean.inside, &mean.context].map(|estimate| numbers(estimate).join(","));
        let (name, photos, area, times) = (quoted(name), located.len(), mean.area, mean.times_chance());
        format!("{name},{shown},{photos},{inside},{area},{times},{context}\n")
    }

    fn json(&self) -> Value {
        let Self { name, shown, located, mean, sheet, .. } = self;
        json!({
            "class": name,
            "shown": shown,
            "photos": located.len(),
            "inside": { "mean": mean.inside.mean, "interval": mean.inside.interval },
            "area": mean.area,
            "times_chance": mean.times_chance(),
            "context": { "mean": mean.context.mean, "interval": mean.context.interval },
            "sheet": sheet,
        })
    }
}
