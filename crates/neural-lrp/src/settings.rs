//! The text of whatever has a name and settings: `name=first,second`.

/// The text of a name and its settings; the name alone where there are none.
pub(crate) fn text(name: &str, settings: &[String]) -> String {
    match settings {
        [] => name.to_owned(),
        settings => format!("{name}={}", settings.join(",")),
    }
}

/// The name in a text, and the settings that stand after it.
pub(crate) fn split(text: &str) -> (&str, Vec<&str>) {
    match text.split_once('=') {
        Some((name, settings)) => (name.trim(), settings.split(',').map(str::trim).collect()),
        None => (text.trim(), Vec::new()),
    }
}
