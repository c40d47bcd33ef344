//! A tensor repeated, and the triangles of matrices: Tile and Trilu.

use crate::operation::{OperatorSpec, ParsedOperation};
use crate::operations::arrangement::reshape::required_integers;
use crate::operations::arrangement::selection::Selection;
use crate::operations::arrangement::{Arrangement, Plan};
use crate::{Error, Real};

/// The whole tensor, so many times along each axis.
#[derive(Clone, Debug)]
pub struct Tile {
    /// How many times.
    pub repeats: Vec<usize>,
}

impl Arrangement for Tile {
    const KIND: &'static str = "Tile";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        OperatorSpec::new("Tile", 1).with_constant_integers(self.repeats.iter().map(|&times| times as i64))
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        if self.repeats.len() != shape.len() {
            return Err(Error::shape(&[shape], format!("it repeats {} axes", self.repeats.len())));
        }
        let selection = |(&length, &times): (&usize, &usize)| match times {
            1 => Ok(Selection::whole(length)),
            _ => match length.checked_mul(times) {
                Some(whole) => Ok(Selection::new(length, whole, move |place| Some(place % length))),
                None => Err(Error::shape(&[shape], format!("an axis can't be repeated {times} times"))),
            },
        };
        Ok(Plan::select(shape.iter().zip(&self.repeats).map(selection).collect::<Result<_, Error>>()?))
    }

    fn summary(&self) -> String {
        format!("{:?} times", self.repeats)
    }
}

/// Reads [`Tile`] from its specification.
pub(crate) fn read_tile<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let repeats = required_integers(spec, 1, "repeats")?;
    let counts = repeats.iter().map(|&times| usize::try_from(times)).collect::<Result<Vec<_>, _>>();
    match counts {
        Ok(repeats) => Ok(ParsedOperation::new(Tile { repeats }, vec![0])),
        Err(_) => Err(spec.refuse("repeats", format!("{repeats:?}"), "numbers that are not negative")),
    }
}

/// Of the last two axes, the triangle on one side of a diagonal, and zeros on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trilu {
    side: Side,
    /// How far the diagonal lies above that of the first row and column. It is part of the triangle.
    diagonal: i64,
}

/// A side of a diagonal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Upper,
    Lower,
}

impl Arrangement for Trilu {
    const KIND: &'static str = "Trilu";

    fn words<F: Real>(&self) -> OperatorSpec<F> {
        let spec = OperatorSpec::new("Trilu", 1).with_integer("upper", i64::from(self.side == Side::Upper));
        spec.with_constant_integers([self.diagonal])
    }

    fn plan(&self, shape: &[usize]) -> Result<Plan, Error> {
        let &[ref outer @ .., rows, columns] = shape else { return Err(Error::shape(&[shape], "it takes matrices")) };
        let Self { side, diagonal } = *self;
        let kept = move |place: usize| {
            let above = (place % columns) as i64 - (place / columns % rows) as i64;
            match side {
                Side::Upper => above >= diagonal,
                Side::Lower => above <= diagonal,
            }
        };
        let source = move |place: usize| kept(place).then_some(place);
        let plan = Plan::pick(shape.to_vec(), shape.to_vec(), source);
        Ok(if outer.is_empty() { plan } else { plan.leaving_first_axis() })
    }
}

/// Reads [`Trilu`] from its specification.
pub(crate) fn read_trilu<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    let side = if spec.integer("upper", 1)? != 0 { Side::Upper } else { Side::Lower };
    match spec.constant_integers(1, "diagonal")?.as_deref() {
        None => Ok(ParsedOperation::new(Trilu { side, diagonal: 0 }, vec![0])),
        Some(&[diagonal]) => Ok(ParsedOperation::new(Trilu { side, diagonal }, vec![0])),
        Some(several) => Err(spec.refuse("diagonal", format!("{several:?}"), "one number")),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{IxDyn, array};
    use relevance::Amount;

    use super::*;
    use crate::Operation;
    use crate::operations::read;
    use crate::operations::testing::{check_gradient, forward, numbers, step};

    #[test]
    fn tiles_lie_side_by_side() {
        let x = [numbers(&[2, 3], 1)];
        let tile = Tile { repeats: vec![2, 2] };
        let expected = ndarray::ArrayD::from_shape_fn(IxDyn(&[4, 6]), |at| x[0][[at[0] % 2, at[1] % 3]]);
        assert_eq!(forward(&tile, &x), expected);
        check_gradient(&tile, &x);
        check_gradient(&Tile { repeats: vec![1, 3] }, &x);
        let shape = |repeats: Vec<usize>| Operation::<f64>::output_shape(&Tile { repeats }, &[&[2, 3]]);
        assert_eq!(shape(vec![0, 1]).unwrap(), [0, 3]);
        assert!(shape(vec![1]).is_err() && shape(vec![1, usize::MAX]).is_err());
        assert!(read(&OperatorSpec::<f64>::new("Tile", 1).with_constant_integers([-1])).is_err());
    }

    #[test]
    fn triangles_are_those_of_numpy() {
        let x = [array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].into_dyn()];
        let of = |side, diagonal| forward(&Trilu { side, diagonal }, &x);
        assert_eq!(of(Side::Upper, 0), array![[1.0, 2.0, 3.0], [0.0, 5.0, 6.0]].into_dyn());
        assert_eq!(of(Side::Lower, 0), array![[1.0, 0.0, 0.0], [4.0, 5.0, 0.0]].into_dyn());
        assert_eq!(of(Side::Upper, 2), array![[0.0, 0.0, 3.0], [0.0, 0.0, 0.0]].into_dyn());
        assert_eq!(of(Side::Lower, -1), array![[0.0, 0.0, 0.0], [4.0, 0.0, 0.0]].into_dyn());
        assert_eq!(of(Side::Lower, i64::MAX), x[0]);
        assert_eq!(of(Side::Lower, i64::MIN).sum(), 0.0);
        for shape in [&[3, 4][..], &[2, 3, 3], &[2, 1, 4, 2]] {
            check_gradient(&Trilu { side: Side::Upper, diagonal: 1 }, &[numbers(shape, 1)]);
            check_gradient(&Trilu { side: Side::Lower, diagonal: 0 }, &[numbers(shape, 2)]);
        }
        assert!(Operation::<f64>::output_shape(&Trilu { side: Side::Upper, diagonal: 0 }, &[&[3]]).is_err());
    }

    #[test]
    fn the_other_triangle_is_no_number_of_the_operand() {
        let trilu: &dyn Operation<f64> = &Trilu { side: Side::Upper, diagonal: 0 };
        let x = [numbers(&[1, 2, 2], 1)];
        let y = forward(trilu, &x);
        let outside = trilu.outside(&step(&x, &y), array![[[1.0, 2.0], [4.0, 8.0]]].into_dyn().view());
        assert_eq!(outside, Amount::of(4.0));
        assert!(trilu.keeps_samples_apart(&[&[2, 3, 3]]) && !trilu.keeps_samples_apart(&[&[3, 3]]));
    }

    #[test]
    fn definitions_are_read_back() {
        let trilu = Trilu { side: Side::Lower, diagonal: -2 }.words::<f64>();
        for spec in [Tile { repeats: vec![1, 3] }.words::<f64>(), trilu] {
            assert_eq!(read(&spec).unwrap().operation.to_spec(), spec);
        }
        let several = OperatorSpec::<f64>::new("Trilu", 1).with_constant_integers([1, 2]);
        assert!(read(&several).unwrap_err().to_string().contains("one number"));
    }
}
