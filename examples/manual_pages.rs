//! Writes the manual pages of `pixelwise`: `cargo run --example manual_pages -- man`, then `man -l man/pixelwise.1`.

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "man".to_owned()));
    std::fs::create_dir_all(&folder)?;
    // A page for the program, and one for each verb: pixelwise-explain.1
    clap_mangen::generate_to(pixelwise_cli::command().disable_help_subcommand(true), &folder)?;
    println!("written to {}", folder.display());
    Ok(())
}
