//! `--input-shape`: for which shapes a network is shown.

use clap::Args;
use model_files::{InputDeclaration, InputShapes};

use crate::failure::{Context, Failure};
use crate::inputs::quoted;

/// The shapes of a network's inputs, for verbs that are given none.
#[derive(Args)]
pub struct ShapeOptions {
    /// The shape of the input (of one of several: NAME=SHAPE), where the file leaves it open and not only the batch, which is 1 (repeatable)
    #[arg(long, value_name = "[NAME=]N,C,H,W")]
    input_shape: Vec<String>,
}

impl ShapeOptions {
    /// The shape of each input: as given, else what the file leaves no doubt about.
    pub fn of(&self, inputs: &[InputDeclaration]) -> Result<Vec<Vec<usize>>, Failure> {
        let given = self.input_shape.iter().map(|text| parse(text, inputs)).collect::<Result<Vec<_>, _>>()?;
        let shape = |input: &InputDeclaration| {
            if let Some((_, shape)) = given.iter().find(|(name, _)| *name == input.name) {
                return Ok(shape.clone());
            }
            let shapes = InputShapes::defaults(std::slice::from_ref(input));
            let shapes =
                shapes.context("the model can't be shown without --input-shape, as in --input-shape 1,3,224,224")?;
            Ok(shapes.get(&input.name).unwrap_or_default().to_vec())
        };
        inputs.iter().map(shape).collect()
    }
}

/// `1,3,224,224` or `NAME=1,3,224,224`.
fn parse<'a>(text: &'a str, inputs: &'a [InputDeclaration]) -> Result<(&'a str, Vec<usize>), Failure> {
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let (name, lengths) = match (text.rsplit_once('='), names.as_slice()) {
        (Some((name, lengths)), _) if names.contains(&name) => (name, lengths),
        (None, [name]) => (*name, text),
        _ => return Err(format!("--input-shape {text:?} names no input; the model has {}", quoted(&names)).into()),
    };
    let lengths = lengths.split([',', 'x', '×']).map(|length| length.trim().parse().ok().filter(|&length| length > 0));
    match lengths.collect::<Option<Vec<usize>>>() {
        Some(shape) => Ok((name, shape)),
        None => {
            Err(format!("--input-shape {text:?} should be lengths with commas between them, as 1,3,224,224").into())
        }
    }
}

#[cfg(test)]
mod tests {
    use model_files::Dimension;

    use super::*;

    fn input(name: &str, dimensions: Vec<Dimension>) -> InputDeclaration {
        InputDeclaration { name: name.to_owned(), dimensions: Some(dimensions), element_type: "FLOAT".to_owned() }
    }

    #[test]
    fn what_the_file_leaves_open_has_to_be_given() {
        let open = |name: &str| Dimension::Symbolic(name.to_owned());
        let inputs = [input("a", vec![open("N"), Dimension::Fixed(3)]), input("b", vec![open("N"), open("H")])];
        let shapes = |given: &[&str]| {
            ShapeOptions { input_shape: given.iter().map(|&text| text.to_owned()).collect() }.of(&inputs)
        };
        let message = shapes(&[]).unwrap_err().to_string();
        assert!(message.contains("--input-shape"), "{message}");
        assert_eq!(shapes(&["b=2,5"]).unwrap(), [vec![1, 3], vec![2, 5]]);
        assert!(shapes(&["2,5"]).unwrap_err().to_string().contains("\"a\", \"b\""));
        assert!(shapes(&["b=2,0"]).unwrap_err().to_string().contains("1,3,224,224"));
    }
}
