//! Support vector machines of LIBSVM, explained over vectors: `pixelwise explain MODEL --vectors FILE`.

use std::fs;
use std::process::{Command, Output};

use ndarray::{Array2, array};
use ndarray_npy::write_npy;
use relevance::Ledger;
use serde_json::Value;
use tempfile::TempDir;

/// Two classes, a linear kernel: `f(x) = 2 (x₁ + x₃) − 2 x₂ − ¼`, with label 1 first.
const LINEAR: &str = "svm_type c_svc\nkernel_type linear\nnr_class 2\ntotal_sv 2\nrho 0.25\nlabel 1 -1\nnr_sv 1 1\nSV\n\
                      2 1:1 3:1 \n-2 2:1 \n";
/// Three classes by pairs.
const PAIRS: &str = "svm_type nu_svc\nkernel_type rbf\ngamma 0.5\nnr_class 3\ntotal_sv 3\nrho 0.125 -0.25 0.0625\n\
                     label 4 7 9\nnr_sv 1 1 1\nSV\n1 0.5 1:1 \n-1 0.75 2:1 \n-0.5 -0.75 3:1 \n";
/// One class.
const ONE: &str =
    "svm_type one_class\nkernel_type rbf\ngamma 0.5\nnr_class 2\ntotal_sv 2\nrho 0.625\nSV\n0.5 1:1 \n0.5 2:1 \n";

struct Folder(TempDir);

impl Folder {
    fn new(model: &str, vectors: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.0.path().join("svm.model"), model).unwrap();
        fs::write(folder.0.path().join("x.txt"), vectors).unwrap();
        folder
    }

    fn pixelwise(&self, arguments: &[&str]) -> Output {
        let program = env!("CARGO_BIN_EXE_pixelwise");
        Command::new(program).current_dir(self.0.path()).args(arguments).output().unwrap()
    }

    fn explain(&self, options: &[&str]) -> String {
        let run =
            self.pixelwise(&[&["explain", "svm.model", "--vectors", "x.txt", "--output", "out"], options].concat());
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).unwrap()
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let run = self.pixelwise(arguments);
        assert_eq!(run.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(run.stderr).unwrap()
    }

    /// The relevance of a table.
    fn relevance(&self, name: &str) -> Vec<f64> {
        let table = fs::read_to_string(self.0.path().join(format!("out/{name}.relevance.csv"))).unwrap();
        let mut lines = table.lines();
        assert_eq!(lines.next(), Some("dimension,value,relevance"));
        lines.map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect()
    }

    fn record(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.0.path().join(format!("out/{name}.json"))).unwrap()).unwrap()
    }

    /// Checks that a score is the sum of relevance and sinks, and gives it.
    fn balanced_score(&self, name: &str) -> f64 {
        let (record, relevance) = (self.record(name), self.relevance(name));
        let ledger: Ledger = serde_json::from_value(record["ledger"].clone()).unwrap();
        ledger.check(1e-10).unwrap();
        let score = record["score"].as_f64().unwrap();
        assert!((ledger.total().upper.total - score).abs() < 1e-12);
        assert!((ledger.total().lower.total - relevance.iter().sum::<f64>()).abs() < 1e-12);
        assert!(self.0.path().join(format!("out/{name}.bars.png")).is_file());
        score
    }
}

#[test]
fn a_linear_machine_is_a_sum_over_dimensions() {
    let folder = Folder::new(LINEAR, "1 1:0.5 2:0.25\n-1 2:1 3:0.125\n");
    let told = folder.explain(&[]);
    assert!(told.contains("1 against -1, score 0.25"), "{told}");
    for (vector, score, own) in [(0, 0.25, [1.0, -0.5, 0.0]), (1, -2.0, [0.0, -2.0, 0.25])] {
        let name = format!("x-{vector}.1 against -1");
        assert_eq!(folder.balanced_score(&name), score);
        // The bias is spread over the dimensions evenly (Eq. 24).
        let expected = own.map(|own| own - 0.25 / 3.0);
        let found = folder.relevance(&name);
        assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-15), "{found:?}");
    }
}

#[test]
fn arrays_give_the_same_as_text() {
    let folder = Folder::new(LINEAR, "1 1:0.5 2:0.25 3:0\n-1 2:1 3:0.125\n");
    folder.explain(&[]);
    let expected = folder.relevance("x-1.1 against -1");
    let vectors: Array2<f64> = array![[0.5, 0.25, 0.0], [0.0, 1.0, 0.125]];
    write_npy(folder.0.path().join("y.npy"), &vectors).unwrap();
    let run = folder.pixelwise(&["explain", "svm.model", "--vectors", "y.npy", "--output", "out", "--json"]);
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(json["explanations"].as_array().unwrap().len(), 2);
    assert_eq!(folder.relevance("y-1.1 against -1"), expected);
}

#[test]
fn pairs_of_classes_and_one_class_are_explained() {
    let points = "4 1:0.875 2:0.125\n7 2:1 3:0.25\n9 1:0.25 3:1\n0 1:3 2:3\n";
    let folder = Folder::new(PAIRS, points);
    let told = folder.explain(&[]);
    for decision in ["4 against 7", "4 against 9", "7 against 9"] {
        assert!(told.contains(decision), "{told}");
        (0..3).for_each(|vector| _ = folder.balanced_score(&format!("x-{vector}.{decision}")));
    }
    // 0.5 exp(−½ |x − x₁|²) − 0.5 exp(−½ |x − x₃|²) + 0.25: the second row of coefficients is against the third class.
    let near = |squared: f64| (-0.5 * squared).exp();
    let expected = 0.5 * near(0.125f64.powi(2) * 2.0) - 0.5 * near(0.875f64.powi(2) + 0.125f64.powi(2) + 1.0) + 0.25;
    assert!((folder.record("x-0.4 against 9")["score"].as_f64().unwrap() - expected).abs() < 1e-12);

    let folder = Folder::new(ONE, points);
    folder.explain(&[]);
    assert!(folder.balanced_score("x-0.membership") > 0.0 && folder.balanced_score("x-3.membership") < 0.0);
}

#[test]
fn what_can_not_be_explained_is_named() {
    let folder = Folder::new(LINEAR, "1 1:0.5\n");
    let message = folder.refused(&["explain", "svm.model", "x.txt"]);
    assert!(message.contains("--vectors FILE"), "{message}");
    let vectors = ["explain", "svm.model", "--vectors", "x.txt"];
    assert!(folder.refused(&[&vectors[..], &["--rule", "z-plus"]].concat()).contains("--rule is for networks"));
    assert!(folder.refused(&["run", "svm.model", "x.txt"]).contains("support vector machine of LIBSVM"));
    for (kernel, part) in [("polynomial", "polynomial"), ("sigmoid", "sigmoid"), ("precomputed", "precomputed")] {
        let other = LINEAR.replace("linear", kernel).replace("1:1 3:1", "0:1").replace("2:1", "0:2");
        fs::write(folder.0.path().join("svm.model"), other).unwrap();
        let message = folder.refused(&vectors);
        assert!(message.contains(part), "{message}");
    }
    fs::write(
        folder.0.path().join("svm.model"),
        LINEAR.replace("c_svc", "epsilon_svr").replace("label 1 -1\nnr_sv 1 1\n", ""),
    )
    .unwrap();
    assert!(folder.refused(&vectors).contains("regression"));
    fs::write(folder.0.path().join("net.txt"), "Linear 2 1\n1 1\n0.5\nRect\n").unwrap();
    let message = folder.refused(&["explain", "net.txt", "--vectors", "x.txt"]);
    assert!(message.contains("net.txt is none"), "{message}");
}
