//! The networks of digits that are shipped, opened as anyone would open them.

use std::path::{Path, PathBuf};
use std::process::Command;

use datasets::mnist::{Mnist, Split};
use ndarray::{Array2, ArrayD, Axis, Slice};
use ndarray_npy::{read_npy, write_npy};
use pixelwise::model_files;
use pixelwise::neural_lrp::{Composite, Explainer, Initial, Target};

/// A network of `data/models`, what it takes for a digit, what the bytes 0 and 255 are to it, and how many of how many test
/// digits it has to know: of the paper's, about as many as there.
struct Trained {
    name: &'static str,
    digit: &'static [usize],
    range: [f64; 2],
    known: usize,
    of: usize,
}

const NORMALIZED: [f64; 2] = [-0.1307 / 0.3081, (1.0 - 0.1307) / 0.3081];

/// A digit's rows one behind the other, and a picture of one channel.
const ROWS: &[usize] = &[784];
const PICTURE: &[usize] = &[1, 28, 28];

const NETWORKS: [Trained; 6] = [
    Trained { name: "400-400-tanh", digit: ROWS, range: NORMALIZED, known: 9_820, of: 10_000 },
    Trained { name: "rect-short", digit: ROWS, range: [-1.0, 1.0], known: 9_700, of: 10_000 },
    Trained { name: "rect-long", digit: ROWS, range: [-1.0, 1.0], known: 9_900, of: 10_000 },
    Trained { name: "tanh-long", digit: ROWS, range: [-1.0, 1.0], known: 9_900, of: 10_000 },
    Trained { name: "vit", digit: PICTURE, range: [0.0, 1.0], known: 1_940, of: 2_000 },
    Trained { name: "convolutional", digit: PICTURE, range: [0.0, 1.0], known: 1_970, of: 2_000 },
];

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

impl Trained {
    fn model(&self) -> String {
        data("models").join(format!("mnist-{}.onnx", self.name)).to_str().unwrap().to_owned()
    }

    /// All test digits, as the network takes them.
    fn inputs(&self, digits: &Mnist) -> ArrayD<f32> {
        let [low, high] = self.range;
        let values = digits.images.mapv(|byte| (low + (high - low) * f64::from(byte) / 255.0) as f32);
        values.into_shape_with_order([&[digits.labels.len()], self.digit].concat()).unwrap()
    }
}

/// The scores of a batch, by the command line.
fn scores(trained: &Trained, inputs: &ArrayD<f32>, folder: &Path) -> Array2<f32> {
    let (batch, output) = (folder.join("batch.npy"), folder.join("scores.npy"));
    write_npy(&batch, inputs).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_pixelwise"))
        .args(["run", &trained.model(), batch.to_str().unwrap(), "--output-array", output.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    read_npy(output).unwrap()
}

/// The ledger of each digit: every step balances, and all of them together.
#[test]
fn explanations_of_the_transformer_account_for_its_scores() {
    let digits = Mnist::load(data("mnist"), Split::Test).unwrap();
    let trained = NETWORKS.iter().find(|trained| trained.name == "vit").unwrap();
    let inputs = trained.inputs(&digits).slice_axis(Axis(0), Slice::from(..5)).mapv(f64::from);
    let network = model_files::read::<f64>(trained.model()).unwrap().network_with_defaults().unwrap();
    let explainer = Explainer::new(&network).unwrap();
    let forward = explainer.forward(inputs.view()).unwrap();
    let default = Composite::default_for(&network);
    assert_eq!(default.networks, "transformers");
    for name in [default.name, "attnlrp", "attention-cp", "attention-cp-gamma", "attention-cp-gamma-identity"] {
        let explained =
            forward.explain(&Composite::named(name).unwrap(), &Initial::Score(Target::Predicted).into()).unwrap();
        assert_eq!(explained.ledgers.len(), 5, "{name}");
        for ledger in &explained.ledgers {
            ledger.check(1e-10).unwrap();
        }
    }
}

#[test]
fn they_know_as_many_digits_as_those_of_the_paper() {
    let digits = Mnist::load(data("mnist"), Split::Test).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for trained in &NETWORKS {
        let inputs = trained.inputs(&digits).slice_axis(Axis(0), Slice::from(..trained.of)).to_owned();
        let scores = scores(trained, &inputs, folder.path());
        let is_known = |(scores, &label): (ndarray::ArrayView1<'_, f32>, &u8)| {
            scores.iter().all(|score| *score <= scores[usize::from(label)])
        };
        let known = scores.outer_iter().zip(&digits.labels).filter(|pair| is_known(*pair)).count();
        assert!(known >= trained.known, "{}: {known} of {}", trained.name, trained.of);
    }
}

#[test]
fn another_program_reads_the_same_networks() {
    const SCORES: &str = "
import sys, numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])
numpy.save(sys.argv[3], session.run(['scores'], {'pixels': numpy.load(sys.argv[2])})[0])";
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_onnxruntime = Command::new(&python).args(["-c", "import onnxruntime"]).output();
    if !has_onnxruntime.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {python} has no onnxruntime");
        return;
    }
    let digits = Mnist::load(data("mnist"), Split::Test).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for trained in &NETWORKS {
        let inputs = trained.inputs(&digits).slice_axis(Axis(0), Slice::from(..64)).to_owned();
        let own = scores(trained, &inputs, folder.path());
        let (batch, output) = (folder.path().join("batch.npy"), folder.path().join("other.npy"));
        let run =
            Command::new(&python).args(["-c", SCORES, &trained.model()]).args([&batch, &output]).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let other: Array2<f32> = read_npy(output).unwrap();
        let largest = other.iter().fold(0f32, |largest, score| largest.max(score.abs()));
        let difference = (&own - &other).iter().fold(0f32, |largest, score| largest.max(score.abs()));
        assert!(difference <= 1e-5 * largest, "{}: {difference} of {largest}", trained.name);
    }
}
