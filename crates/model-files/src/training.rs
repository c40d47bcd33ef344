//! Operators that do something else in training than when a network is used.

use neural_lrp::Real;
use neural_lrp::operation::Constant;

use crate::Error;
use crate::graph::Node;

/// Refuses a normalization by the statistics of what the network computes, and a Dropout that drops.
pub(crate) fn check<'c, F: Real>(node: &Node, constant: impl Fn(&str) -> Option<&'c Constant<F>>) -> Result<(), Error> {
    if node.kind == "BatchNormalization" && node.integer("training_mode", 0)? != 0 {
        return Err(node.refuse(
            "it is in training mode, and takes the statistics of what the network computes; export the model in \
             evaluation mode (model.eval())",
        ));
    }
    check_dropout(node, |position| node.input(position).and_then(&constant))
}

/// Refuses a Dropout that drops: whose third input is true, and whose ratio is not 0.
///
/// A flag that is not known in advance says that the network is in training, and here it is not.
pub(crate) fn check_dropout<'c, F: Real>(
    node: &Node,
    input: impl Fn(usize) -> Option<&'c Constant<F>>,
) -> Result<(), Error> {
    let is_training =
        |flag: &Constant<F>| matches!(flag, Constant::Integer(flag) if flag.iter().any(|&flag| flag != 0));
    let ratio = |ratio: &Constant<F>| match ratio {
        Constant::Real(ratio) => ratio.first().map_or(0.5, |ratio| ratio.as_()),
        Constant::Integer(ratio) => ratio.first().map_or(0.5, |&ratio| ratio as f64),
    };
    let ratio = input(1).map_or(0.5, ratio);
    if node.kind == "Dropout" && input(2).is_some_and(is_training) && ratio != 0.0 {
        return Err(node.refuse(format!(
            "it is in training mode, and drops {ratio} of its numbers; export the model in evaluation mode (model.eval())"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::arr0;

    use super::*;

    fn checked(ratio: f64, training: i64) -> Result<(), Error> {
        let values = [
            None,
            Some(Constant::Real(Arc::new(arr0(ratio).into_dyn()))),
            Some(Constant::Integer(arr0(training).into_dyn())),
        ];
        check_dropout(&Node::new("drop", "Dropout", &["x", "ratio", "training"], "y"), |position| {
            values[position].as_ref()
        })
    }

    #[test]
    fn a_dropout_is_refused_where_it_drops() {
        let message = checked(0.25, 1).unwrap_err().to_string();
        assert!(message.contains("\"drop\"") && message.contains("drops 0.25") && message.contains("model.eval()"));
        assert!(checked(0.0, 1).is_ok() && checked(0.25, 0).is_ok());
        let bare = Node::new("drop", "Dropout", &["x"], "y");
        assert!(check_dropout::<f64>(&bare, |_| None).is_ok());
    }
}
