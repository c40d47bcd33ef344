//! What operations that move, copy or leave out numbers have in common.
//!
//! Each is described by a [`Plan`] for operands of a given shape; forward pass, transpose and what falls outside all
//! follow from the plan.

use std::fmt;

use ndarray::{Array1, ArrayD, ArrayViewD, Axis, CowArray, IxDyn, Zip};
use relevance::Amount;

use crate::arrays::axes::position;
use crate::arrays::contiguous::elements;
use crate::arrays::map::WORTH_THREADS;
use crate::operation::OperatorSpec;
use crate::operation::{Family, Operation, Step};
use crate::operations::arrangement::selection::{Selection, Walk};
use crate::{Error, Real};

pub(super) mod choice;
pub(super) mod concat;
pub(super) mod elements;
pub(super) mod gather;
pub(super) mod identity;
pub(super) mod lookup;
pub(super) mod pad;
pub(super) mod reshape;
pub(super) mod scatter;
pub(super) mod selection;
pub(super) mod slice;
pub(super) mod tile;
pub(super) mod transpose;

pub use choice::Where;
pub use concat::Concat;
pub use elements::{GatherElements, GatherNd};
pub use gather::{Expand, Gather};
pub use identity::Identity;
pub use lookup::Lookup;
pub use pad::Pad;
pub use reshape::{Flatten, Reshape, Squeeze, Unsqueeze};
pub use scatter::Scatter;
pub use slice::{Range, Slice};
pub use tile::{Tile, Trilu};
pub use transpose::{DepthToSpace, SpaceToDepth, Transpose};

/// An operation with one operand whose output consists of the operand's numbers, and of a constant where none is.
pub(crate) trait Arrangement: fmt::Debug + Send + Sync {
    /// The operator's name.
    const KIND: &'static str;

    /// The operation in words: attributes and constant inputs, as ONNX names them.
    fn words<F: Real>(&self) -> OperatorSpec<F>;

    /// Where the numbers of an operand of this shape go. Allocates nothing of the output's size, unless the operation holds as
    /// much itself.
    fn plan(&self, shape: &[usize]) -> Result<Plan, Error>;

    /// What stands where no number of the operand goes.
    fn fill(&self) -> f64 {
        0.0
    }

    /// Whether each number stays where it is.
    fn is_identity(&self) -> bool {
        false
    }

    /// What a person should know beside the kind.
    fn summary(&self) -> String {
        String::new()
    }
}

impl<F: Real, A: Arrangement> Operation<F> for A {
    fn to_spec(&self) -> OperatorSpec<F> {
        self.words()
    }

    fn kind(&self) -> &'static str {
        A::KIND
    }

    fn family(&self) -> Family {
        Family::Arrangement
    }

    fn keeps_samples_apart(&self, operands: &[&[usize]]) -> bool {
        operands.iter().all(|shape| self.plan(shape).is_ok_and(|plan| plan.leaves_first_axis()))
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match operands {
            [shape] => Ok(self.plan(shape)?.output),
            _ => Err(Error::shape(operands, "it takes one")),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        agreed(self, operands[0].shape()).apply(operands[0].view(), F::of(self.fill()))
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let shape = step.operands[0].shape();
        vec![agreed(self, shape).transposed(upper, shape)]
    }

    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        match self.fill() == 0.0 {
            true => step.output.to_owned(),
            false => agreed(self, step.operands[0].shape()).apply(step.operands[0].view(), F::zero()),
        }
    }

    fn outside(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Amount {
        agreed(self, step.operands[0].shape()).outside(upper)
    }

    fn is_identity(&self) -> bool {
        Arrangement::is_identity(self)
    }

    fn description(&self) -> String {
        self.summary()
    }
}

/// The plan for a shape that [`Operation::output_shape`] has agreed to.
fn agreed<A: Arrangement>(arrangement: &A, shape: &[usize]) -> Plan {
    arrangement.plan(shape).unwrap_or_else(|_| unreachable!("output_shape agreed"))
}

/// How the numbers of one operand become an output: the operand is seen as an array of another shape, its numbers are
/// moved, and the result is seen as the output.
pub(crate) struct Plan {
    seen_as: Vec<usize>,
    movement: Movement,
    output: Vec<usize>,
}

enum Movement {
    /// All stay where they are.
    Stay,
    /// Axis k of the result is axis `permutation[k]` of what is seen.
    Permute(Vec<usize>),
    /// Along each axis some are taken.
    Select(Vec<Selection>),
    /// Some are taken one by one, from places in row-major order.
    Pick { length: usize, source: Box<Source>, leaves_first_axis: bool },
}

