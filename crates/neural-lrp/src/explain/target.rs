//! Targets: which class of the explained output, and at which of its positions.
//!
//! Axis 0 of an output holds samples, one other its classes. Axes beyond those are positions: the pixels of a
//! segmentation, the tokens of a text. The score of a class is then the sum of its scores over all positions, unless a
//! target is [within](Target::Within) a region.
//!
//! Contrasts and reference values change which scores count, with which sign, and from where they are counted. Relevance
//! begins with each of these scores at its own place, so that the map of a contrast is the map of the one minus that of
//! the other, for all rules that are linear in relevance, which all of layer-wise relevance propagation are.

use ndarray::{Array2, ArrayD, ArrayViewD, ArrayViewMutD, Axis, IxDyn, Zip};

use crate::network::{Network, TensorId};
use crate::{Error, Real};

/// What is explained of each sample: a class, some positions of it, or how much it has more than something else.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The one with the largest score.
    Predicted,
    /// The same for each sample.
    Class(usize),
    /// One for each sample.
    Each(Vec<usize>),
    /// A target at some positions of the output only. Regions within regions are where they overlap.
    Within(Box<Target>, Region),
    /// How much more the first has than the second: why this class, rather than that.
    Minus(Box<Target>, Box<Target>),
    /// How much more a target has than the mean of all classes but its own.
    MinusOthers(Box<Target>),
    /// A target whose scores count from a value instead of from 0, as regression needs it: f(x) − reference.
    CountedFrom(Box<Target>, f64),
}

/// Positions of an output that has axes behind those of samples and classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Region {
    /// One position, a number along each of these axes.
    Position(Vec<usize>),
    /// Where a mask is true, in the lengths of these axes.
    Mask(ArrayD<bool>),
}

impl Target {
    /// This target at the positions of a region only.
    #[must_use]
    pub fn within(self, region: Region) -> Self {
        Self::Within(Box::new(self), region)
    }

    /// How much more this target has than another.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self::Minus(Box::new(self), Box::new(other))
    }

    /// How much more this target has than the mean of all classes but its own.
    #[must_use]
    pub fn minus_others(self) -> Self {
        Self::MinusOthers(Box::new(self))
    }

    /// This target with scores that count from a reference value.
    #[must_use]
    pub fn counted_from(self, reference: f64) -> Self {
        Self::CountedFrom(Box::new(self), reference)
    }

    /// Whether it is the score of one class as it is.
    pub(crate) fn is_one_class(&self) -> bool {
        match self {
            Self::Predicted | Self::Class(_) | Self::Each(_) => true,
            Self::Within(of, _) => of.is_one_class(),
            Self::Minus(..) | Self::MinusOthers(_) | Self::CountedFrom(..) => false,
        }
    }
}

/// Along which axis of the explained output its classes lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClassAxis {
    /// Where the network has its channels, as far as that is known; else axis 1.
    #[default]
    OfNetwork,
    /// The one of axis 1 and the last that has so many classes; where both or none has, that of the network.
    Of(usize),
    /// This axis, counted with that of the samples, which is 0.
    Given(usize),
}

/// How an output holds samples, classes and positions.
///
/// ```
/// use ndarray::{Array4, array};
/// use neural_lrp::operations::Relu;
/// use neural_lrp::{ClassAxis, NetworkBuilder, OutputLayout};
/// use std::sync::Arc;
///
/// let mut network = NetworkBuilder::<f64>::new();
/// network.input("x", [None, Some(2), Some(1), Some(2)]).output("y");
/// network.node("relu", Arc::new(Relu), ["x"], "y");
/// let network = network.build()?;
///
/// let output = Array4::from_shape_vec((1, 2, 1, 2), vec![1.0, 2.0, 3.0, 4.0]).unwrap().into_dyn();
/// let layout = OutputLayout::of(&network, network.outputs()[0], output.shape(), ClassAxis::OfNetwork)?;
/// assert_eq!((layout.classes(), layout.positions()), (2, [1, 2].as_slice()));
/// assert_eq!(layout.class_scores(output.view()), array![[3.0, 7.0]]);
/// # Ok::<(), neural_lrp::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputLayout {
    samples: usize,
    /// None for an output of one score for each sample and no axis behind them.
    class_axis: Option<usize>,
    classes: usize,
    positions: Vec<usize>,
}

