//! Wrong input is refused with a sentence that says what, where, and what would be right.

use ndarray::{Array1, Array2, ArrayView1, array};
use relevance::{
    Candidates, Differentiable, Error, RootSearch, RootSelection, SearchOver, Stabilizer, check_collected,
    check_handed_down, check_layers, messages, quotients, redistribute, taylor_decomposition,
};

/// `f(x) = x₁ + x₂ − 1`
struct Plane;

impl Differentiable for Plane {
    fn dimensions(&self) -> usize {
        2
    }

    fn value(&self, x: ArrayView1<'_, f64>) -> f64 {
        x.sum() - 1.0
    }

    fn gradient(&self, _: ArrayView1<'_, f64>) -> Array1<f64> {
        array![1.0, 1.0]
    }
}

fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.expect_err("this has to be refused").to_string()
}

#[test]
fn stabilizers() {
    for (epsilon, shown) in [(-0.5, "-0.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")] {
        assert_eq!(
            message(Stabilizer::new(epsilon)),
            format!("stabilizer ε = {shown}: it has to be a finite number, 0 or larger")
        );
    }
}

#[test]
fn the_sign_of_zero_is_positive() {
    let stabilizer = Stabilizer::new(0.25).expect("valid");
    for zero in [0.0, -0.0] {
        assert_eq!(stabilizer.stabilize(zero), 0.25);
        assert_eq!(stabilizer.stabilize(zero as f32), 0.25);
    }
    assert_eq!(stabilizer.addition(-f64::MIN_POSITIVE), -0.25);
    let shares = quotients(array![1.0].view(), array![-0.0].view(), stabilizer).expect("one length");
    assert_eq!(shares.values, array![4.0]);
    assert!(shares.zeros.is_empty());
}

#[test]
fn lengths_that_do_not_fit() {
    let contributions = array![[1.0, 2.0], [3.0, 4.0]];
    let relevance = array![1.0, 2.0, 3.0];
    let expected = "the relevance of the upper layer has 3 entries where 2 are needed";
    assert_eq!(message(redistribute(contributions.view(), relevance.view(), Stabilizer::NONE)), expected);
    assert_eq!(message(messages(contributions.view(), relevance.view(), Stabilizer::NONE)), expected);
    assert_eq!(message(quotients(relevance.view(), array![1.0, 1.0].view(), Stabilizer::NONE)), expected);
    assert_eq!(message(check_handed_down(contributions.view(), relevance.view(), 1e-12)), expected);
    assert_eq!(
        message(check_collected(contributions.view(), relevance.view(), 1e-12)),
        "the relevance of the lower layer has 3 entries where 2 are needed"
    );
}

#[test]
fn values_that_are_not_finite() {
    let contributions = array![[1.0, 2.0], [f64::NAN, 4.0]];
    let relevance = array![1.0, f64::INFINITY];
    assert_eq!(
        message(redistribute(contributions.view(), array![1.0, 1.0].view(), Stabilizer::NONE)),
        "the contributions holds NaN at position 2: all values have to be finite"
    );
    assert_eq!(
        message(messages(array![[1.0, 1.0]].view(), relevance.view(), Stabilizer::NONE)),
        "the relevance of the upper layer holds inf at position 1: all values have to be finite"
    );
}

#[test]
fn layers_and_messages_that_do_not_conserve() {
    assert_eq!(
        message(check_layers(&[array![4.0].view(), array![1.0, 3.0].view(), array![1.0, 1.0].view()], 1e-12)),
        "layer 2 (Eq. 2): relevance is not conserved, relative error 5.000e-1 exceeds 1.0e-12"
    );
    let messages = array![[1.0, 2.0], [3.0, 4.0]];
    assert!(check_collected(messages.view(), array![3.0, 7.0].view(), 0.0).is_ok());
    assert!(check_handed_down(messages.view(), array![4.0, 6.0].view(), 0.0).is_ok());
    assert_eq!(
        message(check_collected(messages.view(), array![3.0, 14.0].view(), 1e-12)),
        "lower neuron 1 (Eq. 8): relevance is not conserved, relative error 5.000e-1 exceeds 1.0e-12"
    );
    assert_eq!(
        message(check_handed_down(messages.view(), array![6.0, 6.0].view(), 1e-12)),
        "upper neuron 0 (Eq. 13): relevance is not conserved, relative error 3.333e-1 exceeds 1.0e-12"
    );
    let nan = array![[f64::NAN]];
    assert!(check_collected(nan.view(), array![1.0].view(), 1.0).is_err());
    assert!(check_handed_down(nan.view(), array![f64::NAN].view(), 1.0).is_err());
}

