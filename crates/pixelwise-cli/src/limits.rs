//! `--max-pixels` and `--max-constants`: how much memory a file may ask for.

use std::num::NonZeroU64;

use clap::Args;

/// How much memory a file may ask for, whatever it says.
#[derive(Args, Clone, Copy, Debug)]
pub struct LimitOptions {
    /// The most pixels that a picture may have (default: 268435456)
    #[arg(long, value_name = "N", global = true, help_heading = "What files may ask for")]
    max_pixels: Option<NonZeroU64>,

    /// The most memory of constants that are computed of a network's file, in MiB (default: 64, and 64 times the file's size)
    #[arg(long, value_name = "MIB", global = true, help_heading = "What files may ask for")]
    max_constants: Option<NonZeroU64>,
}

impl LimitOptions {
    /// Sets the limits for the whole program.
    pub fn start(self) {
        if let Some(pixels) = self.max_pixels {
            images::set_max_pixels(pixels.get());
        }
        if let Some(mebibytes) = self.max_constants {
            model_files::set_max_constants(mebibytes.get().saturating_mul(1 << 20));
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_help_says_the_default() {
        let command = crate::command();
        let help = command.get_arguments().find(|option| option.get_id() == "max_pixels").unwrap().get_help().unwrap();
        assert!(help.to_string().contains(&images::DEFAULT_MAX_PIXELS.to_string()));
    }
}
