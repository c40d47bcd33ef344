//! Reading files.

use std::io::Cursor;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use ndarray::Array3;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::Error;
use crate::channels::from_decoded;
use crate::settings::Extent;

/// The formats that can be read, for messages and help.
pub const FORMATS: &str = "PNG, JPEG, WebP, TIFF, GIF (its first picture), BMP and PNM (PBM, PGM, PPM)";

/// Longest side of a photo, in pixels.
pub const MAX_SIDE: u32 = 32_768;

/// Most memory of a photo that is prepared: 1 GiB, some 350 megapixels of RGB.
pub const MAX_DECODED_BYTES: u64 = 1 << 30;

/// Most pixels of a photo that is read, where nothing else is set.
pub const DEFAULT_MAX_PIXELS: u64 = 1 << 28;

/// How many bytes a decoder may take for each pixel: two numbers of 16 bits for each of two buffers.
const BYTES_PER_PIXEL: u64 = 8;

static MAX_PIXELS: AtomicU64 = AtomicU64::new(DEFAULT_MAX_PIXELS);

/// Sets how many pixels a photo may have, for the whole program, as `Image.MAX_IMAGE_PIXELS` does in Pillow.
pub fn set_max_pixels(pixels: u64) {
    MAX_PIXELS.store(pixels, Ordering::Relaxed);
}

/// Reads a photo, shape (rows, columns, channels): 1 channel when it is gray, otherwise 3.
///
/// The format is told from the file's content, not from its name.
///
/// ```
/// let error = images::read("no/such/photo.jpg").unwrap_err();
/// assert!(error.to_string().starts_with("can't read no/such/photo.jpg"));
/// ```
///
/// # Errors
/// [`Error::Read`] when the file can't be read; otherwise as for [`decode`].
pub fn read(path: impl AsRef<Path>) -> Result<Array3<u8>, Error> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    decode(&bytes, path)
}

/// Decodes a photo that is in memory; as [`read`].
///
/// * `bytes` — the whole file
/// * `path` — how errors call it
///
/// ```
/// let photo = images::decode(b"P2 2 1 255\n7 255\n", "two-pixels.pgm")?;
/// assert_eq!((photo.dim(), photo[[0, 0, 0]]), ((1, 2, 1), 7)); // gray: one channel
/// # Ok::<(), images::Error>(())
/// ```
///
/// # Errors
/// [`Error::Format`] for what is no image of a supported format; [`Error::Decode`] for one that is damaged, and
/// [`Error::CutShort`] for a JPEG file that is not whole; [`Error::TooLarge`] for one beyond all measure;
/// [`Error::Empty`] for one without pixels.
pub fn decode(bytes: &[u8], path: impl AsRef<Path>) -> Result<Array3<u8>, Error> {
    let path = path.as_ref();
    if image::guess_format(bytes).is_ok_and(|format| format == ImageFormat::Jpeg) && !reaches_end(bytes) {
        return Err(Error::CutShort { path: path.to_owned() });
    }
    let named = |error| named(error, bytes, path);
    let most = MAX_PIXELS.load(Ordering::Relaxed);
    let decoder = decoder(bytes, most).map_err(named)?;
    let (width, height) = decoder.dimensions();
    let too_large = || Error::TooLarge { path: path.to_owned(), height, width, most };
    if u64::from(width) * u64::from(height) > most || width.max(height) > MAX_SIDE {
        return Err(too_large());
    }
    let picture = upright(decoder).map_err(|error| match error {
        ImageError::Limits(_) => too_large(),
        error => named(error),
    })?;
    match (picture.height(), picture.width()) {
        (height, width) if height == 0 || width == 0 => Err(Error::Empty { path: path.to_owned(), height, width }),
        _ => Ok(from_decoded(picture)),
    }
}

