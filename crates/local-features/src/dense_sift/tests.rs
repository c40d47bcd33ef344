//! The descriptor against its slow twin, a transcription of its definition, and against the reference vectors.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use ndarray::{Array1, Array2, Array3, Axis, array, s};
use ndarray_npy::ReadNpyExt;
use proptest::prelude::*;

use super::*;

/// The definition in plain loops, double precision throughout.
mod slow {
    use super::*;

    fn clamped(image: &Array2<f64>, row: i64, column: i64) -> f64 {
        let clamp = |position: i64, length: usize| position.clamp(0, length as i64 - 1) as usize;
        image[[clamp(row, image.nrows()), clamp(column, image.ncols())]]
    }

    fn smooth(image: &Array2<f64>, sigma: f64) -> Array2<f64> {
        let radius = (4.0 * sigma + 0.5).floor() as i64;
        let weight = |distance: i64| (-0.5 * (distance * distance) as f64 / (sigma * sigma)).exp();
        let sum: f64 = (-radius..=radius).map(weight).sum();
        // Pair by pair, so that what is symmetric stays so: the sign of a zero decides between the angles π and −π.
        let along = |image: &Array2<f64>, down: i64, right: i64| {
            Array2::from_shape_fn(image.dim(), |(row, column)| {
                let at = |d: i64| clamped(image, row as i64 + d * down, column as i64 + d * right);
                (1..=radius).fold(at(0) / sum, |smooth, d| smooth + weight(d) / sum * (at(d) + at(-d)))
            })
        };
        along(&along(image, 1, 0), 0, 1)
    }

    fn derivative(line: &[f64], at: usize) -> f64 {
        if at == 0 {
            line[1] - line[0]
        } else if at == line.len() - 1 {
            line[at] - line[at - 1]
        } else {
            (line[at + 1] - line[at - 1]) / 2.0
        }
    }

    fn bilinear(image: &Array2<f64>, x: f64, y: f64) -> f64 {
        if x < 0.0 || y < 0.0 || x > (image.ncols() - 1) as f64 || y > (image.nrows() - 1) as f64 {
            return 0.0;
        }
        let (left, top) = (x.floor(), y.floor());
        let at = |down: i64, right: i64| clamped(image, top as i64 + down, left as i64 + right);
        let (right, down) = (x - left, y - top);
        (1.0 - down) * ((1.0 - right) * at(0, 0) + right * at(0, 1))
            + down * ((1.0 - right) * at(1, 0) + right * at(1, 1))
    }

    /// Row, column, side and angle of each descriptor, and the descriptors.
    pub(super) fn dense_sift(sift: &DenseSift, gray: &Array2<f64>) -> (Array2<f64>, Array2<f64>) {
        let (height, width) = gray.dim();
        let side = 12.0 * sift.scale;
        let smoothed = smooth(gray, sift.scale / 2.0);
        let gx = Array2::from_shape_fn(gray.dim(), |(row, column)| derivative(&smoothed.row(row).to_vec(), column));
        let gy = Array2::from_shape_fn(gray.dim(), |(row, column)| derivative(&smoothed.column(column).to_vec(), row));
        let (smooth_gx, smooth_gy) = (smooth(&gx, 1.5 * sift.scale), smooth(&gy, 1.5 * sift.scale));
        let (mut frames, mut descriptors) = (Vec::new(), Vec::new());
        for row in (sift.step / 2..height).step_by(sift.step) {
            for column in (sift.step / 2..width).step_by(sift.step) {
                let (x, y) = (smooth_gx[[row, column]], smooth_gy[[row, column]]);
                let angle = match sift.rotation {
                    Rotation::Fixed { angle } => angle,
                    Rotation::DominantGradient if x.hypot(y) <= 1e-6 => 0.0,
                    Rotation::DominantGradient => y.atan2(x),
                };
                frames.push([row as f64, column as f64, side, angle]);
                descriptors.push(descriptor(&gx, &gy, sift.contrast, [row as f64, column as f64, side, angle]));
            }
        }
        (Array2::from(frames), Array2::from(descriptors))
    }