impl OutputLayout {
    /// The layout of a network's tensor, for its shape.
    ///
    /// # Errors
    /// [`Error::Setting`] for an axis that is not behind that of the samples, or an output without an axis of samples.
    pub fn of<F: Real>(
        network: &Network<F>,
        tensor: TensorId,
        shape: &[usize],
        class_axis: ClassAxis,
    ) -> Result<Self, Error> {
        let Some((&samples, behind)) = shape.split_first() else {
            return Err(Error::Setting {
                what: "output",
                given: network.tensor(tensor).name.clone(),
                reason: "it is a single number, without an axis of samples".into(),
            });
        };
        let axis = match class_axis {
            ClassAxis::Given(axis) if !(1..shape.len()).contains(&axis) => {
                return Err(Error::Setting {
                    what: "class axis",
                    given: axis.to_string(),
                    reason: match behind.len() {
                        0 => format!("the explained output has shape {shape:?}, without an axis of classes"),
                        last => {
                            format!("the explained output has shape {shape:?}: its classes are on axis 1 to {last}")
                        }
                    },
                });
            }
            ClassAxis::Given(axis) => Some(axis),
            ClassAxis::Of(classes) => axis_of(classes, shape).or_else(|| own_axis(network, tensor, shape)),
            ClassAxis::OfNetwork => own_axis(network, tensor, shape),
        };
        let lengths = shape.iter().enumerate().skip(1).filter(|(position, _)| Some(*position) != axis);
        Ok(Self {
            samples,
            class_axis: axis,
            classes: axis.map_or(1, |axis| shape[axis]),
            positions: lengths.map(|(_, &length)| length).collect(),
        })
    }

    /// How many samples there are.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The lengths of the axes behind samples and classes: none for an output of one score for each class.
    pub fn positions(&self) -> &[usize] {
        &self.positions
    }

    /// Whether a class has several scores, one at each position.
    pub fn has_positions(&self) -> bool {
        self.positions.iter().any(|&length| length != 1)
    }

    /// The score of each class of each sample (samples, classes): the sum over all positions.
    pub fn class_scores<F: Real>(&self, output: ArrayViewD<'_, F>) -> Array2<f64> {
        let (by_class, everywhere) = (self.by_class(output), self.everywhere());
        let score = |(sample, class)| sum(by_class.index_axis(Axis(0), sample), class, &everywhere);
        Array2::from_shape_fn((self.samples, self.classes), score)
    }

    /// The class of each sample that a target means; of a contrast, the class that it is about.
    pub(super) fn classes_of<F: Real>(&self, output: ArrayViewD<'_, F>, target: &Target) -> Result<Vec<usize>, Error> {
        self.classes_inside(&output, target, &self.everywhere())
    }

    /// Zero but where a target counts scores: there what `value` makes of each, with the sign that it counts with.
    pub(super) fn at_target<F: Real>(
        &self,
        output: ArrayViewD<'_, F>,
        target: &Target,
        value: impl Fn(F) -> F,
    ) -> Result<ArrayD<F>, Error> {
        self.begin(&output, target, &self.everywhere(), &value)
    }

    /// The same at the positions that count.
    fn begin<F: Real>(
        &self,
        output: &ArrayViewD<'_, F>,
        target: &Target,
        inside: &ArrayD<bool>,
        value: &dyn Fn(F) -> F,
    ) -> Result<ArrayD<F>, Error> {
        match target {
            Target::Within(of, region) => self.begin(output, of, &self.overlap(inside, region)?, value),
            Target::CountedFrom(of, reference) => {
                let reference = F::of(*reference);
                self.begin(output, of, inside, &|score| value(score - reference))
            }
            Target::Minus(of, other) => {
                Ok(self.begin(output, of, inside, value)? - self.begin(output, other, inside, value)?)
            }
            Target::MinusOthers(of) => {
                let own = self.classes_inside(output, of, inside)?;
                let Some(others) = self.classes.checked_sub(1).filter(|&others| others > 0) else {
                    let reason = format!("the network has {}", self.range());
                    return Err(Error::Setting { what: "target", given: "a class minus all others".into(), reason });
                };
                let share = F::one() / F::of(others as f64);
                let others = |sample: usize| {
                    let own = own[sample];
                    (0..self.classes).filter(move |&class| class != own)
                };
                let mean = self.at_classes(output, others, inside, &|score| share * value(score));
                Ok(self.begin(output, of, inside, value)? - mean)
            }
            Target::Predicted | Target::Class(_) | Target::Each(_) => {
                let classes = self.classes_inside(output, target, inside)?;
                Ok(self.at_classes(output, |sample| [classes[sample]], inside, value))
            }
        }
    }

