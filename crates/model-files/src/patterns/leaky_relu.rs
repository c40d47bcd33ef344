//! LeakyRelu, and PRelu with its slope for each channel.

use neural_lrp::Real;
use neural_lrp::operation::Attribute;

use super::Replacement;
use super::formula::{Atom, Formula, is_close};
use super::region::Region;

/// `max(x, a x)` or `max(x, 0) − a max(−x, 0)`, for x > 0 the number itself and else a times it.
pub(super) fn find<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    leaky(region).or_else(|| parametric(region))
}

fn leaky<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    let x = region.x();
    let linear = region.formula.terms.iter().find(|term| Formula::of_term((*term).clone()).as_line(&x).is_some())?;
    let slope = Some(linear.coefficient).filter(|&slope| !is_close(slope, 1.0))?;
    let formula = x.clone().relu() * (1.0 - slope) + x * slope;
    let mut replacement = region.is(&formula).then(|| region.replaced_by("LeakyRelu"))?;
    replacement.set("alpha", Attribute::Real(slope));
    Some(replacement)
}

fn parametric<F: Real>(region: &Region<'_, '_, F>) -> Option<Replacement<F>> {
    let x = region.x();
    let (slope, sign) = region.formula.terms.iter().find_map(|term| match &term.factors[..] {
        [(Atom::Known(slope), 1.0), (Atom::Tensor(_), 1.0)] | [(Atom::Tensor(_), 1.0), (Atom::Known(slope), 1.0)] => {
            Some((*slope, term.coefficient))
        }
        _ => None,
    })?;
    let below = Formula::known(slope) * sign;
    let by_parts = x.clone().relu() + below.clone() * (x.clone() - x.clone().relu());
    let by_maximum = x.clone().max(below * x.clone());
    let is_gentle = || region.values(slope).all(|value| sign * value <= 1.0);
    if !(region.is(&by_parts) || region.is(&by_maximum) && is_gentle()) {
        return None;
    }
    let mut replacement = region.replaced_by("PRelu");
    let (name, constant) = region.scaled(slope, sign, "slope")?;
    replacement.operations[0].inputs.push(name.clone());
    replacement.constants.extend(constant.map(|constant| (name, constant)));
    Some(replacement)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Sketch, recognized};

    #[test]
    fn the_slope_below_zero_may_be_one_of_each_channel() {
        let by_parts: &[Sketch<'_>] = &[
            ("Relu", &["x"], "p"),
            ("Neg", &["x"], "n"),
            ("Relu", &["n"], "q"),
            ("Mul", &["q", "slope"], "s"),
            ("Sub", &["p", "s"], "y"),
        ];
        let by_maximum: &[Sketch<'_>] = &[("Mul", &["slope", "x"], "s"), ("Max", &["s", "x"], "y")];
        for nodes in [by_parts, by_maximum] {
            assert_eq!(recognized(nodes, &[], &[("slope", &[3, 1, 1])]), ["PRelu(x, slope) y"]);
            assert_eq!(recognized(nodes, &[("slope", 0.25)], &[]), ["LeakyRelu(x) y"]);
        }
        assert_eq!(recognized(by_maximum, &[("slope", 2.0)], &[]).len(), 2);
        let of_others: &[Sketch<'_>] = &[("Mul", &["slope", "x"], "s"), ("Max", &["s", "z"], "y")];
        assert_eq!(recognized(of_others, &[("slope", 0.25)], &[]).len(), 2);
    }
}