    fn descriptor(
        gx: &Array2<f64>,
        gy: &Array2<f64>,
        contrast: f64,
        [row, column, side, angle]: [f64; 4],
    ) -> [f64; 128] {
        let mut histograms = [0.0; 128];
        let offset = |i: usize| (i as f64 + 0.5) * side / 16.0 - side / 2.0;
        let share = |o: f64, cell: usize| {
            (1.0 - (o - ((cell as f64 + 0.5) * side / 4.0 - side / 2.0)).abs() / (side / 4.0)).max(0.0)
        };
        for j in 0..16 {
            for i in 0..16 {
                let (u, v) = (offset(i), offset(j));
                let x = column + u * angle.cos() - v * angle.sin();
                let y = row + u * angle.sin() + v * angle.cos();
                let (sx, sy) = (bilinear(gx, x, y), bilinear(gy, x, y));
                let gu = sx * angle.cos() + sy * angle.sin();
                let gv = -sx * angle.sin() + sy * angle.cos();
                let magnitude = gu.hypot(gv) * (-(u * u + v * v) / (2.0 * (side / 2.0).powi(2))).exp();
                let orientation = gv.atan2(gu).rem_euclid(TAU) * 8.0 / TAU;
                let lower = orientation.floor();
                for by in 0..4 {
                    for bx in 0..4 {
                        let weight = magnitude * share(u, bx) * share(v, by);
                        let cell = (by * 4 + bx) * 8;
                        histograms[cell + lower as usize % 8] += weight * (1.0 - (orientation - lower));
                        histograms[cell + (lower as usize + 1) % 8] += weight * (orientation - lower);
                    }
                }
            }
        }
        let norm = |values: &[f64; 128]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
        let length = norm(&histograms);
        if length <= contrast {
            return [0.0; 128];
        }
        let clipped = histograms.map(|value| (value / length).min(0.2));
        clipped.map(|value| value / norm(&clipped))
    }
}

/// The reference's tolerance: 1e-5 relative, 1e-6 absolute.
fn assert_descriptors(found: &Array2<f32>, expected: &Array2<f64>, context: &str) {
    assert_eq!(found.dim(), expected.dim(), "{context}");
    for ((position, &found), &expected) in found.indexed_iter().zip(expected) {
        let error = (f64::from(found) - expected).abs();
        assert!(error <= 1e-6 + 1e-5 * expected.abs(), "{context}: {found} against {expected} at {position:?}");
    }
}

fn frames(features: &LocalFeatures) -> Array2<f64> {
    let frame = |area: &Area| match *area {
        Area::RotatedSquare { row, column, side, angle } => [row, column, side, angle],
        ref other => panic!("{other:?}"),
    };
    Array2::from(features.areas.iter().map(frame).collect::<Vec<_>>())
}

fn assert_frames(found: &Array2<f64>, expected: &Array2<f64>, context: &str) {
    assert_eq!(found.dim(), expected.dim(), "{context}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-7 + 1e-7 * expected.abs(), "{context}: {found} against {expected}");
    }
}

fn assert_like_slow_twin(sift: &DenseSift, image: &Array2<f64>, context: &str) {
    let features = sift.describe(image.view()).unwrap();
    assert!(features.descriptors.iter().all(|value| (0.0..=1.0).contains(value)), "{context}");
    let (slow_frames, slow_descriptors) = slow::dense_sift(sift, image);
    assert_frames(&frames(&features), &slow_frames, context);
    assert_descriptors(&features.descriptors, &slow_descriptors, context);
}

fn golden(case: &str, array: &str) -> Array2<f64> {
    let path = format!("{}/../../tests/golden/bow/{case}/{array}.npy", env!("CARGO_MANIFEST_DIR"));
    Array2::read_npy(std::fs::File::open(path).unwrap()).unwrap()
}

/// Deterministic noise in [0, 1].
fn noise(shape: (usize, usize)) -> Array2<f64> {
    let mut state = 1_u64;
    Array2::from_shape_simple_fn(shape, || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1_u64 << 24) as f64
    })
}

#[test]
fn the_reference_vectors_are_met() {
    for (case, scale, rotation, step) in [
        ("dsift_s2_rot", 2.0, Rotation::DominantGradient, 6),
        ("dsift_s3_rot", 3.0, Rotation::DominantGradient, 6),
        ("dsift_s3_fixed", 3.0, Rotation::Fixed { angle: 0.0 }, 12),
    ] {
        let sift = DenseSift { scale, rotation, step, ..DenseSift::default() };
        let features = sift.describe(golden(case, "gray").view()).unwrap();
        assert_frames(&frames(&features), &golden(case, "frames"), case);
        assert_descriptors(&features.descriptors, &golden(case, "descriptors"), case);
    }
}

