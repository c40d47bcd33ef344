//! Texts from outside, made fit for a message.

use std::borrow::Cow;

/// The longest message to a person, in characters.
pub const LONGEST_MESSAGE: usize = 600;

/// The longest quote within one.
const LONGEST_QUOTE: usize = 200;

/// A text as it may stand in a message: one that is long loses its middle.
///
/// ```
/// assert_eq!(wording::shortened("short"), "short");
/// assert_eq!(wording::shortened(&"x".repeat(5000)).chars().count(), 200);
/// ```
pub fn shortened(text: &str) -> String {
    cut(text, LONGEST_QUOTE)
}

/// A text of at most so many characters; where it has more, beginning and end stay.
pub(crate) fn cut(text: &str, longest: usize) -> String {
    let count = text.chars().count();
    if count <= longest {
        return text.to_owned();
    }
    let end = (longest - 3) / 3;
    let start = longest - 3 - end;
    text.chars().take(start).chain(" … ".chars()).chain(text.chars().skip(count - end)).collect()
}

/// A text that is safe to write to a terminal: what would steer it, or turn the direction of the text, stands there as
/// its number, as JSON writes it too. Ends of lines and tabs stay.
///
/// ```
/// assert_eq!(wording::printable("tench\u{1b}[2J\n"), "tench\\u001b[2J\n");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return text.into();
    }
    let written = |letter: char| match steers(letter) {
        true => format!("\\u{:04x}", u32::from(letter)),
        false => letter.to_string(),
    };
    text.chars().map(written).collect::<String>().into()
}

fn steers(letter: char) -> bool {
    let turns = matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() && !matches!(letter, '\n' | '\t') || turns
}

/// A whole message to a person: safe to print, and no longer than [`LONGEST_MESSAGE`].
///
/// ```
/// let message = wording::message(&format!("no tensor {:?}; give one of the network's", "x".repeat(5000)));
/// assert!(message.chars().count() <= wording::LONGEST_MESSAGE);
/// assert!(message.ends_with("give one of the network's"));
/// ```
pub fn message(text: &str) -> String {
    cut(&printable(text), LONGEST_MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_written_as_its_number() {
        for (text, written) in [
            ("plain ü 猫", "plain ü 猫"),
            ("\u{1b}]0;title\u{7}", "\\u001b]0;title\\u0007"),
            ("\u{9b}2J\r\u{8}\u{7f}", "\\u009b2J\\u000d\\u0008\\u007f"),
            ("a\u{202e}b\tc\n", "a\\u202eb\tc\n"),
        ] {
            assert_eq!(printable(text), written);
        }
    }

    #[test]
    fn cut_texts_keep_both_ends() {
        let text: String = ('a'..='z').cycle().take(700).collect();
        let short = cut(&text, 100);
        assert!(text.starts_with(&short[..60]) && text.ends_with(&short[short.len() - 30..]));
        assert_eq!(short.chars().count(), 100);
        assert_eq!(cut("ääää", 4), "ääää");
    }
}
