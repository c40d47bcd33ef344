use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

use super::*;
use crate::rows::Zero;
use crate::twin::{Case, Sum, cases, depthwise_cases, random, winograd_cases};

fn positive(weights: &[f32], to: &mut [f32]) {
    to.iter_mut().zip(weights).for_each(|(to, weight)| *to = weight.max(0.0));
}

fn shifted(weights: &[f32], to: &mut [f32]) {
    to.iter_mut().zip(weights).for_each(|(to, weight)| *to = 1.0 - weight);
}

fn part_of(part: fn(&[f32], &mut [f32]), weights: &[f32]) -> Vec<f32> {
    let mut to = vec![0.0; weights.len()];
    part(weights, &mut to);
    to
}

fn taken(take: Take, values: &[f32]) -> Vec<f32> {
    let of = |&x: &f32| match take {
        Take::All => x,
        Take::Positive => x.max(0.0),
        Take::Negative => x.min(0.0),
        Take::Magnitude => x.abs(),
    };
    values.iter().map(of).collect()
}

fn whole(values: &[f32]) -> Stream<'_> {
    Stream { values, take: Take::All, part: None }
}

fn amount(values: impl IntoIterator<Item = f64>) -> Amount {
    let mut amount = Amount::default();
    for value in values {
        amount += Amount { total: value, magnitude: value.abs() };
    }
    amount
}

/// Whether two amounts are the same but for rounding of the numbers summed.
fn near(got: Amount, want: Amount, unit: f64) -> bool {
    (got.total - want.total).abs() <= 1e-5 * unit && (got.magnitude - want.magnitude).abs() <= 1e-5 * unit
}

/// All that a convolution of each method makes of an array, and of one like the output.
fn both_ways(convolution: &Convolution, packed: &Packed, case: &Case) -> [Vec<f32>; 2] {
    let (input, upper) = (random(case.seed, case.inputs()), random(case.seed ^ 2, case.outputs()));
    let (mut output, mut lower) = (vec![f32::NAN; upper.len()], vec![f32::NAN; input.len()]);
    let Case { batch, size, .. } = *case;
    convolution.over(packed, batch, size).forward(&[whole(&input)], Epilogue::default(), &mut output);
    convolution.over(packed, batch, size).transposed(&[whole(&upper)], Lower::default(), &mut lower);
    [output, lower]
}

proptest! {
    #[test]
    fn weights_serve_any_stride_dilation_and_padding(
        case in prop_oneof![2 => cases(), 1 => depthwise_cases(), 1 => winograd_cases()],
        padding in prop::array::uniform2(prop::array::uniform2(0usize..4)),
        stride in prop::array::uniform2(1usize..4),
    ) {
        let elsewhere = Convolution::new(Shape { padding, stride, ..case.shape }).unwrap().pack(&case.weights());
        for method in [Method::Direct, Method::TwoByTwo, Method::FourByFour] {
            let convolution = Convolution::new(case.shape).unwrap().with_method(method);
            let own = convolution.pack(&case.weights());
            let [found, expected] = [&elsewhere, &own].map(|packed| both_ways(&convolution, packed, &case));
            prop_assert_eq!(found, expected);
        }
    }
}