/// How large a photo is that is in memory, by the beginning of its file: as it is stored, before it is turned upright.
///
/// ```
/// let extent = images::extent(b"P2 2 1 255\n7 255\n", "two-pixels.pgm")?;
/// assert_eq!((extent.height, extent.width), (1, 2));
/// # Ok::<(), images::Error>(())
/// ```
///
/// # Errors
/// As for [`decode`], for what is wrong with the beginning.
pub fn extent(bytes: &[u8], path: impl AsRef<Path>) -> Result<Extent, Error> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(ImageError::IoError);
    let size = reader.and_then(ImageReader::into_dimensions);
    let (width, height) = size.map_err(|error| named(error, bytes, path.as_ref()))?;
    Ok(Extent { height: height as usize, width: width as usize })
}

/// What is damaged inside a photo that can be decoded all the same: decoders of JPEG files fill such parts with gray, or
/// with what was not there, and do not say so.
///
/// `None` where nothing is found, or the bytes are no JPEG file: other formats have checksums, or nothing to see it by.
pub fn damage(bytes: &[u8]) -> Option<String> {
    let is_jpeg = image::guess_format(bytes).is_ok_and(|format| format == ImageFormat::Jpeg);
    let strictly = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(MAX_SIDE as usize)
        .set_max_height(MAX_SIDE as usize);
    let decode = || JpegDecoder::new_with_options(ZCursor::new(bytes), strictly).decode();
    is_jpeg.then(decode)?.err().map(|error| error.to_string())
}

/// What decodes a file, and has read its header.
fn decoder(bytes: &[u8], most_pixels: u64) -> Result<impl ImageDecoder, ImageError> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(most_pixels.saturating_mul(BYTES_PER_PIXEL));
    // Guessing reads from memory, which can't fail.
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(ImageError::IoError)?;
    reader.limits(limits);
    reader.into_decoder()
}

/// The picture as its camera was held.
fn upright(mut decoder: impl ImageDecoder) -> Result<DynamicImage, ImageError> {
    // A broken note on orientation does not make a photo unreadable.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Whether a JPEG file goes to its end, the marker `ff d9` behind the beginning of its first scan, `ff da`. Of a file that
/// is cut short the decoder shows what is missing in gray, and does not say so.
fn reaches_end(jpeg: &[u8]) -> bool {
    let mut rest = jpeg;
    while let Some(marker) = rest.iter().position(|&byte| byte == 0xff) {
        rest = &rest[marker + 1..];
        match *rest {
            [0xda, ..] => return rest.windows(2).any(|pair| pair == [0xff, 0xd9]),
            // Filling, and markers without a segment.
            [0x00 | 0x01 | 0xd0..=0xd8 | 0xff, ..] => {}
            // A segment may hold a small picture, with an end of its own.
            [_, high, low, ..] => rest = rest.get(1 + usize::from(u16::from_be_bytes([high, low]))..).unwrap_or(&[]),
            _ => return false,
        }
    }
    false
}

fn named(error: ImageError, bytes: &[u8], path: &Path) -> Error {
    let path = path.to_owned();
    match error {
        ImageError::Unsupported(unsupported) if is_unknown_format(&unsupported) => {
            Error::Format { path, found: foreign_format(bytes) }
        }
        source => Error::Decode { path, source },
    }
}

/// The name of a format of pictures that can't be read, by a file's first bytes.
fn foreign_format(bytes: &[u8]) -> Option<&'static str> {
    const BY_START: [(&[u8], &str); 6] = [
        (b"\0\0\x01\0", "icon (ICO)"),
        (b"DDS ", "DDS picture"),
        (b"qoif", "QOI picture"),
        (b"%PDF", "PDF document"),
        (b"\xff\x0a", "JPEG XL picture"),
        (b"\0\0\0\x0cJXL ", "JPEG XL picture"),
    ];
    let of_brand = |brand: &[u8]| match brand {
        b"avif" | b"avis" => Some("AVIF picture"),
        b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" => Some("HEIC picture, as phones take them"),
        _ => None,
    };
    match bytes {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => of_brand(brand.get(..4)?),
        _ => BY_START.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, name)| *name),
    }
}

