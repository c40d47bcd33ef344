//! Local response normalization across channels.

use ndarray::{ArrayD, ArrayViewD, Zip};
use relevance::{Amount, Stabilizer};

use crate::arrays::contiguous::elements;
use crate::arrays::planes::fill_planes;
use crate::operation::OperatorSpec;
use crate::operation::shares::shares;
use crate::operation::{Family, Normalization, Operation, ParsedOperation, Redistribution, Step};
use crate::{Error, Real};

/// `y_k = x_k / S_k^β`, `S_k = bias + q Σ_{i∈W(k)} x_i²`, `q = α/size`: each number, by those of the channels around it.
///
/// `W(k)` are `size` channels centered on k, cut at the first and the last; of an even size, one more lies behind k.
///
/// Its [`taylor`](Operation::taylor) expands each output about the point where all but its own input are zero
/// (after Binder et al. 2016):
///
/// ```text
/// z_kk = x_k / (bias + q x_k²)^β,     z_jk = −2 q β x_k x_j² / S_k^{β+1},  j ≠ k
/// R_j = Σ_k z_jk / stabilize( Σ_i z_ik ) · R_k
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponseNormalization {
    size: usize,
    alpha: f64,
    beta: f64,
    bias: f64,
}

impl LocalResponseNormalization {
    /// The normalization over `size` channels.
    ///
    /// # Errors
    /// [`Error::Attribute`] for a size of 0, a negative α, a bias that is not positive, or numbers that are not finite.
    pub fn new(size: usize, alpha: f64, beta: f64, bias: f64) -> Result<Self, Error> {
        let checks = [
            ("size", size as f64, size >= 1, "at least 1"),
            ("alpha", alpha, alpha.is_finite() && alpha >= 0.0, "a number of at least 0"),
            ("beta", beta, beta.is_finite(), "a number"),
            ("bias", bias, bias.is_finite() && bias > 0.0, "a positive number"),
        ];
        match checks.iter().find(|(_, _, holds, _)| !holds) {
            None => Ok(Self { size, alpha, beta, bias }),
            Some((name, value, _, expected)) => Err(Error::Attribute {
                kind: "LRN".into(),
                attribute: (*name).into(),
                value: value.to_string(),
                expected: (*expected).into(),
            }),
        }
    }

    /// `q = α/size`
    fn weight<F: Real>(&self) -> F {
        F::of(self.alpha / self.size as f64)
    }

    /// `−2 q β`
    fn slope<F: Real>(&self) -> F {
        F::of(-2.0 * self.alpha / self.size as f64 * self.beta)
    }

    /// `S^−β`
    fn power<F: Real>(&self, sum: F) -> F {
        // β = 3/4 is what the networks have: two roots take a fifth of a power's time.
        let power = if self.beta == 0.75 { (sum * sum.sqrt()).sqrt() } else { sum.powf(F::of(self.beta)) };
        power.recip()
    }

    /// For each channel, the sum over those that `which` says.
    fn over_channels<F: Real>(&self, array: &ArrayD<F>, which: Channels, own: Own) -> ArrayD<F> {
        let channels = array.shape()[1];
        let (behind, ahead) = (self.size / 2, (self.size - 1) / 2);
        let (back, forth) = match which {
            Channels::Seen => (ahead, behind),
            Channels::Seeing => (behind, ahead),
        };
        let view = array.view();
        let numbers = elements(&view);
        fill_planes(array.shape(), [], |plane, [], sum| {
            let (sample, channel) = (plane / channels, plane % channels);
            for other in channel.saturating_sub(back)..channels.min(channel.saturating_add(forth).saturating_add(1)) {
                if other == channel && own == Own::LeftOut {
                    continue;
                }
                let start = (sample * channels + other) * sum.len();
                sum.iter_mut().zip(&numbers[start..]).for_each(|(sum, &number)| *sum += number);
            }
        })
    }

    /// `S_k`
    fn sums<F: Real>(&self, squares: &ArrayD<F>) -> ArrayD<F> {
        let (bias, weight) = (F::of(self.bias), self.weight::<F>());
        self.over_channels(squares, Channels::Seen, Own::Counted).mapv_into(|sum| bias + weight * sum)
    }
}

/// Which channels a sum runs over.
#[derive(Clone, Copy)]
enum Channels {
    /// Those that normalize this one: `W(k)`.
    Seen,
    /// Those that this one normalizes: all k with j in `W(k)`.
    Seeing,
}

/// Whether a channel itself counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own {
    Counted,
    LeftOut,
}