proptest! {
    #[test]
    fn forward_is_the_formula(case in prop_oneof![2 => cases(), 1 => depthwise_cases()]) {
        let weights = case.weights();
        let input = random(case.seed ^ 2, case.inputs());
        let bias = random(case.seed ^ 3, case.shape.outputs);
        let residual = random(case.seed ^ 4, case.outputs());
        let mut want = vec![Sum::default(); case.outputs()];
        case.forward(&weights, &input, &mut want);
        for (at, want) in want.iter_mut().enumerate() {
            want.add(f64::from(bias[at % case.shape.outputs]));
            want.add(f64::from(residual[at]));
            want.value = want.value.clamp(-0.5, 2.0);
        }
        for set in Instructions::available() {
            let convolution = Convolution::by(case.shape, set).unwrap();
            let packed = convolution.pack(&weights);
            let mut got = vec![f32::NAN; case.outputs()];
            let epilogue = Epilogue { bias: Some(&bias), residual: Some(&residual), clip: Some([-0.5, 2.0]) };
            convolution.over(&packed, case.batch, case.size).forward(&[whole(&input)], epilogue, &mut got);
            let new = convolution.over(&packed, case.batch, case.size).forward_new(&[whole(&input)], epilogue);
            prop_assert_eq!(&new, &got);
            for (at, (&got, want)) in got.iter().zip(&want).enumerate() {
                prop_assert!(want.is(got), "{set} {at}: {got} for {want:?}");
            }
        }
    }

    #[test]
    fn streams_are_added(case in prop_oneof![2 => cases(), 1 => depthwise_cases()]) {
        let weights = case.weights();
        let input = random(case.seed ^ 2, case.inputs());
        let other = random(case.seed ^ 3, case.inputs());
        let mut want = vec![Sum::default(); case.outputs()];
        case.forward(&part_of(positive, &weights), &taken(Take::Positive, &input), &mut want);
        case.forward(&part_of(shifted, &weights), &taken(Take::Magnitude, &other), &mut want);
        case.forward(&weights, &taken(Take::Negative, &input), &mut want);
        for set in Instructions::available() {
            let convolution = Convolution::by(case.shape, set).unwrap();
            let packed = convolution.pack(&weights);
            let mut got = vec![f32::NAN; case.outputs()];
            let streams = [
                Stream { values: &input, take: Take::Positive, part: Some(&positive) },
                Stream { values: &other, take: Take::Magnitude, part: Some(&shifted) },
                Stream { values: &input, take: Take::Negative, part: None },
            ];
            convolution.over(&packed, case.batch, case.size).forward(&streams, Epilogue::default(), &mut got);
            for (at, (&got, want)) in got.iter().zip(&want).enumerate() {
                prop_assert!(want.is(got), "{set} {at}: {got} for {want:?}");
            }
        }
    }

    #[test]
    fn transposed_is_the_formula(case in prop_oneof![2 => cases(), 1 => depthwise_cases()]) {
        let weights = case.weights();
        let upper = random(case.seed ^ 2, case.outputs());
        let other = random(case.seed ^ 3, case.outputs());
        let input = random(case.seed ^ 4, case.inputs());
        let mut sums = vec![Sum::default(); case.inputs()];
        case.transposed(&part_of(shifted, &weights), &upper, &mut sums);
        case.transposed(&weights, &other, &mut sums);
        let times = taken(Take::Positive, &input);
        let want: Vec<Sum> = sums
            .iter()
            .zip(&times)
            .map(|(sum, &a)| Sum { value: sum.value * f64::from(a), magnitude: sum.magnitude * f64::from(a) })
            .collect();
        for set in Instructions::available() {
            let convolution = Convolution::by(case.shape, set).unwrap();
            let packed = convolution.pack(&weights);
            let streams =
                [Stream { values: &upper, take: Take::All, part: Some(&shifted) }, whole(&other)];
            let mut got = vec![f32::NAN; case.inputs()];
            let lower = Lower { times: Some((&input, Take::Positive)), onto: false };
            let amounts = convolution.over(&packed, case.batch, case.size).transposed(&streams, lower, &mut got);
            for (at, (&got, want)) in got.iter().zip(&want).enumerate() {
                prop_assert!(want.is(got), "{set} {at}: {got} for {want:?}");
            }
            let per_sample = want.len() / case.batch;
            for (sample, &amount_got) in amounts.iter().enumerate() {
                let want = &want[sample * per_sample..][..per_sample];
                let unit = want.iter().map(|sum| sum.magnitude).sum::<f64>();
                prop_assert!(near(amount_got, amount(want.iter().map(|sum| sum.value)), unit + 1e-20), "{set}");
            }
            let once = got.clone();
            let lower = Lower { onto: true, ..lower };
            let again = convolution.over(&packed, case.batch, case.size).transposed(&streams, lower, &mut got);
            prop_assert_eq!(again, amounts);
            for (&twice, &once) in got.iter().zip(&once) {
                prop_assert_eq!(twice, once + once);
            }
        }
    }

    #[test]
    fn quotients_are_the_formula_and_their_books_balance(case in prop_oneof![2 => cases(), 1 => depthwise_cases()], epsilon in prop_oneof![Just(0.0), Just(0.25)], by_denominator: bool) {
        let weights = case.weights();
        let relevance = random(case.seed ^ 2, case.outputs());
        let denominator = random(case.seed ^ 3, case.outputs());
        let bias = random(case.seed ^ 4, case.shape.outputs);
        let zero = if by_denominator { Zero::Denominator } else { Zero::Stabilized };
        let quotient = Quotient { relevance: &relevance, denominator: &denominator, bias: Some(&bias), factor: -1.5, epsilon, zero, without: None };
        let addition = |z: f32| f64::from(if z < 0.0 { -epsilon } else { epsilon });
        let absent = |z: f32| if by_denominator { z == 0.0 } else { f64::from(z) + addition(z) == 0.0 };
        let share = |at: usize| -1.5 * f64::from(relevance[at]);
        let s: Vec<f64> = (0..case.outputs())
            .map(|at| if absent(denominator[at]) { 0.0 } else { share(at) / (f64::from(denominator[at]) + addition(denominator[at])) })
            .collect();
        let narrow: Vec<f32> = s.iter().map(|&s| s as f32).collect();
        let mut want = vec![Sum::default(); case.inputs()];
        case.transposed(&part_of(positive, &weights), &narrow, &mut want);
        case.transposed(&weights, &narrow, &mut want);
        let per_sample = case.outputs() / case.batch;
        for set in Instructions::available() {
            let convolution = Convolution::by(case.shape, set).unwrap();
            let packed = convolution.pack(&weights);
            let streams = [
                QuotientStream { quotient, part: Some(&positive) },
                QuotientStream { quotient: Quotient { bias: None, ..quotient }, part: None },
            ];
            let mut got = vec![f32::NAN; case.inputs()];
            let sums = convolution.over(&packed, case.batch, case.size).quotient_transposed(&streams, Lower::default(), &mut got);
            let (quotients, parts) = (streams.map(|stream| stream.quotient), streams.map(|stream| stream.part));
            let product = LowerProduct { parts: &parts, times: None };
            let (new, sums_of_new) =
                convolution.over(&packed, case.batch, case.size).quotients_transposed_new(&quotients, &[product]);
            prop_assert_eq!((&new, &sums_of_new), (&got, &sums));
            for (at, (&got, want)) in got.iter().zip(&want).enumerate() {
                prop_assert!(want.is(got), "{set} {at}: {got} for {want:?}");
            }
            for (sample, sums) in sums.iter().enumerate() {
                let places = || sample * per_sample..(sample + 1) * per_sample;
                let unit = places().map(|at| s[at].abs() + share(at).abs()).sum::<f64>() + 1e-20;
                let [booked, unbiased] = [sums.booked[0], sums.booked[1]];
                let b = |at: usize| f64::from(bias[at % case.shape.outputs]);
                prop_assert!(near(booked.upper, amount(places().map(|at| f64::from(relevance[at]))), unit));
                prop_assert!(near(booked.bias, amount(places().map(|at| s[at] * b(at))), unit));
                prop_assert!(near(booked.stabilizer, amount(places().map(|at| s[at] * addition(denominator[at]))), unit));
                prop_assert!(near(booked.zero, amount(places().filter(|&at| absent(denominator[at])).map(share)), unit));
                prop_assert_eq!(Booked { bias: Amount::default(), ..booked }, unbiased);
                let lower = places_of(&want, sample, case.batch);
                let unit = lower.iter().map(|sum| sum.magnitude).sum::<f64>() + 1e-20;
                prop_assert!(near(sums.lower, amount(lower.iter().map(|sum| sum.value)), unit));
            }
        }
    }

    #[test]
    fn products_of_quotients_are_their_sum(
        case in prop_oneof![3 => cases(), 2 => depthwise_cases(), 2 => winograd_cases()], fast: bool, onto: bool,
    ) {
        let weights = case.weights();
        let [relevance, first, second] = [2, 3, 4].map(|seed| random(case.seed ^ seed, case.outputs()));
        let [input, before] = [5, 6].map(|seed| random(case.seed ^ seed, case.inputs()));
        let quotient = |denominator| Quotient {
            relevance: &relevance, denominator, without: None, bias: None, factor: 1.0, epsilon: 0.25, zero: Zero::Stabilized,
        };
        let quotients = [quotient(&first), quotient(&second)];
        let parts: [[Option<&WeightPart>; 2]; 2] = [[Some(&positive), Some(&shifted)], [Some(&shifted), None]];
        let takes = [Take::Positive, Take::Negative];
        let products = [0, 1].map(|i| LowerProduct { parts: &parts[i], times: Some((&input, takes[i])) });
        for set in Instructions::available() {
            let method = if fast { Method::FourByFour } else { Method::Direct };
            let convolution = Convolution::by(case.shape, set).unwrap().with_method(method);
            let packed = convolution.pack(&weights);
            let (mut got, mut want) = (before.clone(), before.clone());
            let sums = convolution.over(&packed, case.batch, case.size).quotients_transposed(&quotients, &products, onto, &mut got);
            let apart = [0, 1].map(|i| {
                let streams = [0, 1].map(|q| QuotientStream { quotient: quotients[q], part: parts[i][q] });
                let lower = Lower { times: products[i].times, onto: onto || i > 0 };
                convolution.over(&packed, case.batch, case.size).quotient_transposed(&streams, lower, &mut want)
            });
            prop_assert_eq!(&got, &want, "{}", set);
            for (sample, sums) in sums.iter().enumerate() {
                let [one, other] = [&apart[0][sample], &apart[1][sample]];
                prop_assert_eq!(&sums.booked, &one.booked);
                let mut both = one.lower;
                both += other.lower;
                prop_assert!(near(sums.lower, both, both.magnitude + 1e-20));
            }
        }
    }

    #[test]
    fn what_is_left_of_a_denominator_is_its_negative_part(case in cases()) {
        let weights = case.weights();
        let [relevance, whole, positive] = [2, 3, 4].map(|seed| random(case.seed ^ seed, case.outputs()));
        let left: Vec<f32> = whole.iter().zip(&positive).map(|(z, p)| (z - p).min(0.0)).collect();
        let convolution = Convolution::new(case.shape).unwrap();
        let packed = convolution.pack(&weights);
        let step = |denominator, without| {
            let quotient =
                Quotient { relevance: &relevance, denominator, without, bias: None, factor: 1.0, epsilon: 0.0, zero: Zero::Denominator };
            let mut lower = vec![f32::NAN; case.inputs()];
            let streams = [QuotientStream { quotient, part: None }];
            let sums = convolution.over(&packed, case.batch, case.size).quotient_transposed(&streams, Lower::default(), &mut lower);
            (lower, sums)
        };
        prop_assert_eq!(step(&whole, Some(&positive)), step(&left, None));
    }

    #[test]
    fn methods_are_the_same_formula(case in winograd_cases()) {
        let weights = case.weights();
        let input = random(case.seed ^ 2, case.inputs());
        let upper = random(case.seed ^ 3, case.outputs());
        let bias = random(case.seed ^ 4, case.shape.outputs);
        let mut wanted_upper = vec![Sum::default(); case.outputs()];
        case.forward(&part_of(positive, &weights), &input, &mut wanted_upper);
        wanted_upper.iter_mut().enumerate().for_each(|(at, sum)| sum.add(f64::from(bias[at % bias.len()])));
        let mut wanted_lower = vec![Sum::default(); case.inputs()];
        case.transposed(&weights, &upper, &mut wanted_lower);
        case.transposed(&part_of(shifted, &weights), &taken(Take::Positive, &upper), &mut wanted_lower);
        // A tile's terms are added and taken away again: errors are in units of the largest of them.
        let unit = |sums: &[Sum]| sums.iter().map(|sum| sum.magnitude).fold(1.0, f64::max);
        let units = [unit(&wanted_upper), unit(&wanted_lower)];
        for (set, method) in Instructions::available().into_iter().flat_map(|set| [(set, Method::TwoByTwo), (set, Method::FourByFour)]) {
            let convolution = Convolution::by(case.shape, set).unwrap().with_method(method);
            prop_assert_eq!(convolution.method(), method);
            // The transformations of F(4 × 4) have factors up to 8 and 5, on both axes: a digit is lost.
            let tolerance = if method == Method::TwoByTwo { 4e-6 } else { 4e-5 };
            let packed = convolution.pack(&weights);
            let mut got = vec![f32::NAN; case.outputs()];
            let streams = [Stream { values: &input, take: Take::All, part: Some(&positive) }];
            let epilogue = Epilogue { bias: Some(&bias), ..Epilogue::default() };
            convolution.over(&packed, case.batch, case.size).forward(&streams, epilogue, &mut got);
            for (&got, want) in got.iter().zip(&wanted_upper) {
                prop_assert!((f64::from(got) - want.value).abs() <= tolerance * units[0], "{set} {method:?}: {got} for {want:?}");
            }
            let mut got = vec![f32::NAN; case.inputs()];
            let streams = [whole(&upper), Stream { values: &upper, take: Take::Positive, part: Some(&shifted) }];
            let amounts = convolution.over(&packed, case.batch, case.size).transposed(&streams, Lower::default(), &mut got);
            for (&got, want) in got.iter().zip(&wanted_lower) {
                prop_assert!((f64::from(got) - want.value).abs() <= tolerance * units[1], "{set} {method:?}: {got} for {want:?}");
            }
            let summed = amount(got.iter().map(|&x| f64::from(x)));
            let total = amounts.iter().fold(Amount::default(), |mut sum, &amount| { sum += amount; sum });
            prop_assert!(near(total, summed, summed.magnitude + 1e-20));
        }
    }

    #[test]
    fn winograd_books_what_the_direct_way_books(case in winograd_cases()) {
        let weights = case.weights();
        let [relevance, denominator] = [3, 4].map(|seed| random(case.seed ^ seed, case.outputs()));
        let quotient = Quotient { relevance: &relevance, denominator: &denominator, bias: None, factor: 1.0, epsilon: 0.1, zero: Zero::Stabilized, without: None };
        let convolution = Convolution::new(case.shape).unwrap();
        let packed = convolution.pack(&weights);
        let streams = [QuotientStream { quotient, part: None }];
        let mut lower = vec![0.0; case.inputs()];
        let mut booked = |method| {
            let convolution = convolution.clone().with_method(method);
            convolution.over(&packed, case.batch, case.size).quotient_transposed(&streams, Lower::default(), &mut lower)
        };
        let [direct, other] = [Method::Direct, Method::TwoByTwo].map(&mut booked);
        for (direct, other) in direct.iter().zip(&other) {
            let unit = direct.booked[0].upper.magnitude * 10.0 + 1e-20;
            prop_assert!(near(other.booked[0].upper, direct.booked[0].upper, unit));
            prop_assert!(near(other.booked[0].stabilizer, direct.booked[0].stabilizer, unit));
        }
    }

    #[test]
    fn turned_convolutions_go_the_other_way(case in prop_oneof![3 => cases(), 1 => depthwise_cases(), 1 => winograd_cases()], winograd: bool) {
        let weights = case.weights();
        let input = random(case.seed ^ 2, case.outputs());
        let bias = random(case.seed ^ 3, case.shape.inputs);
        let mut wanted = vec![Sum::default(); case.inputs()];
        case.transposed(&weights, &input, &mut wanted);
        wanted.iter_mut().enumerate().for_each(|(at, sum)| sum.add(f64::from(bias[at % bias.len()])));
        let [relevance, denominator] = [4, 5].map(|seed| random(case.seed ^ seed, case.inputs()));
        let s: Vec<f32> = relevance.iter().zip(&denominator).map(|(r, z)| r / (z + if *z < 0.0 { -0.5 } else { 0.5 })).collect();
        let mut lower = vec![Sum::default(); case.outputs()];
        case.forward(&part_of(positive, &weights), &s, &mut lower);
        let unit = |sums: &[Sum]| sums.iter().map(|sum| sum.magnitude).fold(1.0, f64::max);
        let units = [unit(&wanted), unit(&lower)];
        for set in Instructions::available() {
            let method = if winograd { Method::TwoByTwo } else { Method::Direct };
            let convolution = Convolution::by(case.shape, set).unwrap().with_method(method).turned();
            let packed = convolution.pack(&weights);
            let mut got = vec![f32::NAN; case.inputs()];
            let epilogue = Epilogue { bias: Some(&bias), ..Epilogue::default() };
            convolution.over(&packed, case.batch, case.size).forward(&[whole(&input)], epilogue, &mut got);
            for (&got, want) in got.iter().zip(&wanted) {
                prop_assert!((f64::from(got) - want.value).abs() <= 4e-6 * units[0], "{set}: {got} for {want:?}");
            }
            let quotient = Quotient { relevance: &relevance, denominator: &denominator, without: None, bias: Some(&bias), factor: 1.0, epsilon: 0.5, zero: Zero::Stabilized };
            let streams = [QuotientStream { quotient, part: Some(&positive) }];
            let mut got = vec![f32::NAN; case.outputs()];
            let sums = convolution.over(&packed, case.batch, case.size).quotient_transposed(&streams, Lower::default(), &mut got);
            for (&got, want) in got.iter().zip(&lower) {
                prop_assert!((f64::from(got) - want.value).abs() <= 4e-6 * units[1], "{set}: {got} for {want:?}");
            }
            for (sample, sums) in sums.iter().enumerate() {
                let wanted = amount(places_of(&relevance, sample, case.batch).iter().map(|&r| f64::from(r)));
                prop_assert!(near(sums.booked[0].upper, wanted, wanted.magnitude + 1e-20), "{set}");
            }
        }
    }

    #[test]
    fn samples_do_not_meet(case in prop_oneof![2 => cases(), 1 => depthwise_cases()]) {
        let weights = case.weights();
        let input = random(case.seed ^ 2, case.inputs());
        let convolution = Convolution::new(case.shape).unwrap();
        let packed = convolution.pack(&weights);
        let mut together = vec![f32::NAN; case.outputs()];
        convolution.over(&packed, case.batch, case.size).forward(&[whole(&input)], Epilogue::default(), &mut together);
        for sample in 0..case.batch {
            let single = Case { batch: 1, ..case };
            let mut alone = vec![f32::NAN; single.outputs()];
            let values = places_of(&input, sample, case.batch);
            convolution.over(&packed, 1, case.size).forward(&[whole(values)], Epilogue::default(), &mut alone);
            prop_assert_eq!(&alone, places_of(&together, sample, case.batch));
        }
    }
}

