//! Kernels: one file each, and one line each in the list below.

mod chi_squared;
mod chi_squared_dense;
mod chi_squared_printed;
mod chi_squared_segment;
mod exponential;
mod histogram_intersection;
mod linear;
mod rbf;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

pub use chi_squared::ChiSquared;
pub use chi_squared_printed::ChiSquaredPrinted;
pub use histogram_intersection::HistogramIntersection;
pub use linear::Linear;
pub use rbf::Rbf;

use crate::domain::{check_dimensions, check_point, check_points};
use crate::points::{Rows, SupportVectors, contiguous};
use crate::{Domain, Error, gram};

/// What the rest of the crate knows of a kernel.
///
/// All methods may take for granted that points have the same dimensions, at least one, and lie in the kernel's
/// [`domain`](Kernel::domain): what calls them has checked that.
///
/// ```
/// use kernels::{HistogramIntersection, Kernel};
/// let kernel = Kernel::from(HistogramIntersection);
/// let function = kernel.function();
/// assert_eq!(function.value(&[0.5, 0.5], &[0.25, 0.75]), 0.75);
/// assert!(function.sum_decomposable().is_some() && function.differentiable().is_none());
/// ```
pub trait KernelFunction: Sync {
    /// `k(x, z)`
    fn value(&self, x: &[f64], z: &[f64]) -> f64;

    /// `Σ_i α_i k(x_i, z)`: one term of Eqs 20 and 21.
    fn weighted_sum(&self, support: &SupportVectors<'_>, z: &[f64]) -> f64 {
        support.iter().map(|(x, coefficient)| coefficient * self.value(x, z)).sum()
    }

    /// The kernel's values between all `rows` and all `columns`.
    ///
    /// Kernels that know a faster way than pair by pair override this and
    /// [`symmetric_gram`](Self::symmetric_gram).
    fn gram(&self, rows: ArrayView2<'_, f64>, columns: ArrayView2<'_, f64>) -> Array2<f64> {
        gram::pair_by_pair(rows, columns, |x, z| self.value(x, z))
    }

    /// The kernel's values between all `points`; each pair is evaluated once.
    fn symmetric_gram(&self, points: ArrayView2<'_, f64>) -> Array2<f64> {
        gram::half_by_half(points, |x, z| self.value(x, z))
    }

    /// The kernel's parts, if it is a sum over dimensions (Eq. 23).
    fn sum_decomposable(&self) -> Option<&dyn SumDecomposable> {
        None
    }

    /// The kernel's derivatives, if it has them.
    fn differentiable(&self) -> Option<&dyn DifferentiableKernel> {
        None
    }
}

/// A kernel that is a sum over dimensions.
///
/// ```text
/// k(x, z) = Σ_d k^(d)(x_(d), z_(d))                          Bach et al. 2015, Eq. (23)
/// ```
///
/// ```
/// use kernels::{KernelFunction, Linear, SumDecomposable};
/// assert_eq!(Linear.part(1.0, 3.0) + Linear.part(-2.0, 0.5), Linear.value(&[1.0, -2.0], &[3.0, 0.5]));
/// ```
pub trait SumDecomposable: KernelFunction {
    /// `k^(d)(x_(d), z_(d))`
    fn part(&self, x: f64, z: f64) -> f64;

