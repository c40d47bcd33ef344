//! Taylor decomposition of a whole network.

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD, ArrayViewD, Axis};
use rayon::prelude::*;
use relevance::{Candidates, Ledger, RootSearch, RootSelection, RootedDecomposition, SearchOver, point_on_segment};

use crate::explain::{Explained, Forward, Initial, Question, stack};
use crate::methods::function::{Decision, FlatNetwork, NetworkFunction};
use crate::methods::settings::parse_setting;
use crate::{Composite, Error, Real};

/// What the text of a Taylor decomposition may say.
const SETTINGS: &str = "it takes score or margin; candidates=K to search towards the K nearest only, radius=R to stay \
    within; and, in place of the root with the smallest residual, nearest or average=K for the mean over the best K";

/// Of what a Taylor decomposition is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DecisionFunction {
    /// The score of the class: at a root, the class is neither there nor not there.
    #[default]
    Score,
    /// The score of the class less the best of the others: at a root, another class is as good.
    Margin,
}

/// First-order Taylor decomposition of a network about a root point.
///
/// ```text
/// R_d = (x − x₀)_d ∂f/∂x_d (x₀),   f(x₀) = 0                Bach et al. 2015, Eq. (53)
/// ∂f/∂x_i = Σ_j ∂f/∂x_j w_ij g'(z_j)                        Eq. (54)
/// ```
/// * `f` — [`of`](Self::of); where the question is one of an array of initial relevance, the score is the sum of all
///   numbers of the output, each times its own
/// * `x₀` — searched on the segments towards [`candidates`](Self::candidates) with a value of the opposite sign (text after
///   Eq. 18), as [`search`](Self::search) says
///
/// The search computes in f64; a network of f32 gives its values to the precision of f32, and the root's value too. The
/// ledger has one entry for each sample: from above comes `f(x)`; the Taylor residual and `f(x₀)` are sinks.
///
/// ```
/// use ndarray::array;
/// use neural_lrp::methods::{DecisionFunction, TaylorDecomposition};
/// # use neural_lrp::operations::Dense;
/// # use neural_lrp::{Explainer, Initial, NetworkBuilder, Target};
/// # use std::sync::Arc;
/// # let mut network = NetworkBuilder::new();
/// # network.input("x", [None, Some(2)]).output("scores");
/// # network.node("dense", Arc::new(Dense::new(array![[1.0, 0.0], [0.0, 1.0]], None)?), ["x"], "scores");
/// # let explainer = Explainer::new(&network.build()?)?;
/// // Two classes; the score of each is one of the two inputs, and the margin their difference.
/// let forward = explainer.forward(array![[4.0, 2.0]].into_dyn().view())?;
/// let method = TaylorDecomposition {
///     of: DecisionFunction::Margin,
///     ..TaylorDecomposition::towards(array![[1.0, 3.0]].into_dyn())
/// };
/// let decompositions = method.decompose(&forward, &Initial::One(Target::Predicted).into())?;
/// assert!((&decompositions[0].root_points[0] - &array![2.5, 2.5]).iter().all(|error| error.abs() < 1e-12));
/// assert!((&decompositions[0].relevance - &array![1.5, 0.5]).iter().all(|error| error.abs() < 1e-12));
/// # Ok::<(), neural_lrp::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaylorDecomposition {
    /// The function (default: the score).
    pub of: DecisionFunction,
    /// How a root is searched and chosen (default: of all, the one with the smallest residual).
    pub search: RootSearch,
    /// Points towards which roots are searched, stacked along axis 0; `None` until they are known.
    pub candidates: Option<Arc<ArrayD<f64>>>,
}

/// The Taylor decomposition of one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Decomposed {
    /// `R^(1)`, in the shape of the input.
    pub relevance: ArrayD<f64>,
    /// `x₀`, in the shape of the input; several where decompositions are averaged, none where `f(x) = 0`.
    pub root_points: Vec<ArrayD<f64>>,
    /// Values and residual; its [`entry`](RootedDecomposition::entry) is the ledger's.
    pub decomposition: RootedDecomposition,
}

impl TaylorDecomposition {
    /// The decomposition of the score, with roots towards `candidates`: samples, stacked along axis 0.
    pub fn towards(candidates: ArrayD<f64>) -> Self {
        Self { candidates: Some(Arc::new(candidates)), ..Self::default() }
    }

