//! An expansion with its gradient.

use ndarray::{Array1, ArrayView1, ArrayView2};
use relevance::Differentiable;

use super::{Block, KernelExpansion};
use crate::kernel::{DifferentiableKernel, Segment};
use crate::points::contiguous;
use crate::{Error, ZeroQuotient};

/// A [`KernelExpansion`] whose kernels all have derivatives: value, gradient and closed-form remainder for
/// [`relevance::taylor_decomposition`] and [`relevance::RootSearch`].
///
/// The methods of [`Differentiable`] take for granted that points are of the kernels' domain.
/// [`taylor_relevance`](crate::taylor_relevance) and [`root_relevance`](crate::root_relevance) check that; who calls
/// the search directly can use [`check`](Self::check).
///
/// ```
/// use kernels::{Coefficients, ExpansionTerm, KernelExpansion, Rbf, ZeroQuotient};
/// use ndarray::array;
/// use relevance::Differentiable;
/// let term = ExpansionTerm { kernel: Rbf::new(2.0)?.into(), weight: 1.0, support: array![[1.0, 0.0]].into() };
/// let expansion = KernelExpansion::new(vec![term], Coefficients::Shared(array![2.0]), -1.0)?;
/// let function = expansion.differentiable(ZeroQuotient::default())?;
/// let k = (-1.0_f64).exp(); // at (0, 1), with ‖x_i − x‖² = 2
/// assert_eq!(function.gradient(array![0.0, 1.0].view()), array![2.0 * k, -2.0 * k]);
/// # Ok::<(), kernels::Error>(())
/// ```
#[derive(Clone)]
pub struct DifferentiableExpansion<'a> {
    expansion: &'a KernelExpansion,
    /// One for each term.
    kernels: Vec<&'a dyn DifferentiableKernel>,
    zero_quotient: ZeroQuotient,
}

impl<'a> DifferentiableExpansion<'a> {
    pub(super) fn new(expansion: &'a KernelExpansion, zero_quotient: ZeroQuotient) -> Result<Self, Error> {
        let kernels = expansion.terms.iter().map(|term| term.kernel.differentiable()).collect::<Result<_, Error>>()?;
        Ok(Self { expansion, kernels, zero_quotient })
    }

    /// The expansion itself.
    pub fn expansion(&self) -> &'a KernelExpansion {
        self.expansion
    }

    /// The reading of 0/0 in Eq. 45.
    pub fn zero_quotient(&self) -> ZeroQuotient {
        self.zero_quotient
    }

    /// Fails when a row of `points` is none that all kernels take.
    ///
    /// # Errors
    /// [`Error::Dimensions`], [`Error::Negative`] or [`Error::NotFinite`].
    pub fn check(&self, points: ArrayView2<'_, f64>) -> Result<(), Error> {
        self.expansion.check_points("the points", points)
    }

    /// The kernels, each with its term and its part of `point`.
    fn blocks<'b, 'p>(&'b self, point: &'p [f64]) -> impl Iterator<Item = (&'a dyn DifferentiableKernel, Block<'a, 'p>)>
    where
        'p: 'b,
    {
        self.kernels.iter().copied().zip(self.expansion.blocks(point))
    }
}

impl Differentiable for DifferentiableExpansion<'_> {
    fn dimensions(&self) -> usize {
        self.expansion.dimensions()
    }

    fn value(&self, x: ArrayView1<'_, f64>) -> f64 {
        self.expansion.value_unchecked(&contiguous(x))
    }

    fn gradient(&self, x: ArrayView1<'_, f64>) -> Array1<f64> {
        let x = contiguous(x);
        let mut gradient = Vec::with_capacity(x.len());
        for (kernel, block) in self.blocks(&x) {
            let begin = gradient.len();
            gradient.resize(begin + block.point.len(), 0.0);
            kernel.add_gradient(&block.support, block.point, self.zero_quotient, &mut gradient[begin..]);
        }
        gradient.into()
    }

    fn values(&self, points: ArrayView2<'_, f64>) -> Array1<f64> {
        self.expansion.values_unchecked(points)
    }

    fn change(&self, x: ArrayView1<'_, f64>, root: ArrayView1<'_, f64>) -> f64 {
        let (x, root) = (contiguous(x), contiguous(root));
        let terms = self.blocks(&x).zip(self.expansion.blocks(&root));
        terms.map(|((kernel, at_x), at_root)| kernel.change(&at_x.support, at_x.point, at_root.point)).sum()
    }

    fn remainder(&self, x: ArrayView1<'_, f64>, root: ArrayView1<'_, f64>) -> f64 {
        let (x, root) = (contiguous(x), contiguous(root));
        let terms = self.blocks(&x).zip(self.expansion.blocks(&root));
        terms
            .map(|((kernel, at_x), at_root)| {
                kernel.remainder(&at_x.support, at_x.point, at_root.point, self.zero_quotient)
            })
            .sum()
    }

    fn along<'b>(&'b self, from: ArrayView1<'b, f64>, to: ArrayView1<'b, f64>) -> Segment<'b> {
        let (from, to) = (contiguous(from), contiguous(to));
        let segments: Vec<Segment<'b>> = self
            .blocks(&from)
            .zip(self.expansion.blocks(&to))
            .map(|((kernel, start), end)| kernel.along(start.support, start.point, end.point))
            .collect();
        let bias = self.expansion.bias;
        Box::new(move |position| bias + segments.iter().map(|segment| segment(position)).sum::<f64>())
    }
}
