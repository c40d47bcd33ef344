//! Arrays in the orders of memory that an operation, or a rule at an operation, accepts.

use ndarray::{ArrayD, ArrayViewD, Axis, CowArray, IxDyn};

use crate::Real;
use crate::arrays::order::Order;
use crate::operation::{Accepts, Operation, Redistribution, Step};

/// The output of an operation for operands in any orders of memory, in one of them.
pub(crate) fn forward<F: Real>(operation: &dyn Operation<F>, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
    let way = Way::among(operation.accepts(), operands);
    let arranged: Vec<_> = operands.iter().map(|operand| way.arrange(operand)).collect();
    let operands: Vec<_> = arranged.iter().map(|operand| way.seen(operand)).collect();
    Order::kept(way.back(operation.forward(&operands)))
}

/// Hands relevance down by `backward`, which accepts such orders of memory.
pub(crate) fn hand_down<F: Real>(
    accepts: Accepts,
    step: &Step<'_, F>,
    upper: &ArrayViewD<'_, F>,
    backward: impl FnOnce(&Step<'_, F>, ArrayViewD<'_, F>) -> Result<Redistribution<F>, String>,
) -> Result<Redistribution<F>, String> {
    let way = Way::among(accepts, step.operands.iter().chain([&step.output]));
    let arranged: Vec<_> = step.operands.iter().map(|operand| way.arrange(operand)).collect();
    let (output, upper) = (way.arrange(&step.output), way.arrange(upper));
    let seen = Step { operands: arranged.iter().map(|operand| way.seen(operand)).collect(), output: way.seen(&output) };
    let mut handed = backward(&seen, way.seen(&upper))?;
    let lower = handed.lower.into_iter().zip(&step.operands);
    handed.lower = lower.map(|(lower, operand)| with_rank(way.back(lower), operand.ndim())).collect();
    Ok(handed)
}

/// How arrays are handed over.
#[derive(Clone, Copy)]
struct Way {
    order: Order,
    /// The number of axes of all arrays, where these are moved.
    moved: Option<usize>,
}

impl Way {
    /// The way that is accepted and copies least.
    fn among<'a, 'b: 'a, F: Real>(
        accepts: Accepts,
        arrays: impl IntoIterator<Item = &'a ArrayViewD<'b, F>> + Clone,
    ) -> Self {
        let order = match accepts {
            Accepts::StandardOrder => Order::Standard,
            Accepts::AnyOrder | Accepts::MovedAxes => Order::common(arrays.clone()),
        };
        let rank = arrays.into_iter().map(ArrayViewD::ndim).max();
        let moves = accepts == Accepts::MovedAxes && order == Order::ChannelsLast;
        Self { order, moved: rank.filter(|_| moves) }
    }

    fn arrange<'a, F: Real>(self, array: &ArrayViewD<'a, F>) -> CowArray<'a, F, IxDyn> {
        let mut array = array.clone();
        while self.moved.is_some_and(|rank| array.ndim() < rank) {
            array.insert_axis_inplace(Axis(0));
        }
        self.order.arrange(&array)
    }

    fn seen<'a, F: Real>(self, array: &'a CowArray<'_, F, IxDyn>) -> ArrayViewD<'a, F> {
        if self.moved.is_some() { self.order.axes(array.view()) } else { array.view() }
    }

    fn back<F>(self, array: ArrayD<F>) -> ArrayD<F> {
        if self.moved.is_some() { self.order.axes_back(array) } else { array }
    }
}

/// The array without leading axes, of length 1 each, until it has so many.
fn with_rank<F>(mut array: ArrayD<F>, rank: usize) -> ArrayD<F> {
    while array.ndim() > rank && array.shape().first() == Some(&1) {
        array = array.index_axis_move(Axis(0), 0);
    }
    array
}
