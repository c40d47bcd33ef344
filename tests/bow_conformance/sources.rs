//! Kinds `dataset` and `descriptor`: the generator of the data, and dense SIFT.

use datasets::SplitMix64;
use datasets::polygons::{Label, Outline, tile_of};
use local_features::{Area, DenseSift, Rotation};
use ndarray::Array2;
use serde_json::Value;

use crate::conformance::Case;

pub fn dataset(case: &Case) {
    let seed = case.params["seed"].as_u64().unwrap();
    let index = case.params["index"].as_u64().unwrap();
    let mut random = SplitMix64::new(seed, index);
    for wanted in case.params["splitmix_first4_hex"].as_array().unwrap() {
        case.require("SplitMix64", format!("{:#x}", random.next_u64()) == wanted.as_str().unwrap());
    }

    let scene = tile_of(seed, index, case.count("H"), case.count("W")).unwrap();
    case.compare("image", &scene.image.mapv(f64::from));
    case.compare("mask_polygon", &as_numbers(&scene.polygon_mask));
    case.compare("mask_circle", &as_numbers(&scene.circle_mask));
    let label = if scene.label == Label::Positive { 1 } else { -1 };
    case.require("label", case.params["label"].as_i64() == Some(label));
    let numbers =
        |value: &Value| -> Vec<f64> { value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect() };
    case.require("background", numbers(&case.params["bg"]) == scene.background);

    let wanted = case.params["shapes"].as_array().unwrap();
    case.require("number of shapes", wanted.len() == scene.shapes.len());
    for (wanted, found) in wanted.iter().zip(&scene.shapes) {
        case.require("radius", wanted["R"].as_f64() == Some(found.radius));
        case.require(
            "center",
            [wanted["cx"].as_f64(), wanted["cy"].as_f64()] == [Some(found.center.x), Some(found.center.y)],
        );
        case.require("color", numbers(&wanted["color"]) == found.color);
        match &found.outline {
            Outline::Circle => case.require("circle", wanted["kind"] == "circle"),
            Outline::Polygon { vertices } => {
                // The vertices come from the math library's sine and cosine: equal to its last places.
                let wanted: Vec<Vec<f64>> =
                    wanted["verts"].as_array().map_or_else(Vec::new, |list| list.iter().map(numbers).collect());
                let near = |wanted: f64, found: f64| (wanted - found).abs() <= 1e-12 * wanted.abs().max(1.0);
                let same = wanted.len() == vertices.len()
                    && wanted
                        .iter()
                        .zip(vertices)
                        .all(|(wanted, found)| near(wanted[0], found.x) && near(wanted[1], found.y));
                case.require("vertices", same);
            }
        }
    }
}

fn as_numbers(mask: &Array2<bool>) -> Array2<f64> {
    mask.mapv(|inside| f64::from(u8::from(inside)))
}

pub fn descriptor(case: &Case) {
    let rotation =
        if case.params["rotate"] == true { Rotation::DominantGradient } else { Rotation::Fixed { angle: 0.0 } };
    let extractor = DenseSift {
        scale: case.number("scale"),
        step: case.count("step"),
        contrast: case.number("contrast"),
        rotation,
        ..DenseSift::default()
    };
    let features = extractor.describe(case.matrix("gray").view()).unwrap();
    case.compare("descriptors", &features.descriptors.mapv(f64::from));
    let mut frames = Array2::zeros((features.areas.len(), 4));
    for (mut frame, area) in frames.rows_mut().into_iter().zip(&features.areas) {
        match *area {
            Area::RotatedSquare { row, column, side, angle } => {
                for (slot, value) in frame.iter_mut().zip([row, column, side, angle]) {
                    *slot = value;
                }
            }
            other => case.require(&format!("that {other:?} is a rotated square"), false),
        }
    }
    case.compare("frames", &frames);
}
