//! R¹: from the relevance of local features to that of pixels (Eqs 33, 34).

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, s};
use relevance::{Entry, Stabilizer, quotients};

use crate::{Area, Error, Span};

/// The relevance of each pixel: every local feature shares its own evenly among the pixels that it covers.
///
/// ```text
/// R_q^(1) = Σ_{l ∈ L(q)} R_l^(2) / #area(l)                 Bach et al. 2015, Eq. (34), with L(q) of Eq. (33)
/// ```
/// * `R_l^(2)` — `relevance`, one for each local feature, (L)
/// * `area(l)` — `areas`, one for each local feature, (L); clipped to the image
/// * `#area(l)` — its pixels inside of the image: all that the feature has to give stays in the image
/// * `R_q^(1)` — the result, of `shape` (height, width), with its ledger entry. Pixels that no feature covers are 0.
///
/// In the terms of Eq. 16, each pixel of an area contributes 1 to its feature.
///
/// ```
/// use local_features::{Area, pixel_relevance};
/// use ndarray::array;
/// let left = Area::Rectangle { top: 0, left: -1, bottom: 2, right: 1 }; // two pixels, two more outside of the image
/// let right = Area::Rectangle { top: 0, left: 0, bottom: 1, right: 3 }; // three pixels
/// let (pixels, entry) = pixel_relevance(array![4.0, -3.0].view(), &[left, right], (2, 3))?;
/// assert_eq!(pixels, array![[1.0, -1.0, -1.0], [2.0, 0.0, 0.0]]);
/// assert_eq!((entry.upper.total, entry.lower.total), (1.0, 1.0));
/// # Ok::<(), local_features::Error>(())
/// ```
///
/// # Errors
/// [`Error::FeatureCount`] when there is not one relevance for each area; [`Error::NonFiniteRelevance`];
/// [`Error::NoPixel`] names a feature that covers no pixel of the image, since its relevance would be lost;
/// [`Error::ImageTooLarge`] when no array can have that shape.
pub fn pixel_relevance(
    relevance: ArrayView1<'_, f64>,
    areas: &[Area],
    (height, width): (usize, usize),
) -> Result<(Array2<f64>, Entry), Error> {
    check(relevance, areas)?;
    let too_large = || Error::ImageTooLarge { height, width };
    let mut pixels = vec![0.0; height.checked_mul(width).ok_or_else(too_large)?];
    let mut block = Block::default();
    for (number, areas) in areas.chunks(FEATURES_PER_BLOCK).enumerate() {
        let start = number * FEATURES_PER_BLOCK;
        let relevance = relevance.slice(s![start..start + areas.len()]);
        block.cover(areas, (height, width));
        let shares = quotients(relevance, block.pixel_counts().view(), Stabilizer::NONE)?;
        if let Some(&position) = shares.zeros.first() {
            return Err(Error::NoPixel { feature: start + position, area: areas[position], height, width });
        }
        block.add(shares.values.view(), &mut pixels, width);
    }
    let entry = Entry::new("R¹ pixels (Eq. 34)", relevance.iter().collect(), pixels.iter().collect());
    Ok((Array2::from_shape_vec((height, width), pixels).map_err(|_| too_large())?, entry))
}

/// So many features' spans are kept between counting their pixels and adding to them: they stay in the cache.
const FEATURES_PER_BLOCK: usize = 64;

/// The spans of some features, one after another.
#[derive(Default)]
struct Block {
    spans: Vec<Span>,
    /// Which of them are whose.
    features: Vec<Range<usize>>,
}

impl Block {
    fn cover(&mut self, areas: &[Area], (height, width): (usize, usize)) {
        self.spans.clear();
        self.features.clear();
        for area in areas {
            let start = self.spans.len();
            self.spans.extend(area.spans(height, width));
            self.features.push(start..self.spans.len());
        }
    }

    fn of_each_feature(&self) -> impl Iterator<Item = &[Span]> {
        self.features.iter().map(|feature| &self.spans[feature.clone()])
    }

    /// `#area(l)`
    fn pixel_counts(&self) -> Array1<f64> {
        self.of_each_feature().map(|spans| spans.iter().map(|span| span.columns.len()).sum::<usize>() as f64).collect()
    }

    /// Adds each feature's share to all pixels that it covers.
    fn add(&self, shares: ArrayView1<'_, f64>, pixels: &mut [f64], width: usize) {
        for (spans, &share) in self.of_each_feature().zip(shares) {
            for span in spans {
                for pixel in &mut pixels[span.row * width..][span.columns.clone()] {
                    *pixel += share;
                }
            }
        }
    }
}

fn check(relevance: ArrayView1<'_, f64>, areas: &[Area]) -> Result<(), Error> {
    if relevance.len() != areas.len() {
        return Err(Error::FeatureCount { relevance: relevance.len(), areas: areas.len() });
    }
    match relevance.iter().position(|value| !value.is_finite()) {
        Some(feature) => Err(Error::NonFiniteRelevance { feature, value: relevance[feature] }),
        None => Ok(()),
    }
}

