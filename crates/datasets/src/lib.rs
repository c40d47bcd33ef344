//! Data to learn from and to explain, made or read the same way everywhere.
//!
//! * [`polygons`]: the synthetic data of the paper's Fig 6, tiles that show polygons, circles, both or nothing, and
//!   larger composites of them;
//! * [`mnist`]: handwritten digits, from MNIST's own files;
//! * [`voc`]: folders of photos in the layout of PASCAL VOC;
//! * [`Labels`]: the names of a network's classes, as they come in files;
//! * [`SplitMix64`]: the generator of random numbers that the polygons are drawn with.
//!
//! Whoever asks for the same seed and index gets the same picture. That rests on arithmetic that is spelled out here
//! and not on a crate of random numbers, whose streams may change from one version to the next; the price is a dozen
//! lines of our own.
//!
//! ```
//! use datasets::polygons::{self, Label};
//!
//! let scene = polygons::tile(1, 0);
//! assert_eq!(scene.image.dim(), (102, 102, 3));
//! assert_eq!(scene.label, Label::Positive); // even indices show a polygon
//! assert!(scene.polygon_mask.iter().any(|&inside| inside));
//!
//! let empty_or_circles = polygons::tile(1, 1);
//! assert_eq!(empty_or_circles.label, Label::Negative);
//! assert!(!empty_or_circles.polygon_mask.iter().any(|&inside| inside));
//! ```

mod error;
mod labels;
pub mod mnist;
pub mod polygons;
mod random;
mod text;
pub mod voc;

pub use error::Error;
pub use labels::{Labels, UnclearName};
pub use random::SplitMix64;
pub use text::read_text;
