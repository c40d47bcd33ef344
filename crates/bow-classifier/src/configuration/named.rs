//! Configurations that are built in: the paper's, and each other way that it describes.

use bow_mapping::{LassoOptions, Normalization, Pooling, RidgeOptions, SoftOptions};
use kernels::KernelKind;
use local_features::{Channel, DenseSift, Rotation};

use super::{ChannelSettings, Configuration, FisherOptions, MappingSettings, wrong};
use crate::{Error, Pyramid};

/// A configuration that is built in.
#[derive(Clone, Copy, Debug)]
pub struct NamedConfiguration {
    /// Its name.
    pub name: &'static str,
    /// How it differs from the first one, in a few words.
    pub summary: &'static str,
    make: fn() -> Configuration,
}

impl NamedConfiguration {
    /// The configuration.
    pub fn configuration(&self) -> Configuration {
        (self.make)()
    }
}

/// All of them: another one is one line here. What is not said is as in the first.
pub const NAMED: &[NamedConfiguration] = &[
    named("voc2009", "the paper's: rank mapping, histogram intersection", Configuration::voc2009),
    named("hard", "each feature on the nearest word", || changed(|channel| channel.mapping = MappingSettings::Hard)),
    named("soft", "each feature on all words, by distance (Eq. 36)", || {
        changed(|channel| channel.mapping = MappingSettings::Soft(SoftOptions::default()))
    }),
    named("lasso", "few words reconstruct a feature (Eqs 37, 38): gray, coarse grid, linear kernel", lasso),
    named("ridge", "all words reconstruct a feature (Eqs 37, 38): linear kernels", ridge),
    named("p-mean-2", "p-means pooling with p = 2 (Eq. 29)", || {
        changed(|channel| channel.pooling = Pooling::QUADRATIC)
    }),
    named("p-mean-3", "p-means pooling with p = 3 (Eq. 29)", || changed(|channel| channel.pooling = Pooling::CUBIC)),
    named("maximum", "pooling by the maximum (Eq. 32)", || changed(|channel| channel.pooling = Pooling::MAX)),
    named("chi-squared", "χ² kernels, Taylor expansion about a root point (Eqs 25, 46)", || {
        changed(|channel| channel.kernel = KernelKind::ChiSquared)
    }),
    named("rbf", "RBF kernels, Taylor expansion about a root point (Eqs 25, 49)", || {
        changed(|channel| channel.kernel = KernelKind::Rbf)
    }),
    named("fisher", "Fisher vectors of 64 components (Eqs 39–41): gray, linear kernel", fisher),
    named("pyramid", "the whole photo, its quarters and three bars", || {
        changed(|channel| channel.pyramid = Pyramid::voc())
    }),
];

const fn named(name: &'static str, summary: &'static str, make: fn() -> Configuration) -> NamedConfiguration {
    NamedConfiguration { name, summary, make }
}

impl Configuration {
    /// The configuration of this name, out of [`NAMED`].
    ///
    /// # Errors
    /// [`Error::Configuration`] names those that there are.
    pub fn named(name: &str) -> Result<Self, Error> {
        match NAMED.iter().find(|named| wording::is_same(named.name, name)) {
            Some(named) => Ok(named.configuration()),
            None => {
                let names: Vec<_> = NAMED.iter().map(|named| named.name).collect();
                let near = wording::did_you_mean(name, names.iter().copied());
                Err(wrong(format!("there is none of the name {name:?}, only {}{near}", names.join(", "))))
            }
        }
    }
}

/// The paper's, with a change of each channel.
fn changed(change: impl Fn(&mut ChannelSettings)) -> Configuration {
    let mut configuration = Configuration::voc2009();
    configuration.channels.iter_mut().for_each(change);
    configuration
}

/// A linear kernel over signed vectors, as is usual for them.
fn linear(channel: &mut ChannelSettings) {
    channel.normalization = Normalization::PowerL2 { exponent: 0.5 };
    channel.kernel = KernelKind::Linear;
}

fn ridge() -> Configuration {
    changed(|channel| {
        channel.mapping = MappingSettings::Ridge(RidgeOptions::default());
        linear(channel);
    })
}

/// Gray SIFT alone, at a distance of so many pixels.
fn gray(step: usize, change: impl Fn(&mut ChannelSettings)) -> Configuration {
    let mut configuration = changed(|channel| {
        let rotation = Rotation::Fixed { angle: 0.0 };
        channel.extractor =
            DenseSift { scale: 3.0, step, rotation, channels: vec![Channel::Gray], ..DenseSift::default() }.into();
        linear(channel);
        change(channel);
    });
    configuration.channels.truncate(1);
    configuration
}

/// Each feature is a problem of optimization of its own: with the grid and the codebook of the others, a photo would take
/// a minute.
fn lasso() -> Configuration {
    gray(12, |channel| {
        channel.words = 128;
        channel.mapping = MappingSettings::Lasso(LassoOptions::default());
    })
}

/// The set-up of Perronnin et al. 2010, whom the paper cites.
fn fisher() -> Configuration {
    gray(6, |channel| {
        channel.words = 64;
        channel.mapping = MappingSettings::Fisher(FisherOptions { principal_components: Some(64) });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_makes_sense_and_survives_its_file() {
        for named in NAMED {
            let configuration = Configuration::named(named.name).unwrap();
            configuration.check().unwrap();
            let text = configuration.to_toml().unwrap();
            assert_eq!(Configuration::from_toml(&text).unwrap(), configuration, "{}: {text}", named.name);
            let same = NAMED.iter().filter(|other| other.configuration() == configuration).count();
            assert_eq!(same, 1, "{}", named.name);
        }
        assert!(Configuration::named("voc2010").unwrap_err().to_string().contains("voc2009"));
    }
}
