//! Larger and smaller pictures.

use std::sync::Arc;

use ndarray::{Array1, ArrayD, ArrayViewD, Axis};

use crate::operation::OperatorSpec;
use crate::operation::{Family, Operation, ParsedOperation, Step};
use crate::operations::arrangement::axes_of;
use crate::operations::resize::resampling::{
    Antialias, Beyond, Coordinates, Interpolation, Nearest, Resampling, Taps, resample, resample_transposed,
};
use crate::{Error, Real};

pub(super) mod grid_sample;
mod resampling;

/// Interpolates between the numbers along some axes: linear in its operand, each output a weighted mean.
#[derive(Clone, Debug)]
pub struct Resize {
    axes: Option<Vec<i64>>,
    size: Size,
    coordinates: Coordinates,
    /// For [`Coordinates::CropAndResize`]: where each axis starts, then where each ends.
    region: Vec<f64>,
    /// What stands outside of the operand.
    extrapolation: f64,
    interpolation: Interpolation,
    beyond: Beyond,
    antialias: Antialias,
}

/// How large the output becomes along the axes.
#[derive(Clone, Debug, PartialEq)]
enum Size {
    /// So many times as long.
    Scales(Vec<f64>),
    /// So long.
    Lengths(Vec<usize>, AspectRatio),
}

/// What [`Size::Lengths`] means for the ratio of the axes' lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AspectRatio {
    /// It changes.
    Stretch,
    /// It stays, no axis becomes longer than asked for.
    NotLarger,
    /// It stays, no axis becomes shorter than asked for.
    NotSmaller,
}

impl Resize {
    /// The axes that are resampled, and how.
    fn resamplings(&self, shape: &[usize]) -> Result<Vec<(usize, Resampling)>, Error> {
        let axes = match &self.axes {
            Some(axes) => axes_of(axes, shape.len(), shape)?,
            None => (0..shape.len()).collect(),
        };
        if self.size.axes() != axes.len() {
            let reason = format!("it gives the size of {} axes, not of {}", self.size.axes(), axes.len());
            return Err(Error::shape(&[shape], reason));
        }
        if let Some(axis) = axes.iter().find(|&&axis| shape[axis] == 0) {
            return Err(Error::shape(&[shape], format!("axis {axis} has nothing to interpolate between")));
        }
        let lengths: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
        let sizes = self.size.of(&lengths);
        let resampling = |(place, (resized, scale, width)): (usize, (usize, f64, f64))| Resampling {
            length: lengths[place],
            resized,
            scale,
            width,
            coordinates: self.coordinates,
            start: self.region.get(place).copied().unwrap_or(0.0),
            end: self.region.get(axes.len() + place).copied().unwrap_or(1.0),
            interpolation: self.interpolation,
            beyond: self.beyond,
            antialias: self.antialias,
        };
        Ok(axes.iter().copied().zip(sizes.into_iter().enumerate().map(resampling)).collect())
    }

    /// The axes whose numbers change, with what their numbers are made of; `output_shape` has agreed to the shape.
    fn taps<F: Real>(&self, shape: &[usize]) -> Vec<(usize, Vec<Taps<F>>)> {
        let resamplings = self.resamplings(shape).unwrap_or_else(|_| unreachable!("output_shape agreed"));
        let changed = resamplings.into_iter().filter(|(_, resampling)| !resampling.is_identity());
        changed.map(|(axis, resampling)| (axis, resampling.taps())).collect()
    }

    /// The part that is linear in the operand, the last axis first: what follows then works on whole rows.
    fn interpolate<F: Real>(&self, operand: &ArrayViewD<'_, F>, taps: &[(usize, Vec<Taps<F>>)]) -> ArrayD<F> {
        let mut taps: Vec<_> = taps.iter().collect();
        taps.sort_by_key(|(axis, _)| std::cmp::Reverse(*axis));
        let mut axes = taps.into_iter();
        let Some((axis, taps)) = axes.next() else { return operand.to_owned() };
        let first = resample(operand.view(), *axis, taps);
        axes.fold(first, |numbers, (axis, taps)| resample(numbers.view(), *axis, taps))
    }
}

impl Size {
    fn axes(&self) -> usize {
        match self {
            Self::Scales(scales) => scales.len(),
            Self::Lengths(lengths, _) => lengths.len(),
        }
    }

