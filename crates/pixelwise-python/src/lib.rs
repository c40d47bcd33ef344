//! The Python package `pixelwise`, over the libraries: arrays in, arrays out, errors as exceptions. No mathematics here.
//!
//! What Python shows of it stands in `python/pixelwise`.

use pyo3::prelude::*;

mod arrays;
mod attribution;
mod bow;
mod composite;
mod computation;
mod errors;
mod measure;
mod net;
mod page;
mod preprocess;
mod target;

#[global_allocator]
static ALLOCATOR: channel_kernels::CacheLines = channel_kernels::CacheLines;

/// What `python/pixelwise` is made of.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::attribution::{Attribution, Sample};
    #[pymodule_export]
    use super::bow::{Scene, polygons_and_circles, read_photo, to_unit_range, train, train_tiles};
    #[pymodule_export]
    use super::composite::{Composite, Method, Rule};
    #[pymodule_export]
    use super::measure::{Measure, Scores};
    #[pymodule_export]
    use super::net::Net;
    #[pymodule_export]
    use super::preprocess::Preprocess;

    /// The release.
    #[pymodule_export]
    #[expect(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
