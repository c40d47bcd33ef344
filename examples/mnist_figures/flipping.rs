//! Flipping the pixels of many digits, and watching the scores: what Figs 18 to 22 have in common.

use std::num::NonZeroUsize;

use evaluation::measures::PixelFlipping;
use evaluation::{
    CurveAxis, CurveTarget, Evaluation, FlipOrder, MeanCurve, Measure, PixelSubset, Replacement, Sample, Score,
};
use indicatif::{ProgressBar, ProgressStyle};
use ndarray::{Array2, Axis};
use neural_lrp::methods::Method;
use neural_lrp::{Attribution, Composite, NetworkClassifier};
use relevance::ExplainError;
use report::Plot;

use crate::figure::Numbers;
use crate::networks::{DigitNetwork, Kind, equation_56};
use crate::{Outcome, Study};

/// Pixels that are flipped at each step: 1 % of 784, 2 %, or 5 %, nearly.
pub const ONE_PERCENT: NonZeroUsize = NonZeroUsize::new(8).unwrap();
pub const TWO_PERCENT: NonZeroUsize = NonZeroUsize::new(16).unwrap();
const FIVE_PERCENT: NonZeroUsize = NonZeroUsize::new(40).unwrap();

/// Where "10 % are flipped" is read off: 80 of 784 pixels, a step of all three.
const TENTH: f64 = 80.0 / 784.0;

/// A digit, and the class whose relevance is asked for.
#[derive(Clone, Copy)]
pub struct Digit {
    index: usize,
    target: u8,
}

impl Study {
    /// The digits of a class, as many as the figures take.
    pub fn chosen(&self, label: u8, target: u8) -> Vec<Digit> {
        self.digits.of_class(label).take(self.samples).map(|index| Digit { index, target }).collect()
    }
}

/// What explains, and in what steps pixels are flipped by it.
pub struct Explaining {
    pub name: &'static str,
    attribution: Attribution,
    pub step: NonZeroUsize,
}

/// Eq. 56 in small steps, and what it is compared with in larger ones.
pub fn explaining(step: NonZeroUsize) -> Outcome<[Explaining; 4]> {
    let compared = |name, attribution| Explaining { name, attribution, step: FIVE_PERCENT };
    Ok([
        Explaining { name: "LRP (Eq. 56)", attribution: equation_56()?, step },
        compared("LRP ε = 0.01", Composite::named("figure-25-epsilon-0.01")?.into()),
        compared("gradient", Method::Gradient.into()),
        compared("input × gradient", Method::InputXGradient.into()),
    ])
}

/// The paper's flipping, `pixel · (−1)`, in an order.
pub fn flipping(order: FlipOrder, pixels: PixelSubset, features_in_step: NonZeroUsize) -> Box<dyn Measure> {
    let replacement = Replacement::Inversion;
    Box::new(PixelFlipping {
        features_in_step: features_in_step.into(),
        order,
        pixels,
        replacement,
        ..PixelFlipping::default()
    })
}

/// Flips the pixels of all digits, in the network rect.
pub fn evaluate(
    study: &Study,
    digits: &[Digit],
    explaining: &Explaining,
    measures: &[Box<dyn Measure>],
    figure: u8,
) -> Outcome<Evaluation> {
    // 32 bits are enough for curves, and twice as fast.
    let network = DigitNetwork::<f32>::read(&study.models, Kind::Rect)?;
    let classifier = NetworkClassifier::new(network.explainer.clone(), &[28 * 28], explaining.attribution.clone())?;
    let sample = |number: usize| -> Result<Sample, ExplainError> {
        let Digit { index, target } = digits[number];
        let ink = study.digit(index);
        let input = network.inputs(ink.insert_axis(Axis(0))).index_axis_move(Axis(0), 0).mapv(f64::from);
        // A digit's pixels are those more black than white.
        let mask = Array2::from_shape_vec((1, ink.len()), ink.iter().map(|&ink| ink > 127).collect())?;
        Ok(Sample { input: input.into_dyn(), target: target.into(), mask: Some(mask) })
    };
    let bar = ProgressBar::new(digits.len() as u64).with_prefix(format!("Fig. {figure}, {}", explaining.name));
    bar.set_style(ProgressStyle::with_template("{prefix:28} {bar:32} {pos}/{len}, {elapsed} of about {duration}")?);
    let mut evaluation = Evaluation::new(measures, digits.len());
    evaluation.run(measures, &classifier, &sample, |evaluation| {
        bar.set_position(evaluation.finished() as u64);
        Ok::<(), evaluation::Error>(())
    })?;
    bar.finish_and_clear();
    Ok(evaluation)
}

/// What was found of each digit.
pub fn judged(evaluation: &Evaluation) -> impl Iterator<Item = &Score> {
    evaluation.samples().iter().flatten()
}

/// A mean curve: percent of flipped pixels, and a mean score.
#[derive(Clone, Default)]
pub struct Points(Vec<(f64, f64)>);

impl Points {
    pub fn of(evaluation: &Evaluation, measure: usize, follow: CurveTarget) -> Self {
        match evaluation.mean_curve(measure, follow) {
            Some(MeanCurve { along: CurveAxis::Share(shares), values }) => {
                Self(shares.iter().zip(values).map(|(share, estimate)| (100.0 * share, estimate.mean)).collect())
            }
            _ => Self::default(),
        }
    }

    /// How far the score has fallen when a tenth of the pixels is flipped.
    pub fn fall(&self) -> f64 {
        let from = |percent: f64| self.0.iter().find(|point| point.0 >= percent - 1e-9);
        from(0.0).zip(from(100.0 * TENTH)).map_or(f64::NAN, |(whole, flipped)| whole.1 - flipped.1)
    }

    pub fn curve(&self, name: impl Into<String>) -> report::Curve {
        report::Curve::new(name, self.0.iter().copied())
    }

    /// Writes a row for each point, as [`numbers`] has them.
    pub fn write(&self, numbers: &mut Numbers, explaining: &str, digits: &str, order: FlipOrder, class: &str) {
        for (percent, score) in &self.0 {
            let (percent, score) = (format!("{percent:.3}"), format!("{score:.5}"));
            numbers.row([explaining, digits, &order.to_string(), class, &percent, &score]);
        }
    }
}

/// A table of mean curves.
pub fn numbers() -> Numbers {
    Numbers::new("explanation,digits,order,class,percent flipped,mean score")
}

/// A plot of mean curves.
pub fn plot(title: &str) -> Plot {
    Plot::new(title, "flipped pixels (%)", "mean linear score")
}
