//! Each measure against its plain definition, written a second time.

use std::sync::Mutex;

use evaluation::measures::{self, relative_change};
use evaluation::{CurveAxis, Measure, Setting, rank_correlation, structural_similarity};
use ndarray::{Array1, Array2, ArrayD, ArrayViewD, Axis};
use proptest::prelude::*;
use relevance::{ExplainError, ExplainableClassifier, Explanation};

use toy::{PIXELS, Plain, SHAPE, Toy, wave};

mod toy;

fn trapezoid(heights: &[f64]) -> f64 {
    let inner: f64 = heights[1..heights.len() - 1].iter().sum();
    (inner + (heights[0] + heights[heights.len() - 1]) / 2.0) / (heights.len() - 1) as f64
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
}

fn plains() -> impl Iterator<Item = Plain> {
    (0..6).map(Plain::new)
}

#[test]
fn pixel_flipping_is_the_mean_height_of_the_scores() {
    for plain in plains() {
        let (ranking, black) = (plain.ranking(), plain.smallest());
        close(plain.value("pixel-flipping"), trapezoid(&plain.scores_along(&ranking, |_| black)));
        let inverted = plain.scores_along(&ranking, |value| -value);
        let curve = plain.outcome("pixel-flipping=replacement:inversion").curve.expect("a curve");
        assert_eq!(curve.along, CurveAxis::Share((0..=PIXELS).map(|count| count as f64 / PIXELS as f64).collect()));
        curve.values.column(plain.target).iter().zip(&inverted).for_each(|(found, expected)| close(*found, *expected));
        // The scores of all targets, not of the explained one alone.
        let last = plain.toy.scores(&[(-&plain.input).view()]).expect("scored");
        last.iter().zip(curve.values.row(PIXELS)).for_each(|(expected, found)| close(*found, *expected));

        let backward: Vec<usize> = ranking.iter().rev().copied().collect();
        let lowest = trapezoid(&plain.scores_along(&backward, |value| -value));
        close(plain.value("pixel-flipping=order:lowest,replacement:inversion"), lowest);
        let mut neutral: Vec<usize> = (0..PIXELS).collect();
        neutral.sort_by(|&a, &b| plain.of_pixels[a].abs().total_cmp(&plain.of_pixels[b].abs()));
        let nearest = trapezoid(&plain.scores_along(&neutral, |value| -value));
        close(plain.value("pixel-flipping=order:nearest-zero,replacement:inversion"), nearest);
    }
}

#[test]
fn only_pixels_in_or_out_of_the_mask_are_flipped() {
    for plain in plains() {
        for (text, inside) in [("in-mask", true), ("out-of-mask", false)] {
            let some: Vec<usize> =
                plain.ranking().into_iter().filter(|&pixel| plain.in_mask[pixel] == inside).collect();
            let text = format!("pixel-flipping=pixels:{text},replacement:inversion");
            close(plain.value(&text), trapezoid(&plain.scores_along(&some, |value| -value)));
        }
    }
}

#[test]
fn several_pixels_in_a_step_skip_what_is_between() {
    for plain in plains() {
        let all = plain.outcome("pixel-flipping").curve.expect("a curve").values;
        let some = plain.outcome("pixel-flipping=features-in-step:7").curve.expect("a curve");
        assert_eq!(some.along, CurveAxis::Share(vec![0.0, 0.35, 0.7, 1.0]));
        let found = some.values.iter();
        found.zip(&all.select(Axis(0), &[0, 7, 14, 20])).for_each(|(found, expected)| close(*found, *expected));
    }
}

