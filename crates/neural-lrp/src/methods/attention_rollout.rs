//! Attention rollout.

use ndarray::{Array2, ArrayD, ArrayView4, Axis, Ix4, Slice};
use relevance::Ledger;

use crate::explain::{Explained, Forward, Keep, Propagation, Question};
use crate::network::{Activations, Attention, Network, Node, Part};
use crate::rules::{Flat, Redistribute, Rule};
use crate::{Composite, Error, Real};

/// How much of each patch arrives, by attention alone, where the scores are read (Abnar and Zuidema 2020).
///
/// ```text
/// r = eᵀ A'_L ⋯ A'_2 A'_1,     A'_l = ½ I + ½ mean_h A_{l,h}
/// ```
/// * `A_{l,h}` — the weights of head h in layer l, tokens × tokens, each row of which adds up to 1
/// * `e` — where scores are read: at the first token, if there are tokens beside those of patches; else at all of them alike
/// * `r` — what each token has; that of a patch is spread evenly over its pixels
///
/// For comparison: it knows neither values nor layers between attention, has no sign, and is the same for each class. What
/// tokens beside those of patches have is in no pixel.
///
/// # Errors
/// [`Error::Setting`] for networks that are no transformers of patches with the same tokens in each layer, and for questions
/// about inner tensors.
pub fn attention_rollout<F: Real>(forward: &Forward<'_, F>, question: &Question<F>) -> Result<Explained<F>, Error> {
    if let Some(name) = question.at.first() {
        let reason = "attention rollout has relevance at the inputs only; rules have it everywhere".into();
        return Err(Error::Setting { what: "tensor", given: name.clone(), reason });
    }
    let network = forward.explainer().network();
    let flat = Composite::new("attention-rollout").with("first-patch-embedding".parse()?, Flat::default());
    let rules = flat.assign(network)?;
    let mut nodes = network.nodes().iter().zip(&rules);
    let (embedding, _) = nodes.find(|(_, rule)| rule.name() == Flat::NAME).ok_or_else(|| {
        refused("its first layer with weights takes no patches: neither a convolution, nor dense for each of several patches")
    })?;
    let scores = scores(network)?;
    let parts = forward.parts().iter().map(|activations| of_part(activations, embedding, &scores, &rules));
    let parts = parts.collect::<Result<Vec<_>, Error>>()?;
    let ledgers = vec![Ledger::default(); parts.len()];
    let mut relevance: Vec<Vec<ArrayD<F>>> = network.inputs().iter().map(|_| Vec::new()).collect();
    for inputs in parts {
        relevance.iter_mut().zip(inputs).for_each(|(parts, part)| parts.push(part));
    }
    let relevance = relevance.into_iter().map(|parts| forward.joined(parts)).collect();
    Ok(Explained { relevance, at: Default::default(), ledgers, rules })
}

/// The softmax of attention, from the input on.
fn scores<F: Real>(network: &Network<F>) -> Result<Vec<&Node<F>>, Error> {
    let attention = Attention::of(network);
    let scores: Vec<_> = network.nodes().iter().filter(|node| attention.part(node) == Some(Part::Score)).collect();
    if scores.is_empty() { Err(refused("no softmax stands before a product of computed tensors")) } else { Ok(scores) }
}

/// The map of samples that went through the network together, for each input.
fn of_part<F: Real>(
    activations: &Activations<F>,
    embedding: &Node<F>,
    scores: &[&Node<F>],
    rules: &[Rule],
) -> Result<Vec<ArrayD<F>>, Error> {
    let network = activations.network();
    let embedded = activations.value(embedding.output);
    let (samples, channels) =
        (embedded.shape()[0], if embedding.operation.is_convolution() { 1 } else { embedded.ndim() - 1 });
    let patches = embedded.len() / (samples * embedded.shape()[channels]).max(1);
    let rolled = rolled(activations, scores, samples, patches)?;
    let mut spread = ArrayD::<F>::zeros(embedded.raw_dim());
    let width = F::of(spread.shape()[channels] as f64);
    for (mut spread, rolled) in spread.outer_iter_mut().zip(rolled.rows()) {
        for mut channel in spread.axis_iter_mut(Axis(channels - 1)) {
            channel.iter_mut().zip(rolled).for_each(|(spread, &share)| *spread = F::of(share) / width);
        }
    }
    let initial = vec![(embedding.output, spread)];
    let relevances = activations.propagate(Propagation { rules, initial, masks: &[], keep: Keep::Inputs })?;
    let mut tensors = relevances.tensors;
    let of_input =
        |tensor| tensors.remove(&tensor).unwrap_or_else(|| ArrayD::zeros(activations.value(tensor).raw_dim()));
    Ok(network.inputs().iter().map(|input| input.tensor).map(of_input).collect())
}

