//! Proportional redistribution (Eqs 8, 13–16, 59): what must hold for any contributions and any relevance.

use ndarray::{Array1, Array2, Axis, array};
use proptest::collection::vec;
use proptest::prelude::*;
use relevance::{
    Amount, Error, Sink, Stabilizer, check_collected, check_handed_down, check_layers, messages, quotients,
    redistribute,
};

const TOLERANCE: f64 = 1e-12;

/// Contributions `z_ik`, (lower, upper), and relevance `R_k`, of numbers from the two strategies.
fn layers(
    contribution: impl Strategy<Value = f64> + Clone,
    relevance: impl Strategy<Value = f64> + Clone,
) -> impl Strategy<Value = (Array2<f64>, Array1<f64>)> {
    (1_usize..9, 1_usize..9).prop_flat_map(move |(lower, upper)| {
        let contributions = vec(contribution.clone(), lower * upper)
            .prop_map(move |values| Array2::from_shape_vec((lower, upper), values).expect("lower × upper"));
        (contributions, vec(relevance.clone(), upper).prop_map(Array1::from))
    })
}

/// Of either sign, and 0 where there is no connection.
fn signed() -> impl Strategy<Value = f64> + Clone {
    prop_oneof![4 => -2.0..2.0, 1 => Just(0.0)]
}

/// Small whole numbers: their sums are exact, and often exactly zero.
fn whole() -> impl Strategy<Value = f64> + Clone {
    (-3_i8..4).prop_map(f64::from)
}

fn stabilizers() -> impl Strategy<Value = Stabilizer> {
    prop_oneof![Just(0.0), Just(1e-9), Just(0.01), Just(100.0)]
        .prop_map(|epsilon| Stabilizer::new(epsilon).expect("finite and not negative"))
}

/// `Σ_ik |R_{i←k}|`: what roundings are to be compared with.
fn magnitude(messages: &Array2<f64>) -> f64 {
    messages.iter().map(|message| message.abs()).sum()
}

/// A permutation of `0..length`.
fn permutation(length: usize) -> impl Strategy<Value = Vec<usize>> {
    Just((0..length).collect::<Vec<_>>()).prop_shuffle()
}

