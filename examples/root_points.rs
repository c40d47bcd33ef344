//! Why relevance is taken at a root point and not from the gradient at the explained point (the paper's Fig 3).
//!
//! A kernel classifier in two dimensions, green dots against blue ones. Left: the gradient at the explained point `x`
//! (square) leads along the green dots to the top of their hill, away from anything that is blue. Right: the nearest
//! root point `x₀` (triangle), the gradient there (black), `x − x₀` (dashed red) and their product in each dimension
//! (red), which is the decomposition of Eq. 18.
//!
//! ```sh
//! cargo run --example root_points [PICTURE.png]
//! ```

use std::error::Error;
use std::path::{Path, PathBuf};

use datasets::SplitMix64;
use image::{Rgb, RgbImage};
use kernels::{Coefficients, ExpansionTerm, Kernel, KernelExpansion, Rbf, ZeroQuotient};
use ndarray::{Array1, Array2, ArrayView1, Axis, array};
use relevance::{Candidates, Differentiable, RootSearch, taylor_decomposition};

type Point = [f64; 2];

fn main() -> Result<(), Box<dyn Error>> {
    let picture = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("target/root_points.png"), PathBuf::from);

    let dots = Dots::scatter();
    let expansion = dots.classifier()?;
    let f = expansion.differentiable(ZeroQuotient::default())?;
    let x = array![0.98, 0.6];

    // The nearest root: towards whatever point of the plane is on the other side.
    let candidates = Candidates::new(&f, grid_of_the_plane(0.04))?;
    let roots = RootSearch::default().roots(&f, x.view(), &candidates)?;
    let nearest = roots.iter().min_by(|one, other| one.distance.total_cmp(&other.distance)).ok_or("no root")?;
    let root = &nearest.point;
    let decomposition = taylor_decomposition(&f, x.view(), root.view())?;

    println!("f(x)      = {:.4}  at x = {x:.4}", decomposition.value);
    println!("Df(x)     = {:.4}", f.gradient(x.view()));
    println!("x0        = {root:.4}, {:.4} away, f(x0) = {:.1e}", nearest.distance, decomposition.root_value);
    println!("Df(x0)    = {:.4}", f.gradient(root.view()));
    println!("R         = {:.4}, sum {:.4}  (Eq. 18)", decomposition.relevance, decomposition.relevance.sum());
    println!("residual  = {:.4}  = f(x) - sum R", decomposition.residual());

    let scene = Scene { f: &f, dots: &dots, boundary: trace_boundary(&f), x: point(&x) };
    let mut canvas = Canvas::of_two_panels();
    scene.paint_gradient(&mut canvas.panel(0));
    scene.paint_root(&mut canvas.panel(1), point(root), point(&decomposition.relevance));
    canvas.save(&picture)?;
    println!("picture   : {}", picture.display());
    Ok(())
}

// ---- the classifier

/// The part of the plane that is shown: from −`EXTENT` to `EXTENT`.
const EXTENT: Point = [2.4, 2.0];

/// Training points of two classes.
struct Dots {
    green: Vec<Point>,
    blue: Vec<Point>,
}

impl Dots {
    /// A green band that thins out to one end, and blue dots on either side of it.
    fn scatter() -> Self {
        let mut random = SplitMix64::new(3, 0);
        let band = unit([1.0, 0.55]);
        let across = [-band[1], band[0]];
        let mut around = |along: f64, beside: f64, spread: f64| {
            let along = along + random.uniform(-0.15, 0.15);
            let beside = beside + random.uniform(-spread, spread);
            plus(times(along, band), times(beside, across))
        };
        let mut dots = Self { green: Vec::new(), blue: Vec::new() };
        for step in 0..26 {
            let along = (f64::from(step) / 25.0).powf(1.5);
            dots.green.push(around(-1.7 + 3.4 * along, 0.2 - 0.2 * along, 0.38));
        }
        for step in 0..15 {
            let along = f64::from(step) / 14.0;
            dots.blue.push(around(-1.6 + 3.5 * along, -1.3 + 0.25 * along, 0.25));
            dots.blue.push(around(-1.9 + 3.5 * along, 1.5 - 0.15 * along, 0.25));
        }
        dots
    }

    /// Each dot votes for its class with a Gaussian around it (Eq. 20 with the kernel of Eq. 47).
    fn classifier(&self) -> Result<KernelExpansion, Box<dyn Error>> {
        let all: Vec<Point> = self.green.iter().chain(&self.blue).copied().collect();
        let votes = |count: usize, sign: f64| std::iter::repeat_n(sign / count as f64, count);
        let coefficients = votes(self.green.len(), 10.0).chain(votes(self.blue.len(), -10.0)).collect();
        let term =
            ExpansionTerm { kernel: Kernel::from(Rbf::new(0.5)?), weight: 1.0, support: Array2::from(all).into() };
        Ok(KernelExpansion::new(vec![term], Coefficients::Shared(coefficients), 0.0)?)
    }
}

