//! HardSwish.

use neural_lrp::Real;

use super::{Pattern, Wiring, is_close};

/// `x · hardsigmoid(x)` with slope 1/6 and offset 1/2, or `x · clip(x + 3, 0, 6) / 6`, beginning at HardSigmoid or Clip.
pub(super) fn find<F: Real>(wiring: &Wiring<'_, F>, position: usize) -> Option<Pattern> {
    let node = wiring.node(position);
    let (source, scale, mut nodes) = match node.kind.as_str() {
        "HardSigmoid" => {
            let real = |name, default| match node.attributes.get(name) {
                Some(neural_lrp::definition::Attribute::Real(value)) => *value,
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
