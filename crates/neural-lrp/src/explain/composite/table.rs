//! Composites as tables.

use std::fmt;

use relevance::Stabilizer;

use crate::explain::Start;
use crate::explain::composite::{Composite, Selector};
use crate::rules::{Epsilon, Norm, Pass, Rearrange, Rule, Taylor, WinnerTakesAll};

impl Composite {
    /// What nodes get that no choice is about: families, and their rule.
    fn families(&self) -> Vec<(&'static str, String)> {
        let stabilizer = self.stabilizer;
        let chosen = |fits: fn(&Selector) -> bool| self.choices.iter().any(|choice| fits(&choice.selector));
        if chosen(|selector| matches!(selector, Selector::Any)) {
            return Vec::new();
        }
        let mut families: Vec<(&str, Rule)> = Vec::new();
        if !chosen(|selector| matches!(selector, Selector::Linear)) {
            families.push(("other layers with weights", Epsilon { stabilizer }.into()));
        }
        if !chosen(|selector| matches!(selector, Selector::Sum)) {
            families.push(("other sums and averages", Norm { stabilizer }.into()));
        }
        families.extend([
            ("other activations and normalizations", Pass.into()),
            ("other arrangements", Rearrange.into()),
            ("other maxima", WinnerTakesAll.into()),
            ("other softmax", Taylor { stabilizer: Stabilizer::NONE }.into()),
        ]);
        let mut rows: Vec<_> = families.into_iter().map(|(family, rule)| (family, rule.to_string())).collect();
        rows.push(("other products of tensors", "signal=first, second or both: the factor that is no gate".into()));
        rows
    }
}

/// A table: the choices, then what other nodes get, then what it begins with and the stabilizer of sums.
impl fmt::Display for Composite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let choices = self.choices.iter().map(|choice| (choice.selector.to_string(), choice.rule.to_string()));
        let families = self.families().into_iter().map(|(family, rule)| (family.to_owned(), rule));
        let rows: Vec<(String, String)> = choices.chain(families).collect();
        let width = rows.iter().map(|(place, _)| place.chars().count()).max().unwrap_or(0);
        writeln!(formatter, "{}", self.name)?;
        for (place, rule) in rows {
            writeln!(formatter, "  {place:width$}  {rule}")?;
        }
        let begins = match self.start {
            Start::Score => "the score",
            Start::One => "1",
        };
        writeln!(formatter, "begins with {begins}; the stabilizer of sums is {:e}", self.stabilizer.epsilon())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::operation::OperatorSpec;
    use crate::{Composite, NetworkBuilder, operations};

    #[test]
    fn a_table_for_people() {
        let composite = Composite::named("epsilon-plus-flat").unwrap();
        let expected = "\
epsilon-plus-flat
  first                                 flat
  convolution                           z-plus
  other layers with weights             epsilon
  other sums and averages               norm
  other activations and normalizations  pass
  other arrangements                    arrange
  other maxima                          winner
  other softmax                         taylor=0
  other products of tensors             signal=first, second or both: the factor that is no gate
begins with the score; the stabilizer of sums is 1e-6
";
        assert_eq!(composite.to_string(), expected);
        let gradient = Composite::named("gradient").unwrap();
        let expected = "gradient\n  any  gradient\nbegins with 1; the stabilizer of sums is 1e-6\n";
        assert_eq!(gradient.to_string(), expected);
    }

    /// The table is by hand; this holds it to what nodes get.
    #[test]
    fn the_table_says_what_other_nodes_get() {
        let composite = Composite::new("none");
        let one = |kind: &str| OperatorSpec::<f64>::new(kind, 1);
        let weights = Arc::new(ndarray::ArrayD::ones(vec![2, 2]));
        for (family, spec) in [
            ("layers with weights", one("Gemm").with_constant(weights)),
            ("sums and averages", one("ReduceMean").with_constant_integers([1])),
            ("sums and averages", OperatorSpec::new("Add", 2)),
            ("activations and normalizations", one("Relu")),
            ("activations and normalizations", one("LRN").with_integer("size", 1)),
            ("arrangements", one("Flatten")),
            ("maxima", one("GlobalMaxPool")),
            ("softmax", one("Softmax")),
        ] {
            let mut network = NetworkBuilder::new();
            network.input("x", [Some(2), Some(2)]).output("y");
            let parsed = operations::read(&spec).unwrap();
            network.node(&spec.kind, parsed.operation, vec!["x"; parsed.operands.len()], "y");
            let rules = composite.choose(&network.build().unwrap()).unwrap();
            let (_, expected) = composite.families().into_iter().find(|(name, _)| name.ends_with(family)).unwrap();
            assert_eq!(rules[0].to_string(), expected, "{}", spec.kind);
        }
    }
}
