//! The inputs of a network, as its file declares them.

use std::collections::BTreeMap;
use std::fmt;

use crate::Error;

/// An input as the file declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputDeclaration {
    /// The input's name.
    pub name: String,
    /// Its dimensions; `None` where the file says nothing about the shape.
    pub dimensions: Option<Vec<Dimension>>,
    /// The type of its numbers, as ONNX names it: `"FLOAT"`. They are read as floating-point numbers, whatever it is.
    pub element_type: String,
}

impl InputDeclaration {
    /// How many samples the input takes at a time, where that is fixed: its first dimension.
    pub fn fixed_samples(&self) -> Option<usize> {
        match self.dimensions.as_deref() {
            Some([Dimension::Fixed(samples), ..]) => Some(*samples),
            _ => None,
        }
    }

    /// The shape in which a batch of this shape goes through the network: with as many samples as it takes at a time, where
    /// that is fixed. Arrays of one axis stay as they are: one of another length is more likely wrong than short of samples.
    pub fn shape_for(&self, batch: &[usize]) -> Vec<usize> {
        let mut shape = batch.to_vec();
        if let (Some(samples), [first, _, ..]) = (self.fixed_samples(), shape.as_mut_slice()) {
            *first = samples;
        }
        shape
    }
}

/// A dimension of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// Always this size.
    Fixed(usize),
    /// Any size, the same wherever the name stands.
    Symbolic(String),
}

impl fmt::Display for Dimension {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => write!(formatter, "{size}"),
            Self::Symbolic(name) => write!(formatter, "{name}"),
        }
    }
}

/// The shapes of a network's inputs, by name.
///
/// ```
/// use model_files::InputShapes;
/// let shapes = InputShapes::new().with("image", [1, 3, 224, 224]);
/// assert_eq!(shapes.get("image"), Some(&[1, 3, 224, 224][..]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputShapes {
    shapes: BTreeMap<String, Vec<usize>>,
}

impl InputShapes {
    /// No shapes.
    pub fn new() -> Self {
        Self::default()
    }

    /// With the shape of one more input.
    #[must_use]
    pub fn with(mut self, input: impl Into<String>, shape: impl Into<Vec<usize>>) -> Self {
        self.shapes.insert(input.into(), shape.into());
        self
    }

    /// The shape of an input.
    pub fn get(&self, input: &str) -> Option<&[usize]> {
        self.shapes.get(input).map(Vec::as_slice)
    }

    /// The shapes that the declarations leave no doubt about: what is fixed, and 1 for a symbolic first dimension, the
    /// batch.
    ///
    /// # Errors
    /// [`Error::Input`] names the first dimension that can't be known.
    pub fn defaults(declarations: &[InputDeclaration]) -> Result<Self, Error> {
        let mut shapes = Self::new();
        for declaration in declarations {
            let refuse = |reason: String| Error::Input { input: declaration.name.clone(), reason };
            let Some(dimensions) = &declaration.dimensions else {
                return Err(refuse("the model does not say its shape: give it".to_owned()));
            };
            let size = |(axis, dimension): (usize, &Dimension)| match dimension {
                Dimension::Fixed(size) => Ok(*size),
                Dimension::Symbolic(_) if axis == 0 => Ok(1),
                Dimension::Symbolic(name) => Err(refuse(format!(
                    "its shape {} leaves {name:?} open (axis {axis}): give the shape of the input",
                    shape_text(dimensions)
                ))),
            };
            let shape = dimensions.iter().enumerate().map(size).collect::<Result<Vec<usize>, Error>>()?;
            shapes = shapes.with(&declaration.name, shape);
        }
        Ok(shapes)
    }

