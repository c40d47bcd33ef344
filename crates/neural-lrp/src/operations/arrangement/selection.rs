//! Taking numbers along each axis by itself: cut, padded, repeated, listed.

use ndarray::{ArrayD, ArrayViewD};
use rayon::prelude::*;
use relevance::Amount;

use crate::Real;
use crate::arrays::contiguous::{elements, elements_mut};
use crate::arrays::map::WORTH_THREADS;

/// For each place along an axis of the output, the place along that of the operand; or none.
pub(crate) struct Selection {
    /// How long the operand's axis is.
    pub(crate) operand: usize,
    /// How long the output's is.
    pub(crate) length: usize,
    source: Option<Box<Source>>,
}

type Source = dyn Fn(usize) -> Option<usize>;

impl Selection {
    /// The whole axis.
    pub(crate) fn whole(length: usize) -> Self {
        Self { operand: length, length, source: None }
    }

    /// What `source` says for each place of the output.
    pub(crate) fn new(operand: usize, length: usize, source: impl Fn(usize) -> Option<usize> + 'static) -> Self {
        Self { operand, length, source: Some(Box::new(source)) }
    }

    /// Whether the axis is taken as it is.
    pub(crate) fn is_whole(&self) -> bool {
        self.source.is_none()
    }

    fn sources(&self) -> Vec<Option<usize>> {
        match &self.source {
            None => (0..self.length).map(Some).collect(),
            Some(source) => (0..self.length).map(source).collect(),
        }
    }
}

/// All numbers that selections along the axes of an array take, in an order that copies as many at once as it can.
///
/// The leading axes that are taken whole are independent of one another, the trailing ones are copied with what stands
/// before them.
pub(crate) struct Walk {
    output: Vec<usize>,
    operand: Vec<usize>,
    middle: Vec<MiddleAxis>,
    runs: Vec<Run>,
    outer: usize,
}

/// An axis between the independent ones and the last that is not taken whole.
struct MiddleAxis {
    sources: Vec<Option<usize>>,
    source_stride: usize,
    target_stride: usize,
}

/// Numbers that follow one another in the output.
#[derive(Debug, PartialEq)]
struct Run {
    target: usize,
    length: usize,
    origin: Origin,
}

/// Where the numbers of a run come from.
#[derive(Debug, PartialEq)]
enum Origin {
    Nowhere,
    Neighbors { first: usize },
    Apart { first: usize, step: isize },
}

impl Walk {
    pub(crate) fn over(selections: &[Selection]) -> Self {
        let output: Vec<usize> = selections.iter().map(|selection| selection.length).collect();
        let operand: Vec<usize> = selections.iter().map(|selection| selection.operand).collect();
        let empty = output.contains(&0);
        let taken = |selection: &Selection| selection.source.is_some();
        let first = if empty { 0 } else { selections.iter().position(taken).unwrap_or(selections.len()) };
        let last = if empty { None } else { selections.iter().rposition(taken) };
        let block: usize = operand[last.map_or(first, |last| last + 1)..].iter().product();
        let runs = match last {
            None => vec![Run { target: 0, length: block, origin: Origin::Neighbors { first: 0 } }],
            Some(last) => runs(&selections[last].sources(), block),
        };
        let middle = (first..last.unwrap_or(first)).map(|axis| MiddleAxis {
            sources: selections[axis].sources(),
            source_stride: operand[axis + 1..].iter().product(),
            target_stride: output[axis + 1..].iter().product(),
        });
        Self { middle: middle.collect(), runs, outer: output[..first].iter().product(), output, operand }
    }