    /// Adds `Σ_i α_i k^(d)(x_i(d), z_(d))` to each entry of `parts`: the sum of Eq. 24. Returns
    /// `Σ_i α_i k(x_i, z)`, summed kernel by kernel: the ledger compares the two.
    fn add_parts(&self, support: &SupportVectors<'_>, z: &[f64], parts: &mut [f64]) -> f64;
}

/// A kernel with a derivative in its second argument.
///
/// Its sums over support vectors are those of a [`DifferentiableExpansion`](crate::DifferentiableExpansion), where an
/// example stands; of a single pair of points, [`Kernel::derivative`] gives the derivative.
pub trait DifferentiableKernel: KernelFunction {
    /// Adds `Σ_i α_i ∂k(x_i, ·)/∂z_(d) (z)` to each entry of `gradient`: the sum of Eq. 25.
    fn add_gradient(&self, support: &SupportVectors<'_>, z: &[f64], zero_quotient: ZeroQuotient, gradient: &mut [f64]);

    /// `Σ_i α_i (k(x_i, z) − k(x_i, z₀))`, from a formula that loses no digits where the two points are close.
    fn change(&self, support: &SupportVectors<'_>, z: &[f64], root: &[f64]) -> f64;

    /// `Σ_i α_i (k(x_i, z) − k(x_i, z₀) − ∇k(x_i, ·)(z₀) · (z − z₀))`, from a formula of its own.
    fn remainder(&self, support: &SupportVectors<'_>, z: &[f64], root: &[f64], zero_quotient: ZeroQuotient) -> f64;

    /// [`weighted_sum`](KernelFunction::weighted_sum) at `a · to + (1 − a) · from`, as a function of `a`.
    ///
    /// Kernels that can do better than to evaluate one point after the other override this.
    fn along<'a>(&'a self, support: SupportVectors<'a>, from: &[f64], to: &[f64]) -> Segment<'a> {
        plain_segment(self, support, from, to)
    }
}

/// [`DifferentiableKernel::along`], one point after the other.
fn plain_segment<'a, K: KernelFunction + ?Sized>(
    kernel: &'a K,
    support: SupportVectors<'a>,
    from: &[f64],
    to: &[f64],
) -> Segment<'a> {
    let (from, to) = (from.to_vec(), to.to_vec());
    Box::new(move |position| {
        let point: Vec<f64> = from.iter().zip(&to).map(|(from, to)| position * to + (1.0 - position) * from).collect();
        kernel.weighted_sum(&support, &point)
    })
}

/// A function of the position on a segment.
pub type Segment<'a> = Box<dyn Fn(f64) -> f64 + 'a>;

/// What the quotient 0/0 of Eq. 45 stands for: a dimension in which support vector and expansion point are both zero.
///
/// ```
/// use kernels::{ChiSquared, Kernel, ZeroQuotient};
/// use ndarray::array;
/// let (kernel, x, z) = (Kernel::from(ChiSquared::new(0.5)?), array![1.0, 0.0], array![1.0, 0.0]);
/// let factor = |zero_quotient| kernel.derivative(x.view(), z.view(), zero_quotient).map(|slope| slope[1] / 0.5);
/// assert_eq!(factor(ZeroQuotient::RightDerivative)?, -1.0);
/// assert_eq!(factor(ZeroQuotient::Zero)?, 0.0);
/// # Ok::<(), kernels::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZeroQuotient {
    /// The quotient is 0, the factor of Eq. 45 is −1: the derivative from the right, the only side that there is in
    /// the domain of histograms. The literal reading of the paper.
    #[default]
    RightDerivative,
    /// The whole derivative is 0: such a dimension gets no relevance.
    Zero,
}

/// A kernel whose bandwidth can be taken from training points.
trait FitBandwidth: Sized {
    /// The kernel with the bandwidth that the mean distance of `points` gives. Kernels without parameter are what
    /// they are.
    fn fit_bandwidth(points: ArrayView2<'_, f64>) -> Result<Self, Error>;
}

macro_rules! kernels {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// A kernel `k(x, z)`.
        ///
        /// ```
        /// use kernels::{ChiSquared, Kernel};
        /// use ndarray::array;
        /// let kernel = Kernel::from(ChiSquared::new(0.5)?);
        /// assert_eq!(kernel.name(), "chi-squared");
        /// // Σ (x−z)²/(x+z) = 1 + 1, and 0/0 = 0
        /// let value = kernel.value(array![1.0, 3.0, 0.0].view(), array![0.0, 3.0 - 2.0, 0.0].view())?;
        /// assert_eq!(value, (-0.5_f64 * 2.0).exp());
        /// # Ok::<(), kernels::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Kernel {
            $($(#[$doc])* #[serde(rename = $name)] $variant($variant),)+
        }

        impl Kernel {
            /// Which kernel it is, without its parameters.
            pub fn kind(&self) -> KernelKind {
                match self {
                    $(Self::$variant(_) => KernelKind::$variant,)+
                }
            }

            /// What it computes.
            pub fn function(&self) -> &dyn KernelFunction {
                match self {
                    $(Self::$variant(function) => function,)+
                }
            }
        }

        $(impl From<$variant> for Kernel {
            fn from(function: $variant) -> Self {
                Self::$variant(function)
            }
        })+

        /// The kinds of kernels: a [`Kernel`] without its parameters.
        ///
        /// ```
        /// use kernels::KernelKind;
        /// assert_eq!("rbf".parse::<KernelKind>()?, KernelKind::Rbf);
        /// assert!("rfb".parse::<KernelKind>().is_err());
        /// # Ok::<(), kernels::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum KernelKind {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl KernelKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name in files and on command lines.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// The values that kernels of this kind take.
            pub fn domain(self) -> Domain {
                match self {
                    $(Self::$variant => $variant::DOMAIN,)+
                }
            }

            fn fit_bandwidth(self, points: ArrayView2<'_, f64>) -> Result<Kernel, Error> {
                Ok(match self {
                    $(Self::$variant => $variant::fit_bandwidth(points)?.into(),)+
                })
            }
        }
    };
}

kernels! {
    /// The inner product: sum-decomposable and differentiable.
    Linear = "linear",
    /// Eq. 42: sum-decomposable, not differentiable, for non-negative values.
    HistogramIntersection = "histogram-intersection",
    /// Eq. 44, with the denominator un-squared: differentiable, for non-negative values.
    ChiSquared = "chi-squared",
    /// Eq. 44 as it is printed, with the denominator squared: differentiable, for non-negative values.
    ChiSquaredPrinted = "chi-squared-printed",
    /// Eq. 47: differentiable.
    Rbf = "rbf",
}

impl Kernel {
    /// The name in files and on command lines.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// The values that it takes.
    pub fn domain(&self) -> Domain {
        self.kind().domain()
    }

