//! Resampling along one axis: which numbers of the operand each number of the output is made of.

use ndarray::{ArrayD, ArrayViewD};
use num_traits::Float;
use rayon::prelude::*;

use crate::Real;
use crate::arrays::contiguous::{elements, elements_mut};
use crate::arrays::map::WORTH_THREADS;

/// Which coordinate of the operand a place of the output has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Coordinates {
    /// `(x + ½) / scale − ½`
    HalfPixel,
    /// As above, with the centers of operand and output together where the output's length was rounded.
    HalfPixelSymmetric,
    /// As [`HalfPixel`](Self::HalfPixel), but 0 for an output of length 1.
    PytorchHalfPixel,
    /// `x / scale`
    Asymmetric,
    /// First on first and last on last: `x (length − 1) / (resized − 1)`, where the resized length is the unrounded
    /// `scale · length` if a scale was given, as in ONNX's reference (others round it).
    AlignCorners,
    /// First and last of the output on `start` and `end` of each axis, which goes from 0 to 1.
    CropAndResize,
}

/// How numbers between the places of the operand are found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Interpolation {
    /// The nearest.
    Nearest(Nearest),
    /// On the straight line between two neighbors.
    Linear,
    /// On a cubic through four neighbors, by this coefficient.
    Cubic(f64),
}

/// Which is the nearest of two neighbors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nearest {
    /// The nearer; halfway, the first.
    PreferFloor,
    /// The nearer; halfway, the second.
    PreferCeil,
    /// The first.
    Floor,
    /// The second.
    Ceil,
}

/// What lies beyond the borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// The number at the border.
    Edge,
    /// Nothing: the weights of the others are enlarged to add up to 1.
    Nothing,
}

/// Whether shrinking widens the interpolation to all numbers that an output stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Antialias {
    /// It does not.
    Off,
    /// It does.
    On,
}

/// One axis to be resampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resampling {
    pub(crate) length: usize,
    pub(crate) resized: usize,
    pub(crate) scale: f64,
    /// The length that [`Coordinates::AlignCorners`] aligns: `scale · length` where the scale was given.
    pub(crate) width: f64,
    pub(crate) coordinates: Coordinates,
    /// The part that [`Coordinates::CropAndResize`] takes.
    pub(crate) start: f64,
    pub(crate) end: f64,
    pub(crate) interpolation: Interpolation,
    pub(crate) beyond: Beyond,
    pub(crate) antialias: Antialias,
}

/// The weights of neighbors, from the first one on; no neighbors where an output lies outside of the operand.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Taps<F> {
    first: usize,
    weights: Vec<F>,
}

impl Resampling {
    /// Whether each number stays what it is.
    pub(crate) fn is_identity(&self) -> bool {
        self.resized == self.length && self.scale == 1.0 && self.coordinates != Coordinates::CropAndResize
    }

    /// What each number of the output is made of.
    pub(crate) fn taps<F: Real>(&self) -> Vec<Taps<F>> {
        (0..self.resized).map(|place| self.taps_at(place)).collect()
    }

    fn taps_at<F: Real>(&self, place: usize) -> Taps<F> {
        let last = self.length as i64 - 1;
        let coordinate: f64 = self.coordinate(place);
        if self.coordinates == Coordinates::CropAndResize && !(0.0..=last as f64).contains(&coordinate) {
            return Taps::default();
        }
        if let Interpolation::Nearest(nearest) = self.interpolation {
            // in single precision, as it is everywhere: places on a border between two neighbors fall to the same one
            let coordinate: f32 = self.coordinate(place);
            return Taps { first: nearest.of(coordinate).clamp(0, last) as usize, weights: vec![F::one()] };
        }
        let scale = if self.antialias == Antialias::On { self.scale.min(1.0) } else { 1.0 };
        let reach = self.interpolation.reach() / scale;
        let neighbors = (coordinate - reach).floor() as i64 + 1..=(coordinate + reach).ceil() as i64 - 1;
        self.weigh(neighbors, |neighbor| self.interpolation.weight((neighbor as f64 - coordinate) * scale))
    }

