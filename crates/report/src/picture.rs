//! Pictures, embedded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::Error;

/// A picture of a report: the bytes of a PNG file, and what stands below it.
///
/// ```
/// use report::Picture;
/// let png = heatmap::encode_png(&heatmap::RgbImage::new(8, 8))?;
/// let picture = Picture::new(png, "composite 0").describe("A gray square without any relevance");
/// assert_eq!(picture.caption, "composite 0");
/// # Ok::<(), heatmap::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// The PNG file.
    pub png: Vec<u8>,
    /// What stands below it; nothing when empty.
    pub caption: String,
    /// What a reader who does not see it is told; the caption, when empty.
    pub description: String,
}

/// A picture as the template wants it.
#[derive(Serialize)]
pub(crate) struct PictureView {
    data: String,
    width: u32,
    height: u32,
    /// Widest that it is shown: a whole multiple of its own width.
    shown: u32,
    /// Whether its pixels are shown as crisp squares: those of pictures that are shown larger than they are.
    crisp: bool,
    caption: String,
    description: String,
}

/// Width that small pictures are scaled up to, at most.
const SCALED_UP: u32 = 360;

impl Picture {
    /// A picture with a caption.
    pub fn new(png: impl Into<Vec<u8>>, caption: impl Into<String>) -> Self {
        Self { png: png.into(), caption: caption.into(), description: String::new() }
    }

    /// Says what is to be seen, for readers who don't see it.
    #[must_use]
    pub fn describe(self, description: impl Into<String>) -> Self {
        Self { description: description.into(), ..self }
    }

    pub(crate) fn view(&self) -> Result<PictureView, Error> {
        let (width, height) = self.size().ok_or_else(|| Error::Picture { caption: self.caption.clone() })?;
        let described = if self.description.is_empty() { &self.caption } else { &self.description };
        Ok(PictureView {
            data: STANDARD.encode(&self.png),
            width,
            height,
            shown: width.saturating_mul((SCALED_UP / width).max(1)),
            crisp: width <= SCALED_UP / 2,
            caption: self.caption.clone(),
            description: described.clone(),
        })
    }

    /// Width and height, from the header of the file.
    fn size(&self) -> Option<(u32, u32)> {
        let header = self.png.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(4..16)?.strip_prefix(b"IHDR")?;
        let side = |bytes: &[u8]| bytes.try_into().ok().map(u32::from_be_bytes).filter(|length| *length > 0);
        Some((side(&header[..4])?, side(&header[4..])?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        heatmap::encode_png(&heatmap::RgbImage::new(width, height)).unwrap()
    }

    #[test]
    fn small_pictures_are_shown_at_a_whole_multiple_of_their_size() {
        let shown = |width| {
            Picture::new(png(width, 10), "").view().map(|view| (view.width, view.height, view.shown, view.crisp))
        };
        assert_eq!(shown(102).unwrap(), (102, 10, 306, true));
        assert_eq!(shown(306).unwrap(), (306, 10, 306, false));
        assert_eq!(shown(1140).unwrap(), (1140, 10, 1140, false));
    }

    #[test]
    fn what_is_no_png_is_named() {
        for bytes in [b"".to_vec(), b"JFIF".to_vec(), png(4, 4)[..20].to_vec()] {
            let error = Picture::new(bytes, "a \"photo\"").view().err().unwrap().to_string();
            assert!(error.contains("a \"photo\""), "{error}");
        }
    }

    #[test]
    fn a_description_is_the_caption_unless_there_is_a_better_one() {
        let picture = Picture::new(png(1, 1), "caption");
        assert_eq!(picture.view().unwrap().description, "caption");
        assert_eq!(picture.describe("what is to be seen").view().unwrap().description, "what is to be seen");
    }
}
