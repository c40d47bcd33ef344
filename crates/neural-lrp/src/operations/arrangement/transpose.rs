//! Axes in another order: Transpose, DepthToSpace, SpaceToDepth.

use crate::operation::OperatorSpec;
use crate::operation::ParsedOperation;
use crate::operations::arrangement::{Arrangement, Plan};
use crate::{Error, Real};

/// Axis k of the output is axis `permutation[k]` of the operand.
#[derive(Clone, Debug)]
pub struct Transpose {
    permutation: Option<Vec<usize>>,
}

impl Arrangement for Transpose {
    const KIND: &'static str = "Transpose";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        let spec = OperatorSpec::new("Transpose", 1);
        match &self.permutation {
            Some(permutation) => spec.with_integers("perm", permutation.iter().map(|&axis| axis as i64)),
            None => spec,
        }
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let permutation = self.permutation.clone().unwrap_or_else(|| (0..shape.len()).rev().collect());
        match permutation.len() == shape.len() {
            true => Ok(Plan::permute(shape.to_vec(), permutation)),
            false => Err(Error::shape(&[shape], format!("its permutation is one of {} axes", permutation.len()))),
        }
    }

    fn summary(&self) -> String {
        self.permutation.as_ref().map_or_else(|| "axes reversed".to_owned(), |permutation| format!("{permutation:?}"))
    }
}

/// Reads [`Transpose`] from its specification.
pub(crate) fn read_transpose<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let permutation = spec.counts("perm", 0)?;
    if let Some(permutation) = &permutation {
        let mut sorted = permutation.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..permutation.len()) {
            return Err(spec.refuse("perm", format!("{permutation:?}"), "each axis once, counted from 0"));
        }
    }
    Ok(ParsedOperation::new(Transpose { permutation }, vec![0]))
}

/// Channels become squares of pixels: (N, C b², H, W) → (N, C, H b, W b).
#[derive(Clone, Copy, Debug)]
pub struct DepthToSpace {
    block: usize,
    order: ChannelOrder,
}

/// What follows what among the channels that [`DepthToSpace`] takes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChannelOrder {
    /// Row in the square, column in the square, channel: ONNX's "DCR".
    SquareFirst,
    /// Channel, row in the square, column in the square: ONNX's "CRD", and PyTorch's pixel shuffle.
    ChannelFirst,
}

impl Arrangement for DepthToSpace {
    const KIND: &'static str = "DepthToSpace";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        let mode = match self.order {
            ChannelOrder::SquareFirst => "DCR",
            ChannelOrder::ChannelFirst => "CRD",
        };
        OperatorSpec::new("DepthToSpace", 1).with_integer("blocksize", self.block as i64).with_text("mode", mode)
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let b = self.block;
        match *shape {
            [n, depth, h, w] if depth.is_multiple_of(b * b) => {
                let c = depth / (b * b);
                let plan = match self.order {
                    ChannelOrder::SquareFirst => Plan::permute(vec![n, b, b, c, h, w], vec![0, 3, 4, 1, 5, 2]),
                    ChannelOrder::ChannelFirst => Plan::permute(vec![n, c, b, b, h, w], vec![0, 1, 4, 2, 5, 3]),
                };
                Ok(plan.then_seen_as(vec![n, c, h * b, w * b]))
            }
            _ => Err(Error::shape(&[shape], format!("it takes (N, C, H, W), C a multiple of {}", b * b))),
        }
    }
}

/// Reads [`DepthToSpace`] from its specification.
pub(crate) fn read_depth_to_space<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let order = match spec.text("mode", "DCR")? {
        "DCR" => ChannelOrder::SquareFirst,
        "CRD" => ChannelOrder::ChannelFirst,
        other => return Err(spec.refuse("mode", format!("{other:?}"), "\"DCR\" or \"CRD\"")),
    };
    Ok(ParsedOperation::new(DepthToSpace { block: block_of(spec)?, order }, vec![0]))
}

/// Squares of pixels become channels: (N, C, H b, W b) → (N, b² C, H, W).
#[derive(Clone, Copy, Debug)]
pub struct SpaceToDepth {
    block: usize,
}

