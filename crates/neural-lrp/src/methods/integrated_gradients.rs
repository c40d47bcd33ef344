//! Integrated gradients.

use ndarray::{ArrayD, ArrayViewD, Zip};
use relevance::{Amount, Entry, Ledger, Sink};

use crate::explain::{Explained, Forward, Question};
use crate::methods::passes::{Part, PartExplained, explain_parts};
use crate::methods::quadrature::Quadrature;
use crate::methods::settings::parse_setting;
use crate::network::NetworkInput;
use crate::{Error, Real};

/// How many nodes an integral may have. More is a slip of the pen: a network needs tens.
const MOST_NODES: usize = 100_000;

/// Gradients on the straight way from a baseline to the input, integrated.
///
/// ```text
/// R_d = (x − x')_d ∫₀¹ ∂f/∂x_d (x' + t (x − x')) dt ≈ (x − x')_d Σ_i w_i ∂f/∂x_d (x' + t_i (x − x'))
/// Σ_d R_d = f(x) − f(x')                                                 completeness, up to the quadrature
/// ```
/// * `x'` — [`baseline`](Self::baseline)
/// * `w_i`, `t_i` — [`nodes`](Quadrature::nodes) of the [`quadrature`](Self::quadrature)
///
/// Not in the paper: Sundararajan et al. 2017. The defaults are those of captum.
///
/// The ledger has one entry: from above comes `f(x)`, below arrives `Σ_d R_d`, and `f(x')` is booked as
/// [`Sink::RootValue`]. What remains, [`Entry::imbalance`], is the error of the quadrature: completeness is reported,
/// not forced.
///
/// ```
/// use ndarray::array;
/// use neural_lrp::methods::{IntegratedGradients, Quadrature};
/// # use neural_lrp::operations::{Dense, Relu};
/// # use neural_lrp::{Explainer, Initial, NetworkBuilder, Target};
/// # use std::sync::Arc;
/// # let mut network = NetworkBuilder::new();
/// # network.input("x", [None, Some(2)]).output("scores");
/// # network.node("dense", Arc::new(Dense::new(array![[1.0, 1.0]], Some(array![-1.0]))?), ["x"], "z");
/// # network.node("relu", Arc::new(Relu), ["z"], "scores");
/// # let explainer = Explainer::new(&network.build()?)?;
/// // f(x) = max(x₁ + x₂ − 1, 0): the slope is 1 on the last three quarters of the way
/// let forward = explainer.forward(array![[3.0, 1.0]].into_dyn().view())?;
/// let method = IntegratedGradients { nodes: 100, quadrature: Quadrature::Midpoint, ..Default::default() };
/// let explained = method.explain(&forward, &Initial::One(Target::Class(0)).into())?;
/// let errors = &explained.relevance[0] - &array![[2.25, 0.75]];
/// assert!(errors.iter().all(|error: &f64| error.abs() < 1e-12));
/// assert!(explained.ledgers[0].entries[0].imbalance().abs() < 1e-12); // f(x) − f(0) = 3
/// # Ok::<(), neural_lrp::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct IntegratedGradients {
    /// Where the way begins: a number (an array without axes), or an array that broadcasts to the inputs (default: 0).
    pub baseline: ArrayD<f64>,
    /// How many gradients are taken (default: 50).
    pub nodes: usize,
    /// Where, and how they are weighed (default: Gauss–Legendre).
    pub quadrature: Quadrature,
}

impl Default for IntegratedGradients {
    fn default() -> Self {
        Self { baseline: ArrayD::zeros(Vec::new()), nodes: 50, quadrature: Quadrature::default() }
    }
}

impl IntegratedGradients {
    /// Explains a batch.
    ///
    /// # Errors
    /// [`Error::Setting`] for no nodes or too many, a baseline that is not finite or does not broadcast to the inputs, a
    /// question about inner tensors; else as [`Forward::explain`].
    pub fn explain<F: Real>(&self, forward: &Forward<'_, F>, question: &Question<F>) -> Result<Explained<F>, Error> {
        self.check()?;
        let nodes = self.quadrature.nodes(self.nodes);
        let weights: Vec<f64> = nodes.iter().map(|node| node.weight).collect();
        let network = forward.explainer().network();
        let baseline =
            |input: &NetworkInput| Ok(forward.with_copies(self.broadcast(forward.value(input.tensor)?.shape())?));
        let baselines = network.inputs().iter().map(baseline);
        let baselines: Vec<ArrayD<F>> = baselines.collect::<Result<_, Error>>()?;
        explain_parts(forward, question, |part| {
            let baselines: Vec<_> = baselines.iter().map(|whole| part.of_batch(whole)).collect();
            let mean = part.sum_of_gradients(&weights, |index| {
                let position = F::of(nodes[index].position);
                let on_the_way = |(x, baseline)| (x - baseline) * position + baseline;
                part.inputs.iter().zip(&baselines).map(on_the_way).collect()
            })?;
            relevance(part, &baselines, &mean)
        })
    }

