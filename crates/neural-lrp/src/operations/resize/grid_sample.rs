//! Numbers between the places of an image, at coordinates that another tensor says.

use ndarray::{ArrayD, ArrayViewD};
use rayon::prelude::*;
use relevance::Stabilizer;

use crate::arrays::contiguous::{elements, elements_mut};
use crate::operation::shares::shares;
use crate::operation::{Family, Operation, OperatorSpec, ParsedOperation, Redistribution, Step};
use crate::operations::resize::{meaning, word_of};
use crate::{Error, Real};

/// `y_j = Σ_i w_ij(g_j) x_i`, where `g_j` are coordinates from −1 to 1, and `w` the weights of interpolation.
///
/// Relevance is shared by contributions `w_ij x_i`, at constant weights: coordinates say where to look, and get none. The
/// gradient is that of both operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridSample {
    /// How numbers between places are found.
    pub mode: GridMode,
    /// What lies beyond the borders.
    pub beyond: GridBeyond,
    /// What −1 and 1 are.
    pub ends: GridEnds,
}

/// How numbers between the places of an image are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GridMode {
    /// The nearest; halfway, that of the even place.
    Nearest,
    /// On the straight line between two neighbors.
    Linear,
    /// On a cubic through four neighbors, with the coefficient −¾.
    Cubic,
}

/// What lies beyond the borders of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GridBeyond {
    /// Zeros.
    Zeros,
    /// The number at the border.
    Border,
    /// The image, mirrored.
    Reflection,
}

/// What the coordinates −1 and 1 are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GridEnds {
    /// The centers of the first and the last number.
    Centers,
    /// The outer edges of the first and the last number.
    Edges,
}

/// Coordinates beyond this are as far away as any.
const FAR: f64 = 1e12;

/// One neighbor along an axis: its place, if it has one, its weight, and how that grows with the coordinate.
type Tap = (Option<usize>, f64, f64);

/// How many spatial axes there may be: the parts of an output are as many as neighbors along all of them together.
const MOST_AXES: usize = 3;

/// One number that an output is made of: its place, and the weight; and how the weight grows with each coordinate.
struct Part<F> {
    place: usize,
    weight: F,
    slopes: [F; MOST_AXES],
}

impl GridSample {
    /// The coordinate of a place, from 0 on, and how it grows with that of the grid.
    fn coordinate(self, grid: f64, length: usize) -> (f64, f64) {
        let length = length as f64;
        let (at, slope) = match self.ends {
            GridEnds::Centers => ((grid + 1.0) / 2.0 * (length - 1.0), (length - 1.0) / 2.0),
            GridEnds::Edges => (((grid + 1.0) * length - 1.0) / 2.0, length / 2.0),
        };
        let at = at.clamp(-FAR, FAR);
        if self.mode == GridMode::Nearest { (at.round_ties_even(), 0.0) } else { (at, slope) }
    }

    /// The borders that are mirrors.
    fn borders(self, length: usize) -> (f64, f64) {
        match self.ends {
            GridEnds::Centers => (0.0, length as f64 - 1.0),
            GridEnds::Edges => (-0.5, length as f64 - 0.5),
        }
    }

    /// A coordinate brought inside, and how it grows there.
    fn inside(self, at: f64, length: usize) -> (f64, f64) {
        let (first, last) = self.borders(length);
        match self.beyond {
            _ if (first..=last).contains(&at) || at.is_nan() => (at, 1.0),
            GridBeyond::Zeros => (at, 1.0),
            GridBeyond::Border => (at.clamp(0.0, length as f64 - 1.0), 0.0),
            GridBeyond::Reflection => reflected(at, first, last),
        }
    }

    /// The place at an integer coordinate.
    fn place(self, at: i64, length: usize) -> Option<usize> {
        let inside = |at: i64| usize::try_from(at).ok().filter(|&at| at < length);
        inside(at).or_else(|| match self.beyond {
            GridBeyond::Zeros => None,
            GridBeyond::Border => inside(at.clamp(0, length as i64 - 1)),
            GridBeyond::Reflection => {
                let (first, last) = self.borders(length);
                inside((reflected(at as f64, first, last).0 as i64).clamp(0, length as i64 - 1))
            }
        })
    }

