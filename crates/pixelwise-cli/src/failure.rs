//! What stops a command, and how it is told.

use std::error::Error;
use std::fmt;

/// What stops a command: a library's error, or a sentence of the command line's own.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A failure, with what was being done.
#[derive(Debug)]
struct During {
    what: String,
    cause: Failure,
}

impl fmt::Display for During {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl Error for During {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// Says what was being done when something failed, usually to which file.
pub trait Context<T> {
    /// The failure, with what was being done before it.
    fn context(self, what: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> Context<T> for Result<T, E> {
    fn context(self, what: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|cause| Box::new(During { what: what.to_string(), cause: cause.into() }) as Failure)
    }
}

/// A failure with the whole chain of its causes in one line; a cause that the sentence before has already told is not
/// told again.
pub fn chain(failure: &(dyn Error + 'static)) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_told_once() {
        let inner: Result<(), String> = Err("disk full".into());
        let outer = inner.context("can't write a.png").context("can't explain a.jpg").unwrap_err();
        assert_eq!(chain(outer.as_ref()), "can't explain a.jpg: can't write a.png: disk full");
        let telling = images::read("no/such/file.png").unwrap_err();
        assert_eq!(chain(&telling).matches("No such file").count(), 1);
    }
}
