//! Sections: a heading, and what stands below it.

use relevance::Ledger;
use serde::Serialize;

use crate::flow::{FlowView, LayerView, StageView, flow, layers, unsound, whole};
use crate::picture::{PictureView, address};
use crate::table::TableView;
use crate::{Error, Picture, Table};

/// A section of a report: a heading, then text, pictures, tables and ledgers in the order in which they are added.
///
/// ```
/// use report::Section;
/// let section = Section::new("Composite 0").paragraph("The polygon at the left drew most of the evidence.");
/// # let _ = section;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    heading: String,
    blocks: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq)]
enum Block {
    Paragraph(String),
    Pictures(Vec<Picture>),
    Table(Table),
    Ledger { caption: String, ledger: Ledger },
    Flow { caption: String, ledger: Ledger, tolerance: f64 },
    Links(Vec<LinkView>),
}

/// A section as the template wants it.
#[derive(Serialize)]
pub(crate) struct SectionView {
    heading: String,
    blocks: Vec<BlockView>,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum BlockView {
    Paragraph { text: String },
    Pictures { pictures: Vec<PictureView>, columns: usize, narrow_columns: usize },
    Table { table: TableView },
    Ledger { caption: String, flow: FlowView },
    Flow { caption: String, all: StageView, layers: Vec<LayerView>, warnings: Vec<String> },
    Links { links: Vec<LinkView> },
}

/// A link to a file beside the page.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct LinkView {
    text: String,
    address: String,
}

/// Most pictures side by side; more of them go on below.
const WIDEST_ROW: usize = 6;

/// How many pictures stand side by side on a phone, so that rows are full: four are two and two.
fn narrow_columns(pictures: usize) -> usize {
    match pictures {
        0..=3 => pictures.max(1),
        4 => 2,
        _ => 3,
    }
}

impl Section {
    /// A section with nothing below its heading.
    pub fn new(heading: impl Into<String>) -> Self {
        Self { heading: heading.into(), blocks: Vec::new() }
    }

    /// Adds a paragraph of plain text.
    #[must_use]
    pub fn paragraph(self, text: impl Into<String>) -> Self {
        self.with(Block::Paragraph(text.into()))
    }

    /// Adds a row of pictures, side by side as far as the reader's screen is wide enough.
    #[must_use]
    pub fn pictures(self, pictures: impl IntoIterator<Item = Picture>) -> Self {
        self.with(Block::Pictures(pictures.into_iter().collect()))
    }

    /// Adds a table.
    #[must_use]
    pub fn table(self, table: Table) -> Self {
        self.with(Block::Table(table))
    }

    /// Adds a ledger: where the relevance of an explanation, or of several, went; stage by stage, with a bar for each,
    /// and a warning where most of it ended in sinks.
    #[must_use]
    pub fn ledger(self, caption: impl Into<String>, ledger: &Ledger) -> Self {
        self.with(Block::Ledger { caption: caption.into(), ledger: ledger.clone() })
    }

    /// Adds a ledger of any length as a flow: all of it in one bar, and below that, folded away, a bar for each layer. The
    /// caller says what it means.
    ///
    /// * `tolerance` — what steps may be off by, relative, before the page warns of it: what the numbers can hold
    #[must_use]
    pub fn flow(self, caption: impl Into<String>, ledger: &Ledger, tolerance: f64) -> Self {
        self.with(Block::Flow { caption: caption.into(), ledger: ledger.clone(), tolerance })
    }

    /// Adds a row of links to files beside the page: what they are called, and their paths relative to the page's.
    #[must_use]
    pub fn links<T: Into<String>, P: AsRef<str>>(self, links: impl IntoIterator<Item = (T, P)>) -> Self {
        let link = |(text, path): (T, P)| LinkView { text: text.into(), address: address(path.as_ref()) };
        self.with(Block::Links(links.into_iter().map(link).collect()))
    }

    /// Whether the section shows pictures that are not in the page.
    pub(crate) fn needs_files(&self) -> bool {
        self.blocks.iter().any(|block| match block {
            Block::Pictures(pictures) => pictures.iter().any(|picture| !picture.is_embedded()),
            _ => false,
        })
    }

    fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    pub(crate) fn view(&self) -> Result<SectionView, Error> {
        let blocks = self.blocks.iter().map(Block::view).collect::<Result<_, _>>()?;
        Ok(SectionView { heading: self.heading.clone(), blocks })
    }
}

impl Block {
    fn view(&self) -> Result<BlockView, Error> {
        Ok(match self {
            Self::Paragraph(text) => BlockView::Paragraph { text: text.clone() },
            Self::Pictures(pictures) => BlockView::Pictures {
                pictures: pictures.iter().map(Picture::view).collect::<Result<_, _>>()?,
                columns: pictures.len().clamp(1, WIDEST_ROW),
                narrow_columns: narrow_columns(pictures.len()),
            },
            Self::Table(table) => BlockView::Table { table: table.view()? },
            Self::Links(links) => BlockView::Links { links: links.clone() },
            Self::Flow { caption, ledger, tolerance } => BlockView::Flow {
                caption: caption.clone(),
                all: whole(ledger),
                layers: layers(ledger),
                warnings: unsound(ledger, *tolerance),
            },
            Self::Ledger { caption, ledger } => BlockView::Ledger { caption: caption.clone(), flow: flow(ledger) },
        })
    }
}
