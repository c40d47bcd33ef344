//! Maximum pooling undone: numbers back to where the maxima stood.

use ndarray::{ArrayD, ArrayViewD};
use relevance::Amount;

use crate::arrays::contiguous::{elements, elements_mut};
use crate::operation::{Family, Numbers, Operation, OperatorSpec, ParsedOperation, Step};
use crate::operations::window::Window;
use crate::{Error, Real};

/// Each number at the position that a second tensor says, as the second output of MaxPool does; zeros elsewhere.
///
/// Positions count through a tensor of the shape that was pooled. Of several numbers at the same position, the last stands
/// there; relevance goes to it, and that of zeros belongs to no number. A position that is not there makes all outputs NaN.
#[derive(Clone, Debug)]
pub struct MaxUnpool {
    window: Window,
    /// The shape of the output, where it is larger than what was pooled.
    lengths: Option<Vec<usize>>,
}

impl MaxUnpool {
    /// The shape that was pooled to one of `shape`.
    fn pooled(&self, shape: &[usize]) -> Option<Vec<usize>> {
        let [samples, channels, lengths @ ..] = shape else { return None };
        if lengths.len() != self.window.kernel.len() {
            return None;
        }
        let length = |(axis, &length): (usize, &usize)| {
            let (before, after) = self.window.padding.along(axis).unwrap_or((0, 0));
            let strides = length.checked_sub(1)?.checked_mul(self.window.strides[axis])?;
            strides.checked_add(self.window.kernel[axis])?.checked_sub(before.checked_add(after)?)
        };
        let lengths = lengths.iter().enumerate().map(length).collect::<Option<Vec<usize>>>()?;
        Some([&[*samples, *channels], lengths.as_slice()].concat())
    }

    /// The place in the output of each number; `None` where a position is not there.
    fn places<F: Real>(&self, operands: &[ArrayViewD<'_, F>]) -> Option<Vec<usize>> {
        let pooled = self.pooled(operands[0].shape())?;
        let output = self.lengths.as_deref().unwrap_or(&pooled);
        let count: usize = pooled.iter().product();
        let place = |&position: &F| {
            let mut rest = position.to_usize().filter(|&at| at < count && F::of(at as f64) == position)?;
            let (mut place, mut stride) = (0, 1);
            for (length, longer) in pooled.iter().zip(output).rev() {
                place += rest % length * stride;
                rest /= length;
                stride *= longer;
            }
            Some(place)
        };
        operands[1].iter().map(place).collect()
    }
}

impl<F: Real> Operation<F> for MaxUnpool {
    fn to_spec(&self) -> OperatorSpec<F> {
        let mut spec = self.window.write(OperatorSpec::new("MaxUnpool", 2));
        spec.attributes.remove("dilations");
        match &self.lengths {
            Some(lengths) => spec.with_constant_integers(lengths.iter().map(|&length| length as i64)),
            None => spec,
        }
    }

    fn kind(&self) -> &'static str {
        "MaxUnpool"
    }

    fn family(&self) -> Family {
        Family::Arrangement
    }

    fn takes(&self, operand: usize) -> Numbers {
        if operand == 1 { Numbers::Integer } else { Numbers::Real }
    }

    fn takes_empty_operands(&self) -> bool {
        false
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape, positions] = operands else { return Err(Error::shape(operands, "it takes 2")) };
        if shape != positions {
            return Err(Error::shape(operands, "both should have one shape"));
        }
        let pooled = self.pooled(shape).filter(|pooled| !pooled.contains(&0));
        let axes = self.window.kernel.len();
        let pooled = pooled.ok_or_else(|| {
            Error::shape(operands, format!("it takes what was pooled over {axes} spatial axes, samples × channels × …"))
        })?;
        let count = pooled.iter().try_fold(1i64, |count, &length| count.checked_mul(i64::try_from(length).ok()?));
        if count.is_none_or(|count| count > F::EXACT_INTEGERS) {
            let reason = format!("{} tells no more than {} positions apart", F::NAME, F::EXACT_INTEGERS);
            return Err(Error::shape(operands, reason));
        }
        match &self.lengths {
            None => Ok(pooled),
            Some(lengths) if lengths.len() == pooled.len() && lengths.iter().zip(&pooled).all(|(a, b)| a >= b) => {
                Ok(lengths.clone())
            }
            Some(lengths) => {
                Err(Error::shape(operands, format!("what was pooled, {pooled:?}, is not within {lengths:?}")))
            }
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let shape = Operation::<F>::output_shape(self, &[operands[0].shape(), operands[1].shape()]);
        let shape = shape.unwrap_or_else(|_| unreachable!("output_shape agreed"));
        let Some(places) = self.places(operands) else { return ArrayD::from_elem(shape, F::nan()) };
        let mut output = ArrayD::zeros(shape);
        let numbers = elements_mut(&mut output);
        places.into_iter().zip(&operands[0]).for_each(|(place, &number)| numbers[place] = number);
        output
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let positions = ArrayD::zeros(step.operands[1].raw_dim());
        let Some(places) = self.places(&step.operands) else {
            return vec![ArrayD::from_elem(step.operands[0].raw_dim(), F::nan()), positions];
        };
        let (mut numbers, mut upper) = (ArrayD::zeros(step.operands[0].raw_dim()), elements(&upper).into_owned());
        // From the last on: it stands in the place of those before it.
        for (place, number) in places.into_iter().zip(elements_mut(&mut numbers)).rev() {
            *number = std::mem::replace(&mut upper[place], F::zero());
        }
        vec![numbers, positions]
    }

