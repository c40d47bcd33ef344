//! Places in texts.

use std::fmt;
use std::ops::Range;

/// A line and a column of a text, from 1: `line 3, column 7`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Place {
    /// The place of a byte.
    ///
    /// ```
    /// let place = wording::Place::of("a = 1\nb = ?", 10);
    /// assert_eq!(place.to_string(), "line 2, column 5");
    /// ```
    pub fn of(text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self { line: 1 + before.matches('\n').count(), column: 1 + before[line_start..].chars().count() }
    }

    /// A parser's sentence, with the place in the text that it is about, and without the line itself, which may be of
    /// any length.
    ///
    /// ```
    /// let told = wording::Place::told("a = ?", Some(4..5), "invalid value\nexpected a number");
    /// assert_eq!(told, "line 1, column 5: invalid value, expected a number");
    /// ```
    pub fn told(text: &str, span: Option<Range<usize>>, sentence: &str) -> String {
        let sentence = crate::shortened(&sentence.trim().replace('\n', ", "));
        match span {
            Some(span) => format!("{}: {sentence}", Self::of(text, span.start)),
            None => sentence,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}