/// Whether it is the format that is not supported, rather than something within one that is.
fn is_unknown_format(error: &image::error::UnsupportedError) -> bool {
    matches!(error.kind(), image::error::UnsupportedErrorKind::Format(_))
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb, RgbImage};

    use super::*;

    fn picture() -> RgbImage {
        RgbImage::from_fn(16, 8, |x, y| Rgb([10 * x as u8, 20 * y as u8, 128]))
    }

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_supported_format_is_read_whatever_the_file_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("photo.of-no-known-kind");
        let exact = [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Pnm];
        for format in exact.into_iter().chain([ImageFormat::Jpeg]) {
            std::fs::write(&path, encoded(&picture().into(), format)).unwrap();
            let photo = read(&path).unwrap();
            assert_eq!(photo.dim(), (8, 16, 3), "{format:?}");
            let exact = crate::from_rgb(&picture());
            let largest = photo.iter().zip(&exact).map(|(left, right)| left.abs_diff(*right)).max();
            assert!(largest <= Some(if format == ImageFormat::Jpeg { 20 } else { 0 }), "{format:?}: {largest:?}");
        }
    }

    #[test]
    fn gray_files_have_one_channel() {
        let gray = image::GrayImage::from_fn(5, 3, |x, _| Luma([40 * x as u8]));
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            assert_eq!(decode(&encoded(&gray.clone().into(), format), "gray").unwrap().dim(), (3, 5, 1), "{format:?}");
        }
    }

    /// A segment of EXIF with nothing but an orientation, put behind the first two bytes of a JPEG file.
    fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
        let tiff = [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0, 0, 0, 0, 0]];
        let exif = [b"Exif\0\0".as_slice(), &tiff.concat()].concat();
        let length = (exif.len() as u16 + 2).to_be_bytes();
        [&jpeg[..2], b"\xff\xe1", &length, &exif, &jpeg[2..]].concat()
    }

    #[test]
    fn photos_stand_upright() {
        let jpeg = encoded(&picture().into(), ImageFormat::Jpeg);
        let (plain, turned) = (decode(&jpeg, "plain").unwrap(), decode(&with_orientation(&jpeg, 6), "turned").unwrap());
        assert_eq!(turned.dim(), (16, 8, 3));
        assert_eq!(turned[[0, 7, 1]], plain[[0, 0, 1]]); // turned clockwise: the left column becomes the top row
    }

    /// A picture of 2×1 pixels, black and transparent, of a GIF file of a screen of 2×2, and another one behind it.
    const MOVING: &[u8] = b"GIF89a\x02\0\x02\0\x80\0\0\0\0\0\xff\0\0\
        !\xf9\x04\x01\0\0\x01\0,\0\0\0\0\x02\0\x01\0\0\x02\x02\x44\x0a\0\
        ,\0\0\0\0\x02\0\x01\0\0\x02\x02\x4c\x0a\0;";

    #[test]
    fn the_first_picture_of_a_gif_file_is_read() {
        let photo = decode(MOVING, "moving.gif").unwrap();
        assert_eq!(photo.dim(), (2, 2, 3));
        assert_eq!(photo.slice(ndarray::s![0, .., 1]).to_vec(), [0, 255]);
        assert_eq!(photo.slice(ndarray::s![1, .., 1]).to_vec(), [255, 255]);
        for length in 0..42 {
            assert!(decode(&MOVING[..length], "part.gif").is_err(), "{length}");
        }
    }

    #[test]
    fn a_format_that_can_not_be_read_is_called_by_its_name() {
        let files = [
            (b"\0\0\0\x20ftypavif\0\0\0\0".as_slice(), "is an AVIF picture"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "is a HEIC picture"),
            (b"%PDF-1.7", "is a PDF document"),
            (b"\0\0\0\x18ftyp", "is no image that can be read"),
        ];
        for (bytes, message) in files {
            let error = decode(bytes, "photo.jpg").unwrap_err().to_string();
            assert!(error.contains(message) && error.contains("WebP"), "{error}");
        }
    }

    #[test]
    fn damage_inside_a_jpeg_file_is_told() {
        let jpeg = encoded(&picture().into(), ImageFormat::Jpeg);
        assert_eq!(damage(&jpeg), None);
        assert_eq!(damage(&encoded(&picture().into(), ImageFormat::Png)), None);
        let scan = jpeg.windows(2).position(|pair| pair == b"\xff\xda").unwrap() + 14;
        let mut damaged = jpeg;
        damaged[scan..scan + 4].copy_from_slice(&[0xff, 0x00, 0xff, 0x00]);
        assert_eq!(decode(&damaged, "damaged.jpg").unwrap().dim(), (8, 16, 3));
        assert!(damage(&damaged).is_some());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read("no/such/photo.png").unwrap_err();
        assert!(matches!(error, Error::Read { .. }) && error.to_string().contains("no/such/photo.png"), "{error}");
    }

    #[test]
    fn what_is_no_image_is_told_what_would_be_one() {
        for bytes in [b"".as_slice(), b"Dear diary,", b"GIF88a\x01\0\x01\0\0\0\0"] {
            let error = decode(bytes, "diary.png").unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{error:?}");
            let message = error.to_string();
            assert!(message.contains("diary.png") && message.contains("JPEG"), "{message}");
        }
    }

    #[test]
    fn a_file_cut_short_is_an_error() {
        for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp, ImageFormat::Pnm] {
            let bytes = encoded(&picture().into(), format);
            for length in 8..bytes.len() - 12 {
                let result = decode(&bytes[..length], "part.png");
                assert!(result.is_err(), "{format:?} of {length} bytes");
            }
        }
    }

    #[test]
    fn a_jpeg_file_cut_short_anywhere_is_an_error() {
        let jpeg = encoded(&picture().into(), ImageFormat::Jpeg);
        // A segment with a small picture in it, which ends.
        let with_preview = [&jpeg[..2], b"\xff\xe1\x00\x08\xff\xda\x00\x00\xff\xd9", &jpeg[2..]].concat();
        for whole in [jpeg, with_preview] {
            assert_eq!(decode(&whole, "whole.jpg").unwrap().dim(), (8, 16, 3));
            for length in 0..whole.len() {
                assert!(decode(&whole[..length], "part.jpg").is_err(), "{length} of {} bytes", whole.len());
            }
            let message = decode(&whole[..whole.len() - 9], "part.jpg").unwrap_err().to_string();
            assert!(message.contains("part.jpg is cut short"), "{message}");
        }
    }

    #[test]
    fn images_without_pixels_are_errors() {
        for bytes in [b"P5 0 3 255\n".as_slice(), b"P6 0 0 255\n", b"P5 3 0 255\n"] {
            let error = decode(bytes, "empty.pnm").unwrap_err().to_string();
            assert!(error.contains("empty.pnm"), "{error}");
        }
    }

    #[test]
    fn a_small_file_that_claims_billions_of_pixels_is_refused() {
        for header in ["P6 100000 100000 255\n", "P5 32768 32769 255\n", "P6 32768 32768 255\n"] {
            let error = decode(header.as_bytes(), "bomb.ppm").unwrap_err();
            assert!(matches!(error, Error::TooLarge { .. }), "{header}: {error}");
            let way_out = if header.starts_with("P6 32768") { "--max-pixels 1073741824" } else { "make it smaller" };
            assert!(error.to_string().contains(way_out), "{error}");
        }
        let mut png = encoded(&picture().into(), ImageFormat::Png);
        png[16..24].copy_from_slice(&[0, 0, 0x7f, 0xff, 0, 0, 0x7f, 0xff]); // width and height of the header
        assert!(decode(&png, "bomb.png").is_err());
    }
}
