//! Batch normalization by the statistics of its own input, as weight standardization is written.

use ndarray::Axis;

use super::*;

/// BatchNormalization in training mode: `γ_c (x_c − mean x_c) / √(var x_c + ε) + β_c` for each position c along axis 1.
///
/// The variance is that of the whole population; sums are taken in 64 bits.
pub(super) fn normalize<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let values = inputs.required_reals(0)?;
    let (gamma, beta) = (inputs.required_reals(1)?, inputs.required_reals(2)?);
    let epsilon = match inputs.node.attributes.get("epsilon") {
        Some(Attribute::Real(epsilon)) => *epsilon,
        _ => 1e-5,
    };
    let channels = values.shape().get(1).copied().ok_or("it takes two axes at least")?;
    if [gamma, beta].iter().any(|numbers| numbers.shape() != [channels]) {
        let shapes = [values.shape(), gamma.shape(), beta.shape()];
        return Err(format!("its input, scale and bias are of shapes {shapes:?}, and should be of as many channels"));
    }
    let mut result = values.clone();
    for (mut channel, (&gamma, &beta)) in result.axis_iter_mut(Axis(1)).zip(gamma.iter().zip(beta)) {
        let count = channel.len() as f64;
        let mean = channel.iter().map(|value| value.as_()).sum::<f64>() / count;
        let variance = channel.iter().map(|value| (value.as_() - mean).powi(2)).sum::<f64>() / count;
        let scale = gamma.as_() / (variance + epsilon).sqrt();
        channel.mapv_inplace(|value| F::of((value.as_() - mean) * scale + beta.as_()));
    }
    Ok(Constant::Real(Arc::new(result)))
}
