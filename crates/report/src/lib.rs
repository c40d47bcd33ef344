//! The self-contained HTML report of an explanation.
//!
//! A [`Report`] is plain data: what was found ([`figure`](Report::figure)), [`Section`]s of text, pictures, tables and
//! ledgers, settings, timings and notes. [`render`](Report::render) makes one HTML page of it that needs nothing
//! beside itself: pictures are in it, there is no script, and it loads nothing from anywhere, so that it can be sent to
//! a colleague or kept with a paper. (A page of very many pictures can link to them: [`Picture::linked`].) It follows
//! the reader's light or dark setting, fits a phone, and prints.
//!
//! Curves are a [`Plot`], which is SVG, in the page or in a file of its own.
//!
//! The same data give the same bytes. Timings differ from run to run, so they stand in a section of their own,
//! `<section id="timings">` up to its `</section>`; two runs' pages are equal outside of it.
//!
//! The page is a template (`report.html`, `report.css`), not code that writes tags: everything that a caller hands in
//! is escaped by the template engine, and the page can be restyled without reading Rust.
//!
//! ```
//! use relevance::{Amount, Entry, Ledger, Sink};
//! use report::{Picture, Report, Section, Table};
//!
//! let picture = heatmap::encode_png(&heatmap::RgbImage::new(34, 34))?;
//! let mut ledger = Ledger::default();
//! ledger.push(
//!     Entry::new("R³ (Eq. 25)", Amount::of(2.0), Amount::of(1.5)).with_sink(Sink::TaylorResidual, Amount::of(0.5)),
//! );
//! let page = Report::new("Polygons against circles")
//!     .figure("test accuracy", "0.992", "500 tiles")
//!     .section(
//!         Section::new("Composite 0")
//!             .paragraph("Where does the classifier see polygons?")
//!             .pictures([Picture::new(picture, "pixel-wise prediction")])
//!             .table(Table::new(["shape", "relevance"]).row(["polygon", "0.61"]).row(["circle", "0.04"]))
//!             .ledger("Where the score went", &ledger),
//!     )
//!     .setting("seed", 1)
//!     .timing("training", 1.25)
//!     .render()?;
//! assert!(page.contains("Polygons against circles") && page.contains("data:image/png;base64,"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod flow;
mod numbers;
mod page;
mod picture;
mod plot;
mod section;
mod table;

pub use error::Error;
pub use page::Report;
pub use picture::Picture;
pub use plot::{Curve, Line, Plot};
pub use section::Section;
pub use table::Table;
