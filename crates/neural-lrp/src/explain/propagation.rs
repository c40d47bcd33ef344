//! Algorithm 2: relevance, handed down from the output to the inputs.

use std::collections::{BTreeMap, btree_map};

use ndarray::{ArrayD, ArrayViewMutD, Axis};
use relevance::{Amount, Entry, Ledger, Sink};

use crate::arrays::memory::recycle;
use crate::arrays::order::Order;
use crate::explain::handing::{Arrived, Handing};
use crate::network::Activations;
use crate::network::{Direction, Network, Node, Stopwatch, TensorId};
use crate::rules::{self, Rule};
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
    /// Where relevance went, node by node: one for each sample, or one for all of them in a network that does not keep
    /// samples apart. Empty where a gradient was taken anywhere.
    pub ledgers: Vec<Ledger>,
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
        let books = self.samples_apart();
        let mut pass = Pass {
            activations: self,
            propagation: &propagation,
            pending: BTreeMap::new(),
            entries: Some(vec![Vec::new(); books]),
            books,
        };
        let mut initial = vec![Amount::default(); books];
        for (tensor, relevance) in &propagation.initial {
            self.check_initial(*tensor, relevance)?;
            let arrived = Arrived::new(relevance.clone(), books);
            add(&mut initial, &arrived.amounts);
            pass.add(*tensor, arrived);
        }
        let mut kept = BTreeMap::new();
        for (position, (node, rule)) in nodes.iter().zip(rules).enumerate().rev() {
            if let Some(upper) = pass.arrived(node.output, node.operation.kind())? {
                if propagation.keep.wants(node.output) {
                    kept.insert(node.output, Order::Standard.arrange(&upper.relevance.view()).into_owned());
                }
                let step = || pass.hand_down(node, rule, upper);
                Stopwatch::run(self.stopwatch(), position, Direction::Back, step)?;
            }
        }
        let mut delivered = vec![Amount::default(); books];
        for input in self.network().inputs() {
            if let Some(arrived) = pass.arrived(input.tensor, "input")? {
                add(&mut delivered, &arrived.amounts);
                kept.insert(input.tensor, Order::Standard.arrange_owned(arrived.relevance));
            }
        }
        let ledgers = match pass.entries {
            None => vec![Ledger::default(); books],
            Some(entries) => {
                let ends = initial.into_iter().zip(delivered);
                entries.into_iter().zip(ends).map(|(entries, (from, to))| Ledger::graph(entries, from, to)).collect()
            }
        };
        Ok(Relevances { tensors: kept, ledgers })
    }

    /// How many samples have books of their own; 1 where all have them together.
    fn samples_apart(&self) -> usize {
        let samples =
            self.network().inputs().first().and_then(|input| self.value(input.tensor).shape().first().copied());
        samples.filter(|_| self.network().keeps_samples_apart()).unwrap_or(1)
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
    pending: BTreeMap<TensorId, Arrived<F>>,
    /// The entries of each book; `None` once a gradient was taken.
    entries: Option<Vec<Vec<Entry>>>,
    /// How many books there are: one for each sample, or one for all.
    books: usize,
}

