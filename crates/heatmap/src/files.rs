//! Files that appear whole or not at all.

use std::path::Path;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use crate::Error;

/// A picture as the bytes of a PNG file; the same picture gives the same bytes.
///
/// ```
/// let picture = heatmap::RgbImage::from_pixel(2, 2, image::Rgb([1, 2, 3]));
/// let bytes = heatmap::encode_png(&picture)?;
/// assert!(bytes.starts_with(b"\x89PNG"));
/// assert_eq!(bytes, heatmap::encode_png(&picture)?);
/// # Ok::<(), heatmap::Error>(())
/// ```
///
/// # Errors
/// [`Error::Encode`], for example for a picture without pixels.
pub fn encode_png(picture: &RgbImage) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive).write_image(
        picture,
        picture.width(),
        picture.height(),
        ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}

/// Writes a picture as a PNG file, whole or not at all.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("picture.png");
/// let picture = heatmap::RgbImage::from_pixel(2, 2, image::Rgb([1, 2, 3]));
/// heatmap::write_png(&path, &picture)?;
/// assert_eq!(image::open(path)?.into_rgb8(), picture);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Encode`], and as for [`write_whole`].
pub fn write_png(path: impl AsRef<Path>, picture: &RgbImage) -> Result<(), Error> {
    write_whole(path, &encode_png(picture)?)
}

/// Writes a file whole or not at all, over one that is there.
///
/// The bytes go to a temporary name in the same folder, which is renamed when all of them are on the disk: whoever
/// reads `path` finds the old file or the new one, never a part.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("note.txt");
/// heatmap::write_whole(&path, b"whole")?;
/// assert_eq!(std::fs::read(path)?, b"whole");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Write`] names the path and what the system said.
pub fn write_whole(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), Error> {
    let path = path.as_ref();
    whole_file::write(path, bytes).map_err(|source| Error::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::Rgb;

    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(7, 5, |x, y| Rgb([x as u8, y as u8, 200]))
    }

    #[test]
    fn a_written_picture_reads_back_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        write_png(&path, &picture()).unwrap();
        write_png(&path, &picture()).unwrap(); // over the one that is there
        assert_eq!(image::open(&path).unwrap().into_rgb8(), picture());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1); // no temporary file is left
    }

    #[test]
    fn a_folder_that_is_not_there_is_named_and_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("picture.png");
        let error = write_png(&path, &picture()).unwrap_err();
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        assert!(!folder.path().join("missing").exists());
    }

    #[test]
    fn what_can_not_be_replaced_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        fs::create_dir(&path).unwrap(); // a folder stands where the file should go
        assert!(matches!(write_png(&path, &picture()), Err(Error::Write { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_was_written() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (plain, whole) = (folder.path().join("plain"), folder.path().join("whole"));
        fs::write(&plain, b"x").unwrap();
        write_whole(&whole, b"x").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(whole), mode(plain));
    }

    #[test]
    fn a_picture_without_pixels_is_an_error() {
        assert!(matches!(encode_png(&RgbImage::new(0, 3)), Err(Error::Encode(_))));
    }
}
