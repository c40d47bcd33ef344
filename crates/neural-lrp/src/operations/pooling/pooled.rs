//! What a pooling pools: windows, or whole planes.

use crate::operation::OperatorSpec;
use crate::operations::pooling::placement::Placement;
use crate::operations::pooling::windows::Windows;
use crate::{Error, Real};

/// What each output of a pooling is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pooled {
    /// A window.
    Windows(Windows),
    /// All positions of a channel of a sample: global pooling.
    Planes,
}

impl Pooled {
    /// The pooling in words.
    pub(super) fn spec<F: Real>(&self, windows: &'static str, planes: &'static str) -> OperatorSpec<F> {
        let spec = OperatorSpec::new(self.kind(windows, planes), 1);
        match self {
            Self::Windows(windows) => windows.write(spec),
            Self::Planes => spec,
        }
    }

    /// The name of the operator: that over windows, or that over planes.
    pub(super) fn kind(&self, windows: &'static str, planes: &'static str) -> &'static str {
        match self {
            Self::Windows(_) => windows,
            Self::Planes => planes,
        }
    }

    /// The shape of the output for a single operand.
    ///
    /// # Errors
    /// [`Error::Shape`] for another rank, or where a window does not fit.
    pub(super) fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match (self, operands) {
            (Self::Windows(windows), _) => windows.output_shape(operands),
            (Self::Planes, [[samples, channels, lengths @ ..]]) if !lengths.is_empty() && !lengths.contains(&0) => {
                Ok([&[*samples, *channels], vec![1; lengths.len()].as_slice()].concat())
            }
            (Self::Planes, _) => {
                Err(Error::shape(operands, "it takes one, samples × channels × at least one spatial axis"))
            }
        }
    }

    /// The windows over an input whose shape [`output_shape`](Self::output_shape) agreed to.
    pub(super) fn place(&self, input: &[usize]) -> Placement {
        match self {
            Self::Windows(windows) => windows.place(input),
            Self::Planes => Placement::whole(input),
        }
    }

    /// What a person should know.
    pub(super) fn description(&self) -> String {
        match self {
            Self::Windows(windows) => windows.description(),
            Self::Planes => String::new(),
        }
    }
}

