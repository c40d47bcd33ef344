//! Tile-wise explanation: each tile on its own, the overlapping maps averaged (Fig. 6).

use ndarray::{Array2, ArrayView2, ArrayView3, Zip, s};
use rayon::prelude::*;
use relevance::{Amount, Entry, Ledger, Sink};
use serde::{Deserialize, Serialize};

use crate::{BowClassifier, Error, PixelDecomposition};

/// How an image is cut into tiles.
///
/// The default is the paper's: tiles of 102×102 pixels at a step of 34.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiling {
    /// Side of a tile; an image that is smaller is one tile of its own size.
    pub side: usize,
    /// Distance of neighboring tiles. The last tile of a row or column ends at the image's border.
    pub step: usize,
}

impl Default for Tiling {
    fn default() -> Self {
        Self { side: 102, step: 34 }
    }
}

/// A tile's place in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Tile {
    /// The part of an image (H, W, C) that the tile is.
    pub fn of<'a>(&self, image: &ArrayView3<'a, f64>) -> ArrayView3<'a, f64> {
        let (rows, columns) = (self.top..self.top + self.height, self.left..self.left + self.width);
        image.slice_move(s![rows, columns, ..])
    }
}

impl Tiling {
    /// One tile, whatever the size of the image.
    pub const WHOLE: Self = Self { side: usize::MAX, step: usize::MAX };

    /// The tiles of an image, row by row.
    ///
    /// ```
    /// use bow_classifier::Tiling;
    /// assert_eq!(Tiling::default().tiles(306, 306)?.len(), 49); // the composites of Fig. 6
    /// assert_eq!(Tiling { side: 4, step: 3 }.tiles(4, 9)?.len(), 3); // at columns 0, 3 and 5
    /// # Ok::<(), bow_classifier::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Tiling`] when side or step is zero.
    pub fn tiles(&self, height: usize, width: usize) -> Result<Vec<Tile>, Error> {
        if self.side == 0 || self.step == 0 {
            return Err(Error::Tiling { side: self.side, step: self.step });
        }
        let rows = self.starts(height);
        let columns = self.starts(width);
        let tile = |top, left| Tile { top, left, height: self.side.min(height), width: self.side.min(width) };
        Ok(rows.iter().flat_map(|&top| columns.iter().map(move |&left| tile(top, left))).collect())
    }

    /// Where tiles start along one axis.
    fn starts(&self, length: usize) -> Vec<usize> {
        let last = length.saturating_sub(self.side);
        let mut starts: Vec<usize> = (0..=last).step_by(self.step).collect();
        if starts.last() != Some(&last) {
            starts.push(last);
        }
        starts
    }
}

/// An image, explained tile by tile.
#[derive(Clone, Debug)]
pub struct TiledDecomposition {
    /// The tiles' maps, averaged where they overlap, (H, W).
    pub pixels: Array2<f64>,
    /// Score of each tile.
    pub scores: Vec<(Tile, f64)>,
    /// The tiles' ledgers added up, and the averaging as a last step.
    pub ledger: Ledger,
    /// The largest relative error of a step, over all tiles.
    pub max_relative_error: f64,
    /// The largest `|f − Σ_q R¹_q|` over all tiles: rounding for exact kernels, the Taylor residual for the others.
    pub max_unexplained: f64,
}

