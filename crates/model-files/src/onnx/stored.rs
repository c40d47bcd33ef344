//! Constants where a file has them.

use std::path::Path;
use std::sync::Arc;

use ndarray::{Array1, arr0};
use neural_lrp::Real;
use neural_lrp::operation::{Attribute, Constant};
use rten_onnx::onnx::DataType;

use super::node::{plain_node, value_of};
use crate::messages::{self, AttributeValue};
use crate::{Error, initializer};

/// The place of a constant tensor's value.
pub(super) enum Stored<'a> {
    Tensor(&'a messages::Tensor<'a>),
    /// In an attribute of this Constant or ConstantOfShape node.
    Node(&'a messages::Node<'a>),
    /// The attribute of a function's node.
    Given(Attribute),
}

impl Stored<'_> {
    /// The type of the numbers of a tensor.
    pub(super) fn data_type(&self) -> Option<DataType> {
        match self {
            Self::Tensor(tensor) => tensor.data_type,
            Self::Node(node) => node.attributes.iter().find_map(|attribute| match &attribute.value {
                AttributeValue::Tensor(tensor) => tensor.data_type,
                _ => None,
            }),
            Self::Given(_) => None,
        }
    }

    pub(super) fn decode<F: Real>(&self, folder: &Path) -> Result<Constant<F>, Error> {
        let node = match self {
            Self::Tensor(tensor) => return initializer::decode(tensor, folder),
            Self::Given(attribute) => {
                let no_number = |text| Error::Graph(format!("the constant {text:?} of a function is no number"));
                return constant_of(attribute).map_err(no_number);
            }
            Self::Node(node) => node,
        };
        let attribute = node.attributes.iter().find(|attribute| attribute.name.starts_with("value"));
        match attribute.map(|attribute| &attribute.value) {
            Some(AttributeValue::Tensor(tensor)) => initializer::decode(tensor, folder).and_then(|value| match value {
                value if node.kind == "Constant" => Ok(value),
                value => single(value).ok_or_else(|| plain_node(node).refuse("its value should be a single number")),
            }),
            None if node.kind == "ConstantOfShape" => Ok(Constant::Real(Arc::new(arr0(F::zero()).into_dyn()))),
            other => other.and_then(value_of).and_then(|attribute| constant_of(&attribute).ok()).ok_or_else(|| {
                plain_node(node).refuse("it has no value of numbers; text and sparse values can't be used")
            }),
        }
    }
}

/// The constant that an attribute of numbers is; the text of one that has none.
fn constant_of<F: Real>(attribute: &Attribute) -> Result<Constant<F>, &str> {
    Ok(match attribute {
        Attribute::Integer(value) => Constant::Integer(arr0(*value).into_dyn()),
        Attribute::Integers(values) => Constant::Integer(Array1::from(values.clone()).into_dyn()),
        Attribute::Real(value) => Constant::Real(Arc::new(arr0(F::of(*value)).into_dyn())),
        Attribute::Reals(values) => {
            Constant::Real(Arc::new(values.iter().map(|&value| F::of(value)).collect::<Array1<F>>().into_dyn()))
        }
        Attribute::Text(text) => return Err(text),
    })
}

/// A constant of one number, without axes.
fn single<F: Real>(value: Constant<F>) -> Option<Constant<F>> {
    match value {
        Constant::Real(values) if values.len() == 1 => {
            values.first().map(|&value| Constant::Real(Arc::new(arr0(value).into_dyn())))
        }
        Constant::Integer(values) if values.len() == 1 => {
            values.first().map(|&value| Constant::Integer(arr0(value).into_dyn()))
        }
        _ => None,
    }
}
