//! Fig. 14.

use report::{Curve, Plot};

use crate::Outcome;
use crate::figure::{Figure, Numbers};

/// The two activation functions of the networks.
pub fn figure_14() -> Outcome<Figure> {
    let rectifier = |z: f64| z.max(0.0);
    let grid = || (-60..=60).map(|step| f64::from(step) / 20.0);
    let plot = |title: &str, curve| Plot::new(title, "z", "g(z)").curve(curve);
    let tanh = plot("hyperbolic tangent", Curve::new("g = tanh", grid().map(|z| (z, z.tanh()))));
    let rect = plot("rectifier", Curve::new("g = max(0, z)", grid().map(|z| (z, rectifier(z)))));
    let mut numbers = Numbers::new("z,tanh,rectifier");
    for z in grid() {
        numbers.row([z, z.tanh(), rectifier(z)]);
    }
    let plots = [("tanh", tanh, String::new()), ("rectifier", rect, String::new())];
    Ok(Figure::new(14, "the activation functions").plots(plots)?.numbers("", numbers))
}