#[test]
fn region_perturbation_is_the_mean_fall() {
    for plain in plains() {
        // Squares of 2 over 5 × 4: one row is missing to 6, at the bottom.
        let square = |row: usize, column: usize| -> Vec<usize> {
            let rows = 2 * row..(2 * row + 2).min(5);
            rows.flat_map(|row| [row * 4 + 2 * column, row * 4 + 2 * column + 1]).collect()
        };
        let mut squares: Vec<Vec<usize>> = (0..6).map(|number| square(number / 2, number % 2)).collect();
        let sum = |pixels: &Vec<usize>| pixels.iter().map(|&pixel| plain.of_pixels[pixel]).sum::<f64>();
        let aopc = |squares: &[Vec<usize>]| {
            let falls = (0..=squares.len()).map(|count| {
                let changed = plain.changed(&squares[..count].concat(), |_| plain.smallest());
                plain.score(&plain.input) - plain.score(&changed)
            });
            falls.sum::<f64>() / (squares.len() + 1) as f64
        };
        squares.sort_by(|a, b| sum(b).total_cmp(&sum(a)));
        close(plain.value("region-perturbation=patch-size:2"), aopc(&squares));
        close(plain.value("region-perturbation=patch-size:2,regions-evaluation:3"), aopc(&squares[..3]));
        squares.reverse();
        close(plain.value("region-perturbation=patch-size:2,order:lerf"), aopc(&squares));
    }
}

#[test]
fn deletion_and_insertion_go_opposite_ways() {
    for plain in plains() {
        let (ranking, gray) = (plain.ranking(), |_| 0.25);
        let deleted = trapezoid(&plain.scores_along(&ranking, gray));
        close(plain.value("deletion=steps:20,replacement:constant=0.25/0.25"), deleted);
        let inserted = (0..=PIXELS).map(|count| plain.score(&plain.changed(&ranking[count..], gray)));
        let inserted = trapezoid(&inserted.collect::<Vec<f64>>());
        close(plain.value("insertion=steps:20,replacement:constant=0.25/0.25"), inserted);
        // More steps than pixels are as many as pixels.
        close(plain.value("insertion=replacement:constant=0.25/0.25"), inserted);
    }
}

#[test]
fn masks_are_counted() {
    for plain in plains() {
        let ranking = plain.ranking();
        let inside = |pixels: &[usize]| pixels.iter().filter(|&&pixel| plain.in_mask[pixel]).count() as f64;
        let size = plain.in_mask.iter().filter(|&&is_inside| is_inside).count();
        let mass: f64 = (0..PIXELS).filter(|&pixel| plain.in_mask[pixel]).map(|pixel| plain.of_pixels[pixel]).sum();
        close(plain.value("pointing-game"), inside(&ranking[..1]));
        close(plain.value("relevance-mass-accuracy"), mass / plain.of_pixels.iter().sum::<f64>());
        close(plain.value("relevance-rank-accuracy"), inside(&ranking[..size]) / size as f64);
        close(plain.value("top-k-intersection=k:5"), inside(&ranking[..5]) / 5.0);
        let nothing = Plain { mask: Array2::from_elem((5, 4), false), ..plain };
        for name in ["pointing-game", "relevance-mass-accuracy", "relevance-rank-accuracy", "top-k-intersection=k:5"] {
            assert_eq!(nothing.outcome(name).value, None, "{name}");
        }
    }
}

#[test]
fn sparseness_is_the_mean_difference_of_all_pairs_and_complexity_the_entropy() {
    for plain in plains() {
        let magnitudes: Vec<f64> = plain.relevance.iter().map(|value| value.abs()).collect();
        let (count, total) = (magnitudes.len() as f64, magnitudes.iter().sum::<f64>());
        let pairs: f64 = magnitudes.iter().flat_map(|a| magnitudes.iter().map(move |b| (a - b).abs())).sum();
        close(plain.value("sparseness"), pairs / (2.0 * count * total));
        let entropy: f64 = magnitudes.iter().map(|value| value / total * (total / value).ln()).sum();
        close(plain.value("complexity"), entropy);
    }
}

#[test]
fn completeness_compares_sums_with_scores() {
    for plain in plains() {
        let total: f64 = plain.of_pixels.iter().sum();
        let score = plain.score(&plain.input);
        let expected = |difference: f64| (total - difference).abs() / total.abs().max(difference.abs());
        close(plain.value("completeness=against:nothing"), expected(score));
        let all: Vec<usize> = (0..PIXELS).collect();
        let half = score - plain.score(&plain.changed(&all, |_| 0.5));
        close(plain.value("completeness=replacement:constant=0.5/0.5"), expected(half));
    }
}

/// A toy that keeps what it is asked to explain.
struct Watched<'a> {
    toy: &'a Toy,
    explained: Mutex<Vec<ArrayD<f64>>>,
}

