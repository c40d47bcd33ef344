//! The model parameter randomisation test.

use ndarray::Array1;
use rayon::prelude::*;

use crate::settings::settings;
use crate::similarity::rank_correlation;
use crate::{
    Case, Curve, CurveAxis, Direction, Error, Extent, LayerOrder, Measure, Outcome, Passes, Randomization, Steps,
};

settings! {
    /// The model parameter randomisation test (Adebayo et al. 2018): how alike explanations stay when the parameters of
    /// layers are drawn anew.
    ///
    /// ```text
    /// value = 1/L Σ_l ρ( |R|, |R_l| )
    /// ```
    /// * `R_l` — the explanation of the same target after the `l`-th of `L` replacements, in the
    ///   [order](Self::layer_order) of the layers; the curve has each correlation
    /// * `ρ` — [`rank_correlation`], Spearman's; 0 for an `R_l` that is everywhere the same, which is like no other
    ///
    /// Not defined where `|R|` is everywhere the same. As Quantus's `MPRT` with its average over layers, which counts the
    /// correlation of the explanation with itself along; how parameters are drawn is the classifier's own matter.
    pub struct ModelParameterRandomisation = "model-parameter-randomisation" {
        /// Which layers have other parameters: `top-down` (as in Quantus), `bottom-up` or `independent`.
        pub layer_order: LayerOrder = LayerOrder::TopDown,
        /// Where the parameters are drawn from (42, as in Quantus).
        pub seed: u64 = 42,
    }
}

impl Measure for ModelParameterRandomisation {
    fn question(&self) -> &'static str {
        "Does the explanation depend on what the classifier has learned?"
    }

    fn better(&self) -> Direction {
        Direction::Lower
    }

    fn randomization(&self) -> Option<Randomization> {
        Some(Randomization { order: self.layer_order, seed: self.seed })
    }

    fn passes(&self, of: Extent) -> Passes {
        Passes::explanations(of.layers)
    }

    fn judge(&self, case: &Case<'_>, steps: &mut Steps<'_>) -> Result<Outcome, Error> {
        let magnitudes = case.magnitudes()?;
        if magnitudes.iter().all(|&magnitude| magnitude == magnitudes[0]) || case.randomized.is_empty() {
            return Ok(Outcome::default());
        }
        let correlations = steps.all(case.randomized.len(), rayon::current_num_threads(), |now| {
            let correlation = case.randomized[now].par_iter().map(|randomized| {
                let after = Case { classifier: randomized.classifier.as_ref(), ..case.clone() };
                let relevance = after.explain(case.input.view(), case.target)?;
                let after: Vec<f64> = relevance.iter().map(|value| value.abs()).collect();
                Ok(vec![rank_correlation(&magnitudes, &after)?.unwrap_or(0.0)])
            });
            correlation.collect()
        })?;
        let correlations = correlations.concat();
        let value = correlations.iter().sum::<f64>() / correlations.len() as f64;
        let layers = case.randomized.iter().map(|randomized| randomized.layer.clone()).collect();
        let values = Array1::from(correlations).insert_axis(ndarray::Axis(1));
        Ok(Outcome { value: Some(value), curve: Some(Curve { along: CurveAxis::Layers(layers), values }) })
    }
}
