//! Sums and differences of tensors.

use std::any::Any;
use std::borrow::Cow;

use channel_kernels::SharedSum;
use ndarray::{ArrayD, ArrayViewD};
use relevance::{Sink, Stabilizer};

use crate::arrays::broadcast::combine;
use crate::arrays::broadcast::{broadcast_shape, sum_to_shape};
use crate::arrays::map::clip;
use crate::arrays::order::Order;
use crate::operation::OperatorSpec;
use crate::operation::affine::number;
use crate::operation::amount::amount_of;
use crate::operation::{Accepts, AffineMap, Family, Operation, ParsedOperation, Redistribution, Step};
use crate::{Error, Real};

/// `y = Σ_i ± x_i`, where operands broadcast as in numpy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// `x_1 + x_2`
    Add,
    /// `x_1 − x_2`
    Sub,
    /// `x_1 + x_2 + …`
    Sum {
        /// How many there are.
        operands: usize,
    },
}

impl Sum {
    fn operands(self) -> usize {
        match self {
            Self::Add | Self::Sub => 2,
            Self::Sum { operands } => operands,
        }
    }
}

impl<F: Real> Operation<F> for Sum {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new(Operation::<F>::kind(self), self.operands())
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Sub => "Sub",
            Self::Sum { .. } => "Sum",
        }
    }

    fn family(&self) -> Family {
        Family::Sum
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn takes_empty_operands(&self) -> bool {
        true
    }

    fn accepts(&self) -> Accepts {
        Accepts::MovedAxes
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match operands.len() == self.operands() {
            true => broadcast_shape(operands),
            false => Err(Error::shape(operands, format!("it takes {}", self.operands()))),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        match (self, operands) {
            (Self::Sub, [first, second]) => combine(first, second, |a, b| a - b),
            (_, [first, second, others @ ..]) => {
                let sum = combine(first, second, |a, b| a + b);
                others.iter().fold(sum, |sum, operand| combine(&sum.view(), operand, |a, b| a + b))
            }
            _ => operands[0].to_owned(),
        }
    }

    fn forward_clipped(&self, operands: &[ArrayViewD<'_, F>], bounds: [F; 2]) -> Option<ArrayD<F>> {
        match (self, operands) {
            (Self::Add, [first, second]) if first.shape() == second.shape() => {
                let order = Order::common(operands);
                let [first, second] = [first, second].map(|operand| order.arrange(operand));
                let sum = combine(&order.axes(first.view()), &order.axes(second.view()), |a, b| clip(a + b, bounds));
                Some(order.axes_back(sum))
            }
            _ => None,
        }
    }

    /// Both terms by one kernel, where these numbers have one. They add up to the sum, so that nothing is left over.
    fn by_contributions(
        &self,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
        stabilizer: Stabilizer,
    ) -> Option<Redistribution<F>> {
        let (Self::Add, [first, second]) = (self, step.operands.as_slice()) else { return None };
        let shape = step.output.shape();
        if first.shape() != shape || second.shape() != shape {
            return None;
        }
        let arrays = [upper.view(), step.output.view(), first.view(), second.view()];
        let order = Order::common(&arrays);
        let samples = if shape.len() > 1 { shape[0] } else { 1 };
        let (lower, books) = shared(samples, arrays.each_ref().map(|array| order.numbers(array)), stabilizer)?;
        let amounts = [0, 1].map(|term| books.iter().map(|books| amount_of(books.lower[term])).collect());
        let sinks = books.iter().map(|SharedSum { booked, .. }| {
            [(Sink::Stabilizer, amount_of(booked.stabilizer)), (Sink::ZeroDenominator, amount_of(booked.zero))]
        });
        let lower = lower.map(|numbers| order.array(shape, numbers));
        let handed = Redistribution::with_sinks_of_samples(lower.into(), sinks);
        Some(handed.with_amounts(amounts.into()).in_proportion())
    }

    /// A sum of one tensor and constants; `c − x` turns it over.
    fn affine(&self, constants: &[Option<ArrayViewD<'_, F>>], _: usize) -> Option<AffineMap<F>> {
        match (self, constants) {
            (Self::Sub, [None, Some(less)]) => Some(AffineMap::shifting(less.mapv(|less| -less))),
            (Self::Sub, [Some(from), None]) => Some(AffineMap::new(number(-F::one()), from.to_owned())),
            (Self::Sub, _) => None,
            _ if constants.iter().filter(|constant| constant.is_none()).count() != 1 => None,
            _ => constants
                .iter()
                .flatten()
                .try_fold(number(F::zero()), |sum, constant| {
                    broadcast_shape(&[sum.shape(), constant.shape()]).ok()?;
                    Some(combine(&sum.view(), constant, |a, b| a + b))
                })
                .map(AffineMap::shifting),
        }
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let mut lower: Vec<ArrayD<F>> =
            step.operands.iter().map(|operand| sum_to_shape(upper.to_owned(), operand.shape())).collect();
        if let (Self::Sub, [_, second]) = (self, lower.as_mut_slice()) {
            second.mapv_inplace(|upper| -upper);
        }
        lower
    }
}

/// What both terms of a sum get, of relevance, sum and terms, by the kernel of these numbers, if they have one and all of
/// them are finite.
fn shared<F: Real>(
    samples: usize,
    numbers: [Cow<'_, [F]>; 4],
    stabilizer: Stabilizer,
) -> Option<([Vec<F>; 2], Vec<SharedSum>)> {
    let [relevance, total, first, second] = &numbers;
    let [relevance, total, terms @ ..] =
        [F::single(relevance)?, F::single(total)?, F::single(first)?, F::single(second)?];
    let (lower, books) = channel_kernels::shares_of_sum(samples, relevance, total, terms, stabilizer.epsilon() as f32);
    let is_finite = |books: &SharedSum| {
        let sinks = [books.booked.upper, books.booked.stabilizer, books.booked.zero];
        books.lower.iter().chain(&sinks).all(|amount| amount.magnitude.is_finite())
    };
    let lower: Box<dyn Any> = Box::new(lower);
    let lower = lower.downcast().ok().filter(|_| books.iter().all(is_finite))?;
    Some((*lower, books))
}

/// Reads [`Sum::Add`] from its specification.
pub(crate) fn read_add<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_numbers(2..=2)?;
    Ok(ParsedOperation::new(Sum::Add, vec![0, 1]))
}

/// Reads [`Sum::Sub`] from its specification.
pub(crate) fn read_sub<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_numbers(2..=2)?;
    Ok(ParsedOperation::new(Sum::Sub, vec![0, 1]))
}

/// Reads [`Sum::Sum`] from its specification.
pub(crate) fn read_sum<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_numbers(1..=usize::MAX)?;
    let operands = spec.inputs.len();
    Ok(ParsedOperation::new(Sum::Sum { operands }, (0..operands).collect()))
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use relevance::Amount;

    use super::*;
    use crate::operations::testing::check_gradient;
    use crate::rules::{Norm, Rule};

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let a = array![[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]].into_dyn();
        let b = array![[0.5], [-1.5]].into_dyn();
        let c = array![2.0].into_dyn();
        check_gradient(&Sum::Add, &[a.clone(), a.clone()]);
        check_gradient(&Sum::Add, &[b.clone(), a.clone()]);
        check_gradient(&Sum::Sub, &[a.clone(), b.clone()]);
        check_gradient(&Sum::Sub, &[b.clone(), a.clone()]);
        check_gradient(&Sum::Sum { operands: 3 }, &[c, a.clone(), b]);
        check_gradient(&Sum::Sum { operands: 1 }, &[a]);
    }

    #[test]
    fn terms_get_the_same_by_the_kernel_as_by_the_expansion() {
        let numbers = |factor: f64| {
            ArrayD::from_shape_fn(vec![3, 70, 2], |at| (factor * (at[0] + 7 * at[1] + at[2]) as f64).sin())
        };
        let [first, second, upper] = [1.3, 2.9, 0.7].map(numbers);
        let rule = Rule::from(Norm { stabilizer: Stabilizer::new(1e-3).unwrap() });
        let output = &first + &second;
        let whole = Step { operands: vec![first.view(), second.view()], output: output.view() };
        let expected = rule.redistribute(&Sum::Add, &whole, upper.view()).unwrap();

        let [first, second, output, upper] = [first, second, output, upper].map(|array| array.mapv(|x| x as f32));
        let single = Step { operands: vec![first.view(), second.view()], output: output.view() };
        let handed = rule.redistribute(&Sum::Add, &single, upper.view()).unwrap();
        assert!(handed.amounts.len() == 2 && handed.of_samples.len() == 3 && handed.in_proportion);
        for ((lower, expected), amounts) in handed.lower.iter().zip(&expected.lower).zip(&handed.amounts) {
            let scale = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            assert!(lower.iter().zip(expected).all(|(&got, want)| (f64::from(got) - want).abs() < 1e-5 * scale));
            for (sample, amount) in lower.outer_iter().zip(amounts) {
                let total: f64 = sample.iter().map(|&x| f64::from(x)).sum();
                assert!((amount.total - total).abs() < 1e-6 * amount.magnitude);
            }
        }
        let sinks =
            |handed: Option<Vec<(Sink, Amount)>>| handed.unwrap().iter().map(|(_, amount)| amount.total).sum::<f64>();
        let [got, want] = [sinks(handed.sinks), sinks(expected.sinks)];
        assert!((got - want).abs() < 1e-4 * want.abs(), "{got} is not {want}");
    }

    #[test]
    fn operands_must_broadcast_and_be_as_many_as_announced() {
        let shape = |operation: &dyn Operation<f64>, operands: &[&[usize]]| operation.output_shape(operands);
        assert_eq!(shape(&Sum::Add, &[&[2, 1], &[3]]).unwrap(), [2, 3]);
        assert!(shape(&Sum::Add, &[&[2], &[3]]).is_err());
        assert!(shape(&Sum::Sub, &[&[2]]).unwrap_err().to_string().contains("takes 2"));
    }

    #[test]
    fn inputs_left_out_are_refused() {
        let spec = OperatorSpec::<f64>::new("Add", 1);
        assert!(matches!(read_add(&spec), Err(Error::MissingInput { .. })));
        assert!(matches!(read_add(&spec.with_absent()), Err(Error::MissingInput { .. })));
        let integers = OperatorSpec::<f64>::new("Add", 1).with_constant_integers([1]);
        assert!(matches!(read_add(&integers), Err(Error::Attribute { .. })));
    }
}