impl<F: Real> Operation<F> for LocalResponseNormalization {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new("LRN", 1)
            .with_integer("size", self.size as i64)
            .with_real("alpha", self.alpha)
            .with_real("beta", self.beta)
            .with_real("bias", self.bias)
    }

    fn kind(&self) -> &'static str {
        "LRN"
    }

    fn family(&self) -> Family {
        Family::Normalization
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match operands {
            [shape @ [_, _, ..]] => Ok(shape.to_vec()),
            _ => Err(Error::shape(operands, "it takes one, samples × channels × any axes")),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let input = &operands[0];
        let sums = self.sums(&input.mapv(|x| x * x));
        Zip::from(input).and(&sums).par_map_collect(|&x, &sum| x * self.power(sum))
    }

    /// `∂y_k/∂x_j = δ_jk S_k^{−β} − 2 q β x_k x_j S_k^{−β−1}`, the latter for j in `W(k)`
    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let input = &step.operands[0];
        let sums = self.sums(&input.mapv(|x| x * x));
        let direct = Zip::from(&upper).and(&sums).par_map_collect(|&upper, &sum| upper * self.power(sum));
        let weighed = Zip::from(&direct).and(input).and(&sums).map_collect(|&direct, &x, &sum| direct * x / sum);
        let indirect = self.over_channels(&weighed, Channels::Seeing, Own::Counted);
        let slope = self.slope::<F>();
        vec![Zip::from(&direct).and(input).and(&indirect).map_collect(|&direct, &x, &sum| direct + slope * x * sum)]
    }

    /// `y_k (1 − 2 β (S_k − bias) / S_k)`
    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        let sums = self.sums(&step.operands[0].mapv(|x| x * x));
        let (bias, twice) = (F::of(self.bias), F::of(2.0 * self.beta));
        Zip::from(&step.output).and(&sums).map_collect(|&y, &sum| y * (F::one() - twice * (sum - bias) / sum))
    }

    fn taylor(
        &self,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
        stabilizer: Stabilizer,
    ) -> Option<Redistribution<F>> {
        let input = &step.operands[0];
        let squares = input.mapv(|x| x * x);
        let sums = self.sums(&squares);
        let (bias, weight, slope) = (F::of(self.bias), self.weight::<F>(), self.slope::<F>());
        let own = Zip::from(input).par_map_collect(|&x| x * self.power(bias + weight * x * x)); // z_kk
        // z_jk = falls_k x_j²
        let falls = Zip::from(input).and(&sums).par_map_collect(|&x, &sum| slope * x * self.power(sum) / sum);
        let others = self.over_channels(&squares, Channels::Seen, Own::LeftOut);
        let totals = Zip::from(&own).and(&falls).and(&others).map_collect(|&own, &falls, &sum| own + falls * sum);
        let (shares, sinks) = shares(upper, &totals.view(), stabilizer);
        let from_others = self.over_channels(&(falls * &shares), Channels::Seeing, Own::LeftOut);
        Some(Redistribution::with_sinks(vec![own * shares + squares * from_others], sinks))
    }

    fn channel_axis(&self, _: usize) -> Option<usize> {
        Some(1)
    }

    fn normalization(&self) -> Option<&dyn Normalization<F>> {
        Some(self)
    }

    fn description(&self) -> String {
        format!("over {} channels, α {}, β {}, bias {}", self.size, self.alpha, self.beta, self.bias)
    }
}

/// `J x = x_k / S_k^β` with the sums constant; there is no shift.
impl<F: Real> Normalization<F> for LocalResponseNormalization {
    fn transposed(&self, step: &Step<'_, F>, message: ArrayViewD<'_, F>) -> ArrayD<F> {
        let sums = self.sums(&step.operands[0].mapv(|x| x * x));
        Zip::from(&message).and(&sums).par_map_collect(|&message, &sum| message * self.power(sum))
    }

