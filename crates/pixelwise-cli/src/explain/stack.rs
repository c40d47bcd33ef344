//! `--relevance`: the relevance of all samples as one array, written sample by sample.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use neural_lrp::Real;
use whole_file::Unfinished;

use crate::explain::Number;
use crate::explain::files::can_not_write;
use crate::failure::Failure;
use crate::inputs::content::is_standard;

/// An array that grows along its first axis, in a file that is there when it is whole.
pub struct Stack {
    path: PathBuf,
    samples: usize,
    file: Option<(Sink, Vec<usize>)>,
}

/// Where the array goes.
enum Sink {
    File(Unfinished),
    /// Nothing can be taken back from there.
    StandardOutput,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::StandardOutput => io::stdout().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::StandardOutput => io::stdout().flush(),
        }
    }
}

impl Stack {
    /// An array of so many samples.
    pub fn new(path: &Path, samples: usize) -> Self {
        Self { path: path.to_owned(), samples, file: None }
    }

    /// Appends the relevance of a sample.
    pub fn push<F: Number>(&mut self, relevance: &ArrayD<F>) -> Result<(), Failure> {
        if self.file.is_none() {
            let begun = self.begin::<F>(relevance.shape()).map_err(can_not_write(&self.path))?;
            self.file = Some((begun, relevance.shape().to_vec()));
        }
        let Some((file, shape)) = &mut self.file else { return Ok(()) };
        if relevance.shape() != shape.as_slice() {
            return Err(format!(
                "--relevance: samples of shapes {shape:?} and {:?} are no array; bring all photos to one size (for a \
                 network by a preprocessing), or leave --relevance out",
                relevance.shape()
            )
            .into());
        }
        let mut bytes = Vec::with_capacity(relevance.len() * size_of::<F>());
        for value in relevance {
            value.append_to(&mut bytes);
        }
        file.write_all(&bytes).map_err(can_not_write(&self.path))
    }

    fn begin<F: Real>(&self, shape: &[usize]) -> io::Result<Sink> {
        let mut file = match is_standard(&self.path) {
            true => Sink::StandardOutput,
            false => Sink::File(Unfinished::create(&self.path)?),
        };
        file.write_all(&header(F::NAME, self.samples, shape))?;
        Ok(file)
    }

    /// Gives the file its name.
    pub fn finish(self) -> Result<(), Failure> {
        match self.file {
            Some((Sink::File(file), _)) => file.finish().map_err(can_not_write(&self.path)),
            Some((mut sink @ Sink::StandardOutput, _)) => sink.flush().map_err(can_not_write(&self.path)),
            None => Ok(()),
        }
    }
}

/// The header of an .npy file of version 1, padded so that the numbers begin at a multiple of 64 bytes.
fn header(number: &str, samples: usize, shape: &[usize]) -> Vec<u8> {
    let descriptor = if number == "f64" { "<f8" } else { "<f4" };
    let lengths: String = [samples].iter().chain(shape).map(|length| format!("{length}, ")).collect();
    let mut text = format!("{{'descr': '{descriptor}', 'fortran_order': False, 'shape': ({lengths}), }}");
    let before = crate::inputs::npy::MAGIC.len() + 4;
    let padding = (64 - (before + text.len() + 1) % 64) % 64;
    text.push_str(&" ".repeat(padding));
    text.push('\n');
    let mut header = crate::inputs::npy::MAGIC.to_vec();
    header.extend([1, 0]);
    header.extend((text.len() as u16).to_le_bytes());
    header.extend(text.as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Axis, array};

    use super::*;
    use crate::inputs::array;

    #[test]
    fn samples_become_an_array() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.npy");
        let whole = Array3::from_shape_fn((3, 2, 5), |(i, j, k)| (100 * i + 10 * j + k) as f32).into_dyn();
        let mut stack = Stack::new(&path, 3);
        for sample in whole.axis_iter(Axis(0)) {
            stack.push(&sample.to_owned()).unwrap();
        }
        stack.finish().unwrap();
        assert_eq!(array::read::<f32>(&path).unwrap(), whole);
        let numbers = array![1.5, -2.5];
        let mut stack = Stack::new(&path, 2);
        numbers.iter().for_each(|number: &f64| stack.push(&ndarray::arr0(*number).into_dyn()).unwrap());
        stack.finish().unwrap();
        assert_eq!(array::read::<f64>(&path).unwrap(), numbers.into_dyn());
    }

    #[test]
    fn samples_of_other_shapes_are_refused_and_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut stack = Stack::new(&folder.path().join("all.npy"), 2);
        stack.push(&ArrayD::<f32>::zeros(vec![2, 3])).unwrap();
        assert!(stack.push(&ArrayD::<f32>::zeros(vec![3, 2])).unwrap_err().to_string().contains("[2, 3]"));
        drop(stack);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
