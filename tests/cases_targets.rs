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
            let output = self.path(&format!("{verb}-output"));
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
    fn a_contrast_is_the_difference_of_two_maps() {
        let segmentation = Segmentation::new();
        let of = |options: &[&str]| segmentation.explain(options);
        let maps: Vec<ArrayD<f64>> = ["0", "1", "2"].iter().map(|class| of(&["--target", class]).1).collect();
        let (text, against) = of(&["--target", "2", "--against", "0"]);
        assert_close(&against, &(&maps[2] - &maps[0]));
        assert!(text.contains("class 2, summed over 6 × 6 positions, score 21.6608, minus class 0 "), "{text}");
        let record = segmentation.record();
        let value = record["targets"][0]["measured"]["value"].as_f64().unwrap();
        assert!((value - against.sum()).abs() < 1e-6, "{value}");
        let (text, others) = of(&["--target", "2", "--against", "others"]);
        assert_close(&others, &(&maps[2] - (&maps[0] + &maps[1]) / 2.0));
        assert!(text.contains("minus the mean of all others"), "{text}");
        let at = of(&["--target", "2@3,4", "--against", "0"]).1;
        assert_close(&at, &(of(&["--target", "2@3,4"]).1 - of(&["--target", "0@3,4"]).1));
        assert!(segmentation.refused("explain", &["--target", "2", "--against", "2"]).contains("class itself"));
        assert!(segmentation.refused("explain", &["--target", "2", "--against", "7"]).contains("counted from 0 to 2"));
    }

    #[test]
    fn a_reference_is_where_scores_count_from() {
        let segmentation = Segmentation::new();
        let (text, counted) = segmentation.explain(&["--target", "2@3,4", "--reference", "-1.5"]);
        let score = segmentation.record()["targets"][0]["class"]["score"].as_f64().unwrap();
        assert_close(&counted, &(right() * ((score + 1.5) / score)));
        assert!(text.contains("score 1.59235, counted from -1.50000 3.09235"), "{text}");
        assert!(segmentation.path("output").len() > 1);
        let record = segmentation.record();
        assert_eq!(record["targets"][0]["target"], "2@3-4-from--1.5");
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

/// Two digits and a network, which has features on its way.
mod features {
    use super::*;

    struct Digits {
        folder: TempDir,
        model: String,
        pair: String,
    }

    impl Digits {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/neural/lenet5");
            let images: ArrayD<f32> = read_npy(format!("{root}/input.npy")).unwrap();
            let pair = folder.path().join("pair.npy");
            write_npy(&pair, &images.slice_axis(Axis(0), ndarray::Slice::from(0..2))).unwrap();
            let pair = pair.to_str().unwrap().to_owned();
            Self { folder, model: format!("{root}/model.onnx"), pair }
        }

        /// What an explanation of both tells, and their relevance.
        fn explain(&self, options: &[&str]) -> (Value, ArrayD<f64>) {
            let path = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
            let (relevance, output) = (path("relevance.npy"), path("output"));
            let to = ["explain", &self.model, &self.pair, "--relevance", &relevance, "--output", &output, "--json"];
            let (told, _) = told(&[&to[..], &["--dtype", "f64", "--rule", "epsilon=1e-9"], options].concat());
            (serde_json::from_str(&told).unwrap(), read_npy(relevance).unwrap())
        }
    }

    #[test]
    fn a_similarity_has_a_map_of_each_input_that_sums_up_to_it() {
        let digits = Digits::new();
        let (told, relevance) = digits.explain(&["--similarity", "dot"]);
        let ledger = |row: usize| told["inputs"][row]["targets"][0].clone();
        let values = [0, 1].map(|row| ledger(row)["measured"]["value"].as_f64().unwrap());
        assert!((values[0] - values[1]).abs() < 1e-9 * values[0].abs());
        assert_eq!(ledger(0)["measured"]["how"], "dot similarity");
        assert_eq!(told["inputs"][0]["top"], serde_json::json!([]));
        // It is what the maps of all scores make together, each times the other's score.
        let classes: Vec<(Vec<f64>, ArrayD<f64>)> = (0..10)
            .map(|class| {
                let (told, map) = digits.explain(&["--target", &class.to_string()]);
                let score = |row: usize| told["inputs"][row]["targets"][0]["class"]["score"].as_f64().unwrap();
                (vec![score(0), score(1)], map)
            })
            .collect();
        let dot: f64 = classes.iter().map(|(scores, _)| scores[0] * scores[1]).sum();
        assert!((values[0] - dot).abs() < 1e-6 * dot.abs());
        let norms = [0, 1].map(|row| classes.iter().map(|(scores, _)| scores[row].powi(2)).sum::<f64>().sqrt());
        for row in [0, 1] {
            let mut sum = ArrayD::zeros(relevance.index_axis(Axis(0), row).raw_dim());
            for (scores, map) in &classes {
                sum += &(&map.index_axis(Axis(0), row) * scores[1 - row]);
            }
            let own = relevance.index_axis(Axis(0), row);
            let largest = sum.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
            assert!(own.iter().zip(&sum).all(|(own, sum)| (own - sum).abs() < 1e-6 * largest));
        }
        let (told, cosine) = digits.explain(&["--similarity", "cosine"]);
        let value = told["inputs"][0]["targets"][0]["measured"]["value"].as_f64().unwrap();
        assert!((value - dot / norms[0] / norms[1]).abs() < 1e-6);
        assert!((cosine.sum() - relevance.sum() / norms[0] / norms[1]).abs() < 1e-6);
    }

    #[test]
    fn a_tensor_on_the_way_is_explained_as_it_is() {
        let digits = Digits::new();
        let [model, pair] = [&digits.model, &digits.pair];
        let described = told(&["inspect", model, "--json"]).0;
        let described: Value = serde_json::from_str(&described).unwrap();
        let nodes = described["nodes"].as_array().unwrap();
        let conv = nodes.iter().find(|node| node["operation"] == "Conv").unwrap()["tensor"].as_str().unwrap();
        let (told, relevance) = digits.explain(&["--output-name", conv, "--target", "3@2,5"]);
        let input = &told["inputs"][0];
        assert_eq!(input["explained"], conv);
        assert!(input["targets"][0]["positions"].as_str().unwrap().starts_with("at position 2,5 of"));
        // Only what one position of a 5 × 5 filter sees has relevance.
        let seen = relevance.index_axis(Axis(0), 0).iter().filter(|value| **value != 0.0).count();
        assert!((1..=25).contains(&seen), "{seen}");
        let output = digits.folder.path().join("output");
        let message =
            refused(&["explain", model, pair, "--output-name", "conv7", "--output", output.to_str().unwrap()]);
        assert!(message.contains("computes no tensor of this name"), "{message}");
    }

    #[test]
    fn a_similarity_takes_two_inputs() {
        let digits = Digits::new();
        let output = digits.folder.path().join("output").to_str().unwrap().to_owned();
        let single = case("segmentation-output/x.npy");
        let model = case("segmentation-output/model.onnx");
        let message = refused(&["explain", &model, &single, "--similarity", "dot", "--output", &output]);
        assert!(message.contains("--similarity is of two inputs; 1 can"), "{message}");
        let conflict = pixelwise(&["explain", &model, &single, "--similarity", "dot", "--target", "1"]);
        assert_eq!(conflict.status.code(), Some(2));
    }
}

#[test]
fn an_output_without_samples_is_refused_by_every_verb() {
    let folder = tempfile::tempdir().unwrap();
    let [model, input] = ["model.onnx", "input.npy"].map(|file| case(&format!("compare-without-batch-axis/{file}")));
    for verb in ["explain", "compare", "evaluate"] {
        let output = folder.path().join(verb).to_str().unwrap().to_owned();
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
        let [model, x, option, names] = names("labels.txt");
        for verb in ["explain", "compare", "evaluate"] {
            let output = folder.path().join(verb).to_str().unwrap().to_owned();
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
        let [model, x, option, names] = names("many.txt");
        for verb in ["explain", "compare", "evaluate"] {
            let output = folder.path().join(verb).to_str().unwrap().to_owned();
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