    fn outside(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Amount {
        let mut upper = elements(&upper).into_owned();
        self.places(&step.operands).unwrap_or_default().into_iter().for_each(|place| upper[place] = F::zero());
        upper.into_iter().map(|upper| upper.as_()).collect()
    }

    fn description(&self) -> String {
        self.window.description()
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let window = Window::read(spec)?.checked(&spec.kind)?;
    let lengths = spec.constant_integers(2, "output shape")?.map(|lengths| {
        let counts = lengths.iter().map(|&length| usize::try_from(length)).collect::<Result<Vec<_>, _>>();
        counts.map_err(|_| spec.refuse("output shape", format!("{lengths:?}"), "lengths that are not negative"))
    });
    Ok(ParsedOperation::new(MaxUnpool { window, lengths: lengths.transpose()? }, vec![0, 1]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::{check_gradient_of, forward, numbers, step};
    use crate::operations::{MaxPool, MaxPositions};

    fn unpool(with: impl FnOnce(OperatorSpec<f64>) -> OperatorSpec<f64>) -> std::sync::Arc<dyn Operation<f64>> {
        let spec = OperatorSpec::new("MaxUnpool", 2).with_integers("kernel_shape", [2, 2]);
        read(&with(spec.with_integers("strides", [2, 2]))).unwrap().operation
    }

    #[test]
    fn maxima_go_back_to_where_they_stood() {
        let window = || Window::new([2, 2]).strides([2, 2]);
        let x = [numbers(&[2, 3, 4, 6], 1)];
        let maxima = forward(&MaxPool::new(window()).unwrap(), &x);
        let positions = forward(&MaxPositions::new(window()).unwrap(), &x);
        let back = forward(&*unpool(|spec| spec), &[maxima.clone(), positions.clone()]);
        assert_eq!(back.shape(), x[0].shape());
        assert_eq!(back.iter().filter(|back| **back != 0.0).count(), maxima.len());
        assert!(back.iter().zip(&x[0]).all(|(back, x)| *back == 0.0 || back == x));
        check_gradient_of(&*unpool(|spec| spec), &[maxima, positions], &[0]);
    }

    #[test]
    fn a_larger_output_begins_with_what_was_pooled() {
        let x = [array![[[[1.0, 2.0], [3.0, 4.0]]]].into_dyn(), array![[[[5.0, 7.0], [13.0, 15.0]]]].into_dyn()];
        let larger = unpool(|spec| spec.with_constant_integers([1, 1, 5, 5]));
        let y = forward(&*larger, &x);
        assert_eq!([y[[0, 0, 1, 1]], y[[0, 0, 1, 3]], y[[0, 0, 3, 1]], y[[0, 0, 3, 3]]], [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(y.sum(), 10.0);
        check_gradient_of(&*larger, &x, &[0]);
        assert_eq!(read(&larger.to_spec()).unwrap().operation.to_spec(), larger.to_spec());
        let smaller = unpool(|spec| spec.with_constant_integers([1, 1, 3, 5]));
        assert!(smaller.output_shape(&[&[1, 1, 2, 2], &[1, 1, 2, 2]]).is_err());
    }

    #[test]
    fn the_last_of_several_gets_all_and_zeros_belong_to_nobody() {
        let x = [array![[[1.0, 2.0]]].into_dyn(), array![[[3.0, 3.0]]].into_dyn()];
        let spec = OperatorSpec::<f64>::new("MaxUnpool", 2).with_integers("kernel_shape", [2]);
        let operation = read(&spec.with_integers("strides", [2])).unwrap().operation;
        let y = forward(&*operation, &x);
        assert_eq!(y, array![[[0.0, 0.0, 0.0, 2.0]]].into_dyn());
        let upper = array![[[1.0, 2.0, 4.0, 8.0]]].into_dyn();
        assert_eq!(operation.gradient(&step(&x, &y), upper.view())[0], array![[[0.0, 8.0]]].into_dyn());
        assert_eq!(operation.outside(&step(&x, &y), upper.view()).total, 7.0);
    }

    #[test]
    fn positions_that_are_not_there_are_no_numbers() {
        let of = |position: f64| {
            let x = [array![[[[1.0]]]].into_dyn(), array![[[[position]]]].into_dyn()];
            forward(&*unpool(|spec| spec), &x).iter().all(|y| y.is_nan())
        };
        assert!(of(-1.0) && of(4.0) && of(0.5) && of(f64::NAN) && of(f64::INFINITY) && !of(3.0));
        let operation = unpool(|spec| spec);
        assert!(operation.output_shape(&[&[1, 1, 2, 2], &[1, 1, 2, 3]]).is_err());
        assert!(operation.output_shape(&[&[1, 2, 2], &[1, 2, 2]]).is_err());
        let padded = unpool(|spec| spec.with_integers("pads", [9, 9, 9, 9]));
        assert!(padded.output_shape(&[&[1, 1, 2, 2], &[1, 1, 2, 2]]).is_err());
    }
}
