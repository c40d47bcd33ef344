//! The methods by name.

use std::fmt;
use std::str::FromStr;

use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use crate::explain::{COMPOSITES, Composite, Explained, Forward, NamedComposite, Question, Start};
use crate::methods::{IntegratedGradients, SmoothGrad, TaylorDecomposition, attention_rollout, input_x_gradient};
use crate::rules::without_settings;
use crate::{Error, Real, settings};

/// Makes one type of all methods, known by their names.
macro_rules! methods {
    ($($(#[$about:meta])* $variant:ident $(($settings:ty))? = $name:literal,)+) => {
        /// Any of the methods, known by its name and settings as rules are.
        ///
        /// ```
        /// use neural_lrp::methods::{IntegratedGradients, Method, Quadrature};
        /// let method: Method = "integrated-gradients=20,midpoint".parse()?;
        /// let expected = IntegratedGradients { nodes: 20, quadrature: Quadrature::Midpoint, ..Default::default() };
        /// assert_eq!(method, Method::IntegratedGradients(expected));
        /// assert_eq!(method.to_string(), "integrated-gradients=20,midpoint");
        /// assert_eq!("smooth-grad=25,0.15,7".parse::<Method>()?.name(), "smooth-grad"); // samples, noise, seed
        /// assert!("taylor=margin,candidates=10,radius=3,average=5".parse::<Method>().is_ok());
        /// assert!("smooth-grad=many".parse::<Method>().is_err());
        /// # Ok::<(), neural_lrp::Error>(())
        /// ```
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub enum Method {
            $($(#[$about])* $variant $(($settings))?,)+
        }

        impl Method {
            /// The names that methods have.
            pub const NAMES: &[&str] = &[$($name),+];

            /// The method's name, without its settings.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $name,)+ }
            }

            fn parse(name: &str, arguments: &[&str]) -> Result<Self, String> {
                match name {
                    $($name => methods!(@parse arguments, $variant $(, $settings)?),)+
                    _ => Err(format!("there are {}", Self::NAMES.join(", "))),
                }
            }
        }
    };
    (@parse $arguments:ident, $variant:ident) => { without_settings(Self::$variant, $arguments) };
    (@parse $arguments:ident, $variant:ident, $settings:ty) => { <$settings>::parse($arguments).map(Self::$variant) };
}

methods! {
    /// [`gradient`](crate::methods::gradient()): the composite of that name.
    Gradient = "gradient",
    /// [`input_x_gradient`]
    InputXGradient = "input-x-gradient",
    /// [`IntegratedGradients`]
    IntegratedGradients(IntegratedGradients) = "integrated-gradients",
    /// [`SmoothGrad`]
    SmoothGrad(SmoothGrad) = "smooth-grad",
    /// Guided backpropagation: the composite of that name.
    GuidedBackprop = "guided-backprop",
    /// Deconvolution: the composite of that name.
    Deconvnet = "deconvnet",
    /// Excitation backpropagation: the composite of that name.
    ExcitationBackprop = "excitation-backprop",
    /// [`attention_rollout`]
    AttentionRollout = "attention-rollout",
    /// [`TaylorDecomposition`]
    Taylor(TaylorDecomposition) = "taylor",
}

impl Method {
    /// Gives points towards which roots are searched, stacked along axis 0, to a Taylor decomposition.
    #[must_use]
    pub fn with_candidates(mut self, candidates: ArrayD<f64>) -> Self {
        if let Self::Taylor(taylor) = &mut self {
            taylor.candidates = Some(candidates.into());
        }
        self
    }

    /// The composite of the same name, for a method that is one backward pass.
    pub fn composite(&self) -> Option<&'static NamedComposite> {
        COMPOSITES.iter().find(|composite| composite.name == self.name())
    }

    /// What the method begins with: what its composite does; 1, as gradients do, where it has none.
    pub fn start(&self) -> Start {
        self.composite().map_or(Start::One, |composite| composite.start)
    }

    /// Explains a batch.
    ///
    /// # Errors
    /// As the method itself.
    pub fn explain<F: Real>(&self, forward: &Forward<'_, F>, question: &Question<F>) -> Result<Explained<F>, Error> {
        match self {
            Self::InputXGradient => input_x_gradient(forward, question),
            Self::AttentionRollout => attention_rollout(forward, question),
            Self::IntegratedGradients(method) => method.explain(forward, question),
            Self::SmoothGrad(method) => method.explain(forward, question),
            Self::Taylor(method) => method.explain(forward, question),
            Self::Gradient | Self::GuidedBackprop | Self::Deconvnet | Self::ExcitationBackprop => {
                forward.explain(&Composite::named(self.name())?, question)
            }
        }
    }

    fn arguments(&self) -> Vec<String> {
        match self {
            Self::IntegratedGradients(method) => method.arguments(),
            Self::SmoothGrad(method) => method.arguments(),
            Self::Taylor(method) => method.arguments(),
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&settings::text(self.name(), &self.arguments()))
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, arguments) = settings::split(text);
        Self::parse(name, &arguments).map_err(|reason| Error::Setting {
            what: "method",
            given: text.to_owned(),
            reason,
        })
    }
}

impl From<Method> for String {
    fn from(method: Method) -> Self {
        method.to_string()
    }
}

impl TryFrom<String> for Method {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::Attribution;
    use crate::explain::{Initial, Target};
    use crate::methods::testing::{assert_close, class, linear_network, random, rectifier_network};

    #[test]
    fn every_method_has_its_name_and_comes_back_from_its_text() {
        for name in Method::NAMES {
            let method: Method = name.parse().unwrap();
            assert_eq!(method.name(), *name);
            assert_eq!(method.to_string().parse::<Method>().unwrap(), method);
        }
        for text in [
            "integrated-gradients=7,midpoint,0.25",
            "smooth-grad=3,0,18446744073709551615",
            "taylor=margin,candidates=4,radius=2.5,nearest",
            "taylor=score,average=3",
        ] {
            assert_eq!(text.parse::<Method>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_name_means_one_thing_wherever_it_is_said() {
        let explainer = rectifier_network();
        let forward = explainer.forward(random(&[2, 5], 7).view()).unwrap();
        let map = |attribution: Attribution| {
            let initial = attribution.initial(Target::Class(1));
            attribution.explain(&forward, &initial.into()).unwrap().relevance
        };
        for (name, start) in [
            ("gradient", Start::One),
            ("guided-backprop", Start::One),
            ("deconvnet", Start::One),
            ("excitation-backprop", Start::Score),
        ] {
            let (method, composite) = (name.parse::<Method>().unwrap(), Composite::named(name).unwrap());
            assert_eq!((method.start(), composite.start()), (start, start), "{name}");
            assert_eq!(map(method.into()), map(composite.into()), "{name}");
        }
        // Score × gradient can still be said.
        let file = "name = 'score x gradient'\nstarts = 'score'\n[[rule]]\nwhere = 'any'\nrule = 'gradient'";
        let product = map(Composite::from_toml(file).unwrap().into());
        let slopes = map(Composite::named("gradient").unwrap().into());
        let scores = forward.scores();
        let scores = scores.slice_axis(ndarray::Axis(1), ndarray::Slice::from(1..2));
        assert_close(&product[0], &(&slopes[0] * &scores));
    }

    #[test]
    fn settings_that_make_no_sense_are_refused() {
        for (text, reason) in [
            ("gradients", "there are gradient, input-x-gradient"),
            ("gradient=1", "no settings"),
            ("integrated-gradients=0", "from 1 to"),
            ("integrated-gradients=5,trapezoid", "trapezoid"),
            ("integrated-gradients=5,midpoint,NaN", "finite"),
            ("smooth-grad=5,-1", "0 or larger"),
            ("smooth-grad=5,0.1,2,9", "it takes"),
            ("taylor=distance", "it takes"),
            ("taylor=candidates=0", "at least 1"),
            ("taylor=average=0", "at least 1"),
            ("taylor=radius=-1", "no distance"),
        ] {
            let error = text.parse::<Method>().unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(text), "{error}");
        }
    }

    /// Without biases, and with candidates at −x: then x₀ = 0.
    #[test]
    fn all_methods_have_closed_forms_on_a_linear_network() {
        let weights: Array2<f64> = random(&[3, 5], 1);
        let explainer = linear_network(weights.clone(), array![0.0, 0.0, 0.0]);
        let x: Array2<f64> = random(&[1, 5], 2);
        let forward = explainer.forward(x.view().into_dyn()).unwrap();
        let slope = weights.row(1).to_owned().insert_axis(ndarray::Axis(0));
        let product = &x * &slope;
        let positive = product.mapv(|z| z.max(0.0));
        let share = &positive / (positive.sum() + 1e-6);
        for (name, expected) in [
            ("gradient", &slope),
            ("input-x-gradient", &product),
            ("integrated-gradients", &product),
            ("smooth-grad", &slope),
            ("guided-backprop", &slope),
            ("deconvnet", &slope),
            ("excitation-backprop", &share),
            ("taylor", &product),
        ] {
            let method = name.parse::<Method>().unwrap().with_candidates(-&x.view().into_dyn());
            let explained = method.explain(&forward, &class(1)).unwrap();
            assert_close(&explained.relevance[0], &expected.clone().into_dyn());
            assert_eq!(explained.rules.len(), 1, "{name}");
            assert_eq!(explained.ledgers.len(), 1, "{name}");
        }
    }

    #[test]
    fn f32_gives_what_f64_gives() {
        let x = random(&[2, 5], 3);
        let explainer = rectifier_network();
        let single = crate::methods::testing::single_precision();
        // Attention rollout is for transformers alone, and refuses this network.
        for name in Method::NAMES.iter().filter(|name| **name != "attention-rollout") {
            let method = name.parse::<Method>().unwrap().with_candidates(random(&[20, 5], 4) * 3.0);
            let explained = method.explain(&explainer.forward(x.view()).unwrap(), &class(2)).unwrap();
            let batch = x.mapv(|x| x as f32);
            let question = Initial::One(Target::Class(2)).into();
            let rounded = method.explain(&single.forward(batch.view()).unwrap(), &question).unwrap();
            for (exact, rounded) in explained.relevance[0].iter().zip(&rounded.relevance[0]) {
                assert!((exact - f64::from(*rounded)).abs() < 1e-5, "{name}: {exact}, {rounded}");
            }
        }
    }
}