    /// The numbers taken, `fill` where there is none.
    pub(crate) fn gather<F: Real>(&self, operand: ArrayViewD<'_, F>, fill: F) -> ArrayD<F> {
        let mut output = ArrayD::from_elem(self.output.as_slice(), fill);
        let Some((source_size, target_size)) = self.sizes(operand.len(), output.len()) else { return output };
        let sources = elements(&operand);
        let pairs = elements_mut(&mut output).par_chunks_mut(target_size).zip(sources.par_chunks(source_size));
        pairs.with_min_len(WORTH_THREADS.div_ceil(target_size)).for_each(|(targets, sources)| {
            self.each_run(&mut |run, row, target| {
                let targets = &mut targets[target..target + run.length];
                match (row, &run.origin) {
                    (Some(row), &Origin::Neighbors { first }) => {
                        targets.copy_from_slice(&sources[row + first..][..run.length]);
                    }
                    (Some(row), &Origin::Apart { first, step }) => {
                        for (position, target) in targets.iter_mut().enumerate() {
                            *target = sources[apart(row + first, step, position)];
                        }
                    }
                    (None, _) | (_, Origin::Nowhere) => {}
                }
            });
        });
        output
    }

    /// The transpose: each number is added to where it was taken from.
    pub(crate) fn scatter<F: Real>(&self, upper: ArrayViewD<'_, F>) -> ArrayD<F> {
        let mut lower = ArrayD::zeros(self.operand.as_slice());
        let Some((source_size, target_size)) = self.sizes(lower.len(), upper.len()) else { return lower };
        let targets = elements(&upper);
        let pairs = elements_mut(&mut lower).par_chunks_mut(source_size).zip(targets.par_chunks(target_size));
        pairs.with_min_len(WORTH_THREADS.div_ceil(target_size)).for_each(|(sources, targets)| {
            self.each_run(&mut |run, row, target| {
                let targets = &targets[target..target + run.length];
                match (row, &run.origin) {
                    (Some(row), &Origin::Neighbors { first }) => {
                        for (source, &target) in sources[row + first..].iter_mut().zip(targets) {
                            *source += target;
                        }
                    }
                    (Some(row), &Origin::Apart { first, step }) => {
                        for (position, &target) in targets.iter().enumerate() {
                            sources[apart(row + first, step, position)] += target;
                        }
                    }
                    (None, _) | (_, Origin::Nowhere) => {}
                }
            });
        });
        lower
    }

    /// How much of `upper` stands where no number was taken.
    pub(crate) fn outside<F: Real>(&self, upper: ArrayViewD<'_, F>) -> Amount {
        let mut amount = Amount::default();
        let upper = elements(&upper);
        for upper in upper.chunks(upper.len().div_ceil(self.outer.max(1)).max(1)) {
            self.each_run(&mut |run, row, target| {
                if row.is_none() || run.origin == Origin::Nowhere {
                    amount += upper[target..target + run.length].iter().map(|upper| upper.as_()).collect();
                }
            });
        }
        amount
    }

    /// The numbers of one independent part of operand and output; `None` when either has no numbers at all.
    fn sizes(&self, sources: usize, targets: usize) -> Option<(usize, usize)> {
        (sources > 0 && targets > 0).then(|| (sources / self.outer, targets / self.outer))
    }

    /// Every run of an independent part: its row's place in the operand, if any, and the run's place in the output.
    fn each_run(&self, visit: &mut impl FnMut(&Run, Option<usize>, usize)) {
        fn descend(
            axes: &[MiddleAxis],
            row: Option<usize>,
            target: usize,
            runs: &[Run],
            visit: &mut impl FnMut(&Run, Option<usize>, usize),
        ) {
            match axes {
                [] => runs.iter().for_each(|run| visit(run, row, target + run.target)),
                [axis, inner @ ..] => {
                    for (place, source) in axis.sources.iter().enumerate() {
                        let row = row.zip(*source).map(|(row, source)| row + source * axis.source_stride);
                        descend(inner, row, target + place * axis.target_stride, runs, visit);
                    }
                }
            }
        }
        descend(&self.middle, Some(0), 0, &self.runs, visit);
    }
}

fn apart(first: usize, step: isize, place: usize) -> usize {
    first.wrapping_add_signed(step * place as isize)
}