    pub(super) fn parse(arguments: &[&str]) -> Result<Self, String> {
        let mut method = Self::default();
        let count = |text: &str| match parse_setting(text, "count")? {
            0 => Err("a count should be at least 1".to_owned()),
            count => Ok(count),
        };
        for argument in arguments {
            match argument.split_once('=').unwrap_or((argument, "")) {
                ("score", "") => method.of = DecisionFunction::Score,
                ("margin", "") => method.of = DecisionFunction::Margin,
                ("candidates", nearest) => method.search.over = SearchOver::Nearest(count(nearest)?),
                ("radius", radius) => method.search.radius = Some(parse_radius(radius)?),
                ("nearest", "") => method.search.selection = RootSelection::Nearest,
                ("average", best) => method.search.selection = RootSelection::AverageOfBest(count(best)?),
                _ => return Err(SETTINGS.into()),
            }
        }
        Ok(method)
    }

    /// The settings as [`parse`](Self::parse) takes them; candidates are none of them.
    pub(super) fn arguments(&self) -> Vec<String> {
        let of = match self.of {
            DecisionFunction::Score => "score",
            DecisionFunction::Margin => "margin",
        };
        let mut arguments = vec![of.to_owned()];
        if let SearchOver::Nearest(count) = self.search.over {
            arguments.push(format!("candidates={count}"));
        }
        if let Some(radius) = self.search.radius {
            arguments.push(format!("radius={radius}"));
        }
        match self.search.selection {
            RootSelection::SmallestResidual => {}
            RootSelection::Nearest => arguments.push("nearest".into()),
            RootSelection::AverageOfBest(count) => arguments.push(format!("average={count}")),
        }
        arguments
    }

    /// Explains a batch.
    ///
    /// # Errors
    /// As [`decompose`](Self::decompose).
    pub fn explain<F: Real>(&self, forward: &Forward<'_, F>, question: &Question<F>) -> Result<Explained<F>, Error> {
        let samples = self.decompose(forward, question)?;
        let ledgers = samples.iter().map(|sample| sample.decomposition.entry("Taylor decomposition (Eq. 53)"));
        let relevance = stack(samples.iter().map(|sample| sample.relevance.mapv(F::of).insert_axis(Axis(0))).collect());
        Ok(Explained {
            ledgers: ledgers.map(|entry| Ledger::chain(vec![entry])).collect(),
            relevance: vec![relevance],
            at: Default::default(),
            rules: Composite::named("gradient")?.assign(forward.explainer().network())?,
        })
    }

    /// Decomposes each sample of a batch.
    ///
    /// # Errors
    /// [`Error::Setting`] without candidates, with candidates of another shape than the samples, for a question about inner
    /// tensors, or about an array where the function is a margin; [`Error::Input`] for a network of several inputs;
    /// [`Error::Relevance`] where no root is found; else as [`Forward::explain`].
    pub fn decompose<F: Real>(
        &self,
        forward: &Forward<'_, F>,
        question: &Question<F>,
    ) -> Result<Vec<Decomposed>, Error> {
        if let Some(name) = question.at.first().or(question.masks.first().map(|(name, _)| name)) {
            let reason =
                "a Taylor decomposition is of the network as a whole; inner tensors and masks are for rules".into();
            return Err(Error::Setting { what: "tensor", given: name.clone(), reason });
        }
        let explainer = forward.explainer();
        let x = forward.value(explainer.network().inputs()[0].tensor)?;
        let network = FlatNetwork::new(explainer, &x.shape()[1..])?;
        let points = self.points(&x.shape()[1..])?;
        let scores = points.axis_iter(Axis(0)).into_par_iter().map(|point| network.scores(point));
        let scores = scores.collect::<Result<Vec<_>, _>>()?;
        let decompose = |(sample, decision): (ArrayViewD<'_, F>, Decision)| {
            let values = scores.iter().map(|scores| decision.value(scores.view())).collect();
            let candidates = Candidates::with_values(points.clone(), values)?;
            let function = NetworkFunction { network: network.clone(), decision };
            let flat: Array1<f64> = sample.iter().map(|number| number.as_()).collect();
            let decomposition = self.search.decompose(&function, flat.view(), &candidates)?;
            let roots = decomposition.candidates.iter().zip(&decomposition.positions);
            let point = |(&candidate, &position)| point_on_segment(points.row(candidate), flat.view(), position);
            Ok(Decomposed {
                root_points: roots.map(|root| in_shape(&point(root), sample.shape())).collect(),
                relevance: in_shape(&decomposition.relevance, sample.shape()),
                decomposition,
            })
        };
        // One sample after another: each search is on all threads already.
        x.axis_iter(Axis(0)).zip(self.decisions(forward, &question.initial)?).map(decompose).collect()
    }