#[test]
fn points_of_another_space_or_not_finite() {
    let (inside, line, broken) = (array![1.0, 1.0], array![1.0], array![1.0, f64::NAN]);
    assert_eq!(
        message(taylor_decomposition(&Plane, line.view(), inside.view())),
        "the point to explain has 1 entries where 2 are needed"
    );
    assert_eq!(
        message(taylor_decomposition(&Plane, inside.view(), line.view())),
        "the root point has 1 entries where 2 are needed"
    );
    assert_eq!(
        message(taylor_decomposition(&Plane, broken.view(), inside.view())),
        "the point to explain holds NaN at position 1: all values have to be finite"
    );
    let candidates = Candidates::new(&Plane, array![[0.0, 0.0]]).expect("valid");
    for x in [&line, &broken] {
        assert!(RootSearch::default().decompose(&Plane, x.view(), &candidates).is_err());
    }
}

#[test]
fn candidates_that_are_none() {
    assert_eq!(
        message(Candidates::new(&Plane, array![[0.0, 0.0, 0.0]])),
        "a candidate has 3 entries where 2 are needed"
    );
    assert_eq!(
        message(Candidates::new(&Plane, array![[0.0, 0.0], [1.0, f64::NEG_INFINITY]])),
        "the candidates holds -inf at position 3: all values have to be finite"
    );
    assert_eq!(
        message(Candidates::with_values(array![[0.0, 0.0]], array![1.0, 2.0])),
        "the values of the candidates has 2 entries where 1 are needed"
    );
    assert_eq!(
        message(Candidates::with_values(array![[0.0, 0.0]], array![f64::NAN])),
        "the values of the candidates holds NaN at position 0: all values have to be finite"
    );
    let of_a_line = Candidates::with_values(array![[0.0]], array![-1.0]).expect("finite");
    assert_eq!(
        message(RootSearch::default().decompose(&Plane, array![1.0, 1.0].view(), &of_a_line)),
        "a candidate has 1 entries where 2 are needed"
    );
}

#[test]
fn a_root_is_never_invented() {
    let x = array![2.0, 1.0];
    let search = RootSearch::default();
    let same_side = Candidates::new(&Plane, array![[5.0, 5.0], [3.0, 0.0]]).expect("valid");
    assert_eq!(
        message(search.decompose(&Plane, x.view(), &same_side)),
        "no root point: f(x) = 2, and none of the 2 candidates has a value of the opposite sign; give candidates of \
         the other class"
    );
    // f(x) f(x') < 0 is strict: a candidate on the boundary has no sign.
    let on_the_boundary = Candidates::new(&Plane, array![[0.5, 0.5]]).expect("valid");
    assert!(matches!(
        search.decompose(&Plane, x.view(), &on_the_boundary),
        Err(Error::NoCandidate { candidates: 1, .. })
    ));
    let none = Candidates::new(&Plane, Array2::zeros((0, 2))).expect("valid");
    assert!(matches!(search.decompose(&Plane, x.view(), &none), Err(Error::NoCandidate { candidates: 0, .. })));
}

#[test]
fn roots_too_far_away() {
    let candidates = Candidates::new(&Plane, array![[0.0, 0.0], [0.0, -1.0]]).expect("valid");
    let search = RootSearch { radius: Some(0.5), ..RootSearch::default() };
    // On x₁ = x₂ the root is (½, ½).
    assert_eq!(
        message(search.decompose(&Plane, array![2.5, 2.5].view(), &candidates)),
        format!("no root point within radius 0.5: the nearest of 2 roots is {} away", 8.0_f64.sqrt())
    );
}

#[test]
fn nothing_to_search_and_nothing_to_average() {
    let candidates = Candidates::new(&Plane, array![[0.0, 0.0]]).expect("valid");
    // Also on the boundary, where nothing would have to be searched.
    for x in [array![2.0, 1.0], array![0.5, 0.5]] {
        let decompose = |search: RootSearch| search.decompose(&Plane, x.view(), &candidates);
        assert_eq!(
            message(decompose(RootSearch { over: SearchOver::Nearest(0), ..RootSearch::default() })),
            "number of root candidates = 0: it has to be at least 1"
        );
        assert_eq!(
            message(decompose(RootSearch { selection: RootSelection::AverageOfBest(0), ..RootSearch::default() })),
            "number of averaged decompositions = 0: it has to be at least 1"
        );
    }
}