    pub(super) fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut method = Self::default();
        if let [.., _, _, _, _] = arguments {
            return Err("it takes the number of nodes, gauss-legendre or midpoint, and the baseline".into());
        }
        if let [nodes, ..] = arguments {
            method.nodes = parse_setting(nodes, "number of nodes")?;
        }
        if let [_, quadrature, ..] = arguments {
            method.quadrature = quadrature.parse().map_err(|error: Error| error.to_string())?;
        }
        if let [_, _, baseline] = arguments {
            method.baseline = ArrayD::from_elem(Vec::new(), parse_setting(baseline, "number")?);
        }
        method.check().map_err(|error| error.to_string())?;
        Ok(method)
    }

    /// The settings as [`parse`](Self::parse) takes them; of a baseline that is an array, its shape.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![self.nodes.to_string(), self.quadrature.to_string()];
        match self.baseline.iter().copied().collect::<Vec<_>>().as_slice() {
            [0.0] => {}
            [number] => arguments.push(number.to_string()),
            _ => arguments.push(format!("baseline of shape {:?}", self.baseline.shape())),
        }
        arguments
    }

    /// The baseline in the shape of an input.
    fn broadcast<F: Real>(&self, shape: &[usize]) -> Result<ArrayD<F>, Error> {
        let baseline = self.baseline.broadcast(shape).ok_or_else(|| Error::Setting {
            what: "baseline",
            given: format!("an array of shape {:?}", self.baseline.shape()),
            reason: format!("it should be a number, or broadcast to the inputs of shape {shape:?}"),
        })?;
        Ok(baseline.mapv(F::of))
    }

    /// Fails for settings that no integral can be made of.
    fn check(&self) -> Result<(), Error> {
        let wrong = |what, given: String, reason: String| Err(Error::Setting { what, given, reason });
        if !(1..=MOST_NODES).contains(&self.nodes) {
            return wrong("number of nodes", self.nodes.to_string(), format!("it should be from 1 to {MOST_NODES}"));
        }
        match self.baseline.iter().find(|value| !value.is_finite()) {
            Some(value) => wrong("baseline", value.to_string(), "all its numbers should be finite".into()),
            None => Ok(()),
        }
    }
}

