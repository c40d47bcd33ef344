//! The shared vocabulary of relevance: how a score is handed down, layer by layer, and how one checks that none of it
//! is lost.
//!
//! A classifier is a chain of stages, and an explanation is the same chain walked backward. What all stages share is
//! here, free of any kind of classifier:
//!
//! * [`redistribute`], [`messages`] and [`quotients`]: proportional redistribution (Eqs 14–16), with the
//!   [`Stabilizer`];
//! * the [`Ledger`]: every backward step books what came in from above, what left to below, and named [`Sink`]s; the
//!   checks of Eqs 2, 8 and 13: [`Ledger::check`], [`check_layers`], [`check_collected`], [`check_handed_down`];
//! * [`taylor_decomposition`] (Eqs 17, 18) and [`RootSearch`], over anything that is [`Differentiable`];
//! * the trait of an [`ExplainableClassifier`], and of a [`RandomizableClassifier`].
//!
//! Equation numbers are those of Bach et al. 2015, "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by
//! Layer-Wise Relevance Propagation", PLoS ONE 10(7): e0130140.
//!
//! # The paper's toy examples
//!
//! A classifier that is additive over its inputs (Eq. 3) decomposes by Eq. 5; the bias is spread evenly:
//!
//! ```
//! // Eq. 3: f(x) = b + Σ_d α_d φ_d(x_d)
//! let (bias, alpha, phi_of_x) = (0.6, [1.0, -2.0, 0.5], [0.5, 0.25, 0.0]);
//! let f: f64 = bias + alpha.iter().zip(phi_of_x).map(|(a, phi)| a * phi).sum::<f64>();
//!
//! // Eq. 5: R_d = b/V + α_d φ_d(x_d)
//! let relevance: Vec<f64> = alpha.iter().zip(phi_of_x).map(|(a, phi)| bias / 3.0 + a * phi).collect();
//! assert!((relevance.iter().sum::<f64>() - f).abs() < 1e-15); // Eq. 1
//! assert!(relevance[0] > 0.0 && relevance[1] < 0.0); // evidence for, evidence against
//! ```
//!
//! The network of the paper's Fig 2: inputs 1, 2, 3; hidden neurons 4, 5, 6; output 7. Neuron 3 does not feed 4, and
//! neuron 1 does not feed 6. Its messages (Eqs 14–16) satisfy all constraints:
//!
//! ```
//! use ndarray::{array, Axis};
//! use relevance::{check_collected, check_handed_down, check_layers, messages, Stabilizer};
//!
//! // z_ik = a_i w_ik
//! let hidden_from_input = array![[1.0, 0.5, 0.0], [2.0, -1.0, 1.0], [0.0, 1.5, 3.0]]; // (1,2,3) × (4,5,6)
//! let output_from_hidden = array![[0.5], [1.0], [2.5]]; // (4,5,6) × (7)
//!
//! let r7 = array![2.0]; // R_7 = f(x)
//! let from_7 = messages(output_from_hidden.view(), r7.view(), Stabilizer::NONE)?; // Eq. 14
//! let r456 = from_7.sum_axis(Axis(1)); // Eq. 8
//! let from_456 = messages(hidden_from_input.view(), r456.view(), Stabilizer::NONE)?; // Eqs 15, 16
//! let r123 = from_456.sum_axis(Axis(1));
//!
//! // Eqs 6, 7: R_7 = R_4 + R_5 + R_6 = R_1 + R_2 + R_3
//! check_layers(&[r7.view(), r456.view(), r123.view()], 1e-12)?;
//! // Eq. 9: R_7 = R_{4←7} + R_{5←7} + R_{6←7}
//! check_handed_down(from_7.view(), r7.view(), 1e-12)?;
//! // Eqs 10–12: R_4 = R_{1←4} + R_{2←4};  R_5 = R_{1←5} + R_{2←5} + R_{3←5};  R_6 = R_{2←6} + R_{3←6}
//! check_handed_down(from_456.view(), r456.view(), 1e-12)?;
//! assert_eq!((from_456[[2, 0]], from_456[[0, 2]]), (0.0, 0.0)); // no message where there is no connection
//! // Eq. 8, for example R_3 = R_{3←5} + R_{3←6}
//! check_collected(from_456.view(), r123.view(), 1e-12)?;
//! # Ok::<(), relevance::Error>(())
//! ```

mod bisection;
mod classifier;
mod conservation;
mod error;
mod ledger;
mod proportional;
mod root;
mod stabilizer;
mod taylor;

pub use classifier::{ExplainError, ExplainableClassifier, Explanation, RandomizableClassifier};
pub use conservation::{check_collected, check_handed_down, check_layers};
pub use error::Error;
pub use ledger::{Amount, Entry, Ledger, Order, Sink};
pub use proportional::{Quotients, messages, quotients, redistribute};
pub use root::{Candidates, Root, RootSearch, RootSelection, RootedDecomposition, SearchOver};
pub use stabilizer::Stabilizer;
pub use taylor::{Differentiable, TaylorDecomposition, point_on_segment, taylor_decomposition};
