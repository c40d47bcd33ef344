//! The fully connected layer.

mod products;

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD, ArrayView2, ArrayViewD, Axis, CowArray, Ix2};

use crate::operation::OperatorSpec;
use crate::operation::kernel::LinearKernel;
use crate::operation::linear::{LinearMap, WeightPart, Weights};
use crate::operation::{Family, Operation, ParsedOperation, Step};
use crate::operations::linear::kernels::{self, LayerKernel};
use crate::{Error, Real};

const KIND: &str = "Gemm";

/// How many rows and columns of weights are turned at once.
const SQUARE: usize = 64;

/// `z_j = Σ_i x_i w_ij + b_j` over the last axis (Eqs 50, 51); whatever axes stand before it are samples.
///
/// The weights are kept with one row for each output, so that `weights[[j, i]]` is the paper's `w_ij`.
#[derive(Clone, Debug)]
pub struct Dense<F> {
    weights: Weights<F>,
    bias: Option<Array1<F>>,
}

impl<F: Real> Dense<F> {
    /// A layer of `weights` (outputs × inputs) and a bias for each output.
    ///
    /// # Errors
    /// [`Error::Attribute`] when there is not one bias for each row of the weights.
    pub fn new(weights: Array2<F>, bias: Option<Array1<F>>) -> Result<Self, Error> {
        Self::of(Arc::new(weights.into_dyn()), bias)
    }

    /// A layer of weights that are given with one row for each input.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(crate) fn of_columns(weights: ArrayView2<'_, F>, bias: Option<Array1<F>>) -> Result<Self, Error> {
        let mut rows = Array2::zeros((weights.ncols(), weights.nrows()));
        // Square by square, so that both sides stay in the cache.
        for (block, mut rows) in
            weights.axis_chunks_iter(Axis(1), SQUARE).zip(rows.axis_chunks_iter_mut(Axis(0), SQUARE))
        {
            let squares = block.axis_chunks_iter(Axis(0), SQUARE).zip(rows.axis_chunks_iter_mut(Axis(1), SQUARE));
            squares.for_each(|(columns, mut rows)| rows.assign(&columns.t()));
        }
        Self::new(rows, bias)
    }

    /// A layer of weights that are a matrix.
    fn of(weights: Arc<ArrayD<F>>, bias: Option<Array1<F>>) -> Result<Self, Error> {
        let outputs = weights.shape()[0];
        match &bias {
            Some(bias) if bias.len() != outputs => Err(Error::Attribute {
                kind: KIND.into(),
                attribute: "bias".into(),
                value: format!("{} numbers", bias.len()),
                expected: format!("one for each of the {outputs} outputs"),
            }),
            _ => Ok(Self { weights: Weights::new(weights), bias }),
        }
    }

    fn inputs(&self) -> usize {
        self.weights.rows().ncols()
    }

    fn outputs(&self) -> usize {
        self.weights.rows().nrows()
    }

    fn by_kernel(&self, input: &[usize]) -> Option<Box<dyn LayerKernel<F>>> {
        kernels::dense(self.weights.given(), input)
    }

    fn product(&self, input: &ArrayViewD<'_, F>) -> ArrayD<F> {
        let products = self.apply(&[WeightPart::All], input.view());
        products.into_iter().next().unwrap_or_else(|| unreachable!("each part of the weights has a product"))
    }
}

impl<F: Real> LinearMap<F> for Dense<F> {
    fn apply(&self, parts: &[WeightPart], input: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        if let Some(kernel) = self.by_kernel(input.shape()) {
            return parts.iter().map(|&part| kernel.product(part, &input, None, None)).collect();
        }
        let outputs = products::apply(&self.weights, parts, as_rows(&input, self.inputs()).view());
        outputs.into_iter().map(|output| from_rows(output, input.shape())).collect()
    }

    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, F>)], input_shape: &[usize]) -> ArrayD<F> {
        if let Some(kernel) = self.by_kernel(input_shape) {
            return kernel.transposed(messages);
        }
        let rows: Vec<_> = messages.iter().map(|(part, rows)| (*part, as_rows(rows, self.outputs()))).collect();
        let samples = input_shape.iter().rev().skip(1).product();
        from_rows(products::transposed(&self.weights, &rows, samples), input_shape)
    }

    fn bias(&self) -> Option<ArrayD<F>> {
        self.bias.clone().map(Array1::into_dyn)
    }

    fn kernel(&self, input_shape: &[usize]) -> Option<Box<dyn LinearKernel<F> + '_>> {
        let kernel: Box<dyn LinearKernel<F> + '_> = self.by_kernel(input_shape)?;
        Some(kernel)
    }
}

