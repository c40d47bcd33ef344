//! What is said on standard error beside results: errors, warnings, notes, and what is being done.

use std::fmt::Display;
use std::io::{IsTerminal, stderr};
use std::sync::OnceLock;
use std::time::Instant;

use clap::Args;

/// How much is said.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct MessageOptions {
    /// Say nothing but errors and what was asked for: no progress, no warnings, no text where files are the result
    #[arg(long, short, global = true, conflicts_with = "verbose", help_heading = "What is said")]
    quiet: bool,

    /// Also say on standard error what is being done, and how long it takes
    #[arg(long, short, global = true, help_heading = "What is said")]
    verbose: bool,
}

static OPTIONS: OnceLock<MessageOptions> = OnceLock::new();

impl MessageOptions {
    /// Sets for the whole program how much is said.
    pub fn start(self) {
        OPTIONS.get_or_init(|| self);
    }
}

fn options() -> MessageOptions {
    OPTIONS.get().copied().unwrap_or_default()
}

/// Whether nothing but errors and what was asked for is said.
pub fn are_quiet() -> bool {
    options().quiet
}

/// Says that something failed.
pub fn error(text: impl Display) {
    eprintln!("{} {}", colored("error:", "1;31"), wording::message(&text.to_string()));
}

/// Warns of something that makes results other than they seem.
pub fn warn(text: impl Display) {
    if !are_quiet() {
        eprintln!("{} {}", colored("Warning:", "1;33"), wording::message(&text.to_string()));
    }
}

/// Says what a reader should know.
pub fn note(text: impl Display) {
    if !are_quiet() {
        eprintln!("{}", wording::printable(&text.to_string()));
    }
}

/// Does something, and says what it was and how long it took, where that is asked for.
pub fn timed<T>(what: impl Display, action: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = action();
    if options().verbose {
        eprintln!("{}: {:.3} s", wording::printable(&what.to_string()), start.elapsed().as_secs_f64());
    }
    result
}

/// A word in a color, where a person reads it and wants colors (<https://no-color.org>).
fn colored(word: &str, color: &str) -> String {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    if unwanted || is_dumb || !stderr().is_terminal() {
        return word.to_owned();
    }
    format!("\x1b[{color}m{word}\x1b[0m")
}
