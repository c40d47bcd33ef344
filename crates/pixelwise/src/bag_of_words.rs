//! Bag-of-Words classifiers of both kinds of files, as one.

use std::path::Path;

use bow_classifier::{BowClassifier, Tiling, decompose_tiles, pixel_wise_decomposition};
use bow_photos::PhotoClassifier;
use ndarray::{Array1, ArrayView3};
use relevance::{Explanation, RandomizableClassifier};

use crate::{Error, Kind};

/// A Bag-of-Words classifier: of tiles, as `bow-demo` learns it, or of photographs.
#[derive(Clone, Debug)]
pub enum BagOfWords {
    /// One class, told in tiles of an image.
    Tiles(Box<BowClassifier>),
    /// One class or more, told in whole photographs.
    Photos(Box<PhotoClassifier>),
}

/// A class of an image, explained.
#[derive(Clone, Debug)]
pub struct ExplainedClass {
    /// The class's position.
    pub class: usize,
    /// Its score, decomposed over the pixels. Of an image in several tiles the score is the sum of theirs, and the relevance
    /// of a pixel the mean over the tiles that hold it.
    pub explanation: Explanation,
}

impl BagOfWords {
    /// Reads a classifier.
    ///
    /// # Errors
    /// [`Error::Kind`] for a file that holds a network, [`Error::Classifier`] or [`Error::Photos`] for one that can't be read.
    pub fn load(path: &Path) -> Result<Self, Error> {
        match Kind::of(path)? {
            Kind::Tiles => Ok(Self::Tiles(Box::new(BowClassifier::load(path)?))),
            Kind::Photos => Ok(Self::Photos(Box::new(PhotoClassifier::load(path)?))),
            found @ Kind::Network => {
                Err(Error::Kind { path: path.to_owned(), found, needed: "a Bag-of-Words classifier" })
            }
        }
    }

    /// Reads the bytes of a classifier's file.
    ///
    /// * `name` — how errors call them
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8], name: &Path) -> Result<Self, Error> {
        match Kind::of_bytes(bytes) {
            Kind::Tiles => Ok(Self::Tiles(Box::new(BowClassifier::from_bytes(bytes, name)?))),
            Kind::Photos => Ok(Self::Photos(Box::new(PhotoClassifier::from_bytes(bytes, name)?))),
            found @ Kind::Network => {
                Err(Error::Kind { path: name.to_owned(), found, needed: "a Bag-of-Words classifier" })
            }
        }
    }

    /// The names of the classes; none for tiles, whose file has no names.
    pub fn classes(&self) -> Vec<String> {
        match self {
            Self::Tiles(_) => Vec::new(),
            Self::Photos(classifier) => classifier.classes().map(str::to_owned).collect(),
        }
    }

    /// The scores of an image (H, W, C) in [0, 1], one for each class. Of an image in several tiles it is the sum of theirs.
    ///
    /// # Errors
    /// An image that can't be described.
    pub fn scores(&self, image: ArrayView3<'_, f64>) -> Result<Array1<f64>, Error> {
        match self {
            Self::Tiles(classifier) => {
                let (height, width, _) = image.dim();
                let tiles = Tiling::default().tiles(height, width)?;
                let scores = tiles.iter().map(|tile| classifier.score(tile.of(&image)));
                Ok(Array1::from_elem(1, scores.sum::<Result<f64, _>>()?))
            }
            Self::Photos(classifier) => Ok(classifier.scores_of_image(image)?),
        }
    }

    /// Explains classes of an image (H, W, C) in [0, 1], each once: Algorithm 1. `None` is the class with the highest score.
    ///
    /// # Errors
    /// A class that does not exist, or an image that can't be described.
    pub fn explain(&self, image: ArrayView3<'_, f64>, classes: &[Option<usize>]) -> Result<Vec<ExplainedClass>, Error> {
        match self {
            Self::Tiles(classifier) => {
                if let Some(target) = classes.iter().copied().flatten().find(|&class| class != 0) {
                    return Err(bow_classifier::Error::Target { target }.into());
                }
                let found = decompose_tiles(classifier, image, Tiling::default())?;
                let score = found.scores.iter().map(|(_, score)| score).sum();
                let (relevance, ledger) = (found.pixels.into_dyn(), found.ledger);
                Ok(vec![ExplainedClass { class: 0, explanation: Explanation { score, relevance, ledger } }])
            }
            Self::Photos(classifier) => {
                let bag = classifier.vocabulary().bag(image)?;
                let mut wanted = Vec::new();
                for class in classes {
                    let class = class.map_or_else(|| classifier.predicted(bag.vector.view()), Ok)?;
                    if !wanted.contains(&class) {
                        wanted.push(class);
                    }
                }
                let explain = |class: usize| {
                    let found = pixel_wise_decomposition(classifier.model(class)?, &bag)?;
                    let (score, relevance, ledger) = (found.score, found.pixels.into_dyn(), found.ledger);
                    Ok(ExplainedClass { class, explanation: Explanation { score, relevance, ledger } })
                };
                wanted.into_iter().map(explain).collect()
            }
        }
    }

    /// The classifier, as measures of explanations take it.
    pub fn into_classifier(self) -> Box<dyn RandomizableClassifier> {
        match self {
            Self::Tiles(classifier) => classifier,
            Self::Photos(classifier) => classifier,
        }
    }
}