    /// What `value` makes of the scores of some classes of each sample, at the positions that count; else 0.
    fn at_classes<F: Real, C: IntoIterator<Item = usize>>(
        &self,
        output: &ArrayViewD<'_, F>,
        classes: impl Fn(usize) -> C,
        inside: &ArrayD<bool>,
        value: &dyn Fn(F) -> F,
    ) -> ArrayD<F> {
        let mut initial = ArrayD::zeros(output.raw_dim());
        let (mut samples, scores) = (self.by_class_mut(initial.view_mut()), self.by_class(output.view()));
        for (sample, (mut initial, scores)) in samples.outer_iter_mut().zip(scores.outer_iter()).enumerate() {
            for class in classes(sample) {
                Zip::from(initial.index_axis_mut(Axis(0), class))
                    .and(scores.index_axis(Axis(0), class))
                    .and(inside)
                    .for_each(|initial, &score, &inside| *initial = if inside { value(score) } else { F::zero() });
            }
        }
        initial
    }

    /// The class of each sample that a target means, where only some positions count.
    fn classes_inside<F: Real>(
        &self,
        output: &ArrayViewD<'_, F>,
        target: &Target,
        inside: &ArrayD<bool>,
    ) -> Result<Vec<usize>, Error> {
        let wrong = |given: String, reason: String| Err(Error::Setting { what: "target", given, reason });
        let classes = match target {
            Target::Within(of, region) => return self.classes_inside(output, of, &self.overlap(inside, region)?),
            Target::Minus(of, _) | Target::MinusOthers(of) | Target::CountedFrom(of, _) => {
                return self.classes_inside(output, of, inside);
            }
            Target::Class(class) => vec![*class; self.samples],
            Target::Each(each) if each.len() == self.samples => each.clone(),
            Target::Each(each) => {
                return wrong(
                    format!("{} classes", each.len()),
                    format!("one for each of the {} samples is needed", self.samples),
                );
            }
            Target::Predicted => {
                let by_class = self.by_class(output.view());
                let predicted = |sample: ArrayViewD<'_, F>| {
                    largest((0..self.classes).map(|class| sum(sample.view(), class, inside)))
                };
                by_class.outer_iter().map(predicted).collect()
            }
        };
        match classes.iter().find(|&&class| class >= self.classes) {
            Some(class) => wrong(class.to_string(), format!("the network has {}", self.range())),
            None => Ok(classes),
        }
    }

    /// The positions that count within a region.
    fn overlap(&self, inside: &ArrayD<bool>, region: &Region) -> Result<ArrayD<bool>, Error> {
        let mut both = region.mask(&self.positions)?;
        both.zip_mut_with(inside, |here, &inside| *here &= inside);
        Ok(both)
    }

    /// All positions.
    fn everywhere(&self) -> ArrayD<bool> {
        ArrayD::from_elem(self.positions.as_slice(), true)
    }

    /// Which classes there are, as a person reads it.
    fn range(&self) -> String {
        let axis = match self.class_axis.filter(|_| self.has_positions()) {
            None => String::new(),
            Some(axis) => format!(" along axis {axis} of its output"),
        };
        match self.classes {
            0 => format!("no classes{axis}"),
            1 => format!("1 class{axis}, counted from 0"),
            classes => format!("{classes} classes{axis}, counted from 0 to {}", classes - 1),
        }
    }

    /// An output as samples, classes, positions.
    fn by_class<'a, F>(&self, output: ArrayViewD<'a, F>) -> ArrayViewD<'a, F> {
        match self.class_axis {
            None => output.insert_axis(Axis(1)),
            Some(axis) => output.permuted_axes(self.order(axis)),
        }
    }

    fn by_class_mut<'a, F>(&self, output: ArrayViewMutD<'a, F>) -> ArrayViewMutD<'a, F> {
        match self.class_axis {
            None => output.insert_axis(Axis(1)),
            Some(axis) => output.permuted_axes(self.order(axis)),
        }
    }

    /// The axes of an output: samples, classes, positions.
    fn order(&self, class_axis: usize) -> IxDyn {
        let positions = (1..self.positions.len() + 2).filter(|&axis| axis != class_axis);
        let order: Vec<usize> = [0, class_axis].into_iter().chain(positions).collect();
        IxDyn(&order)
    }
}

