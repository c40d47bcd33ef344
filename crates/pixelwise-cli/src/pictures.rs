//! Arrays as pictures, and the colors of sheets.

use heatmap::{ColorBar, ColorMap};
pub use pixelwise::Layout;

/// The colors of sheets that put explanations side by side. White at zero, red for and blue against the class: signs are
/// seen at once, on paper too.
pub const SIGN_COLORS: ColorMap = ColorMap::Seismic;

/// Their bar, as long as its captions need.
pub fn sign_bar() -> ColorBar {
    ColorBar { length: 360, ..ColorBar::of(SIGN_COLORS) }.captions("against the class", "for it")
}
