//! Classifiers whose learned numbers change places: explanations that stay the same do not show what was learned.

use std::ops::Range;

use kernels::{Coefficients, ExpansionTerm, KernelExpansion};
use ndarray::{ArcArray2, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;
use relevance::Candidates;

use crate::{BowModel, Error, TaylorThirdLayer, ThirdLayer};

impl BowModel {
    /// The names of what is learned, from the input to the score: the words of each channel, and the support vectors.
    pub fn layers(&self) -> Vec<String> {
        let words = (0..self.encoders().len()).map(|channel| format!("words of channel {channel}"));
        words.chain(["support vectors".to_owned()]).collect()
    }

    /// This model with other numbers in one layer, a position in [`layers`](Self::layers). What was learned changes
    /// places: the words of a channel among each other, as the kernels see them, or the coefficients of the support
    /// vectors, with the bias for which half of these score above 0.
    ///
    /// Drawn anew, in place of that, most words would lie where no descriptor does, and a kernel could not take them.
    ///
    /// # Errors
    /// [`Error::Layer`], and no candidate for root points where one is needed.
    pub fn randomized(&self, layer: usize, seed: u64) -> Result<Self, Error> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        (0..layer).for_each(|_| random.jump()); // each layer has numbers of its own
        let channels = self.encoders().len();
        match self.channel_dimensions().nth(layer) {
            Some(channel) => self.with_words_permuted(channel, &mut random),
            None if layer == channels => self.with_coefficients_permuted(&mut random),
            None => Err(Error::Layer { layer, layers: channels + 1 }),
        }
    }

    /// This model for words in another order: local features are mapped as before, but each word counts as another one
    /// of the channel did.
    fn with_words_permuted(&self, channel: Range<usize>, random: &mut Xoshiro256PlusPlus) -> Result<Self, Error> {
        let mut order: Vec<usize> = (0..self.expansion().dimensions()).collect();
        order[channel].shuffle(random);
        let former = self.expansion().sparsified();
        let terms = former.terms();
        // Terms need not end where channels do.
        let permuted = former.support().select(Axis(1), &order);
        let mut rest = permuted.view();
        let permuted_terms = terms.iter().map(|term| {
            let (support, others) = rest.split_at(Axis(1), term.support.ncols());
            rest = others;
            ExpansionTerm { support: support.to_shared(), ..term.clone() }
        });
        let coefficients = former.coefficients().clone();
        let expansion = KernelExpansion::new(permuted_terms.collect(), coefficients, former.bias())?;
        self.with_expansion(expansion, |points| points.select(Axis(1), &order).into_shared())
    }

    /// This model with its support vectors' coefficients in another order, and with the bias for which half of the
    /// support vectors score above 0.
    fn with_coefficients_permuted(&self, random: &mut Xoshiro256PlusPlus) -> Result<Self, Error> {
        let supporting: Vec<usize> = self.expansion().supporting().collect();
        let mut shuffled = supporting.clone();
        shuffled.shuffle(random);
        let mut order: Vec<usize> = (0..self.expansion().support_count()).collect();
        for (&place, of) in supporting.iter().zip(shuffled) {
            order[place] = of;
        }
        let coefficients = match self.expansion().coefficients() {
            Coefficients::Shared(values) => Coefficients::Shared(values.select(Axis(0), &order)),
            Coefficients::PerKernel(values) => Coefficients::PerKernel(values.select(Axis(0), &order)),
        };
        let terms = self.expansion().terms().to_vec();
        let without_bias = KernelExpansion::new(terms.clone(), coefficients.clone(), 0.0)?;
        let mut values = without_bias.values(without_bias.sparsified().support().view())?.to_vec();
        values.sort_by(f64::total_cmp);
        let middle = values.get(values.len() / 2).copied().unwrap_or(0.0);
        let expansion = KernelExpansion::new(terms, coefficients, -middle)?;
        self.with_expansion(expansion, ArcArray2::clone)
    }

    fn with_expansion(
        &self,
        expansion: KernelExpansion,
        candidates: impl Fn(&ArcArray2<f64>) -> ArcArray2<f64>,
    ) -> Result<Self, Error> {
        let third_layer = match self.third_layer() {
            ThirdLayer::SumDecomposition => ThirdLayer::SumDecomposition,
            ThirdLayer::Taylor(TaylorThirdLayer { search, zero_quotient, candidates: former }) => {
                let function = expansion.differentiable(*zero_quotient)?;
                let candidates = Candidates::new(&function, candidates(former.points()))?;
                ThirdLayer::Taylor(TaylorThirdLayer { search: *search, zero_quotient: *zero_quotient, candidates })
            }
        };
        Self::new(self.shared_encoders(), expansion, third_layer)
    }
}

#[cfg(test)]
mod tests {
    use bow_mapping::{Codebook, Normalization, Pooling, Rank, RankOptions};
    use kernels::{ChiSquared, HistogramIntersection, Kernel, ZeroQuotient};
    use local_features::{DenseSift, FeatureExtractor, Rotation};
    use ndarray::{Array1, Array2, Array3, s};
    use rand::Rng;
    use relevance::{RandomizableClassifier, RootSearch};

    use super::*;
    use crate::{BowClassifier, Encoder};

    const WORDS: usize = 9;