/// For each place of the result, the place of the number that stands there, if one does.
type Source = dyn Fn(usize) -> Option<usize> + Send + Sync;

impl Plan {
    /// The same numbers in the same order, in another shape with as many of them.
    pub(crate) fn reshape(output: Vec<usize>) -> Self {
        Self { seen_as: output.clone(), movement: Movement::Stay, output }
    }

    /// The operand seen as another shape with as many numbers, its axes permuted.
    pub(crate) fn permute(seen_as: Vec<usize>, permutation: Vec<usize>) -> Self {
        let output = permutation.iter().map(|&axis| seen_as[axis]).collect();
        Self { seen_as, movement: Movement::Permute(permutation), output }
    }

    /// One selection for each axis.
    pub(crate) fn select(selections: Vec<Selection>) -> Self {
        Self {
            seen_as: selections.iter().map(|selection| selection.operand).collect(),
            output: selections.iter().map(|selection| selection.length).collect(),
            movement: Movement::Select(selections),
        }
    }

    /// For each place of the output, in row-major order, the place in the operand of the number that stands there, or none.
    pub(crate) fn pick(
        operand: Vec<usize>,
        output: Vec<usize>,
        source: impl Fn(usize) -> Option<usize> + Send + Sync + 'static,
    ) -> Self {
        let length = output.iter().product();
        let movement = Movement::Pick { length, source: Box::new(source), leaves_first_axis: false };
        Self { seen_as: operand, movement, output }
    }

    /// Blocks of so many numbers that follow one another, from these places of the operand on.
    pub(crate) fn blocks(operand: &[usize], starts: Vec<usize>, length: usize, output: Vec<usize>) -> Self {
        Self::pick(operand.to_vec(), output, move |place| Some(starts[place / length] + place % length))
    }

    /// The same plan, which picks no number from another position along the first axis.
    pub(crate) fn leaving_first_axis(mut self) -> Self {
        if let Movement::Pick { leaves_first_axis, .. } = &mut self.movement {
            *leaves_first_axis = true;
        }
        self
    }

    /// The result seen as another shape with as many numbers.
    pub(crate) fn then_seen_as(mut self, output: Vec<usize>) -> Self {
        self.output = output;
        self
    }

    /// The output, with `fill` where no number of the operand goes.
    fn apply<F: Real>(&self, operand: ArrayViewD<'_, F>, fill: F) -> ArrayD<F> {
        let numbers = seen_as(operand.as_standard_layout(), &self.seen_as);
        let moved = match &self.movement {
            Movement::Stay => numbers,
            Movement::Permute(permutation) => permuted(numbers.view(), permutation).into(),
            Movement::Select(selections) => Walk::over(selections).gather(numbers.view(), fill).into(),
            Movement::Pick { length, source, .. } => {
                let view = numbers.view();
                let numbers = elements(&view);
                let picked = (0..*length).map(|place| source(place).map_or(fill, |source| numbers[source]));
                Array1::from_iter(picked).into_dyn().into()
            }
        };
        seen_as(moved, &self.output).into_owned()
    }

    /// The transpose: each number goes back to where it came from, copies are added up.
    fn transposed<F: Real>(&self, upper: ArrayViewD<'_, F>, operand: &[usize]) -> ArrayD<F> {
        let upper = upper.as_standard_layout();
        let moved = match &self.movement {
            Movement::Stay => upper,
            Movement::Permute(permutation) => {
                let lengths: Vec<usize> = permutation.iter().map(|&axis| self.seen_as[axis]).collect();
                let mut inverse = vec![0; permutation.len()];
                for (place, &axis) in permutation.iter().enumerate() {
                    inverse[axis] = place;
                }
                permuted(seen_as(upper, &lengths).view(), &inverse).into()
            }
            Movement::Select(selections) => Walk::over(selections).scatter(upper.view()).into(),
            Movement::Pick { length, source, .. } => {
                let mut lower = F::zeros(self.seen_as.iter().product());
                let view = upper.view();
                for (place, &upper) in (0..*length).zip(elements(&view).iter()) {
                    if let Some(source) = source(place) {
                        lower[source] += upper;
                    }
                }
                Array1::from(lower).into_dyn().into()
            }
        };
        seen_as(moved, operand).into_owned()
    }

