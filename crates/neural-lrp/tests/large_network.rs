//! A network of VGG16's size: kernels of single precision beside the mechanism in double precision, through sixteen layers
//! of up to 4,608 products to a sum.

use std::sync::Arc;

use ndarray::ArrayD;
use neural_lrp::operation::OperatorSpec;
use neural_lrp::{Composite, Explained, Explainer, Initial, Network, NetworkBuilder, Real, Target, operations};
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Channels of the convolutions; 0 is a pool.
const LAYERS: [usize; 18] = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0];

/// Fewer hidden units than VGG16's 4,096: its first dense layer alone takes 100 million weights.
const DENSE: [usize; 3] = [512, 512, 1000];

/// How far a map of single precision may be from that of double precision, as root mean square of the difference by that of
/// the map. What ε hands down cancels in a network of random weights: it has two digits less in any program.
const TOLERANCES: [(&str, f64); 3] = [("epsilon=1e-6", 5e-3), ("epsilon-plus", 1e-4), ("epsilon-alpha2-beta1", 2e-4)];

fn numbers<F: Real>(random: &mut Xoshiro256PlusPlus, shape: &[usize], deviation: f32) -> ArrayD<F> {
    // Numbers that both precisions hold.
    let normal = StandardNormal;
    ArrayD::from_shape_simple_fn(shape, || {
        let number: f32 = normal.sample(random);
        F::of(f64::from(deviation * number))
    })
}

fn network<F: Real>() -> Network<F> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(16);
    let mut network = NetworkBuilder::new();
    network.input("x", [None, Some(3), Some(224), Some(224)]).output("scores");
    let mut from = "x".to_owned();
    let mut add = |spec: OperatorSpec<F>, name: String| {
        network.node(&name, operations::read(&spec).unwrap().operation, [from.as_str()], &name);
        from = name;
    };
    let mut channels = 3;
    for (place, outputs) in LAYERS.into_iter().enumerate() {
        if outputs == 0 {
            let pool = OperatorSpec::new("MaxPool", 1).with_integers("kernel_shape", [2, 2]);
            add(pool.with_integers("strides", [2, 2]), format!("pool {place}"));
            continue;
        }
        let weights = numbers(&mut random, &[outputs, channels, 3, 3], (2.0 / (9.0 * channels as f32)).sqrt());
        let bias = numbers(&mut random, &[outputs], 0.05);
        let convolution = OperatorSpec::new("Conv", 1).with_integers("pads", [1; 4]);
        add(convolution.with_constant(Arc::new(weights)).with_constant(Arc::new(bias)), format!("z {place}"));
        add(OperatorSpec::new("Relu", 1), format!("a {place}"));
        channels = outputs;
    }
    add(OperatorSpec::new("Flatten", 1), "features".into());
    let mut inputs = channels * 7 * 7;
    for (place, outputs) in DENSE.into_iter().enumerate() {
        let weights = numbers(&mut random, &[outputs, inputs], (2.0 / inputs as f32).sqrt());
        let bias = numbers(&mut random, &[outputs], 0.05);
        let dense = OperatorSpec::new("Gemm", 1).with_integer("transB", 1);
        let dense = dense.with_constant(Arc::new(weights)).with_constant(Arc::new(bias));
        let is_last = place + 1 == DENSE.len();
        add(dense, if is_last { "scores".into() } else { format!("dense {place}") });
        if !is_last {
            add(OperatorSpec::new("Relu", 1), format!("hidden {place}"));
        }
        inputs = outputs;
    }
    network.build().unwrap()
}

/// The scores of one image, and its explanations by all rules.
fn explained<F: Real>() -> (ArrayD<F>, Vec<Explained<F>>) {
    let explainer = Explainer::new(&network::<F>()).unwrap();
    let image = numbers(&mut Xoshiro256PlusPlus::seed_from_u64(1), &[1, 3, 224, 224], 1.0);
    let forward = explainer.forward(image.view()).unwrap();
    let explain = |(rule, _): (&str, f64)| {
        let composite = Composite::named(rule).unwrap_or_else(|_| Composite::uniform(rule.parse().unwrap()));
        forward.explain(&composite, &Initial::Score(Target::Class(7)).into()).unwrap()
    };
    (forward.scores(), TOLERANCES.map(explain).into())
}

/// `‖a − b‖ / ‖b‖`
fn error(a: &ArrayD<f32>, b: &ArrayD<f64>) -> f64 {
    let squares = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>();
    let difference = squares(&mut a.iter().zip(b).map(|(&a, b)| f64::from(a) - b));
    (difference / squares(&mut b.iter().copied())).sqrt()
}

#[test]
fn single_precision_gives_the_map_of_double_precision() {
    let (scores, single) = explained::<f32>();
    let (exact_scores, exact) = explained::<f64>();
    let off = error(&scores, &exact_scores);
    assert!(off < 5e-6, "scores are off by {off:.1e}");
    for ((single, exact), (rule, tolerance)) in single.iter().zip(&exact).zip(TOLERANCES) {
        let off = error(&single.relevance[0], &exact.relevance[0]);
        assert!(off < tolerance, "{rule}: the map is off by {off:.1e}");
        single.ledgers[0].check(1e-5).unwrap();
        exact.ledgers[0].check(1e-10).unwrap();
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let by_threads = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(explained::<f32>).1
    };
    let [one, three] = [1, 3].map(by_threads);
    for (one, three) in one.iter().zip(&three) {
        assert!(one.relevance[0].iter().map(|r| r.to_bits()).eq(three.relevance[0].iter().map(|r| r.to_bits())));
    }
}
