//! Every operation that has a window, against the slow twin: a table of cases, and cases at random.

use ndarray::{Array1, ArrayD, IxDyn};
use proptest::prelude::*;

use crate::operation::OperatorSpec;
use crate::operations::testing::{assert_close, forward, numbers, step};
use crate::operations::window::twin::{Axis, Case, cases};
use crate::operations::{Conv, Padding, Rounding, Window, read};
use crate::{Operation, WeightPart};

/// Who can have a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    All,
    /// It has positions where it sees the padding alone: a convolution gives its bias there, a pooling has nothing.
    Convolutions,
}
use For::{All, Convolutions};

/// The cases: what they show, the lengths of the input, for each axis of the window kernel, stride, dilation and padding
/// before and after, `auto_pad` and `ceil_mode`; and the lengths of the output.
///
/// The lengths were found by hand, and are those that onnx 1.23.2 infers. With `auto_pad` of VALID, `ceil_mode` counts as
/// it does for `pads` of 0: so say onnx's inference and onnxruntime, against the formula in ONNX's text.
type Row = (&'static str, &'static [usize], &'static [[i64; 5]], &'static str, bool, For, &'static [usize]);

const TABLE: &[Row] = &[
    ("step by step", &[5], &[[3, 1, 1, 0, 0]], "NOTSET", false, All, &[3]),
    ("a single number", &[1], &[[1, 1, 1, 0, 0]], "NOTSET", false, All, &[1]),
    ("a kernel as long as the input", &[3], &[[3, 2, 1, 0, 0]], "NOTSET", false, All, &[1]),
    ("strides that leave a rest", &[7], &[[2, 3, 1, 0, 0]], "NOTSET", false, All, &[2]),
    ("strides over numbers that nobody sees", &[8], &[[1, 3, 1, 0, 0]], "NOTSET", false, All, &[3]),
    ("more padding before than after", &[4], &[[3, 1, 1, 2, 1]], "NOTSET", false, All, &[5]),
    ("more padding after than before", &[4], &[[3, 2, 1, 0, 2]], "NOTSET", false, All, &[2]),
    ("dilations", &[7], &[[3, 1, 2, 0, 0]], "NOTSET", false, All, &[3]),
    ("dilations that begin in the padding", &[6], &[[3, 1, 2, 2, 1]], "NOTSET", false, All, &[5]),
    ("dilations longer than the input", &[4], &[[2, 1, 3, 3, 2]], "NOTSET", false, All, &[6]),
    ("strides and dilations", &[9], &[[3, 2, 3, 1, 2]], "NOTSET", false, All, &[3]),
    ("a kernel longer than the input", &[2], &[[4, 1, 1, 2, 1]], "NOTSET", false, All, &[2]),
    ("windows in the padding alone", &[3], &[[3, 2, 1, 5, 4]], "NOTSET", false, Convolutions, &[5]),
    ("taps around the whole input", &[2], &[[2, 1, 4, 2, 2]], "NOTSET", false, Convolutions, &[2]),
    ("ceil: a last window that is cut", &[6], &[[3, 2, 1, 0, 0]], "NOTSET", true, All, &[3]),
    ("ceil: windows that fit", &[7], &[[3, 2, 1, 0, 0]], "NOTSET", true, All, &[3]),
    ("ceil: a last window that would begin in the padding", &[5], &[[2, 3, 1, 1, 1]], "NOTSET", true, All, &[2]),
    ("ceil: a last window that would begin beyond the input", &[3], &[[1, 3, 1, 0, 0]], "NOTSET", true, All, &[1]),
    ("ceil: a window longer than the input", &[3], &[[4, 2, 1, 0, 0]], "NOTSET", true, All, &[1]),
    ("ceil: dilations and padding", &[6], &[[3, 2, 2, 2, 1]], "NOTSET", true, All, &[3]),
    ("SAME_UPPER: the odd zero comes last", &[6], &[[3, 2, 1, 0, 0]], "SAME_UPPER", false, All, &[3]),
    ("SAME_LOWER: the odd zero comes first", &[6], &[[3, 2, 1, 0, 0]], "SAME_LOWER", false, All, &[3]),
    ("SAME_UPPER: an even kernel", &[5], &[[2, 1, 1, 0, 0]], "SAME_UPPER", false, All, &[5]),
    ("SAME_LOWER: an even kernel", &[5], &[[2, 1, 1, 0, 0]], "SAME_LOWER", false, All, &[5]),
    ("SAME_UPPER: strides and dilations", &[7], &[[3, 2, 2, 0, 0]], "SAME_UPPER", false, All, &[4]),
    ("SAME_LOWER: strides and dilations", &[6], &[[3, 2, 2, 0, 0]], "SAME_LOWER", false, All, &[3]),
    ("SAME_UPPER: strides longer than the kernel", &[7], &[[1, 3, 1, 0, 0]], "SAME_UPPER", false, All, &[3]),
    ("SAME_LOWER: strides that need no padding", &[6], &[[2, 3, 1, 0, 0]], "SAME_LOWER", false, All, &[2]),
    ("SAME_UPPER: ceil changes nothing", &[6], &[[3, 4, 1, 0, 0]], "SAME_UPPER", true, All, &[2]),
    ("SAME_LOWER: a kernel longer than the input", &[2], &[[4, 1, 1, 0, 0]], "SAME_LOWER", false, All, &[2]),
    ("VALID: whole windows", &[6], &[[3, 2, 1, 0, 0]], "VALID", false, All, &[2]),
    ("VALID: ceil, a last window that is cut", &[6], &[[3, 2, 1, 0, 0]], "VALID", true, All, &[3]),
    ("VALID: dilations", &[9], &[[3, 2, 3, 0, 0]], "VALID", false, All, &[2]),
    ("rows and columns", &[4, 3], &[[3, 1, 1, 0, 2], [3, 1, 1, 1, 0]], "NOTSET", false, All, &[4, 2]),
    ("pixel by pixel", &[3, 2], &[[1, 1, 1, 0, 0], [1, 1, 1, 0, 0]], "NOTSET", false, All, &[3, 2]),
    ("images: ceil", &[3, 4], &[[2, 1, 2, 1, 1], [2, 2, 1, 0, 1]], "NOTSET", true, All, &[3, 2]),
    ("images: ceil, cut on both axes", &[6, 5], &[[3, 2, 1, 0, 0], [2, 2, 1, 0, 0]], "NOTSET", true, All, &[3, 3]),
    ("images: SAME_LOWER", &[5, 4], &[[3, 2, 1, 0, 0], [2, 1, 2, 0, 0]], "SAME_LOWER", false, All, &[3, 4]),
    ("volumes", &[3, 2, 4], &[[2, 1, 1, 1, 0], [1, 2, 1, 0, 0], [3, 1, 1, 0, 1]], "NOTSET", false, All, &[3, 1, 3]),
    (
        "volumes: ceil",
        &[4, 3, 5],
        &[[3, 2, 1, 1, 0], [2, 2, 1, 0, 0], [2, 3, 2, 1, 1]],
        "NOTSET",
        true,
        All,
        &[2, 2, 2],
    ),
    (
        "volumes: SAME_UPPER",
        &[3, 4, 2],
        &[[2, 2, 1, 0, 0], [3, 3, 1, 0, 0], [2, 1, 1, 0, 0]],
        "SAME_UPPER",
        false,
        All,
        &[2, 2, 2],
    ),
];

/// The rows of the table: name, case, who can have it, the lengths of the output.
fn table() -> impl Iterator<Item = (&'static str, Case, For, &'static [usize])> {
    TABLE.iter().map(|&(name, lengths, axes, auto_pad, ceil, who, outputs)| {
        let axis =
            |&[kernel, stride, dilation, before, after]: &[i64; 5]| Axis { kernel, stride, dilation, before, after };
        let axes = axes.iter().map(axis).collect();
        (name, Case { lengths: lengths.to_vec(), axes, auto_pad, ceil }, who, outputs)
    })
}

/// What an output is, of the number of taps with the padding and the numbers inside.
type Formula = Box<dyn Fn(usize, &[f64]) -> f64>;

/// The poolings of a case, each with its formula.
fn poolings(case: &Case) -> Vec<(OperatorSpec<f64>, Formula)> {
    let mean = |counted: i64| -> (OperatorSpec<f64>, Formula) {
        let spec = case.spec("AveragePool").with_integer("count_include_pad", counted);
        (spec, Box::new(move |padded, x| sum(x) / if counted == 1 { padded } else { x.len() } as f64))
    };
    let norm = |p: i32| -> (OperatorSpec<f64>, Formula) {
        let spec = case.spec("LpPool").with_integer("p", i64::from(p));
        (spec, Box::new(move |_, x| x.iter().map(|x| x.abs().powi(p)).sum::<f64>().powf(1.0 / f64::from(p))))
    };
    let root = (case.taps() as f64).sqrt();
    vec![
        (case.spec("MaxPool"), Box::new(|_, x| x.iter().copied().fold(f64::NEG_INFINITY, f64::max))),
        mean(0),
        mean(1),
        norm(1),
        norm(2),
        norm(3),
        (case.spec("SumPool"), Box::new(move |_, x| sum(x) / root)),
    ]
}

fn sum(x: &[f64]) -> f64 {
    x.iter().sum()
}

fn dot(left: &ArrayD<f64>, right: &ArrayD<f64>) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

fn assert_same(left: f64, right: f64, what: &str) {
    assert!((left - right).abs() <= 1e-10 * (1.0 + left.abs()), "{what}: {left} {right}");
}

/// Each pooling is what the twin says, and its gradient the adjoint: poolings are linear or homogeneous of degree one,
/// so that `⟨y, f(x)⟩ = ⟨Jᵀ y, x⟩`.
fn check_poolings(case: &Case) {
    for (spec, formula) in poolings(case) {
        let what = format!("{} {case:?}", spec.kind);
        let Ok(parsed) = read(&spec) else {
            assert!(!case.is_for_pools(), "{what}");
            continue;
        };
        let pool = parsed.operation;
        let input = [case.input(3)];
        if !case.is_for_pools() {
            assert!(pool.output_shape(&[input[0].shape()]).is_err(), "{what}");
            continue;
        }
        let output = forward(&*pool, &input);
        assert_close(output.view(), case.pooled(&input[0], formula).view(), &what);
        let upper = numbers(output.shape(), 4);
        let lower = pool.gradient(&step(&input, &output), upper.view()).remove(0);
        assert_same(dot(&upper, &output), dot(&lower, &input[0]), &what);
        if spec.kind == "AveragePool" || spec.kind == "SumPool" {
            let other = [numbers(input[0].shape(), 5)];
            assert_same(dot(&upper, &forward(&*pool, &other)), dot(&lower, &other[0]), &what);
        }
        let again = read(&pool.to_spec()).unwrap().operation;
        assert_eq!(forward(&*again, &input), output, "{what}");
    }
}

/// The groups of a convolution, and the channels of the input and of the output in each: products, and planes.
const CHANNELS: [(usize, usize, usize); 3] = [(1, 2, 3), (2, 2, 1), (2, 1, 2)];

/// The window, cut as a convolution has it.
fn whole(case: &Case) -> Case {
    Case { ceil: false, ..case.clone() }
}

/// Convolutions are what the twin says, the way back is their adjoint, and so is the transposed convolution.
fn check_convolutions(case: &Case) {
    let case = whole(case);
    for (groups, from, to) in CHANNELS {
        let what = format!("{groups} groups, {from} → {to}: {case:?}");
        let kernel = case.axes.iter().map(|axis| axis.kernel as usize);
        let shape: Vec<usize> = [groups * to, from].into_iter().chain(kernel).collect();
        let (weights, bias) = (numbers(&shape, 1), numbers(&[groups * to], 2));
        let spec = case.spec("Conv").with_integer("group", groups as i64);
        let spec = spec.with_constant(weights.clone().into()).with_constant(bias.clone().into());
        let conv = read(&spec).unwrap().operation;
        let input = [numbers(&[&[2, groups * from], case.lengths.as_slice()].concat(), 3)];
        let Some(lengths) = case.outputs() else {
            assert!(conv.output_shape(&[input[0].shape()]).is_err(), "{what}");
            continue;
        };
        let shape = [&[2, groups * to], lengths.as_slice()].concat();
        let output = forward(&*conv, &input);
        assert_close(output.view(), convolved(&case, &weights, &bias, from, &input[0], &shape).view(), &what);

        let (linear, upper) = (conv.linear().unwrap(), numbers(&shape, 4));
        let product = linear.apply(&[WeightPart::All], input[0].view()).remove(0);
        let lower = linear.transposed(&[(WeightPart::All, upper.view())], input[0].shape());
        assert_same(dot(&upper, &product), dot(&lower, &input[0]), &what);
        assert_eq!(conv.gradient(&step(&input, &output), upper.view()).remove(0), lower, "{what}");
        if let Some(transposed) = transposed(&case, groups, &weights) {
            let transposed = read(&transposed).unwrap().operation;
            assert_eq!(forward(&*transposed, &[upper]), lower, "{what}");
        }
    }
}

/// `z_m(o) = Σ_c Σ_k w_mc(k) x_c(…) + b_m`, by loops over everything.
fn convolved(
    case: &Case,
    weights: &ArrayD<f64>,
    bias: &ArrayD<f64>,
    from: usize,
    input: &ArrayD<f64>,
    shape: &[usize],
) -> ArrayD<f64> {
    let (seen, taps, plane) = (case.seen(), case.taps(), case.lengths.iter().product::<usize>());
    let (channels, weights, x) = (input.shape()[1], weights.as_slice().unwrap(), input.as_slice().unwrap());
    let to = shape[1] / (channels / from);
    let mut output = Vec::new();
    for sample in 0..shape[0] {
        for m in 0..shape[1] {
            for seen in &seen {
                let terms = (0..from).flat_map(|c| seen.taps.iter().map(move |&(tap, position)| (c, tap, position)));
                let term = |(c, tap, position): (usize, usize, usize)| {
                    let channel = sample * channels + m / to * from + c;
                    weights[(m * from + c) * taps + tap] * x[channel * plane + position]
                };
                output.push(terms.map(term).sum::<f64>() + bias[[m]]);
            }
        }
    }
    ArrayD::from_shape_vec(IxDyn(shape), output).unwrap()
}

/// The transposed convolution of the same window and weights, where the padding is given: ONNX's length of its output,
/// and as much more as the convolution's strides left over.
fn transposed(case: &Case, groups: usize, weights: &ArrayD<f64>) -> Option<OperatorSpec<f64>> {
    let rest = |number: usize| {
        let (axis, (before, after, outputs)) = (&case.axes[number], case.along(number));
        let length = axis.stride * (outputs - 1) + (axis.kernel - 1) * axis.dilation + 1 - before - after;
        case.lengths[number] as i64 - length
    };
    let rests = (0..case.axes.len()).map(rest);
    (case.auto_pad == "NOTSET").then(|| {
        let spec = case.spec("ConvTranspose").with_integer("group", groups as i64);
        spec.with_integers("output_padding", rests).with_constant(weights.clone().into())
    })
}

#[test]
fn the_table_has_the_lengths_that_onnx_gives() {
    for (name, case, who, outputs) in table() {
        assert_eq!(case.outputs().unwrap(), outputs, "{name}");
        assert_eq!(case.is_for_pools(), who == All, "{name}");
    }
}

#[test]
fn poolings_are_what_the_table_says() {
    table().for_each(|(_, case, ..)| check_poolings(&case));
}

#[test]
fn convolutions_are_what_the_table_says() {
    table().for_each(|(_, case, ..)| check_convolutions(&case));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn poolings_are_what_the_twin_says(case in cases()) {
        check_poolings(&case);
    }

    #[test]
    fn convolutions_are_what_the_twin_says(case in cases()) {
        check_convolutions(&case);
    }
}

#[test]
fn a_window_says_what_is_not_plain() {
    let window = Window::new([3, 3]).checked("MaxPool").unwrap();
    assert_eq!(window.description(), "3×3");
    let window = window.strides([2, 2]).dilations([1, 2]).padding(Padding::symmetric([1, 1]));
    assert_eq!(window.description(), "3×3, stride 2, dilation 1×2, padding 1");
    let window = window.padding(Padding::Explicit { before: vec![0, 1], after: vec![1, 1] }).rounding(Rounding::Ceil);
    assert_eq!(window.description(), "3×3, stride 2, dilation 1×2, padding 0×1 before, 1×1 after, with cut windows");
    assert_eq!(Window::new([2]).padding(Padding::SameLower).description(), "2, padding same (lower)");
}

#[test]
fn windows_that_can_not_be_are_refused_with_the_reason() {
    let refused = |window: Window| window.checked("LpPool").unwrap_err().to_string();
    for (window, words) in [
        (Window::default(), "LpPool takes no kernel_shape of []; it should be one to three lengths"),
        (Window::new([2, 2, 2, 2]), "one to three"),
        (Window::new([2, 0]), "kernel_shape of [2, 0]"),
        (Window::new([2, 2]).strides([1]), "strides of [1]; it should be 2 numbers, one per spatial axis"),
        (Window::new([2]).strides([0]), "each at least 1"),
        (Window::new([2]).dilations([1, 1]), "dilations of [1, 1]; it should be 1 numbers"),
        (Window::new([2]).padding(Padding::symmetric([1, 1])), "pads of [1, 1, 1, 1]; it should be 2 numbers"),
        (Window::new([usize::MAX]).dilations([2]), "fits into memory"),
    ] {
        let message = refused(window);
        assert!(message.contains(words), "{message:?} should say {words:?}");
    }
    let conv = |window| {
        let conv = Conv::new(ArrayD::<f64>::ones(vec![1, 1, 3]), None::<Array1<f64>>, window, 1);
        conv.map(|conv| conv.forward(&[ArrayD::ones(vec![1, 1, 5]).view()]).len()).map_err(|error| error.to_string())
    };
    assert_eq!(conv(Window::default()), Ok(3));
    assert_eq!(conv(Window::new([3]).strides([2])), Ok(2));
    assert!(conv(Window::new([2])).unwrap_err().contains("[3], that of the weights"));
    assert!(conv(Window::new([3]).rounding(Rounding::Ceil)).unwrap_err().contains("only poolings"));
}
