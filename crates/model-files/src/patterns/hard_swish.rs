//! HardSwish.

use neural_lrp::Real;

use super::{Pattern, Wiring, is_close};

/// `x · hardsigmoid(x)` with slope 1/6 and offset 1/2, or `x · clip(x + 3, 0, 6) / 6`, beginning at HardSigmoid or Clip.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern> {
    let node = wiring.node(position);
    let (source, scale, mut nodes) = match node.kind.as_str() {
        "HardSigmoid" => {
            let real = |name, default| match node.attributes.get(name) {
                Some(neural_lrp::operation::Attribute::Real(value)) => *value,
                _ => default,
            };
            let is_sixth = is_close(real("alpha", 0.2), 1.0 / 6.0) && is_close(real("beta", 0.5), 0.5);
            (node.input(0).filter(|_| is_sixth)?, 1.0, Vec::new())
        }
        "Clip" => {
            let bound = |position| node.input(position).and_then(|bound| wiring.number(bound));
            let (adding, add) = wiring.giver(node.input(0)?, "Add")?;
            let (source, three) = wiring.tensor_and_number(add)?;
            let is_six = bound(1) == Some(0.0) && bound(2) == Some(6.0) && three == 3.0;
            (Some(source).filter(|_| is_six)?, 1.0 / 6.0, vec![adding])
        }
        _ => return None,
    };
    let (output, products) = wiring.gated(source, node.output(), scale)?;
    nodes.push(position);
    nodes.extend(products);
    wiring.pattern("HardSwish", source, output, nodes)
}

#[cfg(test)]
mod tests {
    use neural_lrp::operation::Attribute;

    use super::super::recognize;
    use super::super::testing::{Sketch, graph, recognized};

    const NUMBERS: &[(&str, f64)] = &[("zero", 0.0), ("three", 3.0), ("six", 6.0), ("1/six", 1.0 / 6.0)];

    #[test]
    fn the_clipped_form_is_recognized_in_all_orders() {
        let orders: [&[Sketch<'_>]; 4] = [
            &[("Mul", &["x", "c"], "p"), ("Div", &["p", "six"], "y")],
            &[("Div", &["c", "six"], "p"), ("Mul", &["p", "x"], "y")],
            &[("Mul", &["1/six", "x"], "p"), ("Mul", &["p", "c"], "y")],
            &[("Mul", &["c", "1/six"], "p"), ("Mul", &["x", "p"], "y")],
        ];
        for order in orders {
            let gate: &[Sketch<'_>] = &[("Add", &["x", "three"], "s"), ("Clip", &["s", "zero", "six"], "c")];
            assert_eq!(recognized(&[gate, order].concat(), NUMBERS, &[]), ["HardSwish(x) y"]);
        }
        let other: &[Sketch<'_>] =
            &[("Add", &["x", "three"], "s"), ("Clip", &["s", "zero", "three"], "c"), ("Mul", &["x", "c"], "y")];
        assert_eq!(recognized(other, NUMBERS, &[]).len(), 3);
    }

    #[test]
    fn the_form_with_hard_sigmoid_is_recognized_if_its_slope_is_a_sixth() {
        let nodes: &[Sketch<'_>] = &[("HardSigmoid", &["x"], "g"), ("Mul", &["x", "g"], "y")];
        assert_eq!(recognized(nodes, NUMBERS, &[]).len(), 2);
        let mut graph = graph(nodes, NUMBERS, &[]);
        graph.nodes[0].attributes.insert("alpha".to_owned(), Attribute::Real(f64::from(1.0f32 / 6.0)));
        recognize(&mut graph);
        assert_eq!(graph.nodes.iter().map(|node| node.kind.as_str()).collect::<Vec<_>>(), ["HardSwish"]);
    }
}