/// `r` at the patches, samples × patches.
fn rolled<F: Real>(
    activations: &Activations<F>,
    scores: &[&Node<F>],
    samples: usize,
    patches: usize,
) -> Result<Array2<f64>, Error> {
    let mut rolled: Option<Array2<f64>> = None;
    for node in scores.iter().rev() {
        let weights = activations.value(node.output);
        let weights = heads_apart(weights.shape(), samples)
            .filter(|shape| shape[3] >= patches && rolled.as_ref().is_none_or(|rolled| rolled.ncols() == shape[3]))
            .and_then(|shape| weights.to_shape(shape).ok())
            .ok_or_else(|| not_all_tokens(node, weights.shape(), patches))?;
        let weights = weights.view().into_dimensionality::<Ix4>().unwrap_or_else(|_| unreachable!("it has four axes"));
        let below = rolled.take().unwrap_or_else(|| read_out(samples, weights.len_of(Axis(3)), patches));
        rolled = Some(one_layer(&below, &weights));
    }
    let rolled = rolled.unwrap_or_else(|| unreachable!("there is a softmax"));
    let others = rolled.ncols() - patches;
    Ok(rolled.slice_axis(Axis(1), Slice::from(others..)).to_owned())
}

/// The shape samples × heads × tokens × tokens of attention's weights, which may have samples and heads in one axis.
fn heads_apart(shape: &[usize], samples: usize) -> Option<[usize; 4]> {
    let (&[rows, columns], leading) = (shape.last_chunk()?, shape.len() - 2);
    let leading: usize = shape[..leading].iter().product();
    (rows == columns && leading.is_multiple_of(samples.max(1)))
        .then(|| [samples, leading / samples.max(1), rows, columns])
}

/// `e`, for each sample.
fn read_out(samples: usize, tokens: usize, patches: usize) -> Array2<f64> {
    Array2::from_shape_fn((samples, tokens), |(_, token)| match tokens == patches {
        true => 1.0 / tokens as f64,
        false => f64::from(u8::from(token == 0)),
    })
}

/// `rᵀ A'` for each sample.
fn one_layer<F: Real>(above: &Array2<f64>, weights: &ArrayView4<'_, F>) -> Array2<f64> {
    let heads = weights.len_of(Axis(1)) as f64;
    let mut below = above * 0.5;
    for (sample, mut below) in below.outer_iter_mut().enumerate() {
        for head in weights.index_axis(Axis(0), sample).outer_iter() {
            for (&share, row) in above.row(sample).iter().zip(head.rows()) {
                below.zip_mut_with(&row, |below, weight| *below += 0.5 / heads * share * weight.as_());
            }
        }
    }
    below
}

fn not_all_tokens<F: Real>(node: &Node<F>, shape: &[usize], patches: usize) -> Error {
    refused(&format!(
        "the weights of {} have the shape {shape:?}; it takes tokens × tokens, the same in each layer, with one for each of \
         {patches} patches",
        node.name
    ))
}