/// How many local features cover each pixel: `|L(q)|`, of `shape` (height, width).
///
/// ```
/// use local_features::{Area, coverage};
/// use ndarray::array;
/// let areas = [Area::Rectangle { top: 0, left: 0, bottom: 2, right: 2 }, Area::Circle { row: 0.0, column: 1.0, radius: 0.5 }];
/// assert_eq!(coverage(&areas, (2, 3)), array![[1, 2, 0], [1, 1, 0]]);
/// ```
pub fn coverage(areas: &[Area], shape: (usize, usize)) -> Array2<usize> {
    let mut counts = Array2::zeros(shape);
    for span in areas.iter().flat_map(|area| area.spans(shape.0, shape.1)) {
        counts.slice_mut(s![span.row, span.columns]).map_inplace(|count| *count += 1);
    }
    counts
}

/// The local features that cover a pixel, ascending.
///
/// ```text
/// L(q) = { l : q ∈ area(l) }                                Bach et al. 2015, Eq. (33)
/// ```
/// * `area(l)` — `areas`, clipped to the image of `shape` (height, width)
/// * `q` — `pixel`, (row, column); no feature covers a pixel outside of the image
///
/// ```
/// use local_features::{Area, covering};
/// let areas = [Area::Rectangle { top: 0, left: 0, bottom: 2, right: 2 }, Area::Circle { row: 0.0, column: 1.0, radius: 0.5 }];
/// assert_eq!(covering(&areas, (2, 3), (0, 1)), [0, 1]);
/// assert_eq!(covering(&areas, (2, 3), (1, 0)), [0]);
/// assert!(covering(&areas, (2, 3), (0, 2)).is_empty());
/// ```
pub fn covering(areas: &[Area], (height, width): (usize, usize), pixel: (usize, usize)) -> Vec<usize> {
    if pixel.0 >= height || pixel.1 >= width {
        return Vec::new();
    }
    areas.iter().enumerate().filter(|(_, area)| area.covers(pixel)).map(|(feature, _)| feature).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, Ix1, Ix2, array};
    use ndarray_npy::{ReadNpyExt, ReadableElement};
    use proptest::prelude::*;

    use super::*;

    /// Eqs 33 and 34 in plain loops.
    fn slow_pixel_relevance(relevance: &[f64], areas: &[Area], shape: (usize, usize)) -> Array2<f64> {
        Array2::from_shape_fn(shape, |pixel| {
            covering(areas, shape, pixel)
                .into_iter()
                .map(|feature| relevance[feature] / areas[feature].pixel_count(shape.0, shape.1) as f64)
                .sum()
        })
    }

    fn golden<D: ndarray::Dimension>(case: &str, array: &str) -> Array<f64, D>
    where
        f64: ReadableElement,
    {
        let path = format!("{}/../../tests/golden/bow/{case}/{array}.npy", env!("CARGO_MANIFEST_DIR"));
        Array::read_npy(std::fs::File::open(path).unwrap()).unwrap()
    }

    #[test]
    fn the_reference_vectors_are_met() {
        for case in ["r1_rect", "r1_circle", "r1_rotsquare"] {
            let parameters: Array2<f64> = golden::<Ix2>(case, "shape_params");
            let areas: Vec<Area> = parameters
                .rows()
                .into_iter()
                .map(|row| match case {
                    "r1_rect" => Area::Rectangle {
                        top: row[0] as i64,
                        left: row[1] as i64,
                        bottom: row[2] as i64,
                        right: row[3] as i64,
                    },
                    "r1_circle" => Area::Circle { row: row[0], column: row[1], radius: row[2] },
                    _ => Area::RotatedSquare { row: row[0], column: row[1], side: row[2], angle: row[3] },
                })
                .collect();
            let expected = golden::<Ix2>(case, "R1");
            let (height, width) = expected.dim();
            let (starts, indices) = (golden::<Ix1>(case, "area_ptr"), golden::<Ix1>(case, "area_idx"));
            for (feature, area) in areas.iter().enumerate() {
                let pixels: Vec<f64> = area
                    .spans(height, width)
                    .flat_map(|span| span.columns.map(move |column| (span.row * width + column) as f64))
                    .collect();
                let range = starts[feature] as usize..starts[feature + 1] as usize;
                assert_eq!(pixels, indices.slice(s![range]).to_vec(), "{case}: {area:?}");
            }
            assert_eq!(coverage(&areas, (height, width)).mapv(|count| count as f64), golden::<Ix2>(case, "coverage"));
            let (found, entry) = pixel_relevance(golden::<Ix1>(case, "R2").view(), &areas, (height, width)).unwrap();
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() <= 1e-12 + 1e-10 * expected.abs(), "{case}: {found}, {expected}");
            }
            assert!(entry.relative_error() <= 1e-12, "{entry:?}");
        }
    }

    fn area() -> impl Strategy<Value = Area> {
        let center = || (0_u32..50, 0_u32..50).prop_map(|(row, column)| (f64::from(row), f64::from(column)));
        prop_oneof![
            (0_i64..50, 0_i64..50, 1_i64..30, 1_i64..30).prop_map(|(top, left, height, width)| Area::Rectangle {
                top: top - height / 2,
                left: left - width / 2,
                bottom: top + height,
                right: left + width
            }),
            (center(), 0.0..30.0).prop_map(|((row, column), radius)| Area::Circle { row, column, radius }),
            (center(), 1.0..60.0, -4.0..4.0).prop_map(|((row, column), side, angle)| Area::RotatedSquare {
                row,
                column,
                side,
                angle
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn relevance_is_conserved_and_shared_as_defined(
            features in prop::collection::vec((area(), -1.0..1.0_f64), 1..150),
        ) {
            let (areas, relevance): (Vec<Area>, Vec<f64>) = features.into_iter().unzip();
            let (pixels, entry) = pixel_relevance(ArrayView1::from(&relevance), &areas, (50, 50)).unwrap();
            prop_assert!(entry.relative_error() <= 1e-12, "{:?}", entry);
            prop_assert!((entry.upper.total - relevance.iter().sum::<f64>()).abs() <= 1e-12);
            prop_assert!((entry.lower.total - pixels.sum()).abs() <= 1e-12);
            let slow = slow_pixel_relevance(&relevance, &areas, (50, 50));
            let counts = coverage(&areas, (50, 50));
            for ((&found, &expected), &count) in pixels.iter().zip(&slow).zip(&counts) {
                prop_assert!((found - expected).abs() <= 1e-13, "{found} against {expected}");
                prop_assert!(count > 0 || found.to_bits() == 0, "{found} where no feature is");
            }
        }
    }

    #[test]
    fn a_feature_without_a_pixel_is_named() {
        let inside = Area::Rectangle { top: 0, left: 0, bottom: 2, right: 2 };
        for outside in [
            Area::Rectangle { top: -5, left: 0, bottom: 0, right: 2 },
            Area::Rectangle { top: 1, left: 1, bottom: 1, right: 2 },
            Area::Circle { row: -3.0, column: 2.0, radius: 2.9 },
            Area::Circle { row: 0.5, column: 0.5, radius: 0.1 },
            Area::RotatedSquare { row: f64::NAN, column: 2.0, side: 2.0, angle: 0.0 },
        ] {
            let mut areas = vec![inside; 70];
            areas[68] = outside;
            let error = pixel_relevance(Array1::ones(70).view(), &areas, (4, 4)).unwrap_err();
            assert!(matches!(error, Error::NoPixel { feature: 68, .. }), "{error}");
        }
        let error = pixel_relevance(array![1.0].view(), &[inside], (0, 4)).unwrap_err();
        assert!(matches!(error, Error::NoPixel { feature: 0, height: 0, width: 4, .. }), "{error}");
    }

    #[test]
    fn relevance_and_areas_have_to_fit() {
        let area = Area::Rectangle { top: 0, left: 0, bottom: 2, right: 2 };
        let error = pixel_relevance(array![1.0, 2.0].view(), &[area], (4, 4)).unwrap_err();
        assert!(matches!(error, Error::FeatureCount { relevance: 2, areas: 1 }), "{error}");
        for value in [f64::NAN, f64::INFINITY] {
            let error = pixel_relevance(array![1.0, value].view(), &[area, area], (4, 4)).unwrap_err();
            assert!(matches!(error, Error::NonFiniteRelevance { feature: 1, .. }), "{error}");
        }
        let error = pixel_relevance(array![1.0].view(), &[area], (usize::MAX, 2)).unwrap_err();
        assert!(matches!(error, Error::ImageTooLarge { .. }), "{error}");
    }

    #[test]
    fn no_feature_leaves_all_pixels_zero() {
        let (pixels, entry) = pixel_relevance(Array1::zeros(0).view(), &[], (3, 2)).unwrap();
        assert_eq!(pixels, Array2::<f64>::zeros((3, 2)));
        assert_eq!(entry.relative_error(), 0.0);
        assert!(covering(&[], (3, 2), (0, 0)).is_empty());
    }

    #[test]
    fn no_feature_covers_a_pixel_outside() {
        let area = Area::Rectangle { top: -9, left: -9, bottom: 99, right: 99 };
        assert!(covering(&[area], (3, 2), (3, 0)).is_empty());
        assert!(covering(&[area], (3, 2), (0, 2)).is_empty());
        assert_eq!(covering(&[area], (3, 2), (2, 1)), [0]);
    }
}