/// The pools against plain loops over their specs.
#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn, array};
    use proptest::prelude::*;
    use relevance::{Entry, Stabilizer};

    use crate::operation::OperatorSpec;
    use crate::operation::{MaxSelection, Sharing};
    use crate::operations::read;
    use crate::operations::testing::{assert_close, forward, numbers, step};

    /// A pooling in words, for any of the three.
    #[derive(Clone, Debug)]
    struct Case {
        lengths: Vec<usize>,
        axes: Vec<Axis>,
        padding: &'static str,
        ceil: bool,
        seed: u64,
    }

    /// Along one axis.
    #[derive(Clone, Debug)]
    struct Axis {
        kernel: i64,
        stride: i64,
        dilation: i64,
        before: i64,
        after: i64,
    }

    impl Case {
        fn spec(&self, kind: &str) -> OperatorSpec<f64> {
            let along = |of: fn(&Axis) -> i64| self.axes.iter().map(of).collect::<Vec<i64>>();
            let spec = OperatorSpec::new(kind, 1)
                .with_integers("kernel_shape", along(|axis| axis.kernel))
                .with_integers("strides", along(|axis| axis.stride))
                .with_integers("dilations", along(|axis| axis.dilation))
                .with_integer("ceil_mode", i64::from(self.ceil))
                .with_text("auto_pad", self.padding);
            match self.padding {
                "NOTSET" => spec.with_integers("pads", [along(|axis| axis.before), along(|axis| axis.after)].concat()),
                _ => spec,
            }
        }

        /// The padding and the number of windows along an axis, as ONNX words them.
        fn geometry(&self, number: usize) -> (i64, i64, i64) {
            let axis = &self.axes[number];
            let length = self.lengths[number] as i64;
            let reach = (axis.kernel - 1) * axis.dilation + 1;
            let same = (length as f64 / axis.stride as f64).ceil() as i64;
            let padding = ((same - 1) * axis.stride + reach - length).max(0);
            let (before, after) = match self.padding {
                "SAME_UPPER" => return (padding / 2, padding - padding / 2, same),
                "SAME_LOWER" => return (padding - padding / 2, padding / 2, same),
                "VALID" => (0, 0),
                _ => (axis.before, axis.after),
            };
            let steps = (length + before + after - reach) as f64 / axis.stride as f64;
            let mut windows = 1 + if self.ceil { steps.ceil() } else { steps.floor() } as i64;
            if self.ceil && (windows - 1) * axis.stride >= length + before {
                windows -= 1;
            }
            (before, after, windows)
        }

        /// The positions of each window along an axis; `None` for padding, nothing for what lies beyond it.
        fn windows_along(&self, number: usize) -> Vec<Vec<Option<usize>>> {
            let axis = &self.axes[number];
            let length = self.lengths[number] as i64;
            let (before, after, windows) = self.geometry(number);
            let position = |window: i64, tap: i64| window * axis.stride + tap * axis.dilation - before;
            (0..windows)
                .map(|window| {
                    let taps = (0..axis.kernel).map(|tap| position(window, tap)).filter(|&at| at < length + after);
                    taps.map(|at| usize::try_from(at).ok().filter(|&at| at < self.lengths[number])).collect()
                })
                .collect()
        }

        /// For each output, the size of its window with the padding, and its positions in a plane.
        fn windows(&self) -> Vec<(usize, Vec<usize>)> {
            let mut windows = vec![(1, vec![0])];
            for number in 0..self.axes.len() {
                let along = self.windows_along(number);
                let extend = |(size, positions): &(usize, Vec<usize>), taps: &[Option<usize>]| {
                    let next = positions.iter().flat_map(|position| {
                        taps.iter().flatten().map(move |tap| position * self.lengths[number] + tap)
                    });
                    (size * taps.len(), next.collect())
                };
                windows = windows.iter().flat_map(|window| along.iter().map(|taps| extend(window, taps))).collect();
            }
            windows
        }

        fn input(&self) -> ArrayD<f64> {
            // Few different numbers, so that there are ties.
            numbers(&[&[2, 2], self.lengths.as_slice()].concat(), self.seed).mapv(|x| (3.0 * x).round())
        }

        /// Whether each window holds something: what else is refused.
        fn is_valid(&self) -> bool {
            let fits = |number| self.geometry(number).2 > 0;
            (0..self.axes.len()).all(fits) && self.windows().iter().all(|(_, positions)| !positions.is_empty())
        }

        /// `of(size of the window, its numbers)` for each window.
        fn expected(&self, of: impl Fn(usize, &[f64]) -> f64) -> ArrayD<f64> {
            let (input, windows) = (self.input(), self.windows());
            let outputs = (0..self.axes.len()).map(|number| self.geometry(number).2 as usize);
            let shape: Vec<usize> = [2, 2].into_iter().chain(outputs).collect();
            let plane = self.lengths.iter().product();
            let values = input.as_slice().unwrap().chunks(plane).flat_map(|plane| {
                windows.iter().map(|(size, positions)| {
                    let window: Vec<f64> = positions.iter().map(|&position| plane[position]).collect();
                    of(*size, &window)
                })
            });
            ArrayD::from_shape_vec(IxDyn(&shape), values.collect()).unwrap()
        }

        /// The relevance of each window, handed to its numbers in the shares that `of` gives them.
        fn expected_lower(&self, upper: &ArrayD<f64>, of: impl Fn(&[f64]) -> Vec<f64>) -> ArrayD<f64> {
            let (input, windows) = (self.input(), self.windows());
            let plane: usize = self.lengths.iter().product();
            let mut lower = ArrayD::zeros(input.raw_dim());
            let planes = lower.as_slice_mut().unwrap().chunks_mut(plane).zip(input.as_slice().unwrap().chunks(plane));
            for ((lower, input), upper) in planes.zip(upper.as_slice().unwrap().chunks(windows.len())) {
                for ((_, positions), relevance) in windows.iter().zip(upper) {
                    let window: Vec<f64> = positions.iter().map(|&position| input[position]).collect();
                    for (position, share) in positions.iter().zip(of(&window)) {
                        lower[*position] += share * relevance;
                    }
                }
            }
            lower
        }
    }

    fn axis() -> impl Strategy<Value = (usize, Axis)> {
        (1usize..8, 1i64..5, 1i64..5, 1i64..4, 0i64..20, 0i64..20).prop_map(
            |(length, kernel, stride, dilation, before, after)| {
                let reach = (kernel - 1) * dilation + 1;
                (length, Axis { kernel, stride, dilation, before: before % reach, after: after % reach })
            },
        )
    }

    fn case() -> impl Strategy<Value = Case> {
        let padding = prop::sample::select(vec!["NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]);
        (prop::collection::vec(axis(), 1..4), padding, any::<bool>(), 0u64..1000).prop_map(
            |(axes, padding, ceil, seed)| {
                let (lengths, axes) = axes.into_iter().unzip();
                Case { lengths, axes, padding, ceil, seed }
            },
        )
    }

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

    proptest! {
        #[test]
        fn outputs_are_those_of_the_definitions(case in case(), p in 1i32..4, counted in any::<bool>()) {
            let average = case.spec("AveragePool").with_integer("count_include_pad", i64::from(counted));
            let norm = case.spec("LpPool").with_integer("p", i64::from(p));
            let parsed = [average, case.spec("MaxPool"), norm].map(|spec| read(&spec).unwrap());
            if !case.is_valid() {
                for parsed in &parsed {
                    prop_assert!(parsed.operation.output_shape(&[case.input().shape()]).is_err());
                }
                return Ok(());
            }
            let mean = |size: usize, window: &[f64]| {
                window.iter().sum::<f64>() / if counted { size } else { window.len() } as f64
            };
            let norm = |_: usize, window: &[f64]| {
                window.iter().map(|x| x.abs().powi(p)).sum::<f64>().powf(1.0 / f64::from(p))
            };
            let expected = [case.expected(mean), case.expected(|_, window| largest(window)), case.expected(norm)];
            for (parsed, expected) in parsed.iter().zip(&expected) {
                let found = forward(&*parsed.operation, &[case.input()]);
                assert_close(found.view(), expected.view(), parsed.operation.kind());
                let again = read(&parsed.operation.to_spec()).unwrap().operation;
                prop_assert_eq!(forward(&*again, &[case.input()]), found);
            }
        }

        #[test]
        fn relevance_of_maxima_goes_where_the_definition_says(
            case in case().prop_filter("each window holds something", Case::is_valid),
            sharing in prop::sample::select(vec![
                Sharing::First,
                Sharing::Ties,
                Sharing::Proportional(Stabilizer::NONE),
                Sharing::Proportional(Stabilizer::new(0.25).unwrap()),
            ]),
        ) {
            let pool = read(&case.spec("MaxPool")).unwrap().operation;
            let input = [case.input()];
            let output = forward(&*pool, &input);
            let upper = numbers(output.shape(), case.seed + 1);
            let pooling: &dyn MaxSelection<f64> = pool.max_selection().unwrap();
            let found = pooling.redistribute(&step(&input, &output), upper.view(), sharing);
            let expected = case.expected_lower(&upper, |window| shares_of_sharing(sharing, window));
            assert_close(found.lower[0].view(), expected.view(), "relevance");

            let mut entry = Entry::new("pool", upper.iter().collect(), found.lower[0].iter().collect());
            for (sink, amount) in found.sinks.unwrap() {
                entry = entry.with_sink(sink, amount);
            }
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
        assert!(refused(&[&[1, 1, 2, 2]]).contains("reaches over 3 positions, and axis 2 with its padding has 2"));
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
        assert!(pool.output_shape(&[&[1, 1, usize::MAX]]).is_ok());
        assert!(pool.output_shape(&[&[1, 1, 4]]).is_err());
    }
}
