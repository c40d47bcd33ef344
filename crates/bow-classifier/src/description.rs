//! What a classifier is made of, in words.

use bow_mapping::{Distance, Map, Mapping, Normalization};
use kernels::Kernel;
use local_features::{Channel, ColorQuantiles, DenseSift, Extractor, FeatureExtractor, Rotation};
use relevance::{RootSearch, RootSelection, SearchOver};

use crate::{BowClassifier, BowModel, Pyramid, ThirdLayer, Tiling};

/// What a classifier is made of: names and values for a person to read, the same text for the same classifier.
///
/// First the sizes, of each class where there are several, then local features, mapping, pooling, normalization and kernel of each channel, and how root points
/// are searched. Numbers that were learned have four digits.
///
/// ```
/// use bow_classifier::{BowClassifier, BowModel, Encoder, ThirdLayer, describe};
/// use bow_mapping::{Codebook, Hard, Normalization, Pooling};
/// use kernels::{Coefficients, ExpansionTerm, KernelExpansion, Linear};
/// use local_features::DenseSift;
/// use ndarray::{Array1, Array2};
///
/// let encoder = Encoder {
///     mapping: Hard::new(Codebook::new(Array2::eye(128))?).into(),
///     pooling: Pooling::MEAN,
///     normalization: Normalization::L1,
/// };
/// let term = ExpansionTerm { kernel: Linear.into(), weight: 1.0, support: Array2::ones((3, 128)).into() };
/// let expansion = KernelExpansion::new(vec![term], Coefficients::Shared(Array1::ones(3)), -0.5)?;
/// let model = BowModel::new(vec![encoder], expansion, ThirdLayer::SumDecomposition)?;
/// let classifier = BowClassifier::new(vec![DenseSift::default().into()], model)?;
///
/// let rows = describe(&classifier);
/// assert_eq!(rows[0], ("classifier".into(), "1 channel, 128 dimensions, 3 support vectors, bias -0.5".into()));
/// assert_eq!(rows[2], ("channel 0: mapping".into(), "hard, 128 words".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn describe(classifier: &BowClassifier) -> Vec<(String, String)> {
    let channels = classifier.vocabulary().channels();
    let dimensions = classifier.vocabulary().dimensions();
    let of_channels = format!("{}, {dimensions} dimensions", counted(channels.len(), "channel", "channels"));
    let is_one = classifier.models().len() == 1;
    let mut rows: Vec<(String, String)> = Vec::new();
    match classifier.models() {
        [only] => rows.push(("classifier".to_owned(), format!("{of_channels}, {}", machine(only)))),
        several => {
            let classes = counted(several.len(), "class", "classes");
            rows.push(("classifier".to_owned(), format!("{of_channels}, {classes}")));
            for (name, model) in classifier.classes().zip(several) {
                let weights = model.expansion().terms().iter().map(|term| four_digits(term.weight));
                let weights = weights.collect::<Vec<_>>().join(", ");
                rows.push((format!("class {name}"), format!("{}, kernel weights {weights}", machine(model))));
            }
        }
    }
    if let Some(Tiling { side, step }) = classifier.tiling() {
        rows.push(("images".to_owned(), format!("in tiles of {side}×{side} pixels at a step of {step}")));
    }
    // Machines of several classes have the same kernels.
    let terms = classifier.models().first().map_or(&[][..], |model| model.expansion().terms());
    for (position, channel) in channels.iter().enumerate() {
        let mut add = |part: &str, value: String| rows.push((format!("channel {position}: {part}"), value));
        add("local features", local_features(&channel.extractor));
        add("mapping", mapping(&channel.encoder.mapping));
        add("pooling", channel.encoder.pooling.to_string());
        add("normalization", normalization(channel.encoder.normalization));
        if channel.pyramid != Pyramid::default() {
            add("parts", pyramid(&channel.pyramid));
        }
        if let Some(term) = terms.get(position) {
            let weight = if is_one { format!(", weight {}", four_digits(term.weight)) } else { String::new() };
            add("kernel", kernel(&term.kernel) + &weight);
        }
    }
    if let Some(model) = classifier.models().first() {
        rows.push(("root points".to_owned(), root_points(model.third_layer())));
    }
    rows
}

/// "3 support vectors, bias -0.5"
fn machine(model: &BowModel) -> String {
    let expansion = model.expansion();
    format!("{} support vectors, bias {}", expansion.supporting().count(), four_digits(expansion.bias()))
}

fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// "1×1, 2×2, 3×1"
fn pyramid(pyramid: &Pyramid) -> String {
    pyramid.levels.iter().map(|(rows, columns)| format!("{rows}×{columns}")).collect::<Vec<_>>().join(", ")
}

fn local_features(extractor: &Extractor) -> String {
    match extractor {
        Extractor::DenseSift(sift) => dense_sift(sift),
        Extractor::ColorQuantiles(quantiles) => color_quantiles(quantiles),
        other => format!("descriptors of {} dimensions", other.dimensions()),
    }
}

fn dense_sift(sift: &DenseSift) -> String {
    let rotation = match sift.rotation {
        Rotation::DominantGradient => "rotated to the dominant gradient".to_owned(),
        Rotation::Fixed { angle: 0.0 } => "upright".to_owned(),
        Rotation::Fixed { angle } => format!("rotated by {} rad", four_digits(angle)),
    };
    format!("dense SIFT, scale {}, grid step {}, {rotation}, {}", sift.scale, sift.step, colors(&sift.channels))
}

