//! The networks of digits that are shipped, opened as anyone would open them.

use std::path::{Path, PathBuf};
use std::process::Command;

use datasets::mnist::{Mnist, Split};
use ndarray::{Array2, ArrayD, Axis, Slice};
use ndarray_npy::{read_npy, write_npy};

/// A network of `data/models`, what the bytes 0 and 255 are to it, and how many of 10,000 digits it has to know: about as
/// many as the paper's.
struct Trained {
    name: &'static str,
    range: [f64; 2],
    known: usize,
}

const NORMALIZED: [f64; 2] = [-0.1307 / 0.3081, (1.0 - 0.1307) / 0.3081];

const NETWORKS: [Trained; 4] = [
    Trained { name: "400-400-tanh", range: NORMALIZED, known: 9_820 },
    Trained { name: "rect-short", range: [-1.0, 1.0], known: 9_700 },
    Trained { name: "rect-long", range: [-1.0, 1.0], known: 9_900 },
    Trained { name: "tanh-long", range: [-1.0, 1.0], known: 9_900 },
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
        values.into_shape_with_order((digits.labels.len(), 784)).unwrap().into_dyn()
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

#[test]
fn they_know_as_many_digits_as_those_of_the_paper() {
    let digits = Mnist::load(data("mnist"), Split::Test).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for trained in &NETWORKS {
        let scores = scores(trained, &trained.inputs(&digits), folder.path());
        let is_known = |(scores, &label): (ndarray::ArrayView1<'_, f32>, &u8)| {
            scores.iter().all(|score| *score <= scores[usize::from(label)])
        };
        let known = scores.outer_iter().zip(&digits.labels).filter(|pair| is_known(*pair)).count();
        assert!(known >= trained.known, "{}: {known} of {}", trained.name, digits.labels.len());
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
