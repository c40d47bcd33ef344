use ndarray::{Array2, Array3};

use super::*;
use crate::{Augmentation, Layer, LayerPlan, accuracy};

const CLASSES: [u8; 7] = [0, 2, 1, 1, 0, 2, 2];

/// Pictures of 4×5 pixels, bright in the rows that belong to their class.
fn images() -> Array3<u8> {
    Array3::from_shape_fn((7, 4, 5), |(picture, row, column)| {
        let bright = if row == usize::from(CLASSES[picture]) { 180 } else { 20 };
        bright + ((picture * 13 + row * 7 + column * 3) % 40) as u8
    })
}

const PLAN: [LayerPlan; 6] = [
    LayerPlan::Noise(0.1),
    LayerPlan::Dense(6),
    LayerPlan::Tanh,
    LayerPlan::Dense(5),
    LayerPlan::Rectifier,
    LayerPlan::Dense(3),
];

const AUGMENTATION: Augmentation = Augmentation { translation: 1, salt_and_pepper: 0.05 };

fn trainer(iterations: u64, pace: Pace) -> Trainer<f64> {
    let perceptron = Perceptron::new(20, &PLAN, 5).unwrap();
    Trainer::new(perceptron, Settings { batch: 3, iterations, pace, seed: 9 }).unwrap()
}

/// Each parameter, in one order.
fn parameters(perceptron: &mut Perceptron<f64>) -> Vec<&mut f64> {
    let dense = perceptron.layers.iter_mut().filter_map(|layer| match layer {
        Layer::Dense(dense) => Some(dense),
        _ => None,
    });
    dense.flat_map(|dense| dense.weights.iter_mut().chain(dense.bias.iter_mut())).collect()
}

#[test]
fn a_step_goes_down_the_gradient_of_finite_differences() {
    let images = images();
    let pictures = Pictures::new(images.view(), &CLASSES, [-1.0, 1.0], AUGMENTATION).unwrap();
    // At rate 1 and without momentum, what a step takes away is the gradient itself.
    let before = trainer(1, Pace { start: 1.0, end: 1.0, momentum: 0.0 });
    let mut after = before.clone();
    after.step(&pictures).unwrap();
    let (mut start, mut end) = (before.perceptron.clone(), after.perceptron.clone());
    let gradient: Vec<f64> =
        parameters(&mut start).iter().zip(parameters(&mut end)).map(|(before, after)| **before - *after).collect();

    // Noise and augmentation come from the seed, so that the loss of the same batch can be asked for again.
    let loss = |position: usize, change: f64| {
        let mut changed = before.clone();
        *parameters(&mut changed.perceptron)[position] += change;
        changed.step(&pictures).unwrap()
    };
    let mut flat = 0;
    for (position, &slope) in gradient.iter().enumerate() {
        let numeric = (loss(position, 1e-5) - loss(position, -1e-5)) / 2e-5;
        assert!((slope - numeric).abs() < 1e-8, "parameter {position}: {slope} against {numeric}");
        flat += usize::from(slope == 0.0);
    }
    assert!(flat < gradient.len() / 2, "most parameters should matter");
}

#[test]
fn momentum_adds_up_steps() {
    let images = images();
    let pictures = Pictures::new(images.view(), &CLASSES, [-1.0, 1.0], Augmentation::default()).unwrap();
    let mut with = trainer(2, Pace { start: 0.1, end: 0.1, momentum: 0.5 });
    let mut start = with.perceptron.clone();
    with.step(&pictures).unwrap();
    let mut first = with.perceptron.clone();
    let mut without = with.clone();
    without.settings.pace.momentum = 0.0;
    with.step(&pictures).unwrap();
    without.step(&pictures).unwrap();
    let [start, first] = [&mut start, &mut first].map(|p| parameters(p).iter().map(|x| **x).collect::<Vec<_>>());
    let both = parameters(&mut with.perceptron).into_iter().zip(parameters(&mut without.perceptron));
    for ((start, first), (with, without)) in start.iter().zip(&first).zip(both) {
        assert!((*with - (*without + 0.5 * (first - start))).abs() < 1e-14);
    }
}

