//! Pictures out: normalization, color maps, color bars, superpositions, contact sheets, PNG.
//!
//! Takes the relevance of pixels as arrays and gives pictures; it knows nothing of the classifier that they explain.
//!
//! * [`normalize`] and [`normalize_all`] (Eq. 35) bring relevance to [−1, 1], for one image or for a set of them;
//! * [`render`] colors a normalized map by a [`ColorMap`]; a [`ColorBar`] says what the colors mean;
//! * [`Superposition`], [`EdgeSuperposition`] and [`Binarization`] bring map and photo together (Figs 6–10);
//! * [`draw_boxes`] frames objects whose place is known;
//! * a [`BarChart`] shows the scores of a few classes;
//! * a [`ContactSheet`] arranges pictures with captions;
//! * [`encode_png`], [`write_png`] and [`write_whole`]: files appear whole or not at all.
//!
//! Equation and figure numbers are those of Bach et al. 2015, "On Pixel-Wise Explanations for Non-Linear Classifier
//! Decisions by Layer-Wise Relevance Propagation", PLoS ONE 10(7): e0130140.
//!
//! The questionable decision here is the lettering: a font that comes along, 64 KiB of DejaVu Sans (`fonts/LICENSE`),
//! instead of those of the system. A picture is then the same bytes on every machine, whatever fonts that has.
//!
//! ```
//! use heatmap::{ColorMap, ContactSheet, Superposition, encode_png, normalize, render};
//! use ndarray::{Array3, array};
//!
//! let relevance = normalize(array![[0.5, 0.0], [-0.25, 1.0]].view())?;
//! let photo = Array3::from_elem((2, 2, 3), 200);
//!
//! let heatmap = render(relevance.view(), ColorMap::Jet)?;
//! assert_eq!(heatmap.get_pixel(1, 0).0, [128, 255, 128]); // no relevance: green
//! assert_eq!(heatmap.get_pixel(1, 1).0, [128, 0, 0]); // the most relevant pixel: dark red
//!
//! let superposition = Superposition::default().draw(photo.view(), relevance.view())?;
//! let sheet = ContactSheet::new().row([(heatmap, "pixel-wise prediction"), (superposition, "superposition")]).draw()?;
//! assert!(encode_png(&sheet)?.starts_with(b"\x89PNG"));
//! # Ok::<(), heatmap::Error>(())
//! ```

mod bar_chart;
mod boxes;
mod canvas;
mod color_bar;
mod color_map;
mod contact_sheet;
mod edges;
mod error;
mod files;
mod lettering;
mod normalize;
mod picture;
mod superposition;

pub use bar_chart::BarChart;
pub use boxes::{BoundingBox, LineWeight, draw_boxes};
pub use color_bar::{ColorBar, Orientation};
pub use color_map::ColorMap;
pub use contact_sheet::{ContactSheet, Tile};
pub use edges::{EdgeSuperposition, Edges};
pub use error::Error;
pub use files::{encode_png, write_png, write_whole};
pub use image::RgbImage;
pub use normalize::{magnitude_at, normalize, normalize_all};
pub use picture::{enlarge, photo_picture, render};
pub use superposition::{Binarization, ColorSuperposition, Superposition};
