//! The measures, one in a file of its own.
//!
//! A new measure is a file here and a line in the list below; it then has a name for the command line.

use crate::Measure;
use crate::settings::Given;

mod completeness;
mod complexity;
mod deletion;
mod insertion;
mod local_lipschitz_estimate;
mod max_sensitivity;
mod model_parameter_randomisation;
mod pixel_flipping;
mod pointing_game;
mod random_logit;
mod region_perturbation;
mod relevance_mass_accuracy;
mod relevance_rank_accuracy;
mod sparseness;
mod top_k_intersection;

pub use completeness::Reference;
pub use local_lipschitz_estimate::slope;
pub use max_sensitivity::relative_change;

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
    insertion::Insertion,
    deletion::Deletion,
    pointing_game::PointingGame,
    relevance_mass_accuracy::RelevanceMassAccuracy,
    relevance_rank_accuracy::RelevanceRankAccuracy,
    top_k_intersection::TopKIntersection,
    max_sensitivity::MaxSensitivity,
    local_lipschitz_estimate::LocalLipschitzEstimate,
    sparseness::Sparseness,
    complexity::Complexity,
    completeness::Completeness,
    model_parameter_randomisation::ModelParameterRandomisation,
    random_logit::RandomLogit,
}