/// Explains a class of an image tile by tile and averages the overlapping maps. The tiles are explained in parallel.
///
/// # Errors
/// As for [`BowClassifier::decompose`], for the first tile for which it fails.
pub fn decompose_tiles(
    classifier: &BowClassifier,
    image: ArrayView3<'_, f64>,
    class: usize,
    tiling: Tiling,
) -> Result<TiledDecomposition, Error> {
    let (height, width, _) = image.dim();
    let tiles = tiling.tiles(height, width)?;
    let decompositions = tiles
        .par_iter()
        .map(|tile| classifier.decompose(tile.of(&image), class))
        .collect::<Result<Vec<PixelDecomposition>, Error>>()?;

    let mut ledger = Ledger::default();
    for decomposition in &decompositions {
        ledger.accumulate(&decomposition.ledger);
    }
    let maps: Vec<(Tile, ArrayView2<'_, f64>)> =
        tiles.iter().zip(&decompositions).map(|(&tile, found)| (tile, found.pixels.view())).collect();
    let (pixels, averaging) = average_tiles(&maps, (height, width))?;
    ledger.push(averaging);
    let of_tiles = decompositions.iter().map(|found| found.ledger.max_relative_error()).fold(0.0, f64::max);
    let unexplained = decompositions.iter().map(|found| (found.score - found.pixels.sum()).abs());
    Ok(TiledDecomposition {
        pixels,
        max_unexplained: unexplained.fold(0.0, f64::max),
        scores: tiles.into_iter().zip(decompositions.iter().map(|found| found.score)).collect(),
        max_relative_error: of_tiles.max(ledger.max_relative_error()),
        ledger,
    })
}

/// The mean, pixel by pixel, of the maps of overlapping tiles; 0 where there is no tile.
///
/// ```text
/// R_q = 1/n(q) · Σ_t R_t(q),    n(q) = number of tiles over pixel q         text after Eq. (35), Fig. 6
/// ```
///
/// ```
/// use bow_classifier::{Tile, average_tiles};
/// use ndarray::array;
/// let tile = |left| Tile { top: 0, left, height: 1, width: 2 };
/// let (first, second) = (array![[2.0, 4.0]], array![[6.0, 8.0]]);
/// let (map, _) = average_tiles(&[(tile(0), first.view()), (tile(1), second.view())], (1, 4))?;
/// assert_eq!(map, array![[2.0, 5.0, 8.0, 0.0]]);
/// # Ok::<(), bow_classifier::Error>(())
/// ```
///
/// # Errors
/// [`Error::TileOutside`] when a tile does not lie in the image, or its map is of another size.
pub fn average_tiles(
    maps: &[(Tile, ArrayView2<'_, f64>)],
    shape: (usize, usize),
) -> Result<(Array2<f64>, Entry), Error> {
    let mut sum = Array2::<f64>::zeros(shape);
    let mut covering = Array2::<f64>::zeros(shape);
    for (tile, map) in maps {
        let (bottom, right) = (tile.top + tile.height, tile.left + tile.width);
        if bottom > shape.0 || right > shape.1 || map.dim() != (tile.height, tile.width) {
            return Err(Error::TileOutside { tile: *tile, map: map.dim(), image: shape });
        }
        let place = s![tile.top..bottom, tile.left..right];
        sum.slice_mut(place).zip_mut_with(map, |sum, &relevance| *sum += relevance);
        covering.slice_mut(place).mapv_inplace(|count| count + 1.0);
    }
    let mut taken = Amount::default();
    Zip::from(&sum).and(&covering).for_each(|&sum, &count| {
        if count > 1.0 {
            taken += Amount::of(sum * (1.0 - 1.0 / count));
        }
    });
    Zip::from(&mut sum).and(&covering).for_each(|sum, &count| {
        if count > 0.0 {
            *sum /= count;
        }
    });
    let mut upper = Amount::default();
    for (_, map) in maps {
        upper += map.iter().collect();
    }
    let entry = Entry::new("average of overlapping tiles", upper, sum.iter().collect()).with_sink(Sink::Overlap, taken);
    Ok((sum, entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_tiling_of_a_composite() {
        let tiles = Tiling::default().tiles(306, 306).unwrap();
        assert_eq!(tiles.len(), 49);
        assert_eq!(tiles[48], Tile { top: 204, left: 204, height: 102, width: 102 });
    }

    #[test]
    fn the_last_tile_ends_at_the_border_and_small_images_are_one_tile() {
        let tiles = Tiling::default().tiles(110, 60).unwrap();
        assert_eq!(tiles.iter().map(|tile| (tile.top, tile.left)).collect::<Vec<_>>(), [(0, 0), (8, 0)]);
        assert!(tiles.iter().all(|tile| (tile.height, tile.width) == (102, 60)));
    }

    #[test]
    fn averaging_books_what_overlaps_take() {
        let ones = Array2::<f64>::ones((2, 2));
        let tile = |left| Tile { top: 0, left, height: 2, width: 2 };
        let (map, entry) = average_tiles(&[(tile(0), ones.view()), (tile(1), ones.view())], (2, 4)).unwrap();
        assert_eq!(map.row(0).to_vec(), [1.0, 1.0, 1.0, 0.0]);
        assert_eq!(entry.sink(Sink::Overlap).total, 2.0);
        assert_eq!(entry.imbalance(), 0.0);
    }

    #[test]
    fn tiles_outside_and_empty_steps_are_errors() {
        let ones = Array2::<f64>::ones((2, 2));
        let tile = Tile { top: 3, left: 0, height: 2, width: 2 };
        assert!(matches!(average_tiles(&[(tile, ones.view())], (4, 4)), Err(Error::TileOutside { .. })));
        assert!(matches!(Tiling { side: 3, step: 0 }.tiles(9, 9), Err(Error::Tiling { .. })));
    }
}
