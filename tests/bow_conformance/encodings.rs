//! Kinds `encoding` and `r2`: mappings, pooling, and the relevance of local features.

use bow_mapping::{
    Assignment, Codebook, Distance, Fisher, GaussianMixture, Hard, Lasso, LassoOptions, Map, Mapping, Normalization,
    Pooling, Rank, RankOptions, Ridge, RidgeOptions, Soft, SoftOptions, SparseAssignment,
    local_feature_relevance as relevance_of, ranks, zero_set,
};
use ndarray::{Array1, Array2, ArrayView2};

use crate::conformance::Case;

/// The exponents of pooling, by the names that the arrays carry.
const POOLINGS: [(&str, f64); 5] = [("p1", 1.0), ("p2", 2.0), ("p3", 3.0), ("p2_5", 2.5), ("pinf", f64::INFINITY)];

pub fn encoding(case: &Case) {
    let features = case.matrix("local_features");
    let codebook = || Codebook::new(case.matrix("codebook")).unwrap();
    let mapping: Mapping = match case.text("encoding") {
        "hard" => Hard::new(codebook()).into(),
        "rank" => {
            let full = ranks(features.view(), &codebook()).unwrap();
            case.compare("rank", &full.mapv(|rank| rank as f64));
            if case.has("m_hard") {
                case.compare("m_hard", &assign(&Hard::new(codebook()).into(), features.view()).to_dense());
            }
            let options = RankOptions { base: case.number("p"), neighbors: case.count("n") };
            Rank::new(codebook(), options).unwrap().into()
        }
        "soft" => {
            let soft = |distance| Soft::new(codebook(), SoftOptions { beta: case.number("beta"), distance }).unwrap();
            let squared = soft(Distance::SquaredEuclidean).into();
            case.compare("m_sqdist", &assign(&squared, features.view()).to_dense());
            soft(Distance::Euclidean).into()
        }
        "lasso" => {
            let lasso =
                Lasso::new(codebook(), LassoOptions { lambda: case.number("lam"), ..Default::default() }).unwrap();
            let codes = lasso.assign(features.view()).unwrap().to_dense();
            case.compare("objective", &lasso.objective(features.view(), codes.view()).unwrap());
            case.compare("kkt", &lasso.optimality(features.view(), codes.view()).unwrap());
            lasso.into()
        }
        "ridge" => Ridge::new(codebook(), RidgeOptions { lambda: case.number("lam") }).unwrap().into(),
        "fisher" => fisher(case, features.view()),
        unknown => return case.require(&format!("that the encoding '{unknown}' is known"), false),
    };
    let assignment = assign(&mapping, features.view());
    case.compare("m", &assignment.to_dense());
    pooled(case, &assignment);
}

fn fisher(case: &Case, features: ArrayView2<'_, f64>) -> Mapping {
    let mixture = mixture(case);
    case.compare("w", &mixture.weights().to_owned());
    case.compare("gamma", &mixture.posteriors(features).unwrap());
    let exponent = case.number("rho");
    let mapping = Mapping::from(Fisher::new(mixture));
    let mean = Pooling::MEAN.pool(&assign(&mapping, features)).unwrap();
    case.compare("fv_power", &Normalization::Power { exponent }.apply(mean.clone()));
    case.compare("fv_power_l2", &Normalization::PowerL2 { exponent }.apply(mean));
    mapping
}

/// The mixture that a case gives.
pub fn mixture(case: &Case) -> GaussianMixture {
    GaussianMixture::new(case.vector("gmm_alpha"), case.matrix("gmm_mu"), case.matrix("gmm_sigma")).unwrap()
}

fn assign(mapping: &Mapping, features: ArrayView2<'_, f64>) -> Assignment {
    mapping.assign(features).unwrap()
}

fn pooled(case: &Case, assignment: &Assignment) {
    for (name, exponent) in POOLINGS {
        let array = format!("pooled_{name}");
        if !case.has(&array) {
            continue;
        }
        let vector = Pooling::new(exponent).unwrap().pool(assignment).unwrap();
        case.compare(&format!("{array}_l1"), &Normalization::L1.apply(vector.clone()));
        case.compare(&format!("{array}_l2"), &Normalization::L2.apply(vector.clone()));
        case.compare(&array, &vector);
    }
}

pub fn local_feature_relevance(case: &Case) {
    let dense = Assignment::Dense(case.matrix("m"));
    let relevance = case.vector("R3");
    for (name, exponent) in POOLINGS {
        let array = format!("R2_{name}");
        if !case.has(&array) {
            continue;
        }
        let pooling = Pooling::new(exponent).unwrap();
        let (of_features, entry) = relevance_of(relevance.view(), &dense, pooling).unwrap();
        case.compare(&array, &of_features);
        case.require(&format!("conservation for {name}"), entry.relative_error() <= 1e-12);
        case.compare(&format!("Z_{name}"), &zeros(&dense, pooling));

        let sparse = Assignment::Sparse(sparse(case.matrix("m")));
        let (of_sparse, _) = relevance_of(relevance.view(), &sparse, pooling).unwrap();
        case.compare(&array, &of_sparse);
        case.compare(&format!("Z_{name}"), &zeros(&sparse, pooling));
    }
}

fn zeros(assignment: &Assignment, pooling: Pooling) -> Array1<f64> {
    let zeros = zero_set(assignment, pooling).unwrap();
    if zeros.is_empty() { Array1::from_elem(1, -1.0) } else { zeros.iter().map(|&word| word as f64).collect() }
}

/// The same numbers, the zeros left out.
fn sparse(dense: Array2<f64>) -> SparseAssignment {
    let (mut offsets, mut words, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in dense.rows() {
        for (word, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            words.push(word);
            values.push(value);
        }
        offsets.push(words.len());
    }
    SparseAssignment::new(dense.ncols(), offsets, words, values).unwrap()
}
