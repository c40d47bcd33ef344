//! Contact sheets: pictures in rows and columns, with titles, captions and color bars.

use std::num::NonZeroU32;

use image::RgbImage;

use crate::canvas::{Canvas, FAINT_INK, INK, PAPER};
use crate::color_bar::check_text_size;
use crate::lettering::Lettering;
use crate::{ColorBar, Error, enlarge};

/// A picture on a contact sheet.
///
/// ```
/// use heatmap::{ColorBar, RgbImage, Tile};
/// let plain: Tile = RgbImage::new(4, 4).into();
/// let captioned: Tile = (RgbImage::new(4, 4), "f(x) = 1.2").into();
/// assert_eq!(captioned, Tile { caption: "f(x) = 1.2".to_owned(), ..plain });
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tile {
    /// The picture.
    pub picture: RgbImage,
    /// What stands below it; nothing when empty.
    pub caption: String,
    /// A color bar of its own, between picture and caption.
    pub color_bar: Option<ColorBar>,
}

impl From<RgbImage> for Tile {
    fn from(picture: RgbImage) -> Self {
        Self { picture, ..Self::default() }
    }
}

impl<S: Into<String>> From<(RgbImage, S)> for Tile {
    fn from((picture, caption): (RgbImage, S)) -> Self {
        Self { picture, caption: caption.into(), color_bar: None }
    }
}

/// Pictures in rows and columns, with margins, titles and captions, on white.
///
/// Columns are as wide as their widest picture; captions and titles are centered and broken to fit.
///
/// ```
/// use heatmap::{ColorBar, ContactSheet, RgbImage};
/// let picture = RgbImage::new(102, 102);
/// let sheet = ContactSheet::new()
///     .title("Polygons against circles")
///     .columns(["photo", "heatmap"])
///     .row([(picture.clone(), "composite 0"), (picture, "f(x) = 1.2")])
///     .color_bar(ColorBar::default())
///     .draw()?;
/// assert!(sheet.width() > 204 && sheet.height() > 102);
/// # Ok::<(), heatmap::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ContactSheet {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<Tile>>,
    color_bar: Option<ColorBar>,
    magnification: NonZeroU32,
    text_size: u32,
}

impl Default for ContactSheet {
    fn default() -> Self {
        Self {
            title: String::new(),
            columns: Vec::new(),
            rows: Vec::new(),
            color_bar: None,
            magnification: NonZeroU32::MIN,
            text_size: 2,
        }
    }
}

impl ContactSheet {
    /// A sheet without pictures.
    pub fn new() -> Self {
        Self::default()
    }

