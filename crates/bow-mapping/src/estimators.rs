//! Mappings as linfa's `Transformer`s.
//!
//! Its output is a type parameter, so that it can be a `Result`: local features that a mapping does not take are errors
//! here as everywhere.

use linfa::dataset::DatasetBase;
use linfa::traits::Transformer;
use ndarray::{Array2, ArrayBase, ArrayView2, Data, Ix2};

use crate::{Assignment, Error, Map, Mapping};

/// `m_(d)(l)` of local features, one a row: (L, D) to (L, V), all values written out.
///
/// Pooling and relevance want the [`Assignment`], which may be sparse: that is [`Map::assign`].
///
/// ```
/// use bow_mapping::{Codebook, Hard, Mapping};
/// use linfa::traits::Transformer;
/// use ndarray::array;
/// let mapping = Mapping::from(Hard::new(Codebook::new(array![[0.0, 0.0], [1.0, 1.0]])?));
/// assert_eq!(mapping.transform(&array![[0.9, 0.8], [0.1, 0.3]])?, array![[0.0, 1.0], [1.0, 0.0]]);
/// assert!(mapping.transform(&array![[0.9]]).is_err());
/// # Ok::<(), bow_mapping::Error>(())
/// ```
///
/// # Errors
/// Those of [`Map::assign`].
impl<S: Data<Elem = f64>> Transformer<&ArrayBase<S, Ix2>, Result<Array2<f64>, Error>> for Mapping {
    fn transform(&self, descriptors: &ArrayBase<S, Ix2>) -> Result<Array2<f64>, Error> {
        dense(self, descriptors.view())
    }
}

/// The same from an array by value, or from a view.
impl<S: Data<Elem = f64>> Transformer<ArrayBase<S, Ix2>, Result<Array2<f64>, Error>> for Mapping {
    fn transform(&self, descriptors: ArrayBase<S, Ix2>) -> Result<Array2<f64>, Error> {
        dense(self, descriptors.view())
    }
}

/// The records of a data set of local features become `m`. Targets and weights of the local features stay; names do
/// not, as in linfa's `with_records`.
///
/// ```
/// use bow_mapping::{Codebook, Hard, Mapping};
/// use linfa::prelude::*;
/// use ndarray::array;
/// let mapping = Mapping::from(Hard::new(Codebook::new(array![[0.0, 0.0], [1.0, 1.0]])?));
/// let features = Dataset::new(array![[0.9, 0.8], [0.1, 0.3]], array!["edge", "flat"]);
/// let mapped = mapping.transform(features.view())?; // or `features` itself
/// assert_eq!(mapped.records(), array![[0.0, 1.0], [1.0, 0.0]]);
/// assert_eq!(mapped.targets(), array!["edge", "flat"]);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
///
/// # Errors
/// Those of [`Map::assign`].
impl<S: Data<Elem = f64>, T> Transformer<DatasetBase<ArrayBase<S, Ix2>, T>, Result<DatasetBase<Array2<f64>, T>, Error>>
    for Mapping
{
    fn transform(&self, features: DatasetBase<ArrayBase<S, Ix2>, T>) -> Result<DatasetBase<Array2<f64>, T>, Error> {
        let mapped = dense(self, features.records.view())?;
        Ok(DatasetBase::new(mapped, features.targets).with_weights(features.weights))
    }
}

fn dense(mapping: &Mapping, descriptors: ArrayView2<'_, f64>) -> Result<Array2<f64>, Error> {
    Ok(match mapping.assign(descriptors)? {
        Assignment::Dense(values) => values,
        other => other.to_dense(),
    })
}

#[cfg(test)]
mod tests {
    use linfa::prelude::*;
    use ndarray::array;

    use super::*;
    use crate::test_data::random;
    use crate::{Codebook, Rank, RankOptions, Soft, SoftOptions};

    fn mappings() -> [Mapping; 2] {
        let codebook = || Codebook::new(random(7, 3, 1)).unwrap();
        [
            Rank::new(codebook(), RankOptions::default()).unwrap().into(),
            Soft::new(codebook(), SoftOptions::default()).unwrap().into(),
        ]
    }

    #[test]
    fn arrays_views_and_data_sets_become_the_dense_assignment() {
        let descriptors = random(19, 3, 2);
        for mapping in mappings() {
            let expected = mapping.assign(descriptors.view()).unwrap().to_dense();
            assert_eq!(mapping.transform(&descriptors).unwrap(), expected);
            assert_eq!(mapping.transform(descriptors.view()).unwrap(), expected);
            assert_eq!(mapping.transform(descriptors.clone()).unwrap(), expected);
            let weights = ndarray::Array1::linspace(0.0, 1.0, 19);
            let features = DatasetBase::from(descriptors.clone()).with_weights(weights.clone());
            let mapped = mapping.transform(features).unwrap();
            assert_eq!(mapped.records(), &expected);
            assert_eq!(mapped.weights(), weights.as_slice());
        }
    }

    #[test]
    fn local_features_that_a_mapping_does_not_take_are_errors() {
        for mapping in mappings() {
            for bad in [random(2, 4, 3), Array2::zeros((0, 3)), array![[0.0, f64::NAN, 0.0]]] {
                assert!(mapping.transform(&bad).is_err());
                assert!(mapping.transform(bad.view()).is_err());
                assert!(mapping.transform(DatasetBase::from(bad)).is_err());
            }
        }
    }
}
