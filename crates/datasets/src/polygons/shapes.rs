//! What a scene shows: the random draws, in the order in which they are made.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::SplitMix64;

/// The radii of shapes, in pixels.
const RADII: (f64, f64) = (8.0, 24.0);

/// Pixels that are left free between the circles around two shapes.
const GAP: f64 = 2.0;

/// The least difference in luma between a shape and the background.
const CONTRAST: f64 = 0.15;

/// How often a place, and a color, is drawn before giving up.
const TRIES: usize = 50;

/// A place in the picture: `x` to the right, `y` down, in pixels. The pixel (row, column) covers
/// [column, column + 1) × [row, row + 1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

/// One polygon or circle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// The middle.
    pub center: Point,
    /// The radius of the circle, or of the circle that no corner of the polygon leaves.
    pub radius: f64,
    /// Red, green and blue, each in [0, 1).
    pub color: [f64; 3],
    /// What it is.
    pub outline: Outline,
}

/// The kind of a shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outline {
    /// All points within the radius.
    Circle,
    /// A closed polygon.
    Polygon {
        /// The corners, around the center.
        vertices: Vec<Point>,
    },
}

/// Draws the background, then the shapes; a shape that finds no free place is left out.
pub(super) fn draw(
    random: &mut SplitMix64,
    height: usize,
    width: usize,
    polygons: u64,
    circles: u64,
) -> ([f64; 3], Vec<Shape>) {
    let background = draw_color(random);
    let mut shapes: Vec<Shape> = Vec::new();
    for number in 0..polygons + circles {
        let Some((center, radius)) = draw_place(random, height, width, &shapes) else { continue };
        let color = draw_contrasting_color(random, background);
        let outline = if number < polygons { draw_polygon(random, center, radius) } else { Outline::Circle };
        shapes.push(Shape { center, radius, color, outline });
    }
    (background, shapes)
}

/// A center and radius that keep away from all shapes that are there.
fn draw_place(random: &mut SplitMix64, height: usize, width: usize, others: &[Shape]) -> Option<(Point, f64)> {
    for _ in 0..TRIES {
        let radius = random.uniform(RADII.0, RADII.1);
        let x = random.uniform(0.5 * radius, width as f64 - 0.5 * radius);
        let y = random.uniform(0.5 * radius, height as f64 - 0.5 * radius);
        let is_free = |other: &Shape| (x - other.center.x).hypot(y - other.center.y) > radius + other.radius + GAP;
        if others.iter().all(is_free) {
            return Some((Point { x, y }, radius));
        }
    }
    None
}

/// A color whose luma differs from the background's; the last one that was drawn, should none do.
fn draw_contrasting_color(random: &mut SplitMix64, background: [f64; 3]) -> [f64; 3] {
    let mut color = draw_color(random);
    for _ in 1..TRIES {
        if (luma(color) - luma(background)).abs() >= CONTRAST {
            break;
        }
        color = draw_color(random);
    }
    color
}

/// A polygon of 3 to 6 corners: one in each sector around the center, not quite evenly spaced.
fn draw_polygon(random: &mut SplitMix64, center: Point, radius: f64) -> Outline {
    let corners = random.integer(3..=6);
    let phase = random.uniform(0.0, TAU);
    let vertices = (0..corners)
        .map(|corner| {
            let angle = phase + TAU * (corner as f64 + random.uniform(-0.25, 0.25)) / corners as f64;
            let distance = radius * random.uniform(0.7, 1.0);
            Point { x: center.x + distance * angle.cos(), y: center.y + distance * angle.sin() }
        })
        .collect();
    Outline::Polygon { vertices }
}

fn draw_color(random: &mut SplitMix64) -> [f64; 3] {
    [random.unit(), random.unit(), random.unit()]
}

fn luma([red, green, blue]: [f64; 3]) -> f64 {
    0.299 * red + 0.587 * green + 0.114 * blue
}
