//! Numbers taken one by one, or block by block, by lists of places: GatherElements and GatherND.

use ndarray::ArrayD;

use crate::arrays::axes::{axis_of, position};
use crate::operation::{Constant, Input, OperatorSpec, ParsedOperation};
use crate::operations::arrangement::{Arrangement, Plan};
use crate::{Error, Real};

/// Along one axis, for each place of a list of as many axes, the number at another place of its own row.
#[derive(Clone, Debug)]
pub struct GatherElements {
    /// The axis; counted from behind where negative.
    pub axis: i64,
    /// The places along it; counted from behind where negative.
    pub indices: ArrayD<i64>,
}

impl Arrangement for GatherElements {
    const KIND: &'static str = "GatherElements";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        let mut spec = OperatorSpec::new("GatherElements", 1).with_integer("axis", self.axis);
        spec.inputs.push(Input::Constant(Constant::Integer(self.indices.clone())));
        spec
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let places = element_places(&self.indices, self.axis, shape)?;
        Ok(Plan::blocks(shape, places, 1, self.indices.shape().to_vec()))
    }

    fn summary(&self) -> String {
        format!("{} places along axis {}", self.indices.len(), self.axis)
    }
}

/// For each list of positions, one for each of the first axes, what stands there.
#[derive(Clone, Debug)]
pub struct GatherNd {
    /// How many leading axes the lists share with the operand.
    pub shared: usize,
    /// The lists, along the last axis; counted from behind where negative.
    pub indices: ArrayD<i64>,
}

impl Arrangement for GatherNd {
    const KIND: &'static str = "GatherND";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        let mut spec = OperatorSpec::new("GatherND", 1).with_integer("batch_dims", self.shared as i64);
        spec.inputs.push(Input::Constant(Constant::Integer(self.indices.clone())));
        spec
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let blocks = BlockPlaces::new(&self.indices, self.shared, shape)?;
        Ok(Plan::blocks(shape, blocks.starts, blocks.length, blocks.shape))
    }

    fn summary(&self) -> String {
        format!("{} lists of places", self.indices.shape().iter().rev().skip(1).product::<usize>())
    }
}

/// Where the number of each place of `indices` stands in an operand of `shape`: at the same place, but for `axis`.
///
/// # Errors
/// [`Error::Shape`] when there is no such place.
pub(super) fn element_places(indices: &ArrayD<i64>, axis: i64, shape: &[usize]) -> Result<Vec<usize>, Error> {
    let axis = axis_of(axis, shape)?;
    let fits = |(at, (given, length)): (usize, (&usize, &usize))| at == axis || given <= length;
    if indices.ndim() != shape.len() || !indices.shape().iter().zip(shape).enumerate().all(fits) {
        let reason = format!("its places, of shape {:?}, go beyond it", indices.shape());
        return Err(Error::shape(&[shape], reason));
    }
    let strides = strides(shape);
    let place = |(at, &index): (ndarray::IxDyn, &i64)| {
        let index = place_along(axis, index, shape)?;
        let along = |(k, stride): (usize, &usize)| stride * if k == axis { index } else { at[k] };
        Ok(strides.iter().enumerate().map(along).sum())
    };
    indices.indexed_iter().map(place).collect()
}

/// Blocks of numbers that follow one another, at places that lists of positions say.
pub(super) struct BlockPlaces {
    /// Where each block begins.
    pub(super) starts: Vec<usize>,
    /// How many numbers a block has.
    pub(super) length: usize,
    /// The shape of all blocks together.
    pub(super) shape: Vec<usize>,
}

impl BlockPlaces {
    /// The blocks at places along one axis of an operand of `shape`.
    ///
    /// # Errors
    /// [`Error::Shape`] when there is no such place.
    pub(super) fn along(indices: &ArrayD<i64>, axis: i64, shape: &[usize]) -> Result<Self, Error> {
        let axis = axis_of(axis, shape)?;
        let places = indices.iter().map(|&index| place_along(axis, index, shape)).collect::<Result<Vec<_>, Error>>()?;
        let (outer, length) = (shape[..axis].iter().product::<usize>(), shape[axis + 1..].iter().product());
        let starts =
            (0..outer).flat_map(|outer| places.iter().map(move |place| (outer * shape[axis] + place) * length));
        let whole = [&shape[..axis], indices.shape(), &shape[axis + 1..]].concat();
        Ok(Self { starts: starts.collect(), length, shape: whole })
    }

    /// The blocks of an operand of `shape`, the first axes of which the lists share.
    ///
    /// # Errors
    /// [`Error::Shape`] when there is no such place.
    pub(super) fn new(indices: &ArrayD<i64>, shared: usize, shape: &[usize]) -> Result<Self, Error> {
        let misfit = || {
            let reason = format!("its places, of shape {:?} with {shared} shared axes, do not fit", indices.shape());
            Error::shape(&[shape], reason)
        };
        let (&count, outer) = indices.shape().split_last().ok_or_else(misfit)?;
        let listed =
            shared.checked_add(count).filter(|&listed| count > 0 && listed <= shape.len()).ok_or_else(misfit)?;
        if shared > outer.len() || outer[..shared] != shape[..shared] {
            return Err(misfit());
        }
        let strides = strides(shape);
        let lists = outer.iter().product::<usize>();
        let lists_of_sample = outer[shared..].iter().product::<usize>().max(1);
        let sample = shape[shared..].iter().product::<usize>();
        let mut positions = indices.iter();
        let mut starts = Vec::with_capacity(lists);
        for list in 0..lists {
            let mut start = list / lists_of_sample * sample;
            for (axis, stride) in strides.iter().enumerate().take(listed).skip(shared) {
                let index = positions.next().unwrap_or_else(|| unreachable!("each list has {count} positions"));
                start += stride * place_along(axis, *index, shape)?;
            }
            starts.push(start);
        }
        let rest = &shape[listed..];
        Ok(Self { starts, length: rest.iter().product(), shape: [outer, rest].concat() })
    }
}

