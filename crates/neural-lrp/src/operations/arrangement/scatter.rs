//! Numbers put to places of a list: ScatterElements and ScatterND.

use ndarray::{ArrayD, ArrayViewD};

use crate::arrays::contiguous::{elements, elements_mut};
use crate::operation::{Constant, Family, Input, Operation, OperatorSpec, ParsedOperation, Step};
use crate::operations::arrangement::elements::{BlockPlaces, element_places, places};
use crate::{Error, Real};

/// A tensor with the numbers of another at certain places: in place of its own, or added to them.
///
/// Relevance goes to the numbers that stand there. Of several at the same place it is the last; where they are added, all get
/// their shares.
#[derive(Clone, Debug)]
pub struct Scatter {
    by: By,
    indices: ArrayD<i64>,
    put: Put,
}

/// How a list says places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// Along one axis, for each number.
    Elements { axis: i64 },
    /// Along the first axes, for each block of numbers.
    Lists,
}

/// What becomes of the numbers that were there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Put {
    Instead,
    Added,
}

impl Scatter {
    fn name(&self) -> &'static str {
        match self.by {
            By::Elements { .. } => "ScatterElements",
            By::Lists => "ScatterND",
        }
    }

    /// The blocks of a tensor of `shape` that are written.
    fn blocks(&self, shape: &[usize]) -> Result<BlockPlaces, Error> {
        match self.by {
            By::Elements { axis } => Ok(BlockPlaces {
                starts: element_places(&self.indices, axis, shape)?,
                length: 1,
                shape: self.indices.shape().to_vec(),
            }),
            By::Lists => BlockPlaces::new(&self.indices, 0, shape),
        }
    }

    /// Where each number goes, for a shape that was agreed to.
    fn places(&self, shape: &[usize]) -> Vec<usize> {
        let blocks = self.blocks(shape).unwrap_or_else(|_| unreachable!("output_shape agreed"));
        blocks.starts.iter().flat_map(|start| *start..start + blocks.length).collect()
    }
}

impl<F: Real> Operation<F> for Scatter {
    fn to_spec(&self) -> OperatorSpec<F> {
        let mut spec = OperatorSpec::new(self.name(), 2);
        spec.inputs.insert(1, Input::Constant(Constant::Integer(self.indices.clone())));
        if let By::Elements { axis } = self.by {
            spec = spec.with_integer("axis", axis);
        }
        if self.put == Put::Added { spec.with_text("reduction", "add") } else { spec }
    }

    fn kind(&self) -> &'static str {
        self.name()
    }

    fn family(&self) -> Family {
        match self.put {
            Put::Instead => Family::Arrangement,
            Put::Added => Family::Sum,
        }
    }

    fn takes_empty_operands(&self) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape, updates] = operands else { return Err(Error::shape(operands, "it takes 2")) };
        let blocks = self.blocks(shape)?;
        match blocks.shape == *updates {
            true => Ok(shape.to_vec()),
            false => Err(Error::shape(operands, format!("the second should have shape {:?}", blocks.shape))),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let mut output = operands[0].as_standard_layout().into_owned();
        let (numbers, updates) = (elements_mut(&mut output), elements(&operands[1]));
        for (place, &update) in self.places(operands[0].shape()).into_iter().zip(updates.iter()) {
            match self.put {
                Put::Instead => numbers[place] = update,
                Put::Added => numbers[place] += update,
            }
        }
        output
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let mut data = upper.as_standard_layout().into_owned();
        let mut updates = ArrayD::zeros(step.operands[1].raw_dim());
        let numbers = elements_mut(&mut data);
        // From the last on: it stands in the place of those before it.
        for (place, update) in self.places(step.operands[0].shape()).into_iter().zip(elements_mut(&mut updates)).rev() {
            *update = numbers[place];
            if self.put == Put::Instead {
                numbers[place] = F::zero();
            }
        }
        vec![data, updates]
    }
}

/// Reads the putting of numbers one by one from its specification.
pub(crate) fn read_elements<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, By::Elements { axis: spec.integer("axis", 0)? })
}

/// Reads the putting of blocks of numbers from its specification.
pub(crate) fn read_nd<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    read(spec, By::Lists)
}

