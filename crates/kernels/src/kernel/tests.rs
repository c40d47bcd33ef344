//! Every kernel against plain loops, finite differences and its own definition.

use ndarray::{Array1, array};

use super::*;

/// Histograms with zeros, ties, and zeros that meet zeros; the last entry of an odd length is alone in its lane.
fn histogram(dimensions: usize, seed: usize) -> Vec<f64> {
    (0..dimensions)
        .map(|d| match (d * 7 + seed * 5) % 11 {
            0..=3 => 0.0,
            4 => 0.25,
            other => 0.05 * other as f64 + 0.01 * ((d * 3 + seed) % 5) as f64,
        })
        .collect()
}

fn all() -> Vec<Kernel> {
    vec![
        Linear.into(),
        HistogramIntersection.into(),
        ChiSquared::new(0.7).unwrap().into(),
        ChiSquaredPrinted::new(0.3).unwrap().into(),
        Rbf::new(1.9).unwrap().into(),
    ]
}

fn differentiable() -> impl Iterator<Item = Kernel> {
    all().into_iter().filter(|kernel| kernel.function().differentiable().is_some())
}

/// The definitions, one dimension after the other.
fn plain_value(kernel: &Kernel, x: &[f64], z: &[f64]) -> f64 {
    let sum = |term: fn(f64, f64) -> f64| x.iter().zip(z).map(|(&x, &z)| term(x, z)).sum::<f64>();
    match kernel {
        Kernel::Linear(_) => sum(|x, z| x * z),
        Kernel::HistogramIntersection(_) => sum(f64::min),
        Kernel::ChiSquared(k) => {
            (-k.sigma() * sum(|x, z| if x + z == 0.0 { 0.0 } else { (x - z).powi(2) / (x + z) })).exp()
        }
        Kernel::ChiSquaredPrinted(k) => {
            (-k.sigma() * sum(|x, z| if x + z == 0.0 { 0.0 } else { (x - z).powi(2) / (x + z).powi(2) })).exp()
        }
        Kernel::Rbf(k) => (-sum(|x, z| (x - z).powi(2)) / k.sigma()).exp(),
    }
}

#[test]
fn values_are_those_of_the_definitions() {
    for kernel in all() {
        for dimensions in [1, 3, 19, 100] {
            let (x, z) = (histogram(dimensions, 1), histogram(dimensions, 4));
            let (value, plain) = (kernel.function().value(&x, &z), plain_value(&kernel, &x, &z));
            assert!((value - plain).abs() <= 1e-13 * plain.abs(), "{} {dimensions}: {value}, {plain}", kernel.name());
        }
    }
}

#[test]
fn a_point_is_nearest_to_itself() {
    for kernel in [all()[2], all()[3], all()[4]] {
        let x = histogram(19, 3);
        assert_eq!(kernel.function().value(&x, &x), 1.0);
    }
}

#[test]
fn sum_decomposable_kernels_are_the_sums_of_their_parts() {
    for kernel in all() {
        let Some(parts) = kernel.function().sum_decomposable() else { continue };
        let (x, z) = (histogram(100, 1), histogram(100, 2));
        let sum: f64 = x.iter().zip(&z).map(|(&x, &z)| parts.part(x, z)).sum();
        assert!((sum - parts.value(&x, &z)).abs() < 1e-13); // Eq. 23
    }
}

#[test]
fn derivatives_are_central_differences_inside_of_the_orthant() {
    const STEP: f64 = 1e-6;
    for kernel in differentiable() {
        let x = Array1::from(histogram(19, 1));
        let z = Array1::from(histogram(19, 2)) + 0.05;
        let derivative = kernel.derivative(x.view(), z.view(), ZeroQuotient::default()).unwrap();
        for d in 0..z.len() {
            let (mut above, mut below) = (z.clone(), z.clone());
            above[d] += STEP;
            below[d] -= STEP;
            let difference =
                kernel.value(x.view(), above.view()).unwrap() - kernel.value(x.view(), below.view()).unwrap();
            let difference = difference / (2.0 * STEP);
            assert!((derivative[d] - difference).abs() < 1e-8, "{} {d}: {} {difference}", kernel.name(), derivative[d]);
        }
    }
}

#[test]
fn at_zero_the_derivative_of_chi_squared_is_that_from_the_right() {
    const STEP: f64 = 1e-7;
    let kernel = Kernel::from(ChiSquared::new(0.7).unwrap());
    let (x, z) = (array![0.0, 0.3, 0.4], array![0.0, 0.0, 0.2]);
    let right = kernel.derivative(x.view(), z.view(), ZeroQuotient::RightDerivative).unwrap();
    for d in 0..z.len() {
        let mut above = z.clone();
        above[d] += STEP;
        let difference = kernel.value(x.view(), above.view()).unwrap() - kernel.value(x.view(), z.view()).unwrap();
        assert!((right[d] - difference / STEP).abs() < 1e-5, "{d}: {} {}", right[d], difference / STEP);
    }
    let zero = kernel.derivative(x.view(), z.view(), ZeroQuotient::Zero).unwrap();
    let value = kernel.value(x.view(), z.view()).unwrap();
    assert!((right[0] + 0.7 * value).abs() < 1e-15); // factor −1
    assert_eq!(zero[0], 0.0);
    assert_eq!((zero[1], zero[2]), (right[1], right[2]));
}

