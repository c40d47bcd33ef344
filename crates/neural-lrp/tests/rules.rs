//! Each rule against plain loops straight from its formula, and the equations of what it loses; its text, which reads back
//! to the same rule.

use std::fmt::Debug;

use ndarray::{Array1, Array2, ArrayD, ArrayViewD, IxDyn, array};
use neural_lrp::operation::{OperatorSpec, Signal};
use neural_lrp::operations::{Dense, Relu, read};
use neural_lrp::rules::terms::AbsentSign;
use neural_lrp::rules::{
    AlphaBeta, AttentionConstant, Backward, Computed, ConservingZPlus, Deconvnet, Detached, Epsilon, EvenBias, Flat,
    Gamma, Gated, Gradient, Guided, InputRange, LrpZero, Norm, Pass, Proportional, Rearrange, Redistribute, Rule,
    Rules, SpreadConstant, Stop, Taylor, TiesShared, ToolboxPool, WSquare, WinnerTakesAll, WithoutBias, ZBox, ZPlus,
};
use neural_lrp::{Operation, Real, Redistribution, Step};
use proptest::collection::vec;
use proptest::prelude::*;
use relevance::{Amount, Sink, Stabilizer};

/// A dense layer with what goes in and the relevance that comes from above.
#[derive(Clone, Debug)]
struct Layer {
    w: Array2<f64>,
    b: Array1<f64>,
    x: Array1<f64>,
    upper: Array1<f64>,
}

impl Layer {
    /// `z_ij`
    fn contribution(&self, i: usize, j: usize) -> f64 {
        self.x[i] * self.w[[j, i]]
    }

    fn preactivation(&self, j: usize) -> f64 {
        (0..self.x.len()).map(|i| self.contribution(i, j)).sum::<f64>() + self.b[j]
    }

    fn down(&self, rule: &str) -> Redistribution<f64> {
        let dense = Dense::new(self.w.clone(), Some(self.b.clone())).unwrap();
        let row = |values: &Array1<f64>| values.clone().insert_axis(ndarray::Axis(0)).into_dyn();
        let (x, upper) = (row(&self.x), row(&self.upper));
        let z = dense.forward(&[x.view()]);
        let step = Step { operands: vec![x.view()], output: z.view() };
        rule.parse::<Rule>().unwrap().redistribute(&dense, &step, upper.view()).unwrap()
    }

    /// `R_i = Σ_j message(i, j)`, by plain loops.
    fn collect(&self, message: impl Fn(usize, usize) -> f64) -> ArrayD<f64> {
        let sum = |i| (0..self.upper.len()).map(|j| message(i, j)).sum::<f64>();
        Array1::from_iter((0..self.x.len()).map(sum)).insert_axis(ndarray::Axis(0)).into_dyn()
    }
}

/// Numbers of both signs, with zeros and ties among them.
fn numbers(count: usize) -> impl Strategy<Value = Vec<f64>> {
    vec(prop_oneof![Just(0.0), (-8i32..=8).prop_map(|value| f64::from(value) / 4.0), -2.0..2.0], count)
}

fn layers() -> impl Strategy<Value = Layer> {
    prop_oneof![Just((1, 1)), Just((3, 2)), Just((19, 4))].prop_flat_map(|(inputs, outputs)| {
        (numbers(inputs * outputs), numbers(outputs), numbers(inputs), numbers(outputs)).prop_map(
            move |(w, b, x, upper)| Layer {
                w: Array2::from_shape_vec((outputs, inputs), w).unwrap(),
                b: b.into(),
                x: x.into(),
                upper: upper.into(),
            },
        )
    })
}

fn stabilize(z: f64, epsilon: f64) -> f64 {
    if z < 0.0 { z - epsilon } else { z + epsilon }
}

/// `a / b`, where nothing comes of nothing.
fn share(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

fn assert_close(found: &ArrayD<f64>, wanted: &ArrayD<f64>) {
    let scale = wanted.iter().fold(1.0, |scale: f64, value| scale.max(value.abs()));
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() <= 1e-9 * scale, "{found} instead of {wanted}");
    }
}

fn sink(down: &Redistribution<f64>, sink: Sink) -> f64 {
    let sinks = down.sinks.as_ref().unwrap();
    sinks.iter().find(|(name, _)| *name == sink).map_or(0.0, |(_, amount)| amount.total)
}

