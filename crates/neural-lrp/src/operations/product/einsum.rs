//! Sums of products of any axes of one or two tensors.

mod contraction;
mod equation;

use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, arr0};
use relevance::Stabilizer;

use crate::arrays::broadcast::combine;
use crate::operation::affine::along;
use crate::operation::linear::{LinearMap, WeightPart};
use crate::operation::{Attribute, Constant, Input};
use crate::operation::{Family, Operation, OperatorSpec, ParsedOperation, Product, Redistribution, Signal, Step};
use crate::operations::product::bilinear::{Factor, to_factors};
use crate::{Error, Real};
use contraction::{Labeled, contract};
use equation::{Axes, Equation};

const KIND: &str = "Einsum";

/// The sum of products of two computed tensors that an equation says: `"bid,bjd->bij"`.
///
/// Relevance goes half to each, or all to the one that carries the signal, as of [`MatMul`](super::MatMul).
#[derive(Clone, Debug)]
pub struct Einsum {
    equation: Equation,
}

/// A product with weights, which is a linear layer whatever the equation: `"btc,dc->btd"`.
#[derive(Clone, Debug)]
pub struct EinsumLayer<F> {
    equation: Equation,
    /// Which of the equation's operands the weights are.
    position: Position,
    weights: Arc<ArrayD<F>>,
    bias: Option<Arc<ArrayD<F>>>,
}

/// The axes of one tensor in another order, or summed: `"bij->bj"`.
#[derive(Clone, Debug)]
pub struct EinsumSum {
    equation: Equation,
}

/// Which of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    First,
    Second,
}

impl Equation {
    /// The axes of operands whose shapes were agreed to.
    fn agreed<F: Real>(&self, operands: &[&ArrayViewD<'_, F>]) -> Axes {
        let shapes: Vec<&[usize]> = operands.iter().map(|operand| operand.shape()).collect();
        self.axes(&shapes).unwrap_or_else(|_| unreachable!("the shapes were agreed to"))
    }

    fn spec<F: Real>(&self, operands: usize) -> OperatorSpec<F> {
        OperatorSpec::new(KIND, operands).with("equation", Attribute::Text(self.text().to_owned()))
    }
}

impl Einsum {
    /// The derivatives of both operands.
    fn transposed<F: Real>(&self, step: &Step<'_, F>, upper: &ArrayViewD<'_, F>, factor: Factor) -> ArrayD<F> {
        let [a, b] = [&step.operands[0], &step.operands[1]];
        let axes = self.equation.agreed(&[a, b]);
        let upper = Labeled { labels: &axes.output, values: upper.view() };
        let [of_a, of_b] = [(0, a), (1, b)].map(|(at, x)| Labeled { labels: &axes.operands[at], values: x.view() });
        match factor {
            Factor::First => contract(&upper, &of_b, of_a.labels, a.shape()),
            Factor::Second => contract(&upper, &of_a, of_b.labels, b.shape()),
        }
    }
}

impl<F: Real> Operation<F> for Einsum {
    fn to_spec(&self) -> OperatorSpec<F> {
        self.equation.spec(2)
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    fn family(&self) -> Family {
        Family::Bilinear
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        self.equation.axes(operands).map(|axes| axes.shape)
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let axes = self.equation.agreed(&[&operands[0], &operands[1]]);
        let [a, b] = [0, 1].map(|at| Labeled { labels: &axes.operands[at], values: operands[at].view() });
        contract(&a, &b, &axes.output, &axes.shape)
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        [Factor::First, Factor::Second].map(|factor| self.transposed(step, &upper, factor)).into()
    }

    /// `2 y`: once along each operand.
    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        step.output.mapv(|output| output + output)
    }

    fn product(&self) -> Option<&dyn Product<F>> {
        Some(self)
    }

    fn description(&self) -> String {
        self.equation.text().to_owned()
    }
}

impl<F: Real> Product<F> for Einsum {
    fn redistribute(
        &self,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
        signal: Signal,
        stabilizer: Stabilizer,
    ) -> Redistribution<F> {
        to_factors(step, upper, signal, stabilizer, |shares, factor| self.transposed(step, shares, factor))
    }
}

impl<F: Real> EinsumLayer<F> {
    /// The axes of the input, then of the weights.
    fn axes(&self, input: &[usize]) -> Result<Axes, Error> {
        let shapes = match self.position {
            Position::First => [self.weights.shape(), input],
            Position::Second => [input, self.weights.shape()],
        };
        let mut axes = self.equation.axes(&shapes)?;
        if self.position == Position::First {
            axes.operands.swap(0, 1);
        }
        Ok(axes)
    }

