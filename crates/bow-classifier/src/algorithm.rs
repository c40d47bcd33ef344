//! Algorithm 1: pixel-wise decomposition for Bag-of-Words features with kernel classifiers.

use bow_mapping::local_feature_relevance;
use kernels::sum_relevance;
use local_features::pixel_relevance;
use ndarray::{Array1, Array2, ArrayView1, Axis};
use relevance::{Amount, Entry, Ledger};

use crate::model::part;
use crate::{Bag, BowModel, Error, ThirdLayer};

/// A score, decomposed layer by layer down to the pixels.
#[derive(Clone, Debug)]
pub struct PixelDecomposition {
    /// `f(x)`
    pub score: f64,
    /// `R³`: of the dimensions of `x`, V (Eqs 24, 25).
    pub dimensions: Array1<f64>,
    /// `R²`: of each channel's local features, L (Eqs 27, 31).
    pub features: Vec<Array1<f64>>,
    /// `R¹`: of the pixels, (H, W) (Eq. 34), summed over the channels.
    pub pixels: Array2<f64>,
    /// Where the score went, layer by layer.
    pub ledger: Ledger,
}

/// Algorithm 1: the score of an image, handed down to its pixels.
///
/// ```text
/// for d = 1 … V:      R³_d  as in Eqs (24) or (25)
/// for all l ∈ L:      R²_l  as in Eqs (27) or (31)
/// for all pixels q:   R¹_q  as in Eq. (34)                        Bach et al. 2015, Algorithm 1
/// ```
/// * `model` — the kernel expansion, the mappings and, for Eq. 25, the candidates for a root point
/// * `bag` — the image's local features, mapped: `m`, `x` and `area(l)`
///
/// ```
/// use bow_classifier::{Bag, BowModel, Encoder, ThirdLayer, pixel_wise_decomposition};
/// use bow_mapping::{Codebook, Hard, Normalization, Pooling};
/// use kernels::{Coefficients, ExpansionTerm, KernelExpansion, Linear};
/// use local_features::Area;
/// use ndarray::array;
///
/// // Two words, a linear kernel with one support vector: f(x) = 3 x₁ − x₂
/// let encoder = Encoder {
///     mapping: Hard::new(Codebook::new(array![[0.0], [1.0]])?).into(),
///     pooling: Pooling::MEAN,
///     normalization: Normalization::None,
/// };
/// let term = ExpansionTerm { kernel: Linear.into(), weight: 1.0, support: array![[3.0, -1.0]].into() };
/// let expansion = KernelExpansion::new(vec![term], Coefficients::Shared(array![1.0]), 0.0)?;
/// let model = BowModel::new(vec![encoder], expansion, ThirdLayer::SumDecomposition)?;
///
/// // A picture of 1×4 pixels with a local feature on each half: one is the first word, one the second.
/// let half = |left, right| Area::Rectangle { top: 0, left, bottom: 1, right };
/// let encoded = model.encoders()[0].encode(array![[0.1], [0.9]].view(), vec![half(0, 2), half(2, 4)])?;
/// let found = pixel_wise_decomposition(&model, &Bag::new(vec![encoded], (1, 4)))?;
/// assert_eq!(found.score, 1.0);
/// assert_eq!(found.dimensions, array![1.5, -0.5]); // R³
/// assert_eq!(found.features, [array![1.5, -0.5]]); // R²
/// assert_eq!(found.pixels, array![[0.75, 0.75, -0.25, -0.25]]); // R¹
/// # Ok::<(), bow_classifier::Error>(())
/// ```
///
/// `Σ_q R¹_q = f(x)` for sum-decomposable kernels; for the others what is missing is in the ledger's Taylor residual.
///
/// # Errors
/// A bag that is none of the model's, or a root point that can't be found.
pub fn pixel_wise_decomposition(model: &BowModel, bag: &Bag) -> Result<PixelDecomposition, Error> {
    bag.check(model.encoders().len())?;
    let (score, dimensions, third) = third_layer(model, bag.vector.view())?;
    let mut ledger = Ledger::chain(vec![third]);
    let mut second = Entry::new("R² local features (Eqs 27, 31)", Amount::default(), Amount::default());
    let mut first = Entry::new("R¹ pixels (Eq. 34)", Amount::default(), Amount::default());

    let mut features = Vec::with_capacity(bag.channels.len());
    let mut pixels = Array2::zeros(bag.shape);
    for ((channel, encoder), range) in bag.channels.iter().zip(model.encoders()).zip(model.channel_dimensions()) {
        let (of_features, step) =
            local_feature_relevance(part(&dimensions, &range), &channel.assignment, encoder.pooling)?;
        second += &step;
        let (of_pixels, step) = pixel_relevance(of_features.view(), &channel.areas, bag.shape)?;
        first += &step;
        features.push(of_features);
        pixels += &of_pixels;
    }
    ledger.push(second);
    ledger.push(first);
    Ok(PixelDecomposition { score, dimensions, features, pixels, ledger })
}

/// `R³`, the relevance of the dimensions of `x`, by the model's [`ThirdLayer`].
///
/// ```text
/// f(x) ≈ Σ_d R³_d                                            Bach et al. 2015, Eq. (22)
/// ```
///
/// # Errors
/// As for [`pixel_wise_decomposition`].
pub fn dimension_relevance(model: &BowModel, vector: ArrayView1<'_, f64>) -> Result<(Array1<f64>, Entry), Error> {
    let (_, relevance, entry) = third_layer(model, vector)?;
    Ok((relevance, entry))
}

/// `f(x)`, `R³` and its ledger entry.
fn third_layer(model: &BowModel, vector: ArrayView1<'_, f64>) -> Result<(f64, Array1<f64>, Entry), Error> {
    match model.third_layer() {
        ThirdLayer::SumDecomposition => {
            let (relevance, entry) = sum_relevance(model.expansion(), vector)?;
            Ok((model.score(vector)?, relevance, entry))
        }
        ThirdLayer::Taylor(taylor) => {
            let function = model.expansion().differentiable(taylor.zero_quotient)?;
            // The candidates have been checked when the model was made.
            function.check(vector.insert_axis(Axis(0)))?;
            let found = taylor.search.decompose(&function, vector, &taylor.candidates)?;
            let entry = found.entry("R³ dimensions (Eq. 25)");
            Ok((found.value, found.relevance, entry))
        }
    }
}
