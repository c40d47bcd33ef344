//! Blocks put together to an image, added where they overlap.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use crate::arrays::contiguous::{elements, elements_mut};
use crate::operation::{Family, Operation, OperatorSpec, ParsedOperation, Step};
use crate::operations::arrangement::reshape::required_integers;
use crate::{Error, Real};

/// The image of which the columns of a matrix are blocks: they are added at their places, and what lies in the padding is
/// left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Col2Im {
    axes: Vec<BlockAxis>,
}

/// Blocks along one axis of the image: block number l begins at `l · stride − before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BlockAxis {
    image: usize,
    block: usize,
    dilation: usize,
    stride: usize,
    before: usize,
    after: usize,
    /// How many blocks there are.
    blocks: usize,
}

impl BlockAxis {
    /// The axis with its number of blocks; `None` where not one fits.
    fn counted(self) -> Option<Self> {
        let span = self.dilation.checked_mul(self.block.checked_sub(1)?)?.checked_add(1)?;
        let padded = self.image.checked_add(self.before)?.checked_add(self.after)?;
        Some(Self { blocks: padded.checked_sub(span)? / self.stride + 1, ..self })
    }

    /// Where a number of a block lies, if that is inside of the image.
    fn place(&self, within: usize, block: usize) -> Option<usize> {
        let place = (block * self.stride + within * self.dilation).checked_sub(self.before)?;
        (place < self.image).then_some(place)
    }
}

impl Col2Im {
    fn product(&self, of: fn(&BlockAxis) -> usize) -> Option<usize> {
        self.axes.iter().try_fold(1usize, |product, axis| product.checked_mul(of(axis)))
    }

    fn list(&self, of: fn(&BlockAxis) -> usize) -> impl Iterator<Item = i64> + '_ {
        self.axes.iter().map(move |axis| of(axis) as i64)
    }

    /// For each number of a channel, the place in the image's plane where it is added, if it is.
    fn places(&self) -> Vec<Option<usize>> {
        let lengths = |of: fn(&BlockAxis) -> usize| IxDyn(&self.axes.iter().map(of).collect::<Vec<usize>>());
        let mut places = Vec::new();
        for within in ndarray::indices(lengths(|axis| axis.block)) {
            for block in ndarray::indices(lengths(|axis| axis.blocks)) {
                places.push(
                    self.axes
                        .iter()
                        .enumerate()
                        .try_fold(0, |place, (k, axis)| Some(place * axis.image + axis.place(within[k], block[k])?)),
                );
            }
        }
        places
    }

    fn plane(&self) -> usize {
        self.axes.iter().map(|axis| axis.image).product()
    }
}

