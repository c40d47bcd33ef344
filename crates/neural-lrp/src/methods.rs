//! Explanations that need more than one backward pass, or a point of reference.
//!
//! The rules hand a score down through the layers; what stands here looks at the network as a function `f` and its
//! gradient. All of it is for comparison with the rules, but Taylor decomposition, which is the paper's own (Eqs 53, 54).
//!
//! | method | formula | begins with | elsewhere |
//! | --- | --- | --- | --- |
//! | [`gradient`] | `∂f/∂x_d (x)` (Eq. 54) | 1 | captum `Saliency` with `abs=False`, zennit `Gradient` |
//! | [`gradient_norms`] | `‖(∂f/∂x_{c,p})_c‖₂` at each pixel p (Fig 27) | 1 | |
//! | [`input_x_gradient`] | `x_d ∂f/∂x_d (x)` | 1 | captum `InputXGradient` |
//! | [`IntegratedGradients`] | `(x − x')_d ∫₀¹ ∂f/∂x_d (x' + t (x − x')) dt` | 1 | captum `IntegratedGradients`, zennit `IntegratedGradients` |
//! | [`SmoothGrad`] | mean of `∂f/∂x_d (x + noise)` | 1 | captum `NoiseTunnel` over `Saliency`, zennit `SmoothGrad` |
//! | [`Method::GuidedBackprop`] | at a rectifier: `R [x > 0] [R > 0]` | 1 | captum, zennit `GuidedBackprop` |
//! | [`Method::Deconvnet`] | at a rectifier: `max(R, 0)` | 1 | captum `Deconvolution`, zennit `Deconvnet` |
//! | [`Method::ExcitationBackprop`] | z⁺ in layers with weights | score | zennit `ExcitationBackprop` |
//! | [`attention_rollout`] | `eᵀ A'_L ⋯ A'_1`, attention's weights layer by layer | 1, at each class | |
//! | [`TaylorDecomposition`] | `(x − x₀)_d ∂f/∂x_d (x₀)`, `f(x₀) = 0` (Eq. 53) | `f` itself | |
//!
//! `f` is the sum of the explained output's numbers, each times the initial relevance that the question gives it:
//! [`Initial::One`](crate::Initial::One) makes it the score of a class, which is where gradients begin;
//! [`Initial::Score`](crate::Initial::Score), where relevance begins, would multiply a gradient by the score.
//! [`Method::start`] says which of the two a method begins with. The class is that predicted at `x`, and stays the same
//! wherever else the network is evaluated.
//!
//! ```
//! use ndarray::array;
//! use neural_lrp::methods::{gradient, input_x_gradient};
//! use neural_lrp::operations::Dense;
//! use neural_lrp::{Explainer, Initial, NetworkBuilder, Target};
//! use std::sync::Arc;
//!
//! let mut network = NetworkBuilder::new();
//! network.input("x", [None, Some(2)]).output("scores");
//! network.node("dense", Arc::new(Dense::new(array![[1.0, 2.0], [3.0, -1.0]], None)?), ["x"], "scores");
//! let explainer = Explainer::new(&network.build()?)?;
//!
//! let forward = explainer.forward(array![[1.0, 0.5], [2.0, 4.0]].into_dyn().view())?;
//! let of_class_1 = Initial::One(Target::Class(1)).into();
//! assert_eq!(gradient(&forward, &of_class_1)?.relevance[0], array![[3.0, -1.0], [3.0, -1.0]].into_dyn());
//! assert_eq!(input_x_gradient(&forward, &of_class_1)?.relevance[0], array![[3.0, -0.5], [6.0, -4.0]].into_dyn());
//! # Ok::<(), neural_lrp::Error>(())
//! ```

use ndarray::Axis;

use crate::explain::{Explained, Forward, Question};
use crate::{Composite, Error, Real};

mod attention_rollout;
mod function;
mod integrated_gradients;
mod method;
mod passes;
mod quadrature;
mod settings;
mod smooth_grad;
mod taylor;
#[cfg(test)]
pub(crate) mod testing;

