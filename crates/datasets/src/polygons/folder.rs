//! Composites as a folder of annotated photos.

use std::path::Path;

use super::{Outline, Scene, Shape, check_size, raster, scene};
use crate::voc::{Annotation, Difficulty, Folder, FolderWriter, Object};
use crate::{Error, SplitMix64};

/// Most polygons, and most circles, of a picture.
const MOST_SHAPES: u64 = 4;

/// What a folder of annotated pictures shows: polygons, circles, both or neither on each, every shape with its bounding
/// box, in the layout of PASCAL VOC with the classes `polygon` and `circle`.
///
/// As many pictures show polygons with circles as without, so that neither class tells anything of the other: what a
/// classifier of one has learned should lie in its boxes.
///
/// ```
/// use datasets::polygons::AnnotatedFolder;
/// let folder = tempfile::tempdir()?;
/// let voc = AnnotatedFolder { train: 4, val: 0, ..AnnotatedFolder::default() }.write(folder.path())?;
/// assert_eq!(voc.classes("train")?, ["circle", "polygon"]);
/// let first = voc.annotation("000000")?.expect("an annotation");
/// assert!(first.objects.iter().all(|object| object.class == "polygon"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnotatedFolder {
    /// Whoever asks for the same seed gets the same files.
    pub seed: u64,
    /// Pictures of the list `train`.
    pub train: usize,
    /// Pictures of the list `val`, which come after those.
    pub val: usize,
    /// Rows of each picture.
    pub height: usize,
    /// Columns of each picture.
    pub width: usize,
}

impl Default for AnnotatedFolder {
    /// 80 pictures to learn from and 40 to judge by, of 240×320 pixels.
    fn default() -> Self {
        Self { seed: 1, train: 80, val: 40, height: 240, width: 320 }
    }
}

impl AnnotatedFolder {
    /// Writes the folder; files of the same names are replaced.
    ///
    /// # Errors
    /// [`Error::Size`] when a side is 0 or longer than 16,384 pixels; [`Error::Write`] when the folder can't be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<Folder, Error> {
        check_size(self.height, self.width)?;
        let mut writer = FolderWriter::create(path.as_ref(), &["polygon", "circle"])?;
        let splits = [("train", 0..self.train), ("val", self.train..self.train + self.val)];
        for (split, indices) in splits {
            writer.split(split)?;
            for index in indices {
                let scene = self.scene(index as u64);
                writer.photo(split, &format!("{index:06}"), scene.image.view(), &annotation(&scene))?;
            }
        }
        writer.finish()
    }

    /// Picture number 0 shows polygons, 1 circles, 2 both, 3 nothing, and so on.
    fn scene(&self, index: u64) -> Scene {
        let mut random = SplitMix64::new(self.seed, index);
        let polygons = random.integer(1..=MOST_SHAPES);
        let circles = random.integer(1..=MOST_SHAPES);
        let (polygons, circles) = match index % 4 {
            0 => (polygons, 0),
            1 => (0, circles),
            2 => (polygons, circles),
            _ => (0, 0),
        };
        scene(random, self.height, self.width, polygons, circles)
    }
}

