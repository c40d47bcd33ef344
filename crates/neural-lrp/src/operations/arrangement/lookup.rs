//! Numbers at places that another tensor says: Gather, GatherElements and GatherND by what the network computes.

use ndarray::{ArrayD, ArrayViewD};

use crate::arrays::axes::{axis_of, position};
use crate::arrays::contiguous::{elements, elements_mut};
use crate::operation::{Family, Numbers, Operation, OperatorSpec, ParsedOperation, Step};
use crate::operations::arrangement::elements::{BlockPlaces, element_places, read_elements, read_nd};
use crate::operations::arrangement::gather::read_gather;
use crate::{Error, Real};

/// Numbers of the first operand, at the places that the second says.
///
/// Relevance goes back to where the numbers came from; places only say which, and get nothing. A place that is not there makes
/// all outputs NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookup {
    by: By,
}

/// How places are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// As [`Gather`](crate::operations::Gather) takes them.
    Axis { axis: i64 },
    /// As [`GatherElements`](crate::operations::GatherElements) takes them.
    Elements { axis: i64 },
    /// As [`GatherNd`](crate::operations::GatherNd) takes them.
    Lists { shared: usize },
}

impl Lookup {
    fn name(self) -> &'static str {
        match self.by {
            By::Axis { .. } => "Gather",
            By::Elements { .. } => "GatherElements",
            By::Lists { .. } => "GatherND",
        }
    }

    /// The blocks of an operand of `shape` at these places.
    fn blocks(self, shape: &[usize], indices: &ArrayD<i64>) -> Result<BlockPlaces, Error> {
        match self.by {
            By::Axis { axis } => BlockPlaces::along(indices, axis, shape),
            By::Elements { axis } => Ok(BlockPlaces {
                starts: element_places(indices, axis, shape)?,
                length: 1,
                shape: indices.shape().to_vec(),
            }),
            By::Lists { shared } => BlockPlaces::new(indices, shared, shape),
        }
    }

    /// For each number of the output, its place in the operand; `None` where there is no such place.
    fn places<F: Real>(self, operands: &[ArrayViewD<'_, F>]) -> Option<Vec<usize>> {
        let whole = |&index: &F| index.to_i64().filter(|&whole| F::of(whole as f64) == index);
        let indices = operands[1].iter().map(whole).collect::<Option<Vec<i64>>>()?;
        let indices = ArrayD::from_shape_vec(operands[1].raw_dim(), indices).ok()?;
        let blocks = self.blocks(operands[0].shape(), &indices).ok()?;
        Some(blocks.starts.iter().flat_map(|start| *start..start + blocks.length).collect())
    }
}

impl<F: Real> Operation<F> for Lookup {
    fn to_spec(&self) -> OperatorSpec<F> {
        let spec = OperatorSpec::new(self.name(), 2);
        match self.by {
            By::Axis { axis } | By::Elements { axis } => spec.with_integer("axis", axis),
            By::Lists { shared } => spec.with_integer("batch_dims", shared as i64),
        }
    }

    fn kind(&self) -> &'static str {
        self.name()
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

    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        let axis = |axis: i64| operands.first().and_then(|shape| position(axis, shape.len()));
        match self.by {
            By::Axis { .. } => false,
            By::Elements { axis: along } => axis(along) != Some(0),
            By::Lists { shared } => shared > 0,
        }
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape, indices] = operands else { return Err(Error::shape(operands, "it takes 2")) };
        // What places there are is not known before there are numbers.
        let misfit = |reason: &str| Error::shape(operands, reason);
        match self.by {
            By::Axis { axis } => {
                let axis = axis_of(axis, shape)?;
                Ok([&shape[..axis], indices, &shape[axis + 1..]].concat())
            }
            By::Elements { axis } => {
                let axis = axis_of(axis, shape)?;
                let fits = |(at, (given, length)): (usize, (&usize, &usize))| at == axis || given <= length;
                match indices.len() == shape.len() && indices.iter().zip(*shape).enumerate().all(fits) {
                    true => Ok(indices.to_vec()),
                    false => Err(misfit("places go beyond what they are places of")),
                }
            }
            By::Lists { shared } => match indices.split_last() {
                Some((&count, outer))
                    if count > 0
                        && shared <= outer.len()
                        && shared.checked_add(count).is_some_and(|listed| listed <= shape.len())
                        && outer[..shared] == shape[..shared] =>
                {
                    Ok([outer, &shape[shared + count..]].concat())
                }
                _ => Err(misfit("lists of places do not fit what they are places of")),
            },
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let shape = Operation::<F>::output_shape(self, &[operands[0].shape(), operands[1].shape()]);
        let shape = shape.unwrap_or_else(|_| unreachable!("output_shape agreed"));
        let Some(places) = self.places(operands) else { return ArrayD::from_elem(shape, F::nan()) };
        let (numbers, mut output) = (elements(&operands[0]), ArrayD::zeros(shape));
        elements_mut(&mut output).iter_mut().zip(places).for_each(|(output, place)| *output = numbers[place]);
        output
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let nowhere = ArrayD::zeros(step.operands[1].raw_dim());
        let Some(places) = self.places(&step.operands) else {
            return vec![ArrayD::from_elem(step.operands[0].raw_dim(), F::nan()), nowhere];
        };
        let mut lower = ArrayD::zeros(step.operands[0].raw_dim());
        let numbers = elements_mut(&mut lower);
        places.into_iter().zip(elements(&upper).iter()).for_each(|(place, &upper)| numbers[place] += upper);
        vec![lower, nowhere]
    }
}