#[test]
fn it_is_its_slow_twin_at_awkward_sizes() {
    for (height, width) in [(24, 24), (25, 40), (36, 24), (51, 37)] {
        for (scale, step) in [(2.0, 6), (2.0, 1), (1.5, 7), (1.0 / 3.0, 5), (1.9, 13)] {
            for rotation in [
                Rotation::DominantGradient,
                Rotation::Fixed { angle: 0.0 },
                Rotation::Fixed { angle: FRAC_PI_2 },
                Rotation::Fixed { angle: -PI },
                Rotation::Fixed { angle: 0.3 },
            ] {
                let sift = DenseSift { scale, step, rotation, ..DenseSift::default() };
                if step > 1 || (height, width) == (24, 24) {
                    assert_like_slow_twin(&sift, &noise((height, width)), &format!("{height}×{width}, {sift:?}"));
                }
            }
        }
    }
}

#[test]
fn large_scales_are_as_exact_as_small_ones() {
    let sift = DenseSift { scale: 9.5, step: 37, ..DenseSift::default() };
    assert_like_slow_twin(&sift, &noise((121, 150)), "scale 9.5");
}

/// With a side of 32 and the grid at integers, samples lie right on the border of the image, and count.
#[test]
fn samples_on_the_border_are_inside() {
    let image = noise((33, 33));
    for angle in [0.0, FRAC_PI_2, PI, -FRAC_PI_2] {
        for step in [1, 2] {
            let sift =
                DenseSift { scale: 32.0 / 12.0, step, rotation: Rotation::Fixed { angle }, ..DenseSift::default() };
            assert_like_slow_twin(&sift, &image, &format!("{angle}, step {step}"));
        }
    }
}

#[test]
fn gentle_slopes_and_loud_noise_are_described_alike() {
    let quiet = noise((40, 40)) * 1e-2;
    for image in [&quiet + 1000.0, noise((40, 40)) * 255.0, noise((40, 40)) * 65_535.0, noise((40, 40)) - 0.5] {
        assert_like_slow_twin(&DenseSift { step: 4, ..DenseSift::default() }, &image, "range");
    }
}

#[test]
fn edges_along_the_axes_have_exact_angles() {
    let step = |at: usize| Array1::from_shape_fn(61, |position| f64::from(u8::from(position >= at)));
    let columns = step(30).insert_axis(Axis(0)).broadcast((61, 61)).unwrap().to_owned();
    for (image, angle) in [
        (columns.clone(), 0.0),
        (columns.t().to_owned(), FRAC_PI_2),
        (1.0 - &columns, PI),
        (1.0 - &columns.t(), -FRAC_PI_2),
    ] {
        let sift = DenseSift::default();
        let features = sift.describe(image.view()).unwrap();
        for frame in frames(&features).rows() {
            assert!(frame[3] == 0.0 || frame[3] == angle, "{frame} with {angle}");
        }
        assert_like_slow_twin(&sift, &image, &format!("edge at {angle}"));
    }
}

#[test]
fn a_flat_patch_is_a_zero_vector() {
    let features = DenseSift::default().describe(Array2::from_elem((30, 30), 0.7).view()).unwrap();
    assert!(features.descriptors.iter().all(|&value| value == 0.0));
    assert!(frames(&features).column(3).iter().all(|&angle| angle == 0.0));
    let image = noise((30, 30)) * 1e-6;
    assert!(DenseSift::default().describe(image.view()).unwrap().descriptors.iter().all(|&value| value == 0.0));
    let keen = DenseSift { contrast: 0.0, ..DenseSift::default() };
    assert_like_slow_twin(&keen, &image, "without a threshold");
}

#[test]
fn channels_are_concatenated_and_turned_by_the_first() {
    let image = Array3::from_shape_fn((40, 30, 3), |(row, column, channel)| {
        (0.3 * (row * (channel + 1)) as f64 + 0.2 * (column * column) as f64).sin() / 2.0 + 0.5
    });
    let sift = DenseSift { channels: vec![Channel::Red, Channel::Opponent], ..DenseSift::default() };
    let features = sift.extract(image.view()).unwrap();
    assert_eq!(features.descriptors.dim(), (features.len(), sift.dimensions()));
    let red = sift.describe(Channel::Red.of(image.view()).unwrap().view()).unwrap();
    assert_eq!(features.areas, red.areas);
    assert_eq!(features.descriptors.slice(s![.., ..128]), red.descriptors);
    let opponent = Channel::Opponent.of(image.view()).unwrap();
    for (feature, frame) in frames(&red).rows().into_iter().enumerate() {
        let rotation = Rotation::Fixed { angle: frame[3] };
        let turned = DenseSift { rotation, ..sift.clone() }.describe(opponent.view()).unwrap();
        assert_eq!(features.descriptors.slice(s![feature, 128..]), turned.descriptors.row(feature));
    }
}

