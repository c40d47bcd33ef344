//! A network that scores photographs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datasets::UnclearName;
use images::Preprocessing;
use ndarray::{Array2, ArrayD};
use neural_lrp::{Explainer, Real};
use rayon::prelude::*;

use super::super::{Labelled, told};
use crate::failure::{Context, Failure};
use crate::inputs::{Picture, read_image};
use crate::labels::{ClassOptions, Labels};
use crate::model::{NetworkModel, declared_shape};
use crate::preprocess::PreprocessOptions;
use crate::progress::Progress;

/// A network with the names of its classes, and how photos are prepared for it.
pub struct ScoringNetwork<'a, F: Real> {
    model: NetworkModel<F>,
    options: &'a ClassOptions,
    labels: Labels,
    /// The file of the names.
    named_by: &'a Path,
    preprocessing: Preprocessing,
    last: Option<(Vec<usize>, Arc<Explainer<F>>)>,
}

impl<'a, F: Real> ScoringNetwork<'a, F> {
    /// Reads a network, and the names of its classes.
    pub fn read(path: &Path, options: &'a ClassOptions, preprocess: &PreprocessOptions) -> Result<Self, Failure> {
        let Some(named_by) = options.labels.as_deref() else {
            return Err("a network is judged by the classes of the folder that it knows by name: give the file that \
                        names its classes by --labels"
                .into());
        };
        let model = NetworkModel::<F>::read_and_warn(path)?;
        let input = model.only_input()?;
        let declared = declared_shape(input);
        if let Some(together) = declared.first().copied().flatten().filter(|together| *together != 1) {
            let path = path.display();
            return Err(format!("{path} takes {together} photos at once: export it with a dynamic batch").into());
        }
        let preprocessing = preprocess.for_input(input, model.metadata())?.preprocessing;
        Ok(Self { preprocessing, model, options, labels: options.labels()?, named_by, last: None })
    }

    /// Those of some classes that the network knows, and which of its own they are.
    pub fn known(&self, classes: Vec<String>) -> Result<(Vec<String>, Vec<usize>), Failure> {
        let own = |class: &String| match self.labels.find(class) {
            Ok(own) => Some(Ok((class.clone(), own))),
            Err(unclear @ UnclearName::Several { .. }) => Some(Err(unclear)),
            Err(_) => None,
        };
        let own = classes.iter().filter_map(own).collect::<Result<Vec<_>, _>>().context(self.named_by.display())?;
        let (known, positions): (Vec<String>, Vec<usize>) = own.into_iter().unzip();
        match known.is_empty() {
            false => Ok((known, positions)),
            true => {
                let (classes, file) = (classes.join(", "), self.named_by.display());
                Err(format!("{file} names none of the folder's classes, {classes}").into())
            }
        }
    }

    /// Which photos can be read, and their scores for these classes; takes note of the others.
    pub fn scores(mut self, labelled: &mut Labelled, classes: &[usize]) -> Result<(Vec<usize>, Array2<f64>), Failure> {
        let paths = labelled.paths();
        let progress = Progress::new(paths.len());
        let (mut kept, mut values, mut has_checked) = (Vec::new(), Vec::new(), false);
        // So many at once that no thread waits, and so few that they fit into the memory.
        let together = 2 * rayon::current_num_threads();
        for (chunk, paths) in paths.chunks(together).enumerate() {
            let picture = |path: &PathBuf| Picture { file: path.clone(), index: None };
            let read = |path: &PathBuf| read_image::<F>(&picture(path), &self.preprocessing).map(|image| image.network);
            let images: Vec<Result<ArrayD<F>, Failure>> = paths.par_iter().map(read).collect();
            let mut read = Vec::new();
            for (position, image) in images.into_iter().enumerate() {
                match image {
                    Ok(image) => read.push((chunk * together + position, image)),
                    Err(failure) => labelled.problems.push(told(&paths[position], failure.as_ref())),
                }
            }
            let explainers =
                read.iter().map(|(_, image)| self.explainer(image.shape())).collect::<Result<Vec<_>, _>>()?;
            let score = |((_, image), explainer): (&(usize, ArrayD<F>), &Arc<Explainer<F>>)| {
                let scores = explainer.forward(image.view())?.class_scores()?.row(0).to_vec();
                progress.advance(1);
                Ok::<Vec<f64>, Failure>(scores)
            };
            let scores = read.par_iter().zip(&explainers).map(score).collect::<Result<Vec<_>, _>>()?;
            for ((photo, _), scores) in read.into_iter().zip(scores) {
                if !has_checked {
                    self.options.check_count(&self.labels, scores.len(), true)?;
                    has_checked = true;
                }
                kept.push(photo);
                values.extend(classes.iter().map(|&class| scores[class]));
            }
        }
        let scores = Array2::from_shape_vec((kept.len(), classes.len()), values)?;
        Ok((kept, scores))
    }

    /// The explainer for photos of a shape, which most often is that of the last one.
    fn explainer(&mut self, shape: &[usize]) -> Result<Arc<Explainer<F>>, Failure> {
        if let Some((_, explainer)) = self.last.as_ref().filter(|(last, _)| last == shape) {
            return Ok(Arc::clone(explainer));
        }
        let explainer = Explainer::new(self.model.network(&[shape])?.as_ref())?;
        let explainer = Arc::new(explainer.with_class_axis(self.options.axis(&self.labels)));
        self.last = Some((shape.to_vec(), Arc::clone(&explainer)));
        Ok(explainer)
    }
}
