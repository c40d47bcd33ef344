//! Weights of 4 or 8 bits in blocks, as onnxruntime packs them: MatMulNBits.

use ndarray::{Array2, ArrayD};
use neural_lrp::Real;
use neural_lrp::operation::Constant;

use super::{Expand, Parts};
use crate::Error;

pub(super) fn find<F: Real>(kind: &str) -> Option<Expand<F>> {
    (kind == "com.microsoft:MatMulNBits").then_some(product as Expand<F>)
}

/// A product with weights whose rows lie one behind the other, each in blocks of one scale and zero point; and a bias.
fn product<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let weights = Packed::of(parts)?.unpacked(parts)?;
    let weights = parts.array(weights.into_dyn(), "weights");
    let result = parts.main("MatMul", &[parts.input(0)?, &weights], &[]);
    if let Some(bias) = parts.node.input(5) {
        parts.step("Add", &[&result, bias], "bias");
    }
    parts.gives(0);
    Ok(())
}

/// How weights are packed.
struct Packed {
    inputs: usize,
    outputs: usize,
    bits: usize,
    block: usize,
}

impl Packed {
    fn of<F: Real>(parts: &Parts<'_, F>) -> Result<Self, Error> {
        let node = parts.node;
        let count = |name: &str, default: i64| {
            let given = node.integer(name, default)?;
            let count = usize::try_from(given).ok().filter(|&count| count > 0 && count <= 1 << 24);
            count.ok_or_else(|| node.refuse(format!("its {name} is {given}, and should be a count")))
        };
        let packed = Self {
            inputs: count("K", 0)?,
            outputs: count("N", 0)?,
            bits: count("bits", 4)?,
            block: count("block_size", 0)?,
        };
        match packed.bits {
            4 | 8 if node.input(4).is_none() => Ok(packed),
            4 | 8 => Err(node.refuse("weights in an order of their own (g_idx) are not known here")),
            bits => Err(node.refuse(format!("weights of {bits} bits are not known here; 4 and 8 are"))),
        }
    }

    /// How many blocks a row has.
    fn blocks(&self) -> usize {
        self.inputs.div_ceil(self.block)
    }

    /// The weights, (inputs, outputs).
    fn unpacked<F: Real>(&self, parts: &Parts<'_, F>) -> Result<Array2<F>, Error> {
        let blocks = self.blocks();
        let bytes = self.integers(parts, 1)?;
        let scales = parts.reals(2, "scales")?;
        let zeros = match parts.node.input(3) {
            None => None,
            Some(_) => Some(self.integers(parts, 3)?),
        };
        let (row, zero_row) = (blocks * (self.block * self.bits).div_ceil(8), (blocks * self.bits).div_ceil(8));
        let is_whole = bytes.len() == self.outputs * row && scales.len() == self.outputs * blocks;
        if !is_whole || zeros.is_some_and(|zeros| zeros.len() != self.outputs * zero_row) {
            return Err(parts.node.refuse(format!(
                "{} bytes and {} scales do not hold {} × {} weights in blocks of {}",
                bytes.len(),
                scales.len(),
                self.outputs,
                self.inputs,
                self.block
            )));
        }
        let (bytes, zeros): (Vec<i64>, Option<Vec<i64>>) =
            (bytes.iter().copied().collect(), zeros.map(|zeros| zeros.iter().copied().collect()));
        let scales: Vec<F> = scales.iter().copied().collect();
        Ok(Array2::from_shape_fn((self.inputs, self.outputs), |(input, output)| {
            let block = input / self.block;
            let weight = self.number(&bytes[output * row..][..row], input);
            let zero = match &zeros {
                Some(zeros) => self.number(&zeros[output * zero_row..][..zero_row], block),
                None => 1 << (self.bits - 1),
            };
            F::of((weight - zero) as f64) * scales[output * blocks + block]
        }))
    }

    fn integers<'p, F: Real>(&self, parts: &'p Parts<'_, F>, position: usize) -> Result<&'p ArrayD<i64>, Error> {
        match parts.known(parts.input(position)?) {
            Some(Constant::Integer(bytes)) => Ok(bytes),
            _ => Err(parts.node.refuse(format!("its input {position} should be constant bytes"))),
        }
    }

    /// The number at a place among packed ones; of two in a byte, the first is the lower half.
    fn number(&self, bytes: &[i64], place: usize) -> i64 {
        match self.bits {
            4 => (bytes[place / 2] >> (4 * (place % 2))) & 0xf,
            _ => bytes[place] & 0xff,
        }
    }
}
