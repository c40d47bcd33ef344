//! The settings that follow a method's name.

use std::str::FromStr;

/// A setting, read as whatever its place takes.
pub(super) fn parse_setting<T: FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is no {what}"))
}