impl<F: Real> Operation<F> for Col2Im {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Col2Im", 1)
            .with_integers("dilations", self.list(|axis| axis.dilation))
            .with_integers("strides", self.list(|axis| axis.stride))
            .with_integers("pads", self.list(|axis| axis.before).chain(self.list(|axis| axis.after)))
            .with_constant_integers(self.list(|axis| axis.image))
            .with_constant_integers(self.list(|axis| axis.block))
    }

    fn kind(&self) -> &'static str {
        "Col2Im"
    }

    fn family(&self) -> Family {
        Family::Sum
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let (block, blocks) = (self.product(|axis| axis.block), self.product(|axis| axis.blocks));
        match (operands, block, blocks) {
            (&[&[samples, rows, columns]], Some(block), Some(blocks))
                if columns == blocks && rows.is_multiple_of(block) =>
            {
                Ok([samples, rows / block].into_iter().chain(self.axes.iter().map(|axis| axis.image)).collect())
            }
            _ => {
                let [block, blocks] = [block, blocks].map(|count| count.map_or("too many".into(), |n| n.to_string()));
                let reason = format!("it takes one, samples × channels times {block} numbers × {blocks} blocks");
                Err(Error::shape(operands, reason))
            }
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let shape = Operation::<F>::output_shape(self, &[operands[0].shape()]);
        let mut output = ArrayD::zeros(shape.unwrap_or_else(|_| unreachable!("output_shape agreed")));
        let (places, blocks) = (self.places(), elements(&operands[0]));
        let planes = elements_mut(&mut output).chunks_mut(self.plane()).zip(blocks.chunks(places.len()));
        for (plane, blocks) in planes {
            for (place, &number) in places.iter().zip(blocks) {
                if let Some(place) = *place {
                    plane[place] += number;
                }
            }
        }
        output
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let mut lower = ArrayD::zeros(step.operands[0].raw_dim());
        let (places, upper) = (self.places(), elements(&upper));
        let planes = elements_mut(&mut lower).chunks_mut(places.len()).zip(upper.chunks(self.plane()));
        for (blocks, plane) in planes {
            for (place, number) in places.iter().zip(blocks) {
                *number = place.map_or(F::zero(), |place| plane[place]);
            }
        }
        vec![lower]
    }

    fn description(&self) -> String {
        format!("to {:?}", self.axes.iter().map(|axis| axis.image).collect::<Vec<_>>())
    }
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let lengths = |position, meaning| {
        let lengths = required_integers(spec, position, meaning)?;
        let counts = lengths.iter().map(|&length| usize::try_from(length).ok().filter(|&length| length > 0));
        let refuse = || spec.refuse(meaning, format!("{lengths:?}"), "positive lengths");
        counts.collect::<Option<Vec<usize>>>().ok_or_else(refuse)
    };
    let (image, block) = (lengths(1, "image shape")?, lengths(2, "block shape")?);
    let rank = image.len();
    let list = |name, least, count: usize, default| {
        let given = spec.counts(name, least)?.unwrap_or_else(|| vec![default; count]);
        let refuse = || spec.refuse(name, format!("{given:?}"), format!("{count} numbers"));
        if given.len() == count { Ok(given.clone()) } else { Err(refuse()) }
    };
    let (dilations, strides) = (list("dilations", 1, rank, 1)?, list("strides", 1, rank, 1)?);
    let pads = list("pads", 0, 2 * rank, 0)?;
    if rank == 0 || block.len() != rank {
        return Err(spec.refuse("block shape", format!("{block:?}"), format!("{rank} lengths, at least one")));
    }
    let axis = |k: usize| {
        let axis = BlockAxis {
            image: image[k],
            block: block[k],
            dilation: dilations[k],
            stride: strides[k],
            before: pads[k],
            after: pads[rank + k],
            blocks: 0,
        };
        let refuse = || spec.refuse("block shape", format!("{block:?}"), "blocks that fit into the padded image");
        axis.counted().ok_or_else(refuse)
    };
    let axes = (0..rank).map(axis).collect::<Result<_, Error>>()?;
    Ok(ParsedOperation::new(Col2Im { axes }, vec![0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::testing::{check_gradient, forward, numbers};

    fn spec(image: &[i64], block: &[i64]) -> OperatorSpec<f64> {
        let spec = OperatorSpec::new("Col2Im", 1).with_constant_integers(image.iter().copied());
        spec.with_constant_integers(block.iter().copied())
    }

    #[test]
    fn overlapping_blocks_are_added() {
        let operation = read(&spec(&[4], &[2])).unwrap().operation;
        let x = ndarray::array![[[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]].into_dyn();
        assert_eq!(forward(&*operation, &[x]), ndarray::array![[[1.0, 12.0, 23.0, 30.0]]].into_dyn());
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let cases = [
            (spec(&[3, 4], &[2, 2]), [2, 8, 6]),
            (spec(&[3, 4], &[2, 2]).with_integers("pads", [1, 0, 1, 1]), [1, 4, 16]),
            (spec(&[5, 5], &[2, 3]).with_integers("dilations", [2, 1]).with_integers("strides", [1, 2]), [1, 12, 6]),
            (spec(&[2, 3, 4], &[1, 2, 2]), [1, 4, 12]),
        ];
        for (spec, shape) in cases {
            let operation = read(&spec).unwrap().operation;
            check_gradient(&*operation, &[numbers(&shape, 1)]);
            assert_eq!(read(&operation.to_spec()).unwrap().operation.to_spec(), operation.to_spec());
        }
    }

    #[test]
    fn blocks_that_do_not_fit_are_refused() {
        assert!(read(&spec(&[4], &[5])).is_err() && read(&spec(&[4], &[0])).is_err());
        assert!(read(&spec(&[4, 4], &[2])).is_err() && read(&spec(&[], &[])).is_err());
        assert!(read(&spec(&[4], &[2]).with_integers("pads", [1])).is_err());
        let operation = read(&spec(&[4], &[2])).unwrap().operation;
        assert_eq!(operation.output_shape(&[&[5, 6, 3]]).unwrap(), [5, 3, 4]);
        assert!(operation.output_shape(&[&[5, 6, 4]]).is_err() && operation.output_shape(&[&[5, 5, 3]]).is_err());
        let huge = read(&spec(&[1 << 40, 1 << 40, 1 << 40], &[1, 1, 1])).unwrap().operation;
        assert!(huge.output_shape(&[&[1, 1, 1]]).is_err());
    }
}
