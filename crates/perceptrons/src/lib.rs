//! Training of fully connected networks on pictures, as the paper trains its networks of digits.
//!
//! * [`Perceptron`]: dense layers ([`Dense`]), [`Layer::Tanh`], [`Layer::Rectifier`], and [`Layer::Noise`], Gaussian
//!   noise that is there only while training;
//! * [`Pictures`]: what is learned, with [`Augmentation`]: translations, and salt-and-pepper noise;
//! * [`Trainer`]: stochastic gradient descent on the softmax cross-entropy, in batches, with a [`Pace`] that slows down.
//!
//! Each iteration draws its random numbers from the seed and its own number alone. A trainer is thus its parameters
//! and a count: serialized at any moment, it goes on to the same bytes, for any number of threads.
//!
//! It is here so that the experiments can be made from nothing, and kept as small as they allow: who trains networks for
//! other ends has better tools, whose networks the rest of this crate explains as well.
//!
//! ```
//! use ndarray::{Array3, array};
//! use perceptrons::{Augmentation, LayerPlan, Pace, Perceptron, Pictures, Settings, Trainer};
//!
//! // Pictures of one row of two pixels; their class is which of the two is bright.
//! let images = Array3::from_shape_vec((2, 1, 2), vec![255, 0, 0, 255])?;
//! let pictures = Pictures::new(images.view(), &[0, 1], [0.0, 1.0], Augmentation::default())?;
//! let network = Perceptron::<f64>::new(2, &[LayerPlan::Dense(4), LayerPlan::Tanh, LayerPlan::Dense(2)], 1)?;
//! let pace = Pace { start: 0.5, end: 0.0, momentum: 0.9 };
//! let mut trainer = Trainer::new(network, Settings { batch: 2, iterations: 100, pace, seed: 1 })?;
//! while !trainer.is_finished() {
//!     trainer.step(&pictures)?;
//! }
//! let network = trainer.perceptron().network()?; // to be explained, or written as ONNX
//! let scores = network.forward(vec![array![[1.0, 0.0]].into_dyn()])?.output().to_owned();
//! assert!(scores[[0, 0]] > scores[[0, 1]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod augmentation;
mod dense;
mod loss;
mod perceptron;
mod pictures;
mod trainer;

pub use augmentation::Augmentation;
pub use dense::Dense;
pub use loss::accuracy;
pub use perceptron::{Layer, LayerPlan, Perceptron};
pub use pictures::Pictures;
pub use trainer::{Pace, Settings, Trainer};

use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// What can be wrong with what should be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Layers that are no network.
    #[error("layer {position} of the plan: {reason}")]
    Layer {
        /// Its position, from 0.
        position: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Pictures that can't be learned.
    #[error("the pictures to learn: {0}")]
    Pictures(String),
    /// A setting that is no number it could be.
    #[error("{setting} {value}: it should be {expected}")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Training ran away.
    #[error("the loss is {loss} after {iteration} iterations: a slower pace might keep it finite")]
    Diverged {
        /// How many iterations were made.
        iteration: u64,
        /// The loss.
        loss: f64,
    },
}

/// The random numbers of one purpose and number: of an iteration, an epoch, or a sample.
fn random(seed: u64, purpose: u64, number: u64) -> Xoshiro256PlusPlus {
    // Odd factors with well-mixed bits keep the three apart; the generator's seeding mixes what comes of it once more.
    let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
        ^ purpose.wrapping_mul(0xD1B5_4A32_D192_ED03)
        ^ number.wrapping_mul(0x8CB9_2BA7_2F3D_8DD7);
    Xoshiro256PlusPlus::seed_from_u64(mixed)
}
