//! Photos come out as timm, transformers and torchvision prepare them; `tests/foreign/README.md` says how the numbers were
//! made.

use images::Preprocessing;
use ndarray::Array3;
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    text: String,
    photo: (usize, usize),
    shape: (usize, usize, usize),
    step: usize,
    values: Vec<f32>,
}

/// The formula of `make_expected.py`.
fn picture((height, width): (usize, usize)) -> Array3<u8> {
    Array3::from_shape_fn((height, width, 3), |(r, c, k)| {
        if (r * r + 3 * c + 5 * k) % 7 < 2 { 255 } else { ((37 * r + 101 * c + 59 * k * r) % 256) as u8 }
    })
}

#[test]
fn numbers_are_those_of_timm_transformers_and_torchvision() {
    let Expected { cases } = serde_json::from_str(include_str!("foreign/expected.json")).unwrap();
    assert_eq!(cases.len(), 42);
    for Case { name, text, photo, shape, step, values } in cases {
        let preprocessing = Preprocessing::from_text(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let prepared = preprocessing.apply(picture(photo).view()).unwrap();
        assert_eq!(prepared.network.dim(), shape, "{name}: {preprocessing}");
        let (low, high) = preprocessing.range();
        let range = low.iter().zip(&high).map(|(low, high)| high - low).fold(0.0, f32::max);
        let found: Vec<f32> = prepared.network.iter().step_by(step).copied().collect();
        assert_eq!(found.len(), values.len(), "{name}");
        for (position, (found, expected)) in found.iter().zip(&values).enumerate() {
            let differ = (found - expected).abs() / range;
            assert!(differ <= 1e-6, "{name}, number {position}: {found}, expected {expected}; {preprocessing}");
        }
    }
}

#[test]
fn what_can_not_be_followed_is_told() {
    for (text, reason) in [
        ("{\"input_size\": [4, 8, 8]}", "input_size has to be"),
        ("{\"input_size\": [3, 8, 8], \"crop_mode\": \"fit\"}", "\"fit\""),
        ("{\"input_size\": [3, 8, 8], \"interpolation\": \"random\"}", "\"random\""),
        ("{\"do_resize\": true}", "do_resize needs a size"),
        ("{\"do_resize\": true, \"size\": {\"longest_edge\": 9}, \"do_normalize\": false}", "longest_edge"),
        ("{\"do_resize\": false, \"do_normalize\": true}", "image_mean"),
        ("{\"do_resize\": false, \"do_normalize\": false, \"resample\": 9}", "resample is 9"),
        ("{\"epochs\": 3}", "neither timm's"),
        ("{\"epochs\"", "EOF"),
    ] {
        let error = Preprocessing::from_text(text).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains("describe it in TOML"), "{text}: {error}");
    }
}