    /// What stands on top.
    #[must_use]
    pub fn title(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// What stands above each column.
    #[must_use]
    pub fn columns<S: Into<String>>(self, titles: impl IntoIterator<Item = S>) -> Self {
        Self { columns: titles.into_iter().map(Into::into).collect(), ..self }
    }

    /// Adds a row of pictures below the others; rows may differ in length.
    #[must_use]
    pub fn row<T: Into<Tile>>(mut self, tiles: impl IntoIterator<Item = T>) -> Self {
        self.rows.push(tiles.into_iter().map(Into::into).collect());
        self
    }

    /// A color bar for all pictures, at the foot of the sheet.
    #[must_use]
    pub fn color_bar(self, bar: ColorBar) -> Self {
        Self { color_bar: Some(bar), ..self }
    }

    /// Repeats every pixel of the pictures this many times in either direction. Default: 1.
    #[must_use]
    pub fn magnification(self, factor: NonZeroU32) -> Self {
        Self { magnification: factor, ..self }
    }

    /// Size of the lettering, from 1 to 16: capitals are seven times as many pixels high. Default: 2, for screens of double
    /// density.
    #[must_use]
    pub fn text_size(self, text_size: u32) -> Self {
        Self { text_size, ..self }
    }

    /// Draws it.
    ///
    /// # Errors
    /// [`Error::Empty`] for a sheet or a tile without a picture; [`Error::TooLarge`]; [`Error::Option`] for lettering
    /// or a bar outside of its ranges.
    pub fn draw(&self) -> Result<RgbImage, Error> {
        check_text_size(self.text_size)?;
        if self.rows.iter().all(Vec::is_empty) {
            return Err(Error::Empty { what: "the contact sheet", height: 0, width: 0 });
        }
        Layout::of(self)?.draw()
    }

    fn heading(&self) -> Lettering {
        Lettering::new(self.text_size + 1, INK)
    }

    fn column_title(&self) -> Lettering {
        Lettering::new(self.text_size, INK)
    }

    fn caption(&self) -> Lettering {
        Lettering::new(self.text_size, FAINT_INK)
    }
}

/// A tile as it is drawn.
struct Placed {
    picture: RgbImage,
    bar: Option<RgbImage>,
    caption: Vec<String>,
}

impl Placed {
    /// Pixels below the picture.
    fn foot(&self, lettering: Lettering, text_size: u32) -> u64 {
        let bar = self.bar.as_ref().map_or(0, |bar| u64::from(bar.height()) + u64::from(BAR_GAP * text_size));
        bar + block_height(&self.caption, lettering, CAPTION_GAP * text_size)
    }
}

// Distances, in units of the lettering's size.
const MARGIN: u32 = 12;
const COLUMN_GAP: u32 = 9;
const ROW_GAP: u32 = 10;
const CAPTION_GAP: u32 = 4;
const BAR_GAP: u32 = 5;
const LEADING: u32 = 2;

/// Everything that a sheet's size follows from.
struct Layout<'a> {
    sheet: &'a ContactSheet,
    rows: Vec<Vec<Placed>>,
    column_widths: Vec<u32>,
    column_titles: Vec<Vec<String>>,
    content_width: u64,
    title: Vec<String>,
    bar: Option<RgbImage>,
}

impl<'a> Layout<'a> {
    fn of(sheet: &'a ContactSheet) -> Result<Self, Error> {
        let mut rows = sheet
            .rows
            .iter()
            .map(|row| row.iter().map(|tile| placed(tile, sheet.magnification)).collect::<Result<Vec<_>, _>>())
            .collect::<Result<Vec<_>, _>>()?;
        let column_widths = column_widths(sheet, &rows);
        for (row, tiles) in rows.iter_mut().zip(&sheet.rows) {
            for ((placed, tile), width) in row.iter_mut().zip(tiles).zip(&column_widths) {
                placed.caption = sheet.caption().wrap(&tile.caption, *width);
            }
        }
        let titles = sheet.columns.iter().zip(&column_widths);
        let column_titles = titles.map(|(title, width)| sheet.column_title().wrap(title, *width)).collect();
        let bar = sheet.color_bar.as_ref().map(ColorBar::draw).transpose()?;

        let gaps = (column_widths.len() as u64 - 1) * u64::from(COLUMN_GAP * sheet.text_size);
        let columns = column_widths.iter().map(|width| u64::from(*width)).sum::<u64>() + gaps;
        let content_width = columns
            .max(u64::from(sheet.heading().widest_word(&sheet.title)))
            .max(bar.as_ref().map_or(0, |bar| bar.width().into()));
        let title = sheet.heading().wrap(&sheet.title, u32::try_from(content_width).unwrap_or(u32::MAX));
        Ok(Self { sheet, rows, column_widths, column_titles, content_width, title, bar })
    }