/// Reads Gather from its specification.
pub(crate) fn read_axis<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    match is_computed(spec) {
        true => Ok(computed(By::Axis { axis: spec.integer("axis", 0)? })),
        false => read_gather(spec),
    }
}

/// Reads GatherElements from its specification.
pub(crate) fn read_rows<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    match is_computed(spec) {
        true => Ok(computed(By::Elements { axis: spec.integer("axis", 0)? })),
        false => read_elements(spec),
    }
}

/// Reads GatherND from its specification.
pub(crate) fn read_lists<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let shared = spec.integer("batch_dims", 0)?;
    match usize::try_from(shared) {
        Ok(shared) if is_computed(spec) => Ok(computed(By::Lists { shared })),
        _ => read_nd(spec),
    }
}

/// Whether both are computed. Of a known table nothing is explained by where the network looks into it.
fn is_computed<F: Real>(spec: &OperatorSpec<F>) -> bool {
    spec.tensors() == [0, 1]
}

fn computed<F: Real>(by: By) -> ParsedOperation<F> {
    ParsedOperation::new(Lookup { by }, vec![0, 1])
}

#[cfg(test)]
mod tests {
    use ndarray::{IxDyn, array};

    use super::*;
    use crate::operation::{Constant, Input};
    use crate::operations::read;
    use crate::operations::testing::{check_gradient_of, forward, numbers};

    /// The same with known and with computed places.
    fn agree(spec: OperatorSpec<f64>, shape: &[usize], indices: ArrayD<i64>) {
        let (mut known, mut computed) = (spec.clone(), spec);
        computed.inputs.push(Input::Tensor);
        known.inputs.push(Input::Constant(Constant::Integer(indices.clone())));
        let [known, computed] = [known, computed].map(|spec| read(&spec).unwrap().operation);
        let operands = [numbers(shape, 1), indices.mapv(|index| index as f64)];
        assert_eq!(forward(&*computed, &operands), forward(&*known, &operands[..1]), "{computed:?}");
        check_gradient_of(&*computed, &operands, &[0]);
        assert_eq!(read(&computed.to_spec()).unwrap().operation.to_spec(), computed.to_spec());
    }

    #[test]
    fn computed_places_are_as_good_as_known_ones() {
        let of = |kind: &str| OperatorSpec::<f64>::new(kind, 1);
        agree(of("Gather").with_integer("axis", 1), &[2, 3, 4], array![[0, -1], [2, 2]].into_dyn());
        agree(of("Gather").with_integer("axis", -1), &[2, 3, 4], ndarray::arr0(1).into_dyn());
        agree(of("GatherElements").with_integer("axis", 2), &[2, 2, 3], array![[[0, -1]], [[1, 1]]].into_dyn());
        agree(of("GatherND"), &[2, 3, 4], array![[1, 0], [0, -1], [1, 0]].into_dyn());
        agree(of("GatherND").with_integer("batch_dims", 1), &[2, 3, 4], array![[[2]], [[0]]].into_dyn());
    }

    #[test]
    fn places_that_are_not_there_are_no_numbers() {
        let gather = Lookup { by: By::Axis { axis: 0 } };
        for place in [3.0, -4.0, 0.5, f64::NAN, f64::INFINITY, 1e30] {
            let y = forward(&gather, &[numbers(&[3, 2], 1), ArrayD::from_elem(IxDyn(&[2]), place)]);
            assert!(y.iter().all(|y| y.is_nan()), "{place}");
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let shape = |by, shapes: &[&[usize]]| Operation::<f64>::output_shape(&Lookup { by }, shapes);
        assert!(shape(By::Axis { axis: 2 }, &[&[2, 3], &[1]]).is_err());
        assert!(shape(By::Elements { axis: 1 }, &[&[2, 3], &[3, 3]]).is_err());
        assert!(shape(By::Elements { axis: 1 }, &[&[2, 3], &[2]]).is_err());
        assert!(shape(By::Lists { shared: 0 }, &[&[2, 3], &[4, 3]]).is_err());
        assert!(shape(By::Lists { shared: 1 }, &[&[2, 3], &[3, 1]]).is_err());
        assert!(shape(By::Lists { shared: usize::MAX }, &[&[2, 3], &[3, 1]]).is_err());
        assert!(shape(By::Lists { shared: 0 }, &[&[2, 3], &[]]).is_err());
        assert_eq!(shape(By::Lists { shared: 0 }, &[&[2, 3], &[4, 1]]).unwrap(), [4, 3]);
    }

    #[test]
    fn a_known_table_is_not_explained_by_where_one_looks() {
        let spec = OperatorSpec::<f64>::new("Gather", 0).with_constant(std::sync::Arc::new(numbers(&[3, 2], 1)));
        let spec = OperatorSpec { inputs: [spec.inputs, vec![Input::Tensor]].concat(), ..spec };
        assert!(matches!(read(&spec), Err(Error::NotConstant { .. })));
    }
}
