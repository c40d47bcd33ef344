//! The samples of a run: which there are, and their values when their turn comes.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use images::Preprocessing;
use model_files::InputDeclaration;
use ndarray::{Array3, ArrayD, Axis, Slice, concatenate};
use neural_lrp::Real;
use neural_lrp::network::ShapeDisplay;

use crate::explain::files::{Names, file_name};
use crate::explain::record::{Companion, Origin, Place, Record};
use crate::explain::settings::checksum;
use crate::failure::{Context, Failure};
use crate::inputs::{NamedFile, Picture, Source, array, one_file_each, read_image, stem};
use crate::model::declared_shape;

/// A sample, before it is read.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What its files are called; no other sample of the run has this name.
    pub name: String,
    /// Where it is, for each input of the network.
    pub parts: Vec<Part>,
}

/// What one input of the network gets of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The file.
    pub file: PathBuf,
    /// Which sample of an array, or which of many pictures; none for an image.
    pub row: Option<usize>,
    /// Whether it is a picture.
    pub is_image: bool,
}

impl Sample {
    /// Where it comes from, input by input, for the record.
    pub fn origins(&self) -> Vec<Origin> {
        self.parts.iter().map(Part::origin).collect()
    }

    /// How a person finds it.
    pub fn describe(&self) -> String {
        self.parts.iter().map(Part::describe).collect::<Vec<_>>().join(" with ")
    }

    /// Whether another goes through the network together with it: both from the same arrays, or both from images.
    fn may_join(&self, other: &Self) -> bool {
        let alike = |(one, other): (&Part, &Part)| match (one.is_image, other.is_image) {
            (false, false) => one.file == other.file,
            (one, other) => one == other,
        };
        self.parts.iter().zip(&other.parts).all(alike)
    }
}

impl Part {
    /// A picture.
    pub fn of(Picture { file, index }: Picture) -> Self {
        Self { file, row: index, is_image: true }
    }

    /// The pixels of a picture: rows, columns, channels.
    pub fn pixels(&self) -> Result<Array3<u8>, Failure> {
        Picture { file: self.file.clone(), index: self.row }.pixels()
    }

    /// Where it comes from, for the record.
    pub fn origin(&self) -> Origin {
        let (bytes, checksum) = seal(&self.file);
        Origin { file: self.file.clone(), bytes, checksum, sample: self.row }
    }

    fn describe(&self) -> String {
        match self.row {
            Some(row) => format!("{}, sample {row}", self.file.display()),
            None => self.file.display().to_string(),
        }
    }

    /// What the files of a sample are called after.
    fn name(&self) -> String {
        let stem = file_name(&stem(&self.file));
        match self.row {
            Some(row) => format!("{stem}-{row}"),
            None => stem,
        }
    }
}

/// How long a file is, and its CRC-32; nothing for one that can't be read. A file of many samples is read once.
fn seal(path: &Path) -> (u64, String) {
    type Seen = (PathBuf, u64, Option<SystemTime>);
    static LAST: Mutex<Vec<(Seen, String)>> = Mutex::new(Vec::new());
    const KEPT: usize = 8;
    let Ok(metadata) = fs::metadata(path) else { return (0, String::new()) };
    let seen = (path.to_owned(), metadata.len(), metadata.modified().ok());
    let last = || LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, checksum)) = last().iter().find(|(other, _)| *other == seen) {
        return (metadata.len(), checksum.clone());
    }
    // What can be read once only has none.
    let checksum = if metadata.is_file() { checksum(path).unwrap_or_default() } else { String::new() };
    let mut last = last();
    last.truncate(KEPT - 1);
    last.insert(0, (seen, checksum.clone()));
    (metadata.len(), checksum)
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
    /// Those that go through the network together: at most as many as it takes at once.
    pub groups: Vec<Range<usize>>,
    /// How many samples of the run are before these, …
    pub before: usize,
    /// … and how many it has in all.
    pub of: usize,
    /// Inputs that have no samples, with the reason.
    pub refused: Vec<(PathBuf, Failure)>,
}

impl Samples {
    /// Lists the samples of all files, for a network of these inputs.
    pub fn list<F: Real>(files: &[PathBuf], inputs: &[InputDeclaration], arrays: &Arrays<F>) -> Result<Self, Failure> {
        let mut samples = match inputs {
            [input] => Self::of_one_input(files, input, arrays)?,
            inputs => Self::of_several_inputs(files, inputs, arrays)?,
        };
        let together = inputs.iter().find_map(InputDeclaration::fixed_samples).unwrap_or(1).max(1);
        let mut start = 0;
        for run in samples.all.chunk_by(Sample::may_join) {
            let end = start + run.len();
            samples.groups.extend((start..end).step_by(together).map(|at| at..(at + together).min(end)));
            start = end;
        }
        samples.of = samples.all.len();
        Ok(samples)
    }

