//! Affine maps of each number alone, however they are written: part of the layer before them, or one operation.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ndarray::{ArrayD, ArrayViewD};

use crate::arrays::broadcast::broadcast_shape;
use crate::network::layout::{LARGEST_PROBE, positions};
use crate::network::{Factors, Network, NetworkBuilder, Node, NodeDraft, TensorId};
use crate::operation::{AffineMap, Family, Operation};
use crate::operations::{Affine, Sum};
use crate::{Error, Real};

/// The network with each run of affine maps by channel as one operation, or as part of the layer before it.
///
/// A run is a chain of operations `y = scale · x + shift` by constants that vary over channels alone, each of which feeds
/// the next only. Before anything else but such maps and rearrangements, on the network's own input, the constants may
/// vary as they like: each number still depends on one number of the input.
///
/// * Directly behind a layer with weights that feeds nothing else, or behind what rearranges its channels, the run becomes
///   part of the layer. A scale alone (LayerScale, or that of attention's queries) does not: relevance passes it, and the
///   layer's ε meets the layer's own sums.
/// * Elsewhere a run that scales anything, or shifts what was scaled or normalized, becomes an [`Affine`] operation,
///   through which relevance passes as through a batch normalization.
/// * Behind a tensor that is divided by a statistic of its own, it stays what it is: relevance passes the scale, and the
///   shift is an operand like another, as that of global response normalization.
/// * A run that only shifts is one addition: the constant is an operand like another.
/// * A run that changes nothing is left out.
///
/// # Errors
/// [`Error::Graph`] if a rewritten network were none.
pub(super) fn join<F: Real>(network: &Network<F>) -> Result<NetworkBuilder<F>, Error> {
    let mut network = network.clone();
    loop {
        let (builder, is_done) = join_once(&network);
        if is_done {
            return Ok(builder);
        }
        network = builder.build()?;
    }
}

/// The network with each run rewritten once, and whether that is all: when a run became part of a layer, a run behind what
/// rearranges it may be behind the layer now.
fn join_once<F: Real>(network: &Network<F>) -> (NetworkBuilder<F>, bool) {
    let mut builder = network.to_builder();
    let mut is_done = true;
    if let Some(shapes) = network.typical_shapes() {
        let maps = Maps::of(network, &shapes);
        let mut outcomes = BTreeMap::new();
        for run in maps.runs() {
            let outcome = maps.outcome(&run, &outcomes);
            maps.rewrite(&run, &outcome, &mut builder);
            is_done &= !(matches!(outcome, Outcome::Folded(_)) && maps.is_rearranged(run.output));
            outcomes.extend(run.nodes.iter().map(|&node| (node, outcome.clone())));
        }
    }
    (builder, is_done)
}

/// A chain of affine maps.
struct Run<F> {
    /// The nodes' positions.
    nodes: Vec<usize>,
    source: TensorId,
    output: TensorId,
    /// All of them, one after another.
    map: AffineMap<F>,
}

/// What becomes of a run.
#[derive(Clone)]
enum Outcome<F: Real> {
    /// Part of the layer that gives its source.
    Folded(Fold<F>),
    /// Nothing.
    Dropped,
    /// One operation, which relevance passes through.
    Joined,
    /// One addition.
    Shift,
    /// What it was; whether it scales.
    Left { scales: bool },
}

/// A layer that takes a run in.
#[derive(Clone)]
struct Fold<F: Real> {
    /// The tensor that the layer gives.
    layer: TensorId,
    with_run: Arc<dyn Operation<F>>,
}

/// The affine maps of a network.
struct Maps<'a, F: Real> {
    network: &'a Network<F>,
    shapes: &'a [Vec<usize>],
    /// By node: its computed operand, and the map.
    maps: Vec<Option<(TensorId, AffineMap<F>)>>,
    /// By tensor: whether nothing but affine maps and rearrangements lies between it and the network's input.
    raw: Vec<bool>,
    uses: Vec<usize>,
    /// By tensor: the position of the node that gives it, and of the last of those that take it.
    givers: Vec<Option<usize>>,
    takers: Vec<Option<usize>>,
    /// By tensor: whether an affine map takes it, rearranged or not.
    goes_on: Vec<bool>,
    factors: Factors<'a, F>,
}

