//! The fully connected layer.

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayD, ArrayViewD, Axis, CowArray, Ix2};

use crate::definition::Definition;
use crate::linear::{LinearMap, WeightPart};
use crate::operation::{Character, Operation, Reading, Step};
use crate::{Error, Real};

/// `z_j = Σ_i x_i w_ij + b_j` over the last axis (Eqs 50, 51); whatever axes stand before it are samples.
///
/// The weights are kept with one row for each output, so that `weights[[j, i]]` is the paper's `w_ij`.
#[derive(Clone, Debug)]
pub struct Dense<F> {
    weights: Arc<Array2<F>>,
    bias: Option<Array1<F>>,
}

impl<F: Real> Dense<F> {
    /// A layer of `weights` (outputs × inputs) and a bias for each output.
    ///
    /// # Errors
    /// [`Error::Attribute`] when there is not one bias for each row of the weights.
    pub fn new(weights: Array2<F>, bias: Option<Array1<F>>) -> Result<Self, Error> {
        if let Some(bias) = &bias
            && bias.len() != weights.nrows()
        {
            return Err(Error::Attribute {
                kind: "Gemm".into(),
                attribute: "bias".into(),
                value: format!("{} numbers", bias.len()),
                expected: format!("one for each of the {} outputs", weights.nrows()),
            });
        }
        Ok(Self { weights: Arc::new(weights.as_standard_layout().into_owned()), bias })
    }

    fn product(&self, part: WeightPart, input: &ArrayViewD<'_, F>) -> ArrayD<F> {
        let rows = as_rows(input, self.weights.ncols());
        let output = match part {
            WeightPart::All => rows.dot(&self.weights.t()),
            part => rows.dot(&self.weights.mapv(|w| part.of(w)).t()),
        };
        from_rows(output, input.shape())
    }

    fn transposed_product(&self, part: WeightPart, message: &ArrayViewD<'_, F>) -> ArrayD<F> {
        let rows = as_rows(message, self.weights.nrows());
        let input = match part {
            WeightPart::All => rows.dot(&*self.weights),
            part => rows.dot(&self.weights.mapv(|w| part.of(w))),
        };
        from_rows(input, message.shape())
    }
}

impl<F: Real> LinearMap<F> for Dense<F> {
    fn apply(&self, parts: &[WeightPart], input: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        parts.iter().map(|&part| self.product(part, &input)).collect()
    }

    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, F>)], input_shape: &[usize]) -> ArrayD<F> {
        let mut sum = ArrayD::zeros(input_shape);
        for (part, message) in messages {
            sum += &self.transposed_product(*part, message);
        }
        sum
    }

    fn bias(&self) -> Option<ArrayD<F>> {
        self.bias.clone().map(Array1::into_dyn)
    }
}

impl<F: Real> Operation<F> for Dense<F> {
    fn definition(&self) -> Definition<F> {
        let weights = Arc::new((*self.weights).clone().into_dyn());
        let definition = Definition::new(self.kind(), 1).with_integer("transB", 1).with_constant(weights);
        match self.bias() {
            Some(bias) => definition.with_constant(Arc::new(bias)),
            None => definition,
        }
    }

    fn kind(&self) -> &'static str {
        "Gemm"
    }

    fn character(&self) -> Character {
        Character::Linear
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match operands {
            [[leading @ .., last]] if *last == self.weights.ncols() => Ok([leading, &[self.weights.nrows()]].concat()),
            _ => Err(Error::shape(
                operands,
                format!("it takes one, whose last axis has length {}", self.weights.ncols()),
            )),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let output = self.product(WeightPart::All, &operands[0]);
        match &self.bias {
            Some(bias) => output + bias,
            None => output,
        }
    }

    fn gradient(&self, _: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![self.transposed_product(WeightPart::All, &upper)]
    }

    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        self.product(WeightPart::All, &step.operands[0])
    }

    fn linear(&self) -> Option<&dyn LinearMap<F>> {
        Some(self)
    }

    fn followed_by(&self, scale: &[F], shift: &[F]) -> Option<Arc<dyn Operation<F>>> {
        let scale = Array1::from(scale.to_vec());
        let bias = self.bias.clone().unwrap_or_else(|| Array1::zeros(self.weights.nrows()));
        let layer = Self::new(
            &*self.weights * &scale.view().insert_axis(Axis(1)),
            Some(bias * &scale + Array1::from(shift.to_vec())),
        );
        layer.ok().map(|layer| Arc::new(layer) as Arc<dyn Operation<F>>)
    }

    fn description(&self) -> String {
        format!(
            "{} → {}{}",
            self.weights.ncols(),
            self.weights.nrows(),
            if self.bias.is_some() { "" } else { ", no bias" }
        )
    }
}

/// An array as rows of `width` numbers.
fn as_rows<'a, F: Real>(array: &ArrayViewD<'a, F>, width: usize) -> CowArray<'a, F, Ix2> {
    let rows = array.len() / width.max(1);
    match array.clone().into_shape_with_order((rows, width)) {
        Ok(rows) => rows.into(),
        Err(_) => Array2::from_shape_fn((rows, width), |(row, column)| {
            array.iter().nth(row * width + column).copied().unwrap_or_default()
        })
        .into(),
    }
}

fn from_rows<F: Real>(rows: Array2<F>, like: &[usize]) -> ArrayD<F> {
    let mut shape = like.to_vec();
    if let Some(last) = shape.last_mut() {
        *last = rows.ncols();
    }
    let numbers = rows.as_standard_layout().into_owned();
    numbers.into_shape_with_order(shape).unwrap_or_else(|_| unreachable!("as many rows as before"))
}

/// Reads the operation from its definition.
pub(super) fn read<F: Real>(definition: &Definition<F>) -> Result<Reading<F>, Error> {
    let weights = definition.required_constant(1, "weights")?;
    let weights = (*weights)
        .clone()
        .into_dimensionality::<Ix2>()
        .map_err(|_| definition.refuse("weights", format!("shape {:?}", weights.shape()), "a matrix"))?;
    let alpha = F::of(definition.real("alpha", 1.0)?);
    let beta = F::of(definition.real("beta", 1.0)?);
    let weights = if definition.integer("transB", 0)? == 1 { weights } else { weights.reversed_axes() };
    let bias = match definition.constant(2, "bias")? {
        Some(_) => Some(Array1::from(definition.required_vector(2, "bias")?) * beta),
        None => None,
    };
    Ok(Reading::new(Dense::new(weights * alpha, bias)?, vec![0]))
}