    /// Whether no number moves along the first axis, if that is as long before as after.
    fn leaves_first_axis(&self) -> bool {
        match &self.movement {
            Movement::Stay => true,
            Movement::Permute(permutation) => permutation.first() == Some(&0) && self.seen_as[0] == self.output[0],
            Movement::Select(selections) => selections.first().is_some_and(Selection::is_whole),
            Movement::Pick { leaves_first_axis, .. } => *leaves_first_axis,
        }
    }

    /// What lies where no number of the operand goes.
    fn outside<F: Real>(&self, upper: ArrayViewD<'_, F>) -> Amount {
        match &self.movement {
            Movement::Stay | Movement::Permute(_) => Amount::default(),
            Movement::Select(selections) => Walk::over(selections).outside(upper),
            Movement::Pick { length, source, .. } => {
                let upper = elements(&upper);
                let nowhere = (0..*length).filter(|&place| source(place).is_none());
                nowhere.map(|place| upper[place].as_()).collect()
            }
        }
    }
}

fn seen_as<'a, F: Real>(numbers: CowArray<'a, F, IxDyn>, shape: &[usize]) -> CowArray<'a, F, IxDyn> {
    numbers.into_shape_with_order(shape).unwrap_or_else(|_| unreachable!("as many numbers as before"))
}

/// An array with its axes permuted, in the standard layout. Axes that stay neighbors are moved as one.
fn permuted<F: Real>(numbers: ArrayViewD<'_, F>, permutation: &[usize]) -> ArrayD<F> {
    let output: Vec<usize> = permutation.iter().map(|&axis| numbers.len_of(Axis(axis))).collect();
    let mut groups: Vec<(usize, usize)> = Vec::new(); // first axis and total length, in the order of the output
    for (place, &axis) in permutation.iter().enumerate() {
        match groups.last_mut() {
            Some((_, length)) if permutation[place - 1] + 1 == axis => *length *= output[place],
            _ => groups.push((axis, output[place])),
        }
    }
    let mut order: Vec<usize> = (0..groups.len()).collect();
    order.sort_by_key(|&group| groups[group].0);
    let mut places = vec![0; groups.len()];
    for (place, &group) in order.iter().enumerate() {
        places[group] = place;
    }
    let joined: Vec<usize> = order.iter().map(|&group| groups[group].1).collect();
    let source = seen_as(numbers.into(), &joined);
    let source = source.view().permuted_axes(places);
    let mut target = ArrayD::zeros(source.shape());
    let numbers = Zip::from(&mut target).and(source);
    match output.iter().product::<usize>() < WORTH_THREADS {
        true => numbers.for_each(|target, &source| *target = source),
        false => numbers.par_for_each(|target, &source| *target = source),
    }
    seen_as(target.into(), &output).into_owned()
}

/// Several axes, each once.
///
/// # Errors
/// [`Error::Shape`] when one is outside of the rank or given twice.
pub(crate) fn axes_of(axes: &[i64], rank: usize, operand: &[usize]) -> Result<Vec<usize>, Error> {
    let mut places = Vec::with_capacity(axes.len());
    for &axis in axes {
        let place = position(axis, rank)
            .ok_or_else(|| Error::shape(&[operand], format!("axis {axis} is none of the {rank} axes")))?;
        if places.contains(&place) {
            return Err(Error::shape(&[operand], format!("axis {axis} is given twice")));
        }
        places.push(place);
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::testing::numbers;

    #[test]
    fn permutations_agree_with_those_of_single_numbers() {
        let array = numbers(&[2, 3, 1, 4, 5], 1);
        for permutation in
            [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [0, 3, 4, 1, 2], [3, 4, 0, 1, 2], [1, 0, 2, 3, 4], [2, 4, 0, 1, 3]]
        {
            let found = permuted(array.view(), &permutation);
            assert!(found.is_standard_layout());
            assert_eq!(found, array.view().permuted_axes(permutation.to_vec()), "{permutation:?}");
        }
        let long = numbers(&[3, 150, 151], 2);
        assert_eq!(permuted(long.view(), &[0, 2, 1]), long.view().permuted_axes(vec![0, 2, 1]));
    }

    #[test]
    fn several_axes_are_each_given_once() {
        assert_eq!(axes_of(&[2, -3], 3, &[]).unwrap(), [2, 0]);
        assert!(axes_of(&[1, -2], 3, &[]).unwrap_err().to_string().contains("twice"));
        assert!(axes_of(&[3], 3, &[]).unwrap_err().to_string().contains("none of the 3 axes"));
    }
}