fn refused(reason: &str) -> Error {
    Error::Setting { what: "method", given: "attention-rollout".into(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::{Array3, array};

    use super::*;
    use crate::explain::{Explainer, Initial, Target};
    use crate::network::NetworkBuilder;
    use crate::operation::OperatorSpec;
    use crate::operations::read;

    /// Two patches of two pixels, embedded in two channels; a class token if asked for; two layers of attention.
    fn transformer(with_class_token: bool) -> Network<f64> {
        let mut builder = NetworkBuilder::new();
        builder.input("x", [None, Some(2), Some(2)]).output("scores");
        builder.constant("token", array![[[0.5, -1.0]]].into_dyn());
        let mut node = |name: &str, spec: OperatorSpec<f64>, operands: &[&str]| {
            builder.node(name, read(&spec).unwrap().operation, operands.to_vec(), name);
        };
        let weights = Arc::new(array![[1.0, 0.5], [-0.25, 2.0]].into_dyn());
        node("embedding", OperatorSpec::new("MatMul", 1).with_constant(weights), &["x"]);
        match with_class_token {
            true => node("t0", OperatorSpec::new("Concat", 2).with_integer("axis", 1), &["token", "embedding"]),
            false => node("t0", OperatorSpec::new("Identity", 1), &["embedding"]),
        }
        for layer in 1..3 {
            let [below, turned, products, softmax, tokens] = [
                format!("t{}", layer - 1),
                format!("k{layer}"),
                format!("s{layer}"),
                format!("p{layer}"),
                format!("t{layer}"),
            ];
            node(&turned, OperatorSpec::new("Transpose", 1).with_integers("perm", [0, 2, 1]), &[&below]);
            node(&products, OperatorSpec::new("MatMul", 2), &[&below, &turned]);
            node(&softmax, OperatorSpec::new("Softmax", 1), &[&products]);
            node(&tokens, OperatorSpec::new("MatMul", 2), &[&softmax, &below]);
        }
        node("scores", OperatorSpec::new("Flatten", 1), &["t2"]);
        builder.build().unwrap()
    }

    fn rollout(network: &Network<f64>, batch: &Array3<f64>) -> (ArrayD<f64>, [ArrayD<f64>; 2]) {
        let explainer = Explainer::new(network).unwrap();
        let batch = batch.view().into_dyn();
        let forward = explainer.forward(batch).unwrap();
        let weights = ["p1", "p2"].map(|name| forward.value(explainer.network().find(name).unwrap()).unwrap());
        let explained = attention_rollout(&forward, &Initial::One(Target::Class(0)).into()).unwrap();
        (explained.relevance[0].clone(), weights)
    }

    fn batch() -> Array3<f64> {
        array![[[1.0, 0.5], [-0.5, 0.25]], [[0.0, 0.75], [0.5, 0.5]]]
    }

    #[test]
    fn it_is_a_product_of_matrices() {
        for with_class_token in [true, false] {
            let (map, [first, second]) = rollout(&transformer(with_class_token), &batch());
            let others = usize::from(with_class_token);
            let tokens = 2 + others;
            let mixed = |weights: &ArrayD<f64>, sample: usize, row: usize, column: usize| {
                0.5 * weights[[sample, row, column]] + 0.5 * f64::from(u8::from(row == column))
            };
            for sample in 0..2 {
                for patch in 0..2 {
                    let rolled = |from: usize| -> f64 {
                        (0..tokens)
                            .map(|token| {
                                mixed(&second, sample, from, token) * mixed(&first, sample, token, others + patch)
                            })
                            .sum()
                    };
                    let expected =
                        if with_class_token { rolled(0) } else { (0..tokens).map(rolled).sum::<f64>() / tokens as f64 };
                    // Flat, with its stabilizer: both pixels of a patch have the same.
                    for pixel in 0..2 {
                        let found = map[[sample, patch, pixel]];
                        assert!((found - expected / (2.0 + 1e-6)).abs() < 1e-12, "{found} {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn networks_without_patches_or_attention_are_refused() {
        let refusal = |nodes: &[(&str, &[&str], &str)]| {
            let mut builder = NetworkBuilder::<f64>::new();
            builder.input("x", [None, Some(2), Some(2)]).output(nodes.last().unwrap().2);
            for (kind, operands, output) in nodes {
                let spec = OperatorSpec::new(*kind, operands.len());
                let spec = if *kind == "MatMul" && operands.len() == 1 {
                    spec.with_constant(Arc::new(ArrayD::ones(vec![2, 2])))
                } else {
                    spec
                };
                builder.node(*output, read(&spec).unwrap().operation, operands.to_vec(), *output);
            }
            let explainer = Explainer::new(&builder.build().unwrap()).unwrap();
            let forward = explainer.forward(ArrayD::ones(vec![1, 2, 2]).view()).unwrap();
            attention_rollout(&forward, &Initial::One(Target::Class(0)).into()).unwrap_err().to_string()
        };
        let message = refusal(&[("MatMul", &["x"], "z"), ("Relu", &["z"], "a")]);
        assert!(message.contains("no softmax"), "{message}");
        let message = refusal(&[("Relu", &["x"], "a")]);
        assert!(message.contains("takes no patches"), "{message}");
    }
}
