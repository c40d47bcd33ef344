//! A network's file: what it takes, and its network for inputs of given shapes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model_files::{Dimension, InputDeclaration, InputShapes, Model};
use neural_lrp::{Network, Real};
use pixelwise::Kind;

use crate::failure::Failure;
use crate::inputs::quoted;
use crate::messages::{self, timed};
use crate::output::shape;

/// A network file, and the network of the last shapes that were asked for.
pub struct NetworkModel<F: Real> {
    model: Model<F>,
    last: Option<Last<F>>,
}

/// The network that was asked for last.
struct Last<F: Real> {
    shapes: Vec<Vec<usize>>,
    network: Arc<Network<F>>,
}

impl<F: Real> NetworkModel<F> {
    /// Reads a network whose weights are all numbers, whatever its format: what has to be explained.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let read = Self::read_any(path)?;
        match read.model.non_finite().first() {
            None => Ok(read),
            Some(broken) => Err(format!(
                "{}: {broken}: nothing can be explained by them; export the model again, or train it with a smaller \
                 learning rate",
                path.display()
            )
            .into()),
        }
    }

    /// Reads a network, and warns of weights that are no numbers.
    pub fn read_and_warn(path: &Path) -> Result<Self, Failure> {
        let read = Self::read_any(path)?;
        if let [first, others @ ..] = read.model.non_finite() {
            let more =
                if others.is_empty() { String::new() } else { format!("; {} more tensors likewise", others.len()) };
            messages::warn(format!("{}: {first}{more}: what is computed with them is no number", path.display()));
        }
        Ok(read)
    }

    fn read_any(path: &Path) -> Result<Self, Failure> {
        Kind::Network.require(path)?;
        let model = timed(format!("read {}", path.display()), || model_files::read(path))?;
        if let [first, rest @ ..] = model.left_out() {
            messages::note(format!(
                "Note: {} is a detector; what lists some of its boxes is left out, {first:?} and {} nodes behind it: \
                         its outputs are {}",
                path.display(),
                rest.len(),
                quoted(&model.outputs().iter().map(String::as_str).collect::<Vec<_>>())
            ));
        }
        Ok(Self { model, last: None })
    }

    /// What the network takes.
    pub fn inputs(&self) -> &[InputDeclaration] {
        self.model.inputs()
    }

    /// What else the file says.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        self.model.metadata()
    }

    /// The names of what the network gives.
    pub fn outputs(&self) -> &[String] {
        self.model.outputs()
    }

    /// The only input of a network that has one.
    pub fn only_input(&self) -> Result<&InputDeclaration, Failure> {
        match self.inputs() {
            [input] => Ok(input),
            inputs => {
                let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
                Err(format!(
                    "the network takes {} inputs, {}, where one is needed: explain and run take a file for each, NAME=FILE",
                    names.len(),
                    quoted(&names)
                )
                .into())
            }
        }
    }

    /// The network for inputs of these shapes, in the order of [`inputs`](Self::inputs). Where the number of samples is
    /// fixed, it is for that many.
    pub fn network(&mut self, shapes: &[&[usize]]) -> Result<Arc<Network<F>>, Failure> {
        if let Some(last) = &self.last
            && last.shapes.iter().map(Vec::as_slice).eq(shapes.iter().copied())
        {
            return Ok(Arc::clone(&last.network));
        }
        let network = Arc::new(self.made_for(shapes)?);
        let shapes = shapes.iter().map(|shape| shape.to_vec()).collect();
        self.last = Some(Last { shapes, network: Arc::clone(&network) });
        Ok(network)
    }

    /// The network for inputs of these shapes, and nothing else of the file.
    pub fn into_network(self, shapes: &[&[usize]]) -> Result<Network<F>, Failure> {
        self.made_for(shapes)
    }

    fn made_for(&self, shapes: &[&[usize]]) -> Result<Network<F>, Failure> {
        let named = self.model.inputs().iter().zip(shapes);
        let given =
            named.fold(InputShapes::new(), |given, (input, shape)| given.with(&input.name, input.shape_for(shape)));
        let shapes = shapes.iter().map(|lengths| shape(lengths)).collect::<Vec<_>>().join(", ");
        Ok(timed(format!("build the network for {shapes}"), || self.model.network(&given))?)
    }
}

/// A declared shape, as far as the file says it; a shape that it does not say has no axes.
pub fn declared_shape(input: &InputDeclaration) -> Vec<Option<usize>> {
    let length = |dimension: &Dimension| match dimension {
        Dimension::Fixed(length) => Some(*length),
        Dimension::Symbolic(_) => None,
    };
    input.dimensions.iter().flatten().map(length).collect()
}
