//! From LIBSVM's model files.

use std::io::Read;

use kernels::{Coefficients, ExpansionTerm, Kernel, KernelExpansion, Linear, Rbf};
use libsvm_rs::io::{LoadOptions, load_model_from_reader_with_options};
use libsvm_rs::{KernelType, SvmModel, SvmNode, SvmType};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::ConvertError;

/// Where the support vectors of a LIBSVM model are.
#[derive(Clone, Copy, Debug)]
pub enum LibsvmVectors<'a> {
    /// In the file, as `index:value` pairs: `kernel_type` linear or rbf.
    InFile {
        /// V, how many dimensions the vectors have: a file leaves out zeros, those of the last dimensions too.
        dimensions: usize,
    },
    /// Only their serial numbers are in the file: `kernel_type` precomputed.
    Precomputed {
        /// The kernel that the Gram matrix was computed with.
        kernel: Kernel,
        /// The training points, (N, V): serial number 1 is the first row.
        training: ArrayView2<'a, f64>,
    },
}

/// The score of a two-class LIBSVM model (`svm_type` c_svc or nu_svc), as a kernel expansion.
///
/// ```text
/// f(x) = −ρ + Σ_i α_i y_i k(x_i, x)                       Bach et al. 2015, Eq. (20)
/// ```
/// * `file` — a model as `svm-train` writes it; rbf's γ becomes σ = 1/γ of Eq. 47
/// * `vectors` — where the support vectors are
/// * `positive_label` — the label whose points get positive scores. (LIBSVM's decision values are positive for the label
///   that came first in its training file.)
///
/// ```
/// use bow_classifier::convert::{LibsvmVectors, expansion_from_libsvm};
/// use ndarray::array;
///
/// let file = "svm_type c_svc\nkernel_type rbf\ngamma 0.5\nnr_class 2\ntotal_sv 2\nrho 0.25\nlabel -1 1\nnr_sv 1 1\n\
///             SV\n1 1:0.5 2:1 \n-1 1:1 \n";
/// let vectors = LibsvmVectors::InFile { dimensions: 3 };
/// let expansion = expansion_from_libsvm(file.as_bytes(), vectors, 1)?;
/// // Label −1 comes first: its support vector counts against label 1.
/// let score = 0.25 - (-0.5 * (0.25 + 1.0_f64)).exp() + (-0.5_f64 * 0.0).exp();
/// assert!((expansion.value(array![1.0, 0.0, 0.0].view())? - score).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ConvertError::Libsvm`] with the line of a file that is malformed, cut short, or of another `svm_type`;
/// [`ConvertError::Kernel`] for polynomial and sigmoid kernels; [`ConvertError::Vectors`] when `vectors` do not go with
/// the file's kernel; [`ConvertError::Label`] for a label that the model does not have.
pub fn expansion_from_libsvm(
    mut file: impl Read,
    vectors: LibsvmVectors<'_>,
    positive_label: i32,
) -> Result<KernelExpansion, ConvertError> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let model = ModelFile::parse(&text)?;
    model.check_two_classes()?;
    let sign = model.sign_of(positive_label)?;
    let (kernel, support) = model.kernel_and_support(vectors)?;
    let coefficients = model.svm.sv_coef.iter().flatten().map(|coefficient| sign * coefficient).collect();
    let bias = -sign * model.svm.rho.iter().sum::<f64>();
    let term = ExpansionTerm { kernel, weight: 1.0, support: support.into_shared() };
    Ok(KernelExpansion::new(vec![term], Coefficients::Shared(Array1::from_vec(coefficients)), bias)?)
}

/// What a machine decides by one of its scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LibsvmDecision {
    /// Which of two labels: the score is positive for the first.
    Between(i32, i32),
    /// Whether a point is like those that were learned from: `svm_type` one_class.
    Membership,
}

impl std::fmt::Display for LibsvmDecision {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Between(positive, negative) => write!(formatter, "{positive} against {negative}"),
            Self::Membership => formatter.write_str("membership"),
        }
    }
}

