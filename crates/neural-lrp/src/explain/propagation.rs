//! Algorithm 2: relevance, handed down from the output to the inputs.

use std::collections::BTreeMap;

use ndarray::{ArrayD, Axis};
use relevance::{Amount, Entry, Ledger, Sink};

use crate::arrays::contiguous::in_standard_layout;
use crate::network::Activations;
use crate::network::{Direction, Network, Node, Stopwatch, TensorId};
use crate::operation::amount::amount;
use crate::rules::Rule;
use crate::{Error, Real};

/// What one backward pass takes: a rule for each node, where it begins, and what is kept of it.
#[derive(Clone, Debug)]
pub struct Propagation<'a, F> {
    /// A rule for each node, in the order of [`Network::nodes`].
    pub rules: &'a [Rule],
    /// Where relevance begins, and how much of it.
    pub initial: Vec<(TensorId, ArrayD<F>)>,
    /// Masks, by tensor: conditional relevance.
    pub masks: &'a [Mask],
    /// Of which tensors relevance is kept, beside the inputs.
    pub keep: Keep,
}

/// The channels of a tensor through which relevance may pass; what the others have is booked as [`Sink::Masked`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// The tensor.
    pub tensor: TensorId,
    /// Its open channels, positions along axis 1 (along the only axis of a vector).
    pub channels: Vec<usize>,
}

/// Of which tensors relevance is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The network's inputs only.
    Inputs,
    /// The inputs and these.
    Tensors(Vec<TensorId>),
    /// All that relevance passes through.
    All,
}

impl Keep {
    fn wants(&self, tensor: TensorId) -> bool {
        match self {
            Self::Inputs => false,
            Self::Tensors(tensors) => tensors.contains(&tensor),
            Self::All => true,
        }
    }
}

/// What a backward pass gives.
#[derive(Clone, Debug)]
pub struct Relevances<F> {
    /// Relevance by tensor: the inputs, and what was to be kept. A tensor that no relevance came to is not in here.
    pub tensors: BTreeMap<TensorId, ArrayD<F>>,
    /// Where relevance went, node by node; empty where a gradient was taken anywhere.
    pub ledger: Ledger,
}

impl<F: Real> Activations<F> {
    /// One backward pass (Algorithm 2): each node hands the relevance of its output down to its operands by its rule
    /// (Eqs 56–61), and a tensor's relevance is the sum of what its takers hand down (Eq. 62).
    ///
    /// ```text
    /// for l = L−1, …, 1:   R^(l)_i = Σ_j R_{i←j}^(l,l+1)                    Bach et al. 2015, Algorithm 2, Eq. (62)
    /// ```
    ///
    /// # Errors
    /// Fewer or more rules than nodes, initial relevance of a wrong shape, a mask of channels that are not there, a rule that is not for its node.
    pub fn propagate(&self, propagation: Propagation<'_, F>) -> Result<Relevances<F>, Error> {
        let (nodes, rules) = (self.network().nodes(), propagation.rules);
        if nodes.len() != rules.len() {
            return Err(Error::Setting {
                what: "list of rules",
                given: format!("{} rules", rules.len()),
                reason: format!(
                    "the network has {} nodes, and each needs one: Composite::assign gives them",
                    nodes.len()
                ),
            });
        }
        let mut pass =
            Pass { activations: self, propagation: &propagation, pending: BTreeMap::new(), entries: Some(Vec::new()) };
        let mut initial = Amount::default();
        for (tensor, relevance) in &propagation.initial {
            self.check_initial(*tensor, relevance)?;
            initial += amount(&relevance.view());
            add(&mut pass.pending, *tensor, relevance.clone());
        }
        let mut kept = BTreeMap::new();
        for (position, (node, rule)) in nodes.iter().zip(rules).enumerate().rev() {
            if let Some(upper) = pass.arrived(node.output, node.operation.kind())? {
                let step = || pass.hand_down(node, rule, &upper);
                Stopwatch::run(self.stopwatch(), position, Direction::Back, step)?;
                if propagation.keep.wants(node.output) {
                    kept.insert(node.output, upper);
                }
            }
        }
        let mut delivered = Amount::default();
        for input in self.network().inputs() {
            if let Some(relevance) = pass.arrived(input.tensor, "input")? {
                delivered += amount(&relevance.view());
                kept.insert(input.tensor, relevance);
            }
        }
        let ledger = pass.entries.map(|entries| Ledger::graph(entries, initial, delivered)).unwrap_or_default();
        Ok(Relevances { tensors: kept, ledger })
    }

    fn check_initial(&self, tensor: TensorId, relevance: &ArrayD<F>) -> Result<(), Error> {
        let (expected, given) = (self.value(tensor).shape().to_vec(), relevance.shape());
        let reason = if given != expected {
            format!("it has shape {given:?}, the output that it is for {expected:?}")
        } else if relevance.iter().any(|value| !value.is_finite()) {
            "it holds numbers that are not finite".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::Setting { what: "initial relevance of", given: self.network().tensor(tensor).name.clone(), reason })
    }
}

/// A backward pass under way.
struct Pass<'a, F: Real> {
    activations: &'a Activations<F>,
    propagation: &'a Propagation<'a, F>,
    /// Relevance that arrived at tensors whose producer has not been visited yet.
    pending: BTreeMap<TensorId, ArrayD<F>>,
    /// `None` once a gradient was taken.
    entries: Option<Vec<Entry>>,
}