    /// Weights that add up to 1, those beyond the borders added to the border's or left out.
    fn weigh<F: Real>(&self, neighbors: std::ops::RangeInclusive<i64>, weight: impl Fn(i64) -> f64) -> Taps<F> {
        let last = self.length as i64 - 1;
        let (first, end) = ((*neighbors.start()).clamp(0, last), (*neighbors.end()).clamp(0, last));
        let mut weights = vec![0.0; (end - first + 1) as usize];
        for neighbor in neighbors {
            let inside = neighbor.clamp(0, last);
            if inside == neighbor || self.beyond == Beyond::Edge {
                weights[(inside - first) as usize] += weight(neighbor);
            }
        }
        let sum: f64 = weights.iter().sum();
        if sum == 0.0 {
            let share = F::of(1.0 / weights.len() as f64); // all neighbors lie beyond: the border itself
            return Taps { first: first as usize, weights: vec![share; weights.len()] };
        }
        Taps { first: first as usize, weights: weights.into_iter().map(|weight| F::of(weight / sum)).collect() }
    }

    fn coordinate<T: Float>(&self, place: usize) -> T {
        let number = |value: f64| num_traits::cast(value).unwrap_or_else(T::nan);
        let (x, half) = (number(place as f64), number(0.5));
        let (length, width, scale) = (number(self.length as f64), number(self.width), number(self.scale));
        let one = T::one();
        let half_pixel = (x + half) / scale - half;
        match self.coordinates {
            Coordinates::HalfPixel => half_pixel,
            Coordinates::PytorchHalfPixel if self.resized > 1 => half_pixel,
            Coordinates::PytorchHalfPixel => T::zero(),
            Coordinates::HalfPixelSymmetric => {
                let offset = length * half * (one - number(self.resized as f64) / (scale * length));
                offset + (x + half) / scale - half
            }
            Coordinates::Asymmetric => x / scale,
            Coordinates::AlignCorners if width == one => T::zero(),
            Coordinates::AlignCorners => x * (length - one) / (width - one),
            Coordinates::CropAndResize => {
                let (start, end) = (number(self.start), number(self.end));
                match self.resized {
                    1 => half * (start + end) * (length - one),
                    resized => {
                        let resized = number(resized as f64);
                        start * (length - one) + x * (end - start) * (length - one) / (resized - one)
                    }
                }
            }
        }
    }
}

impl Nearest {
    fn of(self, coordinate: f32) -> i64 {
        let floor = coordinate.floor();
        let fraction = coordinate - floor;
        let ceil = match self {
            Self::PreferFloor => fraction > 0.5,
            Self::PreferCeil => fraction >= 0.5,
            Self::Floor => false,
            Self::Ceil => fraction > 0.0,
        };
        floor as i64 + i64::from(ceil)
    }
}

impl Interpolation {
    /// How far away neighbors have weight.
    fn reach(self) -> f64 {
        match self {
            Self::Nearest(_) => 0.5,
            Self::Linear => 1.0,
            Self::Cubic(_) => 2.0,
        }
    }

    /// The weight of a neighbor at a distance; Keys 1981 for the cubic.
    fn weight(self, distance: f64) -> f64 {
        let d = distance.abs();
        match self {
            Self::Nearest(_) => 1.0,
            Self::Linear => (1.0 - d).max(0.0),
            Self::Cubic(a) if d <= 1.0 => ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0,
            Self::Cubic(a) if d < 2.0 => ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a,
            Self::Cubic(_) => 0.0,
        }
    }
}

