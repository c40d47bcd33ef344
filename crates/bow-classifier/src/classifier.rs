//! From an image to the score, and back.

use local_features::{Extractor, FeatureExtractor};
use ndarray::{Array2, ArrayView3, ArrayViewD, Axis, Ix3};
use rayon::prelude::*;
use relevance::{ExplainError, ExplainableClassifier, Explanation, RootSearch};

use crate::{Bag, BowModel, Error, PixelDecomposition, pixel_wise_decomposition};

/// A Bag-of-Words classifier of images that can be explained to the pixel.
///
/// Images are H×W×C in [0, 1], with one or three channels. An example stands at the head of the [crate](crate).
#[derive(Clone, Debug, PartialEq)]
pub struct BowClassifier {
    extractors: Vec<Extractor>,
    model: BowModel,
}

impl BowClassifier {
    /// Joins the extractors of local features with the model above them, one extractor for each of its encoders.
    ///
    /// # Errors
    /// [`Error::Channels`] when there are not as many extractors as encoders; [`Error::Descriptors`] when an
    /// extractor's descriptors are not those that the encoder's mapping takes.
    pub fn new(extractors: Vec<Extractor>, model: BowModel) -> Result<Self, Error> {
        if extractors.len() != model.encoders().len() {
            return Err(Error::Channels { extractors: extractors.len(), encoders: model.encoders().len() });
        }
        for (channel, (extractor, encoder)) in extractors.iter().zip(model.encoders()).enumerate() {
            let expected = bow_mapping::Map::descriptor_dimensions(&encoder.mapping);
            if extractor.dimensions() != expected {
                return Err(Error::Descriptors { channel, found: extractor.dimensions(), expected });
            }
        }
        Ok(Self { extractors, model })
    }

    /// The same classifier, explained about root points that are searched in another way
    /// ([`BowModel::with_search`]).
    #[must_use]
    pub fn with_search(self, search: RootSearch) -> Self {
        Self { model: self.model.with_search(search), ..self }
    }

    /// The extractors of local features, one for each channel.
    pub fn extractors(&self) -> &[Extractor] {
        &self.extractors
    }

    /// Everything above the local features.
    pub fn model(&self) -> &BowModel {
        &self.model
    }

    /// The forward half up to `x`: local features, mapped and pooled.
    ///
    /// # Errors
    /// An image that the extractors can't take: empty, smaller than a descriptor, or with values that are not finite.
    pub fn bag(&self, image: ArrayView3<'_, f64>) -> Result<Bag, Error> {
        let channels = self
            .extractors
            .iter()
            .zip(self.model.encoders())
            .map(|(extractor, encoder)| {
                let features = extractor.extract(image)?;
                encoder.encode(features.descriptors.mapv(f64::from).view(), features.areas)
            })
            .collect::<Result<_, Error>>()?;
        let (height, width, _) = image.dim();
        Ok(Bag::new(channels, (height, width)))
    }

    /// `f` of an image.
    ///
    /// # Errors
    /// As for [`bag`](Self::bag).
    pub fn score(&self, image: ArrayView3<'_, f64>) -> Result<f64, Error> {
        self.model.score(self.bag(image)?.vector.view())
    }

    /// Explains the score of an image: Algorithm 1.
    ///
    /// # Errors
    /// As for [`bag`](Self::bag) and [`pixel_wise_decomposition`].
    pub fn decompose(&self, image: ArrayView3<'_, f64>) -> Result<PixelDecomposition, Error> {
        pixel_wise_decomposition(&self.model, &self.bag(image)?)
    }
}

impl ExplainableClassifier for BowClassifier {
    fn targets(&self) -> usize {
        1
    }

    fn channel_axis(&self) -> Option<Axis> {
        Some(Axis(2))
    }

    fn scores(&self, inputs: &[ArrayViewD<'_, f64>]) -> Result<Array2<f64>, ExplainError> {
        let scores = inputs
            .par_iter()
            .map(|input| Ok(self.score(image_view(input)?)?))
            .collect::<Result<Vec<_>, ExplainError>>()?;
        Ok(Array2::from_shape_vec((inputs.len(), 1), scores)?)
    }

    fn explain(&self, input: ArrayViewD<'_, f64>, target: usize) -> Result<Explanation, ExplainError> {
        if target != 0 {
            return Err(Box::new(Error::Target { target }));
        }
        let found = self.decompose(image_view(&input)?)?;
        Ok(Explanation { score: found.score, relevance: found.pixels.into_dyn(), ledger: found.ledger })
    }
}

fn image_view<'a>(input: &'a ArrayViewD<'_, f64>) -> Result<ArrayView3<'a, f64>, Error> {
    input.view().into_dimensionality::<Ix3>().map_err(|_| Error::ImageRank { shape: input.shape().to_vec() })
}