fn support(points: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let coefficients = (0..points.len()).map(|i| [1.0, -2.0, 0.0, 0.5][i % 4]).collect();
    (points.concat(), coefficients)
}

#[test]
fn changes_are_differences_and_remainders_what_the_first_order_leaves_out() {
    for kernel in differentiable() {
        let function = kernel.differentiable().unwrap();
        for dimensions in [1, 3, 19, 100] {
            for zero_quotient in [ZeroQuotient::RightDerivative, ZeroQuotient::Zero] {
                let points: Vec<Vec<f64>> = (0..7).map(|seed| histogram(dimensions, seed)).collect();
                let (values, coefficients) = support(&points);
                let matrix = ndarray::ArrayView2::from_shape((7, dimensions), &values).unwrap();
                let support = SupportVectors { points: Rows::of(matrix), coefficients: &coefficients };
                // The last points tie with support vectors.
                for (z, root) in [(8, 9), (10, 11), (1, 2), (3, 3)] {
                    let (z, root) = (histogram(dimensions, z), histogram(dimensions, root));
                    let mut gradient = vec![0.0; dimensions];
                    function.add_gradient(&support, &root, zero_quotient, &mut gradient);
                    let linear: f64 = gradient.iter().zip(&z).zip(&root).map(|((g, z), root)| g * (z - root)).sum();
                    let difference = function.weighted_sum(&support, &z) - function.weighted_sum(&support, &root);
                    let change = function.change(&support, &z, &root);
                    assert!((change - difference).abs() < 1e-13, "{} {dimensions}: {change}", kernel.name());
                    let plain = difference - linear;
                    let remainder = function.remainder(&support, &z, &root, zero_quotient);
                    assert!((remainder - plain).abs() < 1e-13, "{} {dimensions}: {remainder} {plain}", kernel.name());
                }
            }
        }
    }
}

#[test]
fn a_segment_has_the_values_of_its_points() {
    for kernel in differentiable() {
        let function = kernel.differentiable().unwrap();
        // With as many zeros as histograms have, and without.
        for (dimensions, least) in [(1, 0.0), (3, 0.0), (19, 0.0), (100, 0.0), (1, 0.01), (19, 0.01), (100, 0.01)] {
            let points: Vec<Vec<f64>> = (0..7).map(|seed| histogram(dimensions, seed)).collect();
            let (values, coefficients) = support(&points);
            let mut values: Vec<f64> = values.into_iter().map(|value| value + least).collect();
            values[0] = 1e-30; // counts as zero along χ² segments
            let matrix = ndarray::ArrayView2::from_shape((7, dimensions), &values).unwrap();
            let support = SupportVectors { points: Rows::of(matrix), coefficients: &coefficients };
            // Between histograms, from a support vector, and a segment that is a point.
            for (from, to) in [(8, 9), (1, 10), (4, 4)] {
                let (from, to) = (histogram(dimensions, from), histogram(dimensions, to));
                let along = function.along(support.clone(), &from, &to);
                for position in [0.0, 1e-12, 0.2, 0.5, 0.77, 1.0] {
                    let point: Vec<f64> =
                        from.iter().zip(&to).map(|(from, to)| position * to + (1.0 - position) * from).collect();
                    let error = along(position) - function.weighted_sum(&support, &point);
                    assert!(error.abs() < 1e-13, "{} {dimensions} {position}: {error}", kernel.name());
                }
            }
        }
    }
}

#[test]
fn segments_through_heavy_histograms_lose_no_digits() {
    for kernel in [Kernel::from(ChiSquared::new(1.0).unwrap()), Rbf::new(1.0).unwrap().into()] {
        let function = kernel.differentiable().unwrap();
        let points = vec![vec![1e9, 3e9, 2e9]];
        let (values, coefficients) = support(&points);
        let matrix = ndarray::ArrayView2::from_shape((1, 3), &values).unwrap();
        let support = SupportVectors { points: Rows::of(matrix), coefficients: &coefficients };
        let (from, to) = ([1e9, 3e9, 2e9 - 1.0], [1e9, 3e9 + 0.5, 2e9 + 1.0]);
        let value = function.along(support.clone(), &from, &to)(0.25);
        let plain = plain_value(&kernel, &points[0], &[1e9, 3e9 + 0.125, 2e9 - 0.5]);
        assert!((value - plain).abs() < 1e-13, "{}: {value} {plain}", kernel.name());
    }
}