/// All scores of a LIBSVM model, each as a kernel expansion: one for a model of two classes (c_svc, nu_svc) or of one
/// (one_class), one for each pair of more classes.
///
/// ```text
/// f_ij(x) = −ρ_ij + Σ_{n of class i} c_{j−1,n} k(x_n, x) + Σ_{n of class j} c_{i,n} k(x_n, x),   i < j
/// ```
/// * `c`, `ρ` — the coefficients and offsets of the file, as LIBSVM lays them out
///
/// The arguments are those of [`expansion_from_libsvm`].
///
/// # Errors
/// As for [`expansion_from_libsvm`]; regression (epsilon_svr, nu_svr) decides nothing, and is refused.
pub fn decisions_from_libsvm(
    mut file: impl Read,
    vectors: LibsvmVectors<'_>,
) -> Result<Vec<(LibsvmDecision, KernelExpansion)>, ConvertError> {
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let model = ModelFile::parse(&text)?;
    model.check_decides()?;
    let (kernel, support) = model.kernel_and_support(vectors)?;
    let expansion = |rows: Vec<usize>, coefficients: Vec<f64>, rho: f64| {
        let support = support.select(Axis(0), &rows).into_shared();
        let term = ExpansionTerm { kernel, weight: 1.0, support };
        KernelExpansion::new(vec![term], Coefficients::Shared(Array1::from_vec(coefficients)), -rho)
    };
    let svm = &model.svm;
    if svm.param.svm_type == SvmType::OneClass {
        let all = (0..support.nrows()).collect();
        return Ok(vec![(LibsvmDecision::Membership, expansion(all, svm.sv_coef[0].clone(), svm.rho[0])?)]);
    }
    let mut decisions = Vec::new();
    let starts: Vec<usize> =
        svm.n_sv.iter().scan(0, |start, &count| Some(std::mem::replace(start, *start + count))).collect();
    let of_class = |class: usize| starts[class]..starts[class] + svm.n_sv[class];
    for first in 0..svm.nr_class {
        for second in first + 1..svm.nr_class {
            let rows: Vec<usize> = of_class(first).chain(of_class(second)).collect();
            let own = of_class(first).map(|row| svm.sv_coef[second - 1][row]);
            let coefficients = own.chain(of_class(second).map(|row| svm.sv_coef[first][row])).collect();
            let decision = LibsvmDecision::Between(svm.label[first], svm.label[second]);
            decisions.push((decision, expansion(rows, coefficients, svm.rho[decisions.len()])?));
        }
    }
    Ok(decisions)
}

/// A model, and where its parts stand in its file.
struct ModelFile {
    svm: SvmModel,
    lines: Lines,
}

/// Lines of a model file, from 1.
struct Lines {
    /// The lines that are not empty after the one that says `SV`: one for each support vector.
    support: Vec<usize>,
    /// The line that says `SV`, or the last one.
    header_end: usize,
    last: usize,
}

impl Lines {
    fn of(text: &str) -> Self {
        let last = text.lines().count();
        let header_end = text.lines().position(|line| line.trim() == "SV").map_or(last, |position| position + 1);
        let filled = text.lines().enumerate().skip(header_end).filter(|(_, line)| !line.trim().is_empty());
        Self { support: filled.map(|(position, _)| position + 1).collect(), header_end, last }
    }

    fn of_support_vector(&self, support_vector: usize) -> usize {
        self.support.get(support_vector).copied().unwrap_or(self.last)
    }

    /// The library's message, its line apart.
    fn locate(&self, message: String) -> ConvertError {
        let message = message.strip_prefix("model format error: ").map_or(message.clone(), str::to_owned);
        let located = message.strip_prefix("line ").and_then(|rest| rest.split_once(": "));
        if let Some((line, reason)) = located.and_then(|(line, reason)| Some((line.parse().ok()?, reason))) {
            return ConvertError::Libsvm { line, reason: reason.to_owned() };
        }
        let line = if message.contains("end of file") { self.last } else { self.header_end };
        ConvertError::Libsvm { line, reason: message }
    }
}

