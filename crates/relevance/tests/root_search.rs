//! The root search (text after Eq. 18) on random smooth functions of several variables, against its plain definition.

use ndarray::{Array1, Array2, ArrayView1, array};
use proptest::collection::vec;
use proptest::prelude::*;
use relevance::{
    Candidates, Differentiable, Error, Root, RootSearch, RootSelection, SearchOver, point_on_segment,
    taylor_decomposition,
};

/// `f(x) = b + Σ_m c_m exp(−‖x − p_m‖²)`
#[derive(Clone, Debug)]
struct Hills {
    peaks: Array2<f64>,
    heights: Array1<f64>,
    bias: f64,
}

impl Hills {
    /// What roundings of values are to be compared with.
    fn scale(&self) -> f64 {
        self.bias.abs() + self.heights.iter().map(|height| height.abs()).sum::<f64>()
    }
}

impl Differentiable for Hills {
    fn dimensions(&self) -> usize {
        self.peaks.ncols()
    }

    fn value(&self, x: ArrayView1<'_, f64>) -> f64 {
        let hill = |(peak, height): (ArrayView1<'_, f64>, &f64)| height * (-squared_distance(peak, x)).exp();
        self.bias + self.peaks.rows().into_iter().zip(&self.heights).map(hill).sum::<f64>()
    }

    fn gradient(&self, x: ArrayView1<'_, f64>) -> Array1<f64> {
        let mut gradient = Array1::zeros(x.len());
        for (peak, height) in self.peaks.rows().into_iter().zip(&self.heights) {
            gradient.scaled_add(2.0 * height * (-squared_distance(peak, x)).exp(), &(&peak - &x));
        }
        gradient
    }
}

fn squared_distance(one: ArrayView1<'_, f64>, other: ArrayView1<'_, f64>) -> f64 {
    one.iter().zip(other).map(|(one, other)| (one - other) * (one - other)).sum()
}

/// A function, a point to explain and candidates.
#[derive(Clone, Debug)]
struct Setting {
    function: Hills,
    x: Array1<f64>,
    points: Array2<f64>,
}

impl Setting {
    fn candidates(&self) -> Candidates {
        Candidates::new(&self.function, self.points.clone()).expect("finite points of the function's dimensions")
    }

    fn roots(&self, search: RootSearch) -> Result<Vec<Root>, Error> {
        search.roots(&self.function, self.x.view(), &self.candidates())
    }

    /// The candidates with `f(x) f(x') < 0`, ascending.
    fn opposite(&self) -> Vec<usize> {
        let value = self.function.value(self.x.view());
        let is_opposite = |&index: &usize| self.function.value(self.points.row(index)) * value < 0.0;
        (0..self.points.nrows()).filter(is_opposite).collect()
    }

    /// The definition: 64 halvings, each of which evaluates the function.
    fn plain_position(&self, candidate: usize) -> f64 {
        let at = |position: f64| {
            self.function.value(point_on_segment(self.points.row(candidate), self.x.view(), position).view())
        };
        let value = self.function.value(self.x.view());
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..64 {
            let middle = 0.5 * (low + high);
            let here = at(middle);
            if here == 0.0 {
                return middle;
            }
            if (here > 0.0) == (value > 0.0) {
                high = middle;
            } else {
                low = middle;
            }
        }
        0.5 * (low + high)
    }
}

fn points(count: usize, dimensions: usize) -> impl Strategy<Value = Array2<f64>> {
    vec(-1.5..1.5, count * dimensions)
        .prop_map(move |values| Array2::from_shape_vec((count, dimensions), values).expect("count × dimensions"))
}

fn settings() -> impl Strategy<Value = Setting> {
    (1_usize..5, 1_usize..6, 1_usize..16).prop_flat_map(|(dimensions, hills, candidates)| {
        let function = (points(hills, dimensions), vec(-2.0..2.0, hills), -0.3..0.3)
            .prop_map(|(peaks, heights, bias)| Hills { peaks, heights: Array1::from(heights), bias });
        (function, vec(-1.5..1.5, dimensions), points(candidates, dimensions))
            .prop_map(|(function, x, points)| Setting { function, x: Array1::from(x), points })
    })
}

/// The settings in which a root can be found.
fn settings_with_roots() -> impl Strategy<Value = Setting> {
    settings().prop_filter("no candidate of the opposite sign", |setting| !setting.opposite().is_empty())
}

/// The choice of `search`, made by hand among the roots towards all candidates: candidates, best first.
fn chosen_by_hand<'a>(setting: &Setting, search: RootSearch, all: &'a [Root]) -> Vec<&'a Root> {
    let to_candidate = |root: &Root| squared_distance(setting.x.view(), setting.points.row(root.candidate));
    let mut chosen: Vec<&Root> = match search.over {
        SearchOver::All => all.iter().collect(),
        SearchOver::Nearest(count) => all
            .iter()
            .filter(|root| {
                let before = |other: &&Root| {
                    let (own, others) = (to_candidate(root), to_candidate(other));
                    others < own || (others == own && other.candidate < root.candidate)
                };
                all.iter().filter(before).count() < count
            })
            .collect(),
    };
    chosen.retain(|root| search.radius.is_none_or(|radius| root.distance <= radius));
    let residual = |root: &Root| root.decomposition.residual().abs();
    let mut take_best = |key: &dyn Fn(&Root) -> f64, count: usize| {
        let mut best = Vec::new();
        while best.len() < count && !chosen.is_empty() {
            let mut first = 0;
            for position in 1..chosen.len() {
                if key(chosen[position]) < key(chosen[first]) {
                    first = position;
                }
            }
            best.push(chosen.remove(first));
        }
        best
    };
    match search.selection {
        RootSelection::SmallestResidual => take_best(&residual, 1),
        RootSelection::Nearest => take_best(&|root| root.distance, 1),
        RootSelection::AverageOfBest(count) => take_best(&residual, count),
    }
}

