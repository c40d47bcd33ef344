//! `pixelwise serve`: see it think, in the browser.
//!
//! A server on one's own machine with three pages: [digits](DigitNetwork) that one draws, photos for a [model](PhotoModel) of
//! one's own, and shapes on a canvas, in which a [Bag-of-Words classifier](ShapeModel) looks for polygons. The pages are files
//! inside of the binary; what they show, they ask for under `/api`, which `docs/guide/serve-api.md` describes.
//!
//! A request goes through these, in this order:
//!
//! | file | what it does |
//! | --- | --- |
//! | `guard` | who may ask: `Host`, `Origin`, the token; the headers that browsers go by; the clock |
//! | `serving` | which function answers which address |
//! | `request` | bodies within [`Limits`], names of frames |
//! | `digits`, `photos`, `shapes`, `models` | the answers |
//! | `work` | so much at once, so much waiting; a newer frame takes the place of an older one |
//! | `failure` | a refusal: a status, a code, a sentence |
//!
//! Models come from the outside, made ready ([`Subject`]); files that `pixelwise explain` writes come from whoever implements
//! [`MapFiles`].

mod assets;
mod books;
mod digits;
mod failure;
mod guard;
mod kept;
mod limits;
mod models;
mod packed;
mod photos;
mod request;
mod serving;
mod shapes;
mod state;
mod subject;
mod ways;
mod work;

pub use digits::{DigitNetwork, Digits, Sample, Scale};
pub use failure::Failure;
pub use guard::{Access, Token};
pub use limits::Limits;
pub use photos::{Asked, Files, MapFiles, Mask, NamedFile, PhotoModel, Seer, SentPhoto};
pub use serving::{router, run};
pub use shapes::ShapeModel;
pub use state::{Server, Settings};
pub use subject::{Against, Others, Subject};
pub use ways::By;