    /// For each axis the new length, the scale, and the length that [`Coordinates::AlignCorners`] aligns.
    fn of(&self, lengths: &[usize]) -> Vec<(usize, f64, f64)> {
        match self {
            // lengths are rounded from single precision everywhere: 0.7 × 10 must not become 6
            Self::Scales(scales) => {
                let resized = |(&length, &scale): (&usize, &f64)| {
                    ((length as f32 * scale as f32).floor() as usize, scale, scale * length as f64)
                };
                lengths.iter().zip(scales).map(resized).collect()
            }
            Self::Lengths(targets, ratio) => {
                let scales = lengths.iter().zip(targets).map(|(&length, &target)| target as f64 / length as f64);
                let common = match ratio {
                    AspectRatio::Stretch => {
                        return targets.iter().zip(scales).map(|(&target, s)| (target, s, target as f64)).collect();
                    }
                    AspectRatio::NotLarger => scales.fold(f64::INFINITY, f64::min),
                    AspectRatio::NotSmaller => scales.fold(0.0, f64::max),
                };
                let resized = lengths.iter().map(|&length| (common * length as f64 + 0.5).floor());
                resized.map(|resized| (resized as usize, common, resized)).collect()
            }
        }
    }
}

impl<F: Real> Operation<F> for Resize {
    fn to_spec(&self) -> OperatorSpec<F> {
        let mut spec = OperatorSpec::new("Resize", 1)
            .with_text("coordinate_transformation_mode", word_of(COORDINATES, &self.coordinates))
            .with_integer("exclude_outside", i64::from(self.beyond == Beyond::Nothing))
            .with_integer("antialias", i64::from(self.antialias == Antialias::On));
        spec = match self.interpolation {
            Interpolation::Nearest(nearest) => {
                spec.with_text("mode", "nearest").with_text("nearest_mode", word_of(NEAREST, &nearest))
            }
            Interpolation::Linear => spec.with_text("mode", "linear"),
            Interpolation::Cubic(a) => spec.with_text("mode", "cubic").with_real("cubic_coeff_a", a),
        };
        if let Some(axes) = &self.axes {
            spec = spec.with_integers("axes", axes.iter().copied());
        }
        let vector = |numbers: &[f64]| Arc::new(Array1::from_iter(numbers.iter().map(|&n| F::of(n))).into_dyn());
        spec = match self.coordinates {
            Coordinates::CropAndResize => {
                spec.with_real("extrapolation_value", self.extrapolation).with_constant(vector(&self.region))
            }
            _ => spec.with_absent(),
        };
        match &self.size {
            Size::Scales(scales) => spec.with_constant(vector(scales)),
            Size::Lengths(lengths, ratio) => spec
                .with_text("keep_aspect_ratio_policy", word_of(ASPECT_RATIOS, ratio))
                .with_absent()
                .with_constant_integers(lengths.iter().map(|&length| length as i64)),
        }
    }

    fn kind(&self) -> &'static str {
        "Resize"
    }

    fn family(&self) -> Family {
        Family::Sum
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        let [shape] = operands else { return Err(Error::shape(operands, "it takes one")) };
        let mut output = shape.to_vec();
        for (axis, resampling) in self.resamplings(shape)? {
            output[axis] = resampling.resized;
        }
        Ok(output)
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        let taps = self.taps(operands[0].shape());
        let mut output = self.interpolate(&operands[0], &taps);
        for (axis, taps) in &taps {
            for place in (0..taps.len()).filter(|&place| taps[place].is_outside()) {
                output.index_axis_mut(Axis(*axis), place).fill(F::of(self.extrapolation));
            }
        }
        output
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let shape = step.operands[0].shape();
        let mut taps = self.taps(shape);
        taps.sort_by_key(|(axis, _)| *axis);
        let lower = taps
            .iter()
            .fold(upper.to_owned(), |lower, (axis, taps)| resample_transposed(lower.view(), *axis, taps, shape[*axis]));
        vec![lower]
    }

    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        match self.coordinates {
            Coordinates::CropAndResize => self.interpolate(&step.operands[0], &self.taps(step.operands[0].shape())),
            _ => step.output.to_owned(),
        }
    }

    fn description(&self) -> String {
        match &self.size {
            Size::Scales(scales) => format!("{:?} by {scales:?}", self.interpolation),
            Size::Lengths(lengths, _) => format!("{:?} to {lengths:?}", self.interpolation),
        }
    }
}

