//! What holds for any local features, from the score to the pixels: all mappings × p × kernels, end to end.

use bow_classifier::{Bag, BowModel, EncodedFeatures, Encoder, PixelDecomposition, TaylorThirdLayer, ThirdLayer};
use bow_classifier::{Error, pixel_wise_decomposition};
use bow_mapping::{
    Codebook, Fisher, GaussianMixture, Hard, Lasso, LassoOptions, Map, Mapping, Normalization, Pooling, Rank,
    RankOptions, Ridge, RidgeOptions, Soft, SoftOptions,
};
use kernels::{Coefficients, Domain, ExpansionTerm, KernelExpansion, KernelKind, ZeroQuotient};
use local_features::Area;
use ndarray::{Array1, Array2, Axis, s};
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use relevance::{Candidates, RootSearch};

/// Height and width of the images.
const SHAPE: (usize, usize) = (23, 19);

/// Dimensions of a descriptor.
const DIMENSIONS: usize = 3;

/// Training images.
const TRAINING: usize = 6;

/// What one case of a property works on.
struct Case {
    random: Xoshiro256PlusPlus,
}

impl Case {
    fn new(seed: u64) -> Self {
        Self { random: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    fn matrix(&mut self, rows: usize, columns: usize) -> Array2<f64> {
        Array2::from_shape_simple_fn((rows, columns), || self.random.gen_range(-1.0..1.0))
    }

    /// An area of any kind that covers at least one pixel.
    fn area(&mut self) -> Area {
        let (row, column) = (self.random.gen_range(0..SHAPE.0), self.random.gen_range(0..SHAPE.1));
        let size = self.random.gen_range(1..12_i64);
        match self.random.gen_range(0..3) {
            0 => Area::Rectangle {
                top: row as i64 - size,
                left: column as i64 - size / 2,
                bottom: row as i64 + size,
                right: column as i64 + 1,
            },
            1 => Area::Circle { row: row as f64, column: column as f64, radius: size as f64 / 2.0 },
            _ => Area::RotatedSquare {
                row: row as f64,
                column: column as f64,
                side: size as f64,
                angle: self.random.gen_range(-4.0..4.0),
            },
        }
    }

    /// The descriptors of one channel of an image, some of them repeated, some zero, with their areas.
    fn features(&mut self, count: usize) -> (Array2<f64>, Vec<Area>) {
        let mut descriptors = self.matrix(count, DIMENSIONS);
        if count > 2 {
            let (first, mut second) = descriptors.multi_slice_mut((s![0, ..], s![1, ..]));
            second.assign(&first);
            descriptors.row_mut(2).fill(0.0);
        }
        (descriptors, (0..count).map(|_| self.area()).collect())
    }

    /// One mapping of each kind, onto words of its own.
    fn mappings(&mut self, words: usize) -> Vec<Mapping> {
        let mut codebook = || Codebook::new(self.matrix(words, DIMENSIONS)).unwrap();
        let rank = RankOptions { base: 2.4, neighbors: words.min(4) };
        let mut mappings: Vec<Mapping> = vec![
            Hard::new(codebook()).into(),
            Rank::new(codebook(), rank).unwrap().into(),
            Soft::new(codebook(), SoftOptions::default()).unwrap().into(),
            Lasso::new(codebook(), LassoOptions::default()).unwrap().into(),
            Ridge::new(codebook(), RidgeOptions { lambda: 0.2 }).unwrap().into(),
        ];
        let (alpha, means) = (self.matrix(1, words).remove_axis(Axis(0)), self.matrix(words, DIMENSIONS));
        let deviations = self.matrix(words, DIMENSIONS).mapv(|value| value.abs() + 0.3);
        mappings.push(Fisher::new(GaussianMixture::new(alpha, means, deviations).unwrap()).into());
        assert_eq!(mappings.iter().map(Mapping::name).collect::<Vec<_>>(), Mapping::NAMES);
        mappings
    }
}

fn is_signed(mapping: &Mapping) -> bool {
    matches!(mapping, Mapping::Lasso(_) | Mapping::Ridge(_) | Mapping::Fisher(_))
}

/// All pairs of a mapping and a p that go together.
fn encoders(case: &mut Case, words: usize) -> Vec<[Encoder; 2]> {
    let of_channels = case.mappings(words).into_iter().zip(case.mappings(words + 1));
    of_channels
        .flat_map(|(first, second)| {
            let natural = [1.0, 2.0, 3.0, f64::INFINITY];
            let real: &[f64] = if is_signed(&first) { &[] } else { &[1.5, 2.5] };
            let encoders = |&p: &f64| {
                let pooling = Pooling::new(p).unwrap();
                [first.clone(), second.clone()].map(|mapping| Encoder {
                    mapping,
                    pooling,
                    normalization: Normalization::L1,
                })
            };
            natural.iter().chain(real).map(encoders).collect::<Vec<_>>()
        })
        .collect()
}

fn bag(encoders: &[Encoder; 2], features: &[(Array2<f64>, Vec<Area>)]) -> Bag {
    let encode = |(encoder, (descriptors, areas)): (&Encoder, &(Array2<f64>, Vec<Area>))| {
        encoder.encode(descriptors.view(), areas.clone()).unwrap()
    };
    let channels: Vec<EncodedFeatures> = encoders.iter().zip(features).map(encode).collect();
    Bag::new(channels, SHAPE)
}

/// Models over all kernels that take the encoders' vectors. The bias puts `x` and the training image that scores most
/// differently on two sides of zero; that image is the only candidate. None where all score the same.
fn models(case: &mut Case, encoders: &[Encoder; 2], training: &[Bag], x: &Array1<f64>) -> Vec<BowModel> {
    let points = Array2::from_shape_fn((training.len(), x.len()), |(image, word)| training[image].vector[word]);
    let negative = points.iter().chain(x).any(|&value| value < 0.0);
    assert!(!negative || is_signed(&encoders[0].mapping));
    let coefficients = case.matrix(1, training.len()).remove_axis(Axis(0));
    let first = encoders[0].mapping.words();
    let mut models = Vec::new();
    for &kind in KernelKind::ALL {
        if is_signed(&encoders[0].mapping) && kind.domain() == Domain::NonNegative {
            continue;
        }
        let parts = [points.slice(s![.., ..first]), points.slice(s![.., first..])];
        let Ok(kernels) = parts.iter().map(|part| kind.fit(part.view())).collect::<Result<Vec<_>, _>>() else {
            continue; // all images have the same vector
        };
        let terms: Vec<ExpansionTerm> = kernels
            .into_iter()
            .zip(parts)
            .zip([0.75, 0.5])
            .map(|((kernel, part), weight)| ExpansionTerm { kernel, weight, support: part.to_owned().into() })
            .collect();
        let expansion = |bias| KernelExpansion::new(terms.clone(), Coefficients::Shared(coefficients.clone()), bias);
        let plain = expansion(0.0).unwrap();
        let (value, values) = (plain.value(x.view()).unwrap(), plain.values(points.view()).unwrap());
        let farthest = (0..values.len())
            .max_by(|&one, &other| (values[one] - value).abs().total_cmp(&(values[other] - value).abs()))
            .unwrap();
        if (values[farthest] - value).abs() < 1e-6 {
            continue;
        }
        let expansion = expansion(-0.5 * (value + values[farthest])).unwrap();
        let mut add =
            |third_layer| models.push(BowModel::new(encoders.to_vec(), expansion.clone(), third_layer).unwrap());
        if expansion.is_sum_decomposable() {
            add(ThirdLayer::SumDecomposition);
        }
        for zero_quotient in [ZeroQuotient::RightDerivative, ZeroQuotient::Zero] {
            let Ok(function) = expansion.differentiable(zero_quotient) else { continue };
            let candidate = points.slice(s![farthest..=farthest, ..]).to_owned();
            let candidates = Candidates::new(&function, candidate).unwrap();
            add(ThirdLayer::Taylor(TaylorThirdLayer { search: RootSearch::default(), zero_quotient, candidates }));
        }
    }
    models
}

fn name(model: &BowModel) -> String {
    let encoder = &model.encoders()[0];
    let layer = match model.third_layer() {
        ThirdLayer::SumDecomposition => "Eq. 24",
        ThirdLayer::Taylor(_) => "Eq. 25",
    };
    format!("{}, {}, {}, {layer}", encoder.mapping.name(), encoder.pooling, model.expansion().terms()[0].kernel.name())
}

fn magnitude<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values.into_iter().map(|value| value.abs()).sum()
}

fn assert_conserves(found: &PixelDecomposition, model: &BowModel) -> Result<(), TestCaseError> {
    let name = name(model);
    let checked = found.ledger.check(1e-12);
    prop_assert!(checked.is_ok(), "{name}: {checked:?}");
    for (range, features) in model.channel_dimensions().zip(&found.features) {
        // Where many words speak for and against the same feature, next to nothing is left of a lot.
        let dimensions = found.dimensions.slice(s![range]);
        let difference = dimensions.sum() - features.sum();
        let scale = magnitude(features) + magnitude(dimensions);
        prop_assert!(difference.abs() <= 1e-12 * scale, "{name}: R³ − R² = {difference:e}");
    }
    let of_features: f64 = found.features.iter().map(Array1::sum).sum();
    let scale = magnitude(&found.dimensions) + found.features.iter().map(magnitude).sum::<f64>();
    let difference = of_features - found.pixels.sum();
    prop_assert!(difference.abs() <= 1e-12 * scale, "{name}: R² − R¹ = {difference:e}");
    if matches!(model.third_layer(), ThirdLayer::SumDecomposition) {
        let difference = found.score - found.pixels.sum();
        prop_assert!(difference.abs() <= 1e-12 * scale, "{name}: f − R¹ = {difference:e}");
    }
    Ok(())
}

/// `max_d Σ_l |m_(d)(l)|^p / |Σ_l m_(d)(l)^p|`: by how much the rounding of a column's sum is blown up in R².
fn condition(bag: &Bag, pooling: Pooling) -> f64 {
    let power = |value: f64| match pooling.p() {
        f64::INFINITY => value.abs(),
        p if p.fract() == 0.0 => value.powi(p as i32),
        p => value.powf(p),
    };
    let mut worst = 1.0_f64;
    for channel in &bag.channels {
        for column in channel.assignment.to_dense().columns() {
            let (sum, absolute) = (column.mapv(power).sum(), column.mapv(|value| power(value).abs()).sum());
            if absolute > 0.0 {
                worst = worst.max(absolute / sum.abs());
            }
        }
    }
    worst
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn relevance_is_conserved_from_the_score_to_the_pixels(
        seed in any::<u64>(), words in 1_usize..9, count in 1_usize..25,
    ) {
        let mut case = Case::new(seed);
        let training: Vec<_> = (0..TRAINING).map(|_| [case.features(7), case.features(5)]).collect();
        let features = [case.features(count), case.features(count / 2 + 1)];
        for encoders in encoders(&mut case, words) {
            let training: Vec<Bag> = training.iter().map(|features| bag(&encoders, features)).collect();
            let bag = bag(&encoders, &features);
            for model in models(&mut case, &encoders, &training, &bag.vector) {
                let found = pixel_wise_decomposition(&model, &bag).unwrap();
                let score = model.score(bag.vector.view()).unwrap();
                prop_assert!((found.score - score).abs() <= 1e-12 * score.abs().max(1.0), "{}", name(&model));
                assert_conserves(&found, &model)?;
            }
        }
    }

    #[test]
    fn the_order_of_local_features_changes_nothing(seed in any::<u64>(), words in 2_usize..9, count in 2_usize..25) {
        let mut case = Case::new(seed);
        let training: Vec<_> = (0..TRAINING).map(|_| [case.features(7), case.features(5)]).collect();
        let features = [case.features(count), case.features(count)];
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut case.random);
        let shuffled = features.clone().map(|(descriptors, areas)| {
            (descriptors.select(Axis(0), &order), order.iter().map(|&feature| areas[feature]).collect())
        });
        for encoders in encoders(&mut case, words) {
            let training: Vec<Bag> = training.iter().map(|features| bag(&encoders, features)).collect();
            let (bag, shuffled) = (bag(&encoders, &features), bag(&encoders, &shuffled));
            let condition = condition(&bag, encoders[0].pooling);
            if condition > 1e6 {
                continue; // the sum of a column is rounding: in another order, it is another
            }
            for model in models(&mut case, &encoders, &training, &bag.vector) {
                let name = name(&model);
                let one = pixel_wise_decomposition(&model, &bag).unwrap();
                let other = pixel_wise_decomposition(&model, &shuffled).unwrap();
                prop_assert!((one.score - other.score).abs() <= 1e-12 * condition, "{name}");
                let tolerance = 1e-12 * condition * one.features.iter().map(magnitude).sum::<f64>().max(1.0);
                for (one, other) in one.features.iter().zip(&other.features) {
                    for (place, &feature) in order.iter().enumerate() {
                        let difference = (one[feature] - other[place]).abs();
                        prop_assert!(difference <= tolerance, "{name}: R² of {feature} by {difference:e}");
                    }
                }
                for (one, other) in one.pixels.iter().zip(&other.pixels) {
                    prop_assert!((one - other).abs() <= tolerance, "{name}: R¹ by {:e}", one - other);
                }
            }
        }
    }
}

