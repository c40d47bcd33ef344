//! How a Bag-of-Words heatmap comes about: one tile, forward to its score and back to its pixels, stage by stage.
//!
//! Learns the classifier of the paper's Fig 6 on fewer tiles, takes an unseen tile that shows a polygon and a circle,
//! and draws what Algorithm 1 sees: local features, the bag of words and its root point, R³, R², R¹. The pictures are
//! those of docs/guide/bag-of-words-heatmap.md.
//!
//! ```sh
//! cargo run --example heatmap_step_by_step [FOLDER]
//! ```

use std::error::Error;
use std::iter;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bow_classifier::{
    Bag, BowClassifier, ChannelSettings, Configuration, KernelWeighting, MappingSettings, PixelDecomposition, Sampling,
    ThirdLayer, pixel_wise_decomposition,
};
use bow_mapping::{Pooling, RankOptions, zero_set};
use datasets::polygons::{Label, Outline, Scene, tile};
use evaluation::nearer;
use heatmap::{ColorBar, ColorMap, ContactSheet, Superposition, enlarge, normalize_all, photo_picture, write_png};
use image::{Rgb, RgbImage};
use images::to_unit_range;
use kernels::KernelKind;
use local_features::{Area, DenseSift, Extractor, FeatureExtractor, pixel_relevance};
use ndarray::{Array1, Array2, Array3, ArrayView1, Axis};
use relevance::{Root, RootSearch, SearchOver};

type Failure = Box<dyn Error>;

/// Tiles to learn from; the demo learns from 500.
const TRAINING_TILES: u64 = 200;

/// Scales of the local features, one channel each.
const SCALES: [f64; 2] = [2.0, 3.0];

/// Pixels between polygon and circle, at least: the side of the larger scale's local features.
const APART: f64 = 36.0;

/// Pixels so near to a shape count as at the shape, as in the demo.
const NEAR: f64 = 12.0;

/// White is zero: what has no relevance is not seen.
const COLOR_MAP: ColorMap = ColorMap::Seismic;

fn main() -> Result<(), Failure> {
    let folder = std::env::args_os().nth(1).map_or_else(|| "target/heatmap_step_by_step".into(), PathBuf::from);
    std::fs::create_dir_all(&folder)?;

    let classifier = learn()?;
    let (index, scene) = tile_to_explain(&classifier)?;
    let image = to_unit_range(scene.image.view());

    // Forward: local features, mapped and pooled to x; f(x).
    let bag = classifier.bag(image.view())?;
    println!("tile {index} of seed 2: f(x) = {:.4}", classifier.model(0)?.score(bag.vector.view())?);
    for (scale, channel) in SCALES.iter().zip(&bag.channels) {
        println!("scale {scale}: {} local features, {} visual words", channel.areas.len(), channel.vector.len());
    }

    // Backward: R³, R², R¹.
    let found = pixel_wise_decomposition(classifier.model(0)?, &bag)?;
    let root = root_point(&classifier, &bag)?;
    println!("root point: towards training tile {}, {:.4} away\n", root.candidate, root.distance);
    println!("{}", found.ledger);
    print_summary(&scene, &bag, &found)?;

    save(&folder, "local-features.png", draw_features(&classifier, &scene, image)?)?;
    save(&folder, "dimensions.png", draw_dimensions(&bag, &root, &found)?)?;
    save(&folder, "local-feature-relevance.png", draw_feature_relevance(&scene, &bag, &found)?)?;
    save(&folder, "pixel-relevance.png", draw_pixel_relevance(&scene, &bag, &found)?)
}

fn save(folder: &Path, name: &str, sheet: ContactSheet) -> Result<(), Failure> {
    let path = folder.join(name);
    write_png(&path, &sheet.draw()?)?;
    println!("{}", path.display());
    Ok(())
}

// ---- the classifier