fn color_quantiles(quantiles: &ColorQuantiles) -> String {
    let ColorQuantiles { scale, step, channels } = quantiles;
    format!("color quantiles, scale {scale}, grid step {step}, {}", colors(channels))
}

fn colors(channels: &[Channel]) -> String {
    channels.iter().map(|&channel| color(channel)).collect::<Vec<_>>().join(" + ")
}

fn color(channel: Channel) -> &'static str {
    match channel {
        Channel::Gray => "gray",
        Channel::Opponent => "opponent color",
        Channel::Red => "red",
        Channel::Green => "green",
        Channel::Blue => "blue",
    }
}

fn mapping(mapping: &Mapping) -> String {
    let name = mapping.name();
    let words = mapping.words();
    match mapping {
        Mapping::Hard(_) => format!("{name}, {words} words"),
        Mapping::Rank(rank) => {
            let options = rank.options();
            format!("{name}, {words} words, base {}, the nearest {}", options.base, options.neighbors)
        }
        Mapping::Soft(soft) => {
            let options = soft.options();
            let distance = match options.distance {
                Distance::Euclidean => "Euclidean distance",
                Distance::SquaredEuclidean => "squared Euclidean distance",
            };
            format!("{name}, {words} words, β = {}, {distance}", options.beta)
        }
        Mapping::Lasso(lasso) => format!("{name}, {words} words, λ = {}", lasso.options().lambda),
        Mapping::Ridge(ridge) => format!("{name}, {words} words, λ = {}", ridge.options().lambda),
        Mapping::Fisher(fisher) => {
            format!("{name}, {} Gaussian components, {words} dimensions", fisher.mixture().component_count())
        }
    }
}

fn normalization(normalization: Normalization) -> String {
    match normalization {
        Normalization::None => "none".to_owned(),
        Normalization::L1 => "l1".to_owned(),
        Normalization::L2 => "l2".to_owned(),
        Normalization::Power { exponent } => format!("power {exponent}"),
        Normalization::PowerL2 { exponent } => format!("power {exponent}, then l2"),
    }
}

fn kernel(kernel: &Kernel) -> String {
    let name = kernel.name();
    match kernel {
        Kernel::ChiSquared(chi_squared) => format!("{name}, σ = {}", four_digits(chi_squared.sigma())),
        Kernel::ChiSquaredPrinted(printed) => format!("{name}, σ = {}", four_digits(printed.sigma())),
        Kernel::Rbf(rbf) => format!("{name}, σ = {}", four_digits(rbf.sigma())),
        _ => name.to_owned(),
    }
}

fn root_points(third_layer: &ThirdLayer) -> String {
    match third_layer {
        ThirdLayer::SumDecomposition => "none: the score is a sum over dimensions (Eq. 24)".to_owned(),
        ThirdLayer::Taylor(taylor) => {
            format!("{} (Eq. 25)", searched(&taylor.search, taylor.candidates.values().len()))
        }
    }
}

fn searched(search: &RootSearch, candidates: usize) -> String {
    let over = match search.over {
        SearchOver::All => "all candidates".to_owned(),
        SearchOver::Nearest(count) => format!("nearest {count} candidates"),
    };
    let within = search.radius.map_or_else(String::new, |radius| format!(", no farther than {radius}"));
    let selection = match search.selection {
        RootSelection::SmallestResidual => "smallest residual".to_owned(),
        RootSelection::Nearest => "nearest root".to_owned(),
        RootSelection::AverageOfBest(usize::MAX) => "mean over all roots".to_owned(),
        RootSelection::AverageOfBest(count) => format!("mean over the best {count} roots"),
    };
    format!("{over} of the opposite sign out of {candidates}{within}, {selection}")
}

/// A number to four digits, without zeros at its end.
fn four_digits(value: f64) -> String {
    format!("{value:.3e}").parse::<f64>().unwrap_or(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_in_words() {
        let search = RootSearch { over: SearchOver::Nearest(5), ..RootSearch::default() };
        assert_eq!(searched(&search, 500), "nearest 5 candidates of the opposite sign out of 500, smallest residual");
        let search =
            RootSearch { over: SearchOver::All, radius: Some(0.5), selection: RootSelection::AverageOfBest(3) };
        let expected = "all candidates of the opposite sign out of 20, no farther than 0.5, mean over the best 3 roots";
        assert_eq!(searched(&search, 20), expected);
    }

    #[test]
    fn local_features_in_words() {
        let text = local_features(&DenseSift::default().into());
        assert_eq!(text, "dense SIFT, scale 2, grid step 6, rotated to the dominant gradient, gray");
        let upright = DenseSift {
            rotation: Rotation::Fixed { angle: 0.0 },
            channels: vec![Channel::Gray, Channel::Opponent],
            ..DenseSift::default()
        };
        assert_eq!(local_features(&upright.into()), "dense SIFT, scale 2, grid step 6, upright, gray + opponent color");
        let text = local_features(&ColorQuantiles::default().into());
        assert_eq!(text, "color quantiles, scale 3, grid step 6, red + green + blue");
    }

    #[test]
    fn numbers_have_four_digits_at_most() {
        let texts = [0.0, -0.5, 1.434_567, 1234.567, 0.000_012_345_6].map(four_digits);
        assert_eq!(texts, ["0", "-0.5", "1.435", "1235", "0.00001235"]);
    }
}