    /// The candidates, one a row.
    fn points(&self, sample: &[usize]) -> Result<Array2<f64>, Error> {
        let wrong = |given: String, reason: String| Error::Setting { what: "candidates", given, reason };
        let Some(candidates) = &self.candidates else {
            let reason = "a root is searched towards samples of other classes; some of them are needed".into();
            return Err(wrong("none".into(), reason));
        };
        if candidates.shape().get(1..) != Some(sample) {
            let reason = format!("samples of shape {sample:?} are needed, stacked along axis 0");
            return Err(wrong(format!("an array of shape {:?}", candidates.shape()), reason));
        }
        let mut numbers = candidates.iter().copied();
        let shape = (candidates.shape()[0], sample.iter().product());
        let next = || numbers.next().unwrap_or_else(|| unreachable!("candidates have the shape of samples"));
        Ok(Array2::from_shape_simple_fn(shape, next))
    }

    /// What is decided about each sample of a batch.
    fn decisions<F: Real>(&self, forward: &Forward<'_, F>, initial: &Initial<F>) -> Result<Vec<Decision>, Error> {
        match (self.of, initial) {
            (DecisionFunction::Score, initial) => {
                let weights = stack(forward.initial(initial)?);
                let score = |weights: ArrayViewD<'_, F>| weights.iter().map(|weight| weight.as_()).collect();
                Ok(weights.axis_iter(Axis(0)).map(|weights| Decision::Score(score(weights))).collect())
            }
            (DecisionFunction::Margin, Initial::One(_) | Initial::Score(_)) if forward.layout()?.has_positions() => {
                Err(Error::Setting {
                    what: "decision function",
                    given: "margin".into(),
                    reason: "a margin is one between single scores, and the explained output has positions".into(),
                })
            }
            (DecisionFunction::Margin, Initial::One(target) | Initial::Score(target)) if target.is_one_class() => {
                Ok(forward.classes(target)?.into_iter().map(Decision::Margin).collect())
            }
            (DecisionFunction::Margin, _) => Err(Error::Setting {
                what: "initial relevance",
                given: "of something else than a class".into(),
                reason: "a margin is that of one class; name it, or decompose the score".into(),
            }),
        }
    }
}

fn parse_radius(text: &str) -> Result<f64, String> {
    let radius = text.parse().ok().filter(|radius: &f64| radius.is_finite() && *radius >= 0.0);
    radius.ok_or_else(|| format!("{text:?} is no distance"))
}