/// The paper's two stacks on PASCAL VOC: gray with the opponent color, and red, green and blue.
#[test]
fn stacked_colors_are_like_their_slow_twin() {
    let image = Array3::from_shape_fn((43, 51, 3), |(row, column, channel)| {
        (0.3 * (row * (channel + 1)) as f64 + 0.2 * (column * column) as f64).sin() / 2.0 + 0.5
    });
    let mixed = |weights: [f64; 3], constant: f64| {
        Array2::from_shape_fn((43, 51), |at| {
            let [red, green, blue] = [0, 1, 2].map(|channel| weights[channel] * image[[at.0, at.1, channel]]);
            red + green + blue + constant
        })
    };
    let gray_and_opponent = vec![mixed([0.299, 0.587, 0.114], 0.0), mixed([0.25, 0.25, -0.5], 0.5)];
    let colors = vec![mixed([1.0, 0.0, 0.0], 0.0), mixed([0.0, 1.0, 0.0], 0.0), mixed([0.0, 0.0, 1.0], 0.0)];
    for (channels, planes, dimensions) in [
        (vec![Channel::Gray, Channel::Opponent], gray_and_opponent, 256),
        (vec![Channel::Red, Channel::Green, Channel::Blue], colors, 384),
    ] {
        let rotation = Rotation::Fixed { angle: 0.0 };
        let sift = DenseSift { scale: 3.0, rotation, channels, ..DenseSift::default() };
        let features = sift.extract(image.view()).unwrap();
        let slow: Vec<_> = planes.iter().map(|plane| slow::dense_sift(&sift, plane)).collect();
        assert_frames(&frames(&features), &slow[0].0, "stacked");
        let descriptors: Vec<_> = slow.iter().map(|(_, descriptors)| descriptors.view()).collect();
        let expected = ndarray::concatenate(Axis(1), &descriptors).unwrap();
        assert_eq!(expected.ncols(), dimensions);
        assert_descriptors(&features.descriptors, &expected, &format!("{:?}", sift.channels));
    }
}

#[test]
fn the_layout_of_the_input_does_not_matter() {
    let image = noise((30, 44));
    let sift = DenseSift::default();
    let expected = sift.describe(image.view()).unwrap();
    let columns_first = image.t().as_standard_layout().into_owned();
    assert_eq!(sift.describe(columns_first.t()).unwrap(), expected);
    let mut reversed = image.slice(s![..;-1, ..;-1]).as_standard_layout().into_owned();
    reversed.invert_axis(Axis(0));
    reversed.invert_axis(Axis(1));
    assert_eq!(sift.describe(reversed.view()).unwrap(), expected);
    let one_channel = image.insert_axis(Axis(2));
    let opponent = DenseSift { channels: vec![Channel::Opponent], ..sift };
    assert_eq!(opponent.extract(one_channel.view()).unwrap(), expected);
}

#[test]
fn bad_images_are_refused() {
    let sift = DenseSift::default();
    for shape in [(0, 0), (0, 50), (50, 0), (23, 50), (50, 23), (1, 1)] {
        let error = sift.describe(Array2::zeros(shape).view()).unwrap_err();
        assert!(matches!(error, Error::ImageTooSmall { side: 24.0, .. }), "{error}");
    }
    let tiny = DenseSift { scale: 0.01, step: 1, ..sift.clone() };
    assert!(matches!(tiny.describe(array![[0.5], [0.7]].view()), Err(Error::ImageTooSmall { .. })));
    assert!(tiny.describe(array![[0.5, 0.2], [0.7, 0.1]].view()).is_ok());
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e30] {
        let mut image = Array2::zeros((30, 30));
        image[[7, 11]] = value;
        let error = sift.describe(image.view()).unwrap_err();
        assert!(matches!(error, Error::Pixel { row: 7, column: 11, .. }), "{error}");
        let error = sift.extract(image.insert_axis(Axis(2)).view()).unwrap_err();
        assert!(matches!(error, Error::Pixel { row: 7, column: 11, .. }), "{error}");
    }
    let error = sift.extract(Array3::zeros((30, 30, 2)).view()).unwrap_err();
    assert!(matches!(error, Error::ImageChannels { found: 2 }), "{error}");
}

