//! Arrays as pictures: how the values of a sample lie in a picture, one relevance for each pixel, and inputs as people
//! see them.

use std::fmt;

use ndarray::{Array2, Array3, ArrayD, ArrayViewD, Axis, Ix2, Ix3};
use neural_lrp::Real;

/// Most values of a bar in one line.
const LONGEST_LINE: usize = 1024;
/// Rows of pixels of a bar, over all of its lines.
const BAR_HEIGHT: usize = 48;

/// How the values of a sample lie in a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Rows and columns, with channels before or behind them.
    Image {
        /// The axis of the channels.
        channels: Axis,
    },
    /// Channels and planes before rows and columns.
    Volume,
    /// A square of so many values along a side.
    Square(usize),
    /// Values one after another, drawn as a bar; channels, if any, before them.
    Bar {
        /// How many values there are.
        length: usize,
    },
}

impl Layout {
    /// The layout of samples of a shape, without the axis of samples.
    pub fn of(shape: &[usize]) -> Self {
        match *shape {
            [first, _, last] => {
                let is_last = !matches!(first, 1 | 3) && matches!(last, 1 | 3);
                Self::Image { channels: Axis(if is_last { 2 } else { 0 }) }
            }
            [_, _, _, _] => Self::Volume,
            [_, length] => Self::Bar { length },
            _ => {
                let length = shape.iter().product();
                let side = usize::isqrt(length);
                if side * side == length { Self::Square(side) } else { Self::Bar { length } }
            }
        }
    }

    /// Relevance as a map, summed over channels.
    pub fn map<F: Real>(&self, relevance: ArrayViewD<'_, F>) -> Array2<f64> {
        let relevance = relevance.mapv(|value| value.as_());
        match *self {
            Self::Image { channels } => plane(relevance.sum_axis(channels)),
            Self::Volume => plane(relevance.sum_axis(Axis(0)).sum_axis(Axis(0))),
            Self::Square(side) => folded(&relevance, side, side, 1),
            Self::Bar { length } => {
                let line = if relevance.ndim() == 2 { relevance.sum_axis(Axis(0)) } else { relevance };
                let width = length.min(LONGEST_LINE);
                let lines = length.div_ceil(width.max(1));
                // Bars that are short in comparison would be hard to see.
                let thickness = (BAR_HEIGHT / lines.max(1)).clamp(1, (width / 8).max(1));
                folded(&line, lines, width, thickness)
            }
        }
    }

    /// Values as a person would see them, from the smallest, black, to the largest, white: in color where there are
    /// three channels, else their sum in gray.
    pub fn photo<F: Real>(&self, values: ArrayViewD<'_, F>) -> Array3<u8> {
        let colors = match *self {
            Self::Image { channels } if values.len_of(channels) == 3 => {
                let planes = values.mapv(|value| value.as_()).into_dimensionality::<Ix3>().unwrap_or_default();
                if channels == Axis(0) { planes.permuted_axes([1, 2, 0]) } else { planes }
            }
            _ => self.map(values).insert_axis(Axis(2)),
        };
        let (low, high) =
            colors.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
        // What is the same everywhere is gray.
        colors.mapv(|value| if high > low { (255.0 * (value - low) / (high - low)).round() as u8 } else { 127 })
    }
}

/// Said where it is not plain: what the picture's pixels are.
impl fmt::Display for Layout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { .. } => write!(formatter, "pixels, summed over channels"),
            Self::Volume => write!(formatter, "a volume, summed over channels and planes"),
            Self::Square(side) => write!(formatter, "{} values, drawn as a square of {side} × {side}", side * side),
            Self::Bar { length } => write!(formatter, "{length} values, drawn as a bar"),
        }
    }
}

fn plane(values: ArrayD<f64>) -> Array2<f64> {
    values.into_dimensionality::<Ix2>().unwrap_or_default()
}

/// Values in lines below each other, each line repeated; nothing where there are no more values.
fn folded(values: &ArrayD<f64>, lines: usize, width: usize, thickness: usize) -> Array2<f64> {
    let values: Vec<f64> = values.iter().copied().collect();
    Array2::from_shape_fn((lines * thickness, width), |(row, column)| {
        values.get(row / thickness * width + column).copied().unwrap_or(0.0)
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn channels_are_summed_wherever_they_are() {
        let first = array![[[1.0, 2.0]], [[10.0, 20.0]], [[100.0, 200.0]]].into_dyn();
        assert_eq!(Layout::of(&[3, 1, 2]).map(first.view()), array![[111.0, 222.0]]);
        let last = first.permuted_axes(ndarray::IxDyn(&[1, 2, 0]));
        assert_eq!(Layout::Image { channels: Axis(2) }.map(last.view()), array![[111.0, 222.0]]);
        assert_eq!(Layout::of(&[8, 8, 3]), Layout::Image { channels: Axis(2) });
        assert_eq!(Layout::of(&[1, 28, 28]), Layout::Image { channels: Axis(0) });
    }

    #[test]
    fn values_become_a_square_or_a_bar() {
        let values = ArrayD::from_shape_fn(vec![784], |at| at[0] as f64);
        let square = Layout::of(&[784]);
        assert_eq!(square.to_string(), "784 values, drawn as a square of 28 × 28");
        assert_eq!(square.map(values.view())[[1, 2]], 30.0);
        let values = ArrayD::from_shape_fn(vec![10], |at| at[0] as f64);
        assert_eq!(Layout::of(&[10]).map(values.view()).dim(), (1, 10));
        let long = ArrayD::from_elem(vec![3000], 1.0);
        let map = Layout::of(&[3000]).map(long.view());
        assert_eq!((map.dim(), map[[47, 1023]], map[[0, 1023]]), ((48, 1024), 0.0, 1.0));
        assert_eq!(Layout::of(&[2, 7]).map(ArrayD::from_elem(vec![2, 7], 1.0).view()), Array2::from_elem((1, 7), 2.0));
        for shape in [&[][..], &[1, 2, 3, 4], &[2, 1, 2, 1, 2]] {
            assert!(!Layout::of(shape).map(ArrayD::from_elem(shape, 1.0).view()).is_empty());
        }
    }

    #[test]
    fn inputs_are_seen_from_black_to_white() {
        let dim = |shape: &[usize]| Layout::of(shape).photo(ArrayD::from_elem(shape, 7.0).view()).dim();
        assert_eq!((dim(&[1, 4, 5]), dim(&[3, 4, 5]), dim(&[4, 5, 3])), ((4, 5, 1), (4, 5, 3), (4, 5, 3)));
        assert_eq!((dim(&[2, 4, 5]), dim(&[16]), dim(&[2, 9])), ((4, 5, 1), (4, 4, 1), (1, 9, 1)));
        let values = array![-1.0, 0.0, 1.0, 3.0].into_dyn();
        assert_eq!(Layout::of(&[4]).photo(values.view()).into_raw_vec_and_offset().0, [0, 64, 128, 255]);
        let color = ArrayD::from_shape_fn(vec![3, 1, 1], |at| at[0] as f32);
        assert_eq!(Layout::of(&[3, 1, 1]).photo(color.view()).into_raw_vec_and_offset().0, [0, 128, 255]);
    }
}