    fn absorbed(&self, _: &Step<'_, F>, _: ArrayViewD<'_, F>) -> Amount {
        Amount::default()
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let size = spec.integer("size", 0)?;
    let size = usize::try_from(size).ok().filter(|&size| size <= i32::MAX as usize);
    let operation = LocalResponseNormalization::new(
        size.unwrap_or(0),
        spec.real("alpha", 1e-4)?,
        spec.real("beta", 0.75)?,
        spec.real("bias", 1.0)?,
    )?;
    Ok(ParsedOperation::new(operation, vec![0]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::operations::testing::{assert_close, booked, check_gradient, forward, numbers, step};
    use crate::rules::{Detached, Rule};

    fn layer(size: usize, beta: f64) -> LocalResponseNormalization {
        LocalResponseNormalization::new(size, 0.9, beta, 1.5).unwrap()
    }

    /// `W(k)`: from `k − ⌊(size−1)/2⌋` to `k + ⌈(size−1)/2⌉`, of `channels`.
    fn window(size: usize, k: usize, channels: usize) -> Vec<usize> {
        let (back, forth) = ((size as i64 - 1) / 2, size as i64 / 2);
        let all = (k as i64 - back)..=(k as i64 + forth);
        all.filter(|&i| i >= 0 && i < channels as i64).map(|i| i as usize).collect()
    }

    #[test]
    fn each_channel_is_divided_by_those_around_it() {
        for (size, channels) in [(1, 3), (2, 5), (3, 5), (4, 3), (5, 7), (9, 2)] {
            let x = numbers(&[2, channels, 3], 21);
            let expected = ArrayD::from_shape_fn(x.raw_dim(), |place| {
                let squares = window(size, place[1], channels).into_iter().map(|i| x[[place[0], i, place[2]]].powi(2));
                x[&place] / (1.5 + 0.9 / size as f64 * squares.sum::<f64>()).powf(0.7)
            });
            let found = forward(&layer(size, 0.7), &[x]);
            assert_close(found.view(), expected.view(), &format!("size {size}"));
        }
    }

    #[test]
    fn the_gradient_is_right_for_odd_and_even_sizes() {
        for (size, beta) in [(1, 0.5), (2, 0.75), (3, 0.75), (4, 2.0), (5, 0.6)] {
            check_gradient(&layer(size, beta), &[numbers(&[2, 4, 2], 22) * 2.0]);
        }
    }

    #[test]
    fn relevance_comes_back_by_the_formula() {
        for (size, epsilon) in [(3, 1e-6), (2, 0.1), (4, 0.0)] {
            let (channels, beta, q) = (5, 0.75, 0.9 / size as f64);
            let x = [numbers(&[1, channels, 1], 23) * 3.0];
            let y = forward(&layer(size, beta), &x);
            let upper = numbers(y.shape(), 24);
            let stabilizer = Stabilizer::new(epsilon).unwrap();
            let value = |k: usize| x[0][[0, k, 0]];
            let z = |j: usize, k: usize| {
                let around = window(size, k, channels);
                if j == k {
                    value(k) / (1.5 + q * value(k).powi(2)).powf(beta)
                } else if around.contains(&j) {
                    let sum: f64 = around.iter().map(|&i| value(i).powi(2)).sum();
                    -2.0 * q * beta * value(k) * value(j).powi(2) / (1.5 + q * sum).powf(beta + 1.0)
                } else {
                    0.0
                }
            };
            let expected = ArrayD::from_shape_fn(y.raw_dim(), |place| {
                let share = |k: usize| {
                    let total = (0..channels).map(|i| z(i, k)).sum::<f64>();
                    z(place[1], k) / stabilizer.stabilize(total) * upper[[0, k, 0]]
                };
                (0..channels).map(share).sum()
            });
            let found = layer(size, beta).taylor(&step(&x, &y), upper.view(), stabilizer).unwrap();
            assert_close(found.lower[0].view(), expected.view(), &format!("size {size}"));
        }
    }

    proptest! {
        #[test]
        fn what_the_inputs_do_not_get_is_booked(
            seed in 0u64..1000,
            size in 1usize..6,
            beta in 0.0..2.0,
            epsilon in prop::sample::select(vec![0.0, 1e-6, 0.1]),
        ) {
            let x = [numbers(&[2, 4, 3], seed).mapv(|x| if x > 0.7 { 0.0 } else { 4.0 * x })];
            let y = forward(&layer(size, beta), &x);
            let upper = numbers(y.shape(), seed + 1);
            let stabilizer = Stabilizer::new(epsilon).unwrap();
            let shared = layer(size, beta).taylor(&step(&x, &y), upper.view(), stabilizer).unwrap();
            let entry = booked(&upper, shared);
            prop_assert!(entry.relative_error() < 1e-10, "{}", entry.relative_error());
        }
    }

    #[test]
    fn detached_it_passes_relevance_on() {
        let x = [numbers(&[2, 4, 3], 25)];
        let (y, upper) = (forward(&layer(3, 0.75), &x), numbers(&[2, 4, 3], 26));
        let rule = Rule::from(Detached { stabilizer: Stabilizer::NONE });
        let shared = rule.redistribute(&layer(3, 0.75), &step(&x, &y), upper.view()).unwrap();
        assert_close(shared.lower[0].view(), upper.view(), "passed on");
    }

    #[test]
    fn senseless_settings_are_refused() {
        assert!(LocalResponseNormalization::new(0, 1.0, 0.75, 1.0).unwrap_err().to_string().contains("size of 0"));
        assert!(LocalResponseNormalization::new(5, 1.0, f64::NAN, 1.0).unwrap_err().to_string().contains("beta"));
        assert!(LocalResponseNormalization::new(5, 1.0, 0.75, 0.0).unwrap_err().to_string().contains("bias of 0"));
        let read = |size: i64| read(&OperatorSpec::<f64>::new("LRN", 1).with_integer("size", size));
        assert!(read(-3).is_err() && read(i64::MAX).is_err() && read(4).is_ok());
        assert!(Operation::<f64>::output_shape(&layer(3, 0.75), &[&[3]]).is_err());
    }
}