/// Points over all of the plane that is shown, `step` apart.
fn grid_of_the_plane(step: f64) -> Array2<f64> {
    let [columns, rows] = EXTENT.map(|extent| (2.0 * extent / step).round() as usize + 1);
    Array2::from_shape_fn((rows * columns, 2), |(index, axis)| {
        let steps = if axis == 0 { index % columns } else { index / columns };
        steps as f64 * step - EXTENT[axis]
    })
}

/// The curves on which `f` is zero: from each place where the sign changes between two points of a grid, step by step
/// at a right angle to the gradient, and after each step back onto the curve by Newton's method.
fn trace_boundary(f: &dyn Differentiable) -> Vec<Vec<Point>> {
    const STEP: f64 = 0.01;
    let spacing = 0.1;
    let mut curves: Vec<Vec<Point>> = Vec::new();
    for corner in grid_of_the_plane(spacing).axis_iter(Axis(0)) {
        let start = point(&corner.to_owned());
        let neighbor = plus(start, [0.0, spacing]);
        if (value(f, start) > 0.0) == (value(f, neighbor) > 0.0) {
            continue;
        }
        let root = onto_boundary(f, start);
        if curves.iter().flatten().any(|&known| length(minus(known, root)) < 0.5 * spacing) {
            continue;
        }
        let mut curve = walk(f, root, -STEP);
        curve.reverse();
        let is_closed = curve.len() > 2 && length(minus(curve[0], root)) < 1.5 * STEP;
        if !is_closed {
            curve.extend(walk(f, root, STEP).into_iter().skip(1));
        }
        curves.push(curve);
    }
    curves
}

/// The boundary from `root` on, until it leaves the plane or comes back.
fn walk(f: &dyn Differentiable, root: Point, step: f64) -> Vec<Point> {
    let mut curve = vec![root];
    let mut here = root;
    while curve.len() < 5000 && (0..2).all(|axis| here[axis].abs() <= EXTENT[axis]) {
        let [right, up] = unit(gradient(f, here));
        here = onto_boundary(f, plus(here, times(step, [-up, right])));
        curve.push(here);
        if curve.len() > 3 && length(minus(here, root)) < step.abs() {
            break;
        }
    }
    curve
}

fn onto_boundary(f: &dyn Differentiable, mut here: Point) -> Point {
    for _ in 0..8 {
        let slope = gradient(f, here);
        here = minus(here, times(value(f, here) / dot(slope, slope), slope));
    }
    here
}

fn value(f: &dyn Differentiable, here: Point) -> f64 {
    f.value(ArrayView1::from(&here))
}

fn gradient(f: &dyn Differentiable, here: Point) -> Point {
    point(&f.gradient(ArrayView1::from(&here)))
}

// ---- points of the plane

fn point(values: &Array1<f64>) -> Point {
    [values[0], values[1]]
}

fn plus(one: Point, other: Point) -> Point {
    [one[0] + other[0], one[1] + other[1]]
}

fn minus(one: Point, other: Point) -> Point {
    plus(one, times(-1.0, other))
}

fn times(factor: f64, one: Point) -> Point {
    one.map(|value| factor * value)
}

fn dot(one: Point, other: Point) -> f64 {
    one[0] * other[0] + one[1] * other[1]
}

fn length(one: Point) -> f64 {
    dot(one, one).sqrt()
}

fn unit(one: Point) -> Point {
    times(1.0 / length(one), one)
}

// ---- the picture

type Color = [f64; 3];

const BLACK: Color = [20.0, 20.0, 24.0];
const WHITE: Color = [255.0; 3];
const RED: Color = [214.0, 32.0, 38.0];
const GREEN: Color = [44.0, 150.0, 70.0];
const BLUE: Color = [52.0, 98.0, 196.0];

/// What both panels show.
struct Scene<'a> {
    f: &'a dyn Differentiable,
    dots: &'a Dots,
    boundary: Vec<Vec<Point>>,
    x: Point,
}

