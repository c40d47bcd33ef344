//! What operations that act on each number by itself have in common.

use ndarray::{ArrayD, ArrayViewD};

use crate::arrays::map::{map, map_by_kernel, map_parts};
use crate::operation::{Numbers, OperatorSpec, Step};
use crate::{Error, Real};

/// A function of one number, applied to each number of a tensor: an activation, through which relevance passes (Eq. 63).
///
/// `activation!` makes an [`Operation`](crate::Operation) of whatever implements it.
pub trait Elementwise<F: Real>: Sync {
    /// The operator's name.
    const KIND: &'static str;

    /// Whether it turns linear scores into probabilities.
    const IS_SQUASHING: bool = false;

    /// See [`Operation::is_rectifier`](crate::Operation::is_rectifier).
    const IS_RECTIFIER: bool = false;

    /// Whether it rises from −1 to 1: see [`Operation::is_centered_gate`](crate::Operation::is_centered_gate).
    const IS_CENTERED_GATE: bool = false;

    /// See [`Operation::clips_to`](crate::Operation::clips_to).
    fn clips_to(&self) -> Option<[F; 2]> {
        None
    }

    /// `g(x)`
    fn value(&self, x: F) -> F;

    /// `g` of many numbers, where a kernel of single precision has it: writes them to the second slice.
    fn kernel(&self) -> Option<impl Fn(&[f32], &mut [f32])> {
        None::<fn(&[f32], &mut [f32])>
    }

    /// `g'(x)`, where `y = g(x)` is known; at a kink, the derivative that frameworks take.
    fn derivative(&self, x: F, y: F) -> F;

    /// The factor, for a function that is a multiple of its operand.
    fn factor(&self) -> Option<F> {
        None
    }

    /// Whether it is a gate: see [`Operation::is_gate`](crate::Operation::is_gate).
    fn is_gate(&self) -> bool {
        false
    }

    /// See [`Operation::gives`](crate::Operation::gives).
    fn gives(&self) -> Numbers {
        Numbers::Real
    }

    /// The attributes, as ONNX names them.
    fn attributes(&self) -> OperatorSpec<F> {
        OperatorSpec::new(Self::KIND, 1)
    }
}

/// Makes an operation of a function of one number.
macro_rules! activation {
    ($name:ty) => {
        impl<F: $crate::Real> $crate::operation::Operation<F> for $name {
            fn to_spec(&self) -> $crate::operation::OperatorSpec<F> {
                $crate::operations::activation::elementwise::Elementwise::<F>::attributes(self)
            }

            fn kind(&self) -> &'static str {
                <Self as $crate::operations::activation::elementwise::Elementwise<F>>::KIND
            }

            fn family(&self) -> $crate::operation::Family {
                $crate::operation::Family::Activation
            }

            fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
                true
            }

            fn accepts(&self) -> $crate::operation::Accepts {
                $crate::operation::Accepts::MovedAxes
            }

            fn is_squashing(&self) -> bool {
                <Self as $crate::operations::activation::elementwise::Elementwise<F>>::IS_SQUASHING
            }

            fn is_rectifier(&self) -> bool {
                <Self as $crate::operations::activation::elementwise::Elementwise<F>>::IS_RECTIFIER
            }

            fn clips_to(&self) -> Option<[F; 2]> {
                $crate::operations::activation::elementwise::Elementwise::<F>::clips_to(self)
            }

            fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, $crate::Error> {
                $crate::operations::activation::elementwise::same_shape(operands)
            }

            fn forward(&self, operands: &[ndarray::ArrayViewD<'_, F>]) -> ndarray::ArrayD<F> {
                $crate::operations::activation::elementwise::forward(self, &operands[0])
            }

            fn gradient(
                &self,
                step: &$crate::operation::Step<'_, F>,
                upper: ndarray::ArrayViewD<'_, F>,
            ) -> Vec<ndarray::ArrayD<F>> {
                vec![$crate::operations::activation::elementwise::gradient(self, step, upper)]
            }

            fn affine(
                &self,
                _: &[Option<ndarray::ArrayViewD<'_, F>>],
                _: usize,
            ) -> Option<$crate::operation::AffineMap<F>> {
                let factor = $crate::operations::activation::elementwise::Elementwise::<F>::factor(self)?;
                Some($crate::operation::AffineMap::scaling($crate::operation::affine::number(factor)))
            }

            fn gives(&self) -> $crate::operation::Numbers {
                $crate::operations::activation::elementwise::Elementwise::<F>::gives(self)
            }

            fn is_gate(&self) -> bool {
                $crate::operations::activation::elementwise::Elementwise::<F>::is_gate(self)
            }

            fn is_centered_gate(&self) -> bool {
                <Self as $crate::operations::activation::elementwise::Elementwise<F>>::IS_CENTERED_GATE
            }

            fn along_operands(&self, step: &$crate::operation::Step<'_, F>) -> ndarray::ArrayD<F> {
                $crate::operations::activation::elementwise::gradient(self, step, step.operands[0].view())
            }
        }
    };
}
pub(crate) use activation;

/// The shape of a single operand, which is that of the output.
pub(crate) fn same_shape(operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
    match operands {
        [shape] => Ok(shape.to_vec()),
        _ => Err(Error::shape(operands, "it takes one")),
    }
}

/// `g(x)`
pub(crate) fn forward<F: Real>(function: &impl Elementwise<F>, x: &ArrayViewD<'_, F>) -> ArrayD<F> {
    let by_kernel = function.kernel().and_then(|kernel| map_by_kernel(x, kernel));
    by_kernel.unwrap_or_else(|| map(x, |x| function.value(x)))
}

/// `upper · g'(x)`
pub(crate) fn gradient<F: Real>(
    function: &impl Elementwise<F>,
    step: &Step<'_, F>,
    upper: ArrayViewD<'_, F>,
) -> ArrayD<F> {
    map_parts([step.operands[0].view(), step.output.view(), upper.view()], |[x, y, upper], lower| {
        for (lower, ((&x, &y), &upper)) in lower.iter_mut().zip(x.iter().zip(y).zip(upper)) {
            *lower = upper * function.derivative(x, y);
        }
    })
}
