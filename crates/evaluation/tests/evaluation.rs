//! Runs over many samples: stopped and resumed, on any number of threads, summed up.

use evaluation::{CurveTarget, Direction, Evaluation, Measure, Sample, measures};
use ndarray::Array2;
use relevance::ExplainError;

use toy::{PIXELS, Plain, Toy};

#[allow(dead_code, reason = "what plain definitions need is needed elsewhere")]
mod toy;

fn several() -> Vec<Box<dyn Measure>> {
    let mut measures = measures::all();
    measures.retain(|measure| measure.name() != "top-k-intersection");
    measures.push("top-k-intersection=k:3".parse().expect("a measure"));
    measures.push("pixel-flipping=order:random,replacement:uniform-noise".parse().expect("a measure"));
    measures
}

fn only(text: &str) -> Vec<Box<dyn Measure>> {
    vec![text.parse().expect("a measure")]
}

fn sample(number: usize) -> Result<Sample, ExplainError> {
    let plain = Plain::new(number as u64);
    Ok(Sample { input: plain.input, target: plain.target, mask: Some(plain.mask) })
}

fn unwatched(_: &Evaluation) -> Result<(), evaluation::Error> {
    Ok(())
}

fn evaluated(samples: usize) -> Evaluation {
    let mut evaluation = Evaluation::new(&several(), samples);
    evaluation.run_randomizable(&several(), &Toy::new(0), &sample, unwatched).expect("evaluated");
    evaluation
}

#[derive(Debug)]
enum Stop {
    Asked,
    Failed,
}

impl From<evaluation::Error> for Stop {
    fn from(_: evaluation::Error) -> Self {
        Self::Failed
    }
}

#[test]
fn a_run_that_was_stopped_goes_on_where_it_was() {
    let whole = evaluated(10);
    let mut within_a_sample = 0;
    for calls in [1, 2, 5, 30, 77] {
        let (mut kept, mut left) = (Vec::new(), calls);
        let mut evaluation = Evaluation::new(&several(), 10);
        let stopped = evaluation.run_randomizable(&several(), &Toy::new(0), &sample, |evaluation| {
            left -= 1;
            kept = serde_json::to_vec(evaluation).expect("written");
            if left == 0 { Err(Stop::Asked) } else { Ok(()) }
        });
        assert!(matches!(stopped, Err(Stop::Asked)));
        let mut evaluation: Evaluation = serde_json::from_slice(&kept).expect("read");
        let (before, done) = (evaluation.finished(), evaluation.passes());
        assert!(before < 10 && done > 0);
        within_a_sample += usize::from(evaluation.growing(0).is_some());
        let again = |number: usize| {
            assert!(number >= before, "sample {number} is judged already");
            sample(number)
        };
        let mut heard = Vec::new();
        let hear = |evaluation: &Evaluation| {
            heard.push(evaluation.passes());
            Ok::<(), evaluation::Error>(())
        };
        evaluation.run_randomizable(&several(), &Toy::new(0), &again, hear).expect("evaluated");
        assert_eq!(evaluation, whole);
        assert!(heard[0] >= done);
        assert!(heard.is_sorted());
    }
    assert!(within_a_sample > 2);

    let error = evaluated(2).run(&only("sparseness"), &Toy::new(0), &sample, unwatched).expect_err("other measures");
    assert!(error.to_string().contains("can't be continued as one of sparseness"), "{error}");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let with_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        serde_json::to_vec(&pool.install(|| evaluated(20))).expect("written")
    };
    let one = with_threads(1);
    assert_eq!(one, with_threads(2));
    assert_eq!(one, with_threads(5));
}

#[test]
fn what_is_drawn_is_drawn_anew_for_each_sample() {
    let same = |_: usize| sample(0);
    let measures: Vec<Box<dyn Measure>> =
        ["pixel-flipping=order:random", "pixel-flipping=replacement:uniform-noise", "max-sensitivity=nr-samples:3"]
            .map(|text| text.parse().expect("a measure"))
            .into();
    let mut evaluation = Evaluation::new(&measures, 2);
    evaluation.run(&measures, &Toy::new(0), &same, unwatched).expect("evaluated");
    for (position, measure) in measures.iter().enumerate() {
        let values = evaluation.values(position);
        assert_ne!(values[0], values[1], "{measure}");
    }
}

