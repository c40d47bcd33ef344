//! GELU, by the error function or by the hyperbolic tangent.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};

use neural_lrp::Real;
use neural_lrp::operation::Attribute;

use super::{Pattern, Wiring, is_close};

/// `x · (1 + erf(x / √2)) / 2`, or `x · (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`, beginning at Erf or Tanh.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern> {
    let node = wiring.node(position);
    let (source, approximate, mut nodes) = match node.kind.as_str() {
        "Erf" => {
            let (scaling, source) = divided_by_root_of_two(wiring, node.input(0)?)?;
            (source, "none", vec![scaling])
        }
        "Tanh" => {
            let (source, nodes) = cubic(wiring, node.input(0)?)?;
            (source, "tanh", nodes)
        }
        _ => return None,
    };
    let (one_more, add) = wiring.only_taker(node.output()).filter(|(_, node)| node.kind == "Add")?;
    wiring.tensor_and_number(add).filter(|(_, number)| is_close(*number, 1.0))?;
    let (output, products) = wiring.gated(source, add.output(), 0.5)?;
    nodes.extend([position, one_more]);
    nodes.extend(products);
    let mut pattern = wiring.pattern("Gelu", source, output, nodes)?;
    pattern.operation.attributes.insert("approximate".to_owned(), Attribute::Text(approximate.to_owned()));
    Some(pattern)
}

fn divided_by_root_of_two<'a, F: Real>(wiring: &Wiring<'a, F>, tensor: &str) -> Option<(usize, &'a str)> {
    let (position, node) = wiring.giver(tensor, "Div").or_else(|| wiring.giver(tensor, "Mul"))?;
    let (source, scale) = wiring.scaled(node)?;
    is_close(scale, FRAC_1_SQRT_2).then_some((position, source))
}

/// `√(2/π) (x + 0.044715 x³)`: the tensor x, and the nodes that compute it.
fn cubic<'a, F: Real>(wiring: &Wiring<'a, F>, tensor: &str) -> Option<(&'a str, Vec<usize>)> {
    let (scaling, node) = wiring.giver(tensor, "Mul")?;
    let (sum, _) = wiring.scaled(node).filter(|(_, scale)| is_close(*scale, FRAC_2_PI.sqrt()))?;
    let (adding, add) = wiring.giver(sum, "Add")?;
    let (first, second) = (add.input(0)?, add.input(1)?);
    [(first, second), (second, first)].into_iter().find_map(|(source, cube)| {
        let mut nodes = third_power(wiring, source, cube)?;
        nodes.extend([scaling, adding]);
        Some((source, nodes))
    })
}

/// The nodes that compute `0.044715 x³`, with Pow or by multiplying.
fn third_power<'a, F: Real>(wiring: &Wiring<'a, F>, source: &'a str, cube: &'a str) -> Option<Vec<usize>> {
    let scale = 0.044715;
    let power = wiring.takers(source, "Pow").find(|(_, node)| {
        node.input(0) == Some(source) && node.input(1).and_then(|exponent| wiring.number(exponent)) == Some(3.0)
    });
    if let Some((position, node)) = power {
        let mut product = wiring.product(cube, &[node.output()], 4)?;
        product.nodes.push(position);
        return (product.factors == [node.output()] && is_close(product.scale, scale)).then_some(product.nodes);
    }
    let product = wiring.product(cube, &[source], 4)?;
    (product.factors == [source; 3] && is_close(product.scale, scale)).then_some(product.nodes)
}

#[cfg(test)]
mod tests {
    use super::super::recognize;
    use super::super::testing::{Sketch, graph, recognized};
    use super::*;

    const NUMBERS: &[(&str, f64)] = &[
        ("root", std::f64::consts::SQRT_2),
        ("1/root", 0.70710677),
        ("one", 1.0),
        ("half", 0.5),
        ("two", 2.0),
        ("three", 3.0),
        ("a", 0.044715),
        ("root 2/pi", 0.7978846),
    ];

    #[test]
    fn the_error_function_is_recognized_in_all_orders() {
        let orders: [&[Sketch<'_>]; 4] = [
            &[("Mul", &["x", "e1"], "p"), ("Mul", &["p", "half"], "y")],
            &[("Mul", &["x", "half"], "p"), ("Mul", &["p", "e1"], "y")],
            &[("Mul", &["half", "e1"], "p"), ("Mul", &["x", "p"], "y")],
            &[("Mul", &["e1", "x"], "p"), ("Div", &["p", "two"], "y")],
        ];
        let scalings: [Sketch<'_>; 2] = [("Div", &["x", "root"], "s"), ("Mul", &["1/root", "x"], "s")];
        for order in orders {
            for scaling in scalings {
                let gate = [scaling, ("Erf", &["s"], "e"), ("Add", &["e", "one"], "e1")];
                let nodes = [&[("Relu", &["i"][..], "x")], &gate[..], order].concat();
                assert_eq!(recognized(&nodes, NUMBERS, &[]), ["Relu(i) x", "Gelu(x) y"]);
            }
        }
    }

    #[test]
    fn the_hyperbolic_tangent_is_recognized_in_all_orders() {
        let cubes: [&[Sketch<'_>]; 3] = [
            &[("Pow", &["x", "three"], "c"), ("Mul", &["a", "c"], "ac")],
            &[("Mul", &["x", "x"], "q"), ("Mul", &["q", "x"], "c"), ("Mul", &["c", "a"], "ac")],
            &[("Mul", &["a", "x"], "ax"), ("Mul", &["ax", "x"], "axx"), ("Mul", &["axx", "x"], "ac")],
        ];
        for cube in cubes {
            let gate: &[Sketch<'_>] = &[
                ("Add", &["x", "ac"], "s"),
                ("Mul", &["root 2/pi", "s"], "t"),
                ("Tanh", &["t"], "h"),
                ("Add", &["one", "h"], "h1"),
                ("Mul", &["half", "x"], "p"),
                ("Mul", &["p", "h1"], "y"),
            ];
            let mut graph = graph(&[cube, gate].concat(), NUMBERS, &[]);
            recognize(&mut graph);
            assert_eq!(graph.nodes.len(), 1);
            assert_eq!(graph.nodes[0].kind, "Gelu");
            assert_eq!(graph.nodes[0].attributes["approximate"], Attribute::Text("tanh".to_owned()));
        }
    }

    #[test]
    fn other_functions_of_erf_stay_what_they_are() {
        let nodes: &[Sketch<'_>] = &[
            ("Div", &["x", "two"], "s"),
            ("Erf", &["s"], "e"),
            ("Add", &["e", "one"], "e1"),
            ("Mul", &["x", "e1"], "p"),
            ("Mul", &["p", "half"], "y"),
        ];
        assert_eq!(recognized(nodes, NUMBERS, &[]).len(), nodes.len());
        let leaking: &[Sketch<'_>] = &[
            ("Div", &["x", "root"], "s"),
            ("Erf", &["s"], "e"),
            ("Add", &["e", "one"], "e1"),
            ("Mul", &["x", "e1"], "p"),
            ("Mul", &["p", "half"], "g"),
            ("Add", &["g", "e"], "y"),
        ];
        assert_eq!(recognized(leaking, NUMBERS, &[]).len(), leaking.len());
    }
}