proptest! {
    #[test]
    fn lrp_0_and_epsilon_are_their_formulas(layer in layers()) {
        for (rule, epsilon) in [("lrp-0", 0.0), ("epsilon=0.01", 0.01), ("epsilon=100", 100.0)] {
            let down = layer.down(rule);
            let message = |i, j| share(layer.contribution(i, j), stabilize(layer.preactivation(j), epsilon)) * layer.upper[j];
            assert_close(&down.lower[0], &layer.collect(message));
            // Eqs 57 and 59: what the bias and the stabilizer keep.
            let kept = |part: &dyn Fn(usize) -> f64| -> f64 {
                let quotient = |j| share(layer.upper[j], stabilize(layer.preactivation(j), epsilon));
                (0..layer.upper.len()).map(|j| part(j) * quotient(j)).sum()
            };
            let (bias, stabilizer) = (kept(&|j| layer.b[j]), kept(&|j| if layer.preactivation(j) < 0.0 { -epsilon } else { epsilon }));
            prop_assert!((sink(&down, Sink::Bias) - bias).abs() <= 1e-9 * (1.0 + bias.abs()));
            prop_assert!((sink(&down, Sink::Stabilizer) - stabilizer).abs() <= 1e-9 * (1.0 + stabilizer.abs()));
        }
    }

    #[test]
    fn alpha_beta_is_its_formula(layer in layers(), alpha in 0.5..3.0f64) {
        let parts = |j: usize, sign: f64| {
            let part = |value: f64| (value * sign).max(0.0) * sign;
            (0..layer.x.len()).map(|i| part(layer.contribution(i, j))).sum::<f64>() + part(layer.b[j])
        };
        let message = |i, j| {
            let z = layer.contribution(i, j);
            let positive = share(z.max(0.0), stabilize(parts(j, 1.0), 1e-6));
            let negative = share(z.min(0.0), stabilize(parts(j, -1.0), 1e-6));
            (alpha * positive + (1.0 - alpha) * negative) * layer.upper[j]
        };
        let down = layer.down(&format!("alpha-beta={alpha}"));
        assert_close(&down.lower[0], &layer.collect(message));
        // Eq. 61: what the bias's parts keep.
        let kept: f64 = (0..layer.upper.len()).map(|j| {
            let (positive, negative) = (share(layer.b[j].max(0.0), stabilize(parts(j, 1.0), 1e-6)), share(layer.b[j].min(0.0), stabilize(parts(j, -1.0), 1e-6)));
            (alpha * positive + (1.0 - alpha) * negative) * layer.upper[j]
        }).sum();
        prop_assert!((sink(&down, Sink::Bias) - kept).abs() <= 1e-9 * (1.0 + kept.abs()));
    }

    #[test]
    fn renormalizing_leaves_no_share_to_an_absent_sign(layer in layers()) {
        let down = layer.down("alpha-beta=2,renormalize");
        let nothing_there = |j: usize| (0..layer.x.len()).all(|i| layer.contribution(i, j) == 0.0) && layer.b[j] == 0.0;
        let lost: f64 = (0..layer.upper.len()).filter(|&j| nothing_there(j)).map(|j| layer.upper[j]).sum();
        prop_assert!((sink(&down, Sink::AbsentSign) - lost).abs() <= 1e-9);
    }

    #[test]
    fn gamma_is_its_formula(layer in layers(), gamma in 0.0..2.0f64) {
        let message = |i: usize, j: usize| {
            let sign = layer.preactivation(j);
            let favored = |value: f64| value + gamma * if sign > 0.0 { value.max(0.0) } else { value.min(0.0) };
            let sum = (0..layer.x.len()).map(|i| favored(layer.contribution(i, j))).sum::<f64>() + favored(layer.b[j]);
            if sign == 0.0 { 0.0 } else { favored(layer.contribution(i, j)) / stabilize(sum, 1e-6) * layer.upper[j] }
        };
        // An output whose terms cancel has a sign that is rounding's.
        prop_assume!((0..layer.upper.len()).all(|j| layer.preactivation(j) == 0.0 || layer.preactivation(j).abs() > 1e-9));
        assert_close(&layer.down(&format!("gamma={gamma}")).lower[0], &layer.collect(message));
    }

    #[test]
    fn flat_and_w_square_do_not_look_at_the_input(layer in layers()) {
        let inputs = layer.x.len() as f64;
        assert_close(&layer.down("flat").lower[0], &layer.collect(|_, j| layer.upper[j] / (inputs + 1e-6)));
        let squares = |j| (0..layer.x.len()).map(|i| layer.w[[j, i]].powi(2)).sum::<f64>() + layer.b[j].powi(2);
        let message = |i, j: usize| layer.w[[j, i]].powi(2) / (squares(j) + 1e-6) * layer.upper[j];
        assert_close(&layer.down("w-square").lower[0], &layer.collect(message));
    }

    #[test]
    fn z_box_is_its_formula(layer in layers()) {
        let (low, high) = (-2.0, 2.5);
        let part = |i: usize, j: usize| {
            let w = layer.w[[j, i]];
            layer.contribution(i, j) - low * w.max(0.0) - high * w.min(0.0)
        };
        let message = |i, j| {
            let sum: f64 = (0..layer.x.len()).map(|i| part(i, j)).sum();
            part(i, j) / stabilize(sum, 1e-6) * layer.upper[j]
        };
        assert_close(&layer.down("z-box=-2,2.5").lower[0], &layer.collect(message));
    }

    #[test]
    fn an_even_bias_loses_nothing(layer in layers(), epsilon in prop_oneof![Just(0.0), Just(0.01)]) {
        let down = layer.down(&format!("even-bias={epsilon}"));
        let inputs = layer.x.len() as f64;
        let message = |i, j| {
            let z = layer.preactivation(j);
            let rest = (layer.b[j] + stabilize(z, epsilon) - z) / inputs;
            share(layer.contribution(i, j) + rest, stabilize(z, epsilon)) * layer.upper[j]
        };
        assert_close(&down.lower[0], &layer.collect(message));
        prop_assert_eq!(sink(&down, Sink::Bias), 0.0);
        prop_assert_eq!(sink(&down, Sink::Stabilizer), 0.0);
    }

    #[test]
    fn without_bias_contributions_share_everything(layer in layers()) {
        let activating = |i, j| layer.contribution(i, j).max(0.0);
        let sum = |j| (0..layer.x.len()).map(|i| activating(i, j)).sum::<f64>();
        let down = layer.down("without-bias=z-plus");
        assert_close(&down.lower[0], &layer.collect(|i, j| activating(i, j) / (sum(j) + 1e-6) * layer.upper[j]));
        prop_assert_eq!(sink(&down, Sink::Bias), 0.0);
        // The sign of an output stays that of the output with its bias, as in zennit.
        let message = |i: usize, j: usize| {
            let sign = layer.preactivation(j);
            let favored = |value: f64| value + 0.25 * if sign > 0.0 { value.max(0.0) } else { value.min(0.0) };
            let sum = (0..layer.x.len()).map(|i| favored(layer.contribution(i, j))).sum::<f64>();
            if sign == 0.0 { 0.0 } else { favored(layer.contribution(i, j)) / stabilize(sum, 1e-6) * layer.upper[j] }
        };
        prop_assume!((0..layer.upper.len()).all(|j| layer.preactivation(j) == 0.0 || layer.preactivation(j).abs() > 1e-9));
        assert_close(&layer.down("without-bias=gamma=0.25").lower[0], &layer.collect(message));
    }

    #[test]
    fn conserving_z_plus_hands_down_all_of_each_sign(layer in layers()) {
        let activating = |i, j| layer.contribution(i, j).max(0.0);
        let share = |i: usize, j: usize| {
            let sum: f64 = (0..layer.x.len()).map(|i| activating(i, j)).sum::<f64>() + layer.b[j].max(0.0);
            activating(i, j) / (sum + 1e-6) * layer.upper[j]
        };
        let down = layer.down("conserving-z-plus");
        let mut expected = ArrayD::zeros(down.lower[0].raw_dim());
        let mut reaches_inputs = true;
        for sign in [1.0, -1.0] {
            let of_sign = |j: usize| if layer.upper[j] * sign > 0.0 { 1.0 } else { 0.0 };
            let whole: f64 = (0..layer.upper.len()).map(|j| of_sign(j) * layer.upper[j]).sum();
            let part = layer.collect(|i, j| of_sign(j) * share(i, j));
            reaches_inputs &= whole == 0.0 || part.sum() != 0.0;
            let enlarged = if part.sum() == 0.0 { part } else { &part * (whole / part.sum()) };
            expected += &enlarged;
        }
        assert_close(&down.lower[0], &expected);
        let sunk: f64 = down.sinks.iter().flatten().map(|(_, amount)| amount.total).sum();
        let whole: f64 = layer.upper.iter().sum();
        prop_assert!((down.lower[0].sum() + sunk - whole).abs() <= 1e-9 * (1.0 + whole.abs()));
prop_assert!(!reaches_inputs || sunk == 0.0);
    }

    #[test]
    fn z_plus_is_alpha_beta_with_alpha_1(layer in layers()) {
        prop_assert_eq!(&layer.down("z-plus").lower[0], &layer.down("alpha-beta=1").lower[0]);
    }
}

