//! From the command line's settings to what is learned.

use bow_classifier::{ChannelSettings, Configuration, FisherOptions, KernelWeighting, MappingSettings, Sampling};
use bow_mapping::{LassoOptions, Normalization, RankOptions, RidgeOptions, SoftOptions};
use kernels::KernelKind;
use relevance::{RootSearch, RootSelection, SearchOver};

use crate::options::{KernelChoice, MappingChoice, MklChoice, NormalizationChoice, Settings};

/// Codebooks learn from at most so many descriptors, as in the reference experiment.
const SAMPLE: usize = 20_000;

/// k-means iterations at most, as there.
const ITERATIONS: usize = 50;

/// How root points are searched unless something else is asked for, as there.
pub const SEARCH: RootSearch =
    RootSearch { over: SearchOver::Nearest(5), radius: None, selection: RootSelection::SmallestResidual };

/// The class that tiles show or don't.
pub const CLASS: &str = "polygon";

/// What the settings ask for.
pub fn configuration(settings: &Settings, search: RootSearch, seed: u64) -> Configuration {
    let channel = |extractor| ChannelSettings {
        words: settings.words,
        flat_word: settings.mapping.has_flat_word(),
        mapping: mapping(settings),
        pooling: settings.pooling,
        normalization: match settings.normalization {
            NormalizationChoice::None => Normalization::None,
            NormalizationChoice::L1 => Normalization::L1,
            NormalizationChoice::L2 => Normalization::L2,
            NormalizationChoice::PowerL2 => Normalization::PowerL2 { exponent: 0.5 },
        },
        kernel: match settings.kernel {
            KernelChoice::Chi2 => KernelKind::ChiSquared,
            KernelChoice::Hi => KernelKind::HistogramIntersection,
            KernelChoice::Rbf => KernelKind::Rbf,
            KernelChoice::Linear => KernelKind::Linear,
        },
        ..ChannelSettings::of(extractor)
    };
    Configuration {
        sample: SAMPLE,
        sampling: Sampling::FromAll,
        iterations: ITERATIONS,
        seed,
        cost: settings.cost,
        kernel_weights: match settings.mkl {
            MklChoice::Uniform => KernelWeighting::Uniform,
            MklChoice::Learned => KernelWeighting::Learned,
        },
        search,
        ..Configuration::of(settings.extractors().into_iter().map(channel).collect())
    }
}

fn mapping(settings: &Settings) -> MappingSettings {
    match settings.mapping {
        MappingChoice::Hard => MappingSettings::Hard,
        MappingChoice::Rank => {
            MappingSettings::Rank(RankOptions { base: settings.rank_base, neighbors: settings.rank_nearest })
        }
        MappingChoice::Soft => {
            MappingSettings::Soft(SoftOptions { beta: settings.soft_beta, ..SoftOptions::default() })
        }
        MappingChoice::Lasso => {
            let defaults = LassoOptions::default();
            MappingSettings::Lasso(LassoOptions { lambda: settings.lambda.unwrap_or(defaults.lambda), ..defaults })
        }
        MappingChoice::Ridge => {
            let lambda = settings.lambda.unwrap_or(RidgeOptions::default().lambda);
            MappingSettings::Ridge(RidgeOptions { lambda })
        }
        MappingChoice::Fisher => MappingSettings::Fisher(FisherOptions::default()),
    }
}
