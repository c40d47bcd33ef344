//! Batches of any length, for networks that take a fixed number of samples.

use ndarray::{ArrayD, ArrayViewD, Axis, Slice, concatenate};

use crate::network::{Kept, Network, TensorId};
use crate::{Error, Real};

impl<F: Real> Network<F> {
    /// How many samples the network takes at a time, where that is fixed.
    pub fn fixed_samples(&self) -> Option<usize> {
        self.inputs().iter().find_map(|input| input.shape.first().copied().flatten())
    }

    /// The outputs for a batch, one array for each input: as many samples as there are, also where the network takes a
    /// fixed number. They go through it so many at a time then; the last of them are filled up, and what was filled in is
    /// in no output.
    ///
    /// # Errors
    /// As [`forward`](Self::forward); an output without an axis of samples before all others, where anything is filled up.
    pub fn forward_batch(&self, batches: &[ArrayViewD<'_, F>]) -> Result<Vec<ArrayD<F>>, Error> {
        let outputs = |inputs: Vec<ArrayD<F>>| {
            let activations = self.forward_keeping(Kept::Only(self.outputs()), inputs, None)?;
            Ok(self.outputs().iter().map(|&output| activations.value(output).to_owned()).collect::<Vec<_>>())
        };
        let samples = batches.first().and_then(|batch| batch.shape().first().copied());
        let (Some(fixed), Some(samples)) = (self.fixed_samples(), samples) else {
            return outputs(batches.iter().map(ArrayViewD::to_owned).collect());
        };
        if samples == fixed {
            return outputs(batches.iter().map(ArrayViewD::to_owned).collect());
        }
        let inputs = parts(batches, samples, fixed, Rest::Filled)?;
        let last = inputs.last().cloned();
        let parts = inputs.into_iter().map(outputs).collect::<Result<Vec<_>, Error>>()?;
        let whole = |(place, output): (usize, &TensorId)| {
            let pieces: Vec<_> = parts.iter().map(|part| part[place].view()).collect();
            let of_samples = pieces.iter().all(|piece| piece.shape().first() == Some(&fixed));
            let stacked = concatenate(Axis(0), &pieces).ok().filter(|_| of_samples);
            let no_samples = || Error::Setting {
                what: "output",
                given: self.tensor(*output).name.clone(),
                reason: format!("it has no axis of samples before all others; give exactly {fixed} samples"),
            };
            stacked.map(|stacked| first_rows(stacked, samples)).ok_or_else(no_samples)
        };
        let outputs = self.outputs().iter().enumerate().map(whole).collect::<Result<_, Error>>()?;
        if let (Some(inputs), Some(values)) = (last, parts.last()) {
            self.check_filling(inputs, samples, self.outputs(), values)?;
        }
        Ok(outputs)
    }

    /// Refuses values of a part of a batch that would be others if zeros filled it up instead of copies.
    ///
    /// * `inputs` — the part, whose last samples are copies if the batch's number of samples is no multiple of its own
    /// * `values` — those of `tensors`
    ///
    /// # Errors
    /// [`Error::Input`] where the scores of a sample depend on the others.
    pub(crate) fn check_filling(
        &self,
        mut inputs: Vec<ArrayD<F>>,
        samples: usize,
        tensors: &[TensorId],
        values: &[ArrayD<F>],
    ) -> Result<(), Error> {
        let Some(together) = self.fixed_samples().filter(|together| !samples.is_multiple_of(*together)) else {
            return Ok(());
        };
        let real = samples % together;
        inputs.iter_mut().for_each(|input| input.slice_axis_mut(Axis(0), Slice::from(real..)).fill(F::zero()));
        let others = self.forward_keeping(Kept::Only(tensors), inputs, None)?;
        let rows = |array: &ArrayViewD<'_, F>| first_rows(array.to_owned(), real);
        let is_same = |(&tensor, value): (&TensorId, &ArrayD<F>)| {
            let is_equal = |(one, other): (&F, &F)| one == other || (one.is_nan() && other.is_nan());
            rows(&value.view()).iter().zip(&rows(&others.value(tensor))).all(is_equal)
        };
        match tensors.iter().zip(values).all(is_same) {
            true => Ok(()),
            false => Err(mixed_samples(samples, together)),
        }
    }
}

/// What is wrong with filling up a batch of so many samples.
pub(crate) fn mixed_samples(samples: usize, together: usize) -> Error {
    Error::Input {
        input: "batch".into(),
        reason: format!(
            "the scores of samples depend on the others that go through the network together, so that a batch of {samples} \
             can't be filled up; give a multiple of {together} samples"
        ),
    }
}

/// What becomes of the last samples of a batch, where they are fewer than go through a network together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// They go alone.
    Shorter,
    /// Copies of the last one fill them up.
    Filled,
}