/// The numbers of a sample in its shape.
fn in_shape(numbers: &Array1<f64>, shape: &[usize]) -> ArrayD<f64> {
    let mut numbers = numbers.iter().copied();
    let next = || numbers.next().unwrap_or_else(|| unreachable!("as many numbers as a sample has"));
    ArrayD::from_shape_simple_fn(shape, next)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::{Array1, Array2, array};
    use relevance::{Differentiable, Sink};

    use super::*;
    use crate::NetworkBuilder;
    use crate::explain::{Explainer, Target};
    use crate::methods::testing::{
        assert_close, class, dense, linear_network, quadratic_network, random, rectifier_network,
    };
    use crate::operations::Relu;

    /// A candidate with `f(x') = −2 f(x)`: the root is a third of the way.
    #[test]
    fn a_linear_network_has_a_closed_form() {
        let (weights, bias): (Array2<f64>, Array1<f64>) = (random(&[3, 5], 1), random(&[3], 2));
        let explainer = linear_network(weights.clone(), bias.clone());
        let x: Array2<f64> = random(&[2, 5], 3);
        let slope = weights.row(1);
        for x in x.rows() {
            let value = x.dot(&slope) + bias[1];
            let way = &slope * (-3.0 * value / slope.dot(&slope));
            let method = TaylorDecomposition::towards((&x + &way).insert_axis(Axis(0)).into_dyn());
            let forward = explainer.forward(x.insert_axis(Axis(0)).into_dyn()).unwrap();
            let found = method.decompose(&forward, &class(1)).unwrap().remove(0);
            assert_close(&found.root_points[0], &(&x + &(&way / 3.0)).into_dyn());
            assert_close(&found.relevance, &(&way / -3.0 * slope).into_dyn());
            assert!((found.relevance.sum() - value).abs() < 1e-12); // no residual
        }
    }

    /// For a polynomial of degree two, the residual is what is left of it: `½ (x − x₀)ᵀ H (x − x₀)`.
    #[test]
    fn a_quadratic_network_has_its_second_order_as_residual() {
        let explainer = quadratic_network();
        let x = random(&[2, 5], 4);
        let forward = explainer.forward(x.view()).unwrap();
        let method = TaylorDecomposition::towards(random(&[30, 5], 5) * 3.0);
        let found = method.decompose(&forward, &class(0)).unwrap();
        let explained = method.explain(&forward, &class(0)).unwrap();
        for (sample, found) in found.iter().enumerate() {
            let x = x.index_axis(Axis(0), sample);
            let way = &x - &found.root_points[0];
            let score = |x: ArrayD<f64>| explainer.forward(x.insert_axis(Axis(0)).view()).unwrap().scores()[[0, 0]];
            // The second difference of a parabola is exact.
            let (there, middle, here) = (&found.root_points[0], &found.root_points[0] + &(&way / 2.0), x.to_owned());
            let second_order = 2.0 * (score(here.clone()) - 2.0 * score(middle) + score(there.clone()));
            assert!(score(there.clone()).abs() < 1e-12 && found.decomposition.root_value.abs() < 1e-12);
            assert!((found.decomposition.residual() - second_order).abs() < 1e-9);
            let entry = &explained.ledgers[sample].entries[0];
            assert_eq!(entry.upper.total, score(here));
            assert!((entry.sink(Sink::TaylorResidual).total - second_order).abs() < 1e-9);
            assert!(explained.ledgers[sample].check(1e-10).is_ok());
            assert_close(&explained.relevance[0].index_axis(Axis(0), sample).to_owned(), &found.relevance);
        }
    }

    #[test]
    fn at_a_root_of_the_margin_two_classes_are_as_good_and_none_is_better() {
        let explainer = rectifier_network();
        let candidates = random(&[20, 5], 6) * 3.0;
        let x = random(&[4, 5], 7);
        let forward = explainer.forward(x.view()).unwrap();
        let predicted = forward.classes(&Target::Predicted).unwrap();
        let method = TaylorDecomposition { of: DecisionFunction::Margin, ..TaylorDecomposition::towards(candidates) };
        let found = method.decompose(&forward, &Initial::One(Target::Predicted).into()).unwrap();
        for ((found, class), sample) in found.iter().zip(predicted).zip(x.axis_iter(Axis(0))) {
            let root = found.root_points[0].view().insert_axis(Axis(0));
            let scores = explainer.forward(root).unwrap().scores();
            let mut others: Vec<f64> = scores.iter().copied().collect();
            let own = others.remove(class);
            assert!((others.into_iter().fold(f64::NEG_INFINITY, f64::max) - own).abs() < 1e-12, "{scores}");
            assert!(found.decomposition.value > 0.0);
            let shape = sample.shape();
            let margin = NetworkFunction::new(&explainer, shape, Decision::Margin(class)).unwrap();
            let flat = |sample: ArrayViewD<'_, f64>| sample.iter().copied().collect::<Array1<f64>>();
            assert_eq!(margin.value(flat(sample.view()).view()), found.decomposition.value);
            let slopes = in_shape(&margin.gradient(flat(found.root_points[0].view()).view()), shape);
            assert_close(&found.relevance, &((&sample - &found.root_points[0]) * slopes));
        }
    }

    /// The margin of a class is that towards the best of the others, which one that is depends on the point.
    #[test]
    fn the_gradient_of_a_margin_is_that_of_finite_differences() {
        let explainer = quadratic_network();
        for seed in 0..10 {
            let x: Array1<f64> = random(&[5], seed);
            for decision in [Decision::Margin(0), Decision::Margin(2), Decision::Score(array![0.5, -1.0, 2.0])] {
                let function = NetworkFunction::new(&explainer, &[5], decision).unwrap();
                let numeric = Array1::from_shape_fn(5, |place| {
                    let (mut up, mut down) = (x.clone(), x.clone());
                    up[place] += 1e-5;
                    down[place] -= 1e-5;
                    (function.value(up.view()) - function.value(down.view())) / 2e-5
                });
                assert_close(&function.gradient(x.view()).into_dyn(), &numeric.into_dyn());
            }
        }
    }

    #[test]
    fn a_network_of_a_fixed_number_of_samples_gets_copies() {
        let network = |samples| {
            let mut network = crate::NetworkBuilder::new();
            network.input("x", [samples, Some(5)]).output("scores");
            network.node("first", dense(7, 5, 1), ["x"], "z");
            network.node("relu", Arc::new(crate::operations::Relu), ["z"], "a");
            network.node("last", dense(3, 7, 2), ["a"], "scores");
            Explainer::new(&network.build().unwrap()).unwrap()
        };
        let (x, method) = (random(&[4, 5], 8), TaylorDecomposition::towards(random(&[20, 5], 9) * 3.0));
        let decompose =
            |explainer: Explainer<f64>| method.decompose(&explainer.forward(x.view()).unwrap(), &class(2)).unwrap();
        for (alone, fixed) in decompose(network(None)).iter().zip(&decompose(network(Some(2)))) {
            assert_eq!(alone.decomposition.candidates, fixed.decomposition.candidates);
            assert_close(&alone.relevance, &fixed.relevance);
        }
    }

    #[test]
    fn averages_have_a_root_for_each_decomposition() {
        let explainer = quadratic_network();
        let forward = explainer.forward(random(&[1, 5], 10).view()).unwrap();
        let search = RootSearch { selection: RootSelection::AverageOfBest(3), ..Default::default() };
        let method = TaylorDecomposition { search, ..TaylorDecomposition::towards(random(&[40, 5], 11) * 3.0) };
        let found = method.decompose(&forward, &class(0)).unwrap().remove(0);
        assert_eq!(found.root_points.len(), 3);
        let root_value =
            |point: &ArrayD<f64>| explainer.forward(point.view().insert_axis(Axis(0))).unwrap().scores()[[0, 0]];
        assert!(found.root_points.iter().all(|point| root_value(point).abs() < 1e-12));
    }

    #[test]
    fn what_can_t_be_decomposed_is_refused() {
        let explainer = rectifier_network();
        let forward = explainer.forward(random(&[1, 5], 12).view()).unwrap();
        let refused = |method: TaylorDecomposition, question: Question<f64>| {
            method.decompose(&forward, &question).unwrap_err().to_string()
        };
        assert!(refused(TaylorDecomposition::default(), class(0)).contains("some of them are needed"));
        assert!(refused(TaylorDecomposition::towards(random(&[2, 4], 1)), class(0)).contains("shape [5]"));
        let not_finite = TaylorDecomposition::towards(ArrayD::from_elem(vec![2, 5], f64::NAN));
        assert!(refused(not_finite, class(0)).contains("finite"));
        let itself = TaylorDecomposition::towards(random(&[1, 5], 12));
        assert!(refused(itself.clone(), class(0)).contains("opposite sign"));
        let masked = Question { masks: vec![("z".into(), vec![0])], ..class(0) };
        assert!(refused(itself.clone(), masked).contains("masks"));
        let margin = TaylorDecomposition { of: DecisionFunction::Margin, ..itself };
        let difference = Initial::One(Target::Class(0).minus(Target::Class(1)));
        assert!(refused(margin.clone(), difference.into()).contains("of one class"));
        assert!(refused(margin, class(3)).contains("3 classes"));
        let mut network = NetworkBuilder::new();
        network.input("x", [None, Some(2), Some(5)]).output("y");
        network.node("relu", Arc::new(Relu), ["x"], "y");
        let positions = Explainer::new(&network.build().unwrap()).unwrap();
        let forward = positions.forward(random(&[1, 2, 5], 13).view()).unwrap();
        let margin = TaylorDecomposition {
            of: DecisionFunction::Margin,
            ..TaylorDecomposition::towards(random(&[1, 2, 5], 14))
        };
        assert!(margin.decompose(&forward, &class(0)).unwrap_err().to_string().contains("has positions"));
        assert!(NetworkFunction::new(&explainer, &[4], Decision::Margin(0)).is_err());
        assert!(NetworkFunction::new(&explainer, &[5], Decision::Margin(3)).is_err());
        assert!(NetworkFunction::new(&explainer, &[5], Decision::Score(array![1.0])).is_err());
    }
}
