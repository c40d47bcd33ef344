//! Integrals over [0, 1] as weighted sums.

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use crate::Error;

/// How an integral over [0, 1] becomes a sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quadrature {
    /// Exact for polynomials up to degree 2n − 1.
    #[default]
    GaussLegendre,
    /// The middles of n equal intervals.
    Midpoint,
}

/// A position in [0, 1] and the weight of the integrand there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuadratureNode {
    /// `t`
    pub position: f64,
    /// `w`
    pub weight: f64,
}

impl Quadrature {
    /// The nodes of the sum, by ascending position; their weights sum to 1.
    ///
    /// ```text
    /// ∫₀¹ g(t) dt ≈ Σ_i w_i g(t_i)
    /// Gauss–Legendre: t_i = (1 + ξ_i)/2, w_i = 1 / ((1 − ξ_i²) P_n'(ξ_i)²), where ξ_i are the roots of P_n
    /// midpoint:       t_i = (i + ½)/n,   w_i = 1/n
    /// ```
    /// * `count` — `n`
    ///
    /// ```
    /// use neural_lrp::methods::Quadrature;
    /// let integral = |quadrature: Quadrature| -> f64 {
    ///     quadrature.nodes(2).iter().map(|node| node.weight * node.position.powi(3)).sum()
    /// };
    /// assert!((integral(Quadrature::GaussLegendre) - 0.25).abs() < 1e-15); // ∫ t³ dt = 1/4
    /// assert_eq!(integral(Quadrature::Midpoint), 0.21875); // ((1/4)³ + (3/4)³) / 2
    /// ```
    pub fn nodes(self, count: usize) -> Vec<QuadratureNode> {
        let node = |index: usize| match self {
            Self::GaussLegendre => gauss_legendre(index, count),
            Self::Midpoint => {
                QuadratureNode { position: (index as f64 + 0.5) / count as f64, weight: 1.0 / count as f64 }
            }
        };
        (0..count).map(node).collect()
    }
}

impl fmt::Display for Quadrature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::GaussLegendre => "gauss-legendre",
            Self::Midpoint => "midpoint",
        })
    }
}

impl FromStr for Quadrature {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "gauss-legendre" => Ok(Self::GaussLegendre),
            "midpoint" => Ok(Self::Midpoint),
            _ => Err(Error::Setting {
                what: "quadrature",
                given: text.to_owned(),
                reason: "there are gauss-legendre and midpoint".into(),
            }),
        }
    }
}

/// The `index`-th of `count` nodes: Newton's iteration for a root of `P_n`, from Chebyshev's estimate of it.
fn gauss_legendre(index: usize, count: usize) -> QuadratureNode {
    // Roots come in pairs ±ξ; the upper ones are found, so that both are the same to the last bit.
    let mirrored = index.min(count - 1 - index);
    let mut root =
        if 2 * mirrored + 1 == count { 0.0 } else { (PI * (mirrored as f64 + 0.75) / (count as f64 + 0.5)).cos() };
    // The estimate is good enough for quadratic convergence from the first step.
    for _ in 0..5 {
        let (value, slope) = legendre(count, root);
        root -= value / slope;
    }
    let (_, slope) = legendre(count, root);
    let weight = 1.0 / ((1.0 - root * root) * slope * slope);
    let position = if mirrored == index { -root } else { root };
    QuadratureNode { position: (1.0 + position) / 2.0, weight }
}

/// `P_n` and its derivative at `x` in (−1, 1).
///
/// ```text
/// k P_k = (2k − 1) x P_{k−1} − (k − 1) P_{k−2},    P_n' = n (P_{n−1} − x P_n) / (1 − x²)
/// ```
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (0.0, 1.0);
    for k in 1..=degree {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, degree as f64 * (before - x * value) / (1.0 - x * x))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_nodes(found: &[QuadratureNode], expected: &[(f64, f64)]) {
        assert_eq!(found.len(), expected.len());
        for (found, &(position, weight)) in found.iter().zip(expected) {
            assert!((found.position - position).abs() < 2e-16, "{found:?}, expected {position}");
            assert!((found.weight - weight).abs() < 2e-16, "{found:?}, expected {weight}");
        }
    }

    #[test]
    fn few_nodes_have_their_closed_forms() {
        let (two, three) = (1.0 / 3f64.sqrt(), (3.0 / 5f64).sqrt());
        let nodes = |count| Quadrature::GaussLegendre.nodes(count);
        assert_nodes(&nodes(1), &[(0.5, 1.0)]);
        assert_nodes(&nodes(2), &[((1.0 - two) / 2.0, 0.5), ((1.0 + two) / 2.0, 0.5)]);
        let outer = 5.0 / 18.0;
        assert_nodes(&nodes(3), &[((1.0 - three) / 2.0, outer), (0.5, 4.0 / 9.0), ((1.0 + three) / 2.0, outer)]);
    }

    #[test]
    fn fifty_nodes_are_right_to_the_last_digits() {
        // Newton's iteration in 40 digits (mpmath), from the nodes of numpy 1.26.4: 0, 1, 24 and 49. numpy's own weight at
        // the ends is 1.4e-15 off.
        let nodes = Quadrature::GaussLegendre.nodes(50);
        let expected = [
            (0.0005667977899644749, 0.0014543112765775705),
            (0.0029840152839546437, 0.0033798995978727006),
            (0.48445083083640555, 0.03108830832767363),
            (0.9994332022100355, 0.0014543112765775705),
        ];
        assert_nodes(&[nodes[0], nodes[1], nodes[24], nodes[49]], &expected);
    }

    #[test]
    fn polynomials_up_to_degree_2n_minus_1_are_integrated_exactly() {
        for count in [1, 2, 3, 7, 19, 50, 128] {
            let nodes = Quadrature::GaussLegendre.nodes(count);
            for degree in [0, 1, count, 2 * count - 1] {
                let integral: f64 = nodes.iter().map(|node| node.weight * node.position.powi(degree as i32)).sum();
                let error = (integral - 1.0 / (degree as f64 + 1.0)).abs();
                assert!(error < 1e-14, "n = {count}, degree {degree}: {error}");
            }
        }
    }

    #[test]
    fn nodes_ascend_and_are_symmetric() {
        for quadrature in [Quadrature::GaussLegendre, Quadrature::Midpoint] {
            let nodes = quadrature.nodes(19);
            assert!(nodes.windows(2).all(|pair| pair[0].position < pair[1].position));
            for (left, right) in nodes.iter().zip(nodes.iter().rev()) {
                assert!((left.position + right.position - 1.0).abs() < 1e-15 && left.weight == right.weight);
            }
        }
    }
}