proptest! {
    #[test]
    fn whatever_comes_in_leaves_below_or_into_a_sink(
        (contributions, relevance) in layers(signed(), -3.0..3.0), stabilizer in stabilizers()
    ) {
        let (_, entry) = redistribute(contributions.view(), relevance.view(), stabilizer).expect("finite");
        let messages = messages(contributions.view(), relevance.view(), stabilizer).expect("finite");
        let moved = magnitude(&messages) + entry.sunk().magnitude;
        prop_assert!(entry.imbalance().abs() <= TOLERANCE * moved, "{entry:?}");
    }

    #[test]
    fn the_relative_error_is_a_rounding_where_nothing_cancels(
        (contributions, relevance) in layers(0.0..2.0, 0.0..3.0), stabilizer in stabilizers()
    ) {
        let (lower, entry) = redistribute(contributions.view(), relevance.view(), stabilizer).expect("finite");
        prop_assert!(entry.relative_error() <= TOLERANCE, "{entry:?}");
        prop_assert!(lower.iter().all(|&relevance| relevance >= 0.0));
        if stabilizer == Stabilizer::NONE {
            prop_assert_eq!(entry.sink(Sink::Stabilizer).total, 0.0);
            if entry.sink(Sink::ZeroDenominator).magnitude == 0.0 {
                check_layers(&[relevance.view(), lower.view()], TOLERANCE).expect("Eq. 2");
            }
        }
    }

    #[test]
    fn columns_that_sum_to_exactly_zero_are_booked(
        (contributions, relevance) in layers(whole(), whole())
    ) {
        let (_, entry) = redistribute(contributions.view(), relevance.view(), Stabilizer::NONE).expect("finite");
        let stuck: Amount = contributions
            .axis_iter(Axis(1))
            .zip(&relevance)
            .filter(|(column, _)| column.sum() == 0.0)
            .map(|(_, &relevance)| relevance)
            .collect();
        prop_assert_eq!(entry.sink(Sink::ZeroDenominator), stuck);
    }

    #[test]
    fn messages_add_up_to_what_each_neuron_owns(
        (contributions, relevance) in layers(signed(), -3.0..3.0), stabilizer in stabilizers()
    ) {
        let messages = messages(contributions.view(), relevance.view(), stabilizer).expect("finite");
        let (lower, _) = redistribute(contributions.view(), relevance.view(), stabilizer).expect("finite");
        check_collected(messages.view(), lower.view(), TOLERANCE).expect("Eq. 8");

        // Eq. 13, less what the stabilizer takes (Eq. 59) and the neurons that can't hand anything down.
        let totals = contributions.sum_axis(Axis(0));
        let shares = quotients(relevance.view(), totals.view(), stabilizer).expect("one length");
        let mut owned = &relevance - &(totals.mapv(|total| stabilizer.addition(total)) * &shares.values);
        shares.zeros.iter().for_each(|&neuron| owned[neuron] = 0.0);
        let handed_down = messages.sum_axis(Axis(0));
        for ((neuron, &sum), &owned) in handed_down.indexed_iter().zip(&owned) {
            let sent = magnitude(&messages.column(neuron).insert_axis(Axis(1)).to_owned());
            prop_assert!((sum - owned).abs() <= TOLERANCE * (sent + relevance[neuron].abs()));
        }
        if stabilizer == Stabilizer::NONE && shares.zeros.is_empty() {
            check_handed_down(messages.view(), relevance.view(), TOLERANCE).expect("Eq. 13");
        }
    }

    /// Text after Eq. 16: for all k with R_k > Σ_i z_ik > 0, 0 < z_ik < z_i'k ⇒ R_{i←k} ≤ R_{i'←k}.
    #[test]
    fn who_contributes_more_receives_no_less(
        (contributions, excess) in layers(signed(), 0.001..5.0), stabilizer in stabilizers()
    ) {
        let totals = contributions.sum_axis(Axis(0));
        let relevance = &totals + &excess;
        let messages = messages(contributions.view(), relevance.view(), stabilizer).expect("finite");
        for (upper, &total) in totals.iter().enumerate().filter(|(_, total)| **total > 0.0) {
            prop_assert!(relevance[upper] > total);
            let column = contributions.column(upper);
            for (one, &smaller) in column.iter().enumerate().filter(|(_, z)| **z > 0.0) {
                for (other, _) in column.iter().enumerate().filter(|(_, z)| **z > smaller) {
                    prop_assert!(messages[[one, upper]] <= messages[[other, upper]]);
                }
            }
        }
    }

    #[test]
    fn a_message_has_the_sign_of_its_contribution_against_the_trend(
        (contributions, relevance) in layers(whole(), whole())
    ) {
        let messages = messages(contributions.view(), relevance.view(), Stabilizer::NONE).expect("finite");
        let totals = contributions.sum_axis(Axis(0));
        for ((lower, upper), &message) in messages.indexed_iter() {
            let product = contributions[[lower, upper]] * totals[upper] * relevance[upper];
            prop_assert!(product * message >= 0.0);
            prop_assert_eq!(message == 0.0, product == 0.0);
        }
    }

    #[test]
    fn the_names_of_lower_neurons_do_not_matter(
        ((contributions, relevance), order) in layers(whole(), whole()).prop_flat_map(|layers| {
            let lower = layers.0.nrows();
            (Just(layers), permutation(lower))
        }),
        stabilizer in stabilizers()
    ) {
        let plain = messages(contributions.view(), relevance.view(), stabilizer).expect("finite");
        let permuted = contributions.select(Axis(0), &order);
        let of_permuted = messages(permuted.view(), relevance.view(), stabilizer).expect("finite");
        prop_assert_eq!(&plain.select(Axis(0), &order), &of_permuted);
        let (lower, _) = redistribute(contributions.view(), relevance.view(), stabilizer).expect("finite");
        let (lower_permuted, _) = redistribute(permuted.view(), relevance.view(), stabilizer).expect("finite");
        prop_assert_eq!(lower.select(Axis(0), &order), lower_permuted);
    }

    /// Whole numbers: a denominator is the same in any order of its terms, which would round a sum that nearly cancels
    /// to another number each time.
    #[test]
    fn the_names_of_upper_neurons_do_not_matter(
        ((contributions, relevance), order) in layers(whole(), whole()).prop_flat_map(|layers| {
            let upper = layers.0.ncols();
            (Just(layers), permutation(upper))
        }),
        stabilizer in stabilizers()
    ) {
        let moved = magnitude(&messages(contributions.view(), relevance.view(), stabilizer).expect("finite"));
        let (lower, _) = redistribute(contributions.view(), relevance.view(), stabilizer).expect("finite");
        let (contributions, relevance) = (contributions.select(Axis(1), &order), relevance.select(Axis(0), &order));
        let (of_permuted, _) = redistribute(contributions.view(), relevance.view(), stabilizer).expect("finite");
        for (one, other) in lower.iter().zip(&of_permuted) {
            prop_assert!((one - other).abs() <= TOLERANCE * moved);
        }
    }

    #[test]
    fn redistribution_is_linear_in_the_relevance(
        (contributions, relevance) in layers(signed(), -3.0..3.0), stabilizer in stabilizers()
    ) {
        let (lower, entry) = redistribute(contributions.view(), relevance.view(), stabilizer).expect("finite");
        let (doubled, of_doubled) =
            redistribute(contributions.view(), (&relevance * -2.0).view(), stabilizer).expect("finite");
        prop_assert_eq!(lower * -2.0, doubled);
        prop_assert_eq!(entry.sunk().total * -2.0, of_doubled.sunk().total);
    }
}

#[test]
fn layers_without_neurons_move_nothing() -> Result<(), Error> {
    for (lower, upper) in [(0, 0), (3, 0)] {
        let (received, entry) =
            redistribute(Array2::zeros((lower, upper)).view(), Array1::zeros(upper).view(), Stabilizer::NONE)?;
        assert_eq!(received, Array1::<f64>::zeros(lower));
        assert_eq!(entry.relative_error(), 0.0);
    }
    // Nobody below: all relevance is stuck.
    let (_, entry) = redistribute(Array2::zeros((0, 2)).view(), array![1.0, 2.0].view(), Stabilizer::NONE)?;
    assert_eq!(entry.sink(Sink::ZeroDenominator).total, 3.0);
    Ok(())
}
