//! Lines of text, in DejaVu Sans.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScaleFont, ScaleFont};

static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    let font = FontRef::try_from_slice(include_bytes!("../fonts/DejaVuSans.ttf"));
    font.unwrap_or_else(|error| unreachable!("the font is a part of this crate, and its tests read it: {error}"))
});

/// Height of capitals, in units of the size.
const CAPITALS: u32 = 7;
/// What is below the line, likewise.
const DESCENDERS: u32 = 2;
/// The font's full height over that of its capitals: 1.164 over 0.729 of the em.
const FULL_HEIGHT: f32 = 1.164 / 0.729;

/// How a line is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lettering {
    /// A seventh of the height of capitals, in pixels: 2 is easy to read on screens of double density.
    pub(crate) size: u32,
    pub(crate) color: [u8; 3],
}

impl Lettering {
    pub(crate) const fn new(size: u32, color: [u8; 3]) -> Self {
        Self { size, color }
    }

    /// Width of a line, in pixels.
    pub(crate) fn width(self, line: &str) -> u32 {
        let font = self.font();
        let (mut right, mut before) = (0.0, None);
        for glyph in line.chars().map(|character| font.glyph_id(character)) {
            right += before.map_or(0.0, |before| font.kern(before, glyph)) + font.h_advance(glyph);
            before = Some(glyph);
        }
        right.ceil() as u32
    }

    /// Height of a capital letter, in pixels.
    pub(crate) fn capital(self) -> u32 {
        CAPITALS * self.size
    }

    /// Height of a line with its descenders, in pixels.
    pub(crate) fn height(self) -> u32 {
        (CAPITALS + DESCENDERS) * self.size
    }

    /// Breaks `text` into lines no wider than `width`, between words; a word wider than that has a line of its own.
    pub(crate) fn wrap(self, text: &str, width: u32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.lines() {
            let mut line = String::new();
            for word in paragraph.split_whitespace() {
                let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
                if line.is_empty() || self.width(&longer) <= width {
                    line = longer;
                } else {
                    lines.push(std::mem::replace(&mut line, word.to_owned()));
                }
            }
            lines.push(line);
        }
        lines
    }

    /// Width of the widest word of `text`, in pixels: it can't be wrapped into less.
    pub(crate) fn widest_word(self, text: &str) -> u32 {
        text.split_whitespace().map(|word| self.width(word)).max().unwrap_or(0)
    }

    /// Draws a line: calls `draw` with the column, the row and the share of each pixel that letters cover. Columns count
    /// from where the line begins, rows from the top of its capitals; accents are above, at negative rows.
    pub(crate) fn draw(self, line: &str, mut draw: impl FnMut(i64, i64, f32)) {
        let font = self.font();
        let baseline = self.capital() as f32;
        let (mut right, mut before) = (0.0, None);
        for id in line.chars().map(|character| font.glyph_id(character)) {
            right += before.map_or(0.0, |before| font.kern(before, id));
            let glyph = id.with_scale_and_position(font.scale(), ab_glyph::point(right, baseline));
            if let Some(outline) = font.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                let (left, top) = (corner.x as i64, corner.y as i64);
                outline.draw(|x, y, share| draw(left + i64::from(x), top + i64::from(y), share));
            }
            right += font.h_advance(id);
            before = Some(id);
        }
    }

    fn font(self) -> PxScaleFont<&'static FontRef<'static>> {
        FONT.as_scaled(self.capital() as f32 * FULL_HEIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Lettering = Lettering::new(2, [0; 3]);

    fn covered(line: &str) -> Vec<(i64, i64)> {
        let mut covered = Vec::new();
        PLAIN.draw(line, |x, y, share| {
            assert!(share.is_finite());
            if share > 0.5 {
                covered.push((x, y));
            }
        });
        covered
    }

    #[test]
    fn lines_are_as_wide_as_their_letters() {
        assert!(PLAIN.width("1.0") > PLAIN.width("10") && PLAIN.width("W") > PLAIN.width("i"));
        assert_eq!(PLAIN.width(""), 0);
    }

    #[test]
    fn capitals_are_as_high_as_they_say_and_letters_lie_within_the_line() {
        let rows = |line| covered(line).into_iter().map(|(_, y)| y);
        assert_eq!((rows("H").min(), rows("H").max()), (Some(0), Some(13)));
        assert_eq!(rows("gqyp").max(), Some(i64::from(PLAIN.height()) - 1));
        let line = "Rg 1.5 −Qy";
        assert!(covered(line).into_iter().all(|(x, y)| {
            (0..i64::from(PLAIN.width(line))).contains(&x) && (0..i64::from(PLAIN.height())).contains(&y)
        }));
    }

    #[test]
    fn signs_of_the_field_have_letters_of_their_own() {
        let unknown = FONT.glyph_id('鱼');
        for character in (' '..='~').chain("°±²³µ·¹×Σαβγελμσχℓ←→−≤≥–—’“”…äöüßéñçøåŁžЖ".chars())
        {
            assert_ne!(FONT.glyph_id(character), unknown, "{character}");
        }
    }

    #[test]
    fn lines_break_between_words_and_at_line_ends() {
        let width = PLAIN.width("two words");
        assert_eq!(PLAIN.wrap("two words more\nend", width), ["two words", "more", "end"]);
        assert_eq!(PLAIN.wrap("unbreakable", 4), ["unbreakable"]);
        assert!(PLAIN.wrap("", 10).is_empty());
    }
}
