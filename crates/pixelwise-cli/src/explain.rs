//! `pixelwise explain`: heatmaps.
//!
//! A run is a [`plan`], checked before the first sample, and a stream of samples ([`run`]): each is read, explained and
//! written on its own, so that a folder of any size takes the memory of a few. What is known of a sample stands in its
//! [`record`], from which everything that is about many samples is made: pictures on one scale, pages, the summary.

mod aims;
mod approach;
mod arguments;
pub mod drawing;
pub mod explanation;
pub mod files;
mod page;
mod plan;
pub mod record;
pub mod repeat;
pub mod run;
pub mod samples;
pub mod served;
pub mod settings;
mod stack;
pub mod summary;
mod vectors;

pub use arguments::{Arguments, Scale, misuse};

use ndarray_npy::WritableElement;
use neural_lrp::Real;
use pixelwise::Kind;

use crate::computation::Precision;
use crate::failure::Failure;
use crate::given::Given;

/// Options for a support vector machine of LIBSVM.
const FOR_MACHINES: [&str; 6] = ["vectors", "output", "threads", "json", "quiet", "verbose"];

/// Explains inputs one after another, whatever kind of model it is.
pub fn explain(arguments: &Arguments, given: &Given) -> Result<(), Failure> {
    match (&arguments.vectors, vectors::is_machine(&arguments.model)?) {
        (Some(vectors), true) => {
            if let Some(option) = given.beyond(&FOR_MACHINES) {
                let model = arguments.model.display();
                return Err(format!(
                    "--{option} is for networks and Bag-of-Words classifiers, and {model} is a support vector machine of \
                     LIBSVM"
                )
                .into());
            }
            arguments.computation.start()?;
            let (model, output) = (&arguments.model, &arguments.output);
            return vectors::explain(&vectors::Run { model, vectors, output, json: arguments.json });
        }
        (Some(_), false) => {
            let model = arguments.model.display();
            return Err(format!("--vectors is for a model of LIBSVM, and {model} is none").into());
        }
        (None, true) => {
            let model = arguments.model.display();
            return Err(
                format!("{model} is a support vector machine of LIBSVM: give it vectors by --vectors FILE").into()
            );
        }
        (None, false) => {}
    }
    if Kind::of(&arguments.model)? == Kind::BagOfWords {
        return crate::bow::explain::explain(arguments, given);
    }
    arguments.check();
    arguments.computation.start()?;
    match arguments.computation.dtype {
        Precision::F32 => run::run::<f32>(arguments, given),
        Precision::F64 => run::run::<f64>(arguments, given),
    }
}

/// The numbers of a network that can be written into files.
pub trait Number: Real + WritableElement {
    /// Appends its bytes, the lowest first.
    fn append_to(&self, bytes: &mut Vec<u8>);
}

impl Number for f32 {
    fn append_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}

impl Number for f64 {
    fn append_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.to_le_bytes());
    }
}
