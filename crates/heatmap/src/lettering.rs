//! Lines of text in the pixel font.

use crate::glyphs::{COLUMNS, ROWS, glyph};

/// Height of capitals, in dots of the font.
const CAPITALS: u32 = 7;
/// Width of a space, in dots.
const SPACE: u32 = 2;
/// Distance between two glyphs, in dots.
const GAP: u32 = 1;

/// How a line is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lettering {
    /// Side of a dot of the font, in pixels.
    pub(crate) size: u32,
    pub(crate) color: [u8; 3],
}

impl Lettering {
    pub(crate) const fn new(size: u32, color: [u8; 3]) -> Self {
        Self { size, color }
    }

    /// Width of a line, in pixels.
    pub(crate) fn width(self, line: &str) -> u32 {
        let dots: u32 = line.chars().map(|character| extent(character).1 + GAP).sum();
        dots.saturating_sub(GAP).saturating_mul(self.size)
    }

    /// Height of a capital letter, in pixels.
    pub(crate) fn capital(self) -> u32 {
        CAPITALS * self.size
    }

    /// Height of a line with its descenders, in pixels.
    pub(crate) fn height(self) -> u32 {
        ROWS as u32 * self.size
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
}

/// The dots of a line, as column and row.
pub(crate) fn pixels(line: &str) -> Vec<(u32, u32)> {
    let mut dots = Vec::new();
    let mut left = 0;
    for character in line.chars() {
        let (first, width) = extent(character);
        if !character.is_whitespace() {
            for (row, bits) in (0..).zip(glyph(character)) {
                let set = (0..width).filter(|column| bits >> (COLUMNS - 1 - first - column) & 1 == 1);
                dots.extend(set.map(|column| (left + column, row)));
            }
        }
        left += width + GAP;
    }
    dots
}

/// First column that a glyph uses, and how many columns it has from there.
fn extent(character: char) -> (u32, u32) {
    if character.is_whitespace() {
        return (0, SPACE);
    }
    let used = glyph(character).into_iter().fold(0u8, |used, row| used | row);
    let first = used.leading_zeros().saturating_sub(u8::BITS - COLUMNS);
    (first, COLUMNS.saturating_sub(first + used.trailing_zeros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Lettering = Lettering::new(2, [0; 3]);

    #[test]
    fn glyphs_take_only_the_columns_they_use() {
        assert_eq!((extent('A'), extent('1'), extent('.'), extent(' ')), ((0, 5), (1, 3), (2, 1), (0, SPACE)));
        assert_eq!(PLAIN.width("1.0"), 2 * (3 + 1 + 1 + 1 + 5));
        assert_eq!(PLAIN.width(""), 0);
    }

    #[test]
    fn dots_lie_within_the_line() {
        let line = "Rg 1.5 −Qy";
        assert!(pixels(line).iter().all(|(x, y)| 2 * x < PLAIN.width(line) && 2 * y < PLAIN.height()));
    }

    #[test]
    fn lines_break_between_words_and_at_line_ends() {
        let width = PLAIN.width("two words");
        assert_eq!(PLAIN.wrap("two words more\nend", width), ["two words", "more", "end"]);
        assert_eq!(PLAIN.wrap("unbreakable", 4), ["unbreakable"]);
        assert!(PLAIN.wrap("", 10).is_empty());
    }
}
