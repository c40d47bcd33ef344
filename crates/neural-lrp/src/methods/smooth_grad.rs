//! SmoothGrad.

use std::f64::consts::TAU;
use std::ops::Range;

use ndarray::{ArrayD, ArrayViewD, Axis};
use rand::{Rng, RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use relevance::Ledger;

use crate::explain::{Explained, Forward, Question};
use crate::methods::passes::explain_parts;
use crate::methods::settings::parse_setting;
use crate::{Error, Real};

/// How many gradients may be averaged. More is a slip of the pen: tens are enough.
const MOST_SAMPLES: usize = 1_000_000;

/// The mean gradient at noisy copies of the input.
///
/// ```text
/// R_d = 1/n Σ_k ∂f/∂x_d (x + σ ξ_k),   ξ_k ~ N(0, 1),   σ = noise · (max x − min x)
/// ```
/// * `n` — [`samples`](Self::samples)
/// * `max x`, `min x` — over all numbers of one sample's input
///
/// Not in the paper: Smilkov et al. 2017. The same seed gives the same explanation for any number of threads: each copy
/// draws from a stream of its own, made from the seed, the position in the batch and the number of the copy.
///
/// ```
/// use ndarray::array;
/// use neural_lrp::methods::SmoothGrad;
/// # use neural_lrp::operations::{Dense, Relu};
/// # use neural_lrp::{Explainer, Initial, NetworkBuilder, Target};
/// # use std::sync::Arc;
/// # let mut network = NetworkBuilder::new();
/// # network.input("x", [None, Some(2)]).output("scores");
/// # network.node("dense", Arc::new(Dense::new(array![[2.0, -2.0]], None)?), ["x"], "z");
/// # network.node("relu", Arc::new(Relu), ["z"], "scores");
/// # let explainer = Explainer::new(&network.build()?)?;
/// // f(x) = max(2 x₁ − 2 x₂, 0), at a kink that about half of the copies fall on either side of
/// let forward = explainer.forward(array![[1.0, 1.0], [1.0, 0.0]].into_dyn().view())?;
/// let method = SmoothGrad { samples: 1000, ..Default::default() };
/// let explained = method.explain(&forward, &Initial::One(Target::Class(0)).into())?;
/// assert_eq!(explained.relevance[0][[0, 0]], 0.0); // all numbers of the first sample are the same: no noise, no slope
/// assert_eq!(explained.relevance[0][[1, 0]], 2.0); // noise of 0.15 · (1 − 0) does not reach the kink
/// # Ok::<(), neural_lrp::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothGrad {
    /// How many gradients are averaged (default: 25, as its authors' code has it).
    pub samples: usize,
    /// Standard deviation of the noise as a share of the input's range (default: 0.15, within the 10 to 20 % that its
    /// authors advise).
    pub noise: f64,
    /// What the noise is drawn from (default: 0).
    pub seed: u64,
}

impl Default for SmoothGrad {
    fn default() -> Self {
        Self { samples: 25, noise: 0.15, seed: 0 }
    }
}

impl SmoothGrad {
    /// Explains a batch.
    ///
    /// # Errors
    /// [`Error::Setting`] for no samples or too many, noise that is negative or not finite, a question about inner
    /// tensors; else as [`Forward::explain`].
    pub fn explain<F: Real>(&self, forward: &Forward<'_, F>, question: &Question<F>) -> Result<Explained<F>, Error> {
        self.check()?;
        let (weights, count) = (vec![1.0; self.samples], self.samples as f64);
        explain_parts(forward, question, |part| {
            let sums = part.sum_of_gradients(&weights, |copy| self.noisy(&part.inputs, &part.samples, copy))?;
            Ok((sums.iter().map(|sum| sum.mapv(|slope| F::of(slope / count))).collect(), Ledger::default()))
        })
    }

    pub(super) fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut method = Self::default();
        if let [.., _, _, _, _] = arguments {
            return Err("it takes the number of samples, the noise as a share of the input's range, and a seed".into());
        }
        if let [samples, ..] = arguments {
            method.samples = parse_setting(samples, "number of samples")?;
        }
        if let [_, noise, ..] = arguments {
            method.noise = parse_setting(noise, "number")?;
        }
        if let [_, _, seed] = arguments {
            method.seed = parse_setting(seed, "seed, a whole number")?;
        }
        method.check().map_err(|error| error.to_string())?;
        Ok(method)
    }

    /// The settings as [`parse`](Self::parse) takes them.
    pub(super) fn arguments(&self) -> Vec<String> {
        vec![self.samples.to_string(), self.noise.to_string(), self.seed.to_string()]
    }

    /// The `copy`-th noisy copy of inputs that hold these samples of the batch.
    fn noisy<F: Real>(&self, inputs: &[ArrayViewD<'_, F>], samples: &Range<usize>, copy: usize) -> Vec<ArrayD<F>> {
        let mut noisy: Vec<ArrayD<F>> = inputs.iter().map(|input| input.to_owned()).collect();
        for (place, sample) in samples.clone().enumerate() {
            let mut normal = Normal::stream([self.seed, sample as u64, copy as u64]);
            for input in &mut noisy {
                let mut input = input.index_axis_mut(Axis(0), place);
                let deviation = self.noise * range(input.view());
                input.mapv_inplace(|x| x + F::of(deviation * normal.draw()));
            }
        }
        noisy
    }

    /// Fails for settings that no mean can be made of.
    fn check(&self) -> Result<(), Error> {
        let wrong = |what, given: String, reason: String| Err(Error::Setting { what, given, reason });
        if !(1..=MOST_SAMPLES).contains(&self.samples) {
            return wrong(
                "number of samples",
                self.samples.to_string(),
                format!("it should be from 1 to {MOST_SAMPLES}"),
            );
        }
        if !(self.noise.is_finite() && self.noise >= 0.0) {
            let reason = "it is a share of the input's range, a finite number, 0 or larger".into();
            return wrong("noise", self.noise.to_string(), reason);
        }
        Ok(())
    }
}