/// The classifier of Fig 6, with the settings of the demo.
fn learn() -> Result<BowClassifier, Failure> {
    let scenes: Vec<Scene> = (0..TRAINING_TILES).map(|index| tile(1, index)).collect();
    let images: Vec<Array3<f64>> = scenes.iter().map(|scene| to_unit_range(scene.image.view())).collect();
    let polygon = ("polygon".to_owned(), scenes.iter().map(|scene| (scene.label == Label::Positive).into()).collect());
    let configuration = Configuration {
        sample: 20_000,
        sampling: Sampling::FromAll,
        iterations: 50,
        kernel_weights: KernelWeighting::Uniform,
        search: RootSearch { over: SearchOver::Nearest(5), ..RootSearch::default() },
        ..Configuration::of(SCALES.map(channel).into())
    };
    Ok(BowClassifier::learn(&configuration, &images[..], &[polygon], &())?)
}

/// Dense SIFT, 127 words of k-means and the zero word of flat patches, rank mapping, χ² kernel.
fn channel(scale: f64) -> ChannelSettings {
    ChannelSettings {
        words: 128,
        flat_word: true,
        mapping: MappingSettings::Rank(RankOptions { base: 2.0, neighbors: 4 }),
        kernel: KernelKind::ChiSquared,
        ..ChannelSettings::of(DenseSift { scale, ..DenseSift::default() })
    }
}

/// The first unseen tile with one polygon and one circle, far apart, in which the classifier finds the polygon.
fn tile_to_explain(classifier: &BowClassifier) -> Result<(u64, Scene), Failure> {
    for index in (0..1000).step_by(2) {
        let scene = tile(2, index);
        if has_polygon_and_circle_apart(&scene) && is_positive(classifier, &scene)? {
            return Ok((index, scene));
        }
    }
    Err("no tile with a polygon and a circle that are far apart".into())
}

fn is_positive(classifier: &BowClassifier, scene: &Scene) -> Result<bool, Failure> {
    Ok(classifier.scores_of_image(to_unit_range(scene.image.view()).view())?[0] > 0.0)
}

fn has_polygon_and_circle_apart(scene: &Scene) -> bool {
    let [polygon, circle] = scene.shapes.as_slice() else { return false };
    let between = minus([polygon.center.x, polygon.center.y], [circle.center.x, circle.center.y]);
    circle.outline == Outline::Circle && length(between) - polygon.radius - circle.radius > APART
}

/// The root point x₀ of the decomposition: the one with the smallest residual.
fn root_point(classifier: &BowClassifier, bag: &Bag) -> Result<Root, Failure> {
    let ThirdLayer::Taylor(taylor) = classifier.model(0)?.third_layer() else {
        return Err("this classifier's scores are decomposed without a root point".into());
    };
    let f = classifier.model(0)?.expansion().differentiable(taylor.zero_quotient)?;
    let roots = taylor.search.roots(&f, bag.vector.view(), &taylor.candidates)?;
    let residual = |root: &Root| root.decomposition.residual().abs();
    roots.into_iter().min_by(|one, other| residual(one).total_cmp(&residual(other))).ok_or("no root".into())
}

/// Where the relevance went: by shapes, and by scales.
fn print_summary(scene: &Scene, bag: &Bag, found: &PixelDecomposition) -> Result<(), Failure> {
    let (polygon, circle) = nearer(scene.polygon_mask.view(), scene.circle_mask.view(), NEAR)?;
    let within = |mask: &Array2<bool>| {
        let inside = found.pixels.iter().zip(mask).filter(|(_, inside)| **inside);
        inside.map(|(relevance, _)| relevance).sum::<f64>()
    };
    let (polygon, circle) = (within(&polygon), within(&circle));
    let elsewhere = found.pixels.sum() - polygon - circle;
    println!(
        "R1 within {NEAR} pixels of the polygon {polygon:.4}, of the circle {circle:.4}, elsewhere {elsewhere:.4}"
    );
    for ((scale, channel), relevance) in SCALES.iter().zip(&bag.channels).zip(by_channel(bag, &found.dimensions)) {
        let absent = zero_set(&channel.assignment, Pooling::MEAN)?;
        let of_absent: f64 = absent.iter().map(|&word| relevance[word]).sum();
        println!(
            "R3 of scale {scale}: {:.4}; {of_absent:.4} of it at {} words that the tile lacks",
            relevance.sum(),
            absent.len()
        );
    }
    println!();
    Ok(())
}