    /// The neighbors of a coordinate along one axis.
    fn taps(self, grid: f64, length: usize) -> Vec<Tap> {
        let (at, slope) = self.coordinate(grid, length);
        let (at, turn) = self.inside(at, length);
        let (first, slope) = (at.floor(), slope * turn);
        let (place, rest) = (|k: i64| self.place(first as i64 + k, length), at - first);
        match self.mode {
            // What is no number makes the weight none.
            GridMode::Nearest => vec![(place(0), 1.0 + 0.0 * at, 0.0)],
            GridMode::Linear => vec![(place(0), 1.0 - rest, -slope), (place(1), rest, slope)],
            GridMode::Cubic => (-1..=2)
                .map(|k| {
                    let (weight, growth) = cubic(rest - k as f64);
                    (place(k), weight, growth * slope)
                })
                .collect(),
        }
    }

    /// The numbers that the output at one point of the grid is made of. The last axis of the image comes first in the grid.
    fn parts<F: Real>(self, point: &[F], lengths: &[usize]) -> Vec<Part<F>> {
        let axes = lengths.len();
        let taps: Vec<Vec<Tap>> =
            (0..axes).map(|axis| self.taps(point[axes - 1 - axis].as_(), lengths[axis])).collect();
        let mut parts = vec![(0, 1.0, [0.0; MOST_AXES])];
        for (axis, taps) in taps.iter().enumerate() {
            let mut next = Vec::with_capacity(parts.len() * taps.len());
            for (place, weight, slopes) in &parts {
                for &(at, own, growth) in taps {
                    let Some(at) = at else { continue };
                    let mut slopes = slopes.map(|slope: f64| slope * own);
                    slopes[axes - 1 - axis] = weight * growth;
                    next.push((place * lengths[axis] + at, weight * own, slopes));
                }
            }
            parts = next;
        }
        let part = |(place, weight, slopes): (usize, f64, [f64; MOST_AXES])| Part {
            place,
            weight: F::of(weight),
            slopes: slopes.map(F::of),
        };
        parts.into_iter().map(part).collect()
    }