impl ExplainableClassifier for Watched<'_> {
    fn targets(&self) -> usize {
        self.toy.targets()
    }

    fn channel_axis(&self) -> Option<Axis> {
        self.toy.channel_axis()
    }

    fn scores(&self, inputs: &[ArrayViewD<'_, f64>]) -> Result<Array2<f64>, ExplainError> {
        self.toy.scores(inputs)
    }

    fn explain(&self, input: ArrayViewD<'_, f64>, target: usize) -> Result<Explanation, ExplainError> {
        self.explained.lock().expect("no panic before").push(input.to_owned());
        self.toy.explain(input, target)
    }
}

/// The value of a measure, and the inputs that it had explained.
fn watched(plain: &Plain, text: &str) -> (f64, Vec<ArrayD<f64>>) {
    let measure: Box<dyn Measure> = text.parse().expect("a measure");
    let watched = Watched { toy: &plain.toy, explained: Mutex::default() };
    let outcome = measure.evaluate(&plain.case(&watched, &[])).expect("evaluated");
    (outcome.value.expect("defined"), watched.explained.into_inner().expect("no panic before"))
}

#[test]
fn robustness_is_the_largest_change_over_all_inputs_that_were_explained() {
    let length = |numbers: &ArrayD<f64>| numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
    let largest = |numbers: &ArrayD<f64>| numbers.iter().map(|number| number.abs()).fold(0.0, f64::max);
    for plain in plains() {
        let explained = |input: &ArrayD<f64>| &plain.toy.weights[plain.target] * input;
        let (value, inputs) = watched(&plain, "max-sensitivity=nr-samples:30,lower-bound:0.3");
        let change = |input: &ArrayD<f64>| length(&(&plain.relevance - explained(input))) / length(&plain.relevance);
        close(value, inputs.iter().map(change).fold(0.0, f64::max));
        assert_eq!(inputs.len(), 30);
        assert!(inputs.iter().all(|input| largest(&(input - &plain.input)) <= 0.3 + 1e-15));

        let (value, inputs) = watched(&plain, "local-lipschitz-estimate=nr-samples:30");
        let scaled = |relevance: &ArrayD<f64>| relevance / largest(relevance);
        let slope = |input: &ArrayD<f64>| {
            let change = scaled(&plain.relevance) - scaled(&explained(input));
            length(&change) / (length(&(&plain.input - input)) + 1e-10)
        };
        close(value, inputs.iter().map(slope).fold(0.0, f64::max));
        assert_eq!(inputs.len(), 30);
    }
}

#[test]
fn explanations_that_are_linear_change_with_the_noise() {
    for plain in plains() {
        // R = w x: with noise of at most r, each number changes by at most |w| r.
        let weights = &plain.toy.weights[plain.target];
        let largest = relative_change(plain.relevance.view(), (&plain.relevance + &(weights * 0.2)).view());
        let found = plain.value("max-sensitivity");
        assert!(0.0 < found && found <= largest.expect("defined"), "{found}");
        // Twice the noise of the same seed is twice the change; more copies can only add to the maximum.
        close(plain.value("max-sensitivity=lower-bound:0.4"), 2.0 * found);
        assert!(plain.value("max-sensitivity=nr-samples:20") <= found);
        assert_eq!(plain.value("max-sensitivity=lower-bound:0"), 0.0);
        assert_ne!(plain.value("max-sensitivity=seed:1"), found);
    }
}

#[test]
fn the_other_class_is_another_one() {
    for plain in plains() {
        let scaled = |relevance: &ArrayD<f64>| {
            let largest = relevance.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
            relevance.iter().map(|value| value / largest).collect::<Vec<f64>>()
        };
        let similarity = |target: usize| {
            let other = plain.toy.explain(plain.input.view(), target).expect("explained").relevance;
            structural_similarity(&scaled(&plain.relevance), &scaled(&other)).expect("finite")
        };
        let others: Vec<_> = (0..3).filter(|&target| target != plain.target).map(similarity).collect();
        for seed in 0..5 {
            assert!(others.contains(&plain.outcome(&format!("random-logit=seed:{seed}")).value));
        }
    }
}

