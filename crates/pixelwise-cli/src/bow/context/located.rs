//! Where the relevance of photos lies.

use bow_classifier::{Bag, BowClassifier, PixelDecomposition, pixel_wise_decomposition};
use datasets::voc::{Annotation, Folder, Photo, Presence};
use evaluation::ObjectShare;
use images::to_unit_range;
use ndarray::Array3;

use crate::bow::{Labelled, position, told};
use crate::failure::{Failure, chain};
use crate::inputs::read_photo;

/// A class that is asked about.
pub struct Class {
    pub name: String,
    /// Which of the classifier's it is.
    position: usize,
}

/// A photo that shows classes and has boxes of them.
pub struct Annotated {
    pub photo: Photo,
    pub annotation: Annotation,
    /// The classes, by their positions among those that are asked about.
    shown: Vec<usize>,
}

/// Where the relevance of a photo for a class lies.
pub struct Located<'a> {
    pub photo: &'a Annotated,
    /// The class, by its position among those that are asked about.
    pub class: usize,
    pub score: f64,
    pub share: ObjectShare,
}

impl Class {
    /// The classes of these names, or all of the classifier.
    pub fn asked(classifier: &BowClassifier, names: &[String]) -> Result<Vec<Self>, Failure> {
        let all = || classifier.classes().map(str::to_owned).collect();
        let names: Vec<String> = if names.is_empty() { all() } else { names.to_vec() };
        names.into_iter().map(|name| Ok(Self { position: position(classifier, &name)?, name })).collect()
    }

    /// The score of a photo, and where it comes from.
    pub fn explain(&self, classifier: &BowClassifier, bag: &Bag) -> Result<PixelDecomposition, Failure> {
        Ok(pixel_wise_decomposition(classifier.model(self.position)?, bag)?)
    }
}

/// The photos that show classes and have boxes of them; takes note of annotations that can't be read.
pub fn annotated(folder: &Folder, labelled: &mut Labelled) -> Vec<Annotated> {
    let mut annotated = Vec::new();
    for photo in labelled.photos.iter().filter(|photo| photo.presences.contains(&Presence::Present)) {
        let annotation = match folder.annotation(&photo.id) {
            Ok(Some(annotation)) => annotation,
            Ok(None) => continue,
            Err(problem) => {
                labelled.problems.push(chain(&problem));
                continue;
            }
        };
        let has_boxes = |name: &String| annotation.of_class(name).next().is_some();
        let classes = labelled.classes.iter().zip(&photo.presences).enumerate();
        let shown = classes.filter(|(_, (name, presence))| **presence == Presence::Present && has_boxes(name));
        let shown: Vec<usize> = shown.map(|(class, _)| class).collect();
        if !shown.is_empty() {
            annotated.push(Annotated { photo: photo.clone(), annotation, shown });
        }
    }
    annotated
}

impl Annotated {
    /// Where its relevance lies for each class that it shows, or what is wrong.
    pub fn locate(&self, classifier: &BowClassifier, classes: &[Class]) -> Vec<Result<Located<'_>, String>> {
        let problem = |failure: Failure| told(&self.photo.path, failure.as_ref());
        let bag = match self.read().and_then(|pixels| bag(classifier, &pixels)) {
            Ok(bag) => bag,
            Err(failure) => return vec![Err(problem(failure))],
        };
        let located = |&class: &usize| {
            let (score, share) = self.locate_class(classifier, &classes[class], &bag).map_err(problem)?;
            Ok(Located { photo: self, class, score, share })
        };
        self.shown.iter().map(located).collect()
    }

    fn locate_class(
        &self,
        classifier: &BowClassifier,
        class: &Class,
        bag: &Bag,
    ) -> Result<(f64, ObjectShare), Failure> {
        let found = class.explain(classifier, bag)?;
        let (height, width) = found.pixels.dim();
        let mask = self.annotation.mask(&class.name, (height, width));
        match ObjectShare::of(found.pixels.view(), mask.view())? {
            Some(share) => Ok((found.score, share)),
            None if mask.iter().any(|is_inside| *is_inside) => {
                Err(format!("no relevance speaks for {}", class.name).into())
            }
            None => Err(format!("no box of {} lies in the photo of {width}×{height} pixels", class.name).into()),
        }
    }

    /// Its pixels.
    pub fn read(&self) -> Result<Array3<u8>, Failure> {
        read_photo(&self.photo.path)
    }
}

/// The visual words of a photo.
pub fn bag(classifier: &BowClassifier, pixels: &Array3<u8>) -> Result<Bag, Failure> {
    Ok(classifier.vocabulary().bag(to_unit_range(pixels.view()).view())?)
}