#[test]
fn stopped_and_resumed_it_comes_to_the_same_bytes() {
    let images = images();
    let pictures = Pictures::new(images.view(), &CLASSES, [-1.0, 1.0], AUGMENTATION).unwrap();
    let mut whole = trainer(12, Pace { start: 0.2, end: 0.01, momentum: 0.9 });
    let mut parts = whole.clone();
    while !whole.is_finished() {
        whole.step(&pictures).unwrap();
    }
    while !parts.is_finished() {
        parts.step(&pictures).unwrap();
        let text = toml::to_string(&parts).unwrap();
        parts = toml::from_str(&text).unwrap();
    }
    assert_eq!(parts.perceptron, whole.perceptron);
}

#[test]
fn the_same_for_any_number_of_threads() {
    let images = images();
    let pictures = Pictures::new(images.view(), &CLASSES, [-1.0, 1.0], AUGMENTATION).unwrap();
    let train = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let plan = [LayerPlan::Dense(500), LayerPlan::Tanh, LayerPlan::Dense(3)];
            let pace = Pace { start: 0.1, end: 0.0, momentum: 0.9 };
            let settings = Settings { batch: 5, iterations: 4, pace, seed: 3 };
            let mut trainer = Trainer::new(Perceptron::<f32>::new(20, &plan, 1).unwrap(), settings).unwrap();
            (0..4).for_each(|_| assert!(trainer.step(&pictures).is_ok()));
            trainer.perceptron
        })
    };
    assert_eq!(train(1), train(3));
}

#[test]
fn it_learns_and_the_network_to_explain_is_the_one_that_learned() {
    let images = images();
    let pictures = Pictures::new(images.view(), &CLASSES, [-1.0, 1.0], Augmentation::default()).unwrap();
    let mut trainer = trainer(300, Pace { start: 0.1, end: 0.0, momentum: 0.5 });
    while !trainer.is_finished() {
        trainer.step(&pictures).unwrap();
    }
    let inputs: Array2<f64> = images.mapv(|byte| f64::from(byte) / 127.5 - 1.0).into_shape_with_order((7, 20)).unwrap();
    let scores = trainer.perceptron().forward(inputs.view());
    assert_eq!(accuracy(scores.view(), &CLASSES.map(usize::from)), 1.0);
    let network = trainer.perceptron().network().unwrap();
    let forward = network.forward(vec![inputs.into_dyn()]).unwrap();
    assert!((&forward.output() - &scores).iter().all(|difference| difference.abs() < 1e-12));
}

#[test]
fn what_can_not_be_trained_is_refused() {
    let pace = Pace { start: 0.1, end: 0.0, momentum: 0.0 };
    let perceptron = || Perceptron::<f64>::new(20, &PLAN, 5).unwrap();
    let refuse = |batch: usize, pace: Pace| {
        Trainer::new(perceptron(), Settings { batch, iterations: 1, pace, seed: 0 }).unwrap_err().to_string()
    };
    assert_eq!(refuse(0, pace), "batch 0: it should be at least 1");
    assert!(refuse(1, Pace { start: f64::NAN, ..pace }).starts_with("start NaN"));
    assert!(refuse(1, Pace { momentum: 1.0, ..pace }).starts_with("momentum 1"));
    for (plan, wrong) in [
        (&[LayerPlan::Tanh][..], "layer 0"),
        (&[], "layer 0"),
        (&[LayerPlan::Dense(0), LayerPlan::Dense(1)], "0 outputs"),
        (&[LayerPlan::Noise(-1.0), LayerPlan::Dense(1)], "noise of deviation -1"),
    ] {
        let error = Perceptron::<f64>::new(3, plan, 0).unwrap_err().to_string();
        assert!(error.contains(wrong), "{error}");
    }
    let images = images();
    assert!(Pictures::new(images.view(), &CLASSES[1..], [0.0, 1.0], Augmentation::default()).is_err());
    let small = images.slice(ndarray::s![.., ..3, ..]);
    let pictures = Pictures::new(small, &CLASSES, [0.0, 1.0], Augmentation::default()).unwrap();
    let mut trainer = Trainer::new(perceptron(), Settings { batch: 1, iterations: 1, pace, seed: 0 }).unwrap();
    assert!(trainer.step(&pictures).unwrap_err().to_string().contains("15 pixels"));
}
