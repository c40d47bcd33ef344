//! The features against their slow twin, a transcription of their definition.

use ndarray::{Array3, s};
use proptest::prelude::*;

use super::*;

/// The definition, point by point, with a sort for each half.
fn slow(extractor: &ColorQuantiles, image: &Array3<f64>) -> Vec<Vec<f64>> {
    let (height, width, _) = image.dim();
    let radius = extractor.radius();
    let mut features = Vec::new();
    for row in (extractor.step / 2..height).step_by(extractor.step) {
        for column in (extractor.step / 2..width).step_by(extractor.step) {
            let mut feature = Vec::new();
            for channel in &extractor.channels {
                let gray = channel.of(image.view()).unwrap();
                for is_in_half in [|r: usize, row: usize| r <= row, |r: usize, row: usize| r >= row] {
                    let mut values: Vec<f64> = gray
                        .indexed_iter()
                        .filter(|((r, c), _)| {
                            let (dy, dx) = (*r as f64 - row as f64, *c as f64 - column as f64);
                            is_in_half(*r, row) && dy * dy + dx * dx <= radius * radius
                        })
                        .map(|(_, value)| *value)
                        .collect();
                    values.sort_by(f64::total_cmp);
                    for tenth in 1..10 {
                        let position = tenth as f64 / 10.0 * (values.len() - 1) as f64;
                        let (lower, upper) = (position.floor() as usize, position.ceil() as usize);
                        feature.push(values[lower] + position.fract() * (values[upper] - values[lower]));
                    }
                }
            }
            features.push(feature);
        }
    }
    features
}

fn assert_like_slow_twin(extractor: &ColorQuantiles, image: &Array3<f64>) {
    let found = extractor.extract(image.view()).unwrap();
    let expected = slow(extractor, image);
    assert_eq!(found.descriptors.dim(), (expected.len(), extractor.dimensions()));
    assert_eq!(found.len(), expected.len());
    for (row, expected) in found.descriptors.rows().into_iter().zip(&expected) {
        for (&found, &expected) in row.iter().zip(expected) {
            assert!((f64::from(found) - expected).abs() <= 1e-7 + 1e-6 * expected.abs(), "{found}, {expected}");
        }
    }
}

/// Noise of so many intensities.
fn noise(shape: (usize, usize, usize), intensities: u64) -> Array3<f64> {
    let mut state = 7_u64;
    Array3::from_shape_simple_fn(shape, || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % intensities) as f64 / (intensities - 1) as f64
    })
}

#[test]
fn it_is_its_slow_twin_at_awkward_sizes() {
    for (height, width) in [(1, 1), (3, 3), (3, 40), (40, 3), (19, 23), (41, 38)] {
        for (scale, step) in [(3.0, 6), (0.5, 1), (0.1, 2), (1.3, 5), (50.0, 3)] {
            let extractor = ColorQuantiles { scale, step, ..ColorQuantiles::default() };
            if step / 2 < height.min(width) {
                assert_like_slow_twin(&extractor, &noise((height, width, 3), 256));
            }
        }
    }
}

#[test]
fn many_intensities_are_told_apart() {
    let extractor = ColorQuantiles { channels: vec![Channel::Opponent, Channel::Gray], ..ColorQuantiles::default() };
    assert_like_slow_twin(&extractor, &noise((70, 81, 3), 1 << 30));
    assert_like_slow_twin(&extractor, &(noise((30, 31, 1), 1 << 30) - 0.5));
}

#[test]
fn a_flat_image_has_its_intensity_as_every_quantile() {
    let features = ColorQuantiles::default().extract(Array3::from_elem((20, 20, 3), 0.25).view()).unwrap();
    assert!(features.descriptors.iter().all(|&value| value == 0.25));
}

#[test]
fn the_halves_are_the_upper_and_the_lower() {
    let image = Array3::from_shape_fn((61, 61, 1), |(row, _, _)| if row < 33 { 0.0 } else { 1.0 });
    let features = ColorQuantiles { channels: vec![Channel::Gray], ..ColorQuantiles::default() };
    let found = features.extract(image.view()).unwrap();
    let middle = 5 * 10 + 5; // at row 33, column 33
    assert_eq!(found.descriptors.slice(s![middle, ..8]).sum(), 0.0);
    assert_eq!(found.descriptors.slice(s![middle, 9..]).sum(), 9.0);
}

#[test]
fn bad_images_and_parameters_are_refused() {
    let good = ColorQuantiles::default();
    let image = Array3::zeros((30, 30, 3));
    for (bad, name) in [
        (ColorQuantiles { scale: 0.0, ..good.clone() }, "scale"),
        (ColorQuantiles { scale: f64::NAN, ..good.clone() }, "scale"),
        (ColorQuantiles { scale: f64::INFINITY, ..good.clone() }, "scale"),
        (ColorQuantiles { step: 0, ..good.clone() }, "step"),
        (ColorQuantiles { step: usize::MAX, ..good.clone() }, "step"),
        (ColorQuantiles { channels: Vec::new(), ..good.clone() }, "channels"),
    ] {
        let message = bad.extract(image.view()).unwrap_err().to_string();
        assert!(message.contains(name), "{message}");
    }
    assert!(ColorQuantiles { scale: f64::MAX, ..good.clone() }.extract(image.view()).is_ok());
    for shape in [(0, 0, 3), (0, 9, 3), (3, 9, 3), (9, 3, 1)] {
        let error = good.extract(Array3::zeros(shape).view()).unwrap_err();
        assert!(matches!(error, Error::NoGridPoint { step: 6, .. }), "{error}");
    }
    assert!(good.extract(Array3::zeros((good.smallest_image(), 9, 3)).view()).is_ok());
    assert!(matches!(good.extract(Array3::zeros((9, 9, 2)).view()), Err(Error::ImageChannels { found: 2 })));
    let mut broken = image;
    broken[[4, 5, 1]] = f64::NAN;
    assert!(matches!(good.extract(broken.view()), Err(Error::Pixel { row: 4, column: 5, .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn any_image_is_described_like_by_the_slow_twin(
        values in prop::collection::vec(prop_oneof![Just(0.0), Just(-0.0), Just(1.0), -1.0..1.0_f64], 20 * 23),
        scale in 0.05..5.0_f64,
        step in 1_usize..9,
    ) {
        let image = Array3::from_shape_vec((20, 23, 1), values).unwrap();
        assert_like_slow_twin(&ColorQuantiles { scale, step, channels: vec![Channel::Gray] }, &image);
    }
}
