//! The radial basis function kernel (Eqs 47–49).

use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::exponential::{Expansion, LARGEST_EXPONENT, UncheckedSigma, check_mean, check_sigma, kernel_change};
use super::{DifferentiableKernel, FitBandwidth, KernelFunction, Segment, ZeroQuotient, plain_segment};
use crate::gram::{by_products, half_by_products};
use crate::lanes::{add_weighted, sum_pairs, sum_triples};
use crate::points::{Rows, SupportVectors};
use crate::{Domain, Error};

/// The radial basis function (Gaussian) kernel.
///
/// ```text
/// k(x, z) = exp( −‖x − z‖² / σ )                             Bach et al. 2015, Eq. (47)
/// ∂k/∂z_(d) = k(x, z) · (2 x_(d) − 2 z_(d)) / σ              Bach et al. 2015, Eq. (48)
/// ```
/// * `σ` — `sigma`; it divides, so γ = 1/σ in other libraries' terms
///
/// ```
/// use kernels::{Kernel, Rbf, ZeroQuotient};
/// use ndarray::array;
/// let kernel = Kernel::from(Rbf::new(2.0)?);
/// let (x, z) = (array![1.0, 0.0], array![0.0, 1.0]);
/// let k = (-1.0_f64).exp();
/// assert_eq!(kernel.value(x.view(), z.view())?, k);
/// assert_eq!(kernel.derivative(x.view(), z.view(), ZeroQuotient::default())?, array![k, -k]);
/// # Ok::<(), kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedSigma")]
pub struct Rbf {
    sigma: f64,
}

impl Rbf {
    /// Any real numbers.
    pub const DOMAIN: Domain = Domain::Real;

    /// The kernel of bandwidth `sigma` > 0.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `sigma` is not finite or not larger than 0.
    pub fn new(sigma: f64) -> Result<Self, Error> {
        Ok(Self { sigma: check_sigma("rbf", sigma)? })
    }

    /// The σ of Eq. 47.
    pub fn sigma(&self) -> f64 {
        self.sigma
    }

    /// The kernel as a function of `‖x‖²`, `‖z‖²` and the inner product of two points.
    ///
    /// Where the squared distance is small against the norms, its leading digits have canceled; such pairs come back
    /// as `None`, and are evaluated from the differences.
    fn of_product(&self, x_norm: f64, z_norm: f64, product: f64) -> Option<f64> {
        let norms = x_norm + z_norm;
        let distance = norms - 2.0 * product;
        (distance > CANCELLATION * norms).then(|| (-distance / self.sigma).exp())
    }
}

/// Below this share of the norms, a squared distance from products has lost more than six of its bits.
const CANCELLATION: f64 = 1.0 / 64.0;

impl TryFrom<UncheckedSigma> for Rbf {
    type Error = Error;

    fn try_from(unchecked: UncheckedSigma) -> Result<Self, Error> {
        Self::new(unchecked.sigma)
    }
}

/// Points moved to a common center: their norms then are of the size of their distances, and products lose few digits.
struct Centered<'a> {
    original: Rows<'a>,
    points: Array2<f64>,
    norms: Vec<f64>,
}

impl<'a> Centered<'a> {
    fn new(points: ArrayView2<'a, f64>, center: &Array1<f64>) -> Self {
        let moved = &points - center;
        let norms = moved.rows().into_iter().map(|point| point.dot(&point)).collect();
        Self { original: Rows::of(points), points: moved, norms }
    }
}

/// The mean of the points; zero where there are none.
fn center(points: ArrayView2<'_, f64>) -> Array1<f64> {
    points.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(points.ncols()))
}

#[inline(always)]
fn squared_distance(x: &[f64], z: &[f64]) -> f64 {
    sum_pairs(x, z, |x, z| (x - z) * (x - z))
}

impl KernelFunction for Rbf {
    fn value(&self, x: &[f64], z: &[f64]) -> f64 {
        (-squared_distance(x, z) / self.sigma).exp()
    }