/// The longest runs of blocks; steps other than from one block to the next only where a block is a single number.
fn runs(sources: &[Option<usize>], block: usize) -> Vec<Run> {
    let step_of = |place: usize| match (sources.get(place), sources.get(place + 1)) {
        (Some(Some(here)), Some(Some(next))) => Some(*next as isize - *here as isize),
        _ => None,
    };
    let mut runs = Vec::new();
    let mut place = 0;
    while place < sources.len() {
        let step = step_of(place).filter(|&step| step == 1 || block == 1);
        let same = |next: usize| match (step, sources[place]) {
            (Some(step), _) => step_of(next) == Some(step),
            (None, None) => sources.get(next + 1) == Some(&None),
            (None, Some(_)) => false,
        };
        let length = 1 + (place..sources.len()).take_while(|&next| same(next)).count();
        let origin = match (sources[place], step) {
            (None, _) => Origin::Nowhere,
            (Some(first), Some(step)) if step != 1 => Origin::Apart { first, step },
            (Some(first), _) => Origin::Neighbors { first: first * block },
        };
        runs.push(Run { target: place * block, length: length * block, origin });
        place += length;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::testing::numbers;
    use ndarray::IxDyn;
    use proptest::prelude::*;

    #[test]
    fn runs_are_as_long_as_they_can_be() {
        let places = [None, None, Some(2), Some(3), Some(4), Some(4), Some(4), Some(3), Some(1)];
        let run = |target, length, origin| Run { target, length, origin };
        assert_eq!(
            runs(&places, 1),
            [
                run(0, 2, Origin::Nowhere),
                run(2, 3, Origin::Neighbors { first: 2 }),
                run(5, 2, Origin::Apart { first: 4, step: 0 }),
                run(7, 2, Origin::Apart { first: 3, step: -2 }),
            ]
        );
        assert_eq!(runs(&places[4..7], 10), [0, 10, 20].map(|target| run(target, 10, Origin::Neighbors { first: 40 })));
        assert_eq!(runs(&[], 3), []);
    }

    /// The axes of an operand, and for each the places taken or `None` for the whole axis.
    fn axes() -> impl Strategy<Value = Vec<(usize, Option<Vec<Option<usize>>>)>> {
        let axis = (1usize..4).prop_flat_map(|length| {
            let places = prop::collection::vec(prop::option::weighted(0.8, 0..length), 0..6);
            (Just(length), prop::option::of(places))
        });
        prop::collection::vec(axis, 0..5)
    }

    proptest! {
        #[test]
        fn walks_agree_with_plain_indexing(axes in axes()) {
            let select = |(length, places): &(usize, Option<Vec<Option<usize>>>)| match places.clone() {
                None => Selection::whole(*length),
                Some(places) => Selection::new(*length, places.len(), move |place| places[place]),
            };
            let selections: Vec<Selection> = axes.iter().map(select).collect();
            let walk = Walk::over(&selections);
            let operand = numbers(&walk.operand, 1);
            let upper = numbers(&walk.output, 2);

            let (mut output, mut lower, mut outside) = (upper.mapv(|_| 9.0), operand.mapv(|_| 0.0), Amount::default());
            for (place, &upper) in upper.indexed_iter() {
                let source: Option<Vec<usize>> =
                    (0..axes.len()).map(|axis| axes[axis].1.as_ref().map_or(Some(place[axis]), |p| p[place[axis]])).collect();
                match source {
                    Some(source) => {
                        output[&place] = operand[IxDyn(&source)];
                        lower[IxDyn(&source)] += upper;
                    }
                    None => outside += Amount::of(upper),
                }
            }
            prop_assert_eq!(walk.gather(operand.view(), 9.0), output);
            let found = walk.scatter(upper.view());
            prop_assert!(found.iter().zip(&lower).all(|(a, b)| (a - b).abs() < 1e-12), "{} {}", found, lower);
            let found = walk.outside(upper.view());
            prop_assert!((found.total - outside.total).abs() < 1e-12 && (found.magnitude - outside.magnitude).abs() < 1e-12);
        }
    }
}