/// A vector's parts, one for each channel.
fn by_channel<'a>(bag: &Bag, vector: &'a Array1<f64>) -> Vec<ArrayView1<'a, f64>> {
    let mut rest = vector.view();
    let mut parts = Vec::new();
    for channel in &bag.channels {
        let (part, others) = rest.split_at(Axis(0), channel.vector.len());
        parts.push(part);
        rest = others;
    }
    parts
}

// ---- the pictures

/// The tile, and on it the grid of local features with some of the squares that they cover.
fn draw_features(classifier: &BowClassifier, scene: &Scene, image: Array3<f64>) -> Result<ContactSheet, Failure> {
    let mut pictures = vec![enlarge(&photo_picture(scene.image.view())?, ZOOM)?];
    for extractor in classifier.vocabulary().extractors() {
        pictures.push(draw_squares(scene, extractor, &image)?);
    }
    Ok(ContactSheet::new().columns(iter::once("tile".to_owned()).chain(scale_titles())).row(pictures))
}

/// "scale 2", "scale 3"
fn scale_titles() -> impl Iterator<Item = String> {
    SCALES.iter().map(|scale| format!("scale {scale}"))
}

fn draw_squares(scene: &Scene, extractor: &Extractor, image: &Array3<f64>) -> Result<RgbImage, Failure> {
    let features = extractor.extract(image.view())?;
    let mut drawing = Drawing::over(scene)?;
    let mut drawn: Vec<Point> = Vec::new();
    for (descriptor, area) in features.descriptors.rows().into_iter().zip(&features.areas) {
        let Area::RotatedSquare { row, column, side, angle } = *area else { continue };
        let flat = descriptor.iter().all(|&value| value == 0.0);
        drawing.disk([column, row], 0.35, if flat { GRAY } else { BLACK });
        // Not all of them: so far apart, they can be told from each other.
        let anchor = [row as usize, column as usize];
        let on_a_shape = scene.polygon_mask[anchor] || scene.circle_mask[anchor];
        if !flat && on_a_shape && drawn.iter().all(|&other| length(minus(other, [column, row])) > 0.75 * side) {
            drawing.square([column, row], side, angle);
            drawn.push([column, row]);
        }
    }
    Ok(drawing.picture)
}

/// The bag of words over its root point, and what the difference of the two is worth: R³. Words in the order of R³.
fn draw_dimensions(bag: &Bag, root: &Root, found: &PixelDecomposition) -> Result<ContactSheet, Failure> {
    let [bags, roots, relevances] = [&bag.vector, &root.point, &found.dimensions].map(|vector| by_channel(bag, vector));
    let most = |vector: &Array1<f64>| vector.fold(0.0, |most: f64, value| value.abs().max(most));
    let (fullest, strongest) = (most(&bag.vector).max(most(&root.point)), most(&found.dimensions));
    let lowest = found.dimensions.fold(0.0, |lowest: f64, value| lowest.min(value / strongest));
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    for ((bag, root), relevance) in bags.into_iter().zip(roots).zip(relevances) {
        let (mut words, mut dimensions) = (Chart::new(0.0), Chart::new(lowest));
        for (position, word) in descending(relevance).into_iter().enumerate() {
            // Square roots, since few words of the ground take up most of the bag.
            words.bar(position, (bag[word] / fullest).sqrt(), GRAY);
            words.mark(position, (root[word] / fullest).sqrt(), BLACK);
            let share = relevance[word] / strongest;
            dimensions.bar(position, share, COLOR_MAP.color(0.7 * share.signum()));
        }
        upper.push((words.picture, "bag of words x (bars), root point (dots)"));
        lower.push((dimensions.picture, "R3, relevance of each word"));
    }
    Ok(ContactSheet::new().columns(scale_titles()).row(upper).row(lower))
}