    fn draw(&self) -> Result<RgbImage, Error> {
        let unit = self.sheet.text_size;
        let margin = MARGIN * unit;
        let mut canvas =
            Canvas::new(self.content_width + 2 * u64::from(margin), self.height() + 2 * u64::from(margin), PAPER)?;
        let center = margin + self.content_width as u32 / 2;

        let mut top = margin;
        write_block(&mut canvas, &self.title, center, top, self.sheet.heading());
        top += block_height(&self.title, self.sheet.heading(), ROW_GAP * unit) as u32;
        let titles_end = top + self.column_titles_height() as u32;
        for (title, (left, width)) in self.column_titles.iter().zip(self.columns()) {
            let own = titles_end - block_height(title, self.sheet.column_title(), CAPTION_GAP * unit) as u32;
            write_block(&mut canvas, title, left + width / 2, own, self.sheet.column_title());
        }
        top = titles_end;
        for row in &self.rows {
            self.draw_row(&mut canvas, row, top);
            top += self.row_height(row) as u32 + ROW_GAP * unit;
        }
        if let Some(bar) = &self.bar {
            image_at(&mut canvas, bar, center, top);
        }
        Ok(canvas.finish())
    }

    /// Pictures stand on one line, captions hang below it.
    fn draw_row(&self, canvas: &mut Canvas, row: &[Placed], top: u32) {
        let unit = self.sheet.text_size;
        let line = top + tallest(row) as u32;
        for (tile, (left, width)) in row.iter().zip(self.columns()) {
            let center = left + width / 2;
            canvas.framed(center - tile.picture.width() / 2, line - tile.picture.height(), &tile.picture);
            let mut below = line;
            if let Some(bar) = &tile.bar {
                image_at(canvas, bar, center, below + BAR_GAP * unit);
                below += BAR_GAP * unit + bar.height();
            }
            write_block(canvas, &tile.caption, center, below + CAPTION_GAP * unit, self.sheet.caption());
        }
    }

    /// Left side and width of each column, centered as a whole.
    fn columns(&self) -> impl Iterator<Item = (u32, u32)> {
        let gap = COLUMN_GAP * self.sheet.text_size;
        let used = self.column_widths.iter().map(|width| width + gap).sum::<u32>() - gap;
        let first = MARGIN * self.sheet.text_size + (self.content_width as u32 - used) / 2;
        self.column_widths.iter().scan(first, move |left, &width| {
            let column = (*left, width);
            *left += width + gap;
            Some(column)
        })
    }

    /// Height without the margins.
    fn height(&self) -> u64 {
        let gap = u64::from(ROW_GAP * self.sheet.text_size);
        let rows: u64 = self.rows.iter().map(|row| self.row_height(row) + gap).sum();
        let title = block_height(&self.title, self.sheet.heading(), ROW_GAP * self.sheet.text_size);
        let bar = self.bar.as_ref().map_or(0, |bar| u64::from(bar.height()) + gap);
        title + self.column_titles_height() + rows + bar - gap
    }

    fn row_height(&self, row: &[Placed]) -> u64 {
        let foot = row.iter().map(|tile| tile.foot(self.sheet.caption(), self.sheet.text_size)).max().unwrap_or(0);
        tallest(row) + foot
    }

    fn column_titles_height(&self) -> u64 {
        let lettering = self.sheet.column_title();
        let gap = CAPTION_GAP * self.sheet.text_size;
        self.column_titles.iter().map(|titles| block_height(titles, lettering, gap)).max().unwrap_or(0)
    }
}

fn placed(tile: &Tile, magnification: NonZeroU32) -> Result<Placed, Error> {
    let (width, height) = tile.picture.dimensions();
    if width == 0 || height == 0 {
        return Err(Error::Empty { what: "a picture of the contact sheet", height: height as _, width: width as _ });
    }
    let bar = tile.color_bar.as_ref().map(ColorBar::draw).transpose()?;
    Ok(Placed { picture: enlarge(&tile.picture, magnification)?, bar, caption: Vec::new() })
}

/// Each column is as wide as the widest of its pictures, bars, and words.
fn column_widths(sheet: &ContactSheet, rows: &[Vec<Placed>]) -> Vec<u32> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width_of = |column: usize| {
        let drawn = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|tile| tile.picture.width().max(tile.bar.as_ref().map_or(0, RgbImage::width)));
        let captions = sheet.rows.iter().filter_map(|row| row.get(column));
        let words = captions.map(|tile| sheet.caption().widest_word(&tile.caption));
        let title = sheet.columns.get(column).map(|title| sheet.column_title().widest_word(title));
        drawn.chain(words).chain(title).max().unwrap_or(0)
    };
    (0..count).map(width_of).collect()
}

