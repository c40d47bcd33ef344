//! The operators that scikit-learn's exporter writes: linear models and kernel machines in terms of layers.

use ndarray::{Array1, Array2, ArrayD, Axis};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};

use super::{Expand, Parts};
use crate::Error;

pub(super) fn find<F: Real>(kind: &str) -> Option<Expand<F>> {
    Some(match kind.strip_prefix("ai.onnx.ml:")? {
        "ArrayFeatureExtractor" => columns,
        "LinearClassifier" => linear_classifier,
        "LinearRegressor" => linear_regressor,
        "Normalizer" => normalizer,
        "Scaler" => scaler,
        "SVMClassifier" => support_vector_classifier,
        "SVMRegressor" => support_vector_regressor,
        "TreeEnsemble" | "TreeEnsembleClassifier" | "TreeEnsembleRegressor" => trees,
        "ZipMap" => zip_map,
        _ => return None,
    })
}

fn trees<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    Err(parts.node.refuse(
        "trees decide by steps, through which no relevance goes back; train an MLPClassifier or an SVC on the answers of the \
         trees and explain that, or ask shap's TreeExplainer",
    ))
}

/// Probabilities with the names of their classes: the names are left to whoever shows them.
fn zip_map<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    parts.main("Identity", &[parts.input(0)?], &[]);
    parts.gives(0);
    Ok(())
}

/// `(x − offset) · scale`, column by column.
fn scaler<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let [offset, scale] = ["offset", "scale"].map(|name| parts.numbers(name));
    let offset = parts.row(offset?, "offset");
    let scale = parts.row(scale?, "scale");
    let centered = parts.step("Sub", &[parts.input(0)?, &offset], "centered");
    parts.main("Mul", &[&centered, &scale], &[]);
    parts.gives(0);
    Ok(())
}

/// Some of the columns, by their positions.
fn columns<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let positions = match parts.known(parts.input(1)?) {
        Some(Constant::Integer(positions)) => positions.iter().copied().collect::<Vec<i64>>(),
        _ => return Err(parts.node.refuse("the positions of its columns should be constant integers")),
    };
    let positions = parts.integers(positions, "positions");
    parts.main("Gather", &[parts.input(0)?, &positions], &[]);
    parts.set("axis", Attribute::Integer(-1));
    parts.gives(0);
    Ok(())
}

/// Rows divided by their norm. Probabilities that a softmax gave have the sum 1 already.
fn normalizer<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let source = parts.input(0)?;
    let is_softmax = parts.givers.get(source).is_some_and(|giver| {
        giver.kind == "ai.onnx.ml:LinearClassifier"
            && giver.attributes.get("post_transform") == Some(&Attribute::Text("SOFTMAX".to_owned()))
    });
    match parts.word("norm", "MAX")? {
        "L1" if is_softmax => {
            parts.main("Identity", &[source], &[]);
        }
        norm @ ("L1" | "L2") => {
            parts.main("LpNormalization", &[source], &[]);
            parts.set("p", Attribute::Integer(if norm == "L1" { 1 } else { 2 }));
            parts.set("axis", Attribute::Integer(-1));
        }
        "MAX" => {
            let axes = parts.integers([-1], "axes");
            let largest = parts.step("ReduceMax", &[source, &axes], "largest");
            parts.main("Div", &[source, &largest], &[]);
        }
        other => return Err(parts.node.refuse(format!("there is no norm {other:?}; there are MAX, L1 and L2"))),
    }
    parts.gives(0);
    Ok(())
}

/// A layer, and probabilities of its scores; the labels are left to whoever shows them.
fn linear_classifier<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let classes = parts.node.integers("classlabels_ints")?.map(<[i64]>::len);
    let scores = parts.numbers("intercepts")?.len().max(1);
    if let Some(classes) = classes.filter(|&classes| classes != scores) {
        let reason = format!("it has {scores} scores for {classes} classes; it should have one for each");
        return Err(parts.node.refuse(reason));
    }
    let layer = parts.linear("coefficients", scores)?;
    post_transform(parts, &layer, 1)
}

