//! The photos that each way explains.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bow_classifier::BowClassifier;
use ndarray::{Array2, Array3};

use crate::failure::{Context, Failure};
use crate::inputs::read_photo;

/// A photo on the sheet.
pub struct ShownPhoto {
    path: PathBuf,
    pub picture: Array3<u8>,
    /// The class whose score is explained; unless it is given, the one that the first classifier gives the highest score.
    class: Option<String>,
}

/// What a way says of a photo.
pub struct Explained {
    pub score: f64,
    pub pixels: Array2<f64>,
    /// From the decoded photo to the relevance of its pixels.
    pub duration: Duration,
}

impl ShownPhoto {
    /// Reads a photo.
    pub fn read(path: &Path, class: Option<&String>) -> Result<Self, Failure> {
        Ok(Self { path: path.to_owned(), picture: read_photo(path)?, class: class.cloned() })
    }

    /// What stands below it.
    pub fn caption(&self) -> String {
        let name = self.path.file_stem().unwrap_or_default().to_string_lossy();
        format!("{name}\n{}", self.class.as_deref().unwrap_or_default())
    }

    /// Explains it, for its class.
    pub fn explain(&mut self, classifier: &BowClassifier) -> Result<Explained, Failure> {
        let explain = |class: &mut Option<String>| {
            let start = Instant::now();
            let photo = images::to_unit_range(self.picture.view());
            let bag = classifier.vocabulary().bag(photo.view())?;
            let class = match class {
                Some(class) => classifier.classes().position(|name| name == class).unwrap_or_default(),
                None => {
                    let predicted = classifier.predicted(bag.vector.view())?;
                    *class = classifier.classes().nth(predicted).map(str::to_owned);
                    predicted
                }
            };
            let found = bow_classifier::pixel_wise_decomposition(classifier.model(class)?, &bag)?;
            Ok::<_, Failure>(Explained { score: found.score, pixels: found.pixels, duration: start.elapsed() })
        };
        explain(&mut self.class).context(self.path.display())
    }
}
