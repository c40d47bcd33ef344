//! R¹: from the relevance of local features to that of pixels (Eqs 33, 34).

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
    let mut spans: Vec<Span> = Vec::new();
    for (block, areas) in areas.chunks(FEATURES_PER_BLOCK).enumerate() {
        let start = block * FEATURES_PER_BLOCK;
        spans.clear();
        let mut ends = Vec::with_capacity(areas.len());
        let mut totals = Array1::zeros(areas.len());
        for (position, area) in areas.iter().enumerate() {
            let first = spans.len();
            spans.extend(area.spans(height, width));
            ends.push(spans.len());
            totals[position] = spans[first..].iter().map(|span| span.columns.len()).sum::<usize>() as f64;
        }
        let upper = relevance.slice(s![start..start + areas.len()]);
        let shares = quotients(upper, totals.view(), Stabilizer::NONE)?;
        if let Some(&position) = shares.zeros.first() {
            return Err(Error::NoPixel { feature: start + position, area: areas[position], height, width });
        }
        let mut first = 0;
        for (&share, &end) in shares.values.iter().zip(&ends) {
            for span in &spans[first..end] {
                let row = span.row * width;
                for pixel in &mut pixels[row + span.columns.start..row + span.columns.end] {
                    *pixel += share;
                }
            }
            first = end;
        }
    }
    let entry = Entry::new("R¹ pixels (Eq. 34)", relevance.iter().collect(), pixels.iter().collect());
    Ok((Array2::from_shape_vec((height, width), pixels).map_err(|_| too_large())?, entry))
}

/// So many features' spans are kept between counting their pixels and adding to them.
const FEATURES_PER_BLOCK: usize = 64;

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