#[test]
fn randomization_replaces_layer_after_layer() {
    for plain in plains() {
        let magnitudes: Vec<f64> = plain.relevance.iter().map(|value| value.abs()).collect();
        let correlation = |weights: &ArrayD<f64>| {
            let other: Vec<f64> = (weights * &plain.input).iter().map(|value| value.abs()).collect();
            rank_correlation(&magnitudes, &other).expect("finite").expect("defined")
        };
        // Layer t has the weights of target t.
        let kept = correlation(&plain.toy.weights[plain.target]);
        let lost = correlation(&wave(42_000.0 + plain.target as f64));
        close(kept, 1.0);
        for (order, layers) in [("top-down", [2, 1, 0]), ("bottom-up", [0, 1, 2]), ("independent", [0, 1, 2])] {
            let place = layers.iter().position(|&layer| layer == plain.target).expect("a layer");
            let is_lost = |step: usize| if order == "independent" { step == place } else { step >= place };
            let expected: Vec<f64> = (0..3).map(|step| if is_lost(step) { lost } else { kept }).collect();
            let outcome = plain.outcome(&format!("model-parameter-randomisation=layer-order:{order}"));
            let curve = outcome.curve.expect("a curve");
            assert_eq!(curve.along, CurveAxis::Layers(layers.map(|layer| format!("target {layer}")).to_vec()));
            curve.values.column(0).iter().zip(&expected).for_each(|(found, expected)| close(*found, *expected));
            close(outcome.value.expect("defined"), expected.iter().sum::<f64>() / 3.0);
        }
    }
}

#[test]
fn relevance_of_nothing_has_no_value_where_none_is_defined() {
    let plain = Plain { relevance: ArrayD::zeros(SHAPE.to_vec()), ..Plain::new(1) };
    for name in
        ["sparseness", "complexity", "max-sensitivity", "relevance-mass-accuracy", "model-parameter-randomisation"]
    {
        assert_eq!(plain.outcome(name).value, None, "{name}");
    }
}

#[test]
fn every_measure_has_a_name_and_a_question() {
    assert_eq!(measures::NAMES.len(), 15);
    for (measure, name) in measures::all().iter().zip(measures::NAMES) {
        assert_eq!(measure.name(), *name);
        assert_eq!(measure.to_string(), *name, "the defaults need not be said");
        assert!(measure.question().ends_with('?'));
    }
    for text in [
        "pixel-flipping=features-in-step:3,order:random=7,pixels:out-of-mask,replacement:blur=3,output:softmax",
        "max-sensitivity=nr-samples:10,lower-bound:0.05",
        "completeness=against:nothing",
    ] {
        assert_eq!(text.parse::<Box<dyn Measure>>().expect("a measure").to_string(), text);
    }
    let measure: Box<dyn Measure> = "top-k-intersection=k:3".parse().expect("a measure");
    let about = "How many pixels (1000, as in Quantus); an input has to have as many.";
    let expected = Setting { key: "k".to_owned(), value: "3".to_owned(), is_default: false, about };
    assert_eq!(measure.settings(), [expected]);
    let refused = |text: &str| text.parse::<Box<dyn Measure>>().expect_err("refused").to_string();
    assert!(refused("pixel-flip").contains("there are pixel-flipping, region-perturbation"));
    assert!(refused("pixel-flipping=step:1").contains("\"step\" is none of its settings, which are features-in-step"));
    assert!(refused("pixel-flipping=order:best").contains("it is highest, lowest"));
    assert!(refused("pixel-flipping=features-in-step:0").contains("features-in-step"));
    assert!(refused("pixel-flipping=order").contains("KEY:VALUE"));
    assert!(refused("sparseness=k:1").contains("it has no settings"));
    assert!(refused("max-sensitivity=lower-bound:-1").contains("0 or larger"));
}