impl ModelFile {
    fn parse(text: &str) -> Result<Self, ConvertError> {
        let lines = Lines::of(text);
        if !text.ends_with('\n') {
            let reason = "the file ends within the line: it has been cut short".to_owned();
            return Err(ConvertError::Libsvm { line: lines.last, reason });
        }
        // The text is in memory already: its length needs no limits.
        let options = LoadOptions { max_bytes: u64::MAX, max_line_len: usize::MAX, ..LoadOptions::default() };
        let svm = load_model_from_reader_with_options(text.as_bytes(), &options)
            .map_err(|error| lines.locate(error.to_string()))?;
        Ok(Self { svm, lines })
    }

    fn check_two_classes(&self) -> Result<(), ConvertError> {
        let fail = |reason: String| Err(ConvertError::Libsvm { line: self.lines.header_end, reason });
        if !matches!(self.svm.param.svm_type, SvmType::CSvc | SvmType::NuSvc) {
            return fail("svm_type one_class, epsilon_svr or nu_svr where c_svc or nu_svc is needed".to_owned());
        }
        if self.svm.nr_class != 2 {
            return fail(format!("{} classes where 2 are needed: train one model for each class", self.svm.nr_class));
        }
        if self.svm.sv.is_empty() {
            return fail("no support vectors".to_owned());
        }
        Ok(())
    }

    /// Refuses what is no decision, and files whose parts do not go together.
    fn check_decides(&self) -> Result<(), ConvertError> {
        let fail = |reason: String| Err(ConvertError::Libsvm { line: self.lines.header_end, reason });
        let (svm, vectors) = (&self.svm, self.svm.sv.len());
        if matches!(svm.param.svm_type, SvmType::EpsilonSvr | SvmType::NuSvr) {
            return fail(
                "svm_type epsilon_svr or nu_svr, which is a regression: c_svc, nu_svc or one_class is needed".into(),
            );
        }
        if vectors == 0 {
            return fail("no support vectors".to_owned());
        }
        let classes = svm.nr_class;
        let (rows, pairs) = match svm.param.svm_type {
            SvmType::OneClass => (1, 1),
            _ => (classes.saturating_sub(1), classes * classes.saturating_sub(1) / 2),
        };
        let is_classifier = svm.param.svm_type != SvmType::OneClass;
        let counted =
            || svm.label.len() == classes && svm.n_sv.len() == classes && svm.n_sv.iter().sum::<usize>() == vectors;
        let whole = rows > 0 && svm.sv_coef.len() == rows && svm.sv_coef.iter().all(|row| row.len() == vectors);
        if !whole || svm.rho.len() != pairs || is_classifier && !counted() {
            return fail(format!(
                "\"label\", \"nr_sv\", \"rho\" and the coefficients do not go with {classes} classes"
            ));
        }
        Ok(())
    }

    /// 1 where the model's decision values are positive for `label`, −1 where they are negative.
    fn sign_of(&self, label: i32) -> Result<f64, ConvertError> {
        match self.svm.label[..] {
            [first, _] if first == label => Ok(1.0),
            [_, second] if second == label => Ok(-1.0),
            [first, second] => Err(ConvertError::Label { label, labels: [first, second] }),
            _ => {
                let reason = "the line \"label\" has to name two labels".to_owned();
                Err(ConvertError::Libsvm { line: self.lines.header_end, reason })
            }
        }
    }