#[test]
fn relevance_ends_in_truth_values_and_positions() {
    let operands = [array![[1.0, 3.0, 2.0]].into_dyn(), array![[2.0, 2.0, 2.0]].into_dyn()];
    for (kind, taken) in [("Greater", 2), ("Not", 1), ("ArgMax", 1), ("Hardmax", 1)] {
        let spec = OperatorSpec::<f64>::new(kind, taken).with_integer("axis", 1);
        let operation = read(&spec).unwrap().operation;
        let operands: Vec<_> = operands[..taken].iter().map(|operand| operand.view()).collect();
        let output = operation.forward(&operands);
        let step = Step { operands: operands.clone(), output: output.view() };
        let upper = output.mapv(|y| y - 0.25);
        let handed = Rule::from(Stop).redistribute(&*operation, &step, upper.view()).unwrap();
        let nothing = operands.iter().map(|operand| operand.mapv(|_| 0.0)).collect::<Vec<_>>();
        assert_eq!(handed.lower, nothing, "{kind}");
        assert_eq!(handed.sinks.unwrap(), [(Sink::Decision, upper.iter().collect::<Amount>())], "{kind}");
        assert!(operation.gradient(&step, upper.view()).iter().flatten().all(|&slope| slope == 0.0), "{kind}");
    }
    assert!(Rule::from(Stop).applies_to::<f64>(&Relu).unwrap_err().to_string().contains("truth values"));
}

