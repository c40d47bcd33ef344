//! `pixelwise completions`.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  pixelwise completions bash > ~/.local/share/bash-completion/completions/pixelwise
  pixelwise completions zsh > ~/.zfunc/_pixelwise
      with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc
  pixelwise completions fish > ~/.config/fish/completions/pixelwise.fish";

/// Write what a shell needs to complete the command line
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The shell: bash, elvish, fish, powershell or zsh
    shell: Shell,
}

/// Writes the script of a shell to standard output.
pub fn completions(arguments: &Arguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut crate::Arguments::command(), "pixelwise", &mut script);
    crate::output::print(&String::from_utf8(script)?)
}
