//! The operators that a network may have: those built in, and those of whoever uses the library.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::operation::{OperatorSpec, ParsedOperation};
use crate::operations::{self, KINDS};
use crate::{Error, Real};

/// Makes an operation of its specification.
type Read<F> = Arc<dyn Fn(&OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> + Send + Sync>;

/// The operators that a network may have: those of [`KINDS`], and further ones by name.
///
/// ```
/// use ndarray::{ArrayD, ArrayViewD};
/// use neural_lrp::operation::{OperatorSpec, ParsedOperation};
/// use neural_lrp::operations::Operators;
/// use neural_lrp::{Error, Family, Operation, Step};
///
/// /// `y = x / 2`
/// #[derive(Debug)]
/// struct Halve;
///
/// impl Operation<f64> for Halve {
///     fn to_spec(&self) -> OperatorSpec<f64> {
///         OperatorSpec::new("com.example:Halve", 1)
///     }
///     fn kind(&self) -> &'static str {
///         "com.example:Halve"
///     }
///     fn family(&self) -> Family {
///         Family::Activation
///     }
///     fn output_shape(&self, operands: &[&[usize]]) -> Result<Vec<usize>, Error> {
///         Ok(operands[0].to_vec())
///     }
///     fn forward(&self, operands: &[ArrayViewD<'_, f64>]) -> ArrayD<f64> {
///         operands[0].mapv(|x| x / 2.0)
///     }
///     fn gradient(&self, _: &Step<'_, f64>, upper: ArrayViewD<'_, f64>) -> Vec<ArrayD<f64>> {
///         vec![upper.mapv(|u| u / 2.0)]
///     }
/// }
///
/// let operators = Operators::new().with("com.example:Halve", |_| Ok(ParsedOperation::new(Halve, vec![0])));
/// let parsed = operators.read(&OperatorSpec::new("com.example:Halve", 1))?;
/// let x = ndarray::arr1(&[3.0]).into_dyn();
/// assert_eq!(parsed.operation.forward(&[x.view()])[0], 1.5);
/// assert!(operators.contains("Relu") && operators.contains("com.example:Halve"));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Operators<F: Real> {
    further: BTreeMap<String, Read<F>>,
}

impl<F: Real> Operators<F> {
    /// The operators that are built in.
    pub fn new() -> Self {
        Self { further: BTreeMap::new() }
    }

    /// Adds an operator by the name that files give it: `"com.example:Halve"`, its domain first, or a name of ONNX's own.
    ///
    /// It stands before a built-in operator of the same name.
    #[must_use]
    pub fn with(
        mut self,
        kind: impl Into<String>,
        read: impl Fn(&OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> + Send + Sync + 'static,
    ) -> Self {
        self.further.insert(kind.into(), Arc::new(read));
        self
    }

    /// Whether there is an operator of this name.
    pub fn contains(&self, kind: &str) -> bool {
        self.further.contains_key(kind) || KINDS.contains(&kind)
    }

    /// Makes the operation of a specification.
    ///
    /// # Errors
    /// As [`operations::read`].
    pub fn read(&self, spec: &OperatorSpec<F>) -> Result<ParsedOperation<F>, Error> {
        match self.further.get(&spec.kind) {
            Some(read) => operations::with_operands(spec, read(spec)?),
            None => operations::read(spec),
        }
    }
}

impl<F: Real> Default for Operators<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Real> fmt::Debug for Operators<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Operators").field("further", &self.further.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::Relu;

    #[test]
    fn an_operator_of_ones_own_stands_before_a_built_in_one() {
        let own = Operators::<f64>::new().with("Elu", |_| Ok(ParsedOperation::new(Relu, vec![0])));
        assert_eq!(own.read(&OperatorSpec::new("Elu", 1)).unwrap().operation.kind(), "Relu");
        assert_eq!(Operators::<f64>::new().read(&OperatorSpec::new("Elu", 1)).unwrap().operation.kind(), "Elu");
    }

    #[test]
    fn operands_that_are_not_given_are_refused() {
        let two = Operators::<f64>::new().with("Two", |_| Ok(ParsedOperation::new(Relu, vec![0, 1])));
        assert!(matches!(two.read(&OperatorSpec::new("Two", 1)), Err(Error::MissingInput { .. })));
        assert!(matches!(two.read(&OperatorSpec::new("Three", 1)), Err(Error::UnknownOperation { .. })));
    }
}