#[test]
fn two_weights_and_a_bias() {
    let layer = Layer { w: array![[1.0, -1.0]], b: array![-1.0], x: array![1.0, 1.0], upper: array![-1.0] };
    assert!((&layer.down("alpha-beta=1").lower[0] - &array![[-1.0, 0.0]]).iter().all(|error| error.abs() < 1e-5));
    assert!((&layer.down("alpha-beta=2").lower[0] - &array![[-2.0, 0.5]]).iter().all(|error| error.abs() < 1e-5));
}

#[test]
fn the_sign_of_zero_is_positive() {
    // z = 1 − 1 = 0: the denominator is +ε, not −ε or 0.
    let layer = Layer { w: array![[1.0, -1.0]], b: array![0.0], x: array![1.0, 1.0], upper: array![0.5] };
    assert_eq!(layer.down("epsilon=0.5").lower[0], array![[1.0, -1.0]].into_dyn());
    assert_eq!(sink(&layer.down("epsilon=0.5"), Sink::Stabilizer), 0.5);
    assert_eq!(sink(&layer.down("lrp-0"), Sink::ZeroDenominator), 0.5);
}

#[test]
fn what_rounding_leaves_is_nothing_to_share_by() {
    // 0.1 + 0.2 − 0.3 is 5.6e-17: shares of 1e16 would cancel in each input, with nothing to show for it.
    let (w, x) = (array![[0.1, 0.2], [0.5, 0.0]], array![1.0, 1.0]);
    let layer = Layer { w, b: array![-0.3, -0.25], x, upper: array![0.5, 2.0] };
    assert_ne!(layer.preactivation(0), 0.0);
    assert_eq!(sink(&layer.down("even-bias"), Sink::ZeroDenominator), 0.5);
    assert_eq!(layer.down("even-bias").lower[0], array![[3.0, -1.0]].into_dyn());
}

/// The rule that its text gives is the rule itself, to the last bit.
fn comes_back<R: Redistribute + PartialEq + Clone + Debug>(rule: R) -> &'static str
where
    Rule: From<R>,
{
    let text = Rule::from(rule.clone()).to_string();
    let read: Rule = text.parse().unwrap();
    assert_eq!(read.downcast_ref(), Some(&rule), "{text}");
    assert_eq!(read, rule.into());
    R::NAME
}

/// Any finite numbers of both signs.
fn any_number() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
}