/// ONNX's words for the settings.
const COORDINATES: &[(&str, Coordinates)] = &[
    ("half_pixel", Coordinates::HalfPixel),
    ("half_pixel_symmetric", Coordinates::HalfPixelSymmetric),
    ("pytorch_half_pixel", Coordinates::PytorchHalfPixel),
    ("asymmetric", Coordinates::Asymmetric),
    ("align_corners", Coordinates::AlignCorners),
    ("tf_crop_and_resize", Coordinates::CropAndResize),
];
const NEAREST: &[(&str, Nearest)] = &[
    ("round_prefer_floor", Nearest::PreferFloor),
    ("round_prefer_ceil", Nearest::PreferCeil),
    ("floor", Nearest::Floor),
    ("ceil", Nearest::Ceil),
];
const ASPECT_RATIOS: &[(&str, AspectRatio)] = &[
    ("stretch", AspectRatio::Stretch),
    ("not_larger", AspectRatio::NotLarger),
    ("not_smaller", AspectRatio::NotSmaller),
];

fn word_of<T: PartialEq>(words: &[(&'static str, T)], value: &T) -> &'static str {
    words.iter().find(|(_, meaning)| meaning == value).map_or("", |(word, _)| word)
}

/// The meaning of a word; the first of the list where the attribute is not given.
fn meaning<F: Real, T: Copy>(spec: &OperatorSpec<F>, name: &str, words: &[(&str, T)]) -> Result<T, Error> {
    let word = spec.text(name, words[0].0)?;
    let known = words.iter().find(|(known, _)| *known == word);
    known.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        spec.refuse(name, format!("{word:?}"), format!("one of {}", all.join(", ")))
    })
}

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    Ok(ParsedOperation::new(read_resize(spec)?, vec![0]))
}

fn read_resize<F: Real>(spec: &OperatorSpec<F>) -> Result<Resize, Error> {
    let interpolation = match spec.text("mode", "nearest")? {
        "nearest" => Interpolation::Nearest(meaning(spec, "nearest_mode", NEAREST)?),
        "linear" => Interpolation::Linear,
        "cubic" => Interpolation::Cubic(spec.real("cubic_coeff_a", -0.75)?),
        other => {
            return Err(spec.refuse("mode", format!("{other:?}"), "\"nearest\", \"linear\" or \"cubic\""));
        }
    };
    let coordinates = meaning(spec, "coordinate_transformation_mode", COORDINATES)?;
    let antialias = if spec.integer("antialias", 0)? == 0 { Antialias::Off } else { Antialias::On };
    if antialias == Antialias::On && matches!(interpolation, Interpolation::Nearest(_)) {
        return Err(spec.refuse("antialias", "1 for the nearest neighbor", "0, or mode linear or cubic"));
    }
    let size = read_size(spec)?;
    let region = match coordinates {
        Coordinates::CropAndResize => read_region(spec, size.axes())?,
        _ => Vec::new(),
    };
    Ok(Resize {
        axes: spec.integers("axes")?.map(<[i64]>::to_vec),
        size,
        coordinates,
        region,
        extrapolation: spec.real("extrapolation_value", 0.0)?,
        interpolation,
        beyond: if spec.integer("exclude_outside", 0)? == 0 { Beyond::Edge } else { Beyond::Nothing },
        antialias,
    })
}

fn read_size<F: Real>(spec: &OperatorSpec<F>) -> Result<Size, Error> {
    // an empty list stands for one that is left out, as it had to before opset 13
    let scales = spec.constant(2, "scales")?.filter(|scales| !scales.is_empty());
    let lengths = spec.constant_integers(3, "sizes")?.filter(|lengths| !lengths.is_empty());
    match (scales, lengths) {
        (Some(scales), None) => {
            let scales: Vec<f64> = scales.iter().map(|scale| scale.as_()).collect();
            match scales.iter().all(|&scale| scale > 0.0 && scale.is_finite()) {
                true => Ok(Size::Scales(scales)),
                false => Err(spec.refuse("scales", format!("{scales:?}"), "positive numbers")),
            }
        }
        (None, Some(lengths)) => {
            let ratio = meaning(spec, "keep_aspect_ratio_policy", ASPECT_RATIOS)?;
            let positive = |&length: &i64| usize::try_from(length).ok().filter(|&length| length > 0);
            let positive: Option<Vec<usize>> = lengths.iter().map(positive).collect();
            let refuse = || spec.refuse("sizes", format!("{lengths:?}"), "positive lengths");
            positive.map(|lengths| Size::Lengths(lengths, ratio)).ok_or_else(refuse)
        }
        (None, None) => Err(Error::MissingInput { kind: spec.kind.clone(), input: "scales or sizes" }),
        (Some(_), Some(_)) => Err(spec.refuse("size", "both scales and sizes", "one of the two")),
    }
}