impl Region {
    /// The region as a mask over the positions of an output.
    fn mask(&self, positions: &[usize]) -> Result<ArrayD<bool>, Error> {
        let wrong = |given: String, reason: String| Err(Error::Setting { what: "target at", given, reason });
        let lengths = positions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ");
        match self {
            Self::Position(position) => {
                let given = position.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                if positions.is_empty() {
                    return wrong(given, "the explained output has one score for each class, and no positions".into());
                }
                let is_there = position.len() == positions.len() && position.iter().zip(positions).all(|(p, n)| p < n);
                if !is_there {
                    let count = positions.len();
                    return wrong(
                        given,
                        format!("the explained output has {lengths} positions: {count} numbers from 0 are needed"),
                    );
                }
                let mut mask = ArrayD::from_elem(positions, false);
                mask[position.as_slice()] = true;
                Ok(mask)
            }
            Self::Mask(mask) if mask.shape() != positions => {
                let given = format!("a mask of shape {:?}", mask.shape());
                match positions {
                    [] => wrong(given, "the explained output has one score for each class, and no positions".into()),
                    positions => wrong(given, format!("the explained output has positions of shape {positions:?}")),
                }
            }
            Self::Mask(mask) if !mask.iter().any(|&inside| inside) => {
                wrong("a mask".into(), "it is zero everywhere, so that nothing is explained".into())
            }
            Self::Mask(mask) => Ok(mask.clone()),
        }
    }
}

/// The axis of so many classes, if exactly one of axis 1 and the last has them.
fn axis_of(classes: usize, shape: &[usize]) -> Option<usize> {
    let last = shape.len().checked_sub(1).filter(|&last| last > 0)?;
    match (shape[1] == classes, shape[last] == classes) {
        (true, false) => Some(1),
        (false, true) => Some(last),
        _ => None,
    }
}

/// The class axis where nobody says it: that of the network's channels, the only one that is longer than 1, or axis 1.
fn own_axis<F: Real>(network: &Network<F>, tensor: TensorId, shape: &[usize]) -> Option<usize> {
    let only = || {
        let mut longer = (1..shape.len()).filter(|&axis| shape[axis] != 1);
        longer.next().filter(|_| longer.next().is_none())
    };
    let of_channels = || channel_axis(network, tensor).filter(|axis| (1..shape.len()).contains(axis));
    only().or_else(of_channels).or((shape.len() > 1).then_some(1))
}

/// The axis of a tensor's channels, as far as the network tells it.
fn channel_axis<F: Real>(network: &Network<F>, tensor: TensorId) -> Option<usize> {
    network.channel_axes(&network.typical_shapes()?)[tensor.index()]
}

/// The sum of a class of a sample (classes, positions) over the positions that count.
fn sum<F: Real>(sample: ArrayViewD<'_, F>, class: usize, inside: &ArrayD<bool>) -> f64 {
    let scores = sample.index_axis_move(Axis(0), class);
    scores.iter().zip(inside).filter(|(_, inside)| **inside).map(|(score, _)| score.as_()).sum()
}