fn places_of<T>(values: &[T], sample: usize, batch: usize) -> &[T] {
    let length = values.len() / batch;
    &values[sample * length..(sample + 1) * length]
}

/// A layer that makes several strips of several panels, and several blocks of products.
fn large() -> Case {
    let shape = Shape { padding: [[1; 2]; 2], ..Shape::plain(70, 80, [3, 3]) };
    Case { shape, batch: 2, size: [60, 56], seed: 7 }
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let cases = [large(), Case { size: [7, 7], ..large() }, Case { size: [3, 3], batch: 5, ..large() }];
    let methods = [Method::Direct, Method::TwoByTwo, Method::FourByFour];
    for (case, method) in cases.into_iter().flat_map(|case| methods.map(|method| (case, method))) {
        let weights = case.weights();
        let [input, relevance] = [random(1, case.inputs()), random(2, case.outputs())];
        let results: Vec<_> = [1, 2, 3]
            .into_iter()
            .map(|threads| {
                let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let convolution = Convolution::new(case.shape).unwrap().with_method(method);
                    let packed = convolution.pack(&weights);
                    let mut upper = vec![0.0; case.outputs()];
                    convolution.over(&packed, case.batch, case.size).forward(
                        &[whole(&input)],
                        Epilogue::default(),
                        &mut upper,
                    );
                    let mut lower = vec![0.0; case.inputs()];
                    let quotient = Quotient {
                        relevance: &relevance,
                        denominator: &upper,
                        without: None,
                        bias: None,
                        factor: 1.0,
                        epsilon: 0.1,
                        zero: Zero::Stabilized,
                    };
                    let streams = [QuotientStream { quotient, part: Some(&positive) }];
                    let times = Lower { times: Some((&input, Take::All)), onto: false };
                    let sums = convolution
                        .over(&packed, case.batch, case.size)
                        .quotient_transposed(&streams, times, &mut lower);
                    (upper, lower, sums)
                })
            })
            .collect();
        assert!(results[0] == results[1] && results[0] == results[2]);
    }
}

