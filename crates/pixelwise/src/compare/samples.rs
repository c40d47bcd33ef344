//! The samples on a sheet.

use images::Preprocessing;
use ndarray::{Array3, ArrayD, ArrayViewD, Axis, Slice};
use neural_lrp::Real;

use crate::failure::Failure;
use crate::inputs::{Source, npy, read_image};
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

/// The samples of all inputs, `together` of them at a time.
pub fn samples<F: Real>(
    sources: &[Source],
    preprocessing: Option<&Preprocessing>,
    together: usize,
    most: usize,
) -> Result<Vec<Group<F>>, Failure> {
    let too_many = || format!("one sheet takes at most {most} images; give fewer, or use `pixelwise explain`");
    if sources.len() > most {
        return Err(too_many().into());
    }
    let mut groups = Vec::new();
    for source in sources {
        let stem = source.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match (source, preprocessing) {
            (Source::Image(path), Some(preprocessing)) => {
                let image = read_image(path, preprocessing)?;
                groups.push(Group { batch: image.network, names: vec![stem], shown: vec![image.shown] });
            }
            (Source::Image(path) | Source::Array(path), _) => {
                let batch = npy::read::<F>(path)?;
                let count = batch.shape().first().copied().unwrap_or(0);
                if count > most {
                    return Err(too_many().into());
                }
                if count == 0 || count % together != 0 {
                    return Err(format!(
                        "{} has shape {:?}; its first axis should hold a multiple of {together} samples, and at least one",
                        path.display(),
                        batch.shape(),
                    )
                    .into());
                }
                for start in (0..count).step_by(together) {
                    let batch = batch.slice_axis(Axis(0), Slice::from(start..start + together)).to_owned();
                    let names = (start..start + together).map(|sample| format!("{stem}-{sample}")).collect();
                    let shown = |sample: ArrayViewD<'_, F>| Layout::of(sample.shape()).photo(sample);
                    let shown = batch.axis_iter(Axis(0)).map(shown).collect();
                    groups.push(Group { batch, names, shown });
                }
            }
        }
    }
    Ok(groups)
}
