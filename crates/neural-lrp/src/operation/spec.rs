//! An operation in words: its kind, attributes and constant inputs, as ONNX names them.
//!
//! Files of networks and operations meet here: a reader hands each node over as a [`OperatorSpec`], the operation's own
//! file makes an [`Operation`](crate::Operation) of it and words itself as one again. So that whoever adds an operation
//! writes one file, which is all that knows its attributes.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use ndarray::{ArrayD, Ix1};

use crate::{Error, Real};

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Integer(i64),
    /// A list of whole numbers.
    Integers(Vec<i64>),
    /// A number.
    Real(f64),
    /// A list of numbers.
    Reals(Vec<f64>),
    /// A word.
    Text(String),
}

/// The value of an input that does not change from image to image.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant<F> {
    /// Weights, biases, operands.
    Real(Arc<ArrayD<F>>),
    /// Shapes, axes, positions.
    Integer(ArrayD<i64>),
}

/// One input of an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<F> {
    /// An optional input that is left out.
    Absent,
    /// A tensor that is computed.
    Tensor,
    /// A value that is known.
    Constant(Constant<F>),
}

/// An operation as ONNX words it (the form of opset 25).
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorSpec<F> {
    /// The operator: `"Conv"`.
    pub kind: String,
    /// What the node says beside its inputs.
    pub attributes: BTreeMap<String, Attribute>,
    /// All inputs in ONNX's order, the constant ones with their value.
    pub inputs: Vec<Input<F>>,
}

impl<F: Real> OperatorSpec<F> {
    /// A spec without attributes, of `operands` computed inputs.
    pub fn new(kind: impl Into<String>, operands: usize) -> Self {
        let inputs = (0..operands).map(|_| Input::Tensor).collect();
        Self { kind: kind.into(), attributes: BTreeMap::new(), inputs }
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: Attribute) -> Self {
        self.attributes.insert(name.to_owned(), value);
        self
    }

    /// Adds an integer attribute.
    #[must_use]
    pub fn with_integer(self, name: &str, value: i64) -> Self {
        self.with(name, Attribute::Integer(value))
    }

    /// Adds a list of integers.
    #[must_use]
    pub fn with_integers(self, name: &str, values: impl IntoIterator<Item = i64>) -> Self {
        self.with(name, Attribute::Integers(values.into_iter().collect()))
    }

    /// Adds a number.
    #[must_use]
    pub fn with_real(self, name: &str, value: f64) -> Self {
        self.with(name, Attribute::Real(value))
    }

    /// Adds a word.
    #[must_use]
    pub fn with_text(self, name: &str, value: &str) -> Self {
        self.with(name, Attribute::Text(value.to_owned()))
    }

    /// Appends a constant input of numbers.
    #[must_use]
    pub fn with_constant(mut self, value: Arc<ArrayD<F>>) -> Self {
        self.inputs.push(Input::Constant(Constant::Real(value)));
        self
    }

    /// Appends a constant input of integers, a vector.
    #[must_use]
    pub fn with_constant_integers(mut self, values: impl IntoIterator<Item = i64>) -> Self {
        let values = ndarray::Array1::from_iter(values).into_dyn();
        self.inputs.push(Input::Constant(Constant::Integer(values)));
        self
    }

    /// Appends an input that is left out.
    #[must_use]
    pub fn with_absent(mut self) -> Self {
        self.inputs.push(Input::Absent);
        self
    }

