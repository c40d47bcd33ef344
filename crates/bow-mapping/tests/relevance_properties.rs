//! What must hold for the relevance of local features, whatever the assignment.

use bow_mapping::{Assignment, Pooling, SparseAssignment, local_feature_relevance, zero_set};
use ndarray::{Array1, Array2, Axis};
use proptest::prelude::*;

/// Powers for values of both signs, and those for values of at least zero.
const NATURAL: [f64; 8] = [1.0, 2.0, 3.0, 5.0, 64.0, 65.0, 1000.0, f64::INFINITY];
const REAL: [f64; 5] = [1.5, 2.5, 7.25, 64.5, 1e5 + 0.5];

/// Values with many zeros, ties, and cancellations.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => Just(0.0),
        2 => (-2_i8..=2).prop_map(|value| f64::from(value) / 2.0),
        3 => -1.0..1.0_f64,
        1 => (-1.0..1.0_f64).prop_map(|value| value * 1e-160),
        1 => (-1.0..1.0_f64).prop_map(|value| value * 1e130),
    ]
}

/// An assignment and the relevance of its words.
fn problem() -> impl Strategy<Value = (Array2<f64>, Array1<f64>)> {
    (1_usize..12, 1_usize..20).prop_flat_map(|(features, words)| {
        let values = prop::collection::vec(value(), features * words);
        let relevance = prop::collection::vec(-1.0..1.0_f64, words);
        (values, relevance).prop_map(move |(values, relevance)| {
            (Array2::from_shape_vec((features, words), values).unwrap(), Array1::from(relevance))
        })
    })
}

/// The same values, stored where they are not zero, and at some zeros.
fn sparse(dense: &Array2<f64>) -> Assignment {
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for (feature, row) in dense.rows().into_iter().enumerate() {
        for (word, &value) in row.iter().enumerate() {
            if value != 0.0 || (feature + word) % 5 == 0 {
                indices.push(word);
                values.push(value);
            }
        }
        offsets.push(values.len());
    }
    Assignment::Sparse(SparseAssignment::new(dense.ncols(), offsets, indices, values).unwrap())
}

fn powers(signed: bool) -> impl Iterator<Item = Pooling> {
    let real: &[f64] = if signed { &[] } else { &REAL };
    NATURAL.iter().chain(real).map(|&p| Pooling::new(p).unwrap())
}

/// What the assignment and the powers of a test are: as drawn, and without signs.
fn variants(values: &Array2<f64>) -> impl Iterator<Item = (Array2<f64>, Pooling)> {
    let signed = values.clone();
    let positive = values.mapv(f64::abs);
    powers(true).map(move |pooling| (signed.clone(), pooling)).chain(powers(false).map(move |p| (positive.clone(), p)))
}

fn magnitude(values: &Array1<f64>) -> f64 {
    values.iter().map(|value| value.abs()).sum()
}

fn assert_close(found: &Array1<f64>, expected: &Array1<f64>) -> Result<(), TestCaseError> {
    let allowed = 1e-12 * magnitude(expected);
    for (found, expected) in found.iter().zip(expected) {
        prop_assert!((found - expected).abs() <= allowed, "{} instead of {}", found, expected);
    }
    Ok(())
}

proptest! {
    #[test]
    fn relevance_is_conserved((values, relevance) in problem()) {
        for (values, pooling) in variants(&values) {
            let assignment = Assignment::Dense(values);
            let (lower, entry) = local_feature_relevance(relevance.view(), &assignment, pooling).unwrap();
            let allowed = 1e-12 * magnitude(&lower).max(magnitude(&relevance));
            prop_assert!((lower.sum() - relevance.sum()).abs() <= allowed, "{}: {:?}", pooling, entry);
            prop_assert!(entry.relative_error() <= 1e-12, "{}: {:?}", pooling, entry);
        }
    }

    #[test]
    fn sparse_and_dense_assignments_agree((values, relevance) in problem()) {
        for (values, pooling) in variants(&values) {
            let (sparse, dense) = (sparse(&values), Assignment::Dense(values));
            prop_assert_eq!(pooling.pool(&sparse).unwrap(), pooling.pool(&dense).unwrap());
            prop_assert_eq!(zero_set(&sparse, pooling).unwrap(), zero_set(&dense, pooling).unwrap());
            let (of_sparse, _) = local_feature_relevance(relevance.view(), &sparse, pooling).unwrap();
            let (of_dense, _) = local_feature_relevance(relevance.view(), &dense, pooling).unwrap();
            assert_close(&of_sparse, &of_dense)?;
        }
    }

    #[test]
    fn the_order_of_the_features_does_not_matter((values, relevance) in problem(), rotation in 0_usize..12) {
        // Without signs: the order of a signed sum decides whether it cancels to exactly zero.
        let values = values.mapv(f64::abs);
        let features = values.nrows();
        let order: Vec<usize> = (0..features).map(|feature| (feature * 7 + rotation) % features).collect();
        prop_assume!((0..features).all(|feature| order.contains(&feature)));
        for pooling in powers(false) {
            let permuted = Assignment::Dense(values.select(Axis(0), &order));
            let plain = Assignment::Dense(values.clone());
            let (of_permuted, _) = local_feature_relevance(relevance.view(), &permuted, pooling).unwrap();
            let (of_plain, _) = local_feature_relevance(relevance.view(), &plain, pooling).unwrap();
            assert_close(&of_permuted, &of_plain.select(Axis(0), &order))?;
            let (x, permuted_x) = (pooling.pool(&plain).unwrap(), pooling.pool(&permuted).unwrap());
            for (x, permuted_x) in x.iter().zip(&permuted_x) {
                prop_assert!((x - permuted_x).abs() <= 1e-12 * x);
            }
        }
    }

    #[test]
    fn more_contribution_gets_more_relevance((values, _) in problem()) {
        // The ordering constraint after Eq. 16, word by word.
        let values = values.mapv(f64::abs);
        for pooling in powers(false) {
            for word in 0..values.ncols() {
                let column = Assignment::Dense(values.select(Axis(1), &[word]));
                let (lower, _) = local_feature_relevance(ndarray::array![1.0].view(), &column, pooling).unwrap();
                for (one, of_one) in values.column(word).iter().zip(&lower) {
                    for (other, of_other) in values.column(word).iter().zip(&lower) {
                        prop_assert!(one > other || of_one <= of_other, "{}: {} < {}", pooling, of_one, of_other);
                    }
                }
            }
        }
    }
}
