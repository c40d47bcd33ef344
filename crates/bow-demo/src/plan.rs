//! From the command line's settings to what is learned.

use bow_classifier::training::{KernelWeights, LpNorm, SvmParams};
use bow_classifier::{ChannelPlan, Error, LearnMapping, Trainer};
use bow_mapping::learning::{GaussianMixtureParams, KMeansParams, Learner};
use bow_mapping::{
    Codebook, Fisher, Hard, Lasso, LassoOptions, Normalization, Rank, RankOptions, Ridge, RidgeOptions, Soft,
    SoftOptions,
};
use kernels::KernelKind;
use local_features::Extractor;
use ndarray::{Array1, ArrayView2};
use relevance::{RootSearch, RootSelection, SearchOver};

use crate::options::{KernelChoice, MappingChoice, MklChoice, NormalizationChoice, Settings};

/// Codebooks learn from at most so many descriptors, as in the reference experiment.
const SAMPLE: usize = 20_000;

/// k-means iterations at most, as there.
const ITERATIONS: usize = 50;

/// How root points are searched unless something else is asked for, as there.
pub const SEARCH: RootSearch =
    RootSearch { over: SearchOver::Nearest(5), radius: None, selection: RootSelection::SmallestResidual };

/// The trainer that the settings ask for.
pub fn trainer(settings: &Settings, search: RootSearch, seed: u64) -> Trainer {
    let channels = settings.scales.len();
    Trainer {
        channels: settings.extractors().into_iter().map(|extractor| channel(settings, extractor)).collect(),
        svm: SvmParams::default().cost(settings.cost),
        weights: match settings.mkl {
            MklChoice::Uniform => KernelWeights::Given(vec![1.0 / channels as f64; channels]),
            MklChoice::Learned => KernelWeights::Learned(LpNorm::default()),
        },
        search,
        sample: SAMPLE,
        seed,
    }
}

fn channel(settings: &Settings, extractor: Extractor) -> ChannelPlan {
    let normalization = match settings.normalization {
        NormalizationChoice::None => Normalization::None,
        NormalizationChoice::L1 => Normalization::L1,
        NormalizationChoice::L2 => Normalization::L2,
        NormalizationChoice::PowerL2 => Normalization::PowerL2 { exponent: 0.5 },
    };
    ChannelPlan {
        extractor,
        mapping: learn_mapping(settings.clone()),
        pooling: settings.pooling,
        normalization,
        kernel: kernel_kind(settings.kernel),
    }
}

fn learn_mapping(settings: Settings) -> LearnMapping {
    Box::new(move |descriptors, seed| {
        let words = settings.words;
        Ok(match settings.mapping {
            MappingChoice::Hard => Hard::new(codebook_with_flat_word(descriptors, words, seed)?).into(),
            MappingChoice::Rank => {
                let options = RankOptions { base: settings.rank_base, neighbors: settings.rank_nearest };
                Rank::new(codebook_with_flat_word(descriptors, words, seed)?, options)?.into()
            }
            MappingChoice::Soft => {
                let options = SoftOptions { beta: settings.soft_beta, ..SoftOptions::default() };
                Soft::new(codebook_with_flat_word(descriptors, words, seed)?, options)?.into()
            }
            MappingChoice::Lasso => {
                let defaults = LassoOptions::default();
                let options = LassoOptions { lambda: settings.lambda.unwrap_or(defaults.lambda), ..defaults };
                Lasso::new(codebook(descriptors, words, seed)?, options)?.into()
            }
            MappingChoice::Ridge => {
                let options = RidgeOptions { lambda: settings.lambda.unwrap_or(RidgeOptions::default().lambda) };
                Ridge::new(codebook(descriptors, words, seed)?, options)?.into()
            }
            MappingChoice::Fisher => {
                Fisher::new(GaussianMixtureParams::new(words).seed(seed).learn(descriptors)?.model).into()
            }
        })
    })
}

fn codebook(descriptors: ArrayView2<'_, f64>, words: usize, seed: u64) -> Result<Codebook, Error> {
    Ok(KMeansParams::new(words).seed(seed).max_iterations(ITERATIONS).learn(descriptors)?.model)
}

/// k-means words and, as the last, the zero word: the descriptor of a flat patch, which k-means would never find.
fn codebook_with_flat_word(descriptors: ArrayView2<'_, f64>, words: usize, seed: u64) -> Result<Codebook, Error> {
    let zero = Array1::zeros(descriptors.ncols());
    Ok(codebook(descriptors, words.saturating_sub(1), seed)?.with_word(zero.view())?)
}

fn kernel_kind(choice: KernelChoice) -> KernelKind {
    match choice {
        KernelChoice::Chi2 => KernelKind::ChiSquared,
        KernelChoice::Hi => KernelKind::HistogramIntersection,
        KernelChoice::Rbf => KernelKind::Rbf,
        KernelChoice::Linear => KernelKind::Linear,
    }
}
