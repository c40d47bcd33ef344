//! The sum of products that an equation means, as a product of matrices.

use ndarray::{ArrayD, ArrayViewD, Axis, CowArray, IxDyn};

use crate::Real;
use crate::arrays::batches;
use crate::arrays::broadcast::sum_to_shape;
use crate::operations::product::einsum::equation::Label;

/// An array whose axes have labels, each another.
#[derive(Clone)]
pub(super) struct Labeled<'a, F: Real> {
    pub(super) labels: &'a [Label],
    pub(super) values: ArrayViewD<'a, F>,
}

/// `Σ a b` over all labels but those of `labels`, as an array of `shape` with these; along labels that neither factor
/// has, it is repeated, and along those where `shape` has length 1, summed.
pub(super) fn contract<F: Real>(
    a: &Labeled<'_, F>,
    b: &Labeled<'_, F>,
    labels: &[Label],
    shape: &[usize],
) -> ArrayD<F> {
    let is_kept = |label: &Label| labels.contains(label);
    let of_both: Vec<Label> = a.labels.iter().copied().filter(|label| b.labels.contains(label)).collect();
    let own = |factor: &Labeled<'_, F>| -> Vec<Label> {
        factor.labels.iter().copied().filter(|label| is_kept(label) && !of_both.contains(label)).collect()
    };
    let (batch, inner): (Vec<Label>, Vec<Label>) = of_both.iter().copied().partition(is_kept);
    let (rows, columns) = (own(a), own(b));

    let lengths: Vec<usize> = inner.iter().map(|&label| a.length(label).max(b.length(label))).collect();
    let left = a.matrices(&[&batch, &rows, &inner], &lengths, batch.len());
    let right = b.matrices(&[&batch, &columns, &inner], &lengths, batch.len());
    let last = right.ndim() - 1;
    let mut right = right.view();
    right.swap_axes(last - 1, last);
    let product = batches::product(&left.view(), &right);

    let of_batch = product.shape()[..batch.len()].iter().copied();
    let of_factors = rows.iter().map(|&label| a.length(label)).chain(columns.iter().map(|&label| b.length(label)));
    let product_shape: Vec<usize> = of_batch.chain(of_factors).collect();
    let product = product.into_shape_with_order(IxDyn(&product_shape));
    let product = product.unwrap_or_else(|_| unreachable!("rows and columns have these axes"));
    Labeled { labels: &[batch, rows, columns].concat(), values: product.view() }.spread(labels, shape)
}

impl<F: Real> Labeled<'_, F> {
    fn axis(&self, label: Label) -> Option<usize> {
        self.labels.iter().position(|&own| own == label)
    }

    fn length(&self, label: Label) -> usize {
        self.axis(label).map_or(1, |axis| self.values.shape()[axis])
    }

    /// Matrices: one for each position along the first of three lists of labels, with the others as rows and columns,
    /// of which the last ones have `lengths`; summed over all other labels.
    fn matrices(&self, order: &[&[Label]; 3], lengths: &[usize], batch: usize) -> ArrayD<F> {
        let all = order.concat();
        let summed = (0..self.labels.len()).rev().filter(|&axis| !all.contains(&self.labels[axis]));
        let mut values: CowArray<'_, F, IxDyn> = CowArray::from(self.values.view());
        let mut labels = self.labels.to_vec();
        for axis in summed {
            values = values.sum_axis(Axis(axis)).into();
            labels.remove(axis);
        }
        let axes: Vec<usize> = all.iter().filter_map(|label| labels.iter().position(|own| own == label)).collect();
        let arranged = values.view().permuted_axes(IxDyn(&axes));
        let mut whole = arranged.shape().to_vec();
        let columns = whole.len() - lengths.len();
        whole[columns..].copy_from_slice(lengths);
        let arranged = arranged.broadcast(IxDyn(&whole)).map(|whole| whole.as_standard_layout().into_owned());
        let arranged = arranged.unwrap_or_else(|| unreachable!("lengths were agreed to"));
        let rows = whole[batch..columns].iter().product();
        let shape = [&whole[..batch], &[rows, lengths.iter().product()]].concat();
        arranged.into_shape_with_order(shape).unwrap_or_else(|_| unreachable!("axes are taken together"))
    }

    /// The array with its axes in the order of `labels`, repeated or summed to `shape`.
    fn spread(&self, labels: &[Label], shape: &[usize]) -> ArrayD<F> {
        let axes: Vec<usize> = labels.iter().filter_map(|&label| self.axis(label)).collect();
        let mut values = self.values.view().permuted_axes(IxDyn(&axes));
        for (axis, &label) in labels.iter().enumerate() {
            if self.axis(label).is_none() {
                values = values.insert_axis(Axis(axis));
            }
        }
        let summed = sum_to_shape(values.to_owned(), shape);
        let whole = summed.broadcast(IxDyn(shape)).map(|whole| whole.as_standard_layout().into_owned());
        whole.unwrap_or_else(|| unreachable!("lengths were agreed to"))
    }
}
