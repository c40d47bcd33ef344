//! The slow twin of windows: for each output the inputs that it sees, listed straight from ONNX's definition.

use ndarray::{ArrayD, IxDyn};
use proptest::prelude::*;

use crate::Real;
use crate::operation::OperatorSpec;
use crate::operations::testing::numbers;

/// A window as a file words it, over an input of some lengths.
#[derive(Clone, Debug)]
pub(in crate::operations) struct Case {
    pub(in crate::operations) lengths: Vec<usize>,
    pub(in crate::operations) axes: Vec<Axis>,
    pub(in crate::operations) auto_pad: &'static str,
    pub(in crate::operations) ceil: bool,
}

/// The window along one axis.
#[derive(Clone, Copy, Debug)]
pub(in crate::operations) struct Axis {
    pub(in crate::operations) kernel: i64,
    pub(in crate::operations) stride: i64,
    pub(in crate::operations) dilation: i64,
    pub(in crate::operations) before: i64,
    pub(in crate::operations) after: i64,
}

/// What one output sees.
#[derive(Clone, Debug)]
pub(in crate::operations) struct Seen {
    /// How many taps are inside of the input and its padding.
    pub(in crate::operations) padded: usize,
    /// The taps inside of the input, and where in a plane each of them is; row-major both.
    pub(in crate::operations) taps: Vec<(usize, usize)>,
}

impl Axis {
    /// From the first tap to the last.
    fn span(&self) -> i64 {
        (self.kernel - 1) * self.dilation + 1
    }
}

impl Case {
    /// The spec of a pooling.
    pub(in crate::operations) fn spec<F: Real>(&self, kind: &str) -> OperatorSpec<F> {
        let along = |of: fn(&Axis) -> i64| self.axes.iter().map(of).collect::<Vec<i64>>();
        let spec = OperatorSpec::new(kind, 1)
            .with_integers("kernel_shape", along(|axis| axis.kernel))
            .with_integers("strides", along(|axis| axis.stride))
            .with_integers("dilations", along(|axis| axis.dilation))
            .with_text("auto_pad", self.auto_pad);
        let spec = if self.ceil { spec.with_integer("ceil_mode", 1) } else { spec };
        match self.auto_pad {
            "NOTSET" => spec.with_integers("pads", [along(|axis| axis.before), along(|axis| axis.after)].concat()),
            _ => spec,
        }
    }

    /// The padding before and after an axis, and how many outputs it has; there may be less than none.
    pub(in crate::operations) fn along(&self, number: usize) -> (i64, i64, i64) {
        let axis = &self.axes[number];
        let (length, stride, span) = (self.lengths[number] as f64, axis.stride as f64, axis.span() as f64);
        if self.auto_pad.starts_with("SAME") {
            let outputs = if self.ceil { (length / stride).ceil() } else { ((length - 1.0) / stride).floor() + 1.0 };
            let padding = ((outputs - 1.0) * stride + span - length).max(0.0) as i64;
            let smaller = padding / 2;
            return match self.auto_pad {
                "SAME_UPPER" => (smaller, padding - smaller, outputs as i64),
                _ => (padding - smaller, smaller, outputs as i64),
            };
        }
        let (before, after) = if self.auto_pad == "VALID" { (0, 0) } else { (axis.before, axis.after) };
        let outputs = (length + (before + after) as f64 - span) / stride + 1.0;
        let mut outputs = if self.ceil { outputs.ceil() } else { outputs.floor() } as i64;
        // "Sliding windows that would start in the right padded region are ignored."
        if self.ceil && (outputs - 1) * axis.stride >= self.lengths[number] as i64 + before {
            outputs -= 1;
        }
        (before, after, outputs)
    }

    /// How many outputs each axis has; `None` where the window does not fit.
    pub(in crate::operations) fn outputs(&self) -> Option<Vec<usize>> {
        let outputs = (0..self.axes.len()).map(|axis| usize::try_from(self.along(axis).2).ok());
        outputs.collect::<Option<Vec<usize>>>().filter(|outputs| !outputs.contains(&0))
    }

