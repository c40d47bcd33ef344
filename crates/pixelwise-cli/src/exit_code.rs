//! How the program ends.

use std::process::ExitCode;

/// Everything that was asked for is done.
pub const DONE: u8 = 0;
/// Something failed.
pub const FAILED: u8 = 1;
/// The command line is wrong; clap ends the program with it.
const MISUSED: u8 = 2;

/// Each code, and what it means: the table in `--help` and in docs/command-line.md.
pub const EXIT_CODES: [(u8, &str); 3] = [
    (DONE, "everything that was asked for is done"),
    (FAILED, "something failed: a file, an input of several, an output that is not what --expect or a record says"),
    (MISUSED, "the command line is wrong, and nothing was done"),
];

/// The code as the system takes it.
pub fn exit(code: u8) -> ExitCode {
    ExitCode::from(code)
}

/// The table for `--help`.
pub fn table() -> String {
    let rows = EXIT_CODES.iter().map(|(code, meaning)| format!("  {code}  {meaning}\n"));
    format!("Exit codes:\n{}", rows.collect::<String>())
}
