//! The mappings, poolings and relevances of the reference vectors, each array within its own tolerance.

use std::path::PathBuf;

use bow_mapping::{
    Assignment, Codebook, Distance, Fisher, GaussianMixture, Hard, Lasso, LassoOptions, Map, Normalization, Pooling,
    Rank, RankOptions, Ridge, RidgeOptions, Soft, SoftOptions, SparseAssignment, local_feature_relevance, ranks,
    zero_set,
};
use ndarray::{Array1, Array2, ArrayD, Ix1, Ix2};
use serde_json::Value;

/// One folder of reference vectors.
struct Case {
    folder: PathBuf,
    manifest: Value,
}

impl Case {
    fn open(name: &str) -> Self {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/bow")).join(name);
        let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
        Self { folder, manifest: serde_json::from_str(&manifest).unwrap() }
    }

    fn has(&self, array: &str) -> bool {
        self.manifest["arrays"].get(array).is_some()
    }

    fn array(&self, name: &str) -> ArrayD<f64> {
        ndarray_npy::read_npy(self.folder.join(format!("{name}.npy"))).unwrap()
    }

    fn vector(&self, name: &str) -> Array1<f64> {
        self.array(name).into_dimensionality::<Ix1>().unwrap()
    }

    fn matrix(&self, name: &str) -> Array2<f64> {
        self.array(name).into_dimensionality::<Ix2>().unwrap()
    }

    fn parameter(&self, name: &str) -> f64 {
        self.manifest["params"][name].as_f64().unwrap()
    }

    fn codebook(&self) -> Codebook {
        Codebook::new(self.matrix("codebook")).unwrap()
    }

    fn assert<D: ndarray::Dimension>(&self, name: &str, found: &ndarray::Array<f64, D>) {
        let expected = self.array(name);
        let (rtol, atol) = ["rtol", "atol"].map(|key| self.manifest["arrays"][name][key].as_f64().unwrap()).into();
        assert_eq!(found.shape(), expected.shape(), "{name}");
        for (position, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let close = (found - expected).abs() <= atol + rtol * expected.abs();
            assert!(close, "{} of {:?}, entry {position}: {found} instead of {expected}", name, self.folder);
        }
    }
}

/// The assignment and all that is pooled from it.
fn check_mapping(case: &Case, mapping: &impl Map) {
    let assignment = mapping.assign(case.matrix("local_features").view()).unwrap();
    case.assert("m", &assignment.to_dense());
    for (suffix, p) in [("p1", 1.0), ("p2", 2.0), ("p3", 3.0), ("pinf", f64::INFINITY)] {
        let name = format!("pooled_{suffix}");
        if case.has(&name) {
            let pooled = Pooling::new(p).unwrap().pool(&assignment).unwrap();
            case.assert(&name, &pooled);
            case.assert(&format!("{name}_l1"), &Normalization::L1.apply(pooled.clone()));
            case.assert(&format!("{name}_l2"), &Normalization::L2.apply(pooled));
        }
    }
}

#[test]
fn hard_and_rank() {
    let case = Case::open("enc_hard");
    check_mapping(&case, &Hard::new(case.codebook()));
    for name in ["enc_rank", "enc_rank_voc", "enc_rank_ties"] {
        let case = Case::open(name);
        let options = RankOptions { base: case.parameter("p"), neighbors: case.parameter("n") as usize };
        check_mapping(&case, &Rank::new(case.codebook(), options).unwrap());
        let ranks = ranks(case.matrix("local_features").view(), &case.codebook()).unwrap();
        case.assert("rank", &ranks.mapv(|rank| rank as f64));
        if case.has("m_hard") {
            let hard = Hard::new(case.codebook()).assign(case.matrix("local_features").view()).unwrap();
            case.assert("m_hard", &hard.to_dense());
        }
    }
}