impl Scene<'_> {
    /// An arrow is so much shorter than the gradient or the relevance that it stands for.
    const ARROW_SCALE: f64 = 0.3;

    /// Left: the gradient at the explained point.
    fn paint_gradient(&self, panel: &mut Panel<'_>) {
        self.paint_classifier(panel);
        panel.arrow(self.x, times(Self::ARROW_SCALE, gradient(self.f, self.x)), BLACK);
        panel.square(self.x);
        panel.letter_x(plus(self.x, [0.16, 0.02]), false);
    }

    /// Right: the root point, the gradient there, and what it makes of the difference.
    fn paint_root(&self, panel: &mut Panel<'_>, root: Point, relevance: Point) {
        self.paint_classifier(panel);
        panel.arrow(root, times(Self::ARROW_SCALE, gradient(self.f, root)), BLACK);
        panel.dashes(&[root, self.x], 3.0, [10.0, 7.0], RED);
        panel.arrow(root, times(Self::ARROW_SCALE, relevance), RED);
        panel.square(self.x);
        panel.triangle(root);
        panel.letter_x(plus(self.x, [0.16, 0.02]), false);
        panel.letter_x(plus(root, [0.16, -0.07]), true);
    }

    /// The prediction function as a landscape, its boundary, and the dots.
    fn paint_classifier(&self, panel: &mut Panel<'_>) {
        let values = panel.sampled(|here| value(self.f, here));
        let [lowest, highest] = [f64::min, f64::max].map(|extreme| values.iter().copied().fold(0.0, extreme));
        panel.shade(&values.mapv(|value| if value > 0.0 { value / highest } else { -value / lowest }));
        for curve in &self.boundary {
            panel.dashes(curve, 3.0, [12.0, 8.0], BLACK);
        }
        for (dots, color) in [(&self.dots.green, GREEN), (&self.dots.blue, BLUE)] {
            for &dot in dots {
                panel.disk(dot, 7.5, WHITE);
                panel.disk(dot, 6.0, color);
            }
        }
    }
}

/// The whole picture.
struct Canvas {
    image: RgbImage,
}

impl Canvas {
    /// Pixels for each unit of the plane.
    const SCALE: f64 = 160.0;
    const MARGIN: u32 = 24;

    fn panel_size() -> [u32; 2] {
        EXTENT.map(|extent| (2.0 * extent * Self::SCALE) as u32)
    }

    fn of_two_panels() -> Self {
        let [width, height] = Self::panel_size();
        let size = [2 * width + 3 * Self::MARGIN, height + 2 * Self::MARGIN];
        Self { image: RgbImage::from_pixel(size[0], size[1], Rgb([255; 3])) }
    }

    fn panel(&mut self, number: u32) -> Panel<'_> {
        let [width, _] = Self::panel_size();
        Panel { left: Self::MARGIN + number * (width + Self::MARGIN), top: Self::MARGIN, image: &mut self.image }
    }

    fn save(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(self.image.save(path)?)
    }
}

/// One panel of the picture, painted on in coordinates of the plane; widths are in pixels.
///
/// Every mark is given by the distance of a pixel to its outline, negative inside: that makes smooth edges.
struct Panel<'a> {
    image: &'a mut RgbImage,
    left: u32,
    top: u32,
}

