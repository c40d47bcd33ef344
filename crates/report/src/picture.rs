//! Pictures, embedded or beside the page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::{Error, Plot};

/// A picture of a report, and what stands below it.
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
    source: Source,
    /// What stands below it; nothing when empty.
    pub caption: String,
    /// What a reader who does not see it is told; the caption, when empty.
    pub description: String,
}

/// Where a picture is.
#[derive(Clone, Debug, PartialEq)]
enum Source {
    /// In the page: the bytes of a PNG file.
    Embedded(Vec<u8>),
    /// In the page: the text of an SVG file.
    Drawn { svg: String, size: (u32, u32) },
    /// In a file beside the page.
    Linked { address: String, size: (u32, u32) },
}

/// A picture as the template wants it.
#[derive(Serialize)]
pub(crate) struct PictureView {
    source: String,
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
    /// A picture in the page: the bytes of a PNG file, and a caption.
    pub fn new(png: impl Into<Vec<u8>>, caption: impl Into<String>) -> Self {
        Self { source: Source::Embedded(png.into()), caption: caption.into(), description: String::new() }
    }

    /// A plot in the page, and a caption.
    ///
    /// # Errors
    /// As [`Plot::svg`].
    pub fn plot(plot: &Plot, caption: impl Into<String>) -> Result<Self, Error> {
        let source = Source::Drawn { svg: plot.svg()?, size: plot.size() };
        Ok(Self { source, caption: caption.into(), description: plot.title.clone() })
    }

    /// The same picture, not in the page but in a file beside it, for pages that would grow too large; it is loaded when
    /// the reader comes to it.
    ///
    /// * `file` — the file's path, relative to the page's
    ///
    /// ```
    /// use report::{Picture, Report, Section};
    /// let png = heatmap::encode_png(&heatmap::RgbImage::new(8, 8))?;
    /// let picture = Picture::new(png, "cat 1").linked("heatmaps/cat 1.png");
    /// let page = Report::new("Cats").section(Section::new("One").pictures([picture])).render()?;
    /// assert!(page.contains("src=\"heatmaps/cat%201.png\""));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn linked(self, file: &str) -> Self {
        let size = self.size().unwrap_or_default();
        Self { source: Source::Linked { address: address(file), size }, ..self }
    }

    /// Whether it is in the page.
    pub(crate) fn is_embedded(&self) -> bool {
        !matches!(self.source, Source::Linked { .. })
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
            source: match &self.source {
                Source::Embedded(png) => format!("data:image/png;base64,{}", STANDARD.encode(png)),
                Source::Drawn { svg, .. } => format!("data:image/svg+xml;base64,{}", STANDARD.encode(svg)),
                Source::Linked { address, .. } => address.clone(),
            },
            width,
            height,
            shown: width.saturating_mul((SCALED_UP / width).max(1)),
            crisp: width <= SCALED_UP / 2,
            caption: self.caption.clone(),
            description: described.clone(),
        })
    }

    /// Width and height; of an embedded photo or heatmap, from the header of the file.
    fn size(&self) -> Option<(u32, u32)> {
        let png = match &self.source {
            Source::Embedded(png) => png,
            Source::Drawn { size, .. } | Source::Linked { size, .. } => {
                return Some(*size).filter(|(width, height)| *width > 0 && *height > 0);
            }
        };
        let header = png.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(4..16)?.strip_prefix(b"IHDR")?;
        let side = |bytes: &[u8]| bytes.try_into().ok().map(u32::from_be_bytes).filter(|length| *length > 0);
        Some((side(&header[..4])?, side(&header[4..])?))
    }
}

/// A path as a relative address: what has a meaning of its own in addresses is written in percent.
pub(crate) fn address(path: &str) -> String {
    let mut address = String::with_capacity(path.len());
    // A name like `a:b.png` would be taken for a scheme.
    if path.split('/').next().is_some_and(|first| first.contains(':')) {
        address.push_str("./");
    }
    for &byte in path.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/:".contains(&byte) {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address
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
    fn a_linked_picture_has_an_address_that_means_its_file() {
        let address = |path| Picture::new(png(3, 2), "").linked(path).view().unwrap().source;
        assert_eq!(address("a/b c.png"), "a/b%20c.png");
        assert_eq!(address("50%#1?\".png"), "50%25%231%3F%22.png");
        assert_eq!(address("javascript:x.png"), "./javascript:x.png");
        assert!(Picture::new("no PNG", "").linked("a.png").view().is_err());
    }

    #[test]
    fn a_description_is_the_caption_unless_there_is_a_better_one() {
        let picture = Picture::new(png(1, 1), "caption");
        assert_eq!(picture.view().unwrap().description, "caption");
        assert_eq!(picture.describe("what is to be seen").view().unwrap().description, "what is to be seen");
    }
}