impl<F: Real> Pass<'_, F> {
    /// Adds relevance to that of a tensor.
    fn add(&mut self, tensor: TensorId, arrived: Arrived<F>) {
        match self.pending.entry(tensor) {
            btree_map::Entry::Vacant(place) => {
                place.insert(arrived);
            }
            btree_map::Entry::Occupied(mut before) => before.get_mut().add(arrived),
        }
    }

    /// The relevance of a tensor whose takers have all been visited, after its mask.
    fn arrived(&mut self, tensor: TensorId, kind: &str) -> Result<Option<Arrived<F>>, Error> {
        let Some(mut arrived) = self.pending.remove(&tensor) else { return Ok(None) };
        for mask in self.propagation.masks.iter().filter(|mask| mask.tensor == tensor) {
            let name = &self.activations.network().tensor(tensor).name;
            let upper = arrived.amounts.clone();
            let masked = self
                .mask_channels(&mut arrived.relevance, &mask.channels)
                .map_err(|reason| Error::Setting { what: "mask of tensor", given: name.clone(), reason })?;
            let stage = format!("mask at {name} ({kind})");
            arrived = Arrived { in_proportion: arrived.in_proportion, ..Arrived::new(arrived.relevance, self.books) };
            self.book(|book| {
                Entry::new(stage.clone(), upper[book], arrived.amounts[book]).with_sink(Sink::Masked, masked[book])
            });
        }
        Ok(Some(arrived))
    }

    fn hand_down(&mut self, node: &Node<F>, rule: &Rule, upper: Arrived<F>) -> Result<(), Error> {
        let (network, books) = (self.activations.network(), self.books);
        let stage = stage(network, node);
        if let Some(operand) = self.passed_to(node, rule) {
            self.book(|book| Entry::new(stage.clone(), upper.amounts[book], upper.amounts[book]));
            // Of a clipped tensor it is the clipped numbers that are meant: see `Activations::step_of_relevant`.
            let in_proportion = upper.in_proportion && node.operation.clips_to().is_some();
            self.add(operand, Arrived { in_proportion, ..upper });
            return Ok(());
        }
        let handing = Handing { activations: self.activations, node, rule, books };
        let handed = handing.hand_down(&upper)?;
        recycle(upper.relevance);
        let (mut lower, mut constants) = (vec![Amount::default(); books], vec![Amount::default(); books]);
        add(&mut constants, &handed.constants);
        for (operand, arrived) in handed.lower {
            add(&mut lower, &arrived.amounts);
            self.add(operand, arrived);
        }
        let Some(sinks) = handed.sinks else {
            self.entries = None;
            return Ok(());
        };
        self.book(|book| {
            let entry = Entry::new(stage.clone(), upper.amounts[book], lower[book]);
            let entry = sinks[book].iter().fold(entry, |entry, &(sink, amount)| entry.with_sink(sink, amount));
            match constants[book] {
                none if none == Amount::default() => entry,
                some => entry.with_sink(Sink::Constant, some),
            }
        });
        Ok(())
    }

    /// The operand that takes all relevance of a node as it is, where the rule says so: nothing has to be copied.
    fn passed_to(&self, node: &Node<F>, rule: &Rule) -> Option<TensorId> {
        rule.downcast_ref::<rules::Pass>()?;
        let &[operand] = node.operands.as_slice() else { return None };
        let is_computed = self.activations.network().tensor(operand).constant.is_none();
        let has_its_shape = || self.activations.value(operand).shape() == self.activations.value(node.output).shape();
        (is_computed && (node.operation.clips_to().is_some() || has_its_shape())).then_some(operand)
    }

    fn book(&mut self, entry: impl Fn(usize) -> Entry) {
        for (book, entries) in self.entries.iter_mut().flatten().enumerate() {
            entries.push(entry(book));
        }
    }

    /// Sets all channels but the open ones to zero; what they had, in each book.
    fn mask_channels(&self, relevance: &mut ArrayD<F>, open: &[usize]) -> Result<Vec<Amount>, String> {
        match self.books {
            1 => Ok(vec![mask_channels(&mut relevance.view_mut(), open)?]),
            _ => {
                relevance.axis_chunks_iter_mut(Axis(0), 1).map(|mut sample| mask_channels(&mut sample, open)).collect()
            }
        }
    }
}

fn add(sums: &mut [Amount], amounts: &[Amount]) {
    sums.iter_mut().zip(amounts).for_each(|(sum, &amount)| *sum += amount);
}

/// How a node is called in the ledger.
fn stage<F: Real>(network: &Network<F>, node: &Node<F>) -> String {
    let name = if node.name.is_empty() { &network.tensor(node.output).name } else { &node.name };
    format!("{name} ({})", node.operation.kind())
}

/// Sets all channels but the open ones to zero; what they had.
fn mask_channels<F: Real>(relevance: &mut ArrayViewMutD<'_, F>, open: &[usize]) -> Result<Amount, String> {
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