#[test]
fn sums_of_positive_products_are_as_exact_by_fewer() {
    let shape = Shape { padding: [[1; 2]; 2], ..Shape::plain(96, 24, [3, 3]) };
    let case = Case { shape, batch: 1, size: [12, 12], seed: 5 };
    let magnitudes = |values: Vec<f32>| -> Vec<f32> { values.into_iter().map(f32::abs).collect() };
    let [weights, input, upper] = [case.weights(), random(1, case.inputs()), random(2, case.outputs())].map(magnitudes);
    let (mut output, mut lower) = (vec![Sum::default(); upper.len()], vec![Sum::default(); input.len()]);
    case.forward(&weights, &input, &mut output);
    case.transposed(&weights, &upper, &mut lower);
    for set in Instructions::available() {
        let convolution = Convolution::by(shape, set).unwrap().with_method(Method::FourByFour);
        let packed = convolution.pack(&weights);
        let (mut up, mut down) = (vec![f32::NAN; upper.len()], vec![f32::NAN; input.len()]);
        convolution.over(&packed, 1, case.size).forward(&[whole(&input)], Epilogue::default(), &mut up);
        convolution.over(&packed, 1, case.size).transposed(&[whole(&upper)], Lower::default(), &mut down);
        for (got, want) in up.iter().zip(&output).chain(down.iter().zip(&lower)) {
            let error = (f64::from(*got) - want.value).abs();
            assert!(error <= 2e-6 * want.value, "{set}: {got} for {want:?}");
        }
    }
}

