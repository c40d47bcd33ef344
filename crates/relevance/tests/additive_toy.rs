//! The paper's counterexample: conservation alone does not make a decomposition sensible (Eqs 1–5).

use ndarray::{Array1, aview1};
use proptest::collection::vec;
use proptest::prelude::*;
use relevance::check_layers;

/// Eq. 3, `f(x) = b + Σ_d α_d φ_d(x_d)`, at one `x`.
#[derive(Clone, Debug)]
struct Additive {
    bias: f64,
    /// `α_d φ_d(x_d)`
    terms: Vec<f64>,
}

impl Additive {
    fn value(&self) -> f64 {
        self.bias + self.terms.iter().sum::<f64>()
    }

    /// Eq. 4 as printed: `R_d = f(x) |α_d φ_d| / Σ_d' |α_d' φ_d'|`, and `b / V` where that sum is 0.
    fn equation_4(&self) -> Array1<f64> {
        let total: f64 = self.terms.iter().map(|term| term.abs()).sum();
        let share = |term: &f64| {
            if total == 0.0 { self.bias / self.terms.len() as f64 } else { self.value() * term.abs() / total }
        };
        self.terms.iter().map(share).collect()
    }

    /// Eq. 5: `R_d = b / V + α_d φ_d(x_d)`.
    fn equation_5(&self) -> Array1<f64> {
        self.terms.iter().map(|term| self.bias / self.terms.len() as f64 + term).collect()
    }

    /// What roundings are to be compared with.
    fn scale(&self) -> f64 {
        self.bias.abs() + self.terms.iter().map(|term| term.abs()).sum::<f64>()
    }
}

fn toys() -> impl Strategy<Value = Additive> {
    let term = prop_oneof![4 => -2.0..2.0, 1 => Just(0.0)];
    (-1.0..1.0, vec(term, 1..12)).prop_map(|(bias, terms)| Additive { bias, terms })
}

proptest! {
    #[test]
    fn both_rules_conserve(toy in toys()) {
        for relevance in [toy.equation_4(), toy.equation_5()] {
            // Eq. 1
            prop_assert!((relevance.sum() - toy.value()).abs() <= 1e-14 * toy.scale());
            // Eq. 2: two layers, the output's and the input's; values near 0 are differences of larger ones.
            if toy.value().abs() > 0.01 * toy.scale() {
                check_layers(&[aview1(&[toy.value()]), relevance.view()], 1e-12).expect("conserved");
            }
        }
    }

    #[test]
    fn equation_4_gives_every_input_the_sign_of_the_score(toy in toys()) {
        let relevance = toy.equation_4();
        prop_assert!(relevance.iter().all(|relevance| relevance * toy.value() >= 0.0));
    }

    #[test]
    fn equation_5_gives_every_input_the_sign_of_what_it_contributes(toy in toys()) {
        let toy = Additive { bias: 0.0, ..toy };
        for (relevance, term) in toy.equation_5().iter().zip(&toy.terms) {
            prop_assert_eq!(relevance, term);
        }
    }

    #[test]
    fn only_equation_5_shows_what_speaks_against(toy in toys(), against in -2.0..-0.1) {
        let mut toy = Additive { bias: 0.0, ..toy };
        toy.terms.push(against);
        toy.terms.push(0.1 - toy.terms.iter().sum::<f64>().min(0.0)); // f(x) > 0 all the same
        prop_assert!(toy.value() > 0.0);
        prop_assert!(toy.equation_4().iter().all(|&relevance| relevance >= 0.0));
        prop_assert!(toy.equation_5().iter().any(|&relevance| relevance < 0.0));
    }
}

#[test]
fn where_no_input_contributes_the_bias_is_spread() {
    let toy = Additive { bias: 0.5, terms: vec![0.0; 4] };
    assert_eq!(toy.equation_4(), Array1::from_elem(4, 0.125));
    assert_eq!(toy.equation_4(), toy.equation_5());
}