/// `max x − min x`
fn range<F: Real>(input: ArrayViewD<'_, F>) -> f64 {
    let (low, high) =
        input.iter().fold((F::infinity(), F::neg_infinity()), |(low, high), &x| (low.min(x), high.max(x)));
    high.as_() - low.as_()
}

/// A stream of normally distributed numbers.
struct Normal(Xoshiro256PlusPlus);

impl Normal {
    /// The stream of these numbers; each is mixed in by itself, so that neighbors have nothing in common.
    fn stream(numbers: [u64; 3]) -> Self {
        let generator = |seed| Xoshiro256PlusPlus::seed_from_u64(seed);
        Self(generator(numbers.into_iter().fold(0, |mixed, number| generator(mixed ^ number).next_u64())))
    }

    /// The next number: `√(−2 ln u₁) cos(2π u₂)` of two uniform ones (Box and Muller), `u₁` in (0, 1].
    fn draw(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.0.r#gen::<f64>(), self.0.r#gen::<f64>());
        (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;
    use crate::methods::gradient;
    use crate::methods::testing::{assert_close, class, linear_network, quadratic_network, random, rectifier_network};

    #[test]
    fn without_noise_it_is_the_gradient() {
        let explainer = rectifier_network();
        let forward = explainer.forward(random(&[3, 5], 1).view()).unwrap();
        let smooth = SmoothGrad { noise: 0.0, ..Default::default() }.explain(&forward, &class(1)).unwrap();
        assert_close(&smooth.relevance[0], &gradient(&forward, &class(1)).unwrap().relevance[0]);
    }

    #[test]
    fn a_linear_network_has_its_weights_whatever_the_noise() {
        let (weights, bias): (Array2<f64>, Array1<f64>) = (random(&[3, 5], 1), random(&[3], 2));
        let explainer = linear_network(weights.clone(), bias);
        let forward = explainer.forward(random(&[1, 5], 3).view()).unwrap();
        let smooth = SmoothGrad { noise: 10.0, ..Default::default() }.explain(&forward, &class(0)).unwrap();
        assert_close(&smooth.relevance[0], &weights.row(0).to_owned().insert_axis(Axis(0)).into_dyn());
    }

    /// The gradient of a quadratic function is linear: its mean over copies is that at the mean copy.
    #[test]
    fn a_quadratic_network_has_the_gradient_at_the_mean_copy() {
        let explainer = quadratic_network();
        let x = random(&[2, 5], 4);
        let method = SmoothGrad { samples: 7, noise: 0.5, seed: 3 };
        let mut mean = ArrayD::zeros(x.raw_dim());
        for copy in 0..7 {
            mean += &(&method.noisy(&[x.view()], &(0..2), copy)[0] / 7.0);
        }
        let smooth = method.explain(&explainer.forward(x.view()).unwrap(), &class(2)).unwrap();
        let expected = gradient(&explainer.forward(mean.view()).unwrap(), &class(2)).unwrap();
        assert_close(&smooth.relevance[0], &expected.relevance[0]);
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_for_any_number_of_threads() {
        let explainer = rectifier_network();
        let x = random(&[5, 5], 5);
        let explain = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let method = SmoothGrad { samples: 70, noise: 0.5, seed };
            pool.install(|| method.explain(&explainer.forward(x.view()).unwrap(), &class(1)).unwrap().relevance)
        };
        assert_eq!(explain(1, 1), explain(4, 1));
        assert_ne!(explain(1, 1), explain(1, 2));
    }

    #[test]
    fn noise_is_normal_and_every_stream_its_own() {
        let mut draws = Vec::new();
        for (seed, sample, copy) in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1)] {
            let mut normal = Normal::stream([seed, sample, copy]);
            draws.extend((0..20_000).map(|_| normal.draw()));
        }
        // The standard errors of mean and variance are 1/√n and √(2/n), n = 100,000; five of them.
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!(mean.abs() < 0.0158 && (variance - 1.0).abs() < 0.0224, "{mean}, {variance}");
        let mut first: Vec<f64> = draws.iter().step_by(20_000).copied().collect();
        first.sort_by(f64::total_cmp);
        first.dedup();
        assert_eq!(first.len(), 5);
    }

    #[test]
    fn the_deviation_is_a_share_of_each_sample_s_range() {
        let x = ndarray::stack![Axis(0), Array1::linspace(0.0, 1.0, 20_000), Array1::linspace(-40.0, 40.0, 20_000)];
        let method = SmoothGrad { noise: 0.15, ..Default::default() };
        let noise = &method.noisy(&[x.view().into_dyn()], &(0..2), 0)[0] - &x;
        for (noise, expected) in noise.axis_iter(Axis(0)).zip([0.15, 0.15 * 80.0]) {
            let variance: f64 = noise.iter().map(|value| value * value).sum::<f64>() / 20_000.0;
            let deviation = variance.sqrt();
            assert!((deviation / expected - 1.0).abs() < 0.025, "{deviation}, expected {expected}");
        }
    }

    #[test]
    fn settings_that_make_no_mean_are_refused() {
        let default = SmoothGrad::default;
        assert!(SmoothGrad { samples: 0, ..default() }.check().unwrap_err().to_string().contains("from 1 to"));
        assert!(SmoothGrad { noise: -0.1, ..default() }.check().is_err());
        assert!(SmoothGrad { noise: f64::NAN, ..default() }.check().is_err());
    }
}