fn linear_regressor<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let targets = usize::try_from(parts.node.integer("targets", 1)?).unwrap_or_default().max(1);
    let layer = parts.linear("coefficients", targets)?;
    post_transform(parts, &layer, 0)
}

/// The function of scores that a node names; it gives an output of the node.
fn post_transform<F: Real>(parts: &mut Parts<'_, F>, scores: &str, output: usize) -> Result<(), Error> {
    match parts.word("post_transform", "NONE")? {
        "NONE" => {}
        "LOGISTIC" => {
            parts.step("Sigmoid", &[scores], "probabilities");
        }
        "SOFTMAX" => {
            parts.step_with("Softmax", &[scores], "probabilities", [("axis", Attribute::Integer(-1))]);
        }
        other => return Err(parts.node.refuse(format!("no function {other:?} of scores is known here"))),
    }
    parts.gives(output);
    Ok(())
}

/// A machine with support vectors, of which each pair of classes has a score: of two classes one and its opposite.
fn support_vector_classifier<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let node = parts.node;
    let counts = node.integers("vectors_per_class")?.unwrap_or_default();
    let counts: Vec<usize> = counts.iter().map(|&count| usize::try_from(count).unwrap_or_default()).collect();
    let (classes, vectors): (usize, usize) = (counts.len(), counts.iter().sum());
    let (coefficients, offsets) = (parts.numbers("coefficients")?, parts.numbers("rho")?);
    let pairs: Vec<[usize; 2]> =
        (0..classes).flat_map(|first| (first + 1..classes).map(move |second| [first, second])).collect();
    let fits =
        classes >= 2 && vectors > 0 && coefficients.len() == (classes - 1) * vectors && offsets.len() == pairs.len();
    if !fits {
        return Err(
            node.refuse("its coefficients are not those of a machine with support vectors of two or more classes")
        );
    }
    let starts: Vec<usize> = (0..classes).map(|class| counts[..class].iter().sum()).collect();
    let mut weights = Array2::zeros((vectors, pairs.len()));
    for (column, &[first, second]) in pairs.iter().enumerate() {
        for (of, against) in [(first, second - 1), (second, first)] {
            for vector in starts[of]..starts[of] + counts[of] {
                weights[[vector, column]] = coefficients[against * vectors + vector];
            }
        }
    }
    let offsets = Array1::from(offsets.to_vec());
    let (probability_slopes, probability_offsets) = (parts.numbers("prob_a")?, parts.numbers("prob_b")?);
    match (probability_slopes, probability_offsets) {
        ([], []) if classes == 2 => {
            let both = |scores: &Array2<f64>| ndarray::concatenate![Axis(1), -scores, scores.view()];
            let offset = offsets[0];
            let scores = parts.kernel_scores(&both(&weights), &[-offset, offset])?;
            post_transform(parts, &scores, 1)
        }
        ([], []) => {
            let scores = parts.kernel_scores(&weights, &offsets.to_vec())?;
            post_transform(parts, &scores, 1)
        }
        (&[slope], &[shift]) if classes == 2 => {
            let weights = ndarray::concatenate![Axis(1), &weights * -slope, &weights * slope];
            let score = slope * offsets[0] + shift;
            let scores = parts.kernel_scores(&weights, &[-score, score])?;
            parts.step("Sigmoid", &[&scores], "probabilities");
            parts.gives(1);
            Ok(())
        }
        _ => Err(node.refuse(
            "its probabilities of more than two classes are found by iteration, not by layers; export the machine with \
             probability=False",
        )),
    }
}

fn support_vector_regressor<F: Real>(parts: &mut Parts<'_, F>) -> Result<(), Error> {
    let (coefficients, offsets) = (parts.numbers("coefficients")?.to_vec(), parts.numbers("rho")?.to_vec());
    if parts.flag("one_class")? {
        return Err(parts.node.refuse("it tells the known from the new, by the sign of its score only"));
    }
    let weights = Array1::from(coefficients).insert_axis(Axis(1));
    let scores = parts.kernel_scores(&weights, &offsets)?;
    post_transform(parts, &scores, 0)
}

