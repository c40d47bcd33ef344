//! The samples on a sheet.

use images::Preprocessing;
use ndarray::{Array3, ArrayD, ArrayViewD, Axis, Slice};
use neural_lrp::Real;

use crate::failure::Failure;
use crate::inputs::{Source, array, read_image, stem};
use crate::pictures::Layout;

/// Samples that go through the network together.
pub struct Group<F> {
    /// What the network takes.
    pub batch: ArrayD<F>,
    /// How each sample is called.
    pub names: Vec<String>,
    /// Each sample as people see it.
    pub shown: Vec<Array3<u8>>,
}

/// More rows than that are no sheet that anybody reads.
const MOST_SAMPLES: usize = 20;

/// Refuses more samples than a sheet takes.
pub fn check_count(samples: usize) -> Result<(), Failure> {
    if samples <= MOST_SAMPLES {
        return Ok(());
    }
    Err(format!("one sheet takes at most {MOST_SAMPLES} images; give fewer, or use `pixelwise explain`").into())
}

/// The samples of a file, `together` of them at a time.
pub fn samples<F: Real>(
    source: &Source,
    preprocessing: Option<&Preprocessing>,
    together: usize,
) -> Result<Vec<Group<F>>, Failure> {
    let stem = stem(source.path());
    if let (Source::Image(picture), Some(preprocessing)) = (source, preprocessing) {
        let image = read_image(picture, preprocessing)?;
        return Ok(vec![Group { batch: image.network, names: vec![picture.stem()], shown: vec![image.shown] }]);
    }
    let path = source.path();
    let batch = array::read::<F>(path)?;
    let count = batch.shape().first().copied().unwrap_or(0);
    check_count(count)?;
    if count == 0 {
        let (path, shape) = (path.display(), batch.shape());
        return Err(format!("{path} has shape {shape:?}; its first axis should hold at least one sample").into());
    }
    let group = |start: usize| {
        let end = (start + together).min(count);
        let batch = batch.slice_axis(Axis(0), Slice::from(start..end)).to_owned();
        let names = (start..end).map(|sample| format!("{stem}-{sample}")).collect();
        let shown = |sample: ArrayViewD<'_, F>| Layout::of(sample.shape()).photo(sample);
        let shown = batch.axis_iter(Axis(0)).map(shown).collect();
        Group { batch, names, shown }
    };
    Ok((0..count).step_by(together).map(group).collect())
}