impl<'a, F: Real> Maps<'a, F> {
    fn of(network: &'a Network<F>, shapes: &'a [Vec<usize>]) -> Self {
        let channels = network.channel_axes(shapes);
        let mut raw = vec![false; network.tensors().len()];
        network.inputs().iter().for_each(|input| raw[input.tensor.index()] = true);
        let mut maps = Vec::with_capacity(network.nodes().len());
        for node in network.nodes() {
            let map = map_of(network, node, shapes).filter(|(operand, map)| {
                raw[operand.index()] || map.is_by_channel(channels[operand.index()], shapes[operand.index()].len())
            });
            let moves = node.operation.family() == Family::Arrangement
                && node.operands.iter().all(|operand| raw[operand.index()]);
            raw[node.output.index()] = moves || map.as_ref().is_some_and(|(operand, _)| raw[operand.index()]);
            maps.push(map);
        }
        let tensors = network.tensors().len();
        let (mut givers, mut takers) = (vec![None; tensors], vec![None; tensors]);
        for (position, node) in network.nodes().iter().enumerate() {
            givers[node.output.index()] = Some(position);
            node.operands.iter().for_each(|operand| takers[operand.index()] = Some(position));
        }
        let mut goes_on = vec![false; tensors];
        for (node, map) in network.nodes().iter().zip(&maps).rev() {
            let moves = node.operation.family() == Family::Arrangement && node.operands.len() == 1;
            if map.is_some() || moves && goes_on[node.output.index()] {
                node.operands.iter().for_each(|operand| goes_on[operand.index()] = true);
            }
        }
        let (uses, factors) = (network.uses(), Factors::of(network));
        Self { network, shapes, maps, raw, uses, givers, takers, goes_on, factors }
    }

    fn runs(&self) -> Vec<Run<F>> {
        let mut taken = vec![false; self.maps.len()];
        let mut runs = Vec::new();
        for (position, node) in self.network.nodes().iter().enumerate() {
            let Some((source, map)) = self.maps[position].as_ref().filter(|_| !taken[position]) else { continue };
            let mut run = Run { nodes: vec![position], source: *source, output: node.output, map: map.clone() };
            while let Some((next, map)) = self.next(run.output) {
                run.map = run.map.then(map);
                run.output = self.network.nodes()[next].output;
                run.nodes.push(next);
                taken[next] = true;
            }
            runs.push(run);
        }
        runs
    }

    /// The affine map that is all that takes a tensor.
    fn next(&self, tensor: TensorId) -> Option<(usize, &AffineMap<F>)> {
        let next = self.takers[tensor.index()].filter(|_| self.uses[tensor.index()] == 1)?;
        self.maps[next].as_ref().map(|(_, map)| (next, map))
    }

    fn outcome(&self, run: &Run<F>, outcomes: &BTreeMap<usize, Outcome<F>>) -> Outcome<F> {
        if let Some(fold) = self.folded(run) {
            return Outcome::Folded(fold);
        }
        let (scales, shifts) = (run.map.scales(), run.map.shifts());
        if !scales && !shifts && !self.network.outputs().contains(&run.output) {
            return Outcome::Dropped;
        }
        let family = |&node: &usize| self.network.nodes()[node].operation.family();
        let adds = run.nodes.iter().any(|node| family(node) == Family::Sum);
        let normalizes = self.normalizes(run);
        // The shift behind a ratio that is no normalization as a whole stays an operand.
        if self.factors.is_normalized(run.source) {
            return Outcome::Left { scales: false };
        }
        let is_group = scales || normalizes || self.raw[run.source.index()] || self.is_scaled(run.source, outcomes);
        match (is_group, run.nodes.len()) {
            // Each of the operations lets relevance pass by itself.
            (true, _) if !adds && (run.nodes.len() == 1 || !shifts) => Outcome::Left { scales },
            (true, _) => Outcome::Joined,
            (false, 1) => Outcome::Left { scales },
            (false, _) => Outcome::Shift,
        }
    }