fn read<F: Real>(spec: &OperatorSpec<F>, by: By) -> Result<ParsedOperation<F>, Error> {
    let put = match spec.text("reduction", "none")? {
        "none" => Put::Instead,
        "add" => Put::Added,
        other => return Err(spec.refuse("reduction", format!("{other:?}"), "\"none\" or \"add\"")),
    };
    Ok(ParsedOperation::new(Scatter { by, indices: places(spec)?, put }, vec![0, 2]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::read as read_any;
    use crate::operations::testing::{check_gradient, forward, numbers, step};

    fn scatter(by: By, indices: ArrayD<i64>, put: Put) -> Scatter {
        Scatter { by, indices, put }
    }

    #[test]
    fn numbers_are_put_where_the_list_says() {
        let rows = [numbers(&[3, 2], 1), array![[10.0, 20.0], [30.0, 40.0]].into_dyn()];
        let lists = array![[2], [0]].into_dyn();
        let y = forward(&scatter(By::Lists, lists.clone(), Put::Instead), &rows);
        assert_eq!(y, array![[30.0, 40.0], [rows[0][[1, 0]], rows[0][[1, 1]]], [10.0, 20.0]].into_dyn());
        let y = forward(&scatter(By::Lists, lists, Put::Added), &rows);
        assert_eq!(y[[2, 1]], rows[0][[2, 1]] + 20.0);
        let single = [ArrayD::zeros(vec![2, 3]), array![[1.0, 2.0], [3.0, 4.0]].into_dyn()];
        let along = scatter(By::Elements { axis: -1 }, array![[0, -1], [1, 1]].into_dyn(), Put::Added);
        assert_eq!(forward(&along, &single), array![[1.0, 0.0, 2.0], [0.0, 7.0, 0.0]].into_dyn());
    }

    #[test]
    fn of_several_the_last_stands_there_and_gets_all() {
        let x = [array![1.0, 2.0, 3.0].into_dyn(), array![5.0, 6.0].into_dyn()];
        let twice = scatter(By::Elements { axis: 0 }, array![1, 1].into_dyn(), Put::Instead);
        let y = forward(&twice, &x);
        assert_eq!(y, array![1.0, 6.0, 3.0].into_dyn());
        let lower = twice.gradient(&step(&x, &y), array![10.0, 20.0, 30.0].into_dyn().view());
        assert_eq!(lower, [array![10.0, 0.0, 30.0].into_dyn(), array![0.0, 20.0].into_dyn()]);
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for put in [Put::Instead, Put::Added] {
            let lists = scatter(By::Lists, array![[[0, 1]], [[1, 2]], [[0, 1]]].into_dyn(), put);
            check_gradient(&lists, &[numbers(&[2, 3, 2], 1), numbers(&[3, 1, 2], 2)]);
            let along = scatter(By::Elements { axis: 1 }, array![[0, 2, 0], [1, 1, 1]].into_dyn(), put);
            check_gradient(&along, &[numbers(&[2, 3], 1), numbers(&[2, 3], 2)]);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let lists = scatter(By::Lists, array![[2], [0]].into_dyn(), Put::Instead);
        let shape = |shapes: &[&[usize]]| Operation::<f64>::output_shape(&lists, shapes);
        assert_eq!(shape(&[&[3, 4], &[2, 4]]).unwrap(), [3, 4]);
        assert!(shape(&[&[2, 4], &[2, 4]]).is_err() && shape(&[&[3, 4], &[2]]).is_err() && shape(&[&[3]]).is_err());
        let product = Operation::<f64>::to_spec(&lists).with_text("reduction", "mul");
        assert!(read_any(&product).unwrap_err().to_string().contains("\"mul\""));
    }

    #[test]
    fn definitions_are_read_back() {
        for put in [Put::Instead, Put::Added] {
            for by in [By::Lists, By::Elements { axis: 1 }] {
                let spec: OperatorSpec<f64> = scatter(by, array![[0, 1]].into_dyn(), put).to_spec();
                assert_eq!(read_any(&spec).unwrap().operation.to_spec(), spec);
            }
        }
    }
}