    fn gram(&self, rows: ArrayView2<'_, f64>, columns: ArrayView2<'_, f64>) -> Array2<f64> {
        let center = center(columns);
        let (left, right) = (Centered::new(rows, &center), Centered::new(columns, &center));
        by_products(left.points.view(), right.points.view(), |row, column, product| {
            self.of_product(left.norms[row], right.norms[column], product)
                .unwrap_or_else(|| self.value(left.original.row(row), right.original.row(column)))
        })
    }

    fn symmetric_gram(&self, points: ArrayView2<'_, f64>) -> Array2<f64> {
        let all = Centered::new(points, &center(points));
        half_by_products(all.points.view(), |row, column, product| {
            self.of_product(all.norms[row], all.norms[column], product)
                .unwrap_or_else(|| self.value(all.original.row(row), all.original.row(column)))
        })
    }

    fn differentiable(&self) -> Option<&dyn DifferentiableKernel> {
        Some(self)
    }
}

impl DifferentiableKernel for Rbf {
    /// Eq. 48, summed: `2/σ · Σ_i α_i k(x_i, z) (x_i − z)`.
    fn add_gradient(&self, support: &SupportVectors<'_>, z: &[f64], _: ZeroQuotient, gradient: &mut [f64]) {
        let weighted = support.iter().map(|(x, coefficient)| (x, coefficient * self.value(x, z) * 2.0 / self.sigma));
        add_weighted(weighted, z, gradient, |x, z| x - z);
    }

    /// The squared distance changes by `(z + z₀ − 2x)·(z − z₀)`.
    fn change(&self, support: &SupportVectors<'_>, z: &[f64], root: &[f64]) -> f64 {
        let terms = support.iter().map(|(x, coefficient)| {
            let change = sum_triples(x, z, root, |x, z, root| ((z - x) + (root - x)) * (z - root));
            coefficient * kernel_change(squared_distance(x, z) / self.sigma, change / self.sigma)
        });
        terms.sum()
    }

    /// The squared distance changes by `(2 (z₀ − x) + (z − z₀))·(z − z₀)`, of which the second part is not in the first order.
    fn remainder(&self, support: &SupportVectors<'_>, z: &[f64], root: &[f64], _: ZeroQuotient) -> f64 {
        let quadratic = squared_distance(z, root);
        let terms = support.iter().map(|(x, coefficient)| {
            let slope = sum_triples(x, z, root, |x, z, root| (root - x) * (z - root));
            let expansion = Expansion {
                at_root: squared_distance(x, root) / self.sigma,
                change: (2.0 * slope + quadratic) / self.sigma,
                linear: 2.0 * slope / self.sigma,
            };
            coefficient * expansion.kernel_remainder()
        });
        terms.sum()
    }

    /// The squared distance to a point on a segment follows from those to its ends.
    ///
    /// ```text
    /// ‖x_i − l(a)‖² = a ‖x_i − to‖² + (1−a) ‖x_i − from‖² − a (1−a) ‖to − from‖²
    /// ```
    fn along<'a>(&'a self, support: SupportVectors<'a>, from: &[f64], to: &[f64]) -> Segment<'a> {
        let farthest = support.iter().map(|(x, _)| squared_distance(x, from).max(squared_distance(x, to)));
        if farthest.fold(0.0, f64::max) > LARGEST_EXPONENT * self.sigma {
            return plain_segment(self, support, from, to);
        }
        let length = squared_distance(from, to) / self.sigma;
        let ends: Vec<[f64; 3]> = support
            .iter()
            .map(|(x, coefficient)| {
                [coefficient, squared_distance(x, from) / self.sigma, squared_distance(x, to) / self.sigma]
            })
            .collect();
        Box::new(move |position| {
            let rest = 1.0 - position;
            let exponents = ends.iter().map(|[coefficient, from, to]| {
                coefficient * (position * rest * length - position * to - rest * from).exp()
            });
            exponents.sum()
        })
    }
}

impl FitBandwidth for Rbf {
    /// `mean_{i<j} ‖x_i − x_j‖² = 2/(N−1) · Σ_i ‖x_i − x̄‖²`, in one pass over the points.
    fn fit_bandwidth(points: ArrayView2<'_, f64>) -> Result<Self, Error> {
        let spread: f64 = Centered::new(points, &center(points)).norms.iter().sum();
        Self::new(check_mean(points, 2.0 * spread / (points.nrows() as f64 - 1.0))?)
    }
}
