//! Targets on the command line: classes of outputs with positions, names of classes, outputs without samples.

use std::process::{Command, Output};

use image::{GrayImage, Luma};
use ndarray::{Array2, ArrayD, Axis};
use ndarray_npy::{read_npy, write_npy};
use serde_json::Value;
use tempfile::TempDir;

/// A file of a case.
fn case(path: &str) -> String {
    format!("{}/tests/cases/{path}", env!("CARGO_MANIFEST_DIR"))
}

fn pixelwise(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pixelwise")).args(arguments).output().unwrap()
}

/// Standard error of a command that has to fail.
fn refused(arguments: &[&str]) -> String {
    let run = pixelwise(arguments);
    assert_eq!(run.status.code(), Some(1), "{arguments:?}");
    String::from_utf8(run.stderr).unwrap()
}

/// Standard output and standard error of a command that has to succeed.
fn told(arguments: &[&str]) -> (String, String) {
    let run = pixelwise(arguments);
    let (told, warned) = (String::from_utf8(run.stdout).unwrap(), String::from_utf8(run.stderr).unwrap());
    assert!(run.status.success(), "{arguments:?}: {warned}");
    (told, warned)
}

/// A network of one convolution, 1 × 6 × 6 to 3 × 6 × 6, and what is made of it.
mod segmentation {
    use super::*;

    struct Segmentation(TempDir);

    impl Segmentation {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> String {
            self.0.path().join(name).to_str().unwrap().to_owned()
        }

        fn arguments<'a>(&self, verb: &'a str, options: &[&'a str]) -> Vec<String> {
            let input = [case("segmentation-output/model.onnx"), case("segmentation-output/x.npy")];
            let options = options.iter().map(|&option| option.to_owned());
            [verb.to_owned()].into_iter().chain(input).chain(options).collect()
        }

        /// The text and the relevance of an explanation with the rule of Eq. 56.
        fn explain(&self, options: &[&str]) -> (String, ArrayD<f64>) {
            let (relevance, output) = (self.path("relevance.npy"), self.path("output"));
            let rule = ["--rule", "lrp-0", "--dtype", "f64", "--relevance", &relevance, "--output", &output];
            let arguments = self.arguments("explain", &[&rule, options].concat());
            let text = told(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).0;
            (text, read_npy(relevance).unwrap())
        }

        fn refused(&self, verb: &str, options: &[&str]) -> String {
            let output = self.path("output");
            let arguments = self.arguments(verb, &[&["--output", &output], options].concat());
            refused(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
        }

        fn record(&self) -> Value {
            serde_json::from_slice(&std::fs::read(self.path("output/x-0.json")).unwrap()).unwrap()
        }

        fn mask(&self, name: &str, inside: impl Fn(usize, usize) -> bool) -> String {
            let path = self.path(name);
            if name.ends_with(".npy") {
                write_npy(&path, &Array2::from_shape_fn((6, 6), |(row, column)| inside(row, column))).unwrap();
            } else {
                let pixel = |x: u32, y: u32| Luma([if inside(y as usize, x as usize) { 255 } else { 0 }]);
                GrayImage::from_fn(6, 6, pixel).save(&path).unwrap();
            }
            path
        }
    }