#[test]
fn every_mapping_power_and_kernel_takes_part() {
    let mut case = Case::new(3);
    let training: Vec<_> = (0..TRAINING).map(|_| [case.features(7), case.features(5)]).collect();
    let features = [case.features(9), case.features(4)];
    let mut names = Vec::new();
    for encoders in encoders(&mut case, 6) {
        let training: Vec<Bag> = training.iter().map(|features| bag(&encoders, features)).collect();
        let x = bag(&encoders, &features).vector;
        names.extend(models(&mut case, &encoders, &training, &x).iter().map(name));
    }
    names.dedup();
    // Signed mappings: 4 p × (linear twice, RBF); the others: 6 p × (linear twice, and each of the other kernels).
    assert_eq!(names.len(), 3 * 4 * 3 + 3 * 6 * 6, "{names:#?}");
}

#[test]
fn features_that_can_not_be_encoded_are_named() {
    let mut case = Case::new(5);
    for [encoder, _] in encoders(&mut case, 4) {
        let encode = |descriptors: Array2<f64>, areas| encoder.encode(descriptors.view(), areas).unwrap_err();
        let area = case.area();
        assert!(matches!(
            encode(Array2::zeros((2, DIMENSIONS)), vec![area]),
            Error::Areas { descriptors: 2, areas: 1 }
        ));
        assert!(encode(Array2::zeros((1, DIMENSIONS + 1)), vec![area]).to_string().contains("dimensions"));
        assert!(encode(Array2::from_elem((1, DIMENSIONS), f64::NAN), vec![area]).to_string().contains("NaN"));
        assert!(matches!(encode(Array2::zeros((0, DIMENSIONS)), vec![]), Error::Mapping(_)));
    }
}