fn read_region<F: Real>(spec: &OperatorSpec<F>, axes: usize) -> Result<Vec<f64>, Error> {
    let region: Vec<f64> = spec.required_vector(1, "roi")?.into_iter().map(|place| place.as_()).collect();
    match region.len() == 2 * axes && region.iter().all(|place| place.is_finite()) {
        true => Ok(region),
        false => Err(spec.refuse("roi", format!("{region:?}"), format!("{} numbers", 2 * axes))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::testing::{assert_close, check_gradient, forward, numbers};

    fn resize(settings: impl FnOnce(OperatorSpec<f64>) -> OperatorSpec<f64>) -> Resize {
        let spec = settings(OperatorSpec::new("Resize", 1));
        read_resize(&spec).unwrap()
    }

    fn scales(values: &[f64]) -> Arc<ArrayD<f64>> {
        Arc::new(Array1::from(values.to_vec()).into_dyn())
    }

    fn linear(spec: OperatorSpec<f64>, coordinates: &str) -> OperatorSpec<f64> {
        spec.with_text("mode", "linear").with_text("coordinate_transformation_mode", coordinates)
    }

    fn counting() -> ArrayD<f64> {
        Array1::range(1.0, 9.0, 1.0).into_shape_with_order((1, 1, 2, 4)).unwrap().into_dyn()
    }

    /// Numbers of onnxruntime 1.32 and ONNX's reference.
    #[test]
    fn values_of_other_implementations() {
        let sizes = |spec: OperatorSpec<f64>, lengths| spec.with_absent().with_absent().with_constant_integers(lengths);
        let cases: Vec<(Resize, Vec<f64>)> = vec![
            (
                resize(|d| linear(d, "align_corners").with_absent().with_constant(scales(&[1.0, 1.0, 0.6, 0.6]))),
                vec![1.0, 22.0 / 7.0],
            ),
            (
                resize(|d| {
                    linear(d, "half_pixel_symmetric").with_absent().with_constant(scales(&[1.0, 1.0, 0.6, 0.6]))
                }),
                vec![11.0 / 3.0, 16.0 / 3.0],
            ),
            (resize(|d| sizes(linear(d, "half_pixel").with_integer("antialias", 1), [1, 1, 1, 2])), vec![3.625, 5.375]),
            (
                resize(|d| {
                    let region = scales(&[0.0, 0.0, 0.2, -0.2, 1.0, 1.0, 0.9, 1.2]);
                    let sizes = linear(d, "tf_crop_and_resize").with_constant(region).with_absent();
                    sizes.with_constant_integers([1, 1, 3, 1])
                }),
                vec![3.3, 4.7, 6.1],
            ),
        ];
        for (operation, expected) in cases {
            let y = forward(&operation, &[counting()]);
            let expected = Array1::from(expected).into_shape_with_order(y.raw_dim()).unwrap();
            assert_close(y.view(), expected.view(), &format!("{operation:?}"));
        }
    }

    #[test]
    fn lengths_are_rounded_from_single_precision() {
        let operation = resize(|d| d.with_absent().with_constant(scales(&[f64::from(0.7f32)])));
        let y = forward(&operation, &[Array1::range(0.0, 10.0, 1.0).into_dyn()]);
        assert_eq!(y, Array1::from(vec![0.0, 2.0, 3.0, 4.0, 6.0, 7.0, 9.0]).into_dyn());
    }

    #[test]
    fn aspect_ratios_can_be_kept() {
        for (policy, expected) in [("stretch", [7, 8]), ("not_larger", [4, 8]), ("not_smaller", [7, 14])] {
            let operation = resize(|d| {
                let d = d.with_text("keep_aspect_ratio_policy", policy).with_integers("axes", [-2, 1]);
                d.with_absent().with_absent().with_constant_integers([7, 8])
            });
            assert_eq!(
                Operation::<f64>::output_shape(&operation, &[&[2, 4, 2, 3]]).unwrap()[1..3],
                [expected[1], expected[0]]
            );
        }
    }

    #[test]
    fn what_lies_outside_is_extrapolated() {
        let operation = resize(|d| {
            let d = linear(d, "tf_crop_and_resize").with_real("extrapolation_value", 9.0).with_integers("axes", [1]);
            d.with_constant(scales(&[-0.5, 1.0])).with_absent().with_constant_integers([4])
        });
        let x = numbers(&[2, 3], 1);
        let y = forward(&operation, std::slice::from_ref(&x));
        assert_eq!((y[[0, 0]], y[[0, 1]], y[[1, 2]], y[[1, 3]]), (9.0, x[[0, 0]], x[[1, 1]], x[[1, 2]]));
        check_gradient(&operation, &[x]);
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        let x = numbers(&[1, 2, 3, 4], 1);
        for (mode, antialias) in [("nearest", 0), ("linear", 0), ("linear", 1), ("cubic", 0), ("cubic", 1)] {
            for factors in [[2.0, 1.5], [0.5, 3.0], [0.7, 0.7]] {
                let operation = resize(|d| {
                    let d =
                        d.with_text("mode", mode).with_integer("antialias", antialias).with_integers("axes", [2, 3]);
                    d.with_absent().with_constant(scales(&factors))
                });
                check_gradient(&operation, std::slice::from_ref(&x));
            }
        }
    }

    #[test]
    fn volumes_are_resized_along_three_axes() {
        let operation =
            resize(|d| linear(d, "half_pixel").with_absent().with_constant(scales(&[1.0, 1.0, 2.0, 2.0, 2.0])));
        check_gradient(&operation, &[numbers(&[1, 1, 2, 3, 2], 1)]);
    }

    #[test]
    fn definitions_are_read_back() {
        let operations = [
            resize(|d| {
                d.with_text("mode", "cubic").with_absent().with_constant(scales(&[1.5])).with_integer("antialias", 1)
            }),
            resize(|d| {
                let d = linear(d, "tf_crop_and_resize").with_constant(scales(&[0.0, 1.0])).with_absent();
                d.with_constant_integers([4]).with_integer("exclude_outside", 1)
            }),
        ];
        for operation in operations {
            let spec: OperatorSpec<f64> = operation.to_spec();
            assert_eq!(Operation::<f64>::to_spec(&read_resize(&spec).unwrap()), spec);
        }
    }

    #[test]
    fn settings_that_mean_nothing_are_refused() {
        let refused = |spec: &OperatorSpec<f64>| read_resize(spec).unwrap_err().to_string();
        let start = || OperatorSpec::<f64>::new("Resize", 1);
        let sized = || start().with_absent().with_constant(scales(&[2.0]));
        assert!(refused(&start()).contains("scales or sizes"));
        assert!(refused(&sized().with_constant_integers([3])).contains("both"));
        assert!(refused(&sized().with_text("mode", "lanczos")).contains("\"lanczos\""));
        assert!(refused(&sized().with_text("nearest_mode", "up")).contains("round_prefer_floor"));
        assert!(refused(&sized().with_integer("antialias", 1)).contains("antialias"));
        assert!(refused(&start().with_absent().with_constant(scales(&[-1.0]))).contains("scales"));
        assert!(refused(&start().with_absent().with_absent().with_constant_integers([0])).contains("sizes"));
        let crop = linear(start(), "tf_crop_and_resize").with_constant(scales(&[0.0]));
        assert!(refused(&crop.with_constant(scales(&[1.0]))).contains("roi"));
    }

    #[test]
    fn operands_that_do_not_fit_are_refused() {
        let operation = resize(|d| d.with_absent().with_constant(scales(&[2.0])));
        let shape = |shape: &[usize]| Operation::<f64>::output_shape(&operation, &[shape]);
        assert_eq!(shape(&[3]).unwrap(), [6]);
        assert!(shape(&[3, 3]).is_err() && shape(&[0]).is_err());
    }
}
