//! Photos in: decoding image files into arrays, and preparing them for networks.
//!
//! [`read`] takes a file and gives bytes, height × width × channels; [`to_unit_range`] makes numbers in [0, 1] of them,
//! which is what classifiers take. What happens on the way is what a person would expect of a photo: it stands
//! upright (the camera's EXIF orientation is applied), gray stays gray (one channel), the inks of printers (CMYK) become
//! red, green and blue, 16 bits become 8, and transparent parts are shown on white.
//!
//! A file of a few bytes can claim to be a picture of billions of pixels; such files are refused before memory is
//! taken ([`MAX_SIDE`], [`set_max_pixels`]).
//!
//! Networks want more: a size, an order of channels, a scale. [`Preprocessing`] says what, by the name of a preset or
//! by a file of one's own, and [`Preprocessing::apply`] does it, with the very bytes that Pillow and torchvision make
//! of a photo: a network that was trained on those is asked about nothing else here.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("two-pixels.ppm");
//! std::fs::write(&path, b"P6 2 1 255\n\xff\x00\x00\x33\x33\x33")?;
//!
//! let photo = images::read(&path)?;
//! assert_eq!(photo.dim(), (1, 2, 3)); // rows, columns, channels
//! assert_eq!(images::to_unit_range(photo.view())[[0, 1, 2]], 0.2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod channels;
mod declared;
mod error;
mod folder;
mod foreign;
mod orientation;
mod placement;
mod preprocessing;
mod presets;
mod read;
mod resample;
mod settings;

pub use channels::{from_rgb, to_unit_range};
pub use declared::Declarations;
pub use error::Error;
pub use folder::{EXTENSIONS, Folder, is_image_name};
pub use orientation::Stored;
pub use preprocessing::{Prepared, Preprocessing};
pub use presets::PRESETS;
pub use read::{
    DEFAULT_MAX_PIXELS, FORMATS, MAX_DECODED_BYTES, MAX_SIDE, damage, decode, extent, read, set_max_pixels,
};
pub use settings::{Centering, Channels, Extent, Interpolation, Layout, Scale, Settings, Size};