pub use attention_rollout::attention_rollout;
pub use function::{Decision, NetworkFunction};
pub use integrated_gradients::IntegratedGradients;
pub use method::Method;
pub use quadrature::{Quadrature, QuadratureNode};
pub use smooth_grad::SmoothGrad;
pub use taylor::{DecisionFunction, Decomposed, TaylorDecomposition};

/// The gradient of `f` at the inputs.
///
/// ```text
/// R_d = ∂f/∂x_d (x) = Σ_j ∂f/∂x_j w_dj g'(z_j)              Bach et al. 2015, Eq. (54), at x instead of a root point
/// ```
/// * `forward` — the network at `x`
/// * `question` — what `f` is, and at which other tensors the gradient is wanted
///
/// An example stands at the head of this [module](self).
///
/// # Errors
/// As [`Forward::explain`].
pub fn gradient<F: Real>(forward: &Forward<'_, F>, question: &Question<F>) -> Result<Explained<F>, Error> {
    forward.explain(&Composite::named("gradient")?, question)
}

/// The norm of the gradient at each pixel, over its channels: the paper's Fig 27, last row.
///
/// ```text
/// R_p = ( Σ_c (∂f/∂x_{c,p})² )^½                             Bach et al. 2015, Fig 27, before it is scaled to [0, 1]
/// ```
/// * `c` — channels: axis 1 of a batch, which is kept with length 1; the numbers of a vector are channels of one pixel
///
/// The paper does not say which norm it takes; this is the Euclidean one.
///
/// ```
/// use ndarray::array;
/// use neural_lrp::methods::gradient_norms;
/// # use neural_lrp::operations::Dense;
/// # use neural_lrp::{Explainer, Initial, NetworkBuilder, Target};
/// # use std::sync::Arc;
/// # let mut network = NetworkBuilder::new();
/// # network.input("x", [None, Some(2)]).output("scores");
/// # network.node("dense", Arc::new(Dense::new(array![[3.0, -4.0]], None)?), ["x"], "scores");
/// # let explainer = Explainer::new(&network.build()?)?;
/// // f(x) = 3 x₁ − 4 x₂
/// let forward = explainer.forward(array![[1.0, 1.0]].into_dyn().view())?;
/// let norms = gradient_norms(&forward, &Initial::One(Target::Class(0)).into())?;
/// assert_eq!(norms.relevance[0], array![[5.0]].into_dyn());
/// # Ok::<(), neural_lrp::Error>(())
/// ```
///
/// # Errors
/// As [`Forward::explain`]; [`Error::Input`] for an input without channels.
pub fn gradient_norms<F: Real>(forward: &Forward<'_, F>, question: &Question<F>) -> Result<Explained<F>, Error> {
    let mut explained = gradient(forward, question)?;
    for gradient in explained.relevance.iter_mut().chain(explained.at.values_mut()) {
        if gradient.ndim() < 2 {
            let reason = format!("it has shape {:?}; a norm over channels needs an axis of them", gradient.shape());
            return Err(Error::Input { input: "batch".into(), reason });
        }
        let squares = gradient.mapv(|slope| slope * slope).sum_axis(Axis(1));
        *gradient = squares.mapv(F::sqrt).insert_axis(Axis(1));
    }
    Ok(explained)
}