#[test]
fn bad_parameters_are_refused() {
    let sift = DenseSift::default();
    let bad = [
        (DenseSift { step: 0, ..sift.clone() }, "step"),
        (DenseSift { scale: 0.0, ..sift.clone() }, "scale"),
        (DenseSift { scale: -2.0, ..sift.clone() }, "scale"),
        (DenseSift { scale: f64::NAN, ..sift.clone() }, "scale"),
        (DenseSift { scale: f64::INFINITY, ..sift.clone() }, "scale"),
        (DenseSift { contrast: f64::NAN, ..sift.clone() }, "contrast"),
        (DenseSift { contrast: -1.0, ..sift.clone() }, "contrast"),
        (DenseSift { rotation: Rotation::Fixed { angle: f64::NAN }, ..sift.clone() }, "angle"),
        (DenseSift { channels: Vec::new(), ..sift.clone() }, "channels"),
        (DenseSift { step: 1000, ..sift.clone() }, "step"),
        (DenseSift { step: usize::MAX, ..sift.clone() }, "step"),
        (DenseSift { scale: 1e300, ..sift.clone() }, "scale"),
        (DenseSift { scale: f64::MAX, ..sift }, "scale"),
    ];
    for (sift, name) in bad {
        let message = sift.extract(Array3::zeros((40, 40, 1)).view()).unwrap_err().to_string();
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn settings_survive_a_model_file() {
    let sift = DenseSift {
        scale: 3.0,
        rotation: Rotation::Fixed { angle: 0.1 },
        channels: vec![Channel::Opponent, Channel::Blue],
        ..DenseSift::default()
    };
    let extractor = crate::Extractor::from(sift);
    let text = serde_json::to_string(&extractor).unwrap();
    assert_eq!(serde_json::from_str::<crate::Extractor>(&text).unwrap(), extractor);
    assert!(text.contains("dense-sift") && text.contains("opponent"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn any_image_is_described_like_by_the_slow_twin(
        values in prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), 0.0..1.0_f64], 30 * 33),
        scale in 0.3..2.4_f64,
        step in 4_usize..16,
        angle in prop::option::of(-7.0..7.0_f64),
    ) {
        let image = Array2::from_shape_vec((30, 33), values).unwrap();
        let rotation = angle.map_or(Rotation::DominantGradient, |angle| Rotation::Fixed { angle });
        assert_like_slow_twin(&DenseSift { scale, step, rotation, ..DenseSift::default() }, &image, "random");
    }

    #[test]
    fn sparse_images_are_described_like_by_the_slow_twin(
        dots in prop::collection::vec((0_usize..30, 0_usize..33, -1.0..1.0_f64), 0..4),
        angle in prop::option::of(-7.0..7.0_f64),
    ) {
        let mut image = Array2::from_elem((30, 33), 0.5);
        for (row, column, value) in dots {
            image[[row, column]] += value;
        }
        let rotation = angle.map_or(Rotation::DominantGradient, |angle| Rotation::Fixed { angle });
        assert_like_slow_twin(&DenseSift { rotation, ..DenseSift::default() }, &image, "sparse");
    }
}

#[test]
fn the_smallest_image_is_described_and_a_smaller_one_is_not() {
    for scale in [0.01, 2.0, 2.55] {
        for step in [1, 6, 80] {
            let sift = DenseSift { scale, step, ..DenseSift::default() };
            let side = sift.smallest_image();
            assert!(sift.describe(Array2::zeros((side, side + 3)).view()).is_ok(), "scale {scale}, step {step}");
            assert!(sift.describe(Array2::zeros((side - 1, side)).view()).is_err(), "scale {scale}, step {step}");
        }
    }
}

#[test]
fn flat_patches_are_told_from_their_neighbors() {
    // A single bright pixel far from most descriptors: they are flat, and those that reach it are not.
    let mut image = Array2::from_elem((80, 91), 0.3);
    image[[40, 17]] = 0.9;
    let sift = DenseSift::default();
    assert_like_slow_twin(&sift, &image, "one bright pixel");
    let found = sift.describe(image.view()).unwrap();
    let flat = found.descriptors.rows().into_iter().filter(|row| row.iter().all(|&value| value == 0.0)).count();
    assert!(flat > 50 && flat < found.len(), "{flat}");
}