/// Bounds in all the shapes that inputs have.
fn ranges() -> impl Strategy<Value = InputRange> {
    let shapes =
        [vec![], vec![1], vec![3], vec![3, 1, 1], vec![1, 1, 1], vec![2, 3], vec![1, 3, 1, 1], vec![2, 1, 1, 3]];
    proptest::sample::select(shapes.to_vec()).prop_flat_map(|shape| {
        let count = shape.iter().product::<usize>();
        (vec(any_number(), count), vec(any_number(), count)).prop_map(move |(one, other)| {
            let bound = |choose: fn(f64, f64) -> f64| {
                let numbers = one.iter().zip(&other).map(|(&one, &other)| choose(one, other)).collect();
                ArrayD::from_shape_vec(IxDyn(&shape), numbers).unwrap()
            };
            InputRange::new(bound(f64::min), bound(f64::max)).unwrap()
        })
    })
}

proptest! {
    #[test]
    fn every_rule_comes_back_from_its_text(
        number in any_number(),
        share in -1e3..1e3f64,
        range in ranges(),
        renormalize in any::<bool>(),
        signal in 0..3usize,
    ) {
        let stabilizer = Stabilizer::new(number.abs()).unwrap();
        let absent_sign = if renormalize { AbsentSign::Renormalized } else { AbsentSign::Booked };
        let alpha_beta = AlphaBeta::new(share, 1.0 - share).unwrap();
        let signal = [Signal::First, Signal::Second, Signal::Both][signal];
        let names = [
            comes_back(LrpZero),
            comes_back(Epsilon { stabilizer }),
            comes_back(alpha_beta.absent_sign(absent_sign).stabilizer(stabilizer)),
            comes_back(ZPlus { stabilizer }),
            comes_back(ConservingZPlus { stabilizer }),
            comes_back(Gamma::new(number.abs()).unwrap()),
            comes_back(Flat { stabilizer }),
            comes_back(WSquare { stabilizer }),
            comes_back(ZBox { range: Some(range) }),
            comes_back(EvenBias { stabilizer }),
            comes_back(WithoutBias::new(alpha_beta.stabilizer(stabilizer).into()).unwrap()),
            comes_back(Norm { stabilizer }),
            comes_back(Pass),
            comes_back(Detached { stabilizer }),
            comes_back(Rearrange),
            comes_back(SpreadConstant { computed: Some(Computed::Second), stabilizer: Some(stabilizer) }),
            comes_back(Stop),
            comes_back(WinnerTakesAll),
            comes_back(TiesShared),
            comes_back(Proportional { stabilizer }),
            comes_back(Gated { signal, stabilizer }),
            comes_back(AttentionConstant { stabilizer: Some(stabilizer) }),
            comes_back(Taylor { stabilizer }),
            comes_back(ToolboxPool::Epsilon(stabilizer)),
            comes_back(Gradient),
            comes_back(Guided),
            comes_back(Deconvnet),
        ];
        prop_assert_eq!(&names, Rule::NAMES);
        comes_back(ToolboxPool::AlphaBeta { alpha: number });
        comes_back(ToolboxPool::Flat);
        comes_back(Flat::default());
        comes_back(WSquare::default());
        comes_back(WithoutBias::new(ZPlus { stabilizer }.into()).unwrap());
        comes_back(ZBox { range: None });
        comes_back(alpha_beta);
        comes_back(AttentionConstant { stabilizer: None });
        comes_back(SpreadConstant { computed: None, stabilizer: Some(stabilizer) });
        comes_back(SpreadConstant { computed: Some(Computed::First), stabilizer: None });
    }
}

