//! The networks of digits that the program carries, and digits to begin with.

use std::sync::Arc;

use datasets::Labels;
use datasets::mnist::Mnist;
use ndarray::{ArrayD, Axis};
use neural_lrp::rules::InputRange;
use pixelwise::Networks;
use pixelwise_serve::{DigitNetwork, Digits, Sample, Scale, Subject};

use crate::failure::{Context, Failure};

/// A network's file, in the program.
struct Carried {
    id: &'static str,
    title: &'static str,
    bytes: &'static [u8],
    shape: &'static [usize],
    scale: Scale,
    /// Whether roots can be searched while one waits.
    searches: bool,
}

const CARRIED: [Carried; 3] = [
    Carried {
        id: "mnist-convolutional",
        title: "Convolutional network",
        bytes: include_bytes!("../../../../data/models/mnist-convolutional.onnx"),
        shape: &[1, 28, 28],
        scale: Scale::NONE,
        searches: true,
    },
    Carried {
        id: "mnist-400-400-tanh",
        title: "Perceptron, 400-400, tanh",
        bytes: include_bytes!("../../../../data/models/mnist-400-400-tanh.onnx"),
        shape: &[784],
        scale: Scale { mean: 0.1307, deviation: 0.3081 },
        searches: true,
    },
    Carried {
        id: "mnist-vit",
        title: "Vision transformer",
        bytes: include_bytes!("../../../../data/models/mnist-vit.onnx"),
        shape: &[1, 28, 28],
        scale: Scale::NONE,
        searches: false,
    },
];

const IMAGES: &[u8] = include_bytes!("../../../../data/mnist/t10k-images-idx3-ubyte.gz");
const LABELS: &[u8] = include_bytes!("../../../../data/mnist/t10k-labels-idx1-ubyte.gz");

/// Digits of each class to begin with.
const SAMPLES: usize = 2;
/// Digits of each class towards which roots are searched.
const CANDIDATES: usize = 3;

/// The networks and digits.
pub fn digits() -> Result<Digits, Failure> {
    let test = Mnist::from_bytes(IMAGES, LABELS)?;
    let of = |count: usize| -> Vec<Sample> {
        let digit = |(class, place): (u8, usize)| {
            let index = test.of_class(class).nth(place)?;
            Some(Sample { label: class, pixels: test.images.index_axis(Axis(0), index).iter().copied().collect() })
        };
        (0..10).flat_map(|class| (0..count).map(move |place| (class, place))).filter_map(digit).collect()
    };
    let candidates: Vec<Vec<u8>> = of(CANDIDATES).into_iter().map(|sample| sample.pixels).collect();
    let networks = CARRIED.iter().map(|carried| carried.ready(&candidates).map(Arc::new));
    Ok(Digits { networks: networks.collect::<Result<_, Failure>>()?, samples: of(SAMPLES) })
}

impl Carried {
    fn ready(&self, candidates: &[Vec<u8>]) -> Result<DigitNetwork, Failure> {
        let networks = Networks::<f32>::from_bytes(self.bytes.to_vec(), ".").context(self.id)?;
        let range = InputRange::of(self.scale.of(0), self.scale.of(255))?;
        let labels: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
        let labels = Labels::of(labels.iter().map(String::as_str));
        let values = candidates.iter().flatten().map(|&pixel| self.scale.of(pixel)).collect();
        let candidates = ArrayD::from_shape_vec([&[candidates.len()], self.shape].concat(), values)?;
        let subject = Subject::new(networks, self.shape, range, labels).context(self.id)?;
        let subject = if self.searches { subject.with_candidates(candidates) } else { subject };
        Ok(DigitNetwork { id: self.id.to_owned(), title: self.title.to_owned(), subject, scale: self.scale })
    }
}