    /// [`axes`](Self::axes) of an input whose shape was agreed to.
    fn agreed(&self, input: &[usize]) -> Axes {
        self.axes(input).unwrap_or_else(|_| unreachable!("the shape was agreed to"))
    }

    /// How many axes are behind that of the output's channels, in the weights and in the output.
    fn channels(&self) -> Option<[usize; 2]> {
        let weights = self.position as usize;
        self.equation.channels(weights, 1 - weights)
    }

    fn product(&self, input: ArrayViewD<'_, F>) -> ArrayD<F> {
        self.apply(&[WeightPart::All], input).remove(0)
    }
}

impl<F: Real> LinearMap<F> for EinsumLayer<F> {
    fn apply(&self, parts: &[WeightPart], input: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let axes = self.agreed(input.shape());
        let input = Labeled { labels: &axes.operands[0], values: input.view() };
        let apply = |part: &WeightPart| {
            let weights = self.weights.mapv(|weight| part.of(weight));
            let weights = Labeled { labels: &axes.operands[1], values: weights.view() };
            contract(&input, &weights, &axes.output, &axes.shape)
        };
        parts.iter().map(apply).collect()
    }

    fn transposed(&self, messages: &[(WeightPart, ArrayViewD<'_, F>)], input_shape: &[usize]) -> ArrayD<F> {
        let axes = self.agreed(input_shape);
        let mut lower = ArrayD::zeros(IxDyn(input_shape));
        for (part, message) in messages {
            let weights = self.weights.mapv(|weight| part.of(weight));
            let weights = Labeled { labels: &axes.operands[1], values: weights.view() };
            let message = Labeled { labels: &axes.output, values: message.view() };
            lower += &contract(&message, &weights, &axes.operands[0], input_shape);
        }
        lower
    }

    fn bias(&self) -> Option<ArrayD<F>> {
        self.bias.as_deref().cloned()
    }
}

impl<F: Real> Operation<F> for EinsumLayer<F> {
    fn to_spec(&self) -> OperatorSpec<F> {
        let mut spec = self.equation.spec(2);
        let weights = Input::Constant(Constant::Real(Arc::clone(&self.weights)));
        match self.position {
            Position::First => spec.inputs[0] = weights,
            Position::Second => spec.inputs[1] = weights,
        }
        match &self.bias {
            Some(bias) => spec.with_constant(Arc::clone(bias)),
            None => spec,
        }
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    fn family(&self) -> Family {
        Family::Linear
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [operand] = operands else { return Err(Error::shape(operands, "it takes one")) };
        let axes = self.axes(operand)?;
        match &self.bias {
            Some(bias) if bias.broadcast(IxDyn(&axes.shape)).is_none() => {
                let reason = format!("a bias of shape {:?} does not fit the output's {:?}", bias.shape(), axes.shape);
                Err(Error::shape(operands, reason))
            }
            _ => Ok(axes.shape),
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let mut output = self.product(operands[0].view());
        if let Some(bias) = &self.bias {
            output += &**bias;
        }
        output
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        vec![self.transposed(&[(WeightPart::All, upper)], step.operands[0].shape())]
    }

    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        self.product(step.operands[0].view())
    }

    fn linear(&self) -> Option<&dyn LinearMap<F>> {
        Some(self)
    }

    fn channel_axis(&self, rank: usize) -> Option<usize> {
        let [_, behind] = self.channels()?;
        rank.checked_sub(behind + 1)
    }

    fn operand_channel_axis(&self, rank: usize) -> Option<usize> {
        rank.checked_sub(self.equation.summed(1 - self.position as usize)? + 1)
    }

    fn followed_by(&self, scale: &[F], shift: &[F]) -> Option<Arc<dyn Operation<F>>> {
        let [of_weights, of_output] = self.channels()?;
        let axis = self.weights.ndim().checked_sub(of_weights + 1)?;
        if scale.len() != self.weights.len_of(Axis(axis)) || shift.len() != scale.len() {
            return None;
        }
        let along = |values: &[F], behind: usize| along(values, 0, behind + 1);
        let weights = Arc::new(&*self.weights * &along(scale, of_weights));
        let scaled =
            self.bias.as_ref().map(|bias| combine(&bias.view(), &along(scale, of_output).view(), |b, s| b * s));
        let shift = along(shift, of_output);
        let bias = scaled.map_or(shift.clone(), |bias| combine(&bias.view(), &shift.view(), |b, t| b + t));
        Some(Arc::new(Self { weights, bias: Some(Arc::new(bias)), ..self.clone() }))
    }

    fn description(&self) -> String {
        format!("{}, weights {:?}", self.equation.text(), self.weights.shape())
    }
}

impl<F: Real> Operation<F> for EinsumSum {
    fn to_spec(&self) -> OperatorSpec<F> {
        self.equation.spec(1)
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    fn family(&self) -> Family {
        if self.equation.keeps_all() { Family::Arrangement } else { Family::Sum }
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        self.equation.axes(operands).map(|axes| axes.shape)
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let axes = self.equation.agreed(&[&operands[0]]);
        let operand = Labeled { labels: &axes.operands[0], values: operands[0].view() };
        let one = arr0(F::one()).into_dyn();
        contract(&operand, &Labeled { labels: &[], values: one.view() }, &axes.output, &axes.shape)
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let axes = self.equation.agreed(&[&step.operands[0]]);
        let upper = Labeled { labels: &axes.output, values: upper.view() };
        let one = arr0(F::one()).into_dyn();
        let one = Labeled { labels: &[], values: one.view() };
        vec![contract(&upper, &one, &axes.operands[0], step.operands[0].shape())]
    }

    fn description(&self) -> String {
        self.equation.text().to_owned()
    }
}

/// Reads the operation from its specification: of one tensor, of two, or of a tensor and weights, then with a bias if
/// one is given as the third input.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_numbers(1..=3)?;
    let text = spec.text("equation", "")?;
    let operands = spec.inputs.len().min(2);
    let equation = Equation::parse(text, operands).map_err(|reason| spec.refuse("equation", text, reason))?;
    let layer = |position, weights: &Arc<ArrayD<F>>, operand| {
        let bias = spec.constant(2, "bias")?;
        let layer = EinsumLayer { equation: equation.clone(), position, weights: Arc::clone(weights), bias };
        Ok(ParsedOperation::new(layer, vec![operand]))
    };
    match spec.inputs.as_slice() {
        [_] => Ok(ParsedOperation::new(EinsumSum { equation }, vec![0])),
        [Input::Tensor, Input::Constant(Constant::Real(weights)), ..] => layer(Position::Second, weights, 0),
        [Input::Constant(Constant::Real(weights)), Input::Tensor, ..] => layer(Position::First, weights, 1),
        [_, _] => Ok(ParsedOperation::new(Einsum { equation }, vec![0, 1])),
        inputs => Err(spec.refuse("list", format!("{} inputs", inputs.len()), "two at most")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ndarray::Ix2;

    use super::equation::Label;
    use super::*;
    use crate::operations::Dense;
    use crate::operations::testing::{assert_close, booked, check_gradient, forward, numbers, step};
    use crate::rules::Rule;

    const PAIRS: [(&str, &[usize], &[usize]); 12] = [
        ("ij,jk->ik", &[3, 4], &[4, 2]),
        ("bij,bjk->bik", &[2, 3, 4], &[2, 4, 5]),
        ("btc,dc->btd", &[2, 3, 4], &[5, 4]),
        ("btc,dc->dbt", &[2, 3, 4], &[5, 4]),
        ("bhwc,hkc->bhwk", &[2, 3, 2, 4], &[3, 5, 4]),
        ("abc,cde->abde", &[2, 3, 4], &[4, 2, 3]),
        ("i,j->ij", &[3], &[4]),
        ("ij,ij->", &[3, 4], &[3, 4]),
        ("ij,kl->jk", &[2, 3], &[4, 2]),
        ("ij,jk", &[2, 3], &[3, 4]),
        ("...ij,...jk->...ik", &[3, 2, 4], &[2, 1, 4, 3]),
        ("i...,i...->...", &[3, 2], &[3, 1]),
    ];

    fn binary(text: &str) -> Einsum {
        Einsum { equation: Equation::parse(text, 2).unwrap() }
    }

    fn layer(text: &str, position: Position, weights: ArrayD<f64>) -> EinsumLayer<f64> {
        EinsumLayer { equation: Equation::parse(text, 2).unwrap(), position, weights: Arc::new(weights), bias: None }
    }

    /// The equation, number by number: the sum over all positions of all labels.
    fn slow(text: &str, operands: &[&ArrayD<f64>]) -> ArrayD<f64> {
        let shapes: Vec<&[usize]> = operands.iter().map(|operand| operand.shape()).collect();
        let axes = Equation::parse(text, operands.len()).unwrap().axes(&shapes).unwrap();
        let mut lengths: BTreeMap<Label, usize> = BTreeMap::new();
        for (labels, shape) in axes.operands.iter().zip(&shapes) {
            for (&label, &length) in labels.iter().zip(*shape) {
                let longest = lengths.entry(label).or_default();
                *longest = (*longest).max(length);
            }
        }
        let all: Vec<Label> = lengths.keys().copied().collect();
        let mut output = ArrayD::zeros(IxDyn(&axes.shape));
        for place in ndarray::indices(lengths.values().copied().collect::<Vec<usize>>()) {
            let at = |label: &Label| place[all.iter().position(|other| other == label).unwrap()];
            let mut product = 1.0;
            for (labels, operand) in axes.operands.iter().zip(operands) {
                // Axes of length 1 are repeated.
                let position: Vec<usize> =
                    labels.iter().zip(operand.shape()).map(|(label, &length)| at(label).min(length - 1)).collect();
                product *= operand[position.as_slice()];
            }
            output[axes.output.iter().map(at).collect::<Vec<usize>>().as_slice()] += product;
        }
        output
    }

    #[test]
    fn products_are_those_of_plain_loops() {
        for (text, a, b) in PAIRS {
            let (a, b) = (numbers(a, 51), numbers(b, 52));
            let expected = slow(text, &[&a, &b]);
            assert_close(forward(&binary(text), &[a.clone(), b.clone()]).view(), expected.view(), text);
            let second = layer(text, Position::Second, b.clone());
            assert_close(forward(&second, std::slice::from_ref(&a)).view(), expected.view(), text);
            assert_close(forward(&layer(text, Position::First, a), &[b]).view(), expected.view(), text);
        }
        for (text, x) in [("ij->ji", &[2, 3][..]), ("bij->bj", &[2, 3, 4]), ("ij->", &[2, 3]), ("...i", &[2, 3, 4])] {
            let x = numbers(x, 53);
            let unary = EinsumSum { equation: Equation::parse(text, 1).unwrap() };
            let expected = slow(text, &[&x]);
            assert_close(forward(&unary, &[x]).view(), expected.view(), text);
        }
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for (text, a, b) in PAIRS {
            let (a, b) = (numbers(a, 54), numbers(b, 55));
            check_gradient(&binary(text), &[a.clone(), b.clone()]);
            check_gradient(&layer(text, Position::Second, b.clone()), std::slice::from_ref(&a));
            check_gradient(&layer(text, Position::First, a), &[b]);
        }
        for text in ["ijk->kij", "ijk->ik", "i...->..."] {
            check_gradient(&EinsumSum { equation: Equation::parse(text, 1).unwrap() }, &[numbers(&[2, 3, 4], 56)]);
        }
    }

    #[test]
    fn the_way_back_is_the_adjoint_for_each_part_of_the_weights() {
        let parts =
            [WeightPart::All, WeightPart::Positive, WeightPart::Negative, WeightPart::Ones, WeightPart::Squared];
        for (text, a, b) in PAIRS {
            let layer = layer(text, Position::Second, numbers(b, 57));
            let x = numbers(a, 58);
            for part in parts {
                let output = layer.apply(&[part], x.view()).remove(0);
                let message = numbers(output.shape(), 59);
                let lower = layer.transposed(&[(part, message.view())], x.shape());
                assert!(((output * &message).sum() - (lower * &x).sum()).abs() < 1e-11, "{text}, {part:?}");
            }
        }
    }

    #[test]
    fn a_dense_layer_gets_the_relevance_of_a_dense_layer() {
        let (x, weights, bias) = ([numbers(&[2, 3, 4], 60)], numbers(&[5, 4], 61), numbers(&[5], 62));
        let dense = Dense::new(
            weights.clone().into_dimensionality::<Ix2>().unwrap(),
            Some(bias.clone().into_dimensionality().unwrap()),
        );
        let (dense, bias) = (dense.unwrap(), Some(Arc::new(bias)));
        let spelled = EinsumLayer { bias, ..layer("btc,dc->btd", Position::Second, weights) };
        let y = forward(&dense, &x);
        assert_close(forward(&spelled, &x).view(), y.view(), "forward");
        let upper = numbers(y.shape(), 63);
        for rule in ["lrp-0", "epsilon=0.1", "alpha-beta=2", "z-plus", "gamma=0.25", "flat", "w-square", "even-bias"] {
            let rule: Rule = rule.parse().unwrap();
            let relevance =
                |operation: &dyn Operation<f64>| rule.redistribute(operation, &step(&x, &y), upper.view()).unwrap();
            let (found, expected) = (relevance(&spelled), relevance(&dense));
            for (found, expected) in found.lower[0].iter().zip(&expected.lower[0]) {
                assert!((found - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "{rule}: {found}, {expected}");
            }
            assert_eq!(found.sinks.unwrap().len(), expected.sinks.unwrap().len());
        }
    }

    #[test]
    fn what_the_factors_do_not_get_is_booked() {
        for (text, a, b) in PAIRS {
            for signal in [Signal::First, Signal::Second, Signal::Both] {
                let operands = [numbers(a, 64), numbers(b, 65)];
                let y = forward(&binary(text), &operands);
                let upper = numbers(y.shape(), 66);
                let stabilizer = Stabilizer::new(1e-6).unwrap();
                let shared = binary(text).redistribute(&step(&operands, &y), upper.view(), signal, stabilizer);
                let entry = booked(&upper, shared);
                assert!(entry.relative_error() < 1e-10, "{text}: {}", entry.relative_error());
            }
        }
    }

    #[test]
    fn what_is_constant_says_what_it_is() {
        let equation = |operands| {
            OperatorSpec::<f64>::new("Einsum", operands)
                .with_text("equation", if operands == 1 { "ij->i" } else { "ij,jk" })
        };
        let weights = Arc::new(numbers(&[3, 4], 67));
        let mut first = equation(2);
        first.inputs[0] = Input::Constant(Constant::Real(Arc::clone(&weights)));
        let mut second = equation(2);
        second.inputs[1] = Input::Constant(Constant::Real(Arc::clone(&weights)));
        let biased = second.clone().with_constant(Arc::new(numbers(&[4], 68)));
        let cases = [
            (equation(1).with_text("equation", "ij->ji"), Family::Arrangement, vec![0]),
            (equation(1), Family::Sum, vec![0]),
            (equation(2), Family::Bilinear, vec![0, 1]),
            (first, Family::Linear, vec![1]),
            (second, Family::Linear, vec![0]),
            (biased, Family::Linear, vec![0]),
        ];
        for (spec, family, operands) in cases {
            let parsed = read(&spec).unwrap();
            assert_eq!((parsed.operation.family(), parsed.operands), (family, operands));
            assert_eq!(parsed.operation.to_spec(), spec);
        }
        let message = |spec: &OperatorSpec<f64>| read(spec).unwrap_err().to_string();
        assert!(message(&equation(3).with_text("equation", "i,j,k->ijk")).contains("for 3 operands"));
        assert!(message(&equation(1).with_text("equation", "ii->i")).contains("diagonals"));
    }

    #[test]
    fn a_layer_followed_by_scale_and_shift_is_one_layer() {
        type Case = (&'static str, Position, &'static [usize], &'static [usize], &'static [usize]);
        let cases: [Case; 4] = [
            ("btc,dc->btd", Position::Second, &[2, 3, 4], &[5, 4], &[5]),
            ("btc,dc->bdt", Position::Second, &[2, 3, 4], &[5, 4], &[5, 1]),
            ("mk,...kn->...mn", Position::First, &[2, 3, 4], &[5, 3], &[5, 1]),
            ("bhtd,hde->bhte", Position::Second, &[2, 3, 2, 4], &[3, 4, 5], &[5]),
        ];
        for (text, position, input, weights, channels) in cases {
            let layer = layer(text, position, numbers(weights, 41));
            let (input, scale, shift) = (numbers(input, 42), numbers(channels, 43), numbers(channels, 44));
            let list = |values: &ArrayD<f64>| values.iter().copied().collect::<Vec<f64>>();
            let once = layer.followed_by(&list(&scale), &list(&shift)).unwrap();
            let twice = once.followed_by(&list(&scale), &list(&shift)).unwrap();
            let plain = forward(&layer, std::slice::from_ref(&input)) * &scale + &shift;
            assert_close(once.forward(&[input.view()]).view(), plain.view(), text);
            assert_close(twice.forward(&[input.view()]).view(), (plain * &scale + &shift).view(), text);
            let rank = once.output_shape(&[input.shape()]).unwrap().len();
            assert_eq!(once.channel_axis(rank), Some(rank - channels.len()), "{text}");
            assert!(layer.followed_by(&[1.0], &[0.0]).is_none());
        }
        let heads = layer("abc,cde->abde", Position::Second, numbers(&[4, 2, 3], 45));
        assert!(heads.followed_by(&[1.0; 2], &[0.0; 2]).is_none() && heads.channel_axis(4).is_none());
    }
}