#[test]
fn soft() {
    for name in ["enc_soft", "enc_soft_sharp"] {
        let case = Case::open(name);
        let soft =
            |distance| Soft::new(case.codebook(), SoftOptions { beta: case.parameter("beta"), distance }).unwrap();
        check_mapping(&case, &soft(Distance::Euclidean));
        let squared = soft(Distance::SquaredEuclidean).assign(case.matrix("local_features").view()).unwrap();
        case.assert("m_sqdist", &squared.to_dense());
    }
}

#[test]
fn reconstructions() {
    for name in ["enc_lasso", "enc_lasso_overcomplete"] {
        let case = Case::open(name);
        let options = LassoOptions { lambda: case.parameter("lam"), ..Default::default() };
        let lasso = Lasso::new(case.codebook(), options).unwrap();
        check_mapping(&case, &lasso);
        let descriptors = case.matrix("local_features");
        let codes = lasso.assign(descriptors.view()).unwrap().to_dense();
        case.assert("objective", &lasso.objective(descriptors.view(), codes.view()).unwrap());
        case.assert("kkt", &lasso.optimality(descriptors.view(), codes.view()).unwrap());
    }
    let case = Case::open("enc_ridge");
    let options = RidgeOptions { lambda: case.parameter("lam") };
    check_mapping(&case, &Ridge::new(case.codebook(), options).unwrap());
}

#[test]
fn fisher() {
    for name in ["enc_fisher", "enc_fisher_far"] {
        let case = Case::open(name);
        let parts = (case.vector("gmm_alpha"), case.matrix("gmm_mu"), case.matrix("gmm_sigma"));
        let mixture = GaussianMixture::new(parts.0, parts.1, parts.2).unwrap();
        case.assert("w", &mixture.weights().to_owned());
        case.assert("gamma", &mixture.posteriors(case.matrix("local_features").view()).unwrap());
        let fisher = Fisher::new(mixture);
        check_mapping(&case, &fisher);
        let pooled = Pooling::MEAN.pool(&fisher.assign(case.matrix("local_features").view()).unwrap()).unwrap();
        let exponent = case.parameter("rho");
        case.assert("fv_power", &Normalization::Power { exponent }.apply(pooled.clone()));
        case.assert("fv_power_l2", &Normalization::PowerL2 { exponent }.apply(pooled));
    }
}

/// The same values, stored only where they are not zero.
fn sparse(dense: &Array2<f64>) -> Assignment {
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in dense.rows() {
        for (word, &value) in row.iter().enumerate().filter(|&(_, &value)| value != 0.0) {
            indices.push(word);
            values.push(value);
        }
        offsets.push(values.len());
    }
    Assignment::Sparse(SparseAssignment::new(dense.ncols(), offsets, indices, values).unwrap())
}

#[test]
fn relevance_of_local_features() {
    for name in ["r2_rank", "r2_soft", "r2_signed", "r2_ties"] {
        let case = Case::open(name);
        let dense = case.matrix("m");
        for assignment in [sparse(&dense), Assignment::Dense(dense)] {
            for (suffix, p) in [("p1", 1.0), ("p2", 2.0), ("p3", 3.0), ("p2_5", 2.5), ("pinf", f64::INFINITY)] {
                if !case.has(&format!("R2_{suffix}")) {
                    continue;
                }
                let pooling = Pooling::new(p).unwrap();
                let (relevance, entry) =
                    local_feature_relevance(case.vector("R3").view(), &assignment, pooling).unwrap();
                case.assert(&format!("R2_{suffix}"), &relevance);
                assert!(entry.relative_error() < 1e-13, "{entry:?}");
                let mut zeros: Vec<f64> =
                    zero_set(&assignment, pooling).unwrap().into_iter().map(|word| word as f64).collect();
                if zeros.is_empty() {
                    zeros.push(-1.0);
                }
                case.assert(&format!("Z_{suffix}"), &Array1::from(zeros));
            }
        }
    }
}