/// Cuts a batch of so many samples, an array for each input, into what goes through a network together.
///
/// # Errors
/// [`Error::Input`] when there are no samples, or not as many in each array. Where samples are nothing but single numbers
/// nothing is filled up: an array of the wrong length is more likely.
pub(crate) fn parts<F: Real>(
    batches: &[ArrayViewD<'_, F>],
    samples: usize,
    together: usize,
    rest: Rest,
) -> Result<Vec<Vec<ArrayD<F>>>, Error> {
    let are_equal = batches.iter().all(|batch| batch.shape().first() == Some(&samples));
    let can_fill = rest == Rest::Shorter || batches.iter().any(|batch| batch.ndim() > 1);
    if samples == 0 || !are_equal || !can_fill && !samples.is_multiple_of(together) {
        let shapes: Vec<&[usize]> = batches.iter().map(|batch| batch.shape()).collect();
        let expected = if can_fill { "the same number of".to_owned() } else { format!("a multiple of {together}") };
        return Err(Error::Input {
            input: "batch".into(),
            reason: format!(
                "arrays of shape {shapes:?} were given; axis 0 of each should hold {expected} samples, and at least one"
            ),
        });
    }
    let cut = |start: usize| {
        let end = (start + together).min(samples);
        let part = |batch: &ArrayViewD<'_, F>| match rest {
            Rest::Shorter => batch.slice_axis(Axis(0), Slice::from(start..end)).to_owned(),
            Rest::Filled => {
                let rows: Vec<usize> = (start..start + together).map(|row| row.min(end - 1)).collect();
                batch.select(Axis(0), &rows)
            }
        };
        batches.iter().map(part).collect()
    };
    Ok((0..samples).step_by(together).map(cut).collect())
}

/// An array without the rows behind the first ones.
pub(crate) fn first_rows<F: Real>(array: ArrayD<F>, rows: usize) -> ArrayD<F> {
    match array.shape().first() {
        Some(&all) if all > rows => array.slice_axis(Axis(0), Slice::from(..rows)).to_owned(),
        _ => array,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::{array, s};

    use super::*;
    use crate::NetworkBuilder;
    use crate::operation::OperatorSpec;
    use crate::operations::{Dense, read};

    fn network(samples: Option<usize>) -> Network<f64> {
        let mut network = NetworkBuilder::new();
        network.input("x", [samples, Some(2)]).output("y");
        let weights = array![[1.0, 2.0], [3.0, -1.0], [0.5, 0.25]];
        network.node("dense", Arc::new(Dense::new(weights, Some(array![0.5, 0.0, 1.0])).unwrap()), ["x"], "y");
        network.build().unwrap()
    }

    #[test]
    fn any_number_of_samples_goes_through() {
        let batch = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 1.0]].into_dyn();
        for fixed in [1, 2, 3, 5, 8] {
            for samples in 1..=5 {
                let some = batch.slice(s![..samples, ..]).to_owned().into_dyn();
                let expected = network(None).forward_batch(&[some.view()]).unwrap();
                assert_eq!(
                    network(Some(fixed)).forward_batch(&[some.view()]).unwrap(),
                    expected,
                    "{samples} of {fixed}"
                );
                assert_eq!(expected[0].shape(), [samples, 3]);
            }
        }
    }

    #[test]
    fn a_network_that_mixes_samples_is_not_filled_up() {
        let read = |spec: OperatorSpec<f64>| read(&spec).unwrap().operation;
        let mut builder = NetworkBuilder::new();
        builder.input("x", [Some(4), Some(2)]).output("y");
        builder.node("mean", read(OperatorSpec::new("ReduceMean", 1).with_constant_integers([0])), ["x"], "m");
        builder.node("difference", read(OperatorSpec::new("Sub", 2)), ["x", "m"], "y");
        let mixing = builder.build().unwrap();
        for samples in [1, 2, 6] {
            let batch = ArrayD::from_elem(vec![samples, 2], 0.5);
            let error = mixing.forward_batch(&[batch.view()]).unwrap_err().to_string();
            assert!(error.contains("give a multiple of 4 samples"), "{error}");
        }
        assert!(mixing.forward_batch(&[ArrayD::ones(vec![8, 2]).view()]).is_ok());
    }

    #[test]
    fn what_has_no_samples_is_refused() {
        let none = ArrayD::zeros(vec![0, 2]);
        assert!(network(Some(2)).forward_batch(&[none.view()]).unwrap_err().to_string().contains("at least one"));
        let sum = read::<f64>(&OperatorSpec::new("ReduceSum", 1).with_constant_integers([0])).unwrap().operation;
        let mut builder = NetworkBuilder::new();
        builder.input("x", [Some(3), Some(2)]).node("sum", sum, ["x"], "y").output("y");
        let summing = builder.build().unwrap();
        let error = summing.forward_batch(&[ArrayD::ones(vec![2, 2]).view()]).unwrap_err().to_string();
        assert!(error.contains("\"y\"") && error.contains("give exactly 3 samples"), "{error}");
        assert!(summing.forward_batch(&[ArrayD::ones(vec![3, 2]).view()]).is_ok());
        let vector = network_of_numbers().forward_batch(&[ArrayD::ones(vec![5]).view()]).unwrap_err().to_string();
        assert!(vector.contains("a multiple of 4"), "{vector}");
    }

    fn network_of_numbers() -> Network<f64> {
        let mut builder = NetworkBuilder::new();
        let relu = read::<f64>(&OperatorSpec::new("Relu", 1)).unwrap().operation;
        builder.input("x", [Some(4)]).node("relu", relu, ["x"], "y").output("y");
        builder.build().unwrap()
    }
}