    fn normalizes(&self, run: &Run<F>) -> bool {
        run.nodes.iter().any(|&node| self.network.nodes()[node].operation.family() == Family::Normalization)
    }

    /// The layer with weights that gives a run's source, rearranged or not, and feeds nothing else, with the run in it.
    fn folded(&self, run: &Run<F>) -> Option<Fold<F>> {
        if !run.map.shifts() && !self.normalizes(run) && !self.goes_on[run.output.index()] {
            return None;
        }
        let way = self.way_from_a_layer(run.source)?;
        let layer = &self.network.nodes()[*way.first()?];
        let shape = &self.shapes[layer.output.index()];
        let axis = layer.operation.channel_axis(shape.len())?;
        let [scale, shift] = match way[1..] {
            [] => run.map.is_by_channel(Some(axis), shape.len()).then(|| run.map.by_channel(shape[axis]))?,
            _ => self.by_channel_behind(&way[1..], axis, run)?,
        };
        Some(Fold { layer: layer.output, with_run: layer.operation.followed_by(&scale, &shift)? })
    }

    /// The nodes from a layer with weights to a tensor, if they all but rearrange what the layer gives, and each feeds the
    /// next only.
    fn way_from_a_layer(&self, tensor: TensorId) -> Option<Vec<usize>> {
        let mut way = VecDeque::new();
        let mut tensor = tensor;
        loop {
            let giver = self.givers[tensor.index()].filter(|_| self.uses[tensor.index()] == 1)?;
            let node = &self.network.nodes()[giver];
            way.push_front(giver);
            match node.operands[..] {
                _ if node.operation.linear().is_some() => return Some(way.into()),
                [operand] if node.operation.family() == Family::Arrangement => tensor = operand,
                _ => return None,
            }
        }
    }

    /// Whether the last node that takes a tensor moves its numbers.
    fn is_rearranged(&self, tensor: TensorId) -> bool {
        let taker = self.takers[tensor.index()].map(|taker| &self.network.nodes()[taker]);
        taker.is_some_and(|taker| taker.operation.family() == Family::Arrangement)
    }

    /// Scale and shift for each channel of a layer, of a run behind what rearranges the layer's output: none if a channel's
    /// numbers get different ones, or if the run takes numbers that come from no channel, as padding does.
    fn by_channel_behind(&self, way: &[usize], axis: usize, run: &Run<F>) -> Option<[Vec<F>; 2]> {
        let first = &self.network.nodes()[*way.first()?];
        let shape = &self.shapes[first.operands[0].index()];
        let is_large = |tensor: TensorId| self.shapes[tensor.index()].iter().product::<usize>() > LARGEST_PROBE;
        if is_large(first.operands[0]) || is_large(run.source) {
            return None;
        }
        let moved = |offset: f64| {
            let rearrange =
                |array: ArrayD<F>, &node: &usize| self.network.nodes()[node].operation.forward(&[array.view()]);
            way.iter().fold(positions(shape, axis, offset), rearrange)
        };
        let (channels, probe) = (moved(0.0), moved(1.0));
        let source = &self.shapes[run.source.index()];
        let scales = run.map.scale().broadcast(source.as_slice())?;
        let shifts = run.map.shift().broadcast(source.as_slice())?;
        let mut maps = vec![None; shape[axis]];
        for (((&channel, &other), &scale), &shift) in channels.iter().zip(&probe).zip(scales).zip(shifts) {
            let known = maps.get_mut(channel.to_usize().filter(|_| other - channel == F::one())?)?;
            if *known.get_or_insert((scale, shift)) != (scale, shift) {
                return None;
            }
        }
        // What the rearrangement leaves out is used by nobody.
        let maps = maps.into_iter().map(|map| map.unwrap_or((F::one(), F::zero())));
        let (scales, shifts) = maps.unzip();
        Some([scales, shifts])
    }