    fn assert_close(found: &ArrayD<f64>, expected: &ArrayD<f64>) {
        assert_eq!(found.shape(), expected.shape());
        let largest = expected.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-6 * largest, "{found} where {expected} is right");
        }
    }

    fn right() -> ArrayD<f64> {
        read_npy::<_, ArrayD<f32>>(case("segmentation-output/right.npy")).unwrap().mapv(f64::from)
    }

    #[test]
    fn a_position_is_what_initial_relevance_there_gives() {
        let segmentation = Segmentation::new();
        assert_close(&segmentation.explain(&["--initial", &case("segmentation-output/initial.npy")]).1, &right());
        let (text, relevance) = segmentation.explain(&["--target", "2@3,4"]);
        assert_close(&relevance, &right());
        assert!(text.contains("2@3-4: class 2, at position 3,4 of 6 × 6, score 1.59235"), "{text}");
        for mask in ["mask.npy", "mask.png"] {
            let path = segmentation.mask(mask, |row, column| (row, column) == (3, 4));
            let (text, relevance) = segmentation.explain(&["--target", &format!("2@{path}")]);
            assert_close(&relevance, &right());
            assert!(text.contains(&format!("class 2, summed over 1 of 6 × 6 positions, under {mask}")), "{text}");
        }
    }

    #[test]
    fn a_class_is_the_sum_of_its_positions() {
        let segmentation = Segmentation::new();
        let (text, whole) = segmentation.explain(&["--target", "2"]);
        assert!(text.contains("2: class 2, summed over 6 × 6 positions, score 21.6608"), "{text}");
        let mut sum = ArrayD::zeros(whole.raw_dim());
        for upper in [true, false] {
            let mask = segmentation.mask("half.npy", |row, _| (row < 2) == upper);
            sum += &segmentation.explain(&["--target", &format!("2@{mask}")]).1;
        }
        assert_close(&whole, &sum);
        let record = segmentation.record();
        assert!((whole.sum() - record["top"][1]["score"].as_f64().unwrap()).abs() < 1e-6);
    }

    #[test]
    fn classes_are_ranked_by_their_sums_and_it_is_said() {
        let segmentation = Segmentation::new();
        let (text, _) = segmentation.explain(&[]);
        assert!(text.contains("class  score, summed over 6 × 6 positions\n    1"), "{text}");
        assert!(text.contains("predicted: class 1, summed over 6 × 6 positions, score 21.6853"), "{text}");
        let record = segmentation.record();
        let ranked: Vec<u64> =
            record["top"].as_array().unwrap().iter().map(|class| class["class"].as_u64().unwrap()).collect();
        assert_eq!(ranked, [1, 2, 0]);
        assert_eq!(record["targets"][0]["positions"], "summed over 6 × 6 positions");
        let [model, x] = ["segmentation-output/model.onnx", "segmentation-output/x.npy"].map(case);
        let (text, _) = told(&["run", &model, &x, "--top", "1"]);
        assert!(text.contains("summed over 6 × 6 positions\n         21.6853  1\n"), "{text}");
        let sheet = segmentation.path("sheet.png");
        let (text, _) = told(&["compare", &model, &x, "--rules", "lrp-0", "--output", &sheet]);
        assert!(text.contains("class 1, summed over 6 × 6 positions, score 21.6853"), "{text}");
    }

    #[test]
    fn the_class_axis_is_said_or_told_by_the_number_of_names() {
        let segmentation = Segmentation::new();
        let logits: ArrayD<f64> = {
            let [model, x] = ["segmentation-output/model.onnx", "segmentation-output/x.npy"].map(case);
            let path = segmentation.path("logits.npy");
            told(&["run", &model, &x, "--dtype", "f64", "--output-array", &path]);
            read_npy(path).unwrap()
        };
        let names = segmentation.path("six.txt");
        std::fs::write(&names, "a\nb\nc\nd\ne\nf\n").unwrap();
        let column = logits.index_axis(Axis(3), 5).sum();
        for options in [["--class-axis", "3"], ["--labels", &names]] {
            let (text, relevance) = segmentation.explain(&[&["--target", "5"], &options[..]].concat());
            assert!(text.contains("summed over 3 × 6 positions"), "{text}");
            assert!((relevance.sum() - column).abs() < 1e-9);
        }
    }

    #[test]
    fn what_the_output_has_not_is_refused_with_what_it_has() {
        let segmentation = Segmentation::new();
        for verb in ["explain", "compare"] {
            let message = segmentation.refused(verb, &["--target", "68"]);
            assert!(message.contains("3 classes along axis 1 of its output, counted from 0 to 2"), "{message}");
            assert!(segmentation.refused(verb, &["--target", "2@6,0"]).contains("6 × 6 positions"));
            assert!(segmentation.refused(verb, &["--class-axis", "4"]).contains("axis 1 to 3"));
        }
        let empty = segmentation.mask("empty.png", |_, _| false);
        assert!(segmentation.refused("explain", &["--target", &format!("0@{empty}")]).contains("zero everywhere"));
        assert!(segmentation.refused("evaluate", &["--target", "0@1,1"]).contains("leave @ out"));
    }

    #[test]
    fn measures_count_classes() {
        let segmentation = Segmentation::new();
        let output = segmentation.path("evaluation");
        let options = ["--measure", "completeness", "--rule", "lrp-0", "--target", "2", "--output", &output];
        let arguments = segmentation.arguments("evaluate", &options);
        let (text, _) = told(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(text.contains("the score of a class is summed over 6 × 6 positions"), "{text}");
        assert!(segmentation.refused("evaluate", &["--target", "68"]).contains("3 classes"));
    }
}

#[test]
fn an_output_without_samples_is_refused_by_every_verb() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output").to_str().unwrap().to_owned();
    let [model, input] = ["model.onnx", "input.npy"].map(|file| case(&format!("compare-without-batch-axis/{file}")));
    for verb in ["explain", "compare", "evaluate"] {
        let message = refused(&[verb, &model, &input, "--output", &output]);
        assert!(message.contains("shape [3]") && message.contains("the 14 samples"), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

mod names {
    use super::*;

    fn names(file: &str) -> [String; 4] {
        let [model, x, names] = ["model.onnx", "x.npy", file].map(|file| case(&format!("class-names-twice/{file}")));
        [model, x, "--labels".to_owned(), names]
    }

    #[test]
    fn a_name_of_two_classes_is_refused_with_both_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("output").to_str().unwrap().to_owned();
        let [model, x, option, names] = names("labels.txt");
        for verb in ["explain", "compare", "evaluate"] {
            let message = refused(&[verb, &model, &x, &option, &names, "--target", "crane", "--output", &output]);
            assert!(message.contains("\"crane\": 0, 2; give the number"), "{message}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("output").to_str().unwrap().to_owned();
        let [model, x, option, names] = names("bom.txt");
        let (text, warned) = told(&["explain", &model, &x, &option, &names, "--target", "tench", "--output", &output]);
        assert!(text.contains("tench: class 0 tench"), "{text}");
        assert_eq!(warned, "");
    }

    #[test]
    fn a_target_by_name_is_refused_where_names_are_not_as_many_as_classes() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("output").to_str().unwrap().to_owned();
        let [model, x, option, names] = names("many.txt");
        for verb in ["explain", "compare", "evaluate"] {
            let message = refused(&[verb, &model, &x, &option, &names, "--target", "tench", "--output", &output]);
            assert!(message.contains("5 names, from \"background\" to"), "{message}");
            assert!(message.contains("give the target by its number"), "{message}");
        }
    }

    #[test]
    fn another_number_of_names_than_of_classes_deserves_a_word() {
        for (file, count) in [("few.txt", "3 names"), ("many.txt", "5 names")] {
            let [model, x, option, names] = names(file);
            let (_, warned) = told(&["run", &model, &x, &option, &names]);
            assert!(warned.contains(count) && warned.contains("4 classes"), "{warned}");
            assert_eq!(warned.contains("background"), file == "many.txt");
        }
    }
}