fn searches() -> impl Strategy<Value = RootSearch> {
    let over = prop_oneof![Just(SearchOver::All), (1_usize..6).prop_map(SearchOver::Nearest)];
    let radius = prop_oneof![Just(None), (0.1..2.0).prop_map(Some)];
    let selection = prop_oneof![
        Just(RootSelection::SmallestResidual),
        Just(RootSelection::Nearest),
        (1_usize..5).prop_map(RootSelection::AverageOfBest),
    ];
    (over, radius, selection).prop_map(|(over, radius, selection)| RootSearch { over, radius, selection })
}

proptest! {
    #[test]
    fn roots_are_roots(setting in settings_with_roots()) {
        for root in setting.roots(RootSearch::default()).expect("roots") {
            let value = setting.function.value(root.point.view());
            prop_assert!(value.abs() <= 1e-14 * setting.function.scale(), "f(x₀) = {value}");
            // It comes from f(x) and the change from there, which rounds otherwise than the value itself.
            let rounding = 4.0 * f64::EPSILON * setting.function.scale();
            prop_assert!((root.decomposition.root_value - value).abs() <= rounding);
            prop_assert!((0.0..=1.0).contains(&root.position));
            let on_segment =
                point_on_segment(setting.points.row(root.candidate), setting.x.view(), root.position);
            prop_assert_eq!(&root.point, &on_segment);
            prop_assert_eq!(root.distance, squared_distance(setting.x.view(), root.point.view()).sqrt());
            let about = taylor_decomposition(&setting.function, setting.x.view(), root.point.view());
            prop_assert_eq!(&root.decomposition, &about.expect("finite"));
        }
    }

    #[test]
    fn they_are_the_roots_that_64_evaluated_halvings_find(setting in settings_with_roots()) {
        for root in setting.roots(RootSearch::default()).expect("roots") {
            let plain = setting.plain_position(root.candidate);
            let direction = &setting.x - &setting.points.row(root.candidate);
            let slope = setting.function.gradient(root.point.view()).dot(&direction).abs();
            // Within the rounding of values, the sign at a position is undecided: that far the two may differ.
            let undecided = 32.0 * f64::EPSILON * setting.function.scale() / slope;
            prop_assert!(
                (root.position - plain).abs() <= undecided + 2.0 * f64::EPSILON,
                "{} against {plain}, slope {slope}", root.position
            );
        }
    }

    #[test]
    fn only_candidates_of_the_opposite_sign_are_searched(setting in settings(), search in searches()) {
        let opposite = setting.opposite();
        match setting.roots(search) {
            Ok(roots) => {
                let searched: Vec<usize> = roots.iter().map(|root| root.candidate).collect();
                prop_assert!(searched.iter().all(|candidate| opposite.contains(candidate)));
                prop_assert!(searched.is_sorted());
                if search.over == SearchOver::All {
                    prop_assert_eq!(searched, opposite);
                }
            }
            Err(error) => {
                prop_assert!(opposite.is_empty());
                prop_assert!(matches!(error, Error::NoCandidate { .. }), "{error}");
            }
        }
    }

    #[test]
    fn the_choice_is_the_one_made_by_hand(setting in settings_with_roots(), search in searches()) {
        let all = setting.roots(RootSearch::default()).expect("roots");
        let chosen = chosen_by_hand(&setting, search, &all);
        match search.decompose(&setting.function, setting.x.view(), &setting.candidates()) {
            Ok(found) => {
                prop_assert_eq!(&found.candidates, &chosen.iter().map(|root| root.candidate).collect::<Vec<_>>());
                let mut mean = Array1::zeros(setting.x.len());
                for root in &chosen {
                    mean += &root.decomposition.relevance;
                }
                prop_assert_eq!(&found.relevance, &(mean / chosen.len() as f64));
                prop_assert_eq!(found.value, setting.function.value(setting.x.view()));
                let entry = found.entry("R³ (Eq. 18)");
                let moved = entry.lower.magnitude + entry.sunk().magnitude + setting.function.scale();
                prop_assert!(entry.imbalance().abs() <= 1e-13 * moved, "{entry:?}");
            }
            Err(Error::NoneWithinRadius { radius, nearest, .. }) => {
                prop_assert!(chosen.is_empty());
                prop_assert_eq!(Some(radius), search.radius);
                prop_assert!(nearest > radius);
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn known_values_of_candidates_give_the_same_roots(setting in settings_with_roots()) {
        let candidates = setting.candidates();
        let known = Candidates::with_values(setting.points.clone(), candidates.values().clone()).expect("finite");
        prop_assert_eq!(&known, &candidates);
        let values: Vec<f64> = setting.points.rows().into_iter().map(|point| setting.function.value(point)).collect();
        prop_assert_eq!(candidates.values().to_vec(), values);
        prop_assert_eq!(candidates.points(), &setting.points);
    }

    /// A convex combination of histograms is one.
    #[test]
    fn roots_keep_signs_and_sums(setting in settings_with_roots()) {
        let histogram = |values: ArrayView1<'_, f64>| {
            let positive = values.mapv(|value| value.abs() + 0.01);
            &positive / positive.sum()
        };
        let mut setting = setting;
        setting.x = histogram(setting.x.view());
        for mut point in setting.points.rows_mut() {
            let of_point = histogram(point.view());
            point.assign(&of_point);
        }
        if let Ok(roots) = setting.roots(RootSearch::default()) {
            for root in roots {
                prop_assert!(root.point.iter().all(|&value| value >= 0.0));
                prop_assert!((root.point.sum() - 1.0).abs() <= 1e-14);
            }
        }
    }
}

#[test]
fn of_a_point_on_the_boundary_nothing_is_left_to_explain() -> Result<(), Error> {
    // Two hills so far apart that they do not feel each other: f is −1, 0 or 1 at the points below.
    let function = Hills { peaks: array![[0.0, 0.0], [99.0, 0.0]], heights: array![1.0, 2.0], bias: -1.0 };
    let candidates = Candidates::new(&function, array![[50.0, 0.0], [99.0, 0.0]])?;
    assert_eq!(candidates.values(), array![-1.0, 1.0]);
    for selection in [RootSelection::SmallestResidual, RootSelection::Nearest, RootSelection::AverageOfBest(2)] {
        let search = RootSearch { selection, ..RootSearch::default() };
        let found = search.decompose(&function, array![0.0, 0.0].view(), &candidates)?;
        assert_eq!(found.relevance, array![0.0, 0.0]);
        assert_eq!((found.value, found.root_value, found.remainder, found.residual()), (0.0, 0.0, 0.0, 0.0));
        assert!(found.candidates.is_empty());
        assert_eq!(found.entry("R³").relative_error(), 0.0);
    }
    Ok(())
}

#[test]
fn ties_go_to_the_candidate_that_comes_first() -> Result<(), Error> {
    // A hill around the explained point: all roots are as far away, with the same residual up to roundings.
    let function = Hills { peaks: array![[0.0, 0.0]], heights: array![1.0], bias: -0.5 };
    let points = array![[0.0, 2.0], [2.0, 0.0], [0.0, -2.0], [-2.0, 0.0]];
    let candidates = Candidates::new(&function, points)?;
    let x = array![0.0, 0.0];
    for selection in [RootSelection::SmallestResidual, RootSelection::Nearest] {
        let search = RootSearch { selection, ..RootSearch::default() };
        assert_eq!(search.decompose(&function, x.view(), &candidates)?.candidates, [0]);
    }
    let two = RootSearch { over: SearchOver::Nearest(2), ..RootSearch::default() };
    let searched: Vec<usize> = two.roots(&function, x.view(), &candidates)?.iter().map(|root| root.candidate).collect();
    assert_eq!(searched, [0, 1]);
    // More neighbors, or more to average, than there are: all of them.
    let many = RootSearch {
        over: SearchOver::Nearest(100),
        selection: RootSelection::AverageOfBest(100),
        ..RootSearch::default()
    };
    assert_eq!(many.decompose(&function, x.view(), &candidates)?.candidates, [0, 1, 2, 3]);
    Ok(())
}
