//! Polygons versus circles: the synthetic data of the paper's Fig 6.
//!
//! The paper fixes that tiles are 102×102 pixels, that a tile is positive when it shows at least one polygon (whether
//! or not there are circles) and negative when it shows circles only or nothing, and that positions, sizes and colors
//! are random. The rest is our choice, such that labels are never ambiguous and neither the number of shapes nor the
//! amount of edges gives them away:
//!
//! * a positive tile has 1 to 3 polygons and 0 to 2 circles, a negative one 0 to 4 circles;
//! * shapes do not overlap, and differ from the background in brightness;
//! * a polygon has 3 to 6 corners, near a circle of the size that circles have.
//!
//! Seeds and indices are any numbers; all draws come from one [`SplitMix64`] in a fixed order.

mod folder;
mod raster;
mod shapes;

use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

use crate::{Error, SplitMix64};
pub use folder::AnnotatedFolder;
pub use shapes::{Outline, Point, Shape};

/// Rows and columns of a tile, as in the paper.
pub const TILE_SIDE: usize = 102;

/// Rows and columns of a composite: three tiles.
pub const COMPOSITE_SIDE: usize = 3 * TILE_SIDE;

/// The longest side that [`tile_of`] makes; a picture of this size takes up 1.3 GB.
const LARGEST_SIDE: usize = 16_384;

/// What a classifier has to find out about a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// There is at least one polygon.
    Positive,
    /// There are circles only, or nothing.
    Negative,
}

impl Label {
    /// The label as a classifier's target: +1 or −1.
    pub fn sign(self) -> f64 {
        match self {
            Self::Positive => 1.0,
            Self::Negative => -1.0,
        }
    }
}

/// A picture, and everything that is known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// The picture, (H, W, 3), red, green, blue.
    pub image: Array3<u8>,
    /// The pixels that a polygon covers at least in part, (H, W).
    pub polygon_mask: Array2<bool>,
    /// The pixels that a circle covers at least in part, (H, W).
    pub circle_mask: Array2<bool>,
    /// The color around the shapes, each channel in [0, 1).
    pub background: [f64; 3],
    /// The shapes in the order in which they are painted: polygons first.
    pub shapes: Vec<Shape>,
    /// Whether there is a polygon.
    pub label: Label,
}

/// The tile `index` of `seed`: 102×102 pixels, positive for even indices and negative for odd ones.
///
/// ```
/// let scene = datasets::polygons::tile(2, 0);
/// assert_eq!(scene.image.dim(), (102, 102, 3));
/// assert_eq!(scene, datasets::polygons::tile(2, 0));
/// ```
pub fn tile(seed: u64, index: u64) -> Scene {
    tile_with(seed, index, TILE_SIDE, TILE_SIDE)
}

/// As [`tile`], of another size. The shapes keep theirs: radii are between 8 and 24 pixels.
///
/// ```
/// use datasets::polygons::tile_of;
/// assert_eq!(tile_of(2, 0, 64, 80)?.image.dim(), (64, 80, 3));
/// # Ok::<(), datasets::Error>(())
/// ```
///
/// # Errors
/// [`Error::Size`] when a side is 0 or longer than 16,384 pixels.
pub fn tile_of(seed: u64, index: u64, height: usize, width: usize) -> Result<Scene, Error> {
    check_size(height, width)?;
    Ok(tile_with(seed, index, height, width))
}

fn check_size(height: usize, width: usize) -> Result<(), Error> {
    let possible = 1..=LARGEST_SIDE;
    if possible.contains(&height) && possible.contains(&width) {
        Ok(())
    } else {
        Err(Error::Size { height, width, largest: LARGEST_SIDE })
    }
}

/// The composite `index` of `seed`: 306×306 pixels with 5 to 8 polygons and 5 to 8 circles, for heatmaps that show
/// both side by side.
///
/// ```
/// let scene = datasets::polygons::composite(3, 0);
/// assert_eq!(scene.image.dim(), (306, 306, 3));
/// ```
pub fn composite(seed: u64, index: u64) -> Scene {
    let mut random = SplitMix64::new(seed, index);
    let polygons = random.integer(5..=8);
    let circles = random.integer(5..=8);
    scene(random, COMPOSITE_SIDE, COMPOSITE_SIDE, polygons, circles)
}

fn tile_with(seed: u64, index: u64, height: usize, width: usize) -> Scene {
    let mut random = SplitMix64::new(seed, index);
    let (polygons, circles) = if index.is_multiple_of(2) {
        let polygons = random.integer(1..=3);
        (polygons, random.integer(0..=2))
    } else {
        (0, random.integer(0..=4))
    };
    scene(random, height, width, polygons, circles)
}