/// Relevance from the mean gradient, and its ledger.
fn relevance<F: Real>(
    part: &Part<'_, F>,
    baselines: &[ArrayViewD<'_, F>],
    mean: &[ArrayD<f64>],
) -> Result<PartExplained<F>, Error> {
    let (mut relevance, mut lower) = (Vec::new(), Amount::default());
    for ((x, baseline), mean) in part.inputs.iter().zip(baselines).zip(mean) {
        let exact =
            Zip::from(x).and(baseline).and(mean).map_collect(|x, baseline, mean| (x.as_() - baseline.as_()) * mean);
        lower += exact.iter().collect();
        relevance.push(exact.mapv(F::of));
    }
    let (value, at_baseline) = (part.value(&part.inputs)?, part.value(baselines)?);
    let entry = Entry::new("integrated gradients", value, lower).with_sink(Sink::RootValue, at_baseline);
    Ok((relevance, Ledger::chain(vec![entry])))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, array};
    use proptest::prelude::*;

    use super::*;
    use crate::explain::{Initial, Target};
    use crate::methods::testing::{assert_close, class, linear_network, quadratic_network, random, rectifier_network};

    #[test]
    fn a_linear_network_needs_one_node() {
        let (weights, bias): (Array2<f64>, Array1<f64>) = (random(&[3, 5], 1), random(&[3], 2));
        let explainer = linear_network(weights.clone(), bias.clone());
        let x: Array2<f64> = random(&[4, 5], 3);
        let forward = explainer.forward(x.view().into_dyn()).unwrap();
        for quadrature in [Quadrature::GaussLegendre, Quadrature::Midpoint] {
            let method = IntegratedGradients { baseline: random(&[5], 4), nodes: 1, quadrature };
            let explained = method.explain(&forward, &class(2)).unwrap();
            let baseline: Array1<f64> = random(&[5], 4);
            assert_close(&explained.relevance[0], &((&x - &baseline) * weights.row(2)).into_dyn());
            for (ledger, x) in explained.ledgers.iter().zip(x.rows()) {
                assert!((ledger.entries[0].upper.total - (x.dot(&weights.row(2)) + bias[2])).abs() < 1e-12);
                assert!(ledger.check(1e-10).is_ok());
            }
        }
    }

    #[test]
    fn the_gradient_of_a_quadratic_network_is_integrated_exactly() {
        let explainer = quadratic_network();
        let forward = explainer.forward(random(&[3, 5], 5).view()).unwrap();
        for quadrature in [Quadrature::GaussLegendre, Quadrature::Midpoint] {
            let method = IntegratedGradients { nodes: 1, quadrature, ..Default::default() };
            let explained = method.explain(&forward, &Initial::One(Target::Predicted).into()).unwrap();
            assert_eq!(explained.ledgers.len(), 3);
            assert!(explained.ledgers.iter().all(|ledger| ledger.check(1e-10).is_ok()));
        }
    }

    #[test]
    fn the_class_is_the_one_predicted_at_the_input() {
        // At the baseline, class 1 leads; at the input, class 0.
        let explainer = linear_network(array![[2.0], [0.0]], array![0.0, 1.0]);
        let forward = explainer.forward(array![[3.0]].into_dyn().view()).unwrap();
        let question = Initial::One(Target::Predicted).into();
        let explained = IntegratedGradients::default().explain(&forward, &question).unwrap();
        assert_close(&explained.relevance[0], &array![[6.0]].into_dyn());
    }

    #[test]
    fn samples_together_get_what_they_get_alone() {
        let x = random(&[5, 5], 6);
        let baseline = random(&[5, 5], 7);
        let method = IntegratedGradients { baseline, nodes: 70, ..Default::default() };
        let explain = |explainer: &crate::Explainer<f64>| {
            let forward = explainer.forward(x.view()).unwrap();
            method.explain(&forward, &class(0)).unwrap()
        };
        let (alone, together) = (explain(&rectifier_network()), explain(&rectifier_network().samples_together(3)));
        assert_eq!((alone.ledgers.len(), together.ledgers.len()), (5, 2));
        assert_close(&alone.relevance[0], &together.relevance[0]);
    }

    #[test]
    fn settings_that_make_no_integral_are_refused() {
        let explainer = rectifier_network();
        let forward = explainer.forward(random(&[1, 5], 8).view()).unwrap();
        let refused = |method: IntegratedGradients| method.explain(&forward, &class(0)).unwrap_err().to_string();
        let default = IntegratedGradients::default;
        assert!(refused(IntegratedGradients { nodes: 0, ..default() }).contains("from 1 to 100000"));
        assert!(refused(IntegratedGradients { nodes: usize::MAX, ..default() }).contains("from 1 to 100000"));
        assert!(refused(IntegratedGradients { baseline: random(&[4], 9), ..default() }).contains("[1, 5]"));
        let baseline = ArrayD::from_elem(Vec::new(), f64::NAN);
        assert!(refused(IntegratedGradients { baseline, ..default() }).contains("finite"));
        let question = Question { at: vec!["z".into()], ..class(0) };
        assert!(default().explain(&forward, &question).unwrap_err().to_string().contains("inputs only"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// A rectifier network is linear between its kinks. Each of the seven changes the slope along the way by at most
        /// 5, the most that its five weights and the input in [−1, 1) make, somewhere within one of the 1000 steps.
        #[test]
        fn completeness_holds_up_to_the_quadrature(seed in 0u64..1000) {
            let explainer = rectifier_network();
            let forward = explainer.forward(random(&[1, 5], seed).view()).unwrap();
            let method = IntegratedGradients { nodes: 1000, quadrature: Quadrature::Midpoint, ..Default::default() };
            let explained = method.explain(&forward, &class(1)).unwrap();
            let entry = &explained.ledgers[0].entries[0];
            prop_assert!(entry.imbalance().abs() < 7.0 * 5.0 / 2000.0, "{}", entry.imbalance());
        }
    }
}