/// The gradient times the input.
///
/// ```text
/// R_d = x_d ∂f/∂x_d (x)
/// ```
/// * `forward` — the network at `x`
/// * `question` — what `f` is; at other tensors, their value times their gradient is given
///
/// Not in the paper, which warns of it (after Eq. 18): it is the decomposition of Eq. 53 with `x₀ = 0`, but for the point
/// where the gradient is taken. An example stands at the head of this [module](self).
///
/// # Errors
/// As [`Forward::explain`].
pub fn input_x_gradient<F: Real>(forward: &Forward<'_, F>, question: &Question<F>) -> Result<Explained<F>, Error> {
    let mut explained = gradient(forward, question)?;
    let network = forward.explainer().network();
    for (input, gradient) in network.inputs().iter().zip(&mut explained.relevance) {
        *gradient *= &forward.value(input.tensor)?;
    }
    for (name, gradient) in &mut explained.at {
        *gradient *= &forward.value(network.find(name)?)?;
    }
    Ok(explained)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2, ArrayD, Axis, array};

    use super::testing::{assert_close, class, linear_network, quadratic_network, random, rectifier_network};
    use super::*;
    use crate::explain::{Explainer, Initial, Target};

    #[test]
    fn a_linear_network_has_closed_forms() {
        let weights: Array2<f64> = random(&[3, 5], 1);
        let bias: Array1<f64> = random(&[3], 2);
        let x: Array2<f64> = random(&[4, 5], 3);
        let explainer = linear_network(weights.clone(), bias);
        let forward = explainer.forward(x.view().into_dyn()).unwrap();
        let row = weights.row(1).insert_axis(Axis(0));
        let rows = row.broadcast((4, 5)).unwrap();
        assert_close(&gradient(&forward, &class(1)).unwrap().relevance[0], &rows.to_owned().into_dyn());
        assert_close(&input_x_gradient(&forward, &class(1)).unwrap().relevance[0], &(&x * &rows).into_dyn());
        let norm = row.dot(&row.t()).mapv(f64::sqrt);
        let norms = norm.broadcast((4, 1)).unwrap().to_owned().into_dyn();
        assert_close(&gradient_norms(&forward, &class(1)).unwrap().relevance[0], &norms);
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let x = random(&[1, 5], 4);
        for explainer in [rectifier_network(), quadratic_network()] {
            let score = |x: &ArrayD<f64>| explainer.forward(x.view()).unwrap().scores()[[0, 2]];
            let numeric = ArrayD::from_shape_fn(x.raw_dim(), |place| {
                let step = 1e-5;
                let (mut up, mut down) = (x.clone(), x.clone());
                up[&place] += step;
                down[&place] -= step;
                (score(&up) - score(&down)) / (2.0 * step)
            });
            let forward = explainer.forward(x.view()).unwrap();
            assert_close(&gradient(&forward, &class(2)).unwrap().relevance[0], &numeric);
        }
    }

    #[test]
    fn inner_tensors_have_gradients_too() {
        let explainer = rectifier_network();
        let forward = explainer.forward(random(&[2, 5], 5).view()).unwrap();
        let question = Question { at: vec!["a".into()], ..class(0) };
        let (slopes, products) =
            (gradient(&forward, &question).unwrap(), input_x_gradient(&forward, &question).unwrap());
        let activations = forward.value(explainer.network().find("a").unwrap()).unwrap();
        assert_close(&products.at["a"], &(&slopes.at["a"] * &activations));
        assert_eq!(gradient_norms(&forward, &question).unwrap().at["a"].shape(), [2, 1]);
    }

    #[test]
    fn norms_are_over_channels() {
        let mut network = crate::NetworkBuilder::new();
        network.input("x", [None, Some(2), None, None]).output("y");
        network.node("relu", std::sync::Arc::new(crate::operations::Relu), ["x"], "y");
        let explainer: Explainer<f64> = Explainer::new(&network.build().unwrap()).unwrap();
        let forward = explainer.forward(ArrayD::ones(vec![1, 2, 1, 2]).view()).unwrap();
        let initial = Initial::Array(array![[[[3.0, 0.0]], [[4.0, -2.0]]]].into_dyn());
        let norms = gradient_norms(&forward, &initial.into()).unwrap();
        assert_eq!(norms.relevance[0], array![[[[5.0, 2.0]]]].into_dyn());
    }

    #[test]
    fn a_class_that_does_not_exist_is_refused() {
        let explainer = rectifier_network();
        let forward = explainer.forward(random(&[1, 5], 6).view()).unwrap();
        let question = Initial::One(Target::Class(3)).into();
        assert!(gradient(&forward, &question).unwrap_err().to_string().contains("3 classes"));
        assert!(IntegratedGradients::default().explain(&forward, &question).is_err());
    }
}