    /// Whether a tensor is what a constant scale or a normalization gives, rearranged or not.
    fn is_scaled(&self, tensor: TensorId, outcomes: &BTreeMap<usize, Outcome<F>>) -> bool {
        let mut tensor = tensor;
        while let Some(position) = self.givers[tensor.index()] {
            let node = &self.network.nodes()[position];
            let family = node.operation.family();
            match (outcomes.get(&position), node.operands.as_slice(), &self.maps[position]) {
                (Some(Outcome::Folded(_) | Outcome::Shift), ..) => return false,
                (Some(Outcome::Joined), ..) => return true,
                (Some(Outcome::Left { scales }), ..) => return *scales || family == Family::Normalization,
                (Some(Outcome::Dropped), _, Some((operand, _))) => tensor = *operand,
                (None, &[operand], _) if family == Family::Arrangement => tensor = operand,
                _ => return family == Family::Normalization,
            }
        }
        false
    }

    fn rewrite(&self, run: &Run<F>, outcome: &Outcome<F>, builder: &mut NetworkBuilder<F>) {
        let name = |tensor: TensorId| self.network.tensor(tensor).name.clone();
        let (source, output) = (name(run.source), name(run.output));
        match outcome {
            Outcome::Left { .. } => {}
            Outcome::Folded(fold) => {
                let folded = self.remove(run, builder);
                let layer = name(fold.layer);
                if let Some(draft) = builder.nodes.iter_mut().find(|draft| draft.output == layer) {
                    draft.operation = Arc::clone(&fold.with_run);
                    draft.folded.extend(folded);
                }
                if let Some(draft) = builder.nodes.iter_mut().find(|draft| draft.output == source) {
                    draft.output = output;
                }
            }
            Outcome::Dropped => {
                self.remove(run, builder);
                let takers = builder.nodes.iter_mut().flat_map(|draft| &mut draft.operands);
                takers.filter(|operand| **operand == output).for_each(|operand| operand.clone_from(&source));
            }
            Outcome::Joined => self.replace(run, builder, Arc::new(Affine::new(run.map.clone())), vec![source]),
            Outcome::Shift => {
                let constant = format!("{output}.shift");
                builder.constant(constant.clone(), run.map.shift().clone());
                self.replace(run, builder, Arc::new(Sum::Add), vec![source, constant]);
            }
        }
    }

    /// Puts one operation in the place of a run's last node.
    fn replace(
        &self,
        run: &Run<F>,
        builder: &mut NetworkBuilder<F>,
        operation: Arc<dyn Operation<F>>,
        operands: Vec<String>,
    ) {
        let last = self.last(run);
        let output = self.network.tensor(run.output).name.clone();
        let place = builder.nodes.iter().position(|draft| draft.output == output).unwrap_or(builder.nodes.len());
        let mut folded = self.remove(run, builder);
        if run.nodes.len() == 1 {
            folded.clear();
        }
        let place = (place + 1).saturating_sub(run.nodes.len()).min(builder.nodes.len());
        builder.nodes.insert(place, NodeDraft { name: last.name.clone(), operation, operands, output, folded });
    }

    /// Takes a run's nodes out; what they were.
    fn remove(&self, run: &Run<F>, builder: &mut NetworkBuilder<F>) -> Vec<String> {
        let nodes = run.nodes.iter().map(|&node| &self.network.nodes()[node]);
        nodes
            .map(|node| {
                builder.nodes.retain(|draft| draft.output != self.network.tensor(node.output).name);
                format!("{} ({}) folded in", node.name, node.operation.kind())
            })
            .collect()
    }

    fn last(&self, run: &Run<F>) -> &Node<F> {
        let last = run.nodes.last().copied().unwrap_or_else(|| unreachable!("a run begins with a node"));
        &self.network.nodes()[last]
    }
}

