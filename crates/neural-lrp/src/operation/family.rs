//! What becomes of relevance in an operation where nobody says otherwise.

/// The families of operations by how relevance passes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// A linear map with weights: the rules are about these.
    Linear,
    /// Each output depends on one input at its own place: relevance passes (Eq. 63: g_j does not matter).
    Activation,
    /// Numbers are moved, copied or left out: relevance goes back the way they came.
    Arrangement,
    /// A parameterless sum, mean or norm: shares proportional to the contributions.
    Sum,
    /// The largest or the smallest of several.
    Maximum,
    /// Divides by a statistic of its own input: batch, local response, layer normalization and their like.
    Normalization,
    /// A product or quotient at each place.
    Product,
    /// A matrix product of two tensors.
    Bilinear,
    /// Softmax and its logarithm.
    Softmax,
    /// Tells what holds of numbers, or where one stands: truth values and positions. Relevance ends here, in a sink.
    Decision,
}
