//! What layer normalization and RMSNorm have in common: known scales and shifts, and the ε below the root.

use std::sync::Arc;

use ndarray::arr1;
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::formula::{Atom, Formula, Function, Term};
use super::region::Region;
use super::{AXES, Replacement};

/// The parts of a formula that may be a normalization.
pub(super) struct Parts<'a> {
    pub(super) axes: Vec<i64>,
    pub(super) epsilon: f64,
    pub(super) scale: Option<&'a str>,
    /// The shift, and a factor of it.
    pub(super) shift: Option<(&'a str, f64)>,
    /// The formula without the shift.
    pub(super) normalized: Formula<'a>,
}

impl<'a> Parts<'a> {
    /// The parts of a region's formula, if its scale and shift vary as those of a normalization do.
    pub(super) fn of<F: Real>(region: &Region<'_, 'a, F>) -> Option<Self> {
        let axes = region.formula.axes()?;
        let known = |term: &Term<'a>| {
            term.factors.iter().find_map(|(atom, exponent)| match atom {
                Atom::Known(name) if *exponent == 1.0 => Some(*name),
                _ => None,
            })
        };
        let is_shift = |term: &Term<'a>| term.factors.len() == 1 && known(term).is_some();
        let (shifts, terms): (Vec<_>, Vec<_>) = region.formula.terms.iter().cloned().partition(is_shift);
        let shift = match &shifts[..] {
            [] => None,
            [shift] => Some((known(shift)?, shift.coefficient)),
            _ => return None,
        };
        let scale = known(terms.first()?);
        let mut given = scale.into_iter().chain(shift.map(|(name, _)| name));
        let fits = given.all(|name| varies_along(region.shape(name), &axes));
        let epsilon = region.formula.functions().into_iter().find_map(epsilon).unwrap_or(0.0);
        (fits && epsilon >= 0.0).then_some(Self { axes, epsilon, scale, shift, normalized: Formula { terms } })
    }

    /// The scale, as a formula.
    pub(super) fn scale(&self) -> Formula<'a> {
        self.scale.map_or(Formula::number(1.0), Formula::known)
    }

    /// The region as this operation, whose scale is `factor` times the known one.
    pub(super) fn replaced<F: Real>(
        &self,
        region: &Region<'_, 'a, F>,
        kind: &str,
        factor: f64,
    ) -> Option<Replacement<F>> {
        let mut replacement = region.replaced_by(kind);
        replacement.set("epsilon", Attribute::Real(self.epsilon));
        // ONNX has normalizations over the last axes only; which others are, the rank tells.
        let count = self.axes.len() as i64;
        if self.axes.iter().copied().eq(-count..0) {
            replacement.set("axis", Attribute::Integer(-count));
        } else {
            replacement.set(AXES, Attribute::Integers(self.axes.clone()));
        }
        // Where there is no scale, it is 1.
        let scale = match self.scale {
            Some(scale) => region.scaled(scale, factor, "scale")?,
            None => (region.fresh_name("scale"), Some(Constant::Real(Arc::new(arr1(&[F::one()]).into_dyn())))),
        };
        let shift = match self.shift {
            Some((shift, sign)) => Some(region.scaled(shift, sign, "shift")?),
            None => None,
        };
        for (name, constant) in [scale].into_iter().chain(shift) {
            replacement.operations[0].inputs.push(name.clone());
            replacement.constants.extend(constant.map(|constant| (name, constant)));
        }
        Some(replacement)
    }
}

/// ε, if this is the root of a variance and ε: the number in the sum, where that is scaled so that others are 1.
fn epsilon((function, inner, exponent): (&Function, &Formula<'_>, f64)) -> Option<f64> {
    let (number, rest) = inner.split_number();
    let largest = rest.terms.iter().map(|term| term.coefficient.abs()).fold(0.0, f64::max);
    (*function == Function::Parentheses && exponent == -0.5).then_some(number / largest)
}

/// Whether known numbers of a shape vary along the normalized axes only, or from channel to channel where the axes behind
/// the channels are normalized, as in an image.
fn varies_along(shape: &[usize], axes: &[i64]) -> bool {
    let long = (0..shape.len()).filter(|&axis| shape[axis] > 1);
    let long: Vec<i64> = long.map(|axis| axis as i64 - shape.len() as i64).collect();
    let fits = |axes: &[i64]| {
        let count = axes.len() as i64;
        let are_last = axes.iter().copied().eq(-count..0);
        long.iter().all(|axis| axes.contains(axis)) || are_last && count > 1 && long == [-count - 1]
    };
    if axes.iter().all(|&axis| axis < 0) {
        return fits(axes);
    }
    // Axes are counted from the first: the tensor has at least as many, and as the known numbers.
    let least = axes.iter().max().map_or(0, |&last| last + 1).max(shape.len() as i64);
    let from_last = |rank: i64| axes.iter().map(|&axis| if axis < 0 { axis } else { axis - rank }).collect::<Vec<_>>();
    (least..=least + 2).any(|rank| fits(&from_last(rank)))
}