#[test]
fn failures_name_the_sample() {
    let failed = |text: &str, sample: &(dyn Fn(usize) -> Result<Sample, ExplainError> + Sync)| {
        let measures = only(text);
        Evaluation::new(&measures, 5).run(&measures, &Toy::new(0), sample, unwatched).expect_err("broken")
    };
    let source = |error: &evaluation::Error| std::error::Error::source(error).map(ToString::to_string);

    let error = failed("complexity", &|number| if number == 3 { Err("no such file".into()) } else { sample(number) });
    assert_eq!((error.to_string().as_str(), source(&error).as_deref()), ("sample 3", Some("no such file")));

    let error = failed("pointing-game", &|number| sample(number).map(|sample| Sample { mask: None, ..sample }));
    let expected = "pointing-game needs a mask of each sample, and sample 0 has none";
    assert_eq!(source(&error).as_deref(), Some(expected));

    let error = failed("top-k-intersection", &sample);
    let expected = "top-k-intersection: k = 1000 is more than the 20 pixels of the input: top-k-intersection=k:100";
    assert_eq!(source(&error).as_deref(), Some(expected));

    let error = failed("sparseness", &|number| sample(number).map(|sample| Sample { target: 3, ..sample }));
    assert_eq!(error.to_string(), "sample 0");

    let error = failed("model-parameter-randomisation", &sample);
    assert!(error.to_string().starts_with("model-parameter-randomisation compares"), "{error}");
}

#[test]
fn mean_curves_follow_the_target_a_class_or_the_best_other() {
    let evaluation = evaluated(7);
    let curves: Vec<(usize, Array2<f64>)> = evaluation
        .samples()
        .iter()
        .flatten()
        .map(|judged| (judged.target, judged.outcomes[0].curve.as_ref().expect("a curve").values.clone()))
        .collect();
    type Followed<'a> = (CurveTarget, &'a dyn Fn(usize, &[f64]) -> f64);
    let best_other = |target: usize, row: &[f64]| {
        let others = row.iter().enumerate().filter(|(class, _)| *class != target);
        others.map(|(_, &score)| score).fold(f64::NEG_INFINITY, f64::max)
    };
    let follow: [Followed<'_>; 3] = [
        (CurveTarget::Target, &|target, row| row[target]),
        (CurveTarget::Class(1), &|_, row| row[1]),
        (CurveTarget::BestOther, &best_other),
    ];
    for (follow, value) in follow {
        let found = evaluation.mean_curve(0, follow).expect("a curve");
        assert_eq!(found.values.len(), PIXELS + 1);
        for (step, estimate) in found.values.iter().enumerate() {
            let values = curves.iter().map(|(target, values)| value(*target, &values.row(step).to_vec()));
            assert_eq!((estimate.samples, estimate.mean), (7, values.sum::<f64>() / 7.0));
        }
    }
    assert_eq!(evaluation.mean_curve(0, CurveTarget::Class(3)), None);
    let position = |name: &str| evaluation.measures().iter().position(|text| text == name).expect("a measure");
    assert_eq!(evaluation.mean_curve(position("sparseness"), CurveTarget::Target), None);
    let layers =
        evaluation.mean_curve(position("model-parameter-randomisation"), CurveTarget::Target).expect("a curve");
    assert_eq!(layers.values.len(), 3);
}

#[test]
fn a_perfect_order_is_better_than_a_random_one_on_average() {
    // For a linear score, flipping the highest first is the fastest way down.
    let texts =
        ["highest", "random", "lowest"].map(|order| format!("pixel-flipping=replacement:inversion,order:{order}"));
    let measures: Vec<Box<dyn Measure>> = texts.iter().map(|text| text.parse().expect("a measure")).collect();
    let mut evaluation = Evaluation::new(&measures, 30);
    evaluation.run(&measures, &Toy::new(0), &sample, unwatched).expect("evaluated");
    let means = [0, 1, 2].map(|measure| evaluation.estimate(measure).expect("values").mean);
    assert!(means[0] < means[1] && means[1] < means[2], "{means:?}");
    assert_eq!((measures[0].better(), measures[2].better()), (Direction::Lower, Direction::Higher));
}