/// The only computed operand of a node, and the affine map that the node makes of it, in its shape.
fn map_of<F: Real>(network: &Network<F>, node: &Node<F>, shapes: &[Vec<usize>]) -> Option<(TensorId, AffineMap<F>)> {
    let constants: Vec<Option<ArrayViewD<'_, F>>> = node
        .operands
        .iter()
        .map(|&operand| network.tensor(operand).constant.as_ref().map(|value| value.view()))
        .collect();
    let mut computed = node.operands.iter().zip(&constants).filter(|(_, constant)| constant.is_none());
    let (&operand, _) = computed.next()?;
    if computed.next().is_some() {
        return None;
    }
    let shape = &shapes[operand.index()];
    let map = node.operation.affine(&constants, shape.len())?;
    let joint = broadcast_shape(&[shape, map.scale().shape(), map.shift().shape()]).ok()?;
    (joint == *shape && shapes[node.output.index()] == *shape).then_some((operand, map))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, ArrayD};

    use super::*;
    use crate::network::Canonizer;
    use crate::operation::OperatorSpec;
    use crate::operations::read;
    use crate::operations::testing::numbers;

    /// A network of one input, of nodes as `(kind, operands, output)`; `[C]`-constants are (2, 1, 1), `[N]`-constants one
    /// number, `[P]`-constants one for each position, `[F]`-constants one for each number.
    fn network(nodes: &[(&str, &[&str], &str)], outputs: &[&str]) -> Network<f64> {
        let mut builder = NetworkBuilder::new();
        builder.input("x", [Some(1), Some(2), Some(3), Some(3)]);
        for (name, shape) in
            [("C", &[2, 1, 1][..]), ("C2", &[1, 2, 1, 1]), ("N", &[]), ("P", &[3, 3]), ("F", &[18]), ("1", &[])]
        {
            let value = numbers(shape, 5).mapv(|value| value.abs() + 0.5);
            builder.constant(name, if name == "1" { ArrayD::ones(shape) } else { value });
        }
        for (kind, operands, output) in nodes {
            let spec = OperatorSpec::new(*kind, operands.len());
            let list = |at: usize| Arc::new(Array1::from(vec![0.5 + at as f64, 2.0]).into_dyn());
            let spec = match *kind {
                "Conv" => spec.with_constant(Arc::new(numbers(&[2, 2, 1, 1], 3))),
                "BatchNormalization" => (0..4).fold(spec, |spec, at| spec.with_constant(list(at))),
                "Transpose" => spec.with_integers("perm", [0, 1, 3, 2]),
                "Pad" => spec.with_constant_integers([0, 0, 1, 1, 0, 0, 0, 0]),
                _ => spec,
            };
            builder.node(*output, read(&spec).unwrap().operation, operands.to_vec(), *output);
        }
        outputs.iter().for_each(|output| {
            builder.output(*output);
        });
        builder.build().unwrap()
    }

    /// The nodes that are left, as `kind output`; their network computes the same.
    fn joined(nodes: &[(&str, &[&str], &str)], outputs: &[&str]) -> Vec<String> {
        let network = network(nodes, outputs);
        let canonized = network.canonize(&Canonizer::ALL).unwrap();
        let x = numbers(&[1, 2, 3, 3], 8);
        let (plain, joined) = (network.forward(vec![x.clone()]).unwrap(), canonized.forward(vec![x]).unwrap());
        for (&plain_output, &joined_output) in network.outputs().iter().zip(canonized.outputs()) {
            let difference = &plain.value(plain_output) - &joined.value(joined_output);
            assert!(difference.iter().all(|difference| difference.abs() < 1e-12), "{nodes:?}");
        }
        let text = |node: &Node<f64>| format!("{} {}", node.operation.kind(), canonized.tensor(node.output).name);
        canonized.nodes().iter().map(text).collect()
    }

    #[test]
    fn a_run_behind_a_layer_that_feeds_nothing_else_is_part_of_it() {
        let runs: [&[(&str, &[&str], &str)]; 5] = [
            &[("BatchNormalization", &["z"], "y")],
            &[("Mul", &["z", "C"], "a"), ("Add", &["C2", "a"], "y")],
            &[("Sub", &["z", "C"], "a"), ("Div", &["a", "C2"], "y")],
            &[("Add", &["z", "C"], "y")],
            &[("Neg", &["z"], "a"), ("Sub", &["C", "a"], "b"), ("BatchNormalization", &["b"], "y")],
        ];
        for run in runs {
            let nodes = [&[("Conv", &["x"][..], "z")], run].concat();
            assert_eq!(joined(&nodes, &["y"]), ["Conv y"]);
        }
    }

    #[test]
    fn a_run_behind_the_rearranged_channels_of_a_layer_is_part_of_it() {
        let runs: [&[(&str, &[&str], &str)]; 3] = [
            &[("Transpose", &["z"], "t"), ("Mul", &["t", "C"], "a"), ("Add", &["C2", "a"], "y")],
            &[
                ("Mul", &["z", "C"], "a"),
                ("Transpose", &["a"], "t"),
                ("Add", &["t", "C"], "u"),
                ("Flatten", &["u"], "y"),
            ],
            &[("Flatten", &["z"], "t"), ("Mul", &["N", "t"], "a"), ("Add", &["N", "a"], "y")],
        ];
        for (run, left) in runs.into_iter().zip([&["Transpose y"][..], &["Transpose u", "Flatten y"], &["Flatten y"]]) {
            let nodes = [&[("Conv", &["x"][..], "z")], run].concat();
            assert_eq!(joined(&nodes, &["y"])[1..], *left);
        }
        // A constant for each number is none for each channel; what else is computed of the layer has no such scale; a
        // padding comes from no channel.
        let nodes: &[(&str, &[&str], &str)] =
            &[("Conv", &["x"], "z"), ("Flatten", &["z"], "t"), ("Mul", &["t", "F"], "y")];
        assert_eq!(joined(nodes, &["y"]), ["Conv z", "Flatten t", "Mul y"]);
        let nodes: &[(&str, &[&str], &str)] =
            &[("Conv", &["x"], "z"), ("Transpose", &["z"], "t"), ("Mul", &["t", "C"], "y")];
        assert_eq!(joined(nodes, &["y", "t"]), ["Conv z", "Transpose t", "Mul y"]);
        let nodes: &[(&str, &[&str], &str)] = &[("Conv", &["x"], "z"), ("Pad", &["z"], "t"), ("Add", &["t", "C"], "y")];
        assert_eq!(joined(nodes, &["y"]), ["Conv z", "Pad t", "Add y"]);
    }

    #[test]
    fn a_scale_alone_is_no_part_of_a_layer() {
        let conv: &[(&str, &[&str], &str)] = &[("Conv", &["x"], "z")];
        let after = |run: &[(&str, &[&str], &str)]| joined(&[conv, run].concat(), &["y"]);
        assert_eq!(after(&[("Mul", &["z", "C"], "y")]), ["Conv z", "Mul y"]);
        assert_eq!(after(&[("Flatten", &["z"], "t"), ("Mul", &["N", "t"], "y")]), ["Conv z", "Flatten t", "Mul y"]);
        assert_eq!(after(&[("Mul", &["z", "C"], "a"), ("Add", &["a", "x"], "y")]), ["Conv z", "Mul a", "Add y"]);
    }

    #[test]
    fn elsewhere_a_run_that_scales_and_shifts_is_one_operation() {
        let head: &[(&str, &[&str], &str)] = &[("Conv", &["x"], "z"), ("Relu", &["z"], "r")];
        let after = |run: &[(&str, &[&str], &str)]| joined(&[head, run].concat(), &["y"]).split_off(2);
        assert_eq!(after(&[("Mul", &["r", "C"], "a"), ("Add", &["a", "C2"], "y")]), ["Affine y"]);
        assert_eq!(after(&[("Sub", &["r", "C"], "a"), ("Div", &["a", "N"], "y")]), ["Affine y"]);
        assert_eq!(after(&[("BatchNormalization", &["r"], "y")]), ["BatchNormalization y"]);
        assert_eq!(after(&[("BatchNormalization", &["r"], "a"), ("Add", &["a", "C"], "y")]), ["Affine y"]);
        // A scale alone passes relevance by itself; a shift alone is an operand like another.
        assert_eq!(after(&[("Mul", &["r", "C"], "a"), ("Div", &["a", "N"], "y")]), ["Mul a", "Div y"]);
        assert_eq!(after(&[("Add", &["r", "C"], "y")]), ["Add y"]);
        assert_eq!(after(&[("Add", &["r", "C"], "a"), ("Sub", &["a", "N"], "y")]), ["Add y"]);
        // Constants that vary over positions are operands like another, also behind a scale.
        assert_eq!(after(&[("Mul", &["r", "C"], "a"), ("Add", &["a", "P"], "y")]), ["Mul a", "Add y"]);
        assert_eq!(after(&[("Mul", &["r", "1"], "a"), ("Relu", &["a"], "y")]), ["Relu y"]);
    }

    #[test]
    fn a_shift_behind_what_was_scaled_passes_whoever_else_takes_that() {
        let conv: &[(&str, &[&str], &str)] = &[("Conv", &["x"], "z"), ("Relu", &["z"], "r")];
        let twice = [conv, &[("Mul", &["r", "C"], "a"), ("Add", &["a", "C"], "y"), ("Relu", &["a"], "w")]].concat();
        assert_eq!(joined(&twice, &["y", "w"]), ["Conv z", "Relu r", "Mul a", "Affine y", "Relu w"]);
        let turned =
            [conv, &[("Mul", &["r", "C"], "a"), ("Transpose", &["a"], "t"), ("Add", &["t", "C"], "y")]].concat();
        assert_eq!(joined(&turned, &["y"]), ["Conv z", "Relu r", "Mul a", "Transpose t", "Affine y"]);
        // A scale in the layer's weights is no scale any more: one function, however it was written.
        let folded: &[(&str, &[&str], &str)] =
            &[("Conv", &["x"], "z"), ("Mul", &["z", "C"], "a"), ("Add", &["a", "C"], "y"), ("Relu", &["a"], "w")];
        assert_eq!(joined(folded, &["y", "w"]), ["Conv a", "Add y", "Relu w"]);
    }

    #[test]
    fn the_shift_behind_a_ratio_stays_an_operand() {
        let ratio: &[(&str, &[&str], &str)] = &[
            ("Conv", &["x"], "z"),
            ("Mul", &["z", "z"], "q"),
            ("GlobalAveragePool", &["q"], "m"),
            ("Sqrt", &["m"], "s"),
            ("Reciprocal", &["s"], "i"),
            ("Mul", &["z", "i"], "n"),
            ("Mul", &["n", "C"], "a"),
            ("Add", &["a", "C"], "y"),
        ];
        assert_eq!(joined(ratio, &["y"]).split_off(6), ["Mul a", "Add y"]);
    }

    #[test]
    fn before_the_first_layer_constants_may_vary_over_positions() {
        let nodes: &[(&str, &[&str], &str)] =
            &[("Sub", &["x", "P"], "a"), ("Transpose", &["a"], "t"), ("Add", &["t", "C"], "b"), ("Conv", &["b"], "y")];
        assert_eq!(joined(nodes, &["y"]), ["Affine a", "Transpose t", "Affine b", "Conv y"]);
    }

    #[test]
    fn a_layer_that_feeds_others_keeps_its_weights() {
        let nodes: &[(&str, &[&str], &str)] =
            &[("Conv", &["x"], "z"), ("BatchNormalization", &["z"], "y"), ("Relu", &["z"], "w")];
        assert_eq!(joined(nodes, &["y", "w"]), ["Conv z", "BatchNormalization y", "Relu w"]);
    }
}