impl<F: Real> Operation<F> for Dense<F> {
    fn to_spec(&self) -> OperatorSpec<F> {
        let weights = Arc::clone(self.weights.given());
        let spec = OperatorSpec::new(KIND, 1).with_integer("transB", 1).with_constant(weights);
        match self.bias() {
            Some(bias) => spec.with_constant(Arc::new(bias)),
            None => spec,
        }
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    fn family(&self) -> Family {
        Family::Linear
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match operands {
            [[leading @ .., last]] if *last == self.inputs() => Ok([leading, &[self.outputs()]].concat()),
            _ => Err(Error::shape(operands, format!("it takes one, whose last axis has length {}", self.inputs()))),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        if let Some(kernel) = self.by_kernel(operands[0].shape()) {
            return kernel.product(WeightPart::All, &operands[0], self.bias.as_ref(), None);
        }
        let mut output = self.product(&operands[0]);
        if let Some(bias) = &self.bias {
            output.rows_mut().into_iter().for_each(|mut row| row += bias);
        }
        output
    }

    fn forward_clipped(&self, operands: &[ArrayViewD<'_, F>], bounds: [F; 2]) -> Option<ArrayD<F>> {
        let kernel = self.by_kernel(operands[0].shape())?;
        Some(kernel.product(WeightPart::All, &operands[0], self.bias.as_ref(), Some(bounds)))
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![self.transposed(&[(WeightPart::All, upper)], step.operands[0].shape())]
    }

    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        self.product(&step.operands[0])
    }

    fn linear(&self) -> Option<&dyn LinearMap<F>> {
        Some(self)
    }

    fn followed_by(&self, scale: &[F], shift: &[F]) -> Option<Arc<dyn Operation<F>>> {
        if scale.len() != self.outputs() || shift.len() != self.outputs() {
            return None;
        }
        let (scale, shift) = (Array1::from(scale.to_vec()), Array1::from(shift.to_vec()));
        let bias = self.bias.clone().unwrap_or_else(|| Array1::zeros(self.outputs()));
        let layer = Self::new(&self.weights.rows() * &scale.view().insert_axis(Axis(1)), Some(bias * &scale + shift));
        Some(Arc::new(layer.unwrap_or_else(|error| unreachable!("as many outputs as before: {error}"))))
    }

    fn channel_axis(&self, rank: usize) -> Option<usize> {
        rank.checked_sub(1)
    }

    fn description(&self) -> String {
        format!("{} → {}{}", self.inputs(), self.outputs(), if self.bias.is_some() { "" } else { ", no bias" })
    }
}

/// An array as rows of `width` numbers.
fn as_rows<'a, F: Real>(array: &'a ArrayViewD<'_, F>, width: usize) -> CowArray<'a, F, Ix2> {
    let samples = array.shape().iter().rev().skip(1).product();
    let rows = array.as_standard_layout().into_shape_with_order((samples, width));
    rows.unwrap_or_else(|_| unreachable!("the last axis was agreed upon"))
}

/// Rows as an array of the axes of `like` but the last.
fn from_rows<F: Real>(rows: Array2<F>, like: &[usize]) -> ArrayD<F> {
    let Some((_, leading)) = like.split_last() else { unreachable!("the last axis was agreed upon") };
    let shape = [leading, &[rows.ncols()]].concat();
    rows.into_shape_with_order(shape).unwrap_or_else(|_| unreachable!("as many rows as before"))
}

/// Reads the operation from its specification: `z = α x B + β C`.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    if spec.integer("transA", 0)? != 0 {
        return Err(spec.refuse("transA", "1", "0: the samples stand in the rows of the first input"));
    }
    let matrix = spec.required_constant(1, "weights")?;
    let Ok(weights) = matrix.view().into_dimensionality::<Ix2>() else {
        return Err(spec.refuse("weights", format!("shape {:?}", matrix.shape()), "a matrix"));
    };
    let alpha = F::of(spec.real("alpha", 1.0)?);
    let as_stored = spec.integer("transB", 0)? != 0;
    let outputs = if as_stored { weights.nrows() } else { weights.ncols() };
    let bias = read_bias(spec, outputs)?;
    let layer = match (as_stored, alpha == F::one()) {
        (true, true) => Dense::of(matrix, bias),
        (true, false) => Dense::new(&weights * alpha, bias),
        (false, true) => Dense::of_columns(weights, bias),
        (false, false) => Dense::of_columns((&weights * alpha).view(), bias),
    };
    Ok(ParsedOperation::new(layer?, vec![0]))
}

/// `β C`, one number for each output; a single number stands for all.
fn read_bias<F: Real>(spec: &OperatorSpec<F>, outputs: usize) -> Result<Option<Array1<F>>, Error> {
    let Some(given) = spec.constant(2, "bias")? else { return Ok(None) };
    let beta = F::of(spec.real("beta", 1.0)?);
    let numbers: Vec<F> = given.iter().map(|&number| number * beta).collect();
    match (given.shape(), numbers.as_slice()) {
        ([] | [1] | [1, 1], [single]) => Ok(Some(Array1::from_elem(outputs, *single))),
        ([_] | [1, _], numbers) if numbers.len() == outputs => Ok(Some(Array1::from(numbers.to_vec()))),
        (shape, _) => {
            let expected = format!("one number for each of the {outputs} outputs, or a single one");
            Err(spec.refuse("bias", format!("shape {shape:?}"), expected))
        }
    }
}

#[cfg(test)]
mod tests;