    /// What the window sees at each output of one axis.
    fn seen_along(&self, number: usize) -> Vec<Seen> {
        let (axis, length) = (&self.axes[number], self.lengths[number] as i64);
        let (before, after, outputs) = self.along(number);
        let seen = |output: i64| {
            let position = |tap: i64| output * axis.stride + tap * axis.dilation - before;
            let padded = (0..axis.kernel).filter(|&tap| position(tap) < length + after).count();
            let inside = (0..axis.kernel).filter(|&tap| (0..length).contains(&position(tap)));
            Seen { padded, taps: inside.map(|tap| (tap as usize, position(tap) as usize)).collect() }
        };
        (0..outputs).map(seen).collect()
    }

    /// What the window sees at each output, in row-major order.
    pub(in crate::operations) fn seen(&self) -> Vec<Seen> {
        let mut all = vec![Seen { padded: 1, taps: vec![(0, 0)] }];
        for (number, (axis, length)) in self.axes.iter().zip(&self.lengths).enumerate() {
            let along = self.seen_along(number);
            let kernel = axis.kernel as usize;
            let extend = |outer: &Seen, inner: &Seen| {
                let taps = outer.taps.iter().flat_map(|&(tap, position)| {
                    let inner = inner.taps.iter();
                    inner.map(move |(k, x)| (tap * kernel + k, position * length + x))
                });
                Seen { padded: outer.padded * inner.padded, taps: taps.collect() }
            };
            all = all.iter().flat_map(|outer| along.iter().map(|inner| extend(outer, inner))).collect();
        }
        all
    }

    /// How many taps the window has.
    pub(in crate::operations) fn taps(&self) -> usize {
        self.axes.iter().map(|axis| axis.kernel as usize).product()
    }

    /// Whether a pooling has such windows: each holds something, and none could lie in the padding alone.
    pub(in crate::operations) fn is_for_pools(&self) -> bool {
        let overlaps = |axis: &Axis| axis.before.max(axis.after) < axis.span();
        let overlaps = self.auto_pad != "NOTSET" || self.axes.iter().all(overlaps);
        overlaps && self.outputs().is_some() && self.seen().iter().all(|seen| !seen.taps.is_empty())
    }

    /// Two samples of two channels; few different numbers, so that there are ties.
    pub(in crate::operations) fn input(&self, seed: u64) -> ArrayD<f64> {
        numbers(&[&[2, 2], self.lengths.as_slice()].concat(), seed).mapv(|x| (3.0 * x).round())
    }

    /// `of(taps with the padding, the numbers inside)` for each output of a pooling.
    pub(in crate::operations) fn pooled(&self, input: &ArrayD<f64>, of: impl Fn(usize, &[f64]) -> f64) -> ArrayD<f64> {
        let (seen, outputs) = (self.seen(), self.outputs().unwrap());
        let plane = self.lengths.iter().product();
        let values = input.as_slice().unwrap().chunks(plane).flat_map(|plane| {
            seen.iter().map(|seen| {
                let inside: Vec<f64> = seen.taps.iter().map(|&(_, position)| plane[position]).collect();
                of(seen.padded, &inside)
            })
        });
        let shape = [&input.shape()[..2], outputs.as_slice()].concat();
        ArrayD::from_shape_vec(IxDyn(&shape), values.collect()).unwrap()
    }
}

fn axis() -> impl Strategy<Value = (usize, Axis)> {
    (1usize..8, 1i64..5, 1i64..5, 1i64..4, 0i64..20, 0i64..20).prop_map(
        |(length, kernel, stride, dilation, before, after)| {
            let axis = Axis { kernel, stride, dilation, before, after };
            (length, Axis { before: before % axis.span(), after: after % axis.span(), ..axis })
        },
    )
}

/// Windows whose padding is smaller than they are, whether they fit or not.
pub(in crate::operations) fn cases() -> impl Strategy<Value = Case> {
    let auto_pad = prop::sample::select(vec!["NOTSET", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]);
    (prop::collection::vec(axis(), 1..4), auto_pad, any::<bool>()).prop_map(|(axes, auto_pad, ceil)| {
        let (lengths, axes) = axes.into_iter().unzip();
        Case { lengths, axes, auto_pad, ceil }
    })
}