    fn kernel_and_support(&self, vectors: LibsvmVectors<'_>) -> Result<(Kernel, Array2<f64>), ConvertError> {
        let in_file = |kernel: &'static str| match vectors {
            LibsvmVectors::InFile { dimensions } => self.dense_support(dimensions),
            LibsvmVectors::Precomputed { .. } => Err(ConvertError::Vectors {
                kernel,
                needed: "the file has the support vectors; give the number of dimensions only",
            }),
        };
        match self.svm.param.kernel_type {
            KernelType::Linear => Ok((Linear.into(), in_file("linear")?)),
            KernelType::Rbf => {
                let support = in_file("rbf")?;
                Ok((Rbf::new(1.0 / self.svm.param.gamma)?.into(), support))
            }
            KernelType::Precomputed => match vectors {
                LibsvmVectors::Precomputed { kernel, training } => Ok((kernel, self.numbered_support(training)?)),
                LibsvmVectors::InFile { .. } => Err(ConvertError::Vectors {
                    kernel: "precomputed",
                    needed: "the file has serial numbers only; give the kernel and the training points",
                }),
            },
            KernelType::Polynomial => Err(ConvertError::Kernel { kernel: "polynomial" }),
            KernelType::Sigmoid => Err(ConvertError::Kernel { kernel: "sigmoid" }),
        }
    }

    /// The support vectors of the file, with their zeros.
    fn dense_support(&self, dimensions: usize) -> Result<Array2<f64>, ConvertError> {
        let mut support = Array2::zeros((self.svm.sv.len(), dimensions));
        for (row, nodes) in self.svm.sv.iter().enumerate() {
            for &SvmNode { index, value } in nodes {
                let column = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
                let entry = column.and_then(|column| support.get_mut([row, column]));
                *entry.ok_or_else(|| ConvertError::Libsvm {
                    line: self.lines.of_support_vector(row),
                    reason: format!("index {index} where 1 to {dimensions} are possible"),
                })? = value;
            }
        }
        Ok(support)
    }

    /// The support vectors of which the file has serial numbers.
    fn numbered_support(&self, training: ArrayView2<'_, f64>) -> Result<Array2<f64>, ConvertError> {
        let points = training.nrows();
        let mut rows = Vec::with_capacity(self.svm.sv.len());
        for (position, nodes) in self.svm.sv.iter().enumerate() {
            // The reader has seen to it that there is a number, whole and at least 1.
            let serial = nodes.first().map_or(0.0, |node| node.value);
            if !(1.0..=points as f64).contains(&serial) {
                let reason = format!("serial number {serial} where 1 to {points} are possible");
                return Err(ConvertError::Libsvm { line: self.lines.of_support_vector(position), reason });
            }
            rows.push(serial as usize - 1);
        }
        Ok(training.select(Axis(0), &rows))
    }
}

#[cfg(test)]
mod tests {
    use kernels::{ChiSquared, gram};
    use libsvm_rs::io::{load_model_from_reader, save_model_to_writer};
    use libsvm_rs::predict::predict_values;
    use libsvm_rs::train::svm_train;
    use libsvm_rs::{SvmParameter, SvmParameterBuilder, SvmProblem};

    use super::*;

    fn points(seed: usize) -> Array2<f64> {
        Array2::from_shape_fn((30, 5), |(i, j)| ((i * (37 + seed) + j * 11 + i * i * 3) % 7) as f64 / 4.0)
    }

    fn labels(first: f64) -> Vec<f64> {
        points(0).rows().into_iter().map(|row| if row[0] + 0.5 * row[1] > 0.9 { first } else { -first }).collect()
    }

    fn sparse(values: &[f64]) -> Vec<SvmNode> {
        let nodes = values.iter().enumerate().filter(|(_, value)| **value != 0.0);
        nodes.map(|(column, &value)| SvmNode { index: column as i32 + 1, value }).collect()
    }

    fn numbered(serial: usize, values: &[f64]) -> Vec<SvmNode> {
        let mut nodes = vec![SvmNode { index: 0, value: serial as f64 }];
        nodes.extend(values.iter().enumerate().map(|(column, &value)| SvmNode { index: column as i32 + 1, value }));
        nodes
    }

    fn trained(instances: Vec<Vec<SvmNode>>, labels: Vec<f64>, parameters: &SvmParameter) -> Vec<u8> {
        libsvm_rs::set_quiet(true);
        let model = svm_train(&SvmProblem { labels, instances }, parameters);
        let mut file = Vec::new();
        save_model_to_writer(&mut file, &model).unwrap();
        file
    }

    fn parameters(kernel: KernelType) -> SvmParameterBuilder {
        SvmParameterBuilder::new().svm_type(SvmType::CSvc).kernel_type(kernel).gamma(0.7).c(2.0).shrinking(false)
    }

    /// The library's decision value, positive for `label`.
    fn decision(model: &SvmModel, x: &[SvmNode], label: i32) -> f64 {
        let mut values = [0.0];
        predict_values(model, x, &mut values);
        if model.label[0] == label { values[0] } else { -values[0] }
    }