#[test]
fn large_layers_are_the_formula() {
    let case = Case { batch: 1, ..large() };
    let (weights, input) = (case.weights(), random(1, case.inputs()));
    let convolution = Convolution::new(case.shape).unwrap();
    let packed = convolution.pack(&weights);
    let mut got = vec![0.0; case.outputs()];
    convolution.over(&packed, 1, case.size).forward(&[whole(&input)], Epilogue::default(), &mut got);
    // Some rows of outputs, and the places next to where strips are cut: all rows at three columns.
    for row in 0..case.size[0] {
        for column in [0_usize, 30, 55] {
            for o in [0, 63, 64, 79] {
                let mut sum = Sum::default();
                for (p, q) in (0..3).flat_map(|p| (0..3).map(move |q| (p, q))) {
                    let (y, x) = ((row + p).wrapping_sub(1), (column + q).wrapping_sub(1));
                    for c in (0..70).filter(|_| y < 60 && x < 56) {
                        let weight = weights[((o * 70 + c) * 3 + p) * 3 + q];
                        sum.add(f64::from(weight) * f64::from(input[(y * 56 + x) * 70 + c]));
                    }
                }
                let got = got[(row * 56 + column) * 80 + o];
                assert!(sum.is(got), "{row} {column} {o}: {got} for {sum:?}");
            }
        }
    }
}