impl<F: Real> Pass<'_, F> {
    /// The relevance of a tensor whose takers have all been visited, after its mask.
    fn arrived(&mut self, tensor: TensorId, kind: &str) -> Result<Option<ArrayD<F>>, Error> {
        let Some(mut relevance) = self.pending.remove(&tensor) else { return Ok(None) };
        for mask in self.propagation.masks.iter().filter(|mask| mask.tensor == tensor) {
            let name = &self.activations.network().tensor(tensor).name;
            let upper = amount(&relevance.view());
            let masked = mask_channels(&mut relevance, &mask.channels).map_err(|reason| Error::Setting {
                what: "mask of tensor",
                given: name.clone(),
                reason,
            })?;
            let stage = format!("mask at {name} ({kind})");
            self.book(Entry::new(stage, upper, amount(&relevance.view())).with_sink(Sink::Masked, masked));
        }
        Ok(Some(relevance))
    }

    fn hand_down(&mut self, node: &Node<F>, rule: &Rule, upper: &ArrayD<F>) -> Result<(), Error> {
        let network = self.activations.network();
        let step = self.activations.step(node);
        let handed = rule
            .redistribute(node.operation.as_ref(), &step, upper.view())
            .map_err(|error| error.at(&node.name, node.operation.kind()))?;
        let (mut lower, mut constants) = (Amount::default(), Amount::default());
        for (&operand, relevance) in node.operands.iter().zip(handed.lower) {
            if network.tensor(operand).constant.is_some() {
                constants += amount(&relevance.view());
            } else {
                lower += amount(&relevance.view());
                add(&mut self.pending, operand, relevance);
            }
        }
        let Some(sinks) = handed.sinks else {
            self.entries = None;
            return Ok(());
        };
        let mut entry = Entry::new(stage(network, node), amount(&upper.view()), lower);
        for (sink, amount) in sinks {
            entry = entry.with_sink(sink, amount);
        }
        // A constant that is added is a bias by another name.
        let entry = if constants == Amount::default() { entry } else { entry.with_sink(Sink::Bias, constants) };
        self.book(entry);
        Ok(())
    }

    fn book(&mut self, entry: Entry) {
        if let Some(entries) = &mut self.entries {
            entries.push(entry);
        }
    }
}

/// How a node is called in the ledger.
fn stage<F: Real>(network: &Network<F>, node: &Node<F>) -> String {
    let name = if node.name.is_empty() { &network.tensor(node.output).name } else { &node.name };
    format!("{name} ({})", node.operation.kind())
}

fn add<F: Real>(pending: &mut BTreeMap<TensorId, ArrayD<F>>, tensor: TensorId, relevance: ArrayD<F>) {
    let relevance = in_standard_layout(relevance);
    match pending.get_mut(&tensor) {
        Some(sum) => *sum += &relevance,
        None => {
            pending.insert(tensor, relevance);
        }
    }
}

/// Sets all channels but the open ones to zero; what they had.
fn mask_channels<F: Real>(relevance: &mut ArrayD<F>, open: &[usize]) -> Result<Amount, String> {
    let axis = Axis(usize::from(relevance.ndim() > 1));
    let channels = relevance.shape().get(axis.index()).copied().unwrap_or(0);
    if let Some(channel) = open.iter().find(|&&channel| channel >= channels) {
        return Err(format!("there is no channel {channel}; the tensor has {channels}, counted from 0"));
    }
    let mut masked = Amount::default();
    for (channel, mut values) in relevance.axis_iter_mut(axis).enumerate() {
        if !open.contains(&channel) {
            masked += values.iter().map(|value| value.as_()).collect();
            values.fill(F::zero());
        }
    }
    Ok(masked)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::ArrayD;

    use super::*;
    use crate::explain::{Composite, Initial, Target};
    use crate::methods::testing::rectifier_network;
    use crate::rules::Gradient;

    #[test]
    fn each_node_needs_a_rule() {
        let explainer = rectifier_network();
        let forward = explainer.forward(ArrayD::ones(vec![1, 5]).view()).unwrap();
        let nodes = explainer.network().nodes().len();
        let propagate = |count: usize| {
            let rules = vec![Gradient.into(); count];
            let initial = vec![(explainer.explained(), ArrayD::ones(forward.scores().raw_dim()))];
            forward.parts()[0].propagate(Propagation { rules: &rules, initial, masks: &[], keep: Keep::Inputs })
        };
        propagate(nodes).unwrap();
        for wrong in [0, nodes - 1, nodes + 1] {
            let message = propagate(wrong).unwrap_err().to_string();
            assert!(
                message.contains(&format!("{wrong} rules")) && message.contains(&format!("{nodes} nodes")),
                "{message}"
            );
        }
    }

    #[test]
    fn a_watch_sees_every_node_and_changes_nothing() {
        let watch = Arc::new(Stopwatch::default());
        let plain = rectifier_network();
        let watched = plain.clone().with_stopwatch(Arc::clone(&watch));
        let [expected, found] = [&plain, &watched].map(|explainer| {
            let forward = explainer.forward(ArrayD::from_elem(vec![2, 5], 0.5).view()).unwrap();
            let question = Initial::Score(Target::Predicted).into();
            forward.explain(&Composite::named("epsilon-plus").unwrap(), &question).unwrap().relevance
        });
        assert_eq!(expected, found);
        assert_eq!(watch.take().len(), plain.network().nodes().len());
    }
}