impl Panel<'_> {
    fn to_pixel(at: Point) -> Point {
        [(at[0] + EXTENT[0]) * Canvas::SCALE, (EXTENT[1] - at[1]) * Canvas::SCALE]
    }

    /// A function of the plane at the middle of each pixel, (rows, columns).
    fn sampled(&self, function: impl Fn(Point) -> f64) -> Array2<f64> {
        let [width, height] = Canvas::panel_size();
        Array2::from_shape_fn((height as usize, width as usize), |(row, column)| {
            let [across, down] = [column, row].map(|pixel| (pixel as f64 + 0.5) / Canvas::SCALE);
            function([across - EXTENT[0], EXTENT[1] - down])
        })
    }

    /// Paints values between −1 and 1 from blue over white to green, in steps that show as level lines.
    fn shade(&mut self, values: &Array2<f64>) {
        for ((row, column), &value) in values.indexed_iter() {
            let level = ((value.abs() * 10.0).floor() + 0.5) / 10.0;
            let color = if value > 0.0 { GREEN } else { BLUE };
            let pixel = [0, 1, 2].map(|channel| mix(WHITE[channel], color[channel], 0.1 + 0.5 * level) as u8);
            self.image.put_pixel(self.left + column as u32, self.top + row as u32, Rgb(pixel));
        }
    }

    /// Paints what is inside of an outline, within `reach` pixels around `middle`.
    fn paint(&mut self, middle: Point, reach: f64, color: Color, outline: impl Fn(Point) -> f64) {
        let size = Canvas::panel_size();
        let [columns, rows] = [0, 1].map(|axis| {
            let first = (middle[axis] - reach - 1.0).max(0.0) as u32;
            first..((middle[axis] + reach + 2.0).max(0.0) as u32).min(size[axis])
        });
        for row in rows {
            for column in columns.clone() {
                let distance = outline([f64::from(column) + 0.5, f64::from(row) + 0.5]);
                let coverage = (0.5 - distance).clamp(0.0, 1.0);
                let pixel = self.image.get_pixel_mut(self.left + column, self.top + row);
                for (level, color) in pixel.0.iter_mut().zip(color) {
                    *level = mix(f64::from(*level), color, coverage).round() as u8;
                }
            }
        }
    }

    fn disk(&mut self, center: Point, radius: f64, color: Color) {
        let center = Self::to_pixel(center);
        self.paint(center, radius, color, |pixel| length(minus(pixel, center)) - radius);
    }

    /// A line between two pixels.
    fn line(&mut self, from: Point, to: Point, width: f64, color: Color) {
        let along = minus(to, from);
        let reach = 0.5 * length(along) + width;
        self.paint(times(0.5, plus(from, to)), reach, color, |pixel| {
            let position = (dot(minus(pixel, from), along) / dot(along, along)).clamp(0.0, 1.0);
            length(minus(pixel, plus(from, times(position, along)))) - 0.5 * width
        });
    }

    /// A dashed curve; dashes and gaps in pixels, whatever the steps of the curve are.
    fn dashes(&mut self, curve: &[Point], width: f64, [dash, gap]: [f64; 2], color: Color) {
        let pixels: Vec<Point> = curve.iter().map(|&at| Self::to_pixel(at)).collect();
        let mut walked = 0.0;
        for pair in pixels.windows(2) {
            let steps = length(minus(pair[1], pair[0])).ceil().max(1.0);
            let step = times(1.0 / steps, minus(pair[1], pair[0]));
            for number in 0..steps as u32 {
                let from = plus(pair[0], times(f64::from(number), step));
                if walked % (dash + gap) < dash {
                    self.line(from, plus(from, step), width, color);
                }
                walked += length(step);
            }
        }
    }

    /// An arrow from `start` over `vector`, with a white rim.
    fn arrow(&mut self, start: Point, vector: Point, color: Color) {
        let (start, tip) = (Self::to_pixel(start), Self::to_pixel(plus(start, vector)));
        let direction = unit(minus(tip, start));
        let base = minus(tip, times(20.0, direction));
        let side = times(9.0, [-direction[1], direction[0]]);
        let head = [tip, plus(base, side), minus(base, side)];
        for (color, rim) in [(WHITE, 2.0), (color, 0.0)] {
            self.line(start, base, 6.0 + 2.0 * rim, color);
            self.polygon(head, rim, color);
        }
    }

    /// A triangle given by its corners, `rim` pixels larger on all sides.
    fn polygon(&mut self, corners: [Point; 3], rim: f64, color: Color) {
        let middle = times(1.0 / 3.0, corners.into_iter().fold([0.0, 0.0], plus));
        let reach = corners.map(|corner| length(minus(corner, middle))).into_iter().fold(0.0, f64::max) + 3.0 * rim;
        self.paint(middle, reach, color, |pixel| {
            let mut farthest = f64::NEG_INFINITY;
            for (index, &from) in corners.iter().enumerate() {
                let [right, down] = unit(minus(corners[(index + 1) % 3], from));
                let outward = [down, -right];
                let outward = if dot(minus(middle, from), outward) > 0.0 { times(-1.0, outward) } else { outward };
                farthest = farthest.max(dot(minus(pixel, from), outward));
            }
            farthest - rim
        });
    }

    fn square(&mut self, at: Point) {
        let center = Self::to_pixel(at);
        for (half_side, color) in [(13.0, WHITE), (11.0, BLACK), (7.5, [255.0, 214.0, 64.0])] {
            self.paint(center, half_side, color, |pixel| {
                let [across, down] = minus(pixel, center);
                across.abs().max(down.abs()) - half_side
            });
        }
    }

    fn triangle(&mut self, at: Point) {
        let [across, down] = Self::to_pixel(at);
        let corners = [[across, down - 14.0], [across + 13.0, down + 9.0], [across - 13.0, down + 9.0]];
        for (rim, color) in [(2.0, WHITE), (0.0, BLACK), (-3.5, [255.0, 214.0, 64.0])] {
            self.polygon(corners, rim, color);
        }
    }

    /// The name of a point: an x, with or without an index 0.
    fn letter_x(&mut self, at: Point, with_index: bool) {
        let center = Self::to_pixel(at);
        for (width, color) in [(7.0, WHITE), (3.5, BLACK)] {
            for slant in [-1.0, 1.0] {
                let arm = [7.0, slant * 8.0];
                self.line(minus(center, arm), plus(center, arm), width, color);
            }
            if with_index {
                let middle = plus(center, [16.0, 9.0]);
                self.paint(middle, 12.0, color, |pixel| {
                    let [across, down] = minus(pixel, middle);
                    (length([1.4 * across, down]) - 6.5).abs() - 0.5 * width
                });
            }
        }
    }
}

fn mix(from: f64, to: f64, share: f64) -> f64 {
    from + share * (to - from)
}