    /// An integer attribute, or what ONNX takes where it is not given.
    ///
    /// # Errors
    /// [`Error::Attribute`] when the attribute is something else.
    pub fn integer(&self, name: &str, default: i64) -> Result<i64, Error> {
        match self.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Integer(value)) => Ok(*value),
            Some(other) => Err(self.wrong(name, "an integer", other)),
        }
    }

    /// A list of integers; `None` where it is not given.
    ///
    /// # Errors
    /// As [`integer`](Self::integer).
    pub fn integers(&self, name: &str) -> Result<Option<&[i64]>, Error> {
        match self.attributes.get(name) {
            None => Ok(None),
            Some(Attribute::Integers(values)) => Ok(Some(values)),
            Some(other) => Err(self.wrong(name, "a list of integers", other)),
        }
    }

    /// A list of numbers of pixels (strides, kernel sizes, paddings), each at least `least`.
    ///
    /// # Errors
    /// [`Error::Attribute`] when it is something else, or holds smaller or absurdly large numbers.
    pub fn counts(&self, name: &str, least: usize) -> Result<Option<Vec<usize>>, Error> {
        let Some(values) = self.integers(name)? else { return Ok(None) };
        let counts = values
            .iter()
            .map(|&value| usize::try_from(value).ok().filter(|&count| count >= least && count <= LARGEST_COUNT));
        counts
            .collect::<Option<Vec<usize>>>()
            .map(Some)
            .ok_or_else(|| self.refuse(name, format!("{values:?}"), format!("numbers from {least} to {LARGEST_COUNT}")))
    }

    /// A number, or what ONNX takes where it is not given.
    ///
    /// # Errors
    /// As [`integer`](Self::integer).
    pub fn real(&self, name: &str, default: f64) -> Result<f64, Error> {
        match self.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Real(value)) => Ok(*value),
            Some(Attribute::Integer(value)) => Ok(*value as f64),
            Some(other) => Err(self.wrong(name, "a number", other)),
        }
    }

    /// A word, or what ONNX takes where it is not given.
    ///
    /// # Errors
    /// As [`integer`](Self::integer).
    pub fn text<'a>(&'a self, name: &str, default: &'a str) -> Result<&'a str, Error> {
        match self.attributes.get(name) {
            None => Ok(default),
            Some(Attribute::Text(value)) => Ok(value),
            Some(other) => Err(self.wrong(name, "a word", other)),
        }
    }

    /// Whether the input at `position` is given at all.
    pub fn has_input(&self, position: usize) -> bool {
        matches!(self.inputs.get(position), Some(Input::Tensor | Input::Constant(_)))
    }

    /// The constant numbers at input `position`; `None` where the input is left out.
    ///
    /// # Errors
    /// [`Error::NotConstant`] when the input is computed: this operation needs it in advance. [`Error::Attribute`] when
    /// it holds integers.
    pub fn constant(&self, position: usize, meaning: &'static str) -> Result<Option<Arc<ArrayD<F>>>, Error> {
        match self.inputs.get(position) {
            None | Some(Input::Absent) => Ok(None),
            Some(Input::Constant(Constant::Real(values))) => Ok(Some(Arc::clone(values))),
            Some(Input::Constant(Constant::Integer(values))) => {
                Err(self.refuse(meaning, format!("{values:?}"), "floating-point numbers".to_owned()))
            }
            Some(Input::Tensor) => Err(Error::NotConstant { kind: self.kind.clone(), input: meaning }),
        }
    }

    /// The constant numbers at input `position`, which must be given.
    ///
    /// # Errors
    /// As [`constant`](Self::constant); [`Error::MissingInput`] when it is left out.
    pub fn required_constant(&self, position: usize, meaning: &'static str) -> Result<Arc<ArrayD<F>>, Error> {
        self.constant(position, meaning)?.ok_or_else(|| Error::MissingInput { kind: self.kind.clone(), input: meaning })
    }

    /// The constant list of integers at input `position`; `None` where the input is left out.
    ///
    /// # Errors
    /// [`Error::NotConstant`] when the input is computed, [`Error::Attribute`] when it holds no integers.
    pub fn constant_integers(&self, position: usize, meaning: &'static str) -> Result<Option<Vec<i64>>, Error> {
        match self.inputs.get(position) {
            None | Some(Input::Absent) => Ok(None),
            Some(Input::Constant(Constant::Integer(values))) => Ok(Some(values.iter().copied().collect())),
            Some(Input::Constant(Constant::Real(values))) => {
                Err(self.refuse(meaning, format!("{values:?}"), "integers".to_owned()))
            }
            Some(Input::Tensor) => Err(Error::NotConstant { kind: self.kind.clone(), input: meaning }),
        }
    }

    /// A constant vector of numbers at input `position`, which must be given.
    ///
    /// # Errors
    /// As [`required_constant`](Self::required_constant), and [`Error::Attribute`] when it is no vector.
    pub fn required_vector(&self, position: usize, meaning: &'static str) -> Result<Vec<F>, Error> {
        let values = self.required_constant(position, meaning)?;
        match values.view().into_dimensionality::<Ix1>() {
            Ok(vector) => Ok(vector.to_vec()),
            Err(_) => {
                Err(self.refuse(meaning, format!("an array of shape {:?}", values.shape()), "a vector".to_owned()))
            }
        }
    }

    /// The one number of the constant input at `position`; `None` where it is left out.
    ///
    /// # Errors
    /// As [`constant`](Self::constant), and [`Error::Attribute`] for several numbers.
    pub fn single_number(&self, position: usize, meaning: &'static str) -> Result<Option<f64>, Error> {
        let Some(values) = self.constant(position, meaning)? else { return Ok(None) };
        match values.first() {
            Some(&value) if values.len() == 1 => Ok(Some(value.as_())),
            _ => Err(self.refuse(meaning, format!("{} numbers", values.len()), "one number")),
        }
    }

    /// Checks that all inputs are given, as many as the operation takes, and that the constant ones hold no integers.
    ///
    /// # Errors
    /// [`Error::MissingInput`] for one that is left out, [`Error::Attribute`] for too many or for integers.
    pub fn constants_are_numbers(&self, count: RangeInclusive<usize>) -> Result<(), Error> {
        self.are_given(count)?;
        self.inputs.iter().try_for_each(|input| match input {
            Input::Constant(Constant::Integer(_)) => Err(self.refuse("operand", "integers", "floating-point numbers")),
            _ => Ok(()),
        })
    }

    /// Checks that all inputs are given, as many as the operation takes, and that integers among the constant ones are such
    /// numbers as the network computes in.
    ///
    /// # Errors
    /// [`Error::MissingInput`] for one that is left out, [`Error::Attribute`] for too many or for integers that are too large.
    pub fn constants_are_exact(&self, count: RangeInclusive<usize>) -> Result<(), Error> {
        self.are_given(count)?;
        let is_exact = |&integer: &i64| integer.unsigned_abs() <= F::EXACT_INTEGERS.unsigned_abs();
        self.inputs.iter().try_for_each(|input| match input {
            Input::Constant(Constant::Integer(values)) => match values.iter().find(|integer| !is_exact(integer)) {
                Some(integer) => {
                    let expected = format!("integers from −{0} to {0}, which {1} has", F::EXACT_INTEGERS, F::NAME);
                    Err(self.refuse("operand", integer.to_string(), expected))
                }
                None => Ok(()),
            },
            _ => Ok(()),
        })
    }

    fn are_given(&self, count: RangeInclusive<usize>) -> Result<(), Error> {
        let missing = || Error::MissingInput { kind: self.kind.clone(), input: "operand" };
        if self.inputs.len() < *count.start() || self.inputs.contains(&Input::Absent) {
            return Err(missing());
        }
        if self.inputs.len() > *count.end() {
            let given = format!("{} inputs", self.inputs.len());
            return Err(self.refuse("list", given, format!("{} at most", count.end())));
        }
        Ok(())
    }

    /// The positions of the inputs that are computed.
    pub fn tensors(&self) -> Vec<usize> {
        let tensors = self.inputs.iter().enumerate().filter(|(_, input)| matches!(input, Input::Tensor));
        tensors.map(|(position, _)| position).collect()
    }

    /// An error about an attribute or constant of this operation.
    pub fn refuse(&self, name: &str, value: impl Into<String>, expected: impl Into<String>) -> Error {
        Error::attribute(&self.kind, name, value, expected)
    }

    fn wrong(&self, name: &str, expected: &str, found: &Attribute) -> Error {
        self.refuse(name, format!("{found:?}"), expected)
    }
}

/// Kernels, strides and paddings beyond this are mistakes or attacks, and would overflow sums of positions.
const LARGEST_COUNT: usize = 1 << 31;