proptest! {
    #[test]
    fn a_positive_factor_on_the_relevance_changes_nothing(seed in 0_u64..1000, factor in prop_oneof![Just(4.0), Just(0.125)]) {
        let plain = Plain::new(seed);
        let scaled = Plain { relevance: &plain.relevance * factor, ..Plain::new(seed) };
        for name in [
            "pixel-flipping", "region-perturbation=patch-size:2", "insertion", "deletion", "pointing-game",
            "relevance-mass-accuracy", "relevance-rank-accuracy", "top-k-intersection=k:4", "sparseness", "complexity",
            "random-logit", "model-parameter-randomisation",
        ] {
            let (one, other) = (plain.value(name), scaled.value(name));
            prop_assert!((one - other).abs() < 1e-12, "{} {} {}", name, one, other);
        }
    }

    #[test]
    fn values_stay_in_their_ranges(seed in 0_u64..1000) {
        let plain = Plain::new(seed);
        let within = |name: &str, low: f64, high: f64| (low..=high).contains(&plain.value(name));
        prop_assert!(within("sparseness", 0.0, 1.0));
        prop_assert!(within("complexity", 0.0, (plain.relevance.len() as f64).ln()));
        prop_assert!(within("completeness", 0.0, 2.0));
        prop_assert!(within("pointing-game", 0.0, 1.0));
        prop_assert!(within("relevance-rank-accuracy", 0.0, 1.0));
        prop_assert!(within("model-parameter-randomisation", -1.0, 1.0));
        prop_assert!(within("random-logit", -1.0, 1.0));
        prop_assert!(within("pixel-flipping=output:softmax", 0.0, 1.0));
        let parts: f64 = plain.outcome("deletion=output:softmax").curve.expect("a curve").values.row(3).sum();
        prop_assert!((parts - 1.0).abs() < 1e-12);
    }

    #[test]
    fn structural_similarity_is_the_mean_over_windows(values in prop::collection::vec((-5.0..5.0, -5.0..5.0), 2..20)) {
        let (one, other): (Vec<f64>, Vec<f64>) = values.iter().copied().unzip();
        let all: Vec<f64> = one.iter().chain(&other).copied().collect();
        let range = all.iter().copied().fold(f64::MIN, f64::max) - all.iter().copied().fold(f64::MAX, f64::min);
        let (c1, c2) = ((0.01 * range).powi(2), (0.03 * range).powi(2));
        let length = one.len().min(7);
        let within = |start: usize| {
            let places = || start..start + length;
            let mean = |line: &[f64]| places().map(|place| line[place]).sum::<f64>() / length as f64;
            // A covariance is half the mean product of the differences of all pairs.
            let covariance = |left: &[f64], right: &[f64]| {
                let pairs = places().flat_map(|i| places().map(move |j| (i, j)));
                let products = pairs.map(|(i, j)| (left[i] - left[j]) * (right[i] - right[j]));
                products.sum::<f64>() / (2 * length * (length - 1)) as f64
            };
            let (x, y) = (mean(&one), mean(&other));
            let likeness = (2.0 * x * y + c1) * (2.0 * covariance(&one, &other) + c2);
            likeness / ((x * x + y * y + c1) * (covariance(&one, &one) + covariance(&other, &other) + c2))
        };
        let starts = one.len() - length + 1;
        let expected = (0..starts).map(within).sum::<f64>() / starts as f64;
        let found = structural_similarity(&one, &other).expect("finite").expect("defined");
        prop_assert!((found - expected).abs() < 1e-12, "{} instead of {}", found, expected);
    }

    #[test]
    fn rank_correlation_is_pearsons_of_ranks(values in prop::collection::vec((-3_i8..4, -3_i8..4), 2..20)) {
        let (one, other): (Vec<f64>, Vec<f64>) = values.iter().map(|&(a, b)| (f64::from(a), f64::from(b))).unzip();
        // The rank is how many are smaller, and half of those that are equal.
        let centered_ranks = |line: &[f64]| -> Array1<f64> {
            let rank = |value: &f64| {
                let (smaller, equal) = (line.iter().filter(|other| *other < value), line.iter().filter(|other| *other == value));
                smaller.count() as f64 + equal.count() as f64 / 2.0
            };
            let ranks: Array1<f64> = line.iter().map(rank).collect();
            &ranks - ranks.mean().expect("some")
        };
        let (left, right) = (centered_ranks(&one), centered_ranks(&other));
        let scale = (left.dot(&left) * right.dot(&right)).sqrt();
        let found = rank_correlation(&one, &other).expect("finite");
        prop_assert_eq!(found.is_none(), scale == 0.0);
        if let Some(found) = found {
            prop_assert!((found - left.dot(&right) / scale).abs() < 1e-12);
        }
    }
}