/// The indices of a vector's entries, from the highest to the lowest.
fn descending(vector: ArrayView1<'_, f64>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..vector.len()).collect();
    order.sort_by(|&one, &other| vector[other].total_cmp(&vector[one]));
    order
}

/// R²: each local feature as a dot at its place, of its relevance's color, and with an area that grows with it.
fn draw_feature_relevance(scene: &Scene, bag: &Bag, found: &PixelDecomposition) -> Result<ContactSheet, Failure> {
    let most = found.features.iter().flatten().fold(0.0, |most: f64, value| value.abs().max(most));
    let mut pictures = Vec::new();
    for (channel, relevance) in bag.channels.iter().zip(&found.features) {
        let mut drawing = Drawing::over(scene)?;
        for (area, value) in channel.areas.iter().zip(relevance) {
            let Area::RotatedSquare { row, column, .. } = *area else { continue };
            let share = value / most;
            drawing.disk([column, row], 0.4 + 2.4 * share.abs().sqrt(), BLACK);
            drawing.disk([column, row], 0.15 + 2.4 * share.abs().sqrt(), COLOR_MAP.color(share));
        }
        pictures.push(drawing.picture);
    }
    Ok(ContactSheet::new().columns(scale_titles()).row(pictures).color_bar(color_bar(most)))
}

/// R¹: of each scale on its own, both together, and over the tile. One maximum for all, so that colors compare.
fn draw_pixel_relevance(scene: &Scene, bag: &Bag, found: &PixelDecomposition) -> Result<ContactSheet, Failure> {
    let mut maps = Vec::new();
    for (channel, relevance) in bag.channels.iter().zip(&found.features) {
        maps.push(pixel_relevance(relevance.view(), &channel.areas, bag.shape)?.0);
    }
    maps.push(found.pixels.clone());
    let most = maps.iter().flatten().fold(0.0, |most: f64, value| value.abs().max(most));
    let views: Vec<_> = maps.iter().map(Array2::view).collect();
    let normalized = normalize_all(&views)?;

    let mut pictures =
        normalized.iter().map(|map| heatmap::render(map.view(), COLOR_MAP)).collect::<Result<Vec<_>, _>>()?;
    let over = Superposition { color_map: COLOR_MAP, ..Superposition::default() };
    pictures.push(over.draw(scene.image.view(), normalized[SCALES.len()].view())?);
    Ok(ContactSheet::new()
        .columns(scale_titles().chain(["sum".to_owned(), "over the tile".to_owned()]))
        .row(pictures)
        .magnification(MAP_ZOOM)
        .color_bar(color_bar(most)))
}

fn color_bar(maximum: f64) -> ColorBar {
    ColorBar { maximum, length: 408, ..ColorBar::of(COLOR_MAP) }.captions("against a polygon", "for a polygon")
}

// ---- drawing

type Point = [f64; 2];
type Color = [u8; 3];

const BLACK: Color = [20, 20, 24];
const GRAY: Color = [150, 150, 156];
const WHITE: Color = [255; 3];
const RED: Color = [206, 32, 40];

/// Pixels of a drawing for each pixel of the tile.
const ZOOM: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// The same for maps of pixels, four in a row.
const MAP_ZOOM: NonZeroU32 = NonZeroU32::new(3).unwrap();

fn minus(one: Point, other: Point) -> Point {
    [one[0] - other[0], one[1] - other[1]]
}

fn length([across, down]: Point) -> f64 {
    across.hypot(down)
}

/// A tile to draw upon, in coordinates (column, row) of the tile's pixels.
struct Drawing {
    picture: RgbImage,
}

