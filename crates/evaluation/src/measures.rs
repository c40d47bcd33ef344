//! The measures, one in a file of its own.
//!
//! A new measure is a file here and a line in the list below; it then has a name for the command line.

use crate::Measure;
use crate::settings::Given;

mod pixel_flipping;
mod region_perturbation;

/// Makes one list of all measures, known by their names.
macro_rules! measures {
    ($($module:ident::$Measure:ident,)+) => {
        $(pub use $module::$Measure;)+

        /// The names that measures have.
        pub const NAMES: &[&str] = &[$($Measure::NAME),+];

        /// Each measure, with its default settings.
        pub fn all() -> Vec<Box<dyn Measure>> {
            vec![$(Box::new($Measure::default())),+]
        }

        /// The measure of a name and its settings.
        pub(crate) fn parse(name: &str, settings: &str) -> Result<Box<dyn Measure>, String> {
            let given = Given::parse(settings)?;
            match name {
                $($Measure::NAME => Ok(Box::new($Measure::parse(given)?)),)+
                _ => Err(format!("there are {}", NAMES.join(", "))),
            }
        }
    };
}

measures! {
    pixel_flipping::PixelFlipping,
    region_perturbation::RegionPerturbation,
}
