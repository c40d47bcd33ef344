//! Stored weights of few bits, and the numbers they stand for.

use ndarray::{ArrayD, Dimension};

use super::*;

/// DequantizeLinear: `(q − zero) · scale`.
pub(super) fn dequantize<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let Constant::Integer(values) = inputs.value(0)? else {
        return Err("it takes integers, not floating-point numbers".to_owned());
    };
    let grid = Grid::of(inputs, values.shape())?;
    let numbers = values.indexed_iter().map(|(place, &value)| {
        let (scale, zero) = grid.at(place.slice());
        // In the order that ONNX has it: the difference is exact.
        F::of((i128::from(value) - i128::from(zero)) as f64) * scale
    });
    reshaped(numbers.collect::<Array1<F>>().into_dyn(), values.shape()).map(|values| Constant::Real(Arc::new(values)))
}

/// QuantizeLinear: `round(x / scale) + zero`, halves to even, at most what the type holds.
pub(super) fn quantize<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    let values = inputs.required_reals(0)?;
    let range = types::Range::of(match inputs.integer_attribute("output_dtype", 0)? {
        0 => rten_onnx::onnx::DataType::UINT8,
        given => types::data_type(given),
    })?;
    let grid = Grid::of(inputs, values.shape())?;
    let numbers = values.indexed_iter().map(|(place, &value)| {
        let (scale, zero) = grid.at(place.slice());
        // A conversion to an integer keeps within its range.
        range.saturated((elementwise::half_to_even(value / scale).as_() as i64).saturating_add(zero))
    });
    reshaped(numbers.collect::<Array1<i64>>().into_dyn(), values.shape()).map(Constant::Integer)
}

/// The scales and zero points, each of which stands for all numbers, for those of one position along an axis, or for
/// a block of them along it.
struct Grid<'a, F> {
    scales: &'a ArrayD<F>,
    zeros: Option<&'a ArrayD<i64>>,
    sharing: Sharing,
}

/// The numbers that share a scale.
enum Sharing {
    All,
    /// The numbers of one position along this axis.
    Slice(usize),
    /// As many numbers along this axis.
    Block(usize, usize),
}

impl<'a, F: Real> Grid<'a, F> {
    fn of(inputs: &Inputs<'a, F>, shape: &[usize]) -> Result<Self, String> {
        let scales = inputs.required_reals(1)?;
        let zeros = match inputs.given(2) {
            None => None,
            Some(Constant::Integer(zeros)) => Some(zeros),
            Some(Constant::Real(_)) => return Err("its zero points should be integers".to_owned()),
        };
        let misfit = || format!("scales of shape {:?} for numbers of shape {shape:?}", scales.shape());
        // One number is one number, with an axis or without.
        let fits = |zeros: &ArrayD<i64>| match scales.len() {
            1 => zeros.len() == 1,
            _ => zeros.shape() == scales.shape(),
        };
        if !zeros.is_none_or(fits) {
            return Err(misfit());
        }
        let at = || axis(inputs.integer_attribute("axis", 1)?, shape.len());
        let sharing = match inputs.integer_attribute("block_size", 0)? {
            0 if scales.len() == 1 => Sharing::All,
            0 if scales.ndim() == 1 => Sharing::Slice(at()?),
            size => Sharing::Block(at()?, usize::try_from(size).ok().filter(|&size| size > 0).ok_or_else(misfit)?),
        };
        let fits = match sharing {
            Sharing::All => true,
            Sharing::Slice(at) => scales.len() == shape[at],
            Sharing::Block(at, size) => {
                let length =
                    |(along, &length): (usize, &usize)| if along == at { length.div_ceil(size) } else { length };
                shape.iter().enumerate().map(length).eq(scales.shape().iter().copied())
            }
        };
        if fits { Ok(Self { scales, zeros, sharing }) } else { Err(misfit()) }
    }

    /// The scale and the zero point of a place.
    fn at(&self, place: &[usize]) -> (F, i64) {
        let mut position = match self.sharing {
            Sharing::All => {
                let first = |zeros: &ArrayD<i64>| zeros.first().copied().unwrap_or_default();
                return (self.scales.first().copied().unwrap_or_else(F::one), self.zeros.map_or(0, first));
            }
            Sharing::Slice(at) => vec![place[at]],
            Sharing::Block(..) => place.to_vec(),
        };
        if let Sharing::Block(at, size) = self.sharing {
            position[at] /= size;
        }
        (self.scales[position.as_slice()], self.zeros.map_or(0, |zeros| zeros[position.as_slice()]))
    }
}