fn place_along(axis: usize, index: i64, shape: &[usize]) -> Result<usize, Error> {
    let place = position(index, shape[axis]);
    place.ok_or_else(|| Error::shape(&[shape], format!("axis {axis} has no place {index}, which it is about")))
}

/// How far apart neighbors along each axis stand in row-major order.
fn strides(shape: &[usize]) -> Vec<usize> {
    (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect()
}

/// The constant integers at input 1, which say places.
pub(super) fn places<F: Real>(spec: &OperatorSpec<F>) -> Result<ArrayD<i64>, Error> {
    match spec.inputs.get(1) {
        Some(Input::Constant(Constant::Integer(indices))) => Ok(indices.clone()),
        Some(Input::Constant(Constant::Real(_))) => Err(spec.refuse("indices", "floating-point numbers", "integers")),
        Some(Input::Tensor) => Err(Error::NotConstant { kind: spec.kind.clone(), input: "indices" }),
        None | Some(Input::Absent) => Err(Error::MissingInput { kind: spec.kind.clone(), input: "indices" }),
    }
}

/// Reads [`GatherElements`] from its specification.
pub(crate) fn read_elements<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let (axis, indices) = (spec.integer("axis", 0)?, places(spec)?);
    Ok(ParsedOperation::new(GatherElements { axis, indices }, vec![0]))
}

/// Reads [`GatherNd`] from its specification.
pub(crate) fn read_nd<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let (shared, indices) = (spec.integer("batch_dims", 0)?, places(spec)?);
    match usize::try_from(shared) {
        Ok(shared) => Ok(ParsedOperation::new(GatherNd { shared, indices }, vec![0])),
        Err(_) => Err(spec.refuse("batch_dims", shared.to_string(), "a number of axes")),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{IxDyn, array};

    use super::*;
    use crate::Operation;
    use crate::operations::read;
    use crate::operations::testing::{check_gradient, forward, numbers};

    #[test]
    fn elements_are_those_of_their_own_rows() {
        let x = [numbers(&[2, 3, 4], 1)];
        let gather = GatherElements { axis: 1, indices: array![[[0, -1, 2], [1, 1, 1]]].into_dyn() };
        let expected = ArrayD::from_shape_fn(IxDyn(&[1, 2, 3]), |at| {
            let places = [[0, 2, 2], [1, 1, 1]];
            x[0][[at[0], places[at[1]][at[2]], at[2]]]
        });
        assert_eq!(forward(&gather, &x), expected);
        check_gradient(&gather, &x);
    }

    #[test]
    fn lists_of_places_take_blocks() {
        let x = [numbers(&[2, 3, 4], 1)];
        let gather = |shared, indices: ArrayD<i64>| GatherNd { shared, indices };
        let rows = gather(0, array![[1, 0], [0, -1], [1, 0]].into_dyn());
        let y = forward(&rows, &x);
        assert_eq!(y.shape(), [3, 4]);
        assert_eq!([y[[0, 2]], y[[1, 3]], y[[2, 0]]], [x[0][[1, 0, 2]], x[0][[0, 2, 3]], x[0][[1, 0, 0]]]);
        let shared = gather(1, array![[[2], [0]], [[1], [1]]].into_dyn());
        let z = forward(&shared, &x);
        assert_eq!(z.shape(), [2, 2, 4]);
        assert_eq!([z[[0, 0, 1]], z[[1, 1, 3]]], [x[0][[0, 2, 1]], x[0][[1, 1, 3]]]);
        let single = forward(&gather(0, array![1, 2, 3].into_dyn()), &x);
        assert_eq!((single.ndim(), single.sum()), (0, x[0][[1, 2, 3]]));
        check_gradient(&rows, &x);
        check_gradient(&shared, &x);
    }

    #[test]
    fn places_that_are_not_there_are_refused() {
        let elements = |indices: ArrayD<i64>| {
            Operation::<f64>::output_shape(&GatherElements { axis: 1, indices }, &[&[2, 3]]).is_err()
        };
        assert!(elements(array![[3]].into_dyn()) && elements(array![[-4]].into_dyn()));
        assert!(elements(array![0].into_dyn()) && elements(array![[0], [0], [0]].into_dyn()));
        let lists = |shared, indices: ArrayD<i64>| {
            Operation::<f64>::output_shape(&GatherNd { shared, indices }, &[&[2, 3]]).is_err()
        };
        assert!(lists(0, array![[2]].into_dyn()) && lists(0, array![[0, 0, 0]].into_dyn()));
        assert!(lists(1, array![[0]].into_dyn()) && lists(usize::MAX, array![[0], [0]].into_dyn()));
        assert!(lists(0, ndarray::arr0(1).into_dyn()) && lists(0, array![[i64::MIN]].into_dyn()));
    }

    #[test]
    fn definitions_are_read_back() {
        let indices = array![[0, 1], [1, 0]].into_dyn();
        let elements = GatherElements { axis: -1, indices: indices.clone() }.words::<f64>();
        let lists = GatherNd { shared: 1, indices }.words::<f64>();
        for spec in [elements, lists] {
            assert_eq!(read(&spec).unwrap().operation.to_spec(), spec);
        }
        assert!(matches!(read_nd(&OperatorSpec::<f64>::new("GatherND", 2)), Err(Error::NotConstant { .. })));
        assert!(matches!(read(&OperatorSpec::<f64>::new("GatherElements", 1)), Err(Error::MissingInput { .. })));
    }
}