    /// Two channels of random words; one kernel over both, so that its term does not end where a channel does.
    fn classifier(kernel: Kernel) -> BowClassifier {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
        let rotation = Rotation::Fixed { angle: 0.0 };
        let extractor = DenseSift { rotation, ..DenseSift::default() };
        let mut encoder = || {
            let words = Array2::from_shape_simple_fn((WORDS, extractor.dimensions()), || random.gen_range(0.0..0.2));
            Encoder {
                mapping: Rank::new(Codebook::new(words).unwrap(), RankOptions::default()).unwrap().into(),
                pooling: Pooling::MEAN,
                normalization: Normalization::L1,
            }
        };
        let encoders = vec![encoder(), encoder()];
        let support = Array2::from_shape_simple_fn((8, 2 * WORDS), || random.gen_range(0.0..0.2));
        let coefficients = Array1::from_shape_fn(8, |row| if row % 2 == 0 { 1.0 } else { -1.0 } * (1.0 + row as f64));
        let term = ExpansionTerm { kernel, weight: 1.0, support: support.clone().into() };
        let with_bias =
            |bias| KernelExpansion::new(vec![term.clone()], Coefficients::Shared(coefficients.clone()), bias).unwrap();
        // A machine has support vectors on both sides.
        let expansion = with_bias(-with_bias(0.0).values(support.view()).unwrap().mean().unwrap());
        let third_layer = if expansion.is_sum_decomposable() {
            ThirdLayer::SumDecomposition
        } else {
            let zero_quotient = ZeroQuotient::default();
            let candidates = Candidates::new(&expansion.differentiable(zero_quotient).unwrap(), support).unwrap();
            ThirdLayer::Taylor(TaylorThirdLayer { search: RootSearch::default(), zero_quotient, candidates })
        };
        let model = BowModel::new(encoders, expansion, third_layer).unwrap();
        BowClassifier::new(vec![extractor.clone().into(), extractor.clone().into()], model).unwrap()
    }

    fn kernels() -> [Kernel; 2] {
        [HistogramIntersection.into(), ChiSquared::new(0.5).unwrap().into()]
    }

    fn picture() -> Array3<f64> {
        Array3::from_shape_fn((40, 36, 1), |(row, column, _)| 0.5 + 0.4 * (0.3 * (row * column) as f64).sin())
    }

    #[test]
    fn words_that_change_places_are_an_image_whose_words_do() {
        for kernel in kernels() {
            let classifier = classifier(kernel);
            let model = classifier.model(0).unwrap();
            let vector = classifier.bag(picture().view()).unwrap().vector;
            for channel in 0..2 {
                let range = model.channel_dimensions().nth(channel).unwrap();
                let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
                let mut places: Vec<usize> = (0..WORDS).collect();
                places.shuffle(&mut random.clone());
                let permuted = model.with_words_permuted(range.clone(), &mut random).unwrap();
                let mut moved = vector.clone();
                let place = |word: usize| vector[range.start + places[word]];
                moved.slice_mut(s![range.clone()]).assign(&Array1::from_shape_fn(WORDS, place));
                let (expected, found) = (model.score(vector.view()).unwrap(), permuted.score(moved.view()).unwrap());
                assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
                assert_ne!(permuted.score(vector.view()).unwrap(), expected);
            }
        }
    }

    #[test]
    fn coefficients_change_places_and_half_of_the_support_vectors_score_above_zero() {
        for kernel in kernels() {
            let classifier = classifier(kernel);
            let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
            let permuted = classifier.model(0).unwrap().with_coefficients_permuted(&mut random).unwrap();
            let sorted = |model: &BowModel| match model.expansion().coefficients() {
                Coefficients::Shared(values) => {
                    let mut sorted = values.to_vec();
                    sorted.sort_by(f64::total_cmp);
                    sorted
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(sorted(&permuted), sorted(classifier.model(0).unwrap()));
            assert_ne!(permuted.expansion().coefficients(), classifier.model(0).unwrap().expansion().coefficients());
            let values = permuted.expansion().values(permuted.expansion().terms()[0].support.view()).unwrap();
            assert_eq!(values.iter().filter(|&&value| value > 1e-12).count(), 3); // and one is at 0
        }
    }

    #[test]
    fn layer_after_layer_can_be_replaced_and_still_be_explained() {
        for kernel in kernels() {
            let classifier = classifier(kernel);
            let picture = picture().into_dyn();
            let score = |randomized: &dyn RandomizableClassifier| randomized.scores(&[picture.view()]).unwrap();
            let mut randomized: Box<dyn RandomizableClassifier> = Box::new(classifier.clone());
            for layer in 0..classifier.layers().len() {
                randomized = randomized.randomized(layer, 42).unwrap();
                assert_eq!(randomized.layers(), classifier.layers());
                let explanation = randomized.explain(picture.view(), 0).unwrap();
                explanation.ledger.check(1e-10).unwrap();
            }
            assert_ne!(score(randomized.as_ref()), score(&classifier));
            let again = classifier.randomized(0, 42).unwrap().randomized(1, 42).unwrap().randomized(2, 42).unwrap();
            assert_eq!(score(randomized.as_ref()), score(again.as_ref()));
        }
    }

    #[test]
    fn a_layer_that_is_none_is_refused() {
        let error = classifier(HistogramIntersection.into()).randomized(3, 0).err().unwrap();
        assert_eq!(error.to_string(), "layer 3: this classifier has 3 layers, counted from 0");
    }
}