fn tallest(row: &[Placed]) -> u64 {
    row.iter().map(|tile| u64::from(tile.picture.height())).max().unwrap_or(0)
}

/// Height of lines of text with the gap that sets them off; nothing for no lines.
fn block_height(lines: &[String], lettering: Lettering, gap: u32) -> u64 {
    match lines.len() as u64 {
        0 => 0,
        count => {
            let pitch = u64::from(lettering.height() + LEADING * lettering.size);
            u64::from(gap) + count * pitch - u64::from(LEADING * lettering.size)
        }
    }
}

fn write_block(canvas: &mut Canvas, lines: &[String], center: u32, top: u32, lettering: Lettering) {
    let pitch = lettering.height() + LEADING * lettering.size;
    for (line, y) in lines.iter().zip((top..).step_by(pitch as usize)) {
        canvas.write_centered(line, center, y, lettering);
    }
}

fn image_at(canvas: &mut Canvas, picture: &RgbImage, center: u32, top: u32) {
    canvas.paste(center.saturating_sub(picture.width() / 2), top, picture);
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    fn red(width: u32, height: u32) -> RgbImage {
        RgbImage::from_pixel(width, height, Rgb([255, 0, 0]))
    }

    fn count_red(picture: &RgbImage) -> usize {
        picture.pixels().filter(|pixel| pixel.0 == [255, 0, 0]).count()
    }

    #[test]
    fn every_pixel_of_every_picture_is_on_the_sheet() -> Result<(), Error> {
        let sheet = ContactSheet::new()
            .title("A title that is a good deal wider than the pictures below it")
            .columns(["first", "second", "there is no third"])
            .row([(red(10, 20), "one"), (red(30, 5), "a caption of several words")])
            .row([red(7, 7)])
            .color_bar(ColorBar::default())
            .magnification(NonZeroU32::MIN.saturating_add(2))
            .draw()?;
        let white = sheet.get_pixel(0, 0).0;
        assert_eq!((white, count_red(&sheet)), (PAPER, 9 * (200 + 150 + 49)));
        Ok(())
    }

    #[test]
    fn a_sheet_without_pictures_is_an_error() {
        assert!(matches!(ContactSheet::new().title("nothing").draw(), Err(Error::Empty { .. })));
        assert!(matches!(ContactSheet::new().row([red(3, 0)]).draw(), Err(Error::Empty { .. })));
    }

    #[test]
    fn a_sheet_beyond_all_measure_is_an_error() {
        let sheet = ContactSheet::new().row(vec![red(30_000, 1); 3]);
        assert!(matches!(sheet.draw(), Err(Error::TooLarge { .. })));
        assert!(matches!(sheet.text_size(0).draw(), Err(Error::Option { .. })));
    }

    proptest! {
        #[test]
        fn any_arrangement_is_drawn(
            sizes in prop::collection::vec(prop::collection::vec((1u32..40, 1u32..40), 0..4), 1..4),
            title in "\\PC{0,40}", caption in "\\PC{0,40}", text_size in 1u32..4
        ) {
            let pixels: usize = sizes.iter().flatten().map(|(width, height)| (width * height) as usize).sum();
            let mut sheet = ContactSheet::new().title(title).columns([caption.as_str()]).text_size(text_size);
            for row in sizes {
                sheet = sheet.row(row.into_iter().map(|(width, height)| (red(width, height), caption.as_str())));
            }
            match sheet.draw() {
                Ok(drawn) => prop_assert_eq!(count_red(&drawn), pixels),
                Err(error) => prop_assert!(pixels == 0, "{error}"),
            }
        }
    }
}