/// The shapes that can be seen, with their bounding boxes.
fn annotation(scene: &Scene) -> Annotation {
    let (height, width, _) = scene.image.dim();
    let object = |shape: &Shape| {
        let class = match shape.outline {
            Outline::Polygon { .. } => "polygon",
            Outline::Circle => "circle",
        };
        let area = raster::bounding_box(shape, height, width)?;
        Some(Object { class: class.to_owned(), area, difficulty: Difficulty::Ordinary })
    };
    Annotation { objects: scene.shapes.iter().filter_map(object).collect() }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::voc::Presence;

    /// The smallest rectangle around some pixels, found by looking at all of them.
    fn around(mask: &Array2<bool>) -> Option<[usize; 4]> {
        let inside = || mask.indexed_iter().filter(|(_, inside)| **inside).map(|(at, _)| at);
        let rows = (inside().map(|(row, _)| row).min()?, inside().map(|(row, _)| row).max()?);
        let columns = (inside().map(|(_, column)| column).min()?, inside().map(|(_, column)| column).max()?);
        Some([rows.0, rows.1 + 1, columns.0, columns.1 + 1])
    }

    /// The shape alone, whose masks are then its own.
    fn alone(shape: &Shape, height: usize, width: usize) -> Array2<bool> {
        let painted = raster::paint([0.0; 3], std::slice::from_ref(shape), height, width);
        let mut mask = painted.polygon_mask;
        mask.zip_mut_with(&painted.circle_mask, |polygon, &circle| *polygon |= circle);
        mask
    }

    #[test]
    fn what_is_written_is_read_again_with_tight_boxes() {
        let folder = tempfile::tempdir().unwrap();
        let made = AnnotatedFolder { seed: 5, train: 8, val: 4, height: 60, width: 90 };
        let voc = made.write(folder.path()).unwrap();
        let mut shapes = 0;
        for (split, indices) in [("train", 0..8), ("val", 8..12)] {
            let read = voc.split(split, &["polygon", "circle"]).unwrap();
            assert!(read.problems.is_empty(), "{:?}", read.problems);
            assert_eq!(read.photos.len(), indices.clone().count());
            for (photo, index) in read.photos.iter().zip(indices) {
                let scene = made.scene(index);
                let annotation = voc.annotation(&photo.id).unwrap().expect("an annotation");
                assert_eq!(annotation.objects.len(), scene.shapes.len());
                for (object, shape) in annotation.objects.iter().zip(&scene.shapes) {
                    assert_eq!(object.class == "circle", shape.outline == Outline::Circle);
                    let found = [
                        object.area.rows().start,
                        object.area.rows().end,
                        object.area.columns().start,
                        object.area.columns().end,
                    ];
                    assert_eq!(Some(found), around(&alone(shape, 60, 90)));
                    shapes += 1;
                }
                let shown = |mask: &Array2<bool>| {
                    if mask.iter().any(|&inside| inside) { Presence::Present } else { Presence::Absent }
                };
                assert_eq!(photo.presences, [shown(&scene.polygon_mask), shown(&scene.circle_mask)]);
                assert_eq!(photo.presences[0] == Presence::Present, matches!(index % 4, 0 | 2));
                assert_eq!(photo.presences[1] == Presence::Present, matches!(index % 4, 1 | 2));

                let mut close = 0;
                let picture = image::open(&photo.path).unwrap().into_rgb8();
                assert_eq!(picture.dimensions(), (90, 60));
                for (x, y, pixel) in picture.enumerate_pixels() {
                    let of_scene = [0, 1, 2].map(|channel| scene.image[[y as usize, x as usize, channel]]);
                    close += usize::from(pixel.0.iter().zip(of_scene).all(|(one, other)| one.abs_diff(other) < 16));
                }
                assert!(close > 60 * 90 * 95 / 100, "{close} pixels of picture {index} are those of the scene");
            }
        }
        assert!(shapes > 12, "{shapes}");
    }

    #[test]
    fn the_same_seed_writes_the_same_files() {
        let made = AnnotatedFolder { train: 3, val: 2, height: 20, width: 33, ..AnnotatedFolder::default() };
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        made.write(folders[0].path()).unwrap();
        made.write(folders[1].path()).unwrap();
        AnnotatedFolder { seed: 2, ..made }.write(folders[2].path()).unwrap();
        let of = |number: usize, file: &str| std::fs::read(folders[number].path().join(file)).unwrap();
        for file in ["JPEGImages/000002.jpg", "Annotations/000002.xml", "ImageSets/Main/circle_val.txt"] {
            assert_eq!(of(0, file), of(1, file), "{file}");
        }
        assert_ne!(of(0, "JPEGImages/000002.jpg"), of(2, "JPEGImages/000002.jpg"));
    }

    #[test]
    fn a_size_that_no_picture_can_have_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let made = AnnotatedFolder { width: 0, ..AnnotatedFolder::default() };
        assert!(matches!(made.write(folder.path()), Err(Error::Size { .. })));
        let file = folder.path().join("file");
        std::fs::write(&file, b"").unwrap();
        assert!(matches!(AnnotatedFolder::default().write(file), Err(Error::Write { .. })));
    }
}