/// Draws what the picture shows, and paints it. The first polygon always finds its place, so that as many as one are
/// asked for is as good as there being one.
fn scene(mut random: SplitMix64, height: usize, width: usize, polygons: u64, circles: u64) -> Scene {
    let (background, shapes) = shapes::draw(&mut random, height, width, polygons, circles);
    let painted = raster::paint(background, &shapes, height, width);
    Scene {
        image: painted.image,
        polygon_mask: painted.polygon_mask,
        circle_mask: painted.circle_mask,
        background,
        shapes,
        label: if polygons > 0 { Label::Positive } else { Label::Negative },
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use ndarray_npy::read_npy;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn checksum(scene: &Scene) -> u32 {
        crc32fast::hash(&scene.image.iter().copied().collect::<Vec<u8>>())
    }

    #[test]
    fn the_checksums_are_those_of_the_specification() {
        assert_eq!(checksum(&tile(1, 0)), 0x62df_3613);
        assert_eq!(checksum(&tile(1, 1)), 0x391c_3cc3);
        assert_eq!(checksum(&tile(2, 0)), 0x22b2_8b53);
        assert_eq!(checksum(&composite(3, 0)), 0xc0c6_7e6c);
    }

    fn golden(case: &str) -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/bow")).join(case)
    }

    fn numbers(value: &Value) -> Vec<f64> {
        value.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
    }

    #[test]
    fn tiles_are_those_of_the_reference_vectors() {
        for case in ["polydata_tile0", "polydata_tile1"] {
            let manifest = std::fs::read_to_string(golden(case).join("manifest.json")).expect("a manifest");
            let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
            let params = &manifest["params"];
            let scene = tile(params["seed"].as_u64().expect("a seed"), params["index"].as_u64().expect("an index"));

            assert_eq!(scene.label.sign(), params["label"].as_f64().expect("a label"));
            assert_eq!(scene.background.to_vec(), numbers(&params["bg"]));
            let shapes = params["shapes"].as_array().expect("shapes");
            assert_eq!(scene.shapes.len(), shapes.len());
            for (shape, expected) in scene.shapes.iter().zip(shapes) {
                assert_eq!(Some(shape.radius), expected["R"].as_f64());
                assert_eq!(Some(shape.center.x), expected["cx"].as_f64());
                assert_eq!(Some(shape.center.y), expected["cy"].as_f64());
                assert_eq!(shape.color.to_vec(), numbers(&expected["color"]));
                let Outline::Polygon { vertices } = &shape.outline else {
                    assert_eq!(expected["kind"], "circle");
                    continue;
                };
                let corners = expected["verts"].as_array().expect("corners");
                assert_eq!(vertices.len(), corners.len());
                for (vertex, corner) in vertices.iter().zip(corners) {
                    assert_eq!(vec![vertex.x, vertex.y], numbers(corner));
                }
            }

            let image: Array3<f64> = read_npy(golden(case).join("image.npy")).expect("an image");
            assert!(
                scene.image.iter().zip(&image).all(|(&level, expected)| (f64::from(level) - expected).abs() <= 1.0)
            );
            for (name, mask) in [("mask_polygon.npy", &scene.polygon_mask), ("mask_circle.npy", &scene.circle_mask)] {
                let expected: Array2<f64> = read_npy(golden(case).join(name)).expect("a mask");
                assert_eq!(mask, expected.mapv(|value| value == 1.0));
            }
        }
    }

    #[test]
    fn a_size_that_no_picture_can_have_is_an_error() {
        for (height, width) in [(0, 5), (5, 0), (LARGEST_SIDE + 1, 1), (1, usize::MAX)] {
            assert!(matches!(tile_of(1, 0, height, width), Err(Error::Size { .. })), "{height}×{width}");
        }
        let message = tile_of(1, 0, 0, 5).expect_err("no rows").to_string();
        assert_eq!(message, "a tile of 0×5 pixels: each side has to be between 1 and 16384 pixels");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_label_is_what_the_picture_shows(seed: u64, index: u64) {
            let scene = tile(seed, index);
            let shows_polygon = scene.polygon_mask.iter().any(|&inside| inside);
            prop_assert_eq!(scene.label == Label::Positive, shows_polygon);
            prop_assert_eq!(index.is_multiple_of(2), shows_polygon);
        }

        #[test]
        fn no_pixel_belongs_to_a_polygon_and_a_circle(seed: u64, index: u64) {
            let scene = composite(seed, index);
            prop_assert!(!scene.polygon_mask.iter().zip(&scene.circle_mask).any(|(&polygon, &circle)| polygon && circle));
            prop_assert!(scene.shapes.len() <= 16);
        }

        #[test]
        fn pixels_outside_of_all_shapes_have_the_background_color(seed: u64, index: u64) {
            let scene = tile(seed, index);
            let background = scene.background.map(|value| (255.0 * value + 0.5).floor() as u8);
            for ((row, column), &polygon) in scene.polygon_mask.indexed_iter() {
                if !polygon && !scene.circle_mask[[row, column]] {
                    prop_assert_eq!([0, 1, 2].map(|channel| scene.image[[row, column, channel]]), background);
                }
            }
        }
    }
}
