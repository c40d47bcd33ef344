//! Dense SIFT and R¹ at the sizes of the paper's experiments.

use std::hint::black_box;

use criterion::{criterion_group, criterion_main};
use local_features::{DenseSift, LocalFeatures, pixel_relevance};
use ndarray::{Array1, Array2};

#[path = "../../../benches/criterion/processor_time.rs"]
mod processor_time;

use processor_time::Criterion;

/// The two scales of the experiment on polygons and circles.
const SCALES: [f64; 2] = [2.0, 3.0];

/// A tile with a triangle and a circle on a flat ground.
fn tile() -> Array2<f64> {
    Array2::from_shape_fn((102, 102), |(row, column)| {
        let (row, column) = (row as f64, column as f64);
        let in_triangle = row < 60.0 && column > 10.0 && column + 0.6 * row < 50.0;
        let in_circle = (row - 70.0).powi(2) + (column - 70.0).powi(2) < 400.0;
        if in_triangle {
            0.9
        } else if in_circle {
            0.3
        } else {
            0.6
        }
    })
}

/// As many gradients everywhere as a photograph has.
fn photograph((height, width): (usize, usize)) -> Array2<f64> {
    Array2::from_shape_fn((height, width), |(row, column)| {
        let (row, column) = (row as f64, column as f64);
        0.5 + 0.2 * (0.37 * row + 0.11 * column).sin() + 0.2 * (0.23 * column - 0.05 * row * column.sqrt()).cos()
    })
}

fn describe(image: &Array2<f64>) -> Vec<LocalFeatures> {
    SCALES
        .iter()
        .map(|&scale| DenseSift { scale, ..DenseSift::default() }.describe(image.view()))
        .collect::<Result<_, _>>()
        .expect("an image that descriptors fit into")
}

fn dense_sift(criterion: &mut Criterion) {
    let images = [("tile", tile()), ("busy_tile", photograph((102, 102))), ("375x500", photograph((375, 500)))];
    for (name, image) in images {
        criterion.bench_function(&format!("dense_sift_two_scales_{name}"), |bencher| {
            bencher.iter(|| describe(black_box(&image)));
        });
    }
}

fn relevance_of_pixels(criterion: &mut Criterion) {
    let features = describe(&photograph((102, 102)));
    let relevance = Array1::from_shape_fn(features[0].len(), |feature| (feature as f64).sin());
    criterion.bench_function("pixel_relevance_two_scales_tile", |bencher| {
        bencher.iter(|| {
            features
                .iter()
                .map(|features| pixel_relevance(black_box(relevance.view()), &features.areas, (102, 102)))
                .collect::<Result<Vec<_>, _>>()
        });
    });
}

criterion_group! {
    name = benches;
    config = processor_time::criterion();
    targets = dense_sift, relevance_of_pixels
}
criterion_main!(benches);
