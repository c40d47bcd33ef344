//! Numbers taken by a list of places, or repeated: Gather and Expand.

use ndarray::ArrayD;

use crate::arrays::axes::{axis_of, position};
use crate::arrays::broadcast::broadcast_shape;
use crate::operation::ParsedOperation;
use crate::operation::{Constant, Input, OperatorSpec};
use crate::operations::arrangement::reshape::required_integers;
use crate::operations::arrangement::selection::Selection;
use crate::operations::arrangement::{Arrangement, Plan};
use crate::{Error, Real};

/// Along one axis, the places of a list; the axes of the list stand in the place of that axis.
#[derive(Clone, Debug)]
pub struct Gather {
    /// The axis; counted from behind where negative.
    pub axis: i64,
    /// The places; counted from behind where negative.
    pub indices: ArrayD<i64>,
}

impl Arrangement for Gather {
    const KIND: &'static str = "Gather";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        let mut spec = OperatorSpec::new("Gather", 1).with_integer("axis", self.axis);
        spec.inputs.push(Input::Constant(Constant::Integer(self.indices.clone())));
        spec
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let axis = axis_of(self.axis, shape)?;
        let place = |&index: &i64| {
            position(index, shape[axis])
                .ok_or_else(|| Error::shape(&[shape], format!("axis {axis} has no place {index}, which it gathers")))
        };
        let places = self.indices.iter().map(place).collect::<Result<Vec<usize>, Error>>()?;
        let output = [&shape[..axis], self.indices.shape(), &shape[axis + 1..]].concat();
        let mut selections: Vec<Selection> = shape.iter().map(|&length| Selection::whole(length)).collect();
        selections[axis] = Selection::new(shape[axis], places.len(), move |place| Some(places[place]));
        Ok(Plan::select(selections).then_seen_as(output))
    }

    fn summary(&self) -> String {
        format!("{} places of axis {}", self.indices.len(), self.axis)
    }
}

/// Reads [`Gather`] from its specification.
pub(crate) fn read_gather<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let axis = spec.integer("axis", 0)?;
    match spec.inputs.get(1) {
        Some(Input::Constant(Constant::Integer(indices))) => {
            Ok(ParsedOperation::new(Gather { axis, indices: indices.clone() }, vec![0]))
        }
        // says what is wrong about them
        _ => required_integers(spec, 1, "indices")
            .and_then(|_| Err(Error::MissingInput { kind: spec.kind.clone(), input: "indices" })),
    }
}

/// Repeated along axes of length 1, as broadcasting does.
#[derive(Clone, Debug)]
pub struct Expand {
    /// What the operand is broadcast with.
    pub shape: Vec<usize>,
}

impl Arrangement for Expand {
    const KIND: &'static str = "Expand";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Expand", 1).with_constant_integers(self.shape.iter().map(|&length| length as i64))
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let output = broadcast_shape(&[shape, &self.shape])?;
        let missing = output.len() - shape.len();
        let selection = |(axis, &length): (usize, &usize)| match axis.checked_sub(missing).map_or(1, |axis| shape[axis])
        {
            1 if length != 1 => Selection::new(1, length, |_| Some(0)),
            operand => Selection::whole(operand),
        };
        Ok(Plan::select(output.iter().enumerate().map(selection).collect()))
    }

    fn summary(&self) -> String {
        format!("to {:?}", self.shape)
    }
}

/// Reads [`Expand`] from its specification.
pub(crate) fn read_expand<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let shape = required_integers(spec, 1, "shape")?;
    let lengths = shape.iter().map(|&length| usize::try_from(length)).collect::<Result<Vec<_>, _>>();
    match lengths {
        Ok(shape) => Ok(ParsedOperation::new(Expand { shape }, vec![0])),
        Err(_) => Err(spec.refuse("shape", format!("{shape:?}"), "lengths that are not negative")),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Axis, arr0, array};

    use super::*;
    use crate::Operation;
    use crate::operations::testing::{check_gradient, forward, numbers};

    #[test]
    fn lists_of_places_stand_in_for_their_axis() {
        let x = [numbers(&[2, 3, 4], 1)];
        let single = Gather { axis: 1, indices: arr0(-1).into_dyn() };
        assert_eq!(forward(&single, &x), x[0].index_axis(Axis(1), 2));
        let table = Gather { axis: -2, indices: array![[0, 2], [2, 2], [-3, 1]].into_dyn() };
        let y = forward(&table, &x);
        assert_eq!(y.shape(), [2, 3, 2, 4]);
        assert_eq!((y[[1, 2, 0, 3]], y[[0, 1, 1, 2]]), (x[0][[1, 0, 3]], x[0][[0, 2, 2]]));
        check_gradient(&single, &x);
        check_gradient(&table, &x);
    }

    #[test]
    fn places_that_are_not_there_are_refused() {
        let gather: &dyn Operation<f64> = &Gather { axis: 1, indices: array![0, 3].into_dyn() };
        assert!(gather.output_shape(&[&[2, 3]]).unwrap_err().to_string().contains("no place 3"));
        assert!(gather.output_shape(&[&[2]]).is_err());
        assert!(matches!(read_gather(&OperatorSpec::<f32>::new("Gather", 2)), Err(Error::NotConstant { .. })));
        assert!(matches!(read_gather(&OperatorSpec::<f32>::new("Gather", 1)), Err(Error::MissingInput { .. })));
    }

    #[test]
    fn definitions_are_read_back() {
        let spec = Gather { axis: -1, indices: arr0(2).into_dyn() }.words::<f32>();
        assert_eq!(read_gather(&spec).unwrap().operation.to_spec(), spec);
        let spec = Expand { shape: vec![3, 1] }.words::<f32>();
        assert_eq!(read_expand(&spec).unwrap().operation.to_spec(), spec);
        assert!(read_expand(&OperatorSpec::<f32>::new("Expand", 1).with_constant_integers([-1])).is_err());
    }

    #[test]
    fn expansion_broadcasts_both_ways() {
        let x = [numbers(&[2, 1, 3], 1)];
        for shape in [vec![4, 1], vec![5, 1, 4, 3], vec![], vec![2, 2, 1]] {
            let expand = Expand { shape: shape.clone() };
            let common = broadcast_shape(&[&[2, 1, 3], &shape]).unwrap();
            assert_eq!(forward(&expand, &x), x[0].broadcast(common).unwrap(), "{shape:?}");
            check_gradient(&expand, &x);
        }
        let expand: &dyn Operation<f64> = &Expand { shape: vec![2] };
        assert!(expand.output_shape(&[&[3]]).is_err());
    }
}