#[test]
fn kernels_keep_their_names_in_files() {
    for kernel in all() {
        let text = serde_json::to_string(&kernel).unwrap();
        assert!(text.contains(kernel.name()), "{text}");
        assert_eq!(serde_json::from_str::<Kernel>(&text).unwrap(), kernel);
        assert_eq!(kernel.name().parse::<KernelKind>().unwrap(), kernel.kind());
        assert_eq!(serde_json::to_string(&kernel.kind()).unwrap(), format!("{:?}", kernel.name()));
    }
    assert_eq!(serde_json::to_string(&all()[2]).unwrap(), r#"{"chi-squared":{"sigma":0.7}}"#);
}

#[test]
fn bad_parameters_are_refused_in_code_and_in_files() {
    for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(ChiSquared::new(sigma), Err(Error::Parameter { kernel: "chi-squared", .. })));
        assert!(ChiSquaredPrinted::new(sigma).is_err() && Rbf::new(sigma).is_err());
    }
    for name in ["chi-squared", "chi-squared-printed", "rbf"] {
        let error = serde_json::from_str::<Kernel>(&format!(r#"{{"{name}":{{"sigma":-2.0}}}}"#)).unwrap_err();
        assert!(error.to_string().contains(&format!("the {name} kernel with sigma = -2")), "{error}");
    }
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let error = "chi2".parse::<KernelKind>().unwrap_err().to_string();
    assert!(error.contains("\"chi2\"") && error.contains("histogram-intersection, chi-squared,"), "{error}");
}

#[test]
fn points_out_of_the_domain_are_refused() {
    let good = array![0.5, 0.25];
    for kernel in all() {
        for bad in [f64::NAN, f64::INFINITY, 1e101, -1e101] {
            let error = kernel.value(good.view(), array![0.5, bad].view()).unwrap_err();
            assert!(matches!(error, Error::NotFinite { row: 0, column: 1, .. }), "{error}");
        }
        let negative = kernel.value(array![-0.5, 0.5].view(), good.view());
        assert_eq!(negative.is_err(), kernel.domain() == Domain::NonNegative);
        assert!(matches!(kernel.value(good.view(), array![0.5].view()), Err(Error::Dimensions { .. })));
        assert!(matches!(kernel.value(array![].view(), array![].view()), Err(Error::Empty { .. })));
    }
    let error = Kernel::from(HistogramIntersection)
        .derivative(good.view(), good.view(), ZeroQuotient::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("not differentiable") && error.contains("sum_relevance"), "{error}");
}

#[test]
fn bandwidths_are_those_of_the_mean_distance() {
    let points = ndarray::Array2::from_shape_fn((19, 7), |(row, d)| histogram(7, row)[d]);
    let mean = |distance: fn(f64, f64) -> f64| {
        let mut sum = 0.0;
        for i in 0..19 {
            for j in 0..i {
                sum += points.row(i).iter().zip(points.row(j)).map(|(&x, &z)| distance(x, z)).sum::<f64>();
            }
        }
        sum / (19.0 * 18.0 / 2.0)
    };
    let Kernel::ChiSquared(fitted) = KernelKind::ChiSquared.fit(points.view()).unwrap() else { panic!() };
    let expected = mean(|x, z| if x + z == 0.0 { 0.0 } else { (x - z).powi(2) / (x + z) });
    assert!((fitted.sigma() * expected - 1.0).abs() < 1e-14);
    let Kernel::Rbf(fitted) = KernelKind::Rbf.fit(points.view()).unwrap() else { panic!() };
    assert!((fitted.sigma() / mean(|x, z| (x - z).powi(2)) - 1.0).abs() < 1e-14);
}

#[test]
fn points_without_distances_give_no_bandwidth() {
    for kind in [KernelKind::ChiSquared, KernelKind::ChiSquaredPrinted, KernelKind::Rbf] {
        for points in [array![[0.5, 0.5]], array![[0.5, 0.5], [0.5, 0.5]], ndarray::Array2::zeros((0, 2))] {
            assert!(matches!(kind.fit(points.view()), Err(Error::NoBandwidth { .. })), "{kind} {points}");
        }
        assert!(matches!(kind.fit(array![[f64::NAN], [1.0]].view()), Err(Error::NotFinite { .. })));
        assert!(kind.fit(ndarray::Array2::zeros((3, 0)).view()).is_err());
    }
    let negative = KernelKind::ChiSquared.fit(array![[0.5], [-1.0]].view());
    assert!(matches!(negative, Err(Error::Negative { row: 1, column: 0, .. })));
    assert_eq!(KernelKind::Linear.fit(array![[-1.0]].view()).unwrap(), Linear.into());
}