/// The position of the largest number, the first of equals.
fn largest(scores: impl Iterator<Item = f64>) -> usize {
    let mut best = (0, f64::NEG_INFINITY);
    for (class, score) in scores.enumerate() {
        if score > best.1 {
            best = (class, score);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::{Array4, array};
    use relevance::ExplainableClassifier;

    use super::*;
    use crate::explain::{Composite, Explainer, Initial};
    use crate::operations::Relu;
    use crate::{NetworkBuilder, NetworkClassifier};

    /// Two samples, three classes along axis `class_axis`, 4 × 5 positions; all scores differ.
    fn scores(class_axis: usize) -> ArrayD<f64> {
        let score = |sample: usize, class: usize, row: usize, column: usize| {
            let index = 60 * sample + 20 * class + 5 * row + column;
            1.0 + (index * 37 % 120) as f64 / 8.0
        };
        match class_axis {
            1 => Array4::from_shape_fn((2, 3, 4, 5), |(n, k, i, j)| score(n, k, i, j)).into_dyn(),
            _ => Array4::from_shape_fn((2, 4, 5, 3), |(n, i, j, k)| score(n, k, i, j)).into_dyn(),
        }
    }

    fn explainer(shape: &[usize]) -> Explainer<f64> {
        let mut network = NetworkBuilder::new();
        let lengths = [None].into_iter().chain(shape[1..].iter().copied().map(Some));
        network.input("x", lengths.collect::<Vec<_>>()).output("y");
        network.node("relu", Arc::new(Relu), ["x"], "y");
        Explainer::new(&network.build().unwrap()).unwrap()
    }

    /// The relevance that begins at a target, which Relu hands down as it is, moved to (sample, class, row, column).
    fn begun(class_axis: usize, axis: ClassAxis, initial: Initial<f64>) -> Result<ArrayD<f64>, Error> {
        let scores = scores(class_axis);
        let explainer = explainer(scores.shape()).with_class_axis(axis);
        let forward = explainer.forward(scores.view())?;
        let explained = forward.explain(&Composite::named("epsilon-plus")?, &initial.into())?;
        let order = if class_axis == 1 { [0, 1, 2, 3] } else { [0, 3, 1, 2] };
        Ok(explained.relevance[0].clone().permuted_axes(order.as_slice()))
    }

    /// Both ways to say that classes are last, and that they are first.
    const AXES: [(usize, ClassAxis); 5] = [
        (1, ClassAxis::OfNetwork),
        (1, ClassAxis::Given(1)),
        (1, ClassAxis::Of(3)),
        (3, ClassAxis::Given(3)),
        (3, ClassAxis::Of(3)),
    ];

    #[test]
    fn a_class_is_all_of_its_positions() {
        let by_class = scores(1);
        for (axis, said) in AXES {
            let score = begun(axis, said, Initial::Score(Target::Class(2))).unwrap();
            let one = begun(axis, said, Initial::One(Target::Each(vec![0, 1]))).unwrap();
            for (index, &value) in by_class.indexed_iter() {
                assert_eq!(score[&index], if index[1] == 2 { value } else { 0.0 });
                assert_eq!(one[&index], if index[1] == index[0] { 1.0 } else { 0.0 });
            }
        }
    }

    #[test]
    fn the_predicted_class_has_the_largest_sum() {
        let by_class = scores(1);
        let sums = [0, 1].map(|sample| {
            [0, 1, 2].map(|class| {
                let mut sum = 0.0;
                for row in 0..4 {
                    for column in 0..5 {
                        sum += by_class[[sample, class, row, column]];
                    }
                }
                sum
            })
        });
        for (axis, said) in AXES {
            let scores = scores(axis);
            let explainer = explainer(scores.shape()).with_class_axis(said);
            let forward = explainer.forward(scores.view()).unwrap();
            assert_eq!(forward.class_scores().unwrap(), Array2::from(sums.to_vec()));
            let predicted = forward.classes(&Target::Predicted).unwrap();
            for (class, sums) in predicted.iter().zip(&sums) {
                assert!(sums.iter().all(|sum| *sum <= sums[*class]));
            }
            let scores: Vec<f64> = predicted.iter().zip(&sums).map(|(&class, sums)| sums[class]).collect();
            assert_eq!(forward.target_scores(&Target::Predicted).unwrap(), scores);
        }
    }

    #[test]
    fn a_region_leaves_the_other_positions_out() {
        let by_class = scores(1);
        let mask = ArrayD::from_shape_fn(vec![4, 5], |index| index[0] + index[1] < 4);
        let position = || Target::Class(1).within(Region::Position(vec![2, 3]));
        let under = |target: Target| target.within(Region::Mask(mask.clone()));
        for (axis, said) in AXES {
            let masked = begun(axis, said, Initial::Score(under(Target::Class(0)))).unwrap();
            let difference = Target::Class(1).within(Region::Position(vec![2, 1])).minus(position());
            let difference = begun(axis, said, Initial::Score(difference)).unwrap();
            for (index, &value) in by_class.indexed_iter() {
                let inside = index[1] == 0 && index[2] + index[3] < 4;
                assert_eq!(masked[&index], if inside { value } else { 0.0 });
                let sign = match (index[1], index[2], index[3]) {
                    (1, 2, 1) => 1.0,
                    (1, 2, 3) => -1.0,
                    _ => 0.0,
                };
                assert_eq!(difference[&index], sign * value);
            }
        }
        // The best class of a region need not be that of the whole.
        let explainer = explainer(&[2, 3, 4, 5]);
        let forward = explainer.forward(by_class.view()).unwrap();
        for (row, column) in [(0, 0), (1, 4), (3, 2)] {
            let here = Target::Predicted.within(Region::Position(vec![row, column]));
            for (sample, class) in forward.classes(&here).unwrap().into_iter().enumerate() {
                let score = |class| by_class[[sample, class, row, column]];
                assert!((0..3).all(|other| score(other) <= score(class)));
            }
        }
        // Regions overlap where both are.
        assert_eq!(forward.target_scores(&under(position())).unwrap(), [0.0, 0.0]);
    }

    #[test]
    fn a_contrast_has_the_other_scores_with_their_sign() {
        let by_class = scores(1);
        for (axis, said) in AXES {
            let begun = |initial| begun(axis, said, initial).unwrap();
            let two = begun(Initial::Score(Target::Class(2).minus(Target::Each(vec![0, 1]))));
            let all = begun(Initial::Score(Target::Each(vec![1, 2]).minus_others()));
            let ones = begun(Initial::One(Target::Each(vec![1, 2]).minus_others()));
            for (index, &value) in by_class.indexed_iter() {
                let (sample, class) = (index[0], index[1]);
                let sign = f64::from(class == 2) - f64::from(class == sample);
                assert_eq!(two[&index], sign * value);
                let weight = if class == sample + 1 { 1.0 } else { -0.5 };
                assert_eq!((all[&index], ones[&index]), (weight * value, weight));
            }
        }
        // Both sides are within the region that both are in.
        let here = Region::Position(vec![3, 1]);
        let within =
            begun(1, ClassAxis::OfNetwork, Initial::Score(Target::Class(0).minus_others().within(here))).unwrap();
        for (index, &value) in by_class.indexed_iter() {
            let weight = if index[1] == 0 { 1.0 } else { -0.5 };
            assert_eq!(within[&index], if (index[2], index[3]) == (3, 1) { weight * value } else { 0.0 });
        }
    }

    #[test]
    fn scores_count_from_a_reference() {
        let by_class = scores(1);
        for (axis, said) in AXES {
            let counted = begun(axis, said, Initial::Score(Target::Class(1).counted_from(2.5))).unwrap();
            let slopes = begun(axis, said, Initial::One(Target::Class(1).counted_from(2.5))).unwrap();
            for (index, &value) in by_class.indexed_iter() {
                assert_eq!(counted[&index], if index[1] == 1 { value - 2.5 } else { 0.0 });
                assert_eq!(slopes[&index], f64::from(index[1] == 1));
            }
        }
        let explainer = explainer(&[2, 3]);
        let forward = explainer.forward(array![[1.0, 3.0, 2.0], [4.0, 1.0, 1.0]].into_dyn().view()).unwrap();
        assert_eq!(forward.target_scores(&Target::Predicted.counted_from(1.5)).unwrap(), [1.5, 2.5]);
        assert_eq!(forward.target_scores(&Target::Predicted.minus_others()).unwrap(), [1.5, 3.0]);
        // What one side counts from is not what the other does.
        assert_eq!(
            forward.target_scores(&Target::Class(0).counted_from(1.0).minus(Target::Class(2))).unwrap(),
            [-2.0, 2.0]
        );
        assert_eq!(forward.classes(&Target::Class(0).minus(Target::Class(2))).unwrap(), [0, 0]);
    }

    #[test]
    fn what_is_not_there_is_refused_with_what_is() {
        let refused = |axis, target| begun(1, axis, Initial::Score(target)).unwrap_err().to_string();
        let beyond = refused(ClassAxis::OfNetwork, Target::Class(3));
        assert!(beyond.contains("3 classes along axis 1 of its output, counted from 0 to 2"), "{beyond}");
        let at = |position: &[usize]| Target::Class(0).within(Region::Position(position.to_vec()));
        for position in [&[4, 0][..], &[0, 5], &[3], &[0, 0, 0]] {
            let message = refused(ClassAxis::OfNetwork, at(position));
            assert!(message.contains("4 × 5 positions"), "{message}");
        }
        let mask = |shape: &[usize], inside| Target::Class(0).within(Region::Mask(ArrayD::from_elem(shape, inside)));
        assert!(refused(ClassAxis::OfNetwork, mask(&[5, 4], true)).contains("positions of shape [4, 5]"));
        assert!(refused(ClassAxis::OfNetwork, mask(&[4, 5], false)).contains("zero everywhere"));
        for axis in [0, 4] {
            assert!(refused(ClassAxis::Given(axis), Target::Predicted).contains("axis 1 to 3"));
        }
        let vector = explainer(&[2, 3]);
        let forward = vector.forward(array![[1.0, 3.0, 2.0], [4.0, 1.0, 1.0]].into_dyn().view()).unwrap();
        assert!(forward.classes(&at(&[0])).unwrap_err().to_string().contains("no positions"));
        assert_eq!(forward.classes(&Target::Predicted).unwrap(), [1, 0]);
    }

    #[test]
    fn an_output_without_other_axes_keeps_its_classes_wherever_they_are() {
        for shape in [&[2, 3][..], &[2, 3, 1, 1], &[2, 1, 1, 3]] {
            let scores = ArrayD::from_shape_vec(shape, vec![1.0, 3.0, 2.0, 4.0, 1.0, 1.0]).unwrap();
            let explainer = explainer(shape);
            let forward = explainer.forward(scores.view()).unwrap();
            assert_eq!(forward.class_scores().unwrap(), array![[1.0, 3.0, 2.0], [4.0, 1.0, 1.0]], "{shape:?}");
            assert!(!forward.layout().unwrap().has_positions());
        }
        let single = explainer(&[2]);
        let forward = single.forward(array![1.5, 2.0].into_dyn().view()).unwrap();
        assert_eq!(forward.class_scores().unwrap(), array![[1.5], [2.0]]);
        assert_eq!(forward.target_scores(&Target::Class(0)).unwrap(), [1.5, 2.0]);
        let alone = forward.target_scores(&Target::Class(0).minus_others()).unwrap_err().to_string();
        assert!(alone.contains("a class minus all others") && alone.contains("1 class"), "{alone}");
    }

    #[test]
    fn a_classifier_counts_classes() {
        let scores = scores(1);
        let classifier =
            NetworkClassifier::new(explainer(&[2, 3, 4, 5]), &[3, 4, 5], Composite::named("epsilon-plus").unwrap());
        let classifier = classifier.unwrap();
        assert_eq!(classifier.targets(), 3);
        let sample = scores.index_axis(Axis(0), 1);
        let explanation = classifier.explain(sample.view(), 2).unwrap();
        assert_eq!(explanation.score, sample.index_axis(Axis(0), 2).sum());
        assert_eq!(classifier.scores(&[sample.view()]).unwrap()[[0, 2]], explanation.score);
        explanation.ledger.check(1e-10).unwrap();
    }

    #[test]
    fn an_output_without_an_axis_of_samples_is_refused() {
        use crate::operations::Dense;
        // All 14 numbers of x are one sample, whatever axis 0 is said to be.
        let mut network = NetworkBuilder::<f64>::new();
        network.input("x", [Some(14)]).output("y");
        let dense = Dense::new(Array2::from_elem((3, 14), 0.5), None).unwrap();
        network.node("dense", Arc::new(dense), ["x"], "y");
        let explainer = Explainer::new(&network.build().unwrap()).unwrap();
        let refused = explainer.forward(ArrayD::ones(vec![14]).view()).unwrap_err().to_string();
        assert!(refused.contains("shape [3]") && refused.contains("14 samples"), "{refused}");
        let classifier = NetworkClassifier::new(explainer, &[], Composite::named("epsilon-plus").unwrap());
        assert!(classifier.unwrap_err().to_string().contains("14 samples"));
    }
}