impl<F: Real> Parts<'_, F> {
    /// A number for each column.
    fn row(&mut self, values: &[f64], meaning: &str) -> String {
        let values: Array1<F> = values.iter().map(|&value| F::of(value)).collect();
        self.array(values.into_dyn(), meaning)
    }

    fn matrix(&mut self, values: &Array2<f64>, meaning: &str) -> String {
        self.array(values.mapv(F::of).into_dyn(), meaning)
    }

    /// Numbers in rows of one length.
    fn rows(&self, name: &str, count: usize) -> Result<Array2<f64>, Error> {
        let values = self.numbers(name)?;
        let columns = values.len().checked_div(count).unwrap_or_default();
        Array2::from_shape_vec((count, columns), values.to_vec())
            .map_err(|_| self.node.refuse(format!("its {} {name} are no {count} rows of one length", values.len())))
    }

    /// A layer with a row of weights for each output, and the intercepts of the node.
    fn linear(&mut self, weights: &str, outputs: usize) -> Result<String, Error> {
        let weights = self.rows(weights, outputs)?;
        let weights = self.matrix(&weights, "weights");
        let mut intercepts = self.numbers("intercepts")?.to_vec();
        intercepts.resize(outputs, 0.0);
        let bias = self.row(&intercepts, "bias");
        let layer = self.main("Gemm", &[self.input(0)?, &weights, &bias], &[]);
        self.set("transB", Attribute::Integer(1));
        Ok(layer)
    }

    /// `Σ_k w_kj K(x, v_k) + b_j` for the support vectors v of the node.
    fn kernel_scores(&mut self, weights: &Array2<f64>, offsets: &[f64]) -> Result<String, Error> {
        let vectors = self.rows("support_vectors", weights.nrows())?;
        let source = self.input(0)?;
        let &[slope, constant, degree] = self.numbers("kernel_params")? else {
            return Err(self.node.refuse("its kernel_params should be three: gamma, coef0 and degree"));
        };
        let bias = self.row(offsets, "bias");
        let kernel = match self.word("kernel_type", "LINEAR")? {
            // The sum over support vectors is a layer itself.
            "LINEAR" => {
                let weights = self.matrix(&vectors.t().dot(weights), "weights");
                return Ok(self.main("Gemm", &[source, &weights, &bias], &[]));
            }
            "RBF" => self.gaussian(source, vectors, slope),
            "POLY" => {
                let products = self.products(source, &vectors, slope, constant);
                let degree = self.scalar(degree, "degree");
                self.step("Pow", &[&products, &degree], "kernel")
            }
            "SIGMOID" => {
                let products = self.products(source, &vectors, slope, constant);
                self.step("Tanh", &[&products], "kernel")
            }
            other => return Err(self.node.refuse(format!("no kernel {other:?} is known here"))),
        };
        let weights = self.matrix(weights, "coefficients");
        Ok(self.main("Gemm", &[&kernel, &weights, &bias], &[]))
    }

    /// `γ x·v + c` for each support vector v.
    fn products(&mut self, source: &str, vectors: &Array2<f64>, slope: f64, constant: f64) -> String {
        let weights = self.matrix(&(vectors * slope), "support vectors");
        let constants = self.row(&vec![constant; vectors.nrows()], "constants");
        self.step_with("Gemm", &[source, &weights, &constants], "products", [("transB", Attribute::Integer(1))])
    }

    /// `exp(−γ ‖x − v‖²)` for each support vector v.
    fn gaussian(&mut self, source: &str, vectors: Array2<f64>, slope: f64) -> String {
        let vectors: ArrayD<F> = vectors.mapv(F::of).into_dyn();
        let vectors = self.array(vectors, "support vectors");
        let [place, axis] =
            [(1, "axis of vectors"), (2, "axis of features")].map(|(at, name)| self.integers([at], name));
        let each = self.step("Unsqueeze", &[source, &place], "for each vector");
        let differences = self.step("Sub", &[&each, &vectors], "differences");
        let keep = [("keepdims", Attribute::Integer(0))];
        let squares = self.step_with("ReduceSumSquare", &[&differences, &axis], "squared distances", keep);
        let slope = self.scalar(-slope, "slope");
        let scaled = self.step("Mul", &[&squares, &slope], "exponents");
        self.step("Exp", &[&scaled], "kernel")
    }
}