#[test]
fn bounds_are_written_as_people_write_them() {
    let channels = |values: [f64; 3]| ArrayD::from_shape_vec(vec![3, 1, 1], values.to_vec()).unwrap();
    let range = InputRange::new(channels([-2.1, -2.0, -1.8]), channels([2.2, 2.4, 2.6])).unwrap();
    let rule = Rule::from(ZBox { range: Some(range) });
    assert_eq!(rule.to_string(), "z-box=[-2.1 -2 -1.8],[2.2 2.4 2.6]");
    assert_eq!("z-box=-1,[1 1 1]".parse::<Rule>().unwrap().to_string(), "z-box=-1,[1 1 1]");
    assert_eq!("z-box=[2: 0 0],[2: 1 1]".parse::<Rule>().unwrap().to_string(), "z-box=[2: 0 0],[2: 1 1]");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for (text, reason) in [
        ("epsilonn", "there are lrp-0, epsilon"),
        ("epsilon=-1", "-1"),
        ("flat=-1", "-1"),
        ("pass=1", "no settings"),
        ("gamma=-1", "at least 0"),
        ("gamma", "gamma=0.25"),
        ("alpha-beta=2,-1", "alpha-beta=2,epsilon=0.01,renormalize"),
        ("alpha-beta=inf", "no number"),
        ("alpha-beta=2,epsilon=-1", "-1"),
        ("z-box=1", "z-box=-1,1"),
        ("z-box=2,1", "nowhere above"),
        ("z-box=[1 2],[1 2 3]", "fit each other"),
        ("z-box=[2x2: 1 2 3],4", "another count"),
        ("z-box=[ax2: 1 2 3],4", "should be lengths"),
        ("z-box=[99999999999x99999999999: 1],4", "another count"),
        ("z-box=[1 2,4", "\"[1 2\""),
        ("without-bias", "without-bias=z-plus"),
        ("without-bias=flat", "flat does not"),
        ("without-bias=even-bias", "even-bias does not"),
        ("without-bias=pass", "pass does not"),
        ("without-bias=without-bias=z-plus", "without-bias=z-plus does not"),
        ("without-bias=gamma=-1", "at least 0"),
    ] {
        let error = text.parse::<Rule>().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    assert!(Gamma::new(f64::NAN).is_err() && Gamma::new(-1.0).is_err());
    assert!(AlphaBeta::new(f64::NAN, 1.0).is_err() && AlphaBeta::new(f64::INFINITY, f64::NEG_INFINITY).is_err());
}

#[test]
fn a_rule_that_is_not_complete_computes_nothing() {
    let rule: Rule = "z-box".parse().unwrap();
    let dense = Dense::new(array![[1.0, 2.0]], None).unwrap();
    let (x, z) = (array![[1.0, 1.0]].into_dyn(), array![[3.0]].into_dyn());
    let step = Step { operands: vec![x.view()], output: z.view() };
    rule.applies_to::<f64>(&dense).unwrap();
    assert!(rule.redistribute(&dense, &step, z.view()).unwrap_err().to_string().contains("z-box=-1,1"));
}

/// A rule of one's own that is no sum of terms: a part of the relevance passes.
#[derive(Clone, Debug, PartialEq)]
struct Fading(f64);

impl Redistribute for Fading {
    const NAME: &'static str = "fading";

    fn parse(arguments: &[&str]) -> Result<Self, String> {
        match arguments {
            [part] => part.parse().map(Self).map_err(|_| format!("{part:?} is no part")),
            _ => Err("it takes the part that passes, as in fading=0.5".into()),
        }
    }

    fn arguments(&self) -> Vec<String> {
        vec![self.0.to_string()]
    }

    fn at<'a, F: Real>(&self, operation: &'a dyn Operation<F>) -> Result<Backward<'a, F>, String> {
        if !operation.is_rectifier() {
            return Err("it is for rectifiers".into());
        }
        let part = F::of(self.0);
        Ok(Box::new(move |_, upper| Ok(Redistribution::gradient(vec![upper.mapv(|upper| upper * part)]))))
    }
}

#[test]
fn a_rule_of_ones_own_is_a_rule_like_any_other() {
    fn down<F: Real>(rule: &Rule, upper: ArrayViewD<'_, F>) -> ArrayD<F> {
        let step = Step { operands: vec![upper.view()], output: upper.view() };
        rule.redistribute(&Relu, &step, upper.view()).unwrap().lower.remove(0)
    }
    let rules = Rules::new().with::<Fading>();
    let rule = rules.parse("fading=0.5").unwrap();
    assert_eq!((rule.name(), rule.to_string().as_str()), ("fading", "fading=0.5"));
    assert_eq!(rule, Rule::new(Fading(0.5)));
    assert_eq!(rule.downcast_ref(), Some(&Fading(0.5)));
    assert_eq!(down(&rule, array![2.0f32].into_dyn().view()), array![1.0f32].into_dyn());
    assert_eq!(down(&rule, array![2.0f64].into_dyn().view()), array![1.0f64].into_dyn());
    let dense = Dense::<f64>::new(array![[1.0]], None).unwrap();
    assert!(rule.applies_to::<f64>(&dense).unwrap_err().to_string().contains("fading=0.5"));
    assert!(rules.parse("fading").unwrap_err().to_string().contains("fading=0.5"));
    assert!(rules.parse("fadin").unwrap_err().to_string().contains("fading"));
    assert!("fading=0.5".parse::<Rule>().is_err());
    assert_eq!(rules.names().count(), Rule::NAMES.len() + 1);
    assert_eq!(rules.with::<Fading>().names().count(), Rule::NAMES.len() + 1);
}