    /// `k(x, z)`
    ///
    /// # Errors
    /// [`Error::Dimensions`], [`Error::Negative`] or [`Error::NotFinite`] for points that the kernel does not take.
    pub fn value(&self, x: ArrayView1<'_, f64>, z: ArrayView1<'_, f64>) -> Result<f64, Error> {
        self.check_pair(x, z)?;
        Ok(self.function().value(&contiguous(x), &contiguous(z)))
    }

    /// `∂k(x, ·)/∂z_(d) (z)`, the derivative in the second argument, for each dimension.
    ///
    /// ```
    /// use kernels::{Kernel, Rbf, ZeroQuotient};
    /// use ndarray::array;
    /// let kernel = Kernel::from(Rbf::new(2.0)?);
    /// let derivative = kernel.derivative(array![1.0].view(), array![0.0].view(), ZeroQuotient::default())?;
    /// assert_eq!(derivative, array![(-0.5_f64).exp()]); // k · 2 (x − z)/σ
    /// # Ok::<(), kernels::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`value`](Self::value), and [`Error::NotDifferentiable`].
    pub fn derivative(
        &self,
        x: ArrayView1<'_, f64>,
        z: ArrayView1<'_, f64>,
        zero_quotient: ZeroQuotient,
    ) -> Result<Array1<f64>, Error> {
        self.check_pair(x, z)?;
        let function = self.differentiable()?;
        let x = contiguous(x);
        let support = SupportVectors { points: Rows::single(&x), coefficients: &[1.0] };
        let mut derivative = vec![0.0; x.len()];
        function.add_gradient(&support, &contiguous(z), zero_quotient, &mut derivative);
        Ok(derivative.into())
    }

    /// The kernel's derivatives.
    pub(crate) fn differentiable(&self) -> Result<&dyn DifferentiableKernel, Error> {
        self.function().differentiable().ok_or(Error::NotDifferentiable { kernel: self.name() })
    }

    /// The kernel's parts.
    pub(crate) fn sum_decomposable(&self) -> Result<&dyn SumDecomposable, Error> {
        self.function().sum_decomposable().ok_or(Error::NotSumDecomposable { kernel: self.name() })
    }

    fn check_pair(&self, x: ArrayView1<'_, f64>, z: ArrayView1<'_, f64>) -> Result<(), Error> {
        check_dimensions("the second point", z.len(), x.len())?;
        if x.is_empty() {
            return Err(Error::Empty { what: "the list of dimensions" });
        }
        check_point("the first point", self.kind(), x)?;
        check_point("the second point", self.kind(), z)
    }
}

impl KernelKind {
    /// The kernel with the bandwidth that belongs to `points`, one a row.
    ///
    /// * χ²: `σ = 1 / mean_{i<j} Σ_d (x_i − x_j)²/(x_i + x_j)`, so that the mean of the exponents is about 1
    /// * RBF: `σ = mean_{i<j} ‖x_i − x_j‖²`, for the same reason (`σ` divides there)
    ///
    /// Kernels without parameter are what they are.
    ///
    /// ```
    /// use kernels::{Kernel, KernelKind, Rbf};
    /// use ndarray::array;
    /// let points = array![[0.0, 0.0], [3.0, 0.0], [3.0, 3.0]]; // squared distances 9, 9, 18
    /// assert_eq!(KernelKind::Rbf.fit(points.view())?, Kernel::from(Rbf::new(12.0)?));
    /// # Ok::<(), kernels::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoBandwidth`] when there are fewer than two points, or all are the same; [`Error::Negative`],
    /// [`Error::NotFinite`] or [`Error::Empty`] for points that the kernel does not take.
    pub fn fit(self, points: ArrayView2<'_, f64>) -> Result<Kernel, Error> {
        if points.ncols() == 0 {
            return Err(Error::Empty { what: "the list of dimensions" });
        }
        check_points("the points", self, points)?;
        self.fit_bandwidth(points.as_standard_layout().view())
    }
}

impl std::str::FromStr for KernelKind {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|kind| kind.name()).collect();
            Error::UnknownKernel { name: name.to_owned(), known: known.join(", ") }
        })
    }
}

impl std::fmt::Display for KernelKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.name())
    }
}

#[cfg(test)]
mod tests;