#[test]
fn what_is_not_finite_stays_so() {
    let shape = Shape { padding: [[1; 2]; 2], ..Shape::plain(3, 20, [3, 3]) };
    for set in Instructions::available() {
        let convolution = Convolution::by(shape, set).unwrap();
        let packed = convolution.pack(&random(1, 3 * 20 * 9));
        let mut input = random(2, 6 * 6 * 3);
        input[(2 * 6 + 2) * 3] = f32::NAN;
        input[(5 * 6 + 5) * 3 + 1] = f32::INFINITY;
        let mut output = vec![0.0; 6 * 6 * 20];
        let epilogue = Epilogue { clip: Some([0.0, f32::INFINITY]), ..Epilogue::default() };
        convolution.over(&packed, 1, [6, 6]).forward(&[whole(&input)], epilogue, &mut output);
        assert!(output[(3 * 6 + 3) * 20..][..20].iter().all(|x| x.is_nan()), "{set}");
        assert!(output[(4 * 6 + 4) * 20..][..20].iter().any(|x| !x.is_finite()), "{set}");
    }
}

#[test]
#[should_panic(expected = "numbers of the output")]
fn lengths_are_checked() {
    let convolution = Convolution::new(Shape::plain(2, 2, [1, 1])).unwrap();
    let packed = convolution.pack(&[1.0; 4]);
    convolution.over(&packed, 1, [1, 1]).forward(&[whole(&[1.0; 2])], Epilogue::default(), &mut [0.0; 3]);
}