    #[test]
    fn scores_are_those_of_libsvm() {
        for kernel in [KernelType::Linear, KernelType::Rbf] {
            for svm_type in [SvmType::CSvc, SvmType::NuSvc] {
                for first in [1.0, -1.0] {
                    let parameters = parameters(kernel).svm_type(svm_type).nu(0.3).build().unwrap();
                    let training = points(0).rows().into_iter().map(|row| sparse(&row.to_vec())).collect();
                    let file = trained(training, labels(first), &parameters);
                    let model = load_model_from_reader(&file[..]).unwrap();
                    let vectors = LibsvmVectors::InFile { dimensions: 5 };
                    let expansion = expansion_from_libsvm(&file[..], vectors, 1).unwrap();
                    for x in points(2).rows() {
                        let expected = decision(&model, &sparse(&x.to_vec()), 1);
                        let found = expansion.value(x).unwrap();
                        assert!((found - expected).abs() < 1e-12, "{kernel:?} {svm_type:?}: {found} {expected}");
                    }
                }
            }
        }
    }

    /// The scores of all pairs, in the library's order, and that of one class.
    #[test]
    fn all_scores_are_those_of_libsvm() {
        let three: Vec<f64> =
            points(0).rows().into_iter().map(|row| 1.0 + (3.0 * row[0] + row[1]).floor() % 3.0).collect();
        let cases = [
            (SvmType::CSvc, three.clone(), 3),
            (SvmType::NuSvc, three, 3),
            (SvmType::CSvc, labels(1.0), 1),
            (SvmType::OneClass, vec![1.0; 30], 1),
        ];
        for kernel in [KernelType::Linear, KernelType::Rbf] {
            for (svm_type, labels, count) in &cases {
                let parameters = parameters(kernel).svm_type(*svm_type).nu(0.2).build().unwrap();
                let training = points(0).rows().into_iter().map(|row| sparse(&row.to_vec())).collect();
                let file = trained(training, labels.clone(), &parameters);
                let model = load_model_from_reader(&file[..]).unwrap();
                let found = decisions_from_libsvm(&file[..], LibsvmVectors::InFile { dimensions: 5 }).unwrap();
                assert_eq!(found.len(), *count);
                for x in points(2).rows() {
                    let mut expected = vec![0.0; *count];
                    predict_values(&model, &sparse(&x.to_vec()), &mut expected);
                    for ((decision, expansion), expected) in found.iter().zip(expected) {
                        let found = expansion.value(x).unwrap();
                        assert!((found - expected).abs() < 1e-12, "{svm_type:?} {decision}: {found} {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn regression_is_refused_by_name() {
        let parameters = parameters(KernelType::Linear).svm_type(SvmType::EpsilonSvr).build().unwrap();
        let training = points(0).rows().into_iter().map(|row| sparse(&row.to_vec())).collect();
        let file = trained(training, points(0).column(2).to_vec(), &parameters);
        let error = decisions_from_libsvm(&file[..], LibsvmVectors::InFile { dimensions: 5 }).unwrap_err().to_string();
        assert!(error.contains("epsilon_svr") && error.contains("regression"), "{error}");
    }

    #[test]
    fn precomputed_kernels_find_their_support_vectors() {
        let kernel = Kernel::from(ChiSquared::new(0.8).unwrap());
        let (training, test) = (points(0), points(2));
        let rows = |values: Array2<f64>| -> Vec<Vec<SvmNode>> {
            values.rows().into_iter().enumerate().map(|(i, row)| numbered(i + 1, &row.to_vec())).collect()
        };
        let instances = rows(gram(&kernel, training.view(), training.view()).unwrap());
        let file = trained(instances, labels(-1.0), &parameters(KernelType::Precomputed).build().unwrap());
        let model = load_model_from_reader(&file[..]).unwrap();
        let vectors = LibsvmVectors::Precomputed { kernel, training: training.view() };
        let expansion = expansion_from_libsvm(&file[..], vectors, -1).unwrap();
        let test_rows = rows(gram(&kernel, test.view(), training.view()).unwrap());
        for (x, nodes) in test.rows().into_iter().zip(&test_rows) {
            let expected = decision(&model, nodes, -1);
            assert!((expansion.value(x).unwrap() - expected).abs() < 1e-12);
        }
    }

    const FILE: &str = "svm_type c_svc\nkernel_type rbf\ngamma 0.5\nnr_class 2\ntotal_sv 2\nrho 0.25\nlabel 1 -1\n\
                        nr_sv 1 1\nSV\n1 1:0.5 3:1 \n-1 2:1 \n";

    fn convert(file: &str) -> Result<KernelExpansion, ConvertError> {
        expansion_from_libsvm(file.as_bytes(), LibsvmVectors::InFile { dimensions: 3 }, 1)
    }

    #[track_caller]
    fn assert_fails_at(file: &str, line: usize, part: &str) {
        match convert(file) {
            Err(ConvertError::Libsvm { line: found, reason }) => {
                assert_eq!(found, line, "{reason}");
                assert!(reason.contains(part), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_that_is_cut_short_anywhere_is_an_error() {
        convert(FILE).unwrap();
        for length in 0..FILE.len() {
            let error = convert(&FILE[..length]).unwrap_err();
            let line = FILE[..length].lines().count();
            assert!(matches!(error, ConvertError::Libsvm { line: found, .. } if found == line), "{length}: {error}");
        }
    }

    #[test]
    fn malformed_lines_are_named() {
        assert_fails_at(&FILE.replace("rho 0.25", "rho x"), 6, "rho");
        assert_fails_at(&FILE.replace("c_svc", "d_svc"), 1, "d_svc");
        assert_fails_at(&FILE.replace("2:1", "2;1"), 11, "2;1");
        assert_fails_at(&FILE.replace("2:1", "4:1"), 11, "index 4 where 1 to 3");
        assert_fails_at(&FILE.replace("2:1", "0:1"), 11, "index 0 where 1 to 3");
        assert_fails_at(&FILE.replace("1:0.5", "1:nan"), 10, "finite");
        assert_fails_at(&FILE.replace("\nSV\n", "\nSV\n\n").replace("2:1", "9:1"), 12, "index 9");
        assert_fails_at(&FILE.replace("nr_sv 1 1", "nr_sv 2 1"), 9, "nr_sv");
        assert_fails_at(&FILE.replace("label 1 -1\n", ""), 8, "label");
        assert_fails_at(&FILE.replace("c_svc", "one_class"), 9, "one_class");
    }

    #[test]
    fn models_that_can_not_be_explained_say_why() {
        for kernel in ["polynomial", "sigmoid"] {
            let error = convert(&FILE.replace("rbf", kernel)).unwrap_err();
            assert!(matches!(error, ConvertError::Kernel { kernel: found } if found == kernel), "{error}");
        }
        let three = FILE.replace("nr_class 2", "nr_class 3").replace("rho 0.25", "rho 1 2 3");
        let three = three.replace("label 1 -1", "label 1 2 3").replace("nr_sv 1 1", "nr_sv 1 1 0");
        assert_fails_at(&three.replace(" 1:0.5", " 1 1:0.5").replace("-1 2", "-1 1 2"), 9, "3 classes");
        let file = FILE.replace("label 1 -1", "label 7 3");
        assert!(convert(&file).unwrap_err().to_string().contains("tells 7 from 3"));
        assert!(matches!(convert(&FILE.replace("gamma 0.5", "gamma 0")), Err(ConvertError::Expansion(_))));

        let training = points(0);
        let vectors = LibsvmVectors::Precomputed { kernel: Linear.into(), training: training.view() };
        let error = expansion_from_libsvm(FILE.as_bytes(), vectors, 1).unwrap_err();
        assert!(matches!(error, ConvertError::Vectors { kernel: "rbf", .. }), "{error}");
        let precomputed = FILE.replace("rbf", "precomputed").replace("1:0.5 3:1", "0:1").replace("2:1", "0:31");
        let error = convert(&precomputed).unwrap_err();
        assert!(matches!(error, ConvertError::Vectors { kernel: "precomputed", .. }), "{error}");
        let error = expansion_from_libsvm(precomputed.as_bytes(), vectors, 1).unwrap_err();
        assert!(error.to_string().contains("line 11: serial number 31 where 1 to 30"), "{error}");
        let unreadable = expansion_from_libsvm(&[0xff, 0xfe][..], vectors, 1);
        assert!(matches!(unreadable, Err(ConvertError::Read(_))));
    }
}
