//! The samples of a run: which there are, and their values when their turn comes.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use images::Preprocessing;
use ndarray::{Array3, ArrayD, Axis, Slice, concatenate};
use neural_lrp::Real;
use neural_lrp::network::ShapeDisplay;

use crate::explain::files::{Names, file_name};
use crate::explain::record::Origin;
use crate::failure::{Context, Failure};
use crate::inputs::{Source, npy, read_image};

/// A sample, before it is read.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What its files are called; no other sample of the run has this name.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// Which sample of an array; none for an image.
    pub row: Option<usize>,
}

impl Sample {
    /// Where it comes from, for the record.
    pub fn origin(&self) -> Origin {
        let bytes = fs::metadata(&self.file).map_or(0, |metadata| metadata.len());
        Origin { file: self.file.clone(), bytes, sample: self.row }
    }

    /// How a person finds it.
    pub fn describe(&self) -> String {
        match self.row {
            Some(row) => format!("{}, sample {row}", self.file.display()),
            None => self.file.display().to_string(),
        }
    }
}

/// How a person finds samples that go through the network together.
pub fn describe(samples: &[Sample]) -> String {
    match samples {
        [] => String::new(),
        [sample] => sample.describe(),
        [first, others @ ..] => format!("{} and the {} behind it", first.describe(), others.len()),
    }
}

/// All samples of a run.
#[derive(Debug, Default)]
pub struct Samples {
    /// The samples, in the order of the command line.
    pub all: Vec<Sample>,
    /// Those that go through the network together: as many as it takes at once.
    pub groups: Vec<Range<usize>>,
    /// Inputs that have no samples, with the reason.
    pub refused: Vec<(PathBuf, Failure)>,
}

impl Samples {
    /// Lists the samples of all inputs, for a network whose input has the declared shape.
    pub fn list<F: Real>(inputs: &[PathBuf], declared: &[Option<usize>], arrays: &Arrays<F>) -> Result<Self, Failure> {
        let together = declared.first().copied().flatten().unwrap_or(1).max(1);
        let (mut samples, mut names) = (Self::default(), Names::default());
        let mut images = Vec::new();
        for input in inputs {
            let sources = match Source::all(input) {
                Ok(sources) => sources,
                Err(failure) => {
                    samples.refused.push((input.clone(), failure));
                    continue;
                }
            };
            for source in sources {
                let file = source.path().to_owned();
                let stem = file_name(&file.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default());
                match source {
                    Source::Image(_) => {
                        images.push(samples.all.len());
                        samples.all.push(Sample { name: names.unique(&stem), file, row: None });
                    }
                    Source::Array(_) => match arrays.get(&file).and_then(|array| rows(&array, declared, together)) {
                        Ok(rows) => {
                            let start = samples.all.len();
                            samples.all.extend((0..rows).map(|row| Sample {
                                name: names.unique(&format!("{stem}-{row}")),
                                file: file.clone(),
                                row: Some(row),
                            }));
                            samples.groups.extend((start..start + rows).step_by(together).map(|at| at..at + together));
                        }
                        Err(failure) => samples.refused.push((file, failure)),
                    },
                }
            }
        }
        samples.group_images(&images, together)?;
        Ok(samples)
    }

    /// Images that follow one another go through the network together.
    fn group_images(&mut self, images: &[usize], together: usize) -> Result<(), Failure> {
        let wrong = |count: usize| -> Failure {
            format!(
                "a batch of the wrong size: the network takes {together} samples at once, and there are {count} images \
                 in a row; give a multiple of {together}, or export the model with a dynamic batch"
            )
            .into()
        };
        for row in images.chunk_by(|left, right| left + 1 == *right) {
            if !row.len().is_multiple_of(together) {
                return Err(wrong(row.len()));
            }
            self.groups.extend(row.chunks(together).filter_map(|group| Some(*group.first()?..group.last()? + 1)));
        }
        self.groups.sort_by_key(|group| group.start);
        Ok(())
    }

    /// Whether any of them is an image.
    pub fn has_images(&self) -> bool {
        self.all.iter().any(|sample| sample.row.is_none())
    }
}

/// How many samples an array has.
fn rows<F: Real>(array: &ArrayD<F>, declared: &[Option<usize>], together: usize) -> Result<usize, Failure> {
    let shape = array.shape();
    let axes_fit = |(given, declared): (&usize, &Option<usize>)| declared.is_none_or(|length| length == *given);
    let unknown = declared.is_empty();
    if !unknown && (shape.len() != declared.len() || !shape.iter().zip(declared).skip(1).all(axes_fit)) {
        return Err(format!("an array of shape {shape:?}: the network takes {}", ShapeDisplay(declared)).into());
    }
    match shape.first() {
        Some(&rows) if rows > 0 && rows.is_multiple_of(together) => Ok(rows),
        Some(&rows) => Err(format!(
            "a batch of the wrong size: {rows} samples, and the network takes {}",
            if together == 1 { "at least one".to_owned() } else { format!("a multiple of {together}") }
        )
        .into()),
        None => Err("a single number: an axis of samples has to be before all others".into()),
    }
}

/// The arrays that samples come from; the last one that was read stays in memory.
#[derive(Debug, Default)]
pub struct Arrays<F> {
    last: Mutex<Option<(PathBuf, Arc<ArrayD<F>>)>>,
}

impl<F: Real> Arrays<F> {
    /// The array in a file.
    pub fn get(&self, file: &Path) -> Result<Arc<ArrayD<F>>, Failure> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, array)) = last.as_ref().filter(|(path, _)| path == file) {
            return Ok(Arc::clone(array));
        }
        let array = Arc::new(npy::read(file)?);
        *last = Some((file.to_owned(), Arc::clone(&array)));
        Ok(array)
    }
}

/// What goes through the network together.
pub struct Batch<F> {
    /// The values, samples along axis 0.
    pub values: ArrayD<F>,
    /// The photos as the network sees them; none for arrays.
    pub photos: Vec<Option<Array3<u8>>>,
}

/// Reads the samples of a group.
pub fn read<F: Real>(
    samples: &[Sample],
    arrays: &Arrays<F>,
    preprocessing: Option<&Preprocessing>,
) -> Result<Batch<F>, Failure> {
    let mut parts = Vec::new();
    let mut photos = Vec::new();
    for sample in samples {
        match (sample.row, preprocessing) {
            (Some(row), _) => {
                parts.push(arrays.get(&sample.file)?.slice_axis(Axis(0), Slice::from(row..row + 1)).to_owned());
                photos.push(None);
            }
            (None, Some(preprocessing)) => {
                let image = read_image(&sample.file, preprocessing)?;
                parts.push(image.network);
                photos.push(Some(image.shown));
            }
            (None, None) => return Err("the network takes no images".into()),
        }
    }
    let views: Vec<_> = parts.iter().map(ArrayD::view).collect();
    let values = concatenate(Axis(0), &views).context("samples of one batch have to have one size")?;
    Ok(Batch { values, photos })
}