impl Drawing {
    /// The tile's shapes in pale gray, so that colors are those of what is drawn.
    fn over(scene: &Scene) -> Result<Self, Failure> {
        let (height, width) = scene.polygon_mask.dim();
        let shapes = RgbImage::from_fn(width as u32, height as u32, |x, y| {
            let at = [y as usize, x as usize];
            Rgb(if scene.polygon_mask[at] || scene.circle_mask[at] { [200; 3] } else { [236; 3] })
        });
        Ok(Self { picture: enlarge(&shapes, ZOOM)? })
    }

    /// Paints what is inside of an outline, within `reach` around `center`; the outline is given by each point's
    /// distance to it, negative inside.
    fn paint(&mut self, center: Point, reach: f64, color: Color, distance: impl Fn(Point) -> f64) {
        let zoom = f64::from(ZOOM.get());
        let last = [self.picture.width(), self.picture.height()];
        let [columns, rows] = [0, 1].map(|axis| {
            let edge = |offset: f64| ((center[axis] + offset) * zoom).max(0.0) as u32;
            edge(-reach - 1.0)..edge(reach + 2.0).min(last[axis])
        });
        for y in rows {
            for x in columns.clone() {
                // The integer point (row, column) is the middle of a pixel of the tile.
                let at = [x, y].map(|position| (f64::from(position) + 0.5) / zoom - 0.5);
                let coverage = (0.5 - zoom * distance(at)).clamp(0.0, 1.0);
                for (level, color) in self.picture.get_pixel_mut(x, y).0.iter_mut().zip(color) {
                    *level = (f64::from(*level) * (1.0 - coverage) + f64::from(color) * coverage).round() as u8;
                }
            }
        }
    }

    fn disk(&mut self, center: Point, radius: f64, color: Color) {
        self.paint(center, radius, color, |at| length(minus(at, center)) - radius);
    }

    /// The outline of a descriptor's square, and a hand from its center into the direction that it is turned to.
    fn square(&mut self, center: Point, side: f64, angle: f64) {
        let turned = |at: Point| {
            let [across, down] = minus(at, center);
            [across * angle.cos() + down * angle.sin(), down * angle.cos() - across * angle.sin()]
        };
        for (color, width) in [(WHITE, 0.55), (RED, 0.3)] {
            self.paint(center, side, color, |at| {
                let [u, v] = turned(at);
                let outline = (u.abs().max(v.abs()) - 0.5 * side).abs() - width;
                let hand = length([u - u.clamp(0.0, 0.5 * side), v]) - width;
                outline.min(hand)
            });
        }
        self.disk(center, 1.0, RED);
    }
}

/// A bar chart over the words of one channel.
struct Chart {
    picture: RgbImage,
    lowest: f64,
}

impl Chart {
    const BAR: u32 = 4;
    const HEIGHT: u32 = 160;
    const WORDS: u32 = 128;

    /// For values from `lowest`, at most 0, to 1.
    fn new(lowest: f64) -> Self {
        let mut chart =
            Self { picture: RgbImage::from_pixel(Self::BAR * Self::WORDS, Self::HEIGHT, Rgb(WHITE)), lowest };
        let zero = chart.row(0.0).min(Self::HEIGHT - 1);
        for x in 0..chart.picture.width() {
            chart.picture.put_pixel(x, zero, Rgb(BLACK));
        }
        chart
    }

    fn row(&self, value: f64) -> u32 {
        (f64::from(Self::HEIGHT) * (1.0 - value) / (1.0 - self.lowest)).round() as u32
    }

    fn bar(&mut self, position: usize, value: f64, color: Color) {
        let (zero, end) = (self.row(0.0), self.row(value));
        self.fill(position, zero.min(end)..zero.max(end), color);
    }

    fn mark(&mut self, position: usize, value: f64, color: Color) {
        let row = self.row(value).clamp(1, Self::HEIGHT - 2);
        self.fill(position, row - 1..row + 2, color);
    }

    fn fill(&mut self, position: usize, rows: Range<u32>, color: Color) {
        let left = Self::BAR * position as u32;
        for y in rows {
            for x in left..left + Self::BAR - 1 {
                self.picture.put_pixel(x, y, Rgb(color));
            }
        }
    }
}
