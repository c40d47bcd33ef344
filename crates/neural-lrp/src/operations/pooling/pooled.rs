//! What a pooling pools: windows, or whole planes.

use ndarray::ArrayViewD;

use crate::operation::{Accepts, OperatorSpec};
use crate::operations::pooling::maxima::WindowMaxima;
use crate::operations::pooling::windows::Windows;
use crate::operations::window::{Geometry, Window, WindowAxis};
use crate::{Error, Real};

/// What each output of a pooling is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pooled {
    /// A window.
    Window(Window),
    /// All positions of a channel of a sample: global pooling.
    Planes,
}

impl Pooled {
    /// The positions of a window, for a pooling of this kind.
    ///
    /// # Errors
    /// [`Error::Attribute`] for what is no window, and for one that can lie in the padding alone.
    pub(super) fn window(kind: &str, window: Window) -> Result<Self, Error> {
        let window = window.checked(kind)?;
        for axis in 0..window.kernel.len() {
            let (before, after) = window.padding.along(axis).unwrap_or((0, 0));
            if before.max(after) >= window.span(axis) {
                let expected = "numbers smaller than the window, one for each side of each axis";
                return Err(Error::attribute(kind, "pads", format!("{before} and {after}"), expected));
            }
        }
        Ok(Self::Window(window))
    }

    /// Reads the window of a pooling from its specification.
    pub(super) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<Window, Error> {
        match spec.integers("kernel_shape")? {
            Some(_) => Window::read(spec),
            None => Err(Error::MissingInput { kind: spec.kind.clone(), input: "kernel_shape" }),
        }
    }

    /// The pooling in words.
    pub(super) fn spec<F: Real>(&self, window: &'static str, planes: &'static str) -> OperatorSpec<F> {
        let spec = OperatorSpec::new(self.kind(window, planes), 1);
        match self {
            Self::Window(window) => window.write(spec),
            Self::Planes => spec,
        }
    }

    /// The name of the operator: that over windows, or that over planes.
    pub(super) fn kind(&self, window: &'static str, planes: &'static str) -> &'static str {
        match self {
            Self::Window(_) => window,
            Self::Planes => planes,
        }
    }

    /// The shape of the output for a single operand.
    ///
    /// # Errors
    /// [`Error::Shape`] for another rank, and where a window does not fit or lies in the padding alone.
    pub(super) fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match (self, operands) {
            (Self::Window(window), [[samples, channels, lengths @ ..]]) if lengths.len() == window.kernel.len() => {
                let geometry = over(window, lengths).map_err(|reason| Error::shape(operands, reason))?;
                Ok([&[*samples, *channels], geometry.output_lengths(lengths.len()).as_slice()].concat())
            }
            (Self::Window(window), _) => {
                let axes = window.kernel.len();
                Err(Error::shape(operands, format!("it takes one, samples × channels × {axes} spatial axes")))
            }
            (Self::Planes, [[samples, channels, lengths @ ..]]) if !lengths.is_empty() && !lengths.contains(&0) => {
                Ok([&[*samples, *channels], vec![1; lengths.len()].as_slice()].concat())
            }
            (Self::Planes, _) => {
                Err(Error::shape(operands, "it takes one, samples × channels × at least one spatial axis"))
            }
        }
    }

    /// The windows over an input whose shape [`output_shape`](Self::output_shape) agreed to.
    pub(super) fn over<F: Real>(&self, input: &ArrayViewD<'_, F>) -> Windows {
        match self {
            Self::Window(window) => {
                let geometry = over(window, &input.shape()[2..]);
                Windows::new(input, geometry.unwrap_or_else(|reason| unreachable!("output_shape agreed: {reason}")))
            }
            Self::Planes => Windows::whole(input),
        }
    }

    /// The kernel for maxima over an input whose shape [`output_shape`](Self::output_shape) agreed to, where there is one.
    pub(super) fn maxima_over<F: Real>(&self, input: &ArrayViewD<'_, F>) -> Option<WindowMaxima> {
        match self {
            Self::Window(window) => WindowMaxima::over(input, &over(window, &input.shape()[2..]).ok()?),
            Self::Planes => None,
        }
    }

    /// The orders of memory that pooling accepts: with channels last, of up to two spatial axes.
    pub(super) fn accepts(&self) -> Accepts {
        match self {
            Self::Window(window) if window.kernel.len() > 2 => Accepts::StandardOrder,
            _ => Accepts::AnyOrder,
        }
    }

    /// What a person should know.
    pub(super) fn description(&self) -> String {
        match self {
            Self::Window(window) => window.description(),
            Self::Planes => String::new(),
        }
    }
}

