//! Objects whose place is known, in pictures.

use datasets::voc::{Annotation, Difficulty, Object};
use heatmap::{BoundingBox, LineWeight};

/// The objects of a photo, for a picture that is about a class: bold boxes around those of the class, thin ones around
/// all others.
pub fn boxes_for(class: &str, annotation: &Annotation) -> Vec<BoundingBox> {
    let framed = |object: &Object| BoundingBox {
        rows: object.area.rows(),
        columns: object.area.columns(),
        label: match object.difficulty {
            Difficulty::Ordinary => object.class.clone(),
            Difficulty::Difficult => format!("{} (difficult)", object.class),
        },
        weight: if object.class == class { LineWeight::Bold } else { LineWeight::Thin },
    };
    annotation.objects.iter().map(framed).collect()
}