    /// Visits each sample: the parts of all its outputs, and its number.
    fn each_sample<F: Real>(self, operands: &[ArrayViewD<'_, F>], mut visit: impl FnMut(usize, &[Vec<Part<F>>])) {
        let (lengths, grid) = (&operands[0].shape()[2..], elements(&operands[1]));
        let samples = operands[0].shape()[0];
        for sample in 0..samples {
            let points = grid.len() / samples;
            let points = grid[sample * points..][..points].par_chunks(lengths.len());
            let parts: Vec<Vec<Part<F>>> = points.map(|point| self.parts(point, lengths)).collect();
            visit(sample, &parts);
        }
    }

    /// What each number of the image gets of messages from the outputs, times its weights.
    fn to_image<F: Real>(self, operands: &[ArrayViewD<'_, F>], messages: &ArrayViewD<'_, F>) -> ArrayD<F> {
        let mut lower = ArrayD::zeros(operands[0].raw_dim());
        let messages = elements(messages);
        let sizes = Sizes::of(operands);
        let numbers = elements_mut(&mut lower);
        self.each_sample(operands, |sample, parts| {
            let planes = numbers[sample * sizes.sample()..][..sizes.sample()].par_chunks_mut(sizes.plane);
            planes.enumerate().for_each(|(channel, plane)| {
                let messages = &messages[(sample * sizes.channels + channel) * sizes.points..];
                for (parts, &message) in parts.iter().zip(messages) {
                    parts.iter().for_each(|part| plane[part.place] += part.weight * message);
                }
            });
        });
        lower
    }

    /// Outputs, each made of the numbers of its plane, and of its parts.
    fn outputs<F: Real>(
        self,
        operands: &[ArrayViewD<'_, F>],
        of: impl Fn(&[F], &Part<F>, &[F]) -> F + Sync,
    ) -> ArrayD<F> {
        let shape = Operation::<F>::output_shape(&self, &[operands[0].shape(), operands[1].shape()]);
        let mut output = ArrayD::zeros(shape.unwrap_or_else(|_| unreachable!("output_shape agreed")));
        let (image, grid, sizes) = (elements(&operands[0]), elements(&operands[1]), Sizes::of(operands));
        let axes = operands[0].ndim() - 2;
        let outputs = elements_mut(&mut output);
        self.each_sample(operands, |sample, parts| {
            let outputs = outputs[sample * sizes.channels * sizes.points..][..sizes.channels * sizes.points]
                .par_chunks_mut(sizes.points);
            outputs.enumerate().for_each(|(channel, outputs)| {
                let plane = &image[(sample * sizes.channels + channel) * sizes.plane..][..sizes.plane];
                for (point, (output, parts)) in outputs.iter_mut().zip(parts).enumerate() {
                    let grid = &grid[(sample * sizes.points + point) * axes..][..axes];
                    *output = parts.iter().map(|part| of(plane, part, grid)).sum();
                }
            });
        });
        output
    }
}

/// How many numbers there are.
struct Sizes {
    channels: usize,
    /// In a plane of the image.
    plane: usize,
    /// In a plane of the output.
    points: usize,
}

impl Sizes {
    fn of<F: Real>(operands: &[ArrayViewD<'_, F>]) -> Self {
        let (image, grid) = (operands[0].shape(), operands[1].shape());
        let points = grid[1..grid.len() - 1].iter().product();
        Self { channels: image[1], plane: image[2..].iter().product(), points }
    }

    fn sample(&self) -> usize {
        self.channels * self.plane
    }
}

/// A coordinate mirrored until it is between two borders, and whether it grows or falls there.
fn reflected(at: f64, first: f64, last: f64) -> (f64, f64) {
    let range = last - first;
    if range <= 0.0 {
        return (first, 0.0);
    }
    let (beyond, border, other, inward) =
        if at < first { (first - at, first, last, 1.0) } else { (at - last, last, first, -1.0) };
    let (turns, rest) = ((beyond / range).floor(), beyond % range);
    // Outward is negative from here on: what goes beyond one border comes back from it.
    match turns % 2.0 == 0.0 {
        true => (border + inward * rest, -1.0),
        false => (other - inward * rest, 1.0),
    }
}

/// The weight of a neighbor at a distance, and how it grows with it: Keys's cubic with the coefficient −¾.
fn cubic(distance: f64) -> (f64, f64) {
    const A: f64 = -0.75;
    let (x, sign) = (distance.abs(), distance.signum());
    let (weight, growth) = if x <= 1.0 {
        (((A + 2.0) * x - (A + 3.0)) * x * x + 1.0, (3.0 * (A + 2.0) * x - 2.0 * (A + 3.0)) * x)
    } else {
        (((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A, (3.0 * A * x - 10.0 * A) * x + 8.0 * A)
    };
    (weight, growth * sign)
}

impl<F: Real> Operation<F> for GridSample {
    fn to_spec(&self) -> OperatorSpec<F> {
        OperatorSpec::new("GridSample", 2)
            .with_text("mode", word_of(MODES, &self.mode))
            .with_text("padding_mode", word_of(BEYOND, &self.beyond))
            .with_integer("align_corners", i64::from(self.ends == GridEnds::Centers))
    }

    fn kind(&self) -> &'static str {
        "GridSample"
    }

    fn family(&self) -> Family {
        Family::Sum
    }

    fn keeps_samples_apart(&self, _: &[&[usize]]) -> bool {
        true
    }

    fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
        match operands {
            [[samples, channels, lengths @ ..], [grid_samples, points @ .., coordinates]]
                if samples == grid_samples
                    && points.len() == lengths.len()
                    && *coordinates == lengths.len()
                    && (1..=MOST_AXES).contains(coordinates) =>
            {
                Ok([&[*samples, *channels], points].concat())
            }
            _ => {
                let reason = "it takes an image, samples × channels × one to three spatial axes, and as many samples of coordinates, one \
                              for each spatial axis at each place of the output";
                Err(Error::shape(operands, reason))
            }
        }
    }

    fn forward(&self, operands: &[ArrayViewD<'_, F>]) -> ArrayD<F> {
        self.outputs(operands, |plane, part, _| part.weight * plane[part.place])
    }

    fn gradient(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>) -> Vec<ArrayD<F>> {
        let (operands, sizes) = (&step.operands, Sizes::of(&step.operands));
        let (image, messages) = (elements(&operands[0]), elements(&upper));
        let mut grid = ArrayD::zeros(operands[1].raw_dim());
        let axes = operands[0].ndim() - 2;
        let slopes = elements_mut(&mut grid);
        self.each_sample(operands, |sample, parts| {
            let points = slopes[sample * sizes.points * axes..][..sizes.points * axes].par_chunks_mut(axes);
            points.zip(parts).enumerate().for_each(|(point, (slopes, parts))| {
                for channel in 0..sizes.channels {
                    let channel = sample * sizes.channels + channel;
                    let message = messages[channel * sizes.points + point];
                    for part in parts {
                        let number = image[channel * sizes.plane + part.place] * message;
                        slopes.iter_mut().zip(&part.slopes).for_each(|(sum, &slope)| *sum += slope * number);
                    }
                }
            });
        });
        vec![self.to_image(operands, &upper), grid]
    }

    fn along_operands(&self, step: &Step<'_, F>) -> ArrayD<F> {
        self.outputs(&step.operands, |plane, part, grid| {
            let along = part.slopes.iter().zip(grid).map(|(&slope, &grid)| slope * grid).sum::<F>();
            (part.weight + along) * plane[part.place]
        })
    }

    fn by_contributions(
        &self,
        step: &Step<'_, F>,
        upper: ArrayViewD<'_, F>,
        stabilizer: Stabilizer,
    ) -> Option<Redistribution<F>> {
        let (shares, sinks) = shares(upper, &step.output, stabilizer);
        let image = self.to_image(&step.operands, &shares.view()) * &step.operands[0];
        Some(Redistribution::with_sinks(vec![image, ArrayD::zeros(step.operands[1].raw_dim())], sinks))
    }

    fn description(&self) -> String {
        format!("{:?}", self.mode)
    }
}

/// ONNX's words for the settings.
const MODES: &[(&str, GridMode)] =
    &[("linear", GridMode::Linear), ("nearest", GridMode::Nearest), ("cubic", GridMode::Cubic)];
const BEYOND: &[(&str, GridBeyond)] =
    &[("zeros", GridBeyond::Zeros), ("border", GridBeyond::Border), ("reflection", GridBeyond::Reflection)];

/// Reads the operation from its specification.
pub(crate) fn read<F: Real>(spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
    spec.constants_are_numbers(2..=2)?;
    let (mode, beyond) = (meaning(spec, "mode", MODES)?, meaning(spec, "padding_mode", BEYOND)?);
    let ends = if spec.integer("align_corners", 0)? != 0 { GridEnds::Centers } else { GridEnds::Edges };
    Ok(ParsedOperation::new(GridSample { mode, beyond, ends }, vec![0, 1]))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::operations::testing::{booked, check_gradient, check_gradient_of, forward, numbers, step};

    fn all() -> impl Iterator<Item = GridSample> {
        let settings = MODES.iter().flat_map(|(_, mode)| BEYOND.iter().map(|(_, beyond)| (*mode, *beyond)));
        let ends = [GridEnds::Centers, GridEnds::Edges];
        settings.flat_map(move |(mode, beyond)| ends.map(|ends| GridSample { mode, beyond, ends }))
    }

    #[test]
    fn a_grid_of_its_own_places_is_the_image() {
        let x = numbers(&[1, 2, 3, 4], 1);
        let grid = ArrayD::from_shape_fn(vec![1, 3, 4, 2], |at| match at[3] {
            0 => at[2] as f64 / 3.0 * 2.0 - 1.0,
            _ => at[1] as f64 - 1.0,
        });
        for &(_, mode) in MODES {
            let sample = GridSample { mode, beyond: GridBeyond::Zeros, ends: GridEnds::Centers };
            let y = forward(&sample, &[x.clone(), grid.clone()]);
            assert!(y.iter().zip(&x).all(|(y, x)| (y - x).abs() < 1e-12), "{mode:?}");
        }
    }

    #[test]
    fn what_lies_beyond_is_nothing_the_border_or_a_mirror() {
        let x = array![[[1.0, 2.0, 4.0]]].into_dyn();
        let grid = array![[[-3.0], [-1.0], [2.0], [9.0]]].into_dyn();
        let of = |beyond, ends| {
            let sample = GridSample { mode: GridMode::Linear, beyond, ends };
            forward(&sample, &[x.clone(), grid.clone()]).into_raw_vec_and_offset().0
        };
        assert_eq!(of(GridBeyond::Zeros, GridEnds::Centers), [0.0, 1.0, 0.0, 0.0]);
        assert_eq!(of(GridBeyond::Border, GridEnds::Centers), [1.0, 1.0, 4.0, 4.0]);
        assert_eq!(of(GridBeyond::Reflection, GridEnds::Centers), [4.0, 1.0, 2.0, 4.0]);
        assert_eq!(of(GridBeyond::Zeros, GridEnds::Edges), [0.0, 0.5, 0.0, 0.0]);
        assert_eq!(of(GridBeyond::Reflection, GridEnds::Edges), [4.0, 1.0, 2.0, 4.0]);
    }

    #[test]
    fn gradients_are_those_of_finite_differences() {
        for sample in all() {
            let varied: &[usize] = if sample.mode == GridMode::Nearest { &[0] } else { &[0, 1] };
            let grid = numbers(&[2, 3, 2, 2], 17) * 1.6;
            check_gradient_of(&sample, &[numbers(&[2, 2, 3, 4], 6), grid], varied);
        }
        let volume = GridSample { mode: GridMode::Linear, beyond: GridBeyond::Zeros, ends: GridEnds::Edges };
        check_gradient(&volume, &[numbers(&[1, 2, 2, 3, 2], 8), numbers(&[1, 2, 1, 2, 3], 10) * 0.37]);
    }

    #[test]
    fn coordinates_get_no_relevance_and_the_books_balance() {
        for sample in all() {
            let x = [numbers(&[2, 2, 3, 4], 1), numbers(&[2, 3, 2, 2], 2) * 1.5];
            let y = forward(&sample, &x);
            let upper = numbers(y.shape(), 3);
            let stabilizer = Stabilizer::new(0.25).unwrap();
            let shared = sample.by_contributions(&step(&x, &y), upper.view(), stabilizer).unwrap();
            assert!(shared.lower[1].iter().all(|&grid| grid == 0.0));
            let entry = booked(&upper, shared);
            assert!(entry.relative_error() < 1e-12, "{sample:?}: {}", entry.relative_error());
        }
    }

    #[test]
    fn no_coordinates_are_too_wild() {
        for sample in all() {
            for wild in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
                let x = [numbers(&[1, 1, 2, 1], 1), array![[[[0.0, wild], [wild, 0.0]]]].into_dyn()];
                let y = forward(&sample, &x);
                assert!(!wild.is_nan() || y.iter().any(|y| y.is_nan()), "{sample:?} at {wild}: {y}");
            }
        }
    }

    #[test]
    fn it_is_read_as_it_is_worded() {
        for sample in all() {
            let spec: OperatorSpec<f64> = sample.to_spec();
            assert_eq!(read(&spec).unwrap().operation.to_spec(), spec);
        }
        let spec = |name, word| OperatorSpec::<f64>::new("GridSample", 2).with_text(name, word);
        assert!(read(&spec("mode", "bilinear")).is_err() && read(&spec("padding_mode", "wrap")).is_err());
        let shape = |shapes: &[&[usize]]| Operation::<f64>::output_shape(&all().next().unwrap(), shapes);
        assert_eq!(shape(&[&[2, 3, 4, 5], &[2, 6, 7, 2]]).unwrap(), [2, 3, 6, 7]);
        assert!(shape(&[&[2, 3, 4, 5], &[1, 6, 7, 2]]).is_err() && shape(&[&[2, 3, 4, 5], &[2, 6, 7, 3]]).is_err());
        assert!(shape(&[&[2, 3], &[2, 0]]).is_err() && shape(&[&[1; 12], &[&[1; 11][..], &[10]].concat()]).is_err());
    }
}