    /// The samples that went through the network together with that of a record.
    pub fn of_record(record: &Record) -> Result<Self, Failure> {
        let part = |Origin { file, sample, .. }: Origin| {
            let is_image = !matches!(Source::all(&file)?.as_slice(), [Source::Array(_), ..]);
            Ok(Part { file, row: sample, is_image })
        };
        let sample = |name: &str, origins: Vec<Origin>| {
            let parts = origins.into_iter().map(part).collect::<Result<_, Failure>>()?;
            Ok(Sample { name: name.to_owned(), parts })
        };
        let place = &record.place;
        let all: Vec<Sample> = match place.together.as_slice() {
            [] => vec![sample(&record.name, record.origins())?],
            together => {
                together.iter().map(|one| sample(&one.name, one.inputs.clone())).collect::<Result<_, Failure>>()?
            }
        };
        let own = all.iter().position(|sample| sample.name == record.name).unwrap_or(0);
        let groups = std::iter::once(0..all.len()).collect();
        let (before, of) = (place.sample.saturating_sub(own), place.samples.max(all.len()));
        Ok(Self { all, groups, before, of, refused: Vec::new() })
    }

    /// All files are for the only input. One that can't be read is refused, and the others go on.
    fn of_one_input<F: Real>(files: &[PathBuf], input: &InputDeclaration, arrays: &Arrays<F>) -> Result<Self, Failure> {
        let (mut samples, mut names) = (Self::default(), Names::default());
        for file in files {
            let path = NamedFile::parse_path(file, &[&input.name])?.path;
            let sources = match Source::all(&path) {
                Ok(sources) => sources,
                Err(failure) => {
                    samples.refused.push((path, failure));
                    continue;
                }
            };
            for source in sources {
                match parts(&source, input, arrays) {
                    Ok(parts) => samples.all.extend(
                        parts.into_iter().map(|part| Sample { name: names.unique(&part.name()), parts: vec![part] }),
                    ),
                    Err(failure) => samples.refused.push((source.path().to_owned(), failure)),
                }
            }
        }
        Ok(samples)
    }

    /// Each input has its files, and as many samples in them as the others.
    fn of_several_inputs<F: Real>(
        files: &[PathBuf],
        inputs: &[InputDeclaration],
        arrays: &Arrays<F>,
    ) -> Result<Self, Failure> {
        let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        let mut of_inputs: Vec<Vec<Part>> = vec![Vec::new(); inputs.len()];
        // Samples are called after what is given first.
        let mut first = None;
        for (place, file) in files.iter().enumerate() {
            let NamedFile { name, path } = NamedFile::parse_path(file, &names)?;
            // Files without a name stand for the inputs in their order.
            let input = name.map_or(Some(place), |name| names.iter().position(|known| *known == name));
            let Some(input) = input.filter(|&input| input < inputs.len()) else {
                return Err(one_file_each(&names));
            };
            first.get_or_insert(input);
            for source in Source::all(&path)? {
                let parts = parts(&source, &inputs[input], arrays);
                of_inputs[input].extend(parts.context(source.path().display())?);
            }
        }
        let counts: Vec<usize> = of_inputs.iter().map(Vec::len).collect();
        let samples = counts.iter().copied().max().unwrap_or(0);
        if counts.contains(&0) {
            return Err(one_file_each(&names));
        }
        if counts.iter().any(|&count| count != samples) {
            let counted = names.iter().zip(&counts).map(|(name, count)| format!("{count} for {name:?}"));
            let counted = counted.collect::<Vec<_>>().join(", ");
            return Err(format!("there are samples {counted}: each input needs as many as the others").into());
        }
        let (first, mut unique) = (first.unwrap_or(0), Names::default());
        let sample = |at: usize| {
            let parts: Vec<Part> = of_inputs.iter().map(|parts| parts[at].clone()).collect();
            Sample { name: unique.unique(&parts[first].name()), parts }
        };
        Ok(Self { all: (0..samples).map(sample).collect(), ..Self::default() })
    }

    /// The positions of a group in the run.
    pub fn in_run(&self, group: &Range<usize>) -> Range<usize> {
        self.before + group.start..self.before + group.end
    }

