//! How photos lie in their files.

use std::ops::Range;
use std::path::Path;

use image::metadata::Orientation;
use image::{ImageDecoder, ImageReader};

use crate::Error;
use crate::settings::Extent;

/// A photo as it lies in its file, before it is turned as its camera was held (EXIF).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its size in the file.
    pub size: Extent,
    orientation: Orientation,
}

impl Stored {
    /// Reads the head of a file.
    ///
    /// # Errors
    /// As for [`read`](crate::read).
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let reader = ImageReader::open(path).map_err(failed)?.with_guessed_format().map_err(failed)?;
        let decoder = reader.into_decoder();
        let mut decoder = decoder.map_err(|source| Error::Decode { path: path.to_owned(), source })?;
        let (width, height) = decoder.dimensions();
        // A broken note on orientation does not make a photo unreadable.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        Ok(Self { size: Extent { height: height as usize, width: width as usize }, orientation })
    }

    /// Whether nothing has to be turned.
    pub fn is_upright(&self) -> bool {
        self.orientation == Orientation::NoTransforms
    }

    /// Its size when it stands upright, as [`read`](crate::read) gives it.
    pub fn upright_size(&self) -> Extent {
        use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        let Extent { height, width } = self.size;
        match self.orientation {
            Rotate90 | Rotate90FlipH | Rotate270 | Rotate270FlipH => Extent { height: width, width: height },
            _ => self.size,
        }
    }

    /// Where a rectangle of the file's pixels lies in the upright photo; what is beyond the photo is cut off.
    pub fn upright(&self, rows: Range<usize>, columns: Range<usize>) -> (Range<usize>, Range<usize>) {
        use Orientation::{
            FlipHorizontal, FlipVertical, NoTransforms, Rotate90, Rotate90FlipH, Rotate180, Rotate270, Rotate270FlipH,
        };
        let Extent { height, width } = self.size;
        let mirrored =
            |range: Range<usize>, length: usize| length.saturating_sub(range.end)..length.saturating_sub(range.start);
        match self.orientation {
            NoTransforms => (rows, columns),
            FlipHorizontal => (rows, mirrored(columns, width)),
            FlipVertical => (mirrored(rows, height), columns),
            Rotate180 => (mirrored(rows, height), mirrored(columns, width)),
            Rotate90 => (columns, mirrored(rows, height)),
            Rotate90FlipH => (columns, rows),
            Rotate270 => (mirrored(columns, width), rows),
            Rotate270FlipH => (mirrored(columns, width), mirrored(rows, height)),
        }
    }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GrayImage, Luma};

    use super::*;

    /// The slow twin: the pixels of the rectangle, turned as the photo is.
    #[test]
    fn rectangles_turn_as_photos_do() {
        let (height, width) = (7, 5);
        let (rows, columns) = (1..3usize, 2..5usize);
        let inside = |x: u32, y: u32| rows.contains(&(y as usize)) && columns.contains(&(x as usize));
        for exif in 1..=8 {
            let orientation = Orientation::from_exif(exif).unwrap();
            let mut picture =
                DynamicImage::from(GrayImage::from_fn(width, height, |x, y| Luma([u8::from(inside(x, y))])));
            picture.apply_orientation(orientation);
            let size = Extent { height: height as usize, width: width as usize };
            let stored = Stored { size, orientation };
            let upright = stored.upright_size();
            assert_eq!((picture.height() as usize, picture.width() as usize), (upright.height, upright.width));
            let (rows, columns) = stored.upright(rows.clone(), columns.clone());
            for (x, y, pixel) in picture.into_luma8().enumerate_pixels() {
                let expected = rows.contains(&(y as usize)) && columns.contains(&(x as usize));
                assert_eq!(pixel.0[0] == 1, expected, "{exif}: {x}, {y}");
            }
        }
    }
}
