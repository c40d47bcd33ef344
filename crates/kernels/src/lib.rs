//! Kernels, kernel expansions, and the relevance of their input dimensions.
//!
//! The middle stage of a Bag-of-Words classifier: histograms of visual words come in, a score goes out, and backward the
//! score is decomposed over the histogram's dimensions (R³).
//!
//! * [`Kernel`]: [`Linear`], [`HistogramIntersection`] (Eq. 42), [`ChiSquared`] (Eqs 44, 45) and its printed form
//!   [`ChiSquaredPrinted`], [`Rbf`] (Eqs 47, 48); [`KernelKind`] has their names, and takes a bandwidth from the mean
//!   distance of training points;
//! * [`gram`] and [`symmetric_gram`]: Gram matrices;
//! * [`KernelExpansion`]: the score `f(x)` over one or several kernels (Eqs 20, 21);
//! * [`sum_relevance`] (Eqs 23, 24, 43), and in sorted form [`SortedExpansion`];
//! * [`taylor_relevance`] and [`root_relevance`] (Eqs 25, 46, 49), on a [`DifferentiableExpansion`].
//!
//! Equation numbers are those of Bach et al. 2015, "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by
//! Layer-Wise Relevance Propagation", PLoS ONE 10(7): e0130140.
//!
//! ```
//! use kernels::{Coefficients, ExpansionTerm, KernelExpansion, KernelKind, ZeroQuotient, root_relevance, sum_relevance};
//! use ndarray::array;
//! use relevance::{Candidates, RootSearch};
//!
//! // Two histograms of each class, and what an SVM may have learned from them.
//! let train = array![[0.75, 0.25, 0.0], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.25, 0.0, 0.75]];
//! let coefficients = Coefficients::Shared(array![1.0, 0.5, -1.0, -0.5]);
//! let x = array![0.5, 0.25, 0.25];
//!
//! // Histogram intersection is a sum over dimensions: the decomposition is exact (Eq. 24).
//! let kernel = KernelKind::HistogramIntersection.fit(train.view())?;
//! let term = ExpansionTerm { kernel, weight: 1.0, support: train.clone().into() };
//! let expansion = KernelExpansion::new(vec![term], coefficients.clone(), 0.0)?;
//! let (relevance, _) = sum_relevance(&expansion, x.view())?;
//! assert_eq!(relevance, array![0.625, 0.125, -0.375]);
//! assert_eq!(relevance.sum(), expansion.value(x.view())?);
//!
//! // χ² is not: its score is decomposed to first order about a root point (Eq. 25).
//! let kernel = KernelKind::ChiSquared.fit(train.view())?;
//! let term = ExpansionTerm { kernel, weight: 1.0, support: train.clone().into() };
//! let expansion = KernelExpansion::new(vec![term], coefficients, 0.0)?;
//! let candidates = Candidates::with_values(train.clone(), expansion.values(train.view())?)?;
//! let function = expansion.differentiable(ZeroQuotient::default())?;
//! let (found, entry) = root_relevance(&function, x.view(), &candidates, &RootSearch::default())?;
//! assert!(found.relevance[0] > 0.0);
//! println!("{} of {} unexplained", found.residual(), found.value);
//! assert!(entry.relative_error() < 1e-13);
//! # Ok::<(), kernels::Error>(())
//! ```
//!
//! # Why checks stand at the border only
//!
//! A root search evaluates an expansion a hundred times at points between two that are known to be good. Points are
//! therefore checked where they come in (construction of an expansion, [`KernelExpansion::value`], [`gram`], the
//! relevance functions), and [`KernelFunction`] and its kin, on slices, take good points for granted. The price: who
//! calls the methods of [`KernelFunction`] or [`Differentiable`](::relevance::Differentiable) directly has to know that a
//! negative value in a histogram gives a meaningless number.

mod domain;
mod error;
mod expansion;
mod gram;
mod kernel;
mod lanes;
mod points;
mod relevance;

pub use crate::relevance::{root_relevance, sum_relevance, taylor_relevance};
pub use domain::Domain;
pub use error::Error;
pub use expansion::{
    Coefficients, DifferentiableExpansion, ExpansionTerm, KernelExpansion, SortedExpansion, values_of_all,
};
pub use gram::{gram, symmetric_gram};
pub use kernel::{
    ChiSquared, ChiSquaredPrinted, DifferentiableKernel, HistogramIntersection, Kernel, KernelFunction, KernelKind,
    Linear, Rbf, Segment, SumDecomposable, ZeroQuotient,
};
pub use points::{Rows, SupportVectors};