/// The window over an input, of which it holds a part at each position.
fn over(window: &Window, lengths: &[usize]) -> Result<Geometry, String> {
    let geometry = window.over(lengths)?;
    match geometry.axes[3 - lengths.len()..].iter().position(WindowAxis::has_empty_windows) {
        Some(axis) => Err(format!("a window over spatial axis {axis} holds nothing but padding")),
        None => Ok(geometry),
    }
}

/// What poolings have in common beside their windows.
#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn, array};
    use proptest::prelude::*;
    use relevance::Stabilizer;

    use crate::operation::OperatorSpec;
    use crate::operation::{MaxSelection, Sharing};
    use crate::operations::read;
    use crate::operations::testing::{assert_close, booked, forward, numbers, step};
    use crate::operations::window::twin::{Case, cases};

    fn largest(window: &[f64]) -> f64 {
        window.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    fn shares_of_sharing(sharing: Sharing, window: &[f64]) -> Vec<f64> {
        let wins = |x: &f64| *x == largest(window);
        match sharing {
            Sharing::First => {
                let first = window.iter().position(wins).unwrap();
                (0..window.len()).map(|position| f64::from(u8::from(position == first))).collect()
            }
            Sharing::Ties => {
                let ties = window.iter().filter(|x| wins(x)).count() as f64;
                window.iter().map(|x| if wins(x) { 1.0 / ties } else { 0.0 }).collect()
            }
            Sharing::Proportional(stabilizer) => {
                let sum = stabilizer.stabilize(window.iter().sum::<f64>());
                window.iter().map(|x| if sum == 0.0 { 0.0 } else { x / sum }).collect()
            }
        }
    }

    /// The relevance of each window, handed to its numbers in the shares that `of` gives them.
    fn handed_down(
        case: &Case,
        input: &ArrayD<f64>,
        upper: &ArrayD<f64>,
        of: impl Fn(&[f64]) -> Vec<f64>,
    ) -> ArrayD<f64> {
        let (seen, plane) = (case.seen(), case.lengths.iter().product::<usize>());
        let mut lower = ArrayD::zeros(input.raw_dim());
        let planes = lower.as_slice_mut().unwrap().chunks_mut(plane).zip(input.as_slice().unwrap().chunks(plane));
        for ((lower, input), upper) in planes.zip(upper.as_slice().unwrap().chunks(seen.len())) {
            for (seen, relevance) in seen.iter().zip(upper) {
                let window: Vec<f64> = seen.taps.iter().map(|&(_, position)| input[position]).collect();
                for ((_, position), share) in seen.taps.iter().zip(of(&window)) {
                    lower[*position] += share * relevance;
                }
            }
        }
        lower
    }

    proptest! {
        #[test]
        fn relevance_of_maxima_goes_where_the_definition_says(
            case in cases().prop_filter("each window holds something", Case::is_for_pools),
            seed in 0u64..1000,
            sharing in prop::sample::select(vec![
                Sharing::First,
                Sharing::Ties,
                Sharing::Proportional(Stabilizer::NONE),
                Sharing::Proportional(Stabilizer::new(0.25).unwrap()),
            ]),
        ) {
            let pool = read(&case.spec("MaxPool")).unwrap().operation;
            let input = [case.input(seed)];
            let output = forward(&*pool, &input);
            let upper = numbers(output.shape(), seed + 1);
            let pooling: &dyn MaxSelection<f64> = pool.max_selection().unwrap();
            let found = pooling.redistribute(&step(&input, &output), upper.view(), sharing);
            let expected = handed_down(&case, &input[0], &upper, |window| shares_of_sharing(sharing, window));
            assert_close(found.lower[0].view(), expected.view(), "relevance");

            let entry = booked(&upper, found);
            prop_assert!(entry.relative_error() < 1e-12, "{}", entry.relative_error());
        }
    }

    #[test]
    fn planes_are_one_window_each() {
        let input = [numbers(&[2, 3, 2, 2, 3, 2], 8)];
        let planes = |of: fn(&[f64]) -> f64| {
            let values = input[0].as_slice().unwrap().chunks(24).map(of).collect();
            ArrayD::from_shape_vec(IxDyn(&[2, 3, 1, 1, 1, 1]), values).unwrap()
        };
        let found = |kind: &str| forward(&*read(&OperatorSpec::new(kind, 1)).unwrap().operation, &input);
        let mean = planes(|plane| plane.iter().sum::<f64>() / 24.0);
        assert_close(found("GlobalAveragePool").view(), mean.view(), "mean");
        assert_close(found("GlobalMaxPool").view(), planes(largest).view(), "largest");
        let norm = planes(|plane| plane.iter().map(|x| x * x).sum::<f64>().sqrt());
        assert_close(found("GlobalLpPool").view(), norm.view(), "norm");
    }

    #[test]
    fn the_bytes_are_the_same_for_any_number_of_threads() {
        let pool = read(&OperatorSpec::new("AveragePool", 1).with_integers("kernel_shape", [3, 3])).unwrap().operation;
        let input = [numbers(&[3, 7, 9, 8], 3)];
        let run = |threads: usize| {
            let threads = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            threads.install(|| {
                let output = forward(&*pool, &input);
                let gradient = pool.gradient(&step(&input, &output), output.view()).remove(0);
                (output, gradient)
            })
        };
        assert_eq!(run(1), run(5));
    }

    #[test]
    fn the_numbers_of_onnxruntime() {
        let input = ArrayD::from_shape_vec(vec![1, 1, 3, 4], (1..13).map(|x| f64::from(x * x % 11)).collect()).unwrap();
        let spec = |kind: &str| {
            OperatorSpec::new(kind, 1)
                .with_integers("kernel_shape", [2, 3])
                .with_integers("strides", [2, 2])
                .with_integers("pads", [1, 0, 0, 0])
                .with_integer("ceil_mode", 1)
        };
        let found = |spec: OperatorSpec<f64>| {
            forward(&*read(&spec).unwrap().operation, std::slice::from_ref(&input)).flatten().into_owned().into_dyn()
        };
        // onnxruntime 1.32.0; the second window of each row sticks out of the input, the first two lie in the padding.
        let counted = found(spec("AveragePool").with_integer("count_include_pad", 1));
        assert_close(
            counted.view(),
            array![14.0 / 6.0, 14.0 / 4.0, 16.0 / 6.0, 15.0 / 4.0].into_dyn().view(),
            "counted",
        );
        let inputs = found(spec("AveragePool"));
        assert_close(inputs.view(), array![14.0 / 3.0, 14.0 / 2.0, 16.0 / 6.0, 15.0 / 4.0].into_dyn().view(), "inputs");
        assert_eq!(found(spec("MaxPool")), array![9.0, 9.0, 5.0, 9.0].into_dyn());
        assert_eq!(found(spec("LpPool").with_integer("p", 1)), array![14.0, 14.0, 16.0, 15.0].into_dyn());
        // The same, for windows with dilations, as AveragePool has them since opset 19.
        let dilated = |counted: i64| {
            let spec = OperatorSpec::new("AveragePool", 1)
                .with_integers("kernel_shape", [2, 2])
                .with_integers("strides", [1, 2])
                .with_integers("dilations", [2, 1])
                .with_integers("pads", [1, 0, 1, 1])
                .with_integer("ceil_mode", 1);
            found(spec.with_integer("count_include_pad", counted))
        };
        assert_eq!(dilated(1), array![1.5, 3.5, 2.5, 3.75, 1.5, 3.5].into_dyn());
        assert_eq!(dilated(0), array![3.0, 7.0, 2.5, 3.75, 3.0, 7.0].into_dyn());
    }

    #[test]
    fn senseless_windows_are_refused_with_the_reason() {
        let kernel = |axes: &[i64]| OperatorSpec::<f64>::new("MaxPool", 1).with_integers("kernel_shape", axes.to_vec());
        let refused = |spec: OperatorSpec<f64>| read(&spec).unwrap_err().to_string();
        assert!(refused(OperatorSpec::new("MaxPool", 1)).contains("no kernel_shape"));
        assert!(refused(kernel(&[])).contains("one to three"));
        assert!(refused(kernel(&[2, 2, 2, 2])).contains("one to three"));
        assert!(refused(kernel(&[2, 0])).contains("kernel_shape"));
        assert!(refused(kernel(&[2, -1])).contains("kernel_shape"));
        assert!(refused(kernel(&[2, 2]).with_integers("strides", [1, 0])).contains("strides"));
        assert!(refused(kernel(&[2, 2]).with_integers("strides", [1])).contains("2 numbers"));
        assert!(refused(kernel(&[2, 2]).with_integers("dilations", [0, 1])).contains("dilations"));
        assert!(refused(kernel(&[2, 2]).with_integers("pads", [1, 1])).contains("4 numbers"));
        assert!(refused(kernel(&[2, 2]).with_integers("pads", [2, 0, 0, 0])).contains("smaller than the window"));
        assert!(refused(kernel(&[2, 2]).with_text("auto_pad", "ALL")).contains("SAME_UPPER"));
    }

    #[test]
    fn operands_that_do_not_fit_are_refused_with_the_reason() {
        let pool =
            read(&OperatorSpec::<f64>::new("MaxPool", 1).with_integers("kernel_shape", [3, 2])).unwrap().operation;
        let refused = |operands: &[&[usize]]| pool.output_shape(operands).unwrap_err().to_string();
        assert!(
            refused(&[&[1, 1, 2, 2]]).contains("reaches over 3 positions, and spatial axis 0 has 2 with its padding")
        );
        assert!(refused(&[&[1, 1, 4]]).contains("2 spatial axes"));
        assert!(refused(&[&[1]]).contains("2 spatial axes"));
        assert!(refused(&[&[1, 1, 3, 2], &[1, 1, 3, 2]]).contains("takes one"));
        let global = read(&OperatorSpec::<f64>::new("GlobalMaxPool", 1)).unwrap().operation;
        assert!(global.output_shape(&[&[1, 3]]).is_err() && global.output_shape(&[&[1, 3, 0]]).is_err());
    }

    #[test]
    fn absurd_windows_overflow_nothing() {
        let huge = 1i64 << 31;
        let spec = OperatorSpec::<f64>::new("MaxPool", 1)
            .with_integers("kernel_shape", [huge])
            .with_integers("dilations", [huge])
            .with_integers("pads", [huge, huge]);
        let pool = read(&spec).unwrap().operation;
        assert!(pool.output_shape(&[&[1, 1, usize::MAX / 2]]).is_ok());
        assert!(pool.output_shape(&[&[1, 1, usize::MAX]]).is_err());
        assert!(pool.output_shape(&[&[1, 1, 4]]).is_err());
    }
}