/// Resamples along an axis.
pub(crate) fn resample<F: Real>(operand: ArrayViewD<'_, F>, axis: usize, taps: &[Taps<F>]) -> ArrayD<F> {
    let mut shape = operand.shape().to_vec();
    let (length, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
    shape[axis] = taps.len();
    let mut output = ArrayD::zeros(shape);
    if output.is_empty() {
        return output;
    }
    let sources = elements(&operand);
    let planes = elements_mut(&mut output).par_chunks_mut(taps.len() * inner).zip(sources.par_chunks(length * inner));
    planes.with_min_len(WORTH_THREADS.div_ceil(taps.len() * inner)).for_each(|(targets, sources)| match inner {
        1 => {
            for (taps, target) in taps.iter().zip(targets) {
                *target = taps.over(sources).map(|(&weight, &source)| weight * source).sum();
            }
        }
        _ => {
            for (taps, targets) in taps.iter().zip(targets.chunks_mut(inner)) {
                for (&weight, sources) in taps.weights.iter().zip(sources[taps.first * inner..].chunks(inner)) {
                    targets.iter_mut().zip(sources).for_each(|(target, &source)| *target += weight * source);
                }
            }
        }
    });
    output
}

/// The transpose of [`resample`], for an operand of the given length along the axis.
pub(crate) fn resample_transposed<F: Real>(
    upper: ArrayViewD<'_, F>,
    axis: usize,
    taps: &[Taps<F>],
    length: usize,
) -> ArrayD<F> {
    let mut shape = upper.shape().to_vec();
    let inner = shape[axis + 1..].iter().product::<usize>();
    shape[axis] = length;
    let mut lower = ArrayD::zeros(shape);
    if upper.is_empty() {
        return lower;
    }
    let targets = elements(&upper);
    let planes = elements_mut(&mut lower).par_chunks_mut(length * inner).zip(targets.par_chunks(taps.len() * inner));
    planes.with_min_len(WORTH_THREADS.div_ceil(length * inner)).for_each(|(sources, targets)| {
        for (taps, targets) in taps.iter().zip(targets.chunks(inner)) {
            for (&weight, sources) in taps.weights.iter().zip(sources[taps.first * inner..].chunks_mut(inner)) {
                sources.iter_mut().zip(targets).for_each(|(source, &target)| *source += weight * target);
            }
        }
    });
    lower
}

impl<F> Taps<F> {
    /// The weights with the numbers of a line that they belong to.
    fn over<'a>(&'a self, line: &'a [F]) -> impl Iterator<Item = (&'a F, &'a F)> {
        self.weights.iter().zip(&line[self.first..])
    }

    /// Whether the output lies outside of the operand.
    pub(crate) fn is_outside(&self) -> bool {
        self.weights.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::operations::testing::{assert_close, numbers};

    fn plain(length: usize, resized: usize) -> Resampling {
        let scale = resized as f64 / length as f64;
        Resampling {
            length,
            resized,
            scale,
            width: resized as f64,
            coordinates: Coordinates::HalfPixel,
            start: 0.0,
            end: 1.0,
            interpolation: Interpolation::Linear,
            beyond: Beyond::Edge,
            antialias: Antialias::Off,
        }
    }

    #[test]
    fn coordinates_of_four_places_among_eight() {
        let coordinates = |coordinates, resized| -> Vec<f64> {
            let resampling = Resampling { coordinates, start: 0.25, end: 0.75, ..plain(8, resized) };
            (0..resized).map(|place| resampling.coordinate(place)).collect()
        };
        assert_eq!(coordinates(Coordinates::HalfPixel, 4), [0.5, 2.5, 4.5, 6.5]);
        assert_eq!(coordinates(Coordinates::HalfPixelSymmetric, 4), [0.5, 2.5, 4.5, 6.5]);
        assert_eq!(coordinates(Coordinates::PytorchHalfPixel, 4), [0.5, 2.5, 4.5, 6.5]);
        assert_eq!(coordinates(Coordinates::Asymmetric, 4), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(coordinates(Coordinates::AlignCorners, 4), [0.0, 7.0 / 3.0, 14.0 / 3.0, 7.0]);
        assert_eq!(coordinates(Coordinates::CropAndResize, 3), [1.75, 3.5, 5.25]);
        assert_eq!(coordinates(Coordinates::HalfPixel, 1), [3.5]);
        assert_eq!(coordinates(Coordinates::PytorchHalfPixel, 1), [0.0]);
        assert_eq!(coordinates(Coordinates::AlignCorners, 1), [0.0]);
        assert_eq!(coordinates(Coordinates::CropAndResize, 1), [3.5]);
    }

    #[test]
    fn the_center_stays_where_a_length_was_rounded() {
        // 5 · 0.7 = 3.5 became 3
        let resampling = Resampling { scale: 0.7, coordinates: Coordinates::HalfPixelSymmetric, ..plain(5, 3) };
        let center: f64 = resampling.coordinate(1);
        assert!((center - 2.0).abs() < 1e-15);
    }

    #[test]
    fn the_nearest_of_two() {
        let nearest = |nearest: Nearest| [-0.5, 0.0, 0.25, 0.5, 0.75, 1.0].map(|coordinate| nearest.of(coordinate));
        assert_eq!(nearest(Nearest::PreferFloor), [-1, 0, 0, 0, 1, 1]);
        assert_eq!(nearest(Nearest::PreferCeil), [0, 0, 0, 1, 1, 1]);
        assert_eq!(nearest(Nearest::Floor), [-1, 0, 0, 0, 0, 1]);
        assert_eq!(nearest(Nearest::Ceil), [0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn weights_by_hand() {
        let taps = |first, weights: &[f64]| Taps { first, weights: weights.to_vec() };
        assert_eq!(plain(2, 4).taps::<f64>()[..2], [taps(0, &[1.0]), taps(0, &[0.75, 0.25])]);
        let wide = Resampling { antialias: Antialias::On, beyond: Beyond::Nothing, ..plain(4, 2) };
        assert_eq!(wide.taps::<f64>()[0], taps(0, &[3.0 / 7.0, 3.0 / 7.0, 1.0 / 7.0]));
        let edge = Resampling { antialias: Antialias::On, ..plain(4, 2) };
        assert_eq!(edge.taps::<f64>()[0], taps(0, &[0.5, 0.375, 0.125]));
        // halfway between two numbers, a = −½: (−1, 9, 9, −1) / 16
        let cubic = Resampling { interpolation: Interpolation::Cubic(-0.5), ..plain(8, 4) };
        assert_eq!(cubic.taps::<f64>()[1], taps(1, &[-0.0625, 0.5625, 0.5625, -0.0625]));
        let outside = Resampling { coordinates: Coordinates::CropAndResize, start: -1.0, ..plain(4, 3) };
        assert_eq!(outside.taps::<f64>(), [Taps::default(), taps(0, &[1.0]), taps(3, &[1.0])]);
    }

    fn resamplings() -> impl Strategy<Value = Resampling> {
        use Coordinates::{AlignCorners, Asymmetric, CropAndResize, HalfPixel, HalfPixelSymmetric, PytorchHalfPixel};
        let coordinates = [HalfPixel, HalfPixelSymmetric, PytorchHalfPixel, Asymmetric, AlignCorners, CropAndResize];
        let interpolations = [
            Interpolation::Nearest(Nearest::PreferFloor),
            Interpolation::Nearest(Nearest::Ceil),
            Interpolation::Linear,
            Interpolation::Cubic(-0.75),
        ];
        (
            (1usize..9, 1usize..12),
            prop::sample::select(coordinates.to_vec()),
            prop::sample::select(interpolations.to_vec()),
            prop::sample::select(vec![Beyond::Edge, Beyond::Nothing]),
            prop::sample::select(vec![Antialias::Off, Antialias::On]),
            (-0.3f64..0.5, 0.5f64..1.3),
        )
            .prop_map(|((length, resized), coordinates, interpolation, beyond, antialias, (start, end))| {
                Resampling { coordinates, interpolation, beyond, antialias, start, end, ..plain(length, resized) }
            })
    }

    proptest! {
        #[test]
        fn each_output_is_a_mean_and_the_transpose_is_one(resampling in resamplings(), (outer, inner) in (1usize..3, 1usize..4)) {
            let taps = resampling.taps::<f64>();
            for taps in taps.iter().filter(|taps| !taps.is_outside()) {
                prop_assert!((taps.weights.iter().sum::<f64>() - 1.0).abs() < 1e-14);
                prop_assert!(taps.first + taps.weights.len() <= resampling.length);
            }
            let x = numbers(&[outer, resampling.length, inner], 1);
            let upper = numbers(&[outer, resampling.resized, inner], 2);
            let mut slow = upper.mapv(|_| 0.0);
            for (place, slow) in slow.indexed_iter_mut() {
                for (k, weight) in taps[place[1]].weights.iter().enumerate() {
                    *slow += weight * x[[place[0], taps[place[1]].first + k, place[2]]];
                }
            }
            let fast = resample(x.view(), 1, &taps);
            assert_close(fast.view(), slow.view(), "resampled");
            let lower = resample_transposed(upper.view(), 1, &taps, resampling.length);
            prop_assert!(((&fast * &upper).sum() - (&x * &lower).sum()).abs() < 1e-12);
        }
    }
}