impl Arrangement for SpaceToDepth {
    const KIND: &'static str = "SpaceToDepth";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        OperatorSpec::new("SpaceToDepth", 1).with_integer("blocksize", self.block as i64)
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let b = self.block;
        match *shape {
            [n, c, height, width] if height.is_multiple_of(b) && width.is_multiple_of(b) => {
                let (h, w) = (height / b, width / b);
                let plan = Plan::permute(vec![n, c, h, b, w, b], vec![0, 3, 5, 1, 2, 4]);
                Ok(plan.then_seen_as(vec![n, b * b * c, h, w]))
            }
            _ => Err(Error::shape(&[shape], format!("it takes (N, C, H, W), H and W multiples of {b}"))),
        }
    }
}

/// Reads [`SpaceToDepth`] from its specification.
pub(crate) fn read_space_to_depth<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(SpaceToDepth { block: block_of(spec)? }, vec![0]))
}

fn block_of<F: Real>(spec: &OperatorSpec<F>) -> Result<usize, Error> {
    let block = spec.integer("blocksize", 0)?;
    let expected = "the side of a square, from 1 to 65535";
    match u16::try_from(block) {
        Ok(block) if block > 0 => Ok(usize::from(block)),
        _ => Err(spec.refuse("blocksize", block.to_string(), expected)),
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use ndarray::ArrayD;

    use super::*;
    use crate::Operation;
    use crate::operations::testing::{check_gradient, forward, numbers};

    #[test]
    fn axes_are_reversed_unless_said_otherwise() {
        let x = numbers(&[2, 3, 4], 1);
        assert_eq!(forward(&Transpose { permutation: None }, from_ref(&x)), x.t());
        let moved = forward(&Transpose { permutation: Some(vec![1, 2, 0]) }, from_ref(&x));
        assert_eq!(moved[[2, 3, 1]], x[[1, 2, 3]]);
        let operation: &dyn Operation<f64> = &Transpose { permutation: Some(vec![1, 0]) };
        assert!(operation.output_shape(&[&[2, 3, 4]]).is_err());
    }

    #[test]
    fn what_is_no_permutation_is_refused() {
        for axes in [vec![0, 0], vec![1, 2], vec![0, -1]] {
            let spec = OperatorSpec::<f32>::new("Transpose", 1).with_integers("perm", axes);
            assert!(matches!(read_transpose(&spec), Err(Error::Attribute { .. })));
        }
    }

    #[test]
    fn squares_of_pixels_from_channels() {
        let x = numbers(&[2, 12, 2, 3], 1);
        for order in [ChannelOrder::SquareFirst, ChannelOrder::ChannelFirst] {
            let y = forward(&DepthToSpace { block: 2, order }, from_ref(&x));
            let expected = ArrayD::from_shape_fn(vec![2, 3, 4, 6], |place| {
                let (channel, row, column) = (place[1], place[2] % 2, place[3] % 2);
                let depth = match order {
                    ChannelOrder::SquareFirst => (row * 2 + column) * 3 + channel,
                    ChannelOrder::ChannelFirst => channel * 4 + row * 2 + column,
                };
                x[[place[0], depth, place[2] / 2, place[3] / 2]]
            });
            assert_eq!(y, expected, "{order:?}");
            if order == ChannelOrder::SquareFirst {
                assert_eq!(forward(&SpaceToDepth { block: 2 }, &[y]), x);
            }
        }
    }

    #[test]
    fn blocks_that_do_not_fit_are_refused() {
        for block in [0, -2, i64::MAX] {
            let spec = OperatorSpec::<f32>::new("SpaceToDepth", 1).with_integer("blocksize", block);
            assert!(matches!(read_space_to_depth(&spec), Err(Error::Attribute { .. })));
        }
        let operation: &dyn Operation<f64> = &SpaceToDepth { block: 2 };
        assert!(operation.output_shape(&[&[1, 1, 2, 3]]).is_err());
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let x = numbers(&[2, 4, 2, 3], 1);
        check_gradient(&Transpose { permutation: Some(vec![2, 0, 3, 1]) }, from_ref(&x));
        check_gradient(&DepthToSpace { block: 2, order: ChannelOrder::SquareFirst }, from_ref(&x));
        check_gradient(&DepthToSpace { block: 2, order: ChannelOrder::ChannelFirst }, &[x]);
        check_gradient(&SpaceToDepth { block: 2 }, &[numbers(&[1, 2, 4, 2], 2)]);
    }
}
