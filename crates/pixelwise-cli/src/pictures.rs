//! Arrays as pictures, and the colors of sheets.

use heatmap::{ColorBar, ColorMap, magnitude_at};
use ndarray::Array2;
pub use pixelwise::Layout;

/// The colors of sheets that put explanations side by side. White at zero, red for and blue against the class: signs are
/// seen at once, on paper too.
pub const SIGN_COLORS: ColorMap = ColorMap::Seismic;

/// Their bar, as long as its captions need.
pub fn sign_bar() -> ColorBar {
    ColorBar { length: 360, ..ColorBar::of(SIGN_COLORS) }.captions("against the class", "for it")
}

/// A map brought to [−1, 1], whose ends stand for the magnitude that a share `level` of its pixels does not exceed.
pub fn scaled(map: &Array2<f64>, level: f64) -> Array2<f64> {
    match magnitude_at(map.view(), level) {
        0.0 => Array2::zeros(map.raw_dim()),
        largest => map.mapv(|value| (value / largest).clamp(-1.0, 1.0)),
    }
}