    /// Checks that there is a fitting shape for each declared input, and none for any other.
    ///
    /// # Errors
    /// [`Error::Input`] names the input, what it takes and what was given.
    pub fn check(&self, declarations: &[InputDeclaration]) -> Result<(), Error> {
        let mut symbols = BTreeMap::new();
        for declaration in declarations {
            let refuse = |reason: String| Error::Input { input: declaration.name.clone(), reason };
            let shape = self.get(&declaration.name).ok_or_else(|| refuse("no shape is given for it".to_owned()))?;
            let Some(dimensions) = &declaration.dimensions else { continue };
            let fits = dimensions.len() == shape.len()
                && dimensions.iter().zip(shape).all(|(dimension, &size)| match dimension {
                    Dimension::Fixed(fixed) => *fixed == size,
                    Dimension::Symbolic(name) => *symbols.entry(name).or_insert(size) == size,
                });
            if !fits {
                return Err(refuse(format!("the model takes {}, not {shape:?}", shape_text(dimensions))));
            }
        }
        match self.shapes.keys().find(|name| declarations.iter().all(|declaration| declaration.name != **name)) {
            None => Ok(()),
            Some(name) => {
                let known: Vec<&str> = declarations.iter().map(|declaration| declaration.name.as_str()).collect();
                Err(Error::Input { input: name.clone(), reason: format!("the model's inputs are {known:?}") })
            }
        }
    }
}

fn shape_text(dimensions: &[Dimension]) -> String {
    let sizes: Vec<String> = dimensions.iter().map(Dimension::to_string).collect();
    format!("[{}]", sizes.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(dimensions: Vec<Dimension>) -> Vec<InputDeclaration> {
        let element_type = "FLOAT".to_owned();
        vec![InputDeclaration { name: "image".to_owned(), dimensions: Some(dimensions), element_type }]
    }

    #[test]
    fn a_symbolic_batch_is_one_and_other_symbols_are_named() {
        let symbol = |name: &str| Dimension::Symbolic(name.to_owned());
        let known = images(vec![symbol("N"), Dimension::Fixed(3)]);
        assert_eq!(InputShapes::defaults(&known).unwrap().get("image"), Some(&[1, 3][..]));
        let open = images(vec![symbol("N"), Dimension::Fixed(3), symbol("height")]);
        let error = InputShapes::defaults(&open).unwrap_err().to_string();
        assert!(error.contains("\"image\"") && error.contains("\"height\" open (axis 2)"), "{error}");
    }

    #[test]
    fn a_fixed_number_of_samples_is_that_of_what_goes_through() {
        let fixed = &images(vec![Dimension::Fixed(8), Dimension::Fixed(3)])[0];
        assert_eq!((fixed.fixed_samples(), fixed.shape_for(&[5, 3])), (Some(8), vec![8, 3]));
        let open = &images(vec![Dimension::Symbolic("N".to_owned()), Dimension::Fixed(3)])[0];
        assert_eq!((open.fixed_samples(), open.shape_for(&[5, 3])), (None, vec![5, 3]));
        let vector = &images(vec![Dimension::Fixed(8)])[0];
        assert_eq!((vector.fixed_samples(), vector.shape_for(&[5])), (Some(8), vec![5]));
    }

    #[test]
    fn shapes_have_to_be_those_declared() {
        let symbol = |name: &str| Dimension::Symbolic(name.to_owned());
        let square = images(vec![Dimension::Fixed(1), symbol("side"), symbol("side")]);
        let check = |shape: &[usize]| InputShapes::new().with("image", shape).check(&square);
        assert!(check(&[1, 5, 5]).is_ok());
        for wrong in [&[2, 5, 5][..], &[1, 5, 6], &[1, 5]] {
            assert!(check(wrong).unwrap_err().to_string().contains("takes [1, side, side], not ["));
        }
        assert!(InputShapes::new().check(&square).unwrap_err().to_string().contains("no shape"));
        let other = InputShapes::new().with("image", [1, 5, 5]).with("mask", [1]).check(&square).unwrap_err();
        assert!(other.to_string().contains("\"mask\""));
    }
}