    /// Where a sample of a group is in the run.
    pub fn place(&self, group: &Range<usize>, row: usize) -> Place {
        let companion = |sample: &Sample| Companion { name: sample.name.clone(), inputs: sample.origins() };
        let together = &self.all[group.clone()];
        Place {
            sample: self.before + group.start + row,
            samples: self.of,
            together: if together.len() > 1 { together.iter().map(companion).collect() } else { Vec::new() },
        }
    }

    /// Whether any of them has an image for an input.
    pub fn has_images(&self, input: usize) -> bool {
        self.all.iter().any(|sample| sample.parts[input].is_image)
    }
}

/// The samples in a file, for an input.
fn parts<F: Real>(source: &Source, input: &InputDeclaration, arrays: &Arrays<F>) -> Result<Vec<Part>, Failure> {
    let file = source.path().to_owned();
    match source {
        Source::Image(picture) => Ok(vec![Part::of(picture.clone())]),
        Source::Array(_) => {
            let rows = rows(&*arrays.get(&file)?, &declared_shape(input))?;
            Ok((0..rows).map(|row| Part { file: file.clone(), row: Some(row), is_image: false }).collect())
        }
    }
}

/// How many samples an array has.
fn rows<F: Real>(array: &ArrayD<F>, declared: &[Option<usize>]) -> Result<usize, Failure> {
    let shape = array.shape();
    let axes_fit = |(given, declared): (&usize, &Option<usize>)| declared.is_none_or(|length| length == *given);
    let unknown = declared.is_empty();
    if !unknown && (shape.len() != declared.len() || !shape.iter().zip(declared).skip(1).all(axes_fit)) {
        return Err(format!("an array of shape {shape:?}: the network takes {}", ShapeDisplay(declared)).into());
    }
    match shape.first() {
        Some(&rows) if rows > 0 => Ok(rows),
        Some(_) => Err("a batch of the wrong size: 0 samples, and the network takes at least one".into()),
        None => Err("a single number: an axis of samples has to be before all others".into()),
    }
}

/// The arrays that samples come from; those that were read last stay in memory.
#[derive(Debug)]
pub struct Arrays<F> {
    last: Mutex<Vec<(PathBuf, Arc<ArrayD<F>>)>>,
    kept: usize,
}

impl<F: Real> Arrays<F> {
    /// Keeps so many arrays: one for each input of the network.
    pub fn keeping(kept: usize) -> Self {
        Self { last: Mutex::default(), kept: kept.max(1) }
    }

    /// The array in a file.
    pub fn get(&self, file: &Path) -> Result<Arc<ArrayD<F>>, Failure> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, array)) = last.iter().find(|(path, _)| path == file) {
            return Ok(Arc::clone(array));
        }
        let array = Arc::new(array::read(file)?);
        last.truncate(self.kept - 1);
        last.insert(0, (file.to_owned(), Arc::clone(&array)));
        Ok(array)
    }
}

/// What goes through the network together, input by input.
pub struct Batch<F> {
    /// The values, samples along axis 0.
    pub values: Vec<ArrayD<F>>,
    /// The photos as the network sees them, sample by sample; none for arrays.
    pub photos: Vec<Vec<Option<Array3<u8>>>>,
}

impl<F: Real> Batch<F> {
    /// The shape of each input's values.
    pub fn shapes(&self) -> Vec<&[usize]> {
        self.values.iter().map(ArrayD::shape).collect()
    }
}

/// Reads the samples of a group.
pub fn read<F: Real>(
    samples: &[Sample],
    arrays: &Arrays<F>,
    preprocessing: &[Option<Preprocessing>],
) -> Result<Batch<F>, Failure> {
    let mut batch = Batch { values: Vec::new(), photos: Vec::new() };
    for (input, preprocessing) in preprocessing.iter().enumerate() {
        let (mut values, mut photos) = (Vec::new(), Vec::new());
        for Part { file, row, is_image } in samples.iter().map(|sample| &sample.parts[input]) {
            match (is_image, preprocessing) {
                (false, _) => {
                    let row = row.unwrap_or(0);
                    values.push(arrays.get(file)?.slice_axis(Axis(0), Slice::from(row..row + 1)).to_owned());
                    photos.push(None);
                }
                (true, Some(preprocessing)) => {
                    let picture = Picture { file: file.clone(), index: *row };
                    let image = read_image(&picture, preprocessing)?;
                    values.push(image.network);
                    photos.push(Some(image.shown));
                }
                (true, None) => return Err("the network takes no images".into()),
            }
        }
        let views: Vec<_> = values.iter().map(ArrayD::view).collect();
        batch.values.push(concatenate(Axis(0), &views).context("samples of one batch have to have one size")?);
        batch.photos.push(photos);
    }
    Ok(batch)
}
